/* SPDX-License-Identifier: GPL-2.0-or-later */
/* query-stats: counters that the accelerator keeps of the machine and of each vCPU. */
#include "machine/core/accel.h"
#include "machine/monitor/command.h"
#include "machine/monitor/qom.h"

/* Where the counters go, and which are wanted. */
struct sink {
    json_object *list;
    json_object *names; /* NULL: all */
};

static bool holds(json_object *strings, const char *text)
{
    for (size_t i = 0; i < json_object_array_length(strings); i++) {
        if (g_str_equal(json_object_get_string(json_object_array_get_idx(strings, i)), text)) {
            return true;
        }
    }
    return false;
}

static json_object *value_of(const struct accel_stat *s)
{
    json_object *list;

    if (g_str_has_suffix(s->type, "-histogram")) {
        list = json_object_new_array();
        for (unsigned i = 0; i < s->n; i++) {
            json_object_array_add(list, json_object_new_uint64(s->value[i]));
        }
        return list;
    }
    return s->unit && g_str_equal(s->unit, "boolean") ? json_object_new_boolean(s->value[0] != 0)
                                                      : json_object_new_uint64(s->value[0]);
}

static void add_value(void *opaque, const struct accel_stat *s)
{
    struct sink *sink = opaque;
    json_object *o;

    if (!sink->names || holds(sink->names, s->name)) {
        o = json_object_new_object();
        put_str(o, "name", s->name);
        json_object_object_add(o, "value", value_of(s));
        json_object_array_add(sink->list, o);
    }
}

static void add_schema(void *opaque, const struct accel_stat *s)
{
    json_object *o = json_object_new_object();

    put_str(o, "name", s->name);
    put_str(o, "type", s->type);
    if (s->unit) {
        put_str(o, "unit", s->unit);
    }
    if (s->exponent) {
        put_int(o, "base", s->base);
    }
    put_int(o, "exponent", s->exponent);
    if (g_str_equal(s->type, "linear-histogram")) {
        put_int(o, "bucket-size", s->bucket_size);
    }
    json_object_array_add(((struct sink *)opaque)->list, o);
}

/* One result: of the machine (NULL) or of a vCPU; nothing if none of its counters is wanted. */
static void add_result(const struct machine *m, struct cpu *cpu, json_object *names,
                       json_object *results)
{
    struct sink sink = {json_object_new_array(), names};
    json_object *o;

    m->accel->stats(m->accel_vm, cpu, add_value, &sink);
    if (json_object_array_length(sink.list) == 0) {
        json_object_put(sink.list);
        return;
    }
    o = json_object_new_object();
    put_str(o, "provider", m->accel->name);
    if (cpu) {
        g_autofree char *path = qom_cpu_path(cpu->index);

        put_str(o, "qom-path", path);
    }
    json_object_object_add(o, "stats", sink.list);
    json_object_array_add(results, o);
}

/* FALSE: the one provider is not among those asked for. `*names`: borrowed, NULL for all. */
static bool is_asked(const struct qmp_call *c, json_object **names)
{
    json_object *providers = json_object_object_get(c->args, "providers");

    *names = NULL;
    for (size_t i = 0; providers && i < json_object_array_length(providers); i++) {
        json_object *one = json_object_array_get_idx(providers, i);

        if (g_str_equal(json_object_get_string(json_object_object_get(one, "provider")),
                        c->env->machine->accel->name)) {
            *names = json_object_object_get(one, "names");
            return true;
        }
    }
    return !providers;
}

static bool counts(const struct machine *m)
{
    return m->accel && m->accel_vm && m->accel->stats;
}

static void add_cpus(const struct qmp_call *c, json_object *names, json_object *results)
{
    json_object *only = json_object_object_get(c->args, "vcpus");
    const struct machine *m = c->env->machine;

    for (unsigned i = 0; i < m->n_cpus; i++) {
        g_autofree char *path = qom_cpu_path(i);

        if (!only || holds(only, path)) {
            add_result(m, m->cpus[i], names, results);
        }
    }
}

static json_object *query_stats(const struct qmp_call *c, GError **error)
{
    const struct machine *m = c->env->machine;
    bool vcpus = g_str_equal(qmp_str(c, "target"), "vcpu");
    json_object *results, *names;

    if (!vcpus && qmp_has(c, "vcpus")) {
        return qmp_fail(error, "Parameter 'vcpus' is unexpected");
    }
    results = json_object_new_array();
    if (!counts(m) || !is_asked(c, &names)) {
        return results;
    }
    if (vcpus) {
        add_cpus(c, names, results);
    } else {
        add_result(m, NULL, names, results);
    }
    return results;
}

static void add_schemas(const struct machine *m, const char *target, struct cpu *cpu,
                        json_object *list)
{
    struct sink sink = {json_object_new_array(), NULL};
    json_object *o = json_object_new_object();

    m->accel->stats(m->accel_vm, cpu, add_schema, &sink);
    put_str(o, "provider", m->accel->name);
    put_str(o, "target", target);
    json_object_object_add(o, "stats", sink.list);
    json_object_array_add(list, o);
}

static json_object *query_schemas(const struct qmp_call *c, GError **error)
{
    const struct machine *m = c->env->machine;
    const char *provider = qmp_str(c, "provider");
    json_object *list = json_object_new_array();

    if (counts(m) && (!provider || g_str_equal(provider, m->accel->name))) {
        add_schemas(m, "vm", NULL, list);
        if (m->n_cpus > 0) {
            add_schemas(m, "vcpu", m->cpus[0], list);
        }
    }
    return list;
}

const struct qmp_command qmp_stats_commands[] = {
    {"query-stats", "target:StatsTarget vcpus?:[str] providers?:[StatsRequest]", "[StatsResult]",
     query_stats, "Counters of the accelerator: those of KVM, and the instructions it cannot run."},
    {"query-stats-schemas", "provider?:StatsProvider", "[StatsSchema]", query_schemas,
     "What the counters of query-stats are."},
    {NULL},
};
