/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The synchronous I/O path of a node: limits, alignment, zero detection, then the driver. */
#include "base/bits.h"
#include "block/driver.h"
#include "block/range.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Zeroes written by hand go out in pieces of this size. */
#define ZERO_CHUNK (1u << 20)

int64_t block_length(struct block_node *node)
{
    int64_t length = node->driver->length(node);

    return length > (int64_t)BLOCK_MAX_LENGTH ? -EFBIG : length;
}

/* Files zero-fill and grow past their end; everything else has a fixed length. */
static int check_range(struct block_node *node, uint64_t offset, uint64_t len)
{
    int64_t length;

    if (offset > BLOCK_MAX_LENGTH || len > BLOCK_MAX_LENGTH - offset) {
        return -EIO;
    }
    if (node->driver->kind == BLOCK_PROTOCOL || node->driver->open_ended) {
        return 0;
    }
    length = block_length(node);
    if (length < 0) {
        return (int)length;
    }
    return offset + len > (uint64_t)length ? -EIO : 0;
}

static int check_write(struct block_node *node, uint64_t offset, uint64_t len)
{
    return block_read_only(node) ? -EPERM : check_range(node, offset, len);
}

static bool aligned(const struct block_node *node, uint64_t offset, uint64_t len)
{
    return ((offset | len) & (node->align - 1)) == 0;
}

static uint8_t *alloc_bounce(const struct block_node *node, size_t len)
{
    size_t align = MAX(MAX(node->align, node->mem_align), 4096);

    return aligned_alloc(align, align_up(len, align));
}

static int flat_read(struct block_node *node, uint64_t offset, void *buf, size_t len)
{
    struct iovec iov = {buf, len};

    return node->driver->preadv(node, offset, len, (struct block_vec){&iov, 1, 0});
}

static int flat_write(struct block_node *node, uint64_t offset, const void *buf, size_t len,
                      unsigned flags)
{
    struct iovec iov = {(void *)buf, len};

    return node->driver->pwritev(node, offset, len, (struct block_vec){&iov, 1, 0}, flags);
}

/* ---- unaligned requests of nodes that want alignment ---- */

static int read_unaligned(struct block_node *node, uint64_t offset, uint64_t len,
                          struct block_vec vec)
{
    uint64_t start = align_down(offset, node->align);
    uint64_t end = align_up(offset + len, node->align);
    uint8_t *bounce = alloc_bounce(node, end - start);
    int r;

    if (bounce == NULL) {
        return -ENOMEM;
    }
    r = flat_read(node, start, bounce, end - start);
    if (r == 0) {
        block_vec_from_buf(vec, bounce + (offset - start), len);
    }
    free(bounce);
    return r;
}

/* Reads the blocks at both ends of [start, end) that the write covers only in part. */
static int read_edges(struct block_node *node, uint64_t start, uint64_t end, uint64_t offset,
                      uint64_t len, uint8_t *bounce)
{
    uint64_t tail = end - node->align;
    int r = 0;

    if (start < offset || end - start == node->align) {
        r = flat_read(node, start, bounce, node->align);
    }
    if (r == 0 && tail > start && offset + len < end) {
        r = flat_read(node, tail, bounce + (tail - start), node->align);
    }
    return r;
}

static int write_unaligned(struct block_node *node, uint64_t offset, uint64_t len,
                           struct block_vec vec, unsigned flags)
{
    uint64_t start = align_down(offset, node->align);
    uint64_t end = align_up(offset + len, node->align);
    uint8_t *bounce = alloc_bounce(node, end - start);
    struct block_range range;
    int r;

    if (bounce == NULL) {
        return -ENOMEM;
    }
    block_range_take(node->ranges, &range, start, end - start, true);
    r = read_edges(node, start, end, offset, len, bounce);
    if (r == 0) {
        block_vec_to_buf(vec, bounce + (offset - start), len);
        r = flat_write(node, start, bounce, end - start, flags);
    }
    block_range_drop(node->ranges, &range);
    free(bounce);
    return r;
}

/* ---- reads and writes ---- */

int block_preadv(struct block_node *node, uint64_t offset, uint64_t len, struct block_vec vec)
{
    int r = check_range(node, offset, len);

    while (r == 0 && len > 0) {
        uint64_t n = MIN(len, BLOCK_MAX_TRANSFER);

        r = aligned(node, offset, n) ? node->driver->preadv(node, offset, n, vec)
                                     : read_unaligned(node, offset, n, vec);
        offset += n;
        len -= n;
        vec = block_vec_at(vec, n);
    }
    return r;
}

