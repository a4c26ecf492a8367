/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices that nobody wrote: those of the board, and controllers that other devices need. */
#ifndef VIV_MANAGE_CONF_DEVICE_IMPLICIT_H
#define VIV_MANAGE_CONF_DEVICE_IMPLICIT_H

#include "manage/conf/xml.h"

#include <glib.h>
#include <stdbool.h>

/* Gives each controller without an index the next of its type; the companions of a USB 2
 * controller share its index. */
void device_number_controllers(struct xml *devices);
/* USB, PCI root, SATA, mouse, keyboard, audio, video, balloon: as the board has them. */
void device_add_implicit(struct xml *domain);
/* Controllers for disks and channels, by their addresses, which are given here. False with code 27
 * when a disk does not fit its bus. */
bool device_add_buses(struct xml *domain, GError **error);
const char *device_default_video(const struct xml *domain);

#endif
