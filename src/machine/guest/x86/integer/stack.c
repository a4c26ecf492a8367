/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PUSH POP PUSHA POPA PUSHF POPF ENTER LEAVE. Intel SDM volume 2. */
#include "machine/guest/x86/integer/integer.h"
#include "machine/guest/x86/operand.h"
#include "machine/guest/x86/segment.h"

OPERAND_INLINE enum x86_status push_rm(struct x86_cpu *c, const struct x86_insn *in, unsigned size)
{
    uint64_t v;
    enum x86_status st = operand_rm_get(c, in, size, &v);

    return st == X86_OK ? operand_push(c, size, v) : st;
}

OPERAND_INLINE enum x86_status pop_register(struct x86_cpu *c, const struct x86_insn *in,
                                            unsigned size)
{
    uint64_t v;
    enum x86_status st = operand_pop(c, size, &v);

    if (G_LIKELY(st == X86_OK)) {
        operand_set(c, in, in->reg, size, v);
    }
    return st;
}

/* A destination addressed by rSP is computed with rSP after the pop. */
OPERAND_INLINE enum x86_status pop_rm(struct x86_cpu *c, const struct x86_insn *in, unsigned size)
{
    uint64_t v, sp = c->gpr[RSP];
    enum x86_status st = operand_pop(c, size, &v);

    if (st == X86_OK) {
        st = operand_rm_set(c, in, size, v);
        if (st != X86_OK) {
            c->gpr[RSP] = sp;
        }
    }
    return st;
}

#define STACK_SIZE(sfx, size)                                                        \
    enum x86_status insn_push_z_##sfx(struct x86_cpu *c, const struct x86_insn *in)  \
    {                                                                                \
        return operand_push(c, size, operand_get(c, in, in->reg, size));             \
    }                                                                                \
    enum x86_status insn_pop_z_##sfx(struct x86_cpu *c, const struct x86_insn *in)   \
    {                                                                                \
        return pop_register(c, in, size);                                            \
    }                                                                                \
    enum x86_status insn_push_i_##sfx(struct x86_cpu *c, const struct x86_insn *in)  \
    {                                                                                \
        return operand_push(c, size, in->imm & operand_mask(size));                  \
    }                                                                                \
    enum x86_status insn_push_rm_##sfx(struct x86_cpu *c, const struct x86_insn *in) \
    {                                                                                \
        return push_rm(c, in, size);                                                 \
    }                                                                                \
    enum x86_status insn_pop_rm_##sfx(struct x86_cpu *c, const struct x86_insn *in)  \
    {                                                                                \
        return pop_rm(c, in, size);                                                  \
    }

STACK_SIZE(w, 2)
STACK_SIZE(d, 4)
STACK_SIZE(q, 8)

/* A 32-bit push of a selector writes 16 bits and moves the stack pointer by four. */
static enum x86_status push_segment(struct x86_cpu *c, const struct x86_insn *in, unsigned seg)
{
    uint64_t sp = (c->gpr[RSP] - in->osize) & operand_sp_mask(c);
    enum x86_status st =
        x86_write(c, SEG_SS, sp, in->osize == 4 ? 2 : in->osize, c->seg[seg].selector);

    if (st == X86_OK) {
        operand_sp_set(c, sp);
    }
    return st;
}

static enum x86_status pop_segment(struct x86_cpu *c, const struct x86_insn *in, unsigned seg)
{
    uint64_t v, sp = c->gpr[RSP];
    enum x86_status st = operand_peek(c, 0, in->osize == 4 ? 2 : in->osize, &v);

    if (st == X86_OK) {
        /* The width of the stack pointer is that of the old SS. */
        operand_sp_set(c, sp + in->osize);
        st = x86_load_segment(c, seg, v);
    }
    if (st != X86_OK) {
        c->gpr[RSP] = sp;
        return st;
    }
    c->int_shadow = seg == SEG_SS ? SHADOW_ALL : SHADOW_NONE;
    return X86_END;
}

#define SEGMENT(name, seg)                                                         \
    enum x86_status insn_push_##name(struct x86_cpu *c, const struct x86_insn *in) \
    {                                                                              \
        return push_segment(c, in, seg);                                           \
    }

#define SEGMENT_POP(name, seg)                                                    \
    enum x86_status insn_pop_##name(struct x86_cpu *c, const struct x86_insn *in) \
    {                                                                             \
        return pop_segment(c, in, seg);                                           \
    }

SEGMENT(es, SEG_ES)
SEGMENT(cs, SEG_CS)
SEGMENT(ss, SEG_SS)
SEGMENT(ds, SEG_DS)
SEGMENT(fs, SEG_FS)
SEGMENT(gs, SEG_GS)
SEGMENT_POP(es, SEG_ES)
SEGMENT_POP(ss, SEG_SS)
SEGMENT_POP(ds, SEG_DS)
SEGMENT_POP(fs, SEG_FS)
SEGMENT_POP(gs, SEG_GS)

