/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes x86-64 instructions: Intel SDM volume 2. Registers by number; operands of memory are
 * [base + disp32], [base + index + disp32] or relative to the next instruction. Running out of
 * room sets `full` and writes nothing more.
 */
#ifndef VIV_MACHINE_JIT_X86_64_ASM_H
#define VIV_MACHINE_JIT_X86_64_ASM_H

#include <stdbool.h>
#include <stdint.h>

enum host_reg {
    RAX,
    RCX,
    RDX,
    RBX,
    RSP,
    RBP,
    RSI,
    RDI,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
    NO_REG,
};

struct assembler {
    uint8_t *at, *end;
    bool full;
};

struct host_mem {
    uint8_t base, index; /* index NO_REG: none; base NO_REG: `disp` from the next instruction */
    int32_t disp;
    uint8_t scale; /* the index is shifted by it: 0 to 3 */
};

/* The eight of opcode 81 and their other forms. */
enum alu { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP };
enum shift { SHIFT_ROL = 0, SHIFT_SHL = 4, SHIFT_SHR = 5, SHIFT_SAR = 7 };
enum unary {
    UNARY_NOT = 2,
    UNARY_NEG = 3,
    UNARY_MUL = 4,
    UNARY_IMUL = 5,
    UNARY_DIV = 6,
    UNARY_IDIV = 7
};
/* Condition codes as in jcc and setcc. */
enum host_cond {
    CC_O = 0,
    CC_B = 2,
    CC_AE = 3,
    CC_E = 4,
    CC_NE = 5,
    CC_BE = 6,
    CC_A = 7,
    CC_P = 10,
    CC_NP = 11,
    CC_L = 12,
    CC_GE = 13,
    CC_LE = 14,
    CC_G = 15,
};

/* `wide`: 64 bits, else 32, which clears the upper half of a register that is written. */
void asm_mov_rr(struct assembler *a, bool wide, unsigned to, unsigned from);
void asm_mov_low_rr(struct assembler *a, unsigned size, unsigned to, unsigned from);  /* 1 or 2 */
void asm_cmov_rr(struct assembler *a, enum host_cond cc, unsigned to, unsigned from); /* 64 bits */
void asm_cmov_rm(struct assembler *a, enum host_cond cc, unsigned to, struct host_mem from);
void asm_bswap(struct assembler *a, bool wide, unsigned r);
void asm_mov_ri(struct assembler *a, unsigned to, uint64_t imm); /* shortest form; keeps flags */
void asm_load(struct assembler *a, bool wide, unsigned to, struct host_mem from);
void asm_store(struct assembler *a, unsigned size, struct host_mem to, unsigned from);
void asm_store_imm(struct assembler *a, bool wide, struct host_mem to, int32_t imm);
void asm_lea(struct assembler *a, bool wide, unsigned to, struct host_mem m);
void asm_alu_rr(struct assembler *a, bool wide, enum alu op, unsigned to, unsigned from);
void asm_alu_ri(struct assembler *a, bool wide, enum alu op, unsigned to, int32_t imm);
void asm_alu_rm(struct assembler *a, bool wide, enum alu op, unsigned to, struct host_mem from);
void asm_alu_mr(struct assembler *a, bool wide, enum alu op, struct host_mem to, unsigned from);
void asm_alu_mi(struct assembler *a, bool wide, enum alu op, struct host_mem to, int32_t imm);
void asm_test_rr(struct assembler *a, bool wide, unsigned x, unsigned y);
void asm_shift_ri(struct assembler *a, bool wide, enum shift op, unsigned to, unsigned by);
void asm_shift_rcl(struct assembler *a, bool wide, enum shift op, unsigned to);
void asm_imul_rr(struct assembler *a, bool wide, unsigned to, unsigned from);
void asm_imul_rm(struct assembler *a, bool wide, unsigned to, struct host_mem from);
void asm_unary_r(struct assembler *a, bool wide, enum unary op, unsigned r);
void asm_setcc(struct assembler *a, enum host_cond cc, unsigned to);
/* From the low 8, 16 or 32 bits (movsx, movzx, movsxd, mov). */
void asm_extend_rr(struct assembler *a, unsigned size, bool is_signed, unsigned to, unsigned from);
void asm_extend_rm(struct assembler *a, unsigned size, bool is_signed, unsigned to,
                   struct host_mem from);
void asm_push(struct assembler *a, unsigned r);
void asm_pop(struct assembler *a, unsigned r);
void asm_ret(struct assembler *a);
void asm_call_r(struct assembler *a, unsigned r);
void asm_jmp_m(struct assembler *a, struct host_mem m);
void asm_jmp_r(struct assembler *a, unsigned r);
/* cdq or cqo: the sign of rax through rdx. */
void asm_sign_to_rdx(struct assembler *a, bool wide);
/* With lock if asked: of 32 or 64 bits. cmpxchg compares with rax, and leaves there what it found.
 */
void asm_xadd(struct assembler *a, bool lock, bool wide, struct host_mem m, unsigned r);
void asm_cmpxchg(struct assembler *a, bool lock, bool wide, struct host_mem m, unsigned r);
/* Locks by itself. */
void asm_xchg(struct assembler *a, bool wide, struct host_mem m, unsigned r);
/*
 * SSE instructions by mandatory prefix (0: none) and second opcode byte; `wide` is REX.W, for those
 * with a 64-bit integer. asm_fma: opcode of VEX.66.0F38, with its third operand in memory.
 */
void asm_sse_rm(struct assembler *a, unsigned prefix, bool wide, unsigned code, unsigned reg,
                struct host_mem m);
void asm_sse_rr(struct assembler *a, unsigned prefix, bool wide, unsigned code, unsigned reg,
                unsigned rm);
void asm_fma(struct assembler *a, bool wide, unsigned code, unsigned to, unsigned by,
             struct host_mem m);
/* The same of any map: escape bytes 0F, 0F 38 or 0F 3A by 0 to 2; `imm` below 0: none. */
void asm_vector_rr(struct assembler *a, unsigned prefix, unsigned map, bool wide, unsigned code,
                   unsigned reg, unsigned rm, int imm);
void asm_vector_rm(struct assembler *a, unsigned prefix, unsigned map, bool wide, unsigned code,
                   unsigned reg, struct host_mem m, int imm);
void asm_load_mxcsr(struct assembler *a, struct host_mem m);
/* rax = SF, ZF, AF, PF and CF where LAHF has them. */
void asm_flags_to_rax(struct assembler *a);
/* lock or dword [rsp], 0: the cheapest full barrier. */
void asm_barrier(struct assembler *a);

/* Jumps with 32-bit distances; `to` NULL: filled in later at what is returned. */
uint8_t *asm_jmp(struct assembler *a, const uint8_t *to);
uint8_t *asm_jcc(struct assembler *a, enum host_cond cc, const uint8_t *to);
uint8_t *asm_call(struct assembler *a, const uint8_t *to);
/* Makes the jump whose distance is at `place` go to `to`; atomic for a running processor. */
void asm_patch(uint8_t *place, const uint8_t *to);

#endif
