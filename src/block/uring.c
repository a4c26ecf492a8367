/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "block/uring.h"

#include <glib.h>
#include <liburing.h>

#define ENTRIES 128

struct block_uring {
    GMutex lock; /* of the submission side */
    struct io_uring ring;
    unsigned held;      /* lock: prepared and not yet handed to the kernel */
    unsigned in_flight; /* atomic; never more than the completion queue holds */
};

struct block_uring *block_uring_new(void)
{
    struct block_uring *uring = g_new0(struct block_uring, 1);

    if (io_uring_queue_init(ENTRIES, &uring->ring, 0) < 0) {
        g_free(uring);
        return NULL;
    }
    io_uring_ring_dontfork(&uring->ring);
    g_mutex_init(&uring->lock);
    return uring;
}

void block_uring_free(struct block_uring *uring)
{
    if (uring != NULL) {
        g_assert(g_atomic_int_get(&uring->in_flight) == 0);
        io_uring_queue_exit(&uring->ring);
        g_mutex_clear(&uring->lock);
        g_free(uring);
    }
}

int block_uring_fd(const struct block_uring *uring)
{
    return uring->ring.ring_fd;
}

static void submit_locked(struct block_uring *uring)
{
    /* What the kernel does not take now stays in the queue and goes with the next call. */
    int taken = io_uring_submit(&uring->ring);

    if (taken > 0) {
        uring->held -= MIN((unsigned)taken, uring->held);
    }
}

bool block_uring_submit(struct block_uring *uring, bool write, int fd, uint64_t offset,
                        const struct iovec *iov, int niov, bool hold, void *opaque)
{
    struct io_uring_sqe *sqe = NULL;

    g_mutex_lock(&uring->lock);
    if ((unsigned)g_atomic_int_get(&uring->in_flight) < ENTRIES) {
        sqe = io_uring_get_sqe(&uring->ring);
    }
    if (sqe != NULL) {
        if (write) {
            io_uring_prep_writev(sqe, fd, iov, (unsigned)niov, offset);
        } else {
            io_uring_prep_readv(sqe, fd, iov, (unsigned)niov, offset);
        }
        io_uring_sqe_set_data(sqe, opaque);
        g_atomic_int_inc(&uring->in_flight);
        uring->held++;
        if (!hold || uring->held >= ENTRIES / 2) {
            submit_locked(uring);
        }
    }
    g_mutex_unlock(&uring->lock);
    return sqe != NULL;
}

void block_uring_kick(struct block_uring *uring)
{
    g_mutex_lock(&uring->lock);
    if (uring->held > 0) {
        submit_locked(uring);
    }
    g_mutex_unlock(&uring->lock);
}

unsigned block_uring_reap(struct block_uring *uring, void (*done)(void *opaque, int result))
{
    struct io_uring_cqe *cqe;
    unsigned n = 0;

    block_uring_kick(uring);
    while (io_uring_peek_cqe(&uring->ring, &cqe) == 0) {
        void *opaque = io_uring_cqe_get_data(cqe);
        int result = cqe->res;

        io_uring_cqe_seen(&uring->ring, cqe);
        g_atomic_int_add(&uring->in_flight, -1);
        done(opaque, result);
        n++;
    }
    return n;
}
