/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel's links, by netlink, in this process's network name space. Any thread. */
#ifndef VIV_MANAGE_RESOURCE_NETWORK_LINK_H
#define VIV_MANAGE_RESOURCE_NETWORK_LINK_H

#include "manage/conf/network.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct link_bridge {
    const char *name;
    uint8_t mac[6]; /* all zeros: the kernel's choice */
    unsigned mtu;   /* 0: the kernel's choice */
    unsigned delay; /* seconds */
    bool stp;
};

/* False with code 38: "error creating bridge interface virbr0: File exists". */
bool link_add_bridge(const struct link_bridge *bridge, GError **error);
bool link_add_address(const char *name, const struct network_ip *ip, GError **error);
bool link_up(const char *name, GError **error);
/* False with code 38 when there is no such link. */
bool link_mtu(const char *name, unsigned *ret, GError **error);
/* Gives a link its address and how much its packets may have. */
bool link_set(const char *name, const uint8_t mac[6], unsigned mtu, GError **error);
/* Puts a link under a bridge. */
bool link_join(const char *name, const char *bridge, GError **error);
/* One that is not there is gone already. */
void link_remove(const char *name);

#endif
