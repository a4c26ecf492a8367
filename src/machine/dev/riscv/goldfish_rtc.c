/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/dev/riscv/goldfish_rtc.h"

#include "base/bits.h"

#include <time.h>

enum {
    R_TIME_LOW = 0x00, /* a read holds TIME_HIGH */
    R_TIME_HIGH = 0x04,
    R_ALARM_LOW = 0x08, /* a write arms */
    R_ALARM_HIGH = 0x0c,
    R_IRQ_ENABLED = 0x10,
    R_CLEAR_ALARM = 0x14,
    R_ALARM_STATUS = 0x18,
    R_CLEAR_INTERRUPT = 0x1c,
};

struct goldfish_rtc {
    struct dev dev; /* first */
    struct config_rtc config;
    gpa base;
    struct irq irq;
    enum clock_kind kind; /* of the timer; frozen */
    bool host_date;       /* the date is the host's, not a machine clock's; frozen */
    struct bus_region region;
    struct bus_mapping *mapping;

    /* lock */
    struct timer timer;
    uint64_t offset; /* date = source + offset, modulo 2^64 */
    uint64_t alarm;  /* date */
    uint32_t time_high;
    bool armed, pending, enabled;
};

static uint64_t source(const struct goldfish_rtc *r)
{
    return r->host_date ? (uint64_t)g_get_real_time() * 1000
                        : (uint64_t)clock_now(r->dev.env->clock, r->kind);
}

static uint64_t date(const struct goldfish_rtc *r)
{
    return source(r) + r->offset;
}

static void update_irq(struct goldfish_rtc *r)
{
    irq_set(&r->irq, r->pending && r->enabled);
}

/* The timer is behind what the alarm is at: a host's date may be set meanwhile, so look again. */
static void set_timer(struct goldfish_rtc *r)
{
    uint64_t now = date(r);
    uint64_t left = r->alarm - now;

    if (!r->armed) {
        timer_cancel(&r->timer);
    } else if (r->alarm <= now) {
        timer_cancel(&r->timer);
        r->armed = false;
        r->pending = true;
        update_irq(r);
    } else {
        left = MIN(left, (uint64_t)INT64_MAX / 4);
        timer_arm(&r->timer, clock_now(r->dev.env->clock, r->kind) + (int64_t)left);
    }
}

static void expired(void *opaque)
{
    set_timer(opaque);
}

/* Half of the date; the alarm moves with it. */
static void set_date(struct goldfish_rtc *r, unsigned from, uint32_t value)
{
    uint64_t now = date(r);

    r->offset += bits_set(now, from, 32, value) - now;
    set_timer(r);
}

static uint64_t rtc_read(void *opaque, gpa off, unsigned size)
{
    struct goldfish_rtc *r = opaque;
    uint64_t now;

    switch (off) {
    case R_TIME_LOW:
        now = date(r);
        r->time_high = now >> 32;
        return (uint32_t)now;
    case R_TIME_HIGH: return r->time_high;
    case R_ALARM_LOW: return (uint32_t)r->alarm;
    case R_ALARM_HIGH: return r->alarm >> 32;
    case R_IRQ_ENABLED: return r->enabled;
    case R_ALARM_STATUS: return r->armed;
    default: return 0;
    }
}

static void rtc_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct goldfish_rtc *r = opaque;

    switch (off) {
    case R_TIME_LOW: set_date(r, 0, value); break;
    case R_TIME_HIGH: set_date(r, 32, value); break;
    case R_ALARM_LOW:
        r->alarm = bits_set(r->alarm, 0, 32, value);
        r->armed = true;
        set_timer(r);
        break;
    case R_ALARM_HIGH: r->alarm = bits_set(r->alarm, 32, 32, value); break;
    case R_IRQ_ENABLED:
        r->enabled = value & 1;
        update_irq(r);
        break;
    case R_CLEAR_ALARM:
        r->armed = false;
        set_timer(r);
        break;
    case R_CLEAR_INTERRUPT:
        r->pending = false;
        update_irq(r);
        break;
    }
}

static const struct bus_ops rtc_ops = {
    .read = rtc_read, .write = rtc_write, .min_size = 4, .max_size = 4};

static uint64_t start_date(const struct config_rtc *config)
{
    int64_t now = g_get_real_time();
    time_t t = now / G_USEC_PER_SEC;
    struct tm tm;

    switch (config->base) {
    case RTC_DATETIME: return (uint64_t)config->start * NS_PER_SEC;
    case RTC_LOCALTIME: now += localtime_r(&t, &tm) ? tm.tm_gmtoff * G_USEC_PER_SEC : 0; break;
    default: break;
    }
    return (uint64_t)now * 1000;
}

static gboolean realize(struct dev *dev, GError **error)
{
    struct goldfish_rtc *r = (struct goldfish_rtc *)dev;
    bool guest_time = dev->env->deterministic || r->config.clock == RTC_VM;

    r->kind = guest_time ? CLOCK_GUEST : CLOCK_HOST;
    r->host_date = !guest_time && r->config.clock == RTC_HOST;
    timer_init(&r->timer, dev->env->clock, r->kind, &dev->lock, expired, r);
    r->offset = start_date(&r->config) - source(r);
    bus_region_init_io(&r->region, "goldfish_rtc", GOLDFISH_RTC_SIZE, &rtc_ops, r, &dev->lock);
    r->mapping = bus_map(dev->env->memory, r->base, &r->region, 0, GOLDFISH_RTC_SIZE, 0, false);
    return TRUE;
}

static void unrealize(struct dev *dev)
{
    struct goldfish_rtc *r = (struct goldfish_rtc *)dev;

    bus_unmap(dev->env->memory, r->mapping);
    g_mutex_lock(&dev->lock);
    timer_cancel(&r->timer);
    g_mutex_unlock(&dev->lock);
}

static void reset(struct dev *dev)
{
    struct goldfish_rtc *r = (struct goldfish_rtc *)dev;

    timer_cancel(&r->timer);
    update_irq(r);
}

static gboolean post_load(struct dev *dev, GError **error)
{
    struct goldfish_rtc *r = (struct goldfish_rtc *)dev;

    g_mutex_lock(&dev->lock);
    set_timer(r);
    update_irq(r);
    g_mutex_unlock(&dev->lock);
    return TRUE;
}

/* The date goes on over resets. */
static const struct state_row state[] = {
    STATE_KEEP(struct goldfish_rtc, offset),
    STATE_U(struct goldfish_rtc, alarm, 0),
    STATE_U(struct goldfish_rtc, time_high, 0),
    STATE_U(struct goldfish_rtc, armed, 0),
    STATE_U(struct goldfish_rtc, pending, 0),
    STATE_U(struct goldfish_rtc, enabled, 0),
    STATE_DONE,
};

const struct dev_class goldfish_rtc_class = {
    .name = "goldfish_rtc",
    .description = "Goldfish real-time clock",
    .category = "Misc",
    .instance_size = sizeof(struct goldfish_rtc),
    .state = state,
    .state_version = 1,
    .internal = true,
    .realize = realize,
    .unrealize = unrealize,
    .reset = reset,
    .post_load = post_load,
};

void goldfish_rtc_place(struct dev *rtc, gpa base, struct irq irq, const struct config_rtc *config)
{
    struct goldfish_rtc *r = (struct goldfish_rtc *)rtc;

    r->base = base;
    r->irq = irq;
    r->config = *config;
}
