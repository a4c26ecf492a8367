/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fw_cfg: see fw_cfg.h. Multi-byte fields of the DMA interface are big-endian. */
#include "machine/dev/pc/fw_cfg.h"

#include "base/endian.h"
#include "machine/dev/classes.h"
#include "machine/dev/pc/isa.h"

#include <errno.h>
#include <string.h>

#define PORT_SELECT 0x510
#define PORT_DMA    0x514

#define DMA_SIGNATURE UINT64_C(0x51454d5520434647) /* "QEMU CFG" */
#define ID_PORTS      1u
#define ID_DMA        2u

#define DMA_ERROR  1u
#define DMA_READ   2u
#define DMA_SKIP   4u
#define DMA_SELECT 8u
#define DMA_WRITE  16u

#define KEY_INVALID    0xffff
#define DIR_ENTRY_SIZE 64

struct item {
    uint16_t key; /* of an item that is not a file */
    char *name;   /* of a file */
    uint8_t *data;
    size_t len;
    struct fw_cfg_hooks hooks;
};

struct fw_cfg {
    struct dev dev;
    struct dma dma;
    struct bus_region ports, dma_region;
    struct bus_mapping *ports_mapping, *dma_mapping;
    gpa base; /* in memory; frozen */

    /* lock */
    GPtrArray *items; /* struct item *, not files, any order */
    GPtrArray *files; /* struct item *, sorted by name: their selectors */
    uint16_t selected;
    uint32_t offset; /* of the next byte read from the selected item */
    uint64_t dma_address;
};

/* ---- what there is ---- */

static void item_free(void *p)
{
    struct item *i = p;

    g_free(i->name);
    g_free(i->data);
    g_free(i);
}

static void set_data(struct item *i, const void *data, size_t len)
{
    uint8_t *copy = g_malloc(len + 1);

    if (len) {
        memcpy(copy, data, len);
    }
    g_free(i->data);
    i->data = copy;
    i->len = len;
}

static struct item *find_item(struct fw_cfg *f, uint16_t key)
{
    if (key >= FW_CFG_FILE_FIRST && key - FW_CFG_FILE_FIRST < f->files->len) {
        return g_ptr_array_index(f->files, key - FW_CFG_FILE_FIRST);
    }
    for (unsigned n = 0; n < f->items->len; n++) {
        struct item *i = g_ptr_array_index(f->items, n);

        if (i->key == key) {
            return i;
        }
    }
    return NULL;
}

/* Index of the file, or of the place where it would be. */
static bool find_file(struct fw_cfg *f, const char *name, unsigned *ret_at)
{
    unsigned n;
    int order = 1;

    for (n = 0; n < f->files->len; n++) {
        order = strcmp(((struct item *)g_ptr_array_index(f->files, n))->name, name);
        if (order >= 0) {
            break;
        }
    }
    *ret_at = n;
    return order == 0;
}

/* The directory: a count, then one fixed-size entry a file, big-endian. */
static void rebuild_directory(struct fw_cfg *f)
{
    size_t len = 4 + (size_t)f->files->len * DIR_ENTRY_SIZE;
    g_autofree uint8_t *dir = g_malloc0(len);
    uint8_t *p = dir + 4;

    st_be32(dir, f->files->len);
    for (unsigned n = 0; n < f->files->len; n++, p += DIR_ENTRY_SIZE) {
        const struct item *i = g_ptr_array_index(f->files, n);

        st_be32(p, (uint32_t)i->len);
        st_be16(p + 4, (uint16_t)(FW_CFG_FILE_FIRST + n));
        memcpy(p + 8, i->name, strlen(i->name));
    }
    fw_cfg_add_bytes(f, FW_CFG_FILE_DIR, dir, len);
}

static void make_tables(struct fw_cfg *f)
{
    if (!f->items) {
        f->items = g_ptr_array_new_with_free_func(item_free);
        f->files = g_ptr_array_new_with_free_func(item_free);
        fw_cfg_add_bytes(f, FW_CFG_SIGNATURE, "QEMU", 4);
        fw_cfg_add_u32(f, FW_CFG_ID, ID_PORTS | ID_DMA);
        rebuild_directory(f);
    }
}

void fw_cfg_add_bytes(struct fw_cfg *f, uint16_t key, const void *data, size_t len)
{
    struct item *i;

    make_tables(f);
    i = find_item(f, key);
    if (!i) {
        i = g_new0(struct item, 1);
        i->key = key;
        g_ptr_array_add(f->items, i);
    }
    set_data(i, data, len);
}

