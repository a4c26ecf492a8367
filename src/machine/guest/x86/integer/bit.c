/* SPDX-License-Identifier: GPL-2.0-or-later */
/* BT BTS BTR BTC, BSF BSR TZCNT LZCNT POPCNT, BSWAP. Intel SDM volume 2. */
#include "machine/guest/x86/integer/integer.h"
#include "machine/guest/x86/operand.h"
#include "machine/guest/x86/system/cpuid.h"

enum bit_op { BIT_TEST, BIT_SET, BIT_RESET, BIT_FLIP };

OPERAND_INLINE uint64_t bit_change(enum bit_op op, uint64_t v, uint64_t bit)
{
    return op == BIT_SET ? v | bit : op == BIT_RESET ? v & ~bit : op == BIT_FLIP ? v ^ bit : v;
}

static uint64_t locked_set(uint64_t old, const uint64_t *args)
{
    return old | args[0];
}

static uint64_t locked_reset(uint64_t old, const uint64_t *args)
{
    return old & ~args[0];
}

static uint64_t locked_flip(uint64_t old, const uint64_t *args)
{
    return old ^ args[0];
}

static void set_carry(struct x86_cpu *c, bool v)
{
    x86_flags_set(c, (x86_flags_get(c) & ~FLAG_CF) | (v ? FLAG_CF : 0));
}

/* Memory form: a register's offset reaches beyond the operand, an immediate's does not. */
OPERAND_INLINE enum x86_status bit_memory(struct x86_cpu *c, const struct x86_insn *in,
                                          enum bit_op op, unsigned size, int64_t offset)
{
    static const operand_op locked[] = {
        [BIT_SET] = locked_set, [BIT_RESET] = locked_reset, [BIT_FLIP] = locked_flip};
    unsigned bits = 8 * size;
    uint64_t off = x86_ea(c, in) + (offset >> (operand_log2(size) + 3)) * (int64_t)size;
    uint64_t bit = UINT64_C(1) << (offset & (bits - 1));
    struct operand_rmw m;
    enum x86_status st;

    off &= in->asize == 8 ? UINT64_MAX : in->asize == 4 ? 0xffffffff : 0xffff;
    if (op == BIT_TEST) {
        st = x86_read(c, in->seg, off, size, &m.old);
    } else if (in->flags & INSN_LOCK) {
        st = operand_locked(c, in, off, size, locked[op], &bit, &m.old);
    } else {
        st = operand_rmw_slow(c, in, off, size, &m);
        if (st == X86_OK) {
            st = operand_rmw_end(c, &m, size, bit_change(op, m.old, bit));
        }
    }
    if (st == X86_OK) {
        set_carry(c, m.old & bit);
    }
    return st;
}

OPERAND_INLINE enum x86_status bit_rm(struct x86_cpu *c, const struct x86_insn *in, enum bit_op op,
                                      unsigned size, int64_t offset)
{
    if (in->flags & INSN_MEM) {
        return bit_memory(c, in, op, size, offset);
    }
    uint64_t v = operand_get(c, in, in->rm, size);
    uint64_t bit = UINT64_C(1) << (offset & (8 * size - 1));

    if (op != BIT_TEST) {
        operand_set(c, in, in->rm, size, bit_change(op, v, bit));
    }
    set_carry(c, v & bit);
    return X86_OK;
}

#define BIT_SIZE(name, op, sfx, size)                                                            \
    enum x86_status insn_##name##_g_##sfx(struct x86_cpu *c, const struct x86_insn *in)          \
    {                                                                                            \
        return bit_rm(c, in, op, size, operand_signed(operand_get(c, in, in->reg, size), size)); \
    }                                                                                            \
    enum x86_status insn_##name##_i_##sfx(struct x86_cpu *c, const struct x86_insn *in)          \
    {                                                                                            \
        return bit_rm(c, in, op, size, in->imm & (8 * size - 1));                                \
    }

#define BIT(name, op)        \
    BIT_SIZE(name, op, w, 2) \
    BIT_SIZE(name, op, d, 4) \
    BIT_SIZE(name, op, q, 8)

