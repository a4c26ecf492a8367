/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rig.h"

#include "base/bits.h"
#include "base/endian.h"
#include "base/least.h"
#include "machine/pci/regs.h"
#include "machine/virtio/virtio.h"

#define BDF (3 << 3)

static const struct dev_class host_class = {
    .name = "host",
    .instance_size = sizeof(struct dev),
    .internal = true,
};

static void set_line(void *opaque, int line, bool level)
{
    ((struct rig *)opaque)->line = level;
}

static void *find(struct machine *m, enum row_link kind, const char *id, GError **error)
{
    struct rig *r = (struct rig *)m;

    if (!r->backend) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_UNKNOWN, "no back end '%s'", id);
    }
    return r->backend;
}

static void request(struct machine *m, enum machine_request what, bool guest, int code)
{
    struct rig *r = (struct rig *)m;

    r->requests++;
    r->last_request = what;
}

static void event(struct machine *m, const char *name, json_object *data)
{
    struct rig *r = (struct rig *)m;

    g_ptr_array_add(r->events, g_strdup(name));
    json_object_put(data);
}

void rig_init(struct rig *r, bool deterministic, void *backend)
{
    struct dev_env *env = &r->machine.env;

    memset(r, 0, sizeof(*r));
    r->backend = backend;
    r->events = g_ptr_array_new_with_free_func(g_free);
    r->machine.ram_size = RIG_RAM;
    env->machine = &r->machine;
    env->quiesce = quiesce_new();
    quiesce_enter(env->quiesce, &r->reader);
    env->memory = bus_new("memory", 40, env->quiesce);
    env->io = bus_new("io", 16, env->quiesce);
    env->clock = clock_new(-1, NULL);
    env->deterministic = deterministic;
    env->find = find;
    env->request = request;
    env->event = event;
    r->ram = ram_block_new("ram", RIG_RAM, NULL);
    bus_region_init_ram(&r->region, "ram", r->ram, 0, RIG_RAM);
    r->mapping = bus_map(env->memory, 0, &r->region, 0, RIG_RAM, 0, false);
    r->host = dev_new(&host_class, NULL, env);
    r->root = pci_root_new(r->host, "pcie.0", true);
    for (int i = 0; i < 4; i++) {
        r->root->intx[i] = (struct irq){.set = set_line, .opaque = r, .line = i};
    }
}

void rig_fini(struct rig *r)
{
    struct dev_env *env = &r->machine.env;

    if (r->dev) {
        dev_free(&r->dev->dev);
    }
    dev_free(r->host);
    pci_bus_free(r->root);
    bus_unmap(env->memory, r->mapping);
    clock_free(env->clock);
    quiesce_leave(&r->reader);
    bus_free(env->io);
    bus_free(env->memory);
    quiesce_free(env->quiesce);
    ram_block_free(r->ram);
    g_ptr_array_unref(r->events);
}

static struct dev *make(struct rig *r, const struct dev_class *class, const char *options,
                        GError **error)
{
    struct dev *dev = dev_new(class, "d0", &r->machine.env);
    json_object *o = row_parse(options, NULL, FALSE, error);

    g_assert_nonnull(o);
    json_object_object_foreach(o, key, value)
    {
        if (!dev_set(dev, key, value, error)) {
            json_object_put(o);
            dev_free(dev);
            return NULL;
        }
    }
    json_object_put(o);
    if (!dev_set_str(dev, "addr", "3", error) || !dev_realize(dev, r->root->dev_bus, error)) {
        dev_free(dev);
        return NULL;
    }
    return dev;
}

void rig_add(struct rig *r, const struct dev_class *class, const char *options)
{
    g_autoptr(GError) error = NULL;

    r->dev = (struct pci_dev *)make(r, class, options, &error);
    g_assert_no_error(error);
    dev_reset(&r->dev->dev);
    pci_host_write(r->root, BDF, R_PCI_BAR0, RIG_IO, 4);
    pci_host_write(r->root, BDF, R_PCI_BAR0 + 4, RIG_BAR + 0x100000, 4);
    pci_host_write(r->root, BDF, R_PCI_BAR0 + 16, RIG_BAR, 4);
    pci_host_write(r->root, BDF, R_PCI_COMMAND, COMMAND_IO | COMMAND_MEMORY | COMMAND_MASTER, 2);
}

char *rig_add_fails(struct rig *r, const struct dev_class *class, const char *options)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(make(r, class, options, &error));
    g_assert_nonnull(error);
    return g_strdup(error->message);
}

uint32_t rig_config(struct rig *r, unsigned off, unsigned size)
{
    return pci_host_read(r->root, BDF, off, size);
}

static uint32_t rd(struct rig *r, gpa addr, unsigned size)
{
    uint64_t value;

    g_assert_cmpint(bus_read(r->machine.env.memory, addr, size, &value), ==, BUS_OK);
    return value;
}

