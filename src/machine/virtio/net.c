/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio-net. Virtual I/O Device (VIRTIO) 1.2, 5.1. */
#include "machine/net/net.h"
#include "base/bits.h"
#include "base/endian.h"
#include "base/least.h"
#include "machine/virtio/devices.h"
#include "machine/virtio/net_filter.h"
#include "machine/virtio/proxy.h"

#define F_CSUM                0
#define F_GUEST_CSUM          1
#define F_CTRL_GUEST_OFFLOADS 2
#define F_MTU                 3
#define F_MAC                 5
#define F_GUEST_TSO4          7
#define F_GUEST_TSO6          8
#define F_GUEST_ECN           9
#define F_GUEST_UFO           10
#define F_HOST_TSO4           11
#define F_HOST_TSO6           12
#define F_HOST_ECN            13
#define F_HOST_UFO            14
#define F_MRG_RXBUF           15
#define F_STATUS              16
#define F_CTRL_VQ             17
#define F_CTRL_RX             18
#define F_CTRL_VLAN           19
#define F_CTRL_RX_EXTRA       20
#define F_MQ                  22
#define F_CTRL_MAC_ADDR       23

/* Offloads by direction; the back end decides what it has of them. */
#define HOST_SEGMENTS \
    (BIT64(F_HOST_TSO4) | BIT64(F_HOST_TSO6) | BIT64(F_HOST_ECN) | BIT64(F_HOST_UFO))
#define GUEST_SEGMENTS \
    (BIT64(F_GUEST_TSO4) | BIT64(F_GUEST_TSO6) | BIT64(F_GUEST_ECN) | BIT64(F_GUEST_UFO))
#define GUEST_OFFLOADS (BIT64(F_GUEST_CSUM) | GUEST_SEGMENTS)
#define OFFLOADS       (BIT64(F_CSUM) | HOST_SEGMENTS | GUEST_OFFLOADS)

#define S_LINK_UP 1

#define CTRL_RX                 0
#define CTRL_MAC                1
#define CTRL_VLAN               2
#define CTRL_MQ                 4
#define CTRL_MQ_PAIRS_SET       0
#define CTRL_GUEST_OFFLOADS     5
#define CTRL_GUEST_OFFLOADS_SET 0
#define CTRL_OK                 0
#define CTRL_ERR                1

#define QUEUE_RX(pair) (2 * (pair))
#define QUEUE_TX(pair) (2 * (pair) + 1)
#define CTRL_SIZE      64

#define CONFIG_SIZE   12
#define HEADER_LEGACY 10 /* without num_buffers */
#define HEADER_FULL   12
#define FRAME_MIN     14
#define RX_CHAIN      64 /* buffers one received frame may take */

struct net {
    struct virtio v;
    struct netdev *peer;
    bool link_up;            /* lock */
    bool paused;             /* lock: guest memory stays as it is until the machine goes on */
    unsigned max_pairs;      /* frozen */
    uint16_t pairs;          /* lock: in use, from 1 */
    bool *rx_starved;        /* lock: by pair, max_pairs; the back end waits for buffers */
    unsigned header_len;     /* lock: bytes before each frame, as negotiated */
    unsigned peer_header;    /* lock: bytes of it that the back end gives and takes */
    uint64_t offloads;       /* what the back end can do and the user left on; frozen */
    uint64_t guest_offloads; /* lock: agreed, and not switched off by the driver */
    struct net_filter filter;
    /* properties */
    char *netdev_id;
    uint8_t mac_property[6];
    int32_t bootindex;
    bool mrg_rxbuf, status, ctrl_vq, ctrl_rx, ctrl_rx_extra, ctrl_vlan, ctrl_mac_addr;
    bool ctrl_guest_offloads, mq, csum, guest_csum;
    bool host_tso4, host_tso6, host_ecn, host_ufo, guest_tso4, guest_tso6, guest_ecn, guest_ufo;
    uint16_t rx_queue_size, tx_queue_size;
    uint32_t mtu;
};

