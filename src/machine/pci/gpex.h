/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The generic PCI Express host: configuration space by ECAM (PCI Express Base 4.0, 7.2.2), windows
 * into port and memory space, four interrupt lines. Devicetree binding "pci-host-ecam-generic".
 */
#ifndef VIV_MACHINE_PCI_GPEX_H
#define VIV_MACHINE_PCI_GPEX_H

#include "machine/pci/pci.h"

#define GPEX_INTX 4

/* Where its parts lie in the machine's memory; sizes in bytes. Memory is shown where it lies. */
struct gpex_map {
    gpa ecam, ports, low, high;
    uint64_t ecam_size, ports_size, low_size, high_size;
};

struct gpex {
    struct dev dev; /* first */
    struct gpex_map map;
    struct irq irq[GPEX_INTX];
    struct pci_bus *root; /* "pcie.0" */
    struct bus_region ecam, ports, low, high;
    struct bus_mapping *mapping[4];
};

extern const struct dev_class gpex_class, gpex_root_class;

/* An unrealized host. Its machine has a port space. INTx pin p of slot s is line (s + p) % 4. */
struct gpex *gpex_new(const struct dev_env *env, const struct gpex_map *map,
                      const struct irq irq[GPEX_INTX]);

#endif
