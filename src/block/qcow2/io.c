/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/bits.h"
#include "block/qcow2/qcow2.h"

#include <errno.h>
#include <string.h>

#define MAX_PENDING   4096        /* spans waiting to be given back before metadata is written */
#define MAX_ALLOC_RUN (64u << 20) /* bytes allocated under one range */

/* ---- reading ---- */

static int read_backing(struct qcow2 *q, uint64_t offset, uint64_t len, struct block_vec vec)
{
    struct block_node *backing = q->node->backing;
    int64_t length = backing != NULL ? block_length(backing) : 0;
    uint64_t have;
    int r = 0;

    if (length < 0) {
        return (int)length;
    }
    have = offset < (uint64_t)length ? MIN(len, (uint64_t)length - offset) : 0;
    if (have > 0) {
        block_event(q->node->file, BLOCK_EVENT_READ_BACKING_AIO);
        r = block_preadv(backing, offset, have, vec);
    }
    if (r == 0 && have < len) {
        block_vec_zero(block_vec_at(vec, have), len - have);
    }
    return r;
}

static int read_mapped(struct qcow2 *q, const struct qcow2_map *map, uint64_t offset,
                       struct block_vec vec)
{
    switch (map->type) {
    case QCOW2_UNALLOCATED: return read_backing(q, offset, map->len, vec);
    case QCOW2_NORMAL:
        block_event(q->node->file, BLOCK_EVENT_READ_AIO);
        return block_preadv(q->node->file, map->host, map->len, vec);
    case QCOW2_PACKED:
        return qcow2_read_packed(q, map, offset & (q->cluster_size - 1), map->len, vec);
    default: block_vec_zero(vec, map->len); return 0;
    }
}

/* The caller holds a range over it. */
static int read_range(struct qcow2 *q, uint64_t offset, uint64_t len, struct block_vec vec)
{
    int r = 0;

    while (r == 0 && len > 0) {
        struct qcow2_map map;

        g_mutex_lock(&q->lock);
        r = qcow2_map(q, offset, len, &map);
        g_mutex_unlock(&q->lock);
        if (r == 0) {
            r = read_mapped(q, &map, offset, vec);
            offset += map.len;
            len -= map.len;
            vec = block_vec_at(vec, map.len);
        }
    }
    return r;
}

int qcow2_preadv(struct block_node *node, uint64_t offset, uint64_t len, struct block_vec vec)
{
    struct qcow2 *q = node->state;
    struct block_range range;
    int r;

    block_range_take(q->ranges, &range, offset, len, false);
    r = read_range(q, offset, len, vec);
    block_range_drop(q->ranges, &range);
    return r;
}

/* ---- writing in place ---- */

static bool in_place(const struct qcow2_map *map)
{
    return map->type == QCOW2_NORMAL && map->copied;
}

static int begin_write(struct qcow2 *q)
{
    int r = qcow2_header_begin_write(q);

    return r == 0 ? qcow2_meta_load(q) : r;
}

/*
 * Writes as much from `offset` on as is mapped for it; *ret_done may be 0. *ret_flush: the mapping
 * is not stable yet, so that BLOCK_REQ_FUA takes a flush.
 */
static int write_in_place(struct qcow2 *q, uint64_t offset, uint64_t len, struct block_vec vec,
                          unsigned flags, uint64_t *ret_done, bool *ret_flush)
{
    struct block_range range;
    struct qcow2_map map = {0};
    int r;

    block_range_take(q->ranges, &range, offset, len, false);
    g_mutex_lock(&q->lock);
    r = begin_write(q);
    if (r == 0) {
        r = qcow2_map(q, offset, len, &map);
    }
    if (r == 0 && in_place(&map)) {
        r = qcow2_check_in_place(q, map.host, map.len);
    }
    if (!qcow2_meta_settled(q)) {
        *ret_flush = true;
        flags = 0;
    }
    g_mutex_unlock(&q->lock);
    *ret_done = 0;
    if (r == 0 && in_place(&map)) {
        block_event(q->node->file, BLOCK_EVENT_WRITE_AIO);
        r = block_pwritev(q->node->file, map.host, map.len, vec, flags);
        *ret_done = map.len;
    }
    block_range_drop(q->ranges, &range);
    return r;
}

