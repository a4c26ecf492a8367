/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands of an ATAPI CD-ROM drive: the few of ATA, and packets. ATA/ATAPI-7; SPC-3; MMC-5.
 * The medium is one data track of 2048-byte sectors.
 */
#include "base/endian.h"
#include "base/least.h"
#include "machine/dev/storage/ide.h"

#include <errno.h>
#include <string.h>

enum { /* ATA */
       C_DEVICE_RESET = 0x08,
       C_DIAGNOSTIC = 0x90,
       C_PACKET = 0xa0,
       C_IDENTIFY_PACKET = 0xa1,
       C_STANDBY_NOW = 0xe0,
       C_IDLE_NOW = 0xe1,
       C_CHECK_POWER = 0xe5,
       C_IDENTIFY = 0xec,
       C_SET_FEATURES = 0xef,
};

enum { /* packets */
       P_TEST_UNIT_READY = 0x00,
       P_REQUEST_SENSE = 0x03,
       P_INQUIRY = 0x12,
       P_START_STOP = 0x1b,
       P_PREVENT_ALLOW = 0x1e,
       P_READ_CAPACITY = 0x25,
       P_READ_10 = 0x28,
       P_SEEK = 0x2b,
       P_READ_TOC = 0x43,
       P_GET_CONFIGURATION = 0x46,
       P_GET_EVENT = 0x4a,
       P_READ_DISC_INFORMATION = 0x51,
       P_MODE_SENSE_10 = 0x5a,
       P_READ_12 = 0xa8,
       P_SET_SPEED = 0xbb,
       P_MECHANISM_STATUS = 0xbd,
       P_READ_CD = 0xbe,
};

enum { NO_SENSE, RECOVERED, NOT_READY, MEDIUM_ERROR, HARDWARE_ERROR, ILLEGAL, ATTENTION };

#define ASC_UNRECOVERED    0x11
#define ASC_INVALID_OPCODE 0x20
#define ASC_OUT_OF_RANGE   0x21
#define ASC_INVALID_FIELD  0x24
#define ASC_CHANGED        0x28
#define ASC_SAVING         0x39
#define ASC_NO_MEDIUM      0x3a
#define ASC_REMOVAL        0x53

#define PROFILE_CD  0x0008
#define PROFILE_DVD 0x0010
#define CD_MAX      (80u * 60 * 75) /* sectors: a longer medium is a DVD */

static void sense(struct ide_drive *d, uint8_t key, uint8_t asc, uint8_t ascq)
{
    d->sense_key = key;
    d->sense_asc = asc;
    d->sense_ascq = ascq;
}

static void check_condition(struct ide_command *c, uint8_t key, uint8_t asc, uint8_t ascq)
{
    sense(c->drive, key, asc, ascq);
    c->result_count = 3; /* interrupt reason: completion */
    ide_finish(c, ATA_DRDY | ATA_SEEK | ATA_ERR, (uint8_t)(key << 4 | ATA_ABRT));
}

static void good(struct ide_command *c)
{
    c->result_count = 3;
    ide_succeed(c);
}

/* At most `limit` bytes: the allocation length of the packet. */
static void answer(struct ide_command *c, const void *data, uint32_t len, uint32_t limit)
{
    c->result_count = 3;
    ide_reply(c, data, MIN(len, limit));
}

static bool has_medium(const struct ide_drive *d)
{
    return d->backend && block_backend_node(d->backend) && !d->tray_open;
}

static uint32_t blocks(const struct ide_drive *d)
{
    return (uint32_t)MIN(d->sectors / (CD_SECTOR / IDE_SECTOR), UINT32_MAX);
}

void atapi_media_changed(struct ide_drive *d, bool load)
{
    d->sectors = load ? (uint64_t)max_i64(block_backend_length(d->backend), 0) / IDE_SECTOR : 0;
    d->event = load ? CD_NEW_MEDIA : CD_MEDIA_REMOVAL;
    d->changed = load;
}

void atapi_read_failed(struct ide_command *c, int error)
{
    if (error == -ENOMEDIUM) {
        check_condition(c, NOT_READY, ASC_NO_MEDIUM, 0);
    } else {
        check_condition(c, MEDIUM_ERROR, ASC_UNRECOVERED, 0);
    }
}

/* ---- packets that move the medium's bytes ---- */

