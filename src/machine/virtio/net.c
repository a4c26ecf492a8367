/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio-net. Virtual I/O Device (VIRTIO) 1.2, 5.1. */
#include "machine/net/net.h"
#include "base/bits.h"
#include "base/endian.h"
#include "machine/virtio/devices.h"
#include "machine/virtio/pci.h"

#define F_CSUM          0
#define F_GUEST_CSUM    1
#define F_MTU           3
#define F_MAC           5
#define F_MRG_RXBUF     15
#define F_STATUS        16
#define F_CTRL_VQ       17
#define F_CTRL_RX       18
#define F_CTRL_VLAN     19
#define F_CTRL_MAC_ADDR 23
#define F_CTRL_RX_EXTRA 20

#define S_LINK_UP 1

#define CTRL_RX          0
#define CTRL_RX_PROMISC  0
#define CTRL_RX_ALLMULTI 1
#define CTRL_RX_ALLUNI   2
#define CTRL_RX_NOMULTI  3
#define CTRL_RX_NOUNI    4
#define CTRL_RX_NOBCAST  5
#define CTRL_MAC         1
#define CTRL_MAC_TABLE   0
#define CTRL_MAC_ADDR    1
#define CTRL_VLAN        2
#define CTRL_VLAN_ADD    0
#define CTRL_VLAN_DEL    1
#define CTRL_OK          0
#define CTRL_ERR         1

#define QUEUE_RX   0
#define QUEUE_TX   1
#define QUEUE_CTRL 2
#define N_QUEUES   3

#define CONFIG_SIZE   12
#define HEADER_LEGACY 10 /* without num_buffers */
#define HEADER_FULL   12
#define MAC_TABLE     64
#define FRAME_MIN     14
#define RX_CHAIN      64 /* buffers one received frame may take */

struct net {
    struct virtio v;
    struct netdev *peer;
    bool link_up;         /* lock */
    bool rx_starved;      /* lock: the back end waits for buffers */
    unsigned header_len;  /* lock: bytes before each frame, as negotiated */
    unsigned peer_header; /* lock: bytes of it that the back end gives and takes */
    uint64_t offloads;    /* what the back end can do and the user left on; frozen */
    /* receive filter; lock */
    uint8_t mac[6];
    bool promisc, allmulti, alluni, nomulti, nouni, nobcast;
    bool table_overflow_uni, table_overflow_multi;
    uint32_t n_unicast, n_multicast; /* in table, unicast first */
    uint8_t table[MAC_TABLE][6];
    uint32_t vlans[4096 / 32];
    /* properties */
    char *netdev_id;
    uint8_t mac_property[6];
    int32_t bootindex;
    bool mrg_rxbuf, status, ctrl_vq, ctrl_rx, ctrl_vlan, ctrl_mac_addr, csum, guest_csum;
    uint16_t rx_queue_size, tx_queue_size;
    uint32_t mtu;
};

struct net_pci {
    struct virtio_pci proxy; /* first */
    struct net net;
};

static struct net *net_of(struct virtio *v)
{
    return (struct net *)((char *)v - offsetof(struct net, v));
}

/* --- receive filter: 5.1.6.5.1 to 5.1.6.5.3 ----------------------------------------------------
 */

static bool in_table(const struct net *n, const uint8_t *mac, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        if (memcmp(n->table[i], mac, 6) == 0) {
            return true;
        }
    }
    return false;
}

static bool wants_vlan(const struct net *n, const uint8_t *frame, size_t len)
{
    uint16_t vid;

    if (!virtio_has(&n->v, F_CTRL_VLAN) || len < 18 || ld_be16(frame + 12) != 0x8100) {
        return true;
    }
    vid = ld_be16(frame + 14) & 0xfff;
    return n->vlans[vid / 32] >> (vid % 32) & 1;
}

static bool wants(const struct net *n, const uint8_t *frame, size_t len)
{
    static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

    if (n->promisc) {
        return true;
    }
    if (!wants_vlan(n, frame, len)) {
        return false;
    }
    if (frame[0] & 1) {
        if (memcmp(frame, broadcast, 6) == 0) {
            return !n->nobcast;
        }
        return !n->nomulti && (n->allmulti || n->table_overflow_multi ||
                               in_table(n, frame, n->n_unicast, n->n_unicast + n->n_multicast));
    }
    return !n->nouni && (n->alluni || n->table_overflow_uni || memcmp(frame, n->mac, 6) == 0 ||
                         in_table(n, frame, 0, n->n_unicast));
}

/* --- receiving ----------------------------------------------------------------------------------
 */

