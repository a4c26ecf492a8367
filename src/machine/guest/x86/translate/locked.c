/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Atomic instructions of 4 and 8 aligned bytes: the host's. Intel SDM volume 3, 9.1.2. The flags
 * come from what was there before.
 */
#include "machine/guest/x86/translate/translator.h"

struct locked {
    struct x86_translator *t;
    unsigned size, call;
    uint8_t at;
};

static struct locked begin(struct x86_translator *t)
{
    struct locked l = {.t = t, .size = t->in->osize};
    int64_t off;

    l.call = x86_put_whole_call(t);
    x86_put_address(t, &l.at, &off);
    if (off != 0) {
        put_imm(t, IR_add, T0, l.at, off);
        l.at = T0;
    }
    return l;
}

/* d = what was there; 4 bytes are zero-extended. */
static void put_amo(const struct locked *l, enum ir_amo op, uint8_t d, uint8_t b)
{
    struct x86_translator *t = l->t;

    ir_put(t->u, IR_amo, d, l->at, b, l->call | (l->size == 8 ? IR_WIDE : 0))->cond = op;
    x86_put_extend(t, d, d, l->size);
}

/* T1 is used by the address, and free then. */
static uint8_t second(struct x86_translator *t, const struct x86_second *b)
{
    if (b->v != IR_IMM) {
        return b->v;
    }
    put_imm(t, IR_mov, T1, IR_NONE, b->imm);
    return T1;
}

static enum x86_next alu(struct x86_translator *t, unsigned op, struct x86_second b)
{
    static const uint8_t amos[] = {[ALU_ADD] = IR_AMO_ADD,
                                   [ALU_OR] = IR_AMO_OR,
                                   [ALU_AND] = IR_AMO_AND,
                                   [ALU_SUB] = IR_AMO_ADD,
                                   [ALU_XOR] = IR_AMO_XOR};
    struct locked l;
    uint8_t v;

    if (op == ALU_ADC || op == ALU_SBB) {
        return NEXT_CALLS;
    }
    l = begin(t);
    v = second(t, &b);
    if (op == ALU_SUB) {
        put_imm(t, IR_mov, T3, IR_NONE, 0);
        put(t, IR_sub, T3, T3, v);
        v = T3;
    }
    put_amo(&l, amos[op], T2, v);
    x86_put_alu(t, op, l.size, T2, b);
    t->flags.has_operands = false;
    return NEXT_GOES_ON;
}

/* INC and DEC keep the carry, which becomes the source. */
static enum x86_next step_by_one(struct x86_translator *t, bool up)
{
    struct locked l;

    if (!t->flags.known) {
        return NEXT_CALLS;
    }
    x86_put_carry(t, T2);
    l = begin(t);
    put_imm(t, IR_mov, T1, IR_NONE, up ? 1 : -1);
    put_amo(&l, IR_AMO_ADD, T3, T1);
    put_imm(t, l.size == 8 ? IR_add : IR_addz, V_RESULT, T3, up ? 1 : -1);
    put_mov(t, V_SOURCE, T2);
    x86_flags_are(t, up ? LAZY_INC : LAZY_DEC, l.size);
    return NEXT_GOES_ON;
}

static void exchange(struct x86_translator *t)
{
    struct locked l = begin(t);

    put_amo(&l, IR_AMO_SWAP, T2, t->in->reg);
    x86_set(t, t->in->reg, l.size, T2);
}

static void exchange_add(struct x86_translator *t)
{
    struct locked l = begin(t);

    put_amo(&l, IR_AMO_ADD, T2, t->in->reg);
    x86_put_alu(t, ALU_ADD, l.size, T2, (struct x86_second){t->in->reg, 0});
    x86_set(t, t->in->reg, l.size, T2);
}

/* RAX is written only if it was not the same. */
static void compare_exchange(struct x86_translator *t)
{
    struct locked l = begin(t);

    ir_put(t->u, IR_exchange_if, T2, l.at, t->in->reg,
           l.call | (l.size == 8 ? IR_WIDE : 0) | RAX << 24);
    x86_put_extend(t, T2, T2, l.size);
    x86_put_alu(t, ALU_CMP, l.size, RAX, (struct x86_second){T2, 0});
    t->flags.has_operands = false;
    x86_written(t, RAX);
    put(t, IR_movif, RAX, T2, V_RESULT);
}

static enum x86_next translate_1(struct x86_translator *t)
{
    unsigned code = t->in->opcode, kind = t->in->modrm >> 3 & 7;

    switch (code) {
    case 0x01:
    case 0x09:
    case 0x11:
    case 0x19:
    case 0x21:
    case 0x29:
    case 0x31: return alu(t, code >> 3, (struct x86_second){t->in->reg, 0});
    case 0x81:
    case 0x83: return alu(t, kind, (struct x86_second){IR_IMM, t->in->imm});
    case 0x87: exchange(t); return NEXT_GOES_ON;
    case 0xff: return step_by_one(t, kind == 0);
    default: return NEXT_CALLS;
    }
}

enum x86_next x86_translate_locked(struct x86_translator *t)
{
    if (t->in->osize < 4) {
        return NEXT_CALLS;
    }
    if (t->row->map == MAP_1) {
        return translate_1(t);
    }
    if (t->row->map == MAP_0F && t->in->opcode == 0xb1) {
        compare_exchange(t);
        return NEXT_GOES_ON;
    }
    if (t->row->map == MAP_0F && t->in->opcode == 0xc1) {
        exchange_add(t);
        return NEXT_GOES_ON;
    }
    return NEXT_CALLS;
}
