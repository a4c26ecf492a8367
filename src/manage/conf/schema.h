/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What libvirt's documents may hold, and in which order libvirt writes it. Constant; any thread.
 * The names come from libvirt's published schemas (schema-names.inc), the order from its output
 * (schema-order.inc).
 */
#ifndef VIV_MANAGE_CONF_SCHEMA_H
#define VIV_MANAGE_CONF_SCHEMA_H

#include "manage/conf/xml.h"

#include <stdbool.h>

/*
 * Brings a tree into libvirt's form: drops elements and attributes that libvirt's schema does not
 * have at that place (as libvirt's parser passes them by), and sorts the rest. Elements of the same
 * name keep their order; what has no place in the order table stays behind its elder sibling.
 * Text beneath <metadata> and elements of a foreign namespace are left as they are. A root that
 * is no document of libvirt's is left alone.
 */
void schema_tidy(struct xml *root);
/* The same for one element and what is below it; `path` leads to it: "domain/devices/disk". */
void schema_tidy_at(struct xml *node, const char *path);
/*
 * Takes a new child of the element at `path`, a document in libvirt's form, and puts it where
 * libvirt writes it, last of its name. Returns the child.
 */
struct xml *schema_insert(struct xml *node, const char *path, struct xml *child);
/* May an element at this path be there? */
bool schema_knows(const char *path);
/* Calls back for each path of the table, in its order; for tests and documents. */
void schema_each(void (*found)(const char *path, const char *attributes, const char *children,
                               void *opaque),
                 void *opaque);

#endif
