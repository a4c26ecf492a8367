/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Making snapshots, going back to them, deleting them: what their two kinds have in common. */
#include "manage/driver/qmp/moment/snapshot.h"

#include "manage/conf/fault.h"
#include "manage/driver/qmp/agent/agent.h"
#include "manage/driver/qmp/blockjob/chain.h"
#include "manage/driver/qmp/device/alias.h"
#include "manage/driver/qmp/internal.h"
#include "manage/driver/qmp/save/image.h"
#include "manage/driver/qmp/save/save.h"
#include "manage/driver/qmp/stats.h"

#include <string.h>
#include <unistd.h>

/* Flags of going back. */
enum { REVERT_RUNNING = 1 << 0, REVERT_PAUSED = 1 << 1, REVERT_FORCE = 1 << 2 };

static unsigned count(const struct moment_def *def, const char *mode)
{
    const struct xml *entries = xml_find(def->root, "disks");
    unsigned n = 0;

    for (struct xml *e = xml_find(entries, "disk"); e != NULL; e = xml_next(entries, "disk", e)) {
        n += xml_is(e, "snapshot", mode);
    }
    return n;
}

static bool has_memory_file(const struct moment_def *def)
{
    return xml_is(xml_find(def->root, "memory"), "snapshot", "external");
}

static bool check_flags(const struct domain *domain, const struct moment_def *def, unsigned flags,
                        GError **error)
{
    if ((flags & SNAPSHOT_LIVE) != 0 && (!domain_is_active(domain) || !has_memory_file(def))) {
        return fault_set(error, FAULT_OPERATION_UNSUPPORTED,
                         "live snapshot creation is supported only with external checkpoints");
    }
    if ((flags & SNAPSHOT_REUSE) != 0 && !moment_is_external(def)) {
        return fault_set(error, FAULT_INVALID_ARG,
                         "reuse is supported only with external disk snapshots");
    }
    if ((flags & SNAPSHOT_QUIESCE) != 0 && (flags & SNAPSHOT_DISK_ONLY) == 0) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED, "quiesce requires disk-only snapshots");
    }
    return true;
}

static bool check(const struct domain *domain, const struct moment_def *def, unsigned flags,
                  GError **error)
{
    unsigned inside = count(def, "internal"), outside = count(def, "external");

    if (count(def, "manual") > 0) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "snapshots of disks that are made by hand are not built yet");
    }
    if (inside > 0 && (outside > 0 || has_memory_file(def))) {
        return fault_set(
            error, FAULT_CONFIG_UNSUPPORTED,
            "mixing internal and external targets for a snapshot is not yet supported");
    }
    if (inside > 0 && (flags & SNAPSHOT_DISK_ONLY) != 0 && domain_is_active(domain)) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "active qemu domains require external disk snapshots");
    }
    if (!domain_is_active(domain) && has_memory_file(def)) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "memory state cannot be saved with offline or disk-only snapshot");
    }
    return check_flags(domain, def, flags, error);
}

static bool create_internal(struct domain *domain, const struct moment_def *def, unsigned flags,
                            GError **error)
{
    bool ran = false, good;

    if (domain_is_active(domain) && !save_pause(domain, PAUSED_SNAPSHOT, &ran, error)) {
        return false;
    }
    good = internal_create(domain, def, error);
    if (ran && (!good || (flags & SNAPSHOT_HALT) == 0)) {
        save_go_on(domain, RUNNING_UNPAUSED);
    }
    return good;
}

/* With the guest's file systems frozen, if that was asked for; they thaw whatever happens. */
static bool create_external(struct domain *domain, const struct moment_def *def, unsigned flags,
                            GError **error)
{
    bool freeze = (flags & SNAPSHOT_QUIESCE) != 0 && domain_is_active(domain), good;

    if (freeze && !agent_command(domain, "guest-fsfreeze-freeze", NULL, NULL, error)) {
        return false;
    }
    good = external_create(domain, def, flags, error);
    if (freeze && domain_is_active(domain)) {
        g_autoptr(GError) why = NULL;

        if (!agent_command(domain, "guest-fsfreeze-thaw", NULL, NULL, &why) && good) {
            g_propagate_error(error, g_steal_pointer(&why));
            return false;
        }
    }
    return good;
}

static bool create(struct domain *domain, const struct moment_def *def, unsigned flags,
                   GError **error)
{
    bool active = domain_is_active(domain), good;

    if (!check(domain, def, flags, error)) {
        return false;
    }
    if (active) {
        job_begin(domain, JOB_OPERATION_SNAPSHOT);
    }
    good = moment_is_external(def) ? create_external(domain, def, flags, error)
                                   : create_internal(domain, def, flags, error);
    if (active) {
        job_end(domain, JOB_OPERATION_SNAPSHOT, good);
    }
    return good;
}

