/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a format is about to do to its file, for the blkdebug filter: a rule may wait for it.
 * BLOCK_EVENTS has every name that QEMU's blkdebug knows; rules for those that our drivers do not
 * report never fire.
 */
#ifndef VIV_BLOCK_EVENT_H
#define VIV_BLOCK_EVENT_H

#include "block/block.h"

#define BLOCK_EVENTS(_)                                           \
    _(NONE, "none")                                               \
    _(L1_UPDATE, "l1_update")                                     \
    _(L1_GROW_ALLOC_TABLE, "l1_grow_alloc_table")                 \
    _(L1_GROW_WRITE_TABLE, "l1_grow_write_table")                 \
    _(L1_GROW_ACTIVATE_TABLE, "l1_grow_activate_table")           \
    _(L2_LOAD, "l2_load")                                         \
    _(L2_UPDATE, "l2_update")                                     \
    _(L2_UPDATE_COMPRESSED, "l2_update_compressed")               \
    _(L2_ALLOC_COW_READ, "l2_alloc_cow_read")                     \
    _(L2_ALLOC_WRITE, "l2_alloc_write")                           \
    _(READ_AIO, "read_aio")                                       \
    _(READ_BACKING_AIO, "read_backing_aio")                       \
    _(READ_COMPRESSED, "read_compressed")                         \
    _(WRITE_AIO, "write_aio")                                     \
    _(WRITE_COMPRESSED, "write_compressed")                       \
    _(VMSTATE_LOAD, "vmstate_load")                               \
    _(VMSTATE_SAVE, "vmstate_save")                               \
    _(COW_READ, "cow_read")                                       \
    _(COW_WRITE, "cow_write")                                     \
    _(REFTABLE_LOAD, "reftable_load")                             \
    _(REFTABLE_GROW, "reftable_grow")                             \
    _(REFTABLE_UPDATE, "reftable_update")                         \
    _(REFBLOCK_LOAD, "refblock_load")                             \
    _(REFBLOCK_UPDATE, "refblock_update")                         \
    _(REFBLOCK_UPDATE_PART, "refblock_update_part")               \
    _(REFBLOCK_ALLOC, "refblock_alloc")                           \
    _(REFBLOCK_ALLOC_HOOKUP, "refblock_alloc_hookup")             \
    _(REFBLOCK_ALLOC_WRITE, "refblock_alloc_write")               \
    _(REFBLOCK_ALLOC_WRITE_BLOCKS, "refblock_alloc_write_blocks") \
    _(REFBLOCK_ALLOC_WRITE_TABLE, "refblock_alloc_write_table")   \
    _(REFBLOCK_ALLOC_SWITCH_TABLE, "refblock_alloc_switch_table") \
    _(CLUSTER_ALLOC, "cluster_alloc")                             \
    _(CLUSTER_ALLOC_BYTES, "cluster_alloc_bytes")                 \
    _(CLUSTER_FREE, "cluster_free")                               \
    _(FLUSH_TO_OS, "flush_to_os")                                 \
    _(FLUSH_TO_DISK, "flush_to_disk")                             \
    _(PWRITEV_RMW_HEAD, "pwritev_rmw_head")                       \
    _(PWRITEV_RMW_AFTER_HEAD, "pwritev_rmw_after_head")           \
    _(PWRITEV_RMW_TAIL, "pwritev_rmw_tail")                       \
    _(PWRITEV_RMW_AFTER_TAIL, "pwritev_rmw_after_tail")           \
    _(PWRITEV, "pwritev")                                         \
    _(PWRITEV_ZERO, "pwritev_zero")                               \
    _(PWRITEV_DONE, "pwritev_done")                               \
    _(EMPTY_IMAGE_PREPARE, "empty_image_prepare")                 \
    _(L1_SHRINK_WRITE_TABLE, "l1_shrink_write_table")             \
    _(L1_SHRINK_FREE_L2_CLUSTERS, "l1_shrink_free_l2_clusters")   \
    _(COR_WRITE, "cor_write")                                     \
    _(CLUSTER_ALLOC_SPACE, "cluster_alloc_space")

enum block_event {
#define EVENT(name, text) BLOCK_EVENT_##name,
    BLOCK_EVENTS(EVENT)
#undef EVENT
        BLOCK_N_EVENTS,
};

/* `node` is what the I/O is about to go to. Any thread. */
void block_event(struct block_node *node, enum block_event event);

#endif
