/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which definitions of a domain a call reads or changes: that in force, that of the next start. */
#ifndef VIV_MANAGE_CORE_AFFECT_H
#define VIV_MANAGE_CORE_AFFECT_H

#include "manage/core/call.h"

#include <glib.h>
#include <stdbool.h>

/* Flags of calls; neither means what is now. */
enum { AFFECT_LIVE = 1 << 0, AFFECT_CONFIG = 1 << 1 };

/* From the call's flags, at least one; false in libvirt's words when they cannot be. */
bool affect_which(struct call *call, unsigned *ret_which, GError **error);
/* The same for calls that take one of the flags alone. */
bool affect_one(struct call *call, unsigned *ret_which, GError **error);
/* The definitions that are to be changed, [0] in force; NULL for one that stays. */
void affect_defs(struct call *call, unsigned which, struct domain_def *ret_defs[2]);
const struct domain_def *affect_def(struct call *call, unsigned which);

#endif
