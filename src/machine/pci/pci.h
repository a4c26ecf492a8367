/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI and PCI Express functions, buses, bridges, MSI and MSI-X. PCI Local Bus 3.0; PCI-to-PCI
 * Bridge 1.2; PCI Express Base 4.0 (configuration space only: no link is modelled).
 *
 * A function's instance begins with a struct pci_dev; its class's bus_class is a struct pci_class.
 */
#ifndef VIV_MACHINE_PCI_PCI_H
#define VIV_MACHINE_PCI_PCI_H

#include "machine/core/dev.h"

#define PCI_BARS        6
#define PCI_ROM_BAR     6
#define PCI_CONFIG      256
#define PCIE_CONFIG     4096
#define PCI_DEVFN(s, f) ((s) << 3 | (f))

struct pci_bus;
struct pci_dev;
struct pci_hotplug; /* hotplug.h */

struct pci_class {
    uint16_t vendor, device, subsystem_vendor, subsystem;
    uint8_t revision;
    uint32_t class_code; /* 24 bits: base, sub, interface */
    bool bridge;         /* type 1 header */
    bool express;        /* a PCI Express endpoint where the bus is one */
    uint8_t port_type;   /* express capability's device/port type */
    const char *romfile; /* option ROM when the user names none; left out where it is not there */
    /* After the core has handled a write to [off, off + size): device-specific registers. Under
     * the device's lock. */
    void (*config_written)(struct pci_dev *p, unsigned off, unsigned size);
    /* What a read of [off, off + size) shows before the core reads it (registers that change by
     * themselves); under the device's lock. */
    void (*config_reading)(struct pci_dev *p, unsigned off, unsigned size);
};

struct pci_bar {
    struct bus_region *region; /* what the BAR shows; NULL: none */
    bool io, prefetch, is64;
    struct bus_mapping *mapping;
    gpa base;       /* address it decodes at now; 0: none */
    gpa start, end; /* what of that the bridges above forward */
};

/* Message-signalled interrupts of one function; guarded by pci_dev.irq_lock. The registers are
 * copied here from configuration space, so that sending needs no other lock. */
struct pci_msix {
    unsigned n;        /* vectors; 0: no MSI-X */
    uint8_t *table;    /* 16 bytes each */
    uint64_t *pending; /* bits */
    struct bus_region bar_region;
    uint8_t cap; /* offset of the capability */
    bool enabled, masked;
};

struct pci_msi {
    uint8_t cap; /* 0: no MSI */
    bool is64, maskable, enabled;
    uint64_t address;
    uint16_t data;
    unsigned allocated; /* vectors the guest enabled */
    uint32_t mask, pending;
};

struct pci_dev {
    struct dev dev;        /* first */
    struct pci_bus *bus;   /* the one it sits on */
    struct pci_bus *below; /* bridges: the bus behind it; owned */
    int32_t addr;          /* property: requested devfn, -1: any */
    uint8_t devfn;
    bool multifunction; /* property */
    char *romfile;      /* property: NULL = the class's, "" = none */
    bool rombar;        /* property */
    uint8_t config[PCIE_CONFIG];
    uint8_t writable[PCIE_CONFIG]; /* bits the guest may write */
    uint8_t clear_on_one[PCIE_CONFIG];
    uint8_t
        loadable[PCIE_CONFIG]; /* further bits that change by themselves, so a snapshot has them */
    struct pci_bar bar[PCI_BARS + 1];
    uint8_t next_cap; /* allocation point in config space */
    uint16_t next_ext_cap, last_ext_cap;
    struct ram_block *rom; /* option ROM; owned */
    struct bus_region rom_region;
    struct pci_msix msix;
    struct pci_msi msi;
    uint8_t express_cap;
    struct dma dma;   /* this function's requester id; enabled by bus mastering */
    bool intx_level;  /* irq_lock: what the device wants */
    bool intx_driven; /* irq_lock: what the line shows */
    GMutex irq_lock;  /* leaf but for interrupt controllers: msix, msi, INTx level */
    bool intx_off;    /* irq_lock: command register INTx disable */
};

/* Base of every PCI function: properties addr, multifunction, romfile, rombar; state. */
extern const struct dev_class pci_dev_class;

/* Registers BAR `n` (realize). Its size is the region's, a power of two of at least 16 (I/O: 4). */
void pci_add_bar(struct pci_dev *p, unsigned n, struct bus_region *region, bool io, bool is64,
                 bool prefetch);
