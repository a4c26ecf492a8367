/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio-net through its PCI interface, with a back end the test plays. VIRTIO 1.2, 5.1. */
#include "rig.h"

#include "base/bits.h"
#include "base/endian.h"
#include "machine/net/backend.h"
#include "machine/virtio/devices.h"
#include "machine/virtio/virtio.h"

#define RX           0
#define TX           1
#define CTRL         2
#define RX_BUFFER(i) (RIG_DATA + 0x10000 + (i)*0x1000)

#define MRG_RXBUF 15

struct card {
    struct rig rig;
    struct netdev_set *set;
    struct netdev *n;
};

static void init(struct card *c, const char *options)
{
    g_autoptr(GError) error = NULL;
    json_object *o = row_parse("null,id=n0", "type", FALSE, &error);

    c->set = netdev_set_new(NULL);
    c->n = netdev_new(c->set, o, &error);
    g_assert_no_error(error);
    json_object_put(o);
    rig_init(&c->rig, false, c->n);
    if (options) {
        rig_add(&c->rig, &virtio_net_pci_class, options);
    }
}

static void fini(struct card *c)
{
    rig_fini(&c->rig);
    netdev_set_free(c->set);
}

static void give_buffers(struct card *c, unsigned n, uint32_t len)
{
    for (unsigned i = 0; i < n; i++) {
        const struct rig_buffer b = {RX_BUFFER(i), len, true};

        rig_send(&c->rig, RX, i, &b, 1);
    }
}

/* A frame to `mac`, filled with a pattern. */
static void arrive(struct card *c, const uint8_t *mac, size_t len)
{
    g_autofree uint8_t *f = g_malloc(len);
    const struct iovec iov[2] = {{f, 10}, {f + 10, len - 10}};

    for (size_t i = 0; i < len; i++) {
        f[i] = i * 3;
    }
    memcpy(f, mac, 6);
    st_be16(f + 12, 0x88b5);
    net_deliver(c->n, iov, 2);
}

static const uint8_t to_us[6] = {0x52, 0x54, 0, 1, 2, 3}, to_other[6] = {0x52, 0x54, 0, 9, 9, 9};
static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static const uint8_t multicast[6] = {1, 0, 0x5e, 0, 0, 1};

#define OURS "netdev=n0,mac=52:54:00:01:02:03"

static void frame_arrives_behind_a_header(void)
{
    struct card c;
    const uint8_t *got;

    init(&c, OURS);
    rig_start(&c.rig, UINT64_MAX & ~BIT64(MRG_RXBUF));
    give_buffers(&c, 2, 2048);
    arrive(&c, to_us, 100);
    g_assert_cmpint(rig_used(&c.rig, RX, true), ==, 112);
    got = c.rig.ram->host + RX_BUFFER(0);
    g_assert_cmpuint(ld_le16(got + 10), ==, 1);
    g_assert_cmpmem(got + 12, 6, to_us, 6);
    g_assert_cmpuint(got[12 + 99], ==, (uint8_t)(99 * 3));
    fini(&c);
}

static void merged_buffers(void)
{
    struct card c;
    unsigned total = 0;

    init(&c, OURS);
    rig_start(&c.rig, UINT64_MAX);
    give_buffers(&c, 8, 256);
    arrive(&c, to_us, 1000);
    for (int64_t n = rig_used(&c.rig, RX, true); n > 0; n = rig_used(&c.rig, RX, false)) {
        total += n;
    }
    g_assert_cmpuint(total, ==, 1012);
    g_assert_cmpuint(ld_le16(c.rig.ram->host + RX_BUFFER(0) + 10), ==, 4);
    /* byte 244 + 5 of the frame is the sixth of the second buffer */
    g_assert_cmpuint(c.rig.ram->host[RX_BUFFER(1) + 5], ==, (uint8_t)((244 + 5) * 3));
    fini(&c);
}

