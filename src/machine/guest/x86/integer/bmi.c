/* SPDX-License-Identifier: GPL-2.0-or-later */
/* BMI1, BMI2, ADX, CRC32 and MOVBE. Intel SDM volume 2. */
#include "machine/guest/x86/integer/integer.h"
#include "machine/guest/x86/operand.h"

/* SF and ZF of the result and `carry`; OF, AF and PF clear (AF and PF are undefined). */
OPERAND_INLINE void set_flags(struct x86_cpu *c, unsigned size, uint64_t r, bool carry)
{
    x86_flags_set(c, (r == 0 ? FLAG_ZF : 0) | (r >> (8 * size - 1) & 1 ? FLAG_SF : 0) |
                         (carry ? FLAG_CF : 0));
}

enum bmi_op { BMI_BLSR, BMI_BLSMSK, BMI_BLSI };

OPERAND_INLINE enum x86_status andn(struct x86_cpu *c, const struct x86_insn *in, unsigned size)
{
    uint64_t v;
    enum x86_status st = operand_rm_get(c, in, size, &v);

    if (st == X86_OK) {
        v &= ~operand_get(c, in, in->vvvv, size);
        operand_set(c, in, in->reg, size, v);
        set_flags(c, size, v, false);
    }
    return st;
}

OPERAND_INLINE enum x86_status lowest(struct x86_cpu *c, const struct x86_insn *in, unsigned size,
                                      enum bmi_op op)
{
    uint64_t v, r;
    enum x86_status st = operand_rm_get(c, in, size, &v);

    if (st != X86_OK) {
        return st;
    }
    switch (op) {
    case BMI_BLSR: r = v & (v - 1); break;
    case BMI_BLSMSK: r = v ^ (v - 1); break;
    default: r = v & -v; break;
    }
    r &= operand_mask(size);
    operand_set(c, in, in->vvvv, size, r);
    set_flags(c, size, r, op == BMI_BLSI ? v != 0 : v == 0);
    return X86_OK;
}

OPERAND_INLINE enum x86_status bextr(struct x86_cpu *c, const struct x86_insn *in, unsigned size)
{
    uint64_t v, control = c->gpr[in->vvvv];
    unsigned start = control & 0xff, len = control >> 8 & 0xff;
    enum x86_status st = operand_rm_get(c, in, size, &v);

    if (st == X86_OK) {
        v = start < 8 * size ? v >> start : 0;
        v = len == 0 ? 0 : len < 8 * size ? v & (UINT64_MAX >> (64 - len)) : v;
        operand_set(c, in, in->reg, size, v);
        set_flags(c, size, v, false);
    }
    return st;
}

OPERAND_INLINE enum x86_status bzhi(struct x86_cpu *c, const struct x86_insn *in, unsigned size)
{
    uint64_t v;
    unsigned n = c->gpr[in->vvvv] & 0xff;
    enum x86_status st = operand_rm_get(c, in, size, &v);

    if (st == X86_OK) {
        v = n == 0 ? 0 : n < 8 * size ? v & (UINT64_MAX >> (64 - n)) : v;
        operand_set(c, in, in->reg, size, v);
        set_flags(c, size, v, n >= 8 * size);
    }
    return st;
}

OPERAND_INLINE enum x86_status deposit(struct x86_cpu *c, const struct x86_insn *in, unsigned size,
                                       bool extract)
{
    uint64_t mask, src = operand_get(c, in, in->vvvv, size), r = 0;
    enum x86_status st = operand_rm_get(c, in, size, &mask);

    if (st != X86_OK) {
        return st;
    }
    for (unsigned k = 0; mask; k++, mask &= mask - 1) {
        unsigned at = __builtin_ctzll(mask);

        r |= extract ? (src >> at & 1) << k : (src >> k & 1) << at;
    }
    operand_set(c, in, in->reg, size, r);
    return X86_OK;
}

OPERAND_INLINE enum x86_status mulx(struct x86_cpu *c, const struct x86_insn *in, unsigned size)
{
    uint64_t v;
    enum x86_status st = operand_rm_get(c, in, size, &v);

    if (st == X86_OK) {
        unsigned __int128 r = (unsigned __int128)v * operand_get(c, in, RDX, size);

        operand_set(c, in, in->vvvv, size, (uint64_t)r);
        operand_set(c, in, in->reg, size, (uint64_t)(r >> 8 * size));
    }
    return st;
}

enum shiftx_op { SHIFTX_SHL, SHIFTX_SHR, SHIFTX_SAR, SHIFTX_ROR };

OPERAND_INLINE enum x86_status shiftx(struct x86_cpu *c, const struct x86_insn *in, unsigned size,
                                      enum shiftx_op op, unsigned count)
{
    uint64_t v;
    enum x86_status st = operand_rm_get(c, in, size, &v);

