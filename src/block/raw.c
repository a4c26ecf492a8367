/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* raw: the bytes of the file below are the disk's, from `offset` on, `size` of them. */
#include "base/bits.h"
#include "block/driver.h"

#include <errno.h>

struct raw_disk {
    uint64_t offset;
    uint64_t size; /* with has_size */
    bool has_size;
};

static const struct block_option options[] = {
    {"file", BLOCK_OPT_NODE, "where the bytes are", NULL},
    {"offset", BLOCK_OPT_SIZE, "first byte of the file that belongs to the disk", "0"},
    {"size", BLOCK_OPT_SIZE, "length of the disk; without it: to the file's end", NULL},
    {NULL},
};

static const struct block_option create_options[] = {
    {"size", BLOCK_OPT_SIZE, "Virtual disk size", NULL},
    {"preallocation", BLOCK_OPT_STRING, "Preallocation mode (allowed values: off, falloc, full)",
     "off"},
    {NULL},
};

static int check_window(struct block_node *node, GError **error)
{
    const struct raw_disk *disk = node->state;
    int64_t length = block_length(node->file);

    if (length < 0) {
        g_set_error(error, BLOCK_ERROR, (int)-length, "Could not get the image's size: %s",
                    g_strerror((int)-length));
        return (int)length;
    }
    if (disk->offset > (uint64_t)length) {
        g_set_error(error, BLOCK_ERROR, EINVAL,
                    "Offset (%" G_GUINT64_FORMAT ") cannot be greater "
                    "than size of the containing file (%" G_GINT64_FORMAT ")",
                    (guint64)disk->offset, length);
        return -EINVAL;
    }
    if (disk->has_size && disk->size > (uint64_t)length - disk->offset) {
        g_set_error(error, BLOCK_ERROR, EINVAL,
                    "The sum of offset (%" G_GUINT64_FORMAT ") and size"
                    " (%" G_GUINT64_FORMAT ") has to be smaller or equal to the  actual size of the"
                    " containing file (%" G_GINT64_FORMAT ")",
                    (guint64)disk->offset, (guint64)disk->size, length);
        return -EINVAL;
    }
    return 0;
}

static int raw_open(struct block_node *node, json_object *opts, GError **error)
{
    struct raw_disk *disk = node->state;

    disk->has_size = json_object_object_get_ex(opts, "size", NULL);
    if (!block_opt_size(opts, "offset", 0, &disk->offset, error) ||
        !block_opt_size(opts, "size", 0, &disk->size, error) ||
        block_open_child(node, opts, "file", error) < 0) {
        return -EINVAL;
    }
    if (disk->has_size && disk->size % BLOCK_SECTOR != 0) {
        g_set_error(error, BLOCK_ERROR, EINVAL, "Specified size is not multiple of %u",
                    BLOCK_SECTOR);
        return -EINVAL;
    }
    node->align = disk->offset % node->file->align == 0 ? node->file->align : 1;
    return check_window(node, error);
}

static int raw_preadv(struct block_node *node, uint64_t offset, uint64_t len, struct block_vec vec)
{
    const struct raw_disk *disk = node->state;

    block_event(node->file, BLOCK_EVENT_READ_AIO);
    return block_preadv(node->file, disk->offset + offset, len, vec);
}

static int raw_pwritev(struct block_node *node, uint64_t offset, uint64_t len, struct block_vec vec,
                       unsigned flags)
{
    const struct raw_disk *disk = node->state;

    block_event(node->file, BLOCK_EVENT_WRITE_AIO);
    return block_pwritev(node->file, disk->offset + offset, len, vec, flags);
}

static int raw_pwrite_zeroes(struct block_node *node, uint64_t offset, uint64_t len, unsigned flags)
{
    const struct raw_disk *disk = node->state;

    return block_pwrite_zeroes(node->file, disk->offset + offset, len, flags);
}

static int raw_discard(struct block_node *node, uint64_t offset, uint64_t len)
{
    const struct raw_disk *disk = node->state;

    return block_discard(node->file, disk->offset + offset, len);
}

