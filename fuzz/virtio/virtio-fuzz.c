/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One virtio device (FUZZ_DEVICE, named by the build) driven by the input: register writes of any
 * size anywhere in its BARs and configuration space, ring and buffer memory, notifications, resets,
 * and a properly started device in between, so that the input gets past initialisation.
 */
#include "../../tests/virtio/rig.h"
#include "../base/input.h"
#include "../chardev/feed.h"

#include "base/endian.h"
#include "block/backend.h"
#include "machine/chardev/chardev.h"
#include "machine/net/backend.h"
#include "machine/virtio/devices.h"

#define OPERATIONS 512

struct world {
    struct rig rig;
    struct block_graph *graph;
    struct block_node *node;
    struct block_backend *backend;
    struct netdev_set *nets;
    struct netdev *net;
    struct chardev_set *chardevs;
    struct dev *port;
};

static json_object *parse(const char *text)
{
    json_object *o = json_tokener_parse(text);

    g_assert_nonnull(o);
    return o;
}

static void add_blk(struct world *w)
{
    json_object *o = parse("{\"driver\":\"mem\",\"node-name\":\"n\",\"size\":1048576}");

    w->graph = block_graph_new();
    w->node = block_open(o, w->graph, NULL);
    json_object_put(o);
    w->backend = block_backend_new("d", NULL);
    g_assert_true(block_backend_insert(w->backend, w->node, BLOCK_PERM_CONSISTENT_READ,
                                       BLOCK_PERM_ALL, NULL));
    rig_init(&w->rig, true, w->backend);
    rig_add(&w->rig, &virtio_blk_pci_class, "drive=n,num-queues=2");
}

static void add_net(struct world *w)
{
    json_object *o = parse("{\"type\":\"null\",\"id\":\"n\",\"queues\":2}");

    w->nets = netdev_set_new(NULL);
    w->net = netdev_new(w->nets, o, NULL);
    json_object_put(o);
    rig_init(&w->rig, false, w->net);
    rig_add(&w->rig, &virtio_net_pci_class, "netdev=n,mq=on");
}

static void add_serial(struct world *w)
{
    json_object *o = parse("{\"backend\":\"null\",\"id\":\"c\"}");

    w->chardevs = chardev_set_new(NULL);
    rig_init(&w->rig, true, chardev_new(w->chardevs, o, NULL));
    json_object_put(o);
    rig_add(&w->rig, &virtio_serial_pci_class, "max_ports=4");
    w->port = dev_new(&virtserialport_class, "p", &w->rig.machine.env);
    g_assert_true(dev_set_str(w->port, "chardev", "c", NULL));
    g_assert_true(dev_realize(w->port, g_ptr_array_index(w->rig.dev->dev.buses, 0), NULL));
}

static void add_rng(struct world *w)
{
    rig_init(&w->rig, true, NULL);
    rig_add(&w->rig, &virtio_rng_pci_class, "max-bytes=4096");
}

static void add_balloon(struct world *w)
{
    rig_init(&w->rig, true, NULL);
    rig_add(&w->rig, &virtio_balloon_pci_class, "free-page-reporting=on");
}

static const struct {
    const char *name;
    void (*add)(struct world *w);
} devices[] = {
    {"balloon", add_balloon}, {"blk", add_blk},       {"net", add_net},
    {"rng", add_rng},         {"serial", add_serial},
};

static void add_device(struct world *w, const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(devices); i++) {
        if (strcmp(devices[i].name, name) == 0) {
            devices[i].add(w);
        }
    }
    g_assert_nonnull(w->rig.dev);
}

static void finish(struct world *w)
{
    if (w->port) {
        dev_free(w->port);
    }
    rig_fini(&w->rig);
    block_backend_free(w->backend);
    block_unref(w->node);
    if (w->graph) {
        block_graph_free(w->graph);
    }
    netdev_set_free(w->nets);
    if (w->chardevs) {
        chardev_set_free(w->chardevs);
    }
}

/* A frame for the guest: of one byte value, with or without a VLAN's tag. */
static void frame_arrives(struct world *w, struct input *in)
{
    uint8_t frame[128], flags = input_byte(in);
    const struct iovec iov = {frame, 14 + (flags >> 2) % (sizeof(frame) - 14)};

    memset(frame, input_byte(in), sizeof(frame));
    if (flags & 2) {
        st_be32(frame + 12, 0x81000000 | frame[0]);
    }
    net_deliver(w->net, flags & 1, &iov, 1);
}

