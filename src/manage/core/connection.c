/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Connections: opening, and the path every procedure takes. */
#include "manage/core/connection.h"

#include "manage/conf/fault.h"
#include "manage/core/connection-event.h"
#include "manage/core/driver.h"
#include "manage/core/handlers.h"

#include <string.h>

struct shared_host {
    struct host *host; /* NULL while somebody opens it */
    unsigned users;
};

struct registry {
    const struct driver *const *drivers; /* frozen */
    registry_fill fill;                  /* frozen */
    GMutex lock;
    GCond opened;       /* a shared host is open, or failed */
    GHashTable *shared; /* lock: URI -> struct shared_host */
    char *own;          /* frozen once clients come: URI of the host that is kept, or NULL */
};

struct connection {
    struct registry *registry; /* frozen */
    struct host *host;         /* frozen */
    char *uri;                 /* frozen: key of a shared host, else NULL */
    bool read_only;            /* frozen */
    connection_sink sink;      /* frozen */
    void *user;                /* frozen */
};

struct registry *registry_new(const struct driver *const *drivers, registry_fill fill)
{
    struct registry *registry = g_new0(struct registry, 1);

    registry->drivers = drivers;
    registry->fill = fill;
    g_mutex_init(&registry->lock);
    g_cond_init(&registry->opened);
    registry->shared = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return registry;
}

static const struct driver *find_driver(struct registry *registry, const char *uri)
{
    g_autofree char *scheme = g_uri_parse_scheme(uri);

    for (const struct driver *const *d = registry->drivers; *d != NULL; d++) {
        if (*uri == '\0' || g_strcmp0(scheme, (*d)->name) == 0) {
            return *d;
        }
    }
    return NULL;
}

static struct host *open_host(struct registry *registry, const struct driver *driver,
                              const char *uri, GError **error)
{
    struct host *host = driver->open(uri, error);

    if (host != NULL && registry->fill != NULL && !registry->fill(host, error)) {
        host_unref(host);
        return NULL;
    }
    return host;
}

/* Opens it without the lock, which is held before and after: other URIs go on meanwhile. */
static struct host *open_first(struct registry *registry, const struct driver *driver,
                               const char *uri, GError **error)
{
    struct shared_host *shared = g_new0(struct shared_host, 1);
    struct host *host;

    shared->users = 1;
    g_hash_table_insert(registry->shared, g_strdup(uri), shared);
    g_mutex_unlock(&registry->lock);
    host = open_host(registry, driver, uri, error);
    g_mutex_lock(&registry->lock);
    shared->host = host;
    if (host == NULL) {
        g_hash_table_remove(registry->shared, uri);
    }
    g_cond_broadcast(&registry->opened);
    return host != NULL ? host_ref(host) : NULL;
}

static struct host *open_shared(struct registry *registry, const struct driver *driver,
                                const char *uri, GError **error)
{
    struct shared_host *shared;
    struct host *host;

    g_mutex_lock(&registry->lock);
    while ((shared = g_hash_table_lookup(registry->shared, uri)) != NULL && shared->host == NULL) {
        g_cond_wait(&registry->opened, &registry->lock);
    }
    if (shared != NULL) {
        shared->users++;
        host = host_ref(shared->host);
    } else {
        host = open_first(registry, driver, uri, error);
    }
    g_mutex_unlock(&registry->lock);
    return host;
}

static void leave_shared(struct registry *registry, const char *uri)
{
    struct host *last = NULL;

    g_mutex_lock(&registry->lock);
    struct shared_host *shared = g_hash_table_lookup(registry->shared, uri);

    if (--shared->users == 0) {
        last = shared->host;
        g_hash_table_remove(registry->shared, uri);
    }
    g_mutex_unlock(&registry->lock);
    host_unref(last);
}

bool registry_keep(struct registry *registry, const char *uri, GError **error)
{
    const struct driver *driver = find_driver(registry, uri);
    struct host *host;

    if (driver == NULL) {
        return fault_set(error, FAULT_NO_CONNECT, "%s", uri);
    }
    host = open_shared(registry, driver, uri, error);
    if (host == NULL) {
        return false;
    }
    host_unref(host); /* the table has one of its own */
    registry->own = g_strdup(uri);
    return true;
}

void registry_free(struct registry *registry)
{
    if (registry->own != NULL) {
        leave_shared(registry, registry->own);
    }
    g_hash_table_unref(registry->shared);
    g_mutex_clear(&registry->lock);
    g_cond_clear(&registry->opened);
    g_free(registry->own);
    g_free(registry);
}

