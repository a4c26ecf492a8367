/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of the host's CPUs in virsh's words. One thread. */
#ifndef VIV_CLI_CPUMAP_H
#define VIV_CLI_CPUMAP_H

#include "cli/cli.h"

/* "0-3,5"; to be freed. */
char *cpumap_list(const struct viv_cpu_map *map, unsigned cpus);
/* "yy-y"; to be freed. */
char *cpumap_marks(const struct viv_cpu_map *map, unsigned cpus);
/* "0-3,^2", or "r" for all. False with a message. */
bool cpumap_parse(struct cli *cli, const char *text, unsigned cpus, struct viv_cpu_map *ret_map);
/* How many CPUs the host has, or 0 with cli's error. */
unsigned cpumap_host(struct cli *cli);

#endif
