/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "block/range.h"

#include <glib.h>

struct block_ranges {
    GMutex lock;
    GCond changed;
    struct block_range *first, *last; /* in order of arrival */
    unsigned waiting;
};

struct block_ranges *block_ranges_new(void)
{
    struct block_ranges *ranges = g_new0(struct block_ranges, 1);

    g_mutex_init(&ranges->lock);
    g_cond_init(&ranges->changed);
    return ranges;
}

void block_ranges_free(struct block_ranges *ranges)
{
    if (ranges != NULL) {
        g_assert(ranges->first == NULL);
        g_cond_clear(&ranges->changed);
        g_mutex_clear(&ranges->lock);
        g_free(ranges);
    }
}

/* Does a use that came before `range` forbid it? */
static bool blocked(const struct block_range *range)
{
    for (const struct block_range *r = range->prev; r != NULL; r = r->prev) {
        if ((r->exclusive || range->exclusive) && r->start < range->end && range->start < r->end) {
            return true;
        }
    }
    return false;
}

static void append(struct block_ranges *ranges, struct block_range *range)
{
    range->prev = ranges->last;
    range->next = NULL;
    if (ranges->last != NULL) {
        ranges->last->next = range;
    } else {
        ranges->first = range;
    }
    ranges->last = range;
}

static void remove_range(struct block_ranges *ranges, struct block_range *range)
{
    *(range->prev != NULL ? &range->prev->next : &ranges->first) = range->next;
    *(range->next != NULL ? &range->next->prev : &ranges->last) = range->prev;
}

void block_range_take(struct block_ranges *ranges, struct block_range *range, uint64_t start,
                      uint64_t len, bool exclusive)
{
    *range = (struct block_range){.start = start, .end = start + len, .exclusive = exclusive};
    g_mutex_lock(&ranges->lock);
    append(ranges, range);
    while (blocked(range)) {
        ranges->waiting++;
        g_cond_wait(&ranges->changed, &ranges->lock);
        ranges->waiting--;
    }
    range->granted = true;
    g_mutex_unlock(&ranges->lock);
}

bool block_range_try(struct block_ranges *ranges, struct block_range *range, uint64_t start,
                     uint64_t len, bool exclusive)
{
    *range = (struct block_range){.start = start, .end = start + len, .exclusive = exclusive};
    g_mutex_lock(&ranges->lock);
    append(ranges, range);
    range->granted = !blocked(range);
    if (!range->granted) {
        remove_range(ranges, range);
    }
    g_mutex_unlock(&ranges->lock);
    return range->granted;
}

void block_range_drop(struct block_ranges *ranges, struct block_range *range)
{
    g_mutex_lock(&ranges->lock);
    g_assert(range->granted);
    range->granted = false;
    remove_range(ranges, range);
    if (ranges->waiting > 0) {
        g_cond_broadcast(&ranges->changed);
    }
    g_mutex_unlock(&ranges->lock);
}
