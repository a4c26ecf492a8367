/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dnsmasq's file of leases. Pure. */
#ifndef VIV_MANAGE_RESOURCE_NETWORK_LEASE_H
#define VIV_MANAGE_RESOURCE_NETWORK_LEASE_H

#include "manage/core/network/leases.h"

#include <glib.h>

#define LEASE_MAX 65536 /* what one reply of libvirt's protocol lists */

/*
 * The leases of a file's text that are in force at `now` (seconds since 1970); lines that are none
 * are left out. Prefixes are 0. The array owns them.
 */
GPtrArray *lease_parse(const char *text, int64_t now);

#endif
