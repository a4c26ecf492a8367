/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is particular to <pool>: which parts each of libvirt's types of storage pool has, which it
 * must have, and their normal form. No I/O; a tree is its owner's.
 */
#ifndef VIV_MANAGE_CONF_POOL_DEF_H
#define VIV_MANAGE_CONF_POOL_DEF_H

#include "manage/conf/xml.h"

#include <glib.h>
#include <stdbool.h>

/* Its type and the parts of its source are known, and it has a name if its source says one. */
bool pool_def_begin(struct xml *root, GError **error);
/* The rest, of one with a name: what it must have, and the normal form of source and target. */
bool pool_def_fill(struct xml *root, GError **error);
/* The number of its type among libvirt's filters of listing; -1: none of libvirt's. */
int pool_def_number(const struct xml *root);
/* Formats of the sources of a type and the usual one, constant; NULL: it has none. */
const char *const *pool_def_formats(const char *name, const char **ret_usual);

#endif
