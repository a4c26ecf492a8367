/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One PCI function: configuration space, base address registers, capabilities, INTx.
 *
 * A configuration byte is defined by three masks: what the guest may write, what it clears by
 * writing ones, and the rest, which is constant. Locks: the root bus's lock guards configuration
 * spaces and mappings of the whole tree; it is taken before a device's lock.
 */
#include "machine/pci/pci.h"

#include "base/bits.h"
#include "machine/core/machine.h"
#include "machine/pci/internal.h"
#include "machine/pci/regs.h"

/* BARs lie below RAM and board devices where a guest programs them to overlap. */
#define BAR_PRIORITY (-1)

static const struct row props[] = {
    {.name = "addr",
     .type = ROW_PCI_ADDR,
     ROW_FIELD(struct pci_dev, addr),
     .help = "Slot and optional function number, example: 06.0 or 06"},
    {.name = "multifunction",
     .type = ROW_BOOL,
     ROW_FIELD(struct pci_dev, multifunction),
     .def = "off",
     .help = "on/off"},
    {.name = "romfile",
     .type = ROW_STR,
     ROW_FIELD(struct pci_dev, romfile),
     .help = "Option ROM file; empty for none"},
    {.name = "rombar",
     .type = ROW_BOOL,
     ROW_FIELD(struct pci_dev, rombar),
     .def = "on",
     .help = "Show the option ROM in a BAR"},
    {},
};

static unsigned bar_offset(const struct pci_dev *p, unsigned n)
{
    const struct pci_class *class = p->dev.class->bus_class;

    if (n != PCI_ROM_BAR) {
        return R_PCI_BAR0 + 4 * n;
    }
    return class->bridge ? R_BRIDGE_ROM : R_PCI_ROM;
}

/* The address a BAR decodes at, or 0: none (off, being sized, or at an address that cannot be). */
static gpa bar_address(const struct pci_dev *p, unsigned n)
{
    const struct pci_bar *bar = &p->bar[n];
    uint16_t command = pci_get16(p, R_PCI_COMMAND);
    uint32_t low = get32(p->config + bar_offset(p, n));
    uint64_t limit = bar->io ? UINT64_C(0x10000) : bar->is64 ? BIT64(52) : BIT64(32);
    uint64_t size = bar->region->size;
    gpa base;

    if (!(command & (bar->io ? COMMAND_IO : COMMAND_MEMORY)) ||
        (n == PCI_ROM_BAR && !(low & ROM_ENABLE))) {
        return 0;
    }
    base = low & (bar->io ? ~3u : n == PCI_ROM_BAR ? 0xfffff800u : ~15u);
    if (bar->is64) {
        base |= (uint64_t)get32(p->config + bar_offset(p, n) + 4) << 32;
    }
    /* All ones above the size bits is what sizing leaves there. */
    return base == 0 || base > limit - size || base + size == limit ? 0 : base;
}

struct span {
    gpa start, end; /* end is exclusive; empty when start >= end */
};

static struct span intersect(struct span a, struct span b)
{
    return (struct span){MAX(a.start, b.start), MIN(a.end, b.end)};
}

static struct span io_window(const struct pci_dev *b)
{
    const uint8_t *c = b->config;
    gpa base = (c[R_BRIDGE_IO_BASE] & 0xf0) << 8;
    gpa last = (c[R_BRIDGE_IO_LIMIT] & 0xf0) << 8 | 0xfff;

    if (!(pci_get16(b, R_PCI_COMMAND) & COMMAND_IO)) {
        return (struct span){0, 0};
    }
    return (struct span){base, last + 1};
}

static struct span memory_window(const struct pci_dev *b, bool prefetch)
{
    unsigned base_reg = prefetch ? R_BRIDGE_PREF_BASE : R_BRIDGE_MEM_BASE;
    unsigned limit_reg = prefetch ? R_BRIDGE_PREF_LIMIT : R_BRIDGE_MEM_LIMIT;
    gpa base = (gpa)(pci_get16(b, base_reg) & 0xfff0) << 16;
    gpa last = (gpa)(pci_get16(b, limit_reg) & 0xfff0) << 16 | 0xfffff;

    if (!(pci_get16(b, R_PCI_COMMAND) & COMMAND_MEMORY)) {
        return (struct span){0, 0};
    }
    if (prefetch && (b->config[R_BRIDGE_PREF_BASE] & 0xf) == 1) {
        base |= (gpa)get32(b->config + R_BRIDGE_PREF_BASE_HI) << 32;
        last |= (gpa)get32(b->config + R_BRIDGE_PREF_LIMIT_HI) << 32;
    }
    return (struct span){base, last + 1};
}

