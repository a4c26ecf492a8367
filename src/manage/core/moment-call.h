/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls about a snapshot or a checkpoint: finding it, packing it. */
#ifndef VIV_MANAGE_CORE_MOMENT_CALL_H
#define VIV_MANAGE_CORE_MOMENT_CALL_H

#include "manage/conf/fault.h"
#include "manage/conf/moments.h"
#include "manage/core/call.h"

#include <glib.h>
#include <stdbool.h>

/* The call's domain's snapshots, or its checkpoints when the procedure is about these. */
struct moments *moments_of(struct call *call);
/* The one that the first argument or `name` names; NULL with code 72 or 103. */
struct moment *moment_target(struct call *call, GError **error);
struct moment *moment_named(struct call *call, const char *name, GError **error);
/* The code of "there is none". */
enum fault_code moment_missing(struct call *call);
/* An object reference, floating: (s(sayi)). */
GVariant *moment_pack(struct domain *domain, const struct moment *moment);
bool moment_reply(struct call *call, const struct moment *moment);

#endif