struct net_dev {
    struct virtio_proxy proxy; /* first */
    struct net net;
};

static struct net *net_of(struct virtio *v)
{
    return (struct net *)((char *)v - offsetof(struct net, v));
}

/* The control queue follows the pairs that the driver knows of. */
static unsigned ctrl_queue(const struct net *n)
{
    return virtio_has(&n->v, F_MQ) ? 2 * n->max_pairs : 2;
}

/* --- receiving ----------------------------------------------------------------------------------
 */

/* What comes for a pair that is not in use is taken, and dropped by receive. */
static bool can_receive(void *opaque, unsigned pair)
{
    struct net *n = opaque;
    bool can = true;

    g_mutex_lock(&n->v.dev->lock);
    if (pair < n->pairs) {
        struct virtq *q = &n->v.queue[QUEUE_RX(pair)];

        can = !n->paused && n->link_up && virtio_running(&n->v) && virtq_has_more(q);
        if (!can && !n->paused) {
            /* Buffers that came before the driver was asked to tell of them count. */
            can = virtq_set_notify(q, true) && n->link_up && virtio_running(&n->v);
        }
        n->rx_starved[pair] = !can;
    }
    g_mutex_unlock(&n->v.dev->lock);
    return can;
}

/* A walk over the pieces of a frame. */
struct cursor {
    const struct iovec *iov;
    unsigned n, i;
    size_t off;
};

static size_t copy_from_cursor(struct cursor *c, const struct virtq_elem *e, size_t at)
{
    size_t done = 0;

    while (c->i < c->n && at + done < e->in_len) {
        const struct iovec *piece = &c->iov[c->i];
        size_t part = MIN(piece->iov_len - c->off, e->in_len - at - done);

        virtio_copy_in(e, at + done, (const uint8_t *)piece->iov_base + c->off, part);
        done += part;
        c->off += part;
        if (c->off == piece->iov_len) {
            c->off = 0;
            c->i++;
        }
    }
    return done;
}

/*
 * Puts one frame into one buffer, or with MRG_RXBUF into as many as it takes. The header comes
 * first; the back end's own, if it gives one, else zeroes: no offload was used.
 */
static void deliver(struct net *n, unsigned queue, const uint8_t *header, struct cursor c,
                    size_t left)
{
    struct virtq *q = &n->v.queue[queue];
    struct virtq_elem *elems[RX_CHAIN];
    uint32_t written[RX_CHAIN];
    bool merge = virtio_has(&n->v, F_MRG_RXBUF);
    uint8_t count[2];
    unsigned used = 0;
    bool fits;

    do {
        struct virtq_elem *e = used < RX_CHAIN ? virtio_pop(&n->v, queue) : NULL;
        size_t at = used == 0 ? n->header_len : 0, got;

        if (!e) {
            break;
        }
        elems[used++] = e;
        if (e->in_len <= at) {
            virtio_fail(&n->v, "a receive buffer has no room for the header");
            break;
        }
        if (at) {
            virtio_copy_in(e, 0, header, at);
        }
        got = copy_from_cursor(&c, e, at);
        written[used - 1] = at + got;
        left -= got;
    } while (left && merge);

    fits = left == 0 && used > 0;
    if (!fits) {
        while (used > 0) {
            virtq_unpop(q, elems[--used]);
        }
        return;
    }
    if (n->header_len == HEADER_FULL) {
        st_le16(count, used);
        virtio_copy_in(elems[0], HEADER_LEGACY, count, 2);
    }
    virtq_push_many(q, elems, written, used);
    virtio_signal(&n->v, queue);
}

static size_t iov_length(const struct iovec *iov, unsigned n)
{
    size_t len = 0;

    for (unsigned i = 0; i < n; i++) {
        len += iov[i].iov_len;
    }
    return len;
}

