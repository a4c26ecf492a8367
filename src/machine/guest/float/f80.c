/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The x87 80-bit format. Intel SDM volume 1, 4.2 and chapter 8; volume 2 per instruction. */
#include "machine/guest/float/f80.h"

#include <string.h>

#include "base/bits.h"

#define EXP_MAX    0x7fff
#define BIAS       0x3fff
#define INTEGER    BIT64(63)
#define BCD_DIGITS 18
#define BCD_MAX    UINT64_C(999999999999999999)

const struct fp_format fp_x80 = {.precision = 64, .exp_bits = 15};

enum f80_tag f80_tag(struct f80 a)
{
    unsigned biased = a.se & EXP_MAX;

    if (biased == 0 && a.sig == 0) {
        return F80_ZERO;
    }
    return biased == 0 || biased == EXP_MAX || !(a.sig & INTEGER) ? F80_SPECIAL : F80_VALID;
}

struct num f80_unpack(struct f80 a)
{
    unsigned biased = a.se & EXP_MAX;
    struct num n = {
        .cls = NUM_FINITE,
        .sign = a.se >> 15,
        .exp = (int32_t)biased - BIAS,
        .sig = (num_sig)a.sig << 64,
    };

    if (biased == 0) {
        if (a.sig == 0) {
            return num_zero(n.sign);
        }
        n.exp = 1 - BIAS;
        n = num_normalise(n);
        n.denormal = true;
    } else if (!(a.sig & INTEGER)) {
        n.cls = NUM_UNSUPPORTED;
    } else if (biased == EXP_MAX) {
        n.cls = a.sig == INTEGER ? NUM_INF : a.sig & BIT64(62) ? NUM_QNAN : NUM_SNAN;
    }
    return n;
}

static struct f80 pack(struct num a, unsigned precision, struct fp_env *env)
{
    struct num_packed p = num_round(&fp_x80, num_is_nan(a) ? 64 : precision, a, env);

    return (struct f80){.sig = p.sig, .se = (uint16_t)(p.sign << 15 | p.biased)};
}

struct f80 f80_pack(struct num a, struct fp_env *env)
{
    return pack(a, 64, env);
}

struct f80 f80_indefinite(void)
{
    return (struct f80){.sig = UINT64_C(0xc000000000000000), .se = 0xffff};
}

struct f80 f80_add(struct num a, struct num b, struct fp_env *env)
{
    return pack(num_add(a, b, env), env->precision, env);
}

struct f80 f80_sub(struct num a, struct num b, struct fp_env *env)
{
    return f80_add(a, num_is_nan(b) ? b : num_negate(b), env);
}

struct f80 f80_mul(struct num a, struct num b, struct fp_env *env)
{
    return pack(num_mul(a, b, env), env->precision, env);
}

struct f80 f80_div(struct num a, struct num b, struct fp_env *env)
{
    return pack(num_div(a, b, env), env->precision, env);
}

struct f80 f80_sqrt(struct num a, struct fp_env *env)
{
    return pack(num_sqrt(a, env), env->precision, env);
}

struct f80 f80_round_int(struct num a, struct fp_env *env)
{
    bool up;
    struct f80 r;

    num_note_denormal(a, a, env);
    a = num_round_int(a, env);
    up = env->rounded_up;
    r = f80_pack(a, env);
    env->rounded_up = up;
    return r;
}

/* trunc(b), cut to +-65536, which is beyond every exponent. */
static int32_t scale_of(struct num b)
{
    int32_t n;

    if (b.cls == NUM_ZERO || b.exp < 0) {
        return 0;
    }
    n = b.exp > 16 ? 65536 : (int32_t)(b.sig >> (127 - b.exp));
    return b.sign ? -n : n;
}

struct f80 f80_scale(struct num a, struct num b, struct fp_env *env)
{
    struct num r;

    if (num_propagate(a, b, env, &r)) {
        return f80_pack(r, env);
    }
    if (b.cls == NUM_INF && ((a.cls == NUM_ZERO && !b.sign) || (a.cls == NUM_INF && b.sign))) {
        return f80_pack(num_invalid(env), env);
    }
    num_note_denormal(a, b, env);
    if (b.cls == NUM_INF) {
        return f80_pack(b.sign ? num_zero(a.sign) : num_inf(a.sign), env);
    }
    a.exp += scale_of(b);
    return f80_pack(a, env);
}

struct f80 f80_extract(struct num a, struct f80 *ret_exp, struct fp_env *env)
{
    struct num e;

    if (a.cls >= NUM_QNAN) {
        return *ret_exp = f80_pack(num_quiet(a, env), env);
    }
    if (a.cls == NUM_ZERO) {
        env->flags |= FP_DIVZERO;
        *ret_exp = f80_pack(num_inf(true), env);
        return f80_pack(a, env);
    }
    num_note_denormal(a, a, env);
    if (a.cls == NUM_INF) {
        *ret_exp = f80_pack(num_inf(false), env);
        return f80_pack(a, env);
    }
    e = num_from_uint(a.exp < 0 ? -(uint64_t)a.exp : (uint64_t)a.exp, a.exp < 0);
    *ret_exp = f80_pack(e, env);
    a.exp = 0;
    return f80_pack(a, env);
}

