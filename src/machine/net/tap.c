/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tap: an Ethernet interface of the host's kernel, opened here (ifname=) or by the caller (fd=,
 * fds=), with one descriptor a queue.
 * Linux Documentation/networking/tuntap.rst.
 */
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/least.h"
#include "machine/net/backend.h"

#define DEVICE      "/dev/net/tun"
#define HEADER_MIN  10 /* struct virtio_net_hdr */
#define HEADER_MAX  12
#define READ_ROUNDS 64

/* VIRTIO_NET_F_* bits. */
#define CSUM       (1u << 0)
#define GUEST_CSUM (1u << 1)
#define GUEST_TSO4 (1u << 7)
#define GUEST_TSO6 (1u << 8)
#define GUEST_ECN  (1u << 9)
#define GUEST_UFO  (1u << 10)
#define HOST_TSO4  (1u << 11)
#define HOST_TSO6  (1u << 12)
#define HOST_ECN   (1u << 13)
#define HOST_UFO   (1u << 14)

struct options {
    char *ifname, *fd, *fds, *script, *downscript;
    int vnet_hdr; /* enum row_auto */
    bool vhost;
    uint16_t queues;
};

/* One descriptor of the interface; the kernel keeps a flow to one. */
struct tap_queue {
    struct netdev *n;
    unsigned index;
    int fd;
    GSource *source; /* loop; NULL while the NIC cannot receive */
};

struct tap {
    struct tap_queue *queue; /* n_queues, owned; those with fd >= 0 are open */
    unsigned n_queues;
    unsigned kernel; /* atomic: bytes of header the kernel gives and takes; 0: none */
    unsigned nic;    /* atomic: what the NIC agreed on */
    bool ufo;        /* the kernel has UDP fragmentation offload */
    char name[IFNAMSIZ];
    uint8_t *buffer; /* loop */
};

static struct tap *tap_of(struct netdev *n)
{
    return n->state;
}

/* Bytes of the kernel's header that the NIC knows nothing of. */
static unsigned surplus(const struct tap *t)
{
    return __atomic_load_n(&t->nic, __ATOMIC_RELAXED)
               ? 0
               : __atomic_load_n(&t->kernel, __ATOMIC_RELAXED);
}

/* --- receiving
 * ------------------------------------------------------------------------------------ */

static gboolean readable(gint fd, GIOCondition condition, gpointer opaque)
{
    struct tap_queue *q = opaque;
    struct tap *t = tap_of(q->n);

    for (unsigned i = 0; i < READ_ROUNDS; i++) {
        struct iovec iov;
        size_t skip;
        ssize_t len;

        if (!net_can_deliver(q->n, q->index)) {
            g_clear_pointer(&q->source, g_source_unref);
            return G_SOURCE_REMOVE;
        }
        len = read(q->fd, t->buffer, NET_FRAME_MAX);
        if (len <= 0) {
            return G_SOURCE_CONTINUE;
        }
        skip = min_u64(surplus(t), (size_t)len);
        iov = (struct iovec){t->buffer + skip, len - skip};
        net_deliver(q->n, q->index, &iov, 1);
    }
    return G_SOURCE_CONTINUE;
}

static void poll_tap(struct netdev *n, unsigned queue)
{
    struct tap_queue *q = &tap_of(n)->queue[queue];

    if (!q->source && q->fd >= 0) {
        q->source = g_unix_fd_source_new(q->fd, G_IO_IN);
        g_source_set_callback(q->source, G_SOURCE_FUNC(readable), q, NULL);
        g_source_attach(q->source, n->context);
    }
}

/* --- sending
 * ---------------------------------------------------------------------------------------- */

/* A frame the kernel does not take is lost, as on a wire. */
static void send_tap(struct netdev *n, unsigned queue, const struct iovec *iov, unsigned niov)
{
    struct tap *t = tap_of(n);
    uint8_t none[HEADER_MAX] = {0};
    struct iovec piece[2] = {{none, surplus(t)}, *iov};
    ssize_t r;

    do {
        r = writev(t->queue[queue].fd, piece, 2);
    } while (r < 0 && errno == EINTR);
    if (r < 0) {
        __atomic_add_fetch(&n->dropped, 1, __ATOMIC_RELAXED);
    }
}

