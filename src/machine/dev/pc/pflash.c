/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cfi.pflash01: see pflash.h.
 *
 *          first command                       array read
 *   ROM  ----------------->  I/O region  ---------------->  ROM
 *
 * As long as it is read as an array the guest reads (and runs) a ROM without any help. A command
 * lays an I/O region over it; the first read in array mode takes that away again, so that a driver
 * that programs byte after byte changes the map only twice.
 */
#include "machine/dev/pc/pflash.h"

#include "block/block.h"
#include "machine/dev/classes.h"

#include <errno.h>
#include <string.h>

#define STATUS_READY  0x80
#define STATUS_ERASE  0x20 /* erase failed */
#define STATUS_WRITE  0x10 /* program failed */
#define STATUS_LOCKED 0x02

#define BUFFER_MAX 2048 /* bytes of the write buffer */
#define SIZE_MAX_  (UINT64_C(64) << 20)
#define PRIORITY   1 /* of the I/O region over the ROM */

enum mode { MODE_ARRAY, MODE_STATUS, MODE_ID, MODE_CFI };

struct pflash {
    struct dev dev;
    /* properties */
    char *drive;
    uint64_t sector_length;
    uint8_t width;
    uint16_t id[2];
    char *name;
    uint32_t num_blocks;

    struct block_node *node; /* frozen */
    gpa base;                /* frozen; before realize, with `below`: the end */
    bool below;
    struct ram_block *ram; /* owned; frozen */
    uint64_t size;         /* frozen */
    bool read_only;        /* frozen */
    struct bus_region rom, io;
    struct bus_mapping *rom_mapping, *io_mapping; /* io_mapping: lock */

    /* lock */
    uint8_t mode;    /* enum mode: what a read shows */
    uint8_t command; /* one that waits for more writes; 0: none */
    uint8_t status;
    uint32_t buffer_left; /* bytes still to come; 0 with command E8h: the count comes */
    bool buffer_full;     /* the confirmation comes */
    uint64_t buffer_base; /* offset at which the buffer lies */
    uint32_t buffer_len;
    uint8_t buffer[BUFFER_MAX];
    uint8_t cfi[0x52];
};

static const struct row pflash_props[] = {
    {"drive", ROW_LINK, ROW_FIELD(struct pflash, drive), .link = ROW_LINK_BLOCK,
     .help = "where the contents are kept"},
    {"num-blocks", ROW_UINT, ROW_FIELD(struct pflash, num_blocks), .def = "0",
     .help = "number of erase blocks; 0: as the drive is long"},
    {"sector-length", ROW_UINT, ROW_FIELD(struct pflash, sector_length), .def = "4096", .min = 512,
     .max = 1 << 20, .help = "bytes of an erase block"},
    {"width", ROW_UINT, ROW_FIELD(struct pflash, width), .def = "1", .min = 1, .max = 4,
     .help = "bytes of the bank's data bus"},
    {"id0", ROW_UINT, ROW_FIELD(struct pflash, id[0]), .def = "137", .help = "manufacturer"},
    {"id1", ROW_UINT, ROW_FIELD(struct pflash, id[1]), .def = "24", .help = "device"},
    {"name", ROW_STR, ROW_FIELD(struct pflash, name), .help = "name of the memory region"},
    {NULL},
};

static struct pflash *pflash_of(struct dev *dev)
{
    return (struct pflash *)dev;
}

static uint8_t *bytes(const struct pflash *p)
{
    return p->ram->host;
}

/* ---- which of the two regions the guest sees ---- */

static void show_io(struct pflash *p)
{
    if (!p->io_mapping) {
        p->io_mapping = bus_map(p->dev.env->memory, p->base, &p->io, 0, p->size, PRIORITY, false);
    }
}

static void show_rom(struct pflash *p)
{
    bus_unmap(p->dev.env->memory, p->io_mapping);
    p->io_mapping = NULL;
}

/* ---- contents ---- */

/* Keeps [off, off + len); a failure is the chip's program error. */
static void persist(struct pflash *p, uint64_t off, uint64_t len, uint8_t failure)
{
    uint64_t from = off & ~(uint64_t)(BLOCK_SECTOR - 1);
    uint64_t to = MIN((off + len + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1), p->size);
    g_autofree uint8_t *copy = g_malloc(to - from);
    int status;

    ram_wrote(p->ram, off, len);
    if (!p->node) {
        return;
    }
    ram_read(copy, bytes(p) + from, to - from);
    status = block_pwrite(p->node, from, copy, to - from, 0);
    if (status < 0) {
        p->status |= failure;
        dev_note(&p->dev, "cannot keep the flash contents: %s", g_strerror(-status));
    }
}

