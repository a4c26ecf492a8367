/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Objects of every kind, by one table of the procedures that serve them. */
#include <viv/object.h>

#include "manage/conf/fault.h"
#include "manage/lib/internal.h"

#include <string.h>

/* Procedures of a kind; 0 (CONNECT_OPEN) for one that it does not have. */
static const struct kind {
    const char *name;
    enum proc_id list, find, find_uuid, define, create, xml;
    enum proc_id active, persistent, autostart, set_autostart;
    enum proc_id start, destroy, undefine;
} kinds[VIV_KINDS] = {
    [VIV_DOMAIN] = {"domain", PROC_CONNECT_LIST_ALL_DOMAINS, PROC_DOMAIN_LOOKUP_BY_NAME,
                    PROC_DOMAIN_LOOKUP_BY_UUID, PROC_DOMAIN_DEFINE_XML_FLAGS,
                    PROC_DOMAIN_CREATE_XML, PROC_DOMAIN_GET_XML_DESC, PROC_DOMAIN_IS_ACTIVE,
                    PROC_DOMAIN_IS_PERSISTENT, PROC_DOMAIN_GET_AUTOSTART, PROC_DOMAIN_SET_AUTOSTART,
                    PROC_DOMAIN_CREATE_WITH_FLAGS, PROC_DOMAIN_DESTROY_FLAGS,
                    PROC_DOMAIN_UNDEFINE_FLAGS},
    [VIV_NETWORK] = {"network", PROC_CONNECT_LIST_ALL_NETWORKS, PROC_NETWORK_LOOKUP_BY_NAME,
                     PROC_NETWORK_LOOKUP_BY_UUID, PROC_NETWORK_DEFINE_XML, PROC_NETWORK_CREATE_XML,
                     PROC_NETWORK_GET_XML_DESC, PROC_NETWORK_IS_ACTIVE, PROC_NETWORK_IS_PERSISTENT,
                     PROC_NETWORK_GET_AUTOSTART, PROC_NETWORK_SET_AUTOSTART, PROC_NETWORK_CREATE,
                     PROC_NETWORK_DESTROY, PROC_NETWORK_UNDEFINE},
    [VIV_POOL] = {"pool", PROC_CONNECT_LIST_ALL_STORAGE_POOLS, PROC_STORAGE_POOL_LOOKUP_BY_NAME,
                  PROC_STORAGE_POOL_LOOKUP_BY_UUID, PROC_STORAGE_POOL_DEFINE_XML,
                  PROC_STORAGE_POOL_CREATE_XML, PROC_STORAGE_POOL_GET_XML_DESC,
                  PROC_STORAGE_POOL_IS_ACTIVE, PROC_STORAGE_POOL_IS_PERSISTENT,
                  PROC_STORAGE_POOL_GET_AUTOSTART, PROC_STORAGE_POOL_SET_AUTOSTART,
                  PROC_STORAGE_POOL_CREATE, PROC_STORAGE_POOL_DESTROY, PROC_STORAGE_POOL_UNDEFINE},
    [VIV_INTERFACE] = {"interface", PROC_CONNECT_LIST_ALL_INTERFACES, PROC_INTERFACE_LOOKUP_BY_NAME,
                       0, PROC_INTERFACE_DEFINE_XML, 0, PROC_INTERFACE_GET_XML_DESC,
                       PROC_INTERFACE_IS_ACTIVE, 0, 0, 0, PROC_INTERFACE_CREATE,
                       PROC_INTERFACE_DESTROY, PROC_INTERFACE_UNDEFINE},
    [VIV_NODE_DEVICE] = {"node device", PROC_CONNECT_LIST_ALL_NODE_DEVICES,
                         PROC_NODE_DEVICE_LOOKUP_BY_NAME, 0, PROC_NODE_DEVICE_DEFINE_XML,
                         PROC_NODE_DEVICE_CREATE_XML, PROC_NODE_DEVICE_GET_XML_DESC,
                         PROC_NODE_DEVICE_IS_ACTIVE, PROC_NODE_DEVICE_IS_PERSISTENT,
                         PROC_NODE_DEVICE_GET_AUTOSTART, PROC_NODE_DEVICE_SET_AUTOSTART,
                         PROC_NODE_DEVICE_CREATE, PROC_NODE_DEVICE_DESTROY,
                         PROC_NODE_DEVICE_UNDEFINE},
    [VIV_NWFILTER] = {"network filter", PROC_CONNECT_LIST_ALL_NWFILTERS,
                      PROC_NWFILTER_LOOKUP_BY_NAME, PROC_NWFILTER_LOOKUP_BY_UUID,
                      PROC_NWFILTER_DEFINE_XML_FLAGS, 0, PROC_NWFILTER_GET_XML_DESC, 0, 0, 0, 0, 0,
                      0, PROC_NWFILTER_UNDEFINE},
    [VIV_SECRET] = {"secret", PROC_CONNECT_LIST_ALL_SECRETS, 0, PROC_SECRET_LOOKUP_BY_UUID,
                    PROC_SECRET_DEFINE_XML, 0, PROC_SECRET_GET_XML_DESC, 0, 0, 0, 0, 0, 0,
                    PROC_SECRET_UNDEFINE},
};

