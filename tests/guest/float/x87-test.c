/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The 80-bit format against the host's own x87: result, exception flags, C1 and, where the
 * instruction gives them, C0, C2, C3; every rounding and precision, exceptions masked and not.
 */
#include <glib.h>
#include <string.h>

#include "tests/guest/float/operand.h"

#if defined(__x86_64__)

#define ROUNDS 100000

#define SW_C0 0x0100
#define SW_C1 0x0200
#define SW_C2 0x0400
#define SW_C3 0x4000

struct image { /* FNSAVE, 32-bit protected mode form */
    uint32_t control, status, tag, ip, cs, dp, ds;
    uint8_t st[8][10];
};

enum op {
    ADD,
    SUB,
    MUL,
    DIV,
    ADD_M32,
    DIV_M64,
    SQRT,
    ROUND,
    SCALE,
    EXTRACT,
    REM,
    REM1,
    COMPARE,
    COMPARE_QUIET,
    LOAD_32,
    LOAD_64,
    STORE_32,
    STORE_64,
    STORE_INT16,
    STORE_INT32,
    STORE_INT64,
    TRUNCATE_INT64,
    STORE_BCD,
    OPS,
};

static const char *const op_name[OPS] = {
    "fadd",    "fsub",    "fmul",    "fdiv",     "fadd-m32", "fdiv-m64", "fsqrt",   "frndint",
    "fscale",  "fxtract", "fprem",   "fprem1",   "fcom",     "fucom",    "fld-m32", "fld-m64",
    "fst-m32", "fst-m64", "fist-16", "fistp-32", "fistp-64", "fisttp",   "fbstp",
};

struct result {
    struct f80 st[2]; /* ST(0), ST(1) after the operation */
    uint8_t memory[16];
    uint16_t status;
};

/* Both operands are loaded with everything masked; then the control word, then one instruction. */
#define NATIVE(insn)                                                                            \
    __asm__ volatile(                                                                           \
        "fninit\n\tfldt %3\n\tfldt %2\n\tfnclex\n\tfldcw %4\n\t" insn "\n\tfnsave %0\n\tfninit" \
        : "=m"(image), "+m"(memory)                                                             \
        : "m"(x), "m"(y), "m"(control)                                                          \
        : "memory", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)");       \
    break

static struct f80 from_image(const uint8_t *p)
{
    struct f80 r;

    memcpy(&r.sig, p, 8);
    memcpy(&r.se, p + 8, 2);
    return r;
}

static struct result native(enum op op, struct f80 a, struct f80 b, uint64_t m, uint16_t control)
{
    struct image image;
    struct {
        uint8_t bytes[10];
    } x, y;
    struct {
        uint8_t bytes[16];
    } memory = {{0}};
    struct result r;

    memcpy(x.bytes, &a.sig, 8);
    memcpy(x.bytes + 8, &a.se, 2);
    memcpy(y.bytes, &b.sig, 8);
    memcpy(y.bytes + 8, &b.se, 2);
    memcpy(memory.bytes, &m, 8);
    switch (op) {
    case ADD: NATIVE("fadd %%st(1), %%st");
    case SUB: NATIVE("fsub %%st(1), %%st");
    case MUL: NATIVE("fmul %%st(1), %%st");
    case DIV: NATIVE("fdiv %%st(1), %%st");
    case ADD_M32: NATIVE("fadds %1");
    case DIV_M64: NATIVE("fdivl %1");
    case SQRT: NATIVE("fsqrt");
    case ROUND: NATIVE("frndint");
    case SCALE: NATIVE("fscale");
    case EXTRACT: NATIVE("fxtract");
    case REM: NATIVE("fprem");
    case REM1: NATIVE("fprem1");
    case COMPARE: NATIVE("fcom %%st(1)");
    case COMPARE_QUIET: NATIVE("fucom %%st(1)");
    case LOAD_32: NATIVE("flds %1");
    case LOAD_64: NATIVE("fldl %1");
    case STORE_32: NATIVE("fsts %1");
    case STORE_64: NATIVE("fstl %1");
    case STORE_INT16: NATIVE("fists %1");
    case STORE_INT32: NATIVE("fistpl %1");
    case STORE_INT64: NATIVE("fistpll %1");
    case TRUNCATE_INT64: NATIVE("fisttpll %1");
    case STORE_BCD: NATIVE("fbstp %1");
    default: g_assert_not_reached();
    }
    r.st[0] = from_image(image.st[0]);
    r.st[1] = from_image(image.st[1]);
    r.status = (uint16_t)image.status;
    memcpy(r.memory, memory.bytes, sizeof(r.memory));
    return r;
}

