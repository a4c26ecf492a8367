/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a vCPU's thread sleeps without missing what wakes it, and without its wakers needing a lock
 * while it is awake:
 *
 *     waiter_prepare();  if (there is work) waiter_cancel(); else waiter_wait();
 *
 * A waker first publishes the work, then calls waiter_wake(). Its lock is a leaf.
 */
#ifndef VIV_MACHINE_CORE_WAITER_H
#define VIV_MACHINE_CORE_WAITER_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct waiter {
    uint32_t sleeping; /* atomic */
    GMutex lock;       /* guards woken */
    GCond cond;
    bool woken;
};

void waiter_init(struct waiter *w);
void waiter_fini(struct waiter *w);

/* Sleeper's thread. waiter_wait returns when woken, or at `until` (g_get_monotonic_time; -1: no
 * limit). */
void waiter_prepare(struct waiter *w);
void waiter_cancel(struct waiter *w);
void waiter_wait(struct waiter *w, int64_t until);
/* Any thread; never waits for the sleeper. */
void waiter_wake(struct waiter *w);

#endif
