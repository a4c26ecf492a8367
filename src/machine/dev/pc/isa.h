/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ISA bus: ports in the machine's I/O space and sixteen interrupt lines. It belongs to the
 * device that offers it (the LPC bridge), which fills `irq` and `a20`; classes on it have bus_type
 * "ISA".
 */
#ifndef VIV_MACHINE_DEV_PC_ISA_H
#define VIV_MACHINE_DEV_PC_ISA_H

#include "machine/core/dev.h"

#define ISA_IRQS 16

struct isa_bus {
    struct dev_bus *dev_bus; /* dev_bus->opaque is this */
    struct irq irq[ISA_IRQS];
    struct irq a20;              /* high: address line 20 is open; the last that set it counts */
    unsigned serials, parallels; /* ports given so far: the default `index` of the next */
};

/* Caller's memory; makes the bus `name` ("isa.0") of `owner`. Lines: the caller's, afterwards. */
static inline void isa_bus_init(struct isa_bus *bus, struct dev *owner, const char *name)
{
    bus->dev_bus = dev_bus_new(owner, "ISA", name);
    bus->dev_bus->opaque = bus;
}

/* The bus a device is plugged into; NULL: a board's own device on none. */
static inline struct isa_bus *isa_bus_of(const struct dev *dev)
{
    return dev->parent ? (struct isa_bus *)dev->parent->opaque : NULL;
}

/* Line `n` of the device's bus, not connected if there is none. */
static inline struct irq isa_irq(const struct dev *dev, unsigned n)
{
    struct isa_bus *bus = isa_bus_of(dev);

    return bus && n < ISA_IRQS ? bus->irq[n] : (struct irq){0};
}

static inline void isa_set_a20(const struct dev *dev, bool open)
{
    struct isa_bus *bus = isa_bus_of(dev);

    if (bus) {
        irq_set(&bus->a20, open);
    }
}

/* Maps a device's ports; NULL if the board has no port space. */
static inline struct bus_mapping *isa_map(const struct dev *dev, struct bus_region *r,
                                          uint32_t port)
{
    return dev->env->io ? bus_map(dev->env->io, port, r, 0, r->size, 0, false) : NULL;
}

static inline void isa_unmap(const struct dev *dev, struct bus_mapping *m)
{
    if (m) {
        bus_unmap(dev->env->io, m);
    }
}

#endif
