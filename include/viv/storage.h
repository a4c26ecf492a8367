/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What only storage pools can, and their volumes. As in viv/object.h: any thread, libvirt's flags;
 * sizes in bytes; 0, or -1 on failure, unless said otherwise.
 */
#ifndef VIV_STORAGE_H
#define VIV_STORAGE_H

#include "viv/object.h"

#ifdef __cplusplus
extern "C" {
#endif

struct viv_volume;

struct viv_pool_info {
    int state; /* libvirt's: 0 inactive, 1 building, 2 running, 3 degraded, 4 inaccessible */
    uint64_t capacity, allocation, available;
};

struct viv_volume_info {
    int type; /* libvirt's: 0 file, 1 block, 2 dir, 3 network, 4 netdir, 5 ploop */
    uint64_t capacity, allocation;
};

int viv_pool_info(struct viv_object *pool, struct viv_pool_info *ret_info,
                  struct viv_error **ret_error);
/* Looks at the pool's files again; makes its place; takes its place away. */
int viv_pool_refresh(struct viv_object *pool, unsigned flags, struct viv_error **ret_error);
int viv_pool_build(struct viv_object *pool, unsigned flags, struct viv_error **ret_error);
int viv_pool_delete(struct viv_object *pool, unsigned flags, struct viv_error **ret_error);

/* All volumes; ends with NULL, freed by viv_volumes_free. NULL on failure. */
struct viv_volume **viv_volumes(struct viv_object *pool, size_t *ret_n,
                                struct viv_error **ret_error);
void viv_volumes_free(struct viv_volume **volumes);
/* By its name in a pool; by its key or its path on the host. NULL on failure. */
struct viv_volume *viv_find_volume(struct viv_object *pool, const char *name,
                                   struct viv_error **ret_error);
struct viv_volume *viv_find_volume_key(struct viv_connection *connection, const char *key,
                                       struct viv_error **ret_error);
struct viv_volume *viv_find_volume_path(struct viv_connection *connection, const char *path,
                                        struct viv_error **ret_error);
struct viv_volume *viv_volume_create(struct viv_object *pool, const char *xml, unsigned flags,
                                     struct viv_error **ret_error);
void viv_volume_free(struct viv_volume *volume);
/* Owned by the volume. */
const char *viv_volume_name(const struct viv_volume *volume);
const char *viv_volume_key(const struct viv_volume *volume);
const char *viv_volume_pool(const struct viv_volume *volume);
/* To be freed by viv_free; NULL on failure. */
char *viv_volume_path(struct viv_volume *volume, struct viv_error **ret_error);
char *viv_volume_xml(struct viv_volume *volume, struct viv_error **ret_error);
int viv_volume_info(struct viv_volume *volume, struct viv_volume_info *ret_info,
                    struct viv_error **ret_error);
int viv_volume_delete(struct viv_volume *volume, unsigned flags, struct viv_error **ret_error);
int viv_volume_resize(struct viv_volume *volume, uint64_t capacity, unsigned flags,
                      struct viv_error **ret_error);

/* The pool of a volume; NULL on failure. */
struct viv_object *viv_volume_home(struct viv_volume *volume, struct viv_error **ret_error);
/* A volume made as another one is, with its contents. */
struct viv_volume *viv_volume_copy(struct viv_object *pool, const char *xml,
                                   struct viv_volume *from, unsigned flags,
                                   struct viv_error **ret_error);
/* Overwrites all of it, by libvirt's algorithm (0: zeroes). */
int viv_volume_wipe(struct viv_volume *volume, unsigned algorithm, struct viv_error **ret_error);
/* What pools of a type could be made of, and what pools there can be: XML, to be freed by viv_free;
 * NULL on failure. `xml` says where to look, or is NULL. */
char *viv_pool_sources(struct viv_connection *connection, const char *type, const char *xml,
                       struct viv_error **ret_error);
char *viv_pool_capabilities(struct viv_connection *connection, struct viv_error **ret_error);

#ifdef __cplusplus
}
#endif

#endif
