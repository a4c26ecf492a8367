/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the rest of the machine needs to know of a guest architecture: how its vCPUs are interpreted
 * and shown to people. Each architecture has one constant table; a board gives it to its vCPUs.
 */
#ifndef VIV_MACHINE_CORE_ARCH_H
#define VIV_MACHINE_CORE_ARCH_H

#include "machine/core/accel.h"

struct cpu_translation;

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
    /* guest/translation.h; NULL: instructions of this architecture are not translated. */
    const struct cpu_translation *translation;
    /* What -cpu takes, by number; NULL past the last. Both NULL: the list is the architecture's own
     * affair (guest/x86/system/cpuid.h). */
    const char *(*model_nth)(unsigned n);
    /* Calls `fn` for each property of a -cpu text; FALSE with an error: there is none such. */
    gboolean (*each_feature)(const char *text, void (*fn)(const char *name, bool on, void *opaque),
                             void *opaque, GError **error);
    /* The rest is for monitors: a stopped vCPU, or all at a safe point. */
    /* What -cpu named; borrowed. */
    const char *(*model)(const struct cpu *cpu);
    /* A feature of the model by its name; FALSE: no such. */
    bool (*get_feature)(const struct cpu *cpu, const char *name, bool *ret);
    /* A register by its name in assembly, or "pc"; FALSE: no such. */
    bool (*get_register)(const struct cpu *cpu, const char *name, uint64_t *ret);
    /* The physical address behind a virtual one, changing nothing; FALSE: not mapped. */
    bool (*peek)(struct cpu *cpu, uint64_t va, gpa *ret);
    /* Writes the instruction in `bytes`, of which there are `have`; its length, or 0: it is none.
     * NULL: not built. */
    unsigned (*disassemble)(struct cpu *cpu, uint64_t at, const uint8_t *bytes, unsigned have,
                            GString *out);
    /* All registers in QEMU's form. */
    void (*print_registers)(struct cpu *cpu, GString *out);
};

#endif
