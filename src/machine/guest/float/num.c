/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unpacking, NaN selection and exact arithmetic on unpacked numbers. IEEE 754-2008, 5.4 and 6. */
#include "machine/guest/float/num.h"

#include "base/bits.h"

#define TOP   ((num_sig)1 << 127)
#define QUIET ((num_sig)1 << 126)

const struct fp_rules fp_rules_sse = {
    .nan = FP_NAN_FIRST,
    .default_nan_negative = true,
    .integer_indefinite = true,
};

const struct fp_rules fp_rules_x87 = {
    .nan = FP_NAN_LARGER,
    .default_nan_negative = true,
    .integer_indefinite = true,
};

const struct fp_rules fp_rules_arm = {
    .nan = FP_NAN_SIGNALLING,
    .tiny_before_rounding = true,
    .fma_inf_zero_invalid = true,
};

const struct fp_rules fp_rules_riscv = {
    .nan = FP_NAN_CANONICAL,
    .fma_inf_zero_invalid = true,
};

/* Shifts right by `n`, any n >= 0; bit 0 becomes sticky. */
static num_sig shift_right_sticky(num_sig v, uint32_t n)
{
    if (n == 0) {
        return v;
    }
    if (n > 127) {
        return v != 0;
    }
    return v >> n | ((v << (128 - n)) != 0);
}

struct num num_normalise(struct num a)
{
    uint64_t high = a.sig >> 64;
    unsigned n;

    if (a.sig == 0) {
        return num_zero(a.sign);
    }
    n = high ? __builtin_clzll(high) : 64 + __builtin_clzll((uint64_t)a.sig);
    a.sig <<= n;
    a.exp -= n;
    return a;
}

struct num num_unpack(const struct fp_format *f, uint64_t bits, struct fp_env *env)
{
    unsigned fraction_bits = f->precision - 1;
    uint32_t exp_max = mask64(f->exp_bits);
    uint32_t biased = bits_get(bits, fraction_bits, f->exp_bits);
    uint64_t fraction = bits & mask64(fraction_bits);
    struct num a = {
        .sign = bits_get(bits, fraction_bits + f->exp_bits, 1),
        .sig = (num_sig)fraction << (128 - f->precision),
        .exp = (int32_t)biased - (int32_t)(exp_max >> 1),
        .cls = NUM_FINITE,
    };

    if (biased == exp_max) {
        a.cls = fraction == 0 ? NUM_INF : a.sig & QUIET ? NUM_QNAN : NUM_SNAN;
        a.sig |= TOP;
    } else if (biased != 0) {
        a.sig |= TOP;
    } else if (fraction == 0 || env->daz) {
        return num_zero(a.sign);
    } else {
        a.exp += 1;
        a = num_normalise(a);
        a.denormal = true;
    }
    return a;
}

struct num num_default_nan(const struct fp_env *env)
{
    return (struct num){
        .cls = NUM_QNAN,
        .sign = env->rules->default_nan_negative,
        .sig = TOP | QUIET,
    };
}

struct num num_invalid(struct fp_env *env)
{
    env->flags |= FP_INVALID;
    return num_default_nan(env);
}

struct num num_quiet(struct num a, struct fp_env *env)
{
    if (a.cls == NUM_UNSUPPORTED) {
        return num_invalid(env);
    }
    if (a.cls == NUM_SNAN) {
        env->flags |= FP_INVALID;
    }
    if (env->rules->nan == FP_NAN_CANONICAL) {
        return num_default_nan(env);
    }
    a.cls = NUM_QNAN;
    a.sig |= QUIET;
    return a;
}

/* x87: the quiet one if only one is; else the larger significand, then the positive one. */
static struct num larger_nan(struct num a, struct num b)
{
    if (a.cls != b.cls) {
        return a.cls == NUM_QNAN ? a : b;
    }
    if (a.sig != b.sig) {
        return a.sig > b.sig ? a : b;
    }
    return a.sign ? b : a;
}

