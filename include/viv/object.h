/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a host manages: domains, networks, storage pools and so on, which all can be listed, found,
 * defined, started and stopped by the same functions. An object here is a name for one there: it
 * may be gone when it is used (codes 42, 43, 49, ...). Any thread; an object keeps its connection
 * open. A kind that cannot do what is asked gives code 3. `flags` are libvirt's for the procedure,
 * 0 for none.
 */
#ifndef VIV_OBJECT_H
#define VIV_OBJECT_H

#include "viv/connection.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct viv_object;

enum viv_kind {
    VIV_DOMAIN,
    VIV_NETWORK,
    VIV_POOL,      /* of storage */
    VIV_INTERFACE, /* of the host */
    VIV_NODE_DEVICE,
    VIV_NWFILTER,
    VIV_SECRET,
    VIV_KINDS,
};

#define VIV_UUID_BYTES 16

/*
 * All objects of a kind that the flags choose (libvirt's list flags; 0: all), in the host's order.
 * The array ends with NULL and is freed, with its objects, by viv_objects_free. NULL on failure.
 */
struct viv_object **viv_objects(struct viv_connection *connection, enum viv_kind kind,
                                unsigned flags, size_t *ret_n, struct viv_error **ret_error);
void viv_objects_free(struct viv_object **objects);
/* One object, by its name or by its UUID; NULL on failure, else freed by viv_object_free. */
struct viv_object *viv_find(struct viv_connection *connection, enum viv_kind kind, const char *name,
                            struct viv_error **ret_error);
struct viv_object *viv_find_uuid(struct viv_connection *connection, enum viv_kind kind,
                                 const uint8_t uuid[VIV_UUID_BYTES], struct viv_error **ret_error);
/* Makes an object that stays (a new definition replaces one of that name), or one that goes at its
 * end. */
struct viv_object *viv_define(struct viv_connection *connection, enum viv_kind kind,
                              const char *xml, unsigned flags, struct viv_error **ret_error);
struct viv_object *viv_create(struct viv_connection *connection, enum viv_kind kind,
                              const char *xml, unsigned flags, struct viv_error **ret_error);
void viv_object_free(struct viv_object *object);

/* Owned by the object. The UUID is NULL for kinds without one. */
const char *viv_object_name(const struct viv_object *object);
const uint8_t *viv_object_uuid(const struct viv_object *object);
/* The number a running domain had when this object was got; -1: it did not run. */
int viv_object_id(const struct viv_object *object);

/* The definition, to be freed by viv_free; NULL on failure. */
char *viv_xml(struct viv_object *object, unsigned flags, struct viv_error **ret_error);
/* 1 or 0, or -1 on failure. */
int viv_is_active(struct viv_object *object, struct viv_error **ret_error);
int viv_is_persistent(struct viv_object *object, struct viv_error **ret_error);
int viv_autostart(struct viv_object *object, struct viv_error **ret_error);
/* 0, or -1 on failure. */
int viv_set_autostart(struct viv_object *object, int on, struct viv_error **ret_error);
int viv_start(struct viv_object *object, unsigned flags, struct viv_error **ret_error);
/* Ends it at once, without asking: a domain loses what its disks' caches hold. */
int viv_destroy(struct viv_object *object, unsigned flags, struct viv_error **ret_error);
int viv_undefine(struct viv_object *object, unsigned flags, struct viv_error **ret_error);
/* The network's bridge on the host, to be freed by viv_free; NULL on failure. */
char *viv_bridge(struct viv_object *network, struct viv_error **ret_error);

#ifdef __cplusplus
}
#endif

#endif
