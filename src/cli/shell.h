/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The interactive shell: lines with history and completion. One thread. */
#ifndef VIV_CLI_SHELL_H
#define VIV_CLI_SHELL_H

#include "cli/cli.h"

/* Reads and carries out lines until `quit` or the end of input; whether it connected. */
bool shell_run(struct cli *cli);
/* Prints the words that may stand where `word` does, behind `command` (NULL: a command). */
void shell_complete(const char *command, const char *word);

#endif
