/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the guest's agent knows of its guest, as libvirt's typed parameters (libvirt 9.0,
 * virDomainGetGuestInfo): lists are counted, and their rows numbered from 0. What an old agent does
 * not tell is left out; a kind of things that was asked for by name must be known to it.
 */
#include "manage/conf/fault.h"
#include "manage/driver/qmp/agent/agent.h"
#include "manage/driver/qmp/words.h"

#include <string.h>

#define MOST_ROWS   256  /* of one list */
#define MOST_PARAMS 2048 /* of a reply: procs.inc */

struct list {
    GVariantBuilder params;
    unsigned n;
};

struct kind {
    const char *command;
    void (*add)(struct list *list, const struct domain *domain, json_object *value);
};

static json_object *member(json_object *object, const char *name)
{
    json_object *value = NULL;

    if (json_object_is_type(object, json_type_object)) {
        json_object_object_get_ex(object, name, &value);
    }
    return value;
}

static unsigned length(json_object *array)
{
    size_t n = json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;

    return (unsigned)MIN(n, MOST_ROWS);
}

G_GNUC_PRINTF(3, 4)
static void add(struct list *list, GVariant *value, const char *format, ...)
{
    g_autoptr(GVariant) kept = g_variant_ref_sink(value);
    va_list arguments;

    if (list->n++ < MOST_PARAMS) {
        va_start(arguments, format);
        g_autofree char *name = g_strdup_vprintf(format, arguments);

        va_end(arguments);
        g_variant_builder_add_value(&list->params, call_pack_param(name, kept));
    }
}

/* "PREFIX.NAME", a string that the object has as `key`, if it has one. */
static void add_word(struct list *list, const char *prefix, const char *name, json_object *object,
                     const char *key)
{
    json_object *value = member(object, key);

    if (json_object_is_type(value, json_type_string)) {
        add(list, g_variant_new_string(json_object_get_string(value)), "%s.%s", prefix, name);
    }
}

static void add_size(struct list *list, const char *prefix, const char *name, json_object *object,
                     const char *key)
{
    json_object *value = member(object, key);

    if (json_object_is_type(value, json_type_int) && json_object_get_int64(value) >= 0) {
        add(list, g_variant_new_uint64((guint64)json_object_get_int64(value)), "%s.%s", prefix,
            name);
    }
}

static void add_users(struct list *list, const struct domain *domain, json_object *value)
{
    add(list, g_variant_new_uint32(length(value)), "user.count");
    for (unsigned i = 0; i < length(value); i++) {
        json_object *user = json_object_array_get_idx(value, i);
        double seconds = json_object_get_double(member(user, "login-time"));
        g_autofree char *prefix = g_strdup_printf("user.%u", i);

        add_word(list, prefix, "name", user, "user");
        add_word(list, prefix, "domain", user, "domain");
        if (seconds >= 0 && seconds < 1e15) {
            add(list, g_variant_new_uint64((guint64)(seconds * 1000)), "%s.login-time", prefix);
        }
    }
}

static void add_os(struct list *list, const struct domain *domain, json_object *value)
{
    static const char *const names[] = {
        "id",      "name",    "pretty-name", "version",        "version-id",
        "machine", "variant", "variant-id",  "kernel-release", "kernel-version"};

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        add_word(list, "os", names[i], value, names[i]);
    }
}

static void add_zone(struct list *list, const struct domain *domain, json_object *value)
{
    json_object *offset = member(value, "offset");

    add_word(list, "timezone", "name", value, "zone");
    if (json_object_is_type(offset, json_type_int)) {
        add(list, g_variant_new_int32(json_object_get_int(offset)), "timezone.offset");
    }
}

static void add_hostname(struct list *list, const struct domain *domain, json_object *value)
{
    json_object *name = member(value, "host-name");

    if (json_object_is_type(name, json_type_string)) {
        add(list, g_variant_new_string(json_object_get_string(name)), "hostname");
    }
}

static void add_disks_of(struct list *list, const struct domain *domain, const char *prefix,
                         json_object *disks)
{
    add(list, g_variant_new_uint32(length(disks)), "%s.disk.count", prefix);
    for (unsigned i = 0; i < length(disks); i++) {
        json_object *disk = json_object_array_get_idx(disks, i);
        g_autofree char *place = g_strdup_printf("%s.disk.%u", prefix, i);
        const char *alias = agent_disk_name(domain, disk);

        if (alias != NULL) {
            add(list, g_variant_new_string(alias), "%s.alias", place);
        }
        add_word(list, place, "serial", disk, "serial");
        add_word(list, place, "device", disk, "dev");
    }
}

