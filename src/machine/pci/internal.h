/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the files of this folder only. */
#ifndef VIV_MACHINE_PCI_INTERNAL_H
#define VIV_MACHINE_PCI_INTERNAL_H

#include "machine/pci/pci.h"

static inline void put16(uint8_t *p, uint16_t v)
{
    p[0] = v;
    p[1] = v >> 8;
}

static inline void put32(uint8_t *p, uint32_t v)
{
    put16(p, v);
    put16(p + 2, v >> 16);
}

static inline uint32_t get32(const uint8_t *p)
{
    return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline struct pci_bus *pci_root(struct pci_bus *bus)
{
    while (bus->parent) {
        bus = bus->parent;
    }
    return bus;
}

/* msi.c: after a configuration write or a load, under the root's lock. */
void pci_msi_update(struct pci_dev *p);
void pci_msi_reset(struct pci_dev *p);
void pci_msi_fini(struct pci_dev *p);
void pci_msi_save(const struct pci_dev *p, GByteArray *out);
int pci_msi_load(struct pci_dev *p, const uint8_t **data, size_t *left);
/* A read of [off, off + size) is about to see the pending bits of MSI. */
void pci_msi_reading(struct pci_dev *p, unsigned off, unsigned size);

#endif
