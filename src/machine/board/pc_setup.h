/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What firmware would do to the chipset before it starts a kernel, for starts without firmware:
 * shadow RAM on, ECAM, ACPI registers and interrupt routes in place, PCI buses numbered, base
 * addresses assigned. By configuration cycles, as firmware does it.
 */
#ifndef VIV_MACHINE_BOARD_PC_SETUP_H
#define VIV_MACHINE_BOARD_PC_SETUP_H

#include "machine/board/lpc.h"
#include "machine/board/mch.h"

/* Windows of the root bus, which the ACPI tables tell the guest. Ends are inclusive. */
#define PC_PCI_IO_BASE  0xc000
#define PC_PCI_IO_LAST  0xffff
#define PC_PCI_MEM_BASE UINT32_C(0xc0000000)
#define PC_PCI_MEM_LAST UINT32_C(0xfebfffff)

/* Stopped machine, after reset. */
void pc_setup_chipset(struct mch *mch, struct lpc *lpc);
/* What does not fit stays unassigned, for the guest to see to. */
void pc_setup_pci(struct pci_bus *root, struct lpc *lpc);

#endif
