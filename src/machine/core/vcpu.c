/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The threads that run vCPUs. In real time each vCPU has one. When instructions are counted one
 * thread gives each vCPU a turn of VCPU_TURN instructions after the other, and runs the guest's
 * timers between turns at exact counts, so that a run depends on its input alone.
 */
#include "base/least.h"
#include "machine/core/machine_private.h"

#include <unistd.h>

static bool halted(const struct machine *m)
{
    return __atomic_load_n(&m->priv->halt, __ATOMIC_SEQ_CST) != 0;
}

void vcpu_halt(struct machine *m)
{
    __atomic_store_n(&m->priv->halt, 1, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < m->n_cpus; i++) {
        cpu_kick(m->cpus[i]);
    }
}

/* Waits until vCPUs may run. FALSE: the thread ends. */
static bool park(struct machine *m, struct cpu *cpu)
{
    struct machine_private *p = m->priv;
    bool go;

    if (m->accel->state_get) {
        m->accel->state_get(m->accel_vm, cpu);
    }
    quiesce_offline(&cpu->reader);
    g_mutex_lock(&p->run_lock);
    p->running--;
    g_cond_broadcast(&p->run_cond);
    while (!p->go && !p->end) {
        g_cond_wait(&p->run_cond, &p->run_lock);
    }
    p->running++;
    go = !p->end;
    g_mutex_unlock(&p->run_lock);
    quiesce_online(&cpu->reader);
    return go;
}

/* A safe point. FALSE: the thread ends. */
static bool safe_point(struct machine *m, struct cpu *cpu)
{
    quiesce_point(&cpu->reader);
    return !halted(m) || park(m, cpu);
}

/* What came in for one vCPU since it last ran. */
static void take_requests(struct cpu *cpu)
{
    __atomic_store_n(&cpu->exit_request, 0, __ATOMIC_SEQ_CST);
    if (cpu_pending(cpu) & CPU_PENDING_FLUSH) {
        cpu_lower(cpu, CPU_PENDING_FLUSH);
        tlb_flush(&cpu->tlb);
    }
    cpu_run_work(cpu);
}

static bool has_work(struct machine *m, struct cpu *cpu)
{
    return __atomic_load_n(&cpu->run_state, __ATOMIC_RELAXED) == CPU_RUNNING ||
           m->board_ops->cpu_has_work(cpu);
}

static void failed(struct machine *m, struct cpu *cpu, GError *error)
{
    struct machine_private *p = m->priv;

    g_mutex_lock(&p->ask_lock);
    g_free(p->failure);
    p->failure = g_strdup_printf("vCPU %u: %s", cpu->index, error ? error->message : "failed");
    g_mutex_unlock(&p->ask_lock);
    g_clear_error(&error);
    machine_ask(m, MACHINE_FAILED, false, 0);
}

static enum accel_exit run(struct machine *m, struct cpu *cpu)
{
    GError *error = NULL;
    enum accel_exit why = m->accel->run(m->accel_vm, cpu, &error);

    switch (why) {
    case ACCEL_EXIT_SHUTDOWN: machine_ask(m, MACHINE_RESET, true, 0); break;
    case ACCEL_EXIT_DEBUG: machine_ask(m, MACHINE_DEBUG, false, 0); break;
    case ACCEL_EXIT_ERROR: failed(m, cpu, g_steal_pointer(&error)); break;
    default: break;
    }
    g_clear_error(&error);
    return why;
}

static bool anything_waits(struct machine *m, struct cpu *cpu)
{
    return halted(m) || (cpu_pending(cpu) & (CPU_PENDING_WORK | CPU_PENDING_FLUSH)) ||
           has_work(m, cpu);
}

/* Sleeps until some reason to run comes, at most until `until`. */
static void sleep_one(struct machine *m, struct cpu *cpu)
{
    waiter_prepare(cpu->waiter);
    if (anything_waits(m, cpu)) {
        waiter_cancel(cpu->waiter);
        return;
    }
    quiesce_offline(&cpu->reader);
    waiter_wait(cpu->waiter, -1);
    quiesce_online(&cpu->reader);
}

struct thread_arg {
    struct machine *m;
    struct cpu *cpu;
};

/* Tells clients which of the host's threads runs the vCPU: the calling one. */
static void name_thread(struct cpu *cpu)
{
    __atomic_store_n(&cpu->thread_id, (int)gettid(), __ATOMIC_RELAXED);
}

static gpointer real_time_thread(gpointer data)
{
    g_autofree struct thread_arg *arg = data;
    struct machine *m = arg->m;
    struct cpu *cpu = arg->cpu;

    name_thread(cpu);
    quiesce_enter(m->quiesce, &cpu->reader);
    for (bool on = park(m, cpu); on; on = safe_point(m, cpu)) {
        take_requests(cpu);
        if (halted(m)) {
            continue;
        }
        if (has_work(m, cpu)) {
            run(m, cpu);
        } else {
            sleep_one(m, cpu);
        }
    }
    quiesce_leave(&cpu->reader);
    return NULL;
}

