/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ROL ROR RCL RCR SHL SHR SAR, SHLD SHRD. Intel SDM volume 2. */
#include "machine/guest/x86/integer/integer.h"
#include "machine/guest/x86/operand.h"

enum shift_op { SHIFT_ROL, SHIFT_ROR, SHIFT_RCL, SHIFT_RCR, SHIFT_SHL, SHIFT_SHR, SHIFT_SAR };

OPERAND_INLINE uint32_t result_flags(uint64_t r, unsigned bits)
{
    return (r == 0 ? FLAG_ZF : 0) | (r >> (bits - 1) & 1 ? FLAG_SF : 0) |
           (__builtin_parity(r & 0xff) ? 0 : FLAG_PF);
}

OPERAND_INLINE uint32_t carry_flags(bool carry, bool overflow)
{
    return (carry ? FLAG_CF : 0) | (overflow ? FLAG_OF : 0);
}

/* `count` is masked and not zero; bits past the operand's width read as 0 (SAR: as the sign). */
OPERAND_INLINE uint64_t shift_left(unsigned bits, uint64_t a, unsigned count, uint32_t *flags)
{
    uint64_t r = count >= bits ? 0 : (a << count) & operand_mask(bits / 8);
    bool carry = count <= bits && (a >> (bits - count) & 1);

    *flags = result_flags(r, bits) | carry_flags(carry, (r >> (bits - 1) & 1) ^ carry);
    return r;
}

OPERAND_INLINE uint64_t shift_right(unsigned bits, uint64_t a, unsigned count, uint32_t *flags)
{
    uint64_t r = count >= bits ? 0 : a >> count;
    bool carry = count <= bits && (a >> (count - 1) & 1);

    *flags = result_flags(r, bits) | carry_flags(carry, count == 1 && (a >> (bits - 1) & 1));
    return r;
}

OPERAND_INLINE uint64_t shift_arithmetic(unsigned bits, uint64_t a, unsigned count, uint32_t *flags)
{
    int64_t s = operand_signed(a, bits / 8);
    uint64_t r = (s >> count) & operand_mask(bits / 8);

    *flags = result_flags(r, bits) | carry_flags(s >> (count - 1) & 1, false);
    return r;
}

OPERAND_INLINE uint64_t rotate(enum shift_op op, unsigned bits, uint64_t a, unsigned count,
                               uint32_t *flags)
{
    unsigned left = (op == SHIFT_ROL ? count : bits - count % bits) % bits;
    uint64_t r = left ? ((a << left) | (a >> (bits - left))) & operand_mask(bits / 8) : a;
    bool top = r >> (bits - 1) & 1;

    *flags = op == SHIFT_ROL ? carry_flags(r & 1, top ^ (r & 1))
                             : carry_flags(top, top ^ (r >> (bits - 2) & 1));
    return r;
}

/* `count` < bits + 1 and not zero. */
OPERAND_INLINE uint64_t rotate_carry(enum shift_op op, unsigned bits, uint64_t a, unsigned count,
                                     bool carry, uint32_t *flags)
{
    uint64_t r;
    bool out;

    if (op == SHIFT_RCL) {
        out = a >> (bits - count) & 1;
        r = (count == bits ? 0 : a << count) | (uint64_t)carry << (count - 1) |
            (count > 1 ? a >> (bits + 1 - count) : 0);
    } else {
        out = a >> (count - 1) & 1;
        r = (count == bits ? 0 : a >> count) | (uint64_t)carry << (bits - count) |
            (count > 1 ? a << (bits + 1 - count) : 0);
    }
    r &= operand_mask(bits / 8);
    bool top = r >> (bits - 1) & 1;

    *flags = carry_flags(out, top ^ (op == SHIFT_RCL ? out : r >> (bits - 2) & 1));
    return r;
}

/* The result; a count of 0 leaves the flags. */
OPERAND_INLINE uint64_t shift(struct x86_cpu *c, enum shift_op op, unsigned size, uint64_t a,
                              unsigned count)
{
    unsigned bits = 8 * size;
    uint32_t flags, keep = 0;
    uint64_t r;

    count &= size == 8 ? 63 : 31;
    if ((op == SHIFT_RCL || op == SHIFT_RCR) && size < 4) {
        count %= bits + 1;
    }
    if (count == 0) {
        return a;
    }
    switch (op) {
    case SHIFT_SHL: r = shift_left(bits, a, count, &flags); break;
    case SHIFT_SHR: r = shift_right(bits, a, count, &flags); break;
    case SHIFT_SAR: r = shift_arithmetic(bits, a, count, &flags); break;
    case SHIFT_ROL:
    case SHIFT_ROR:
        r = rotate(op, bits, a, count, &flags);
        keep = FLAGS_ARITH & ~(FLAG_CF | FLAG_OF);
        break;
    default:
        r = rotate_carry(op, bits, a, count, x86_carry(c), &flags);
        keep = FLAGS_ARITH & ~(FLAG_CF | FLAG_OF);
        break;
    }
    x86_flags_set(c, flags | (keep ? x86_flags_get(c) & keep : 0));
    return r;
}

