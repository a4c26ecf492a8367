/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/cpu/calls.h"

#include "manage/conf/fault.h"
#include "manage/cpu/arch.h"
#include "manage/cpu/baseline.h"
#include "manage/cpu/compare.h"
#include "manage/cpu/model.h"

enum { FAIL_INCOMPATIBLE = 1, VALIDATE = 2 };

bool calls_cpu_model_names(struct call *call, GError **error)
{
    const char *arch = call_string(call, 0);
    g_auto(GVariantBuilder) list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("as"));

    if (!arch_is_x86(arch)) {
        return arch_is_known(arch)
                   ? fault_set(error, FAULT_NO_SUPPORT,
                               "'%s' architecture is not supported by CPU driver", arch)
                   : fault_set(error, FAULT_INVALID_ARG, "cannot find architecture %s", arch);
    }
    for (unsigned i = 0; i < model_count() && call_i32(call, 1) != 0; i++) {
        g_variant_builder_add(&list, "s", model_name(i));
    }
    return call_reply(call, "(asi)", &list, (int)model_count());
}

/* NULL when there are none. To be freed; strings are the call's. */
static const char **documents_of(struct call *call, unsigned n, unsigned *ret_count, GError **error)
{
    g_autoptr(GVariant) documents = g_variant_get_child_value(call->args, n);
    const char **list = g_variant_get_strv(documents, NULL);

    *ret_count = g_strv_length((char **)list);
    if (*ret_count == 0) {
        fault_set(error, FAULT_INVALID_ARG, "a baseline needs one CPU at least");
        g_free(list);
        return NULL;
    }
    return list;
}

bool calls_baseline_cpu(struct call *call, GError **error)
{
    unsigned count;
    g_autofree const char **list = documents_of(call, 0, &count, error);
    g_autofree char *text = NULL;

    text = list != NULL ? baseline_cpus(list, count, call->flags, error) : NULL;
    return text != NULL && call_reply_string(call, text);
}

bool calls_baseline_guests(struct call *call, unsigned n, const struct model_offers *offers,
                           GError **error)
{
    unsigned count;
    g_autofree const char **list = documents_of(call, n, &count, error);
    g_autofree char *text = NULL;

    text = list != NULL ? baseline_guests(list, count, offers, call->flags, error) : NULL;
    return text != NULL && call_reply_string(call, text);
}

bool calls_compare_with(struct call *call, unsigned n, const struct processor *host, GError **error)
{
    g_autoptr(description_own) wanted = NULL;
    enum compare_result result;

    if ((call->flags & VALIDATE) != 0) {
        return fault_set(error, FAULT_NO_SUPPORT,
                         "validating a CPU against the schema is not built yet");
    }
    wanted = description_parse(call_string(call, n), false, error);
    return wanted != NULL &&
           compare_cpu(host, wanted, (call->flags & FAIL_INCOMPATIBLE) != 0, &result, error) &&
           call_reply_i32(call, (int32_t)result);
}

bool calls_compare_cpu(struct call *call, GError **error)
{
    struct processor host;

    return processor_read(&host)
               ? calls_compare_with(call, 0, &host, error)
               : fault_set(error, FAULT_NO_SUPPORT, "the host's CPU has no models");
}
