/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keyboard controller, keyboard and mouse, as SeaBIOS and Linux set them up. */
#include "machine/dev/pc/i8042.h"
#include "rig.h"

static struct dev *add(struct rig *r)
{
    return rig_add(r, &i8042_class, r->isa.dev_bus);
}

static void command(struct rig *r, uint8_t byte)
{
    rig_out(r, 0x64, 1, byte);
}

static void data(struct rig *r, uint8_t byte)
{
    rig_out(r, 0x60, 1, byte);
}

static int next(struct rig *r)
{
    return rig_in(r, 0x64, 1) & 1 ? (int)rig_in(r, 0x60, 1) : -1;
}

static void test_controller(void)
{
    struct rig *r = rig_new();

    add(r);
    g_assert_cmphex(rig_in(r, 0x64, 1), ==, 0x18);
    command(r, 0xaa);
    g_assert_cmphex((unsigned)next(r), ==, 0x55);
    g_assert_cmphex(rig_in(r, 0x64, 1), ==, 0x1c);
    command(r, 0xab);
    g_assert_cmphex((unsigned)next(r), ==, 0);
    command(r, 0x20);
    g_assert_cmphex((unsigned)next(r), ==, 3);
    command(r, 0x60);
    data(r, 0x65);
    command(r, 0x20);
    g_assert_cmphex((unsigned)next(r), ==, 0x65);
    command(r, 0xa7);
    command(r, 0x20);
    g_assert_cmphex((unsigned)next(r), ==, 0x65); /* the mouse port was already closed */
    command(r, 0xd3);
    data(r, 0x5a); /* comes back as if from the mouse */
    g_assert_cmphex(rig_in(r, 0x64, 1) & 0x21, ==, 0x21);
    g_assert_cmphex((unsigned)next(r), ==, 0x5a);
    g_assert_cmpint(next(r), ==, -1);
    command(r, 0xfe);
    g_assert_cmpuint(r->requests[MACHINE_RESET], ==, 1);
    command(r, 0xd1);
    data(r, 0xce);
    g_assert_cmpuint(r->requests[MACHINE_RESET], ==, 2);
    rig_free(r);
}

static void test_keyboard(void)
{
    struct rig *r = rig_new();
    struct dev *dev = add(r);

    data(r, 0xff);
    g_assert_true(r->line[1].level);
    g_assert_cmphex((unsigned)next(r), ==, 0xfa);
    g_assert_cmphex((unsigned)next(r), ==, 0xaa);
    g_assert_false(r->line[1].level);
    data(r, 0xf2);
    g_assert_cmphex((unsigned)next(r), ==, 0xfa);
    g_assert_cmphex((unsigned)next(r), ==, 0xab);
    g_assert_cmphex((unsigned)next(r), ==, 0x83);
    data(r, 0xed);
    g_assert_cmphex((unsigned)next(r), ==, 0xfa);
    data(r, 0x07);
    g_assert_cmphex((unsigned)next(r), ==, 0xfa);
    data(r, 0xf0);
    data(r, 0x00);
    g_assert_cmphex((unsigned)next(r), ==, 0xfa);
    g_assert_cmphex((unsigned)next(r), ==, 0xfa);
    g_assert_cmphex((unsigned)next(r), ==, 0x02);
    i8042_key(dev, 0x1e, true); /* A */
    i8042_key(dev, 0x1e, false);
    rig_round_trip(dev);
    rig_bad_states(dev);
    g_assert_cmphex((unsigned)next(r), ==, 0x1c);
    g_assert_cmphex((unsigned)next(r), ==, 0xf0);
    g_assert_cmphex((unsigned)next(r), ==, 0x1c);
    command(r, 0x60);
    data(r, 0x43);                /* translate */
    i8042_key(dev, 0xe048, true); /* up */
    i8042_key(dev, 0xe048, false);
    g_assert_cmphex((unsigned)next(r), ==, 0xe0);
    g_assert_cmphex((unsigned)next(r), ==, 0x48);
    g_assert_cmphex((unsigned)next(r), ==, 0xe0);
    g_assert_cmphex((unsigned)next(r), ==, 0xc8);
    g_assert_cmpint(next(r), ==, -1);
    for (unsigned i = 0; i < 1000; i++) { /* nobody reads: keys are lost, nothing else */
        i8042_key(dev, 0x1e, i & 1);
    }
    data(r, 0xee);
    for (unsigned i = 0; i < 100 && next(r) != 0xee; i++) {
        g_assert_cmpuint(i, <, 99);
    }
    rig_free(r);
}

static void mouse(struct rig *r, uint8_t byte, int want)
{
    command(r, 0xd4);
    data(r, byte);
    g_assert_cmpint(next(r), ==, want);
}

static void test_mouse(void)
{
    struct rig *r = rig_new();
    struct dev *dev = add(r);

    mouse(r, 0xff, 0xfa);
    g_assert_cmphex((unsigned)next(r), ==, 0xaa);
    g_assert_cmphex((unsigned)next(r), ==, 0x00);
    mouse(r, 0xf3, 0xfa);
    mouse(r, 200, 0xfa);
    mouse(r, 0xf3, 0xfa);
    mouse(r, 100, 0xfa);
    mouse(r, 0xf3, 0xfa);
    mouse(r, 80, 0xfa);
    mouse(r, 0xf2, 0xfa);
    g_assert_cmphex((unsigned)next(r), ==, 3); /* a wheel mouse now */
    i8042_mouse(dev, 5, -3, 0, 1);
    g_assert_cmpint(next(r), ==, -1); /* not reporting yet */
    mouse(r, 0xf4, 0xfa);
    i8042_mouse(dev, 0, 0, 1, 0);
    g_assert_true(r->line[12].level);
    g_assert_cmphex((unsigned)next(r), ==, 0x28);
    g_assert_cmphex((unsigned)next(r), ==, 5);
    g_assert_cmphex((unsigned)next(r), ==, 0xfd);
    g_assert_cmphex((unsigned)next(r), ==, 0xff);
    g_assert_false(r->line[12].level);
    mouse(r, 0xe9, 0xfa);
    g_assert_cmphex((unsigned)next(r), ==, 0x20);
    g_assert_cmphex((unsigned)next(r), ==, 2);
    g_assert_cmphex((unsigned)next(r), ==, 80);
    mouse(r, 0x99, 0xfe);
    rig_round_trip(dev);
    rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/i8042/controller", test_controller);
    g_test_add_func("/i8042/keyboard", test_keyboard);
    g_test_add_func("/i8042/mouse", test_mouse);
    return g_test_run();
}