static void read_blocks(struct ide_drive *d, struct ide_command *c, uint32_t lba, uint32_t n)
{
    if (n == 0) {
        good(c);
        return;
    }
    if (lba >= blocks(d) || n > blocks(d) - lba || n > 65536) {
        check_condition(c, ILLEGAL, ASC_OUT_OF_RANGE, 0);
        return;
    }
    c->req.op = BLOCK_READ;
    c->req.offset = (uint64_t)lba * CD_SECTOR;
    c->req.len = (uint64_t)n * CD_SECTOR;
    c->result_count = 3;
    if (c->bus->map(c, c->req.len, true) < c->req.len) {
        dev_note(&d->dev, "guest gave too little memory for %u blocks", n);
        check_condition(c, ILLEGAL, ASC_INVALID_FIELD, 0);
        return;
    }
    ide_submit(c);
}

/* READ CD of whole user data only: what a data track has. */
static void read_cd(struct ide_drive *d, struct ide_command *c)
{
    const uint8_t *p = c->cdb;
    uint32_t n = (uint32_t)p[6] << 16 | ld_be16(p + 7);

    if (p[9] & 0xf8 && (p[9] & 0xf8) != 0x10) {
        check_condition(c, ILLEGAL, ASC_INVALID_FIELD, 0);
    } else {
        read_blocks(d, c, ld_be32(p + 2), p[9] & 0xf8 ? n : 0);
    }
}

/* ---- packets that tell ---- */

static void request_sense(struct ide_drive *d, struct ide_command *c)
{
    uint8_t data[18] = {0xf0, 0, d->sense_key, [7] = 10, [12] = d->sense_asc, d->sense_ascq};

    sense(d, NO_SENSE, 0, 0);
    answer(c, data, sizeof(data), c->cdb[4]);
}

static void pad(uint8_t *to, const char *text, unsigned len)
{
    size_t have = strlen(text);

    for (unsigned i = 0; i < len; i++) {
        to[i] = i < have ? (uint8_t)text[i] : ' ';
    }
}

static void inquiry(const struct ide_drive *d, struct ide_command *c)
{
    uint8_t data[36] = {0x05, 0x80, 0x00, 0x21, 31};

    if (c->cdb[1] & 1) {
        check_condition(c, ILLEGAL, ASC_INVALID_FIELD, 0);
        return;
    }
    pad(data + 8, "QEMU", 8);
    pad(data + 16, d->model ? d->model : "QEMU DVD-ROM", 16);
    pad(data + 32, d->version ? d->version : "", 4);
    answer(c, data, sizeof(data), ld_be16(c->cdb + 3));
}

static void read_capacity(const struct ide_drive *d, struct ide_command *c)
{
    uint8_t data[8];

    st_be32(data, blocks(d) - 1);
    st_be32(data + 4, CD_SECTOR);
    answer(c, data, sizeof(data), sizeof(data));
}

static void put_address(uint8_t *to, uint32_t lba, bool msf)
{
    if (msf) {
        lba += 150;
        to[0] = 0;
        to[1] = (uint8_t)(lba / 75 / 60);
        to[2] = (uint8_t)(lba / 75 % 60);
        to[3] = (uint8_t)(lba % 75);
    } else {
        st_be32(to, lba);
    }
}

/* Formatted table of contents: track 1 and the lead-out. */
static unsigned make_toc(const struct ide_drive *d, uint8_t *toc, bool msf, uint8_t start)
{
    uint8_t *p = toc + 4;

    toc[2] = toc[3] = 1;
    if (start <= 1) {
        p[1] = 0x14;
        p[2] = 1;
        put_address(p + 4, 0, msf);
        p += 8;
    }
    p[1] = 0x16;
    p[2] = 0xaa;
    put_address(p + 4, blocks(d), msf);
    p += 8;
    st_be16(toc, (uint16_t)(p - toc - 2));
    return (unsigned)(p - toc);
}

/* All points of the one session, as in the lead-in. */
static unsigned make_raw_toc(const struct ide_drive *d, uint8_t *toc, bool msf)
{
    static const uint8_t points[] = {0xa0, 0xa1, 0xa2, 0x01};
    uint8_t *p = toc + 4;

    toc[2] = toc[3] = 1;
    for (unsigned i = 0; i < sizeof(points); i++, p += 11) {
        p[0] = 1;
        p[1] = 0x14;
        p[3] = points[i];
        switch (points[i]) {
        case 0xa0:
        case 0xa1: p[8] = 1; break;
        case 0xa2: put_address(p + 7, blocks(d), msf); break;
        default: put_address(p + 7, 0, msf); break;
        }
    }
    st_be16(toc, (uint16_t)(p - toc - 2));
    return (unsigned)(p - toc);
}

