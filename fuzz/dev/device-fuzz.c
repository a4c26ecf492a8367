/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One device under a hostile guest: FUZZ_DEVICE names it. The input is a list of operations:
 * accesses to its ports and memory, writes to RAM, time that passes, saved states with a changed
 * byte, resets. Whatever they are, the device must stand.
 */
#include "../base/input.h"
#include "base/endian.h"
#include "machine/dev/classes.h"
#include "machine/dev/pc/acpi_pm.h"
#include "machine/dev/pc/fw_cfg.h"
#include "machine/dev/pc/hpet.h"
#include "machine/dev/pc/i8042.h"
#include "machine/dev/pc/irqs.h"
#include "machine/dev/pc/pflash.h"
#include "machine/dev/pc/rtc.h"
#include "machine/dev/pc/smbus.h"
#include "machine/dev/riscv/goldfish_rtc.h"
#include "machine/dev/storage/ide.h"
#include "machine/pci/bridge.h"
#include "machine/pci/gpex.h"
#include "pm_owner.h"
#include "rig.h"

#include <string.h>

#define OPERATIONS   2000 /* of one input */
#define WINDOWS      4
#define FLASH_BASE   UINT64_C(0xffc00000)
#define MSR_DEADLINE 0x6e0

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bench {
    struct rig *r;
    struct dev *dev[4]; /* saved, loaded and reset */
    unsigned n_dev;
    struct {
        gpa base;
        uint32_t len;
        bool io;
    } window[WINDOWS];
    unsigned n_windows;
    struct irqs *irqs; /* of the device "irqs" */
    struct cpu cpu, *cpus[1];
};

static void window(struct bench *b, bool io, gpa base, uint32_t len)
{
    b->window[b->n_windows].io = io;
    b->window[b->n_windows].base = base;
    b->window[b->n_windows++].len = len;
}

static struct dev *isa(struct bench *b, const struct dev_class *class)
{
    return b->dev[b->n_dev++] = rig_add(b->r, class, b->r->isa.dev_bus);
}

/* ---- the devices ---- */

static void make_serial(struct bench *b)
{
    struct dev *dev = rig_make(b->r, &isa_serial_class);

    rig_chardev(b->r, "ser");
    g_assert_true(dev_set_str(dev, "chardev", "ser", NULL));
    rig_start(b->r, dev, b->r->isa.dev_bus);
    b->dev[b->n_dev++] = dev;
    window(b, true, 0x3f8, 8);
}

static void make_rtc(struct bench *b)
{
    const struct config_rtc config = {.base = RTC_DATETIME, .start = 1700000000, .clock = RTC_VM};
    struct dev *dev = rig_make(b->r, &mc146818rtc_class);

    rtc_configure(dev, &config);
    rig_start(b->r, dev, b->r->isa.dev_bus);
    b->dev[b->n_dev++] = dev;
    window(b, true, 0x70, 2);
}

static void written(void *opaque, const uint8_t *data, size_t off, size_t len)
{
}

static void make_fw_cfg(struct bench *b)
{
    const struct fw_cfg_hooks hooks = {.written = written};
    struct fw_cfg *f = fw_cfg_of(rig_make(b->r, &fw_cfg_class));

    g_assert_true(fw_cfg_add_file(f, "etc/a", "abc", 3, NULL));
    g_assert_true(fw_cfg_add_file_hooks(f, "etc/b", "12345678", 8, &hooks, NULL));
    rig_start(b->r, (struct dev *)f, NULL);
    b->dev[b->n_dev++] = (struct dev *)f;
    window(b, true, 0x510, 12);
}

static void make_fw_cfg_mem(struct bench *b)
{
    const struct fw_cfg_hooks hooks = {.written = written};
    struct fw_cfg *f = fw_cfg_of(rig_make(b->r, &fw_cfg_mem_class));

    fw_cfg_place(f, 0x10100000);
    g_assert_true(fw_cfg_add_file_hooks(f, "etc/b", "12345678", 8, &hooks, NULL));
    rig_start(b->r, (struct dev *)f, NULL);
    b->dev[b->n_dev++] = (struct dev *)f;
    window(b, false, 0x10100000, FW_CFG_MEM_SIZE);
}

