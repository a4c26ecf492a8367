/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <viv/storage.h>
#include <viv/stream.h>

#include "manage/lib/internal.h"

struct viv_volume {
    struct viv_connection *connection; /* referenced */
    GVariant *wire;                    /* as it travels: pool, name, key */
    const char *pool, *name, *key;     /* in it */
};

static struct viv_volume *volume_new(struct viv_connection *connection, GVariant *wire)
{
    struct viv_volume *volume = g_new0(struct viv_volume, 1);

    volume->connection = lib_connection_ref(connection);
    volume->wire = g_variant_ref(wire);
    (void)g_variant_get_data(wire); /* in one piece: its children's memory is its own */
    g_variant_get(volume->wire, "(&s&s&s)", &volume->pool, &volume->name, &volume->key);
    return volume;
}

VIV_PUBLIC void viv_volume_free(struct viv_volume *volume)
{
    if (volume != NULL) {
        g_variant_unref(volume->wire);
        lib_connection_unref(volume->connection);
        g_free(volume);
    }
}

VIV_PUBLIC int viv_pool_info(struct viv_object *pool, struct viv_pool_info *ret_info,
                             struct viv_error **ret_error)
{
    enum proc_id id = PROC_STORAGE_POOL_GET_INFO;

    if (!lib_object_is(pool, VIV_POOL, ret_error)) {
        return -1;
    }
    g_autoptr(GVariant) reply =
        lib_connection_ask(pool->connection, id, lib_object_args(pool, id, 0), ret_error);
    guchar state;
    guint64 capacity, allocation, available;

    if (reply == NULL) {
        return -1;
    }
    g_variant_get(reply, "(yttt)", &state, &capacity, &allocation, &available);
    *ret_info = (struct viv_pool_info){state, capacity, allocation, available};
    return 0;
}

static int act(struct viv_object *pool, enum proc_id id, unsigned flags,
               struct viv_error **ret_error)
{
    return lib_object_is(pool, VIV_POOL, ret_error)
               ? lib_connection_do(pool->connection, id, lib_object_args(pool, id, flags),
                                   ret_error)
               : -1;
}

VIV_PUBLIC int viv_pool_refresh(struct viv_object *pool, unsigned flags,
                                struct viv_error **ret_error)
{
    return act(pool, PROC_STORAGE_POOL_REFRESH, flags, ret_error);
}

VIV_PUBLIC int viv_pool_build(struct viv_object *pool, unsigned flags, struct viv_error **ret_error)
{
    return act(pool, PROC_STORAGE_POOL_BUILD, flags, ret_error);
}

VIV_PUBLIC int viv_pool_delete(struct viv_object *pool, unsigned flags,
                               struct viv_error **ret_error)
{
    return act(pool, PROC_STORAGE_POOL_DELETE, flags, ret_error);
}

VIV_PUBLIC struct viv_volume **viv_volumes(struct viv_object *pool, size_t *ret_n,
                                           struct viv_error **ret_error)
{
    if (!lib_object_is(pool, VIV_POOL, ret_error)) {
        return NULL;
    }
    g_autoptr(GVariant) reply =
        lib_connection_ask(pool->connection, PROC_STORAGE_POOL_LIST_ALL_VOLUMES,
                           g_variant_new("(@*iu)", pool->wire, 1, 0), ret_error);

    if (reply == NULL) {
        return NULL;
    }
    g_autoptr(GVariant) list = g_variant_get_child_value(reply, 0);
    gsize n = g_variant_n_children(list);
    struct viv_volume **volumes = g_new0(struct viv_volume *, n + 1);

    for (gsize i = 0; i < n; i++) {
        g_autoptr(GVariant) wire = g_variant_get_child_value(list, i);

        volumes[i] = volume_new(pool->connection, wire);
    }
    if (ret_n != NULL) {
        *ret_n = n;
    }
    return volumes;
}

