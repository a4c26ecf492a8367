/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Procedures about the connection itself, and its event registrations. */
#include "manage/conf/fault.h"
#include "manage/core/driver.h"
#include "manage/core/event.h"
#include "manage/core/handlers.h"

#include <string.h>
#include <unistd.h>

#define LIBRARY_VERSION 9000000 /* the libvirt whose behaviour this is */

bool connect_get_type(struct call *call, GError **error)
{
    return call_reply_string(call, call->host->driver->type);
}

bool connect_get_version(struct call *call, GError **error)
{
    return call_reply_u64(call, call->host->driver->version);
}

bool connect_get_lib_version(struct call *call, GError **error)
{
    return call_reply_u64(call, LIBRARY_VERSION);
}

bool connect_get_hostname(struct call *call, GError **error)
{
    return call_reply_string(call, g_get_host_name());
}

bool connect_get_uri(struct call *call, GError **error)
{
    return call_reply_string(call, call->host->uri);
}

bool connect_is_secure(struct call *call, GError **error)
{
    return call_reply_i32(call, 1);
}

bool connect_nothing(struct call *call, GError **error)
{
    return true;
}

/* The UUID (or name) that a registration's nullable object means, in `text`; NULL for all. */
static const char *filter_of(struct call *call, char text[UUID_TEXT])
{
    g_autoptr(GVariant) maybe = g_variant_get_child_value(call->args, 1);
    g_autoptr(GVariant) object = g_variant_get_maybe(maybe);
    const char *name;

    if (object == NULL) {
        return NULL;
    }
    if (g_variant_is_of_type(object, G_VARIANT_TYPE("(s)"))) {
        g_variant_get_child(object, 0, "&s", &name);
        return name;
    }
    bool secret = g_variant_is_of_type(object, G_VARIANT_TYPE("(ayis)"));
    g_autoptr(GVariant) bytes = g_variant_get_child_value(object, secret ? 0 : 1);
    gsize length;
    const uint8_t *uuid = g_variant_get_fixed_array(bytes, &length, 1);

    g_assert(length == UUID_BYTES);
    uuid_format(uuid, text);
    return text;
}

static bool do_register(struct call *call, enum object_kind kind, GError **error)
{
    char text[UUID_TEXT];
    int id = event_register(call->host->events, call->conn, kind, call_i32(call, 0),
                            filter_of(call, text));

    if (id < 0) {
        return fault_set(error, FAULT_INVALID_ARG, "unsupported event ID %d", call_i32(call, 0));
    }
    return call_reply_i32(call, id);
}

static bool do_deregister(struct call *call, enum object_kind kind, GError **error)
{
    return event_deregister(call->host->events, call->conn, kind, call_i32(call, 0)) ||
           fault_set(error, FAULT_INVALID_ARG, "no registered callback ID %d", call_i32(call, 0));
}

bool connect_domain_event_register(struct call *call, GError **error)
{
    return do_register(call, OBJECT_DOMAIN, error);
}

bool connect_domain_event_deregister(struct call *call, GError **error)
{
    return do_deregister(call, OBJECT_DOMAIN, error);
}

static enum object_kind kind_of(enum proc_id id)
{
    switch (id) {
    case PROC_CONNECT_NETWORK_EVENT_REGISTER_ANY:
    case PROC_CONNECT_NETWORK_EVENT_DEREGISTER_ANY: return OBJECT_NETWORK;
    case PROC_CONNECT_STORAGE_POOL_EVENT_REGISTER_ANY:
    case PROC_CONNECT_STORAGE_POOL_EVENT_DEREGISTER_ANY: return OBJECT_POOL;
    case PROC_CONNECT_NODE_DEVICE_EVENT_REGISTER_ANY:
    case PROC_CONNECT_NODE_DEVICE_EVENT_DEREGISTER_ANY: return OBJECT_NODEDEV;
    default: return OBJECT_SECRET;
    }
}

bool connect_object_event_register(struct call *call, GError **error)
{
    return do_register(call, kind_of(proc_id(call->proc)), error);
}

bool connect_object_event_deregister(struct call *call, GError **error)
{
    return do_deregister(call, kind_of(proc_id(call->proc)), error);
}
