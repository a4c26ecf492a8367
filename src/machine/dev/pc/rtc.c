/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mc146818rtc: see rtc.h.
 *
 * The date is not counted: it is the source's time, moved, and taken apart when it is looked at.
 * While the clock is held (SET bit, or divider in reset) the registers hold it instead.
 */
#include "machine/dev/pc/rtc.h"

#include "machine/dev/classes.h"
#include "machine/dev/pc/isa.h"

#include <string.h>
#include <time.h>

enum {
    R_SECONDS,
    R_SECONDS_ALARM,
    R_MINUTES,
    R_MINUTES_ALARM,
    R_HOURS,
    R_HOURS_ALARM,
    R_WEEKDAY,
    R_DAY,
    R_MONTH,
    R_YEAR,
    R_A,
    R_B,
    R_C,
    R_D,
};

#define A_UIP     0x80
#define A_DIVIDER 0x70
#define A_RESET   0x60 /* both bits set: the divider is held */
#define A_RATE    0x0f

#define B_SET    0x80
#define B_PIE    0x40
#define B_AIE    0x20
#define B_UIE    0x10
#define B_SQWE   0x08
#define B_BINARY 0x04
#define B_24H    0x02

#define C_IRQF   0x80
#define C_PF     0x40
#define C_AF     0x20
#define C_UF     0x10
#define C_EVENTS (C_PF | C_AF | C_UF)

#define D_VALID 0x80

#define DONT_CARE   0xc0 /* alarm byte: both bits set */
#define CRYSTAL     32768
#define UIP_NS      (8 * NS_PER_SEC / CRYSTAL)
#define DAY_SECONDS 86400
#define REINJECT    20 /* lost ticks given back per real one */

enum lost_tick_policy { LOST_DISCARD, LOST_DELAY, LOST_SLEW, LOST_MERGE };
static const char *const lost_tick_names[] = {"discard", "delay", "slew", "merge", NULL};

struct rtc {
    struct dev dev;
    /* properties */
    int lost_tick_policy;
    uint16_t iobase;
    uint8_t irq_number;

    struct config_rtc config; /* frozen */
    enum clock_kind kind;     /* of its timers; frozen */
    bool host_date;           /* source is the host's date, not a machine clock; frozen */
    struct irq irq;
    struct bus_region region;
    struct bus_mapping *mapping;
    struct timer second, periodic;

    /* lock */
    uint8_t index;
    uint8_t reg[RTC_BYTES];
    int64_t offset;       /* date = whole seconds of (source + phase), + offset */
    int64_t phase;        /* ns, less than a second */
    int64_t held;         /* ns within the second at which it was held */
    int64_t seen;         /* second up to which update and alarm events were found */
    int64_t period_seen;  /* ns (source) up to which periodic events were found */
    uint32_t lost, given; /* periodic interrupts to give back; given since the last real one */
};

static const struct row rtc_props[] = {
    {"iobase", ROW_UINT, ROW_FIELD(struct rtc, iobase), .def = "112", .help = "index port"},
    {"irq", ROW_UINT, ROW_FIELD(struct rtc, irq_number), .def = "8", .max = 15,
     .help = "ISA interrupt"},
    {"lost_tick_policy", ROW_ENUM, ROW_FIELD(struct rtc, lost_tick_policy), .def = "discard",
     .values = lost_tick_names,
     .help = "what becomes of periodic interrupts the guest was late for"},
    {NULL},
};

static const struct state_row rtc_state[] = {
    STATE_U(struct rtc, index, 0),
    {.kind = STATE_ARRAY,
     .name = "reg",
     .offset = offsetof(struct rtc, reg),
     .size = 1,
     .count = RTC_BYTES,
     .keep = true},
    STATE_KEEP(struct rtc, offset),
    STATE_KEEP(struct rtc, phase),
    STATE_KEEP(struct rtc, held),
    STATE_KEEP(struct rtc, seen),
    STATE_KEEP(struct rtc, period_seen),
    STATE_U(struct rtc, lost, 0),
    STATE_U(struct rtc, given, 0),
    STATE_T(struct rtc, second),
    STATE_T(struct rtc, periodic),
    STATE_DONE,
};

