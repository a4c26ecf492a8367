/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands of an ATA disk. ATA8-ACS (T13/1699-D); queued commands as in Serial ATA 2.6. */
#include "base/endian.h"
#include "machine/dev/storage/ide.h"

#include <string.h>

enum {
    C_NOP = 0x00,
    C_DATA_SET = 0x06,
    C_RECALIBRATE = 0x10,
    C_READ = 0x20,
    C_READ_EXT = 0x24,
    C_READ_DMA_EXT = 0x25,
    C_NATIVE_MAX_EXT = 0x27,
    C_READ_MULTIPLE_EXT = 0x29,
    C_READ_LOG_EXT = 0x2f,
    C_WRITE = 0x30,
    C_WRITE_EXT = 0x34,
    C_WRITE_DMA_EXT = 0x35,
    C_WRITE_MULTIPLE_EXT = 0x39,
    C_WRITE_DMA_FUA_EXT = 0x3d,
    C_VERIFY = 0x40,
    C_VERIFY_EXT = 0x42,
    C_READ_QUEUED = 0x60,
    C_WRITE_QUEUED = 0x61,
    C_DIAGNOSTIC = 0x90,
    C_INIT_PARAMETERS = 0x91,
    C_SMART = 0xb0,
    C_READ_MULTIPLE = 0xc4,
    C_WRITE_MULTIPLE = 0xc5,
    C_SET_MULTIPLE = 0xc6,
    C_READ_DMA = 0xc8,
    C_WRITE_DMA = 0xca,
    C_STANDBY_NOW = 0xe0,
    C_IDLE_NOW = 0xe1,
    C_STANDBY = 0xe2,
    C_IDLE = 0xe3,
    C_CHECK_POWER = 0xe5,
    C_SLEEP = 0xe6,
    C_FLUSH = 0xe7,
    C_FLUSH_EXT = 0xea,
    C_IDENTIFY = 0xec,
    C_SET_FEATURES = 0xef,
    C_NATIVE_MAX = 0xf8,
};

#define MAX_MULTIPLE 16
#define MAX_LBA28    UINT64_C(0x0fffffff)
#define TRIM_ENTRIES 64 /* in a block of 512 bytes */
#define LOG_NCQ      0x10

/* ---- reads and writes ---- */

#define RW_WRITE  1u
#define RW_EXT    2u
#define RW_PIO    4u
#define RW_FUA    8u
#define RW_QUEUED 16u
#define RW_VERIFY 32u
#define RW_KNOWN  64u

static const uint8_t rw_of[256] = {
    [C_READ] = RW_KNOWN | RW_PIO,
    [C_READ_EXT] = RW_KNOWN | RW_PIO | RW_EXT,
    [C_READ_MULTIPLE] = RW_KNOWN | RW_PIO,
    [C_READ_MULTIPLE_EXT] = RW_KNOWN | RW_PIO | RW_EXT,
    [C_READ_DMA] = RW_KNOWN,
    [C_READ_DMA_EXT] = RW_KNOWN | RW_EXT,
    [C_WRITE] = RW_KNOWN | RW_PIO | RW_WRITE,
    [C_WRITE_EXT] = RW_KNOWN | RW_PIO | RW_EXT | RW_WRITE,
    [C_WRITE_MULTIPLE] = RW_KNOWN | RW_PIO | RW_WRITE,
    [C_WRITE_MULTIPLE_EXT] = RW_KNOWN | RW_PIO | RW_EXT | RW_WRITE,
    [C_WRITE_DMA] = RW_KNOWN | RW_WRITE,
    [C_WRITE_DMA_EXT] = RW_KNOWN | RW_EXT | RW_WRITE,
    [C_WRITE_DMA_FUA_EXT] = RW_KNOWN | RW_EXT | RW_WRITE | RW_FUA,
    [C_VERIFY] = RW_KNOWN | RW_VERIFY,
    [C_VERIFY_EXT] = RW_KNOWN | RW_VERIFY | RW_EXT,
    [C_READ_QUEUED] = RW_KNOWN | RW_QUEUED | RW_EXT,
    [C_WRITE_QUEUED] = RW_KNOWN | RW_QUEUED | RW_EXT | RW_WRITE,
};

