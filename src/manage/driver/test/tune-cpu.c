/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where vCPUs, the emulator and I/O threads may run, and which I/O threads there are. */
#include "base/least.h"
#include "manage/conf/cpuset.h"
#include "manage/conf/fault.h"
#include "manage/conf/schema.h"
#include "manage/driver/test/test-handlers.h"
#include "manage/driver/test/tune.h"

#include <inttypes.h>
#include <string.h>

#define CPUTUNE      "domain/cputune"
#define HOST_CPUS    8     /* of this driver's host that a domain may be pinned to */
#define LAST_CPU     15    /* where a vCPU that is not pinned is said to be */
#define MAX_MAPS     16384 /* vCPUs, and bytes of a map, that a client may ask for */
#define MOST_THREADS 1024

/* The element that pins one of a kind; `attribute` NULL: there is but one. */
static struct xml *find_pin(const struct domain_def *def, const char *kind, const char *attribute,
                            unsigned id)
{
    const struct xml *cputune = xml_find(def->root, "cputune");
    g_autofree char *text = g_strdup_printf("%u", id);
    struct xml *pin = xml_find(cputune, kind);

    while (pin != NULL && attribute != NULL && !xml_is(pin, attribute, text)) {
        pin = xml_next(cputune, kind, pin);
    }
    return pin;
}

/* The map in the call's nth argument as text; code 8 when it is empty. */
static char *read_map(struct call *call, unsigned n, GError **error)
{
    g_autoptr(GVariant) value = g_variant_get_child_value(call->args, n);
    gsize length;
    const uint8_t *map = g_variant_get_fixed_array(value, &length, 1);
    char *text = cpuset_format(map, length);

    if (*text == '\0') {
        g_free(text);
        fault_set(error, FAULT_INVALID_ARG, "Empty cpu list for pinning");
        return NULL;
    }
    return text;
}

static void put_pin(struct domain_def *def, const char *kind, const char *attribute, unsigned id,
                    const char *cpus)
{
    struct xml *cputune = domain_def_need(def, "cputune");
    struct xml *pin = find_pin(def, kind, attribute, id);

    if (pin == NULL) {
        pin = schema_insert(cputune, CPUTUNE, xml_new(kind));
        if (attribute != NULL) {
            g_autofree char *text = g_strdup_printf("%u", id);

            xml_set(pin, attribute, text);
        }
    }
    xml_set(pin, "cpuset", cpus);
}

static void drop_pin(struct domain_def *def, const char *kind, const char *attribute, unsigned id)
{
    xml_drop(find_pin(def, kind, attribute, id));
    tune_drop_empty(xml_find(def->root, "cputune"));
}

/* Fills a map: as pinned, or all CPUs of the host. Returns where it is said to run. */
static int fill_map(const struct xml *pin, uint8_t *map, size_t bytes)
{
    const char *cpus = xml_get(pin, "cpuset");
    uint8_t wide[2048] = {0};

    if (cpus == NULL || !cpuset_parse(cpus, wide, sizeof(wide))) {
        wide[0] = (uint8_t)((1u << HOST_CPUS) - 1);
        cpus = NULL;
    }
    memset(map, 0, bytes);
    memcpy(map, wide, MIN(bytes, sizeof(wide)));
    for (int n = HOST_CPUS - 1; cpus != NULL && n >= 0; n--) {
        if ((wide[0] >> n & 1) != 0) {
            return n;
        }
    }
    return LAST_CPU;
}

static GVariant *maps(const struct domain_def *def, const char *kind, unsigned n, unsigned length)
{
    uint8_t *bytes = g_malloc0((gsize)n * length + 1);

    for (unsigned i = 0; i < n && length > 0; i++) {
        const char *attribute = strcmp(kind, "vcpupin") == 0 ? "vcpu" : NULL;

        (void)fill_map(find_pin(def, kind, attribute, i), bytes + (gsize)i * length, length);
    }
    return g_variant_new_from_data(G_VARIANT_TYPE("ay"), bytes, (gsize)n * length, TRUE, g_free,
                                   bytes);
}

bool test_domain_get_vcpus(struct call *call, GError **error)
{
    const struct domain_def *def = call->domain->def;
    int room = call_i32(call, 1), length = call_i32(call, 2);
    int n = min_i64(MIN(room, MAX_MAPS), (int)domain_def_vcpus(def));
    g_auto(GVariantBuilder) rows = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(uiti)"));

    if (room < 0 || length < 0 || length > MAX_MAPS || (gsize)n * (gsize)length > 8388608) {
        return fault_set(error, FAULT_INVALID_ARG, "maplen");
    }
    for (int i = 0; i < n; i++) {
        uint8_t map;
        int cpu = fill_map(find_pin(def, "vcpupin", "vcpu", (unsigned)i), &map, 1);

        g_variant_builder_add(&rows, "(uiti)", i, 1, (guint64)g_get_real_time() / 10, cpu);
    }
    return call_reply(call, "(a(uiti)@ay)", &rows,
                      maps(def, "vcpupin", (unsigned)n, (unsigned)length));
}

