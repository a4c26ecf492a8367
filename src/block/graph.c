/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "block/graph.h"
#include "block/driver.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define MAX_WORKERS 16

struct block_graph *block_graph_new(void)
{
    struct block_graph *graph = g_new0(struct block_graph, 1);

    graph->nodes = g_ptr_array_new();
    graph->workers = block_workers_new(MAX_WORKERS);
    graph->next_name = 100;
    graph->opening = g_ptr_array_new_with_free_func(g_free);
    return graph;
}

void block_graph_free(struct block_graph *graph)
{
    if (graph != NULL) {
        g_assert(graph->nodes->len == 0);
        block_workers_free(graph->workers);
        g_ptr_array_free(graph->nodes, TRUE);
        g_ptr_array_free(graph->opening, TRUE);
        g_free(graph);
    }
}

void block_graph_set_fdset(struct block_graph *graph, block_fdset_fn open, void *opaque)
{
    graph->fdset = open;
    graph->fdset_opaque = opaque;
}

struct block_node *block_graph_find(struct block_graph *graph, const char *name)
{
    for (unsigned i = 0; i < graph->nodes->len; i++) {
        struct block_node *node = g_ptr_array_index(graph->nodes, i);

        if (strcmp(node->name, name) == 0) {
            return node;
        }
    }
    return NULL;
}

void block_graph_each(struct block_graph *graph, void (*each)(struct block_node *, void *),
                      void *opaque)
{
    for (unsigned i = 0; i < graph->nodes->len; i++) {
        each(g_ptr_array_index(graph->nodes, i), opaque);
    }
}

char *block_graph_make_name(struct block_graph *graph)
{
    return g_strdup_printf("#block%03u", graph->next_name++);
}

/* TRUE if path is PREFIX followed by a number. */
static bool numbered(const char *path, const char *prefix, int64_t *ret_number)
{
    guint64 n;

    if (!g_str_has_prefix(path, prefix) ||
        !g_ascii_string_to_unsigned(path + strlen(prefix), 10, 0, INT32_MAX, &n, NULL)) {
        return false;
    }
    *ret_number = (int64_t)n;
    return true;
}

int block_open_path(struct block_graph *graph, const char *path, int flags)
{
    int64_t set;
    int fd;

    if (numbered(path, "/dev/fdset/", &set)) {
        return graph->fdset == NULL ? -ENOENT : graph->fdset(graph->fdset_opaque, set, flags);
    }
    fd = open(path, flags | O_CLOEXEC | O_NOCTTY, 0644);
    return fd < 0 ? -errno : fd;
}
