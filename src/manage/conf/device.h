/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The devices of a domain: defaults of those given, and those that a machine has anyway. */
#ifndef VIV_MANAGE_CONF_DEVICE_H
#define VIV_MANAGE_CONF_DEVICE_H

#include "manage/conf/hardware.h"
#include "manage/conf/xml.h"

#include <glib.h>
#include <stdbool.h>

/* Families of boards, which differ in what they bring along. */
enum board {
    BOARD_I440FX, /* pc */
    BOARD_Q35,
    BOARD_VIRT,  /* of Arm and RISC-V */
    BOARD_OTHER, /* no bus of its own that we know */
};

/* By <type machine=>, canonical or not. */
enum board device_board(const struct xml *domain);
/* False with code 27 or 67 when a device lacks what nobody can guess. */
bool device_complete(struct xml *domain, const struct hardware_host *host, GError **error);
/* Number of a disk by its name: "vda" 0, "sdab" 27; -1 when it is no such name. */
int device_disk_index(const char *dev);
/* A new controller after the last of its kind (or of all), with the next free index if < 0. */
struct xml *device_add_controller(struct xml *devices, const char *type, int index,
                                  const char *model);

#endif
