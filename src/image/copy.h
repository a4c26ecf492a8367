/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copies disks one after another into a target, with several threads: each takes the next piece,
 * reads it, looks for zeroes and writes what is left. Unless out_of_order is set, pieces are
 * written one at a time and in the order of the disk, so that a format allocates them in that order
 * too; a second thread then reads meanwhile, and more of them start when writing waits for reading.
 */
#ifndef VIV_IMAGE_COPY_H
#define VIV_IMAGE_COPY_H

#include "block/block.h"
#include "image/extent.h"
#include "image/output.h"
#include "image/rate.h"

struct piece;

struct copy_source {
    struct block_node *node;
    uint64_t length; /* bytes taken of it */
};

struct copy {
    /* set by the caller */
    struct copy_source *sources;
    unsigned n_sources;
    struct block_node *target;
    unsigned threads;
    uint32_t sparse;     /* shortest run of zeroes that is left out, bytes; 0: none */
    uint32_t cluster;    /* of the target, for compression; 0: none */
    bool target_is_zero; /* zeroes need not be written */
    bool target_backing; /* what the sources' backing files hold is left to the target's */
    bool compress, out_of_order, salvage, offload;
    struct output_progress *progress;

    struct rate rate; /* after the start: lock */

    /* the copy's own */
    uint8_t **memory; /* all buffers */
    unsigned n_window;
    GMutex lock;
    GCond room; /* a buffer was given back, or it is over */
    /* lock */
    unsigned source;              /* index of the source of the next piece */
    uint64_t at;                  /* in that source */
    uint64_t base;                /* where that source begins in the target */
    struct extent extent;         /* of that source, the last one looked up; len 0: none */
    uint64_t next_seq, write_seq; /* pieces handed out; pieces written (in order) */
    struct piece *window;         /* by seq modulo n_window: pieces that are read or being read */
    uint8_t **buffers;            /* free ones */
    unsigned n_buffers;
    GThread **thread;
    unsigned running;
    bool writing;
    int result;
    uint64_t failed_at;
    bool failed_write;
};

/* Runs the copy; 0 or a negative errno with failed_at and failed_write. */
int copy_run(struct copy *copy);

#endif
