/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "manage/daemon/carrier.h"

#include "manage/conf/fault.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>

#define CHUNK 65536

struct carried {
    struct carrier *carrier;
    struct frame of;
    struct stream *stream;
    GSource *source; /* reads; NULL while it must not, or has ended */
    bool started;    /* loop: the reply is on its way */
    bool read_all;   /* loop: no more comes from it */
};

struct carrier {
    gatomicrefcount refs;
    struct rpc_peer *peer; /* referenced */
    GMainContext *context;
    GMutex lock;
    GHashTable *streams; /* lock: serial -> struct carried, owned */
    bool closed;         /* lock */
};

static void stop_reading(struct carried *c)
{
    if (c->source != NULL) {
        g_source_destroy(c->source);
        g_source_unref(c->source);
        c->source = NULL;
    }
}

static void carried_free(gpointer opaque)
{
    struct carried *c = opaque;

    stop_reading(c);
    c->stream->ops->close(c->stream);
    g_free(c);
}

struct carrier *carrier_new(struct rpc_peer *peer, GMainContext *context)
{
    struct carrier *carrier = g_new0(struct carrier, 1);

    g_atomic_ref_count_init(&carrier->refs);
    carrier->peer = rpc_peer_ref(peer);
    carrier->context = g_main_context_ref(context);
    g_mutex_init(&carrier->lock);
    carrier->streams = g_hash_table_new_full(NULL, NULL, NULL, carried_free);
    return carrier;
}

void carrier_close(struct carrier *carrier)
{
    g_mutex_lock(&carrier->lock);
    GHashTable *streams = carrier->streams;

    carrier->closed = true;
    carrier->streams = g_hash_table_new_full(NULL, NULL, NULL, carried_free);
    g_mutex_unlock(&carrier->lock);
    g_hash_table_unref(streams);
}

void carrier_unref(struct carrier *carrier)
{
    if (carrier == NULL || !g_atomic_ref_count_dec(&carrier->refs)) {
        return;
    }
    g_hash_table_unref(carrier->streams);
    rpc_peer_unref(carrier->peer);
    g_main_context_unref(carrier->context);
    g_mutex_clear(&carrier->lock);
    g_free(carrier);
}

bool carrier_add(struct carrier *carrier, const struct frame *of, struct stream *stream,
                 GError **error)
{
    gpointer key = GUINT_TO_POINTER(of->serial);

    g_mutex_lock(&carrier->lock);
    bool room = !carrier->closed && g_hash_table_size(carrier->streams) < CARRIER_MAX_STREAMS &&
                !g_hash_table_contains(carrier->streams, key);

    if (room) {
        struct carried *c = g_new0(struct carried, 1);

        *c = (struct carried){.carrier = carrier, .of = *of, .stream = stream};
        g_hash_table_insert(carrier->streams, key, c);
    }
    g_mutex_unlock(&carrier->lock);
    if (!room) {
        stream->ops->close(stream);
        return fault_set(error, FAULT_INTERNAL_ERROR, "too many open streams");
    }
    return true;
}

static struct carried *find(struct carrier *carrier, uint32_t serial)
{
    g_mutex_lock(&carrier->lock);
    struct carried *c = g_hash_table_lookup(carrier->streams, GUINT_TO_POINTER(serial));
    g_mutex_unlock(&carrier->lock);
    return c;
}

static void end(struct carrier *carrier, struct carried *c)
{
    g_mutex_lock(&carrier->lock);
    g_hash_table_steal(carrier->streams, GUINT_TO_POINTER(c->of.serial));
    g_mutex_unlock(&carrier->lock);
    carried_free(c);
}

static void fail(struct carrier *carrier, struct carried *c, int number, const char *what)
{
    GError *error = NULL;

    fault_set_errno(&error, number, "%s", what);
    rpc_peer_stream_fail(carrier->peer, &c->of, error);
    end(carrier, c);
}

