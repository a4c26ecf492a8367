/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may use a read-write socket: the check behind the socket's mode. Any thread. */
#ifndef VIV_MANAGE_DAEMON_ADMISSION_H
#define VIV_MANAGE_DAEMON_ADMISSION_H

#include "manage/rpc/peer.h"

#include <glib.h>
#include <stdbool.h>

struct admission {
    bool session;      /* this user's daemon */
    const char *group; /* of the system's daemon: members may */
};

/*
 * root, the daemon's own user and, in the system's daemon, the group's members may; anybody else
 * gets code 45 with the group and the command that makes a member (the hint).
 */
bool admission_check(const struct admission *admission, const struct rpc_identity *who,
                     GError **error);

#endif
