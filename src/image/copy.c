/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/copy.h"
#include "base/bits.h"
#include "image/command.h"
#include "image/extent.h"

#include <errno.h>
#include <string.h>

#define CHUNK (1u << 20)

/* One piece of work. */
struct piece {
    struct block_node *from;
    uint64_t offset; /* in the source */
    uint64_t to;     /* in the target */
    uint64_t len;
    uint64_t seq;
    bool zero, leave; /* reads as zeroes; stays as the target's backing file has it */
};

/* ---- handing out ---- */

/* What is left of the last extent: looking up a long one anew for each piece would be slow. */
static int lookup(struct copy *copy, struct block_node *from, uint64_t offset, uint64_t left,
                  struct extent *ret)
{
    struct extent *last = &copy->extent;
    uint64_t gone = offset - last->start;

    if (last->len == 0 || offset < last->start || gone >= last->len) {
        int r = extent_get(from, offset, left, last);

        if (r < 0) {
            last->len = 0;
            return r;
        }
        gone = 0;
    }
    *ret = *last;
    ret->start += gone;
    ret->len = MIN(ret->len - gone, left);
    return 0;
}

/* A compressed target is written in whole clusters: extents are not looked at one by one. */
static int classify(struct copy *copy, struct piece *p, uint64_t left)
{
    struct extent e;
    int r = lookup(copy, p->from, p->offset, left, &e);

    if (r < 0) {
        return r;
    }
    p->zero = e.zero;
    p->leave = copy->target_backing && e.depth > 0;
    p->len = e.len;
    if (copy->compress && ((p->offset | p->len) & (copy->cluster - 1)) != 0 && p->len < left) {
        if (p->len > copy->cluster) {
            p->len = align_down(p->offset + p->len, copy->cluster) - p->offset;
        } else {
            p->len = MIN(copy->cluster, left);
            p->zero = p->leave = false;
        }
    }
    if (!p->zero && !p->leave) {
        p->len = MIN(p->len, CHUNK - p->offset % CHUNK);
    }
    return 0;
}

/* The next piece; FALSE: nothing is left, or something failed. Lock held. */
static bool next_locked(struct copy *copy, struct piece *p)
{
    int r;

    while (copy->source < copy->n_sources && copy->at == copy->sources[copy->source].length) {
        copy->base += copy->at;
        copy->at = 0;
        copy->extent.len = 0;
        copy->source++;
    }
    if (copy->result < 0 || copy->source == copy->n_sources || image_interrupted()) {
        return false;
    }
    *p = (struct piece){.from = copy->sources[copy->source].node,
                        .offset = copy->at,
                        .to = copy->base + copy->at,
                        .seq = copy->next_seq};
    r = classify(copy, p, copy->sources[copy->source].length - copy->at);
    if (r < 0) {
        copy->result = r;
        copy->failed_at = p->to;
        return false;
    }
    copy->next_seq++;
    copy->at += p->len;
    return true;
}

/* ---- writing ---- */

/* The length of the first run of `buf` that is all zero, or has no such run of `min` bytes. */
static uint64_t next_run(const uint8_t *buf, uint64_t len, uint64_t offset, uint32_t min,
                         bool *ret_zero)
{
    uint64_t at = 0;
    bool first = true;

    *ret_zero = false;
    while (at < len) {
        uint64_t n = MIN(min - (offset + at) % min, len - at);
        bool zero = block_is_zero(buf + at, n);

        if (first) {
            *ret_zero = zero;
            first = false;
        } else if (zero != *ret_zero) {
            break;
        }
        at += n;
    }
    return at;
}

static int write_zeroes(struct copy *copy, uint64_t to, uint64_t len)
{
    return copy->target_is_zero ? 0 : block_pwrite_zeroes(copy->target, to, len, BLOCK_REQ_UNMAP);
}

static int write_data(struct copy *copy, const struct piece *p, const uint8_t *buf)
{
    uint64_t at = 0;
    int r = 0;

    if (copy->sparse == 0) {
        return block_pwrite(copy->target, p->to, buf, p->len, 0);
    }
    while (r == 0 && at < p->len) {
        bool zero;
        uint64_t n = next_run(buf + at, p->len - at, p->to + at, copy->sparse, &zero);

        r = zero ? write_zeroes(copy, p->to + at, n)
                 : block_pwrite(copy->target, p->to + at, buf + at, n, 0);
        at += n;
    }
    return r;
}