/* ---- writing to new clusters ---- */

/* One allocating write: guest clusters [start, start + n clusters) get host clusters at `host`. */
struct alloc_write {
    uint64_t start, n;        /* bytes, clusters */
    uint64_t host;            /* bytes */
    uint64_t offset, len;     /* of the caller's data, inside */
    enum qcow2_type old_type; /* of all clusters of the run */
    bool reuse;               /* the clusters were reserved for these guest clusters already */
    bool zeroed;              /* what is not written reads as zeroes by itself */
};

static int reserve(struct qcow2 *q, const struct qcow2_map *map, struct alloc_write *w)
{
    uint64_t want = (map->len + q->cluster_size - 1) >> q->cluster_bits;
    bool fresh = false;
    int r;

    w->old_type = map->type;
    w->reuse = map->type == QCOW2_ZERO_ALLOCATED && map->copied;
    if (w->reuse) {
        w->host = map->host;
        w->n = want;
        return qcow2_check_in_place(q, w->host, w->n << q->cluster_bits);
    }
    r = qcow2_table_make(q, w->start);
    if (r == 0) {
        r = qcow2_alloc(q, want, &w->host, &w->n, &fresh);
    }
    if (r == -ENOSPC && q->pending_free->len > 0) {
        r = qcow2_meta_write(q);
        r = r == 0 ? qcow2_alloc(q, want, &w->host, &w->n, &fresh) : r;
    }
    w->zeroed = fresh && q->zero_growth;
    return r;
}

/* Does a cluster of that type read as zeroes, as far as this layer knows? */
static bool reads_zero(const struct qcow2 *q, enum qcow2_type type)
{
    return type == QCOW2_ZERO_PLAIN || type == QCOW2_ZERO_ALLOCATED ||
           (type == QCOW2_UNALLOCATED && q->node->backing == NULL);
}

/* Fills `buf` with the guest's bytes at `offset`; past the disk's end zeroes. */
static int read_old(struct qcow2 *q, uint64_t offset, uint8_t *buf, uint64_t len)
{
    uint64_t have = offset < q->size ? MIN(len, q->size - offset) : 0;
    struct iovec iov = {buf, have};
    int r = have > 0 ? read_range(q, offset, have, (struct block_vec){&iov, 1, 0}) : 0;

    memset(buf + have, 0, len - have);
    return r;
}

/* The caller's bytes with `head` and `tail` old bytes around them, in one write. */
static int write_with_edges(struct qcow2 *q, const struct alloc_write *w, uint64_t head,
                            uint64_t tail, struct block_vec vec)
{
    g_autofree struct iovec *iov = g_new(struct iovec, vec.niov + 2);
    g_autofree uint8_t *edges = g_try_malloc0(head + tail);
    int n = 0, r = 0;
    uint64_t left = w->len;

    if (edges == NULL) {
        return -ENOMEM;
    }
    if (!reads_zero(q, w->old_type)) {
        block_event(q->node->file, BLOCK_EVENT_COW_READ);
        r = read_old(q, w->start, edges, head);
        if (r == 0) {
            r = read_old(q, w->offset + w->len, edges + head, tail);
        }
        if (r < 0) {
            return r;
        }
    }
    iov[n++] = (struct iovec){edges, head};
    for (int i = 0; i < vec.niov && left > 0; i++) {
        size_t have = vec.iov[i].iov_len, skip = MIN(vec.skip, have);

        vec.skip -= skip;
        iov[n] = (struct iovec){(uint8_t *)vec.iov[i].iov_base + skip, MIN(have - skip, left)};
        left -= iov[n++].iov_len;
    }
    iov[n++] = (struct iovec){edges + head, tail};
    block_event(q->node->file, BLOCK_EVENT_COW_WRITE);
    block_event(q->node->file, BLOCK_EVENT_WRITE_AIO);
    return block_pwritev(q->node->file, w->host, head + w->len + tail,
                         (struct block_vec){iov, n, 0}, 0);
}

