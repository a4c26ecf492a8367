/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A host that a daemon with libvirt's wire manages, over a Unix socket. The URI is libvirt's:
 * "qemu:///session", "qemu+unix:///system?socket=/path"; "viv:///session" is the host of that kind
 * of vivd. Any thread.
 */
#ifndef VIV_MANAGE_DRIVER_REMOTE_REMOTE_H
#define VIV_MANAGE_DRIVER_REMOTE_REMOTE_H

#include "manage/rpc/client.h"

#include <glib.h>
#include <stdbool.h>

/*
 * Connects, greets and opens. Closed by rpc_client_free. NULL with code 38 when no daemon answers
 * where the URI says, 5 or 8 for a URI that cannot be, or the daemon's own error.
 */
struct rpc_client *remote_open(const char *uri, bool read_only,
                               const struct rpc_client_events *events, void *user, GError **error);

/* Path of the socket that a URI means, and the URI to open there; both to be freed. */
bool remote_resolve(const char *uri, bool read_only, char **ret_path, char **ret_name,
                    GError **error);

#endif