static void add_file_systems(struct list *list, const struct domain *domain, json_object *value)
{
    add(list, g_variant_new_uint32(length(value)), "fs.count");
    for (unsigned i = 0; i < length(value); i++) {
        json_object *fs = json_object_array_get_idx(value, i);
        g_autofree char *prefix = g_strdup_printf("fs.%u", i);

        add_word(list, prefix, "name", fs, "name");
        add_word(list, prefix, "mountpoint", fs, "mountpoint");
        add_word(list, prefix, "fstype", fs, "type");
        add_size(list, prefix, "total-bytes", fs, "total-bytes");
        add_size(list, prefix, "used-bytes", fs, "used-bytes");
        add_disks_of(list, domain, prefix, member(fs, "disk"));
    }
}

static void add_disks(struct list *list, const struct domain *domain, json_object *value)
{
    add(list, g_variant_new_uint32(length(value)), "disk.count");
    for (unsigned i = 0; i < length(value); i++) {
        json_object *disk = json_object_array_get_idx(value, i);
        json_object *address = member(disk, "address"), *parts = member(disk, "dependencies");
        g_autofree char *prefix = g_strdup_printf("disk.%u", i);
        const char *alias = agent_disk_name(domain, address);

        add_word(list, prefix, "name", disk, "name");
        add(list, g_variant_new_boolean(json_object_get_boolean(member(disk, "partition"))),
            "%s.partition", prefix);
        if (length(parts) > 0) {
            add(list, g_variant_new_uint32(length(parts)), "%s.dependency.count", prefix);
        }
        for (unsigned k = 0; k < length(parts); k++) {
            const char *name = json_object_get_string(json_object_array_get_idx(parts, k));

            add(list, g_variant_new_string(name != NULL ? name : ""), "%s.dependency.%u.name",
                prefix, k);
        }
        add_word(list, prefix, "serial", address, "serial");
        if (alias != NULL) {
            add(list, g_variant_new_string(alias), "%s.alias", prefix);
        }
        add_word(list, prefix, "guest_alias", disk, "alias");
        add_word(list, prefix, "guest_bus", address, "bus-type");
    }
}

static void add_addresses(struct list *list, const char *prefix, json_object *addresses)
{
    add(list, g_variant_new_uint32(length(addresses)), "%s.addr.count", prefix);
    for (unsigned i = 0; i < length(addresses); i++) {
        json_object *address = json_object_array_get_idx(addresses, i);
        g_autofree char *place = g_strdup_printf("%s.addr.%u", prefix, i);

        add_word(list, place, "type", address, "ip-address-type");
        add_word(list, place, "addr", address, "ip-address");
        add(list, g_variant_new_uint32((guint32)json_object_get_int(member(address, "prefix"))),
            "%s.prefix", place);
    }
}

static void add_interfaces(struct list *list, const struct domain *domain, json_object *value)
{
    add(list, g_variant_new_uint32(length(value)), "if.count");
    for (unsigned i = 0; i < length(value); i++) {
        json_object *interface = json_object_array_get_idx(value, i);
        g_autofree char *prefix = g_strdup_printf("if.%u", i);

        add_word(list, prefix, "name", interface, "name");
        add_word(list, prefix, "hwaddr", interface, "hardware-address");
        add_addresses(list, prefix, member(interface, "ip-addresses"));
    }
}

/* By libvirt's bits of `types`. */
static const struct kind kinds[] = {
    {"guest-get-users", add_users},
    {"guest-get-osinfo", add_os},
    {"guest-get-timezone", add_zone},
    {"guest-get-host-name", add_hostname},
    {"guest-get-fsinfo", add_file_systems},
    {"guest-get-disks", add_disks},
    {"guest-network-get-interfaces", add_interfaces},
};

bool agent_get_guest_info(struct call *call, GError **error)
{
    struct list list = {.n = 0};
    unsigned types = call_u32(call, 1);
    bool good = true;

    if (types >> G_N_ELEMENTS(kinds) != 0) {
        return fault_set(error, FAULT_INVALID_ARG, "unsupported guest information types '0x%x'",
                         types & ~((1u << G_N_ELEMENTS(kinds)) - 1));
    }
    g_variant_builder_init(&list.params, G_VARIANT_TYPE("a(sv)"));
    for (unsigned i = 0; good && i < G_N_ELEMENTS(kinds); i++) {
        const char *command = kinds[i].command;
        json_object *value = NULL;

        if (types != 0 && (types >> i & 1) == 0) {
            continue;
        }
        good = types != 0 ? agent_command(call->domain, command, NULL, &value, error)
                          : agent_try(call->domain, command, &value, error);
        if (good && value != NULL) {
            kinds[i].add(&list, call->domain, value);
        }
        json_object_put(value);
    }
    if (!good) {
        g_variant_builder_clear(&list.params);
        return false;
    }
    return call_reply(call, "(@a(sv))", g_variant_builder_end(&list.params));
}
