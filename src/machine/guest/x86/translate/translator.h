/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x86-64 code as the translator's operations: what the files of this folder share.
 *
 *   decode rows --translate.c--> integer.c, moves.c, flow.c, locked.c, vector.c --condition.c-->
 * struct ir_unit
 *
 * Only 64-bit code at privilege 0 and 3 is translated; the interpreter has the other modes. Flags
 * are lazy, as the interpreter keeps them: result and source in values of the unit, their kind as
 * a constant that the unit knows and writes only where it is left. vCPU's thread.
 */
#ifndef VIV_MACHINE_GUEST_X86_TRANSLATE_TRANSLATOR_H
#define VIV_MACHINE_GUEST_X86_TRANSLATE_TRANSLATOR_H

#include "machine/guest/translation.h"
#include "machine/guest/x86/flags.h"
#include "machine/guest/x86/insn.h"

/* Values beside the general registers, 0 to 15. */
enum {
    V_RESULT = 16, /* lazy.result, .src, .op */
    V_SOURCE,
    V_KIND,
    V_FS, /* base of the segment */
    V_GS,
    V_RFLAGS,    /* and mode above it */
    V_CONDITION, /* what x86_call_condition found */
    VALUES
};

#define T0 IR_TEMP       /* addresses, conditions */
#define T1 (IR_TEMP + 1) /* indexes, second operands */
#define T2 (IR_TEMP + 2) /* operands from memory */
#define T3 (IR_TEMP + 3) /* of a comparison with memory, until the next one */

/* struct ir_unit.note: the kind of flags, or that it is in its place; NOTE_PUSHED: what an
 * instruction does once its store is done. */
#define NOTE_STORED 0x3f
#define NOTE_PUSHED 0x40

struct x86_flags_known {
    bool known;  /* the kind is `op` */
    bool stored; /* V_KIND has it */
    uint8_t op;
    /* After SUB: a and b (IR_IMM: imm) of 4 or 8 bytes are still there. */
    bool has_operands;
    uint8_t a, b;
    int64_t imm;
};

enum x86_next {
    NEXT_GOES_ON,
    NEXT_ENDS, /* the unit's last operation is there */
    NEXT_CALLS /* nothing was put: the interpreter's function is to be called */
};

struct x86_translator {
    struct ir_unit *u;
    const struct x86_cpu *c;
    const struct x86_insn *in;
    const struct x86_row *row;
    uint64_t pc, follows;
    unsigned exits;
    struct x86_flags_known flags;
};

/* translate.c */
static inline struct ir_op *put(struct x86_translator *t, enum ir_opcode op, uint8_t d, uint8_t a,
                                uint8_t b)
{
    return ir_put(t->u, op, d, a, b, 0);
}

static inline struct ir_op *put_imm(struct x86_translator *t, enum ir_opcode op, uint8_t d,
                                    uint8_t a, int64_t imm)
{
    return ir_put(t->u, op, d, a, IR_IMM, imm);
}

static inline void put_mov(struct x86_translator *t, uint8_t d, uint8_t from)
{
    if (d != from) {
        ir_put(t->u, IR_mov, d, IR_NONE, from, 0);
    }
}

static inline bool is_memory(const struct x86_translator *t)
{
    return t->in->flags & INSN_MEM;
}

static inline uint64_t size_mask(unsigned size)
{
    return UINT64_MAX >> (64 - 8 * size);
}

static inline unsigned size_log2(unsigned size)
{
    return size == 1 ? 0 : size == 2 ? 1 : size == 4 ? 2 : 3;
}

/* A function with the instruction in progress as its argument. */
unsigned x86_put_function(struct x86_translator *t,
                          uint32_t (*fn)(void *cpu, const void *arg, uint64_t key), bool sees_all);
/* The interpreter's function, called. */
void x86_put_call(struct x86_translator *t);
/* The same for what an operation cannot do: the unit is left after it. */
unsigned x86_put_whole_call(struct x86_translator *t);

/* operands.c */
/* Zero-extended from `size` bytes to 64 bits. */
void x86_put_extend(struct x86_translator *t, uint8_t d, uint8_t a, unsigned size);
/* Address of the memory operand: *ret_value + *ret_off; T0 and T1 are used. */
void x86_put_address(struct x86_translator *t, uint8_t *ret_value, int64_t *ret_off);
/* Memory, zero-extended; `access`: enum ir_access. */
void x86_put_load(struct x86_translator *t, uint8_t d, unsigned size, uint8_t value, int64_t off,
                  unsigned access);
