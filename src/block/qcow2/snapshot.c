/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Internal snapshots: a table of L1 tables that share L2 tables and clusters with the disk. */
#include "base/bits.h"
#include "base/endian.h"
#include "base/least.h"
#include "block/qcow2/qcow2.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define FIXED_SIZE 40
#define MAX_EXTRA  1024

void qcow2_snapshot_free(void *opaque)
{
    struct qcow2_snap *snap = opaque;

    g_free(snap->extra);
    g_free(snap->pub.id);
    g_free(snap->pub.name);
    g_free(snap);
}

/* ---- the table on disk ---- */

static int bad_table(unsigned i, const char *what, GError **error)
{
    g_set_error(error, BLOCK_ERROR, EINVAL, "Snapshot table entry %u: %s", i, what);
    return -EINVAL;
}

static void parse_extra(struct qcow2_snap *snap, uint64_t disk_size)
{
    snap->pub.disk_size = snap->extra_len >= 16 ? ld_be64(snap->extra + 8) : disk_size;
    snap->pub.icount = snap->extra_len >= 24 ? ld_be64(snap->extra + 16) : UINT64_MAX;
    if (snap->extra_len >= 8) {
        snap->pub.vm_state_size = ld_be64(snap->extra);
    }
}

static int check_l1(struct qcow2 *q, const struct qcow2_snap *snap, unsigned i, GError **error)
{
    if (snap->l1_size > QCOW2_MAX_L1 / 8) {
        return bad_table(i, "L1 table too large", error);
    }
    if ((snap->l1_offset & (q->cluster_size - 1)) != 0 ||
        snap->l1_offset > BLOCK_MAX_LENGTH - QCOW2_MAX_L1) {
        return bad_table(i, "L1 table offset invalid", error);
    }
    return 0;
}

/* One entry at `*at`, which moves on. */
static int read_entry(struct qcow2 *q, unsigned i, uint64_t *at, GError **error)
{
    struct qcow2_snap *snap = g_new0(struct qcow2_snap, 1);
    g_autofree uint8_t *var = NULL;
    uint8_t h[FIXED_SIZE];
    uint32_t id_len, name_len;
    int r = block_pread(q->node->file, *at, h, sizeof(h));

    g_ptr_array_add(q->snapshots, snap);
    if (r < 0) {
        return bad_table(i, g_strerror(-r), error);
    }
    snap->l1_offset = ld_be64(h);
    snap->l1_size = ld_be32(h + 8);
    id_len = ld_be16(h + 12);
    name_len = ld_be16(h + 14);
    snap->pub.date_sec = ld_be32(h + 16);
    snap->pub.date_nsec = ld_be32(h + 20);
    snap->pub.vm_clock_nsec = ld_be64(h + 24);
    snap->pub.vm_state_size = ld_be32(h + 32);
    snap->extra_len = ld_be32(h + 36);
    if (snap->extra_len > MAX_EXTRA) {
        return bad_table(i, "too much extra data", error);
    }
    var = g_malloc(snap->extra_len + id_len + name_len + 1);
    r = block_pread(q->node->file, *at + FIXED_SIZE, var, snap->extra_len + id_len + name_len);
    if (r < 0) {
        return bad_table(i, g_strerror(-r), error);
    }
    snap->extra = g_memdup2(var, snap->extra_len);
    snap->pub.id = g_strndup((char *)var + snap->extra_len, id_len);
    snap->pub.name = g_strndup((char *)var + snap->extra_len + id_len, name_len);
    parse_extra(snap, q->size);
    *at += align_up(FIXED_SIZE + snap->extra_len + id_len + name_len, 8);
    return check_l1(q, snap, i, error);
}

int qcow2_snapshots_read(struct qcow2 *q, GError **error)
{
    uint8_t word[4];
    uint64_t at = q->snapshots_offset;
    int r = block_pread(q->node->file, 60, word, sizeof(word));

    for (unsigned i = 0; r == 0 && i < ld_be32(word); i++) {
        r = read_entry(q, i, &at, error);
        if (r == 0 && at - q->snapshots_offset > QCOW2_MAX_SNAPSHOT_TABLE) {
            r = bad_table(i, "Snapshot table is too large", error);
        }
    }
    q->snapshots_len = at - q->snapshots_offset;
    if (r < 0 && error != NULL && *error == NULL) {
        g_set_error(error, BLOCK_ERROR, -r, "Could not read snapshots: %s", g_strerror(-r));
    }
    return r;
}

