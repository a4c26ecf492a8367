/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What makes networks real beside struct resource_ops; host->networks, filled by the daemon. */
#ifndef VIV_MANAGE_CORE_NETWORK_LEASES_H
#define VIV_MANAGE_CORE_NETWORK_LEASES_H

#include "manage/core/network/plug.h"
#include "manage/core/object.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* An address that a machine was given. */
struct network_lease {
    int64_t expiry; /* seconds since 1970; 0: never */
    bool version_6;
    unsigned prefix;     /* of the network that the address is in */
    char *mac;           /* lower case; NULL where DHCP does not tell (version 6) */
    char *iaid;          /* of version 6; else NULL */
    char *address;       /* text */
    char *name, *client; /* the machine's; NULL: it told none */
};

void network_lease_free(struct network_lease *lease);

struct network_ops {
    /* Leases in force of a network whose lock is held: struct network_lease, owned by the array. */
    GPtrArray *(*leases)(struct object *network);
    /* A running one's definition, object->def, is another: what serves it obeys. Lock held. */
    bool (*update)(struct object *network, GError **error);
    /* Makes the tap of an interface, set and up, under its bridge; the descriptors become the
     * caller's. False with libvirt's words, nothing made. No lock held. */
    bool (*plug)(struct host *host, const struct network_want *want, struct network_plug *ret,
                 GError **error);
};

#endif
