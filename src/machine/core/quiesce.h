/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Safe points: how an immutable object (a memory view) that readers use without a lock is freed.
 *
 * Each thread that reads such objects registers. It passes a safe point between units of work
 * (a vCPU at its loop's top, an I/O thread once an iteration) and is offline while it sleeps.
 * What is retired is freed when every online reader has passed a safe point since.
 */
#ifndef VIV_MACHINE_CORE_QUIESCE_H
#define VIV_MACHINE_CORE_QUIESCE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct quiesce; /* one per machine */

struct quiesce_reader {
    uint64_t seen;         /* atomic: last epoch seen; QUIESCE_OFFLINE while asleep */
    struct quiesce *owner; /* set by quiesce_enter */
};

#define QUIESCE_OFFLINE UINT64_MAX

struct quiesce *quiesce_new(void);
/* Frees all that is still retired. No reader may be registered. */
void quiesce_free(struct quiesce *q);

/* The calling thread becomes, or stops being, a reader; it starts online. */
void quiesce_enter(struct quiesce *q, struct quiesce_reader *reader);
void quiesce_leave(struct quiesce_reader *reader);

/* Reader's thread: holds no retired object now. Cheap: one load and one store. */
void quiesce_point(struct quiesce_reader *reader);
/* Reader's thread: about to sleep and holds nothing; and awake again. */
void quiesce_offline(struct quiesce_reader *reader);
void quiesce_online(struct quiesce_reader *reader);

/* Any thread, no device lock needed: frees `object` once no reader can hold it. Never waits. */
void quiesce_retire(struct quiesce *q, void *object, GDestroyNotify free_fn);
/* Frees what can be freed now; the machine's loop calls it. Returns how many are still held. */
unsigned quiesce_collect(struct quiesce *q);

#endif
