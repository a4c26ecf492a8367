/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arithmetic, logic, shifts and multiplication. Intel SDM volume 2. */
#include "machine/guest/x86/translate/translator.h"

static struct x86_second of_value(uint8_t v)
{
    return (struct x86_second){v, 0};
}

static struct x86_second of_number(int64_t imm)
{
    return (struct x86_second){IR_IMM, imm};
}

static void put_second(struct x86_translator *t, enum ir_opcode op, uint8_t d, uint8_t a,
                       const struct x86_second *b)
{
    ir_put(t->u, op, d, a, b->v, b->imm);
}

static void note_source(struct x86_translator *t, unsigned size, const struct x86_second *b)
{
    if (b->v == IR_IMM) {
        put_imm(t, IR_mov, V_SOURCE, IR_NONE, b->imm & size_mask(size));
    } else {
        x86_put_extend(t, V_SOURCE, b->v, size);
    }
}

void x86_put_alu(struct x86_translator *t, unsigned op, unsigned size, uint8_t a,
                 struct x86_second b)
{
    static const uint8_t wide[] = {[ALU_ADD] = IR_add,  [ALU_OR] = IR_or,   [ALU_AND] = IR_and,
                                   [ALU_SUB] = IR_sub,  [ALU_XOR] = IR_xor, [ALU_CMP] = IR_sub,
                                   [ALU_TEST] = IR_and, [ALU_ADC] = 0,      [ALU_SBB] = 0};
    static const uint8_t half[] = {[ALU_ADD] = IR_addz,  [ALU_OR] = IR_orz,   [ALU_AND] = IR_andz,
                                   [ALU_SUB] = IR_subz,  [ALU_XOR] = IR_xorz, [ALU_CMP] = IR_subz,
                                   [ALU_TEST] = IR_andz, [ALU_ADC] = 0,       [ALU_SBB] = 0};
    bool same = b.v == a, adds = op == ALU_ADD || op == ALU_SUB || op == ALU_CMP;

    if (same && (op == ALU_XOR || op == ALU_SUB)) {
        put_imm(t, IR_mov, V_RESULT, IR_NONE, 0);
        x86_flags_are(t, LAZY_LOGIC, size);
        return;
    }
    if (same && (op == ALU_AND || op == ALU_OR || op == ALU_TEST)) {
        x86_put_extend(t, V_RESULT, a, size);
        x86_flags_are(t, LAZY_LOGIC, size);
        return;
    }
    if (adds) {
        note_source(t, size, &b);
    }
    put_second(t, size == 8 ? wide[op] : half[op], V_RESULT, a, &b);
    if (size < 4) {
        x86_put_extend(t, V_RESULT, V_RESULT, size);
    }
    x86_flags_are(t, op == ALU_ADD ? LAZY_ADD : adds ? LAZY_SUB : LAZY_LOGIC, size);
    if (op == ALU_CMP || op == ALU_SUB) {
        t->flags.has_operands = size >= 4;
        t->flags.a = a;
        t->flags.b = b.v;
        t->flags.imm = b.imm;
    }
}

static bool writes(unsigned op)
{
    return op != ALU_CMP && op != ALU_TEST;
}

static void alu_to_register(struct x86_translator *t, unsigned op, unsigned size, unsigned r,
                            struct x86_second b)
{
    uint8_t a = x86_get(t, r, size, T0);

    x86_put_alu(t, op, size, a, b);
    if (writes(op)) {
        x86_set(t, r, size, V_RESULT);
    }
}

static void alu_to_memory(struct x86_translator *t, unsigned op, unsigned size, struct x86_second b)
{
    uint8_t at;
    int64_t off;

    if (!writes(op)) {
        t->flags.has_operands = false;
        x86_put_address(t, &at, &off);
        x86_put_load(t, T3, size, at, off, x86_access(t));
        x86_put_alu(t, op, size, T3, b);
        return;
    }
    x86_put_address(t, &at, &off);
    x86_put_load(t, T2, size, at, off, x86_access(t) | IR_FOR_WRITE);
    x86_put_alu(t, op, size, T2, b);
    t->flags.has_operands = false;
    x86_put_store(t, V_RESULT, size, at, off, x86_access(t));
}

static void alu_rm(struct x86_translator *t, unsigned op, unsigned size, struct x86_second b)
{
    if (is_memory(t)) {
        alu_to_memory(t, op, size, b);
    } else {
        alu_to_register(t, op, size, t->in->rm, b);
    }
}

/* Register from ModRM.rm. */
static void alu_from_rm(struct x86_translator *t, unsigned op, unsigned size)
{
    uint8_t b;

    if (is_memory(t) && !writes(op)) { /* b stays for a condition: not T2 */
        t->flags.has_operands = false;
        b = x86_get_rm(t, size, T3);
    } else {
        b = x86_get_rm(t, size, T2);
    }
    alu_to_register(t, op, size, t->in->reg, of_value(b));
    if (b == T2) {
        t->flags.has_operands = false;
    }
}

