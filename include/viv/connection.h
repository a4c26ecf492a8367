/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A connection to a host. Every function may be called from any thread, several at once on one
 * connection; each blocks until the host has answered. Strings given back are UTF-8 and freed by
 * viv_free.
 */
#ifndef VIV_CONNECTION_H
#define VIV_CONNECTION_H

#include "viv/error.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct viv_connection;

enum viv_open_flags {
    VIV_OPEN_READ_ONLY = 1, /* what changes anything is refused, code 29 */
};

/*
 * Connects to the host that a URI names. NULL or "" means $LIBVIRT_DEFAULT_URI, else qemu:///system
 * for root and qemu:///session for others.
 *
 *   test:///default            a host with made-up objects, inside this process
 *   qemu:///session            machines of this user, by libvirtd
 *   qemu:///system             machines of the system, by libvirtd
 *   viv:///session, /system    the same by vivd
 *   ...+unix:///...?socket=P   by the daemon that listens at the path P
 *
 * NULL with code 38 when no daemon answers there. Closed by viv_close.
 */
struct viv_connection *viv_open(const char *uri, unsigned flags, struct viv_error **ret_error);
/* Drops the caller's hold; the last object of the connection closes it. NULL does nothing. */
void viv_close(struct viv_connection *connection);

/* The URI that was opened; never NULL. */
char *viv_uri(struct viv_connection *connection);
/* Name of the host; its driver's name ("QEMU"); its capabilities as XML. NULL on
 * failure. */
char *viv_hostname(struct viv_connection *connection, struct viv_error **ret_error);
char *viv_type(struct viv_connection *connection, struct viv_error **ret_error);
char *viv_capabilities(struct viv_connection *connection, struct viv_error **ret_error);
/* What domains of a kind can have, as XML. Each word may be NULL: the host's default. */
char *viv_domain_capabilities(struct viv_connection *connection, const char *emulator,
                              const char *arch, const char *machine, const char *type,
                              unsigned flags, struct viv_error **ret_error);
/* The firmware's tables (SMBIOS) as XML. */
char *viv_sysinfo(struct viv_connection *connection, unsigned flags, struct viv_error **ret_error);

/* Versions as major * 1000000 + minor * 1000 + micro: the hypervisor's, and the daemon's library.
 * 0, or -1 on failure. */
int viv_version(struct viv_connection *connection, uint64_t *ret_version,
                struct viv_error **ret_error);
int viv_library_version(struct viv_connection *connection, uint64_t *ret_version,
                        struct viv_error **ret_error);
/* Most vCPUs of a domain of a type ("kvm"; NULL: the default), or -1. */
int viv_max_vcpus(struct viv_connection *connection, const char *type,
                  struct viv_error **ret_error);

struct viv_node_info {
    char model[33];      /* of the CPU */
    uint64_t memory_kib; /* of the host */
    uint32_t cpus, mhz;
    uint32_t cells, sockets, cores, threads; /* sockets a cell, cores a socket, threads a core */
};

/* 0, or -1 on failure. */
int viv_node_info(struct viv_connection *connection, struct viv_node_info *ret_info,
                  struct viv_error **ret_error);
/* A set of CPUs of the host: bit n of byte n / 8. */
#define VIV_MAP_BYTES 2048
struct viv_cpu_map {
    uint8_t bits[VIV_MAP_BYTES];
};

/* CPUs of the host, or -1; those that are online, and how many of them. */
int viv_host_cpus(struct viv_connection *connection, struct viv_cpu_map *ret_online,
                  unsigned *ret_n_online, struct viv_error **ret_error);
/* Free memory of the host, bytes. 0, or -1 on failure. */
int viv_free_memory(struct viv_connection *connection, uint64_t *ret_bytes,
                    struct viv_error **ret_error);

#ifdef __cplusplus
}
#endif

#endif
