/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which frames a virtio network device passes on to its driver, and the control commands that say
 * so. VIRTIO 1.2, 5.1.6.5.1 to 5.1.6.5.3. Everything here: under the device's lock.
 */
#ifndef VIV_MACHINE_VIRTIO_NET_FILTER_H
#define VIV_MACHINE_VIRTIO_NET_FILTER_H

#include "machine/virtio/virtio.h"

#define NET_FILTER_TABLE 64

struct net_filter {
    uint8_t mac[6];
    bool promisc, allmulti, alluni, nomulti, nouni, nobcast;
    bool overflow_uni, overflow_multi; /* the driver's list was too long: it means "all" */
    uint32_t n_unicast, n_multicast;   /* in table, unicast first */
    uint8_t table[NET_FILTER_TABLE][6];
    uint32_t vlans[4096 / 32];
    bool told; /* clients know of a change, and have not asked since; no state */
};

/* STATE_SUB rows; a loaded filter is checked by net_filter_valid. */
extern const struct state_row net_filter_state[];

/* A driver that cannot filter gets everything. */
void net_filter_reset(struct net_filter *f, const uint8_t *mac);
bool net_filter_valid(const struct net_filter *f);
/* `len` bytes from the frame's start, at least an Ethernet header. */
bool net_filter_wants(const struct net_filter *f, bool by_vlan, const uint8_t *frame, size_t len);

/* Commands of the control classes, header included in the element; FALSE: refused. */
bool net_filter_rx(struct net_filter *f, uint8_t command, const struct virtq_elem *e);
bool net_filter_mac(struct net_filter *f, uint8_t command, const struct virtq_elem *e);
bool net_filter_vlan(struct net_filter *f, uint8_t command, const struct virtq_elem *e);

/* The driver has changed it: clients get one event until they ask. TRUE. */
bool net_filter_changed(struct net_filter *f, const struct dev *dev);
/* QMP's RxFilterInfo, but for the card's name; new. `by_vlan`: the driver knows of VLANs. */
json_object *net_filter_info(struct net_filter *f, bool by_vlan);

#endif
