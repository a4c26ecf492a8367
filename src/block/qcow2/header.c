/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The header and its extensions: every field is checked here, once. */
#include "base/bits.h"
#include "base/endian.h"
#include "base/least.h"
#include "block/qcow2/qcow2.h"

#include <errno.h>
#include <string.h>

static int fail(GError **error, int code, const char *format, ...) G_GNUC_PRINTF(3, 4);

static int fail(GError **error, int code, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    if (error != NULL) {
        *error = g_error_new_valist(BLOCK_ERROR, code, format, ap);
    }
    va_end(ap);
    return -code;
}

/* ---- feature names ---- */

struct feature {
    uint8_t type, bit;
    const char *name;
};

/* Type 0 incompatible, 1 compatible, 2 autoclear. */
static const struct feature features[] = {
    {0, 0, "dirty bit"},        {0, 1, "corrupt bit"},         {0, 2, "external data file"},
    {0, 3, "compression type"}, {0, 4, "extended L2 entries"}, {1, 0, "lazy refcounts"},
    {2, 0, "bitmaps"},          {2, 1, "raw external data"},
};

/* The image's own name for an incompatible bit, else ours, else the number. */
static char *feature_name(const uint8_t *table, uint32_t len, unsigned bit)
{
    for (uint32_t at = 0; table != NULL && at + 48 <= len; at += 48) {
        if (table[at] == 0 && table[at + 1] == bit) {
            return g_strndup((const char *)table + at + 2, 46);
        }
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(features); i++) {
        if (features[i].type == 0 && features[i].bit == bit) {
            return g_strdup(features[i].name);
        }
    }
    return g_strdup_printf("Unknown incompatible feature: %" PRIx64, BIT64(bit));
}

static int refuse_features(const struct qcow2 *q, uint64_t unknown, GError **error)
{
    g_autoptr(GString) names = g_string_new(NULL);
    const uint8_t *table = NULL;
    uint32_t len = 0;

    for (unsigned i = 0; i < q->other_exts->len; i++) {
        const struct qcow2_extra_ext *ext = g_ptr_array_index(q->other_exts, i);

        if (ext->type == QCOW2_EXT_FEATURES) {
            table = ext->data;
            len = ext->len;
        }
    }
    for (unsigned bit = 0; bit < 64; bit++) {
        if (unknown & BIT64(bit)) {
            g_autofree char *name = feature_name(table, len, bit);
            g_autofree char *safe = g_utf8_make_valid(name, -1);

            g_string_append_printf(names, "%s%s", names->len > 0 ? ", " : "", safe);
        }
    }
    return fail(error, ENOTSUP, "Unsupported qcow2 feature(s): %s", names->str);
}

/* ---- reading ---- */

static void ext_free(void *opaque)
{
    struct qcow2_extra_ext *ext = opaque;

    g_free(ext->data);
    g_free(ext);
}

/* Extensions that this library keeps as they are; what they say is checked all the same. */
static int check_extension(const struct qcow2 *q, uint32_t type, const uint8_t *data, uint32_t len,
                           GError **error)
{
    uint64_t size, offset;

    if (type == QCOW2_EXT_BITMAPS && len != 24) {
        return fail(error, EINVAL, "bitmaps_ext: Invalid extension length");
    }
    if (type != QCOW2_EXT_BITMAPS || !(q->autoclear & QCOW2_AUTOCLEAR_BITMAPS)) {
        return 0;
    }
    size = ld_be64(data + 8);
    offset = ld_be64(data + 16);
    if (ld_be32(data + 4) != 0) {
        return fail(error, EINVAL, "bitmaps_ext: Reserved field is not zero");
    }
    if (ld_be32(data) == 0 || ld_be32(data) > QCOW2_MAX_BITMAPS) {
        return fail(error, EINVAL, "bitmaps_ext: found bitmaps extension with %u bitmaps",
                    ld_be32(data));
    }
    if (offset == 0 || (offset & (q->cluster_size - 1)) != 0 ||
        offset > BLOCK_MAX_LENGTH - QCOW2_MAX_BITMAP_DIRECTORY) {
        return fail(error, EINVAL, "bitmaps_ext: invalid bitmap directory offset");
    }
    if (size > QCOW2_MAX_BITMAP_DIRECTORY || size / 24 < ld_be32(data)) {
        return fail(error, EINVAL, "bitmaps_ext: bitmap directory size (%" PRIu64 ") is wrong",
                    size);
    }
    return 0;
}

