/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/board/q35.h"

#include "base/bits.h"
#include "base/endian.h"
#include "machine/board/bootorder.h"
#include "machine/board/pc_setup.h"
#include "machine/dev/classes.h"
#include "machine/dev/pc/hpet.h"
#include "machine/dev/pc/i8042.h"
#include "machine/dev/pc/pflash.h"
#include "machine/dev/pc/rtc.h"
#include "machine/dev/pc/smbus.h"
#include "machine/guest/x86/arch.h"
#include "machine/guest/x86/exception.h"

#define MAX_CPUS 255

/* Where a direct start puts ACPI's root pointer: kernels search f0000-fffff for it. */
#define DIRECT_RSDP 0xf0000

/* And the SMBIOS entry point, with the structures behind it. */
#define DIRECT_SMBIOS     0xf1000
#define DIRECT_SMBIOS_MAX 0xefe0

/* Index registers of the RTC's memory that firmware reads (SeaBIOS, src/hw/rtc.h). */
#define CMOS_BASE_KB    0x15
#define CMOS_EXT_KB     0x17
#define CMOS_EXT2_KB    0x30
#define CMOS_EXT_64K    0x34
#define CMOS_BOOT2      0x38
#define CMOS_BOOT1      0x3d
#define CMOS_HIGH_64K   0x5b
#define CMOS_EXTRA_CPUS 0x5f

static const struct q35_props *props_of(const struct q35 *q)
{
    return q->config->board_props;
}

/* Applies -global, realizes and hands the device to the machine. */
static gboolean add(struct q35 *q, struct dev *dev, struct dev_bus *bus, GError **error)
{
    const struct machine_config *config = q->config;

    if ((config->prepare && !config->prepare(config->prepare_opaque, dev, error)) ||
        !dev_realize(dev, bus, error)) {
        dev_free(dev);
        return FALSE;
    }
    machine_add_dev(q->m, dev);
    return TRUE;
}

static gboolean add_bridge(struct q35 *q, GError **error)
{
    struct dev *host = dev_new(&q35_host_class, NULL, &q->m->env);
    struct dev *mch;

    q->host = (struct q35_host *)host;
    if (!add(q, host, NULL, error)) {
        return FALSE;
    }
    mch = dev_new(&mch_class, NULL, &q->m->env);
    q->mch = (struct mch *)mch;
    q->mch->ram = &q->memory.low;
    q->mch->pci.addr = PCI_DEVFN(0, 0);
    return add(q, mch, q->host->root->dev_bus, error);
}

static gboolean add_lpc(struct q35 *q, GError **error)
{
    struct pci_bus *root = q->host->root;
    struct dev *dev = dev_new(&lpc_class, NULL, &q->m->env);

    q->lpc = (struct lpc *)dev;
    q->lpc->irqs = q->cpus.irqs;
    q->lpc->pci.addr = PCI_DEVFN(31, 0);
    q->lpc->pci.multifunction = true;
    if (!add(q, dev, root->dev_bus, error)) {
        return FALSE;
    }
    q->host->lpc = q->lpc;
    root->n_intx = LPC_PIRQS;
    root->map_irq = lpc_map_irq;
    root->map_opaque = q->lpc;
    for (unsigned i = 0; i < LPC_PIRQS; i++) {
        root->intx[i] = lpc_pirq(q->lpc, i);
    }
    return TRUE;
}