/* What of a BAR's range every bridge on the way forwards. */
static struct span clip(const struct pci_dev *p, const struct pci_bar *bar, struct span s)
{
    for (const struct pci_bus *bus = p->bus; bus->parent; bus = bus->parent) {
        struct span by_window;

        if (bar->io) {
            by_window = intersect(s, io_window(bus->bridge));
        } else {
            by_window = intersect(s, memory_window(bus->bridge, false));
            if (by_window.start >= by_window.end) {
                by_window = intersect(s, memory_window(bus->bridge, true));
            }
        }
        s = by_window;
    }
    return s;
}

static void map_bar(struct pci_dev *p, unsigned n)
{
    struct pci_bar *bar = &p->bar[n];
    struct bus *bus = bar->io ? p->dev.env->io : p->dev.env->memory;
    gpa base = bar_address(p, n);
    struct span s = {base, base ? base + bar->region->size : 0};

    s = clip(p, bar, s);
    if (s.start >= s.end) {
        s = (struct span){0, 0};
    }
    if (bar->start == s.start && bar->end == s.end && bar->base == base) {
        return;
    }
    bus_unmap(bus, bar->mapping);
    bar->mapping = NULL;
    if (s.end != 0 && bus) {
        bar->mapping = bus_map(bus, s.start, bar->region, s.start - base, s.end - s.start,
                               BAR_PRIORITY, false);
    }
    bar->base = base;
    bar->start = s.start;
    bar->end = s.end;
}

static void map_function(struct pci_dev *p)
{
    for (unsigned n = 0; n <= PCI_ROM_BAR; n++) {
        if (p->bar[n].region) {
            map_bar(p, n);
        }
    }
    if (p->below) {
        pci_bus_remap(p->below);
    }
}

/* Bridges nest, but a machine's configuration bounds how deep. */
void pci_bus_remap(struct pci_bus *bus)
{
    for (unsigned devfn = 0; devfn < 256; devfn++) {
        if (bus->slot[devfn]) {
            map_function(bus->slot[devfn]);
        }
    }
}

static void remap(struct pci_dev *p)
{
    struct bus *memory = p->dev.env->memory, *io = p->dev.env->io;

    bus_begin(memory);
    if (io) {
        bus_begin(io);
    }
    map_function(p);
    if (io) {
        bus_commit(io);
    }
    bus_commit(memory);
}

void pci_add_bar(struct pci_dev *p, unsigned n, struct bus_region *region, bool io, bool is64,
                 bool prefetch)
{
    uint64_t mask = ~(region->size - 1);
    unsigned off = bar_offset(p, n);

    g_assert(n <= PCI_ROM_BAR && !p->bar[n].region && is_pow2(region->size));
    g_assert(region->size >= (io ? 4 : 16) && (!is64 || n < PCI_BARS - 1));
    p->bar[n] = (struct pci_bar){.region = region, .io = io, .is64 = is64, .prefetch = prefetch};
    put32(p->writable + off, n == PCI_ROM_BAR ? (mask & 0xfffff800) | ROM_ENABLE : mask);
    if (n != PCI_ROM_BAR) {
        p->config[off] = (io ? BAR_IO : 0) | (is64 ? BAR_64 : 0) | (prefetch ? BAR_PREFETCH : 0);
        p->writable[off] &= io ? ~3 : ~15;
    }
    if (is64) {
        put32(p->writable + off + 4, mask >> 32);
    }
}

uint8_t pci_add_cap(struct pci_dev *p, uint8_t id, unsigned len)
{
    uint8_t off = p->next_cap;

    g_assert(off + len <= PCI_CONFIG);
    p->config[off] = id;
    p->config[off + 1] = p->config[R_PCI_CAP];
    p->config[R_PCI_CAP] = off;
    p->config[R_PCI_STATUS] |= STATUS_CAP_LIST;
    p->next_cap = align_up(off + len, 4);
    return off;
}

void pci_add_power(struct pci_dev *p)
{
    uint8_t cap = pci_add_cap(p, CAP_PM, 8);

    put16(p->config + cap + 2, 3);   /* revision 1.2 */
    put16(p->writable + cap + 4, 3); /* state */
}

