/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio-blk through its PCI interface. VIRTIO 1.2, 5.2. */
#include "rig.h"

#include "base/bits.h"
#include "base/endian.h"
#include "block/backend.h"
#include "machine/virtio/devices.h"
#include "machine/virtio/virtio.h"

#define DISK   (UINT64_C(1) << 20)
#define HEADER RIG_DATA
#define BUFFER (RIG_DATA + 0x1000)
#define STATUS (RIG_DATA + 0x20000)

#define ALL_FEATURES UINT64_MAX

struct disk {
    struct rig rig;
    struct block_graph *graph;
    struct block_node *node;
    struct block_backend *backend;
};

static void disk_init(struct disk *d, bool sync, const char *node, const char *options)
{
    g_autoptr(GError) error = NULL;
    json_object *o = json_tokener_parse(node);

    d->graph = block_graph_new();
    d->node = block_open(o, d->graph, &error);
    g_assert_no_error(error);
    json_object_put(o);
    d->backend = block_backend_new("drive0", NULL);
    g_assert_true(block_backend_insert(d->backend, d->node, BLOCK_PERM_CONSISTENT_READ,
                                       BLOCK_PERM_ALL, &error));
    rig_init(&d->rig, sync, d->backend);
    if (options) {
        rig_add(&d->rig, &virtio_blk_pci_class, options);
    }
}

static void disk_fini(struct disk *d)
{
    rig_fini(&d->rig);
    block_backend_free(d->backend);
    block_unref(d->node);
    block_graph_free(d->graph);
}

#define MEM_NODE "{\"driver\":\"mem\",\"node-name\":\"n\",\"size\":1048576}"

static void ask(struct disk *d, uint32_t type, uint64_t sector, uint32_t len, bool write)
{
    const struct rig_buffer chain[] = {
        {HEADER, 16, false},
        {BUFFER, len, !write},
        {STATUS, 1, true},
    };
    const struct rig_buffer no_data[] = {{HEADER, 16, false}, {STATUS, 1, true}};
    uint8_t *h = d->rig.ram->host + HEADER;

    st_le32(h, type);
    st_le64(h + 8, sector);
    d->rig.ram->host[STATUS] = 0xee;
    if (len) {
        rig_send(&d->rig, 0, 0, chain, 3);
    } else {
        rig_send(&d->rig, 0, 0, no_data, 2);
    }
}

static uint8_t status(struct disk *d)
{
    return d->rig.ram->host[STATUS];
}

static void do_io(bool sync)
{
    struct disk d;
    uint8_t *buffer;

    disk_init(&d, sync, MEM_NODE, "drive=n");
    buffer = d.rig.ram->host + BUFFER;
    rig_start(&d.rig, ALL_FEATURES);
    g_assert_cmpuint(rig_device(&d.rig, 0, 4), ==, DISK / 512);
    for (unsigned i = 0; i < 4096; i++) {
        buffer[i] = i * 7;
    }
    ask(&d, 1, 5, 4096, true);
    g_assert_cmpint(rig_used(&d.rig, 0, !sync), ==, 1);
    g_assert_cmpuint(status(&d), ==, 0);
    memset(buffer, 0, 4096);
    ask(&d, 0, 5, 4096, false);
    g_assert_cmpint(rig_used(&d.rig, 0, !sync), ==, 4097);
    g_assert_cmpuint(status(&d), ==, 0);
    for (unsigned i = 0; i < 4096; i++) {
        g_assert_cmpuint(buffer[i], ==, (uint8_t)(i * 7));
    }
    ask(&d, 4, 0, 0, false);
    g_assert_cmpint(rig_used(&d.rig, 0, !sync), ==, 1);
    g_assert_cmpuint(status(&d), ==, 0);
    disk_fini(&d);
}

static void reads_and_writes(void)
{
    do_io(false);
}

static void reads_and_writes_in_the_notification(void)
{
    do_io(true);
}

static void bad_ranges_are_io_errors(void)
{
    const struct {
        uint64_t sector;
        uint32_t len;
    } bad[] = {
        {DISK / 512, 512}, {DISK / 512 - 1, 1024}, {UINT64_MAX / 512, 512}, {UINT64_MAX, 512},
        {0, 513},
    };
    struct disk d;

    disk_init(&d, true, MEM_NODE, "drive=n");
    rig_start(&d.rig, ALL_FEATURES);
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        ask(&d, 0, bad[i].sector, bad[i].len, false);
        g_assert_cmpint(rig_used(&d.rig, 0, false), ==, 1);
        g_assert_cmpuint(status(&d), ==, 1);
    }
    ask(&d, 77, 0, 512, false);
    rig_used(&d.rig, 0, false);
    g_assert_cmpuint(status(&d), ==, 2); /* unsupported */
    disk_fini(&d);
}

