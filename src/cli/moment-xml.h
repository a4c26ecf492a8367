/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Definitions from the options of snapshot-create-as and checkpoint-create-as. One thread. */
#ifndef VIV_CLI_MOMENT_XML_H
#define VIV_CLI_MOMENT_XML_H

#include "cli/cli.h"

/* To be freed; NULL with a message. */
char *moment_xml_snapshot(struct cli *cli, const struct arguments *args);
char *moment_xml_checkpoint(struct cli *cli, const struct arguments *args);

#endif
