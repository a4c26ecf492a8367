/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/bits.h"
#include "base/endian.h"
#include "block/qcow2/qcow2.h"

#include <errno.h>
#include <string.h>

void qcow2_cache_init(struct qcow2_cache *cache, unsigned slice_size, uint64_t max_bytes)
{
    *cache = (struct qcow2_cache){
        .by_offset = g_hash_table_new(g_int64_hash, g_int64_equal),
        .size = slice_size,
        .max = (unsigned)CLAMP(max_bytes / slice_size, 16, 1u << 20),
    };
}

static void slice_free(struct qcow2_slice *slice)
{
    g_free(slice->data);
    g_free(slice);
}

static void unlink_slice(struct qcow2_cache *cache, struct qcow2_slice *slice)
{
    *(slice->newer != NULL ? &slice->newer->older : &cache->newest) = slice->older;
    *(slice->older != NULL ? &slice->older->newer : &cache->oldest) = slice->newer;
}

static void link_newest(struct qcow2_cache *cache, struct qcow2_slice *slice)
{
    slice->newer = NULL;
    slice->older = cache->newest;
    *(cache->newest != NULL ? &cache->newest->newer : &cache->oldest) = slice;
    cache->newest = slice;
}

static void set_dirty(struct qcow2_cache *cache, struct qcow2_slice *slice, bool dirty)
{
    if (slice->dirty != dirty) {
        slice->dirty = dirty;
        cache->n_dirty[slice->table] += dirty ? 1u : -1u;
    }
}

static void drop_slice(struct qcow2_cache *cache, struct qcow2_slice *slice)
{
    set_dirty(cache, slice, false);
    unlink_slice(cache, slice);
    g_hash_table_remove(cache->by_offset, &slice->offset);
    cache->n--;
    slice_free(slice);
}

void qcow2_cache_fini(struct qcow2_cache *cache)
{
    while (cache->newest != NULL) {
        drop_slice(cache, cache->newest);
    }
    g_clear_pointer(&cache->by_offset, g_hash_table_unref);
}

struct qcow2_slice *qcow2_slice_peek(struct qcow2 *q, uint64_t offset)
{
    struct qcow2_cache *cache = &q->cache;
    uint64_t start = align_down(offset, cache->size);
    struct qcow2_slice *slice = cache->newest;

    if (slice != NULL && slice->offset == start) {
        return slice;
    }
    slice = g_hash_table_lookup(cache->by_offset, &start);
    if (slice != NULL) {
        unlink_slice(cache, slice);
        link_newest(cache, slice);
    }
    return slice;
}

/* Makes room for one more. */
static int evict(struct qcow2 *q)
{
    struct qcow2_cache *cache = &q->cache;

    while (cache->n >= cache->max) {
        int r = cache->oldest->dirty ? qcow2_meta_write(q) : 0;

        if (r < 0) {
            return r;
        }
        /* Giving clusters back may have dirtied refcount blocks again. */
        if (cache->oldest->dirty && cache->oldest->table == QCOW2_REFBLOCK) {
            r = qcow2_write_slices(q, QCOW2_REFBLOCK); /* dirty images keep them back */
        }
        if (r < 0) {
            return r;
        }
        drop_slice(cache, cache->oldest);
    }
    return 0;
}

int qcow2_slice_get(struct qcow2 *q, enum qcow2_table table, uint64_t offset,
                    struct qcow2_slice **ret_slice)
{
    struct qcow2_cache *cache = &q->cache;
    struct qcow2_slice *slice = qcow2_slice_peek(q, offset);
    int r;

    if (slice != NULL) {
        if (slice->table != table) {
            return qcow2_corrupt(q, "one cluster at offset 0x%" PRIx64 " serves as two tables",
                                 slice->offset);
        }
        *ret_slice = slice;
        return 0;
    }
    r = evict(q);
    if (r < 0) {
        return r;
    }
    slice = g_new0(struct qcow2_slice, 1);
    slice->offset = align_down(offset, cache->size);
    slice->table = table;
    slice->data = g_malloc(cache->size);
    block_event(q->node->file, table == QCOW2_L2 ? BLOCK_EVENT_L2_LOAD : BLOCK_EVENT_REFBLOCK_LOAD);
    r = block_pread(q->node->file, slice->offset, slice->data, cache->size);
    if (r < 0) {
        slice_free(slice);
        return r;
    }
    g_hash_table_insert(cache->by_offset, &slice->offset, slice);
    link_newest(cache, slice);
    cache->n++;
    *ret_slice = slice;
    return 0;
}

void qcow2_slice_dirty(struct qcow2 *q, struct qcow2_slice *slice)
{
    set_dirty(&q->cache, slice, true);
}

void qcow2_cache_forget(struct qcow2 *q, uint64_t cluster_offset)
{
    for (uint32_t at = 0; at < q->cluster_size; at += q->cache.size) {
        uint64_t offset = cluster_offset + at;
        struct qcow2_slice *slice = g_hash_table_lookup(q->cache.by_offset, &offset);

        if (slice != NULL) {
            drop_slice(&q->cache, slice);
        }
    }
}

