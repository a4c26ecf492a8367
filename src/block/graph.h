/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A graph's inside, for the node layer. */
#ifndef VIV_BLOCK_GRAPH_H
#define VIV_BLOCK_GRAPH_H

#include "block/block.h"
#include "block/worker.h"

struct block_graph {
    GPtrArray *nodes; /* loop; borrowed, in the order they were opened */
    struct block_workers *workers;
    unsigned next_name; /* loop */
    GPtrArray *opening; /* loop; names of images whose backing files are being opened */
    block_fdset_fn fdset;
    void *fdset_opaque;
};

/* A fresh "#block123". */
char *block_graph_make_name(struct block_graph *graph);

#endif
