/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a domain is and does: XML, state, memory, and its small settings. */
#include "manage/conf/fault.h"
#include "manage/core/driver.h"
#include "manage/core/handlers.h"

/* Flags of domain_get_xml_desc. */
enum { XML_SECURE = 1 << 0, XML_INACTIVE = 1 << 1 };

bool domain_get_xml_desc(struct call *call, GError **error)
{
    bool inactive = (call->flags & XML_INACTIVE) != 0;
    const struct domain_def *def = inactive ? domain_inactive_def(call->domain) : call->domain->def;
    unsigned flags = (inactive || !domain_is_active(call->domain) ? DOMAIN_DEF_INACTIVE : 0) |
                     ((call->flags & XML_SECURE) != 0 ? DOMAIN_DEF_SECURE : 0);
    g_autofree char *text = domain_def_format(def, call->domain->id, flags);

    return call_reply_string(call, text);
}

bool domain_get_info(struct call *call, GError **error)
{
    const struct driver_stats *stats = call->host->driver->stats;
    const struct domain *domain = call->domain;
    uint64_t cpu = 0;

    if (domain_is_active(domain) && stats != NULL && !stats->cpu_time(call->domain, &cpu, error)) {
        return false;
    }
    return call_reply(call, "(yttut)", domain->state, domain_def_memory(domain->def),
                      domain_def_current_memory(domain->def), domain_def_vcpus(domain->def), cpu);
}

bool domain_get_state(struct call *call, GError **error)
{
    return call_reply(call, "(ii)", call->domain->state, call->domain->reason);
}

bool domain_get_os_type(struct call *call, GError **error)
{
    return call_reply_string(call, domain_def_os_type(call->domain->def));
}

bool domain_get_max_memory(struct call *call, GError **error)
{
    return call_reply_u64(call, domain_def_memory(call->domain->def));
}

bool domain_get_autostart(struct call *call, GError **error)
{
    return call_reply_i32(call, call->object->autostart);
}

bool domain_set_autostart(struct call *call, GError **error)
{
    if (!call->object->persistent) {
        return fault_set(error, FAULT_OPERATION_INVALID,
                         "cannot set autostart for transient domain");
    }
    const struct driver_store *store = call->host->driver->store;
    bool before = call->object->autostart;

    call->object->autostart = call_i32(call, 1) != 0;
    if (store != NULL && !store->store(call->domain, error)) {
        call->object->autostart = before;
        return false;
    }
    return true;
}

bool domain_is_active_call(struct call *call, GError **error)
{
    return call_reply_i32(call, domain_is_active(call->domain));
}

bool domain_is_persistent(struct call *call, GError **error)
{
    return call_reply_i32(call, call->object->persistent);
}

bool domain_is_updated(struct call *call, GError **error)
{
    return call_reply_i32(call, call->domain->updated);
}

/* --- statistics of many domains in one call; the driver fills in each one's --- */

/* Flags: the first eight are filters of connect_list_all_domains. */
enum { STATS_FILTERS = 0xff };
#define STATS_NOWAIT  (1u << 29)
#define STATS_ENFORCE (1u << 31)

#define STATS_KNOWN 0x7ffu /* groups that libvirt 9.0 has */

static struct domain *find(struct call *call, GVariant *reference)
{
    g_autoptr(GVariant) bytes = g_variant_get_child_value(reference, 1);
    gsize length;
    const uint8_t *uuid = g_variant_get_fixed_array(bytes, &length, 1);

    return length == UUID_BYTES
               ? (struct domain *)objects_find_uuid(call->host->objects[OBJECT_DOMAIN], uuid)
               : NULL;
}

/* The domains asked for, referenced: those named, or all that pass the filter. */
static GPtrArray *wanted(struct call *call)
{
    GPtrArray *list = g_ptr_array_new();
    g_autoptr(GVariant) names = g_variant_get_child_value(call->args, 0);
    g_autoptr(GPtrArray) all = objects_all(call->host->objects[OBJECT_DOMAIN]);

    for (gsize i = 0; i < g_variant_n_children(names); i++) {
        g_autoptr(GVariant) name = g_variant_get_child_value(names, i);
        struct domain *domain = find(call, name);

        if (domain != NULL) {
            object_unlock(&domain->object);
            g_ptr_array_add(list, domain);
        }
    }
    for (unsigned i = 0; g_variant_n_children(names) == 0 && i < all->len; i++) {
        struct domain *domain = all->pdata[i];

        object_lock(&domain->object);
        if (!domain->object.gone && domain_matches(domain, call->flags & STATS_FILTERS)) {
            g_ptr_array_add(list, object_ref(&domain->object));
        }
        object_unlock(&domain->object);
    }
    return list;
}

/* With the lock held. Whom a job keeps busy tells only what needs no job, when nobody may wait. */
static bool fill(struct call *call, struct domain *domain, unsigned groups, GVariantBuilder *params,
                 GError **error)
{
    const struct driver_stats *stats = call->host->driver->stats;
    bool busy = domain->job != JOB_NONE && (call->flags & STATS_NOWAIT) != 0;
    bool job = domain_is_active(domain) && !busy && domain_job_begin(domain, JOB_QUERY, NULL);
    bool good = stats->all(domain, groups, job, params, error);

    if (job) {
        domain_job_end(domain, JOB_QUERY);
    }
    return good;
}

bool domain_get_all_stats(struct call *call, GError **error)
{
    g_autoptr(GPtrArray) list = NULL;
    g_auto(GVariantBuilder) rows = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a((sayi)a(sv))"));
    unsigned groups = call_u32(call, 1);
    bool good = true;

    if ((call->flags & STATS_ENFORCE) != 0 && (groups & ~STATS_KNOWN) != 0) {
        return fault_set(error, FAULT_ARGUMENT_UNSUPPORTED,
                         "Stats types bits 0x%x are not supported by this daemon",
                         groups & ~STATS_KNOWN);
    }
    list = wanted(call);
    for (unsigned i = 0; i < list->len; i++) {
        struct domain *domain = list->pdata[i];
        GVariantBuilder params;

        object_lock(&domain->object);
        g_variant_builder_init(&params, G_VARIANT_TYPE("a(sv)"));
        if (good && !domain->object.gone) {
            good = fill(call, domain, groups != 0 ? groups : STATS_KNOWN, &params, error);
            g_variant_builder_add(&rows, "(@(sayi)a(sv))", call_pack_domain(domain), &params);
        }
        g_variant_builder_clear(&params);
        object_release(&domain->object);
    }
    return good && call_reply(call, "(a((sayi)a(sv)))", &rows);
}
