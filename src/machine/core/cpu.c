/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/core/cpu.h"

struct cpu_work {
    void (*fn)(struct cpu *cpu, void *opaque);
    void *opaque;
};

void cpu_init(struct cpu *cpu, unsigned index, struct bus *memory, struct clock *clock,
              const struct cpu_upcalls *upcalls, void *board)
{
    cpu->index = index;
    cpu->board = board;
    cpu->upcalls = upcalls;
    cpu->memory = memory;
    cpu->clock = clock;
    cpu->run_state = CPU_RUNNING;
    tlb_init(&cpu->tlb);
    waiter_init(&cpu->own_waiter);
    cpu->waiter = &cpu->own_waiter;
    g_mutex_init(&cpu->work_lock);
    g_queue_init(&cpu->work);
}

void cpu_fini(struct cpu *cpu)
{
    g_queue_clear_full(&cpu->work, g_free);
    waiter_fini(&cpu->own_waiter);
    g_mutex_clear(&cpu->work_lock);
}

void cpu_wake(struct cpu *cpu)
{
    waiter_wake(cpu->waiter);
}

void cpu_kick(struct cpu *cpu)
{
    __atomic_store_n(&cpu->exit_request, 1, __ATOMIC_SEQ_CST);
    if (cpu->interrupt) {
        cpu->interrupt(cpu);
    }
    waiter_wake(cpu->waiter);
}

void cpu_raise(struct cpu *cpu, uint32_t bits)
{
    uint32_t old = __atomic_fetch_or(&cpu->pending, bits, __ATOMIC_SEQ_CST);

    if ((old & bits) != bits) {
        cpu_kick(cpu);
    }
}

void cpu_lower(struct cpu *cpu, uint32_t bits)
{
    __atomic_fetch_and(&cpu->pending, ~bits, __ATOMIC_SEQ_CST);
}

void cpu_post(struct cpu *cpu, void (*fn)(struct cpu *cpu, void *opaque), void *opaque)
{
    struct cpu_work *w = g_new(struct cpu_work, 1);

    w->fn = fn;
    w->opaque = opaque;
    g_mutex_lock(&cpu->work_lock);
    g_queue_push_tail(&cpu->work, w);
    g_mutex_unlock(&cpu->work_lock);
    cpu_raise(cpu, CPU_PENDING_WORK);
}

void cpu_run_work(struct cpu *cpu)
{
    if (!(cpu_pending(cpu) & CPU_PENDING_WORK)) {
        return;
    }
    cpu_lower(cpu, CPU_PENDING_WORK);
    for (;;) {
        struct cpu_work *w;

        g_mutex_lock(&cpu->work_lock);
        w = g_queue_pop_head(&cpu->work);
        g_mutex_unlock(&cpu->work_lock);
        if (!w) {
            return;
        }
        w->fn(cpu, w->opaque);
        g_free(w);
    }
}
