/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qemu-xhci: a USB 3 host controller. eXtensible Host Controller Interface 1.1.
 *
 * Root ports without anything behind them: the command ring and event ring work, so a driver
 * starts, gets slots and waits for devices; no device can be addressed, because none can be
 * plugged yet. Commands that would need one are answered with a TRB error, as the interface says.
 */
#include "base/bits.h"
#include "base/endian.h"
#include "machine/dev/classes.h"
#include "machine/pci/pci.h"
#include "machine/pci/regs.h"

#include <string.h>

#define SIZE     0x4000
#define OFF_OPER 0x40
#define OFF_PORT 0x440
#define OFF_RUN  0x1000
#define OFF_DOOR 0x2000
#define OFF_INT  (OFF_RUN + 0x20)

#define SLOTS     64
#define PORTS_MAX 30 /* of both speeds together */
#define INTRS     16

enum {
    R_USBCMD = 0x00,
    R_USBSTS = 0x04,
    R_PAGESIZE = 0x08,
    R_DNCTRL = 0x14,
    R_CRCR = 0x18,
    R_DCBAAP = 0x30,
    R_CONFIG = 0x38
};
enum { R_IMAN = 0x00, R_IMOD = 0x04, R_ERSTSZ = 0x08, R_ERSTBA = 0x10, R_ERDP = 0x18 };

#define CMD_RUN   0x0001u
#define CMD_RESET 0x0002u
#define CMD_INTE  0x0004u
#define CMD_BITS  0x0f0du

#define STS_HALTED 0x0001u
#define STS_HSE    0x0004u /* host system error: a ring is not in memory */
#define STS_EINT   0x0008u
#define STS_PCD    0x0010u

#define IMAN_IP 1u
#define IMAN_IE 2u

#define CRCR_CYCLE 1u
#define CRCR_STOP  2u
#define CRCR_ABORT 4u
#define CRCR_RUNS  8u

#define ERDP_BUSY 8u

#define PORTSC_POWER 0x0200u
#define PORTSC_RXDET (5u << 5) /* link state: nothing there */

enum { /* TRB types */
       TRB_LINK = 6,
       TRB_ENABLE_SLOT = 9,
       TRB_DISABLE_SLOT = 10,
       TRB_NOOP = 23,
       EVENT_COMMAND = 33,
};

enum { /* completion codes */
       CC_SUCCESS = 1,
       CC_TRB_ERROR = 5,
       CC_NO_SLOTS = 9,
       CC_SLOT_NOT_ENABLED = 11,
       CC_STOPPED = 24,
};

#define MAX_COMMANDS 256 /* in one ring of the doorbell */

struct intr {
    uint32_t iman, imod, size;
    uint64_t table, dequeue; /* ERSTBA, ERDP */
    uint64_t segment;        /* current segment of the event ring */
    uint32_t length, index, number;
    bool cycle;
};

struct xhci {
    struct pci_dev pci; /* first */
    uint32_t p2, p3;    /* properties: ports of USB 2 and of USB 3 */
    struct bus_region region;

    /* lock */
    uint32_t usbcmd, usbsts, dnctrl, config;
    uint64_t dcbaap, ring; /* `ring`: next command TRB */
    bool ring_cycle, ring_runs;
    uint32_t portsc[PORTS_MAX];
    uint64_t slots; /* enabled ones, by bit */
    struct intr intr[INTRS];
};

static const struct row xhci_props[] = {
    {"p2", ROW_UINT, ROW_FIELD(struct xhci, p2), .def = "4", .min = 1, .max = 15,
     .help = "USB 2 ports"},
    {"p3", ROW_UINT, ROW_FIELD(struct xhci, p3), .def = "4", .min = 1, .max = 15,
     .help = "USB 3 ports"},
    {NULL},
};

