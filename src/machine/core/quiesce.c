/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An epoch counts retirements. An object retired in epoch e is unreachable for whoever reads the
 * epoch as e or later; it is freed when every online reader has.
 */
#include "machine/core/quiesce.h"

#include "base/fence.h"
#include "base/least.h"

struct retired {
    uint64_t epoch;
    void *object;
    GDestroyNotify free_fn;
};

struct quiesce {
    uint64_t epoch;     /* atomic */
    GMutex lock;        /* guards the two below */
    GPtrArray *readers; /* struct quiesce_reader *, borrowed */
    GQueue retired;     /* struct retired *, ascending epoch */
};

struct quiesce *quiesce_new(void)
{
    struct quiesce *q = g_new0(struct quiesce, 1);

    g_mutex_init(&q->lock);
    q->readers = g_ptr_array_new();
    g_queue_init(&q->retired);
    return q;
}

static void release(struct retired *r)
{
    r->free_fn(r->object);
    g_free(r);
}

void quiesce_free(struct quiesce *q)
{
    struct retired *r;

    if (!q) {
        return;
    }
    g_assert(q->readers->len == 0);
    while ((r = g_queue_pop_head(&q->retired))) {
        release(r);
    }
    g_ptr_array_unref(q->readers);
    g_mutex_clear(&q->lock);
    g_free(q);
}

void quiesce_enter(struct quiesce *q, struct quiesce_reader *reader)
{
    reader->owner = q;
    quiesce_online(reader);
    g_mutex_lock(&q->lock);
    g_ptr_array_add(q->readers, reader);
    g_mutex_unlock(&q->lock);
    /* What was retired before this line may be freed: look at everything again. */
    quiesce_online(reader);
}

void quiesce_leave(struct quiesce_reader *reader)
{
    struct quiesce *q = reader->owner;

    quiesce_offline(reader);
    g_mutex_lock(&q->lock);
    g_assert(g_ptr_array_remove_fast(q->readers, reader));
    g_mutex_unlock(&q->lock);
    reader->owner = NULL;
}

void quiesce_point(struct quiesce_reader *reader)
{
    uint64_t epoch = __atomic_load_n(&reader->owner->epoch, __ATOMIC_ACQUIRE);

    __atomic_store_n(&reader->seen, epoch, __ATOMIC_RELEASE);
}

void quiesce_offline(struct quiesce_reader *reader)
{
    __atomic_store_n(&reader->seen, QUIESCE_OFFLINE, __ATOMIC_RELEASE);
}

void quiesce_online(struct quiesce_reader *reader)
{
    uint64_t epoch = __atomic_load_n(&reader->owner->epoch, __ATOMIC_SEQ_CST);

    /* The store comes before any later load of a view: quiesce_collect sees us or we see the new
     * view. */
    __atomic_store_n(&reader->seen, epoch, __ATOMIC_SEQ_CST);
    fence_full();
}

void quiesce_retire(struct quiesce *q, void *object, GDestroyNotify free_fn)
{
    struct retired *r = g_new(struct retired, 1);

    r->object = object;
    r->free_fn = free_fn;
    g_mutex_lock(&q->lock);
    r->epoch = __atomic_add_fetch(&q->epoch, 1, __ATOMIC_SEQ_CST);
    g_queue_push_tail(&q->retired, r);
    g_mutex_unlock(&q->lock);
    quiesce_collect(q);
}

static uint64_t oldest_locked(struct quiesce *q)
{
    uint64_t oldest = UINT64_MAX;

    fence_full();
    for (unsigned i = 0; i < q->readers->len; i++) {
        struct quiesce_reader *reader = g_ptr_array_index(q->readers, i);

        oldest = min_u64(oldest, __atomic_load_n(&reader->seen, __ATOMIC_SEQ_CST));
    }
    return oldest;
}

unsigned quiesce_collect(struct quiesce *q)
{
    GQueue dead = G_QUEUE_INIT;
    struct retired *r;
    unsigned left;

    g_mutex_lock(&q->lock);
    if (!g_queue_is_empty(&q->retired)) {
        uint64_t oldest = oldest_locked(q);

        while ((r = g_queue_peek_head(&q->retired)) && r->epoch <= oldest) {
            g_queue_push_tail(&dead, g_queue_pop_head(&q->retired));
        }
    }
    left = g_queue_get_length(&q->retired);
    g_mutex_unlock(&q->lock);

    while ((r = g_queue_pop_head(&dead))) {
        release(r);
    }
    return left;
}
