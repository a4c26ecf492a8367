/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tuning of memory, NUMA and the disks' shares: what is set is kept in the definitions. */
#include "manage/conf/cpuset.h"
#include "manage/conf/fault.h"
#include "manage/driver/test/test-handlers.h"
#include "manage/driver/test/tune.h"

#include <inttypes.h>
#include <string.h>

#define UNLIMITED G_GUINT64_CONSTANT(9007199254740991)

static const struct tune_row memory[] = {
    {"hard_limit", 't'}, {"soft_limit", 't'}, {"swap_hard_limit", 't'}};

static uint64_t limit_of(const struct domain_def *def, const char *name)
{
    return tune_read(xml_find(def->root, "memtune"), name, UNLIMITED);
}

bool test_domain_get_memory_params(struct call *call, GError **error)
{
    GVariantBuilder list;
    unsigned which;

    if (!affect_one(call, &which, error)) {
        return false;
    }
    g_variant_builder_init(&list, G_VARIANT_TYPE("a(sv)"));
    for (unsigned i = 0; i < G_N_ELEMENTS(memory); i++) {
        uint64_t value = limit_of(affect_def(call, which), memory[i].name);

        g_variant_builder_add_value(&list,
                                    call_pack_param(memory[i].name, g_variant_new_uint64(value)));
    }
    return tune_reply(call, &list, call_i32(call, 1));
}

/* Against what is in force, also for the next start: as libvirt's test driver does. */
static bool check_limits(struct call *call, GError **error)
{
    const struct domain_def *def = call->domain->def;
    uint64_t hard = limit_of(def, "hard_limit"), swap = limit_of(def, "swap_hard_limit");

    (void)tune_number(call, 1, "hard_limit", &hard);
    (void)tune_number(call, 1, "swap_hard_limit", &swap);
    return MIN(hard, UNLIMITED) <= MIN(swap, UNLIMITED) ||
           fault_set(error, FAULT_INVALID_ARG,
                     "memory hard_limit tunable value must be lower than or equal to "
                     "swap_hard_limit");
}

static void put_limits(struct call *call, struct domain_def *def)
{
    struct xml *memtune = domain_def_need(def, "memtune");
    uint64_t value;

    for (unsigned i = 0; i < G_N_ELEMENTS(memory); i++) {
        if (!tune_number(call, 1, memory[i].name, &value)) {
            continue;
        }
        tune_put(memtune, "domain/memtune", memory[i].name, value < UNLIMITED ? value : 0);
        if (xml_find(memtune, memory[i].name) != NULL) {
            xml_set(xml_find(memtune, memory[i].name), "unit", "KiB");
        }
    }
    tune_drop_empty(memtune);
}

bool test_domain_set_memory_params(struct call *call, GError **error)
{
    struct domain_def *defs[2];
    unsigned which;

    if (!tune_check(call, 1, memory, G_N_ELEMENTS(memory), error) ||
        !affect_one(call, &which, error)) {
        return false;
    }
    if (!check_limits(call, error)) {
        return false;
    }
    affect_defs(call, which, defs);
    for (int i = 0; i < 2; i++) {
        if (defs[i] != NULL) {
            put_limits(call, defs[i]);
        }
    }
    return true;
}

static const struct tune_row blkio[] = {
    {"weight", 'u'},
    {"device_weight", 's'},
    {"device_read_iops_sec", 's'},
    {"device_write_iops_sec", 's'},
    {"device_read_bytes_sec", 's'},
    {"device_write_bytes_sec", 's'},
};
#define DEVICE "device_" /* before the name of a device's element */

/* "/dev/sda,100,/dev/sdb,5": what the devices have of one kind. */
static char *device_text(const struct xml *blkiotune, const char *element)
{
    GString *text = g_string_new(NULL);

    for (struct xml *d = xml_find(blkiotune, "device"); d != NULL;
         d = xml_next(blkiotune, "device", d)) {
        if (xml_text_at(d, element) != NULL) {
            g_string_append_printf(text, "%s%s,%s", text->len > 0 ? "," : "",
                                   xml_text_at(d, "path"), xml_text_at(d, element));
        }
    }
    return g_string_free(text, FALSE);
}