static int write_piece(struct block_node *node, uint64_t offset, uint64_t len, struct block_vec vec,
                       unsigned flags)
{
    struct block_range range;
    int r;

    if (node->driver->pwritev == NULL) {
        return -ENOTSUP;
    }
    if (node->detect_zeroes != BLOCK_DETECT_OFF && !(flags & BLOCK_REQ_COMPRESSED) &&
        block_vec_is_zero(vec, len)) {
        unsigned unmap = node->detect_zeroes == BLOCK_DETECT_UNMAP ? BLOCK_REQ_UNMAP : 0;

        return block_pwrite_zeroes(node, offset, len, flags | unmap);
    }
    if (!aligned(node, offset, len)) {
        return write_unaligned(node, offset, len, vec, flags);
    }
    if (node->ranges == NULL) {
        return node->driver->pwritev(node, offset, len, vec, flags);
    }
    block_range_take(node->ranges, &range, offset, len, false);
    r = node->driver->pwritev(node, offset, len, vec, flags);
    block_range_drop(node->ranges, &range);
    return r;
}

int block_pwritev(struct block_node *node, uint64_t offset, uint64_t len, struct block_vec vec,
                  unsigned flags)
{
    int r = check_write(node, offset, len);

    while (r == 0 && len > 0) {
        uint64_t n = MIN(len, BLOCK_MAX_TRANSFER);

        r = write_piece(node, offset, n, vec, flags);
        offset += n;
        len -= n;
        vec = block_vec_at(vec, n);
    }
    return r;
}

int block_pread(struct block_node *node, uint64_t offset, void *buf, size_t len)
{
    struct iovec iov = {buf, len};

    return block_preadv(node, offset, len, (struct block_vec){&iov, 1, 0});
}

int block_pwrite(struct block_node *node, uint64_t offset, const void *buf, size_t len,
                 unsigned flags)
{
    struct iovec iov = {(void *)buf, len};

    return block_pwritev(node, offset, len, (struct block_vec){&iov, 1, 0}, flags);
}

/* ---- zeroes, discard, flush ---- */

/* One buffer of zeroes, sent as often as needed. */
static int write_zero_buffers(struct block_node *node, uint64_t offset, uint64_t len,
                              unsigned flags)
{
    size_t size = MIN(len, ZERO_CHUNK);
    uint8_t *zeroes = alloc_bounce(node, size);
    int r = 0;

    if (zeroes == NULL) {
        return -ENOMEM;
    }
    memset(zeroes, 0, size);
    while (r == 0 && len > 0) {
        size_t n = MIN(len, size);
        struct iovec iov = {zeroes, n};
        struct block_vec vec = {&iov, 1, 0};

        r = aligned(node, offset, n) ? node->driver->pwritev(node, offset, n, vec, flags)
                                     : write_unaligned(node, offset, n, vec, flags);
        offset += n;
        len -= n;
    }
    free(zeroes);
    return r;
}

static int zero_piece(struct block_node *node, uint64_t offset, uint64_t len, unsigned flags)
{
    int r = -ENOTSUP;

    if (node->driver->pwrite_zeroes != NULL && aligned(node, offset, len)) {
        r = node->driver->pwrite_zeroes(node, offset, len, flags);
    }
    if (r != -ENOTSUP || (flags & BLOCK_REQ_NO_FALLBACK) || node->driver->pwritev == NULL) {
        return r;
    }
    return write_zero_buffers(node, offset, len, flags & BLOCK_REQ_FUA);
}

int block_pwrite_zeroes(struct block_node *node, uint64_t offset, uint64_t len, unsigned flags)
{
    int r = check_write(node, offset, len);

    if (!(node->flags & BLOCK_O_UNMAP)) {
        flags &= ~(unsigned)BLOCK_REQ_UNMAP;
    }
    while (r == 0 && len > 0) {
        uint64_t n = MIN(len, BLOCK_MAX_TRANSFER);

        r = zero_piece(node, offset, n, flags);
        offset += n;
        len -= n;
    }
    return r;
}

int block_discard(struct block_node *node, uint64_t offset, uint64_t len)
{
    int r = check_write(node, offset, len);
    uint64_t end = align_down(offset + len, node->align);

    if (r < 0 || !(node->flags & BLOCK_O_UNMAP) || node->driver->discard == NULL) {
        return r;
    }
    offset = align_up(offset, node->align);
    while (r == 0 && offset < end) {
        uint64_t n = MIN(end - offset, BLOCK_MAX_TRANSFER);

        r = node->driver->discard(node, offset, n);
        offset += n;
    }
    return r == -ENOTSUP ? 0 : r;
}

