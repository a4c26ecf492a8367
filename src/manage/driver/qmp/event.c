/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a machine reports by itself, and what follows from it. */
#include "manage/conf/fault.h"
#include "manage/driver/qmp/blockjob/blockjob.h"
#include "manage/driver/qmp/internal.h"
#include "manage/driver/qmp/process/process.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define DYING_MS 2000

struct qmp_run *qmp_run_ref(struct qmp_run *run)
{
    g_atomic_ref_count_inc(&run->refs);
    return run;
}

void qmp_run_unref(void *opaque)
{
    struct qmp_run *run = opaque;

    if (run == NULL || !g_atomic_ref_count_dec(&run->refs)) {
        return;
    }
    if (run->pidfd >= 0) {
        close(run->pidfd);
    }
    object_unref(&run->domain->object);
    g_free(run->folder);
    g_free(run->own);
    if (run->blockjobs != NULL) {
        g_ptr_array_free(run->blockjobs, TRUE);
    }
    if (run->unused != NULL) {
        g_ptr_array_free(run->unused, TRUE);
    }
    g_free(run);
}

void qmp_attach(struct qmp_run *run)
{
    struct qmp_host *state = run->domain->object.host->state;

    run->domain->private = qmp_run_ref(run);
    g_mutex_lock(&state->runs_lock);
    g_ptr_array_add(state->runs, run);
    g_mutex_unlock(&state->runs_lock);
}

void qmp_detach(struct qmp_run *run)
{
    struct qmp_host *state = run->domain->object.host->state;

    run->domain->private = NULL;
    g_mutex_lock(&state->runs_lock);
    g_ptr_array_remove(state->runs, run);
    g_mutex_unlock(&state->runs_lock);
    monitor_close(g_steal_pointer(&run->monitor));
    qmp_run_unref(run);
}

void qmp_later(struct qmp_run *run, void (*what)(struct qmp_run *run))
{
    struct qmp_host *state = run->domain->object.host->state;
    struct qmp_task *task = g_new0(struct qmp_task, 1);

    task->run = what;
    task->target = qmp_run_ref(run);
    g_thread_pool_push(state->work, task, NULL);
}

void qmp_task_run(gpointer data, gpointer state)
{
    struct qmp_task *task = data;

    task->run(task->target);
    qmp_run_unref(task->target);
    g_free(task);
}

/* The files of a run; nothing else is in its folder. */
static void remove_folder(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(folder, name, NULL);

        g_unlink(path);
    }
    g_rmdir(folder);
}

void qmp_ended(struct qmp_run *run, int reason)
{
    struct domain *domain = run->domain;
    struct object *object = &domain->object;

    if (domain->private != run) {
        return; /* somebody was faster */
    }
    qmp_run_ref(run);
    qmp_detach(run);
    machine_became(domain, DOMAIN_SHUTOFF, run->ends_as >= 0 ? run->ends_as : reason);
    if (!object->persistent && !object->gone) {
        objects_remove(object->host->objects[OBJECT_DOMAIN], object);
    }
    if (strcmp(run->own, run->folder) != 0) {
        remove_folder(run->own);
    }
    remove_folder(run->folder);
    qmp_run_unref(run);
}

/* Wait without the lock: others may look at the domain meanwhile. */
void qmp_kill(struct qmp_run *run)
{
    object_unlock(&run->domain->object);
    process_kill(run->pidfd);
    object_lock(&run->domain->object);
}

static void end_machine(struct qmp_run *run)
{
    object_lock(&run->domain->object);
    if (run->domain->private == run) {
        qmp_kill(run);
        qmp_ended(run, SHUTOFF_SHUTDOWN);
    }
    object_unlock(&run->domain->object);
}

/* Its monitor closed: a process that ends by itself may have something to say yet. */
static void end_closed(struct qmp_run *run)
{
    process_ends(run->pidfd, DYING_MS);
    end_machine(run);
}

/* It stands still after its shutdown: from the start again, in the same process. */
static void start_again(struct qmp_run *run)
{
    g_autoptr(GError) error = NULL;
    struct monitor *monitor;
    bool good;

    object_lock(&run->domain->object);
    monitor = run->monitor != NULL ? monitor_ref(run->monitor) : NULL;
    object_unlock(&run->domain->object);
    good = monitor != NULL && monitor_do(monitor, "system_reset", NULL, &error) &&
           monitor_do(monitor, "cont", NULL, &error);
    monitor_unref(monitor);
    object_lock(&run->domain->object);
    if (run->domain->private == run && good) {
        run->rebooting = false;
        machine_became(run->domain, DOMAIN_RUNNING, RUNNING_BOOTED);
    }
    object_unlock(&run->domain->object);
    if (!good) {
        end_machine(run);
    }
}

static void on_shutdown(struct qmp_run *run, json_object *data)
{
    struct domain *domain = run->domain;
    const char *action = domain_def_action(domain->def, "on_poweroff");

    machine_became(domain, DOMAIN_SHUTDOWN, SHUTDOWN_USER);
    if (run->rebooting || g_strcmp0(action, "restart") == 0) {
        qmp_later(run, start_again);
    } else if (g_strcmp0(action, "preserve") != 0) {
        qmp_later(run, end_machine);
    }
}

