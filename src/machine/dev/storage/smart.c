/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SMART feature set. ATA8-ACS (T13/1699-D), 7.53; the attributes' layout is the industry's. The
 * attributes and the times of the log are those that QEMU's drives give.
 */
#include "machine/dev/storage/smart.h"

#include "base/endian.h"
#include "machine/dev/storage/ide.h"

#include <string.h>

enum {
    SMART_READ_DATA = 0xd0,
    SMART_READ_THRESHOLDS = 0xd1,
    SMART_AUTOSAVE = 0xd2,
    SMART_OFFLINE = 0xd4,
    SMART_READ_LOG = 0xd5,
    SMART_ENABLE = 0xd8,
    SMART_DISABLE = 0xd9,
    SMART_STATUS = 0xda,
};

#define KEY          0xc24f /* LBA 23:8 */
#define AUTOSAVE_ON  0xf1
#define LOG_ERRORS   1
#define LOG_TESTS    6
#define TESTS        3 /* off-line routine, short, extended */
#define VERSION      1
#define ENTRY        12 /* bytes of an attribute or threshold */
#define TEST_ENTRY   24
#define TEST_HOURS   0x1234
#define OFF_OFFLINE  362
#define OFF_LAST     508
#define OFFLINE_TIME 288 /* seconds */

static const struct attribute {
    uint8_t id, flags, value, raw[6], threshold;
} attributes[] = {
    {0x01, 3, 0x64, {0}, 0x06},                      /* read errors */
    {0x03, 3, 0x64, {0x10}, 0x00},                   /* spin-up time */
    {0x04, 2, 0x64, {0x64}, 0x14},                   /* starts and stops */
    {0x05, 3, 0x64, {0}, 0x24},                      /* reallocated sectors */
    {0x09, 3, 0x64, {1}, 0x00},                      /* hours of power */
    {0x0c, 3, 0x64, {0}, 0x00},                      /* power cycles */
    {0xbe, 3, 0x45, {0x1f, 0x00, 0x1f, 0x1f}, 0x32}, /* air flow's temperature */
};

void smart_init(struct smart *s)
{
    *s = (struct smart){.enabled = true, .autosave = true};
}

bool smart_valid(const struct smart *s)
{
    bool valid = s->last <= SMART_TESTS;

    for (unsigned i = 0; i < SMART_TESTS; i++) {
        valid &= s->tests[i] <= TESTS;
    }
    return valid;
}

/* A page's last byte makes its sum zero. */
static void reply(struct ide_command *c, uint8_t *page)
{
    uint8_t sum = 0;

    for (unsigned i = 0; i < IDE_SECTOR - 1; i++) {
        sum += page[i];
    }
    page[IDE_SECTOR - 1] = (uint8_t)-sum;
    c->pio = true;
    ide_reply(c, page, IDE_SECTOR);
}

static void read_data(const struct smart *s, struct ide_command *c)
{
    uint8_t page[IDE_SECTOR] = {VERSION};
    uint8_t *offline = page + OFF_OFFLINE;

    for (unsigned i = 0; i < G_N_ELEMENTS(attributes); i++) {
        const struct attribute *a = &attributes[i];
        uint8_t *e = page + 2 + i * ENTRY;

        e[0] = a->id;
        e[1] = a->flags;
        e[3] = e[4] = a->value; /* now, and at the worst */
        memcpy(e + 5, a->raw, sizeof(a->raw));
    }
    offline[0] = s->autosave ? 0x82 : 0x02; /* off-line collection has ended well */
    st_le16(offline + 2, OFFLINE_TIME);
    offline[5] = 0x19; /* off-line routines, self-tests */
    offline[6] = 3;    /* saves attributes, and by itself */
    offline[8] = 1;    /* logs errors */
    offline[10] = 2;   /* minutes of a short self-test, */
    offline[11] = 54;  /* of an extended one, */
    offline[12] = 1;   /* and of a conveyance test */
    reply(c, page);
}

static void read_thresholds(struct ide_command *c)
{
    uint8_t page[IDE_SECTOR] = {VERSION};

    for (unsigned i = 0; i < G_N_ELEMENTS(attributes); i++) {
        page[2 + i * ENTRY] = attributes[i].id;
        page[3 + i * ENTRY] = attributes[i].threshold;
    }
    reply(c, page);
}

static void read_log(const struct smart *s, struct ide_command *c)
{
    uint8_t page[IDE_SECTOR] = {VERSION};
    unsigned log = c->lba & 0xff;

    if (log == LOG_TESTS) {
        for (unsigned i = 0; i < SMART_TESTS; i++) {
            if (s->tests[i]) {
                page[2 + i * TEST_ENTRY] = s->tests[i] - 1;
                st_le16(page + 2 + i * TEST_ENTRY + 2, TEST_HOURS);
            }
        }
        page[OFF_LAST] = s->last;
    } else if (log != LOG_ERRORS) {
        ide_abort(c);
        return;
    }
    reply(c, page);
}

/* Each test is over at once, and found nothing. */
static void test(struct smart *s, struct ide_command *c)
{
    unsigned number = c->lba & 0xff;

    if (number >= TESTS) {
        ide_abort(c);
        return;
    }
    s->last = s->last % SMART_TESTS + 1;
    s->tests[s->last - 1] = number + 1;
    ide_succeed(c);
}

static void autosave(struct smart *s, struct ide_command *c)
{
    unsigned how = c->count & 0xff;

    if (how == 0 || how == AUTOSAVE_ON) {
        s->autosave = how;
    }
    ide_succeed(c);
}

void smart_execute(struct smart *s, struct ide_command *c)
{
    unsigned what = c->features & 0xff;

    if ((c->lba >> 8 & 0xffff) != KEY || (!s->enabled && what != SMART_ENABLE)) {
        ide_abort(c);
        return;
    }
    switch (what) {
    case SMART_READ_DATA: read_data(s, c); break;
    case SMART_READ_THRESHOLDS: read_thresholds(c); break;
    case SMART_READ_LOG: read_log(s, c); break;
    case SMART_OFFLINE: test(s, c); break;
    case SMART_AUTOSAVE: autosave(s, c); break;
    case SMART_ENABLE:
    case SMART_DISABLE:
        s->enabled = what == SMART_ENABLE;
        ide_succeed(c);
        break;
    case SMART_STATUS: ide_succeed(c); break; /* the key stays: no threshold is exceeded */
    default: ide_abort(c); break;
    }
}

const struct state_row smart_state[] = {
    STATE_KEEP(struct smart, enabled),
    STATE_KEEP(struct smart, autosave),
    STATE_KEEP(struct smart, last),
    STATE_KEEP_ARRAY(struct smart, tests),
    STATE_DONE,
};
