/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Machines that run since before this process: found by the marks of their runs. */
#include "manage/conf/fault.h"
#include "manage/driver/qmp/blockjob/blockjob.h"
#include "manage/driver/qmp/internal.h"
#include "manage/driver/qmp/save/save.h"

#include <stdio.h>
#include <unistd.h>

#define PATIENCE_MS 2000 /* so long a host's opening waits for machines to answer */

/* What the threads that look share with the opener. */
struct search {
    gatomicrefcount refs;
    GMutex lock;
    GCond done;
    unsigned left; /* lock: threads that did not finish */
};

struct finder {
    struct search *search;
    struct domain *domain; /* a reference to its object; its job is begun */
    char *folder;
};

static void search_unref(struct search *search)
{
    if (g_atomic_ref_count_dec(&search->refs)) {
        g_mutex_clear(&search->lock);
        g_cond_clear(&search->done);
        g_free(search);
    }
}

static bool ask_status(struct domain *domain, GError **error)
{
    json_object *status = NULL, *running = NULL;

    if (!qmp_command(domain, "query-status", NULL, &status, error)) {
        return false;
    }
    json_object_object_get_ex(status, "running", &running);
    if (json_object_get_boolean(running)) {
        machine_became(domain, DOMAIN_RUNNING, RUNNING_UNKNOWN);
    } else {
        machine_became(domain, DOMAIN_PAUSED, PAUSED_UNKNOWN);
    }
    json_object_put(status);
    return true;
}

/* Its monitor answers, and the kernel names the process behind it. */
static bool reconnect(struct domain *domain, const char *folder, GError **error)
{
    struct process process = {.pidfd = -1};
    struct qmp_run *run = qmp_run_new(domain, &process, g_strdup(folder));
    bool good;

    qmp_attach(run);
    good = qmp_connect(domain, run, 0, error) &&
           process_adopt(&process, monitor_peer(run->monitor), error);
    if (good) {
        run->pid = process.pid;
        run->pidfd = process.pidfd;
        good = ask_status(domain, error);
    }
    if (good) {
        save_recover(domain);
        blockjob_recover(domain);
    }
    if (!good && domain->private == run) {
        qmp_detach(run);
    }
    qmp_run_unref(run);
    return good;
}

/* The domain of a run: one that is defined, or a transient one made anew from the mark. */
static struct domain *domain_of_run(struct host *host, const char *folder, GError **error)
{
    g_autofree char *path = g_build_filename(folder, "live.xml", NULL);
    g_autofree char *text = NULL;
    struct domain_def *def;
    struct object *object;
    struct domain *domain;

    if (!g_file_get_contents(path, &text, NULL, error) ||
        (def = domain_def_parse(text, host->driver->rules, error)) == NULL) {
        return NULL;
    }
    object = objects_find_uuid(host->objects[OBJECT_DOMAIN], def->uuid);
    if (object != NULL) {
        domain = domain_of(object);
        domain->next_def = domain->def;
        domain->def = def;
        return domain;
    }
    domain = domain_new(host, def);
    object_lock(&domain->object);
    if (!objects_add(host->objects[OBJECT_DOMAIN], &domain->object)) {
        fault_set(error, FAULT_DOM_EXIST, "%s", domain->object.name);
        object_release(&domain->object);
        return NULL;
    }
    return domain;
}

/* Nobody listens there any more: only a machine that hangs is worth another try. */
static bool hangs(struct domain *domain, const GError *why)
{
    struct qmp_host *state = domain->object.host->state;

    return fault_code(why) == FAULT_OPERATION_TIMEOUT && !g_atomic_int_get(&state->closing);
}

/* It ended while nobody looked: the persistent definition counts again. */
static void give_up(struct domain *domain)
{
    struct object *object = &domain->object;

    if (domain->next_def != NULL) {
        domain_def_free(domain->def);
        domain->def = g_steal_pointer(&domain->next_def);
    } else if (!object->persistent && !object->gone) {
        objects_remove(object->host->objects[OBJECT_DOMAIN], object);
    }
}

static gpointer find(gpointer opaque)
{
    struct finder *finder = opaque;
    struct domain *domain = finder->domain;
    bool good, again;

    object_lock(&domain->object);
    do {
        g_autoptr(GError) error = NULL;

        good = reconnect(domain, finder->folder, &error);
        again = !good && hangs(domain, error);
    } while (again);
    if (!good) {
        give_up(domain);
    }
    domain_job_end(domain, JOB_MODIFY);
    object_release(&domain->object);
    g_mutex_lock(&finder->search->lock);
    finder->search->left--;
    g_cond_broadcast(&finder->search->done);
    g_mutex_unlock(&finder->search->lock);
    search_unref(finder->search);
    g_free(finder->folder);
    g_free(finder);
    return NULL;
}

static void look_for(struct host *host, const char *name, struct search *search)
{
    struct qmp_host *state = host->state;
    char *folder = g_build_filename(state->runtime, name, NULL);
    g_autoptr(GError) error = NULL;
    struct domain *domain = domain_of_run(host, folder, &error);
    struct finder *finder;

    if (domain == NULL || !domain_job_begin(domain, JOB_MODIFY, &error)) {
        fprintf(stderr, "vivd: run %s left alone: %s\n", name, error->message);
        object_release(domain != NULL ? &domain->object : NULL);
        g_free(folder);
        return;
    }
    object_unlock(&domain->object);
    finder = g_new0(struct finder, 1);
    finder->domain = domain;
    finder->folder = folder;
    finder->search = search;
    g_atomic_ref_count_inc(&search->refs);
    g_mutex_lock(&search->lock);
    search->left++;
    g_mutex_unlock(&search->lock);
    g_ptr_array_add(state->finders, g_thread_new("qmp-find", find, finder));
}

void qmp_reconnect(struct host *host)
{
    struct qmp_host *state = host->state;
    g_autoptr(GDir) dir = g_dir_open(state->runtime, 0, NULL);
    struct search *search = g_new0(struct search, 1);
    gint64 until;
    const char *name;
    uint8_t uuid[UUID_BYTES];

    g_atomic_ref_count_init(&search->refs);
    g_mutex_init(&search->lock);
    g_cond_init(&search->done);
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        if (uuid_parse(name, uuid)) {
            look_for(host, name, search);
        }
    }
    until = g_get_monotonic_time() + PATIENCE_MS * G_TIME_SPAN_MILLISECOND;
    g_mutex_lock(&search->lock);
    while (search->left > 0 && g_cond_wait_until(&search->done, &search->lock, until)) {
    }
    g_mutex_unlock(&search->lock);
    search_unref(search);
}

void qmp_reconnect_end(struct qmp_host *state)
{
    g_atomic_int_set(&state->closing, 1);
    for (unsigned i = 0; i < state->finders->len; i++) {
        g_thread_join(state->finders->pdata[i]);
    }
}
