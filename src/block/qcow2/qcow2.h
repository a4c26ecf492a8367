/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qcow2's inside, for the files of this folder. Source: "Qcow2 Image File Format"
 * (docs/interop/qcow2.txt of QEMU), versions 2 and 3.
 *
 *     guest offset = | L1 index | L2 index | offset in cluster |
 *     L1[i] -> L2 table (one cluster) -> L2[j] -> data cluster
 *     reftable[i] -> refcount block (one cluster) -> refcount of each host cluster
 *
 * Order on disk. A crash at any moment leaves at worst leaked clusters, because metadata leaves
 * memory only in meta_write_locked(), in this order, with a barrier between where the later one
 * relies on the earlier: refcount blocks, refcount table, L2 tables, L1 table; and only after that
 * are clusters that lost their last reference given back (pending_free).
 *
 * Locks. `ranges` keeps requests on the same guest clusters apart: shared for those that use the
 * mapping as it is, exclusive for those that change it; one request holds one range at a time.
 * `lock` protects everything below it in the struct and is never held over data I/O. A range is
 * taken before the lock.
 */
#ifndef VIV_BLOCK_QCOW2_H
#define VIV_BLOCK_QCOW2_H

#include "base/log.h"
#include "block/driver.h"
#include "block/range.h"

#include <inttypes.h>

#define QCOW2_MAGIC                0x514649fbu
#define QCOW2_HEADER_V2            72
#define QCOW2_HEADER_V3            104
#define QCOW2_MAX_L1               (32u << 20) /* bytes */
#define QCOW2_MAX_REFTABLE         (8u << 20)  /* bytes */
#define QCOW2_MAX_SNAPSHOTS        65536
#define QCOW2_MAX_SNAPSHOT_TABLE   (64u << 20) /* bytes */
#define QCOW2_MAX_BACKING_NAME     1023
#define QCOW2_MAX_BITMAPS          65535
#define QCOW2_MAX_BITMAP_DIRECTORY (64u << 20) /* bytes */

#define QCOW2_COPIED            (UINT64_C(1) << 63)
#define QCOW2_COMPRESSED        (UINT64_C(1) << 62)
#define QCOW2_ZERO              UINT64_C(1)
#define QCOW2_OFFSET            UINT64_C(0x00fffffffffffe00)
#define QCOW2_L1_RESERVED       UINT64_C(0x7f000000000001ff)
#define QCOW2_L2_RESERVED       UINT64_C(0x3f000000000001fe)
#define QCOW2_REFTABLE_OFFSET   UINT64_C(0xfffffffffffffe00)
#define QCOW2_REFTABLE_RESERVED UINT64_C(0x1ff)

enum qcow2_incompatible {
    QCOW2_INCOMPAT_DIRTY = 1 << 0,
    QCOW2_INCOMPAT_CORRUPT = 1 << 1,
    QCOW2_INCOMPAT_DATA_FILE = 1 << 2,
    QCOW2_INCOMPAT_COMPRESSION = 1 << 3,
    QCOW2_INCOMPAT_EXTENDED_L2 = 1 << 4,
    QCOW2_INCOMPAT_KNOWN =
        QCOW2_INCOMPAT_DIRTY | QCOW2_INCOMPAT_CORRUPT | QCOW2_INCOMPAT_COMPRESSION,
};

#define QCOW2_COMPAT_LAZY        1u
#define QCOW2_AUTOCLEAR_BITMAPS  1u
#define QCOW2_AUTOCLEAR_DATA_RAW 2u

enum qcow2_extension {
    QCOW2_EXT_END = 0,
    QCOW2_EXT_BACKING_FORMAT = 0xe2792aca,
    QCOW2_EXT_FEATURES = 0x6803f857,
    QCOW2_EXT_BITMAPS = 0x23852875,
    QCOW2_EXT_CRYPTO = 0x0537be77,
    QCOW2_EXT_DATA_FILE = 0x44415441,
};

enum qcow2_compression {
    QCOW2_ZLIB,
    QCOW2_ZSTD,
};

/* What an L2 entry says. */
enum qcow2_type {
    QCOW2_UNALLOCATED,
    QCOW2_ZERO_PLAIN,
    QCOW2_ZERO_ALLOCATED, /* reads as zeroes, a cluster is reserved */
    QCOW2_NORMAL,
    QCOW2_PACKED, /* compressed */
};