static int write_data(struct qcow2 *q, const struct alloc_write *w, struct block_vec vec,
                      bool *ret_cow)
{
    uint64_t head = w->offset - w->start;
    uint64_t tail = (w->n << q->cluster_bits) - head - w->len;
    bool plain = (head == 0 && tail == 0) || (w->zeroed && reads_zero(q, w->old_type));

    *ret_cow = !plain;
    if (plain) {
        block_event(q->node->file, BLOCK_EVENT_WRITE_AIO);
        return block_pwritev(q->node->file, w->host + head, w->len, vec, 0);
    }
    return write_with_edges(q, w, head, tail, vec);
}

static void give_up(struct qcow2 *q, const struct alloc_write *w, uint64_t from)
{
    if (!w->reuse && from < w->n) {
        (void)qcow2_refcount_add(q, w->host + (from << q->cluster_bits),
                                 (w->n - from) << q->cluster_bits, -1);
    }
}

/* Points the guest's clusters to the new ones. */
static int link_clusters(struct qcow2 *q, const struct alloc_write *w)
{
    uint64_t i, old;
    int r = 0;

    for (i = 0; r == 0 && i < w->n; i++) {
        uint64_t guest = w->start + (i << q->cluster_bits);

        r = qcow2_entry_get(q, guest, &old);
        if (r == 0) {
            r = qcow2_entry_set(q, guest, (w->host + (i << q->cluster_bits)) | QCOW2_COPIED);
        }
        if (r == 0 && !w->reuse) {
            qcow2_free_entry(q, old, QCOW2_FREE_OTHER);
        }
    }
    if (r < 0) {
        give_up(q, w, i - 1);
    }
    if (r == 0 && q->pending_free->len > MAX_PENDING) {
        r = qcow2_meta_write(q);
    }
    return r;
}

/* With the exclusive range held. */
static int write_new(struct qcow2 *q, struct alloc_write *w, uint64_t end, struct block_vec vec)
{
    struct qcow2_map map;
    uint64_t asked = w->len;
    bool cow = false;
    int r;

    g_mutex_lock(&q->lock);
    r = begin_write(q);
    if (r == 0) {
        r = qcow2_map(q, w->start, end - w->start, &map);
    }
    w->len = 0;
    if (r < 0 || in_place(&map)) {
        g_mutex_unlock(&q->lock);
        return r;
    }
    r = reserve(q, &map, w);
    g_mutex_unlock(&q->lock);
    if (r < 0) {
        return r;
    }
    w->len = MIN(asked, w->start + (w->n << q->cluster_bits) - w->offset);
    r = write_data(q, w, vec, &cow);
    g_mutex_lock(&q->lock);
    if (r < 0) {
        give_up(q, w, 0);
    } else {
        /* Without a refcount that is written first nothing else keeps the entry behind the data. */
        q->wrote += cow || w->reuse || q->lazy;
        r = link_clusters(q, w);
    }
    g_mutex_unlock(&q->lock);
    return r;
}

/* Writes as much from `offset` on as needs new clusters; *ret_done may be 0. */
static int write_alloc(struct qcow2 *q, uint64_t offset, uint64_t len, struct block_vec vec,
                       uint64_t *ret_done)
{
    struct alloc_write w = {.start = align_down(offset, q->cluster_size), .offset = offset};
    struct block_range range;
    uint64_t end;
    int r;

    w.len = MIN(len, MAX_ALLOC_RUN);
    end = align_up(offset + w.len, q->cluster_size);
    block_range_take(q->ranges, &range, w.start, end - w.start, true);
    r = write_new(q, &w, end, vec);
    block_range_drop(q->ranges, &range);
    *ret_done = w.len;
    return r;
}

/* ---- compressed writes ---- */

static int link_packed(struct qcow2 *q, uint64_t guest, uint64_t host, uint32_t len)
{
    unsigned bits = 62 - (q->cluster_bits - 8);
    uint64_t sectors = ((host + len - 1) >> 9) - (host >> 9), old;
    int r = qcow2_entry_get(q, guest, &old);

    if (r == 0) {
        r = qcow2_entry_set(q, guest, host | QCOW2_COMPRESSED | sectors << bits);
    }
    if (r == 0) {
        qcow2_free_entry(q, old, QCOW2_FREE_OTHER);
    } else {
        (void)qcow2_refcount_add(q, host, len, -1);
    }
    return r;
}