struct connection *connection_open(struct registry *registry, const char *uri, bool read_only,
                                   connection_sink sink, void *user, GError **error)
{
    if (*uri == '\0' && registry->own != NULL) {
        uri = registry->own;
    }
    const struct driver *driver = find_driver(registry, uri);
    bool shared = driver != NULL && driver->shared(uri);
    struct host *host;

    if (driver == NULL) {
        fault_set(error, FAULT_NO_CONNECT, "%s", uri);
        return NULL;
    }
    host = shared ? open_shared(registry, driver, uri, error)
                  : open_host(registry, driver, uri, error);
    if (host == NULL) {
        return NULL;
    }
    struct connection *conn = g_new0(struct connection, 1);

    conn->registry = registry;
    conn->host = host;
    conn->uri = shared ? g_strdup(uri) : NULL;
    conn->read_only = read_only;
    conn->sink = sink;
    conn->user = user;
    return conn;
}

void connection_close(struct connection *conn)
{
    if (conn == NULL) {
        return;
    }
    event_forget(conn->host->events, conn);
    if (conn->uri != NULL) {
        leave_shared(conn->registry, conn->uri);
    }
    host_unref(conn->host);
    g_free(conn->uri);
    g_free(conn);
}

struct host *connection_host(struct connection *conn)
{
    return conn->host;
}

bool connection_read_only(const struct connection *conn)
{
    return conn->read_only;
}

void connection_event(struct connection *conn, const struct proc *proc, GVariant *body)
{
    conn->sink(proc, body, conn->user);
}

/* "testDomainGetXMLDesc", as libvirt's messages name a driver's function. */
static char *function_name(const struct driver *driver, const struct driver_proc *row,
                           const struct proc *proc)
{
    return row->function != NULL ? g_strdup(row->function)
                                 : g_strconcat(driver->prefix, proc->symbol + strlen("vir"), NULL);
}

static bool check_flags(struct call *call, const struct driver_proc *row, GError **error)
{
    uint32_t unknown = call->flags & ~row->flags;

    if (unknown == 0) {
        return true;
    }
    g_autofree char *function = function_name(call->host->driver, row, call->proc);

    return fault_set_raw(error, FAULT_INVALID_ARG, "unsupported flags (0x%x) in function %s",
                         unknown, function);
}

static bool check_access(struct connection *conn, struct call *call, const struct driver_proc *row,
                         GError **error)
{
    if (!conn->read_only) {
        return true;
    }
    if ((call->proc->traits & PROC_WRITE) != 0) {
        return fault_set(error, FAULT_OPERATION_DENIED, "read only access prevents %s",
                         call->proc->symbol);
    }
    if (row != NULL && (call->flags & row->refused_flags) != 0) {
        return fault_set(error, FAULT_OPERATION_DENIED, "read only access prevents %s",
                         call->proc->symbol);
    }
    return true;
}

static const struct {
    const char *word; /* of the layout */
    enum object_kind kind;
    bool by_name;
    enum fault_code missing;
    const char *text;
} targets[] = {
    {"dom", OBJECT_DOMAIN, false, FAULT_NO_DOMAIN, "domain"},
    {"net", OBJECT_NETWORK, false, FAULT_NO_NETWORK, "network"},
    {"pool", OBJECT_POOL, false, FAULT_NO_STORAGE_POOL, "storage pool"},
    {"iface", OBJECT_INTERFACE, true, FAULT_NO_INTERFACE, "interface"},
    {"snap", OBJECT_DOMAIN, false, FAULT_NO_DOMAIN, "domain"},
    {"chk", OBJECT_DOMAIN, false, FAULT_NO_DOMAIN, "domain"},
    {"sec", OBJECT_SECRET, false, FAULT_NO_SECRET, "secret"},
};

static bool not_found(unsigned target, const char *name, const uint8_t *uuid, GError **error)
{
    char text[UUID_TEXT];

    if (targets[target].by_name) {
        return fault_set(error, targets[target].missing, "no %s with matching name '%s'",
                         targets[target].text, name);
    }
    uuid_format(uuid, text);
    if (targets[target].kind == OBJECT_SECRET) {
        return fault_set(error, targets[target].missing, "no secret with matching uuid '%s'", text);
    }
    return fault_set(error, targets[target].missing, "no %s with matching uuid '%s' (%s)",
                     targets[target].text, text, name);
}

/* The UUID of what a reference means: its own, or of the domain that a snapshot belongs to. */
static void read_target(GVariant *value, const char **ret_name, uint8_t ret_uuid[UUID_BYTES])
{
    g_autoptr(GVariant) inner = g_variant_is_of_type(value, G_VARIANT_TYPE("(s(sayi))"))
                                    ? g_variant_get_child_value(value, 1)
                                    : g_variant_ref(value);
    bool secret = g_variant_is_of_type(inner, G_VARIANT_TYPE("(ayis)"));
    bool plain = g_variant_is_of_type(inner, G_VARIANT_TYPE("(ss)"));

    memset(ret_uuid, 0, UUID_BYTES);
    g_variant_get_child(inner, secret ? 2 : 0, "&s", ret_name);
    if (!plain) {
        g_autoptr(GVariant) bytes = g_variant_get_child_value(inner, secret ? 0 : 1);
        gsize length;
        const uint8_t *data = g_variant_get_fixed_array(bytes, &length, 1);

        g_assert(length == UUID_BYTES);
        memcpy(ret_uuid, data, UUID_BYTES);
    }
}