enum qcow2_table {
    QCOW2_REFBLOCK,
    QCOW2_L2,
    QCOW2_N_TABLES,
};

/* A piece of a metadata table in memory. */
struct qcow2_slice {
    uint64_t offset; /* in the file */
    enum qcow2_table table;
    bool dirty;
    struct qcow2_slice *newer, *older; /* by last use */
    uint8_t *data;
};

struct qcow2_cache {
    GHashTable *by_offset;
    struct qcow2_slice *newest, *oldest;
    unsigned n, max;
    unsigned n_dirty[QCOW2_N_TABLES];
    unsigned size; /* bytes of a slice */
};

struct qcow2_extra_ext {
    uint32_t type, len;
    uint8_t *data;
};

struct qcow2_snap {
    uint64_t l1_offset;
    uint32_t l1_size;
    uint8_t *extra; /* as found, so that unknown parts are kept */
    uint32_t extra_len;
    struct block_snapshot pub;
};

/* Why clusters are given back: decides whether the file below hears of it. */
enum qcow2_why {
    QCOW2_FREE_REQUEST, /* the guest discarded */
    QCOW2_FREE_SNAPSHOT,
    QCOW2_FREE_OTHER, /* replaced by others */
    QCOW2_N_WHY,
};

struct qcow2_span {
    uint64_t offset, len;
    enum qcow2_why why;
};

struct qcow2 {
    /* frozen after open */
    struct block_node *node;
    unsigned version;
    unsigned cluster_bits;
    uint32_t cluster_size;
    unsigned l2_bits; /* entries of an L2 table, as a power of two */
    unsigned refcount_order;
    unsigned refblock_bits; /* entries of a refcount block, as a power of two */
    uint32_t header_length;
    uint8_t *more_header; /* the version 3 header as found, header_length bytes; NULL: version 2 */
    enum qcow2_compression compression;
    bool pass_discard[QCOW2_N_WHY];
    bool lazy;
    bool zero_growth;      /* the file below reads as zeroes where it grows */
    GPtrArray *other_exts; /* of qcow2_extra_ext: kept for rewriting the header */
    struct block_ranges *ranges;
    struct log_limit notes; /* atomic */

    GMutex unpacked_lock; /* taken last */
    /* unpacked_lock */
    uint64_t unpacked_host; /* where `unpacked` came from, UINT64_MAX: nowhere */
    uint8_t *unpacked;
    GPtrArray *packers; /* of z_stream, idle ones; NULL: none yet */

    GMutex lock;
    /* lock */
    uint64_t size;
    uint64_t incompatible, compatible, autoclear;
    char *backing_name, *backing_format; /* changed by change_backing only */
    uint64_t l1_offset;
    uint32_t l1_size;
    uint64_t *l1; /* host order */
    bool l1_dirty;
    uint32_t l1_dirty_from, l1_dirty_to; /* entries */
    uint64_t reftable_offset;
    uint32_t reftable_clusters, reftable_size;
    uint64_t *reftable; /* host order */
    bool reftable_dirty;
    uint32_t reftable_dirty_from, reftable_dirty_to;
    uint64_t snapshots_offset;
    uint64_t snapshots_len; /* bytes of the table */
    GPtrArray *snapshots;   /* of qcow2_snap */
    struct qcow2_cache cache;
    GHashTable *meta;     /* cluster numbers of metadata; NULL until the first write */
    uint64_t free_index;  /* no free cluster below, apart from pending ones */
    uint64_t file_end;    /* bytes at and after were never written by anybody */
    GArray *pending_free; /* of qcow2_span: lose a reference after the next metadata write */
    /* Writes of metadata and of copied data so far, and how many of them are known to be stable. */
    uint64_t wrote, stable;
    bool failed;        /* corruption was found: no more writes */
    uint64_t packed_at; /* where the next compressed cluster may go, 0: nowhere yet */
};

/* What a guest range is mapped to. */
struct qcow2_map {
    enum qcow2_type type;
    uint64_t host;   /* of the first byte; PACKED: of the cluster's data */
    uint64_t packed; /* PACKED: bytes that may be read there */
    uint64_t len;    /* bytes of the range that are alike */
    bool copied;     /* may be written in place */
};

static inline uint64_t qcow2_cluster_of(const struct qcow2 *q, uint64_t offset)
{
    return offset >> q->cluster_bits;
}

/* ---- cache.c: metadata in memory; all with the lock held ---- */

