/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bridges: pcie-root-port (PCI Express Base 4.0, 7.5.3; its slot in hotplug.c), pcie-pci-bridge,
 * pci-bridge (PCI-to-PCI Bridge 1.2, chapter 3). What a bridge forwards is worked out in pci.c from
 * its window registers.
 */
#include "machine/pci/bridge.h"
#include "base/bits.h"
#include "machine/pci/hotplug.h"
#include "machine/pci/internal.h"
#include "machine/pci/regs.h"

struct bridge {
    struct pci_dev pci;                /* first */
    uint8_t port, chassis, chassis_nr; /* properties */
    uint16_t slot;                     /* property */
    bool msi;
    bool with_hotplug;          /* property "hotplug" */
    struct pci_hotplug hotplug; /* root ports */
};

static void add_windows(struct pci_dev *p)
{
    uint8_t *c = p->config, *w = p->writable;

    w[R_BRIDGE_PRIMARY] = w[R_BRIDGE_SECONDARY] = w[R_BRIDGE_SUBORDINATE] = 0xff;
    w[0x1b] = 0xff;                                    /* latency timer */
    c[R_BRIDGE_IO_BASE] = c[R_BRIDGE_IO_LIMIT] = 0x01; /* 32-bit I/O addressing */
    w[R_BRIDGE_IO_BASE] = w[R_BRIDGE_IO_LIMIT] = 0xf0;
    put16(p->clear_on_one + R_BRIDGE_SEC_STATUS, STATUS_ERRORS);
    put16(w + R_BRIDGE_MEM_BASE, 0xfff0);
    put16(w + R_BRIDGE_MEM_LIMIT, 0xfff0);
    put16(c + R_BRIDGE_PREF_BASE, 1); /* 64-bit */
    put16(c + R_BRIDGE_PREF_LIMIT, 1);
    put16(w + R_BRIDGE_PREF_BASE, 0xfff0);
    put16(w + R_BRIDGE_PREF_LIMIT, 0xfff0);
    put32(w + R_BRIDGE_PREF_BASE_HI, 0xffffffff);
    put32(w + R_BRIDGE_PREF_LIMIT_HI, 0xffffffff);
    put32(w + R_BRIDGE_IO_BASE_HI, 0xffffffff);
    put16(w + R_BRIDGE_CONTROL, 0x005f);
}

/* Subsystem identity of a bridge lives in a capability (bridge 1.2, 13.4.1). */
static void add_ssvid(struct pci_dev *p, uint16_t vendor, uint16_t device)
{
    uint8_t cap = pci_add_cap(p, CAP_SSVID, 8);

    put16(p->config + cap + 4, vendor);
    put16(p->config + cap + 6, device);
}

static void add_aer(struct pci_dev *p)
{
    uint16_t cap = pci_add_ext_cap(p, EXT_CAP_AER, 2, 0x48);

    put32(p->clear_on_one + cap + 0x04, 0x003ff030); /* uncorrectable status */
    put32(p->writable + cap + 0x08, 0x003ff030);     /* mask */
    put32(p->writable + cap + 0x0c, 0x003ff030);     /* severity */
    put32(p->clear_on_one + cap + 0x10, 0x0000f1c1); /* correctable status */
    put32(p->writable + cap + 0x14, 0x0000f1c1);
    put32(p->writable + cap + 0x2c, 0x00000007); /* root error command */
    put32(p->clear_on_one + cap + 0x30, 0x0000007f);
}

static void add_acs(struct pci_dev *p)
{
    uint16_t cap = pci_add_ext_cap(p, EXT_CAP_ACS, 1, 8);

    put16(p->config + cap + 4, 0x001f);
    put16(p->writable + cap + 6, 0x001f);
}

uint8_t pci_add_express(struct pci_dev *p, unsigned port_type, bool slot, unsigned slot_number,
                        unsigned port)
{
    uint8_t cap = pci_add_cap(p, CAP_EXPRESS, 0x3c);
    uint8_t *c = p->config + cap, *w = p->writable + cap;

    p->express_cap = cap;
    put16(c + 0x02, 2 | port_type << 4 | (slot ? 0x100 : 0));
    put32(c + 0x04, 0x8000); /* role-based error reporting */
    put16(w + 0x08, port_type == PORT_ROOT ? 0x001f : 0x000f);
    put16(p->clear_on_one + cap + 0x0a, 0x000f);
    /* 2.5 GT/s, x1; a slot's link says when it is active */
    put32(c + 0x0c, 0x00000011 | port << 24 | (slot ? 0x00100000 : 0));
    put16(w + 0x10, 0x0043);
    put16(c + 0x12, 0x0011); /* link trained */
    if (slot) {
        put32(c + 0x14, slot_number << 19);
        put16(p->clear_on_one + cap + 0x1a, 0x011f);
    }
    if (port_type == PORT_ROOT) {
        put16(w + 0x1c, 0x000f);
        put32(p->clear_on_one + cap + 0x20, 0x00010000);
    }
    put32(c + 0x24, 0x00000020); /* ARI forwarding, ports */
    put16(w + 0x28, port_type == PORT_ROOT ? 0x0020 : 0);
    put16(c + 0x30, 0x0001); /* target link speed */
    return cap;
}

/* Another root port of the same chassis and slot. */
static bool slot_taken(const struct bridge *b)
{
    const struct pci_bus *root = b->pci.bus;

    for (unsigned i = 0; i < G_N_ELEMENTS(root->slot); i++) {
        const struct bridge *other = (const struct bridge *)root->slot[i];

        if (other && other != b && other->pci.dev.class == b->pci.dev.class &&
            other->chassis == b->chassis && other->slot == b->slot) {
            return true;
        }
    }
    return false;
}

