/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The qcow2 driver: opening, closing, properties and resizing. */
#include "block/qcow2/qcow2.h"
#include "base/bits.h"
#include "base/endian.h"
#include "base/least.h"
#include "block/graph.h"
#include "block/open.h"

#include <errno.h>
#include <string.h>

#define MAX_CHAIN   200 /* backing files on top of each other */
#define SLICE       4096
#define CACHE_BYTES (32u << 20)

static const struct block_option options[] = {
    {"file", BLOCK_OPT_NODE, "where the image is", NULL},
    {"backing", BLOCK_OPT_NODE, "backing image, null: none; without it: what the image says", NULL},
    {"lazy-refcounts", BLOCK_OPT_BOOL, "postpone refcount updates", "as the image says"},
    {"pass-discard-request", BLOCK_OPT_BOOL, "pass the guest's discards on", "with discard=unmap"},
    {"pass-discard-snapshot", BLOCK_OPT_BOOL, "discard what a deleted snapshot used", "on"},
    {"pass-discard-other", BLOCK_OPT_BOOL, "discard whatever else is given back", "off"},
    {"cache-size", BLOCK_OPT_SIZE, "bytes of metadata kept in memory", "32M"},
    {"l2-cache-size", BLOCK_OPT_SIZE, "bytes of L2 tables kept in memory", NULL},
    {"refcount-cache-size", BLOCK_OPT_SIZE, "bytes of refcount blocks kept in memory", NULL},
    {NULL},
};

/* ---- opening ---- */

static int load_l1(struct qcow2 *q, GError **error)
{
    size_t bytes = (size_t)q->l1_size * 8;
    int r = 0;

    q->l1 = g_try_malloc(MAX(bytes, 8));
    if (q->l1 == NULL) {
        r = -ENOMEM;
    } else if (bytes > 0) {
        r = block_pread(q->node->file, q->l1_offset, q->l1, bytes);
    }
    if (r < 0) {
        g_set_error(error, BLOCK_ERROR, -r, "Could not read L1 table: %s", g_strerror(-r));
        return r;
    }
    for (uint32_t i = 0; i < q->l1_size; i++) {
        q->l1[i] = ld_be64(&q->l1[i]);
    }
    return 0;
}

static bool read_options(struct qcow2 *q, json_object *opts, GError **error)
{
    bool unmap = (q->node->flags & BLOCK_O_UNMAP) != 0;
    uint64_t total, l2, refcount;

    if (!block_opt_bool(opts, "lazy-refcounts", (q->compatible & QCOW2_COMPAT_LAZY) != 0, &q->lazy,
                        error) ||
        !block_opt_bool(opts, "pass-discard-request", unmap, &q->pass_discard[QCOW2_FREE_REQUEST],
                        error) ||
        !block_opt_bool(opts, "pass-discard-snapshot", true, &q->pass_discard[QCOW2_FREE_SNAPSHOT],
                        error) ||
        !block_opt_bool(opts, "pass-discard-other", false, &q->pass_discard[QCOW2_FREE_OTHER],
                        error) ||
        !block_opt_size(opts, "cache-size", CACHE_BYTES, &total, error) ||
        !block_opt_size(opts, "l2-cache-size", 0, &l2, error) ||
        !block_opt_size(opts, "refcount-cache-size", 0, &refcount, error)) {
        return false;
    }
    if (q->lazy && q->version < 3) {
        g_set_error(error, BLOCK_ERROR, EINVAL,
                    "Lazy refcounts require a qcow2 image with at least qemu 1.1 compatibility "
                    "level");
        return false;
    }
    if (l2 > total || refcount > total) {
        g_set_error(error, BLOCK_ERROR, EINVAL,
                    "l2-cache-size and refcount-cache-size may not "
                    "exceed cache-size");
        return false;
    }
    q->lazy = q->lazy && !block_read_only(q->node);
    if (l2 != 0 && !json_object_object_get_ex(opts, "cache-size", NULL)) {
        total = l2 + refcount;
    }
    qcow2_cache_init(&q->cache, MIN(q->cluster_size, SLICE), total);
    return true;
}

/* Growth of a regular file reads as zeroes; what a device holds past our end does not. */
static bool growth_is_zero(const struct block_node *file)
{
    while (file->driver->kind == BLOCK_FILTER && file->file != NULL) {
        file = file->file;
    }
    return strcmp(file->driver->name, "file") == 0 || strcmp(file->driver->name, "mem") == 0;
}

static struct block_node *base_file(struct block_node *node)
{
    while (node != NULL && node->file != NULL) {
        node = node->file;
    }
    return node;
}

