/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/driver/qmp/emulator.h"
#include "base/least.h"

#include <string.h>

#define MAX_ITEMS 100000 /* of one answer */
#define DISPLAYS  "displays"

const struct emulator_question emulator_questions[] = {
    {"query-version", NULL, true},
    {"query-target", NULL, true},
    {"query-machines", NULL, true},
    {"query-cpu-definitions", NULL, false},
    {"query-tpm-models", NULL, false},
    {"query-tpm-types", NULL, false},
    {"query-commands", NULL, true},
    {"query-qmp-schema", NULL, true},
    {"qom-list-types", NULL, true},
    {"query-cpu-model-expansion", "{\"type\":\"full\",\"model\":{\"name\":\"max\"}}", false},
    {NULL, NULL, false},
};

static json_object *member(json_object *object, const char *name, json_type type)
{
    json_object *value;

    return json_object_is_type(object, json_type_object) &&
                   json_object_object_get_ex(object, name, &value) &&
                   json_object_is_type(value, type)
               ? value
               : NULL;
}

static const char *text(json_object *object, const char *name)
{
    json_object *value = member(object, name, json_type_string);

    return value != NULL ? json_object_get_string(value) : NULL;
}

static bool truth(json_object *object, const char *name)
{
    return json_object_get_boolean(member(object, name, json_type_boolean));
}

static unsigned number(json_object *object, const char *name)
{
    json_object *value = member(object, name, json_type_int);

    return value != NULL ? (unsigned)min_i64(max_i64(json_object_get_int64(value), 0), 999999) : 0;
}

static size_t length(json_object *array)
{
    return array != NULL ? min_u64(json_object_array_length(array), MAX_ITEMS) : 0;
}

static char **strings(json_object *array)
{
    GPtrArray *words = g_ptr_array_new();

    for (size_t i = 0; i < length(array); i++) {
        json_object *word = json_object_array_get_idx(array, i);

        if (json_object_is_type(word, json_type_string)) {
            g_ptr_array_add(words, g_strdup(json_object_get_string(word)));
        }
    }
    g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_free(words, FALSE);
}

/* The names of an array of objects. */
static GHashTable *names(json_object *array)
{
    GHashTable *set = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (size_t i = 0; i < length(array); i++) {
        const char *name = text(json_object_array_get_idx(array, i), "name");

        if (name != NULL) {
            g_hash_table_add(set, g_strdup(name));
        }
    }
    return set;
}

/* --- the schema --- */

static bool holds(json_object *array, const char *word)
{
    for (size_t i = 0; i < length(array); i++) {
        if (g_strcmp0(json_object_get_string(json_object_array_get_idx(array, i)), word) == 0) {
            return true;
        }
    }
    return false;
}

/* Types have numbers for names there: the enumeration of displays is known by its values. */
static json_object *displays(json_object *schema)
{
    for (size_t i = 0; i < length(schema); i++) {
        json_object *type = json_object_array_get_idx(schema, i);
        json_object *values = member(type, "values", json_type_array);

        if (g_strcmp0(text(type, "meta-type"), "enum") == 0 && holds(values, "none") &&
            (holds(values, "egl-headless") || holds(values, "gtk") || holds(values, "curses"))) {
            return json_object_get(values);
        }
    }
    return json_object_new_array();
}

void emulator_reduce(json_object *answers)
{
    json_object *schema = member(answers, "query-qmp-schema", json_type_array);

    json_object_object_add(answers, DISPLAYS, displays(schema));
    json_object_object_del(answers, "query-qmp-schema");
}

/* --- machines and CPUs --- */

static void machine_free(void *opaque)
{
    struct emulator_machine *machine = opaque;

    g_free(machine->name);
    g_free(machine->alias);
    g_free(machine->cpu);
    g_free(machine);
}

static void cpu_free(void *opaque)
{
    struct emulator_cpu *cpu = opaque;

    g_free(cpu->name);
    g_strfreev(cpu->blockers);
    g_free(cpu);
}

/* "qemu64-x86_64-cpu" is model qemu64. */
static char *cpu_model(const char *type)
{
    const char *end = type != NULL ? g_strrstr(type, "-cpu") : NULL;
    char *model = end != NULL ? g_strndup(type, (gsize)(end - type)) : NULL;
    char *dash = model != NULL ? strrchr(model, '-') : NULL;

    if (dash == NULL) {
        g_free(model);
        return NULL;
    }
    *dash = '\0';
    return model;
}

static void add_machines(struct emulator *emulator, json_object *rows)
{
    for (size_t i = 0; i < length(rows); i++) {
        json_object *row = json_object_array_get_idx(rows, i);
        struct emulator_machine *machine;

        if (text(row, "name") == NULL) {
            continue;
        }
        machine = g_new0(struct emulator_machine, 1);
        machine->name = g_strdup(text(row, "name"));
        machine->alias = g_strdup(text(row, "alias"));
        machine->cpu = cpu_model(text(row, "default-cpu-type"));
        machine->max_cpus = number(row, "cpu-max");
        machine->deprecated = truth(row, "deprecated");
        g_ptr_array_add(emulator->machines, machine);
        if (truth(row, "is-default")) {
            g_free(emulator->machine);
            emulator->machine = g_strdup(machine->name);
        }
    }
}

