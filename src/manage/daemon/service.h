/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a service manager hands to a daemon and hears from it: listening sockets by environment and
 * inherited descriptors (sd_listen_fds(3), "Notes"), and its state as datagrams to a socket
 * (sd_notify(3)). Both are plain protocols: no library is needed, and no systemd.
 */
#ifndef VIV_MANAGE_DAEMON_SERVICE_H
#define VIV_MANAGE_DAEMON_SERVICE_H

#include <glib.h>
#include <stdbool.h>

#define SERVICE_MAX_SOCKETS 8

struct service_socket {
    char *name; /* what the manager calls it */
    int fd;     /* listening, of type AF_UNIX; -1 once taken */
};

struct service {
    struct service_socket sockets[SERVICE_MAX_SOCKETS];
    unsigned n;
    char *notify; /* where the manager listens, or NULL */
};

/*
 * Fills the zeroed `service` from the environment, and removes the variables, so that no program
 * started later takes them for its own: to be called before there are other threads. Nothing passed
 * is no error; a descriptor that is not a listening local socket is one. Cleared by service_clear
 * in both cases.
 */
bool service_take(struct service *service, GError **error);
void service_clear(struct service *service);
/* Lines of NAME=VALUE to the manager, if there is one. Any thread. */
bool service_tell(const struct service *service, const char *lines, GError **error);

#endif