static size_t iov_head(const struct iovec *iov, unsigned n, void *to, size_t len)
{
    size_t done = 0;

    for (unsigned i = 0; i < n && done < len; i++) {
        size_t part = MIN(iov[i].iov_len, len - done);

        memcpy((uint8_t *)to + done, iov[i].iov_base, part);
        done += part;
    }
    return done;
}

static struct cursor cursor_at(const struct iovec *iov, unsigned n, size_t skip)
{
    struct cursor c = {.iov = iov, .n = n};

    while (c.i < n && skip >= iov[c.i].iov_len) {
        skip -= iov[c.i++].iov_len;
    }
    c.off = skip;
    return c;
}

static void receive(void *opaque, unsigned pair, const struct iovec *iov, unsigned n_iov)
{
    struct net *n = opaque;
    uint8_t head[HEADER_FULL + 18] = {0}, header[HEADER_FULL] = {0};
    size_t total = iov_length(iov, n_iov), skip;
    size_t have = iov_head(iov, n_iov, head, sizeof(head));

    g_mutex_lock(&n->v.dev->lock);
    skip = n->peer_header;
    if (virtio_running(&n->v) && n->link_up && pair < n->pairs && total >= skip + FRAME_MIN &&
        net_filter_wants(&n->filter, virtio_has(&n->v, F_CTRL_VLAN), head + skip, have - skip)) {
        memcpy(header, head, skip);
        deliver(n, QUEUE_RX(pair), header, cursor_at(iov, n_iov, skip), total - skip);
    }
    g_mutex_unlock(&n->v.dev->lock);
}

static void link_changed(void *opaque, bool up)
{
    struct net *n = opaque;

    g_mutex_lock(&n->v.dev->lock);
    if (n->link_up != up) {
        n->link_up = up;
        virtio_config_changed(&n->v);
    }
    g_mutex_unlock(&n->v.dev->lock);
}

/* --- sending
 * ---------------------------------------------------------------------------------------- */

static void send(struct net *n, unsigned pair, struct virtq_elem *e)
{
    size_t skip = n->header_len - n->peer_header; /* all of the header, or none */
    struct cursor c = cursor_at(e->out, e->n_out, skip);
    g_autofree struct iovec *iov = g_new(struct iovec, e->n_out + 1);
    unsigned pieces = 0;

    if (e->out_len - skip > NET_FRAME_MAX || !n->link_up) {
        return;
    }
    for (unsigned i = c.i; i < e->n_out; i++) {
        size_t off = i == c.i ? c.off : 0;

        iov[pieces++] =
            (struct iovec){(uint8_t *)e->out[i].iov_base + off, e->out[i].iov_len - off};
    }
    netdev_send(n->peer, pair, iov, pieces);
}

static void transmit(struct net *n, unsigned pair)
{
    struct virtq *q = &n->v.queue[QUEUE_TX(pair)];
    struct virtq_elem *e;

    do {
        virtq_set_notify(q, false);
        while ((e = virtio_pop(&n->v, QUEUE_TX(pair)))) {
            if (e->out_len < n->header_len + FRAME_MIN) {
                virtq_elem_free(e);
                virtio_fail(&n->v, "a frame to send is shorter than its headers");
                return;
            }
            send(n, pair, e);
            virtq_push(q, e, 0);
        }
    } while (virtq_set_notify(q, true) && virtio_running(&n->v));
    virtio_signal(&n->v, QUEUE_TX(pair));
}

/* --- control queue: 5.1.6.5
 * ---------------------------------------------------------------------------- */

/* The driver has buffers on pairs from `first` on, as far as the back end was told so. */
static void poll_pairs(struct net *n, unsigned first)
{
    for (unsigned i = first; n->peer && i < n->pairs; i++) {
        netdev_poll(n->peer, i);
    }
}

