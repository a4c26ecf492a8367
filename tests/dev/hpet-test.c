/* SPDX-License-Identifier: GPL-2.0-or-later */
/* HPET: IA-PC HPET specification 1.0a; 10 ns a tick. */
#include "machine/dev/pc/hpet.h"
#include "rig.h"

#define TICK 10

static struct dev *add(struct rig *r)
{
    struct dev *dev = rig_make(r, &hpet_class);
    struct irq lines[HPET_MAX_LINES];

    for (unsigned i = 0; i < HPET_MAX_LINES; i++) {
        lines[i] = r->irq[i];
    }
    hpet_connect(dev, lines, &r->irq[23]); /* the last stands for the PIT's switch */
    rig_start(r, dev, NULL);
    return dev;
}

static uint64_t rd(struct rig *r, unsigned off)
{
    return rig_ld(r, HPET_BASE + off, 8);
}

static void wr(struct rig *r, unsigned off, uint64_t value)
{
    rig_st(r, HPET_BASE + off, 8, value);
}

static void test_counter(void)
{
    struct rig *r = rig_new();
    uint64_t then;

    add(r);
    g_assert_cmphex(rd(r, 0), ==, UINT64_C(0x009896808086a201));
    g_assert_cmphex(rig_ld(r, HPET_BASE + 4, 4), ==, 10000000);
    g_assert_cmphex(rd(r, 0x100), ==, UINT64_C(0x00ff010400000030));
    wr(r, 0xf0, 0x123456789a);
    rig_sleep(r, 1000);
    g_assert_cmphex(rd(r, 0xf0), ==, 0x123456789a);
    wr(r, 0x10, 1);
    then = rd(r, 0xf0);
    rig_sleep(r, 1000 * TICK);
    g_assert_cmpuint(rd(r, 0xf0) - then, ==, 1000);
    wr(r, 0x10, 0);
    then = rd(r, 0xf0);
    rig_sleep(r, 1000 * TICK);
    g_assert_cmpuint(rd(r, 0xf0), ==, then);
    rig_free(r);
}

static void test_one_shot(void)
{
    struct rig *r = rig_new();
    struct dev *dev = add(r);

    wr(r, 0x10, 1);
    wr(r, 0x140, 2 << 9 | 1 << 2 | 1 << 1); /* level, line 2 */
    wr(r, 0x148, rd(r, 0xf0) + 500);
    rig_sleep(r, 490 * TICK);
    g_assert_false(r->line[2].level);
    rig_round_trip(dev);
    rig_sleep(r, 20 * TICK);
    g_assert_true(r->line[2].level);
    g_assert_cmphex(rd(r, 0x20), ==, 4);
    wr(r, 0x20, 4);
    g_assert_false(r->line[2].level);
    rig_bad_states(dev);
    rig_free(r);
}

static void test_periodic(void)
{
    struct rig *r = rig_new();
    struct dev *dev = add(r);
    struct irq rtc = hpet_rtc_line(dev);

    irq_set(&rtc, true);
    g_assert_true(r->line[8].level);
    wr(r, 0x10, 3); /* legacy replacement */
    g_assert_true(r->line[23].level);
    g_assert_false(r->line[8].level);
    wr(r, 0x100, 1 << 8 | 1 << 6 | 1 << 3 | 1 << 2); /* as Linux: 32 bits, set, periodic */
    wr(r, 0x108, (uint32_t)rd(r, 0xf0) + 100);
    wr(r, 0x108, 100);
    rig_sleep(r, 1000 * TICK + 5);
    g_assert_cmpuint(r->line[0].rises, ==, 10);
    rig_round_trip(dev);
    wr(r, 0x10, 0);
    g_assert_false(r->line[23].level);
    g_assert_true(r->line[8].level);
    rig_sleep(r, 1000 * TICK);
    g_assert_cmpuint(r->line[0].rises, ==, 10);
    rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hpet/counter", test_counter);
    g_test_add_func("/hpet/one-shot", test_one_shot);
    g_test_add_func("/hpet/periodic", test_periodic);
    return g_test_run();
}
