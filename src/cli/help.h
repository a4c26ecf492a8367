/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Help texts from the rows of commands. One thread. */
#ifndef VIV_CLI_HELP_H
#define VIV_CLI_HELP_H

#include "cli/command.h"

/* All groups with their commands; those that are not built are said to be. */
void help_groups(void);
/* The commands of one group; false: there is no such group. */
bool help_group(const char *word);
/* NAME, SYNOPSIS, DESCRIPTION and OPTIONS of one command. */
void help_command(const struct command_row *command);

#endif
