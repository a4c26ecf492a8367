/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device that has ACPI's power management registers as the LPC bridge has, and nothing else. */
#ifndef VIV_TESTS_DEV_PM_OWNER_H
#define VIV_TESTS_DEV_PM_OWNER_H

#include "machine/dev/pc/acpi_pm.h"

#define PM_OWNER_BASE 0x600
#define PM_OWNER_SCI  9

struct pm_owner {
    struct dev dev;
    struct acpi_pm pm;
    struct bus_mapping *pm_mapping, *apm_mapping;
};

extern const struct dev_class pm_owner_class;

#endif
