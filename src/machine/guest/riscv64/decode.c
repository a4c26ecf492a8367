/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/guest/riscv64/insn.h"

#define ROW(ext, insn, code_match, code_mask, operands) \
    {.name = #insn,                                     \
     .match = (code_match),                             \
     .mask = (code_mask),                               \
     .form = RISCV_FORM_##operands,                     \
     .extension = RISCV_EXT_##ext,                      \
     .fn = riscv_op_##insn},
static const struct riscv_row rows[] = {
#include "machine/guest/riscv64/insn.inc"
};
#undef ROW

G_STATIC_ASSERT(G_N_ELEMENTS(rows) < RISCV_NO_ROW);

const struct riscv_row *riscv_rows(unsigned *ret_n)
{
    *ret_n = G_N_ELEMENTS(rows);
    return rows;
}

enum riscv_status riscv_illegal(struct riscv_cpu *c, const struct riscv_insn *in)
{
    return riscv_raise(c, RISCV_EXC_ILLEGAL, in->code);
}

/* Bits [lo, lo + n) of the code, signed. */
static int32_t high(uint32_t code, unsigned lo)
{
    return (int32_t)code >> lo;
}

static uint32_t bits(uint32_t code, unsigned lo, unsigned n)
{
    return code >> lo & ((1u << n) - 1);
}

static int32_t immediate(uint32_t code, enum riscv_form form)
{
    switch (form) {
    case RISCV_FORM_R: return 0;
    case RISCV_FORM_I: return high(code, 20);
    case RISCV_FORM_S: return (high(code, 25) * 32) | bits(code, 7, 5);
    case RISCV_FORM_B:
        return (high(code, 31) * 4096) | bits(code, 7, 1) << 11 | bits(code, 25, 6) << 5 |
               bits(code, 8, 4) << 1;
    case RISCV_FORM_U: return code & 0xfffff000;
    case RISCV_FORM_J:
        return (high(code, 31) * 0x100000) | bits(code, 12, 8) << 12 | bits(code, 20, 1) << 11 |
               bits(code, 21, 10) << 1;
    case RISCV_FORM_SHIFT: return bits(code, 20, 6);
    case RISCV_FORM_CSR: return bits(code, 20, 12);
    }
    return 0;
}

static const struct riscv_row *find(const struct riscv_model *model, uint32_t code)
{
    for (const uint8_t *r = riscv_model_rows(model, code); *r != RISCV_NO_ROW; r++) {
        if ((code & rows[*r].mask) == rows[*r].match) {
            return &rows[*r];
        }
    }
    return NULL;
}

void riscv_decode(const struct riscv_model *model, uint32_t code, struct riscv_insn *ret)
{
    bool is_short = (code & 3) != 3;
    uint32_t whole = is_short ? 0 : code;
    const struct riscv_row *row;

    if (is_short && riscv_model_has(model, RISCV_EXT_C)) {
        whole = riscv_expand(code);
    }
    row = find(model, whole);
    *ret = (struct riscv_insn){
        .fn = row ? row->fn : riscv_illegal,
        .imm = row ? immediate(whole, row->form) : 0,
        .code = is_short ? code & 0xffff : code,
        .rd = bits(whole, 7, 5),
        .rs1 = bits(whole, 15, 5),
        .rs2 = bits(whole, 20, 5),
        .rs3 = bits(whole, 27, 5),
        .len = is_short ? 2 : 4,
        .rm = bits(whole, 12, 3),
        .id = row ? row - rows : RISCV_ID_NONE,
    };
}
