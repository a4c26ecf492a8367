/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/cpu/description.h"

#include "manage/conf/fault.h"
#include "manage/cpu/arch.h"

#include <string.h>

#define MAX_FEATURES 4096 /* of one <cpu> */
#define VENDOR_ID    12   /* characters */

/* --- attributes that have a form --- */

/* Words an attribute can be; an element of `one_of` NULL ends them. */
struct attribute {
    const char *element, *name;
    bool needed;
    const char *one_of[6];
    const char *number; /* libvirt's word for the kind of number, or NULL: it is none */
    bool positive;
    bool host; /* only a host's is looked at */
};

static const struct attribute attributes[] = {
    {"cache", "level", .number = "integer"},
    {"cache", "mode", .needed = true, .one_of = {"emulate", "passthrough", "disable"}},
    {"maxphysaddr", "mode", .needed = true, .one_of = {"emulate", "passthrough"}},
    {"maxphysaddr", "bits", .number = "integer"},
    {"topology", "sockets", .needed = true, .number = "non-negative integer", .positive = true},
    {"topology", "dies", .number = "non-negative integer", .positive = true},
    {"topology", "cores", .needed = true, .number = "non-negative integer", .positive = true},
    {"topology", "threads", .needed = true, .number = "non-negative integer", .positive = true},
    {"signature", "family", .needed = true, .number = "non-negative integer", .host = true},
    {"signature", "model", .needed = true, .number = "non-negative integer", .host = true},
    {"signature", "stepping", .needed = true, .number = "non-negative integer", .host = true},
};

static bool is_one_of(const struct attribute *row, const char *value)
{
    for (unsigned i = 0; row->one_of[i] != NULL; i++) {
        if (strcmp(row->one_of[i], value) == 0) {
            return true;
        }
    }
    return false;
}

static bool check_value(const struct attribute *row, const char *value, GError **error)
{
    uint64_t number, max = strcmp(row->name, "frequency") == 0 ? UINT64_MAX : INT_MAX;

    if (row->number == NULL) {
        return is_one_of(row, value) ||
               fault_set(error, FAULT_XML_ERROR,
                         "Invalid value for attribute '%s' in element '%s': '%s'.", row->name,
                         row->element, value);
    }
    if (!xml_number(value, &number) || number > max) {
        return fault_set(
            error, FAULT_XML_ERROR,
            "Invalid value for attribute '%s' in element '%s': '%s'. Expected %s value", row->name,
            row->element, value, row->number);
    }
    return number > 0 || !row->positive ||
           fault_set(error, FAULT_XML_ERROR,
                     "Invalid value for attribute '%s' in element '%s': Zero is not permitted",
                     row->name, row->element);
}

static bool check_attribute(const struct xml *node, const struct attribute *row, GError **error)
{
    const char *value = xml_get(node, row->name);
    bool good = value != NULL ? check_value(row, value, error)
                : row->needed ? fault_set(error, FAULT_XML_ERROR,
                                          "Missing required attribute '%s' in element '%s'",
                                          row->name, row->element)
                              : true;

    return good || fault_came_from(error, FAULT_FROM_XML);
}

/* What a host tells beside its features. */
static bool check_counters(const struct xml *root, GError **error)
{
    static const struct attribute frequency = {"counter", "frequency", .needed = true,
                                               .number = "non-negative integer"};
    const char *version = xml_get(xml_find(root, "microcode"), "version");
    const struct xml *node;
    uint64_t number;

    if (version != NULL && !xml_number(version, &number)) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED, "invalid microcode version");
    }
    for (node = xml_find(root, "counter"); node != NULL; node = xml_next(root, "counter", node)) {
        if (xml_is(node, "name", "tsc")) {
            return check_attribute(node, &frequency, error);
        }
    }
    return true;
}