X86_INSN(insn_pusha)
{
    uint64_t old = c->gpr[RSP];

    for (unsigned r = RAX; r <= RDI; r++) {
        uint64_t v = (r == RSP ? old : c->gpr[r]) & operand_mask(in->osize);
        enum x86_status st = operand_push(c, in->osize, v);

        if (st != X86_OK) {
            c->gpr[RSP] = old;
            return st;
        }
    }
    return X86_OK;
}

X86_INSN(insn_popa)
{
    uint64_t v[8];

    for (unsigned i = 0; i < 8; i++) {
        enum x86_status st = operand_peek(c, i * in->osize, in->osize, &v[i]);

        if (st != X86_OK) {
            return st;
        }
    }
    for (unsigned i = 0; i < 8; i++) {
        if (RDI - i != RSP) {
            operand_set_wide(c, RDI - i, in->osize, v[i]);
        }
    }
    operand_sp_set(c, c->gpr[RSP] + 8 * in->osize);
    return X86_OK;
}

static bool iopl_faults(const struct x86_cpu *c)
{
    return (c->mode & MODE_VM86) && (c->rflags & FLAG_IOPL) != FLAG_IOPL;
}

X86_INSN(insn_pushf)
{
    uint64_t v = x86_rflags(c) & ~(uint64_t)(FLAG_VM | FLAG_RF);

    if (iopl_faults(c)) {
        return x86_raise_error(c, VEC_GP, 0);
    }
    return operand_push(c, in->osize, v & operand_mask(in->osize));
}

X86_INSN(insn_popf)
{
    uint64_t v;

    if (iopl_faults(c)) {
        return x86_raise_error(c, VEC_GP, 0);
    }
    enum x86_status st = operand_pop(c, in->osize, &v);

    if (st != X86_OK) {
        return st;
    }
    x86_rflags_write(c, v, x86_flags_mask(c, in->osize) & ~(uint64_t)(FLAG_VM | FLAG_RF));
    c->rflags &= ~FLAG_RF;
    return X86_END;
}

/* Copies the enclosing frame pointers of a nested ENTER; *sp is the stack pointer on the way. */
static enum x86_status copy_frames(struct x86_cpu *c, const struct x86_insn *in, unsigned level,
                                   uint64_t frame, uint64_t *sp)
{
    uint64_t mask = operand_sp_mask(c), bp = c->gpr[RBP], v;
    enum x86_status st = X86_OK;

    for (unsigned i = 1; i < level && st == X86_OK; i++) {
        bp -= in->osize;
        st = x86_read(c, SEG_SS, bp & mask, in->osize, &v);
        if (st == X86_OK) {
            *sp = (*sp - in->osize) & mask;
            st = x86_write(c, SEG_SS, *sp, in->osize, v);
        }
    }
    if (st == X86_OK) {
        *sp = (*sp - in->osize) & mask;
        st = x86_write(c, SEG_SS, *sp, in->osize, frame & operand_mask(in->osize));
    }
    return st;
}

X86_INSN(insn_enter)
{
    uint64_t mask = operand_sp_mask(c), old_sp = c->gpr[RSP];
    uint64_t sp = (old_sp - in->osize) & mask, frame, linear;
    unsigned level = in->imm2 & 31;
    enum x86_status st = x86_write(c, SEG_SS, sp, in->osize, c->gpr[RBP] & operand_mask(in->osize));

    frame = sp;
    if (st == X86_OK && level > 0) {
        st = copy_frames(c, in, level, frame, &sp);
    }
    if (st == X86_OK) {
        /* The new top of the stack must be writable. */
        sp = (sp - (uint16_t)in->imm) & mask;
        st = x86_linear(c, SEG_SS, sp, in->osize, true, &linear);
    }
    if (st == X86_OK) {
        st = x86_probe_write(c, linear, in->osize);
    }
    if (st != X86_OK) {
        return st;
    }
    operand_set_wide(c, RBP, in->osize, mask == 0xffff ? (c->gpr[RBP] & ~mask) | frame : frame);
    operand_sp_set(c, sp);
    return X86_OK;
}

X86_INSN(insn_leave)
{
    uint64_t v;
    enum x86_status st = x86_read(c, SEG_SS, c->gpr[RBP] & operand_sp_mask(c), in->osize, &v);

    if (st == X86_OK) {
        operand_sp_set(c, c->gpr[RBP] + in->osize);
        operand_set_wide(c, RBP, in->osize, v);
    }
    return st;
}
