/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows of option groups: those filled into struct setup, and those read when things are built. */
#ifndef VIV_MACHINE_MAIN_GROUPS_H
#define VIV_MACHINE_MAIN_GROUPS_H

#include "row/row.h"

#include <stdbool.h>

extern const struct row machine_rows[], memory_rows[], smp_rows[], boot_rows[], rtc_rows[],
    icount_rows[], name_rows[], overcommit_rows[], msg_rows[], action_rows[], sandbox_rows[];

/* -drive */
struct drive_opts {
    char *id, *file, *format, *interface, *media, *cache, *aio, *discard, *detect_zeroes, *werror,
        *rerror, *serial;
    int32_t index, bus, unit;
    bool snapshot, read_only;
};
extern const struct row drive_rows[];

/* -mon */
struct mon_opts {
    char *chardev, *id;
    int mode;
    bool pretty;
};
enum { MON_READLINE, MON_CONTROL };
extern const struct row mon_rows[];

/* -fw_cfg */
struct fw_cfg_opts {
    char *name, *file, *string, *gen_id;
};
extern const struct row fw_cfg_rows[];

/* -add-fd */
struct add_fd_opts {
    int32_t fd;
    int64_t set;
    char *opaque;
};
extern const struct row add_fd_rows[];

#endif
