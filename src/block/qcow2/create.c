/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* New qcow2 images, and how large one becomes. */
#include "base/bits.h"
#include "base/endian.h"
#include "block/open.h"
#include "block/qcow2/qcow2.h"

#include <errno.h>
#include <string.h>

const struct block_option qcow2_create_options[] = {
    {"backing_file", BLOCK_OPT_STRING, "File name of a base image", NULL},
    {"backing_fmt", BLOCK_OPT_STRING, "Image format of the base image", NULL},
    {"cluster_size", BLOCK_OPT_SIZE, "qcow2 cluster size", "65536"},
    {"compat", BLOCK_OPT_STRING, "Compatibility level (v2 [0.10] or v3 [1.1])", NULL},
    {"compression_type", BLOCK_OPT_STRING, "Compression method used for image cluster compression",
     "zlib"},
    {"extended_l2", BLOCK_OPT_BOOL, "Extended L2 tables", "off"},
    {"lazy_refcounts", BLOCK_OPT_BOOL, "Postpone refcount updates", "off"},
    {"preallocation", BLOCK_OPT_STRING,
     "Preallocation mode (allowed values: off, metadata, falloc, full)", NULL},
    {"refcount_bits", BLOCK_OPT_INT, "Width of a reference count entry in bits", "16"},
    {"size", BLOCK_OPT_SIZE, "Virtual disk size", NULL},
    {NULL},
};

struct layout {
    unsigned version;
    unsigned cluster_bits;
    unsigned refcount_order;
    enum qcow2_compression compression;
    enum block_prealloc prealloc;
    bool lazy;
    const char *backing_file, *backing_format;
};

static int invalid(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static int invalid(GError **error, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    if (error != NULL) {
        *error = g_error_new_valist(BLOCK_ERROR, EINVAL, format, ap);
    }
    va_end(ap);
    return -EINVAL;
}

/* A word of a list of words as its number. */
static int parse_word(json_object *opts, const char *name, const char *def,
                      const char *const *words, unsigned *ret, GError **error)
{
    const char *text = block_opt_string(opts, name, def);

    for (unsigned i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], text) == 0) {
            *ret = i;
            return 0;
        }
    }
    return invalid(error, "Invalid parameter '%s'", text);
}

static int parse_sizes(json_object *opts, struct layout *l, GError **error)
{
    uint64_t cluster, bits;

    if (!block_opt_size(opts, "cluster_size", 65536, &cluster, error) ||
        !block_opt_size(opts, "refcount_bits", 16, &bits, error)) {
        return -EINVAL;
    }
    if (!is_pow2(cluster) || cluster < 512 || cluster > (2u << 20)) {
        return invalid(error, "Cluster size must be a power of two between 512 and 2048k");
    }
    if (!is_pow2(bits) || bits > 64) {
        return invalid(error, "Refcount width must be a power of two and may not exceed 64 bits");
    }
    l->cluster_bits = (unsigned)__builtin_ctzll(cluster);
    l->refcount_order = (unsigned)__builtin_ctzll(bits);
    return 0;
}

static int check_layout(const struct layout *l, GError **error)
{
    if (l->version < 3 && l->refcount_order != 4) {
        return invalid(error, "Different refcount widths than 16 bits require compatibility level "
                              "1.1 or above (use version=v3 or greater)");
    }
    if (l->version < 3 && l->lazy) {
        return invalid(error,
                       "Lazy refcounts only supported with compatibility level 1.1 and above "
                       "(use version=v3 or greater)");
    }
    if (l->version < 3 && l->compression != QCOW2_ZLIB) {
        return invalid(error,
                       "Non-zlib compression type is only supported with compatibility level "
                       "1.1 and above (use version=v3 or greater)");
    }
    if (l->backing_file != NULL && l->prealloc != BLOCK_PREALLOC_OFF) {
        return invalid(error, "Backing file and preallocation can only be used at the same time if "
                              "extended_l2 is enabled");
    }
    if (l->backing_file != NULL && strlen(l->backing_file) > QCOW2_MAX_BACKING_NAME) {
        return invalid(error, "Backing file name too long");
    }
    if (l->backing_format != NULL && strlen(l->backing_format) > 15) {
        return invalid(error, "Backing format name too long");
    }
    return 0;
}