BIT(bt, BIT_TEST)
BIT(bts, BIT_SET)
BIT(btr, BIT_RESET)
BIT(btc, BIT_FLIP)

enum scan_op { SCAN_BSF, SCAN_BSR, SCAN_TZCNT, SCAN_LZCNT, SCAN_POPCNT };

/* BSF and BSR of 0 leave the destination and set ZF. */
OPERAND_INLINE void scan_old(struct x86_cpu *c, const struct x86_insn *in, enum scan_op op,
                             unsigned size, uint64_t v)
{
    if (v == 0) {
        x86_flags_set(c, x86_flags_get(c) | FLAG_ZF);
        return;
    }
    operand_set(c, in, in->reg, size,
                op == SCAN_BSF ? __builtin_ctzll(v) : 63 - __builtin_clzll(v));
    x86_flags_set(c, x86_flags_get(c) & ~FLAG_ZF);
}

OPERAND_INLINE void scan_count(struct x86_cpu *c, const struct x86_insn *in, enum scan_op op,
                               unsigned size, uint64_t v)
{
    unsigned bits = 8 * size, r;

    if (op == SCAN_POPCNT) {
        r = __builtin_popcountll(v);
        x86_flags_set(c, v == 0 ? FLAG_ZF : 0);
    } else {
        r = v == 0 ? bits : op == SCAN_TZCNT ? __builtin_ctzll(v) : __builtin_clzll(v) - 64 + bits;
        x86_flags_set(c, (x86_flags_get(c) & ~(FLAG_CF | FLAG_ZF)) | (v == 0 ? FLAG_CF : 0) |
                             (r == 0 ? FLAG_ZF : 0));
    }
    operand_set(c, in, in->reg, size, r);
}

/* TZCNT and LZCNT are BSF and BSR to processors that lack them. */
OPERAND_INLINE enum scan_op scan_effective(const struct x86_cpu *c, enum scan_op op)
{
    if (op == SCAN_TZCNT && !x86_has(c->features, X86_FEAT_BMI1)) {
        return SCAN_BSF;
    }
    return op == SCAN_LZCNT && !x86_has(c->features, X86_FEAT_ABM) ? SCAN_BSR : op;
}

OPERAND_INLINE enum x86_status scan(struct x86_cpu *c, const struct x86_insn *in, enum scan_op op,
                                    unsigned size)
{
    uint64_t v;
    enum x86_status st = operand_rm_get(c, in, size, &v);

    if (st != X86_OK) {
        return st;
    }
    op = scan_effective(c, op);
    if (op == SCAN_BSF || op == SCAN_BSR) {
        scan_old(c, in, op, size, v);
    } else {
        scan_count(c, in, op, size, v);
    }
    return X86_OK;
}

#define SCAN_SIZE(name, op, sfx, size)                                                \
    enum x86_status insn_##name##_##sfx(struct x86_cpu *c, const struct x86_insn *in) \
    {                                                                                 \
        return scan(c, in, op, size);                                                 \
    }

#define SCAN(name, op)        \
    SCAN_SIZE(name, op, w, 2) \
    SCAN_SIZE(name, op, d, 4) \
    SCAN_SIZE(name, op, q, 8)

SCAN(bsf, SCAN_BSF)
SCAN(bsr, SCAN_BSR)
SCAN(tzcnt, SCAN_TZCNT)
SCAN(lzcnt, SCAN_LZCNT)
SCAN(popcnt, SCAN_POPCNT)

/* Undefined for 16 bits; the processors clear the register's low half. */
enum x86_status insn_bswap_w(struct x86_cpu *c, const struct x86_insn *in)
{
    operand_set(c, in, in->reg, 2, 0);
    return X86_OK;
}

enum x86_status insn_bswap_d(struct x86_cpu *c, const struct x86_insn *in)
{
    c->gpr[in->reg] = __builtin_bswap32(c->gpr[in->reg]);
    return X86_OK;
}

enum x86_status insn_bswap_q(struct x86_cpu *c, const struct x86_insn *in)
{
    c->gpr[in->reg] = __builtin_bswap64(c->gpr[in->reg]);
    return X86_OK;
}
