/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Disk images that no machine has open: overlays made, snapshots inside kept. No lock is needed. */
#ifndef VIV_MANAGE_DRIVER_QMP_MOMENT_IMAGE_DISK_H
#define VIV_MANAGE_DRIVER_QMP_MOMENT_IMAGE_DISK_H

#include <glib.h>
#include <stdbool.h>

/*
 * A new qcow2 image over `base`, which has that format and may be written by a machine meanwhile.
 * False when the file is there already. Durable.
 */
bool image_disk_overlay(const char *path, const char *base, const char *format, GError **error);

/*
 * A new image, raw or qcow2, as long as `like`, over `base` unless NULL. False with code 38 when it
 * cannot be made, or is there.
 */
bool image_disk_like(const char *path, const char *format, const char *like,
                     const char *like_format, const char *base, const char *base_format,
                     GError **error);

/* What an image of that format says it is based on: path and format, both to be freed; NULL:
 * nothing. A machine may have it open. */
char *image_disk_backing(const char *path, const char *format, char **ret_format);

enum image_disk_action { IMAGE_DISK_CREATE, IMAGE_DISK_APPLY, IMAGE_DISK_DELETE };

/* Of a snapshot inside a qcow2 image. Deleting one that is not there does nothing. */
bool image_disk_snapshot(const char *path, enum image_disk_action action, const char *name,
                         GError **error);

#endif
