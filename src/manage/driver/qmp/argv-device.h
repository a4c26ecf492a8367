/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Options of an emulator for the devices of a domain, in the order in which libvirtd gives them. */
#ifndef VIV_MANAGE_DRIVER_QMP_ARGV_DEVICE_H
#define VIV_MANAGE_DRIVER_QMP_ARGV_DEVICE_H

#include "manage/driver/qmp/words.h"

#include <glib.h>
#include <stdbool.h>

/* False with code 67 naming the first device, or part of one, that is not built. */
bool argv_add_devices(struct words *words, GError **error);
/* What a disk's device is called ("virtio-disk0", "sata0-0-0"), to be freed; NULL: no such bus. */
char *argv_disk_id(const struct xml *disk);
/*
 * The options of one disk that comes later: its nodes, named by a number of their own, and its
 * device. JSON values as after -blockdev and -device, in that order; the device is the last.
 */
bool argv_disk(const struct xml *domain, const struct xml *disk, unsigned number, GPtrArray *ret,
               GError **error);
/* Only its nodes, for a medium. */
bool argv_disk_nodes(const struct xml *domain, const struct xml *disk, unsigned number,
                     GPtrArray *ret, GError **error);
/* One device of another kind: the options that it needs, each with its value behind; of `env` only
 * the taps count. */
bool argv_device(const struct xml *domain, const struct xml *device, const struct argv_env *env,
                 GPtrArray *ret, GError **error);
/* Of argv-character.c: serial ports, consoles and channels. */
bool argv_add_serial(struct words *words, const struct xml *device, GError **error);
bool argv_add_console(struct words *words, const struct xml *device, GError **error);
bool argv_add_channel(struct words *words, const struct xml *device, GError **error);
bool argv_add_redirdev(struct words *words, const struct xml *device, GError **error);

#endif
