/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/core/waiter.h"

#include "base/fence.h"

void waiter_init(struct waiter *w)
{
    w->sleeping = 0;
    w->woken = false;
    g_mutex_init(&w->lock);
    g_cond_init(&w->cond);
}

void waiter_fini(struct waiter *w)
{
    g_mutex_clear(&w->lock);
    g_cond_clear(&w->cond);
}

void waiter_prepare(struct waiter *w)
{
    g_mutex_lock(&w->lock);
    w->woken = false;
    g_mutex_unlock(&w->lock);
    /* Before the sleeper looks for work: a waker that it does not see sees this. */
    __atomic_store_n(&w->sleeping, 1, __ATOMIC_SEQ_CST);
    fence_full();
}

void waiter_cancel(struct waiter *w)
{
    __atomic_store_n(&w->sleeping, 0, __ATOMIC_RELEASE);
}

void waiter_wait(struct waiter *w, int64_t until)
{
    g_mutex_lock(&w->lock);
    while (!w->woken) {
        if (until < 0) {
            g_cond_wait(&w->cond, &w->lock);
        } else if (!g_cond_wait_until(&w->cond, &w->lock, until)) {
            break;
        }
    }
    g_mutex_unlock(&w->lock);
    waiter_cancel(w);
}

void waiter_wake(struct waiter *w)
{
    fence_full();
    if (__atomic_load_n(&w->sleeping, __ATOMIC_SEQ_CST)) {
        g_mutex_lock(&w->lock);
        w->woken = true;
        g_cond_signal(&w->cond);
        g_mutex_unlock(&w->lock);
    }
}
