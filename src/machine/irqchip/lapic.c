/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Local APIC: see lapic.h. Register offsets as in the SDM, table 11-1. */
#include "machine/irqchip/lapic.h"

#include "base/bits.h"
#include "base/least.h"

#include <errno.h>
#include <string.h>

enum {
    R_ID = 0x020,
    R_VERSION = 0x030,
    R_TPR = 0x080,
    R_APR = 0x090,
    R_PPR = 0x0a0,
    R_EOI = 0x0b0,
    R_LDR = 0x0d0,
    R_DFR = 0x0e0,
    R_SVR = 0x0f0,
    R_ISR = 0x100,
    R_TMR = 0x180,
    R_IRR = 0x200,
    R_ESR = 0x280,
    R_ICR_LOW = 0x300,
    R_ICR_HIGH = 0x310,
    R_LVT = 0x320, /* six of them, in enum lapic_lvt's order */
    R_INITIAL = 0x380,
    R_CURRENT = 0x390,
    R_DIVIDE = 0x3e0,
    R_SELF_IPI = 0x3f0, /* x2APIC only */
};

#define VERSION (0x14 | (LVT_COUNT - 1) << 16)

#define BASE_BSP     BIT64(8)
#define BASE_X2      BIT64(10)
#define BASE_ENABLE  BIT64(11)
#define BASE_ADDRESS (mask64(52) & ~mask64(12))

#define SVR_ENABLE 0x100
#define SVR_BITS   0x3ff

#define LVT_VECTOR     0xff
#define LVT_REMOTE_IRR 0x4000
#define LVT_LEVEL      0x8000
#define LVT_MASKED     0x10000
#define LVT_PERIODIC   0x20000
#define LVT_DEADLINE   0x40000

#define ESR_SEND_VECTOR    (1u << 5)
#define ESR_RECEIVE_VECTOR (1u << 6)
#define ESR_REGISTER       (1u << 7)

#define ICR_BITS 0x000ccfffu

static const uint32_t lvt_bits[LVT_COUNT] = {
    [LVT_TIMER] = 0x700ff, [LVT_THERMAL] = 0x107ff, [LVT_PERF] = 0x107ff,
    [LVT_LINT0] = 0x1a7ff, [LVT_LINT1] = 0x1a7ff,   [LVT_ERROR] = 0x100ff,
};

const struct state_row lapic_state[] = {
    STATE_U(struct lapic, base, LAPIC_BASE_RESET),
    STATE_U(struct lapic, xid, 0),
    STATE_U(struct lapic, tpr, 0),
    STATE_U(struct lapic, ldr, 0),
    STATE_U(struct lapic, dfr, 0xffffffff),
    STATE_U(struct lapic, svr, 0xff),
    STATE_U_ARRAY(struct lapic, isr, 0),
    STATE_U_ARRAY(struct lapic, tmr, 0),
    STATE_U_ARRAY(struct lapic, irr, 0),
    STATE_U(struct lapic, esr, 0),
    STATE_U(struct lapic, errors, 0),
    STATE_U_ARRAY(struct lapic, icr, 0),
    STATE_U_ARRAY(struct lapic, lvt, LVT_MASKED),
    STATE_U(struct lapic, lint, 0),
    STATE_U(struct lapic, initial, 0),
    STATE_U(struct lapic, divide, 0),
    STATE_U(struct lapic, start, 0),
    STATE_U(struct lapic, expiry, LAPIC_NEVER),
    STATE_U(struct lapic, deadline, 0),
    STATE_DONE,
};

/* ---- vectors ---- */

static void set_bit(uint32_t *set, uint8_t vector)
{
    set[vector >> 5] |= 1u << (vector & 31);
}

static void clear_bit(uint32_t *set, uint8_t vector)
{
    set[vector >> 5] &= ~(1u << (vector & 31));
}

static bool test_bit(const uint32_t *set, uint8_t vector)
{
    return set[vector >> 5] >> (vector & 31) & 1;
}

static int highest(const uint32_t *set)
{
    for (int i = 7; i >= 0; i--) {
        if (set[i]) {
            return i * 32 + 31 - __builtin_clz(set[i]);
        }
    }
    return -1;
}

