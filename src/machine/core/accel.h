/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the machine needs to know of an accelerator: the thing that executes vCPUs. A vCPU's
 * architectural state lives in its struct; an accelerator that keeps a copy elsewhere (kvm) brings
 * it there with state_get and takes it with state_set.
 */
#ifndef VIV_MACHINE_CORE_ACCEL_H
#define VIV_MACHINE_CORE_ACCEL_H

#include "machine/core/cpu.h"
#include "row/row.h"

/* Why run() returned: only for what the machine decides. */
enum accel_exit {
    ACCEL_EXIT_KICK,     /* exit_request was set, or pending work */
    ACCEL_EXIT_HALT,     /* waits for an interrupt */
    ACCEL_EXIT_SHUTDOWN, /* x86 triple fault */
    ACCEL_EXIT_BUDGET,   /* instruction counting: cpu->budget used up */
    ACCEL_EXIT_DEBUG,    /* breakpoint or single step done */
    ACCEL_EXIT_ERROR,    /* cannot go on; `error` says why */
};

struct accel_vm; /* the accelerator's own per-machine state */

struct accel_class {
    const char *name;
    const char *help;
    const struct row *props; /* of -accel name,... */
    size_t props_size;
    /* TRUE if it can run here; the error is one line that says why not and what would help. */
    gboolean (*probe)(GError **error);
    struct accel_vm *(*vm_new)(const void *props, struct bus *memory, struct bus *io,
                               GError **error);
    void (*vm_free)(struct accel_vm *vm);
    /* Architecture structs are made by the board; this attaches an accelerator's part. */
    gboolean (*vcpu_new)(struct accel_vm *vm, struct cpu *cpu, GError **error);
    void (*vcpu_free)(struct accel_vm *vm, struct cpu *cpu);
    /* vCPU's thread. */
    enum accel_exit (*run)(struct accel_vm *vm, struct cpu *cpu, GError **error);
    /* Makes run() return soon; any thread. NULL: exit_request is enough. */
    void (*kick)(struct accel_vm *vm, struct cpu *cpu);
    void (*state_get)(struct accel_vm *vm, struct cpu *cpu); /* NULL: the struct is the state */
    void (*state_set)(struct accel_vm *vm, struct cpu *cpu);
    bool counts;       /* can count instructions */
    bool no_execution; /* vCPUs never run: no thread is made for them */
};

#endif
