/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every vCPU has, whatever its architecture and accelerator. An architecture's struct begins
 * with a struct cpu.
 *
 * All that a vCPU takes in from outside passes the upcall table, so that lockstep, instruction
 * counting and replay can stand between. Upcalls run on the vCPU's thread.
 */
#ifndef VIV_MACHINE_CORE_CPU_H
#define VIV_MACHINE_CORE_CPU_H

#include "machine/core/bus.h"
#include "machine/core/quiesce.h"
#include "machine/core/state.h"
#include "machine/core/tlb.h"
#include "machine/core/waiter.h"

#include <glib.h>

struct cpu;
struct cpu_arch;

struct cpu_upcalls {
    enum bus_status (*mem_read)(struct cpu *cpu, gpa addr, unsigned size, uint64_t *ret);
    enum bus_status (*mem_write)(struct cpu *cpu, gpa addr, uint64_t value, unsigned size);
    /* x86 ports; size 1, 2, 4. */
    enum bus_status (*port_read)(struct cpu *cpu, uint16_t port, unsigned size, uint32_t *ret);
    enum bus_status (*port_write)(struct cpu *cpu, uint16_t port, uint32_t value, unsigned size);
    /* Guest time in ns (TSC and the like derive from it). */
    int64_t (*now)(struct cpu *cpu);
    uint64_t (*random)(struct cpu *cpu);
    /* Vector of the interrupt to take now and acknowledge it, or -1: it went away. */
    int (*irq_acknowledge)(struct cpu *cpu);
    /* A level-triggered interrupt of that vector has ended, in chips that are the accelerator's. */
    void (*irq_ended)(struct cpu *cpu, uint8_t vector);
    /* Board register the CPU owns (x86: APIC base, x2APIC MSRs, TPR by CR8). 0, or -1: no such. */
    int (*reg_read)(struct cpu *cpu, uint32_t reg, uint64_t *ret);
    int (*reg_write)(struct cpu *cpu, uint32_t reg, uint64_t value);
};

/* Bits of struct cpu.pending common to all; the architecture has bits 8 and up. */
enum cpu_pending {
    CPU_PENDING_IRQ = 1 << 0, /* level: the interrupt controller has a vector for this vCPU */
    CPU_PENDING_NMI = 1 << 1,
    CPU_PENDING_INIT = 1 << 2,
    CPU_PENDING_START = 1 << 3, /* x86 SIPI; start_vector */
    CPU_PENDING_FLUSH = 1 << 4, /* the memory view changed: drop the TLB */
    CPU_PENDING_WORK = 1 << 5,  /* cpu_post'ed functions wait */
    CPU_PENDING_SMI = 1 << 6,
};

/* What generated code and its helpers tell each other; vCPU's thread. */
struct cpu_jit {
    uint64_t stamp; /* mode and generation of the mappings: entries of the jump table compare it */
    uint64_t value; /* what a slow load read */
    uint64_t spill[4];
    uint64_t calls; /* instructions done by a function of the interpreter */
    /* The instruction of the unit, from 0, that called or left it, and how many follow it there:
     * units count theirs when they begin. */
    uint16_t at, rest;
    /* Not 0: generated code computes with floating point, whose flags gather in the host's status,
     * which was `status` before. */
    uint32_t floats, status;
};

enum cpu_run_state {
    CPU_RUNNING,
    CPU_HALTED,
    CPU_WAIT_START /* waits for INIT/SIPI or power-on */
};

struct cpu {
    unsigned index;
    void *board;                       /* what the upcalls' implementation hangs off; frozen */
    const struct cpu_upcalls *upcalls; /* frozen */
    const struct cpu_arch *arch;       /* arch.h; the board sets it, then frozen */
    struct bus *memory;                /* frozen */
    struct clock *clock;               /* frozen */

    uint32_t exit_request;        /* atomic: leave the run loop at the next safe point */
    uint32_t pending;             /* atomic: enum cpu_pending and the architecture's bits */
    uint32_t run_state;           /* vCPU writes, others read: enum cpu_run_state */
    uint32_t start_vector;        /* atomic: of the last start request */
    uint64_t insns;               /* vCPU: instructions completed since reset of the machine */
    uint64_t budget;              /* vCPU: instructions left in this turn (instruction counting) */
    bool takes_turns;             /* frozen once launched: others run only when it stops */
    bool yields;                  /* vCPU: the guest said that it waits; its turn ends */
    struct quiesce_reader reader; /* vCPU */
    struct cpu_jit jit;           /* vCPU */
    struct tlb tlb;               /* vCPU; see tlb.h for what others may do */

    /* Before each store to RAM by the vCPU's code, with tlb.no_direct_writes; vCPU's thread. NULL:
     * nobody wants to know. */
    void (*storing)(struct cpu *cpu, void *host, unsigned size);
    void *accel; /* the accelerator's part, or NULL; frozen once launched */
    /* Beyond setting exit_request, what makes the engine return; NULL: nothing. Any thread. */
    void (*interrupt)(struct cpu *cpu);
    struct waiter *waiter;    /* frozen once launched: own_waiter, or one shared by all vCPUs */
    struct waiter own_waiter; /* see waiter.h */
    GMutex work_lock;         /* guards work; a leaf */
    GQueue work;              /* what cpu_post left */
    int thread_id;            /* atomic: the host's number of the thread that runs it; 0: none */
};

/* Sets bits in `pending` and makes the vCPU notice soon, asleep or not. Any thread; never waits. */
void cpu_raise(struct cpu *cpu, uint32_t bits);
/* Wakes it if it sleeps, so that it looks for work again. Any thread; never waits. */
void cpu_wake(struct cpu *cpu);
/* Clears bits (a level that went away). Any thread. */
void cpu_lower(struct cpu *cpu, uint32_t bits);
static inline uint32_t cpu_pending(const struct cpu *cpu)
{
    return __atomic_load_n(&cpu->pending, __ATOMIC_ACQUIRE);
}
/* Before the architecture's slow path stores to RAM. */
static inline void cpu_storing(struct cpu *cpu, void *host, unsigned size)
{
    if (__builtin_expect(cpu->storing != NULL, 0)) {
        cpu->storing(cpu, host, size);
    }
}
/* Makes the vCPU leave its run loop at the next safe point. Any thread; never waits. */
void cpu_kick(struct cpu *cpu);

/* Runs fn on the vCPU's thread at a safe point; the caller does not wait. Any thread. */
void cpu_post(struct cpu *cpu, void (*fn)(struct cpu *cpu, void *opaque), void *opaque);
/* vCPU's thread at a safe point: runs what was posted. */
void cpu_run_work(struct cpu *cpu);

/* Caller's memory; fills the common part. The architecture calls it. */
void cpu_init(struct cpu *cpu, unsigned index, struct bus *memory, struct clock *clock,
              const struct cpu_upcalls *upcalls, void *board);
void cpu_fini(struct cpu *cpu);

#endif
