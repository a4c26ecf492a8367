/* SPDX-License-Identifier: GPL-2.0-or-later */
/* AHCI with a disk and a CD drive, as a driver with one command at a time and one with queues. */
#include "base/endian.h"
#include "machine/dev/classes.h"
#include "machine/dev/storage/ide.h"
#include "rig.h"

#include <string.h>

#define ABAR  UINT64_C(0xe0500000)
#define PORT0 (ABAR + 0x100)
#define LIST  0x10000
#define FB    0x11000
#define TABLE 0x12000 /* of slot n: n * 0x400 further */
#define DATA  0x20000
#define DISK  (UINT64_C(8) << 20)

struct pc {
    struct rig *r;
    struct pci_dev *hba;
    struct dev *drive;
};

static uint32_t rd(struct pc *pc, unsigned off)
{
    return (uint32_t)rig_ld(pc->r, PORT0 + off, 4);
}

static void wr(struct pc *pc, unsigned off, uint32_t value)
{
    rig_st(pc->r, PORT0 + off, 4, value);
}

static uint8_t *ram(struct pc *pc, unsigned at)
{
    return pc->r->ram->host + at;
}

static void setup(struct pc *pc, const struct dev_class *class, bool sync)
{
    g_autoptr(GError) error = NULL;

    pc->r = rig_new();
    pc->r->m->env.deterministic = sync;
    rig_disk(pc->r, DISK);
    pc->hba = rig_pci(pc->r, rig_make(pc->r, &ich9_ahci_class));
    pc->drive = rig_make(pc->r, class);
    g_assert_true(dev_set_str(pc->drive, "drive", "disk", &error));
    rig_start(pc->r, pc->drive, g_ptr_array_index(pc->hba->dev.buses, 0));
    rig_st(pc->r, ABAR + 4, 4, 1); /* reset, then interrupts on */
    g_assert_cmphex(rig_ld(pc->r, ABAR + 4, 4), ==, 0x80000000);
    rig_st(pc->r, ABAR + 4, 4, 2);
    wr(pc, 0x00, LIST);
    wr(pc, 0x08, FB);
    wr(pc, 0x14, 0x7dc0007f);
    wr(pc, 0x18, 0x10);
    wr(pc, 0x18, 0x11);
    g_assert_cmphex(rd(pc, 0x18) & 0xc011, ==, 0xc011);
    g_assert_cmphex(rd(pc, 0x28), ==, 0x113);
}

static void teardown(struct pc *pc)
{
    /* the drive was plugged after the controller and goes first */
    rig_free(pc->r);
}

/* Puts a command into a slot: `len` bytes of data at DATA + at. */
static uint8_t *put(struct pc *pc, unsigned slot, uint8_t command, uint64_t lba, uint16_t count,
                    unsigned at, uint32_t len)
{
    uint8_t *head = ram(pc, LIST + slot * 32), *table = ram(pc, TABLE + slot * 0x400);

    memset(head, 0, 32);
    memset(table, 0, 0x400);
    st_le16(head, 5);
    st_le16(head + 2, len ? 2 : 0);
    st_le64(head + 8, TABLE + slot * 0x400);
    table[0] = 0x27;
    table[1] = 0x80;
    table[2] = command;
    table[7] = 0x40;
    for (unsigned i = 0; i < 3; i++) {
        table[4 + i] = (uint8_t)(lba >> i * 8);
        table[8 + i] = (uint8_t)(lba >> (24 + i * 8));
    }
    st_le16(table + 12, count);
    if (len) { /* in two pieces */
        st_le64(table + 0x80, DATA + at);
        st_le32(table + 0x8c, len / 2 - 1);
        st_le64(table + 0x90, DATA + at + len / 2);
        st_le32(table + 0x9c, len / 2 - 1);
    }
    return table;
}

static void issue(struct pc *pc, uint32_t slots)
{
    wr(pc, 0x38, slots);
    for (unsigned i = 0;
         i < 5000 && (rd(pc, 0x38) | rd(pc, 0x34)) & slots && !(rd(pc, 0x10) & 0x40000000); i++) {
        rig_loop(pc->r);
        g_usleep(200);
    }
}

/* Runs one command; the task file's status and error. */
static uint32_t run(struct pc *pc, uint8_t command, uint64_t lba, uint16_t count, uint32_t len)
{
    put(pc, 0, command, lba, count, 0, len);
    issue(pc, 1);
    return rd(pc, 0x20);
}

