/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What clients ask of a guest's agent. */
#include "manage/conf/fault.h"
#include "manage/driver/qmp/agent/agent.h"
#include "manage/driver/qmp/internal.h"
#include "manage/driver/qmp/words.h"

#include <string.h>

#define MOST_NAMES   256 /* mount points in a call, aliases of disks in a reply */
#define LONG_SECONDS 3600

/* Timeouts of the client's own command: for ever, as usual, not at all. */
enum { TIMEOUT_BLOCK = -2, TIMEOUT_DEFAULT = -1 };

static json_object *member(json_object *object, const char *name)
{
    json_object *value = NULL;

    json_object_object_get_ex(object, name, &value);
    return value;
}

bool agent_qemu_command(struct call *call, GError **error)
{
    const char *text = call_string(call, 1);
    int timeout = call_i32(call, 2);
    struct json_tokener *tokener;
    json_object *message, *reply = NULL;

    if (timeout < TIMEOUT_BLOCK) {
        return fault_set(error, FAULT_INVALID_ARG,
                         "guest agent timeout '%d' is less than the minimum '%d'", timeout,
                         TIMEOUT_BLOCK);
    }
    tokener = json_tokener_new();
    message = json_tokener_parse_ex(tokener, text, -1);
    json_tokener_free(tokener);
    if (!json_object_is_type(message, json_type_object)) {
        json_object_put(message);
        return fault_set(error, FAULT_INTERNAL_ERROR, "cannot parse json %s", text);
    }
    timeout = timeout == TIMEOUT_BLOCK     ? LONG_SECONDS
              : timeout == TIMEOUT_DEFAULT ? AGENT_SECONDS
                                           : MIN(timeout, LONG_SECONDS);
    if (!agent_message(call->domain, message, timeout, &reply, error)) {
        return false;
    }
    call_reply(call, "(ms)",
               reply != NULL ? json_object_to_json_string_ext(
                                   reply, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)
                             : NULL);
    json_object_put(reply);
    return true;
}

static bool malformed(const char *command, GError **error)
{
    return fault_set(error, FAULT_INTERNAL_ERROR, "malformed return value of %s", command);
}

bool agent_get_hostname(struct call *call, GError **error)
{
    json_object *value = NULL, *name;
    bool good;

    if ((call->flags & 1) != 0) {
        return fault_set(error, FAULT_OPERATION_UNSUPPORTED,
                         "a name from a network's leases is not built yet");
    }
    if (!agent_command(call->domain, "guest-get-host-name", NULL, &value, error)) {
        return false;
    }
    name = member(value, "host-name");
    good = json_object_is_type(name, json_type_string)
               ? call_reply_string(call, json_object_get_string(name))
               : malformed("guest-get-host-name", error);
    json_object_put(value);
    return good;
}

bool agent_get_time(struct call *call, GError **error)
{
    json_object *value = NULL;
    int64_t ns;

    if (!agent_command(call->domain, "guest-get-time", NULL, &value, error)) {
        return false;
    }
    ns = json_object_get_int64(value);
    json_object_put(value);
    return call_reply(call, "(xu)", ns / 1000000000, (guint32)(ns % 1000000000));
}

bool agent_set_time(struct call *call, GError **error)
{
    json_object *arguments = json_object_new_object();
    int64_t seconds = call_i64(call, 1);

    if (seconds > G_MAXINT64 / 1000000000 || seconds < 0) {
        json_object_put(arguments);
        return fault_set(error, FAULT_INVALID_ARG,
                         "Time '%" G_GINT64_FORMAT "' is too big for guest agent", seconds);
    }
    if ((call->flags & 1) == 0) { /* else it takes its hardware clock's */
        words_set_int(arguments, "time", seconds * 1000000000 + call_u32(call, 2));
    }
    return agent_command(call->domain, "guest-set-time", arguments, NULL, error);
}

static json_object *names_of(struct call *call, unsigned n)
{
    g_autoptr(GVariant) names = g_variant_get_child_value(call->args, n);
    json_object *list = json_object_new_array();

    for (gsize i = 0; i < g_variant_n_children(names) && i < MOST_NAMES; i++) {
        const char *name;

        g_variant_get_child(names, i, "&s", &name);
        json_object_array_add(list, json_object_new_string(name));
    }
    return list;
}

static bool reply_count(struct call *call, json_object *value)
{
    int n = json_object_get_int(value);

    json_object_put(value);
    return call_reply_i32(call, n);
}

