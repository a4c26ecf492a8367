/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starting and stopping domains that run nothing. */
#include "manage/driver/test/internal.h"

static bool start(struct domain *domain, unsigned flags, GError **error)
{
    domain->saved = false; /* there is nothing to restore */
    machine_became(domain, DOMAIN_RUNNING, RUNNING_BOOTED);
    return true;
}

static bool destroy(struct domain *domain, unsigned flags, GError **error)
{
    machine_became(domain, DOMAIN_SHUTOFF, SHUTOFF_DESTROYED);
    return true;
}

static bool shutdown(struct domain *domain, unsigned flags, GError **error)
{
    if (domain->state == DOMAIN_SHUTOFF) {
        return fault_set(error, FAULT_INTERNAL_ERROR, "domain '%s' not running",
                         domain->object.name);
    }
    machine_became(domain, DOMAIN_SHUTOFF, SHUTOFF_SHUTDOWN);
    return true;
}

/* As the definition's on_reboot says: it goes on, or it stops. */
static bool reboot(struct domain *domain, unsigned flags, GError **error)
{
    const char *action = domain_def_action(domain->def, "on_reboot");

    if (g_strcmp0(action, "restart") == 0 || g_strcmp0(action, "rename-restart") == 0) {
        domain->state = DOMAIN_RUNNING;
        domain->reason = RUNNING_BOOTED;
        return true;
    }
    machine_became(domain, DOMAIN_SHUTOFF, SHUTOFF_SHUTDOWN);
    return true;
}

static bool suspend(struct domain *domain, GError **error)
{
    if (domain->state == DOMAIN_SHUTOFF || domain->state == DOMAIN_PAUSED) {
        return fault_set(error, FAULT_INTERNAL_ERROR, "domain '%s' not running",
                         domain->object.name);
    }
    machine_became(domain, DOMAIN_PAUSED, PAUSED_USER);
    return true;
}

static bool resume(struct domain *domain, GError **error)
{
    if (domain->state != DOMAIN_PAUSED) {
        return fault_set(error, FAULT_INTERNAL_ERROR, "domain '%s' not paused",
                         domain->object.name);
    }
    machine_became(domain, DOMAIN_RUNNING, RUNNING_UNPAUSED);
    return true;
}

static bool set_memory(struct domain *domain, uint64_t kib, GError **error)
{
    return true;
}

static bool set_vcpus(struct domain *domain, unsigned n, GError **error)
{
    return true;
}

const struct driver_life test_life = {
    .start = start,
    .destroy = destroy,
    .shutdown = shutdown,
    .reboot = reboot,
    .suspend = suspend,
    .resume = resume,
    .set_memory = set_memory,
    .set_vcpus = set_vcpus,
};

/* libvirt's test driver takes the time of day for a domain's CPU time. */
static bool cpu_time(struct domain *domain, uint64_t *ret_ns, GError **error)
{
    *ret_ns = (uint64_t)g_get_real_time() * 1000;
    return true;
}

const struct driver_stats test_stats = {
    .cpu_time = cpu_time,
};
