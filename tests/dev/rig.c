/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rig.h"

#include <string.h>

#define SLEEP_STEPS 100000 /* no timer of ours is this busy in one sleep */

static const struct dev_class bridge_class = {
    .name = "test-bridge",
    .instance_size = sizeof(struct dev),
    .internal = true,
};

/* The machine comes first in no struct of ours: what finds the rig again. */
struct rig *rig_of(struct machine *m)
{
    return m->board;
}

static void set_line(void *opaque, int n, bool level)
{
    struct rig_line *l = &((struct rig *)opaque)->line[n];

    l->rises += level && !l->level;
    l->level = level;
}

static void *find(struct machine *m, enum row_link kind, const char *id, GError **error)
{
    struct rig *r = rig_of(m);
    void *found = kind == ROW_LINK_CHARDEV ? (void *)chardev_find(r->chardevs, id)
                  : kind == ROW_LINK_BLOCK ? (void *)r->backend
                                           : NULL;

    if (!found) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "no '%s'", id);
    }
    return found;
}

static void request(struct machine *m, enum machine_request what, bool guest, int code)
{
    struct rig *r = rig_of(m);

    r->requests[what]++;
    r->exit_code = code;
}

static void event(struct machine *m, const char *name, json_object *data)
{
    struct rig *r = rig_of(m);

    r->events++;
    g_strlcpy(r->last_event, name, sizeof(r->last_event));
    json_object_put(data);
}

static void send_msi(void *opaque, uint32_t device_id, uint64_t address, uint32_t data)
{
    struct rig *r = opaque;

    r->msis++;
    r->msi_data = data;
}

struct rig *rig_new(void)
{
    struct rig *r = g_new0(struct rig, 1);

    r->m = machine_new(0, 40, true);
    r->m->board = r;
    r->m->env.find = find;
    r->m->env.request = request;
    r->m->env.event = event;
    r->m->env.msi = (struct msi_target){.send = send_msi, .opaque = r};
    r->ram = ram_block_new("ram", RIG_RAM, NULL);
    g_assert_nonnull(r->ram);
    bus_region_init_ram(&r->ram_region, "ram", r->ram, 0, RIG_RAM);
    r->ram_mapping = bus_map(r->m->memory, 0, &r->ram_region, 0, RIG_RAM, 0, false);
    r->devs = g_ptr_array_new();
    r->chardevs = chardev_set_new(r->m->context);
    r->bridge = rig_make(r, &bridge_class);
    isa_bus_init(&r->isa, r->bridge, "isa.0");
    for (int i = 0; i < RIG_LINES; i++) {
        r->irq[i] = (struct irq){.set = set_line, .opaque = r, .line = i};
        if (i < ISA_IRQS) {
            r->isa.irq[i] = r->irq[i];
        }
    }
    return r;
}

void rig_free(struct rig *r)
{
    while (r->devs->len) {
        dev_free(g_ptr_array_index(r->devs, r->devs->len - 1));
        g_ptr_array_set_size(r->devs, (int)r->devs->len - 1);
    }
    g_ptr_array_unref(r->devs);
    pci_bus_free(r->pci);
    block_backend_free(r->backend);
    if (r->graph) {
        block_graph_free(r->graph);
    }
    chardev_set_free(r->chardevs);
    bus_unmap(r->m->memory, r->ram_mapping);
    r->m->board = NULL;
    machine_free(r->m);
    ram_block_free(r->ram);
    g_free(r);
}

struct dev *rig_make(struct rig *r, const struct dev_class *class)
{
    struct dev *dev = dev_new(class, NULL, &r->m->env);

    g_ptr_array_add(r->devs, dev);
    return dev;
}

void rig_start(struct rig *r, struct dev *dev, struct dev_bus *bus)
{
    g_autoptr(GError) error = NULL;

    if (!dev_realize(dev, bus, &error)) {
        g_error("%s", error->message);
    }
    dev_reset(dev);
}

struct dev *rig_add(struct rig *r, const struct dev_class *class, struct dev_bus *bus)
{
    struct dev *dev = rig_make(r, class);

    rig_start(r, dev, bus);
    return dev;
}

static void map_bar(struct rig *r, struct pci_dev *p, unsigned n)
{
    uint32_t bdf = p->devfn;

    if (p->bar[n].region) {
        uint32_t base = p->bar[n].io ? 0xc000 + n * 256 : 0xe0000000 + (n << 20);

        pci_host_write(r->pci, bdf, 0x10 + n * 4, base, 4);
    }
}

