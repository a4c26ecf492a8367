/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A storage pool and its volumes. Fields under the pool's lock. */
#ifndef VIV_MANAGE_CORE_STORAGE_POOL_H
#define VIV_MANAGE_CORE_STORAGE_POOL_H

#include "manage/core/object.h"

#include <glib.h>
#include <stdint.h>

struct stream;

struct volume {
    char *name, *key, *path;
    struct xml *def; /* <volume>, normal form */
    unsigned users;  /* that work on it without the pool's lock: it stays meanwhile */
};

struct pool {
    struct object object;                     /* first */
    uint64_t capacity, allocation, available; /* bytes */
    GPtrArray *volumes;                       /* struct volume, owned */
    unsigned jobs; /* works without the lock: the pool stays active, and is not looked through */
};

/* An image to read: borrowed strings. */
struct volume_source {
    const char *path, *format;
};

/* Which part of a volume's bytes a stream carries; length 0: to the end. */
struct volume_range {
    uint64_t offset, length;
    bool upload, sparse;
};

/* Of virStoragePoolBuild's flags. */
#define POOL_NO_OVERWRITE 4u
#define POOL_OVERWRITE    8u

/* What makes pools and volumes real; flags are libvirt's. Beside struct resource_ops. */
struct pool_ops {
    /* With the pool's lock held. */
    bool (*build)(struct pool *pool, unsigned flags, GError **error);
    bool (*remove)(struct pool *pool, unsigned flags, GError **error);
    /* May this volume be made? Its path, to be freed; NULL: no. */
    char *(*place)(struct pool *pool, const struct xml *def, GError **error);
    /* Sets the figures of a pool, and its definition's. */
    bool (*measure)(struct pool *pool, GError **error);
    /*
     * Without a lock; what they name stays. Makes a volume, a copy of `from` unless that is NULL;
     * nothing is left of one that fails.
     */
    bool (*volume_make)(const char *path, const struct xml *def, const struct volume_source *from,
                        unsigned flags, GError **error);
    bool (*volume_remove)(const char *path, unsigned flags, GError **error);
    bool (*volume_resize)(const char *path, const char *format, uint64_t capacity, unsigned flags,
                          GError **error);
    bool (*volume_wipe)(const char *path, unsigned algorithm, GError **error);
    /* What there is at a path, as a definition; NULL with *error unset: nothing for a pool. */
    struct xml *(*volume_look)(const char *path, GError **error);
    /* `done` is called once, when the stream closes. */
    struct stream *(*volume_open)(const char *path, const struct volume_range *range,
                                  void (*done)(void *user), void *user, GError **error);
};

/* Referenced once, in no table; takes the definition. */
struct pool *pool_new(struct host *host, const char *name, const uint8_t uuid[UUID_BYTES],
                      struct xml *def);
struct volume *pool_find(struct pool *pool, const char *name);
/* Adds a volume of this definition (taken) with its path below the pool's, which is its key too. */
struct volume *pool_add(struct pool *pool, struct xml *def);
/* Takes a definition of what is at that path: a new volume, or the new state of the old one. */
struct volume *pool_put(struct pool *pool, const char *path, struct xml *def);
/* Removes it from the pool and frees it. */
void pool_remove(struct pool *pool, struct volume *volume);
/* The figures of a definition, in bytes. */
uint64_t volume_capacity(const struct volume *volume);
uint64_t volume_allocation(const struct volume *volume);
uint64_t volume_physical(const struct volume *volume);
const char *volume_format(const struct volume *volume);
/* libvirt's number of its kind: 0 file, 1 block, 2 directory. */
int volume_type(const struct volume *volume);
/* (sss): pool, name, key; floating. */
GVariant *volume_pack(const struct pool *pool, const struct volume *volume);

static inline struct pool *pool_of(struct object *object)
{
    return (struct pool *)object;
}

#endif
