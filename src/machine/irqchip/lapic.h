/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Local APIC of one vCPU: xAPIC and x2APIC. Intel SDM volume 3 chapter 11 (order 325462).
 *
 * Pure state: the caller holds whatever lock is needed, gives the time in nanoseconds and runs the
 * timer. The timer counts at 1 GHz before its divider.
 */
#ifndef VIV_MACHINE_IRQCHIP_LAPIC_H
#define VIV_MACHINE_IRQCHIP_LAPIC_H

#include "machine/core/state.h"
#include "machine/irqchip/apic_message.h"

#define LAPIC_NEVER      INT64_MAX
#define LAPIC_BASE_RESET UINT64_C(0xfee00000)

enum lapic_lvt { LVT_TIMER, LVT_THERMAL, LVT_PERF, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVT_COUNT };

/* What a message asks of the CPU itself. */
enum lapic_event { LAPIC_NMI, LAPIC_SMI, LAPIC_INIT, LAPIC_START };

struct lapic;

/* Called from inside the functions below; must not call back into the lapic. */
struct lapic_ops {
    /* An interrupt waits for the CPU, or no longer. */
    void (*output)(void *opaque, bool level);
    void (*event)(void *opaque, enum lapic_event event, uint8_t vector);
    /* Run lapic_timer() at `expiry`, an absolute time in ns, and not before; LAPIC_NEVER: not. */
    void (*timer)(void *opaque, int64_t expiry);
    /* Nanoseconds at which the CPU's TSC reaches `tsc`; NULL: no TSC-deadline mode. */
    int64_t (*tsc_time)(void *opaque, uint64_t tsc);
    /* A level-triggered interrupt ended: tell the I/O APICs. */
    void (*eoi)(void *opaque, uint8_t vector);
};

struct lapic {
    const struct lapic_ops *ops; /* frozen */
    void *opaque;                /* frozen */
    uint32_t id;                 /* initial APIC id, 32 bits; frozen */
    bool bsp;                    /* frozen */
    bool has_x2apic;             /* frozen */

    uint64_t base; /* IA32_APIC_BASE */
    uint32_t xid;  /* ID register in xAPIC mode, bits 24..31 moved down */
    uint32_t tpr, ldr, dfr, svr;
    uint32_t isr[8], tmr[8], irr[8];
    uint32_t esr, errors; /* as last latched by a write; found since */
    uint32_t icr[2];
    uint32_t lvt[LVT_COUNT];
    uint32_t lint;     /* levels of LINT0 and LINT1, bits 0 and 1 */
    uint32_t initial;  /* timer: initial count */
    uint32_t divide;   /* timer: divide configuration */
    int64_t start;     /* timer: when `initial` was written, ns */
    int64_t expiry;    /* timer: next, ns; LAPIC_NEVER */
    uint64_t deadline; /* IA32_TSC_DEADLINE */
    bool level;        /* as last told to ops->output */
};

extern const struct state_row lapic_state[];

void lapic_init(struct lapic *l, uint32_t id, bool bsp, bool has_x2apic,
                const struct lapic_ops *ops, void *opaque);
/* Power-on, and what an INIT does (the base and the ID stay). */
void lapic_reset(struct lapic *l);
void lapic_init_reset(struct lapic *l);
/* After loading the rows: -EINVAL if they cannot be; else tells output and timer anew. */
int lapic_loaded(struct lapic *l) G_GNUC_WARN_UNUSED_RESULT;

/* Registers by their offset in the 4 KiB page, a multiple of 16; a write sends at most one IPI:
 * TRUE and *ret_ipi, to be given to lapic_deliver() of each local APIC that lapic_match()es. */
uint32_t lapic_read(struct lapic *l, unsigned off, int64_t now);
bool lapic_write(struct lapic *l, unsigned off, uint32_t value, int64_t now,
                 struct apic_message *ret_ipi);
/* x2APIC MSRs 800h..8ffh. -1: general protection fault. 1 from a write: *ret_ipi is to be sent. */
int lapic_msr_read(struct lapic *l, uint32_t msr, int64_t now, uint64_t *ret);
int lapic_msr_write(struct lapic *l, uint32_t msr, uint64_t value, int64_t now,
                    struct apic_message *ret_ipi);
/* IA32_APIC_BASE; 0, or -1: general protection fault. */
int lapic_set_base(struct lapic *l, uint64_t value);
/* IA32_TSC_DEADLINE. */
uint64_t lapic_deadline(const struct lapic *l);
void lapic_set_deadline(struct lapic *l, uint64_t tsc, int64_t now);
/* CR8: bits 7..4 of the task priority. */
uint8_t lapic_cr8(const struct lapic *l);
void lapic_set_cr8(struct lapic *l, uint8_t value);

bool lapic_enabled(const struct lapic *l); /* IA32_APIC_BASE says so */
bool lapic_is_x2apic(const struct lapic *l);
uint8_t lapic_ppr(const struct lapic *l);

/* TRUE if the message's destination names this local APIC (shorthands are the caller's). */
bool lapic_match(const struct lapic *l, const struct apic_message *m);
/* TRUE if it may be chosen for a lowest-priority message. */
bool lapic_takes_lowest(const struct lapic *l);
void lapic_deliver(struct lapic *l, const struct apic_message *m);
/* Local interrupt pins; LINT0 carries the PIC's output, LINT1 NMI. */
void lapic_set_lint(struct lapic *l, unsigned pin, bool level);
/* TRUE if LINT0 passes the PIC's output to the CPU (ExtINT, or the local APIC is off). */
bool lapic_passes_pic(const struct lapic *l);
/* Vector that would be taken now, or -1. */
int lapic_pending(const struct lapic *l);
/* Takes it into service: the vector; -1: none (any more). */
int lapic_acknowledge(struct lapic *l);
/* The time asked for by ops->timer has come. */
void lapic_timer(struct lapic *l, int64_t now);

#endif
