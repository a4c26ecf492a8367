/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Register sequences of the 8259A data sheet. */
#include "machine/irqchip/pic.h"

#include <glib.h>

static void output(void *opaque, bool level)
{
    *(bool *)opaque = level;
}

static void init_pair(struct pic *pic, uint8_t icw4)
{
    static const uint8_t base[2] = {0x20, 0x28};

    for (unsigned c = 0; c < 2; c++) {
        pic_write(pic, c, 0, 0x11);
        pic_write(pic, c, 1, base[c]);
        pic_write(pic, c, 1, c ? 2 : 4);
        pic_write(pic, c, 1, icw4);
        pic_write(pic, c, 1, 0);
    }
}

static void test_edge(void)
{
    struct pic pic;
    bool out = false;

    pic_init(&pic, output, &out);
    pic_reset(&pic);
    init_pair(&pic, 1);
    pic_set_line(&pic, 3, true);
    g_assert_true(out);
    g_assert_cmphex(pic_read(&pic, 0, 0), ==, 0x08); /* IRR */
    g_assert_cmphex(pic_acknowledge(&pic), ==, 0x23);
    g_assert_false(out);
    pic_write(&pic, 0, 0, 0x0b); /* read ISR */
    g_assert_cmphex(pic_read(&pic, 0, 0), ==, 0x08);
    pic_write(&pic, 0, 0, 0x20); /* EOI; the line is still high: no second edge */
    g_assert_false(out);
    pic_set_line(&pic, 3, false);
    pic_set_line(&pic, 3, true);
    g_assert_true(out);
}

static void test_level(void)
{
    struct pic pic;
    bool out = false;

    pic_init(&pic, output, &out);
    pic_reset(&pic);
    init_pair(&pic, 1);
    pic_write_elcr(&pic, 0, 0xff);
    g_assert_cmphex(pic_read_elcr(&pic, 0), ==, 0xf8);
    pic_write_elcr(&pic, 1, 0xff);
    g_assert_cmphex(pic_read_elcr(&pic, 1), ==, 0xde);
    pic_set_line(&pic, 5, true);
    g_assert_cmphex(pic_acknowledge(&pic), ==, 0x25);
    pic_write(&pic, 0, 0, 0x20);
    g_assert_true(out); /* still asked for */
    pic_set_line(&pic, 5, false);
    g_assert_false(out);
    g_assert_cmphex(pic_acknowledge(&pic), ==, 0x27); /* spurious */
}

static void test_cascade(void)
{
    struct pic pic;
    bool out = false;

    pic_init(&pic, output, &out);
    pic_reset(&pic);
    init_pair(&pic, 1);
    pic_set_line(&pic, 12, true);
    pic_set_line(&pic, 8, true);
    g_assert_cmphex(pic_acknowledge(&pic), ==, 0x28);
    g_assert_false(out);
    pic_write(&pic, 1, 0, 0x20);
    pic_write(&pic, 0, 0, 0x62); /* specific EOI of the cascade */
    g_assert_true(out);
    g_assert_cmphex(pic_acknowledge(&pic), ==, 0x2c);
    pic_write(&pic, 1, 1, 0xff);
    pic_write(&pic, 1, 0, 0x20);
    pic_write(&pic, 0, 0, 0x20);
    pic_set_line(&pic, 8, false);
    pic_set_line(&pic, 8, true);
    g_assert_false(out); /* masked */
    pic_write(&pic, 1, 1, 0xfe);
    g_assert_true(out);
}

static void test_priority(void)
{
    struct pic pic;
    bool out = false;

    pic_init(&pic, output, &out);
    pic_reset(&pic);
    init_pair(&pic, 1);
    pic_set_line(&pic, 1, true);
    g_assert_cmphex(pic_acknowledge(&pic), ==, 0x21);
    pic_set_line(&pic, 4, true);
    g_assert_false(out); /* 1 in service blocks 4 */
    pic_set_line(&pic, 0, true);
    g_assert_true(out); /* not 0 */
    g_assert_cmphex(pic_acknowledge(&pic), ==, 0x20);
    pic_write(&pic, 0, 0, 0x20); /* non-specific: ends 0 */
    pic_write(&pic, 0, 1, 0x02); /* mask 1 and use the special mask mode: 4 gets through */
    pic_write(&pic, 0, 0, 0x68);
    g_assert_true(out);
    g_assert_cmphex(pic_acknowledge(&pic), ==, 0x24);
    pic_write(&pic, 0, 0, 0xa0); /* rotate on non-specific EOI: 4 becomes the lowest */
    pic_write(&pic, 0, 0, 0x48);
    pic_write(&pic, 0, 0, 0x61);
    pic_write(&pic, 0, 1, 0);
    pic_set_line(&pic, 4, false);
    pic_set_line(&pic, 4, true);
    pic_set_line(&pic, 6, true);
    g_assert_cmphex(pic_acknowledge(&pic), ==, 0x26);
}

static void test_modes(void)
{
    struct pic pic;
    bool out = false;

    pic_init(&pic, output, &out);
    pic_reset(&pic);
    init_pair(&pic, 3); /* automatic EOI */
    pic_set_line(&pic, 7, true);
    g_assert_cmphex(pic_acknowledge(&pic), ==, 0x27);
    pic_write(&pic, 0, 0, 0x0b);
    g_assert_cmphex(pic_read(&pic, 0, 0), ==, 0);
    pic_set_line(&pic, 6, true);
    pic_write(&pic, 0, 0, 0x0c); /* poll */
    g_assert_cmphex(pic_read(&pic, 0, 0), ==, 0x86);
    pic_write(&pic, 0, 0, 0x0c);
    g_assert_cmphex(pic_read(&pic, 0, 0), ==, 0);
    g_assert_cmphex(pic_read(&pic, 0, 1), ==, 0); /* IMR */
    pic_write(&pic, 0, 1, 0xa5);
    g_assert_cmphex(pic_read(&pic, 0, 1), ==, 0xa5);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pic/edge", test_edge);
    g_test_add_func("/pic/level", test_level);
    g_test_add_func("/pic/cascade", test_cascade);
    g_test_add_func("/pic/priority", test_priority);
    g_test_add_func("/pic/modes", test_modes);
    return g_test_run();
}
