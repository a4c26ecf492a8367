/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Making, redefining, going back to and deleting snapshots and checkpoints. */
#include "manage/conf/fault.h"
#include "manage/core/driver.h"
#include "manage/core/handlers.h"
#include "manage/core/moment-call.h"

#include <string.h>

#define MOST_MOMENTS 16384 /* what one reply can list */

/* Flags of creating; checkpoints have the first of these. */
enum {
    CREATE_REDEFINE = 1 << 0,
    CREATE_CURRENT = 1 << 1,
    CREATE_NO_METADATA = 1 << 2,
    CREATE_HALT = 1 << 3,
    CREATE_DISK_ONLY = 1 << 4,
};

static enum fault_from from_of(enum moment_kind kind)
{
    return kind == MOMENT_SNAPSHOT ? FAULT_FROM_DOMAIN_SNAPSHOT : FAULT_FROM_DOMAIN_CHECKPOINT;
}

/* Says that the definition was at fault. */
static bool bad_definition(enum moment_kind kind, GError **error)
{
    return fault_came_from(error, from_of(kind));
}

static const char *state_word(const struct domain *domain)
{
    static const char *const words[] = {
        [DOMAIN_NOSTATE] = "nostate",   [DOMAIN_RUNNING] = "running",
        [DOMAIN_BLOCKED] = "blocked",   [DOMAIN_PAUSED] = "paused",
        [DOMAIN_SHUTDOWN] = "shutdown", [DOMAIN_SHUTOFF] = "shutoff",
        [DOMAIN_CRASHED] = "crashed",   [DOMAIN_PMSUSPENDED] = "pmsuspended",
    };

    return words[domain->state];
}

static bool check_uuid(struct call *call, const struct moment_def *def, GError **error)
{
    char uuid[UUID_TEXT];

    if (def->domain == NULL || memcmp(def->domain->uuid, call->object->uuid, UUID_BYTES) == 0) {
        return true;
    }
    uuid_format(call->object->uuid, uuid);
    return fault_set(error, FAULT_INVALID_ARG, "definition for %s %s must use uuid %s",
                     moment_word(def->kind), def->name, uuid);
}

static bool is_off(const struct moment_def *def)
{
    return g_strcmp0(moment_state(def), "shutoff") == 0;
}

static bool is_disk_only(const struct moment_def *def)
{
    return g_strcmp0(moment_state(def), "disk-snapshot") == 0;
}

/* What may not change when one is redefined. */
static bool check_same(const struct moment *old, const struct moment_def *def, GError **error)
{
    if (def->kind != MOMENT_SNAPSHOT) {
        return true;
    }
    if (is_off(old->def) != is_off(def)) {
        return fault_set(error, FAULT_INVALID_ARG,
                         "cannot change between online and offline snapshot state in snapshot %s",
                         def->name);
    }
    return is_disk_only(old->def) == is_disk_only(def) ||
           fault_set(error, FAULT_INVALID_ARG,
                     "cannot change between disk only and full system in snapshot %s", def->name);
}

static bool check_redefined(struct call *call, struct moment *old, struct moment_def *def,
                            GError **error)
{
    if (!check_uuid(call, def, error)) {
        return bad_definition(def->kind, error);
    }
    if (def->domain == NULL && old != NULL && old->def->domain != NULL) {
        def->domain = domain_def_copy(old->def->domain);
    }
    if (def->domain == NULL && def->kind == MOMENT_SNAPSHOT) {
        fault_set(error, FAULT_INTERNAL_ERROR, "missing domain in snapshot");
        return bad_definition(def->kind, error);
    }
    if (!moments_check_parent(moments_of(call), def->name, def->parent, error) ||
        (old != NULL && !check_same(old, def, error))) {
        return fault_came_from(error, FAULT_FROM_DOMAIN);
    }
    return def->domain == NULL || moment_align(def, error) || bad_definition(def->kind, error);
}

static bool check_room(const struct moments *moments, GError **error)
{
    return moments_count(moments) < MOST_MOMENTS ||
           fault_set(error, FAULT_OPERATION_FAILED, "the domain has %u %ss, which is the most",
                     moments_count(moments), moment_word(moments->kind));
}

static bool keep(struct call *call, GError **error)
{
    const struct driver_moment *driver = call->host->driver->moment;

    return driver->keep == NULL || driver->keep(call->domain, error);
}

static bool redefine(struct call *call, struct moment_def *def, GError **error)
{
    g_autoptr(moment_def_own) own = def;
    struct moments *moments = moments_of(call);
    struct moment *moment = moments_find(moments, def->name);

    if (!check_redefined(call, moment, def, error) ||
        (moment == NULL && !check_room(moments, error))) {
        return false;
    }
    if (moment != NULL) {
        moments_redefine(moments, moment, g_steal_pointer(&own));
    } else {
        moment = moments_add(moments, g_steal_pointer(&own));
    }
    if (def->kind == MOMENT_SNAPSHOT && (call->flags & CREATE_CURRENT) != 0) {
        moments->current = moment;
    }
    return keep(call, error) && moment_reply(call, moment);
}

