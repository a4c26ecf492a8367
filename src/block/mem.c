/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mem: a disk in memory that grows like a file, for tests and fuzzers. */
#include "block/driver.h"

#include <errno.h>
#include <string.h>

#define MAX_SIZE (1u << 30)

struct mem_disk {
    GMutex lock;
    /* lock */
    uint8_t *bytes;
    uint64_t size, room;
    uint64_t max;
};

static const struct block_option options[] = {
    {"size", BLOCK_OPT_SIZE, "length of the disk in bytes at first", "0"},
    {"max", BLOCK_OPT_SIZE, "length in bytes it may grow to; then writes give ENOSPC", "256M"},
    {NULL},
};

static int grow_locked(struct mem_disk *disk, uint64_t size)
{
    if (size > disk->max) {
        return -ENOSPC;
    }
    if (size > disk->room) {
        uint64_t room = MIN(MAX(size, disk->room * 2), disk->max);
        uint8_t *bytes = g_try_realloc(disk->bytes, room);

        if (bytes == NULL) {
            return -ENOMEM;
        }
        disk->bytes = bytes;
        disk->room = room;
    }
    if (size > disk->size) {
        memset(disk->bytes + disk->size, 0, size - disk->size);
        disk->size = size;
    }
    return 0;
}

static int mem_open(struct block_node *node, json_object *opts, GError **error)
{
    struct mem_disk *disk = node->state;
    uint64_t size;
    int r;

    if (!block_opt_size(opts, "size", 0, &size, error) ||
        !block_opt_size(opts, "max", UINT64_C(256) << 20, &disk->max, error)) {
        return -1;
    }
    if (MAX(disk->max, size) > MAX_SIZE) {
        g_set_error(error, BLOCK_ERROR, EFBIG, "A disk in memory is at most %u bytes", MAX_SIZE);
        return -EFBIG;
    }
    g_mutex_init(&disk->lock);
    disk->max = MAX(disk->max, size);
    r = grow_locked(disk, size);
    if (r < 0) {
        g_set_error(error, BLOCK_ERROR, -r, "No memory for a disk of %" G_GUINT64_FORMAT " bytes",
                    (guint64)size);
        g_mutex_clear(&disk->lock);
    }
    node->filename = g_strdup("mem:");
    return r;
}

static void mem_close(struct block_node *node)
{
    struct mem_disk *disk = node->state;

    g_free(disk->bytes);
    g_mutex_clear(&disk->lock);
}

static int mem_preadv(struct block_node *node, uint64_t offset, uint64_t len, struct block_vec vec)
{
    struct mem_disk *disk = node->state;
    uint64_t have;

    g_mutex_lock(&disk->lock);
    have = offset < disk->size ? MIN(len, disk->size - offset) : 0;
    if (have > 0) {
        block_vec_from_buf(vec, disk->bytes + offset, have);
    }
    g_mutex_unlock(&disk->lock);
    block_vec_zero(block_vec_at(vec, have), len - have);
    return 0;
}

static int mem_pwritev(struct block_node *node, uint64_t offset, uint64_t len, struct block_vec vec,
                       unsigned flags)
{
    struct mem_disk *disk = node->state;
    int r;

    g_mutex_lock(&disk->lock);
    r = grow_locked(disk, offset + len);
    if (r == 0 && len > 0) {
        block_vec_to_buf(vec, disk->bytes + offset, len);
    }
    g_mutex_unlock(&disk->lock);
    return r;
}

static int mem_pwrite_zeroes(struct block_node *node, uint64_t offset, uint64_t len, unsigned flags)
{
    struct mem_disk *disk = node->state;
    int r;

    g_mutex_lock(&disk->lock);
    r = grow_locked(disk, offset + len);
    if (r == 0 && len > 0) {
        memset(disk->bytes + offset, 0, len);
    }
    g_mutex_unlock(&disk->lock);
    return r;
}

static int64_t mem_length(struct block_node *node)
{
    struct mem_disk *disk = node->state;
    int64_t size;

    g_mutex_lock(&disk->lock);
    size = (int64_t)disk->size;
    g_mutex_unlock(&disk->lock);
    return size;
}

static int mem_truncate(struct block_node *node, uint64_t length, enum block_prealloc prealloc,
                        GError **error)
{
    struct mem_disk *disk = node->state;
    int r = 0;

    g_mutex_lock(&disk->lock);
    if (length < disk->size) {
        disk->size = length;
    } else {
        r = grow_locked(disk, length);
    }
    g_mutex_unlock(&disk->lock);
    if (r < 0) {
        g_set_error(error, BLOCK_ERROR, -r, "Could not resize: %s", g_strerror(-r));
    }
    return r;
}

const struct block_driver block_mem_driver = {
    .name = "mem",
    .help = "a disk in memory, for tests",
    .kind = BLOCK_PROTOCOL,
    .state_size = sizeof(struct mem_disk),
    .options = options,
    .open = mem_open,
    .close = mem_close,
    .preadv = mem_preadv,
    .pwritev = mem_pwritev,
    .pwrite_zeroes = mem_pwrite_zeroes,
    .length = mem_length,
    .truncate = mem_truncate,
};
