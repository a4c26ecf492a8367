/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events as virsh words them, and as JSON. One thread. */
#ifndef VIV_CLI_EVENT_TEXT_H
#define VIV_CLI_EVENT_TEXT_H

#include "cli/json.h"

#include <viv/event.h>

/* Without an end of line; to be freed. */
char *event_text(const struct viv_event *event);
/* The caller's. */
struct json_object *event_json(const struct viv_event *event);

#endif