static const struct state_row intr_rows[] = {
    STATE_U(struct intr, iman, 0),
    STATE_U(struct intr, imod, 4000),
    STATE_U(struct intr, size, 0),
    STATE_U(struct intr, table, 0),
    STATE_U(struct intr, dequeue, 0),
    STATE_U(struct intr, segment, 0),
    STATE_U(struct intr, length, 0),
    STATE_U(struct intr, index, 0),
    STATE_U(struct intr, number, 0),
    STATE_U(struct intr, cycle, 1),
    STATE_DONE,
};

static const struct state_row xhci_state[] = {
    STATE_U(struct xhci, usbcmd, 0),
    STATE_U(struct xhci, usbsts, STS_HALTED),
    STATE_U(struct xhci, dnctrl, 0),
    STATE_U(struct xhci, config, 0),
    STATE_U(struct xhci, dcbaap, 0),
    STATE_U(struct xhci, ring, 0),
    STATE_U(struct xhci, ring_cycle, 0),
    STATE_U(struct xhci, ring_runs, 0),
    STATE_U_ARRAY(struct xhci, portsc, PORTSC_POWER | PORTSC_RXDET),
    STATE_U(struct xhci, slots, 0),
    {.kind = STATE_STRUCT,
     .name = "intr",
     .offset = offsetof(struct xhci, intr),
     .size = sizeof(struct intr),
     .count = INTRS,
     .rows = intr_rows},
    STATE_DONE,
};

static unsigned ports(const struct xhci *x)
{
    return x->p2 + x->p3;
}

/* ---- interrupts and events ---- */

static void update_intx(struct xhci *x)
{
    bool level =
        x->usbcmd & CMD_INTE && (x->intr[0].iman & (IMAN_IP | IMAN_IE)) == (IMAN_IP | IMAN_IE);

    pci_set_intx(&x->pci, level && !pci_msix_enabled(&x->pci));
}

static void interrupt(struct xhci *x, unsigned n)
{
    struct intr *i = &x->intr[n];

    i->iman |= IMAN_IP;
    x->usbsts |= STS_EINT;
    if (i->iman & IMAN_IE && x->usbcmd & CMD_INTE && pci_msix_enabled(&x->pci)) {
        i->iman &= ~IMAN_IP; /* a message clears it (4.17.5) */
        pci_msix_send(&x->pci, n);
    }
    update_intx(x);
}

static void host_error(struct xhci *x)
{
    dev_note(&x->pci.dev, "a ring is not in memory");
    x->usbsts |= STS_HSE | STS_HALTED;
    x->usbcmd &= ~CMD_RUN;
    x->ring_runs = false;
}

/* Loads segment `number` of the event ring. */
static bool load_segment(struct xhci *x, struct intr *i, uint32_t number)
{
    uint8_t entry[16];

    if (dma_read(&x->pci.dma, i->table + (uint64_t)number * 16, entry, sizeof(entry)) < 0) {
        return false;
    }
    i->number = number;
    i->segment = ld_le64(entry) & ~UINT64_C(63);
    i->length = ld_le32(entry + 8) & 0xffff;
    i->index = 0;
    return i->length >= 16 && i->length <= 4096;
}

static void put_event(struct xhci *x, unsigned n, uint64_t parameter, uint32_t status,
                      uint32_t control)
{
    struct intr *i = &x->intr[n];
    uint8_t trb[16];

    if (i->size == 0 || i->length == 0) {
        return; /* no event ring: the event is lost */
    }
    st_le64(trb, parameter);
    st_le32(trb + 8, status);
    st_le32(trb + 12, control | i->cycle);
    if (dma_write(&x->pci.dma, i->segment + (uint64_t)i->index * 16, trb, sizeof(trb)) < 0) {
        host_error(x);
        return;
    }
    if (++i->index == i->length) {
        uint32_t next = i->number + 1 < i->size ? i->number + 1 : 0;

        i->cycle ^= next == 0;
        if (!load_segment(x, i, next)) {
            host_error(x);
            return;
        }
    }
    i->dequeue |= ERDP_BUSY;
    interrupt(x, n);
}

/* ---- commands ---- */

