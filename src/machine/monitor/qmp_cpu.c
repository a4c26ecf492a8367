/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands about vCPUs and CPU models. */
#include "machine/core/arch.h"
#include "machine/monitor/command.h"
#include "machine/monitor/cpu_model.h"
#include "machine/monitor/qom.h"

#include <string.h>

static json_object *cpu_place(const struct qmp_call *c, unsigned index)
{
    const struct config_smp *smp = &c->env->config->smp;
    json_object *o = json_object_new_object();

    put_int(o, "socket-id", index / (smp->dies * smp->cores * smp->threads));
    put_int(o, "die-id", index / (smp->cores * smp->threads) % smp->dies);
    put_int(o, "core-id", index / smp->threads % smp->cores);
    put_int(o, "thread-id", index % smp->threads);
    return o;
}

static json_object *query_cpus(const struct qmp_call *c, GError **error)
{
    json_object *list = json_object_new_array();

    for (unsigned i = 0; i < c->env->machine->n_cpus; i++) {
        g_autofree char *path = qom_cpu_path(i);
        json_object *o = json_object_new_object();

        put_int(o, "cpu-index", i);
        put_str(o, "qom-path", path);
        put_int(o, "thread-id", qom_cpu_thread(c->env->machine->cpus[i]));
        json_object_object_add(o, "props", cpu_place(c, i));
        put_str(o, "target", c->env->machine->cpus[i]->arch->name);
        json_object_array_add(list, o);
    }
    return list;
}

/* Every slot is taken: CPUs cannot be plugged. */
static json_object *query_hotpluggable(const struct qmp_call *c, GError **error)
{
    json_object *list = json_object_new_array();
    unsigned n = c->env->machine->n_cpus;

    if (n == 0) {
        json_object_put(list);
        return qmp_fail(error, "machine does not support hot-plugging CPUs");
    }
    for (unsigned i = n; i > 0; i--) {
        g_autofree char *path = qom_cpu_path(i - 1);
        g_autofree char *type = qom_cpu_type(c->env->machine->cpus[i - 1]);
        json_object *o = json_object_new_object();

        put_str(o, "type", type);
        put_int(o, "vcpus-count", 1);
        json_object_object_add(o, "props", cpu_place(c, i - 1));
        put_str(o, "qom-path", path);
        json_object_array_add(list, o);
    }
    return list;
}

/* ---- models ------------------------------------------------------------------------------------
 */

static struct x86_features *expand(const char *text, GPtrArray *warnings, GError **error)
{
    const struct x86_topology topology = {1, 1, 1, 1};
    uint32_t supported[FW_COUNT];

    x86_interp_features(supported);
    return x86_features_new(text, &topology, supported, warnings, error);
}

/* What a model has and the interpreter lacks, by name. */
static json_object *unavailable(const char *model)
{
    const struct x86_topology topology = {1, 1, 1, 1};
    json_object *list = json_object_new_array();
    uint32_t all[FW_COUNT], have[FW_COUNT];
    struct x86_features *wanted;

    memset(all, 0xff, sizeof(all));
    x86_interp_features(have);
    wanted = x86_features_new(model, &topology, all, NULL, NULL);
    for (unsigned f = 0; wanted && f < FW_COUNT * 32; f++) {
        if (x86_has(wanted, f) && !(have[f / 32] >> (f % 32) & 1) && x86_feature_name(f) &&
            !g_str_equal(model, "max")) {
            json_object_array_add(list, json_object_new_string(x86_feature_name(f)));
        }
    }
    x86_features_free(wanted);
    return list;
}

/* The definitions of an architecture that lists its models. */
static json_object *listed_definitions(const struct cpu_arch *arch)
{
    json_object *list = json_object_new_array();

    for (unsigned n = 0; arch->model_nth(n); n++) {
        g_autofree char *type = qom_model_type(arch, arch->model_nth(n));
        json_object *o = json_object_new_object();

        put_str(o, "name", arch->model_nth(n));
        put_bool(o, "static", false);
        put_str(o, "typename", type);
        put_bool(o, "deprecated", false);
        json_object_array_add(list, o);
    }
    return list;
}