static bool check_elements(const struct xml *root, bool guest, GError **error)
{
    const struct xml *cache = xml_find(root, "cache");
    uint64_t level;

    for (unsigned i = 0; i < G_N_ELEMENTS(attributes); i++) {
        const struct xml *node = xml_find(root, attributes[i].element);

        if (node != NULL && !(guest && attributes[i].host) &&
            !check_attribute(node, &attributes[i], error)) {
            return false;
        }
    }
    if (xml_number(xml_get(cache, "level"), &level) && (level < 1 || level > 3)) {
        return fault_set(error, FAULT_XML_ERROR, "invalid CPU cache level, must be in range [1,3]");
    }
    return guest || check_counters(root, error);
}

/* --- the element's own attributes --- */

static bool check_root(const struct xml *root, const char *name, const char *const *values,
                       GError **error)
{
    const char *value = xml_get(root, name);

    return value == NULL || g_strv_contains(values, value) ||
           (fault_set(error, FAULT_XML_ERROR,
                      "Invalid value for attribute '%s' in element 'cpu': '%s'.", name, value),
            fault_came_from(error, FAULT_FROM_XML));
}

static bool check_mode(const struct xml *root, bool guest, GError **error)
{
    static const char *const modes[] = {"custom", "host-model", "host-passthrough", "maximum",
                                        NULL};
    static const char *const toggles[] = {"on", "off", NULL};
    const char *mode = xml_get(root, "mode");

    if (mode != NULL && !guest) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "Attribute mode is only allowed for guest CPU");
    }
    if (mode != NULL && !g_strv_contains(modes, mode)) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED, "Invalid mode attribute '%s'", mode);
    }
    if (xml_get(root, "migratable") != NULL && g_strcmp0(mode, "host-passthrough") != 0 &&
        g_strcmp0(mode, "maximum") != 0) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "Attribute migratable is only allowed for 'host-passthrough' / 'maximum' "
                         "CPU mode");
    }
    return check_root(root, "migratable", toggles, error);
}

static bool check_guest(const struct xml *root, GError **error)
{
    static const char *const matches[] = {"minimum", "exact", "strict", NULL};
    static const char *const checks[] = {"none", "partial", "full", NULL};

    return check_root(root, "match", matches, error) && check_root(root, "check", checks, error);
}

static bool read_arch(struct description *d, GError **error)
{
    d->arch = xml_text_at(d->tree, "arch");
    return d->arch == NULL || *d->arch == '\0'
               ? fault_set(error, FAULT_XML_ERROR, "Missing CPU architecture")
               : arch_is_known(d->arch) ||
                     fault_set(error, FAULT_CONFIG_UNSUPPORTED, "Unknown architecture %s", d->arch);
}

/* --- model, vendor, features --- */

static bool check_vendor_id(const char *id, GError **error)
{
    if (id != NULL && strlen(id) != VENDOR_ID) {
        return fault_set(error, FAULT_XML_ERROR, "vendor_id must be exactly %u characters long",
                         VENDOR_ID);
    }
    return id == NULL || strchr(id, ',') == NULL ||
           fault_set(error, FAULT_XML_ERROR, "vendor id is invalid");
}

/* NULL for an element that is empty. */
static const char *text_of(const struct xml *root, const char *name)
{
    const char *text = xml_text_at(root, name);

    return text != NULL && *text != '\0' ? text : NULL;
}

static bool read_model(struct description *d, GError **error)
{
    const struct xml *node = xml_find(d->tree, "model");
    const char *fallback = xml_get(node, "fallback");

    d->model = text_of(d->tree, "model");
    d->vendor = text_of(d->tree, "vendor");
    if (!d->guest) {
        return d->model != NULL || fault_set(error, FAULT_XML_ERROR, "Missing CPU model name");
    }
    if (fallback != NULL && strcmp(fallback, "allow") != 0 && strcmp(fallback, "forbid") != 0) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED, "Invalid fallback attribute");
    }
    if (!check_vendor_id(xml_get(node, "vendor_id"), error)) {
        return false;
    }
    return d->vendor == NULL || d->model != NULL ||
           fault_set(error, FAULT_XML_ERROR, "CPU vendor specified without CPU model");
}

