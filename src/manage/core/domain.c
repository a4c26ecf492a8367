/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Domains: making, definitions, jobs. */
#include "manage/core/domain.h"

#include "manage/conf/fault.h"
#include "manage/core/host.h"

#define JOB_WAIT_SECONDS 30

static void clear(struct object *object)
{
    struct domain *domain = domain_of(object);

    if (domain->private_free != NULL) {
        domain->private_free(domain->private);
    }
    if (domain->kept_free != NULL) {
        domain->kept_free(domain->kept);
    }
    domain_def_free(domain->def);
    domain_def_free(domain->next_def);
    for (unsigned i = 0; i < MOMENT_KINDS; i++) {
        moments_free(domain->moments[i]);
    }
    g_cond_clear(&domain->job_done);
}

struct domain *domain_new(struct host *host, struct domain_def *def)
{
    struct domain *domain = g_new0(struct domain, 1);

    object_init(&domain->object, OBJECT_DOMAIN, host, domain_def_name(def), def->uuid, clear);
    domain->def = def;
    domain->id = -1;
    domain->state = DOMAIN_SHUTOFF;
    for (unsigned i = 0; i < MOMENT_KINDS; i++) {
        domain->moments[i] = moments_new(i);
    }
    g_cond_init(&domain->job_done);
    return domain;
}

struct domain_def *domain_inactive_def(struct domain *domain)
{
    return domain->next_def != NULL ? domain->next_def : domain->def;
}

struct domain_def *domain_config_def(struct domain *domain)
{
    if (domain_is_active(domain) && domain->next_def == NULL) {
        domain->next_def = domain_def_copy(domain->def);
    }
    return domain_inactive_def(domain);
}

bool domain_check_active(const struct domain *domain, GError **error)
{
    if (domain_is_active(domain)) {
        return true;
    }
    fault_set(error, FAULT_OPERATION_INVALID, "domain is not running");
    return fault_came_from(error, FAULT_FROM_DOMAIN);
}

static bool may_begin(const struct domain *domain, enum job_kind kind)
{
    if (kind == JOB_NONE || (domain->job == JOB_NONE && domain->beside == JOB_NONE)) {
        return true;
    }
    return domain->job == JOB_ASYNC && domain->beside == JOB_NONE &&
           (domain->job_allows & 1u << kind) != 0;
}

bool domain_job_begin(struct domain *domain, enum job_kind kind, GError **error)
{
    gint64 end = g_get_monotonic_time() + JOB_WAIT_SECONDS * G_TIME_SPAN_SECOND;

    while (!may_begin(domain, kind)) {
        if (!g_cond_wait_until(&domain->job_done, &domain->object.lock, end)) {
            return fault_set(error, FAULT_OPERATION_TIMEOUT,
                             "cannot acquire state change lock (held by another job)");
        }
        if (domain->object.gone) {
            return fault_set(error, FAULT_NO_DOMAIN, "domain '%s' is gone", domain->object.name);
        }
    }
    if (kind != JOB_NONE) {
        *(domain->job == JOB_NONE ? &domain->job : &domain->beside) = kind;
    }
    return true;
}

void domain_job_end(struct domain *domain, enum job_kind kind)
{
    if (kind == JOB_NONE) {
        return;
    }
    if (domain->beside == kind) { /* which may outlive the job that it was beside */
        domain->beside = JOB_NONE;
    } else {
        g_assert(domain->job == kind);
        domain->job = JOB_NONE;
        domain->job_allows = 0;
    }
    g_cond_broadcast(&domain->job_done);
}