/*
 * Divides 64-bit significands `steps` + 1 bits long: *rest becomes the remainder, scaled like the
 * divisor; returns the quotient's low 64 bits.
 */
static uint64_t long_divide(num_sig *rest, uint64_t divisor, unsigned steps)
{
    uint64_t q = 0;

    for (unsigned i = 0;; i++) {
        q <<= 1;
        if (*rest >= divisor) {
            *rest -= divisor;
            q |= 1;
        }
        if (i == steps) {
            return q;
        }
        *rest <<= 1;
    }
}

/* Both finite. */
static struct num reduce(struct num a, struct num b, bool nearest, uint64_t *q, bool *partial)
{
    int32_t d = a.exp - b.exp;
    uint64_t divisor = (uint64_t)(b.sig >> 64);
    num_sig rest = a.sig >> 64;
    /* The remainder's unit: the divisor's last place, moved up if only part is done. */
    int32_t exp = b.exp;

    if (d < -1 || (d < 0 && !nearest)) {
        return a;
    }
    if (d >= 64) {
        /* The SDM leaves the size of a step (32..63) open; steps end on a multiple of 32. */
        int32_t n = 32 + d % 32;

        *partial = true;
        exp = a.exp - n;
        (void)long_divide(&rest, divisor, (unsigned)n);
    } else if (d >= 0) {
        *q = long_divide(&rest, divisor, (unsigned)d);
    }
    if (nearest && !*partial) {
        /* At d = -1 the remainder is counted in half units of the divisor. */
        num_sig twice = d < 0 ? rest : rest << 1;

        if (twice > divisor || (twice == divisor && (*q & 1))) {
            rest = d < 0 ? ((num_sig)divisor << 1) - rest : divisor - rest;
            *q += 1;
            a.sign = !a.sign;
        }
    }
    if (d < 0) {
        exp -= 1;
    }
    return num_normalise(
        (struct num){.cls = NUM_FINITE, .sign = a.sign, .exp = exp + 64, .sig = rest});
}

struct f80 f80_rem(struct num a, struct num b, bool nearest, uint64_t *ret_quotient,
                   bool *ret_partial, struct fp_env *env)
{
    struct num r;

    *ret_quotient = 0;
    *ret_partial = false;
    if (num_propagate(a, b, env, &r)) {
        return f80_pack(r, env);
    }
    if (a.cls == NUM_INF || b.cls == NUM_ZERO) {
        return f80_pack(num_invalid(env), env);
    }
    num_note_denormal(a, b, env);
    if (a.cls == NUM_ZERO || b.cls == NUM_INF) {
        return f80_pack(a, env);
    }
    r = reduce(a, b, nearest, ret_quotient, ret_partial);
    if (r.cls == NUM_ZERO) {
        r.sign = a.sign;
    }
    return f80_pack(r, env);
}

struct f80 f80_from(const struct fp_format *f, uint64_t bits, struct fp_env *env)
{
    struct num a = num_unpack(f, bits, env);

    if (a.cls >= NUM_QNAN) {
        return f80_pack(num_quiet(a, env), env);
    }
    num_note_denormal(a, a, env);
    return f80_pack(a, env);
}

uint64_t f80_to(const struct fp_format *f, struct num a, struct fp_env *env)
{
    unsigned fraction_bits = f->precision - 1;
    struct num_packed p;

    if (a.cls >= NUM_QNAN) {
        a = num_quiet(a, env);
    }
    p = num_round(f, f->precision, a, env);
    return (uint64_t)p.sign << (fraction_bits + f->exp_bits) | (uint64_t)p.biased << fraction_bits |
           (p.sig & mask64(fraction_bits));
}

struct f80 f80_from_int(int64_t v)
{
    struct fp_env env = {.rules = &fp_rules_x87};

    return f80_pack(num_from_uint(v < 0 ? -(uint64_t)v : (uint64_t)v, v < 0), &env);
}

struct f80 f80_from_bcd(const uint8_t bcd[static 10])
{
    struct fp_env env = {.rules = &fp_rules_x87};
    uint64_t v = 0;

    for (int i = BCD_DIGITS / 2 - 1; i >= 0; i--) {
        v = v * 100 + (uint64_t)(bcd[i] >> 4) * 10 + (bcd[i] & 15);
    }
    return f80_pack(num_from_uint(v, bcd[9] >> 7), &env);
}

void f80_to_bcd(struct num a, uint8_t bcd[static 10], struct fp_env *env)
{
    static const uint8_t indefinite[10] = {[7] = 0xc0, 0xff, 0xff};
    uint8_t flags = env->flags;
    uint64_t v;

    env->rounded_up = false;
    if (a.cls > NUM_FINITE || !num_to_magnitude(a, env, &v) || v > BCD_MAX) {
        env->flags = flags | FP_INVALID;
        env->rounded_up = false;
        memcpy(bcd, indefinite, sizeof(indefinite));
        return;
    }
    for (unsigned i = 0; i < BCD_DIGITS / 2; i++) {
        bcd[i] = (uint8_t)(v % 10 | (v / 10 % 10) << 4);
        v /= 100;
    }
    bcd[9] = a.sign ? 0x80 : 0;
}
