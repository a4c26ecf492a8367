/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/core/event.h"

#include "manage/core/call.h"
#include "manage/core/connection-event.h"
#include "manage/core/domain.h"
#include "manage/core/host.h"

#include <string.h>

struct registration {
    struct connection *conn;
    enum object_kind kind;
    int event;
    int id;
    char *filter; /* or NULL */
};

struct event_hub {
    GMutex lock;           /* the last one taken: nothing is called with it held but sinks */
    GPtrArray *registered; /* lock: struct registration */
    int last_id;           /* lock */
};

/* The procedure that carries an event; 0 where there is none (CONNECT_OPEN is no event). */
static const uint16_t domain_events[] = {
    [0] = PROC_DOMAIN_EVENT_CALLBACK_LIFECYCLE,
    [1] = PROC_DOMAIN_EVENT_CALLBACK_REBOOT,
    [2] = PROC_DOMAIN_EVENT_CALLBACK_RTC_CHANGE,
    [3] = PROC_DOMAIN_EVENT_CALLBACK_WATCHDOG,
    [4] = PROC_DOMAIN_EVENT_CALLBACK_IO_ERROR,
    [5] = PROC_DOMAIN_EVENT_CALLBACK_GRAPHICS,
    [6] = PROC_DOMAIN_EVENT_CALLBACK_IO_ERROR_REASON,
    [7] = PROC_DOMAIN_EVENT_CALLBACK_CONTROL_ERROR,
    [8] = PROC_DOMAIN_EVENT_CALLBACK_BLOCK_JOB,
    [9] = PROC_DOMAIN_EVENT_CALLBACK_DISK_CHANGE,
    [10] = PROC_DOMAIN_EVENT_CALLBACK_TRAY_CHANGE,
    [11] = PROC_DOMAIN_EVENT_CALLBACK_PMWAKEUP,
    [12] = PROC_DOMAIN_EVENT_CALLBACK_PMSUSPEND,
    [13] = PROC_DOMAIN_EVENT_CALLBACK_BALLOON_CHANGE,
    [14] = PROC_DOMAIN_EVENT_CALLBACK_PMSUSPEND_DISK,
    [15] = PROC_DOMAIN_EVENT_CALLBACK_DEVICE_REMOVED,
    [16] = PROC_DOMAIN_EVENT_BLOCK_JOB_2,
    [17] = PROC_DOMAIN_EVENT_CALLBACK_TUNABLE,
    [18] = PROC_DOMAIN_EVENT_CALLBACK_AGENT_LIFECYCLE,
    [19] = PROC_DOMAIN_EVENT_CALLBACK_DEVICE_ADDED,
    [20] = PROC_DOMAIN_EVENT_CALLBACK_MIGRATION_ITERATION,
    [21] = PROC_DOMAIN_EVENT_CALLBACK_JOB_COMPLETED,
    [22] = PROC_DOMAIN_EVENT_CALLBACK_DEVICE_REMOVAL_FAILED,
    [23] = PROC_DOMAIN_EVENT_CALLBACK_METADATA_CHANGE,
    [24] = PROC_DOMAIN_EVENT_BLOCK_THRESHOLD,
    [25] = PROC_DOMAIN_EVENT_MEMORY_FAILURE,
    [26] = PROC_DOMAIN_EVENT_MEMORY_DEVICE_SIZE_CHANGE,
    [27] = PROC_DOMAIN_EVENT_NIC_MAC_CHANGE,
};
static const uint16_t network_events[] = {PROC_NETWORK_EVENT_LIFECYCLE,
                                          PROC_NETWORK_EVENT_CALLBACK_METADATA_CHANGE};
static const uint16_t pool_events[] = {PROC_STORAGE_POOL_EVENT_LIFECYCLE,
                                       PROC_STORAGE_POOL_EVENT_REFRESH};
static const uint16_t nodedev_events[] = {PROC_NODE_DEVICE_EVENT_LIFECYCLE,
                                          PROC_NODE_DEVICE_EVENT_UPDATE};
static const uint16_t secret_events[] = {PROC_SECRET_EVENT_LIFECYCLE,
                                         PROC_SECRET_EVENT_VALUE_CHANGED};

