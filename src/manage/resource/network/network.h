/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Virtual networks of this host: bridges with addresses, DHCP, names, and ways to the outside. */
#ifndef VIV_MANAGE_RESOURCE_NETWORK_NETWORK_H
#define VIV_MANAGE_RESOURCE_NETWORK_NETWORK_H

#include <glib.h>
#include <stdbool.h>

struct host;

/*
 * Gives a host that nobody uses yet its networks: those of its folder of definitions (a
 * fresh system has one, `default`), and
 * those that run since before. False when a folder cannot be made. May block.
 */
bool network_fill(struct host *host, GError **error);

#endif