void fw_cfg_add_string(struct fw_cfg *f, uint16_t key, const char *value)
{
    fw_cfg_add_bytes(f, key, value, strlen(value) + 1);
}

void fw_cfg_add_u16(struct fw_cfg *f, uint16_t key, uint16_t value)
{
    uint8_t b[2];

    st_le16(b, value);
    fw_cfg_add_bytes(f, key, b, sizeof(b));
}

void fw_cfg_add_u32(struct fw_cfg *f, uint16_t key, uint32_t value)
{
    uint8_t b[4];

    st_le32(b, value);
    fw_cfg_add_bytes(f, key, b, sizeof(b));
}

void fw_cfg_add_u64(struct fw_cfg *f, uint16_t key, uint64_t value)
{
    uint8_t b[8];

    st_le64(b, value);
    fw_cfg_add_bytes(f, key, b, sizeof(b));
}

static gboolean refuse(GError **error, const char *name, const char *why)
{
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "fw_cfg file '%s': %s", name, why);
    return FALSE;
}

gboolean fw_cfg_add_file_hooks(struct fw_cfg *f, const char *name, const void *data, size_t len,
                               const struct fw_cfg_hooks *hooks, GError **error)
{
    struct item *i;
    unsigned at;

    make_tables(f);
    if (name[0] == '\0' || strlen(name) > FW_CFG_NAME_MAX) {
        return refuse(error, name, "a name has 1 to 55 bytes");
    } else if (len > UINT32_MAX) {
        return refuse(error, name, "longer than 4 GiB");
    } else if (f->files->len >= FW_CFG_FILES_MAX) {
        return refuse(error, name, "too many files");
    } else if (find_file(f, name, &at)) {
        return refuse(error, name, "duplicate name");
    }
    i = g_new0(struct item, 1);
    i->name = g_strdup(name);
    if (hooks) {
        i->hooks = *hooks;
    }
    set_data(i, data, len);
    g_ptr_array_insert(f->files, (int)at, i);
    rebuild_directory(f);
    return TRUE;
}

gboolean fw_cfg_add_file(struct fw_cfg *f, const char *name, const void *data, size_t len,
                         GError **error)
{
    return fw_cfg_add_file_hooks(f, name, data, len, NULL, error);
}

void fw_cfg_replace_locked(struct fw_cfg *f, const char *name, const void *data, size_t len)
{
    unsigned at;
    bool found;

    make_tables(f);
    found = find_file(f, name, &at);
    g_assert(found && len <= UINT32_MAX);
    set_data(g_ptr_array_index(f->files, at), data, len);
    rebuild_directory(f);
}

gboolean fw_cfg_set_file(struct fw_cfg *f, const char *name, const void *data, size_t len,
                         GError **error)
{
    unsigned at;

    make_tables(f);
    if (!find_file(f, name, &at)) {
        return fw_cfg_add_file(f, name, data, len, error);
    }
    if (len > UINT32_MAX) {
        return refuse(error, name, "longer than 4 GiB");
    }
    fw_cfg_replace_locked(f, name, data, len);
    return TRUE;
}

const void *fw_cfg_get_file(struct fw_cfg *f, const char *name, size_t *ret_len)
{
    const struct item *i;
    unsigned at;

    make_tables(f);
    if (!find_file(f, name, &at)) {
        return NULL;
    }
    i = g_ptr_array_index(f->files, at);
    *ret_len = i->len;
    return i->data;
}

const void *fw_cfg_get(struct fw_cfg *f, uint16_t key, size_t *ret_len)
{
    const struct item *i;

    make_tables(f);
    i = find_item(f, key);
    if (!i) {
        return NULL;
    }
    *ret_len = i->len;
    return i->data;
}

uint16_t fw_cfg_file_key(struct fw_cfg *f, const char *name)
{
    unsigned at;

    make_tables(f);
    return find_file(f, name, &at) ? (uint16_t)(FW_CFG_FILE_FIRST + at) : 0;
}

/* ---- the guest's side ---- */

static void select_item(struct fw_cfg *f, uint16_t key)
{
    struct item *i = find_item(f, key);

    f->offset = 0;
    f->selected = i ? key : KEY_INVALID;
    if (i && i->hooks.selected) {
        i->hooks.selected(i->hooks.opaque);
    }
}

