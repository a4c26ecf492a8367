/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ADD OR ADC SBB AND SUB XOR CMP TEST INC DEC NEG NOT. Intel SDM volume 2. */
#include "machine/guest/x86/integer/integer.h"
#include "machine/guest/x86/operand.h"

enum alu_op { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP, ALU_TEST };

/* The result, with the flags noted. `a` and `b` are of `size`. */
OPERAND_INLINE uint64_t alu(struct x86_cpu *c, enum alu_op op, unsigned size, uint64_t a,
                            uint64_t b)
{
    unsigned log2 = operand_log2(size);
    uint64_t mask = operand_mask(size), r;
    bool carry;

    switch (op) {
    case ALU_ADD:
        r = (a + b) & mask;
        x86_flags_lazy(c, LAZY_ADD, log2, r, b);
        return r;
    case ALU_ADC:
        carry = x86_carry_fast(c);
        r = (a + b + carry) & mask;
        x86_flags_lazy(c, carry ? LAZY_ADC : LAZY_ADD, log2, r, b);
        return r;
    case ALU_SUB:
    case ALU_CMP:
        r = (a - b) & mask;
        x86_flags_lazy(c, LAZY_SUB, log2, r, b);
        return r;
    case ALU_SBB:
        carry = x86_carry_fast(c);
        r = (a - b - carry) & mask;
        x86_flags_lazy(c, carry ? LAZY_SBB : LAZY_SUB, log2, r, b);
        return r;
    case ALU_OR: r = a | b; break;
    case ALU_XOR: r = a ^ b; break;
    default: r = a & b; break;
    }
    x86_flags_lazy(c, LAZY_LOGIC, log2, r, 0);
    return r;
}

static uint64_t locked_add(uint64_t old, const uint64_t *args)
{
    return old + args[0];
}

static uint64_t locked_or(uint64_t old, const uint64_t *args)
{
    return old | args[0];
}

static uint64_t locked_and(uint64_t old, const uint64_t *args)
{
    return old & args[0];
}

static uint64_t locked_xor(uint64_t old, const uint64_t *args)
{
    return old ^ args[0];
}

static uint64_t locked_neg(uint64_t old, const uint64_t *args)
{
    return -old;
}

/* ADC and SBB add and subtract the carry with `b`; flags come from alu() on the old value. */
static enum x86_status alu_locked(struct x86_cpu *c, const struct x86_insn *in, enum alu_op op,
                                  unsigned size, uint64_t b, uint64_t *ret_old)
{
    static const operand_op fn[] = {
        [ALU_ADD] = locked_add, [ALU_OR] = locked_or,   [ALU_ADC] = locked_add,
        [ALU_SBB] = locked_add, [ALU_AND] = locked_and, [ALU_SUB] = locked_add,
        [ALU_XOR] = locked_xor};
    bool carry = (op == ALU_ADC || op == ALU_SBB) && x86_carry_fast(c);
    uint64_t arg = op == ALU_ADC ? b + carry : op == ALU_SBB || op == ALU_SUB ? -(b + carry) : b;

    return operand_locked(c, in, x86_ea(c, in), size, fn[op], &arg, ret_old);
}

OPERAND_INLINE enum x86_status alu_to_memory(struct x86_cpu *c, const struct x86_insn *in,
                                             enum alu_op op, unsigned size, uint64_t b)
{
    struct operand_rmw m;
    enum x86_status st;

    if (op == ALU_CMP || op == ALU_TEST) {
        st = operand_load(c, in, size, &m.old);
        if (G_LIKELY(st == X86_OK)) {
            alu(c, op, size, m.old, b);
        }
        return st;
    }
    if (G_UNLIKELY(in->flags & INSN_LOCK)) {
        st = alu_locked(c, in, op, size, b, &m.old);
        if (st == X86_OK) {
            alu(c, op, size, m.old, b);
        }
        return st;
    }
    st = operand_rmw_begin(c, in, size, &m);
    return st == X86_OK ? operand_rmw_end(c, &m, size, alu(c, op, size, m.old, b)) : st;
}

OPERAND_INLINE enum x86_status alu_to_register(struct x86_cpu *c, const struct x86_insn *in,
                                               enum alu_op op, unsigned size, unsigned r,
                                               uint64_t b)
{
    uint64_t v = alu(c, op, size, operand_get(c, in, r, size), b);

    if (op != ALU_CMP && op != ALU_TEST) {
        operand_set(c, in, r, size, v);
    }
    return X86_OK;
}

/* Forms: rg register <- register; mg memory <- register; gm register <- memory; ri, mi immediate */
#define ALU_SIZE(name, op, sfx, size)                                                       \
    enum x86_status insn_##name##_rg_##sfx(struct x86_cpu *c, const struct x86_insn *in)    \
    {                                                                                       \
        return alu_to_register(c, in, op, size, in->rm, operand_get(c, in, in->reg, size)); \
    }                                                                                       \
    enum x86_status insn_##name##_gr_##sfx(struct x86_cpu *c, const struct x86_insn *in)    \
    {                                                                                       \
        return alu_to_register(c, in, op, size, in->reg, operand_get(c, in, in->rm, size)); \
    }                                                                                       \
    enum x86_status insn_##name##_mg_##sfx(struct x86_cpu *c, const struct x86_insn *in)    \
    {                                                                                       \
        return alu_to_memory(c, in, op, size, operand_get(c, in, in->reg, size));           \
    }                                                                                       \
    enum x86_status insn_##name##_gm_##sfx(struct x86_cpu *c, const struct x86_insn *in)    \
    {                                                                                       \
        uint64_t b;                                                                         \
        enum x86_status st = operand_load(c, in, size, &b);                                 \
                                                                                            \
        return G_LIKELY(st == X86_OK) ? alu_to_register(c, in, op, size, in->reg, b) : st;  \
    }                                                                                       \
    enum x86_status insn_##name##_ri_##sfx(struct x86_cpu *c, const struct x86_insn *in)    \
    {                                                                                       \
        return alu_to_register(c, in, op, size, in->rm, in->imm & operand_mask(size));      \
    }                                                                                       \
    enum x86_status insn_##name##_mi_##sfx(struct x86_cpu *c, const struct x86_insn *in)    \
    {                                                                                       \
        return alu_to_memory(c, in, op, size, in->imm & operand_mask(size));                \
    }

