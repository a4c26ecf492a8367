/* SPDX-License-Identifier: GPL-2.0-or-later */
/* F and D: volume I, chapters 11 and 12. */
#include "machine/guest/riscv64/fpu.h"

#include "machine/guest/float/fp.h"
#include "machine/guest/riscv64/insn.h"

#define NAN_S 0x7fc00000u
#define NAN_D UINT64_C(0x7ff8000000000000)

#define RM_DYNAMIC 7

/* Bits of fflags. */
#define NX 0x01
#define UF 0x02
#define OF 0x04
#define DZ 0x08
#define NV 0x10

struct kind {
    const struct fp_format *format;
    uint64_t box, nan, sign;
};

static const struct kind single = {&fp_b32, RISCV_BOX, NAN_S, 0x80000000u};
static const struct kind dbl = {&fp_b64, 0, NAN_D, UINT64_C(1) << 63};

/* A register's value as this kind has it: a single that is not boxed is a NaN. */
static uint64_t get(const struct riscv_cpu *c, const struct kind *k, unsigned reg)
{
    uint64_t v = c->f[reg];

    return (v & k->box) == k->box ? v & ~k->box : k->nan;
}

static void put(struct riscv_cpu *c, const struct kind *k, unsigned reg, uint64_t v)
{
    riscv_float_set(c, reg, v | k->box);
}

/* FALSE: floating point is off, or the rounding mode is none. */
static bool begin(const struct riscv_cpu *c, unsigned rm, struct fp_env *env)
{
    static const uint8_t roundings[] = {FP_ROUND_EVEN, FP_ROUND_ZERO, FP_ROUND_DOWN, FP_ROUND_UP,
                                        FP_ROUND_AWAY};

    if (rm == RM_DYNAMIC) {
        rm = c->frm;
    }
    if (riscv_float_off(c) || rm >= G_N_ELEMENTS(roundings)) {
        return false;
    }
    *env = (struct fp_env){.rules = &fp_rules_riscv, .rounding = roundings[rm]};
    return true;
}

static enum riscv_status end(struct riscv_cpu *c, const struct fp_env *env)
{
    uint8_t flags = (env->flags & FP_INVALID ? NV : 0) | (env->flags & FP_DIVZERO ? DZ : 0) |
                    (env->flags & FP_OVERFLOW ? OF : 0) | (env->flags & FP_UNDERFLOW ? UF : 0) |
                    (env->flags & FP_INEXACT ? NX : 0);

    if (flags & ~c->fflags) {
        c->fflags |= flags;
        riscv_float_dirty(c);
    }
    return RISCV_OK;
}

typedef uint64_t (*binary_fn)(const struct fp_format *f, uint64_t a, uint64_t b,
                              struct fp_env *env);

static enum riscv_status binary(struct riscv_cpu *c, const struct riscv_insn *in,
                                const struct kind *k, binary_fn fn)
{
    struct fp_env env;

    if (!begin(c, in->rm, &env)) {
        return riscv_illegal(c, in);
    }
    put(c, k, in->rd, fn(k->format, get(c, k, in->rs1), get(c, k, in->rs2), &env));
    return end(c, &env);
}

static enum riscv_status root(struct riscv_cpu *c, const struct riscv_insn *in,
                              const struct kind *k)
{
    struct fp_env env;

    if (!begin(c, in->rm, &env)) {
        return riscv_illegal(c, in);
    }
    put(c, k, in->rd, fp_sqrt(k->format, get(c, k, in->rs1), &env));
    return end(c, &env);
}

static enum riscv_status fused(struct riscv_cpu *c, const struct riscv_insn *in,
                               const struct kind *k, bool negate_product, bool negate_addend)
{
    struct fp_env env;

    if (!begin(c, in->rm, &env)) {
        return riscv_illegal(c, in);
    }
    put(c, k, in->rd,
        fp_fma(k->format, get(c, k, in->rs1), get(c, k, in->rs2), get(c, k, in->rs3),
               negate_product, negate_addend, &env));
    return end(c, &env);
}

static enum riscv_status sign(struct riscv_cpu *c, const struct riscv_insn *in,
                              const struct kind *k)
{
    uint64_t a = get(c, k, in->rs1), b = get(c, k, in->rs2) & k->sign;

    if (riscv_float_off(c)) {
        return riscv_illegal(c, in);
    }
    switch (in->rm) {
    case 0: a = (a & ~k->sign) | b; break;
    case 1: a = (a & ~k->sign) | (b ^ k->sign); break;
    default: a ^= b; break;
    }
    put(c, k, in->rd, a);
    return RISCV_OK;
}

static bool is_nan(const struct kind *k, uint64_t v)
{
    uint64_t infinity = k == &single ? 0x7f800000u : UINT64_C(0x7ff0000000000000);

    return (v & ~k->sign) > infinity;
}