/* After an error: stop, clear, start. */
static void recover(struct pc *pc)
{
    wr(pc, 0x18, 0x10);
    g_assert_cmphex(rd(pc, 0x18) & 0x8000, ==, 0);
    wr(pc, 0x10, 0xffffffff);
    wr(pc, 0x30, 0xffffffff);
    wr(pc, 0x18, 0x11);
}

static void check_registers(void)
{
    struct pc pc;

    setup(&pc, &ide_hd_class, true);
    g_assert_cmphex(pci_host_read(pc.r->pci, pc.hba->devfn, 0, 4), ==, 0x29228086);
    g_assert_cmphex(pci_host_read(pc.r->pci, pc.hba->devfn, 8, 4), ==, 0x01060102);
    g_assert_cmphex(rig_ld(pc.r, ABAR, 4), ==, 0xc0141f05);
    g_assert_cmphex(rig_ld(pc.r, ABAR + 0xc, 4), ==, 0x3f);
    g_assert_cmphex(rig_ld(pc.r, ABAR + 0x10, 4), ==, 0x10000);
    g_assert_cmphex(rd(&pc, 0x24), ==, 0x101);
    g_assert_cmphex(rd(&pc, 0x20), ==, 0x150);
    g_assert_cmphex(rd(&pc, 0x80 + 0x28), ==, 0);      /* nobody on port 1 */
    g_assert_cmphex(ram(&pc, FB + 0x40)[0], ==, 0x34); /* the signature arrived */
    rig_out(pc.r, 0xc410, 4, 0x124);
    g_assert_cmphex(rig_in(pc.r, 0xc414, 4), ==, 0x101);
    wr(&pc, 0x2c, 0x301); /* COMRESET */
    wr(&pc, 0x2c, 0x300);
    g_assert_cmphex(rd(&pc, 0x28), ==, 0x113);
    rig_round_trip(&pc.hba->dev);
    teardown(&pc);
}

static void check_identify(void)
{
    struct pc pc;
    uint8_t *id;

    setup(&pc, &ide_hd_class, true);
    g_assert_cmphex(run(&pc, 0xec, 0, 0, 512), ==, 0x50);
    id = ram(&pc, DATA);
    g_assert_cmphex(rd(&pc, 0x10), ==, 2); /* PIO set-up FIS */
    g_assert_cmphex(ram(&pc, FB + 0x20)[0], ==, 0x5f);
    g_assert_cmpmem(id + 54, 12, "EQUMH RADDSI", 12);
    g_assert_cmpuint(ld_le64(id + 200), ==, DISK / 512);
    g_assert_cmpuint(ld_le32(id + 120), ==, DISK / 512);
    g_assert_true(pc.r->line[16].level);
    wr(&pc, 0x10, 2);
    rig_st(pc.r, ABAR + 8, 4, 1);
    g_assert_false(pc.r->line[16].level);
    g_assert_cmphex(run(&pc, 0xa1, 0, 0, 512), ==, 0x451); /* not a packet device */
    g_assert_cmphex(rd(&pc, 0x10) & 0x40000000, ==, 0x40000000);
    recover(&pc);
    g_assert_cmphex(run(&pc, 0xe5, 0, 0, 0), ==, 0x50);
    g_assert_cmphex(ram(&pc, FB + 0x40)[12], ==, 0xff);
    teardown(&pc);
}

/* Runs SMART with the key in the middle of its LBA, of which `low` is the lowest byte. */
static uint32_t smart(struct pc *pc, uint8_t what, uint8_t low, uint16_t count, uint32_t len)
{
    memset(ram(pc, DATA), 0xaa, 512);
    put(pc, 0, 0xb0, 0xc24f00 | low, count, 0, len)[3] = what;
    issue(pc, 1);
    return rd(pc, 0x20);
}

static void refused(struct pc *pc, uint8_t what, uint8_t low)
{
    g_assert_cmphex(smart(pc, what, low, 1, 512), ==, 0x451);
    recover(pc);
}

static bool sums_to_zero(const uint8_t *page)
{
    uint8_t sum = 0;

    for (unsigned i = 0; i < 512; i++) {
        sum += page[i];
    }
    return sum == 0;
}

