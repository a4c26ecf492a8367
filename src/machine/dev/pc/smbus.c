/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SMBus host controller of the ICH9 (8086:2930; data sheet 316972, chapter 18; System Management
 * Bus 2.0, 5.5). A transaction is over when the write that starts it is. Block transfers go through
 * the 32-byte buffer; those byte by byte, process calls and I2C reads end in a device error.
 */
#include "machine/dev/pc/smbus.h"

#include "machine/pci/regs.h"

#define BAR   4
#define PORTS 64

#define HOSTC_ENABLE   0x01
#define HOSTC_WRITABLE 0x07

#define R_HST_STS       0x00
#define STS_INTR        0x02
#define STS_DEV_ERR     0x04
#define STS_FAILED      0x10
#define STS_CAUSES      0x1e /* those that interrupt */
#define STS_CLEARABLE   0xfe
#define R_HST_CNT       0x02
#define CNT_INTERRUPTS  0x01
#define CNT_KILL        0x02
#define CNT_START       0x40
#define CNT_KEPT        0x9f
#define CNT_PROTOCOL(v) ((v) >> 2 & 7)
#define R_HST_CMD       0x03
#define R_XMIT_SLVA     0x04
#define R_HST_D0        0x05
#define R_HST_D1        0x06
#define R_HOST_BLOCK_DB 0x07
#define R_AUX_CTL       0x0d
#define AUX_BLOCK       0x02 /* the buffer is used */
#define AUX_WRITABLE    0x03

enum {
    PROTOCOL_QUICK,
    PROTOCOL_BYTE,
    PROTOCOL_BYTE_DATA,
    PROTOCOL_WORD_DATA,
    PROTOCOL_BLOCK = 5,
};

static void update_irq(struct smbus *s)
{
    pci_set_intx(&s->pci, (s->control & CNT_INTERRUPTS) && (s->status & STS_CAUSES));
}

/* ---- the EEPROMs: a write sets the address and goes on from there, a read goes on ---- */

static uint8_t eeprom_read(struct smbus *s, unsigned n)
{
    return s->eeprom[n * SMBUS_EEPROM_SIZE + s->eeprom_at[n]++];
}

static void eeprom_write(struct smbus *s, unsigned n, uint8_t value)
{
    s->eeprom[n * SMBUS_EEPROM_SIZE + s->eeprom_at[n]++] = value;
}

/* ---- transactions; false: the device does not answer so ---- */

static bool byte(struct smbus *s, unsigned n, bool read)
{
    if (read) {
        s->data0 = eeprom_read(s, n);
    } else {
        s->eeprom_at[n] = s->command;
    }
    return true;
}

static bool data(struct smbus *s, unsigned n, bool read, unsigned len)
{
    uint8_t *const bytes[] = {&s->data0, &s->data1};

    s->eeprom_at[n] = s->command;
    for (unsigned i = 0; i < len; i++) {
        if (read) {
            *bytes[i] = eeprom_read(s, n);
        } else {
            eeprom_write(s, n, *bytes[i]);
        }
    }
    return true;
}

/* On the wire the count is a byte before the block. */
static bool block(struct smbus *s, unsigned n, bool read)
{
    unsigned len;

    if (!(s->aux & AUX_BLOCK)) {
        return false;
    }
    s->eeprom_at[n] = s->command;
    len = read ? eeprom_read(s, n) : s->data0;
    if (len > SMBUS_BLOCK) {
        return false;
    }
    s->block_at = 0;
    if (read) {
        s->data0 = len;
    } else {
        eeprom_write(s, n, len);
    }
    for (unsigned i = 0; i < len; i++) {
        if (read) {
            s->block[i] = eeprom_read(s, n);
        } else {
            eeprom_write(s, n, s->block[i]);
        }
    }
    return true;
}

static bool transfer(struct smbus *s)
{
    unsigned n = (s->address >> 1) - SMBUS_EEPROM; /* others wrap to beyond the last */
    bool read = s->address & 1;

    if (n >= SMBUS_EEPROMS) {
        return false;
    }
    switch (CNT_PROTOCOL(s->control)) {
    case PROTOCOL_QUICK: return true;
    case PROTOCOL_BYTE: return byte(s, n, read);
    case PROTOCOL_BYTE_DATA: return data(s, n, read, 1);
    case PROTOCOL_WORD_DATA: return data(s, n, read, 2);
    case PROTOCOL_BLOCK: return block(s, n, read);
    default: return false;
    }
}

