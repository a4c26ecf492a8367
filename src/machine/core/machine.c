/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Building a machine and taking it apart, its main loop, and what is plugged into it. */
#include "machine/core/machine_private.h"

#include <string.h>

/*
 * The main loop reads views too: it is offline while it polls and passes a safe point before. The
 * guard is the context's most urgent source, so its two hooks surround the poll.
 */
struct guard {
    GSource source;
    struct machine *m;
};

static gboolean guard_prepare(GSource *source, int *timeout)
{
    struct machine *m = ((struct guard *)source)->m;

    quiesce_offline(&m->priv->reader);
    quiesce_collect(m->quiesce);
    *timeout = -1;
    return FALSE;
}

static gboolean guard_check(GSource *source)
{
    quiesce_online(&((struct guard *)source)->m->priv->reader);
    return FALSE;
}

static GSourceFuncs guard_funcs = {.prepare = guard_prepare, .check = guard_check};

static gboolean loop_dispatch(GSource *source, GSourceFunc unused, gpointer unused_data)
{
    struct machine *m = ((struct guard *)source)->m;

    g_source_set_ready_time(source, -1);
    machine_handle_requests(m);
    machine_deliver_events(m);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs loop_funcs = {.dispatch = loop_dispatch};

void machine_wake_loop(struct machine *m)
{
    g_source_set_ready_time(m->priv->source, 0);
}

static GSource *add_source(struct machine *m, GSourceFuncs *funcs, const char *name, int priority)
{
    GSource *s = g_source_new(funcs, sizeof(struct guard));

    ((struct guard *)s)->m = m;
    g_source_set_static_name(s, name);
    g_source_set_priority(s, priority);
    g_source_attach(s, m->context);
    return s;
}

static void memory_changed(void *opaque, const struct bus_view *view)
{
    struct machine *m = opaque;

    for (unsigned i = 0; i < m->n_cpus; i++) {
        cpu_raise(m->cpus[i], CPU_PENDING_FLUSH);
    }
}

static void fill_env(struct machine *m)
{
    m->env.machine = m;
    m->env.memory = m->memory;
    m->env.io = m->io;
    m->env.clock = m->clock;
    m->env.context = m->context;
    m->env.quiesce = m->quiesce;
    m->env.deterministic = clock_is_counting(m->clock);
    m->env.request = machine_ask;
    m->env.event = machine_event;
}

struct machine *machine_new(int icount_shift, unsigned address_bits, bool has_io)
{
    struct machine *m = g_new0(struct machine, 1);
    struct machine_private *p = g_new0(struct machine_private, 1);

    m->priv = p;
    m->context = g_main_context_ref_thread_default();
    m->loop = g_main_loop_new(m->context, FALSE);
    m->quiesce = quiesce_new();
    m->clock = clock_new(icount_shift, m->context);
    m->memory = bus_new("memory", address_bits, m->quiesce);
    m->io = has_io ? bus_new("io", 16, m->quiesce) : NULL;
    m->ram = g_ptr_array_new_with_free_func((GDestroyNotify)ram_block_free);
    m->old_ram = g_ptr_array_new_with_free_func((GDestroyNotify)ram_block_free);
    m->devices = g_ptr_array_new();
    m->buses = g_ptr_array_new();
    p->main_thread = g_thread_self();
    p->threads = g_ptr_array_new();
    g_mutex_init(&p->run_lock);
    g_cond_init(&p->run_cond);
    g_mutex_init(&p->ask_lock);
    g_queue_init(&p->events);
    p->listeners = g_array_new(FALSE, FALSE, sizeof(struct machine_listener));
    quiesce_enter(m->quiesce, &p->reader);
    p->guard = add_source(m, &guard_funcs, "safe point", G_MININT);
    p->source = add_source(m, &loop_funcs, "machine", G_PRIORITY_HIGH);
    bus_listen(m->memory, memory_changed, m);
    fill_env(m);
    return m;
}

static void free_private(struct machine *m)
{
    struct machine_private *p = m->priv;

    g_array_set_size(p->listeners, 0);
    machine_deliver_events(m);
    g_source_destroy(p->source);
    g_source_unref(p->source);
    g_source_destroy(p->guard);
    g_source_unref(p->guard);
    quiesce_leave(&p->reader);
    g_array_unref(p->listeners);
    g_ptr_array_unref(p->threads);
    g_mutex_clear(&p->run_lock);
    g_cond_clear(&p->run_cond);
    g_mutex_clear(&p->ask_lock);
    g_free(p->failure);
    g_free(p);
}

static void free_vcpus(struct machine *m)
{
    if (m->accel && m->accel_vm) {
        for (unsigned i = 0; i < m->n_cpus; i++) {
            if (m->accel->vcpu_free) {
                m->accel->vcpu_free(m->accel_vm, m->cpus[i]);
            }
        }
        if (m->accel->vm_free) {
            m->accel->vm_free(m->accel_vm);
        }
    }
}

void machine_free(struct machine *m)
{
    if (!m) {
        return;
    }
    vcpu_end(m);
    free_vcpus(m);
    while (m->devices->len > 0) {
        machine_remove_dev(m, g_ptr_array_index(m->devices, m->devices->len - 1));
    }
    if (m->board_ops && m->board_ops->free) {
        m->n_cpus = 0; /* the board frees them: changes of the map have nobody to tell */
        m->board_ops->free(m->board);
    }
    free_private(m);
    bus_free(m->memory);
    bus_free(m->io);
    clock_free(m->clock);
    quiesce_free(m->quiesce);
    g_ptr_array_unref(m->devices);
    g_ptr_array_unref(m->buses);
    g_ptr_array_unref(m->ram);
    g_ptr_array_unref(m->old_ram);
    g_main_loop_unref(m->loop);
    g_main_context_unref(m->context);
    g_free(m->name);
    g_free(m);
}

void machine_add_dev(struct machine *m, struct dev *dev)
{
    g_assert(dev->realized);
    if (!dev->path) {
        dev->path = dev->id
                        ? g_strdup_printf("/machine/peripheral/%s", dev->id)
                        : g_strdup_printf("/machine/unattached/device[%u]", m->priv->unattached++);
    }
    g_ptr_array_add(m->devices, dev);
    for (unsigned i = 0; dev->buses && i < dev->buses->len; i++) {
        g_ptr_array_add(m->buses, g_ptr_array_index(dev->buses, i));
    }
}

void machine_remove_dev(struct machine *m, struct dev *dev)
{
    for (unsigned i = 0; dev->buses && i < dev->buses->len; i++) {
        g_ptr_array_remove(m->buses, g_ptr_array_index(dev->buses, i));
    }
    g_ptr_array_remove(m->devices, dev);
    dev_free(dev);
}

struct dev *machine_find_dev(struct machine *m, const char *id_or_path)
{
    for (unsigned i = 0; i < m->devices->len; i++) {
        struct dev *dev = g_ptr_array_index(m->devices, i);

        if (g_strcmp0(dev->id, id_or_path) == 0 || g_strcmp0(dev->path, id_or_path) == 0) {
            return dev;
        }
    }
    return NULL;
}

struct dev_bus *machine_find_bus(struct machine *m, const char *name, const char *type)
{
    for (unsigned i = 0; i < m->buses->len; i++) {
        struct dev_bus *bus = g_ptr_array_index(m->buses, i);

        if (name ? strcmp(bus->name, name) == 0 : strcmp(bus->type, type) == 0 && !bus->full) {
            return bus;
        }
    }
    return NULL;
}

/* A page got decoded code: no vCPU may write it unnoticed. */
static void code_entered(void *opaque, struct ram_block *block, gpa page_off)
{
    struct machine *m = opaque;

    for (unsigned i = 0; i < m->n_cpus; i++) {
        tlb_protect(&m->cpus[i]->tlb, block->host + page_off);
    }
}

void machine_add_ram(struct machine *m, struct ram_block *block)
{
    block->code_hook = (struct ram_code_hook){code_entered, m};
    g_ptr_array_add(m->ram, block);
}

void machine_keep_ram(struct machine *m, struct ram_block *block)
{
    g_ptr_array_add(m->old_ram, block);
}

gboolean machine_launch(struct machine *m, GError **error)
{
    if (!vcpu_launch(m, error)) {
        return FALSE;
    }
    for (unsigned i = 0; i < m->devices->len; i++) {
        dev_reset(g_ptr_array_index(m->devices, i));
    }
    if (m->board_ops) {
        m->board_ops->reset(m->board);
    }
    for (unsigned i = 0; i < m->n_cpus; i++) {
        if (m->accel->state_set) {
            m->accel->state_set(m->accel_vm, m->cpus[i]);
        }
    }
    return TRUE;
}

int machine_run(struct machine *m)
{
    if (!m->quitting) {
        g_main_loop_run(m->loop);
    }
    machine_deliver_events(m);
    return m->exit_code;
}

uint64_t machine_insns(struct machine *m)
{
    uint64_t n = 0;

    if (clock_is_counting(m->clock)) {
        return clock_count(m->clock);
    }
    for (unsigned i = 0; i < m->n_cpus; i++) {
        n += __atomic_load_n(&m->cpus[i]->insns, __ATOMIC_RELAXED);
    }
    return n;
}