bool test_domain_get_blkio(struct call *call, GError **error)
{
    GVariantBuilder list;
    unsigned which;

    if (!affect_one(call, &which, error)) {
        return false;
    }
    const struct xml *blkiotune = xml_find(affect_def(call, which)->root, "blkiotune");

    g_variant_builder_init(&list, G_VARIANT_TYPE("a(sv)"));
    g_variant_builder_add_value(
        &list, call_pack_param("weight",
                               g_variant_new_uint32((guint32)tune_read(blkiotune, "weight", 0))));
    for (unsigned i = 1; i < G_N_ELEMENTS(blkio); i++) {
        char *text = device_text(blkiotune, blkio[i].name + strlen(DEVICE));

        g_variant_builder_add_value(
            &list, call_pack_param(blkio[i].name, g_variant_new_take_string(text)));
    }
    return tune_reply(call, &list, call_i32(call, 1));
}

#define MOST_DEVICES 256 /* in one parameter */

static bool check_devices(const char *name, const char *text, char **ret_words[], GError **error)
{
    g_auto(GStrv) words = g_strsplit(text, ",", -1);
    unsigned n = g_strv_length(words);
    bool small = strstr(name, "bytes") == NULL;
    bool good = n % 2 == 0 && n <= 2 * MOST_DEVICES;
    uint64_t value;

    for (unsigned i = 0; good && i + 1 < n; i += 2) {
        good = *words[i] != '\0' && xml_number(words[i + 1], &value) &&
               (!small || value <= G_MAXUINT32);
    }
    if (!good) {
        return fault_set(error, FAULT_INVALID_ARG, "unable to parse blkio device '%s' '%s'", name,
                         text);
    }
    *ret_words = g_steal_pointer(&words);
    return true;
}

static struct xml *device_of(struct xml *blkiotune, const char *path)
{
    for (struct xml *d = xml_find(blkiotune, "device"); d != NULL;
         d = xml_next(blkiotune, "device", d)) {
        if (g_strcmp0(xml_text_at(d, "path"), path) == 0) {
            return d;
        }
    }
    struct xml *device = xml_append(blkiotune, xml_new("device"));

    xml_add(device, "path", "%s", path);
    return device;
}

static void put_devices(struct xml *blkiotune, const char *element, char **words)
{
    for (; words[0] != NULL && words[1] != NULL; words += 2) {
        struct xml *device = device_of(blkiotune, words[0]);
        uint64_t value = 0;

        (void)xml_number(words[1], &value);
        tune_put(device, "domain/blkiotune/device", element, value);
        if (device->children->len == 1) {
            xml_drop(device);
        }
    }
}

static bool put_blkio(struct call *call, struct domain_def *def, GError **error)
{
    struct xml *blkiotune = domain_def_need(def, "blkiotune");
    uint64_t weight;
    bool good = true;

    if (tune_number(call, 1, "weight", &weight)) {
        tune_put(blkiotune, "domain/blkiotune", "weight", weight);
    }
    for (unsigned i = 1; i < G_N_ELEMENTS(blkio) && good; i++) {
        g_autoptr(GVariant) given = tune_given(call, 1, blkio[i].name);
        g_auto(GStrv) words = NULL;

        if (given == NULL) {
            continue;
        }
        good = check_devices(blkio[i].name, g_variant_get_string(given, NULL), &words, error);
        if (good) {
            put_devices(blkiotune, blkio[i].name + strlen(DEVICE), words);
        }
    }
    tune_drop_empty(blkiotune);
    return good;
}

bool test_domain_set_blkio(struct call *call, GError **error)
{
    struct domain_def *defs[2];
    unsigned which;

    if (!tune_check(call, 1, blkio, G_N_ELEMENTS(blkio), error) ||
        !affect_one(call, &which, error)) {
        return false;
    }
    affect_defs(call, which, defs);
    for (int i = 0; i < 2; i++) {
        if (defs[i] != NULL && !put_blkio(call, defs[i], error)) {
            return false;
        }
    }
    return true;
}

