/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A connection of the wire. One GSource watches its socket; its prepare step looks under the lock
 * at what the socket should be watched for, so that other threads only queue and wake the loop.
 */
#include "manage/rpc/peer.h"

#include "base/cleanup.h"
#include "manage/conf/fault.h"
#include "manage/rpc/error.h"
#include "manage/rpc/xdr.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define READ_SIZE (64 * 1024)

/* One thing to send: bytes, or (bytes NULL) a descriptor. */
struct outgoing {
    GBytes *bytes;
    size_t done;
    int fd;
};

struct rpc_peer {
    gatomicrefcount refs;
    GSource *source;                   /* frozen until gone */
    gpointer tag;                      /* frozen */
    GMainContext *context;             /* frozen, referenced */
    const struct rpc_service *service; /* frozen */
    void *user;                        /* frozen */
    struct rpc_limits limits;          /* frozen */
    struct rpc_identity identity;      /* frozen */

    GByteArray *in;           /* loop */
    GArray *in_fds;           /* loop: int, received and not yet claimed */
    struct rpc_call *waiting; /* loop: its descriptors are still to come */
    unsigned wanted;          /* loop: so many */
    gint64 heard;             /* loop: microseconds, monotonic */
    unsigned pings;           /* loop: since then */
    GIOCondition watch;       /* loop: what the source waits for */

    GMutex lock;
    int fd;          /* lock to send, loop to read and close */
    GQueue out;      /* lock: struct outgoing */
    size_t queued;   /* lock: bytes in it */
    unsigned calls;  /* lock: outstanding */
    bool keepalive;  /* lock */
    bool closing;    /* lock: once the queue is empty */
    bool broken;     /* lock: now */
    bool was_queued; /* lock: drained is due when the queue is empty */
};

struct peer_source {
    GSource source;
    struct rpc_peer *peer;
};

static void outgoing_free(struct outgoing *o)
{
    g_clear_pointer(&o->bytes, g_bytes_unref);
    fd_close(&o->fd);
    g_free(o);
}

/* Negative errno when the descriptor could not go out. */
static int send_fd(int socket, int fd)
{
    char zero = 0;
    struct iovec iov = {&zero, 1};
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr message = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control.space,
        .msg_controllen = sizeof(control.space),
    };
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &fd, sizeof(int));
    return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* Sends what the socket takes; false when there is more. */
static bool flush_locked(struct rpc_peer *peer)
{
    struct outgoing *o;

    while (!peer->broken && peer->fd >= 0 && (o = g_queue_peek_head(&peer->out)) != NULL) {
        gsize size = 0;
        const uint8_t *data = o->bytes != NULL ? g_bytes_get_data(o->bytes, &size) : NULL;
        ssize_t n = data != NULL ? send(peer->fd, data + o->done, size - o->done,
                                        MSG_NOSIGNAL | MSG_DONTWAIT)
                                 : send_fd(peer->fd, o->fd);

        if (data != NULL && n < 0) {
            n = -errno;
        }
        if (n == -EINTR) {
            continue;
        }
        if (n == -EAGAIN) {
            return false;
        }
        if (n < 0) {
            peer->broken = true;
            break;
        }
        o->done += n;
        peer->queued -= n;
        if (o->done == size) {
            outgoing_free(g_queue_pop_head(&peer->out));
        }
    }
    return true;
}

static void queue_locked(struct rpc_peer *peer, struct outgoing *o)
{
    if (peer->fd < 0 || peer->broken) {
        outgoing_free(o);
        return;
    }
    peer->queued += o->bytes != NULL ? g_bytes_get_size(o->bytes) : 0;
    g_queue_push_tail(&peer->out, o);
}

static void queue_bytes_locked(struct rpc_peer *peer, GByteArray *frame)
{
    struct outgoing *o = g_new0(struct outgoing, 1);

    o->fd = -1;
    o->bytes = g_byte_array_free_to_bytes(frame);
    queue_locked(peer, o);
}

static void queue_fd_locked(struct rpc_peer *peer, int fd)
{
    struct outgoing *o = g_new0(struct outgoing, 1);

    o->fd = fd;
    queue_locked(peer, o);
}