static uint16_t order_bits(enum fp_order order)
{
    switch (order) {
    case FP_LESS: return SW_C0;
    case FP_EQUAL: return SW_C3;
    case FP_GREATER: return 0;
    default: return SW_C0 | SW_C2 | SW_C3;
    }
}

static void soft_rem(enum op op, struct num x, struct num y, struct fp_env *env, struct result *r)
{
    uint64_t q;
    bool partial;

    r->st[0] = f80_rem(x, y, op == REM1, &q, &partial, env);
    r->status |= partial ? SW_C2 : 0;
    r->status |= (q & 1 ? SW_C1 : 0) | (q & 2 ? SW_C3 : 0) | (q & 4 ? SW_C0 : 0);
    env->rounded_up = q & 1;
}

/* Integer and BCD stores, and narrowing ones. */
static void soft_store(enum op op, struct num x, struct fp_env *env, struct result *r)
{
    size_t size = op == STORE_INT16 ? 2 : op == STORE_32 || op == STORE_INT32 ? 4 : 8;
    uint64_t v;

    switch (op) {
    case STORE_32: v = f80_to(&fp_b32, x, env); break;
    case STORE_64: v = f80_to(&fp_b64, x, env); break;
    case STORE_BCD: f80_to_bcd(x, r->memory, env); return;
    case TRUNCATE_INT64:
        env->rounding = FP_ROUND_ZERO;
        v = (uint64_t)num_to_int(x, 64, env);
        break;
    default: v = (uint64_t)num_to_int(x, (unsigned)size * 8, env); break;
    }
    memcpy(r->memory, &v, size);
}

static struct result soft(enum op op, struct f80 a, struct f80 b, uint64_t m, struct fp_env *env)
{
    struct num x = f80_unpack(a), y = f80_unpack(b);
    struct result r = {.st = {a, b}};

    memcpy(r.memory, &m, 8);
    env->rounded_up = false;
    switch (op) {
    case ADD: r.st[0] = f80_add(x, y, env); break;
    case SUB: r.st[0] = f80_sub(x, y, env); break;
    case MUL: r.st[0] = f80_mul(x, y, env); break;
    case DIV: r.st[0] = f80_div(x, y, env); break;
    case ADD_M32: r.st[0] = f80_add(x, num_unpack(&fp_b32, m, env), env); break;
    case DIV_M64: r.st[0] = f80_div(x, num_unpack(&fp_b64, m, env), env); break;
    case SQRT: r.st[0] = f80_sqrt(x, env); break;
    case ROUND: r.st[0] = f80_round_int(x, env); break;
    case SCALE: r.st[0] = f80_scale(x, y, env); break;
    case EXTRACT: r.st[0] = f80_extract(x, &r.st[1], env); break;
    case REM:
    case REM1: soft_rem(op, x, y, env, &r); break;
    case COMPARE:
    case COMPARE_QUIET: r.status = order_bits(num_compare(x, y, op == COMPARE, env)); break;
    case LOAD_32: r.st[0] = f80_from(&fp_b32, m, env); break;
    case LOAD_64: r.st[0] = f80_from(&fp_b64, m, env); break;
    default: soft_store(op, x, env, &r); break;
    }
    r.status |= env->rounded_up ? SW_C1 : 0;
    return r;
}

static bool is_store(enum op op)
{
    return op >= STORE_32;
}

static bool same(struct f80 a, struct f80 b)
{
    return a.sig == b.sig && a.se == b.se;
}

/* An unmasked exception found before computing: nothing is delivered, only those flags are set. */
static void withhold(struct fp_env *env, struct result *r, struct f80 a, struct f80 b, uint64_t m)
{
    env->flags &= FP_PRE_FLAGS;
    *r = (struct result){.st = {a, b}};
    memcpy(r->memory, &m, 8);
}

