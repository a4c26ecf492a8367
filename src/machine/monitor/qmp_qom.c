/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The object tree. Nothing is stored here: paths are resolved to devices, CPUs, objects and the
 * containers above them, and their rows are the properties.
 */
#include "machine/monitor/command.h"
#include "machine/monitor/cpu_model.h"
#include "machine/monitor/qom.h"

#include "machine/core/arch.h"

#include <stdio.h>
#include <string.h>

enum node_kind { NODE_CONTAINER, NODE_MACHINE, NODE_DEVICE, NODE_CPU, NODE_OBJECT };

struct node {
    enum node_kind kind;
    const char *path; /* of a container */
    struct dev *dev;
    struct cpu *cpu;
    struct monitor_object object;
};

static const char *const containers[] = {
    "/",
    "/machine",
    "/machine/peripheral",
    "/machine/peripheral-anon",
    "/machine/unattached",
    "/objects",
    "/chardevs",
    "/backend",
};

char *qom_cpu_path(unsigned index)
{
    return g_strdup_printf("/machine/unattached/cpu[%u]", index);
}

char *qom_model_type(const struct cpu_arch *arch, const char *model)
{
    return g_strdup_printf("%s-%s-cpu", model,
                           g_str_equal(arch->name, "riscv64") ? "riscv" : arch->name);
}

char *qom_cpu_type(const struct cpu *cpu)
{
    return qom_model_type(cpu->arch, cpu->arch->model(cpu));
}

int qom_cpu_thread(const struct cpu *cpu)
{
    return __atomic_load_n(&cpu->thread_id, __ATOMIC_RELAXED);
}

static gboolean resolve(const struct monitor_env *env, const char *path, struct node *ret,
                        GError **error)
{
    unsigned index;
    char end;

    memset(ret, 0, sizeof(*ret));
    for (unsigned i = 0; i < G_N_ELEMENTS(containers); i++) {
        if (g_str_equal(path, containers[i])) {
            ret->path = containers[i];
            ret->kind = g_str_equal(path, "/machine") ? NODE_MACHINE : NODE_CONTAINER;
            return TRUE;
        }
    }
    ret->dev = machine_find_dev(env->machine, path);
    if (ret->dev) {
        ret->kind = NODE_DEVICE;
        return TRUE;
    }
    if (sscanf(path, "/machine/unattached/cpu[%u]%c", &index, &end) == 1 &&
        index < env->machine->n_cpus) {
        ret->kind = NODE_CPU;
        ret->cpu = env->machine->cpus[index];
        return TRUE;
    }
    for (unsigned n = 0; env->object_nth(env->opaque, n, &ret->object); n++) {
        if (g_str_has_prefix(path, "/objects/") &&
            g_str_equal(path + strlen("/objects/"), ret->object.id)) {
            ret->kind = NODE_OBJECT;
            return TRUE;
        }
    }
    qmp_not_found(error, "Device", path);
    return FALSE;
}

/* ---- listing -----------------------------------------------------------------------------------
 */

static void add_property(json_object *list, const char *name, const char *type)
{
    json_object *o = json_object_new_object();

    put_str(o, "name", name);
    put_str(o, "type", type);
    json_object_array_add(list, o);
}

static void add_child(json_object *list, const char *name, const char *type)
{
    g_autofree char *child = g_strdup_printf("child<%s>", type);

    add_property(list, name, child);
}

static void add_row(const struct row *row, void *opaque)
{
    add_property(opaque, row->name, row_type_name(row));
}

