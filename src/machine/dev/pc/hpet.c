/* SPDX-License-Identifier: GPL-2.0-or-later */
/* HPET: see hpet.h. One tick is ten nanoseconds. */
#include "machine/dev/pc/hpet.h"

#include "base/bits.h"
#include "machine/dev/classes.h"

#include <string.h>

#define TICK_NS   10
#define PERIOD_FS UINT64_C(10000000)
#define VENDOR    UINT64_C(0x8086)
#define TICKS_MAX ((uint64_t)INT64_MAX / TICK_NS / 4) /* longest a timer is armed for */

enum { R_CAP = 0x000, R_CONFIG = 0x010, R_STATUS = 0x020, R_COUNTER = 0x0f0, R_TIMER = 0x100 };
enum { T_CONFIG = 0x00, T_COMPARE = 0x08, T_ROUTE = 0x10 };

#define CONFIG_ENABLE BIT64(0)
#define CONFIG_LEGACY BIT64(1)

#define TN_LEVEL       BIT64(1)
#define TN_ENABLE      BIT64(2)
#define TN_PERIODIC    BIT64(3)
#define TN_PERIODIC_OK BIT64(4)
#define TN_64BIT_OK    BIT64(5)
#define TN_SET         BIT64(6)
#define TN_32BIT       BIT64(8)
#define TN_ROUTE(c)    bits_get(c, 9, 5)
#define TN_FSB         BIT64(14)
#define TN_FSB_OK      BIT64(15)
#define TN_WRITABLE    UINT64_C(0x7f4e)

struct comparator {
    uint64_t config, compare, period, route;
    struct hpet *hpet;
    unsigned n;
    struct timer timer;
};

struct hpet {
    struct dev dev;
    uint32_t intcap;
    uint8_t n_timers;
    bool msi;
    struct irq line[HPET_MAX_LINES], pit_disable;
    struct bus_region region;
    struct bus_mapping *mapping;

    /* lock */
    uint64_t config, status;
    uint64_t counter; /* while stopped */
    uint64_t offset;  /* ticks: counter - now while it runs */
    bool rtc_level;
    struct comparator t[HPET_TIMERS];
};

static const struct row hpet_props[] = {
    {"timers", ROW_UINT, ROW_FIELD(struct hpet, n_timers), .def = "3", .min = 3, .max = 3,
     .help = "number of comparators"},
    {"msi", ROW_BOOL, ROW_FIELD(struct hpet, msi), .def = "off",
     .help = "comparators can send messages"},
    {"hpet-intcap", ROW_UINT, ROW_FIELD(struct hpet, intcap), .def = "16711940",
     .help = "bit mask of the interrupts a comparator can be routed to"},
    {NULL},
};

static const struct state_row comparator_rows[] = {
    STATE_U(struct comparator, config, 0), STATE_U(struct comparator, compare, UINT64_MAX),
    STATE_U(struct comparator, period, 0), STATE_U(struct comparator, route, 0),
    STATE_T(struct comparator, timer),     STATE_DONE,
};

static const struct state_row hpet_state[] = {
    STATE_U(struct hpet, config, 0),
    STATE_U(struct hpet, status, 0),
    STATE_U(struct hpet, counter, 0),
    STATE_U(struct hpet, offset, 0),
    STATE_U(struct hpet, rtc_level, 0),
    {.kind = STATE_STRUCT,
     .name = "t",
     .offset = offsetof(struct hpet, t),
     .size = sizeof(struct comparator),
     .count = HPET_TIMERS,
     .rows = comparator_rows},
    STATE_DONE,
};

static struct hpet *hpet_of(struct dev *dev)
{
    return (struct hpet *)dev;
}

static uint64_t now_ticks(const struct hpet *h)
{
    return (uint64_t)clock_now(h->dev.env->clock, CLOCK_GUEST) / TICK_NS;
}

static bool enabled(const struct hpet *h)
{
    return (h->config & CONFIG_ENABLE) != 0;
}

static bool legacy(const struct hpet *h)
{
    return (h->config & CONFIG_LEGACY) != 0;
}

static uint64_t counter(const struct hpet *h)
{
    return enabled(h) ? now_ticks(h) + h->offset : h->counter;
}

/* ---- interrupts ---- */

static unsigned route(const struct comparator *c)
{
    if (legacy(c->hpet) && c->n < 2) {
        return c->n == 0 ? 0 : 8;
    }
    return (unsigned)TN_ROUTE(c->config);
}

static void set_line(const struct hpet *h, unsigned n, bool level)
{
    if (n < HPET_MAX_LINES) {
        irq_set(&h->line[n], level);
    }
}

static void interrupt(struct comparator *c)
{
    struct hpet *h = c->hpet;

    if (c->config & TN_LEVEL) {
        h->status |= BIT64(c->n);
    }
    if (!(c->config & TN_ENABLE) || !enabled(h)) {
        return;
    }
    if (c->config & TN_FSB) {
        msi_send(&h->dev.env->msi, 0, c->route >> 32, (uint32_t)c->route);
    } else if (c->config & TN_LEVEL) {
        set_line(h, route(c), true);
    } else {
        set_line(h, route(c), false);
        set_line(h, route(c), true);
        set_line(h, route(c), false);
    }
}

