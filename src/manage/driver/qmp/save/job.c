/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Long jobs: QEMU's migration and memory dump, waited for by their events (QEMU 7.2's QMP). */
#include "manage/driver/qmp/save/job.h"

#include "manage/conf/fault.h"
#include "manage/core/event.h"
#include "manage/driver/qmp/internal.h"
#include "manage/driver/qmp/words.h"

#include <string.h>

#define FD_NAME       "vivd-transfer"
#define LOOK_SECONDS  2 /* an event that never came is not waited for longer */
#define MAX_BANDWIDTH 9223372036853727232

/* Types of jobs, libvirt's numbers. */
enum { TYPE_NONE, TYPE_BOUNDED, TYPE_UNBOUNDED, TYPE_COMPLETED, TYPE_FAILED, TYPE_CANCELLED };

/* Figures of a job. */
struct figures {
    int type;
    int operation;
    uint64_t elapsed; /* milliseconds */
    uint64_t total, done, left;
    uint64_t bps, constant, normal, normal_bytes, dirty_rate, iteration, page_size;
    uint64_t postcopy, downtime, setup; /* the last two in milliseconds */
};

static const char *name_of(enum job_operation operation)
{
    switch (operation) {
    case JOB_OPERATION_SAVE: return "domain save job";
    case JOB_OPERATION_DUMP: return "domain core dump job";
    case JOB_OPERATION_SNAPSHOT: return "snapshot job";
    default: return "job";
    }
}

static json_object *member(json_object *object, const char *name)
{
    json_object *value = NULL;

    json_object_object_get_ex(object, name, &value);
    return value;
}

static uint64_t number(json_object *object, const char *name)
{
    return (uint64_t)json_object_get_int64(member(object, name));
}

static struct job *job_of(struct domain *domain)
{
    struct qmp_run *run = qmp_run_of(domain);

    return run != NULL ? &run->job : NULL;
}

/* What a job was, for who asks afterwards. */
static struct figures *last_of(struct domain *domain)
{
    if (domain->kept == NULL) {
        domain->kept = g_new0(struct figures, 1);
        domain->kept_free = g_free;
    }
    return domain->kept;
}

static uint64_t elapsed(const struct job *job)
{
    return (uint64_t)(g_get_monotonic_time() - job->began) / 1000;
}

void job_begin(struct domain *domain, enum job_operation operation)
{
    struct job *job = job_of(domain);

    memset(job, 0, sizeof(*job));
    job->operation = operation;
    job->began = g_get_monotonic_time();
    domain->job_allows = 1u << JOB_QUERY | 1u << JOB_DESTROY;
    memset(last_of(domain), 0, sizeof(struct figures));
    last_of(domain)->operation = operation;
}

static void pack(const struct figures *figures, GVariantBuilder *list)
{
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"time_elapsed", figures->elapsed},
        {"data_total", figures->total},
        {"data_processed", figures->done},
        {"data_remaining", figures->left},
        {"memory_total", figures->total},
        {"memory_processed", figures->done},
        {"memory_remaining", figures->left},
        {"memory_bps", figures->bps},
        {"memory_constant", figures->constant},
        {"memory_normal", figures->normal},
        {"memory_normal_bytes", figures->normal_bytes},
        {"memory_dirty_rate", figures->dirty_rate},
        {"memory_iteration", figures->iteration},
        {"memory_page_size", figures->page_size},
        {"memory_postcopy_requests", figures->postcopy},
        {"downtime", figures->downtime},
        {"setup_time", figures->setup},
    };

    g_variant_builder_init(list, G_VARIANT_TYPE("a(sv)"));
    if (figures->type == TYPE_NONE) {
        return;
    }
    g_variant_builder_add_value(
        list, call_pack_param("operation", g_variant_new_int32(figures->operation)));
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_variant_builder_add_value(
            list, call_pack_param(rows[i].name, g_variant_new_uint64(rows[i].value)));
    }
}

void job_end(struct domain *domain, enum job_operation operation, bool good)
{
    struct job *job = job_of(domain);
    struct figures *last = last_of(domain);
    GVariantBuilder list;

    last->type = good ? TYPE_COMPLETED : TYPE_FAILED;
    if (job != NULL) {
        last->type = !good && job->cancelled ? TYPE_CANCELLED : last->type;
        last->elapsed = elapsed(job);
        job->operation = JOB_OPERATION_NONE;
    }
    last->left = 0;
    last->operation = operation;
    pack(last, &list);
    event_send(
        &domain->object, EVENT_JOB_COMPLETED,
        g_variant_new("(@(sayi)@a(sv))", call_pack_domain(domain), g_variant_builder_end(&list)));
}

static void transfer_began(struct job *job, enum job_transfer transfer)
{
    job->transfer = transfer;
    job->ended = job->good = false;
    job->why[0] = '\0';
}