VIV_PUBLIC void viv_volumes_free(struct viv_volume **volumes)
{
    for (struct viv_volume **v = volumes; v != NULL && *v != NULL; v++) {
        viv_volume_free(*v);
    }
    g_free(volumes);
}

static struct viv_volume *ask_volume(struct viv_connection *connection, enum proc_id id,
                                     GVariant *args, struct viv_error **ret_error)
{
    g_autoptr(GVariant) reply = lib_connection_ask(connection, id, args, ret_error);

    if (reply == NULL) {
        return NULL;
    }
    g_autoptr(GVariant) wire = g_variant_get_child_value(reply, 0);

    return volume_new(connection, wire);
}

VIV_PUBLIC struct viv_volume *viv_find_volume(struct viv_object *pool, const char *name,
                                              struct viv_error **ret_error)
{
    return lib_object_is(pool, VIV_POOL, ret_error)
               ? ask_volume(pool->connection, PROC_STORAGE_VOL_LOOKUP_BY_NAME,
                            g_variant_new("(@*s)", pool->wire, name), ret_error)
               : NULL;
}

VIV_PUBLIC struct viv_volume *viv_find_volume_key(struct viv_connection *connection,
                                                  const char *key, struct viv_error **ret_error)
{
    return ask_volume(connection, PROC_STORAGE_VOL_LOOKUP_BY_KEY, g_variant_new("(s)", key),
                      ret_error);
}

VIV_PUBLIC struct viv_volume *viv_find_volume_path(struct viv_connection *connection,
                                                   const char *path, struct viv_error **ret_error)
{
    return ask_volume(connection, PROC_STORAGE_VOL_LOOKUP_BY_PATH, g_variant_new("(s)", path),
                      ret_error);
}

VIV_PUBLIC struct viv_volume *viv_volume_create(struct viv_object *pool, const char *xml,
                                                unsigned flags, struct viv_error **ret_error)
{
    return lib_object_is(pool, VIV_POOL, ret_error)
               ? ask_volume(pool->connection, PROC_STORAGE_VOL_CREATE_XML,
                            g_variant_new("(@*su)", pool->wire, xml, flags), ret_error)
               : NULL;
}

VIV_PUBLIC const char *viv_volume_name(const struct viv_volume *volume)
{
    return volume->name;
}

VIV_PUBLIC const char *viv_volume_key(const struct viv_volume *volume)
{
    return volume->key;
}

VIV_PUBLIC const char *viv_volume_pool(const struct viv_volume *volume)
{
    return volume->pool;
}

VIV_PUBLIC char *viv_volume_path(struct viv_volume *volume, struct viv_error **ret_error)
{
    return lib_connection_ask_text(volume->connection, PROC_STORAGE_VOL_GET_PATH,
                                   g_variant_new("(@*)", volume->wire), ret_error);
}

VIV_PUBLIC char *viv_volume_xml(struct viv_volume *volume, struct viv_error **ret_error)
{
    return lib_connection_ask_text(volume->connection, PROC_STORAGE_VOL_GET_XML_DESC,
                                   g_variant_new("(@*u)", volume->wire, 0), ret_error);
}

VIV_PUBLIC int viv_volume_info(struct viv_volume *volume, struct viv_volume_info *ret_info,
                               struct viv_error **ret_error)
{
    g_autoptr(GVariant) reply = lib_connection_ask(volume->connection, PROC_STORAGE_VOL_GET_INFO,
                                                   g_variant_new("(@*)", volume->wire), ret_error);
    guchar type;
    guint64 capacity, allocation;

    if (reply == NULL) {
        return -1;
    }
    g_variant_get(reply, "(ytt)", &type, &capacity, &allocation);
    *ret_info = (struct viv_volume_info){type, capacity, allocation};
    return 0;
}

