/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mmio_rig.h"

#include "base/bits.h"
#include "base/endian.h"
#include "base/least.h"
#include "machine/virtio/mmio.h"

#define LEGACY_PAGE 4096

static void set_line(void *opaque, int line, bool level)
{
    ((struct mmio_rig *)opaque)->line = level;
}

void mmio_rig_init(struct mmio_rig *m, void *backend, const struct dev_class *class,
                   const char *options, bool legacy)
{
    g_autoptr(GError) error = NULL;
    json_object *o = row_parse(options, NULL, FALSE, &error);

    g_assert_no_error(error);
    memset(m, 0, sizeof(*m));
    rig_init(&m->rig, true, backend);
    m->legacy = legacy;
    m->slot = virtio_slot_new(&m->rig.machine.env, 0, MMIO_BASE,
                              (struct irq){.set = set_line, .opaque = m});
    g_assert_true(dev_set_str(m->slot, "force-legacy", legacy ? "on" : "off", &error));
    g_assert_true(dev_realize(m->slot, NULL, &error));
    m->dev = dev_new(class, "d0", &m->rig.machine.env);
    json_object_object_foreach(o, key, value)
    {
        g_assert_true(dev_set(m->dev, key, value, &error));
    }
    json_object_put(o);
    g_assert_true(dev_realize(m->dev, g_ptr_array_index(m->slot->buses, 0), &error));
    dev_reset(m->dev);
}

void mmio_rig_fini(struct mmio_rig *m)
{
    dev_free(m->dev);
    dev_free(m->slot);
    rig_fini(&m->rig);
}

uint32_t mmio_rig_read(struct mmio_rig *m, unsigned off, unsigned size)
{
    uint64_t value;

    g_assert_cmpint(bus_read(m->rig.machine.env.memory, MMIO_BASE + off, size, &value), ==, BUS_OK);
    return value;
}

void mmio_rig_write(struct mmio_rig *m, unsigned off, uint32_t value, unsigned size)
{
    g_assert_cmpint(bus_write(m->rig.machine.env.memory, MMIO_BASE + off, value, size), ==, BUS_OK);
}

static void start_queue(struct mmio_rig *m, unsigned n)
{
    struct rig_queue *q = &m->rig.queue[n];
    gpa desc = RIG_RING(n);

    mmio_rig_write(m, 0x30, n, 4);
    *q = (struct rig_queue){.size = mmio_rig_read(m, 0x34, 4)};
    if (q->size == 0) {
        return;
    }
    memset(m->rig.ram->host + desc, 0, 0x10000);
    mmio_rig_write(m, 0x38, q->size, 4);
    m->avail[n] = desc + q->size * 16;
    m->used[n] = align_up(m->avail[n] + 6 + q->size * 2, LEGACY_PAGE);
    if (m->legacy) {
        mmio_rig_write(m, 0x3c, LEGACY_PAGE, 4);
        mmio_rig_write(m, 0x40, desc / LEGACY_PAGE, 4);
        return;
    }
    mmio_rig_write(m, 0x80, desc, 4);
    mmio_rig_write(m, 0x84, 0, 4);
    mmio_rig_write(m, 0x90, m->avail[n], 4);
    mmio_rig_write(m, 0x94, 0, 4);
    mmio_rig_write(m, 0xa0, m->used[n], 4);
    mmio_rig_write(m, 0xa4, 0, 4);
    mmio_rig_write(m, 0x44, 1, 4);
}

static uint64_t offered(struct mmio_rig *m)
{
    uint64_t low, high;

    mmio_rig_write(m, 0x14, 0, 4);
    low = mmio_rig_read(m, 0x10, 4);
    mmio_rig_write(m, 0x14, 1, 4);
    high = mmio_rig_read(m, 0x10, 4);
    return low | high << 32;
}

bool mmio_rig_try_start(struct mmio_rig *m, uint64_t want, uint64_t *features)
{
    unsigned status = STATUS_ACKNOWLEDGE | STATUS_DRIVER;

    mmio_rig_write(m, 0x70, 0, 4);
    *features = offered(m) & (want | BIT64(VIRTIO_F_VERSION_1));
    mmio_rig_write(m, 0x70, status, 4);
    mmio_rig_write(m, 0x24, 0, 4);
    mmio_rig_write(m, 0x20, *features, 4);
    mmio_rig_write(m, 0x24, 1, 4);
    mmio_rig_write(m, 0x20, *features >> 32, 4);
    if (m->legacy) {
        mmio_rig_write(m, 0x28, LEGACY_PAGE, 4);
    } else {
        status |= STATUS_FEATURES_OK;
        mmio_rig_write(m, 0x70, status, 4);
        if (!(mmio_rig_read(m, 0x70, 4) & STATUS_FEATURES_OK)) {
            return false;
        }
    }
    for (unsigned n = 0; n < G_N_ELEMENTS(m->rig.queue); n++) {
        start_queue(m, n);
    }
    mmio_rig_write(m, 0x70, status | STATUS_DRIVER_OK, 4);
    return true;
}

void mmio_rig_send(struct mmio_rig *m, unsigned n, uint16_t head, const struct rig_buffer *b,
                   unsigned count)
{
    struct rig_queue *q = &m->rig.queue[n];
    uint8_t *ram = m->rig.ram->host;

    for (unsigned i = 0; i < count; i++) {
        uint8_t *d = ram + RIG_RING(n) + (head + i) * 16;

        st_le64(d, b[i].addr);
        st_le32(d + 8, b[i].len);
        st_le16(d + 12, (b[i].write ? 2 : 0) | (i + 1 < count ? 1 : 0));
        st_le16(d + 14, head + i + 1);
    }
    st_le16(ram + m->avail[n] + 4 + q->avail % q->size * 2, head);
    st_le16(ram + m->avail[n] + 2, ++q->avail);
    mmio_rig_write(m, 0x50, n, 4);
}

int64_t mmio_rig_used(struct mmio_rig *m, unsigned n)
{
    struct rig_queue *q = &m->rig.queue[n];
    const uint8_t *used = m->rig.ram->host + m->used[n];

    if (ld_le16(used + 2) == q->used) {
        return -1;
    }
    return ld_le32(used + 4 + q->used++ % q->size * 8 + 4);
}