static int parse(json_object *opts, struct layout *l, GError **error)
{
    static const char *const versions[] = {"0.10", "v2", "1.1", "v3", NULL};
    static const char *const packers[] = {"zlib", "zstd", NULL};
    static const char *const modes[] = {"off", "metadata", "falloc", "full", NULL};
    unsigned version, packer, mode;
    bool extended;
    int r = parse_sizes(opts, l, error);

    if (r < 0 || parse_word(opts, "compat", "1.1", versions, &version, error) < 0 ||
        parse_word(opts, "compression_type", "zlib", packers, &packer, error) < 0 ||
        parse_word(opts, "preallocation", "off", modes, &mode, error) < 0 ||
        !block_opt_bool(opts, "lazy_refcounts", false, &l->lazy, error) ||
        !block_opt_bool(opts, "extended_l2", false, &extended, error)) {
        return -EINVAL;
    }
    if (extended) {
        return invalid(error, "Extended L2 tables (extended_l2=on) are not built yet");
    }
    l->version = version < 2 ? 2 : 3;
    l->compression = packer;
    l->prealloc = mode;
    l->backing_file = block_opt_string(opts, "backing_file", NULL);
    l->backing_format = block_opt_string(opts, "backing_fmt", NULL);
    return check_layout(l, error);
}

/* ---- how large ---- */

static uint64_t div_up(uint64_t a, uint64_t b)
{
    return a / b + (a % b != 0);
}

/* Clusters of refcount blocks and table for `clusters` others, themselves included. */
static uint64_t refcount_clusters(uint64_t clusters, unsigned cluster_bits, unsigned order)
{
    uint64_t per_block = UINT64_C(8) << cluster_bits >> order;
    uint64_t per_table = UINT64_C(1) << cluster_bits >> 3;
    uint64_t blocks = 0, table = 0, last;

    do {
        last = blocks + table;
        blocks = div_up(clusters + table + blocks, per_block);
        table = div_up(blocks, per_table);
    } while (blocks + table != last);
    return last;
}

static uint64_t metadata_clusters(const struct layout *l, uint64_t length, uint64_t data_clusters)
{
    uint64_t cluster = UINT64_C(1) << l->cluster_bits, entries = cluster / 8;
    uint64_t l2 = div_up(div_up(length, cluster), entries);
    uint64_t l1 = div_up(l2, entries);
    uint64_t all = 1 + l1 + l2;

    return all + refcount_clusters(all + data_clusters, l->cluster_bits, l->refcount_order);
}

int qcow2_measure(json_object *opts, uint64_t length, uint64_t allocated, uint64_t *ret_required,
                  uint64_t *ret_fully, GError **error)
{
    struct layout l = {0};
    uint64_t clusters;
    int r = parse(opts, &l, error);

    if (r < 0) {
        return r;
    }
    clusters = div_up(length, UINT64_C(1) << l.cluster_bits);
    *ret_fully =
        (metadata_clusters(&l, length, clusters) << l.cluster_bits) + (clusters << l.cluster_bits);
    *ret_required = *ret_fully - (clusters << l.cluster_bits) +
                    (l.prealloc == BLOCK_PREALLOC_FULL || l.prealloc == BLOCK_PREALLOC_FALLOC
                         ? clusters << l.cluster_bits
                         : align_up(allocated, UINT64_C(1) << l.cluster_bits));
    return 0;
}

/* ---- the empty image ---- */