/* Kicks that let no instruction run; more end the turn, so that they do not starve others. */
#define FRUITLESS_KICKS 1000

/* Runs what is left of a turn, until it is over or the vCPU has nothing to do (TRUE), or the
 * machine halts (FALSE: the turn is not over). */
static bool take_turn(struct machine *m, struct cpu *cpu, struct vcpu_turn *turn)
{
    struct cpu *first = m->cpus[0];

    for (unsigned fruitless = 0; turn->left > 0 && fruitless < FRUITLESS_KICKS;) {
        uint64_t budget, done;

        quiesce_point(&first->reader);
        clock_run(m->clock);
        take_requests(cpu);
        if (halted(m)) {
            return false;
        }
        if (!has_work(m, cpu)) {
            break;
        }
        turn->ran = true;
        budget = clock_budget(m->clock, turn->left);
        cpu->budget = budget;
        clock_begin_turn(m->clock, &cpu->budget, budget);
        enum accel_exit why = run(m, cpu);
        clock_end_turn(m->clock);
        done = budget - cpu->budget;
        turn->left -= MIN(done, turn->left);
        if (cpu->yields) {
            /* A lock that it polls, or has just let go, is another's to take or give up. */
            cpu->yields = false;
            break;
        }
        if (why == ACCEL_EXIT_SHUTDOWN || why == ACCEL_EXIT_ERROR) {
            break;
        }
        fruitless = why == ACCEL_EXIT_KICK && done == 0 ? fruitless + 1 : 0;
    }
    return true;
}

/* One turn of each vCPU, from where the last stop was. FALSE: the machine halts. */
static bool take_turns(struct machine *m, struct vcpu_turn *turn)
{
    for (; turn->cpu < m->n_cpus; turn->cpu++, turn->left = 0) {
        if (turn->left == 0) {
            turn->left = VCPU_TURN;
        }
        if (!take_turn(m, m->cpus[turn->cpu], turn)) {
            return false;
        }
    }
    turn->cpu = 0;
    return true;
}

static bool any_waits(struct machine *m)
{
    for (unsigned i = 0; i < m->n_cpus; i++) {
        if (anything_waits(m, m->cpus[i])) {
            return true;
        }
    }
    return false;
}

/* All vCPUs are idle: time passes at once, or as fast as on the host. */
static void idle(struct machine *m)
{
    struct cpu *first = m->cpus[0];
    int64_t due = clock_next(m->clock, CLOCK_GUEST);
    int64_t begin, wait, passed;

    if (!m->icount_sleep && clock_warp(m->clock)) {
        clock_run(m->clock);
        return;
    }
    waiter_prepare(first->waiter);
    if (any_waits(m)) {
        waiter_cancel(first->waiter);
        return;
    }
    wait = due == INT64_MAX ? -1 : max_i64(0, due - clock_now(m->clock, CLOCK_GUEST));
    begin = g_get_monotonic_time();
    quiesce_offline(&first->reader);
    waiter_wait(first->waiter, wait < 0 ? -1 : begin + (wait + 999) / 1000);
    quiesce_online(&first->reader);
    if (m->icount_sleep) {
        passed = (g_get_monotonic_time() - begin) * 1000;
        clock_skip(m->clock, wait < 0 ? passed : MIN(passed, wait));
    }
}

/* ---- counted time beside the host's ---- */

#define PACE_CHECK_US 100000
#define PACE_AHEAD_NS (3 * NS_PER_SEC / 1000) /* less is not worth a sleep */
#define SHIFT_MAX     10

struct pace {
    bool known; /* since the machine last went on */
    int64_t host_us, guest_ns;
};

static void pace_begin(struct pace *p, struct machine *m)
{
    p->known = true;
    p->host_us = g_get_monotonic_time();
    p->guest_ns = clock_now(m->clock, CLOCK_GUEST);
}

/* shift=auto: an instruction takes more guest time when the guest falls behind, less when it runs
 * ahead; a tenth either way is left alone. */
static void follow_host(struct pace *p, struct machine *m)
{
    int64_t host = (g_get_monotonic_time() - p->host_us) * 1000, guest;
    int shift = clock_shift(m->clock);

    if (host < PACE_CHECK_US * 1000) {
        return;
    }
    guest = clock_now(m->clock, CLOCK_GUEST) - p->guest_ns;
    if (guest < host - host / 10 && shift < SHIFT_MAX) {
        clock_set_shift(m->clock, shift + 1);
    } else if (guest > host + host / 10 && shift > 0) {
        clock_set_shift(m->clock, shift - 1);
    }
    pace_begin(p, m);
}

/* align=on: guest time that is ahead waits for the host's; a kick ends the wait. */
static void wait_for_host(struct pace *p, struct machine *m)
{
    int64_t host = (g_get_monotonic_time() - p->host_us) * 1000;
    int64_t ahead = clock_now(m->clock, CLOCK_GUEST) - p->guest_ns - host;
    struct cpu *first = m->cpus[0];

    if (ahead < PACE_AHEAD_NS) {
        return;
    }
    waiter_prepare(first->waiter);
    if (halted(m)) {
        waiter_cancel(first->waiter);
        return;
    }
    quiesce_offline(&first->reader);
    waiter_wait(first->waiter, g_get_monotonic_time() + ahead / 1000);
    quiesce_online(&first->reader);
}