/* ADC and SBB of registers or numbers, where the carry can be had. What they leave depends on it,
 * so the kind is no constant. */
static bool put_with_carry(struct x86_translator *t, unsigned op, unsigned size, unsigned r,
                           struct x86_second b)
{
    enum x86_flag_kind kind = op == ALU_ADC ? LAZY_ADD : LAZY_SUB;
    bool adds = op == ALU_ADC;

    if (size < 4 || b.v == T2) {
        return false;
    }
    x86_put_carry(t, T2);
    note_source(t, size, &b);
    /* LAZY_ADC is LAZY_ADD's successor, and SBB SUB's: four apart. */
    G_STATIC_ASSERT(LAZY_ADC == LAZY_ADD + 1 && LAZY_SBB == LAZY_SUB + 1);
    put_imm(t, IR_shl, T0, T2, 2);
    put_imm(t, IR_add, V_KIND, T0, x86_lazy_op(kind, size_log2(size)));
    if (size == 8) {
        put_second(t, adds ? IR_add : IR_sub, V_RESULT, r, &b);
        put(t, adds ? IR_add : IR_sub, V_RESULT, V_RESULT, T2);
    } else {
        put_second(t, adds ? IR_addz : IR_subz, V_RESULT, r, &b);
        put(t, adds ? IR_addz : IR_subz, V_RESULT, V_RESULT, T2);
    }
    x86_forget_flags(t);
    x86_set(t, r, size, V_RESULT);
    return true;
}

static enum x86_next with_carry(struct x86_translator *t, unsigned op, unsigned size, bool from_rm,
                                struct x86_second b)
{
    unsigned r = from_rm ? t->in->reg : t->in->rm;

    return !is_memory(t) && put_with_carry(t, op, size, r, b) ? NEXT_GOES_ON : NEXT_CALLS;
}

/* 00 to 3D, 80 to 83, 84, 85, A8, A9 */
enum x86_next x86_translate_alu(struct x86_translator *t)
{
    const struct x86_insn *in = t->in;
    unsigned code = in->opcode, size = in->osize, op = code >> 3;
    struct x86_second b = of_number(in->imm);

    if (code >= 0x84 && code <= 0x85) {
        b = of_value(x86_get(t, in->reg, size, T2));
        alu_rm(t, ALU_TEST, size, b);
        return NEXT_GOES_ON;
    }
    if (code == 0xa8 || code == 0xa9) {
        alu_to_register(t, ALU_TEST, size, RAX, b);
        return NEXT_GOES_ON;
    }
    if (code >= 0x80) {
        op = in->modrm >> 3 & 7;
        if (op == ALU_ADC || op == ALU_SBB) {
            return with_carry(t, op, size, false, b);
        }
        alu_rm(t, op, size, b);
        return NEXT_GOES_ON;
    }
    if (op == ALU_ADC || op == ALU_SBB) {
        switch (code & 7) {
        case 1: return with_carry(t, op, size, false, of_value(in->reg));
        case 3: return with_carry(t, op, size, true, of_value(in->rm));
        default: return NEXT_CALLS;
        }
    }
    switch (code & 7) {
    case 0:
    case 1:
        /* T3 would be that of a comparison with memory. */
        b = of_value(x86_get(t, in->reg, size, T1));
        if (b.v == T1 && is_memory(t)) {
            return NEXT_CALLS;
        }
        alu_rm(t, op, size, b);
        return NEXT_GOES_ON;
    case 2:
    case 3: alu_from_rm(t, op, size); return NEXT_GOES_ON;
    default: alu_to_register(t, op, size, RAX, b); return NEXT_GOES_ON;
    }
}

/* ---- shifts ---- */

static bool is_flagless(const struct x86_translator *t)
{
    return t->in->flags & INSN_FLAGLESS;
}

static void put_shift_by(struct x86_translator *t, unsigned kind, unsigned size, unsigned count)
{
    static const uint8_t wide[] = {[4] = IR_shl, [5] = IR_shr, [7] = IR_sar};
    static const uint8_t half[] = {[4] = IR_shlz, [5] = IR_shrz, [7] = IR_sarz};
    static const uint8_t flags[] = {[4] = LAZY_SHL, [5] = LAZY_SHR, [7] = LAZY_SAR};
    enum ir_opcode op = size == 8 ? wide[kind] : half[kind];
    uint8_t a = t->in->rm;

    if (is_flagless(t)) {
        x86_written(t, a);
        put_imm(t, op, a, a, count);
        return;
    }
    if (count == 1) {
        x86_put_extend(t, V_SOURCE, a, size);
    } else {
        put_imm(t, op, V_SOURCE, a, count - 1);
    }
    put_imm(t, op, V_RESULT, a, count);
    x86_flags_are(t, flags[kind], size);
    x86_set(t, a, size, V_RESULT);
}

