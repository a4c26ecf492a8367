/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The MMIO transport, legacy and VIRTIO 1, with the devices that need least. VIRTIO 1.2, 4.2. */
#include "mmio_rig.h"

#include "base/bits.h"
#include "base/endian.h"
#include "block/backend.h"
#include "machine/virtio/devices.h"
#include "machine/virtio/mmio.h"

static void empty_slot_says_so(void)
{
    static const uint32_t want[][2] = {{0x00, 0x74726976}, {0x08, 0}, {0x0c, 0x554d4551},
                                       {0x10, 0},          {0x70, 0}, {0x100, 0}};
    struct mmio_rig m;

    for (unsigned legacy = 0; legacy < 2; legacy++) {
        mmio_rig_init(&m, NULL, &virtio_rng_device_class, "max-bytes=64", legacy);
        dev_free(m.dev);
        m.dev = NULL;
        for (unsigned i = 0; i < G_N_ELEMENTS(want); i++) {
            g_assert_cmphex(mmio_rig_read(&m, want[i][0], 4), ==, want[i][1]);
        }
        g_assert_cmpuint(mmio_rig_read(&m, 4, 4), ==, legacy ? 1 : 2);
        mmio_rig_write(&m, 0x70, 1, 4);
        g_assert_cmpuint(mmio_rig_read(&m, 0x70, 4), ==, 0);
        mmio_rig_fini(&m);
    }
}

static void slot_takes_one(void)
{
    g_autoptr(GError) error = NULL;
    struct mmio_rig m;
    struct dev *second;

    mmio_rig_init(&m, NULL, &virtio_rng_device_class, "max-bytes=64", false);
    second = dev_new(&virtio_balloon_device_class, NULL, &m.rig.machine.env);
    g_assert_false(dev_realize(second, g_ptr_array_index(m.slot->buses, 0), &error));
    g_assert_cmpstr(error->message, ==, "Bus 'virtio-mmio-bus.0' is full");
    dev_free(second);
    g_assert_cmpuint(mmio_rig_read(&m, 8, 4), ==, 4);
    mmio_rig_fini(&m);
}

/* A request goes round; the line stays up until it is acknowledged. */
static void serves(bool legacy)
{
    const struct rig_buffer b[] = {{RIG_DATA, 100, true}, {RIG_DATA + 200, 50, true}};
    struct mmio_rig m;
    uint64_t features;

    mmio_rig_init(&m, NULL, &virtio_rng_device_class, "max-bytes=4096", legacy);
    g_assert_true(mmio_rig_try_start(&m, UINT64_MAX, &features));
    g_assert_cmpuint(features >> VIRTIO_F_VERSION_1 & 1, ==, !legacy);
    mmio_rig_write(&m, 0x30, 0, 4);
    g_assert_cmphex(mmio_rig_read(&m, 0x40, 4), ==, legacy ? RIG_RING(0) >> 12 : 0);
    g_assert_false(m.line);
    mmio_rig_send(&m, 0, 0, b, 2);
    g_assert_cmpint(mmio_rig_used(&m, 0), ==, 150);
    g_assert_true(m.line);
    g_assert_cmpuint(mmio_rig_read(&m, 0x60, 4), ==, 1);
    mmio_rig_write(&m, 0x64, 2, 4);
    g_assert_true(m.line);
    mmio_rig_write(&m, 0x64, 1, 4);
    g_assert_false(m.line);
    mmio_rig_fini(&m);
}

static void serves_legacy(void)
{
    serves(true);
}

static void serves_modern(void)
{
    serves(false);
}

/* 3.1.1: features that were not offered leave FEATURES_OK clear. */
static void bad_features_are_refused(void)
{
    struct mmio_rig m;

    mmio_rig_init(&m, NULL, &virtio_rng_device_class, "max-bytes=4096", false);
    mmio_rig_write(&m, 0x70, 3, 4);
    mmio_rig_write(&m, 0x24, 1, 4);
    mmio_rig_write(&m, 0x20, UINT32_MAX, 4);
    mmio_rig_write(&m, 0x70, 11, 4);
    g_assert_cmpuint(mmio_rig_read(&m, 0x70, 4), ==, 3);
    mmio_rig_write(&m, 0x20, 1, 4); /* VERSION_1 alone */
    mmio_rig_write(&m, 0x70, 11, 4);
    g_assert_cmpuint(mmio_rig_read(&m, 0x70, 4), ==, 11);
    mmio_rig_fini(&m);
}

/* A queue that is placed outside RAM breaks the device, not the process. */
static void queue_without_ram(void)
{
    struct mmio_rig m;

    for (unsigned legacy = 0; legacy < 2; legacy++) {
        mmio_rig_init(&m, NULL, &virtio_rng_device_class, "max-bytes=4096", legacy);
        mmio_rig_write(&m, 0x70, 3, 4);
        mmio_rig_write(&m, 0x30, 0, 4);
        mmio_rig_write(&m, legacy ? 0x40 : 0x84, 0x7fffffff, 4);
        mmio_rig_write(&m, 0x44, 1, 4);
        g_assert_cmpuint(mmio_rig_read(&m, 0x70, 4) & 64, ==, 64);
        mmio_rig_write(&m, 0x70, 0, 4);
        g_assert_cmpuint(mmio_rig_read(&m, 0x70, 4), ==, 0);
        mmio_rig_fini(&m);
    }
}

