/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* -blockdev options of any form: a node or an error. Options that would open host files are left
 * out. */
#include "block/block.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Does any key or driver in there reach for the host's files? */
static bool touches_host(json_object *value, unsigned depth)
{
    bool found = false;

    if (depth > 64) {
        return true;
    }
    if (json_object_is_type(value, json_type_array)) {
        for (size_t i = 0; !found && i < json_object_array_length(value); i++) {
            found = touches_host(json_object_array_get_idx(value, i), depth + 1);
        }
        return found;
    }
    if (!json_object_is_type(value, json_type_object)) {
        return false;
    }
    json_object_object_foreach(value, key, member)
    {
        found |= strstr(key, "filename") != NULL || strstr(key, "config") != NULL ||
                 touches_host(member, depth + 1);
    }
    return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, MIN(size, 65536));
    json_object *options = json_tokener_parse(text);
    struct block_graph *graph;
    struct block_node *node;
    uint8_t buf[512];
    GError *error = NULL;

    if (options == NULL || touches_host(options, 0)) {
        json_object_put(options);
        return 0;
    }
    graph = block_graph_new();
    node = block_open(options, graph, &error);
    if (node != NULL) {
        (void)block_pread(node, 0, buf, sizeof(buf));
        (void)block_pwrite(node, 100, buf, 200, 0);
        (void)block_flush(node);
    } else {
        g_assert_nonnull(error);
    }
    block_unref(node);
    g_clear_error(&error);
    block_graph_free(graph);
    json_object_put(options);
    return 0;
}
