/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * isa-debugcon: one port; a byte written goes to a character back end, a read says that the port
 * is there. Firmware logs to it (port E9h by Bochs' custom, 402h for SeaBIOS and OVMF).
 */
#include "machine/chardev/chardev.h"
#include "machine/dev/classes.h"
#include "machine/dev/pc/isa.h"

struct debugcon {
    struct dev dev;
    uint32_t iobase, readback;
    char *chardev_id;
    struct chardev *chardev;
    struct chardev_frontend frontend;
    struct bus_region region;
    struct bus_mapping *mapping;
};

static const struct row debugcon_props[] = {
    {"iobase", ROW_UINT, ROW_FIELD(struct debugcon, iobase), .def = "233", .max = 0xffff,
     .help = "I/O port"},
    {"chardev", ROW_LINK, ROW_FIELD(struct debugcon, chardev_id), .link = ROW_LINK_CHARDEV,
     .flags = ROW_REQUIRED, .help = "where the bytes go"},
    {"readback", ROW_UINT, ROW_FIELD(struct debugcon, readback), .def = "233",
     .help = "what a read of the port gives"},
    {NULL},
};

static uint64_t debugcon_read(void *opaque, gpa off, unsigned size)
{
    return ((struct debugcon *)opaque)->readback & 0xff;
}

static void debugcon_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct debugcon *d = opaque;
    uint8_t byte = (uint8_t)value;

    chardev_write(d->chardev, &byte, 1);
}

static const struct bus_ops debugcon_ops = {
    .read = debugcon_read,
    .write = debugcon_write,
    .min_size = 1,
    .max_size = 1,
    .wide = BUS_SPLIT,
};

static gboolean debugcon_realize(struct dev *dev, GError **error)
{
    struct debugcon *d = (struct debugcon *)dev;

    d->chardev = dev->env->find(dev->env->machine, ROW_LINK_CHARDEV, d->chardev_id, error);
    if (!d->chardev || !chardev_attach(d->chardev, &d->frontend, error)) {
        return FALSE;
    }
    bus_region_init_io(&d->region, "isa-debugcon", 1, &debugcon_ops, d, &dev->lock);
    d->mapping = isa_map(dev, &d->region, d->iobase);
    return TRUE;
}

static void debugcon_unrealize(struct dev *dev)
{
    struct debugcon *d = (struct debugcon *)dev;

    isa_unmap(dev, d->mapping);
    chardev_detach(d->chardev, &d->frontend);
}

const struct dev_class isa_debugcon_class = {
    .name = "isa-debugcon",
    .description = "debug output port",
    .bus_type = "ISA",
    .category = "Misc",
    .instance_size = sizeof(struct debugcon),
    .props = debugcon_props,
    .state_version = 1,
    .realize = debugcon_realize,
    .unrealize = debugcon_unrealize,
};
