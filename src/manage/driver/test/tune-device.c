/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tuning of devices: disks' limits, interfaces' bandwidth, the balloon's statistics; and perf. */
#include "manage/conf/fault.h"
#include "manage/conf/schema.h"
#include "manage/driver/test/test-handlers.h"
#include "manage/driver/test/tune.h"

#include <inttypes.h>
#include <string.h>

static const struct tune_row iotune[] = {
    {"total_bytes_sec", 't'},
    {"read_bytes_sec", 't'},
    {"write_bytes_sec", 't'},
    {"total_iops_sec", 't'},
    {"read_iops_sec", 't'},
    {"write_iops_sec", 't'},
    {"total_bytes_sec_max", 't'},
    {"read_bytes_sec_max", 't'},
    {"write_bytes_sec_max", 't'},
    {"total_iops_sec_max", 't'},
    {"read_iops_sec_max", 't'},
    {"write_iops_sec_max", 't'},
    {"size_iops_sec", 't'},
    {"group_name", 's'},
    {"total_bytes_sec_max_length", 't'},
    {"read_bytes_sec_max_length", 't'},
    {"write_bytes_sec_max_length", 't'},
    {"total_iops_sec_max_length", 't'},
    {"read_iops_sec_max_length", 't'},
    {"write_iops_sec_max_length", 't'},
};
enum { RATES = 6 /* the first so many, then as many with _max */ };

static struct xml *find_disk(const struct domain_def *def, const char *name, GError **error)
{
    const struct xml *devices = domain_def_devices(def);
    struct xml *d = xml_find(devices, "disk");

    while (d != NULL && !xml_is(xml_find(d, "target"), "dev", name) &&
           !xml_is(xml_find(d, "source"), "file", name)) {
        d = xml_next(devices, "disk", d);
    }
    if (d == NULL) {
        fault_set(error, FAULT_INVALID_ARG, "disk '%s' was not found in the domain config", name);
    }
    return d;
}

bool test_domain_get_iotune(struct call *call, GError **error)
{
    const char *name = call_maybe_string(call, 1);
    GVariantBuilder list;
    unsigned which;

    if (!affect_one(call, &which, error)) {
        return false;
    }
    const struct xml *disk = name != NULL && call_i32(call, 2) > 0
                                 ? find_disk(affect_def(call, which), name, error)
                                 : NULL;
    const struct xml *node = xml_find(disk, "iotune");

    if (disk == NULL && call_i32(call, 2) > 0) {
        return name == NULL ? fault_set(error, FAULT_INVALID_ARG, "no disk is named") : false;
    }
    g_variant_builder_init(&list, G_VARIANT_TYPE("a(sv)"));
    for (unsigned i = 0; i < G_N_ELEMENTS(iotune); i++) {
        const char *text = xml_text_at(node, iotune[i].name);

        g_variant_builder_add_value(
            &list, call_pack_param(iotune[i].name,
                                   iotune[i].type == 's'
                                       ? g_variant_new_string(text != NULL ? text : "")
                                       : g_variant_new_uint64(tune_read(node, iotune[i].name, 0))));
    }
    return tune_reply(call, &list, call_i32(call, 2));
}

/* What a row is after the call. */
static uint64_t rate(struct call *call, const struct xml *node, unsigned row)
{
    uint64_t value = tune_read(node, iotune[row].name, 0);

    (void)tune_number(call, 2, iotune[row].name, &value);
    return value;
}

static bool check_rates(struct call *call, const struct xml *node, GError **error)
{
    static const char *const kinds[] = {"bytes_sec", "iops_sec", "bytes_sec_max", "iops_sec_max"};

    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (rate(call, node, 3 * i) != 0 &&
            (rate(call, node, 3 * i + 1) != 0 || rate(call, node, 3 * i + 2) != 0)) {
            return fault_set(error, FAULT_INVALID_ARG,
                             "total and read/write of %s cannot be set at the same time", kinds[i]);
        }
    }
    for (unsigned i = 0; i < RATES; i++) {
        if (rate(call, node, i) > rate(call, node, i + RATES)) {
            return fault_set(error, FAULT_INVALID_ARG, "%s cannot be set higher than %s ",
                             iotune[i].name, iotune[i + RATES].name);
        }
    }
    return true;
}

static void put_rates(struct call *call, struct xml *disk)
{
    static const char path[] = "domain/devices/disk/iotune";
    struct xml *node = tune_need(disk, "domain/devices/disk", "iotune");
    g_autoptr(GVariant) group = tune_given(call, 2, "group_name");
    uint64_t value;

    for (unsigned i = 0; i < G_N_ELEMENTS(iotune); i++) {
        if (tune_number(call, 2, iotune[i].name, &value)) {
            tune_put(node, path, iotune[i].name, value);
        }
    }
    if (group != NULL) {
        xml_set_text(tune_need(node, path, "group_name"), g_variant_get_string(group, NULL));
    }
    tune_drop_empty(node);
}

