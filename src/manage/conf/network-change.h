/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One part of a network's definition added, changed or taken away. Pure. */
#ifndef VIV_MANAGE_CONF_NETWORK_CHANGE_H
#define VIV_MANAGE_CONF_NETWORK_CHANGE_H

#include "manage/conf/xml.h"

#include <glib.h>
#include <stdbool.h>

/* libvirt's numbers. */
enum network_command { NETWORK_MODIFY = 1, NETWORK_DELETE, NETWORK_ADD_LAST, NETWORK_ADD_FIRST };

struct network_change {
    unsigned command; /* enum network_command */
    unsigned section; /* libvirt's number of the part's kind */
    int parent;       /* which <ip> it belongs to, from 0; -1: the one that suits */
    const char *xml;  /* the part; borrowed */
};

/* Changes a complete definition; false with it in any state: a copy's work. */
bool network_change(struct xml *def, const struct network_change *change, GError **error);

#endif
