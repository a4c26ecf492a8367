/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/pci/gpex.h"

#include "base/bits.h"

/* Below everything that functions show in the windows. */
#define WINDOW_PRIORITY (-1)

static uint64_t ecam_read(void *opaque, gpa off, unsigned size)
{
    return pci_host_read(((struct gpex *)opaque)->root, off >> 12, off & 0xfff, size);
}

static void ecam_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    pci_host_write(((struct gpex *)opaque)->root, off >> 12, off & 0xfff, value, size);
}

static const struct bus_ops ecam_ops = {
    .read = ecam_read, .write = ecam_write, .min_size = 1, .max_size = 4, .wide = BUS_SPLIT};

static uint64_t ports_read(void *opaque, gpa off, unsigned size)
{
    uint64_t value = UINT64_MAX;

    if (bus_read(((struct gpex *)opaque)->dev.env->io, off, size, &value) != BUS_OK) {
        value = UINT64_MAX;
    }
    return value & mask64(size * 8);
}

/* A port that nobody has takes any value. */
static void ports_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    (void)bus_write(((struct gpex *)opaque)->dev.env->io, off, value, size);
}

static const struct bus_ops ports_ops = {
    .read = ports_read, .write = ports_write, .min_size = 1, .max_size = 4, .wide = BUS_SPLIT};

/* Memory of a window that no function shows: all ones, as a bus without an answer gives. */
static uint64_t nobody_read(void *opaque, gpa off, unsigned size)
{
    return UINT64_MAX;
}

static const struct bus_ops nobody_ops = {.read = nobody_read, .min_size = 1, .max_size = 8};

static unsigned map_irq(void *opaque, unsigned devfn, unsigned pin)
{
    return ((devfn >> 3) + pin) % GPEX_INTX;
}

static gboolean realize(struct dev *dev, GError **error)
{
    struct gpex *g = (struct gpex *)dev;
    struct bus *memory = dev->env->memory;
    const struct gpex_map *m = &g->map;

    g_assert(dev->env->io);
    g->root = pci_root_new(dev, "pcie.0", true);
    g->root->map_irq = map_irq;
    for (unsigned i = 0; i < GPEX_INTX; i++) {
        g->root->intx[i] = g->irq[i];
    }
    bus_region_init_io(&g->ecam, "pcie-mmcfg-mmio", m->ecam_size, &ecam_ops, g, NULL);
    bus_region_init_io(&g->ports, "gpex_ioport_window", m->ports_size, &ports_ops, g, NULL);
    bus_region_init_io(&g->low, "gpex_mmio_window", m->low_size, &nobody_ops, g, NULL);
    bus_region_init_io(&g->high, "gpex_mmio_window-high", m->high_size, &nobody_ops, g, NULL);
    bus_begin(memory);
    g->mapping[0] = bus_map(memory, m->ecam, &g->ecam, 0, m->ecam_size, 0, false);
    g->mapping[1] = bus_map(memory, m->ports, &g->ports, 0, m->ports_size, 0, false);
    g->mapping[2] = bus_map(memory, m->low, &g->low, 0, m->low_size, WINDOW_PRIORITY, false);
    g->mapping[3] = bus_map(memory, m->high, &g->high, 0, m->high_size, WINDOW_PRIORITY, false);
    bus_commit(memory);
    return TRUE;
}

static void unrealize(struct dev *dev)
{
    struct gpex *g = (struct gpex *)dev;

    for (unsigned i = 0; i < G_N_ELEMENTS(g->mapping); i++) {
        bus_unmap(dev->env->memory, g->mapping[i]);
        g->mapping[i] = NULL;
    }
    g_clear_pointer(&g->root, pci_bus_free);
}

const struct dev_class gpex_class = {
    .name = "gpex-pcihost",
    .description = "Generic PCI Express host bridge",
    .category = "Bridge",
    .instance_size = sizeof(struct gpex),
    .internal = true,
    .realize = realize,
    .unrealize = unrealize,
};

static const struct pci_class root_pci = {
    .vendor = 0x1b36,
    .device = 0x0008,
    .subsystem_vendor = 0x1af4,
    .subsystem = 0x1100,
    .class_code = 0x060000,
};

const struct dev_class gpex_root_class = {
    .name = "gpex-root",
    .description = "Function 0 of the generic host bridge",
    .category = "Bridge",
    .bus_type = "PCI",
    .base = &pci_dev_class,
    .bus_class = &root_pci,
    .instance_size = sizeof(struct pci_dev),
    .internal = true,
};

struct gpex *gpex_new(const struct dev_env *env, const struct gpex_map *map,
                      const struct irq irq[GPEX_INTX])
{
    struct gpex *g = (struct gpex *)dev_new(&gpex_class, NULL, env);

    g->map = *map;
    memcpy(g->irq, irq, sizeof(g->irq));
    return g;
}
