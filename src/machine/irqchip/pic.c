/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The 8259A pair: see pic.h. "Level" of a priority: 0 is the highest, NONE means nothing there. */
#include "machine/irqchip/pic.h"

#include <string.h>

#define CASCADE 2
#define NONE    8

static const uint8_t elcr_legal[2] = {0xf8, 0xde};

static const struct state_row chip_rows[] = {
    STATE_U(struct pic_chip, irr, 0),
    STATE_U(struct pic_chip, isr, 0),
    STATE_U(struct pic_chip, imr, 0),
    STATE_U(struct pic_chip, lines, 0),
    STATE_U(struct pic_chip, base, 0),
    STATE_U(struct pic_chip, elcr, 0),
    STATE_U(struct pic_chip, lowest, 0),
    STATE_U(struct pic_chip, init_step, 0),
    STATE_U(struct pic_chip, init_needs_icw4, 0),
    STATE_U(struct pic_chip, single, 0),
    STATE_U(struct pic_chip, read_isr, 0),
    STATE_U(struct pic_chip, poll, 0),
    STATE_U(struct pic_chip, special_mask, 0),
    STATE_U(struct pic_chip, auto_eoi, 0),
    STATE_U(struct pic_chip, rotate_on_auto_eoi, 0),
    STATE_U(struct pic_chip, fully_nested, 0),
    STATE_DONE,
};

const struct state_row pic_state[] = {
    {.kind = STATE_STRUCT,
     .name = "chip",
     .offset = offsetof(struct pic, chip),
     .size = sizeof(struct pic_chip),
     .count = 2,
     .rows = chip_rows},
    STATE_DONE,
};

/* Priority of the most urgent set bit, counted from the rotation point. */
static unsigned most_urgent(const struct pic_chip *c, uint8_t bits)
{
    unsigned p = 0;

    if (bits == 0) {
        return NONE;
    }
    while (!(bits & 1u << ((p + c->lowest) & 7))) {
        p++;
    }
    return p;
}

/* The input whose request would interrupt now, or -1. */
static int requested(const struct pic_chip *c, bool master)
{
    unsigned wanted = most_urgent(c, c->irr & ~c->imr);
    uint8_t blocking = c->isr;

    if (c->special_mask) {
        blocking &= ~c->imr;
    }
    if (master && c->fully_nested) {
        blocking &= ~(1u << CASCADE);
    }
    return wanted < most_urgent(c, blocking) ? (int)((wanted + c->lowest) & 7) : -1;
}

static void update(struct pic *pic)
{
    struct pic_chip *master = &pic->chip[0];
    bool level;

    /* The cascade follows the slave's INT pin, so that none of its requests is lost. */
    if (requested(&pic->chip[1], false) >= 0) {
        master->irr |= 1u << CASCADE;
    } else {
        master->irr &= ~(1u << CASCADE);
    }
    level = requested(master, true) >= 0;
    if (level != pic->level) {
        pic->level = level;
        pic->output(pic->opaque, level);
    }
}

void pic_init(struct pic *pic, void (*output)(void *opaque, bool level), void *opaque)
{
    memset(pic, 0, sizeof(*pic));
    pic->output = output;
    pic->opaque = opaque;
}

void pic_reset(struct pic *pic)
{
    memset(pic->chip, 0, sizeof(pic->chip));
    update(pic);
}

void pic_set_line(struct pic *pic, unsigned line, bool level)
{
    struct pic_chip *c = &pic->chip[line >> 3 & 1];
    uint8_t bit = 1u << (line & 7);

    if (line >= PIC_LINES || line == CASCADE) {
        return;
    }
    if (c->elcr & bit) {
        c->irr = level ? c->irr | bit : c->irr & ~bit;
    } else if (level && !(c->lines & bit)) {
        c->irr |= bit;
    }
    c->lines = level ? c->lines | bit : c->lines & ~bit;
    update(pic);
}

/* The acknowledge of one chip: the request goes into service. */
static void take(struct pic_chip *c, unsigned irq)
{
    uint8_t bit = 1u << irq;

    if (!c->auto_eoi) {
        c->isr |= bit;
    } else if (c->rotate_on_auto_eoi) {
        c->lowest = (irq + 1) & 7;
    }
    if (!(c->elcr & bit)) {
        c->irr &= ~bit;
    }
}

