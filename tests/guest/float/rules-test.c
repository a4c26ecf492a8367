/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the host's SSE2 cannot show: the rules of Arm and RISC-V by directed cases (Arm ARM, Shared
 * pseudocode FPProcessNaNs, FPRound; RISC-V unprivileged ISA, chapters F and D), and FMA, ROUNDSx
 * and binary16 against the host where it has them.
 */
#include <glib.h>

#include "tests/guest/float/operand.h"

static struct fp_env env_of(const struct fp_rules *rules)
{
    return (struct fp_env){.rules = rules};
}

#define INF_32  UINT64_C(0x7f800000)
#define ONE_32  UINT64_C(0x3f800000)
#define SNAN_A  UINT64_C(0x7f812345)
#define QNAN_A  UINT64_C(0x7fc12345)
#define SNAN_B  UINT64_C(0xff854321)
#define QNAN_B  UINT64_C(0xffc54321)
#define DEFAULT UINT64_C(0x7fc00000)

static void nan_choice(void)
{
    static const struct {
        const struct fp_rules *rules;
        uint64_t a, b, sum;
        uint8_t flags;
    } cases[] = {
        {&fp_rules_sse, QNAN_A, SNAN_B, QNAN_A, FP_INVALID},
        {&fp_rules_sse, SNAN_A, QNAN_B, QNAN_A, FP_INVALID},
        {&fp_rules_sse, ONE_32, QNAN_B, QNAN_B, 0},
        {&fp_rules_sse, INF_32, INF_32 | 0x80000000, 0xffc00000, FP_INVALID},
        {&fp_rules_arm, QNAN_A, SNAN_B, QNAN_B, FP_INVALID},
        {&fp_rules_arm, SNAN_A, SNAN_B, QNAN_A, FP_INVALID},
        {&fp_rules_arm, QNAN_A, QNAN_B, QNAN_A, 0},
        {&fp_rules_arm, INF_32, INF_32 | 0x80000000, DEFAULT, FP_INVALID},
        {&fp_rules_riscv, QNAN_A, ONE_32, DEFAULT, 0},
        {&fp_rules_riscv, ONE_32, SNAN_B, DEFAULT, FP_INVALID},
        {&fp_rules_riscv, INF_32, INF_32 | 0x80000000, DEFAULT, FP_INVALID},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct fp_env env = env_of(cases[i].rules);

        g_assert_cmphex(fp_add(&fp_b32, cases[i].a, cases[i].b, &env), ==, cases[i].sum);
        g_assert_cmphex(env.flags, ==, cases[i].flags);
    }
}

/* inf * 0 + quiet NaN, and Arm's addend first. */
static void fma_nans(void)
{
    struct fp_env sse = env_of(&fp_rules_sse), arm = env_of(&fp_rules_arm);
    struct fp_env riscv = env_of(&fp_rules_riscv);

    g_assert_cmphex(fp_fma(&fp_b32, INF_32, 0, QNAN_A, false, false, &sse), ==, QNAN_A);
    g_assert_cmphex(sse.flags, ==, 0);
    g_assert_cmphex(fp_fma(&fp_b32, INF_32, 0, QNAN_A, false, false, &arm), ==, DEFAULT);
    g_assert_cmphex(arm.flags, ==, FP_INVALID);
    g_assert_cmphex(fp_fma(&fp_b32, INF_32, 0, QNAN_A, false, false, &riscv), ==, DEFAULT);
    g_assert_cmphex(riscv.flags, ==, FP_INVALID);
    g_assert_cmphex(fp_fma(&fp_b32, QNAN_A, ONE_32, QNAN_B, false, false, &arm), ==, QNAN_B);
    g_assert_cmphex(fp_fma(&fp_b32, SNAN_A, ONE_32, QNAN_B, false, false, &arm), ==, QNAN_A);
}

/* Just below the smallest normal: it is tiny only before rounding. */
static void tininess(void)
{
    const uint64_t just_below = UINT64_C(0x380fffffffffffff);
    struct fp_env before = env_of(&fp_rules_arm), after = env_of(&fp_rules_riscv);

    g_assert_cmphex(fp_convert(&fp_b32, &fp_b64, just_below, &before), ==, 0x00800000);
    g_assert_cmphex(before.flags & (FP_UNDERFLOW | FP_INEXACT), ==, FP_UNDERFLOW | FP_INEXACT);
    g_assert_cmphex(fp_convert(&fp_b32, &fp_b64, just_below, &after), ==, 0x00800000);
    g_assert_cmphex(after.flags, ==, FP_INEXACT);
}

