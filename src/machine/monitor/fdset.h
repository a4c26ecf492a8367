/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptors that came from outside: named ones (getfd) and sets (-add-fd, add-fd) that file names
 * of the form /dev/fdset/N refer to. Main loop.
 */
#ifndef VIV_MACHINE_MONITOR_FDSET_H
#define VIV_MACHINE_MONITOR_FDSET_H

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

struct fdset;

struct fdset *fdset_new(void);
void fdset_free(struct fdset *f); /* closes all */

/* Takes `fd` under a name; an older one of that name is closed. */
void fdset_put_named(struct fdset *f, const char *name, int fd);
/* Hands the descriptor to the caller, or -1 with an error. */
int fdset_take_named(struct fdset *f, const char *name, GError **error);
/* closefd */
gboolean fdset_close_named(struct fdset *f, const char *name, GError **error);

/* Takes `fd` into set `id` (-1: a new one). Returns the set's number, or -1 with an error. */
int64_t fdset_add(struct fdset *f, int64_t id, int fd, const char *opaque, GError **error);
/* As above for a descriptor inherited from the parent: duplicated, then closed. */
gboolean fdset_add_inherited(struct fdset *f, int fd, int64_t id, const char *opaque,
                             GError **error);
/* fd -1: the whole set. */
gboolean fdset_remove(struct fdset *f, int64_t id, int fd, GError **error);
/* A new descriptor of a member with the access mode of `flags`, or a negative errno. */
int fdset_open(struct fdset *f, int64_t id, int flags);
/* query-fdsets */
json_object *fdset_query(struct fdset *f);

#endif