static unsigned enable_slot(struct xhci *x, unsigned *ret_slot)
{
    unsigned limit = MIN(x->config & 0xff, SLOTS);

    for (unsigned s = 0; s < limit; s++) {
        if (!(x->slots & BIT64(s))) {
            x->slots |= BIT64(s);
            *ret_slot = s + 1;
            return CC_SUCCESS;
        }
    }
    return CC_NO_SLOTS;
}

static unsigned run_command(struct xhci *x, uint32_t control, unsigned *ret_slot)
{
    unsigned slot = control >> 24;

    switch (control >> 10 & 63) {
    case TRB_NOOP: return CC_SUCCESS;
    case TRB_ENABLE_SLOT: return enable_slot(x, ret_slot);
    case TRB_DISABLE_SLOT:
        *ret_slot = slot;
        if (slot == 0 || slot > SLOTS || !(x->slots & BIT64(slot - 1))) {
            return CC_SLOT_NOT_ENABLED;
        }
        x->slots &= ~BIT64(slot - 1);
        return CC_SUCCESS;
    default: /* those that address a device */ *ret_slot = slot; return CC_TRB_ERROR;
    }
}

static void run_ring(struct xhci *x)
{
    uint8_t trb[16];

    for (unsigned n = 0; n < MAX_COMMANDS && x->ring_runs; n++) {
        uint64_t at = x->ring;
        unsigned slot = 0, code;
        uint32_t control;

        if (dma_read(&x->pci.dma, at, trb, sizeof(trb)) < 0) {
            host_error(x);
            return;
        }
        control = ld_le32(trb + 12);
        if ((control & 1) != x->ring_cycle) {
            return; /* the guest has not written this one yet */
        }
        if ((control >> 10 & 63) == TRB_LINK) {
            x->ring = ld_le64(trb) & ~UINT64_C(15);
            x->ring_cycle ^= control >> 1 & 1;
            continue;
        }
        x->ring += 16;
        code = run_command(x, control, &slot);
        put_event(x, 0, at, code << 24, EVENT_COMMAND << 10 | slot << 24);
    }
}

/* ---- registers ---- */

static void reset_controller(struct xhci *x)
{
    state_reset(xhci_state, x);
    update_intx(x);
}

static void write_usbcmd(struct xhci *x, uint32_t value)
{
    if (value & CMD_RESET) {
        reset_controller(x);
        return;
    }
    x->usbcmd = value & CMD_BITS;
    if (value & CMD_RUN) {
        x->usbsts &= ~STS_HALTED;
    } else {
        x->usbsts |= STS_HALTED;
        x->ring_runs = false;
    }
    update_intx(x);
}

static void write_crcr(struct xhci *x, uint32_t value)
{
    if (value & (CRCR_STOP | CRCR_ABORT)) {
        if (x->ring_runs) {
            x->ring_runs = false;
            put_event(x, 0, x->ring, (uint32_t)CC_STOPPED << 24, EVENT_COMMAND << 10);
        }
    } else if (!x->ring_runs) {
        x->ring = bits_set(x->ring, 0, 32, value & ~63u);
        x->ring_cycle = value & CRCR_CYCLE;
    }
}

static void write_oper(struct xhci *x, unsigned off, uint32_t value)
{
    switch (off) {
    case R_USBCMD: write_usbcmd(x, value); break;
    case R_USBSTS:
        x->usbsts &= ~(value & (STS_HSE | STS_EINT | STS_PCD));
        update_intx(x);
        break;
    case R_DNCTRL: x->dnctrl = value & 0xffff; break;
    case R_CRCR: write_crcr(x, value); break;
    case R_CRCR + 4:
        if (!x->ring_runs) {
            x->ring = bits_set(x->ring, 32, 32, value);
        }
        break;
    case R_DCBAAP: x->dcbaap = bits_set(x->dcbaap, 0, 32, value & ~63u); break;
    case R_DCBAAP + 4: x->dcbaap = bits_set(x->dcbaap, 32, 32, value); break;
    case R_CONFIG: x->config = value & 0xff; break;
    default: break;
    }
}