static gboolean add_serials(struct q35 *q, GError **error)
{
    for (unsigned i = 0; i < CONFIG_SERIALS; i++) {
        g_autofree char *index = g_strdup_printf("%u", i);
        struct dev *dev;

        if (!q->config->serial[i]) {
            continue;
        }
        dev = dev_new(&isa_serial_class, NULL, &q->m->env);
        if (!dev_set_str(dev, "index", index, error) ||
            !dev_set_str(dev, "chardev", q->config->serial[i], error)) {
            dev_free(dev);
            return FALSE;
        }
        if (!add(q, dev, q->lpc->isa.dev_bus, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

static bool has_hpet(const struct q35 *q)
{
    return q->config->hpet && props_of(q)->hpet;
}

static bool has_i8042(const struct q35 *q)
{
    return props_of(q)->i8042;
}

/* The HPET may take the RTC's interrupt over, so it comes before the RTC. */
static gboolean add_hpet(struct q35 *q, GError **error)
{
    struct irq line[HPET_MAX_LINES], pit_disable = irqs_pit_disable(q->cpus.irqs);
    struct dev *hpet;

    if (!has_hpet(q)) {
        return TRUE;
    }
    for (unsigned i = 0; i < HPET_MAX_LINES; i++) {
        line[i] = i < ISA_IRQS ? q->lpc->isa.irq[i] : irqs_gsi(q->cpus.irqs, i);
    }
    hpet = dev_new(&hpet_class, NULL, &q->m->env);
    hpet_connect(hpet, line, &pit_disable);
    if (!add(q, hpet, NULL, error)) {
        return FALSE;
    }
    q->lpc->isa.irq[8] = hpet_rtc_line(hpet);
    return TRUE;
}

/* The first chip ends at 4 GiB, the second below it. */
static gboolean add_flash(struct q35 *q, GError **error)
{
    static const char *const names[] = {"system.flash0", "system.flash1"};
    gpa top = UINT64_C(0x100000000);

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        struct dev *dev;

        if (!q->config->pflash[i]) {
            continue;
        }
        dev = dev_new(&pflash_class, NULL, &q->m->env);
        pflash_place_below(dev, top, names[i]);
        if (!dev_set_str(dev, "drive", q->config->pflash[i], error)) {
            dev_free(dev);
            return FALSE;
        }
        if (!add(q, dev, NULL, error)) {
            return FALSE;
        }
        top = pflash_base(dev);
        if (i == 0) {
            pc_firmware_show_flash(&q->firmware, q->m, dev);
        }
    }
    return TRUE;
}

static gboolean add_ahci(struct q35 *q, GError **error)
{
    struct dev *dev = dev_new(&ich9_ahci_class, NULL, &q->m->env);
    struct pci_dev *pci = (struct pci_dev *)dev;

    pci->addr = PCI_DEVFN(31, 2);
    pci->multifunction = true;
    return add(q, dev, q->host->root->dev_bus, error);
}

static gboolean add_smbus(struct q35 *q, GError **error)
{
    struct dev *dev = dev_new(&smbus_class, NULL, &q->m->env);
    struct pci_dev *pci = (struct pci_dev *)dev;

    pci->addr = PCI_DEVFN(31, 3);
    pci->multifunction = true;
    return add(q, dev, q->host->root->dev_bus, error);
}

static gboolean add_isa(struct q35 *q, GError **error)
{
    struct dev_bus *isa = q->lpc->isa.dev_bus;

    q->lpc->isa.a20 = pc_cpus_a20(&q->cpus);
    if (has_i8042(q) && !add(q, dev_new(&i8042_class, NULL, &q->m->env), isa, error)) {
        return FALSE;
    }

    q->rtc = dev_new(&mc146818rtc_class, NULL, &q->m->env);
    rtc_configure(q->rtc, &q->config->rtc);
    return add(q, q->rtc, isa, error) &&
           add(q, dev_new(&port92_class, NULL, &q->m->env), isa, error) && add_serials(q, error);
}

static gboolean check(const struct q35 *q, GError **error)
{
    const struct q35_props *p = props_of(q);
    const char *what = p->smm == ROW_ON ? "smm=on" : p->vmport == ROW_ON ? "vmport=on" : NULL;

    if (what) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "machine 'q35': %s is not built yet", what);
        return FALSE;
    }
    if ((q->config->initrd || q->config->append) && !q->config->kernel) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "%s only allowed with -kernel option",
                    q->config->initrd ? "-initrd" : "-append");
        return FALSE;
    }
    return TRUE;
}

/* A kernel and no firmware: the machine starts it by itself. */
static bool is_direct(const struct q35 *q)
{
    return q->config->kernel && !q->config->firmware && !q->config->pflash[0];
}

