/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decoded instructions, the rows of the decode tables, and what every instruction handler may use.
 *
 *   bytes --decode.c, driven by rows--> struct x86_insn --interp.c--> row's handler
 *
 * The rows are the one description: decoder, disassembler, feature checks, the test that runs each
 * row beside the real CPU, and later the translator read them. Tables live in integer/rows.c
 * (integer and control flow), system/rows.c (system) and fpu/ (x87, MMX, SSE, AES, SHA).
 */
#ifndef VIV_MACHINE_GUEST_X86_INSN_H
#define VIV_MACHINE_GUEST_X86_INSN_H

#include "machine/guest/x86/state.h"

struct x86_insn;

/*
 * What a handler answers. Anything but X86_OK: no architectural state of this instruction has
 * changed (repeated strings: whole elements are done and the registers say so).
 */
enum x86_status {
    X86_OK,
    X86_FAULT,  /* c->exc holds the exception (x86_raise); RIP stays at this instruction */
    X86_TRAP,   /* done, and c->exc holds a trap or software interrupt; RIP is already past */
    X86_BRANCH, /* done; RIP was written by the handler; the block ends */
    X86_HALT,   /* done; wait for an interrupt */
    X86_REPEAT, /* a repeated string stopped between elements (interrupt, budget): RIP stays */
    X86_END,    /* done; mode, paging, flags.IF or decoded code may have changed: the block ends */
};

/* Counts `n` instructions. Other threads read both counts: the machine's total, and the time when
 * it is counted. */
static inline void x86_completed(struct x86_cpu *c, uint64_t n)
{
    __atomic_store_n(&c->cpu.insns, c->cpu.insns + n, __ATOMIC_RELAXED);
    __atomic_store_n(&c->cpu.budget, c->cpu.budget - n, __ATOMIC_RELAXED);
}

typedef enum x86_status (*x86_fn)(struct x86_cpu *c, const struct x86_insn *in);

#define X86_NO_REG 0xff /* no base, no index */
#define X86_RIP    0x10 /* base: address of the next instruction */

enum x86_insn_flags {
    INSN_MEM = 1 << 0, /* ModRM names memory: ea() is valid; else `rm` is a register */
    INSN_LOCK = 1 << 1,
    INSN_REP = 1 << 2,   /* F3 */
    INSN_REPNE = 1 << 3, /* F2 */
    INSN_REX = 1 << 4,   /* any REX: byte registers 4..7 are SPL..DIL */
    INSN_ENDS = 1 << 5,  /* the block ends here whatever the status */
    INSN_SEG = 1 << 6,   /* a segment override is in force */
    /* `fn` leaves the flags alone, for they are dead if the whole block runs (flagless.h). */
    INSN_FLAGLESS = 1 << 7,
};

struct x86_insn {
    x86_fn fn;
    int64_t imm;    /* immediate, sign-extended as the operand asks; far pointer: offset */
    int32_t disp;   /* displacement of memory operands */
    uint16_t row;   /* index into the decoder's rows */
    uint16_t imm2;  /* far pointer: selector; ENTER: nesting level */
    uint8_t flags;  /* enum x86_insn_flags */
    uint8_t len;    /* bytes, 1..15 */
    uint8_t osize;  /* operand size in bytes: 2, 4, 8 (1 for byte forms) */
    uint8_t asize;  /* address size in bytes: 2, 4, 8 */
    uint8_t seg;    /* segment of the memory operand, override applied */
    uint8_t base;   /* 0..15, X86_RIP or X86_NO_REG */
    uint8_t index;  /* 0..15 or X86_NO_REG */
    uint8_t scale;  /* shift 0..3 */
    uint8_t reg;    /* ModRM.reg with REX.R, or the register in the opcode with REX.B */
    uint8_t rm;     /* ModRM.rm with REX.B when not memory */
    uint8_t opcode; /* last opcode byte: condition codes, ST(i) */
    uint8_t modrm;
    uint8_t vvvv;   /* VEX: second source register */
    uint8_t prefix; /* enum x86_prefix: the last of F3, F2, else 66, else PFX_NONE */
};

/* The MAP_VEX maps are those of VEX-encoded instructions; `prefix` is then VEX.pp. */
enum x86_map { MAP_1, MAP_0F, MAP_0F38, MAP_0F3A, MAP_VEX_0F, MAP_VEX_0F38, MAP_VEX_0F3A, MAPS };
/* Mandatory prefix a row wants. PFX_ANY: prefixes keep their general meaning. */
enum x86_prefix { PFX_ANY, PFX_NONE, PFX_66, PFX_F3, PFX_F2 };

/* Operands in the manual's letters; what the decoder must read and the disassembler prints. */
enum x86_operand {
    OPD_NONE,
    OPD_Eb,
    OPD_Ew,
    OPD_Ed,
    OPD_Eq,
    OPD_Ev,
    OPD_Ey, /* ModRM.rm general register or memory */
    OPD_Gb,
    OPD_Gw,
    OPD_Gd,
    OPD_Gv,
    OPD_Gy, /* ModRM.reg general register */
    OPD_Zb,
    OPD_Zv, /* register in the opcode's low bits */
    OPD_AL,
    OPD_CL,
    OPD_AX,
    OPD_rAX,
    OPD_DX,
    OPD_ONE,
    OPD_Ib,
    OPD_sIb,
    OPD_Iw,
    OPD_Iz,
    OPD_Iv, /* sIb: sign-extended; Iz: at most 32 bits */
    OPD_Jb,
    OPD_Jz,
    OPD_M,
    OPD_Mb,
    OPD_Mw,
    OPD_Md,
    OPD_Mq,
    OPD_Mdq,
    OPD_Mv,
    OPD_Mp,
    OPD_Ma,
    OPD_Ms,
    OPD_Mt,
    OPD_Ap,
    OPD_Ob,
    OPD_Ov,
    OPD_Sw,
    OPD_Cy,
    OPD_Dy,
    OPD_ES,
    OPD_CS,
    OPD_SS,
    OPD_DS,
    OPD_FS,
    OPD_GS,
    OPD_Xb,
    OPD_Xv,
    OPD_Yb,
    OPD_Yv,
    OPD_Pq,
    OPD_Qd,
    OPD_Qq,
    OPD_Nq, /* MMX: reg; rm or memory; rm register only */
    OPD_Vx,
    OPD_Wb,
    OPD_Ww,
    OPD_Wd,
    OPD_Wq,
    OPD_Wx,
    OPD_Ux, /* XMM: reg; rm or memory; rm register only */
    OPD_XMM0,
    OPD_ST0,
    OPD_STi,
    OPD_My, /* memory 32 or 64 by REX.W */
    OPD_By, /* VEX.vvvv general register */
};

