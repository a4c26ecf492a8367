/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Listing and finding domains. */
#include "manage/conf/fault.h"
#include "manage/core/driver.h"
#include "manage/core/handlers.h"

/* Filters of connect_list_all_domains: in each group, none set means all. */
enum {
    LIST_ACTIVE = 1 << 0,
    LIST_INACTIVE = 1 << 1,
    LIST_PERSISTENT = 1 << 2,
    LIST_TRANSIENT = 1 << 3,
    LIST_RUNNING = 1 << 4,
    LIST_PAUSED = 1 << 5,
    LIST_SHUTOFF = 1 << 6,
    LIST_OTHER = 1 << 7,
    LIST_MANAGED_SAVE = 1 << 8,
    LIST_NO_MANAGED_SAVE = 1 << 9,
    LIST_AUTOSTART = 1 << 10,
    LIST_NO_AUTOSTART = 1 << 11,
    LIST_HAS_SNAPSHOT = 1 << 12,
    LIST_NO_SNAPSHOT = 1 << 13,
    LIST_HAS_CHECKPOINT = 1 << 14,
    LIST_NO_CHECKPOINT = 1 << 15,
};

static unsigned state_flag(const struct domain *domain)
{
    switch (domain->state) {
    case DOMAIN_RUNNING: return LIST_RUNNING;
    case DOMAIN_PAUSED: return LIST_PAUSED;
    case DOMAIN_SHUTOFF: return LIST_SHUTOFF;
    default: return LIST_OTHER;
    }
}

bool domain_matches(const struct domain *domain, unsigned filter)
{
    const struct object *object = &domain->object;
    const unsigned groups[][2] = {
        {LIST_ACTIVE | LIST_INACTIVE, domain_is_active(domain) ? LIST_ACTIVE : LIST_INACTIVE},
        {LIST_PERSISTENT | LIST_TRANSIENT, object->persistent ? LIST_PERSISTENT : LIST_TRANSIENT},
        {LIST_RUNNING | LIST_PAUSED | LIST_SHUTOFF | LIST_OTHER, state_flag(domain)},
        {LIST_MANAGED_SAVE | LIST_NO_MANAGED_SAVE,
         domain->saved ? LIST_MANAGED_SAVE : LIST_NO_MANAGED_SAVE},
        {LIST_AUTOSTART | LIST_NO_AUTOSTART,
         object->autostart ? LIST_AUTOSTART : LIST_NO_AUTOSTART},
        {LIST_HAS_SNAPSHOT | LIST_NO_SNAPSHOT, moments_count(domain->moments[MOMENT_SNAPSHOT]) > 0
                                                   ? LIST_HAS_SNAPSHOT
                                                   : LIST_NO_SNAPSHOT},
        {LIST_HAS_CHECKPOINT | LIST_NO_CHECKPOINT,
         moments_count(domain->moments[MOMENT_CHECKPOINT]) > 0 ? LIST_HAS_CHECKPOINT
                                                               : LIST_NO_CHECKPOINT},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(groups); i++) {
        if ((filter & groups[i][0]) != 0 && (filter & groups[i][1]) == 0) {
            return false;
        }
    }
    return true;
}

bool domain_list_all(struct call *call, GError **error)
{
    g_autoptr(GPtrArray) all = objects_all(call->host->objects[OBJECT_DOMAIN]);
    g_auto(GVariantBuilder) list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(sayi)"));
    bool wanted = call_i32(call, 0) != 0;
    unsigned n = 0;

    for (unsigned i = 0; i < all->len; i++) {
        struct domain *domain = all->pdata[i];

        object_lock(&domain->object);
        if (!domain->object.gone && domain_matches(domain, call->flags)) {
            n++;
            if (wanted) {
                g_variant_builder_add_value(&list, call_pack_domain(domain));
            }
        }
        object_unlock(&domain->object);
    }
    return call_reply(call, "(a(sayi)u)", &list, n);
}

static unsigned count(struct host *host, bool active)
{
    g_autoptr(GPtrArray) all = objects_all(host->objects[OBJECT_DOMAIN]);
    unsigned n = 0;

    for (unsigned i = 0; i < all->len; i++) {
        struct domain *domain = all->pdata[i];

        object_lock(&domain->object);
        n += domain_is_active(domain) == active;
        object_unlock(&domain->object);
    }
    return n;
}

bool domain_count(struct call *call, GError **error)
{
    return call_reply_i32(call, count(call->host, true));
}

bool domain_count_defined(struct call *call, GError **error)
{
    return call_reply_i32(call, count(call->host, false));
}

static bool list(struct call *call, bool active)
{
    g_autoptr(GPtrArray) all = objects_all(call->host->objects[OBJECT_DOMAIN]);
    g_auto(GVariantBuilder) found = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE(active ? "ai" : "as"));
    int room = call_i32(call, 0);

    for (unsigned i = 0; i < all->len && room > 0; i++) {
        struct domain *domain = all->pdata[i];

        object_lock(&domain->object);
        if (domain_is_active(domain) == active) {
            g_variant_builder_add_value(&found, active ? g_variant_new_int32(domain->id)
                                                       : g_variant_new_string(domain->object.name));
            room--;
        }
        object_unlock(&domain->object);
    }
    return call_reply(call, active ? "(ai)" : "(as)", &found);
}

bool domain_list_ids(struct call *call, GError **error)
{
    return list(call, true);
}

bool domain_list_defined(struct call *call, GError **error)
{
    return list(call, false);
}

static bool answer(struct call *call, struct object *found, const char *what, const char *text,
                   GError **error)
{
    g_autoptr(object_held) held = found;

    if (held == NULL) {
        return call->host->driver->terse_lookup
                   ? fault_set(error, FAULT_NO_DOMAIN, NULL)
                   : fault_set(error, FAULT_NO_DOMAIN, "no domain with matching %s '%s'", what,
                               text);
    }
    return call_reply_object(call, held);
}

bool domain_lookup_by_id(struct call *call, GError **error)
{
    g_autofree char *text = g_strdup_printf("%d", call_i32(call, 0));
    struct domain *domain =
        call_i32(call, 0) >= 0 ? host_find_id(call->host, call_i32(call, 0)) : NULL;

    return answer(call, (struct object *)domain, "id", text, error);
}

bool domain_lookup_by_name(struct call *call, GError **error)
{
    const char *name = call_string(call, 0);

    return answer(call, objects_find_name(call->host->objects[OBJECT_DOMAIN], name), "name", name,
                  error);
}

bool domain_lookup_by_uuid(struct call *call, GError **error)
{
    const uint8_t *uuid = call_object_uuid(call, 0);
    char text[UUID_TEXT];

    uuid_format(uuid, text);
    return answer(call, objects_find_uuid(call->host->objects[OBJECT_DOMAIN], uuid), "uuid", text,
                  error);
}