static bool read_policy(const struct xml *node, bool guest, enum description_policy *ret_policy,
                        GError **error)
{
    static const char *const policies[] = {[POLICY_FORCE] = "force",
                                           [POLICY_REQUIRE] = "require",
                                           [POLICY_OPTIONAL] = "optional",
                                           [POLICY_DISABLE] = "disable",
                                           [POLICY_FORBID] = "forbid"};
    const char *policy = xml_get(node, "policy");

    *ret_policy = POLICY_REQUIRE;
    if (!guest || policy == NULL) {
        return true;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(policies); i++) {
        if (strcmp(policies[i], policy) == 0) {
            *ret_policy = (enum description_policy)i;
            return true;
        }
    }
    return fault_set(error, FAULT_CONFIG_UNSUPPORTED, "Invalid CPU feature policy");
}

static bool read_feature(struct description *d, const struct xml *node, GHashTable *seen,
                         GError **error)
{
    struct description_feature feature = {.name = xml_get(node, "name")};

    if (!read_policy(node, d->guest, &feature.policy, error)) {
        return false;
    }
    if (feature.name == NULL || *feature.name == '\0') {
        return fault_set(error, FAULT_XML_ERROR, "Invalid CPU feature name");
    }
    if (!g_hash_table_add(seen, (gpointer)feature.name)) {
        return fault_set(error, FAULT_XML_ERROR, "CPU feature '%s' specified more than once",
                         feature.name);
    }
    g_array_append_val(d->features, feature);
    return d->features->len <= MAX_FEATURES ||
           fault_set(error, FAULT_XML_ERROR, "more than %u CPU features", MAX_FEATURES);
}

static bool read_features(struct description *d, GError **error)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    const struct xml *node = xml_find(d->tree, "feature");

    if (node != NULL && d->guest && d->model == NULL &&
        (xml_get(d->tree, "mode") == NULL || xml_is(d->tree, "mode", "custom"))) {
        return fault_set(error, FAULT_XML_ERROR,
                         "Non-empty feature list specified without CPU model");
    }
    for (; node != NULL; node = xml_next(d->tree, "feature", node)) {
        if (!read_feature(d, node, seen, error)) {
            return false;
        }
    }
    return true;
}

static bool read_rest(struct description *d, GError **error)
{
    return read_model(d, error) && check_elements(d->tree, d->guest, error) &&
           read_features(d, error);
}

static bool read_guest(struct description *d, GError **error)
{
    return check_mode(d->tree, true, error) && check_guest(d->tree, error) && read_rest(d, error);
}

static bool read_root(struct description *d, bool host, GError **error)
{
    if (strcmp(d->tree->name, "cpu") != 0) {
        return fault_set(error, FAULT_XML_ERROR, "XML does not contain expected 'cpu' element");
    }
    d->guest = !host && xml_find(d->tree, "arch") == NULL;
    if (!host && !d->guest && xml_get(d->tree, "match") != NULL) {
        return fault_set(error, FAULT_XML_ERROR,
                         "'arch' element cannot be used inside 'cpu' element with 'match' "
                         "attribute'");
    }
    d->strict = d->guest && xml_is(d->tree, "match", "strict");
    if (d->guest) {
        return read_guest(d, error);
    }
    return check_mode(d->tree, false, error) && read_arch(d, error) && read_rest(d, error);
}

struct description *description_parse(const char *text, bool host, GError **error)
{
    g_autoptr(description_own) d = g_new0(struct description, 1);

    d->features = g_array_new(FALSE, FALSE, sizeof(struct description_feature));
    d->tree = xml_parse(text, "CPU_definition", error);
    if (d->tree == NULL || !read_root(d, host, error)) {
        fault_came_from(error, FAULT_FROM_CPU);
        return NULL;
    }
    return g_steal_pointer(&d);
}

bool description_check(const struct xml *cpu, GError **error)
{
    struct description d = {.tree = (struct xml *)cpu, .guest = true};
    bool good;

    if (cpu == NULL) {
        return true;
    }
    d.features = g_array_new(FALSE, FALSE, sizeof(struct description_feature));
    good = read_guest(&d, error);
    g_array_free(d.features, TRUE);
    return good;
}

void description_free(struct description *description)
{
    if (description != NULL) {
        g_array_free(description->features, TRUE);
        xml_free(description->tree);
        g_free(description);
    }
}