/* Order letters as the RTC's memory codes them; FALSE: a letter that means nothing. */
static gboolean boot_codes(const char *order, uint8_t codes[3], GError **error)
{
    static const char letters[] = "acdn"; /* codes 1, 2, 3, 4 */

    for (unsigned i = 0; order && order[i]; i++) {
        const char *at = strchr(letters, order[i]);

        if (!at || i >= 3) {
            g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                        "Invalid boot device for PC: '%s'", order);
            return FALSE;
        }
        codes[i] = at - letters + 1;
    }
    return TRUE;
}

static const char *boot_order(const struct config_boot *boot, bool first)
{
    return first && boot->once ? boot->once : boot->order ? boot->order : "cad";
}

/* FALSE: the order has a letter that there is no device for. */
static bool set_boot_order(struct q35 *q, const char *order)
{
    uint8_t codes[3] = {0};

    if (!boot_codes(order, codes, NULL)) {
        return false;
    }
    rtc_set_byte(q->rtc, CMOS_BOOT1, codes[1] << 4 | codes[0]);
    rtc_set_byte(q->rtc, CMOS_BOOT2, codes[2] << 4 | 1); /* 1: no floppy signature check */
    return true;
}

static void board_reset(void *board)
{
    struct q35 *q = board;

    if (q->resets++ == 1 && q->config->boot.once) {
        set_boot_order(q, boot_order(&q->config->boot, false));
    }
    pc_cpus_reset(&q->cpus);
    if (q->plan) {
        pc_setup_chipset(q->mch, q->lpc);
        pc_setup_pci(q->host->root, q->lpc);
        if (q->acpi) {
            bus_load(q->m->memory, q->acpi_base, q->acpi->tables->data, q->acpi->tables->len);
            bus_load(q->m->memory, DIRECT_RSDP, q->acpi->rsdp->data, q->acpi->rsdp->len);
        }
        bus_load(q->m->memory, DIRECT_SMBIOS, q->smbios->anchor, SMBIOS_ANCHOR);
        bus_load(q->m->memory, DIRECT_SMBIOS + 0x20, q->smbios->structures->data,
                 MIN(q->smbios->structures->len, DIRECT_SMBIOS_MAX));
        boot_plan_carry_out(q->plan, q->m->memory, q->cpus.cpu[0]);
    }
}

static void board_save(void *board, GByteArray *out)
{
    pc_cpus_save(&((struct q35 *)board)->cpus, out);
}

static gboolean board_load(void *board, const uint8_t **data, size_t *left, GError **error)
{
    return pc_cpus_load(&((struct q35 *)board)->cpus, data, left, error);
}

static void board_powerdown(void *board)
{
    acpi_pm_power_button(&((struct q35 *)board)->lpc->pm);
}

static bool board_describe(void *board, const char *what, GString *out)
{
    return irqs_describe(((struct q35 *)board)->cpus.irqs, what, out);
}

static bool board_intercept(void *board, const char *controller,
                            void (*fn)(void *opaque, unsigned line, bool level), void *opaque)
{
    if (!g_str_equal(controller, "ioapic")) {
        return false;
    }
    irqs_intercept(((struct q35 *)board)->cpus.irqs, fn, opaque);
    return true;
}

static bool board_set_line(void *board, const char *controller, unsigned line, bool level)
{
    struct irq irq;

    if (!g_str_equal(controller, "ioapic") || line >= IRQS_GSIS) {
        return false;
    }
    irq = irqs_gsi(((struct q35 *)board)->cpus.irqs, line);
    irq_set(&irq, level);
    return true;
}

static void board_free(void *board)
{
    struct q35 *q = board;

    pc_cpus_fini(&q->cpus);
    boot_plan_free(q->plan);
    acpi_tables_free(q->acpi);
    smbios_tables_free(q->smbios);
    g_free(q);
}

static const struct machine_board_ops board_ops = {.reset = board_reset,
                                                   .save = board_save,
                                                   .load = board_load,
                                                   .cpu_has_work = x86_has_work,
                                                   .powerdown = board_powerdown,
                                                   .describe = board_describe,
                                                   .intercept = board_intercept,
                                                   .set_line = board_set_line,
                                                   .free = board_free};