static void missing_status_needs_reset(void)
{
    const struct rig_buffer only_header = {HEADER, 16, false};
    struct disk d;

    disk_init(&d, true, MEM_NODE, "drive=n");
    rig_start(&d.rig, ALL_FEATURES);
    rig_send(&d.rig, 0, 0, &only_header, 1);
    g_assert_true(rig_common(&d.rig, 0x14, 1) & STATUS_NEEDS_RESET);
    g_assert_cmpint(rig_used(&d.rig, 0, false), ==, -1);
    rig_start(&d.rig, ALL_FEATURES); /* and works again */
    ask(&d, 0, 0, 512, false);
    g_assert_cmpint(rig_used(&d.rig, 0, false), ==, 513);
    disk_fini(&d);
}

static void identifies_itself(void)
{
    struct disk d;

    disk_init(&d, true, MEM_NODE, "drive=n,serial=S1234");
    rig_start(&d.rig, ALL_FEATURES);
    ask(&d, 8, 0, 20, false);
    rig_used(&d.rig, 0, false);
    g_assert_cmpstr((char *)d.rig.ram->host + BUFFER, ==, "S1234");
    disk_fini(&d);
}

static void discards_and_zeroes(void)
{
    struct disk d;
    uint8_t byte = 0xff;
    uint8_t *seg;

    disk_init(&d, true, MEM_NODE, "drive=n");
    rig_start(&d.rig, ALL_FEATURES);
    g_assert_cmpint(block_pwrite(d.node, 4096, &byte, 1, 0), ==, 0);
    seg = d.rig.ram->host + BUFFER;
    st_le64(seg, 8);
    st_le32(seg + 8, 8);
    st_le32(seg + 12, 0);
    ask(&d, 13, 0, 16, true);
    rig_used(&d.rig, 0, false);
    g_assert_cmpuint(status(&d), ==, 0);
    g_assert_cmpint(block_pread(d.node, 4096, &byte, 1), ==, 0);
    g_assert_cmpuint(byte, ==, 0);
    st_le32(seg + 12, 2); /* an unknown flag */
    ask(&d, 11, 0, 16, true);
    rig_used(&d.rig, 0, false);
    g_assert_cmpuint(status(&d), ==, 2);
    disk_fini(&d);
}

/* Reset with requests in flight: the status stays non-zero until they have ended, and nothing of
 * them is seen afterwards. */
static void reset_in_flight(void)
{
    struct disk d;

    disk_init(&d, false, MEM_NODE, "drive=n");
    rig_start(&d.rig, ALL_FEATURES);
    for (unsigned i = 0; i < 16; i++) {
        ask(&d, 0, i, 512, false);
    }
    rig_set_common(&d.rig, 0x14, 0, 1);
    for (unsigned i = 0; i < 1000 && rig_common(&d.rig, 0x14, 1); i++) {
        if (!g_main_context_iteration(NULL, FALSE)) {
            g_usleep(1000);
        }
    }
    rig_start(&d.rig, ALL_FEATURES);
    g_assert_cmpint(rig_used(&d.rig, 0, false), ==, -1);
    ask(&d, 0, 0, 512, false);
    g_assert_cmpint(rig_used(&d.rig, 0, true), ==, 513);
    disk_fini(&d);
}

/* A transitional driver does not wait: the vCPUs stop until nothing is in flight, and only a reset
 * that interrupts something asks for that. */
static void transitional_reset_drains(void)
{
    struct disk d;
    struct bus *io;
    uint64_t v;

    disk_init(&d, false, MEM_NODE, "drive=n");
    io = d.rig.machine.env.io;
    rig_start(&d.rig, ALL_FEATURES);
    bus_write(io, RIG_IO + 0x12, 0, 1);
    g_assert_cmpuint(d.rig.requests, ==, 0);
    rig_start(&d.rig, ALL_FEATURES);
    for (unsigned i = 0; i < 16; i++) {
        ask(&d, 0, i, 512, false);
    }
    bus_write(io, RIG_IO + 0x12, 0, 1);
    g_assert_cmpuint(d.rig.requests, ==, 1);
    g_assert_cmpint(d.rig.last_request, ==, MACHINE_DRAIN);
    virtio_blk_pci_class.pause(&d.rig.dev->dev);
    bus_read(io, RIG_IO + 0x12, 1, &v);
    g_assert_cmphex(v, ==, 0);
    g_assert_cmpuint(block_backend_in_flight(d.backend), ==, 0);
    rig_start(&d.rig, ALL_FEATURES);
    g_assert_cmpint(rig_used(&d.rig, 0, false), ==, -1);
    disk_fini(&d);
}

