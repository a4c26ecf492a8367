/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Node devices, which procedures name by a string. */
#include "manage/conf/fault.h"
#include "manage/core/driver.h"
#include "manage/core/handlers.h"

#include <string.h>

static struct object *find(struct call *call, GError **error)
{
    const char *name = call_string(call, 0);
    struct object *object = objects_find_name(call->host->objects[OBJECT_NODEDEV], name);

    if (object == NULL) {
        fault_set(error, FAULT_NO_NODE_DEVICE, "no node device with matching name '%s'", name);
    }
    return object;
}

bool nodedev_lookup_by_name(struct call *call, GError **error)
{
    g_autoptr(object_held) object = find(call, error);

    return object != NULL && call_reply_object(call, object);
}

bool nodedev_get_xml_desc(struct call *call, GError **error)
{
    g_autoptr(object_held) object = find(call, error);
    g_autofree char *text = object != NULL ? xml_format(object->def) : NULL;

    return text != NULL && call_reply_string(call, text);
}

bool nodedev_get_parent(struct call *call, GError **error)
{
    g_autoptr(object_held) object = find(call, error);
    const char *parent = object != NULL ? xml_text_at(object->def, "parent") : NULL;

    if (object != NULL && parent == NULL) {
        return fault_set(error, FAULT_INTERNAL_ERROR, "no parent for this device");
    }
    return object != NULL && call_reply(call, "(ms)", parent);
}

/* The types of its capabilities, the nested ones too. */
static void add_caps(const struct xml *def, GPtrArray *types)
{
    for (struct xml *c = xml_find(def, "capability"); c != NULL;
         c = xml_next(def, "capability", c)) {
        g_ptr_array_add(types, (char *)xml_get(c, "type"));
        add_caps(c, types);
    }
}

bool nodedev_count_caps(struct call *call, GError **error)
{
    g_autoptr(object_held) object = find(call, error);
    g_autoptr(GPtrArray) types = g_ptr_array_new();

    if (object == NULL) {
        return false;
    }
    add_caps(object->def, types);
    return call_reply_i32(call, types->len);
}

bool nodedev_list_caps(struct call *call, GError **error)
{
    g_auto(GVariantBuilder) list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("as"));
    g_autoptr(object_held) object = find(call, error);
    g_autoptr(GPtrArray) types = g_ptr_array_new();

    if (object == NULL) {
        return false;
    }
    add_caps(object->def, types);
    for (unsigned i = 0; i < types->len && (int)i < call_i32(call, 1); i++) {
        g_variant_builder_add(&list, "s", types->pdata[i]);
    }
    return call_reply(call, "(as)", &list);
}

/* Names of devices that have the capability, or of all. */
static GPtrArray *names(struct call *call)
{
    g_autoptr(GPtrArray) all = objects_all(call->host->objects[OBJECT_NODEDEV]);
    const char *cap = call_maybe_string(call, 0);
    GPtrArray *found = g_ptr_array_new_with_free_func(g_free);

    for (unsigned i = 0; i < all->len; i++) {
        g_autoptr(GPtrArray) types = g_ptr_array_new();
        struct object *object = all->pdata[i];

        object_lock(object);
        add_caps(object->def, types);
        if (cap == NULL || g_ptr_array_find_with_equal_func(types, cap, g_str_equal, NULL)) {
            g_ptr_array_add(found, g_strdup(object->name));
        }
        object_unlock(object);
    }
    return found;
}

bool nodedev_count(struct call *call, GError **error)
{
    g_autoptr(GPtrArray) found = names(call);

    return call_reply_i32(call, found->len);
}

bool nodedev_list(struct call *call, GError **error)
{
    g_auto(GVariantBuilder) list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("as"));
    g_autoptr(GPtrArray) found = names(call);

    for (unsigned i = 0; i < found->len && (int)i < call_i32(call, 1); i++) {
        g_variant_builder_add(&list, "s", found->pdata[i]);
    }
    return call_reply(call, "(as)", &list);
}