static void check_smart_log(struct pc *pc)
{
    const uint8_t *page = ram(pc, DATA);

    refused(pc, 0xd5, 2);
    refused(pc, 0xd4, 3);
    g_assert_cmphex(smart(pc, 0xd5, 1, 1, 512), ==, 0x50); /* errors: none */
    g_assert_cmpuint(page[452], ==, 0);
    for (unsigned i = 0; i < 22; i++) { /* one more than the log holds */
        g_assert_cmphex(smart(pc, 0xd4, i % 3, 0, 0), ==, 0x50);
    }
    g_assert_cmphex(smart(pc, 0xd5, 6, 1, 512), ==, 0x50);
    g_assert_cmpuint(page[508], ==, 1);
    for (unsigned i = 0; i < 21; i++) {
        g_assert_cmpuint(page[2 + 24 * i], ==, i % 3);
        g_assert_cmphex(ld_le16(page + 4 + 24 * i), ==, 0x1234);
    }
    g_assert_true(sums_to_zero(page));
}

static void check_smart(void)
{
    struct pc pc;
    const uint8_t *page;

    setup(&pc, &ide_hd_class, true);
    page = ram(&pc, DATA);
    g_assert_cmphex(smart(&pc, 0xd0, 0, 1, 512), ==, 0x50);
    g_assert_true(sums_to_zero(page));
    g_assert_cmphex(page[2], ==, 1);
    g_assert_cmphex(page[0x16a], ==, 0x82);
    g_assert_cmphex(page[0x16f], ==, 0x19);
    g_assert_cmphex(smart(&pc, 0xd1, 0, 1, 512), ==, 0x50);
    g_assert_true(sums_to_zero(page));
    g_assert_cmphex(page[3], ==, 6);
    g_assert_cmphex(smart(&pc, 0xd2, 0, 0, 0), ==, 0x50);
    g_assert_cmphex(smart(&pc, 0xd0, 0, 1, 512), ==, 0x50);
    g_assert_cmphex(page[0x16a], ==, 0x02);
    check_smart_log(&pc);
    rig_round_trip(pc.drive);
    g_assert_cmphex(smart(&pc, 0xda, 0, 0, 0), ==, 0x50); /* well: the key comes back */
    g_assert_cmphex(ld_le32(ram(&pc, FB + 0x44)) & 0xffff00, ==, 0xc24f00);
    g_assert_cmphex(smart(&pc, 0xd9, 0, 0, 0), ==, 0x50);
    refused(&pc, 0xda, 0);
    g_assert_cmphex(run(&pc, 0xec, 0, 0, 512), ==, 0x50);
    g_assert_cmphex(ld_le16(page + 170) & 1, ==, 0);
    g_assert_cmphex(smart(&pc, 0xd8, 0, 0, 0), ==, 0x50);
    refused(&pc, 0xd3, 0);
    g_assert_cmphex(run(&pc, 0xb0, 0, 0, 0), ==, 0x451); /* without the key */
    teardown(&pc);
}

static void fill(uint8_t *p, unsigned len, unsigned seed)
{
    for (unsigned i = 0; i < len; i++) {
        p[i] = (uint8_t)(i * 7 + i / 256 + seed);
    }
}