static void make_goldfish_rtc(struct bench *b)
{
    const struct config_rtc config = {.base = RTC_DATETIME, .start = 1700000000, .clock = RTC_VM};
    struct dev *dev = rig_make(b->r, &goldfish_rtc_class);

    goldfish_rtc_place(dev, 0x101000, b->r->irq[11], &config);
    rig_start(b->r, dev, NULL);
    b->dev[b->n_dev++] = dev;
    window(b, false, 0x101000, GOLDFISH_RTC_SIZE);
}

static void make_i8042(struct bench *b)
{
    isa(b, &i8042_class);
    window(b, true, 0x60, 1);
    window(b, true, 0x64, 1);
}

static void make_hpet(struct bench *b)
{
    struct dev *dev = rig_make(b->r, &hpet_class);

    hpet_connect(dev, b->r->irq, &b->r->irq[23]);
    rig_start(b->r, dev, NULL);
    b->dev[b->n_dev++] = dev;
    window(b, false, HPET_BASE, 0x180);
}

static void make_pflash(struct bench *b)
{
    struct dev *dev = rig_make(b->r, &pflash_class);

    rig_disk(b->r, 0x10000);
    g_assert_true(dev_set_str(dev, "drive", "disk", NULL));
    pflash_place(dev, FLASH_BASE, "system.flash0");
    rig_start(b->r, dev, NULL);
    b->dev[b->n_dev++] = dev;
    window(b, false, FLASH_BASE, 0x10000);
    window(b, false, FLASH_BASE, 4);
}

static void make_debug(struct bench *b)
{
    struct dev *console;

    isa(b, &port92_class);
    isa(b, &pvpanic_class);
    isa(b, &pc_testdev_class);
    isa(b, &isa_debug_exit_class);
    console = rig_make(b->r, &isa_debugcon_class);
    rig_chardev(b->r, "con");
    g_assert_true(dev_set_str(console, "chardev", "con", NULL));
    rig_start(b->r, console, b->r->isa.dev_bus);
    window(b, true, 0x92, 1);
    window(b, true, 0xe0, 10);
    window(b, true, 0x501, 5);
    window(b, false, 0xff000000, 0x10000);
}

static struct dev *drive(struct bench *b, const struct dev_class *class, struct dev *hba,
                         unsigned n)
{
    struct dev *dev = rig_make(b->r, class);

    g_assert_true(dev_set_str(dev, "drive", "disk", NULL));
    g_assert_true(dev_set_str(dev, "share-rw", "on", NULL));
    rig_start(b->r, dev, g_ptr_array_index(hba->buses, n));
    return dev;
}

/* Port `n` runs, its lists at `at`; every slot's table lies behind them. */
static void start_port(struct bench *b, unsigned n, uint32_t at)
{
    gpa port = 0xe0500100 + n * 0x80;

    for (unsigned slot = 0; slot < 32; slot++) {
        uint8_t *head = b->r->ram->host + at + slot * 32, *table = head - slot * 32 + 0x800;

        st_le16(head + 2, 4);
        st_le64(head + 8, at + 0x800 + (slot & 3) * 0x100);
        st_le64(table + (slot & 3) * 0x100 + 0x80, 0x10000);
        st_le32(table + (slot & 3) * 0x100 + 0x8c, 0xffff);
        table[(slot & 3) * 0x100] = 0x27;
        table[(slot & 3) * 0x100 + 1] = 0x80;
        table[(slot & 3) * 0x100 + 7] = 0x40;
    }
    rig_st(b->r, port + 0x00, 4, at);
    rig_st(b->r, port + 0x08, 4, at + 0x400);
    rig_st(b->r, port + 0x14, 4, 0xffffffff);
    rig_st(b->r, port + 0x18, 4, 0x11);
}