static gboolean build(struct machine *m, const struct machine_config *config, GError **error)
{
    struct q35 *q = g_new0(struct q35, 1);

    q->m = m;
    q->config = config;
    m->board = q;
    m->board_ops = &board_ops;
    if (!check(q, error) || !pc_memory_init(&q->memory, m, config, error) ||
        !pc_cpus_init(&q->cpus, m, config, config->cpu ? config->cpu : q35_board.default_cpu,
                      error)) {
        return FALSE;
    }
    m->env.msi = irqs_msi(q->cpus.irqs);
    if (!add_bridge(q, error) || !add_lpc(q, error) || !add_hpet(q, error) || !add_isa(q, error) ||
        !add_ahci(q, error) || !add_smbus(q, error)) {
        return FALSE;
    }
    q->fw_cfg = dev_new(&fw_cfg_class, NULL, &m->env);
    if (!add(q, q->fw_cfg, NULL, error)) {
        q->fw_cfg = NULL;
        return FALSE;
    }
    if (config->pflash[0]) {
        return add_flash(q, error);
    }
    return is_direct(q) || pc_firmware_init(&q->firmware, m, config, error);
}

static void fill_cmos(struct q35 *q)
{
    uint64_t low = q->memory.below_4g, high = q->memory.above_4g >> 16;
    unsigned ext = MIN(low / 1024 - 1024, 65535), ext64 = 0;

    if (low > 16 << 20) {
        ext64 = MIN((low - (16 << 20)) >> 16, 65535);
    }
    rtc_set_byte(q->rtc, CMOS_BASE_KB, 640 & 0xff);
    rtc_set_byte(q->rtc, CMOS_BASE_KB + 1, 640 >> 8);
    rtc_set_byte(q->rtc, CMOS_EXT_KB, ext);
    rtc_set_byte(q->rtc, CMOS_EXT_KB + 1, ext >> 8);
    rtc_set_byte(q->rtc, CMOS_EXT2_KB, ext);
    rtc_set_byte(q->rtc, CMOS_EXT2_KB + 1, ext >> 8);
    rtc_set_byte(q->rtc, CMOS_EXT_64K, ext64);
    rtc_set_byte(q->rtc, CMOS_EXT_64K + 1, ext64 >> 8);
    for (unsigned i = 0; i < 3; i++) {
        rtc_set_byte(q->rtc, CMOS_HIGH_64K + i, high >> (8 * i));
    }
    rtc_set_byte(q->rtc, CMOS_EXTRA_CPUS, MIN(q->cpus.n - 1, 255));
}

static gboolean fill_boot_order(struct q35 *q, GError **error)
{
    const struct config_boot *boot = &q->config->boot;
    uint8_t codes[3] = {0};

    return boot_codes(boot_order(boot, false), codes, error) &&
           boot_codes(boot_order(boot, true), codes, error) &&
           set_boot_order(q, boot_order(boot, true));
}

/* -boot splash-time= and reboot-timeout=, as SeaBIOS reads them. */
static gboolean fill_boot_waits(struct fw_cfg *f, const struct config_boot *boot, GError **error)
{
    uint8_t wait[4];

    if (boot->splash_time >= 0) {
        st_le16(wait, MIN(boot->splash_time, UINT16_MAX));
        if (!fw_cfg_set_file(f, "etc/boot-menu-wait", wait, 2, error)) {
            return FALSE;
        }
    }
    /* All ones: never. */
    st_le32(wait, boot->reboot_timeout >= 0 ? boot->reboot_timeout : -1);
    return fw_cfg_set_file(f, "etc/boot-fail-wait", wait, 4, error);
}

