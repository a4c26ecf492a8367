/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Goldfish real-time clock: nanoseconds since 1970, and an alarm. Android's emulator,
 * docs/GOLDFISH-VIRTUAL-HARDWARE.TXT, section II; Linux's binding "google,goldfish-rtc".
 *
 * A machine that counts instructions keeps the date by guest time, whatever -rtc clock= says.
 */
#ifndef VIV_MACHINE_DEV_RISCV_GOLDFISH_RTC_H
#define VIV_MACHINE_DEV_RISCV_GOLDFISH_RTC_H

#include "machine/core/config.h"
#include "machine/core/dev.h"

#define GOLDFISH_RTC_SIZE 0x24

extern const struct dev_class goldfish_rtc_class;

/* Before realize: its place, its line and what -rtc says (copied). */
void goldfish_rtc_place(struct dev *rtc, gpa base, struct irq irq, const struct config_rtc *config);

#endif