static void stop(struct domain *domain)
{
    struct qmp_run *run = qmp_run_of(domain);

    if (run != NULL) {
        qmp_run_ref(run);
        run->ends_as = SHUTOFF_FROM_SNAPSHOT;
        qmp_kill(run);
        qmp_ended(run, SHUTOFF_FROM_SNAPSHOT);
        qmp_run_unref(run);
    }
}

static bool halt(struct domain *domain, GError **error)
{
    stop(domain);
    return true;
}

static bool remove_one(struct domain *domain, const struct moment_def *def, GError **error)
{
    return moment_is_external(def)
               ? fault_set(error, FAULT_OPERATION_UNSUPPORTED,
                           "deletion of 1 external disk snapshots not supported yet")
               : internal_remove(domain, def, error);
}

static bool is_off(const struct moment_def *def)
{
    const char *state = moment_state(def);

    return g_strcmp0(state, "shutoff") == 0 || g_strcmp0(state, "disk-snapshot") == 0;
}

static bool check_revert(const struct domain *domain, const struct moment_def *def, unsigned flags,
                         GError **error)
{
    unsigned both = REVERT_RUNNING | REVERT_PAUSED;

    if ((flags & both) == both) {
        return fault_set_raw(error, FAULT_INVALID_ARG,
                             "Flags 'VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING' and "
                             "'VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED' are mutually exclusive");
    }
    if (!domain->object.persistent) {
        return fault_set(error, FAULT_OPERATION_UNSUPPORTED,
                         "going back to a snapshot of a transient domain is not built yet");
    }
    return (flags & REVERT_FORCE) != 0 || !domain_is_active(domain) || !is_off(def) ||
           (flags & both) == 0 ||
           fault_set(error, FAULT_SNAPSHOT_REVERT_RISKY,
                     "must respawn guest to start inactive snapshot");
}

/* What the domain is from now on, durably; the machine is off. Takes the definition. */
static bool put_definition(struct domain *domain, struct domain_def *fresh, GError **error)
{
    struct domain_def *old = domain->def;

    domain->def = fresh;
    if (qmp_store.store(domain, error)) {
        domain_def_free(old);
        return true;
    }
    domain->def = old;
    domain_def_free(fresh);
    return false;
}

static bool start(struct domain *domain, const struct moment_def *def, int state_fd, bool paused,
                  GError **error)
{
    const struct qmp_start how = {
        .paused = paused,
        .has_state = state_fd >= 0,
        .state_fd = state_fd,
        .running = RUNNING_FROM_SNAPSHOT,
        .paused_reason = PAUSED_FROM_SNAPSHOT,
        .prepare = is_off(def) || state_fd >= 0 ? NULL : internal_load,
        .opaque = def,
    };

    return qmp_start(domain, &how, error);
}

static bool go_back(struct domain *domain, const struct moment_def *def, unsigned flags,
                    int state_fd, GError **error)
{
    struct domain_def *fresh = domain_def_copy(def->domain);
    bool external = moment_is_external(def);
    bool runs = !is_off(def) || (flags & (REVERT_RUNNING | REVERT_PAUSED)) != 0;
    bool paused = (flags & REVERT_PAUSED) != 0 ||
                  (g_strcmp0(moment_state(def), "paused") == 0 && (flags & REVERT_RUNNING) == 0);

    alias_drop_all(fresh);
    chain_hide_all(fresh);
    domain_def_set_name(fresh, domain->object.name); /* it may have another since */
    if (external && !external_branch(def, fresh, error)) {
        domain_def_free(fresh);
        return false;
    }
    stop(domain);
    if (!put_definition(domain, fresh, error) ||
        (!external && is_off(def) && !internal_apply(domain, def, error))) {
        return false;
    }
    if (!runs) {
        domain->reason = SHUTOFF_FROM_SNAPSHOT;
        return true;
    }
    return start(domain, def, state_fd, paused, error);
}

static bool revert(struct domain *domain, const struct moment_def *def, unsigned flags,
                   GError **error)
{
    const char *memory = xml_get(xml_find(def->root, "memory"), "file");
    struct image image = {0};
    int fd = -1;
    bool good;

    if (!check_revert(domain, def, flags, error)) {
        return false;
    }
    if (has_memory_file(def) &&
        (memory == NULL || (fd = image_open(memory, false, &image, error)) < 0)) {
        return false;
    }
    good = go_back(domain, def, flags, fd, error);
    if (fd >= 0) {
        close(fd);
        image_clear(&image);
    }
    return good;
}

const struct driver_moment qmp_moment = {
    .create = create,
    .remove = remove_one,
    .halt = halt,
    .revert = revert,
    .keep = catalog_store,
};
