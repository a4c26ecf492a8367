/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The life cycle: states, requests, events. Main loop, except where machine.h says any thread. */
#include "machine/core/machine_private.h"

static const char *const state_names[MACHINE_STATES] = {
    [MACHINE_PRELAUNCH] = "prelaunch",
    [MACHINE_RUNNING] = "running",
    [MACHINE_PAUSED] = "paused",
    [MACHINE_IS_SHUTDOWN] = "shutdown",
    [MACHINE_SUSPENDED] = "suspended",
    [MACHINE_GUEST_PANICKED] = "guest-panicked",
    [MACHINE_STOPPED_IO_ERROR] = "io-error",
    [MACHINE_INTERNAL_ERROR] = "internal-error",
    [MACHINE_STOPPED_DEBUG] = "debug",
    [MACHINE_INMIGRATE] = "inmigrate",
    [MACHINE_FINISH_MIGRATE] = "finish-migrate",
    [MACHINE_POSTMIGRATE] = "postmigrate",
};

const char *machine_state_name(enum machine_state state)
{
    return state_names[state];
}

bool machine_is_running(const struct machine *m)
{
    return __atomic_load_n(&m->state, __ATOMIC_RELAXED) == MACHINE_RUNNING;
}

void machine_event(struct machine *m, const char *name, json_object *data)
{
    struct machine_event_item *e = g_new(struct machine_event_item, 1);

    e->name = g_strdup(name);
    e->data = data;
    e->us = g_get_real_time();
    g_mutex_lock(&m->priv->ask_lock);
    g_queue_push_tail(&m->priv->events, e);
    g_mutex_unlock(&m->priv->ask_lock);
    machine_wake_loop(m);
}

static struct machine_event_item *next_event(struct machine *m)
{
    struct machine_event_item *e;

    g_mutex_lock(&m->priv->ask_lock);
    e = g_queue_pop_head(&m->priv->events);
    g_mutex_unlock(&m->priv->ask_lock);
    return e;
}

void machine_deliver_events(struct machine *m)
{
    struct machine_event_item *e;

    while ((e = next_event(m))) {
        for (unsigned i = 0; i < m->priv->listeners->len; i++) {
            struct machine_listener l =
                g_array_index(m->priv->listeners, struct machine_listener, i);

            l.fn(l.opaque, e->name, e->data, e->us);
        }
        json_object_put(e->data);
        g_free(e->name);
        g_free(e);
    }
}

unsigned machine_listen(struct machine *m, machine_event_fn fn, void *opaque)
{
    struct machine_listener l = {++m->priv->listeners_made, fn, opaque};

    g_array_append_val(m->priv->listeners, l);
    return l.id;
}

void machine_unlisten(struct machine *m, unsigned listener)
{
    for (unsigned i = 0; i < m->priv->listeners->len; i++) {
        if (g_array_index(m->priv->listeners, struct machine_listener, i).id == listener) {
            g_array_remove_index(m->priv->listeners, i);
            return;
        }
    }
}

/* Posts and, being on the main loop with no lock held, delivers at once. */
static void tell(struct machine *m, const char *name, json_object *data)
{
    machine_event(m, name, data);
    machine_deliver_events(m);
}

static void set_state(struct machine *m, enum machine_state state)
{
    __atomic_store_n(&m->state, state, __ATOMIC_RELAXED);
}

/* Nothing a device was asked for is in flight behind this. */
static void pause_devices(struct machine *m)
{
    for (unsigned i = 0; i < m->devices->len; i++) {
        struct dev *dev = g_ptr_array_index(m->devices, i);

        if (dev->class->pause) {
            dev->class->pause(dev);
        }
    }
}

static void resume_devices(struct machine *m)
{
    for (unsigned i = 0; i < m->devices->len; i++) {
        struct dev *dev = g_ptr_array_index(m->devices, i);

        if (dev->class->resume) {
            dev->class->resume(dev);
        }
    }
}

/* Its state is being written or read. */
static bool is_moving(const struct machine *m)
{
    return m->state == MACHINE_INMIGRATE || m->state == MACHINE_FINISH_MIGRATE;
}

void machine_stop(struct machine *m, enum machine_state why)
{
    bool was = machine_is_running(m);

    if (!was) {
        if (why != MACHINE_PAUSED || (m->state != MACHINE_PRELAUNCH && !is_moving(m))) {
            set_state(m, why);
        }
        return;
    }
    vcpu_pause(m);
    clock_stop(m->clock);
    set_state(m, why);
    pause_devices(m);
    tell(m, "STOP", NULL);
}