static void wr(struct rig *r, gpa addr, uint32_t value, unsigned size)
{
    g_assert_cmpint(bus_write(r->machine.env.memory, addr, value, size), ==, BUS_OK);
}

uint32_t rig_common(struct rig *r, unsigned off, unsigned size)
{
    return rd(r, RIG_BAR + off, size);
}

void rig_set_common(struct rig *r, unsigned off, uint32_t value, unsigned size)
{
    wr(r, RIG_BAR + off, value, size);
}

uint32_t rig_device(struct rig *r, unsigned off, unsigned size)
{
    return rd(r, RIG_BAR + 0x2000 + off, size);
}

void rig_set_device(struct rig *r, unsigned off, uint32_t value, unsigned size)
{
    wr(r, RIG_BAR + 0x2000 + off, value, size);
}

uint64_t rig_offered(struct rig *r)
{
    uint64_t low, high;

    rig_set_common(r, 0, 0, 4);
    low = rig_common(r, 4, 4);
    rig_set_common(r, 0, 1, 4);
    high = rig_common(r, 4, 4);
    return low | high << 32;
}

static void set_address(struct rig *r, unsigned off, gpa addr)
{
    rig_set_common(r, off, addr, 4);
    rig_set_common(r, off + 4, addr >> 32, 4);
}

static void start_queue(struct rig *r, unsigned n)
{
    struct rig_queue *q = &r->queue[n];

    rig_set_common(r, 0x16, n, 2);
    *q = (struct rig_queue){.size = rig_common(r, 0x18, 2)};
    memset(r->ram->host + RIG_RING(n), 0, 0x10000);
    if (q->size) {
        set_address(r, 0x20, RIG_RING(n));
        set_address(r, 0x28, RIG_RING(n) + 0x4000);
        set_address(r, 0x30, RIG_RING(n) + 0x8000);
        rig_set_common(r, 0x1c, 1, 2);
    }
}

/* The specification's steps up to FEATURES_OK (virtio 1.2, 3.1.1). False: the device refused. */
static bool negotiate(struct rig *r, uint64_t features)
{
    rig_set_common(r, 0x14, 0, 1);
    if (rig_common(r, 0x14, 1) != 0) {
        return false;
    }
    rig_set_common(r, 0x14, STATUS_ACKNOWLEDGE | STATUS_DRIVER, 1);
    for (unsigned i = 0; i < 2; i++) {
        rig_set_common(r, 8, i, 4);
        rig_set_common(r, 0xc, features >> (32 * i), 4);
    }
    rig_set_common(r, 0x14, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK, 1);
    return rig_common(r, 0x14, 1) & STATUS_FEATURES_OK;
}

bool rig_try_start(struct rig *r, uint64_t want, uint64_t *features)
{
    unsigned n_queues = min_u64(rig_common(r, 0x12, 2), G_N_ELEMENTS(r->queue));

    *features = rig_offered(r) & (want | BIT64(VIRTIO_F_VERSION_1));
    if (!negotiate(r, *features)) {
        return false;
    }
    for (unsigned n = 0; n < n_queues; n++) {
        start_queue(r, n);
    }
    rig_set_common(r, 0x14,
                   STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK, 1);
    return true;
}

uint64_t rig_start(struct rig *r, uint64_t want)
{
    uint64_t features;

    g_assert_true(rig_try_start(r, want, &features));
    return features;
}

void rig_notify(struct rig *r, unsigned n)
{
    wr(r, RIG_BAR + 0x3000 + n * 4, n, 2);
}

void rig_send(struct rig *r, unsigned n, uint16_t head, const struct rig_buffer *b, unsigned count)
{
    struct rig_queue *q = &r->queue[n];
    uint8_t *ring = r->ram->host + RIG_RING(n);

    for (unsigned i = 0; i < count; i++) {
        uint8_t *d = ring + (head + i) * 16;

        st_le64(d, b[i].addr);
        st_le32(d + 8, b[i].len);
        st_le16(d + 12, (b[i].write ? 2 : 0) | (i + 1 < count ? 1 : 0));
        st_le16(d + 14, head + i + 1);
    }
    st_le16(ring + 0x4004 + q->avail % q->size * 2, head);
    st_le16(ring + 0x4002, ++q->avail);
    rig_notify(r, n);
}

int64_t rig_used(struct rig *r, unsigned n, bool wait)
{
    struct rig_queue *q = &r->queue[n];
    uint8_t *used = r->ram->host + RIG_RING(n) + 0x8000;

    for (unsigned i = 0; wait && i < 1000 && ld_le16(used + 2) == q->used; i++) {
        if (!g_main_context_iteration(NULL, FALSE)) {
            g_usleep(1000);
        }
    }
    if (ld_le16(used + 2) == q->used) {
        return -1;
    }
    return ld_le32(used + 4 + q->used++ % q->size * 8 + 4);
}