static json_object *query_definitions(const struct qmp_call *c, GError **error)
{
    json_object *list;

    if (c->env->arch->model_nth) {
        return listed_definitions(c->env->arch);
    }
    list = json_object_new_array();

    for (const struct x86_model_info *m = x86_models(); m->name; m++) {
        g_autofree char *type = g_strdup_printf("%s-x86_64-cpu", m->name);
        bool fixed = !g_str_equal(m->name, "max") && !g_str_equal(m->name, "host");
        json_object *o = json_object_new_object();

        put_str(o, "name", m->name);
        put_bool(o, "migration-safe", fixed);
        put_bool(o, "static", g_str_equal(m->name, "base"));
        json_object_object_add(o, "unavailable-features", unavailable(m->name));
        put_str(o, "typename", type);
        put_bool(o, "deprecated", false);
        json_object_array_add(list, o);
    }
    return list;
}

/* Properties of libvirt's model names that are no feature bits. */
static bool is_switch(const char *name)
{
    static const char *const names[] = {"migratable", "hv-passthrough",  "kvm", "enforce", "check",
                                        "pmu",        "host-cache-info", NULL};

    return g_strv_contains(names, name);
}

static char *model_text(const char *name, json_object *props)
{
    GString *text = g_string_new(name);

    if (json_object_is_type(props, json_type_object)) {
        json_object_object_foreach(props, key, value)
        {
            if (!is_switch(key)) {
                g_string_append_printf(text, ",%s=%s", key,
                                       json_object_is_type(value, json_type_boolean)
                                           ? json_object_get_boolean(value) ? "on" : "off"
                                           : json_object_get_string(value));
            }
        }
    }
    return g_string_free(text, FALSE);
}

static void add_feature(const char *name, bool on, void *opaque)
{
    put_bool(opaque, name, on);
}

static json_object *expand_listed(const struct cpu_arch *arch, const char *name, const char *text,
                                  bool full, GError **error)
{
    json_object *props = json_object_new_object(), *o, *reply;

    if (!full) {
        json_object_put(props);
        return qmp_fail(error, "The requested expansion type is not supported");
    }
    if (!arch->each_feature(text, add_feature, props, error)) {
        json_object_put(props);
        return NULL;
    }
    o = json_object_new_object();
    put_str(o, "name", name);
    json_object_object_add(o, "props", props);
    reply = json_object_new_object();
    json_object_object_add(reply, "model", o);
    return reply;
}

static json_object *query_expansion(const struct qmp_call *c, GError **error)
{
    json_object *model = json_object_object_get(c->args, "model");
    const char *name = json_object_get_string(json_object_object_get(model, "name"));
    g_autofree char *text = model_text(name, json_object_object_get(model, "props"));
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    bool full = g_str_equal(qmp_str(c, "type"), "full");
    json_object *o, *reply;
    struct x86_features *f;

    if (c->env->arch->each_feature) {
        return expand_listed(c->env->arch, name, text, full, error);
    }
    if (g_str_equal(name, "host")) {
        return qmp_fail(error, "a query of CPU model 'host' is not built yet");
    }
    f = expand(text, warnings, error);
    if (!f) {
        return NULL;
    }
    o = json_object_new_object();
    put_str(o, "name", full ? name : "base");
    json_object_object_add(o, "props", cpu_model_features(f));
    reply = json_object_new_object();
    json_object_object_add(reply, "model", o);
    x86_features_free(f);
    return reply;
}

const struct qmp_command qmp_cpu_commands[] = {
    {"query-cpus-fast", NULL, "[CpuInfoFast]", query_cpus, "The vCPUs and their threads."},
    {"query-hotpluggable-cpus", NULL, "[HotpluggableCPU]", query_hotpluggable,
     "CPU slots; all are taken."},
    {"query-cpu-definitions", NULL, "[CpuDefinitionInfo]", query_definitions, "CPU models."},
    {"query-cpu-model-expansion", "type:CpuModelExpansionType model:CpuModelInfo",
     "CpuModelExpansionInfo", query_expansion, "A model's features."},
    {NULL},
};