bool agent_freeze(struct call *call, GError **error)
{
    json_object *names = names_of(call, 1), *arguments = NULL, *value = NULL;
    const char *command = "guest-fsfreeze-freeze";

    if (json_object_array_length(names) > 0) {
        command = "guest-fsfreeze-freeze-list";
        arguments = json_object_new_object();
        json_object_object_add(arguments, "mountpoints", names);
    } else {
        json_object_put(names);
    }
    return agent_command(call->domain, command, arguments, &value, error) &&
           reply_count(call, value);
}

bool agent_thaw(struct call *call, GError **error)
{
    g_autoptr(GVariant) names = g_variant_get_child_value(call->args, 1);
    json_object *value = NULL;

    if (g_variant_n_children(names) > 0) {
        return fault_set(error, FAULT_OPERATION_UNSUPPORTED,
                         "specifying mountpoints is not supported");
    }
    return agent_command(call->domain, "guest-fsfreeze-thaw", NULL, &value, error) &&
           reply_count(call, value);
}

bool agent_trim(struct call *call, GError **error)
{
    json_object *arguments;

    if (call_maybe_string(call, 1) != NULL) {
        return fault_set(error, FAULT_ARGUMENT_UNSUPPORTED,
                         "Specifying mount point is not supported for now");
    }
    if (call_u64(call, 2) > G_MAXINT64) {
        return fault_set(error, FAULT_INVALID_ARG, "the least length is too big");
    }
    arguments = json_object_new_object();
    words_set_int(arguments, "minimum", (int64_t)call_u64(call, 2));
    return agent_command(call->domain, "guest-fstrim", arguments, NULL, error);
}

bool agent_set_password(struct call *call, GError **error)
{
    const char *user = call_maybe_string(call, 1), *password = call_maybe_string(call, 2);
    g_autofree char *encoded = NULL;
    json_object *arguments;

    if (user == NULL || password == NULL) {
        return fault_set(error, FAULT_INVALID_ARG, "a user and a password must be given");
    }
    encoded = g_base64_encode((const guchar *)password, strlen(password));
    arguments = json_object_new_object();
    words_set_bool(arguments, "crypted", (call->flags & 1) != 0);
    words_set(arguments, "username", user);
    words_set(arguments, "password", encoded);
    return agent_command(call->domain, "guest-set-user-password", arguments, NULL, error);
}

static const char *word(json_object *object, const char *name)
{
    json_object *value = member(object, name);

    return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

const char *agent_disk_name(const struct domain *domain, json_object *disk)
{
    const struct xml *devices = domain_def_devices(domain->def);
    json_object *place =
        json_object_is_type(disk, json_type_object) ? member(disk, "pci-controller") : NULL;

    for (struct xml *d = xml_find(devices, "disk"); d != NULL && place != NULL;
         d = xml_next(devices, "disk", d)) {
        const struct xml *address = xml_find(d, "address");

        if (xml_is(address, "type", "pci") &&
            words_attribute(address, "bus", 0) ==
                (unsigned)json_object_get_int(member(place, "bus")) &&
            words_attribute(address, "slot", 0) ==
                (unsigned)json_object_get_int(member(place, "slot"))) {
            return xml_get(xml_find(d, "target"), "dev");
        }
    }
    return NULL;
}

static void add_targets(struct domain *domain, json_object *disks, GVariantBuilder *list)
{
    for (size_t i = 0; json_object_is_type(disks, json_type_array) && i < MOST_NAMES &&
                       i < json_object_array_length(disks);
         i++) {
        const char *name = agent_disk_name(domain, json_object_array_get_idx(disks, i));

        if (name != NULL) {
            g_variant_builder_add(list, "s", name);
        }
    }
}

bool agent_get_fsinfo(struct call *call, GError **error)
{
    json_object *value = NULL;
    GVariantBuilder list;
    guint n = 0;

    if (!agent_command(call->domain, "guest-get-fsinfo", NULL, &value, error)) {
        return false;
    }
    g_variant_builder_init(&list, G_VARIANT_TYPE("a(sssas)"));
    for (; json_object_is_type(value, json_type_array) && n < MOST_NAMES &&
           n < json_object_array_length(value);
         n++) {
        json_object *fs = json_object_array_get_idx(value, n);
        GVariantBuilder targets;

        g_variant_builder_init(&targets, G_VARIANT_TYPE("as"));
        add_targets(call->domain, member(fs, "disk"), &targets);
        g_variant_builder_add(&list, "(sss@as)", word(fs, "mountpoint"), word(fs, "name"),
                              word(fs, "type"), g_variant_builder_end(&targets));
    }
    json_object_put(value);
    return call_reply(call, "(@a(sssas)u)", g_variant_builder_end(&list), n);
}
