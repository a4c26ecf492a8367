/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An image of any bytes is opened, read, written, checked and repaired: errors, nothing worse. */
#include "block/block.h"
#include "block/driver.h"

#include <string.h>

#define MAX_IMAGE (1u << 20)
#define MAX_READ  (256u << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct block_node *open_text(struct block_graph *graph, const char *text)
{
    json_object *options = json_tokener_parse(text);
    struct block_node *node = block_open(options, graph, NULL);

    json_object_put(options);
    return node;
}

static void exercise(struct block_node *node, uint8_t *buf)
{
    int64_t length = block_length(node);
    uint64_t n = (uint64_t)MIN(length, MAX_READ), at = (uint64_t)length / 3;
    struct block_check check = {0};
    struct block_info info;
    g_autoptr(GPtrArray) snapshots = g_ptr_array_new();
    uint64_t run;

    (void)block_get_info(node, &info);
    json_object_put(block_get_specific(node));
    (void)node->driver->snapshot_list(node, snapshots);
    for (uint64_t i = 0, o = 0; i < 64 && o < (uint64_t)length; i++, o += run) {
        if (block_status(node, o, (uint64_t)length - o, &run, NULL, NULL) < 0) {
            run = 65536;
        }
    }
    (void)block_pread(node, 0, buf, n);
    (void)block_pread(node, at, buf, MIN(n, (uint64_t)length - at));
    if (!block_read_only(node)) {
        memset(buf, 0x5a, n);
        (void)block_pwrite(node, 0, buf, MIN(n, 70000), 0);
        (void)block_pwrite(node, at, buf, MIN(n, (uint64_t)length - at), 0);
        (void)block_pwrite_zeroes(node, at, MIN(n, (uint64_t)length - at), BLOCK_REQ_UNMAP);
        (void)block_discard(node, 0, MIN(n, 100000));
        (void)block_flush(node);
        if (snapshots->len > 0) {
            (void)node->driver->snapshot_apply(node, "1", NULL);
            (void)node->driver->snapshot_delete(node, "1", NULL);
        }
        (void)node->driver->check(node, &check, BLOCK_FIX_ERRORS | BLOCK_FIX_LEAKS, NULL);
    } else {
        (void)node->driver->check(node, &check, 0, NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const images[] = {
        "{'driver':'qcow2','file':'m','backing':null,'discard':'unmap'}",
        "{'driver':'qcow2','file':'m','backing':null,'read-only':true}",
    };
    g_autofree uint8_t *buf = g_malloc(MAX_READ);

    if (size > MAX_IMAGE) {
        return 0;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(images); i++) {
        struct block_graph *graph = block_graph_new();
        struct block_node *mem = open_text(graph, "{'driver':'mem','node-name':'m','max':4194304}");
        struct block_node *node;

        (void)block_pwrite(mem, 0, data, size, 0);
        node = open_text(graph, images[i]);
        if (node != NULL) {
            exercise(node, buf);
        }
        block_unref(node);
        block_unref(mem);
        block_graph_free(graph);
    }
    return 0;
}
