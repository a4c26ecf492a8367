/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads and writes of descriptors through io_uring, where the kernel allows it. block_uring_submit:
 * any thread; the rest: the thread that owns the completions.
 */
#ifndef VIV_BLOCK_URING_H
#define VIV_BLOCK_URING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct block_uring;

/* NULL: not available on this host. */
struct block_uring *block_uring_new(void);
/* Nothing may be in flight. NULL is fine. */
void block_uring_free(struct block_uring *uring);
/* Readable when there are completions. */
int block_uring_fd(const struct block_uring *uring);
/*
 * Starts a read or write; `opaque` comes back with its result. With `hold` it may wait for the next
 * one or for block_uring_kick. FALSE: there is no room, nothing was started.
 */
bool block_uring_submit(struct block_uring *uring, bool write, int fd, uint64_t offset,
                        const struct iovec *iov, int niov, bool hold, void *opaque);
void block_uring_kick(struct block_uring *uring);
/* Calls `done` for each completion: bytes moved or a negative errno. Returns how many. */
unsigned block_uring_reap(struct block_uring *uring, void (*done)(void *opaque, int result));

#endif
