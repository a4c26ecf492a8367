/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Machines that speak QMP: QEMU and viv-machine. qemu:///system and qemu:///session. */
#ifndef VIV_MANAGE_DRIVER_QMP_QMP_H
#define VIV_MANAGE_DRIVER_QMP_QMP_H

struct driver;

extern const struct driver qmp_driver;

#endif
