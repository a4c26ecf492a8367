/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A secret: a definition, and a value that only who may know it is told. */
#ifndef VIV_MANAGE_CORE_SECRET_SECRET_H
#define VIV_MANAGE_CORE_SECRET_SECRET_H

#include "manage/core/object.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECRET_MAX 65536 /* bytes of a value, of libvirt's protocol */

/* Named by its UUID's text, always active. Fields under the object's lock. */
struct secret {
    struct object object; /* first */
    uint8_t *value;       /* NULL: none */
    size_t length;
};

/* What makes values outlive the daemon, beside struct resource_ops. With the secret's lock held. */
struct secret_ops {
    /* Kept, and durable; not in clear. False: nothing changed. */
    bool (*store_value)(struct object *object, const uint8_t *value, size_t length, GError **error);
    /* Nothing of the value stays outside memory. */
    bool (*drop_value)(struct object *object, GError **error);
};

/* Referenced once, in no table; takes the definition. */
struct secret *secret_new(struct host *host, const uint8_t uuid[UUID_BYTES], struct xml *def);
/* A copy of these bytes; those it had are wiped. NULL: it has none then. */
void secret_set(struct secret *secret, const uint8_t *value, size_t length);
/* Overwrites and frees. */
void secret_wipe(uint8_t *value, size_t length);

static inline struct secret *secret_of(struct object *object)
{
    return (struct secret *)object;
}

#endif
