/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two binary heaps of timers. In real time each has a timerfd on the machine's context (GLib's own
 * time-outs are whole milliseconds). When instructions are counted the guest's heap is emptied by
 * clock_run instead.
 */
#include "machine/core/clock.h"
#include "base/least.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define KINDS 2

struct heap {
    GPtrArray *timers; /* struct timer *; [0] is due first */
    GSource *source;   /* NULL: run by clock_run, or no context */
    int fd;            /* -1: no source */
};

struct clock {
    int shift; /* -1: real time, frozen; else lock */
    void (*rearmed)(void *opaque);
    void *rearmed_opaque;
    GMutex lock; /* guards the rest */
    struct heap heap[KINDS];
    int64_t next_seq;
    bool running;    /* CLOCK_GUEST, real time */
    int64_t base;    /* CLOCK_GUEST at host time `since` (running), or now (stopped) */
    int64_t since;   /* host time */
    int64_t bias;    /* counting: CLOCK_GUEST at count 0 */
    uint64_t count;  /* counting: instructions of all ended turns */
    uint64_t budget; /* counting: of the turn in progress */
    const uint64_t *left;
};

static int64_t host_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

static bool before(const struct timer *a, const struct timer *b)
{
    return a->expiry != b->expiry ? a->expiry < b->expiry : a->seq < b->seq;
}

static void put(struct heap *h, unsigned i, struct timer *t)
{
    h->timers->pdata[i] = t;
    t->heap_index = i;
}

static struct timer *at(const struct heap *h, unsigned i)
{
    return h->timers->pdata[i];
}

static void sift_up(struct heap *h, unsigned i)
{
    struct timer *t = at(h, i);

    while (i > 0 && before(t, at(h, (i - 1) / 2))) {
        put(h, i, at(h, (i - 1) / 2));
        i = (i - 1) / 2;
    }
    put(h, i, t);
}

static void sift_down(struct heap *h, unsigned i)
{
    struct timer *t = at(h, i);
    unsigned n = h->timers->len;

    for (unsigned c = 2 * i + 1; c < n; c = 2 * i + 1) {
        if (c + 1 < n && before(at(h, c + 1), at(h, c))) {
            c++;
        }
        if (!before(at(h, c), t)) {
            break;
        }
        put(h, i, at(h, c));
        i = c;
    }
    put(h, i, t);
}

static void insert(struct heap *h, struct timer *t)
{
    g_ptr_array_add(h->timers, t);
    put(h, h->timers->len - 1, t);
    sift_up(h, h->timers->len - 1);
}

static void take_out(struct heap *h, struct timer *t)
{
    unsigned i = t->heap_index;
    struct timer *last = at(h, h->timers->len - 1);

    g_ptr_array_set_size(h->timers, h->timers->len - 1);
    if (t != last) {
        put(h, i, last);
        sift_down(h, i);
        sift_up(h, last->heap_index);
    }
    t->heap_index = -1;
}

static int64_t guest_now_locked(const struct clock *c)
{
    if (c->shift >= 0) {
        uint64_t done = c->count;

        if (c->left) {
            done += c->budget - __atomic_load_n(c->left, __ATOMIC_RELAXED);
        }
        return c->bias + (int64_t)(done << c->shift);
    }
    return c->running ? c->base + (host_now() - c->since) : c->base;
}

static int64_t now_locked(const struct clock *c, enum clock_kind kind)
{
    return kind == CLOCK_HOST ? host_now() : guest_now_locked(c);
}

