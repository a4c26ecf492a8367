/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tap: an Ethernet interface of the host's kernel, opened here (ifname=) or by the caller (fd=).
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
#define HOST_TSO4  (1u << 11)
#define HOST_TSO6  (1u << 12)
#define HOST_ECN   (1u << 13)

struct options {
    char *ifname, *fd, *script, *downscript;
    int vnet_hdr; /* enum row_auto */
    bool vhost;
};

struct tap {
    int fd;
    GSource *source; /* NULL while the NIC cannot receive */
    unsigned kernel; /* bytes of header the kernel gives and takes; 0: none */
    unsigned nic;    /* what the NIC agreed on */
    char name[IFNAMSIZ];
    uint8_t *buffer;
};

static struct tap *tap_of(struct netdev *n)
{
    return n->state;
}

/* --- receiving
 * ------------------------------------------------------------------------------------ */

static gboolean readable(gint fd, GIOCondition condition, gpointer opaque)
{
    struct netdev *n = opaque;
    struct tap *t = tap_of(n);

    for (unsigned i = 0; i < READ_ROUNDS; i++) {
        struct iovec iov;
        ssize_t len;

        if (!net_can_deliver(n)) {
            g_clear_pointer(&t->source, g_source_unref);
            return G_SOURCE_REMOVE;
        }
        len = read(t->fd, t->buffer, NET_FRAME_MAX);
        if (len <= 0) {
            return G_SOURCE_CONTINUE;
        }
        iov = (struct iovec){t->buffer, len};
        if (t->nic == 0 && (size_t)len >= t->kernel) {
            iov = (struct iovec){t->buffer + t->kernel, len - t->kernel};
        }
        net_deliver(n, &iov, 1);
    }
    return G_SOURCE_CONTINUE;
}

static void poll_tap(struct netdev *n)
{
    struct tap *t = tap_of(n);

    if (!t->source && t->fd >= 0) {
        t->source = g_unix_fd_source_new(t->fd, G_IO_IN);
        g_source_set_callback(t->source, G_SOURCE_FUNC(readable), n, NULL);
        g_source_attach(t->source, n->context);
    }
}

/* --- sending
 * ---------------------------------------------------------------------------------------- */

/* A frame the kernel does not take is lost, as on a wire. */
static void send_tap(struct netdev *n, const struct iovec *iov, unsigned niov)
{
    struct tap *t = tap_of(n);
    uint8_t none[HEADER_MAX] = {0};
    struct iovec piece[2] = {{none, t->nic ? 0 : t->kernel}, *iov};
    ssize_t r;

    do {
        r = writev(t->fd, piece, 2);
    } while (r < 0 && errno == EINTR);
    if (r < 0) {
        __atomic_add_fetch(&n->dropped, 1, __ATOMIC_RELAXED);
    }
}

/* --- offloads
 * ------------------------------------------------------------------------------------------ */

static uint64_t offloads(struct netdev *n)
{
    return tap_of(n)->kernel ? CSUM | GUEST_CSUM | GUEST_TSO4 | GUEST_TSO6 | GUEST_ECN | HOST_TSO4 |
                                   HOST_TSO6 | HOST_ECN
                             : 0;
}

