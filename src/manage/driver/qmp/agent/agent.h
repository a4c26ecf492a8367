/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The guest's agent (QEMU 7.2, docs/interop/qemu-ga-ref): one command at a time through its
 * channel's socket. What it says is bounded in size and time. With the domain's lock, given up.
 */
#ifndef VIV_MANAGE_DRIVER_QMP_AGENT_AGENT_H
#define VIV_MANAGE_DRIVER_QMP_AGENT_AGENT_H

#include "manage/core/call.h"

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>

#define AGENT_SECONDS 5 /* an answer's, unless the caller says */

/*
 * Runs a command; takes `arguments` (NULL: none). Its "return" in *ret_value (NULL: not wanted),
 * owned. Code 74 without a channel, 86 when nobody answers, 1 when the agent refuses.
 */
bool agent_command(struct domain *domain, const char *name, json_object *arguments,
                   json_object **ret_value, GError **error);
/* The same without arguments; a command that the agent does not know is no failure: NULL. */
bool agent_try(struct domain *domain, const char *name, json_object **ret_value, GError **error);
/* Has the guest its agent's port open? */
bool agent_is_open(struct domain *domain);
/* Asks the guest to go down: no answer is waited for, none comes. `mode`: "powerdown", "reboot". */
bool agent_shutdown(struct domain *domain, const char *mode, GError **error);

/* calls.c: rows' handlers */
bool agent_qemu_command(struct call *call, GError **error);
bool agent_get_hostname(struct call *call, GError **error);
bool agent_get_time(struct call *call, GError **error);
bool agent_set_time(struct call *call, GError **error);
bool agent_freeze(struct call *call, GError **error);
bool agent_thaw(struct call *call, GError **error);
bool agent_trim(struct call *call, GError **error);
bool agent_set_password(struct call *call, GError **error);
bool agent_get_fsinfo(struct call *call, GError **error);
/* The domain's own name for a disk that the agent knows by its place; NULL: no such. Borrowed. */
const char *agent_disk_name(const struct domain *domain, json_object *disk);
/* info.c: what it knows of its guest, as typed parameters */
bool agent_get_guest_info(struct call *call, GError **error);
/* guest.c: the guest's vCPUs, and who may log in by a key */
bool agent_get_vcpus(struct call *call, GError **error);
bool agent_set_vcpus(struct call *call, GError **error);
bool agent_get_keys(struct call *call, GError **error);
bool agent_set_keys(struct call *call, GError **error);
/* A client's own message and the agent's reply to it. Takes the message. */
bool agent_message(struct domain *domain, json_object *message, int seconds,
                   json_object **ret_reply, GError **error);

#endif
