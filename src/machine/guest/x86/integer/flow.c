/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Near and far JMP, CALL, RET; Jcc, LOOP, JCXZ, INT, BOUND, IRET. Intel SDM volume 2. */
#include "machine/guest/x86/integer/integer.h"
#include "machine/guest/x86/operand.h"
#include "machine/guest/x86/segment.h"

OPERAND_INLINE uint64_t next_rip(const struct x86_cpu *c, const struct x86_insn *in)
{
    uint64_t rip = c->rip + in->len;

    return (c->mode & MODE_CODE64) ? rip : (uint32_t)rip;
}

/* The target as the operand size cuts it; #GP(0) beyond the segment or not canonical. */
OPERAND_INLINE enum x86_status check_target(struct x86_cpu *c, unsigned osize, uint64_t *target)
{
    if (G_LIKELY(c->mode & MODE_CODE64)) {
        unsigned shift = (c->cr4 & CR4_LA57) ? 7 : 16;

        *target &= operand_mask(osize);
        if (G_UNLIKELY((uint64_t)((int64_t)(*target << shift) >> shift) != *target)) {
            return x86_raise_error(c, VEC_GP, 0);
        }
        return X86_OK;
    }
    *target &= operand_mask(osize == 2 ? 2 : 4);
    return *target > c->seg[SEG_CS].limit ? x86_raise_error(c, VEC_GP, 0) : X86_OK;
}

OPERAND_INLINE enum x86_status branch(struct x86_cpu *c, unsigned osize, uint64_t target)
{
    enum x86_status st = check_target(c, osize, &target);

    if (G_LIKELY(st == X86_OK)) {
        c->rip = target;
        return X86_BRANCH;
    }
    return st;
}

OPERAND_INLINE enum x86_status branch_relative(struct x86_cpu *c, const struct x86_insn *in)
{
    return branch(c, in->osize, c->rip + in->len + in->imm);
}

#define JUMP(cc)                                                              \
    enum x86_status insn_j_##cc(struct x86_cpu *c, const struct x86_insn *in) \
    {                                                                         \
        return operand_condition(c, cc) ? branch_relative(c, in) : X86_OK;    \
    }

JUMP(0)
JUMP(1)
JUMP(2)
JUMP(3)
JUMP(4)
JUMP(5)
JUMP(6)
JUMP(7)
JUMP(8)
JUMP(9)
JUMP(10)
JUMP(11)
JUMP(12)
JUMP(13)
JUMP(14)
JUMP(15)

X86_INSN(insn_jmp)
{
    return branch_relative(c, in);
}

OPERAND_INLINE enum x86_status call_to(struct x86_cpu *c, const struct x86_insn *in, unsigned osize,
                                       uint64_t target)
{
    enum x86_status st = check_target(c, osize, &target);

    if (G_LIKELY(st == X86_OK)) {
        st = operand_push(c, osize, next_rip(c, in) & operand_mask(osize));
    }
    if (G_LIKELY(st == X86_OK)) {
        c->rip = target;
        return X86_BRANCH;
    }
    return st;
}

OPERAND_INLINE enum x86_status call_indirect(struct x86_cpu *c, const struct x86_insn *in,
                                             unsigned size)
{
    uint64_t target;
    enum x86_status st = operand_rm_get(c, in, size, &target);

    return st == X86_OK ? call_to(c, in, size, target) : st;
}

OPERAND_INLINE enum x86_status jump_indirect(struct x86_cpu *c, const struct x86_insn *in,
                                             unsigned size)
{
    uint64_t target;
    enum x86_status st = operand_rm_get(c, in, size, &target);

    return st == X86_OK ? branch(c, size, target) : st;
}

OPERAND_INLINE enum x86_status return_near(struct x86_cpu *c, unsigned size, uint16_t release)
{
    uint64_t target;
    enum x86_status st = operand_peek(c, 0, size, &target);

    if (G_LIKELY(st == X86_OK)) {
        st = branch(c, size, target);
    }
    if (G_LIKELY(st == X86_BRANCH)) {
        operand_sp_set(c, c->gpr[RSP] + size + release);
    }
    return st;
}

#define FLOW_SIZE(sfx, size)                                                         \
    enum x86_status insn_call_##sfx(struct x86_cpu *c, const struct x86_insn *in)    \
    {                                                                                \
        return call_to(c, in, size, c->rip + in->len + in->imm);                     \
    }                                                                                \
    enum x86_status insn_call_rm_##sfx(struct x86_cpu *c, const struct x86_insn *in) \
    {                                                                                \
        return call_indirect(c, in, size);                                           \
    }                                                                                \
    enum x86_status insn_jmp_rm_##sfx(struct x86_cpu *c, const struct x86_insn *in)  \
    {                                                                                \
        return jump_indirect(c, in, size);                                           \
    }                                                                                \
    enum x86_status insn_ret_##sfx(struct x86_cpu *c, const struct x86_insn *in)     \
    {                                                                                \
        return return_near(c, size, 0);                                              \
    }                                                                                \
    enum x86_status insn_ret_i_##sfx(struct x86_cpu *c, const struct x86_insn *in)   \
    {                                                                                \
        return return_near(c, size, in->imm);                                        \
    }

