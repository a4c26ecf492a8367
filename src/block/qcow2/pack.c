/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compressed clusters: raw deflate with a 4 KiB window, or zstd. */
#include "block/qcow2/qcow2.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

/* ---- zlib's state: a quarter of a mebibyte, too much to ask the kernel for each cluster ---- */

static void packer_free(void *opaque)
{
    z_stream *z = opaque;

    deflateEnd(z);
    g_free(z);
}

static z_stream *packer_take(struct qcow2 *q)
{
    z_stream *z = NULL;

    g_mutex_lock(&q->unpacked_lock);
    if (q->packers != NULL && q->packers->len > 0) {
        z = g_ptr_array_steal_index_fast(q->packers, q->packers->len - 1);
    }
    g_mutex_unlock(&q->unpacked_lock);
    if (z != NULL) {
        return z;
    }
    z = g_new0(z_stream, 1);
    if (deflateInit2(z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -12, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
        g_clear_pointer(&z, g_free);
    }
    return z;
}

/* There are never more than ran at the same time. */
static void packer_give(struct qcow2 *q, z_stream *z)
{
    g_mutex_lock(&q->unpacked_lock);
    if (q->packers == NULL) {
        q->packers = g_ptr_array_new_with_free_func(packer_free);
    }
    g_ptr_array_add(q->packers, z);
    g_mutex_unlock(&q->unpacked_lock);
}

static int64_t pack_zlib(struct qcow2 *q, const void *in, void *out)
{
    z_stream *z = packer_take(q);
    int64_t n;

    if (z == NULL) {
        return -ENOMEM;
    }
    deflateReset(z);
    z->next_in = (Bytef *)in;
    z->avail_in = q->cluster_size;
    z->next_out = out;
    z->avail_out = q->cluster_size - 1;
    n = deflate(z, Z_FINISH) == Z_STREAM_END ? (int64_t)(q->cluster_size - 1 - z->avail_out)
                                             : -ENOSPC;
    packer_give(q, z);
    return n;
}

static int64_t pack_zstd(const struct qcow2 *q, const void *in, void *out)
{
    size_t n = ZSTD_compress(out, q->cluster_size - 1, in, q->cluster_size, ZSTD_CLEVEL_DEFAULT);

    return ZSTD_isError(n) ? -ENOSPC : (int64_t)n;
}

int64_t qcow2_pack(struct qcow2 *q, const void *in, void *out)
{
    return q->compression == QCOW2_ZSTD ? pack_zstd(q, in, out) : pack_zlib(q, in, out);
}

static int unpack_zlib(const struct qcow2 *q, const void *in, size_t in_len, void *out)
{
    z_stream z = {.next_in = (Bytef *)in,
                  .avail_in = (uInt)in_len,
                  .next_out = out,
                  .avail_out = q->cluster_size};
    int r = inflateInit2(&z, -12);

    if (r != Z_OK) {
        return -ENOMEM;
    }
    r = inflate(&z, Z_FINISH);
    inflateEnd(&z);
    /* What follows in the last sector is not ours; a full output is all that counts. */
    return (r == Z_STREAM_END || r == Z_BUF_ERROR) && z.avail_out == 0 ? 0 : -EIO;
}

static int unpack_zstd(const struct qcow2 *q, const void *in, size_t in_len, void *out)
{
    ZSTD_DCtx *ctx = ZSTD_createDCtx();
    ZSTD_inBuffer src = {in, in_len, 0};
    ZSTD_outBuffer dst = {out, q->cluster_size, 0};
    size_t r = 1;

    if (ctx == NULL) {
        return -ENOMEM;
    }
    while (dst.pos < dst.size && src.pos < src.size) {
        size_t before = src.pos + dst.pos;

        r = ZSTD_decompressStream(ctx, &dst, &src);
        if (ZSTD_isError(r) || src.pos + dst.pos == before) {
            break;
        }
    }
    ZSTD_freeDCtx(ctx);
    return !ZSTD_isError(r) && dst.pos == dst.size ? 0 : -EIO;
}

int qcow2_unpack(const struct qcow2 *q, const void *in, size_t in_len, void *out)
{
    return q->compression == QCOW2_ZSTD ? unpack_zstd(q, in, in_len, out)
                                        : unpack_zlib(q, in, in_len, out);
}

void qcow2_unpacked_forget(struct qcow2 *q, uint64_t cluster)
{
    g_mutex_lock(&q->unpacked_lock);
    if (q->unpacked != NULL && qcow2_cluster_of(q, q->unpacked_host) <= cluster &&
        cluster <= qcow2_cluster_of(q, q->unpacked_host) + 2) {
        g_clear_pointer(&q->unpacked, g_free);
    }
    g_mutex_unlock(&q->unpacked_lock);
}

static bool from_memory(struct qcow2 *q, uint64_t host, uint64_t at, uint64_t len,
                        struct block_vec vec)
{
    bool have;

    g_mutex_lock(&q->unpacked_lock);
    have = q->unpacked != NULL && q->unpacked_host == host;
    if (have) {
        block_vec_from_buf(vec, q->unpacked + at, len);
    }
    g_mutex_unlock(&q->unpacked_lock);
    return have;
}

int qcow2_read_packed(struct qcow2 *q, const struct qcow2_map *map, uint64_t at, uint64_t len,
                      struct block_vec vec)
{
    g_autofree uint8_t *packed = NULL, *out = NULL;
    int r;

    if (from_memory(q, map->host, at, len, vec)) {
        return 0;
    }
    packed = g_try_malloc(map->packed);
    out = g_try_malloc(q->cluster_size);
    if (packed == NULL || out == NULL) {
        return -ENOMEM;
    }
    block_event(q->node->file, BLOCK_EVENT_READ_COMPRESSED);
    r = block_pread(q->node->file, map->host, packed, map->packed);
    if (r == 0) {
        r = qcow2_unpack(q, packed, map->packed, out);
    }
    if (r < 0) {
        return r;
    }
    block_vec_from_buf(vec, out + at, len);
    if (len < q->cluster_size) { /* the rest is likely to be read next */
        g_mutex_lock(&q->unpacked_lock);
        g_free(q->unpacked);
        q->unpacked = g_steal_pointer(&out);
        q->unpacked_host = map->host;
        g_mutex_unlock(&q->unpacked_lock);
    }
    return 0;
}
