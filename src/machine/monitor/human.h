/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands of the human monitor as rows. */
#ifndef VIV_MACHINE_MONITOR_HUMAN_H
#define VIV_MACHINE_MONITOR_HUMAN_H

#include "machine/monitor/env.h"

struct human_call {
    const struct monitor_env *env;
    GString *out;
    const char *format; /* what follows '/' in "x/4xg", or NULL */
    char **argv;        /* words after the command */
    unsigned argc;
};

struct human_command {
    const char *name, *alias, *args, *help;
    void (*run)(const struct human_call *c);
};

/* Both end with a NULL name. */
extern const struct human_command human_commands[], human_infos[];

/* Runs a QMP command; its reply (new), or NULL after printing the error. Takes `args` (NULL: none).
 */
json_object *human_ask(const struct human_call *c, const char *name, json_object *args);
/* A member as text, "" if there is none. */
const char *human_text(json_object *o, const char *name);

/* human_memory.c */
void human_x(const struct human_call *c);
void human_xp(const struct human_call *c);
void human_print(const struct human_call *c);
void human_port_in(const struct human_call *c);
void human_port_out(const struct human_call *c);
void human_memsave(const struct human_call *c);
void human_pmemsave(const struct human_call *c);

/* "help" and "info", which need the tables. */
void human_help(const struct human_call *c);
void human_info(const struct human_call *c);

#endif
