/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How an event reaches a connection; for event.c only. Any thread, with locks held. */
#ifndef VIV_MANAGE_CORE_CONNECTION_EVENT_H
#define VIV_MANAGE_CORE_CONNECTION_EVENT_H

#include "manage/proc/proc.h"

#include <glib.h>

struct connection;

/* The body is borrowed. */
void connection_event(struct connection *conn, const struct proc *proc, GVariant *body);

#endif
