/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A domain's life: define, start, stop, save, restore and what is between. */
#include "manage/conf/fault.h"
#include "manage/core/driver.h"
#include "manage/core/event.h"
#include "manage/core/handlers.h"

#include <string.h>

static struct objects *domains(struct call *call)
{
    return call->host->objects[OBJECT_DOMAIN];
}

/* Its own name or UUID is another domain's: code 9 in libvirt's words. */
static bool clash(struct object *other, const struct domain_def *def, GError **error)
{
    char uuid[UUID_TEXT];

    uuid_format(other->uuid, uuid);
    return fault_set(error, FAULT_OPERATION_FAILED,
                     strcmp(other->name, domain_def_name(def)) == 0
                         ? "domain '%s' already exists with uuid %s"
                         : "domain '%s' is already defined with uuid %s",
                     other->name, uuid);
}

/*
 * The domain that this definition is of, locked: one that has its UUID and name, or a new one.
 * NULL when it clashes with another.
 */
static struct domain *domain_for(struct call *call, const struct domain_def *def, bool *ret_new,
                                 GError **error)
{
    struct object *same = objects_find_uuid(domains(call), def->uuid);
    struct domain *domain;

    *ret_new = false;
    if (same != NULL && strcmp(same->name, domain_def_name(def)) == 0) {
        return domain_of(same);
    }
    if (same == NULL) {
        same = objects_find_name(domains(call), domain_def_name(def));
    }
    if (same != NULL) {
        clash(same, def, error);
        object_release(same);
        return NULL;
    }
    domain = domain_new(call->host, domain_def_copy(def));
    object_lock(&domain->object);
    if (!objects_add(domains(call), &domain->object)) {
        fault_set(error, FAULT_OPERATION_FAILED, "domain '%s' already exists",
                  domain_def_name(def));
        object_release(&domain->object);
        return NULL;
    }
    *ret_new = true;
    return domain;
}

static struct domain_def *parse(struct call *call, GError **error)
{
    const struct driver *driver = call->host->driver;
    g_autoptr(domain_def_own) def = domain_def_parse(call_string(call, 0), driver->rules, error);

    if (def == NULL || (driver->complete != NULL && !driver->complete(call->host, def, error))) {
        return NULL;
    }
    return g_steal_pointer(&def);
}

bool domain_define_xml(struct call *call, GError **error)
{
    g_autoptr(domain_def_own) def = parse(call, error);
    struct domain *domain;
    bool made;

    if (def == NULL || (domain = domain_for(call, def, &made, error)) == NULL) {
        return false;
    }
    g_autoptr(object_held) held = &domain->object;

    if (!made) {
        /* One that is being started has its next definition set aside already. */
        bool aside = domain_is_active(domain) || domain->next_def != NULL;
        struct domain_def **at = aside ? &domain->next_def : &domain->def;

        domain_def_free(*at);
        *at = g_steal_pointer(&def);
    }
    bool update = held->persistent;

    held->persistent = true;
    if (call->host->driver->store != NULL && !call->host->driver->store->store(domain, error)) {
        held->persistent = update;
        if (made) {
            objects_remove(domains(call), held);
        }
        return false;
    }
    event_lifecycle(domain, LIFECYCLE_DEFINED, update ? 1 : 0);
    return call_reply_object(call, held);
}

static bool start(struct call *call, struct domain *domain, unsigned flags, GError **error)
{
    return call->host->driver->life->start(domain, flags, error);
}

bool domain_create_xml(struct call *call, GError **error)
{
    g_autoptr(domain_def_own) def = parse(call, error);
    struct domain *domain;
    bool made;

    if (def == NULL || (domain = domain_for(call, def, &made, error)) == NULL) {
        return false;
    }
    g_autoptr(object_held) held = &domain->object;

    if (domain_is_active(domain)) {
        return fault_set(error, FAULT_OPERATION_INVALID, "domain is already active as '%s'",
                         held->name);
    }
    if (!made) {
        domain->next_def = domain->def;
        domain->def = g_steal_pointer(&def);
    }
    if (!start(call, domain, call->flags, error)) {
        if (!held->persistent) {
            objects_remove(domains(call), held);
        } else if (domain->next_def != NULL) {
            domain_def_free(domain->def);
            domain->def = g_steal_pointer(&domain->next_def);
        }
        return false;
    }
    return call_reply_object(call, held);
}

bool domain_save(struct call *call, GError **error)
{
    bool long_form = g_variant_n_children(call->args) > 2;
    struct domain *domain = call->domain;
    bool good = call->host->driver->save->save(domain, call_string(call, 1),
                                               long_form ? call_maybe_string(call, 2) : NULL,
                                               call->flags, error);

    if (good && !domain_is_active(domain) && !call->object->persistent) {
        objects_remove(call->host->objects[OBJECT_DOMAIN], call->object);
    }
    return good;
}

bool save_image_get_xml_desc(struct call *call, GError **error)
{
    g_autoptr(domain_def_own) def =
        call->host->driver->save->read(call->host, call_string(call, 0), error);

    if (def == NULL) {
        return false;
    }
    g_autofree char *text = domain_def_format(
        def, -1, DOMAIN_DEF_INACTIVE | ((call->flags & 1) != 0 ? DOMAIN_DEF_SECURE : 0));

    return call_reply_string(call, text);
}

bool save_image_define_xml(struct call *call, GError **error)
{
    const struct driver *driver = call->host->driver;
    g_autoptr(domain_def_own) old = driver->save->read(call->host, call_string(call, 0), error);
    g_autoptr(domain_def_own) def =
        old != NULL ? domain_def_parse(call_string(call, 1), driver->rules, error) : NULL;

    return def != NULL &&
           driver->save->write(call->host, call_string(call, 0), def, call->flags, error);
}