/* Notes how far a migration is; `status` and the rest as query-migrate has them. */
static void take_status(struct job *job, json_object *value)
{
    const char *status = json_object_get_string(member(value, "status"));

    if (job->transfer != JOB_MIGRATION || status == NULL) {
        return;
    }
    job->good = strcmp(status, "completed") == 0;
    job->ended = job->good || strcmp(status, "failed") == 0 || strcmp(status, "cancelled") == 0;
}

void job_migration_event(struct qmp_run *run, json_object *data)
{
    take_status(&run->job, data);
    g_cond_broadcast(&run->domain->job_done);
}

/* It is a machine's word: bounded, and its first line. */
static void take_why(struct job *job, json_object *value)
{
    const char *text = json_object_get_string(value);

    if (text != NULL) {
        g_strlcpy(job->why, text, sizeof(job->why));
        job->why[strcspn(job->why, "\r\n")] = '\0';
    }
}

static void take_dump(struct job *job, json_object *value)
{
    const char *status = json_object_get_string(member(value, "status"));

    if (job->transfer == JOB_MEMORY_DUMP && status != NULL) {
        job->good = strcmp(status, "completed") == 0;
        job->ended = job->good || strcmp(status, "failed") == 0;
    }
}

void job_dump_event(struct qmp_run *run, json_object *data)
{
    take_dump(&run->job, member(data, "result"));
    take_why(&run->job, member(data, "error"));
    g_cond_broadcast(&run->domain->job_done);
}

static void take_ram(struct figures *figures, json_object *value)
{
    json_object *ram = member(value, "ram");

    if (ram == NULL) {
        return;
    }
    figures->total = number(ram, "total");
    figures->left = number(ram, "remaining");
    figures->done = number(ram, "transferred");
    figures->constant = number(ram, "duplicate");
    figures->normal = number(ram, "normal");
    figures->normal_bytes = number(ram, "normal-bytes");
    figures->dirty_rate = number(ram, "dirty-pages-rate");
    figures->iteration = number(ram, "dirty-sync-count");
    figures->page_size = number(ram, "page-size");
    figures->postcopy = number(ram, "postcopy-requests");
    figures->downtime = number(value, "downtime");
    figures->setup = number(value, "setup-time");
    figures->bps = (uint64_t)(json_object_get_double(member(ram, "mbps")) * 1000 * 1000 / 8);
}

/* Asks the machine how far it is. */
static bool look(struct domain *domain, GError **error)
{
    struct job *job = job_of(domain);
    bool dump = job != NULL && job->transfer == JOB_MEMORY_DUMP;
    struct figures *last = last_of(domain);
    json_object *value = NULL;

    if (!qmp_command(domain, dump ? "query-dump" : "query-migrate", NULL, &value, error)) {
        return false;
    }
    job = job_of(domain);
    if (dump) {
        take_dump(job, value);
        last->total = number(value, "total");
        last->done = number(value, "completed");
        last->left = last->total - MIN(last->done, last->total);
    } else {
        take_status(job, value);
        take_ram(last, value);
    }
    json_object_put(value);
    return true;
}

/* Until it ended one way or another; false when the machine did. */
static bool wait_end(struct domain *domain, struct qmp_run *run, GError **error)
{
    while (domain->private == run && !run->job.ended) {
        gint64 until = g_get_monotonic_time() + LOOK_SECONDS * G_TIME_SPAN_SECOND;

        if (!g_cond_wait_until(&domain->job_done, &domain->object.lock, until) &&
            !look(domain, error)) {
            return false;
        }
    }
    return domain->private == run ||
           fault_set(error, FAULT_OPERATION_FAILED, "domain is no longer running");
}

static bool verdict(const struct job *job, GError **error)
{
    if (job->good) {
        return true;
    }
    if (job->cancelled) {
        return fault_set(error, FAULT_OPERATION_ABORTED, "%s: canceled by client",
                         name_of(job->operation));
    }
    if (job->transfer == JOB_MEMORY_DUMP) {
        return *job->why != '\0' ? fault_set(error, FAULT_OPERATION_FAILED,
                                             "memory-only dump failed: %s", job->why)
                                 : fault_set(error, FAULT_OPERATION_FAILED,
                                             "memory-only dump failed for unknown reason");
    }
    return fault_set(error, FAULT_OPERATION_FAILED, "%s: unexpectedly failed",
                     name_of(job->operation));
}

static bool wait_transfer(struct domain *domain, GError **error)
{
    struct qmp_run *run = qmp_run_of(domain);
    struct job *job = &run->job;
    bool good;

    qmp_run_ref(run);
    good = wait_end(domain, run, error);
    if (good) {
        (void)look(domain, NULL); /* the figures at the end */
    }
    good = good && verdict(job, error);
    job->transfer = JOB_NO_TRANSFER;
    qmp_run_unref(run);
    return good;
}

/* Its events tell how a migration goes. */
static json_object *capabilities(void)
{
    json_object *arguments = json_object_new_object(), *list = json_object_new_array();
    json_object *events = json_object_new_object();

    words_set(events, "capability", "events");
    words_set_bool(events, "state", true);
    json_object_array_add(list, events);
    json_object_object_add(arguments, "capabilities", list);
    return arguments;
}