static void make_ahci(struct bench *b)
{
    struct pci_dev *p;

    rig_disk(b->r, 1 << 20);
    p = rig_pci(b->r, rig_make(b->r, &ich9_ahci_class));
    b->dev[b->n_dev++] = &p->dev;
    b->dev[b->n_dev++] = drive(b, &ide_hd_class, &p->dev, 0);
    b->dev[b->n_dev++] = drive(b, &ide_cd_class, &p->dev, 1);
    rig_st(b->r, 0xe0500004, 4, 1);
    rig_st(b->r, 0xe0500004, 4, 2);
    start_port(b, 0, 0x1000);
    start_port(b, 1, 0x2000);
    window(b, false, 0xe0500100, 0x40);
    window(b, false, 0xe0500180, 0x40);
    window(b, false, 0xe0500000, 0x400);
    window(b, true, 0xc410, 8);
}

static void make_xhci(struct bench *b)
{
    struct pci_dev *p = rig_pci(b->r, rig_make(b->r, &qemu_xhci_class));
    gpa bar = 0xe0000000;

    b->dev[b->n_dev++] = &p->dev;
    st_le64(b->r->ram->host + 0x2000, 0x3000);
    st_le32(b->r->ram->host + 0x2008, 16);
    rig_st(b->r, bar + 0x78, 4, 64);
    rig_st(b->r, bar + 0x58, 8, 0x1001);
    rig_st(b->r, bar + 0x1028, 4, 1);
    rig_st(b->r, bar + 0x1030, 8, 0x2000);
    rig_st(b->r, bar + 0x1020, 4, 2);
    rig_st(b->r, bar + 0x40, 4, 5);
    window(b, false, bar + 0x40, 0x40);
    window(b, false, bar + 0x1020, 0x40);
    window(b, false, bar + 0x2000, 4);
    window(b, false, bar, 0x4000);
}

static void make_smbus(struct bench *b)
{
    struct pci_dev *p = rig_pci(b->r, rig_make(b->r, &smbus_class));

    b->dev[b->n_dev++] = &p->dev;
    pci_config_write(p, R_SMBUS_HOSTC, 1, 1);
    window(b, true, 0xc400, 0x40);
}

static void make_pci_testdev(struct bench *b)
{
    b->dev[b->n_dev++] = &rig_pci(b->r, rig_make(b->r, &pci_testdev_class))->dev;
    window(b, false, 0xe0000000, 0x1000);
    window(b, true, 0xc100, 0x100);
}

/* Bridges of each kind with functions behind them; operation 6 is configuration cycles. */
static void make_pci(struct bench *b)
{
    const struct dev_class *const bridges[] = {&pcie_root_port_class, &pcie_pci_bridge_class};
    struct dev *behind;

    for (unsigned i = 0; i < G_N_ELEMENTS(bridges); i++) {
        struct dev *bridge = rig_make(b->r, bridges[i]);

        if (i == 0) {
            g_assert_true(dev_set_str(bridge, "chassis", "1", NULL));
        } else {
            g_assert_true(dev_set_str(bridge, "msi", "on", NULL));
        }
        b->dev[b->n_dev++] = &rig_pci(b->r, bridge)->dev;
        behind = rig_make(b->r, i == 0 ? &qemu_xhci_class : &pci_testdev_class);
        rig_start(b->r, behind, g_ptr_array_index(bridge->buses, 0));
        b->dev[b->n_dev++] = behind;
    }
    window(b, false, 0xe0000000, 0x8000);
    window(b, true, 0xc000, 0x100);
}

/* A host with a function: what ECAM and the windows show. */
static void make_gpex(struct bench *b)
{
    const struct gpex_map map = {.ecam = 0x30000000,
                                 .ecam_size = 0x10000000,
                                 .ports = 0x3000000,
                                 .ports_size = 0x10000,
                                 .low = 0x40000000,
                                 .low_size = 0x40000000,
                                 .high = UINT64_C(0x400000000),
                                 .high_size = UINT64_C(0x400000000)};
    struct gpex *g = gpex_new(&b->r->m->env, &map, b->r->irq);
    struct dev *function;

    g_ptr_array_add(b->r->devs, g);
    rig_start(b->r, &g->dev, NULL);
    function = rig_make(b->r, &pci_testdev_class);
    rig_start(b->r, function, g->root->dev_bus);
    b->dev[b->n_dev++] = &g->dev;
    b->dev[b->n_dev++] = function;
    rig_st(b->r, 0x30008010, 4, 0x40000000);
    rig_st(b->r, 0x30008014, 4, 0x1000);
    rig_st(b->r, 0x30008004, 4, 7);
    window(b, false, 0x30008000, 0x100);
    window(b, false, 0x3001000, 0x100);
    window(b, false, 0x40000000, 0x2000);
    window(b, false, UINT64_C(0x400000000), 0x1000);
}

