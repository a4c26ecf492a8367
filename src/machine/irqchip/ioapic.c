/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The I/O APIC: see ioapic.h. */
#include "machine/irqchip/ioapic.h"

#include "base/bits.h"

#include <string.h>

#define VERSION 0x20

#define ENTRY_VECTOR     UINT64_C(0xff)
#define ENTRY_LOGICAL    BIT64(11)
#define ENTRY_BUSY       BIT64(12) /* delivery status; messages leave at once */
#define ENTRY_REMOTE_IRR BIT64(14)
#define ENTRY_LEVEL      BIT64(15)
#define ENTRY_MASKED     BIT64(16)
#define ENTRY_READ_ONLY  (ENTRY_BUSY | ENTRY_REMOTE_IRR)
#define ENTRY_BITS       (UINT64_C(0xff) << 56 | 0x1ffff)

const struct state_row ioapic_state[] = {
    STATE_U(struct ioapic, select, 0),
    STATE_U(struct ioapic, id, 0),
    STATE_U(struct ioapic, lines, 0),
    STATE_U(struct ioapic, irr, 0),
    STATE_U_ARRAY(struct ioapic, entry, ENTRY_MASKED),
    STATE_DONE,
};

void ioapic_init(struct ioapic *io, void (*send)(void *opaque, const struct apic_message *m),
                 void *opaque)
{
    memset(io, 0, sizeof(*io));
    io->send = send;
    io->opaque = opaque;
    ioapic_reset(io);
}

void ioapic_reset(struct ioapic *io)
{
    io->select = io->id = 0;
    io->lines = io->irr = 0;
    for (unsigned i = 0; i < IOAPIC_PINS; i++) {
        io->entry[i] = ENTRY_MASKED;
    }
}

static struct apic_message message_of(uint64_t e)
{
    return (struct apic_message){
        .dest = (uint32_t)(e >> 56),
        .logical = (e & ENTRY_LOGICAL) != 0,
        .level = (e & ENTRY_LEVEL) != 0,
        .assert_ = true,
        .vector = (uint8_t)(e & ENTRY_VECTOR),
        .delivery = (enum apic_delivery)bits_get(e, 8, 3),
    };
}

static void send(struct ioapic *io, uint64_t e)
{
    const struct apic_message m = message_of(e);

    io->send(io->opaque, &m);
}

bool ioapic_level_message(const struct ioapic *io, unsigned pin, struct apic_message *ret)
{
    *ret = message_of(io->entry[pin]);
    return io->entry[pin] & ENTRY_LEVEL &&
           (!(io->entry[pin] & ENTRY_MASKED) || io->entry[pin] & ENTRY_REMOTE_IRR);
}

/* Sends what the pin asks for, if its entry lets it. */
static void service(struct ioapic *io, unsigned pin)
{
    uint64_t e = io->entry[pin];

    if (!(io->irr & 1u << pin) || e & ENTRY_MASKED) {
        return;
    }
    if (!(e & ENTRY_LEVEL)) {
        io->irr &= ~(1u << pin);
    } else if (e & ENTRY_REMOTE_IRR) {
        return;
    } else {
        io->entry[pin] |= ENTRY_REMOTE_IRR;
    }
    send(io, e);
}

void ioapic_set_line(struct ioapic *io, unsigned pin, bool level)
{
    uint32_t bit = 1u << (pin & 31);
    bool rose;

    if (pin >= IOAPIC_PINS) {
        return;
    }
    rose = level && !(io->lines & bit);
    io->lines = level ? io->lines | bit : io->lines & ~bit;
    if (io->entry[pin] & ENTRY_LEVEL) {
        io->irr = level ? io->irr | bit : io->irr & ~bit;
    } else if (rose && !(io->entry[pin] & ENTRY_MASKED)) {
        io->irr |= bit; /* the edge on a masked input is lost (data sheet, 3.2.4) */
    }
    service(io, pin);
}

static uint32_t read_register(const struct ioapic *io)
{
    unsigned pin = (io->select - 0x10) >> 1;

    switch (io->select) {
    case 0x00: /* identification */
    case 0x02: /* arbitration */ return (uint32_t)io->id << 24;
    case 0x01: return VERSION | (IOAPIC_PINS - 1) << 16;
    default: break;
    }
    if (io->select < 0x10 || pin >= IOAPIC_PINS) {
        return 0;
    }
    return (uint32_t)(io->entry[pin] >> (io->select & 1 ? 32 : 0));
}

static void write_entry(struct ioapic *io, unsigned pin, bool high, uint32_t value)
{
    uint64_t old = io->entry[pin];
    uint64_t e = high ? bits_set(old, 32, 32, value) : bits_set(old, 0, 32, value);

    e = (e & ENTRY_BITS & ~ENTRY_READ_ONLY) | (old & ENTRY_READ_ONLY);
    if (!(e & ENTRY_LEVEL)) {
        e &= ~ENTRY_REMOTE_IRR; /* Linux ends a stuck interrupt by a turn to edge and back */
    }
    io->entry[pin] = e;
    if (e & ENTRY_LEVEL) {
        io->irr = (io->irr & ~(1u << pin)) | (io->lines & 1u << pin);
    } else if (old & ENTRY_LEVEL) {
        io->irr &= ~(1u << pin);
    }
    service(io, pin);
}

static void write_register(struct ioapic *io, uint32_t value)
{
    unsigned pin = (io->select - 0x10) >> 1;

    if (io->select == 0x00) {
        io->id = value >> 24 & 0xf;
    } else if (io->select >= 0x10 && pin < IOAPIC_PINS) {
        write_entry(io, pin, io->select & 1, value);
    }
}

uint32_t ioapic_read(struct ioapic *io, unsigned off)
{
    switch (off) {
    case 0x00: return io->select;
    case 0x10: return read_register(io);
    default: return 0;
    }
}

void ioapic_write(struct ioapic *io, unsigned off, uint32_t value)
{
    switch (off) {
    case 0x00: io->select = (uint8_t)value; break;
    case 0x10: write_register(io, value); break;
    case 0x40: ioapic_eoi(io, (uint8_t)value); break;
    default: break;
    }
}

void ioapic_eoi(struct ioapic *io, uint8_t vector)
{
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        uint64_t e = io->entry[pin];

        if ((e & ENTRY_VECTOR) == vector && e & ENTRY_LEVEL && e & ENTRY_REMOTE_IRR) {
            io->entry[pin] = e & ~ENTRY_REMOTE_IRR;
            service(io, pin);
        }
    }
}

void ioapic_loaded(struct ioapic *io)
{
    io->id &= 0xf;
    io->lines &= (uint32_t)mask64(IOAPIC_PINS);
    io->irr &= (uint32_t)mask64(IOAPIC_PINS);
    for (unsigned i = 0; i < IOAPIC_PINS; i++) {
        io->entry[i] &= ENTRY_BITS;
    }
}
