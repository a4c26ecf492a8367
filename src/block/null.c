/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* null-co: takes every write, reads as zeroes (or as nothing at all: the buffer stays as it is). */
#include "block/driver.h"

struct null_disk {
    uint64_t size;
    bool read_zeroes;
};

static const struct block_option options[] = {
    {"size", BLOCK_OPT_SIZE, "length of the disk in bytes", "1G"},
    {"read-zeroes", BLOCK_OPT_BOOL, "reads give zeroes rather than the buffer's old bytes", "off"},
    {NULL},
};

static int null_open(struct block_node *node, json_object *opts, GError **error)
{
    struct null_disk *disk = node->state;

    if (!block_opt_size(opts, "size", UINT64_C(1) << 30, &disk->size, error) ||
        !block_opt_bool(opts, "read-zeroes", false, &disk->read_zeroes, error)) {
        return -1;
    }
    node->filename = g_strdup("null-co://");
    return 0;
}

static int null_preadv(struct block_node *node, uint64_t offset, uint64_t len, struct block_vec vec)
{
    const struct null_disk *disk = node->state;

    if (disk->read_zeroes) {
        block_vec_zero(vec, len);
    }
    return 0;
}

static int null_pwritev(struct block_node *node, uint64_t offset, uint64_t len,
                        struct block_vec vec, unsigned flags)
{
    return 0;
}

static int null_pwrite_zeroes(struct block_node *node, uint64_t offset, uint64_t len,
                              unsigned flags)
{
    return 0;
}

static int null_discard(struct block_node *node, uint64_t offset, uint64_t len)
{
    return 0;
}

static int64_t null_length(struct block_node *node)
{
    const struct null_disk *disk = node->state;

    return (int64_t)MIN(disk->size, BLOCK_MAX_LENGTH);
}

static int null_status(struct block_node *node, uint64_t offset, uint64_t len, uint64_t *ret_len,
                       uint64_t *ret_map, struct block_node **ret_file)
{
    const struct null_disk *disk = node->state;

    *ret_len = len;
    *ret_map = offset;
    *ret_file = node;
    return BLOCK_STATUS_ALLOCATED | BLOCK_STATUS_OFFSET |
           (disk->read_zeroes ? BLOCK_STATUS_ZERO : 0);
}

static int null_info(struct block_node *node, struct block_info *ret_info)
{
    ret_info->allocated = 0;
    return 0;
}

const struct block_driver block_null_driver = {
    .name = "null-co",
    .help = "takes every write and keeps nothing",
    .kind = BLOCK_PROTOCOL,
    .state_size = sizeof(struct null_disk),
    .options = options,
    .open = null_open,
    .preadv = null_preadv,
    .pwritev = null_pwritev,
    .pwrite_zeroes = null_pwrite_zeroes,
    .discard = null_discard,
    .length = null_length,
    .status = null_status,
    .info = null_info,
};
