/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One interrupt message on the way to local APICs: what an IPI, an I/O APIC entry and an MSI have
 * in common. Intel SDM volume 3, sections 11.6 and 11.11.
 */
#ifndef VIV_MACHINE_IRQCHIP_APIC_MESSAGE_H
#define VIV_MACHINE_IRQCHIP_APIC_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

enum apic_delivery {
    APIC_FIXED,
    APIC_LOWEST,
    APIC_SMI,
    APIC_RESERVED,
    APIC_NMI,
    APIC_INIT,
    APIC_START, /* SIPI */
    APIC_EXTINT,
};

enum apic_shorthand { APIC_TO_DEST, APIC_TO_SELF, APIC_TO_ALL, APIC_TO_OTHERS };

struct apic_message {
    uint32_t dest;
    bool wide;    /* dest has 32 bits (x2APIC); else 8, of which 0xff is everybody */
    bool logical; /* dest is a logical destination */
    bool level;   /* level-triggered */
    bool assert_; /* level-triggered: asserted (always, but for the INIT de-assert) */
    uint8_t vector;
    enum apic_delivery delivery;
    enum apic_shorthand shorthand;
};

/*
 * Reads an MSI. FALSE: the address is not in the APICs' window (fee00000h), nothing was filled in.
 * Bits 32 and up of `address` hold bits 8..31 of an x2APIC destination, at their places.
 */
static inline bool apic_message_from_msi(uint64_t address, uint32_t data, struct apic_message *ret)
{
    if ((address & 0xfff00000) != 0xfee00000) {
        return false;
    }
    *ret = (struct apic_message){
        .dest = (uint32_t)(address >> 12 & 0xff) | (uint32_t)(address >> 32 & 0xffffff00),
        .wide = address >> 40 != 0,
        .logical = (address & 4) != 0,
        .level = (data & 0x8000) != 0,
        .assert_ = !(data & 0x8000) || (data & 0x4000),
        .vector = (uint8_t)data,
        .delivery = (enum apic_delivery)(data >> 8 & 7),
    };
    return true;
}

#endif
