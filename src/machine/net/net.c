/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network back ends by id, and what lies between each queue of a NIC and its back end:
 *
 *   vCPU: netdev_send -> to_send --source on the loop--> back end
 *   loop: back end -> net_deliver -> NIC, or `held` until netdev_poll
 */
#include "machine/net/net.h"

#include "machine/net/backend.h"

#define HELD_MAX    1024
#define TO_SEND_MAX 4096

struct netdev_set {
    GMainContext *context;
    GPtrArray *all;       /* struct netdev * */
    netdev_fd_fn take_fd; /* NULL: no names */
    void *fd_opaque;
};

static void netdev_free(struct netdev *n);

const struct net_backend *const *net_backends(void)
{
    static const struct net_backend *const all[] = {
        &net_backend_user,
        &net_backend_tap,
        &net_backend_null,
        NULL,
    };

    return all;
}

struct netdev_set *netdev_set_new(GMainContext *context)
{
    struct netdev_set *set = g_new0(struct netdev_set, 1);

    set->context = context;
    set->all = g_ptr_array_new_with_free_func((GDestroyNotify)netdev_free);
    return set;
}

void netdev_set_named_fds(struct netdev_set *set, netdev_fd_fn take, void *opaque)
{
    set->take_fd = take;
    set->fd_opaque = opaque;
}

int net_take_fd(struct netdev *n, const char *text, GError **error)
{
    guint64 fd;

    if (g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT, &fd, NULL)) {
        return (int)fd;
    }
    if (!g_ascii_isdigit(*text) && n->set->take_fd) {
        return n->set->take_fd(n->set->fd_opaque, text, error);
    }
    g_set_error(error, ROW_ERROR, ROW_ERROR_SYNTAX,
                "netdev '%s': fd=%s is not the number of an open descriptor", n->id, text);
    return -1;
}

void netdev_set_free(struct netdev_set *set)
{
    if (set) {
        g_ptr_array_unref(set->all);
        g_free(set);
    }
}

void netdev_set_each(struct netdev_set *set, void (*each)(struct netdev *n, void *opaque),
                     void *opaque)
{
    for (unsigned i = 0; i < set->all->len; i++) {
        each(g_ptr_array_index(set->all, i), opaque);
    }
}

/* --- guest to host -----------------------------------------------------------------------------
 */

/* The source wakes the loop; its dispatch takes the whole queue at once. */
struct wake {
    GSource source;
    struct netdev *n;
};

static gboolean wake_ready(GSource *source)
{
    struct netdev *n = ((struct wake *)source)->n;
    gboolean ready;

    g_mutex_lock(&n->lock);
    ready = n->wake_pending;
    g_mutex_unlock(&n->lock);
    return ready;
}

static gboolean wake_prepare(GSource *source, gint *timeout)
{
    *timeout = -1;
    return wake_ready(source);
}

static void send_all(struct netdev *n, unsigned queue, GQueue *frames)
{
    GBytes *frame;

    while ((frame = g_queue_pop_head(frames))) {
        gsize len;
        const void *data = g_bytes_get_data(frame, &len);
        const struct iovec iov = {(void *)data, len};

        n->backend->send(n, queue, &iov, 1);
        g_bytes_unref(frame);
    }
}

static void deliver_held(struct netdev *n, unsigned queue)
{
    struct net_lane *lane = &n->lane[queue];
    GBytes *frame;

    while ((frame = g_queue_peek_head(&lane->held)) && n->attached &&
           n->nic.can_receive(n->nic.opaque, queue)) {
        gsize len;
        const void *data = g_bytes_get_data(frame, &len);
        const struct iovec iov = {(void *)data, len};

        g_queue_pop_head(&lane->held);
        n->nic.receive(n->nic.opaque, queue, &iov, 1);
        g_bytes_unref(frame);
    }
}

static void serve_lane(struct netdev *n, unsigned queue)
{
    struct net_lane *lane = &n->lane[queue];
    GQueue frames;
    bool poll;

    g_mutex_lock(&n->lock);
    frames = lane->to_send;
    g_queue_init(&lane->to_send);
    poll = lane->poll_wanted;
    lane->poll_wanted = false;
    g_mutex_unlock(&n->lock);
    if (poll) {
        deliver_held(n, queue);
        if (n->backend->poll) {
            n->backend->poll(n, queue);
        }
    }
    send_all(n, queue, &frames);
}