/* The NaN that a two-operand operation passes on; at least one is a NaN. */
static struct num pick_nan(struct num a, struct num b, const struct fp_rules *rules)
{
    if (!num_is_nan(a) || !num_is_nan(b)) {
        return num_is_nan(a) ? a : b;
    }
    switch (rules->nan) {
    case FP_NAN_LARGER: return larger_nan(a, b);
    case FP_NAN_SIGNALLING: return b.cls == NUM_SNAN && a.cls != NUM_SNAN ? b : a;
    default: return a;
    }
}

bool num_propagate(struct num a, struct num b, struct fp_env *env, struct num *ret)
{
    if (a.cls < NUM_QNAN && b.cls < NUM_QNAN) {
        return false;
    }
    if (a.cls == NUM_UNSUPPORTED || b.cls == NUM_UNSUPPORTED) {
        *ret = num_invalid(env);
        return true;
    }
    if (a.cls == NUM_SNAN || b.cls == NUM_SNAN) {
        env->flags |= FP_INVALID;
    }
    *ret = num_quiet(pick_nan(a, b, env->rules), env);
    return true;
}

struct num num_add_finite(struct num a, struct num b, bool zero_sign)
{
    struct num r;
    num_sig x, y;

    if (a.cls == NUM_ZERO || b.cls == NUM_ZERO) {
        if (a.cls == b.cls) {
            return num_zero(a.sign == b.sign ? a.sign : zero_sign);
        }
        return a.cls == NUM_ZERO ? b : a;
    }
    if (a.exp < b.exp || (a.exp == b.exp && a.sig < b.sig)) {
        r = a;
        a = b;
        b = r;
    }
    /* One bit of room for the carry. */
    x = shift_right_sticky(a.sig, 1);
    y = shift_right_sticky(b.sig, (uint32_t)(a.exp - b.exp) + 1);
    r = (struct num){.cls = NUM_FINITE, .sign = a.sign, .exp = a.exp + 1};
    r.sig = a.sign == b.sign ? x + y : x - y;
    if (r.sig == 0) {
        return num_zero(zero_sign);
    }
    return num_normalise(r);
}

struct num num_add(struct num a, struct num b, struct fp_env *env)
{
    struct num r;

    if (num_propagate(a, b, env, &r)) {
        return r;
    }
    if (a.cls == NUM_INF && b.cls == NUM_INF && a.sign != b.sign) {
        return num_invalid(env);
    }
    num_note_denormal(a, b, env);
    if (a.cls == NUM_INF || b.cls == NUM_INF) {
        return a.cls == NUM_INF ? a : b;
    }
    return num_add_finite(a, b, env->rounding == FP_ROUND_DOWN);
}

/* The upper 128 bits of a 256-bit product, sticky. */
static num_sig mul_high(num_sig a, num_sig b)
{
    uint64_t ah = a >> 64, al = a, bh = b >> 64, bl = b;
    num_sig high = (num_sig)ah * bh;
    num_sig m1, m2, low, middle;

    if (al == 0 && bl == 0) {
        return high;
    }
    m1 = (num_sig)ah * bl;
    m2 = (num_sig)al * bh;
    low = (num_sig)al * bl;
    middle = (low >> 64) + (uint64_t)m1 + (uint64_t)m2;
    high += (m1 >> 64) + (m2 >> 64) + (middle >> 64);
    return high | ((uint64_t)middle != 0 || (uint64_t)low != 0);
}

struct num num_mul_finite(struct num a, struct num b)
{
    struct num r = {.cls = NUM_FINITE, .sign = a.sign != b.sign, .exp = a.exp + b.exp + 1};

    if (a.cls == NUM_ZERO || b.cls == NUM_ZERO) {
        return num_zero(r.sign);
    }
    r.sig = mul_high(a.sig, b.sig);
    return num_normalise(r);
}

