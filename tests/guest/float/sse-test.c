/* SPDX-License-Identifier: GPL-2.0-or-later */
/* binary32 and binary64 against the host's own SSE2, result and MXCSR flags bit for bit. */
#include <glib.h>

#include "tests/guest/float/operand.h"

#if defined(__x86_64__)

#define ROUNDS 150000

enum op {
    ADD,
    SUB,
    MUL,
    DIV,
    MIN,
    MAX,
    SQRT,
    COMPARE,
    COMPARE_SIGNALLING,
    CONVERT, /* to the other format */
    TO_INT32,
    TO_INT64,
    TRUNCATE_INT32,
    TRUNCATE_INT64,
    FROM_INT32,
    FROM_INT64,
    OPS,
};

static const char *const op_name[OPS] = {
    "add",  "sub", "mul",      "div",      "min",       "max",       "sqrt",    "ucomi",
    "comi", "cvt", "cvt2si32", "cvt2si64", "cvtt2si32", "cvtt2si64", "cvtsi32", "cvtsi64",
};

/* Order as UCOMISx leaves it in ZF, PF, CF. */
static uint64_t order_of(uint64_t flags)
{
    switch (flags & 0x45) {
    case 0x45: return FP_UNORDERED;
    case 0x40: return FP_EQUAL;
    case 0x01: return (uint64_t)(int64_t)FP_LESS;
    default: return FP_GREATER;
    }
}

#define NATIVE_2(insn)                                             \
    __asm__ volatile("ldmxcsr %3\n\t" insn " %2, %0\n\tstmxcsr %1" \
                     : "+x"(x), "=m"(out)                          \
                     : "x"(y), "m"(csr));                          \
    break
#define NATIVE_TO_INT(insn, reg)                                          \
    __asm__ volatile("ldmxcsr %3\n\t" insn " %2, %" reg "0\n\tstmxcsr %1" \
                     : "=&r"(r), "=m"(out)                                \
                     : "x"(x), "m"(csr))
#define NATIVE_FROM_INT(insn, reg)                                        \
    __asm__ volatile("ldmxcsr %3\n\t" insn " %" reg "2, %0\n\tstmxcsr %1" \
                     : "+x"(x), "=m"(out)                                 \
                     : "r"(a), "m"(csr));                                 \
    break

#define NATIVE_COMPARE(insn)                                                           \
    __asm__ volatile("ldmxcsr %4\n\t" insn " %3, %2\n\tpushfq\n\tpop %0\n\tstmxcsr %1" \
                     : "=&r"(r), "=m"(out)                                             \
                     : "x"(x), "x"(y), "m"(csr)                                        \
                     : "cc");                                                          \
    *ret_csr = out;                                                                    \
    return order_of(r)

#define NATIVE(name, s, type, uint)                                                           \
    static uint64_t name(enum op op, uint64_t a, uint64_t b, uint32_t csr, uint32_t *ret_csr) \
    {                                                                                         \
        union {                                                                               \
            uint uval;                                                                        \
            type f;                                                                           \
        } u = {.uval = (uint)a}, v = {.uval = (uint)b};                                       \
        type x = u.f, y = v.f;                                                                \
        uint32_t out = 0;                                                                     \
        uint64_t r = 0;                                                                       \
                                                                                              \
        switch (op) {                                                                         \
        case ADD: NATIVE_2("adds" s);                                                         \
        case SUB: NATIVE_2("subs" s);                                                         \
        case MUL: NATIVE_2("muls" s);                                                         \
        case DIV: NATIVE_2("divs" s);                                                         \
        case MIN: NATIVE_2("mins" s);                                                         \
        case MAX: NATIVE_2("maxs" s);                                                         \
        case SQRT: NATIVE_2("sqrts" s);                                                       \
        case COMPARE: NATIVE_COMPARE("ucomis" s);                                             \
        case COMPARE_SIGNALLING: NATIVE_COMPARE("comis" s);                                   \
        case TO_INT32:                                                                        \
            NATIVE_TO_INT("cvts" s "2si", "k");                                               \
            r = (uint64_t)(int32_t)r;                                                         \
            *ret_csr = out;                                                                   \
            return r;                                                                         \
        case TO_INT64:                                                                        \
            NATIVE_TO_INT("cvts" s "2si", "q");                                               \
            *ret_csr = out;                                                                   \
            return r;                                                                         \
        case TRUNCATE_INT32:                                                                  \
            NATIVE_TO_INT("cvtts" s "2si", "k");                                              \
            r = (uint64_t)(int32_t)r;                                                         \
            *ret_csr = out;                                                                   \
            return r;                                                                         \
        case TRUNCATE_INT64:                                                                  \
            NATIVE_TO_INT("cvtts" s "2si", "q");                                              \
            *ret_csr = out;                                                                   \
            return r;                                                                         \
        case FROM_INT32: NATIVE_FROM_INT("cvtsi2s" s "l", "k");                               \
        case FROM_INT64: NATIVE_FROM_INT("cvtsi2s" s "q", "q");                               \
        default: g_assert_not_reached();                                                      \
        }                                                                                     \
        *ret_csr = out;                                                                       \
        u.f = x;                                                                              \
        return u.uval;                                                                        \
    }
NATIVE(native_32, "s", float, uint32_t)
NATIVE(native_64, "d", double, uint64_t)

