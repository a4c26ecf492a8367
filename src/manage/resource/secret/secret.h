/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Secrets of this host: definitions in files, values in files that only its own key opens. */
#ifndef VIV_MANAGE_RESOURCE_SECRET_SECRET_H
#define VIV_MANAGE_RESOURCE_SECRET_SECRET_H

#include <glib.h>
#include <stdbool.h>

struct host;

/*
 * Gives a host that nobody uses yet its secrets. A file that cannot be read is named on stderr, and
 * its secret has no value. False when the folder cannot be made. May block.
 */
bool secret_fill(struct host *host, GError **error);

#endif
