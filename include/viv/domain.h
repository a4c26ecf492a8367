/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What only domains can. As in viv/object.h: any thread, libvirt's flags; 0, or -1 on failure,
 * unless said otherwise. An object of another kind is code 8.
 */
#ifndef VIV_DOMAIN_H
#define VIV_DOMAIN_H

#include "viv/object.h"

#ifdef __cplusplus
extern "C" {
#endif

/* libvirt's numbers. */
enum viv_state {
    VIV_STATE_NONE,
    VIV_STATE_RUNNING,
    VIV_STATE_BLOCKED,
    VIV_STATE_PAUSED,
    VIV_STATE_SHUTDOWN,
    VIV_STATE_SHUTOFF,
    VIV_STATE_CRASHED,
    VIV_STATE_PMSUSPENDED,
};

struct viv_domain_info {
    enum viv_state state;
    uint64_t max_memory_kib, memory_kib;
    uint32_t vcpus;
    uint64_t cpu_time_ns; /* since the start, all vCPUs */
};

struct viv_security {
    char model[257], doi[257]; /* of the host; "" for none */
    char label[4097];          /* of the domain; "" for none */
    int enforcing;
};

enum viv_affect {
    VIV_AFFECT_CURRENT = 0,
    VIV_AFFECT_LIVE = 1,   /* the running domain */
    VIV_AFFECT_CONFIG = 2, /* from its next start on */
    VIV_MAXIMUM = 4,       /* the most there can be, not what there is */
    VIV_GUEST = 8,         /* vCPUs: ask the guest's agent */
    VIV_FORCE = 4,         /* a device: even where the guest holds it */
    VIV_PLAIN = 1 << 16,   /* a device: by libvirt's plain procedures, which change what runs */
};

/* The running domain of that number; NULL on failure. */
struct viv_object *viv_find_id(struct viv_connection *connection, int id,
                               struct viv_error **ret_error);
int viv_domain_info(struct viv_object *domain, struct viv_domain_info *ret_info,
                    struct viv_error **ret_error);
/* The state and libvirt's number of why it is so. */
int viv_domain_state(struct viv_object *domain, enum viv_state *ret_state, int *ret_reason,
                     struct viv_error **ret_error);
/* What the guest is, "hvm"; to be freed by viv_free; NULL on failure. */
char *viv_domain_os(struct viv_object *domain, struct viv_error **ret_error);
int viv_domain_security(struct viv_object *domain, struct viv_security *ret_security,
                        struct viv_error **ret_error);
/* 1 or 0, or -1 on failure. */
int viv_domain_has_saved(struct viv_object *domain, struct viv_error **ret_error);
/* Number of snapshots the flags choose, or -1. */
int viv_domain_snapshots(struct viv_object *domain, unsigned flags, struct viv_error **ret_error);
/* Its title (1) or description (0), to be freed by viv_free; NULL with code 80 when there is none.
 */
char *viv_domain_note(struct viv_object *domain, int is_title, unsigned affect,
                      struct viv_error **ret_error);
/* Sets it; NULL or "" takes it away. */
int viv_domain_set_note(struct viv_object *domain, int is_title, const char *text, unsigned affect,
                        struct viv_error **ret_error);

/* An element of others' own, by the URI of its namespace: to be freed by viv_free, NULL with code
 * 80 when there is none. Set under a prefix `key`; NULL takes it away. */
char *viv_domain_metadata(struct viv_object *domain, const char *uri, unsigned affect,
                          struct viv_error **ret_error);
int viv_domain_set_metadata(struct viv_object *domain, const char *xml, const char *key,
                            const char *uri, unsigned affect, struct viv_error **ret_error);

/* Asks the guest to end, or to start again. */
int viv_domain_shutdown(struct viv_object *domain, unsigned flags, struct viv_error **ret_error);
int viv_domain_reboot(struct viv_object *domain, unsigned flags, struct viv_error **ret_error);
/* The reset button. */
int viv_domain_reset(struct viv_object *domain, unsigned flags, struct viv_error **ret_error);
/* vCPUs stop, and go on. */
int viv_domain_suspend(struct viv_object *domain, struct viv_error **ret_error);
int viv_domain_resume(struct viv_object *domain, struct viv_error **ret_error);
int viv_domain_rename(struct viv_object *domain, const char *name, struct viv_error **ret_error);

/* Memory in KiB; VIV_MAXIMUM in `affect` sets the most there can be. VIV_AFFECT_CURRENT here is
 * what libvirt's plain procedures change: memory and vCPUs of the running domain. */
int viv_domain_set_memory(struct viv_object *domain, uint64_t kib, unsigned affect,
                          struct viv_error **ret_error);
int viv_domain_set_vcpus(struct viv_object *domain, unsigned n, unsigned affect,
                         struct viv_error **ret_error);
/* Number of vCPUs, or -1. */
int viv_domain_vcpus(struct viv_object *domain, unsigned affect, struct viv_error **ret_error);

/* Adds, removes or changes a device; `xml` is its element. */
int viv_domain_attach(struct viv_object *domain, const char *xml, unsigned affect,
                      struct viv_error **ret_error);
int viv_domain_detach(struct viv_object *domain, const char *xml, unsigned affect,
                      struct viv_error **ret_error);
int viv_domain_update(struct viv_object *domain, const char *xml, unsigned affect,
                      struct viv_error **ret_error);
/* The device of that alias. */
int viv_domain_detach_alias(struct viv_object *domain, const char *alias, unsigned affect,
                            struct viv_error **ret_error);
/* Of a disk by its target or path, in bytes. */
int viv_domain_resize_disk(struct viv_object *domain, const char *disk, uint64_t bytes,
                           struct viv_error **ret_error);

#ifdef __cplusplus
}
#endif

#endif