/* After queueing: sends at once what can be sent, and wakes the loop only if there is more. */
static void push_locked(struct rpc_peer *peer)
{
    bool all = flush_locked(peer);

    peer->was_queued |= !all;
    if (!all || peer->broken || peer->closing) {
        g_main_context_wakeup(peer->context);
    }
}

/* Takes the frame's bytes. */
static void send_frame(struct rpc_peer *peer, GByteArray *frame)
{
    g_mutex_lock(&peer->lock);
    queue_bytes_locked(peer, frame);
    push_locked(peer);
    g_mutex_unlock(&peer->lock);
}

static void send_keepalive(struct rpc_peer *peer, int procedure)
{
    struct frame frame = {FRAME_KEEPALIVE, FRAME_VERSION, procedure, FRAME_EVENT, 0, FRAME_OK};
    GByteArray *out = g_byte_array_new();

    frame_begin(out, &frame);
    frame_finish(out, 0);
    send_frame(peer, out);
}

static void break_connection(struct rpc_peer *peer)
{
    g_mutex_lock(&peer->lock);
    peer->broken = true;
    g_mutex_unlock(&peer->lock);
}

/* A frame whose body is an error; takes the error. */
static void send_error(struct rpc_peer *peer, const struct frame *of, enum frame_type type,
                       GError *error)
{
    g_autoptr(GVariant) body = g_variant_ref_sink(rpc_error_pack(error));
    GByteArray *out = g_byte_array_new();
    struct frame frame = *of;

    frame.type = type;
    frame.status = FRAME_ERROR;
    frame_begin(out, &frame);
    if (!xdr_encode(XDR_ERROR_LAYOUT, body, out, NULL) || !frame_finish(out, 0)) {
        g_byte_array_unref(out);
        break_connection(peer);
    } else {
        send_frame(peer, out);
    }
    g_error_free(error);
}

static void call_free(struct rpc_call *call)
{
    for (unsigned i = 0; i < call->n_fds; i++) {
        fd_close(&call->fds[i]);
    }
    g_clear_pointer(&call->body, g_bytes_unref);
    rpc_peer_unref(call->peer);
    g_free(call);
}

/* The call counts as outstanding no more. */
static void call_done(struct rpc_call *call)
{
    struct rpc_peer *peer = call->peer;

    g_mutex_lock(&peer->lock);
    g_assert(peer->calls > 0);
    if (peer->calls-- == peer->limits.calls) {
        g_main_context_wakeup(peer->context); /* it reads on */
    }
    g_mutex_unlock(&peer->lock);
    call_free(call);
}

GVariant *rpc_call_args(const struct rpc_call *call, GError **error)
{
    gsize size;
    const uint8_t *data = g_bytes_get_data(call->body, &size);

    return xdr_decode(call->proc->args, data, size, error);
}

static void append_count(GByteArray *out, unsigned n)
{
    uint32_t count = GUINT32_TO_BE(n);

    g_byte_array_append(out, (const uint8_t *)&count, 4);
}

void rpc_call_reply(struct rpc_call *call, GVariant *reply, const int *fds, unsigned n_fds)
{
    g_autoptr(GVariant) body =
        g_variant_ref_sink(reply != NULL ? reply : g_variant_new_tuple(NULL, 0));
    struct rpc_peer *peer = call->peer;
    struct frame frame = call->frame;
    GByteArray *out = g_byte_array_new();
    GError *error = NULL;

    g_assert(n_fds <= FRAME_MAX_FDS);
    frame.type = n_fds > 0 ? FRAME_REPLY_FDS : FRAME_REPLY;
    frame.status = FRAME_OK;
    frame_begin(out, &frame);
    if (n_fds > 0) {
        append_count(out, n_fds);
    }
    if (!xdr_encode(call->proc->reply, body, out, &error) || !frame_finish(out, 0)) {
        g_byte_array_unref(out);
        for (unsigned i = 0; i < n_fds; i++) {
            close(fds[i]);
        }
        if (error == NULL) {
            fault_set(&error, FAULT_RPC, "Unable to encode message payload");
        }
        rpc_call_fail(call, error);
        return;
    }
    g_mutex_lock(&peer->lock);
    queue_bytes_locked(peer, out);
    for (unsigned i = 0; i < n_fds; i++) {
        queue_fd_locked(peer, fds[i]);
    }
    push_locked(peer);
    g_mutex_unlock(&peer->lock);
    call_done(call);
}

