/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/bits.h"
#include "base/endian.h"
#include "base/least.h"
#include "block/qcow2/qcow2.h"

#include <errno.h>
#include <string.h>

#define MAX_PENDING 8192 /* spans; then metadata is written to get rid of them */

uint64_t qcow2_refcount_peek(const uint8_t *block, unsigned order, uint64_t index)
{
    switch (order) {
    case 0: return (block[index / 8] >> (index % 8)) & 1;
    case 1: return (block[index / 4] >> (2 * (index % 4))) & 3;
    case 2: return (block[index / 2] >> (4 * (index % 2))) & 15;
    case 3: return block[index];
    case 4: return ld_be16(block + 2 * index);
    case 5: return ld_be32(block + 4 * index);
    default: return ld_be64(block + 8 * index);
    }
}

static void poke_bits(uint8_t *byte, unsigned shift, unsigned bits, uint64_t value)
{
    *byte = (uint8_t)bits_set(*byte, shift, bits, value);
}

void qcow2_refcount_poke(uint8_t *block, unsigned order, uint64_t index, uint64_t value)
{
    switch (order) {
    case 0: poke_bits(block + index / 8, index % 8, 1, value); break;
    case 1: poke_bits(block + index / 4, 2 * (index % 4), 2, value); break;
    case 2: poke_bits(block + index / 2, 4 * (index % 2), 4, value); break;
    case 3: block[index] = (uint8_t)value; break;
    case 4: st_be16(block + 2 * index, (uint16_t)value); break;
    case 5: st_be32(block + 4 * index, (uint32_t)value); break;
    default: st_be64(block + 8 * index, value); break;
    }
}

static uint64_t refcount_max(const struct qcow2 *q)
{
    return mask64(1u << q->refcount_order);
}

/* ---- which clusters are metadata ---- */

void qcow2_meta_note(struct qcow2 *q, uint64_t offset, uint64_t len, bool is_meta)
{
    uint64_t first = qcow2_cluster_of(q, offset);
    uint64_t end = qcow2_cluster_of(q, offset + len + q->cluster_size - 1);

    for (uint64_t c = first; q->meta != NULL && c < end; c++) {
        if (is_meta) {
            g_hash_table_add(q->meta, (gpointer)(uintptr_t)c);
        } else {
            g_hash_table_remove(q->meta, (gpointer)(uintptr_t)c);
        }
    }
}

int qcow2_meta_load(struct qcow2 *q)
{
    if (q->meta != NULL) {
        return 0;
    }
    q->meta = g_hash_table_new(NULL, NULL);
    qcow2_meta_note(q, 0, q->cluster_size, true);
    qcow2_meta_note(q, q->l1_offset, (uint64_t)q->l1_size * 8, true);
    qcow2_meta_note(q, q->reftable_offset, (uint64_t)q->reftable_clusters << q->cluster_bits, true);
    qcow2_meta_note(q, q->snapshots_offset, q->snapshots_len, true);
    for (uint32_t i = 0; i < q->l1_size; i++) {
        if (q->l1[i] & QCOW2_OFFSET) {
            qcow2_meta_note(q, q->l1[i] & QCOW2_OFFSET, q->cluster_size, true);
        }
    }
    for (uint32_t i = 0; i < q->reftable_size; i++) {
        if (q->reftable[i] != 0) {
            qcow2_meta_note(q, q->reftable[i], q->cluster_size, true);
        }
    }
    for (unsigned i = 0; i < q->snapshots->len; i++) {
        const struct qcow2_snap *snap = g_ptr_array_index(q->snapshots, i);

        qcow2_meta_note(q, snap->l1_offset, (uint64_t)snap->l1_size * 8, true);
    }
    return 0;
}

int qcow2_check_overlap(struct qcow2 *q, uint64_t offset, uint64_t len)
{
    uint64_t end = qcow2_cluster_of(q, offset + len + q->cluster_size - 1);

    for (uint64_t c = qcow2_cluster_of(q, offset); q->meta != NULL && c < end; c++) {
        if (g_hash_table_contains(q->meta, (gpointer)(uintptr_t)c)) {
            return qcow2_corrupt(q, "preventing invalid write on metadata at offset 0x%" PRIx64,
                                 c << q->cluster_bits);
        }
    }
    return 0;
}