uint16_t pci_add_ext_cap(struct pci_dev *p, uint16_t id, uint8_t version, unsigned len)
{
    uint16_t off = p->next_ext_cap ? p->next_ext_cap : PCI_CONFIG;

    g_assert(off + len <= PCIE_CONFIG);
    put32(p->config + off, id | version << 16);
    if (p->last_ext_cap) {
        put16(p->config + p->last_ext_cap + 2, (p->config[p->last_ext_cap + 2] & 0xf) | off << 4);
    }
    p->last_ext_cap = off;
    p->next_ext_cap = align_up(off + len, 8);
    return off;
}

/* The line of this function, as the root bus sees it, follows level and INTx disable. */
static void drive_intx(struct pci_dev *p, bool level)
{
    struct pci_bus *root = pci_root(p->bus);
    unsigned pin = p->config[R_PCI_IRQ_PIN];
    unsigned line;
    bool was, is;

    if (pin == 0 || p->intx_driven == level) {
        return;
    }
    p->intx_driven = level;
    line = pci_route_pin(p->bus, p->devfn, pin - 1);
    g_mutex_lock(&root->irq_lock);
    was = root->intx_count[line] != 0;
    root->intx_count[line] += level ? 1 : -1;
    is = root->intx_count[line] != 0;
    if (was != is) {
        irq_set(&root->intx[line], is);
    }
    g_mutex_unlock(&root->irq_lock);
}

void pci_set_intx(struct pci_dev *p, bool level)
{
    g_mutex_lock(&p->irq_lock);
    p->intx_level = level;
    drive_intx(p, level && !p->intx_off);
    g_mutex_unlock(&p->irq_lock);
}

/* What the command register switches besides mappings. */
static void apply_command(struct pci_dev *p)
{
    uint16_t command = pci_get16(p, R_PCI_COMMAND);

    __atomic_store_n(&p->dma.enabled, (command & COMMAND_MASTER) != 0, __ATOMIC_RELEASE);
    g_mutex_lock(&p->irq_lock);
    p->intx_off = (command & COMMAND_INTX_OFF) != 0;
    drive_intx(p, p->intx_level && !p->intx_off);
    g_mutex_unlock(&p->irq_lock);
}

static bool touches(unsigned off, unsigned size, unsigned first, unsigned len)
{
    return off < first + len && first < off + size;
}

static bool moves_mapping(const struct pci_dev *p, unsigned off, unsigned size)
{
    return touches(off, size, R_PCI_COMMAND, 2) || touches(off, size, R_PCI_BAR0, 24) ||
           touches(off, size, bar_offset(p, PCI_ROM_BAR), 4) ||
           (p->below && touches(off, size, R_BRIDGE_IO_BASE, 0x18));
}

static void write_bytes(struct pci_dev *p, unsigned off, uint32_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        uint8_t v = value >> (8 * i);
        uint8_t w = p->writable[off + i];
        uint8_t keep = p->config[off + i] & ~w;

        p->config[off + i] = (keep & ~(v & p->clear_on_one[off + i])) | (v & w);
    }
}

static unsigned config_size(const struct pci_dev *p)
{
    return p->express_cap || p->last_ext_cap ? PCIE_CONFIG : PCI_CONFIG;
}

static bool legal(const struct pci_dev *p, unsigned off, unsigned size)
{
    return (size == 1 || size == 2 || size == 4) && off % size == 0 && off + size <= config_size(p);
}

uint32_t pci_config_read(struct pci_dev *p, unsigned off, unsigned size)
{
    const struct pci_class *class = p->dev.class->bus_class;
    struct pci_bus *root = pci_root(p->bus);
    uint32_t value = 0;

    if (!legal(p, off, size)) {
        return off < PCIE_CONFIG && off >= PCI_CONFIG ? 0 : mask64(size * 8);
    }
    g_mutex_lock(&root->lock);
    g_mutex_lock(&p->dev.lock);
    if (class->config_reading) {
        class->config_reading(p, off, size);
    }
    pci_msi_reading(p, off, size);
    for (unsigned i = 0; i < size; i++) {
        value |= (uint32_t)p->config[off + i] << (8 * i);
    }
    if (touches(off, size, R_PCI_STATUS, 1)) {
        g_mutex_lock(&p->irq_lock);
        if (p->intx_level) {
            value |= STATUS_INTERRUPT << (8 * (R_PCI_STATUS - off));
        }
        g_mutex_unlock(&p->irq_lock);
    }
    g_mutex_unlock(&p->dev.lock);
    g_mutex_unlock(&root->lock);
    return value;
}

