/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Storage pools that are folders of this host, and their volumes. */
#ifndef VIV_MANAGE_RESOURCE_STORAGE_STORAGE_H
#define VIV_MANAGE_RESOURCE_STORAGE_STORAGE_H

#include <glib.h>
#include <stdbool.h>

struct host;

/*
 * Gives a host that nobody uses yet its pools: those of its folder of definitions, started as they
 * say, or on a fresh one the pool `default`. False when that folder cannot be made. May block.
 */
bool storage_fill(struct host *host, GError **error);

#endif
