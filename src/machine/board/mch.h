/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The q35 host bridge (Intel 82P965/G33 "3 Series" MCH, 8086:29c0; data sheet 316966): PCI
 * configuration ports and ECAM, shadow RAM (PAM), SMRAM bits that nothing obeys (no SMM).
 */
#ifndef VIV_MACHINE_BOARD_MCH_H
#define VIV_MACHINE_BOARD_MCH_H

#include "machine/board/lpc.h"
#include "machine/pci/pci.h"

#define MCH_ECAM_BASE UINT64_C(0xb0000000)
#define MCH_ECAM_SIZE UINT64_C(0x10000000)

#define R_MCH_EXT_TSEG 0x50
#define R_MCH_PCIEXBAR 0x60
#define R_MCH_PAM0     0x90
#define R_MCH_SMRAM    0x9d
#define R_MCH_ESMRAMC  0x9e

#define MCH_PAMS 13

/* Owns the root bus and the configuration ports. The board's own device. */
struct q35_host {
    struct dev dev; /* first */
    struct pci_bus *root;
    struct lpc *lpc; /* reset control at CF9h; set by the board before vCPUs run */
    uint32_t address;
    struct bus_region ports;
    struct bus_mapping *mapping;
};

struct mch {
    struct pci_dev pci;     /* first */
    struct bus_region *ram; /* low RAM from address 0; set by the board before realize */
    struct bus_region ecam;
    struct bus_mapping *ecam_mapping;
    struct bus_mapping *pam_mapping[MCH_PAMS];
    uint8_t pam_mode[MCH_PAMS]; /* as mapped: bit 0 reads, bit 1 writes reach RAM */
};

extern const struct dev_class q35_host_class, mch_class;

#endif
