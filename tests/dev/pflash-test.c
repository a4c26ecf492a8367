/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flash, as OVMF's driver for its variables finds, erases and programs it. */
#include "machine/dev/pc/pflash.h"
#include "rig.h"

#define BASE UINT64_C(0xffc00000)
#define SIZE 0x20000

static struct dev *add(struct rig *r)
{
    struct dev *dev = rig_make(r, &pflash_class);
    g_autoptr(GError) error = NULL;

    rig_disk(r, SIZE);
    g_assert_true(dev_set_str(dev, "drive", "disk", &error));
    pflash_place(dev, BASE, "system.flash0");
    rig_start(r, dev, NULL);
    g_assert_cmpuint(pflash_size(dev), ==, SIZE);
    return dev;
}

static uint8_t rd(struct rig *r, unsigned off)
{
    return (uint8_t)rig_ld(r, BASE + off, 1);
}

static void wr(struct rig *r, unsigned off, uint8_t value)
{
    rig_st(r, BASE + off, 1, value);
}

static uint8_t on_disk(struct rig *r, unsigned off)
{
    uint8_t byte;

    g_assert_cmpint(block_pread(block_backend_node(r->backend), off, &byte, 1), ==, 0);
    return byte;
}

static void test_detect(void)
{
    struct rig *r = rig_new();

    add(r);
    wr(r, 0x100, 0x50);
    g_assert_cmphex(rd(r, 0x100), ==, 0); /* not RAM */
    wr(r, 0x100, 0x70);
    g_assert_cmphex(rd(r, 0x100), ==, 0); /* status, cleared: flash */
    wr(r, 0x100, 0xff);
    wr(r, 0, 0x90);
    g_assert_cmphex(rd(r, 0), ==, 0x89);
    g_assert_cmphex(rd(r, 1), ==, 0x18);
    wr(r, 0x55, 0x98);
    g_assert_cmphex(rd(r, 0x10), ==, 'Q');
    g_assert_cmphex(rd(r, 0x11), ==, 'R');
    g_assert_cmphex(rd(r, 0x12), ==, 'Y');
    g_assert_cmphex(rd(r, 0x27), ==, 17);
    wr(r, 0, 0xff);
    g_assert_cmphex(rd(r, 0x10), ==, 0);
    rig_free(r);
}

static void test_program(void)
{
    struct rig *r = rig_new();
    struct dev *dev = add(r);

    wr(r, 0x2000, 0x20);
    wr(r, 0x2000, 0xd0);
    g_assert_cmphex(rd(r, 0x2000), ==, 0x80); /* ready */
    wr(r, 0x2000, 0xff);
    g_assert_cmphex(rd(r, 0x1fff), ==, 0x00);
    g_assert_cmphex(rd(r, 0x2000), ==, 0xff);
    g_assert_cmphex(rd(r, 0x2fff), ==, 0xff);
    g_assert_cmphex(rd(r, 0x3000), ==, 0x00);
    for (unsigned i = 0; i < 16; i++) {
        wr(r, 0x2010 + i, 0x10);
        wr(r, 0x2010 + i, (uint8_t)(0x40 + i));
    }
    rig_round_trip(dev);
    rig_bad_states(dev);
    wr(r, 0x2010, 0xff);
    for (unsigned i = 0; i < 16; i++) {
        g_assert_cmphex(rd(r, 0x2010 + i), ==, 0x40 + i);
        g_assert_cmphex(on_disk(r, 0x2010 + i), ==, 0x40 + i);
    }
    wr(r, 0x2000, 0x20);
    wr(r, 0x2000, 0x12); /* not confirmed: nothing happens */
    g_assert_cmphex(rd(r, 0x2010), ==, 0x40);
    rig_free(r);
}

static void test_buffer(void)
{
    struct rig *r = rig_new();

    add(r);
    wr(r, 0x400, 0xe8);
    g_assert_cmphex(rd(r, 0x400) & 0x80, ==, 0x80);
    wr(r, 0x400, 3); /* four bytes */
    for (unsigned i = 0; i < 4; i++) {
        wr(r, 0x408 + i, (uint8_t)(0x11 * (i + 1)));
    }
    wr(r, 0x400, 0xd0);
    g_assert_cmphex(rd(r, 0x400) & 0x90, ==, 0x80);
    wr(r, 0x400, 0xff);
    g_assert_cmphex(rig_ld(r, BASE + 0x408, 4), ==, 0x44332211);
    wr(r, SIZE - 1, 0xe8); /* a buffer that would reach past the end */
    wr(r, SIZE - 1, 0xff);
    for (unsigned i = 0; i < 256; i++) {
        wr(r, SIZE - 1, 0x77);
    }
    wr(r, SIZE - 1, 0xd0);
    wr(r, 0, 0xff);
    g_assert_cmphex(rd(r, SIZE - 1), ==, 0x77);
    rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pflash/detect", test_detect);
    g_test_add_func("/pflash/program", test_program);
    g_test_add_func("/pflash/buffer", test_buffer);
    return g_test_run();
}
