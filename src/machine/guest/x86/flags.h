/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arithmetic flags, kept lazily: an operation stores its kind, result and second operand; flags are
 * computed when something reads them. x86_flags_* give and take the six arithmetic flags.
 */
#ifndef VIV_MACHINE_GUEST_X86_FLAGS_H
#define VIV_MACHINE_GUEST_X86_FLAGS_H

#include "machine/guest/x86/state.h"

/* op = kind * 4 + log2(size); LAZY_NONE: result holds the flag bits. */
enum x86_flag_kind {
    LAZY_NONE,
    LAZY_ADD,   /* result = a + b, src = b */
    LAZY_ADC,   /* result = a + b + 1, src = b (carry in was 1) */
    LAZY_SUB,   /* result = a - b, src = b; a = result + src */
    LAZY_SBB,   /* result = a - b - 1, src = b (borrow in was 1) */
    LAZY_LOGIC, /* result; CF = OF = AF = 0 */
    LAZY_INC,   /* result; src = old CF */
    LAZY_DEC,
    LAZY_SHL, /* result; src = what was there before the last bit was shifted out */
    LAZY_SHR,
    LAZY_SAR,
    LAZY_MUL,  /* low half; src = the high one, of numbers with a sign */
    LAZY_UMUL, /* the same without */
    LAZY_KINDS,
};

static inline uint32_t x86_lazy_op(enum x86_flag_kind kind, unsigned size_log2)
{
    return kind * 4 + size_log2;
}

static inline void x86_flags_lazy(struct x86_cpu *c, enum x86_flag_kind kind, unsigned size_log2,
                                  uint64_t result, uint64_t src)
{
    c->lazy.op = x86_lazy_op(kind, size_log2);
    c->lazy.result = result;
    c->lazy.src = src;
}

/* The six arithmetic flags now. */
uint32_t x86_flags_get(const struct x86_cpu *c);
/* Condition code 0..15 (O, NO, B, ... as in Jcc). */
bool x86_condition(const struct x86_cpu *c, unsigned cc);
bool x86_carry(const struct x86_cpu *c);

/* x86_carry with the usual cases inline. */
static inline bool x86_carry_fast(const struct x86_cpu *c)
{
    unsigned kind = c->lazy.op >> 2, shift = 64 - (8u << (c->lazy.op & 3));

    if (kind == LAZY_SUB) {
        uint64_t b = c->lazy.src << shift;

        return (c->lazy.result << shift) + b < b;
    }
    if (kind == LAZY_ADD) {
        return c->lazy.result < c->lazy.src;
    }
    if (kind == LAZY_LOGIC) {
        return false;
    }
    if (kind == LAZY_INC || kind == LAZY_DEC) {
        return c->lazy.src & 1;
    }
    return x86_carry(c);
}

/* Sets all six from `flags`. */
static inline void x86_flags_set(struct x86_cpu *c, uint32_t flags)
{
    c->lazy.op = LAZY_NONE;
    c->lazy.result = flags & FLAGS_ARITH;
}

/* All of RFLAGS as PUSHF sees it, and as POPF, IRET and task switches load it (every bit of
 * `mask`). */
static inline uint64_t x86_rflags(const struct x86_cpu *c)
{
    return c->rflags | x86_flags_get(c) | FLAG_ONE;
}

static inline void x86_rflags_write(struct x86_cpu *c, uint64_t value, uint64_t mask)
{
    uint64_t all = (x86_rflags(c) & ~mask) | (value & mask);

    x86_flags_set(c, all);
    c->rflags = (all & ~(uint64_t)FLAGS_ARITH) | FLAG_ONE;
}

#endif