static void transfer(bool sync)
{
    struct pc pc;
    uint8_t want[8192];

    setup(&pc, &ide_hd_class, sync);
    fill(want, sizeof(want), 1);
    memcpy(ram(&pc, DATA), want, sizeof(want));
    g_assert_cmphex(run(&pc, 0x35, 100, 16, 8192), ==, 0x50); /* WRITE DMA EXT */
    g_assert_cmpuint(ld_le32(ram(&pc, LIST + 4)), ==, 8192);
    memset(ram(&pc, DATA), 0, 8192);
    g_assert_cmphex(run(&pc, 0xc8, 104, 8, 4096), ==, 0x50); /* READ DMA */
    g_assert_cmpmem(ram(&pc, DATA), 4096, want + 2048, 4096);
    g_assert_cmphex(run(&pc, 0xe7, 0, 0, 0), ==, 0x50);
    g_assert_cmphex(run(&pc, 0x25, DISK / 512 - 1, 2, 1024), ==, 0x1051); /* past the end */
    recover(&pc);
    g_assert_cmphex(run(&pc, 0x25, 0, 4, 1024), ==, 0x451); /* too little memory */
    recover(&pc);
    for (unsigned i = 0; i < 32; i++) { /* queued: each slot writes its own sector */
        uint8_t *t = put(&pc, i, 0x61, 1000 + i, (uint16_t)(i << 3), i * 512, 512);

        t[3] = 1;
        memset(ram(&pc, DATA + i * 512), (int)i + 1, 512);
    }
    wr(&pc, 0x34, 0xffffffff);
    issue(&pc, 0xffffffff);
    g_assert_cmphex(rd(&pc, 0x34), ==, 0);
    g_assert_cmphex(rd(&pc, 0x10) & 8, ==, 8);
    g_assert_cmphex(run(&pc, 0x25, 1000, 32, 16384), ==, 0x50);
    for (unsigned i = 0; i < 32; i++) {
        g_assert_cmphex(ram(&pc, DATA + i * 512)[511], ==, i + 1);
    }
    put(&pc, 3, 0x60, DISK / 512, 3 << 3, 0, 512)[3] = 1; /* queued and past the end */
    wr(&pc, 0x34, 8);
    issue(&pc, 8);
    g_assert_cmphex(rd(&pc, 0x10) & 0x40000008, ==, 0x40000008);
    g_assert_cmphex(rd(&pc, 0x34), ==, 8);
    recover(&pc);
    g_assert_cmphex(run(&pc, 0x2f, 0x10, 1, 512), ==, 0x50); /* which one was it? */
    g_assert_cmphex(ram(&pc, DATA)[0], ==, 3);
    g_assert_cmphex(ram(&pc, DATA)[3], ==, 0x10);
    if (sync) {
        rig_round_trip(&pc.hba->dev);
        rig_bad_states(&pc.hba->dev);
        rig_round_trip(pc.drive);
    }
    teardown(&pc);
}

static void check_sync(void)
{
    transfer(true);
}

static void check_async(void)
{
    transfer(false);
}

/* Runs the loop until the port's register has the value. */
static void settle(struct pc *pc, unsigned off, uint32_t mask, uint32_t value)
{
    for (unsigned i = 0; i < 5000 && (rd(pc, off) & mask) != value; i++) {
        rig_loop(pc->r);
        g_usleep(200);
    }
    g_assert_cmphex(rd(pc, off) & mask, ==, value);
}

/* Completions come on the loop: before it runs, what was issued is under way. A reset or a stop
 * says so until the last command is done, which then tells the guest nothing. */
static void check_in_flight(void)
{
    static const uint8_t commands[] = {0x25, 0x60};

    for (unsigned i = 0; i < G_N_ELEMENTS(commands) * 3; i++) {
        uint8_t command = commands[i % 2];
        struct pc pc;

        setup(&pc, &ide_hd_class, false);
        wr(&pc, 0x10, 0xffffffff);
        put(&pc, 0, command, 0, command == 0x60 ? 0 : 1, 0, 512)[3] = command == 0x60;
        wr(&pc, 0x34, command == 0x60);
        wr(&pc, 0x38, 1);
        g_assert_cmphex(rd(&pc, 0x38) | rd(&pc, 0x34), ==, 1);
        switch (i / 2) {
        case 0: /* COMRESET */
            wr(&pc, 0x2c, 0x301);
            wr(&pc, 0x2c, 0x300);
            g_assert_cmphex(rd(&pc, 0x28), ==, 1); /* no device to talk to yet */
            g_assert_cmphex(rd(&pc, 0x20) & 0x80, ==, 0x80);
            settle(&pc, 0x28, UINT32_MAX, 0x113);
            break;
        case 1: /* the port stops */
            wr(&pc, 0x18, 0x10);
            g_assert_cmphex(rd(&pc, 0x18) & 0x8000, ==, 0x8000);
            settle(&pc, 0x18, 0x8000, 0);
            break;
        default: /* the controller is reset */
            rig_st(pc.r, ABAR + 4, 4, 1);
            g_assert_cmphex(rig_ld(pc.r, ABAR + 4, 4), ==, 0x80000001);
            settle(&pc, 0x28, UINT32_MAX, 0x113);
            g_assert_cmphex(rig_ld(pc.r, ABAR + 4, 4), ==, 0x80000000);
            break;
        }
        g_assert_cmphex(rd(&pc, 0x38) | rd(&pc, 0x34), ==, 0);
        g_assert_cmphex(rd(&pc, 0x10), ==, 0);
        wr(&pc, 0x00, LIST);
        wr(&pc, 0x08, FB);
        wr(&pc, 0x18, 0x11);
        g_assert_cmphex(run(&pc, 0x25, 0, 1, 512), ==, 0x50);
        teardown(&pc);
    }
}