static bool can(enum viv_kind kind, enum proc_id id, struct viv_error **ret_error)
{
    GError *error = NULL;

    if (id != 0) {
        return true;
    }
    fault_set(&error, FAULT_NO_SUPPORT, "of a %s", kinds[kind].name);
    lib_error_give(ret_error, error);
    return false;
}

struct viv_object *lib_object_new(struct viv_connection *connection, enum viv_kind kind,
                                  GVariant *wire)
{
    struct viv_object *object = g_new0(struct viv_object, 1);
    gsize length;

    object->connection = lib_connection_ref(connection);
    object->kind = kind;
    object->wire = g_variant_ref(wire);
    (void)g_variant_get_data(wire); /* in one piece: its children's memory is its own */
    object->id = -1;
    for (gsize i = 0; i < g_variant_n_children(wire); i++) {
        g_autoptr(GVariant) child = g_variant_get_child_value(wire, i);

        if (g_variant_is_of_type(child, G_VARIANT_TYPE_STRING)) {
            /* A secret's is what it is for. An interface's second is its address. */
            object->name = object->name == NULL ? g_variant_get_string(child, NULL) : object->name;
        } else if (g_variant_is_of_type(child, G_VARIANT_TYPE_BYTESTRING)) {
            object->uuid = g_variant_get_fixed_array(child, &length, 1);
        } else if (kind == VIV_DOMAIN) {
            object->id = g_variant_get_int32(child);
        }
    }
    return object;
}

VIV_PUBLIC void viv_object_free(struct viv_object *object)
{
    if (object != NULL) {
        g_variant_unref(object->wire);
        lib_connection_unref(object->connection);
        g_free(object);
    }
}

VIV_PUBLIC void viv_objects_free(struct viv_object **objects)
{
    for (struct viv_object **o = objects; o != NULL && *o != NULL; o++) {
        viv_object_free(*o);
    }
    g_free(objects);
}

VIV_PUBLIC const char *viv_object_name(const struct viv_object *object)
{
    return object->name;
}

VIV_PUBLIC const uint8_t *viv_object_uuid(const struct viv_object *object)
{
    return object->uuid;
}

VIV_PUBLIC int viv_object_id(const struct viv_object *object)
{
    return object->id;
}

bool lib_object_is(const struct viv_object *object, enum viv_kind kind,
                   struct viv_error **ret_error)
{
    GError *error = NULL;

    if (object->kind == kind) {
        return true;
    }
    fault_set(&error, FAULT_INVALID_ARG, "%s is a %s, not a %s", object->name,
              kinds[object->kind].name, kinds[kind].name);
    lib_error_give(ret_error, error);
    return false;
}

/* Some procedures name a node device by its name alone. */
GVariant *lib_object_args(const struct viv_object *object, enum proc_id id, unsigned flags)
{
    const struct proc *proc = proc_get(id);
    bool bare = g_str_has_prefix(proc->args, "s");
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE_TUPLE);
    if (bare) {
        g_variant_builder_add(&builder, "s", object->name);
    } else {
        g_variant_builder_add_value(&builder, object->wire);
    }
    if (proc_flags_index(proc) >= 0) {
        g_variant_builder_add(&builder, "u", flags);
    }
    return g_variant_builder_end(&builder);
}

GVariant *lib_pack(const struct viv_object *object, enum proc_id id, const char *const *texts,
                   unsigned n, unsigned flags)
{
    g_auto(GStrv) words = g_strsplit(proc_get(id)->args, " ", -1);
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE_TUPLE);
    for (char **word = words; *word != NULL; word++) {
        if (strcmp(*word, "s") == 0) {
            g_variant_builder_add(&builder, "s", *texts++);
        } else if (strcmp(*word, "s?") == 0) {
            g_variant_builder_add(&builder, "ms", *texts++);
        } else if (strcmp(*word, "i32") == 0) {
            g_variant_builder_add(&builder, "i", (gint32)n);
        } else if (strcmp(*word, "u32") == 0) {
            g_variant_builder_add(&builder, "u", n);
        } else if (strcmp(*word, "flags") == 0) {
            g_variant_builder_add(&builder, "u", flags);
        } else {
            g_variant_builder_add_value(&builder, object->wire);
        }
    }
    return g_variant_builder_end(&builder);
}

