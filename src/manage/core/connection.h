/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A client's connection to a host: what it may do, and carrying out its procedures. */
#ifndef VIV_MANAGE_CORE_CONNECTION_H
#define VIV_MANAGE_CORE_CONNECTION_H

#include "manage/core/call.h"
#include "manage/core/host.h"

#include <glib.h>
#include <stdbool.h>

struct driver;
struct connection;
struct registry;

/* An event for this connection: body is the row's reply tuple, borrowed. Any thread, under locks.
 */
typedef void (*connection_sink)(const struct proc *proc, GVariant *body, void *user);

/* Gives a host that a driver has opened its networks, pools and the like. Any thread. */
typedef bool (*registry_fill)(struct host *host, GError **error);

/* The drivers there are; constant rows, NULL-terminated. `fill` NULL: nothing. Any thread. */
struct registry *registry_new(const struct driver *const *drivers, registry_fill fill);
/*
 * Opens a shared host before any client comes and keeps it until registry_free: its machines are
 * found again and looked after. The empty URI then means this one. Once, before connections.
 */
bool registry_keep(struct registry *registry, const char *uri, GError **error);
void registry_free(struct registry *registry);

/*
 * Opens a URI as connect_open sends it: "test:///default", "" for the first driver that takes it.
 * NULL with code 5 and libvirt's words when no driver does.
 */
struct connection *connection_open(struct registry *registry, const char *uri, bool read_only,
                                   connection_sink sink, void *user, GError **error);
/* No event comes after it returned. NULL does nothing. */
void connection_close(struct connection *conn);
struct host *connection_host(struct connection *conn);
bool connection_read_only(const struct connection *conn);

/*
 * Carries out a procedure: read-only rule, flags, target, job, then the driver's handler. `call`
 * has proc, args and descriptors set; on success the reply (or NULL for an empty one), stream and
 * descriptors are the caller's. Any thread; may block unless the row has PROC_HI.
 */
bool connection_call(struct connection *conn, struct call *call, GError **error);
/* Whether the procedure only looks at what is in memory, so that connection_try may do it. */
bool connection_is_instant(const struct connection *conn, const struct proc *proc);
/*
 * connection_call of such a procedure without ever waiting: false, and nothing done, when another
 * thread holds the target.
 */
bool connection_try(struct connection *conn, struct call *call, bool *ret_good, GError **error);

#endif