static void read_toc(const struct ide_drive *d, struct ide_command *c)
{
    uint8_t toc[64] = {0};
    bool msf = c->cdb[1] & 2;
    uint8_t start = c->cdb[6];
    uint32_t limit = ld_be16(c->cdb + 7);
    unsigned format = c->cdb[2] & 15 ? c->cdb[2] & 15u : c->cdb[9] >> 6;

    if (format == 0 && (start <= 1 || start == 0xaa)) {
        answer(c, toc, make_toc(d, toc, msf, start), limit);
    } else if (format == 1) { /* one session, which begins at 0 */
        toc[1] = 10;
        toc[2] = toc[3] = 1;
        toc[5] = 0x14;
        toc[6] = 1;
        put_address(toc + 8, 0, msf);
        answer(c, toc, 12, limit);
    } else if (format == 2) {
        answer(c, toc, make_raw_toc(d, toc, msf), limit);
    } else {
        check_condition(c, ILLEGAL, ASC_INVALID_FIELD, 0);
    }
}

static void get_configuration(const struct ide_drive *d, struct ide_command *c)
{
    uint8_t data[40] = {0};
    uint16_t profile = !has_medium(d) ? 0 : blocks(d) > CD_MAX ? PROFILE_DVD : PROFILE_CD;

    if ((c->cdb[1] & 3) > 2) {
        check_condition(c, ILLEGAL, ASC_INVALID_FIELD, 0);
        return;
    }
    st_be32(data, 36);
    st_be16(data + 6, profile);
    data[10] = 0x03; /* profile list: persistent, current */
    data[11] = 8;
    st_be16(data + 12, PROFILE_DVD);
    data[14] = profile == PROFILE_DVD;
    st_be16(data + 16, PROFILE_CD);
    data[18] = profile == PROFILE_CD;
    st_be16(data + 20, 1); /* core */
    data[22] = 0x08 | 0x03;
    data[23] = 8;
    st_be32(data + 24, 2); /* ATAPI */
    data[28] = 1;          /* device busy events */
    st_be16(data + 32, 3); /* removable medium */
    data[34] = 0x03;
    data[35] = 4;
    data[36] = 0x39; /* tray, eject, lock */
    answer(c, data, sizeof(data), ld_be16(c->cdb + 7));
}

static void get_event(struct ide_drive *d, struct ide_command *c)
{
    uint8_t data[8] = {0, 0, 0, 0x10}; /* only media events exist */
    unsigned len = 4;

    if (!(c->cdb[1] & 1)) {
        check_condition(c, ILLEGAL, ASC_INVALID_FIELD, 0); /* asynchronous operation */
        return;
    }
    if (c->cdb[4] & 0x10) {
        data[1] = 6;
        data[2] = 4;
        data[4] = d->event;
        data[5] = (uint8_t)(d->tray_open | (has_medium(d) ? 2 : 0));
        d->event = CD_NO_EVENT;
        len = 8;
    } else {
        data[1] = 2;
        data[2] = 0x80; /* none of the classes asked for */
    }
    answer(c, data, len, ld_be16(c->cdb + 7));
}

static void mode_sense(const struct ide_drive *d, struct ide_command *c)
{
    uint8_t data[28] = {0};
    unsigned len;

    if (c->cdb[2] >> 6 == 3) {
        check_condition(c, ILLEGAL, ASC_SAVING, 0);
        return;
    }
    data[2] = 0x70;
    switch (c->cdb[2] & 0x3f) {
    case 0x01: /* error recovery */
        data[8] = 0x01;
        data[9] = 6;
        data[11] = 5;
        len = 16;
        break;
    case 0x0e: /* audio control */
        data[8] = 0x0e;
        data[9] = 14;
        len = 24;
        break;
    case 0x2a: /* capabilities and mechanical status */
        data[8] = 0x2a;
        data[9] = 18;
        data[10] = 0x3b; /* reads CD-R, CD-RW, DVD-ROM, DVD-R, DVD-RAM */
        data[12] = 0x70;
        data[13] = 3 << 5;
        data[14] = (uint8_t)(1 << 0 | 1 << 3 | 1 << 5 | (d->locked ? 2 : 0));
        st_be16(data + 16, 706); /* 4x, in kB/s */
        data[19] = 2;
        st_be16(data + 20, 512);
        st_be16(data + 22, 706);
        len = 28;
        break;
    default: check_condition(c, ILLEGAL, ASC_INVALID_FIELD, 0); return;
    }
    st_be16(data, (uint16_t)(len - 2));
    answer(c, data, len, ld_be16(c->cdb + 7));
}