/* A frame that does not fit is dropped whole; the buffers stay. */
static void too_long_is_dropped(void)
{
    struct card c;

    init(&c, OURS);
    rig_start(&c.rig, UINT64_MAX & ~BIT64(MRG_RXBUF));
    give_buffers(&c, 1, 256);
    arrive(&c, to_us, 1000);
    g_assert_cmpint(rig_used(&c.rig, RX, false), ==, -1);
    arrive(&c, to_us, 60);
    g_assert_cmpint(rig_used(&c.rig, RX, false), ==, 72);
    fini(&c);
}

static uint8_t command(struct card *c, uint8_t class, uint8_t cmd, const void *data, uint32_t len)
{
    const struct rig_buffer chain[] = {
        {RIG_DATA, 2, false}, {RIG_DATA + 16, len, false}, {RIG_DATA + 0x800, 1, true}};
    uint8_t *ram = c->rig.ram->host;

    ram[RIG_DATA] = class;
    ram[RIG_DATA + 1] = cmd;
    memcpy(ram + RIG_DATA + 16, data, len);
    ram[RIG_DATA + 0x800] = 0xee;
    rig_send(&c->rig, CTRL, 0, chain, 3);
    g_assert_cmpint(rig_used(&c->rig, CTRL, false), ==, 1);
    return ram[RIG_DATA + 0x800];
}

static bool hears(struct card *c, const uint8_t *mac)
{
    arrive(c, mac, 60);
    return rig_used(&c->rig, RX, false) > 0;
}

static void receive_filter(void)
{
    const uint8_t off = 0, on = 1;
    uint8_t table[4 + 6 + 4 + 6] = {0};
    struct card c;

    init(&c, OURS);
    rig_start(&c.rig, UINT64_MAX);
    give_buffers(&c, 16, 512);
    g_assert_true(hears(&c, to_other)); /* promiscuous until told otherwise */
    g_assert_cmpuint(command(&c, 0, 0, &off, 1), ==, 0);
    g_assert_true(hears(&c, to_us));
    g_assert_false(hears(&c, to_other));
    g_assert_true(hears(&c, broadcast));
    g_assert_false(hears(&c, multicast));
    g_assert_cmpuint(command(&c, 0, 1, &on, 1), ==, 0);
    g_assert_true(hears(&c, multicast));
    g_assert_cmpuint(command(&c, 0, 1, &off, 1), ==, 0);
    g_assert_cmpuint(command(&c, 0, 5, &on, 1), ==, 0);
    g_assert_false(hears(&c, broadcast));
    st_le32(table, 1);
    memcpy(table + 4, to_other, 6);
    st_le32(table + 10, 1);
    memcpy(table + 14, multicast, 6);
    g_assert_cmpuint(command(&c, 1, 0, table, sizeof(table)), ==, 0);
    g_assert_true(hears(&c, to_other));
    g_assert_true(hears(&c, multicast));
    st_le32(table, 1000); /* says more than it holds */
    g_assert_cmpuint(command(&c, 1, 0, table, sizeof(table)), ==, 1);
    g_assert_cmpuint(command(&c, 0, 99, &on, 1), ==, 1);
    g_assert_cmpuint(command(&c, 9, 0, &on, 1), ==, 1);
    fini(&c);
}

static void address_can_change(void)
{
    const uint8_t off = 0;
    struct card c;

    init(&c, OURS);
    rig_start(&c.rig, UINT64_MAX);
    give_buffers(&c, 4, 512);
    g_assert_cmphex(rig_device(&c.rig, 0, 4), ==, 0x01005452);
    command(&c, 0, 0, &off, 1);
    g_assert_cmpuint(command(&c, 1, 1, to_other, 6), ==, 0);
    g_assert_true(hears(&c, to_other));
    g_assert_false(hears(&c, to_us));
    fini(&c);
}

static uint64_t frames_out(struct card *c)
{
    g_autoptr(GString) text = g_string_new(NULL);

    while (g_main_context_iteration(NULL, FALSE)) {
    }
    netdev_describe(c->n, text);
    return g_ascii_strtoull(strstr(text->str, "frames=") + 7, NULL, 10);
}

