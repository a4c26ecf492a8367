/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A port of the SATA controller. AHCI 1.3.1, chapters 3.3 (registers), 4 (what is in memory) and 5
 * (what a port does).
 *
 *   command list (guest RAM)      one slot                         drive
 *   32 headers  --PxCI bit-->  FIS + scatter list  --ide_command-->  done --> FIS area, PxIS, IRQ
 *
 * Queued commands run side by side, all others one after the other. A port that is stopped or
 * reset while requests are under way says so (PxCMD.CR, GHC.HR, PxSSTS) until the last is done.
 */
#include "machine/dev/storage/ahci.h"

#include "base/bits.h"
#include "base/endian.h"

#include <string.h>

#define IOVECS 1024 /* pieces one command may be scattered over */

enum { /* of a port */
       P_CLB = 0x00,
       P_CLBU = 0x04,
       P_FB = 0x08,
       P_FBU = 0x0c,
       P_IS = 0x10,
       P_IE = 0x14,
       P_CMD = 0x18,
       P_TFD = 0x20,
       P_SIG = 0x24,
       P_SSTS = 0x28,
       P_SCTL = 0x2c,
       P_SERR = 0x30,
       P_SACT = 0x34,
       P_CI = 0x38,
};

#define CMD_ST       0x00000001u
#define CMD_SUD      0x00000002u
#define CMD_POD      0x00000004u
#define CMD_CLO      0x00000008u
#define CMD_FRE      0x00000010u
#define CMD_FR       0x00004000u
#define CMD_CR       0x00008000u
#define CMD_WRITABLE (CMD_ST | CMD_SUD | CMD_POD | CMD_FRE | 0x0f000000u)

#define IS_DHRS  0x00000001u /* register FIS */
#define IS_PSS   0x00000002u /* PIO set-up FIS */
#define IS_SDBS  0x00000008u /* set device bits FIS */
#define IS_HBFS  0x20000000u /* host bus fatal error */
#define IS_TFES  0x40000000u /* task file error */
#define IE_LEGAL 0xfdc000ffu

#define SSTS_UP   0x113u /* device, 1.5 Gb/s, active */
#define SSTS_BUSY 0x001u

#define FIS_H2D       0x27
#define FIS_D2H       0x34
#define FIS_PIO_SETUP 0x5f
#define FIS_SDB       0xa1
#define FB_PIO        0x20 /* offsets in the received FIS area */
#define FB_D2H        0x40
#define FB_SDB        0x58

#define IS_QUEUED(command) ((command) == 0x60 || (command) == 0x61)
#define CONTROL_SRST       0x04

struct piece {
    gpa addr;
    uint32_t len;
};

struct command {
    struct ide_command ide; /* first */
    struct ahci_port *port;
    uint32_t epoch;
    gpa header, table;
    unsigned n_prd;
    GArray *pieces; /* struct piece: what the guest's scatter list says, as far as mapped */
};

const struct state_row ahci_port_rows[] = {
    STATE_U(struct ahci_port, clb, 0),
    STATE_U(struct ahci_port, fb, 0),
    STATE_U(struct ahci_port, is, 0),
    STATE_U(struct ahci_port, ie, 0),
    STATE_U(struct ahci_port, cmd, CMD_SUD | CMD_POD),
    STATE_U(struct ahci_port, tfd, 0x7f),
    STATE_U(struct ahci_port, sig, UINT32_MAX),
    STATE_U(struct ahci_port, ssts, 0),
    STATE_U(struct ahci_port, sctl, 0),
    STATE_U(struct ahci_port, serr, 0),
    STATE_U(struct ahci_port, sact, 0),
    STATE_U(struct ahci_port, ci, 0),
    STATE_U(struct ahci_port, retry, 0),
    STATE_U(struct ahci_port, srst, 0),
    STATE_U(struct ahci_port, failed, 0),
    STATE_U(struct ahci_port, signature_due, 0),
    STATE_DONE,
};

static void process(struct ahci_port *p);

/* ---- interrupts ---- */

static void raise_irq(struct ahci_port *p, uint32_t bits)
{
    p->is |= bits;
    ahci_update_irq(p->ahci);
}