gboolean machine_start(struct machine *m, GError **error)
{
    if (machine_is_running(m)) {
        return TRUE;
    }
    if (m->state == MACHINE_INTERNAL_ERROR || m->state == MACHINE_IS_SHUTDOWN) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                    "Resetting the Virtual Machine is required");
        return FALSE;
    }
    if (is_moving(m)) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                    m->state == MACHINE_INMIGRATE
                        ? "the machine's state is still to come"
                        : "the machine's state is being written; cancel that first");
        return FALSE;
    }
    resume_devices(m);
    set_state(m, MACHINE_RUNNING);
    tell(m, "RESUME", NULL);
    clock_start(m->clock);
    vcpu_resume(m);
    return TRUE;
}

void machine_moving(struct machine *m, enum machine_state state)
{
    g_return_if_fail(!machine_is_running(m));
    if (state == MACHINE_INMIGRATE) {
        pause_devices(m); /* nothing comes in that the state would wipe out */
    }
    set_state(m, state);
    machine_wake_loop(m); /* for requests that waited */
}

static void reset_all(struct machine *m)
{
    m->priv->turn = (struct vcpu_turn){0};
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
        cpu_raise(m->cpus[i], CPU_PENDING_FLUSH);
    }
}

static json_object *asked_by(bool guest, const char *by_guest, const char *by_host)
{
    json_object *data = json_object_new_object();

    json_object_object_add(data, "guest", json_object_new_boolean(guest));
    json_object_object_add(data, "reason", json_object_new_string(guest ? by_guest : by_host));
    return data;
}

static void reset(struct machine *m, bool guest)
{
    bool was = machine_is_running(m);

    /* What is in flight would write into the memory of the next boot. */
    if (was) {
        vcpu_pause(m);
        pause_devices(m);
    }
    reset_all(m);
    if (m->state == MACHINE_IS_SHUTDOWN || m->state == MACHINE_INTERNAL_ERROR ||
        m->state == MACHINE_GUEST_PANICKED) {
        set_state(m, MACHINE_PAUSED);
    }
    tell(m, "RESET", asked_by(guest, "guest-reset", "host-qmp-system-reset"));
    if (was) {
        resume_devices(m);
        vcpu_resume(m);
    }
}

void machine_reset(struct machine *m)
{
    reset(m, false);
}

void machine_synchronised(struct machine *m, void (*fn)(void *opaque), void *opaque)
{
    bool was = machine_is_running(m);

    if (was) {
        vcpu_pause(m);
    }
    fn(opaque);
    if (was) {
        vcpu_resume(m);
    }
}

void machine_ask(struct machine *m, enum machine_request what, bool guest, int code)
{
    struct machine_private *p = m->priv;

    g_mutex_lock(&p->ask_lock);
    if (!(p->asked & 1u << what)) {
        p->asked |= 1u << what;
        p->guest[what] = guest;
        p->code[what] = code;
    }
    g_mutex_unlock(&p->ask_lock);
    /* What the guest asked takes effect at its next safe point, not when the loop gets to it. */
    if (what != MACHINE_POWERDOWN && what != MACHINE_WAKEUP) {
        vcpu_halt(m);
    }
    machine_wake_loop(m);
}

static void quit(struct machine *m, int code)
{
    machine_stop(m, MACHINE_IS_SHUTDOWN);
    m->exit_code = code;
    m->quitting = true;
    g_main_loop_quit(m->loop);
}

static void shut_down(struct machine *m, bool guest, const char *by_guest)
{
    tell(m, "SHUTDOWN", asked_by(guest, by_guest, "host-signal"));
    if (m->actions.shutdown == ACTION_PAUSE) {
        machine_stop(m, MACHINE_IS_SHUTDOWN);
    } else {
        quit(m, 0);
    }
}

static void asked_shutdown(struct machine *m, bool guest, int code)
{
    shut_down(m, guest, "guest-shutdown");
}

static void asked_reset(struct machine *m, bool guest, int code)
{
    if (guest && m->actions.reboot == ACTION_SHUTDOWN) {
        shut_down(m, guest, "guest-reset");
    } else {
        reset(m, guest);
    }
}

static void asked_powerdown(struct machine *m, bool guest, int code)
{
    tell(m, "POWERDOWN", NULL);
    if (m->board_ops && m->board_ops->powerdown) {
        m->board_ops->powerdown(m->board);
    }
}

