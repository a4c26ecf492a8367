/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/driver/qmp/moment/image-disk.h"

#include "block/driver.h"
#include "manage/conf/fault.h"
#include "manage/core/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static bool failed(const char *what, const char *path, const GError *why, GError **error)
{
    return fault_set(error, FAULT_OPERATION_FAILED, "cannot %s '%s': %s", what, path,
                     why != NULL ? why->message : "unknown error");
}

static struct block_node *open_image(struct block_graph *graph, const char *path,
                                     const char *format, bool writable, GError **error)
{
    g_autoptr(GError) why = NULL;
    unsigned flags = writable ? BLOCK_O_RDWR | BLOCK_O_UNMAP : BLOCK_O_FORCE_SHARE;
    struct block_node *node =
        block_open_file(path, format, flags | BLOCK_O_NO_BACKING, NULL, graph, &why);

    if (node == NULL) {
        (void)failed("open", path, why, error);
    }
    return node;
}

static int64_t length_of(const char *path, const char *format, GError **error)
{
    g_autoptr(block_graph_own) graph = block_graph_new();
    g_autoptr(block_node_ref) node = open_image(graph, path, format, false, error);
    int64_t length = node != NULL ? block_length(node) : -1;

    if (node != NULL && length < 0) {
        fault_set_errno(error, (int)-length, "cannot tell the length of '%s'", path);
    }
    return length;
}

static bool write_qcow2(const char *path, const char *base, const char *format, int64_t length,
                        GError **error)
{
    g_autoptr(block_graph_own) graph = block_graph_new();
    g_autoptr(GError) why = NULL;
    json_object *options = json_object_new_object();
    const struct block_create create = {path, (uint64_t)length, options, graph};
    bool good;

    if (base != NULL) {
        json_object_object_add(options, "backing_file", json_object_new_string(base));
        json_object_object_add(options, "backing_fmt", json_object_new_string(format));
    }
    good = block_driver_find("qcow2")->create(&create, &why) >= 0 ||
           failed("create", path, why, error);
    json_object_put(options);
    return good;
}

bool image_disk_overlay(const char *path, const char *base, const char *format, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(path);
    int64_t length = length_of(base, format, error);
    bool good;
    int fd;

    if (length < 0) {
        return false;
    }
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return fault_set_errno(error, errno, "cannot create file '%s'", path);
    }
    good = write_qcow2(path, base, format, length, error) &&
           (fsync(fd) == 0 || fault_set_errno(error, errno, "cannot sync file '%s'", path)) &&
           durable_sync(folder, error);
    close(fd);
    if (!good) {
        unlink(path);
    }
    return good;
}

bool image_disk_like(const char *path, const char *format, const char *like,
                     const char *like_format, const char *base, const char *base_format,
                     GError **error)
{
    int64_t length = length_of(like, like_format, error);
    bool good;
    int fd;

    if (length < 0) {
        return false;
    }
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return fault_set_errno(error, errno, "failed to create copy target");
    }
    good = strcmp(format, "qcow2") == 0
               ? write_qcow2(path, base, base_format, length, error)
               : ftruncate(fd, length) == 0 ||
                     fault_set_errno(error, errno, "failed to create copy target");
    close(fd);
    if (!good) {
        unlink(path);
    }
    return good;
}

static int create(struct block_node *node, const char *name, GError **error)
{
    gint64 now = g_get_real_time();
    const struct block_snapshot snapshot = {
        .name = (char *)name,
        .date_sec = (uint32_t)(now / G_USEC_PER_SEC),
        .date_nsec = (uint32_t)(now % G_USEC_PER_SEC) * 1000,
    };

    return node->driver->snapshot_create(node, &snapshot, error);
}

static bool has(struct block_node *node, const char *name)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new();

    (void)node->driver->snapshot_list(node, list);
    for (unsigned i = 0; i < list->len; i++) {
        const struct block_snapshot *snapshot = list->pdata[i];

        if (g_strcmp0(snapshot->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static int act(struct block_node *node, enum image_disk_action action, const char *name,
               GError **error)
{
    switch (action) {
    case IMAGE_DISK_CREATE: return create(node, name, error);
    case IMAGE_DISK_APPLY: return node->driver->snapshot_apply(node, name, error);
    default: return has(node, name) ? node->driver->snapshot_delete(node, name, error) : 0;
    }
}

bool image_disk_snapshot(const char *path, enum image_disk_action action, const char *name,
                         GError **error)
{
    static const char *const words[] = {"make a snapshot in", "apply a snapshot in",
                                        "delete a snapshot in"};
    g_autoptr(block_graph_own) graph = block_graph_new();
    g_autoptr(GError) why = NULL;
    g_autoptr(block_node_ref) node = open_image(graph, path, "qcow2", true, error);

    if (node == NULL) {
        return false;
    }
    if (act(node, action, name, &why) < 0) {
        return failed(words[action], path, why, error);
    }
    return block_flush(node) >= 0 || failed("write", path, NULL, error);
}

char *image_disk_backing(const char *path, const char *format, char **ret_format)
{
    g_autoptr(block_graph_own) graph = block_graph_new();
    json_object *options = json_object_new_object(), *file = json_object_new_object();
    g_autofree char *folder = g_path_get_dirname(path);
    struct block_info info;

    json_object_object_add(file, "driver", json_object_new_string("file"));
    json_object_object_add(file, "filename", json_object_new_string(path));
    json_object_object_add(options, "driver", json_object_new_string(format));
    json_object_object_add(options, "read-only", json_object_new_boolean(true));
    json_object_object_add(options, "force-share", json_object_new_boolean(true));
    json_object_object_add(options, "file", file);
    json_object_object_add(options, "backing", NULL);
    g_autoptr(block_node_ref) node = block_open(options, graph, NULL);

    json_object_put(options);
    if (node == NULL || block_get_info(node, &info) < 0 || info.backing_filename == NULL ||
        *info.backing_filename == '\0') {
        return NULL;
    }
    *ret_format = g_strdup(info.backing_format != NULL ? info.backing_format : "raw");
    return *info.backing_filename == '/' ? g_strdup(info.backing_filename)
                                         : g_build_filename(folder, info.backing_filename, NULL);
}