static gboolean fill_fw_cfg(struct q35 *q, GError **error)
{
    struct fw_cfg *f = fw_cfg_of(q->fw_cfg);
    const struct config_boot *boot = &q->config->boot;
    g_autoptr(GArray) e820 = pc_memory_e820(&q->memory);

    fw_cfg_add_u64(f, FW_CFG_RAM_SIZE, q->memory.ram->size);
    fw_cfg_add_u16(f, FW_CFG_NB_CPUS, q->cpus.n);
    fw_cfg_add_u16(f, FW_CFG_MAX_CPUS, x86_apic_id(&q->cpus.features->topology, q->cpus.n - 1) + 1);
    fw_cfg_add_u16(f, FW_CFG_NOGRAPHIC, q->config->no_graphics);
    fw_cfg_add_u16(f, FW_CFG_BOOT_MENU, boot->menu);
    fw_cfg_add_u32(f, FW_CFG_IRQ0_OVERRIDE, 1);
    fw_cfg_add_bytes(f, FW_CFG_UUID, q->config->uuid, 16);
    if (!fill_boot_waits(f, boot, error)) {
        return FALSE;
    }
    for (unsigned i = 0; i < q->config->n_fw_cfg; i++) {
        const struct config_fw_cfg *c = &q->config->fw_cfg[i];

        if (!fw_cfg_add_file(f, c->name, c->data, c->len, error)) {
            return FALSE;
        }
    }
    return fw_cfg_set_file(f, "etc/e820", e820->data, e820->len * sizeof(struct e820_entry), error);
}

/* Functions on bus 0, in order; returns how many. */
static unsigned list_functions(const struct q35 *q, uint8_t *devfns)
{
    unsigned n = 0;

    for (unsigned devfn = 0; devfn < 256; devfn++) {
        if (q->host->root->slot[devfn]) {
            devfns[n++] = devfn;
        }
    }
    return n;
}

static unsigned serial_mask(const struct q35 *q)
{
    unsigned mask = 0;

    for (unsigned i = 0; i < CONFIG_SERIALS; i++) {
        mask |= q->config->serial[i] ? 1u << i : 0;
    }
    return mask;
}

static void make_acpi(struct q35 *q)
{
    g_autofree uint32_t *ids = g_new(uint32_t, q->cpus.n);
    uint8_t devfns[256];
    struct acpi_config config = {.n_cpus = q->cpus.n,
                                 .apic_ids = ids,
                                 .below_4g = q->memory.below_4g,
                                 .above_4g = q->memory.above_4g,
                                 .hpet = has_hpet(q),
                                 .i8042 = has_i8042(q),
                                 .s3 = !q->lpc->disable_s3,
                                 .s4 = !q->lpc->disable_s4,
                                 .serials = serial_mask(q),
                                 .functions = devfns};

    if (!q->config->acpi || props_of(q)->acpi == ROW_OFF) {
        return;
    }
    for (unsigned i = 0; i < q->cpus.n; i++) {
        ids[i] = x86_apic_id(&q->cpus.features->topology, i);
    }
    config.n_functions = list_functions(q, devfns);
    q->acpi = acpi_tables_new(&config);
}

static GBytes *read_file(const char *path, const char *what, GError **error)
{
    char *data;
    gsize len;

    if (!path) {
        return NULL;
    }
    if (!g_file_get_contents(path, &data, &len, error)) {
        g_prefix_error(error, "%s: ", what);
        return NULL;
    }
    return g_bytes_new_take(data, len);
}

/* What a kernel started without firmware finds: as firmware leaves it behind. */
static GArray *direct_e820(const struct q35 *q, gpa ram_top)
{
    GArray *map = g_array_new(FALSE, FALSE, sizeof(struct e820_entry));

    e820_add(map, 0, 0x9fc00, E820_RAM);
    e820_add(map, 0x9fc00, 0x400, E820_RESERVED);
    e820_add(map, 0xf0000, 0x10000, E820_RESERVED);
    e820_add(map, 0x100000, ram_top - 0x100000, E820_RAM);
    if (ram_top < q->memory.below_4g) {
        e820_add(map, ram_top, q->memory.below_4g - ram_top, E820_ACPI);
    }
    e820_add(map, MCH_ECAM_BASE, MCH_ECAM_SIZE, E820_RESERVED);
    e820_add(map, LPC_RCBA, LPC_RCBA_SIZE, E820_RESERVED);
    e820_add(map, 0xfffc0000, 0x40000, E820_RESERVED);
    if (q->memory.above_4g) {
        e820_add(map, PC_4G, q->memory.above_4g, E820_RAM);
    }
    return map;
}

