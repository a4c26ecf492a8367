/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine with all that surrounds it: what main built from a setup, in one struct. Main loop,
 * except where a part says otherwise.
 */
#ifndef VIV_MACHINE_MAIN_HOST_H
#define VIV_MACHINE_MAIN_HOST_H

#include "block/backend.h"
#include "machine/accel/accel.h"
#include "machine/board/board.h"
#include "machine/chardev/chardev.h"
#include "machine/core/config.h"
#include "machine/core/machine.h"
#include "machine/main/objects.h"
#include "machine/main/setup.h"
#include "machine/monitor/env.h"
#include "machine/net/net.h"

struct host {
    const struct setup *setup;
    struct machine_config config;
    const struct board_class *board;
    void *board_props, *accel_props;
    struct machine *machine;
    struct chardev_set *chardevs;
    struct netdev_set *netdevs;
    struct block_graph *graph;
    GPtrArray *nodes;    /* struct block_node *: references of -blockdev and blockdev-add */
    GPtrArray *backends; /* struct block_backend *, owned */
    struct objects *objects;
    struct fdset *fds;
    GPtrArray *implied;  /* json_object *: devices that -drive if=virtio, -nic and defaults mean */
    GPtrArray *monitors; /* struct monitor *, owned */
    struct monitor_env env;
    char *board_type;
    GPtrArray *contents;  /* char * of fw_cfg entries, owned */
    GError *global_error; /* first -global that did not fit */
};

/* Builds everything up to and including the machine's launch. On failure host_free undoes it. */
gboolean host_build(struct host *h, const struct setup *setup, GError **error);
void host_free(struct host *h);

/* ---- parts, each in its own file ----------------------------------------------------------- */

/* accels.c: chooses config.accel: the first that can run here. */
gboolean accels_choose(struct host *h, GError **error);
void accels_list(GString *out);
/* -accel NAME,probe: FALSE if it was not asked for. The facts are appended; the error, if any, is
 * why the machine does not choose it of itself. */
bool accels_diagnose(const struct setup *s, GString *out, GError **error);
/* The n-th accelerator that is built, NULL past the last. */
const char *accels_nth(unsigned n);
/* Name of an accelerator as clients know it ("tcg" for interp and jit). */
const char *accels_public_name(const struct accel_class *accel);

/* config.c: fills config from the setup. */
gboolean config_fill(struct host *h, GError **error);
void config_clear(struct host *h);

/* drives.c */
gboolean drives_build(struct host *h, GError **error);
/* ROW_LINK_BLOCK: a drive id or a node name. */
struct block_backend *drives_find(struct host *h, const char *id, GError **error);
/* The device that found it is gone: a drive waits for another, a mere node's back end ends. */
void drives_release(struct host *h, struct block_backend *b);

/* nics.c: -netdev and -nic, and the default card. */
gboolean nics_build(struct host *h, GError **error);

/* devices.c */
const struct dev_class *devices_class(const char *name);
/* The n-th class of all, NULL past the last. */
const struct dev_class *devices_nth(unsigned n);
/* {"driver": ..., "id": ..., "bus": ..., properties} */
struct dev *devices_add(struct host *h, json_object *options, GError **error);
/* The same while the machine runs, and tells the guest. */
gboolean devices_hotplug(struct host *h, json_object *options, GError **error);
/* dev_env.defaults, dev_env.find and dev_env.release */
void devices_defaults(struct machine *m, struct dev *dev);
void *devices_find(struct machine *m, enum row_link kind, const char *id, GError **error);
void devices_release(struct machine *m, enum row_link kind, void *found);
/* Checks -global's drivers and properties. */
gboolean devices_check_globals(struct host *h, GError **error);

/* monitors.c: -monitor, -qmp, -mon, -qtest. */
gboolean monitors_build(struct host *h, GError **error);
void monitors_free(struct host *h);

/* lists.c: `help` and `?` arguments. TRUE if there was one; the text is appended, and the error, if
 * any, is the answer's last word. */
bool lists_print(const struct setup *s, GString *out, GError **error);

#endif