static void put_rotate(struct x86_translator *t, bool left, unsigned size, unsigned count)
{
    uint8_t a = t->in->rm;

    x86_written(t, a);
    put_imm(t, size == 8 ? IR_rol : IR_rolz, a, a, left ? count : 8 * size - count);
}

/* By CL, where nobody wants the flags. */
static enum x86_next by_cl(struct x86_translator *t, unsigned kind, unsigned size)
{
    static const uint8_t wide[] = {[0] = IR_rol, [4] = IR_shl, [5] = IR_shr, [7] = IR_sar};
    static const uint8_t half[] = {[0] = IR_rolz, [4] = IR_shlz, [5] = IR_shrz, [7] = IR_sarz};
    uint8_t a = t->in->rm;

    if (!is_flagless(t) || kind == 1) {
        return NEXT_CALLS;
    }
    x86_written(t, a);
    put(t, size == 8 ? wide[kind] : half[kind], a, a, RCX);
    return NEXT_GOES_ON;
}

/* C0, C1, D0 to D3 */
enum x86_next x86_translate_shift(struct x86_translator *t)
{
    const struct x86_insn *in = t->in;
    unsigned kind = in->modrm >> 3 & 7, size = in->osize;
    unsigned count = (in->opcode >= 0xd0 ? 1 : in->imm) & (size == 8 ? 63 : 31);

    if (is_memory(t) || size < 4 || kind == 2 || kind == 3) {
        return NEXT_CALLS;
    }
    kind = kind == 6 ? 4 : kind;
    if (in->opcode >= 0xd2) {
        return by_cl(t, kind, size);
    }
    if (count == 0) { /* the flags stay, the upper half does not */
        x86_set(t, in->rm, size, in->rm);
        return NEXT_GOES_ON;
    }
    if (kind >= 4) {
        put_shift_by(t, kind, size, count);
        return NEXT_GOES_ON;
    }
    if (!is_flagless(t)) {
        return NEXT_CALLS;
    }
    put_rotate(t, kind == 0, size, count);
    return NEXT_GOES_ON;
}

/* ---- one operand ---- */

/* INC and DEC keep the carry, which becomes the source. */
static enum x86_next step_by_one(struct x86_translator *t, bool up)
{
    unsigned size = t->in->osize;
    uint8_t at = 0, a;
    int64_t off = 0;

    if (is_flagless(t)) {
        x86_written(t, t->in->rm);
        put_imm(t, size == 8 ? IR_add : IR_addz, t->in->rm, t->in->rm, up ? 1 : -1);
        return NEXT_GOES_ON;
    }
    if (!t->flags.known) {
        return NEXT_CALLS;
    }
    x86_put_carry(t, T2);
    if (is_memory(t)) {
        x86_put_address(t, &at, &off);
        x86_put_load(t, T3, size, at, off, x86_access(t) | IR_FOR_WRITE);
        a = T3;
    } else {
        a = x86_get(t, t->in->rm, size, T0);
    }
    put_imm(t, size == 8 ? IR_add : IR_addz, V_RESULT, a, up ? 1 : -1);
    if (size < 4) {
        x86_put_extend(t, V_RESULT, V_RESULT, size);
    }
    put_mov(t, V_SOURCE, T2);
    x86_flags_are(t, up ? LAZY_INC : LAZY_DEC, size);
    if (is_memory(t)) {
        x86_put_store(t, V_RESULT, size, at, off, x86_access(t));
    } else {
        x86_set(t, t->in->rm, size, V_RESULT);
    }
    return NEXT_GOES_ON;
}

static enum x86_next put_not(struct x86_translator *t)
{
    unsigned size = t->in->osize;
    uint8_t at, a;
    int64_t off;

    if (!is_memory(t)) {
        a = x86_get(t, t->in->rm, size, T0);
        put_imm(t, IR_xor, T0, a, -1);
        x86_set(t, t->in->rm, size, T0);
        return NEXT_GOES_ON;
    }
    x86_put_address(t, &at, &off);
    x86_put_load(t, T2, size, at, off, x86_access(t) | IR_FOR_WRITE);
    put_imm(t, IR_xor, T2, T2, -1);
    x86_put_store(t, T2, size, at, off, x86_access(t));
    return NEXT_GOES_ON;
}

/* 0 - a */
static enum x86_next put_neg(struct x86_translator *t)
{
    unsigned size = t->in->osize;
    uint8_t a;

