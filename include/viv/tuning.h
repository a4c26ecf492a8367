/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a domain may use of its host, and what holds it there. As in viv/object.h: any thread,
 * libvirt's flags (enum viv_affect first of all); 0, or -1 on failure, unless said otherwise.
 */
#ifndef VIV_TUNING_H
#define VIV_TUNING_H

#include "viv/domain.h"
#include "viv/params.h"

#ifdef __cplusplus
extern "C" {
#endif

enum viv_tuning {
    VIV_TUNE_MEMORY,          /* limits; read and set */
    VIV_TUNE_BLKIO,           /* weights of block devices; read and set */
    VIV_TUNE_NUMA,            /* where its memory is; read and set */
    VIV_TUNE_SCHEDULER,       /* shares of the host's CPUs; read and set */
    VIV_TUNE_DISK,            /* throttles of the disk `device`; read and set */
    VIV_TUNE_INTERFACE,       /* bandwidth of the interface `device`; read and set */
    VIV_TUNE_PERF,            /* counters that run; read and set */
    VIV_TUNE_GUEST_VCPUS,     /* as the guest's agent sees them; read */
    VIV_TUNE_LAUNCH_SECURITY, /* of an encrypted guest; read and set */
    VIV_TUNINGS,
};

/* How many values viv_domain_tuning will give, or -1. */
int viv_domain_tunings(struct viv_object *domain, enum viv_tuning what, const char *device,
                       unsigned flags, struct viv_error **ret_error);
/* The values, to be freed by viv_params_free; NULL on failure. `device` is a disk's target or path,
 * an interface's name or address; NULL where it is about the whole domain. */
struct viv_param *viv_domain_tuning(struct viv_object *domain, enum viv_tuning what,
                                    const char *device, unsigned flags,
                                    struct viv_error **ret_error);
/* Sets those that are in `params`, an array that ends with a NULL name. */
int viv_domain_tune(struct viv_object *domain, enum viv_tuning what, const char *device,
                    const struct viv_param *params, unsigned flags, struct viv_error **ret_error);
/* Name of the host's scheduler, to be freed by viv_free; NULL on failure. */
char *viv_domain_scheduler(struct viv_object *domain, struct viv_error **ret_error);

struct viv_vcpu {
    unsigned number;
    int state; /* libvirt's: 0 offline, 1 running, 2 blocked */
    int cpu;   /* it runs there; negative: not known */
    uint64_t time_ns;
    struct viv_cpu_map map; /* where it may run */
};

/* The vCPUs of a running domain on a host of `cpus` CPUs: *ret_n of them, to be freed by viv_free;
 * NULL on failure. */
struct viv_vcpu *viv_domain_vcpu_list(struct viv_object *domain, unsigned cpus, size_t *ret_n,
                                      struct viv_error **ret_error);
/* Where each of *ret_n vCPUs may run, by its number, of a host of `cpus` CPUs; to be freed by
 * viv_free; NULL on failure. */
struct viv_cpu_map *viv_domain_pins(struct viv_object *domain, unsigned vcpus, unsigned cpus,
                                    unsigned flags, size_t *ret_n, struct viv_error **ret_error);
int viv_domain_pin(struct viv_object *domain, unsigned vcpu, const struct viv_cpu_map *map,
                   unsigned cpus, unsigned flags, struct viv_error **ret_error);
/* The same of the emulator's own threads. 1 when they are held somewhere, 0 when not, or -1. */
int viv_domain_emulator_pin(struct viv_object *domain, unsigned cpus, unsigned flags,
                            struct viv_cpu_map *ret_map, struct viv_error **ret_error);
int viv_domain_pin_emulator(struct viv_object *domain, const struct viv_cpu_map *map, unsigned cpus,
                            unsigned flags, struct viv_error **ret_error);

struct viv_iothread {
    unsigned number;
    struct viv_cpu_map map;
};

/* The threads that serve disks: *ret_n of them, to be freed by viv_free; NULL on failure. */
struct viv_iothread *viv_domain_iothreads(struct viv_object *domain, unsigned flags, size_t *ret_n,
                                          struct viv_error **ret_error);
int viv_domain_add_iothread(struct viv_object *domain, unsigned number, unsigned flags,
                            struct viv_error **ret_error);
int viv_domain_del_iothread(struct viv_object *domain, unsigned number, unsigned flags,
                            struct viv_error **ret_error);
int viv_domain_pin_iothread(struct viv_object *domain, unsigned number,
                            const struct viv_cpu_map *map, unsigned cpus, unsigned flags,
                            struct viv_error **ret_error);
int viv_domain_tune_iothread(struct viv_object *domain, unsigned number,
                             const struct viv_param *params, unsigned flags,
                             struct viv_error **ret_error);
/* Enables or disables vCPUs by their numbers ("0-2,5"), in the domain or through the guest's agent.
 */
int viv_domain_set_vcpu(struct viv_object *domain, const char *vcpus, int on, unsigned flags,
                        struct viv_error **ret_error);
int viv_domain_set_guest_vcpus(struct viv_object *domain, const char *vcpus, int on, unsigned flags,
                               struct viv_error **ret_error);

#ifdef __cplusplus
}
#endif

#endif
