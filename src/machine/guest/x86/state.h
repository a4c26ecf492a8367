/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Architectural state of one x86-64 vCPU: all that KVM can get and set, and all that an
 * instruction can see. Sources: Intel SDM volumes 1 and 3 (order 325462), AMD APM volume 2.
 */
#ifndef VIV_MACHINE_GUEST_X86_STATE_H
#define VIV_MACHINE_GUEST_X86_STATE_H

#include "machine/core/cpu.h"
#include "machine/core/irq.h"

enum x86_gpr { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

enum x86_seg_index { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_COUNT };

/* Attribute bits of a segment, as in bits 8..23 of a descriptor's high half, shifted down by 8. */
#define SEG_TYPE_MASK 0x000f
#define SEG_S         0x0010 /* code or data, not system */
#define SEG_DPL_SHIFT 5
#define SEG_P         0x0080
#define SEG_AVL       0x1000
#define SEG_L         0x2000
#define SEG_DB        0x4000
#define SEG_G         0x8000

struct x86_seg {
    uint64_t base;
    uint32_t limit; /* bytes, granularity already applied */
    uint16_t selector;
    uint16_t attr; /* SEG_*; P clear: unusable */
};

struct x86_table { /* GDTR, IDTR */
    uint64_t base;
    uint16_t limit;
};

#define FLAG_CF     (1u << 0)
#define FLAG_ONE    (1u << 1)
#define FLAG_PF     (1u << 2)
#define FLAG_AF     (1u << 4)
#define FLAG_ZF     (1u << 6)
#define FLAG_SF     (1u << 7)
#define FLAG_TF     (1u << 8)
#define FLAG_IF     (1u << 9)
#define FLAG_DF     (1u << 10)
#define FLAG_OF     (1u << 11)
#define FLAG_IOPL   (3u << 12)
#define FLAG_NT     (1u << 14)
#define FLAG_RF     (1u << 16)
#define FLAG_VM     (1u << 17)
#define FLAG_AC     (1u << 18)
#define FLAG_VIF    (1u << 19)
#define FLAG_VIP    (1u << 20)
#define FLAG_ID     (1u << 21)
#define FLAGS_ARITH (FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

#define CR0_PE (1u << 0)
#define CR0_MP (1u << 1)
#define CR0_EM (1u << 2)
#define CR0_TS (1u << 3)
#define CR0_ET (1u << 4)
#define CR0_NE (1u << 5)
#define CR0_WP (1u << 16)
#define CR0_AM (1u << 18)
#define CR0_NW (1u << 29)
#define CR0_CD (1u << 30)
#define CR0_PG (1u << 31)

#define CR4_VME        (1u << 0)
#define CR4_PVI        (1u << 1)
#define CR4_TSD        (1u << 2)
#define CR4_DE         (1u << 3)
#define CR4_PSE        (1u << 4)
#define CR4_PAE        (1u << 5)
#define CR4_MCE        (1u << 6)
#define CR4_PGE        (1u << 7)
#define CR4_PCE        (1u << 8)
#define CR4_OSFXSR     (1u << 9)
#define CR4_OSXMMEXCPT (1u << 10)
#define CR4_UMIP       (1u << 11)
#define CR4_LA57       (1u << 12)
#define CR4_FSGSBASE   (1u << 16)
#define CR4_PCIDE      (1u << 17)
#define CR4_OSXSAVE    (1u << 18)
#define CR4_SMEP       (1u << 20)
#define CR4_SMAP       (1u << 21)

#define EFER_SCE   (1u << 0)
#define EFER_LME   (1u << 8)
#define EFER_LMA   (1u << 10)
#define EFER_NXE   (1u << 11)
#define EFER_FFXSR (1u << 14)

enum x86_vector {
    VEC_DE = 0,
    VEC_DB = 1,
    VEC_NMI = 2,
    VEC_BP = 3,
    VEC_OF = 4,
    VEC_BR = 5,
    VEC_UD = 6,
    VEC_NM = 7,
    VEC_DF = 8,
    VEC_TS = 10,
    VEC_NP = 11,
    VEC_SS = 12,
    VEC_GP = 13,
    VEC_PF = 14,
    VEC_MF = 16,
    VEC_AC = 17,
    VEC_MC = 18,
    VEC_XM = 19,
};

/*
 * The operating mode as decoding and memory access need it, recomputed whenever CR0, CR4, EFER,
 * RFLAGS.VM, CS or SS change (x86_update_mode in segment.h).
 */
enum x86_mode_bits {
    MODE_CODE64 = 1 << 0, /* CS.L in long mode */
    MODE_CODE32 = 1 << 1, /* CS.D; neither: 16-bit code */
    MODE_SS32 = 1 << 2,   /* SS.B: 32-bit stack pointer (64-bit code always uses 64) */
    MODE_PROT = 1 << 3,   /* CR0.PE and not virtual-8086 */
    MODE_VM86 = 1 << 4,
    MODE_LONG = 1 << 5, /* EFER.LMA */
    MODE_FLAT = 1 << 6, /* DS, ES, SS, CS: base 0, limit 4 GiB, no check needed */
    /* For x86_decode only, never in x86_cpu.mode: 66h does not shorten near branches in 64-bit code
     * (Intel; AMD's do). */
    MODE_BRANCH64 = 1 << 7,
    MODE_CPL_SHIFT = 8, /* 2 bits */
};

union x86_vec { /* one vector register; room for AVX-512 */
    uint8_t u8[64];
    uint16_t u16[32];
    uint32_t u32[16];
    uint64_t u64[8];
};

struct x86_f80 {
    uint64_t mantissa;
    uint16_t sign_exponent;
};

struct x86_fpu {
    struct x86_f80 st[8]; /* physical registers: ST(i) is st[(top + i) & 7]; MMX is the mantissa */
    uint16_t control;
    uint16_t status; /* TOP in bits 11..13 */
    uint8_t tag;     /* one bit a physical register: set = not empty (the abridged form) */
    uint16_t opcode; /* FOP */
    uint64_t ip, dp; /* FIP, FDP */
    uint16_t cs, ds;
};

/* How the arithmetic flags are kept: computed from operands when asked for (flags.h). */
struct x86_lazy_flags {
    uint64_t op;     /* enum x86_flag_kind in flags.h; 0: `result` holds the flag bits themselves */
    uint64_t result; /* destination after the operation */
    uint64_t src;    /* second operand, or what the operation needs */
};

/* Page-walk and segment caches live in the CPU; memory-type registers are kept, not obeyed. */
#define X86_MTRR_VAR 8

struct x86_msrs {
    uint64_t efer, star, lstar, cstar, sfmask, kernel_gs_base;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t pat, tsc_aux, misc_enable, tsc_deadline;
    uint64_t mtrr_def_type, mtrr_fixed[11], mtrr_base[X86_MTRR_VAR], mtrr_mask[X86_MTRR_VAR];
    uint64_t mcg_status, mcg_ctl, mc_bank[10][4];
    uint64_t xss, spec_ctrl, smbase;
    int64_t tsc_offset; /* TSC = clock * rate + offset */
};

/* What the instruction before holds back until the next one is done. */
enum x86_shadow {
    SHADOW_NONE,
    SHADOW_INTERRUPTS, /* STI */
    SHADOW_ALL,        /* MOV SS, POP SS: debug exceptions too */
};

struct x86_decoder;   /* insn.h: lookup made from the tables, shared, immutable */
struct x86_icache;    /* interp.c: this vCPU's decoded code */
struct x86_features;  /* cpuid.h: what this model has; shared, immutable */
struct x86_exclusive; /* memory.h: keeps other vCPUs out; one per machine */

struct x86_cpu {
    struct cpu cpu; /* first */

