/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The MMIO transport with a block device: register accesses of any size, ring and buffer memory,
 * notifications, resets, changed saved states, and a properly started device in between. The
 * input's first byte says which interface.
 */
#include "../../tests/virtio/mmio_rig.h"
#include "../base/input.h"

#include "base/endian.h"
#include "block/backend.h"
#include "machine/virtio/devices.h"
#include "machine/virtio/mmio.h"

#define OPERATIONS 512

/* A snapshot from elsewhere: refused, and then the device is reset, or taken over. */
static void load_changed(struct mmio_rig *m, struct input *in)
{
    g_autoptr(GByteArray) state = g_byte_array_new();
    const uint8_t *data;
    uint32_t at = input_number(in, 2);
    size_t left;

    dev_save(m->dev, state);
    state->data[at % state->len] ^= input_byte(in);
    data = state->data;
    left = state->len;
    if (!dev_load(m->dev, &data, &left, NULL)) {
        dev_reset(m->dev);
    }
}

static void operate(struct mmio_rig *m, struct input *in)
{
    struct bus *bus = m->rig.machine.env.memory;
    uint8_t *ram = m->rig.ram->host;
    uint8_t op = input_byte(in);
    unsigned size = 1u << (op >> 6 & 3);
    uint64_t v;

    switch (op & 7) {
    case 0:
        bus_write(bus, MMIO_BASE + input_number(in, 2) % VIRTIO_MMIO_SIZE, input_number(in, 4),
                  size);
        break;
    case 1: bus_read(bus, MMIO_BASE + input_number(in, 2) % VIRTIO_MMIO_SIZE, size, &v); break;
    case 2: mmio_rig_try_start(m, input_number(in, 5), &v); break;
    case 3: st_le32(ram + RIG_DATA + input_number(in, 2) % 0x1000, input_number(in, 4)); break;
    case 4:
        st_le32(ram + RIG_RING(op >> 4 & 3) + input_number(in, 2) % 0x8000, input_number(in, 4));
        break;
    case 5: dev_reset(m->dev); break;
    case 6: load_changed(m, in); break;
    default: {
        const struct rig_buffer b[3] = {
            {RIG_DATA + input_byte(in) * 16, 16, false},
            {RIG_DATA + 0x4000, input_number(in, 2) % 0x2000, op & 32},
            {RIG_DATA + 0x8000, 1 + input_byte(in), true},
        };
        unsigned n = op >> 4 & 1;

        if (m->rig.queue[n].size) {
            mmio_rig_send(m, n, input_byte(in) % 4, b, 1 + op % 3);
        }
    }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct block_graph *graph = block_graph_new();
    json_object *o =
        json_tokener_parse("{\"driver\":\"mem\",\"node-name\":\"n\",\"size\":1048576}");
    struct block_node *node = block_open(o, graph, NULL);
    struct block_backend *backend = block_backend_new("d", NULL);
    struct mmio_rig m;

    json_object_put(o);
    g_assert_true(
        block_backend_insert(backend, node, BLOCK_PERM_CONSISTENT_READ, BLOCK_PERM_ALL, NULL));
    mmio_rig_init(&m, backend, &virtio_blk_device_class, "drive=n,num-queues=2",
                  input_byte(&in) & 1);
    for (unsigned i = 0; i < OPERATIONS && in.left; i++) {
        operate(&m, &in);
        for (unsigned k = 0; k < 4 && g_main_context_iteration(NULL, FALSE); k++) {
        }
    }
    mmio_rig_fini(&m);
    block_backend_free(backend);
    block_unref(node);
    block_graph_free(graph);
    return 0;
}
