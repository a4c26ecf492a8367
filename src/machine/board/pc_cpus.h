/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The vCPUs of a PC and what they take in from the board: memory, ports, local APIC, time and
 * random numbers (cpu.h's upcalls).
 */
#ifndef VIV_MACHINE_BOARD_PC_CPUS_H
#define VIV_MACHINE_BOARD_PC_CPUS_H

#include "machine/core/config.h"
#include "machine/core/machine.h"
#include "machine/dev/pc/irqs.h"
#include "machine/guest/x86/state.h"
#include "machine/guest/x86/system/cpuid.h"

struct pc_cpus {
    struct machine *m;             /* frozen */
    struct x86_features *features; /* frozen */
    struct x86_decoder *decoder;   /* shared by the vCPUs; frozen */
    struct x86_exclusive *exclusive;
    struct x86_cpu **cpu; /* by index; frozen */
    struct cpu **list;    /* the same, as the machine wants them */
    unsigned n;
    struct irqs *irqs; /* frozen */
    uint64_t seed;     /* vCPU thread: random numbers when instructions are counted */
    uint8_t a20_shut;  /* atomic: 1 while the gate of address line 20 is shut */
};

/* Makes config->smp.cpus vCPUs of `cpu_text`, with their interrupt controllers, and gives them to
 * the machine. Main loop. */
gboolean pc_cpus_init(struct pc_cpus *p, struct machine *m, const struct machine_config *config,
                      const char *cpu_text, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void pc_cpus_fini(struct pc_cpus *p);

/* The gate of address line 20; high is open. Any thread. */
struct irq pc_cpus_a20(struct pc_cpus *p);

/* Power-on state of vCPUs and interrupt controllers. Stopped machine. */
void pc_cpus_reset(struct pc_cpus *p);
void pc_cpus_save(struct pc_cpus *p, GByteArray *out);
gboolean pc_cpus_load(struct pc_cpus *p, const uint8_t **data, size_t *left,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

#endif
