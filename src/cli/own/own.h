/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands that virsh has not, one a file; each as command_run. */
#ifndef VIV_CLI_OWN_OWN_H
#define VIV_CLI_OWN_OWN_H

#include "cli/command.h"

bool own_diff(struct cli *cli, const struct arguments *args);
bool own_doctor(struct cli *cli, const struct arguments *args);
bool own_explain(struct cli *cli, const struct arguments *args);
bool own_forward(struct cli *cli, const struct arguments *args);
bool own_logs(struct cli *cli, const struct arguments *args);
bool own_rm(struct cli *cli, const struct arguments *args);
bool own_run(struct cli *cli, const struct arguments *args);
bool own_ssh(struct cli *cli, const struct arguments *args);
bool own_top(struct cli *cli, const struct arguments *args);

#endif
