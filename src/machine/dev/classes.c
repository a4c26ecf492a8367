/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/dev/classes.h"

#include "machine/dev/pc/fw_cfg.h"
#include "machine/dev/pc/rtc.h"

const struct dev_class *const dev_classes[] = {
    &fw_cfg_class,      &isa_debug_exit_class, &isa_debugcon_class, &isa_serial_class,
    &mc146818rtc_class, &port92_class,         &pvpanic_class,      NULL,
};