/* Programming turns ones into zeroes... but a driver may count on plain stores, as QEMU makes. */
static void program(struct pflash *p, uint64_t off, const uint8_t *data, uint32_t len)
{
    if (p->read_only) {
        p->status |= STATUS_WRITE;
    } else {
        ram_write(bytes(p) + off, data, len);
        persist(p, off, len, STATUS_WRITE);
    }
    p->status |= STATUS_READY;
}

static void erase(struct pflash *p, uint64_t off)
{
    off -= off % p->sector_length;
    if (p->read_only) {
        p->status |= STATUS_ERASE;
    } else {
        ram_fill(bytes(p) + off, 0xff, p->sector_length);
        persist(p, off, p->sector_length, STATUS_ERASE);
    }
    p->status |= STATUS_READY;
}

/* ---- commands ---- */

static void back_to(struct pflash *p, enum mode mode)
{
    p->mode = (uint8_t)mode;
    p->command = 0;
    p->buffer_left = 0;
    p->buffer_full = false;
}

static void first_write(struct pflash *p, uint8_t byte)
{
    switch (byte) {
    case 0x10: /* program one unit */
    case 0x40:
    case 0x20: /* block erase */
    case 0x60: /* lock bits */
        p->command = byte;
        p->mode = MODE_STATUS;
        break;
    case 0xe8: /* write to buffer */
        p->command = byte;
        p->mode = MODE_STATUS;
        p->status |= STATUS_READY;
        p->buffer_len = p->buffer_left = 0;
        p->buffer_full = false;
        break;
    case 0x50:
        p->status = 0;
        back_to(p, MODE_ARRAY);
        break;
    case 0x70: back_to(p, MODE_STATUS); break;
    case 0x90: back_to(p, MODE_ID); break;
    case 0x98: back_to(p, MODE_CFI); break;
    default: back_to(p, MODE_ARRAY); break; /* FFh, F0h, and what no chip knows */
    }
}

static void buffer_write(struct pflash *p, uint64_t off, uint64_t value, unsigned size)
{
    if (p->buffer_full) {
        if ((uint8_t)value == 0xd0) {
            program(p, p->buffer_base, p->buffer, p->buffer_len);
            back_to(p, MODE_STATUS);
        } else {
            back_to(p, MODE_ARRAY);
        }
    } else if (p->buffer_len == 0) { /* the count: units less one */
        p->buffer_len = (uint32_t)MIN(((value & 0xffff) + 1) * p->width, BUFFER_MAX);
        p->buffer_left = p->buffer_len;
        p->buffer_base = UINT64_MAX;
    } else {
        if (p->buffer_base == UINT64_MAX) { /* the buffer's place is the first address's */
            p->buffer_base = MIN(off, p->size - p->buffer_len);
            ram_read(p->buffer, bytes(p) + p->buffer_base, p->buffer_len);
        }
        for (unsigned i = 0; i < size; i++) {
            uint64_t at = off + i - p->buffer_base;

            if (off + i >= p->buffer_base && at < p->buffer_len) {
                p->buffer[at] = (uint8_t)(value >> i * 8);
            } else {
                p->status |= STATUS_WRITE;
            }
        }
        p->buffer_left -= MIN(size, p->buffer_left);
        p->buffer_full = p->buffer_left == 0;
    }
}

static void next_write(struct pflash *p, uint64_t off, uint64_t value, unsigned size)
{
    uint8_t data[8];

    switch (p->command) {
    case 0x10:
    case 0x40:
        for (unsigned i = 0; i < size; i++) {
            data[i] = (uint8_t)(value >> i * 8);
        }
        program(p, off, data, size);
        back_to(p, MODE_STATUS);
        break;
    case 0x20:
        if ((uint8_t)value == 0xd0) {
            erase(p, off);
            back_to(p, MODE_STATUS);
        } else {
            back_to(p, MODE_ARRAY);
        }
        break;
    case 0x60: /* block lock (01h) and unlock (D0h): no block is ever locked */
        p->status |= STATUS_READY;
        back_to(p, (uint8_t)value == 0x01 || (uint8_t)value == 0xd0 ? MODE_STATUS : MODE_ARRAY);
        break;
    default: buffer_write(p, off, value, size); break;
    }
}

static void pflash_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct pflash *p = opaque;

    show_io(p);
    if (p->command) {
        next_write(p, off, value, size);
    } else {
        first_write(p, (uint8_t)value);
    }
}

/* ---- reads while commands are worked on ---- */

