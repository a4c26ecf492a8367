/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RISC-V platform-level interrupt controller. RISC-V Platform-Level Interrupt Controller
 * Specification 1.0.0; SiFive FU540-C000 manual v1p4, chapter 10. Two contexts a hart: M, then S.
 */
#ifndef VIV_MACHINE_IRQCHIP_PLIC_H
#define VIV_MACHINE_IRQCHIP_PLIC_H

#include "machine/core/cpu.h"
#include "machine/core/irq.h"

#define PLIC_SOURCES 96 /* 0 is none */
#define PLIC_SIZE    0x600000

struct plic;

/* `m` and `s`: the bits of cpu.pending that are a hart's two inputs. Lives as long as the vCPUs. */
struct plic *plic_new(struct cpu **cpus, unsigned n_cpus, uint32_t m, uint32_t s);
void plic_free(struct plic *p);
/* Power-on. Stopped machine. */
void plic_reset(struct plic *p);
/* To be mapped by the board: PLIC_SIZE bytes. */
struct bus_region *plic_region(struct plic *p);
/* Line of source 1..PLIC_SOURCES - 1; a level. Any thread. */
struct irq plic_line(struct plic *p, unsigned source);

void plic_save(struct plic *p, GByteArray *out);
gboolean plic_load(struct plic *p, const uint8_t **data, size_t *left,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

#endif
