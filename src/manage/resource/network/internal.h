/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the network resource share. */
#ifndef VIV_MANAGE_RESOURCE_NETWORK_INTERNAL_H
#define VIV_MANAGE_RESOURCE_NETWORK_INTERNAL_H

#include "manage/conf/network.h"
#include "manage/core/host.h"
#include "manage/core/network/leases.h"

#include <glib.h>
#include <stdbool.h>

/* host->resource_state[OBJECT_NETWORK]. Frozen, but for what says otherwise. */
struct networks {
    bool session;  /* of one user; else the system's */
    char *config;  /* folder of definitions, one file a UUID */
    char *runtime; /* folder of what runs: marks, and dnsmasq's files */
    char *leases;  /* folder of dnsmasq's leases, one file a UUID */
    gint last_tap; /* atomic: number of the last tap made; those of other daemons are skipped */
};

static inline struct networks *networks_of(struct host *host)
{
    return host->resource_state[OBJECT_NETWORK];
}

/* name.c */
/* Gives a definition the bridge and the address of it that it lacks; refuses another's bridge. No
 * lock held. */
bool name_complete(struct host *host, struct xml *def, const uint8_t uuid[UUID_BYTES],
                   GError **error);

/* run.c: of struct resource_ops; the object's lock is held. */
bool run_update(struct object *object, GError **error);
bool run_start(struct object *object, GError **error);
bool run_stop(struct object *object, GError **error);
/* Its leases in force, as struct network_ops wants them. */
GPtrArray *run_leases(struct object *object);
/* False with code 1 when an interface of this host leads to addresses of the network. */
bool run_has_room(const struct network *net, GError **error);
/* Finds the networks again that run since before this process. Nobody has the host yet. */
void run_find(struct host *host);

/* tap.c: of struct network_ops */
bool tap_plug(struct host *host, const struct network_want *want, struct network_plug *ret,
              GError **error);

/* tool.c */
/*
 * Runs a program of the system with this input (NULL: none) and waits. False with the program's own
 * words, or, when it is not installed, with the package that has it.
 */
bool tool_run(const char *const *argv, const char *package, const char *input, char **ret_output,
              GError **error);

/* dnsmasq.c */
/* What a network's dnsmasq reads, each to be freed. */
struct dnsmasq_files {
    char *config, *hosts, *names;
};
void dnsmasq_files_clear(struct dnsmasq_files *files);
/* Where they are. */
struct dnsmasq_paths {
    const char *base;   /* what comes before ".conf", ".pid" and the like */
    const char *leases; /* file */
    const char *user;   /* as whom it runs; NULL: its own choice */
};
/* Pure. False with code 67 where a name would mean something else to dnsmasq. */
bool dnsmasq_format(const struct xml *def, const struct network *net,
                    const struct dnsmasq_paths *paths, struct dnsmasq_files *ret, GError **error);
/* Does the network need one? */
bool dnsmasq_wanted(const struct xml *def, const struct network *net);
/* Writes its files and starts it unless it runs; `again`: ends one that runs first. */
bool dnsmasq_start(const struct xml *def, const struct network *net,
                   const struct dnsmasq_paths *paths, bool again, GError **error);
/* Ends it and removes its files; the leases stay. */
void dnsmasq_stop(const char *base);

/* firewall.c */
/* The table of a network's own: made, or made anew. */
bool firewall_start(const struct xml *def, const struct network *net, GError **error);
/* Nothing of it stays; what is not there does not matter. */
void firewall_stop(const struct network *net);
/* foreign.c: tables of others. Lets the network through Docker's, and tells on stderr what to do
 * about others that drop what is forwarded; takes back what it did. */
void foreign_open(const char *name, const char *bridge);
void foreign_close(const char *bridge);

#endif
