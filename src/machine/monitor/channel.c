/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/monitor/channel.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#define BUFFER (256 * 1024)

struct channel {
    int fd;
    int listener; /* of unix: until its one connection has come; else -1 */
    int wake;     /* eventfd: readable once cancelled */
    bool writing;
    GPid child;     /* of exec:, 0: none */
    uint32_t end;   /* atomic: cancelled */
    uint64_t bytes; /* atomic */
    size_t at, len; /* of what was read and not yet taken; of what is to be written: len */
    uint8_t buffer[BUFFER];
};

static gboolean fail(GError **error, int code, const char *what)
{
    g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(code), "%s: %s", what,
                g_strerror(code));
    return FALSE;
}

/* ---- opening -----------------------------------------------------------------------------------
 */

static gboolean open_fd(struct channel *c, const char *name, struct fdset *fds, GError **error)
{
    if (g_ascii_isdigit(*name)) {
        guint64 fd;

        if (!g_ascii_string_to_unsigned(name, 10, 3, INT_MAX, &fd, error)) {
            return FALSE;
        }
        c->fd = fcntl((int)fd, F_GETFD) >= 0 ? (int)fd : -1;
        return c->fd >= 0 || fail(error, errno, name);
    }
    c->fd = fdset_take_named(fds, name, error);
    return c->fd >= 0;
}

static gboolean open_exec(struct channel *c, const char *command, GError **error)
{
    const char *const argv[] = {"/bin/sh", "-c", command, NULL};

    return g_spawn_async_with_pipes(NULL, (char **)argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL,
                                    NULL, &c->child, c->writing ? &c->fd : NULL,
                                    c->writing ? NULL : &c->fd, NULL, error);
}

static gboolean open_file(struct channel *c, const char *text, GError **error)
{
    const char *comma = strstr(text, ",offset=");
    g_autofree char *path = comma ? g_strndup(text, (gsize)(comma - text)) : g_strdup(text);
    guint64 offset = 0;

    if (comma &&
        !g_ascii_string_to_unsigned(comma + strlen(",offset="), 10, 0, INT64_MAX, &offset, error)) {
        return FALSE;
    }
    c->fd =
        open(path, (c->writing ? O_WRONLY | O_CREAT | (comma ? 0 : O_TRUNC) : O_RDONLY) | O_CLOEXEC,
             0600);
    if (c->fd < 0 || (offset && lseek(c->fd, (off_t)offset, SEEK_SET) < 0)) {
        return fail(error, errno, path);
    }
    return TRUE;
}

static gboolean open_unix(struct channel *c, const char *path, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    auto_fd int fd = -1;

    if (g_strlcpy(address.sun_path, path, sizeof(address.sun_path)) >= sizeof(address.sun_path)) {
        return fail(error, ENAMETOOLONG, path);
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || (c->writing ? connect(fd, (struct sockaddr *)&address, sizeof(address))
                              : bind(fd, (struct sockaddr *)&address, sizeof(address))) < 0) {
        return fail(error, errno, path);
    }
    if (c->writing) {
        c->fd = fd_steal(&fd);
        return TRUE;
    }
    c->listener = fd_steal(&fd);
    return listen(c->listener, 1) == 0 || fail(error, errno, path);
}

static gboolean open_uri(struct channel *c, const char *uri, struct fdset *fds, GError **error)
{
    if (g_str_has_prefix(uri, "fd:")) {
        return open_fd(c, uri + 3, fds, error);
    }
    if (g_str_has_prefix(uri, "exec:")) {
        return open_exec(c, uri + 5, error);
    }
    if (g_str_has_prefix(uri, "file:")) {
        return open_file(c, uri + 5, error);
    }
    if (g_str_has_prefix(uri, "unix:")) {
        return open_unix(c, uri + 5, error);
    }
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                g_str_has_prefix(uri, "tcp:") || g_str_has_prefix(uri, "vsock:") ||
                        g_str_has_prefix(uri, "rdma:")
                    ? "migration protocol of '%s' is not built yet"
                    : "unknown migration protocol: %s",
                uri);
    return FALSE;
}

struct channel *channel_open(const char *uri, bool writing, struct fdset *fds, GError **error)
{
    struct channel *c = g_new0(struct channel, 1);

    c->fd = c->listener = -1;
    c->writing = writing;
    c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (c->wake < 0 ? !fail(error, errno, "eventfd") : !open_uri(c, uri, fds, error)) {
        channel_free(c);
        return NULL;
    }
    if (c->fd >= 0) {
        fcntl(c->fd, F_SETFL, fcntl(c->fd, F_GETFL) | O_NONBLOCK);
    }
    return c;
}

