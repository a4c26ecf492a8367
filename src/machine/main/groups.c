/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/main/groups.h"

#include "machine/main/setup.h"

#define TEXT(st, f, n, h)                       \
    {                                           \
        n, ROW_STR, ROW_FIELD(st, f), .help = h \
    }
#define BOOL(st, f, n, d, h)                               \
    {                                                      \
        n, ROW_BOOL, ROW_FIELD(st, f), .def = d, .help = h \
    }

const struct row machine_rows[] = {
    TEXT(struct opt_machine, type, "type", "the board"),
    TEXT(struct opt_machine, accel, "accel", "accelerators, tried in order (a:b:c)"),
    TEXT(struct opt_machine, memory_backend, "memory-backend", "id of the object that is the RAM"),
    TEXT(struct opt_machine, kernel, "kernel", "Linux kernel image file"),
    TEXT(struct opt_machine, initrd, "initrd", "Linux initial ramdisk file"),
    TEXT(struct opt_machine, append, "append", "Linux kernel command line"),
    TEXT(struct opt_machine, firmware, "firmware", "firmware image"),
    TEXT(struct opt_machine, dumpdtb, "dumpdtb", "file to write the device tree to, and end"),
    TEXT(struct opt_machine, pflash[0], "pflash0", "block node of the first flash chip"),
    TEXT(struct opt_machine, pflash[1], "pflash1", "block node of the second flash chip"),
    BOOL(struct opt_machine, usb, "usb", "off", "a USB controller of the board"),
    BOOL(struct opt_machine, dump_guest_core, "dump-guest-core", "on",
         "guest RAM in core dumps of this process"),
    BOOL(struct opt_machine, mem_merge, "mem-merge", "on", "let the host merge equal pages"),
    BOOL(struct opt_machine, graphics, "graphics", "on", "a display where the board has one"),
    {NULL},
};

const struct row memory_rows[] = {
    TEXT(struct opt_memory, size, "size", "guest RAM at start; M when no unit is given"),
    {"slots", ROW_UINT, ROW_FIELD(struct opt_memory, slots), .def = "0",
     .help = "places for memory devices"},
    TEXT(struct opt_memory, maxmem, "maxmem", "RAM with memory devices"),
    {NULL},
};

#define COUNT(f, h)                                                                   \
    {                                                                                 \
#f, ROW_UINT, ROW_FIELD(struct opt_smp, f), .def = "0", .max = 255, .help = h \
    }

const struct row smp_rows[] = {
    COUNT(cpus, "virtual CPUs at start"),   COUNT(sockets, "sockets"),
    COUNT(dies, "dies in a socket"),        COUNT(clusters, "clusters in a die"),
    COUNT(cores, "cores in a die"),         COUNT(threads, "threads in a core"),
    COUNT(maxcpus, "virtual CPUs at most"), {NULL},
};

const struct row boot_rows[] = {
    TEXT(struct opt_boot, order, "order", "drives to boot from: c disk, d CD-ROM, n network"),
    TEXT(struct opt_boot, once, "once", "order of the first boot only"),
    BOOL(struct opt_boot, menu, "menu", "off", "firmware's boot menu"),
    BOOL(struct opt_boot, strict, "strict", "off", "only devices with a bootindex"),
    {"splash-time", ROW_INT, ROW_FIELD(struct opt_boot, splash_time), .def = "-1", .min = -1,
     .max = 65535, .help = "milliseconds the menu waits"},
    {"reboot-timeout", ROW_INT, ROW_FIELD(struct opt_boot, reboot_timeout), .def = "-1", .min = -1,
     .max = 65535, .help = "milliseconds before a reboot when no disk boots; -1: never"},
    TEXT(struct opt_boot, splash, "splash", "picture file"),
    {NULL},
};

static const char *const rtc_clocks[] = {"host", "rt", "vm", NULL};
static const char *const rtc_fixes[] = {"none", "slew", NULL};

const struct row rtc_rows[] = {
    {"base", ROW_STR, ROW_FIELD(struct opt_rtc, base), .def = "utc",
     .help = "utc, localtime, or a date such as 2006-06-17T16:01:21"},
    {"clock", ROW_ENUM, ROW_FIELD(struct opt_rtc, clock), .def = "host", .values = rtc_clocks,
     .help = "what drives it"},
    {"driftfix", ROW_ENUM, ROW_FIELD(struct opt_rtc, driftfix), .def = "none", .values = rtc_fixes,
     .help = "what becomes of lost ticks"},
    {NULL},
};

const struct row icount_rows[] = {
    TEXT(struct opt_icount, shift, "shift", "one instruction is 2^N ns of guest time; 0..10, auto"),
    BOOL(struct opt_icount, align, "align", "off", "keep guest time behind host time"),
    BOOL(struct opt_icount, sleep, "sleep", "on", "an idle machine waits in real time"),
    TEXT(struct opt_icount, rr, "rr", "record or replay"),
    TEXT(struct opt_icount, rrfile, "rrfile", "log of record and replay"),
    TEXT(struct opt_icount, rrsnapshot, "rrsnapshot", "snapshot of record and replay"),
    {NULL},
};

const struct row name_rows[] = {
    TEXT(struct opt_name, guest, "guest", "name of the guest"),
    TEXT(struct opt_name, process, "process", "name of this process"),
    BOOL(struct opt_name, debug_threads, "debug-threads", "off", "name the threads"),
    {NULL},
};

const struct row overcommit_rows[] = {
    BOOL(struct opt_overcommit, mem_lock, "mem-lock", "off", "lock all memory"),
    BOOL(struct opt_overcommit, cpu_pm, "cpu-pm", "off", "the guest's idle states are the host's"),
    {NULL},
};