static uint8_t next_byte(struct fw_cfg *f)
{
    const struct item *i = find_item(f, f->selected);

    return i && f->offset < i->len ? i->data[f->offset++] : 0;
}

static uint64_t ports_read(void *opaque, gpa off, unsigned size)
{
    return size == 1 ? next_byte(opaque) : UINT64_MAX;
}

static void ports_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    if (size == 2) {
        select_item(opaque, (uint16_t)value);
    }
}

static const struct bus_ops ports_ops = {
    .read = ports_read,
    .write = ports_write,
    .min_size = 1,
    .max_size = 2,
    .wide = BUS_IGNORE,
    .unaligned = BUS_IGNORE,
};

/* ---- in memory ---- */

#define MEM_SELECT 8
#define MEM_DMA    16

/* The data register keeps the order of bytes, whatever the access. */
static uint64_t mem_read(void *opaque, gpa off, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; off < MEM_SELECT && i < size; i++) {
        value |= (uint64_t)next_byte(opaque) << i * 8;
    }
    return value;
}

static void mem_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    if (off == MEM_SELECT && size == 2) {
        select_item(opaque, GUINT16_SWAP_LE_BE((uint16_t)value));
    }
}

static const struct bus_ops mem_ops = {
    .read = mem_read,
    .write = mem_write,
    .min_size = 1,
    .max_size = 8,
    .unaligned = BUS_IGNORE,
};

/* Reads past the end give zeroes. 0, or -EFAULT. */
static int dma_to_guest(struct fw_cfg *f, const struct item *i, uint64_t addr, uint32_t len)
{
    static const uint8_t zeroes[4096];
    uint32_t have = i && f->offset < i->len ? (uint32_t)MIN(i->len - f->offset, len) : 0;
    int status = have ? dma_write(&f->dma, addr, i->data + f->offset, have) : 0;

    for (uint32_t done = have; status == 0 && done < len;) {
        uint32_t n = MIN(len - done, (uint32_t)sizeof(zeroes));

        status = dma_write(&f->dma, addr + done, zeroes, n);
        done += n;
    }
    f->offset += have;
    return status;
}

/* Only files that say so are written, and only inside what they are. */
static int dma_from_guest(struct fw_cfg *f, struct item *i, uint64_t addr, uint32_t len)
{
    uint32_t off = f->offset;
    int status;

    if (!i || !i->hooks.written || off > i->len || len > i->len - off) {
        return -EFAULT;
    }
    status = dma_read(&f->dma, addr, i->data + off, len);
    if (status == 0) {
        f->offset += len;
        i->hooks.written(i->hooks.opaque, i->data, off, len);
    }
    return status;
}

static void skip(struct fw_cfg *f, const struct item *i, uint32_t len)
{
    if (i && f->offset < i->len) {
        f->offset += (uint32_t)MIN(i->len - f->offset, len);
    }
}

static void run_dma(struct fw_cfg *f)
{
    uint64_t at = f->dma_address;
    uint8_t request[16];
    uint32_t control, len;
    uint64_t addr;
    struct item *i;
    int status = 0;

    f->dma_address = 0;
    if (dma_read(&f->dma, at, request, sizeof(request)) < 0) {
        dev_note(&f->dev, "guest gave a DMA request that is not in RAM");
        return;
    }
    control = ld_be32(request);
    len = ld_be32(request + 4);
    addr = ld_be64(request + 8);
    if (control & DMA_SELECT) {
        select_item(f, (uint16_t)(control >> 16));
    }
    i = find_item(f, f->selected);
    if (control & DMA_READ) {
        status = dma_to_guest(f, i, addr, len);
    } else if (control & DMA_WRITE) {
        status = dma_from_guest(f, i, addr, len);
    } else if (control & DMA_SKIP) {
        skip(f, i, len);
    }
    st_be32(request, status < 0 ? DMA_ERROR : 0);
    if (dma_write(&f->dma, at, request, 4) < 0) {
        dev_note(&f->dev, "guest gave a DMA request that cannot be written");
    }
}

static uint64_t dma_port_read(void *opaque, gpa off, unsigned size)
{
    return off ? (uint32_t)DMA_SIGNATURE : DMA_SIGNATURE >> 32;
}

static void dma_port_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct fw_cfg *f = opaque;

    if (off == 0) {
        f->dma_address = value << 32;
    } else {
        f->dma_address |= (uint32_t)value;
        run_dma(f);
    }
}