static uint8_t query_byte(const struct pflash *p, uint64_t off)
{
    uint64_t index = off / p->width;

    if (p->mode == MODE_CFI) {
        return index < sizeof(p->cfi) && off % p->width == 0 ? p->cfi[index] : 0;
    }
    switch (index & 0xff) {
    case 0: return (uint8_t)(p->id[0] >> off % p->width * 8);
    case 1: return (uint8_t)(p->id[1] >> off % p->width * 8);
    default: return 0;
    }
}

static uint64_t pflash_read(void *opaque, gpa off, unsigned size)
{
    struct pflash *p = opaque;
    uint64_t value = 0;

    if (p->mode == MODE_ARRAY && !p->command) {
        show_rom(p);
    }
    for (unsigned i = 0; i < size; i++) {
        uint8_t byte;

        switch (p->mode) {
        case MODE_ARRAY: byte = ram_ld8(bytes(p) + off + i); break;
        case MODE_STATUS: byte = (off + i) % p->width ? 0 : p->status; break;
        default: byte = query_byte(p, off + i); break;
        }
        value |= (uint64_t)byte << i * 8;
    }
    return value;
}

static const struct bus_ops pflash_ops = {
    .read = pflash_read,
    .write = pflash_write,
    .min_size = 1,
    .max_size = 4,
    .wide = BUS_SPLIT,
    .unaligned = BUS_SPLIT,
};

/* ---- life ---- */

void pflash_set_node(struct dev *dev, struct block_node *node)
{
    pflash_of(dev)->node = node;
}

void pflash_place(struct dev *dev, gpa base, const char *name)
{
    struct pflash *p = pflash_of(dev);

    p->base = base;
    g_free(p->name);
    p->name = g_strdup(name);
}

void pflash_place_below(struct dev *dev, gpa top, const char *name)
{
    pflash_place(dev, top, name);
    pflash_of(dev)->below = true;
}

gpa pflash_base(const struct dev *dev)
{
    return ((const struct pflash *)dev)->base;
}

uint64_t pflash_size(const struct dev *dev)
{
    return ((const struct pflash *)dev)->size;
}

struct ram_block *pflash_ram(const struct dev *dev)
{
    return ((const struct pflash *)dev)->ram;
}

/* The CFI query table (JESD68.01, table 1 on), for one erase region. */
static void fill_cfi(struct pflash *p)
{
    static const uint8_t head[] = {'Q',  'R',  'Y', 0x01, 0x00, 0x31, 0x00, 0, 0,    0,    0,
                                   0x45, 0x55, 0,   0,    0x07, 0x07, 0x0a, 0, 0x04, 0x04, 0x04};
    uint32_t blocks = (uint32_t)(p->size / p->sector_length);

    memcpy(p->cfi + 0x10, head, sizeof(head));
    p->cfi[0x27] = (uint8_t)(63 - __builtin_clzll(p->size)); /* length, as a power of two */
    p->cfi[0x28] = 0x02;                                     /* byte and word wide */
    p->cfi[0x2a] = p->width == 1 ? 0x08 : 0x0b;              /* write buffer, as a power of two */
    p->cfi[0x2c] = 1;                                        /* one erase region */
    p->cfi[0x2d] = (uint8_t)(blocks - 1);
    p->cfi[0x2e] = (uint8_t)((blocks - 1) >> 8);
    p->cfi[0x2f] = (uint8_t)(p->sector_length >> 8);
    p->cfi[0x30] = (uint8_t)(p->sector_length >> 16);
    memcpy(p->cfi + 0x31, "PRI10", 5);
}

static gboolean load_contents(struct pflash *p, GError **error)
{
    g_autofree uint8_t *copy = g_malloc(p->size);
    int status = block_pread(p->node, 0, copy, p->size);

    if (status < 0) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_IO, "cannot read the flash contents: %s",
                    g_strerror(-status));
        return FALSE;
    }
    ram_write(bytes(p), copy, p->size);
    return TRUE;
}

static gboolean choose_size(struct pflash *p, GError **error)
{
    int64_t length = p->node ? block_length(p->node) : 0;

    if (p->sector_length % BLOCK_SECTOR) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "cfi.pflash01: sector-length must be a multiple of 512");
        return FALSE;
    }
    p->size = p->num_blocks ? p->num_blocks * p->sector_length : (uint64_t)MAX(length, 0);
    if (p->size == 0 || p->size > SIZE_MAX_ || p->size % p->sector_length ||
        p->size % RAM_PAGE_SIZE || (p->node && (uint64_t)length != p->size)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "cfi.pflash01: the flash is %" G_GUINT64_FORMAT
                    " bytes long, its drive %" G_GINT64_FORMAT
                    "; it must have 4 KiB to 64 MiB in whole sectors of %" G_GUINT64_FORMAT,
                    p->size, length, p->sector_length);
        return FALSE;
    }
    return TRUE;
}