void channel_free(struct channel *c)
{
    if (c) {
        fd_close(&c->fd);
        fd_close(&c->listener);
        fd_close(&c->wake);
        if (c->child) {
            kill(c->child, SIGTERM);
            waitpid(c->child, NULL, 0);
        }
        g_free(c);
    }
}

/* ---- use ---------------------------------------------------------------------------------------
 */

void channel_cancel(struct channel *c)
{
    __atomic_store_n(&c->end, 1, __ATOMIC_SEQ_CST);
    if (eventfd_write(c->wake, 1) < 0) {
        g_assert(errno == EAGAIN);
    }
}

bool channel_is_cancelled(const struct channel *c)
{
    return __atomic_load_n(&c->end, __ATOMIC_SEQ_CST);
}

uint64_t channel_bytes(const struct channel *c)
{
    return __atomic_load_n(&c->bytes, __ATOMIC_RELAXED);
}

void channel_rest(struct channel *c, unsigned ms)
{
    struct pollfd wake = {.fd = c->wake, .events = POLLIN};

    (void)poll(&wake, 1, (int)ms);
}

/* Until the descriptor can be used. */
static gboolean wait_for(struct channel *c, int fd, short events, GError **error)
{
    struct pollfd both[2] = {{.fd = c->wake, .events = POLLIN}, {.fd = fd, .events = events}};

    while (!channel_is_cancelled(c)) {
        if (poll(both, 2, -1) < 0 && errno != EINTR) {
            return fail(error, errno, "poll");
        }
        if (both[1].revents) {
            return TRUE;
        }
    }
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "cancelled");
    return FALSE;
}

static gboolean flush(struct channel *c, GError **error)
{
    size_t done = 0;

    while (done < c->len) {
        ssize_t n;

        if (!wait_for(c, c->fd, POLLOUT, error)) {
            return FALSE;
        }
        n = write(c->fd, c->buffer + done, c->len - done);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            return fail(error, errno, "writing the machine's state");
        }
        done += n > 0 ? (size_t)n : 0;
        __atomic_fetch_add(&c->bytes, n > 0 ? (uint64_t)n : 0, __ATOMIC_RELAXED);
    }
    c->len = 0;
    return TRUE;
}

gboolean channel_write(struct channel *c, const void *data, size_t len, GError **error)
{
    const uint8_t *from = data;

    while (len) {
        size_t n = MIN(len, BUFFER - c->len);

        memcpy(c->buffer + c->len, from, n);
        c->len += n;
        from += n;
        len -= n;
        if (c->len == BUFFER && !flush(c, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean accept_one(struct channel *c, GError **error)
{
    if (!wait_for(c, c->listener, POLLIN, error)) {
        return FALSE;
    }
    c->fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (c->fd < 0) {
        return fail(error, errno, "accept");
    }
    fd_close(&c->listener);
    return TRUE;
}

static gboolean fill(struct channel *c, GError **error)
{
    ssize_t n;

    do {
        if (!wait_for(c, c->fd, POLLIN, error)) {
            return FALSE;
        }
        n = read(c->fd, c->buffer, BUFFER);
    } while (n < 0 && (errno == EAGAIN || errno == EINTR));
    if (n < 0) {
        return fail(error, errno, "reading the machine's state");
    }
    if (n == 0) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT,
                            "saved state: it ends early");
        return FALSE;
    }
    c->at = 0;
    c->len = (size_t)n;
    __atomic_fetch_add(&c->bytes, (uint64_t)n, __ATOMIC_RELAXED);
    return TRUE;
}

gboolean channel_read(struct channel *c, void *data, size_t len, GError **error)
{
    uint8_t *to = data;

    if (c->listener >= 0 && !accept_one(c, error)) {
        return FALSE;
    }
    while (len) {
        size_t n;

        if (c->at == c->len && !fill(c, error)) {
            return FALSE;
        }
        n = MIN(len, c->len - c->at);
        memcpy(to, c->buffer + c->at, n);
        c->at += n;
        to += n;
        len -= n;
    }
    return TRUE;
}

static gboolean wait_child(struct channel *c, GError **error)
{
    int status;

    while (waitpid(c->child, &status, WNOHANG) == 0) {
        channel_rest(c, 10);
        if (channel_is_cancelled(c)) {
            g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "cancelled");
            return FALSE;
        }
    }
    c->child = 0;
    return g_spawn_check_wait_status(status, error);
}

gboolean channel_finish(struct channel *c, GError **error)
{
    if (c->writing && !flush(c, error)) {
        return FALSE;
    }
    fd_close(&c->fd);
    return !c->child || wait_child(c, error);
}