static void lower(struct comparator *c)
{
    c->hpet->status &= ~BIT64(c->n);
    if (c->config & TN_LEVEL) {
        set_line(c->hpet, route(c), false);
    }
}

/* ---- comparators ---- */

static uint64_t width(const struct comparator *c, uint64_t v)
{
    return c->config & TN_32BIT ? (uint32_t)v : v;
}

static bool periodic(const struct comparator *c)
{
    return (c->config & TN_PERIODIC) && c->period != 0;
}

static void arm_after(struct comparator *c, uint64_t ticks)
{
    timer_arm(&c->timer, (int64_t)((now_ticks(c->hpet) + ticks) * TICK_NS));
}

/* A past comparator value of a one-shot matches when the counter has wrapped. */
static void arm(struct comparator *c)
{
    uint64_t at = counter(c->hpet);
    uint64_t ticks = width(c, c->compare - at);

    if (enabled(c->hpet) && ticks <= TICKS_MAX) {
        arm_after(c, ticks);
    } else {
        timer_cancel(&c->timer);
    }
}

static void matched(void *opaque)
{
    struct comparator *c = opaque;
    uint64_t at = counter(c->hpet);

    if (periodic(c)) { /* periods that went by together are one interrupt */
        uint64_t behind = width(c, at - c->compare);

        c->compare = width(c, c->compare + (behind / c->period + 1) * c->period);
        arm(c);
    } else if (c->config & TN_32BIT) {
        arm_after(c, UINT64_C(1) << 32);
    }
    interrupt(c);
}

/* ---- registers ---- */

static uint64_t capabilities(const struct hpet *h)
{
    return 1 | (uint64_t)(HPET_TIMERS - 1) << 8 | BIT64(13) | BIT64(15) | VENDOR << 16 |
           PERIOD_FS << 32;
}

static uint64_t read_timer(const struct comparator *c, unsigned reg)
{
    switch (reg) {
    case T_CONFIG:
        return c->config | TN_PERIODIC_OK | TN_64BIT_OK | (c->hpet->msi ? TN_FSB_OK : 0) |
               (uint64_t)c->hpet->intcap << 32;
    case T_COMPARE: return c->compare;
    case T_ROUTE: return c->route;
    default: return 0;
    }
}

static uint64_t read_reg(const struct hpet *h, unsigned off)
{
    switch (off) {
    case R_CAP: return capabilities(h);
    case R_CONFIG: return h->config;
    case R_STATUS: return h->status;
    case R_COUNTER: return counter(h);
    default: break;
    }
    if (off >= R_TIMER && (off - R_TIMER) >> 5 < HPET_TIMERS) {
        return read_timer(&h->t[(off - R_TIMER) >> 5], off & 0x1f);
    }
    return 0;
}

static void write_config(struct hpet *h, uint64_t value)
{
    uint64_t old = h->config, changed;
    uint64_t at = counter(h);

    h->config = value & (CONFIG_ENABLE | CONFIG_LEGACY);
    changed = old ^ h->config;
    if (changed & CONFIG_ENABLE) {
        h->counter = at;
        h->offset = at - now_ticks(h);
        for (unsigned i = 0; i < HPET_TIMERS; i++) {
            if (enabled(h) && h->t[i].config & TN_LEVEL && h->status & BIT64(i)) {
                set_line(h, route(&h->t[i]), true);
            }
            arm(&h->t[i]);
        }
    }
    if (changed & CONFIG_LEGACY) {
        irq_set(&h->pit_disable, legacy(h));
        set_line(h, 8, !legacy(h) && h->rtc_level);
    }
}

static void write_status(struct hpet *h, uint64_t value)
{
    for (unsigned i = 0; i < HPET_TIMERS; i++) {
        if (value & h->status & BIT64(i)) {
            lower(&h->t[i]);
        }
    }
}

static void write_timer_config(struct comparator *c, uint64_t value)
{
    uint64_t legal = TN_WRITABLE & (c->hpet->msi ? UINT64_MAX : ~TN_FSB);
    uint64_t old = c->config;

    if (old & TN_LEVEL && (!(value & TN_LEVEL) || !(value & TN_ENABLE))) {
        set_line(c->hpet, route(c), false);
    }
    c->config = value & legal;
    if (c->config & TN_32BIT) {
        c->compare = (uint32_t)c->compare;
        c->period = (uint32_t)c->period;
    }
    if (c->config & TN_ENABLE && c->config & TN_LEVEL && c->hpet->status & BIT64(c->n)) {
        set_line(c->hpet, route(c), enabled(c->hpet));
    }
    arm(c);
}

