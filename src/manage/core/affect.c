/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/core/affect.h"

#include "manage/conf/fault.h"

bool affect_which(struct call *call, unsigned *ret_which, GError **error)
{
    unsigned which = call->flags & (AFFECT_LIVE | AFFECT_CONFIG);
    bool active = domain_is_active(call->domain);

    if (which == 0) {
        which = active ? AFFECT_LIVE : AFFECT_CONFIG;
    }
    if ((which & AFFECT_LIVE) != 0 && !domain_check_active(call->domain, error)) {
        return false;
    }
    if ((which & AFFECT_CONFIG) != 0 && !call->object->persistent) {
        return fault_set(error, FAULT_OPERATION_INVALID,
                         "transient domains do not have any persistent config");
    }
    *ret_which = which;
    return true;
}

bool affect_one(struct call *call, unsigned *ret_which, GError **error)
{
    if ((call->flags & (AFFECT_LIVE | AFFECT_CONFIG)) == (AFFECT_LIVE | AFFECT_CONFIG)) {
        return fault_set_raw(error, FAULT_INVALID_ARG,
                             "Flags 'VIR_DOMAIN_AFFECT_LIVE' and 'VIR_DOMAIN_AFFECT_CONFIG' are "
                             "mutually exclusive");
    }
    return affect_which(call, ret_which, error);
}

void affect_defs(struct call *call, unsigned which, struct domain_def *ret_defs[2])
{
    bool active = domain_is_active(call->domain);
    struct domain_def *config = domain_config_def(call->domain);

    ret_defs[0] = (which & AFFECT_LIVE) != 0 && active ? call->domain->def : NULL;
    ret_defs[1] = (which & AFFECT_CONFIG) != 0 ? config : NULL;
}

const struct domain_def *affect_def(struct call *call, unsigned which)
{
    return (which & AFFECT_LIVE) != 0 ? call->domain->def : domain_inactive_def(call->domain);
}
