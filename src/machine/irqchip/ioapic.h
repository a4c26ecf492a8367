/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * I/O APIC: 24 inputs, each with a redirection entry that turns it into a message. Intel 82093AA
 * data sheet (290566), with the EOI register of version 20h (ICH family data sheets).
 *
 * Pure state: the caller holds whatever lock is needed. No function fails.
 */
#ifndef VIV_MACHINE_IRQCHIP_IOAPIC_H
#define VIV_MACHINE_IRQCHIP_IOAPIC_H

#include "machine/core/state.h"
#include "machine/irqchip/apic_message.h"

#define IOAPIC_PINS 24

struct ioapic {
    uint8_t select; /* IOREGSEL */
    uint8_t id;     /* 4 bits */
    uint32_t lines; /* levels of the inputs now, one bit a pin */
    uint32_t irr;   /* requests not yet sent (edge) or present (level) */
    uint64_t entry[IOAPIC_PINS];
    void (*send)(void *opaque, const struct apic_message *m); /* frozen */
    void *opaque;                                             /* frozen */
};

extern const struct state_row ioapic_state[];

void ioapic_init(struct ioapic *io, void (*send)(void *opaque, const struct apic_message *m),
                 void *opaque);
void ioapic_reset(struct ioapic *io);
void ioapic_set_line(struct ioapic *io, unsigned pin, bool level);
/* Offsets in the 4 KiB window: 00h select, 10h data, 40h EOI. */
uint32_t ioapic_read(struct ioapic *io, unsigned off);
void ioapic_write(struct ioapic *io, unsigned off, uint32_t value);
/* A local APIC ended a level-triggered interrupt of this vector. */
void ioapic_eoi(struct ioapic *io, uint8_t vector);
/* The message of a level-triggered input that may be or come on its way; FALSE: it is no such. */
bool ioapic_level_message(const struct ioapic *io, unsigned pin, struct apic_message *ret);
void ioapic_loaded(struct ioapic *io);

#endif