static void put_entry(GByteArray *to, const struct qcow2_snap *snap)
{
    static const uint8_t zeroes[8];
    uint8_t h[FIXED_SIZE] = {0}, extra[24];
    uint32_t id_len = strlen(snap->pub.id), name_len = strlen(snap->pub.name);
    uint32_t extra_len = MAX(snap->extra_len, sizeof(extra)), start = to->len;

    st_be64(h, snap->l1_offset);
    st_be32(h + 8, snap->l1_size);
    st_be16(h + 12, (uint16_t)id_len);
    st_be16(h + 14, (uint16_t)name_len);
    st_be32(h + 16, snap->pub.date_sec);
    st_be32(h + 20, snap->pub.date_nsec);
    st_be64(h + 24, snap->pub.vm_clock_nsec);
    st_be32(h + 32, snap->pub.vm_state_size > UINT32_MAX ? 0 : (uint32_t)snap->pub.vm_state_size);
    st_be32(h + 36, extra_len);
    st_be64(extra, snap->pub.vm_state_size);
    st_be64(extra + 8, snap->pub.disk_size);
    st_be64(extra + 16, snap->pub.icount);
    g_byte_array_append(to, h, sizeof(h));
    g_byte_array_append(to, extra, sizeof(extra));
    if (extra_len > sizeof(extra)) {
        g_byte_array_append(to, snap->extra + sizeof(extra), extra_len - (uint32_t)sizeof(extra));
    }
    g_byte_array_append(to, (const uint8_t *)snap->pub.id, id_len);
    g_byte_array_append(to, (const uint8_t *)snap->pub.name, name_len);
    g_byte_array_append(to, zeroes, (uint32_t)(-(to->len - start) & 7));
}

/*
 * Writes the table anew and switches the header to it. *ret_switched: that was done, even if it
 * could not be made stable. Lock held.
 */
static int write_table(struct qcow2 *q, bool *ret_switched)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    uint64_t offset = 0, old = q->snapshots_offset, old_len = q->snapshots_len;
    uint8_t header[12], before[12];
    int r = block_pread(q->node->file, 60, before, sizeof(before));

    *ret_switched = false;
    for (unsigned i = 0; i < q->snapshots->len; i++) {
        put_entry(bytes, g_ptr_array_index(q->snapshots, i));
    }
    if (r == 0 && bytes->len > 0) {
        r = qcow2_alloc_exact(q, (bytes->len + q->cluster_size - 1) >> q->cluster_bits, &offset);
        if (r == 0) {
            r = block_pwrite(q->node->file, offset, bytes->data, bytes->len, 0);
        }
    }
    if (r == 0) {
        r = qcow2_meta_write(q);
    }
    if (r == 0) {
        r = block_flush(q->node->file);
    }
    if (r == 0) {
        st_be32(header, q->snapshots->len);
        st_be64(header + 4, offset);
        r = qcow2_header_switch(q, 60, header, before, sizeof(header));
    }
    if (r < 0) {
        if (offset != 0 && !q->failed) {
            (void)qcow2_refcount_add(q, offset, bytes->len, -1);
        }
        return r;
    }
    qcow2_meta_note(q, offset, bytes->len, true);
    q->snapshots_offset = offset;
    q->snapshots_len = bytes->len;
    if (old_len > 0) {
        qcow2_free_later(q, old, old_len, QCOW2_FREE_OTHER);
    }
    *ret_switched = true;
    return qcow2_barrier(q);
}

/* ---- references ---- */

/* Adds `delta` to what one L2 table's entries refer to. */
static int add_table(struct qcow2 *q, uint64_t table, int delta)
{
    g_autofree uint8_t *entries = g_malloc(q->cluster_size);
    int r = 0;

    for (uint32_t at = 0; r == 0 && at < q->cluster_size; at += q->cache.size) {
        struct qcow2_slice *slice;

        r = qcow2_slice_get(q, QCOW2_L2, table + at, &slice);
        if (r == 0) {
            memcpy(entries + at, slice->data, q->cache.size);
        }
    }
    for (uint32_t at = 0; r == 0 && at < q->cluster_size; at += 8) {
        uint64_t entry = ld_be64(entries + at), offset, len = q->cluster_size;

        if (delta < 0) {
            qcow2_free_entry(q, entry, QCOW2_FREE_SNAPSHOT);
            continue;
        }
        switch (qcow2_entry_type(q, entry)) {
        case QCOW2_PACKED: qcow2_packed_place(q, entry, &offset, &len); break;
        case QCOW2_NORMAL:
        case QCOW2_ZERO_ALLOCATED: offset = entry & QCOW2_OFFSET; break;
        default: continue;
        }
        r = qcow2_refcount_add(q, offset, len, delta);
    }
    return r;
}

