/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vCPUs as the guest has them, and who may log in by a key: through the guest's agent. */
#include "manage/conf/cpuset.h"
#include "manage/conf/fault.h"
#include "manage/driver/qmp/agent/agent.h"
#include "manage/driver/qmp/words.h"

#include <string.h>

#define MAX_CPUS  16384 /* numbers of a guest's vCPUs are below it */
#define MOST_KEYS 2048

struct cpus {
    uint8_t all[MAX_CPUS / 8], online[MAX_CPUS / 8], offlinable[MAX_CPUS / 8];
};

static json_object *member(json_object *object, const char *name)
{
    json_object *value = NULL;

    if (json_object_is_type(object, json_type_object)) {
        json_object_object_get_ex(object, name, &value);
    }
    return value;
}

static void mark(uint8_t *map, int64_t id, bool yes)
{
    if (yes) {
        map[id / 8] |= (uint8_t)(1u << id % 8);
    }
}

static bool is_marked(const uint8_t *map, unsigned id)
{
    return (map[id / 8] >> id % 8 & 1) != 0;
}

static bool read_cpus(struct domain *domain, struct cpus *ret, GError **error)
{
    json_object *value = NULL;

    if (!agent_command(domain, "guest-get-vcpus", NULL, &value, error)) {
        return false;
    }
    memset(ret, 0, sizeof(*ret));
    for (size_t i = 0;
         json_object_is_type(value, json_type_array) && i < json_object_array_length(value); i++) {
        json_object *cpu = json_object_array_get_idx(value, i);
        int64_t id = json_object_get_int64(member(cpu, "logical-id"));

        if (id < 0 || id >= MAX_CPUS) {
            json_object_put(value);
            return fault_set(error, FAULT_INTERNAL_ERROR,
                             "guest agent reports a vCPU with number %" G_GINT64_FORMAT, id);
        }
        mark(ret->all, id, true);
        mark(ret->online, id, json_object_get_boolean(member(cpu, "online")));
        mark(ret->offlinable, id, json_object_get_boolean(member(cpu, "can-offline")));
    }
    json_object_put(value);
    return true;
}

static GVariant *map_param(const char *name, const uint8_t *map)
{
    g_autofree char *text = cpuset_format(map, MAX_CPUS / 8);

    return call_pack_param(name, g_variant_new_string(text));
}

bool agent_get_vcpus(struct call *call, GError **error)
{
    g_autofree struct cpus *cpus = g_new0(struct cpus, 1);
    GVariantBuilder list;

    if (!read_cpus(call->domain, cpus, error)) {
        return false;
    }
    g_variant_builder_init(&list, G_VARIANT_TYPE("a(sv)"));
    g_variant_builder_add_value(&list, map_param("vcpus", cpus->all));
    g_variant_builder_add_value(&list, map_param("online", cpus->online));
    g_variant_builder_add_value(&list, map_param("offlinable", cpus->offlinable));
    return call_reply(call, "(@a(sv))", g_variant_builder_end(&list));
}

/* The agent does as many as it can from the first on, and says how many: until all are done. */
static bool send_cpus(struct domain *domain, const uint8_t *wanted, bool online, GError **error)
{
    json_object *list = json_object_new_array(), *value = NULL;
    size_t done = 0, n;

    for (unsigned id = 0; id < MAX_CPUS; id++) {
        if (is_marked(wanted, id)) {
            json_object *cpu = json_object_new_object();

            words_set_int(cpu, "logical-id", id);
            words_set_bool(cpu, "online", online);
            json_object_array_add(list, cpu);
        }
    }
    n = json_object_array_length(list);
    while (done < n) {
        json_object *arguments = json_object_new_object();
        int64_t count;

        json_object_object_add(arguments, "vcpus", list);
        json_object_get(list);
        if (!agent_command(domain, "guest-set-vcpus", arguments, &value, error)) {
            json_object_put(list);
            return false;
        }
        count = json_object_get_int64(value);
        json_object_put(value);
        if (count <= 0 || (uint64_t)count > n - done) {
            json_object_put(list);
            return fault_set(error, FAULT_INTERNAL_ERROR,
                             "guest agent reported failed to set vCPUs");
        }
        json_object_array_del_idx(list, 0, (size_t)count);
        done += (size_t)count;
    }
    json_object_put(list);
    return true;
}