/* The name of the backing file as seen from here: relative ones start at the image's folder. */
static char *backing_path(const struct qcow2 *q, const char *name)
{
    const struct block_node *file = base_file(q->node->file);
    size_t scheme = strcspn(name, ":/");
    g_autofree char *folder = NULL;

    if (name[0] == '/' || (scheme > 0 && name[scheme] == ':') || file->filename[0] == '\0') {
        return g_strdup(name);
    }
    folder = g_path_get_dirname(file->filename);
    return strchr(file->filename, '/') == NULL ? g_strdup(name)
                                               : g_build_filename(folder, name, NULL);
}

/* Is `path` one of the images whose backing file is being opened right now? */
static int check_chain(struct qcow2 *q, const char *path, GError **error)
{
    GPtrArray *chain = q->node->graph->opening;
    g_autofree char *real = g_canonicalize_filename(path, NULL);

    for (unsigned i = 0; i < chain->len; i++) {
        g_autofree char *above = g_canonicalize_filename(g_ptr_array_index(chain, i), NULL);

        if (strcmp(real, above) == 0) {
            g_set_error(error, BLOCK_ERROR, ELOOP, "Backing file '%s' creates an infinite loop.",
                        path);
            return -ELOOP;
        }
    }
    if (chain->len >= MAX_CHAIN) {
        g_set_error(error, BLOCK_ERROR, ELOOP, "More than %d backing files on top of each other",
                    MAX_CHAIN);
        return -ELOOP;
    }
    return 0;
}

static int open_backing(struct qcow2 *q, json_object *opts, GError **error)
{
    GPtrArray *chain = q->node->graph->opening;
    const char *format = block_opt_string(opts, "driver", q->backing_format);
    unsigned keep =
        BLOCK_O_DIRECT | BLOCK_O_NO_FLUSH | BLOCK_O_FORCE_SHARE | BLOCK_O_NO_URING | BLOCK_O_NO_IO;
    g_autofree char *path = backing_path(q, q->backing_name);
    g_autoptr(block_node_ref) backing = NULL;
    int r = check_chain(q, path, error);

    if (r < 0) {
        return r;
    }
    g_ptr_array_add(chain, g_strdup(base_file(q->node->file)->filename));
    r = check_chain(q, path, error);
    if (r == 0) {
        backing = block_open_file(path, format, q->node->flags & keep, opts, q->node->graph, error);
        r = backing != NULL ? 0 : -EINVAL;
    }
    g_ptr_array_remove_index(chain, chain->len - 1);
    if (r < 0) {
        g_prefix_error(error, "Could not open backing file: ");
        return r;
    }
    return block_adopt_child(q->node, "backing", backing, error);
}

static int take_backing(struct qcow2 *q, json_object *opts, GError **error)
{
    json_object *value = NULL;
    bool given = json_object_object_get_ex(opts, "backing", &value);

    if (q->node->flags & BLOCK_O_NO_BACKING || (given && value == NULL) ||
        (!given && (q->backing_name == NULL || q->backing_name[0] == '\0'))) {
        return 0;
    }
    if (given && json_object_is_type(value, json_type_string) &&
        json_object_get_string(value)[0] == '\0') {
        return 0;
    }
    if (given && (!json_object_is_type(value, json_type_object) ||
                  json_object_object_get_ex(value, "file", NULL) ||
                  json_object_object_get_ex(value, "filename", NULL))) {
        return block_open_child(q->node, opts, "backing", error);
    }
    if (q->backing_name == NULL) {
        g_set_error(error, BLOCK_ERROR, EINVAL, "A block device must be specified for \"backing\"");
        return -EINVAL;
    }
    return open_backing(q, value, error);
}

/* Refcounts of an image that was not closed cleanly are rebuilt before anything is written. */
static int repair_dirty(struct qcow2 *q, GError **error)
{
    struct block_check check = {0};
    int r;

    if (!(q->incompatible & QCOW2_INCOMPAT_DIRTY) || block_read_only(q->node) ||
        (q->node->flags & BLOCK_O_CHECK)) {
        return 0;
    }
    r = qcow2_check(q->node, &check, BLOCK_FIX_ERRORS | BLOCK_FIX_LEAKS, error);
    if (r < 0) {
        g_prefix_error(error, "Could not repair dirty image: ");
        return r;
    }
    if (check.check_errors > 0 || check.corruptions > check.corruptions_fixed) {
        g_set_error(error, BLOCK_ERROR, EIO, "Could not repair dirty image: Input/output error");
        return -EIO;
    }
    return 0;
}

