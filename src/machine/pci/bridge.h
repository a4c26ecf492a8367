/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bridge classes, and the Express capability that ports, bridges and endpoints share. */
#ifndef VIV_MACHINE_PCI_BRIDGE_H
#define VIV_MACHINE_PCI_BRIDGE_H

#include "machine/pci/pci.h"

extern const struct dev_class pcie_root_port_class, pci_bridge_class, pcie_pci_bridge_class;

/* Every user-creatable class of this folder; NULL ends. */
extern const struct dev_class *const pci_classes[];

/* The PCI Express capability, version 2; returns its offset. `slot`: the port has a slot. */
uint8_t pci_add_express(struct pci_dev *p, unsigned port_type, bool slot, unsigned slot_number,
                        unsigned port);

#endif