uint8_t lapic_ppr(const struct lapic *l)
{
    int served = highest(l->isr);
    uint8_t class = served < 0 ? 0 : served & 0xf0;

    return (l->tpr & 0xf0) >= class ? (uint8_t)l->tpr : class;
}

bool lapic_enabled(const struct lapic *l)
{
    return (l->base & BASE_ENABLE) != 0;
}

bool lapic_is_x2apic(const struct lapic *l)
{
    return (l->base & (BASE_ENABLE | BASE_X2)) == (BASE_ENABLE | BASE_X2);
}

static bool software_enabled(const struct lapic *l)
{
    return lapic_enabled(l) && (l->svr & SVR_ENABLE);
}

int lapic_pending(const struct lapic *l)
{
    int vector;

    if (!software_enabled(l)) {
        return -1;
    }
    vector = highest(l->irr);
    return vector >= 0 && (vector & 0xf0) > (lapic_ppr(l) & 0xf0) ? vector : -1;
}

bool lapic_passes_pic(const struct lapic *l)
{
    uint32_t lvt = l->lvt[LVT_LINT0];

    if (!lapic_enabled(l)) {
        return l->bsp; /* LINT0 is the CPU's INTR pin */
    }
    return !(lvt & LVT_MASKED) && (lvt >> 8 & 7) == APIC_EXTINT;
}

static void update(struct lapic *l)
{
    bool level = lapic_pending(l) >= 0 || ((l->lint & 1) && lapic_passes_pic(l));

    if (level != l->level) {
        l->level = level;
        l->ops->output(l->opaque, level);
    }
}

static void error(struct lapic *l, uint32_t bit);

static void accept(struct lapic *l, uint8_t vector, bool level)
{
    if (!software_enabled(l)) {
        return;
    }
    if (vector < 16) {
        error(l, ESR_RECEIVE_VECTOR);
        return;
    }
    set_bit(l->irr, vector);
    if (level) {
        set_bit(l->tmr, vector);
    } else {
        clear_bit(l->tmr, vector);
    }
    update(l);
}

/* Marks an error and raises the error interrupt if it is new (SDM 11.5.3). */
static void error(struct lapic *l, uint32_t bit)
{
    uint32_t lvt = l->lvt[LVT_ERROR];

    if (l->errors & bit) {
        return;
    }
    l->errors |= bit;
    if (!(lvt & LVT_MASKED) && (lvt & LVT_VECTOR) >= 16) {
        accept(l, lvt & LVT_VECTOR, false);
    }
}

int lapic_acknowledge(struct lapic *l)
{
    int vector = lapic_pending(l);

    if (vector >= 0) {
        clear_bit(l->irr, (uint8_t)vector);
        set_bit(l->isr, (uint8_t)vector);
        update(l);
    }
    return vector;
}

static void end_of_interrupt(struct lapic *l)
{
    int vector = highest(l->isr);
    bool level;

    if (vector < 0) {
        return;
    }
    clear_bit(l->isr, (uint8_t)vector);
    level = test_bit(l->tmr, (uint8_t)vector);
    if ((l->lvt[LVT_LINT0] & LVT_VECTOR) == (uint32_t)vector) {
        l->lvt[LVT_LINT0] &= ~LVT_REMOTE_IRR;
    }
    update(l);
    if (level) {
        l->ops->eoi(l->opaque, (uint8_t)vector);
    }
}

/* ---- messages ---- */

static bool match_logical(const struct lapic *l, uint32_t dest)
{
    if (lapic_is_x2apic(l)) {
        return dest >> 16 == l->ldr >> 16 && (dest & l->ldr & 0xffff) != 0;
    }
    if (l->dfr >> 28 == 0xf) { /* flat */
        return (dest & l->ldr >> 24) != 0;
    }
    return l->dfr >> 28 == 0 && (dest >> 4 & 0xf) == l->ldr >> 28 &&
           (dest & l->ldr >> 24 & 0xf) != 0;
}

bool lapic_match(const struct lapic *l, const struct apic_message *m)
{
    if (!lapic_enabled(l)) {
        return false;
    }
    if (m->dest == UINT32_MAX || (!m->wide && m->dest == 0xff)) {
        return true;
    }
    if (m->logical) {
        return match_logical(l, m->dest);
    }
    return m->dest == (lapic_is_x2apic(l) ? l->id : l->xid);
}

