/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is done to the system inside a domain: by its keyboard and power, or through its agent. As
 * in viv/object.h: any thread, libvirt's flags; 0, or -1 on failure, unless said otherwise.
 */
#ifndef VIV_GUEST_H
#define VIV_GUEST_H

#include "viv/domain.h"
#include "viv/params.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VIV_KEYS_MAX 16

/* Presses keys together for some milliseconds; `codeset` is libvirt's (0: Linux). */
int viv_domain_send_keys(struct viv_object *domain, unsigned codeset, unsigned ms,
                         const unsigned *keys, unsigned n, struct viv_error **ret_error);
int viv_domain_send_signal(struct viv_object *domain, int64_t pid, unsigned signal,
                           struct viv_error **ret_error);
int viv_domain_inject_nmi(struct viv_object *domain, unsigned flags, struct viv_error **ret_error);
/* Sleep: libvirt's target (0 memory, 1 disk, 2 both) and seconds, 0 for ever. */
int viv_domain_sleep(struct viv_object *domain, unsigned target, uint64_t seconds,
                     struct viv_error **ret_error);
int viv_domain_wake(struct viv_object *domain, unsigned flags, struct viv_error **ret_error);
/* What the domain does when its guest powers off (0), reboots (1) or crashes (2): libvirt's
 * actions.
 */
int viv_domain_set_lifecycle(struct viv_object *domain, unsigned event, unsigned action,
                             unsigned affect, struct viv_error **ret_error);

int viv_domain_time(struct viv_object *domain, int64_t *ret_seconds, unsigned *ret_nanoseconds,
                    struct viv_error **ret_error);
int viv_domain_set_time(struct viv_object *domain, int64_t seconds, unsigned nanoseconds,
                        unsigned flags, struct viv_error **ret_error);
/* To be freed by viv_free; NULL on failure. */
char *viv_domain_hostname(struct viv_object *domain, unsigned flags, struct viv_error **ret_error);

struct viv_file_system {
    char *mount_point; /* NULL ends an array */
    char *name, *type;
    char **disks; /* targets, ended by NULL */
};

/* Freed by viv_file_systems_free; NULL on failure. */
struct viv_file_system *viv_domain_file_systems(struct viv_object *domain,
                                                struct viv_error **ret_error);
void viv_file_systems_free(struct viv_file_system *systems);
/* Stops writing to file systems, or goes on, at the mount points of an array that ends with NULL;
 * NULL for all. How many, or -1. */
int viv_domain_freeze(struct viv_object *domain, const char *const *mount_points,
                      struct viv_error **ret_error);
int viv_domain_thaw(struct viv_object *domain, const char *const *mount_points,
                    struct viv_error **ret_error);
/* Gives free blocks, in runs of at least so many bytes, back to the host. */
int viv_domain_trim(struct viv_object *domain, const char *mount_point, uint64_t minimum,
                    struct viv_error **ret_error);
/* What the agent tells, of libvirt's kinds (0: all), freed by viv_params_free; NULL on failure. */
struct viv_param *viv_domain_guest_info(struct viv_object *domain, unsigned kinds,
                                        struct viv_error **ret_error);
int viv_domain_set_agent_timeout(struct viv_object *domain, int seconds,
                                 struct viv_error **ret_error);
int viv_domain_set_password(struct viv_object *domain, const char *user, const char *password,
                            unsigned flags, struct viv_error **ret_error);
/* Lines of the user's authorized keys: got (freed by viv_texts_free, NULL on failure), and set; an
 * array that ends with NULL. */
char **viv_domain_ssh_keys(struct viv_object *domain, const char *user,
                           struct viv_error **ret_error);
int viv_domain_set_ssh_keys(struct viv_object *domain, const char *user, const char *const *keys,
                            unsigned flags, struct viv_error **ret_error);

/* A command of QEMU's monitor, JSON (human words with flag 1), and of the guest's agent (seconds to
 * wait, or libvirt's -2 to 0). The answer, to be freed by viv_free; NULL on failure. */
char *viv_domain_monitor_command(struct viv_object *domain, const char *command, unsigned flags,
                                 struct viv_error **ret_error);
char *viv_domain_agent_command(struct viv_object *domain, const char *command, int seconds,
                               struct viv_error **ret_error);

#ifdef __cplusplus
}
#endif

#endif