static const struct {
    const uint16_t *procs;
    int n;
} kinds[OBJECT_KINDS] = {
    [OBJECT_DOMAIN] = {domain_events, G_N_ELEMENTS(domain_events)},
    [OBJECT_NETWORK] = {network_events, G_N_ELEMENTS(network_events)},
    [OBJECT_POOL] = {pool_events, G_N_ELEMENTS(pool_events)},
    [OBJECT_NODEDEV] = {nodedev_events, G_N_ELEMENTS(nodedev_events)},
    [OBJECT_SECRET] = {secret_events, G_N_ELEMENTS(secret_events)},
};

static void registration_free(struct registration *r)
{
    g_free(r->filter);
    g_free(r);
}

struct event_hub *event_hub_new(void)
{
    struct event_hub *hub = g_new0(struct event_hub, 1);

    g_mutex_init(&hub->lock);
    hub->registered = g_ptr_array_new_with_free_func((GDestroyNotify)registration_free);
    return hub;
}

void event_hub_free(struct event_hub *hub)
{
    g_ptr_array_unref(hub->registered);
    g_mutex_clear(&hub->lock);
    g_free(hub);
}

int event_register(struct event_hub *hub, struct connection *conn, enum object_kind kind, int event,
                   const char *filter)
{
    struct registration *r;

    if (event < 0 || event >= kinds[kind].n) {
        return -1;
    }
    r = g_new0(struct registration, 1);
    r->conn = conn;
    r->kind = kind;
    r->event = event;
    r->filter = g_strdup(filter);
    g_mutex_lock(&hub->lock);
    int id = r->id = hub->last_id++;

    g_ptr_array_add(hub->registered, r);
    g_mutex_unlock(&hub->lock);
    return id;
}

bool event_deregister(struct event_hub *hub, struct connection *conn, enum object_kind kind, int id)
{
    bool found = false;

    g_mutex_lock(&hub->lock);
    for (unsigned i = 0; i < hub->registered->len && !found; i++) {
        struct registration *r = hub->registered->pdata[i];

        if (r->conn == conn && r->kind == kind && r->id == id) {
            g_ptr_array_remove_index(hub->registered, i);
            found = true;
        }
    }
    g_mutex_unlock(&hub->lock);
    return found;
}

void event_forget(struct event_hub *hub, struct connection *conn)
{
    g_mutex_lock(&hub->lock);
    for (unsigned i = hub->registered->len; i > 0; i--) {
        struct registration *r = hub->registered->pdata[i - 1];

        if (r->conn == conn) {
            g_ptr_array_remove_index(hub->registered, i - 1);
        }
    }
    g_mutex_unlock(&hub->lock);
}

static bool concerns(const struct registration *r, const struct object *object)
{
    char uuid[UUID_TEXT];

    if (r->filter == NULL) {
        return true;
    }
    uuid_format(object->uuid, uuid);
    return strcmp(r->filter, uuid) == 0 || strcmp(r->filter, object->name) == 0;
}

/* The callback id in front of the rest. */
static GVariant *body_of(int id, GVariant *rest)
{
    gsize n = g_variant_n_children(rest);
    g_autofree GVariant **items = g_new(GVariant *, n + 1);
    GVariant *body;

    items[0] = g_variant_new_int32(id);
    for (gsize i = 0; i < n; i++) {
        items[i + 1] = g_variant_get_child_value(rest, i);
    }
    body = g_variant_new_tuple(items, n + 1);
    for (gsize i = 0; i < n; i++) {
        g_variant_unref(items[i + 1]);
    }
    return g_variant_ref_sink(body);
}

void event_send(struct object *object, int event, GVariant *rest)
{
    g_autoptr(GVariant) held = g_variant_ref_sink(rest);
    struct event_hub *hub = object->host->events;

    g_mutex_lock(&hub->lock);
    for (unsigned i = 0; i < hub->registered->len; i++) {
        struct registration *r = hub->registered->pdata[i];

        if (r->kind == object->kind && r->event == event && concerns(r, object)) {
            g_autoptr(GVariant) body = body_of(r->id, held);

            connection_event(r->conn, proc_get(kinds[r->kind].procs[event]), body);
        }
    }
    g_mutex_unlock(&hub->lock);
}

void event_lifecycle(struct domain *domain, enum event_lifecycle event, int detail)
{
    event_send(&domain->object, EVENT_LIFECYCLE,
               g_variant_new("((@(sayi)ii))", call_pack_domain(domain), event, detail));
}

void event_object(struct object *object, int event, int detail)
{
    event_send(object, 0, g_variant_new("(@*ii)", call_pack_object(object), event, detail));
}