static void use_pairs(struct net *n, uint16_t pairs)
{
    unsigned before = n->pairs;

    n->pairs = pairs;
    if (n->peer) {
        netdev_use_queues(n->peer, min_u64(pairs, netdev_queues(n->peer)));
        poll_pairs(n, before);
    }
}

static bool ctrl_mq(struct net *n, uint8_t command, const struct virtq_elem *e)
{
    uint8_t raw[2];
    uint16_t pairs;

    if (command != CTRL_MQ_PAIRS_SET || !virtio_has(&n->v, F_MQ) ||
        virtio_copy_out(e, 2, raw, 2) != 2) {
        return false;
    }
    pairs = ld_le16(raw);
    if (pairs < 1 || pairs > n->max_pairs) {
        return false;
    }
    use_pairs(n, pairs);
    return true;
}

/* What the back end may leave to the guest: all that was agreed on, less what was switched off. */
static void tell_offloads(struct net *n)
{
    if (n->peer && n->offloads) {
        netdev_set_header(n->peer, n->peer_header,
                          (n->v.agreed & (BIT64(F_CSUM) | HOST_SEGMENTS)) | n->guest_offloads);
    }
}

static bool ctrl_offloads(struct net *n, uint8_t command, const struct virtq_elem *e)
{
    uint8_t raw[8];
    uint64_t wanted;

    if (command != CTRL_GUEST_OFFLOADS_SET || !virtio_has(&n->v, F_CTRL_GUEST_OFFLOADS) ||
        virtio_copy_out(e, 2, raw, 8) != 8) {
        return false;
    }
    wanted = ld_le64(raw);
    if (wanted & ~(n->v.agreed & GUEST_OFFLOADS)) {
        return false;
    }
    n->guest_offloads = wanted;
    tell_offloads(n);
    return true;
}

static json_object *get_extra(struct dev *dev, const char *name)
{
    struct net *n = &((struct net_dev *)dev)->net;
    json_object *info = NULL;

    if (strcmp(name, "rx-filter") == 0) {
        g_mutex_lock(&dev->lock);
        info = net_filter_info(&n->filter, virtio_has(&n->v, F_CTRL_VLAN));
        g_mutex_unlock(&dev->lock);
    }
    return info;
}

static bool control_one(struct net *n, const struct virtq_elem *e)
{
    uint8_t header[2];

    if (virtio_copy_out(e, 0, header, 2) != 2) {
        return false;
    }
    switch (header[0]) {
    case CTRL_RX:
        return net_filter_rx(&n->filter, header[1], e) && net_filter_changed(&n->filter, n->v.dev);
    case CTRL_MAC:
        return net_filter_mac(&n->filter, header[1], e) && net_filter_changed(&n->filter, n->v.dev);
    case CTRL_VLAN:
        return net_filter_vlan(&n->filter, header[1], e) &&
               net_filter_changed(&n->filter, n->v.dev);
    case CTRL_MQ: return ctrl_mq(n, header[1], e);
    case CTRL_GUEST_OFFLOADS: return ctrl_offloads(n, header[1], e);
    default: return false;
    }
}

static void control(struct net *n, unsigned queue)
{
    struct virtq_elem *e;

    while ((e = virtio_pop(&n->v, queue))) {
        uint8_t status;

        if (e->in_len < 1 || e->out_len < 2) {
            virtq_elem_free(e);
            virtio_fail(&n->v, "a control command lacks its header or status byte");
            return;
        }
        status = control_one(n, e) ? CTRL_OK : CTRL_ERR;
        virtio_copy_in(e, e->in_len - 1, &status, 1);
        virtq_push(&n->v.queue[queue], e, 1);
    }
    virtio_signal(&n->v, queue);
}

