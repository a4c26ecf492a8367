/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys, NMIs, sizes of disks, and whatever a client says to the monitor itself. */
#include "manage/conf/fault.h"
#include "manage/core/driver.h"
#include "manage/driver/qmp/internal.h"
#include "manage/driver/qmp/stats.h"

#include <string.h>

static void add_int(json_object *object, const char *key, int64_t value)
{
    json_object_object_add(object, key, json_object_new_int64(value));
}

static void add_string(json_object *object, const char *key, const char *value)
{
    json_object_object_add(object, key, json_object_new_string(value));
}

/* libvirt's sets of key codes. */
enum { CODES_LINUX, CODES_XT, CODES_ATSET1, CODES_QNUM = 9 };

static const char *const codesets[] = {"linux", "xt",     "atset1", "atset2", "atset3",
                                       "os_x",  "xt_kbd", "usb",    "win32",  "qnum"};

/* QEMU's numbers of the keys above F10 (a PC's scan codes; 0x80: after E0) by Linux's; those below
 * have the same ones. */
static const uint8_t linux_keys[] = {
    [86] = 0x56,  [87] = 0x57,  [88] = 0x58,  [96] = 0x9c,  [97] = 0x9d,  [98] = 0xb5,
    [99] = 0x54,  [100] = 0xb8, [102] = 0xc7, [103] = 0xc8, [104] = 0xc9, [105] = 0xcb,
    [106] = 0xcd, [107] = 0xcf, [108] = 0xd0, [109] = 0xd1, [110] = 0xd2, [111] = 0xd3,
    [113] = 0xa0, [114] = 0xae, [115] = 0xb0, [116] = 0xde, [117] = 0x59, [119] = 0xc6,
    [125] = 0xdb, [126] = 0xdc, [127] = 0xdd,
};
#define SAME_KEYS 83

/* 0: there is no such key. */
static uint32_t translate(uint32_t set, uint32_t code)
{
    switch (set) {
    case CODES_LINUX:
        return code <= SAME_KEYS ? code : code < G_N_ELEMENTS(linux_keys) ? linux_keys[code] : 0;
    case CODES_XT:
    case CODES_ATSET1: return code < 0x80 ? code : 0;
    default: return code <= 0xff ? code : 0;
    }
}

bool qmp_domain_send_key(struct call *call, GError **error)
{
    uint32_t set = call_u32(call, 1), hold = call_u32(call, 2);
    g_autoptr(GVariant) codes = g_variant_get_child_value(call->args, 3);
    json_object *keys, *arguments;

    if (set >= G_N_ELEMENTS(codesets) || (set > CODES_ATSET1 && set != CODES_QNUM)) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED, "the codeset '%s' is not built yet",
                         set < G_N_ELEMENTS(codesets) ? codesets[set] : "?");
    }
    keys = json_object_new_array();
    for (gsize i = 0; i < g_variant_n_children(codes); i++) {
        g_autoptr(GVariant) code = g_variant_get_child_value(codes, i);
        uint32_t number = translate(set, g_variant_get_uint32(code));
        json_object *key = json_object_new_object();

        json_object_array_add(keys, key);
        if (number == 0) {
            json_object_put(keys);
            return fault_set(error, FAULT_INTERNAL_ERROR,
                             "cannot translate keycode %u of %s codeset to qnum keycode",
                             g_variant_get_uint32(code), codesets[set]);
        }
        add_string(key, "type", "number");
        add_int(key, "data", number);
    }
    arguments = json_object_new_object();
    json_object_object_add(arguments, "keys", keys);
    if (hold > 0) {
        add_int(arguments, "hold-time", hold);
    }
    return qmp_command(call->domain, "send-key", arguments, NULL, error);
}

bool qmp_domain_inject_nmi(struct call *call, GError **error)
{
    return qmp_command(call->domain, "inject-nmi", NULL, NULL, error);
}

/* Flags of domain_block_resize. */
enum { RESIZE_BYTES = 1 };

