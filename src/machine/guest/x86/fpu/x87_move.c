/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x87 loads, stores, constants and stack instructions. Intel SDM volume 1, 8.3.3; volume 2. */
#include "base/bits.h"
#include "base/endian.h"
#include "machine/guest/x86/exception.h"
#include "machine/guest/x86/flags.h"
#include "machine/guest/x86/fpu/x87.h"
#include "machine/guest/x86/memory.h"

#define HANDLER(name) static enum x86_status name(struct x86_cpu *c, const struct x86_insn *in)

static unsigned sti(const struct x86_insn *in)
{
    return in->modrm & 7;
}

/* Room for a push; else the stack fault is dealt with. */
static bool have_room(struct x86_cpu *c)
{
    if (x87_empty(c, 7)) {
        return true;
    }
    if (x87_stack_fault(c, true)) {
        x87_push(c, f80_indefinite());
    }
    return false;
}

/* A load that raises nothing. */
static void load_plain(struct x86_cpu *c, const struct x86_insn *in, struct f80 v)
{
    x87_note_insn(c, in);
    if (have_room(c)) {
        x87_push(c, v);
        x87_set_condition(c, X87_SW_C1, 0);
    }
}

static enum x86_status load_float(struct x86_cpu *c, const struct x86_insn *in,
                                  const struct fp_format *f)
{
    struct fp_env env = x87_env(c);
    uint64_t v;
    enum x86_status st = x86_read(c, in->seg, x86_ea(c, in), f == &fp_b32 ? 4 : 8, &v);

    if (st != X86_OK) {
        return st;
    }
    x87_note_insn(c, in);
    if (have_room(c)) {
        struct f80 r = f80_from(f, v, &env);

        /* An unmasked denormal exception does not keep the operand from being loaded. */
        x87_settle(c, &env);
        if (!(env.flags & env.unmasked & FP_INVALID)) {
            x87_push(c, r);
        }
    }
    return X86_OK;
}

static enum x86_status load_integer(struct x86_cpu *c, const struct x86_insn *in, unsigned size)
{
    uint64_t v;
    enum x86_status st = x86_read(c, in->seg, x86_ea(c, in), size, &v);

    if (st == X86_OK) {
        load_plain(c, in, f80_from_int(sign_extend(v, size * 8)));
    }
    return st;
}

HANDLER(fld_m32)
{
    return load_float(c, in, &fp_b32);
}

HANDLER(fld_m64)
{
    return load_float(c, in, &fp_b64);
}

HANDLER(fild_m16)
{
    return load_integer(c, in, 2);
}

HANDLER(fild_m32)
{
    return load_integer(c, in, 4);
}

HANDLER(fild_m64)
{
    return load_integer(c, in, 8);
}

HANDLER(fld_m80)
{
    uint8_t bytes[10];
    enum x86_status st = x86_read_bytes(c, in->seg, x86_ea(c, in), bytes, sizeof(bytes));

    if (st == X86_OK) {
        load_plain(c, in, (struct f80){.sig = ld_le64(bytes), .se = ld_le16(bytes + 8)});
    }
    return st;
}

HANDLER(fbld)
{
    uint8_t bytes[10];
    enum x86_status st = x86_read_bytes(c, in->seg, x86_ea(c, in), bytes, sizeof(bytes));

    if (st == X86_OK) {
        load_plain(c, in, f80_from_bcd(bytes));
    }
    return st;
}

HANDLER(fld_sti)
{
    x87_note_insn(c, in);
    if (!x87_empty(c, sti(in))) {
        load_plain(c, in, x87_get(c, sti(in)));
    } else if (x87_stack_fault(c, false)) {
        x87_push(c, f80_indefinite());
    }
    return X86_OK;
}

/* Constants with enough bits for every rounding; loading them raises nothing. */
struct constant {
    int32_t exp;
    uint64_t high, low;
};

static const struct constant constants[] = {
    {0, UINT64_C(0x8000000000000000), 0},                             /* 1 */
    {1, UINT64_C(0xd49a784bcd1b8afe), UINT64_C(0x492bf6ff4dafdb4c)},  /* log2(10) */
    {0, UINT64_C(0xb8aa3b295c17f0bb), UINT64_C(0xbe87fed0691d3e88)},  /* log2(e) */
    {1, UINT64_C(0xc90fdaa22168c234), UINT64_C(0xc4c6628b80dc1cd1)},  /* pi */
    {-2, UINT64_C(0x9a209a84fbcff798), UINT64_C(0x8f8959ac0b7c9178)}, /* log10(2) */
    {-1, UINT64_C(0xb17217f7d1cf79ab), UINT64_C(0xc9e3b39803f2f6af)}, /* ln(2) */
    {0, 0, 0},                                                        /* 0 */
};