    if (st != X86_OK) {
        return st;
    }
    count &= 8 * size - 1;
    switch (op) {
    case SHIFTX_SHL: v <<= count; break;
    case SHIFTX_SHR: v >>= count; break;
    case SHIFTX_SAR: v = operand_signed(v, size) >> count; break;
    case SHIFTX_ROR: v = count ? v >> count | v << (8 * size - count) : v; break;
    }
    operand_set(c, in, in->reg, size, v);
    return X86_OK;
}

OPERAND_INLINE enum x86_status add_carry(struct x86_cpu *c, const struct x86_insn *in,
                                         unsigned size, uint32_t flag)
{
    uint64_t v;
    enum x86_status st = operand_rm_get(c, in, size, &v);

    if (st == X86_OK) {
        uint32_t flags = x86_flags_get(c);
        unsigned __int128 r =
            (unsigned __int128)v + operand_get(c, in, in->reg, size) + !!(flags & flag);

        operand_set(c, in, in->reg, size, (uint64_t)r);
        x86_flags_set(c, (flags & ~flag) | ((uint64_t)(r >> 8 * size) & 1 ? flag : 0));
    }
    return st;
}

#define BMI_FN(name, sfx, call)                                                       \
    enum x86_status insn_##name##_##sfx(struct x86_cpu *c, const struct x86_insn *in) \
    {                                                                                 \
        return call;                                                                  \
    }

#define BMI_SIZE(sfx, size)                                              \
    BMI_FN(andn, sfx, andn(c, in, size))                                 \
    BMI_FN(blsr, sfx, lowest(c, in, size, BMI_BLSR))                     \
    BMI_FN(blsmsk, sfx, lowest(c, in, size, BMI_BLSMSK))                 \
    BMI_FN(blsi, sfx, lowest(c, in, size, BMI_BLSI))                     \
    BMI_FN(bextr, sfx, bextr(c, in, size))                               \
    BMI_FN(bzhi, sfx, bzhi(c, in, size))                                 \
    BMI_FN(pdep, sfx, deposit(c, in, size, false))                       \
    BMI_FN(pext, sfx, deposit(c, in, size, true))                        \
    BMI_FN(mulx, sfx, mulx(c, in, size))                                 \
    BMI_FN(shlx, sfx, shiftx(c, in, size, SHIFTX_SHL, c->gpr[in->vvvv])) \
    BMI_FN(shrx, sfx, shiftx(c, in, size, SHIFTX_SHR, c->gpr[in->vvvv])) \
    BMI_FN(sarx, sfx, shiftx(c, in, size, SHIFTX_SAR, c->gpr[in->vvvv])) \
    BMI_FN(rorx, sfx, shiftx(c, in, size, SHIFTX_ROR, in->imm))          \
    BMI_FN(adcx, sfx, add_carry(c, in, size, FLAG_CF))                   \
    BMI_FN(adox, sfx, add_carry(c, in, size, FLAG_OF))

BMI_SIZE(d, 4)
BMI_SIZE(q, 8)

/* CRC-32C, reflected polynomial. */
OPERAND_INLINE enum x86_status crc32(struct x86_cpu *c, const struct x86_insn *in, unsigned size)
{
    uint64_t v;
    uint32_t crc = c->gpr[in->reg];
    enum x86_status st = operand_rm_get(c, in, size, &v);

    if (st != X86_OK) {
        return st;
    }
    for (unsigned i = 0; i < size; i++) {
        crc ^= (uint8_t)(v >> 8 * i);
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
        }
    }
    c->gpr[in->reg] = crc;
    return X86_OK;
}

OPERAND_INLINE uint64_t swapped(uint64_t v, unsigned size)
{
    return __builtin_bswap64(v) >> (64 - 8 * size);
}

OPERAND_INLINE enum x86_status movbe_load(struct x86_cpu *c, const struct x86_insn *in,
                                          unsigned size)
{
    uint64_t v;
    enum x86_status st = operand_load(c, in, size, &v);

    if (st == X86_OK) {
        operand_set(c, in, in->reg, size, swapped(v, size));
    }
    return st;
}

BMI_FN(crc32, b, crc32(c, in, 1))
BMI_FN(crc32, w, crc32(c, in, 2))
BMI_FN(crc32, d, crc32(c, in, 4))
BMI_FN(crc32, q, crc32(c, in, 8))
BMI_FN(movbe_load, w, movbe_load(c, in, 2))
BMI_FN(movbe_load, d, movbe_load(c, in, 4))
BMI_FN(movbe_load, q, movbe_load(c, in, 8))
BMI_FN(movbe_store, w, operand_store(c, in, 2, swapped(operand_get(c, in, in->reg, 2), 2)))
BMI_FN(movbe_store, d, operand_store(c, in, 4, swapped(operand_get(c, in, in->reg, 4), 4)))
BMI_FN(movbe_store, q, operand_store(c, in, 8, swapped(operand_get(c, in, in->reg, 8), 8)))
