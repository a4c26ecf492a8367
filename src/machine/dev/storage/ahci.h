/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the SATA controller (ahci.c) and its ports (ahci_port.c) share; nobody else includes it. All
 * under the controller's lock.
 */
#ifndef VIV_MACHINE_DEV_STORAGE_AHCI_H
#define VIV_MACHINE_DEV_STORAGE_AHCI_H

#include "machine/dev/storage/ide.h"
#include "machine/pci/pci.h"

#define AHCI_PORTS 6
#define AHCI_SLOTS 32

struct ahci;

struct ahci_port {
    struct ahci *ahci; /* frozen */
    unsigned n;        /* frozen */
    struct ide_bus bus;

    /* lock */
    uint64_t clb, fb;
    uint32_t is, ie, cmd, tfd, sig, ssts, sctl, serr, sact, ci;
    uint32_t retry; /* queued commands a stop of the machine has put off */
    bool srst;
    bool failed; /* an error: nothing starts before ST has been cleared */
    bool signature_due;

    uint32_t busy;      /* slots under way; none while state is saved */
    unsigned in_flight; /* commands under way, of any epoch */
    bool plain;         /* one of them is not queued */
    bool held;          /* the machine stops for an error: nothing starts before it goes on */
    bool stopping, resetting, processing;
    uint32_t epoch; /* changes with each stop and reset: older commands are dropped */
};

struct ahci {
    struct pci_dev pci; /* first */
    struct bus_region memory, idp;
    uint32_t ghc, is, index; /* lock */
    struct ahci_port port[AHCI_PORTS];
};

/* Sets the line or sends the message that the ports' status asks for. */
void ahci_update_irq(struct ahci *h);

extern const struct state_row ahci_port_rows[];

/* Names the port's bus after its controller. */
void ahci_port_init(struct ahci_port *p, struct ahci *h, unsigned n);
uint32_t ahci_port_read(const struct ahci_port *p, unsigned off);
void ahci_port_write(struct ahci_port *p, unsigned off, uint32_t value);
/* What is under way is forgotten, and what waits too. */
void ahci_port_drop(struct ahci_port *p);
/* COMRESET; goes on until the last command of before is done (p->resetting). */
void ahci_port_reset(struct ahci_port *p);
/* To what it is after a reset of the controller. */
void ahci_port_power_on(struct ahci_port *p);
/* After loading a state. */
void ahci_port_loaded(struct ahci_port *p);

#endif