static struct rtc *rtc_of(struct dev *dev)
{
    return (struct rtc *)dev;
}

/* ---- time ---- */

static int64_t source(const struct rtc *r)
{
    return r->host_date ? g_get_real_time() * 1000 : clock_now(r->dev.env->clock, r->kind);
}

static bool runs(const struct rtc *r)
{
    return !(r->reg[R_B] & B_SET) && (r->reg[R_A] & A_RESET) != A_RESET;
}

static int64_t floor_seconds(int64_t ns)
{
    return ns / NS_PER_SEC - (ns % NS_PER_SEC < 0);
}

/* Seconds since 1970 on the RTC's own calendar. */
static int64_t date(const struct rtc *r)
{
    return floor_seconds(source(r) + r->phase) + r->offset;
}

/* Nanoseconds of the current second that have passed. */
static int64_t past(const struct rtc *r)
{
    int64_t ns = (source(r) + r->phase) % NS_PER_SEC;

    return ns < 0 ? ns + NS_PER_SEC : ns;
}

/* From now on the date is `seconds`, `ns` into the second. */
static void set_date(struct rtc *r, int64_t seconds, int64_t ns)
{
    int64_t now = source(r), phase = ns - now % NS_PER_SEC;

    r->phase = phase < 0 ? phase + NS_PER_SEC : phase;
    r->offset = seconds - floor_seconds(now + r->phase);
    r->seen = seconds;
}

static uint8_t to_reg(const struct rtc *r, unsigned v)
{
    return (uint8_t)(r->reg[R_B] & B_BINARY ? v : v / 10 << 4 | v % 10);
}

static unsigned from_reg(const struct rtc *r, uint8_t v)
{
    return r->reg[R_B] & B_BINARY ? v : (v >> 4) * 10u + (v & 15);
}

static uint8_t hour_to_reg(const struct rtc *r, unsigned hour)
{
    if (r->reg[R_B] & B_24H) {
        return to_reg(r, hour);
    }
    return to_reg(r, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? 0x80 : 0);
}

static unsigned hour_from_reg(const struct rtc *r, uint8_t v)
{
    if (r->reg[R_B] & B_24H) {
        return from_reg(r, v);
    }
    return from_reg(r, v & 0x7f) % 12 + (v & 0x80 ? 12 : 0);
}

static void date_to_regs(struct rtc *r, int64_t seconds)
{
    time_t t = (time_t)seconds;
    struct tm tm;

    if (!gmtime_r(&t, &tm)) {
        return;
    }
    r->reg[R_SECONDS] = to_reg(r, (unsigned)tm.tm_sec);
    r->reg[R_MINUTES] = to_reg(r, (unsigned)tm.tm_min);
    r->reg[R_HOURS] = hour_to_reg(r, (unsigned)tm.tm_hour);
    r->reg[R_WEEKDAY] = to_reg(r, (unsigned)tm.tm_wday + 1);
    r->reg[R_DAY] = to_reg(r, (unsigned)tm.tm_mday);
    r->reg[R_MONTH] = to_reg(r, (unsigned)tm.tm_mon + 1);
    r->reg[R_YEAR] = to_reg(r, (unsigned)((tm.tm_year % 100 + 100) % 100));
    r->reg[RTC_CENTURY] = to_reg(r, (unsigned)((tm.tm_year + 1900) / 100));
}

static int64_t date_from_regs(const struct rtc *r)
{
    struct tm tm = {
        .tm_sec = (int)from_reg(r, r->reg[R_SECONDS]),
        .tm_min = (int)from_reg(r, r->reg[R_MINUTES]),
        .tm_hour = (int)hour_from_reg(r, r->reg[R_HOURS]),
        .tm_mday = (int)from_reg(r, r->reg[R_DAY]),
        .tm_mon = (int)from_reg(r, r->reg[R_MONTH]) - 1,
        .tm_year =
            (int)(from_reg(r, r->reg[RTC_CENTURY]) * 100 + from_reg(r, r->reg[R_YEAR])) - 1900,
    };

    return (int64_t)timegm(&tm);
}