struct num num_mul(struct num a, struct num b, struct fp_env *env)
{
    struct num r;

    if (num_propagate(a, b, env, &r)) {
        return r;
    }
    if ((a.cls == NUM_INF && b.cls == NUM_ZERO) || (a.cls == NUM_ZERO && b.cls == NUM_INF)) {
        return num_invalid(env);
    }
    num_note_denormal(a, b, env);
    if (a.cls == NUM_INF || b.cls == NUM_INF) {
        return num_inf(a.sign != b.sign);
    }
    return num_mul_finite(a, b);
}

/* floor(a / b * 2^127), sticky, for a < b and bit 127 of b set. */
static num_sig divide_long(num_sig a, num_sig b)
{
    num_sig q = 0;

    for (unsigned i = 0; i < 127; i++) {
        bool carry = a >> 127;

        a <<= 1;
        q <<= 1;
        if (carry || a >= b) {
            a -= b;
            q |= 1;
        }
    }
    return q | (a != 0);
}

/* The same for 64-bit significands, a < b: two steps of 64 and 63 quotient bits. */
static num_sig divide_short(uint64_t a, uint64_t b)
{
    num_sig n = (num_sig)a << 64;
    uint64_t q1 = n / b, r1 = n % b;
    num_sig m = (num_sig)r1 << 63;

    return (num_sig)q1 << 63 | (num_sig)(uint64_t)(m / b) | (m % b != 0);
}

struct num num_div_finite(struct num a, struct num b)
{
    struct num r = {.cls = NUM_FINITE, .sign = a.sign != b.sign, .exp = a.exp - b.exp};
    num_sig x = a.sig, leading = 0;

    if (a.cls == NUM_ZERO) {
        return num_zero(r.sign);
    }
    if (x >= b.sig) {
        /* 1 <= x / b < 2: the leading one is known, the rest is a fraction below one. */
        x -= b.sig;
        leading = TOP;
    }
    if ((uint64_t)x == 0 && (uint64_t)b.sig == 0) {
        r.sig = leading | divide_short(x >> 64, b.sig >> 64);
    } else {
        r.sig = leading | divide_long(x, b.sig);
    }
    return num_normalise(r);
}

struct num num_div(struct num a, struct num b, struct fp_env *env)
{
    bool sign = a.sign != b.sign;
    struct num r;

    if (num_propagate(a, b, env, &r)) {
        return r;
    }
    if (a.cls == b.cls && a.cls != NUM_FINITE) {
        return num_invalid(env);
    }
    if (b.cls == NUM_ZERO && a.cls != NUM_INF) {
        env->flags |= FP_DIVZERO;
        return num_inf(sign);
    }
    num_note_denormal(a, b, env);
    if (a.cls == NUM_INF) {
        return num_inf(sign);
    }
    if (b.cls == NUM_INF) {
        return num_zero(sign);
    }
    return num_div_finite(a, b);
}

/*
 * The root's first `bits` bits, one from each bit pair of the radicand (and of the zeros after
 * it), then a sticky bit.
 */
static num_sig root(num_sig radicand, unsigned bits)
{
    num_sig rest = 0, r = 0;

    for (unsigned i = 0; i < bits; i++) {
        num_sig trial;

        rest = rest << 2 | radicand >> 126;
        radicand <<= 2;
        trial = r << 2 | 1;
        r <<= 1;
        if (rest >= trial) {
            rest -= trial;
            r |= 1;
        }
    }
    return r << 1 | (rest != 0 || radicand != 0);
}

struct num num_sqrt(struct num a, struct fp_env *env)
{
    struct num r = a;

    if (a.cls >= NUM_QNAN) {
        return num_quiet(a, env);
    }
    if (a.cls == NUM_ZERO) {
        return a;
    }
    if (a.sign) {
        return num_invalid(env);
    }
    num_note_denormal(a, a, env);
    if (a.cls == NUM_INF) {
        return a;
    }
    /* sig/2^127 * 2^exp with an even exponent is in [1, 4): two integer bits, so shift by one. */
    r.exp = a.exp >> 1;
    r.sig = root(a.exp & 1 ? a.sig : a.sig >> 1, 68) << (127 - 68);
    return num_normalise(r);
}

