/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A block backend: what a device attaches to. It sends requests to a node and delivers their
 * completion in a GMainContext, counts them, and carries the error policy.
 *
 * Threads: block_submit, plug and unplug: any thread, also several at once. `done` runs in the
 * backend's context (in block_submit itself in synchronous mode) with no lock held. The rest: the
 * loop. A removable drive's backend may be empty (no node): requests then end with -ENOMEDIUM.
 */
#ifndef VIV_BLOCK_BACKEND_H
#define VIV_BLOCK_BACKEND_H

#include "block/block.h"

struct block_backend;
struct block_range;

enum block_op {
    BLOCK_READ,
    BLOCK_WRITE,
    BLOCK_FLUSH,
    BLOCK_DISCARD,
    BLOCK_WRITE_ZEROES,
    BLOCK_N_OPS,
};

/* Owned by the submitter, unchanged and alive until `done`, which may free or submit it again. */
struct block_req {
    enum block_op op;
    unsigned flags; /* block_req_flags */
    uint64_t offset;
    uint64_t len; /* bytes; of READ and WRITE: not more than the iovec holds */
    const struct iovec *iov;
    int niov;
    void (*done)(struct block_req *req, int ret); /* ret: 0 or a negative errno */
    void *opaque;

    /* the backend's own, from submit to done */
    struct {
        struct block_backend *backend;
        struct block_req *next;
        void *token;               /* for map_done */
        struct block_range *range; /* kept apart from unaligned writes */
        gint64 start;              /* microseconds, monotonic */
        uint64_t progress;
        int ret;
    } priv;
};

/* werror= and rerror= */
enum block_on_error {
    BLOCK_ON_ERROR_REPORT,
    BLOCK_ON_ERROR_IGNORE,
    BLOCK_ON_ERROR_STOP,
    BLOCK_ON_ERROR_ENOSPC, /* stop when the disk is full, report the rest */
    BLOCK_ON_ERROR_AUTO,   /* the default: enospc for writes, report for reads */
};

enum block_action {
    BLOCK_ACTION_REPORT,
    BLOCK_ACTION_IGNORE,
    BLOCK_ACTION_STOP, /* keep the request, stop the machine, submit it again on resume */
};

enum block_iostatus {
    BLOCK_IOSTATUS_OK,
    BLOCK_IOSTATUS_FAILED,
    BLOCK_IOSTATUS_NOSPACE,
};

/* For query-blockstats; times in nanoseconds. */
struct block_stats {
    struct {
        uint64_t bytes, ops, merged, failed, invalid, time_ns;
    } op[BLOCK_N_OPS];
    uint64_t highest_offset; /* one past the last byte written */
    gint64 last_access;      /* microseconds, monotonic; 0: never */
};

/* Where the tray of a drive with removable media is. */
struct block_tray {
    bool open, locked;
};

/* What the backend's user hears. Loop; any may be NULL. */
struct block_backend_events {
    /* A request failed and the policy chose `action` (the BLOCK_IO_ERROR event). */
    void (*io_error)(void *opaque, struct block_backend *backend, enum block_op op,
                     enum block_action action, int error);
    void (*resized)(void *opaque, struct block_backend *backend);
    /* The medium was inserted (load) or removed. */
    void (*media_changed)(void *opaque, struct block_backend *backend, bool load);
    /* A drive with removable media and a tray has all three. The last: whoever runs the machine
     * wants the medium; the guest may unlock the tray. */
    struct block_tray (*tray)(void *opaque);
    void (*move_tray)(void *opaque, bool open);
    void (*ask_eject)(void *opaque);
};

/* `id`: the -drive id or "" ; copied. Requests complete in `context` (NULL: the default one). */
struct block_backend *block_backend_new(const char *id, GMainContext *context);
/* Waits for requests in flight, then detaches. NULL is fine. */
void block_backend_free(struct block_backend *backend);

/*
 * Uses `node` (a reference is taken) with block_perm bits `perm`, letting others have `shared`.
 * Refused when another user, in this process or outside, does not allow it. A disk that is written:
 * perm CONSISTENT_READ | WRITE, shared CONSISTENT_READ | WRITE_UNCHANGED | RESIZE.
 */
