/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows about a job that runs: how far it is, how fast it may be, its end. */
#include "manage/conf/fault.h"
#include "manage/driver/qmp/blockjob/blockjob.h"
#include "manage/driver/qmp/internal.h"
#include "manage/driver/qmp/stats.h"
#include "manage/driver/qmp/words.h"

#include <string.h>

enum { ABORT_ASYNC = 1 << 0, ABORT_PIVOT = 1 << 1 };
enum { IN_BYTES = 1 << 0 };

#define MIB_SHIFT 20

/* The target of the disk that a call names; to be freed. */
static char *target_of(struct call *call, GError **error)
{
    const char *path = call_string(call, 1);
    const struct xml *disk = stats_find_disk(call->domain->def, path);

    if (disk == NULL) {
        fault_set(error, FAULT_INVALID_ARG, "disk '%s' not found in domain", path);
        return NULL;
    }
    return g_strdup(xml_get(xml_find(disk, "target"), "dev"));
}

bool blockjob_disk(struct call *call, char **ret_target, GError **error)
{
    g_autofree char *target = NULL;

    blockjob_settle(call->domain);
    if (!domain_check_active(call->domain, error)) {
        return false;
    }
    target = target_of(call, error);
    if (target == NULL || !blockjob_check_idle(call->domain, target, error)) {
        return false;
    }
    *ret_target = g_steal_pointer(&target);
    return true;
}

bool blockjob_speed(uint64_t bandwidth, bool bytes, uint64_t *ret_speed, GError **error)
{
    uint64_t limit = bytes ? G_MAXINT64 : (uint64_t)G_MAXINT64 >> MIB_SHIFT;

    if (bandwidth > limit) {
        return fault_set(error, FAULT_OVERFLOW, "bandwidth must be less than %" G_GUINT64_FORMAT,
                         limit);
    }
    *ret_speed = bytes ? bandwidth : bandwidth << MIB_SHIFT;
    return true;
}

static struct blockjob *running(struct call *call, GError **error)
{
    g_autofree char *target = target_of(call, error);
    struct blockjob *job = target != NULL ? blockjob_of(call->domain, target) : NULL;

    if (target != NULL && job == NULL) {
        fault_set(error, FAULT_INVALID_ARG, "disk %s does not have an active block job", target);
    }
    return job;
}

static json_object *device(const char *id)
{
    json_object *object = json_object_new_object();

    words_set(object, "device", id);
    return object;
}

static uint64_t number(json_object *row, const char *name)
{
    json_object *value = NULL;

    json_object_object_get_ex(row, name, &value);
    return (uint64_t)json_object_get_int64(value);
}

/* What is done is not all while there is more to come, or clients would take it for the end. */
static void show_progress(json_object *row, bool mirrors, uint64_t *done, uint64_t *all)
{
    json_object *value = NULL;
    bool ready;

    *done = number(row, "offset");
    *all = number(row, "len");
    json_object_object_get_ex(row, "ready", &value);
    ready = json_object_get_boolean(value);
    if (*done == 0 && *all == 0) {
        *all = 1; /* it has not looked yet */
        *done = ready ? 1 : 0;
    } else if (mirrors && !ready && *done > 0 && *done == *all) {
        *done -= 1;
    }
}

static bool reply(struct call *call, const struct blockjob *job, json_object *row, GError **error)
{
    uint64_t speed = number(row, "speed"), done, all;

    show_progress(row, true, &done, &all);
    if ((call->flags & IN_BYTES) == 0) {
        speed = (speed >> MIB_SHIFT) + ((speed & ((1 << MIB_SHIFT) - 1)) != 0);
    }
    if (speed > G_MAXLONG) {
        return fault_set(error, FAULT_OVERFLOW,
                         "bandwidth %" G_GUINT64_FORMAT " cannot be represented in result", speed);
    }
    return call_reply(call, "(iittt)", 1, (int)job->type, speed, done, all);
}

bool blockjob_get_info(struct call *call, GError **error)
{
    g_autofree char *target = target_of(call, error);
    json_object *rows = NULL, *name = NULL;
    bool found = false, good = true;

    if (target == NULL) {
        return false;
    }
    if (blockjob_of(call->domain, target) != NULL &&
        !qmp_command(call->domain, "query-block-jobs", NULL, &rows, error)) {
        return false;
    }
    const struct blockjob *job = blockjob_of(call->domain, target);

    for (size_t i = 0; job != NULL && !found && json_object_is_type(rows, json_type_array) &&
                       i < json_object_array_length(rows);
         i++) {
        json_object *row = json_object_array_get_idx(rows, i);

        found = json_object_object_get_ex(row, "device", &name) &&
                g_strcmp0(json_object_get_string(name), job->id) == 0;
        good = !found || reply(call, job, row, error);
    }
    json_object_put(rows);
    return found ? good : call_reply(call, "(iittt)", 0, 0, (guint64)0, (guint64)0, (guint64)0);
}

bool blockjob_set_speed(struct call *call, GError **error)
{
    json_object *arguments;
    struct blockjob *job;
    uint64_t speed;

    if (!blockjob_speed(call_u64(call, 2), (call->flags & IN_BYTES) != 0, &speed, error)) {
        return false;
    }
    blockjob_settle(call->domain);
    job = running(call, error);
    if (job == NULL) {
        return false;
    }
    arguments = device(job->id);
    words_set_int(arguments, "speed", (int64_t)speed);
    return qmp_command(call->domain, "block-job-set-speed", arguments, NULL, error);
}

/* Until the job that is called so is over, with what follows from that done. */
static bool wait_over(struct domain *domain, const char *target, const char *id, GError **error)
{
    const struct qmp_run *run = qmp_run_of(domain);
    struct blockjob *job;

    while (domain->private == run && (job = blockjob_of(domain, target)) != NULL &&
           strcmp(job->id, id) == 0 && !job->concluded) {
        g_cond_wait(&domain->job_done, &domain->object.lock);
    }
    blockjob_settle(domain);
    return domain->private == run ||
           fault_set(error, FAULT_OPERATION_FAILED, "domain is no longer running");
}

bool blockjob_abort(struct call *call, GError **error)
{
    struct domain *domain = call->domain;
    bool pivot = (call->flags & ABORT_PIVOT) != 0;
    g_autofree char *id = NULL, *target = NULL;
    struct blockjob *job;

    blockjob_settle(domain);
    job = running(call, error);
    if (job == NULL) {
        return false;
    }
    if (pivot && !job->ready) {
        return fault_set(error, FAULT_BLOCK_COPY_ACTIVE, "block job '%s' not ready for pivot yet",
                         job->id);
    }
    id = g_strdup(job->id);
    target = g_strdup(job->target);
    job->cancelled = !pivot;
    if (!qmp_command(domain, pivot ? "block-job-complete" : "block-job-cancel", device(id), NULL,
                     error)) {
        job = blockjob_of(domain, target);
        if (job != NULL && !job->concluded) {
            job->cancelled = false;
        }
        return false;
    }
    return (call->flags & ABORT_ASYNC) != 0 || wait_over(domain, target, id, error);
}