/* A mapped cluster past everything that was ever written may be true, if its refcount says so. */
int qcow2_check_in_place(struct qcow2 *q, uint64_t offset, uint64_t len)
{
    uint64_t refcount;
    int r = qcow2_check_overlap(q, offset, len);

    if (r < 0 || offset < q->file_end) {
        return r;
    }
    r = qcow2_refcount_get(q, qcow2_cluster_of(q, offset), &refcount);

    if (r == 0 && refcount == 0) {
        r = qcow2_corrupt(q, "cluster at offset 0x%" PRIx64 " is past the file's end", offset);
    }
    return r;
}

/* ---- loading ---- */

int qcow2_refcount_load(struct qcow2 *q, GError **error)
{
    size_t bytes = (size_t)q->reftable_clusters << q->cluster_bits;
    g_autofree uint8_t *raw = g_try_malloc(bytes);
    int r;

    block_event(q->node->file, BLOCK_EVENT_REFTABLE_LOAD);
    r = raw != NULL ? block_pread(q->node->file, q->reftable_offset, raw, bytes) : -ENOMEM;

    if (r < 0) {
        g_set_error(error, BLOCK_ERROR, -r, "Could not initialize refcount handling: %s",
                    g_strerror(-r));
        return r;
    }
    q->reftable_size = (uint32_t)(bytes / 8);
    q->reftable = g_try_new(uint64_t, MAX(q->reftable_size, 1));
    if (q->reftable == NULL) {
        g_set_error(error, BLOCK_ERROR, ENOMEM, "Could not allocate the refcount table");
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < q->reftable_size; i++) {
        q->reftable[i] = ld_be64(raw + (size_t)i * 8);
    }
    return 0;
}

/* ---- one refcount ---- */

/* The slice with the cluster's refcount and its index in there; *ret_slice NULL: no such block. */
static int find(struct qcow2 *q, uint64_t cluster, struct qcow2_slice **ret_slice,
                uint64_t *ret_index)
{
    uint64_t block = cluster >> q->refblock_bits;
    uint64_t index = cluster & mask64(q->refblock_bits);
    uint64_t entries = ((uint64_t)q->cache.size * 8) >> q->refcount_order;
    uint64_t offset;
    int r;

    *ret_slice = NULL;
    if (block >= q->reftable_size || q->reftable[block] == 0) {
        return 0;
    }
    offset = q->reftable[block];
    if ((offset & (q->cluster_size - 1)) != 0 || offset > BLOCK_MAX_LENGTH - q->cluster_size) {
        return qcow2_corrupt(
            q, "refblock offset 0x%" PRIx64 " unaligned (reftable index: 0x%" PRIx64 ")", offset,
            block);
    }
    if (offset >= q->file_end && !block_read_only(q->node)) {
        return qcow2_corrupt(q, "refblock offset 0x%" PRIx64 " past the file's end", offset);
    }
    r = qcow2_slice_get(q, QCOW2_REFBLOCK, offset + index / entries * q->cache.size, ret_slice);
    *ret_index = index % entries;
    return r;
}

int qcow2_refcount_get(struct qcow2 *q, uint64_t cluster, uint64_t *ret_refcount)
{
    struct qcow2_slice *slice;
    uint64_t index;
    int r = find(q, cluster, &slice, &index);

    if (r == 0) {
        *ret_refcount =
            slice == NULL ? 0 : qcow2_refcount_peek(slice->data, q->refcount_order, index);
    }
    return r;
}

static void cluster_is_free(struct qcow2 *q, uint64_t cluster)
{
    q->free_index = MIN(q->free_index, cluster);
    if (q->packed_at != 0 && qcow2_cluster_of(q, q->packed_at) == cluster) {
        q->packed_at = 0;
    }
    qcow2_unpacked_forget(q, cluster);
    qcow2_cache_forget(q, cluster << q->cluster_bits);
    qcow2_meta_note(q, cluster << q->cluster_bits, q->cluster_size, false);
}