/* Sets the timerfd of one kind to its first timer. */
static void program_locked(struct clock *c, enum clock_kind kind)
{
    struct heap *h = &c->heap[kind];
    struct itimerspec when = {0};

    if (h->fd < 0) {
        return;
    }
    if (h->timers->len > 0 && (kind == CLOCK_HOST || c->running)) {
        int64_t due = at(h, 0)->expiry;

        if (kind == CLOCK_GUEST) {
            /* A far expiry saturates: the timerfd just comes early and is set again. */
            due = MIN(due, c->base + INT64_MAX / 4) - c->base + c->since;
        }
        due = MAX(due, 1); /* 0 would disarm it */
        when.it_value.tv_sec = due / NS_PER_SEC;
        when.it_value.tv_nsec = due % NS_PER_SEC;
    }
    timerfd_settime(h->fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* Takes the first timer that is due, marked as firing, or NULL. */
static struct timer *take_due(struct clock *c, enum clock_kind kind)
{
    struct heap *h = &c->heap[kind];
    struct timer *t = NULL;

    g_mutex_lock(&c->lock);
    if (h->timers->len > 0 && at(h, 0)->expiry <= now_locked(c, kind) &&
        (kind == CLOCK_HOST || c->shift >= 0 || c->running)) {
        t = at(h, 0);
        take_out(h, t);
        t->firing = true;
    }
    g_mutex_unlock(&c->lock);
    return t;
}

/* The timer's own lock comes before the clock's, so it may have been cancelled or armed anew
 * since it was taken: `firing` says. */
static void fire(struct clock *c, struct timer *t)
{
    bool still;

    if (t->lock) {
        g_mutex_lock(t->lock);
    }
    g_mutex_lock(&c->lock);
    still = t->firing;
    t->firing = false;
    g_mutex_unlock(&c->lock);
    if (still) {
        t->fn(t->opaque);
    }
    if (t->lock) {
        g_mutex_unlock(t->lock);
    }
}

static void run_due(struct clock *c, enum clock_kind kind)
{
    struct timer *t;

    /* Bounded, so that a timer that always arms itself in the past cannot hold the loop. */
    for (unsigned i = 0; i < 1000 && (t = take_due(c, kind)); i++) {
        fire(c, t);
    }
}

struct clock_source {
    GSource source;
    struct clock *clock;
    enum clock_kind kind;
    gpointer tag;
};

static gboolean source_dispatch(GSource *source, GSourceFunc unused, gpointer unused_data)
{
    struct clock_source *s = (struct clock_source *)source;
    struct clock *c = s->clock;
    uint64_t ticks;

    while (read(c->heap[s->kind].fd, &ticks, sizeof(ticks)) < 0 && errno == EINTR) {
    }
    run_due(c, s->kind);
    g_mutex_lock(&c->lock);
    program_locked(c, s->kind);
    g_mutex_unlock(&c->lock);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = {.dispatch = source_dispatch};

static void attach(struct clock *c, enum clock_kind kind, GMainContext *context)
{
    struct heap *h = &c->heap[kind];
    struct clock_source *s;

    h->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    g_assert(h->fd >= 0);
    h->source = g_source_new(&source_funcs, sizeof(struct clock_source));
    s = (struct clock_source *)h->source;
    s->clock = c;
    s->kind = kind;
    s->tag = g_source_add_unix_fd(h->source, h->fd, G_IO_IN);
    g_source_set_static_name(h->source, "clock");
    g_source_set_priority(h->source, G_PRIORITY_HIGH);
    g_source_attach(h->source, context);
}

struct clock *clock_new(int icount_shift, GMainContext *context)
{
    struct clock *c = g_new0(struct clock, 1);

    c->shift = icount_shift;
    g_mutex_init(&c->lock);
    for (unsigned i = 0; i < KINDS; i++) {
        c->heap[i].timers = g_ptr_array_new();
        c->heap[i].fd = -1;
    }
    if (c->shift < 0) {
        attach(c, CLOCK_GUEST, context);
    }
    attach(c, CLOCK_HOST, context);
    return c;
}

void clock_free(struct clock *c)
{
    if (!c) {
        return;
    }
    for (unsigned i = 0; i < KINDS; i++) {
        struct heap *h = &c->heap[i];

        if (h->source) {
            g_source_destroy(h->source);
            g_source_unref(h->source);
            close(h->fd);
        }
        g_ptr_array_unref(h->timers);
    }
    g_mutex_clear(&c->lock);
    g_free(c);
}

int64_t clock_now(struct clock *c, enum clock_kind kind)
{
    int64_t now;

    g_mutex_lock(&c->lock);
    now = now_locked(c, kind);
    g_mutex_unlock(&c->lock);
    return now;
}

bool clock_is_counting(const struct clock *c)
{
    return c->shift >= 0;
}

int clock_shift(const struct clock *c)
{
    return c->shift;
}

void clock_stop(struct clock *c)
{
    g_mutex_lock(&c->lock);
    if (c->shift < 0 && c->running) {
        c->base = guest_now_locked(c);
        c->running = false;
        program_locked(c, CLOCK_GUEST);
    }
    g_mutex_unlock(&c->lock);
}

void clock_start(struct clock *c)
{
    g_mutex_lock(&c->lock);
    if (c->shift < 0 && !c->running) {
        c->since = host_now();
        c->running = true;
        program_locked(c, CLOCK_GUEST);
    }
    g_mutex_unlock(&c->lock);
}

void clock_set(struct clock *c, int64_t now)
{
    g_mutex_lock(&c->lock);
    if (c->shift >= 0) {
        c->bias += now - guest_now_locked(c);
    } else {
        c->base = now;
        c->since = host_now();
        program_locked(c, CLOCK_GUEST);
    }
    g_mutex_unlock(&c->lock);
}

void clock_restore(struct clock *c, int64_t now, uint64_t count)
{
    g_mutex_lock(&c->lock);
    c->count = count;
    g_mutex_unlock(&c->lock);
    clock_set(c, now);
}

uint64_t clock_budget(struct clock *c, uint64_t max)
{
    struct heap *h = &c->heap[CLOCK_GUEST];
    uint64_t n = max;

    g_mutex_lock(&c->lock);
    if (h->timers->len > 0) {
        int64_t wait = at(h, 0)->expiry - guest_now_locked(c);

        if (wait <= 0) {
            n = 1;
        } else {
            uint64_t round = (UINT64_C(1) << c->shift) - 1;

            n = MIN(max, ((uint64_t)wait + round) >> c->shift);
        }
    }
    g_mutex_unlock(&c->lock);
    return n;
}

void clock_begin_turn(struct clock *c, const uint64_t *left, uint64_t budget)
{
    g_mutex_lock(&c->lock);
    c->left = left;
    c->budget = budget;
    g_mutex_unlock(&c->lock);
}

void clock_end_turn(struct clock *c)
{
    g_mutex_lock(&c->lock);
    if (c->left) {
        c->count += c->budget - *c->left;
        c->left = NULL;
    }
    g_mutex_unlock(&c->lock);
}

void clock_advance(struct clock *c, uint64_t count)
{
    g_mutex_lock(&c->lock);
    c->count += count;
    g_mutex_unlock(&c->lock);
}

void clock_set_shift(struct clock *c, int shift)
{
    int64_t now;

    g_assert(c->shift >= 0 && shift >= 0);
    g_mutex_lock(&c->lock);
    now = guest_now_locked(c);
    c->shift = shift;
    c->bias += now - guest_now_locked(c);
    g_mutex_unlock(&c->lock);
}

void clock_skip(struct clock *c, int64_t ns)
{
    g_mutex_lock(&c->lock);
    if (c->shift >= 0) {
        c->bias += ns;
    } else {
        c->base += ns;
        program_locked(c, CLOCK_GUEST);
    }
    g_mutex_unlock(&c->lock);
}

bool clock_warp(struct clock *c)
{
    struct heap *h = &c->heap[CLOCK_GUEST];
    bool any;

    g_mutex_lock(&c->lock);
    any = h->timers->len > 0;
    if (any) {
        c->bias += max_i64(0, at(h, 0)->expiry - guest_now_locked(c));
    }
    g_mutex_unlock(&c->lock);
    return any;
}

void clock_run(struct clock *c)
{
    run_due(c, CLOCK_GUEST);
}

uint64_t clock_count(const struct clock *clock)
{
    struct clock *c = (struct clock *)clock;
    uint64_t n;

    g_mutex_lock(&c->lock);
    n = c->count;
    if (c->left) {
        n += c->budget - __atomic_load_n(c->left, __ATOMIC_RELAXED);
    }
    g_mutex_unlock(&c->lock);
    return n;
}

int64_t clock_next(struct clock *c, enum clock_kind kind)
{
    struct heap *h = &c->heap[kind];
    int64_t due;

    g_mutex_lock(&c->lock);
    due = h->timers->len > 0 ? at(h, 0)->expiry : INT64_MAX;
    g_mutex_unlock(&c->lock);
    return due;
}

void clock_on_rearm(struct clock *c, void (*fn)(void *opaque), void *opaque)
{
    c->rearmed = fn;
    c->rearmed_opaque = opaque;
}

void timer_init(struct timer *t, struct clock *clock, enum clock_kind kind, GMutex *lock,
                void (*fn)(void *opaque), void *opaque)
{
    *t = (struct timer){
        .clock = clock, .kind = kind, .lock = lock, .fn = fn, .opaque = opaque, .heap_index = -1};
}

void timer_arm(struct timer *t, int64_t expiry)
{
    struct clock *c = t->clock;
    struct heap *h = &c->heap[t->kind];
    bool first;

    g_mutex_lock(&c->lock);
    if (t->heap_index >= 0) {
        take_out(h, t);
    }
    t->firing = false;
    t->expiry = expiry;
    t->seq = c->next_seq++;
    insert(h, t);
    first = t->heap_index == 0;
    if (first) {
        program_locked(c, t->kind);
    }
    g_mutex_unlock(&c->lock);
    if (first && t->kind == CLOCK_GUEST && c->shift >= 0 && c->rearmed) {
        c->rearmed(c->rearmed_opaque);
    }
}

void timer_cancel(struct timer *t)
{
    struct clock *c = t->clock;

    if (!c) {
        return;
    }
    g_mutex_lock(&c->lock);
    if (t->heap_index >= 0) {
        take_out(&c->heap[t->kind], t);
    }
    t->firing = false;
    g_mutex_unlock(&c->lock);
}

bool timer_armed(const struct timer *t)
{
    bool armed;

    if (!t->clock) {
        return false;
    }
    g_mutex_lock(&t->clock->lock);
    armed = t->heap_index >= 0;
    g_mutex_unlock(&t->clock->lock);
    return armed;
}

int64_t timer_expiry(const struct timer *t)
{
    int64_t expiry;

    g_mutex_lock(&t->clock->lock);
    expiry = t->expiry;
    g_mutex_unlock(&t->clock->lock);
    return expiry;
}
