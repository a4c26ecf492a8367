/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Goldfish RTC: the date, its alarm, its state. */
#include "machine/dev/riscv/goldfish_rtc.h"
#include "rig.h"

#define BASE  0x101000
#define START INT64_C(1700000000)

static struct dev *add(struct rig *r)
{
    const struct config_rtc config = {.base = RTC_DATETIME, .start = START, .clock = RTC_VM};
    struct dev *dev = rig_make(r, &goldfish_rtc_class);

    goldfish_rtc_place(dev, BASE, r->irq[11], &config);
    rig_start(r, dev, NULL);
    return dev;
}

static uint64_t date(struct rig *r)
{
    uint64_t low = rig_ld(r, BASE, 4);

    return low | rig_ld(r, BASE + 4, 4) << 32;
}

static void set(struct rig *r, gpa low, uint64_t value)
{
    rig_st(r, low + 4, 4, value >> 32);
    rig_st(r, low, 4, (uint32_t)value);
}

static void test_date(void)
{
    struct rig *r = rig_new();
    uint64_t first;

    add(r);
    first = date(r);
    g_assert_cmpuint(first / NS_PER_SEC, ==, START);
    rig_sleep(r, 5 * NS_PER_SEC);
    g_assert_cmpuint(date(r) - first, ==, 5 * NS_PER_SEC);
    rig_ld(r, BASE, 4);
    first = rig_ld(r, BASE + 4, 4);
    rig_sleep(r, 5 * NS_PER_SEC);
    g_assert_cmpuint(rig_ld(r, BASE + 4, 4), ==, first); /* held by the low half's read */
    set(r, BASE, UINT64_C(123456789012345));
    g_assert_cmpuint(date(r), ==, UINT64_C(123456789012345));
    rig_free(r);
}

static void test_alarm(void)
{
    struct rig *r = rig_new();
    uint64_t now;

    add(r);
    now = date(r);
    rig_st(r, BASE + 0x10, 4, 1);
    set(r, BASE + 8, now + NS_PER_SEC);
    g_assert_cmpuint(rig_ld(r, BASE + 0x18, 4), ==, 1);
    rig_sleep(r, NS_PER_SEC / 2);
    g_assert_false(r->line[11].level);
    rig_sleep(r, NS_PER_SEC / 2);
    g_assert_true(r->line[11].level);
    g_assert_cmpuint(rig_ld(r, BASE + 0x18, 4), ==, 0);
    rig_st(r, BASE + 0x10, 4, 0);
    g_assert_false(r->line[11].level);
    rig_st(r, BASE + 0x10, 4, 1);
    g_assert_true(r->line[11].level);
    rig_st(r, BASE + 0x1c, 4, 1);
    g_assert_false(r->line[11].level);
    set(r, BASE + 8, now); /* in the past: at once */
    g_assert_true(r->line[11].level);
    rig_st(r, BASE + 0x1c, 4, 1);
    set(r, BASE + 8, date(r) + NS_PER_SEC);
    rig_st(r, BASE + 0x14, 4, 1);
    rig_sleep(r, 2 * NS_PER_SEC);
    g_assert_false(r->line[11].level);
    rig_free(r);
}

/* Setting the date takes the alarm along: it is a date, not a time to wait. */
static void test_date_over_alarm(void)
{
    struct rig *r = rig_new();
    uint64_t now;

    add(r);
    now = date(r);
    rig_st(r, BASE + 0x10, 4, 1);
    set(r, BASE + 8, now + 100 * NS_PER_SEC);
    set(r, BASE, now + 200 * NS_PER_SEC);
    g_assert_true(r->line[11].level);
    rig_free(r);
}

static void test_state(void)
{
    struct rig *r = rig_new();
    struct dev *dev = add(r);

    rig_st(r, BASE + 0x10, 4, 1);
    set(r, BASE + 8, date(r) + NS_PER_SEC);
    rig_round_trip(dev);
    rig_sleep(r, 2 * NS_PER_SEC);
    g_assert_true(r->line[11].level);
    rig_bad_states(dev);
    rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/goldfish_rtc/date", test_date);
    g_test_add_func("/goldfish_rtc/alarm", test_alarm);
    g_test_add_func("/goldfish_rtc/date-over-alarm", test_date_over_alarm);
    g_test_add_func("/goldfish_rtc/state", test_state);
    return g_test_run();
}
