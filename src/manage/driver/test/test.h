/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The test driver: everything happens in memory. URIs test:///default and test:///path/file.xml. */
#ifndef VIV_MANAGE_DRIVER_TEST_TEST_H
#define VIV_MANAGE_DRIVER_TEST_TEST_H

#include "manage/core/driver.h"

extern const struct driver test_driver;

#endif