bool qmp_domain_block_resize(struct call *call, GError **error)
{
    const char *path = call_string(call, 1);
    uint64_t size = call_u64(call, 2);
    const struct xml *disk = stats_find_disk(call->domain->def, path);
    json_object *stats = NULL, *blocks = NULL, *arguments;
    g_autofree char *node = NULL;

    if (*path == '\0') {
        return fault_set(error, FAULT_INVALID_ARG, "empty path");
    }
    if ((call->flags & RESIZE_BYTES) == 0) {
        if (size > G_MAXINT64 / 1024) {
            return fault_set(error, FAULT_OVERFLOW, "size must be less than %" G_GINT64_FORMAT,
                             (gint64)(G_MAXINT64 / 1024));
        }
        size *= 1024;
    }
    if (disk == NULL) {
        return fault_set(error, FAULT_INVALID_ARG, "disk '%s' was not found in the domain config",
                         path);
    }
    if (size > G_MAXINT64) {
        return fault_set(error, FAULT_OVERFLOW, "size must be less than %" G_GINT64_FORMAT,
                         G_MAXINT64);
    }
    if (!stats_ask_blocks(call->domain, &stats, &blocks, error)) {
        return false;
    }
    disk = stats_find_disk(call->domain->def, path);
    node = disk != NULL ? g_strdup(stats_node(blocks, disk)) : NULL;
    json_object_put(stats);
    json_object_put(blocks);
    if (node == NULL) {
        return fault_set(error, FAULT_OPERATION_INVALID, "disk '%s' is empty", path);
    }
    arguments = json_object_new_object();
    add_string(arguments, "node-name", node);
    add_int(arguments, "size", (int64_t)size);
    return qmp_command(call->domain, "block_resize", arguments, NULL, error);
}

/* The guest decides how much it gives; BALLOON_CHANGE tells. */
bool qmp_set_memory(struct domain *domain, uint64_t kib, GError **error)
{
    const struct xml *balloon = xml_find(domain_def_devices(domain->def), "memballoon");
    json_object *arguments;

    if (balloon == NULL || xml_is(balloon, "model", "none")) {
        return fault_set(error, FAULT_OPERATION_INVALID,
                         "Unable to change memory of active domain without the balloon device and "
                         "guest OS balloon driver");
    }
    arguments = json_object_new_object();
    add_int(arguments, "value", (int64_t)(kib * 1024));
    return qmp_command(domain, "balloon", arguments, NULL, error);
}

/* Flags of the monitor's procedure. */
enum { MONITOR_HMP = 1 };

static bool run_line(struct call *call, const char *line, GError **error)
{
    json_object *arguments = json_object_new_object(), *value = NULL;
    bool good;

    add_string(arguments, "command-line", line);
    if (!qmp_command(call->domain, "human-monitor-command", arguments, &value, error)) {
        return false;
    }
    good = json_object_is_type(value, json_type_string)
               ? call_reply_string(call, json_object_get_string(value))
               : fault_set(error, FAULT_INTERNAL_ERROR,
                           "human monitor command was missing return data");
    json_object_put(value);
    return good;
}

bool qmp_domain_monitor_command(struct call *call, GError **error)
{
    const char *text = call_string(call, 1);
    struct json_tokener *tokener;
    json_object *message, *reply = NULL;
    bool good;

    if ((call->flags & MONITOR_HMP) != 0) {
        return run_line(call, text, error);
    }
    tokener = json_tokener_new();
    message = json_tokener_parse_ex(tokener, text, -1);
    json_tokener_free(tokener);
    if (!json_object_is_type(message, json_type_object)) {
        json_object_put(message);
        return fault_set(error, FAULT_INTERNAL_ERROR, "cannot parse json %s", text);
    }
    if (!qmp_message(call->domain, message, &reply, error)) {
        return false;
    }
    good = call_reply_string(call,
                             json_object_to_json_string_ext(
                                 reply, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(reply);
    return good;
}