/* The tables lie at the end of the RAM below 4 GiB; returns where they begin. */
static gpa place_acpi(struct q35 *q)
{
    if (!q->acpi) {
        return q->memory.below_4g;
    }
    q->acpi_base = align_down(q->memory.below_4g - q->acpi->tables->len, 0x10000);
    acpi_tables_link(q->acpi, q->acpi_base);
    return q->acpi_base;
}

static gboolean plan_direct(struct q35 *q, GError **error)
{
    g_autoptr(GBytes) kernel = read_file(q->config->kernel, "-kernel", error);
    g_autoptr(GBytes) initrd = NULL;
    gpa top = place_acpi(q);
    g_autoptr(GArray) e820 = direct_e820(q, top);
    struct boot_source source = {.cmdline = q->config->append ? q->config->append : "",
                                 .ram_top = top,
                                 .rsdp = q->acpi ? DIRECT_RSDP : 0,
                                 .e820 = e820};

    if (!kernel) {
        return FALSE;
    }
    initrd = read_file(q->config->initrd, "-initrd", error);
    if (q->config->initrd && !initrd) {
        return FALSE;
    }
    source.kernel = kernel;
    source.initrd = initrd;
    q->plan = boot_plan_kernel(&source, error);
    if (!q->plan) {
        g_prefix_error(error, "%s: ", q->config->kernel);
    }
    return q->plan != NULL;
}

static void publish_blob(struct fw_cfg *f, uint16_t size_key, uint16_t data_key, const void *data,
                         size_t len)
{
    fw_cfg_add_u32(f, size_key, len);
    fw_cfg_add_bytes(f, data_key, data, len);
}

/* A kernel for the firmware to start: the parts of a bzImage, initrd and command line. */
static gboolean publish_kernel(struct q35 *q, GError **error)
{
    struct fw_cfg *f = fw_cfg_of(q->fw_cfg);
    const char *cmdline = q->config->append ? q->config->append : "";
    g_autoptr(GBytes) kernel = read_file(q->config->kernel, "-kernel", error);
    g_autoptr(GBytes) initrd = NULL;
    const uint8_t *data;
    gsize len, setup, initrd_len;

    if (!kernel) {
        return FALSE;
    }
    data = g_bytes_get_data(kernel, &len);
    setup = len > 0x206 ? (data[0x1f1] ? data[0x1f1] + 1 : 5) * 512 : len + 1;
    if (setup >= len || memcmp(data + 0x202, "HdrS", 4) != 0) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "%s: firmware starts bzImages only; leave -bios out for other formats",
                    q->config->kernel);
        return FALSE;
    }
    publish_blob(f, FW_CFG_SETUP_SIZE, FW_CFG_SETUP_DATA, data, setup);
    publish_blob(f, FW_CFG_KERNEL_SIZE, FW_CFG_KERNEL_DATA, data + setup, len - setup);
    publish_blob(f, FW_CFG_CMDLINE_SIZE, FW_CFG_CMDLINE_DATA, cmdline, strlen(cmdline) + 1);
    fw_cfg_add_u32(f, FW_CFG_KERNEL_ADDR, 0x100000);
    fw_cfg_add_u32(f, FW_CFG_SETUP_ADDR, 0x10000);
    fw_cfg_add_u32(f, FW_CFG_CMDLINE_ADDR, 0x20000);
    if (q->config->initrd) {
        initrd = read_file(q->config->initrd, "-initrd", error);
        if (!initrd) {
            return FALSE;
        }
        data = g_bytes_get_data(initrd, &initrd_len);
        if (initrd_len > q->memory.below_4g / 2) {
            g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOSPC,
                        "%s does not fit into the guest's memory", q->config->initrd);
            return FALSE;
        }
        publish_blob(f, FW_CFG_INITRD_SIZE, FW_CFG_INITRD_DATA, data, initrd_len);
        fw_cfg_add_u32(
            f, FW_CFG_INITRD_ADDR,
            align_down(MIN(q->memory.below_4g, 0x37ff0000) - 0x20000 - initrd_len, 0x1000));
    }
    return TRUE;
}