enum x86_row_flags {
    ROW_LOCK = 1 << 0,  /* LOCK allowed with a memory destination */
    ROW_MODRM = 1 << 1, /* has a ModRM byte (implied by E, G, M, V, W, ... operands) */
    ROW_NO64 = 1 << 2,  /* #UD in 64-bit code */
    ROW_ONLY64 = 1 << 3,
    ROW_DEF64 = 1 << 4, /* operand size 64 by default in 64-bit code (push, call) */
    /* ... and 66h has no effect. With ROW_DEF64 too: a near branch, where that is so on Intel's
     * processors only (MODE_BRANCH64). */
    ROW_FORCE64 = 1 << 5,
    ROW_MEM = 1 << 6,   /* this row only for memory operands */
    ROW_REG = 1 << 7,   /* this row only for register operands */
    ROW_BYTE = 1 << 8,  /* operand size is one byte */
    ROW_PROT = 1 << 9,  /* #UD in real and virtual-8086 mode */
    ROW_CPL0 = 1 << 10, /* #GP(0) above CPL 0 */
    ROW_ENDS = 1 << 11, /* the block ends after it */
    ROW_REPS = 1 << 12, /* string instruction: REP prefixes repeat */
    ROW_W0 = 1 << 13,   /* this row only without, with REX.W */
    ROW_W1 = 1 << 14,
    ROW_NOP66 = 1 << 15, /* 66h ignored (not an operand size) */
    ROW_SSE = 1 << 16,   /* #UD/#NM by CR0.EM, CR4.OSFXSR, CR0.TS before it runs */
    ROW_MMX = 1 << 17,   /* #UD/#NM by CR0.EM, CR0.TS; pending x87 exceptions first */
    ROW_X87 = 1 << 18,   /* #NM by CR0.EM, CR0.TS; pending x87 exceptions unless ROW_NOWAIT */
    ROW_NOWAIT = 1 << 19,
    ROW_UNTESTABLE = 1 << 20, /* cannot run natively in user mode: `directed` names its test */
};

#define X86_ANY_EXT -1

struct x86_row {
    const char *name; /* mnemonic in objdump's (Intel syntax) spelling */
    uint8_t map;      /* enum x86_map */
    uint8_t opcode;
    uint8_t opcode_span; /* the row covers opcode..opcode + span (Z operands, conditions); 0: one */
    int8_t ext;          /* ModRM.reg 0..7 or X86_ANY_EXT */
    int8_t rm;           /* with ROW_REG, ModRM.rm 0..7 as further opcode bits, or X86_ANY_EXT */
    uint8_t prefix;      /* enum x86_prefix */
    uint8_t operand[4];
    uint32_t flags;           /* enum x86_row_flags */
    uint16_t feature;         /* enum x86_feature in cpuid.h; 0: always there */
    uint16_t flags_undefined; /* FLAG_* this instruction leaves undefined: masked by the tests */
    /* Handlers for operand size 2, 4, 8, or the same in all three; NULL: not that size. ROW_BYTE:
     * [0]. */
    x86_fn fn[3];
    const char *directed; /* name of the directed test when random ones cannot say enough */
};

struct x86_row_table {
    const struct x86_row *rows;
    unsigned n;
};

extern const struct x86_row_table x86_rows_int, x86_rows_sys;
extern const struct x86_row_table x86_rows_x87, x86_rows_x87_move, x86_rows_fpu;
extern const struct x86_row_table x86_rows_simd_int, x86_rows_simd_move, x86_rows_sse;
extern const struct x86_row_table x86_rows_sse_string, x86_rows_crypto;

/* Look-up by map and opcode made from all tables. Immutable afterwards; shared by vCPUs. */
struct x86_decoder *x86_decoder_new(void);
void x86_decoder_free(struct x86_decoder *decoder);
const struct x86_row *x86_decoder_row(const struct x86_decoder *decoder, unsigned row);
unsigned x86_decoder_rows(const struct x86_decoder *decoder);

enum x86_decode_result {
    X86_DECODED,
    X86_NEED_MORE, /* `available` bytes were not enough: the next page decides */
    X86_TOO_LONG,  /* over 15 bytes: #GP(0) */
    X86_INVALID,   /* #UD; in->len is set as far as it is known */
};

/* Decodes for `mode` (enum x86_mode_bits). Pure: features and privilege are the row's business. */
enum x86_decode_result x86_decode(const struct x86_decoder *decoder, uint32_t mode,
                                  const uint8_t *bytes, unsigned available, struct x86_insn *in);
/* Intel-syntax text of a decoded instruction at `pc`, as objdump -M intel spells it. */
void x86_disassemble(const struct x86_decoder *decoder, uint32_t mode, const struct x86_insn *in,
                     uint64_t pc, GString *out);

#endif