bool block_backend_insert(struct block_backend *backend, struct block_node *node, unsigned perm,
                          unsigned shared, GError **error);
/* Drains and drops the node. */
void block_backend_remove(struct block_backend *backend);
/* Changes what the device needs of the inserted node. */
bool block_backend_set_perm(struct block_backend *backend, unsigned perm, unsigned shared,
                            GError **error);

const char *block_backend_id(const struct block_backend *backend);
/* The device's name or QOM path, for messages and events; copied, "" until set. */
void block_backend_set_device(struct block_backend *backend, const char *device);
const char *block_backend_device(const struct block_backend *backend);
/* Borrowed; NULL: no medium. */
struct block_node *block_backend_node(const struct block_backend *backend);
bool block_backend_read_only(const struct block_backend *backend);
/* Bytes; -ENOMEDIUM without a medium. */
int64_t block_backend_length(struct block_backend *backend);

/* Drains, changes the disk's length (block_truncate) and tells `resized`. */
bool block_backend_resize(struct block_backend *backend, uint64_t length, GError **error);

void block_backend_set_context(struct block_backend *backend, GMainContext *context);
/* The device's. */
void block_backend_set_events(struct block_backend *backend,
                              const struct block_backend_events *events, void *opaque);
/* Whoever made the backend hears io_error too, whatever device comes and goes. */
void block_backend_set_owner_events(struct block_backend *backend,
                                    const struct block_backend_events *events, void *opaque);
/* FALSE: the device has no tray, so its medium stays. */
bool block_backend_tray(const struct block_backend *backend, struct block_tray *ret);
/* Both need a tray. */
void block_backend_move_tray(struct block_backend *backend, bool open);
void block_backend_ask_eject(struct block_backend *backend);
/* Requests run inside block_submit and `done` is called at once: a deterministic machine. */
void block_backend_set_sync(struct block_backend *backend, bool sync);
/* FALSE: every write is FUA (cache=writethrough, or the guest turned the write cache off). */
void block_backend_set_write_cache(struct block_backend *backend, bool enabled);
bool block_backend_write_cache(const struct block_backend *backend);

/* Takes a request. Never fails: errors come through `done`. */
void block_submit(struct block_backend *backend, struct block_req *req);
/* Between plug and unplug requests may be held back and sent together. They nest. */
void block_plug(struct block_backend *backend);
void block_unplug(struct block_backend *backend);
/* Returns when nothing is in flight; runs completions meanwhile. Called on the context's thread. */
void block_backend_drain(struct block_backend *backend);
/* Requests submitted and not yet done. Any thread. */
unsigned block_backend_in_flight(const struct block_backend *backend);

/* Synchronous requests for code that runs before the guest does and for the monitor; counted. */
int block_backend_pread(struct block_backend *backend, uint64_t offset, void *buf, size_t len);
int block_backend_pwrite(struct block_backend *backend, uint64_t offset, const void *buf,
                         size_t len);
int block_backend_flush(struct block_backend *backend);

/* "report", "ignore", "stop", "enospc", "auto". */
bool block_on_error_parse(const char *text, enum block_on_error *ret);
/* AUTO leaves what was set before: a device that says nothing takes its drive's. */
void block_backend_set_on_error(struct block_backend *backend, enum block_on_error on_read,
                                enum block_on_error on_write);
enum block_on_error block_backend_on_error(const struct block_backend *backend, bool write);
/*
 * A device whose request failed asks what to do; `error` is positive. Sets the iostatus, counts the
 * failure and tells the events. For STOP the device keeps the request and submits it on resume.
 */
enum block_action block_backend_error(struct block_backend *backend, enum block_op op, int error);
enum block_iostatus block_backend_iostatus(const struct block_backend *backend);
void block_backend_reset_iostatus(struct block_backend *backend);
/* A consistent enough copy. Any thread. */
void block_backend_stats(const struct block_backend *backend, struct block_stats *ret_stats);
/* The device refused a request before it reached the backend (bad range). Any thread. */
void block_backend_count_invalid(struct block_backend *backend, enum block_op op);

#endif