static int take_extension(struct qcow2 *q, uint32_t type, const uint8_t *data, uint32_t len,
                          GError **error)
{
    struct qcow2_extra_ext *ext;
    int r = check_extension(q, type, data, len, error);

    if (r < 0) {
        return r;
    }
    if (type == QCOW2_EXT_BACKING_FORMAT) {
        if (len >= 16) {
            return fail(error, EINVAL, "ERROR: ext_backing_format: len=%u too large (>=16)", len);
        }
        g_free(q->backing_format);
        q->backing_format = g_strndup((const char *)data, len);
        return 0;
    }
    if (q->other_exts->len >= 64) {
        return fail(error, EINVAL, "Too many header extensions");
    }
    ext = g_new0(struct qcow2_extra_ext, 1);
    ext->type = type;
    ext->len = len;
    ext->data = g_memdup2(data, len);
    g_ptr_array_add(q->other_exts, ext);
    return 0;
}

static int read_extensions(struct qcow2 *q, const uint8_t *cluster, uint32_t end, GError **error)
{
    uint32_t at = q->header_length;

    while (at + 8 <= end) {
        uint32_t type = ld_be32(cluster + at), len = ld_be32(cluster + at + 4);
        int r;

        at += 8;
        if (type == QCOW2_EXT_END) {
            return 0;
        }
        if (len > end - at) {
            return fail(error, EINVAL, "Header extension too large");
        }
        r = take_extension(q, type, cluster + at, len, error);
        if (r < 0) {
            return r;
        }
        at += min_u64((uint32_t)align_up(len, 8), end - at);
    }
    return 0;
}

static int read_compression(struct qcow2 *q, unsigned type, GError **error)
{
    bool marked = (q->incompatible & QCOW2_INCOMPAT_COMPRESSION) != 0;

    if (type > QCOW2_ZSTD) {
        return fail(error, ENOTSUP, "qcow2: unknown compression type: %u", type);
    }
    if (marked != (type != QCOW2_ZLIB)) {
        return fail(error, EINVAL, "qcow2: Compression type incompatible feature bit must %s",
                    marked ? "not be set for zlib" : "be set");
    }
    q->compression = type;
    return 0;
}

static int read_version3(struct qcow2 *q, const uint8_t *h, GError **error)
{
    q->refcount_order = 4;
    q->header_length = QCOW2_HEADER_V2;
    if (q->version == 2) {
        return 0;
    }
    q->incompatible = ld_be64(h + 72);
    q->compatible = ld_be64(h + 80);
    q->autoclear = ld_be64(h + 88);
    q->refcount_order = ld_be32(h + 96);
    q->header_length = ld_be32(h + 100);
    if (q->header_length < QCOW2_HEADER_V3) {
        return fail(error, EINVAL, "qcow2 header too short");
    }
    if (q->header_length > q->cluster_size) {
        return fail(error, EINVAL, "qcow2 header exceeds cluster size");
    }
    if (q->header_length & 7) {
        return fail(error, EINVAL, "qcow2 header length is not a multiple of 8");
    }
    if (q->refcount_order > 6) {
        return fail(error, EINVAL, "Reference count entry width too large; may not exceed 64 bits");
    }
    q->more_header = g_memdup2(h, q->header_length);
    return read_compression(q, q->header_length > QCOW2_HEADER_V3 ? h[104] : 0, error);
}

static int check_table(const struct qcow2 *q, uint64_t offset, uint64_t bytes, const char *what,
                       GError **error)
{
    if (offset > BLOCK_MAX_LENGTH - bytes || (offset & (q->cluster_size - 1)) != 0 ||
        (bytes > 0 && offset < q->cluster_size)) {
        return fail(error, EINVAL, "%s offset invalid", what);
    }
    return 0;
}