static void notify(struct virtio *v, unsigned queue)
{
    struct net *n = net_of(v);
    unsigned pair = queue / 2;

    if (queue == ctrl_queue(n)) {
        control(n, queue);
    } else if (pair < n->pairs && queue == QUEUE_TX(pair)) {
        transmit(n, pair);
    } else if (pair < n->pairs && n->rx_starved[pair]) {
        n->rx_starved[pair] = false;
        virtq_set_notify(&v->queue[queue], false);
        netdev_poll(n->peer, pair);
    }
}

/* --- configuration
 * ---------------------------------------------------------------------------------------- */

/* Features that are properties; those of a kind that needs another are offered with it only. */
static const struct {
    uint8_t bit;
    uint8_t needs; /* feature bit; its own: none */
    uint16_t property;
} switches[] = {
    {F_STATUS, F_STATUS, offsetof(struct net, status)},
    {F_MRG_RXBUF, F_MRG_RXBUF, offsetof(struct net, mrg_rxbuf)},
    {F_CTRL_VQ, F_CTRL_VQ, offsetof(struct net, ctrl_vq)},
    {F_CTRL_RX, F_CTRL_VQ, offsetof(struct net, ctrl_rx)},
    {F_CTRL_RX_EXTRA, F_CTRL_VQ, offsetof(struct net, ctrl_rx_extra)},
    {F_CTRL_VLAN, F_CTRL_VQ, offsetof(struct net, ctrl_vlan)},
    {F_CTRL_MAC_ADDR, F_CTRL_VQ, offsetof(struct net, ctrl_mac_addr)},
    {F_CTRL_GUEST_OFFLOADS, F_CTRL_VQ, offsetof(struct net, ctrl_guest_offloads)},
    {F_CSUM, F_CSUM, offsetof(struct net, csum)},
    {F_HOST_TSO4, F_CSUM, offsetof(struct net, host_tso4)},
    {F_HOST_TSO6, F_CSUM, offsetof(struct net, host_tso6)},
    {F_HOST_ECN, F_CSUM, offsetof(struct net, host_ecn)},
    {F_HOST_UFO, F_CSUM, offsetof(struct net, host_ufo)},
    {F_GUEST_CSUM, F_GUEST_CSUM, offsetof(struct net, guest_csum)},
    {F_GUEST_TSO4, F_GUEST_CSUM, offsetof(struct net, guest_tso4)},
    {F_GUEST_TSO6, F_GUEST_CSUM, offsetof(struct net, guest_tso6)},
    {F_GUEST_ECN, F_GUEST_CSUM, offsetof(struct net, guest_ecn)},
    {F_GUEST_UFO, F_GUEST_CSUM, offsetof(struct net, guest_ufo)},
};

/* The properties that are on, each with what it needs, as feature bits. */
static uint64_t switched_on(const struct net *n)
{
    uint64_t on = 0, legal = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(switches); i++) {
        bool is = *(const bool *)((const char *)n + switches[i].property);

        on |= is ? BIT64(switches[i].bit) : 0;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(switches); i++) {
        legal |= on & BIT64(switches[i].needs) ? on & BIT64(switches[i].bit) : 0;
    }
    return legal;
}

static uint64_t features(struct virtio *v)
{
    const struct net *n = net_of(v);
    uint64_t on = switched_on(n);

    on &= ~OFFLOADS | n->offloads;
    if (!(on & GUEST_OFFLOADS)) {
        on &= ~BIT64(F_CTRL_GUEST_OFFLOADS);
    }
    return on | BIT64(F_MAC) | (n->mtu ? BIT64(F_MTU) : 0) |
           (n->max_pairs > 1 && n->ctrl_vq ? BIT64(F_MQ) : 0);
}

static void get_config(struct virtio *v, uint8_t *c)
{
    const struct net *n = net_of(v);

    memcpy(c, n->filter.mac, 6);
    st_le16(c + 6, n->link_up ? S_LINK_UP : 0);
    st_le16(c + 8, n->max_pairs);
    st_le16(c + 10, n->mtu);
}

