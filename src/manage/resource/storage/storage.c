/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Definitions of pools on disk: one file a pool, named by its UUID, a line with the format's number
 * first. And the tables through which the core reaches pools that are real.
 */
#include "manage/resource/storage/storage.h"

#include "manage/conf/fault.h"
#include "manage/conf/named.h"
#include "manage/core/durable.h"
#include "manage/core/host.h"
#include "manage/resource/storage/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HEADER    "<!-- vivarium pool 1 -->\n"
#define AUTOSTART "<!-- autostart -->\n"
/* Where virt-install puts kernels, in a pool `boot-scratch` that it makes when it needs one. */
#define SCRATCH "/var/lib/libvirt/boot"

static const char *config_of(struct host *host)
{
    return host->resource_state[OBJECT_POOL];
}

static void file_name(const struct object *object, char name[UUID_TEXT + 4])
{
    uuid_format(object->uuid, name);
    strcat(name, ".xml");
}

static bool store(struct object *object, const struct xml *def, GError **error)
{
    g_autofree char *xml = xml_format(def);
    g_autofree char *text = g_strconcat(HEADER, object->autostart ? AUTOSTART : "", xml, NULL);
    char name[UUID_TEXT + 4];

    file_name(object, name);
    return durable_write(config_of(object->host), name, text, error);
}

static bool drop(struct object *object, GError **error)
{
    char name[UUID_TEXT + 4];

    file_name(object, name);
    return !object->persistent || durable_remove(config_of(object->host), name, error);
}

/* Two pools of one folder would each think its volumes their own. */
static bool check_conflict(struct host *host, const char *path, const uint8_t uuid[UUID_BYTES],
                           GError **error)
{
    g_autoptr(GPtrArray) all = objects_all(host->objects[OBJECT_POOL]);

    for (unsigned i = 0; i < all->len; i++) {
        struct object *other = all->pdata[i];

        if (memcmp(other->uuid, uuid, UUID_BYTES) == 0) {
            continue;
        }
        object_lock(other);
        bool same = !other->gone && g_strcmp0(xml_text_at(other->def, "target/path"), path) == 0 &&
                    fault_set(error, FAULT_OPERATION_FAILED,
                              "Storage source conflict with pool: '%s'", other->name) == false;

        object_unlock(other);
        if (same) {
            return false;
        }
    }
    return true;
}

/* Kinds that nobody here makes real, by libvirt's numbers: a libvirtd without their modules says
 * the same. */
static bool check_backend(const char *type, GError **error)
{
    static const struct {
        const char *type;
        int number;
    } none[] = {{"iscsi-direct", 6}, {"rbd", 9},  {"sheepdog", 10},
                {"gluster", 11},     {"zfs", 12}, {"vstorage", 13}};

    for (unsigned i = 0; i < G_N_ELEMENTS(none); i++) {
        if (strcmp(type, none[i].type) == 0) {
            return fault_set(error, FAULT_INTERNAL_ERROR, "missing backend for pool type %d (%s)",
                             none[i].number, type);
        }
    }
    return true;
}

static bool complete(struct host *host, struct xml *def, const uint8_t uuid[UUID_BYTES],
                     GError **error)
{
    const char *path = xml_text_at(def, "target/path");

    if (!check_backend(xml_get(def, "type"), error)) {
        return false;
    }
    if (strchr(named_name(def), '\n') != NULL) {
        return fault_set(error, FAULT_XML_DETAIL, "invalid char in name: \n");
    }
    return path == NULL || check_conflict(host, path, uuid, error);
}

static void close_state(struct host *host)
{
    g_free(host->resource_state[OBJECT_POOL]);
}

static const struct resource_ops pool_resource = {
    .complete = complete,
    .store = store,
    .drop = drop,
    .start = folder_start,
    .stop = folder_stop,
    .refresh = folder_refresh,
    .close = close_state,
};

static const struct pool_ops pools = {
    .build = folder_build,
    .remove = folder_remove,
    .place = folder_place,
    .measure = folder_measure,
    .volume_make = make_volume,
    .volume_remove = make_removed,
    .volume_resize = make_resized,
    .volume_wipe = make_wiped,
    .volume_look = look_volume,
    .volume_open = volume_stream_open,
};