HANDLER(load_constant)
{
    const struct constant *k = &constants[in->modrm & 7];
    struct fp_env env = x87_env(c);
    struct num v = {
        .cls = k->high ? NUM_FINITE : NUM_ZERO,
        .exp = k->exp,
        .sig = (num_sig)k->high << 64 | k->low,
    };

    load_plain(c, in, f80_pack(v, &env));
    return X86_OK;
}

/* What a store writes: made before anything is changed, since the memory may fault. */
struct store {
    uint8_t bytes[10];
    unsigned size;
    struct fp_env env;
    bool stack_fault;
};

/*
 * Writes and takes over the exceptions. The memory stays as it is when the exception that would
 * spoil it is unmasked; then nothing is popped either.
 */
static enum x86_status finish_store(struct x86_cpu *c, const struct x86_insn *in,
                                    const struct store *s, bool pop)
{
    uint8_t fatal = FP_INVALID | FP_OVERFLOW | FP_UNDERFLOW;
    uint8_t flags = s->stack_fault ? FP_INVALID : s->env.flags;
    bool withheld = flags & s->env.unmasked & fatal;
    enum x86_status st = X86_OK;

    if (!withheld) {
        st = x86_write_bytes(c, in->seg, x86_ea(c, in), s->bytes, s->size);
    }
    if (st != X86_OK) {
        return st;
    }
    x87_note_insn(c, in);
    if (s->stack_fault) {
        x87_stack_fault(c, false);
    } else {
        struct fp_env env = s->env;

        if (withheld) {
            env.flags &= ~FP_INEXACT;
            env.rounded_up = false;
        }
        x87_settle(c, &env);
    }
    if (pop && !withheld) {
        x87_pop(c);
    }
    return X86_OK;
}

static struct num stored_operand(struct x86_cpu *c, struct store *s)
{
    s->env = x87_env(c);
    s->stack_fault = x87_empty(c, 0);
    return s->stack_fault ? f80_unpack(f80_indefinite()) : x87_num(c, 0);
}

static enum x86_status store_float(struct x86_cpu *c, const struct x86_insn *in,
                                   const struct fp_format *f, bool pop)
{
    struct store s = {.size = f == &fp_b32 ? 4 : 8};
    struct num a = stored_operand(c, &s);

    st_le64(s.bytes, f80_to(f, a, &s.env));
    return finish_store(c, in, &s, pop);
}

static enum x86_status store_integer(struct x86_cpu *c, const struct x86_insn *in, unsigned size,
                                     bool truncate, bool pop)
{
    struct store s = {.size = size};
    struct num a = stored_operand(c, &s);

    s.env.rounding = truncate ? FP_ROUND_ZERO : s.env.rounding;
    st_le64(s.bytes, (uint64_t)num_to_int(a, size * 8, &s.env));
    return finish_store(c, in, &s, pop);
}

/* clang-format off */
HANDLER(fst_m32) { return store_float(c, in, &fp_b32, false); }
HANDLER(fst_m64) { return store_float(c, in, &fp_b64, false); }
HANDLER(fstp_m32) { return store_float(c, in, &fp_b32, true); }
HANDLER(fstp_m64) { return store_float(c, in, &fp_b64, true); }
HANDLER(fist_m16) { return store_integer(c, in, 2, false, false); }
HANDLER(fist_m32) { return store_integer(c, in, 4, false, false); }
HANDLER(fistp_m16) { return store_integer(c, in, 2, false, true); }
HANDLER(fistp_m32) { return store_integer(c, in, 4, false, true); }
HANDLER(fistp_m64) { return store_integer(c, in, 8, false, true); }
HANDLER(fisttp_m16) { return store_integer(c, in, 2, true, true); }
HANDLER(fisttp_m32) { return store_integer(c, in, 4, true, true); }
HANDLER(fisttp_m64) { return store_integer(c, in, 8, true, true); }
/* clang-format on */

