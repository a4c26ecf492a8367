/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The serial port as a board places it in memory: eight registers, one byte each. */
#ifndef VIV_MACHINE_DEV_PC_SERIAL_H
#define VIV_MACHINE_DEV_PC_SERIAL_H

#include "machine/core/dev.h"

extern const struct dev_class serial_mm_class;

/* Before it is realized. */
void serial_place(struct dev *dev, gpa base, struct irq irq);

#endif
