/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a guest can be reached. One thread. */
#ifndef VIV_CLI_OWN_ADDRESS_H
#define VIV_CLI_OWN_ADDRESS_H

#include "cli/cli.h"
#include "cli/command.h"

/* What --address says, else the best that the domain's leases, its agent or the host's neighbours
 * tell (--source: only that one). A number, no name. NULL with a message; to be freed. */
char *address_find(struct cli *cli, const struct arguments *args, struct viv_object *domain);

#endif
