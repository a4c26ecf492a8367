/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is counted of a running machine: by its emulator, asked without the domain's lock (which is
 * held before and after), and by Linux for its process.
 */
#ifndef VIV_MANAGE_DRIVER_QMP_STATS_H
#define VIV_MANAGE_DRIVER_QMP_STATS_H

#include "manage/core/domain.h"

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

/* A disk's counters in the order in which libvirt shows them. */
enum {
    BLOCK_RD_REQS,
    BLOCK_RD_BYTES,
    BLOCK_RD_TIMES,
    BLOCK_WR_REQS,
    BLOCK_WR_BYTES,
    BLOCK_WR_TIMES,
    BLOCK_FL_REQS,
    BLOCK_FL_TIMES,
    BLOCK_COUNTERS
};

struct block_stats {
    int64_t counter[BLOCK_COUNTERS]; /* bytes, requests, nanoseconds */
    uint64_t highest;                /* written byte of the storage, plus 1; 0: none, or unknown */
    uint64_t capacity;               /* bytes that the guest sees; 0: no medium */
    unsigned index;                  /* of its node; 0: no medium */
};

/* A disk by its target or its source's path; NULL when the definition has none. */
struct xml *stats_find_disk(const struct domain_def *def, const char *path);
/* "/path/of/source", or NULL when the disk is empty. */
const char *stats_disk_path(const struct xml *disk);

/* Answers of query-blockstats and query-block; stats_block reads one disk out of both. */
bool stats_ask_blocks(struct domain *domain, json_object **ret_stats, json_object **ret_blocks,
                      GError **error);
/* False when the emulator does not name the disk. */
bool stats_block(json_object *stats, json_object *blocks, const struct xml *disk,
                 struct block_stats *ret);

/* The name of the node that a device's medium is, borrowed of `blocks`; NULL: it has none. */
const char *stats_node(json_object *blocks, const struct xml *disk);
/* What a guest sees of an image while no emulator has it, in bytes; raw and qcow2. */
bool stats_capacity(const struct xml *disk, uint64_t *ret, GError **error);
/* "ok", "failed" or "nospace", borrowed of `blocks`; NULL: the emulator does not say. */
const char *stats_io_status(json_object *blocks, const struct xml *disk);

/* A thread of the machine, or with tid == pid its process as a whole. */
struct thread_stats {
    uint64_t user_ns, system_ns, delay_ns;
    int cpu; /* where it ran last */
};
bool stats_thread(int pid, int tid, struct thread_stats *ret);
/* KiB of memory the process has in RAM. */
uint64_t stats_rss(int pid);
/* The threads of vCPUs by number, or NULL; an array of int. */
GArray *stats_vcpus(struct domain *domain, GError **error);

/* A balloon's figures: "actual", "last-update" and the guest's own. KiB and seconds. */
struct balloon_stats {
    uint64_t actual, last_update;
    int64_t guest[13]; /* by libvirt's tag; -1: the guest does not say */
};
bool stats_balloon(struct domain *domain, struct balloon_stats *ret, GError **error);

#endif