/*
 * A denormal number scaled by nothing, or one that is its own remainder, with underflow unmasked:
 * AMD's processors raise it and scale the result up, as of any that is tiny; Intel's do not.
 */
static bool left_alone(enum op op, struct f80 a, const struct fp_env *env, const struct result *got,
                       const struct result *want)
{
    return (op == SCALE || op == REM || op == REM1) && (a.se & 0x7fff) == 0 &&
           (env->flags & env->unmasked & FP_UNDERFLOW) && same(want->st[0], a) &&
           !((got->status ^ want->status) & FP_FLAGS & ~FP_UNDERFLOW);
}

static void check(enum op op, struct f80 a, struct f80 b, uint64_t m, uint16_t control)
{
    static const uint8_t precision[4] = {24, 53, 53, 64};
    struct fp_env env = {
        .rules = &fp_rules_x87,
        .rounding = (control >> 10) & 3,
        .precision = precision[(control >> 8) & 3],
        .unmasked = ~control & 0x3f,
    };
    struct result want = native(op, a, b, m, control), got = soft(op, a, b, m, &env);
    uint16_t mask = FP_FLAGS | SW_C1;
    bool ok;

    if (env.flags & env.unmasked & FP_PRE_FLAGS) {
        withhold(&env, &got, a, b, m);
        if (op == LOAD_32 || op == LOAD_64) {
            got.st[0] = want.st[0];
        }
        mask = FP_FLAGS;
    } else if (op == COMPARE || op == COMPARE_QUIET || op == REM || op == REM1) {
        mask |= SW_C0 | SW_C2 | SW_C3;
    }
    if (is_store(op) && (env.flags & env.unmasked & (FP_OVERFLOW | FP_UNDERFLOW))) {
        memcpy(got.memory, &(uint64_t[2]){m}, 16);
        mask = FP_FLAGS & ~FP_INEXACT;
    }
    got.status = (got.status & ~FP_FLAGS) | env.flags;
    if (is_store(op)) {
        ok = memcmp(got.memory, want.memory, 10) == 0;
    } else {
        ok = same(got.st[0], want.st[0]);
        if (op == EXTRACT) {
            /* The exponent is below the significand. */
            ok = ok && same(got.st[1], want.st[1]);
        }
    }
    if ((!ok || ((got.status ^ want.status) & mask)) && !left_alone(op, a, &env, &got, &want)) {
        g_test_message("%s %04x:%016lx, %04x:%016lx m=%016lx cw=%03x: soft %04x:%016lx %04x:%016lx "
                       "m=%016lx sw=%04x; host %04x:%016lx %04x:%016lx m=%016lx sw=%04x",
                       op_name[op], a.se, a.sig, b.se, b.sig, m, control, got.st[0].se,
                       got.st[0].sig, got.st[1].se, got.st[1].sig, *(uint64_t *)got.memory,
                       got.status, want.st[0].se, want.st[0].sig, want.st[1].se, want.st[1].sig,
                       *(uint64_t *)want.memory, want.status);
        g_test_fail();
    }
}

/* Control words: mostly all masked, full precision, any rounding. */
static uint16_t random_control(struct random *r)
{
    uint16_t control = 0x37f;

    control |= random_below(r, 4) << 10;
    if (random_below(r, 3) == 0) {
        control &= ~0x300;
        control |= (uint16_t[]){0, 0x200, 0x300}[random_below(r, 3)];
    }
    if (random_below(r, 4) == 0) {
        control &= ~random_below(r, 64);
    }
    return control;
}

static void test_x87(gconstpointer data)
{
    enum op op = GPOINTER_TO_UINT(data);
    struct random r = random_new();

    for (unsigned i = 0; i < ROUNDS && !g_test_failed(); i++) {
        struct f80 a = random_f80(&r), b = random_f80(&r);
        uint64_t m = random_fp(&r, op == ADD_M32 || op == LOAD_32 ? &fp_b32 : &fp_b64);

        check(op, a, b, m, random_control(&r));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned op = 0; op < OPS; op++) {
        g_autofree char *name = g_strdup_printf("/float/x87/%s", op_name[op]);

        g_test_add_data_func(name, GUINT_TO_POINTER(op), test_x87);
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