static int load(struct qcow2 *q, json_object *opts, GError **error)
{
    int64_t length;
    int r = qcow2_header_read(q, error);

    if (r < 0 || !read_options(q, opts, error)) {
        return r < 0 ? r : -EINVAL;
    }
    length = block_length(q->node->file);
    if (length < 0) {
        g_set_error(error, BLOCK_ERROR, (int)-length, "Could not get the image file's size");
        return (int)length;
    }
    q->file_end = align_up((uint64_t)length, q->cluster_size);
    q->zero_growth = growth_is_zero(q->node->file);
    r = load_l1(q, error);
    if (r == 0) {
        r = qcow2_refcount_load(q, error);
    }
    if (r == 0) {
        r = qcow2_snapshots_read(q, error);
    }
    if (r == 0) {
        r = take_backing(q, opts, error);
    }
    return r == 0 ? repair_dirty(q, error) : r;
}

static void unload(struct qcow2 *q)
{
    if (q->cache.by_offset != NULL) {
        qcow2_cache_fini(&q->cache);
    }
    g_clear_pointer(&q->other_exts, g_ptr_array_unref);
    g_clear_pointer(&q->snapshots, g_ptr_array_unref);
    g_clear_pointer(&q->meta, g_hash_table_unref);
    g_array_free(q->pending_free, TRUE);
    block_ranges_free(q->ranges);
    g_free(q->unpacked);
    g_clear_pointer(&q->packers, g_ptr_array_unref);
    g_free(q->more_header);
    g_free(q->backing_name);
    g_free(q->backing_format);
    g_free(q->l1);
    g_free(q->reftable);
    g_mutex_clear(&q->lock);
    g_mutex_clear(&q->unpacked_lock);
}

static int qcow2_open(struct block_node *node, json_object *opts, GError **error)
{
    struct qcow2 *q = node->state;
    int r = block_open_child(node, opts, "file", error);

    if (r < 0) {
        return r;
    }
    /* The image's own locks first: another writer must not be read half-way. */
    r = block_refresh_perm(node, error);
    if (r < 0) {
        return r;
    }
    q->node = node;
    q->ranges = block_ranges_new();
    q->snapshots = g_ptr_array_new_with_free_func(qcow2_snapshot_free);
    q->pending_free = g_array_new(FALSE, FALSE, sizeof(struct qcow2_span));
    g_mutex_init(&q->lock);
    g_mutex_init(&q->unpacked_lock);
    r = load(q, opts, error);
    if (r < 0) {
        unload(q);
    }
    return r;
}

static void qcow2_close(struct block_node *node)
{
    struct qcow2 *q = node->state;

    if (!block_read_only(node) && !q->failed) {
        int64_t length = block_length(node->file);

        g_mutex_lock(&q->lock);
        (void)qcow2_mark_clean(q);
        if (length >= 0 && q->meta != NULL && q->file_end > (uint64_t)length) {
            (void)block_truncate(node->file, q->file_end, BLOCK_PREALLOC_OFF, NULL);
        }
        g_mutex_unlock(&q->lock);
    }
    unload(q);
}

static int qcow2_probe(const uint8_t *buf, size_t len)
{
    return len >= 8 && ld_be32(buf) == QCOW2_MAGIC && ld_be32(buf + 4) >= 2 ? 100 : 0;
}

/* ---- properties ---- */

static int64_t qcow2_length(struct block_node *node)
{
    struct qcow2 *q = node->state;

    return (int64_t)__atomic_load_n(&q->size, __ATOMIC_RELAXED);
}

static int qcow2_status(struct block_node *node, uint64_t offset, uint64_t len, uint64_t *ret_len,
                        uint64_t *ret_map, struct block_node **ret_file)
{
    struct qcow2 *q = node->state;
    struct qcow2_map map;
    int r;

    g_mutex_lock(&q->lock);
    r = qcow2_map(q, offset, len, &map);
    g_mutex_unlock(&q->lock);
    if (r < 0) {
        return r;
    }
    *ret_len = map.len;
    *ret_map = map.host;
    *ret_file = node->file;
    switch (map.type) {
    case QCOW2_NORMAL: return BLOCK_STATUS_DATA | BLOCK_STATUS_OFFSET | BLOCK_STATUS_ALLOCATED;
    case QCOW2_PACKED: return BLOCK_STATUS_DATA | BLOCK_STATUS_COMPRESSED | BLOCK_STATUS_ALLOCATED;
    case QCOW2_ZERO_ALLOCATED:
        return BLOCK_STATUS_ZERO | BLOCK_STATUS_OFFSET | BLOCK_STATUS_ALLOCATED;
    case QCOW2_ZERO_PLAIN: return BLOCK_STATUS_ZERO | BLOCK_STATUS_ALLOCATED;
    default: return node->backing == NULL ? BLOCK_STATUS_ZERO : 0;
    }
}

