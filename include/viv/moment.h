/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Points in time of a domain: snapshots, which it can go back to, and checkpoints, from which on
 * changed blocks are known. As in viv/object.h: any thread, libvirt's flags; 0, or -1 on failure,
 * unless said otherwise. A kind that cannot do what is asked gives code 3.
 */
#ifndef VIV_MOMENT_H
#define VIV_MOMENT_H

#include "viv/domain.h"

#ifdef __cplusplus
extern "C" {
#endif

struct viv_moment;

enum viv_moment_kind {
    VIV_SNAPSHOT,
    VIV_CHECKPOINT,
};

/* Made from its definition; found by its name; NULL on failure, else freed by viv_moment_free. */
struct viv_moment *viv_moment_create(struct viv_object *domain, enum viv_moment_kind kind,
                                     const char *xml, unsigned flags, struct viv_error **ret_error);
struct viv_moment *viv_moment_find(struct viv_object *domain, enum viv_moment_kind kind,
                                   const char *name, struct viv_error **ret_error);
/* The snapshot that the domain's state goes on from; NULL with code 72 when there is none. */
struct viv_moment *viv_snapshot_current(struct viv_object *domain, struct viv_error **ret_error);
int viv_snapshot_has_current(struct viv_object *domain, struct viv_error **ret_error);
void viv_moment_free(struct viv_moment *moment);

/* Those that the flags choose, of a domain or below a moment; an array that ends with NULL, freed
 * by viv_moments_free; NULL on failure. */
struct viv_moment **viv_moments(struct viv_object *domain, enum viv_moment_kind kind,
                                unsigned flags, size_t *ret_n, struct viv_error **ret_error);
struct viv_moment **viv_moment_children(struct viv_moment *moment, unsigned flags, size_t *ret_n,
                                        struct viv_error **ret_error);
void viv_moments_free(struct viv_moment **moments);

/* Owned by the moment. */
const char *viv_moment_name(const struct viv_moment *moment);
/* To be freed by viv_free; NULL on failure. */
char *viv_moment_xml(struct viv_moment *moment, unsigned flags, struct viv_error **ret_error);
/* The one it was made on; NULL on failure, and with code 72 (103) when it has none. */
struct viv_moment *viv_moment_parent(struct viv_moment *moment, struct viv_error **ret_error);
/* 1 or 0, or -1 on failure: of snapshots only. */
int viv_snapshot_is_current(struct viv_moment *snapshot, struct viv_error **ret_error);
int viv_snapshot_has_metadata(struct viv_moment *snapshot, struct viv_error **ret_error);
int viv_moment_delete(struct viv_moment *moment, unsigned flags, struct viv_error **ret_error);
int viv_snapshot_revert(struct viv_moment *snapshot, unsigned flags, struct viv_error **ret_error);

/* Starts a backup of the domain's disks, with a checkpoint unless that is NULL; its definition
 * while it runs (to be freed by viv_free, NULL on failure). */
int viv_backup_begin(struct viv_object *domain, const char *xml, const char *checkpoint_xml,
                     unsigned flags, struct viv_error **ret_error);
char *viv_backup_xml(struct viv_object *domain, unsigned flags, struct viv_error **ret_error);

#ifdef __cplusplus
}
#endif

#endif
