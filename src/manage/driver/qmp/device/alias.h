/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of a running machine's devices, as libvirt's <alias> has them and the emulator's ids are.
 */
#ifndef VIV_MANAGE_DRIVER_QMP_DEVICE_ALIAS_H
#define VIV_MANAGE_DRIVER_QMP_DEVICE_ALIAS_H

#include "manage/conf/domain.h"

#include <glib.h>
#include <stdbool.h>

/* What a kind's ids begin with ("net"), or NULL. */
const char *alias_prefix(const char *kind);
/* The number in a device's alias; false when it has none of our making. */
bool alias_number(const struct xml *device, unsigned *ret);
/* Gives each device one that has none: when a machine starts, by its place among its kind. */
void alias_all(struct domain_def *def);
/* Takes away those of our making. */
void alias_drop_all(struct domain_def *def);
/* Gives one that is in the definition the lowest number free among its kind. */
void alias_new(const struct domain_def *def, struct xml *device);
/* The device of that id, borrowed, or NULL. */
struct xml *alias_find(const struct domain_def *def, const char *id);

#endif