/* QueueReady 0 stops an idle queue; it can be started anew. */
static void queue_stops(void)
{
    const struct rig_buffer b = {RIG_DATA, 16, true};
    struct mmio_rig m;
    uint64_t features;

    mmio_rig_init(&m, NULL, &virtio_rng_device_class, "max-bytes=4096", false);
    g_assert_true(mmio_rig_try_start(&m, UINT64_MAX, &features));
    g_assert_cmpuint(mmio_rig_read(&m, 0x44, 4), ==, 0); /* the last queue was selected */
    mmio_rig_write(&m, 0x30, 0, 4);
    g_assert_cmpuint(mmio_rig_read(&m, 0x44, 4), ==, 1);
    mmio_rig_write(&m, 0x44, 0, 4);
    g_assert_cmpuint(mmio_rig_read(&m, 0x44, 4), ==, 0);
    mmio_rig_send(&m, 0, 0, &b, 1);
    g_assert_cmpint(mmio_rig_used(&m, 0), ==, -1);
    mmio_rig_fini(&m);
}

/* 32-bit accesses only, but for the device's configuration. */
static void widths(void)
{
    struct block_graph *graph = block_graph_new();
    json_object *o =
        json_tokener_parse("{\"driver\":\"mem\",\"node-name\":\"n\",\"size\":1048576}");
    struct block_node *node = block_open(o, graph, NULL);
    struct block_backend *backend = block_backend_new("d", NULL);
    struct mmio_rig m;

    json_object_put(o);
    g_assert_true(
        block_backend_insert(backend, node, BLOCK_PERM_CONSISTENT_READ, BLOCK_PERM_ALL, NULL));
    mmio_rig_init(&m, backend, &virtio_blk_device_class, "drive=n", true);
    g_assert_cmphex(mmio_rig_read(&m, 0, 1), ==, 0);
    mmio_rig_write(&m, 0x70, 3, 1);
    g_assert_cmphex(mmio_rig_read(&m, 0x70, 4), ==, 0);
    g_assert_cmphex(mmio_rig_read(&m, 0x100, 4), ==, 2048);
    g_assert_cmphex(mmio_rig_read(&m, 0x101, 1), ==, 8);
    mmio_rig_fini(&m);
    block_backend_free(backend);
    block_unref(node);
    block_graph_free(graph);
}

/* State goes to another machine, and what it was amid goes on there. */
static void saved(bool legacy)
{
    const struct rig_buffer b = {RIG_DATA, 64, true};
    g_autoptr(GByteArray) state = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    struct mmio_rig a, z;
    const uint8_t *data;
    uint64_t features;
    size_t left;

    mmio_rig_init(&a, NULL, &virtio_rng_device_class, "max-bytes=4096", legacy);
    mmio_rig_init(&z, NULL, &virtio_rng_device_class, "max-bytes=4096", legacy);
    g_assert_true(mmio_rig_try_start(&a, UINT64_MAX, &features));
    mmio_rig_send(&a, 0, 0, &b, 1);
    g_assert_true(a.line);
    dev_save(a.dev, state);
    memcpy(z.rig.ram->host, a.rig.ram->host, RIG_RAM);
    memcpy(z.rig.queue, a.rig.queue, sizeof(z.rig.queue));
    memcpy(z.avail, a.avail, sizeof(z.avail));
    memcpy(z.used, a.used, sizeof(z.used));
    data = state->data;
    left = state->len;
    g_assert_true(dev_load(z.dev, &data, &left, &error));
    g_assert_no_error(error);
    g_assert_true(z.line);
    g_assert_cmpint(mmio_rig_used(&z, 0), ==, 64);
    mmio_rig_write(&z, 0x64, 3, 4);
    mmio_rig_send(&z, 0, 1, &b, 1);
    g_assert_cmpint(mmio_rig_used(&z, 0), ==, 64);
    mmio_rig_fini(&a);
    mmio_rig_fini(&z);
}

static void saved_legacy(void)
{
    saved(true);
}

static void saved_modern(void)
{
    saved(false);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virtio-mmio/empty", empty_slot_says_so);
    g_test_add_func("/virtio-mmio/one", slot_takes_one);
    g_test_add_func("/virtio-mmio/legacy", serves_legacy);
    g_test_add_func("/virtio-mmio/modern", serves_modern);
    g_test_add_func("/virtio-mmio/bad-features", bad_features_are_refused);
    g_test_add_func("/virtio-mmio/no-ram", queue_without_ram);
    g_test_add_func("/virtio-mmio/queue-stops", queue_stops);
    g_test_add_func("/virtio-mmio/widths", widths);
    g_test_add_func("/virtio-mmio/saved-legacy", saved_legacy);
    g_test_add_func("/virtio-mmio/saved-modern", saved_modern);
    return g_test_run();
}