uint8_t pic_acknowledge(struct pic *pic)
{
    struct pic_chip *master = &pic->chip[0];
    struct pic_chip *slave = &pic->chip[1];
    int irq = requested(master, true);
    uint8_t vector;

    if (irq == CASCADE) {
        int second = requested(slave, false);

        vector = slave->base + (second < 0 ? 7 : second);
        if (second >= 0) {
            take(slave, (unsigned)second);
        }
    } else {
        vector = master->base + (irq < 0 ? 7 : irq);
    }
    if (irq >= 0) {
        take(master, (unsigned)irq);
    }
    update(pic);
    return vector;
}

/* ICW1: edge detectors, masks and modes are cleared; levels of level-triggered inputs stay. */
static void start_init(struct pic_chip *c, uint8_t icw1)
{
    struct pic_chip fresh = {
        .lines = c->lines,
        .elcr = c->elcr,
        .irr = c->lines & c->elcr,
        .base = c->base,
        .init_step = 2,
        .init_needs_icw4 = icw1 & 1,
        .single = icw1 >> 1 & 1,
    };

    *c = fresh;
}

static void operation(struct pic_chip *c, uint8_t ocw2)
{
    unsigned irq = ocw2 & 7;
    unsigned p;

    switch (ocw2 >> 5) {
    case 0: /* rotate in automatic EOI mode: clear */
    case 4: /* set */ c->rotate_on_auto_eoi = ocw2 >> 7; break;
    case 1: /* non-specific EOI */
    case 5: /* and rotate */
        p = most_urgent(c, c->special_mask ? c->isr & ~c->imr : c->isr);
        if (p == NONE) {
            break;
        }
        irq = (p + c->lowest) & 7;
        c->isr &= ~(1u << irq);
        if (ocw2 >> 7) {
            c->lowest = (irq + 1) & 7;
        }
        break;
    case 3: /* specific EOI */ c->isr &= ~(1u << irq); break;
    case 7: /* and rotate */
        c->isr &= ~(1u << irq);
        c->lowest = (irq + 1) & 7;
        break;
    case 6: /* set priority */ c->lowest = (irq + 1) & 7; break;
    default: /* no operation */ break;
    }
}

static void write_command(struct pic_chip *c, uint8_t value)
{
    if (value & 0x10) {
        start_init(c, value);
    } else if (value & 0x08) { /* OCW3 */
        c->poll = value >> 2 & 1;
        if (value & 2) {
            c->read_isr = value & 1;
        }
        if (value & 0x40) {
            c->special_mask = value >> 5 & 1;
        }
    } else {
        operation(c, value);
    }
}

static void write_data(struct pic_chip *c, uint8_t value)
{
    switch (c->init_step) {
    case 2:
        c->base = value & 0xf8;
        c->init_step = !c->single ? 3 : c->init_needs_icw4 ? 4 : 0;
        break;
    case 3: /* the cascade is wired, whatever ICW3 says */
        c->init_step = c->init_needs_icw4 ? 4 : 0;
        break;
    case 4:
        c->fully_nested = value >> 4 & 1;
        c->auto_eoi = value >> 1 & 1;
        c->init_step = 0;
        break;
    default: c->imr = value; break;
    }
}

uint8_t pic_read(struct pic *pic, unsigned chip, unsigned addr)
{
    struct pic_chip *c = &pic->chip[chip & 1];
    int irq;

    if (!c->poll) {
        return addr & 1 ? c->imr : c->read_isr ? c->isr : c->irr;
    }
    c->poll = false;
    irq = requested(c, chip == 0);
    if (irq < 0) {
        return 0;
    }
    take(c, (unsigned)irq);
    update(pic);
    return 0x80 | (uint8_t)irq;
}

void pic_write(struct pic *pic, unsigned chip, unsigned addr, uint8_t value)
{
    struct pic_chip *c = &pic->chip[chip & 1];

    if (addr & 1) {
        write_data(c, value);
    } else {
        write_command(c, value);
    }
    update(pic);
}

uint8_t pic_read_elcr(const struct pic *pic, unsigned chip)
{
    return pic->chip[chip & 1].elcr;
}

void pic_write_elcr(struct pic *pic, unsigned chip, uint8_t value)
{
    pic->chip[chip & 1].elcr = value & elcr_legal[chip & 1];
}

void pic_loaded(struct pic *pic)
{
    for (unsigned i = 0; i < 2; i++) {
        struct pic_chip *c = &pic->chip[i];

        c->elcr &= elcr_legal[i];
        c->lowest &= 7;
        c->base &= 0xf8;
        if (c->init_step == 1 || c->init_step > 4) {
            c->init_step = 0;
        }
    }
    pic->level = requested(&pic->chip[0], true) >= 0;
    pic->output(pic->opaque, pic->level);
}