HANDLER(fbstp)
{
    struct store s = {.size = 10};
    struct num a = stored_operand(c, &s);

    f80_to_bcd(a, s.bytes, &s.env);
    return finish_store(c, in, &s, true);
}

HANDLER(fstp_m80)
{
    struct store s = {.size = 10};
    struct f80 v = x87_get(c, 0);

    (void)stored_operand(c, &s);
    if (s.stack_fault) {
        v = f80_indefinite();
    }
    st_le64(s.bytes, v.sig);
    st_le16(s.bytes + 8, v.se);
    return finish_store(c, in, &s, true);
}

static enum x86_status store_register(struct x86_cpu *c, const struct x86_insn *in, bool pop)
{
    struct f80 v = x87_get(c, 0);

    x87_note_insn(c, in);
    if (x87_empty(c, 0)) {
        if (!x87_stack_fault(c, false)) {
            return X86_OK;
        }
        v = f80_indefinite();
    } else {
        x87_set_condition(c, X87_SW_C1, 0);
    }
    x87_set(c, sti(in), v);
    if (pop) {
        x87_pop(c);
    }
    return X86_OK;
}

HANDLER(fst_sti)
{
    return store_register(c, in, false);
}

HANDLER(fstp_sti)
{
    return store_register(c, in, true);
}

/* D9 D8+i: as FSTP ST(i), but an empty ST(0) is popped without a fault. */
HANDLER(fstp1)
{
    if (!x87_empty(c, 0)) {
        return store_register(c, in, true);
    }
    x87_note_insn(c, in);
    x87_set_condition(c, X87_SW_C1, 0);
    x87_pop(c);
    return X86_OK;
}

HANDLER(fxch)
{
    unsigned i = sti(in);
    struct f80 a = x87_get(c, 0), b = x87_get(c, i);

    x87_note_insn(c, in);
    if (x87_empty(c, 0) || x87_empty(c, i)) {
        a = x87_empty(c, 0) ? f80_indefinite() : a;
        b = x87_empty(c, i) ? f80_indefinite() : b;
        if (!x87_stack_fault(c, false)) {
            return X86_OK;
        }
    } else {
        x87_set_condition(c, X87_SW_C1, 0);
    }
    x87_set(c, 0, b);
    x87_set(c, i, a);
    return X86_OK;
}

/* FCMOVcc: DA moves if the condition holds, DB if not; B, E, BE, U by ModRM.reg. */
HANDLER(fcmov)
{
    static const uint32_t condition[4] = {FLAG_CF, FLAG_ZF, FLAG_CF | FLAG_ZF, FLAG_PF};
    bool holds = x86_flags_get(c) & condition[in->modrm >> 3 & 3];

    x87_note_insn(c, in);
    if (x87_empty(c, 0) || x87_empty(c, sti(in))) {
        if (x87_stack_fault(c, false)) {
            x87_set(c, 0, f80_indefinite());
        }
        return X86_OK;
    }
    if (holds == (in->opcode == 0xda)) {
        x87_set(c, 0, x87_get(c, sti(in)));
    }
    return X86_OK;
}

HANDLER(ffree)
{
    x87_note_insn(c, in);
    x87_free(c, sti(in));
    x87_set_condition(c, X87_SW_C1, 0);
    return X86_OK;
}

HANDLER(ffreep)
{
    x87_note_insn(c, in);
    x87_free(c, sti(in));
    x87_set_condition(c, X87_SW_C1, 0);
    x87_pop(c);
    return X86_OK;
}

HANDLER(fincstp)
{
    x87_note_insn(c, in);
    x87_set_top(c, x87_top(c) + 1);
    x87_set_condition(c, X87_SW_C1, 0);
    return X86_OK;
}

HANDLER(fdecstp)
{
    x87_note_insn(c, in);
    x87_set_top(c, x87_top(c) - 1);
    x87_set_condition(c, X87_SW_C1, 0);
    return X86_OK;
}

HANDLER(fnop)
{
    x87_note_insn(c, in);
    return X86_OK;
}