void x86_put_store(struct x86_translator *t, uint8_t from, unsigned size, uint8_t value,
                   int64_t off, unsigned access);
/* A value whose low `size` bytes are the register's; `temp` for those that need one. */
uint8_t x86_get(struct x86_translator *t, unsigned r, unsigned size, uint8_t temp);
/* The same for ModRM.rm; one from memory is in `temp`, zero-extended. */
uint8_t x86_get_rm(struct x86_translator *t, unsigned size, uint8_t temp);
/* The register's low `size` bytes become those of v; 4 clear the rest. */
void x86_set(struct x86_translator *t, unsigned r, unsigned size, uint8_t v);
/* ModRM.rm; the instruction's last operation. */
void x86_set_rm(struct x86_translator *t, unsigned size, uint8_t v);
/* The register is about to be written. */
void x86_written(struct x86_translator *t, unsigned r);
/* IR_STACK where the memory operand is in the stack segment. */
unsigned x86_access(const struct x86_translator *t);

/* condition.c */
void x86_flags_are(struct x86_translator *t, enum x86_flag_kind kind, unsigned size);
/* V_KIND gets what is known. */
void x86_store_kind(struct x86_translator *t);
/* After a call that may have changed flags. */
void x86_forget_flags(struct x86_translator *t);

/* A condition as the table of operations has it. */
struct x86_test {
    uint8_t cond, a, b;
    int64_t imm;
};
/* Condition code cc now; T0 and T1 are used. */
struct x86_test x86_put_test(struct x86_translator *t, unsigned cc);
/* The same as 0 or 1. */
void x86_put_condition(struct x86_translator *t, unsigned cc, uint8_t d);
/* The carry flag as 0 or 1. */
void x86_put_carry(struct x86_translator *t, uint8_t d);

enum { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP, ALU_TEST };

/* The second operand: a value whose low bytes count, or a number. */
struct x86_second {
    uint8_t v; /* IR_IMM: imm */
    int64_t imm;
};

/* integer.c: a op b into V_RESULT, with the flags. */
void x86_put_alu(struct x86_translator *t, unsigned op, unsigned size, uint8_t a,
                 struct x86_second b);

/* integer.c, moves.c, flow.c: by map and opcode */
enum x86_next x86_translate_alu(struct x86_translator *t);
enum x86_next x86_translate_shift(struct x86_translator *t);
enum x86_next x86_translate_unary(struct x86_translator *t);
enum x86_next x86_translate_multiply(struct x86_translator *t);
enum x86_next x86_translate_move(struct x86_translator *t);
enum x86_next x86_translate_move_0f(struct x86_translator *t);
enum x86_next x86_translate_flow(struct x86_translator *t);
enum x86_next x86_translate_jcc(struct x86_translator *t);
/* XCHG with memory. */
static inline bool x86_locks_itself(const struct x86_translator *t)
{
    return t->row->map == MAP_1 && t->in->opcode == 0x87 && is_memory(t);
}
/* locked.c */
enum x86_next x86_translate_locked(struct x86_translator *t);
/* vector.c: rows of SSE */
enum x86_next x86_translate_vector(struct x86_translator *t);

/* calls.c: what translated code calls */
uint64_t x86_key(const struct x86_cpu *c);
/* MXCSR: all exceptions masked, to the nearest, denormals as they are. */
static inline bool x86_is_plain_float(const struct x86_cpu *c)
{
    return (c->mxcsr & ~0x3fu) == 0x1f80;
}
/* Exceptions of floating point that translated code met (enum ir_float_flag). */
void x86_met_float(struct x86_cpu *c, unsigned met);
/* 64-bit code, at a privilege and in a regime that is translated. */
bool x86_is_translated(const struct x86_cpu *c);
uint32_t x86_call_insn(void *cpu, const void *arg, uint64_t key);
uint32_t x86_call_whole_insn(void *cpu, const void *arg, uint64_t key);
uint32_t x86_call_condition(void *cpu, const void *arg, uint64_t key);
/* The target of a branch is not canonical. */
uint32_t x86_call_bad_target(void *cpu, const void *arg, uint64_t key);
uint32_t x86_call_load(void *cpu, uint64_t va, uint32_t how);
uint32_t x86_call_store(void *cpu, uint64_t va, uint32_t how, uint64_t value);

#endif
