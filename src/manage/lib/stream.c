/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A stream: its far end inside this process, or its near end on the wire. */
#include <viv/stream.h>

#include "base/cleanup.h"
#include "manage/conf/fault.h"
#include "manage/core/stream.h"
#include "manage/lib/internal.h"
#include "manage/rpc/stream-client.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>

struct viv_stream {
    struct viv_connection *connection; /* referenced */
    struct stream_client *remote;      /* or NULL */
    struct stream *local;              /* or NULL */
    int always;                        /* readable: of a local end that never waits; or -1 */
};

struct viv_stream *lib_stream_open(struct viv_connection *connection, enum proc_id id,
                                   GVariant *args, GVariant **ret_reply,
                                   struct viv_error **ret_error)
{
    struct viv_stream *stream = g_new0(struct viv_stream, 1);

    stream->connection = lib_connection_ref(connection);
    stream->always = -1;
    if (!lib_connection_stream(connection, id, args, ret_reply, &stream->remote, &stream->local,
                               ret_error)) {
        viv_stream_free(stream);
        return NULL;
    }
    if (stream->local != NULL && stream->local->fd < 0) {
        stream->always = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
        g_assert(stream->always >= 0);
    }
    return stream;
}

VIV_PUBLIC struct viv_stream *viv_domain_console(struct viv_object *domain, const char *device,
                                                 unsigned flags, struct viv_error **ret_error)
{
    enum proc_id id = PROC_DOMAIN_OPEN_CONSOLE;

    return lib_object_is(domain, VIV_DOMAIN, ret_error)
               ? lib_stream_open(domain->connection, id, lib_pack(domain, id, &device, 0, flags),
                                 NULL, ret_error)
               : NULL;
}

VIV_PUBLIC struct viv_stream *viv_domain_screenshot(struct viv_object *domain, unsigned screen,
                                                    char **ret_type, struct viv_error **ret_error)
{
    g_autoptr(GVariant) reply = NULL;

    if (!lib_object_is(domain, VIV_DOMAIN, ret_error)) {
        return NULL;
    }
    struct viv_stream *stream =
        lib_stream_open(domain->connection, PROC_DOMAIN_SCREENSHOT,
                        g_variant_new("(@*uu)", domain->wire, screen, 0), &reply, ret_error);

    if (stream != NULL) {
        g_variant_get(reply, "(ms)", ret_type);
        *ret_type = *ret_type != NULL ? *ret_type : g_strdup("application/octet-stream");
    }
    return stream;
}

VIV_PUBLIC int viv_stream_fd(const struct viv_stream *stream)
{
    return stream->remote != NULL ? stream_client_fd(stream->remote)
           : stream->always >= 0  ? stream->always
                                  : stream->local->fd;
}

static bool cannot(struct viv_error **ret_error, int number, const char *what)
{
    GError *error = NULL;

    fault_set_errno(&error, number, "%s", what);
    lib_error_give(ret_error, error);
    return false;
}

static ssize_t receive_local(struct stream *local, void *data, size_t size, int64_t *ret_hole,
                             struct viv_error **ret_error)
{
    ssize_t n = local->ops->read != NULL ? -EAGAIN : -EINVAL;

    *ret_hole = 0;
    while (n == -EAGAIN) {
        struct pollfd polled = {local->fd, POLLIN, 0};

        if (local->fd >= 0 && poll(&polled, 1, -1) < 0 && errno != EINTR) {
            n = -errno;
            break;
        }
        n = local->ops->read(local, data, size, ret_hole);
    }
    if (n < 0) {
        (void)cannot(ret_error, (int)-n, "cannot read from stream");
        return -1;
    }
    return n;
}

VIV_PUBLIC ssize_t viv_stream_receive(struct viv_stream *stream, void *data, size_t size,
                                      int64_t *ret_hole, struct viv_error **ret_error)
{
    GError *error = NULL;

    if (stream->local != NULL) {
        return receive_local(stream->local, data, size, ret_hole, ret_error);
    }
    ssize_t n = stream_client_receive(stream->remote, data, size, ret_hole, true, &error);

    if (n < 0) {
        lib_error_give(ret_error, error);
    }
    return n;
}

/* `data` NULL: a hole. */
static int give(struct viv_stream *stream, const void *data, size_t size,
                struct viv_error **ret_error)
{
    GError *error = NULL;
    bool good;

    if (stream->local != NULL) {
        int status = stream->local->ops->write != NULL
                         ? stream->local->ops->write(stream->local, data, size)
                         : -EINVAL;

        return status < 0 && !cannot(ret_error, -status, "cannot write to stream") ? -1 : 0;
    }
    good = data != NULL ? stream_client_send(stream->remote, data, size, &error)
                        : stream_client_send_hole(stream->remote, (int64_t)size, &error);
    if (!good) {
        lib_error_give(ret_error, error);
    }
    return good ? 0 : -1;
}

VIV_PUBLIC int viv_stream_send(struct viv_stream *stream, const void *data, size_t size,
                               struct viv_error **ret_error)
{
    return size > 0 ? give(stream, data, size, ret_error) : 0;
}

VIV_PUBLIC int viv_stream_send_hole(struct viv_stream *stream, int64_t length,
                                    struct viv_error **ret_error)
{
    return length > 0 ? give(stream, NULL, (size_t)length, ret_error) : 0;
}

VIV_PUBLIC int viv_stream_finish(struct viv_stream *stream, struct viv_error **ret_error)
{
    GError *error = NULL;
    bool good;

    if (stream->local != NULL) {
        good =
            stream->local->ops->finish == NULL || stream->local->ops->finish(stream->local, &error);
    } else {
        good = stream_client_finish(stream->remote, &error);
    }
    if (!good) {
        lib_error_give(ret_error, error);
    }
    return good ? 0 : -1;
}

VIV_PUBLIC void viv_stream_free(struct viv_stream *stream)
{
    if (stream == NULL) {
        return;
    }
    stream_client_free(stream->remote);
    if (stream->local != NULL) {
        stream->local->ops->close(stream->local);
    }
    fd_close(&stream->always);
    lib_connection_unref(stream->connection);
    g_free(stream);
}