bool test_domain_set_iotune(struct call *call, GError **error)
{
    struct xml *disks[2] = {NULL, NULL};
    struct domain_def *defs[2];
    unsigned which;

    if (!tune_check(call, 2, iotune, G_N_ELEMENTS(iotune), error) ||
        !affect_one(call, &which, error)) {
        return false;
    }
    affect_defs(call, which, defs);
    for (int i = 0; i < 2; i++) {
        if (defs[i] == NULL) {
            continue;
        }
        disks[i] = find_disk(defs[i], call_string(call, 1), NULL);
        if (disks[i] == NULL) {
            return fault_set(error, FAULT_INVALID_ARG,
                             "missing persistent configuration for disk '%s'",
                             call_string(call, 1));
        }
        if (!check_rates(call, xml_find(disks[i], "iotune"), error)) {
            return false;
        }
    }
    for (int i = 0; i < 2; i++) {
        if (disks[i] != NULL) {
            put_rates(call, disks[i]);
        }
    }
    return true;
}

static const struct tune_row bandwidth[] = {
    {"inbound.average", 'u'}, {"inbound.peak", 'u'},     {"inbound.burst", 'u'},
    {"inbound.floor", 'u'},   {"outbound.average", 'u'}, {"outbound.peak", 'u'},
    {"outbound.burst", 'u'},
};

static struct xml *find_interface(const struct domain_def *def, const char *name, GError **error)
{
    const struct xml *devices = domain_def_devices(def);
    struct xml *d = xml_find(devices, "interface");

    while (d != NULL && !xml_is(xml_find(d, "target"), "dev", name) &&
           !xml_is(xml_find(d, "mac"), "address", name)) {
        d = xml_next(devices, "interface", d);
    }
    if (d == NULL) {
        fault_set(error, FAULT_INVALID_ARG, "'%s' is not a known interface", name);
    }
    return d;
}

/* "inbound.average": the attribute `average` of <inbound>. */
static void split(const char *name, char ret_element[16], const char **ret_attribute)
{
    const char *dot = strchr(name, '.');

    g_strlcpy(ret_element, name, MIN(16, (gsize)(dot - name) + 1));
    *ret_attribute = dot + 1;
}

bool test_domain_get_interface_params(struct call *call, GError **error)
{
    GVariantBuilder list;
    unsigned which;

    if (!affect_one(call, &which, error)) {
        return false;
    }
    /* Who asks how many there are names none. */
    const struct xml *node =
        call_i32(call, 2) > 0 ? find_interface(affect_def(call, which), call_string(call, 1), error)
                              : NULL;

    if (node == NULL && call_i32(call, 2) > 0) {
        return false;
    }
    g_variant_builder_init(&list, G_VARIANT_TYPE("a(sv)"));
    for (unsigned i = 0; i < G_N_ELEMENTS(bandwidth); i++) {
        const char *attribute;
        char element[16];
        uint64_t value = 0;

        split(bandwidth[i].name, element, &attribute);
        (void)xml_number(xml_get(xml_find(xml_find(node, "bandwidth"), element), attribute),
                         &value);
        g_variant_builder_add_value(
            &list, call_pack_param(bandwidth[i].name, g_variant_new_uint32((guint32)value)));
    }
    return tune_reply(call, &list, call_i32(call, 2));
}

/* A direction that the call names is replaced as a whole; without an average it ends. */
static void put_direction(struct call *call, struct xml *node, const char *direction)
{
    struct xml *made = xml_new(direction);
    bool named = false;

    for (unsigned i = 0; i < G_N_ELEMENTS(bandwidth); i++) {
        const char *attribute;
        char element[16];
        uint64_t value;

        split(bandwidth[i].name, element, &attribute);
        if (strcmp(element, direction) != 0 || !tune_number(call, 2, bandwidth[i].name, &value)) {
            continue;
        }
        g_autofree char *text = g_strdup_printf("%" PRIu64, value);

        named = true;
        xml_set(made, attribute, value != 0 ? text : NULL);
    }
    if (named) {
        xml_drop(xml_find(node, direction));
    }
    if (!named || (xml_get(made, "average") == NULL && xml_get(made, "floor") == NULL)) {
        xml_free(made);
    } else {
        xml_insert(node, strcmp(direction, "inbound") == 0 ? 0 : G_MAXUINT, made);
    }
}

