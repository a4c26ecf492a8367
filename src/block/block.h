/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Block nodes: a graph of reference-counted disks, formats, filters and files.
 *
 *     device -> backend -> qcow2 node --file----> file node
 *                                     \-backing-> qcow2 node --file--> file node
 *
 * A node is one instance of a driver (driver.h) opened from options. I/O here is synchronous and
 * may block: it is called from worker threads, tools and tests. Devices use backend.h, which is
 * asynchronous. Offsets and lengths are bytes. Functions that return int or int64_t give a negative
 * errno on failure; functions with a GError use the domain BLOCK_ERROR, whose codes are positive
 * errno values.
 *
 * Threads: opening, attaching, closing and the permission calls belong to one thread per graph (the
 * loop); I/O calls and the node's constant properties may be used from any thread that holds a
 * reference.
 */
#ifndef VIV_BLOCK_BLOCK_H
#define VIV_BLOCK_BLOCK_H

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define BLOCK_ERROR block_error_quark()
GQuark block_error_quark(void);

#define BLOCK_SECTOR 512u
/* No node is longer than this; offsets and sums of offsets and lengths never overflow. */
#define BLOCK_MAX_LENGTH ((uint64_t)INT64_MAX - 65535)
/* One request carries at most this many bytes of data; longer ones are split by the node layer. */
#define BLOCK_MAX_TRANSFER (1u << 30)

struct block_graph;
struct block_node;
struct block_driver;

/* How a node is opened. Children inherit them as their role says. */
enum block_open_flags {
    BLOCK_O_RDWR = 1 << 0,
    BLOCK_O_DIRECT = 1 << 1,      /* cache.direct=on: past the host's page cache */
    BLOCK_O_NO_FLUSH = 1 << 2,    /* cache.no-flush=on: flushes do nothing */
    BLOCK_O_UNMAP = 1 << 3,       /* discard=unmap; without it discards do nothing */
    BLOCK_O_AUTO_RDONLY = 1 << 4, /* auto-read-only=on: fall back to read-only */
    BLOCK_O_FORCE_SHARE = 1 << 5, /* force-share=on: read even while another process writes */
    BLOCK_O_NO_BACKING = 1 << 6,  /* do not open the backing file */
    BLOCK_O_CHECK = 1 << 7,       /* open for a repair: damaged or dirty images are accepted */
    BLOCK_O_NO_IO = 1 << 8,       /* header only; no data is read */
    BLOCK_O_SNAPSHOT = 1 << 9,    /* block_open_file: writes go to a temporary overlay */
    BLOCK_O_NO_URING = 1 << 10,   /* aio=threads */
};

/* Flags of one request. */
enum block_req_flags {
    BLOCK_REQ_FUA = 1 << 0,         /* on stable storage before it completes */
    BLOCK_REQ_UNMAP = 1 << 1,       /* write zeroes: the space may be given back */
    BLOCK_REQ_NO_FALLBACK = 1 << 2, /* write zeroes: -ENOTSUP rather than writing buffers */
    BLOCK_REQ_COMPRESSED = 1 << 3,  /* write: whole clusters, stored compressed */
};

enum block_detect_zeroes {
    BLOCK_DETECT_OFF,
    BLOCK_DETECT_ON,    /* a write of zeroes becomes write-zeroes */
    BLOCK_DETECT_UNMAP, /* ... which may also give the space back */
};

/* What a user of a node does to it, and what it lets other users do (QEMU's numbers). */
enum block_perm {
    BLOCK_PERM_CONSISTENT_READ = 1 << 0,
    BLOCK_PERM_WRITE = 1 << 1,
    BLOCK_PERM_WRITE_UNCHANGED = 1 << 2,
    BLOCK_PERM_RESIZE = 1 << 3,
    BLOCK_PERM_ALL = 15,
};