/* A NaN loses against a number; -0 is below +0. */
static enum riscv_status least(struct riscv_cpu *c, const struct riscv_insn *in,
                               const struct kind *k, bool greatest)
{
    uint64_t a = get(c, k, in->rs1), b = get(c, k, in->rs2), v;
    struct fp_env env;
    enum fp_order order;

    if (!begin(c, 0, &env)) {
        return riscv_illegal(c, in);
    }
    order = fp_compare(k->format, a, b, false, &env);
    if (order == FP_UNORDERED) {
        v = !is_nan(k, a) ? a : !is_nan(k, b) ? b : k->nan;
    } else if (order == FP_EQUAL) {
        v = !!(a & k->sign) != greatest ? a : b;
    } else {
        v = (order == FP_LESS) != greatest ? a : b;
    }
    put(c, k, in->rd, v);
    return end(c, &env);
}

static enum riscv_status compare(struct riscv_cpu *c, const struct riscv_insn *in,
                                 const struct kind *k)
{
    struct fp_env env;
    enum fp_order order;

    if (!begin(c, 0, &env)) {
        return riscv_illegal(c, in);
    }
    order = fp_compare(k->format, get(c, k, in->rs1), get(c, k, in->rs2), in->rm != 2, &env);
    riscv_set(c, in->rd,
              in->rm == 0   ? order == FP_LESS || order == FP_EQUAL
              : in->rm == 1 ? order == FP_LESS
                            : order == FP_EQUAL);
    return end(c, &env);
}

/* One bit of ten (volume I, 11.9). */
static uint64_t classify(const struct kind *k, uint64_t v)
{
    uint64_t quiet = k == &single ? 0x00400000u : UINT64_C(1) << 51;
    uint64_t infinity = k == &single ? 0x7f800000u : UINT64_C(0x7ff0000000000000);
    uint64_t least_normal = quiet << 1, size = v & ~k->sign;
    bool negative = v & k->sign;

    if (size > infinity) {
        return v & quiet ? 1 << 9 : 1 << 8;
    }
    if (size == infinity) {
        return negative ? 1 << 0 : 1 << 7;
    }
    if (size == 0) {
        return negative ? 1 << 3 : 1 << 4;
    }
    if (size < least_normal) {
        return negative ? 1 << 2 : 1 << 5;
    }
    return negative ? 1 << 1 : 1 << 6;
}

static enum riscv_status to_integer(struct riscv_cpu *c, const struct riscv_insn *in,
                                    const struct kind *k, unsigned bits, bool is_signed)
{
    struct fp_env env;
    uint64_t a = get(c, k, in->rs1), v;

    if (!begin(c, in->rm, &env)) {
        return riscv_illegal(c, in);
    }
    v = is_signed ? (uint64_t)fp_to_int(k->format, a, bits, &env)
                  : fp_to_uint(k->format, a, bits, &env);
    riscv_set(c, in->rd, bits == 32 ? (uint64_t)(int64_t)(int32_t)v : v);
    return end(c, &env);
}

static enum riscv_status from_integer(struct riscv_cpu *c, const struct riscv_insn *in,
                                      const struct kind *k, unsigned bits, bool is_signed)
{
    struct fp_env env;
    uint64_t a = c->x[in->rs1];

    if (!begin(c, in->rm, &env)) {
        return riscv_illegal(c, in);
    }
    if (is_signed) {
        a = fp_from_int(k->format, bits == 32 ? (int32_t)a : (int64_t)a, &env);
    } else {
        a = fp_from_uint(k->format, bits == 32 ? (uint32_t)a : a, &env);
    }
    put(c, k, in->rd, a);
    return end(c, &env);
}