/* --- offloads and queues
 * ------------------------------------------------------------------------------------------ */

static uint64_t offloads(struct netdev *n)
{
    const struct tap *t = tap_of(n);

    if (!t->kernel) {
        return 0;
    }
    return CSUM | GUEST_CSUM | GUEST_TSO4 | GUEST_TSO6 | GUEST_ECN | HOST_TSO4 | HOST_TSO6 |
           HOST_ECN | (t->ufo ? GUEST_UFO | HOST_UFO : 0);
}

/* What the guest receives without checksum or unsegmented, in the kernel's bits. */
static unsigned kernel_flags(uint64_t agreed)
{
    unsigned flags = TUN_F_CSUM | (agreed & GUEST_TSO4 ? TUN_F_TSO4 : 0) |
                     (agreed & GUEST_TSO6 ? TUN_F_TSO6 : 0) | (agreed & GUEST_UFO ? TUN_F_UFO : 0);

    if (!(agreed & GUEST_CSUM)) {
        return 0;
    }
    if ((agreed & GUEST_ECN) && (flags & (TUN_F_TSO4 | TUN_F_TSO6))) {
        flags |= TUN_F_TSO_ECN;
    }
    return flags;
}

/* The header's size and the offloads are the interface's: any of its descriptors sets them. */
static void set_header(struct netdev *n, unsigned len, uint64_t agreed)
{
    struct tap *t = tap_of(n);
    int size = len;

    __atomic_store_n(&t->nic, len, __ATOMIC_RELAXED);
    if (!t->kernel || len == 0) {
        return;
    }
    if (ioctl(t->queue[0].fd, TUNSETVNETHDRSZ, &size) == 0) {
        __atomic_store_n(&t->kernel, len, __ATOMIC_RELAXED);
    }
    if (ioctl(t->queue[0].fd, TUNSETOFFLOAD, kernel_flags(agreed)) < 0) {
        g_info("netdev '%s': the kernel refuses offloads: %s", n->id, g_strerror(errno));
    }
}

/* The kernel spreads flows over the attached descriptors, so those nobody reads are detached. */
static void use_queues(struct netdev *n, unsigned active)
{
    struct tap *t = tap_of(n);

    for (unsigned i = 0; t->n_queues > 1 && i < t->n_queues; i++) {
        struct ifreq ifr = {.ifr_flags = i < active ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE};

        /* One that is in the wanted state already says EINVAL. */
        if (ioctl(t->queue[i].fd, TUNSETQUEUE, &ifr) < 0 && errno != EINVAL) {
            g_info("netdev '%s': queue %u: %s", n->id, i, g_strerror(errno));
        }
    }
}

/* --- opening
 * --------------------------------------------------------------------------------------------- */

static gboolean fail(struct netdev *n, const char *what, GError **error)
{
    int code = errno;

    g_set_error(error, G_IO_ERROR, g_io_error_from_errno(code), "netdev '%s': %s: %s%s", n->id,
                what, g_strerror(code),
                code == EPERM || code == EACCES
                    ? ". hint: a tap interface needs CAP_NET_ADMIN, or one made for this user by "
                      "\"ip tuntap add mode tap user NAME\", or fd="
                    : "");
    return FALSE;
}

/* Scripts get the interface's name as QEMU's do; "no" or "" means none. */
static gboolean run_script(const char *script, const char *name, GError **error)
{
    const char *argv[] = {script, name, NULL};
    int status;

    if (!script || !*script || strcmp(script, "no") == 0) {
        return TRUE;
    }
    return g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_CHILD_INHERITS_STDIN, NULL, NULL, NULL,
                        NULL, &status, error) &&
           g_spawn_check_wait_status(status, error);
}