/* Header, refcount table and one refcount block, in clusters 0 to 2; a disk of length 0. */
static int write_empty(struct block_node *file, const struct layout *l, GError **error)
{
    uint32_t cluster = 1u << l->cluster_bits;
    g_autofree uint8_t *bytes = g_malloc0(3 * (size_t)cluster);
    bool plain = l->compression == QCOW2_ZLIB;
    int r;

    st_be32(bytes, QCOW2_MAGIC);
    st_be32(bytes + 4, l->version);
    st_be32(bytes + 20, l->cluster_bits);
    st_be64(bytes + 40, 0);
    st_be64(bytes + 48, cluster);
    st_be32(bytes + 56, 1);
    if (l->version >= 3) {
        st_be64(bytes + 72, plain ? 0 : QCOW2_INCOMPAT_COMPRESSION);
        st_be64(bytes + 80, l->lazy ? QCOW2_COMPAT_LAZY : 0);
        st_be32(bytes + 96, l->refcount_order);
        st_be32(bytes + 100, QCOW2_HEADER_V3 + 8);
        bytes[104] = l->compression;
    }
    st_be64(bytes + cluster, 2 * (uint64_t)cluster);
    for (unsigned i = 0; i < 3; i++) {
        qcow2_refcount_poke(bytes + 2 * (size_t)cluster, l->refcount_order, i, 1);
    }
    r = block_pwrite(file, 0, bytes, 3 * (size_t)cluster, 0);
    if (r < 0) {
        g_set_error(error, BLOCK_ERROR, -r, "Could not write the image's header: %s",
                    g_strerror(-r));
    }
    return r;
}

/* Sets names and length of the empty image that `file` holds. */
static int finish(struct block_node *file, const struct layout *l, uint64_t length,
                  struct block_graph *graph, GError **error)
{
    json_object *opts = json_object_new_object();
    g_autoptr(block_node_ref) node = NULL;
    struct qcow2 *q;
    int r;

    json_object_object_add(opts, "driver", json_object_new_string("qcow2"));
    json_object_object_add(opts, "file", json_object_new_string(block_name(file)));
    json_object_object_add(opts, "backing", NULL);
    json_object_object_add(opts, "lazy-refcounts", json_object_new_boolean(false));
    node = block_open(opts, graph, error);
    json_object_put(opts);
    if (node == NULL) {
        return -EINVAL;
    }
    q = node->state;
    q->backing_name = g_strdup(l->backing_file);
    q->backing_format = g_strdup(l->backing_format);
    if (l->prealloc == BLOCK_PREALLOC_FALLOC || l->prealloc == BLOCK_PREALLOC_FULL) {
        uint64_t clusters = div_up(length, q->cluster_size);
        uint64_t all = metadata_clusters(l, length, clusters) + clusters;

        r = block_truncate(file, all << l->cluster_bits, l->prealloc, error);
        if (r < 0) {
            return r;
        }
    }
    if (length > 0 &&
        block_truncate(node, length, MIN(l->prealloc, BLOCK_PREALLOC_METADATA), error) < 0) {
        return -EIO;
    }
    g_mutex_lock(&q->lock);
    r = qcow2_meta_write(q);
    if (r == 0) {
        r = qcow2_header_write(q, error);
    } else {
        g_set_error(error, BLOCK_ERROR, -r, "Could not write the image: %s", g_strerror(-r));
    }
    g_mutex_unlock(&q->lock);
    return r;
}

static int check_length(const struct layout *l, uint64_t length, GError **error)
{
    uint64_t cluster = UINT64_C(1) << l->cluster_bits;
    uint64_t most = QCOW2_MAX_L1 / 8 * (cluster / 8);

    if (div_up(length, cluster) > most) {
        g_set_error(error, BLOCK_ERROR, EFBIG,
                    "Image size too large for file format with this "
                    "cluster size (try using a larger cluster size)");
        return -EFBIG;
    }
    return 0;
}

