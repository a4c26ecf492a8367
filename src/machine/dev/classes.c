/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/dev/classes.h"

#include "machine/dev/pc/fw_cfg.h"
#include "machine/dev/pc/hpet.h"
#include "machine/dev/pc/i8042.h"
#include "machine/dev/pc/pflash.h"
#include "machine/dev/pc/rtc.h"
#include "machine/dev/riscv/goldfish_rtc.h"
#include "machine/dev/storage/ide.h"

const struct dev_class *const dev_classes[] = {
    &fw_cfg_class,
    &fw_cfg_mem_class,
    &goldfish_rtc_class,
    &hpet_class,
    &i8042_class,
    &ich9_ahci_class,
    &ide_cd_class,
    &ide_hd_class,
    &isa_debug_exit_class,
    &isa_debugcon_class,
    &isa_serial_class,
    &mc146818rtc_class,
    &pc_testdev_class,
    &pci_testdev_class,
    &pflash_class,
    &port92_class,
    &pvpanic_class,
    &qemu_xhci_class,
    NULL,
};
