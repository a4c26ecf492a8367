/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What domains, networks, pools and the like share: a name, a UUID, a lock, references, and a place
 * in their host's table.
 *
 * Locks: an object's lock is taken before its table's; two objects' locks are never held together,
 * except a parent's before its child's. No lock is held while waiting for another program.
 */
#ifndef VIV_MANAGE_CORE_OBJECT_H
#define VIV_MANAGE_CORE_OBJECT_H

#include "manage/conf/uuid.h"
#include "manage/conf/xml.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct host;

/* In the order of event registrations' kinds too. */
enum object_kind {
    OBJECT_DOMAIN,
    OBJECT_NETWORK,
    OBJECT_POOL,
    OBJECT_NODEDEV,
    OBJECT_SECRET,
    OBJECT_INTERFACE,
    OBJECT_KINDS
};

struct object {
    gatomicrefcount refs;
    GMutex lock;
    enum object_kind kind;               /* frozen */
    struct host *host;                   /* frozen; outlives the object's place in its table */
    void (*free)(struct object *object); /* frozen; frees all but this struct's own */
    char *name;                          /* lock, and the table's lock to write */
    uint8_t uuid[UUID_BYTES];            /* frozen; zeros where the kind has none */
    bool active;                         /* lock */
    bool persistent;                     /* lock */
    bool autostart;                      /* lock */
    bool gone;                           /* lock: no longer in its table */
    unsigned generation;                 /* lock: counts changes of state; who waited compares */
    struct xml *def;                     /* lock: all but domains: the definition in force */
    struct xml *next_def;                /* lock: what it is after a restart; NULL: the same */
};

/* `object` is the first member of something allocated with g_new0. Referenced once. */
void object_init(struct object *object, enum object_kind kind, struct host *host, const char *name,
                 const uint8_t *uuid, void (*free)(struct object *object));
/* A plain object with nothing beside the shared part; takes the definition. */
struct object *object_new(enum object_kind kind, struct host *host, const char *name,
                          const uint8_t *uuid, struct xml *def);
struct object *object_ref(struct object *object);
void object_unref(struct object *object);
void object_lock(struct object *object);
void object_unlock(struct object *object);
/* Unlocks and drops the reference; NULL does nothing. For what objects_find gave. */
void object_release(struct object *object);
typedef struct object object_held;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(object_held, object_release)

struct objects;

struct objects *objects_new(void);
void objects_free(struct objects *objects);
/* False when the name or the UUID is taken. The table keeps a reference. */
bool objects_add(struct objects *objects, struct object *object);
/* Marks it gone; the caller holds its lock and a reference. */
void objects_remove(struct objects *objects, struct object *object);
/* False when the new name is taken; the caller holds the object's lock. */
bool objects_rename(struct objects *objects, struct object *object, const char *name);
/* Referenced and locked; NULL when there is none. */
struct object *objects_find_name(struct objects *objects, const char *name);
struct object *objects_find_uuid(struct objects *objects, const uint8_t uuid[UUID_BYTES]);
/* The same if the lock is free; else NULL with *ret_busy set. Never waits. */
struct object *objects_try_uuid(struct objects *objects, const uint8_t uuid[UUID_BYTES],
                                bool *ret_busy);
/* References to all, in the order of their making, not locked; the array frees them. */
GPtrArray *objects_all(struct objects *objects);

#endif