/* Only transitional drivers may write the address here; later ones use the control queue. */
static void set_config(struct virtio *v, const uint8_t *c, unsigned off, unsigned size)
{
    struct net *n = net_of(v);

    if (off < 6 && !virtio_has(v, VIRTIO_F_VERSION_1) && !virtio_has(v, F_CTRL_MAC_ADDR)) {
        memcpy(n->filter.mac, c, 6);
    }
}

/* Which queues there are depends on MQ: none has started when that is agreed on. */
static void lay_out_queues(struct net *n)
{
    unsigned ctrl = ctrl_queue(n);

    for (unsigned i = 0; i < n->v.n_queues; i++) {
        unsigned size = i == ctrl  ? n->ctrl_vq ? CTRL_SIZE : 0
                        : i > ctrl ? 0
                        : i & 1    ? n->tx_queue_size
                                   : n->rx_queue_size;

        if (n->v.queue[i].size_max != size) {
            virtio_set_queue_size(&n->v, i, size);
        }
    }
}

static void negotiated(struct virtio *v)
{
    struct net *n = net_of(v);
    bool full = virtio_has(v, VIRTIO_F_VERSION_1) || virtio_has(v, F_MRG_RXBUF);

    lay_out_queues(n);
    n->header_len = full ? HEADER_FULL : HEADER_LEGACY;
    n->peer_header = n->peer && n->offloads ? n->header_len : 0;
    n->guest_offloads = v->agreed & GUEST_OFFLOADS;
    tell_offloads(n);
    use_pairs(n, 1);
}

static bool reset(struct virtio *v)
{
    struct net *n = net_of(v);

    net_filter_reset(&n->filter, n->mac_property);
    for (unsigned i = 0; i < n->max_pairs; i++) {
        n->rx_starved[i] = true;
    }
    return true;
}

static void status_changed(struct virtio *v)
{
    if (v->status & STATUS_DRIVER_OK) {
        poll_pairs(net_of(v), 0);
    }
}

static const struct virtio_class net_class = {
    .name = "virtio-net",
    .id = 1,
    .config_size = CONFIG_SIZE,
    .features = features,
    .get_config = get_config,
    .set_config = set_config,
    .negotiated = negotiated,
    .status_changed = status_changed,
    .notify = notify,
    .reset = reset,
};

/* --- device
 * ----------------------------------------------------------------------------------------------------
 */

static gboolean check_size(const char *name, uint16_t size, GError **error)
{
    if (!is_pow2(size) || size < 256 || size > VIRTQ_SIZE_MAX) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                    "Invalid %s (= %u), must be a power of 2 between 256 and %d.", name, size,
                    VIRTQ_SIZE_MAX);
        return FALSE;
    }
    return TRUE;
}

static gboolean attach_peer(struct dev *dev, struct net *n, GError **error)
{
    const struct net_nic nic = {
        .can_receive = can_receive,
        .receive = receive,
        .link = link_changed,
        .opaque = n,
    };

    if (!n->netdev_id) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_MISSING,
                    "virtio-net needs a network back end: netdev=ID");
        return FALSE;
    }
    n->peer = dev->env->find(dev->env->machine, ROW_LINK_NETDEV, n->netdev_id, error);
    if (!n->peer || !netdev_attach(n->peer, &nic, error)) {
        n->peer = NULL;
        return FALSE;
    }
    n->offloads = netdev_offloads(n->peer) & switched_on(n) & OFFLOADS;
    n->link_up = true;
    return TRUE;
}

static void start_queues(struct net_dev *d)
{
    struct net *n = &d->net;

    n->max_pairs = n->mq ? netdev_queues(n->peer) : 1;
    n->pairs = 1;
    n->rx_starved = g_new0(bool, n->max_pairs);
    virtio_proxy_init(&d->proxy, &n->v, &net_class, 2 * n->max_pairs + n->ctrl_vq);
    lay_out_queues(n);
    net_filter_reset(&n->filter, n->mac_property);
    netdev_use_queues(n->peer, 1);
}

