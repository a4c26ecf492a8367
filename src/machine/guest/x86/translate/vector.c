/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SSE: the host has the same instructions, with the same results, NaNs and flags, while MXCSR masks
 * all exceptions and rounds to the nearest. Intel SDM volume 1, 11.5. What approximates (RCPPS,
 * RSQRTPS), uses XMM0 or MMX registers unnamed, or leaves flags other than a comparison is called.
 */
#include "machine/guest/x86/system/cpuid.h"
#include "machine/guest/x86/translate/translator.h"

static bool is_between(unsigned v, unsigned low, unsigned high)
{
    return v >= low && v <= high;
}

/* Looks at MXCSR, or changes it. */
static bool is_float(const struct x86_row *row)
{
    unsigned code = row->opcode;

    switch (row->map) {
    case MAP_0F:
        return is_between(code, 0x2a, 0x2f) || code == 0x51 || is_between(code, 0x58, 0x5f) ||
               code == 0x7c || code == 0x7d || code == 0xc2 || code == 0xd0 || code == 0xe6;
    case MAP_0F3A: return is_between(code, 0x08, 0x0b) || code == 0x40 || code == 0x41;
    default: return false;
    }
}

static bool is_called(const struct x86_row *row)
{
    unsigned code = row->opcode;

    switch (row->map) {
    case MAP_0F: return code == 0x52 || code == 0x53 || code == 0xf7;
    case MAP_0F38: return code == 0x10 || code == 0x14 || code == 0x15 || code == 0x17;
    default: return false;
    }
}

static bool is_known(const struct x86_row *row)
{
    static const uint16_t features[] = {X86_FEAT_SSE, X86_FEAT_SSE2, X86_FEAT_SSE3, X86_FEAT_SSSE3,
                                        X86_FEAT_SSE41};

    for (unsigned i = 0; i < G_N_ELEMENTS(features); i++) {
        if (row->feature == features[i]) {
            return (row->flags & ROW_SSE) && !is_called(row);
        }
    }
    return false;
}

/* Aligned to 16 bytes, or else #GP(0). */
static bool is_aligned(const struct x86_row *row)
{
    unsigned code = row->opcode;

    if (row->map != MAP_0F) {
        return true;
    }
    switch (row->prefix) {
    case PFX_F3: return code != 0x6f && code != 0x7f;
    case PFX_F2: return code != 0xf0;
    default: return code != 0x10 && code != 0x11;
    }
}

/* The register is written whole whatever it was. */
static bool is_new(const struct x86_translator *t)
{
    unsigned code = t->row->opcode;
    bool packed = t->row->prefix == PFX_NONE || t->row->prefix == PFX_66;

    if (t->row->map == MAP_0F38) {
        return is_between(code, 0x1c, 0x1e) || is_between(code, 0x20, 0x25) || code == 0x2a ||
               is_between(code, 0x30, 0x35);
    }
    if (t->row->map != MAP_0F) {
        return false;
    }
    switch (code) {
    case 0x10: return packed || is_memory(t);
    case 0x12:
    case 0x16: return !packed;
    case 0x51:
    case 0x5a: return packed;
    case 0x28:
    case 0x5b:
    case 0x6e:
    case 0x6f:
    case 0x70:
    case 0x7e:
    case 0xe6:
    case 0xf0: return true;
    case 0x57:
    case 0xef: return !is_memory(t) && t->in->reg == t->in->rm;
    default: return false;
    }
}

/* Bytes in memory; 0: the operand is none that is known. */
static unsigned bytes_of(const struct x86_translator *t, unsigned operand)
{
    switch (operand) {
    case OPD_Ww:
    case OPD_Mw: return 2;
    case OPD_Wd:
    case OPD_Ed:
    case OPD_Md: return 4;
    case OPD_Wq:
    case OPD_Mq: return 8;
    case OPD_Ey: return t->in->osize == 8 ? 8 : 4;
    case OPD_Wx:
    case OPD_Mdq: return 16;
    default: return 0;
    }
}

static bool is_vector(unsigned operand)
{
    return is_between(operand, OPD_Ww, OPD_Ux);
}

static struct ir_vector describe(const struct x86_translator *t, unsigned size)
{
    static const uint8_t prefixes[] = {[PFX_66] = 0x66, [PFX_F3] = 0xf3, [PFX_F2] = 0xf2};
    const struct x86_row *row = t->row;
    struct ir_vector v = {
        .wide = t->in->osize == 8,
        .map = row->map == MAP_0F     ? IR_MAP_0F
               : row->map == MAP_0F38 ? IR_MAP_0F38
                                      : IR_MAP_0F3A,
        .prefix = prefixes[row->prefix],
        .code = row->opcode,
        .size = size,
    };

    if (row->operand[1] == OPD_Ib || row->operand[2] == OPD_Ib) {
        v.flags |= IR_VECTOR_IMM;
        v.imm = t->in->imm;
    }
    if (size == 16 && is_aligned(row)) {
        v.flags |= IR_VECTOR_ALIGNED;
    }
    if (is_float(row)) {
        v.flags |= IR_VECTOR_FLOAT;
    }
    if (is_new(t)) {
        v.flags |= IR_VECTOR_NEW;
    }
    return v;
}