static gboolean find_node(struct pflash *p, GError **error)
{
    struct block_backend *backend;

    if (p->node || !p->drive) {
        return TRUE;
    }
    backend = p->dev.env->find(p->dev.env->machine, ROW_LINK_BLOCK, p->drive, error);
    if (!backend) {
        return FALSE;
    }
    p->node = block_backend_node(backend);
    if (!p->node) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "cfi.pflash01: drive '%s' has no medium", p->drive);
        return FALSE;
    }
    return TRUE;
}

static gboolean pflash_realize(struct dev *dev, GError **error)
{
    struct pflash *p = pflash_of(dev);
    const char *name = p->name ? p->name : "pflash";

    if (!find_node(p, error) || !choose_size(p, error)) {
        return FALSE;
    }
    p->base -= p->below ? p->size : 0;
    p->read_only = p->node && block_read_only(p->node);
    p->ram = ram_block_new(name, p->size, error);
    if (!p->ram) {
        return FALSE;
    }
    if (p->node && !load_contents(p, error)) {
        g_clear_pointer(&p->ram, ram_block_free);
        return FALSE;
    }
    fill_cfi(p);
    bus_region_init_rom(&p->rom, name, p->ram, 0, p->size, &pflash_ops, p, &dev->lock);
    bus_region_init_io(&p->io, name, p->size, &pflash_ops, p, &dev->lock);
    p->rom_mapping = bus_map(dev->env->memory, p->base, &p->rom, 0, p->size, 0, false);
    return TRUE;
}

static void pflash_unrealize(struct dev *dev)
{
    struct pflash *p = pflash_of(dev);

    show_rom(p);
    bus_unmap(dev->env->memory, p->rom_mapping);
    g_clear_pointer(&p->ram, ram_block_free);
}

static void pflash_reset(struct dev *dev)
{
    show_rom(pflash_of(dev));
}

/* The contents are state: the drive of the machine that loads may be older. */
static void save_contents(const void *obj, GByteArray *out)
{
    const struct pflash *p = obj;
    guint at = out->len;

    g_byte_array_set_size(out, at + (guint)p->size);
    ram_read(out->data + at, bytes(p), p->size);
}

static int load_saved(void *obj, const uint8_t **data, size_t *left)
{
    struct pflash *p = obj;

    if (*left < p->size) {
        return -EINVAL;
    }
    ram_write(bytes(p), *data, p->size);
    ram_wrote(p->ram, 0, p->size);
    *data += p->size;
    *left -= p->size;
    return 0;
}

static const struct state_row pflash_state[] = {
    STATE_U(struct pflash, mode, MODE_ARRAY),
    STATE_U(struct pflash, command, 0),
    STATE_U(struct pflash, status, STATUS_READY),
    STATE_U(struct pflash, buffer_left, 0),
    STATE_U(struct pflash, buffer_full, 0),
    STATE_U(struct pflash, buffer_base, 0),
    STATE_U(struct pflash, buffer_len, 0),
    STATE_U_ARRAY(struct pflash, buffer, 0),
    {.kind = STATE_CUSTOM, .name = "contents", .save = save_contents, .load = load_saved},
    STATE_DONE,
};

static gboolean pflash_post_load(struct dev *dev, GError **error)
{
    struct pflash *p = pflash_of(dev);
    bool placed = p->buffer_base == UINT64_MAX ||
                  (p->buffer_base <= p->size && p->buffer_len <= p->size - p->buffer_base);

    if (p->mode > MODE_CFI || p->buffer_len > BUFFER_MAX || p->buffer_left > p->buffer_len ||
        !placed) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "pflash: state out of range");
        return FALSE;
    }
    if (p->mode == MODE_ARRAY && !p->command) {
        show_rom(p);
    } else {
        show_io(p);
    }
    return TRUE;
}

const struct dev_class pflash_class = {
    .name = "cfi.pflash01",
    .description = "parallel flash with Intel's command set",
    .category = "Storage",
    .instance_size = sizeof(struct pflash),
    .props = pflash_props,
    .state = pflash_state,
    .state_version = 1,
    .internal = true,
    .realize = pflash_realize,
    .unrealize = pflash_unrealize,
    .reset = pflash_reset,
    .post_load = pflash_post_load,
};