/* What is directly below a container. */
static void list_container(const struct monitor_env *env, const char *path, json_object *list)
{
    g_autofree char *prefix = g_strdup_printf("%s%s", path, g_str_equal(path, "/") ? "" : "/");
    struct monitor_object object;

    for (unsigned i = 0; i < G_N_ELEMENTS(containers); i++) {
        const char *rest = containers[i] + strlen(prefix);

        if (g_str_has_prefix(containers[i], prefix) && *rest && !strchr(rest, '/')) {
            add_child(list, rest, "container");
        }
    }
    for (guint i = 0; i < env->machine->devices->len; i++) {
        struct dev *dev = env->machine->devices->pdata[i];

        if (g_str_has_prefix(dev->path, prefix) && !strchr(dev->path + strlen(prefix), '/')) {
            add_child(list, dev->path + strlen(prefix), dev->class->name);
        }
    }
    for (unsigned i = 0; g_str_equal(path, "/machine/unattached") && i < env->machine->n_cpus;
         i++) {
        g_autofree char *cpu = qom_cpu_path(i), *type = qom_cpu_type(env->machine->cpus[i]);

        add_child(list, cpu + strlen(prefix), type);
    }
    for (unsigned n = 0; g_str_equal(path, "/objects") && env->object_nth(env->opaque, n, &object);
         n++) {
        add_child(list, object.id, object.type);
    }
}

static const char *const cpu_switches[] = {"realized", "hotplugged", "hotpluggable",
                                           "start-powered-off", NULL};

static void list_cpu(json_object *list)
{
    const char *name;
    unsigned feature;

    add_property(list, "type", "string");
    for (unsigned i = 0; cpu_switches[i]; i++) {
        add_property(list, cpu_switches[i], "bool");
    }
    for (unsigned n = 0; (name = cpu_model_feature(n, &feature)); n++) {
        add_property(list, name, "bool");
    }
}

static void list_device(const struct dev *dev, json_object *list)
{
    add_property(list, "type", "string");
    add_property(list, "realized", "bool");
    add_property(list, "hotplugged", "bool");
    dev_class_each_prop(dev->class, add_row, list);
    for (const struct dev_class *class = dev->class; class; class = class->base) {
        if (class->get_extra && g_str_has_prefix(class->name, "virtio-balloon")) {
            add_property(list, "guest-stats", "guest statistics");
            add_property(list, "guest-stats-polling-interval", "int");
        }
    }
}

static json_object *qom_list(const struct qmp_call *c, GError **error)
{
    json_object *list;
    struct node node;

    if (!resolve(c->env, qmp_str(c, "path"), &node, error)) {
        return NULL;
    }
    list = json_object_new_array();
    switch (node.kind) {
    case NODE_MACHINE:
        add_property(list, "type", "string");
        list_container(c->env, node.path, list);
        break;
    case NODE_CONTAINER:
        add_property(list, "type", "string");
        list_container(c->env, node.path, list);
        break;
    case NODE_DEVICE: list_device(node.dev, list); break;
    case NODE_CPU: list_cpu(list); break;
    case NODE_OBJECT:
        add_property(list, "type", "string");
        for (const struct row *row = node.object.rows; row->name; row++) {
            add_row(row, list);
        }
        break;
    }
    return list;
}

/* ---- reading and setting
 * ------------------------------------------------------------------------- */

static json_object *no_property(GError **error, const char *path, const char *name)
{
    return qmp_fail(error, "Property '%s.%s' not found", path, name);
}

static json_object *get_cpu(const struct cpu *cpu, const char *name)
{
    bool value;

    if (g_str_equal(name, "type")) {
        g_autofree char *type = qom_cpu_type(cpu);

        return json_object_new_string(type);
    }
    if (g_strv_contains(cpu_switches, name)) {
        return json_object_new_boolean(g_str_equal(name, "realized"));
    }
    return cpu->arch->get_feature(cpu, name, &value) ? json_object_new_boolean(value) : NULL;
}

static json_object *get_device(struct dev *dev, const char *name)
{
    if (g_str_equal(name, "type")) {
        return json_object_new_string(dev->class->name);
    }
    if (g_str_equal(name, "realized")) {
        return json_object_new_boolean(dev->realized);
    }
    if (g_str_equal(name, "hotplugged")) {
        return json_object_new_boolean(dev->hotplugged);
    }
    return dev_get(dev, name); /* takes the device's lock where it needs it */
}

