/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * High precision event timer: one 64-bit counter at 100 MHz, three comparators. IA-PC HPET
 * specification 1.0a; legacy replacement routes the first two to interrupts 0 and 8.
 */
#ifndef VIV_MACHINE_DEV_PC_HPET_H
#define VIV_MACHINE_DEV_PC_HPET_H

#include "machine/core/dev.h"

#define HPET_BASE      UINT64_C(0xfed00000)
#define HPET_SIZE      0x400
#define HPET_TIMERS    3
#define HPET_MAX_LINES 24

extern const struct dev_class hpet_class;

/*
 * Before realize: `line` has HPET_MAX_LINES entries, one a GSI; `pit_disable` is set while legacy
 * replacement is on. The RTC's own interrupt goes through hpet_rtc_line().
 */
void hpet_connect(struct dev *hpet, const struct irq *line, const struct irq *pit_disable);
/* A line for the RTC: passed on to GSI 8 unless the HPET has taken that over. */
struct irq hpet_rtc_line(struct dev *hpet);

#endif