static int add_one(struct qcow2 *q, uint64_t cluster, int delta, uint64_t *ret_now)
{
    struct qcow2_slice *slice;
    uint64_t index, value;
    int r = find(q, cluster, &slice, &index);

    if (r < 0) {
        return r;
    }
    value = slice == NULL ? 0 : qcow2_refcount_peek(slice->data, q->refcount_order, index);
    if (slice == NULL || (delta < 0 && value < (uint64_t)-delta)) {
        return qcow2_corrupt(q, "refcount of the cluster at 0x%" PRIx64 " would drop below 0",
                             cluster << q->cluster_bits);
    }
    if (delta > 0 && value > refcount_max(q) - (uint64_t)delta) {
        return -ERANGE;
    }
    value += (uint64_t)(int64_t)delta;
    qcow2_refcount_poke(slice->data, q->refcount_order, index, value);
    qcow2_slice_dirty(q, slice);
    *ret_now = value;
    return 0;
}

int qcow2_refcount_add(struct qcow2 *q, uint64_t offset, uint64_t len, int delta)
{
    uint64_t first = qcow2_cluster_of(q, offset);
    uint64_t end = len == 0 ? first : qcow2_cluster_of(q, offset + len - 1) + 1;
    uint64_t c, now;
    int r = 0;

    for (c = first; r == 0 && c < end; c++) {
        r = add_one(q, c, delta, &now);
        if (r == 0 && now == 0) {
            cluster_is_free(q, c);
        }
    }
    if (r < 0 && delta > 0) { /* undo: an overflow in the middle */
        while (c-- > first + 1) {
            (void)add_one(q, c - 1, -delta, &now);
        }
    }
    return r;
}

/* ---- new refcount blocks and tables ---- */

static int write_zeroes(struct qcow2 *q, uint64_t offset, uint64_t len)
{
    g_autofree uint8_t *zeroes = g_try_malloc0(len);

    return zeroes == NULL ? -ENOMEM : block_pwrite(q->node->file, offset, zeroes, len, 0);
}

static void reftable_dirty(struct qcow2 *q, uint32_t index)
{
    if (!q->reftable_dirty) {
        q->reftable_dirty = true;
        q->reftable_dirty_from = index;
        q->reftable_dirty_to = index + 1;
    }
    q->reftable_dirty_from = MIN(q->reftable_dirty_from, index);
    q->reftable_dirty_to = MAX(q->reftable_dirty_to, index + 1);
}

/* A block for the part of the file that `cluster` is in, kept in `cluster` itself. */
static int new_refblock(struct qcow2 *q, uint64_t cluster)
{
    uint64_t offset = cluster << q->cluster_bits, now;
    uint32_t index = (uint32_t)(cluster >> q->refblock_bits);
    int r = qcow2_check_overlap(q, offset, q->cluster_size);

    block_event(q->node->file, BLOCK_EVENT_REFBLOCK_ALLOC);
    if (r == 0) {
        block_event(q->node->file, BLOCK_EVENT_REFBLOCK_ALLOC_WRITE);
        r = write_zeroes(q, offset, q->cluster_size);
    }
    if (r < 0) {
        return r;
    }
    qcow2_cache_forget(q, offset);
    q->reftable[index] = offset;
    reftable_dirty(q, index);
    qcow2_meta_note(q, offset, q->cluster_size, true);
    q->file_end = MAX(q->file_end, offset + q->cluster_size);
    r = add_one(q, cluster, 1, &now);
    if (r < 0) { /* a block that does not count itself must not be used */
        q->reftable[index] = 0;
        qcow2_meta_note(q, offset, q->cluster_size, false);
    }
    return r;
}

/* Where a larger refcount table goes: the table's clusters, then blocks that cover all of it. */
struct growth {
    uint64_t start;         /* cluster */
    uint64_t table, blocks; /* clusters */
    uint64_t first_block;   /* reftable index */
    uint64_t entries;       /* of the new table */
};