static int store_packed(struct qcow2 *q, uint64_t guest, const uint8_t *packed, uint32_t len)
{
    uint64_t host;
    int r;

    g_mutex_lock(&q->lock);
    r = begin_write(q);
    if (r == 0) {
        r = qcow2_table_make(q, guest);
    }
    if (r == 0) {
        r = qcow2_alloc_packed(q, len, &host);
    }
    g_mutex_unlock(&q->lock);
    if (r < 0) {
        return r;
    }
    block_event(q->node->file, BLOCK_EVENT_WRITE_COMPRESSED);
    r = block_pwrite(q->node->file, host, packed, len, 0);
    g_mutex_lock(&q->lock);
    if (r == 0) {
        r = link_packed(q, guest, host, len);
    } else {
        (void)qcow2_refcount_add(q, host, len, -1);
    }
    g_mutex_unlock(&q->lock);
    return r;
}

/* One whole cluster, or the part of the last one that the disk has. */
static int write_packed(struct qcow2 *q, uint64_t offset, uint64_t len, struct block_vec vec)
{
    g_autofree uint8_t *in = g_try_malloc0(q->cluster_size), *out = g_try_malloc(q->cluster_size);
    struct block_range range;
    int64_t n;
    int r;

    if (in == NULL || out == NULL) {
        return -ENOMEM;
    }
    block_vec_to_buf(vec, in, len);
    n = qcow2_pack(q, in, out);
    if (n == -ENOSPC) {
        return 1;
    }
    if (n < 0) {
        return (int)n;
    }
    block_range_take(q->ranges, &range, offset, q->cluster_size, true);
    r = store_packed(q, offset, out, (uint32_t)n);
    block_range_drop(q->ranges, &range);
    return r;
}

static int write_plain(struct qcow2 *q, uint64_t offset, uint64_t len, struct block_vec vec,
                       unsigned flags);

static int write_all_packed(struct qcow2 *q, uint64_t offset, uint64_t len, struct block_vec vec)
{
    int r = 0;

    if (offset & (q->cluster_size - 1)) {
        return -EINVAL;
    }
    while (r == 0 && len > 0) {
        uint64_t n = MIN(len, q->cluster_size);

        if (n < q->cluster_size && offset + n != q->size) {
            return -EINVAL;
        }
        r = write_packed(q, offset, n, vec);
        if (r > 0) { /* does not get smaller */
            r = write_plain(q, offset, n, vec, 0);
        }
        offset += n;
        len -= n;
        vec = block_vec_at(vec, n);
    }
    return r;
}

/* ---- writes ---- */

static int write_plain(struct qcow2 *q, uint64_t offset, uint64_t len, struct block_vec vec,
                       unsigned flags)
{
    bool flush = false;
    int r = 0;

    while (r == 0 && len > 0) {
        uint64_t n;

        r = write_in_place(q, offset, len, vec, flags, &n, &flush);
        if (r == 0 && n == 0) {
            r = write_alloc(q, offset, len, vec, &n);
            flush = true;
        }
        offset += n;
        len -= n;
        vec = block_vec_at(vec, n);
    }
    return r == 0 && flush && (flags & BLOCK_REQ_FUA) ? qcow2_flush(q->node) : r;
}

int qcow2_pwritev(struct block_node *node, uint64_t offset, uint64_t len, struct block_vec vec,
                  unsigned flags)
{
    if (flags & BLOCK_REQ_COMPRESSED) {
        return write_all_packed(node->state, offset, len, vec);
    }
    return write_plain(node->state, offset, len, vec, flags & BLOCK_REQ_FUA);
}

/* ---- zeroes and discard ---- */

/* What a cluster's entry becomes; FALSE: it stays as it is. */
typedef bool (*change_fn)(const struct qcow2 *q, uint64_t old, bool unmap, uint64_t *ret_new);

static bool zero_entry(const struct qcow2 *q, uint64_t old, bool unmap, uint64_t *ret_new)
{
    enum qcow2_type type = qcow2_entry_type(q, old);

    if (reads_zero(q, type) && !(unmap && type == QCOW2_ZERO_ALLOCATED)) {
        return false;
    }
    *ret_new = type == QCOW2_NORMAL && !unmap ? old | QCOW2_ZERO : QCOW2_ZERO;
    if (q->version < 3) {
        *ret_new = 0; /* only asked for without a backing file */
    }
    return true;
}

