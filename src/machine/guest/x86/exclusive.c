/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Machine-wide exclusion for locked accesses that the host cannot do in one instruction: operands
 * that cross pages, or that are not plain RAM. Rare, so it may be slow: every other vCPU is asked
 * out of its run loop first.
 */
#include "machine/guest/x86/memory.h"

struct x86_exclusive {
    GMutex lock; /* guards all below */
    GCond changed;
    GPtrArray *cpus; /* struct x86_cpu *, frozen before vCPUs run */
    GArray *running; /* gboolean by position in cpus */
    struct x86_cpu *holder;
};

struct x86_exclusive *x86_exclusive_new(void)
{
    struct x86_exclusive *x = g_new0(struct x86_exclusive, 1);

    g_mutex_init(&x->lock);
    g_cond_init(&x->changed);
    x->cpus = g_ptr_array_new();
    x->running = g_array_new(FALSE, TRUE, sizeof(gboolean));
    return x;
}

void x86_exclusive_free(struct x86_exclusive *x)
{
    if (!x) {
        return;
    }
    g_ptr_array_free(x->cpus, TRUE);
    g_array_free(x->running, TRUE);
    g_cond_clear(&x->changed);
    g_mutex_clear(&x->lock);
    g_free(x);
}

void x86_exclusive_add(struct x86_exclusive *x, struct x86_cpu *c)
{
    g_ptr_array_add(x->cpus, c);
    g_array_set_size(x->running, x->cpus->len);
    c->exclusive = x;
}

static void set_running_locked(struct x86_exclusive *x, struct x86_cpu *c, gboolean running)
{
    guint i;

    if (g_ptr_array_find(x->cpus, c, &i)) {
        g_array_index(x->running, gboolean, i) = running;
    }
    if (x->holder) { /* it waits for the others to stop */
        g_cond_broadcast(&x->changed);
    }
}

static bool any_running_locked(struct x86_exclusive *x)
{
    for (guint i = 0; i < x->running->len; i++) {
        if (g_array_index(x->running, gboolean, i)) {
            return true;
        }
    }
    return false;
}

void x86_run_begin(struct x86_cpu *c)
{
    struct x86_exclusive *x = c->exclusive;

    if (!x) {
        return;
    }
    g_mutex_lock(&x->lock);
    while (x->holder) {
        g_cond_wait(&x->changed, &x->lock);
    }
    set_running_locked(x, c, TRUE);
    g_mutex_unlock(&x->lock);
}

void x86_run_end(struct x86_cpu *c)
{
    struct x86_exclusive *x = c->exclusive;

    if (!x) {
        return;
    }
    g_mutex_lock(&x->lock);
    set_running_locked(x, c, FALSE);
    g_mutex_unlock(&x->lock);
}

void x86_locked_begin(struct x86_cpu *c)
{
    struct x86_exclusive *x = c->exclusive;

    if (!x) {
        return;
    }
    g_mutex_lock(&x->lock);
    set_running_locked(x, c, FALSE); /* lets another holder go first */
    while (x->holder) {
        g_cond_wait(&x->changed, &x->lock);
    }
    x->holder = c;
    for (guint i = 0; i < x->cpus->len; i++) {
        if (g_array_index(x->running, gboolean, i)) {
            cpu_kick(g_ptr_array_index(x->cpus, i));
        }
    }
    while (any_running_locked(x)) {
        g_cond_wait(&x->changed, &x->lock);
    }
    g_mutex_unlock(&x->lock);
}

void x86_locked_end(struct x86_cpu *c)
{
    struct x86_exclusive *x = c->exclusive;

    if (!x) {
        return;
    }
    g_mutex_lock(&x->lock);
    x->holder = NULL;
    set_running_locked(x, c, TRUE);
    g_cond_broadcast(&x->changed);
    g_mutex_unlock(&x->lock);
}
