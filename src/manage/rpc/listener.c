/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/rpc/listener.h"

#include "base/cleanup.h"
#include "manage/conf/fault.h"

#include <errno.h>
#include <glib-unix.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BACKLOG 128

struct rpc_listener {
    char *path; /* or NULL */
    bool adopted;
    int fd;
    GSource *source;
    rpc_accept accept;
    void *user;
};

static gboolean on_connection(gint fd, GIOCondition condition, gpointer data)
{
    struct rpc_listener *listener = data;
    int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (peer >= 0) {
        listener->accept(peer, listener->user);
    }
    return G_SOURCE_CONTINUE;
}

/* True when nobody answers at the address; the path may then be reused. */
static gboolean is_free(const struct sockaddr_un *address, GError **error)
{
    auto_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct ucred cred = {0};
    socklen_t length = sizeof(cred);

    if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0) {
        return TRUE;
    }
    (void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &length);
    return fault_set(error, FAULT_OPERATION_FAILED,
                     "the socket '%s' is in use by process %d, which answers on it",
                     address->sun_path, (int)cred.pid);
}

static int bind_socket(const char *path, mode_t mode, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    auto_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (strlen(path) >= sizeof(address.sun_path)) {
        fault_set(error, FAULT_INVALID_ARG, "the path of a socket is too long: %s", path);
        return -1;
    }
    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    if (!is_free(&address, error)) {
        return -1;
    }
    (void)unlink(path);
    mode_t before = umask(0777 & ~mode);
    int bound = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&address, sizeof(address));

    umask(before);
    if (bound != 0 || listen(fd, BACKLOG) != 0) {
        fault_set_errno(error, errno, "cannot listen on '%s'", path);
        return -1;
    }
    return fd_steal(&fd);
}

struct rpc_listener *rpc_listener_new(const char *path, mode_t mode, GMainContext *context,
                                      rpc_accept accept, void *user, GError **error)
{
    int fd = bind_socket(path, mode, error);

    if (fd < 0) {
        return NULL;
    }
    struct rpc_listener *listener = rpc_listener_adopt(fd, context, accept, user);

    g_free(listener->path);
    listener->path = g_strdup(path);
    listener->adopted = false;
    return listener;
}

/* The path that the socket is bound to; NULL: it has none, or no name at all. */
static char *path_of(int fd)
{
    struct sockaddr_un address = {0};
    socklen_t length = sizeof(address);

    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0 ||
        address.sun_family != AF_UNIX || address.sun_path[0] != '/') {
        return NULL;
    }
    return g_strndup(address.sun_path, sizeof(address.sun_path));
}

struct rpc_listener *rpc_listener_adopt(int fd, GMainContext *context, rpc_accept accept,
                                        void *user)
{
    struct rpc_listener *listener = g_new0(struct rpc_listener, 1);

    listener->path = path_of(fd);
    listener->adopted = true;
    listener->fd = fd;
    listener->accept = accept;
    listener->user = user;
    listener->source = g_unix_fd_source_new(fd, G_IO_IN);
    g_source_set_callback(listener->source, (GSourceFunc)(void (*)(void))on_connection, listener,
                          NULL);
    g_source_attach(listener->source, context);
    return listener;
}

const char *rpc_listener_path(const struct rpc_listener *listener)
{
    return listener->path;
}

void rpc_listener_free(struct rpc_listener *listener)
{
    if (listener == NULL) {
        return;
    }
    g_source_destroy(listener->source);
    g_source_unref(listener->source);
    if (!listener->adopted) {
        (void)unlink(listener->path);
    }
    fd_close(&listener->fd);
    g_free(listener->path);
    g_free(listener);
}