/* Cluster by cluster; clusters of zeroes are left out. */
static int write_packed(struct copy *copy, const struct piece *p, const uint8_t *buf)
{
    uint64_t at = 0;
    int r = 0;

    while (r == 0 && at < p->len) {
        uint64_t n = MIN(copy->cluster - (p->to + at) % copy->cluster, p->len - at);

        if (copy->sparse != 0 && block_is_zero(buf + at, n)) {
            r = write_zeroes(copy, p->to + at, n);
        } else {
            r = block_pwrite(copy->target, p->to + at, buf + at, n, BLOCK_REQ_COMPRESSED);
        }
        at += n;
    }
    return r;
}

static int write_piece(struct copy *copy, const struct piece *p, const uint8_t *buf)
{
    if (p->leave) {
        return 0;
    }
    if (p->zero) {
        return copy->sparse == 0 && copy->target_is_zero
                   ? block_pwrite_zeroes(copy->target, p->to, p->len, 0)
                   : write_zeroes(copy, p->to, p->len);
    }
    return copy->compress ? write_packed(copy, p, buf) : write_data(copy, p, buf);
}

/* ---- a thread ---- */

/* Reads a piece; with salvage, sectors that cannot be read become zeroes. */
static int read_piece(const struct copy *copy, const struct piece *p, uint8_t *buf)
{
    int r = block_pread(p->from, p->offset, buf, p->len);

    if (r == 0 || !copy->salvage) {
        return r;
    }
    for (uint64_t at = 0; at < p->len; at += BLOCK_SECTOR) {
        uint64_t n = MIN(BLOCK_SECTOR, p->len - at);

        if (block_pread(p->from, p->offset + at, buf + at, n) < 0) {
            memset(buf + at, 0, n);
        }
    }
    return 0;
}

/* Until all earlier pieces are written; FALSE: one of them failed. */
static bool wait_turn(struct copy *copy, const struct piece *p)
{
    bool good;

    g_mutex_lock(&copy->lock);
    while (!copy->out_of_order && copy->write_seq != p->seq && copy->result == 0) {
        g_cond_wait(&copy->turn, &copy->lock);
    }
    good = copy->result == 0;
    g_mutex_unlock(&copy->lock);
    return good;
}

/* TRUE: on with the next one. */
static bool finish_piece_locked(struct copy *copy, const struct piece *p, int r, bool write)
{
    if (r < 0 && copy->result == 0) {
        copy->result = r;
        copy->failed_at = p->to;
        copy->failed_write = write;
    }
    copy->write_seq++;
    if (r == 0) {
        output_progress_add(copy->progress, p->len);
    }
    g_cond_broadcast(&copy->turn);
    return r == 0;
}

static int do_piece(struct copy *copy, const struct piece *p, uint8_t *buf, bool *ret_write)
{
    int r = -ENOTSUP;

    *ret_write = false;
    if (copy->offload && !p->zero && !p->leave) {
        if (!wait_turn(copy, p)) {
            return 0;
        }
        r = block_copy_range(p->from, p->offset, copy->target, p->to, p->len);
    }
    if (r != -ENOTSUP) {
        return r;
    }
    r = p->zero || p->leave ? 0 : read_piece(copy, p, buf);
    if (r < 0) {
        return r;
    }
    *ret_write = true;
    return wait_turn(copy, p) ? write_piece(copy, p, buf) : 0;
}

static gpointer work(gpointer opaque)
{
    struct copy *copy = opaque;
    g_autofree uint8_t *buf = g_malloc(MAX(CHUNK, copy->cluster));
    struct piece p;
    bool more;

    g_mutex_lock(&copy->lock);
    more = next_locked(copy, &p);
    while (more) {
        bool write;
        int r;

        g_mutex_unlock(&copy->lock);
        r = do_piece(copy, &p, buf, &write);
        g_mutex_lock(&copy->lock);
        more = finish_piece_locked(copy, &p, r, write) && next_locked(copy, &p);
    }
    g_mutex_unlock(&copy->lock);
    return NULL;
}

int copy_run(struct copy *copy)
{
    g_autofree GThread **threads = g_new0(GThread *, copy->threads);

    g_mutex_init(&copy->lock);
    g_cond_init(&copy->turn);
    for (unsigned i = 1; i < copy->threads; i++) {
        threads[i] = g_thread_new("copy", work, copy);
    }
    work(copy);
    for (unsigned i = 1; i < copy->threads; i++) {
        g_thread_join(threads[i]);
    }
    g_mutex_clear(&copy->lock);
    g_cond_clear(&copy->turn);
    return copy->result;
}
