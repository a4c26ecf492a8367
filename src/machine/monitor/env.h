/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What monitors can reach: filled by main before the first monitor is made, constant from then on.
 * All on the main loop.
 */
#ifndef VIV_MACHINE_MONITOR_ENV_H
#define VIV_MACHINE_MONITOR_ENV_H

#include "block/backend.h"
#include "machine/chardev/chardev.h"
#include "machine/core/config.h"
#include "machine/core/machine.h"
#include "machine/monitor/fdset.h"
#include "machine/net/net.h"

/* An object of -object as the monitor sees it. */
struct monitor_object {
    const char *id, *type;
    const struct row *rows;
    void *fields; /* what the rows describe */
};

/* A machine type of query-machines. */
struct monitor_machine {
    const char *name, *alias, *cpu_type, *ram_id;
    unsigned cpu_max;
    bool is_default;
};

struct monitor_env {
    struct machine *machine;
    const struct machine_config *config;
    struct chardev_set *chardevs;
    struct netdev_set *netdevs;
    struct block_graph *graph;
    GPtrArray *nodes;    /* struct block_node *: references that blockdev-add holds */
    GPtrArray *backends; /* struct block_backend * */
    struct fdset *fds;
    struct migration *migration;
    const struct cpu_arch *arch; /* of the guests this program runs */
    const char *accel;           /* name clients know: "tcg", "qtest", "kvm" */
    const char *board;           /* "q35", "none" */
    const char *board_type;      /* QOM type: "pc-q35-7.2-machine" */

    /* Lists by number: NULL or FALSE past the last. */
    const struct dev_class *(*class_nth)(unsigned n);
    const char *(*accel_nth)(unsigned n); /* accelerators that are built */
    bool (*machine_nth)(void *opaque, unsigned n, struct monitor_machine *ret);
    bool (*object_nth)(void *opaque, unsigned n, struct monitor_object *ret);
    /* Kinds of objects: type and rows. */
    bool (*object_kind)(unsigned n, struct monitor_object *ret);
    /* Command-line options: name and rows (may be NULL). */
    bool (*option_nth)(unsigned n, const char **ret_name, const struct row **ret_rows);

    gboolean (*object_add)(void *opaque, json_object *options, GError **error);
    gboolean (*object_remove)(void *opaque, const char *id, GError **error);
    gboolean (*device_add)(void *opaque, json_object *options, GError **error);
    json_object *(*iothreads)(void *opaque);
    /* The balloon: FALSE with an error without one. */
    gboolean (*balloon_get)(void *opaque, uint64_t *ret_bytes, GError **error);
    gboolean (*balloon_set)(void *opaque, uint64_t bytes, GError **error);
    /* A key of the guest's keyboard, by its set 1 code; FALSE without a keyboard. */
    bool (*key)(void *opaque, uint16_t code, bool down);
    GPtrArray *held_keys; /* GSource *: they let keys go, or are destroyed with the monitors */
    void *opaque;
};

#endif
