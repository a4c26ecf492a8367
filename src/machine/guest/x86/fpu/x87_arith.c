/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x87 arithmetic, comparison and transcendentals. Intel SDM volume 1, 8.3; volume 2. */
#include "machine/guest/x86/exception.h"
#include "machine/guest/x86/flags.h"
#include "machine/guest/x86/fpu/x87.h"
#include "machine/guest/x86/memory.h"

#define HANDLER(name) static enum x86_status name(struct x86_cpu *c, const struct x86_insn *in)

#define CONDITION (X87_SW_C0 | X87_SW_C1 | X87_SW_C2 | X87_SW_C3)
#define UNORDERED (X87_SW_C0 | X87_SW_C2 | X87_SW_C3)

/* ModRM.reg of the eight operations of D8, DA, DC and DE. */
enum { FADD, FMUL, FCOM, FCOMP, FSUB, FSUBR, FDIV, FDIVR };

/* ST(0) `op` b; the reversed forms exchange the operands, whatever the destination. */
static struct f80 compute(unsigned op, struct num a, struct num b, struct fp_env *env)
{
    switch (op) {
    case FADD: return f80_add(a, b, env);
    case FMUL: return f80_mul(a, b, env);
    case FSUB: return f80_sub(a, b, env);
    case FSUBR: return f80_sub(b, a, env);
    case FDIV: return f80_div(a, b, env);
    default: return f80_div(b, a, env);
    }
}

static unsigned order_bits(enum fp_order order)
{
    static const uint16_t bits[4] = {X87_SW_C0, X87_SW_C3, 0, UNORDERED};

    return bits[order + 1];
}

/* Compares ST(0) with b and sets C3, C2, C0. FALSE: an unmasked exception, so nothing is popped. */
static bool compare(struct x86_cpu *c, struct num b, bool b_empty, bool signalling)
{
    struct fp_env env = x87_env(c);
    enum fp_order order;
    bool go_on;

    if (x87_empty(c, 0) || b_empty) {
        go_on = x87_stack_fault(c, false);
        order = FP_UNORDERED;
    } else {
        order = num_compare(x87_num(c, 0), b, signalling, &env);
        go_on = x87_settle(c, &env);
    }
    x87_set_condition(c, CONDITION, order_bits(order));
    return go_on;
}

/* One of the eight operations on ST(0) and b, to ST(0). */
static void operate(struct x86_cpu *c, unsigned op, struct num b)
{
    struct fp_env env = x87_env(c);
    struct f80 r;

    if (op == FCOM || op == FCOMP) {
        if (compare(c, b, false, true) && op == FCOMP) {
            x87_pop(c);
        }
        return;
    }
    if (x87_empty(c, 0)) {
        if (x87_stack_fault(c, false)) {
            x87_set(c, 0, f80_indefinite());
        }
        return;
    }
    r = compute(op, x87_num(c, 0), b, &env);
    if (x87_settle(c, &env)) {
        x87_set(c, 0, r);
    }
}

static unsigned digit(const struct x86_insn *in)
{
    return in->modrm >> 3 & 7;
}

static unsigned sti(const struct x86_insn *in)
{
    return in->modrm & 7;
}

static enum x86_status operate_memory(struct x86_cpu *c, const struct x86_insn *in,
                                      const struct fp_format *f)
{
    struct fp_env env = x87_env(c);
    uint64_t v;
    enum x86_status st = x86_read(c, in->seg, x86_ea(c, in), f == &fp_b32 ? 4 : 8, &v);

    if (st == X86_OK) {
        x87_note_insn(c, in);
        operate(c, digit(in), num_unpack(f, v, &env));
    }
    return st;
}

static enum x86_status operate_integer(struct x86_cpu *c, const struct x86_insn *in, unsigned size)
{
    uint64_t v;
    enum x86_status st = x86_read(c, in->seg, x86_ea(c, in), size, &v);

    if (st == X86_OK) {
        int64_t i = size == 2 ? (int16_t)v : (int32_t)v;

        x87_note_insn(c, in);
        operate(c, digit(in), num_from_uint(i < 0 ? -(uint64_t)i : (uint64_t)i, i < 0));
    }
    return st;
}

HANDLER(operate_m32)
{
    return operate_memory(c, in, &fp_b32);
}

HANDLER(operate_m64)
{
    return operate_memory(c, in, &fp_b64);
}

HANDLER(operate_m32int)
{
    return operate_integer(c, in, 4);
}