void qcow2_cache_init(struct qcow2_cache *cache, unsigned slice_size, uint64_t max_bytes);
void qcow2_cache_fini(struct qcow2_cache *cache);
/* The slice that holds byte `offset` of the file; valid until the next call that takes the lock. */
int qcow2_slice_get(struct qcow2 *q, enum qcow2_table table, uint64_t offset,
                    struct qcow2_slice **ret_slice);
/* The same, but only from memory; NULL otherwise. */
struct qcow2_slice *qcow2_slice_peek(struct qcow2 *q, uint64_t offset);
void qcow2_slice_dirty(struct qcow2 *q, struct qcow2_slice *slice);
/* Forgets slices of a cluster that is no longer metadata. */
void qcow2_cache_forget(struct qcow2 *q, uint64_t cluster_offset);
/* Writes all metadata in its order; afterwards what was freed is free. */
int qcow2_meta_write(struct qcow2 *q);
/* Is nothing of the guest's mapping only in memory or only in the host's cache? */
bool qcow2_meta_settled(const struct qcow2 *q);
/* What was written before is stable afterwards; costs nothing if it is already. */
int qcow2_barrier(struct qcow2 *q);
int qcow2_write_slices(struct qcow2 *q, enum qcow2_table table);
/* The same, with the refcounts that a lazy image keeps back. */
int qcow2_meta_write_all(struct qcow2 *q);
/* ... and clears the dirty bit. */
int qcow2_mark_clean(struct qcow2 *q);

/* ---- refcount.c: all with the lock held ---- */

int qcow2_refcount_load(struct qcow2 *q, GError **error);
int qcow2_refcount_get(struct qcow2 *q, uint64_t cluster, uint64_t *ret_refcount);
/* Adds `delta` to the refcount of each cluster in the range; new refcount blocks as needed. */
int qcow2_refcount_add(struct qcow2 *q, uint64_t offset, uint64_t len, int delta);
/*
 * Up to `n` free clusters in one piece (at least one): refcount 1 now. *ret_fresh: they lie past
 * everything ever written, so they read as zeroes if the file below says so of its growth.
 */
int qcow2_alloc(struct qcow2 *q, uint64_t n, uint64_t *ret_offset, uint64_t *ret_n,
                bool *ret_fresh);
/* Exactly `n` clusters in one piece. */
int qcow2_alloc_exact(struct qcow2 *q, uint64_t n, uint64_t *ret_offset);
/* Room for `len` bytes of compressed data. */
int qcow2_alloc_packed(struct qcow2 *q, uint32_t len, uint64_t *ret_offset);
/* The range loses one reference once no table on disk names it any more. */
void qcow2_free_later(struct qcow2 *q, uint64_t offset, uint64_t len, enum qcow2_why why);
/* Gives the pending ones back; called by qcow2_meta_write. */
int qcow2_free_pending(struct qcow2 *q);
/* Gives back what an L2 entry points to. */
void qcow2_free_entry(struct qcow2 *q, uint64_t entry, enum qcow2_why why);
/* -EIO, and the image is marked corrupt, if the range lies on metadata. */
int qcow2_check_overlap(struct qcow2 *q, uint64_t offset, uint64_t len);
/* The same for clusters that are mapped: not past the file's end without a refcount either. */
int qcow2_check_in_place(struct qcow2 *q, uint64_t offset, uint64_t len);
void qcow2_meta_note(struct qcow2 *q, uint64_t offset, uint64_t len, bool is_meta);
int qcow2_meta_load(struct qcow2 *q);
/* Bit-packed refcounts of a block in memory. */
uint64_t qcow2_refcount_peek(const uint8_t *block, unsigned order, uint64_t index);
void qcow2_refcount_poke(uint8_t *block, unsigned order, uint64_t index, uint64_t value);

/* ---- map.c: all with the lock held ---- */

/* What [offset, offset + len) is, up to where it changes. */
int qcow2_map(struct qcow2 *q, uint64_t offset, uint64_t len, struct qcow2_map *ret_map);
/* The same from memory only: -EAGAIN when that is not possible. */
int qcow2_map_peek(struct qcow2 *q, uint64_t offset, uint64_t len, struct qcow2_map *ret_map);
int qcow2_entry_get(struct qcow2 *q, uint64_t offset, uint64_t *ret_entry);
/* Makes the L2 table for `offset` if it is missing or shared: before its data, so that those lie in
 * one piece. */
