/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What moves and converts, and the stack. Intel SDM volume 2. */
#include "machine/guest/x86/integer/integer.h"
#include "machine/guest/x86/translate/translator.h"

/* ModRM.rm, or a register that is read. */
static enum x86_next move_to_rm(struct x86_translator *t)
{
    unsigned size = t->in->osize;

    x86_set_rm(t, size, x86_get(t, t->in->reg, size, T2));
    return NEXT_GOES_ON;
}

static enum x86_next move_from_rm(struct x86_translator *t)
{
    const struct x86_insn *in = t->in;
    unsigned size = in->osize;
    uint8_t at;
    int64_t off;

    if (!is_memory(t)) {
        x86_set(t, in->reg, size, x86_get(t, in->rm, size, T2));
    } else if (size >= 4) {
        x86_put_address(t, &at, &off);
        x86_put_load(t, in->reg, size, at, off, x86_access(t));
        x86_written(t, in->reg);
    } else {
        x86_set(t, in->reg, size, x86_get_rm(t, size, T2));
    }
    return NEXT_GOES_ON;
}

static void set_number(struct x86_translator *t, unsigned r, unsigned size, int64_t imm)
{
    if (size >= 4) {
        x86_written(t, r);
        put_imm(t, IR_mov, r, IR_NONE, imm & size_mask(size));
    } else {
        put_imm(t, IR_mov, T2, IR_NONE, imm);
        x86_set(t, r, size, T2);
    }
}

static enum x86_next move_number_to_rm(struct x86_translator *t)
{
    const struct x86_insn *in = t->in;

    if (!is_memory(t)) {
        set_number(t, in->rm, in->osize, in->imm);
    } else {
        put_imm(t, IR_mov, T2, IR_NONE, in->imm);
        x86_set_rm(t, in->osize, T2);
    }
    return NEXT_GOES_ON;
}

static enum x86_next move_sign_extended(struct x86_translator *t)
{
    const struct x86_insn *in = t->in;
    uint8_t v;

    if (in->osize < 4) {
        return NEXT_CALLS;
    }
    v = x86_get_rm(t, 4, T2);
    x86_written(t, in->reg);
    if (in->osize == 8) {
        put_imm(t, IR_add32, in->reg, v, 0);
    } else {
        x86_put_extend(t, in->reg, v, 4);
    }
    return NEXT_GOES_ON;
}

static enum x86_next load_address(struct x86_translator *t)
{
    struct x86_insn plain = *t->in;
    const struct x86_insn *in = t->in;
    uint8_t at;
    int64_t off;

    plain.seg = SEG_DS; /* the segment does not count */
    t->in = &plain;
    x86_put_address(t, &at, &off);
    t->in = in;
    if (in->osize == 8) {
        x86_written(t, in->reg);
        if (off) {
            put_imm(t, IR_add, in->reg, at, off);
        } else {
            put_mov(t, in->reg, at);
        }
    } else if (in->osize == 4) {
        x86_written(t, in->reg);
        put_imm(t, IR_addz, in->reg, at, off);
    } else {
        put_imm(t, IR_add, T0, at, off);
        x86_set(t, in->reg, in->osize, T0);
    }
    return NEXT_GOES_ON;
}

static enum x86_next exchange_with_rax(struct x86_translator *t)
{
    const struct x86_insn *in = t->in;

    if (in->opcode == 0x90 && in->reg == RAX) { /* NOP */
        return NEXT_GOES_ON;
    }
    if (in->osize < 4) {
        return NEXT_CALLS;
    }
    put_mov(t, T2, RAX);
    x86_set(t, RAX, in->osize, in->reg);
    x86_set(t, in->reg, in->osize, T2);
    return NEXT_GOES_ON;
}

/* CBW, CWDE, CDQE */
static enum x86_next extend_rax(struct x86_translator *t)
{
    switch (t->in->osize) {
    case 2: put(t, IR_ext_s8, T0, RAX, IR_NONE); break;
    case 4: put(t, IR_ext_s16, T0, RAX, IR_NONE); break;
    default: put_imm(t, IR_add32, T0, RAX, 0); break;
    }
    x86_set(t, RAX, t->in->osize, T0);
    return NEXT_GOES_ON;
}

/* CWD, CDQ, CQO */
static enum x86_next sign_to_rdx(struct x86_translator *t)
{
    switch (t->in->osize) {
    case 2:
        put(t, IR_ext_s16, T0, RAX, IR_NONE);
        put_imm(t, IR_sar, T0, T0, 16);
        break;
    case 4: put_imm(t, IR_sarz, T0, RAX, 31); break;
    default: put_imm(t, IR_sar, T0, RAX, 63); break;
    }
    x86_set(t, RDX, t->in->osize, T0);
    return NEXT_GOES_ON;
}

/* ---- the stack ---- */

static enum x86_next push(struct x86_translator *t, uint8_t v)
{
    x86_put_store(t, v, 8, RSP, -8, IR_STACK);
    x86_written(t, RSP);
    put_imm(t, IR_sub, RSP, RSP, 8);
    t->u->note[t->u->n_insns] |= NOTE_PUSHED;
    return NEXT_GOES_ON;
}

