/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/rpc/client.h"

#include "base/cleanup.h"
#include "manage/conf/fault.h"
#include "manage/rpc/error.h"
#include "manage/rpc/xdr.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

struct waiter {
    struct frame frame;
    GBytes *body; /* NULL until the answer is there */
};

#define MAX_HELD (16 * 1024 * 1024) /* bytes of streams that nobody has taken */

struct streaming {
    rpc_client_packet packet;
    void *user;
};

struct rpc_client {
    int fd;
    int wake; /* eventfd: keepalive was started, or stop */
    struct rpc_client_events events;
    void *user;
    GThread *thread;
    GMutex write_lock; /* keeps frames whole */
    GMutex lock;
    GCond answered;
    GHashTable *waiters;                         /* lock: serial to struct waiter, the caller's */
    GHashTable *streams;                         /* lock: serial to struct streaming, owned */
    size_t held;                                 /* lock: bytes of streams, not taken yet */
    uint32_t serial;                             /* lock: the last one given */
    bool closed, stop;                           /* lock */
    unsigned keepalive_seconds, keepalive_count; /* lock */
    unsigned pings;                              /* reader: without an answer */
};

static bool lost(GError **error)
{
    return fault_set(error, FAULT_SYSTEM_ERROR, "the connection to the daemon was lost");
}

static bool send_all(struct rpc_client *client, const GByteArray *data)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&client->write_lock);
    size_t done = 0;

    while (done < data->len) {
        ssize_t n = send(client->fd, data->data + done, data->len - done, MSG_NOSIGNAL);

        if (n < 0 && errno != EINTR) {
            return false;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool send_keepalive(struct rpc_client *client, int procedure)
{
    const struct frame frame = {FRAME_KEEPALIVE, FRAME_VERSION, procedure, FRAME_EVENT, 0,
                                FRAME_OK};
    g_autoptr(GByteArray) out = g_byte_array_new();

    frame_begin(out, &frame);
    (void)frame_finish(out, 0);
    return send_all(client, out);
}

static void take_answer(struct rpc_client *client, const struct frame *frame, GBytes *body)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&client->lock);
    struct waiter *waiter = g_hash_table_lookup(client->waiters, GUINT_TO_POINTER(frame->serial));

    if (waiter != NULL && waiter->body == NULL) {
        waiter->frame = *frame;
        waiter->body = g_bytes_ref(body);
        g_cond_broadcast(&client->answered);
    }
}

/* One of a stream that nobody has open is dropped. */
static void take_packet(struct rpc_client *client, const struct frame *frame, GBytes *body)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&client->lock);
    struct streaming *s = g_hash_table_lookup(client->streams, GUINT_TO_POINTER(frame->serial));

    if (s != NULL) {
        client->held += s->packet(frame, body, s->user);
    }
}

/* An event of a newer daemon, or a malformed one, is dropped. */
static void take_event(struct rpc_client *client, const struct frame *frame, GBytes *body)
{
    const struct proc *proc = proc_find(frame->program, frame->procedure);
    gsize length;
    const uint8_t *data = g_bytes_get_data(body, &length);

    if (proc == NULL || (proc->traits & PROC_EVENT) == 0 || client->events.event == NULL) {
        return;
    }
    g_autoptr(GVariant) tuple = xdr_decode(proc->reply, data, length, NULL);

    if (tuple != NULL) {
        client->events.event(proc, tuple, client->user);
    }
}

static bool take_frame(struct rpc_client *client, const uint8_t *data, size_t length)
{
    struct frame frame;

    frame_read(data, &frame);
    client->pings = 0;
    if (frame.program == FRAME_KEEPALIVE) {
        return frame.procedure != FRAME_PING || send_keepalive(client, FRAME_PONG);
    }
    const size_t head = FRAME_LENGTH + FRAME_HEADER;
    g_autoptr(GBytes) body = g_bytes_new(data + head, length - head);

    switch (frame.type) {
    case FRAME_REPLY:
    case FRAME_REPLY_FDS: take_answer(client, &frame, body); break;
    case FRAME_EVENT: take_event(client, &frame, body); break;
    case FRAME_STREAM:
    case FRAME_HOLE: take_packet(client, &frame, body); break;
    default: break; /* a call: not ours to answer */
    }
    return true;
}

/* Takes whole frames off the front; false when the other side broke the protocol. */
static bool take_frames(struct rpc_client *client, GByteArray *in)
{
    size_t done = 0;
    int64_t length;

    while ((length = frame_length(in->data + done, in->len - done)) > 0 &&
           (size_t)length <= in->len - done) {
        if (!take_frame(client, in->data + done, (size_t)length)) {
            return false;
        }
        done += (size_t)length;
    }
    g_byte_array_remove_range(in, 0, done);
    return length >= 0;
}

