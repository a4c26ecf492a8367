/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Queries about the machine, its memory and this program. */
#include "machine/core/arch.h"
#include "machine/monitor/command.h"
#include "machine/monitor/keys.h"

static json_object *query_name(const struct qmp_call *c, GError **error)
{
    json_object *o = json_object_new_object();

    if (c->env->machine->name) {
        put_str(o, "name", c->env->machine->name);
    }
    return o;
}

static json_object *query_uuid(const struct qmp_call *c, GError **error)
{
    json_object *o = json_object_new_object();
    const uint8_t *u = c->env->machine->uuid;
    g_autofree char *text = g_strdup_printf(
        "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1], u[2],
        u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);

    put_str(o, "UUID", text);
    return o;
}

static json_object *query_target(const struct qmp_call *c, GError **error)
{
    json_object *o = json_object_new_object();

    put_str(o, "arch", c->env->arch->name);
    return o;
}

static json_object *query_kvm(const struct qmp_call *c, GError **error)
{
    json_object *o = json_object_new_object();

    put_bool(o, "enabled", g_str_equal(c->env->accel, "kvm"));
    put_bool(o, "present", true);
    return o;
}

static json_object *query_machines(const struct qmp_call *c, GError **error)
{
    json_object *list = json_object_new_array();
    struct monitor_machine m;

    for (unsigned n = 0; c->env->machine_nth(c->env->opaque, n, &m); n++) {
        json_object *o = json_object_new_object();

        put_str(o, "name", m.name);
        if (m.alias) {
            put_str(o, "alias", m.alias);
        }
        if (m.is_default) {
            put_bool(o, "is-default", true);
        }
        put_int(o, "cpu-max", m.cpu_max);
        put_bool(o, "hotpluggable-cpus", false);
        put_bool(o, "numa-mem-supported", false);
        put_bool(o, "deprecated", false);
        if (m.cpu_type) {
            put_str(o, "default-cpu-type", m.cpu_type);
        }
        if (m.ram_id) {
            put_str(o, "default-ram-id", m.ram_id);
        }
        json_object_array_add(list, o);
    }
    return list;
}

static json_object *query_current_machine(const struct qmp_call *c, GError **error)
{
    json_object *o = json_object_new_object();

    put_bool(o, "wakeup-suspend-support", c->env->config->acpi && c->env->machine->n_cpus > 0);
    return o;
}

static json_object *query_memory_size(const struct qmp_call *c, GError **error)
{
    json_object *o = json_object_new_object();

    put_int(o, "base-memory", (int64_t)c->env->config->memory.size);
    put_int(o, "plugged-memory", 0);
    return o;
}

/* Nothing is recorded or replayed; the count is what this machine has executed. */
static json_object *query_replay(const struct qmp_call *c, GError **error)
{
    json_object *o = json_object_new_object();

    put_str(o, "mode", "none");
    put_int(o, "icount", (int64_t)machine_insns(c->env->machine));
    return o;
}

static json_object *query_memdev(const struct qmp_call *c, GError **error)
{
    json_object *list = json_object_new_array();
    struct monitor_object object;

    for (unsigned n = 0; c->env->object_nth(c->env->opaque, n, &object); n++) {
        json_object *o;

        if (!g_str_has_prefix(object.type, "memory-backend-")) {
            continue;
        }
        o = json_object_new_object();
        put_str(o, "id", object.id);
        for (const struct row *row = object.rows; row->name; row++) {
            if (!g_str_equal(row->name, "seal") && !g_str_equal(row->name, "mem-path")) {
                json_object_object_add(o, row->name,
                                       row_get(object.rows, object.fields, row->name));
            }
        }
        json_object_object_add(o, "host-nodes", json_object_new_array());
        put_str(o, "policy", "default");
        json_object_array_add(list, o);
    }
    return list;
}

static json_object *empty_list(const struct qmp_call *c, GError **error)
{
    return json_object_new_array();
}

static json_object *query_iothreads(const struct qmp_call *c, GError **error)
{
    return c->env->iothreads(c->env->opaque);
}

static json_object *query_balloon(const struct qmp_call *c, GError **error)
{
    json_object *o;
    uint64_t bytes;

    if (!c->env->balloon_get(c->env->opaque, &bytes, error)) {
        return NULL;
    }
    o = json_object_new_object();
    put_int(o, "actual", (int64_t)bytes);
    return o;
}