static bool check_cpus(const struct cpus *cpus, uint8_t *wanted, bool online, GError **error)
{
    for (unsigned id = 0; id < MAX_CPUS; id++) {
        if (is_marked(wanted, id) && !is_marked(cpus->all, id)) {
            return fault_set(error, FAULT_INVALID_ARG, "guest is missing vCPUs '%u'", id);
        }
        if (is_marked(wanted, id) && !online && !is_marked(cpus->offlinable, id)) {
            return fault_set(error, FAULT_INVALID_ARG, "vCPUs '%u' can't be offlined", id);
        }
    }
    return true;
}

bool agent_set_vcpus(struct call *call, GError **error)
{
    g_autofree struct cpus *cpus = g_new0(struct cpus, 1);
    uint8_t wanted[MAX_CPUS / 8] = {0};
    const char *map = call_string(call, 1);
    int state = call_i32(call, 2);

    if (state != 0 && state != 1) {
        return fault_set(error, FAULT_INVALID_ARG, "unsupported state value");
    }
    if (!cpuset_parse(map, wanted, sizeof(wanted))) {
        return fault_set(error, FAULT_INVALID_ARG, "Failed to parse bitmap '%s'", map);
    }
    return read_cpus(call->domain, cpus, error) && check_cpus(cpus, wanted, state == 1, error) &&
           send_cpus(call->domain, wanted, state == 1, error);
}

bool agent_get_keys(struct call *call, GError **error)
{
    json_object *arguments = json_object_new_object(), *value = NULL, *keys;
    GVariantBuilder list;

    words_set(arguments, "username", call_string(call, 1));
    if (!agent_command(call->domain, "guest-ssh-get-authorized-keys", arguments, &value, error)) {
        return false;
    }
    keys = member(value, "keys");
    if (!json_object_is_type(keys, json_type_array)) {
        json_object_put(value);
        return fault_set(error, FAULT_INTERNAL_ERROR,
                         "guest-ssh-get-authorized-keys reply was missing return data");
    }
    g_variant_builder_init(&list, G_VARIANT_TYPE("as"));
    for (size_t i = 0; i < MOST_KEYS && i < json_object_array_length(keys); i++) {
        const char *key = json_object_get_string(json_object_array_get_idx(keys, i));

        g_variant_builder_add(&list, "s", key != NULL ? key : "");
    }
    json_object_put(value);
    return call_reply(call, "(@as)", g_variant_builder_end(&list));
}

bool agent_set_keys(struct call *call, GError **error)
{
    enum { APPEND = 1, REMOVE = 2 };
    g_autoptr(GVariant) given = g_variant_get_child_value(call->args, 2);
    json_object *arguments, *keys;
    bool removes = (call->flags & REMOVE) != 0;

    if (removes && (call->flags & APPEND) != 0) {
        return fault_set(error, FAULT_INVALID_ARG, "keys are either added or removed");
    }
    arguments = json_object_new_object();
    keys = json_object_new_array();
    for (gsize i = 0; i < g_variant_n_children(given); i++) {
        const char *key;

        g_variant_get_child(given, i, "&s", &key);
        json_object_array_add(keys, json_object_new_string(key));
    }
    words_set(arguments, "username", call_string(call, 1));
    json_object_object_add(arguments, "keys", keys);
    if (!removes) {
        words_set_bool(arguments, "reset", (call->flags & APPEND) == 0);
    }
    return agent_command(call->domain,
                         removes ? "guest-ssh-remove-authorized-keys"
                                 : "guest-ssh-add-authorized-keys",
                         arguments, NULL, error);
}