static void asked_suspend(struct machine *m, bool guest, int code)
{
    machine_stop(m, MACHINE_SUSPENDED);
    tell(m, "SUSPEND", NULL);
}

static void asked_wakeup(struct machine *m, bool guest, int code)
{
    g_autoptr(GError) error = NULL;

    if (m->state == MACHINE_SUSPENDED) {
        reset_all(m);
        tell(m, "WAKEUP", NULL);
        set_state(m, MACHINE_PAUSED);
        if (!machine_start(m, &error)) {
            g_warning("wake-up: %s", error->message);
        }
    }
}

static void asked_panic(struct machine *m, bool guest, int code)
{
    json_object *data = json_object_new_object();
    enum machine_action action = m->actions.panic;
    const char *word = action == ACTION_PAUSE  ? "pause"
                       : action == ACTION_NONE ? "run"
                                               : "poweroff";

    json_object_object_add(data, "action", json_object_new_string(word));
    tell(m, "GUEST_PANICKED", data);
    switch (action) {
    case ACTION_PAUSE: machine_stop(m, MACHINE_GUEST_PANICKED); break;
    case ACTION_NONE: break;
    case ACTION_EXIT_FAILURE: quit(m, 1); break;
    default: shut_down(m, true, "guest-panic"); break;
    }
}

static void asked_io_error(struct machine *m, bool guest, int code)
{
    machine_stop(m, MACHINE_STOPPED_IO_ERROR);
}

static void asked_drain(struct machine *m, bool guest, int code)
{
    if (machine_is_running(m)) {
        vcpu_pause(m);
        pause_devices(m);
        resume_devices(m);
    }
}

static void asked_unplug(struct machine *m, bool guest, int code)
{
    machine_settle(m);
}

static void asked_quit(struct machine *m, bool guest, int code)
{
    tell(m, "SHUTDOWN", asked_by(guest, "guest-shutdown", "host-qmp-quit"));
    quit(m, code);
}

static void asked_debug(struct machine *m, bool guest, int code)
{
    machine_stop(m, MACHINE_STOPPED_DEBUG);
}

static void asked_failed(struct machine *m, bool guest, int code)
{
    g_autofree char *text = NULL;

    g_mutex_lock(&m->priv->ask_lock);
    text = g_steal_pointer(&m->priv->failure);
    g_mutex_unlock(&m->priv->ask_lock);
    g_warning("%s", text ? text : "a vCPU cannot go on");
    machine_stop(m, MACHINE_INTERNAL_ERROR);
}

/* In the order in which simultaneous requests are carried out. */
static const struct {
    enum machine_request what;
    void (*act)(struct machine *m, bool guest, int code);
} acts[] = {
    {MACHINE_FAILED, asked_failed},     {MACHINE_DEBUG, asked_debug},
    {MACHINE_DRAIN, asked_drain},       {MACHINE_UNPLUG, asked_unplug},
    {MACHINE_IO_ERROR, asked_io_error}, {MACHINE_PANIC, asked_panic},
    {MACHINE_QUIT, asked_quit},         {MACHINE_SHUTDOWN, asked_shutdown},
    {MACHINE_RESET, asked_reset},       {MACHINE_SUSPEND, asked_suspend},
    {MACHINE_WAKEUP, asked_wakeup},     {MACHINE_POWERDOWN, asked_powerdown},
};

static bool take_request(struct machine *m, enum machine_request what, bool *ret_guest,
                         int *ret_code)
{
    struct machine_private *p = m->priv;
    bool is;

    g_mutex_lock(&p->ask_lock);
    is = p->asked >> what & 1;
    p->asked &= ~(1u << what);
    *ret_guest = p->guest[what];
    *ret_code = p->code[what];
    g_mutex_unlock(&p->ask_lock);
    return is;
}

void machine_handle_requests(struct machine *m)
{
    bool any = false, guest;
    int code;

    for (unsigned i = 0; i < G_N_ELEMENTS(acts) && !m->quitting; i++) {
        if (is_moving(m) && acts[i].what != MACHINE_QUIT) {
            continue; /* machine_moving wakes us */
        }
        if (take_request(m, acts[i].what, &guest, &code)) {
            any = true;
            acts[i].act(m, guest, code);
        }
    }
    if (any && !m->quitting && machine_is_running(m)) {
        vcpu_resume(m); /* machine_ask halted them */
    }
}