static void to_integers(void)
{
    static const struct {
        const struct fp_rules *rules;
        uint64_t a;
        int64_t i32;
        uint64_t u32, u64;
    } cases[] = {
        {&fp_rules_riscv, DEFAULT, INT32_MAX, UINT32_MAX, UINT64_MAX},
        {&fp_rules_riscv, INF_32, INT32_MAX, UINT32_MAX, UINT64_MAX},
        {&fp_rules_riscv, INF_32 | 0x80000000, INT32_MIN, 0, 0},
        {&fp_rules_arm, DEFAULT, 0, 0, 0},
        {&fp_rules_arm, INF_32, INT32_MAX, UINT32_MAX, UINT64_MAX},
        {&fp_rules_arm, INF_32 | 0x80000000, INT32_MIN, 0, 0},
        {&fp_rules_sse, INF_32, INT32_MIN, UINT32_MAX, UINT64_MAX},
        {&fp_rules_sse, 0xbf800000, -1, UINT32_MAX, UINT64_MAX}, /* -1.0 */
        {&fp_rules_riscv, 0xbf800000, -1, 0, 0},
        {&fp_rules_riscv, 0x4effffff, 0x7fffff80, 0x7fffff80, 0x7fffff80},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct fp_env env = env_of(cases[i].rules);

        g_assert_cmpint(fp_to_int(&fp_b32, cases[i].a, 32, &env), ==, cases[i].i32);
        g_assert_cmphex(fp_to_uint(&fp_b32, cases[i].a, 32, &env), ==, cases[i].u32);
        g_assert_cmphex(fp_to_uint(&fp_b32, cases[i].a, 64, &env), ==, cases[i].u64);
    }
}

/* Ties go away from zero; 1 + 2^-24 is one. */
static void ties_away(void)
{
    struct fp_env env = env_of(&fp_rules_riscv);

    g_assert_cmphex(fp_add(&fp_b32, ONE_32, 0x33800000, &env), ==, ONE_32);
    env.rounding = FP_ROUND_AWAY;
    g_assert_cmphex(fp_add(&fp_b32, ONE_32, 0x33800000, &env), ==, ONE_32 + 1);
    g_assert_cmpint(fp_to_int(&fp_b32, 0x3f000000, 32, &env), ==, 1);
    g_assert_cmpint(fp_to_int(&fp_b32, 0xbf000000, 32, &env), ==, -1);
}

static void scaling(void)
{
    struct fp_env env = env_of(&fp_rules_arm);

    g_assert_cmphex(fp_scale(&fp_b32, ONE_32, 3, &env), ==, 0x41000000);
    g_assert_cmphex(fp_scale(&fp_b32, ONE_32, INT32_MIN, &env), ==, 0);
    g_assert_cmphex(fp_scale(&fp_b32, ONE_32, INT32_MAX, &env), ==, INF_32);
    g_assert_cmphex(env.flags, ==, FP_OVERFLOW | FP_UNDERFLOW | FP_INEXACT);
}

#if defined(__x86_64__)

#include <cpuid.h>

#define ROUNDS 150000
#define SSE41  19
#define FMA    12
#define F16C   29

static bool host_lacks(unsigned bit)
{
    unsigned a, b, c, d;

    __cpuid(1, a, b, c, d);
    if (!(c >> bit & 1)) {
        g_test_skip("the host's CPU lacks it");
        return true;
    }
    return false;
}

static uint32_t random_mxcsr(struct random *r)
{
    return 0x1f80 | random_below(r, 4) << 13 | (random_below(r, 8) ? 0 : 0x40) |
           (random_below(r, 8) ? 0 : 0x8000);
}

static struct fp_env env_of_mxcsr(uint32_t csr)
{
    return (struct fp_env){
        .rules = &fp_rules_sse,
        .rounding = csr >> 13 & 3,
        .daz = csr & 0x40,
        .ftz = csr & 0x8000,
    };
}

#define FMA_ASM(insn)                                                                  \
    __asm__ volatile(                                                                  \
        "movq %2, %%xmm0\n\tmovq %3, %%xmm1\n\tmovq %4, %%xmm2\n\tldmxcsr %5\n\t" insn \
        " %%xmm2, %%xmm1, %%xmm0\n\tstmxcsr %1\n\tmovq %%xmm0, %0"                     \
        : "=r"(r), "=m"(out)                                                           \
        : "r"(c), "r"(a), "r"(b), "m"(csr)                                             \
        : "xmm0", "xmm1", "xmm2")

