/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Secrets: defining, their values, and ending. Listing is object-list.c's. */
#include "manage/conf/fault.h"
#include "manage/conf/secret-def.h"
#include "manage/core/driver.h"
#include "manage/core/handlers.h"
#include "manage/core/object-kind.h"
#include "manage/core/secret/secret.h"

#include <string.h>

enum { DEFINED, UNDEFINED };       /* of lifecycle events, libvirt's numbers */
enum { LIFECYCLE, VALUE_CHANGED }; /* events of secrets */

static bool is_for(const struct object *object, int usage, const char *id)
{
    const char *its;

    return secret_def_usage(object->def, &its) == usage && strcmp(its, id) == 0;
}

/* Held; NULL: no secret is for that. What is for nothing is not found. */
static struct object *find_usage(struct host *host, int usage, const char *id)
{
    g_autoptr(GPtrArray) all = objects_all(host->objects[OBJECT_SECRET]);

    for (unsigned i = 0; usage > 0 && i < all->len; i++) {
        struct object *object = object_ref(all->pdata[i]);

        object_lock(object);
        if (!object->gone && is_for(object, usage, id)) {
            return object;
        }
        object_release(object);
    }
    return NULL;
}

/* A secret stays for what it is for, and a private one private. */
static bool check_change(const struct object *object, const struct xml *def, GError **error)
{
    const char *id, *its;
    int usage = secret_def_usage(def, &id);

    if (!is_for(object, usage, id)) {
        (void)secret_def_usage(object->def, &its);
        return fault_set(error, FAULT_INTERNAL_ERROR,
                         "a secret with UUID %s is already defined for use with %s", object->name,
                         its);
    }
    if (secret_def_private(object->def) && !secret_def_private(def)) {
        return fault_set(error, FAULT_INTERNAL_ERROR,
                         "cannot change private flag on existing secret");
    }
    return true;
}

/* Keeps what this definition says is to be kept: all of an ephemeral secret is in memory alone. */
static bool keep(struct object *object, const struct xml *def, GError **error)
{
    const struct resource_ops *ops = object->host->resource[OBJECT_SECRET];
    const struct secret_ops *values = object->host->secrets;
    const struct secret *secret = secret_of(object);

    if (secret_def_ephemeral(def)) {
        return values->drop_value(object, error) && ops->drop(object, error);
    }
    return ops->store(object, def, error) &&
           (secret->value == NULL ||
            values->store_value(object, secret->value, secret->length, error));
}

static struct object *add(struct call *call, struct xml *def, const uint8_t *uuid, GError **error)
{
    const char *id;
    int usage = secret_def_usage(def, &id);
    struct object *other = find_usage(call->host, usage, id), *object;

    if (other != NULL) {
        fault_set(error, FAULT_INTERNAL_ERROR,
                  "a secret with UUID %s already defined for use with %s", other->name, id);
        object_release(other);
        xml_free(def);
        return NULL;
    }
    object = &secret_new(call->host, uuid, def)->object;
    object->persistent = true;
    object_lock(object);
    if (!objects_add(call->host->objects[OBJECT_SECRET], object)) {
        fault_set(error, FAULT_INTERNAL_ERROR, "secret %s is being defined already", object->name);
    } else if (keep(object, def, error)) {
        return object;
    } else {
        objects_remove(call->host->objects[OBJECT_SECRET], object);
    }
    object_release(object);
    return NULL;
}

static struct object *change(struct object *object, struct xml *def, GError **error)
{
    if (!check_change(object, def, error) || !keep(object, def, error)) {
        xml_free(def);
        object_release(object);
        return NULL;
    }
    xml_free(object->def);
    object->def = def;
    return object;
}

bool secret_define_xml(struct call *call, GError **error)
{
    uint8_t uuid[UUID_BYTES];
    struct xml *def = named_parse(NAMED_SECRET, call_string(call, 0), uuid, error);
    struct object *object =
        def != NULL ? objects_find_uuid(call->host->objects[OBJECT_SECRET], uuid) : NULL;

    if (def == NULL) {
        return false;
    }
    g_autoptr(object_held) held =
        object != NULL ? change(object, def, error) : add(call, def, uuid, error);

    if (held == NULL) {
        return false;
    }
    event_object(held, DEFINED, 0);
    return call_reply_object(call, held);
}

bool secret_undefine(struct call *call, GError **error)
{
    struct object *object = call->object;

    if (!call->host->secrets->drop_value(object, error) ||
        !call->host->resource[OBJECT_SECRET]->drop(object, error)) {
        return false;
    }
    secret_set(secret_of(object), NULL, 0);
    event_object(object, UNDEFINED, 0);
    objects_remove(call->host->objects[OBJECT_SECRET], object);
    return true;
}

bool secret_set_value(struct call *call, GError **error)
{
    struct object *object = call->object;
    g_autoptr(GVariant) bytes = g_variant_get_child_value(call->args, 1);
    gsize length;
    const uint8_t *value = g_variant_get_fixed_array(bytes, &length, 1);

    if (length == 0 || length > SECRET_MAX) {
        return fault_set_raw(error, FAULT_INVALID_ARG,
                             "value in virSecretSetValue must not be NULL");
    }
    if (!secret_def_ephemeral(object->def) &&
        !call->host->secrets->store_value(object, value, length, error)) {
        return false;
    }
    secret_set(secret_of(object), value, length);
    event_send(object, VALUE_CHANGED, g_variant_new("(@*)", call_pack_object(object)));
    return true;
}

bool secret_get_value(struct call *call, GError **error)
{
    const struct secret *secret = secret_of(call->object);

    if (secret_def_private(secret->object.def)) {
        return fault_set(error, FAULT_INVALID_SECRET, "secret is private");
    }
    if (secret->value == NULL) {
        return fault_set(error, FAULT_NO_SECRET, "secret '%s' does not have a value",
                         secret->object.name);
    }
    return call_reply(
        call, "(@ay)",
        g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, secret->value, secret->length, 1));
}

bool secret_lookup_by_usage(struct call *call, GError **error)
{
    const char *id = call_string(call, 1);
    g_autoptr(object_held) found = find_usage(call->host, call_i32(call, 0), id);

    return found != NULL ? call_reply_object(call, found)
                         : object_missing(OBJECT_SECRET, "usage", id, error);
}