static bool discard_entry(const struct qcow2 *q, uint64_t old, bool unmap, uint64_t *ret_new)
{
    enum qcow2_type type = qcow2_entry_type(q, old);

    if (type == QCOW2_ZERO_PLAIN || (type == QCOW2_UNALLOCATED && q->node->backing == NULL)) {
        return false;
    }
    *ret_new = q->version >= 3 ? QCOW2_ZERO : 0;
    return true;
}

/* Changes whole clusters. Lock held. */
static int change_entries(struct qcow2 *q, uint64_t offset, uint64_t len, change_fn change,
                          bool unmap)
{
    int r = begin_write(q);

    while (r == 0 && len > 0) {
        struct qcow2_map map = {0};
        uint64_t old, new, n = q->cluster_size;

        r = qcow2_map(q, offset, len, &map);
        if (r == 0) {
            r = qcow2_entry_get(q, offset, &old);
        }
        if (r == 0 && !change(q, old, unmap, &new)) {
            n = map.len;
        } else if (r == 0) {
            r = qcow2_entry_set(q, offset, new);
            if (r == 0 && (new &QCOW2_OFFSET) == 0) {
                qcow2_free_entry(q, old, QCOW2_FREE_REQUEST);
            }
        }
        if (r == 0 && q->pending_free->len > MAX_PENDING) {
            r = qcow2_meta_write(q);
        }
        offset += MIN(n, len);
        len -= MIN(n, len);
    }
    return r;
}

static int change_clusters(struct qcow2 *q, uint64_t offset, uint64_t len, change_fn change,
                           bool unmap)
{
    struct block_range range;
    int r;

    block_range_take(q->ranges, &range, offset, len, true);
    g_mutex_lock(&q->lock);
    r = change_entries(q, offset, len, change, unmap);
    g_mutex_unlock(&q->lock);
    block_range_drop(q->ranges, &range);
    return r;
}

/* Part of one cluster. */
static int zero_part(struct qcow2 *q, uint64_t offset, uint64_t len)
{
    g_autofree uint8_t *zeroes = NULL;
    struct iovec iov;
    struct qcow2_map map;
    int r;

    g_mutex_lock(&q->lock);
    r = qcow2_map(q, offset, len, &map);
    g_mutex_unlock(&q->lock);
    if (r < 0 || reads_zero(q, map.type)) {
        return r;
    }
    zeroes = g_try_malloc0(len);
    if (zeroes == NULL) {
        return -ENOMEM;
    }
    iov = (struct iovec){zeroes, len};
    return write_plain(q, offset, len, (struct block_vec){&iov, 1, 0}, 0);
}

int qcow2_pwrite_zeroes(struct block_node *node, uint64_t offset, uint64_t len, unsigned flags)
{
    struct qcow2 *q = node->state;
    uint64_t end = offset + len, from = align_up(offset, q->cluster_size);
    uint64_t to =
        end == q->size ? align_up(end, q->cluster_size) : align_down(end, q->cluster_size);
    int r = 0;

    if (q->version < 3 && node->backing != NULL) {
        return -ENOTSUP;
    }
    if (from > to) {
        r = zero_part(q, offset, len);
    } else {
        r = from > offset ? zero_part(q, offset, from - offset) : 0;
        if (r == 0 && to > from) {
            r = change_clusters(q, from, to - from, zero_entry, flags & BLOCK_REQ_UNMAP);
        }
        if (r == 0 && end > to) {
            r = zero_part(q, to, end - to);
        }
    }
    return r == 0 && (flags & BLOCK_REQ_FUA) ? qcow2_flush(node) : r;
}

int qcow2_discard(struct block_node *node, uint64_t offset, uint64_t len)
{
    struct qcow2 *q = node->state;
    uint64_t end = offset + len, from = align_up(offset, q->cluster_size);
    uint64_t to =
        end == q->size ? align_up(end, q->cluster_size) : align_down(end, q->cluster_size);

    if ((q->version < 3 && node->backing != NULL) || from >= to) {
        return 0;
    }
    return change_clusters(q, from, to - from, discard_entry, true);
}