static int raw_flush(struct block_node *node)
{
    block_event(node->file, BLOCK_EVENT_FLUSH_TO_DISK);
    return block_flush(node->file);
}

static int64_t raw_length(struct block_node *node)
{
    const struct raw_disk *disk = node->state;
    int64_t length;

    if (disk->has_size) {
        return (int64_t)disk->size;
    }
    length = block_length(node->file);
    if (length < 0) {
        return length;
    }
    length = length > (int64_t)disk->offset ? length - (int64_t)disk->offset : 0;
    return (int64_t)align_up((uint64_t)length, BLOCK_SECTOR);
}

static int raw_truncate(struct block_node *node, uint64_t length, enum block_prealloc prealloc,
                        GError **error)
{
    struct raw_disk *disk = node->state;
    int r;

    if (disk->has_size) {
        g_set_error(error, BLOCK_ERROR, ENOTSUP, "Cannot resize fixed-size raw disks");
        return -ENOTSUP;
    }
    if (length > BLOCK_MAX_LENGTH - disk->offset) {
        g_set_error(error, BLOCK_ERROR, EFBIG, "Disk size too large for the chosen offset");
        return -EINVAL;
    }
    r = block_truncate(node->file, disk->offset + length, prealloc, error);
    return r;
}

/* The file says where data and holes are; its end may lie inside our last sector. */
static int raw_status(struct block_node *node, uint64_t offset, uint64_t len, uint64_t *ret_len,
                      uint64_t *ret_map, struct block_node **ret_file)
{
    const struct raw_disk *disk = node->state;
    int64_t length = block_length(node->file);
    int r;

    if (length < 0) {
        return (int)length;
    }
    if (disk->offset + offset >= (uint64_t)length) {
        *ret_len = len;
        return BLOCK_STATUS_ZERO | BLOCK_STATUS_ALLOCATED;
    }
    r = block_status(node->file, disk->offset + offset, len, ret_len, ret_map, ret_file);
    if (r >= 0 && (r & BLOCK_STATUS_EOF) && *ret_len < len) {
        *ret_len = len;
    }
    return r < 0 ? r : (r & ~BLOCK_STATUS_EOF) | BLOCK_STATUS_ALLOCATED;
}

static int raw_info(struct block_node *node, struct block_info *ret_info)
{
    struct block_info file;
    int r = block_get_info(node->file, &file);

    if (r == 0) {
        ret_info->allocated = file.allocated;
    }
    return r;
}

static int raw_map_fast(struct block_node *node, bool write, uint64_t offset, uint64_t len,
                        struct block_fast *ret_fast)
{
    const struct raw_disk *disk = node->state;

    if (node->file->driver->map_fast == NULL || node->file->driver->map_done != NULL ||
        node->file->detect_zeroes != BLOCK_DETECT_OFF) {
        return -EAGAIN;
    }
    return node->file->driver->map_fast(node->file, write, disk->offset + offset, len, ret_fast);
}

static int raw_create(const struct block_create *create, GError **error)
{
    return block_driver_find("file")->create(create, error);
}

static int raw_measure(json_object *opts, uint64_t length, uint64_t allocated,
                       uint64_t *ret_required, uint64_t *ret_fully, GError **error)
{
    *ret_required = length;
    *ret_fully = length;
    return 0;
}

const struct block_driver block_raw_driver = {
    .name = "raw",
    .help = "the disk's bytes as they are",
    .kind = BLOCK_FILTER,
    .state_size = sizeof(struct raw_disk),
    .options = options,
    .create_options = create_options,
    .open = raw_open,
    .preadv = raw_preadv,
    .pwritev = raw_pwritev,
    .pwrite_zeroes = raw_pwrite_zeroes,
    .discard = raw_discard,
    .flush = raw_flush,
    .length = raw_length,
    .truncate = raw_truncate,
    .status = raw_status,
    .info = raw_info,
    .map_fast = raw_map_fast,
    .create = raw_create,
    .measure = raw_measure,
};
