/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counts every reference to every host cluster and compares with the refcounts on disk. */
#include "base/bits.h"
#include "base/endian.h"
#include "base/least.h"
#include "block/qcow2/qcow2.h"

#include <errno.h>
#include <string.h>

#define MAX_CLUSTERS (UINT64_C(1) << 31)

struct checker {
    struct qcow2 *q;
    struct block_check *out;
    unsigned fix;
    uint32_t *counts; /* per cluster */
    uint32_t *stored; /* the same on disk, after repairs */
    uint64_t n;       /* clusters of the file */
    uint64_t room;    /* entries of counts */
    uint64_t last_data;
    bool rebuild;
};

static void note(const struct checker *c, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void note(const struct checker *c, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    if (c->out->note == NULL) {
        return;
    }
    va_start(ap, format);
    text = g_strdup_vprintf(format, ap);
    va_end(ap);
    c->out->note(c->out->opaque, text);
}

/* ---- counting ---- */

/* One more reference to each cluster of the range. */
static void count(struct checker *c, uint64_t offset, uint64_t len)
{
    uint64_t first = qcow2_cluster_of(c->q, offset);
    uint64_t last = qcow2_cluster_of(c->q, offset + MAX(len, 1) - 1);

    if (len == 0) {
        return;
    }
    if (offset > BLOCK_MAX_LENGTH - len || last >= c->room) {
        note(c,
             "ERROR: counting reference for region exceeding the end of the file by one cluster "
             "or more: offset 0x%" PRIx64 " size 0x%" PRIx64,
             offset, len);
        c->out->corruptions++;
        return;
    }
    for (uint64_t i = first; i <= last; i++) {
        c->n = MAX(c->n, i + 1);
        c->counts[i] += c->counts[i] < UINT32_MAX;
    }
}

static int read_words(struct checker *c, uint64_t offset, uint64_t n, uint64_t **ret_words)
{
    uint64_t *words = g_try_malloc(MAX(n, 1) * 8);
    int r = words == NULL ? -ENOMEM
            : n == 0      ? 0
                          : block_pread(c->q->node->file, offset, words, n * 8);

    if (r < 0) {
        g_free(words);
        c->out->check_errors++;
        return r;
    }
    for (uint64_t i = 0; i < n; i++) {
        words[i] = ld_be64(&words[i]);
    }
    *ret_words = words;
    return 0;
}

static void count_packed(struct checker *c, uint64_t entry, bool active)
{
    uint64_t offset, len;

    if (entry & QCOW2_COPIED) {
        note(c,
             "ERROR: coffset=0x%" PRIx64 ": copied flag must never be set for compressed clusters",
             entry & ~QCOW2_COPIED & mask64(62 - (c->q->cluster_bits - 8)));
        c->out->corruptions++;
    }
    qcow2_packed_place(c->q, entry & ~QCOW2_COPIED, &offset, &len);
    count(c, align_down(offset, 512), len + (offset & 511));
    if (active) {
        c->out->compressed_clusters++;
        c->out->allocated_clusters++;
        c->out->fragmented_clusters++;
    }
}

static void count_entry(struct checker *c, uint64_t entry, bool active)
{
    uint64_t offset = entry & QCOW2_OFFSET;

    if (entry & QCOW2_COMPRESSED) {
        count_packed(c, entry, active);
        return;
    }
    if (entry & QCOW2_L2_RESERVED & ~QCOW2_OFFSET) {
        note(c, "ERROR found l2 entry with reserved bits set: 0x%" PRIx64, entry);
        c->out->corruptions++;
    }
    if ((entry & QCOW2_ZERO) && c->q->version < 3) {
        note(c, "ERROR found zero cluster entry in pre-v3 image: 0x%" PRIx64, entry);
        c->out->corruptions++;
    }
    if (offset == 0) {
        return;
    }
    if (offset & (c->q->cluster_size - 1)) {
        note(c, "ERROR offset=%" PRIx64 ": Cluster is not properly aligned; L2 entry corrupted.",
             offset);
        c->out->corruptions++;
        return;
    }
    if (active) {
        c->out->allocated_clusters++;
        c->out->fragmented_clusters += c->last_data != 0 && offset != c->last_data;
        c->last_data = offset + c->q->cluster_size;
    }
    count(c, offset, c->q->cluster_size);
}

static int count_l1(struct checker *c, uint64_t offset, uint32_t size, bool active)
{
    g_autofree uint64_t *l1 = NULL;
    int r = read_words(c, offset, size, &l1);

    if (r < 0) {
        return r;
    }
    count(c, offset, (uint64_t)size * 8);
    for (uint32_t i = 0; i < size; i++) {
        uint64_t table = l1[i] & QCOW2_OFFSET;
        g_autofree uint64_t *entries = NULL;

        if (l1[i] & QCOW2_L1_RESERVED & ~QCOW2_OFFSET) {
            note(c, "ERROR found L1 entry with reserved bits set: %" PRIx64, l1[i]);
            c->out->corruptions++;
        }
        if (table == 0) {
            continue;
        }
        count(c, table, c->q->cluster_size);
        if (table & (c->q->cluster_size - 1)) {
            note(c, "ERROR l2_offset=%" PRIx64 ": Table is not cluster aligned; L1 entry corrupted",
                 table);
            c->out->corruptions++;
            continue;
        }
        r = read_words(c, table, c->q->cluster_size / 8, &entries);
        for (uint32_t k = 0; r == 0 && k < c->q->cluster_size / 8; k++) {
            count_entry(c, entries[k], active);
        }
    }
    return r;
}

/* Bitmap directory and tables, if the image says that they are up to date. */
static void count_bitmaps(struct checker *c)
{
    const struct qcow2_extra_ext *ext = NULL;
    g_autofree uint8_t *dir = NULL;
    uint64_t size, offset;

    for (unsigned i = 0; i < c->q->other_exts->len; i++) {
        const struct qcow2_extra_ext *e = g_ptr_array_index(c->q->other_exts, i);

        ext = e->type == QCOW2_EXT_BITMAPS && e->len >= 24 ? e : ext;
    }
    if (ext == NULL || !(c->q->autoclear & QCOW2_AUTOCLEAR_BITMAPS)) {
        return;
    }
    size = ld_be64(ext->data + 8);
    offset = ld_be64(ext->data + 16);
    if (size > (64u << 20) || (offset & (c->q->cluster_size - 1)) != 0) {
        c->out->corruptions++;
        return;
    }
    count(c, offset, size);
    dir = g_try_malloc(MAX(size, 1));
    if (dir == NULL || block_pread(c->q->node->file, offset, dir, size) < 0) {
        c->out->check_errors++;
        return;
    }
    for (uint64_t at = 0; at + 24 <= size;) {
        uint64_t table = ld_be64(dir + at);
        uint32_t entries = ld_be32(dir + at + 8);
        g_autofree uint64_t *words = NULL;

        if (entries > (32u << 20) / 8 || (table & (c->q->cluster_size - 1)) != 0) {
            c->out->corruptions++;
            return;
        }
        count(c, table, (uint64_t)entries * 8);
        if (read_words(c, table, entries, &words) == 0) {
            for (uint32_t k = 0; k < entries; k++) {
                if (words[k] & QCOW2_OFFSET) {
                    count(c, words[k] & QCOW2_OFFSET, c->q->cluster_size);
                }
            }
        }
        at += align_up(24 + (uint64_t)ld_be16(dir + at + 18) + ld_be32(dir + at + 20), 8);
    }
}

static void count_refcounts(struct checker *c)
{
    struct qcow2 *q = c->q;

    count(c, q->reftable_offset, (uint64_t)q->reftable_clusters << q->cluster_bits);
    for (uint32_t i = 0; i < q->reftable_size; i++) {
        if (q->reftable[i] == 0) {
            continue;
        }
        if (q->reftable[i] & (q->cluster_size - 1)) {
            note(c,
                 "ERROR refcount block %u is not cluster aligned; refcount table entry corrupted",
                 i);
            c->out->corruptions++;
            c->rebuild = true;
            continue;
        }
        if (qcow2_cluster_of(q, q->reftable[i]) >= c->room) {
            note(c, "ERROR refcount block %u is outside image", i);
            c->out->corruptions++;
            c->rebuild = true;
            continue;
        }
        count(c, q->reftable[i], q->cluster_size);
        if (c->counts[qcow2_cluster_of(q, q->reftable[i])] != 1) {
            note(c, "ERROR refcount block %u refcount=%u", i,
                 c->counts[qcow2_cluster_of(q, q->reftable[i])]);
            c->out->corruptions++;
            c->rebuild = true;
        }
    }
}

static int count_all(struct checker *c)
{
    struct qcow2 *q = c->q;
    int r;

    count(c, 0, q->cluster_size);
    r = count_l1(c, q->l1_offset, q->l1_size, true);
    for (unsigned i = 0; i < q->snapshots->len; i++) {
        const struct qcow2_snap *snap = g_ptr_array_index(q->snapshots, i);
        int one = count_l1(c, snap->l1_offset, snap->l1_size, false);

        r = r == 0 ? one : r;
    }
    count(c, q->snapshots_offset, q->snapshots_len);
    count_bitmaps(c);
    count_refcounts(c);
    return r;
}

/* ---- comparing ---- */

static void compare_one(struct checker *c, uint64_t cluster, uint8_t *block, uint64_t index,
                        bool *changed)
{
    unsigned order = c->q->refcount_order;
    uint64_t have = block != NULL ? qcow2_refcount_peek(block, order, index) : 0;
    uint64_t want = c->counts[cluster];
    bool leak = have > want, repair;

    if (have == want) {
        return;
    }
    c->rebuild |= have == 0;
    repair = !c->rebuild && block != NULL && want <= mask64(1u << order) &&
             (c->fix & (leak ? BLOCK_FIX_LEAKS : BLOCK_FIX_ERRORS));
    note(c, "%s cluster %" PRIu64 " refcount=%" PRIu64 " reference=%" PRIu64,
         repair ? "Repairing"
         : leak ? "Leaked"
                : "ERROR",
         cluster, have, want);
    if (repair) {
        qcow2_refcount_poke(block, order, index, want);
        *changed = true;
    }
    if (leak) {
        c->out->leaks++;
        c->out->leaks_fixed += repair;
    } else {
        c->out->corruptions++;
        c->out->corruptions_fixed += repair;
    }
}

/* One refcount block's part of the file. */
static int compare_block(struct checker *c, uint64_t i, uint8_t *buf)
{
    struct qcow2 *q = c->q;
    uint64_t base = i << q->refblock_bits, end = MIN(c->n, base + BIT64(q->refblock_bits));
    uint64_t offset = i < q->reftable_size ? q->reftable[i] : 0;
    bool changed = false;
    int r = 0;

    if (offset != 0 && (offset & (q->cluster_size - 1)) == 0) {
        r = block_pread(q->node->file, offset, buf, q->cluster_size);
        if (r < 0) {
            c->out->check_errors++;
            return r;
        }
    } else {
        offset = 0;
    }
    if (offset == 0 && base < end && block_is_zero(c->counts + base, (end - base) * 4)) {
        return 0; /* no block and no need of one */
    }
    for (uint64_t k = base; k < end; k++) {
        compare_one(c, k, offset != 0 ? buf : NULL, k - base, &changed);
        if (offset != 0) {
            c->stored[k] = (uint32_t)min_u64(qcow2_refcount_peek(buf, q->refcount_order, k - base),
                                             UINT32_MAX);
        }
        if (c->stored[k] > 0) {
            c->out->image_end_offset = (k + 1) << q->cluster_bits;
        }
    }
    return changed ? block_pwrite(q->node->file, offset, buf, q->cluster_size, 0) : 0;
}

static int compare_pass(struct checker *c)
{
    g_autofree uint8_t *buf = g_malloc(c->q->cluster_size);
    int r = 0;

    for (uint64_t i = 0; r == 0 && i << c->q->refblock_bits < c->n; i++) {
        r = compare_block(c, i, buf);
    }
    return r;
}

/* Looks first, so that it is known whether the blocks can be repaired one by one. */
static int compare(struct checker *c)
{
    struct block_check before = *c->out;
    unsigned fix = c->fix;
    int r;

    c->fix = 0;
    r = compare_pass(c);
    c->fix = fix;
    if (r == 0 && fix != 0 && !c->rebuild &&
        (c->out->leaks > before.leaks || c->out->corruptions > before.corruptions)) {
        *c->out = before;
        r = compare_pass(c);
    }
    return r;
}

/* ---- "copied" flags ---- */

static bool copied_wrong(const struct checker *c, uint64_t entry, uint64_t *ret_count)
{
    uint64_t cluster = qcow2_cluster_of(c->q, entry & QCOW2_OFFSET);

    if (cluster >= c->room || (entry & QCOW2_OFFSET & (c->q->cluster_size - 1)) != 0) {
        return false;
    }
    *ret_count = c->stored[cluster];
    return (*ret_count == 1) != ((entry & QCOW2_COPIED) != 0);
}

static void found_wrong_flag(struct checker *c, const char *what, uint64_t entry, uint64_t refcount)
{
    bool repair = (c->fix & BLOCK_FIX_ERRORS) != 0;

    note(c, "%s OFLAG_COPIED %s=%" PRIx64 " refcount=%" PRIu64, repair ? "Repairing" : "ERROR",
         what, entry, refcount);
    c->out->corruptions++;
    c->out->corruptions_fixed += repair;
}

static int check_copied_table(struct checker *c, uint64_t table)
{
    g_autofree uint8_t *raw = g_malloc(c->q->cluster_size);
    bool changed = false;
    int r = block_pread(c->q->node->file, table, raw, c->q->cluster_size);

    for (uint32_t at = 0; r == 0 && at < c->q->cluster_size; at += 8) {
        uint64_t entry = ld_be64(raw + at), refcount;

        if (!(entry & QCOW2_COMPRESSED) && (entry & QCOW2_OFFSET) != 0 &&
            copied_wrong(c, entry, &refcount)) {
            found_wrong_flag(c, "data cluster: l2_entry", entry, refcount);
            st_be64(raw + at, entry ^ QCOW2_COPIED);
            changed = true;
        }
    }
    if (r == 0 && changed && (c->fix & BLOCK_FIX_ERRORS)) {
        r = block_pwrite(c->q->node->file, table, raw, c->q->cluster_size, 0);
    }
    return r;
}

static int check_copied(struct checker *c)
{
    struct qcow2 *q = c->q;
    int r = 0;

    for (uint32_t i = 0; r == 0 && i < q->l1_size; i++) {
        uint64_t table = q->l1[i] & QCOW2_OFFSET, refcount;

        if (table == 0 || (table & (q->cluster_size - 1)) != 0) {
            continue;
        }
        if (copied_wrong(c, q->l1[i], &refcount)) {
            g_autofree char *what = g_strdup_printf("L2 cluster: l1_index=%u l1_entry", i);

            found_wrong_flag(c, what, q->l1[i], refcount);
            if (c->fix & BLOCK_FIX_ERRORS) {
                q->l1[i] ^= QCOW2_COPIED;
                qcow2_l1_dirty(q, i);
            }
        }
        r = check_copied_table(c, table);
    }
    return r;
}

/* ---- a new refcount structure ---- */

/* Blocks and table for everything counted, at the end of the file; the old ones are not counted. */
static int write_rebuilt(struct checker *c, uint64_t start, uint64_t blocks,
                         uint64_t table_clusters)
{
    struct qcow2 *q = c->q;
    uint64_t entries = table_clusters * (q->cluster_size / 8),
             end = start + blocks + table_clusters;
    g_autofree uint8_t *block = g_malloc(q->cluster_size);
    g_autofree uint8_t *table = g_try_malloc0(entries * 8);
    uint8_t header[12];
    int r = table == NULL ? -ENOMEM : 0;

    for (uint64_t i = 0; r == 0 && i < blocks; i++) {
        memset(block, 0, q->cluster_size);
        for (uint64_t k = i << q->refblock_bits; k < MIN(end, (i + 1) << q->refblock_bits); k++) {
            uint64_t value = k >= start ? 1 : k < c->n ? c->counts[k] : 0;

            qcow2_refcount_poke(block, q->refcount_order, k - (i << q->refblock_bits),
                                min_u64(value, mask64(1u << q->refcount_order)));
        }
        st_be64(table + i * 8, (start + i) << q->cluster_bits);
        r = block_pwrite(q->node->file, (start + i) << q->cluster_bits, block, q->cluster_size, 0);
    }
    if (r == 0) {
        r = block_pwrite(q->node->file, (start + blocks) << q->cluster_bits, table, entries * 8, 0);
    }
    if (r == 0) {
        r = block_flush(q->node->file);
    }
    if (r == 0) {
        st_be64(header, (start + blocks) << q->cluster_bits);
        st_be32(header + 8, (uint32_t)table_clusters);
        r = block_pwrite(q->node->file, 48, header, sizeof(header), 0);
    }
    if (r == 0) {
        q->reftable_offset = (start + blocks) << q->cluster_bits;
        q->reftable_clusters = (uint32_t)table_clusters;
        g_clear_pointer(&q->reftable, g_free);
        r = qcow2_refcount_load(q, NULL);
    }
    return r == 0 ? block_flush(q->node->file) : r;
}

static void uncount_old(struct checker *c)
{
    struct qcow2 *q = c->q;
    uint64_t first = qcow2_cluster_of(q, q->reftable_offset);

    for (uint64_t i = 0; i < q->reftable_clusters; i++) {
        if (first + i < c->room && c->counts[first + i] > 0) {
            c->counts[first + i]--;
        }
    }
    for (uint32_t i = 0; i < q->reftable_size; i++) {
        uint64_t k = qcow2_cluster_of(q, q->reftable[i]);

        if (q->reftable[i] != 0 && (q->reftable[i] & (q->cluster_size - 1)) == 0 && k < c->room &&
            c->counts[k] > 0) {
            c->counts[k]--;
        }
    }
}

static int rebuild(struct checker *c)
{
    struct qcow2 *q = c->q;
    uint64_t start = max_u64(c->n, qcow2_cluster_of(q, q->file_end)), blocks = 1, table = 1, last;
    int r;

    note(c, "Rebuilding refcount structure");
    do {
        last = blocks + table;
        blocks = ((start + blocks + table - 1) >> q->refblock_bits) + 1;
        table = (blocks * 8 + q->cluster_size - 1) >> q->cluster_bits;
    } while (blocks + table != last);
    if (table << q->cluster_bits > QCOW2_MAX_REFTABLE) {
        return -EFBIG;
    }
    uncount_old(c);
    r = write_rebuilt(c, start, blocks, table);
    if (r == 0) {
        q->file_end = (start + blocks + table) << q->cluster_bits;
        c->out->image_end_offset = q->file_end;
        c->out->corruptions_fixed = c->out->corruptions;
        c->out->leaks_fixed = c->out->leaks;
    }
    return r;
}

/* ---- all of it ---- */

static void forget_memory(struct qcow2 *q)
{
    unsigned size = q->cache.size;
    uint64_t bytes = (uint64_t)q->cache.max * size;

    qcow2_cache_fini(&q->cache);
    qcow2_cache_init(&q->cache, size, bytes);
    g_clear_pointer(&q->meta, g_hash_table_unref);
    q->free_index = 0;
}

static int finish_repair(struct checker *c)
{
    struct qcow2 *q = c->q;
    int r;

    forget_memory(q);
    r = qcow2_meta_write(q);
    if (r == 0 && c->out->check_errors == 0 && c->out->corruptions == c->out->corruptions_fixed &&
        (c->fix & BLOCK_FIX_ERRORS) &&
        (q->incompatible & (QCOW2_INCOMPAT_DIRTY | QCOW2_INCOMPAT_CORRUPT))) {
        q->incompatible &= ~(uint64_t)(QCOW2_INCOMPAT_DIRTY | QCOW2_INCOMPAT_CORRUPT);
        q->failed = false;
        r = qcow2_header_write_features(q);
    }
    return r == 0 ? block_flush(q->node->file) : r;
}

static int run(struct checker *c)
{
    int r = count_all(c);

    if (r == 0) {
        r = compare(c);
    }
    if (r == 0 && c->rebuild && (c->fix & BLOCK_FIX_ERRORS)) {
        r = rebuild(c);
        memcpy(c->stored, c->counts, c->room * sizeof(*c->stored));
    }
    if (r == 0) {
        r = check_copied(c);
    }
    return r == 0 && c->fix != 0 ? finish_repair(c) : r;
}

static int check_locked(struct qcow2 *q, struct block_check *check, unsigned fix)
{
    struct checker c = {.q = q, .out = check, .fix = fix};
    int64_t length;
    int r = block_read_only(q->node) ? 0 : qcow2_meta_write_all(q);

    length = block_length(q->node->file);
    if (r < 0 || length < 0) {
        return r < 0 ? r : (int)length;
    }
    c.n = align_up((uint64_t)length, q->cluster_size) >> q->cluster_bits;
    c.room = c.n + 1;
    c.counts = c.room > MAX_CLUSTERS ? NULL : g_try_new0(uint32_t, c.room);
    c.stored = c.counts == NULL ? NULL : g_try_new0(uint32_t, c.room);
    if (c.stored == NULL) {
        g_free(c.counts);
        return -ENOMEM;
    }
    check->total_clusters = (q->size + q->cluster_size - 1) >> q->cluster_bits;
    r = run(&c);
    g_free(c.counts);
    g_free(c.stored);
    return r;
}

int qcow2_check(struct block_node *node, struct block_check *check, unsigned fix, GError **error)
{
    struct qcow2 *q = node->state;
    int r;

    if (fix != 0 && block_read_only(node)) {
        g_set_error(error, BLOCK_ERROR, EROFS, "The image is read-only");
        return -EROFS;
    }
    g_mutex_lock(&q->lock);
    r = check_locked(q, check, fix);
    g_mutex_unlock(&q->lock);
    if (r < 0) {
        g_set_error(error, BLOCK_ERROR, -r, "Check failed: %s", g_strerror(-r));
    }
    return r;
}
