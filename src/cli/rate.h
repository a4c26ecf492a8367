/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bandwidth as options give it: "average,peak,burst,floor". One thread. */
#ifndef VIV_CLI_RATE_H
#define VIV_CLI_RATE_H

#include "cli/cli.h"

enum { RATE_AVERAGE, RATE_PEAK, RATE_BURST, RATE_FLOOR, RATE_FIELDS };

/* The fields of the option "inbound" or "outbound", 0 where one is not given. False with a message.
 */
bool rate_parse(struct cli *cli, const struct arguments *args, const char *direction,
                uint64_t ret_values[RATE_FIELDS]);

#endif
