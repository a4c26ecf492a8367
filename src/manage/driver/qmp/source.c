/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/driver/qmp/source.h"

#include "manage/conf/fault.h"
#include "manage/core/domain.h"
#include "manage/core/object-kind.h"
#include "manage/core/storage/pool.h"

static bool is_volume(const struct xml *disk)
{
    return xml_is(disk, "type", "volume");
}

bool source_is_empty(const struct xml *disk)
{
    const struct xml *source = xml_find(disk, "source");

    return xml_get(source, is_volume(disk)                 ? "volume"
                           : xml_is(disk, "type", "block") ? "dev"
                                                           : "file") == NULL;
}

/* The pool is held. */
static bool use_volume(struct xml *disk, struct object *object, GError **error)
{
    struct xml *source = xml_find(disk, "source");
    const char *name = xml_get(source, "volume");
    static const char *const types[] = {"file", "block", "dir"};
    const struct volume *volume;
    const char *type;

    if (!object->active) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "storage pool '%s' containing volume '%s' is not active", object->name,
                         name);
    }
    if ((volume = pool_find(pool_of(object), name)) == NULL) {
        return fault_set(error, FAULT_NO_STORAGE_VOL, "no storage vol with matching name '%s'",
                         name);
    }
    if (xml_get(source, "mode") != NULL) {
        return fault_set(error, FAULT_XML_ERROR,
                         "disk source mode is only valid when storage pool is of iscsi type");
    }
    xml_default(xml_need(disk, "driver"), "type", "raw");
    type = types[volume_type(volume)];
    xml_set(disk, "type", type);
    xml_set(source, volume_type(volume) == 1 ? "dev" : type, volume->path);
    xml_set(source, "pool", NULL);
    xml_set(source, "volume", NULL);
    return true;
}

bool source_translate(struct host *host, struct xml *disk, GError **error)
{
    const char *name = xml_get(xml_find(disk, "source"), "pool");

    if (!is_volume(disk)) {
        return true;
    }
    if (source_is_empty(disk) || name == NULL) {
        xml_set(disk, "type", "file");
        return true;
    }
    g_autoptr(object_held) pool = objects_find_name(host->objects[OBJECT_POOL], name);

    return pool != NULL ? use_volume(disk, pool, error)
                        : object_missing(OBJECT_POOL, "name", name, error);
}

bool source_any_volume(const struct xml *root)
{
    const struct xml *devices = xml_find(root, "devices");
    const struct xml *disk = xml_find(devices, "disk");

    while (disk != NULL && !is_volume(disk)) {
        disk = xml_next(devices, "disk", disk);
    }
    return disk != NULL;
}

void source_note(struct xml *root)
{
    struct xml *devices = xml_find(root, "devices");

    for (struct xml *d = xml_find(devices, "disk"); d != NULL; d = xml_next(devices, "disk", d)) {
        if (is_volume(d) && !source_is_empty(d)) {
            xml_default(xml_need(d, "driver"), "type", "raw");
        }
    }
}

struct xml *source_translated(struct domain *domain, const struct xml *root, GError **error)
{
    g_autoptr(xml_own) copy = xml_copy(root);
    struct xml *devices = xml_find(copy, "devices");
    bool good = true;

    if (!source_any_volume(copy)) {
        return g_steal_pointer(&copy);
    }
    object_unlock(&domain->object);
    for (struct xml *d = xml_find(devices, "disk"); d != NULL && good;
         d = xml_next(devices, "disk", d)) {
        good = source_translate(domain->object.host, d, error) || error == NULL;
    }
    object_lock(&domain->object);
    return good ? g_steal_pointer(&copy) : NULL;
}