static void keep_pace(struct pace *p, struct machine *m)
{
    if (!p->known) {
        pace_begin(p, m);
    } else if (m->icount_auto) {
        follow_host(p, m);
    } else {
        wait_for_host(p, m);
    }
    if (halted(m)) {
        p->known = false; /* the host's time goes on while the machine stands */
    }
}

static gpointer counting_thread(gpointer data)
{
    g_autofree struct thread_arg *arg = data;
    struct machine *m = arg->m;
    struct cpu *first = arg->cpu;
    struct vcpu_turn *turn = &m->priv->turn;
    struct pace pace = {0};

    for (unsigned i = 0; i < m->n_cpus; i++) {
        name_thread(m->cpus[i]);
    }
    quiesce_enter(m->quiesce, &first->reader);
    for (bool on = park(m, first); on; on = safe_point(m, first)) {
        if (take_turns(m, turn)) {
            bool ran = turn->ran;

            turn->ran = false;
            if (!ran && !halted(m)) {
                idle(m);
            }
        }
        if (m->icount_auto || m->icount_align) {
            keep_pace(&pace, m);
        }
    }
    quiesce_leave(&first->reader);
    return NULL;
}

/* A timer became the next one: the turn in progress was given too many instructions. */
static void rearmed(void *opaque)
{
    struct machine *m = opaque;

    for (unsigned i = 0; i < m->n_cpus; i++) {
        cpu_kick(m->cpus[i]);
    }
}

/* Threads that are already there change it too. */
static void count_running(struct machine_private *p, int by)
{
    g_mutex_lock(&p->run_lock);
    p->running += by;
    g_mutex_unlock(&p->run_lock);
}

static gboolean start_thread(struct machine *m, struct cpu *cpu, GThreadFunc fn, GError **error)
{
    struct thread_arg *arg = g_new(struct thread_arg, 1);
    g_autofree char *kind = m->name_threads ? g_ascii_strup(m->accel->name, -1) : NULL;
    g_autofree char *name = !kind ? NULL
                            : clock_is_counting(m->clock)
                                ? g_strdup_printf("ALL CPUs/%s", kind)
                                : g_strdup_printf("CPU %u/%s", cpu->index, kind);
    GThread *t;

    arg->m = m;
    arg->cpu = cpu;
    count_running(m->priv, 1);
    t = g_thread_try_new(name, fn, arg, error);
    if (!t) {
        count_running(m->priv, -1);
        g_free(arg);
        return FALSE;
    }
    g_ptr_array_add(m->priv->threads, t);
    return TRUE;
}

gboolean vcpu_launch(struct machine *m, GError **error)
{
    bool counting = clock_is_counting(m->clock);

    __atomic_store_n(&m->priv->halt, 1, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < m->n_cpus; i++) {
        if (!m->accel->vcpu_new(m->accel_vm, m->cpus[i], error)) {
            return FALSE;
        }
        if (counting) {
            m->cpus[i]->waiter = &m->cpus[0]->own_waiter;
            m->cpus[i]->takes_turns = m->n_cpus > 1;
        }
    }
    if (counting) {
        clock_on_rearm(m->clock, rearmed, m);
    }
    if (m->accel->no_execution) {
        return TRUE;
    }
    for (unsigned i = 0; i < (counting ? MIN(m->n_cpus, 1) : m->n_cpus); i++) {
        if (!start_thread(m, m->cpus[i], counting ? counting_thread : real_time_thread, error)) {
            return FALSE;
        }
    }
    vcpu_pause(m); /* until they are parked */
    return TRUE;
}

void vcpu_pause(struct machine *m)
{
    struct machine_private *p = m->priv;

    g_mutex_lock(&p->run_lock);
    p->go = false;
    g_mutex_unlock(&p->run_lock);
    vcpu_halt(m);
    g_mutex_lock(&p->run_lock);
    while (p->running > 0) {
        g_cond_wait(&p->run_cond, &p->run_lock);
    }
    g_mutex_unlock(&p->run_lock);
}

void vcpu_resume(struct machine *m)
{
    struct machine_private *p = m->priv;

    __atomic_store_n(&p->halt, 0, __ATOMIC_SEQ_CST);
    g_mutex_lock(&p->run_lock);
    p->go = true;
    g_cond_broadcast(&p->run_cond);
    g_mutex_unlock(&p->run_lock);
}

void vcpu_end(struct machine *m)
{
    struct machine_private *p = m->priv;

    if (p->threads->len > 0) {
        vcpu_pause(m);
        g_mutex_lock(&p->run_lock);
        p->end = true;
        g_cond_broadcast(&p->run_cond);
        g_mutex_unlock(&p->run_lock);
    }
    for (unsigned i = 0; i < p->threads->len; i++) {
        g_thread_join(g_ptr_array_index(p->threads, i));
    }
    g_ptr_array_set_size(p->threads, 0);
}
