/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A PC's interrupt controllers, run in this process: two 8259A, one I/O APIC, a local APIC per
 * vCPU, and the 8254 with port 61h, joined as a PC joins them.
 *
 *   ISA 0..15 --+--> PIC ----INT----> LINT0 of each local APIC --+--> CPU_PENDING_IRQ
 *               +--> I/O APIC pin (0 goes to 2) --messages-------+
 *   GSI 16..23 -----> I/O APIC pin                               |
 *   MSI, IPI ----------------------------------------------------+
 *
 * One leaf lock covers them all: lines may be set and messages sent from any thread, with a
 * device's lock held. Under it only the vCPU's pending word is set (cpu.h) and timers are armed.
 */
#ifndef VIV_MACHINE_DEV_PC_IRQS_H
#define VIV_MACHINE_DEV_PC_IRQS_H

#include "machine/core/bus.h"
#include "machine/core/clock.h"
#include "machine/core/cpu.h"
#include "machine/core/irq.h"

#define IRQS_GSIS        24
#define IRQS_IOAPIC_BASE UINT64_C(0xfec00000)

struct irqs;

struct irqs_config {
    struct clock *clock;
    struct cpu **cpus; /* by index; 0 is the bootstrap processor; outlive the irqs */
    unsigned n_cpus;
    const uint32_t *apic_ids; /* by index; NULL: the index. Copied */
    bool x2apic;              /* the CPU model has it */
    /* Guest time in ns at which the vCPU's TSC reaches `tsc`; NULL: no TSC-deadline timer. */
    int64_t (*tsc_time)(void *opaque, struct cpu *cpu, uint64_t tsc);
    void *opaque;
    const struct irq_chips *chips; /* of the accelerator, which has the local APICs; NULL: none */
    void *chips_opaque;
};

struct irqs *irqs_new(const struct irqs_config *config);
void irqs_free(struct irqs *irqs);

/*
 * Maps PIC (20h, A0h), ELCR (4D0h), PIT (40h), port 61h into `io`, and the I/O APIC's page into
 * `memory` (either NULL: not mapped). Main loop, once.
 */
void irqs_map(struct irqs *irqs, struct bus *memory, struct bus *io);

/* Power-on state; stopped machine. */
void irqs_reset(struct irqs *irqs);
void irqs_save(struct irqs *irqs, GByteArray *out);
gboolean irqs_load(struct irqs *irqs, const uint8_t **data, size_t *left,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Line of a global system interrupt, 0..23: below 16 it is the ISA interrupt of that number. */
struct irq irqs_gsi(struct irqs *irqs, unsigned gsi);
/* LINT1 of every local APIC: the NMI line. */
struct irq irqs_nmi(struct irqs *irqs);
/* While set, the PIT's output does not reach interrupt 0 (HPET legacy replacement). */
struct irq irqs_pit_disable(struct irqs *irqs);
/* Messages to the window at fee00000h; anything else is dropped. */
struct msi_target irqs_msi(struct irqs *irqs);

/* "irq" (how often each line rose), "pic" or "lapic" as text; FALSE: no such thing. Main loop. */
bool irqs_describe(struct irqs *irqs, const char *what, GString *out);
/* For tests, while no vCPU runs: `fn` hears of every change of a line. Main loop. */
void irqs_intercept(struct irqs *irqs, void (*fn)(void *opaque, unsigned line, bool level),
                    void *opaque);

/* ---- for the board's upcalls; thread of `cpu` ---- */

/* Page of this vCPU's xAPIC registers, or UINT64_MAX: none now (disabled or x2APIC). No lock. */
gpa irqs_lapic_page(struct irqs *irqs, const struct cpu *cpu);
/* An access inside that page: any size and offset; registers are 32 bits at multiples of 16. */
uint64_t irqs_lapic_read(struct irqs *irqs, struct cpu *cpu, unsigned off, unsigned size);
void irqs_lapic_write(struct irqs *irqs, struct cpu *cpu, unsigned off, uint64_t value,
                      unsigned size);

/* cpu_upcalls.irq_acknowledge: from the local APIC, else the PIC; -1: it went away. */
int irqs_acknowledge(struct irqs *irqs, struct cpu *cpu);
/* cpu_upcalls.irq_ended. Any thread. */
void irqs_ended(struct irqs *irqs, uint8_t vector);

/*
 * cpu_upcalls.reg_read, reg_write: IA32_APIC_BASE (1Bh), IA32_TSC_DEADLINE (6E0h), x2APIC MSRs
 * 800h..8FFh, and IRQS_REG_CR8. 0; -1: no such register, or a value it refuses (#GP).
 */
#define IRQS_REG_CR8 UINT32_C(0xffff0008)
int irqs_reg_read(struct irqs *irqs, struct cpu *cpu, uint32_t reg, uint64_t *ret);
int irqs_reg_write(struct irqs *irqs, struct cpu *cpu, uint32_t reg, uint64_t value);

#endif
