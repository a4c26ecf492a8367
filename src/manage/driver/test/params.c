/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Typed parameters of domains that nothing is ever scheduled for: what a fresh domain has. */
#include "manage/conf/fault.h"
#include "manage/driver/test/internal.h"
#include "manage/driver/test/test-handlers.h"

#include <string.h>

#define UNLIMITED G_GUINT64_CONSTANT(9007199254740991)

struct param {
    const char *name;
    char type; /* GVariant: u, t, i or s */
    guint64 value;
};

static const struct param scheduler[] = {{"weight", 'u', 50}};
static const struct param memory[] = {{"hard_limit", 't', UNLIMITED},
                                      {"soft_limit", 't', UNLIMITED},
                                      {"swap_hard_limit", 't', UNLIMITED}};
static const struct param blkio[] = {{"weight", 'u', 0},
                                     {"device_weight", 's', 0},
                                     {"device_read_iops_sec", 's', 0},
                                     {"device_write_iops_sec", 's', 0},
                                     {"device_read_bytes_sec", 's', 0},
                                     {"device_write_bytes_sec", 's', 0}};
static const struct param numa[] = {{"numa_mode", 'i', 0}, {"numa_nodeset", 's', 0}};
static const struct param interface[] = {{"inbound.average", 'u', 0},  {"inbound.peak", 'u', 0},
                                         {"inbound.burst", 'u', 0},    {"inbound.floor", 'u', 0},
                                         {"outbound.average", 'u', 0}, {"outbound.peak", 'u', 0},
                                         {"outbound.burst", 'u', 0}};

static GVariant *pack(const struct param *p)
{
    switch (p->type) {
    case 'u': return g_variant_new_uint32(p->value);
    case 't': return g_variant_new_uint64(p->value);
    case 'i': return g_variant_new_int32(p->value);
    default: return g_variant_new_string("");
    }
}

/* Replies with them: only their number when no room was asked for. `counted`: the reply has it. */
static bool answer(struct call *call, const struct param *params, unsigned n, int room,
                   bool counted)
{
    g_auto(GVariantBuilder) list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(sv)"));

    for (unsigned i = 0; i < n && (int)i < room; i++) {
        g_variant_builder_add_value(&list, call_pack_param(params[i].name, pack(&params[i])));
    }
    return counted ? call_reply(call, "(a(sv)i)", &list, (int)n)
                   : call_reply(call, "(a(sv))", &list);
}

bool test_domain_get_scheduler_type(struct call *call, GError **error)
{
    return call_reply(call, "(si)", "fair", (int)G_N_ELEMENTS(scheduler));
}

bool test_domain_get_scheduler(struct call *call, GError **error)
{
    return answer(call, scheduler, G_N_ELEMENTS(scheduler), call_i32(call, 1), false);
}

bool test_domain_set_scheduler(struct call *call, GError **error)
{
    g_autoptr(GVariant) params = g_variant_get_child_value(call->args, 1);

    for (gsize i = 0; i < g_variant_n_children(params); i++) {
        g_autoptr(GVariant) value = NULL;
        const char *name;

        g_variant_get_child(params, i, "(&sv)", &name, &value);
        if (strcmp(name, "weight") != 0) {
            return fault_set(error, FAULT_INVALID_ARG, "parameter '%s' not supported", name);
        }
    }
    return true;
}

/* What a flag says must be possible: libvirt's words otherwise. */
static bool check_affect(struct call *call, GError **error)
{
    return (call->flags & 1) == 0 || domain_check_active(call->domain, error);
}

bool test_domain_get_memory_params(struct call *call, GError **error)
{
    return check_affect(call, error) &&
           answer(call, memory, G_N_ELEMENTS(memory), call_i32(call, 1), true);
}

bool test_domain_get_blkio(struct call *call, GError **error)
{
    return check_affect(call, error) &&
           answer(call, blkio, G_N_ELEMENTS(blkio), call_i32(call, 1), true);
}