static int read_tables(struct qcow2 *q, const uint8_t *h, GError **error)
{
    uint64_t reach = UINT64_C(1) << (q->cluster_bits + q->l2_bits);
    uint64_t need;
    int r;

    q->size = ld_be64(h + 24);
    q->l1_size = ld_be32(h + 36);
    q->l1_offset = ld_be64(h + 40);
    q->reftable_offset = ld_be64(h + 48);
    q->reftable_clusters = ld_be32(h + 56);
    q->snapshots_offset = ld_be64(h + 64);
    if (q->size > BLOCK_MAX_LENGTH) {
        return fail(error, EFBIG, "Image is too big");
    }
    if (q->l1_size > QCOW2_MAX_L1 / 8) {
        return fail(error, EFBIG, "Active L1 table too large");
    }
    need = q->size / reach + (q->size % reach != 0);
    if (need > q->l1_size) {
        return fail(error, EINVAL, "L1 table is too small");
    }
    if (q->reftable_clusters > QCOW2_MAX_REFTABLE >> q->cluster_bits) {
        return fail(error, EINVAL, "Reference count table too large");
    }
    if (q->reftable_clusters == 0 && !(q->node->flags & BLOCK_O_CHECK)) {
        return fail(error, EINVAL, "Image does not contain a reference count table");
    }
    r = check_table(q, q->l1_offset, (uint64_t)q->l1_size * 8, "Active L1 table", error);
    if (r == 0) {
        r = check_table(q, q->reftable_offset, (uint64_t)q->reftable_clusters << q->cluster_bits,
                        "Reference count table", error);
    }
    if (r == 0 && ld_be32(h + 60) > QCOW2_MAX_SNAPSHOTS) {
        return fail(error, EINVAL, "Snapshot table too large");
    }
    if (r == 0 && ld_be32(h + 60) > 0) {
        r = check_table(q, q->snapshots_offset, 40, "Snapshot table", error);
    }
    return r;
}

static int read_backing(struct qcow2 *q, const uint8_t *cluster, uint32_t *ext_end, GError **error)
{
    uint64_t offset = ld_be64(cluster + 8);
    uint32_t len = ld_be32(cluster + 16);

    *ext_end = q->cluster_size;
    if (offset == 0) {
        return 0;
    }
    if (offset > q->cluster_size) {
        return fail(error, EINVAL, "Invalid backing file offset");
    }
    if (len > MIN(QCOW2_MAX_BACKING_NAME, q->cluster_size - offset)) {
        return fail(error, EINVAL, "Backing file name too long");
    }
    if (offset < q->header_length) {
        return fail(error, EINVAL, "Invalid backing file offset");
    }
    *ext_end = (uint32_t)offset;
    q->backing_name = g_strndup((const char *)cluster + offset, len);
    return 0;
}

static int check_crypt(const struct qcow2 *q, const uint8_t *h, GError **error)
{
    uint32_t method = ld_be32(h + 32);

    if (method > 2) {
        return fail(error, EINVAL, "Unsupported encryption method %u", method);
    }
    if (method != 0) {
        return fail(error, ENOTSUP, "Encrypted qcow2 images (%s) are not built yet",
                    method == 1 ? "AES" : "LUKS");
    }
    for (unsigned i = 0; i < q->other_exts->len; i++) {
        const struct qcow2_extra_ext *ext = g_ptr_array_index(q->other_exts, i);

        if (ext->type == QCOW2_EXT_CRYPTO) {
            return fail(error, EINVAL,
                        "CRYPTO header extension only expected with LUKS encryption method");
        }
    }
    return 0;
}