/* What is not the driver's: the back end, the machine that stops and goes on. */
static void outside_acts(struct world *w, struct input *in)
{
    struct dev *dev = &w->rig.dev->dev;
    uint8_t bytes[16];

    if (w->net) {
        frame_arrives(w, in);
    } else if (w->port && input_byte(in) & 1) {
        memset(bytes, input_byte(in), sizeof(bytes));
        feed(chardev_find(w->chardevs, "c"), bytes, sizeof(bytes));
    } else if (dev->class->pause) {
        dev->class->pause(dev);
        dev->class->resume(dev);
    }
}

/* A snapshot from elsewhere: refused, and then the device is reset, or taken over. */
static void load_changed(struct world *w, struct input *in)
{
    g_autoptr(GByteArray) state = g_byte_array_new();
    struct dev *dev = &w->rig.dev->dev;
    const uint8_t *data;
    uint32_t at = input_number(in, 2);
    size_t left;

    dev_save(dev, state);
    state->data[at % state->len] ^= input_byte(in);
    data = state->data;
    left = state->len;
    if (!dev_load(dev, &data, &left, NULL)) {
        dev_reset(dev);
    }
}

static void operate(struct world *w, struct input *in)
{
    struct rig *r = &w->rig;
    uint8_t op = input_byte(in);
    unsigned size = 1u << (op >> 6 & 3);
    uint64_t v, features;

    switch (op & 15) {
    case 0:
        bus_write(r->machine.env.memory, RIG_BAR + input_number(in, 2) % 0x4000,
                  input_number(in, 4), size);
        break;
    case 1:
        bus_read(r->machine.env.memory, RIG_BAR + input_number(in, 2) % 0x4000, size, &v);
        break;
    case 2:
        bus_write(r->machine.env.io, RIG_IO + input_byte(in) % 64, input_number(in, 4), size);
        break;
    case 3: bus_read(r->machine.env.io, RIG_IO + input_byte(in) % 64, size, &v); break;
    case 4:
        pci_host_write(r->root, 3 << 3, input_number(in, 2) % 256, input_number(in, 4), size & 7);
        break;
    case 5:
        rig_try_start(r, input_number(in, 4) | (uint64_t)input_byte(in) << 32, &features);
        break;
    case 6:
        st_le32(r->ram->host + RIG_DATA + input_number(in, 2) % 0x1000, input_number(in, 4));
        break;
    case 7:
        st_le32(r->ram->host + RIG_RING(op >> 4 & 3) + input_number(in, 2) % 0xc000,
                input_number(in, 4));
        break;
    case 8: dev_reset(&r->dev->dev); break;
    case 9: outside_acts(w, in); break;
    case 10: load_changed(w, in); break;
    default: {
        const struct rig_buffer b[3] = {
            {RIG_DATA + input_byte(in) * 16, input_number(in, 2) % 0x2000, op & 16},
            {RIG_DATA + 0x4000, input_number(in, 2) % 0x2000, op & 32},
            {RIG_DATA + 0x8000, 1 + input_byte(in), true},
        };
        unsigned n = input_byte(in) % G_N_ELEMENTS(r->queue);

        if (r->queue[n].size) {
            rig_send(r, n, input_byte(in) % 4, b, 1 + op % 3);
        }
    }
    }
}

/* The rig's driver asserts that registers answer; a device whose BAR the input moved does not. */
static bool reachable(struct rig *r)
{
    uint64_t v;

    return bus_read(r->machine.env.memory, RIG_BAR + 0x14, 1, &v) == BUS_OK &&
           bus_read(r->machine.env.memory, RIG_BAR + 0x3000, 4, &v) == BUS_OK &&
           (pci_get16(r->dev, 4) & 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = {.port = NULL};
    struct input in = {data, size};

    add_device(&w, FUZZ_DEVICE);
    rig_start(&w.rig, UINT64_MAX);
    for (unsigned i = 0; i < OPERATIONS && in.left; i++) {
        if (!reachable(&w.rig)) {
            break;
        }
        operate(&w, &in);
        for (unsigned k = 0; k < 4 && g_main_context_iteration(NULL, FALSE); k++) {
        }
    }
    /* A client may ask at any time. */
    json_object_put(dev_get(&w.rig.dev->dev, "rx-filter"));
    finish(&w);
    return 0;
}
