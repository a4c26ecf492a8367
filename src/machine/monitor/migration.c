/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/monitor/migration.h"

#include "machine/monitor/channel.h"
#include "machine/monitor/command.h"

#include <gio/gio.h>
#include <string.h>

/* QEMU's default of max-bandwidth. */
#define BANDWIDTH (UINT64_C(128) << 20)
/* How often the bandwidth is looked at. */
#define SLICES_PER_SECOND 10

enum status { NONE, SETUP, ACTIVE, COMPLETED, FAILED, CANCELLING, CANCELLED };

static const char *const names[] = {
    [NONE] = "none",           [SETUP] = "setup",   [ACTIVE] = "active",
    [COMPLETED] = "completed", [FAILED] = "failed", [CANCELLING] = "cancelling",
    [CANCELLED] = "cancelled",
};

struct migration {
    const struct monitor_env *env;
    enum status status;
    bool tells;
    uint64_t bandwidth; /* atomic */

    /* One way or the other. */
    bool incoming, deferred;        /* the state is to come; its source is not named yet */
    bool start;                     /* incoming: run then. Outgoing: it ran before */
    enum machine_state state;       /* outgoing: what it was before */
    struct channel *channel;        /* while it is under way */
    GThread *thread;                /* while it is under way */
    GSource *done;                  /* the thread attaches it at its end */
    struct machine_image *image;    /* from then on, for its figures */
    GError *error;                  /* the thread's, then the main loop's */
    int64_t began, set_up, ended;   /* us, monotonic; ended 0: not yet */
    int64_t slice;                  /* thread: when the slice of a second began */
    uint64_t bytes, bytes_of_slice; /* in all, once ended; thread */
};

struct migration *migration_new(const struct monitor_env *env)
{
    struct migration *m = g_new0(struct migration, 1);

    m->env = env;
    m->bandwidth = BANDWIDTH;
    return m;
}

static void tell(struct migration *m, enum status status)
{
    json_object *data;

    m->status = status;
    if (m->tells) {
        data = json_object_new_object();
        put_str(data, "status", names[status]);
        machine_event(m->env->machine, "MIGRATION", data);
    }
}

/* ---- the thread --------------------------------------------------------------------------------
 */

/* No more than the bandwidth allows. */
static void pace(struct migration *m, size_t len)
{
    uint64_t most = migration_bandwidth(m) / SLICES_PER_SECOND;
    int64_t now = g_get_monotonic_time();
    int64_t until = m->slice + G_USEC_PER_SEC / SLICES_PER_SECOND;

    m->bytes_of_slice += len;
    if (now < until && (m->bytes_of_slice < most || !most)) {
        return;
    }
    if (now < until) {
        channel_rest(m->channel, (unsigned)((until - now) / 1000 + 1));
    }
    m->slice = g_get_monotonic_time();
    m->bytes_of_slice = 0;
}

static void put(void *opaque, const void *data, size_t len)
{
    struct migration *m = opaque;

    if (!m->error && channel_write(m->channel, data, len, &m->error)) {
        pace(m, len);
    }
}

static gboolean take(void *opaque, void *data, size_t len, GError **error)
{
    return channel_read(((struct migration *)opaque)->channel, data, len, error);
}

static gboolean finished(gpointer opaque);

static gpointer work(gpointer opaque)
{
    struct migration *m = opaque;
    struct machine *machine = m->env->machine;

    if (!m->incoming) {
        machine_image_put(m->image, machine, put, m);
    } else if (!machine_image_get(m->image, machine, take, m, &m->error)) {
        g_assert(m->error);
    }
    if (!m->error && !channel_finish(m->channel, &m->error)) {
        g_assert(m->error);
    }
    g_source_attach(m->done, machine->context);
    return NULL;
}

static void begin(struct migration *m)
{
    g_clear_error(&m->error);
    m->set_up = m->slice = g_get_monotonic_time();
    m->ended = 0;
    m->bytes = m->bytes_of_slice = 0;
    tell(m, ACTIVE);
    m->done = g_idle_source_new();
    g_source_set_callback(m->done, finished, m, NULL);
    m->thread = g_thread_new("migration", work, m);
}

static void join(struct migration *m)
{
    g_thread_join(m->thread);
    m->thread = NULL;
    g_source_destroy(m->done);
    g_clear_pointer(&m->done, g_source_unref);
}