#define OPERATIONS(s, k)                                         \
    RISCV_HANDLER(fadd_##s)                                      \
    {                                                            \
        return binary(c, in, &k, fp_add);                        \
    }                                                            \
    RISCV_HANDLER(fsub_##s)                                      \
    {                                                            \
        return binary(c, in, &k, fp_sub);                        \
    }                                                            \
    RISCV_HANDLER(fmul_##s)                                      \
    {                                                            \
        return binary(c, in, &k, fp_mul);                        \
    }                                                            \
    RISCV_HANDLER(fdiv_##s)                                      \
    {                                                            \
        return binary(c, in, &k, fp_div);                        \
    }                                                            \
    RISCV_HANDLER(fsqrt_##s)                                     \
    {                                                            \
        return root(c, in, &k);                                  \
    }                                                            \
    RISCV_HANDLER(fmadd_##s)                                     \
    {                                                            \
        return fused(c, in, &k, false, false);                   \
    }                                                            \
    RISCV_HANDLER(fmsub_##s)                                     \
    {                                                            \
        return fused(c, in, &k, false, true);                    \
    }                                                            \
    RISCV_HANDLER(fnmsub_##s)                                    \
    {                                                            \
        return fused(c, in, &k, true, false);                    \
    }                                                            \
    RISCV_HANDLER(fnmadd_##s)                                    \
    {                                                            \
        return fused(c, in, &k, true, true);                     \
    }                                                            \
    RISCV_HANDLER(fsgnj_##s)                                     \
    {                                                            \
        return sign(c, in, &k);                                  \
    }                                                            \
    RISCV_HANDLER(fsgnjn_##s)                                    \
    {                                                            \
        return sign(c, in, &k);                                  \
    }                                                            \
    RISCV_HANDLER(fsgnjx_##s)                                    \
    {                                                            \
        return sign(c, in, &k);                                  \
    }                                                            \
    RISCV_HANDLER(fmin_##s)                                      \
    {                                                            \
        return least(c, in, &k, false);                          \
    }                                                            \
    RISCV_HANDLER(fmax_##s)                                      \
    {                                                            \
        return least(c, in, &k, true);                           \
    }                                                            \
    RISCV_HANDLER(fle_##s)                                       \
    {                                                            \
        return compare(c, in, &k);                               \
    }                                                            \
    RISCV_HANDLER(flt_##s)                                       \
    {                                                            \
        return compare(c, in, &k);                               \
    }                                                            \
    RISCV_HANDLER(feq_##s)                                       \
    {                                                            \
        return compare(c, in, &k);                               \
    }                                                            \
    RISCV_HANDLER(fclass_##s)                                    \
    {                                                            \
        if (riscv_float_off(c)) {                                \
            return riscv_illegal(c, in);                         \
        }                                                        \
        riscv_set(c, in->rd, classify(&k, get(c, &k, in->rs1))); \
        return RISCV_OK;                                         \
    }                                                            \
    RISCV_HANDLER(fcvt_w_##s)                                    \
    {                                                            \
        return to_integer(c, in, &k, 32, true);                  \
    }                                                            \
    RISCV_HANDLER(fcvt_wu_##s)                                   \
    {                                                            \
        return to_integer(c, in, &k, 32, false);                 \
    }                                                            \
    RISCV_HANDLER(fcvt_l_##s)                                    \
    {                                                            \
        return to_integer(c, in, &k, 64, true);                  \
    }                                                            \
    RISCV_HANDLER(fcvt_lu_##s)                                   \
    {                                                            \
        return to_integer(c, in, &k, 64, false);                 \
    }                                                            \
    RISCV_HANDLER(fcvt_##s##_w)                                  \
    {                                                            \
        return from_integer(c, in, &k, 32, true);                \
    }                                                            \
    RISCV_HANDLER(fcvt_##s##_wu)                                 \
    {                                                            \
        return from_integer(c, in, &k, 32, false);               \
    }                                                            \
    RISCV_HANDLER(fcvt_##s##_l)                                  \
    {                                                            \
        return from_integer(c, in, &k, 64, true);                \
    }                                                            \
    RISCV_HANDLER(fcvt_##s##_lu)                                 \
    {                                                            \
        return from_integer(c, in, &k, 64, false);               \
    }

OPERATIONS(s, single)
OPERATIONS(d, dbl)

static enum riscv_status convert(struct riscv_cpu *c, const struct riscv_insn *in,
                                 const struct kind *to, const struct kind *from)
{
    struct fp_env env;

    if (!begin(c, in->rm, &env)) {
        return riscv_illegal(c, in);
    }
    put(c, to, in->rd, fp_convert(to->format, from->format, get(c, from, in->rs1), &env));
    return end(c, &env);
}

RISCV_HANDLER(fcvt_s_d)
{
    return convert(c, in, &single, &dbl);
}

RISCV_HANDLER(fcvt_d_s)
{
    return convert(c, in, &dbl, &single);
}

/* Moves take the bits as they are. */
#define MOVE(name, effect)               \
    RISCV_HANDLER(name)                  \
    {                                    \
        if (riscv_float_off(c)) {        \
            return riscv_illegal(c, in); \
        }                                \
        effect;                          \
        return RISCV_OK;                 \
    }

MOVE(fmv_x_w, riscv_set(c, in->rd, (uint64_t)(int64_t)(int32_t)c->f[in->rs1]))
MOVE(fmv_x_d, riscv_set(c, in->rd, c->f[in->rs1]))
MOVE(fmv_w_x, riscv_float_set(c, in->rd, (uint32_t)c->x[in->rs1] | RISCV_BOX))
MOVE(fmv_d_x, riscv_float_set(c, in->rd, c->x[in->rs1]))