bool test_domain_get_vcpu_pin_info(struct call *call, GError **error)
{
    int room = call_i32(call, 1), length = call_i32(call, 2);
    unsigned which;

    if (!affect_one(call, &which, error)) {
        return false;
    }
    const struct domain_def *def = affect_def(call, which);
    int n = min_i64(MIN(room, MAX_MAPS), (int)domain_def_max_vcpus(def));

    if (n < 0 || length < 0 || length > MAX_MAPS || (gsize)n * (gsize)length > 8388608) {
        return fault_set(error, FAULT_INVALID_ARG, "maplen");
    }
    return call_reply(call, "(@ayi)", maps(def, "vcpupin", (unsigned)n, (unsigned)length), n);
}

bool test_domain_pin_vcpu(struct call *call, GError **error)
{
    struct domain *domain = call->domain;
    unsigned vcpu = call_u32(call, 1);

    if (!domain_is_active(domain)) {
        return fault_set(error, FAULT_OPERATION_INVALID, "cannot pin vcpus on an inactive domain");
    }
    if (vcpu >= domain_def_vcpus(domain->def)) {
        return fault_set(error, FAULT_INVALID_ARG,
                         "requested vcpu '%u' is not present in the domain", vcpu);
    }
    g_autofree char *cpus = read_map(call, 2, error);

    if (cpus == NULL) {
        return false;
    }
    (void)domain_config_def(domain); /* which stays as it is */
    put_pin(domain->def, "vcpupin", "vcpu", vcpu, cpus);
    return true;
}

bool test_domain_get_emulator_pin_info(struct call *call, GError **error)
{
    int length = call_i32(call, 1);
    unsigned which;

    if (length < 0 || length > MAX_MAPS) {
        return fault_set(error, FAULT_INVALID_ARG, "maplen");
    }
    return affect_one(call, &which, error) &&
           call_reply(call, "(@ayi)",
                      maps(affect_def(call, which), "emulatorpin", 1, (unsigned)length), 1);
}

bool test_domain_pin_emulator(struct call *call, GError **error)
{
    g_autofree char *cpus = NULL;
    struct domain_def *defs[2];
    unsigned which;

    if (!affect_one(call, &which, error) || (cpus = read_map(call, 1, error)) == NULL) {
        return false;
    }
    affect_defs(call, which, defs);
    for (int i = 0; i < 2; i++) {
        if (defs[i] != NULL) {
            put_pin(defs[i], "emulatorpin", NULL, 0, cpus);
        }
    }
    return true;
}

static struct xml *find_thread(const struct domain_def *def, unsigned id)
{
    const struct xml *ids = xml_find(def->root, "iothreadids");
    g_autofree char *text = g_strdup_printf("%u", id);
    struct xml *thread = xml_find(ids, "iothread");

    while (thread != NULL && !xml_is(thread, "id", text)) {
        thread = xml_next(ids, "iothread", thread);
    }
    return thread;
}

static unsigned count_threads(const struct domain_def *def)
{
    const struct xml *ids = xml_find(def->root, "iothreadids");

    return ids != NULL && ids->children != NULL ? ids->children->len : 0;
}

/* Without threads both elements go. */
static void say_threads(struct domain_def *def)
{
    unsigned n = count_threads(def);
    g_autofree char *text = g_strdup_printf("%u", n);

    domain_def_set_text(def, "iothreads", n > 0 ? text : NULL);
    tune_drop_empty(xml_find(def->root, "iothreadids"));
}

/* Gives ids to those that a definition only counts: 1, 2, ... */
static void name_threads(struct domain_def *def)
{
    uint64_t n = min_u64(tune_read(def->root, "iothreads", 0), MOST_THREADS);

    if (n == 0) {
        return;
    }
    struct xml *ids = domain_def_need(def, "iothreadids");

    for (unsigned id = 1; count_threads(def) < n; id++) {
        if (find_thread(def, id) == NULL) {
            g_autofree char *text = g_strdup_printf("%u", id);

            xml_set(xml_append(ids, xml_new("iothread")), "id", text);
        }
    }
}

/* Calls back for each definition that the call changes: first whether it can be, then for good. */
static bool change(struct call *call,
                   bool (*one)(struct call *call, struct domain_def *def, bool really,
                               GError **error),
                   GError **error)
{
    struct domain_def *defs[2];
    unsigned which;

    if (!affect_one(call, &which, error)) {
        return false;
    }
    affect_defs(call, which, defs);
    for (int i = 0; i < 4; i++) {
        if (defs[i % 2] == NULL) {
            continue;
        }
        if (i < 2) {
            name_threads(defs[i % 2]);
        }
        if (!one(call, defs[i % 2], i >= 2, error)) {
            return false;
        }
    }
    return true;
}