static int qcow2_info(struct block_node *node, struct block_info *ret_info)
{
    struct qcow2 *q = node->state;
    struct block_info file;
    int r = block_get_info(node->file, &file);

    if (r < 0) {
        return r;
    }
    ret_info->allocated = file.allocated;
    ret_info->cluster_size = q->cluster_size;
    ret_info->backing_filename = q->backing_name;
    ret_info->backing_format = q->backing_format;
    ret_info->dirty = (q->incompatible & QCOW2_INCOMPAT_DIRTY) != 0;
    ret_info->has_bitmaps = (q->autoclear & QCOW2_AUTOCLEAR_BITMAPS) != 0;
    ret_info->corrupt = (q->incompatible & QCOW2_INCOMPAT_CORRUPT) != 0;
    return 0;
}

static json_object *qcow2_specific(struct block_node *node)
{
    struct qcow2 *q = node->state;
    json_object *outer = json_object_new_object(), *data = json_object_new_object();

    json_object_object_add(data, "compat",
                           json_object_new_string(q->version >= 3 ? "1.1" : "0.10"));
    json_object_object_add(data, "compression-type",
                           json_object_new_string(q->compression == QCOW2_ZSTD ? "zstd" : "zlib"));
    if (q->version >= 3) {
        json_object_object_add(data, "lazy-refcounts",
                               json_object_new_boolean(q->compatible & QCOW2_COMPAT_LAZY));
    }
    json_object_object_add(data, "refcount-bits", json_object_new_int(1 << q->refcount_order));
    if (q->version >= 3) {
        json_object_object_add(data, "corrupt",
                               json_object_new_boolean(q->incompatible & QCOW2_INCOMPAT_CORRUPT));
        json_object_object_add(data, "extended-l2", json_object_new_boolean(false));
    }
    json_object_object_add(outer, "type", json_object_new_string("qcow2"));
    json_object_object_add(outer, "data", data);
    return outer;
}

/* ---- resizing ---- */

static int write_size(struct qcow2 *q, uint64_t size)
{
    uint8_t word[8];
    int r;

    st_be64(word, size);
    r = block_pwrite(q->node->file, 24, word, sizeof(word), 0);
    if (r < 0) {
        return r;
    }
    __atomic_store_n(&q->size, size, __ATOMIC_RELAXED);
    return block_flush(q->node->file);
}

/* Unmaps everything from `size` on and gives L2 tables back. Lock held. */
static int cut_tables(struct qcow2 *q, uint64_t size)
{
    uint64_t reach = UINT64_C(1) << (q->cluster_bits + q->l2_bits);
    uint64_t end = align_up(q->size, q->cluster_size);
    int r = qcow2_header_begin_write(q);

    for (uint64_t at = align_up(size, q->cluster_size); r == 0 && at < end;) {
        struct qcow2_map map;
        uint64_t old;

        r = qcow2_map(q, at, end - at, &map);
        if (r == 0 && map.type == QCOW2_UNALLOCATED) {
            at += map.len;
            continue;
        }
        if (r == 0) {
            r = qcow2_entry_get(q, at, &old);
        }
        if (r == 0) {
            r = qcow2_entry_set(q, at, 0);
        }
        if (r == 0) {
            qcow2_free_entry(q, old, QCOW2_FREE_REQUEST);
        }
        at += q->cluster_size;
    }
    for (uint64_t i = (size + reach - 1) / reach; r == 0 && i < q->l1_size; i++) {
        if (q->l1[i] & QCOW2_OFFSET) {
            qcow2_free_later(q, q->l1[i] & QCOW2_OFFSET, q->cluster_size, QCOW2_FREE_OTHER);
            q->l1[i] = 0;
            qcow2_l1_dirty(q, (uint32_t)i);
        }
    }
    return r == 0 ? qcow2_meta_write(q) : r;
}

/* New space must not show what a shrink or a longer backing file left there. No lock held. */
static int clear_new(struct qcow2 *q, uint64_t from, uint64_t to)
{
    int64_t backing = q->node->backing != NULL ? block_length(q->node->backing) : 0;
    uint64_t end = min_u64(align_up(from, q->cluster_size), to);

    if (backing > (int64_t)end) {
        end = MIN((uint64_t)backing, to);
    }
    return end > from ? block_pwrite_zeroes(q->node, from, end - from, 0) : 0;
}

