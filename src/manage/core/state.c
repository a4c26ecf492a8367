/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one way a domain's state changes, and the event each change means. */
#include "manage/core/domain.h"
#include "manage/core/event.h"
#include "manage/core/host.h"

#define ANY -1

/* First match counts; a change without a row sends nothing. */
static const struct {
    int from, to, reason;
    enum event_lifecycle event;
    int detail;
} changes[] = {
    {DOMAIN_RUNNING, DOMAIN_RUNNING, ANY, -1, 0},
    {DOMAIN_PAUSED, DOMAIN_PAUSED, ANY, -1, 0},
    {DOMAIN_SHUTOFF, DOMAIN_SHUTOFF, ANY, -1, 0},
    {DOMAIN_SHUTOFF, DOMAIN_RUNNING, RUNNING_MIGRATED, LIFECYCLE_STARTED, 1},
    {DOMAIN_SHUTOFF, DOMAIN_RUNNING, RUNNING_RESTORED, LIFECYCLE_STARTED, 2},
    {DOMAIN_SHUTOFF, DOMAIN_RUNNING, RUNNING_FROM_SNAPSHOT, LIFECYCLE_STARTED, 3},
    {DOMAIN_SHUTOFF, DOMAIN_RUNNING, ANY, LIFECYCLE_STARTED, 0},
    {DOMAIN_SHUTOFF, DOMAIN_PAUSED, PAUSED_FROM_SNAPSHOT, LIFECYCLE_STARTED, 3},
    {DOMAIN_SHUTOFF, DOMAIN_PAUSED, PAUSED_MIGRATION, LIFECYCLE_STARTED, 2},
    {DOMAIN_SHUTOFF, DOMAIN_PAUSED, ANY, LIFECYCLE_STARTED, 0},
    {DOMAIN_PMSUSPENDED, DOMAIN_RUNNING, ANY, LIFECYCLE_STARTED, 4},
    {ANY, DOMAIN_RUNNING, RUNNING_MIGRATED, LIFECYCLE_RESUMED, 1},
    {ANY, DOMAIN_RUNNING, RUNNING_FROM_SNAPSHOT, LIFECYCLE_RESUMED, 2},
    {ANY, DOMAIN_RUNNING, ANY, LIFECYCLE_RESUMED, 0},
    {ANY, DOMAIN_PAUSED, PAUSED_MIGRATION, LIFECYCLE_SUSPENDED, 1},
    {ANY, DOMAIN_PAUSED, PAUSED_IOERROR, LIFECYCLE_SUSPENDED, 2},
    {ANY, DOMAIN_PAUSED, PAUSED_WATCHDOG, LIFECYCLE_SUSPENDED, 3},
    {ANY, DOMAIN_PAUSED, PAUSED_FROM_SNAPSHOT, LIFECYCLE_SUSPENDED, 5},
    {ANY, DOMAIN_PAUSED, ANY, LIFECYCLE_SUSPENDED, 0},
    {ANY, DOMAIN_SHUTOFF, SHUTOFF_SHUTDOWN, LIFECYCLE_STOPPED, 0},
    {ANY, DOMAIN_SHUTOFF, SHUTOFF_DESTROYED, LIFECYCLE_STOPPED, 1},
    {ANY, DOMAIN_SHUTOFF, SHUTOFF_CRASHED, LIFECYCLE_STOPPED, 2},
    {ANY, DOMAIN_SHUTOFF, SHUTOFF_MIGRATED, LIFECYCLE_STOPPED, 3},
    {ANY, DOMAIN_SHUTOFF, SHUTOFF_SAVED, LIFECYCLE_STOPPED, 4},
    {ANY, DOMAIN_SHUTOFF, SHUTOFF_FAILED, LIFECYCLE_STOPPED, 5},
    {ANY, DOMAIN_SHUTOFF, SHUTOFF_FROM_SNAPSHOT, LIFECYCLE_STOPPED, 6},
    {ANY, DOMAIN_SHUTOFF, ANY, LIFECYCLE_STOPPED, 0},
    {ANY, DOMAIN_SHUTDOWN, ANY, LIFECYCLE_SHUTDOWN, 0},
    {ANY, DOMAIN_CRASHED, ANY, LIFECYCLE_CRASHED, 0},
    {ANY, DOMAIN_PMSUSPENDED, ANY, LIFECYCLE_PMSUSPENDED, 0},
};

static void tell(struct domain *domain, int from, int to, int reason)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(changes); i++) {
        if ((changes[i].from == ANY || changes[i].from == from) && changes[i].to == to &&
            (changes[i].reason == ANY || changes[i].reason == reason)) {
            if ((int)changes[i].event >= 0) {
                event_lifecycle(domain, changes[i].event, changes[i].detail);
            }
            return;
        }
    }
}

/* What held only for the run that ends: the id, and definitions apart from the persistent one. */
static void stop(struct domain *domain)
{
    domain->id = -1;
    domain->object.active = false;
    domain->updated = false;
    if (domain->next_def != NULL) {
        domain_def_free(domain->def);
        domain->def = g_steal_pointer(&domain->next_def);
    }
}

void machine_became(struct domain *domain, enum domain_state state, int reason)
{
    enum domain_state before = domain->state;
    bool runs = state != DOMAIN_SHUTOFF;

    domain->state = state;
    domain->reason = reason;
    domain->object.generation++;
    if (runs && domain->id < 0) {
        domain->id = host_next_id(domain->object.host);
        domain->object.active = true;
    }
    tell(domain, before, state, reason);
    if (!runs && domain->id >= 0) {
        stop(domain);
    }
}
