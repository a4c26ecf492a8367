/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The x87 transcendental instructions. Intel SDM volume 1, 8.3.8-8.3.10 (accuracy: error below one
 * unit in the last place; arguments reduced by a 66-bit pi) and volume 2 (tables of special cases).
 *
 * Everything is computed on unpacked numbers with 128-bit significands; the series below lose a few
 * of the last bits, so about 120 remain, and one rounding to 64 follows. An irrational result is
 * never exact: its sticky bit is set by hand.
 */
#include "base/bits.h"
#include "machine/guest/float/f80.h"

#define SIG(high, low) ((num_sig)UINT64_C(high) << 64 | UINT64_C(low))

static const struct num one = {.cls = NUM_FINITE, .sig = SIG(0x8000000000000000, 0)};

static const struct num ln_2 = {
    .cls = NUM_FINITE,
    .exp = -1,
    .sig = SIG(0xb17217f7d1cf79ab, 0xc9e3b39803f2f6af),
};

static const struct num two_over_ln_2 = {
    .cls = NUM_FINITE,
    .exp = 1,
    .sig = SIG(0xb8aa3b295c17f0bb, 0xbe87fed0691d3e89),
};

static const struct num pi = {
    .cls = NUM_FINITE,
    .exp = 1,
    .sig = SIG(0xc90fdaa22168c234, 0xc4c6628b80dc1cd1),
};

/* arctan(n / 8) */
static const struct num arctan_eighths[9] = {
    [0] = {.cls = NUM_ZERO},
    [1] = {.cls = NUM_FINITE, .exp = -4, .sig = SIG(0xfeadd4d5617b6e32, 0xc897989f3e888ef8)},
    [2] = {.cls = NUM_FINITE, .exp = -3, .sig = SIG(0xfadbafc96406eb15, 0x6dc79ef5f7a217e6)},
    [3] = {.cls = NUM_FINITE, .exp = -2, .sig = SIG(0xb7b0ca0f26f78473, 0x8aa32122dcfe4483)},
    [4] = {.cls = NUM_FINITE, .exp = -2, .sig = SIG(0xed63382b0dda7b45, 0x6fe445ecbc3a8d03)},
    [5] = {.cls = NUM_FINITE, .exp = -1, .sig = SIG(0x8f005d5ef7f59f9b, 0x5c835e1665c43748)},
    [6] = {.cls = NUM_FINITE, .exp = -1, .sig = SIG(0xa4bc7d1934f70924, 0x19a87f2a457dac9f)},
    [7] = {.cls = NUM_FINITE, .exp = -1, .sig = SIG(0xb8053e2bc2319e73, 0xcb2da55210a4443d)},
    [8] = {.cls = NUM_FINITE, .exp = -1, .sig = SIG(0xc90fdaa22168c234, 0xc4c6628b80dc1cd1)},
};

static struct num add(struct num a, struct num b)
{
    return num_add_finite(a, b, false);
}

static struct num sub(struct num a, struct num b)
{
    return num_add_finite(a, num_negate(b), false);
}

static struct num div_small(struct num a, uint32_t n)
{
    if (a.cls == NUM_FINITE) {
        a.sig = a.sig / n | (a.sig % n != 0);
        a = num_normalise(a);
    }
    return a;
}

static struct num scale2(struct num a, int n)
{
    a.exp += n;
    return a;
}

static struct num with_sign(struct num a, bool sign)
{
    a.sign = sign;
    return a;
}

static struct f80 pack_inexact(struct num a, struct fp_env *env)
{
    struct f80 r;

    if (a.cls == NUM_FINITE) {
        a.sig |= 1;
    }
    r = f80_pack(a, env);
    env->flags |= FP_INEXACT;
    return r;
}

/* An exact product, which processors report as inexact all the same. */
static struct f80 pack_product(struct num a, struct fp_env *env)
{
    struct f80 r = f80_pack(a, env);

    env->flags |= FP_INEXACT;
    if (f80_tag(r) == F80_SPECIAL && !(r.se & 0x7fff)) {
        env->flags |= FP_UNDERFLOW;
    }
    return r;
}

/* e^y - 1 for |y| <= ln 2: y (1 + y/2 (1 + y/3 (1 + ...))) */
static struct num expm1_series(struct num y)
{
    struct num r = one;

    for (uint32_t k = 32; k >= 2; k--) {
        r = add(one, div_small(num_mul_finite(r, y), k));
    }
    return num_mul_finite(r, y);
}

/* sum of z^k / (2k + 1), k = 0..terms */
static struct num odd_series(struct num z, uint32_t terms)
{
    struct num r = num_zero(false);

    for (uint32_t k = terms + 1; k-- > 0;) {
        r = add(num_mul_finite(r, z), div_small(one, 2 * k + 1));
    }
    return r;
}

