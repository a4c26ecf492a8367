/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What commands ask of the QMP session they came through. */
#ifndef VIV_MACHINE_MONITOR_QMP_SESSION_H
#define VIV_MACHINE_MONITOR_QMP_SESSION_H

#include <json-c/json.h>
#include <stdbool.h>

struct qmp_session;

/* Capabilities are negotiated: commands and events from now on. */
void qmp_session_ready(struct qmp_session *s);
bool qmp_session_is_ready(const struct qmp_session *s);
/* A descriptor that came with the command, or -1. Caller owns. */
int qmp_session_take_fd(struct qmp_session *s);
/* query-version's reply. */
json_object *qmp_version(void);

#endif
