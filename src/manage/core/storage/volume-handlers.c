/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Volumes: listing, finding, making and deleting, of every kind of pool. */
#include "manage/conf/fault.h"
#include "manage/core/driver.h"
#include "manage/core/handlers.h"
#include "manage/core/object-kind.h"
#include "manage/core/storage/pool.h"
#include "manage/core/storage/volume-work.h"

#include <string.h>

struct object *volume_target(struct call *call, unsigned n, struct volume **ret_volume,
                             GError **error)
{
    const char *pool_name, *name, *key;
    struct object *object;

    g_variant_get_child(call->args, n, "(&s&s&s)", &pool_name, &name, &key);
    object = objects_find_name(call->host->objects[OBJECT_POOL], pool_name);
    if (object == NULL) {
        object_missing(OBJECT_POOL, "name", pool_name, error);
        return NULL;
    }
    *ret_volume = pool_find(pool_of(object), name);
    if (*ret_volume == NULL) {
        fault_set(error, FAULT_NO_STORAGE_VOL, "no storage vol with matching name '%s'", name);
    } else if (object_check_active(object, error)) {
        return object;
    }
    object_release(object);
    return NULL;
}

bool volume_count(struct call *call, GError **error)
{
    return object_check_active(call->object, error) &&
           call_reply_i32(call, pool_of(call->object)->volumes->len);
}

bool volume_list_names(struct call *call, GError **error)
{
    const struct pool *pool = pool_of(call->object);
    g_auto(GVariantBuilder) list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("as"));
    int room = call_i32(call, 1);

    if (!object_check_active(call->object, error)) {
        return false;
    }
    for (unsigned i = 0; i < pool->volumes->len && room > 0; i++, room--) {
        g_variant_builder_add(&list, "s", ((struct volume *)pool->volumes->pdata[i])->name);
    }
    return call_reply(call, "(as)", &list);
}

bool volume_list_all(struct call *call, GError **error)
{
    const struct pool *pool = pool_of(call->object);
    g_auto(GVariantBuilder) list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(sss)"));

    if (call->host->pools != NULL && !object_check_active(call->object, error)) {
        return false;
    }
    if (!call->object->active) {
        return fault_set(error, FAULT_OPERATION_INVALID, "storage pool is not active");
    }
    for (unsigned i = 0; i < pool->volumes->len && call_i32(call, 1) != 0; i++) {
        g_variant_builder_add_value(&list, volume_pack(pool, pool->volumes->pdata[i]));
    }
    return call_reply(call, "(a(sss)u)", &list, pool->volumes->len);
}

bool volume_lookup_by_name(struct call *call, GError **error)
{
    const char *name = call_string(call, 1);
    struct volume *volume;

    if (!object_check_active(call->object, error)) {
        return false;
    }
    volume = pool_find(pool_of(call->object), name);
    return volume != NULL ? call_reply(call, "(@(sss))", volume_pack(pool_of(call->object), volume))
                          : fault_set(error, FAULT_NO_STORAGE_VOL,
                                      "no storage vol with matching name '%s'", name);
}

/* By key and by path: over all active pools. */
bool volume_lookup_by_key(struct call *call, GError **error)
{
    g_autoptr(GPtrArray) all = objects_all(call->host->objects[OBJECT_POOL]);
    bool by_key = proc_id(call->proc) == PROC_STORAGE_VOL_LOOKUP_BY_KEY;
    const char *wanted = call_string(call, 0);

    for (unsigned i = 0; i < all->len && call->reply == NULL; i++) {
        struct pool *pool = all->pdata[i];

        object_lock(&pool->object);
        for (unsigned n = 0; n < pool->volumes->len && pool->object.active; n++) {
            struct volume *volume = pool->volumes->pdata[n];

            if (strcmp(by_key ? volume->key : volume->path, wanted) == 0) {
                call_reply(call, "(@(sss))", volume_pack(pool, volume));
            }
        }
        object_unlock(&pool->object);
    }
    return call->reply != NULL ||
           fault_set(error, FAULT_NO_STORAGE_VOL, "no storage vol with matching %s '%s'",
                     by_key ? "key" : "path", wanted);
}

