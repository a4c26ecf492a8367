/* SPDX-License-Identifier: GPL-2.0-or-later */
/* isa-debug-exit: a write of V to its port ends the process with the exit code 2 * V + 1. */
#include "machine/dev/classes.h"
#include "machine/dev/pc/isa.h"

struct debug_exit {
    struct dev dev;
    uint32_t iobase, iosize;
    struct bus_region region;
    struct bus_mapping *mapping;
};

static const struct row debug_exit_props[] = {
    {"iobase", ROW_UINT, ROW_FIELD(struct debug_exit, iobase), .def = "1281", .max = 0xffff,
     .help = "first I/O port"},
    {"iosize", ROW_UINT, ROW_FIELD(struct debug_exit, iosize), .def = "2", .min = 1, .max = 8,
     .help = "number of I/O ports"},
    {NULL},
};

static uint64_t debug_exit_read(void *opaque, gpa off, unsigned size)
{
    return 0;
}

static void debug_exit_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct dev *dev = opaque;
    int code = (int)((value << 1 | 1) & 0xff);

    dev->env->request(dev->env->machine, MACHINE_QUIT, true, code);
}

static const struct bus_ops debug_exit_ops = {
    .read = debug_exit_read,
    .write = debug_exit_write,
    .min_size = 1,
    .max_size = 4,
};

static gboolean debug_exit_realize(struct dev *dev, GError **error)
{
    struct debug_exit *d = (struct debug_exit *)dev;

    bus_region_init_io(&d->region, "isa-debug-exit", d->iosize, &debug_exit_ops, d, &dev->lock);
    d->mapping = isa_map(dev, &d->region, d->iobase);
    return TRUE;
}

static void debug_exit_unrealize(struct dev *dev)
{
    isa_unmap(dev, ((struct debug_exit *)dev)->mapping);
}

const struct dev_class isa_debug_exit_class = {
    .name = "isa-debug-exit",
    .description = "ends the process with a code of the guest's",
    .bus_type = "ISA",
    .category = "Misc",
    .instance_size = sizeof(struct debug_exit),
    .props = debug_exit_props,
    .state_version = 1,
    .realize = debug_exit_realize,
    .unrealize = debug_exit_unrealize,
};