void rpc_call_fail(struct rpc_call *call, GError *error)
{
    send_error(call->peer, &call->frame, FRAME_REPLY, error);
    call_done(call);
}

void rpc_peer_event(struct rpc_peer *peer, const struct proc *proc, GVariant *body)
{
    g_autoptr(GVariant) value = g_variant_ref_sink(body);
    struct frame frame = {proc->program, FRAME_VERSION, proc->number, FRAME_EVENT, 0, FRAME_OK};
    GByteArray *out = g_byte_array_new();

    frame_begin(out, &frame);
    if (xdr_encode(proc->reply, value, out, NULL) && frame_finish(out, 0)) {
        send_frame(peer, out);
    } else {
        g_byte_array_unref(out);
    }
}

void rpc_peer_stream(struct rpc_peer *peer, const struct frame *of, enum frame_status status,
                     const void *data, size_t length)
{
    struct frame frame = *of;
    size_t done = 0;

    frame.type = FRAME_STREAM;
    frame.status = status;
    do {
        size_t chunk = MIN(length - done, FRAME_STREAM_CHUNK);
        GByteArray *out = g_byte_array_sized_new(FRAME_LENGTH + FRAME_HEADER + chunk);

        frame_begin(out, &frame);
        if (chunk > 0) {
            g_byte_array_append(out, (const uint8_t *)data + done, chunk);
        }
        frame_finish(out, 0);
        send_frame(peer, out);
        done += chunk;
    } while (done < length);
}

void rpc_peer_stream_hole(struct rpc_peer *peer, const struct frame *of, int64_t length)
{
    g_autoptr(GVariant) body = g_variant_ref_sink(g_variant_new("(xu)", length, 0));
    GByteArray *out = g_byte_array_new();
    struct frame frame = *of;

    frame.type = FRAME_HOLE;
    frame.status = FRAME_CONTINUE;
    frame_begin(out, &frame);
    xdr_encode("i64 u32", body, out, NULL);
    frame_finish(out, 0);
    send_frame(peer, out);
}

void rpc_peer_stream_fail(struct rpc_peer *peer, const struct frame *of, GError *error)
{
    send_error(peer, of, FRAME_STREAM, error);
}

size_t rpc_peer_queued(struct rpc_peer *peer)
{
    g_mutex_lock(&peer->lock);
    size_t queued = peer->queued;

    g_mutex_unlock(&peer->lock);
    return queued;
}

static void deliver(struct rpc_peer *peer, struct rpc_call *call)
{
    g_mutex_lock(&peer->lock);
    peer->calls++;
    g_mutex_unlock(&peer->lock);
    peer->service->call(call, peer->user);
}

/* A call's frame, or an error reply to it, in the words of libvirt. */
static const struct proc *check_call(const struct frame *frame, GError **error)
{
    const struct proc *proc = proc_find(frame->program, frame->procedure);

    if (frame->program != PROC_REMOTE && frame->program != PROC_QEMU &&
        frame->program != PROC_LXC) {
        fault_set_raw(error, FAULT_RPC, "Cannot find program %u version %u", frame->program,
                      frame->version);
    } else if (frame->version != FRAME_VERSION) {
        fault_set_raw(error, FAULT_RPC, "program mismatch (actual version %u, request version %u)",
                      frame->program, frame->version);
    } else if (frame->status != FRAME_OK) {
        fault_set_raw(error, FAULT_RPC, "Unexpected message status %u", frame->status);
    } else if (proc == NULL || (proc->traits & PROC_EVENT) != 0) {
        fault_set_raw(error, FAULT_RPC, "unknown procedure: %d", frame->procedure);
    } else {
        return proc;
    }
    return NULL;
}