static void write_control(struct smbus *s, uint8_t value)
{
    s->control = value & CNT_KEPT;
    if (value & CNT_KILL) {
        s->status |= STS_FAILED;
    } else if (value & CNT_START) {
        s->status |= transfer(s) ? STS_INTR : STS_DEV_ERR;
    }
}

/* ---- ports ---- */

static uint8_t *block_byte(struct smbus *s)
{
    uint8_t *b = &s->block[s->block_at];

    s->block_at = (s->block_at + 1) % SMBUS_BLOCK;
    return b;
}

static bool enabled(const struct smbus *s)
{
    return s->pci.config[R_SMBUS_HOSTC] & HOSTC_ENABLE;
}

static uint64_t smbus_read(void *opaque, gpa off, unsigned size)
{
    struct smbus *s = opaque;

    if (!enabled(s)) {
        return 0xff;
    }
    switch (off) {
    case R_HST_STS: return s->status;
    case R_HST_CNT: s->block_at = 0; return s->control;
    case R_HST_CMD: return s->command;
    case R_XMIT_SLVA: return s->address;
    case R_HST_D0: return s->data0;
    case R_HST_D1: return s->data1;
    case R_HOST_BLOCK_DB: return *block_byte(s);
    case R_AUX_CTL: return s->aux;
    default: return 0;
    }
}

static void smbus_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct smbus *s = opaque;

    if (!enabled(s)) {
        return;
    }
    switch (off) {
    case R_HST_STS: s->status &= ~(value & STS_CLEARABLE); break;
    case R_HST_CNT: write_control(s, value); break;
    case R_HST_CMD: s->command = value; break;
    case R_XMIT_SLVA: s->address = value; break;
    case R_HST_D0: s->data0 = value; break;
    case R_HST_D1: s->data1 = value; break;
    case R_HOST_BLOCK_DB: *block_byte(s) = value; break;
    case R_AUX_CTL: s->aux = value & AUX_WRITABLE; break;
    default: break;
    }
    update_irq(s);
}

static const struct bus_ops smbus_ops = {
    .read = smbus_read,
    .write = smbus_write,
    .min_size = 1,
    .max_size = 1,
    .wide = BUS_SPLIT,
};

/* ---- life ---- */

static gboolean smbus_realize(struct dev *dev, GError **error)
{
    struct smbus *s = (struct smbus *)dev;

    s->pci.config[R_PCI_IRQ_PIN] = 1;
    s->pci.writable[R_SMBUS_HOSTC] = HOSTC_WRITABLE;
    bus_region_init_io(&s->ports, "smbus", PORTS, &smbus_ops, s, &dev->lock);
    pci_add_bar(&s->pci, BAR, &s->ports, true, false, false);
    return TRUE;
}

/* The rows reset the rest. */
static void smbus_reset(struct dev *dev)
{
    ((struct smbus *)dev)->pci.config[R_SMBUS_HOSTC] = 0;
}

static gboolean smbus_post_load(struct dev *dev, GError **error)
{
    ((struct smbus *)dev)->block_at %= SMBUS_BLOCK;
    return TRUE;
}

static const struct state_row smbus_state[] = {STATE_U(struct smbus, status, 0),
                                               STATE_U(struct smbus, control, 0),
                                               STATE_U(struct smbus, command, 0),
                                               STATE_U(struct smbus, address, 0),
                                               STATE_U(struct smbus, data0, 0),
                                               STATE_U(struct smbus, data1, 0),
                                               STATE_U(struct smbus, aux, 0),
                                               STATE_U_ARRAY(struct smbus, block, 0),
                                               STATE_U(struct smbus, block_at, 0),
                                               STATE_U_ARRAY(struct smbus, eeprom, 0),
                                               STATE_U_ARRAY(struct smbus, eeprom_at, 0),
                                               STATE_DONE};

static const struct pci_class smbus_pci = {
    .vendor = 0x8086,
    .device = 0x2930,
    .subsystem_vendor = 0x1af4,
    .subsystem = 0x1100,
    .revision = 2,
    .class_code = 0x0c0500,
};

const struct dev_class smbus_class = {
    .name = "ICH9-SMB",
    .description = "SMBus controller of the ICH9, with eight EEPROMs",
    .bus_type = "PCI",
    .category = "Bridge",
    .base = &pci_dev_class,
    .bus_class = &smbus_pci,
    .instance_size = sizeof(struct smbus),
    .state = smbus_state,
    .state_version = 1,
    .internal = true,
    .realize = smbus_realize,
    .reset = smbus_reset,
    .post_load = smbus_post_load,
};
