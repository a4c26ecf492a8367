/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupt lines and messages: how a device reaches an interrupt controller without knowing it.
 * Setting a line may take the interrupt controllers' lock (a leaf: nothing is called under it but
 * the vCPU's pending word and kick), so it is allowed under a device lock, from any thread.
 */
#ifndef VIV_MACHINE_CORE_IRQ_H
#define VIV_MACHINE_CORE_IRQ_H

#include <stdbool.h>
#include <stdint.h>

/* One line as its user sees it: copied by value. A zeroed one is not connected. */
struct irq {
    void (*set)(void *opaque, int line, bool level);
    void *opaque;
    int line;
};

static inline void irq_set(const struct irq *irq, bool level)
{
    if (irq->set) {
        irq->set(irq->opaque, irq->line, level);
    }
}

/* An edge: up and down. */
static inline void irq_pulse(const struct irq *irq)
{
    irq_set(irq, true);
    irq_set(irq, false);
}

/* Where message-signalled interrupts go; the board fills it. `device_id` is the requester's. */
struct msi_target {
    void (*send)(void *opaque, uint32_t device_id, uint64_t address, uint32_t data);
    void *opaque;
};

static inline void msi_send(const struct msi_target *t, uint32_t device_id, uint64_t address,
                            uint32_t data)
{
    if (t->send) {
        t->send(t->opaque, device_id, address, data);
    }
}

/* A message as it leaves an interrupt controller, in the form of an MSI. */
struct irq_message {
    uint64_t address;
    uint32_t data, pad;
};

/* What receives interrupts for the vCPUs where that is the accelerator's and not the machine's
 * (x86: the local APICs). Any thread, locks held; never waits. */
struct irq_chips {
    void (*send)(void *opaque, uint64_t address, uint32_t data);
    /* The level-triggered messages whose end is to be told by cpu_upcalls.irq_ended. */
    void (*watch)(void *opaque, const struct irq_message *message, unsigned n);
};

#endif
