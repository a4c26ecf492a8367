/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What only networks, interfaces, node devices, secrets and network filters can. As in
 * viv/object.h: any thread, libvirt's flags; 0, or -1 on failure, unless said otherwise.
 */
#ifndef VIV_RESOURCE_H
#define VIV_RESOURCE_H

#include "viv/object.h"

#ifdef __cplusplus
extern "C" {
#endif

struct viv_lease {
    char *interface; /* of the host; NULL ends an array */
    int64_t expiry;  /* seconds since 1970 */
    int type;        /* 0 IPv4, 1 IPv6 */
    char *mac, *address;
    unsigned prefix;
    char *hostname, *client; /* or NULL */
};

/* A network's addresses that are lent, to one MAC address or to all (NULL). Freed by
 * viv_leases_free; NULL on failure. */
struct viv_lease *viv_network_leases(struct viv_object *network, const char *mac,
                                     struct viv_error **ret_error);
void viv_leases_free(struct viv_lease *leases);
/* Changes a part of a definition: libvirt's numbers of command and section; `parent` -1: any. */
int viv_network_update(struct viv_object *network, unsigned command, unsigned section, int parent,
                       const char *xml, unsigned flags, struct viv_error **ret_error);

/* The host's interface with that address; NULL on failure. */
struct viv_object *viv_find_mac(struct viv_connection *connection, const char *mac,
                                struct viv_error **ret_error);
/* The address of an interface, owned by it; NULL for another kind. */
const char *viv_interface_mac(const struct viv_object *interface);
/* Changes of interfaces between begin and commit or rollback are made together. */
int viv_interfaces_begin(struct viv_connection *connection, struct viv_error **ret_error);
int viv_interfaces_commit(struct viv_connection *connection, struct viv_error **ret_error);
int viv_interfaces_rollback(struct viv_connection *connection, struct viv_error **ret_error);

/* Name of the device that it is a part of, to be freed by viv_free; NULL for none and on failure.
 */
char *viv_node_device_parent(struct viv_object *device, struct viv_error **ret_error);
/* Takes it from the host's driver, gives it back, resets it. `driver` NULL: the standard one. */
int viv_node_device_detach(struct viv_object *device, const char *driver,
                           struct viv_error **ret_error);
int viv_node_device_reattach(struct viv_object *device, struct viv_error **ret_error);
int viv_node_device_reset(struct viv_object *device, struct viv_error **ret_error);

/* What it is for, libvirt's number: 1 volume, 2 ceph, 3 iSCSI, 4 TLS, 5 vTPM. */
int viv_secret_usage(const struct viv_object *secret);
/* Its bytes, *ret_size of them, to be freed by viv_free; NULL on failure. */
uint8_t *viv_secret_value(struct viv_object *secret, size_t *ret_size,
                          struct viv_error **ret_error);
int viv_secret_set_value(struct viv_object *secret, const uint8_t *value, size_t size,
                         struct viv_error **ret_error);

#ifdef __cplusplus
}
#endif

#endif
