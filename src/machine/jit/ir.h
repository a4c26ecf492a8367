/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The translator's intermediate form: one unit of guest code as a flat array of operations.
 *
 *   guest's bytes --guest/ARCH/translate--> struct ir_unit --optimise--> ... --back end--> code
 *
 * A value is a guest register (numbers below IR_TEMP: a word of the vCPU's struct, whose place the
 * target says) or a temporary, which lives inside the unit. Registers have their architectural
 * value wherever an operation may leave the unit (IR_MAY_LEAVE): nothing is moved across those.
 * Loads and stores stay in their order.
 */
#ifndef VIV_MACHINE_JIT_IR_H
#define VIV_MACHINE_JIT_IR_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum { IR_D = 1, IR_A = 2, IR_B = 4, IR_C = 8, IR_OLD = 16 };
enum { IR_MAY_LEAVE = 1, IR_LAST = 2 };

enum ir_opcode {
#define OP(name, form, effects) IR_##name,
#include "machine/jit/ir.inc"
#undef OP
    IR_OPCODES
};

enum ir_cond {
    IR_EQ,
    IR_NE,
    IR_LT,
    IR_GE,
    IR_LTU,
    IR_GEU,
    IR_LE,
    IR_GT,
    IR_LEU,
    IR_GTU,
    IR_CONDS,
    IR_COND_32 = 16, /* with one of them: of the low 32 bits */
};

/* What a load makes of memory; a store looks at the size only. */
enum ir_width { IR_S8, IR_U8, IR_S16, IR_U16, IR_S32, IR_U32, IR_64, IR_WIDTHS };

/* More about an access, with its width; the target's load and store get both. */
enum ir_access {
    IR_FOR_WRITE = 1 << 3, /* a load where a store follows: faults as that would */
    IR_STACK = 1 << 4,     /* the architecture says what that changes */
    IR_LATE = 1 << 5,      /* a store that never leaves the unit, which ends by a jump that looks */
};

/* cond of jump: it looks whether the stamp is still the same. */
#define IR_JUMP_LOOKS 1
/* A stamp that no unit has: code was written. */
#define IR_STALE       UINT64_MAX
#define IR_WIDTH(cond) ((enum ir_width)((cond)&7))

/* What amo does, beside the width: of 32 (sign-extended) or 64 bits. */
enum ir_amo { IR_AMO_ADD, IR_AMO_SWAP, IR_AMO_AND, IR_AMO_OR, IR_AMO_XOR, IR_AMOS };

/* What divide makes; of the low 32 bits the result is sign-extended. */
enum ir_divide { IR_DIV, IR_DIVU, IR_REM, IR_REMU, IR_DIVIDES };

/*
 * Floating point of IEEE 754, rounded to the nearest, with values in registers as bits; flags are
 * left in the host's status until the guest asks. A NaN as a result, an operand that is no single,
 * and an integer that cannot be had are the call's.
 */
enum ir_float {
    IR_FADD,
    IR_FSUB,
    IR_FMUL,
    IR_FDIV,
    IR_FSQRT,  /* of a */
    IR_FMADD,  /* a * b + c, rounded once */
    IR_FMSUB,  /* a * b - c */
    IR_FNMSUB, /* -(a * b) + c */
    IR_FNMADD, /* -(a * b) - c */
    IR_FEQ,    /* d is an integer; quiet */
    IR_FLT,
    IR_FLE,
    IR_F_FROM_32, /* a is an integer */
    IR_F_FROM_64,
    IR_F_TO_32, /* d is an integer, sign-extended */
    IR_F_TO_64,
    IR_F_CHOP_32, /* towards zero */
    IR_F_CHOP_64,
    IR_F_WIDTH, /* a of the other width */
    IR_FLOATS
};

/*
 * imm of amo, divide, store_if, exchange_if and float: the call that does it where the fast way
 * cannot, the width, and operand c.
 */
