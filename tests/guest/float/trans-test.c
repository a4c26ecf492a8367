/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The x87 transcendentals against the host's: both have an error below one unit in the last place,
 * so results are neighbours at most. Special cases, C2 and the flags are compared exactly.
 */
#include <glib.h>
#include <string.h>

#include "tests/guest/float/operand.h"

#if defined(__x86_64__)

#define ROUNDS 20000
#define SW_C2  0x0400

enum op { F2XM1, FYL2X, FYL2XP1, FPATAN, FSIN, FCOS, FSINCOS, FPTAN, OPS };

static const char *const op_name[OPS] = {
    "f2xm1", "fyl2x", "fyl2xp1", "fpatan", "fsin", "fcos", "fsincos", "fptan",
};

struct result {
    struct f80 st[2];
    uint16_t status;
};

#define NATIVE(insn)                                                                         \
    __asm__ volatile("fninit\n\tfldt %4\n\tfldt %3\n\tfnclex\n\tfldcw %5\n\t" insn           \
                     "\n\tfnstsw %2\n\tfstpt %0\n\tfstpt %1\n\tfninit"                       \
                     : "=m"(s), "=m"(t), "=m"(r.status)                                      \
                     : "m"(x), "m"(y), "m"(control)                                          \
                     : "memory", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", \
                       "st(7)");                                                             \
    break

struct bytes {
    uint8_t b[10];
};

static struct bytes to_bytes(struct f80 a)
{
    struct bytes r;

    memcpy(r.b, &a.sig, 8);
    memcpy(r.b + 8, &a.se, 2);
    return r;
}

static struct f80 from_bytes(struct bytes a)
{
    struct f80 r;

    memcpy(&r.sig, a.b, 8);
    memcpy(&r.se, a.b + 8, 2);
    return r;
}

static struct result native(enum op op, struct f80 a, struct f80 b, uint16_t control)
{
    struct bytes x = to_bytes(a), y = to_bytes(b), s, t;
    struct result r;

    switch (op) {
    case F2XM1: NATIVE("f2xm1");
    case FYL2X: NATIVE("fyl2x");
    case FYL2XP1: NATIVE("fyl2xp1");
    case FPATAN: NATIVE("fpatan");
    case FSIN: NATIVE("fsin");
    case FCOS: NATIVE("fcos");
    case FSINCOS: NATIVE("fsincos");
    case FPTAN: NATIVE("fptan");
    default: g_assert_not_reached();
    }
    r.st[0] = from_bytes(s);
    r.st[1] = from_bytes(t);
    return r;
}

static struct result soft(enum op op, struct f80 a, struct f80 b, struct fp_env *env)
{
    struct num x = f80_unpack(a), y = f80_unpack(b);
    struct result r = {.st = {a, b}};
    struct f80 s = a, c = a;
    bool in_range = true;

    switch (op) {
    case F2XM1: r.st[0] = f80_f2xm1(x, env); break;
    case FYL2X: r.st[0] = f80_fyl2x(x, y, env); break;
    case FYL2XP1: r.st[0] = f80_fyl2xp1(x, y, env); break;
    case FPATAN: r.st[0] = f80_fpatan(x, y, env); break;
    case FPTAN:
        in_range = f80_tan(x, &s, env);
        if (in_range) {
            r.st[1] = s;
            r.st[0] = num_is_nan(f80_unpack(s)) ? s : f80_from_int(1);
        }
        break;
    default:
        in_range = f80_sincos(x, op == FCOS ? NULL : &s, op == FSIN ? NULL : &c, env);
        if (in_range) {
            r.st[0] = op == FSIN ? s : c;
            r.st[1] = op == FSINCOS ? s : r.st[1];
        }
        break;
    }
    r.status = env->flags | (in_range ? 0 : SW_C2);
    return r;
}

static bool is_finite(struct f80 a)
{
    return (a.se & 0x7fff) != 0x7fff;
}

static bool is_infinite(struct f80 a)
{
    return !is_finite(a) && a.sig << 1 == 0;
}

/* Equal, or neighbours of one sign; infinity is the largest finite number's. */
static bool close_enough(struct f80 a, struct f80 b)
{
    __int128 x, y;

    if ((!is_finite(a) && !is_infinite(a)) || (!is_finite(b) && !is_infinite(b)) ||
        ((a.se ^ b.se) & 0x8000)) {
        return a.sig == b.sig && a.se == b.se;
    }
    x = (__int128)(a.se & 0x7fff) << 63 | (a.sig & INT64_MAX);
    y = (__int128)(b.se & 0x7fff) << 63 | (b.sig & INT64_MAX);
    return x - y <= 1 && y - x <= 1;
}

static bool is_denormal(struct f80 a)
{
    return (a.se & 0x7fff) == 0 && a.sig >> 63 == 0;
}

/* Flags that both have to have: of two neighbours, only that below the smallest normal number
 * underflows, and only infinity overflows. */
static uint16_t exact_flags(const struct result *a, const struct result *b)
{
    uint16_t flags = FP_FLAGS | SW_C2;

    for (unsigned i = 0; i < 2; i++) {
        if (is_denormal(a->st[i]) != is_denormal(b->st[i])) {
            flags &= ~FP_UNDERFLOW;
        }
        if (is_infinite(a->st[i]) != is_infinite(b->st[i])) {
            flags &= ~FP_OVERFLOW;
        }
    }
    return flags;
}

static void check(enum op op, struct f80 a, struct f80 b, uint16_t control)
{
    struct fp_env env = {
        .rules = &fp_rules_x87,
        .rounding = (control >> 10) & 3,
        .precision = 64,
    };
    struct result want = native(op, a, b, control), got = soft(op, a, b, &env);
    bool two = op == FSINCOS || op == FPTAN;

    if (!close_enough(got.st[0], want.st[0]) || (two && !close_enough(got.st[1], want.st[1])) ||
        ((got.status ^ want.status) & exact_flags(&got, &want))) {
        g_test_message("%s %04x:%016lx, %04x:%016lx cw=%03x: soft %04x:%016lx %04x:%016lx sw=%04x; "
                       "host %04x:%016lx %04x:%016lx sw=%04x",
                       op_name[op], a.se, a.sig, b.se, b.sig, control, got.st[0].se, got.st[0].sig,
                       got.st[1].se, got.st[1].sig, got.status, want.st[0].se, want.st[0].sig,
                       want.st[1].se, want.st[1].sig, want.status);
        g_test_fail();
    }
}

/* Operands for which the manual defines a result. */
static struct f80 operand(struct random *r, enum op op)
{
    struct f80 a = random_f80(r);
    uint16_t sign = a.se & 0x8000;

    if (is_finite(a) && (a.se & 0x7fff) >= 0x3fff - (op == FYL2XP1 ? 2 : 0) &&
        (op == F2XM1 || op == FYL2XP1)) {
        a.se = (uint16_t)(sign | (0x3fff - 2 - random_below(r, 60)));
        a.sig |= UINT64_C(1) << 63;
    }
    return a;
}

static void test_trans(gconstpointer data)
{
    enum op op = GPOINTER_TO_UINT(data);
    struct random r = random_new();

    for (unsigned i = 0; i < ROUNDS && !g_test_failed(); i++) {
        uint16_t control = (uint16_t)(0x37f | random_below(&r, 4) << 10);

        check(op, operand(&r, op), random_f80(&r), control);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned op = 0; op < OPS; op++) {
        g_autofree char *name = g_strdup_printf("/float/trans/%s", op_name[op]);

        g_test_add_data_func(name, GUINT_TO_POINTER(op), test_trans);
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