void pci_config_write(struct pci_dev *p, unsigned off, uint32_t value, unsigned size)
{
    const struct pci_class *class = p->dev.class->bus_class;
    struct pci_bus *root = pci_root(p->bus);

    if (!legal(p, off, size)) {
        return;
    }
    g_mutex_lock(&root->lock);
    g_mutex_lock(&p->dev.lock);
    write_bytes(p, off, value, size);
    if (touches(off, size, R_PCI_COMMAND, 2)) {
        apply_command(p);
    }
    pci_msi_update(p);
    if (moves_mapping(p, off, size)) {
        remap(p);
    }
    if (class->config_written) {
        class->config_written(p, off, size);
    }
    g_mutex_unlock(&p->dev.lock);
    g_mutex_unlock(&root->lock);
}

static void fill_header(struct pci_dev *p, const struct pci_class *class)
{
    uint8_t *c = p->config;

    put16(c + R_PCI_VENDOR, class->vendor);
    put16(c + R_PCI_DEVICE, class->device);
    c[R_PCI_REVISION] = class->revision;
    c[R_PCI_CLASS] = class->class_code;
    c[R_PCI_CLASS + 1] = class->class_code >> 8;
    c[R_PCI_CLASS + 2] = class->class_code >> 16;
    c[R_PCI_HEADER] = (class->bridge ? HEADER_BRIDGE : 0) | (p->multifunction ? HEADER_MULTI : 0);
    if (!class->bridge) {
        put16(c + R_PCI_SUBSYS_VENDOR, class->subsystem_vendor ? class->subsystem_vendor : 0x1af4);
        put16(c + R_PCI_SUBSYS, class->subsystem_vendor ? class->subsystem : 0x1100);
    }
    put16(p->writable + R_PCI_COMMAND, COMMAND_IO | COMMAND_MEMORY | COMMAND_MASTER |
                                           COMMAND_PARITY | COMMAND_SERR | COMMAND_INTX_OFF);
    put16(p->clear_on_one + R_PCI_STATUS, STATUS_ERRORS);
    p->writable[R_PCI_CACHE_LINE] = 0xff;
    p->writable[R_PCI_IRQ_LINE] = 0xff;
    p->next_cap = 0x40;
}

/* The ROM's path, or NULL: none. FALSE: the user named one that is not there. */
static gboolean find_rom(struct pci_dev *p, char **ret_path, GError **error)
{
    const struct pci_class *class = p->dev.class->bus_class;
    const struct dev_env *env = p->dev.env;
    const char *name = p->romfile ? p->romfile : class->romfile;

    *ret_path = NULL;
    if (!name || !*name || !p->rombar) {
        return TRUE;
    }
    if (!env->find_file) {
        *ret_path = g_strdup(p->romfile);
        return TRUE;
    }
    *ret_path = env->find_file(env->machine, name, p->romfile ? error : NULL);
    return *ret_path || !p->romfile;
}

/* The BAR is a power of two that holds the file. */
static gboolean load_rom(struct pci_dev *p, GError **error)
{
    g_autofree char *data = NULL, *path = NULL;
    gsize len;
    uint64_t size;

    if (!find_rom(p, &path, error)) {
        return FALSE;
    }
    if (!path) {
        return TRUE;
    }
    if (!g_file_get_contents(path, &data, &len, error)) {
        g_prefix_error(error, "failed to find romfile \"%s\": ", path);
        return FALSE;
    }
    if (len == 0 || len > 16 << 20) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                    "romfile \"%s\" has %zu bytes; an option ROM has 1 byte to 16 MiB", path, len);
        return FALSE;
    }
    for (size = RAM_PAGE_SIZE; size < len; size *= 2) {
    }
    p->rom = ram_block_new(path, size, error);
    if (!p->rom) {
        return FALSE;
    }
    ram_write(p->rom->host, data, len);
    bus_region_init_rom(&p->rom_region, "rom", p->rom, 0, size, NULL, NULL, NULL);
    pci_add_bar(p, PCI_ROM_BAR, &p->rom_region, false, false, false);
    return TRUE;
}

/* PCI Firmware 3.0, 5.1: "PCIR" at the offset in bytes 18h, vendor and device behind it; the bytes
 * of an image add up to zero, and byte 6 is iPXE's to make them so. */
