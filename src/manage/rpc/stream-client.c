/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/rpc/stream-client.h"

#include "base/cleanup.h"
#include "manage/conf/fault.h"
#include "manage/rpc/error.h"
#include "manage/rpc/xdr.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* What came and was not taken: bytes, or a hole. */
struct piece {
    GBytes *bytes; /* NULL: a hole */
    int64_t hole;
};

struct stream_client {
    struct rpc_client *client;
    struct frame frame; /* of its packets */
    int fd;             /* eventfd; not 0 while there is something to receive */
    GMutex lock;
    GCond came;
    GQueue pieces;  /* lock: struct piece */
    size_t held;    /* lock: bytes of them */
    GError *error;  /* lock: the other side's, or NULL */
    bool end, lost; /* lock: no more comes; ever */
    bool finished;  /* lock: the other side has ended it too */
    bool finishing; /* lock: what comes is dropped */
};

static void piece_free(gpointer opaque)
{
    struct piece *piece = opaque;

    g_clear_pointer(&piece->bytes, g_bytes_unref);
    g_free(piece);
}

/* Under the lock, after any change: the descriptor says whether receive has an answer. */
static void show(struct stream_client *s)
{
    const uint64_t one = 1;
    uint64_t count;
    bool ready = s->pieces.length > 0 || s->end || s->finished || s->lost || s->error != NULL;

    while ((ready ? write(s->fd, &one, sizeof(one)) : read(s->fd, &count, sizeof(count))) < 0 &&
           errno == EINTR) {
    }
}

static void add_piece(struct stream_client *s, GBytes *bytes, int64_t hole)
{
    struct piece *piece = g_new0(struct piece, 1);

    *piece = (struct piece){bytes != NULL ? g_bytes_ref(bytes) : NULL, hole};
    g_queue_push_tail(&s->pieces, piece);
}

/* {i64 length, u32 flags}, as XDR. A malformed one breaks the stream. */
static void add_hole(struct stream_client *s, GBytes *body)
{
    gsize size;
    const uint8_t *data = g_bytes_get_data(body, &size);
    uint64_t length = 0;

    if (size == 12) {
        memcpy(&length, data, sizeof(length));
        length = GUINT64_FROM_BE(length);
    }
    if (length == 0 || length > INT64_MAX) {
        fault_set(&s->error, FAULT_RPC, "a hole of a stream is malformed");
    } else {
        add_piece(s, NULL, (int64_t)length);
    }
}

static void add_error(struct stream_client *s, GBytes *body)
{
    gsize size;
    const uint8_t *data = g_bytes_get_data(body, &size);
    g_autoptr(GVariant) value = xdr_decode(XDR_ERROR_LAYOUT, data, size, &s->error);

    if (value != NULL) {
        s->error = rpc_error_unpack(value);
    }
}

/* Bytes that are held by it from now on. */
static size_t add_packet(struct stream_client *s, const struct frame *frame, GBytes *body)
{
    if (s->error != NULL || s->finished) {
        return 0;
    }
    if (frame->status == FRAME_ERROR) {
        add_error(s, body);
    } else if (frame->status == FRAME_OK) {
        s->finished = true;
    } else if (s->finishing || s->end) {
        return 0;
    } else if (frame->type == FRAME_HOLE) {
        add_hole(s, body);
    } else if (g_bytes_get_size(body) == 0) {
        s->end = true;
    } else {
        add_piece(s, body, 0);
        s->held += g_bytes_get_size(body);
        return g_bytes_get_size(body);
    }
    return 0;
}

static size_t on_packet(const struct frame *frame, GBytes *body, void *user)
{
    struct stream_client *s = user;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&s->lock);
    size_t held = 0;

    if (frame == NULL) {
        s->lost = true;
    } else {
        held = add_packet(s, frame, body);
    }
    show(s);
    g_cond_broadcast(&s->came);
    return held;
}

struct stream_client *stream_client_open(struct rpc_client *client, enum proc_id id, GVariant *args,
                                         GVariant **ret_reply, GError **error)
{
    const struct proc *proc = proc_get(id);
    struct stream_client *s = g_new0(struct stream_client, 1);

    s->client = client;
    s->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    g_assert(s->fd >= 0);
    g_mutex_init(&s->lock);
    g_cond_init(&s->came);
    s->frame =
        (struct frame){proc->program, FRAME_VERSION, proc->number, FRAME_STREAM, 0, FRAME_CONTINUE};
    g_autoptr(GVariant) reply =
        rpc_client_stream(client, id, args, on_packet, s, &s->frame.serial, error);

    if (reply == NULL) {
        s->finished = true;
        stream_client_free(s);
        return NULL;
    }
    if (ret_reply != NULL) {
        *ret_reply = g_steal_pointer(&reply);
    }
    return s;
}

int stream_client_fd(const struct stream_client *stream)
{
    return stream->fd;
}