/* First sector and number of sectors; a count of 0 is the largest. */
static void extent(const struct ide_command *c, unsigned rw, uint64_t *ret_lba, uint32_t *ret_n)
{
    uint32_t n = rw & RW_QUEUED ? c->features : c->count;

    if (rw & RW_EXT) {
        *ret_lba = c->lba;
        *ret_n = n ? n : 65536;
    } else {
        *ret_lba = (c->lba & 0xffffff) | (uint64_t)(c->device & 15) << 24;
        *ret_n = n & 0xff ? n & 0xff : 256;
    }
}

static void not_found(struct ide_command *c)
{
    block_backend_count_invalid(c->drive->backend, c->req.op);
    ide_finish(c, ATA_DRDY | ATA_SEEK | ATA_ERR, ATA_IDNF);
}

static void read_write(struct ide_drive *d, struct ide_command *c, unsigned rw)
{
    uint64_t lba;
    uint32_t n;

    extent(c, rw, &lba, &n);
    c->pio = rw & RW_PIO;
    c->req.op = rw & RW_WRITE ? BLOCK_WRITE : BLOCK_READ;
    if (!(c->device & 0x40) && !(rw & RW_QUEUED)) {
        ide_abort(c); /* cylinders, heads, sectors: nobody has used them on SATA */
        return;
    }
    if (lba >= d->sectors || n > d->sectors - lba) {
        not_found(c);
        return;
    }
    if (rw & RW_VERIFY) {
        ide_succeed(c);
        return;
    }
    c->req.offset = lba * IDE_SECTOR;
    c->req.len = (uint64_t)n * IDE_SECTOR;
    if (rw & RW_FUA || (rw & RW_QUEUED && rw & RW_WRITE && c->device & 0x80)) {
        c->req.flags = BLOCK_REQ_FUA;
    }
    if (c->bus->map(c, c->req.len, !(rw & RW_WRITE)) < c->req.len) {
        dev_note(&d->dev, "guest gave too little memory for %u sectors", n);
        ide_abort(c);
        return;
    }
    ide_submit(c);
}

static void flush(struct ide_command *c)
{
    c->req.op = BLOCK_FLUSH;
    ide_submit(c);
}

/* ---- TRIM ---- */

bool ata_trim_next(struct ide_command *c)
{
    uint32_t entries = (uint32_t)MAX(c->count, 1) * TRIM_ENTRIES;

    for (; c->next_range < entries; c->next_range++) {
        uint64_t e = ld_le64(c->own + (size_t)c->next_range * 8);
        uint64_t lba = e & UINT64_C(0xffffffffffff), n = e >> 48;

        if (n && lba < c->drive->sectors && n <= c->drive->sectors - lba) {
            c->req.offset = lba * IDE_SECTOR;
            c->req.len = n * IDE_SECTOR;
            c->next_range++;
            return true;
        }
    }
    return false;
}

static void data_set_management(struct ide_drive *d, struct ide_command *c)
{
    uint32_t blocks = c->count;

    if (!(c->features & 1) || !d->discard_granularity || blocks == 0 || blocks > 64) {
        ide_abort(c);
        return;
    }
    c->own = g_malloc(blocks * IDE_SECTOR);
    if (!ide_fetch(c, c->own, blocks * IDE_SECTOR)) {
        ide_abort(c);
        return;
    }
    for (uint32_t i = 0; i < blocks * TRIM_ENTRIES; i++) { /* all or nothing */
        uint64_t e = ld_le64(c->own + (size_t)i * 8), lba = e & UINT64_C(0xffffffffffff);

        if (e >> 48 && (lba >= d->sectors || (e >> 48) > d->sectors - lba)) {
            ide_abort(c);
            return;
        }
    }
    c->req.op = BLOCK_DISCARD;
    if (ata_trim_next(c)) {
        ide_submit(c);
    } else {
        ide_succeed(c);
    }
}

