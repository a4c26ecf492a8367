/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Boards: what -machine names. A board builds a machine's vCPUs, memory map, interrupt controllers
 * and own devices from a configuration; main then adds the user's devices and launches.
 *
 *   main: config -> machine_new -> board->build -> user's -devices -> board->finish -> launch
 */
#ifndef VIV_MACHINE_BOARD_BOARD_H
#define VIV_MACHINE_BOARD_BOARD_H

#include "machine/core/arch.h"
#include "machine/core/config.h"
#include "machine/core/machine.h"
#include "row/row.h"

struct board_class {
    const char *name;            /* "q35" */
    const char *const *aliases;  /* NULL-ended; QEMU's versioned names, newest first */
    const char *description;     /* one line for -machine help */
    const struct cpu_arch *arch; /* of its CPUs; NULL: it has none */
    const char *default_cpu;     /* -cpu text when none is given; NULL: no CPU */
    const char *ram_id;          /* QOM name of its RAM; NULL: it has none */
    const char *cpu_type;        /* QOM type of that: "qemu64-x86_64-cpu"; NULL: no CPU */
    unsigned max_cpus;
    uint64_t default_memory; /* bytes */
    bool has_io;             /* a port space */
    bool has_defaults;       /* a network card and a CD-ROM drive without being asked for */
    bool has_serial;         /* a serial port without being asked for */
    unsigned address_bits;   /* of the memory bus */
    const char *interface;   /* of a -drive that names none; NULL: "ide" */
    const struct row *props; /* of -machine; never NULL */
    size_t props_size;
    /* Fills an empty machine: sets board, board_ops, cpus. `config` outlives the machine. Main
     * loop. On failure machine_free() undoes what was done. */
    gboolean (*build)(struct machine *m, const struct machine_config *config, GError **error);
    /* After all devices were realized: firmware tables, boot order, kernel. NULL: nothing. */
    gboolean (*finish)(struct machine *m, GError **error);
    /* The device tree that the guest is given; owned by the board. After finish. NULL: none. */
    GBytes *(*tree)(const struct machine *m);
};

/* Guests there are boards for, NULL-ended. */
const struct cpu_arch *const *board_archs(void);
/* By name ("riscv64"); NULL: none, and the host's own for a NULL name. */
const struct cpu_arch *board_arch(const char *name);

/* The boards of an architecture, the default one first; NULL behind the last. */
const struct board_class *board_nth(const struct cpu_arch *arch, unsigned n);
/* Of those, by name or alias; NULL: no such board. */
const struct board_class *board_find(const struct cpu_arch *arch, const char *name);

#endif
