/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/bits.h"
#include "base/endian.h"
#include "block/qcow2/qcow2.h"

#include <errno.h>
#include <string.h>

int qcow2_corrupt(struct qcow2 *q, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, format);
    text = g_strdup_vprintf(format, ap);
    va_end(ap);
    log_note(&q->notes, q->node->name, "qcow2: %s%s", text,
             q->failed || block_read_only(q->node) ? "" : "; marking the image as corrupt");
    if (!q->failed && !block_read_only(q->node) && !(q->node->flags & BLOCK_O_CHECK)) {
        q->failed = true;
        q->incompatible |= QCOW2_INCOMPAT_CORRUPT;
        (void)qcow2_header_write_features(q);
    }
    return -EIO;
}

enum qcow2_type qcow2_entry_type(const struct qcow2 *q, uint64_t entry)
{
    if (entry & QCOW2_COMPRESSED) {
        return QCOW2_PACKED;
    }
    if ((entry & QCOW2_ZERO) && q->version >= 3) {
        return entry & QCOW2_OFFSET ? QCOW2_ZERO_ALLOCATED : QCOW2_ZERO_PLAIN;
    }
    return entry & QCOW2_OFFSET ? QCOW2_NORMAL : QCOW2_UNALLOCATED;
}

static uint32_t l1_index(const struct qcow2 *q, uint64_t offset)
{
    return (uint32_t)(offset >> (q->cluster_bits + q->l2_bits));
}

static uint32_t l2_index(const struct qcow2 *q, uint64_t offset)
{
    return (uint32_t)((offset >> q->cluster_bits) & mask64(q->l2_bits));
}

/* The file offset of the L2 table for `offset`, 0: none. */
static int table_of(struct qcow2 *q, uint64_t offset, uint64_t *ret_table)
{
    uint32_t i = l1_index(q, offset);
    uint64_t table = i < q->l1_size ? q->l1[i] & QCOW2_OFFSET : 0;

    if (table & (q->cluster_size - 1)) {
        return qcow2_corrupt(q, "L2 table offset 0x%" PRIx64 " unaligned (L1 index: 0x%x)", table,
                             i);
    }
    if (table >= q->file_end && table != 0 && !block_read_only(q->node)) {
        return qcow2_corrupt(
            q, "L2 table offset 0x%" PRIx64 " past the file's end (L1 index: 0x%x)", table, i);
    }
    *ret_table = table;
    return 0;
}

static int check_entry(struct qcow2 *q, uint64_t offset, uint64_t entry)
{
    if (entry & QCOW2_COMPRESSED) {
        return 0;
    }
    if ((entry & QCOW2_ZERO) && q->version < 3) {
        return qcow2_corrupt(
            q, "zero cluster entry found in pre-v3 image (guest offset 0x%" PRIx64 ")", offset);
    }
    if ((entry & QCOW2_OFFSET) & (q->cluster_size - 1)) {
        return qcow2_corrupt(
            q, "cluster allocation offset 0x%" PRIx64 " unaligned (guest offset 0x%" PRIx64 ")",
            entry & QCOW2_OFFSET, offset);
    }
    return 0;
}

static bool follows(const struct qcow2 *q, uint64_t first, uint64_t n, uint64_t entry)
{
    enum qcow2_type type = qcow2_entry_type(q, first);

    if (qcow2_entry_type(q, entry) != type || (entry & QCOW2_COPIED) != (first & QCOW2_COPIED)) {
        return false;
    }
    return (type != QCOW2_NORMAL && type != QCOW2_ZERO_ALLOCATED) ||
           (entry & QCOW2_OFFSET) == (first & QCOW2_OFFSET) + (n << q->cluster_bits);
}

/* Fills *ret_map from the entries in `slice`, the one for `offset` being at `at`. */
static int map_slice(struct qcow2 *q, const struct qcow2_slice *slice, uint32_t at, uint64_t offset,
                     uint64_t len, struct qcow2_map *ret_map)
{
    uint64_t in_cluster = offset & (q->cluster_size - 1);
    uint64_t want = (in_cluster + len + q->cluster_size - 1) >> q->cluster_bits, n = 1;
    uint64_t entry = ld_be64(slice->data + at);
    int r = check_entry(q, offset, entry);

    if (r < 0) {
        return r;
    }
    *ret_map = (struct qcow2_map){.type = qcow2_entry_type(q, entry),
                                  .copied = (entry & QCOW2_COPIED) != 0};
    if (ret_map->type == QCOW2_PACKED) {
        qcow2_packed_place(q, entry, &ret_map->host, &ret_map->packed);
    } else {
        uint32_t room = (q->cache.size - at) / 8;

        ret_map->host = (entry & QCOW2_OFFSET) + in_cluster;
        while (n < want && n < room && follows(q, entry, n, ld_be64(slice->data + at + n * 8))) {
            n++;
        }
    }
    ret_map->len = MIN((n << q->cluster_bits) - in_cluster, len);
    return 0;
}

