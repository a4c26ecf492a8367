/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PC's keyboard controller (ports 60h and 64h) with a PS/2 keyboard and mouse behind it.
 * IBM PS/2 Hardware Interface Technical Reference, "Keyboard and Auxiliary Device Controller".
 */
#ifndef VIV_MACHINE_DEV_PC_I8042_H
#define VIV_MACHINE_DEV_PC_I8042_H

#include "machine/core/dev.h"

extern const struct dev_class i8042_class;

/* Input from outside; any thread, no lock held. See ps2.h for codes and signs. */
void i8042_key(struct dev *i8042, uint16_t code, bool down);
void i8042_mouse(struct dev *i8042, int dx, int dy, int dz, uint8_t buttons);

#endif
