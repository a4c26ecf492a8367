/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PS/2 keyboard and mouse: see ps2.h. */
#include "machine/dev/pc/ps2.h"

#include <errno.h>
#include <string.h>

#define ACK    0xfa
#define RESEND 0xfe
#define PASSED 0xaa /* self-test */

/* Room that key presses and movements leave for the answers to commands. */
#define RESERVE 16

/* Set 2 make code of each set 1 make code. */
static const uint8_t set2_of[0x59] = {
    0x00, 0x76, 0x16, 0x1e, 0x26, 0x25, 0x2e, 0x36, 0x3d, 0x3e, 0x46, 0x45, 0x4e, 0x55, 0x66,
    0x0d, 0x15, 0x1d, 0x24, 0x2d, 0x2c, 0x35, 0x3c, 0x43, 0x44, 0x4d, 0x54, 0x5b, 0x5a, 0x14,
    0x1c, 0x1b, 0x23, 0x2b, 0x34, 0x33, 0x3b, 0x42, 0x4b, 0x4c, 0x52, 0x0e, 0x12, 0x5d, 0x1a,
    0x22, 0x21, 0x2a, 0x32, 0x31, 0x3a, 0x41, 0x49, 0x4a, 0x59, 0x7c, 0x11, 0x29, 0x58, 0x05,
    0x06, 0x04, 0x0c, 0x03, 0x0b, 0x83, 0x0a, 0x01, 0x09, 0x77, 0x7e, 0x6c, 0x75, 0x7d, 0x7b,
    0x6b, 0x73, 0x74, 0x79, 0x69, 0x72, 0x7a, 0x70, 0x71, 0x84, 0x00, 0x61, 0x78, 0x07,
};

static const struct state_row queue_rows[] = {
    STATE_U(struct ps2_queue, n, 0),
    STATE_U_ARRAY(struct ps2_queue, data, 0),
    STATE_DONE,
};

const struct state_row ps2_keyboard_state[] = {
    STATE_SUB(struct ps2_keyboard, out, queue_rows), STATE_U(struct ps2_keyboard, scanning, 1),
    STATE_U(struct ps2_keyboard, command, 0),        STATE_U(struct ps2_keyboard, set, 2),
    STATE_U(struct ps2_keyboard, leds, 0),           STATE_U(struct ps2_keyboard, rate, 0x2b),
    STATE_U(struct ps2_keyboard, last, 0),           STATE_DONE,
};

const struct state_row ps2_mouse_state[] = {
    STATE_SUB(struct ps2_mouse, out, queue_rows),
    STATE_U(struct ps2_mouse, reporting, 0),
    STATE_U(struct ps2_mouse, remote, 0),
    STATE_U(struct ps2_mouse, wrap, 0),
    STATE_U(struct ps2_mouse, scaling, 0),
    STATE_U(struct ps2_mouse, command, 0),
    STATE_U(struct ps2_mouse, resolution, 2),
    STATE_U(struct ps2_mouse, rate, 100),
    STATE_U(struct ps2_mouse, id, 0),
    STATE_U_ARRAY(struct ps2_mouse, knock, 0),
    STATE_U(struct ps2_mouse, buttons, 0),
    STATE_U(struct ps2_mouse, dx, 0),
    STATE_U(struct ps2_mouse, dy, 0),
    STATE_U(struct ps2_mouse, dz, 0),
    STATE_DONE,
};

static void put(struct ps2_queue *q, uint8_t byte)
{
    if (q->n < PS2_QUEUE) {
        q->data[q->n++] = byte;
    }
}

static int take(struct ps2_queue *q)
{
    uint8_t byte = q->data[0];

    if (q->n == 0) {
        return -1;
    }
    q->n--;
    memmove(q->data, q->data + 1, q->n);
    return byte;
}

static bool room(const struct ps2_queue *q, unsigned bytes)
{
    return q->n + bytes <= PS2_QUEUE - RESERVE;
}

uint8_t ps2_translate(uint8_t set2)
{
    if (set2 == 0x02) {
        return 0x41; /* the answer "scan code set 2" */
    }
    if (set2 == 0 || set2 > 0x84) {
        return set2;
    }
    for (unsigned i = 1; i < sizeof(set2_of); i++) {
        if (set2_of[i] == set2) {
            return (uint8_t)i;
        }
    }
    return set2;
}

/* ---- keyboard ---- */

