/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ich9-ahci: the SATA controller of the ICH9 with six ports. AHCI specification 1.3.1; Intel ICH9
 * data sheet (316972) for what is in its configuration space. What a port does is in ahci_port.c.
 */
#include "machine/dev/storage/ahci.h"

#include "base/bits.h"
#include "machine/dev/classes.h"
#include "machine/pci/regs.h"

enum { R_CAP = 0x00, R_GHC = 0x04, R_IS = 0x08, R_PI = 0x0c, R_VS = 0x10, R_PORT = 0x100 };

#define CAP_64  BIT64(31)
#define CAP_NCQ BIT64(30)
#define CAP_G1  BIT64(20)
#define CAP_SAM BIT64(18)
#define CAP \
    (uint32_t)(CAP_64 | CAP_NCQ | CAP_G1 | CAP_SAM | (AHCI_SLOTS - 1) << 8 | (AHCI_PORTS - 1))

#define GHC_RESET 0x00000001u
#define GHC_IE    0x00000002u
#define GHC_AHCI  0x80000000u

#define IDP_INDEX 0x10
#define IDP_DATA  0x14

static const struct state_row ahci_state[] = {
    STATE_U(struct ahci, ghc, GHC_AHCI),
    STATE_U(struct ahci, is, 0),
    STATE_U(struct ahci, index, 0),
    {.kind = STATE_STRUCT,
     .name = "port",
     .offset = offsetof(struct ahci, port),
     .size = sizeof(struct ahci_port),
     .count = AHCI_PORTS,
     .rows = ahci_port_rows},
    STATE_DONE,
};

/* ---- interrupts ---- */

void ahci_update_irq(struct ahci *h)
{
    bool level;

    for (unsigned i = 0; i < AHCI_PORTS; i++) {
        if (h->port[i].is & h->port[i].ie) {
            h->is |= 1u << i;
        }
    }
    level = h->is && h->ghc & GHC_IE;
    if (pci_msi_enabled(&h->pci)) {
        if (level) {
            pci_msi_send(&h->pci, 0);
        }
        level = false;
    }
    pci_set_intx(&h->pci, level);
}

/* ---- registers ---- */

static void reset_hba(struct ahci *h)
{
    h->ghc = GHC_AHCI;
    h->is = 0;
    for (unsigned i = 0; i < AHCI_PORTS; i++) {
        ahci_port_power_on(&h->port[i]);
    }
    ahci_update_irq(h);
}

static bool resetting(const struct ahci *h)
{
    for (unsigned i = 0; i < AHCI_PORTS; i++) {
        if (h->port[i].resetting) {
            return true;
        }
    }
    return false;
}

static uint64_t ahci_read(void *opaque, gpa off, unsigned size)
{
    const struct ahci *h = opaque;

    switch (off) {
    case R_CAP: return CAP;
    case R_GHC: return h->ghc | (resetting(h) ? GHC_RESET : 0);
    case R_IS: return h->is;
    case R_PI: return mask64(AHCI_PORTS);
    case R_VS: return 0x10000;
    default: break;
    }
    if (off >= R_PORT && (off - R_PORT) >> 7 < AHCI_PORTS) {
        return ahci_port_read(&h->port[(off - R_PORT) >> 7], off & 0x7f);
    }
    return 0;
}

static void ahci_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct ahci *h = opaque;

    if (off == R_GHC) {
        if (value & GHC_RESET) {
            reset_hba(h);
        } else {
            h->ghc = GHC_AHCI | (value & GHC_IE);
            ahci_update_irq(h);
        }
    } else if (off == R_IS) {
        h->is &= ~(uint32_t)value;
        ahci_update_irq(h);
    } else if (off >= R_PORT && (off - R_PORT) >> 7 < AHCI_PORTS) {
        ahci_port_write(&h->port[(off - R_PORT) >> 7], off & 0x7f, (uint32_t)value);
    }
}

static const struct bus_ops memory_ops = {
    .read = ahci_read,
    .write = ahci_write,
    .min_size = 4,
    .max_size = 4,
    .narrow = BUS_SPLIT,
    .wide = BUS_SPLIT,
    .unaligned = BUS_IGNORE,
};

