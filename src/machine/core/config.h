/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a machine is to be, as its options said it: filled by main, constant from then on, read by
 * the board. All strings and lists are owned by whoever filled it; NULL means "not given".
 */
#ifndef VIV_MACHINE_CORE_CONFIG_H
#define VIV_MACHINE_CORE_CONFIG_H

#include "machine/core/ram.h"

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

struct accel_class;
struct dev;

/* -fw_cfg name=,file=|string=: the contents are read by main. */
struct config_fw_cfg {
    const char *name;
    const void *data;
    size_t len;
};

/* -m and -object memory-backend-*: where guest RAM comes from. */
struct config_memory {
    uint64_t size; /* bytes; a multiple of 8 KiB is what x86 boards round to */
    struct ram_source source;
    bool prealloc;
    bool seal; /* a memfd can neither grow nor shrink */
};

struct config_smp {
    unsigned cpus, max_cpus; /* equal until CPUs can be plugged */
    unsigned sockets, dies, cores, threads;
};

struct config_boot {
    const char *order; /* "cdn" */
    const char *once;
    bool menu;
    bool strict;
    int splash_time;    /* ms; -1: not given */
    int reboot_timeout; /* ms; -1: not given */
};

struct config_rtc {
    enum config_rtc_base { RTC_UTC, RTC_LOCALTIME, RTC_DATETIME } base;
    int64_t start; /* RTC_DATETIME: seconds since 1970 */
    enum config_rtc_clock { RTC_HOST, RTC_REALTIME, RTC_VM } clock;
    bool drift_slew;
};

#define CONFIG_SERIALS 4

struct machine_config {
    const char *name; /* -name guest= */
    uint8_t uuid[16];
    bool uuid_set;
    struct config_memory memory;
    struct config_smp smp;
    const char *cpu;                 /* -cpu text; NULL: the board's default */
    const struct accel_class *accel; /* probed; never NULL */
    const void *accel_props;         /* struct described by accel->props */

    const char *kernel, *initrd, *append; /* paths, and the command line */
    const char *firmware;                 /* -bios: file name or path */
    const char *const *firmware_path;     /* -L, NULL-ended; then the built-in folders */
    const char *pflash[2];                /* ids of block nodes or drives; NULL: none */
    struct config_boot boot;
    struct config_rtc rtc;

    const struct config_fw_cfg *fw_cfg;
    unsigned n_fw_cfg;
    json_object *const *smbios; /* one object per -smbios, or NULL */
    unsigned n_smbios;

    bool acpi, hpet;                    /* -no-acpi and -no-hpet clear them */
    bool no_graphics;                   /* -nographic: firmware talks on the serial port */
    bool no_defaults;                   /* -nodefaults */
    const char *serial[CONFIG_SERIALS]; /* ids of chardevs, for dev_env.find; NULL: no port */

    int icount_shift; /* -1: real time */
    bool icount_sleep;
    bool icount_auto;  /* the shift follows the host's time; icount_shift is the first */
    bool icount_align; /* guest time never runs ahead of the host's */

    const void *board_props; /* struct described by the board's rows (-machine) */

    /* Called for each of the board's own devices before it is realized: -global. NULL: nothing. */
    gboolean (*prepare)(void *opaque, struct dev *dev, GError **error);
    void *prepare_opaque;
};

#endif
