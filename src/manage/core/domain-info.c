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