/* ---- what the drive says about itself ---- */

static void put16(uint8_t *id, unsigned word, unsigned value)
{
    st_le16(id + word * 2, (uint16_t)value);
}

static void identify_geometry(const struct ide_drive *d, uint8_t *id)
{
    uint64_t cylinders = MIN(d->sectors / (16 * 63), 16383);
    uint64_t chs = MAX(cylinders, 1) * 16 * 63;
    uint64_t lba28 = MIN(d->sectors, MAX_LBA28);

    put16(id, 1, (unsigned)MAX(cylinders, 1));
    put16(id, 3, 16);
    put16(id, 6, 63);
    put16(id, 54, (unsigned)MAX(cylinders, 1));
    put16(id, 55, 16);
    put16(id, 56, 63);
    st_le32(id + 57 * 2, (uint32_t)chs);
    st_le32(id + 60 * 2, (uint32_t)lba28);
    st_le64(id + 100 * 2, d->sectors);
}

static void identify_features(const struct ide_drive *d, uint8_t *id)
{
    bool cache = block_backend_write_cache(d->backend);

    put16(id, 80, 0xf0);                 /* ATA-4 to ATA-7 */
    put16(id, 82, 1 << 14 | 1 << 5 | 1); /* NOP, write cache, SMART */
    put16(id, 83, 7 << 12 | 1 << 10);    /* FLUSH, FLUSH EXT, 48 bits */
    put16(id, 84, 1 << 14 | 1 << 6 | (d->wwn ? 1 << 8 : 0) | 1 << 5); /* FUA, read log */
    put16(id, 85, 1 << 14 | (cache ? 1 << 5 : 0) | d->smart.enabled);
    put16(id, 86, 3 << 12 | 1 << 10);
    put16(id, 87, 1 << 14 | 1 << 6 | (d->wwn ? 1 << 8 : 0) | 1 << 5);
    put16(id, 88, 0x3f | 1 << (8 + d->udma));
    put16(id, 93, 0x6001);
    if (d->physical_block_size > IDE_SECTOR) {
        put16(id, 106, 0x6000 | (unsigned)__builtin_ctz(d->physical_block_size / IDE_SECTOR));
    }
    for (unsigned i = 0; i < 4; i++) {
        put16(id, 108 + i, (unsigned)(d->wwn >> (48 - 16 * i)) & 0xffff);
    }
    if (d->discard_granularity) {
        put16(id, 105, 64); /* blocks of ranges in one TRIM */
        put16(id, 169, 1);
    }
    put16(id, 217, d->rotation_rate);
}

static void identify(const struct ide_drive *d, struct ide_command *c)
{
    uint8_t id[IDE_SECTOR] = {0};

    put16(id, 0, 0x0040);
    identify_geometry(d, id);
    ide_put_string(id + 10 * 2, d->serial ? d->serial : "QM00001", 20);
    ide_put_string(id + 23 * 2, d->version, 8);
    ide_put_string(id + 27 * 2, d->model ? d->model : "QEMU HARDDISK", 40);
    put16(id, 47, 0x8000 | MAX_MULTIPLE);
    put16(id, 48, 1);
    put16(id, 49, 1 << 11 | 1 << 9 | 1 << 8); /* IORDY, LBA, DMA */
    put16(id, 51, 0x200);
    put16(id, 52, 0x200);
    put16(id, 53, 7);
    put16(id, 59, d->multiple ? 0x100u | d->multiple : 0);
    put16(id, 62, 7);
    put16(id, 63, 7);
    put16(id, 64, 3);
    for (unsigned w = 65; w <= 68; w++) {
        put16(id, w, 120);
    }
    put16(id, 75, 31);         /* queue depth less one */
    put16(id, 76, 1 << 8 | 2); /* native queuing, generation 1 */
    identify_features(d, id);
    c->pio = true;
    ide_reply(c, id, sizeof(id));
}