/* A chunk from the far end to the client; false when reading is over for now. */
static bool pass_on(struct carried *c)
{
    struct carrier *carrier = c->carrier;
    uint8_t data[CHUNK];
    int64_t hole = 0;
    ssize_t n = c->stream->ops->read(c->stream, data, sizeof(data), &hole);

    if (n == -EAGAIN) {
        return true;
    }
    if (n < 0) {
        fail(carrier, c, (int)-n, "cannot read from stream");
        return false;
    }
    if (hole > 0) {
        rpc_peer_stream_hole(carrier->peer, &c->of, hole);
        return true;
    }
    rpc_peer_stream(carrier->peer, &c->of, FRAME_CONTINUE, data, (size_t)n);
    if (n == 0) {
        c->read_all = true;
        stop_reading(c);
        return false;
    }
    if (rpc_peer_queued(carrier->peer) > CARRIER_MAX_QUEUED) {
        stop_reading(c);
        return false;
    }
    return true;
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer opaque)
{
    return pass_on(opaque) ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static gboolean on_ready(gpointer opaque)
{
    return pass_on(opaque) ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void start_reading(struct carried *c)
{
    if (c->source != NULL || c->read_all || c->stream->ops->read == NULL) {
        return;
    }
    if (c->stream->fd >= 0) {
        c->source = g_unix_fd_source_new(c->stream->fd, G_IO_IN | G_IO_HUP | G_IO_ERR);
        g_source_set_callback(c->source, G_SOURCE_FUNC(on_readable), c, NULL);
    } else {
        c->source = g_idle_source_new();
        g_source_set_callback(c->source, on_ready, c, NULL);
    }
    g_source_attach(c->source, c->carrier->context);
}

struct start {
    struct carrier *carrier;
    uint32_t serial;
};

static gboolean on_start(gpointer opaque)
{
    struct start *start = opaque;
    struct carried *c = find(start->carrier, start->serial);

    if (c != NULL) {
        c->started = true;
        start_reading(c);
    }
    carrier_unref(start->carrier);
    g_free(start);
    return G_SOURCE_REMOVE;
}

void carrier_start(struct carrier *carrier, uint32_t serial)
{
    struct start *start = g_new0(struct start, 1);
    GSource *source = g_idle_source_new();

    g_atomic_ref_count_inc(&carrier->refs);
    *start = (struct start){carrier, serial};
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, on_start, start, NULL);
    g_source_attach(source, carrier->context);
    g_source_unref(source);
}

static void take(struct carrier *carrier, struct carried *c, const void *data, size_t size)
{
    int status =
        c->stream->ops->write == NULL ? -EINVAL : c->stream->ops->write(c->stream, data, size);

    if (status < 0) {
        fail(carrier, c, -status, "cannot write to stream");
    }
}

static void finish(struct carrier *carrier, struct carried *c)
{
    GError *error = NULL;

    if (c->stream->ops->finish != NULL && !c->stream->ops->finish(c->stream, &error)) {
        rpc_peer_stream_fail(carrier->peer, &c->of, error);
    } else {
        rpc_peer_stream(carrier->peer, &c->of, FRAME_OK, NULL, 0);
    }
    end(carrier, c);
}

/* {i64 length, u32 flags}, as XDR. */
static void take_hole(struct carrier *carrier, struct carried *c, const uint8_t *body, gsize size)
{
    guint64 length;

    if (size != 12) {
        fail(carrier, c, EINVAL, "a hole of a stream is malformed");
        return;
    }
    memcpy(&length, body, sizeof(length));
    length = GUINT64_FROM_BE(length);
    if (length > INT64_MAX) {
        fail(carrier, c, EINVAL, "a hole of a stream is malformed");
        return;
    }
    take(carrier, c, NULL, (size_t)length);
}

void carrier_packet(struct carrier *carrier, const struct frame *frame, GBytes *body)
{
    struct carried *c = find(carrier, frame->serial);
    gsize size;
    const uint8_t *data = g_bytes_get_data(body, &size);

    if (c == NULL || c->of.procedure != frame->procedure || c->of.program != frame->program) {
        return;
    }
    if (frame->type == FRAME_HOLE) {
        take_hole(carrier, c, data, size);
    } else if (frame->status == FRAME_CONTINUE) {
        take(carrier, c, data, size);
    } else if (frame->status == FRAME_OK) {
        finish(carrier, c);
    } else {
        /* Given up by the client. */
        rpc_peer_stream(carrier->peer, &c->of, FRAME_OK, NULL, 0);
        end(carrier, c);
    }
}

void carrier_drained(struct carrier *carrier)
{
    g_autoptr(GList) all = NULL;

    g_mutex_lock(&carrier->lock);
    all = g_hash_table_get_values(carrier->streams);
    g_mutex_unlock(&carrier->lock);
    for (GList *l = all; l != NULL; l = l->next) {
        struct carried *c = l->data;

        if (c->started) {
            start_reading(c);
        }
    }
}
