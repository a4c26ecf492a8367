/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What jobs there are, how far each is, and who is told. */
#include "manage/driver/qmp/blockjob/blockjob.h"

#include "manage/conf/fault.h"
#include "manage/core/event.h"
#include "manage/driver/qmp/internal.h"
#include "manage/driver/qmp/stats.h"
#include "manage/driver/qmp/words.h"

#include <string.h>

#define SETTLE_TRIES 20 /* each waits for as long as a job may be waited for */

/* libvirt's numbers of what a job became. */
enum { STATUS_COMPLETED, STATUS_FAILED, STATUS_CANCELED, STATUS_READY };

static const char *const kinds[] = {[BLOCKJOB_PULL] = "pull",
                                    [BLOCKJOB_COPY] = "copy",
                                    [BLOCKJOB_COMMIT] = "commit",
                                    [BLOCKJOB_ACTIVE_COMMIT] = "commit"};

void blockjob_free(void *opaque)
{
    struct blockjob *job = opaque;

    if (job == NULL) {
        return;
    }
    g_free(job->id);
    g_free(job->target);
    if (job->chain != NULL) {
        g_ptr_array_free(job->chain, TRUE);
    }
    if (job->unneeded != NULL) {
        g_ptr_array_free(job->unneeded, TRUE);
    }
    chain_image_free(job->fresh);
    g_free(job);
}

struct blockjob *blockjob_new(enum blockjob_type type, const char *target, GPtrArray *chain)
{
    struct blockjob *job = g_new0(struct blockjob, 1);
    const struct chain_image *top = chain->pdata[0];

    job->type = type;
    job->target = g_strdup(target);
    job->chain = chain;
    job->id = g_strdup_printf("%s-%s-libvirt-%u-format", kinds[type], target, top->index);
    return job;
}

static GPtrArray *jobs_of(struct qmp_run *run)
{
    if (run->blockjobs == NULL) {
        run->blockjobs = g_ptr_array_new_with_free_func(blockjob_free);
    }
    return run->blockjobs;
}

struct blockjob *blockjob_of(struct domain *domain, const char *target)
{
    struct qmp_run *run = qmp_run_of(domain);

    for (unsigned i = 0; run != NULL && i < jobs_of(run)->len; i++) {
        struct blockjob *job = run->blockjobs->pdata[i];

        if (g_strcmp0(job->target, target) == 0) {
            return job;
        }
    }
    return NULL;
}

bool blockjob_check_idle(struct domain *domain, const char *target, GError **error)
{
    const struct blockjob *job = blockjob_of(domain, target);

    return job == NULL ||
           fault_set(error,
                     job->type == BLOCKJOB_COPY || job->type == BLOCKJOB_ACTIVE_COMMIT
                         ? FAULT_BLOCK_COPY_ACTIVE
                         : FAULT_OPERATION_UNSUPPORTED,
                     "disk '%s' already in active block job", target);
}

bool blockjob_check_none(struct domain *domain, GError **error)
{
    const struct qmp_run *run = qmp_run_of(domain);

    return run == NULL || run->blockjobs == NULL || run->blockjobs->len == 0 ||
           fault_set(error, FAULT_OPERATION_INVALID, "domain has active block job");
}

static void tell(struct domain *domain, const struct blockjob *job, int status)
{
    const struct xml *disk = stats_find_disk(domain->def, job->target);
    const char *path = disk != NULL ? stats_disk_path(disk) : NULL;

    event_send(&domain->object, EVENT_BLOCK_JOB,
               g_variant_new("((@(sayi)sii))", call_pack_domain(domain), path != NULL ? path : "",
                             (int)job->type, status));
    event_send(&domain->object, EVENT_BLOCK_JOB_2,
               g_variant_new("(@(sayi)sii)", call_pack_domain(domain), job->target, (int)job->type,
                             status));
}

