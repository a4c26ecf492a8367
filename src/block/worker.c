/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "block/worker.h"

#include <glib.h>
#include <stdbool.h>

#define IDLE_US (5 * G_USEC_PER_SEC)

struct job {
    void (*run)(void *);
    void *opaque;
    struct job *next;
};

struct block_workers {
    GMutex lock;
    GCond more, gone;
    /* lock */
    struct job *first, *last;
    unsigned threads, idle, queued, max;
    bool ending;
};

static struct job *pop_locked(struct block_workers *workers)
{
    struct job *job = workers->first;

    workers->first = job->next;
    if (job->next == NULL) {
        workers->last = NULL;
    }
    workers->queued--;
    return job;
}

/* FALSE: this thread has waited long enough for work. */
static bool wait_locked(struct block_workers *workers)
{
    gint64 until = g_get_monotonic_time() + IDLE_US;
    bool in_time = true;

    workers->idle++;
    while (workers->first == NULL && !workers->ending && in_time) {
        in_time = g_cond_wait_until(&workers->more, &workers->lock, until);
    }
    workers->idle--;
    return workers->first != NULL;
}

static gpointer work(gpointer opaque)
{
    struct block_workers *workers = opaque;

    g_mutex_lock(&workers->lock);
    while (workers->first != NULL || wait_locked(workers)) {
        struct job *job = pop_locked(workers);

        g_mutex_unlock(&workers->lock);
        job->run(job->opaque);
        g_free(job);
        g_mutex_lock(&workers->lock);
    }
    workers->threads--;
    g_cond_signal(&workers->gone);
    g_mutex_unlock(&workers->lock);
    return NULL;
}

struct block_workers *block_workers_new(unsigned max_threads)
{
    struct block_workers *workers = g_new0(struct block_workers, 1);

    workers->max = max_threads;
    g_mutex_init(&workers->lock);
    g_cond_init(&workers->more);
    g_cond_init(&workers->gone);
    return workers;
}

void block_workers_free(struct block_workers *workers)
{
    if (workers == NULL) {
        return;
    }
    g_mutex_lock(&workers->lock);
    workers->ending = true;
    g_cond_broadcast(&workers->more);
    while (workers->threads > 0) {
        g_cond_wait(&workers->gone, &workers->lock);
    }
    g_mutex_unlock(&workers->lock);
    g_mutex_clear(&workers->lock);
    g_cond_clear(&workers->more);
    g_cond_clear(&workers->gone);
    g_free(workers);
}

void block_workers_push(struct block_workers *workers, void (*run)(void *), void *opaque)
{
    struct job *job = g_new0(struct job, 1);

    job->run = run;
    job->opaque = opaque;
    g_mutex_lock(&workers->lock);
    *(workers->last != NULL ? &workers->last->next : &workers->first) = job;
    workers->last = job;
    workers->queued++;
    if (workers->queued > workers->idle && workers->threads < workers->max) {
        workers->threads++;
        g_thread_unref(g_thread_new("block-worker", work, workers));
    } else {
        g_cond_signal(&workers->more);
    }
    g_mutex_unlock(&workers->lock);
}