static bool receive(struct rpc_client *client, GByteArray *in)
{
    uint8_t buffer[65536];
    ssize_t n = recv(client->fd, buffer, sizeof(buffer), MSG_DONTWAIT);

    if (n < 0) {
        return errno == EINTR || errno == EAGAIN;
    }
    if (n == 0) {
        return false;
    }
    g_byte_array_append(in, buffer, (guint)n);
    return take_frames(client, in);
}

/* After silence: false when there were too many already. */
static bool ping(struct rpc_client *client)
{
    g_mutex_lock(&client->lock);
    bool good = client->pings < client->keepalive_count;

    g_mutex_unlock(&client->lock);
    client->pings++;
    return good && send_keepalive(client, FRAME_PING);
}

/* Waits for the socket: false when the client is to end. */
static bool step(struct rpc_client *client, GByteArray *in)
{
    struct pollfd polled[] = {{client->fd, POLLIN, 0}, {client->wake, POLLIN, 0}};
    uint64_t count;

    g_mutex_lock(&client->lock);
    int timeout =
        client->keepalive_seconds > 0 ? (int)MIN(client->keepalive_seconds, 86400) * 1000 : -1;
    bool stop = client->stop;
    bool full = client->held > MAX_HELD && g_hash_table_size(client->waiters) == 0;

    g_mutex_unlock(&client->lock);
    if (stop) {
        return false;
    }
    if (full) {
        polled[0].fd = -1;
        timeout = -1;
    }
    int n = poll(polled, G_N_ELEMENTS(polled), timeout);

    if (n < 0) {
        return errno == EINTR;
    }
    if (n == 0) {
        return ping(client);
    }
    if (polled[1].revents != 0 && read(client->wake, &count, sizeof(count)) < 0 &&
        errno != EAGAIN && errno != EINTR) {
        return false;
    }
    return polled[0].revents == 0 || receive(client, in);
}

/* Under the lock. */
static void tell_streams(struct rpc_client *client)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, client->streams);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        struct streaming *s = value;

        (void)s->packet(NULL, NULL, s->user);
    }
}

static gpointer run(gpointer data)
{
    struct rpc_client *client = data;
    g_autoptr(GByteArray) in = g_byte_array_new();

    while (step(client, in)) {
    }
    (void)shutdown(client->fd, SHUT_RDWR);
    g_mutex_lock(&client->lock);
    bool tell = !client->stop && client->events.closed != NULL;

    client->closed = true;
    g_cond_broadcast(&client->answered);
    tell_streams(client);
    g_mutex_unlock(&client->lock);
    if (tell) {
        client->events.closed(client->user);
    }
    return NULL;
}

static void wake(struct rpc_client *client)
{
    const uint64_t one = 1;

    while (write(client->wake, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
}

/* Signals are for the threads of whoever has the client. */
static void start_thread(struct rpc_client *client)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    client->thread = g_thread_new("rpc-client", run, client);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct rpc_client *rpc_client_new(int fd, const struct rpc_client_events *events, void *user)
{
    struct rpc_client *client = g_new0(struct rpc_client, 1);

    client->fd = fd;
    client->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    g_assert(client->wake >= 0);
    client->events = *events;
    client->user = user;
    client->waiters = g_hash_table_new(NULL, NULL);
    client->streams = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    g_mutex_init(&client->write_lock);
    g_mutex_init(&client->lock);
    g_cond_init(&client->answered);
    start_thread(client);
    return client;
}

void rpc_client_free(struct rpc_client *client)
{
    if (client == NULL) {
        return;
    }
    g_mutex_lock(&client->lock);
    client->stop = true;
    g_mutex_unlock(&client->lock);
    wake(client);
    g_thread_join(client->thread);
    fd_close(&client->fd);
    fd_close(&client->wake);
    g_hash_table_unref(client->waiters);
    g_hash_table_unref(client->streams);
    g_mutex_clear(&client->write_lock);
    g_mutex_clear(&client->lock);
    g_cond_clear(&client->answered);
    g_free(client);
}

void rpc_client_start_keepalive(struct rpc_client *client, unsigned seconds, unsigned count)
{
    g_mutex_lock(&client->lock);
    client->keepalive_seconds = seconds;
    client->keepalive_count = count;
    g_mutex_unlock(&client->lock);
    wake(client);
}

static bool is_taken(struct rpc_client *client, uint32_t serial)
{
    return g_hash_table_contains(client->waiters, GUINT_TO_POINTER(serial)) ||
           g_hash_table_contains(client->streams, GUINT_TO_POINTER(serial));
}

/* `streaming` NULL: no stream follows; else it is taken. */
static uint32_t enter(struct rpc_client *client, struct waiter *waiter, struct streaming *streaming)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&client->lock);

    do {
        client->serial++;
    } while (is_taken(client, client->serial));
    g_hash_table_insert(client->waiters, GUINT_TO_POINTER(client->serial), waiter);
    if (streaming != NULL) {
        g_hash_table_insert(client->streams, GUINT_TO_POINTER(client->serial), streaming);
    }
    if (client->held > MAX_HELD) {
        wake(client);
    }
    return client->serial;
}

