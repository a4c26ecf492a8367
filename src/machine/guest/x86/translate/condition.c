/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lazy flags and condition codes: Intel SDM volume 1, 3.4.3.1, and appendix B. */
#include "machine/guest/x86/translate/translator.h"

enum { CC_O, CC_B, CC_E, CC_BE, CC_S, CC_P, CC_L, CC_LE }; /* cc >> 1 */

void x86_flags_are(struct x86_translator *t, enum x86_flag_kind kind, unsigned size)
{
    t->flags = (struct x86_flags_known){
        .known = true, .op = x86_lazy_op(kind, size_log2(size)), .a = IR_NONE, .b = IR_NONE};
}

void x86_store_kind(struct x86_translator *t)
{
    if (t->flags.known && !t->flags.stored) {
        put_imm(t, IR_mov, V_KIND, IR_NONE, t->flags.op);
        t->flags.stored = true;
    }
}

void x86_forget_flags(struct x86_translator *t)
{
    t->flags = (struct x86_flags_known){.stored = true, .a = IR_NONE, .b = IR_NONE};
}

static struct x86_test with_imm(unsigned cond, uint8_t a, int64_t imm)
{
    return (struct x86_test){cond, a, IR_IMM, imm};
}

static struct x86_test constant(struct x86_translator *t, bool value)
{
    put_imm(t, IR_mov, T0, IR_NONE, value);
    return with_imm(IR_NE, T0, 0);
}

/* The result as a signed number of 64 bits, or of 32 with *ret_cond. */
static uint8_t signed_result(struct x86_translator *t, unsigned size, unsigned *ret_cond)
{
    *ret_cond = size == 4 ? IR_COND_32 : 0;
    if (size >= 4) {
        return V_RESULT;
    }
    put(t, size == 1 ? IR_ext_s8 : IR_ext_s16, T0, V_RESULT, IR_NONE);
    return T0;
}

/* Any: the flags are asked. */
static struct x86_test ask(struct x86_translator *t, unsigned cc)
{
    uint8_t code = cc;
    unsigned call = t->u->n_calls++;

    x86_store_kind(t);
    t->u->calls[call] = (struct ir_call){x86_call_condition, ir_keep(t->u, &code, 1), false, false};
    ir_put(t->u, IR_call, V_CONDITION, V_RESULT, V_SOURCE, call);
    return with_imm(IR_NE, V_CONDITION, 0);
}

/* After a subtraction: what was compared. */
static struct x86_test compared(struct x86_translator *t, unsigned size, unsigned cond)
{
    bool is_signed = cond == IR_LT || cond == IR_GE || cond == IR_LE || cond == IR_GT;

    if (t->flags.has_operands) {
        return (struct x86_test){cond | (size == 4 ? IR_COND_32 : 0), t->flags.a, t->flags.b,
                                 t->flags.imm};
    }
    put(t, IR_add, T0, V_RESULT, V_SOURCE);
    if (size >= 4) {
        return (struct x86_test){cond | (size == 4 ? IR_COND_32 : 0), T0, V_SOURCE, 0};
    }
    if (!is_signed) {
        x86_put_extend(t, T0, T0, size);
        return (struct x86_test){cond, T0, V_SOURCE, 0};
    }
    put(t, size == 1 ? IR_ext_s8 : IR_ext_s16, T0, T0, IR_NONE);
    put(t, size == 1 ? IR_ext_s8 : IR_ext_s16, T1, V_SOURCE, IR_NONE);
    return (struct x86_test){cond, T0, T1, 0};
}

static struct x86_test after_sub(struct x86_translator *t, unsigned cc, unsigned size)
{
    bool not = cc & 1;

    switch (cc >> 1) {
    case CC_B: return compared(t, size, not ? IR_GEU : IR_LTU);
    case CC_BE: return compared(t, size, not ? IR_GTU : IR_LEU);
    case CC_L: return compared(t, size, not ? IR_GE : IR_LT);
    case CC_LE: return compared(t, size, not ? IR_GT : IR_LE);
    default: return ask(t, cc);
    }
}

