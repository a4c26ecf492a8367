/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rounding: to a format's precision and range, and to integers. IEEE 754-2008, 4.3 and 7.4-7.6;
 * x86: Intel SDM volume 1, 4.9.1 and 8.5 (masked and unmasked responses).
 */
#include "base/bits.h"
#include "machine/guest/float/num.h"

#define TOP ((num_sig)1 << 127)

/* The amount below `keep` bits: true if rounding goes up in magnitude. `cut` is what is dropped. */
static bool rounds_up(num_sig kept_lsb, num_sig cut, num_sig half, bool sign, uint8_t rounding)
{
    switch (rounding) {
    case FP_ROUND_EVEN: return cut > half || (cut == half && kept_lsb);
    case FP_ROUND_AWAY: return cut >= half;
    case FP_ROUND_DOWN: return sign && cut;
    case FP_ROUND_UP: return !sign && cut;
    default: return false;
    }
}

/*
 * Keeps the upper `keep` (0..64) bits of `sig`, right-aligned in the result, which may carry into
 * bit `keep`. Sets *inexact and *up.
 */
static num_sig round_sig(num_sig sig, unsigned keep, bool sign, uint8_t rounding, bool *inexact,
                         bool *up)
{
    num_sig kept, cut, half;

    if (keep == 0) {
        kept = 0;
        /* The dropped part is below one: compare with a half, which is bit 127. */
        cut = sig;
        half = TOP;
    } else {
        unsigned drop = 128 - keep;

        kept = sig >> drop;
        cut = sig & (((num_sig)1 << drop) - 1);
        half = (num_sig)1 << (drop - 1);
    }
    *inexact = cut != 0;
    *up = rounds_up(kept & 1, cut, half, sign, rounding);
    return kept + *up;
}

/* Bits of a shift right that loses nothing: bit 0 is sticky. */
static num_sig denormalise(num_sig sig, uint32_t n)
{
    if (n > 127) {
        return sig != 0;
    }
    return n == 0 ? sig : sig >> n | ((sig << (128 - n)) != 0);
}

static int32_t bias_of(const struct fp_format *f)
{
    return (int32_t)mask64(f->exp_bits - 1);
}

static struct num_packed pack_inf(const struct fp_format *f, bool sign)
{
    return (struct num_packed){
        .sign = sign,
        .biased = mask64(f->exp_bits),
        .sig = BIT64(f->precision - 1),
    };
}

static struct num_packed pack_nan(const struct fp_format *f, struct num a)
{
    return (struct num_packed){
        .sign = a.sign,
        .biased = mask64(f->exp_bits),
        .sig = (uint64_t)(a.sig >> (128 - f->precision)),
    };
}

static struct num_packed overflow(const struct fp_format *f, unsigned precision, bool sign,
                                  struct fp_env *env)
{
    bool to_inf = env->rounding == FP_ROUND_EVEN || env->rounding == FP_ROUND_AWAY ||
                  env->rounding == (sign ? FP_ROUND_DOWN : FP_ROUND_UP);

    env->flags |= FP_OVERFLOW | FP_INEXACT;
    env->rounded_up = to_inf;
    if (to_inf) {
        return pack_inf(f, sign);
    }
    return (struct num_packed){
        .sign = sign,
        .biased = mask64(f->exp_bits) - 1,
        .sig = mask64(precision) << (f->precision - precision),
    };
}

/* A tiny result that is not wrapped: a denormal, zero or the smallest normal. */
static struct num_packed underflow(const struct fp_format *f, unsigned precision, struct num a,
                                   struct fp_env *env)
{
    struct num_packed p = {.sign = a.sign};
    num_sig sig;
    bool inexact;

    if (env->ftz) {
        env->flags |= FP_UNDERFLOW | FP_INEXACT;
        env->rounded_up = false;
        return p;
    }
    sig = denormalise(a.sig, (uint32_t)(1 - bias_of(f) - a.exp));
    p.sig = (uint64_t)round_sig(sig, precision, a.sign, env->rounding, &inexact, &env->rounded_up)
            << (f->precision - precision);
    if (inexact) {
        env->flags |= FP_UNDERFLOW | FP_INEXACT;
    }
    if (p.sig >> (f->precision - 1)) {
        p.biased = 1;
    }
    return p;
}

/*
 * Over- or underflow is unmasked, so the x87 delivers the result with its exponent wrapped. SSE
 * delivers none, but finds inexactness the same way.
 */
static int32_t wrap_exponent(const struct fp_format *f, int32_t exp, struct fp_env *env)
{
    int32_t adjust = 3 << (f->exp_bits - 2);

    env->flags |= exp > 0 ? FP_OVERFLOW : FP_UNDERFLOW;
    return exp > 0 ? exp - adjust : exp + adjust;
}

