/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Defining, starting and stopping networks, pools and interfaces. */
#include "manage/conf/fault.h"
#include "manage/core/driver.h"
#include "manage/core/handlers.h"
#include "manage/core/object-kind.h"
#include "manage/core/storage/pool.h"

#include <string.h>

/* Lifecycle events of networks and pools, libvirt's numbers. */
enum { DEFINED, UNDEFINED, STARTED, STOPPED, CREATED, DELETED };

static void tell(struct object *object, int event)
{
    if (object->kind != OBJECT_INTERFACE) {
        event_object(object, event, 0);
    }
}

static bool begin(struct object *object, GError **error)
{
    const struct resource_ops *ops = object->host->resource[object->kind];

    if (ops != NULL && ops->start != NULL && !ops->start(object, error)) {
        return false;
    }
    object->active = true;
    object->generation++;
    tell(object, STARTED);
    return true;
}

static struct object *make(enum object_kind kind, struct host *host, const uint8_t *uuid,
                           struct xml *def)
{
    return kind == OBJECT_POOL ? &pool_new(host, named_name(def), uuid, def)->object
                               : object_new(kind, host, named_name(def), uuid, def);
}

/* Another object has the name or the UUID: false with libvirt's words. */
static bool check_clash(struct objects *table, enum object_kind kind, const struct xml *def,
                        const uint8_t uuid[UUID_BYTES], GError **error)
{
    g_autoptr(object_held) same = objects_find_uuid(table, uuid);
    const char *text = object_words(kind)->text;
    const char *name = named_name(def);
    char printed[UUID_TEXT];

    if (same != NULL && strcmp(same->name, name) == 0) {
        return true;
    }
    if (same != NULL) {
        uuid_format(same->uuid, printed);
        return fault_set(error, FAULT_OPERATION_FAILED,
                         kind == OBJECT_POOL ? "%s '%s' already exists with uuid %s"
                                             : "%s '%s' is already defined with uuid %s",
                         kind == OBJECT_POOL ? "pool" : text, same->name, printed);
    }
    g_autoptr(object_held) other = objects_find_name(table, name);

    if (other == NULL) {
        return true;
    }
    uuid_format(other->uuid, printed);
    return fault_set(error, FAULT_OPERATION_FAILED, "%s '%s' already exists with uuid %s",
                     kind == OBJECT_POOL ? "pool" : text, other->name, printed);
}

static bool keep(struct object *object, const struct xml *def, GError **error)
{
    const struct resource_ops *ops = object->host->resource[object->kind];

    return ops == NULL || ops->store == NULL || ops->store(object, def, error);
}

/* A new object of the definition (taken), held and in its table. */
static struct object *place_new(struct call *call, enum object_kind kind, struct xml *def,
                                const uint8_t *uuid, bool kept, GError **error)
{
    struct objects *table = call->host->objects[kind];
    struct object *object = make(kind, call->host, uuid, def);

    object_lock(object);
    if (!objects_add(table, object)) {
        fault_set(error, FAULT_OPERATION_FAILED, "%s '%s' is being defined already",
                  object_words(kind)->text, object->name);
    } else if (!kept || keep(object, def, error)) {
        return object;
    } else {
        objects_remove(table, object);
    }
    object_release(object);
    return NULL;
}

/* The object of the definition (taken), held: the one there is, changed, or a new one. */
static struct object *place(struct call *call, enum object_kind kind, struct xml *def,
                            const uint8_t *uuid, bool kept, GError **error)
{
    struct object *object = objects_find_name(call->host->objects[kind], named_name(def));

    if (object == NULL) {
        return place_new(call, kind, def, uuid, kept, error);
    }
    if (kept && !keep(object, def, error)) {
        xml_free(def);
        object_release(object);
        return NULL;
    }
    struct xml **at = object->active ? &object->next_def : &object->def;

    xml_free(*at);
    *at = def;
    return object;
}

static struct object *parse(struct call *call, enum object_kind kind, bool kept, GError **error)
{
    const struct resource_ops *ops = call->host->resource[kind];
    uint8_t uuid[UUID_BYTES] = {0};
    struct xml *def = named_parse(object_words(kind)->named, call_string(call, 0), uuid, error);

    if (def == NULL) {
        return NULL;
    }
    if ((kind != OBJECT_INTERFACE &&
         !check_clash(call->host->objects[kind], kind, def, uuid, error)) ||
        (ops != NULL && ops->complete != NULL && !ops->complete(call->host, def, uuid, error))) {
        xml_free(def);
        return NULL;
    }
    return place(call, kind, def, uuid, kept, error);
}