/* ---- received FISes ---- */

static void put_fis(struct ahci_port *p, unsigned off, const uint8_t *fis, unsigned len)
{
    if (p->cmd & CMD_FRE && dma_write(&p->ahci->pci.dma, p->fb + off, fis, len) < 0) {
        dev_note(&p->ahci->pci.dev, "port %u: the FIS area is not in memory", p->n);
    }
}

static void put_registers(uint8_t *fis, const struct ahci_port *p, uint64_t lba, uint8_t device,
                          uint16_t count)
{
    fis[1] = 0x40;
    fis[2] = (uint8_t)p->tfd;
    fis[3] = (uint8_t)(p->tfd >> 8);
    for (unsigned i = 0; i < 3; i++) {
        fis[4 + i] = (uint8_t)(lba >> i * 8);
        fis[8 + i] = (uint8_t)(lba >> (24 + i * 8));
    }
    fis[7] = device;
    fis[12] = (uint8_t)count;
    fis[13] = (uint8_t)(count >> 8);
}

static void put_d2h(struct ahci_port *p, uint64_t lba, uint8_t device, uint16_t count)
{
    uint8_t fis[20] = {FIS_D2H};

    put_registers(fis, p, lba, device, count);
    put_fis(p, FB_D2H, fis, sizeof(fis));
}

static void put_pio_setup(struct ahci_port *p, const struct ide_command *c)
{
    uint8_t fis[20] = {FIS_PIO_SETUP};

    put_registers(fis, p, c->result_lba, c->device, c->result_count);
    fis[1] |= c->to_guest ? 0x20 : 0;
    fis[15] = (uint8_t)p->tfd;
    st_le16(fis + 16, (uint16_t)c->transferred);
    put_fis(p, FB_PIO, fis, sizeof(fis));
}

static void put_sdb(struct ahci_port *p, uint32_t finished)
{
    uint8_t fis[8] = {FIS_SDB, 0x40, p->tfd & 0x77, (uint8_t)(p->tfd >> 8)};

    st_le32(fis + 4, finished);
    put_fis(p, FB_SDB, fis, sizeof(fis));
}

/* What a device says of itself after a reset. */
static void put_signature(struct ahci_port *p)
{
    p->signature_due = false;
    put_d2h(p, p->sig >> 8, 0, 1);
}

/* ---- the scatter list ---- */

static struct command *command_of(struct ide_command *c)
{
    return (struct command *)c;
}

/* One entry; FALSE when no more of it can be had. */
static bool map_piece(struct command *c, const uint8_t *entry, uint64_t *left)
{
    struct piece piece = {.addr = ld_le64(entry),
                          .len = (uint32_t)MIN((ld_le32(entry + 12) & 0x3fffff) + 1, *left)};

    if (dma_map(&c->port->ahci->pci.dma, piece.addr, piece.len, c->ide.to_guest, c->ide.iov, IOVECS,
                &c->ide.niov) < 0) {
        return false;
    }
    g_array_append_val(c->pieces, piece);
    *left -= piece.len;
    return true;
}

static uint64_t map(struct ide_command *ide, uint64_t len, bool to_guest)
{
    struct command *c = command_of(ide);
    uint64_t left = len;
    uint8_t entry[16];

    if (!ide->iov) {
        ide->iov = g_new(struct iovec, IOVECS);
        c->pieces = g_array_new(FALSE, FALSE, sizeof(struct piece));
    }
    ide->niov = 0;
    ide->to_guest = to_guest;
    g_array_set_size(c->pieces, 0);
    for (unsigned i = 0; i < c->n_prd && left; i++) {
        if (dma_read(&c->port->ahci->pci.dma, c->table + 0x80 + i * 16, entry, 16) < 0 ||
            !map_piece(c, entry, &left)) {
            break;
        }
    }
    return len - left;
}

static void command_free(struct command *c)
{
    if (c->pieces) {
        g_array_unref(c->pieces);
    }
    g_free(c->ide.iov);
    g_free(c->ide.own);
    g_free(c);
}

/* ---- the end of a command ---- */