static int read_start(struct qcow2 *q, const uint8_t *h, GError **error)
{
    if (ld_be32(h) != QCOW2_MAGIC) {
        return fail(error, EINVAL, "Image is not in qcow2 format");
    }
    q->version = ld_be32(h + 4);
    if (q->version < 2 || q->version > 3) {
        return fail(error, ENOTSUP, "Unsupported qcow2 version %u", q->version);
    }
    q->cluster_bits = ld_be32(h + 20);
    if (q->cluster_bits < 9 || q->cluster_bits > 21) {
        return fail(error, EINVAL, "Unsupported cluster size: 2^%u", q->cluster_bits);
    }
    q->cluster_size = 1u << q->cluster_bits;
    q->l2_bits = q->cluster_bits - 3;
    return 0;
}

/* All checks of the first cluster in memory. */
static int parse(struct qcow2 *q, const uint8_t *cluster, GError **error)
{
    uint64_t unknown;
    uint32_t ext_end;
    int r = read_version3(q, cluster, error);

    if (r == 0) {
        r = read_backing(q, cluster, &ext_end, error);
    }
    if (r == 0) {
        r = read_extensions(q, cluster, ext_end, error);
    }
    if (r < 0) {
        return r;
    }
    if ((q->autoclear & QCOW2_AUTOCLEAR_DATA_RAW) &&
        !(q->incompatible & QCOW2_INCOMPAT_DATA_FILE)) {
        return fail(error, EINVAL, "data-file-raw requires a data file");
    }
    unknown = q->incompatible & ~(uint64_t)QCOW2_INCOMPAT_KNOWN;
    if (unknown != 0) {
        return refuse_features(q, unknown, error);
    }
    if ((q->incompatible & QCOW2_INCOMPAT_CORRUPT) && !block_read_only(q->node) &&
        !(q->node->flags & BLOCK_O_CHECK)) {
        return fail(error, EACCES, "qcow2: Image is corrupt; cannot be opened read/write");
    }
    r = check_crypt(q, cluster, error);
    if (r == 0) {
        q->refblock_bits = q->cluster_bits + 3 - q->refcount_order;
        r = read_tables(q, cluster, error);
    }
    return r;
}

int qcow2_header_read(struct qcow2 *q, GError **error)
{
    uint8_t start[QCOW2_HEADER_V3 + 8] = {0};
    g_autofree uint8_t *cluster = NULL;
    int r = block_pread(q->node->file, 0, start, sizeof(start));

    q->other_exts = g_ptr_array_new_with_free_func(ext_free);
    if (r < 0) {
        return fail(error, -r, "Could not read qcow2 header: %s", g_strerror(-r));
    }
    r = read_start(q, start, error);
    if (r < 0) {
        return r;
    }
    cluster = g_malloc(q->cluster_size);
    r = block_pread(q->node->file, 0, cluster, q->cluster_size);
    if (r < 0) {
        return fail(error, -r, "Could not read qcow2 header: %s", g_strerror(-r));
    }
    return parse(q, cluster, error);
}

/* ---- writing ---- */

static void put_ext(GByteArray *to, uint32_t type, const void *data, uint32_t len)
{
    static const uint8_t zeroes[8];
    uint8_t head[8];

    st_be32(head, type);
    st_be32(head + 4, len);
    g_byte_array_append(to, head, 8);
    g_byte_array_append(to, data, len);
    g_byte_array_append(to, zeroes, (uint32_t)(-len & 7));
}

static void put_features(GByteArray *to)
{
    uint8_t table[G_N_ELEMENTS(features) * 48] = {0};

    for (unsigned i = 0; i < G_N_ELEMENTS(features); i++) {
        table[i * 48] = features[i].type;
        table[i * 48 + 1] = features[i].bit;
        memcpy(table + i * 48 + 2, features[i].name, strlen(features[i].name));
    }
    put_ext(to, QCOW2_EXT_FEATURES, table, sizeof(table));
}

