/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/chardev/stream.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>

#define READ_MAX 4096

static void drop_source(GSource **source)
{
    if (*source) {
        g_source_destroy(*source);
        g_source_unref(*source);
        *source = NULL;
    }
}

static GSource *watch(struct stream *s, int fd, GIOCondition condition, GUnixFDSourceFunc fn)
{
    GSource *source = g_unix_fd_source_new(fd, condition);

    g_source_set_callback(source, G_SOURCE_FUNC(fn), s, NULL);
    g_source_attach(source, s->c->set->context);
    return source;
}

void stream_init(struct stream *s, struct chardev *c, int in, int out)
{
    s->c = c;
    s->in = in;
    s->out = out;
    if (in >= 0) {
        g_unix_set_fd_nonblocking(in, TRUE, NULL);
    }
    if (out >= 0 && out != in) {
        g_unix_set_fd_nonblocking(out, TRUE, NULL);
    }
}

void stream_stop(struct stream *s)
{
    drop_source(&s->readable);
    if (s->c) {
        g_mutex_lock(&s->c->lock);
        drop_source(&s->writable);
        g_mutex_unlock(&s->c->lock);
    }
    while (s->n_fds) {
        fd_close(&s->fds[--s->n_fds]);
    }
}

static void keep_fds(struct stream *s, struct msghdr *msg)
{
    for (struct cmsghdr *h = CMSG_FIRSTHDR(msg); h; h = CMSG_NXTHDR(msg, h)) {
        size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        for (size_t i = 0; i < n; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(h) + i * sizeof(int), sizeof(fd));
            if (s->n_fds < STREAM_FDS_MAX) {
                s->fds[s->n_fds++] = fd;
            } else {
                fd_close(&fd);
            }
        }
    }
}

static ssize_t receive(struct stream *s, void *buf, size_t len)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * STREAM_FDS_MAX)];
    } control;
    struct iovec iov = {buf, len};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof(control)};
    ssize_t n;

    if (!s->sockets) {
        return read(s->in, buf, len);
    }
    n = recvmsg(s->in, &msg, MSG_CMSG_CLOEXEC);
    if (n > 0) {
        keep_fds(s, &msg);
    }
    return n;
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer opaque)
{
    struct stream *s = opaque;
    size_t room = chardev_room(s->c);
    uint8_t buf[READ_MAX];
    ssize_t n;

    if (!room) {
        drop_source(&s->readable);
        return G_SOURCE_REMOVE;
    }
    n = receive(s, buf, MIN(room, sizeof(buf)));
    if (n > 0) {
        size_t len = s->filter ? s->filter(s->c, buf, (size_t)n) : (size_t)n;

        if (len) {
            chardev_deliver(s->c, buf, len);
        }
        return G_SOURCE_CONTINUE;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return G_SOURCE_CONTINUE;
    }
    drop_source(&s->readable);
    s->ended(s->c);
    return G_SOURCE_REMOVE;
}

void stream_resume(struct stream *s)
{
    if (s->c && s->in >= 0 && !s->readable && chardev_room(s->c)) {
        s->readable = watch(s, s->in, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable);
    }
}

static gboolean on_writable(gint fd, GIOCondition condition, gpointer opaque)
{
    struct stream *s = opaque;

    g_mutex_lock(&s->c->lock);
    drop_source(&s->writable);
    g_mutex_unlock(&s->c->lock);
    chardev_writable(s->c);
    return G_SOURCE_REMOVE;
}

size_t stream_write(struct stream *s, const uint8_t *data, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = s->sockets ? send(s->out, data + done, len - done, MSG_NOSIGNAL)
                               : write(s->out, data + done, len - done);

        if (n > 0) {
            done += (size_t)n;
        } else if (n < 0 && errno == EINTR) {
            continue;
        } else if (n < 0 && errno == EAGAIN) {
            if (!s->writable) {
                s->writable = watch(s, s->out, G_IO_OUT | G_IO_HUP | G_IO_ERR, on_writable);
            }
            break;
        } else {
            return len; /* the reading side hears of it; output is dropped */
        }
    }
    return done;
}

int stream_take_fd(struct stream *s)
{
    int fd;

    if (!s->n_fds) {
        return -1;
    }
    fd = s->fds[0];
    memmove(s->fds, s->fds + 1, --s->n_fds * sizeof(int));
    return fd;
}