HANDLER(operate_m16int)
{
    return operate_integer(c, in, 2);
}

/* Between ST(0) and ST(i), to ST(dest). */
static void operate_registers(struct x86_cpu *c, const struct x86_insn *in, unsigned dest, bool pop)
{
    struct fp_env env = x87_env(c);
    struct f80 r;

    x87_note_insn(c, in);
    if (x87_empty(c, 0) || x87_empty(c, sti(in))) {
        if (!x87_stack_fault(c, false)) {
            return;
        }
        r = f80_indefinite();
    } else {
        r = compute(digit(in), x87_num(c, 0), x87_num(c, sti(in)), &env);
        if (!x87_settle(c, &env)) {
            return;
        }
    }
    x87_set(c, dest, r);
    if (pop) {
        x87_pop(c);
    }
}

HANDLER(operate_st0)
{
    operate_registers(c, in, 0, false);
    return X86_OK;
}

HANDLER(operate_sti)
{
    operate_registers(c, in, sti(in), false);
    return X86_OK;
}

HANDLER(operate_sti_pop)
{
    operate_registers(c, in, sti(in), true);
    return X86_OK;
}

static enum x86_status compare_registers(struct x86_cpu *c, const struct x86_insn *in,
                                         bool signalling, unsigned pops)
{
    x87_note_insn(c, in);
    if (compare(c, x87_num(c, sti(in)), x87_empty(c, sti(in)), signalling)) {
        while (pops--) {
            x87_pop(c);
        }
    }
    return X86_OK;
}

HANDLER(fcom)
{
    return compare_registers(c, in, true, 0);
}

HANDLER(fcomp)
{
    return compare_registers(c, in, true, 1);
}

HANDLER(fcompp)
{
    return compare_registers(c, in, true, 2);
}

HANDLER(fucom)
{
    return compare_registers(c, in, false, 0);
}

HANDLER(fucomp)
{
    return compare_registers(c, in, false, 1);
}

HANDLER(fucompp)
{
    return compare_registers(c, in, false, 2);
}

/* FCOMI and the like: to RFLAGS. */
static enum x86_status compare_flags(struct x86_cpu *c, const struct x86_insn *in, bool signalling,
                                     bool pop)
{
    static const uint32_t flags[4] = {FLAG_CF, FLAG_ZF, 0, FLAG_ZF | FLAG_PF | FLAG_CF};
    struct fp_env env = x87_env(c);
    enum fp_order order = FP_UNORDERED;
    bool go_on;

    x87_note_insn(c, in);
    if (x87_empty(c, 0) || x87_empty(c, sti(in))) {
        go_on = x87_stack_fault(c, false);
    } else {
        order = num_compare(x87_num(c, 0), x87_num(c, sti(in)), signalling, &env);
        go_on = x87_settle(c, &env);
    }
    x86_flags_set(c, flags[order + 1]); /* even if an unmasked exception keeps it from popping */
    if (go_on && pop) {
        x87_pop(c);
    }
    return X86_OK;
}

HANDLER(fcomi)
{
    return compare_flags(c, in, true, false);
}

HANDLER(fcomip)
{
    return compare_flags(c, in, true, true);
}

HANDLER(fucomi)
{
    return compare_flags(c, in, false, false);
}

HANDLER(fucomip)
{
    return compare_flags(c, in, false, true);
}

HANDLER(ftst)
{
    x87_note_insn(c, in);
    (void)compare(c, num_zero(false), false, true);
    return X86_OK;
}

HANDLER(fxam)
{
    static const uint16_t of_class[] = {
        [NUM_ZERO] = X87_SW_C3, [NUM_FINITE] = X87_SW_C2, [NUM_INF] = X87_SW_C2 | X87_SW_C0,
        [NUM_QNAN] = X87_SW_C0, [NUM_SNAN] = X87_SW_C0,   [NUM_UNSUPPORTED] = 0,
    };
    struct num a = x87_num(c, 0);
    unsigned bits = of_class[a.cls];

    x87_note_insn(c, in);
    if (x87_empty(c, 0)) {
        bits = X87_SW_C3 | X87_SW_C0;
    } else if (a.denormal) {
        bits = X87_SW_C3 | X87_SW_C2;
    }
    x87_set_condition(c, CONDITION, bits | (x87_get(c, 0).se & 0x8000 ? X87_SW_C1 : 0));
    return X86_OK;
}

