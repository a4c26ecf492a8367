/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client of the daemon: joins its wire connection (rpc) to its connection to a host (core).
 * Frames arrive on the loop; procedures run on workers.
 */
#ifndef VIV_MANAGE_DAEMON_SESSION_H
#define VIV_MANAGE_DAEMON_SESSION_H

#include "manage/core/connection.h"
#include "manage/daemon/config.h"

#include <glib.h>
#include <stdbool.h>

struct daemon_clients;

/*
 * For one user's daemon (`session`) or the system's. The loop outlives it; idle (or NULL) is
 * called on the loop when the first client comes and the last one leaves.
 */
struct daemon_clients *daemon_clients_new(GMainContext *context, struct registry *registry,
                                          bool session, void (*idle)(bool is_idle, void *user),
                                          void *user);
/*
 * Takes limits, group and workers from the configuration, which is copied: for clients that
 * connect from now on. Called once before the first client, and at will. Loop only.
 */
void daemon_clients_configure(struct daemon_clients *clients, const struct config *config);
/* Closes every client and waits for their calls. */
void daemon_clients_free(struct daemon_clients *clients);
/* A client connected; takes the descriptor. Loop only. */
void daemon_clients_add(struct daemon_clients *clients, int fd, bool read_only);

#endif
