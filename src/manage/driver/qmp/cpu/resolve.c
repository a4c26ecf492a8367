/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/driver/qmp/cpu/resolve.h"

#include "manage/conf/fault.h"
#include "manage/conf/schema.h"
#include "manage/cpu/arch.h"
#include "manage/cpu/baseline.h"
#include "manage/cpu/compare.h"
#include "manage/cpu/description.h"
#include "manage/driver/qmp/cpu/guest.h"

#include <string.h>

/* --- features of a <cpu> --- */

static struct xml *feature_of(const struct xml *cpu, const char *name)
{
    struct xml *feature = xml_find(cpu, "feature");

    while (feature != NULL && !xml_is(feature, "name", name)) {
        feature = xml_next(cpu, "feature", feature);
    }
    return feature;
}

/* In its place, or last. */
static void put(struct xml *cpu, const char *name, const char *policy)
{
    struct xml *feature = feature_of(cpu, name);

    if (feature == NULL) {
        feature = xml_append(cpu, xml_new("feature"));
        xml_set(feature, "policy", policy);
        xml_set(feature, "name", name);
    }
    xml_set(feature, "policy", policy);
}

/* Does a policy ask for the feature? */
static bool is_on(const char *policy)
{
    return g_strcmp0(policy, "require") == 0 || g_strcmp0(policy, "force") == 0;
}

/* What may be there is there if it can. */
static bool settle(struct xml *cpu, const struct feature_set *most, GError **error)
{
    struct xml *feature;
    unsigned n;

    for (feature = xml_find(cpu, "feature"); feature != NULL;
         feature = xml_next(cpu, "feature", feature)) {
        const char *name = xml_get(feature, "name");

        if (name == NULL || !feature_find(name, &n)) {
            return fault_set(error, FAULT_CONFIG_UNSUPPORTED, "unknown CPU feature: %s",
                             name != NULL ? name : "");
        }
        xml_default(feature, "policy", "require");
        if (xml_is(feature, "policy", "optional")) {
            xml_set(feature, "policy", feature_in(most, n) ? "require" : "disable");
        }
    }
    return true;
}

/* The set that a model and settled features make. */
static struct feature_set set_of(const struct xml *cpu, const struct model *model)
{
    struct feature_set set = model->has;
    const struct xml *feature;
    unsigned n;

    for (feature = xml_find(cpu, "feature"); feature != NULL;
         feature = xml_next(cpu, "feature", feature)) {
        if (!feature_find(xml_get(feature, "name"), &n)) {
            continue;
        }
        if (is_on(xml_get(feature, "policy"))) {
            feature_add(&set, n);
        } else {
            feature_remove(&set, n);
        }
    }
    return set;
}

/* --- models --- */

/* The model and features of `words`, then what the <cpu> said itself. */
static void rewrite(struct xml *cpu, const struct model_words *words)
{
    g_autoptr(xml_own) own = xml_new("cpu");
    struct xml *feature;

    while ((feature = xml_find(cpu, "feature")) != NULL) {
        xml_append(own, xml_take(feature));
    }
    xml_set_text(xml_need(cpu, "model"), words->model);
    baseline_add_features(cpu, words);
    for (feature = xml_find(own, "feature"); feature != NULL;
         feature = xml_next(own, "feature", feature)) {
        put(cpu, xml_get(feature, "name"), xml_get(feature, "policy"));
    }
}

/* All that the emulator has. Its vendor is told to whom asked for the host's. */
static void give_most(struct xml *cpu, const struct emulator *emulator,
                      const struct processor *most, bool tell)
{
    struct model_words words;

    if (!guest_cpu_describe(emulator, &words)) {
        return;
    }
    rewrite(cpu, &words);
    xml_drop(xml_find(cpu, "vendor"));
    if (tell && most->vendor != NULL) {
        xml_add(cpu, "vendor", "%s", most->vendor);
    }
    xml_set(cpu, "mode", "custom");
    xml_set(cpu, "match", "exact");
}

/* In the emulator's own models. */
static bool translate(struct xml *cpu, const struct model *model, const struct model_offers *offers,
                      GError **error)
{
    const struct model_wish wish = {.vendor = model->vendor, .offers = offers};
    struct feature_set set = set_of(cpu, model);
    struct model_words words;

    if (xml_is(xml_find(cpu, "model"), "fallback", "forbid") ||
        !model_describe(&set, &wish, &words)) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "CPU model %s is not supported by hypervisor", model->name);
    }
    rewrite(cpu, &words);
    return true;
}

static bool give_model(struct xml *cpu, const struct emulator *emulator, GError **error)
{
    const char *name = xml_text_at(cpu, "model");
    struct model_offers offers = guest_cpu_offers(emulator);
    struct feature_set blockers = {0};
    struct model model;

    if (!model_find(name, &model)) {
        return fault_set(error, FAULT_INTERNAL_ERROR, "Unknown CPU model %s", name);
    }
    if (!offers.find(offers.opaque, name, &blockers) && !translate(cpu, &model, &offers, error)) {
        return false;
    }
    /* What emulators gave the model once is not to come by itself. */
    for (unsigned n = 0; n < FEATURE_COUNT; n++) {
        if (feature_in(&model.had, n) && feature_of(cpu, feature_get(n)->name) == NULL) {
            put(cpu, feature_get(n)->name, "disable");
        }
    }
    return true;
}

