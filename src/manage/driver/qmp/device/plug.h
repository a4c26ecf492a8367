/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices other than disks that come to a running machine, leave it and change; and its vCPUs. */
#ifndef VIV_MANAGE_DRIVER_QMP_DEVICE_PLUG_H
#define VIV_MANAGE_DRIVER_QMP_DEVICE_PLUG_H

#include "manage/core/domain.h"

#include <glib.h>
#include <stdbool.h>

struct qmp_run;

/* As in driver.h; code 67 for a kind that is not built. */
bool plug_attach(struct domain *domain, struct xml *device, GError **error);
bool plug_detach(struct domain *domain, struct xml *device, GError **error);
bool plug_update(struct domain *domain, struct xml *device, GError **error);
/* The machine let go of a device: notes what it used on the host. With the lock; on the loop. */
void plug_deleted(struct qmp_run *run, const struct xml *device);
/* What was noted goes. With the lock, given up meanwhile. */
void plug_drop_unused(struct qmp_run *run);
/* Takes down the links that the definition has down, before the machine runs. */
bool plug_set_links(struct domain *domain, GError **error);
/* As in driver.h. */
bool plug_set_vcpus(struct domain *domain, unsigned n, GError **error);

#endif