static void add_cpus(struct emulator *emulator, json_object *rows)
{
    for (size_t i = 0; i < length(rows); i++) {
        json_object *row = json_object_array_get_idx(rows, i);
        struct emulator_cpu *cpu;

        if (text(row, "name") == NULL) {
            continue;
        }
        cpu = g_new0(struct emulator_cpu, 1);
        cpu->name = g_strdup(text(row, "name"));
        cpu->blockers = strings(member(row, "unavailable-features", json_type_array));
        g_ptr_array_add(emulator->cpus, cpu);
    }
}

static void add_cpu_properties(struct emulator *emulator, json_object *expansion)
{
    json_object *model = member(expansion, "model", json_type_object);
    json_object *properties = member(model, "props", json_type_object);

    emulator->cpu_vendor = g_strdup(text(properties, "vendor"));
    if (properties != NULL) {
        json_object_object_foreach(properties, name, value)
        {
            char *key = g_strdup(name);
            bool on =
                json_object_is_type(value, json_type_boolean) && json_object_get_boolean(value);

            g_hash_table_insert(emulator->cpu_properties, key, on ? key : NULL);
        }
    }
}

char *emulator_machine_type(json_object *answers)
{
    json_object *rows = member(answers, "query-machines", json_type_array);

    for (size_t i = 0; i < length(rows); i++) {
        json_object *row = json_object_array_get_idx(rows, i);

        if (truth(row, "is-default") && text(row, "name") != NULL) {
            return g_strdup_printf("%s-machine", text(row, "name"));
        }
    }
    return NULL;
}

static const char *arch_name(const char *target)
{
    static const char *const renamed[][2] = {{"i386", "i686"}, {"arm", "armv7l"}};

    for (unsigned i = 0; i < G_N_ELEMENTS(renamed); i++) {
        if (strcmp(target, renamed[i][0]) == 0) {
            return renamed[i][1];
        }
    }
    return target;
}

static void fill(struct emulator *emulator, json_object *answers)
{
    json_object *version =
        member(member(answers, "query-version", json_type_object), "qemu", json_type_object);
    const json_type array = json_type_array;

    emulator->version = number(version, "major") * 1000000 + number(version, "minor") * 1000 +
                        number(version, "micro");
    emulator->machines = g_ptr_array_new_with_free_func(machine_free);
    emulator->cpus = g_ptr_array_new_with_free_func(cpu_free);
    emulator->types = names(member(answers, "qom-list-types", array));
    emulator->commands = names(member(answers, "query-commands", array));
    emulator->displays = strings(member(answers, DISPLAYS, array));
    emulator->tpm_models = strings(member(answers, "query-tpm-models", array));
    emulator->tpm_backends = strings(member(answers, "query-tpm-types", array));
    emulator->cpu_properties = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    emulator->machine_properties = names(member(answers, EMULATOR_MACHINE_QUESTION, array));
    add_machines(emulator, member(answers, "query-machines", array));
    add_cpus(emulator, member(answers, "query-cpu-definitions", array));
    add_cpu_properties(emulator, member(answers, "query-cpu-model-expansion", json_type_object));
}

struct emulator *emulator_new(const char *path, json_object *answers)
{
    const char *target = text(member(answers, "query-target", json_type_object), "arch");
    struct emulator *emulator;

    if (target == NULL || member(answers, "query-machines", json_type_array) == NULL) {
        return NULL;
    }
    emulator = g_new0(struct emulator, 1);
    g_atomic_ref_count_init(&emulator->refs);
    emulator->path = g_strdup(path);
    emulator->arch = g_strdup(arch_name(target));
    fill(emulator, answers);
    return emulator;
}

struct emulator *emulator_ref(struct emulator *emulator)
{
    g_atomic_ref_count_inc(&emulator->refs);
    return emulator;
}

void emulator_unref(struct emulator *emulator)
{
    if (emulator == NULL || !g_atomic_ref_count_dec(&emulator->refs)) {
        return;
    }
    g_free(emulator->path);
    g_free(emulator->arch);
    g_free(emulator->machine);
    g_ptr_array_unref(emulator->machines);
    g_ptr_array_unref(emulator->cpus);
    g_hash_table_unref(emulator->types);
    g_hash_table_unref(emulator->commands);
    g_strfreev(emulator->displays);
    g_strfreev(emulator->tpm_models);
    g_strfreev(emulator->tpm_backends);
    g_hash_table_unref(emulator->cpu_properties);
    g_free(emulator->cpu_vendor);
    g_hash_table_unref(emulator->machine_properties);
    g_free(emulator);
}

const struct emulator_machine *emulator_find_machine(const struct emulator *emulator,
                                                     const char *name)
{
    name = name != NULL ? name : emulator->machine;
    for (unsigned i = 0; name != NULL && i < emulator->machines->len; i++) {
        const struct emulator_machine *machine = emulator->machines->pdata[i];

        if (strcmp(machine->name, name) == 0 || g_strcmp0(machine->alias, name) == 0) {
            return machine;
        }
    }
    return NULL;
}

bool emulator_has(const struct emulator *emulator, const char *type)
{
    return g_hash_table_contains(emulator->types, type);
}
