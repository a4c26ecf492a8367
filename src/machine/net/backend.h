/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a network back end gives (slirp, tap, ...), and what net.c gives it. Everything of a back
 * end runs on the main loop; net.c queues what other threads send.
 */
#ifndef VIV_MACHINE_NET_BACKEND_H
#define VIV_MACHINE_NET_BACKEND_H

#include "machine/net/net.h"
#include "row/row.h"

struct net_backend {
    const char *type; /* "user", "tap": of -netdev */
    const char *help;
    const struct row *rows; /* options, beside id and type; offsets into `options_size` bytes */
    size_t options_size;
    size_t state_size;
    gboolean (*open)(struct netdev *n, const void *options, GError **error);
    void (*close)(struct netdev *n); /* also of one half opened */
    /* One frame from the guest. */
    void (*send)(struct netdev *n, unsigned queue, const struct iovec *iov, unsigned niov);
    /* The NIC can receive again; NULL: net.c's queue is enough. */
    void (*poll)(struct netdev *n, unsigned queue);
    uint64_t (*offloads)(struct netdev *n); /* NULL: none */
    /* Any thread, as is use_queues; NULL: nothing to do. */
    void (*set_header)(struct netdev *n, unsigned len, uint64_t offloads);
    void (*use_queues)(struct netdev *n, unsigned active);
    void (*describe)(struct netdev *n, GString *out); /* options part of `info network` */
};

/* What waits in one queue, in either direction. */
struct net_lane {
    GQueue held;      /* loop: GBytes *, frames for a NIC that cannot take them yet */
    GQueue to_send;   /* lock: GBytes *, frames from the guest */
    bool poll_wanted; /* lock */
};

struct netdev {
    char *id;
    const struct net_backend *backend;
    struct netdev_set *set;
    GMainContext *context; /* borrowed */
    void *options;         /* options_size bytes, owned */
    void *state;           /* state_size bytes, owned */
    struct net_nic nic;    /* loop */
    bool attached;         /* loop */
    bool link_down;        /* loop */

    unsigned n_queues;     /* 1, or what open() set; frozen then */
    struct net_lane *lane; /* n_queues, owned; NULL until opened */
    uint64_t dropped;      /* atomic */

    GMutex lock;
    bool wake_pending; /* lock */
    GSource *source;   /* ready when wake_pending */
};

/* The descriptor that `text` stands for: a number, or a name of getfd's. -1 with an error. */
int net_take_fd(struct netdev *n, const char *text, GError **error);
/* Back end, main loop: a frame for the guest. Delivered now, held, or (too many held) dropped. */
void net_deliver(struct netdev *n, unsigned queue, const struct iovec *iov, unsigned niov);
/* Back end: TRUE if net_deliver would take a frame without dropping. */
bool net_can_deliver(struct netdev *n, unsigned queue);

extern const struct net_backend net_backend_null, net_backend_user, net_backend_tap;
/* NULL ends. */
const struct net_backend *const *net_backends(void);

#endif