static const struct bus_ops dma_ops = {
    .read = dma_port_read,
    .write = dma_port_write,
    .min_size = 4,
    .max_size = 4,
    .narrow = BUS_SPLIT,
    .wide = BUS_SPLIT,
    .big_endian = true,
};

/* ---- life ---- */

/* The bytes a guest may have written. */
static void save_written(const void *obj, GByteArray *out)
{
    const struct fw_cfg *f = obj;

    for (unsigned n = 0; n < f->files->len; n++) {
        const struct item *i = g_ptr_array_index(f->files, n);

        if (i->hooks.written) {
            g_byte_array_append(out, i->data, (guint)i->len);
        }
    }
}

static int load_written(void *obj, const uint8_t **data, size_t *left)
{
    struct fw_cfg *f = obj;

    for (unsigned n = 0; n < f->files->len; n++) {
        struct item *i = g_ptr_array_index(f->files, n);

        if (!i->hooks.written) {
            continue;
        }
        if (*left < i->len) {
            return -EINVAL;
        }
        memcpy(i->data, *data, i->len);
        *data += i->len;
        *left -= i->len;
        i->hooks.written(i->hooks.opaque, i->data, 0, i->len);
    }
    return 0;
}

static const struct state_row fw_cfg_state[] = {
    STATE_U(struct fw_cfg, selected, FW_CFG_SIGNATURE),
    STATE_U(struct fw_cfg, offset, 0),
    STATE_U(struct fw_cfg, dma_address, 0),
    {.kind = STATE_CUSTOM, .name = "written", .save = save_written, .load = load_written},
    STATE_DONE,
};

static void make(struct fw_cfg *f, uint64_t size, const struct bus_ops *ops)
{
    make_tables(f);
    f->dma = (struct dma){.bus = f->dev.env->memory, .enabled = true};
    bus_region_init_io(&f->ports, "fwcfg", size, ops, f, &f->dev.lock);
    bus_region_init_io(&f->dma_region, "fwcfg.dma", 8, &dma_ops, f, &f->dev.lock);
}

static gboolean fw_cfg_realize(struct dev *dev, GError **error)
{
    struct fw_cfg *f = fw_cfg_of(dev);

    make(f, 2, &ports_ops);
    f->ports_mapping = isa_map(dev, &f->ports, PORT_SELECT);
    f->dma_mapping = isa_map(dev, &f->dma_region, PORT_DMA);
    return TRUE;
}

static void fw_cfg_unrealize(struct dev *dev)
{
    struct fw_cfg *f = fw_cfg_of(dev);

    isa_unmap(dev, f->ports_mapping);
    isa_unmap(dev, f->dma_mapping);
    g_clear_pointer(&f->items, g_ptr_array_unref);
    g_clear_pointer(&f->files, g_ptr_array_unref);
}

const struct dev_class fw_cfg_class = {
    .name = "fw_cfg_io",
    .description = "firmware configuration",
    .category = "Misc",
    .instance_size = sizeof(struct fw_cfg),
    .state = fw_cfg_state,
    .state_version = 1,
    .internal = true,
    .realize = fw_cfg_realize,
    .unrealize = fw_cfg_unrealize,
};

void fw_cfg_place(struct fw_cfg *f, gpa base)
{
    f->base = base;
}

static gboolean mem_realize(struct dev *dev, GError **error)
{
    struct fw_cfg *f = fw_cfg_of(dev);
    struct bus *memory = dev->env->memory;

    make(f, MEM_SELECT + 2, &mem_ops);
    f->ports_mapping = bus_map(memory, f->base, &f->ports, 0, f->ports.size, 0, false);
    f->dma_mapping = bus_map(memory, f->base + MEM_DMA, &f->dma_region, 0, 8, 0, false);
    return TRUE;
}

static void mem_unrealize(struct dev *dev)
{
    struct fw_cfg *f = fw_cfg_of(dev);

    bus_unmap(dev->env->memory, f->ports_mapping);
    bus_unmap(dev->env->memory, f->dma_mapping);
    g_clear_pointer(&f->items, g_ptr_array_unref);
    g_clear_pointer(&f->files, g_ptr_array_unref);
}

const struct dev_class fw_cfg_mem_class = {
    .name = "fw_cfg_mem",
    .description = "firmware configuration in memory",
    .category = "Misc",
    .instance_size = sizeof(struct fw_cfg),
    .state = fw_cfg_state,
    .state_version = 1,
    .internal = true,
    .realize = mem_realize,
    .unrealize = mem_unrealize,
};
