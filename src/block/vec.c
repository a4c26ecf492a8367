/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "block/block.h"

#include <string.h>

/* Calls `each` for the pieces of vec's first `len` bytes; stops when it returns FALSE. */
#define FOR_PIECES(vec, len, piece, n) \
    for (struct walk w_ = walk_start(vec, len); walk_next(&w_, &(piece), &(n));)

struct walk {
    const struct iovec *iov;
    int niov;
    size_t skip;
    size_t left;
};

static struct walk walk_start(struct block_vec vec, size_t len)
{
    return (struct walk){vec.iov, vec.niov, vec.skip, len};
}

static bool walk_next(struct walk *w, uint8_t **ret_piece, size_t *ret_n)
{
    while (w->left > 0) {
        g_assert(w->niov > 0);
        if (w->skip < w->iov->iov_len) {
            size_t n = MIN(w->iov->iov_len - w->skip, w->left);

            *ret_piece = (uint8_t *)w->iov->iov_base + w->skip;
            *ret_n = n;
            w->skip += n;
            w->left -= n;
            return true;
        }
        w->skip -= w->iov->iov_len;
        w->iov++;
        w->niov--;
    }
    return false;
}

void block_vec_to_buf(struct block_vec vec, void *buf, size_t len)
{
    uint8_t *to = buf, *piece;
    size_t n;

    FOR_PIECES(vec, len, piece, n)
    {
        memcpy(to, piece, n);
        to += n;
    }
}

void block_vec_from_buf(struct block_vec vec, const void *buf, size_t len)
{
    const uint8_t *from = buf;
    uint8_t *piece;
    size_t n;

    FOR_PIECES(vec, len, piece, n)
    {
        memcpy(piece, from, n);
        from += n;
    }
}

void block_vec_zero(struct block_vec vec, size_t len)
{
    uint8_t *piece;
    size_t n;

    FOR_PIECES(vec, len, piece, n)
    {
        memset(piece, 0, n);
    }
}

bool block_vec_is_zero(struct block_vec vec, size_t len)
{
    uint8_t *piece;
    size_t n;

    FOR_PIECES(vec, len, piece, n)
    {
        if (!block_is_zero(piece, n)) {
            return false;
        }
    }
    return true;
}

/* Sixty-four bytes at a time, which compilers turn into vector loads. */
static bool blocks_are_zero(const uint8_t *p, size_t n_blocks)
{
    while (n_blocks-- > 0) {
        uint64_t v[8];

        memcpy(v, p, sizeof(v));
        if ((v[0] | v[1] | v[2] | v[3] | v[4] | v[5] | v[6] | v[7]) != 0) {
            return false;
        }
        p += sizeof(v);
    }
    return true;
}

bool block_is_zero(const void *buf, size_t len)
{
    const uint8_t *p = buf;
    size_t tail = len % 64;

    if (len > 0 && (p[0] | p[len / 2] | p[len - 1]) != 0) {
        return false;
    }
    for (size_t i = 0; i < tail; i++) {
        if (p[len - 1 - i] != 0) {
            return false;
        }
    }
    return blocks_are_zero(p, len / 64);
}
