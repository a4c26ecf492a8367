/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sockets on which the daemon listens: its own, and where libvirt's clients look. Loop only. */
#ifndef VIV_MANAGE_DAEMON_SOCKETS_H
#define VIV_MANAGE_DAEMON_SOCKETS_H

#include "manage/daemon/config.h"
#include "manage/daemon/service.h"
#include "manage/daemon/session.h"

struct sockets;

struct sockets_where {
    bool session;            /* this user alone */
    const char *runtime_dir; /* of our own sockets; NULL: the usual one */
    bool libvirt;            /* libvirt's, too */
    const char *group;       /* owns the system's read-write sockets, if there is such a group */
    /* Has those that a service manager made: "vivd" and "vivd-ro", each once or more often. */
    struct service *service;
};

/*
 * Makes the directories and listens; clients go to `clients`, which outlives it. A socket on which
 * another process answers is left alone and an error names that process. What was passed is taken
 * in place of our own sockets of that kind.
 */
struct sockets *sockets_open(const struct sockets_where *where, GMainContext *context,
                             struct daemon_clients *clients, GError **error);
/*
 * Gives the system's read-write sockets to another group, or to root's where there is no such
 * group, from now on.
 */
bool sockets_give(struct sockets *sockets, const char *group, GError **error);
/* Closes them, and unlinks those that it made. NULL is allowed. */
void sockets_close(struct sockets *sockets);

#endif
