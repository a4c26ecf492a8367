/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/chardev/address.h"

#include "base/cleanup.h"

#include <errno.h>
#include <gio/gio.h>
#include <netdb.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static int fail(const char *id, const char *what, const char *where, GError **error)
{
    g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno),
                "chardev '%s': Failed to %s %s: %s", id, what, where, g_strerror(errno));
    return -1;
}

gboolean address_check(const struct address_opts *a, const char *id, GError **error)
{
    int kinds = (a->path != NULL) + (a->host || a->port) + (a->fd != NULL);

    if (kinds != 1) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "chardev '%s': one of 'path', 'host' and 'port', or 'fd' is needed", id);
        return FALSE;
    }
    if (!a->path && !a->fd && !a->port) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "chardev: socket: no port given");
        return FALSE;
    }
    if (a->path && (!*a->path || strlen(a->path) >= sizeof(((struct sockaddr_un *)0)->sun_path))) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "chardev '%s': UNIX socket path '%s' is empty or too long", id, a->path);
        return FALSE;
    }
    return TRUE;
}

/* ---- Unix ---------------------------------------------------------------------------------------
 */

static socklen_t unix_address(const struct address_opts *a, struct sockaddr_un *addr)
{
    size_t len = strlen(a->path);

    memset(addr, 0, sizeof(*addr));
    addr->sun_family = AF_UNIX;
    memcpy(addr->sun_path + a->abstract, a->path, MIN(len, sizeof(addr->sun_path) - 1));
    if (a->abstract && a->tight) {
        return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len);
    }
    return sizeof(*addr);
}

static int unix_open(const struct address_opts *a, const char *id, bool server, GError **error)
{
    auto_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un addr;
    socklen_t len = unix_address(a, &addr);

    if (fd < 0) {
        return fail(id, "make a socket for", a->path, error);
    }
    if (server) {
        struct stat st;

        if (!a->abstract && stat(a->path, &st) == 0 && S_ISSOCK(st.st_mode)) {
            unlink(a->path); /* of a process that is gone */
        }
        if (bind(fd, (struct sockaddr *)&addr, len) < 0 || listen(fd, 1) < 0) {
            return fail(id, "bind socket to", a->path, error);
        }
    } else if (connect(fd, (struct sockaddr *)&addr, len) < 0) {
        return fail(id, "connect to", a->path, error);
    }
    return fd_steal(&fd);
}

/* ---- TCP ----------------------------------------------------------------------------------------
 */

static int family(const struct address_opts *a)
{
    if (a->ipv4 == ROW_ON && a->ipv6 != ROW_ON) {
        return AF_INET;
    }
    if ((a->ipv6 == ROW_ON && a->ipv4 != ROW_ON) || a->ipv4 == ROW_OFF) {
        return AF_INET6;
    }
    return a->ipv6 == ROW_OFF ? AF_INET : AF_UNSPEC;
}

static struct addrinfo *look_up(const struct address_opts *a, const char *port, bool server,
                                const char *id, GError **error)
{
    struct addrinfo hints = {
        .ai_family = family(a), .ai_socktype = SOCK_STREAM, .ai_flags = server ? AI_PASSIVE : 0};
    const char *host = a->host && *a->host ? a->host : NULL;
    struct addrinfo *list = NULL;
    int ret;

    if (server && !host && hints.ai_family == AF_UNSPEC) {
        hints.ai_family = AF_INET;
    }
    ret = getaddrinfo(host, port, &hints, &list);
    if (ret) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_HOST_NOT_FOUND,
                    "chardev '%s': address resolution failed for %s:%s: %s", id, host ? host : "",
                    port, gai_strerror(ret));
        return NULL;
    }
    return list;
}

static int open_one(const struct addrinfo *ai, bool server)
{
    auto_fd int fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC, ai->ai_protocol);
    int on = 1;

    if (fd < 0) {
        return -1;
    }
    if (server) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, 1) < 0) {
            return -1;
        }
    } else if (connect(fd, ai->ai_addr, ai->ai_addrlen) < 0) {
        return -1;
    }
    return fd_steal(&fd);
}

