/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Register sequences of the 8254 data sheet. Times are given in ticks and rounded up to ns. */
#include "machine/irqchip/pit.h"

#include <glib.h>

struct seen {
    unsigned rises;
    bool level;
    int64_t expiry;
};

static void output(void *opaque, bool level)
{
    struct seen *s = opaque;

    s->rises += level && !s->level;
    s->level = level;
}

static void timer(void *opaque, int64_t expiry)
{
    ((struct seen *)opaque)->expiry = expiry;
}

static int64_t at(int64_t ticks)
{
    return (ticks * 1000000000 + PIT_HZ - 1) / PIT_HZ;
}

static void setup(struct pit *pit, struct seen *s)
{
    *s = (struct seen){0};
    pit_init(pit, output, timer, s);
    pit_reset(pit, 0);
}

static unsigned read_count(struct pit *pit, unsigned c, int64_t now)
{
    unsigned low;

    pit_write(pit, 3, (uint8_t)(c << 6), now); /* latch */
    low = pit_read(pit, c, now + 100000);      /* the latch does not move */
    return low | (unsigned)pit_read(pit, c, now + 200000) << 8;
}

static void program(struct pit *pit, unsigned c, unsigned mode, unsigned count, int64_t now)
{
    pit_write(pit, 3, (uint8_t)(c << 6 | 0x30 | mode << 1), now);
    pit_write(pit, c, (uint8_t)count, now);
    pit_write(pit, c, (uint8_t)(count >> 8), now);
}

static void test_rate(void)
{
    struct pit pit;
    struct seen s;

    setup(&pit, &s);
    program(&pit, 0, 2, 1000, 0);
    g_assert_cmpint(s.expiry, ==, at(1000));
    g_assert_cmpuint(read_count(&pit, 0, at(300)), ==, 700);
    s.rises = 0;
    for (int i = 1; i <= 5; i++) {
        pit_timer(&pit, s.expiry);
        g_assert_cmpint(s.expiry, ==, at(1000 * (i + 1)));
    }
    g_assert_cmpuint(s.rises, ==, 5);
}

static void test_square(void)
{
    struct pit pit;
    struct seen s;

    setup(&pit, &s);
    program(&pit, 0, 3, 0, 0); /* 65536 */
    g_assert_cmpint(s.expiry, ==, at(65536));
    g_assert_cmpuint(read_count(&pit, 0, at(1000)), ==, 65536 - 2000);
    pit_write(&pit, 3, 0xe2, at(1000)); /* read-back: status of channel 0 */
    g_assert_cmphex(pit_read(&pit, 0, at(1000)), ==, 0x80 | 0x30 | 3 << 1);
    pit_write(&pit, 3, 0xe2, at(40000));
    g_assert_cmphex(pit_read(&pit, 0, at(40000)), ==, 0x30 | 3 << 1);
}

static void test_one_shot(void)
{
    struct pit pit;
    struct seen s;

    setup(&pit, &s);
    program(&pit, 0, 0, 100, 0);
    g_assert_false(s.level);
    g_assert_cmpint(s.expiry, ==, at(100));
    pit_timer(&pit, at(100));
    g_assert_true(s.level);
    g_assert_cmpint(s.expiry, ==, PIT_NEVER);
    g_assert_cmpuint(read_count(&pit, 0, at(101)), ==, 0xffff);
    program(&pit, 0, 4, 50, at(200));
    g_assert_true(s.level);
    g_assert_cmpint(s.expiry, <=, at(252));
    g_assert_cmpint(s.expiry, >, at(250));
}

static void test_gate(void)
{
    struct pit pit;
    struct seen s;

    setup(&pit, &s);
    pit_write_61(&pit, 0, 0);
    program(&pit, 2, 0, 100, 0);
    g_assert_cmphex(pit_read_61(&pit, at(500)) & 0x21, ==, 0); /* the gate is closed */
    pit_write_61(&pit, 1, at(500));
    g_assert_cmphex(pit_read_61(&pit, at(598)) & 0x21, ==, 1);
    g_assert_cmphex(pit_read_61(&pit, at(601)) & 0x21, ==, 0x21);
    pit_write_61(&pit, 0, at(700));
    program(&pit, 2, 1, 100, at(700)); /* retriggerable: high until the gate rises */
    g_assert_cmphex(pit_read_61(&pit, at(900)) & 0x21, ==, 0x20);
    pit_write_61(&pit, 1, at(900));
    g_assert_cmphex(pit_read_61(&pit, at(950)) & 0x21, ==, 0x01);
    g_assert_cmphex(pit_read_61(&pit, at(1001)) & 0x21, ==, 0x21);
    pit_write_61(&pit, 3, at(1001));
    g_assert_cmphex(pit_read_61(&pit, at(1001)) & 0x03, ==, 3);
}

static void test_bytes(void)
{
    struct pit pit;
    struct seen s;

    setup(&pit, &s);
    pit_write(&pit, 3, 0x14, 0); /* low byte only, mode 2 */
    pit_write(&pit, 0, 200, 0);
    g_assert_cmpuint(pit_read(&pit, 0, at(50)), ==, 150);
    pit_write(&pit, 3, 0x24, 0); /* high byte only */
    pit_write(&pit, 0, 2, 0);
    g_assert_cmpuint(pit_read(&pit, 0, at(1)), ==, 1);
    pit_write(&pit, 3, 0x35, 0); /* BCD, both bytes */
    pit_write(&pit, 0, 0x34, 0);
    pit_write(&pit, 0, 0x12, 0);
    g_assert_cmphex(read_count(&pit, 0, at(34)), ==, 0x1200);
    pit_write(&pit, 3, 0xc2, at(34)); /* read-back: both, status first */
    g_assert_cmphex(pit_read(&pit, 0, at(34)), ==, 0x80 | 0x30 | 2 << 1 | 1);
    g_assert_cmphex(pit_read(&pit, 0, at(34)), ==, 0x00);
    g_assert_cmphex(pit_read(&pit, 0, at(34)), ==, 0x12);
    g_assert_cmphex(pit_read(&pit, 3, at(34)), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pit/rate", test_rate);
    g_test_add_func("/pit/square", test_square);
    g_test_add_func("/pit/one-shot", test_one_shot);
    g_test_add_func("/pit/gate", test_gate);
    g_test_add_func("/pit/bytes", test_bytes);
    return g_test_run();
}
