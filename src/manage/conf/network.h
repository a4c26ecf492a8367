/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a network's definition says, read and checked. No I/O; what is read borrows from the tree.
 */
#ifndef VIV_MANAGE_CONF_NETWORK_H
#define VIV_MANAGE_CONF_NETWORK_H

#include "manage/conf/xml.h"

#include <glib.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#define NETWORK_MAX_IPS 32
#define NETWORK_SUBNET  (INET6_ADDRSTRLEN + 4) /* "fd00:7::/64" */

enum network_mode {
    NETWORK_ISOLATED,
    NETWORK_NAT,
    NETWORK_ROUTE,
    NETWORK_OPEN,
    NETWORK_BRIDGE,
    NETWORK_PRIVATE,
    NETWORK_VEPA,
    NETWORK_PASSTHROUGH,
    NETWORK_HOSTDEV,
};

/* An address, in network order. */
struct network_address {
    int family; /* AF_INET or AF_INET6 */
    uint8_t bytes[16];
};

struct network_ip {
    struct network_address address;
    char text[INET6_ADDRSTRLEN]; /* the address as inet_ntop writes it */
    unsigned prefix;
    const struct xml *node;
};

struct network {
    enum network_mode mode;
    const char *bridge; /* NULL: it has none (yet) */
    const char *device; /* to which forwarding is limited, or NULL */
    unsigned n_ips;
    struct network_ip ip[NETWORK_MAX_IPS];
};

/* True for an address in decimal or in IPv6's notation and nothing else. */
bool network_address_parse(const char *text, struct network_address *ret);
/* "52:54:00:00:00:01", in either case and with or without leading zeros. */
bool network_mac_parse(const char *text, uint8_t ret_mac[6]);
/* "10.7.0.0/24" */
void network_subnet(const struct network_ip *ip, char ret[NETWORK_SUBNET]);
/* How many addresses a range has, capped; 0 when its ends are no addresses of one kind. */
uint64_t network_range_size(const struct xml *range);
/* Does the host itself make the bridge of such a network? */
bool network_owns_bridge(enum network_mode mode);
/* Reads a definition; false with libvirt's code and words where it makes no sense. */
bool network_read(const struct xml *def, struct network *ret, GError **error);
/* Puts defaults and order where libvirt has them, then checks as network_read. */
bool network_complete(struct xml *def, GError **error);

#endif
