/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's end of a machine's interface on a network or a bridge. */
#ifndef VIV_MANAGE_CORE_NETWORK_PLUG_H
#define VIV_MANAGE_CORE_NETWORK_PLUG_H

#include "manage/conf/uuid.h"

#include <stdbool.h>

#define NETWORK_MAX_QUEUES 16
#define NETWORK_DEVICE     16 /* bytes of a link's name with its 0 */

struct xml;

/* What is asked for. Borrowed. */
struct network_want {
    const struct xml *interface; /* <interface>, of type network or bridge */
    unsigned queues;             /* 1 to NETWORK_MAX_QUEUES */
    bool header;                 /* packets come with virtio's header */
};

/* A tap under its bridge; it is there as long as one of its descriptors is open somewhere. */
struct network_plug {
    char device[NETWORK_DEVICE]; /* "vnet0" */
    char bridge[NETWORK_DEVICE];
    char port[UUID_TEXT]; /* of the port of a network; empty for a bridge alone */
    int fds[NETWORK_MAX_QUEUES];
    unsigned n_fds;
};

#endif