/* clang-format off */
static const struct x86_row rows[] = {
    X87_MEM("fld", 0xd9, 0, OPD_Md, fld_m32), X87_MEM("fst", 0xd9, 2, OPD_Md, fst_m32),
    X87_MEM("fstp", 0xd9, 3, OPD_Md, fstp_m32), X87_MEM("fld", 0xdd, 0, OPD_Mq, fld_m64),
    X87_MEM("fst", 0xdd, 2, OPD_Mq, fst_m64), X87_MEM("fstp", 0xdd, 3, OPD_Mq, fstp_m64),
    X87_MEM("fld", 0xdb, 5, OPD_M, fld_m80), X87_MEM("fstp", 0xdb, 7, OPD_M, fstp_m80),
    X87_MEM("fild", 0xdf, 0, OPD_Mw, fild_m16), X87_MEM("fild", 0xdb, 0, OPD_Md, fild_m32),
    X87_MEM("fild", 0xdf, 5, OPD_Mq, fild_m64), X87_MEM("fisttp", 0xdf, 1, OPD_Mw, fisttp_m16),
    X87_MEM("fisttp", 0xdb, 1, OPD_Md, fisttp_m32), X87_MEM("fisttp", 0xdd, 1, OPD_Mq, fisttp_m64),
    X87_MEM("fist", 0xdf, 2, OPD_Mw, fist_m16), X87_MEM("fist", 0xdb, 2, OPD_Md, fist_m32),
    X87_MEM("fistp", 0xdf, 3, OPD_Mw, fistp_m16), X87_MEM("fistp", 0xdb, 3, OPD_Md, fistp_m32),
    X87_MEM("fistp", 0xdf, 7, OPD_Mq, fistp_m64), X87_MEM("fbld", 0xdf, 4, OPD_M, fbld),
    X87_MEM("fbstp", 0xdf, 6, OPD_M, fbstp),

    X87_REG("fld", 0xd9, 0, fld_sti, OPD_STi), X87_REG("fxch", 0xd9, 1, fxch, OPD_STi),
    X87_REG("fst", 0xdd, 2, fst_sti, OPD_STi), X87_REG("fstp", 0xdd, 3, fstp_sti, OPD_STi),
    X87_REG("ffree", 0xdd, 0, ffree, OPD_STi), X87_REG("ffreep", 0xdf, 0, ffreep, OPD_STi),
    /* Encodings the manual leaves out and processors have. */
    X87_REG("fxch4", 0xdd, 1, fxch, OPD_STi), X87_REG("fxch7", 0xdf, 1, fxch, OPD_STi),
    X87_REG("fstp1", 0xd9, 3, fstp1, OPD_STi), X87_REG("fstp8", 0xdf, 2, fstp_sti, OPD_STi),
    X87_REG("fstp9", 0xdf, 3, fstp_sti, OPD_STi),
    X87_REG("fcmovb", 0xda, 0, fcmov, OPD_ST0, OPD_STi),
    X87_REG("fcmove", 0xda, 1, fcmov, OPD_ST0, OPD_STi),
    X87_REG("fcmovbe", 0xda, 2, fcmov, OPD_ST0, OPD_STi),
    X87_REG("fcmovu", 0xda, 3, fcmov, OPD_ST0, OPD_STi),
    X87_REG("fcmovnb", 0xdb, 0, fcmov, OPD_ST0, OPD_STi),
    X87_REG("fcmovne", 0xdb, 1, fcmov, OPD_ST0, OPD_STi),
    X87_REG("fcmovnbe", 0xdb, 2, fcmov, OPD_ST0, OPD_STi),
    X87_REG("fcmovnu", 0xdb, 3, fcmov, OPD_ST0, OPD_STi),
    X87_ONE("fld1", 0xd9, 5, 0, load_constant), X87_ONE("fldl2t", 0xd9, 5, 1, load_constant),
    X87_ONE("fldl2e", 0xd9, 5, 2, load_constant), X87_ONE("fldpi", 0xd9, 5, 3, load_constant),
    X87_ONE("fldlg2", 0xd9, 5, 4, load_constant), X87_ONE("fldln2", 0xd9, 5, 5, load_constant),
    X87_ONE("fldz", 0xd9, 5, 6, load_constant),
    X87_ONE("fdecstp", 0xd9, 6, 6, fdecstp), X87_ONE("fincstp", 0xd9, 6, 7, fincstp),
    X87_ONE("fnop", 0xd9, 2, 0, fnop),
};
/* clang-format on */

const struct x86_row_table x86_rows_x87_move = {rows, G_N_ELEMENTS(rows)};
