/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Streams to what a guest shows and says. */
#include "manage/conf/fault.h"
#include "manage/core/driver.h"
#include "manage/core/handlers.h"

bool domain_open_console(struct call *call, GError **error)
{
    return call->host->driver->console->open(call->domain, call_maybe_string(call, 1), call->flags,
                                             call, error);
}
