/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Jobs of a running machine's disks: pull, commit, copy (QEMU 7.2's block-stream, block-commit,
 * blockdev-mirror). A job belongs to its run, and its machine goes on with it whoever watches. Its
 * steps come as events; what follows from one is done under the domain's job, so that nothing else
 * changes the disk meanwhile. All is under the domain's lock.
 */
#ifndef VIV_MANAGE_DRIVER_QMP_BLOCKJOB_BLOCKJOB_H
#define VIV_MANAGE_DRIVER_QMP_BLOCKJOB_BLOCKJOB_H

#include "manage/core/call.h"
#include "manage/driver/qmp/blockjob/chain.h"

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>

struct qmp_run;

/* libvirt's numbers. */
enum blockjob_type {
    BLOCKJOB_PULL = 1,
    BLOCKJOB_COPY,
    BLOCKJOB_COMMIT,
    BLOCKJOB_ACTIVE_COMMIT,
};

struct blockjob {
    enum blockjob_type type;
    char *id;         /* the machine's name for it */
    char *target;     /* "vda" */
    GPtrArray *chain; /* the disk's, as it was; NULL of a job that an earlier daemon began */
    struct chain_image *fresh; /* what the disk is when the job ends by a pivot, or NULL */
    bool shallow;              /* a copy that shares what the disk is based on */
    GPtrArray *unneeded;       /* char *, files to be removed when it completed; or NULL */
    bool ready;                /* the machine said so, */
    bool told;                 /* and clients know; */
    bool concluded;            /* it ended */
    bool cancelled;            /* as a client wished */
};

/* state.c */
/*
 * Begins a job by the machine's command; takes both. The command gets what all jobs have: its name,
 * its speed in bytes per second (0: no limit). With the domain's job.
 */
bool blockjob_begin(struct domain *domain, struct blockjob *job, const char *command,
                    json_object *arguments, uint64_t speed, GError **error);
/* A job to be begun, and its name of "pull", the disk and its chain, which is taken. */
struct blockjob *blockjob_new(enum blockjob_type type, const char *target, GPtrArray *chain);
void blockjob_free(void *job);
/* The disk of a call by its path or target, that no job is about; *ret_target is to be freed. Code
 * 8 when it is not there, 83 or 84 when it is busy. */
bool blockjob_disk(struct call *call, char **ret_target, GError **error);
/* Code 83 or 84 when a job is about that disk. */
bool blockjob_check_idle(struct domain *domain, const char *target, GError **error);
/* Code 55 when any job is. */
bool blockjob_check_none(struct domain *domain, GError **error);
/* MiB/s, or bytes per second with `bytes`, in bytes per second; code 82 when it is too much. */
bool blockjob_speed(uint64_t bandwidth, bool bytes, uint64_t *ret_speed, GError **error);
/* JOB_STATUS_CHANGE of a run; with the lock, on the monitor's loop. */
void blockjob_event(struct qmp_run *run, json_object *data);
/* Finds those that run since before this daemon; with the domain's job. */
void blockjob_recover(struct domain *domain);

/* finish.c: what an end means for the definitions. `completed`: not ended early. */
void blockjob_finish(struct domain *domain, struct blockjob *job, bool completed);
/* <mirror> of the definition in force. */
void blockjob_show_mirror(struct domain *domain, const struct blockjob *job);
/* Closes what a job opened in the machine, or what its machine no longer needs. */
void blockjob_drop_node(struct domain *domain, const struct chain_image *image);

/* Rows' handlers: control.c, pull.c */
bool blockjob_abort(struct call *call, GError **error);
bool blockjob_get_info(struct call *call, GError **error);
bool blockjob_set_speed(struct call *call, GError **error);
bool blockjob_pull(struct call *call, GError **error);
bool blockjob_rebase(struct call *call, GError **error);
/* commit.c, copy.c */
bool blockjob_commit(struct call *call, GError **error);
bool blockjob_copy(struct call *call, GError **error);
/* The older way to ask for a copy; flags as the newer one's, speed in bytes per second. */
bool blockjob_rebase_copy(struct call *call, uint64_t speed, bool raw, bool device, GError **error);

/* state.c, for control.c: the job about a disk, or NULL; does what its steps so far ask for. */
struct blockjob *blockjob_of(struct domain *domain, const char *target);
void blockjob_settle(struct domain *domain);

#endif
