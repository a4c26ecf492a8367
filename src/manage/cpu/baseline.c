/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/cpu/baseline.h"

#include "manage/conf/fault.h"
#include "manage/conf/xml.h"
#include "manage/cpu/arch.h"
#include "manage/cpu/description.h"
#include "manage/cpu/model.h"

#include <string.h>

/* What is common to the hosts looked at so far. */
struct common {
    struct feature_set features;
    const char *vendor; /* borrowed of a description or constant; NULL: nobody said */
    const char *model;  /* borrowed: all have it; else NULL */
    bool told;          /* all say their vendor */
};

static bool has_features(const struct description *d, struct feature_set *ret_set, GError **error)
{
    struct model model;

    if (!model_find(d->model, &model)) {
        return fault_set(error, FAULT_INTERNAL_ERROR, "Unknown CPU model %s", d->model);
    }
    *ret_set = model.has;
    for (unsigned i = 0; i < d->features->len; i++) {
        const char *name = g_array_index(d->features, struct description_feature, i).name;
        unsigned n;

        if (!feature_find(name, &n)) {
            return fault_set(error, FAULT_INTERNAL_ERROR, "Unknown CPU feature %s", name);
        }
        feature_add(ret_set, n);
    }
    return true;
}

static const char *model_vendor(const struct description *d)
{
    struct model model;

    return model_find(d->model, &model) ? model.vendor : NULL;
}

static bool start(struct common *common, const struct description *d, bool alone, GError **error)
{
    static const char *const vendors[] = {"Intel", "AMD", "Hygon", NULL};

    if (!has_features(d, &common->features, error)) {
        return false;
    }
    if (d->vendor != NULL && !g_strv_contains(vendors, d->vendor)) {
        return fault_set(error, FAULT_OPERATION_FAILED, "Unknown CPU vendor %s", d->vendor);
    }
    common->model = d->model;
    common->told = d->vendor != NULL;
    common->vendor = d->vendor != NULL || !alone ? d->vendor : model_vendor(d);
    return true;
}

/* The first host's vendor counts only if it says so, another's also by its model. */
static bool add_vendor(struct common *common, const struct description *d, GError **error)
{
    const char *own = model_vendor(d);
    const char *vendor = d->vendor != NULL ? d->vendor : own;

    if (d->vendor != NULL && own != NULL && strcmp(d->vendor, own) != 0) {
        return fault_set(error, FAULT_OPERATION_FAILED,
                         "CPU vendor %s of model %s differs from vendor %s", own, d->model,
                         d->vendor);
    }
    if (vendor != NULL && common->vendor != NULL && strcmp(vendor, common->vendor) != 0) {
        return fault_set(error, FAULT_OPERATION_FAILED, "CPU vendors do not match");
    }
    common->vendor = common->vendor != NULL ? common->vendor : vendor;
    common->told = common->told && d->vendor != NULL;
    return true;
}

static bool add(struct common *common, const struct description *d, GError **error)
{
    struct feature_set set;

    if (!has_features(d, &set, error) || !add_vendor(common, d, error)) {
        return false;
    }
    common->features = feature_both(&common->features, &set);
    if (common->model != NULL && strcmp(common->model, d->model) != 0) {
        common->model = NULL;
    }
    return true;
}

/* What a guest is not to be given. */
static void leave_out(struct feature_set *set, unsigned flags)
{
    for (unsigned n = 0; n < FEATURE_COUNT; n++) {
        enum feature_kind kind = feature_get(n)->kind;

        if (kind == FEATURE_HOST || (kind == FEATURE_STAYS && (flags & BASELINE_MIGRATABLE) != 0)) {
            feature_remove(set, n);
        }
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(feature_get(*(const unsigned *)a)->name, feature_get(*(const unsigned *)b)->name);
}

static void add_features(struct xml *cpu, const struct feature_set *more,
                         const struct feature_set *less, bool sorted)
{
    struct feature_set all = feature_either(more, less);
    unsigned numbers[FEATURE_COUNT], count = 0;

    for (int pass = 0; pass < 2; pass++) {
        /* In libvirt's order first what is needed, then what is not to be. */
        for (unsigned n = 0; n < FEATURE_COUNT; n++) {
            if (feature_in(&all, n) && feature_in(pass == 0 ? more : less, n)) {
                numbers[count++] = n;
            }
        }
    }
    if (sorted) {
        qsort(numbers, count, sizeof(numbers[0]), by_name);
    }
    for (unsigned i = 0; i < count; i++) {
        struct xml *feature = xml_append(cpu, xml_new("feature"));

        xml_set(feature, "policy", feature_in(less, numbers[i]) ? "disable" : "require");
        xml_set(feature, "name", feature_get(numbers[i])->name);
    }
}

static char *answer(const struct common *common, unsigned flags, GError **error)
{
    struct model_wish wish = {.vendor = common->vendor, .name = common->model};
    g_autoptr(xml_own) cpu = xml_new("cpu");
    struct feature_set features = common->features;
    struct model_words words;
    struct xml *model;

    leave_out(&features, flags);
    if (!model_describe(&features, &wish, &words)) {
        fault_set(error, FAULT_INTERNAL_ERROR, "Cannot find suitable CPU model for given data");
        return NULL;
    }
    xml_set(cpu, "mode", "custom");
    xml_set(cpu, "match", "exact");
    model = xml_add(cpu, "model", "%s", words.model);
    xml_set(model, "fallback", g_strcmp0(words.model, common->model) == 0 ? "forbid" : "allow");
    if (common->told) {
        xml_add(cpu, "vendor", "%s", common->vendor);
    }
    if ((flags & BASELINE_EXPAND) != 0) {
        add_features(cpu, &features, &words.less, true);
    } else {
        add_features(cpu, &words.more, &words.less, false);
    }
    return xml_format(cpu);
}

static void forget(void *description)
{
    description_free(description);
}

static GPtrArray *parse(const char *const *documents, unsigned count, GError **error)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(forget);

    for (unsigned i = 0; i < count; i++) {
        struct description *description = description_parse(documents[i], true, error);

        if (description == NULL) {
            return NULL;
        }
        g_ptr_array_add(list, description);
    }
    return g_steal_pointer(&list);
}

/* The architecture is the first one's. */
static bool check_arch(const char *arch, GError **error)
{
    if (arch_is_x86(arch)) {
        return true;
    }
    return arch_has_models(arch)
               ? fault_set(error, FAULT_NO_SUPPORT,
                           "a baseline of CPUs of %s architecture is not built yet", arch)
               : fault_set(error, FAULT_NO_SUPPORT,
                           "'%s' architecture is not supported by CPU driver", arch);
}

static char *compute(GPtrArray *list, unsigned flags, GError **error)
{
    const struct description *first = list->pdata[0];
    struct common common;

    if (!check_arch(first->arch, error) || !start(&common, first, list->len == 1, error)) {
        return NULL;
    }
    for (unsigned i = 1; i < list->len; i++) {
        if (!add(&common, list->pdata[i], error)) {
            return NULL;
        }
    }
    return answer(&common, flags, error);
}

char *baseline_cpus(const char *const *documents, unsigned count, unsigned flags, GError **error)
{
    g_autoptr(GPtrArray) list = NULL;
    char *text;

    g_assert(count > 0);
    list = parse(documents, count, error);
    text = list != NULL ? compute(list, flags, error) : NULL;
    if (text == NULL) {
        fault_came_from(error, FAULT_FROM_CPU);
    }
    return text;
}