/* Operations of ST(0) alone; FALSE: the stack was empty and that has been dealt with. */
static bool have_st0(struct x86_cpu *c, const struct x86_insn *in)
{
    x87_note_insn(c, in);
    if (!x87_empty(c, 0)) {
        return true;
    }
    if (x87_stack_fault(c, false)) {
        x87_set(c, 0, f80_indefinite());
    }
    return false;
}

HANDLER(fchs)
{
    if (have_st0(c, in)) {
        c->fpu.st[x87_top(c)].sign_exponent ^= 0x8000;
        x87_set_condition(c, X87_SW_C1, 0);
    }
    return X86_OK;
}

HANDLER(fabs_st0)
{
    if (have_st0(c, in)) {
        c->fpu.st[x87_top(c)].sign_exponent &= 0x7fff;
        x87_set_condition(c, X87_SW_C1, 0);
    }
    return X86_OK;
}

static enum x86_status unary(struct x86_cpu *c, const struct x86_insn *in,
                             struct f80 (*fn)(struct num a, struct fp_env *env))
{
    struct fp_env env = x87_env(c);

    if (have_st0(c, in)) {
        struct f80 r = fn(x87_num(c, 0), &env);

        if (x87_settle(c, &env)) {
            x87_set(c, 0, r);
        }
    }
    return X86_OK;
}

HANDLER(fsqrt)
{
    return unary(c, in, f80_sqrt);
}

HANDLER(frndint)
{
    return unary(c, in, f80_round_int);
}

HANDLER(f2xm1)
{
    return unary(c, in, f80_f2xm1);
}

/* Both ST(0) and ST(1) are there; else the indefinite goes to ST(dest) and `pop` pops. */
static bool have_two(struct x86_cpu *c, const struct x86_insn *in, bool pop)
{
    x87_note_insn(c, in);
    if (!x87_empty(c, 0) && !x87_empty(c, 1)) {
        return true;
    }
    if (x87_stack_fault(c, false)) {
        x87_set(c, pop, f80_indefinite());
        if (pop) {
            x87_pop(c);
        }
    }
    return false;
}

/* f(ST(0), ST(1)) replaces both. */
static enum x86_status binary_pop(struct x86_cpu *c, const struct x86_insn *in,
                                  struct f80 (*fn)(struct num x, struct num y, struct fp_env *env))
{
    struct fp_env env = x87_env(c);

    if (have_two(c, in, true)) {
        struct f80 r = fn(x87_num(c, 0), x87_num(c, 1), &env);

        if (x87_settle(c, &env)) {
            x87_set(c, 1, r);
            x87_pop(c);
        }
    }
    return X86_OK;
}

HANDLER(fyl2x)
{
    return binary_pop(c, in, f80_fyl2x);
}

HANDLER(fyl2xp1)
{
    return binary_pop(c, in, f80_fyl2xp1);
}

HANDLER(fpatan)
{
    return binary_pop(c, in, f80_fpatan);
}

HANDLER(fscale)
{
    struct fp_env env = x87_env(c);

    if (have_two(c, in, false)) {
        struct f80 r = f80_scale(x87_num(c, 0), x87_num(c, 1), &env);

        if (x87_settle(c, &env)) {
            x87_set(c, 0, r);
        }
    }
    return X86_OK;
}

static enum x86_status remainder_st0(struct x86_cpu *c, const struct x86_insn *in, bool nearest)
{
    struct fp_env env = x87_env(c);
    struct f80 r;
    uint64_t q;
    bool partial;

    x87_set_condition(c, X87_SW_C2, 0);
    if (!have_two(c, in, false)) {
        return X86_OK;
    }
    r = f80_rem(x87_num(c, 0), x87_num(c, 1), nearest, &q, &partial, &env);
    if (x87_settle(c, &env)) {
        x87_set(c, 0, r);
        if (num_is_nan(f80_unpack(r))) { /* no quotient */
            x87_set_condition(c, X87_SW_C1 | X87_SW_C2, 0);
            return X86_OK;
        }
        x87_set_condition(c, CONDITION,
                          (partial ? X87_SW_C2 : 0) | (q & 1 ? X87_SW_C1 : 0) |
                              (q & 2 ? X87_SW_C3 : 0) | (q & 4 ? X87_SW_C0 : 0));
    }
    return X86_OK;
}

HANDLER(fprem)
{
    return remainder_st0(c, in, false);
}

HANDLER(fprem1)
{
    return remainder_st0(c, in, true);
}