bool object_define_xml(struct call *call, GError **error)
{
    g_autoptr(object_held) object = parse(call, object_kind_of(call->proc), true, error);

    if (object == NULL) {
        return false;
    }
    object->persistent = true;
    tell(object, DEFINED);
    return call_reply_object(call, object);
}

/* What virStoragePoolCreate's flags ask for, that it is built first: 1, or with 2, overwriting, or
 * with 4, not overwriting. virStoragePoolBuild has other numbers for the last two. */
static bool prepare(struct object *object, unsigned flags, GError **error)
{
    const struct pool_ops *pools = object->host->pools;
    unsigned build =
        ((flags & 2) != 0 ? POOL_OVERWRITE : 0) | ((flags & 4) != 0 ? POOL_NO_OVERWRITE : 0);

    return object->kind != OBJECT_POOL || pools == NULL || flags == 0 ||
           pools->build(pool_of(object), build, error);
}

bool object_create_xml(struct call *call, GError **error)
{
    enum object_kind kind = object_kind_of(call->proc);
    g_autoptr(object_held) object = parse(call, kind, false, error);

    if (object == NULL) {
        return false;
    }
    if (object->active) {
        char uuid[UUID_TEXT];

        uuid_format(object->uuid, uuid);
        return fault_set(error, FAULT_OPERATION_INVALID, "%s is already active as '%s'",
                         kind == OBJECT_POOL ? "pool" : object_words(kind)->text, object->name);
    }
    if (!prepare(object, call->flags, error) || !begin(object, error)) {
        if (!object->persistent) {
            objects_remove(call->host->objects[kind], object);
        }
        return false;
    }
    return call_reply_object(call, object);
}

static bool refuse_active(const struct object *object, GError **error)
{
    switch (object->kind) {
    case OBJECT_NETWORK:
        return fault_set(error, FAULT_OPERATION_INVALID,
                         object->host->resource[OBJECT_NETWORK] != NULL
                             ? "network is already active"
                             : "Network is already running");
    case OBJECT_POOL:
        return fault_set(error, FAULT_OPERATION_INVALID, "storage pool '%s' is already active",
                         object->name);
    default: return fault_set(error, FAULT_OPERATION_INVALID, NULL);
    }
}

bool object_create(struct call *call, GError **error)
{
    return call->object->active
               ? refuse_active(call->object, error)
               : prepare(call->object, call->flags, error) && begin(call->object, error);
}

/* Code 55 in each kind's words unless it is active. */
bool object_check_active(const struct object *object, GError **error)
{
    if (object->active) {
        return true;
    }
    switch (object->kind) {
    case OBJECT_NETWORK:
        return fault_set(error, FAULT_OPERATION_INVALID, "network '%s' is not active",
                         object->name);
    case OBJECT_POOL:
        return fault_set(error, FAULT_OPERATION_INVALID, "storage pool '%s' is not active",
                         object->name);
    default: return fault_set(error, FAULT_OPERATION_INVALID, NULL);
    }
}

/* A pool that is to go is active: real ones have words of their own. */
static bool refuse_in_use(const struct object *object, GError **error)
{
    return fault_set(error, FAULT_OPERATION_INVALID,
                     object->host->pools != NULL ? "storage pool '%s' is still active"
                                                 : "storage pool '%s' is already active",
                     object->name);
}

/* False with libvirt's words while something works on a pool without its lock. */
static bool refuse_busy(struct object *object, GError **error)
{
    return object->kind != OBJECT_POOL || pool_of(object)->jobs == 0 ||
           fault_set(error, FAULT_INTERNAL_ERROR, "pool '%s' has asynchronous jobs running.",
                     object->name);
}

static void drop(struct call *call)
{
    objects_remove(call->host->objects[call->object->kind], call->object);
}

bool object_destroy(struct call *call, GError **error)
{
    struct object *object = call->object;
    const struct resource_ops *ops = call->host->resource[object->kind];

    if (!object_check_active(object, error) || !refuse_busy(object, error) ||
        (ops != NULL && ops->stop != NULL && !ops->stop(object, error))) {
        return false;
    }
    object->active = false;
    object->generation++;
    if (object->next_def != NULL) {
        xml_free(object->def);
        object->def = g_steal_pointer(&object->next_def);
    }
    tell(object, STOPPED);
    if (!object->persistent && object->kind != OBJECT_INTERFACE) {
        drop(call);
    }
    return true;
}