void block_event(struct block_node *node, enum block_event event)
{
    if (node->driver->event != NULL) {
        node->driver->event(node, event);
    }
}

int block_flush(struct block_node *node)
{
    return node->driver->flush != NULL ? node->driver->flush(node) : 0;
}

/* ---- copying by the host ---- */

struct mapped {
    struct block_node *node;
    struct block_fast fast;
};

static int map_for_copy(struct block_node *node, bool write, uint64_t offset, uint64_t len,
                        struct mapped *ret)
{
    ret->node = node;
    return node->driver->map_fast == NULL
               ? -ENOTSUP
               : node->driver->map_fast(node, write, offset, len, &ret->fast);
}

static void unmap_after_copy(const struct mapped *m)
{
    if (m->node->driver->map_done != NULL) {
        m->node->driver->map_done(m->node, m->fast.token);
    }
}

static int copy_mapped(const struct mapped *from, const struct mapped *to, uint64_t len)
{
    off_t in = (off_t)from->fast.offset, out = (off_t)to->fast.offset;

    while (len > 0) {
        ssize_t n = copy_file_range(from->fast.fd, &in, to->fast.fd, &out, len, 0);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 && (errno == ENOSPC || errno == EIO) ? -errno : -ENOTSUP;
        }
        len -= (uint64_t)n;
    }
    return 0;
}

int block_copy_range(struct block_node *from, uint64_t from_offset, struct block_node *to,
                     uint64_t to_offset, uint64_t len)
{
    struct mapped a, b;
    int r = check_range(from, from_offset, len);

    if (r == 0) {
        r = check_write(to, to_offset, len);
    }
    if (r < 0) {
        return r;
    }
    if (map_for_copy(from, false, from_offset, len, &a) < 0) {
        return -ENOTSUP;
    }
    r = map_for_copy(to, true, to_offset, len, &b) < 0 ? -ENOTSUP : 0;
    if (r == 0) {
        r = copy_mapped(&a, &b, len);
        unmap_after_copy(&b);
    }
    unmap_after_copy(&a);
    return r;
}

/* ---- the rest ---- */

int block_truncate(struct block_node *node, uint64_t length, enum block_prealloc prealloc,
                   GError **error)
{
    if (block_read_only(node)) {
        g_set_error(error, BLOCK_ERROR, EACCES, "Image is read-only");
        return -EACCES;
    }
    if (length > BLOCK_MAX_LENGTH) {
        g_set_error(error, BLOCK_ERROR, EFBIG,
                    "Required too big image size, it must be not "
                    "greater than %" G_GUINT64_FORMAT,
                    (guint64)BLOCK_MAX_LENGTH);
        return -EFBIG;
    }
    if (node->driver->truncate == NULL) {
        g_set_error(error, BLOCK_ERROR, ENOTSUP, "Image format driver does not support resize");
        return -ENOTSUP;
    }
    return node->driver->truncate(node, length, prealloc, error);
}

int block_status(struct block_node *node, uint64_t offset, uint64_t len, uint64_t *ret_len,
                 uint64_t *ret_map, struct block_node **ret_file)
{
    struct block_node *file = NULL;
    int64_t length = block_length(node);
    uint64_t map = 0, got = 0;
    int r;

    if (length < 0) {
        return (int)length;
    }
    if (len == 0 || offset >= (uint64_t)length) {
        return -EINVAL;
    }
    len = MIN(len, (uint64_t)length - offset);
    if (node->driver->status != NULL) {
        r = node->driver->status(node, offset, len, &got, &map, &file);
    } else {
        r = BLOCK_STATUS_DATA | BLOCK_STATUS_ALLOCATED;
        got = len;
    }
    if (r < 0) {
        return r;
    }
    g_assert(got > 0 && got <= len);
    *ret_len = got;
    if (ret_map != NULL) {
        *ret_map = map;
    }
    if (ret_file != NULL) {
        *ret_file = file;
    }
    return offset + got == (uint64_t)length ? r | BLOCK_STATUS_EOF : r;
}

int block_get_info(struct block_node *node, struct block_info *ret_info)
{
    int64_t length = block_length(node);

    if (length < 0) {
        return (int)length;
    }
    *ret_info = (struct block_info){
        .length = (uint64_t)length, .allocated = -1, .format_name = node->driver->name};
    return node->driver->info != NULL ? node->driver->info(node, ret_info) : 0;
}

json_object *block_get_specific(struct block_node *node)
{
    return node->driver->specific != NULL ? node->driver->specific(node) : NULL;
}
