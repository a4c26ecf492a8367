/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Definitions of devices from the options of attach-disk and attach-interface. One thread. */
#ifndef VIV_CLI_DEVICE_XML_H
#define VIV_CLI_DEVICE_XML_H

#include "cli/cli.h"

/* To be freed; NULL with a message. */
char *device_xml_disk(struct cli *cli, const struct arguments *args);
char *device_xml_interface(struct cli *cli, const struct arguments *args);

#endif