/* Another descriptor of the interface; the first one makes it, or finds the one of that name. */
static gboolean open_queue(struct netdev *n, const struct options *o, unsigned i, GError **error)
{
    struct tap *t = tap_of(n);
    struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    unsigned features = 0;
    int fd = t->queue[i].fd = open(DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0) {
        return fail(n, "cannot open " DEVICE, error);
    }
    if (ioctl(fd, TUNGETFEATURES, &features) == 0 && (features & IFF_VNET_HDR) &&
        o->vnet_hdr != ROW_OFF) {
        ifr.ifr_flags |= IFF_VNET_HDR;
        t->kernel = HEADER_MIN;
    }
    ifr.ifr_flags |= t->n_queues > 1 ? IFF_MULTI_QUEUE : 0;
    memcpy(ifr.ifr_name, t->name, IFNAMSIZ);
    if (ioctl(fd, TUNSETIFF, &ifr) < 0) {
        g_autofree char *what =
            g_strdup_printf("could not configure " DEVICE " (%s)", ifr.ifr_name);

        return fail(n, what, error);
    }
    memcpy(t->name, ifr.ifr_name, IFNAMSIZ);
    return TRUE;
}

static gboolean open_interface(struct netdev *n, const struct options *o, GError **error)
{
    struct tap *t = tap_of(n);

    if (o->ifname && strlen(o->ifname) >= IFNAMSIZ) {
        errno = ENAMETOOLONG;
        return fail(n, o->ifname, error);
    }
    g_strlcpy(t->name, o->ifname ? o->ifname : "tap%d", IFNAMSIZ);
    for (unsigned i = 0; i < t->n_queues; i++) {
        if (!open_queue(n, o, i, error)) {
            return FALSE;
        }
    }
    return run_script(o->script, t->name, error);
}

/* All descriptors are of one kind: what the first has, the others must have. */
static gboolean take_fd(struct netdev *n, const char *text, unsigned i, GError **error)
{
    struct tap *t = tap_of(n);
    struct ifreq ifr = {0};
    unsigned header;
    int fd;

    fd = net_take_fd(n, text, error);
    if (fd < 0) {
        return FALSE;
    }
    if (ioctl(fd, TUNGETIFF, &ifr) < 0) {
        g_autofree char *what = g_strdup_printf("fd=%s is not a tap interface", text);

        return fail(n, what, error);
    }
    header = ifr.ifr_flags & IFF_VNET_HDR ? HEADER_MIN : 0;
    if (i > 0 && (header != t->kernel || strncmp(t->name, ifr.ifr_name, IFNAMSIZ) != 0)) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                    "netdev '%s': fd=%s is not a descriptor of the same interface, or not of the "
                    "same vnet_hdr, as the first",
                    n->id, text);
        return FALSE;
    }
    t->queue[i].fd = fd;
    memcpy(t->name, ifr.ifr_name, IFNAMSIZ);
    t->kernel = header;
    return g_unix_set_fd_nonblocking(t->queue[i].fd, TRUE, error);
}

static gboolean take_fds(struct netdev *n, const struct options *o, GError **error)
{
    g_auto(GStrv) texts = g_strsplit(o->fds ? o->fds : o->fd, o->fds ? ":" : "\n", -1);

    for (unsigned i = 0; i < tap_of(n)->n_queues; i++) {
        if (!take_fd(n, texts[i], i, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

/* How many queues the options ask for; 0: they contradict each other. */
static unsigned count_queues(struct netdev *n, const struct options *o, GError **error)
{
    unsigned count = MAX(o->queues, 1);

    if ((o->fd || o->fds) && (o->ifname || o->queues || (o->fd && o->fds))) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                    "netdev '%s': ifname=, queues= and %s are invalid with %s", n->id,
                    o->fds ? "fd=" : "fds=", o->fds ? "fds=" : "fd=");
        return 0;
    }
    for (const char *c = o->fds; c && (c = strchr(c, ':')); c++) {
        count++;
    }
    if (count > NET_QUEUES_MAX) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE, "netdev '%s': %u queues are more than %d",
                    n->id, count, NET_QUEUES_MAX);
        return 0;
    }
    return count;
}

static void make_queues(struct netdev *n, unsigned count)
{
    struct tap *t = tap_of(n);

    n->n_queues = t->n_queues = count;
    t->queue = g_new0(struct tap_queue, count);
    for (unsigned i = 0; i < count; i++) {
        t->queue[i] = (struct tap_queue){.n = n, .index = i, .fd = -1};
    }
}