static int64_t start_date(const struct config_rtc *config)
{
    time_t t = (time_t)(g_get_real_time() / G_USEC_PER_SEC);
    struct tm tm;

    switch (config->base) {
    case RTC_DATETIME: return config->start;
    case RTC_LOCALTIME: return localtime_r(&t, &tm) ? (int64_t)t + tm.tm_gmtoff : (int64_t)t;
    default: return (int64_t)t;
    }
}

/* ---- interrupts ---- */

static void update_irq(struct rtc *r)
{
    if (r->reg[R_C] & r->reg[R_B] & C_EVENTS) {
        r->reg[R_C] |= C_IRQF;
    }
    irq_set(&r->irq, (r->reg[R_C] & C_IRQF) != 0);
}

static bool alarm_byte(const struct rtc *r, unsigned reg, unsigned value)
{
    uint8_t v = r->reg[reg];

    if ((v & DONT_CARE) == DONT_CARE) {
        return true;
    }
    return (reg == R_HOURS_ALARM ? hour_from_reg(r, v) : from_reg(r, v)) == value;
}

static bool alarm_at(const struct rtc *r, int64_t seconds)
{
    unsigned s = (unsigned)((seconds % DAY_SECONDS + DAY_SECONDS) % DAY_SECONDS);

    return alarm_byte(r, R_SECONDS_ALARM, s % 60) && alarm_byte(r, R_MINUTES_ALARM, s / 60 % 60) &&
           alarm_byte(r, R_HOURS_ALARM, s / 3600);
}

/* Nanoseconds between periodic events; 0: none. */
static int64_t period(const struct rtc *r)
{
    unsigned rate = r->reg[R_A] & A_RATE;

    if (rate == 0 || (r->reg[R_A] & A_RESET) == A_RESET) {
        return 0;
    }
    if (rate <= 2) {
        rate += 7;
    }
    return (NS_PER_SEC << (rate - 1)) / CRYSTAL;
}

/* Finds the events of the time that has passed since the last look. */
static void catch_up(struct rtc *r)
{
    int64_t now = source(r), p = period(r), to = date(r);

    if (p && now / p > r->period_seen / p) {
        r->reg[R_C] |= C_PF;
    }
    r->period_seen = now;
    if (!runs(r) || to <= r->seen) {
        return;
    }
    r->reg[R_C] |= C_UF;
    for (int64_t s = MAX(r->seen + 1, to - DAY_SECONDS + 1); s <= to; s++) {
        if (alarm_at(r, s)) {
            r->reg[R_C] |= C_AF;
            break;
        }
    }
    r->seen = to;
}

/* Timers run only for events that would interrupt. */
static void set_timers(struct rtc *r)
{
    int64_t now = clock_now(r->dev.env->clock, r->kind), p = period(r);

    if (runs(r) && r->reg[R_B] & (B_UIE | B_AIE)) {
        timer_arm(&r->second, now + NS_PER_SEC - past(r));
    } else {
        timer_cancel(&r->second);
    }
    if (p && r->reg[R_B] & B_PIE) {
        int64_t phase = source(r) % p;

        timer_arm(&r->periodic, now + p - phase);
    } else {
        timer_cancel(&r->periodic);
    }
}

static void second_passed(void *opaque)
{
    struct rtc *r = opaque;

    catch_up(r);
    update_irq(r);
    set_timers(r);
}

static void period_passed(void *opaque)
{
    struct rtc *r = opaque;

    if (r->reg[R_C] & C_PF && r->lost_tick_policy == LOST_SLEW && r->lost < UINT32_MAX) {
        r->lost++;
    }
    r->given = 0;
    r->reg[R_C] |= C_PF;
    catch_up(r);
    update_irq(r);
    set_timers(r);
}

/* ---- registers ---- */

/* The registers take over what the clock shows now. */
static void hold(struct rtc *r)
{
    date_to_regs(r, date(r));
    r->held = past(r);
}

/* The clock goes on from what the registers hold, `ns` into that second. */
static void release(struct rtc *r, int64_t ns)
{
    set_date(r, date_from_regs(r), ns);
}