bool lapic_takes_lowest(const struct lapic *l)
{
    return software_enabled(l);
}

void lapic_deliver(struct lapic *l, const struct apic_message *m)
{
    switch (m->delivery) {
    case APIC_FIXED:
    case APIC_LOWEST: accept(l, m->vector, m->level); break;
    case APIC_NMI: l->ops->event(l->opaque, LAPIC_NMI, 0); break;
    case APIC_SMI: l->ops->event(l->opaque, LAPIC_SMI, 0); break;
    case APIC_INIT:
        if (!m->level || m->assert_) {
            lapic_init_reset(l);
            l->ops->event(l->opaque, LAPIC_INIT, 0);
        }
        break;
    case APIC_START: l->ops->event(l->opaque, LAPIC_START, m->vector); break;
    default: /* ExtINT comes by LINT0 only */ break;
    }
}

void lapic_set_lint(struct lapic *l, unsigned pin, bool level)
{
    uint32_t bit = 1u << (pin & 1);
    uint32_t *lvt = &l->lvt[LVT_LINT0 + (pin & 1)];
    bool rose = level && !(l->lint & bit);

    l->lint = level ? l->lint | bit : l->lint & ~bit;
    if (!lapic_enabled(l)) {
        if (rose && pin) {
            l->ops->event(l->opaque, LAPIC_NMI, 0); /* LINT1 is the CPU's NMI pin */
        }
    } else if (rose && !(*lvt & LVT_MASKED)) {
        switch (*lvt >> 8 & 7) {
        case APIC_NMI: l->ops->event(l->opaque, LAPIC_NMI, 0); break;
        case APIC_FIXED: accept(l, *lvt & LVT_VECTOR, pin == 0 && *lvt & LVT_LEVEL); break;
        default: break;
        }
    }
    update(l);
}

/* ---- timer ---- */

static unsigned divide_shift(const struct lapic *l)
{
    return ((l->divide & 3) + (l->divide >> 1 & 4) + 1) & 7;
}

static bool deadline_mode(const struct lapic *l)
{
    return (l->lvt[LVT_TIMER] & LVT_DEADLINE) != 0;
}

static uint32_t current_count(const struct lapic *l, int64_t now)
{
    uint64_t ticks;

    if (deadline_mode(l) || l->initial == 0 || now < l->start) {
        return 0;
    }
    ticks = (uint64_t)(now - l->start) >> divide_shift(l);
    if (l->lvt[LVT_TIMER] & LVT_PERIODIC) {
        return l->initial - (uint32_t)(ticks % l->initial);
    }
    return ticks < l->initial ? l->initial - (uint32_t)ticks : 0;
}

/* When the timer next interrupts after `now`. */
static int64_t next_expiry(const struct lapic *l, int64_t now)
{
    int64_t period = (int64_t)((uint64_t)l->initial << divide_shift(l));

    if (l->lvt[LVT_TIMER] & LVT_MASKED) {
        return LAPIC_NEVER;
    }
    if (deadline_mode(l)) {
        return l->deadline && l->ops->tsc_time ? l->ops->tsc_time(l->opaque, l->deadline)
                                               : LAPIC_NEVER;
    }
    if (l->initial == 0) {
        return LAPIC_NEVER;
    }
    if (l->lvt[LVT_TIMER] & LVT_PERIODIC) {
        return l->start + ((now - l->start) / period + 1) * period;
    }
    return now - l->start < period ? l->start + period : LAPIC_NEVER;
}

static void rearm(struct lapic *l, int64_t now)
{
    l->expiry = next_expiry(l, now);
    l->ops->timer(l->opaque, l->expiry);
}

void lapic_timer(struct lapic *l, int64_t now)
{
    uint32_t lvt = l->lvt[LVT_TIMER];

    if (l->expiry == LAPIC_NEVER || now < l->expiry) {
        l->ops->timer(l->opaque, l->expiry);
        return;
    }
    l->deadline = 0;
    if (!(lvt & LVT_MASKED)) {
        accept(l, lvt & LVT_VECTOR, false);
    }
    rearm(l, now);
}