/* Which queued command failed, and how (SATA 2.6, 13.7.4.1). */
static void read_log(struct ide_drive *d, struct ide_command *c)
{
    uint8_t page[IDE_SECTOR] = {0};
    uint8_t sum = 0;

    if (c->count != 1 || ((c->lba & 0xff) != LOG_NCQ && (c->lba & 0xff) != 0)) {
        ide_abort(c);
        return;
    }
    if ((c->lba & 0xff) == 0) { /* directory: version, and one page of each log */
        put16(page, 0, 1);
        put16(page, LOG_NCQ, 1);
    } else {
        page[0] = d->error_tag;
        page[2] = d->error_status;
        page[3] = d->error_code;
        for (unsigned i = 0; i < 3; i++) {
            page[4 + i] = (uint8_t)(d->error_lba >> i * 8);
            page[8 + i] = (uint8_t)(d->error_lba >> (24 + i * 8));
        }
        for (unsigned i = 0; i < 511; i++) {
            sum += page[i];
        }
        page[511] = (uint8_t)-sum;
    }
    c->pio = true;
    ide_reply(c, page, sizeof(page));
}

static void set_features(struct ide_drive *d, struct ide_command *c)
{
    switch (c->features & 0xff) {
    case 0x02:
    case 0x82:
        block_backend_set_write_cache(d->backend, (c->features & 0xff) == 0x02);
        if ((c->features & 0xff) == 0x82) { /* what the cache holds goes out */
            flush(c);
            return;
        }
        break;
    case 0x03: /* transfer mode */
        if ((c->count & 0xf8) == 0x40) {
            d->udma = c->count & 7;
        }
        if ((c->count & 0xf8) == 0x40 && (c->count & 7) > 5) {
            d->udma = 5;
            ide_abort(c);
            return;
        }
        break;
    case 0x05: /* power and acoustic management, read look-ahead: nothing to do */
    case 0x85:
    case 0x42:
    case 0xc2:
    case 0x55:
    case 0xaa:
    case 0x66:
    case 0xcc:
    case 0x67: break;
    default: ide_abort(c); return;
    }
    ide_succeed(c);
}

static void set_multiple(struct ide_drive *d, struct ide_command *c)
{
    unsigned n = c->count & 0xff;

    if (n > MAX_MULTIPLE || (n & (n - 1))) {
        ide_abort(c);
        return;
    }
    d->multiple = (uint8_t)n;
    ide_succeed(c);
}

static void native_max(const struct ide_drive *d, struct ide_command *c)
{
    uint64_t last = d->sectors ? d->sectors - 1 : 0;

    c->result_lba = c->command == C_NATIVE_MAX ? MIN(last, MAX_LBA28) : last;
    ide_succeed(c);
}

static void diagnose(struct ide_command *c)
{
    c->result_lba = ATA_SIGNATURE >> 8;
    c->result_count = 1;
    ide_finish(c, ATA_DRDY | ATA_SEEK, 1); /* error code 1: fine */
}

void ata_execute(struct ide_drive *d, struct ide_command *c)
{
    if (rw_of[c->command]) {
        read_write(d, c, rw_of[c->command]);
        return;
    }
    switch (c->command) {
    case C_IDENTIFY: identify(d, c); break;
    case C_DATA_SET: data_set_management(d, c); break;
    case C_FLUSH:
    case C_FLUSH_EXT: flush(c); break;
    case C_SET_FEATURES: set_features(d, c); break;
    case C_SET_MULTIPLE: set_multiple(d, c); break;
    case C_SMART: smart_execute(&d->smart, c); break;
    case C_READ_LOG_EXT: read_log(d, c); break;
    case C_NATIVE_MAX:
    case C_NATIVE_MAX_EXT: native_max(d, c); break;
    case C_CHECK_POWER:
        c->result_count = 0xff; /* active or idle */
        ide_succeed(c);
        break;
    case C_DIAGNOSTIC: diagnose(c); break;
    case C_RECALIBRATE:
    case C_INIT_PARAMETERS:
    case C_STANDBY_NOW:
    case C_IDLE_NOW:
    case C_STANDBY:
    case C_IDLE:
    case C_SLEEP: ide_succeed(c); break;
    default: ide_abort(c); break;
    }
}