static uint32_t read_oper(const struct xhci *x, unsigned off)
{
    switch (off) {
    case R_USBCMD: return x->usbcmd;
    case R_USBSTS: return x->usbsts;
    case R_PAGESIZE: return 1;
    case R_DNCTRL: return x->dnctrl;
    case R_CRCR: return x->ring_runs ? CRCR_RUNS : 0;
    case R_DCBAAP: return (uint32_t)x->dcbaap;
    case R_DCBAAP + 4: return (uint32_t)(x->dcbaap >> 32);
    case R_CONFIG: return x->config;
    default: return 0;
    }
}

/* Extended capabilities: which ports speak which protocol (7.2). */
static uint32_t read_protocol(const struct xhci *x, unsigned off)
{
    bool usb3 = off >= 0x10;

    switch (off & 15) {
    case 0: return usb3 ? 0x03000002 : 0x02000402;
    case 4: return 0x20425355; /* "USB " */
    case 8: return usb3 ? x->p3 << 8 | (x->p2 + 1) : x->p2 << 8 | 1;
    default: return 0;
    }
}

static uint32_t read_cap(const struct xhci *x, unsigned off)
{
    switch (off) {
    case 0x00: return 0x01000000 | OFF_OPER;
    case 0x04: return ports(x) << 24 | INTRS << 8 | SLOTS;
    case 0x08: return 0x0000000f; /* HCSPARAMS2: scheduling threshold */
    case 0x0c: return 0;
    case 0x10: return 0x00080001; /* 64 bits; capabilities at 20h */
    case 0x14: return OFF_DOOR;
    case 0x18: return OFF_RUN;
    case 0x1c: return 0;
    default: return off >= 0x20 && off < OFF_OPER ? read_protocol(x, off - 0x20) : 0;
    }
}

/* Nothing is plugged: writes change the power bit and clear change bits, of which there are none.
 */
static void write_port(struct xhci *x, unsigned n, unsigned reg, uint32_t value)
{
    if (n < ports(x) && reg == 0) {
        x->portsc[n] = PORTSC_RXDET | (value & (PORTSC_POWER | 0x0e000000u));
    }
}

static uint32_t read_run(const struct xhci *x, unsigned off)
{
    const struct intr *i;

    if (off < 0x20 || (off - 0x20) >> 5 >= INTRS) {
        return off == 0
                   ? (uint32_t)(clock_now(x->pci.dev.env->clock, CLOCK_GUEST) / 125000) & 0x3fff
                   : 0; /* microframe index */
    }
    i = &x->intr[(off - 0x20) >> 5];
    switch (off & 0x1f) {
    case R_IMAN: return i->iman;
    case R_IMOD: return i->imod;
    case R_ERSTSZ: return i->size;
    case R_ERSTBA: return (uint32_t)i->table;
    case R_ERSTBA + 4: return (uint32_t)(i->table >> 32);
    case R_ERDP: return (uint32_t)i->dequeue;
    case R_ERDP + 4: return (uint32_t)(i->dequeue >> 32);
    default: return 0;
    }
}

static void write_iman(struct xhci *x, struct intr *i, uint32_t value)
{
    i->iman = (i->iman & ~(value & IMAN_IP) & IMAN_IP) | (value & IMAN_IE);
    update_intx(x);
}

static void write_erdp(struct intr *i, uint32_t value)
{
    uint64_t busy = i->dequeue & ERDP_BUSY & ~(uint64_t)value;

    i->dequeue = bits_set(i->dequeue, 0, 32, value & ~ERDP_BUSY) | busy;
}