/* A real network that runs goes on without its definition. */
static bool make_transient(struct object *object, GError **error)
{
    if (!object->host->resource[object->kind]->drop(object, error)) {
        return false;
    }
    object->persistent = false;
    object->autostart = false;
    g_clear_pointer(&object->next_def, xml_free);
    tell(object, UNDEFINED);
    return true;
}

bool object_undefine(struct call *call, GError **error)
{
    struct object *object = call->object;

    if (object->active && object->kind == OBJECT_NETWORK &&
        call->host->resource[OBJECT_NETWORK] != NULL) {
        return make_transient(object, error);
    }
    if (object->active && object->kind == OBJECT_NETWORK) {
        return fault_set(error, FAULT_OPERATION_INVALID, "Network '%s' is still running",
                         object->name);
    }
    if (object->active && object->kind == OBJECT_POOL) {
        return refuse_in_use(object, error);
    }
    const struct resource_ops *ops = call->host->resource[object->kind];

    if (!refuse_busy(object, error) ||
        (ops != NULL && ops->drop != NULL && !ops->drop(object, error))) {
        return false;
    }
    tell(object, UNDEFINED);
    drop(call);
    return true;
}

bool object_set_autostart(struct call *call, GError **error)
{
    if (!call->object->persistent) {
        if (call->object->kind == OBJECT_NETWORK) {
            return fault_set(error, FAULT_OPERATION_INVALID,
                             "cannot set autostart for transient network");
        }
        return fault_set(error,
                         call->host->pools != NULL ? FAULT_INTERNAL_ERROR : FAULT_INVALID_ARG,
                         "pool has no config file");
    }
    struct object *object = call->object;
    bool before = object->autostart;

    object->autostart = call_i32(call, 1) != 0;
    if (!keep(object, object->next_def != NULL ? object->next_def : object->def, error)) {
        object->autostart = before;
        return false;
    }
    return true;
}

bool network_get_bridge_name(struct call *call, GError **error)
{
    const char *name = xml_get(xml_find(call->object->def, "bridge"), "name");

    return name != NULL
               ? call_reply_string(call, name)
               : fault_set(error, FAULT_INTERNAL_ERROR, "network '%s' does not have a bridge name.",
                           call->object->name);
}

bool interface_lookup_by_mac(struct call *call, GError **error)
{
    const char *mac = call_string(call, 0);
    g_autoptr(GPtrArray) all = objects_all(call->host->objects[OBJECT_INTERFACE]);

    for (unsigned i = 0; i < all->len; i++) {
        struct object *object = all->pdata[i];

        object_lock(object);
        bool found = g_strcmp0(xml_get(xml_find(object->def, "mac"), "address"), mac) == 0 &&
                     call_reply_object(call, object);

        object_unlock(object);
        if (found) {
            return true;
        }
    }
    return object_missing(OBJECT_INTERFACE, NULL, NULL, error);
}

/* pool_build, pool_delete, pool_refresh */
bool pool_build(struct call *call, GError **error)
{
    struct object *pool = call->object;
    enum proc_id id = proc_id(call->proc);

    if (id == PROC_STORAGE_POOL_REFRESH) {
        const struct resource_ops *ops = pool->host->resource[OBJECT_POOL];

        if (!object_check_active(pool, error) || !refuse_busy(pool, error) ||
            (ops != NULL && ops->refresh != NULL && !ops->refresh(pool, error))) {
            return false;
        }
        event_send(pool, 1, g_variant_new("(@*)", call_pack_object(pool)));
        return true;
    }
    if (pool->active) {
        return id == PROC_STORAGE_POOL_DELETE && pool->host->pools != NULL
                   ? refuse_in_use(pool, error)
                   : refuse_active(pool, error);
    }
    const struct pool_ops *ops = pool->host->pools;

    if (ops != NULL && !refuse_busy(pool, error)) {
        return false;
    }
    if (ops != NULL &&
        !(id == PROC_STORAGE_POOL_DELETE ? ops->remove(pool_of(pool), call->flags, error)
                                         : ops->build(pool_of(pool), call->flags, error))) {
        return false;
    }
    tell(pool, id == PROC_STORAGE_POOL_DELETE ? DELETED : CREATED);
    return true;
}

bool pool_get_info(struct call *call, GError **error)
{
    const struct pool *pool = pool_of(call->object);

    return call_reply(call, "(yttt)", call->object->active ? 2 : 0, pool->capacity,
                      pool->allocation, pool->available);
}