static bool compare(const struct xml *cpu, const struct processor *most, GError **error)
{
    g_autofree char *text = xml_format(cpu);
    g_autoptr(description_own) wanted = description_parse(text, false, error);
    enum compare_result result;

    return wanted != NULL && compare_cpu(most, wanted, true, &result, error);
}

/* --- before the start --- */

static bool is_mode(const struct xml *cpu, const char *mode)
{
    return xml_is(cpu, "mode", mode);
}

bool resolve_wanted(const struct xml *domain)
{
    const struct xml *cpu = xml_find(domain, "cpu");
    const char *arch = xml_get(xml_at(domain, "os/type"), "arch");

    return xml_is(domain, "type", "qemu") && arch != NULL && arch_is_x86(arch) &&
           (is_mode(cpu, "host-model") || is_mode(cpu, "maximum") ||
            (is_mode(cpu, "custom") && xml_text_at(cpu, "model") != NULL));
}

bool resolve_cpu(struct xml *domain, const struct emulator *emulator, GError **error)
{
    struct xml *cpu = xml_find(domain, "cpu");
    bool host = is_mode(cpu, "host-model");
    struct processor most;

    if (!guest_cpu_most(emulator, &most)) {
        return true;
    }
    if ((is_mode(cpu, "custom") && xml_is(cpu, "check", "partial") &&
         !compare(cpu, &most, error)) ||
        !settle(cpu, &most.features, error)) {
        return false;
    }
    if (host || (is_mode(cpu, "custom") && xml_is(cpu, "match", "minimum"))) {
        give_most(cpu, emulator, &most, host);
    } else if (is_mode(cpu, "custom") && !give_model(cpu, emulator, error)) {
        return false;
    }
    if (is_mode(cpu, "custom")) {
        xml_set(xml_find(cpu, "model"), "fallback", "forbid");
    }
    schema_tidy_at(cpu, "domain/cpu");
    return true;
}

/* --- after it --- */

static unsigned number(json_object *word, const char *name)
{
    json_object *value;

    return json_object_object_get_ex(word, name, &value) ? (unsigned)json_object_get_int64(value)
                                                         : 0;
}

static void read_word(json_object *word, struct feature_set *set)
{
    static const char *const registers[] = {"EAX", "EBX", "ECX", "EDX"};
    unsigned leaf = number(word, "cpuid-input-eax"), subleaf = number(word, "cpuid-input-ecx");
    unsigned bits = number(word, "features");
    json_object *name;

    if (!json_object_object_get_ex(word, "cpuid-register", &name)) {
        return;
    }
    for (unsigned n = 0; n < FEATURE_COUNT; n++) {
        const struct feature *f = feature_get(n);

        if (f->place != FEATURE_IN_MSR && f->leaf == leaf && f->subleaf == subleaf &&
            g_strcmp0(registers[f->place - FEATURE_IN_EAX], json_object_get_string(name)) == 0 &&
            (bits >> f->bit & 1) != 0) {
            feature_add(set, n);
        }
    }
}

bool resolve_read_words(json_object *words, struct feature_set *ret_set)
{
    *ret_set = (struct feature_set){0};
    if (!json_object_is_type(words, json_type_array)) {
        return false;
    }
    for (size_t i = 0; i < json_object_array_length(words); i++) {
        json_object *word = json_object_array_get_idx(words, i);

        if (json_object_is_type(word, json_type_object)) {
            read_word(word, ret_set);
        }
    }
    return true;
}

static void add_name(GString *names, const char *what, const char *name)
{
    if (names->len == 0) {
        g_string_append_printf(names, "%s features: ", what);
    } else {
        g_string_append_c(names, ',');
    }
    g_string_append(names, name);
}

/* The words about it; NULL when nothing differs. What MSRs say is not known. */
static char *update(struct xml *cpu, const struct feature_set *wanted,
                    const struct feature_set *has)
{
    g_autoptr(GString) extra = g_string_new(NULL), missing = g_string_new(NULL);

    for (unsigned n = 0; n < FEATURE_COUNT; n++) {
        const struct feature *f = feature_get(n);
        bool on = feature_in(has, n);

        if (f->place == FEATURE_IN_MSR || on == feature_in(wanted, n)) {
            continue;
        }
        add_name(on ? extra : missing, on ? "extra" : "missing", f->name);
        put(cpu, f->name, on ? "require" : "disable");
    }
    return extra->len + missing->len == 0
               ? NULL
               : g_strconcat(extra->str, extra->len > 0 && missing->len > 0 ? ", " : "",
                             missing->str, NULL);
}

bool resolve_note(struct xml *domain, const struct feature_set *has,
                  const struct feature_set *filtered, GError **error)
{
    struct xml *cpu = xml_find(domain, "cpu");
    g_autofree char *words = NULL;
    struct feature_set wanted;
    struct model model;

    if (!is_mode(cpu, "custom") || xml_text_at(cpu, "model") == NULL ||
        !model_find(xml_text_at(cpu, "model"), &model)) {
        return true;
    }
    /* The emulator's model may have more than ours of its name. */
    wanted = set_of(cpu, &model);
    wanted = feature_either(&wanted, filtered);
    words = update(cpu, &wanted, has);
    if (words != NULL && xml_is(cpu, "check", "full")) {
        return fault_set(error, FAULT_OPERATION_FAILED, "guest CPU doesn't match specification: %s",
                         words);
    }
    xml_set(cpu, "check", "full");
    schema_tidy_at(cpu, "domain/cpu");
    return true;
}
