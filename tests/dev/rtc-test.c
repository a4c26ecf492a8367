/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MC146818A: date, modes, alarms and the interrupts. 2024-02-28 23:59:58 UTC is a Wednesday. */
#include "machine/dev/pc/rtc.h"
#include "rig.h"

#define START  1709164798
#define SECOND INT64_C(1000000000)

static struct dev *add(struct rig *r)
{
    const struct config_rtc config = {.base = RTC_DATETIME, .start = START, .clock = RTC_VM};
    struct dev *dev = rig_make(r, &mc146818rtc_class);

    rtc_configure(dev, &config);
    rig_start(r, dev, r->isa.dev_bus);
    return dev;
}

static uint8_t rd(struct rig *r, uint8_t reg)
{
    rig_out(r, 0x70, 1, reg);
    return (uint8_t)rig_in(r, 0x71, 1);
}

static void wr(struct rig *r, uint8_t reg, uint8_t value)
{
    rig_out(r, 0x70, 1, reg);
    rig_out(r, 0x71, 1, value);
}

static void test_date(void)
{
    struct rig *r = rig_new();
    struct dev *dev = add(r);

    g_assert_cmphex(rd(r, 0), ==, 0x58);
    g_assert_cmphex(rd(r, 2), ==, 0x59);
    g_assert_cmphex(rd(r, 4), ==, 0x23);
    g_assert_cmphex(rd(r, 6), ==, 4);
    g_assert_cmphex(rd(r, 7), ==, 0x28);
    g_assert_cmphex(rd(r, 8), ==, 0x02);
    g_assert_cmphex(rd(r, 9), ==, 0x24);
    g_assert_cmphex(rd(r, 0x32), ==, 0x20);
    g_assert_cmphex(rd(r, 13), ==, 0x80);
    rig_sleep(r, 2 * SECOND);
    g_assert_cmphex(rd(r, 7), ==, 0x29); /* a leap year */
    g_assert_cmphex(rd(r, 4), ==, 0);
    wr(r, 11, 0x04); /* binary, 12 hours */
    g_assert_cmphex(rd(r, 4), ==, 12);
    g_assert_cmphex(rd(r, 7), ==, 29);
    rig_sleep(r, 13 * 3600 * SECOND);
    g_assert_cmphex(rd(r, 4), ==, 0x81); /* 1 p.m. */
    rig_round_trip(dev);
    rig_free(r);
}

static void test_set(void)
{
    struct rig *r = rig_new();
    struct dev *dev = add(r);

    wr(r, 11, 0x82);
    wr(r, 0, 0x30);
    wr(r, 2, 0x15);
    wr(r, 4, 0x10);
    wr(r, 9, 0x99);
    wr(r, 0x32, 0x19);
    wr(r, 7, 0x31);
    wr(r, 8, 0x12);
    rig_sleep(r, 5 * SECOND);
    g_assert_cmphex(rd(r, 0), ==, 0x30); /* held */
    wr(r, 11, 0x02);
    g_assert_cmpstr(r->last_event, ==, "RTC_CHANGE");
    rig_sleep(r, SECOND);
    g_assert_cmphex(rd(r, 0), ==, 0x31);
    g_assert_cmphex(rd(r, 9), ==, 0x99);
    rig_sleep(r, 14 * 3600 * SECOND);
    g_assert_cmphex(rd(r, 9), ==, 0x00);
    g_assert_cmphex(rd(r, 0x32), ==, 0x20);
    wr(r, 10, 0x66); /* divider held */
    wr(r, 0, 0x10);
    rig_sleep(r, 3 * SECOND);
    wr(r, 10, 0x26);
    rig_sleep(r, SECOND / 2 - 1000);
    g_assert_cmphex(rd(r, 0), ==, 0x10);
    g_assert_cmphex(rd(r, 10), ==, 0xa6); /* about to update */
    rig_sleep(r, 1000);
    g_assert_cmphex(rd(r, 0), ==, 0x11);
    g_assert_cmphex(rd(r, 10), ==, 0x26);
    rig_bad_states(dev);
    rig_free(r);
}

static void test_interrupts(void)
{
    struct rig *r = rig_new();
    struct dev *dev = add(r);

    rd(r, 12);
    wr(r, 11, 0x12); /* update-ended */
    rig_sleep(r, SECOND);
    g_assert_true(r->line[8].level);
    g_assert_cmphex(rd(r, 12), ==, 0xd0); /* the rate of 1,024 Hz has set PF as well */
    g_assert_false(r->line[8].level);
    wr(r, 11, 0x42);
    r->line[8].rises = 0;
    for (unsigned i = 0; i < 100; i++) {
        rig_sleep(r, SECOND / 1024);
        rd(r, 12);
    }
    g_assert_cmpuint(r->line[8].rises, >=, 99);
    g_assert_cmpuint(r->line[8].rises, <=, 101);
    wr(r, 11, 0x22);
    wr(r, 1, 0x05);
    wr(r, 3, 0xff); /* any minute, any hour */
    wr(r, 5, 0xff);
    rd(r, 12);
    rig_sleep(r, 4 * SECOND);
    g_assert_false(r->line[8].level);
    rig_sleep(r, 2 * SECOND);
    g_assert_true(r->line[8].level);
    rig_round_trip(dev);
    g_assert_cmphex(rd(r, 12) & 0xa0, ==, 0xa0);
    dev_reset(dev);
    g_assert_cmphex(rd(r, 11), ==, 0x02);
    rig_free(r);
}

static void test_memory(void)
{
    struct rig *r = rig_new();
    struct dev *dev = add(r);
    json_object *date;

    rtc_set_byte(dev, 0x5f, 3);
    g_assert_cmphex(rd(r, 0x5f), ==, 3);
    wr(r, 0x7f, 0x42);
    dev_reset(dev);
    g_assert_cmphex(rtc_get_byte(dev, 0x7f), ==, 0x42);
    g_assert_cmphex(rig_in(r, 0x70, 1), ==, 0xff);
    date = dev->class->get_extra(dev, "date");
    g_assert_cmpint(json_object_get_int(json_object_object_get(date, "tm_year")), ==, 124);
    json_object_put(date);
    rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rtc/date", test_date);
    g_test_add_func("/rtc/set", test_set);
    g_test_add_func("/rtc/interrupts", test_interrupts);
    g_test_add_func("/rtc/memory", test_memory);
    return g_test_run();
}
