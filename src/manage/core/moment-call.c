/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finding and packing the snapshot or checkpoint that a call is about. */
#include "manage/core/moment-call.h"

#include <string.h>

static enum moment_kind kind_of(const struct call *call)
{
    return strstr(call->proc->symbol, "Checkpoint") != NULL ? MOMENT_CHECKPOINT : MOMENT_SNAPSHOT;
}

struct moments *moments_of(struct call *call)
{
    return call->domain->moments[kind_of(call)];
}

enum fault_code moment_missing(struct call *call)
{
    return kind_of(call) == MOMENT_SNAPSHOT ? FAULT_NO_DOMAIN_SNAPSHOT : FAULT_NO_DOMAIN_CHECKPOINT;
}

struct moment *moment_named(struct call *call, const char *name, GError **error)
{
    struct moment *moment = moments_find(moments_of(call), name);

    if (moment == NULL) {
        fault_set(error, moment_missing(call), "no domain %s with matching name '%s'",
                  moment_word(kind_of(call)), name);
    }
    return moment;
}

struct moment *moment_target(struct call *call, GError **error)
{
    return moment_named(call, call_object_name(call, 0), error);
}

GVariant *moment_pack(struct domain *domain, const struct moment *moment)
{
    return g_variant_new("(s@(sayi))", moment->def->name, call_pack_domain(domain));
}

bool moment_reply(struct call *call, const struct moment *moment)
{
    return call_reply(call, "(@(s(sayi)))", moment_pack(call->domain, moment));
}
