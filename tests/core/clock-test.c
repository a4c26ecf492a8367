/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Timers in both kinds of time: order, ties, cancelling, arming anew, races. */
#include "machine/core/clock.h"

struct shot {
    struct timer timer;
    GString *out;
    char letter;
};

static void fire(void *opaque)
{
    struct shot *s = opaque;

    g_string_append_c(s->out, s->letter);
}

static void counted_order(void)
{
    struct clock *c = clock_new(3, NULL);
    g_autoptr(GString) out = g_string_new(NULL);
    struct shot s[5];

    for (unsigned i = 0; i < 5; i++) {
        s[i].out = out;
        s[i].letter = 'a' + i;
        timer_init(&s[i].timer, c, CLOCK_GUEST, NULL, fire, &s[i]);
    }
    timer_arm(&s[0].timer, 80);
    timer_arm(&s[1].timer, 40);
    timer_arm(&s[2].timer, 41);
    timer_arm(&s[3].timer, 40); /* tie: after b */
    timer_arm(&s[4].timer, 39);
    timer_cancel(&s[4].timer);
    g_assert_false(timer_armed(&s[4].timer));
    g_assert_cmpuint(clock_budget(c, 1000), ==, 5); /* 40 ns are 5 instructions of 8 ns */
    g_assert_cmpuint(clock_budget(c, 3), ==, 3);
    clock_advance(c, 5);
    g_assert_cmpint(clock_now(c, CLOCK_GUEST), ==, 40);
    clock_run(c);
    g_assert_cmpstr(out->str, ==, "bd");
    g_assert_cmpuint(clock_budget(c, 1000), ==, 1);
    g_assert_true(clock_warp(c));
    clock_run(c);
    g_assert_cmpint(clock_now(c, CLOCK_GUEST), ==, 41);
    g_assert_cmpuint(clock_count(c), ==, 5);
    g_assert_true(clock_warp(c));
    clock_run(c);
    g_assert_cmpstr(out->str, ==, "bdca");
    g_assert_false(clock_warp(c));
    clock_free(c);
}

static void turns(void)
{
    struct clock *c = clock_new(0, NULL);
    uint64_t left = 100;

    clock_begin_turn(c, &left, 100);
    left = 60;
    g_assert_cmpint(clock_now(c, CLOCK_GUEST), ==, 40);
    g_assert_cmpuint(clock_count(c), ==, 40);
    clock_end_turn(c);
    left = 0;
    g_assert_cmpint(clock_now(c, CLOCK_GUEST), ==, 40);
    clock_restore(c, 1000, 7);
    g_assert_cmpint(clock_now(c, CLOCK_GUEST), ==, 1000);
    g_assert_cmpuint(clock_count(c), ==, 7);
    clock_free(c);
}

struct chain {
    struct timer timer;
    unsigned left;
    GMainLoop *loop;
};

static void again(void *opaque)
{
    struct chain *x = opaque;

    if (--x->left == 0) {
        g_main_loop_quit(x->loop);
    } else {
        timer_arm(&x->timer, timer_expiry(&x->timer) + 100000);
    }
}

static void real_time(void)
{
    GMainContext *context = g_main_context_new();
    struct clock *c = clock_new(-1, context);
    struct chain x = {.left = 20, .loop = g_main_loop_new(context, FALSE)};
    GMutex lock;
    int64_t begin;

    g_mutex_init(&lock);
    timer_init(&x.timer, c, CLOCK_GUEST, &lock, again, &x);
    begin = clock_now(c, CLOCK_GUEST);
    g_usleep(2000);
    g_assert_cmpint(clock_now(c, CLOCK_GUEST), ==, begin); /* it begins stopped */
    timer_arm(&x.timer, begin + 100000);
    clock_start(c);
    g_main_loop_run(x.loop);
    g_assert_cmpint(clock_now(c, CLOCK_GUEST) - begin, >=, 2000000);
    clock_stop(c);
    begin = clock_now(c, CLOCK_GUEST);
    clock_set(c, begin + 5);
    g_assert_cmpint(clock_now(c, CLOCK_GUEST), ==, begin + 5);
    g_main_loop_unref(x.loop);
    clock_free(c);
    g_main_context_unref(context);
    g_mutex_clear(&lock);
}