int qcow2_flush(struct block_node *node)
{
    struct qcow2 *q = node->state;
    uint64_t wrote;
    int r = 0;

    block_event(node->file, BLOCK_EVENT_FLUSH_TO_OS);
    g_mutex_lock(&q->lock);
    if (!block_read_only(node)) {
        r = q->failed ? -EIO : qcow2_meta_write(q);
    }
    wrote = q->wrote;
    g_mutex_unlock(&q->lock);
    block_event(node->file, BLOCK_EVENT_FLUSH_TO_DISK);
    if (r == 0) {
        r = block_flush(node->file);
    }
    if (r == 0) {
        g_mutex_lock(&q->lock);
        q->stable = MAX(q->stable, wrote);
        g_mutex_unlock(&q->lock);
    }
    return r;
}

/* ---- I/O that needs no worker ---- */

static int map_for_fast(struct qcow2 *q, bool write, uint64_t offset, uint64_t len,
                        uint64_t *ret_host)
{
    struct qcow2_map map = {0};
    int r = -EAGAIN;

    if (!g_mutex_trylock(&q->lock)) {
        return -EAGAIN;
    }
    if (!write || (!q->failed && q->meta != NULL && q->autoclear == 0 &&
                   (!q->lazy || (q->incompatible & QCOW2_INCOMPAT_DIRTY)))) {
        r = qcow2_map_peek(q, offset, len, &map);
    }
    if (r == 0 && (map.type != QCOW2_NORMAL || map.len < len || (write && !map.copied))) {
        r = -EAGAIN;
    }
    if (r == 0 && write) {
        r = map.host + len <= q->file_end ? qcow2_check_overlap(q, map.host, len) : -EAGAIN;
    }
    g_mutex_unlock(&q->lock);
    *ret_host = map.host;
    return r < 0 ? -EAGAIN : 0;
}

int qcow2_map_fast(struct block_node *node, bool write, uint64_t offset, uint64_t len,
                   struct block_fast *ret_fast)
{
    struct qcow2 *q = node->state;
    const struct block_driver *below = node->file->driver;
    struct block_range *range;
    uint64_t host;
    int r;

    if (below->map_fast == NULL || below->map_done != NULL) {
        return -EAGAIN;
    }
    range = g_new(struct block_range, 1);
    if (!block_range_try(q->ranges, range, offset, len, false)) {
        g_free(range);
        return -EAGAIN;
    }
    r = map_for_fast(q, write, offset, len, &host);
    if (r == 0) {
        r = below->map_fast(node->file, write, host, len, ret_fast);
    }
    if (r < 0) {
        qcow2_map_done(node, range);
        return r;
    }
    ret_fast->token = range;
    return 0;
}

void qcow2_map_done(struct block_node *node, void *token)
{
    struct qcow2 *q = node->state;

    block_range_drop(q->ranges, token);
    g_free(token);
}

/* ---- preallocation ---- */

static int preallocate_run(struct qcow2 *q, uint64_t offset, uint64_t len, uint64_t *ret_done)
{
    struct alloc_write w = {.start = offset};
    struct qcow2_map map;
    int r = qcow2_map(q, offset, len, &map);

    *ret_done = map.len;
    if (r < 0 || map.type != QCOW2_UNALLOCATED) {
        return r;
    }
    map.len = MIN(map.len, MAX_ALLOC_RUN);
    r = reserve(q, &map, &w);
    if (r == 0 && !w.zeroed) {
        r = block_pwrite_zeroes(q->node->file, w.host, w.n << q->cluster_bits, 0);
    }
    if (r == 0) {
        r = link_clusters(q, &w);
        *ret_done = w.n << q->cluster_bits;
    }
    return r;
}

int qcow2_preallocate(struct qcow2 *q, uint64_t offset, uint64_t len)
{
    uint64_t end = offset + len;
    int r = begin_write(q);

    offset = align_down(offset, q->cluster_size);
    while (r == 0 && offset < end) {
        uint64_t n = 0;

        r = preallocate_run(q, offset, end - offset, &n);
        offset += n;
    }
    return r;
}