/*
 * ST(0) is there and there is room for a second result. Else the stack fault is dealt with: the
 * indefinite in ST(0), and pushed.
 */
static bool have_room(struct x86_cpu *c, const struct x86_insn *in)
{
    bool overflow = !x87_empty(c, 7);

    x87_note_insn(c, in);
    if (!x87_empty(c, 0) && !overflow) {
        return true;
    }
    if (x87_stack_fault(c, !x87_empty(c, 0))) {
        x87_set(c, 0, f80_indefinite());
        x87_push(c, f80_indefinite());
    }
    return false;
}

HANDLER(fxtract)
{
    struct fp_env env = x87_env(c);

    if (have_room(c, in)) {
        struct f80 exponent, significand = f80_extract(x87_num(c, 0), &exponent, &env);

        if (x87_settle(c, &env)) {
            x87_set(c, 0, exponent);
            x87_push(c, significand);
        }
    }
    return X86_OK;
}

HANDLER(fptan)
{
    struct fp_env env = x87_env(c);
    struct f80 r;

    x87_set_condition(c, X87_SW_C2, 0);
    if (!have_room(c, in)) {
        return X86_OK;
    }
    if (!f80_tan(x87_num(c, 0), &r, &env)) {
        x87_set_condition(c, X87_SW_C1 | X87_SW_C2, X87_SW_C2);
    } else if (x87_settle(c, &env)) {
        x87_set(c, 0, r);
        x87_push(c, num_is_nan(f80_unpack(r)) ? r : f80_from_int(1));
    }
    return X86_OK;
}

HANDLER(fsincos)
{
    struct fp_env env = x87_env(c);
    struct f80 s, cosine;

    x87_set_condition(c, X87_SW_C2, 0);
    if (!have_room(c, in)) {
        return X86_OK;
    }
    if (!f80_sincos(x87_num(c, 0), &s, &cosine, &env)) {
        x87_set_condition(c, X87_SW_C1 | X87_SW_C2, X87_SW_C2);
    } else if (x87_settle(c, &env)) {
        x87_set(c, 0, s);
        x87_push(c, cosine);
    }
    return X86_OK;
}

static enum x86_status sine_or_cosine(struct x86_cpu *c, const struct x86_insn *in, bool cosine)
{
    struct fp_env env = x87_env(c);
    struct f80 r;

    x87_set_condition(c, X87_SW_C2, 0);
    if (!have_st0(c, in)) {
        return X86_OK;
    }
    if (!f80_sincos(x87_num(c, 0), cosine ? NULL : &r, cosine ? &r : NULL, &env)) {
        x87_set_condition(c, X87_SW_C1 | X87_SW_C2, X87_SW_C2);
    } else if (x87_settle(c, &env)) {
        x87_set(c, 0, r);
    }
    return X86_OK;
}

HANDLER(fsin)
{
    return sine_or_cosine(c, in, false);
}

HANDLER(fcos)
{
    return sine_or_cosine(c, in, true);
}

/* clang-format off */
#define M32(text, n) X87_MEM(text, 0xd8, n, OPD_Md, operate_m32)
#define M64(text, n) X87_MEM(text, 0xdc, n, OPD_Mq, operate_m64)
#define I32(text, n) X87_MEM(text, 0xda, n, OPD_Md, operate_m32int)
#define I16(text, n) X87_MEM(text, 0xde, n, OPD_Mw, operate_m16int)

