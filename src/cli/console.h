/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest's console on the terminal of viv. One thread. */
#ifndef VIV_CLI_CONSOLE_H
#define VIV_CLI_CONSOLE_H

#include "cli/cli.h"

/* Until the user types ^], the guest ends or the console is taken away. `device` NULL: the first;
 * `flags` of enum viv_console_flags. False with a message. */
bool console_show(struct cli *cli, struct viv_object *domain, const char *device, unsigned flags);
/* The same of one that is paused: it goes on when its first console is there, none of its output
 * is lost. */
bool console_show_start(struct cli *cli, struct viv_object *domain);

#endif