#define ALU(name, op)        \
    ALU_SIZE(name, op, b, 1) \
    ALU_SIZE(name, op, w, 2) \
    ALU_SIZE(name, op, d, 4) \
    ALU_SIZE(name, op, q, 8)

ALU(add, ALU_ADD)
ALU(or, ALU_OR)
ALU(adc, ALU_ADC)
ALU(sbb, ALU_SBB)
ALU(and, ALU_AND)
ALU(sub, ALU_SUB)
ALU(xor, ALU_XOR)
ALU(cmp, ALU_CMP)
ALU(test, ALU_TEST)

enum unary_op { UNARY_INC, UNARY_DEC, UNARY_NEG, UNARY_NOT };

OPERAND_INLINE uint64_t unary(struct x86_cpu *c, enum unary_op op, unsigned size, uint64_t a)
{
    uint64_t mask = operand_mask(size), r;

    switch (op) {
    case UNARY_INC:
        r = (a + 1) & mask;
        x86_flags_lazy(c, LAZY_INC, operand_log2(size), r, x86_carry_fast(c));
        return r;
    case UNARY_DEC:
        r = (a - 1) & mask;
        x86_flags_lazy(c, LAZY_DEC, operand_log2(size), r, x86_carry_fast(c));
        return r;
    case UNARY_NEG:
        r = -a & mask;
        x86_flags_lazy(c, LAZY_SUB, operand_log2(size), r, a);
        return r;
    default: return ~a & mask;
    }
}

static enum x86_status unary_locked(struct x86_cpu *c, const struct x86_insn *in, enum unary_op op,
                                    unsigned size, uint64_t *ret_old)
{
    static const struct {
        operand_op fn;
        uint64_t arg;
    } row[] = {[UNARY_INC] = {locked_add, 1},
               [UNARY_DEC] = {locked_add, -1},
               [UNARY_NEG] = {locked_neg, 0},
               [UNARY_NOT] = {locked_xor, -1}};

    return operand_locked(c, in, x86_ea(c, in), size, row[op].fn, &row[op].arg, ret_old);
}

OPERAND_INLINE enum x86_status unary_rm(struct x86_cpu *c, const struct x86_insn *in,
                                        enum unary_op op, unsigned size)
{
    struct operand_rmw m;
    enum x86_status st;

    if (!(in->flags & INSN_MEM)) {
        operand_set(c, in, in->rm, size, unary(c, op, size, operand_get(c, in, in->rm, size)));
        return X86_OK;
    }
    if (in->flags & INSN_LOCK) {
        st = unary_locked(c, in, op, size, &m.old);
        if (st == X86_OK) {
            unary(c, op, size, m.old);
        }
        return st;
    }
    st = operand_rmw_begin(c, in, size, &m);
    return st == X86_OK ? operand_rmw_end(c, &m, size, unary(c, op, size, m.old)) : st;
}

#define UNARY(name, op)                                                           \
    enum x86_status insn_##name##_b(struct x86_cpu *c, const struct x86_insn *in) \
    {                                                                             \
        return unary_rm(c, in, op, 1);                                            \
    }                                                                             \
    enum x86_status insn_##name##_w(struct x86_cpu *c, const struct x86_insn *in) \
    {                                                                             \
        return unary_rm(c, in, op, 2);                                            \
    }                                                                             \
    enum x86_status insn_##name##_d(struct x86_cpu *c, const struct x86_insn *in) \
    {                                                                             \
        return unary_rm(c, in, op, 4);                                            \
    }                                                                             \
    enum x86_status insn_##name##_q(struct x86_cpu *c, const struct x86_insn *in) \
    {                                                                             \
        return unary_rm(c, in, op, 8);                                            \
    }

UNARY(inc, UNARY_INC)
UNARY(dec, UNARY_DEC)
UNARY(neg, UNARY_NEG)
UNARY(not, UNARY_NOT)

/* INC and DEC of the opcode's register (no 64-bit code). */
enum x86_status insn_inc_z_w(struct x86_cpu *c, const struct x86_insn *in)
{
    operand_set(c, in, in->reg, 2, unary(c, UNARY_INC, 2, operand_get(c, in, in->reg, 2)));
    return X86_OK;
}

enum x86_status insn_inc_z_d(struct x86_cpu *c, const struct x86_insn *in)
{
    operand_set(c, in, in->reg, 4, unary(c, UNARY_INC, 4, operand_get(c, in, in->reg, 4)));
    return X86_OK;
}

enum x86_status insn_dec_z_w(struct x86_cpu *c, const struct x86_insn *in)
{
    operand_set(c, in, in->reg, 2, unary(c, UNARY_DEC, 2, operand_get(c, in, in->reg, 2)));
    return X86_OK;
}

enum x86_status insn_dec_z_d(struct x86_cpu *c, const struct x86_insn *in)
{
    operand_set(c, in, in->reg, 4, unary(c, UNARY_DEC, 4, operand_get(c, in, in->reg, 4)));
    return X86_OK;
}