/* CF and OF are 0. */
static struct x86_test after_logic(struct x86_translator *t, unsigned cc, unsigned size)
{
    bool not = cc & 1;
    unsigned half;
    uint8_t r;

    switch (cc >> 1) {
    case CC_O:
    case CC_B: return constant(t, not );
    case CC_BE: return with_imm(not ? IR_NE : IR_EQ, V_RESULT, 0);
    case CC_L:
        r = signed_result(t, size, &half);
        return with_imm((not ? IR_GE : IR_LT) | half, r, 0);
    case CC_LE:
        r = signed_result(t, size, &half);
        return with_imm((not ? IR_GT : IR_LE) | half, r, 0);
    default: return ask(t, cc);
    }
}

/* CF alone, where it is cheap. */
static struct x86_test after_other(struct x86_translator *t, enum x86_flag_kind kind, unsigned cc,
                                   unsigned size)
{
    bool not = cc & 1;

    if (cc >> 1 != CC_B) {
        return ask(t, cc);
    }
    switch (kind) {
    case LAZY_ADD: return (struct x86_test){not ? IR_GEU : IR_LTU, V_RESULT, V_SOURCE, 0};
    case LAZY_INC:
    case LAZY_DEC:
    case LAZY_SHR:
    case LAZY_SAR: put_imm(t, IR_and, T0, V_SOURCE, 1); return with_imm(not ? IR_EQ : IR_NE, T0, 0);
    case LAZY_SHL:
        put_imm(t, IR_shr, T0, V_SOURCE, 8 * size - 1);
        return with_imm(not ? IR_EQ : IR_NE, T0, 0);
    case LAZY_UMUL: return with_imm(not ? IR_EQ : IR_NE, V_SOURCE, 0);
    default: return ask(t, cc);
    }
}

/* The flags themselves. */
static struct x86_test after_none(struct x86_translator *t, unsigned cc)
{
    static const uint16_t masks[] = {
        [CC_O] = FLAG_OF, [CC_B] = FLAG_CF, [CC_E] = FLAG_ZF, [CC_BE] = FLAG_CF | FLAG_ZF,
        [CC_S] = FLAG_SF, [CC_P] = FLAG_PF,
    };

    if (cc >> 1 >= CC_L) {
        return ask(t, cc);
    }
    put_imm(t, IR_and, T0, V_RESULT, masks[cc >> 1]);
    return with_imm(cc & 1 ? IR_EQ : IR_NE, T0, 0);
}

struct x86_test x86_put_test(struct x86_translator *t, unsigned cc)
{
    enum x86_flag_kind kind = t->flags.op >> 2;
    unsigned size = 1u << (t->flags.op & 3), half;
    uint8_t r;

    if (!t->flags.known) {
        return ask(t, cc);
    }
    if (kind == LAZY_NONE) {
        return after_none(t, cc);
    }
    switch (cc >> 1) {
    case CC_E: return with_imm(cc & 1 ? IR_NE : IR_EQ, V_RESULT, 0);
    case CC_S:
        r = signed_result(t, size, &half);
        return with_imm((cc & 1 ? IR_GE : IR_LT) | half, r, 0);
    default: break;
    }
    switch (kind) {
    case LAZY_SUB: return after_sub(t, cc, size);
    case LAZY_LOGIC: return after_logic(t, cc, size);
    default: return after_other(t, kind, cc, size);
    }
}

void x86_put_condition(struct x86_translator *t, unsigned cc, uint8_t d)
{
    struct x86_test test = x86_put_test(t, cc);

    ir_put(t->u, IR_set, d, test.a, test.b, test.imm)->cond = test.cond;
}

void x86_put_carry(struct x86_translator *t, uint8_t d)
{
    x86_put_condition(t, CC_B << 1, d);
}
