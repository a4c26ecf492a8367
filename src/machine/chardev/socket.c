/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unix and TCP stream sockets, listening or connecting. One peer at a time: a listener stops
 * accepting while it has one. A client with reconnect=N tries again N seconds after it lost its
 * peer.
 */
#include "base/cleanup.h"
#include "machine/chardev/address.h"
#include "machine/chardev/stream.h"
#include "machine/chardev/telnet.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct socket_opts {
    struct address_opts address; /* first: its rows have these offsets */
    bool server;
    int wait; /* enum row_auto: on for a server unless said otherwise */
    bool delay;
    bool nodelay;
    bool telnet, websocket, tn3270;
    char *tls_creds;
    uint32_t reconnect;
};

static const struct row socket_rows[] = {
    ADDRESS_ROWS(struct socket_opts, address),
    {"server", ROW_BOOL, ROW_FIELD(struct socket_opts, server), .def = "off", .help = "listen"},
    {"wait", ROW_ON_OFF_AUTO, ROW_FIELD(struct socket_opts, wait),
     .help = "a server waits for its first peer before it goes on (default: on)"},
    {"delay", ROW_BOOL, ROW_FIELD(struct socket_opts, delay), .def = "on",
     .help = "Nagle's algorithm"},
    {"nodelay", ROW_BOOL, ROW_FIELD(struct socket_opts, nodelay), .def = "off"},
    {"reconnect", ROW_UINT, ROW_FIELD(struct socket_opts, reconnect), .def = "0",
     .help = "a client tries again after so many seconds; 0: never"},
    {"telnet", ROW_BOOL, ROW_FIELD(struct socket_opts, telnet), .def = "off",
     .help = "speak the Telnet protocol (TCP)"},
    {"tn3270", ROW_BOOL, ROW_FIELD(struct socket_opts, tn3270), .def = "off", .flags = ROW_HIDDEN},
    {"websocket", ROW_BOOL, ROW_FIELD(struct socket_opts, websocket), .def = "off",
     .flags = ROW_HIDDEN},
    {"tls-creds", ROW_STR, ROW_FIELD(struct socket_opts, tls_creds), .flags = ROW_HIDDEN},
    {NULL},
};

struct socket_dev {
    struct chardev c;
    struct stream s;
    struct socket_opts *o;
    int listener; /* -1: not a server */
    int peer;     /* -1: none */
    bool unlink_path;
    bool local;      /* a Unix socket: it can carry descriptors */
    GSource *accept; /* watch of the listener */
    GSource *retry;  /* timer of a client, or watch of a pending connection */
    char *peer_name;
    struct telnet telnet; /* loop */
    bool half_iac;        /* lock */
};

static void lost(struct chardev *c);

static void drop_source(GSource **source)
{
    if (*source) {
        g_source_destroy(*source);
        g_source_unref(*source);
        *source = NULL;
    }
}

static size_t take_telnet(struct chardev *c, uint8_t *data, size_t len)
{
    struct socket_dev *d = (struct socket_dev *)c;
    bool broke = false;

    len = telnet_take(&d->telnet, data, len, &broke);
    if (broke) {
        chardev_send_event(c, CHARDEV_BREAK);
    }
    return len;
}

/* A server says what it will do; a fresh socket has room for it. */
static void greet(struct socket_dev *d)
{
    d->telnet = (struct telnet){0};
    d->s.filter = take_telnet;
    if (d->o->server && send(d->peer, telnet_hello, sizeof(telnet_hello), MSG_NOSIGNAL) < 0) {
        return; /* the reading side hears of it */
    }
}

/* Takes the connected socket. */
static void connected(struct socket_dev *d, int fd)
{
    int on = 1;

    d->peer = fd;
    if (!d->local && (d->o->nodelay || !d->o->delay)) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    g_free(d->peer_name);
    d->peer_name = address_peer_name(fd);
    stream_init(&d->s, &d->c, fd, fd);
    d->s.sockets = true;
    d->s.ended = lost;
    if (d->o->telnet) {
        greet(d);
    }
    chardev_set_open(&d->c, true);
    stream_resume(&d->s);
    chardev_writable(&d->c);
}