struct race {
    struct timer timer;
    GMutex lock;
    bool armed; /* lock: whether the timer may fire */
    unsigned fired, bad;
    GMainLoop *loop;
    bool done; /* atomic */
};

static void race_fire(void *opaque)
{
    struct race *r = opaque;

    r->fired++;
    if (!r->armed) {
        r->bad++;
    }
    r->armed = false;
}

static gpointer race_thread(gpointer data)
{
    struct race *r = data;

    for (unsigned i = 0; i < 3000; i++) {
        g_mutex_lock(&r->lock);
        r->armed = i % 3 != 0;
        if (r->armed) {
            timer_arm(&r->timer, clock_now(r->timer.clock, CLOCK_HOST) + i % 7 * 1000);
        } else {
            timer_cancel(&r->timer);
        }
        g_mutex_unlock(&r->lock);
        if (i % 16 == 0) {
            g_usleep(50);
        }
    }
    g_mutex_lock(&r->lock);
    r->armed = true;
    timer_arm(&r->timer, clock_now(r->timer.clock, CLOCK_HOST));
    g_mutex_unlock(&r->lock);
    g_usleep(5000);
    g_main_loop_quit(r->loop);
    return NULL;
}

/* A cancelled timer never fires afterwards, however the loop and another thread interleave. */
static void cancel_race(void)
{
    GMainContext *context = g_main_context_new();
    struct clock *c = clock_new(-1, context);
    struct race r = {.loop = g_main_loop_new(context, FALSE)};
    GThread *t;

    g_mutex_init(&r.lock);
    timer_init(&r.timer, c, CLOCK_HOST, &r.lock, race_fire, &r);
    t = g_thread_new("race", race_thread, &r);
    g_main_loop_run(r.loop);
    g_thread_join(t);
    g_assert_cmpuint(r.bad, ==, 0);
    g_assert_cmpuint(r.fired, >, 0);
    timer_cancel(&r.timer);
    g_main_loop_unref(r.loop);
    clock_free(c);
    g_main_context_unref(context);
    g_mutex_clear(&r.lock);
}

static void many(void)
{
    struct clock *c = clock_new(0, NULL);
    g_autoptr(GString) out = g_string_new(NULL);
    g_autofree struct shot *s = g_new0(struct shot, 300);
    int64_t last = 0;

    for (unsigned i = 0; i < 300; i++) {
        s[i].out = out;
        s[i].letter = 'x';
        timer_init(&s[i].timer, c, CLOCK_GUEST, NULL, fire, &s[i]);
    }
    for (unsigned round = 0; round < 5000; round++) {
        struct shot *x = &s[g_test_rand_int_range(0, 300)];

        if (g_test_rand_int_range(0, 3) == 0) {
            timer_cancel(&x->timer);
        } else {
            timer_arm(&x->timer, g_test_rand_int_range(1, 100000));
        }
    }
    while (clock_next(c, CLOCK_GUEST) != INT64_MAX) {
        g_assert_cmpint(clock_next(c, CLOCK_GUEST), >=, last);
        last = clock_next(c, CLOCK_GUEST);
        clock_warp(c);
        clock_run(c);
    }
    g_assert_cmpuint(out->len, >, 100);
    clock_free(c);
}

/* Another shift: time goes on from where it is, in other steps. */
static void test_shift(void)
{
    struct clock *c = clock_new(3, NULL);

    clock_advance(c, 100);
    g_assert_cmpint(clock_now(c, CLOCK_GUEST), ==, 800);
    clock_set_shift(c, 5);
    g_assert_cmpint(clock_shift(c), ==, 5);
    g_assert_cmpint(clock_now(c, CLOCK_GUEST), ==, 800);
    clock_advance(c, 10);
    g_assert_cmpint(clock_now(c, CLOCK_GUEST), ==, 1120);
    clock_set_shift(c, 0);
    clock_advance(c, 10);
    g_assert_cmpint(clock_now(c, CLOCK_GUEST), ==, 1130);
    g_assert_cmpuint(clock_count(c), ==, 120);
    clock_free(c);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/clock/counted-order", counted_order);
    g_test_add_func("/clock/turns", turns);
    g_test_add_func("/clock/real-time", real_time);
    g_test_add_func("/clock/cancel-race", cancel_race);
    g_test_add_func("/clock/many", many);
    g_test_add_func("/clock/shift", test_shift);
    return g_test_run();
}