static void check_trim(void)
{
    struct pc pc;
    uint8_t *t;

    setup(&pc, &ide_hd_class, true);
    memset(ram(&pc, DATA), 0, 512);
    st_le64(ram(&pc, DATA), 8 | UINT64_C(16) << 48);
    st_le64(ram(&pc, DATA + 8), 100 | UINT64_C(1) << 48);
    t = put(&pc, 0, 0x06, 0, 1, 0, 512);
    t[3] = 1;
    issue(&pc, 1);
    g_assert_cmphex(rd(&pc, 0x20), ==, 0x50);
    st_le64(ram(&pc, DATA), DISK / 512 | UINT64_C(16) << 48);
    t = put(&pc, 0, 0x06, 0, 1, 0, 512);
    t[3] = 1;
    issue(&pc, 1);
    g_assert_cmphex(rd(&pc, 0x20), ==, 0x451);
    teardown(&pc);
}

static uint32_t packet(struct pc *pc, const uint8_t *cdb, unsigned cdb_len, uint32_t len)
{
    uint8_t *t = put(pc, 0, 0xa0, 0, 0, 0, len);

    t[3] = 1;
    memcpy(t + 0x40, cdb, cdb_len);
    st_le16(ram(pc, LIST), 5 | 1 << 5);
    issue(pc, 1);
    return rd(pc, 0x20);
}

static void check_cd(void)
{
    static const uint8_t ready[12] = {0x00}, capacity[12] = {0x25},
                         inquiry[12] = {0x12, 0, 0, 0, 36}, toc[12] = {0x43, 2, [8] = 20},
                         read[12] = {0x28, [5] = 2, [8] = 2}, sense[12] = {0x03, [4] = 18},
                         eject[12] = {0x1b, [4] = 2}, load[12] = {0x1b, [4] = 3},
                         lock[12] = {0x1e, [4] = 1}, event[12] = {0x4a, 1, [4] = 0x10, [8] = 8},
                         mode[12] = {0x5a, [2] = 0x2a, [8] = 28}, bad[12] = {0xff};
    struct pc pc;
    uint8_t byte = 0x5c;

    setup(&pc, &ide_cd_class, true);
    g_assert_cmphex(rd(&pc, 0x24), ==, 0xeb140101);
    g_assert_cmphex(run(&pc, 0xec, 0, 0, 512), ==, 0x451);
    recover(&pc);
    g_assert_cmphex(run(&pc, 0xa1, 0, 0, 512), ==, 0x50);
    g_assert_cmphex(ld_le16(ram(&pc, DATA)), ==, 0x85c0);
    g_assert_cmphex(packet(&pc, ready, 12, 0), ==, 0x50);
    g_assert_cmphex(packet(&pc, capacity, 12, 8), ==, 0x50);
    g_assert_cmpuint(ld_be32(ram(&pc, DATA)), ==, DISK / 2048 - 1);
    g_assert_cmpuint(ld_be32(ram(&pc, DATA + 4)), ==, 2048);
    g_assert_cmphex(packet(&pc, inquiry, 12, 36), ==, 0x50);
    g_assert_cmphex(ram(&pc, DATA)[0], ==, 5);
    g_assert_cmphex(packet(&pc, toc, 12, 20), ==, 0x50);
    g_assert_cmphex(ld_be16(ram(&pc, DATA)), ==, 18);
    g_assert_cmphex(ram(&pc, DATA)[10], ==, 2); /* 00:02:00 */
    g_assert_cmpint(block_pwrite(block_backend_node(pc.r->backend), 2 * 2048 + 5, &byte, 1, 0), ==,
                    0);
    g_assert_cmphex(packet(&pc, read, 12, 4096), ==, 0x50);
    g_assert_cmphex(ram(&pc, DATA)[5], ==, 0x5c);
    g_assert_cmphex(packet(&pc, mode, 12, 28), ==, 0x50);
    g_assert_cmphex(ram(&pc, DATA)[8], ==, 0x2a);
    g_assert_cmphex(packet(&pc, bad, 12, 0), ==, 0x5451);
    recover(&pc);
    g_assert_cmphex(packet(&pc, sense, 12, 18), ==, 0x50);
    g_assert_cmphex(ram(&pc, DATA)[2], ==, 5);
    g_assert_cmphex(ram(&pc, DATA)[12], ==, 0x20);
    g_assert_cmphex(packet(&pc, lock, 12, 0), ==, 0x50);
    g_assert_cmphex(packet(&pc, eject, 12, 0), ==, 0x5451);
    recover(&pc);
    packet(&pc, (const uint8_t[12]){0x1e}, 12, 0);
    g_assert_cmphex(packet(&pc, eject, 12, 0), ==, 0x50);
    g_assert_cmpstr(pc.r->last_event, ==, "DEVICE_TRAY_MOVED");
    g_assert_cmphex(packet(&pc, ready, 12, 0), ==, 0x2451); /* not ready */
    recover(&pc);
    g_assert_cmphex(packet(&pc, load, 12, 0), ==, 0x50);
    g_assert_cmphex(packet(&pc, event, 12, 8), ==, 0x50);
    g_assert_cmphex(ram(&pc, DATA)[4], ==, CD_NEW_MEDIA);
    g_assert_cmphex(packet(&pc, ready, 12, 0), ==, 0x6451); /* a new medium: once */
    recover(&pc);
    g_assert_cmphex(packet(&pc, ready, 12, 0), ==, 0x50);
    rig_bad_states(pc.drive);
    teardown(&pc);
}

