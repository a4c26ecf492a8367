/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Network filters and their bindings are not built: a driver that has none says that in lists. */
#include "manage/core/handlers.h"

bool filter_count(struct call *call, GError **error)
{
    return call_reply_i32(call, 0);
}

bool filter_list_names(struct call *call, GError **error)
{
    g_auto(GVariantBuilder) list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("as"));

    return call_reply(call, "(as)", &list);
}

bool filter_list_all(struct call *call, GError **error)
{
    bool bindings = proc_id(call->proc) == PROC_CONNECT_LIST_ALL_NWFILTER_BINDINGS;
    GVariantBuilder list;

    g_variant_builder_init(&list, G_VARIANT_TYPE(bindings ? "a(ss)" : "a(say)"));
    return call_reply(call, bindings ? "(@a(ss)u)" : "(@a(say)u)", g_variant_builder_end(&list), 0);
}
