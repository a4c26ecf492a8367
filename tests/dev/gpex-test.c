/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The generic PCI Express host, with QEMU's test function behind it. */
#include "machine/dev/classes.h"
#include "machine/pci/gpex.h"
#include "machine/pci/regs.h"
#include "rig.h"

#include <string.h>

#define ECAM          0x30000000
#define PORTS         0x3000000
#define LOW           0x40000000
#define HIGH          UINT64_C(0x400000000)
#define AT(slot, off) (ECAM + ((slot) << 15 | (off)))

static struct gpex *add(struct rig *r)
{
    const struct gpex_map map = {.ecam = ECAM,
                                 .ecam_size = 0x10000000,
                                 .ports = PORTS,
                                 .ports_size = 0x10000,
                                 .low = LOW,
                                 .low_size = 0x40000000,
                                 .high = HIGH,
                                 .high_size = 0x400000000};
    struct gpex *g = gpex_new(&r->m->env, &map, r->irq);

    g_ptr_array_add(r->devs, g);
    rig_start(r, &g->dev, NULL);
    return g;
}

static struct pci_dev *function(struct rig *r, struct gpex *g, const struct dev_class *class,
                                const char *addr)
{
    struct dev *dev = rig_make(r, class);

    g_assert_true(dev_set_str(dev, "addr", addr, NULL));
    rig_start(r, dev, g->root->dev_bus);
    return (struct pci_dev *)dev;
}

static void test_config(void)
{
    struct rig *r = rig_new();
    struct gpex *g = add(r);

    function(r, g, &gpex_root_class, "0");
    g_assert_cmphex(rig_ld(r, AT(0, 0), 4), ==, 0x00081b36);
    g_assert_cmphex(rig_ld(r, AT(0, 8), 4), ==, 0x06000000);
    g_assert_cmphex(rig_ld(r, AT(0, 0x2c), 4), ==, 0x11001af4);
    g_assert_cmphex(rig_ld(r, AT(0, 2), 2), ==, 0x0008);
    g_assert_cmphex(rig_ld(r, AT(1, 0), 4), ==, 0xffffffff);
    g_assert_cmphex(rig_ld(r, ECAM + 0x0fffffff, 1), ==, 0xff);
    rig_free(r);
}

/* Both windows show a function where its BARs were put, and all ones beside it. */
static void test_windows(void)
{
    struct rig *r = rig_new();
    struct gpex *g = add(r);

    function(r, g, &pci_testdev_class, "1");
    g_assert_cmphex(rig_ld(r, LOW, 4), ==, 0xffffffff);
    g_assert_cmphex(rig_ld(r, HIGH, 8), ==, UINT64_MAX);
    rig_st(r, HIGH + 0x100, 4, 0);
    g_assert_cmphex(rig_ld(r, PORTS + 0x1000, 1), ==, 0xff);
    rig_st(r, AT(1, R_PCI_BAR0), 4, LOW + 0x1000);
    rig_st(r, AT(1, R_PCI_BAR0 + 4), 4, 0x1000);
    rig_st(r, AT(1, R_PCI_COMMAND), 2, COMMAND_IO | COMMAND_MEMORY);
    g_assert_cmphex(rig_ld(r, LOW + 0x1000, 4), !=, 0xffffffff);
    g_assert_cmphex(rig_ld(r, PORTS + 0x1000, 1), ==, rig_in(r, 0x1000, 1));
    g_assert_cmphex(rig_ld(r, LOW + 0x1000, 4), ==, rig_ld(r, LOW + 0x1000, 4));
    g_assert_cmphex(rig_ld(r, LOW + 0x3000, 4), ==, 0xffffffff);
    rig_free(r);
}

/* The pins of neighbouring slots are turned by one. */
static void test_interrupts(void)
{
    struct rig *r = rig_new();
    struct gpex *g = add(r);

    for (unsigned slot = 1; slot < 8; slot++) {
        g_autofree char *addr = g_strdup_printf("%x", slot);
        struct pci_dev *p = function(r, g, &qemu_xhci_class, addr);

        pci_set_intx(p, true);
        for (unsigned line = 0; line < GPEX_INTX; line++) {
            g_assert_cmpint(r->line[line].level, ==, line == slot % GPEX_INTX);
        }
        pci_set_intx(p, false);
    }
    rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gpex/config", test_config);
    g_test_add_func("/gpex/windows", test_windows);
    g_test_add_func("/gpex/interrupts", test_interrupts);
    return g_test_run();
}