static void finish_reset(struct ahci_port *p)
{
    const struct ide_drive *d = p->bus.drive;

    p->resetting = false;
    if (d) {
        p->ssts = SSTS_UP;
        p->tfd = 1u << 8 | ATA_DRDY | ATA_SEEK;
        p->sig = d->is_cd ? ATAPI_SIGNATURE : ATA_SIGNATURE;
        p->signature_due = true;
        if (p->cmd & CMD_FRE) {
            put_signature(p);
        }
    } else {
        p->ssts = 0;
        p->tfd = 0x7f;
        p->sig = UINT32_MAX;
    }
}

/* The last command of before a stop or reset is done. */
static void quiet(struct ahci_port *p)
{
    if (p->in_flight) {
        return;
    }
    if (p->stopping) {
        p->stopping = false;
        p->cmd &= ~CMD_CR;
    }
    if (p->resetting) {
        finish_reset(p);
    }
}

static void note_written(const struct command *c)
{
    uint32_t left = c->ide.transferred;

    for (unsigned i = 0; c->ide.to_guest && c->pieces && i < c->pieces->len && left; i++) {
        const struct piece *piece = &g_array_index(c->pieces, struct piece, i);
        uint32_t n = MIN(piece->len, left);

        dma_wrote(&c->port->ahci->pci.dma, piece->addr, n);
        left -= n;
    }
}

static void report_queued(struct ahci_port *p, const struct command *c)
{
    struct ide_drive *d = c->ide.drive;
    uint32_t bit = 1u << c->ide.slot;

    if (c->ide.status & ATA_ERR) {
        d->error_tag = c->ide.slot;
        d->error_status = c->ide.status;
        d->error_code = c->ide.error;
        d->error_lba = c->ide.result_lba;
        p->failed = true;
        put_sdb(p, 0);
        raise_irq(p, IS_SDBS | IS_TFES);
    } else {
        p->sact &= ~bit;
        put_sdb(p, bit);
        raise_irq(p, IS_SDBS);
    }
}

static void report(struct ahci_port *p, const struct command *c)
{
    const struct ide_command *ide = &c->ide;
    bool packet = ide->command == 0xa0;
    uint32_t bits = IS_DHRS;

    if (dma_st32(&p->ahci->pci.dma, c->header + 4, ide->transferred) < 0) {
        dev_note(&p->ahci->pci.dev, "port %u: the command list is not in memory", p->n);
    }
    if (ide->pio && ide->transferred) {
        put_pio_setup(p, ide);
        bits = packet || !ide->to_guest ? IS_DHRS | IS_PSS : IS_PSS;
    }
    if (bits & IS_DHRS) {
        put_d2h(p, ide->result_lba, ide->device, ide->result_count);
    }
    if (ide->status & ATA_ERR) {
        p->failed = true;
        bits |= IS_TFES;
    } else {
        p->ci &= ~(1u << ide->slot);
    }
    raise_irq(p, bits);
}

static void finished(struct ide_command *ide)
{
    struct command *c = command_of(ide);
    struct ahci_port *p = c->port;

    p->in_flight--;
    if (c->epoch != p->epoch) {
        command_free(c);
        quiet(p);
        return;
    }
    p->busy &= ~(1u << ide->slot);
    p->plain = p->plain && ide->ncq;
    if (ide->retry) {
        p->held = true;
        p->retry |= ide->ncq ? 1u << ide->slot : 0;
        p->tfd = ATA_DRDY | ATA_SEEK;
    } else {
        p->tfd = (uint32_t)ide->error << 8 | ide->status;
        note_written(c);
        if (ide->ncq) {
            report_queued(p, c);
        } else {
            report(p, c);
        }
    }
    command_free(c);
    process(p);
}

/* ---- the start of a command ---- */

static void bus_error(struct ahci_port *p)
{
    dev_note(&p->ahci->pci.dev, "port %u: a command is not in memory", p->n);
    p->failed = true;
    raise_irq(p, IS_HBFS);
}

/* A register FIS that only carries the device control register. */
static void control(struct ahci_port *p, unsigned slot, uint8_t value)
{
    bool was = p->srst;

    p->srst = value & CONTROL_SRST;
    p->ci &= ~(1u << slot);
    p->retry &= ~(1u << slot);
    if (was && !p->srst && p->bus.drive) {
        ide_drive_reset(p->bus.drive);
        p->tfd = 1u << 8 | ATA_DRDY | ATA_SEEK;
        put_signature(p);
        raise_irq(p, IS_DHRS);
    }
}