/* The row of `targets` for the procedure's first argument, or -1. */
static int target_of(const struct proc *proc)
{
    size_t length = strcspn(proc->args, " ?");

    for (unsigned i = 0; i < G_N_ELEMENTS(targets); i++) {
        if (strlen(targets[i].word) == length && proc->args[length] != '?' &&
            memcmp(targets[i].word, proc->args, length) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/*
 * Sets call->object, locked, when the first argument is a reference to one. With `ret_busy` (an
 * object that has a UUID) it does not wait for the lock, and says so.
 */
static bool find_target(struct call *call, bool *ret_busy, GError **error)
{
    int i = target_of(call->proc);

    if (i < 0) {
        return true;
    }
    g_autoptr(GVariant) value = g_variant_get_child_value(call->args, 0);
    struct objects *table = call->host->objects[targets[i].kind];
    uint8_t uuid[UUID_BYTES];
    const char *name;

    read_target(value, &name, uuid);
    call->object = ret_busy != NULL     ? objects_try_uuid(table, uuid, ret_busy)
                   : targets[i].by_name ? objects_find_name(table, name)
                                        : objects_find_uuid(table, uuid);
    if (ret_busy != NULL && *ret_busy) {
        return true;
    }
    if (call->object == NULL) {
        return not_found((unsigned)i, name, uuid, error);
    }
    call->domain = targets[i].kind == OBJECT_DOMAIN ? domain_of(call->object) : NULL;
    return true;
}

static bool run(struct call *call, const struct driver_proc *row, GError **error)
{
    enum job_kind job = call->domain != NULL ? row->job : JOB_NONE;
    bool good;

    if (job != JOB_NONE && !domain_job_begin(call->domain, job, error)) {
        return false;
    }
    good = (!row->active || domain_check_active(call->domain, error)) && row->run(call, error);
    if (job != JOB_NONE) {
        domain_job_end(call->domain, job);
    }
    return good;
}

static bool carry_out(struct connection *conn, struct call *call, GError **error)
{
    const struct driver_proc *row = &conn->host->driver->procs[proc_id(call->proc)];

    if (!check_access(conn, call, row, error)) {
        return false;
    }
    if (row->run == NULL) {
        return fault_set(error, FAULT_NO_SUPPORT, "%s", call->proc->symbol);
    }
    return check_flags(call, row, error) && find_target(call, NULL, error) && run(call, row, error);
}

static void begin(struct connection *conn, struct call *call)
{
    int flags = proc_flags_index(call->proc);

    call->conn = conn;
    call->host = conn->host;
    call->flags = flags >= 0 ? call_u32(call, flags) : 0;
}

/* Real secrets are reported on as libvirt's own part for them does. */
static bool of_secrets(const struct host *host, const struct proc *proc)
{
    return host->secrets != NULL && strstr(proc->name, "SECRET") != NULL;
}

static void finish(struct connection *conn, struct call *call, bool good, GError **error)
{
    object_release(call->object);
    call->object = NULL;
    call->domain = NULL;
    if (!good && error != NULL && *error != NULL) {
        fault_set_from(*error, of_secrets(conn->host, call->proc) ? FAULT_FROM_SECRET
                                                                  : conn->host->driver->from);
    }
}

bool connection_call(struct connection *conn, struct call *call, GError **error)
{
    bool good;

    begin(conn, call);
    good = carry_out(conn, call, error);
    finish(conn, call, good, error);
    return good;
}

/* What only looks at memory, behind no lock but its object's. */
static const call_handler instant[] = {
    connect_get_type,     connect_get_lib_version, connect_get_uri,       connect_is_secure,
    domain_get_state,     domain_get_os_type,      domain_get_max_memory, domain_is_active_call,
    domain_is_persistent, domain_is_updated,       domain_get_autostart,
};

bool connection_is_instant(const struct connection *conn, const struct proc *proc)
{
    call_handler handler = conn->host->driver->procs[proc_id(proc)].run;

    for (unsigned i = 0; i < G_N_ELEMENTS(instant); i++) {
        if (instant[i] == handler) {
            return true;
        }
    }
    return false;
}

bool connection_try(struct connection *conn, struct call *call, bool *ret_good, GError **error)
{
    const struct driver_proc *row = &conn->host->driver->procs[proc_id(call->proc)];
    bool busy = false;

    begin(conn, call);
    *ret_good = check_access(conn, call, row, error) && check_flags(call, row, error) &&
                find_target(call, &busy, error) && !busy && row->run(call, error);
    finish(conn, call, *ret_good || busy, error);
    return !busy;
}
