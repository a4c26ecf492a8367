/* SPDX-License-Identifier: GPL-2.0-or-later */
/* binary16, binary32 and binary64: unpack, compute, round. */
#include "machine/guest/float/fp.h"

#include "base/bits.h"
#include "machine/guest/float/num.h"

const struct fp_format fp_b16 = {.precision = 11, .exp_bits = 5};
const struct fp_format fp_b32 = {.precision = 24, .exp_bits = 8};
const struct fp_format fp_b64 = {.precision = 53, .exp_bits = 11};

static uint64_t pack(const struct fp_format *f, struct num a, struct fp_env *env)
{
    struct num_packed p = num_round(f, f->precision, a, env);
    unsigned fraction_bits = f->precision - 1;

    return (uint64_t)p.sign << (fraction_bits + f->exp_bits) | (uint64_t)p.biased << fraction_bits |
           (p.sig & mask64(fraction_bits));
}

uint64_t fp_add(const struct fp_format *f, uint64_t a, uint64_t b, struct fp_env *env)
{
    return pack(f, num_add(num_unpack(f, a, env), num_unpack(f, b, env), env), env);
}

uint64_t fp_sub(const struct fp_format *f, uint64_t a, uint64_t b, struct fp_env *env)
{
    struct num x = num_unpack(f, a, env), y = num_unpack(f, b, env);

    /* A NaN passes through a subtraction with its own sign. */
    return pack(f, num_add(x, num_is_nan(y) ? y : num_negate(y), env), env);
}

uint64_t fp_mul(const struct fp_format *f, uint64_t a, uint64_t b, struct fp_env *env)
{
    return pack(f, num_mul(num_unpack(f, a, env), num_unpack(f, b, env), env), env);
}

uint64_t fp_div(const struct fp_format *f, uint64_t a, uint64_t b, struct fp_env *env)
{
    return pack(f, num_div(num_unpack(f, a, env), num_unpack(f, b, env), env), env);
}

uint64_t fp_sqrt(const struct fp_format *f, uint64_t a, struct fp_env *env)
{
    return pack(f, num_sqrt(num_unpack(f, a, env), env), env);
}

uint64_t fp_fma(const struct fp_format *f, uint64_t a, uint64_t b, uint64_t c, bool negate_product,
                bool negate_addend, struct fp_env *env)
{
    struct num x = num_unpack(f, a, env);
    struct num y = num_unpack(f, b, env);
    struct num z = num_unpack(f, c, env);

    if (negate_product && !num_is_nan(x)) {
        x = num_negate(x);
    }
    if (negate_addend && !num_is_nan(z)) {
        z = num_negate(z);
    }
    return pack(f, num_fma(x, y, z, env), env);
}

enum fp_order fp_compare(const struct fp_format *f, uint64_t a, uint64_t b, bool signalling,
                         struct fp_env *env)
{
    return num_compare(num_unpack(f, a, env), num_unpack(f, b, env), signalling, env);
}

/* `a` as an operand that is only copied: a denormal counts as zero under DAZ. */
static uint64_t operand(const struct fp_format *f, uint64_t a, struct num x)
{
    unsigned width = f->precision + f->exp_bits;

    return x.cls == NUM_ZERO ? a & BIT64(width - 1) : a & mask64(width);
}

static uint64_t pick(const struct fp_format *f, uint64_t a, uint64_t b, enum fp_order first_if,
                     struct fp_env *env)
{
    struct num x = num_unpack(f, a, env), y = num_unpack(f, b, env);

    return num_compare(x, y, true, env) == first_if ? operand(f, a, x) : operand(f, b, y);
}

uint64_t fp_min_x86(const struct fp_format *f, uint64_t a, uint64_t b, struct fp_env *env)
{
    return pick(f, a, b, FP_LESS, env);
}

uint64_t fp_max_x86(const struct fp_format *f, uint64_t a, uint64_t b, struct fp_env *env)
{
    return pick(f, a, b, FP_GREATER, env);
}

uint64_t fp_round_int(const struct fp_format *f, uint64_t a, struct fp_env *env)
{
    return pack(f, num_round_int(num_unpack(f, a, env), env), env);
}

uint64_t fp_scale(const struct fp_format *f, uint64_t a, int32_t n, struct fp_env *env)
{
    struct num x = num_unpack(f, a, env);

    if (x.cls >= NUM_QNAN) {
        return pack(f, num_quiet(x, env), env);
    }
    num_note_denormal(x, x, env);
    /* Beyond this every format over- or underflows: keep the sum in range. */
    x.exp += n < -100000 ? -100000 : n > 100000 ? 100000 : n;
    return pack(f, x, env);
}

uint64_t fp_convert(const struct fp_format *to, const struct fp_format *from, uint64_t a,
                    struct fp_env *env)
{
    struct num x = num_unpack(from, a, env);

    if (x.cls >= NUM_QNAN) {
        return pack(to, num_quiet(x, env), env);
    }
    num_note_denormal(x, x, env);
    return pack(to, x, env);
}

int64_t fp_to_int(const struct fp_format *f, uint64_t a, unsigned bits, struct fp_env *env)
{
    return num_to_int(num_unpack(f, a, env), bits, env);
}

uint64_t fp_to_uint(const struct fp_format *f, uint64_t a, unsigned bits, struct fp_env *env)
{
    return num_to_uint(num_unpack(f, a, env), bits, env);
}

uint64_t fp_from_int(const struct fp_format *f, int64_t v, struct fp_env *env)
{
    return pack(f, num_from_uint(v < 0 ? -(uint64_t)v : (uint64_t)v, v < 0), env);
}

uint64_t fp_from_uint(const struct fp_format *f, uint64_t v, struct fp_env *env)
{
    return pack(f, num_from_uint(v, false), env);
}