#define IR_WIDE          (1 << 16) /* 64 bits */
#define IR_IMM_CALL(imm) ((imm)&0xffff)
#define IR_IMM_C(imm)    ((imm) >> 24 & 0xff)

/*
 * Vectors of 128 bits, registers beside the values, computed as x86-64 hosts do: an instruction of
 * SSE with a register and another one, or memory. Its flags stay in the host's status until the
 * guest asks. A host that cannot says so: ir_has_vectors().
 */
enum ir_vector_map { IR_MAP_0F, IR_MAP_0F38, IR_MAP_0F3A };
enum {
    IR_VECTOR_NEW = 1 << 0,     /* what the result was before does not count */
    IR_VECTOR_ALIGNED = 1 << 1, /* memory; else the call */
    IR_VECTOR_IMM = 1 << 2,     /* has an immediate byte */
    IR_VECTOR_EXT = 1 << 3,     /* of one register; `ext` is part of the opcode */
    IR_VECTOR_TURNED = 1 << 4,  /* the integer is ModRM.rm */
    IR_VECTOR_FLOAT = 1 << 5,   /* may raise exceptions of floating point */
};
struct ir_vector {
    uint16_t call;                       /* the whole instruction, where memory is not at hand */
    uint8_t wide : 1, map : 2, size : 5; /* bytes in memory */
    uint8_t flags, prefix, code, imm, ext;
};
G_STATIC_ASSERT(sizeof(struct ir_vector) == 8);
#define IR_VECTORS 16
bool ir_has_vectors(void);
int64_t ir_vector_imm(struct ir_vector v);
struct ir_vector ir_vector_of(int64_t imm);

/* cond of check: the value has to be 0. */
#define IR_CHECK_ZERO 64

#define IR_TEMP  96 /* temporaries are IR_TEMP to IR_TEMP + IR_TEMPS - 1 */
#define IR_TEMPS 4
#define IR_ZERO  0xfd /* as b of a store: 0 */
#define IR_NONE  0xfe
#define IR_IMM   0xff /* as b: imm itself */

#define IR_MAX_INSNS 64
#define IR_MAX_OPS   (IR_MAX_INSNS * 16 + 16)
#define IR_EXITS     8

struct ir_op {
    uint8_t op; /* enum ir_opcode */
    uint8_t cond;
    uint8_t d, a, b;
    uint8_t last;  /* IR_A, IR_B: a temporary that is not read again */
    uint16_t insn; /* the guest's instruction of the unit, from 0 */
    int64_t imm;
};

/*
 * A function of the guest architecture, called with its vCPU and `arg`. It reads and writes the
 * registers named in the operation, and any other state that is no value of the unit.
 */
struct ir_call {
    uint32_t (*fn)(void *cpu, const void *arg, uint64_t key); /* enum ir_status */
    const void *arg; /* lives as long as the unit: ir_keep() */
    bool sees_pc;    /* looks at the vCPU's pc, or writes it: the operation's pc is stored first */
    bool sees_all;   /* may touch any register of the unit, not only those that are named */
};

/* What a call, a load or a store came to. */
enum ir_status {
    IR_OK,
    IR_FAULT,  /* an exception of this instruction; the guest's registers are as before it */
    IR_LEAVE,  /* done; what runs next must be looked up anew */
    IR_JUMPED, /* of a call: as IR_LEAVE, and the vCPU's pc says where */
};

struct ir_unit {
    uint64_t pc, key; /* of the first instruction; the mode that it is translated for */
    unsigned n_insns, max_insns;
    uint16_t length;                   /* bytes of guest code */
    uint16_t offset[IR_MAX_INSNS + 1]; /* of each instruction from pc */
    /* What the architecture has to know where the unit is left before an instruction: restore(). */
    uint8_t note[IR_MAX_INSNS + 1];
    unsigned n_ops;
    struct ir_op ops[IR_MAX_OPS];
    unsigned n_calls;
    struct ir_call calls[IR_MAX_INSNS];
    unsigned n_kept; /* bytes */
    uint8_t kept[IR_MAX_INSNS * 48] __attribute__((aligned(16)));
    uint64_t target[IR_EXITS]; /* pc of the exits */
    unsigned regime;           /* of loads and stores: which of the target's TLBs */
};

