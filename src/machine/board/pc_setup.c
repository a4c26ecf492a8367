/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/board/pc_setup.h"

#include "base/bits.h"
#include "machine/pci/regs.h"

#define MEM_GRAIN 0x100000 /* of bridge windows */
#define IO_GRAIN  0x1000

/* What is left of one address space. */
struct pool {
    uint64_t next, last;
};

struct setup {
    struct lpc *lpc;
    struct pool io, mem;
    unsigned next_bus;
};

void pc_setup_chipset(struct mch *mch, struct lpc *lpc)
{
    /* SeaBIOS's routes, which guests have seen for years. */
    static const uint8_t routes[LPC_PIRQS] = {10, 10, 11, 11, 10, 10, 11, 11};

    pci_config_write(&mch->pci, R_MCH_PCIEXBAR, (uint32_t)MCH_ECAM_BASE | 1, 4);
    pci_config_write(&mch->pci, R_MCH_PAM0, 0x30, 1);
    for (unsigned i = 1; i < 7; i++) {
        pci_config_write(&mch->pci, R_MCH_PAM0 + i, 0x33, 1);
    }
    pci_config_write(&lpc->pci, R_LPC_PMBASE, LPC_PMBASE | 1, 4);
    pci_config_write(&lpc->pci, R_LPC_ACPI_CNTL, 0x80, 1);
    pci_config_write(&lpc->pci, R_LPC_RCBA, (uint32_t)LPC_RCBA | 1, 4);
    for (unsigned i = 0; i < LPC_PIRQS; i++) {
        pci_config_write(&lpc->pci, i < 4 ? R_LPC_PIRQA + i : R_LPC_PIRQE + i - 4, routes[i], 1);
    }
}

/* An aligned piece of the pool, or 0: it does not fit. */
static uint64_t take(struct pool *pool, uint64_t size, uint64_t align)
{
    uint64_t at = align_up(pool->next, align);

    if (at < pool->next || at > pool->last || size - 1 > pool->last - at) {
        return 0;
    }
    pool->next = at + size;
    return at;
}

static uint64_t bar_size(struct pci_dev *p, unsigned off, bool *ret_io, bool *ret_64)
{
    uint32_t low, old = pci_config_read(p, off, 4);
    uint64_t mask;

    pci_config_write(p, off, UINT32_MAX, 4);
    low = pci_config_read(p, off, 4);
    pci_config_write(p, off, old, 4);
    *ret_io = low & BAR_IO;
    *ret_64 = !*ret_io && (low & BAR_64);
    if (*ret_io) {
        mask = 0xffffffffffff0000 | (low & ~3u);
    } else {
        mask = 0xffffffff00000000 | (low & ~15u);
        if (*ret_64) {
            pci_config_write(p, off + 4, UINT32_MAX, 4);
            mask = (uint64_t)pci_config_read(p, off + 4, 4) << 32 | (low & ~15u);
            pci_config_write(p, off + 4, 0, 4);
        }
    }
    return low ? ~mask + 1 : 0;
}

static void assign_bars(struct setup *s, struct pci_dev *p, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        unsigned off = R_PCI_BAR0 + 4 * i;
        bool io, is64;
        uint64_t size = bar_size(p, off, &io, &is64);
        uint64_t at = size ? take(io ? &s->io : &s->mem, size, size) : 0;

        if (at) {
            pci_config_write(p, off, at, 4);
        }
        i += is64;
    }
}

/* The interrupt that the 8259A would see, for what still reads the line register. */
static void set_irq_line(struct setup *s, struct pci_dev *p)
{
    uint8_t pin = pci_config_read(p, R_PCI_IRQ_PIN, 1);

    if (pin) {
        unsigned pirq = pci_route_pin(p->bus, p->devfn, (pin - 1) & 3);

        pci_config_write(p, R_PCI_IRQ_LINE, s->lpc->route[pirq % LPC_PIRQS] & 15, 1);
    }
}

static void assign_bus(struct setup *s, struct pci_bus *bus);

/* Numbers the bus behind the bridge, assigns all behind it and opens windows around that. */
static void assign_bridge(struct setup *s, struct pci_dev *p)
{
    uint64_t mem, io;

    if (!p->below || s->next_bus > 0xff) {
        return;
    }
    pci_config_write(p, R_BRIDGE_PRIMARY, p->bus->number, 1);
    pci_config_write(p, R_BRIDGE_SECONDARY, s->next_bus++, 1);
    pci_config_write(p, R_BRIDGE_SUBORDINATE, 0xff, 1);
    s->mem.next = mem = align_up(s->mem.next, MEM_GRAIN);
    s->io.next = io = align_up(s->io.next, IO_GRAIN);
    assign_bus(s, p->below);
    pci_config_write(p, R_BRIDGE_SUBORDINATE, s->next_bus - 1, 1);
    s->mem.next = align_up(s->mem.next, MEM_GRAIN);
    s->io.next = align_up(s->io.next, IO_GRAIN);
    /* A base above its limit closes a window. */
    pci_config_write(p, 0x20, mem >> 16 & 0xfff0, 2);
    pci_config_write(p, 0x22, s->mem.next > mem ? (s->mem.next - 1) >> 16 & 0xfff0 : 0, 2);
    pci_config_write(p, 0x24, 0xfff0, 2);
    pci_config_write(p, 0x26, 0, 2);
    pci_config_write(p, 0x1c, io >> 8 & 0xf0, 1);
    pci_config_write(p, 0x1d, s->io.next > io ? (s->io.next - 1) >> 8 & 0xf0 : 0, 1);
}

static void assign_bus(struct setup *s, struct pci_bus *bus)
{
    for (unsigned devfn = 0; devfn < bus->slots * 8; devfn++) {
        struct pci_dev *p = bus->slot[devfn];

        if (!p) {
            continue;
        }
        bool bridge = (pci_config_read(p, R_PCI_HEADER, 1) & 0x7f) == HEADER_BRIDGE;

        assign_bars(s, p, bridge ? 2 : PCI_BARS);
        if (bridge) {
            assign_bridge(s, p);
        }
        set_irq_line(s, p);
        pci_config_write(p, R_PCI_COMMAND,
                         COMMAND_IO | COMMAND_MEMORY | (bridge ? COMMAND_MASTER : 0), 2);
    }
}

void pc_setup_pci(struct pci_bus *root, struct lpc *lpc)
{
    struct setup s = {.lpc = lpc,
                      .io = {PC_PCI_IO_BASE, PC_PCI_IO_LAST},
                      .mem = {PC_PCI_MEM_BASE, PC_PCI_MEM_LAST},
                      .next_bus = 1};

    assign_bus(&s, root);
}
