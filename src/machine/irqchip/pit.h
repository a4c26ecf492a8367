/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 8254 programmable interval timer, and port 61h that gates its channel 2. Intel 8254 data sheet
 * (231164); port 61h as in the ICH data sheets (NMI status and control).
 *
 * Pure state: counts are computed from the time given (ns); nothing runs between calls.
 */
#ifndef VIV_MACHINE_IRQCHIP_PIT_H
#define VIV_MACHINE_IRQCHIP_PIT_H

#include "machine/core/state.h"

#define PIT_HZ       1193182
#define PIT_CHANNELS 3
#define PIT_NEVER    INT64_MAX

struct pit_channel {
    uint32_t count; /* 1..65536 (BCD: 10000) */
    uint8_t access; /* 1 low byte, 2 high byte, 3 both */
    uint8_t mode;   /* 0..5 */
    bool bcd;
    bool gate;
    bool loaded;       /* a count was written since the mode; modes 1, 5: and triggered */
    bool null_count;   /* written, not counting yet */
    bool high_next_rd; /* access 3: the next byte read is the high one */
    bool high_next_wr;
    uint8_t low_written;
    uint8_t latch_left; /* bytes of `latched` still to read */
    uint16_t latched;
    bool status_latched;
    uint8_t status;
    int64_t start;  /* ns at which counting began */
    int64_t paused; /* ticks counted when the gate stopped modes 0 and 4; -1: runs */
};

struct pit {
    struct pit_channel channel[PIT_CHANNELS];
    bool speaker; /* port 61h bit 1 */
    bool out;     /* channel 0's output as last told */
    /* Channel 0's output, and when to call pit_timer() next (absolute ns, PIT_NEVER). Frozen. */
    void (*output)(void *opaque, bool level);
    void (*timer)(void *opaque, int64_t expiry);
    void *opaque;
};

extern const struct state_row pit_state[];

void pit_init(struct pit *pit, void (*output)(void *opaque, bool level),
              void (*timer)(void *opaque, int64_t expiry), void *opaque);
void pit_reset(struct pit *pit, int64_t now);
/* `port` 0..2 the counters, 3 the control word. */
uint8_t pit_read(struct pit *pit, unsigned port, int64_t now);
void pit_write(struct pit *pit, unsigned port, uint8_t value, int64_t now);
uint8_t pit_read_61(struct pit *pit, int64_t now);
void pit_write_61(struct pit *pit, uint8_t value, int64_t now);
/* The time asked for has come. */
void pit_timer(struct pit *pit, int64_t now);
/* -EINVAL if the loaded rows cannot be; else tells output and timer anew. */
int pit_loaded(struct pit *pit, int64_t now) G_GNUC_WARN_UNUSED_RESULT;

#endif