static void make_acpi_pm(struct bench *b)
{
    isa(b, &pm_owner_class);
    window(b, true, 0x600, 0x40);
    window(b, true, 0xb2, 2);
}

/* A TSC of one tick a nanosecond. */
static int64_t tsc_time(void *opaque, struct cpu *cpu, uint64_t tsc)
{
    return (int64_t)MIN(tsc, (uint64_t)INT64_MAX - 1);
}

static void make_irqs(struct bench *b)
{
    static const struct cpu_upcalls none = {NULL};
    struct irqs_config config = {.clock = b->r->m->clock,
                                 .cpus = b->cpus,
                                 .n_cpus = 1,
                                 .x2apic = true,
                                 .tsc_time = tsc_time};

    cpu_init(&b->cpu, 0, b->r->m->memory, b->r->m->clock, &none, NULL);
    b->cpus[0] = &b->cpu;
    b->irqs = irqs_new(&config);
    irqs_map(b->irqs, b->r->m->memory, b->r->m->io);
    window(b, true, 0x20, 2);
    window(b, true, 0xa0, 2);
    window(b, true, 0x40, 0x22);
    window(b, false, IRQS_IOAPIC_BASE, 0x44);
}

static const struct target {
    const char *name;
    void (*make)(struct bench *b);
} targets[] = {
    {"acpi_pm", make_acpi_pm},
    {"ahci", make_ahci},
    {"debug", make_debug},
    {"fw_cfg", make_fw_cfg},
    {"gpex", make_gpex},
    {"fw_cfg_mem", make_fw_cfg_mem},
    {"goldfish_rtc", make_goldfish_rtc},
    {"hpet", make_hpet},
    {"i8042", make_i8042},
    {"irqs", make_irqs},
    {"pflash", make_pflash},
    {"pci", make_pci},
    {"rtc", make_rtc},
    {"pci-testdev", make_pci_testdev},
    {"serial", make_serial},
    {"smbus", make_smbus},
    {"xhci", make_xhci},
};

/* ---- operations ---- */

static void access_window(struct bench *b, struct input *in, uint8_t op, bool write)
{
    unsigned size = 1u << (op >> 3 & 3);
    unsigned w = (op >> 5 & 3) % b->n_windows;
    gpa addr = b->window[w].base + input_number(in, 2) % b->window[w].len;
    uint64_t value = write ? input_number(in, size) : 0;

    if (b->window[w].io) {
        size = MIN(size, 4u);
        write ? rig_out(b->r, (uint16_t)addr, size, value)
              : (void)rig_in(b->r, (uint16_t)addr, size);
    } else if (write) {
        rig_st(b->r, addr, size, value);
    } else {
        rig_ld(b->r, addr, size);
    }
}

static void poke(struct bench *b, struct input *in, uint8_t op)
{
    unsigned n = 1u << (op >> 3 & 3);
    uint32_t at = ((uint32_t)input_number(in, 2) << 2 & (RIG_RAM - 1)) & ~7u;

    for (unsigned i = 0; i < n; i++) {
        b->r->ram->host[at + i] = input_byte(in);
    }
}

