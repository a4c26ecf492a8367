/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PC's real-time clock with its battery-backed bytes ("CMOS"), at ports 70h and 71h.
 * Motorola MC146818A data sheet; ACPI 5.0 section 4.8.2.4 for the century byte.
 *
 * A machine that counts instructions keeps the date by guest time, whatever `clock` says.
 */
#ifndef VIV_MACHINE_DEV_PC_RTC_H
#define VIV_MACHINE_DEV_PC_RTC_H

#include "machine/core/config.h"
#include "machine/core/dev.h"

#define RTC_BYTES   128
#define RTC_CENTURY 0x32

extern const struct dev_class mc146818rtc_class;

/* What -rtc says. Before realize; without it: UTC by the host's clock. */
void rtc_configure(struct dev *rtc, const struct config_rtc *config);

/* One byte of the battery-backed memory, index 14..127; main loop, stopped machine. Survives
 * resets.
 */
void rtc_set_byte(struct dev *rtc, unsigned index, uint8_t value);
uint8_t rtc_get_byte(struct dev *rtc, unsigned index);

#endif
