/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* snapshot=on: writes go to a file that disappears. */
#include "base/cleanup.h"
#include "block/open.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static int create(const char *path, uint64_t length, struct block_graph *graph, GError **error)
{
    json_object *options = json_object_new_object();
    struct block_create args = {path, length, options, graph};
    int r = block_driver_find("qcow2")->create(&args, error);

    json_object_put(options);
    return r;
}

static json_object *overlay_options(const char *path, const char *backing)
{
    json_object *options = json_object_new_object(), *file = json_object_new_object();
    json_object *cache = json_object_new_object();

    json_object_object_add(file, "driver", json_object_new_string("file"));
    json_object_object_add(file, "filename", json_object_new_string(path));
    json_object_object_add(cache, "no-flush", json_object_new_boolean(true));
    json_object_object_add(options, "driver", json_object_new_string("qcow2"));
    json_object_object_add(options, "file", file);
    json_object_object_add(options, "backing", json_object_new_string(backing));
    json_object_object_add(options, "cache", cache);
    json_object_object_add(options, "discard", json_object_new_string("unmap"));
    return options;
}

struct block_node *block_open_overlay(struct block_node *base, struct block_graph *graph,
                                      GError **error)
{
    const char *folder = g_getenv("TMPDIR");
    g_autofree char *path =
        g_build_filename(folder != NULL ? folder : "/var/tmp", "viv-snapshot-XXXXXX", NULL);
    int64_t length = block_length(base);
    struct block_node *node = NULL;
    auto_fd int fd = -1;

    if (length < 0) {
        g_set_error(error, BLOCK_ERROR, (int)-length, "Could not get image size");
        return NULL;
    }
    fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0) {
        g_set_error(error, BLOCK_ERROR, errno, "Could not create temporary overlay '%s': %s", path,
                    g_strerror(errno));
        return NULL;
    }
    if (create(path, (uint64_t)length, graph, error) == 0) {
        json_object *options = overlay_options(path, block_name(base));

        node = block_open(options, graph, error);
        json_object_put(options);
    }
    unlink(path);
    return node;
}
