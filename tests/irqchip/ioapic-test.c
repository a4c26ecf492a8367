/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Register sequences of the 82093AA data sheet. */
#include "machine/irqchip/ioapic.h"

#include <glib.h>

struct seen {
    unsigned n;
    struct apic_message last;
};

static void take(void *opaque, const struct apic_message *m)
{
    struct seen *seen = opaque;

    seen->n++;
    seen->last = *m;
}

static void wr(struct ioapic *io, uint8_t reg, uint32_t value)
{
    ioapic_write(io, 0x00, reg);
    ioapic_write(io, 0x10, value);
}

static uint32_t rd(struct ioapic *io, uint8_t reg)
{
    ioapic_write(io, 0x00, reg);
    return ioapic_read(io, 0x10);
}

static void test_registers(void)
{
    struct seen seen = {0};
    struct ioapic io;

    ioapic_init(&io, take, &seen);
    g_assert_cmphex(rd(&io, 1), ==, 0x00170020);
    wr(&io, 0, 0xff000000);
    g_assert_cmphex(rd(&io, 0), ==, 0x0f000000);
    g_assert_cmphex(rd(&io, 2), ==, 0x0f000000);
    g_assert_cmphex(rd(&io, 0x10), ==, 0x00010000); /* masked at reset */
    wr(&io, 0x3f, 0xffffffff);
    g_assert_cmphex(rd(&io, 0x3f), ==, 0xff000000);
    wr(&io, 0x3e, 0xffffffff);
    g_assert_cmphex(rd(&io, 0x3e), ==, 0x0001afff);
    g_assert_cmphex(rd(&io, 0x40), ==, 0);
    g_assert_cmpuint(seen.n, ==, 0);
}

static void test_edge(void)
{
    struct seen seen = {0};
    struct ioapic io;

    ioapic_init(&io, take, &seen);
    ioapic_set_line(&io, 4, true); /* masked: lost */
    wr(&io, 0x19, 0x03000000);
    wr(&io, 0x18, 0x00000931); /* logical, lowest priority, vector 31h */
    g_assert_cmpuint(seen.n, ==, 0);
    ioapic_set_line(&io, 4, false);
    ioapic_set_line(&io, 4, true);
    g_assert_cmpuint(seen.n, ==, 1);
    g_assert_cmphex(seen.last.vector, ==, 0x31);
    g_assert_cmphex(seen.last.dest, ==, 3);
    g_assert_true(seen.last.logical);
    g_assert_false(seen.last.level);
    g_assert_cmpint(seen.last.delivery, ==, APIC_LOWEST);
    ioapic_set_line(&io, 4, true);
    g_assert_cmpuint(seen.n, ==, 1);
}

static void test_level(void)
{
    struct seen seen = {0};
    struct ioapic io;

    ioapic_init(&io, take, &seen);
    wr(&io, 0x30, 0x0000a051); /* pin 16, level, low active as PCI lines are */
    ioapic_set_line(&io, 16, true);
    g_assert_cmpuint(seen.n, ==, 1);
    g_assert_cmphex(rd(&io, 0x30), ==, 0x0000e051); /* remote IRR */
    ioapic_set_line(&io, 16, false);
    ioapic_set_line(&io, 16, true);
    g_assert_cmpuint(seen.n, ==, 1);
    ioapic_eoi(&io, 0x52); /* another vector */
    g_assert_cmpuint(seen.n, ==, 1);
    ioapic_eoi(&io, 0x51); /* still high: again */
    g_assert_cmpuint(seen.n, ==, 2);
    ioapic_set_line(&io, 16, false);
    ioapic_write(&io, 0x40, 0x51); /* EOI register */
    g_assert_cmpuint(seen.n, ==, 2);
    g_assert_cmphex(rd(&io, 0x30), ==, 0x0000a051);
    wr(&io, 0x30, 0x0001a051);
    ioapic_set_line(&io, 16, true);
    g_assert_cmpuint(seen.n, ==, 2);
    wr(&io, 0x30, 0x0000a051); /* a level is not lost while masked */
    g_assert_cmpuint(seen.n, ==, 3);
    wr(&io, 0x30, 0x00012051); /* to edge and back: remote IRR is gone */
    g_assert_cmphex(rd(&io, 0x30), ==, 0x00012051);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ioapic/registers", test_registers);
    g_test_add_func("/ioapic/edge", test_edge);
    g_test_add_func("/ioapic/level", test_level);
    return g_test_run();
}
