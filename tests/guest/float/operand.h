/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random floating point operands that meet the special cases: for the tests of guest/float. */
#ifndef VIV_TESTS_GUEST_FLOAT_OPERAND_H
#define VIV_TESTS_GUEST_FLOAT_OPERAND_H

#include <glib.h>
#include <stdint.h>

#include "machine/guest/float/f80.h"

struct random {
    uint64_t state; /* not zero */
};

/* Seeds from GLib's --seed or the clock and prints it. */
static inline struct random random_new(void)
{
    struct random r = {((uint64_t)g_test_rand_int() << 32) | (uint32_t)g_test_rand_int() | 1};

    g_test_message("random state 0x%016" G_GINT64_MODIFIER "x", r.state);
    return r;
}

static inline uint64_t random_u64(struct random *r)
{
    r->state ^= r->state << 13;
    r->state ^= r->state >> 7;
    r->state ^= r->state << 17;
    return r->state * UINT64_C(0x2545f4914f6cdd1d);
}

static inline unsigned random_below(struct random *r, unsigned n)
{
    return (unsigned)((random_u64(r) >> 33) % n);
}

/* A significand of `bits` with long runs of equal bits, few bits, or none of that. */
static inline uint64_t random_sig(struct random *r, unsigned bits)
{
    uint64_t v = random_u64(r);

    switch (random_below(r, 6)) {
    case 0: v = 0; break;
    case 1: v = ~UINT64_C(0); break;
    case 2: v = UINT64_C(1) << random_below(r, bits); break;
    case 3: v = ~UINT64_C(0) << random_below(r, 64); break;
    case 4: v &= ~UINT64_C(0) << random_below(r, 64); break;
    }
    return bits == 64 ? v : v & ((UINT64_C(1) << bits) - 1);
}

/* A biased exponent: anywhere, at the ends, or near the middle so that operands meet. */
static inline uint32_t random_exp(struct random *r, unsigned bits)
{
    uint32_t max = (1u << bits) - 1;

    switch (random_below(r, 8)) {
    case 0: return 0;
    case 1: return max;
    case 2: return random_below(r, max < 80 ? max : 80);
    case 3: return max - random_below(r, 6);
    case 4: return (uint32_t)random_u64(r) & max;
    default: return max / 2 - 35 % (max / 4) + random_below(r, 70 % (max / 2));
    }
}

static inline uint64_t random_fp(struct random *r, const struct fp_format *f)
{
    unsigned fraction_bits = f->precision - 1;

    return (random_u64(r) & 1) << (fraction_bits + f->exp_bits) |
           (uint64_t)random_exp(r, f->exp_bits) << fraction_bits | random_sig(r, fraction_bits);
}

static inline struct f80 random_f80(struct random *r)
{
    struct f80 a = {.se = (uint16_t)((random_u64(r) & 1) << 15 | random_exp(r, 15))};

    a.sig = random_sig(r, 63);
    /* Usually a proper encoding, sometimes an unnormal or a pseudo-denormal. */
    if ((a.se & 0x7fff) != 0 ? random_below(r, 16) != 0 : random_below(r, 16) == 0) {
        a.sig |= UINT64_C(1) << 63;
    }
    return a;
}

#endif
