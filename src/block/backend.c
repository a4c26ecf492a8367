/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A request's way: block_submit -> (io_uring | a worker thread | at once in synchronous mode) ->
 * finish() puts it on the list of completed ones -> the context's source runs `done`. What is for
 * workers while the backend is plugged waits for unplug, and writes that follow each other then run
 * as one.
 */
#include "block/backend.h"
#include "block/driver.h"
#include "block/graph.h"
#include "block/range.h"
#include "block/uring.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define MAX_MERGED (1u << 20) /* bytes of a write that is put together of several */
#define MAX_HELD   64         /* requests */

struct block_backend {
    char *id;
    char *device;                                             /* loop */
    GMainContext *context;                                    /* loop */
    GSource *source;                                          /* loop */
    struct block_edge *edge;                                  /* loop, with nothing in flight */
    struct block_node *node;                                  /* = edge's */
    bool sync;                                                /* loop */
    int write_cache;                                          /* atomic */
    enum block_on_error on_read, on_write;                    /* loop */
    enum block_iostatus iostatus;                             /* loop */
    const struct block_backend_events *events, *owner_events; /* loop */
    void *events_opaque, *owner_opaque;

    unsigned in_flight;        /* atomic */
    int plugged;               /* atomic */
    struct block_uring *uring; /* set under the lock by the first fast request */
    bool no_uring;             /* lock: it was tried in vain */
    GMutex lock;
    GCond some;
    /* lock */
    struct block_req *completed, **completed_end;
    struct block_req *held, **held_end; /* for workers, while plugged */
    unsigned n_held;
    struct block_stats stats;
};

static void release_held(struct block_backend *backend);

/* ---- completion ---- */

static void account_locked(struct block_backend *backend, const struct block_req *req)
{
    gint64 now = g_get_monotonic_time();

    if (req->priv.ret == 0) {
        uint64_t end = req->offset + req->len;

        backend->stats.op[req->op].bytes += req->len;
        backend->stats.op[req->op].ops++;
        if ((req->op == BLOCK_WRITE || req->op == BLOCK_WRITE_ZEROES) &&
            end > backend->stats.highest_offset) {
            backend->stats.highest_offset = end;
        }
    } else {
        backend->stats.op[req->op].failed++;
    }
    backend->stats.op[req->op].time_ns += (uint64_t)(now - req->priv.start) * 1000;
    backend->stats.last_access = now;
}

/* Any thread: the request is over; its `done` is due in the context. */
static void finish(struct block_req *req, int ret)
{
    struct block_backend *backend = req->priv.backend;
    bool first;

    req->priv.ret = ret;
    req->priv.next = NULL;
    g_mutex_lock(&backend->lock);
    account_locked(backend, req);
    first = backend->completed == NULL;
    *backend->completed_end = req;
    backend->completed_end = &req->priv.next;
    if (first) {
        g_cond_signal(&backend->some);
        g_source_set_ready_time(backend->source, 0);
    }
    g_mutex_unlock(&backend->lock);
}

static struct block_req *take_completed(struct block_backend *backend)
{
    struct block_req *list;

    g_mutex_lock(&backend->lock);
    list = backend->completed;
    backend->completed = NULL;
    backend->completed_end = &backend->completed;
    g_mutex_unlock(&backend->lock);
    return list;
}

/* What the callbacks submit goes out together. */
static bool run_completed(struct block_backend *backend)
{
    struct block_req *req = take_completed(backend);
    bool any = req != NULL;

    if (any) {
        block_plug(backend);
    }
    while (req != NULL) {
        struct block_req *next = req->priv.next;

        req->done(req, req->priv.ret);
        g_atomic_int_add(&backend->in_flight, -1);
        req = next;
    }
    if (any) {
        block_unplug(backend);
    }
    return any;
}

static void fast_done(void *opaque, int result);

static void reap(struct block_backend *backend)
{
    struct block_uring *uring = g_atomic_pointer_get(&backend->uring);

    if (uring != NULL) {
        (void)block_uring_reap(uring, fast_done);
    }
}

/* `opaque` is the data of g_source_set_callback; its function is never called. */
static gboolean source_dispatch(GSource *source, GSourceFunc callback, gpointer opaque)
{
    g_source_set_ready_time(source, -1);
    reap(opaque);
    run_completed(opaque);
    return G_SOURCE_CONTINUE;
}