static void put_fields(const struct qcow2 *q, uint8_t *h)
{
    st_be32(h, QCOW2_MAGIC);
    st_be32(h + 4, q->version);
    st_be32(h + 20, q->cluster_bits);
    st_be64(h + 24, q->size);
    st_be32(h + 36, q->l1_size);
    st_be64(h + 40, q->l1_offset);
    st_be64(h + 48, q->reftable_offset);
    st_be32(h + 56, q->reftable_clusters);
    st_be32(h + 60, q->snapshots->len);
    st_be64(h + 64, q->snapshots_offset);
    if (q->version >= 3) {
        st_be64(h + 72, q->incompatible);
        st_be64(h + 80, q->compatible);
        st_be64(h + 88, q->autoclear);
        st_be32(h + 96, q->refcount_order);
        st_be32(h + 100, q->header_length);
        if (q->header_length > QCOW2_HEADER_V3) {
            h[104] = q->compression;
        }
    }
}

int qcow2_header_write(struct qcow2 *q, GError **error)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    uint32_t name_at = 0, name_len = q->backing_name != NULL ? strlen(q->backing_name) : 0;
    bool named = false;
    int r;

    g_byte_array_set_size(bytes, q->header_length);
    memset(bytes->data, 0, q->header_length);
    if (q->more_header != NULL && q->version >= 3) { /* fields that came after this was written */
        memcpy(bytes->data, q->more_header, q->header_length);
        st_be64(bytes->data + 8, 0);
        st_be32(bytes->data + 16, 0);
    }
    put_fields(q, bytes->data);
    if (q->backing_format != NULL) {
        put_ext(bytes, QCOW2_EXT_BACKING_FORMAT, q->backing_format, strlen(q->backing_format));
    }
    for (unsigned i = 0; i < q->other_exts->len; i++) {
        const struct qcow2_extra_ext *ext = g_ptr_array_index(q->other_exts, i);

        named |= ext->type == QCOW2_EXT_FEATURES;
        put_ext(bytes, ext->type, ext->data, ext->len);
    }
    if (q->version >= 3 && !named && q->cluster_size >= 4096) {
        put_features(bytes);
    }
    put_ext(bytes, QCOW2_EXT_END, "", 0);
    if (name_len > 0) {
        name_at = bytes->len;
        g_byte_array_append(bytes, (const uint8_t *)q->backing_name, name_len);
        st_be64(bytes->data + 8, name_at);
        st_be32(bytes->data + 16, name_len);
    }
    if (bytes->len > q->cluster_size) {
        return fail(error, ENOSPC, "Backing file name too long");
    }
    r = block_pwrite(q->node->file, 0, bytes->data, bytes->len, 0);
    if (r < 0) {
        return fail(error, -r, "Could not write the qcow2 header: %s", g_strerror(-r));
    }
    return 0;
}

int qcow2_header_switch(struct qcow2 *q, uint64_t at, const void *new, const void *old, size_t len)
{
    int r = block_pwrite(q->node->file, at, new, len, 0);

    q->wrote++;
    if (r < 0 && block_pwrite(q->node->file, at, old, len, 0) < 0) {
        q->failed = true; /* nobody knows which of the two tables is named now */
    }
    return r;
}

int qcow2_header_write_features(struct qcow2 *q)
{
    uint8_t words[24];

    if (q->version < 3) {
        return 0;
    }
    st_be64(words, q->incompatible);
    st_be64(words + 8, q->compatible);
    st_be64(words + 16, q->autoclear);
    return block_pwrite(q->node->file, 72, words, sizeof(words), 0);
}

int qcow2_header_begin_write(struct qcow2 *q)
{
    uint64_t incompatible = q->incompatible, autoclear = q->autoclear;
    uint64_t wanted = incompatible | (q->lazy ? QCOW2_INCOMPAT_DIRTY : 0);
    int r;

    if (q->failed) {
        return -EIO;
    }
    if (wanted == incompatible && autoclear == 0) {
        return 0;
    }
    q->incompatible = wanted;
    q->autoclear = 0;
    r = qcow2_header_write_features(q);
    if (r == 0) {
        r = block_flush(q->node->file);
    }
    if (r < 0) { /* to be tried again: a clean-looking image must not be changed */
        q->incompatible = incompatible;
        q->autoclear = autoclear;
    }
    return r;
}
