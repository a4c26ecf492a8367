/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands of the life cycle. */
#include "machine/monitor/command.h"
#include "machine/monitor/migration.h"

static json_object *quit(const struct qmp_call *c, GError **error)
{
    machine_ask(c->env->machine, MACHINE_QUIT, false, 0);
    return NULL;
}

static json_object *stop(const struct qmp_call *c, GError **error)
{
    if (!migration_start_then(c->env->migration, false)) {
        machine_stop(c->env->machine, MACHINE_PAUSED);
    }
    return NULL;
}

static json_object *cont(const struct qmp_call *c, GError **error)
{
    if (!migration_start_then(c->env->migration, true) && !machine_start(c->env->machine, error)) {
        return NULL;
    }
    return NULL;
}

static json_object *system_reset(const struct qmp_call *c, GError **error)
{
    machine_ask(c->env->machine, MACHINE_RESET, false, 0);
    return NULL;
}

static json_object *system_powerdown(const struct qmp_call *c, GError **error)
{
    machine_ask(c->env->machine, MACHINE_POWERDOWN, false, 0);
    return NULL;
}

static json_object *system_wakeup(const struct qmp_call *c, GError **error)
{
    if (c->env->machine->state != MACHINE_SUSPENDED) {
        return qmp_fail(error, "Unable to wake up: guest is not in suspended state");
    }
    machine_ask(c->env->machine, MACHINE_WAKEUP, false, 0);
    return NULL;
}

static json_object *inject_nmi(const struct qmp_call *c, GError **error)
{
    for (unsigned i = 0; i < c->env->machine->n_cpus; i++) {
        cpu_raise(c->env->machine->cpus[i], CPU_PENDING_NMI);
    }
    return NULL;
}

static json_object *query_status(const struct qmp_call *c, GError **error)
{
    json_object *o = json_object_new_object();

    put_str(o, "status", machine_state_name(c->env->machine->state));
    put_bool(o, "singlestep", false);
    put_bool(o, "running", machine_is_running(c->env->machine));
    return o;
}

static json_object *set_action(const struct qmp_call *c, GError **error)
{
    struct machine_actions *a = &c->env->machine->actions;
    const char *panic = qmp_str(c, "panic");

    if (qmp_has(c, "reboot")) {
        a->reboot = g_str_equal(qmp_str(c, "reboot"), "reset") ? ACTION_RESET : ACTION_SHUTDOWN;
    }
    if (qmp_has(c, "shutdown")) {
        a->shutdown = g_str_equal(qmp_str(c, "shutdown"), "pause") ? ACTION_PAUSE : ACTION_DEFAULT;
    }
    if (panic) {
        a->panic = g_str_equal(panic, "pause")          ? ACTION_PAUSE
                   : g_str_equal(panic, "exit-failure") ? ACTION_EXIT_FAILURE
                   : g_str_equal(panic, "none")         ? ACTION_NONE
                                                        : ACTION_SHUTDOWN;
    }
    return NULL;
}

const struct qmp_command qmp_life_commands[] = {
    {"quit", NULL, NULL, quit, "Ends the process."},
    {"stop", NULL, NULL, stop, "Stops the vCPUs."},
    {"cont", NULL, NULL, cont, "Lets the vCPUs go on."},
    {"system_reset", NULL, NULL, system_reset, "Resets the machine."},
    {"system_powerdown", NULL, NULL, system_powerdown, "Presses the power button."},
    {"system_wakeup", NULL, NULL, system_wakeup, "Wakes a suspended guest."},
    {"inject-nmi", NULL, NULL, inject_nmi, "A non-maskable interrupt to every vCPU."},
    {"query-status", NULL, "StatusInfo", query_status, "Whether the machine runs."},
    {"set-action", "reboot?:RebootAction shutdown?:ShutdownAction panic?:PanicAction", NULL,
     set_action, "What happens on reboot, shutdown and panic."},
    {NULL},
};