/* Without an L2 table nothing is mapped as far as the table would reach. */
static void map_nothing(struct qcow2 *q, uint64_t offset, uint64_t len, struct qcow2_map *ret_map)
{
    uint64_t reach = UINT64_C(1) << (q->cluster_bits + q->l2_bits);

    *ret_map = (struct qcow2_map){.type = QCOW2_UNALLOCATED,
                                  .len = MIN(len, reach - (offset & (reach - 1)))};
}

int qcow2_map(struct qcow2 *q, uint64_t offset, uint64_t len, struct qcow2_map *ret_map)
{
    struct qcow2_slice *slice;
    uint64_t table, at;
    int r = table_of(q, offset, &table);

    if (r < 0) {
        return r;
    }
    if (table == 0) {
        map_nothing(q, offset, len, ret_map);
        return 0;
    }
    at = table + (uint64_t)l2_index(q, offset) * 8;
    r = qcow2_slice_get(q, QCOW2_L2, at, &slice);
    return r < 0 ? r : map_slice(q, slice, (uint32_t)(at - slice->offset), offset, len, ret_map);
}

int qcow2_map_peek(struct qcow2 *q, uint64_t offset, uint64_t len, struct qcow2_map *ret_map)
{
    struct qcow2_slice *slice;
    uint64_t table, at;

    if (table_of(q, offset, &table) < 0 || table == 0) {
        return -EAGAIN;
    }
    at = table + (uint64_t)l2_index(q, offset) * 8;
    slice = qcow2_slice_peek(q, at);
    if (slice == NULL || slice->table != QCOW2_L2) {
        return -EAGAIN;
    }
    return map_slice(q, slice, (uint32_t)(at - slice->offset), offset, len, ret_map);
}

int qcow2_entry_get(struct qcow2 *q, uint64_t offset, uint64_t *ret_entry)
{
    struct qcow2_slice *slice;
    uint64_t table, at;
    int r = table_of(q, offset, &table);

    if (r < 0 || table == 0) {
        *ret_entry = 0;
        return r;
    }
    at = table + (uint64_t)l2_index(q, offset) * 8;
    r = qcow2_slice_get(q, QCOW2_L2, at, &slice);
    if (r == 0) {
        *ret_entry = ld_be64(slice->data + (at - slice->offset));
        r = check_entry(q, offset, *ret_entry);
    }
    return r;
}

void qcow2_l1_dirty(struct qcow2 *q, uint32_t index)
{
    if (!q->l1_dirty) {
        q->l1_dirty = true;
        q->l1_dirty_from = index;
        q->l1_dirty_to = index + 1;
    }
    q->l1_dirty_from = MIN(q->l1_dirty_from, index);
    q->l1_dirty_to = MAX(q->l1_dirty_to, index + 1);
}

/* The old table's content, also what of it is only in memory. */
static int copy_table(struct qcow2 *q, uint64_t from, uint8_t *to)
{
    for (uint32_t at = 0; at < q->cluster_size; at += q->cache.size) {
        struct qcow2_slice *slice;
        int r = qcow2_slice_get(q, QCOW2_L2, from + at, &slice);

        if (r < 0) {
            return r;
        }
        memcpy(to + at, slice->data, q->cache.size);
    }
    return 0;
}

/*
 * The content of a new table. An empty one in fresh space is only a slice that will be written: the
 * file must reach as far as its tables before the L1 table names them.
 */
static int fill_table(struct qcow2 *q, uint64_t table, uint64_t old, bool empty)
{
    g_autofree uint8_t *content = NULL;
    struct qcow2_slice *slice;
    int r = 0;

    block_event(q->node->file, BLOCK_EVENT_L2_ALLOC_WRITE);
    if (empty) {
        r = qcow2_slice_get(q, QCOW2_L2, table, &slice);
        if (r == 0) {
            qcow2_slice_dirty(q, slice);
        }
        return r;
    }
    content = g_malloc0(q->cluster_size);
    if (old != 0) {
        r = copy_table(q, old, content);
    }
    if (r == 0) {
        r = block_pwrite(q->node->file, table, content, q->cluster_size, 0);
        q->wrote++;
    }
    return r;
}