static const struct x86_row rows[] = {
    M32("fadd", 0), M32("fmul", 1), M32("fcom", 2), M32("fcomp", 3),
    M32("fsub", 4), M32("fsubr", 5), M32("fdiv", 6), M32("fdivr", 7),
    M64("fadd", 0), M64("fmul", 1), M64("fcom", 2), M64("fcomp", 3),
    M64("fsub", 4), M64("fsubr", 5), M64("fdiv", 6), M64("fdivr", 7),
    I32("fiadd", 0), I32("fimul", 1), I32("ficom", 2), I32("ficomp", 3),
    I32("fisub", 4), I32("fisubr", 5), I32("fidiv", 6), I32("fidivr", 7),
    I16("fiadd", 0), I16("fimul", 1), I16("ficom", 2), I16("ficomp", 3),
    I16("fisub", 4), I16("fisubr", 5), I16("fidiv", 6), I16("fidivr", 7),

    X87_REG("fadd", 0xd8, 0, operate_st0, OPD_ST0, OPD_STi),
    X87_REG("fmul", 0xd8, 1, operate_st0, OPD_ST0, OPD_STi),
    X87_REG("fcom", 0xd8, 2, fcom, OPD_STi),
    X87_REG("fcomp", 0xd8, 3, fcomp, OPD_STi),
    X87_REG("fsub", 0xd8, 4, operate_st0, OPD_ST0, OPD_STi),
    X87_REG("fsubr", 0xd8, 5, operate_st0, OPD_ST0, OPD_STi),
    X87_REG("fdiv", 0xd8, 6, operate_st0, OPD_ST0, OPD_STi),
    X87_REG("fdivr", 0xd8, 7, operate_st0, OPD_ST0, OPD_STi),
    X87_REG("fadd", 0xdc, 0, operate_sti, OPD_STi, OPD_ST0),
    X87_REG("fmul", 0xdc, 1, operate_sti, OPD_STi, OPD_ST0),
    X87_REG("fsubr", 0xdc, 4, operate_sti, OPD_STi, OPD_ST0),
    X87_REG("fsub", 0xdc, 5, operate_sti, OPD_STi, OPD_ST0),
    X87_REG("fdivr", 0xdc, 6, operate_sti, OPD_STi, OPD_ST0),
    X87_REG("fdiv", 0xdc, 7, operate_sti, OPD_STi, OPD_ST0),
    X87_REG("faddp", 0xde, 0, operate_sti_pop, OPD_STi, OPD_ST0),
    X87_REG("fmulp", 0xde, 1, operate_sti_pop, OPD_STi, OPD_ST0),
    X87_REG("fsubrp", 0xde, 4, operate_sti_pop, OPD_STi, OPD_ST0),
    X87_REG("fsubp", 0xde, 5, operate_sti_pop, OPD_STi, OPD_ST0),
    X87_REG("fdivrp", 0xde, 6, operate_sti_pop, OPD_STi, OPD_ST0),
    X87_REG("fdivp", 0xde, 7, operate_sti_pop, OPD_STi, OPD_ST0),
    X87_ONE("fcompp", 0xde, 3, 1, fcompp),
    X87_ONE("fucompp", 0xda, 5, 1, fucompp),
    /* Encodings the manual leaves out and processors have. */
    X87_REG("fcom2", 0xdc, 2, fcom, OPD_STi), X87_REG("fcomp3", 0xdc, 3, fcomp, OPD_STi),
    X87_REG("fcomp5", 0xde, 2, fcomp, OPD_STi),
    X87_REG("fucom", 0xdd, 4, fucom, OPD_STi),
    X87_REG("fucomp", 0xdd, 5, fucomp, OPD_STi),
    X87_REG("fucomi", 0xdb, 5, fucomi, OPD_ST0, OPD_STi),
    X87_REG("fcomi", 0xdb, 6, fcomi, OPD_ST0, OPD_STi),
    X87_REG("fucomip", 0xdf, 5, fucomip, OPD_ST0, OPD_STi),
    X87_REG("fcomip", 0xdf, 6, fcomip, OPD_ST0, OPD_STi),

    X87_ONE("fchs", 0xd9, 4, 0, fchs), X87_ONE("fabs", 0xd9, 4, 1, fabs_st0),
    X87_ONE("ftst", 0xd9, 4, 4, ftst), X87_ONE("fxam", 0xd9, 4, 5, fxam),
    X87_ONE("f2xm1", 0xd9, 6, 0, f2xm1), X87_ONE("fyl2x", 0xd9, 6, 1, fyl2x),
    X87_ONE("fptan", 0xd9, 6, 2, fptan), X87_ONE("fpatan", 0xd9, 6, 3, fpatan),
    X87_ONE("fxtract", 0xd9, 6, 4, fxtract), X87_ONE("fprem1", 0xd9, 6, 5, fprem1),
    X87_ONE("fprem", 0xd9, 7, 0, fprem), X87_ONE("fyl2xp1", 0xd9, 7, 1, fyl2xp1),
    X87_ONE("fsqrt", 0xd9, 7, 2, fsqrt), X87_ONE("fsincos", 0xd9, 7, 3, fsincos),
    X87_ONE("frndint", 0xd9, 7, 4, frndint), X87_ONE("fscale", 0xd9, 7, 5, fscale),
    X87_ONE("fsin", 0xd9, 7, 6, fsin), X87_ONE("fcos", 0xd9, 7, 7, fcos),
};
/* clang-format on */

const struct x86_row_table x86_rows_x87 = {rows, G_N_ELEMENTS(rows)};