static enum x86_next pop(struct x86_translator *t)
{
    x86_put_load(t, T0, 8, RSP, 0, IR_STACK);
    x86_written(t, RSP);
    put_imm(t, IR_add, RSP, RSP, 8);
    x86_set(t, t->in->reg, 8, T0);
    return NEXT_GOES_ON;
}

static enum x86_next leave_frame(struct x86_translator *t)
{
    x86_put_load(t, T0, 8, RBP, 0, IR_STACK);
    x86_written(t, RSP);
    put_imm(t, IR_add, RSP, RBP, 8);
    x86_set(t, RBP, 8, T0);
    return NEXT_GOES_ON;
}

static enum x86_next change_flag(struct x86_translator *t, uint32_t flag, bool on)
{
    if (on) {
        put_imm(t, IR_or, V_RFLAGS, V_RFLAGS, flag);
    } else {
        put_imm(t, IR_and, V_RFLAGS, V_RFLAGS, ~(int64_t)flag);
    }
    return NEXT_GOES_ON;
}

static bool is_wide_push(const struct x86_translator *t)
{
    return t->in->osize == 8;
}

enum x86_next x86_translate_move(struct x86_translator *t)
{
    const struct x86_insn *in = t->in;

    switch (in->opcode) {
    case 0x50 ... 0x57: return is_wide_push(t) ? push(t, in->reg) : NEXT_CALLS;
    case 0x58 ... 0x5f: return is_wide_push(t) ? pop(t) : NEXT_CALLS;
    case 0x63: return move_sign_extended(t);
    case 0x68:
    case 0x6a:
        if (!is_wide_push(t)) {
            return NEXT_CALLS;
        }
        put_imm(t, IR_mov, T2, IR_NONE, in->imm);
        return push(t, T2);
    case 0x88:
    case 0x89: return move_to_rm(t);
    case 0x8a:
    case 0x8b: return move_from_rm(t);
    case 0x8d: return load_address(t);
    case 0x90 ... 0x97: return exchange_with_rax(t);
    case 0x98: return extend_rax(t);
    case 0x99: return sign_to_rdx(t);
    case 0xb0 ... 0xbf: set_number(t, in->reg, in->osize, in->imm); return NEXT_GOES_ON;
    case 0xc6:
    case 0xc7: return move_number_to_rm(t);
    case 0xc9: return is_wide_push(t) ? leave_frame(t) : NEXT_CALLS;
    case 0xfa: return x86_cpl(t->c) == 0 ? change_flag(t, FLAG_IF, false) : NEXT_CALLS;
    case 0xfc: return change_flag(t, FLAG_DF, false);
    case 0xfd: return change_flag(t, FLAG_DF, true);
    case 0xff: return is_wide_push(t) ? push(t, x86_get_rm(t, 8, T2)) : NEXT_CALLS;
    default: return NEXT_CALLS;
    }
}

/* ---- two-byte opcodes ---- */

/* MOVZX, MOVSX */
static enum x86_next extend(struct x86_translator *t, unsigned from, bool is_signed)
{
    const struct x86_insn *in = t->in;
    uint8_t v = x86_get_rm(t, from, T2);

    if (is_signed) {
        put(t, from == 1 ? IR_ext_s8 : IR_ext_s16, T2, v, IR_NONE);
    } else {
        x86_put_extend(t, T2, v, from);
    }
    x86_set(t, in->reg, is_signed || in->osize < 4 ? in->osize : 8, T2);
    return NEXT_GOES_ON;
}

static enum x86_next move_if(struct x86_translator *t)
{
    const struct x86_insn *in = t->in;
    uint8_t v;

    if (in->osize < 4) {
        return NEXT_CALLS;
    }
    v = x86_get_rm(t, in->osize, T2);
    x86_put_condition(t, in->opcode & 15, T0);
    x86_written(t, in->reg);
    if (in->osize == 4) {
        x86_put_extend(t, T2, v, 4);
        x86_put_extend(t, in->reg, in->reg, 4);
        v = T2;
    }
    put(t, IR_movif, in->reg, v, T0);
    return NEXT_GOES_ON;
}

static enum x86_next set_if(struct x86_translator *t)
{
    x86_put_condition(t, t->in->opcode & 15, T2);
    x86_set_rm(t, 1, T2);
    return NEXT_GOES_ON;
}

static enum x86_next swap_bytes(struct x86_translator *t)
{
    unsigned r = t->in->reg;

    if (t->in->osize < 4) {
        return NEXT_CALLS;
    }
    x86_written(t, r);
    put(t, t->in->osize == 8 ? IR_swap : IR_swapz, r, r, IR_NONE);
    return NEXT_GOES_ON;
}

enum x86_next x86_translate_move_0f(struct x86_translator *t)
{
    const struct x86_insn *in = t->in;

    if (in->fn == insn_nop) {
        return NEXT_GOES_ON;
    }
    switch (in->opcode) {
    case 0x40 ... 0x4f: return move_if(t);
    case 0x90 ... 0x9f: return set_if(t);
    case 0xb6: return extend(t, 1, false);
    case 0xb7: return extend(t, 2, false);
    case 0xbe: return extend(t, 1, true);
    case 0xbf: return extend(t, 2, true);
    case 0xc8 ... 0xcf: return swap_bytes(t);
    default: return NEXT_CALLS;
    }
}
