/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the network resource share. */
#ifndef VIV_MANAGE_RESOURCE_NETWORK_INTERNAL_H
#define VIV_MANAGE_RESOURCE_NETWORK_INTERNAL_H

#include "manage/conf/network.h"
#include "manage/core/host.h"

#include <glib.h>
#include <stdbool.h>

/* host->resource_state[OBJECT_NETWORK]. Frozen. */
struct networks {
    bool session;  /* of one user; else the system's */
    char *config;  /* folder of definitions, one file a UUID */
    char *runtime; /* folder of what runs */
};

static inline struct networks *networks_of(struct host *host)
{
    return host->resource_state[OBJECT_NETWORK];
}

/* name.c */
/* Gives a definition the bridge and the address of it that it lacks; refuses another's bridge. No
 * lock held. */
bool name_complete(struct host *host, struct xml *def, const uint8_t uuid[UUID_BYTES],
                   GError **error);

#endif