/* Fills in what a new one is of. */
static bool complete(struct call *call, struct moment_def *def, GError **error)
{
    struct moments *moments = moments_of(call);

    moment_date(def);
    def->domain = domain_def_copy(call->domain->def);
    if (moments->current != NULL) {
        def->parent = g_strdup(moments->current->def->name);
    }
    if (def->kind == MOMENT_SNAPSHOT) {
        def->disk_only = (call->flags & CREATE_DISK_ONLY) != 0;
        moment_set_state(def, def->disk_only && domain_is_active(call->domain)
                                  ? "disk-snapshot"
                                  : state_word(call->domain));
    }
    return moment_align(def, error) || bad_definition(def->kind, error);
}

static bool create(struct call *call, struct moment_def *def, GError **error)
{
    g_autoptr(moment_def_own) own = def;
    const struct driver_moment *driver = call->host->driver->moment;
    struct moments *moments = moments_of(call);

    if (!complete(call, def, error) || !check_room(moments, error)) {
        return false;
    }
    if (moments_find(moments, def->name) != NULL) {
        fault_set(error, FAULT_OPERATION_FAILED, "domain moment %s already exists", def->name);
        return fault_came_from(error, FAULT_FROM_DOMAIN);
    }
    if (driver->create != NULL && !driver->create(call->domain, def, call->flags, error)) {
        return false;
    }
    if (def->kind == MOMENT_SNAPSHOT && (call->flags & CREATE_NO_METADATA) != 0) {
        const struct moment unkept = {.def = def};

        return moment_reply(call, &unkept);
    }
    moments->current = moments_add(moments, g_steal_pointer(&own));
    return keep(call, error) && moment_reply(call, moments->current);
}

static bool make(struct call *call, enum moment_kind kind, GError **error)
{
    bool again = (call->flags & CREATE_REDEFINE) != 0;
    struct moment_def *def =
        moment_parse(kind, call_string(call, 1), again, call->host->driver->rules, error);

    if (def == NULL) {
        return bad_definition(kind, error);
    }
    return again ? redefine(call, def, error) : create(call, def, error);
}

bool snapshot_create_xml(struct call *call, GError **error)
{
    struct domain *domain = call->domain;

    if (moments_count(domain->moments[MOMENT_CHECKPOINT]) > 0) {
        return fault_set(error, FAULT_OPERATION_UNSUPPORTED,
                         "cannot create snapshot while checkpoint exists");
    }
    if (!make(call, MOMENT_SNAPSHOT, error)) {
        return false;
    }
    if ((call->flags & (CREATE_HALT | CREATE_REDEFINE)) == CREATE_HALT &&
        domain_is_active(domain)) {
        return call->host->driver->moment->halt(domain, error);
    }
    return true;
}

bool checkpoint_create_xml(struct call *call, GError **error)
{
    if (moments_count(call->domain->moments[MOMENT_SNAPSHOT]) > 0) {
        return fault_set(error, FAULT_OPERATION_UNSUPPORTED,
                         "cannot create checkpoint while snapshot exists");
    }
    if ((call->flags & CREATE_REDEFINE) == 0 && !domain_is_active(call->domain)) {
        return fault_set(error, FAULT_OPERATION_UNSUPPORTED,
                         "cannot create checkpoint for inactive domain");
    }
    return make(call, MOMENT_CHECKPOINT, error);
}

bool snapshot_revert(struct call *call, GError **error)
{
    struct moment *moment = moment_target(call, error);

    if (moment == NULL) {
        return false;
    }
    if (moment->def->domain == NULL) {
        return fault_set(error, FAULT_SNAPSHOT_REVERT_RISKY,
                         "snapshot '%s' lacks domain '%s' rollback info", moment->def->name,
                         call->object->name);
    }
    if (!call->host->driver->moment->revert(call->domain, moment->def, call->flags, error)) {
        return false;
    }
    moments_of(call)->current = moment;
    return keep(call, error);
}

/* Of deleting, of both kinds. */
enum { DELETE_CHILDREN = 1 << 0, DELETE_METADATA_ONLY = 1 << 1, DELETE_CHILDREN_ONLY = 1 << 2 };

bool moment_delete(struct call *call, GError **error)
{
    const struct driver_moment *driver = call->host->driver->moment;
    struct moments *moments = moments_of(call);
    struct moment *moment = moment_target(call, error);
    bool only = (call->flags & DELETE_CHILDREN_ONLY) != 0;
    g_autoptr(GPtrArray) list = g_ptr_array_new();

    if (moment == NULL) {
        return false;
    }
    if (!only) {
        g_ptr_array_add(list, moment);
    }
    if ((call->flags & (DELETE_CHILDREN | DELETE_CHILDREN_ONLY)) != 0) {
        moments_below(moments, moment, true, list);
    }
    /* Those below first, so that current goes up to what stays. */
    for (unsigned i = list->len; i > 0; i--) {
        struct moment *gone = list->pdata[i - 1];

        if ((call->flags & DELETE_METADATA_ONLY) == 0 && driver->remove != NULL &&
            !driver->remove(call->domain, gone->def, error)) {
            return false;
        }
        moments_remove(moments, gone);
        if (!keep(call, error)) {
            return false;
        }
    }
    return true;
}
