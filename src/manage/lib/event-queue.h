/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Events that wait to be taken, behind a descriptor that is readable as long as there are any. */
#ifndef VIV_MANAGE_LIB_EVENT_QUEUE_H
#define VIV_MANAGE_LIB_EVENT_QUEUE_H

#include "manage/proc/proc.h"

#include <glib.h>
#include <viv/event.h>

struct event_queue;

struct event_queue *event_queue_new(void);
void event_queue_free(struct event_queue *queue);
/*
 * Adds an event of the wire; a kind that viv/event.h has no name for is dropped. A NULL `proc` is
 * the end of the connection. Any thread. A reader that takes none loses the newest beyond a limit.
 */
void event_queue_add(struct event_queue *queue, const struct proc *proc, GVariant *body);

/* The queue of a connection. */
struct event_queue *lib_connection_events(struct viv_connection *connection);

#endif
