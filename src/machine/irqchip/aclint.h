/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RISC-V timers and software interrupts as the SiFive CLINT lays them out (FU540-C000 manual v1p4,
 * chapter 9; RISC-V Advanced Core Local Interruptor specification 1.0): MSIP, MTIMECMP and MTIME;
 * and the supervisor's timer of Sstc.
 */
#ifndef VIV_MACHINE_IRQCHIP_ACLINT_H
#define VIV_MACHINE_IRQCHIP_ACLINT_H

#include "machine/core/cpu.h"

#define ACLINT_SIZE 0x10000
#define ACLINT_HZ   10000000 /* mtime: 10 MHz */

struct aclint;

/* The bits of cpu.pending that are a hart's inputs. */
struct aclint_inputs {
    uint32_t software, timer, supervisor_timer;
};

/* Lives as long as the vCPUs. */
struct aclint *aclint_new(struct cpu **cpus, unsigned n_cpus, struct clock *clock,
                          const struct aclint_inputs *inputs);
void aclint_free(struct aclint *a);
/* Power-on. Stopped machine. */
void aclint_reset(struct aclint *a);
/* To be mapped by the board: ACLINT_SIZE bytes. */
struct bus_region *aclint_region(struct aclint *a);

/* mtime now. Any thread. */
uint64_t aclint_time(struct aclint *a);
/* A hart's stimecmp; all ones: never. Any thread. */
void aclint_set_stimecmp(struct aclint *a, unsigned hart, uint64_t value);

void aclint_save(struct aclint *a, GByteArray *out);
gboolean aclint_load(struct aclint *a, const uint8_t **data, size_t *left,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

#endif