static void disc_information(const struct ide_drive *d, struct ide_command *c)
{
    uint8_t data[34] = {0, 32, 0x0e, 1, 1, 1, 1, 0x20};

    answer(c, data, sizeof(data), ld_be16(c->cdb + 7));
}

static void mechanism_status(struct ide_command *c)
{
    uint8_t data[8] = {[5] = 1};

    answer(c, data, sizeof(data), ld_be16(c->cdb + 8));
}

/* ---- tray ---- */

static void tell_tray(struct ide_drive *d)
{
    const struct dev_env *env = d->dev.env;
    json_object *data = json_object_new_object();

    json_object_object_add(data, "device",
                           json_object_new_string(d->backend ? block_backend_id(d->backend) : ""));
    json_object_object_add(data, "id",
                           json_object_new_string(d->dev.id     ? d->dev.id
                                                  : d->dev.path ? d->dev.path
                                                                : ""));
    json_object_object_add(data, "tray-open", json_object_new_boolean(d->tray_open));
    env->event(env->machine, "DEVICE_TRAY_MOVED", data);
}

void atapi_move_tray(struct ide_drive *d, bool open)
{
    if (d->tray_open == open) {
        return;
    }
    d->tray_open = open;
    if (!open && has_medium(d)) {
        d->event = CD_NEW_MEDIA;
        d->changed = true;
    } else if (open) {
        d->event = CD_MEDIA_REMOVAL;
    }
    tell_tray(d);
}

static void start_stop(struct ide_drive *d, struct ide_command *c)
{
    bool start = c->cdb[4] & 1, load_eject = c->cdb[4] & 2;

    if (c->cdb[4] >> 4 == 0 && load_eject) {
        if (!start && !d->tray_open && d->locked) {
            check_condition(c, has_medium(d) ? ILLEGAL : NOT_READY, ASC_REMOVAL, 2);
            return;
        }
        atapi_move_tray(d, !start);
    }
    good(c);
}

/* ---- dispatch ---- */

#define NEEDS_MEDIUM   1u
#define ALLOWED_ALWAYS 2u /* even while the host has yet to hear of a new medium */

static const struct packet {
    uint8_t flags;
    bool known;
} packets[256] = {
    [P_TEST_UNIT_READY] = {NEEDS_MEDIUM, true},
    [P_REQUEST_SENSE] = {ALLOWED_ALWAYS, true},
    [P_INQUIRY] = {ALLOWED_ALWAYS, true},
    [P_START_STOP] = {0, true},
    [P_PREVENT_ALLOW] = {0, true},
    [P_READ_CAPACITY] = {NEEDS_MEDIUM, true},
    [P_READ_10] = {NEEDS_MEDIUM, true},
    [P_SEEK] = {NEEDS_MEDIUM, true},
    [P_READ_TOC] = {NEEDS_MEDIUM, true},
    [P_GET_CONFIGURATION] = {ALLOWED_ALWAYS, true},
    [P_GET_EVENT] = {ALLOWED_ALWAYS, true},
    [P_READ_DISC_INFORMATION] = {NEEDS_MEDIUM, true},
    [P_MODE_SENSE_10] = {0, true},
    [P_READ_12] = {NEEDS_MEDIUM, true},
    [P_SET_SPEED] = {NEEDS_MEDIUM, true},
    [P_MECHANISM_STATUS] = {0, true},
    [P_READ_CD] = {NEEDS_MEDIUM, true},
};