/* Did the machine say that it failed? */
static bool failed(struct domain *domain, const char *id)
{
    json_object *jobs = NULL, *name = NULL, *why = NULL;
    bool bad = !qmp_command(domain, "query-jobs", NULL, &jobs, NULL);

    for (size_t i = 0;
         json_object_is_type(jobs, json_type_array) && i < json_object_array_length(jobs); i++) {
        json_object *row = json_object_array_get_idx(jobs, i);

        if (json_object_object_get_ex(row, "id", &name) &&
            g_strcmp0(json_object_get_string(name), id) == 0) {
            bad = bad || json_object_object_get_ex(row, "error", &why);
        }
    }
    json_object_put(jobs);
    return bad;
}

/* The machine keeps the job until the definitions have what came of it: should this daemon end
 * before that, the next one finds it. */
static void conclude(struct domain *domain, const struct qmp_run *run, struct blockjob *job)
{
    bool bad = failed(domain, job->id);
    int status = job->cancelled ? STATUS_CANCELED : bad ? STATUS_FAILED : STATUS_COMPLETED;
    json_object *id;

    if (domain->private == run) {
        blockjob_finish(domain, job, status == STATUS_COMPLETED);
    }
    if (domain->private == run) {
        id = json_object_new_object();
        words_set(id, "id", job->id);
        (void)qmp_command(domain, "job-dismiss", id, NULL, NULL);
        tell(domain, job, status);
    }
}

static void settle(struct domain *domain, struct qmp_run *run, struct blockjob *job)
{
    if (job->ready && !job->told) {
        job->told = true;
        blockjob_show_mirror(domain, job);
        (void)qmp_write_mark(domain, NULL);
        tell(domain, job, STATUS_READY);
    }
    if (job->concluded) {
        conclude(domain, run, job);
        g_ptr_array_remove(run->blockjobs, job);
        g_cond_broadcast(&domain->job_done);
    }
}

void blockjob_settle(struct domain *domain)
{
    struct qmp_run *run = qmp_run_of(domain);

    if (run == NULL) {
        return;
    }
    qmp_run_ref(run);
    for (unsigned i = jobs_of(run)->len; i > 0 && domain->private == run; i--) {
        settle(domain, run, run->blockjobs->pdata[i - 1]);
    }
    qmp_run_unref(run);
}

/* Somebody may hold the domain's job for longer than one waits for it. */
static void settle_later(struct qmp_run *run)
{
    struct domain *domain = run->domain;
    bool done = false;

    object_lock(&domain->object);
    for (unsigned i = 0; i < SETTLE_TRIES && !done && domain->private == run; i++) {
        if (domain_job_begin(domain, JOB_MODIFY, NULL)) {
            if (domain->private == run) {
                blockjob_settle(domain);
            }
            domain_job_end(domain, JOB_MODIFY);
            done = true;
        }
    }
    object_unlock(&domain->object);
}

void blockjob_event(struct qmp_run *run, json_object *data)
{
    json_object *id = NULL, *status = NULL;
    const char *word;

    json_object_object_get_ex(data, "id", &id);
    json_object_object_get_ex(data, "status", &status);
    word = json_object_get_string(status);
    for (unsigned i = 0; word != NULL && i < jobs_of(run)->len; i++) {
        struct blockjob *job = run->blockjobs->pdata[i];

        if (g_strcmp0(json_object_get_string(id), job->id) != 0) {
            continue;
        }
        job->ready = job->ready || strcmp(word, "ready") == 0;
        job->concluded = job->concluded || strcmp(word, "concluded") == 0;
        if (job->concluded || (job->ready && !job->told)) {
            qmp_later(run, settle_later);
        }
    }
}

/* Takes a job that did not begin off the list again; the machine may be gone, and the list. */
static void forget(struct domain *domain, struct qmp_run *run, struct blockjob *job)
{
    g_ptr_array_remove(run->blockjobs, job);
    g_cond_broadcast(&domain->job_done);
}