/* The thread has ended. */
static void collect(struct migration *m)
{
    join(m);
    m->bytes = channel_bytes(m->channel);
    m->ended = g_get_monotonic_time();
}

void migration_free(struct migration *m)
{
    if (m) {
        if (m->thread) {
            channel_cancel(m->channel);
            join(m);
        }
        channel_free(m->channel);
        machine_image_free(m->image);
        g_clear_error(&m->error);
        g_free(m);
    }
}

/* ---- out ---------------------------------------------------------------------------------------
 */

static gboolean may_begin(const struct migration *m, GError **error)
{
    const struct machine *machine = m->env->machine;

    if (m->thread) {
        return !!qmp_fail(error, "There's a migration process in progress");
    }
    if (machine->state == MACHINE_INMIGRATE) {
        return !!qmp_fail(error, "Guest is waiting for an incoming migration");
    }
    if (machine->state == MACHINE_POSTMIGRATE) {
        return !!qmp_fail(error, "Can't migrate the vm that was paused due to previous migration");
    }
    return machine_can_save(machine, error);
}

/* What the guest has written is in its disks: whoever reads the state may open them. */
static gboolean flush_disks(struct migration *m, GError **error)
{
    for (guint i = 0; i < m->env->backends->len; i++) {
        int err;

        block_backend_drain(m->env->backends->pdata[i]);
        err = block_backend_flush(m->env->backends->pdata[i]);
        if (err < 0 && err != -ENOMEDIUM) {
            return !!qmp_fail(error, "flushing a disk failed: %s", g_strerror(-err));
        }
    }
    return TRUE;
}

static void go_on(struct migration *m)
{
    struct machine *machine = m->env->machine;
    g_autoptr(GError) error = NULL;

    machine_moving(machine, m->state);
    if (m->start && !machine_start(machine, &error)) {
        g_warning("migration: the machine cannot go on: %s", error->message);
    }
}

gboolean migration_out(struct migration *m, const char *uri, GError **error)
{
    struct machine *machine = m->env->machine;
    struct channel *channel;

    if (!may_begin(m, error) || !(channel = channel_open(uri, true, m->env->fds, error))) {
        return FALSE;
    }
    m->began = g_get_monotonic_time();
    tell(m, SETUP);
    m->start = machine_is_running(machine);
    machine_stop(machine, MACHINE_PAUSED);
    m->state = machine->state;
    if (!flush_disks(m, error)) {
        channel_free(channel);
        go_on(m);
        tell(m, FAILED);
        return FALSE;
    }
    machine_moving(machine, MACHINE_FINISH_MIGRATE);
    m->channel = channel;
    machine_image_free(m->image);
    m->image = machine_image_new(machine, m->start);
    begin(m);
    return TRUE;
}

void migration_cancel(struct migration *m)
{
    if (m->thread && !m->incoming && m->status == ACTIVE) {
        tell(m, CANCELLING);
        channel_cancel(m->channel);
    }
}

static void finish_out(struct migration *m)
{
    struct machine *machine = m->env->machine;
    bool given_up = m->status == CANCELLING;

    if (!m->error && !given_up) {
        machine_moving(machine, MACHINE_POSTMIGRATE);
        tell(m, COMPLETED);
        return;
    }
    if (!given_up) {
        g_warning("migration: %s", m->error->message);
    }
    go_on(m);
    tell(m, given_up ? CANCELLED : FAILED);
}

/* ---- in ----------------------------------------------------------------------------------------
 */

gboolean migration_expect(struct migration *m, const char *uri, bool start, GError **error)
{
    machine_moving(m->env->machine, MACHINE_INMIGRATE);
    m->start = start;
    m->deferred = true;
    if (g_str_equal(uri, "defer")) {
        return TRUE;
    }
    if (!migration_in(m, uri, error)) {
        g_prefix_error(error, "-incoming %s: ", uri);
        return FALSE;
    }
    return TRUE;
}

gboolean migration_in(struct migration *m, const char *uri, GError **error)
{
    if (!m->deferred) {
        return !!qmp_fail(error, m->incoming ? "The incoming migration has already been started"
                                             : "'-incoming' was not specified on the command line");
    }
    m->channel = channel_open(uri, false, m->env->fds, error);
    if (!m->channel) {
        return FALSE;
    }
    m->deferred = false;
    m->incoming = true;
    m->image = machine_image_empty(m->env->machine);
    m->began = g_get_monotonic_time();
    tell(m, SETUP);
    begin(m);
    return TRUE;
}

