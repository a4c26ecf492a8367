/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one-port devices: isa-debugcon, isa-debug-exit, pvpanic, port 92h. */
#include "machine/dev/classes.h"
#include "rig.h"

static void test_debugcon(void)
{
    struct rig *r = rig_new();
    struct dev *dev = rig_make(r, &isa_debugcon_class);
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) out = NULL;

    rig_chardev(r, "log");
    g_assert_false(dev_realize(dev, r->isa.dev_bus, &error)); /* a chardev is needed */
    g_clear_error(&error);
    g_assert_true(dev_set_str(dev, "chardev", "log", &error));
    g_assert_true(dev_set_str(dev, "iobase", "0x402", &error));
    rig_start(r, dev, r->isa.dev_bus);
    g_assert_cmphex(rig_in(r, 0x402, 1), ==, 0xe9);
    rig_out(r, 0x402, 1, 'o');
    rig_out(r, 0x402, 1, 'k');
    out = chardev_ring_read(chardev_find(r->chardevs, "log"), 10, NULL);
    g_assert_cmpmem(g_bytes_get_data(out, NULL), g_bytes_get_size(out), "ok", 2);
    rig_free(r);
}

static void test_exit(void)
{
    struct rig *r = rig_new();

    rig_add(r, &isa_debug_exit_class, r->isa.dev_bus);
    g_assert_cmphex(rig_in(r, 0x501, 1), ==, 0);
    rig_out(r, 0x501, 1, 0x10);
    g_assert_cmpuint(r->requests[MACHINE_QUIT], ==, 1);
    g_assert_cmpint(r->exit_code, ==, 0x21);
    rig_free(r);
}

static void test_panic(void)
{
    struct rig *r = rig_new();

    rig_add(r, &pvpanic_class, r->isa.dev_bus);
    g_assert_cmphex(rig_in(r, 0x505, 1), ==, 3);
    rig_out(r, 0x505, 1, 2);
    g_assert_cmpstr(r->last_event, ==, "GUEST_CRASHLOADED");
    g_assert_cmpuint(r->requests[MACHINE_PANIC], ==, 0);
    rig_out(r, 0x505, 1, 1);
    g_assert_cmpuint(r->requests[MACHINE_PANIC], ==, 1);
    rig_free(r);
}

static void test_port92(void)
{
    struct rig *r = rig_new();
    struct dev *dev = rig_add(r, &port92_class, r->isa.dev_bus);

    rig_out(r, 0x92, 1, 2);
    g_assert_cmphex(rig_in(r, 0x92, 1), ==, 2);
    rig_round_trip(dev);
    g_assert_cmpuint(r->requests[MACHINE_RESET], ==, 0);
    rig_out(r, 0x92, 1, 3);
    g_assert_cmpuint(r->requests[MACHINE_RESET], ==, 1);
    rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/debug/debugcon", test_debugcon);
    g_test_add_func("/debug/exit", test_exit);
    g_test_add_func("/debug/panic", test_panic);
    g_test_add_func("/debug/port92", test_port92);
    return g_test_run();
}
