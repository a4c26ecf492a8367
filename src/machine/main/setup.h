/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the command line said, before anything is built: each option group is a struct filled by its
 * rows, each repeatable option a list of JSON objects in the order given. Read by build.c.
 */
#ifndef VIV_MACHINE_MAIN_SETUP_H
#define VIV_MACHINE_MAIN_SETUP_H

#include "machine/core/arch.h"
#include "row/row.h"

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>

struct opt_machine {
    char *type, *accel, *memory_backend, *kernel, *initrd, *append, *firmware, *dtb, *dumpdtb;
    bool usb, dump_guest_core, mem_merge, graphics;
    char *pflash[2];
};

struct opt_memory {
    char *size, *maxmem;
    uint64_t slots;
};

struct opt_smp {
    uint32_t cpus, sockets, dies, clusters, cores, threads, maxcpus;
};

struct opt_boot {
    char *order, *once, *splash;
    bool menu, strict;
    int32_t splash_time, reboot_timeout;
};

struct opt_rtc {
    char *base;
    int clock, driftfix;
};

struct opt_icount {
    char *shift;
    bool align, sleep;
    char *rr, *rrfile, *rrsnapshot;
};

struct opt_name {
    char *guest, *process;
    bool debug_threads;
};

struct opt_overcommit {
    bool mem_lock, cpu_pm;
};

struct opt_msg {
    bool timestamp, guest_name;
};

struct opt_action {
    int reboot, shutdown, panic, watchdog;
};

struct opt_sandbox {
    bool enable;
    int obsolete, elevateprivileges, spawn, resourcecontrol;
};

/* Words of opt_action's and opt_sandbox's enumerations, in the order of their rows. */
enum { REBOOT_RESET, REBOOT_SHUTDOWN };
enum { SHUTDOWN_POWEROFF, SHUTDOWN_PAUSE };
enum { PANIC_SHUTDOWN, PANIC_PAUSE, PANIC_EXIT_FAILURE, PANIC_NONE };
enum { SANDBOX_DENY, SANDBOX_ALLOW, SANDBOX_CHILDREN };

struct setup {
    char *arch_name; /* -arch, or what the program's name ends with; NULL: the host's */
    const struct cpu_arch *arch;
    struct opt_machine machine;
    json_object *board_options; /* the rest of -machine */
    struct opt_memory memory;
    struct opt_smp smp;
    struct opt_boot boot;
    struct opt_rtc rtc;
    struct opt_icount icount;
    struct opt_name name;
    struct opt_overcommit overcommit;
    struct opt_msg msg;
    struct opt_action action;
    struct opt_sandbox sandbox;

    /* Lists of json_object *, owned, in the order given. */
    GPtrArray *accels, *devices, *blockdevs, *drives, *netdevs, *nics, *nets, *chardevs, *objects,
        *mons, *globals, *fw_cfgs, *smbios, *add_fds, *audiodevs;
    /* Lists of char *, owned. */
    GPtrArray *serials, *monitors, *qmps, *qmps_pretty, *qtests, *data_dirs;

    char *cpu, *kernel, *initrd, *append, *bios, *display, *uuid, *pidfile, *log_file, *qtest_log,
        *vga, *incoming;
    bool stopped, nographic, no_defaults, no_user_config, daemonize, no_acpi, no_hpet, snapshot,
        net_none, parallel_none, icount_given, sandbox_given;

    struct accel_log log; /* -d of the code that runs; `only` is owned */
    bool log_given, log_notes;

    GString *help; /* text to print instead of running, or NULL */
};

void setup_init(struct setup *s);
void setup_clear(struct setup *s);

#endif