static void fma_native(void)
{
    struct random rnd = random_new();

    if (host_lacks(FMA)) {
        return;
    }
    for (unsigned i = 0; i < ROUNDS && !g_test_failed(); i++) {
        const struct fp_format *f = i & 1 ? &fp_b32 : &fp_b64;
        uint64_t a = random_fp(&rnd, f), b = random_fp(&rnd, f), c = random_fp(&rnd, f), r, got;
        uint32_t csr = random_mxcsr(&rnd), out;
        struct fp_env env = env_of_mxcsr(csr);

        if (f == &fp_b32) {
            FMA_ASM("vfmadd231ss");
            r = (uint32_t)r;
        } else {
            FMA_ASM("vfmadd231sd");
        }
        got = fp_fma(f, a, b, c, false, false, &env);
        if (got != r || env.flags != (out & FP_FLAGS)) {
            g_test_message(
                "fma%u %016lx * %016lx + %016lx csr=%x: soft %016lx/%02x host %016lx/%02x",
                f->precision, a, b, c, csr, got, env.flags, r, out & FP_FLAGS);
            g_test_fail();
        }
    }
}

static void round_native(void)
{
    struct random rnd = random_new();

    if (host_lacks(SSE41)) {
        return;
    }
    for (unsigned i = 0; i < ROUNDS && !g_test_failed(); i++) {
        uint64_t a = random_fp(&rnd, &fp_b64), r, got;
        uint32_t csr = random_mxcsr(&rnd), out;
        struct fp_env env = env_of_mxcsr(csr);

        __asm__ volatile("movq %2, %%xmm1\n\tldmxcsr %3\n\troundsd $4, %%xmm1, %%xmm0\n\t"
                         "stmxcsr %1\n\tmovq %%xmm0, %0"
                         : "=r"(r), "=m"(out)
                         : "r"(a), "m"(csr)
                         : "xmm0", "xmm1");
        got = fp_round_int(&fp_b64, a, &env);
        if (got != r || env.flags != (out & FP_FLAGS)) {
            g_test_message("round %016lx csr=%x: soft %016lx/%02x host %016lx/%02x", a, csr, got,
                           env.flags, r, out & FP_FLAGS);
            g_test_fail();
        }
    }
}

/* binary16 to binary32, every value; F16C takes its denormals without a flag and without DAZ. */
static void half_to_single(void)
{
    if (host_lacks(F16C)) {
        return;
    }
    for (uint32_t a = 0; a < 0x10000; a++) {
        uint32_t csr = 0x1f80, out, r;
        struct fp_env env = env_of_mxcsr(csr);

        __asm__ volatile("vmovd %2, %%xmm1\n\tldmxcsr %3\n\tvcvtph2ps %%xmm1, %%xmm0\n\t"
                         "stmxcsr %1\n\tvmovd %%xmm0, %0"
                         : "=r"(r), "=m"(out)
                         : "r"(a), "m"(csr)
                         : "xmm0", "xmm1");
        g_assert_cmphex(fp_convert(&fp_b32, &fp_b16, a, &env), ==, r);
        g_assert_cmphex(env.flags & ~FP_DENORMAL, ==, out & FP_FLAGS);
    }
}

static void single_to_half(void)
{
    struct random rnd = random_new();

    if (host_lacks(F16C)) {
        return;
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint32_t a = (uint32_t)random_fp(&rnd, &fp_b32), csr = random_mxcsr(&rnd), out, r;
        struct fp_env env = env_of_mxcsr(csr);

        env.ftz = false; /* F16C ignores it */
        __asm__ volatile("vmovd %2, %%xmm1\n\tldmxcsr %3\n\tvcvtps2ph $4, %%xmm1, %%xmm0\n\t"
                         "stmxcsr %1\n\tvmovd %%xmm0, %0"
                         : "=r"(r), "=m"(out)
                         : "r"(a), "m"(csr)
                         : "xmm0", "xmm1");
        g_assert_cmphex(fp_convert(&fp_b16, &fp_b32, a, &env), ==, r & 0xffff);
        g_assert_cmphex(env.flags, ==, out & FP_FLAGS);
    }
}

#endif

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/float/rules/nan-choice", nan_choice);
    g_test_add_func("/float/rules/fma-nans", fma_nans);
    g_test_add_func("/float/rules/tininess", tininess);
    g_test_add_func("/float/rules/to-integers", to_integers);
    g_test_add_func("/float/rules/ties-away", ties_away);
    g_test_add_func("/float/rules/scaling", scaling);
#if defined(__x86_64__)
    g_test_add_func("/float/native/fma", fma_native);
    g_test_add_func("/float/native/round", round_native);
    g_test_add_func("/float/native/half-to-single", half_to_single);
    g_test_add_func("/float/native/single-to-half", single_to_half);
#endif
    return g_test_run();
}