static void properties_have_effect(void)
{
    struct disk d;
    uint64_t offered;

    disk_init(&d, true, MEM_NODE,
              "drive=n,num-queues=3,queue-size=64,logical_block_size=4096,discard=off,"
              "config-wce=off,max-write-zeroes-sectors=99,min_io_size=8192,opt_io_size=65536,"
              "event_idx=off,disable-legacy=on,vectors=2");
    offered = rig_offered(&d.rig);
    g_assert_cmphex(rig_config(&d.rig, 2, 2), ==, 0x1042);
    g_assert_cmpuint(rig_common(&d.rig, 0x12, 2), ==, 3);
    g_assert_cmpuint(rig_common(&d.rig, 0x18, 2), ==, 64);
    g_assert_cmpuint(rig_device(&d.rig, 12, 4), ==, 62);
    g_assert_cmpuint(rig_device(&d.rig, 20, 4), ==, 4096);
    g_assert_cmpuint(rig_device(&d.rig, 26, 2), ==, 2);
    g_assert_cmpuint(rig_device(&d.rig, 28, 4), ==, 16);
    g_assert_cmpuint(rig_device(&d.rig, 48, 4), ==, 99);
    g_assert_false(offered & (BIT64(13) | BIT64(11) | BIT64(VIRTIO_F_EVENT_IDX)));
    g_assert_true(offered & BIT64(12));
    g_assert_cmpuint(d.rig.dev->msix.n, ==, 2);
    disk_fini(&d);
}

static void bad_properties_are_refused(void)
{
    static const char *const bad[][2] = {
        {"num-queues=0,drive=n", "num-queues"},
        {"queue-size=100,drive=n", "power of 2"},
        {"logical_block_size=1000,drive=n", "powers of two"},
        {"logical_block_size=4096,physical_block_size=512,drive=n", "not supported"},
        {"serial=x", "drive property not set"},
        {"disable-legacy=on,disable-modern=on,drive=n", "neither modern nor legacy"},
    };
    struct disk d;

    disk_init(&d, true, MEM_NODE, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *says = rig_add_fails(&d.rig, &virtio_blk_pci_class, bad[i][0]);

        g_assert_nonnull(strstr(says, bad[i][1]));
    }
    disk_fini(&d);
}

/* The 0.9.5 interface of a transitional function. */
static void transitional_interface(void)
{
    struct disk d;
    struct bus *io;
    uint64_t v;

    disk_init(&d, true, MEM_NODE, "drive=n,disable-modern=on");
    io = d.rig.machine.env.io;
    g_assert_cmphex(rig_config(&d.rig, 2, 2), ==, 0x1001);
    bus_read(io, RIG_IO, 4, &v);
    g_assert_true(v & BIT64(9));
    bus_write(io, RIG_IO + 4, BIT64(9), 4);
    bus_write(io, RIG_IO + 0x12, 3, 1);
    bus_write(io, RIG_IO + 0x0e, 0, 2);
    bus_read(io, RIG_IO + 0x0c, 2, &v);
    g_assert_cmpuint(v, ==, 256);
    d.rig.queue[0].size = v;
    bus_write(io, RIG_IO + 8, RIG_RING(0) >> 12, 4);
    bus_write(io, RIG_IO + 0x12, 7, 1);
    /* available at +4096, used at the next page after it */
    st_le64(d.rig.ram->host + RIG_RING(0), HEADER);
    st_le32(d.rig.ram->host + RIG_RING(0) + 8, 16);
    st_le16(d.rig.ram->host + RIG_RING(0) + 12, 1);
    st_le16(d.rig.ram->host + RIG_RING(0) + 14, 1);
    st_le64(d.rig.ram->host + RIG_RING(0) + 16, STATUS);
    st_le32(d.rig.ram->host + RIG_RING(0) + 24, 1);
    st_le16(d.rig.ram->host + RIG_RING(0) + 28, 2);
    st_le32(d.rig.ram->host + HEADER, 4);
    d.rig.ram->host[STATUS] = 0xee;
    st_le16(d.rig.ram->host + RIG_RING(0) + 4096 + 2, 1);
    bus_write(io, RIG_IO + 0x10, 0, 2);
    g_assert_cmpuint(status(&d), ==, 0);
    g_assert_cmpuint(ld_le16(d.rig.ram->host + RIG_RING(0) + 8192 + 2), ==, 1);
    g_assert_true(d.rig.line);
    bus_read(io, RIG_IO + 0x13, 1, &v);
    g_assert_cmphex(v, ==, 1);
    g_assert_false(d.rig.line);
    disk_fini(&d);
}

