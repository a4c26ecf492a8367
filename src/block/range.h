/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Byte ranges in use, shared or exclusive: requests that would disturb each other wait. First come,
 * first served among those that overlap. Own lock; any thread.
 */
#ifndef VIV_BLOCK_RANGE_H
#define VIV_BLOCK_RANGE_H

#include <stdbool.h>
#include <stdint.h>

struct block_ranges;

/* One use; the caller's memory from take to drop. */
struct block_range {
    uint64_t start, end;
    bool exclusive, granted;
    struct block_range *prev, *next;
};

struct block_ranges *block_ranges_new(void);
/* None may be in use. NULL is fine. */
void block_ranges_free(struct block_ranges *ranges);
/* Waits until no earlier overlapping use conflicts. */
void block_range_take(struct block_ranges *ranges, struct block_range *range, uint64_t start,
                      uint64_t len, bool exclusive);
/* The same without waiting; FALSE: it would have to. */
bool block_range_try(struct block_ranges *ranges, struct block_range *range, uint64_t start,
                     uint64_t len, bool exclusive);
void block_range_drop(struct block_ranges *ranges, struct block_range *range);

#endif
