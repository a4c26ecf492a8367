/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a block driver is, and a node's inside, for drivers and the node layer only.
 *
 * A driver is one const row. Its I/O functions are synchronous, are called from any thread and
 * concurrently, and see ranges that lie inside the node's length (writes past the end reach only a
 * driver that grows), are at most BLOCK_MAX_TRANSFER long and obey the node's alignment.
 */
#ifndef VIV_BLOCK_DRIVER_H
#define VIV_BLOCK_DRIVER_H

#include "block/block.h"
#include "block/event.h"

enum block_option_type {
    BLOCK_OPT_STRING,
    BLOCK_OPT_BOOL,
    BLOCK_OPT_SIZE,
    BLOCK_OPT_INT,
    BLOCK_OPT_NODE, /* an object or a node name */
    BLOCK_OPT_ANY,  /* an array or object that the driver checks itself */
};

/* One option of a driver; a table ends with a NULL name. */
struct block_option {
    const char *name;
    enum block_option_type type;
    const char *help;
    const char *value; /* default as text, NULL: none */
};

/* How a driver uses its "file" child: passes everything on, or stores a format in it. */
enum block_driver_kind {
    BLOCK_PROTOCOL,
    BLOCK_FORMAT,
    BLOCK_FILTER,
};

enum block_fix {
    BLOCK_FIX_LEAKS = 1,
    BLOCK_FIX_ERRORS = 2,
};

struct block_check {
    uint64_t corruptions, leaks, check_errors;
    uint64_t corruptions_fixed, leaks_fixed;
    uint64_t image_end_offset;
    uint64_t total_clusters, allocated_clusters, fragmented_clusters, compressed_clusters;
    /* Called for each finding with a line of text; may be NULL. */
    void (*note)(void *opaque, const char *text);
    void *opaque;
};

/* Arguments of create; options as key=value strings in an object. */
struct block_create {
    const char *filename;
    uint64_t length;
    json_object *options;
    struct block_graph *graph;
};

/* I/O that goes to a descriptor as it is; see map_fast. */
struct block_fast {
    int fd;
    uint64_t offset;
    unsigned mem_align; /* of the buffers */
    void *token;
};

struct block_driver {
    const char *name;
    const char *help;
    enum block_driver_kind kind;
    bool open_ended; /* a filter: the node below judges ranges past the end, which may grow it */
    size_t state_size;
    const struct block_option *options;
    const struct block_option *create_options; /* NULL: cannot be created */

    /* How sure the bytes are this format, 0 (not at all) to 100. */
    int (*probe)(const uint8_t *buf, size_t len);
    /* `options` holds what the common layer has not taken; node->state is zeroed. */
    int (*open)(struct block_node *node, json_object *options, GError **error);
    void (*close)(struct block_node *node);

    int (*preadv)(struct block_node *node, uint64_t offset, uint64_t len, struct block_vec vec);
    int (*pwritev)(struct block_node *node, uint64_t offset, uint64_t len, struct block_vec vec,
                   unsigned flags);
    int (*pwrite_zeroes)(struct block_node *node, uint64_t offset, uint64_t len, unsigned flags);
    int (*discard)(struct block_node *node, uint64_t offset, uint64_t len);
    int (*flush)(struct block_node *node);
    int64_t (*length)(struct block_node *node);
    int (*truncate)(struct block_node *node, uint64_t length, enum block_prealloc prealloc,
                    GError **error);
    int (*status)(struct block_node *node, uint64_t offset, uint64_t len, uint64_t *ret_len,
                  uint64_t *ret_map, struct block_node **ret_file);
    int (*info)(struct block_node *node, struct block_info *ret_info);
    json_object *(*specific)(struct block_node *node);
    /* New permissions of all users together; may refuse (a lock held by another process). */
    int (*set_perm)(struct block_node *node, unsigned perm, unsigned shared, GError **error);
    /*
     * Turns a read or write into I/O on a descriptor without blocking: 0 and *ret_fast, or -EAGAIN
     * when it has to be done by a worker. After 0 the caller calls map_done (where there is one)
     * with the token once the I/O has finished. NULL: never possible.
     */
    int (*map_fast)(struct block_node *node, bool write, uint64_t offset, uint64_t len,
                    struct block_fast *ret_fast);
    void (*map_done)(struct block_node *node, void *token);