static gboolean realize(struct dev *dev, GError **error)
{
    struct net_dev *d = (struct net_dev *)dev;
    struct net *n = &d->net;
    static const uint8_t none[6];

    if (!check_size("rx_queue_size", n->rx_queue_size, error) ||
        !check_size("tx_queue_size", n->tx_queue_size, error)) {
        return FALSE;
    }
    if (memcmp(n->mac_property, none, 6) == 0) {
        const uint8_t first[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};

        memcpy(n->mac_property, first, 6);
        n->mac_property[5] += virtio_proxy_place(&d->proxy);
    }
    if (!attach_peer(dev, n, error)) {
        return FALSE;
    }
    start_queues(d);
    /* One a queue, one for the control queue, one for the configuration. */
    return virtio_proxy_attach(&d->proxy, &n->v, 2 * n->max_pairs + 2, error);
}

static void unrealize(struct dev *dev)
{
    struct net *n = &((struct net_dev *)dev)->net;

    if (n->peer) {
        netdev_detach(n->peer);
        n->peer = NULL;
    }
    virtio_fini(&n->v);
    g_clear_pointer(&n->rx_starved, g_free);
}

#define NET_FIELD(f) ROW_FIELD(struct net_dev, net.f)
#define ON_OFF(name_, field_, help_)                                                   \
    {                                                                                  \
        .name = name_, .type = ROW_BOOL, NET_FIELD(field_), .def = "on", .help = help_ \
    }

static const struct row props[] = {
    {.name = "netdev",
     .type = ROW_LINK,
     NET_FIELD(netdev_id),
     .link = ROW_LINK_NETDEV,
     .help = "ID of a netdev to use as a backend"},
    {.name = "mac",
     .type = ROW_MAC,
     NET_FIELD(mac_property),
     .help = "Ethernet 6-byte MAC Address, example: 52:54:00:12:34:56"},
    {.name = "bootindex",
     .type = ROW_INT,
     NET_FIELD(bootindex),
     .def = "-1",
     .help = "Place in the boot order, lowest first"},
    {.name = "rx_queue_size",
     .type = ROW_UINT,
     NET_FIELD(rx_queue_size),
     .def = "256",
     .help = "Receive descriptors, a power of two from 256"},
    {.name = "tx_queue_size",
     .type = ROW_UINT,
     NET_FIELD(tx_queue_size),
     .def = "256",
     .help = "Send descriptors, a power of two from 256"},
    {.name = "host_mtu",
     .type = ROW_UINT,
     NET_FIELD(mtu),
     .def = "0",
     .max = 65535,
     .help = "MTU told to the guest; 0: none"},
    {.name = "mq",
     .type = ROW_BOOL,
     NET_FIELD(mq),
     .def = "off",
     .help = "Offer as many queue pairs as the netdev has queues"},
    ON_OFF("csum", csum, "The guest may leave checksums to the host"),
    ON_OFF("host_tso4", host_tso4, "The guest may leave TCP segmentation to the host"),
    ON_OFF("host_tso6", host_tso6, "The same over IPv6"),
    ON_OFF("host_ecn", host_ecn, "The same with congestion notification"),
    ON_OFF("host_ufo", host_ufo, "The guest may leave UDP fragmentation to the host"),
    ON_OFF("guest_csum", guest_csum, "The guest may get frames without checksums"),
    ON_OFF("guest_tso4", guest_tso4, "The guest may get unsegmented TCP"),
    ON_OFF("guest_tso6", guest_tso6, "The same over IPv6"),
    ON_OFF("guest_ecn", guest_ecn, "The same with congestion notification"),
    ON_OFF("guest_ufo", guest_ufo, "The guest may get unfragmented UDP"),
    ON_OFF("ctrl_guest_offloads", ctrl_guest_offloads, "The guest may switch what it gets"),
    ON_OFF("mrg_rxbuf", mrg_rxbuf, "A frame may be spread over receive buffers"),
    ON_OFF("status", status, "Tell the guest of the link"),
    ON_OFF("ctrl_vq", ctrl_vq, "Offer the control queue"),
    ON_OFF("ctrl_rx", ctrl_rx, "Receive modes"),
    ON_OFF("ctrl_rx_extra", ctrl_rx_extra, "More receive modes"),
    ON_OFF("ctrl_vlan", ctrl_vlan, "VLAN filter"),
    ON_OFF("ctrl_mac_addr", ctrl_mac_addr, "The guest may change its address"),
    {},
};