static json_object *query_rx_filter(const struct qmp_call *c, GError **error)
{
    const GPtrArray *devices = c->env->machine->devices;
    const char *name = qmp_str(c, "name");
    json_object *list = json_object_new_array();

    for (guint i = 0; i < devices->len; i++) {
        struct dev *dev = devices->pdata[i];
        bool named = name && dev->id && g_str_equal(name, dev->id);
        json_object *info = !name || named ? dev_get(dev, "rx-filter") : NULL;

        if (info) {
            put_str(info, "name", dev->id ? dev->id : dev->class->name);
            json_object_array_add(list, info);
        } else if (named) {
            json_object_put(list);
            return qmp_fail(error, "net client(%s) doesn't support rx-filter querying", name);
        }
    }
    if (name && json_object_array_length(list) == 0) {
        json_object_put(list);
        return qmp_fail(error, "invalid net client name: %s", name);
    }
    return list;
}

static json_object *balloon(const struct qmp_call *c, GError **error)
{
    int64_t value = qmp_int(c, "value");

    if (value <= 0) {
        return qmp_fail(error, "Parameter 'target' expects a size");
    }
    c->env->balloon_set(c->env->opaque, (uint64_t)value, error);
    return NULL;
}

/* ---- options -----------------------------------------------------------------------------------
 */

static const char *option_type(const struct row *row)
{
    switch (row->type) {
    case ROW_BOOL: return "boolean";
    case ROW_INT:
    case ROW_UINT: return "number";
    case ROW_SIZE: return "size";
    default: return "string";
    }
}

static json_object *describe_option(const char *name, const struct row *rows)
{
    json_object *o = json_object_new_object(), *parameters = json_object_new_array();

    put_str(o, "option", name);
    for (const struct row *row = rows; row && row->name; row++) {
        json_object *p = json_object_new_object();

        put_str(p, "name", row->name);
        put_str(p, "type", option_type(row));
        if (row->help) {
            put_str(p, "help", row->help);
        }
        if (row->def) {
            put_str(p, "default", row->def);
        }
        json_object_array_add(parameters, p);
    }
    json_object_object_add(o, "parameters", parameters);
    return o;
}

static json_object *query_options(const struct qmp_call *c, GError **error)
{
    json_object *list = json_object_new_array();
    const char *wanted = qmp_str(c, "option"), *name;
    const struct row *rows;

    for (unsigned n = 0; c->env->option_nth(n, &name, &rows); n++) {
        if (!wanted || g_str_equal(wanted, name)) {
            json_object_array_add(list, describe_option(name, rows));
        }
    }
    if (wanted && json_object_array_length(list) == 0) {
        json_object_put(list);
        return qmp_fail(error, "Invalid option \"%s\"", wanted);
    }
    return list;
}

/* ---- what is not there --------------------------------------------------------------------------
 */

static json_object *query_sev(const struct qmp_call *c, GError **error)
{
    return qmp_fail(error, "SEV is not built yet");
}

static json_object *query_sgx(const struct qmp_call *c, GError **error)
{
    return qmp_fail(error, "SGX is not built yet");
}

static json_object *query_display(const struct qmp_call *c, GError **error)
{
    json_object *o = json_object_new_object();

    put_str(o, "type", "none");
    return o;
}

static json_object *query_generation(const struct qmp_call *c, GError **error)
{
    return qmp_fail(error, "VM Generation ID device not found");
}

static json_object *readable(const char *text)
{
    json_object *o = json_object_new_object();

    put_str(o, "human-readable-text", text);
    return o;
}

static json_object *query_irq(const struct qmp_call *c, GError **error)
{
    g_autoptr(GString) out = g_string_new(NULL);
    const struct machine *m = c->env->machine;

    if (!m->board_ops || !m->board_ops->describe || !m->board_ops->describe(m->board, "irq", out)) {
        return qmp_fail(error, "this machine has no interrupt controllers");
    }
    return readable(out->str);
}

static json_object *query_numa(const struct qmp_call *c, GError **error)
{
    return readable("0 nodes\n");
}

