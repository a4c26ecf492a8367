/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decoded instructions. One table, insn.inc, has a row for each: its bits, the form of its operands
 * and its name, from which come the decoder, the interpreter's dispatch and the tests' generator.
 * A 16-bit instruction is decoded as the 32-bit one that it stands for.
 */
#ifndef VIV_MACHINE_GUEST_RISCV64_INSN_H
#define VIV_MACHINE_GUEST_RISCV64_INSN_H

#include "machine/guest/riscv64/hart.h"

/* What became of an instruction. */
enum riscv_status {
    RISCV_OK,
    RISCV_FAULT, /* c->exc says what to raise; nothing was changed */
    RISCV_LEAVE, /* done, and what runs next must be looked up anew */
    RISCV_HALT,  /* done: the hart waits for an interrupt */
};

struct riscv_insn;
typedef enum riscv_status (*riscv_fn)(struct riscv_cpu *c, const struct riscv_insn *in);

struct riscv_insn {
    riscv_fn fn; /* NULL: not decoded yet */
    int32_t imm;
    uint32_t code; /* as 32-bit code */
    uint8_t rd, rs1, rs2, rs3;
    uint8_t len; /* bytes, 2 or 4 */
    uint8_t rm;  /* rounding mode, or funct3 */
    uint8_t id;  /* enum riscv_id */
};

enum riscv_id {
#define ROW(ext, name, match, mask, form) RISCV_ID_##name,
#include "machine/guest/riscv64/insn.inc"
#undef ROW
    RISCV_ID_NONE /* no instruction of the model */
};

/* Where an instruction's immediate is (volume I, 2.3). */
enum riscv_form {
    RISCV_FORM_R,     /* none */
    RISCV_FORM_I,     /* bits 31:20 */
    RISCV_FORM_S,     /* stores */
    RISCV_FORM_B,     /* branches */
    RISCV_FORM_U,     /* upper 20 bits */
    RISCV_FORM_J,     /* jumps */
    RISCV_FORM_SHIFT, /* bits 25:20 */
    RISCV_FORM_CSR,   /* bits 31:20, not extended */
};

/* What a model must have for the instruction to exist. */
enum riscv_extension {
    RISCV_EXT_I, /* always there */
    RISCV_EXT_M,
    RISCV_EXT_A,
    RISCV_EXT_F,
    RISCV_EXT_D,
    RISCV_EXT_C,
    RISCV_EXT_ZBA,
    RISCV_EXT_ZBB,
    RISCV_EXT_ZBS,
    RISCV_EXT_ZICBOM,
    RISCV_EXT_ZICBOZ,
    RISCV_EXT_SSTC,
    RISCV_EXT_COUNT,
};

struct riscv_row {
    const char *name; /* as in assembly, with _ for . */
    uint32_t match, mask;
    uint8_t form; /* enum riscv_form */
    uint8_t extension;
    riscv_fn fn;
};

/* All rows, in the order of enum riscv_id; *ret_n of them. Constant. */
const struct riscv_row *riscv_rows(unsigned *ret_n);

/* The 32-bit code of a 16-bit instruction; 0 (which is illegal): there is no such. */
uint32_t riscv_expand(uint16_t code);

/* `code`'s low two bits say how long it is; what is no instruction of the model gets a handler that
 * raises the exception. */
void riscv_decode(const struct riscv_model *model, uint32_t code, struct riscv_insn *ret);

bool riscv_model_has(const struct riscv_model *model, enum riscv_extension extension);
/* The greatest MODE of satp: 8 (Sv39), 9 or 10. */
unsigned riscv_model_satp_most(const struct riscv_model *model);
/* Rows of the table that `code`'s major opcode may be, ended by RISCV_NO_ROW. */
#define RISCV_NO_ROW 0xff
const uint8_t *riscv_model_rows(const struct riscv_model *model, uint32_t code);

static inline enum riscv_status riscv_raise(struct riscv_cpu *c, enum riscv_exception cause,
                                            uint64_t tval)
{
    c->exc.cause = cause;
    c->exc.tval = tval;
    return RISCV_FAULT;
}

enum riscv_status riscv_illegal(struct riscv_cpu *c, const struct riscv_insn *in);

static inline void riscv_set(struct riscv_cpu *c, unsigned rd, uint64_t value)
{
    c->x[rd] = value;
    c->x[0] = 0;
}

#define RISCV_CACHE_BLOCK 64 /* bytes */

#define RISCV_HANDLER(name) \
    enum riscv_status riscv_op_##name(struct riscv_cpu *c, const struct riscv_insn *in)

#define ROW(ext, name, match, mask, form) RISCV_HANDLER(name);
#include "machine/guest/riscv64/insn.inc"
#undef ROW

#endif