static void put_vector(struct x86_translator *t, enum ir_opcode op, uint8_t d, uint8_t a, uint8_t b,
                       struct ir_vector v)
{
    ir_put(t->u, op, d, a, b, ir_vector_imm(v));
}

/* With memory: all in one operation, because the call does all. */
static void put_memory(struct x86_translator *t, enum ir_opcode op, uint8_t d, uint8_t b,
                       struct ir_vector v)
{
    uint8_t value;
    int64_t off;

    x86_put_address(t, &value, &off);
    if (off != 0) {
        put_imm(t, IR_add, T0, value, off);
        value = T0;
    }
    v.call = x86_put_function(t, x86_call_insn, true);
    put_vector(t, op, d, value, b, v);
}

static enum x86_next to_vector(struct x86_translator *t)
{
    unsigned from = t->row->operand[1], size = bytes_of(t, from);

    if (is_memory(t)) {
        if (size == 0) {
            return NEXT_CALLS;
        }
        put_memory(t, IR_vec_load, t->in->reg, IR_NONE, describe(t, size));
    } else if (is_vector(from)) {
        put_vector(t, IR_vec, t->in->reg, IR_NONE, t->in->rm, describe(t, 0));
    } else if (from == OPD_Ey || from == OPD_Ed) {
        put_vector(t, IR_vec_put, t->in->reg, t->in->rm, IR_NONE, describe(t, 0));
    } else {
        return NEXT_CALLS;
    }
    return NEXT_GOES_ON;
}

static enum x86_next from_vector(struct x86_translator *t)
{
    unsigned size = bytes_of(t, t->row->operand[0]);
    struct ir_vector v = describe(t, size);

    if (size == 0 || t->row->operand[2] == OPD_Ib) {
        return NEXT_CALLS; /* some leave more than they write */
    }
    if (is_memory(t)) {
        put_memory(t, IR_vec_store, IR_NONE, t->in->reg, v);
        return NEXT_GOES_ON;
    }
    if (t->row->operand[0] != OPD_Ey) {
        return NEXT_CALLS; /* between registers the other direction is used */
    }
    v.flags |= IR_VECTOR_TURNED;
    x86_written(t, t->in->rm);
    put_vector(t, IR_vec_get, t->in->rm, IR_NONE, t->in->reg, v);
    return NEXT_GOES_ON;
}

static enum x86_next to_integer(struct x86_translator *t)
{
    unsigned size = bytes_of(t, t->row->operand[1]);

    x86_written(t, t->in->reg);
    if (!is_memory(t)) {
        put_vector(t, IR_vec_get, t->in->reg, IR_NONE, t->in->rm, describe(t, 0));
    } else if (size != 0) {
        put_memory(t, IR_vec_get_load, t->in->reg, IR_NONE, describe(t, size));
    } else {
        return NEXT_CALLS;
    }
    return NEXT_GOES_ON;
}

static void compare(struct x86_translator *t)
{
    if (is_memory(t)) {
        put_memory(t, IR_vec_test_load, V_RESULT, t->in->reg,
                   describe(t, bytes_of(t, t->row->operand[1])));
    } else {
        put_vector(t, IR_vec_test, V_RESULT, IR_NONE, t->in->reg, describe(t, 0));
        t->u->ops[t->u->n_ops - 1].cond = t->in->rm;
    }
    x86_flags_are(t, LAZY_NONE, 1);
}

/* Shifts by a number: 71 to 73. */
static void shift(struct x86_translator *t)
{
    struct ir_vector v = describe(t, 0);

    v.flags |= IR_VECTOR_EXT;
    v.ext = t->in->modrm >> 3 & 7;
    put_vector(t, IR_vec, t->in->rm, IR_NONE, 0, v);
}

enum x86_next x86_translate_vector(struct x86_translator *t)
{
    const struct x86_row *row = t->row;

    if (!ir_has_vectors() || !is_known(row) || (is_float(row) && !x86_is_plain_float(t->c))) {
        return NEXT_CALLS;
    }
    if (row->map == MAP_0F && (row->opcode == 0x2e || row->opcode == 0x2f)) {
        compare(t);
        return NEXT_GOES_ON;
    }
    if (row->map == MAP_0F && is_between(row->opcode, 0x71, 0x73)) {
        shift(t);
        return NEXT_GOES_ON;
    }
    switch (row->operand[0]) {
    case OPD_Vx: return to_vector(t);
    case OPD_Wd:
    case OPD_Wq:
    case OPD_Wx:
    case OPD_Mq:
    case OPD_Mdq:
    case OPD_Ey: return is_vector(row->operand[1]) ? from_vector(t) : NEXT_CALLS;
    case OPD_Gd:
    case OPD_Gy: return is_vector(row->operand[1]) ? to_integer(t) : NEXT_CALLS;
    default: return NEXT_CALLS;
    }
}
