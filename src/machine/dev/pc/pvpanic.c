/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pvpanic on the ISA bus: the guest says that its kernel crashed. QEMU documentation, "PVPANIC
 * DEVICE". The board names the port in fw_cfg ("etc/pvpanic-port") and in its DSDT.
 */
#include "machine/dev/classes.h"
#include "machine/dev/pc/isa.h"

#define EVENT_PANICKED     1u
#define EVENT_CRASH_LOADED 2u /* a crash kernel will take over */
#define EVENTS             (EVENT_PANICKED | EVENT_CRASH_LOADED)

struct pvpanic {
    struct dev dev;
    uint16_t ioport;
    uint8_t events;
    struct bus_region region;
    struct bus_mapping *mapping;
};

static const struct row pvpanic_props[] = {
    {"ioport", ROW_UINT, ROW_FIELD(struct pvpanic, ioport), .def = "1285", .help = "I/O port"},
    {"events", ROW_UINT, ROW_FIELD(struct pvpanic, events), .def = "3",
     .help = "events the guest may report: 1 panicked, 2 crash kernel loaded"},
    {NULL},
};

static uint64_t pvpanic_read(void *opaque, gpa off, unsigned size)
{
    return ((struct pvpanic *)opaque)->events;
}

static void pvpanic_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct pvpanic *p = opaque;
    const struct dev_env *env = p->dev.env;

    if (value & ~(uint64_t)EVENTS) {
        dev_note(&p->dev, "guest reported unknown events 0x%x", (unsigned)value);
    }
    if (value & p->events & EVENT_PANICKED) {
        env->request(env->machine, MACHINE_PANIC, true, 0);
    } else if (value & p->events & EVENT_CRASH_LOADED) {
        json_object *data = json_object_new_object();

        json_object_object_add(data, "action", json_object_new_string("run"));
        env->event(env->machine, "GUEST_CRASHLOADED", data);
    }
}

static const struct bus_ops pvpanic_ops = {
    .read = pvpanic_read,
    .write = pvpanic_write,
    .min_size = 1,
    .max_size = 1,
};

static gboolean pvpanic_realize(struct dev *dev, GError **error)
{
    struct pvpanic *p = (struct pvpanic *)dev;

    bus_region_init_io(&p->region, "pvpanic", 1, &pvpanic_ops, p, &dev->lock);
    p->mapping = isa_map(dev, &p->region, p->ioport);
    return TRUE;
}

static void pvpanic_unrealize(struct dev *dev)
{
    isa_unmap(dev, ((struct pvpanic *)dev)->mapping);
}

const struct dev_class pvpanic_class = {
    .name = "pvpanic",
    .description = "reports a crash of the guest's kernel",
    .bus_type = "ISA",
    .category = "Misc",
    .instance_size = sizeof(struct pvpanic),
    .props = pvpanic_props,
    .state_version = 1,
    .realize = pvpanic_realize,
    .unrealize = pvpanic_unrealize,
};