/* What the guest agreed to receive without checksum or unsegmented, in the kernel's bits. */
static void set_header(struct netdev *n, unsigned len, uint64_t agreed)
{
    struct tap *t = tap_of(n);
    int size = len;
    unsigned flags = 0;

    t->nic = len;
    if (!t->kernel || len == 0) {
        return;
    }
    if (ioctl(t->fd, TUNSETVNETHDRSZ, &size) == 0) {
        t->kernel = len;
    }
    if (agreed & GUEST_CSUM) {
        flags |= TUN_F_CSUM | (agreed & GUEST_TSO4 ? TUN_F_TSO4 : 0) |
                 (agreed & GUEST_TSO6 ? TUN_F_TSO6 : 0);
        flags |= (agreed & GUEST_ECN) && (flags & (TUN_F_TSO4 | TUN_F_TSO6)) ? TUN_F_TSO_ECN : 0;
    }
    if (ioctl(t->fd, TUNSETOFFLOAD, flags) < 0) {
        g_info("netdev '%s': the kernel refuses offloads: %s", n->id, g_strerror(errno));
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

static gboolean open_interface(struct netdev *n, const struct options *o, GError **error)
{
    struct tap *t = tap_of(n);
    struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    unsigned features = 0;

    t->fd = open(DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (t->fd < 0) {
        return fail(n, "cannot open " DEVICE, error);
    }
    if (ioctl(t->fd, TUNGETFEATURES, &features) == 0 && (features & IFF_VNET_HDR) &&
        o->vnet_hdr != ROW_OFF) {
        ifr.ifr_flags |= IFF_VNET_HDR;
        t->kernel = HEADER_MIN;
    }
    if (o->ifname && strlen(o->ifname) >= IFNAMSIZ) {
        errno = ENAMETOOLONG;
        return fail(n, o->ifname, error);
    }
    g_strlcpy(ifr.ifr_name, o->ifname ? o->ifname : "tap%d", IFNAMSIZ);
    if (ioctl(t->fd, TUNSETIFF, &ifr) < 0) {
        g_autofree char *what =
            g_strdup_printf("could not configure " DEVICE " (%s)", ifr.ifr_name);

        return fail(n, what, error);
    }
    memcpy(t->name, ifr.ifr_name, IFNAMSIZ);
    return run_script(o->script, t->name, error);
}

static gboolean take_fd(struct netdev *n, const struct options *o, GError **error)
{
    struct tap *t = tap_of(n);
    struct ifreq ifr = {0};
    guint64 fd;

    if (!g_ascii_string_to_unsigned(o->fd, 10, 0, G_MAXINT, &fd, NULL)) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_SYNTAX,
                    "netdev '%s': fd=%s is not the number of an open descriptor", n->id, o->fd);
        return FALSE;
    }
    if (ioctl((int)fd, TUNGETIFF, &ifr) < 0) {
        g_autofree char *what = g_strdup_printf("fd=%s is not a tap interface", o->fd);

        return fail(n, what, error);
    }
    t->fd = (int)fd;
    memcpy(t->name, ifr.ifr_name, IFNAMSIZ);
    t->kernel = ifr.ifr_flags & IFF_VNET_HDR ? HEADER_MIN : 0;
    return g_unix_set_fd_nonblocking(t->fd, TRUE, error);
}

static gboolean open_tap(struct netdev *n, const void *options, GError **error)
{
    const struct options *o = options;
    struct tap *t = tap_of(n);
    int size = HEADER_MIN;

    t->fd = -1;
    if (o->vhost) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE, "netdev '%s': vhost=on is not built yet",
                    n->id);
        return FALSE;
    }
    if (o->fd ? !take_fd(n, o, error) : !open_interface(n, o, error)) {
        return FALSE;
    }
    if (t->kernel && ioctl(t->fd, TUNSETVNETHDRSZ, &size) < 0) {
        return fail(n, "cannot set the header size", error);
    }
    if (!t->kernel && o->vnet_hdr == ROW_ON) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                    "netdev '%s': vnet_hdr=1 requested, but no kernel support for IFF_VNET_HDR "
                    "available",
                    n->id);
        return FALSE;
    }
    t->buffer = g_malloc(NET_FRAME_MAX);
    poll_tap(n);
    return TRUE;
}

static void close_tap(struct netdev *n)
{
    const struct options *o = n->options;
    struct tap *t = tap_of(n);
    g_autoptr(GError) error = NULL;

    if (t->source) {
        g_source_destroy(t->source);
        g_clear_pointer(&t->source, g_source_unref);
    }
    if (!o->fd && *t->name && t->buffer && !run_script(o->downscript, t->name, &error)) {
        g_info("netdev '%s': downscript: %s", n->id, error->message);
    }
    if (t->buffer || t->fd > 0) {
        fd_close(&t->fd);
    }
    g_clear_pointer(&t->buffer, g_free);
}

static void describe(struct netdev *n, GString *out)
{
    const struct options *o = n->options;

    if (o->fd) {
        g_string_append_printf(out, "fd=%s", o->fd);
    } else {
        g_string_append_printf(out, "ifname=%s,script=%s,downscript=%s", tap_of(n)->name, o->script,
                               o->downscript);
    }
}

#define F(field) ROW_FIELD(struct options, field)

static const struct row rows[] = {
    {.name = "ifname", .type = ROW_STR, F(ifname), .help = "Interface name; made if not there"},
    {.name = "fd", .type = ROW_STR, F(fd), .help = "An open tap descriptor"},
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
    .describe = describe,
};