/* The interrupt controllers are no device: a vCPU's side of them. */
static void touch_cpu(struct bench *b, struct input *in, uint8_t op)
{
    struct irq line = irqs_gsi(b->irqs, input_byte(in) % IRQS_GSIS);
    uint64_t value = input_number(in, 4);
    uint32_t msr = value >> 24 == 0xff ? MSR_DEADLINE : 0x800 + (value >> 24);

    switch (op >> 5) {
    case 0: irq_set(&line, value & 1); break;
    case 1: irqs_acknowledge(b->irqs, &b->cpu); break;
    case 2: irqs_lapic_write(b->irqs, &b->cpu, value >> 16 & 0xff0, value, 4); break;
    case 3:
        irqs_lapic_read(b->irqs, &b->cpu, value & 0xfff, 4);
        irqs_reg_read(b->irqs, &b->cpu, msr, &value);
        break;
    case 4: irqs_reg_write(b->irqs, &b->cpu, msr, value & 0xffffff); break;
    case 5: irqs_reg_write(b->irqs, &b->cpu, 0x1b, 0xfee00000 | (value & 0xd00)); break;
    case 6: irqs_reg_write(b->irqs, &b->cpu, IRQS_REG_CR8, value & 15); break;
    default: {
        struct msi_target msi = irqs_msi(b->irqs);

        msi_send(&msi, 0, 0xfee00000 | (value >> 16 << 2), (uint32_t)value & 0xffff);
        break;
    }
    }
}

/* A configuration cycle to one of the first buses and slots. */
static void configure(struct bench *b, struct input *in, uint8_t op)
{
    uint32_t where = input_number(in, 2), bdf = (where >> 6 & 3) << 8 | (where & 0x1f) << 3;
    unsigned size = MIN(1u << (op >> 3 & 3), 4);
    unsigned off = (where >> 8 | (where & 0x20) << 3) & ~(size - 1);

    if (op & 0x20) {
        pci_host_write(b->r->pci, bdf, off, input_number(in, size), size);
    } else {
        pci_host_read(b->r->pci, bdf, off, size);
    }
}

/* A snapshot from elsewhere: refused, or taken over; then the device is reset. */
static void load_changed(struct bench *b, struct input *in)
{
    g_autoptr(GByteArray) state = g_byte_array_new();
    struct dev *dev = b->n_dev ? b->dev[input_byte(in) % b->n_dev] : NULL;
    uint32_t at = (uint32_t)input_number(in, 2);
    const uint8_t *data;
    gboolean ok;
    size_t left;

    if (dev) {
        dev_save(dev, state);
    } else {
        irqs_save(b->irqs, state);
    }
    state->data[at % state->len] ^= input_byte(in);
    data = state->data;
    left = state->len;
    ok = dev ? dev_load(dev, &data, &left, NULL) : irqs_load(b->irqs, &data, &left, NULL);
    if (!ok && dev) {
        dev_reset(dev);
    } else if (!ok) {
        irqs_reset(b->irqs);
    }
}

static void operate(struct bench *b, struct input *in)
{
    uint8_t op = input_byte(in);

    switch (op & 7) {
    case 0:
    case 1: access_window(b, in, op, true); break;
    case 2: access_window(b, in, op, false); break;
    case 3:
    case 4: poke(b, in, op); break;
    case 5: rig_sleep(b->r, (int64_t)(input_number(in, 2) << (op >> 3 & 15)) % 2000000); break;
    case 6:
        if (b->irqs) {
            touch_cpu(b, in, op);
        } else if (b->r->pci && op & 0x80) {
            configure(b, in, op);
        } else if (b->dev[0]->class == &i8042_class) {
            i8042_key(b->dev[0], (uint16_t)input_number(in, 2), op >> 7);
            i8042_mouse(b->dev[0], (int8_t)input_byte(in), (int8_t)input_byte(in), op >> 5 & 1,
                        input_byte(in));
        } else {
            rig_loop(b->r);
        }
        break;
    default: load_changed(b, in); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bench b = {.r = rig_new()};
    struct input in = {.data = data, .left = size};

    for (unsigned i = 0; i < G_N_ELEMENTS(targets); i++) {
        if (strcmp(targets[i].name, FUZZ_DEVICE) == 0) {
            targets[i].make(&b);
        }
    }
    g_assert_cmpuint(b.n_windows, >, 0);
    for (unsigned n = 0; in.left && n < OPERATIONS; n++) {
        operate(&b, &in);
    }
    if (b.irqs) {
        irqs_free(b.irqs);
        cpu_fini(&b.cpu);
    }
    rig_free(b.r);
    return 0;
}
