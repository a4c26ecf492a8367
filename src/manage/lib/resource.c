/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <viv/resource.h>

#include "manage/lib/internal.h"

#include <string.h>

VIV_PUBLIC struct viv_lease *viv_network_leases(struct viv_object *network, const char *mac,
                                                struct viv_error **ret_error)
{
    if (!lib_object_is(network, VIV_NETWORK, ret_error)) {
        return NULL;
    }
    g_autoptr(GVariant) reply =
        lib_connection_ask(network->connection, PROC_NETWORK_GET_DHCP_LEASES,
                           g_variant_new("(@*msiu)", network->wire, mac, TRUE, 0), ret_error);

    if (reply == NULL) {
        return NULL;
    }
    g_autoptr(GVariant) list = g_variant_get_child_value(reply, 0);
    struct viv_lease *leases = g_new0(struct viv_lease, g_variant_n_children(list) + 1);

    for (gsize i = 0; i < g_variant_n_children(list); i++) {
        struct viv_lease *l = &leases[i];

        g_variant_get_child(list, i, "(sximsmssumsms)", &l->interface, &l->expiry, &l->type,
                            &l->mac, NULL, &l->address, &l->prefix, &l->hostname, &l->client);
    }
    return leases;
}

VIV_PUBLIC void viv_leases_free(struct viv_lease *leases)
{
    for (struct viv_lease *l = leases; l != NULL && l->interface != NULL; l++) {
        g_free(l->interface);
        g_free(l->mac);
        g_free(l->address);
        g_free(l->hostname);
        g_free(l->client);
    }
    g_free(leases);
}

VIV_PUBLIC int viv_network_update(struct viv_object *network, unsigned command, unsigned section,
                                  int parent, const char *xml, unsigned flags,
                                  struct viv_error **ret_error)
{
    return lib_object_is(network, VIV_NETWORK, ret_error)
               ? lib_connection_do(network->connection, PROC_NETWORK_UPDATE,
                                   g_variant_new("(@*uuisu)", network->wire, command, section,
                                                 parent, xml, flags),
                                   ret_error)
               : -1;
}

VIV_PUBLIC struct viv_object *viv_find_mac(struct viv_connection *connection, const char *mac,
                                           struct viv_error **ret_error)
{
    g_autoptr(GVariant) reply = lib_connection_ask(connection, PROC_INTERFACE_LOOKUP_BY_MAC_STRING,
                                                   g_variant_new("(s)", mac), ret_error);

    if (reply == NULL) {
        return NULL;
    }
    g_autoptr(GVariant) wire = g_variant_get_child_value(reply, 0);

    return lib_object_new(connection, VIV_INTERFACE, wire);
}

VIV_PUBLIC const char *viv_interface_mac(const struct viv_object *interface)
{
    const char *mac = NULL;

    if (interface->kind == VIV_INTERFACE) {
        g_variant_get_child(interface->wire, 1, "&s", &mac);
    }
    return mac;
}

static int change(struct viv_connection *connection, enum proc_id id, struct viv_error **ret_error)
{
    return lib_connection_do(connection, id, g_variant_new("(u)", 0), ret_error);
}

VIV_PUBLIC int viv_interfaces_begin(struct viv_connection *connection, struct viv_error **ret_error)
{
    return change(connection, PROC_INTERFACE_CHANGE_BEGIN, ret_error);
}

VIV_PUBLIC int viv_interfaces_commit(struct viv_connection *connection,
                                     struct viv_error **ret_error)
{
    return change(connection, PROC_INTERFACE_CHANGE_COMMIT, ret_error);
}

VIV_PUBLIC int viv_interfaces_rollback(struct viv_connection *connection,
                                       struct viv_error **ret_error)
{
    return change(connection, PROC_INTERFACE_CHANGE_ROLLBACK, ret_error);
}

VIV_PUBLIC char *viv_node_device_parent(struct viv_object *device, struct viv_error **ret_error)
{
    enum proc_id id = PROC_NODE_DEVICE_GET_PARENT;
    char *name = NULL;

    if (!lib_object_is(device, VIV_NODE_DEVICE, ret_error)) {
        return NULL;
    }
    g_autoptr(GVariant) reply =
        lib_connection_ask(device->connection, id, lib_object_args(device, id, 0), ret_error);

    if (reply != NULL) {
        g_variant_get(reply, "(ms)", &name);
    }
    return name;
}

VIV_PUBLIC int viv_node_device_detach(struct viv_object *device, const char *driver,
                                      struct viv_error **ret_error)
{
    if (driver == NULL) {
        return lib_object_do(device, VIV_NODE_DEVICE, PROC_NODE_DEVICE_DETTACH, 0, ret_error);
    }
    return lib_object_is(device, VIV_NODE_DEVICE, ret_error)
               ? lib_connection_do(device->connection, PROC_NODE_DEVICE_DETACH_FLAGS,
                                   g_variant_new("(smsu)", device->name, driver, 0), ret_error)
               : -1;
}

VIV_PUBLIC int viv_node_device_reattach(struct viv_object *device, struct viv_error **ret_error)
{
    return lib_object_do(device, VIV_NODE_DEVICE, PROC_NODE_DEVICE_RE_ATTACH, 0, ret_error);
}

VIV_PUBLIC int viv_node_device_reset(struct viv_object *device, struct viv_error **ret_error)
{
    return lib_object_do(device, VIV_NODE_DEVICE, PROC_NODE_DEVICE_RESET, 0, ret_error);
}

VIV_PUBLIC int viv_secret_usage(const struct viv_object *secret)
{
    gint32 usage = 0;

    if (secret->kind == VIV_SECRET) {
        g_variant_get_child(secret->wire, 1, "i", &usage);
    }
    return usage;
}

VIV_PUBLIC uint8_t *viv_secret_value(struct viv_object *secret, size_t *ret_size,
                                     struct viv_error **ret_error)
{
    enum proc_id id = PROC_SECRET_GET_VALUE;

    if (!lib_object_is(secret, VIV_SECRET, ret_error)) {
        return NULL;
    }
    g_autoptr(GVariant) reply =
        lib_connection_ask(secret->connection, id, lib_object_args(secret, id, 0), ret_error);
    gsize size;

    if (reply == NULL) {
        return NULL;
    }
    g_autoptr(GVariant) bytes = g_variant_get_child_value(reply, 0);
    const uint8_t *data = g_variant_get_fixed_array(bytes, &size, 1);
    uint8_t *value = g_malloc(size + 1);

    if (size > 0) {
        memcpy(value, data, size);
    }
    value[size] = 0;
    *ret_size = size;
    return value;
}

VIV_PUBLIC int viv_secret_set_value(struct viv_object *secret, const uint8_t *value, size_t size,
                                    struct viv_error **ret_error)
{
    GVariant *bytes = g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, value, size, 1);

    if (!lib_object_is(secret, VIV_SECRET, ret_error)) {
        g_variant_unref(g_variant_ref_sink(bytes));
        return -1;
    }
    return lib_connection_do(secret->connection, PROC_SECRET_SET_VALUE,
                             g_variant_new("(@*@*u)", secret->wire, bytes, 0), ret_error);
}