static gboolean publish_boot_order(struct q35 *q, GError **error)
{
    GString *order = bootorder_new(q->m, q->config->boot.strict, error);
    gboolean ok;

    if (!order) {
        return FALSE;
    }
    ok = order->len == 0 ||
         fw_cfg_set_file(fw_cfg_of(q->fw_cfg), "bootorder", order->str, order->len + 1, error);
    g_string_free(order, TRUE);
    return ok;
}

static gboolean publish_smbios(struct q35 *q, GError **error)
{
    struct fw_cfg *f = fw_cfg_of(q->fw_cfg);

    return fw_cfg_set_file(f, "etc/smbios/smbios-anchor", q->smbios->anchor, SMBIOS_ANCHOR,
                           error) &&
           fw_cfg_set_file(f, "etc/smbios/smbios-tables", q->smbios->structures->data,
                           q->smbios->structures->len, error);
}

static gboolean finish(struct machine *m, GError **error)
{
    struct q35 *q = m->board;

    fill_cmos(q);
    if (!fill_boot_order(q, error) || !fill_fw_cfg(q, error)) {
        return FALSE;
    }
    make_acpi(q);
    q->smbios =
        smbios_tables_new(q->config, q->memory.below_4g, q->memory.above_4g,
                          q->cpus.features->signature, q->cpus.features->word[FW_1_EDX], error);
    if (!q->smbios) {
        return FALSE;
    }
    if (is_direct(q)) {
        smbios_tables_link(q->smbios, DIRECT_SMBIOS + 0x20);
        return plan_direct(q, error);
    }
    return publish_boot_order(q, error) && publish_smbios(q, error) &&
           (!q->config->kernel || publish_kernel(q, error)) &&
           (!q->acpi || acpi_tables_publish(q->acpi, fw_cfg_of(q->fw_cfg), error));
}

static const char *const aliases[] = {
    "pc-q35-7.2",  "pc-q35-7.1",   "pc-q35-7.0",  "pc-q35-6.2", "pc-q35-6.1",
    "pc-q35-6.0",  "pc-q35-5.2",   "pc-q35-5.1",  "pc-q35-5.0", "pc-q35-4.2",
    "pc-q35-4.1",  "pc-q35-4.0.1", "pc-q35-4.0",  "pc-q35-3.1", "pc-q35-3.0",
    "pc-q35-2.12", "pc-q35-2.11",  "pc-q35-2.10", "pc-q35-2.9", "pc-q35-2.8",
    "pc-q35-2.7",  "pc-q35-2.6",   "pc-q35-2.5",  "pc-q35-2.4", NULL};

static const struct row props[] = {
    {.name = "acpi",
     .type = ROW_ON_OFF_AUTO,
     ROW_FIELD(struct q35_props, acpi),
     .def = "auto",
     .help = "Enable ACPI"},
    {.name = "hpet",
     .type = ROW_BOOL,
     ROW_FIELD(struct q35_props, hpet),
     .def = "on",
     .help = "Enable/disable high precision event timer emulation"},
    {.name = "i8042",
     .type = ROW_BOOL,
     ROW_FIELD(struct q35_props, i8042),
     .def = "on",
     .help = "Enable/disable the PS/2 keyboard and mouse controller"},
    {.name = "smm",
     .type = ROW_ON_OFF_AUTO,
     ROW_FIELD(struct q35_props, smm),
     .def = "auto",
     .help = "Enable SMM"},
    {.name = "vmport",
     .type = ROW_ON_OFF_AUTO,
     ROW_FIELD(struct q35_props, vmport),
     .def = "auto",
     .help = "Enable vmport (pc & q35)"},
    {0},
};

const struct board_class q35_board = {
    .name = "q35",
    .aliases = aliases,
    .description = "Standard PC (Q35 + ICH9, 2009)",
    .arch = &x86_arch,
    .default_cpu = "qemu64",
    .cpu_type = "qemu64-x86_64-cpu",
    .max_cpus = MAX_CPUS,
    .default_memory = 128 << 20,
    .has_io = true,
    .has_defaults = true,
    .ram_id = "pc.ram",
    .has_serial = true,
    .address_bits = 52,
    .props = props,
    .props_size = sizeof(struct q35_props),
    .build = build,
    .finish = finish,
};
