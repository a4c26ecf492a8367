/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The scheduler of domains that nothing is ever scheduled for: its one parameter never changes. */
#include "manage/conf/fault.h"
#include "manage/driver/test/test-handlers.h"
#include "manage/driver/test/tune.h"

#define WEIGHT 50

static const struct tune_row scheduler[] = {{"weight", 'u'}};

bool test_domain_get_scheduler_type(struct call *call, GError **error)
{
    return call_reply(call, "(si)", "fair", (int)G_N_ELEMENTS(scheduler));
}

bool test_domain_get_scheduler(struct call *call, GError **error)
{
    g_auto(GVariantBuilder) list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(sv)"));

    if (call_i32(call, 1) > 0) {
        g_variant_builder_add_value(&list, call_pack_param("weight", g_variant_new_uint32(WEIGHT)));
    }
    return call_reply(call, "(a(sv))", &list);
}

bool test_domain_set_scheduler(struct call *call, GError **error)
{
    return tune_check(call, 1, scheduler, G_N_ELEMENTS(scheduler), error);
}
