/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/main/host.h"

#include <gio/gio.h>

gboolean monitors_build(struct host *h, GError **error)
{
    const struct setup *s = h->setup;
    bool any = s->mons->len || s->qmps->len || s->qmps_pretty->len || s->qtests->len;

    for (guint i = 0; i < s->monitors->len; i++) {
        any = any || !g_str_equal(s->monitors->pdata[i], "none");
    }
    if (any) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "monitors are not built yet");
    }
    return !any;
}

void monitors_free(struct host *h)
{
}