static bool add(struct call *call, struct domain_def *def, bool really, GError **error)
{
    unsigned id = call_u32(call, 1);

    if (really) {
        g_autofree char *text = g_strdup_printf("%u", id);

        xml_set(xml_append(domain_def_need(def, "iothreadids"), xml_new("iothread")), "id", text);
        say_threads(def);
        return true;
    }
    if (count_threads(def) >= MOST_THREADS) {
        return fault_set(error, FAULT_OPERATION_FAILED, "a domain has at most %d IOThreads",
                         MOST_THREADS);
    }
    return find_thread(def, id) == NULL ||
           fault_set(error, FAULT_INVALID_ARG, "an IOThread is already using iothread_id '%u'", id);
}

/* A disk or controller that the thread serves keeps it. */
static bool check_unused(const struct domain_def *def, unsigned id, GError **error)
{
    const struct xml *devices = domain_def_devices(def);
    g_autofree char *text = g_strdup_printf("%u", id);
    struct xml *device;

    for (unsigned i = 0; (device = xml_child(devices, i)) != NULL; i++) {
        if (xml_is(xml_find(device, "driver"), "iothread", text)) {
            return fault_set(error, FAULT_INVALID_ARG,
                             "cannot remove IOThread %u since it is being used by %s '%s'", id,
                             device->name, xml_get(xml_find(device, "target"), "dev"));
        }
    }
    return true;
}

static bool del(struct call *call, struct domain_def *def, bool really, GError **error)
{
    unsigned id = call_u32(call, 1);
    struct xml *thread = find_thread(def, id);

    if (thread == NULL) {
        return fault_set(error, FAULT_INVALID_ARG, "cannot find IOThread '%u' in iothreadids list",
                         id);
    }
    if (!really) {
        return check_unused(def, id, error);
    }
    xml_drop(thread);
    drop_pin(def, "iothreadpin", "iothread", id);
    say_threads(def);
    return true;
}

static bool check_id(struct call *call, GError **error)
{
    return call_u32(call, 1) != 0 ||
           fault_set(error, FAULT_INVALID_ARG, "invalid value of 0 for iothread_id");
}

bool test_domain_add_iothread(struct call *call, GError **error)
{
    return check_id(call, error) && change(call, add, error);
}

bool test_domain_del_iothread(struct call *call, GError **error)
{
    return check_id(call, error) && change(call, del, error);
}

static bool pin(struct call *call, struct domain_def *def, bool really, GError **error)
{
    g_autofree char *cpus = read_map(call, 2, error);
    unsigned id = call_u32(call, 1);

    if (cpus == NULL) {
        return false;
    }
    if (find_thread(def, id) == NULL) {
        return fault_set(error, FAULT_INVALID_ARG, "iothreadid %u not found", id);
    }
    if (really) {
        put_pin(def, "iothreadpin", "iothread", id, cpus);
    }
    return true;
}

bool test_domain_pin_iothread(struct call *call, GError **error)
{
    return change(call, pin, error);
}

static bool set(struct call *call, struct domain_def *def, bool really, GError **error)
{
    return find_thread(def, call_u32(call, 1)) != NULL ||
           fault_set(error, FAULT_INVALID_ARG, "cannot find IOThread '%u' in iothreadids",
                     call_u32(call, 1));
}

/* Polling is of a thread that runs, and no thread does: it is checked and has no effect. */
bool test_domain_set_iothread_params(struct call *call, GError **error)
{
    static const struct tune_row polling[] = {
        {"poll_max_ns", 't'}, {"poll_grow", 'u'}, {"poll_shrink", 'u'}};

    return check_id(call, error) && tune_check(call, 2, polling, G_N_ELEMENTS(polling), error) &&
           change(call, set, error);
}

/* Threads that are not pinned are said to have as many CPUs as the domain. */
static GVariant *thread_map(const struct domain_def *def, unsigned id)
{
    const struct xml *pin = find_pin(def, "iothreadpin", "iothread", id);
    const char *cpus = xml_get(pin, "cpuset");
    uint8_t map[2048] = {0};
    size_t bytes = sizeof(map);

    if (cpus == NULL || !cpuset_parse(cpus, map, sizeof(map))) {
        unsigned n = min_u64(domain_def_vcpus(def), sizeof(map) * 8);

        for (unsigned i = 0; i < n; i++) {
            map[i / 8] |= (uint8_t)(1u << i % 8);
        }
    }
    while (bytes > 1 && map[bytes - 1] == 0) {
        bytes--;
    }
    return g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, map, bytes, 1);
}

bool test_domain_get_iothread_info(struct call *call, GError **error)
{
    g_auto(GVariantBuilder) list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(uay)"));
    unsigned which;

    if (!affect_one(call, &which, error)) {
        return false;
    }
    struct domain_def *def =
        (which & AFFECT_LIVE) != 0 ? call->domain->def : domain_inactive_def(call->domain);

    name_threads(def);
    const struct xml *ids = xml_find(def->root, "iothreadids");

    for (struct xml *t = xml_find(ids, "iothread"); t != NULL; t = xml_next(ids, "iothread", t)) {
        uint64_t id = 0;

        (void)xml_number(xml_get(t, "id"), &id);
        g_variant_builder_add(&list, "(u@ay)", (guint32)id, thread_map(def, (unsigned)id));
    }
    return call_reply(call, "(a(uay)u)", &list, count_threads(def));
}
