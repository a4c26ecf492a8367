/* SPDX-License-Identifier: GPL-2.0-or-later */
/* query-pci: the functions of every bus, as their configuration space shows them. */
#include "machine/monitor/command.h"

#include "machine/pci/pci.h"
#include "machine/pci/regs.h"

static const char *class_name(unsigned class)
{
    static const struct {
        uint16_t class;
        const char *name;
    } names[] = {
        {0x0100, "SCSI controller"},
        {0x0101, "IDE controller"},
        {0x0106, "SATA controller"},
        {0x0200, "Ethernet controller"},
        {0x0300, "VGA controller"},
        {0x0500, "RAM controller"},
        {0x0600, "Host bridge"},
        {0x0601, "ISA bridge"},
        {0x0604, "PCI bridge"},
        {0x0700, "Serial port"},
        {0x0880, "SD Host controller"},
        {0x0c03, "USB controller"},
        {0x0c05, "SMBus"},
        {0x0780, "Communication controller"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (names[i].class == class) {
            return names[i].name;
        }
    }
    return NULL;
}

static json_object *region(const struct pci_dev *p, unsigned n)
{
    const struct pci_bar *bar = &p->bar[n];
    json_object *o = json_object_new_object();

    put_int(o, "bar", n);
    put_str(o, "type", bar->io ? "io" : "memory");
    if (!bar->io) {
        put_bool(o, "prefetch", bar->prefetch);
        put_bool(o, "mem_type_64", bar->is64);
    }
    put_int(o, "address", bar->mapping ? (int64_t)bar->base : -1);
    put_int(o, "size", (int64_t)bar->region->size);
    return o;
}

static json_object *range(uint64_t base, uint64_t limit)
{
    json_object *o = json_object_new_object();

    put_int(o, "base", (int64_t)base);
    put_int(o, "limit", (int64_t)limit);
    return o;
}

static uint64_t window(struct pci_dev *p, unsigned low, unsigned high, bool limit)
{
    uint64_t v = (uint64_t)(pci_config_read(p, low, 2) & 0xfff0) << 16;

    if (high && pci_config_read(p, low, 2) & 1) {
        v |= (uint64_t)pci_config_read(p, high, 4) << 32;
    }
    return limit ? v | 0xfffff : v;
}

static json_object *device_list(struct pci_bus *bus);

static json_object *bridge_info(struct pci_dev *p)
{
    json_object *o = json_object_new_object(), *bus = json_object_new_object();
    uint64_t io_base = (pci_config_read(p, R_BRIDGE_IO_BASE, 1) & 0xf0) << 8;
    uint64_t io_limit = (pci_config_read(p, R_BRIDGE_IO_LIMIT, 1) & 0xf0) << 8;

    put_int(bus, "number", pci_config_read(p, R_BRIDGE_PRIMARY, 1));
    put_int(bus, "secondary", pci_config_read(p, R_BRIDGE_SECONDARY, 1));
    put_int(bus, "subordinate", pci_config_read(p, R_BRIDGE_SUBORDINATE, 1));
    json_object_object_add(bus, "io_range", range(io_base, io_limit | 0xfff));
    json_object_object_add(
        bus, "memory_range",
        range(window(p, R_BRIDGE_MEM_BASE, 0, false), window(p, R_BRIDGE_MEM_LIMIT, 0, true)));
    json_object_object_add(bus, "prefetchable_range",
                           range(window(p, R_BRIDGE_PREF_BASE, R_BRIDGE_PREF_BASE_HI, false),
                                 window(p, R_BRIDGE_PREF_LIMIT, R_BRIDGE_PREF_LIMIT_HI, true)));
    json_object_object_add(o, "bus", bus);
    if (p->below && p->below->number) {
        json_object_object_add(o, "devices", device_list(p->below));
    }
    return o;
}

static json_object *ids(struct pci_dev *p, bool bridge)
{
    json_object *o = json_object_new_object();

    put_int(o, "vendor", pci_config_read(p, R_PCI_VENDOR, 2));
    put_int(o, "device", pci_config_read(p, R_PCI_DEVICE, 2));
    if (!bridge) {
        put_int(o, "subsystem-vendor", pci_config_read(p, R_PCI_SUBSYS_VENDOR, 2));
        put_int(o, "subsystem", pci_config_read(p, R_PCI_SUBSYS, 2));
    }
    return o;
}

static json_object *device_info(struct pci_dev *p)
{
    const struct pci_class *class = p->dev.class->bus_class;
    unsigned code = pci_config_read(p, R_PCI_CLASS + 1, 2), pin;
    json_object *o = json_object_new_object(), *regions = json_object_new_array();
    json_object *info = json_object_new_object();

    put_int(o, "bus", p->bus->number);
    put_int(o, "slot", p->devfn >> 3);
    put_int(o, "function", p->devfn & 7);
    if (class_name(code)) {
        put_str(info, "desc", class_name(code));
    }
    put_int(info, "class", code);
    json_object_object_add(o, "class_info", info);
    json_object_object_add(o, "id", ids(p, class->bridge));
    pin = pci_config_read(p, R_PCI_IRQ_PIN, 1);
    if (pin) {
        put_int(o, "irq", pci_config_read(p, R_PCI_IRQ_LINE, 1));
    }
    put_int(o, "irq_pin", pin);
    put_str(o, "qdev_id", p->dev.id);
    if (class->bridge) {
        json_object_object_add(o, "pci_bridge", bridge_info(p));
    }
    for (unsigned n = 0; n <= PCI_ROM_BAR; n++) {
        if (p->bar[n].region) {
            json_object_array_add(regions, region(p, n));
        }
    }
    json_object_object_add(o, "regions", regions);
    return o;
}

static json_object *device_list(struct pci_bus *bus)
{
    json_object *list = json_object_new_array();

    for (unsigned devfn = 0; devfn < G_N_ELEMENTS(bus->slot); devfn++) {
        if (bus->slot[devfn]) {
            json_object_array_add(list, device_info(bus->slot[devfn]));
        }
    }
    return list;
}

static json_object *query_pci(const struct qmp_call *c, GError **error)
{
    json_object *list = json_object_new_array();

    for (guint i = 0; i < c->env->machine->buses->len; i++) {
        const struct dev_bus *dev_bus = c->env->machine->buses->pdata[i];
        struct pci_bus *bus = g_str_equal(dev_bus->type, "PCI") ? pci_bus_of(dev_bus) : NULL;
        json_object *o;

        if (bus && !bus->parent) {
            o = json_object_new_object();
            put_int(o, "bus", bus->number);
            json_object_object_add(o, "devices", device_list(bus));
            json_object_array_add(list, o);
        }
    }
    return list;
}

const struct qmp_command qmp_pci_commands[] = {
    {"query-pci", NULL, "[PciInfo]", query_pci, "PCI buses and their functions."},
    {NULL},
};