/* The same for a whole L1 table: its L2 tables and all they refer to. */
static int add_l1(struct qcow2 *q, const uint64_t *l1, uint32_t n, int delta)
{
    int r = 0;

    for (uint32_t i = 0; r == 0 && i < n; i++) {
        uint64_t table = l1[i] & QCOW2_OFFSET;

        if (table == 0) {
            continue;
        }
        if (table & (q->cluster_size - 1)) {
            return qcow2_corrupt(q, "L2 table offset 0x%" PRIx64 " unaligned (L1 index: 0x%x)",
                                 table, i);
        }
        r = add_table(q, table, delta);
        if (r == 0 && delta < 0) {
            qcow2_free_later(q, table, q->cluster_size, QCOW2_FREE_SNAPSHOT);
        } else if (r == 0) {
            r = qcow2_refcount_add(q, table, q->cluster_size, delta);
        }
    }
    return r;
}

static int set_copied_entry(struct qcow2 *q, uint64_t at)
{
    struct qcow2_slice *slice;
    uint64_t entry, refcount;
    int r = qcow2_slice_get(q, QCOW2_L2, at, &slice);

    if (r < 0) {
        return r;
    }
    entry = ld_be64(slice->data + (at - slice->offset));
    if ((entry & QCOW2_COMPRESSED) || (entry & QCOW2_OFFSET) == 0) {
        return 0;
    }
    r = qcow2_refcount_get(q, qcow2_cluster_of(q, entry & QCOW2_OFFSET), &refcount);
    if (r == 0) {
        uint64_t now = (entry & ~QCOW2_COPIED) | (refcount == 1 ? QCOW2_COPIED : 0);

        if (now != entry) {
            r = qcow2_slice_get(q, QCOW2_L2, at, &slice);
            if (r == 0) {
                st_be64(slice->data + (at - slice->offset), now);
                qcow2_slice_dirty(q, slice);
            }
        }
    }
    return r;
}

/* Makes the "copied" flags of the active tables agree with the refcounts. */
static int update_copied(struct qcow2 *q)
{
    int r = 0;

    for (uint32_t i = 0; r == 0 && i < q->l1_size; i++) {
        uint64_t table = q->l1[i] & QCOW2_OFFSET, refcount = 0, now;

        if (table == 0) {
            continue;
        }
        for (uint32_t at = 0; r == 0 && at < q->cluster_size; at += 8) {
            r = set_copied_entry(q, table + at);
        }
        if (r == 0) {
            r = qcow2_refcount_get(q, qcow2_cluster_of(q, table), &refcount);
        }
        now = table | (refcount == 1 ? QCOW2_COPIED : 0);
        if (r == 0 && now != q->l1[i]) {
            q->l1[i] = now;
            qcow2_l1_dirty(q, i);
        }
    }
    return r;
}

/* ---- a snapshot's L1 table ---- */

static int write_l1(struct qcow2 *q, uint64_t offset, const uint64_t *l1, uint32_t n)
{
    g_autofree uint8_t *raw = g_try_malloc(MAX((size_t)n * 8, 1));

    if (raw == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < n; i++) {
        st_be64(raw + (size_t)i * 8, l1[i]);
    }
    return n > 0 ? block_pwrite(q->node->file, offset, raw, (size_t)n * 8, 0) : 0;
}

static int read_l1(struct qcow2 *q, const struct qcow2_snap *snap, uint64_t **ret_l1)
{
    uint64_t *l1 = g_try_malloc(MAX((size_t)snap->l1_size * 8, 8));
    int r = l1 == NULL ? -ENOMEM
                       : block_pread(q->node->file, snap->l1_offset, l1, (size_t)snap->l1_size * 8);

    if (r < 0) {
        g_free(l1);
        return r;
    }
    for (uint32_t i = 0; i < snap->l1_size; i++) {
        l1[i] = ld_be64(&l1[i]);
    }
    *ret_l1 = l1;
    return 0;
}

/* ---- the operations ---- */