    /* Hears what is about to happen to this node; see event.h. */
    void (*event)(struct block_node *node, enum block_event event);

    int (*create)(const struct block_create *create, GError **error);
    int (*check)(struct block_node *node, struct block_check *check, unsigned fix, GError **error);
    int (*amend)(struct block_node *node, json_object *options, GError **error);
    int (*change_backing)(struct block_node *node, const char *filename, const char *format,
                          GError **error);
    int (*make_empty)(struct block_node *node, GError **error);
    /* Every byte required of a fresh image of `length` and these options; fully: all written. */
    int (*measure)(json_object *options, uint64_t length, uint64_t allocated,
                   uint64_t *ret_required, uint64_t *ret_fully, GError **error);
    int (*snapshot_list)(struct block_node *node, GPtrArray *ret_snapshots);
    int (*snapshot_create)(struct block_node *node, const struct block_snapshot *snapshot,
                           GError **error);
    int (*snapshot_apply)(struct block_node *node, const char *id, GError **error);
    int (*snapshot_delete)(struct block_node *node, const char *id, GError **error);
    /*
     * The node, which nobody writes, shows a snapshot from now on: the one with that id and that
     * name (NULL: any), its length too.
     */
    int (*snapshot_load)(struct block_node *node, const char *id, const char *name, GError **error);
};

/* The driver of that name or NULL; all of them, ended by NULL. */
const struct block_driver *block_driver_find(const char *name);
const struct block_driver *const *block_drivers(void);

/* An edge of the graph: `node` is used by `parent` (or by a backend) as `role`. */
struct block_edge {
    struct block_node *node;   /* referenced */
    struct block_node *parent; /* NULL: a backend */
    char *role;
    char *owner; /* for messages: who uses it */
    unsigned perm, shared;
};

struct block_node {
    /* frozen after open */
    const struct block_driver *driver;
    struct block_graph *graph;
    char *name;
    char *filename;
    unsigned flags;
    enum block_detect_zeroes detect_zeroes;
    unsigned align;             /* offsets and lengths of I/O, power of two */
    unsigned mem_align;         /* buffers of I/O */
    struct block_node *file;    /* = the edges' nodes, for speed */
    struct block_node *backing; /* loop, with no request in flight */
    void *state;
    struct block_ranges *ranges; /* unaligned writes in flight; own lock */

    int refs; /* atomic */

    /* loop */
    GPtrArray *children; /* of block_edge, owned */
    GPtrArray *parents;  /* of block_edge, borrowed */
    unsigned perm, shared;
};

/* Adds a user; refuses a conflict of permissions. Takes a reference of its own. */
struct block_edge *block_attach(struct block_node *node, struct block_node *parent,
                                const char *role, const char *owner, unsigned perm, unsigned shared,
                                GError **error);
void block_detach(struct block_edge *edge);
/* Changes what an edge needs; unchanged on failure. */
int block_edge_set_perm(struct block_edge *edge, unsigned perm, unsigned shared, GError **error);
/* Asks the driver and the children again after the node changed how it is used. */
int block_refresh_perm(struct block_node *node, GError **error);

/* Opens and attaches the child `role` from options[role]; drivers call it in open. */
int block_open_child(struct block_node *node, json_object *options, const char *role,
                     GError **error);
/* Opens a descriptor for `path`, also /dev/fdset/N and /dev/fd/N. Negative errno on failure. */
int block_open_path(struct block_graph *graph, const char *path, int flags);

/* Option readers: the driver's row gives type and default. TRUE, or FALSE and an error. */
bool block_opt_bool(json_object *options, const char *name, bool def, bool *ret, GError **error);
bool block_opt_size(json_object *options, const char *name, uint64_t def, uint64_t *ret,
                    GError **error);
/* Borrowed string or `def`. */
const char *block_opt_string(json_object *options, const char *name, const char *def);
/* Refuses a key that is in no row of `driver`. */
bool block_opt_known(const struct block_driver *driver, json_object *options, GError **error);
/* "64k", "2M", "10G", "1.5T", "512b": bytes; FALSE when it is not a size. */
bool block_parse_size(const char *text, uint64_t *ret);

#endif