/* Bits that block_status() answers. */
enum block_status_bits {
    BLOCK_STATUS_DATA = 1 << 0,      /* reading this layer gives stored bytes */
    BLOCK_STATUS_ZERO = 1 << 1,      /* reads as zeroes */
    BLOCK_STATUS_OFFSET = 1 << 2,    /* *ret_map is where the bytes lie in *ret_file */
    BLOCK_STATUS_ALLOCATED = 1 << 3, /* decided by this layer rather than by its backing file */
    BLOCK_STATUS_COMPRESSED = 1 << 4,
    BLOCK_STATUS_EOF = 1 << 5, /* the range ends at the node's end */
};

enum block_prealloc {
    BLOCK_PREALLOC_OFF,
    BLOCK_PREALLOC_METADATA,
    BLOCK_PREALLOC_FALLOC,
    BLOCK_PREALLOC_FULL,
};

/* A slice of caller's memory: the bytes of iov[0..niov) from byte `skip` on. */
struct block_vec {
    const struct iovec *iov;
    int niov;
    size_t skip;
};

/* What is known about an image; strings are the node's and live as long as it. */
struct block_info {
    uint64_t length;         /* bytes the guest sees */
    uint32_t cluster_size;   /* 0: the format has none */
    int64_t allocated;       /* bytes taken on the host, -1 unknown */
    const char *format_name; /* the driver's */
    const char *backing_filename;
    const char *backing_format;
    bool compressed;
    bool encrypted;
    bool dirty;
    bool corrupt;
    bool needs_compressed_writes;
    bool has_bitmaps; /* dirty bitmaps are stored in it, which this library does not read */
};

struct block_snapshot {
    char *id;
    char *name;
    uint64_t vm_state_size;
    uint64_t disk_size;
    uint32_t date_sec;
    uint32_t date_nsec;
    uint64_t vm_clock_nsec;
    uint64_t icount; /* UINT64_MAX: not recorded */
};

/* ---- graph ---- */

/*
 * Opens a member of an add-fd set, for file names of the form /dev/fdset/N: returns a new
 * descriptor with the access mode of `flags` (O_RDONLY, O_RDWR), or a negative errno. Called on the
 * loop.
 */
typedef int (*block_fdset_fn)(void *opaque, int64_t set, int flags);

/* A graph owns its node names and its worker threads. Freeing it needs every node to be gone. */
struct block_graph *block_graph_new(void);
void block_graph_free(struct block_graph *graph);
typedef struct block_graph block_graph_own;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(block_graph_own, block_graph_free)
void block_graph_set_fdset(struct block_graph *graph, block_fdset_fn open, void *opaque);
/* The node of that name, borrowed, or NULL. */
struct block_node *block_graph_find(struct block_graph *graph, const char *name);
/* Calls `each` for every node in the order they were opened. */
void block_graph_each(struct block_graph *graph, void (*each)(struct block_node *, void *),
                      void *opaque);

/* ---- opening ---- */

/*
 * Opens a node from -blockdev options: {"driver": "qcow2", "node-name": "disk", "file": {...}}.
 * A child is a nested object or the name of an existing node; dotted keys ("file.driver") and
 * strings in place of numbers and booleans are taken too, as key=value parsing gives them. The
 * options are borrowed. The caller owns one reference to the result. A node opened without a
 * node-name gets one of the form "#block123".
 */
struct block_node *block_open(json_object *options, struct block_graph *graph, GError **error);

/*
 * Opens an image by name, as -drive and viv-img do. `format` NULL probes it. `filename` may be a
 * path, "json:{...}", "file:PATH", "null-co://" or "blkdebug:[RULES]:IMAGE". `options` (or NULL)
 * are merged over what the other arguments say; borrowed.
 */
struct block_node *block_open_file(const char *filename, const char *format, unsigned flags,
                                   json_object *options, struct block_graph *graph, GError **error);

/*
 * The format of an image by its first bytes; "raw" when nothing else claims it. `node` is a
 * protocol node. Returns NULL on a read error.
 */
const char *block_probe(struct block_node *node, GError **error);

/* cache=none|writeback|writethrough|unsafe|directsync: sets *flags' cache bits, *ret_writethrough.
 */
bool block_cache_mode(const char *mode, unsigned *flags, bool *ret_writethrough);