/* Puts a definition in force for a run that begins; the persistent one waits. */
static void put_in_force(struct domain *domain, struct domain_def *def)
{
    if (domain->object.persistent) {
        domain->next_def = domain->def;
    } else {
        domain_def_free(domain->def);
    }
    domain->def = def;
}

/* The definition to go on under: the image's, or the one given with the call. */
static struct domain_def *restored_def(struct call *call, const char *given, GError **error)
{
    const struct driver *driver = call->host->driver;
    g_autoptr(domain_def_own) saved = NULL;
    g_autoptr(domain_def_own) def = NULL;

    if (given != NULL && driver->save->check == NULL) {
        fault_set(error, FAULT_ARGUMENT_UNSUPPORTED, "xml modification unsupported");
        return NULL;
    }
    saved = driver->save->read(call->host, call_string(call, 0), error);
    if (saved == NULL || given == NULL) {
        return g_steal_pointer(&saved);
    }
    def = domain_def_parse(given, driver->rules, error);
    if (def == NULL || !driver->save->check(saved, def, error)) {
        return NULL;
    }
    return g_steal_pointer(&def);
}

/* With the domain's lock and job. Takes the definition. */
static bool go_on(struct call *call, struct domain *domain, struct domain_def *def, GError **error)
{
    if (domain_is_active(domain)) {
        domain_def_free(def);
        fault_set(error, FAULT_OPERATION_INVALID, "domain '%s' is already active",
                  domain->object.name);
        return fault_came_from(error, FAULT_FROM_DOMAIN);
    }
    put_in_force(domain, def);
    if (call->host->driver->save->restore(domain, call_string(call, 0), call->flags, error)) {
        return true;
    }
    if (!domain_is_active(domain) && domain->next_def != NULL) {
        domain_def_free(domain->def);
        domain->def = g_steal_pointer(&domain->next_def);
    }
    return false;
}

bool domain_restore(struct call *call, GError **error)
{
    bool long_form = g_variant_n_children(call->args) > 1;
    g_autoptr(domain_def_own) def =
        restored_def(call, long_form ? call_maybe_string(call, 1) : NULL, error);
    struct domain *domain;
    bool made, good;

    if (def == NULL || (domain = domain_for(call, def, &made, error)) == NULL) {
        return false;
    }
    g_autoptr(object_held) held = &domain->object;

    good = domain_job_begin(domain, JOB_ASYNC, error);
    if (good) {
        good = go_on(call, domain, g_steal_pointer(&def), error);
        domain_job_end(domain, JOB_ASYNC);
    }
    if (!good && made) {
        objects_remove(domains(call), held);
    }
    return good;
}

bool domain_create(struct call *call, GError **error)
{
    if (domain_is_active(call->domain)) {
        return fault_set(error, FAULT_OPERATION_INVALID, "domain is already running");
    }
    if (!start(call, call->domain, call->flags, error)) {
        return false;
    }
    return *call->proc->reply == '\0' || call_reply_object(call, call->object);
}

/* A transient domain is gone when it stops. */
static void reap(struct call *call)
{
    if (!domain_is_active(call->domain) && !call->object->persistent) {
        objects_remove(domains(call), call->object);
    }
}

bool domain_destroy(struct call *call, GError **error)
{
    bool good = domain_check_active(call->domain, error) &&
                call->host->driver->life->destroy(call->domain, call->flags, error);

    reap(call);
    return good;
}

bool domain_shutdown(struct call *call, GError **error)
{
    bool good = call->host->driver->life->shutdown(call->domain, call->flags, error);

    reap(call);
    return good;
}

bool domain_reboot(struct call *call, GError **error)
{
    bool good = call->host->driver->life->reboot(call->domain, call->flags, error);

    reap(call);
    return good;
}

bool domain_reset(struct call *call, GError **error)
{
    return call->host->driver->life->reset(call->domain, error);
}

bool domain_suspend(struct call *call, GError **error)
{
    return call->host->driver->life->suspend(call->domain, error);
}

bool domain_resume(struct call *call, GError **error)
{
    return call->host->driver->life->resume(call->domain, error);
}

enum { UNDEFINE_MANAGED_SAVE = 1 << 0, UNDEFINE_SNAPSHOTS_METADATA = 1 << 1 };

/* What would be lost must be named by a flag. */
static bool check_leftovers(struct call *call, GError **error)
{
    unsigned n = moments_count(call->domain->moments[MOMENT_SNAPSHOT]);

    if (call->domain->saved && (call->flags & UNDEFINE_MANAGED_SAVE) == 0) {
        return fault_set(error, FAULT_OPERATION_INVALID,
                         "Refusing to undefine while domain managed save image exists");
    }
    return domain_is_active(call->domain) || n == 0 ||
           (call->flags & UNDEFINE_SNAPSHOTS_METADATA) != 0 ||
           fault_set(error, FAULT_OPERATION_INVALID,
                     "cannot delete inactive domain with %u snapshots", n);
}

bool domain_undefine(struct call *call, GError **error)
{
    const struct driver_store *store = call->host->driver->store;

    if (!call->object->persistent) {
        return fault_set(error, FAULT_OPERATION_INVALID, "cannot undefine transient domain");
    }
    if (!check_leftovers(call, error) ||
        (store != NULL && store->may_undefine != NULL &&
         !store->may_undefine(call->domain, call->flags, error)) ||
        (store != NULL && !store->drop(call->domain, error))) {
        return false;
    }
    if (store != NULL && store->undefined != NULL) {
        store->undefined(call->domain, call->flags);
    }
    event_lifecycle(call->domain, LIFECYCLE_UNDEFINED, 0);
    call->object->persistent = false;
    call->object->autostart = false;
    reap(call);
    return true;
}