static gboolean unused_callback(gpointer opaque)
{
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = {.dispatch = source_dispatch};

/* ---- execution ---- */

static unsigned request_flags(struct block_backend *backend, const struct block_req *req)
{
    return req->flags | (g_atomic_int_get(&backend->write_cache) ? 0 : BLOCK_REQ_FUA);
}

static int execute(struct block_backend *backend, struct block_req *req)
{
    struct block_node *node = backend->node;
    struct block_vec vec = {req->iov, req->niov, 0};
    unsigned flags = request_flags(backend, req);
    int r;

    if (node == NULL) {
        return -ENOMEDIUM;
    }
    switch (req->op) {
    case BLOCK_READ: return block_preadv(node, req->offset, req->len, vec);
    case BLOCK_WRITE: return block_pwritev(node, req->offset, req->len, vec, flags);
    case BLOCK_FLUSH: return block_flush(node);
    case BLOCK_DISCARD:
        r = block_discard(node, req->offset, req->len);
        return r == 0 && (flags & BLOCK_REQ_FUA) ? block_flush(node) : r;
    case BLOCK_WRITE_ZEROES: return block_pwrite_zeroes(node, req->offset, req->len, flags);
    default: return -EINVAL;
    }
}

/* Appends the iovec of a request, cut to its length. */
static int append_iov(struct iovec *to, const struct block_req *req)
{
    uint64_t left = req->len;
    int n = 0;

    for (int i = 0; i < req->niov && left > 0; i++) {
        to[n] = req->iov[i];
        to[n].iov_len = MIN(to[n].iov_len, left);
        left -= to[n++].iov_len;
    }
    return n;
}

static int write_merged(struct block_req *first)
{
    struct block_backend *backend = first->priv.backend;
    g_autofree struct iovec *iov = NULL;
    uint64_t len = 0;
    int n = 0;

    for (const struct block_req *req = first; req != NULL; req = req->priv.next) {
        n += req->niov;
    }
    iov = g_new(struct iovec, n);
    n = 0;
    for (const struct block_req *req = first; req != NULL; req = req->priv.next) {
        n += append_iov(iov + n, req);
        len += req->len;
    }
    return block_pwritev(backend->node, first->offset, len, (struct block_vec){iov, n, 0},
                         request_flags(backend, first));
}

/* A chain of requests that are one write; if that fails, each shows its own result. */
static void work(void *opaque)
{
    struct block_req *req = opaque, *next;
    bool done = req->priv.next != NULL && write_merged(req) == 0;

    for (; req != NULL; req = next) {
        next = req->priv.next;
        finish(req, done ? 0 : execute(req->priv.backend, req));
    }
}

/* ---- requests that follow each other ---- */

static bool may_merge(const struct block_req *req)
{
    return req->op == BLOCK_WRITE && req->flags == 0 && req->len > 0 && req->len < MAX_MERGED;
}

/* Cuts a run of writes off the list, of which each begins where the last one ends. */
static struct block_req *cut_run(struct block_req *first, uint64_t *ret_n)
{
    struct block_req *last = first;
    uint64_t len = first->len;
    int niov = first->niov;

    *ret_n = 1;
    for (struct block_req *next = first->priv.next; next != NULL; next = next->priv.next) {
        if (!may_merge(last) || !may_merge(next) || next->offset != last->offset + last->len ||
            len + next->len > MAX_MERGED || niov + next->niov > IOV_MAX) {
            break;
        }
        len += next->len;
        niov += next->niov;
        (*ret_n)++;
        last = next;
    }
    first = last->priv.next;
    last->priv.next = NULL;
    return first;
}

static void release_held(struct block_backend *backend)
{
    struct block_req *run, *rest;

    g_mutex_lock(&backend->lock);
    rest = backend->held;
    backend->held = NULL;
    backend->held_end = &backend->held;
    backend->n_held = 0;
    g_mutex_unlock(&backend->lock);
    while (rest != NULL) {
        uint64_t n;

        run = rest;
        rest = cut_run(run, &n);
        if (n > 1) {
            g_mutex_lock(&backend->lock);
            backend->stats.op[BLOCK_WRITE].merged += n - 1;
            g_mutex_unlock(&backend->lock);
        }
        block_workers_push(backend->node->graph->workers, work, run);
    }
}

/* Sends a request to a worker, at the latest when the backend is unplugged. */
static void hand_over(struct block_backend *backend, struct block_req *req)
{
    bool hold, full = false;

    g_mutex_lock(&backend->lock);
    hold = g_atomic_int_get(&backend->plugged) > 0; /* unplug counts first, then looks */
    if (hold) {
        *backend->held_end = req;
        backend->held_end = &req->priv.next;
        full = ++backend->n_held >= MAX_HELD;
    }
    g_mutex_unlock(&backend->lock);
    if (!hold) {
        block_workers_push(backend->node->graph->workers, work, req);
    } else if (full) {
        release_held(backend);
    }
}

/* ---- requests that need no worker ---- */

static bool buffers_fit(const struct block_req *req, unsigned align)
{
    uintptr_t bits = 0;
    uint64_t total = 0;

    for (int i = 0; i < req->niov; i++) {
        bits |= (uintptr_t)req->iov[i].iov_base | req->iov[i].iov_len;
        total += req->iov[i].iov_len;
    }
    return total == req->len && (bits & (align - 1)) == 0;
}

static bool may_be_fast(const struct block_backend *backend, const struct block_req *req)
{
    struct block_node *node = backend->node;
    int64_t length;

    if ((req->op != BLOCK_READ && req->op != BLOCK_WRITE) || node->driver->map_fast == NULL ||
        (node->flags & BLOCK_O_NO_URING) || req->niov < 1 || req->niov > IOV_MAX || req->len == 0 ||
        req->len > BLOCK_MAX_TRANSFER) {
        return false;
    }
    if (req->op == BLOCK_WRITE &&
        (block_read_only(node) || node->detect_zeroes != BLOCK_DETECT_OFF || req->flags != 0 ||
         !block_backend_write_cache(backend))) {
        return false;
    }
    length = block_length(node);
    return length >= 0 && req->offset <= (uint64_t)length &&
           req->len <= (uint64_t)length - req->offset;
}

static struct block_uring *get_uring(struct block_backend *backend)
{
    struct block_uring *uring = g_atomic_pointer_get(&backend->uring);

    if (uring != NULL) {
        return uring;
    }
    g_mutex_lock(&backend->lock);
    if (backend->uring == NULL && !backend->no_uring) {
        uring = block_uring_new();
        backend->no_uring = uring == NULL;
        if (uring != NULL) {
            g_source_add_unix_fd(backend->source, block_uring_fd(uring), G_IO_IN);
            g_atomic_pointer_set(&backend->uring, uring);
        }
    }
    uring = backend->uring;
    g_mutex_unlock(&backend->lock);
    return uring;
}

static bool take_range(struct block_node *node, struct block_req *req)
{
    if (node->ranges == NULL || req->op != BLOCK_WRITE) {
        return true;
    }
    req->priv.range = g_new(struct block_range, 1);
    if (block_range_try(node->ranges, req->priv.range, req->offset, req->len, false)) {
        return true;
    }
    g_clear_pointer(&req->priv.range, g_free);
    return false;
}

static void end_fast(struct block_node *node, struct block_req *req)
{
    if (node->driver->map_done != NULL) {
        node->driver->map_done(node, req->priv.token);
    }
    if (req->priv.range != NULL) {
        block_range_drop(node->ranges, req->priv.range);
        g_clear_pointer(&req->priv.range, g_free);
    }
}

/* The kernel is done with it. What came short or has to be tried again goes to a worker. */
static void fast_done(void *opaque, int result)
{
    struct block_req *req = opaque;
    struct block_backend *backend = req->priv.backend;

    end_fast(backend->node, req);
    if (result == (int)req->len) {
        finish(req, 0);
    } else if (result < 0 && result != -EAGAIN && result != -EINTR) {
        finish(req, result);
    } else {
        block_workers_push(backend->node->graph->workers, work, req);
    }
}

static bool submit_fast(struct block_backend *backend, struct block_req *req)
{
    struct block_node *node = backend->node;
    bool write = req->op == BLOCK_WRITE;
    struct block_uring *uring;
    struct block_fast fast;

    if (!may_be_fast(backend, req)) {
        return false;
    }
    uring = get_uring(backend);
    if (uring == NULL || !take_range(node, req)) {
        return false;
    }
    if (node->driver->map_fast(node, write, req->offset, req->len, &fast) < 0) {
        if (req->priv.range != NULL) {
            block_range_drop(node->ranges, req->priv.range);
            g_clear_pointer(&req->priv.range, g_free);
        }
        return false;
    }
    req->priv.token = fast.token;
    if (buffers_fit(req, fast.mem_align) &&
        block_uring_submit(uring, write, fast.fd, fast.offset, req->iov, req->niov,
                           g_atomic_int_get(&backend->plugged) > 0, req)) {
        return true;
    }
    end_fast(node, req);
    return false;
}

static void submit_sync(struct block_backend *backend, struct block_req *req)
{
    req->priv.ret = execute(backend, req);
    g_mutex_lock(&backend->lock);
    account_locked(backend, req);
    g_mutex_unlock(&backend->lock);
    g_atomic_int_add(&backend->in_flight, -1);
    req->done(req, req->priv.ret);
}

void block_submit(struct block_backend *backend, struct block_req *req)
{
    memset(&req->priv, 0, sizeof(req->priv));
    req->priv.backend = backend;
    req->priv.start = g_get_monotonic_time();
    g_atomic_int_inc(&backend->in_flight);
    if (backend->sync) {
        submit_sync(backend, req);
    } else if (backend->node == NULL) {
        finish(req, -ENOMEDIUM);
    } else if (!submit_fast(backend, req)) {
        hand_over(backend, req);
    }
}

void block_plug(struct block_backend *backend)
{
    g_atomic_int_inc(&backend->plugged);
}

void block_unplug(struct block_backend *backend)
{
    bool last = g_atomic_int_add(&backend->plugged, -1) == 1;
    struct block_uring *uring = last ? g_atomic_pointer_get(&backend->uring) : NULL;

    release_held(backend);
    if (uring != NULL) {
        block_uring_kick(uring);
    }
}

unsigned block_backend_in_flight(const struct block_backend *backend)
{
    return (unsigned)g_atomic_int_get(&backend->in_flight);
}

void block_backend_drain(struct block_backend *backend)
{
    while (block_backend_in_flight(backend) > 0) {
        release_held(backend);
        reap(backend);
        if (run_completed(backend)) {
            continue;
        }
        g_mutex_lock(&backend->lock);
        if (backend->completed == NULL) {
            g_cond_wait_until(&backend->some, &backend->lock,
                              g_get_monotonic_time() + G_TIME_SPAN_MILLISECOND);
        }
        g_mutex_unlock(&backend->lock);
    }
}

/* ---- life ---- */

static void add_source(struct block_backend *backend, GMainContext *context)
{
    backend->context = context != NULL ? g_main_context_ref(context) : NULL;
    backend->source = g_source_new(&source_funcs, sizeof(GSource));
    g_source_set_static_name(backend->source, "block completion");
    g_source_set_callback(backend->source, unused_callback, backend, NULL);
    g_source_set_ready_time(backend->source, backend->completed != NULL ? 0 : -1);
    if (backend->uring != NULL) {
        g_source_add_unix_fd(backend->source, block_uring_fd(backend->uring), G_IO_IN);
    }
    g_source_attach(backend->source, context);
}

static void drop_source(struct block_backend *backend)
{
    g_source_destroy(backend->source);
    g_source_unref(backend->source);
    if (backend->context != NULL) {
        g_main_context_unref(backend->context);
    }
}

struct block_backend *block_backend_new(const char *id, GMainContext *context)
{
    struct block_backend *backend = g_new0(struct block_backend, 1);

    backend->id = g_strdup(id);
    backend->device = g_strdup("");
    backend->write_cache = 1;
    backend->on_read = BLOCK_ON_ERROR_AUTO;
    backend->on_write = BLOCK_ON_ERROR_AUTO;
    backend->completed_end = &backend->completed;
    backend->held_end = &backend->held;
    g_mutex_init(&backend->lock);
    g_cond_init(&backend->some);
    add_source(backend, context);
    return backend;
}

void block_backend_free(struct block_backend *backend)
{
    if (backend == NULL) {
        return;
    }
    block_backend_remove(backend);
    drop_source(backend);
    block_uring_free(backend->uring);
    g_cond_clear(&backend->some);
    g_mutex_clear(&backend->lock);
    g_free(backend->device);
    g_free(backend->id);
    g_free(backend);
}

bool block_backend_insert(struct block_backend *backend, struct block_node *node, unsigned perm,
                          unsigned shared, GError **error)
{
    const char *owner = backend->id[0] != '\0' ? backend->id : backend->device;

    g_assert(backend->edge == NULL);
    backend->edge = block_attach(node, NULL, "root", owner, perm, shared, error);
    if (backend->edge == NULL) {
        return false;
    }
    backend->node = node;
    if (backend->events != NULL && backend->events->media_changed != NULL) {
        backend->events->media_changed(backend->events_opaque, backend, true);
    }
    return true;
}

void block_backend_remove(struct block_backend *backend)
{
    block_backend_drain(backend);
    if (backend->edge == NULL) {
        return;
    }
    if (backend->events != NULL && backend->events->media_changed != NULL) {
        backend->events->media_changed(backend->events_opaque, backend, false);
    }
    backend->node = NULL;
    block_detach(g_steal_pointer(&backend->edge));
}

bool block_backend_set_perm(struct block_backend *backend, unsigned perm, unsigned shared,
                            GError **error)
{
    return backend->edge == NULL || block_edge_set_perm(backend->edge, perm, shared, error) == 0;
}

/* ---- properties ---- */

const char *block_backend_id(const struct block_backend *backend)
{
    return backend->id;
}

void block_backend_set_device(struct block_backend *backend, const char *device)
{
    g_free(backend->device);
    backend->device = g_strdup(device);
}

const char *block_backend_device(const struct block_backend *backend)
{
    return backend->device;
}

struct block_node *block_backend_node(const struct block_backend *backend)
{
    return backend->node;
}

bool block_backend_read_only(const struct block_backend *backend)
{
    return backend->node != NULL && block_read_only(backend->node);
}

int64_t block_backend_length(struct block_backend *backend)
{
    return backend->node == NULL ? -ENOMEDIUM : block_length(backend->node);
}

bool block_backend_resize(struct block_backend *backend, uint64_t length, GError **error)
{
    if (backend->node == NULL) {
        g_set_error(error, BLOCK_ERROR, ENOMEDIUM, "Device '%s' has no medium", backend->id);
        return false;
    }
    block_backend_drain(backend);
    if (block_truncate(backend->node, length, BLOCK_PREALLOC_OFF, error) < 0) {
        return false;
    }
    if (backend->events != NULL && backend->events->resized != NULL) {
        backend->events->resized(backend->events_opaque, backend);
    }
    return true;
}

void block_backend_set_context(struct block_backend *backend, GMainContext *context)
{
    block_backend_drain(backend);
    drop_source(backend);
    add_source(backend, context);
}

void block_backend_set_events(struct block_backend *backend,
                              const struct block_backend_events *events, void *opaque)
{
    backend->events = events;
    backend->events_opaque = opaque;
}

void block_backend_set_owner_events(struct block_backend *backend,
                                    const struct block_backend_events *events, void *opaque)
{
    backend->owner_events = events;
    backend->owner_opaque = opaque;
}

bool block_backend_tray(const struct block_backend *backend, struct block_tray *ret)
{
    if (backend->events == NULL || backend->events->tray == NULL) {
        return false;
    }
    *ret = backend->events->tray(backend->events_opaque);
    return true;
}

void block_backend_move_tray(struct block_backend *backend, bool open)
{
    backend->events->move_tray(backend->events_opaque, open);
}

void block_backend_ask_eject(struct block_backend *backend)
{
    backend->events->ask_eject(backend->events_opaque);
}

void block_backend_set_sync(struct block_backend *backend, bool sync)
{
    block_backend_drain(backend);
    backend->sync = sync;
}

void block_backend_set_write_cache(struct block_backend *backend, bool enabled)
{
    g_atomic_int_set(&backend->write_cache, enabled);
}

bool block_backend_write_cache(const struct block_backend *backend)
{
    return g_atomic_int_get(&backend->write_cache) != 0;
}

/* ---- synchronous requests ---- */

static int run_now(struct block_backend *backend, struct block_req *req)
{
    req->priv.start = g_get_monotonic_time();
    req->priv.ret = execute(backend, req);
    g_mutex_lock(&backend->lock);
    account_locked(backend, req);
    g_mutex_unlock(&backend->lock);
    return req->priv.ret;
}

int block_backend_pread(struct block_backend *backend, uint64_t offset, void *buf, size_t len)
{
    struct iovec iov = {buf, len};
    struct block_req req = {.op = BLOCK_READ, .offset = offset, .len = len, .iov = &iov, .niov = 1};

    return run_now(backend, &req);
}

int block_backend_pwrite(struct block_backend *backend, uint64_t offset, const void *buf,
                         size_t len)
{
    struct iovec iov = {(void *)buf, len};
    struct block_req req = {
        .op = BLOCK_WRITE, .offset = offset, .len = len, .iov = &iov, .niov = 1};

    return run_now(backend, &req);
}

int block_backend_flush(struct block_backend *backend)
{
    struct block_req req = {.op = BLOCK_FLUSH};

    return run_now(backend, &req);
}

/* ---- error policy ---- */

bool block_on_error_parse(const char *text, enum block_on_error *ret)
{
    static const char *const names[] = {
        [BLOCK_ON_ERROR_REPORT] = "report", [BLOCK_ON_ERROR_IGNORE] = "ignore",
        [BLOCK_ON_ERROR_STOP] = "stop",     [BLOCK_ON_ERROR_ENOSPC] = "enospc",
        [BLOCK_ON_ERROR_AUTO] = "auto",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(names[i], text) == 0) {
            *ret = i;
            return true;
        }
    }
    return false;
}