int qcow2_snapshot_list(struct block_node *node, GPtrArray *ret_snapshots)
{
    struct qcow2 *q = node->state;

    for (unsigned i = 0; i < q->snapshots->len; i++) {
        struct qcow2_snap *snap = g_ptr_array_index(q->snapshots, i);

        g_ptr_array_add(ret_snapshots, &snap->pub);
    }
    return 0;
}

/* By ID first, then by name. */
static int find(const struct qcow2 *q, const char *id)
{
    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < q->snapshots->len; i++) {
            const struct qcow2_snap *snap = g_ptr_array_index(q->snapshots, i);

            if (strcmp(pass == 0 ? snap->pub.id : snap->pub.name, id) == 0) {
                return (int)i;
            }
        }
    }
    return -1;
}

static char *next_id(const struct qcow2 *q)
{
    unsigned long highest = 0;

    for (unsigned i = 0; i < q->snapshots->len; i++) {
        const struct qcow2_snap *snap = g_ptr_array_index(q->snapshots, i);

        highest = max_u64(highest, strtoul(snap->pub.id, NULL, 10));
    }
    return g_strdup_printf("%lu", highest + 1);
}

static int fail(int r, const char *what, GError **error)
{
    if (r < 0) {
        g_set_error(error, BLOCK_ERROR, -r, "%s: %s", what, g_strerror(-r));
    }
    return r;
}

static int begin(struct qcow2 *q)
{
    int r = qcow2_header_begin_write(q);

    if (r == 0) {
        r = qcow2_meta_load(q);
    }
    return r == 0 ? qcow2_meta_write(q) : r;
}

static int create_locked(struct qcow2 *q, struct qcow2_snap *snap)
{
    uint64_t bytes = align_up((uint64_t)q->l1_size * 8, q->cluster_size);
    bool switched;
    int r = begin(q);

    if (r == 0 && bytes > 0) {
        r = qcow2_alloc_exact(q, bytes >> q->cluster_bits, &snap->l1_offset);
    }
    if (r < 0) {
        return r;
    }
    r = add_l1(q, q->l1, q->l1_size, 1);
    if (r == 0) {
        r = update_copied(q);
    }
    if (r == 0) {
        r = write_l1(q, snap->l1_offset, q->l1, q->l1_size);
    }
    if (r < 0) {
        return r;
    }
    snap->l1_size = q->l1_size;
    qcow2_meta_note(q, snap->l1_offset, bytes, true);
    g_ptr_array_add(q->snapshots, snap);
    r = write_table(q, &switched);
    if (!switched) {
        g_ptr_array_steal_index(q->snapshots, q->snapshots->len - 1);
    }
    return r;
}

int qcow2_snapshot_create(struct block_node *node, const struct block_snapshot *snapshot,
                          GError **error)
{
    struct qcow2 *q = node->state;
    struct qcow2_snap *snap;
    int r;

    if (q->snapshots->len >= QCOW2_MAX_SNAPSHOTS) {
        return fail(-EFBIG, "Too many snapshots", error);
    }
    if (strlen(snapshot->name) > 255) {
        return fail(-EINVAL, "The snapshot's name is too long", error);
    }
    snap = g_new0(struct qcow2_snap, 1);
    snap->pub = *snapshot;
    snap->pub.id = next_id(q);
    snap->pub.name = g_strdup(snapshot->name);
    snap->pub.disk_size = q->size;
    g_mutex_lock(&q->lock);
    r = create_locked(q, snap);
    if (r < 0 && !g_ptr_array_find(q->snapshots, snap, NULL)) {
        qcow2_snapshot_free(snap);
    }
    g_mutex_unlock(&q->lock);
    return fail(r, "Could not create the snapshot", error);
}

/* The disk becomes what the snapshot was: its L1 table is copied, the old one's references go. */
static int apply_locked(struct qcow2 *q, const struct qcow2_snap *snap)
{
    g_autofree uint64_t *l1 = NULL, *old = g_memdup2(q->l1, (size_t)q->l1_size * 8);
    uint32_t n = q->l1_size;
    int r = begin(q);

    if (r == 0) {
        r = read_l1(q, snap, &l1);
    }
    if (r == 0) {
        r = qcow2_l1_grow(q, (uint64_t)snap->l1_size << (q->cluster_bits + q->l2_bits));
    }
    if (r == 0) {
        r = add_l1(q, l1, snap->l1_size, 1);
    }
    if (r == 0) {
        r = qcow2_meta_write(q);
    }
    if (r < 0) {
        return r;
    }
    for (uint32_t i = 0; i < q->l1_size; i++) {
        q->l1[i] = i < snap->l1_size ? l1[i] & QCOW2_OFFSET : 0;
        qcow2_l1_dirty(q, i);
    }
    r = add_l1(q, old, n, -1);
    if (r == 0) {
        r = qcow2_meta_write(q);
    }
    if (r == 0) {
        r = update_copied(q);
    }
    return r == 0 ? qcow2_meta_write(q) : r;
}