void pci_rom_set_ids(struct pci_dev *p)
{
    uint8_t *rom = p->rom ? p->rom->host : NULL;
    unsigned at;

    if (!rom || p->romfile || rom[0] != 0x55 || rom[1] != 0xaa) {
        return;
    }
    at = rom[0x18] | rom[0x19] << 8;
    if (at + 8 > p->rom->size || memcmp(rom + at, "PCIR", 4) != 0) {
        return;
    }
    for (unsigned i = 0; i < 4; i++) {
        rom[6] += rom[at + 4 + i] - p->config[R_PCI_VENDOR + i];
        rom[at + 4 + i] = p->config[R_PCI_VENDOR + i];
    }
}

static gboolean realize(struct dev *dev, GError **error)
{
    struct pci_dev *p = (struct pci_dev *)dev;
    const struct pci_class *class = dev->class->bus_class;

    g_mutex_init(&p->irq_lock);
    p->dma.bus = dev->env->memory;
    p->dma.device_id = p->devfn;
    fill_header(p, class);
    return load_rom(p, error);
}

static void drop_rom(struct pci_dev *p)
{
    struct ram_block *rom = g_steal_pointer(&p->rom);

    if (rom && p->dev.env->machine) {
        machine_keep_ram(p->dev.env->machine, rom);
    } else {
        ram_block_free(rom);
    }
}

static void unrealize(struct dev *dev)
{
    struct pci_dev *p = (struct pci_dev *)dev;

    pci_set_intx(p, false);
    for (unsigned n = 0; n <= PCI_ROM_BAR; n++) {
        struct pci_bar *bar = &p->bar[n];

        if (bar->mapping) {
            bus_unmap(bar->io ? dev->env->io : dev->env->memory, bar->mapping);
            bar->mapping = NULL;
        }
    }
    pci_msi_fini(p);
    g_clear_pointer(&p->below, pci_bus_free);
    drop_rom(p);
    g_mutex_clear(&p->irq_lock);
}

/* What the guest could write goes back to zero; unmapped, silent, no bus master. */
static void reset(struct dev *dev)
{
    struct pci_dev *p = (struct pci_dev *)dev;

    for (unsigned i = 0; i < PCIE_CONFIG; i++) {
        p->config[i] &= ~(p->writable[i] | p->clear_on_one[i]);
    }
    pci_msi_reset(p);
    g_mutex_lock(&p->irq_lock);
    p->intx_level = false;
    g_mutex_unlock(&p->irq_lock);
    apply_command(p);
    pci_msi_update(p);
    remap(p);
}

/* A loaded space may differ from this machine's only where the guest could have written. */
static int load_config(void *obj, const uint8_t **data, size_t *left)
{
    struct pci_dev *p = obj;

    if (*left < PCIE_CONFIG) {
        return -EINVAL;
    }
    for (unsigned i = 0; i < PCIE_CONFIG; i++) {
        uint8_t may = p->writable[i] | p->clear_on_one[i] | p->loadable[i];

        p->config[i] = (p->config[i] & ~may) | ((*data)[i] & may);
    }
    *data += PCIE_CONFIG;
    *left -= PCIE_CONFIG;
    return 0;
}

static void save_config(const void *obj, GByteArray *out)
{
    const struct pci_dev *p = obj;

    g_byte_array_append(out, p->config, PCIE_CONFIG);
}

static void save_msi(const void *obj, GByteArray *out)
{
    pci_msi_save(obj, out);
}

static int load_msi(void *obj, const uint8_t **data, size_t *left)
{
    return pci_msi_load(obj, data, left);
}

static gboolean post_load(struct dev *dev, GError **error)
{
    struct pci_dev *p = (struct pci_dev *)dev;

    apply_command(p);
    pci_msi_update(p);
    remap(p);
    return TRUE;
}

static const struct state_row state[] = {
    {.kind = STATE_CUSTOM, .name = "config", .save = save_config, .load = load_config},
    STATE_KEEP(struct pci_dev, intx_level),
    {.kind = STATE_CUSTOM, .name = "msi", .save = save_msi, .load = load_msi},
    STATE_DONE,
};

const struct dev_class pci_dev_class = {
    .name = "pci-device",
    .description = "Base of every PCI function",
    .bus_type = "PCI",
    .instance_size = sizeof(struct pci_dev),
    .props = props,
    .state = state,
    .internal = true,
    .realize = realize,
    .unrealize = unrealize,
    .reset = reset,
    .post_load = post_load,
};
