/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network back ends: one peer of one NIC, of one or several queues; a flow keeps to its queue.
 * Frames are Ethernet, with a struct virtio_net_hdr before them where both sides agreed
 * (netdev_set_header). On the main loop, except for what is marked "any thread".
 */
#ifndef VIV_MACHINE_NET_NET_H
#define VIV_MACHINE_NET_NET_H

#include "row/row.h"

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#define NET_FRAME_MAX  (65536 + 64) /* with offloads */
#define NET_QUEUES_MAX 256

struct netdev; /* backend.h */
struct netdev_set;

/* What a NIC gives; called on the main loop. */
struct net_nic {
    /* TRUE: receive() will take a frame. FALSE: the back end keeps it until netdev_poll. */
    bool (*can_receive)(void *opaque, unsigned queue);
    void (*receive)(void *opaque, unsigned queue, const struct iovec *iov, unsigned n);
    void (*link)(void *opaque, bool up);
    void *opaque;
};

/* Names and option rows of the back ends, for help; NULL name past the last. */
struct netdev_kind {
    const char *name;
    const struct row *rows;
};
struct netdev_kind netdev_kind(unsigned n);

/* Hands over the descriptor that getfd keeps by that name, or -1 with an error. Main loop. */
typedef int (*netdev_fd_fn)(void *opaque, const char *name, GError **error);
void netdev_set_named_fds(struct netdev_set *set, netdev_fd_fn take, void *opaque);

struct netdev_set *netdev_set_new(GMainContext *context);
void netdev_set_free(struct netdev_set *set);
/* Calls `each` for every netdev, in the order they were made. Main loop. */
void netdev_set_each(struct netdev_set *set, void (*each)(struct netdev *n, void *opaque),
                     void *opaque);
/* -netdev options as JSON: {"id":..., "type":"user"|"tap"|"null", ...}. */
struct netdev *netdev_new(struct netdev_set *set, json_object *options, GError **error);
struct netdev *netdev_find(struct netdev_set *set, const char *id);
gboolean netdev_remove(struct netdev_set *set, const char *id, GError **error);
const char *netdev_id(const struct netdev *n);

gboolean netdev_attach(struct netdev *n, const struct net_nic *nic, GError **error);
void netdev_detach(struct netdev *n);
/* How many queues it has: 1 to NET_QUEUES_MAX, frozen; queue numbers below are less. */
unsigned netdev_queues(const struct netdev *n);
/* The NIC uses the first `active` queues from now on. Any thread. */
void netdev_use_queues(struct netdev *n, unsigned active);
/* Sends a frame from the guest. Any thread. What the back end cannot take is dropped (counted). */
void netdev_send(struct netdev *n, unsigned queue, const struct iovec *iov, unsigned niov);
/* The NIC can receive again on a queue. Any thread. */
void netdev_poll(struct netdev *n, unsigned queue);
/* Offloads the back end can take and give (VIRTIO_NET_F_* bits of checksum and segmentation). */
uint64_t netdev_offloads(const struct netdev *n);
/* Agrees on a header of `len` bytes (0, 10 or 12) before each frame, and on what may be received.
 * Any thread. */
void netdev_set_header(struct netdev *n, unsigned len, uint64_t offloads);
/* set_link: while it is down nothing passes, and the NIC shows it to its guest. */
void netdev_set_link(struct netdev *n, bool up);
/* `info network` line and query-rx-filter's static part. */
void netdev_describe(const struct netdev *n, GString *out);

#endif
