/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/core/storage/pool.h"

#include "manage/conf/named.h"

#include <string.h>

static void volume_free(struct volume *volume)
{
    g_free(volume->name);
    g_free(volume->key);
    g_free(volume->path);
    xml_free(volume->def);
    g_free(volume);
}

static void clear(struct object *object)
{
    g_ptr_array_unref(pool_of(object)->volumes);
}

struct pool *pool_new(struct host *host, const char *name, const uint8_t uuid[UUID_BYTES],
                      struct xml *def)
{
    struct pool *pool = g_new0(struct pool, 1);

    object_init(&pool->object, OBJECT_POOL, host, name, uuid, clear);
    pool->object.def = def;
    pool->volumes = g_ptr_array_new_with_free_func((GDestroyNotify)volume_free);
    return pool;
}

struct volume *pool_find(struct pool *pool, const char *name)
{
    for (unsigned i = 0; i < pool->volumes->len; i++) {
        struct volume *volume = pool->volumes->pdata[i];

        if (strcmp(volume->name, name) == 0) {
            return volume;
        }
    }
    return NULL;
}

static uint64_t size(const struct volume *volume, const char *child)
{
    uint64_t value = 0;

    (void)xml_number(xml_text_at(volume->def, child), &value);
    return value;
}

uint64_t volume_capacity(const struct volume *volume)
{
    return size(volume, "capacity");
}

uint64_t volume_allocation(const struct volume *volume)
{
    return size(volume, "allocation");
}

uint64_t volume_physical(const struct volume *volume)
{
    return size(volume, "physical");
}

const char *volume_format(const struct volume *volume)
{
    const char *format = xml_get(xml_at(volume->def, "target/format"), "type");

    return format != NULL ? format : "raw";
}

int volume_type(const struct volume *volume)
{
    return xml_is(volume->def, "type", "dir") ? 2 : xml_is(volume->def, "type", "block") ? 1 : 0;
}

static void count(struct pool *pool, uint64_t bytes)
{
    pool->allocation += bytes;
    pool->available = pool->capacity - pool->allocation;
}

struct volume *pool_add(struct pool *pool, struct xml *def)
{
    struct volume *volume = g_new0(struct volume, 1);
    const char *folder = xml_text_at(pool->object.def, "target/path");
    struct xml *target = xml_find(def, "target");
    struct xml *path;

    volume->def = def;
    volume->name = g_strdup(named_name(def));
    volume->path = g_strdup_printf("%s/%s", folder != NULL ? folder : "", volume->name);
    volume->key = g_strdup(volume->path);
    named_set(NAMED_VOLUME, def, "key", volume->key);
    if (target == NULL) {
        target = named_set(NAMED_VOLUME, def, "target", "");
        xml_set_text(target, NULL);
    }
    xml_drop(xml_find(target, "path"));
    path = xml_insert(target, 0, xml_new("path"));
    xml_set_text(path, volume->path);
    if (xml_find(target, "format") == NULL) {
        xml_set(xml_append(target, xml_new("format")), "type", "raw");
    }
    g_ptr_array_add(pool->volumes, volume);
    count(pool, volume_allocation(volume));
    return volume;
}

struct volume *pool_put(struct pool *pool, const char *path, struct xml *def)
{
    struct volume *volume = pool_find(pool, named_name(def));

    if (volume == NULL) {
        volume = g_new0(struct volume, 1);
        volume->name = g_strdup(named_name(def));
        volume->path = g_strdup(path);
        volume->key = g_strdup(path);
        g_ptr_array_add(pool->volumes, volume);
    }
    xml_free(volume->def);
    volume->def = def;
    return volume;
}

void pool_remove(struct pool *pool, struct volume *volume)
{
    count(pool, -volume_allocation(volume));
    g_ptr_array_remove(pool->volumes, volume);
}

GVariant *volume_pack(const struct pool *pool, const struct volume *volume)
{
    return g_variant_new("(sss)", pool->object.name, volume->name, volume->key);
}