static bool take_call(struct rpc_peer *peer, const struct frame *frame, const uint8_t *body,
                      size_t length)
{
    GError *error = NULL;
    const struct proc *proc = check_call(frame, &error);
    uint32_t n_fds = 0;

    if (frame->type == FRAME_CALL_FDS) {
        if (length < 4) {
            g_clear_error(&error);
            return false;
        }
        memcpy(&n_fds, body, 4);
        n_fds = GUINT32_FROM_BE(n_fds);
        body += 4;
        length -= 4;
    }
    if (n_fds > FRAME_MAX_FDS || (proc == NULL && n_fds > 0)) {
        g_clear_error(&error);
        return false;
    }
    if (proc == NULL) {
        fault_set_from(error, FAULT_FROM_RPC);
        send_error(peer, frame, FRAME_REPLY, error);
        return true;
    }
    struct rpc_call *call = g_new0(struct rpc_call, 1);

    call->peer = rpc_peer_ref(peer);
    call->frame = *frame;
    call->proc = proc;
    call->body = g_bytes_new(body, length);
    if (n_fds > 0) {
        peer->waiting = call;
        peer->wanted = n_fds;
    } else {
        deliver(peer, call);
    }
    return true;
}

/* False: the connection is to be closed. */
static bool take_frame(struct rpc_peer *peer, const uint8_t *data, size_t length)
{
    const uint8_t *body = data + FRAME_LENGTH + FRAME_HEADER;
    size_t size = length - FRAME_LENGTH - FRAME_HEADER;
    struct frame frame;

    frame_read(data, &frame);
    if (frame.program == FRAME_KEEPALIVE) {
        if (frame.procedure == FRAME_PING) {
            send_keepalive(peer, FRAME_PONG);
        }
        return frame.procedure == FRAME_PING || frame.procedure == FRAME_PONG;
    }
    switch (frame.type) {
    case FRAME_CALL:
    case FRAME_CALL_FDS: return take_call(peer, &frame, body, size);
    case FRAME_STREAM:
    case FRAME_HOLE: {
        g_autoptr(GBytes) bytes = g_bytes_new(body, size);

        peer->service->packet(peer, &frame, bytes, peer->user);
        return true;
    }
    default: {
        GError *error = NULL;

        fault_set_raw(&error, FAULT_RPC, "Unexpected message type %u", frame.type);
        send_error(peer, &frame, FRAME_REPLY, error);
        return true;
    }
    }
}

/* Gives the waiting call what arrived for it; true when it (or nothing) waits no more. */
static bool claim_fds(struct rpc_peer *peer, size_t *used)
{
    struct rpc_call *call = peer->waiting;

    while (peer->wanted > 0 && *used < peer->in->len && peer->in_fds->len > 0) {
        call->fds[call->n_fds++] = g_array_index(peer->in_fds, int, 0);
        g_array_remove_index(peer->in_fds, 0);
        (*used)++;
        peer->wanted--;
    }
    if (peer->wanted > 0) {
        return false;
    }
    if (call != NULL) {
        peer->waiting = NULL;
        deliver(peer, call);
    }
    return true;
}

static bool may_read(struct rpc_peer *peer)
{
    g_mutex_lock(&peer->lock);
    bool may = peer->calls < peer->limits.calls && !peer->closing && !peer->broken;

    g_mutex_unlock(&peer->lock);
    return may;
}

/* Handles the frames that are there, as far as the limit of outstanding calls allows. */
static bool take_input(struct rpc_peer *peer)
{
    size_t used = 0;
    bool good = true;

    while (good && claim_fds(peer, &used) && may_read(peer)) {
        int64_t length = frame_length(peer->in->data + used, peer->in->len - used);

        if (length < 0) {
            good = false;
        } else if (length == 0 || (size_t)length > peer->in->len - used) {
            break;
        } else {
            good = take_frame(peer, peer->in->data + used, length);
            used += length;
        }
    }
    if (used > 0) {
        g_byte_array_remove_range(peer->in, 0, used);
    }
    return good;
}

static bool keep_fds(struct rpc_peer *peer, struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
            unsigned n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

            g_array_append_vals(peer->in_fds, CMSG_DATA(c), n);
        }
    }
    return peer->in_fds->len <= FRAME_MAX_FDS && (message->msg_flags & MSG_CTRUNC) == 0;
}