static void on_stop(struct qmp_run *run, json_object *data)
{
    if (run->domain->state == DOMAIN_RUNNING) {
        machine_became(run->domain, DOMAIN_PAUSED, PAUSED_UNKNOWN);
    }
}

static void on_resume(struct qmp_run *run, json_object *data)
{
    if (run->domain->state == DOMAIN_PAUSED) {
        machine_became(run->domain, DOMAIN_RUNNING, RUNNING_UNPAUSED);
    }
}

static void on_reset(struct qmp_run *run, json_object *data)
{
    if (g_strcmp0(domain_def_action(run->domain->def, "on_reboot"), "destroy") == 0 &&
        run->domain->state == DOMAIN_RUNNING) {
        qmp_later(run, end_machine);
        return;
    }
    event_send(&run->domain->object, EVENT_REBOOT,
               g_variant_new("((@(sayi)))", call_pack_domain(run->domain)));
}

static void on_panic(struct qmp_run *run, json_object *data)
{
    const char *action = domain_def_action(run->domain->def, "on_crash");

    machine_became(run->domain, DOMAIN_CRASHED, CRASHED_PANICKED);
    if (g_strcmp0(action, "destroy") == 0) {
        run->ends_as = SHUTOFF_CRASHED;
        qmp_later(run, end_machine);
    } else if (g_strcmp0(action, "restart") == 0) {
        qmp_later(run, start_again);
    }
}

static void on_balloon(struct qmp_run *run, json_object *data)
{
    json_object *actual = NULL;
    uint64_t bytes;

    json_object_object_get_ex(data, "actual", &actual);
    bytes = (uint64_t)json_object_get_int64(actual);
    if (bytes / 1024 <= domain_def_memory(run->domain->def)) {
        domain_def_set_current_memory(run->domain->def, bytes / 1024);
        event_send(&run->domain->object, EVENT_BALLOON,
                   g_variant_new("((@(sayi)t))", call_pack_domain(run->domain), bytes / 1024));
    }
}

static void on_deleted(struct qmp_run *run, json_object *data)
{
    json_object *device = NULL;

    if (json_object_object_get_ex(data, "device", &device)) {
        qmp_device_deleted(run, json_object_get_string(device));
    }
}

static void on_viewer(struct qmp_run *run, json_object *data)
{
    qmp_on_viewer(run, data, VIEWER_CONNECTED);
}

static void on_viewer_ready(struct qmp_run *run, json_object *data)
{
    qmp_on_viewer(run, data, VIEWER_READY);
}

static void on_viewer_gone(struct qmp_run *run, json_object *data)
{
    qmp_on_viewer(run, data, VIEWER_GONE);
}

static void on_job(struct qmp_run *run, json_object *data)
{
    run->job_events++;
    blockjob_event(run, data);
    g_cond_broadcast(&run->domain->job_done);
}

static const struct {
    const char *name;
    void (*handle)(struct qmp_run *run, json_object *data); /* with the domain's lock */
} events[] = {
    {"SHUTDOWN", on_shutdown},
    {"STOP", on_stop},
    {"RESUME", on_resume},
    {"RESET", on_reset},
    {"GUEST_PANICKED", on_panic},
    {"BALLOON_CHANGE", on_balloon},
    {"DEVICE_DELETED", on_deleted},
    {"MIGRATION", job_migration_event},
    {"DUMP_COMPLETED", job_dump_event},
    {"VSERPORT_CHANGE", qmp_on_port},
    {"RTC_CHANGE", qmp_on_clock},
    {"VNC_CONNECTED", on_viewer},
    {"VNC_INITIALIZED", on_viewer_ready},
    {"VNC_DISCONNECTED", on_viewer_gone},
    {"SPICE_CONNECTED", on_viewer},
    {"SPICE_INITIALIZED", on_viewer_ready},
    {"SPICE_DISCONNECTED", on_viewer_gone},
    {"JOB_STATUS_CHANGE", on_job},
};

static void event(const char *name, json_object *data, void *opaque)
{
    struct qmp_run *run = opaque;

    object_lock(&run->domain->object);
    for (unsigned i = 0; i < G_N_ELEMENTS(events); i++) {
        if (strcmp(events[i].name, name) == 0 && run->domain->private == run) {
            events[i].handle(run, data);
        }
    }
    object_unlock(&run->domain->object);
}

static void gone(void *opaque)
{
    struct qmp_run *run = opaque;

    object_lock(&run->domain->object);
    if (run->domain->private == run && run->ends_as < 0 && run->domain->state != DOMAIN_SHUTDOWN) {
        run->ends_as = SHUTOFF_CRASHED; /* nobody asked for it */
    }
    object_unlock(&run->domain->object);
    qmp_later(run, end_closed);
}

const struct monitor_user qmp_monitor_user = {
    .event = event, .gone = gone, .release = qmp_run_unref};