static uint64_t native_convert(bool from_32, uint64_t a, uint32_t csr, uint32_t *ret_csr)
{
    uint64_t r = 0;
    uint32_t out;

    if (from_32) {
        __asm__ volatile("ldmxcsr %3\n\tmovq %2, %%xmm0\n\tcvtss2sd %%xmm0, %%xmm0\n\t"
                         "movq %%xmm0, %0\n\tstmxcsr %1"
                         : "=r"(r), "=m"(out)
                         : "r"(a), "m"(csr)
                         : "xmm0");
    } else {
        __asm__ volatile("ldmxcsr %3\n\tmovq %2, %%xmm0\n\tcvtsd2ss %%xmm0, %%xmm0\n\t"
                         "movq %%xmm0, %0\n\tstmxcsr %1"
                         : "=r"(r), "=m"(out)
                         : "r"(a), "m"(csr)
                         : "xmm0");
        r = (uint32_t)r;
    }
    *ret_csr = out;
    return r;
}

static uint64_t soft(const struct fp_format *f, enum op op, uint64_t a, uint64_t b,
                     struct fp_env *env)
{
    const struct fp_format *other = f == &fp_b32 ? &fp_b64 : &fp_b32;
    struct fp_env trunc = *env;
    uint64_t r;

    switch (op) {
    case ADD: return fp_add(f, a, b, env);
    case SUB: return fp_sub(f, a, b, env);
    case MUL: return fp_mul(f, a, b, env);
    case DIV: return fp_div(f, a, b, env);
    case MIN: return fp_min_x86(f, a, b, env);
    case MAX: return fp_max_x86(f, a, b, env);
    case SQRT: return fp_sqrt(f, b, env);
    case COMPARE: return (uint64_t)(int64_t)fp_compare(f, a, b, false, env);
    case COMPARE_SIGNALLING: return (uint64_t)(int64_t)fp_compare(f, a, b, true, env);
    case CONVERT: return fp_convert(other, f, a, env);
    case TO_INT32: return (uint64_t)fp_to_int(f, a, 32, env);
    case TO_INT64: return (uint64_t)fp_to_int(f, a, 64, env);
    case TRUNCATE_INT32:
    case TRUNCATE_INT64:
        trunc.rounding = FP_ROUND_ZERO;
        r = (uint64_t)fp_to_int(f, a, op == TRUNCATE_INT32 ? 32 : 64, &trunc);
        env->flags = trunc.flags;
        return r;
    case FROM_INT32: return fp_from_int(f, (int32_t)a, env);
    case FROM_INT64: return fp_from_int(f, (int64_t)a, env);
    default: g_assert_not_reached();
    }
}

static void check(const struct fp_format *f, enum op op, uint64_t a, uint64_t b, uint32_t csr)
{
    struct fp_env env = {
        .rules = &fp_rules_sse,
        .rounding = (csr >> 13) & 3,
        .daz = csr & 0x40,
        .ftz = csr & 0x8000,
    };
    uint64_t got = soft(f, op, a, b, &env), want;
    uint32_t out;

    if (op == CONVERT) {
        want = native_convert(f == &fp_b32, a, csr, &out);
    } else {
        want = (f == &fp_b32 ? native_32 : native_64)(op, a, b, csr, &out);
    }
    out &= FP_FLAGS;
    if (got != want || env.flags != out) {
        g_test_message("%s%d a=%" G_GINT64_MODIFIER "x b=%" G_GINT64_MODIFIER "x mxcsr=%x: "
                       "soft %" G_GINT64_MODIFIER "x/%02x host %" G_GINT64_MODIFIER "x/%02x",
                       op_name[op], f->precision, a, b, csr, got, env.flags, want, out);
        g_test_fail();
    }
}

static uint64_t operand(struct random *r, const struct fp_format *f, enum op op)
{
    if (op >= FROM_INT32) {
        return random_sig(r, 64);
    }
    return random_fp(r, f);
}

static void test_op(const struct fp_format *f, enum op op)
{
    struct random r = random_new();

    for (unsigned i = 0; i < ROUNDS && !g_test_failed(); i++) {
        /* All exceptions masked; rounding, DAZ and FTZ random (FTZ and DAZ rare). */
        uint64_t bits = random_u64(&r);
        uint32_t csr = 0x1f80 | (bits & 3) << 13;

        csr |= (bits & 0x700) == 0 ? 0x8000 : 0;
        csr |= (bits & 0x7000) == 0 ? 0x40 : 0;
        check(f, op, operand(&r, f, op), operand(&r, f, op), csr);
    }
}

static void test_sse_32(gconstpointer op)
{
    test_op(&fp_b32, GPOINTER_TO_UINT(op));
}

static void test_sse_64(gconstpointer op)
{
    test_op(&fp_b64, GPOINTER_TO_UINT(op));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned op = 0; op < OPS; op++) {
        g_autofree char *name_32 = g_strdup_printf("/float/sse/%s/32", op_name[op]);
        g_autofree char *name_64 = g_strdup_printf("/float/sse/%s/64", op_name[op]);

        g_test_add_data_func(name_32, GUINT_TO_POINTER(op), test_sse_32);
        g_test_add_data_func(name_64, GUINT_TO_POINTER(op), test_sse_64);
    }
    return g_test_run();
}

#else

int main(void)
{
    g_print("1..0 # SKIP the host is not x86-64\n");
    return 0;
}

#endif