static const struct tune_row numa[] = {{"numa_mode", 'i'}, {"numa_nodeset", 's'}};
static const char *const numa_modes[] = {"strict", "preferred", "interleave", "restrictive"};

static int mode_of(const struct xml *node)
{
    const char *mode = xml_get(node, "mode");

    for (unsigned i = 0; i < G_N_ELEMENTS(numa_modes); i++) {
        if (g_strcmp0(mode, numa_modes[i]) == 0) {
            return (int)i;
        }
    }
    return 0;
}

bool test_domain_get_numa(struct call *call, GError **error)
{
    GVariantBuilder list;
    unsigned which;

    if (!affect_one(call, &which, error)) {
        return false;
    }
    const struct xml *node = xml_at(affect_def(call, which)->root, "numatune/memory");
    const char *nodeset = xml_get(node, "nodeset");

    g_variant_builder_init(&list, G_VARIANT_TYPE("a(sv)"));
    g_variant_builder_add_value(&list,
                                call_pack_param("numa_mode", g_variant_new_int32(mode_of(node))));
    g_variant_builder_add_value(
        &list, call_pack_param("numa_nodeset", g_variant_new_string(nodeset ? nodeset : "")));
    return tune_reply(call, &list, call_i32(call, 1));
}

#define MOST_NODES 1024 /* bits of a node set */

static bool read_nodeset(struct call *call, char **ret_text, GError **error)
{
    g_autoptr(GVariant) given = tune_given(call, 1, "numa_nodeset");
    uint8_t map[MOST_NODES / 8];

    if (given == NULL) {
        return true;
    }
    if (!cpuset_parse(g_variant_get_string(given, NULL), map, sizeof(map))) {
        return fault_set(error, FAULT_INVALID_ARG, "Failed to parse bitmap '%s'",
                         g_variant_get_string(given, NULL));
    }
    *ret_text = cpuset_format(map, sizeof(map));
    return true;
}

static bool check_numa(const struct domain_def *def, bool live, int mode, const char *nodeset,
                       GError **error)
{
    const struct xml *node = xml_at(def->root, "numatune/memory");

    if (live && mode >= 0 && mode != mode_of(node)) {
        return fault_set(error, FAULT_OPERATION_INVALID,
                         "can't change numatune mode for running domain");
    }
    return nodeset != NULL || node != NULL ||
           fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                     "nodeset for NUMA memory tuning must be set if 'placement' is 'static'");
}

bool test_domain_set_numa(struct call *call, GError **error)
{
    g_autoptr(GVariant) given = NULL;
    g_autofree char *nodeset = NULL;
    struct domain_def *defs[2];
    int mode = -1;
    unsigned which;

    if (!tune_check(call, 1, numa, G_N_ELEMENTS(numa), error)) {
        return false;
    }
    given = tune_given(call, 1, "numa_mode");
    if (given != NULL) {
        mode = g_variant_get_int32(given);
        if (mode < 0 || mode >= (int)G_N_ELEMENTS(numa_modes)) {
            return fault_set(error, FAULT_INVALID_ARG, "unsupported numatune mode: '%d'", mode);
        }
    }
    if (!read_nodeset(call, &nodeset, error) || !affect_one(call, &which, error)) {
        return false;
    }
    affect_defs(call, which, defs);
    for (int i = 0; i < 2; i++) {
        if (defs[i] != NULL && !check_numa(defs[i], i == 0, mode, nodeset, error)) {
            return false;
        }
    }
    for (int i = 0; i < 2; i++) {
        if (defs[i] != NULL) {
            struct xml *node =
                tune_need(domain_def_need(defs[i], "numatune"), "domain/numatune", "memory");

            xml_set(node, "mode", numa_modes[mode >= 0 ? mode : mode_of(node)]);
            if (nodeset != NULL) {
                xml_set(node, "nodeset", nodeset);
            }
        }
    }
    return true;
}