static struct command *command_new(struct ahci_port *p, unsigned slot, const uint8_t *table)
{
    struct command *c = g_new0(struct command, 1);

    c->port = p;
    c->epoch = p->epoch;
    c->ide.drive = p->bus.drive;
    c->ide.bus = &p->bus;
    c->ide.slot = (uint8_t)slot;
    c->ide.command = table[2];
    c->ide.features = (uint16_t)(table[3] | table[11] << 8);
    c->ide.device = table[7];
    c->ide.count = ld_le16(table + 12);
    for (unsigned i = 0; i < 3; i++) {
        c->ide.lba |= (uint64_t)table[4 + i] << i * 8 | (uint64_t)table[8 + i] << (24 + i * 8);
    }
    c->ide.ncq = IS_QUEUED(c->ide.command) && !p->bus.drive->is_cd;
    memcpy(c->ide.cdb, table + 0x40, 16);
    return c;
}

static void run(struct ahci_port *p, struct command *c)
{
    struct ide_command *ide = &c->ide;
    uint32_t bit = 1u << ide->slot;

    p->busy |= bit;
    p->retry &= ~bit; /* whatever the slot holds by now */
    p->in_flight++;
    if (ide->ncq) {
        p->ci &= ~bit;
        p->sact |= bit;
    } else {
        p->plain = true;
        p->tfd = ATA_BSY | ATA_DRDY;
    }
    if (ide->ncq && ide->count >> 3 != ide->slot) {
        dev_note(&p->ahci->pci.dev, "port %u: tag %u in slot %u", p->n, ide->count >> 3, ide->slot);
        ide_abort(ide);
    } else {
        ide_execute(p->bus.drive, ide);
    }
}

/* FALSE: it has to wait. */
static bool start(struct ahci_port *p, unsigned slot)
{
    const struct dma *dma = &p->ahci->pci.dma;
    gpa header = p->clb + slot * 32;
    uint8_t head[32], table[0x50];
    struct command *c;

    if (dma_read(dma, header, head, sizeof(head)) < 0 ||
        dma_read(dma, ld_le64(head + 8) & ~UINT64_C(0x7f), table, sizeof(table)) < 0) {
        bus_error(p);
        return false;
    }
    if (!(table[1] & 0x80) && table[0] == FIS_H2D) {
        control(p, slot, table[15]);
        return true;
    }
    c = command_new(p, slot, table);
    c->header = header;
    c->table = ld_le64(head + 8) & ~UINT64_C(0x7f);
    c->n_prd = ld_le16(head + 2);
    if (p->in_flight && (p->plain || !c->ide.ncq)) {
        command_free(c);
        return false;
    }
    if (table[0] != FIS_H2D) {
        dev_note(&p->ahci->pci.dev, "port %u: FIS of unknown type %02xh", p->n, table[0]);
        c->ide.command = 0; /* no operation: aborted */
        c->ide.ncq = false;
    }
    run(p, c);
    return true;
}

/* Starts what can be started. */
static void process(struct ahci_port *p)
{
    if (p->processing) {
        return;
    }
    p->processing = true;
    while (p->cmd & CMD_ST && p->bus.drive && !p->failed && !p->held && !p->stopping &&
           !p->resetting) {
        uint32_t due = (p->ci & ~p->busy) | p->retry;

        if (!due || !start(p, (unsigned)__builtin_ctz(due))) {
            break;
        }
    }
    p->processing = false;
}

static void resumed(struct ide_bus *bus)
{
    struct ahci_port *p = bus->opaque;

    g_mutex_lock(bus->lock);
    p->held = false;
    process(p);
    g_mutex_unlock(bus->lock);
}

/* ---- registers ---- */

void ahci_port_drop(struct ahci_port *p)
{
    p->epoch++;
    p->ci = p->sact = p->retry = p->busy = 0;
    p->failed = p->held = p->plain = false;
}