static json_object *query_dirty_rate(const struct qmp_call *c, GError **error)
{
    json_object *o = json_object_new_object();

    put_str(o, "status", "unstarted");
    put_int(o, "start-time", 0);
    put_int(o, "calc-time", 0);
    put_int(o, "sample-pages", 0);
    put_str(o, "mode", "page-sampling");
    return o;
}

static json_object *send_key(const struct qmp_call *c, GError **error)
{
    json_object *keys = json_object_object_get(c->args, "keys");
    size_t n = json_object_array_length(keys);
    uint16_t codes[KEYS_MAX];

    if (n == 0 || n > KEYS_MAX) {
        return qmp_fail(error, "Parameter 'keys' expects 1 to %d keys", KEYS_MAX);
    }
    for (size_t i = 0; i < n; i++) {
        json_object *key = json_object_array_get_idx(keys, i);
        json_object *data = json_object_object_get(key, "data");
        int code = json_object_is_type(data, json_type_int)
                       ? json_object_get_int(data)
                       : keys_code(json_object_get_string(data));

        if (code <= 0 || code > 0xffff) {
            return qmp_fail(error, "Parameter 'keys' does not accept value '%s'",
                            json_object_get_string(data));
        }
        codes[i] = (uint16_t)code;
    }
    if (!keys_press(c->env, codes, (unsigned)n,
                    qmp_has(c, "hold-time") ? qmp_int(c, "hold-time") : 100, error)) {
        return NULL;
    }
    return NULL;
}

const struct qmp_command qmp_info_commands[] = {
    {"query-name", NULL, "NameInfo", query_name, "The guest's name."},
    {"query-uuid", NULL, "UuidInfo", query_uuid, "The machine's UUID."},
    {"query-target", NULL, "TargetInfo", query_target, "The guest's architecture."},
    {"query-kvm", NULL, "KvmInfo", query_kvm, "Whether KVM runs the guest."},
    {"query-machines", NULL, "[MachineInfo]", query_machines, "Machine types."},
    {"query-current-machine", NULL, "CurrentMachineParams", query_current_machine,
     "What this machine can do."},
    {"query-memory-size-summary", NULL, "MemoryInfo", query_memory_size, "Guest RAM."},
    {"query-replay", NULL, "ReplayInfo", query_replay,
     "Instructions executed so far; with -icount a repeated run gives the same."},
    {"query-memdev", NULL, "[Memdev]", query_memdev, "Memory back ends."},
    {"query-iothreads", NULL, "[IOThreadInfo]", query_iothreads, "I/O threads."},
    {"query-rx-filter", "name?:str", "[RxFilterInfo]", query_rx_filter,
     "Which frames network cards pass on; the next change is told by NIC_RX_FILTER_CHANGED."},
    {"query-balloon", NULL, "BalloonInfo", query_balloon, "What the balloon leaves the guest."},
    {"balloon", "value:int", NULL, balloon, "Asks the guest to shrink or grow to so many bytes."},
    {"query-command-line-options", "option?:str", "[CommandLineOptionInfo]", query_options,
     "Options and their parameters."},
    {"query-tpm", NULL, "[TPMInfo]", empty_list, "TPM devices: none."},
    {"query-mice", NULL, "[MouseInfo]", empty_list, "Pointing devices: none."},
    {"query-display-options", NULL, "DisplayOptions", query_display, "The display: none."},
    {"query-vm-generation-id", NULL, "GuidInfo", query_generation, "VM generation id: an error."},
    {"x-query-irq", NULL, "HumanReadableText", query_irq, "Interrupts counted by line."},
    {"x-query-numa", NULL, "HumanReadableText", query_numa, "NUMA nodes: none."},
    {"query-tpm-models", NULL, "[TpmModel]", empty_list, "TPM models: none."},
    {"query-tpm-types", NULL, "[TpmType]", empty_list, "TPM back ends: none."},
    {"query-sev-capabilities", NULL, "SevCapability", query_sev, "AMD SEV: an error."},
    {"query-sgx-capabilities", NULL, "SGXInfo", query_sgx, "Intel SGX: an error."},
    {"query-dirty-rate", NULL, "DirtyRateInfo", query_dirty_rate, "Dirty page rate: unmeasured."},
    {"send-key", "keys:[KeyValue] hold-time?:int", NULL, send_key,
     "Presses keys together and lets them go after hold-time ms."},
    {NULL},
};