VIV_PUBLIC int viv_volume_delete(struct viv_volume *volume, unsigned flags,
                                 struct viv_error **ret_error)
{
    return lib_connection_do(volume->connection, PROC_STORAGE_VOL_DELETE,
                             g_variant_new("(@*u)", volume->wire, flags), ret_error);
}

VIV_PUBLIC int viv_volume_resize(struct viv_volume *volume, uint64_t capacity, unsigned flags,
                                 struct viv_error **ret_error)
{
    return lib_connection_do(volume->connection, PROC_STORAGE_VOL_RESIZE,
                             g_variant_new("(@*tu)", volume->wire, (guint64)capacity, flags),
                             ret_error);
}

VIV_PUBLIC struct viv_object *viv_volume_home(struct viv_volume *volume,
                                              struct viv_error **ret_error)
{
    g_autoptr(GVariant) reply =
        lib_connection_ask(volume->connection, PROC_STORAGE_POOL_LOOKUP_BY_VOLUME,
                           g_variant_new("(@*)", volume->wire), ret_error);

    if (reply == NULL) {
        return NULL;
    }
    g_autoptr(GVariant) wire = g_variant_get_child_value(reply, 0);

    return lib_object_new(volume->connection, VIV_POOL, wire);
}

VIV_PUBLIC struct viv_volume *viv_volume_copy(struct viv_object *pool, const char *xml,
                                              struct viv_volume *from, unsigned flags,
                                              struct viv_error **ret_error)
{
    return lib_object_is(pool, VIV_POOL, ret_error)
               ? ask_volume(pool->connection, PROC_STORAGE_VOL_CREATE_XML_FROM,
                            g_variant_new("(@*s@*u)", pool->wire, xml, from->wire, flags),
                            ret_error)
               : NULL;
}

VIV_PUBLIC int viv_volume_wipe(struct viv_volume *volume, unsigned algorithm,
                               struct viv_error **ret_error)
{
    return algorithm == 0
               ? lib_connection_do(volume->connection, PROC_STORAGE_VOL_WIPE,
                                   g_variant_new("(@*u)", volume->wire, 0), ret_error)
               : lib_connection_do(volume->connection, PROC_STORAGE_VOL_WIPE_PATTERN,
                                   g_variant_new("(@*uu)", volume->wire, algorithm, 0), ret_error);
}

VIV_PUBLIC char *viv_pool_sources(struct viv_connection *connection, const char *type,
                                  const char *xml, struct viv_error **ret_error)
{
    return lib_connection_ask_text(connection, PROC_CONNECT_FIND_STORAGE_POOL_SOURCES,
                                   g_variant_new("(smsu)", type, xml, 0), ret_error);
}

VIV_PUBLIC char *viv_pool_capabilities(struct viv_connection *connection,
                                       struct viv_error **ret_error)
{
    return lib_connection_ask_text(connection, PROC_CONNECT_GET_STORAGE_POOL_CAPABILITIES,
                                   g_variant_new("(u)", 0), ret_error);
}

static struct viv_stream *transfer(struct viv_volume *volume, enum proc_id id, uint64_t offset,
                                   uint64_t length, unsigned flags, struct viv_error **ret_error)
{
    return lib_stream_open(
        volume->connection, id,
        g_variant_new("(@*ttu)", volume->wire, (guint64)offset, (guint64)length, flags), NULL,
        ret_error);
}

VIV_PUBLIC struct viv_stream *viv_volume_upload(struct viv_volume *volume, uint64_t offset,
                                                uint64_t length, unsigned flags,
                                                struct viv_error **ret_error)
{
    return transfer(volume, PROC_STORAGE_VOL_UPLOAD, offset, length, flags, ret_error);
}

VIV_PUBLIC struct viv_stream *viv_volume_download(struct viv_volume *volume, uint64_t offset,
                                                  uint64_t length, unsigned flags,
                                                  struct viv_error **ret_error)
{
    return transfer(volume, PROC_STORAGE_VOL_DOWNLOAD, offset, length, flags, ret_error);
}