struct pci_dev *rig_pci(struct rig *r, struct dev *dev)
{
    struct pci_dev *p = (struct pci_dev *)dev;

    if (!r->pci) {
        r->pci = pci_root_new(r->bridge, "pcie.0", true);
        for (int i = 0; i < 4; i++) {
            r->pci->intx[i] = r->irq[16 + i];
        }
    }
    rig_start(r, dev, r->pci->dev_bus);
    for (unsigned n = 0; n < PCI_BARS; n++) {
        map_bar(r, p, n);
    }
    pci_host_write(r->pci, p->devfn, 4, 7, 2); /* ports, memory, bus master */
    return p;
}

struct chardev *rig_chardev(struct rig *r, const char *id)
{
    g_autoptr(GError) error = NULL;
    json_object *o = json_object_new_object();
    struct chardev *c;

    json_object_object_add(o, "id", json_object_new_string(id));
    json_object_object_add(o, "backend", json_object_new_string("ringbuf"));
    c = chardev_new(r->chardevs, o, &error);
    g_assert_no_error(error);
    json_object_put(o);
    return c;
}

void rig_disk(struct rig *r, uint64_t size)
{
    json_object *o = json_object_new_object();
    g_autoptr(GError) error = NULL;
    struct block_node *node;

    r->graph = block_graph_new();
    json_object_object_add(o, "driver", json_object_new_string("mem"));
    json_object_object_add(o, "size", json_object_new_int64((int64_t)size));
    node = block_open(o, r->graph, &error);
    g_assert_no_error(error);
    json_object_put(o);
    r->backend = block_backend_new("disk", r->m->context);
    block_backend_set_sync(r->backend, true);
    g_assert_true(block_backend_insert(
        r->backend, node, BLOCK_PERM_CONSISTENT_READ | BLOCK_PERM_WRITE, BLOCK_PERM_ALL, NULL));
    block_unref(node);
}

uint64_t rig_in(struct rig *r, uint16_t port, unsigned size)
{
    uint64_t value;

    bus_read(r->m->io, port, size, &value);
    return value;
}

void rig_out(struct rig *r, uint16_t port, unsigned size, uint64_t value)
{
    bus_write(r->m->io, port, value, size);
}

uint64_t rig_ld(struct rig *r, gpa addr, unsigned size)
{
    uint64_t value;

    bus_read(r->m->memory, addr, size, &value);
    return value;
}

void rig_st(struct rig *r, gpa addr, unsigned size, uint64_t value)
{
    bus_write(r->m->memory, addr, value, size);
}

void rig_sleep(struct rig *r, int64_t ns)
{
    for (unsigned i = 0; ns > 0 && i < SLEEP_STEPS; i++) {
        uint64_t n = clock_budget(r->m->clock, (uint64_t)ns);

        clock_advance(r->m->clock, n);
        clock_run(r->m->clock);
        ns -= (int64_t)n;
    }
}

int64_t rig_now(struct rig *r)
{
    return clock_now(r->m->clock, CLOCK_GUEST);
}

void rig_loop(struct rig *r)
{
    for (unsigned i = 0; i < 1000 && g_main_context_iteration(r->m->context, FALSE); i++) {
    }
}

void rig_round_trip(struct dev *dev)
{
    g_autoptr(GByteArray) first = g_byte_array_new();
    g_autoptr(GByteArray) second = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    const uint8_t *data;
    size_t left;

    dev_save(dev, first);
    dev_reset(dev);
    data = first->data;
    left = first->len;
    if (!dev_load(dev, &data, &left, &error)) {
        g_error("%s", error->message);
    }
    g_assert_cmpuint(left, ==, 0);
    dev_save(dev, second);
    g_assert_cmpmem(first->data, first->len, second->data, second->len);
}

void rig_bad_states(struct dev *dev)
{
    g_autoptr(GByteArray) good = g_byte_array_new();
    const uint8_t *data;
    size_t left;

    dev_save(dev, good);
    for (unsigned i = 0; i < MIN(good->len, 600u); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree uint8_t *copy = g_memdup2(good->data, good->len);

        data = copy;
        left = i;
        g_assert_false(dev_load(dev, &data, &left, &error));
        g_assert_nonnull(error);
        g_clear_error(&error);
        copy[i] ^= 0xff;
        data = copy;
        left = good->len;
        if (!dev_load(dev, &data, &left, &error)) {
            g_assert_nonnull(error);
        }
    }
    data = good->data;
    left = good->len;
    g_assert_true(dev_load(dev, &data, &left, NULL));
}