static bool plan_growth(const struct qcow2 *q, uint64_t start, struct growth *g)
{
    uint64_t per_cluster = q->cluster_size / 8, need;

    *g = (struct growth){.start = start, .first_block = start >> q->refblock_bits, .blocks = 1};
    for (unsigned i = 0; i < 64; i++) {
        need = MAX(g->first_block + g->blocks, (uint64_t)q->reftable_size * 3 / 2);
        g->table = MAX((need + per_cluster - 1) / per_cluster, 1);
        need = ((start + g->table + g->blocks - 1) >> q->refblock_bits) - g->first_block + 1;
        if (need <= g->blocks) {
            g->entries = g->table * per_cluster;
            return g->entries * 8 <= QCOW2_MAX_REFTABLE;
        }
        g->blocks = need;
    }
    return false;
}

static int write_new_blocks(struct qcow2 *q, const struct growth *g, uint64_t *table)
{
    uint64_t first = g->start, end = g->start + g->table + g->blocks;
    g_autofree uint8_t *block = g_malloc(q->cluster_size);
    int r = 0;

    for (uint64_t i = 0; r == 0 && i < g->blocks; i++) {
        uint64_t base = (g->first_block + i) << q->refblock_bits;
        uint64_t to = MIN(end, base + BIT64(q->refblock_bits));

        memset(block, 0, q->cluster_size);
        for (uint64_t c = MAX(first, base); c < to; c++) {
            qcow2_refcount_poke(block, q->refcount_order, c - base, 1);
        }
        table[g->first_block + i] = (g->start + g->table + i) << q->cluster_bits;
        r = block_pwrite(q->node->file, table[g->first_block + i], block, q->cluster_size, 0);
    }
    return r;
}

/* After success the header names the new table, though perhaps not yet on stable storage. */
static int write_new_table(struct qcow2 *q, const struct growth *g, const uint64_t *table)
{
    g_autofree uint8_t *raw = g_try_malloc(g->entries * 8);
    uint8_t header[12], old[12];
    int r;

    if (raw == NULL) {
        return -ENOMEM;
    }
    for (uint64_t i = 0; i < g->entries; i++) {
        st_be64(raw + i * 8, table[i]);
    }
    r = block_pwrite(q->node->file, g->start << q->cluster_bits, raw, g->entries * 8, 0);
    if (r == 0) {
        r = qcow2_write_slices(q, QCOW2_REFBLOCK);
    }
    if (r == 0) {
        r = block_flush(q->node->file);
    }
    if (r == 0) {
        block_event(q->node->file, BLOCK_EVENT_REFBLOCK_ALLOC_SWITCH_TABLE);
        st_be64(header, g->start << q->cluster_bits);
        st_be32(header + 8, (uint32_t)g->table);
        st_be64(old, q->reftable_offset);
        st_be32(old + 8, q->reftable_clusters);
        r = qcow2_header_switch(q, 48, header, old, sizeof(header));
    }
    return r;
}

/* A refcount table that reaches `cluster`, which is the first that the old one does not. */
static int grow_reftable(struct qcow2 *q, uint64_t cluster, uint64_t *ret_end)
{
    uint64_t old_offset = q->reftable_offset;
    uint64_t old_len = (uint64_t)q->reftable_clusters << q->cluster_bits;
    g_autofree uint64_t *table = NULL;
    struct growth g;
    int r;

    block_event(q->node->file, BLOCK_EVENT_REFTABLE_GROW);
    if (!plan_growth(q, cluster, &g)) {
        return -EFBIG;
    }
    table = g_try_new0(uint64_t, g.entries);
    if (table == NULL) {
        return -ENOMEM;
    }
    memcpy(table, q->reftable, (size_t)q->reftable_size * 8);
    r = qcow2_check_overlap(q, g.start << q->cluster_bits, (g.table + g.blocks) << q->cluster_bits);
    if (r == 0) {
        block_event(q->node->file, BLOCK_EVENT_REFBLOCK_ALLOC_WRITE_BLOCKS);
        r = write_new_blocks(q, &g, table);
    }
    if (r == 0) {
        block_event(q->node->file, BLOCK_EVENT_REFBLOCK_ALLOC_WRITE_TABLE);
        r = write_new_table(q, &g, table);
    }
    if (r < 0) {
        return r;
    }
    g_free(q->reftable);
    q->reftable = g_steal_pointer(&table);
    q->reftable_size = (uint32_t)g.entries;
    q->reftable_clusters = (uint32_t)g.table;
    q->reftable_offset = g.start << q->cluster_bits;
    q->reftable_dirty = false;
    qcow2_meta_note(q, q->reftable_offset, (g.table + g.blocks) << q->cluster_bits, true);
    *ret_end = g.start + g.table + g.blocks;
    q->file_end = MAX(q->file_end, *ret_end << q->cluster_bits);
    qcow2_free_later(q, old_offset, old_len, QCOW2_FREE_OTHER);
    return qcow2_barrier(q);
}

