/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A pool that is a folder: made, looked through, measured, removed. */
#include "manage/conf/fault.h"
#include "manage/conf/named.h"
#include "manage/resource/storage/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MAX_VOLUMES 16384 /* what one reply of libvirt's protocol lists */

static const char *path_of(const struct pool *pool)
{
    return xml_text_at(pool->object.def, "target/path");
}

static bool check_type(const struct pool *pool, GError **error)
{
    const char *type = xml_get(pool->object.def, "type");

    return strcmp(type, "dir") == 0 ||
           fault_set(error, FAULT_NO_SUPPORT, "storage pools of type '%s' are not built yet", type);
}

static void set_figure(struct xml *def, const char *name, uint64_t bytes)
{
    g_autofree char *text = g_strdup_printf("%" PRIu64, bytes);

    named_set(NAMED_POOL, def, name, text);
}

bool folder_measure(struct pool *pool, GError **error)
{
    struct xml *target = xml_find(pool->object.def, "target");
    struct statvfs fs;
    struct stat st;

    if (statvfs(path_of(pool), &fs) != 0 || stat(path_of(pool), &st) != 0) {
        return fault_set_errno(error, errno, "cannot statvfs path '%s'", path_of(pool));
    }
    pool->capacity = (uint64_t)fs.f_frsize * fs.f_blocks;
    pool->available = (uint64_t)fs.f_bavail * fs.f_frsize;
    pool->allocation = pool->capacity - pool->available;
    set_figure(pool->object.def, "capacity", pool->capacity);
    set_figure(pool->object.def, "allocation", pool->allocation);
    set_figure(pool->object.def, "available", pool->available);
    xml_drop(xml_find(target, "permissions"));
    look_permissions(target, &st);
    return true;
}

static bool has_control(const char *name)
{
    for (; *name != '\0'; name++) {
        if ((unsigned char)*name < ' ' || *name == 0x7f) {
            return true;
        }
    }
    return false;
}

/* An entry of the folder; what cannot be read just now is left out, as if it were not there. */
static void look_at(struct pool *pool, const char *name)
{
    g_autofree char *path = NULL;
    g_autoptr(GError) error = NULL;
    struct xml *def;

    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || has_control(name) ||
        !g_utf8_validate(name, -1, NULL)) {
        return;
    }
    path = g_build_filename(path_of(pool), name, NULL);
    def = look_volume(path, &error);
    if (def != NULL) {
        pool_put(pool, path, def);
    }
}

bool folder_refresh(struct object *object, GError **error)
{
    struct pool *pool = pool_of(object);
    DIR *dir;
    struct dirent *entry;

    if (!check_type(pool, error)) {
        return false;
    }
    dir = opendir(path_of(pool));
    if (dir == NULL) {
        return fault_set_errno(error, errno, "cannot open directory '%s'", path_of(pool));
    }
    g_ptr_array_set_size(pool->volumes, 0);
    while (pool->volumes->len < MAX_VOLUMES && (entry = readdir(dir)) != NULL) {
        look_at(pool, entry->d_name);
    }
    closedir(dir);
    return folder_measure(pool, error);
}

bool folder_start(struct object *object, GError **error)
{
    return folder_refresh(object, error);
}

bool folder_stop(struct object *object, GError **error)
{
    g_ptr_array_set_size(pool_of(object)->volumes, 0);
    return true;
}

/* The mode that the definition asks for, or the usual one. */
static unsigned mode_of(const struct pool *pool)
{
    const char *text = xml_text_at(pool->object.def, "target/permissions/mode");
    guint64 mode;

    return text != NULL && g_ascii_string_to_unsigned(text, 8, 0, 07777, &mode, NULL)
               ? (unsigned)mode
               : 0711;
}

bool folder_build(struct pool *pool, unsigned flags, GError **error)
{
    const char *path = path_of(pool);
    struct stat st;

    if ((flags & POOL_OVERWRITE) != 0 && (flags & POOL_NO_OVERWRITE) != 0) {
        return fault_set(error, FAULT_INVALID_ARG,
                         "Flags 'VIR_STORAGE_POOL_BUILD_OVERWRITE' and "
                         "'VIR_STORAGE_POOL_BUILD_NO_OVERWRITE' are "
                         "mutually exclusive");
    }
    if (!check_type(pool, error)) {
        return false;
    }
    if (stat(path, &st) == 0) {
        if (!S_ISDIR(st.st_mode)) {
            return fault_set_errno(error, EEXIST, "failed to create directory '%s'", path);
        }
    } else if (g_mkdir_with_parents(path, 0755) != 0 || chmod(path, mode_of(pool)) != 0) {
        return fault_set_errno(error, errno, "failed to create directory '%s'", path);
    }
    /* Either flag asks for a file system on a device, which a folder has not: libvirt's answer. */
    return flags == 0 ||
           fault_set(error, FAULT_OPERATION_INVALID,
                     "No source device specified when formatting pool '%s'", pool->object.name);
}

bool folder_remove(struct pool *pool, unsigned flags, GError **error)
{
    return check_type(pool, error) &&
           (rmdir(path_of(pool)) == 0 ||
            fault_set_errno(error, errno, "failed to remove pool '%s'", path_of(pool)));
}

char *folder_place(struct pool *pool, const struct xml *def, GError **error)
{
    g_autofree char *path = g_strdup_printf("%s/%s", path_of(pool), named_name(def));
    struct stat st;

    if (lstat(path, &st) == 0) {
        fault_set(error, FAULT_OPERATION_INVALID, "volume target path '%s' already exists", path);
        return NULL;
    }
    return g_steal_pointer(&path);
}
