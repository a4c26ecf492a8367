/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The long job of a running machine (save, dump, snapshot), what clients learn of it, and how they
 * end it early. A job belongs to its run; all of it is under the domain's lock.
 */
#ifndef VIV_MANAGE_DRIVER_QMP_SAVE_JOB_H
#define VIV_MANAGE_DRIVER_QMP_SAVE_JOB_H

#include "manage/core/call.h"
#include "manage/core/domain.h"

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>

/* libvirt's numbers. */
enum job_operation {
    JOB_OPERATION_NONE = 0,
    JOB_OPERATION_SAVE = 2,
    JOB_OPERATION_RESTORE = 3,
    JOB_OPERATION_SNAPSHOT = 6,
    JOB_OPERATION_REVERT = 7,
    JOB_OPERATION_DUMP = 8,
    JOB_OPERATION_DELETE = 10,
};

/* What moves a machine's state out or in. */
enum job_transfer { JOB_NO_TRANSFER, JOB_MIGRATION, JOB_MEMORY_DUMP };

struct job {
    enum job_operation operation; /* NONE: there is none */
    enum job_transfer transfer;   /* under way */
    gint64 began;                 /* monotonic microseconds */
    bool cancelled;               /* a client's wish */
    bool ended;                   /* the transfer, */
    bool good;                    /* and how, */
    char why[256];                /* and what the machine says of it; may be empty */
};

/* The job that a client's call (JOB_ASYNC) is; calls that only ask, or end it, go beside it. */
void job_begin(struct domain *domain, enum job_operation operation);
/* Over; what it was stays to be asked for. The machine may be gone. */
void job_end(struct domain *domain, enum job_operation operation, bool good);

/*
 * Gives the machine's state to a descriptor, or takes it from one, and waits until all of it went.
 * False with code 78 when a client ended it, code 9 when it failed, code 55 when the machine ended.
 * Nothing reads or writes the descriptor any more then.
 */
bool job_migrate_out(struct domain *domain, int fd, GError **error);
bool job_migrate_in(struct domain *domain, int fd, GError **error);
/* The same of the guest's memory alone, in a format of dump-guest-memory; NULL: ELF. No client can
 * end it. */
bool job_dump_memory(struct domain *domain, int fd, const char *format, GError **error);

/* Events of the machine; with the lock. */
struct qmp_run;
void job_migration_event(struct qmp_run *run, json_object *data);
void job_dump_event(struct qmp_run *run, json_object *data);

/* Rows' handlers. */
bool job_get_info(struct call *call, GError **error);
bool job_get_stats(struct call *call, GError **error);
bool job_abort(struct call *call, GError **error);

#endif