static void set_initial(struct lapic *l, uint32_t value, int64_t now)
{
    if (deadline_mode(l)) {
        return;
    }
    l->initial = value;
    l->start = now;
    rearm(l, now);
}

/* The count already reached stays; from here it runs at the new rate. */
static void set_divide(struct lapic *l, uint32_t value, int64_t now)
{
    uint64_t done = l->initial - (uint64_t)current_count(l, now);

    l->divide = value & 0xb;
    if (l->initial) {
        l->start = max_i64(0, now - (int64_t)(done << divide_shift(l)));
        rearm(l, now);
    }
}

uint64_t lapic_deadline(const struct lapic *l)
{
    return deadline_mode(l) ? l->deadline : 0;
}

void lapic_set_deadline(struct lapic *l, uint64_t tsc, int64_t now)
{
    if (deadline_mode(l)) {
        l->deadline = tsc;
        rearm(l, now);
    }
}

/* ---- registers ---- */

uint8_t lapic_cr8(const struct lapic *l)
{
    return l->tpr >> 4 & 0xf;
}

static void set_tpr(struct lapic *l, uint8_t value)
{
    l->tpr = value;
    update(l);
}

void lapic_set_cr8(struct lapic *l, uint8_t value)
{
    set_tpr(l, (uint8_t)(value << 4));
}

static uint32_t read_register(struct lapic *l, unsigned off, int64_t now, bool *ret_known)
{
    *ret_known = true;
    switch (off) {
    case R_ID: return lapic_is_x2apic(l) ? l->id : l->xid << 24;
    case R_VERSION: return VERSION;
    case R_TPR: return l->tpr;
    case R_APR: return 0;
    case R_PPR: return lapic_ppr(l);
    case R_EOI: return 0;
    case R_LDR: return l->ldr;
    case R_DFR: return l->dfr;
    case R_SVR: return l->svr;
    case R_ESR: return l->esr;
    case R_ICR_LOW: return l->icr[0];
    case R_ICR_HIGH: return l->icr[1];
    case R_INITIAL: return l->initial;
    case R_CURRENT: return current_count(l, now);
    case R_DIVIDE: return l->divide;
    default: break;
    }
    if (off >= R_ISR && off < R_ESR) {
        const uint32_t *set = off < R_TMR ? l->isr : off < R_IRR ? l->tmr : l->irr;

        return set[off >> 4 & 7];
    }
    if (off >= R_LVT && off < R_INITIAL) {
        return l->lvt[(off - R_LVT) >> 4];
    }
    *ret_known = false;
    return 0;
}

uint32_t lapic_read(struct lapic *l, unsigned off, int64_t now)
{
    bool known;
    uint32_t value = read_register(l, off, now, &known);

    if (!known) {
        error(l, ESR_REGISTER);
    }
    return value;
}

static void mask_all(struct lapic *l)
{
    for (unsigned i = 0; i < LVT_COUNT; i++) {
        l->lvt[i] |= LVT_MASKED;
    }
}

static void write_lvt(struct lapic *l, enum lapic_lvt i, uint32_t value, int64_t now)
{
    uint32_t old = l->lvt[i];

    value = (value & lvt_bits[i]) | (old & LVT_REMOTE_IRR);
    if (!(l->svr & SVR_ENABLE)) {
        value |= LVT_MASKED;
    }
    if (i == LVT_TIMER && !l->ops->tsc_time) {
        value &= ~LVT_DEADLINE;
    }
    l->lvt[i] = value;
    if (i == LVT_TIMER) {
        if ((old ^ value) & LVT_DEADLINE) { /* either kind of timer is disarmed */
            l->deadline = 0;
            l->initial = 0;
        }
        rearm(l, now);
    }
    update(l);
}

static void write_svr(struct lapic *l, uint32_t value, int64_t now)
{
    l->svr = value & SVR_BITS;
    if (!(value & SVR_ENABLE)) {
        mask_all(l);
        rearm(l, now);
    }
    update(l);
}

