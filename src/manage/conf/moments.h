/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The trees of a domain's snapshots and of its checkpoints. Under the domain's lock. */
#ifndef VIV_MANAGE_CONF_MOMENTS_H
#define VIV_MANAGE_CONF_MOMENTS_H

#include "manage/conf/moment.h"

#include <glib.h>
#include <stdbool.h>

struct moment {
    struct moment_def *def;
    struct moment *parent; /* NULL: a root */
    GPtrArray *children;   /* borrowed; the newest first */
};

struct moments {
    enum moment_kind kind;
    GPtrArray *all;         /* owned, in the order of their making */
    GPtrArray *roots;       /* borrowed; the newest first */
    struct moment *current; /* where the next one begins; NULL: a root */
};

struct moments *moments_new(enum moment_kind kind);
void moments_free(struct moments *moments);
unsigned moments_count(const struct moments *moments);
/* NULL when there is none. */
struct moment *moments_find(const struct moments *moments, const char *name);
/* With the parent that the definition names, NULL when it is none of these; takes it. */
struct moment *moments_add(struct moments *moments, struct moment_def *def);
/* Gives one another definition, which it takes, and the place that names. */
void moments_redefine(struct moments *moments, struct moment *moment, struct moment_def *def);
/* Forgets it; its children become its parent's. If it was current its parent is. */
void moments_remove(struct moments *moments, struct moment *moment);
/* Appends all below it (NULL: all), or only the next, parents first. */
void moments_below(const struct moments *moments, const struct moment *from, bool deep,
                   GPtrArray *list);
/* Could `name` be the parent of `moment`, or of a new one (NULL)? Code 8 otherwise. */
bool moments_check_parent(const struct moments *moments, const char *name, const char *parent,
                          GError **error);

#endif