bool test_domain_get_numa(struct call *call, GError **error)
{
    return check_affect(call, error) &&
           answer(call, numa, G_N_ELEMENTS(numa), call_i32(call, 1), true);
}

bool test_domain_get_interface_params(struct call *call, GError **error)
{
    const char *device = call_string(call, 1);

    if (!check_affect(call, error)) {
        return false;
    }
    if (test_find_device(call->domain, "interface", "target", "dev", device) == NULL &&
        test_find_device(call->domain, "interface", "mac", "address", device) == NULL) {
        return fault_set(error, FAULT_INVALID_ARG, "'%s' is not a known interface", device);
    }
    return answer(call, interface, G_N_ELEMENTS(interface), call_i32(call, 2), true);
}

bool test_domain_get_perf(struct call *call, GError **error)
{
    static const char *const names[] = {"cmt",
                                        "mbmt",
                                        "mbml",
                                        "cpu_cycles",
                                        "instructions",
                                        "cache_references",
                                        "cache_misses",
                                        "branch_instructions",
                                        "branch_misses",
                                        "bus_cycles",
                                        "stalled_cycles_frontend",
                                        "stalled_cycles_backend",
                                        "ref_cpu_cycles",
                                        "cpu_clock",
                                        "task_clock",
                                        "page_faults",
                                        "context_switches",
                                        "cpu_migrations",
                                        "page_faults_min",
                                        "page_faults_maj",
                                        "alignment_faults",
                                        "emulation_faults"};
    g_auto(GVariantBuilder) list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(sv)"));

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        g_variant_builder_add_value(&list, call_pack_param(names[i], g_variant_new_boolean(FALSE)));
    }
    return call_reply(call, "(a(sv))", &list);
}

/* CPUs 0 to 7 for every vCPU. */
#define ALL_CPUS 0xff

static GVariant *maps(unsigned n, unsigned length)
{
    g_autofree uint8_t *bytes = g_malloc0((gsize)n * length + 1);

    for (unsigned i = 0; i < n && length > 0; i++) {
        bytes[i * length] = ALL_CPUS;
    }
    return g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, bytes, (gsize)n * length, 1);
}

#define MAX_MAPS 16384 /* vCPUs and bytes of a map that a client may ask for */

bool test_domain_get_vcpus(struct call *call, GError **error)
{
    int room = call_i32(call, 1), length = call_i32(call, 2);
    int n = MIN(room, (int)domain_def_vcpus(call->domain->def));

    if (room < 0 || length < 0 || length > MAX_MAPS) {
        return fault_set(error, FAULT_INVALID_ARG, "maplen");
    }
    GVariantBuilder rows;

    g_variant_builder_init(&rows, G_VARIANT_TYPE("a(uiti)"));
    for (int i = 0; i < n; i++) {
        g_variant_builder_add(&rows, "(uiti)", i, 1, (guint64)g_get_real_time() / 10, 15);
    }
    return call_reply(call, "(@a(uiti)@ay)", g_variant_builder_end(&rows), maps(n, length));
}

bool test_domain_get_vcpu_pin_info(struct call *call, GError **error)
{
    int n = MIN(call_i32(call, 1), (int)domain_def_vcpus(call->domain->def));
    int length = call_i32(call, 2);

    if (n < 0 || length < 0 || length > MAX_MAPS) {
        return fault_set(error, FAULT_INVALID_ARG, "maplen");
    }
    return check_affect(call, error) && call_reply(call, "(@ayi)", maps(n, length), n);
}

bool test_domain_get_emulator_pin_info(struct call *call, GError **error)
{
    int length = call_i32(call, 1);

    if (length < 0 || length > MAX_MAPS) {
        return fault_set(error, FAULT_INVALID_ARG, "maplen");
    }
    return check_affect(call, error) && call_reply(call, "(@ayi)", maps(1, length), 1);
}