struct block_node *block_ref(struct block_node *node);
/* The last reference flushes and closes the node and drops its children. NULL is fine. */
void block_unref(struct block_node *node);
/* g_autoptr(block_node_ref): a reference that is dropped when the scope ends. */
typedef struct block_node block_node_ref;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(block_node_ref, block_unref)

/* Stops using the backing file: what it held reads as zeroes. Loop, with no request in flight. */
void block_drop_backing(struct block_node *node);

/* ---- properties: constant unless said otherwise; borrowed strings ---- */

const char *block_name(const struct block_node *node);
const char *block_driver_name(const struct block_node *node);
/* The name it was opened by; "" for a node without one. For a format: its file's. */
const char *block_filename(const struct block_node *node);
unsigned block_flags(const struct block_node *node);
bool block_read_only(const struct block_node *node);
enum block_detect_zeroes block_get_detect_zeroes(const struct block_node *node);
/* The child of that role ("file", "backing"), borrowed, or NULL. Loop thread. */
struct block_node *block_child(const struct block_node *node, const char *role);
/* Bytes to which offsets, lengths and buffers of direct I/O are best aligned (1, 512, 4096). */
unsigned block_align(const struct block_node *node);

/* ---- I/O ---- */

/* Length in bytes; it changes with truncate only. */
int64_t block_length(struct block_node *node);
/* A range beyond the end is -EIO; nothing is transferred then. `flags`: block_req_flags. */
int block_preadv(struct block_node *node, uint64_t offset, uint64_t len, struct block_vec vec);
int block_pwritev(struct block_node *node, uint64_t offset, uint64_t len, struct block_vec vec,
                  unsigned flags);
int block_pread(struct block_node *node, uint64_t offset, void *buf, size_t len);
int block_pwrite(struct block_node *node, uint64_t offset, const void *buf, size_t len,
                 unsigned flags);
int block_pwrite_zeroes(struct block_node *node, uint64_t offset, uint64_t len, unsigned flags);
/* Advice: success without effect where the node or its options do not support it. */
int block_discard(struct block_node *node, uint64_t offset, uint64_t len);
/* Everything completed before is on stable storage afterwards. */
int block_flush(struct block_node *node);
/* Lets the host copy between two nodes' files; -ENOTSUP where it cannot (then nothing was done). */
int block_copy_range(struct block_node *from, uint64_t from_offset, struct block_node *to,
                     uint64_t to_offset, uint64_t len);
/* Changes the length; new space reads as zeroes. */
int block_truncate(struct block_node *node, uint64_t length, enum block_prealloc prealloc,
                   GError **error);
/*
 * What lies at `offset`: returns block_status_bits for *ret_len bytes from there (1..len). *ret_map
 * and *ret_file (borrowed) are set with BLOCK_STATUS_OFFSET; all results may be NULL but ret_len.
 * Looks at this node and what stores its bytes, not at its backing file. `len` 0 is -EINVAL.
 */
int block_status(struct block_node *node, uint64_t offset, uint64_t len, uint64_t *ret_len,
                 uint64_t *ret_map, struct block_node **ret_file);
int block_get_info(struct block_node *node, struct block_info *ret_info);
/* Format-specific information as QEMU's ImageInfoSpecific data, a new object; NULL: none. */
json_object *block_get_specific(struct block_node *node);

/* ---- helpers for slices ---- */

/* The same slice, `n` bytes further on. */
static inline struct block_vec block_vec_at(struct block_vec vec, size_t n)
{
    vec.skip += n;
    return vec;
}

/* Copies between a slice and flat memory; the slice must hold `len` bytes. */
void block_vec_to_buf(struct block_vec vec, void *buf, size_t len);
void block_vec_from_buf(struct block_vec vec, const void *buf, size_t len);
void block_vec_zero(struct block_vec vec, size_t len);
bool block_vec_is_zero(struct block_vec vec, size_t len);
/* All zero bytes? Any alignment, any length. */
bool block_is_zero(const void *buf, size_t len);

#endif