static int tcp_try(const struct address_opts *a, const char *port, const char *id, bool server,
                   GError **error)
{
    g_autofree char *where = g_strdup_printf("%s:%s", a->host ? a->host : "", port);
    struct addrinfo *list = look_up(a, port, server, id, error);
    int fd = -1;

    if (!list) {
        return -1;
    }
    for (struct addrinfo *ai = list; ai && fd < 0; ai = ai->ai_next) {
        fd = open_one(ai, server);
    }
    if (fd < 0) {
        fail(id, server ? "listen on" : "connect to", where, error);
    }
    freeaddrinfo(list);
    return fd;
}

static int tcp_open(const struct address_opts *a, const char *id, bool server, GError **error)
{
    guint64 first;

    if (!server || !a->to || !g_ascii_string_to_unsigned(a->port, 10, 0, 65535, &first, NULL)) {
        return tcp_try(a, a->port, id, server, error);
    }
    for (guint64 n = first; n < a->to; n++) {
        g_autofree char *port = g_strdup_printf("%u", (unsigned)n);
        int fd = tcp_try(a, port, id, server, NULL);

        if (fd >= 0) {
            return fd;
        }
    }
    g_autofree char *last = g_strdup_printf("%u", a->to);
    return tcp_try(a, last, id, server, error);
}

int address_listen(const struct address_opts *a, const char *id, GError **error)
{
    return a->path ? unix_open(a, id, true, error) : tcp_open(a, id, true, error);
}

int address_connect(const struct address_opts *a, const char *id, GError **error)
{
    return a->path ? unix_open(a, id, false, error) : tcp_open(a, id, false, error);
}

int address_given_fd(struct chardev *c, const char *text, GError **error)
{
    const struct chardev_hooks *hooks = &c->set->hooks;
    struct stat st;
    guint64 fd;

    if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT, &fd, NULL)) {
        if (hooks->named_fd) {
            return hooks->named_fd(hooks->opaque, text, error);
        }
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                    "File descriptor named '%s' has not been found", text);
        return -1;
    }
    if (fstat((int)fd, &st) < 0 || !S_ISSOCK(st.st_mode)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "File descriptor '%s' is not a socket", text);
        return -1;
    }
    return (int)fd;
}

/* ---- names --------------------------------------------------------------------------------------
 */

static char *inet_text(const struct sockaddr_storage *addr, socklen_t len)
{
    char host[NI_MAXHOST], port[NI_MAXSERV];

    if (getnameinfo((const struct sockaddr *)addr, len, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV)) {
        return g_strdup("?");
    }
    return g_strdup_printf(addr->ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

char *address_name(const struct address_opts *a, int fd)
{
    struct sockaddr_storage addr;
    socklen_t len = sizeof(addr);

    memset(&addr, 0, sizeof(addr));
    if (a->path) {
        return g_strdup_printf("unix:%s", a->path);
    }
    if (fd < 0 || getsockname(fd, (struct sockaddr *)&addr, &len) < 0) {
        return g_strdup_printf("tcp:%s:%s", a->host ? a->host : "", a->port ? a->port : "");
    }
    if (addr.ss_family == AF_UNIX) {
        return g_strdup_printf("unix:%.100s", ((struct sockaddr_un *)&addr)->sun_path);
    }
    g_autofree char *text = inet_text(&addr, len);
    return g_strdup_printf("tcp:%s", text);
}

char *address_peer_name(int fd)
{
    struct sockaddr_storage addr;
    socklen_t len = sizeof(addr);

    memset(&addr, 0, sizeof(addr));
    if (getpeername(fd, (struct sockaddr *)&addr, &len) < 0 || addr.ss_family == AF_UNIX) {
        return g_strdup("");
    }
    return inet_text(&addr, len);
}