static void state_round_trip(void)
{
    struct disk d;
    g_autoptr(GByteArray) a = g_byte_array_new(), b = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    const uint8_t *data;
    size_t left;

    disk_init(&d, true, MEM_NODE, "drive=n");
    rig_start(&d.rig, ALL_FEATURES & ~BIT64(VIRTIO_F_EVENT_IDX));
    ask(&d, 0, 0, 512, false);
    rig_used(&d.rig, 0, false);
    dev_save(&d.rig.dev->dev, a);
    dev_reset(&d.rig.dev->dev);
    data = a->data;
    left = a->len;
    g_assert_true(dev_load(&d.rig.dev->dev, &data, &left, &error));
    dev_save(&d.rig.dev->dev, b);
    g_assert_cmpmem(a->data, a->len, b->data, b->len);
    ask(&d, 0, 1, 512, false); /* the rings go on */
    g_assert_cmpint(rig_used(&d.rig, 0, false), ==, 513);
    disk_fini(&d);
}

/* A write that failed once and stopped the machine is part of its state, and goes on after it. */
static void held_requests_are_state(void)
{
    struct disk d;
    g_autoptr(GByteArray) a = g_byte_array_new(), b = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    const uint8_t *data;
    size_t left;

    disk_init(&d, true,
              "{\"driver\":\"blkdebug\",\"node-name\":\"n\",\"image\":"
              "{\"driver\":\"mem\",\"node-name\":\"m\",\"size\":1048576},"
              "\"inject-error\":[{\"event\":\"none\",\"iotype\":\"write\",\"once\":true}]}",
              "drive=n,werror=stop");
    rig_start(&d.rig, ALL_FEATURES & ~BIT64(VIRTIO_F_EVENT_IDX));
    memset(d.rig.ram->host + BUFFER, 0x5a, 512);
    ask(&d, 1, 7, 512, true);
    g_assert_cmpint(rig_used(&d.rig, 0, false), ==, -1);
    g_assert_cmpint(d.rig.last_request, ==, MACHINE_IO_ERROR);
    dev_save(&d.rig.dev->dev, a);
    dev_reset(&d.rig.dev->dev);
    data = a->data;
    left = a->len;
    g_assert_true(dev_load(&d.rig.dev->dev, &data, &left, &error));
    g_assert_no_error(error);
    dev_save(&d.rig.dev->dev, b);
    g_assert_cmpmem(a->data, a->len, b->data, b->len);
    virtio_blk_pci_class.resume(&d.rig.dev->dev);
    g_assert_cmpint(rig_used(&d.rig, 0, false), ==, 1);
    g_assert_cmpuint(status(&d), ==, 0);
    memset(d.rig.ram->host + BUFFER, 0, 512);
    ask(&d, 0, 7, 512, false);
    g_assert_cmpint(rig_used(&d.rig, 0, false), ==, 513);
    g_assert_cmphex(d.rig.ram->host[BUFFER + 511], ==, 0x5a);
    disk_fini(&d);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virtio-blk/reads-and-writes", reads_and_writes);
    g_test_add_func("/virtio-blk/in-the-notification", reads_and_writes_in_the_notification);
    g_test_add_func("/virtio-blk/bad-ranges", bad_ranges_are_io_errors);
    g_test_add_func("/virtio-blk/missing-status", missing_status_needs_reset);
    g_test_add_func("/virtio-blk/id", identifies_itself);
    g_test_add_func("/virtio-blk/discard-and-zeroes", discards_and_zeroes);
    g_test_add_func("/virtio-blk/reset-in-flight", reset_in_flight);
    g_test_add_func("/virtio-blk/transitional-reset", transitional_reset_drains);
    g_test_add_func("/virtio-blk/properties", properties_have_effect);
    g_test_add_func("/virtio-blk/bad-properties", bad_properties_are_refused);
    g_test_add_func("/virtio-blk/transitional", transitional_interface);
    g_test_add_func("/virtio-blk/state", state_round_trip);
    g_test_add_func("/virtio-blk/held-requests", held_requests_are_state);
    return g_test_run();
}
