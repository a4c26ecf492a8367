/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Worker threads that run blocking work, started when needed and gone after a while without any.
 * Any thread.
 */
#ifndef VIV_BLOCK_WORKER_H
#define VIV_BLOCK_WORKER_H

struct block_workers;

struct block_workers *block_workers_new(unsigned max_threads);
/* Runs what is queued to its end and joins the threads. NULL is fine. */
void block_workers_free(struct block_workers *workers);
void block_workers_push(struct block_workers *workers, void (*run)(void *), void *opaque);

#endif