void block_backend_set_on_error(struct block_backend *backend, enum block_on_error on_read,
                                enum block_on_error on_write)
{
    backend->on_read = on_read != BLOCK_ON_ERROR_AUTO ? on_read : backend->on_read;
    backend->on_write = on_write != BLOCK_ON_ERROR_AUTO ? on_write : backend->on_write;
}

enum block_on_error block_backend_on_error(const struct block_backend *backend, bool write)
{
    return write ? backend->on_write : backend->on_read;
}

static enum block_action choose(enum block_on_error policy, bool write, int error)
{
    switch (policy) {
    case BLOCK_ON_ERROR_IGNORE: return BLOCK_ACTION_IGNORE;
    case BLOCK_ON_ERROR_STOP: return BLOCK_ACTION_STOP;
    case BLOCK_ON_ERROR_ENOSPC: return error == ENOSPC ? BLOCK_ACTION_STOP : BLOCK_ACTION_REPORT;
    case BLOCK_ON_ERROR_AUTO:
        return write && error == ENOSPC ? BLOCK_ACTION_STOP : BLOCK_ACTION_REPORT;
    default: return BLOCK_ACTION_REPORT;
    }
}

enum block_action block_backend_error(struct block_backend *backend, enum block_op op, int error)
{
    bool write = op != BLOCK_READ;
    enum block_action action = choose(write ? backend->on_write : backend->on_read, write, error);

