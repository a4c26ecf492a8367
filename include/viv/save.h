/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A domain's memory in files: saved and restored, saved by the host itself, dumped. As in
 * viv/object.h: any thread, libvirt's flags; paths are the host's; 0, or -1 on failure, unless said
 * otherwise.
 */
#ifndef VIV_SAVE_H
#define VIV_SAVE_H

#include "viv/domain.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Ends the domain into a file; `xml` (or NULL) is the definition to be kept in it. */
int viv_domain_save(struct viv_object *domain, const char *path, const char *xml, unsigned flags,
                    struct viv_error **ret_error);
/* Starts what a file holds, with another definition unless `xml` is NULL. */
int viv_restore(struct viv_connection *connection, const char *path, const char *xml,
                unsigned flags, struct viv_error **ret_error);
/* The definition in a file, to be freed by viv_free (NULL on failure), and a new one for it. */
char *viv_saved_xml(struct viv_connection *connection, const char *path, unsigned flags,
                    struct viv_error **ret_error);
int viv_set_saved_xml(struct viv_connection *connection, const char *path, const char *xml,
                      unsigned flags, struct viv_error **ret_error);
/* The same in the host's own place, from where the domain's next start takes it. */
int viv_domain_keep(struct viv_object *domain, unsigned flags, struct viv_error **ret_error);
int viv_domain_drop_kept(struct viv_object *domain, unsigned flags, struct viv_error **ret_error);
char *viv_domain_kept_xml(struct viv_object *domain, unsigned flags, struct viv_error **ret_error);
int viv_domain_set_kept_xml(struct viv_object *domain, const char *xml, unsigned flags,
                            struct viv_error **ret_error);
/* Writes its memory for a debugger; `format` is libvirt's, 0 for the plain one. */
int viv_domain_dump(struct viv_object *domain, const char *path, unsigned format, unsigned flags,
                    struct viv_error **ret_error);

#ifdef __cplusplus
}
#endif

#endif