static const struct state_row state[] = {
    STATE_KEEP(struct net_dev, net.link_up),
    STATE_SUB(struct net_dev, net.filter, net_filter_state),
    STATE_U(struct net_dev, net.pairs, 1),
    STATE_U(struct net_dev, net.guest_offloads, 0),
    STATE_DONE,
};

static void device_reset(struct dev *dev)
{
    struct net *n = &((struct net_dev *)dev)->net;

    net_filter_reset(&n->filter, n->mac_property);
}

static gboolean post_load(struct dev *dev, GError **error)
{
    struct net *n = &((struct net_dev *)dev)->net;

    if (!net_filter_valid(&n->filter)) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE, "%s: its address table has %u + %u entries",
                    dev->class->name, n->filter.n_unicast, n->filter.n_multicast);
        return FALSE;
    }
    if (n->pairs < 1 || n->pairs > n->max_pairs ||
        (n->guest_offloads & ~(n->v.agreed & GUEST_OFFLOADS))) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                    "%s: %u queue pairs or its offloads are not what was agreed on",
                    dev->class->name, n->pairs);
        n->pairs = 1;
        n->guest_offloads = 0;
        return FALSE;
    }
    tell_offloads(n);
    use_pairs(n, n->pairs);
    return TRUE;
}

static void pause_net(struct dev *dev)
{
    struct net *n = &((struct net_dev *)dev)->net;

    g_mutex_lock(&dev->lock);
    n->paused = true;
    g_mutex_unlock(&dev->lock);
}

static void resume_net(struct dev *dev)
{
    struct net *n = &((struct net_dev *)dev)->net;

    g_mutex_lock(&dev->lock);
    n->paused = false;
    for (unsigned pair = 0; pair < n->pairs; pair++) {
        netdev_poll(n->peer, pair);
    }
    g_mutex_unlock(&dev->lock);
}

static const struct virtio_pci_info net_pci_info = {
    .pci = VIRTIO_PCI_CLASS(0x020000, .romfile = "efi-virtio.rom"),
    .transitional_id = 0x1000,
};

const struct dev_class virtio_net_pci_class = {
    .name = "virtio-net-pci",
    .alias = "virtio-net",
    .description = "Virtio network device",
    .bus_type = "PCI",
    .category = "Network",
    .base = &virtio_pci_class,
    .bus_class = &net_pci_info,
    .instance_size = sizeof(struct net_dev),
    .props = props,
    .state = state,
    .realize = realize,
    .unrealize = unrealize,
    .reset = device_reset,
    .post_load = post_load,
    .pause = pause_net,
    .resume = resume_net,
    .get_extra = get_extra,
};

const struct dev_class virtio_net_device_class = {
    .name = "virtio-net-device",
    .description = "Virtio network device",
    .bus_type = "virtio-bus",
    .category = "Network",
    .base = &virtio_device_class,
    .instance_size = sizeof(struct net_dev),
    .props = props,
    .state = state,
    .realize = realize,
    .unrealize = unrealize,
    .reset = device_reset,
    .post_load = post_load,
    .pause = pause_net,
    .resume = resume_net,
    .get_extra = get_extra,
};