static void start_own(struct object *object)
{
    g_autoptr(GError) error = NULL;

    object->active = folder_start(object, &error);
    if (!object->active) {
        fprintf(stderr, "vivd: storage pool '%s' not started: %s\n", object->name, error->message);
    }
}

/* A pool of this definition, persistent, in the table; NULL with *error set. */
static struct object *add(struct host *host, const char *xml, bool autostart, GError **error)
{
    uint8_t uuid[UUID_BYTES];
    g_autoptr(xml_own) def = named_parse(NAMED_POOL, xml, uuid, error);
    struct object *object;

    if (def == NULL || !complete(host, def, uuid, error)) {
        return NULL;
    }
    object = &pool_new(host, named_name(def), uuid, def)->object;
    def = NULL;
    object->persistent = true;
    object->autostart = autostart;
    if (!objects_add(host->objects[OBJECT_POOL], object)) {
        fault_set(error, FAULT_OPERATION_FAILED, "pool '%s' is there already", object->name);
        object_unref(object);
        return NULL;
    }
    return object;
}

static bool load_one(struct host *host, const char *name, GError **error)
{
    g_autofree char *path = g_build_filename(config_of(host), name, NULL);
    g_autofree char *text = NULL;
    const char *xml;
    struct object *object;

    if (!g_file_get_contents(path, &text, NULL, error)) {
        return false;
    }
    if (!g_str_has_prefix(text, HEADER)) {
        return fault_set(error, FAULT_INTERNAL_ERROR,
                         "the format of '%s' is not that of this version", path);
    }
    xml = text + strlen(HEADER);
    bool autostart = g_str_has_prefix(xml, AUTOSTART);

    object = add(host, xml + (autostart ? strlen(AUTOSTART) : 0), autostart, error);
    if (object != NULL && autostart) {
        start_own(object);
    }
    object_unref(object);
    return object != NULL;
}

static void load(struct host *host)
{
    g_autoptr(GDir) dir = g_dir_open(config_of(host), 0, NULL);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autoptr(GError) error = NULL;

        if (g_str_has_suffix(name, ".xml") && !load_one(host, name, &error)) {
            fprintf(stderr, "vivd: definition %s left alone: %s\n", name, error->message);
        }
    }
}

static void make_default(struct host *host, const char *images)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *xml = g_markup_printf_escaped(
        "<pool type='dir'><name>default</name><target><path>%s</path></target></pool>", images);
    struct object *object = add(host, xml, true, &error);

    if (object != NULL && store(object, object->def, &error) &&
        folder_build(pool_of(object), 0, &error)) {
        start_own(object);
    }
    if (error != NULL) {
        fprintf(stderr, "vivd: no storage pool 'default': %s\n", error->message);
    }
    object_unref(object);
}

bool storage_fill(struct host *host, GError **error)
{
    bool session =
        g_str_has_suffix(host->uri, "/session") || strstr(host->uri, "/session?") != NULL;
    g_autofree char *config =
        session ? g_build_filename(g_get_user_config_dir(), "vivarium", "storage", NULL)
                : g_strdup("/var/lib/vivarium/storage");
    g_autofree char *images =
        session ? g_build_filename(g_get_user_data_dir(), "vivarium", "images", NULL)
                : g_strdup("/var/lib/vivarium/images");
    bool fresh = !g_file_test(config, G_FILE_TEST_IS_DIR);

    if (g_mkdir_with_parents(config, 0700) != 0) {
        return fault_set_errno(error, errno, "cannot make the directory '%s'", config);
    }
    host->resource_state[OBJECT_POOL] = g_steal_pointer(&config);
    host->resource[OBJECT_POOL] = &pool_resource;
    host->pools = &pools;
    if (fresh) {
        make_default(host, images);
        if (!session && g_mkdir_with_parents(SCRATCH, 0711) != 0) {
            fprintf(stderr, "vivd: cannot make '%s': %s\n", SCRATCH, g_strerror(errno));
        }
    } else {
        load(host);
    }
    return true;
}
