/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the QMP driver share. */
#ifndef VIV_MANAGE_DRIVER_QMP_INTERNAL_H
#define VIV_MANAGE_DRIVER_QMP_INTERNAL_H

#include "manage/core/driver.h"
#include "manage/driver/qmp/emulator.h"
#include "manage/driver/qmp/monitor.h"
#include "manage/driver/qmp/process/process.h"
#include "manage/driver/qmp/save/job.h"

#include <glib.h>
#include <stdbool.h>

/* host->state. Frozen, but for what says otherwise. */
struct qmp_host {
    bool session;    /* of one user; else the system's */
    char *config;    /* folder of definitions, one file a UUID */
    char *runtime;   /* folder of runs, one folder a UUID */
    char *logs;      /* folder of emulators' own words, one file a UUID */
    char *cache;     /* folder of what emulators have, one file each; made when need be */
    char *nvram;     /* folder of NVRAM, one file a UUID; made when need be */
    char *snapshots; /* what tells of snapshots: a folder a domain, named by its UUID */
    char *save;      /* folder of managed save images, the same */
    GMainContext *context;
    GMainLoop *loop;
    GThread *thread;    /* monitors' events */
    GThreadPool *work;  /* what an event asks for: struct qmp_task */
    gint closing;       /* atomic: the host goes; who waits for a machine gives up */
    GPtrArray *finders; /* the opener's, then the closer's: GThread * that look for machines */
    GMutex lock;        /* held while an emulator is asked: never taken under a domain's lock */
    GMutex runs_lock;   /* a leaf */
    GHashTable *probes; /* lock: emulator path -> what it has */
    GPtrArray *runs;    /* runs_lock: struct qmp_run *, those that are some domain's */
};

/* domain->private of an active domain. */
struct qmp_run {
    gatomicrefcount refs;    /* the domain's and the monitor's */
    struct domain *domain;   /* a reference to its object; frozen */
    struct monitor *monitor; /* the domain's lock */
    int pidfd;               /* frozen */
    int pid;                 /* frozen */
    char *folder;            /* frozen: what we keep of this run */
    char *own;               /* frozen: what the machine makes: its sockets, pictures */
    bool rebooting;          /* lock: a shutdown is the first half of a reboot */
    struct stream *console;  /* lock: the client\'s, or NULL */
    int ends_as;             /* lock: reason of the state that follows; -1: as events said */
    struct job job;          /* lock: the long one */
    unsigned job_events;     /* lock: how many its block jobs sent */
    GPtrArray *blockjobs;    /* lock: struct blockjob *; or NULL */
    GPtrArray *unused;       /* lock: aliases of devices that went, whose rest is to go; or NULL */
};

/* probe.c */
void qmp_probe_init(struct qmp_host *state);
void qmp_probe_fini(struct qmp_host *state);
/* What the emulator of that path has, asked or remembered; a reference. NULL with code 38 or 1. May
 * wait for it. */
struct emulator *qmp_emulator(struct qmp_host *state, const char *path, GError **error);
/* Path of the usual emulator of an architecture in libvirt's words, or NULL; to be freed. */
char *qmp_emulator_path(const char *arch);
/* Where the NVRAM of a domain is unless it says; also in *path, to be freed. */
const char *qmp_nvram_path(struct qmp_host *state, const uint8_t uuid[UUID_BYTES], char **path);
/* A definition as its emulator makes it: conf's hardware_complete. May wait for the emulator. */
bool qmp_complete(struct host *host, struct domain_def *def, GError **error);

/* store.c: durable before it returns; false with code 38. */
extern const struct driver_store qmp_store;
/* Fills a host with the domains of its folder; what cannot be read is named on stderr. */
void qmp_store_load(struct host *host);

/* machine.c */
extern const struct driver_life qmp_life;
/* A run of a process (its pidfd is taken), with its folder, taken; one reference. */
struct qmp_run *qmp_run_new(struct domain *domain, const struct process *process, char *folder);
/* Connects its monitor, waiting for its socket. With the lock held, given up meanwhile. */
bool qmp_connect(struct domain *domain, struct qmp_run *run, unsigned seconds, GError **error);
/* Runs a command without the domain's lock, which is held before and after; takes `arguments`;
 * *ret_value (NULL: not wanted) is owned. False also when the machine ended meanwhile. */
bool qmp_command(struct domain *domain, const char *name, json_object *arguments,
                 json_object **ret_value, GError **error);
/* A client's own message, taken, and the whole reply to it. */
bool qmp_message(struct domain *domain, json_object *message, json_object **ret_reply,
                 GError **error);
/* Gives the machine a copy of a descriptor, as "fd:NAME" in the next command; likewise. */
bool qmp_give_fd(struct domain *domain, const char *name, int fd, GError **error);
/* How a machine starts. */
struct qmp_start {
    bool paused;       /* and stays so */
    bool has_state;    /* it goes on from what state_fd has */
    int state_fd;      /* borrowed */
    int running;       /* reason of what it becomes; 0: as usual */
    int paused_reason; /* the same */
    /* Done with the machine before it runs; or NULL. */
    bool (*prepare)(struct domain *domain, const void *opaque, GError **error);
    const void *opaque;
};
/* Starts a shut-off domain by its definition in force. False: nothing runs. */
bool qmp_start(struct domain *domain, const struct qmp_start *how, GError **error);
/* Writes what a later daemon finds the machine by: its definition, as it runs. */
bool qmp_write_mark(struct domain *domain, GError **error);
/* The run of a domain, or NULL; borrowed under the domain's lock. */
static inline struct qmp_run *qmp_run_of(struct domain *domain)
{
    return domain->private;
}
/* reconnect.c */
/*
 * Finds the machines again that run since before this process. One that does not answer soon goes
 * on being looked for, with its domain's job held, until it answers or is gone.
 */
