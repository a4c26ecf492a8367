/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events of a connection, for any event loop: a descriptor becomes readable, viv_next_event takes
 * what there is. Any thread; an event belongs to one.
 */
#ifndef VIV_EVENT_H
#define VIV_EVENT_H

#include "viv/object.h"
#include "viv/params.h"

#ifdef __cplusplus
extern "C" {
#endif

struct viv_event;

/* libvirt's numbers of the kinds of domain events; viv_event_word names them all. */
enum viv_event_kind {
    VIV_EVENT_LIFECYCLE = 0, /* numbers: event, detail */
    VIV_EVENT_REBOOT = 1,
    VIV_EVENT_CLOSED = 1000, /* the connection is lost; no domain */
};

/* Asks for events of a kind, of every domain. 0, or -1 on failure. */
int viv_watch(struct viv_connection *connection, enum viv_event_kind kind,
              struct viv_error **ret_error);
/*
 * Asks for events of one kind of objects by libvirt's number, of `only` one of them or of all
 * (NULL). The number to give it up by, or -1 on failure.
 */
int viv_watch_kind(struct viv_connection *connection, enum viv_kind kind, int event,
                   struct viv_object *only, struct viv_error **ret_error);
int viv_unwatch(struct viv_connection *connection, enum viv_kind kind, int watch,
                struct viv_error **ret_error);
/* libvirt's word for an event ("lifecycle"), constant; NULL: there is none of that number. */
const char *viv_event_word(enum viv_kind kind, int event);
/* Readable while events wait; owned by the connection; to poll only. */
int viv_event_fd(struct viv_connection *connection);
/* The oldest event that waits, to be freed by viv_event_free, or NULL. Never blocks. */
struct viv_event *viv_next_event(struct viv_connection *connection);
void viv_event_free(struct viv_event *event);

enum viv_event_kind viv_event_kind(const struct viv_event *event);
/* Name of the domain, owned by the event; NULL where there is none. */
const char *viv_event_domain(const struct viv_event *event);
/* The kind's numbers, in the order of the list above; 0 for one that it does not have. */
int viv_event_number(const struct viv_event *event, unsigned n);

/* What it is about: the kind of object, its name (as viv_event_domain), and all that it tells as
 * named values, owned by the event. */
enum viv_kind viv_event_about(const struct viv_event *event);
const char *viv_event_name(const struct viv_event *event);
const struct viv_param *viv_event_params(const struct viv_event *event);

#ifdef __cplusplus
}
#endif

#endif
