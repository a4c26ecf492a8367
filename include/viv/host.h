/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a host is made of and how it is used. As in viv/connection.h: any thread, libvirt's flags;
 * 0, or -1 on failure, unless said otherwise.
 */
#ifndef VIV_HOST_H
#define VIV_HOST_H

#include "viv/connection.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Names of the CPU models of an architecture; an array that ends with NULL, freed by
 * viv_texts_free; NULL on failure. None: all names are taken. */
char **viv_cpu_models(struct viv_connection *connection, const char *arch,
                      struct viv_error **ret_error);
/* Free memory of one NUMA cell, bytes. */
int viv_cell_free_memory(struct viv_connection *connection, unsigned cell, uint64_t *ret_bytes,
                         struct viv_error **ret_error);

struct viv_host_stat {
    char *name; /* NULL ends an array */
    uint64_t value;
};

/* Times of a CPU (-1: of all), nanoseconds; memory of a cell (-1: of all), KiB. Freed by
 * viv_host_stats_free; NULL on failure. */
struct viv_host_stat *viv_host_cpu_stats(struct viv_connection *connection, int cpu,
                                         struct viv_error **ret_error);
struct viv_host_stat *viv_host_memory_stats(struct viv_connection *connection, int cell,
                                            struct viv_error **ret_error);
void viv_host_stats_free(struct viv_host_stat *stats);
/* Puts the host to sleep: libvirt's target (0 memory, 1 disk, 2 both) and seconds. */
int viv_host_sleep(struct viv_connection *connection, unsigned target, uint64_t seconds,
                   struct viv_error **ret_error);
/* A definition from a hypervisor's own words, and those from a definition; to be freed by viv_free;
 * NULL on failure. */
char *viv_xml_from_native(struct viv_connection *connection, const char *format, const char *text,
                          struct viv_error **ret_error);
char *viv_xml_to_native(struct viv_connection *connection, const char *format, const char *xml,
                        struct viv_error **ret_error);

#ifdef __cplusplus
}
#endif

#endif
