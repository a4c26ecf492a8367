/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/copy.h"
#include "base/bits.h"
#include "image/command.h"
#include "image/extent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK        (1u << 20)
#define BUFFER_ALIGN 4096

/* One piece of work. Who reads or writes it owns it; `ready` belongs to the lock. */
struct piece {
    struct block_node *from;
    uint64_t offset; /* in the source */
    uint64_t to;     /* in the target */
    uint64_t len;
    uint64_t seq;
    bool zero, leave; /* reads as zeroes; stays as the target's backing file has it */
    uint8_t *buf;
    int result;
    bool wrote; /* what `result` says is about the target */
    bool ready; /* read and waiting to be written */
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

/* Nothing has to be done for it. */
static bool is_idle(const struct copy *copy, const struct piece *p)
{
    return p->leave || (p->zero && copy->target_is_zero && copy->sparse != 0);
}

static void next_source_locked(struct copy *copy)
{
    while (copy->source < copy->n_sources && copy->at == copy->sources[copy->source].length) {
        copy->base += copy->at;
        copy->at = 0;
        copy->extent.len = 0;
        copy->source++;
    }
}

static bool piece_at_locked(struct copy *copy, struct piece *p)
{
    int r;

    *p = (struct piece){.from = copy->sources[copy->source].node,
                        .offset = copy->at,
                        .to = copy->base + copy->at,
                        .seq = copy->next_seq};
    r = classify(copy, p, copy->sources[copy->source].length - copy->at);
    if (r < 0) {
        copy->result = r;
        copy->failed_at = p->to;
    }
    return r == 0;
}

/* The next piece with work in it; FALSE: nothing is left, or something failed. Lock held. */
static bool next_locked(struct copy *copy, struct piece *p)
{
    for (;;) {
        next_source_locked(copy);
        if (copy->result < 0 || copy->source == copy->n_sources || image_interrupted()) {
            return false;
        }
        if (!piece_at_locked(copy, p)) {
            return false;
        }
        copy->at += p->len;
        if (!is_idle(copy, p)) {
            copy->next_seq++;
            return true;
        }
        output_progress_add(copy->progress, p->len);
    }
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

static int write_piece(struct copy *copy, const struct piece *p, uint8_t *buf)
{
    if (p->zero) {
        return copy->sparse == 0 && copy->target_is_zero
                   ? block_pwrite_zeroes(copy->target, p->to, p->len, 0)
                   : write_zeroes(copy, p->to, p->len);
    }
    return copy->compress ? write_packed(copy, p, buf) : write_data(copy, p, buf);
}

/* ---- one piece ---- */

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

/* Reads what the host will not copy by itself. */
static void fill_piece(const struct copy *copy, struct piece *p)
{
    if (!p->zero && !copy->offload) {
        p->result = read_piece(copy, p, p->buf);
    }
}

static void store_piece(struct copy *copy, struct piece *p)
{
    int r = -ENOTSUP;

    if (p->result < 0) {
        return;
    }
    if (copy->offload && !p->zero) {
        r = block_copy_range(p->from, p->offset, copy->target, p->to, p->len);
        if (r == -ENOTSUP) {
            p->result = read_piece(copy, p, p->buf);
        }
    }
    if (r == -ENOTSUP && p->result == 0) {
        r = write_piece(copy, p, p->buf);
    }
    p->wrote = p->result == 0;
    p->result = p->result < 0 ? p->result : r;
}

static void finish_locked(struct copy *copy, const struct piece *p)
{
    if (p->result < 0 && copy->result == 0) {
        copy->result = p->result;
        copy->failed_at = p->to;
        copy->failed_write = p->wrote;
    } else if (p->result == 0) {
        output_progress_add(copy->progress, p->len);
    }
}

/* Until `n` more bytes may be written. Lock held; it is dropped meanwhile. */
static void wait_for_rate_locked(struct copy *copy, uint64_t n)
{
    gint64 due = rate_due(&copy->rate, n);

    if (due > 0) {
        g_mutex_unlock(&copy->lock);
        rate_sleep(due);
        g_mutex_lock(&copy->lock);
    }
}

/* ---- threads ---- */

/*
 * In order: a thread that has read a piece leaves it in the window. If nobody writes, it then
 * writes all that are due; otherwise the one that writes comes by it. Nobody ever waits for a turn,
 * and buffers go to the next reader last in, first out, still warm.
 */
static struct piece *slot_of(struct copy *copy, uint64_t seq)
{
    return &copy->window[seq % copy->n_window];
}

static void start_thread_locked(struct copy *copy);

/* Writes what is due, in order. TRUE: something was. */
static bool write_due_locked(struct copy *copy)
{
    bool any = false;

    while (!copy->writing && copy->result == 0 && slot_of(copy, copy->write_seq)->ready) {
        struct piece *p = slot_of(copy, copy->write_seq);

        any = copy->writing = true;
        wait_for_rate_locked(copy, p->len);
        g_mutex_unlock(&copy->lock);
        store_piece(copy, p);
        g_mutex_lock(&copy->lock);
        copy->writing = false;
        p->ready = false;
        copy->buffers[copy->n_buffers++] = p->buf;
        copy->write_seq++;
        finish_locked(copy, p);
        g_cond_signal(&copy->room);
    }
    if (any && copy->result == 0 && copy->write_seq != copy->next_seq) {
        start_thread_locked(copy); /* the sources are slower than the target */
    }
    return any;
}

/* Reads one piece into the window. FALSE: none is left. */
static bool read_next_locked(struct copy *copy)
{
    struct piece p, *slot;

    if (!next_locked(copy, &p)) {
        return false;
    }
    slot = slot_of(copy, p.seq);
    p.buf = copy->buffers[--copy->n_buffers];
    *slot = p;
    if (!p.zero) {
        if (p.seq == 0) {
            start_thread_locked(copy);
        }
        g_mutex_unlock(&copy->lock);
        fill_piece(copy, slot);
        g_mutex_lock(&copy->lock);
    }
    slot->ready = true;
    return true;
}

static void run_in_order_locked(struct copy *copy)
{
    bool more = true;

    while (copy->result == 0 && !image_interrupted()) {
        if (write_due_locked(copy)) {
            continue;
        }
        if (!more) {
            return; /* whoever reads or writes now does the rest */
        }
        if (copy->n_buffers > 0) {
            more = read_next_locked(copy);
        } else {
            g_cond_wait(&copy->room, &copy->lock);
        }
    }
}

static void run_as_they_come_locked(struct copy *copy)
{
    struct piece p;

    while (next_locked(copy, &p)) {
        start_thread_locked(copy);
        p.buf = copy->buffers[--copy->n_buffers];
        wait_for_rate_locked(copy, p.len);
        g_mutex_unlock(&copy->lock);
        fill_piece(copy, &p);
        store_piece(copy, &p);
        g_mutex_lock(&copy->lock);
        copy->buffers[copy->n_buffers++] = p.buf;
        finish_locked(copy, &p);
    }
}

static gpointer work(gpointer opaque)
{
    struct copy *copy = opaque;

    g_mutex_lock(&copy->lock);
    if (copy->out_of_order) {
        run_as_they_come_locked(copy);
    } else {
        run_in_order_locked(copy);
    }
    g_cond_broadcast(&copy->room); /* the others see that it is over */
    g_mutex_unlock(&copy->lock);
    return NULL;
}

/* One more, up to the number asked for. */
static void start_thread_locked(struct copy *copy)
{
    if (copy->running < copy->threads) {
        copy->thread[copy->running++] = g_thread_new("copy", work, copy);
    }
}

static void prepare(struct copy *copy)
{
    size_t size = align_up(MAX(CHUNK, copy->cluster), BUFFER_ALIGN);

    copy->n_window = copy->threads + 1;
    copy->window = g_new0(struct piece, copy->n_window);
    copy->buffers = g_new0(uint8_t *, copy->n_window);
    copy->thread = g_new0(GThread *, copy->threads);
    while (copy->n_buffers < copy->n_window) {
        copy->buffers[copy->n_buffers] = aligned_alloc(BUFFER_ALIGN, size);
        g_assert(copy->buffers[copy->n_buffers] != NULL);
        copy->n_buffers++;
    }
    copy->memory = g_memdup2(copy->buffers, copy->n_window * sizeof(uint8_t *));
    g_mutex_init(&copy->lock);
    g_cond_init(&copy->room);
}

int copy_run(struct copy *copy)
{
    prepare(copy);
    copy->running = 1; /* this one */
    work(copy);
    for (unsigned i = 1;; i++) {
        GThread *thread;

        g_mutex_lock(&copy->lock);
        thread = i < copy->running ? copy->thread[i] : NULL;
        g_mutex_unlock(&copy->lock);
        if (thread == NULL) {
            break;
        }
        g_thread_join(thread);
    }
    for (unsigned i = 0; i < copy->n_window; i++) {
        free(copy->memory[i]);
    }
    g_free(copy->memory);
    g_free(copy->buffers);
    g_free(copy->window);
    g_free(copy->thread);
    g_mutex_clear(&copy->lock);
    g_cond_clear(&copy->room);
    return copy->result;
}
