/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The far end of a streaming procedure: a console, a screenshot, a volume. Made by a handler,
 * driven by whoever carries the packets, from one thread at a time, never under an object's lock.
 */
#ifndef VIV_MANAGE_CORE_STREAM_H
#define VIV_MANAGE_CORE_STREAM_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct stream;

struct stream_ops {
    /*
     * To the client: up to `size` bytes, 0 at the end, -EAGAIN when there is nothing yet (`fd`
     * becomes readable), another negative errno on failure. A hole is 0 bytes with *ret_hole > 0.
     * NULL: the stream only takes.
     */
    ssize_t (*read)(struct stream *stream, void *data, size_t size, int64_t *ret_hole);
    /* From the client: all of it, or a negative errno; `data` NULL: a hole. NULL: only gives. */
    int (*write)(struct stream *stream, const void *data, size_t size);
    /* The client has sent all; false: the whole failed. */
    bool (*finish)(struct stream *stream, GError **error);
    /* Ends, finished or not, and frees. */
    void (*close)(struct stream *stream);
};

struct stream {
    const struct stream_ops *ops;
    int fd; /* to be watched for reading, or -1: always ready */
};

#endif
