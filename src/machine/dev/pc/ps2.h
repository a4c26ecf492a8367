/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PS/2 keyboard (scan code sets 1..3 selectable, set 2 spoken) and mouse (with IntelliMouse and
 * Explorer extensions), as the devices behind an i8042. IBM PS/2 Technical Reference, Keyboard;
 * Adam Chapweske, "The PS/2 Mouse Interface".
 *
 * Pure state: the caller holds its lock, and asks for bytes when it can take them.
 */
#ifndef VIV_MACHINE_DEV_PC_PS2_H
#define VIV_MACHINE_DEV_PC_PS2_H

#include "machine/core/state.h"

#define PS2_QUEUE 64

struct ps2_queue {
    uint8_t data[PS2_QUEUE];
    uint32_t n;
};

struct ps2_keyboard {
    struct ps2_queue out;
    bool scanning;
    uint8_t command; /* waits for its argument; 0: none */
    uint8_t set;     /* scan code set, 1..3 */
    uint8_t leds, rate;
    uint8_t last; /* byte last sent, for resend */
};

struct ps2_mouse {
    struct ps2_queue out;
    bool reporting, remote, wrap, scaling;
    uint8_t command;
    uint8_t resolution, rate;
    uint8_t id;       /* 0 plain, 3 wheel, 4 five buttons */
    uint8_t knock[2]; /* the last two sample rates: the way to ids 3 and 4 */
    uint8_t buttons;
    int32_t dx, dy, dz; /* movement not yet reported */
};

extern const struct state_row ps2_keyboard_state[], ps2_mouse_state[];

void ps2_keyboard_reset(struct ps2_keyboard *k);
void ps2_keyboard_write(struct ps2_keyboard *k, uint8_t byte);
/* `code`: set 1 make code; 0xe0.. in the high byte: an extended key. Dropped when full. */
void ps2_keyboard_key(struct ps2_keyboard *k, uint16_t code, bool down);
/* Next byte, or -1. */
int ps2_keyboard_next(struct ps2_keyboard *k);

void ps2_mouse_reset(struct ps2_mouse *m);
void ps2_mouse_write(struct ps2_mouse *m, uint8_t byte);
/* `buttons`: bit 0 left, 1 right, 2 middle, 3 and 4 side. Up and away are positive. */
void ps2_mouse_move(struct ps2_mouse *m, int dx, int dy, int dz, uint8_t buttons);
int ps2_mouse_next(struct ps2_mouse *m);

/* Set 1 code of a set 2 byte, as the i8042's translation does it. */
uint8_t ps2_translate(uint8_t set2);
/* After loading: -EINVAL if a field cannot be. */
int ps2_loaded(const struct ps2_keyboard *k, const struct ps2_mouse *m) G_GNUC_WARN_UNUSED_RESULT;

#endif
