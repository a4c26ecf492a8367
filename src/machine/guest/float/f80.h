/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The x87 80-bit extended format and the x87 operations that no other unit has. Pure functions;
 * any thread. Operands come unpacked (num.h), so that an instruction with a 32- or 64-bit memory
 * operand sees that operand as it is (its denormals and NaNs, unconverted).
 *
 * An operation raises what Intel SDM volume 1, chapter 8 lists for it, with C1 in
 * `env->rounded_up`. Where env->flags & env->unmasked & FP_PRE_FLAGS is set afterwards the
 * processor delivers no result; the caller checks.
 */
#ifndef VIV_GUEST_FLOAT_F80_H
#define VIV_GUEST_FLOAT_F80_H

#include "machine/guest/float/fp.h"
#include "machine/guest/float/num.h"

struct f80 {
    uint64_t sig; /* with the explicit integer bit (63) */
    uint16_t se;  /* sign (15) and biased exponent */
};

extern const struct fp_format fp_x80;

/* The tag word's classes. */
enum f80_tag {
    F80_VALID,
    F80_ZERO,
    F80_SPECIAL, /* NaN, infinity, denormal, unsupported */
    F80_EMPTY,
};

enum f80_tag f80_tag(struct f80 a);

struct num f80_unpack(struct f80 a);

/* Rounds to 64 bits whatever env->precision says. */
struct f80 f80_pack(struct num a, struct fp_env *env);

struct f80 f80_indefinite(void);

/* Rounded to env->precision. */
struct f80 f80_add(struct num a, struct num b, struct fp_env *env);
struct f80 f80_sub(struct num a, struct num b, struct fp_env *env);
struct f80 f80_mul(struct num a, struct num b, struct fp_env *env);
struct f80 f80_div(struct num a, struct num b, struct fp_env *env);
struct f80 f80_sqrt(struct num a, struct fp_env *env);

/* FRNDINT. */
struct f80 f80_round_int(struct num a, struct fp_env *env);

/* FSCALE: a * 2^trunc(b). */
struct f80 f80_scale(struct num a, struct num b, struct fp_env *env);

/* FXTRACT: the significand is returned, the exponent goes to *ret_exp. */
struct f80 f80_extract(struct num a, struct f80 *ret_exp, struct fp_env *env);

/*
 * FPREM (truncating) and FPREM1 (to nearest even). *ret_quotient gets the low bits of the
 * quotient; *ret_partial is true (C2) if only a part of the reduction was done.
 */
struct f80 f80_rem(struct num a, struct num b, bool nearest, uint64_t *ret_quotient,
                   bool *ret_partial, struct fp_env *env);

/* FLD m32/m64 and FST m32/m64. */
struct f80 f80_from(const struct fp_format *f, uint64_t bits, struct fp_env *env);
uint64_t f80_to(const struct fp_format *f, struct num a, struct fp_env *env);

struct f80 f80_from_int(int64_t v);

/* FLD and FST m80dec: 18 packed digits and a sign byte, little endian. */
struct f80 f80_from_bcd(const uint8_t bcd[static 10]);
void f80_to_bcd(struct num a, uint8_t bcd[static 10], struct fp_env *env);

/*
 * Transcendentals (trans.c): error below one unit in the last place of 64 bits, whatever
 * env->precision; INEXACT unless the result is exact.
 */
struct f80 f80_f2xm1(struct num a, struct fp_env *env);
struct f80 f80_fyl2x(struct num x, struct num y, struct fp_env *env);
struct f80 f80_fyl2xp1(struct num x, struct num y, struct fp_env *env);
struct f80 f80_fpatan(struct num x, struct num y, struct fp_env *env); /* arctan(y / x) */

/*
 * False (C2) if |a| >= 2^63: then nothing is computed. Reduction uses pi to 66 bits. Either result
 * may be NULL: then it raises no flags either.
 */
bool f80_sincos(struct num a, struct f80 *ret_sin, struct f80 *ret_cos, struct fp_env *env);
bool f80_tan(struct num a, struct f80 *ret, struct fp_env *env);

#endif