bool test_domain_set_interface_params(struct call *call, GError **error)
{
    struct xml *nodes[2] = {NULL, NULL};
    struct domain_def *defs[2];
    unsigned which;

    if (!tune_check(call, 2, bandwidth, G_N_ELEMENTS(bandwidth), error) ||
        !affect_one(call, &which, error)) {
        return false;
    }
    affect_defs(call, which, defs);
    for (int i = 0; i < 2; i++) {
        if (defs[i] != NULL &&
            (nodes[i] = find_interface(defs[i], call_string(call, 1), error)) == NULL) {
            return false;
        }
    }
    for (int i = 0; i < 2; i++) {
        if (nodes[i] != NULL) {
            struct xml *node = tune_need(nodes[i], "domain/devices/interface", "bandwidth");

            node->open = true;
            put_direction(call, node, "inbound");
            put_direction(call, node, "outbound");
        }
    }
    return true;
}

bool test_domain_set_memory_stats_period(struct call *call, GError **error)
{
    g_autofree char *text = g_strdup_printf("%d", call_i32(call, 1));
    struct domain_def *defs[2];
    unsigned which;

    if (call_i32(call, 1) < 0) {
        return fault_set(error, FAULT_INVALID_ARG, "invalid collection period value '%s'", text);
    }
    if (!affect_one(call, &which, error)) {
        return false;
    }
    affect_defs(call, which, defs);
    for (int i = 0; i < 2; i++) {
        struct xml *balloon =
            defs[i] != NULL ? xml_find(domain_def_devices(defs[i]), "memballoon") : NULL;

        if (defs[i] != NULL && (balloon == NULL || xml_is(balloon, "model", "none"))) {
            return fault_set(error, FAULT_OPERATION_INVALID,
                             "Memory balloon model must be virtio to set the collection period");
        }
    }
    for (int i = 0; i < 2; i++) {
        struct xml *balloon =
            defs[i] != NULL ? xml_find(domain_def_devices(defs[i]), "memballoon") : NULL;

        if (balloon != NULL && call_i32(call, 1) == 0) {
            xml_drop(xml_find(balloon, "stats"));
        } else if (balloon != NULL) {
            xml_set(tune_need(balloon, "domain/devices/memballoon", "stats"), "period", text);
        }
    }
    return true;
}

static const struct tune_row perf[] = {
    {"cmt", 'b'},
    {"mbmt", 'b'},
    {"mbml", 'b'},
    {"cpu_cycles", 'b'},
    {"instructions", 'b'},
    {"cache_references", 'b'},
    {"cache_misses", 'b'},
    {"branch_instructions", 'b'},
    {"branch_misses", 'b'},
    {"bus_cycles", 'b'},
    {"stalled_cycles_frontend", 'b'},
    {"stalled_cycles_backend", 'b'},
    {"ref_cpu_cycles", 'b'},
    {"cpu_clock", 'b'},
    {"task_clock", 'b'},
    {"page_faults", 'b'},
    {"context_switches", 'b'},
    {"cpu_migrations", 'b'},
    {"page_faults_min", 'b'},
    {"page_faults_maj", 'b'},
    {"alignment_faults", 'b'},
    {"emulation_faults", 'b'},
};

static struct xml *find_event(const struct xml *node, const char *name)
{
    struct xml *event = xml_find(node, "event");

    while (event != NULL && !xml_is(event, "name", name)) {
        event = xml_next(node, "event", event);
    }
    return event;
}

bool test_domain_get_perf(struct call *call, GError **error)
{
    g_auto(GVariantBuilder) list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(sv)"));
    unsigned which;

    if (!affect_one(call, &which, error)) {
        return false;
    }
    const struct xml *node = xml_find(affect_def(call, which)->root, "perf");

    for (unsigned i = 0; i < G_N_ELEMENTS(perf); i++) {
        bool on = xml_is(find_event(node, perf[i].name), "enabled", "yes");

        g_variant_builder_add_value(&list,
                                    call_pack_param(perf[i].name, g_variant_new_boolean(on)));
    }
    return call_reply(call, "(a(sv))", &list);
}

/* In the order of the rows, each that was ever set. */
static void put_perf(struct call *call, struct domain_def *def)
{
    struct xml *node = domain_def_need(def, "perf");
    unsigned at = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(perf); i++) {
        struct xml *event = find_event(node, perf[i].name);
        uint64_t on;
        bool given = tune_number(call, 1, perf[i].name, &on);

        if (event == NULL && given) {
            event = xml_insert(node, at, xml_new("event"));
            xml_set(event, "name", perf[i].name);
        }
        if (given) {
            xml_set(event, "enabled", on != 0 ? "yes" : "no");
        }
        at += event != NULL;
    }
    tune_drop_empty(node);
}

bool test_domain_set_perf(struct call *call, GError **error)
{
    struct domain_def *defs[2];
    unsigned which;

    if (!tune_check(call, 1, perf, G_N_ELEMENTS(perf), error) || !affect_one(call, &which, error)) {
        return false;
    }
    affect_defs(call, which, defs);
    for (int i = 0; i < 2; i++) {
        if (defs[i] != NULL) {
            put_perf(call, defs[i]);
        }
    }
    return true;
}
