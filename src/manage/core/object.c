/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/core/object.h"

#include <string.h>

struct objects {
    GMutex lock;
    GPtrArray *all;      /* lock: referenced, in the order of their making */
    GHashTable *by_name; /* lock: name -> object; the key is the object's own */
    GHashTable *by_uuid; /* lock: uuid -> object; only those that have one */
};

static guint uuid_hash(gconstpointer key)
{
    guint hash;

    memcpy(&hash, key, sizeof(hash));
    return hash;
}

static gboolean uuid_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, UUID_BYTES) == 0;
}

static bool has_uuid(const struct object *object)
{
    static const uint8_t none[UUID_BYTES];

    return memcmp(object->uuid, none, UUID_BYTES) != 0;
}

void object_init(struct object *object, enum object_kind kind, struct host *host, const char *name,
                 const uint8_t *uuid, void (*free)(struct object *object))
{
    g_atomic_ref_count_init(&object->refs);
    g_mutex_init(&object->lock);
    object->kind = kind;
    object->host = host;
    object->free = free;
    object->name = g_strdup(name);
    if (uuid != NULL) {
        memcpy(object->uuid, uuid, UUID_BYTES);
    }
}

struct object *object_new(enum object_kind kind, struct host *host, const char *name,
                          const uint8_t *uuid, struct xml *def)
{
    struct object *object = g_new0(struct object, 1);

    object_init(object, kind, host, name, uuid, NULL);
    object->def = def;
    return object;
}

struct object *object_ref(struct object *object)
{
    g_atomic_ref_count_inc(&object->refs);
    return object;
}

void object_unref(struct object *object)
{
    if (object == NULL || !g_atomic_ref_count_dec(&object->refs)) {
        return;
    }
    if (object->free != NULL) {
        object->free(object);
    }
    xml_free(object->def);
    xml_free(object->next_def);
    g_free(object->name);
    g_mutex_clear(&object->lock);
    g_free(object);
}

void object_lock(struct object *object)
{
    g_mutex_lock(&object->lock);
}

void object_unlock(struct object *object)
{
    g_mutex_unlock(&object->lock);
}

void object_release(struct object *object)
{
    if (object != NULL) {
        g_mutex_unlock(&object->lock);
        object_unref(object);
    }
}

struct objects *objects_new(void)
{
    struct objects *objects = g_new0(struct objects, 1);

    g_mutex_init(&objects->lock);
    objects->all = g_ptr_array_new_with_free_func((GDestroyNotify)object_unref);
    objects->by_name = g_hash_table_new(g_str_hash, g_str_equal);
    objects->by_uuid = g_hash_table_new(uuid_hash, uuid_equal);
    return objects;
}

void objects_free(struct objects *objects)
{
    g_hash_table_unref(objects->by_name);
    g_hash_table_unref(objects->by_uuid);
    g_ptr_array_unref(objects->all);
    g_mutex_clear(&objects->lock);
    g_free(objects);
}

bool objects_add(struct objects *objects, struct object *object)
{
    g_mutex_lock(&objects->lock);
    bool taken = g_hash_table_contains(objects->by_name, object->name) ||
                 g_hash_table_contains(objects->by_uuid, object->uuid);

    if (!taken) {
        g_ptr_array_add(objects->all, object_ref(object));
        g_hash_table_insert(objects->by_name, object->name, object);
        if (has_uuid(object)) {
            g_hash_table_insert(objects->by_uuid, object->uuid, object);
        }
    }
    g_mutex_unlock(&objects->lock);
    return !taken;
}

void objects_remove(struct objects *objects, struct object *object)
{
    object->gone = true;
    g_mutex_lock(&objects->lock);
    if (g_hash_table_lookup(objects->by_name, object->name) == object) {
        g_hash_table_remove(objects->by_name, object->name);
        g_hash_table_remove(objects->by_uuid, object->uuid);
        g_ptr_array_remove(objects->all, object);
    }
    g_mutex_unlock(&objects->lock);
}

bool objects_rename(struct objects *objects, struct object *object, const char *name)
{
    g_mutex_lock(&objects->lock);
    bool taken = g_hash_table_contains(objects->by_name, name);

    if (!taken) {
        g_hash_table_remove(objects->by_name, object->name);
        g_free(object->name);
        object->name = g_strdup(name);
        g_hash_table_insert(objects->by_name, object->name, object);
    }
    g_mutex_unlock(&objects->lock);
    return !taken;
}

/* Locked without the table's lock; one that went meanwhile is as good as not found. */
static struct object *hold(struct object *object)
{
    if (object == NULL) {
        return NULL;
    }
    object_lock(object);
    if (object->gone) {
        object_release(object);
        return NULL;
    }
    return object;
}

static struct object *look_up(struct objects *objects, GHashTable *table, const void *key)
{
    g_mutex_lock(&objects->lock);
    struct object *object = g_hash_table_lookup(table, key);

    if (object != NULL) {
        object_ref(object);
    }
    g_mutex_unlock(&objects->lock);
    return object;
}

struct object *objects_find_name(struct objects *objects, const char *name)
{
    return hold(look_up(objects, objects->by_name, name));
}

struct object *objects_find_uuid(struct objects *objects, const uint8_t uuid[UUID_BYTES])
{
    return hold(look_up(objects, objects->by_uuid, uuid));
}

struct object *objects_try_uuid(struct objects *objects, const uint8_t uuid[UUID_BYTES],
                                bool *ret_busy)
{
    struct object *object = look_up(objects, objects->by_uuid, uuid);

    if (object == NULL) {
        return NULL;
    }
    if (!g_mutex_trylock(&object->lock)) {
        object_unref(object);
        *ret_busy = true;
        return NULL;
    }
    if (object->gone) {
        object_release(object);
        return NULL;
    }
    return object;
}

GPtrArray *objects_all(struct objects *objects)
{
    GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)object_unref);

    g_mutex_lock(&objects->lock);
    for (unsigned i = 0; i < objects->all->len; i++) {
        g_ptr_array_add(all, object_ref(objects->all->pdata[i]));
    }
    g_mutex_unlock(&objects->lock);
    return all;
}
