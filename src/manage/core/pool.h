/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A storage pool and its volumes. Fields under the pool's lock. */
#ifndef VIV_MANAGE_CORE_POOL_H
#define VIV_MANAGE_CORE_POOL_H

#include "manage/core/object.h"

#include <glib.h>
#include <stdint.h>

struct volume {
    char *name, *key, *path;
    struct xml *def; /* <volume>, normal form */
};

struct pool {
    struct object object;                     /* first */
    uint64_t capacity, allocation, available; /* bytes */
    GPtrArray *volumes;                       /* struct volume, owned */
};

/* Referenced once, in no table; takes the definition. */
struct pool *pool_new(struct host *host, const char *name, const uint8_t uuid[UUID_BYTES],
                      struct xml *def);
struct volume *pool_find(struct pool *pool, const char *name);
/* Adds a volume of this definition (taken) with its path below the pool's, which is its key too. */
struct volume *pool_add(struct pool *pool, struct xml *def);
/* Removes it from the pool and frees it. */
void pool_remove(struct pool *pool, struct volume *volume);
/* The figures of a definition, in bytes. */
uint64_t volume_capacity(const struct volume *volume);
uint64_t volume_allocation(const struct volume *volume);
/* (sss): pool, name, key; floating. */
GVariant *volume_pack(const struct pool *pool, const struct volume *volume);

static inline struct pool *pool_of(struct object *object)
{
    return (struct pool *)object;
}

#endif
