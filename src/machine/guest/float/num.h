/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unpacked floating point numbers: what every format is unpacked to, computed on, and rounded
 * from. Pure functions; any thread.
 *
 *   value = (-1)^sign * sig / 2^127 * 2^exp          (finite: bit 127 of sig is set)
 *
 * An operand holds at most 64 significant bits (113 in num_add and the transcendentals), so a sum,
 * product, quotient or root is held exactly but for bit 0, which is set if anything was cut off
 * ("sticky"). One rounding (num_round) then gives the exact answer in any format.
 * A NaN keeps its payload below bit 127; bit 126 is the quiet bit.
 */
#ifndef VIV_GUEST_FLOAT_NUM_H
#define VIV_GUEST_FLOAT_NUM_H

#include <stdbool.h>
#include <stdint.h>

#include "machine/guest/float/fp.h"

typedef unsigned __int128 num_sig;

enum num_class {
    NUM_ZERO,
    NUM_FINITE,
    NUM_INF,
    NUM_QNAN,
    NUM_SNAN,
    NUM_UNSUPPORTED, /* x87: an encoding without meaning (unnormal, pseudo-NaN, pseudo-infinity) */
};

struct num {
    num_sig sig;
    int32_t exp;
    uint8_t cls; /* enum num_class */
    bool sign;
    bool denormal; /* it was a denormal operand */
};

/* What num_round gives: a format packs it. `biased` 0 with bit `precision - 1` clear: denormal. */
struct num_packed {
    uint64_t sig; /* right-aligned to the format's precision, leading one included */
    uint32_t biased;
    bool sign;
};

static inline bool num_is_nan(struct num a)
{
    return a.cls == NUM_QNAN || a.cls == NUM_SNAN;
}

static inline struct num num_zero(bool sign)
{
    return (struct num){.cls = NUM_ZERO, .sign = sign};
}

static inline struct num num_inf(bool sign)
{
    return (struct num){.cls = NUM_INF, .sign = sign};
}

static inline struct num num_negate(struct num a)
{
    a.sign = !a.sign;
    return a;
}

struct num num_unpack(const struct fp_format *f, uint64_t bits, struct fp_env *env);

/* The NaN for an invalid operation. */
struct num num_default_nan(const struct fp_env *env);

/* Raises INVALID and gives the default NaN. */
struct num num_invalid(struct fp_env *env);

/* `a` is a NaN or unsupported: what an operation with it as its only operand gives. */
struct num num_quiet(struct num a, struct fp_env *env);

/*
 * True if a or b is a NaN or unsupported; *ret is then the result and INVALID raised where due.
 * Otherwise raises nothing.
 */
bool num_propagate(struct num a, struct num b, struct fp_env *env, struct num *ret);

/* Raises DENORMAL if either was one. */
static inline void num_note_denormal(struct num a, struct num b, struct fp_env *env)
{
    if (a.denormal || b.denormal) {
        env->flags |= FP_DENORMAL;
    }
}

/* Operations of IEEE 754, with NaNs, infinities and flags, not yet rounded. */
struct num num_add(struct num a, struct num b, struct fp_env *env);
struct num num_mul(struct num a, struct num b, struct fp_env *env);
struct num num_div(struct num a, struct num b, struct fp_env *env);
struct num num_sqrt(struct num a, struct fp_env *env);
struct num num_fma(struct num a, struct num b, struct num c, struct fp_env *env);
enum fp_order num_compare(struct num a, struct num b, bool signalling, struct fp_env *env);

/* The same on zeros and finite numbers with up to 128 significant bits, cut with a sticky bit. */
struct num num_add_finite(struct num a, struct num b, bool zero_sign);
struct num num_mul_finite(struct num a, struct num b);
struct num num_div_finite(struct num a, struct num b); /* b is not zero */

/* Orders two that are not NaNs. */
enum fp_order num_order(struct num a, struct num b);

/* |v| as a number. */
struct num num_from_uint(uint64_t v, bool sign);

/*
 * Rounds a finite or zero `a` to an integral magnitude below 2^64 in *ret; false if it is larger.
 * INEXACT and `rounded_up` are set as due.
 */
bool num_to_magnitude(struct num a, struct fp_env *env, uint64_t *ret);

/* As fp_to_int and fp_to_uint. */
int64_t num_to_int(struct num a, unsigned bits, struct fp_env *env);
uint64_t num_to_uint(struct num a, unsigned bits, struct fp_env *env);

/* To an integral number; NaNs are quieted. */
struct num num_round_int(struct num a, struct fp_env *env);

/*
 * Rounds to `precision` bits in the exponent range of `f` and packs. Any class but UNSUPPORTED;
 * over- and underflow follow `env`.
 */
struct num_packed num_round(const struct fp_format *f, unsigned precision, struct num a,
                            struct fp_env *env);

/* Sets `a`'s leading one to bit 127 by shifting and counting; zero if sig is zero. */
struct num num_normalise(struct num a);

#endif