static gboolean agree_header(struct netdev *n, const struct options *o, GError **error)
{
    struct tap *t = tap_of(n);
    int size = HEADER_MIN;

    if (t->kernel && ioctl(t->queue[0].fd, TUNSETVNETHDRSZ, &size) < 0) {
        return fail(n, "cannot set the header size", error);
    }
    if (!t->kernel && o->vnet_hdr == ROW_ON) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                    "netdev '%s': vnet_hdr=1 requested, but no kernel support for IFF_VNET_HDR "
                    "available",
                    n->id);
        return FALSE;
    }
    t->ufo = t->kernel && ioctl(t->queue[0].fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_UFO) == 0;
    if (t->kernel) {
        ioctl(t->queue[0].fd, TUNSETOFFLOAD, 0);
    }
    return TRUE;
}

static gboolean open_tap(struct netdev *n, const void *options, GError **error)
{
    const struct options *o = options;
    unsigned count = count_queues(n, o, error);

    if (count == 0) {
        return FALSE;
    }
    make_queues(n, count);
    if (o->vhost) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE, "netdev '%s': vhost=on is not built yet",
                    n->id);
        return FALSE;
    }
    if (o->fd || o->fds ? !take_fds(n, o, error) : !open_interface(n, o, error)) {
        return FALSE;
    }
    if (!agree_header(n, o, error)) {
        return FALSE;
    }
    tap_of(n)->buffer = g_malloc(NET_FRAME_MAX);
    for (unsigned i = 0; i < count; i++) {
        poll_tap(n, i);
    }
    return TRUE;
}

static void close_queue(struct tap_queue *q)
{
    if (q->source) {
        g_source_destroy(q->source);
        g_clear_pointer(&q->source, g_source_unref);
    }
    if (q->fd >= 0) {
        fd_close(&q->fd);
    }
}

static void close_tap(struct netdev *n)
{
    const struct options *o = n->options;
    struct tap *t = tap_of(n);
    g_autoptr(GError) error = NULL;

    if (!o->fd && !o->fds && t->buffer && !run_script(o->downscript, t->name, &error)) {
        g_info("netdev '%s': downscript: %s", n->id, error->message);
    }
    for (unsigned i = 0; i < t->n_queues; i++) {
        close_queue(&t->queue[i]);
    }
    g_clear_pointer(&t->queue, g_free);
    g_clear_pointer(&t->buffer, g_free);
}

static void describe(struct netdev *n, GString *out)
{
    const struct options *o = n->options;

    if (o->fd || o->fds) {
        g_string_append_printf(out, "fd=%s", o->fd ? o->fd : o->fds);
    } else {
        g_string_append_printf(out, "ifname=%s,script=%s,downscript=%s", tap_of(n)->name, o->script,
                               o->downscript);
    }
}

#define F(field) ROW_FIELD(struct options, field)

static const struct row rows[] = {
    {.name = "ifname", .type = ROW_STR, F(ifname), .help = "Interface name; made if not there"},
    {.name = "fd", .type = ROW_STR, F(fd), .help = "An open tap descriptor"},
    {.name = "fds", .type = ROW_STR, F(fds), .help = "Open tap descriptors, one a queue: N:N..."},
    {.name = "queues",
     .type = ROW_UINT,
     F(queues),
     .def = "0",
     .max = NET_QUEUES_MAX,
     .help = "Number of queues; 0: one"},
    {.name = "script",
     .type = ROW_STR,
     F(script),
     .def = "/etc/qemu-ifup",
     .help = "Program to set the interface up; no: none"},
    {.name = "downscript",
     .type = ROW_STR,
     F(downscript),
     .def = "/etc/qemu-ifdown",
     .help = "Program to take the interface down; no: none"},
    {.name = "vnet_hdr",
     .type = ROW_ON_OFF_AUTO,
     F(vnet_hdr),
     .def = "auto",
     .help = "Checksum and segmentation offload"},
    {.name = "vhost",
     .type = ROW_BOOL,
     F(vhost),
     .def = "off",
     .help = "In-kernel back end (not built yet)"},
    {},
};

const struct net_backend net_backend_tap = {
    .type = "tap",
    .help = "An interface of the host's kernel",
    .rows = rows,
    .options_size = sizeof(struct options),
    .state_size = sizeof(struct tap),
    .open = open_tap,
    .close = close_tap,
    .send = send_tap,
    .poll = poll_tap,
    .offloads = offloads,
    .set_header = set_header,
    .use_queues = use_queues,
    .describe = describe,
};
