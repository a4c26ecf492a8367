/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PC's pair of 8259A interrupt controllers with their edge/level control registers (ELCR).
 * Intel 8259A data sheet (231468); 82371FB (PIIX) data sheet for ELCR at 4D0h and 4D1h.
 *
 * Pure state: the caller holds whatever lock is needed. No function fails.
 */
#ifndef VIV_MACHINE_IRQCHIP_PIC_H
#define VIV_MACHINE_IRQCHIP_PIC_H

#include "machine/core/state.h"

#include <stdbool.h>
#include <stdint.h>

#define PIC_LINES 16

struct pic_chip {
    uint8_t irr;          /* requests latched */
    uint8_t isr;          /* in service */
    uint8_t imr;          /* masked */
    uint8_t lines;        /* levels of the inputs now */
    uint8_t base;         /* vector of input 0 (ICW2) */
    uint8_t elcr;         /* set: level-triggered */
    uint8_t lowest;       /* input after the one of lowest priority, 0..7 */
    uint8_t init_step;    /* ICW expected next at the odd address: 2, 3, 4; 0: initialised */
    bool init_needs_icw4; /* ICW1 bit 0 */
    bool single;          /* ICW1 bit 1 */
    bool read_isr;        /* OCW3: even address reads ISR, not IRR */
    bool poll;            /* OCW3: the next read is an acknowledge */
    bool special_mask;
    bool auto_eoi;
    bool rotate_on_auto_eoi;
    bool fully_nested; /* ICW4: special fully nested mode */
};

struct pic {
    struct pic_chip chip[2];                  /* master, slave */
    void (*output)(void *opaque, bool level); /* the master's INT pin; frozen */
    void *opaque;                             /* frozen */
    bool level;                               /* of the INT pin */
};

extern const struct state_row pic_state[];

void pic_init(struct pic *pic, void (*output)(void *opaque, bool level), void *opaque);
void pic_reset(struct pic *pic);
/* Input 0..15; 2 is the cascade and is ignored. */
void pic_set_line(struct pic *pic, unsigned line, bool level);
/* `chip` 0 master (20h), 1 slave (A0h); `addr` 0 or 1. A read may acknowledge (poll mode). */
uint8_t pic_read(struct pic *pic, unsigned chip, unsigned addr);
void pic_write(struct pic *pic, unsigned chip, unsigned addr, uint8_t value);
uint8_t pic_read_elcr(const struct pic *pic, unsigned chip);
void pic_write_elcr(struct pic *pic, unsigned chip, uint8_t value);
/* The CPU's acknowledge cycle: the vector, a spurious one (7 or 15) if the request went away. */
uint8_t pic_acknowledge(struct pic *pic);
/* After loading the rows: makes the fields legal and the INT pin agree with them. */
void pic_loaded(struct pic *pic);

#endif