static void tell_change(struct rtc *r)
{
    const struct dev_env *env = r->dev.env;
    json_object *data = json_object_new_object();

    json_object_object_add(data, "offset", json_object_new_int64(date(r) - start_date(&r->config)));
    json_object_object_add(data, "qom-path",
                           json_object_new_string(r->dev.path ? r->dev.path : ""));
    env->event(env->machine, "RTC_CHANGE", data);
}

static bool is_date(unsigned index)
{
    return index == RTC_CENTURY || (index <= R_YEAR && index != R_SECONDS_ALARM &&
                                    index != R_MINUTES_ALARM && index != R_HOURS_ALARM);
}

static void write_date(struct rtc *r, unsigned index, uint8_t value)
{
    if (!runs(r)) {
        r->reg[index] = value;
        return;
    }
    hold(r);
    r->reg[index] = value;
    release(r, r->held);
    tell_change(r);
}

static void write_a(struct rtc *r, uint8_t value)
{
    bool ran = runs(r);

    if (ran) {
        hold(r);
    }
    r->reg[R_A] = value & ~A_UIP;
    if (!ran && runs(r)) { /* the first update follows half a second after the divider starts */
        release(r, NS_PER_SEC / 2);
        tell_change(r);
    }
}

static void write_b(struct rtc *r, uint8_t value)
{
    bool ran = runs(r);

    if (value & B_SET) {
        value &= ~B_UIE;
    }
    if (ran) { /* a new data mode or hour mode does not convert what is held: it reads anew */
        hold(r);
    }
    r->reg[R_B] = value;
    if (!ran && runs(r)) {
        release(r, r->held);
        tell_change(r);
    }
}

static void write_reg(struct rtc *r, unsigned index, uint8_t value)
{
    catch_up(r);
    if (is_date(index)) {
        write_date(r, index, value);
    } else if (index == R_A) {
        write_a(r, value);
    } else if (index == R_B) {
        write_b(r, value);
    } else if (index != R_C && index != R_D) {
        r->reg[index] = value;
    }
    update_irq(r);
    set_timers(r);
}

/* A late guest gets the next of its lost ticks as soon as it has dealt with this one. */
static void give_back(struct rtc *r)
{
    if (r->lost && r->given < REINJECT && r->reg[R_B] & B_PIE) {
        r->lost--;
        r->given++;
        r->reg[R_C] |= C_PF;
        update_irq(r);
    }
}

static uint8_t read_c(struct rtc *r)
{
    uint8_t value;

    catch_up(r);
    update_irq(r);
    value = r->reg[R_C];
    r->reg[R_C] = 0;
    update_irq(r);
    give_back(r);
    return value;
}

static uint8_t read_a(const struct rtc *r)
{
    return r->reg[R_A] | (runs(r) && past(r) >= NS_PER_SEC - UIP_NS ? A_UIP : 0);
}

static uint8_t read_reg(struct rtc *r, unsigned index)
{
    switch (index) {
    case R_A: return read_a(r);
    case R_C: return read_c(r);
    case R_D: return D_VALID;
    default: break;
    }
    if (is_date(index) && runs(r)) {
        date_to_regs(r, date(r));
    }
    return r->reg[index];
}

static uint64_t port_read(void *opaque, gpa off, unsigned size)
{
    struct rtc *r = opaque;

    return off ? read_reg(r, r->index) : 0xff;
}

static void port_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct rtc *r = opaque;

    if (off) {
        write_reg(r, r->index, (uint8_t)value);
    } else {
        r->index = value & 0x7f; /* bit 7 masks NMIs on real boards */
    }
}

static const struct bus_ops rtc_ops = {
    .read = port_read,
    .write = port_write,
    .min_size = 1,
    .max_size = 1,
    .wide = BUS_SPLIT,
};

/* ---- life ---- */

void rtc_configure(struct dev *dev, const struct config_rtc *config)
{
    struct rtc *r = rtc_of(dev);

    r->config = *config;
    if (config->drift_slew) {
        r->lost_tick_policy = LOST_SLEW;
    }
}

void rtc_set_byte(struct dev *dev, unsigned index, uint8_t value)
{
    g_assert(index > R_D && index < RTC_BYTES);
    rtc_of(dev)->reg[index] = value;
}