static int by_place(const void *a, const void *b)
{
    const struct qcow2_slice *x = *(struct qcow2_slice *const *)a;
    const struct qcow2_slice *y = *(struct qcow2_slice *const *)b;

    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Writes slices that follow each other in the file with one call. */
static int write_run(struct qcow2 *q, struct qcow2_slice **run, unsigned n)
{
    g_autofree struct iovec *iov = g_new(struct iovec, n);
    int r;

    for (unsigned i = 0; i < n; i++) {
        iov[i] = (struct iovec){run[i]->data, q->cache.size};
    }
    r = block_pwritev(q->node->file, run[0]->offset, (uint64_t)n * q->cache.size,
                      (struct block_vec){iov, (int)n, 0}, 0);
    for (unsigned i = 0; r == 0 && i < n; i++) {
        set_dirty(&q->cache, run[i], false);
    }
    q->wrote++;
    return r;
}

int qcow2_write_slices(struct qcow2 *q, enum qcow2_table table)
{
    g_autoptr(GPtrArray) dirty = NULL;
    int r = 0;

    if (q->cache.n_dirty[table] == 0) {
        return 0;
    }
    dirty = g_ptr_array_new();
    for (struct qcow2_slice *s = q->cache.newest; s != NULL; s = s->older) {
        if (s->dirty && s->table == table) {
            g_ptr_array_add(dirty, s);
        }
    }
    g_ptr_array_sort(dirty, by_place);
    block_event(q->node->file,
                table == QCOW2_L2 ? BLOCK_EVENT_L2_UPDATE : BLOCK_EVENT_REFBLOCK_UPDATE);
    for (unsigned i = 0, n; r == 0 && i < dirty->len; i += n) {
        struct qcow2_slice **run = (struct qcow2_slice **)dirty->pdata + i;

        for (n = 1;
             i + n < dirty->len && n < 256 && run[n]->offset == run[n - 1]->offset + q->cache.size;
             n++) {
        }
        r = write_run(q, run, n);
    }
    return r;
}

/* Writes entries [from, to) of a table kept in host order. */
static int write_entries(struct qcow2 *q, uint64_t table_offset, const uint64_t *table,
                         uint32_t from, uint32_t to)
{
    g_autofree uint8_t *buf = g_malloc((size_t)(to - from) * 8);

    for (uint32_t i = from; i < to; i++) {
        st_be64(buf + (size_t)(i - from) * 8, table[i]);
    }
    q->wrote++;
    return block_pwrite(q->node->file, table_offset + (uint64_t)from * 8, buf,
                        (size_t)(to - from) * 8, 0);
}

int qcow2_barrier(struct qcow2 *q)
{
    int r = q->stable == q->wrote ? 0 : block_flush(q->node->file);

    if (r == 0) {
        q->stable = q->wrote;
    }
    return r;
}

bool qcow2_meta_settled(const struct qcow2 *q)
{
    return q->stable == q->wrote && q->cache.n_dirty[QCOW2_L2] == 0 && !q->l1_dirty;
}

static int write_refcounts(struct qcow2 *q)
{
    int r = qcow2_write_slices(q, QCOW2_REFBLOCK);

    if (r == 0 && q->reftable_dirty) {
        r = qcow2_barrier(q);
        if (r == 0) {
            block_event(q->node->file, BLOCK_EVENT_REFTABLE_UPDATE);
            r = write_entries(q, q->reftable_offset, q->reftable, q->reftable_dirty_from,
                              q->reftable_dirty_to);
        }
        q->reftable_dirty = r < 0;
    }
    return r;
}

static int write_maps(struct qcow2 *q)
{
    int r = qcow2_write_slices(q, QCOW2_L2);

    if (r == 0 && q->l1_dirty) {
        r = qcow2_barrier(q);
        if (r == 0) {
            block_event(q->node->file, BLOCK_EVENT_L1_UPDATE);
            r = write_entries(q, q->l1_offset, q->l1, q->l1_dirty_from, q->l1_dirty_to);
        }
        q->l1_dirty = r < 0;
    }
    return r;
}

int qcow2_meta_write(struct qcow2 *q)
{
    int r = 0;

    /* A dirty image's refcounts are rebuilt before they are trusted: their order does not matter.
     */
    if (!(q->incompatible & QCOW2_INCOMPAT_DIRTY) || q->reftable_dirty) {
        r = write_refcounts(q);
    }
    if (r == 0 && (q->cache.n_dirty[QCOW2_L2] > 0 || q->l1_dirty)) {
        r = qcow2_barrier(q);
        if (r == 0) {
            r = write_maps(q);
        }
    }
    if (r == 0 && q->pending_free->len > 0) {
        r = qcow2_barrier(q);
        if (r == 0) {
            r = qcow2_free_pending(q);
        }
    }
    return r;
}

int qcow2_meta_write_all(struct qcow2 *q)
{
    int r = qcow2_meta_write(q);

    return r == 0 ? write_refcounts(q) : r;
}

int qcow2_mark_clean(struct qcow2 *q)
{
    int r = qcow2_meta_write_all(q);

    if (r < 0 || !(q->incompatible & QCOW2_INCOMPAT_DIRTY)) {
        return r;
    }
    r = qcow2_barrier(q);
    if (r == 0) {
        q->incompatible &= ~(uint64_t)QCOW2_INCOMPAT_DIRTY;
        r = qcow2_header_write_features(q);
    }
    return r;
}
