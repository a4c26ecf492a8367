/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What -object and object-add make. Main loop. */
#ifndef VIV_MACHINE_MAIN_OBJECTS_H
#define VIV_MACHINE_MAIN_OBJECTS_H

#include "machine/core/object.h"
#include "machine/core/ram.h"
#include "row/row.h"

#include <stdbool.h>

#include <glib.h>

struct objects; /* of one machine */

/* A kind of object; an instance begins with a struct object. */
struct object_class {
    const char *type;
    const char *help;
    const struct row *rows;
    size_t size;
    /* Rows are set; NULL: nothing to do. */
    gboolean (*complete)(struct objects *set, struct object *o, GError **error);
    void (*release)(struct object *o); /* NULL: rows own all */
};

struct object_memory {
    struct object object;
    uint64_t size;
    char *path;
    bool share, prealloc, merge, dump, reserve, seal;
};

/* `names_threads`: the host shows the names of their threads. */
struct objects *objects_new(bool names_threads);
void objects_free(struct objects *set);
/* {"qom-type": ..., "id": ..., ...} */
struct object *objects_add(struct objects *set, json_object *options, GError **error);
gboolean objects_remove(struct objects *set, const char *id, GError **error);
/* Marks an object as used, so that it is not removed. */
void objects_pin(struct objects *set, const char *id);
/* One of those that pinned it has no more use for it. */
void objects_unpin(struct objects *set, const struct object *object);
struct object *objects_find(struct objects *set, const char *id);
/* A memory-backend-*, or NULL with an error. */
struct object_memory *objects_memory(struct objects *set, const char *id, GError **error);
/* Borrows the object's path. */
struct ram_source objects_memory_source(const struct object_memory *object);
/* The n-th object, NULL past the last; and its class's rows. */
struct object *objects_nth(struct objects *set, unsigned n);
const struct object_class *objects_class(const char *type);
/* The n-th kind, NULL past the last. */
const struct object_class *objects_kind(unsigned n);
/* [{"id", "thread-id", "poll-max-ns", ...}] */
json_object *objects_query_iothreads(struct objects *set);
/* A secret's bytes (new), or NULL with an error. */
GBytes *objects_secret(struct objects *set, const char *id, GError **error);

#endif
