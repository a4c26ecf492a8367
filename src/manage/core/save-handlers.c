/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Saving domains to files, and what such a file says. Restoring is in domain-life.c. */
#include "manage/conf/fault.h"
#include "manage/core/driver.h"
#include "manage/core/handlers.h"

#include <string.h>

bool domain_save(struct call *call, GError **error)
{
    bool long_form = g_variant_n_children(call->args) > 2;
    struct domain *domain = call->domain;
    bool good = call->host->driver->save->save(domain, call_string(call, 1),
                                               long_form ? call_maybe_string(call, 2) : NULL,
                                               call->flags, error);

    if (good && !domain_is_active(domain) && !call->object->persistent) {
        objects_remove(call->host->objects[OBJECT_DOMAIN], call->object);
    }
    return good;
}

bool save_image_get_xml_desc(struct call *call, GError **error)
{
    g_autoptr(domain_def_own) def =
        call->host->driver->save->read(call->host, call_string(call, 0), error);

    if (def == NULL) {
        return false;
    }
    g_autofree char *text = domain_def_format(
        def, -1, DOMAIN_DEF_INACTIVE | ((call->flags & 1) != 0 ? DOMAIN_DEF_SECURE : 0));

    return call_reply_string(call, text);
}

bool save_image_define_xml(struct call *call, GError **error)
{
    const struct driver *driver = call->host->driver;
    g_autoptr(domain_def_own) old = driver->save->read(call->host, call_string(call, 0), error);
    g_autoptr(domain_def_own) def =
        old != NULL ? domain_def_parse(call_string(call, 1), driver->rules, error) : NULL;

    return def != NULL && driver->save->write(call->host, call_string(call, 0), def, error);
}