static struct num_packed round_finite(const struct fp_format *f, unsigned precision, struct num a,
                                      struct fp_env *env)
{
    const int32_t bias = bias_of(f);
    bool inexact, up, tiny;
    num_sig sig = round_sig(a.sig, precision, a.sign, env->rounding, &inexact, &up);
    int32_t exp = a.exp;

    if (sig >> precision) {
        sig >>= 1;
        exp++;
    }
    tiny = (env->rules->tiny_before_rounding ? a.exp : exp) < 1 - bias;
    if (tiny && !(env->unmasked & FP_UNDERFLOW)) {
        return underflow(f, precision, a, env);
    }
    if (exp > bias && !(env->unmasked & FP_OVERFLOW)) {
        return overflow(f, precision, a.sign, env);
    }
    if (tiny || exp > bias) {
        exp = wrap_exponent(f, exp, env);
    }
    if (exp > bias || exp < 1 - bias) {
        /*
         * Out of range even so. In the extended format only FSCALE gets here: infinity or zero in
         * every rounding. Of the others nothing is delivered.
         */
        env->flags |= inexact || f->precision == 64 ? FP_INEXACT : 0;
        env->rounded_up = exp > bias;
        return exp > bias ? pack_inf(f, a.sign) : (struct num_packed){.sign = a.sign};
    }
    if (inexact) {
        env->flags |= FP_INEXACT;
    }
    env->rounded_up = up;
    return (struct num_packed){
        .sign = a.sign,
        .biased = (uint32_t)(exp + bias),
        .sig = (uint64_t)sig << (f->precision - precision),
    };
}

struct num_packed num_round(const struct fp_format *f, unsigned precision, struct num a,
                            struct fp_env *env)
{
    env->rounded_up = false;
    switch (a.cls) {
    case NUM_ZERO: return (struct num_packed){.sign = a.sign};
    case NUM_INF: return pack_inf(f, a.sign);
    case NUM_FINITE: return round_finite(f, precision, a, env);
    default: return pack_nan(f, a);
    }
}

bool num_to_magnitude(struct num a, struct fp_env *env, uint64_t *ret)
{
    num_sig sig = a.sig;
    unsigned keep = 0;
    bool inexact, up;

    if (a.cls == NUM_ZERO) {
        *ret = 0;
        return true;
    }
    if (a.exp > 63) {
        return false;
    }
    if (a.exp < 0) {
        sig = denormalise(sig, (uint32_t)(-1 - a.exp));
    } else {
        keep = (unsigned)a.exp + 1;
    }
    sig = round_sig(sig, keep, a.sign, env->rounding, &inexact, &up);
    if (sig >> 64) {
        return false;
    }
    env->rounded_up = up;
    if (inexact) {
        env->flags |= FP_INEXACT;
    }
    *ret = (uint64_t)sig;
    return true;
}

/* The answer for what no integer of `bits` can hold, as a bit pattern. */
static uint64_t no_integer(struct num a, unsigned bits, bool is_signed, struct fp_env *env)
{
    uint64_t lowest = is_signed ? ~mask64(bits - 1) : 0;
    uint64_t highest = is_signed ? mask64(bits - 1) : mask64(bits);

    env->flags |= FP_INVALID;
    env->rounded_up = false;
    if (env->rules->integer_indefinite) {
        return is_signed ? lowest : highest;
    }
    if (num_is_nan(a)) {
        return env->rules->nan == FP_NAN_CANONICAL ? highest : 0;
    }
    return a.sign ? lowest : highest;
}

int64_t num_to_int(struct num a, unsigned bits, struct fp_env *env)
{
    uint8_t flags = env->flags;
    uint64_t magnitude, limit = BIT64(bits - 1);

    if (a.cls > NUM_FINITE || !num_to_magnitude(a, env, &magnitude) ||
        magnitude > limit - !a.sign) {
        env->flags = flags;
        return (int64_t)no_integer(a, bits, true, env);
    }
    return (int64_t)(a.sign ? -magnitude : magnitude);
}

uint64_t num_to_uint(struct num a, unsigned bits, struct fp_env *env)
{
    uint8_t flags = env->flags;
    uint64_t magnitude;

    if (a.cls > NUM_FINITE || !num_to_magnitude(a, env, &magnitude) || (a.sign && magnitude != 0) ||
        magnitude > mask64(bits)) {
        env->flags = flags;
        return no_integer(a, bits, false, env);
    }
    return magnitude;
}

struct num num_round_int(struct num a, struct fp_env *env)
{
    uint64_t magnitude;

    env->rounded_up = false;
    if (a.cls >= NUM_QNAN) {
        return num_quiet(a, env);
    }
    if (a.cls != NUM_FINITE || a.exp >= 63) {
        return a; /* 64 significant bits: already integral */
    }
    (void)num_to_magnitude(a, env, &magnitude);
    return num_from_uint(magnitude, a.sign);
}
