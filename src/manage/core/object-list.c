/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Listing, finding and describing networks, pools, interfaces, node devices and secrets. */
#include "manage/conf/fault.h"
#include "manage/conf/pool-def.h"
#include "manage/conf/secret-def.h"
#include "manage/core/driver.h"
#include "manage/core/handlers.h"
#include "manage/core/object-kind.h"

#include <string.h>

const struct object_words *object_words(enum object_kind kind)
{
    static const struct object_words rows[OBJECT_KINDS] = {
        [OBJECT_NETWORK] = {"NETWORK", "network", FAULT_NO_NETWORK, "(say)", NAMED_NETWORK},
        [OBJECT_POOL] = {"STORAGE_POOL", "storage pool", FAULT_NO_STORAGE_POOL, "(say)",
                         NAMED_POOL},
        [OBJECT_INTERFACE] = {"INTERFACE", "interface", FAULT_NO_INTERFACE, "(ss)",
                              NAMED_INTERFACE},
        [OBJECT_NODEDEV] = {"DEVICE", "node device", FAULT_NO_NODE_DEVICE, "(s)", NAMED_NODEDEV},
        [OBJECT_SECRET] = {"SECRET", "secret", FAULT_NO_SECRET, "(ayis)", NAMED_SECRET},
    };

    return &rows[kind];
}

enum object_kind object_kind_of(const struct proc *proc)
{
    for (enum object_kind kind = 0; kind < OBJECT_KINDS; kind++) {
        const char *word = object_words(kind)->word;

        if (word != NULL && strstr(proc->name, word) != NULL) {
            return kind;
        }
    }
    g_assert_not_reached();
}

/* Filters of the list_all calls of networks and pools; those of interfaces are the first two. */
enum {
    LIST_INACTIVE = 1 << 0,
    LIST_ACTIVE = 1 << 1,
    LIST_PERSISTENT = 1 << 2,
    LIST_TRANSIENT = 1 << 3,
    LIST_AUTOSTART = 1 << 4,
    LIST_NO_AUTOSTART = 1 << 5,
};

static const char *const device_kinds[] = {
    "system",  "pci",     "usb_device", "usb",          "net", "scsi_host",  "scsi_target", "scsi",
    "storage", "fc_host", "vports",     "scsi_generic", "drm", "mdev_types", "mdev",        "ccw"};

static bool in_group(unsigned filter, unsigned group, unsigned own)
{
    return (filter & group) == 0 || (filter & own) != 0;
}

/* The bit, from `first` on, of a name in a list. */
static unsigned bit_of(const char *const *names, unsigned n, const char *name, unsigned first)
{
    for (unsigned i = 0; i < n; i++) {
        if (g_strcmp0(names[i], name) == 0) {
            return 1u << (first + i);
        }
    }
    return 0;
}

static unsigned device_bits(const struct xml *def)
{
    unsigned bits = 0;

    for (struct xml *c = xml_find(def, "capability"); c != NULL;
         c = xml_next(def, "capability", c)) {
        bits |= bit_of(device_kinds, G_N_ELEMENTS(device_kinds), xml_get(c, "type"), 0);
        for (struct xml *d = xml_find(c, "capability"); d != NULL;
             d = xml_next(c, "capability", d)) {
            const char *type = xml_get(d, "type");

            bits |= bit_of(device_kinds, G_N_ELEMENTS(device_kinds),
                           g_strcmp0(type, "vport_ops") == 0 ? "vports" : type, 0);
        }
    }
    return bits;
}

static unsigned pool_bit(const struct xml *def)
{
    int type = pool_def_number(def);

    return type >= 0 ? 1u << (6 + type) : 0;
}

/* Of secrets: ephemeral or not, private or not. */
static bool matches_secret(const struct xml *def, unsigned filter)
{
    return in_group(filter, 3, secret_def_ephemeral(def) ? 1 : 2) &&
           in_group(filter, 12, secret_def_private(def) ? 4 : 8);
}

