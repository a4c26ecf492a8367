/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last bytes of output in memory, read by the monitor. */
#include "machine/chardev/backend.h"

#include <gio/gio.h>

#define RING_MAX (64 << 20)

struct ring_opts {
    uint64_t size;
};

static const struct row ring_rows[] = {
    {"size", ROW_SIZE, ROW_FIELD(struct ring_opts, size), .def = "64k", .min = 1, .max = RING_MAX,
     .help = "bytes kept, a power of two"},
    {NULL},
};

struct ring {
    struct chardev c;
    uint8_t *bytes; /* lock */
    size_t size;
    uint64_t produced, consumed; /* lock */
};

static gboolean ring_open(struct chardev *c, void *opts, GError **error)
{
    struct ring *r = (struct ring *)c;
    struct ring_opts *o = opts;

    if (o->size & (o->size - 1)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "size of ringbuf chardev must be power of two");
        return FALSE;
    }
    r->size = o->size;
    r->bytes = g_malloc(r->size);
    chardev_set_open(c, true);
    return TRUE;
}

static void ring_close(struct chardev *c)
{
    g_free(((struct ring *)c)->bytes);
}

static size_t ring_write(struct chardev *c, const uint8_t *data, size_t len)
{
    struct ring *r = (struct ring *)c;

    for (size_t i = 0; i < len; i++) {
        r->bytes[r->produced++ % r->size] = data[i];
    }
    if (r->produced - r->consumed > r->size) {
        r->consumed = r->produced - r->size;
    }
    return len;
}

static struct ring *as_ring(struct chardev *c, GError **error)
{
    if (c->class != &chardev_ringbuf) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "%s is not a ringbuf device",
                    c->id);
        return NULL;
    }
    return (struct ring *)c;
}

GBytes *chardev_ring_read(struct chardev *c, size_t max, GError **error)
{
    struct ring *r = as_ring(c, error);
    GByteArray *out;

    if (!r) {
        return NULL;
    }
    out = g_byte_array_new();
    g_mutex_lock(&c->lock);
    while (r->consumed < r->produced && out->len < max) {
        g_byte_array_append(out, &r->bytes[r->consumed++ % r->size], 1);
    }
    g_mutex_unlock(&c->lock);
    return g_byte_array_free_to_bytes(out);
}

gboolean chardev_ring_write(struct chardev *c, const void *data, size_t len, GError **error)
{
    struct ring *r = as_ring(c, error);

    if (!r) {
        return FALSE;
    }
    g_mutex_lock(&c->lock);
    ring_write(c, data, len);
    g_mutex_unlock(&c->lock);
    return TRUE;
}

const struct chardev_class chardev_ringbuf = {
    .name = "ringbuf",
    .help = "a ring buffer in memory",
    .rows = ring_rows,
    .opts_size = sizeof(struct ring_opts),
    .instance_size = sizeof(struct ring),
    .open = ring_open,
    .close = ring_close,
    .write = ring_write,
};