GVariant *lib_domain_ask(struct viv_object *domain, enum proc_id id, GVariant *args,
                         struct viv_error **ret_error)
{
    g_autoptr(GVariant) tuple = g_variant_ref_sink(args);

    return lib_object_is(domain, VIV_DOMAIN, ret_error)
               ? lib_connection_ask(domain->connection, id, tuple, ret_error)
               : NULL;
}

int lib_domain_do(struct viv_object *domain, enum proc_id id, GVariant *args,
                  struct viv_error **ret_error)
{
    g_autoptr(GVariant) reply = lib_domain_ask(domain, id, args, ret_error);

    return reply != NULL ? 0 : -1;
}

char *lib_domain_ask_text(struct viv_object *domain, enum proc_id id, GVariant *args,
                          struct viv_error **ret_error)
{
    g_autoptr(GVariant) reply = lib_domain_ask(domain, id, args, ret_error);
    char *text = NULL;

    if (reply != NULL) {
        g_variant_get_child(reply, 0, "s", &text);
    }
    return text;
}

int lib_object_do(struct viv_object *object, enum viv_kind kind, enum proc_id id, unsigned flags,
                  struct viv_error **ret_error)
{
    return lib_object_is(object, kind, ret_error)
               ? lib_connection_do(object->connection, id, lib_object_args(object, id, flags),
                                   ret_error)
               : -1;
}

char *lib_object_text(struct viv_object *object, enum viv_kind kind, enum proc_id id,
                      unsigned flags, struct viv_error **ret_error)
{
    return lib_object_is(object, kind, ret_error)
               ? lib_connection_ask_text(object->connection, id, lib_object_args(object, id, flags),
                                         ret_error)
               : NULL;
}

VIV_PUBLIC struct viv_object **viv_objects(struct viv_connection *connection, enum viv_kind kind,
                                           unsigned flags, size_t *ret_n,
                                           struct viv_error **ret_error)
{
    g_autoptr(GVariant) reply = lib_connection_ask(connection, kinds[kind].list,
                                                   g_variant_new("(iu)", 1, flags), ret_error);

    if (reply == NULL) {
        return NULL;
    }
    g_autoptr(GVariant) list = g_variant_get_child_value(reply, 0);
    gsize n = g_variant_n_children(list);
    struct viv_object **objects = g_new0(struct viv_object *, n + 1);

    for (gsize i = 0; i < n; i++) {
        g_autoptr(GVariant) wire = g_variant_get_child_value(list, i);

        objects[i] = lib_object_new(connection, kind, wire);
    }
    if (ret_n != NULL) {
        *ret_n = n;
    }
    return objects;
}

static struct viv_object *ask_object(struct viv_connection *connection, enum viv_kind kind,
                                     enum proc_id id, GVariant *args, struct viv_error **ret_error)
{
    g_autoptr(GVariant) reply = lib_connection_ask(connection, id, args, ret_error);

    if (reply == NULL) {
        return NULL;
    }
    g_autoptr(GVariant) wire = g_variant_get_child_value(reply, 0);

    return lib_object_new(connection, kind, wire);
}

VIV_PUBLIC struct viv_object *viv_find(struct viv_connection *connection, enum viv_kind kind,
                                       const char *name, struct viv_error **ret_error)
{
    return can(kind, kinds[kind].find, ret_error)
               ? ask_object(connection, kind, kinds[kind].find, g_variant_new("(s)", name),
                            ret_error)
               : NULL;
}

VIV_PUBLIC struct viv_object *viv_find_uuid(struct viv_connection *connection, enum viv_kind kind,
                                            const uint8_t uuid[VIV_UUID_BYTES],
                                            struct viv_error **ret_error)
{
    if (!can(kind, kinds[kind].find_uuid, ret_error)) {
        return NULL;
    }
    GVariant *bytes = g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, uuid, VIV_UUID_BYTES, 1);

    return ask_object(connection, kind, kinds[kind].find_uuid, g_variant_new("(@ay)", bytes),
                      ret_error);
}

static struct viv_object *from_xml(struct viv_connection *connection, enum viv_kind kind,
                                   enum proc_id id, const char *xml, unsigned flags,
                                   struct viv_error **ret_error)
{
    if (!can(kind, id, ret_error)) {
        return NULL;
    }
    bool has_flags = proc_flags_index(proc_get(id)) >= 0;
    GVariant *args = has_flags ? g_variant_new("(su)", xml, flags) : g_variant_new("(s)", xml);

