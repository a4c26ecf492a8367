/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a domain has used and how it is. As in viv/object.h: any thread, libvirt's flags; 0, or -1
 * on failure, unless said otherwise. Arrays are freed by the function that is named with them.
 */
#ifndef VIV_MONITOR_H
#define VIV_MONITOR_H

#include "viv/domain.h"
#include "viv/params.h"

#ifdef __cplusplus
extern "C" {
#endif

struct viv_block_info {
    uint64_t capacity, allocation, physical; /* bytes */
};

/* Of the disk with that target or path. */
int viv_domain_block_info(struct viv_object *domain, const char *disk,
                          struct viv_block_info *ret_info, struct viv_error **ret_error);
/* Counters of a disk ("": of all together) under libvirt's names. Freed by viv_params_free; NULL on
 * failure, with code 3 where the host has only the plain ones. */
struct viv_param *viv_domain_block_stats(struct viv_object *domain, const char *disk,
                                         struct viv_error **ret_error);

struct viv_block_counters {
    int64_t reads, read_bytes, writes, written_bytes, errors; /* -1: not known */
};

int viv_domain_block_counters(struct viv_object *domain, const char *disk,
                              struct viv_block_counters *ret_counters,
                              struct viv_error **ret_error);

struct viv_interface_stats {
    int64_t rx_bytes, rx_packets, rx_errors, rx_drops; /* -1: not known */
    int64_t tx_bytes, tx_packets, tx_errors, tx_drops;
};

/* Of the interface with that name or address. */
int viv_domain_interface_stats(struct viv_object *domain, const char *interface,
                               struct viv_interface_stats *ret_stats, struct viv_error **ret_error);

struct viv_memory_stat {
    int tag; /* libvirt's */
    uint64_t value;
};

/* *ret_n statistics of the balloon, freed by viv_free; NULL on failure. */
struct viv_memory_stat *viv_domain_memory_stats(struct viv_object *domain, size_t *ret_n,
                                                struct viv_error **ret_error);
int viv_domain_set_memory_period(struct viv_object *domain, int seconds, unsigned flags,
                                 struct viv_error **ret_error);

struct viv_disk_error {
    char *disk; /* NULL ends an array */
    int error;  /* libvirt's: 1 unspecified, 2 no space */
};

/* Disks that have failed, freed by viv_disk_errors_free; NULL on failure. */
struct viv_disk_error *viv_domain_disk_errors(struct viv_object *domain,
                                              struct viv_error **ret_error);
void viv_disk_errors_free(struct viv_disk_error *errors);

/* How well the host is heard by the hypervisor: libvirt's numbers; milliseconds in that state. */
int viv_domain_control(struct viv_object *domain, int *ret_state, int *ret_details,
                       unsigned *ret_ms, struct viv_error **ret_error);

struct viv_address {
    char *interface; /* NULL ends an array */
    char *mac;       /* or NULL */
    int type;        /* 0 IPv4, 1 IPv6; -1: the interface has no address */
    char *address;
    unsigned prefix;
};

/* Addresses of all interfaces, each interface's together; `source` is libvirt's: 0 leases, 1 the
 * guest's agent, 2 the host's ARP. Freed by viv_addresses_free; NULL on failure. */
struct viv_address *viv_domain_addresses(struct viv_object *domain, unsigned source,
                                         struct viv_error **ret_error);
void viv_addresses_free(struct viv_address *addresses);

/* CPU time by CPU of the host from `start` on, `cpus` of them, each a list of its own freed by
 * viv_params_free, in an array freed by viv_param_lists_free that ends with NULL. `start` -1: the
 * one list of the totals. NULL on failure. */
struct viv_param **viv_domain_cpu_stats(struct viv_object *domain, int start, unsigned cpus,
                                        struct viv_error **ret_error);
/* How many CPUs those can be of, or -1. */
int viv_domain_cpu_stats_cpus(struct viv_object *domain, struct viv_error **ret_error);
void viv_param_lists_free(struct viv_param **lists);

struct viv_stats {
    struct viv_object *domain; /* NULL ends an array */
    struct viv_param *params;
};

/* Statistics of the domains of the array, which ends with NULL, or of all that the flags choose
 * (NULL). `stats` are libvirt's groups, 0 for all. Freed by viv_stats_free; NULL on failure. */
struct viv_stats *viv_domain_stats(struct viv_connection *connection, struct viv_object **domains,
                                   unsigned stats, unsigned flags, struct viv_error **ret_error);
void viv_stats_free(struct viv_stats *stats);

/* The job that is under way: libvirt's type (0: none) and values, freed by viv_params_free. */
int viv_domain_job(struct viv_object *domain, unsigned flags, int *ret_type,
                   struct viv_param **ret_params, struct viv_error **ret_error);
int viv_domain_abort_job(struct viv_object *domain, unsigned flags, struct viv_error **ret_error);
/* What its administrator is to be told: texts, ended by NULL, freed by viv_texts_free; NULL on
 * failure. */
char **viv_domain_messages(struct viv_object *domain, unsigned flags, struct viv_error **ret_error);
void viv_texts_free(char **texts);
/* Tells by an event when a disk's writes pass that byte. */
int viv_domain_block_threshold(struct viv_object *domain, const char *disk, uint64_t bytes,
                               struct viv_error **ret_error);
int viv_domain_start_dirty_rate(struct viv_object *domain, int seconds, unsigned flags,
                                struct viv_error **ret_error);

#ifdef __cplusplus
}
#endif

#endif
