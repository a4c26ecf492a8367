/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine's clocks and timers.
 *
 * CLOCK_GUEST counts nanoseconds of guest time: it stands still while the machine is stopped. With
 * instruction counting it is the number of guest instructions times 2^shift, and its timers run on
 * the vCPU thread at exact counts; otherwise it follows the host's monotonic clock and its timers
 * run on the machine's loop. CLOCK_HOST follows the host's monotonic clock always (loop).
 *
 * A timer's callback runs with the timer's lock held (the device's). Arming, cancelling and the
 * callback of one timer happen under that lock, so a cancelled timer never fires afterwards.
 */
#ifndef VIV_MACHINE_CORE_CLOCK_H
#define VIV_MACHINE_CORE_CLOCK_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define NS_PER_SEC INT64_C(1000000000)

enum clock_kind { CLOCK_GUEST, CLOCK_HOST };

struct clock; /* both kinds of one machine */

struct timer {
    struct clock *clock;
    enum clock_kind kind;
    GMutex *lock; /* held around fn; NULL: none */
    void (*fn)(void *opaque);
    void *opaque;
    int64_t expiry; /* ns; clock's lock */
    int64_t seq;    /* order of arming, breaks ties deterministically; clock's lock */
    int heap_index; /* -1: not armed; clock's lock */
    bool firing;    /* clock's lock */
};

/* `shift` of -1: real time. 0..10: instruction counting. `context`: the loop that runs timers. */
struct clock *clock_new(int icount_shift, GMainContext *context);
void clock_free(struct clock *clock);

/* Nanoseconds since the machine was made (CLOCK_GUEST) or of the monotonic clock (CLOCK_HOST).
 * CLOCK_GUEST begins stopped. Any thread. */
int64_t clock_now(struct clock *clock, enum clock_kind kind);
bool clock_is_counting(const struct clock *clock);
int clock_shift(const struct clock *clock); /* of the thread that runs the vCPUs */

/* Stops and continues CLOCK_GUEST; called by the life cycle with all vCPUs stopped. */
void clock_stop(struct clock *clock);
void clock_start(struct clock *clock);

/*
 * Instruction counting; the thread that runs the vCPUs only. `count` is the machine's total.
 * clock_budget says how many instructions may run until the next timer is due (at least 1, at most
 * `max`); clock_advance adds `count` executed ones; clock_warp moves an idle machine to its next
 * timer and returns FALSE if none is armed. clock_run runs due timers.
 */
uint64_t clock_budget(struct clock *clock, uint64_t max);
void clock_advance(struct clock *clock, uint64_t count);
bool clock_warp(struct clock *clock);
void clock_run(struct clock *clock);
uint64_t clock_count(const struct clock *clock);
/*
 * A turn of a vCPU: while it runs, *left counts down from `budget`, and clock_now() takes what was
 * executed so far into account. clock_end_turn adds it. The thread that runs the vCPUs.
 */
void clock_begin_turn(struct clock *clock, const uint64_t *left, uint64_t budget);
void clock_end_turn(struct clock *clock);
/* Instruction counting, between turns: from now on one instruction is 2^shift ns. */
void clock_set_shift(struct clock *clock, int shift);
/* Moves CLOCK_GUEST on by `ns` without instructions (idle sleep, qtest). */
void clock_skip(struct clock *clock, int64_t ns);
/* Expiry of the next timer, or INT64_MAX. Any thread. */
int64_t clock_next(struct clock *clock, enum clock_kind kind);
/* Called, with no lock of the clock held, when a CLOCK_GUEST timer becomes the next one while
 * instructions are counted: the turn in progress must end. Frozen before vCPUs run. */
void clock_on_rearm(struct clock *clock, void (*fn)(void *opaque), void *opaque);
/* For state rows and migration: sets CLOCK_GUEST's value (stopped machine). */
void clock_set(struct clock *clock, int64_t now);
/* As clock_set, and the count of instructions. */
void clock_restore(struct clock *clock, int64_t now, uint64_t count);

void timer_init(struct timer *t, struct clock *clock, enum clock_kind kind, GMutex *lock,
                void (*fn)(void *opaque), void *opaque);
/* (Re)arms at `expiry` (absolute ns); a past one fires as soon as it can. Any thread. */
void timer_arm(struct timer *t, int64_t expiry);
void timer_cancel(struct timer *t);
bool timer_armed(const struct timer *t);
int64_t timer_expiry(const struct timer *t);

#endif