/* Makes sure that `cluster`, which is free, has a refcount block. *ret_next: go on there. */
static int cover(struct qcow2 *q, uint64_t cluster, uint64_t *ret_next)
{
    uint64_t index = cluster >> q->refblock_bits;
    int r = 0;

    *ret_next = cluster;
    if (index >= q->reftable_size) {
        r = grow_reftable(q, cluster, ret_next);
    } else if (q->reftable[index] == 0) {
        r = new_refblock(q, cluster);
        *ret_next = cluster + 1;
    }
    return r;
}

/* ---- allocation ---- */

/* The first run of 1..n free clusters at or after `from`; all have refcount blocks. */
static int find_run(struct qcow2 *q, uint64_t from, uint64_t n, uint64_t *ret_first,
                    uint64_t *ret_n)
{
    uint64_t c = from, first = from, found = 0;

    while (found < n) {
        uint64_t refcount, next;
        int r = qcow2_refcount_get(q, c, &refcount);

        if (r < 0) {
            return r;
        }
        if (c > BLOCK_MAX_LENGTH >> q->cluster_bits) {
            return -EFBIG;
        }
        if (refcount != 0) {
            if (found > 0) {
                break;
            }
            first = ++c;
            continue;
        }
        r = cover(q, c, &next);
        if (r < 0) {
            return r;
        }
        if (next != c) {
            if (found > 0) {
                break;
            }
            first = c = next;
            continue;
        }
        found++;
        c++;
    }
    *ret_first = first;
    *ret_n = found;
    return 0;
}

static int take_run(struct qcow2 *q, uint64_t first, uint64_t n, bool *ret_fresh)
{
    uint64_t offset = first << q->cluster_bits, len = n << q->cluster_bits;
    int r = qcow2_check_overlap(q, offset, len);

    if (r == 0) {
        r = qcow2_refcount_add(q, offset, len, 1);
    }
    if (r == 0) {
        if (ret_fresh != NULL) {
            *ret_fresh = offset >= q->file_end;
        }
        q->file_end = MAX(q->file_end, offset + len);
    }
    return r;
}

int qcow2_alloc(struct qcow2 *q, uint64_t n, uint64_t *ret_offset, uint64_t *ret_n, bool *ret_fresh)
{
    uint64_t first, found;
    int r;

    block_event(q->node->file, BLOCK_EVENT_CLUSTER_ALLOC);
    r = find_run(q, q->free_index, n, &first, &found);

    /* A run must not be half fresh. */
    if (r == 0 && first << q->cluster_bits < q->file_end) {
        found = min_u64(found, qcow2_cluster_of(q, q->file_end + q->cluster_size - 1) - first);
    }
    if (r == 0) {
        r = take_run(q, first, found, ret_fresh);
    }
    if (r == 0) {
        q->free_index = first + found;
        *ret_offset = first << q->cluster_bits;
        *ret_n = found;
    }
    return r;
}

int qcow2_alloc_exact(struct qcow2 *q, uint64_t n, uint64_t *ret_offset)
{
    uint64_t from = q->free_index, first, found;
    int r;

    for (;;) {
        r = find_run(q, from, n, &first, &found);
        if (r < 0) {
            return r;
        }
        if (found == n) {
            break;
        }
        from = first + found;
    }
    r = take_run(q, first, n, NULL);
    if (r == 0) {
        *ret_offset = first << q->cluster_bits;
        if (first == q->free_index) {
            q->free_index += n;
        }
    }
    return r;
}

/* May another piece of compressed data share the cluster that packed_at is in? */
static bool can_share(struct qcow2 *q)
{
    uint64_t refcount = 0;

    return q->packed_at != 0 && (q->packed_at & (q->cluster_size - 1)) != 0 &&
           qcow2_refcount_get(q, qcow2_cluster_of(q, q->packed_at), &refcount) == 0 &&
           refcount > 0 && refcount < refcount_max(q);
}