const struct row msg_rows[] = {
    BOOL(struct opt_msg, timestamp, "timestamp", "off", "time before each message"),
    BOOL(struct opt_msg, guest_name, "guest-name", "off", "guest's name before each message"),
    {NULL},
};

static const char *const on_reboot[] = {"reset", "shutdown", NULL};
static const char *const on_shutdown[] = {"poweroff", "pause", NULL};
static const char *const on_panic[] = {"shutdown", "pause", "exit-failure", "none", NULL};
static const char *const on_watchdog[] = {"reset", "shutdown", "poweroff", "inject-nmi",
                                          "pause", "debug",    "none",     NULL};

const struct row action_rows[] = {
    {"reboot", ROW_ENUM, ROW_FIELD(struct opt_action, reboot), .def = "reset", .values = on_reboot},
    {"shutdown", ROW_ENUM, ROW_FIELD(struct opt_action, shutdown), .def = "poweroff",
     .values = on_shutdown},
    {"panic", ROW_ENUM, ROW_FIELD(struct opt_action, panic), .def = "shutdown", .values = on_panic},
    {"watchdog", ROW_ENUM, ROW_FIELD(struct opt_action, watchdog), .def = "reset",
     .values = on_watchdog},
    {NULL},
};

static const char *const deny_allow[] = {"deny", "allow", NULL};
static const char *const deny_children[] = {"deny", "allow", "children", NULL};

const struct row sandbox_rows[] = {
    BOOL(struct opt_sandbox, enable, "enable", "off", "filter system calls"),
    {"obsolete", ROW_ENUM, ROW_FIELD(struct opt_sandbox, obsolete), .def = "deny",
     .values = deny_allow, .help = "obsolete system calls"},
    {"elevateprivileges", ROW_ENUM, ROW_FIELD(struct opt_sandbox, elevateprivileges),
     .def = "allow", .values = deny_children, .help = "set*uid and the like"},
    {"spawn", ROW_ENUM, ROW_FIELD(struct opt_sandbox, spawn), .def = "allow", .values = deny_allow,
     .help = "fork and execve"},
    {"resourcecontrol", ROW_ENUM, ROW_FIELD(struct opt_sandbox, resourcecontrol), .def = "allow",
     .values = deny_allow, .help = "process affinity and scheduler priority"},
    {NULL},
};

const struct row drive_rows[] = {
    TEXT(struct drive_opts, id, "id", "name of the drive"),
    TEXT(struct drive_opts, file, "file", "disk image"),
    TEXT(struct drive_opts, format, "format", "its format; probed when not given"),
    {"if", ROW_STR, ROW_FIELD(struct drive_opts, interface), .help = "none, virtio, ide, pflash"},
    TEXT(struct drive_opts, media, "media", "disk or cdrom"),
    TEXT(struct drive_opts, cache, "cache", "none, writeback, writethrough, unsafe, directsync"),
    TEXT(struct drive_opts, aio, "aio", "io_uring, threads, native"),
    TEXT(struct drive_opts, discard, "discard", "ignore or unmap"),
    TEXT(struct drive_opts, detect_zeroes, "detect-zeroes", "off, on, unmap"),
    TEXT(struct drive_opts, werror, "werror", "report, ignore, stop, enospc"),
    TEXT(struct drive_opts, rerror, "rerror", "report, ignore, stop"),
    TEXT(struct drive_opts, serial, "serial", "serial number"),
    {"index", ROW_INT, ROW_FIELD(struct drive_opts, index), .def = "-1", .min = -1, .max = 255,
     .help = "place on its interface"},
    {"bus", ROW_INT, ROW_FIELD(struct drive_opts, bus), .def = "-1", .min = -1, .max = 255},
    {"unit", ROW_INT, ROW_FIELD(struct drive_opts, unit), .def = "-1", .min = -1, .max = 255},
    BOOL(struct drive_opts, snapshot, "snapshot", "off", "writes go to a temporary file"),
    BOOL(struct drive_opts, read_only, "readonly", "off", "refuse writes"),
    BOOL(struct drive_opts, read_only, "read-only", "off", "refuse writes"),
    {NULL},
};

static const char *const mon_modes[] = {"readline", "control", NULL};

const struct row mon_rows[] = {
    {"chardev", ROW_LINK, ROW_FIELD(struct mon_opts, chardev), .link = ROW_LINK_CHARDEV,
     .flags = ROW_REQUIRED, .help = "character device it speaks on"},
    TEXT(struct mon_opts, id, "id", "name of the monitor"),
    {"mode", ROW_ENUM, ROW_FIELD(struct mon_opts, mode), .def = "readline", .values = mon_modes,
     .help = "for people, or QMP"},
    BOOL(struct mon_opts, pretty, "pretty", "off", "QMP in several lines"),
    {NULL},
};

const struct row fw_cfg_rows[] = {
    {"name", ROW_STR, ROW_FIELD(struct fw_cfg_opts, name), .flags = ROW_REQUIRED,
     .help = "name of the entry, opt/... by convention"},
    TEXT(struct fw_cfg_opts, file, "file", "file with the contents"),
    TEXT(struct fw_cfg_opts, string, "string", "the contents"),
    TEXT(struct fw_cfg_opts, gen_id, "gen_id", "object that generates the contents"),
    {NULL},
};

const struct row add_fd_rows[] = {
    {"fd", ROW_INT, ROW_FIELD(struct add_fd_opts, fd), .flags = ROW_REQUIRED, .min = 0,
     .max = INT32_MAX, .help = "inherited file descriptor"},
    {"set", ROW_INT, ROW_FIELD(struct add_fd_opts, set), .flags = ROW_REQUIRED, .min = 0,
     .max = INT64_MAX, .help = "number of the set"},
    TEXT(struct add_fd_opts, opaque, "opaque", "free text"),
    {NULL},
};
