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
        const struct description_feature *f =
            &g_array_index(d->features, struct description_feature, i);
        unsigned n;

        if (!feature_find(f->name, &n)) {
            return fault_set(error, FAULT_INTERNAL_ERROR, "Unknown CPU feature %s", f->name);
        }
        if (f->policy == POLICY_DISABLE || f->policy == POLICY_FORBID) {
            feature_remove(ret_set, n);
        } else if (f->policy != POLICY_OPTIONAL) {
            feature_add(ret_set, n);
        }
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

void baseline_leave_out(struct feature_set *set, unsigned flags)
{
    for (unsigned n = 0; n < FEATURE_COUNT; n++) {
        enum feature_kind kind = feature_get(n)->kind;

        if (kind == FEATURE_HOST || (kind == FEATURE_STAYS && (flags & BASELINE_MIGRATABLE) != 0)) {
            feature_remove(set, n);
        }
    }
}

static void add_feature(struct xml *cpu, const char *policy, const char *name)
{
    struct xml *feature = xml_append(cpu, xml_new("feature"));

    xml_set(feature, "policy", policy);
    xml_set(feature, "name", name);
}

/* In the table's order. */
static void add_set(struct xml *cpu, const char *policy, const struct feature_set *set)
{
    for (unsigned n = 0; n < FEATURE_COUNT; n++) {
        if (feature_in(set, n)) {
            add_feature(cpu, policy, feature_get(n)->name);
        }
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(feature_get(*(const unsigned *)a)->name, feature_get(*(const unsigned *)b)->name);
}

/* All that it has and that is named as lacking, by name. */
static void add_all(struct xml *cpu, const struct feature_set *has, const struct model_words *words)
{
    struct feature_set lacks = feature_either(&words->less, &words->gone);
    struct feature_set all = feature_either(has, &lacks);
    unsigned numbers[FEATURE_COUNT], count = 0;

    for (unsigned n = 0; n < FEATURE_COUNT; n++) {
        if (feature_in(&all, n)) {
            numbers[count++] = n;
        }
    }
    qsort(numbers, count, sizeof(numbers[0]), by_name);
    for (unsigned i = 0; i < count; i++) {
        add_feature(cpu, feature_in(&lacks, numbers[i]) ? "disable" : "require",
                    feature_get(numbers[i])->name);
    }
}

static void add_model(struct xml *cpu, const char *model, const char *vendor, const char *fallback)
{
    xml_set(xml_add(cpu, "model", "%s", model), "fallback", fallback);
    if (vendor != NULL) {
        xml_add(cpu, "vendor", "%s", vendor);
    }
}

void baseline_add_features(struct xml *cpu, const struct model_words *words)
{
    add_set(cpu, "require", &words->more);
    add_set(cpu, "disable", &words->less);
    add_set(cpu, "disable", &words->gone);
}

void baseline_add_words(struct xml *cpu, const struct model_words *words, const char *vendor,
                        const char *fallback)
{
    add_model(cpu, words->model, vendor, fallback);
    baseline_add_features(cpu, words);
}

static char *answer(const struct common *common, const struct model_offers *offers, unsigned flags,
                    GError **error)
{
    struct model_wish wish = {.vendor = common->vendor, .name = common->model, .offers = offers};
    g_autoptr(xml_own) cpu = xml_new("cpu");
    struct feature_set features = common->features;
    struct model_words words;
    bool same;

    /* What an emulator gives can all move, to libvirt. */
    baseline_leave_out(&features, offers == NULL ? flags : 0);
    if (!model_describe(&features, &wish, &words)) {
        fault_set(error, FAULT_INTERNAL_ERROR, "Cannot find suitable CPU model for given data");
        return NULL;
    }
    same = offers != NULL || g_strcmp0(words.model, common->model) == 0;
    xml_set(cpu, "mode", "custom");
    xml_set(cpu, "match", "exact");
    add_model(cpu, words.model, common->told ? common->vendor : NULL, same ? "forbid" : "allow");
    if ((flags & BASELINE_EXPAND) != 0) {
        add_all(cpu, &features, &words);
    } else {
        baseline_add_features(cpu, &words);
    }
    return xml_format(cpu);
}

static void forget(void *description)
{
    description_free(description);
}

static GPtrArray *parse(const char *const *documents, unsigned count, bool hosts, GError **error)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(forget);

    for (unsigned i = 0; i < count; i++) {
        struct description *description = description_parse(documents[i], hosts, error);

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

static char *compute(GPtrArray *list, const struct model_offers *offers, unsigned flags,
                     GError **error)
{
    const struct description *first = list->pdata[0];
    struct common common;

    if ((offers == NULL && !check_arch(first->arch, error)) ||
        !start(&common, first, list->len == 1, error)) {
        return NULL;
    }
    for (unsigned i = 1; i < list->len; i++) {
        if (!add(&common, list->pdata[i], error)) {
            return NULL;
        }
    }
    return answer(&common, offers, flags, error);
}

static bool check_models(GPtrArray *list, GError **error)
{
    for (unsigned i = 0; i < list->len; i++) {
        if (((const struct description *)list->pdata[i])->model == NULL) {
            return fault_set(error, FAULT_INVALID_ARG, "no CPU model specified at index %u", i);
        }
    }
    return true;
}

static char *find(const char *const *documents, unsigned count, const struct model_offers *offers,
                  unsigned flags, GError **error)
{
    g_autoptr(GPtrArray) list = NULL;
    char *text;

    g_assert(count > 0);
    list = parse(documents, count, offers == NULL, error);
    text = list != NULL && check_models(list, error) ? compute(list, offers, flags, error) : NULL;
    if (text == NULL) {
        fault_came_from(error, FAULT_FROM_CPU);
    }
    return text;
}

char *baseline_cpus(const char *const *documents, unsigned count, unsigned flags, GError **error)
{
    return find(documents, count, NULL, flags, error);
}

char *baseline_guests(const char *const *documents, unsigned count,
                      const struct model_offers *offers, unsigned flags, GError **error)
{
    return find(documents, count, offers, flags, error);
}