/* Reserves a capability of `len` bytes, linked into the list; returns its offset. */
uint8_t pci_add_cap(struct pci_dev *p, uint8_t id, unsigned len);
/* Power management: the guest may set D0 to D3, to no effect. */
void pci_add_power(struct pci_dev *p);
uint16_t pci_add_ext_cap(struct pci_dev *p, uint16_t id, uint8_t version, unsigned len);
/* MSI-X with its own BAR (table and pending bits); realize. */
gboolean pci_add_msix(struct pci_dev *p, unsigned vectors, unsigned bar, GError **error);
void pci_add_msi(struct pci_dev *p, unsigned vectors, bool is64, bool mask);

/* The class's own option ROM serves functions of several ids: gives its header this function's, as
 * firmware compares them. Realize, after the ids are final. */
void pci_rom_set_ids(struct pci_dev *p);

/* Interrupts, under the device's lock or not, any thread. */
void pci_set_intx(struct pci_dev *p, bool level);
bool pci_msix_enabled(const struct pci_dev *p);
bool pci_msi_enabled(const struct pci_dev *p);
/* Sends vector `n`, or sets its pending bit while masked. */
void pci_msix_send(struct pci_dev *p, unsigned n);
void pci_msi_send(struct pci_dev *p, unsigned n);

/* Configuration space as the host bridge reaches it; size 1, 2, 4, aligned. */
uint32_t pci_config_read(struct pci_dev *p, unsigned off, unsigned size);
void pci_config_write(struct pci_dev *p, unsigned off, uint32_t value, unsigned size);

static inline uint16_t pci_get16(const struct pci_dev *p, unsigned off)
{
    return p->config[off] | p->config[off + 1] << 8;
}

/*
 * A bus. The root bus belongs to a host bridge; others to bridges and ports. INTx of a slot goes
 * through `map_irq` up to the root, whose four lines (or eight, q35) the board connects.
 */
struct pci_bus {
    struct dev_bus *dev_bus;   /* dev_bus->opaque is this */
    struct pci_dev *bridge;    /* NULL: root */
    struct pci_bus *parent;    /* NULL: root */
    struct pci_dev *slot[256]; /* by devfn */
    uint8_t number;            /* root: 0; else the bridge's secondary bus register, live */
    bool express;
    bool dark;                   /* atomic: the slot has no power, so nothing answers */
    struct pci_hotplug *hotplug; /* the port's, or NULL; borrowed */
    unsigned slots;              /* 32; 1 below a root port */
    struct irq intx[8];          /* root: lines to the board; set before the machine runs */
    unsigned n_intx;
    unsigned (*map_irq)(void *opaque, unsigned devfn, unsigned pin); /* root: to intx[] index */
    void *map_opaque;
    uint32_t intx_count[8]; /* irq_lock: functions that drive each line */
    GMutex lock;            /* root: configuration space and BAR mappings of all below; taken before
                               devices' locks */
    GMutex irq_lock;        /* root: intx, intx_count */
};

/* The bus a struct dev_bus of type "PCI" stands for. */
struct pci_bus *pci_bus_of(const struct dev_bus *bus);

/* The windows of a bridge changed: maps what is behind it anew. */
void pci_bus_remap(struct pci_bus *bus);
/* Line of `pin` (0 = INTA) of a function of `bus` as the root bus numbers its lines. */
unsigned pci_route_pin(struct pci_bus *bus, unsigned devfn, unsigned pin);

/* Root bus `name` ("pcie.0") of a host bridge. */
struct pci_bus *pci_root_new(struct dev *host, const char *name, bool express);
/* The bus behind a bridge (realize); the bridge owns it. */
struct pci_bus *pci_bus_new_below(struct pci_dev *bridge, const char *name, bool express,
                                  unsigned slots);
void pci_bus_free(struct pci_bus *bus);
/* Finds the function at bus number, devfn below `root`; NULL: none (reads as all ones). */
struct pci_dev *pci_find(struct pci_bus *root, uint8_t number, uint8_t devfn);
/* BARs are mapped by these buses: memory, and ports or NULL. From the root's dev_env. */

/* Port 0xcf8/0xcfc and ECAM access for host bridges. */
uint32_t pci_host_read(struct pci_bus *root, uint32_t bdf, unsigned off, unsigned size);
void pci_host_write(struct pci_bus *root, uint32_t bdf, unsigned off, uint32_t value,
                    unsigned size);

#endif