    uint64_t gpr[16];
    uint64_t rip;
    struct x86_lazy_flags lazy;
    uint32_t rflags; /* all bits but the arithmetic ones; bit 1 set */
    uint32_t mode;   /* derived: enum x86_mode_bits, CPL */
    struct x86_seg seg[SEG_COUNT];
    struct x86_seg ldtr, tr;
    struct x86_table gdtr, idtr;
    uint64_t cr0, cr2, cr3, cr4, cr8;
    uint64_t dr[8];
    uint64_t xcr0;
    uint64_t pdpte[4]; /* PAE paging without long mode: loaded with CR3 */
    struct x86_msrs msr;

    union x86_vec vec[32] __attribute__((aligned(64))); /* XMM/YMM/ZMM */
    uint32_t mxcsr;
    struct x86_fpu fpu;

    /* An exception raised by the instruction in progress: set by x86_raise, taken by the run loop.
     */
    struct {
        uint8_t vector;
        bool has_error;
        bool is_soft; /* INT n, INT3, INTO: pushes the next instruction's address */
        uint32_t error;
        uint64_t cr2;      /* page faults */
        uint64_t soft_rip; /* of the INT instruction */
        uint64_t dr6;      /* bits to set for #DB */
    } exc;
    uint8_t delivering;       /* vector of the first exception while it is delivered, 0xff: none */
    bool delivering_external; /* error codes of faults on the way carry EXT */
    uint32_t debug_hit;       /* DR6 bits of data and I/O breakpoints hit by this instruction */
    uint8_t int_shadow;       /* enum x86_shadow: of the instruction before */
    bool nmi_blocked;         /* until IRET */
    bool tf_pending;          /* this instruction ends in a single-step trap */
    bool code_changed;        /* a store hit decoded code: leave the current block */
    bool trap_waits;          /* translated code raised a trap: c->exc */
    uint64_t jit_condition;   /* what a function of translated code found */
    bool ignne, ferr;         /* port F0h and the x87 error line */

    const struct x86_features *features; /* frozen */
    const struct x86_decoder *decoder;   /* frozen */
    struct x86_icache *icache;           /* vCPU */
    struct x86_exclusive *exclusive;     /* shared by the machine's vCPUs, or NULL; frozen */
    uint64_t tsc_khz;                    /* frozen */
    uint64_t address_gate;               /* atomic: bits that no physical address has (A20) */
    struct irq ferr_irq;                 /* IRQ 13; frozen */
};

static inline struct x86_cpu *x86_of(struct cpu *cpu)
{
    return (struct x86_cpu *)cpu;
}

static inline unsigned x86_cpl(const struct x86_cpu *c)
{
    return (c->mode >> MODE_CPL_SHIFT) & 3;
}

/* TLB regimes of x86. */
enum x86_regime {
    REGIME_USER,
    REGIME_SUPERVISOR,
    REGIME_SUPERVISOR_AC, /* SMAP lifted by EFLAGS.AC */
    REGIME_USER_ALIGN,    /* alignment checks on: never filled, so every access is looked at */
};

/* Numbers of cpu_upcalls.reg_read and reg_write: an MSR's own number (IA32_APIC_BASE 1Bh,
 * IA32_TSC_DEADLINE 6E0h, the x2APIC's 800h to 8FFh), or: */
#define X86_REG_CR8 0x10000 /* task priority, bits 0..3; works whatever the APIC's mode */

#endif
