/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The 8254 and port 61h: see pit.h. Time in ticks of 1.193182 MHz since counting began. */
#include "machine/irqchip/pit.h"

#include <errno.h>
#include <string.h>

#define RUNS       (-1) /* of pit_channel.paused */
#define REFRESH_NS 15085
#define MAX_TICKS  (INT64_MAX / 1000)

static const struct state_row channel_rows[] = {
    STATE_U(struct pit_channel, count, 0x10000),
    STATE_U(struct pit_channel, access, 3),
    STATE_U(struct pit_channel, mode, 3),
    STATE_U(struct pit_channel, bcd, 0),
    STATE_U(struct pit_channel, gate, 1),
    STATE_U(struct pit_channel, loaded, 1),
    STATE_U(struct pit_channel, null_count, 0),
    STATE_U(struct pit_channel, high_next_rd, 0),
    STATE_U(struct pit_channel, high_next_wr, 0),
    STATE_U(struct pit_channel, low_written, 0),
    STATE_U(struct pit_channel, latch_left, 0),
    STATE_U(struct pit_channel, latched, 0),
    STATE_U(struct pit_channel, status_latched, 0),
    STATE_U(struct pit_channel, status, 0),
    STATE_U(struct pit_channel, start, 0),
    STATE_U(struct pit_channel, paused, (uint64_t)RUNS),
    STATE_DONE,
};

const struct state_row pit_state[] = {
    {.kind = STATE_STRUCT,
     .name = "channel",
     .offset = offsetof(struct pit, channel),
     .size = sizeof(struct pit_channel),
     .count = PIT_CHANNELS,
     .rows = channel_rows},
    STATE_U(struct pit, speaker, 0),
    STATE_DONE,
};

static int64_t ns_to_ticks(int64_t ns)
{
    return ns <= 0 ? 0 : (int64_t)((__int128)ns * PIT_HZ / NS_PER_SEC);
}

/* First nanosecond at which `ticks` have passed. */
static int64_t ticks_to_ns(int64_t ticks)
{
    return (int64_t)(((__int128)ticks * NS_PER_SEC + PIT_HZ - 1) / PIT_HZ);
}

static int64_t elapsed(const struct pit_channel *c, int64_t now)
{
    return c->paused != RUNS ? c->paused : ns_to_ticks(now - c->start);
}

static uint16_t to_bcd(uint32_t v)
{
    return (uint16_t)(v % 10 | v / 10 % 10 << 4 | v / 100 % 10 << 8 | v / 1000 % 10 << 12);
}

static uint32_t from_bcd(uint16_t v)
{
    return (v & 15) + (v >> 4 & 15) * 10u + (v >> 8 & 15) * 100u + (v >> 12) * 1000u;
}

/* What the counting element holds. */
static uint16_t counter(const struct pit_channel *c, int64_t now)
{
    uint32_t range = c->bcd ? 10000 : 0x10000;
    int64_t d = elapsed(c, now);
    uint32_t v;

    if (!c->loaded) {
        v = c->count;
    } else if (c->mode == 2) {
        v = c->count - (uint32_t)(d % c->count);
    } else if (c->mode == 3) { /* counts by two, an odd count's extra tick in the high half */
        v = (c->count - (uint32_t)(d * 2 % c->count)) & ~1u;
    } else {
        v = (uint32_t)(((int64_t)c->count - d) % range + range);
    }
    v %= range;
    return c->bcd ? to_bcd(v) : (uint16_t)v;
}

static bool output_level(const struct pit_channel *c, int64_t now)
{
    int64_t d = elapsed(c, now);

    if (!c->loaded) {
        return c->mode != 0;
    }
    switch (c->mode) {
    case 0:
    case 1: return d >= c->count;
    case 2: return !c->gate || d % c->count != c->count - 1;
    case 3: return !c->gate || d % c->count < (c->count + 1) / 2;
    default: return d != c->count;
    }
}

