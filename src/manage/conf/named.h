/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Definitions of what is not a domain: networks, pools, volumes, interfaces, node devices, and the
 * like. Each is one tree in libvirt's normal form. No I/O; a tree is its owner's.
 */
#ifndef VIV_MANAGE_CONF_NAMED_H
#define VIV_MANAGE_CONF_NAMED_H

#include "manage/conf/uuid.h"
#include "manage/conf/xml.h"

#include <glib.h>
#include <stdbool.h>

enum named_kind {
    NAMED_NETWORK,
    NAMED_POOL,
    NAMED_VOLUME,
    NAMED_INTERFACE,
    NAMED_NODEDEV,
    NAMED_SNAPSHOT,
    NAMED_CHECKPOINT,
    NAMED_SECRET,
};

/*
 * From XML text, checked, sorted and with defaults; NULL with libvirt's code and words. The UUID
 * (NULL for kinds without) is the definition's own, or a new one that the definition then has.
 */
struct xml *named_parse(enum named_kind kind, const char *text, uint8_t ret_uuid[UUID_BYTES],
                        GError **error);
/* Its name: an attribute of an interface, a child of the others. */
const char *named_name(const struct xml *def);
/* Puts a child's text where the kind's order has that child; NULL removes it. */
struct xml *named_set(enum named_kind kind, struct xml *parent, const char *child,
                      const char *text);

#endif