/* TRUE: *ret is to be sent. */
static bool send_ipi(struct lapic *l, uint32_t low, uint32_t dest, struct apic_message *ret)
{
    *ret = (struct apic_message){
        .dest = dest,
        .wide = lapic_is_x2apic(l),
        .logical = low >> 11 & 1,
        .level = false,
        .assert_ = true,
        .vector = (uint8_t)low,
        .delivery = (enum apic_delivery)(low >> 8 & 7),
        .shorthand = (enum apic_shorthand)(low >> 18 & 3),
    };
    switch (ret->delivery) {
    case APIC_FIXED:
    case APIC_LOWEST:
        if (ret->vector < 16) {
            error(l, ESR_SEND_VECTOR);
            return false;
        }
        return true;
    case APIC_INIT: return !((low & 0x8000) && !(low & 0x4000)); /* the de-assert does nothing */
    case APIC_SMI:
    case APIC_NMI:
    case APIC_START: return true;
    default: return false;
    }
}

static bool write_register(struct lapic *l, unsigned off, uint32_t value, int64_t now,
                           struct apic_message *ret_ipi, bool *ret_known)
{
    *ret_known = true;
    switch (off) {
    case R_ID: l->xid = value >> 24; break;
    case R_TPR: set_tpr(l, (uint8_t)value); break;
    case R_EOI: end_of_interrupt(l); break;
    case R_LDR: l->ldr = value & 0xff000000; break;
    case R_DFR: l->dfr = value | 0x0fffffff; break;
    case R_SVR: write_svr(l, value, now); break;
    case R_ESR:
        l->esr = l->errors;
        l->errors = 0;
        break;
    case R_ICR_LOW:
        l->icr[0] = value & ICR_BITS;
        return send_ipi(l, value, l->icr[1] >> 24, ret_ipi);
    case R_ICR_HIGH: l->icr[1] = value & 0xff000000; break;
    case R_INITIAL: set_initial(l, value, now); break;
    case R_DIVIDE: set_divide(l, value, now); break;
    default:
        if (off >= R_LVT && off < R_INITIAL) {
            write_lvt(l, (enum lapic_lvt)((off - R_LVT) >> 4), value, now);
        } else {
            *ret_known = false;
        }
        break;
    }
    return false;
}

bool lapic_write(struct lapic *l, unsigned off, uint32_t value, int64_t now,
                 struct apic_message *ret_ipi)
{
    bool known;
    bool ipi = write_register(l, off, value, now, ret_ipi, &known);

    if (!known) {
        error(l, ESR_REGISTER);
    }
    return ipi;
}

/* ---- x2APIC ---- */

int lapic_msr_read(struct lapic *l, uint32_t msr, int64_t now, uint64_t *ret)
{
    unsigned off = (msr - 0x800) << 4;
    bool known;
    uint32_t value;

    if (!lapic_is_x2apic(l) || off == R_DFR || off == R_ICR_HIGH || off == R_EOI || off == R_APR) {
        return -1;
    }
    if (off == R_ICR_LOW) {
        *ret = l->icr[0] | (uint64_t)l->icr[1] << 32;
        return 0;
    }
    value = read_register(l, off, now, &known);
    if (!known) {
        return -1;
    }
    *ret = value;
    return 0;
}

/* Bits that may be set in a write of the register; 0: none or not writable (see callers). */
static uint64_t x2_writable(unsigned off)
{
    switch (off) {
    case R_TPR: return 0xff;
    case R_SVR: return SVR_BITS | 0x1000;
    case R_ICR_LOW: return UINT64_C(0xffffffff00000000) | ICR_BITS;
    case R_INITIAL: return UINT32_MAX;
    case R_DIVIDE: return 0xb;
    case R_SELF_IPI: return 0xff;
    default: break;
    }
    return off >= R_LVT && off < R_INITIAL ? lvt_bits[(off - R_LVT) >> 4] | 0x5000 : 0;
}

int lapic_msr_write(struct lapic *l, uint32_t msr, uint64_t value, int64_t now,
                    struct apic_message *ret_ipi)
{
    unsigned off = (msr - 0x800) << 4;
    uint64_t legal = x2_writable(off);