static int grow(struct qcow2 *q, uint64_t length, enum block_prealloc prealloc)
{
    uint64_t old;
    int r;

    g_mutex_lock(&q->lock);
    old = q->size;
    r = qcow2_header_begin_write(q);
    if (r == 0) {
        r = qcow2_meta_load(q);
    }
    if (r == 0) {
        r = qcow2_l1_grow(q, length);
    }
    if (r == 0) {
        r = write_size(q, length);
    }
    if (r == 0 && prealloc != BLOCK_PREALLOC_OFF) {
        r = qcow2_preallocate(q, old, length - old);
    }
    if (r == 0 && prealloc != BLOCK_PREALLOC_OFF) {
        enum block_prealloc below =
            prealloc == BLOCK_PREALLOC_METADATA ? BLOCK_PREALLOC_OFF : prealloc;
        int64_t now = block_length(q->node->file);

        if (now >= 0 && (uint64_t)now < q->file_end) {
            r = block_truncate(q->node->file, q->file_end, below, NULL);
        }
    }
    g_mutex_unlock(&q->lock);
    return r == 0 ? clear_new(q, old, length) : r;
}

static int shrink(struct qcow2 *q, uint64_t length, enum block_prealloc prealloc, GError **error)
{
    int r;

    if (prealloc != BLOCK_PREALLOC_OFF) {
        g_set_error(error, BLOCK_ERROR, EINVAL,
                    "Preallocation can't be used for shrinking an image");
        return -EINVAL;
    }
    g_mutex_lock(&q->lock);
    r = qcow2_meta_load(q);
    if (r == 0) {
        r = cut_tables(q, length);
    }
    if (r == 0) {
        r = write_size(q, length);
    }
    g_mutex_unlock(&q->lock);
    return r;
}

static int qcow2_truncate(struct block_node *node, uint64_t length, enum block_prealloc prealloc,
                          GError **error)
{
    struct qcow2 *q = node->state;
    int r;

    if (length % BLOCK_SECTOR != 0) {
        g_set_error(error, BLOCK_ERROR, EINVAL, "The new size must be a multiple of %u",
                    BLOCK_SECTOR);
        return -EINVAL;
    }
    if (q->snapshots->len > 0 && q->version < 3) {
        g_set_error(error, BLOCK_ERROR, ENOTSUP, "Can't resize a v2 image which has snapshots");
        return -ENOTSUP;
    }
    r = length < q->size ? shrink(q, length, prealloc, error) : grow(q, length, prealloc);
    if (r < 0 && error != NULL && *error == NULL) {
        g_set_error(error, BLOCK_ERROR, -r, "Failed to resize the image: %s", g_strerror(-r));
    }
    return r;
}

/* Every cluster is given back: the disk shows its backing file. */
static int qcow2_make_empty(struct block_node *node, GError **error)
{
    struct qcow2 *q = node->state;
    int r;

    g_mutex_lock(&q->lock);
    r = qcow2_meta_load(q);
    if (r == 0) {
        r = cut_tables(q, 0);
    }
    g_mutex_unlock(&q->lock);
    if (r < 0) {
        g_set_error(error, BLOCK_ERROR, -r, "%s", g_strerror(-r));
    }
    return r;
}

const struct block_driver block_qcow2_driver = {
    .name = "qcow2",
    .help = "copy-on-write images with snapshots, compression and backing files",
    .kind = BLOCK_FORMAT,
    .state_size = sizeof(struct qcow2),
    .options = options,
    .create_options = qcow2_create_options,
    .probe = qcow2_probe,
    .open = qcow2_open,
    .close = qcow2_close,
    .preadv = qcow2_preadv,
    .pwritev = qcow2_pwritev,
    .pwrite_zeroes = qcow2_pwrite_zeroes,
    .discard = qcow2_discard,
    .flush = qcow2_flush,
    .length = qcow2_length,
    .truncate = qcow2_truncate,
    .status = qcow2_status,
    .info = qcow2_info,
    .specific = qcow2_specific,
    .map_fast = qcow2_map_fast,
    .map_done = qcow2_map_done,
    .create = qcow2_create,
    .check = qcow2_check,
    .amend = qcow2_amend,
    .change_backing = qcow2_change_backing,
    .measure = qcow2_measure,
    .make_empty = qcow2_make_empty,
    .snapshot_list = qcow2_snapshot_list,
    .snapshot_create = qcow2_snapshot_create,
    .snapshot_apply = qcow2_snapshot_apply,
    .snapshot_delete = qcow2_snapshot_delete,
    .snapshot_load = qcow2_snapshot_load,
};