/* When channel 0's output next rises after `now`; PIT_NEVER: not without being touched. */
static int64_t next_rise(const struct pit_channel *c, int64_t now)
{
    int64_t d = elapsed(c, now);
    int64_t at;

    if (!c->loaded || c->paused != RUNS) {
        return PIT_NEVER;
    }
    switch (c->mode) {
    case 0:
    case 1: at = c->count; break;
    case 2:
    case 3: at = c->gate ? (d / c->count + 1) * (int64_t)c->count : -1; break;
    default: at = (int64_t)c->count + 1; break;
    }
    return at > d ? c->start + ticks_to_ns(at) : PIT_NEVER;
}

static void update(struct pit *pit, int64_t now)
{
    bool level = output_level(&pit->channel[0], now);

    if (level != pit->out) {
        pit->out = level;
        pit->output(pit->opaque, level);
    }
    pit->timer(pit->opaque, next_rise(&pit->channel[0], now));
}

void pit_init(struct pit *pit, void (*output)(void *opaque, bool level),
              void (*timer)(void *opaque, int64_t expiry), void *opaque)
{
    memset(pit, 0, sizeof(*pit));
    pit->output = output;
    pit->timer = timer;
    pit->opaque = opaque;
}

void pit_reset(struct pit *pit, int64_t now)
{
    for (unsigned i = 0; i < PIT_CHANNELS; i++) {
        pit->channel[i] = (struct pit_channel){
            .count = 0x10000,
            .access = 3,
            .mode = 3,
            .gate = i != 2,
            .loaded = true,
            .start = now,
            .paused = RUNS,
        };
    }
    pit->speaker = false;
    update(pit, now);
}

/* However many periods have passed, one interrupt: nobody asked for a burst. */
void pit_timer(struct pit *pit, int64_t now)
{
    if (pit->out) { /* the fall between two rises was not worth a timer */
        pit->output(pit->opaque, false);
    }
    pit->output(pit->opaque, true);
    pit->out = true;
    update(pit, now);
}

static void latch_count(struct pit_channel *c, int64_t now)
{
    if (c->latch_left == 0) {
        c->latched = counter(c, now);
        c->latch_left = c->access == 3 ? 2 : 1;
    }
}

static void latch_status(struct pit_channel *c, int64_t now)
{
    if (!c->status_latched) {
        c->status = (uint8_t)(output_level(c, now) << 7 | c->null_count << 6 | c->access << 4 |
                              c->mode << 1 | c->bcd);
        c->status_latched = true;
    }
}

static void read_back(struct pit *pit, uint8_t value, int64_t now)
{
    for (unsigned i = 0; i < PIT_CHANNELS; i++) {
        if (value & 2u << i) {
            if (!(value & 0x20)) {
                latch_count(&pit->channel[i], now);
            }
            if (!(value & 0x10)) {
                latch_status(&pit->channel[i], now);
            }
        }
    }
}

static void write_control(struct pit *pit, uint8_t value, int64_t now)
{
    unsigned mode = value >> 1 & 7;
    struct pit_channel *c;

    if (value >> 6 == 3) {
        read_back(pit, value, now);
        return;
    }
    c = &pit->channel[value >> 6];
    if ((value >> 4 & 3) == 0) {
        latch_count(c, now);
        return;
    }
    c->access = value >> 4 & 3;
    c->mode = mode > 5 ? mode & 3 : mode;
    c->bcd = value & 1;
    c->loaded = false;
    c->null_count = true;
    c->high_next_rd = c->high_next_wr = false;
    c->latch_left = 0;
    c->status_latched = false;
    c->paused = RUNS;
    update(pit, now);
}

/* Counting starts, or waits for the gate. */
static void start(struct pit_channel *c, int64_t now)
{
    c->start = now;
    c->loaded = true;
    c->null_count = false;
    c->paused = !c->gate && (c->mode == 0 || c->mode == 4) ? 0 : RUNS;
}