bool migration_start_then(struct migration *m, bool start)
{
    if (m->env->machine->state != MACHINE_INMIGRATE) {
        return false;
    }
    m->start = start;
    return true;
}

/* A machine that is half of one and half of another cannot go on. */
static void fail_in(struct migration *m)
{
    tell(m, FAILED);
    g_critical("load of migration failed: %s", m->error->message);
    machine_ask(m->env->machine, MACHINE_QUIT, false, 1);
}

static void finish_in(struct migration *m)
{
    struct machine *machine = m->env->machine;
    g_autoptr(GError) error = NULL;

    if (m->error || !machine_image_load(m->image, machine, &m->error)) {
        fail_in(m);
        return;
    }
    machine_moving(machine, MACHINE_PAUSED);
    tell(m, COMPLETED);
    if (m->start && machine_image_ran(m->image) && !machine_start(machine, &error)) {
        g_warning("migration: the machine cannot go on: %s", error->message);
    }
    m->incoming = false; /* it may move on */
}

static gboolean finished(gpointer opaque)
{
    struct migration *m = opaque;

    collect(m);
    g_clear_pointer(&m->channel, channel_free);
    if (m->incoming) {
        finish_in(m);
    } else {
        finish_out(m);
    }
    return G_SOURCE_REMOVE;
}

/* ---- settings and figures ----------------------------------------------------------------------
 */

bool migration_tells(const struct migration *m)
{
    return m->tells;
}

void migration_set_tells(struct migration *m, bool tells)
{
    m->tells = tells;
}

uint64_t migration_bandwidth(const struct migration *m)
{
    return __atomic_load_n(&m->bandwidth, __ATOMIC_RELAXED);
}

void migration_set_bandwidth(struct migration *m, uint64_t bytes)
{
    __atomic_store_n(&m->bandwidth, bytes, __ATOMIC_RELAXED);
}

static json_object *ram_figures(const struct migration *m)
{
    json_object *ram = json_object_new_object();
    struct machine_progress p;
    uint64_t bytes = m->channel ? channel_bytes(m->channel) : m->bytes;
    int64_t us = (m->ended ? m->ended : g_get_monotonic_time()) - m->set_up;
    static const char *const never[] = {
        "skipped",       "dirty-pages-rate", "postcopy-requests", "multifd-bytes",
        "precopy-bytes", "postcopy-bytes",   "pages-per-second",  "dirty-sync-missed-zero-copy",
    };

    machine_image_progress(m->image, &p);
    put_int(ram, "total", (int64_t)p.total);
    put_int(ram, "remaining", (int64_t)(p.total - (p.normal + p.zero) * RAM_PAGE_SIZE));
    put_int(ram, "transferred", (int64_t)bytes);
    put_int(ram, "downtime-bytes", (int64_t)bytes);
    put_int(ram, "duplicate", (int64_t)p.zero);
    put_int(ram, "normal", (int64_t)p.normal);
    put_int(ram, "normal-bytes", (int64_t)(p.normal * RAM_PAGE_SIZE));
    put_int(ram, "dirty-sync-count", 1);
    put_int(ram, "page-size", RAM_PAGE_SIZE);
    json_object_object_add(ram, "mbps",
                           json_object_new_double(us > 0 ? (double)bytes * 8 / (double)us : 0));
    for (unsigned i = 0; i < G_N_ELEMENTS(never); i++) {
        put_int(ram, never[i], 0);
    }
    return ram;
}

json_object *migration_query(const struct migration *m)
{
    json_object *o = json_object_new_object();
    int64_t until = m->ended ? m->ended : g_get_monotonic_time();

    if (m->status == NONE) {
        return o;
    }
    put_str(o, "status", names[m->status]);
    if (m->status == FAILED && m->error) {
        put_str(o, "error-desc", m->error->message);
    }
    if (m->image && !m->incoming &&
        (m->status == ACTIVE || m->status == CANCELLING || m->status == COMPLETED)) {
        put_int(o, "total-time", (until - m->began) / 1000);
        put_int(o, "setup-time", (m->set_up - m->began) / 1000);
        put_int(o, m->ended ? "downtime" : "expected-downtime", (until - m->began) / 1000);
        json_object_object_add(o, "ram", ram_figures(m));
    }
    return o;
}
