/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ICH9's LPC bridge (8086:2918; data sheet 316972, chapters 10 and 13): ISA bus, PIRQ routing,
 * power management block, root complex registers, reset control.
 */
#ifndef VIV_MACHINE_BOARD_LPC_H
#define VIV_MACHINE_BOARD_LPC_H

#include "machine/dev/pc/acpi_pm.h"
#include "machine/dev/pc/irqs.h"
#include "machine/dev/pc/isa.h"
#include "machine/pci/pci.h"

#define R_LPC_PMBASE    0x40
#define R_LPC_ACPI_CNTL 0x44
#define R_LPC_PIRQA     0x60
#define R_LPC_PIRQE     0x68
#define R_LPC_EN        0x82
#define R_LPC_GEN_PMCON 0xa0
#define R_LPC_RCBA      0xf0

#define LPC_RCBA_SIZE 0x4000
#define LPC_PIRQS     8
#define LPC_PIRQ_GSI  16 /* PIRQA */
#define LPC_SCI       9  /* ISA interrupt of ACPI_CNTL's reset value */
#define LPC_PMBASE    0x600
#define LPC_RCBA      UINT64_C(0xfed1c000)

struct lpc {
    struct pci_dev pci; /* first */
    struct irqs *irqs;  /* set by the board before realize */
    struct isa_bus isa;
    bool disable_s3, disable_s4; /* properties */
    struct acpi_pm pm;
    struct bus_mapping *pm_mapping, *apm_mapping, *rcba_mapping;
    struct bus_region rcba;
    uint8_t registers[LPC_RCBA_SIZE]; /* root complex */
    uint8_t reset_control;            /* CF9h */
    GMutex line_lock;                 /* a leaf above the interrupt controllers': the two below */
    uint32_t isa_level;               /* by ISA interrupt: what devices drive */
    uint8_t pirq_level;               /* by PIRQ */
    uint8_t route[LPC_PIRQS];         /* PIRQx_ROUT as last taken from configuration space */
};

extern const struct dev_class lpc_class;

/* Line of a PIRQ (0: A); the board connects the root bus's INTx to them. */
struct irq lpc_pirq(struct lpc *lpc, unsigned n);
/* PIRQ that pin 0..3 of a function of bus 0 is wired to: pci_bus.map_irq. */
unsigned lpc_map_irq(void *opaque, unsigned devfn, unsigned pin);

/* Port CF9h. Any vCPU's thread. */
uint8_t lpc_reset_control(struct lpc *lpc);
void lpc_set_reset_control(struct lpc *lpc, uint8_t value);

#endif
