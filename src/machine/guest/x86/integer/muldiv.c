/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MUL IMUL DIV IDIV, and the sign extensions of rAX that go with them. Intel SDM volume 2. */
#include "machine/guest/x86/integer/integer.h"
#include "machine/guest/x86/operand.h"

typedef unsigned __int128 u128;
typedef __int128 s128;

/* rDX:rAX, or AX for bytes. */
OPERAND_INLINE void set_wide(struct x86_cpu *c, unsigned size, uint64_t low, uint64_t high)
{
    if (size == 1) {
        operand_set_wide(c, RAX, 2, (uint8_t)low | (high & 0xff) << 8);
        return;
    }
    operand_set_wide(c, RAX, size, low);
    operand_set_wide(c, RDX, size, high);
}

OPERAND_INLINE enum x86_status multiply(struct x86_cpu *c, const struct x86_insn *in, unsigned size,
                                        bool is_signed)
{
    uint64_t b, a = c->gpr[RAX] & operand_mask(size), low, high;
    enum x86_status st = operand_rm_get(c, in, size, &b);

    if (st != X86_OK) {
        return st;
    }
    if (is_signed) {
        s128 r = (s128)operand_signed(a, size) * operand_signed(b, size);

        low = (uint64_t)r & operand_mask(size);
        high = (uint64_t)(r >> 8 * size) & operand_mask(size);
        set_wide(c, size, low, high);
        x86_flags_lazy(c, LAZY_MUL, operand_log2(size), low, high);
    } else {
        u128 r = (u128)a * b;

        high = (uint64_t)(r >> 8 * size) & operand_mask(size);
        low = (uint64_t)r & operand_mask(size);
        set_wide(c, size, low, high);
        x86_flags_lazy(c, LAZY_UMUL, operand_log2(size), low, high);
    }
    return X86_OK;
}

OPERAND_INLINE uint64_t multiply_short(struct x86_cpu *c, unsigned size, uint64_t a, uint64_t b)
{
    s128 r = (s128)operand_signed(a, size) * operand_signed(b, size);
    uint64_t low = (uint64_t)r & operand_mask(size);

    x86_flags_lazy(c, LAZY_MUL, operand_log2(size), low,
                   (uint64_t)(r >> 8 * size) & operand_mask(size));
    return low;
}

OPERAND_INLINE enum x86_status multiply_2(struct x86_cpu *c, const struct x86_insn *in,
                                          unsigned size)
{
    uint64_t b;
    enum x86_status st = operand_rm_get(c, in, size, &b);

    if (st == X86_OK) {
        operand_set(c, in, in->reg, size,
                    multiply_short(c, size, operand_get(c, in, in->reg, size), b));
    }
    return st;
}

OPERAND_INLINE enum x86_status multiply_3(struct x86_cpu *c, const struct x86_insn *in,
                                          unsigned size)
{
    uint64_t b;
    enum x86_status st = operand_rm_get(c, in, size, &b);

    if (st == X86_OK) {
        operand_set(c, in, in->reg, size, multiply_short(c, size, b, in->imm));
    }
    return st;
}

OPERAND_INLINE enum x86_status divide(struct x86_cpu *c, const struct x86_insn *in, unsigned size)
{
    uint64_t b, mask = operand_mask(size);
    enum x86_status st = operand_rm_get(c, in, size, &b);

    if (st != X86_OK) {
        return st;
    }
    u128 a = size == 1 ? (uint16_t)c->gpr[RAX]
                       : (u128)(c->gpr[RDX] & mask) << 8 * size | (c->gpr[RAX] & mask);

    if (b != 0 && size <= 4) { /* the host divides 64 bits in one instruction */
        uint64_t short_a = (uint64_t)a, q = short_a / b;

        if (q <= mask) {
            set_wide(c, size, q, short_a % b);
            return X86_OK;
        }
    }
    if (b == 0 || a / b > mask) {
        return x86_raise(c, VEC_DE);
    }
    set_wide(c, size, a / b, a % b);
    return X86_OK;
}

/* The dividend rDX:rAX as a signed number. */
OPERAND_INLINE s128 dividend(const struct x86_cpu *c, unsigned size)
{
    if (size == 1) {
        return (int16_t)c->gpr[RAX];
    }
    u128 high = (u128)(s128)operand_signed(c->gpr[RDX], size);

    return (s128)(high << 8 * size | (c->gpr[RAX] & operand_mask(size)));
}

OPERAND_INLINE enum x86_status divide_signed(struct x86_cpu *c, const struct x86_insn *in,
                                             unsigned size)
{
    uint64_t raw;
    enum x86_status st = operand_rm_get(c, in, size, &raw);

    if (st != X86_OK) {
        return st;
    }
    s128 a = dividend(c, size), b = operand_signed(raw, size);

    if (b == 0 || (b == -1 && a == (s128)((u128)1 << 127))) {
        return x86_raise(c, VEC_DE);
    }
    s128 q = a / b;

    if (q != operand_signed((uint64_t)q, size)) {
        return x86_raise(c, VEC_DE);
    }
    set_wide(c, size, q, a % b);
    return X86_OK;
}

#define MULDIV_SIZE(sfx, size)                                                    \
    enum x86_status insn_mul_##sfx(struct x86_cpu *c, const struct x86_insn *in)  \
    {                                                                             \
        return multiply(c, in, size, false);                                      \
    }                                                                             \
    enum x86_status insn_imul_##sfx(struct x86_cpu *c, const struct x86_insn *in) \
    {                                                                             \
        return multiply(c, in, size, true);                                       \
    }                                                                             \
    enum x86_status insn_div_##sfx(struct x86_cpu *c, const struct x86_insn *in)  \
    {                                                                             \
        return divide(c, in, size);                                               \
    }                                                                             \
    enum x86_status insn_idiv_##sfx(struct x86_cpu *c, const struct x86_insn *in) \
    {                                                                             \
        return divide_signed(c, in, size);                                        \
    }

#define MULTIPLY_SIZE(sfx, size)                                                   \
    enum x86_status insn_imul2_##sfx(struct x86_cpu *c, const struct x86_insn *in) \
    {                                                                              \
        return multiply_2(c, in, size);                                            \
    }                                                                              \
    enum x86_status insn_imul3_##sfx(struct x86_cpu *c, const struct x86_insn *in) \
    {                                                                              \
        return multiply_3(c, in, size);                                            \
    }

MULDIV_SIZE(b, 1)
MULDIV_SIZE(w, 2)
MULDIV_SIZE(d, 4)
MULDIV_SIZE(q, 8)
MULTIPLY_SIZE(w, 2)
MULTIPLY_SIZE(d, 4)
MULTIPLY_SIZE(q, 8)

/* CBW CWDE CDQE, CWD CDQ CQO */
#define EXTEND_SIZE(sfx, size)                                                         \
    enum x86_status insn_extend_##sfx(struct x86_cpu *c, const struct x86_insn *in)    \
    {                                                                                  \
        operand_set_wide(c, RAX, size, operand_signed(c->gpr[RAX], size / 2));         \
        return X86_OK;                                                                 \
    }                                                                                  \
    enum x86_status insn_extend_dx_##sfx(struct x86_cpu *c, const struct x86_insn *in) \
    {                                                                                  \
        operand_set_wide(c, RDX, size, operand_signed(c->gpr[RAX], size) >> 63);       \
        return X86_OK;                                                                 \
    }

EXTEND_SIZE(w, 2)
EXTEND_SIZE(d, 4)
EXTEND_SIZE(q, 8)