int qcow2_snapshot_apply(struct block_node *node, const char *id, GError **error)
{
    struct qcow2 *q = node->state;
    const struct qcow2_snap *snap;
    int i = find(q, id), r;

    if (i < 0) {
        return fail(-ENOENT, "Could not apply the snapshot", error);
    }
    snap = g_ptr_array_index(q->snapshots, (unsigned)i);
    if (snap->pub.disk_size != q->size) {
        r = block_truncate(node, snap->pub.disk_size, BLOCK_PREALLOC_OFF, error);
        if (r < 0) {
            return r;
        }
    }
    g_mutex_lock(&q->lock);
    r = apply_locked(q, snap);
    g_mutex_unlock(&q->lock);
    return fail(r, "Could not apply the snapshot", error);
}

static int delete_locked(struct qcow2 *q, unsigned i)
{
    struct qcow2_snap *snap = g_ptr_array_index(q->snapshots, i);
    g_autofree uint64_t *l1 = NULL;
    bool switched;
    int r = begin(q);

    if (r == 0) {
        r = read_l1(q, snap, &l1);
    }
    if (r < 0) {
        return r;
    }
    g_ptr_array_steal_index(q->snapshots, i);
    r = write_table(q, &switched);
    if (!switched) {
        g_ptr_array_insert(q->snapshots, (int)i, snap);
        return r;
    }
    r = add_l1(q, l1, snap->l1_size, -1);
    if (snap->l1_size > 0) {
        qcow2_free_later(q, snap->l1_offset, (uint64_t)snap->l1_size * 8, QCOW2_FREE_SNAPSHOT);
    }
    qcow2_snapshot_free(snap);
    if (r == 0) {
        r = qcow2_meta_write(q);
    }
    if (r == 0) {
        r = update_copied(q);
    }
    return r == 0 ? qcow2_meta_write(q) : r;
}

int qcow2_snapshot_delete(struct block_node *node, const char *id, GError **error)
{
    struct qcow2 *q = node->state;
    int i = find(q, id), r;

    if (i < 0) {
        return fail(-ENOENT, "Could not delete the snapshot", error);
    }
    g_mutex_lock(&q->lock);
    r = delete_locked(q, (unsigned)i);
    g_mutex_unlock(&q->lock);
    return fail(r, "Could not delete the snapshot", error);
}

static const struct qcow2_snap *find_both(const struct qcow2 *q, const char *id, const char *name)
{
    for (unsigned i = 0; i < q->snapshots->len; i++) {
        const struct qcow2_snap *snap = g_ptr_array_index(q->snapshots, i);

        if ((id == NULL || strcmp(snap->pub.id, id) == 0) &&
            (name == NULL || strcmp(snap->pub.name, name) == 0)) {
            return snap;
        }
    }
    return NULL;
}

int qcow2_snapshot_load(struct block_node *node, const char *id, const char *name, GError **error)
{
    struct qcow2 *q = node->state;
    const struct qcow2_snap *snap = find_both(q, id, name);
    uint64_t *l1;
    int r;

    g_assert(block_read_only(node));
    if (snap == NULL) {
        g_set_error(error, BLOCK_ERROR, ENOENT, "Can't find snapshot");
        return -ENOENT;
    }
    if (snap->pub.disk_size > BLOCK_MAX_LENGTH) {
        return fail(-EFBIG, "The snapshot's disk is too big", error);
    }
    r = read_l1(q, snap, &l1);
    if (r < 0) {
        return fail(r, "Could not read snapshot L1 table", error);
    }
    g_mutex_lock(&q->lock);
    g_free(q->l1);
    q->l1 = l1;
    q->l1_size = snap->l1_size;
    __atomic_store_n(&q->size, snap->pub.disk_size, __ATOMIC_RELAXED);
    g_mutex_unlock(&q->lock);
    return 0;
}
