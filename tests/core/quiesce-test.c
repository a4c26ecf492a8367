/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/core/quiesce.h"

static void bump(gpointer p)
{
    (*(unsigned *)p)++;
}

static void order(void)
{
    struct quiesce *q = quiesce_new();
    struct quiesce_reader a, b;
    unsigned freed = 0;

    quiesce_retire(q, &freed, bump); /* nobody reads */
    g_assert_cmpuint(freed, ==, 1);
    quiesce_enter(q, &a);
    quiesce_enter(q, &b);
    quiesce_retire(q, &freed, bump);
    g_assert_cmpuint(quiesce_collect(q), ==, 1);
    quiesce_point(&a);
    g_assert_cmpuint(quiesce_collect(q), ==, 1);
    quiesce_offline(&b);
    g_assert_cmpuint(quiesce_collect(q), ==, 0);
    g_assert_cmpuint(freed, ==, 2);
    quiesce_online(&b);
    quiesce_retire(q, &freed, bump);
    quiesce_point(&b);
    quiesce_leave(&a);
    g_assert_cmpuint(quiesce_collect(q), ==, 0);
    quiesce_leave(&b);
    g_assert_cmpuint(freed, ==, 3);
    quiesce_free(q);
}

struct cell {
    unsigned alive;
};

struct race {
    struct quiesce *q;
    struct cell *cell; /* atomic */
    bool stop;         /* atomic */
    unsigned rounds;   /* atomic */
};

static void kill_cell(gpointer p)
{
    struct cell *c = p;

    c->alive = 0;
    g_free(c);
}

static gpointer reader(gpointer data)
{
    struct race *r = data;
    struct quiesce_reader self;

    quiesce_enter(r->q, &self);
    while (!__atomic_load_n(&r->stop, __ATOMIC_RELAXED)) {
        for (unsigned i = 0; i < 10; i++) {
            g_assert_cmpuint(__atomic_load_n(&r->cell, __ATOMIC_ACQUIRE)->alive, ==, 1);
        }
        quiesce_point(&self);
        quiesce_offline(&self);
        quiesce_online(&self);
        __atomic_fetch_add(&r->rounds, 1, __ATOMIC_RELAXED);
    }
    quiesce_leave(&self);
    return NULL;
}

static struct cell *cell_new(void)
{
    struct cell *c = g_new(struct cell, 1);

    c->alive = 1;
    return c;
}

static void concurrent(void)
{
    struct race r = {.q = quiesce_new(), .cell = cell_new()};
    GThread *t[2];

    for (unsigned i = 0; i < 2; i++) {
        t[i] = g_thread_new("reader", reader, &r);
    }
    for (unsigned i = 0; i < 5000 || __atomic_load_n(&r.rounds, __ATOMIC_RELAXED) < 100; i++) {
        struct cell *old = r.cell;

        __atomic_store_n(&r.cell, cell_new(), __ATOMIC_SEQ_CST);
        quiesce_retire(r.q, old, kill_cell);
    }
    __atomic_store_n(&r.stop, true, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < 2; i++) {
        g_thread_join(t[i]);
    }
    quiesce_free(r.q);
    g_free(r.cell);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/quiesce/order", order);
    g_test_add_func("/quiesce/concurrent", concurrent);
    return g_test_run();
}
