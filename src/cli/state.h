/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words for a domain's state and why it is so. Any thread. */
#ifndef VIV_CLI_STATE_H
#define VIV_CLI_STATE_H

#include <viv/domain.h>

const char *state_name(enum viv_state state);
const char *state_reason(enum viv_state state, int reason);

#endif
