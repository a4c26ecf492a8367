/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/conf/fault.h"
#include "manage/resource/storage/internal.h"

#include <string.h>

#define PIECE (1u << 20)

struct block_node *copy_open(struct block_graph *graph, const char *path, const char *format,
                             unsigned flags, GError **error)
{
    json_object *options = json_object_new_object();
    json_object *file = json_object_new_object();
    g_autoptr(GError) why = NULL;
    struct block_node *node;

    json_object_object_add(file, "driver", json_object_new_string("file"));
    json_object_object_add(file, "filename", json_object_new_string(path));
    json_object_object_add(options, "driver", json_object_new_string(format));
    json_object_object_add(options, "file", file);
    if ((flags & BLOCK_O_RDWR) == 0) {
        json_object_object_add(options, "read-only", json_object_new_boolean(true));
        json_object_object_add(options, "force-share", json_object_new_boolean(true));
    }
    if ((flags & BLOCK_O_NO_BACKING) != 0) {
        json_object_object_add(options, "backing", NULL);
    }
    node = block_open(options, graph, &why);
    json_object_put(options);
    if (node == NULL) {
        fault_set(error, FAULT_INTERNAL_ERROR, "%s",
                  why != NULL ? why->message : "cannot open the image");
    }
    return node;
}

static bool is_hole(struct block_node *node, uint64_t at, uint64_t len, uint64_t *ret_len)
{
    int status = block_status(node, at, len, ret_len, NULL, NULL);

    if (status < 0 || *ret_len == 0) {
        *ret_len = len;
        return false;
    }
    return (status & BLOCK_STATUS_ZERO) != 0 &&
           ((status & BLOCK_STATUS_ALLOCATED) != 0 || block_child(node, "backing") == NULL);
}

static int copy_all(struct block_node *from, struct block_node *to, uint64_t length)
{
    g_autofree uint8_t *data = g_malloc(PIECE);
    int status = 0;

    for (uint64_t at = 0, len; status == 0 && at < length; at += len) {
        if (is_hole(from, at, length - at, &len)) {
            continue;
        }
        len = MIN(len, PIECE);
        status = block_pread(from, at, data, len);
        if (status == 0 && !block_is_zero(data, len)) {
            status = block_pwrite(to, at, data, len, 0);
        }
    }
    return status == 0 ? block_flush(to) : status;
}

bool copy_volume(const struct volume_source *from, const char *path, const char *format,
                 GError **error)
{
    g_autoptr(block_graph_own) graph = block_graph_new();
    g_autoptr(block_node_ref) source = copy_open(graph, from->path, from->format, 0, error);
    g_autoptr(block_node_ref) target =
        source != NULL ? copy_open(graph, path, format, BLOCK_O_RDWR, error) : NULL;
    int64_t length, room;
    int status;

    if (target == NULL) {
        return false;
    }
    length = block_length(source);
    room = block_length(target);
    if (length < 0 || room < length) {
        return fault_set(error, FAULT_INTERNAL_ERROR, "volume '%s' is smaller than its source",
                         path);
    }
    status = copy_all(source, target, (uint64_t)length);
    return status == 0 || fault_set_errno(error, -status, "failed to copy to '%s'", path);
}
