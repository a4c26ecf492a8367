/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers of every size, and memory. */
#include "machine/guest/x86/translate/translator.h"

static enum ir_width width_of(unsigned size)
{
    return size == 1 ? IR_U8 : size == 2 ? IR_U16 : size == 4 ? IR_U32 : IR_64;
}

void x86_put_extend(struct x86_translator *t, uint8_t d, uint8_t a, unsigned size)
{
    switch (size) {
    case 1: put(t, IR_ext_u8, d, a, IR_NONE); break;
    case 2: put(t, IR_ext_u16, d, a, IR_NONE); break;
    case 4: put(t, IR_ext_u32, d, a, IR_NONE); break;
    default: put_mov(t, d, a); break;
    }
}

unsigned x86_access(const struct x86_translator *t)
{
    return t->in->seg == SEG_SS ? IR_STACK : 0;
}

/* base + index << scale + disp into T0, but for what can be an offset. */
static uint8_t put_sum(struct x86_translator *t, int64_t *ret_off)
{
    const struct x86_insn *in = t->in;
    bool has_base = in->base != X86_NO_REG;

    *ret_off = in->disp;
    if (in->base == X86_RIP) {
        *ret_off = 0;
        put_imm(t, IR_mov, T0, IR_NONE, t->follows + in->disp);
        if (in->index != X86_NO_REG) {
            put(t, IR_lea, T0, T0, in->index)->cond = in->scale;
        }
        return T0;
    }
    if (in->index != X86_NO_REG && has_base) {
        *ret_off = 0;
        ir_put(t->u, IR_lea, T0, in->base, in->index, in->disp)->cond = in->scale;
        return T0;
    }
    if (in->index != X86_NO_REG) {
        put_imm(t, IR_shl, T0, in->index, in->scale);
        return T0;
    }
    if (has_base) {
        return in->base;
    }
    *ret_off = 0;
    put_imm(t, IR_mov, T0, IR_NONE, in->disp);
    return T0;
}

void x86_put_address(struct x86_translator *t, uint8_t *ret_value, int64_t *ret_off)
{
    const struct x86_insn *in = t->in;
    uint8_t v = put_sum(t, ret_off);

    if (in->asize == 4) {
        put_imm(t, IR_addz, T0, v, *ret_off);
        v = T0;
        *ret_off = 0;
    }
    if (in->seg >= SEG_FS) {
        put(t, IR_add, T0, v, in->seg == SEG_FS ? V_FS : V_GS);
        v = T0;
    }
    *ret_value = v;
}

void x86_put_load(struct x86_translator *t, uint8_t d, unsigned size, uint8_t value, int64_t off,
                  unsigned access)
{
    ir_put(t->u, IR_load, d, value, IR_NONE, off)->cond = width_of(size) | access;
}

void x86_put_store(struct x86_translator *t, uint8_t from, unsigned size, uint8_t value,
                   int64_t off, unsigned access)
{
    ir_put(t->u, IR_store, IR_NONE, value, from, off)->cond = width_of(size) | access;
}

/* AH, CH, DH, BH. */
static bool is_high(const struct x86_translator *t, unsigned r, unsigned size)
{
    return size == 1 && r >> 2 == 1 && !(t->in->flags & INSN_REX);
}

uint8_t x86_get(struct x86_translator *t, unsigned r, unsigned size, uint8_t temp)
{
    if (!is_high(t, r, size)) {
        return r;
    }
    put_imm(t, IR_shr, temp, r - 4, 8);
    return temp;
}

uint8_t x86_get_rm(struct x86_translator *t, unsigned size, uint8_t temp)
{
    uint8_t v;
    int64_t off;

    if (!is_memory(t)) {
        return x86_get(t, t->in->rm, size, temp);
    }
    x86_put_address(t, &v, &off);
    x86_put_load(t, temp, size, v, off, x86_access(t));
    return temp;
}

void x86_written(struct x86_translator *t, unsigned r)
{
    if (r == t->flags.a || r == t->flags.b) {
        t->flags.has_operands = false;
    }
}

void x86_set(struct x86_translator *t, unsigned r, unsigned size, uint8_t v)
{
    if (is_high(t, r, size)) {
        x86_written(t, r - 4);
        put(t, IR_ext_u8, T1, v, IR_NONE);
        put_imm(t, IR_shl, T1, T1, 8);
        put_imm(t, IR_and, r - 4, r - 4, ~INT64_C(0xff00));
        put(t, IR_or, r - 4, r - 4, T1);
        return;
    }
    x86_written(t, r);
    switch (size) {
    case 1: put(t, IR_put8, r, r, v); break;
    case 2: put(t, IR_put16, r, r, v); break;
    case 4: put(t, IR_ext_u32, r, v, IR_NONE); break;
    default: put_mov(t, r, v); break;
    }
}

void x86_set_rm(struct x86_translator *t, unsigned size, uint8_t v)
{
    uint8_t at;
    int64_t off;

    if (!is_memory(t)) {
        x86_set(t, t->in->rm, size, v);
        return;
    }
    x86_put_address(t, &at, &off);
    x86_put_store(t, v, size, at, off, x86_access(t));
}