/* The NaN of a three-operand operation. */
static struct num fma_nan(struct num a, struct num b, struct num c, struct fp_env *env)
{
    struct num r;

    if (env->rules->nan == FP_NAN_SIGNALLING) {
        /* Arm looks at the addend first. */
        if (c.cls == NUM_SNAN || (c.cls == NUM_QNAN && a.cls != NUM_SNAN && b.cls != NUM_SNAN)) {
            r = c;
        } else {
            r = pick_nan(a, b, env->rules);
        }
    } else {
        r = num_is_nan(a) || num_is_nan(b) ? pick_nan(a, b, env->rules) : c;
    }
    return num_quiet(r, env);
}

struct num num_fma(struct num a, struct num b, struct num c, struct fp_env *env)
{
    bool product_invalid =
        (a.cls == NUM_INF && b.cls == NUM_ZERO) || (a.cls == NUM_ZERO && b.cls == NUM_INF);

    if (num_is_nan(a) || num_is_nan(b) || num_is_nan(c)) {
        if (a.cls == NUM_SNAN || b.cls == NUM_SNAN || c.cls == NUM_SNAN) {
            env->flags |= FP_INVALID;
        }
        if (product_invalid && env->rules->fma_inf_zero_invalid) {
            env->flags |= FP_INVALID;
            return c.cls == NUM_SNAN ? num_quiet(c, env) : num_default_nan(env);
        }
        return fma_nan(a, b, c, env);
    }
    if (product_invalid) {
        return num_invalid(env);
    }
    if (a.cls == NUM_INF || b.cls == NUM_INF) {
        bool sign = a.sign != b.sign;

        if (c.cls == NUM_INF && c.sign != sign) {
            return num_invalid(env);
        }
        num_note_denormal(a, b, env);
        num_note_denormal(c, c, env);
        return num_inf(sign);
    }
    num_note_denormal(a, b, env);
    num_note_denormal(c, c, env);
    if (c.cls == NUM_INF) {
        return c;
    }
    return num_add_finite(num_mul_finite(a, b), c, env->rounding == FP_ROUND_DOWN);
}

enum fp_order num_order(struct num a, struct num b)
{
    int less = a.sign ? FP_GREATER : FP_LESS; /* |a| < |b| */

    if (a.cls == NUM_ZERO && b.cls == NUM_ZERO) {
        return FP_EQUAL;
    }
    if (a.cls == NUM_ZERO) {
        return b.sign ? FP_GREATER : FP_LESS;
    }
    if (b.cls == NUM_ZERO || a.sign != b.sign) {
        return a.sign ? FP_LESS : FP_GREATER;
    }
    if (a.cls != b.cls) {
        return b.cls == NUM_INF ? less : -less;
    }
    if (a.cls == NUM_INF || (a.exp == b.exp && a.sig == b.sig)) {
        return FP_EQUAL;
    }
    if (a.exp != b.exp) {
        return a.exp < b.exp ? less : -less;
    }
    return a.sig < b.sig ? less : -less;
}

enum fp_order num_compare(struct num a, struct num b, bool signalling, struct fp_env *env)
{
    if (a.cls >= NUM_QNAN || b.cls >= NUM_QNAN) {
        if (signalling || a.cls > NUM_QNAN || b.cls > NUM_QNAN) {
            env->flags |= FP_INVALID;
        }
        return FP_UNORDERED;
    }
    num_note_denormal(a, b, env);
    return num_order(a, b);
}

struct num num_from_uint(uint64_t v, bool sign)
{
    struct num a = {.cls = NUM_FINITE, .sign = sign, .exp = 127, .sig = v};

    return num_normalise(a);
}