static void run_packet(struct ide_drive *d, struct ide_command *c)
{
    const uint8_t *p = c->cdb;

    switch (p[0]) {
    case P_REQUEST_SENSE: request_sense(d, c); break;
    case P_INQUIRY: inquiry(d, c); break;
    case P_START_STOP: start_stop(d, c); break;
    case P_PREVENT_ALLOW:
        d->locked = p[4] & 1;
        good(c);
        break;
    case P_READ_CAPACITY: read_capacity(d, c); break;
    case P_READ_10: read_blocks(d, c, ld_be32(p + 2), ld_be16(p + 7)); break;
    case P_READ_12: read_blocks(d, c, ld_be32(p + 2), ld_be32(p + 6)); break;
    case P_READ_CD: read_cd(d, c); break;
    case P_READ_TOC: read_toc(d, c); break;
    case P_GET_CONFIGURATION: get_configuration(d, c); break;
    case P_GET_EVENT: get_event(d, c); break;
    case P_READ_DISC_INFORMATION: disc_information(d, c); break;
    case P_MODE_SENSE_10: mode_sense(d, c); break;
    case P_MECHANISM_STATUS: mechanism_status(c); break;
    default: good(c); break; /* TEST UNIT READY, SEEK, SET CD SPEED */
    }
}

static void packet(struct ide_drive *d, struct ide_command *c)
{
    const struct packet *p = &packets[c->cdb[0]];

    c->pio = !(c->features & 1);
    if (!p->known) {
        check_condition(c, ILLEGAL, ASC_INVALID_OPCODE, 0);
    } else if (d->changed && !(p->flags & ALLOWED_ALWAYS)) {
        d->changed = false;
        check_condition(c, ATTENTION, ASC_CHANGED, 0);
    } else if (p->flags & NEEDS_MEDIUM && (!has_medium(d) || blocks(d) == 0)) {
        check_condition(c, NOT_READY, ASC_NO_MEDIUM, 0);
    } else {
        run_packet(d, c);
    }
}

static void put16(uint8_t *id, unsigned word, unsigned value)
{
    st_le16(id + word * 2, (uint16_t)value);
}

static void identify(const struct ide_drive *d, struct ide_command *c)
{
    uint8_t id[IDE_SECTOR] = {0};

    put16(id, 0, 2 << 14 | 5 << 8 | 1 << 7 | 2 << 5); /* ATAPI, CD-ROM, removable, 12 bytes */
    ide_put_string(id + 10 * 2, d->serial ? d->serial : "QM00001", 20);
    ide_put_string(id + 23 * 2, d->version, 8);
    ide_put_string(id + 27 * 2, d->model ? d->model : "QEMU DVD-ROM", 40);
    put16(id, 48, 1);
    put16(id, 49, 1 << 9 | 1 << 8);
    put16(id, 53, 7);
    put16(id, 62, 7);
    put16(id, 63, 7);
    put16(id, 64, 3);
    put16(id, 65, 0xb4);
    put16(id, 66, 0xb4);
    put16(id, 67, 0x12c);
    put16(id, 68, 0xb4);
    put16(id, 71, 30);
    put16(id, 72, 30);
    put16(id, 76, 2); /* Serial ATA generation 1 */
    put16(id, 80, 0x1e);
    put16(id, 88, 0x3f | 1 << (8 + d->udma));
    if (d->wwn) {
        put16(id, 84, 1 << 14 | 1 << 8);
        put16(id, 87, 1 << 14 | 1 << 8);
        for (unsigned i = 0; i < 4; i++) {
            put16(id, 108 + i, (unsigned)(d->wwn >> (48 - 16 * i) & 0xffff));
        }
    }
    c->pio = true;
    ide_reply(c, id, sizeof(id));
}

static void signature(struct ide_command *c, uint8_t error)
{
    c->result_lba = ATAPI_SIGNATURE >> 8;
    c->result_count = 1;
    if (error & ATA_ABRT) {
        ide_finish(c, ATA_DRDY | ATA_SEEK | ATA_ERR, error);
    } else {
        ide_finish(c, 0, error);
    }
}

void atapi_execute(struct ide_drive *d, struct ide_command *c)
{
    switch (c->command) {
    case C_PACKET: packet(d, c); break;
    case C_IDENTIFY_PACKET: identify(d, c); break;
    case C_IDENTIFY: signature(c, ATA_ABRT); break;
    case C_DEVICE_RESET:
    case C_DIAGNOSTIC: signature(c, 1); break;
    case C_SET_FEATURES:
        if ((c->features & 0xff) == 3 && (c->count & 0xf8) == 0x40 && (c->count & 7) <= 5) {
            d->udma = c->count & 7;
        }
        ide_succeed(c);
        break;
    case C_CHECK_POWER:
        c->result_count = 0xff;
        ide_succeed(c);
        break;
    case C_STANDBY_NOW:
    case C_IDLE_NOW: ide_succeed(c); break;
    default: ide_abort(c); break;
    }
}
