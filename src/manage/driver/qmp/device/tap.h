/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Interfaces on networks and bridges: their taps, and what a running machine's definition says of
 * them. */
#ifndef VIV_MANAGE_DRIVER_QMP_DEVICE_TAP_H
#define VIV_MANAGE_DRIVER_QMP_DEVICE_TAP_H

#include "manage/core/domain.h"
#include "manage/core/network/plug.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum { TAP_COUNTERS = 8 }; /* the guest's: received bytes, packets, errors, drops; then sent */

/* Is it one that needs a tap? */
bool tap_wanted(const struct xml *interface);
/* Takes away what a definition says of an earlier run. */
void tap_forget(struct xml *root);
/*
 * Makes the tap of one interface of a definition in force, and writes there what it got. With the
 * lock, given up meanwhile. The descriptors are the caller's.
 */
bool tap_open(struct domain *domain, struct xml *interface, struct network_plug *ret,
              GError **error);
/*
 * Those of all of a domain's interfaces: appends the descriptors to `fds` (int, the caller's to
 * close, on failure too), of which the first has the number `first` in the machine; and a
 * struct argv_tap each to `taps`, whose texts are `texts`'.
 */
bool tap_open_all(struct domain *domain, int first, GArray *fds, GArray *taps, GPtrArray *texts,
                  GError **error);
/* Its counters on the host, as the guest sees them; false when there is no such link. */
bool tap_counters(const char *device, uint64_t ret[TAP_COUNTERS]);
/* A running domain's interface of that link or address; NULL: none. */
struct xml *tap_find(struct domain *domain, const char *name);

#endif
