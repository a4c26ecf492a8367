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