struct f80 f80_f2xm1(struct num a, struct fp_env *env)
{
    if (a.cls >= NUM_QNAN) {
        return f80_pack(num_quiet(a, env), env);
    }
    num_note_denormal(a, a, env);
    if (a.cls == NUM_ZERO) {
        return f80_pack(a, env);
    }
    if (a.cls == NUM_INF) {
        return f80_pack(a.sign ? with_sign(one, true) : a, env);
    }
    if (a.exp == 0 && a.sig == one.sig) {
        return f80_pack(a.sign ? scale2(a, -1) : a, env);
    }
    if (a.exp >= 0) {
        /* Out of range: undefined by the manual; processors keep the operand. */
        env->flags |= FP_INEXACT;
        return f80_pack(a, env);
    }
    return pack_inexact(expm1_series(num_mul_finite(a, ln_2)), env);
}

/* log2(x) for a finite x > 0 other than 1. */
static struct num log2_of(struct num x)
{
    /* x = 2^k m with m in [sqrt(1/2), sqrt(2)], roughly, so that k and log2(m) never cancel. */
    const num_sig sqrt_2 = SIG(0xb504f333f9de6484, 0);
    int32_t k = x.exp + (x.sig > sqrt_2);
    struct num m = scale2(x, -k);
    /* log2(m) = 2 / ln 2 * artanh(s), s = (m - 1) / (m + 1) */
    struct num s = num_div_finite(sub(m, one), add(m, one));
    struct num r = num_mul_finite(odd_series(num_mul_finite(s, s), 25), s);

    return add(num_mul_finite(r, two_over_ln_2),
               num_from_uint(k < 0 ? -(uint64_t)k : (uint64_t)k, k < 0));
}

/* True if log2(x) is an integer. */
static bool is_power_of_2(struct num x)
{
    return x.sig == one.sig;
}

/* y times a logarithm of sign `negative` that is infinite or zero. */
static struct f80 times_special(struct num y, struct num log, struct fp_env *env)
{
    return f80_pack(num_mul(log, y, env), env);
}

struct f80 f80_fyl2x(struct num x, struct num y, struct fp_env *env)
{
    struct num r;

    if (num_propagate(y, x, env, &r)) {
        return f80_pack(r, env);
    }
    if (x.cls != NUM_ZERO && x.sign) {
        return f80_pack(num_invalid(env), env);
    }
    if (x.cls == NUM_ZERO) {
        if (y.cls == NUM_FINITE) {
            env->flags |= FP_DIVZERO;
            return f80_pack(num_inf(!y.sign), env);
        }
        return times_special(y, num_inf(true), env);
    }
    if (x.cls == NUM_INF) {
        return times_special(y, x, env);
    }
    num_note_denormal(x, y, env);
    if (x.exp == 0 && is_power_of_2(x)) {
        return times_special(y, num_zero(false), env);
    }
    r = log2_of(x);
    if (y.cls != NUM_FINITE) {
        return times_special(y, r, env);
    }
    r = num_mul_finite(r, y);
    return is_power_of_2(x) ? pack_product(r, env) : pack_inexact(r, env);
}

struct f80 f80_fyl2xp1(struct num x, struct num y, struct fp_env *env)
{
    struct num r, s;

    if (num_propagate(y, x, env, &r)) {
        return f80_pack(r, env);
    }
    if (x.cls == NUM_INF) {
        return x.sign ? f80_pack(num_invalid(env), env) : times_special(y, x, env);
    }
    if (x.cls == NUM_ZERO) {
        return times_special(y, x, env);
    }
    if (x.sign && x.exp >= 0) {
        return f80_pack(num_invalid(env), env); /* x <= -1: undefined by the manual */
    }
    num_note_denormal(x, y, env);
    if (x.exp < -1) {
        /* |x| < 1/2: log2(1 + x) = 2 / ln 2 * artanh(x / (2 + x)) keeps its relative precision. */
        s = num_div_finite(x, add(scale2(one, 1), x));
        r = num_mul_finite(num_mul_finite(odd_series(num_mul_finite(s, s), 32), s), two_over_ln_2);
    } else {
        r = log2_of(add(x, one));
    }
    if (y.cls != NUM_FINITE) {
        return times_special(y, r, env);
    }
    return pack_inexact(num_mul_finite(r, y), env);
}

/* arctan(q) for 0 < q <= 1 */
static struct num arctan(struct num q)
{
    unsigned n = 0;
    struct num c, t;

    /* The nearest eighth c: arctan(q) = arctan(c) + arctan((q - c) / (1 + q c)). */
    if (q.exp >= -5) {
        n = (unsigned)(((q.sig >> (-q.exp)) + ((num_sig)1 << 123)) >> 124);
    }
    if (n == 0) {
        t = q;
    } else {
        c = scale2(num_from_uint(n, false), -3);
        t = num_div_finite(sub(q, c), add(one, num_mul_finite(q, c)));
    }
    t = num_mul_finite(t, odd_series(num_negate(num_mul_finite(t, t)), 17));
    return add(arctan_eighths[n], t);
}

/* The angle of a point on an axis or at infinity, without signs: 0 on the positive x axis. */
static struct num special_angle(struct num x, struct num y)
{
    if (y.cls == NUM_INF && x.cls == NUM_INF) {
        struct num quarter = scale2(pi, -2);

        return x.sign ? sub(pi, quarter) : quarter;
    }
    if (y.cls == NUM_INF || (x.cls == NUM_ZERO && y.cls != NUM_ZERO)) {
        return scale2(pi, -1);
    }
    return x.sign ? pi : num_zero(false);
}