int qcow2_table_make(struct qcow2 *q, uint64_t offset);
/* Sets the entry of one guest cluster; makes its L2 table (its own copy of it) first. */
int qcow2_entry_set(struct qcow2 *q, uint64_t offset, uint64_t entry);
enum qcow2_type qcow2_entry_type(const struct qcow2 *q, uint64_t entry);
void qcow2_packed_place(const struct qcow2 *q, uint64_t entry, uint64_t *ret_offset,
                        uint64_t *ret_len);
void qcow2_l1_dirty(struct qcow2 *q, uint32_t index);
/* Grows the L1 table so that it covers `size` bytes of disk. */
int qcow2_l1_grow(struct qcow2 *q, uint64_t size);
/* A hostile or broken table entry was met: marks the image; returns -EIO. */
int qcow2_corrupt(struct qcow2 *q, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* ---- header.c ---- */

int qcow2_header_read(struct qcow2 *q, GError **error);
/* Rewrites the first cluster from what is in memory, extensions included. */
int qcow2_header_write(struct qcow2 *q, GError **error);
/*
 * Overwrites a part of the header that switches to a new table. After a failure the old words are
 * there again, or nothing is written to the image any more.
 */
int qcow2_header_switch(struct qcow2 *q, uint64_t at, const void *new, const void *old, size_t len);
/* Writes the three feature words only. */
int qcow2_header_write_features(struct qcow2 *q);
/* Before the first change: autoclear bits we do not keep up are cleared, lazy images marked dirty.
 */
int qcow2_header_begin_write(struct qcow2 *q);

/* ---- io.c ---- */

int qcow2_preadv(struct block_node *node, uint64_t offset, uint64_t len, struct block_vec vec);
int qcow2_pwritev(struct block_node *node, uint64_t offset, uint64_t len, struct block_vec vec,
                  unsigned flags);
int qcow2_pwrite_zeroes(struct block_node *node, uint64_t offset, uint64_t len, unsigned flags);
int qcow2_discard(struct block_node *node, uint64_t offset, uint64_t len);
int qcow2_flush(struct block_node *node);
int qcow2_map_fast(struct block_node *node, bool write, uint64_t offset, uint64_t len,
                   struct block_fast *ret_fast);
void qcow2_map_done(struct block_node *node, void *token);
/* Reserves a cluster for every unallocated guest cluster of the range. Lock held. */
int qcow2_preallocate(struct qcow2 *q, uint64_t offset, uint64_t len);

/* ---- pack.c: compression; no lock ---- */

/* Forgets the last cluster that was unpacked if it came from there. Lock held. */
void qcow2_unpacked_forget(struct qcow2 *q, uint64_t cluster);
/* Bytes `at`.. `at + len` of the cluster that is packed at `host`. */
int qcow2_read_packed(struct qcow2 *q, const struct qcow2_map *map, uint64_t at, uint64_t len,
                      struct block_vec vec);
/* Bytes of `out` used, or -ENOSPC when it does not get smaller than a cluster. */
int64_t qcow2_pack(struct qcow2 *q, const void *in, void *out);
int qcow2_unpack(const struct qcow2 *q, const void *in, size_t in_len, void *out);

/* ---- the rest: driver functions ---- */

int qcow2_check(struct block_node *node, struct block_check *check, unsigned fix, GError **error);
int qcow2_create(const struct block_create *create, GError **error);
int qcow2_measure(json_object *options, uint64_t length, uint64_t allocated, uint64_t *ret_required,
                  uint64_t *ret_fully, GError **error);
int qcow2_amend(struct block_node *node, json_object *options, GError **error);
int qcow2_change_backing(struct block_node *node, const char *filename, const char *format,
                         GError **error);
extern const struct block_option qcow2_create_options[];

int qcow2_snapshots_read(struct qcow2 *q, GError **error);
void qcow2_snapshot_free(void *snapshot);
int qcow2_snapshot_list(struct block_node *node, GPtrArray *ret_snapshots);
int qcow2_snapshot_create(struct block_node *node, const struct block_snapshot *snapshot,
                          GError **error);
int qcow2_snapshot_apply(struct block_node *node, const char *id, GError **error);
int qcow2_snapshot_delete(struct block_node *node, const char *id, GError **error);
int qcow2_snapshot_load(struct block_node *node, const char *id, const char *name, GError **error);

#endif