static void await(struct rpc_client *client, uint32_t serial, struct waiter *waiter, bool sent)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&client->lock);

    while (sent && waiter->body == NULL && !client->closed) {
        g_cond_wait(&client->answered, &client->lock);
    }
    g_hash_table_remove(client->waiters, GUINT_TO_POINTER(serial));
}

static GVariant *open_answer(const struct proc *proc, const struct waiter *waiter, GError **error)
{
    gsize length;
    const uint8_t *data = g_bytes_get_data(waiter->body, &length);

    if (waiter->frame.status == FRAME_OK && waiter->frame.type == FRAME_REPLY) {
        return xdr_decode(proc->reply, data, length, error);
    }
    if (waiter->frame.status != FRAME_ERROR) {
        fault_set(error, FAULT_RPC, "unexpected answer to procedure %d", proc->number);
        return NULL;
    }
    g_autoptr(GVariant) body = xdr_decode(XDR_ERROR_LAYOUT, data, length, error);

    if (body != NULL) {
        g_propagate_error(error, rpc_error_unpack(body));
    }
    return NULL;
}

/* Makes the call; `frame` has all but its length. */
static GVariant *ask(struct rpc_client *client, const struct frame *frame, struct waiter *waiter,
                     GVariant *args, GError **error)
{
    const struct proc *proc = proc_find(frame->program, frame->procedure);
    g_autoptr(GVariant) tuple =
        g_variant_ref_sink(args != NULL ? args : g_variant_new_tuple(NULL, 0));
    g_autoptr(GByteArray) out = g_byte_array_new();
    GVariant *reply = NULL;

    frame_begin(out, frame);
    bool fits = xdr_encode(proc->args, tuple, out, error);

    if (fits && !frame_finish(out, 0)) {
        fits = fault_set(error, FAULT_RPC, "the call is too large");
    }
    await(client, frame->serial, waiter, fits && send_all(client, out));
    if (waiter->body != NULL) {
        reply = open_answer(proc, waiter, error);
    } else if (fits) {
        lost(error);
    }
    g_clear_pointer(&waiter->body, g_bytes_unref);
    return reply;
}

static struct frame call_frame(enum proc_id id)
{
    const struct proc *proc = proc_get(id);

    return (struct frame){proc->program, FRAME_VERSION, proc->number, FRAME_CALL, 0, FRAME_OK};
}

GVariant *rpc_client_call(struct rpc_client *client, enum proc_id id, GVariant *args,
                          GError **error)
{
    struct waiter waiter = {.body = NULL};
    struct frame frame = call_frame(id);

    frame.serial = enter(client, &waiter, NULL);
    return ask(client, &frame, &waiter, args, error);
}

GVariant *rpc_client_stream(struct rpc_client *client, enum proc_id id, GVariant *args,
                            rpc_client_packet packet, void *user, uint32_t *ret_serial,
                            GError **error)
{
    struct waiter waiter = {.body = NULL};
    struct frame frame = call_frame(id);
    struct streaming *streaming = g_new0(struct streaming, 1);

    *streaming = (struct streaming){packet, user};
    *ret_serial = frame.serial = enter(client, &waiter, streaming);
    return ask(client, &frame, &waiter, args, error);
}

void rpc_client_end_stream(struct rpc_client *client, uint32_t serial, size_t held)
{
    rpc_client_taken(client, held);
    g_mutex_lock(&client->lock);
    g_hash_table_remove(client->streams, GUINT_TO_POINTER(serial));
    g_mutex_unlock(&client->lock);
}

void rpc_client_taken(struct rpc_client *client, size_t bytes)
{
    g_mutex_lock(&client->lock);
    bool was_full = client->held > MAX_HELD;

    client->held -= bytes;
    bool full = client->held > MAX_HELD;

    g_mutex_unlock(&client->lock);
    if (was_full && !full) {
        wake(client);
    }
}

bool rpc_client_send(struct rpc_client *client, const struct frame *frame, const void *data,
                     size_t size)
{
    g_autoptr(GByteArray) out = g_byte_array_sized_new((guint)size + FRAME_LENGTH + FRAME_HEADER);

    frame_begin(out, frame);
    g_byte_array_append(out, data, (guint)size);
    return frame_finish(out, 0) && send_all(client, out);
}
