/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A domain as the manager holds it: definitions, state, job. Fields under its object's lock. */
#ifndef VIV_MANAGE_CORE_DOMAIN_H
#define VIV_MANAGE_CORE_DOMAIN_H

#include "manage/conf/domain.h"
#include "manage/conf/moments.h"
#include "manage/core/object.h"

#include <glib.h>
#include <stdbool.h>

struct driver;

/* libvirt's numbers. */
enum domain_state {
    DOMAIN_NOSTATE,
    DOMAIN_RUNNING,
    DOMAIN_BLOCKED,
    DOMAIN_PAUSED,
    DOMAIN_SHUTDOWN,
    DOMAIN_SHUTOFF,
    DOMAIN_CRASHED,
    DOMAIN_PMSUSPENDED,
};

/* Reasons, a list for each state; libvirt's numbers. */
enum {
    RUNNING_UNKNOWN,
    RUNNING_BOOTED,
    RUNNING_MIGRATED,
    RUNNING_RESTORED,
    RUNNING_FROM_SNAPSHOT,
    RUNNING_UNPAUSED,
    RUNNING_MIGRATION_CANCELED,
    RUNNING_SAVE_CANCELED,
    RUNNING_WAKEUP,
    RUNNING_CRASHED,
    RUNNING_POSTCOPY,
};
enum {
    PAUSED_UNKNOWN,
    PAUSED_USER,
    PAUSED_MIGRATION,
    PAUSED_SAVE,
    PAUSED_DUMP,
    PAUSED_IOERROR,
    PAUSED_WATCHDOG,
    PAUSED_FROM_SNAPSHOT,
    PAUSED_SHUTTING_DOWN,
    PAUSED_SNAPSHOT,
    PAUSED_CRASHED,
    PAUSED_STARTING_UP,
    PAUSED_POSTCOPY,
};
enum { SHUTDOWN_UNKNOWN, SHUTDOWN_USER };
enum {
    SHUTOFF_UNKNOWN,
    SHUTOFF_SHUTDOWN,
    SHUTOFF_DESTROYED,
    SHUTOFF_CRASHED,
    SHUTOFF_MIGRATED,
    SHUTOFF_SAVED,
    SHUTOFF_FAILED,
    SHUTOFF_FROM_SNAPSHOT,
    SHUTOFF_DAEMON,
};
enum { CRASHED_UNKNOWN, CRASHED_PANICKED };

/* What may run beside what: a job excludes all others, but queries go beside async ones. */
enum job_kind {
    JOB_NONE,
    JOB_QUERY,
    JOB_MODIFY,
    JOB_DESTROY,
    JOB_AGENT,
    JOB_ASYNC, /* save, snapshot, ...: others as its mask says */
};

struct domain {
    struct object object;        /* first */
    struct domain_def *def;      /* in force; also the inactive one while next_def is NULL */
    struct domain_def *next_def; /* the persistent one of a running domain; NULL: as def */
    int id;                      /* -1 while not active */
    enum domain_state state;
    int reason;
    bool updated;                          /* changed since it was started */
    bool saved;                            /* there is a managed save image */
    struct moments *moments[MOMENT_KINDS]; /* never NULL */
    enum job_kind job;
    unsigned job_allows; /* of JOB_ASYNC: mask of 1 << job_kind that may run beside */
    enum job_kind beside;
    GCond job_done;
    void *private; /* the driver's */
    void (*private_free)(void *private);
    void *kept; /* the driver's, of more than one run */
    void (*kept_free)(void *kept);
};

/* Referenced once, shut off, not in a table; takes the definition. */
struct domain *domain_new(struct host *host, struct domain_def *def);
/* The definition that takes effect at the next start (never NULL). */
struct domain_def *domain_inactive_def(struct domain *domain);
/* A definition to change, apart from the one in force: makes next_def of a running domain. */
struct domain_def *domain_config_def(struct domain *domain);

/*
 * The one way a state changes, for what a driver did and for what a hypervisor reports alike: sets
 * it, counts the generation, gives or takes the id, and sends the event that (old, new, reason)
 * maps to. The caller holds the lock.
 */
void machine_became(struct domain *domain, enum domain_state state, int reason);

/*
 * Begins a job; waits at most 30 seconds, without the lock, for one that excludes it. False with
 * code 68 when time is up, or with code 42 when the domain went away meanwhile.
 */
bool domain_job_begin(struct domain *domain, enum job_kind kind, GError **error);
void domain_job_end(struct domain *domain, enum job_kind kind);

static inline bool domain_is_active(const struct domain *domain)
{
    return domain->id >= 0;
}

static inline struct domain *domain_of(struct object *object)
{
    return (struct domain *)object;
}

/* Does it pass the filter of connect_list_all_domains? */
bool domain_matches(const struct domain *domain, unsigned filter);

/* Code 55 in libvirt's words when it is not active. */
bool domain_check_active(const struct domain *domain, GError **error);

#endif
