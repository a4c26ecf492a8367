/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bit fields, masks and alignment. Pure functions; any thread. */
#ifndef VIV_BASE_BITS_H
#define VIV_BASE_BITS_H

#include <stdbool.h>
#include <stdint.h>

/* A 64-bit value with only bit `n` (0..63) set. */
#define BIT64(n) (UINT64_C(1) << (n))

/* The low `n` bits set; `n` in 0..64. */
static inline uint64_t mask64(unsigned n)
{
    return n >= 64 ? UINT64_MAX : BIT64(n) - 1;
}

/* Bits `lo`..`lo + len - 1` of `v`, shifted down; `lo + len` <= 64. */
static inline uint64_t bits_get(uint64_t v, unsigned lo, unsigned len)
{
    return (v >> lo) & mask64(len);
}

/* `v` with bits `lo`..`lo + len - 1` replaced by the low bits of `field`. */
static inline uint64_t bits_set(uint64_t v, unsigned lo, unsigned len, uint64_t field)
{
    uint64_t m = mask64(len) << lo;

    return (v & ~m) | ((field << lo) & m);
}

/* The low `n` bits (1..64) of `v` as a signed number. */
static inline int64_t sign_extend(uint64_t v, unsigned n)
{
    return (int64_t)(v << (64 - n)) >> (64 - n);
}

static inline bool is_pow2(uint64_t v)
{
    return v != 0 && (v & (v - 1)) == 0;
}

/* Rounds towards 0 or up to a multiple of `align`, a power of two. align_up wraps at 2^64. */
static inline uint64_t align_down(uint64_t v, uint64_t align)
{
    return v & ~(align - 1);
}

static inline uint64_t align_up(uint64_t v, uint64_t align)
{
    return (v + align - 1) & ~(align - 1);
}

#endif