static json_object *qom_get(const struct qmp_call *c, GError **error)
{
    const char *path = qmp_str(c, "path"), *name = qmp_str(c, "property");
    json_object *v = NULL;
    struct node node;

    if (!resolve(c->env, path, &node, error)) {
        return NULL;
    }
    switch (node.kind) {
    case NODE_MACHINE:
        v = g_str_equal(name, "type") ? json_object_new_string(c->env->board_type) : NULL;
        break;
    case NODE_CONTAINER:
        v = g_str_equal(name, "type") ? json_object_new_string("container") : NULL;
        break;
    case NODE_DEVICE: v = get_device(node.dev, name); break;
    case NODE_CPU: v = get_cpu(node.cpu, name); break;
    case NODE_OBJECT:
        v = g_str_equal(name, "type") ? json_object_new_string(node.object.type)
                                      : row_get(node.object.rows, node.object.fields, name);
        break;
    }
    return v ? v : no_property(error, path, name);
}

struct search {
    const char *name;
    const struct row *found;
};

static void match(const struct row *row, void *opaque)
{
    struct search *s = opaque;

    if (g_str_equal(row->name, s->name)) {
        s->found = row;
    }
}

static json_object *qom_set(const struct qmp_call *c, GError **error)
{
    const char *path = qmp_str(c, "path"), *name = qmp_str(c, "property");
    json_object *value = json_object_object_get(c->args, "value");
    struct search search = {name, NULL};
    struct node node;

    if (!resolve(c->env, path, &node, error)) {
        return NULL;
    }
    if (node.kind == NODE_DEVICE) {
        dev_class_each_prop(node.dev->class, match, &search);
    } else if (node.kind == NODE_OBJECT) {
        search.found = row_find(node.object.rows, name);
    }
    if (!search.found) {
        return no_property(error, path, name);
    }
    if (!(search.found->flags & ROW_RUNTIME)) {
        return qmp_fail(error, "Property '%s' of '%s' cannot be set while the machine is there",
                        name, path);
    }
    if (node.kind == NODE_OBJECT) {
        if (!row_set(node.object.rows, node.object.fields, path, name, value, error)) {
            return NULL;
        }
        return NULL;
    }
    g_mutex_lock(&node.dev->lock);
    if (!dev_set(node.dev, name, value, error)) {
        g_mutex_unlock(&node.dev->lock);
        return NULL;
    }
    g_mutex_unlock(&node.dev->lock);
    return NULL;
}

/* ---- types -------------------------------------------------------------------------------------
 */

static void add_type(json_object *list, const char *name, const char *parent)
{
    json_object *o = json_object_new_object();

    put_str(o, "name", name);
    put_str(o, "parent", parent);
    json_object_array_add(list, o);
}

static json_object *list_types(const struct qmp_call *c, GError **error)
{
    json_object *list = json_object_new_array();
    const struct dev_class *class;
    struct monitor_object object;
    struct monitor_machine m;

    for (unsigned n = 0; (class = c->env->class_nth(n)); n++) {
        add_type(list, class->name, class->bus_type ? "device" : "sys-bus-device");
    }
    for (unsigned n = 0; c->env->accel_nth(n); n++) {
        g_autofree char *name = g_strdup_printf("%s-accel", c->env->accel_nth(n));

        add_type(list, name, "accel");
    }
    for (unsigned n = 0; c->env->object_kind(n, &object); n++) {
        add_type(list, object.type, "object");
    }
    for (unsigned n = 0; c->env->machine_nth(c->env->opaque, n, &m); n++) {
        g_autofree char *name = g_strdup_printf("%s-machine", m.name);

        add_type(list, name, "machine");
    }
    for (unsigned n = 0; c->env->arch->model_nth && c->env->arch->model_nth(n); n++) {
        g_autofree char *name = qom_model_type(c->env->arch, c->env->arch->model_nth(n));

        add_type(list, name, "riscv-cpu");
    }
    for (const struct x86_model_info *model = x86_models(); !c->env->arch->model_nth && model->name;
         model++) {
        g_autofree char *name = g_strdup_printf("%s-x86_64-cpu", model->name);

        add_type(list, name, "x86_64-cpu");
    }
    return list;
}