/* A new L2 table for L1 entry `i`, with the content of `old` (0: empty). */
static int new_table(struct qcow2 *q, uint32_t i, uint64_t old)
{
    uint64_t table, n;
    bool fresh;
    int r = qcow2_alloc(q, 1, &table, &n, &fresh);

    if (r < 0) {
        return r;
    }
    qcow2_cache_forget(q, table);
    r = fill_table(q, table, old, old == 0 && fresh && q->zero_growth);
    if (r < 0) {
        (void)qcow2_refcount_add(q, table, q->cluster_size, -1);
        return r;
    }
    qcow2_meta_note(q, table, q->cluster_size, true);
    q->l1[i] = table | QCOW2_COPIED;
    qcow2_l1_dirty(q, i);
    if (old != 0) {
        qcow2_free_later(q, old, q->cluster_size, QCOW2_FREE_OTHER);
    }
    return 0;
}

int qcow2_table_make(struct qcow2 *q, uint64_t offset)
{
    uint32_t i = l1_index(q, offset);
    uint64_t table;
    int r = table_of(q, offset, &table);

    g_assert(i < q->l1_size);
    if (r == 0 && (table == 0 || !(q->l1[i] & QCOW2_COPIED))) {
        r = new_table(q, i, table);
    }
    return r;
}

int qcow2_entry_set(struct qcow2 *q, uint64_t offset, uint64_t entry)
{
    struct qcow2_slice *slice;
    uint64_t at;
    int r = qcow2_table_make(q, offset);

    if (r < 0) {
        return r;
    }
    at = (q->l1[l1_index(q, offset)] & QCOW2_OFFSET) + (uint64_t)l2_index(q, offset) * 8;
    r = qcow2_slice_get(q, QCOW2_L2, at, &slice);
    if (r == 0) {
        st_be64(slice->data + (at - slice->offset), entry);
        qcow2_slice_dirty(q, slice);
    }
    return r;
}

/* ---- a larger L1 table ---- */

/* After success the header names the new table, though perhaps not yet on stable storage. */
static int write_new_l1(struct qcow2 *q, const uint64_t *l1, uint32_t n, uint64_t offset)
{
    g_autofree uint8_t *raw = g_try_malloc((size_t)n * 8);
    uint8_t header[12], old[12];
    int r;

    if (raw == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < n; i++) {
        st_be64(raw + (size_t)i * 8, l1[i]);
    }
    r = qcow2_meta_write(q);
    if (r == 0) {
        block_event(q->node->file, BLOCK_EVENT_L1_GROW_WRITE_TABLE);
        r = block_pwrite(q->node->file, offset, raw, (size_t)n * 8, 0);
    }
    if (r == 0) {
        r = block_flush(q->node->file);
    }
    if (r == 0) {
        block_event(q->node->file, BLOCK_EVENT_L1_GROW_ACTIVATE_TABLE);
        st_be32(header, n);
        st_be64(header + 4, offset);
        st_be32(old, q->l1_size);
        st_be64(old + 4, q->l1_offset);
        r = qcow2_header_switch(q, 36, header, old, sizeof(header));
    }
    return r;
}

int qcow2_l1_grow(struct qcow2 *q, uint64_t size)
{
    uint64_t reach = UINT64_C(1) << (q->cluster_bits + q->l2_bits);
    uint64_t need = (size + reach - 1) / reach, offset, bytes;
    uint64_t old_offset = q->l1_offset, old_bytes = (uint64_t)q->l1_size * 8;
    g_autofree uint64_t *l1 = NULL;
    int r;

    if (need <= q->l1_size) {
        return 0;
    }
    if (need * 8 > QCOW2_MAX_L1) {
        return -EFBIG;
    }
    l1 = g_try_new0(uint64_t, need);
    if (l1 == NULL) {
        return -ENOMEM;
    }
    memcpy(l1, q->l1, (size_t)q->l1_size * 8);
    bytes = align_up(need * 8, q->cluster_size);
    block_event(q->node->file, BLOCK_EVENT_L1_GROW_ALLOC_TABLE);
    r = qcow2_alloc_exact(q, bytes >> q->cluster_bits, &offset);
    if (r < 0) {
        return r;
    }
    r = write_new_l1(q, l1, (uint32_t)need, offset);
    if (r < 0) {
        if (!q->failed) {
            (void)qcow2_refcount_add(q, offset, bytes, -1);
        }
        return r;
    }
    g_free(q->l1);
    q->l1 = g_steal_pointer(&l1);
    q->l1_size = (uint32_t)need;
    q->l1_offset = offset;
    qcow2_meta_note(q, offset, bytes, true);
    if (old_bytes > 0) {
        qcow2_free_later(q, old_offset, old_bytes, QCOW2_FREE_OTHER);
    }
    return qcow2_barrier(q);
}
