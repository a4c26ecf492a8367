/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is particular to <secret>: what it is for. The value is no part of it. No I/O. */
#ifndef VIV_MANAGE_CONF_SECRET_DEF_H
#define VIV_MANAGE_CONF_SECRET_DEF_H

#include "manage/conf/xml.h"

#include <glib.h>
#include <stdbool.h>

/* Its attributes are right; and then the rest, in libvirt's normal form. */
bool secret_def_begin(struct xml *root, GError **error);
bool secret_def_fill(struct xml *root, GError **error);
/* libvirt's number of what it is for (0: nothing), and the volume, name or target, "" for none. */
int secret_def_usage(const struct xml *root, const char **ret_id);
/* Only in memory; never told to a client. */
bool secret_def_ephemeral(const struct xml *root);
bool secret_def_private(const struct xml *root);

#endif
