/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a range of a disk is, looking through the chain of backing files. */
#ifndef VIV_IMAGE_EXTENT_H
#define VIV_IMAGE_EXTENT_H

#include "block/block.h"

struct extent {
    uint64_t start, len;
    bool data, zero, has_offset, present, compressed;
    unsigned depth;          /* of the layer that decides: 0 is the image itself */
    uint64_t offset;         /* with has_offset: where, in ... */
    struct block_node *file; /* ... this node */
};

/* The extent at `offset` of at most `len` bytes; a negative errno on failure. */
int extent_get(struct block_node *node, uint64_t offset, uint64_t len, struct extent *ret);

#endif