/* ---- server ------------------------------------------------------------------------------------
 */

static gboolean on_accept(gint listener, GIOCondition condition, gpointer opaque)
{
    struct socket_dev *d = opaque;
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0) {
        return G_SOURCE_CONTINUE;
    }
    drop_source(&d->accept);
    connected(d, fd);
    return G_SOURCE_REMOVE;
}

static void listen_on(struct socket_dev *d)
{
    d->accept = g_unix_fd_source_new(d->listener, G_IO_IN);
    g_source_set_callback(d->accept, G_SOURCE_FUNC(on_accept), d, NULL);
    g_source_attach(d->accept, d->c.set->context);
}

static gboolean wait_for_peer(struct socket_dev *d, GError **error)
{
    int fd;

    do {
        fd = accept4(d->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    } while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (fd < 0) {
        g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno),
                    "chardev '%s': could not accept a connection: %s", d->c.id, g_strerror(errno));
        return FALSE;
    }
    connected(d, fd);
    return TRUE;
}

static gboolean open_server(struct socket_dev *d, int given_fd, GError **error)
{
    d->listener = given_fd >= 0 ? given_fd : address_listen(&d->o->address, d->c.id, error);
    if (d->listener < 0) {
        return FALSE;
    }
    d->unlink_path = given_fd < 0 && d->o->address.path && !d->o->address.abstract;
    if (d->o->wait != ROW_OFF) {
        return wait_for_peer(d, error);
    }
    g_unix_set_fd_nonblocking(d->listener, TRUE, NULL);
    listen_on(d);
    return TRUE;
}

/* ---- client ------------------------------------------------------------------------------------
 */

static void try_later(struct socket_dev *d);

static gboolean on_retry(gpointer opaque)
{
    struct socket_dev *d = opaque;
    int fd = address_connect(&d->o->address, d->c.id, NULL);

    if (fd < 0) {
        return G_SOURCE_CONTINUE;
    }
    drop_source(&d->retry);
    connected(d, fd);
    return G_SOURCE_REMOVE;
}

static void try_later(struct socket_dev *d)
{
    d->retry = g_timeout_source_new_seconds(d->o->reconnect);
    g_source_set_callback(d->retry, on_retry, d, NULL);
    g_source_attach(d->retry, d->c.set->context);
}

static gboolean open_client(struct socket_dev *d, int given_fd, GError **error)
{
    int fd = given_fd;

    if (fd < 0) {
        fd = address_connect(&d->o->address, d->c.id, d->o->reconnect ? NULL : error);
    }
    if (fd >= 0) {
        connected(d, fd);
        return TRUE;
    }
    if (d->o->reconnect) {
        try_later(d);
    }
    return d->o->reconnect != 0;
}

/* ---- both --------------------------------------------------------------------------------------
 */

static void hang_up(struct socket_dev *d)
{
    stream_stop(&d->s);
    g_mutex_lock(&d->c.lock);
    d->s.in = d->s.out = -1;
    g_mutex_unlock(&d->c.lock);
    fd_close(&d->peer);
}

/* The peer is gone. */
static void lost(struct chardev *c)
{
    struct socket_dev *d = (struct socket_dev *)c;

    chardev_set_open(c, false);
    hang_up(d);
    if (d->listener >= 0) {
        g_unix_set_fd_nonblocking(d->listener, TRUE, NULL);
        listen_on(d);
    } else if (d->o->reconnect) {
        try_later(d);
    }
}

static gboolean check(struct chardev *c, const struct socket_opts *o, GError **error)
{
    const char *missing = o->tn3270      ? "tn3270"
                          : o->websocket ? "websocket"
                          : o->tls_creds ? "tls-creds"
                                         : NULL;

    if (missing) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "chardev '%s': '%s' is not built yet", c->id, missing);
        return FALSE;
    }
    if (o->telnet && o->address.path) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "'telnet' option is incompatible with a Unix socket");
        return FALSE;
    }
    if (o->server && o->reconnect) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "'reconnect' option is incompatible with socket in server listen mode");
        return FALSE;
    }
    if (!o->server && o->wait == ROW_ON) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "'wait' option is incompatible with socket in client connect mode");
        return FALSE;
    }
    return address_check(&o->address, c->id, error);
}