    if (action == BLOCK_ACTION_STOP && backend->iostatus == BLOCK_IOSTATUS_OK) {
        backend->iostatus = error == ENOSPC ? BLOCK_IOSTATUS_NOSPACE : BLOCK_IOSTATUS_FAILED;
    }
    if (backend->events != NULL && backend->events->io_error != NULL) {
        backend->events->io_error(backend->events_opaque, backend, op, action, error);
    }
    if (backend->owner_events != NULL && backend->owner_events->io_error != NULL) {
        backend->owner_events->io_error(backend->owner_opaque, backend, op, action, error);
    }
    return action;
}

enum block_iostatus block_backend_iostatus(const struct block_backend *backend)
{
    return backend->iostatus;
}

void block_backend_reset_iostatus(struct block_backend *backend)
{
    backend->iostatus = BLOCK_IOSTATUS_OK;
}

void block_backend_stats(const struct block_backend *backend, struct block_stats *ret_stats)
{
    GMutex *lock = (GMutex *)&backend->lock;

    g_mutex_lock(lock);
    *ret_stats = backend->stats;
    g_mutex_unlock(lock);
}

void block_backend_count_invalid(struct block_backend *backend, enum block_op op)
{
    g_mutex_lock(&backend->lock);
    backend->stats.op[op].invalid++;
    g_mutex_unlock(&backend->lock);
}