/* Index and data ports: a way to the registers for code without access to memory space. */
static uint64_t idp_read(void *opaque, gpa off, unsigned size)
{
    struct ahci *h = opaque;

    switch (off) {
    case IDP_INDEX: return h->index;
    case IDP_DATA: return ahci_read(h, h->index, 4);
    default: return 0;
    }
}

static void idp_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct ahci *h = opaque;

    if (off == IDP_INDEX) {
        h->index = value & 0xffc;
    } else if (off == IDP_DATA) {
        ahci_write(h, h->index, value, 4);
    }
}

static const struct bus_ops idp_ops = {
    .read = idp_read,
    .write = idp_write,
    .min_size = 4,
    .max_size = 4,
    .narrow = BUS_SPLIT,
    .unaligned = BUS_IGNORE,
};

/* ---- life ---- */

static void add_sata_cap(struct pci_dev *p)
{
    uint8_t cap = pci_add_cap(p, 0x12, 8);

    p->config[cap + 2] = 0x10; /* revision 1.0 */
    p->config[cap + 4] = 0x48; /* index and data ports: BAR 4, offset 10h */
}

static gboolean ahci_realize(struct dev *dev, GError **error)
{
    struct ahci *h = (struct ahci *)dev;

    h->pci.config[R_PCI_IRQ_PIN] = 1;
    h->pci.config[R_PCI_CACHE_LINE] = 8;
    h->pci.config[0x90] = 1 << 6; /* address map register: AHCI mode */
    add_sata_cap(&h->pci);
    pci_add_msi(&h->pci, 1, true, false);
    bus_region_init_io(&h->memory, "ahci", 0x1000, &memory_ops, h, &dev->lock);
    bus_region_init_io(&h->idp, "ahci-idp", 32, &idp_ops, h, &dev->lock);
    pci_add_bar(&h->pci, 4, &h->idp, true, false, false);
    pci_add_bar(&h->pci, 5, &h->memory, false, false, false);
    for (unsigned i = 0; i < AHCI_PORTS; i++) {
        ahci_port_init(&h->port[i], h, i);
    }
    return TRUE;
}

/* Nothing is under way afterwards: completions come on this thread. */
static void drain(struct dev *dev)
{
    struct ahci *h = (struct ahci *)dev;

    for (unsigned i = 0; i < AHCI_PORTS; i++) {
        struct ide_drive *d = h->port[i].bus.drive;

        if (d && d->backend) {
            block_backend_drain(d->backend);
        }
    }
}

static void ahci_reset(struct dev *dev)
{
    struct ahci *h = (struct ahci *)dev;

    g_mutex_lock(&dev->lock);
    for (unsigned i = 0; i < AHCI_PORTS; i++) {
        ahci_port_drop(&h->port[i]);
    }
    g_mutex_unlock(&dev->lock);
    drain(dev);
    g_mutex_lock(&dev->lock);
    reset_hba(h);
    g_mutex_unlock(&dev->lock);
}

static gboolean ahci_post_load(struct dev *dev, GError **error)
{
    struct ahci *h = (struct ahci *)dev;

    h->index &= 0xffc;
    for (unsigned i = 0; i < AHCI_PORTS; i++) {
        ahci_port_loaded(&h->port[i]);
    }
    return TRUE;
}

static const struct pci_class ahci_pci = {
    .vendor = 0x8086,
    .device = 0x2922,
    .revision = 2,
    .class_code = 0x010601,
};

const struct dev_class ich9_ahci_class = {
    .name = "ich9-ahci",
    .alias = "ahci",
    .description = "SATA controller of the ICH9, six ports",
    .bus_type = "PCI",
    .category = "Storage",
    .base = &pci_dev_class,
    .bus_class = &ahci_pci,
    .instance_size = sizeof(struct ahci),
    .state = ahci_state,
    .state_version = 1,
    .realize = ahci_realize,
    .reset = ahci_reset,
    .post_load = ahci_post_load,
    .pause = drain,
};
