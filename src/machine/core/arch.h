/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the rest of the machine needs to know of a guest architecture: how its vCPUs are interpreted
 * and shown to people. Each architecture has one constant table; a board gives it to its vCPUs.
 */
#ifndef VIV_MACHINE_CORE_ARCH_H
#define VIV_MACHINE_CORE_ARCH_H

#include "machine/core/accel.h"

struct cpu_arch {
    const char *name; /* QEMU's name of the target: "x86_64", "riscv64" */
    /* The interpreter's own part of a vCPU. Main loop. */
    void (*interp_new)(struct cpu *cpu);
    void (*interp_free)(struct cpu *cpu);
    /*
     * Runs until there is a reason to return. `counting`: at most cpu->budget instructions,
     * exactly, and the budget counts down; cpu->insns counts up in any case. vCPU's thread.
     */
    enum accel_exit (*interp_run)(struct cpu *cpu, bool counting);
    /* Writes about what runs, before it first does; `log` outlives the vCPU. */
    void (*interp_log)(struct cpu *cpu, const struct accel_log *log);
    /* All registers in QEMU's form, for `info registers`. Stopped vCPU, or its own thread. */
    void (*print_registers)(struct cpu *cpu, GString *out);
};

#endif