static bool can_receive(void *opaque)
{
    struct net *n = opaque;
    bool can;

    g_mutex_lock(&n->v.dev->lock);
    can = n->link_up && virtio_running(&n->v) && virtq_has_more(&n->v.queue[QUEUE_RX]);
    n->rx_starved = !can;
    if (!can) {
        virtq_set_notify(&n->v.queue[QUEUE_RX], true);
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
static void deliver(struct net *n, const uint8_t *header, struct cursor c, size_t left)
{
    struct virtq *q = &n->v.queue[QUEUE_RX];
    struct virtq_elem *elems[RX_CHAIN];
    uint32_t written[RX_CHAIN];
    bool merge = virtio_has(&n->v, F_MRG_RXBUF);
    uint8_t count[2];
    unsigned used = 0;
    bool fits;

    do {
        struct virtq_elem *e = used < RX_CHAIN ? virtio_pop(&n->v, QUEUE_RX) : NULL;
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
    virtio_signal(&n->v, QUEUE_RX);
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

static void receive(void *opaque, const struct iovec *iov, unsigned n_iov)
{
    struct net *n = opaque;
    uint8_t head[HEADER_FULL + 18] = {0}, header[HEADER_FULL] = {0};
    size_t total = iov_length(iov, n_iov), skip;
    size_t have = iov_head(iov, n_iov, head, sizeof(head));

    g_mutex_lock(&n->v.dev->lock);
    skip = n->peer_header;
    if (virtio_running(&n->v) && n->link_up && total >= skip + FRAME_MIN &&
        wants(n, head + skip, have - skip)) {
        memcpy(header, head, skip);
        deliver(n, header, cursor_at(iov, n_iov, skip), total - skip);
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

static void send(struct net *n, struct virtq_elem *e)
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
    netdev_send(n->peer, iov, pieces);
}

static void transmit(struct net *n)
{
    struct virtq *q = &n->v.queue[QUEUE_TX];
    struct virtq_elem *e;

    do {
        virtq_set_notify(q, false);
        while ((e = virtio_pop(&n->v, QUEUE_TX))) {
            if (e->out_len < n->header_len + FRAME_MIN) {
                virtq_elem_free(e);
                virtio_fail(&n->v, "a frame to send is shorter than its headers");
                return;
            }
            send(n, e);
            virtq_push(q, e, 0);
        }
    } while (virtq_set_notify(q, true) && virtio_running(&n->v));
    virtio_signal(&n->v, QUEUE_TX);
}

/* --- control queue: 5.1.6.5
 * ---------------------------------------------------------------------------- */

static uint8_t ctrl_rx(struct net *n, uint8_t command, const struct virtq_elem *e)
{
    bool *const flag[] = {
        [CTRL_RX_PROMISC] = &n->promisc, [CTRL_RX_ALLMULTI] = &n->allmulti,
        [CTRL_RX_ALLUNI] = &n->alluni,   [CTRL_RX_NOMULTI] = &n->nomulti,
        [CTRL_RX_NOUNI] = &n->nouni,     [CTRL_RX_NOBCAST] = &n->nobcast,
    };
    uint8_t on;

    if (command >= G_N_ELEMENTS(flag) || virtio_copy_out(e, 2, &on, 1) != 1) {
        return CTRL_ERR;
    }
    *flag[command] = on != 0;
    return CTRL_OK;
}

/* One of the two lists of SET_TABLE, at *off of the element; what does not fit means "all". */
static bool read_table(struct net *n, const struct virtq_elem *e, size_t *off, uint32_t first,
                       uint32_t *ret_count, bool *ret_overflow)
{
    uint8_t raw[4];
    uint32_t count;

    if (virtio_copy_out(e, *off, raw, 4) != 4) {
        return false;
    }
    count = ld_le32(raw);
    *off += 4;
    if ((e->out_len - *off) / 6 < count) {
        return false;
    }
    *ret_overflow = count > MAC_TABLE - first;
    *ret_count = *ret_overflow ? 0 : count;
    virtio_copy_out(e, *off, n->table[first], *ret_count * 6);
    *off += (size_t)count * 6;
    return true;
}

static uint8_t ctrl_mac(struct net *n, uint8_t command, const struct virtq_elem *e)
{
    size_t off = 2;

    if (command == CTRL_MAC_ADDR) {
        return e->out_len == 8 && virtio_copy_out(e, 2, n->mac, 6) == 6 ? CTRL_OK : CTRL_ERR;
    }
    if (command != CTRL_MAC_TABLE ||
        !read_table(n, e, &off, 0, &n->n_unicast, &n->table_overflow_uni) ||
        !read_table(n, e, &off, n->n_unicast, &n->n_multicast, &n->table_overflow_multi)) {
        return CTRL_ERR;
    }
    return CTRL_OK;
}

static uint8_t ctrl_vlan(struct net *n, uint8_t command, const struct virtq_elem *e)
{
    uint8_t raw[2];
    uint16_t vid;

    if (command > CTRL_VLAN_DEL || virtio_copy_out(e, 2, raw, 2) != 2) {
        return CTRL_ERR;
    }
    vid = ld_le16(raw);
    if (vid >= 4096) {
        return CTRL_ERR;
    }
    if (command == CTRL_VLAN_ADD) {
        n->vlans[vid / 32] |= 1u << (vid % 32);
    } else {
        n->vlans[vid / 32] &= ~(1u << (vid % 32));
    }
    return CTRL_OK;
}

static uint8_t control_one(struct net *n, const struct virtq_elem *e)
{
    uint8_t header[2];

    if (virtio_copy_out(e, 0, header, 2) != 2) {
        return CTRL_ERR;
    }
    switch (header[0]) {
    case CTRL_RX: return ctrl_rx(n, header[1], e);
    case CTRL_MAC: return ctrl_mac(n, header[1], e);
    case CTRL_VLAN: return ctrl_vlan(n, header[1], e);
    default: return CTRL_ERR;
    }
}

static void control(struct net *n)
{
    struct virtq_elem *e;

    while ((e = virtio_pop(&n->v, QUEUE_CTRL))) {
        uint8_t status;

        if (e->in_len < 1 || e->out_len < 2) {
            virtq_elem_free(e);
            virtio_fail(&n->v, "a control command lacks its header or status byte");
            return;
        }
        status = control_one(n, e);
        virtio_copy_in(e, e->in_len - 1, &status, 1);
        virtq_push(&n->v.queue[QUEUE_CTRL], e, 1);
    }
    virtio_signal(&n->v, QUEUE_CTRL);
}

static void notify(struct virtio *v, unsigned queue)
{
    struct net *n = net_of(v);

    switch (queue) {
    case QUEUE_RX:
        if (n->rx_starved) {
            n->rx_starved = false;
            virtq_set_notify(&v->queue[QUEUE_RX], false);
            netdev_poll(n->peer);
        }
        break;
    case QUEUE_TX: transmit(n); break;
    case QUEUE_CTRL: control(n); break;
    }
}

/* --- configuration
 * ---------------------------------------------------------------------------------------- */

#define OFFLOADS                                                                        \
    (BIT64(F_CSUM) | BIT64(F_GUEST_CSUM) | BIT64(7) | BIT64(8) | BIT64(9) | BIT64(10) | \
     BIT64(11) | BIT64(12) | BIT64(13) | BIT64(14))

static uint64_t features(struct virtio *v)
{
    const struct net *n = net_of(v);
    uint64_t ctrl = (n->ctrl_rx ? BIT64(F_CTRL_RX) | BIT64(F_CTRL_RX_EXTRA) : 0) |
                    (n->ctrl_vlan ? BIT64(F_CTRL_VLAN) : 0) |
                    (n->ctrl_mac_addr ? BIT64(F_CTRL_MAC_ADDR) : 0) | BIT64(F_CTRL_VQ);

    return BIT64(F_MAC) | (n->status ? BIT64(F_STATUS) : 0) |
           (n->mrg_rxbuf ? BIT64(F_MRG_RXBUF) : 0) | (n->ctrl_vq ? ctrl : 0) |
           (n->mtu ? BIT64(F_MTU) : 0) | (n->offloads & OFFLOADS);
}

static void get_config(struct virtio *v, uint8_t *c)
{
    const struct net *n = net_of(v);

    memcpy(c, n->mac, 6);
    st_le16(c + 6, n->link_up ? S_LINK_UP : 0);
    st_le16(c + 8, 1);
    st_le16(c + 10, n->mtu);
}

/* Only transitional drivers may write the address here; later ones use the control queue. */
static void set_config(struct virtio *v, const uint8_t *c, unsigned off, unsigned size)
{
    struct net *n = net_of(v);

    if (off < 6 && !virtio_has(v, VIRTIO_F_VERSION_1) && !virtio_has(v, F_CTRL_MAC_ADDR)) {
        memcpy(n->mac, c, 6);
    }
}

static void negotiated(struct virtio *v)
{
    struct net *n = net_of(v);
    bool full = virtio_has(v, VIRTIO_F_VERSION_1) || virtio_has(v, F_MRG_RXBUF);

    n->header_len = full ? HEADER_FULL : HEADER_LEGACY;
    n->peer_header = n->peer && n->offloads ? n->header_len : 0;
    if (n->peer && n->offloads) {
        netdev_set_header(n->peer, n->peer_header, v->agreed & OFFLOADS);
    }
}

/* A driver that cannot filter gets what is for its address, and all multicast. */
static void reset_filter(struct net *n)
{
    memcpy(n->mac, n->mac_property, 6);
    n->promisc = true;
    n->allmulti = n->alluni = n->nomulti = n->nouni = n->nobcast = false;
    n->table_overflow_uni = n->table_overflow_multi = false;
    n->n_unicast = n->n_multicast = 0;
    memset(n->vlans, 0, sizeof(n->vlans));
}

static bool reset(struct virtio *v)
{
    reset_filter(net_of(v));
    net_of(v)->rx_starved = true;
    return true;
}

static void status_changed(struct virtio *v)
{
    struct net *n = net_of(v);

    if (v->status & STATUS_DRIVER_OK && n->peer) {
        netdev_poll(n->peer);
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
    n->offloads = netdev_offloads(n->peer);
    n->offloads &= ~((n->csum ? 0 : BIT64(F_CSUM)) | (n->guest_csum ? 0 : BIT64(F_GUEST_CSUM)));
    n->link_up = true;
    return TRUE;
}

static gboolean realize(struct dev *dev, GError **error)
{
    struct net_pci *d = (struct net_pci *)dev;
    struct net *n = &d->net;
    static const uint8_t none[6];

    if (!check_size("rx_queue_size", n->rx_queue_size, error) ||
        !check_size("tx_queue_size", n->tx_queue_size, error)) {
        return FALSE;
    }
    if (memcmp(n->mac_property, none, 6) == 0) {
        const uint8_t first[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};

        memcpy(n->mac_property, first, 6);
        n->mac_property[5] += d->proxy.pci.devfn >> 3;
    }
    virtio_init(&n->v, &net_class, dev, &d->proxy.pci.dma, &virtio_pci_transport,
                n->ctrl_vq ? N_QUEUES : N_QUEUES - 1);
    virtio_set_queue_size(&n->v, QUEUE_RX, n->rx_queue_size);
    virtio_set_queue_size(&n->v, QUEUE_TX, n->tx_queue_size);
    if (n->ctrl_vq) {
        virtio_set_queue_size(&n->v, QUEUE_CTRL, 64);
    }
    reset_filter(n);
    if (!virtio_pci_attach(&d->proxy, &n->v, 3, error)) {
        return FALSE;
    }
    return attach_peer(dev, n, error);
}

static void unrealize(struct dev *dev)
{
    struct net *n = &((struct net_pci *)dev)->net;

    if (n->peer) {
        netdev_detach(n->peer);
        n->peer = NULL;
    }
    virtio_fini(&n->v);
}

#define NET_FIELD(f) ROW_FIELD(struct net_pci, net.f)
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
    ON_OFF("csum", csum, "The guest may leave checksums to the host"),
    ON_OFF("guest_csum", guest_csum, "The guest may get frames without checksums"),
    ON_OFF("mrg_rxbuf", mrg_rxbuf, "A frame may be spread over receive buffers"),
    ON_OFF("status", status, "Tell the guest of the link"),
    ON_OFF("ctrl_vq", ctrl_vq, "Offer the control queue"),
    ON_OFF("ctrl_rx", ctrl_rx, "Receive modes"),
    ON_OFF("ctrl_vlan", ctrl_vlan, "VLAN filter"),
    ON_OFF("ctrl_mac_addr", ctrl_mac_addr, "The guest may change its address"),
    {},
};

static const struct state_row state[] = {
    STATE_KEEP(struct net_pci, net.link_up),
    STATE_U_ARRAY(struct net_pci, net.mac, 0),
    STATE_U(struct net_pci, net.promisc, 1),
    STATE_U(struct net_pci, net.allmulti, 0),
    STATE_U(struct net_pci, net.alluni, 0),
    STATE_U(struct net_pci, net.nomulti, 0),
    STATE_U(struct net_pci, net.nouni, 0),
    STATE_U(struct net_pci, net.nobcast, 0),
    STATE_U(struct net_pci, net.table_overflow_uni, 0),
    STATE_U(struct net_pci, net.table_overflow_multi, 0),
    STATE_U(struct net_pci, net.n_unicast, 0),
    STATE_U(struct net_pci, net.n_multicast, 0),
    {.kind = STATE_ARRAY,
     .name = "table",
     .offset = offsetof(struct net_pci, net.table),
     .size = 1,
     .count = MAC_TABLE * 6},
    STATE_U_ARRAY(struct net_pci, net.vlans, 0),
    STATE_DONE,
};

static void device_reset(struct dev *dev)
{
    reset_filter(&((struct net_pci *)dev)->net);
}

static gboolean post_load(struct dev *dev, GError **error)
{
    const struct net *n = &((struct net_pci *)dev)->net;

    if (n->n_unicast > MAC_TABLE || n->n_multicast > MAC_TABLE - n->n_unicast) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE, "%s: its address table has %u + %u entries",
                    dev->class->name, n->n_unicast, n->n_multicast);
        return FALSE;
    }
    return TRUE;
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
    .instance_size = sizeof(struct net_pci),
    .props = props,
    .state = state,
    .realize = realize,
    .unrealize = unrealize,
    .reset = device_reset,
    .post_load = post_load,
};
