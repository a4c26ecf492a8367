/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qemu-xhci: as Linux's driver starts it; and the two devices for tests in the guest. */
#include "base/endian.h"
#include "machine/dev/classes.h"
#include "rig.h"

#define BAR   UINT64_C(0xe0000000)
#define OPER  (BAR + 0x40)
#define INTR0 (BAR + 0x1020)
#define DOOR  (BAR + 0x2000)

#define RING   0x10000
#define TABLE  0x11000
#define EVENTS 0x12000

static void put_trb(struct rig *r, unsigned n, uint64_t parameter, uint32_t control)
{
    uint8_t *trb = r->ram->host + RING + n * 16;

    st_le64(trb, parameter);
    st_le32(trb + 8, 0);
    st_le32(trb + 12, control);
}

static uint32_t event(struct rig *r, unsigned n, unsigned off)
{
    return ld_le32(r->ram->host + EVENTS + n * 16 + off);
}

static void start(struct rig *r)
{
    rig_st(r, OPER, 4, 2); /* reset */
    g_assert_cmphex(rig_ld(r, OPER, 4), ==, 0);
    g_assert_cmphex(rig_ld(r, OPER + 4, 4), ==, 1);
    rig_st(r, OPER + 0x38, 4, 64);
    rig_st(r, OPER + 0x18, 8, RING | 1);
    st_le64(r->ram->host + TABLE, EVENTS);
    st_le32(r->ram->host + TABLE + 8, 16);
    rig_st(r, INTR0 + 8, 4, 1);
    rig_st(r, INTR0 + 0x18, 8, EVENTS);
    rig_st(r, INTR0 + 0x10, 8, TABLE);
    rig_st(r, INTR0, 4, 2);
    rig_st(r, OPER, 4, 5); /* run, interrupts */
}

static void test_commands(void)
{
    struct rig *r = rig_new();
    struct pci_dev *p = rig_pci(r, rig_make(r, &qemu_xhci_class));

    g_assert_cmphex(rig_ld(r, BAR, 4), ==, 0x01000040);
    g_assert_cmphex(rig_ld(r, BAR + 4, 4), ==, 0x08001040);
    g_assert_cmphex(rig_ld(r, BAR + 0x20, 4), ==, 0x02000402);
    g_assert_cmphex(rig_ld(r, BAR + 0x38, 4), ==, 0x00000405);
    g_assert_cmphex(rig_ld(r, BAR + 0x440, 4), ==, 0x2a0); /* powered, nothing there */
    start(r);
    put_trb(r, 0, 0, 23 << 10 | 1); /* no operation */
    put_trb(r, 1, 0, 9 << 10 | 1);  /* enable a slot */
    put_trb(r, 2, 0, 11 << 10 | 1 | 1 << 24);
    put_trb(r, 3, 0, 10 << 10 | 1 | 1 << 24);
    put_trb(r, 4, 0, 10 << 10 | 1 | 1 << 24);
    put_trb(r, 5, RING, 6 << 10 | 2 | 1); /* back to the start, other cycle */
    rig_st(r, DOOR, 4, 0);
    g_assert_cmphex(event(r, 0, 8) >> 24, ==, 1);
    g_assert_cmphex(event(r, 1, 8) >> 24, ==, 1);
    g_assert_cmphex(event(r, 1, 12), ==, 33 << 10 | 1 | 1 << 24);
    g_assert_cmphex(event(r, 2, 8) >> 24, ==, 5); /* no device to address */
    g_assert_cmphex(event(r, 3, 8) >> 24, ==, 1);
    g_assert_cmphex(event(r, 4, 8) >> 24, ==, 11);
    g_assert_cmphex(event(r, 5, 12), ==, 0);
    g_assert_true(r->line[16].level);
    g_assert_cmphex(rig_ld(r, OPER + 4, 4), ==, 8);
    rig_round_trip(&p->dev);
    rig_bad_states(&p->dev);
    rig_st(r, INTR0, 4, 3);
    g_assert_false(r->line[16].level);
    rig_st(r, OPER + 0x18, 4, 4); /* abort */
    g_assert_cmphex(event(r, 5, 8) >> 24, ==, 24);
    rig_free(r);
}

static void test_bad_rings(void)
{
    struct rig *r = rig_new();

    rig_pci(r, rig_make(r, &qemu_xhci_class));
    start(r);
    put_trb(r, 0, RING, 6 << 10 | 1); /* a link to itself: an end is found all the same */
    rig_st(r, DOOR, 4, 0);
    rig_st(r, OPER + 0x18, 4, 4);
    rig_st(r, OPER + 0x18, 8, UINT64_C(0xfffffff000) | 1);
    rig_st(r, DOOR, 4, 0);
    g_assert_cmphex(rig_ld(r, OPER + 4, 4) & 5, ==, 5); /* host system error, halted */
    rig_free(r);
}

static void test_pc_testdev(void)
{
    struct rig *r = rig_new();
    struct dev *dev = rig_add(r, &pc_testdev_class, r->isa.dev_bus);

    rig_out(r, 0xe0, 4, 0x12345678);
    g_assert_cmphex(rig_in(r, 0xe1, 1), ==, 0x56);
    rig_out(r, 0x2005, 1, 1);
    g_assert_true(r->line[5].level);
    rig_out(r, 0x2005, 1, 0);
    g_assert_false(r->line[5].level);
    rig_st(r, 0xff000010, 8, UINT64_C(0x1122334455667788));
    g_assert_cmphex(rig_ld(r, 0xff000014, 2), ==, 0x3344);
    rig_round_trip(dev);
    rig_free(r);
}

static void test_pci_testdev(void)
{
    struct rig *r = rig_new();
    struct pci_dev *p = rig_pci(r, rig_make(r, &pci_testdev_class));
    uint32_t at;

    rig_st(r, BAR, 1, 0);
    g_assert_cmphex(rig_ld(r, BAR + 1, 1), ==, 1);
    at = (uint32_t)rig_ld(r, BAR + 4, 4);
    for (unsigned i = 0; i < 3; i++) {
        rig_st(r, BAR + at, 1, rig_ld(r, BAR + 8, 4));
    }
    g_assert_cmpuint(rig_ld(r, BAR + 12, 4), ==, 3);
    rig_round_trip(&p->dev);
    rig_out(r, 0xc100, 1, 1); /* no second test */
    g_assert_cmphex(rig_in(r, 0xc101, 1), ==, 0);
    rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/xhci/commands", test_commands);
    g_test_add_func("/xhci/bad-rings", test_bad_rings);
    g_test_add_func("/testdev/pc", test_pc_testdev);
    g_test_add_func("/testdev/pci", test_pci_testdev);
    return g_test_run();
}