    return ask_object(connection, kind, id, args, ret_error);
}

VIV_PUBLIC struct viv_object *viv_define(struct viv_connection *connection, enum viv_kind kind,
                                         const char *xml, unsigned flags,
                                         struct viv_error **ret_error)
{
    /* Older hosts know the plain procedures alone. */
    enum proc_id id = kind == VIV_NETWORK && flags != 0    ? PROC_NETWORK_DEFINE_XML_FLAGS
                      : kind == VIV_NWFILTER && flags == 0 ? PROC_NWFILTER_DEFINE_XML
                                                           : kinds[kind].define;

    return from_xml(connection, kind, id, xml, flags, ret_error);
}

VIV_PUBLIC struct viv_object *viv_create(struct viv_connection *connection, enum viv_kind kind,
                                         const char *xml, unsigned flags,
                                         struct viv_error **ret_error)
{
    bool flagged = kind == VIV_NETWORK && flags != 0;

    return from_xml(connection, kind, flagged ? PROC_NETWORK_CREATE_XML_FLAGS : kinds[kind].create,
                    xml, flags, ret_error);
}

VIV_PUBLIC char *viv_xml(struct viv_object *object, unsigned flags, struct viv_error **ret_error)
{
    enum proc_id id = kinds[object->kind].xml;

    return lib_connection_ask_text(object->connection, id, lib_object_args(object, id, flags),
                                   ret_error);
}

static int ask_number(struct viv_object *object, enum proc_id id, struct viv_error **ret_error)
{
    return can(object->kind, id, ret_error)
               ? lib_connection_ask_number(object->connection, id, lib_object_args(object, id, 0),
                                           ret_error)
               : -1;
}

VIV_PUBLIC int viv_is_active(struct viv_object *object, struct viv_error **ret_error)
{
    return ask_number(object, kinds[object->kind].active, ret_error);
}

VIV_PUBLIC int viv_is_persistent(struct viv_object *object, struct viv_error **ret_error)
{
    return ask_number(object, kinds[object->kind].persistent, ret_error);
}

VIV_PUBLIC int viv_autostart(struct viv_object *object, struct viv_error **ret_error)
{
    return ask_number(object, kinds[object->kind].autostart, ret_error);
}

VIV_PUBLIC int viv_set_autostart(struct viv_object *object, int on, struct viv_error **ret_error)
{
    enum proc_id id = kinds[object->kind].set_autostart;
    bool bare = object->kind == VIV_NODE_DEVICE;

    if (!can(object->kind, id, ret_error)) {
        return -1;
    }
    return lib_connection_do(object->connection, id,
                             bare ? g_variant_new("(si)", object->name, on != 0)
                                  : g_variant_new("(@*i)", object->wire, on != 0),
                             ret_error);
}

static int act(struct viv_object *object, enum proc_id id, unsigned flags,
               struct viv_error **ret_error)
{
    return can(object->kind, id, ret_error)
               ? lib_connection_do(object->connection, id, lib_object_args(object, id, flags),
                                   ret_error)
               : -1;
}

/* The plain procedure where no flags are given: older daemons know no other. */
VIV_PUBLIC int viv_start(struct viv_object *object, unsigned flags, struct viv_error **ret_error)
{
    bool plain = object->kind == VIV_DOMAIN && flags == 0;

    return act(object, plain ? PROC_DOMAIN_CREATE : kinds[object->kind].start, flags, ret_error);
}

VIV_PUBLIC int viv_destroy(struct viv_object *object, unsigned flags, struct viv_error **ret_error)
{
    bool plain = object->kind == VIV_DOMAIN && flags == 0;

    return act(object, plain ? PROC_DOMAIN_DESTROY : kinds[object->kind].destroy, flags, ret_error);
}

VIV_PUBLIC int viv_undefine(struct viv_object *object, unsigned flags, struct viv_error **ret_error)
{
    bool plain = object->kind == VIV_DOMAIN && flags == 0;

    return act(object, plain ? PROC_DOMAIN_UNDEFINE : kinds[object->kind].undefine, flags,
               ret_error);
}

VIV_PUBLIC char *viv_bridge(struct viv_object *network, struct viv_error **ret_error)
{
    enum proc_id id = PROC_NETWORK_GET_BRIDGE_NAME;

    return lib_object_is(network, VIV_NETWORK, ret_error)
               ? lib_connection_ask_text(network->connection, id, lib_object_args(network, id, 0),
                                         ret_error)
               : NULL;
}
