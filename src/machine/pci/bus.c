/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PCI buses: who sits where, how interrupts pins are routed, how configuration cycles find a
 * function. */
#include "base/bits.h"
#include "machine/pci/hotplug.h"
#include "machine/pci/pci.h"
#include "machine/pci/regs.h"

#define MAX_DEPTH 32 /* bridges in a row: more than 256 bus numbers can hold is never reached */

struct pci_bus *pci_bus_of(const struct dev_bus *bus)
{
    return bus->opaque;
}

/* Lowest free function 0 at or above slot 1 (0 on a port's own bus), or -1. */
static int free_devfn(const struct pci_bus *bus)
{
    for (unsigned slot = bus->slots == 1 ? 0 : 1; slot < bus->slots; slot++) {
        bool taken = false;

        for (unsigned fn = 0; fn < 8; fn++) {
            taken |= bus->slot[PCI_DEVFN(slot, fn)] != NULL;
        }
        if (!taken) {
            return PCI_DEVFN(slot, 0);
        }
    }
    return -1;
}

/* A further function needs its neighbours to say so: the guest looks only at function 0's bit. */
static gboolean check_multifunction(const struct pci_bus *bus, const struct pci_dev *p,
                                    unsigned devfn, GError **error)
{
    const struct pci_dev *zero = bus->slot[devfn & ~7u];

    if ((devfn & 7) && zero && !zero->multifunction) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                    "PCI: single function device can't be populated in function %x.%x", devfn >> 3,
                    devfn & 7);
        return FALSE;
    }
    if (!(devfn & 7) && !p->multifunction) {
        for (unsigned fn = 1; fn < 8; fn++) {
            if (bus->slot[devfn + fn]) {
                g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                            "PCI: %x.0 indicates single function, but %x.%x is already populated.",
                            devfn >> 3, devfn >> 3, fn);
                return FALSE;
            }
        }
    }
    return TRUE;
}

static gboolean plug(struct dev_bus *dev_bus, struct dev *dev, GError **error)
{
    struct pci_bus *bus = pci_bus_of(dev_bus);
    struct pci_dev *p = (struct pci_dev *)dev;
    int devfn = p->addr >= 0 ? p->addr : free_devfn(bus);

    if (devfn < 0) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                    "PCI: no slot/function available for %s, all in use or reserved",
                    dev->class->name);
        return FALSE;
    }
    if ((unsigned)devfn >> 3 >= bus->slots) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                    "Unsupported PCI slot %d for bus '%s', only slots up to %u are there",
                    devfn >> 3, dev_bus->name, bus->slots - 1);
        return FALSE;
    }
    if (bus->slot[devfn]) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                    "PCI: slot %d function %d not available for %s, in use by %s", devfn >> 3,
                    devfn & 7, dev->class->name, bus->slot[devfn]->dev.class->name);
        return FALSE;
    }
    if (dev->hotplugged && (devfn & 7) && bus->slot[devfn & ~7]) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                    "PCI: slot %d function 0 already occupied by %s, new func %s cannot be exposed "
                    "to guest.",
                    devfn >> 3, bus->slot[devfn & ~7]->dev.class->name, dev->class->name);
        return FALSE;
    }
    if (!check_multifunction(bus, p, devfn, error)) {
        return FALSE;
    }
    p->bus = bus;
    p->devfn = devfn;
    bus->slot[devfn] = p;
    dev_bus->full = free_devfn(bus) < 0;
    if (bus->hotplug && !dev->hotplugged) {
        pci_hotplug_reset(bus->hotplug);
    }
    return TRUE;
}

static void unplug(struct dev_bus *dev_bus, struct dev *dev)
{
    struct pci_bus *bus = pci_bus_of(dev_bus);
    struct pci_dev *p = (struct pci_dev *)dev;

    bus->slot[p->devfn] = NULL;
    dev_bus->full = false;
}

static struct pci_bus *new_bus(struct dev *owner, const char *name, bool express)
{
    struct pci_bus *bus = g_new0(struct pci_bus, 1);

    bus->dev_bus = dev_bus_new(owner, "PCI", name);
    bus->dev_bus->opaque = bus;
    bus->dev_bus->plug = plug;
    bus->dev_bus->unplug = unplug;
    bus->express = express;
    bus->slots = 32;
    g_mutex_init(&bus->lock);
    g_mutex_init(&bus->irq_lock);
    return bus;
}

struct pci_bus *pci_root_new(struct dev *host, const char *name, bool express)
{
    struct pci_bus *bus = new_bus(host, name, express);

    bus->n_intx = 4;
    return bus;
}

struct pci_bus *pci_bus_new_below(struct pci_dev *bridge, const char *name, bool express,
                                  unsigned slots)
{
    struct pci_bus *bus = new_bus(&bridge->dev, name, express);

    bus->bridge = bridge;
    bus->parent = bridge->bus;
    bus->slots = slots;
    bridge->below = bus;
    return bus;
}

void pci_bus_free(struct pci_bus *bus)
{
    if (bus) {
        g_mutex_clear(&bus->lock);
        g_mutex_clear(&bus->irq_lock);
        g_free(bus);
    }
}

/* Bridges swizzle pins by slot number (bridge 1.2, 9.1); the root's table is the board's. */
unsigned pci_route_pin(struct pci_bus *bus, unsigned devfn, unsigned pin)
{
    while (bus->parent) {
        pin = (pin + (devfn >> 3)) % 4;
        devfn = bus->bridge->devfn;
        bus = bus->parent;
    }
    return bus->map_irq ? bus->map_irq(bus->map_opaque, devfn, pin) % 8 : pin;
}

/* Secondary bus number and the highest one below, as the guest programmed them. */
static bool claims(const struct pci_dev *bridge, uint8_t number)
{
    return bridge->config[R_BRIDGE_SECONDARY] <= number &&
           number <= bridge->config[R_BRIDGE_SUBORDINATE] &&
           bridge->config[R_BRIDGE_SECONDARY] != 0;
}

static struct pci_bus *find_bus(struct pci_bus *bus, uint8_t number, unsigned depth)
{
    for (unsigned devfn = 0; devfn < 256 && depth < MAX_DEPTH; devfn++) {
        struct pci_dev *p = bus->slot[devfn];

        if (!p || !p->below || !claims(p, number)) {
            continue;
        }
        return p->config[R_BRIDGE_SECONDARY] == number ? p->below
                                                       : find_bus(p->below, number, depth + 1);
    }
    return NULL;
}

struct pci_dev *pci_find(struct pci_bus *root, uint8_t number, uint8_t devfn)
{
    struct pci_bus *bus = number == 0 ? root : find_bus(root, number, 0);

    if (!bus || devfn >> 3 >= bus->slots || __atomic_load_n(&bus->dark, __ATOMIC_ACQUIRE)) {
        return NULL;
    }
    return bus->slot[devfn];
}

uint32_t pci_host_read(struct pci_bus *root, uint32_t bdf, unsigned off, unsigned size)
{
    struct pci_dev *p = pci_find(root, bdf >> 8, bdf & 0xff);

    return p ? pci_config_read(p, off, size) : mask64(size * 8);
}

void pci_host_write(struct pci_bus *root, uint32_t bdf, unsigned off, uint32_t value, unsigned size)
{
    struct pci_dev *p = pci_find(root, bdf >> 8, bdf & 0xff);

    if (p) {
        pci_config_write(p, off, value, size);
    }
}