bool blockjob_begin(struct domain *domain, struct blockjob *job, const char *command,
                    json_object *arguments, uint64_t speed, GError **error)
{
    struct qmp_run *run = qmp_run_of(domain);
    struct xml *disk = stats_find_disk(domain->def, job->target);
    bool good;

    if (run == NULL || disk == NULL) {
        json_object_put(arguments);
        blockjob_free(job);
        return domain_check_active(domain, error) &&
               fault_set(error, FAULT_OPERATION_INVALID, "the disk is gone");
    }
    chain_show(disk, job->chain);
    words_set(arguments, "job-id", job->id);
    if (speed > 0) {
        words_set_int(arguments, "speed", (int64_t)speed);
    }
    words_set_bool(arguments, "auto-finalize", true);
    words_set_bool(arguments, "auto-dismiss", false);
    g_ptr_array_add(jobs_of(qmp_run_ref(run)), job);
    blockjob_show_mirror(domain, job);
    good = qmp_command(domain, command, arguments, NULL, error);
    if (!good) {
        disk = stats_find_disk(domain->def, job->target);
        xml_drop(xml_find(disk, "mirror"));
        forget(domain, run, job);
    } else if (domain->private == run) {
        (void)qmp_write_mark(domain, NULL); /* it runs, whether that is noted or not */
    }
    qmp_run_unref(run);
    return good;
}

/* "pull-vda-libvirt-3-format": what a machine calls them is not taken for more than it is. */
static struct blockjob *recovered(struct domain *domain, const char *id)
{
    g_auto(GStrv) parts = g_strsplit(id, "-", 0);
    struct blockjob *job;
    const struct xml *disk, *mirror;
    unsigned kind = BLOCKJOB_PULL;
    const char *path;

    if (g_strv_length(parts) != 5 || (disk = stats_find_disk(domain->def, parts[1])) == NULL ||
        !xml_is(xml_find(disk, "target"), "dev", parts[1])) {
        return NULL;
    }
    while (kind < G_N_ELEMENTS(kinds) && strcmp(kinds[kind], parts[0]) != 0) {
        kind++;
    }
    if (kind == G_N_ELEMENTS(kinds)) {
        return NULL;
    }
    job = g_new0(struct blockjob, 1);
    mirror = xml_find(disk, "mirror");
    job->type = kind == BLOCKJOB_COMMIT && mirror != NULL ? BLOCKJOB_ACTIVE_COMMIT : kind;
    job->id = g_strdup(id);
    job->target = g_strdup(parts[1]);
    job->told = xml_is(mirror, "ready", "yes");
    path = xml_get(xml_find(mirror, "source"), "file");
    path = path != NULL ? path : xml_get(xml_find(mirror, "source"), "dev");
    if (path != NULL) {
        job->fresh = g_new0(struct chain_image, 1);
        job->fresh->path = g_strdup(path);
        job->fresh->format = g_strdup(xml_get(xml_find(mirror, "format"), "type"));
        job->fresh->index = words_attribute(xml_find(mirror, "source"), "index", 0);
        job->fresh->node = g_strdup_printf("libvirt-%u-format", job->fresh->index);
    }
    return job;
}

void blockjob_recover(struct domain *domain)
{
    struct qmp_run *run = qmp_run_of(domain);
    json_object *list = NULL, *id = NULL, *status = NULL;

    if (run == NULL || !qmp_command(domain, "query-jobs", NULL, &list, NULL)) {
        return; /* an emulator without jobs has none */
    }
    for (size_t i = 0;
         json_object_is_type(list, json_type_array) && i < json_object_array_length(list); i++) {
        json_object *row = json_object_array_get_idx(list, i);
        const char *word;
        struct blockjob *job;

        if (!json_object_object_get_ex(row, "id", &id) ||
            !json_object_object_get_ex(row, "status", &status) ||
            (word = json_object_get_string(status)) == NULL ||
            (job = recovered(domain, json_object_get_string(id))) == NULL) {
            continue;
        }
        job->ready = strcmp(word, "ready") == 0;
        job->concluded = strcmp(word, "concluded") == 0;
        g_ptr_array_add(jobs_of(run), job);
    }
    json_object_put(list);
    blockjob_settle(domain);
}