int qcow2_create(const struct block_create *create, GError **error)
{
    struct layout l = {0};
    struct block_create below = *create;
    g_autoptr(block_node_ref) file = NULL;
    json_object *opts;
    uint64_t length = align_up(create->length, BLOCK_SECTOR);
    int r = parse(create->options, &l, error);

    if (r == 0) {
        r = check_length(&l, length, error);
    }
    if (r < 0) {
        return r;
    }
    opts = json_object_new_object();
    below.length = 0;
    below.options = opts;
    r = block_driver_find("file")->create(&below, error);
    json_object_put(opts);
    if (r < 0) {
        return r;
    }
    file = block_open_file(create->filename, "file", BLOCK_O_RDWR | BLOCK_O_NO_FLUSH, NULL,
                           create->graph, error);
    if (file == NULL) {
        return -EINVAL;
    }
    r = write_empty(file, &l, error);
    return r == 0 ? finish(file, &l, length, create->graph, error) : r;
}

/* ---- changes to an existing image ---- */

int qcow2_change_backing(struct block_node *node, const char *filename, const char *format,
                         GError **error)
{
    struct qcow2 *q = node->state;
    g_autofree char *old_name = NULL, *old_format = NULL;
    int r;

    if (filename != NULL && strlen(filename) > QCOW2_MAX_BACKING_NAME) {
        return invalid(error, "Backing file name too long");
    }
    if (format != NULL && strlen(format) > 15) {
        return invalid(error, "Backing format name too long");
    }
    g_mutex_lock(&q->lock);
    old_name = g_steal_pointer(&q->backing_name);
    old_format = g_steal_pointer(&q->backing_format);
    q->backing_name = g_strdup(filename);
    q->backing_format = filename != NULL ? g_strdup(format) : NULL;
    r = qcow2_header_begin_write(q);
    if (r == 0) {
        r = qcow2_header_write(q, error);
    } else {
        g_set_error(error, BLOCK_ERROR, -r, "The image cannot be written: %s", g_strerror(-r));
    }
    if (r == 0) {
        r = block_flush(node->file);
    } else {
        g_free(q->backing_name);
        g_free(q->backing_format);
        q->backing_name = g_steal_pointer(&old_name);
        q->backing_format = g_steal_pointer(&old_format);
    }
    g_mutex_unlock(&q->lock);
    return r;
}

/* compat=1.1 and lazy_refcounts; everything else of amend needs a rewrite. */
int qcow2_amend(struct block_node *node, json_object *opts, GError **error)
{
    struct qcow2 *q = node->state;
    bool lazy;
    int r;

    json_object_object_foreach(opts, key, value)
    {
        const char *text = json_object_get_string(value);
        bool upgrade =
            strcmp(key, "compat") == 0 && (strcmp(text, "1.1") == 0 || strcmp(text, "v3") == 0);

        if (!upgrade && strcmp(key, "lazy_refcounts") != 0) {
            return invalid(error, "Changing the option '%s' to '%s' is not built yet", key, text);
        }
    }
    if (!block_opt_bool(opts, "lazy_refcounts", (q->compatible & QCOW2_COMPAT_LAZY) != 0, &lazy,
                        error)) {
        return -EINVAL;
    }
    if (lazy && q->version < 3 && !json_object_object_get_ex(opts, "compat", NULL)) {
        return invalid(error,
                       "Lazy refcounts only supported with compatibility level 1.1 and above "
                       "(use compat=1.1 or greater)");
    }
    g_mutex_lock(&q->lock);
    if (q->version < 3 && json_object_object_get_ex(opts, "compat", NULL)) {
        q->version = 3; /* more_header stays NULL: there is nothing to keep */
        q->header_length = QCOW2_HEADER_V3 + 8;
    }
    q->compatible = (q->compatible & ~(uint64_t)QCOW2_COMPAT_LAZY) | (lazy ? QCOW2_COMPAT_LAZY : 0);
    q->lazy = false; /* from the next opening on */
    r = qcow2_mark_clean(q);
    if (r == 0) {
        r = qcow2_header_write(q, error);
    } else {
        g_set_error(error, BLOCK_ERROR, -r, "The image cannot be written: %s", g_strerror(-r));
    }
    g_mutex_unlock(&q->lock);
    return r;
}
