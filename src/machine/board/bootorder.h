/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The "bootorder" file of fw_cfg: Open Firmware paths of the devices with a bootindex, a line
 * each, in its order (QEMU, docs on bootindex; SeaBIOS, src/boot.c). */
#ifndef VIV_MACHINE_BOARD_BOOTORDER_H
#define VIV_MACHINE_BOARD_BOOTORDER_H

#include "machine/core/machine.h"

/* Newly allocated lines, empty if no device has a bootindex; `strict` appends "HALT", which keeps
 * firmware from trying others. NULL with an error if two devices share an index. */
GString *bootorder_new(struct machine *m, bool strict, GError **error);

#endif
