/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ACPI power management registers inside a small owner that stands for the LPC bridge. */
#include "pm_owner.h"
#include "rig.h"

#define BASE PM_OWNER_BASE
#define SCI  PM_OWNER_SCI

static void test_timer(void)
{
    struct rig *r = rig_new();
    struct dev *dev = rig_add(r, &pm_owner_class, NULL);
    uint64_t then = rig_in(r, BASE + 8, 4);

    rig_sleep(r, 1000000000);
    g_assert_cmpuint((rig_in(r, BASE + 8, 4) - then) & 0xffffff, ==, ACPI_PM_HZ & 0xffffff);
    rig_out(r, BASE + 2, 2, 1); /* interrupt when bit 23 changes */
    g_assert_false(r->line[SCI].level);
    rig_sleep(r, INT64_C(1500000000));
    g_assert_true(r->line[SCI].level);
    g_assert_cmphex(rig_in(r, BASE, 2), ==, 1);
    rig_out(r, BASE, 2, 1);
    g_assert_false(r->line[SCI].level);
    rig_round_trip(dev);
    rig_sleep(r, INT64_C(2400000000));
    g_assert_true(r->line[SCI].level);
    rig_free(r);
}

static void test_events(void)
{
    struct rig *r = rig_new();
    struct pm_owner *o = (struct pm_owner *)rig_add(r, &pm_owner_class, NULL);

    rig_out(r, BASE + 2, 2, 0x100);
    acpi_pm_power_button(&o->pm);
    g_assert_true(r->line[SCI].level);
    g_assert_cmphex(rig_in(r, BASE, 4), ==, 0x01000100);
    rig_out(r, BASE, 2, 0x100);
    g_assert_false(r->line[SCI].level);
    acpi_pm_gpe(&o->pm, 9);
    g_assert_cmphex(rig_in(r, BASE + 0x21, 1), ==, 2);
    g_assert_false(r->line[SCI].level);
    rig_out(r, BASE + 0x29, 1, 2);
    g_assert_true(r->line[SCI].level);
    rig_round_trip(&o->dev);
    rig_bad_states(&o->dev);
    rig_out(r, BASE + 0x21, 1, 2);
    g_assert_false(r->line[SCI].level);
    rig_out(r, 0xb2, 1, 0xf3);
    rig_out(r, 0xb3, 1, 0x77);
    g_assert_cmphex(rig_in(r, 0xb2, 2), ==, 0x77f3);
    rig_free(r);
}

static void test_sleep(void)
{
    struct rig *r = rig_new();
    struct pm_owner *o = (struct pm_owner *)rig_add(r, &pm_owner_class, NULL);

    g_assert_cmphex(rig_in(r, BASE + 4, 2), ==, 1);       /* ACPI mode from the start */
    g_assert_cmphex(rig_in(r, BASE + 0x30, 4), ==, 0x20); /* firmware shall not wait for an SMI */
    rig_out(r, BASE + 4, 2, ACPI_S3 << 10);
    g_assert_cmpuint(r->requests[MACHINE_SUSPEND], ==, 0);
    rig_out(r, BASE + 4, 2, 0x2000 | ACPI_S3 << 10);
    g_assert_cmpuint(r->requests[MACHINE_SUSPEND], ==, 1);
    acpi_pm_wake(&o->pm);
    dev_reset(&o->dev);
    g_assert_cmphex(rig_in(r, BASE, 2), ==, 0x8100);
    rig_out(r, BASE + 4, 2, 0x2000 | ACPI_S4 << 10);
    g_assert_cmpstr(r->last_event, ==, "SUSPEND_DISK");
    g_assert_cmpuint(r->requests[MACHINE_SHUTDOWN], ==, 1);
    rig_out(r, BASE + 4, 2, 0x2000 | ACPI_S5 << 10);
    g_assert_cmpuint(r->requests[MACHINE_SHUTDOWN], ==, 2);
    g_assert_cmphex(rig_in(r, BASE + 4, 2), ==, 1);
    rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/acpi_pm/timer", test_timer);
    g_test_add_func("/acpi_pm/events", test_events);
    g_test_add_func("/acpi_pm/sleep", test_sleep);
    return g_test_run();
}
