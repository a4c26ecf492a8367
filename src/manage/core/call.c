/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading a call's arguments and making its reply. */
#include "manage/core/call.h"

#include "manage/conf/secret-def.h"

#include <string.h>

const char *call_string(struct call *call, unsigned n)
{
    const char *text;

    g_variant_get_child(call->args, n, "&s", &text);
    return text;
}

const char *call_maybe_string(struct call *call, unsigned n)
{
    const char *text;

    g_variant_get_child(call->args, n, "m&s", &text);
    return text;
}

int32_t call_i32(struct call *call, unsigned n)
{
    gint32 value;

    g_variant_get_child(call->args, n, "i", &value);
    return value;
}

uint32_t call_u32(struct call *call, unsigned n)
{
    guint32 value;

    g_variant_get_child(call->args, n, "u", &value);
    return value;
}

uint64_t call_u64(struct call *call, unsigned n)
{
    guint64 value;

    g_variant_get_child(call->args, n, "t", &value);
    return value;
}

int64_t call_i64(struct call *call, unsigned n)
{
    gint64 value;

    g_variant_get_child(call->args, n, "x", &value);
    return value;
}

const char *call_object_name(struct call *call, unsigned n)
{
    g_autoptr(GVariant) object = g_variant_get_child_value(call->args, n);
    const char *text;

    g_variant_get_child(object, 0, "&s", &text);
    return text; /* the arguments' own memory */
}

/* In the arguments' own memory: of an object, or a bare UUID. */
const uint8_t *call_object_uuid(struct call *call, unsigned n)
{
    g_autoptr(GVariant) object = g_variant_get_child_value(call->args, n);
    g_autoptr(GVariant) first =
        g_variant_is_of_type(object, G_VARIANT_TYPE_BYTESTRING)
            ? g_variant_ref(object)
            : g_variant_get_child_value(
                  object, g_variant_is_of_type(object, G_VARIANT_TYPE("(ayis)")) ? 0 : 1);
    gsize length;
    const uint8_t *uuid = g_variant_get_fixed_array(first, &length, 1);

    g_assert(length == UUID_BYTES);
    return uuid;
}

bool call_reply(struct call *call, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    g_clear_pointer(&call->reply, g_variant_unref);
    call->reply = g_variant_ref_sink(g_variant_new_va(format, NULL, &list));
    va_end(list);
    return true;
}

bool call_reply_i32(struct call *call, int32_t value)
{
    return call_reply(call, "(i)", value);
}

bool call_reply_u64(struct call *call, uint64_t value)
{
    return call_reply(call, "(t)", value);
}

bool call_reply_string(struct call *call, const char *value)
{
    return call_reply(call, "(s)", value);
}

bool call_reply_object(struct call *call, struct object *object)
{
    return call_reply(call, "(@*)", call_pack_object(object));
}

GVariant *call_pack_uuid(const uint8_t uuid[UUID_BYTES])
{
    return g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, uuid, UUID_BYTES, 1);
}

GVariant *call_pack_domain(struct domain *domain)
{
    return g_variant_new("(s@ayi)", domain->object.name, call_pack_uuid(domain->object.uuid),
                         domain->id);
}

static const char *text_or_empty(const char *text)
{
    return text != NULL ? text : "";
}

static GVariant *pack_secret(struct object *object)
{
    const char *id;
    int usage = secret_def_usage(object->def, &id);

    return g_variant_new("(@ayis)", call_pack_uuid(object->uuid), usage, id);
}

GVariant *call_pack_object(struct object *object)
{
    switch (object->kind) {
    case OBJECT_DOMAIN: return call_pack_domain(domain_of(object));
    case OBJECT_NETWORK:
    case OBJECT_POOL: return g_variant_new("(s@ay)", object->name, call_pack_uuid(object->uuid));
    case OBJECT_INTERFACE:
        return g_variant_new("(ss)", object->name,
                             text_or_empty(xml_get(xml_find(object->def, "mac"), "address")));
    case OBJECT_NODEDEV: return g_variant_new("(s)", object->name);
    case OBJECT_SECRET: return pack_secret(object);
    default: g_assert_not_reached();
    }
}

GVariant *call_pack_param(const char *name, GVariant *value)
{
    return g_variant_new("(sv)", name, value);
}
