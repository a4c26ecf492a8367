/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vivd.conf: "key = value" lines, '#' comments, described by one table of rows from which the
 * commented file and the manual are made. Any thread; no global state.
 */
#ifndef VIV_MANAGE_DAEMON_CONFIG_H
#define VIV_MANAGE_DAEMON_CONFIG_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config {
    char *socket_group;           /* who may change machines beside root; system daemon only */
    bool libvirt_sockets;         /* listen where libvirt's clients look, too */
    uint32_t max_clients;         /* connected at a time */
    uint32_t max_client_requests; /* calls of one client before its next are read */
    uint32_t max_workers;         /* calls served at a time */
    uint32_t prio_workers;        /* beside them, for calls that never wait for a machine */
    uint32_t call_poll;           /* microseconds to look for the next call before sleeping */
    uint32_t keepalive_interval;  /* seconds of silence before a client is asked; 0: never */
    uint32_t keepalive_count;     /* questions without an answer before it is disconnected */
    uint32_t timeout;             /* seconds without a client before the daemon ends; 0: never */
};

/* Longest file that is read. */
#define CONFIG_MAX_BYTES 65536

void config_defaults(struct config *config);
void config_clear(struct config *config);
/*
 * Sets what `text` says over what `config`, filled before, holds. An error names `name` (a path),
 * the line, the key and what would be accepted; `config` is then partly set.
 */
bool config_parse(struct config *config, const char *name, const char *text, size_t length,
                  GError **error);
/* The same with a file. Where it `may_lack`, no such file is no error. */
bool config_read(struct config *config, const char *path, bool may_lack, GError **error);
/* The file with every key, its meaning and, behind a '#', its default. The caller owns it. */
char *config_sample(void);

#endif