/* A transfer mode that does not exist: once a shift by more than an int has. */
static void check_bad_mode(void)
{
    struct pc pc;
    g_autoptr(GByteArray) state = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    const uint8_t *data;
    size_t left;

    setup(&pc, &ide_hd_class, true);
    ((struct ide_drive *)pc.drive)->udma = 45;
    dev_save(pc.drive, state);
    data = state->data;
    left = state->len;
    g_assert_false(dev_load(pc.drive, &data, &left, &error));
    g_assert_nonnull(error);
    g_assert_cmpuint(((struct ide_drive *)pc.drive)->udma, <=, 7);
    teardown(&pc);
}

static void check_bad_memory(void)
{
    struct pc pc;

    setup(&pc, &ide_hd_class, true);
    put(&pc, 0, 0x25, 0, 1, 0, 512);
    st_le64(ram(&pc, LIST + 8), UINT64_C(0xfffffffffff000)); /* no such memory */
    issue(&pc, 1);
    wr(&pc, 0x38, 1);
    g_assert_cmphex(rd(&pc, 0x10) & 0x20000000, ==, 0x20000000);
    recover(&pc);
    put(&pc, 0, 0x25, 0, 1, 0, 512);
    st_le64(ram(&pc, TABLE + 0x90), ABAR); /* its own registers */
    issue(&pc, 1);
    g_assert_cmphex(rd(&pc, 0x20), ==, 0x451);
    recover(&pc);
    wr(&pc, 0x00, 0);
    wr(&pc, 0x04, 0xff);
    wr(&pc, 0x38, 1);
    g_assert_cmphex(rd(&pc, 0x10) & 0x20000000, ==, 0x20000000);
    teardown(&pc);
}

static void check_bus(void)
{
    struct pc pc;
    struct dev *second, *bare;
    g_autoptr(GError) error = NULL;

    setup(&pc, &ide_hd_class, true);
    second = rig_make(pc.r, &ide_hd_class);
    g_assert_true(dev_set_str(second, "drive", "disk", &error));
    g_assert_false(dev_realize(second, g_ptr_array_index(pc.hba->dev.buses, 0), &error));
    g_assert_nonnull(error);
    g_clear_error(&error);
    bare = rig_make(pc.r, &ide_hd_class);
    g_assert_false(dev_realize(bare, g_ptr_array_index(pc.hba->dev.buses, 1), &error));
    g_assert_nonnull(error);
    g_clear_error(&error);
    rig_start(pc.r, rig_make(pc.r, &ide_cd_class), g_ptr_array_index(pc.hba->dev.buses, 1));
    teardown(&pc);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ahci/registers", check_registers);
    g_test_add_func("/ahci/identify", check_identify);
    g_test_add_func("/ahci/smart", check_smart);
    g_test_add_func("/ahci/sync", check_sync);
    g_test_add_func("/ahci/async", check_async);
    g_test_add_func("/ahci/in-flight", check_in_flight);
    g_test_add_func("/ahci/trim", check_trim);
    g_test_add_func("/ahci/cd", check_cd);
    g_test_add_func("/ahci/bad-mode", check_bad_mode);
    g_test_add_func("/ahci/bad-memory", check_bad_memory);
    g_test_add_func("/ahci/bus", check_bus);
    return g_test_run();
}