/* Where things lie in the vCPU's struct, and what generated code calls. Constant. */
struct ir_target {
    int32_t reg[IR_TEMP]; /* byte offsets from the struct */
    unsigned n_regs;
    uint8_t hot[16]; /* registers worth a host register, hottest first */
    unsigned n_hot;
    int32_t pc, next; /* `next`: where `pc` goes after a call that sees it; -1: the call does it */
    int32_t middle;   /* an offset near which the registers lie */
    int32_t exit_request;             /* uint32_t: not 0: leave before the next unit */
    int32_t insns, budget;            /* uint64_t */
    int32_t reserved, reserved_value; /* uint64_t: of store_if */
    int32_t stamp, value, spill, calls, at, floats, status; /* of struct cpu_jit */
    int32_t vectors, vector_stride; /* of 16 aligned bytes; used by vec* only */
    /* TLB: entries of 16 bytes, tag and addend; see machine/core/tlb.h. */
    int32_t tlb_read, tlb_write; /* of regime 0 */
    int32_t tlb_stride;          /* from regime to regime */
    unsigned tlb_bits, page_bits;
    unsigned pc_shift; /* lowest bit of a pc that may be set */
    /* The value goes to `value`, as the width has it. */
    uint32_t (*load)(void *cpu, uint64_t va, uint32_t width);
    uint32_t (*store)(void *cpu, uint64_t va, uint32_t width, uint64_t value);
};

void ir_begin(struct ir_unit *u, uint64_t pc, uint64_t key, unsigned max_insns);
/* Appends, for the instruction in progress. IR_MAX_OPS is room for 16 operations an instruction and
 * as many at the end. */
struct ir_op *ir_put(struct ir_unit *u, enum ir_opcode op, uint8_t d, uint8_t a, uint8_t b,
                     int64_t imm);
/* Copies `size` bytes, at most 48, to where they live as long as the unit. */
const void *ir_keep(struct ir_unit *u, const void *bytes, size_t size);
unsigned ir_width_size(enum ir_width w);
/* A value in memory as a register gets it. */
uint64_t ir_extend(enum ir_width w, uint64_t value);
bool ir_holds(enum ir_cond cond, uint64_t a, uint64_t b);

/* Exceptions of floating point that generated code met on this thread. */
enum ir_float_flag {
    IR_INVALID = 1 << 0,
    IR_DIVZERO = 1 << 1,
    IR_OVERFLOW = 1 << 2,
    IR_UNDERFLOW = 1 << 3,
    IR_INEXACT = 1 << 4,
    IR_DENORMAL = 1 << 5, /* an operand; not of IEEE 754 */
};
/* Those since it was last asked; what the caller computes does not count. `floats`: of the vCPU's
 * struct cpu_jit. */
unsigned ir_take_float_flags(uint32_t *floats);
/* The host's status before generated code computes: struct cpu_jit.status. */
uint32_t ir_float_status(void);

/* What an operation that only computes makes of two numbers: the meaning of the table. */
uint64_t ir_compute(enum ir_opcode op, enum ir_cond cond, uint64_t a, uint64_t b);

/* For tests of the tests, set while no vCPU runs: changes what was translated. NULL: nothing. */
extern void (*ir_spoil)(struct ir_unit *u);

/* NULL, or what is wrong with the unit: operands, conditions, exits, values read before they are
 * written. Caller frees. */
char *ir_check(const struct ir_unit *u, const struct ir_target *t);
void ir_print(const struct ir_unit *u, GString *out);

/* Removes operations whose results nobody sees and marks last uses. */
void ir_optimise(struct ir_unit *u);

#endif
