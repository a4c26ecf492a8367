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

static void init_netdev(struct card *c, const char *netdev)
{
    g_autoptr(GError) error = NULL;
    json_object *o = row_parse(netdev, "type", FALSE, &error);

    c->set = netdev_set_new(NULL);
    c->n = netdev_new(c->set, o, &error);
    g_assert_no_error(error);
    json_object_put(o);
    rig_init(&c->rig, false, c->n);
}

static void init(struct card *c, const char *options)
{
    init_netdev(c, "null,id=n0");
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

/* A frame to `mac`, filled with a pattern, on a queue of the back end. */
static void arrive_on(struct card *c, unsigned queue, const uint8_t *mac, size_t len)
{
    g_autofree uint8_t *f = g_malloc(len);
    const struct iovec iov[2] = {{f, 10}, {f + 10, len - 10}};

    for (size_t i = 0; i < len; i++) {
        f[i] = i * 3;
    }
    memcpy(f, mac, 6);
    st_be16(f + 12, 0x88b5);
    net_deliver(c->n, queue, iov, 2);
}

static void arrive(struct card *c, const uint8_t *mac, size_t len)
{
    arrive_on(c, 0, mac, len);
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

static uint8_t command_on(struct card *c, unsigned queue, uint8_t class, uint8_t cmd,
                          const void *data, uint32_t len)
{
    const struct rig_buffer chain[] = {
        {RIG_DATA, 2, false}, {RIG_DATA + 16, len, false}, {RIG_DATA + 0x800, 1, true}};
    uint8_t *ram = c->rig.ram->host;

    ram[RIG_DATA] = class;
    ram[RIG_DATA + 1] = cmd;
    memcpy(ram + RIG_DATA + 16, data, len);
    ram[RIG_DATA + 0x800] = 0xee;
    rig_send(&c->rig, queue, 0, chain, 3);
    g_assert_cmpint(rig_used(&c->rig, queue, false), ==, 1);
    return ram[RIG_DATA + 0x800];
}

static uint8_t command(struct card *c, uint8_t class, uint8_t cmd, const void *data, uint32_t len)
{
    return command_on(c, CTRL, class, cmd, data, len);
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

/* --- several queue pairs, and offloads: a back end that notes what it was told ---------------- */

struct noted {
    uint64_t frames; /* as in the null back end, whose other functions it keeps */
    unsigned active, header, sent[4];
    uint64_t offloads;
};

static struct noted *noted(struct card *c)
{
    return c->n->state;
}

static void note_send(struct netdev *n, unsigned queue, const struct iovec *iov, unsigned niov)
{
    ((struct noted *)n->state)->sent[queue]++;
}

static uint64_t note_offloads(struct netdev *n)
{
    return 0x7f83;
}

static void note_header(struct netdev *n, unsigned len, uint64_t offloads)
{
    ((struct noted *)n->state)->header = len;
    ((struct noted *)n->state)->offloads = offloads;
}

static void note_queues(struct netdev *n, unsigned active)
{
    ((struct noted *)n->state)->active = active;
}

static void nothing(struct netdev *n)
{
}

static const struct net_backend noting = {
    .type = "noting",
    .rows = (const struct row[]){{}},
    .close = nothing,
    .send = note_send,
    .offloads = note_offloads,
    .set_header = note_header,
    .use_queues = note_queues,
};

static void init_noting(struct card *c, const char *netdev, const char *options)
{
    init_netdev(c, netdev);
    g_free(c->n->state);
    c->n->state = g_new0(struct noted, 1);
    c->n->backend = &noting;
    rig_add(&c->rig, &virtio_net_pci_class, options);
}

static unsigned sent_on(struct card *c, unsigned pair)
{
    const struct rig_buffer chain[] = {{RIG_DATA, 12, false}, {RIG_DATA + 0x100, 60, false}};

    rig_send(&c->rig, 2 * pair + 1, 0, chain, 2);
    rig_used(&c->rig, 2 * pair + 1, false);
    while (g_main_context_iteration(NULL, FALSE)) {
    }
    return noted(c)->sent[pair];
}

#define PAIRS 3
#define MQ    22

static void queue_pairs(void)
{
    const uint8_t two[2] = {2}, none[2] = {0}, many[2] = {PAIRS + 1};
    struct card c;

    init_noting(&c, "null,id=n0,queues=3", OURS ",mq=on");
    g_assert_true(rig_offered(&c.rig) & BIT64(MQ));
    g_assert_cmpuint(rig_device(&c.rig, 8, 2), ==, PAIRS);
    g_assert_cmpuint(c.rig.dev->msix.n, ==, 2 * PAIRS + 2);
    rig_start(&c.rig, UINT64_MAX);
    g_assert_cmpuint(rig_common(&c.rig, 0x12, 2), ==, 2 * PAIRS + 1);
    g_assert_cmpuint(noted(&c)->active, ==, 1);
    g_assert_cmpuint(sent_on(&c, 0), ==, 1);
    g_assert_cmpuint(sent_on(&c, 1), ==, 0);
    g_assert_cmpuint(command_on(&c, 2 * PAIRS, 4, 0, none, 2), ==, 1);
    g_assert_cmpuint(command_on(&c, 2 * PAIRS, 4, 0, many, 2), ==, 1);
    g_assert_cmpuint(command_on(&c, 2 * PAIRS, 4, 1, two, 2), ==, 1);
    g_assert_cmpuint(command_on(&c, 2 * PAIRS, 4, 0, two, 2), ==, 0);
    g_assert_cmpuint(noted(&c)->active, ==, 2);
    g_assert_cmpuint(sent_on(&c, 1), ==, 2);
    /* a frame of the second queue comes in the second pair's ring; one of the third is lost */
    for (unsigned pair = 1; pair < PAIRS; pair++) {
        const struct rig_buffer b = {RX_BUFFER(pair), 2048, true};

        rig_send(&c.rig, 2 * pair, 0, &b, 1);
        arrive_on(&c, pair, to_us, 112); /* the back end's header is part of it */
    }
    g_assert_cmpint(rig_used(&c.rig, 2, true), ==, 112);
    g_assert_cmpint(rig_used(&c.rig, 4, false), ==, -1);
    /* a reset gives the others back */
    rig_set_common(&c.rig, 0x14, 0, 1);
    g_assert_cmpuint(noted(&c)->active, ==, 1);
    fini(&c);
}

/* Without MQ the control queue is where an older driver looks for it. */
static void pairs_not_taken(void)
{
    const uint8_t one[2] = {1}, off = 0;
    struct card c;

    init_noting(&c, "null,id=n0,queues=3", OURS ",mq=on");
    rig_start(&c.rig, UINT64_MAX & ~BIT64(MQ));
    g_assert_cmpuint(rig_common(&c.rig, 0x12, 2), ==, 3);
    g_assert_cmpuint(command(&c, 0, 0, &off, 1), ==, 0);
    g_assert_cmpuint(command(&c, 4, 0, one, 2), ==, 1);
    fini(&c);
    init_noting(&c, "null,id=n0,queues=3", OURS);
    g_assert_false(rig_offered(&c.rig) & BIT64(MQ));
    g_assert_cmpuint(rig_device(&c.rig, 8, 2), ==, 1);
    fini(&c);
}

static void pairs_are_saved(void)
{
    const uint8_t three[2] = {3};
    g_autoptr(GByteArray) state = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    struct card c;
    const uint8_t *data;
    size_t left;

    init_noting(&c, "null,id=n0,queues=3", OURS ",mq=on");
    rig_start(&c.rig, UINT64_MAX);
    g_assert_cmpuint(command_on(&c, 2 * PAIRS, 4, 0, three, 2), ==, 0);
    dev_save(&c.rig.dev->dev, state);
    dev_reset(&c.rig.dev->dev);
    g_assert_cmpuint(noted(&c)->active, ==, 1);
    data = state->data;
    left = state->len;
    g_assert_true(dev_load(&c.rig.dev->dev, &data, &left, &error));
    g_assert_cmpuint(noted(&c)->active, ==, 3);
    g_assert_cmpuint(sent_on(&c, 2), ==, 1);
    /* a count that the device does not have */
    st_le16(state->data + state->len - 10, PAIRS + 1);
    data = state->data;
    left = state->len;
    g_assert_false(dev_load(&c.rig.dev->dev, &data, &left, &error));
    g_assert_nonnull(strstr(error->message, "queue pairs"));
    fini(&c);
}

#define GUEST_TSO4 7
#define HOST_TSO4  11

static void offloads(void)
{
    uint8_t want[8] = {0};
    struct card c;

    init_noting(&c, "null,id=n0", OURS ",host_ufo=off,guest_ecn=off");
    g_assert_cmphex(rig_offered(&c.rig) & 0x7f83, ==, 0x7f83 & ~(BIT64(14) | BIT64(9)));
    rig_start(&c.rig, UINT64_MAX);
    g_assert_cmpuint(noted(&c)->header, ==, 12);
    g_assert_cmphex(noted(&c)->offloads, ==, 0x7f83 & ~(BIT64(14) | BIT64(9)));
    st_le64(want, BIT64(1));
    g_assert_cmpuint(command(&c, 5, 0, want, 8), ==, 0);
    g_assert_cmphex(noted(&c)->offloads, ==, BIT64(0) | BIT64(1) | 0x3800);
    st_le64(want, BIT64(1) | BIT64(GUEST_TSO4));
    g_assert_cmpuint(command(&c, 5, 0, want, 8), ==, 0);
    g_assert_true(noted(&c)->offloads & BIT64(GUEST_TSO4));
    st_le64(want, BIT64(9)); /* was not offered */
    g_assert_cmpuint(command(&c, 5, 0, want, 8), ==, 1);
    g_assert_cmpuint(command(&c, 5, 1, want, 8), ==, 1);
    g_assert_cmpuint(command(&c, 5, 0, want, 7), ==, 1);
    fini(&c);
}

/* Segmentation needs checksums, and commands need their queue. */
static void offloads_depend(void)
{
    struct card c;

    init_noting(&c, "null,id=n0", OURS ",csum=off");
    g_assert_cmphex(rig_offered(&c.rig) & 0x7f83, ==, 0x0782);
    fini(&c);
    init_noting(&c, "null,id=n0", OURS ",guest_csum=off");
    g_assert_cmphex(rig_offered(&c.rig) & 0x7f87, ==, 0x7801);
    fini(&c);
    init_noting(&c, "null,id=n0,queues=2", OURS ",mq=on,ctrl_vq=off");
    g_assert_cmphex(rig_offered(&c.rig) & 0xfe0004, ==, 0);
    fini(&c);
    init(&c, OURS); /* a back end without any */
    g_assert_cmphex(rig_offered(&c.rig) & 0x7f87, ==, 0);
    fini(&c);
}

/* The header of a frame that needs more work passes through, both ways. */
static void headers_pass(void)
{
    uint8_t frame[112] = {1, 1, [4] = 54, [6] = 34, [8] = 16, [10] = 1};
    const struct iovec iov = {frame, sizeof(frame)};
    const struct rig_buffer b = {RX_BUFFER(0), 2048, true};
    struct card c;

    init_noting(&c, "null,id=n0", OURS);
    rig_start(&c.rig, UINT64_MAX);
    rig_send(&c.rig, RX, 0, &b, 1);
    memcpy(frame + 12, to_us, 6);
    net_deliver(c.n, 0, &iov, 1);
    g_assert_cmpint(rig_used(&c.rig, RX, true), ==, 112);
    g_assert_cmpmem(c.rig.ram->host + RX_BUFFER(0), 112, frame, 112);
    fini(&c);
}

/* What was agreed on stands until a reset, whatever the driver writes. */
static void features_stand(void)
{
    struct card c;
    uint32_t before;

    init(&c, OURS);
    rig_start(&c.rig, UINT64_MAX);
    rig_set_common(&c.rig, 0x08, 0, 4);
    before = rig_common(&c.rig, 0x0c, 4);
    rig_set_common(&c.rig, 0x0c, 0, 4);
    g_assert_cmphex(rig_common(&c.rig, 0x0c, 4), ==, before);
    /* nor by taking the status bit back and setting it again */
    rig_set_common(&c.rig, 0x14, 3, 1);
    g_assert_cmphex(rig_common(&c.rig, 0x14, 1), ==, 0xb);
    rig_set_common(&c.rig, 0x0c, 0, 4);
    rig_set_common(&c.rig, 0x14, 0xf, 1);
    g_assert_cmphex(rig_common(&c.rig, 0x0c, 4), ==, before);
    fini(&c);
}

static uint64_t io(struct card *c, unsigned off, unsigned size)
{
    uint64_t value;

    g_assert_cmpint(bus_read(c->rig.machine.env.io, RIG_IO + off, size, &value), ==, BUS_OK);
    return value;
}

static void set_io(struct card *c, unsigned off, uint64_t value, unsigned size)
{
    g_assert_cmpint(bus_write(c->rig.machine.env.io, RIG_IO + off, value, size), ==, BUS_OK);
}

static void transitional_features_stand(void)
{
    struct card c;

    init(&c, OURS);
    set_io(&c, 0x12, 3, 1);
    set_io(&c, 0x04, BIT64(5) | BIT64(16), 4);
    set_io(&c, 0x04, BIT64(5), 4); /* nothing runs yet */
    g_assert_cmphex(io(&c, 0x04, 4), ==, BIT64(5));
    set_io(&c, 0x0e, RX, 2);
    set_io(&c, 0x08, RIG_RING(0) >> 12, 4);
    set_io(&c, 0x12, 7, 1);
    set_io(&c, 0x04, BIT64(5) | BIT64(16), 4);
    g_assert_cmphex(io(&c, 0x04, 4), ==, BIT64(5));
    set_io(&c, 0x08, RIG_RING(1) >> 12, 4); /* nor does a ring move */
    g_assert_cmphex(io(&c, 0x08, 4), ==, RIG_RING(0) >> 12);
    set_io(&c, 0x12, 0, 1);
    g_assert_cmphex(io(&c, 0x04, 4), ==, 0);
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
    g_test_add_func("/virtio-net/queue-pairs", queue_pairs);
    g_test_add_func("/virtio-net/pairs-not-taken", pairs_not_taken);
    g_test_add_func("/virtio-net/pairs-saved", pairs_are_saved);
    g_test_add_func("/virtio-net/offloads", offloads);
    g_test_add_func("/virtio-net/offloads-depend", offloads_depend);
    g_test_add_func("/virtio-net/headers-pass", headers_pass);
    g_test_add_func("/virtio-net/features-stand", features_stand);
    g_test_add_func("/virtio-net/transitional-features", transitional_features_stand);
    g_test_add_func("/virtio-net/properties", properties_have_effect);
    g_test_add_func("/virtio-net/bad-properties", bad_properties_are_refused);
    g_test_add_func("/virtio-net/state", state_round_trip);
    return g_test_run();
}