static bool matches(const struct object *object, unsigned filter)
{
    if (object->kind == OBJECT_NODEDEV) {
        return in_group(filter, 0xffffff, device_bits(object->def));
    }
    if (object->kind == OBJECT_SECRET) {
        return matches_secret(object->def, filter);
    }
    return in_group(filter, LIST_ACTIVE | LIST_INACTIVE,
                    object->active ? LIST_ACTIVE : LIST_INACTIVE) &&
           in_group(filter, LIST_PERSISTENT | LIST_TRANSIENT,
                    object->persistent ? LIST_PERSISTENT : LIST_TRANSIENT) &&
           in_group(filter, LIST_AUTOSTART | LIST_NO_AUTOSTART,
                    object->autostart ? LIST_AUTOSTART : LIST_NO_AUTOSTART) &&
           in_group(filter, ~0x3fu, pool_bit(object->def));
}

bool object_list_all(struct call *call, GError **error)
{
    enum object_kind kind = object_kind_of(call->proc);
    g_autofree char *type = g_strconcat("a", object_words(kind)->type, NULL);
    g_autoptr(GPtrArray) all = objects_all(call->host->objects[kind]);
    GVariantBuilder list;
    unsigned n = 0;

    g_variant_builder_init(&list, G_VARIANT_TYPE(type));
    for (unsigned i = 0; i < all->len; i++) {
        struct object *object = all->pdata[i];

        object_lock(object);
        if (!object->gone && matches(object, call->flags)) {
            n++;
            if (call_i32(call, 0) != 0) {
                g_variant_builder_add_value(&list, call_pack_object(object));
            }
        }
        object_unlock(object);
    }
    return call_reply(call, "(@*u)", g_variant_builder_end(&list), n);
}

/* Names of those that are (in)active, `room` at most. */
static bool list_names(struct call *call, bool active, int room, bool only_count)
{
    g_autoptr(GPtrArray) all = objects_all(call->host->objects[object_kind_of(call->proc)]);
    g_auto(GVariantBuilder) list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("as"));
    int n = 0;

    for (unsigned i = 0; i < all->len && (only_count || n < room); i++) {
        struct object *object = all->pdata[i];

        object_lock(object);
        if (!object->gone && object->active == active) {
            n++;
            g_variant_builder_add(&list, "s", object->name);
        }
        object_unlock(object);
    }
    return only_count ? call_reply_i32(call, n) : call_reply(call, "(as)", &list);
}

bool object_count(struct call *call, GError **error)
{
    return list_names(call, true, 0, true);
}

bool object_count_defined(struct call *call, GError **error)
{
    return list_names(call, false, 0, true);
}

bool object_list_names(struct call *call, GError **error)
{
    return list_names(call, true, call_i32(call, 0), false);
}

bool object_list_defined(struct call *call, GError **error)
{
    return list_names(call, false, call_i32(call, 0), false);
}

bool object_missing(enum object_kind kind, const char *what, const char *value, GError **error)
{
    const struct object_words *words = object_words(kind);

    return what == NULL ? fault_set(error, words->missing, NULL)
                        : fault_set(error, words->missing, "no %s with matching %s '%s'",
                                    words->text, what, value);
}

bool object_lookup_by_name(struct call *call, GError **error)
{
    enum object_kind kind = object_kind_of(call->proc);
    const char *name = call_string(call, 0);
    g_autoptr(object_held) found = objects_find_name(call->host->objects[kind], name);

    return found != NULL ? call_reply_object(call, found)
                         : object_missing(kind, "name", name, error);
}

bool object_lookup_by_uuid(struct call *call, GError **error)
{
    enum object_kind kind = object_kind_of(call->proc);
    const uint8_t *uuid = call_object_uuid(call, 0);
    g_autoptr(object_held) found = objects_find_uuid(call->host->objects[kind], uuid);
    char text[UUID_TEXT];

    uuid_format(uuid, text);
    return found != NULL ? call_reply_object(call, found)
                         : object_missing(kind, "uuid", text, error);
}

bool object_get_xml_desc(struct call *call, GError **error)
{
    const struct object *object = call->object;
    bool inactive = (call->flags & 1) != 0 && object->next_def != NULL;
    g_autofree char *text = xml_format(inactive ? object->next_def : object->def);

    return call_reply_string(call, text);
}

bool object_get_autostart(struct call *call, GError **error)
{
    return call_reply_i32(call, call->object->autostart);
}

bool object_is_active(struct call *call, GError **error)
{
    return call_reply_i32(call, call->object->active);
}

bool object_is_persistent(struct call *call, GError **error)
{
    return call_reply_i32(call, call->object->persistent);
}