void ps2_keyboard_reset(struct ps2_keyboard *k)
{
    *k = (struct ps2_keyboard){.scanning = true, .set = 2, .rate = 0x2b};
}

static void set_defaults(struct ps2_keyboard *k, bool scanning)
{
    k->out.n = 0;
    k->set = 2;
    k->rate = 0x2b;
    k->scanning = scanning;
}

static void put_key(struct ps2_keyboard *k, uint8_t prefix, uint8_t code, bool down)
{
    uint8_t set2 = code < sizeof(set2_of) ? set2_of[code] : 0;

    if (k->set == 1) {
        if (prefix) {
            put(&k->out, prefix);
        }
        put(&k->out, code | (down ? 0 : 0x80));
    } else if (set2) {
        if (prefix) {
            put(&k->out, prefix);
        }
        if (!down) {
            put(&k->out, 0xf0);
        }
        put(&k->out, set2);
    }
}

void ps2_keyboard_key(struct ps2_keyboard *k, uint16_t code, bool down)
{
    static const uint8_t pause[2][8] = {{0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5},
                                        {0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77}};
    uint8_t prefix = (uint8_t)(code >> 8);

    if (!k->scanning || !room(&k->out, 8)) {
        return;
    }
    if (prefix == 0xe1) { /* Pause has no release */
        for (unsigned i = 0; down && i < (k->set == 1 ? 6u : 8u); i++) {
            put(&k->out, pause[k->set != 1][i]);
        }
        return;
    }
    put_key(k, prefix, code & 0x7f, down);
}

static void keyboard_argument(struct ps2_keyboard *k, uint8_t command, uint8_t byte)
{
    put(&k->out, ACK);
    switch (command) {
    case 0xed: k->leds = byte; break;
    case 0xf3: k->rate = byte; break;
    case 0xf0:
        if (byte == 0) {
            put(&k->out, k->set);
        } else if (byte <= 3) {
            k->set = byte;
        }
        break;
    default: break; /* FBh..FDh: key types of set 3 */
    }
}

void ps2_keyboard_write(struct ps2_keyboard *k, uint8_t byte)
{
    uint8_t command = k->command;

    k->command = 0;
    if (command && byte < 0x80) {
        keyboard_argument(k, command, byte);
        return;
    }
    switch (byte) {
    case 0xed:
    case 0xf0:
    case 0xf3:
    case 0xfb:
    case 0xfc:
    case 0xfd:
        k->command = byte;
        put(&k->out, ACK);
        break;
    case 0xee: put(&k->out, 0xee); break;
    case 0xf2:
        put(&k->out, ACK);
        put(&k->out, 0xab);
        put(&k->out, 0x83);
        break;
    case 0xf4:
        k->scanning = true;
        put(&k->out, ACK);
        break;
    case 0xf5:
    case 0xf6:
        set_defaults(k, byte == 0xf6);
        put(&k->out, ACK);
        break;
    case 0xf7:
    case 0xf8:
    case 0xf9:
    case 0xfa: put(&k->out, ACK); break;
    case 0xfe: put(&k->out, k->last); break;
    case 0xff:
        set_defaults(k, true);
        k->leds = 0;
        put(&k->out, ACK);
        put(&k->out, PASSED);
        break;
    default: put(&k->out, RESEND); break;
    }
}

int ps2_keyboard_next(struct ps2_keyboard *k)
{
    int byte = take(&k->out);

    if (byte >= 0) {
        k->last = (uint8_t)byte;
    }
    return byte;
}

/* ---- mouse ---- */

void ps2_mouse_reset(struct ps2_mouse *m)
{
    *m = (struct ps2_mouse){.resolution = 2, .rate = 100};
}

static int clamp(int v, int low, int high)
{
    return v < low ? low : v > high ? high : v;
}

/* One packet takes what it can of the movement. */
static void put_packet(struct ps2_mouse *m)
{
    int dx = clamp(m->dx, -255, 255), dy = clamp(m->dy, -255, 255), dz = clamp(m->dz, -8, 7);

    m->dx -= dx;
    m->dy -= dy;
    put(&m->out, (uint8_t)(0x08 | (m->buttons & 7) | (dx < 0) << 4 | (dy < 0) << 5));
    put(&m->out, (uint8_t)dx);
    put(&m->out, (uint8_t)dy);
    if (m->id == 3) {
        put(&m->out, (uint8_t)-dz);
        m->dz -= dz;
    } else if (m->id == 4) {
        put(&m->out, (uint8_t)((-dz & 15) | (m->buttons & 0x18) << 1));
        m->dz -= dz;
    } else {
        m->dz = 0;
    }
}

