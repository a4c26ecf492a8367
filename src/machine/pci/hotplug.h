/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The slot of a PCI Express port: what sits in it comes and goes with its guest's consent. PCI
 * Express Base 4.0, 6.7 and 7.5.3.9 to 7.5.3.11.
 *
 * A device that is added shows by its presence and by a press of the attention button; one that is
 * to go by another press. The guest answers with the power controller and the power indicator: both
 * off is its consent.
 */
#ifndef VIV_MACHINE_PCI_HOTPLUG_H
#define VIV_MACHINE_PCI_HOTPLUG_H

#include "machine/pci/pci.h"

struct pci_hotplug {
    struct pci_dev *port;
    bool works;       /* frozen; else the slot is always powered and never changes */
    uint16_t control; /* port's lock: the register as it was last seen */
    bool message;     /* port's lock: the condition that MSI-X tells is true */
};

/* Realize, after the port's Express capability and the bus below. */
void pci_hotplug_init(struct pci_hotplug *h, struct pci_dev *port, bool works);
/* After the core has handled a write to the port's configuration space; its locks are held. */
void pci_hotplug_written(struct pci_hotplug *h, unsigned off, unsigned size);
/* Power-on, with what sits in the slot then. No vCPU runs. */
void pci_hotplug_reset(struct pci_hotplug *h);
/* The registers are those of a saved state. */
void pci_hotplug_loaded(struct pci_hotplug *h);

#endif
