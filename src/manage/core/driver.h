/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A hypervisor driver: constant tables. `life` is mandatory, the others are optional; a procedure
 * without a row, or whose row needs a table the driver lacks, is answered with code 3.
 *
 * Every function is called with the domain's lock held and its job begun. It may give the lock up
 * while it waits for the hypervisor (object_unlock, object_lock), then must look at `gone` and the
 * generation again; the job keeps others from changing the domain meanwhile.
 */
#ifndef VIV_MANAGE_CORE_DRIVER_H
#define VIV_MANAGE_CORE_DRIVER_H

#include "manage/conf/domain.h"
#include "manage/conf/fault.h"
#include "manage/core/call.h"
#include "manage/core/domain.h"
#include "manage/core/host.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * State changes are the driver's to report, by machine_became: at once when the function does
 * them, later when the hypervisor tells.
 */
struct driver_life {
    /* A shut-off domain starts; `flags` as domain_create_with_flags has them. */
    bool (*start)(struct domain *domain, unsigned flags, GError **error);
    bool (*destroy)(struct domain *domain, unsigned flags, GError **error);
    bool (*shutdown)(struct domain *domain, unsigned flags, GError **error);
    bool (*reboot)(struct domain *domain, unsigned flags, GError **error);
    bool (*reset)(struct domain *domain, GError **error);
    bool (*suspend)(struct domain *domain, GError **error);
    bool (*resume)(struct domain *domain, GError **error);
    /* New memory balloon target (KiB) and number of vCPUs of a running domain. */
    bool (*set_memory)(struct domain *domain, uint64_t kib, GError **error);
    bool memory_later; /* the guest gives it when it likes: the driver sets the definition's */
    bool (*set_vcpus)(struct domain *domain, unsigned n, GError **error);
};

/* Of a running domain; the core changes the definitions. `device` is an element of <devices>. */
struct driver_device {
    bool (*attach)(struct domain *domain, struct xml *device, GError **error);
    bool (*detach)(struct domain *domain, struct xml *device, GError **error);
    bool (*update)(struct domain *domain, struct xml *device, GError **error);
};

struct driver_save {
    /* To a file; `xml` unless NULL is a definition to be kept instead. */
    bool (*save)(struct domain *domain, const char *path, const char *xml, unsigned flags,
                 GError **error);
    /* The definition kept in an image, or NULL; and another in its place. No lock held. */
    struct domain_def *(*read)(struct host *host, const char *path, GError **error);
    bool (*write)(struct host *host, const char *path, const struct domain_def *def, unsigned flags,
                  GError **error);
    /* The domain has that definition already. */
    bool (*restore)(struct domain *domain, const char *path, unsigned flags, GError **error);
    /* Can what was saved go on under another definition? NULL: none may be given. */
    bool (*check)(const struct domain_def *saved, const struct domain_def *given, GError **error);
};

/* Snapshots and checkpoints; the core keeps the trees. A NULL function has nothing to do. */
struct driver_moment {
    bool (*create)(struct domain *domain, const struct moment_def *def, unsigned flags,
                   GError **error);
    bool (*remove)(struct domain *domain, const struct moment_def *def, GError **error);
    /* Of snapshots: stops a running domain that was asked to halt after one; goes back to one. */
    bool (*halt)(struct domain *domain, GError **error);
    bool (*revert)(struct domain *domain, const struct moment_def *def, unsigned flags,
                   GError **error);
    /* The domain's tree of snapshots changed: durable. */
    bool (*keep)(struct domain *domain, GError **error);
};

struct driver_stats {
    /* Nanoseconds of CPU time since the start. */
    bool (*cpu_time)(struct domain *domain, uint64_t *ret_ns, GError **error);
    /* Adds typed parameters for the groups in `stats` (libvirt's mask). Without `job`, which the
     * domain's being active alone does not mean, the hypervisor must not be asked. */
    bool (*all)(struct domain *domain, unsigned stats, bool job, GVariantBuilder *params,
                GError **error);
};

struct driver_console {
    /* A stream to a console or channel by its alias; NULL: the first. Sets call->stream. */
    bool (*open)(struct domain *domain, const char *device, unsigned flags, struct call *call,
                 GError **error);
    bool (*screenshot)(struct domain *domain, unsigned screen, struct call *call, GError **error);
    bool (*send_keys)(struct domain *domain, const uint32_t *codes, unsigned n, unsigned hold_ms,
                      GError **error);
};

struct driver_agent {
    /* One command of the guest's agent, JSON in and out; to be freed. */
    char *(*command)(struct domain *domain, const char *json, int timeout, GError **error);
};

/* Of persistent domains: done, and durable, before the reply. With the domain's lock held. */
struct driver_store {
    bool (*store)(struct domain *domain, GError **error);
    bool (*drop)(struct domain *domain, GError **error);
    /* The definition in force of a running domain changed. */
    bool (*note)(struct domain *domain, GError **error);
    /* What undefining takes along by its flags: may it go, and then it went. Both or none. */
    bool (*may_undefine)(struct domain *domain, unsigned flags, GError **error);
    void (*undefined)(struct domain *domain, unsigned flags);
};

/* A procedure of this driver. */
struct driver_proc {
    call_handler run;       /* NULL: not supported */
    uint32_t flags;         /* accepted in the argument `flags` */
    uint32_t job;           /* enum job_kind: begun on the target domain */
    bool active;            /* code 55 unless the target domain runs */
    const char *function;   /* named in "unsupported flags"; NULL: from the procedure's name */
    uint32_t refused_flags; /* on a read-only connection, code 29 */
};

struct driver {
    const char *name;   /* of the URI's scheme: "test" */
    const char *type;   /* what connect_get_type says: "TEST" */
    const char *prefix; /* of function names in libvirt's messages: "test" */
    enum fault_from from;
    uint64_t version; /* what connect_get_version says */
    const struct domain_rules *rules;
    const struct driver_proc *procs; /* [PROC_COUNT] */
    bool terse_lookup;               /* a name nobody has: no detail in the error's words */
    /* A new host for the URI (as connect_open sent it). */
    struct host *(*open)(const char *uri, GError **error);
    /* Whether all connections to that URI share one host, which goes with the last of them. */
    bool (*shared)(const char *uri);
    /* Called by the last host_unref while the objects are there yet; NULL: nothing to end. */
    void (*leave)(struct host *host);
    /* Then, without objects: frees host->state. */
    void (*close)(struct host *host);
    /* Makes a parsed definition whole as the hypervisor has it; NULL: it is. No lock held. */
    bool (*complete)(struct host *host, struct domain_def *def, GError **error);
    const struct driver_life *life;
    const struct driver_store *store;
    const struct driver_device *device;
    const struct driver_save *save;
    const struct driver_moment *moment;
    const struct driver_stats *stats;
    const struct driver_console *console;
    const struct driver_agent *agent;
};

#endif