void ps2_mouse_move(struct ps2_mouse *m, int dx, int dy, int dz, uint8_t buttons)
{
    m->dx = clamp(m->dx + clamp(dx, -4096, 4096), -4096, 4096);
    m->dy = clamp(m->dy + clamp(dy, -4096, 4096), -4096, 4096);
    m->dz = clamp(m->dz + clamp(dz, -64, 64), -64, 64);
    m->buttons = buttons & 0x1f;
    if (!m->reporting || m->remote) {
        return;
    }
    do {
        if (!room(&m->out, 4)) {
            return;
        }
        put_packet(m);
    } while (m->dx || m->dy || m->dz);
}

static void knock(struct ps2_mouse *m, uint8_t rate)
{
    if (m->knock[0] == 200 && m->knock[1] == 100 && rate == 80) {
        m->id = 3;
    } else if (m->knock[0] == 200 && m->knock[1] == 200 && rate == 80) {
        m->id = 4;
    }
    m->knock[0] = m->knock[1];
    m->knock[1] = rate;
}

static void mouse_argument(struct ps2_mouse *m, uint8_t command, uint8_t byte)
{
    if (command == 0xf3) {
        m->rate = byte;
        knock(m, byte);
    } else {
        m->resolution = byte & 3;
    }
    put(&m->out, ACK);
}

static void mouse_defaults(struct ps2_mouse *m)
{
    m->reporting = m->remote = m->wrap = m->scaling = false;
    m->resolution = 2;
    m->rate = 100;
    m->dx = m->dy = m->dz = 0;
}

static void put_status(struct ps2_mouse *m)
{
    uint8_t left = m->buttons & 1, right = m->buttons >> 1 & 1, middle = m->buttons >> 2 & 1;

    put(&m->out, (uint8_t)(m->remote << 6 | m->reporting << 5 | m->scaling << 4 | left << 2 |
                           middle << 1 | right));
    put(&m->out, m->resolution);
    put(&m->out, m->rate);
}

static void mouse_command(struct ps2_mouse *m, uint8_t byte)
{
    put(&m->out, ACK);
    switch (byte) {
    case 0xe6:
    case 0xe7: m->scaling = byte & 1; break;
    case 0xe8:
    case 0xf3: m->command = byte; break;
    case 0xe9: put_status(m); break;
    case 0xea: m->remote = false; break;
    case 0xeb: put_packet(m); break;
    case 0xec: m->wrap = false; break;
    case 0xee: m->wrap = true; break;
    case 0xf0: m->remote = true; break;
    case 0xf2: put(&m->out, m->id); break;
    case 0xf4:
    case 0xf5: m->reporting = byte == 0xf4; break;
    case 0xf6: mouse_defaults(m); break;
    case 0xff:
        mouse_defaults(m);
        m->id = 0;
        memset(m->knock, 0, sizeof(m->knock));
        m->out.n = 0;
        put(&m->out, ACK);
        put(&m->out, PASSED);
        put(&m->out, m->id);
        break;
    default:
        m->out.n--;
        put(&m->out, RESEND);
        break;
    }
}

void ps2_mouse_write(struct ps2_mouse *m, uint8_t byte)
{
    uint8_t command = m->command;

    m->command = 0;
    if (command) {
        mouse_argument(m, command, byte);
    } else if (m->wrap && byte != 0xec && byte != 0xff) {
        put(&m->out, byte);
    } else {
        if (m->out.n == PS2_QUEUE) {
            m->out.n = 0; /* the host has not read for long: it wants the answer */
        }
        mouse_command(m, byte);
    }
}

int ps2_mouse_next(struct ps2_mouse *m)
{
    return take(&m->out);
}

int ps2_loaded(const struct ps2_keyboard *k, const struct ps2_mouse *m)
{
    if (k->out.n > PS2_QUEUE || m->out.n > PS2_QUEUE || k->set < 1 || k->set > 3 ||
        m->resolution > 3 || ABS((int64_t)m->dx) > 4096 || ABS((int64_t)m->dy) > 4096 ||
        ABS((int64_t)m->dz) > 64) {
        return -EINVAL;
    }
    return 0;
}
