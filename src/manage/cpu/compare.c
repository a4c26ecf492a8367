/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/cpu/compare.h"

#include "manage/conf/fault.h"
#include "manage/cpu/arch.h"
#include "manage/cpu/model.h"

#include <string.h>

/* Features by what is asked of them. */
struct wanted {
    struct feature_set needed, forbidden, any;
};

static bool add_features(const struct description *d, struct wanted *wanted, GError **error)
{
    for (unsigned i = 0; i < d->features->len; i++) {
        const struct description_feature *f =
            &g_array_index(d->features, struct description_feature, i);
        unsigned n;

        if (!feature_find(f->name, &n)) {
            return fault_set(error, FAULT_INTERNAL_ERROR, "Unknown CPU feature %s", f->name);
        }
        feature_remove(&wanted->needed, n);
        feature_add(f->policy == POLICY_REQUIRE  ? &wanted->needed
                    : f->policy == POLICY_FORBID ? &wanted->forbidden
                                                 : &wanted->any,
                    n);
    }
    return true;
}

static bool want(const struct description *d, struct wanted *wanted, GError **error)
{
    struct model model;

    *wanted = (struct wanted){0};
    if (d->model != NULL) {
        if (!model_find(d->model, &model)) {
            return fault_set(error, FAULT_INTERNAL_ERROR, "Unknown CPU model %s", d->model);
        }
        wanted->needed = model.has;
    }
    return add_features(d, wanted, error);
}

/* Why it cannot be, to be freed; NULL: it can. `extra` is what the host has beside. */
static char *reason(const struct processor *host, const struct description *d,
                    const struct wanted *wanted, struct feature_set *ret_extra)
{
    struct feature_set forbidden = feature_both(&wanted->forbidden, &host->features);
    struct feature_set lacking = feature_without(&wanted->needed, &host->features);
    struct feature_set asked = feature_either(&wanted->needed, &wanted->any);
    g_autofree char *names = NULL;

    *ret_extra = feature_without(&host->features, &asked);
    if ((names = feature_names(&forbidden)) != NULL) {
        return g_strdup_printf("Host CPU provides forbidden features: %s", names);
    }
    if ((names = feature_names(&lacking)) != NULL) {
        return g_strdup_printf("Host CPU does not provide required features: %s", names);
    }
    if (d->strict && (names = feature_names(ret_extra)) != NULL) {
        return g_strdup_printf("Host CPU does not strictly match guest CPU: Extra features: %s",
                               names);
    }
    return NULL;
}

/* The same of what is said beside features. */
static char *stranger(const struct processor *host, const struct description *d)
{
    if (d->arch != NULL && !arch_is_x86(d->arch)) {
        return g_strdup_printf("CPU arch %s does not match host arch", d->arch);
    }
    return d->vendor != NULL && g_strcmp0(d->vendor, host->vendor) != 0
               ? g_strdup_printf("host CPU vendor does not match required CPU vendor %s", d->vendor)
               : NULL;
}

bool compare_cpu(const struct processor *host, const struct description *wanted, bool fail,
                 enum compare_result *ret_result, GError **error)
{
    g_autofree char *why = stranger(host, wanted);
    struct feature_set extra;
    struct wanted sets;

    if (why == NULL) {
        if (!want(wanted, &sets, error)) {
            return fault_came_from(error, FAULT_FROM_CPU);
        }
        why = reason(host, wanted, &sets, &extra);
    }
    if (why != NULL && fail) {
        fault_set(error, FAULT_CPU_INCOMPATIBLE, "%s", why);
        return fault_came_from(error, FAULT_FROM_CPU);
    }
    *ret_result = why != NULL                ? COMPARE_INCOMPATIBLE
                  : feature_size(&extra) > 0 ? COMPARE_SUPERSET
                                             : COMPARE_IDENTICAL;
    return true;
}