/* A periodic comparator takes its period too, and only that once SET_VAL has been used up. */
static void write_compare(struct comparator *c, uint64_t value, uint64_t mask)
{
    if (!(c->config & TN_PERIODIC) || c->config & TN_SET) {
        c->compare = width(c, (c->compare & ~mask) | (value & mask));
    }
    if (c->config & TN_PERIODIC) {
        c->period = width(c, (c->period & ~mask) | (value & mask));
        c->period = MIN(c->period, TICKS_MAX);
    }
    if (mask >> 32 || c->config & TN_32BIT) {
        c->config &= ~TN_SET;
    }
    arm(c);
}

static void write_reg(struct hpet *h, unsigned off, uint64_t value, uint64_t mask)
{
    unsigned n = (off - R_TIMER) >> 5;
    uint64_t merged = (read_reg(h, off) & ~mask) | (value & mask);

    switch (off) {
    case R_CONFIG: write_config(h, merged); return;
    case R_STATUS: write_status(h, value & mask); return;
    case R_COUNTER:
        if (!enabled(h)) {
            h->counter = merged;
        }
        return;
    default: break;
    }
    if (off < R_TIMER || n >= HPET_TIMERS) {
        return;
    }
    switch (off & 0x1f) {
    case T_CONFIG: write_timer_config(&h->t[n], merged); break;
    case T_COMPARE: write_compare(&h->t[n], value, mask); break;
    case T_ROUTE: h->t[n].route = merged; break;
    default: break;
    }
}

static uint64_t hpet_read(void *opaque, gpa off, unsigned size)
{
    uint64_t value = read_reg(opaque, (unsigned)off & ~7u);

    return value >> (off & 4) * 8;
}

static void hpet_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    unsigned shift = (unsigned)(off & 4) * 8;

    write_reg(opaque, (unsigned)off & ~7u, value << shift, mask64(size * 8) << shift);
}

static const struct bus_ops hpet_ops = {
    .read = hpet_read,
    .write = hpet_write,
    .min_size = 4,
    .max_size = 8,
    .narrow = BUS_SPLIT,
    .unaligned = BUS_IGNORE,
};

/* ---- life ---- */

void hpet_connect(struct dev *dev, const struct irq *line, const struct irq *pit_disable)
{
    struct hpet *h = hpet_of(dev);

    memcpy(h->line, line, sizeof(h->line));
    h->pit_disable = *pit_disable;
}

static void set_rtc(void *opaque, int n, bool level)
{
    struct hpet *h = opaque;

    g_mutex_lock(&h->dev.lock);
    h->rtc_level = level;
    if (!legacy(h)) {
        set_line(h, 8, level);
    }
    g_mutex_unlock(&h->dev.lock);
}

struct irq hpet_rtc_line(struct dev *dev)
{
    return (struct irq){.set = set_rtc, .opaque = dev};
}

static gboolean hpet_realize(struct dev *dev, GError **error)
{
    struct hpet *h = hpet_of(dev);

    for (unsigned i = 0; i < HPET_TIMERS; i++) {
        struct comparator *c = &h->t[i];

        c->hpet = h;
        c->n = i;
        timer_init(&c->timer, dev->env->clock, CLOCK_GUEST, &dev->lock, matched, c);
    }
    bus_region_init_io(&h->region, "hpet", HPET_SIZE, &hpet_ops, h, &dev->lock);
    h->mapping = bus_map(dev->env->memory, HPET_BASE, &h->region, 0, HPET_SIZE, 0, false);
    return TRUE;
}

static void hpet_unrealize(struct dev *dev)
{
    struct hpet *h = hpet_of(dev);

    bus_unmap(dev->env->memory, h->mapping);
    g_mutex_lock(&dev->lock);
    for (unsigned i = 0; i < HPET_TIMERS; i++) {
        timer_cancel(&h->t[i].timer);
    }
    g_mutex_unlock(&dev->lock);
}

static void hpet_reset(struct dev *dev)
{
    struct hpet *h = hpet_of(dev);

    for (unsigned i = 0; i < HPET_TIMERS; i++) {
        timer_cancel(&h->t[i].timer);
    }
    irq_set(&h->pit_disable, false);
}

static gboolean hpet_post_load(struct dev *dev, GError **error)
{
    struct hpet *h = hpet_of(dev);
    bool ok = !(h->config & ~(CONFIG_ENABLE | CONFIG_LEGACY));

    for (unsigned i = 0; i < HPET_TIMERS; i++) {
        h->t[i].period = MIN(h->t[i].period, TICKS_MAX);
        h->t[i].config &= TN_WRITABLE;
    }
    if (!ok) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "hpet: state out of range");
    }
    return ok;
}

const struct dev_class hpet_class = {
    .name = "hpet",
    .description = "high precision event timer",
    .category = "Misc",
    .instance_size = sizeof(struct hpet),
    .props = hpet_props,
    .state = hpet_state,
    .state_version = 1,
    .internal = true,
    .realize = hpet_realize,
    .unrealize = hpet_unrealize,
    .reset = hpet_reset,
    .post_load = hpet_post_load,
};