void ahci_port_reset(struct ahci_port *p)
{
    ahci_port_drop(p);
    p->is = p->serr = 0;
    p->srst = false;
    p->resetting = true;
    p->tfd = ATA_BSY;
    p->ssts = SSTS_BUSY;
    if (p->bus.drive) {
        ide_drive_reset(p->bus.drive);
    }
    quiet(p);
}

static void write_cmd(struct ahci_port *p, uint32_t value)
{
    uint32_t old = p->cmd;

    p->cmd = (value & CMD_WRITABLE) | (old & (CMD_CR | CMD_FR));
    p->cmd = value & CMD_FRE ? p->cmd | CMD_FR : p->cmd & ~CMD_FR;
    if (value & CMD_CLO) {
        p->tfd &= ~(uint32_t)(ATA_BSY | ATA_DRQ);
    }
    if (p->cmd & CMD_FRE && p->signature_due) {
        put_signature(p);
    }
    if (value & ~old & CMD_ST) {
        p->cmd |= CMD_CR;
        process(p);
    } else if (old & ~value & CMD_ST) {
        ahci_port_drop(p);
        p->stopping = true;
        quiet(p);
    }
}

void ahci_port_write(struct ahci_port *p, unsigned off, uint32_t value)
{
    uint32_t old = p->sctl;

    switch (off) {
    case P_CLB: p->clb = bits_set(p->clb, 0, 32, value & ~0x3ffu); break;
    case P_CLBU: p->clb = bits_set(p->clb, 32, 32, value); break;
    case P_FB: p->fb = bits_set(p->fb, 0, 32, value & ~0xffu); break;
    case P_FBU: p->fb = bits_set(p->fb, 32, 32, value); break;
    case P_IS: p->is &= ~value; break;
    case P_IE: p->ie = value & IE_LEGAL; break;
    case P_CMD: write_cmd(p, value); break;
    case P_SCTL:
        p->sctl = value;
        if ((old & 15) == 1 && (value & 15) == 0) {
            ahci_port_reset(p);
        }
        break;
    case P_SERR: p->serr &= ~value; break;
    case P_SACT:
        if (p->cmd & CMD_ST) {
            p->sact |= value;
        }
        break;
    case P_CI:
        if (p->cmd & CMD_ST) {
            p->ci |= value;
            process(p);
        }
        break;
    default: break;
    }
    ahci_update_irq(p->ahci);
}

uint32_t ahci_port_read(const struct ahci_port *p, unsigned off)
{
    switch (off) {
    case P_CLB: return (uint32_t)p->clb;
    case P_CLBU: return (uint32_t)(p->clb >> 32);
    case P_FB: return (uint32_t)p->fb;
    case P_FBU: return (uint32_t)(p->fb >> 32);
    case P_IS: return p->is;
    case P_IE: return p->ie;
    case P_CMD: return p->cmd;
    case P_TFD: return p->tfd;
    case P_SIG: return p->sig;
    case P_SSTS: return p->ssts;
    case P_SCTL: return p->sctl;
    case P_SERR: return p->serr;
    case P_SACT: return p->sact;
    case P_CI: return p->ci;
    default: return 0;
    }
}

/* ---- life ---- */

void ahci_port_init(struct ahci_port *p, struct ahci *h, unsigned n)
{
    struct dev *dev = &h->pci.dev;
    g_autofree char *name = g_strdup_printf("%s.%u", dev->id ? dev->id : "ide", n);

    p->ahci = h;
    p->n = n;
    ide_bus_init(&p->bus, dev, name);
    p->bus.opaque = p;
    p->bus.map = map;
    p->bus.finished = finished;
    p->bus.resumed = resumed;
}

void ahci_port_power_on(struct ahci_port *p)
{
    p->ie = p->sctl = 0;
    p->clb = p->fb = 0;
    p->cmd = CMD_SUD | CMD_POD;
    p->stopping = false;
    ahci_port_reset(p);
}

void ahci_port_loaded(struct ahci_port *p)
{
    p->cmd &= CMD_WRITABLE | CMD_CR | CMD_FR;
    if (p->ssts == SSTS_BUSY) { /* no reset is under way in a stopped machine */
        finish_reset(p);
    }
}