struct f80 f80_fpatan(struct num x, struct num y, struct fp_env *env)
{
    struct num r;

    if (num_propagate(y, x, env, &r)) {
        return f80_pack(r, env);
    }
    num_note_denormal(x, y, env);
    if (x.cls != NUM_FINITE || y.cls != NUM_FINITE) {
        r = with_sign(special_angle(x, y), y.sign);
        return r.cls == NUM_ZERO ? f80_pack(r, env) : pack_inexact(r, env);
    }
    if (num_order(with_sign(y, false), with_sign(x, false)) == FP_GREATER) {
        r = arctan(with_sign(num_div_finite(x, y), false));
        r = x.sign ? add(scale2(pi, -1), r) : sub(scale2(pi, -1), r);
    } else {
        r = arctan(with_sign(num_div_finite(y, x), false));
        r = x.sign ? sub(pi, r) : r;
    }
    return pack_inexact(with_sign(r, y.sign), env);
}

/*
 * |a| = quadrant * pi/2 + rest, with pi/2 = P * 2^-65 for the 66-bit P: exact. `rest` is folded
 * into [-pi/4, pi/4].
 */
static struct num reduce(struct num a, unsigned *quadrant)
{
    const num_sig p = SIG(0xc90fdaa22168c234, 0xc000000000000000) >> 62;
    num_sig rest = a.sig >> 64;
    bool negative = false;

    *quadrant = 0;
    if (a.exp < -1) {
        return with_sign(a, false);
    }
    for (int32_t i = a.exp + 2; i > 0; i--) {
        rest <<= 1;
        *quadrant <<= 1;
        if (rest >= p) {
            rest -= p;
            *quadrant += 1;
        }
    }
    if (rest > p >> 1) {
        rest = p - rest;
        *quadrant += 1;
        negative = true;
    }
    return num_normalise((struct num){
        .cls = NUM_FINITE,
        .sign = negative,
        .exp = 62,
        .sig = rest,
    });
}

/* 1 - z/(a (a+1)) (1 - z/((a+2) (a+3)) (...)): cosine for a = 1, sine / x for a = 2; z = x^2. */
static struct num sine_series(struct num z, uint32_t a)
{
    struct num r = one;

    for (uint32_t k = a + 34; k > a;) {
        k -= 2;
        r = sub(one, div_small(num_mul_finite(r, z), k * (k + 1)));
    }
    return r;
}

/* Sine and cosine of a finite |a| < 2^63. */
static void sine_cosine(struct num a, struct num *s, struct num *c)
{
    unsigned quadrant;
    struct num x = reduce(a, &quadrant), z = num_mul_finite(x, x);
    struct num sine = num_mul_finite(x, sine_series(z, 2)), cosine = sine_series(z, 1);

    *s = quadrant & 1 ? cosine : sine;
    *c = quadrant & 1 ? sine : cosine;
    if (quadrant & 2) {
        *s = num_negate(*s);
    }
    if ((quadrant + 1) & 2) {
        *c = num_negate(*c);
    }
    if (a.sign) {
        *s = num_negate(*s);
    }
}

/* The cases without computation; true if *ret is the answer for sine and tangent. */
static bool sine_special(struct num a, struct f80 *ret, struct fp_env *env)
{
    if (a.cls >= NUM_QNAN) {
        *ret = f80_pack(num_quiet(a, env), env);
    } else if (a.cls == NUM_INF) {
        *ret = f80_pack(num_invalid(env), env);
    } else if (a.cls == NUM_ZERO) {
        *ret = f80_pack(a, env);
    } else {
        return false;
    }
    return true;
}

bool f80_sincos(struct num a, struct f80 *ret_sin, struct f80 *ret_cos, struct fp_env *env)
{
    struct num s, c;
    struct f80 special;

    if (a.cls == NUM_FINITE && a.exp >= 63) {
        return false;
    }
    if (sine_special(a, &special, env)) {
        s = f80_unpack(special);
        c = a.cls == NUM_ZERO ? one : s;
        if (ret_cos) {
            *ret_cos = f80_pack(c, env);
        }
        if (ret_sin) {
            *ret_sin = special;
        }
        return true;
    }
    num_note_denormal(a, a, env);
    sine_cosine(a, &s, &c);
    if (ret_cos) {
        *ret_cos = pack_inexact(c, env);
    }
    if (ret_sin) {
        *ret_sin = pack_inexact(s, env);
    }
    return true;
}

bool f80_tan(struct num a, struct f80 *ret, struct fp_env *env)
{
    struct num s, c;

    if (a.cls == NUM_FINITE && a.exp >= 63) {
        return false;
    }
    if (sine_special(a, ret, env)) {
        return true;
    }
    num_note_denormal(a, a, env);
    sine_cosine(a, &s, &c);
    *ret = pack_inexact(num_div_finite(s, c), env);
    return true;
}