static void load(struct pit_channel *c, uint16_t value, int64_t now)
{
    uint32_t count = c->bcd ? from_bcd(value) : value;

    c->count = count ? count : c->bcd ? 10000 : 0x10000;
    if (c->mode == 1 || c->mode == 5) {
        return; /* starts when the gate rises */
    }
    /* In modes 2 and 3 a new count takes effect at the end of the current period; as QEMU and its
     * guests expect it, the new period starts here. */
    start(c, now);
}

static void write_counter(struct pit_channel *c, uint8_t value, int64_t now)
{
    switch (c->access) {
    case 1: load(c, value, now); break;
    case 2: load(c, (uint16_t)(value << 8), now); break;
    default:
        if (c->high_next_wr) {
            load(c, (uint16_t)(c->low_written | value << 8), now);
        } else {
            c->low_written = value;
            c->null_count = true;
            if (c->mode == 0) {
                c->loaded = false; /* counting stops between the two bytes */
            }
        }
        c->high_next_wr = !c->high_next_wr;
        break;
    }
}

void pit_write(struct pit *pit, unsigned port, uint8_t value, int64_t now)
{
    if ((port & 3) == 3) {
        write_control(pit, value, now);
        return;
    }
    write_counter(&pit->channel[port & 3], value, now);
    if ((port & 3) == 0) {
        update(pit, now);
    }
}

static uint8_t read_latched(struct pit_channel *c)
{
    bool high = c->access == 2 || (c->access == 3 && c->latch_left == 1);

    c->latch_left--;
    return (uint8_t)(c->latched >> (high ? 8 : 0));
}

uint8_t pit_read(struct pit *pit, unsigned port, int64_t now)
{
    struct pit_channel *c = &pit->channel[port & 3];
    bool high;

    if ((port & 3) == 3) {
        return 0; /* the control word cannot be read */
    }
    if (c->status_latched) {
        c->status_latched = false;
        return c->status;
    }
    if (c->latch_left) {
        return read_latched(c);
    }
    high = c->access == 2 || (c->access == 3 && c->high_next_rd);
    if (c->access == 3) {
        c->high_next_rd = !c->high_next_rd;
    }
    return (uint8_t)(counter(c, now) >> (high ? 8 : 0));
}

static void set_gate(struct pit_channel *c, bool gate, int64_t now)
{
    bool rose = gate && !c->gate;
    bool fell = !gate && c->gate;
    bool counts_while_high = c->mode == 0 || c->mode == 4;

    if (fell && counts_while_high && c->loaded) {
        c->paused = elapsed(c, now);
    } else if (rose && counts_while_high && c->paused != RUNS) {
        c->start = now - ticks_to_ns(c->paused);
        c->paused = RUNS;
    } else if (rose && !counts_while_high && (c->loaded || c->mode == 1 || c->mode == 5)) {
        c->start = now;
        c->loaded = true;
        c->null_count = false;
    }
    c->gate = gate;
}

uint8_t pit_read_61(struct pit *pit, int64_t now)
{
    const struct pit_channel *c = &pit->channel[2];

    return (uint8_t)(c->gate | pit->speaker << 1 | (now / REFRESH_NS & 1) << 4 |
                     output_level(c, now) << 5);
}

void pit_write_61(struct pit *pit, uint8_t value, int64_t now)
{
    pit->speaker = value >> 1 & 1;
    set_gate(&pit->channel[2], value & 1, now);
}

static bool legal(const struct pit_channel *c, int64_t now)
{
    return c->count >= 1 && c->count <= 0x10000 && c->access >= 1 && c->access <= 3 &&
           c->mode <= 5 && c->latch_left <= 2 && c->start >= 0 && c->start <= now &&
           c->paused >= RUNS && c->paused < MAX_TICKS;
}

int pit_loaded(struct pit *pit, int64_t now)
{
    for (unsigned i = 0; i < PIT_CHANNELS; i++) {
        if (!legal(&pit->channel[i], now)) {
            return -EINVAL;
        }
    }
    pit->out = output_level(&pit->channel[0], now);
    pit->timer(pit->opaque, next_rise(&pit->channel[0], now));
    return 0;
}