FLOW_SIZE(w, 2)
FLOW_SIZE(d, 4)
FLOW_SIZE(q, 8)

/* rCX is as wide as the address size. `change`: LOOP counts it down. */
OPERAND_INLINE uint64_t count_register(struct x86_cpu *c, const struct x86_insn *in, bool change,
                                       uint64_t *ret_old)
{
    uint64_t mask = operand_mask(in->asize);

    *ret_old = c->gpr[RCX];
    if (change) {
        operand_set_wide(c, RCX, in->asize, (c->gpr[RCX] - 1) & mask);
    }
    return c->gpr[RCX] & mask;
}

static enum x86_status loop(struct x86_cpu *c, const struct x86_insn *in, bool condition)
{
    uint64_t old, count = count_register(c, in, true, &old);
    enum x86_status st = count != 0 && condition ? branch_relative(c, in) : X86_OK;

    if (st == X86_FAULT) {
        c->gpr[RCX] = old;
    }
    return st;
}

X86_INSN(insn_loop)
{
    return loop(c, in, true);
}

X86_INSN(insn_loope)
{
    return loop(c, in, operand_condition(c, 4));
}

X86_INSN(insn_loopne)
{
    return loop(c, in, operand_condition(c, 5));
}

X86_INSN(insn_jcxz)
{
    uint64_t old;

    return count_register(c, in, false, &old) == 0 ? branch_relative(c, in) : X86_OK;
}

/* What segment.h answers for a far transfer: RIP has been written. */
static enum x86_status transferred(enum x86_status st)
{
    return st == X86_OK ? X86_BRANCH : st;
}

X86_INSN(insn_jmp_far)
{
    return transferred(x86_far_jump(c, in->imm2, in->imm, in->osize, next_rip(c, in)));
}

X86_INSN(insn_call_far)
{
    return transferred(x86_far_call(c, in->imm2, in->imm, in->osize, next_rip(c, in)));
}

/* Mp: offset of the operand size, then the selector. */
static enum x86_status read_far(struct x86_cpu *c, const struct x86_insn *in, uint64_t *ret_off,
                                uint64_t *ret_selector)
{
    uint64_t at = x86_ea(c, in);
    enum x86_status st = x86_read(c, in->seg, at, in->osize, ret_off);

    return st == X86_OK
               ? x86_read(c, in->seg, (at + in->osize) & operand_mask(in->asize), 2, ret_selector)
               : st;
}

X86_INSN(insn_jmp_far_m)
{
    uint64_t off, selector;
    enum x86_status st = read_far(c, in, &off, &selector);

    if (st != X86_OK) {
        return st;
    }
    return transferred(x86_far_jump(c, selector, off, in->osize, next_rip(c, in)));
}

X86_INSN(insn_call_far_m)
{
    uint64_t off, selector;
    enum x86_status st = read_far(c, in, &off, &selector);

    if (st != X86_OK) {
        return st;
    }
    return transferred(x86_far_call(c, selector, off, in->osize, next_rip(c, in)));
}

X86_INSN(insn_ret_far)
{
    return transferred(x86_far_return(c, in->osize, in->imm));
}

X86_INSN(insn_iret)
{
    return transferred(x86_iret(c, in->osize, next_rip(c, in)));
}

/* Delivery of a software interrupt that faults has to find this instruction again. */
static enum x86_status soft(struct x86_cpu *c, const struct x86_insn *in, uint8_t vector)
{
    return x86_raise_soft(c, vector, next_rip(c, in));
}

X86_INSN(insn_int3)
{
    return soft(c, in, VEC_BP);
}

X86_INSN(insn_int)
{
    return soft(c, in, in->imm);
}

X86_INSN(insn_into)
{
    return operand_condition(c, 0) ? soft(c, in, VEC_OF) : X86_OK;
}

/* A debug exception whose DR6 says nothing. */
X86_INSN(insn_int1)
{
    c->rip = next_rip(c, in);
    return x86_raise_debug(c, 0);
}

X86_INSN(insn_ud)
{
    return x86_raise(c, VEC_UD);
}

X86_INSN(insn_bound)
{
    uint64_t at = x86_ea(c, in), low, high;
    enum x86_status st = x86_read(c, in->seg, at, in->osize, &low);

    if (st == X86_OK) {
        st = x86_read(c, in->seg, (at + in->osize) & operand_mask(in->asize), in->osize, &high);
    }
    if (st != X86_OK) {
        return st;
    }
    int64_t v = operand_signed(c->gpr[in->reg], in->osize);

    if (v < operand_signed(low, in->osize) || v > operand_signed(high, in->osize)) {
        return x86_raise(c, VEC_BR);
    }
    return X86_OK;
}
