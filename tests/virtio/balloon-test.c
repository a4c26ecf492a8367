/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio-balloon through its PCI interface. VIRTIO 1.2, 5.5. */
#include "rig.h"

#include "base/bits.h"
#include "base/endian.h"
#include "machine/virtio/devices.h"

static void target_and_actual(void)
{
    struct rig r;
    struct dev *dev;

    rig_init(&r, true, NULL);
    rig_add(&r, &virtio_balloon_pci_class, "");
    dev = &r.dev->dev;
    rig_start(&r, UINT64_MAX);
    virtio_balloon_set_target(dev, RIG_RAM - 64 * 4096);
    g_assert_cmpuint(rig_device(&r, 0, 4), ==, 64);
    g_assert_cmpuint(virtio_balloon_actual(dev), ==, RIG_RAM);
    rig_set_device(&r, 4, 64, 4);
    g_assert_cmpuint(virtio_balloon_actual(dev), ==, RIG_RAM - 64 * 4096);
    g_assert_cmpuint(r.events->len, ==, 1);
    g_assert_cmpstr(g_ptr_array_index(r.events, 0), ==, "BALLOON_CHANGE");
    rig_set_device(&r, 4, UINT32_MAX, 4); /* more than there is */
    g_assert_cmpuint(virtio_balloon_actual(dev), ==, 0);
    virtio_balloon_set_target(dev, UINT64_MAX);
    g_assert_cmpuint(rig_device(&r, 0, 4), ==, 0);
    rig_fini(&r);
}

static void inflated_pages_are_released(void)
{
    const struct rig_buffer b = {RIG_DATA, 8, false};
    struct rig r;

    rig_init(&r, true, NULL);
    rig_add(&r, &virtio_balloon_pci_class, "");
    rig_start(&r, UINT64_MAX);
    r.ram->host[0x300000] = 0x77;
    r.ram->host[0x301000] = 0x77;
    st_le32(r.ram->host + RIG_DATA, 0x300);
    st_le32(r.ram->host + RIG_DATA + 4, 0xffffffff); /* nothing there */
    rig_send(&r, 0, 0, &b, 1);
    g_assert_cmpint(rig_used(&r, 0, false), ==, 0);
    g_assert_cmphex(r.ram->host[0x300000], ==, 0);
    g_assert_cmphex(r.ram->host[0x301000], ==, 0x77);
    rig_fini(&r);
}

static void statistics_are_shown(void)
{
    const struct rig_buffer b = {RIG_DATA, 20, false};
    struct rig r;
    json_object *all, *stats;

    rig_init(&r, true, NULL);
    rig_add(&r, &virtio_balloon_pci_class, "guest-stats-polling-interval=1");
    rig_start(&r, UINT64_MAX);
    st_le16(r.ram->host + RIG_DATA, 4);
    st_le64(r.ram->host + RIG_DATA + 2, 123456);
    st_le16(r.ram->host + RIG_DATA + 10, 999); /* unknown tag */
    rig_send(&r, 2, 0, &b, 1);
    g_assert_cmpint(rig_used(&r, 2, false), ==, -1); /* kept until new ones are wanted */
    all = virtio_balloon_pci_class.get_extra(&r.dev->dev, "guest-stats");
    stats = json_object_object_get(all, "stats");
    g_assert_cmpint(json_object_get_int64(json_object_object_get(stats, "stat-free-memory")), ==,
                    123456);
    g_assert_cmpuint(json_object_get_uint64(json_object_object_get(stats, "stat-swap-in")), ==,
                     UINT64_MAX);
    g_assert_cmpint(json_object_get_int64(json_object_object_get(all, "last-update")), >, 0);
    json_object_put(all);
    clock_start(r.machine.env.clock);
    for (unsigned i = 0; i < 3 && rig_used(&r, 2, true) < 0; i++) {
    }
    g_assert_cmpuint(r.queue[2].used, ==, 1);
    rig_fini(&r);
}

static void reporting_releases_what_it_names(void)
{
    const struct rig_buffer b = {0x380000, 0x2000, true};
    struct rig r;

    rig_init(&r, true, NULL);
    rig_add(&r, &virtio_balloon_pci_class, "free-page-reporting=on,deflate-on-oom=on");
    g_assert_true(rig_offered(&r) & BIT64(5));
    g_assert_true(rig_offered(&r) & BIT64(2));
    rig_start(&r, UINT64_MAX);
    r.ram->host[0x381000] = 0x77;
    rig_send(&r, 3, 0, &b, 1);
    g_assert_cmpint(rig_used(&r, 3, false), ==, 0);
    g_assert_cmphex(r.ram->host[0x381000], ==, 0);
    rig_fini(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virtio-balloon/target", target_and_actual);
    g_test_add_func("/virtio-balloon/inflate", inflated_pages_are_released);
    g_test_add_func("/virtio-balloon/statistics", statistics_are_shown);
    g_test_add_func("/virtio-balloon/reporting", reporting_releases_what_it_names);
    return g_test_run();
}
