/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the machine needs to know of an accelerator: the thing that executes vCPUs. A vCPU's
 * architectural state lives in its struct; an accelerator that keeps a copy elsewhere (kvm) brings
 * it there with state_get and takes it with state_set.
 */
#ifndef VIV_MACHINE_CORE_ACCEL_H
#define VIV_MACHINE_CORE_ACCEL_H

#include "machine/core/cpu.h"
#include "machine/core/irq.h"
#include "row/row.h"

#include <stdio.h>

/* Why run() returned: only for what the machine decides. */
enum accel_exit {
    ACCEL_EXIT_KICK,     /* exit_request was set, or pending work */
    ACCEL_EXIT_HALT,     /* waits for an interrupt */
    ACCEL_EXIT_SHUTDOWN, /* x86 triple fault */
    ACCEL_EXIT_BUDGET,   /* instruction counting: cpu->budget used up */
    ACCEL_EXIT_DEBUG,    /* breakpoint or single step done */
    ACCEL_EXIT_ERROR,    /* cannot go on; `error` says why */
};

/* What -d asks to be written about the code that runs. */
enum accel_log_item {
    ACCEL_LOG_CODE = 1 << 0,  /* in_asm: code as it is decoded */
    ACCEL_LOG_EXEC = 1 << 1,  /* exec: a line before each block */
    ACCEL_LOG_CPU = 1 << 2,   /* cpu: registers before each block */
    ACCEL_LOG_INT = 1 << 3,   /* int: exceptions and interrupts as they are delivered */
    ACCEL_LOG_RESET = 1 << 4, /* cpu_reset: registers before a reset */
    /* Of translated code, as it is made: */
    ACCEL_LOG_OP = 1 << 5,     /* op: operations */
    ACCEL_LOG_OP_OPT = 1 << 6, /* op_opt: those that are left */
    ACCEL_LOG_OUT = 1 << 7,    /* out_asm: the host's code */
};

struct accel_log_range {
    uint64_t first, last;
};

struct accel_log { /* frozen */
    unsigned items;
    FILE *out; /* its lock keeps the texts of several vCPUs apart */
    const struct accel_log_range
        *only; /* code, exec and cpu: blocks that begin here; n_only 0: all */
    unsigned n_only;
};

/* A counter, or several that are a histogram, in the words of QMP's StatsSchemaValue. */
struct accel_stat {
    const char *name;
    const char *type;     /* cumulative, instant, peak, linear-histogram, log2-histogram */
    const char *unit;     /* bytes, seconds, cycles, boolean; NULL: a number of things */
    int base, exponent;   /* values are in units of base ^ exponent */
    uint32_t bucket_size; /* of a linear histogram */
    const uint64_t *value;
    unsigned n;
};
typedef void (*accel_stat_fn)(void *opaque, const struct accel_stat *stat);

struct accel_vm; /* the accelerator's own per-machine state */

struct accel_class {
    const char *name;
    const char *help;
    const struct row *props; /* of -accel name,... */
    size_t props_size;
    const char *guest; /* the only architecture it runs, by cpu_arch's name; NULL: any */
    /* TRUE if it can run here; the error is one line that says why not and what would help.
     * `forced`: the user wants this one and no other, so what is merely unwise is no reason. */
    gboolean (*probe)(bool forced, GError **error);
    /* Appends what is known of it on this host, "name: value" lines. FALSE: the error is why the
     * machine does not take it of itself. NULL: nothing that depends on the host. */
    gboolean (*diagnose)(GString *out, GError **error);
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
    /* vCPU's thread, before the machine stands: the struct becomes the state. NULL: it is. */
    void (*state_get)(struct accel_vm *vm, struct cpu *cpu);
    /* Stopped vCPU: the struct is a new state (power-on, or one that was loaded). */
    void (*state_set)(struct accel_vm *vm, struct cpu *cpu);
    /* Before the vCPU first runs; `log` outlives it. NULL: nothing runs that could be logged. */
    void (*log)(struct accel_vm *vm, struct cpu *cpu, const struct accel_log *log);
    /* "name: value" lines of counters, for monitors. Any thread. NULL: none. */
    void (*describe)(struct accel_vm *vm, GString *out);
    /* Its interrupt chips, each call's opaque is the vm; NULL: the machine has its own. */
    const struct irq_chips *(*chips)(struct accel_vm *vm);
    /* Each counter of a vCPU, or those of the machine (NULL). Main loop. NULL: none. */
    void (*stats)(struct accel_vm *vm, struct cpu *cpu, accel_stat_fn fn, void *opaque);
    const char *cannot_save; /* why a machine's state cannot be saved; NULL: it can */
    bool large_pages;        /* memory that the host gives in small pieces is slow */
    bool counts;             /* can count instructions */
    bool no_execution;       /* vCPUs never run: no thread is made for them */
};

#endif