/* False at the end of the connection. */
static bool read_some(struct rpc_peer *peer)
{
    size_t before = peer->in->len;
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(FRAME_MAX_FDS * sizeof(int))];
    } control;
    struct iovec iov = {.iov_len = READ_SIZE};
    struct msghdr message = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control.space,
        .msg_controllen = sizeof(control.space),
    };
    ssize_t n;

    g_byte_array_set_size(peer->in, before + READ_SIZE);
    iov.iov_base = peer->in->data + before;
    do {
        n = recvmsg(peer->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    bool again = n < 0 && errno == EAGAIN;

    g_byte_array_set_size(peer->in, before + MAX(n, 0));
    if (n <= 0) {
        return again;
    }
    peer->heard = g_get_monotonic_time();
    peer->pings = 0;
    return keep_fds(peer, &message);
}

/* Time of the next ping or of giving up, -1 when there is none. */
static gint64 next_ping(struct rpc_peer *peer)
{
    if (!peer->keepalive || peer->limits.keepalive_seconds == 0) {
        return -1;
    }
    return peer->heard +
           (gint64)(peer->pings + 1) * peer->limits.keepalive_seconds * G_USEC_PER_SEC;
}

static bool keep_alive(struct rpc_peer *peer)
{
    g_mutex_lock(&peer->lock);
    gint64 due = next_ping(peer);

    g_mutex_unlock(&peer->lock);
    if (due >= 0 && g_get_monotonic_time() >= due) {
        if (peer->pings >= peer->limits.keepalive_count) {
            return false;
        }
        peer->pings++;
        send_keepalive(peer, FRAME_PING);
    }
    return true;
}

static gboolean prepare(GSource *source, gint *timeout)
{
    struct rpc_peer *peer = ((struct peer_source *)source)->peer;
    GIOCondition watch = 0;
    gint64 at = g_source_get_ready_time(source), due;
    bool ready;

    g_mutex_lock(&peer->lock);
    bool reading = peer->calls < peer->limits.calls && !peer->closing;

    watch |= reading ? G_IO_IN : 0;
    watch |= g_queue_is_empty(&peer->out) ? 0 : G_IO_OUT;
    ready = peer->broken || (g_queue_is_empty(&peer->out) && (peer->closing || peer->was_queued));
    ready = ready ||
            (reading && peer->in->len > 0 && frame_length(peer->in->data, peer->in->len) != 0 &&
             frame_length(peer->in->data, peer->in->len) <= (int64_t)peer->in->len);
    due = next_ping(peer);
    g_mutex_unlock(&peer->lock);
    /* Each of these wakes the loop, even from itself: a ping's time moves once it has come. */
    if (watch != peer->watch) {
        peer->watch = watch;
        g_source_modify_unix_fd(source, peer->tag, watch);
    }
    if ((due < 0) != (at < 0) || (at >= 0 && at <= g_get_monotonic_time())) {
        g_source_set_ready_time(source, due);
    }
    *timeout = -1;
    return ready;
}

static gboolean check(GSource *source)
{
    struct rpc_peer *peer = ((struct peer_source *)source)->peer;
    gint64 due = g_source_get_ready_time(source);

    return g_source_query_unix_fd(source, peer->tag) != 0 ||
           (due >= 0 && due <= g_get_monotonic_time());
}

/* Tells the service, and leaves the loop. */
static gboolean end(struct rpc_peer *peer)
{
    GQueue left = G_QUEUE_INIT;

    g_mutex_lock(&peer->lock);
    peer->broken = true;
    left = peer->out;
    g_queue_init(&peer->out);
    peer->queued = 0;
    fd_close(&peer->fd);
    g_mutex_unlock(&peer->lock);
    g_queue_clear_full(&left, (GDestroyNotify)outgoing_free);
    g_clear_pointer(&peer->waiting, call_free);
    peer->service->closed(peer, peer->user);
    return G_SOURCE_REMOVE;
}

static gboolean dispatch(GSource *source, GSourceFunc unused, gpointer data)
{
    struct rpc_peer *peer = ((struct peer_source *)source)->peer;
    GIOCondition ready = g_source_query_unix_fd(source, peer->tag);
    bool good = true, drained, over;

    if (may_read(peer)) {
        if ((ready & (G_IO_IN | G_IO_HUP | G_IO_ERR)) != 0) {
            good = read_some(peer);
        }
        good = take_input(peer) && good;
    } else if ((ready & (G_IO_HUP | G_IO_ERR)) != 0) {
        good = false;
    }
    good = good && keep_alive(peer);
    g_mutex_lock(&peer->lock);
    flush_locked(peer);
    bool empty = g_queue_is_empty(&peer->out);

    drained = empty && peer->was_queued;
    peer->was_queued = peer->was_queued && !empty;
    over = !good || peer->broken || (peer->closing && empty);
    g_mutex_unlock(&peer->lock);
    if (over) {
        return end(peer);
    }
    if (drained) {
        peer->service->drained(peer, peer->user);
    }
    return G_SOURCE_CONTINUE;
}

static void finalize(GSource *source)
{
    rpc_peer_unref(((struct peer_source *)source)->peer);
}

static GSourceFuncs source_funcs = {prepare, check, dispatch, finalize, NULL, NULL};

struct rpc_peer *rpc_peer_new(int fd, GMainContext *context, const struct rpc_limits *limits,
                              const struct rpc_service *service, void *user)
{
    struct rpc_peer *peer = g_new0(struct rpc_peer, 1);
    struct ucred cred = {.uid = (uid_t)-1, .gid = (gid_t)-1, .pid = 0};
    socklen_t length = sizeof(cred);

    (void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &length);
    g_atomic_ref_count_init(&peer->refs);
    g_mutex_init(&peer->lock);
    g_queue_init(&peer->out);
    peer->fd = fd;
    peer->context = g_main_context_ref(context);
    peer->service = service;
    peer->user = user;
    peer->limits = *limits;
    peer->identity = (struct rpc_identity){cred.uid, cred.gid, cred.pid};
    peer->in = g_byte_array_new();
    peer->in_fds = g_array_new(FALSE, FALSE, sizeof(int));
    peer->heard = g_get_monotonic_time();
    peer->source = g_source_new(&source_funcs, sizeof(struct peer_source));
    ((struct peer_source *)peer->source)->peer = rpc_peer_ref(peer);
    peer->watch = G_IO_IN;
    peer->tag = g_source_add_unix_fd(peer->source, fd, peer->watch);
    /* It never runs the loop itself; blocking the source meanwhile would wake the loop twice. */
    g_source_set_can_recurse(peer->source, TRUE);
    g_source_attach(peer->source, context);
    g_source_unref(peer->source);
    return peer;
}

struct rpc_peer *rpc_peer_ref(struct rpc_peer *peer)
{
    g_atomic_ref_count_inc(&peer->refs);
    return peer;
}

void rpc_peer_unref(struct rpc_peer *peer)
{
    if (peer == NULL || !g_atomic_ref_count_dec(&peer->refs)) {
        return;
    }
    fd_close(&peer->fd);
    g_queue_clear_full(&peer->out, (GDestroyNotify)outgoing_free);
    for (unsigned i = 0; i < peer->in_fds->len; i++) {
        close(g_array_index(peer->in_fds, int, i));
    }
    g_array_unref(peer->in_fds);
    g_byte_array_unref(peer->in);
    g_main_context_unref(peer->context);
    g_mutex_clear(&peer->lock);
    g_free(peer);
}

void rpc_peer_close(struct rpc_peer *peer)
{
    g_mutex_lock(&peer->lock);
    peer->closing = true;
    g_main_context_wakeup(peer->context);
    g_mutex_unlock(&peer->lock);
}

void rpc_peer_start_keepalive(struct rpc_peer *peer)
{
    g_mutex_lock(&peer->lock);
    peer->keepalive = true;
    g_main_context_wakeup(peer->context);
    g_mutex_unlock(&peer->lock);
}

const struct rpc_identity *rpc_peer_identity(const struct rpc_peer *peer)
{
    return &peer->identity;
}
