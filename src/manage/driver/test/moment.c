/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Snapshots of domains that run nothing: states and definitions, no data. */
#include "manage/conf/fault.h"
#include "manage/conf/moments.h"
#include "manage/driver/test/internal.h"

#include <string.h>

static bool create(struct domain *domain, const struct moment_def *def, unsigned flags,
                   GError **error)
{
    const struct xml *disks = xml_find(def->root, "disks");

    for (struct xml *d = xml_find(disks, "disk"); d != NULL; d = xml_next(disks, "disk", d)) {
        if (xml_is(d, "snapshot", "manual")) {
            return fault_set(error, FAULT_OPERATION_UNSUPPORTED,
                             "'manual' snapshot mode is not supported by the test driver");
        }
    }
    return true;
}

static bool halt(struct domain *domain, GError **error)
{
    machine_became(domain, DOMAIN_SHUTOFF, SHUTOFF_FROM_SNAPSHOT);
    if (!domain->object.persistent) {
        objects_remove(domain->object.host->objects[OBJECT_DOMAIN], &domain->object);
    }
    return true;
}

enum { REVERT_RUNNING = 1 << 0, REVERT_PAUSED = 1 << 1 };

static bool revert(struct domain *domain, const struct moment_def *def, unsigned flags,
                   GError **error)
{
    const char *state = moment_state(def);
    bool paused = g_strcmp0(state, "paused") == 0;
    bool runs = paused || g_strcmp0(state, "running") == 0;

    if (domain_is_active(domain)) {
        machine_became(domain, DOMAIN_SHUTOFF, SHUTOFF_FROM_SNAPSHOT);
    } else if (!runs && (flags & (REVERT_RUNNING | REVERT_PAUSED)) != 0) {
        domain->reason = SHUTOFF_FROM_SNAPSHOT;
    }
    domain_def_free(domain->def);
    domain->def = domain_def_copy(def->domain);
    domain_def_set_name(domain->def, domain->object.name); /* it may have another since */
    if (!runs) {
        return true;
    }
    machine_became(domain, DOMAIN_RUNNING, RUNNING_FROM_SNAPSHOT);
    if ((flags & REVERT_PAUSED) != 0 || (paused && (flags & REVERT_RUNNING) == 0)) {
        machine_became(domain, DOMAIN_PAUSED, PAUSED_FROM_SNAPSHOT);
    }
    return true;
}

const struct driver_moment test_moment = {
    .create = create,
    .halt = halt,
    .revert = revert,
};
