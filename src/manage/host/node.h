/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The computer we run on, as Linux describes it below /proc and /sys (Documentation/ABI/stable/
 * sysfs-devices-node, Documentation/admin-guide/cputopology.rst). Read anew at each call; any
 * thread. `root` is put before each path, "" for the computer itself, a folder of a test's own.
 */
#ifndef VIV_MANAGE_HOST_NODE_H
#define VIV_MANAGE_HOST_NODE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define NODE_MAX_CPUS  8192
#define NODE_MAX_CELLS 1024

struct node_cpu {
    unsigned id, socket, die, core;
    char *siblings; /* threads of its core, "0-1" */
};

struct node_pages {
    unsigned kib; /* of one page */
    uint64_t total, free;
};

struct node_cell {
    unsigned id;
    uint64_t memory, free; /* KiB */
    GArray *pages;         /* struct node_pages */
    GArray *distances;     /* unsigned: to each cell, in their order */
    GArray *cpus;          /* struct node_cpu, those that are on */
};

/* A cache of the last level. */
struct node_cache {
    unsigned id, level, kib;
    char *type; /* "both", "data", "code" */
    char *cpus; /* "0-1" */
};

struct node {
    unsigned mhz;                     /* 0: unknown */
    unsigned cpus;                    /* that are on */
    GArray *online;                   /* bool, by number: is that CPU, which is there, on? */
    unsigned sockets, cores, threads; /* sockets of a cell, cores of a socket, threads of a core */
    unsigned dies;                    /* of a socket */
    GPtrArray *cells;                 /* struct node_cell; one where Linux has no NUMA */
    GPtrArray *caches;                /* struct node_cache */
};

struct node *node_read(const char *root);
void node_free(struct node *node);
typedef struct node node_own;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(node_own, node_free)
uint64_t node_memory(const struct node *node); /* KiB */
uint64_t node_free_memory(const struct node *node);
const struct node_cell *node_cell(const struct node *node, unsigned n); /* NULL past the end */

/* Jiffies that a CPU (-1: all) has spent: /proc/stat's columns. */
enum node_time { NODE_USER, NODE_NICE, NODE_SYSTEM, NODE_IDLE, NODE_IOWAIT, NODE_TIMES };
bool node_cpu_times(const char *root, int cpu, uint64_t ret_times[NODE_TIMES]);
/* A row of /proc/meminfo, or of a cell's own (-1: the whole computer), in KiB. */
bool node_meminfo(const char *root, int cell, const char *row, uint64_t *ret_kib);
/* A number in a file. */
bool node_number(const char *root, const char *path, uint64_t *ret_value);
/* A number of /proc/cpuinfo's first CPU; a string (to be freed) or NULL. */
char *node_cpuinfo(const char *root, const char *row);

#endif
