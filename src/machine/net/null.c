/* SPDX-License-Identifier: GPL-2.0-or-later */
/* null: cables that end nowhere. They take every frame and give none; frames are counted. */
#include "machine/net/backend.h"

struct options {
    uint16_t queues;
};

struct null {
    uint64_t frames;
};

static gboolean open_null(struct netdev *n, const void *options, GError **error)
{
    n->n_queues = ((const struct options *)options)->queues;
    return TRUE;
}

static void close_null(struct netdev *n)
{
}

static void send_null(struct netdev *n, unsigned queue, const struct iovec *iov, unsigned niov)
{
    ((struct null *)n->state)->frames++;
}

static void describe(struct netdev *n, GString *out)
{
    g_string_append_printf(out, "frames=%" G_GUINT64_FORMAT, ((struct null *)n->state)->frames);
}

static const struct row rows[] = {
    {.name = "queues",
     .type = ROW_UINT,
     ROW_FIELD(struct options, queues),
     .def = "1",
     .min = 1,
     .max = NET_QUEUES_MAX,
     .help = "Number of queues"},
    {},
};

const struct net_backend net_backend_null = {
    .type = "null",
    .help = "A cable that ends nowhere",
    .rows = rows,
    .options_size = sizeof(struct options),
    .state_size = sizeof(struct null),
    .open = open_null,
    .close = close_null,
    .send = send_null,
    .describe = describe,
};