bool volume_get_pool(struct call *call, GError **error)
{
    const char *name;
    g_autoptr(GVariant) volume = g_variant_get_child_value(call->args, 0);

    g_variant_get_child(volume, 0, "&s", &name);
    g_autoptr(object_held) pool = objects_find_name(call->host->objects[OBJECT_POOL], name);

    return pool != NULL ? call_reply_object(call, pool)
                        : object_missing(OBJECT_POOL, "name", name, error);
}

bool volume_get_info(struct call *call, GError **error)
{
    struct volume *volume;
    g_autoptr(object_held) pool = volume_target(call, 0, &volume, error);

    return pool != NULL && call_reply(call, "(ytt)", volume_type(volume), volume_capacity(volume),
                                      volume_allocation(volume));
}

bool volume_get_xml_desc(struct call *call, GError **error)
{
    struct volume *volume;
    g_autoptr(object_held) pool = volume_target(call, 0, &volume, error);
    g_autofree char *text = pool != NULL ? xml_format(volume->def) : NULL;

    return text != NULL && call_reply_string(call, text);
}

bool volume_get_path(struct call *call, GError **error)
{
    struct volume *volume;
    g_autoptr(object_held) pool = volume_target(call, 0, &volume, error);

    return pool != NULL && call_reply_string(call, volume->path);
}

/* storage_vol_create_xml and storage_vol_create_xml_from */
bool volume_create_xml(struct call *call, GError **error)
{
    struct pool *pool = pool_of(call->object);
    g_autoptr(xml_own) def = NULL;
    uint64_t allocation = 0;

    if (!object_check_active(call->object, error)) {
        return false;
    }
    def = named_parse(NAMED_VOLUME, call_string(call, 1), NULL, error);
    if (def == NULL) {
        return false;
    }
    if (call->host->pools != NULL) {
        struct volume *made = volume_work_make(call, g_steal_pointer(&def), error);

        return made != NULL && call_reply(call, "(@(sss))", volume_pack(pool, made));
    }
    if (pool_find(pool, named_name(def)) != NULL) {
        return fault_set_raw(error, FAULT_STORAGE_VOL_EXIST, "storage vol already exists");
    }
    if (proc_id(call->proc) == PROC_STORAGE_VOL_CREATE_XML_FROM) {
        const char *name;
        g_autoptr(GVariant) from = g_variant_get_child_value(call->args, 2);

        g_variant_get_child(from, 1, "&s", &name);
        if (pool_find(pool, name) == NULL) {
            return fault_set(error, FAULT_NO_STORAGE_VOL, "no storage vol with matching name '%s'",
                             name);
        }
    }
    (void)xml_number(xml_text_at(def, "allocation"), &allocation);
    if (allocation > pool->available) {
        return fault_set(error, FAULT_INTERNAL_ERROR,
                         "Not enough free space in pool for volume '%s'", named_name(def));
    }
    struct volume *volume = pool_add(pool, g_steal_pointer(&def));

    return call_reply(call, "(@(sss))", volume_pack(pool, volume));
}

bool volume_delete(struct call *call, GError **error)
{
    struct volume *volume;
    g_autoptr(object_held) pool = volume_target(call, 0, &volume, error);

    const struct pool_ops *ops = call->host->pools;

    if (pool == NULL) {
        return false;
    }
    if (volume->users > 0) {
        return fault_set(error, FAULT_OPERATION_INVALID, "volume '%s' is still in use.",
                         volume->name);
    }
    if (ops != NULL && !ops->volume_remove(volume->path, call->flags, error)) {
        return false;
    }
    pool_remove(pool_of(pool), volume);
    return ops == NULL || ops->measure(pool_of(pool), error);
}