int qcow2_alloc_packed(struct qcow2 *q, uint32_t len, uint64_t *ret_offset)
{
    uint64_t room = q->packed_at == 0 ? 0 : -q->packed_at & (q->cluster_size - 1);
    uint64_t offset, n;
    int r;

    g_assert(len > 0 && len <= q->cluster_size);
    block_event(q->node->file, BLOCK_EVENT_CLUSTER_ALLOC_BYTES);
    if (can_share(q) && room >= len) {
        offset = q->packed_at;
        r = qcow2_refcount_add(q, offset, 1, 1);
    } else {
        r = qcow2_alloc(q, 1, &offset, &n, NULL);
        if (r == 0 && can_share(q) && q->packed_at + room == offset) {
            r = qcow2_refcount_add(q, q->packed_at, 1, 1);
            offset = q->packed_at;
        }
    }
    if (r == 0) {
        q->packed_at = offset + len;
        *ret_offset = offset;
    }
    return r;
}

/* ---- giving back ---- */

void qcow2_free_later(struct qcow2 *q, uint64_t offset, uint64_t len, enum qcow2_why why)
{
    struct qcow2_span span = {offset, len, why};
    struct qcow2_span *last =
        q->pending_free->len > 0
            ? &g_array_index(q->pending_free, struct qcow2_span, q->pending_free->len - 1)
            : NULL;

    if (last != NULL && last->why == why && last->offset + last->len == offset &&
        (offset & (q->cluster_size - 1)) == 0) {
        last->len += len;
    } else {
        g_array_append_val(q->pending_free, span);
    }
}

/* Tells the file below about clusters of the span that are free now. */
static int pass_discard(struct qcow2 *q, const struct qcow2_span *span)
{
    uint64_t first = qcow2_cluster_of(q, span->offset);
    uint64_t end = qcow2_cluster_of(q, span->offset + span->len - 1) + 1, run = 0, refcount;
    int r = 0;

    for (uint64_t c = first; r == 0 && c <= end; c++) {
        refcount = 1;
        if (c < end) {
            r = qcow2_refcount_get(q, c, &refcount);
        }
        if (r == 0 && refcount == 0) {
            run++;
        } else if (run > 0) {
            (void)block_discard(q->node->file, (c - run) << q->cluster_bits,
                                run << q->cluster_bits);
            run = 0;
        }
    }
    return r;
}

int qcow2_free_pending(struct qcow2 *q)
{
    GArray *spans = q->pending_free;
    int r = 0;

    block_event(q->node->file, BLOCK_EVENT_CLUSTER_FREE);
    q->pending_free = g_array_new(FALSE, FALSE, sizeof(struct qcow2_span));
    for (unsigned i = 0; i < spans->len; i++) {
        const struct qcow2_span *span = &g_array_index(spans, struct qcow2_span, i);
        int one = qcow2_refcount_add(q, span->offset, span->len, -1);

        if (one == 0 && q->pass_discard[span->why]) {
            one = pass_discard(q, span);
        }
        r = r == 0 ? one : r;
    }
    g_array_free(spans, TRUE);
    return r;
}

void qcow2_packed_place(const struct qcow2 *q, uint64_t entry, uint64_t *ret_offset,
                        uint64_t *ret_len)
{
    unsigned bits = 62 - (q->cluster_bits - 8);
    uint64_t sectors = bits_get(entry, bits, 62 - bits) + 1;

    *ret_offset = entry & mask64(bits);
    *ret_len = sectors * 512 - (*ret_offset & 511);
}

void qcow2_free_entry(struct qcow2 *q, uint64_t entry, enum qcow2_why why)
{
    uint64_t offset, len;

    switch (qcow2_entry_type(q, entry)) {
    case QCOW2_PACKED:
        qcow2_packed_place(q, entry, &offset, &len);
        qcow2_free_later(q, offset, len, why);
        break;
    case QCOW2_NORMAL:
    case QCOW2_ZERO_ALLOCATED:
        qcow2_free_later(q, entry & QCOW2_OFFSET, q->cluster_size, why);
        break;
    default: break;
    }
}