    if (!lapic_is_x2apic(l) || value & ~legal || (!legal && off != R_EOI && off != R_ESR)) {
        return -1;
    }
    if (off == R_ICR_LOW) {
        l->icr[0] = (uint32_t)value;
        l->icr[1] = (uint32_t)(value >> 32);
        return send_ipi(l, l->icr[0], l->icr[1], ret_ipi);
    }
    if (off == R_SELF_IPI) {
        return send_ipi(l, (uint32_t)value | (uint32_t)APIC_TO_SELF << 18, 0, ret_ipi);
    }
    return lapic_write(l, off, (uint32_t)value, now, ret_ipi);
}

/* Logical x2APIC id: cluster in the high half, one bit of 16 in the low (SDM 11.12.10.2). */
static uint32_t x2_ldr(uint32_t id)
{
    return (id >> 4) << 16 | 1u << (id & 15);
}

int lapic_set_base(struct lapic *l, uint64_t value)
{
    uint64_t legal = BASE_ADDRESS | BASE_BSP | BASE_ENABLE | (l->has_x2apic ? BASE_X2 : 0);
    bool was_on = lapic_enabled(l), on = (value & BASE_ENABLE) != 0;
    bool was_x2 = lapic_is_x2apic(l), x2 = (value & BASE_X2) != 0;

    if (value & ~legal || (x2 && !on) || (was_x2 && on && !x2) || (!was_on && x2)) {
        return -1;
    }
    l->base = (value & ~BASE_BSP) | (l->bsp ? BASE_BSP : 0);
    if (was_on && !on) {
        lapic_init_reset(l);
    } else if (x2 && !was_x2) {
        l->ldr = x2_ldr(l->id);
    }
    update(l);
    return 0;
}

/* ---- life ---- */

void lapic_init(struct lapic *l, uint32_t id, bool bsp, bool has_x2apic,
                const struct lapic_ops *ops, void *opaque)
{
    memset(l, 0, sizeof(*l));
    l->id = id;
    l->bsp = bsp;
    l->has_x2apic = has_x2apic;
    l->ops = ops;
    l->opaque = opaque;
    lapic_reset(l);
}

void lapic_init_reset(struct lapic *l)
{
    bool x2 = lapic_is_x2apic(l);

    l->tpr = 0;
    l->ldr = x2 ? x2_ldr(l->id) : 0;
    l->dfr = 0xffffffff;
    l->svr = 0xff;
    memset(l->isr, 0, sizeof(l->isr));
    memset(l->tmr, 0, sizeof(l->tmr));
    memset(l->irr, 0, sizeof(l->irr));
    l->esr = l->errors = 0;
    memset(l->icr, 0, sizeof(l->icr));
    for (unsigned i = 0; i < LVT_COUNT; i++) {
        l->lvt[i] = LVT_MASKED;
    }
    if (l->bsp) { /* the PIC reaches the first CPU before firmware has set anything up */
        l->lvt[LVT_LINT0] = APIC_EXTINT << 8;
    }
    l->initial = l->divide = 0;
    l->start = 0;
    l->deadline = 0;
    l->expiry = LAPIC_NEVER;
    l->ops->timer(l->opaque, LAPIC_NEVER);
    update(l);
}

void lapic_reset(struct lapic *l)
{
    l->base = LAPIC_BASE_RESET | BASE_ENABLE | (l->bsp ? BASE_BSP : 0);
    l->xid = l->id & 0xff;
    lapic_init_reset(l);
}

int lapic_loaded(struct lapic *l)
{
    if (l->base & ~(BASE_ADDRESS | BASE_BSP | BASE_X2 | BASE_ENABLE) || l->start < 0 ||
        l->xid > 0xff || l->tpr > 0xff || l->divide & ~0xbu) {
        return -EINVAL;
    }
    for (unsigned i = 0; i < LVT_COUNT; i++) {
        if (l->lvt[i] & ~(lvt_bits[i] | LVT_REMOTE_IRR)) {
            return -EINVAL;
        }
    }
    l->irr[0] &= 0xffff0000;
    l->isr[0] &= 0xffff0000;
    l->ops->timer(l->opaque, l->expiry);
    l->level = lapic_pending(l) >= 0 || ((l->lint & 1) && lapic_passes_pic(l));
    l->ops->output(l->opaque, l->level);
    return 0;
}