uint8_t rtc_get_byte(struct dev *dev, unsigned index)
{
    g_assert(index < RTC_BYTES);
    return rtc_of(dev)->reg[index];
}

static json_object *rtc_get_extra(struct dev *dev, const char *name)
{
    struct rtc *r = rtc_of(dev);
    json_object *o;
    struct tm tm;
    time_t t;

    if (strcmp(name, "date") != 0) {
        return NULL;
    }
    g_mutex_lock(&dev->lock);
    t = (time_t)(runs(r) ? date(r) : date_from_regs(r));
    g_mutex_unlock(&dev->lock);
    if (!gmtime_r(&t, &tm)) {
        return NULL;
    }
    o = json_object_new_object();
    json_object_object_add(o, "tm_year", json_object_new_int(tm.tm_year));
    json_object_object_add(o, "tm_mon", json_object_new_int(tm.tm_mon));
    json_object_object_add(o, "tm_mday", json_object_new_int(tm.tm_mday));
    json_object_object_add(o, "tm_hour", json_object_new_int(tm.tm_hour));
    json_object_object_add(o, "tm_min", json_object_new_int(tm.tm_min));
    json_object_object_add(o, "tm_sec", json_object_new_int(tm.tm_sec));
    return o;
}

static gboolean rtc_realize(struct dev *dev, GError **error)
{
    struct rtc *r = rtc_of(dev);
    bool guest_time = dev->env->deterministic || r->config.clock == RTC_VM;

    r->kind = guest_time ? CLOCK_GUEST : CLOCK_HOST;
    r->host_date = !guest_time && r->config.clock == RTC_HOST;
    timer_init(&r->second, dev->env->clock, r->kind, &dev->lock, second_passed, r);
    timer_init(&r->periodic, dev->env->clock, r->kind, &dev->lock, period_passed, r);
    r->reg[R_A] = 0x26;
    r->reg[R_B] = B_24H;
    /* the host's date: tick with its second */
    set_date(r, start_date(&r->config), r->host_date ? source(r) % NS_PER_SEC : 0);
    r->period_seen = source(r);
    date_to_regs(r, r->seen);
    r->irq = isa_irq(dev, r->irq_number);
    bus_region_init_io(&r->region, "rtc", 2, &rtc_ops, r, &dev->lock);
    r->mapping = isa_map(dev, &r->region, r->iobase);
    return TRUE;
}

static void rtc_unrealize(struct dev *dev)
{
    struct rtc *r = rtc_of(dev);

    isa_unmap(dev, r->mapping);
    g_mutex_lock(&dev->lock);
    timer_cancel(&r->second);
    timer_cancel(&r->periodic);
    g_mutex_unlock(&dev->lock);
}

static void rtc_reset(struct dev *dev)
{
    struct rtc *r = rtc_of(dev);

    r->reg[R_B] &= ~(B_PIE | B_AIE | B_UIE | B_SQWE);
    r->reg[R_C] = 0;
    update_irq(r);
    set_timers(r);
}

static gboolean rtc_post_load(struct dev *dev, GError **error)
{
    struct rtc *r = rtc_of(dev);
    int64_t limit = INT64_MAX / NS_PER_SEC * 100; /* seconds; further than any date of ours */

    if (r->index >= RTC_BYTES || r->held < 0 || r->held >= NS_PER_SEC || r->phase < 0 ||
        r->phase >= NS_PER_SEC || r->offset > limit || r->offset < -limit || r->period_seen < 0 ||
        r->seen > limit || r->seen < -limit) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "rtc: state out of range");
        return FALSE;
    }
    irq_set(&r->irq, (r->reg[R_C] & C_IRQF) != 0);
    return TRUE;
}

const struct dev_class mc146818rtc_class = {
    .name = "mc146818rtc",
    .description = "real-time clock",
    .bus_type = "ISA",
    .category = "Misc",
    .instance_size = sizeof(struct rtc),
    .props = rtc_props,
    .state = rtc_state,
    .state_version = 1,
    .internal = true,
    .realize = rtc_realize,
    .unrealize = rtc_unrealize,
    .reset = rtc_reset,
    .post_load = rtc_post_load,
    .get_extra = rtc_get_extra,
};