static gboolean wake_dispatch(GSource *source, GSourceFunc fn, gpointer data)
{
    struct netdev *n = ((struct wake *)source)->n;

    g_mutex_lock(&n->lock);
    n->wake_pending = false;
    g_mutex_unlock(&n->lock);
    for (unsigned i = 0; i < n->n_queues; i++) {
        serve_lane(n, i);
    }
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs wake_funcs = {wake_prepare, wake_ready, wake_dispatch, NULL, NULL, NULL};

static void add_source(struct netdev *n)
{
    n->source = g_source_new(&wake_funcs, sizeof(struct wake));
    ((struct wake *)n->source)->n = n;
    g_source_attach(n->source, n->context);
}

static void wake_locked(struct netdev *n)
{
    if (!n->wake_pending) {
        n->wake_pending = true;
        g_main_context_wakeup(n->context);
    }
}

void netdev_send(struct netdev *n, unsigned queue, const struct iovec *iov, unsigned niov)
{
    struct net_lane *lane = &n->lane[queue];
    size_t len = 0, at = 0;
    uint8_t *data;

    for (unsigned i = 0; i < niov; i++) {
        len += iov[i].iov_len;
    }
    if (len == 0 || len > NET_FRAME_MAX) {
        return;
    }
    data = g_malloc(len);
    for (unsigned i = 0; i < niov; i++) {
        memcpy(data + at, iov[i].iov_base, iov[i].iov_len);
        at += iov[i].iov_len;
    }
    g_mutex_lock(&n->lock);
    if (lane->to_send.length >= TO_SEND_MAX) {
        __atomic_add_fetch(&n->dropped, 1, __ATOMIC_RELAXED);
        g_free(data);
    } else {
        g_queue_push_tail(&lane->to_send, g_bytes_new_take(data, len));
        wake_locked(n);
    }
    g_mutex_unlock(&n->lock);
}

void netdev_poll(struct netdev *n, unsigned queue)
{
    g_mutex_lock(&n->lock);
    n->lane[queue].poll_wanted = true;
    wake_locked(n);
    g_mutex_unlock(&n->lock);
}

/* --- host to guest
 * ----------------------------------------------------------------------------------- */

bool net_can_deliver(struct netdev *n, unsigned queue)
{
    return n->attached && n->lane[queue].held.length == 0 &&
           n->nic.can_receive(n->nic.opaque, queue);
}

void net_deliver(struct netdev *n, unsigned queue, const struct iovec *iov, unsigned niov)
{
    GByteArray *copy;

    if (!n->attached || n->link_down) {
        return;
    }
    if (net_can_deliver(n, queue)) {
        n->nic.receive(n->nic.opaque, queue, iov, niov);
        return;
    }
    if (n->lane[queue].held.length >= HELD_MAX) {
        __atomic_add_fetch(&n->dropped, 1, __ATOMIC_RELAXED);
        return;
    }
    copy = g_byte_array_new();
    for (unsigned i = 0; i < niov; i++) {
        g_byte_array_append(copy, iov[i].iov_base, iov[i].iov_len);
    }
    g_queue_push_tail(&n->lane[queue].held, g_byte_array_free_to_bytes(copy));
}

/* --- by id
 * ------------------------------------------------------------------------------------------- */

struct netdev_kind netdev_kind(unsigned n)
{
    const struct net_backend *const *all = net_backends();
    unsigned count = 0;

    while (all[count]) {
        count++;
    }
    return n < count ? (struct netdev_kind){all[n]->type, all[n]->rows}
                     : (struct netdev_kind){NULL, NULL};
}

static const struct net_backend *find_backend(const char *type)
{
    for (const struct net_backend *const *b = net_backends(); *b; b++) {
        if (strcmp((*b)->type, type) == 0) {
            return *b;
        }
    }
    return NULL;
}

/* Everything but id and type is the back end's. */
static gboolean set_options(struct netdev *n, json_object *options, GError **error)
{
    g_autofree char *what = g_strdup_printf("netdev '%s'", n->id);

    row_defaults(n->backend->rows, n->options);
    json_object_object_foreach(options, key, value)
    {
        if (strcmp(key, "id") != 0 && strcmp(key, "type") != 0 &&
            !row_set(n->backend->rows, n->options, what, key, value, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

static const char *text_of(json_object *options, const char *key)
{
    json_object *o;

    return json_object_object_get_ex(options, key, &o) ? json_object_get_string(o) : NULL;
}

struct netdev *netdev_new(struct netdev_set *set, json_object *options, GError **error)
{
    const char *id = text_of(options, "id"), *type = text_of(options, "type");
    const struct net_backend *backend;
    struct netdev *n;

    if (!id || !type) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_MISSING, "Parameter '%s' is missing",
                    type ? "id" : "type");
        return NULL;
    }
    if (netdev_find(set, id)) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE, "Duplicate ID '%s' for netdev", id);
        return NULL;
    }
    backend = find_backend(type);
    if (!backend) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                    "Parameter 'type' expects a netdev backend type, and '%s' is not one that is "
                    "built",
                    type);
        return NULL;
    }
    n = g_new0(struct netdev, 1);
    n->id = g_strdup(id);
    n->backend = backend;
    n->set = set;
    n->context = set->context;
    n->options = g_malloc0(backend->options_size + 1);
    n->state = g_malloc0(backend->state_size + 1);
    n->n_queues = 1;
    g_mutex_init(&n->lock);
    if (!set_options(n, options, error) || !backend->open(n, n->options, error)) {
        netdev_free(n);
        return NULL;
    }
    g_assert(n->n_queues >= 1 && n->n_queues <= NET_QUEUES_MAX);
    n->lane = g_new0(struct net_lane, n->n_queues);
    add_source(n);
    g_ptr_array_add(set->all, n);
    return n;
}