OPERAND_INLINE enum x86_status shift_rm(struct x86_cpu *c, const struct x86_insn *in,
                                        enum shift_op op, unsigned size, unsigned count)
{
    struct operand_rmw m;
    enum x86_status st;

    if (G_LIKELY(!(in->flags & INSN_MEM))) {
        operand_set(c, in, in->rm, size,
                    shift(c, op, size, operand_get(c, in, in->rm, size), count));
        return X86_OK;
    }
    st = operand_rmw_begin(c, in, size, &m);
    return st == X86_OK ? operand_rmw_end(c, &m, size, shift(c, op, size, m.old, count)) : st;
}

/* Forms: i by immediate, c by CL, 1 by one. */
#define SHIFT_SIZE(name, op, sfx, size)                                                 \
    enum x86_status insn_##name##_i_##sfx(struct x86_cpu *c, const struct x86_insn *in) \
    {                                                                                   \
        return shift_rm(c, in, op, size, in->imm);                                      \
    }                                                                                   \
    enum x86_status insn_##name##_c_##sfx(struct x86_cpu *c, const struct x86_insn *in) \
    {                                                                                   \
        return shift_rm(c, in, op, size, c->gpr[RCX]);                                  \
    }                                                                                   \
    enum x86_status insn_##name##_1_##sfx(struct x86_cpu *c, const struct x86_insn *in) \
    {                                                                                   \
        return shift_rm(c, in, op, size, 1);                                            \
    }

#define SHIFT(name, op)        \
    SHIFT_SIZE(name, op, b, 1) \
    SHIFT_SIZE(name, op, w, 2) \
    SHIFT_SIZE(name, op, d, 4) \
    SHIFT_SIZE(name, op, q, 8)

SHIFT(rol, SHIFT_ROL)
SHIFT(ror, SHIFT_ROR)
SHIFT(rcl, SHIFT_RCL)
SHIFT(rcr, SHIFT_RCR)
SHIFT(shl, SHIFT_SHL)
SHIFT(shr, SHIFT_SHR)
SHIFT(sar, SHIFT_SAR)

/*
 * Double shifts. 16-bit ones by more than 16 are undefined; as the processors do, the bits that
 * come in after `b` are those of `a` again.
 */
OPERAND_INLINE uint64_t shift_double(struct x86_cpu *c, bool left, unsigned size, uint64_t a,
                                     uint64_t b, unsigned count)
{
    unsigned bits = 8 * size;
    uint64_t r;
    bool carry;

    count &= size == 8 ? 63 : 31;
    if (count == 0) {
        return a;
    }
    if (size == 2) {
        uint64_t wide = left ? a << 32 | b << 16 | a : a << 32 | b << 16 | a;

        r = left ? wide << count >> 32 : wide >> count;
        carry = left ? wide >> (48 - count) & 1 : wide >> (count - 1) & 1;
        r &= 0xffff;
    } else if (left) {
        r = (a << count | b >> (bits - count)) & operand_mask(size);
        carry = a >> (bits - count) & 1;
    } else {
        r = (a >> count | b << (bits - count)) & operand_mask(size);
        carry = a >> (count - 1) & 1;
    }
    x86_flags_set(c, result_flags(r, bits) | carry_flags(carry, (a ^ r) >> (bits - 1) & 1));
    return r;
}

OPERAND_INLINE enum x86_status double_rm(struct x86_cpu *c, const struct x86_insn *in, bool left,
                                         unsigned size, unsigned count)
{
    uint64_t b = operand_get(c, in, in->reg, size);
    struct operand_rmw m;
    enum x86_status st;

    if (!(in->flags & INSN_MEM)) {
        operand_set(c, in, in->rm, size,
                    shift_double(c, left, size, operand_get(c, in, in->rm, size), b, count));
        return X86_OK;
    }
    st = operand_rmw_begin(c, in, size, &m);
    return st == X86_OK ? operand_rmw_end(c, &m, size, shift_double(c, left, size, m.old, b, count))
                        : st;
}

#define DOUBLE_SIZE(name, left, sfx, size)                                              \
    enum x86_status insn_##name##_i_##sfx(struct x86_cpu *c, const struct x86_insn *in) \
    {                                                                                   \
        return double_rm(c, in, left, size, in->imm);                                   \
    }                                                                                   \
    enum x86_status insn_##name##_c_##sfx(struct x86_cpu *c, const struct x86_insn *in) \
    {                                                                                   \
        return double_rm(c, in, left, size, c->gpr[RCX]);                               \
    }

#define DOUBLE(name, left)        \
    DOUBLE_SIZE(name, left, w, 2) \
    DOUBLE_SIZE(name, left, d, 4) \
    DOUBLE_SIZE(name, left, q, 8)

DOUBLE(shld, true)
DOUBLE(shrd, false)