/* Under the lock: false with the error that the stream has. */
static bool check(const struct stream_client *s, GError **error)
{
    if (s->error != NULL) {
        g_propagate_error(error, g_error_copy(s->error));
        return false;
    }
    return !s->lost ||
           fault_set(error, FAULT_SYSTEM_ERROR, "the connection to the daemon was lost");
}

/* Under the lock, of the first piece. */
static size_t take(struct stream_client *s, void *data, size_t size, int64_t *ret_hole)
{
    struct piece *piece = g_queue_peek_head(&s->pieces);

    if (piece->bytes == NULL) {
        *ret_hole = piece->hole;
        piece_free(g_queue_pop_head(&s->pieces));
        return 0;
    }
    gsize length;
    const void *bytes = g_bytes_get_data(piece->bytes, &length);
    size_t n = MIN(size, length);

    memcpy(data, bytes, n);
    if (n == length) {
        piece_free(g_queue_pop_head(&s->pieces));
    } else {
        GBytes *left = g_bytes_new_from_bytes(piece->bytes, n, length - n);

        g_bytes_unref(piece->bytes);
        piece->bytes = left;
    }
    s->held -= n;
    return n;
}

ssize_t stream_client_receive(struct stream_client *s, void *data, size_t size, int64_t *ret_hole,
                              bool wait, GError **error)
{
    ssize_t n = 0;

    *ret_hole = 0;
    g_mutex_lock(&s->lock);
    while (wait && s->pieces.length == 0 && !s->end && !s->finished && !s->lost &&
           s->error == NULL) {
        g_cond_wait(&s->came, &s->lock);
    }
    if (s->pieces.length > 0) {
        n = (ssize_t)take(s, data, size, ret_hole);
    } else if (!check(s, error)) {
        n = -1;
    } else if (!s->end && !s->finished) {
        n = -EAGAIN;
    }
    show(s);
    g_mutex_unlock(&s->lock);
    if (n > 0) {
        rpc_client_taken(s->client, (size_t)n);
    }
    return n;
}

static bool send_packet(struct stream_client *s, const struct frame *frame, const void *data,
                        size_t size, GError **error)
{
    g_mutex_lock(&s->lock);
    bool good = check(s, error);

    g_mutex_unlock(&s->lock);
    return good && (rpc_client_send(s->client, frame, data, size) ||
                    fault_set(error, FAULT_SYSTEM_ERROR, "the connection to the daemon was lost"));
}

bool stream_client_send(struct stream_client *s, const void *data, size_t size, GError **error)
{
    const uint8_t *bytes = data;

    for (size_t done = 0; done < size; done += FRAME_STREAM_CHUNK) {
        if (!send_packet(s, &s->frame, bytes + done, MIN(size - done, FRAME_STREAM_CHUNK), error)) {
            return false;
        }
    }
    return true;
}

bool stream_client_send_hole(struct stream_client *s, int64_t length, GError **error)
{
    struct frame frame = s->frame;
    uint8_t body[12] = {0};
    uint64_t big = GUINT64_TO_BE((uint64_t)length);

    frame.type = FRAME_HOLE;
    memcpy(body, &big, sizeof(big));
    return send_packet(s, &frame, body, sizeof(body), error);
}

/* What came and is not wanted; under the lock. How many bytes that was. */
static size_t forget(struct stream_client *s)
{
    size_t held = s->held;

    g_queue_clear_full(&s->pieces, piece_free);
    s->held = 0;
    return held;
}

bool stream_client_finish(struct stream_client *s, GError **error)
{
    struct frame frame = s->frame;

    g_mutex_lock(&s->lock);
    s->finishing = true;
    size_t held = forget(s);
    bool over = s->finished;

    g_mutex_unlock(&s->lock);
    rpc_client_taken(s->client, held);
    frame.status = FRAME_OK;
    if (!over && !send_packet(s, &frame, NULL, 0, error)) {
        return false;
    }
    g_mutex_lock(&s->lock);
    while (!s->finished && !s->lost && s->error == NULL) {
        g_cond_wait(&s->came, &s->lock);
    }
    bool good = check(s, error);

    g_mutex_unlock(&s->lock);
    return good;
}

void stream_client_free(struct stream_client *s)
{
    if (s == NULL) {
        return;
    }
    g_mutex_lock(&s->lock);
    bool open = !s->finished && !s->lost && s->error == NULL;
    size_t held;

    s->finishing = true;
    held = forget(s);
    g_mutex_unlock(&s->lock);
    if (open) {
        struct frame frame = s->frame;

        frame.status = FRAME_ERROR;
        (void)rpc_client_send(s->client, &frame, NULL, 0);
    }
    rpc_client_end_stream(s->client, s->frame.serial, held);
    g_clear_error(&s->error);
    fd_close(&s->fd);
    g_mutex_clear(&s->lock);
    g_cond_clear(&s->came);
    g_free(s);
}
