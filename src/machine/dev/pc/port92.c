/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System control port A (92h): fast A20 gate and fast reset. A reset opens the gate whatever the
 * bit says then.
 */
#include "machine/dev/classes.h"
#include "machine/dev/pc/isa.h"

#define RESET 0x01
#define A20   0x02

struct port92 {
    struct dev dev;
    uint8_t value;
    struct bus_region region;
    struct bus_mapping *mapping;
};

static const struct state_row port92_state[] = {
    STATE_U(struct port92, value, 0),
    STATE_DONE,
};

static uint64_t port92_read(void *opaque, gpa off, unsigned size)
{
    return ((struct port92 *)opaque)->value;
}

static void port92_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct port92 *p = opaque;
    bool reset = value & ~(uint64_t)p->value & RESET;

    p->value = value & (A20 | RESET);
    isa_set_a20(&p->dev, value & A20);
    if (reset) {
        p->dev.env->request(p->dev.env->machine, MACHINE_RESET, true, 0);
    }
}

static const struct bus_ops port92_ops = {
    .read = port92_read,
    .write = port92_write,
    .min_size = 1,
    .max_size = 1,
};

static gboolean port92_realize(struct dev *dev, GError **error)
{
    struct port92 *p = (struct port92 *)dev;

    bus_region_init_io(&p->region, "port92", 1, &port92_ops, p, &dev->lock);
    p->mapping = isa_map(dev, &p->region, 0x92);
    return TRUE;
}

static void port92_unrealize(struct dev *dev)
{
    isa_unmap(dev, ((struct port92 *)dev)->mapping);
}

const struct dev_class port92_class = {
    .name = "port92",
    .description = "system control port A",
    .bus_type = "ISA",
    .category = "Misc",
    .instance_size = sizeof(struct port92),
    .state = port92_state,
    .state_version = 1,
    .internal = true,
    .realize = port92_realize,
    .unrealize = port92_unrealize,
};
