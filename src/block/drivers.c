/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list of drivers: one line each. */
#include "block/driver.h"

#include <string.h>

extern const struct block_driver block_blkdebug_driver;
extern const struct block_driver block_file_driver;
extern const struct block_driver block_host_device_driver;
extern const struct block_driver block_mem_driver;
extern const struct block_driver block_null_driver;
extern const struct block_driver block_qcow2_driver;
extern const struct block_driver block_raw_driver;

static const struct block_driver *const drivers[] = {
    &block_blkdebug_driver, &block_file_driver,  &block_host_device_driver, &block_mem_driver,
    &block_null_driver,     &block_qcow2_driver, &block_raw_driver,         NULL,
};

const struct block_driver *const *block_drivers(void)
{
    return drivers;
}

const struct block_driver *block_driver_find(const char *name)
{
    for (const struct block_driver *const *d = drivers; *d != NULL; d++) {
        if (strcmp((*d)->name, name) == 0) {
            return *d;
        }
    }
    return NULL;
}