void qmp_reconnect(struct host *host);
/* Ends the search; the host's state says that it is closing. */
void qmp_reconnect_end(struct qmp_host *state);

/* event.c: callbacks of a monitor; `opaque` is a struct qmp_run. */
extern const struct monitor_user qmp_monitor_user;
/* event-guest.c: events of a run, with its domain's lock: a channel's port, the clock, viewers. */
enum { VIEWER_CONNECTED, VIEWER_READY, VIEWER_GONE }; /* libvirt's phases */
void qmp_on_port(struct qmp_run *run, json_object *data);
void qmp_on_clock(struct qmp_run *run, json_object *data);
void qmp_on_viewer(struct qmp_run *run, json_object *data, int phase);
/* Does on a worker what an event asked for; takes the host's loop from waiting. */
struct qmp_task {
    void (*run)(struct qmp_run *run);
    struct qmp_run *target; /* a reference */
};
void qmp_task_run(gpointer task, gpointer state);
void qmp_later(struct qmp_run *run, void (*what)(struct qmp_run *run));
struct qmp_run *qmp_run_ref(struct qmp_run *run);
/* Makes it its domain's run, and makes it that no longer (its monitor is closed). The domain's
 * lock is held, or nobody else has the domain. */
void qmp_attach(struct qmp_run *run);
void qmp_detach(struct qmp_run *run);
void qmp_run_unref(void *run);
/* The machine is no more: state, folder, transient definition. With the lock held; idempotent. */
void qmp_ended(struct qmp_run *run, int reason);
/* Ends the process, politely and then not; waits without the lock. */
void qmp_kill(struct qmp_run *run);

/* stats-all.c */
extern const struct driver_stats qmp_stats;

/* stats-calls.c: rows' handlers */
bool qmp_domain_block_stats(struct call *call, GError **error);
bool qmp_domain_block_stats_flags(struct call *call, GError **error);
bool qmp_domain_get_block_info(struct call *call, GError **error);
bool qmp_domain_interface_stats(struct call *call, GError **error);
bool qmp_domain_memory_stats(struct call *call, GError **error);
bool qmp_domain_get_vcpus(struct call *call, GError **error);
bool qmp_domain_get_cpu_stats(struct call *call, GError **error);
bool qmp_domain_get_control_info(struct call *call, GError **error);
bool qmp_domain_get_disk_errors(struct call *call, GError **error);
bool qmp_domain_get_messages(struct call *call, GError **error);

/* device/hotplug.c: a number that no node of the machine has; the two nodes of a format's go. */
bool qmp_free_node(struct domain *domain, unsigned *ret, GError **error);
void qmp_drop_nodes(struct domain *domain, const char *format);
/* device/hotplug.c: of disks */
extern const struct driver_device qmp_device;
/* The guest let go of a device: out of the definition, its nodes closed. With the lock. */
void qmp_device_deleted(struct qmp_run *run, const char *id);

/* control.c, device/screenshot.c: rows' handlers, and one of qmp_life */
bool qmp_domain_send_key(struct call *call, GError **error);
bool qmp_domain_inject_nmi(struct call *call, GError **error);
bool qmp_domain_block_resize(struct call *call, GError **error);
bool qmp_domain_monitor_command(struct call *call, GError **error);
bool qmp_domain_screenshot(struct call *call, GError **error);
bool qmp_set_memory(struct domain *domain, uint64_t kib, GError **error);

/* device/address.c: a row's handler */
bool qmp_domain_interface_addresses(struct call *call, GError **error);

/* graphics.c: a port that is free now, after those that *opaque (unsigned) tells of; 0: none. */
unsigned qmp_graphics_port(void *opaque);
/* Writes the ports that a machine listens on into its definition. With the lock, given up. */
bool qmp_fill_graphics(struct domain *domain, GError **error);

/* open-graphics.c: rows' handlers: a client's own connection to a screen, with its descriptor or
 * with ours. */
bool qmp_domain_open_graphics(struct call *call, GError **error);
bool qmp_domain_open_graphics_fd(struct call *call, GError **error);

/* console.c */
extern const struct driver_console qmp_console;

/* node.c, capabilities.c, domain-capabilities.c: rows' handlers */
bool qmp_node_get_info(struct call *call, GError **error);
bool qmp_node_get_cpu_map(struct call *call, GError **error);
bool qmp_node_get_cpu_stats(struct call *call, GError **error);
bool qmp_node_get_memory_stats(struct call *call, GError **error);
bool qmp_node_get_free_memory(struct call *call, GError **error);
bool qmp_node_get_cells_free_memory(struct call *call, GError **error);
bool qmp_node_get_free_pages(struct call *call, GError **error);
bool qmp_node_get_memory_parameters(struct call *call, GError **error);
bool qmp_node_get_security_model(struct call *call, GError **error);
bool qmp_domain_get_security_label(struct call *call, GError **error);
bool qmp_get_sysinfo(struct call *call, GError **error);
bool qmp_get_version(struct call *call, GError **error);
bool qmp_get_max_vcpus(struct call *call, GError **error);
bool qmp_get_capabilities(struct call *call, GError **error);
bool qmp_get_domain_capabilities(struct call *call, GError **error);

/* cpu/calls.c */
bool qmp_compare_hypervisor_cpu(struct call *call, GError **error);
bool qmp_baseline_hypervisor_cpu(struct call *call, GError **error);

/* procs.c */
extern const struct driver_proc qmp_procs[PROC_COUNT];

#endif