/* Whether a given descriptor is a Unix socket. */
static bool is_local(int fd)
{
    struct sockaddr_storage addr;
    socklen_t len = sizeof(addr);

    return getsockname(fd, (struct sockaddr *)&addr, &len) == 0 && addr.ss_family == AF_UNIX;
}

static gboolean socket_open(struct chardev *c, void *opts, GError **error)
{
    struct socket_dev *d = (struct socket_dev *)c;
    int fd = -1;

    d->o = opts;
    d->listener = d->peer = -1;
    if (!check(c, d->o, error)) {
        return FALSE;
    }
    d->local = d->o->address.path != NULL;
    if (d->o->address.fd) {
        fd = address_given_fd(c, d->o->address.fd, error);
        if (fd < 0) {
            return FALSE;
        }
        d->local = is_local(fd);
    }
    return d->o->server ? open_server(d, fd, error) : open_client(d, fd, error);
}

static void socket_close(struct chardev *c)
{
    struct socket_dev *d = (struct socket_dev *)c;

    drop_source(&d->accept);
    drop_source(&d->retry);
    stream_stop(&d->s);
    if (d->o) {
        fd_close(&d->peer);
        fd_close(&d->listener);
    }
    if (d->unlink_path) {
        unlink(d->o->address.path);
    }
    g_free(d->peer_name);
}

/* A byte of 255 is sent twice; half a pair that did not fit is kept for the next time. */
static size_t write_telnet(struct socket_dev *d, const uint8_t *data, size_t len)
{
    static const uint8_t iac = 0xff;
    size_t done = 0;

    if (d->half_iac && !stream_write(&d->s, &iac, 1)) {
        return 0;
    }
    d->half_iac = false;
    while (done < len) {
        const uint8_t *next = memchr(data + done, iac, len - done);
        size_t n = next ? (size_t)(next - data) + 1 - done : len - done;
        size_t sent = stream_write(&d->s, data + done, n);

        done += sent;
        if (sent < n) {
            break;
        }
        if (next && !stream_write(&d->s, &iac, 1)) {
            d->half_iac = true;
            break;
        }
    }
    return done;
}

static size_t socket_write(struct chardev *c, const uint8_t *data, size_t len)
{
    struct socket_dev *d = (struct socket_dev *)c;

    if (d->s.out < 0) {
        return len;
    }
    return d->o->telnet ? write_telnet(d, data, len) : stream_write(&d->s, data, len);
}

static void socket_resume(struct chardev *c)
{
    stream_resume(&((struct socket_dev *)c)->s);
}

static int socket_take_fd(struct chardev *c)
{
    return stream_take_fd(&((struct socket_dev *)c)->s);
}

static char *socket_filename(struct chardev *c)
{
    struct socket_dev *d = (struct socket_dev *)c;
    g_autofree char *name = address_name(&d->o->address, d->listener >= 0 ? d->listener : d->peer);

    return g_strdup_printf(
        "%s%s%s%s%s%s", d->peer < 0 ? "disconnected:" : "", d->o->telnet ? "telnet:" : "",
        d->o->telnet && g_str_has_prefix(name, "tcp:") ? name + strlen("tcp:") : name,
        d->o->server ? ",server=on" : "", d->peer >= 0 && !d->local ? " <-> " : "",
        d->peer >= 0 && !d->local ? d->peer_name : "");
}

const struct chardev_class chardev_socket = {
    .name = "socket",
    .help = "a Unix or TCP socket, server or client",
    .rows = socket_rows,
    .opts_size = sizeof(struct socket_opts),
    .instance_size = sizeof(struct socket_dev),
    .open = socket_open,
    .close = socket_close,
    .write = socket_write,
    .resume = socket_resume,
    .filename = socket_filename,
    .take_fd = socket_take_fd,
};