static void describe_row(const struct row *row, void *opaque)
{
    json_object *o;

    if (row->flags & ROW_HIDDEN) {
        return;
    }
    o = json_object_new_object();
    put_str(o, "name", row->name);
    put_str(o, "type", row_type_name(row));
    if (row->help) {
        put_str(o, "description", row->help);
    }
    if (row->def) {
        g_autofree void *field = g_malloc0(row->offset + 16);
        const struct row one[2] = {*row, {NULL}};

        row_defaults(one, field);
        json_object_object_add(o, "default-value", row_get(one, field, row->name));
        row_clear(one, field);
    }
    json_object_array_add(opaque, o);
}

static json_object *device_properties(const struct qmp_call *c, GError **error)
{
    const char *name = qmp_str(c, "typename");
    const struct dev_class *class;

    for (unsigned n = 0; (class = c->env->class_nth(n)); n++) {
        if (g_str_equal(class->name, name)) {
            json_object *list = json_object_new_array();

            dev_class_each_prop(class, describe_row, list);
            return list;
        }
    }
    return qmp_not_found(error, "Device", name);
}

static json_object *type_properties(const struct qmp_call *c, GError **error)
{
    const char *name = qmp_str(c, "typename");
    struct monitor_object object;
    json_object *list = json_object_new_array();
    const char *feature_name;
    unsigned feature;

    for (unsigned n = 0; c->env->object_kind(n, &object); n++) {
        if (g_str_equal(object.type, name)) {
            for (const struct row *row = object.rows; row->name; row++) {
                describe_row(row, list);
            }
            return list;
        }
    }
    if (g_str_has_suffix(name, "-x86_64-cpu")) {
        for (unsigned n = 0; (feature_name = cpu_model_feature(n, &feature)); n++) {
            add_property(list, feature_name, "bool");
        }
        return list;
    }
    if (g_str_has_suffix(name, "-machine")) {
        const char *option;
        const struct row *rows;

        for (unsigned n = 0; c->env->option_nth(n, &option, &rows); n++) {
            for (; g_str_equal(option, "machine") && rows && rows->name; rows++) {
                describe_row(rows, list);
            }
        }
        return list;
    }
    json_object_put(list);
    return qmp_not_found(error, "Class", name);
}

static json_object *object_add(const struct qmp_call *c, GError **error)
{
    c->env->object_add(c->env->opaque, c->args, error);
    return NULL;
}

static json_object *object_del(const struct qmp_call *c, GError **error)
{
    c->env->object_remove(c->env->opaque, qmp_str(c, "id"), error);
    return NULL;
}

const struct qmp_command qmp_qom_commands[] = {
    {"qom-list", "path:str", "[ObjectPropertyInfo]", qom_list, "Properties of an object."},
    {"qom-get", "path:str property:str", "any", qom_get, "A property's value."},
    {"qom-set", "path:str property:str value:any", NULL, qom_set, "Sets a property."},
    {"qom-list-types", "implements?:str abstract?:bool", "[ObjectTypeInfo]", list_types,
     "Types of devices, objects, machines and CPUs."},
    {"qom-list-properties", "typename:str", "[ObjectPropertyInfo]", type_properties,
     "Properties of a type."},
    {"device-list-properties", "typename:str", "[ObjectPropertyInfo]", device_properties,
     "Properties of a device type."},
    {"object-add", "qom-type:str id:str", NULL, object_add, "Makes an object.", .any_args = true},
    {"object-del", "id:str", NULL, object_del, "Removes an object."},
    {NULL},
};