    if (is_memory(t)) {
        return NEXT_CALLS;
    }
    a = x86_get(t, t->in->rm, size, T1);
    x86_put_extend(t, V_SOURCE, a, size);
    put_imm(t, IR_mov, T0, IR_NONE, 0);
    put(t, size == 8 ? IR_sub : IR_subz, V_RESULT, T0, V_SOURCE);
    if (size < 4) {
        x86_put_extend(t, V_RESULT, V_RESULT, size);
    }
    x86_flags_are(t, LAZY_SUB, size);
    x86_set(t, t->in->rm, size, V_RESULT);
    return NEXT_GOES_ON;
}

/* rDX:rAX = rAX * b; size 4 or 8 */
static void multiply_long(struct x86_translator *t, bool is_signed)
{
    unsigned size = t->in->osize;
    uint8_t b = x86_get_rm(t, size, T2);

    if (size == 8) {
        put(t, is_signed ? IR_mul_hs : IR_mul_hu, V_SOURCE, RAX, b);
        put(t, IR_mul, V_RESULT, RAX, b);
    } else {
        if (is_signed) {
            put_imm(t, IR_add32, T0, RAX, 0);
            put_imm(t, IR_add32, T1, b, 0);
        } else {
            x86_put_extend(t, T0, RAX, 4);
            x86_put_extend(t, T1, b, 4);
        }
        put(t, IR_mul, T0, T0, T1);
        x86_put_extend(t, V_RESULT, T0, 4);
        put_imm(t, IR_shr, V_SOURCE, T0, 32);
    }
    x86_flags_are(t, is_signed ? LAZY_MUL : LAZY_UMUL, size);
    x86_set(t, RAX, 8, V_RESULT);
    x86_set(t, RDX, 8, V_SOURCE);
}

/* rDX:rAX by b; size 4 or 8. The host divides where rDX only has the sign. */
static void divide_long(struct x86_translator *t, bool is_signed)
{
    unsigned size = t->in->osize;
    uint8_t b = x86_get_rm(t, size, T2);
    unsigned call = x86_put_whole_call(t);
    bool wide = size == 8;

    if (is_signed) {
        put_imm(t, wide ? IR_sar : IR_sarz, T0, RAX, 8 * size - 1);
        put(t, wide ? IR_xor : IR_xorz, T0, T0, RDX);
    } else {
        x86_put_extend(t, T0, RDX, size);
    }
    ir_put(t->u, IR_check, IR_NONE, T0, IR_NONE, call)->cond = IR_CHECK_ZERO;
    ir_put(t->u, IR_divide, T1, RAX, b, call | (wide ? IR_WIDE : 0))->cond =
        is_signed ? IR_DIV : IR_DIVU;
    put(t, wide ? IR_mul : IR_mulz, T0, T1, b);
    put(t, wide ? IR_sub : IR_subz, T0, RAX, T0);
    x86_set(t, RAX, size, T1);
    x86_set(t, RDX, size, T0);
}

/* F6, F7, FE, and FF /0 and /1 */
enum x86_next x86_translate_unary(struct x86_translator *t)
{
    const struct x86_insn *in = t->in;
    unsigned kind = in->modrm >> 3 & 7;

    if (in->opcode >= 0xfe) {
        return step_by_one(t, kind == 0);
    }
    switch (kind) {
    case 0:
    case 1: alu_rm(t, ALU_TEST, in->osize, of_number(in->imm)); return NEXT_GOES_ON;
    case 2: return put_not(t);
    case 3: return put_neg(t);
    case 4:
    case 5:
        if (in->osize < 4) {
            return NEXT_CALLS;
        }
        multiply_long(t, kind == 5);
        return NEXT_GOES_ON;
    default:
        if (in->osize < 4) {
            return NEXT_CALLS;
        }
        divide_long(t, kind == 7);
        return NEXT_GOES_ON;
    }
}

/* IMUL with two or three operands: 69, 6B, 0F AF */
enum x86_next x86_translate_multiply(struct x86_translator *t)
{
    const struct x86_insn *in = t->in;
    unsigned size = in->osize;
    bool by_number = t->row->map == MAP_1;
    uint8_t a, b;

    if (size < 4) {
        return NEXT_CALLS;
    }
    a = x86_get_rm(t, size, T2);
    if (by_number) {
        put_imm(t, IR_mov, T1, IR_NONE, in->imm);
        b = T1;
    } else {
        b = in->reg;
    }
    if (size == 8) {
        put(t, IR_mul_hs, V_SOURCE, a, b);
        put(t, IR_mul, V_RESULT, a, b);
    } else {
        put_imm(t, IR_add32, T0, a, 0);
        put_imm(t, IR_add32, T1, b, 0);
        put(t, IR_mul, T0, T0, T1);
        x86_put_extend(t, V_RESULT, T0, 4);
        put_imm(t, IR_shr, V_SOURCE, T0, 32);
    }
    x86_flags_are(t, LAZY_MUL, size);
    x86_set(t, in->reg, size, V_RESULT);
    return NEXT_GOES_ON;
}
