/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Soft floating point: the environment, the rules and the interchange formats binary16, binary32
 * and binary64 (IEEE 754-2008). The x87 80-bit format is in f80.h; both stand on num.h.
 *
 * Everything here is a pure function of its arguments: no globals, no host floating point, any
 * thread. An operation reads the environment's inputs, ORs into `flags` and sets `rounded_up`.
 * Flag bits have the positions of x86's MXCSR and x87 status word.
 */
#ifndef VIV_GUEST_FLOAT_FP_H
#define VIV_GUEST_FLOAT_FP_H

#include <stdbool.h>
#include <stdint.h>

#define FP_INVALID   0x01u
#define FP_DENORMAL  0x02u /* x86: an operand was denormal */
#define FP_DIVZERO   0x04u
#define FP_OVERFLOW  0x08u
#define FP_UNDERFLOW 0x10u
#define FP_INEXACT   0x20u
#define FP_FLAGS     0x3fu

/* What an operation finds before it computes; unmasked, it delivers no result on x86. */
#define FP_PRE_FLAGS (FP_INVALID | FP_DENORMAL | FP_DIVZERO)

/* The first four are x86's RC values. */
enum fp_rounding {
    FP_ROUND_EVEN,
    FP_ROUND_DOWN,
    FP_ROUND_UP,
    FP_ROUND_ZERO,
    FP_ROUND_AWAY, /* nearest, ties away from zero */
};

enum fp_nan_rule {
    FP_NAN_FIRST,      /* SSE: the first operand that is a NaN */
    FP_NAN_LARGER,     /* x87: a quiet one before a signalling one, then the larger significand */
    FP_NAN_SIGNALLING, /* Arm: the first signalling one, else the first quiet one */
    FP_NAN_CANONICAL,  /* RISC-V: always the default NaN */
};

/* What an architecture fixes. */
struct fp_rules {
    enum fp_nan_rule nan;
    bool default_nan_negative; /* x86's "real indefinite" */
    bool tiny_before_rounding; /* Arm; x86 and RISC-V look after rounding */
    bool integer_indefinite;   /* x86: out of range gives 1000..0; otherwise saturate */
    bool fma_inf_zero_invalid; /* inf * 0 + quiet NaN is invalid (Arm, RISC-V), not only a NaN */
};

extern const struct fp_rules fp_rules_sse;
extern const struct fp_rules fp_rules_x87;
extern const struct fp_rules fp_rules_arm;
extern const struct fp_rules fp_rules_riscv;

struct fp_env {
    const struct fp_rules *rules;
    uint8_t rounding;  /* enum fp_rounding */
    uint8_t precision; /* x87 results only: 24, 53 or 64 bits */
    uint8_t unmasked;  /* flags whose exception is delivered: an over- or underflowing result
                          then wraps its exponent, and UNDERFLOW needs no inexactness */
    bool daz;          /* denormal operands are zeros */
    bool ftz;          /* tiny results are zeros, while underflow is masked */
    uint8_t flags;     /* out: ORed */
    bool rounded_up;   /* out: the last rounding increased the magnitude (x87's C1) */
};

enum fp_order {
    FP_LESS = -1,
    FP_EQUAL = 0,
    FP_GREATER = 1,
    FP_UNORDERED = 2,
};

struct fp_format {
    uint8_t precision; /* significand bits with the leading one */
    uint8_t exp_bits;
};

extern const struct fp_format fp_b16;
extern const struct fp_format fp_b32;
extern const struct fp_format fp_b64;

/* `a` and `b` are bit patterns in the low bits; upper bits are ignored, and zero in results. */
uint64_t fp_add(const struct fp_format *f, uint64_t a, uint64_t b, struct fp_env *env);
uint64_t fp_sub(const struct fp_format *f, uint64_t a, uint64_t b, struct fp_env *env);
uint64_t fp_mul(const struct fp_format *f, uint64_t a, uint64_t b, struct fp_env *env);
uint64_t fp_div(const struct fp_format *f, uint64_t a, uint64_t b, struct fp_env *env);
uint64_t fp_sqrt(const struct fp_format *f, uint64_t a, struct fp_env *env);

/* a * b + c, rounded once. Negate by flipping the sign of a or c (but see NaNs: they keep it). */
uint64_t fp_fma(const struct fp_format *f, uint64_t a, uint64_t b, uint64_t c, bool negate_product,
                bool negate_addend, struct fp_env *env);

/* A quiet comparison raises INVALID for signalling NaNs only, a signalling one for every NaN. */
enum fp_order fp_compare(const struct fp_format *f, uint64_t a, uint64_t b, bool signalling,
                         struct fp_env *env);

/* x86's MIN and MAX: the second operand if either is a NaN (INVALID) or both are zeros. */
uint64_t fp_min_x86(const struct fp_format *f, uint64_t a, uint64_t b, struct fp_env *env);
uint64_t fp_max_x86(const struct fp_format *f, uint64_t a, uint64_t b, struct fp_env *env);

/* To an integral value in the same format; INEXACT if it changed. */
uint64_t fp_round_int(const struct fp_format *f, uint64_t a, struct fp_env *env);

/* a * 2^n, rounded. */
uint64_t fp_scale(const struct fp_format *f, uint64_t a, int32_t n, struct fp_env *env);

uint64_t fp_convert(const struct fp_format *to, const struct fp_format *from, uint64_t a,
                    struct fp_env *env);

/*
 * To an integer of `bits` (1..64) by the environment's rounding; the result is extended to 64
 * bits by its own signedness. Out of range or NaN: INVALID and what the rules say.
 */
int64_t fp_to_int(const struct fp_format *f, uint64_t a, unsigned bits, struct fp_env *env);
uint64_t fp_to_uint(const struct fp_format *f, uint64_t a, unsigned bits, struct fp_env *env);

uint64_t fp_from_int(const struct fp_format *f, int64_t v, struct fp_env *env);
uint64_t fp_from_uint(const struct fp_format *f, uint64_t v, struct fp_env *env);

#endif
