/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a connection is to: one driver's instance with its objects. */
#ifndef VIV_MANAGE_CORE_HOST_H
#define VIV_MANAGE_CORE_HOST_H

#include "manage/core/event.h"
#include "manage/core/object.h"

#include <glib.h>
#include <stdbool.h>

struct driver;
struct domain;

/*
 * What makes networks, pools and the like real, per kind; NULL members do nothing. Called with the
 * object's lock held; filled in by the daemon from manage/resource.
 */
struct resource_ops {
    /* Makes a definition whole; refuses one that clashes with another object's. No lock held. */
    bool (*complete)(struct host *host, struct xml *def, const uint8_t uuid[UUID_BYTES],
                     GError **error);
    /* Of persistent ones: kept, with this definition and its autostart, and durable; and gone. */
    bool (*store)(struct object *object, const struct xml *def, GError **error);
    bool (*drop)(struct object *object, GError **error);
    bool (*start)(struct object *object, GError **error);
    bool (*stop)(struct object *object, GError **error);
    bool (*refresh)(struct object *object, GError **error);
    /* Frees host->resource_state of its kind; the objects are gone. */
    void (*close)(struct host *host);
};

struct network_ops;
struct pool_ops;
struct secret_ops;

struct host {
    gatomicrefcount refs;
    const struct driver *driver;                       /* frozen */
    char *uri;                                         /* frozen: what connect_get_uri says */
    struct objects *objects[OBJECT_KINDS];             /* frozen */
    struct event_hub *events;                          /* frozen */
    const struct resource_ops *resource[OBJECT_KINDS]; /* frozen; NULL: nothing is real */
    void *resource_state[OBJECT_KINDS];                /* its ops' */
    const struct pool_ops *pools;                      /* frozen; NULL: volumes are not real */
    const struct network_ops *networks;                /* frozen; NULL: networks are not real */
    const struct secret_ops *secrets;                  /* frozen; NULL: secrets are not real */
    gint last_id;                                      /* atomic: of a domain */
    void *state;                                       /* the driver's; freed by its close */
};

/* Referenced once, empty. */
struct host *host_new(const struct driver *driver, const char *uri);
struct host *host_ref(struct host *host);
/* The last one calls the driver's close. */
void host_unref(struct host *host);
int host_next_id(struct host *host);
/* The domain with that id, referenced and locked, or NULL. */
struct domain *host_find_id(struct host *host, int id);

#endif