static void write_run(struct xhci *x, unsigned off, uint32_t value)
{
    struct intr *i;

    if (off < 0x20 || (off - 0x20) >> 5 >= INTRS) {
        return;
    }
    i = &x->intr[(off - 0x20) >> 5];
    switch (off & 0x1f) {
    case R_IMAN: write_iman(x, i, value); break;
    case R_IMOD: i->imod = value; break;
    case R_ERSTSZ: i->size = value & 0xffff; break;
    case R_ERSTBA: i->table = bits_set(i->table, 0, 32, value & ~63u); break;
    case R_ERSTBA + 4:
        i->table = bits_set(i->table, 32, 32, value);
        i->cycle = true;
        if (i->size && !load_segment(x, i, 0)) {
            i->length = 0;
            dev_note(&x->pci.dev, "bad event ring segment");
        }
        break;
    case R_ERDP: write_erdp(i, value); break;
    case R_ERDP + 4: i->dequeue = bits_set(i->dequeue, 32, 32, value); break;
    default: break;
    }
}

static uint64_t xhci_read(void *opaque, gpa off, unsigned size)
{
    const struct xhci *x = opaque;

    if (off < OFF_OPER) {
        return read_cap(x, (unsigned)off);
    } else if (off < OFF_PORT) {
        return read_oper(x, (unsigned)off - OFF_OPER);
    } else if (off < OFF_RUN) {
        unsigned n = (unsigned)(off - OFF_PORT) >> 4;

        return n < ports(x) && (off & 15) == 0 ? x->portsc[n] : 0;
    } else if (off < OFF_DOOR) {
        return read_run(x, (unsigned)off - OFF_RUN);
    }
    return 0;
}

static void xhci_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct xhci *x = opaque;

    if (off >= OFF_OPER && off < OFF_PORT) {
        write_oper(x, (unsigned)off - OFF_OPER, (uint32_t)value);
    } else if (off >= OFF_PORT && off < OFF_RUN) {
        write_port(x, (unsigned)(off - OFF_PORT) >> 4, off & 15, (uint32_t)value);
    } else if (off >= OFF_RUN && off < OFF_DOOR) {
        write_run(x, (unsigned)off - OFF_RUN, (uint32_t)value);
    } else if (off == OFF_DOOR && x->usbcmd & CMD_RUN) {
        x->ring_runs = true;
        run_ring(x);
    }
}

static const struct bus_ops xhci_ops = {
    .read = xhci_read,
    .write = xhci_write,
    .min_size = 4,
    .max_size = 4,
    .narrow = BUS_SPLIT,
    .wide = BUS_SPLIT,
    .unaligned = BUS_IGNORE,
};

/* ---- life ---- */

static gboolean xhci_realize(struct dev *dev, GError **error)
{
    struct xhci *x = (struct xhci *)dev;

    x->pci.config[R_PCI_IRQ_PIN] = 1;
    x->pci.config[R_PCI_CACHE_LINE] = 0x10;
    x->pci.config[0x60] = 0x30; /* USB release 3.0 */
    bus_region_init_io(&x->region, "xhci", SIZE, &xhci_ops, x, &dev->lock);
    pci_add_bar(&x->pci, 0, &x->region, false, true, false);
    return pci_add_msix(&x->pci, INTRS, 2, error);
}

static void xhci_reset(struct dev *dev)
{
    update_intx((struct xhci *)dev);
}

static gboolean xhci_post_load(struct dev *dev, GError **error)
{
    struct xhci *x = (struct xhci *)dev;

    for (unsigned n = 0; n < INTRS; n++) {
        struct intr *i = &x->intr[n];

        if (i->length > 4096 || (i->length && i->index >= i->length) || i->size > 0xffff) {
            g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "xhci: state out of range");
            return FALSE;
        }
    }
    return TRUE;
}

static const struct pci_class xhci_pci = {
    .vendor = 0x1b36,
    .device = 0x000d,
    .revision = 1,
    .class_code = 0x0c0330,
    .express = true,
};

const struct dev_class qemu_xhci_class = {
    .name = "qemu-xhci",
    .description = "USB 3 host controller",
    .bus_type = "PCI",
    .category = "USB",
    .base = &pci_dev_class,
    .bus_class = &xhci_pci,
    .instance_size = sizeof(struct xhci),
    .props = xhci_props,
    .state = xhci_state,
    .state_version = 1,
    .realize = xhci_realize,
    .reset = xhci_reset,
    .post_load = xhci_post_load,
};
