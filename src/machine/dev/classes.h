/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device classes of this folder, for -device and the boards. */
#ifndef VIV_MACHINE_DEV_CLASSES_H
#define VIV_MACHINE_DEV_CLASSES_H

#include "machine/core/dev.h"

/* Those without a header of their own. */
extern const struct dev_class ich9_ahci_class;
extern const struct dev_class isa_debug_exit_class, isa_debugcon_class, isa_serial_class;
extern const struct dev_class pc_testdev_class, pci_testdev_class, port92_class, pvpanic_class;
extern const struct dev_class qemu_xhci_class;

/* Ends with NULL. */
extern const struct dev_class *const dev_classes[];

#endif
