/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/extent.h"

#include <string.h>

/* Finds the layer that decides; a layer that ends before the disk does reads as zeroes there. */
static int descend(struct block_node *node, struct extent *e)
{
    for (;;) {
        struct block_node *backing = block_child(node, "backing");
        int64_t length = block_length(node);
        uint64_t n;
        int r;

        if (length < 0) {
            return (int)length;
        }
        if (e->start >= (uint64_t)length) {
            return BLOCK_STATUS_ZERO;
        }
        r = block_status(node, e->start, e->len, &n, &e->offset, &e->file);
        if (r < 0) {
            return r;
        }
        e->len = n;
        if ((r & BLOCK_STATUS_ALLOCATED) || backing == NULL) {
            return r;
        }
        node = backing;
        e->depth++;
    }
}

int extent_get(struct block_node *node, uint64_t offset, uint64_t len, struct extent *ret)
{
    struct extent e = {.start = offset, .len = len};
    int r = descend(node, &e);

    if (r < 0) {
        return r;
    }
    e.data = (r & BLOCK_STATUS_DATA) != 0;
    e.zero = (r & BLOCK_STATUS_ZERO) != 0;
    e.has_offset = (r & BLOCK_STATUS_OFFSET) != 0;
    e.present = (r & BLOCK_STATUS_ALLOCATED) != 0;
    e.compressed = (r & BLOCK_STATUS_COMPRESSED) != 0;
    *ret = e;
    return 0;
}
