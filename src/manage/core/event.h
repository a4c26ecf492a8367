/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Events: who registered for what, and sending. Any thread; may be called under objects' locks. */
#ifndef VIV_MANAGE_CORE_EVENT_H
#define VIV_MANAGE_CORE_EVENT_H

#include "manage/core/object.h"
#include "manage/proc/proc.h"

#include <glib.h>
#include <stdbool.h>

struct event_hub;
struct connection;
struct domain;

/* libvirt's numbers of domain events, as far as we send them. */
enum event_domain {
    EVENT_LIFECYCLE = 0,
    EVENT_REBOOT = 1,
    EVENT_RTC_CHANGE = 2,
    EVENT_WATCHDOG = 3,
    EVENT_IO_ERROR = 4,
    EVENT_GRAPHICS = 5,
    EVENT_BLOCK_JOB = 8,
    EVENT_BALLOON = 13,
    EVENT_DEVICE_REMOVED = 15,
    EVENT_BLOCK_JOB_2 = 16,
    EVENT_TUNABLE = 17,
    EVENT_AGENT = 18,
    EVENT_DEVICE_ADDED = 19,
    EVENT_JOB_COMPLETED = 21,
    EVENT_METADATA = 23,
};

enum event_lifecycle {
    LIFECYCLE_DEFINED,
    LIFECYCLE_UNDEFINED,
    LIFECYCLE_STARTED,
    LIFECYCLE_SUSPENDED,
    LIFECYCLE_RESUMED,
    LIFECYCLE_STOPPED,
    LIFECYCLE_SHUTDOWN,
    LIFECYCLE_PMSUSPENDED,
    LIFECYCLE_CRASHED,
};

struct event_hub *event_hub_new(void);
void event_hub_free(struct event_hub *hub);

/*
 * The id of a new registration of this connection; -1 when its event is none. Only events of the
 * object called `filter` (its UUID, or its name where the kind has none) unless NULL.
 */
int event_register(struct event_hub *hub, struct connection *conn, enum object_kind kind, int event,
                   const char *filter);
bool event_deregister(struct event_hub *hub, struct connection *conn, enum object_kind kind,
                      int id);
/* Forgets all of a connection's. */
void event_forget(struct event_hub *hub, struct connection *conn);

/*
 * Sends the event about an object to all who registered. `rest` is what follows the callback id
 * in the procedure's layout, a tuple (floating is taken). The caller holds the object's lock.
 */
void event_send(struct object *object, int event, GVariant *rest);
void event_lifecycle(struct domain *domain, enum event_lifecycle event, int detail);
/* Networks, pools, node devices, secrets: started, stopped and so on in each kind's numbers. */
void event_object(struct object *object, int event, int detail);

#endif