static gboolean realize_root_port(struct dev *dev, GError **error)
{
    struct bridge *b = (struct bridge *)dev;
    struct pci_dev *p = &b->pci;

    if (!p->bus->express || p->bus->parent) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                    "pcie-root-port must be plugged into the root bus of a PCI Express board, not "
                    "into '%s'",
                    p->bus->dev_bus->name);
        return FALSE;
    }
    if (slot_taken(b)) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                    "Can't add chassis slot: chassis %u has a slot %u already", b->chassis,
                    b->slot);
        return FALSE;
    }
    add_windows(p);
    p->config[R_PCI_IRQ_PIN] = 1;
    pci_add_express(p, PORT_ROOT, true, b->slot, b->port);
    add_ssvid(p, 0x1b36, 0x0000);
    if (!pci_add_msix(p, 1, 0, error)) {
        return FALSE;
    }
    add_aer(p);
    add_acs(p);
    pci_bus_new_below(p, dev->id, true, 1);
    pci_hotplug_init(&b->hotplug, p, b->with_hotplug);
    return TRUE;
}

static void root_port_written(struct pci_dev *p, unsigned off, unsigned size)
{
    pci_hotplug_written(&((struct bridge *)p)->hotplug, off, size);
}

static void reset_root_port(struct dev *dev)
{
    pci_hotplug_reset(&((struct bridge *)dev)->hotplug);
}

static gboolean root_port_loaded(struct dev *dev, GError **error)
{
    pci_hotplug_loaded(&((struct bridge *)dev)->hotplug);
    return TRUE;
}

static gboolean realize_pci_bridge(struct dev *dev, GError **error)
{
    struct bridge *b = (struct bridge *)dev;
    struct pci_dev *p = &b->pci;
    const struct pci_class *class = dev->class->bus_class;

    if (!class->express && b->chassis_nr == 0) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_MISSING,
                    "Bridge chassis not specified. Each bridge is required to be assigned a unique "
                    "chassis id > 0.");
        return FALSE;
    }
    add_windows(p);
    p->config[R_PCI_IRQ_PIN] = 1;
    if (class->express && p->bus->express) {
        pci_add_express(p, PORT_PCI_BRIDGE, false, 0, 0);
    }
    if (b->msi) {
        pci_add_msi(p, 1, true, true);
    }
    pci_bus_new_below(p, dev->id, false, 32);
    return TRUE;
}

#define BRIDGE_ROW(field_, ...) ROW_FIELD(struct bridge, field_), __VA_ARGS__

static const struct row root_port_props[] = {
    {.name = "port", .type = ROW_UINT, BRIDGE_ROW(port, .def = "0"), .help = "Port number"},
    {.name = "chassis",
     .type = ROW_UINT,
     BRIDGE_ROW(chassis, .def = "0"),
     .help = "Chassis number, unique with slot"},
    {.name = "slot",
     .type = ROW_UINT,
     BRIDGE_ROW(slot, .def = "0"),
     .max = 8191,
     .help = "Physical slot number shown to the guest"},
    {.name = "hotplug",
     .type = ROW_BOOL,
     BRIDGE_ROW(with_hotplug, .def = "on"),
     .help = "Devices may come and go while the machine runs"},
    {},
};

static const struct row pci_bridge_props[] = {
    {.name = "chassis_nr",
     .type = ROW_UINT,
     BRIDGE_ROW(chassis_nr, .def = "0"),
     .help = "Chassis number, 1 to 255"},
    {.name = "msi", .type = ROW_BOOL, BRIDGE_ROW(msi, .def = "off"), .help = "Offer MSI"},
    {},
};

static const struct pci_class root_port_pci = {
    .vendor = 0x1b36,
    .device = 0x000c,
    .class_code = 0x060400,
    .bridge = true,
    .express = true,
    .port_type = PORT_ROOT,
    .config_written = root_port_written,
};
static const struct pci_class pci_bridge_pci = {
    .vendor = 0x1b36,
    .device = 0x0001,
    .class_code = 0x060400,
    .bridge = true,
};
static const struct pci_class pcie_pci_bridge_pci = {
    .vendor = 0x1b36,
    .device = 0x000e,
    .class_code = 0x060400,
    .bridge = true,
    .express = true,
};

const struct dev_class pcie_root_port_class = {
    .name = "pcie-root-port",
    .description = "PCI Express Root Port",
    .bus_type = "PCI",
    .category = "Controller/Bridge/Hub",
    .base = &pci_dev_class,
    .bus_class = &root_port_pci,
    .instance_size = sizeof(struct bridge),
    .props = root_port_props,
    .realize = realize_root_port,
    .reset = reset_root_port,
    .post_load = root_port_loaded,
};

const struct dev_class pci_bridge_class = {
    .name = "pci-bridge",
    .description = "Standard PCI Bridge",
    .bus_type = "PCI",
    .category = "Controller/Bridge/Hub",
    .base = &pci_dev_class,
    .bus_class = &pci_bridge_pci,
    .instance_size = sizeof(struct bridge),
    .props = pci_bridge_props,
    .realize = realize_pci_bridge,
};

const struct dev_class pcie_pci_bridge_class = {
    .name = "pcie-pci-bridge",
    .description = "PCI Express to PCI bridge",
    .bus_type = "PCI",
    .category = "Controller/Bridge/Hub",
    .base = &pci_dev_class,
    .bus_class = &pcie_pci_bridge_pci,
    .instance_size = sizeof(struct bridge),
    .props = pci_bridge_props,
    .realize = realize_pci_bridge,
};

const struct dev_class *const pci_classes[] = {
    &pcie_root_port_class,
    &pci_bridge_class,
    &pcie_pci_bridge_class,
    NULL,
};