static bool prepare(struct domain *domain, GError **error)
{
    json_object *limit = json_object_new_object();

    words_set_int(limit, "max-bandwidth", MAX_BANDWIDTH);
    return qmp_command(domain, "migrate-set-capabilities", capabilities(), NULL, error) &&
           qmp_command(domain, "migrate-set-parameters", limit, NULL, error);
}

static bool migrate(struct domain *domain, const char *command, int fd, GError **error)
{
    json_object *arguments = json_object_new_object();

    words_set(arguments, "uri", "fd:" FD_NAME);
    if (!qmp_give_fd(domain, FD_NAME, fd, error)) {
        json_object_put(arguments);
        return false;
    }
    transfer_began(job_of(domain), JOB_MIGRATION);
    if (!qmp_command(domain, command, arguments, NULL, error)) {
        struct job *job = job_of(domain);

        if (job != NULL) {
            job->transfer = JOB_NO_TRANSFER;
        }
        return false;
    }
    return wait_transfer(domain, error);
}

bool job_migrate_out(struct domain *domain, int fd, GError **error)
{
    return prepare(domain, error) && migrate(domain, "migrate", fd, error);
}

bool job_migrate_in(struct domain *domain, int fd, GError **error)
{
    return qmp_command(domain, "migrate-set-capabilities", capabilities(), NULL, error) &&
           migrate(domain, "migrate-incoming", fd, error);
}

bool job_dump_memory(struct domain *domain, int fd, const char *format, GError **error)
{
    json_object *arguments = json_object_new_object();

    words_set_bool(arguments, "paging", false);
    words_set(arguments, "protocol", "fd:" FD_NAME);
    words_set_bool(arguments, "detach", true);
    if (format != NULL) {
        words_set(arguments, "format", format);
    }
    if (!qmp_give_fd(domain, FD_NAME, fd, error)) {
        json_object_put(arguments);
        return false;
    }
    transfer_began(job_of(domain), JOB_MEMORY_DUMP);
    return qmp_command(domain, "dump-guest-memory", arguments, NULL, error) &&
           wait_transfer(domain, error);
}

/* The figures of the job that runs, asked beside it; *figures is a copy. */
static bool now(struct call *call, struct figures *figures, GError **error)
{
    struct domain *domain = call->domain;
    struct job *job = job_of(domain);

    memset(figures, 0, sizeof(*figures));
    if (job == NULL || job->operation == JOB_OPERATION_NONE) {
        return true;
    }
    if (job->transfer != JOB_NO_TRANSFER) {
        if (!domain_job_begin(domain, JOB_QUERY, error)) {
            return false;
        }
        job = job_of(domain);
        if (job != NULL && job->transfer != JOB_NO_TRANSFER) {
            (void)look(domain, NULL);
        }
        domain_job_end(domain, JOB_QUERY);
    }
    job = job_of(domain);
    if (job != NULL && job->operation != JOB_OPERATION_NONE) {
        *figures = *last_of(domain);
        figures->type = TYPE_UNBOUNDED;
        figures->operation = job->operation;
        figures->elapsed = elapsed(job);
    }
    return true;
}

bool job_get_info(struct call *call, GError **error)
{
    struct figures f;

    if (!domain_check_active(call->domain, error) || !now(call, &f, error)) {
        return false;
    }
    return call_reply(call, "(ittttttttttt)", f.type, f.elapsed, (guint64)0, f.total, f.done,
                      f.left, f.total, f.done, f.left, (guint64)0, (guint64)0, (guint64)0);
}

/* Flags of statistics: of a job that ended; and not forgotten by being read. */
enum { STATS_COMPLETED = 1 << 0, STATS_KEEP = 1 << 1 };

bool job_get_stats(struct call *call, GError **error)
{
    struct figures figures;
    GVariantBuilder list;

    if ((call->flags & STATS_COMPLETED) != 0) {
        figures = *last_of(call->domain);
        if ((call->flags & STATS_KEEP) == 0) {
            memset(last_of(call->domain), 0, sizeof(figures));
        }
    } else if (!domain_check_active(call->domain, error) || !now(call, &figures, error)) {
        return false;
    }
    pack(&figures, &list);
    return call_reply(call, "(i@a(sv))", figures.type, g_variant_builder_end(&list));
}

bool job_abort(struct call *call, GError **error)
{
    struct job *job = job_of(call->domain);

    if (!domain_check_active(call->domain, error)) {
        return false;
    }
    if (job == NULL || job->operation == JOB_OPERATION_NONE) {
        return fault_set(error, FAULT_OPERATION_INVALID, "no job is active on the domain");
    }
    if (job->transfer == JOB_MEMORY_DUMP) {
        return fault_set(error, FAULT_OPERATION_INVALID, "cannot abort memory-only dump");
    }
    job->cancelled = true;
    return qmp_command(call->domain, "migrate_cancel", NULL, NULL, error);
}
