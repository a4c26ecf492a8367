/* SPDX-License-Identifier: GPL-2.0-or-later */
/* null: a cable that ends nowhere. Takes every frame, gives none; frames are counted. */
#include "machine/net/backend.h"

struct null {
    uint64_t frames;
};

static gboolean open_null(struct netdev *n, const void *options, GError **error)
{
    return TRUE;
}

static void close_null(struct netdev *n)
{
}

static void send_null(struct netdev *n, const struct iovec *iov, unsigned niov)
{
    ((struct null *)n->state)->frames++;
}

static void describe(struct netdev *n, GString *out)
{
    g_string_append_printf(out, "frames=%" G_GUINT64_FORMAT, ((struct null *)n->state)->frames);
}

static const struct row rows[] = {{}};

const struct net_backend net_backend_null = {
    .type = "null",
    .help = "A cable that ends nowhere",
    .rows = rows,
    .state_size = sizeof(struct null),
    .open = open_null,
    .close = close_null,
    .send = send_null,
    .describe = describe,
};