static void sends(void)
{
    const struct rig_buffer chain[] = {{RIG_DATA, 12, false}, {RIG_DATA + 0x100, 60, false}};
    const struct rig_buffer short_one = {RIG_DATA, 20, false};
    struct card c;

    init(&c, OURS);
    rig_start(&c.rig, UINT64_MAX);
    for (unsigned i = 0; i < 300; i++) {
        rig_send(&c.rig, TX, 0, chain, 2);
        g_assert_cmpint(rig_used(&c.rig, TX, false), ==, 0);
    }
    g_assert_cmpuint(frames_out(&c), ==, 300);
    rig_send(&c.rig, TX, 0, &short_one, 1);
    g_assert_true(rig_common(&c.rig, 0x14, 1) & STATUS_NEEDS_RESET);
    fini(&c);
}

static void link_is_shown(void)
{
    struct card c;

    init(&c, OURS);
    rig_start(&c.rig, UINT64_MAX);
    give_buffers(&c, 2, 512);
    g_assert_cmpuint(rig_device(&c.rig, 6, 2), ==, 1);
    c.n->nic.link(c.n->nic.opaque, false);
    g_assert_cmpuint(rig_device(&c.rig, 6, 2), ==, 0);
    g_assert_false(hears(&c, to_us));
    fini(&c);
}

static void properties_have_effect(void)
{
    struct card c;
    uint64_t offered;

    init(&c, "netdev=n0,mrg_rxbuf=off,status=off,ctrl_vq=off,host_mtu=1400,rx_queue_size=512,"
             "tx_queue_size=1024");
    offered = rig_offered(&c.rig);
    g_assert_false(offered & (BIT64(MRG_RXBUF) | BIT64(16) | BIT64(17)));
    g_assert_true(offered & BIT64(3));
    g_assert_cmpuint(rig_device(&c.rig, 10, 2), ==, 1400);
    g_assert_cmpuint(rig_common(&c.rig, 0x12, 2), ==, 2);
    g_assert_cmpuint(rig_common(&c.rig, 0x18, 2), ==, 512);
    rig_set_common(&c.rig, 0x16, TX, 2);
    g_assert_cmpuint(rig_common(&c.rig, 0x18, 2), ==, 1024);
    fini(&c);
}

static void bad_properties_are_refused(void)
{
    static const char *const bad[][2] = {
        {"netdev=n0,rx_queue_size=100", "rx_queue_size"},
        {"netdev=n0,tx_queue_size=8192", "tx_queue_size"},
        {"mac=52:54:00:01:02:03", "netdev=ID"},
        {"netdev=n0,mac=banana", "mac"},
    };
    struct card c;

    init(&c, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *says = rig_add_fails(&c.rig, &virtio_net_pci_class, bad[i][0]);

        g_assert_nonnull(strstr(says, bad[i][1]));
    }
    fini(&c);
}

static void state_round_trip(void)
{
    const uint8_t off = 0;
    struct card c;
    g_autoptr(GByteArray) a = g_byte_array_new(), b = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    const uint8_t *data;
    size_t left;

    init(&c, OURS);
    rig_start(&c.rig, UINT64_MAX);
    give_buffers(&c, 4, 512);
    command(&c, 0, 0, &off, 1);
    dev_save(&c.rig.dev->dev, a);
    dev_reset(&c.rig.dev->dev);
    data = a->data;
    left = a->len;
    g_assert_true(dev_load(&c.rig.dev->dev, &data, &left, &error));
    dev_save(&c.rig.dev->dev, b);
    g_assert_cmpmem(a->data, a->len, b->data, b->len);
    g_assert_true(hears(&c, to_us));
    g_assert_false(hears(&c, to_other));
    fini(&c);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virtio-net/header", frame_arrives_behind_a_header);
    g_test_add_func("/virtio-net/merged", merged_buffers);
    g_test_add_func("/virtio-net/too-long", too_long_is_dropped);
    g_test_add_func("/virtio-net/filter", receive_filter);
    g_test_add_func("/virtio-net/address", address_can_change);
    g_test_add_func("/virtio-net/sends", sends);
    g_test_add_func("/virtio-net/link", link_is_shown);
    g_test_add_func("/virtio-net/properties", properties_have_effect);
    g_test_add_func("/virtio-net/bad-properties", bad_properties_are_refused);
    g_test_add_func("/virtio-net/state", state_round_trip);
    return g_test_run();
}