static void netdev_free(struct netdev *n)
{
    n->backend->close(n);
    if (n->source) {
        g_source_destroy(n->source);
        g_source_unref(n->source);
    }
    for (unsigned i = 0; n->lane && i < n->n_queues; i++) {
        g_queue_clear_full(&n->lane[i].held, (GDestroyNotify)g_bytes_unref);
        g_queue_clear_full(&n->lane[i].to_send, (GDestroyNotify)g_bytes_unref);
    }
    g_free(n->lane);
    row_clear(n->backend->rows, n->options);
    g_free(n->options);
    g_free(n->state);
    g_free(n->id);
    g_mutex_clear(&n->lock);
    g_free(n);
}

struct netdev *netdev_find(struct netdev_set *set, const char *id)
{
    for (unsigned i = 0; i < set->all->len; i++) {
        struct netdev *n = g_ptr_array_index(set->all, i);

        if (strcmp(n->id, id) == 0) {
            return n;
        }
    }
    return NULL;
}

gboolean netdev_remove(struct netdev_set *set, const char *id, GError **error)
{
    struct netdev *n = netdev_find(set, id);

    if (!n) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_UNKNOWN, "Device '%s' not found", id);
        return FALSE;
    }
    if (n->attached) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE, "netdev '%s' is in use by a network device",
                    id);
        return FALSE;
    }
    g_ptr_array_remove(set->all, n);
    return TRUE;
}

const char *netdev_id(const struct netdev *n)
{
    return n->id;
}

gboolean netdev_attach(struct netdev *n, const struct net_nic *nic, GError **error)
{
    if (n->attached) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                    "netdev '%s' is already used by another network device", n->id);
        return FALSE;
    }
    n->nic = *nic;
    n->attached = true;
    if (n->link_down && n->nic.link) {
        n->nic.link(n->nic.opaque, false);
    }
    return TRUE;
}

void netdev_detach(struct netdev *n)
{
    n->attached = false;
    for (unsigned i = 0; i < n->n_queues; i++) {
        g_queue_clear_full(&n->lane[i].held, (GDestroyNotify)g_bytes_unref);
    }
}

unsigned netdev_queues(const struct netdev *n)
{
    return n->n_queues;
}

void netdev_use_queues(struct netdev *n, unsigned active)
{
    g_assert(active <= n->n_queues);
    if (n->backend->use_queues) {
        n->backend->use_queues(n, active);
    }
}

void netdev_set_link(struct netdev *n, bool up)
{
    n->link_down = !up;
    for (unsigned i = 0; !up && i < n->n_queues; i++) {
        g_queue_clear_full(&n->lane[i].held, (GDestroyNotify)g_bytes_unref);
    }
    if (n->attached && n->nic.link) {
        n->nic.link(n->nic.opaque, up);
    }
}

uint64_t netdev_offloads(const struct netdev *n)
{
    return n->backend->offloads ? n->backend->offloads((struct netdev *)n) : 0;
}

void netdev_set_header(struct netdev *n, unsigned len, uint64_t offloads)
{
    if (n->backend->set_header) {
        n->backend->set_header(n, len, offloads);
    }
}

void netdev_describe(const struct netdev *n, GString *out)
{
    g_string_append_printf(out, "%s: index=0,type=%s", n->id, n->backend->type);
    if (n->backend->describe) {
        g_string_append_c(out, ',');
        n->backend->describe((struct netdev *)n, out);
    }
}
