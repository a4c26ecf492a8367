/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Architectural state of one RISC-V 64 hart: RV64GC with M, S and U modes. Sources: The RISC-V
 * Instruction Set Manual, volume I (unprivileged, 20191213) and volume II (privileged, 20211203),
 * with the ratified extensions Zba, Zbb, Zbs, Zicbo*, Sstc, Sscofpmf.
 */
#ifndef VIV_MACHINE_GUEST_RISCV64_STATE_H
#define VIV_MACHINE_GUEST_RISCV64_STATE_H

#include "machine/core/cpu.h"

enum riscv_priv { RISCV_U = 0, RISCV_S = 1, RISCV_M = 3 };

/* Bits of mip and mie, by number (volume II, 3.1.9). */
enum riscv_interrupt {
    RISCV_IRQ_SSI = 1,
    RISCV_IRQ_MSI = 3,
    RISCV_IRQ_STI = 5,
    RISCV_IRQ_MTI = 7,
    RISCV_IRQ_SEI = 9,
    RISCV_IRQ_MEI = 11,
    RISCV_IRQ_LCOFI = 13, /* Sscofpmf */
};

/*
 * Interrupt lines from outside, as bits of cpu.pending (cpu_raise and cpu_lower, any thread): level
 * inputs that mip shows at once. SSIP is also writable by software: that bit is in `mip`.
 */
enum riscv_pending {
    RISCV_PENDING_MSI = 1 << 8,  /* ACLINT MSWI */
    RISCV_PENDING_MTI = 1 << 9,  /* ACLINT MTIMER */
    RISCV_PENDING_STI = 1 << 10, /* Sstc: time >= stimecmp */
    RISCV_PENDING_SEI = 1 << 11, /* PLIC, S context */
    RISCV_PENDING_MEI = 1 << 12, /* PLIC, M context */
    RISCV_PENDING_SSI = 1 << 13, /* ACLINT SSWI: an edge; the hart moves it into `mip` */
};

/* Numbers of cpu_upcalls.reg_read and reg_write: what the board's timer keeps for the hart. */
enum riscv_board_reg {
    RISCV_REG_TIME,     /* read: mtime */
    RISCV_REG_STIMECMP, /* write: raises and lowers RISCV_PENDING_STI from now on; ~0: never */
};

enum riscv_exception {
    RISCV_EXC_FETCH_MISALIGNED = 0,
    RISCV_EXC_FETCH_ACCESS = 1,
    RISCV_EXC_ILLEGAL = 2,
    RISCV_EXC_BREAKPOINT = 3,
    RISCV_EXC_LOAD_MISALIGNED = 4,
    RISCV_EXC_LOAD_ACCESS = 5,
    RISCV_EXC_STORE_MISALIGNED = 6,
    RISCV_EXC_STORE_ACCESS = 7,
    RISCV_EXC_ECALL_U = 8, /* + the mode */
    RISCV_EXC_FETCH_PAGE = 12,
    RISCV_EXC_LOAD_PAGE = 13,
    RISCV_EXC_STORE_PAGE = 15,
};

/* TLB regimes: what a data access may reach. M mode without translation has its own. */
enum riscv_regime { RISCV_REGIME_U, RISCV_REGIME_S, RISCV_REGIME_S_SUM, RISCV_REGIME_M };

/* mstatus (volume II, 3.1.6). */
#define MSTATUS_SIE  (UINT64_C(1) << 1)
#define MSTATUS_MIE  (UINT64_C(1) << 3)
#define MSTATUS_SPIE (UINT64_C(1) << 5)
#define MSTATUS_MPIE (UINT64_C(1) << 7)
#define MSTATUS_SPP  (UINT64_C(1) << 8)
#define MSTATUS_MPP  (UINT64_C(3) << 11)
#define MSTATUS_FS   (UINT64_C(3) << 13)
#define MSTATUS_MPRV (UINT64_C(1) << 17)
#define MSTATUS_SUM  (UINT64_C(1) << 18)
#define MSTATUS_MXR  (UINT64_C(1) << 19)
#define MSTATUS_TVM  (UINT64_C(1) << 20)
#define MSTATUS_TW   (UINT64_C(1) << 21)
#define MSTATUS_TSR  (UINT64_C(1) << 22)
#define MSTATUS_UXL  (UINT64_C(3) << 32)
#define MSTATUS_SXL  (UINT64_C(3) << 34)
#define MSTATUS_SD   (UINT64_C(1) << 63)

#define MSTATUS_MPP_SHIFT 11
#define MSTATUS_FS_SHIFT  13

#define MENVCFG_CBIE  (UINT64_C(3) << 4)
#define MENVCFG_CBCFE (UINT64_C(1) << 6)
#define MENVCFG_CBZE  (UINT64_C(1) << 7)
#define MENVCFG_STCE  (UINT64_C(1) << 63)

#define RISCV_PMP_ENTRIES 16

struct riscv_icache; /* the interpreter's decoded code */
struct riscv_model;  /* what this -cpu has; shared, immutable: model.h */

struct riscv_cpu {
    struct cpu cpu; /* first */

    /* x[0] is always 0. Translated code addresses these by their place: keep them together. */
    uint64_t x[32];
    uint64_t pc;
    uint64_t f[32]; /* NaN-boxed singles */
    uint8_t fflags, frm;
    uint8_t priv; /* enum riscv_priv */

    /* The reservation of LR: the virtual address, or ~0, and what was read there. */
    uint64_t reserved, reserved_value;

    uint64_t mstatus, misa, medeleg, mideleg, mie, mip; /* mip: the bits that software writes */
    uint64_t mtvec, mscratch, mepc, mcause, mtval, mcounteren, menvcfg;
    uint64_t stvec, sscratch, sepc, scause, stval, scounteren, satp, senvcfg, stimecmp;
    uint64_t cycle_offset, instret_offset; /* mcycle and minstret: cpu.insns + offset */
    uint8_t pmpcfg[RISCV_PMP_ENTRIES];
    uint64_t pmpaddr[RISCV_PMP_ENTRIES];

    /* An exception of the instruction in progress. */
    struct {
        uint8_t cause;
        uint64_t tval;
    } exc;

    uint64_t next;       /* where the instruction in progress goes on */
    uint8_t data_regime; /* derived: enum riscv_regime of loads and stores */
    bool code_changed;   /* a store hit decoded code: leave the block */

    const struct riscv_model *model; /* frozen */
    struct riscv_icache *icache;     /* vCPU */
};

static inline struct riscv_cpu *riscv_of(struct cpu *cpu)
{
    return (struct riscv_cpu *)cpu;
}

#endif
