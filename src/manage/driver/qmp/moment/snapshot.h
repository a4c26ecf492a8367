/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Snapshots of machines, and the files that tell of them. With the domain's lock and its job. */
#ifndef VIV_MANAGE_DRIVER_QMP_MOMENT_SNAPSHOT_H
#define VIV_MANAGE_DRIVER_QMP_MOMENT_SNAPSHOT_H

#include "manage/core/driver.h"

#include <glib.h>
#include <stdbool.h>

extern const struct driver_moment qmp_moment;

/* Flags of making one. */
enum {
    SNAPSHOT_HALT = 1 << 3,
    SNAPSHOT_DISK_ONLY = 1 << 4,
    SNAPSHOT_REUSE = 1 << 5,
    SNAPSHOT_QUIESCE = 1 << 6,
    SNAPSHOT_LIVE = 1 << 8,
};

/* catalog.c: durable: writes what the domain's tree is now; reads it into a domain without one. */
bool catalog_store(struct domain *domain, GError **error);
void catalog_load(struct domain *domain);
/* All that was written goes. */
void catalog_drop(struct domain *domain);

/* internal.c: kept inside the images. The definition is aligned with the domain's disks. */
bool internal_create(struct domain *domain, const struct moment_def *def, GError **error);
bool internal_remove(struct domain *domain, const struct moment_def *def, GError **error);
/* Of images nobody has open: they become what they were. */
bool internal_apply(struct domain *domain, const struct moment_def *def, GError **error);
/* Of a machine that was just started: it becomes what it was. */
bool internal_load(struct domain *domain, const void *def, GError **error);

/* external.c: in files of their own. */
bool external_create(struct domain *domain, const struct moment_def *def, unsigned flags,
                     GError **error);
/* Puts new images over those that the snapshot's definition has, and into `fresh`, a copy of it. */
bool external_branch(const struct moment_def *def, struct domain_def *fresh, GError **error);

#endif
