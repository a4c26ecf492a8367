/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/board/riscv/virt.h"

#include "base/bits.h"
#include "machine/dev/pc/fw_cfg.h"
#include "machine/dev/pc/serial.h"
#include "machine/dev/riscv/goldfish_rtc.h"
#include "machine/virtio/mmio.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define MAX_CPUS 64

/* sifive_test: what is written to its first word. */
#define TEST_FAIL  0x3333
#define TEST_PASS  0x5555
#define TEST_RESET 0x7777

static struct virt *board_of(struct cpu *cpu)
{
    return cpu->board;
}

static enum bus_status mem_read(struct cpu *cpu, gpa addr, unsigned size, uint64_t *ret)
{
    return bus_read(cpu->memory, addr, size, ret);
}

static enum bus_status mem_write(struct cpu *cpu, gpa addr, uint64_t value, unsigned size)
{
    return bus_write(cpu->memory, addr, value, size);
}

static int64_t now(struct cpu *cpu)
{
    return clock_now(cpu->clock, CLOCK_GUEST);
}

static int reg_read(struct cpu *cpu, uint32_t reg, uint64_t *ret)
{
    if (reg != RISCV_REG_TIME) {
        return -1;
    }
    *ret = aclint_time(board_of(cpu)->aclint);
    return 0;
}

static int reg_write(struct cpu *cpu, uint32_t reg, uint64_t value)
{
    if (reg != RISCV_REG_STIMECMP) {
        return -1;
    }
    aclint_set_stimecmp(board_of(cpu)->aclint, cpu->index, value);
    return 0;
}

static const struct cpu_upcalls upcalls = {.mem_read = mem_read,
                                           .mem_write = mem_write,
                                           .now = now,
                                           .reg_read = reg_read,
                                           .reg_write = reg_write};

static uint64_t test_read(void *opaque, gpa off, unsigned size)
{
    return 0;
}

static void test_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct virt *v = opaque;

    if (off != 0) {
        return;
    }
    switch (value & 0xffff) {
    case TEST_FAIL: v->m->env.request(v->m, MACHINE_SHUTDOWN, true, value >> 16 & 0xff); break;
    case TEST_PASS: v->m->env.request(v->m, MACHINE_SHUTDOWN, true, 0); break;
    case TEST_RESET: v->m->env.request(v->m, MACHINE_RESET, true, 0); break;
    }
}

static const struct bus_ops test_ops = {
    .read = test_read, .write = test_write, .min_size = 2, .max_size = 4};

static gboolean make_memory(struct virt *v, GError **error)
{
    const struct config_memory *c = &v->config->memory;

    v->ram = ram_block_new_of("riscv_virt_board.ram", c->size, &c->source, error);
    if (!v->ram) {
        return FALSE;
    }
    machine_add_ram(v->m, v->ram);
    if (c->prealloc && !ram_block_populate(v->ram, error)) {
        return FALSE;
    }
    v->rom = ram_block_new("riscv_virt_board.mrom", VIRT_ROM_SIZE, error);
    if (!v->rom) {
        return FALSE;
    }
    machine_add_ram(v->m, v->rom);
    v->rom->readonly = true;
    bus_region_init_ram(&v->ram_region, "riscv_virt_board.ram", v->ram, 0, v->ram->size);
    bus_map(v->m->memory, VIRT_RAM, &v->ram_region, 0, v->ram->size, 0, false);
    bus_region_init_rom(&v->rom_region, "riscv_virt_board.mrom", v->rom, 0, VIRT_ROM_SIZE, NULL,
                        NULL, NULL);
    bus_map(v->m->memory, VIRT_ROM, &v->rom_region, 0, VIRT_ROM_SIZE, 0, false);
    bus_region_init_io(&v->test_region, "riscv.sifive.test", VIRT_TEST_SIZE, &test_ops, v, NULL);
    bus_map(v->m->memory, VIRT_TEST, &v->test_region, 0, VIRT_TEST_SIZE, 0, false);
    return TRUE;
}

static gboolean make_cpus(struct virt *v, GError **error)
{
    const char *text = v->config->cpu ? v->config->cpu : virt_board.default_cpu;

    v->model = riscv_model_new(text, error);
    if (!v->model) {
        return FALSE;
    }
    v->n = v->config->smp.cpus;
    v->cpu = g_new0(struct riscv_cpu *, v->n);
    v->list = g_new0(struct cpu *, v->n);
    for (unsigned i = 0; i < v->n; i++) {
        struct riscv_cpu *c = aligned_alloc(64, (sizeof(*c) + 63) & ~(size_t)63);

        g_assert(c);
        memset(c, 0, sizeof(*c));
        cpu_init(&c->cpu, i, v->m->memory, v->m->clock, &upcalls, v);
        riscv_init(c, v->model);
        v->cpu[i] = c;
        v->list[i] = &c->cpu;
    }
    v->m->cpus = v->list;
    v->m->n_cpus = v->n;
    return TRUE;
}

static void make_controllers(struct virt *v)
{
    const struct aclint_inputs inputs = {RISCV_PENDING_MSI, RISCV_PENDING_MTI, RISCV_PENDING_STI};

    v->aclint = aclint_new(v->list, v->n, v->m->clock, &inputs);
    bus_map(v->m->memory, VIRT_ACLINT, aclint_region(v->aclint), 0, ACLINT_SIZE, 0, false);
    v->plic = plic_new(v->list, v->n, RISCV_PENDING_MEI, RISCV_PENDING_SEI);
    bus_map(v->m->memory, VIRT_PLIC, plic_region(v->plic), 0, PLIC_SIZE, 0, false);
}

/* Takes `dev`. */
static gboolean add_to(struct virt *v, struct dev *dev, struct dev_bus *bus, GError **error)
{
    const struct machine_config *config = v->config;

    if ((config->prepare && !config->prepare(config->prepare_opaque, dev, error)) ||
        !dev_realize(dev, bus, error)) {
        dev_free(dev);
        return FALSE;
    }
    machine_add_dev(v->m, dev);
    return TRUE;
}

static gboolean add(struct virt *v, struct dev *dev, GError **error)
{
    return add_to(v, dev, NULL, error);
}

/* The port is there whether or not anybody listens. */
static gboolean add_serial(struct virt *v, GError **error)
{
    struct dev *dev = dev_new(&serial_mm_class, NULL, &v->m->env);

    serial_place(dev, VIRT_UART, plic_line(v->plic, VIRT_UART_IRQ));
    if (v->config->serial[0] && !dev_set_str(dev, "chardev", v->config->serial[0], error)) {
        dev_free(dev);
        return FALSE;
    }
    return add(v, dev, error);
}

/* Devices that name no bus fill them from the last, as on QEMU's board. */
static gboolean add_slots(struct virt *v, GError **error)
{
    for (unsigned i = VIRT_SLOTS; i-- > 0;) {
        struct dev *slot = virtio_slot_new(&v->m->env, i, VIRT_VIRTIO + i * VIRT_SLOT_SIZE,
                                           plic_line(v->plic, 1 + i));

        if (!add(v, slot, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean add_rtc(struct virt *v, GError **error)
{
    struct dev *dev = dev_new(&goldfish_rtc_class, NULL, &v->m->env);

    goldfish_rtc_place(dev, VIRT_RTC, plic_line(v->plic, VIRT_RTC_IRQ), &v->config->rtc);
    return add(v, dev, error);
}

static gboolean add_fw_cfg(struct virt *v, GError **error)
{
    const struct machine_config *config = v->config;
    struct fw_cfg *f = fw_cfg_of(dev_new(&fw_cfg_mem_class, NULL, &v->m->env));

    fw_cfg_place(f, VIRT_FW_CFG);
    if (!add(v, (struct dev *)f, error)) {
        return FALSE;
    }
    v->fw_cfg = f;
    fw_cfg_add_u16(f, FW_CFG_NB_CPUS, v->n);
    fw_cfg_add_u16(f, FW_CFG_NOGRAPHIC, config->no_graphics);
    fw_cfg_add_u16(f, FW_CFG_BOOT_MENU, config->boot.menu);
    fw_cfg_add_bytes(f, FW_CFG_UUID, config->uuid, 16);
    for (unsigned i = 0; i < config->n_fw_cfg; i++) {
        const struct config_fw_cfg *c = &config->fw_cfg[i];

        if (!fw_cfg_add_file(f, c->name, c->data, c->len, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean add_pci(struct virt *v, GError **error)
{
    gpa end = VIRT_RAM + v->ram->size;
    const struct gpex_map map = {
        .ecam = VIRT_PCI_ECAM,
        .ecam_size = VIRT_PCI_ECAM_SIZE,
        .ports = VIRT_PCI_PORTS,
        .ports_size = VIRT_PCI_PORTS_SIZE,
        .low = VIRT_PCI_LOW,
        .low_size = VIRT_PCI_LOW_SIZE,
        .high = align_up(end, VIRT_PCI_HIGH_SIZE),
        .high_size = VIRT_PCI_HIGH_SIZE,
    };
    struct irq irq[GPEX_INTX];
    struct gpex *host;
    struct dev *root;

    for (unsigned i = 0; i < GPEX_INTX; i++) {
        irq[i] = plic_line(v->plic, VIRT_PCI_IRQ + i);
    }
    host = gpex_new(&v->m->env, &map, irq);
    if (!add(v, &host->dev, error)) {
        return FALSE;
    }
    v->pci = host;
    root = dev_new(&gpex_root_class, NULL, &v->m->env);
    ((struct pci_dev *)root)->addr = PCI_DEVFN(0, 0);
    return add_to(v, root, host->root->dev_bus, error);
}

/* Each start has its own. */
static void load_seed(struct virt *v)
{
    uint8_t seed[VIRT_SEED_SIZE];

    if (getrandom(seed, sizeof(seed), 0) == sizeof(seed)) {
        bus_load(v->m->memory, v->rng_seed, seed, sizeof(seed));
    }
}

static void board_reset(void *board)
{
    struct virt *v = board;

    for (unsigned i = 0; i < v->n; i++) {
        __atomic_store_n(&v->list[i]->pending, CPU_PENDING_FLUSH, __ATOMIC_SEQ_CST);
        v->list[i]->insns = 0;
        riscv_reset(v->cpu[i], VIRT_ROM, 0);
    }
    aclint_reset(v->aclint);
    plic_reset(v->plic);
    for (guint i = 0; i < v->pieces->len; i++) {
        const struct virt_piece *p = &g_array_index(v->pieces, struct virt_piece, i);
        gsize len;
        const void *data = g_bytes_get_data(p->bytes, &len);

        bus_load(v->m->memory, p->addr, data, len);
    }
    if (v->rng_seed) {
        load_seed(v);
    }
}

static void board_save(void *board, GByteArray *out)
{
    struct virt *v = board;

    for (unsigned i = 0; i < v->n; i++) {
        riscv_save(v->cpu[i], out);
    }
    aclint_save(v->aclint, out);
    plic_save(v->plic, out);
}

static gboolean board_load(void *board, const uint8_t **data, size_t *left, GError **error)
{
    struct virt *v = board;

    for (unsigned i = 0; i < v->n; i++) {
        if (!riscv_load(v->cpu[i], data, left, error)) {
            return FALSE;
        }
    }
    return aclint_load(v->aclint, data, left, error) && plic_load(v->plic, data, left, error);
}

/* The board has no power button: the request is left to the monitor's user. */
static void board_powerdown(void *board)
{
}

static void board_free(void *board)
{
    struct virt *v = board;

    aclint_free(v->aclint);
    plic_free(v->plic);
    for (unsigned i = 0; v->cpu && i < v->n; i++) {
        cpu_fini(v->list[i]);
        free(v->cpu[i]);
    }
    g_free(v->list);
    g_free(v->cpu);
    riscv_model_free(v->model);
    for (guint i = 0; i < v->pieces->len; i++) {
        g_bytes_unref(g_array_index(v->pieces, struct virt_piece, i).bytes);
    }
    g_array_free(v->pieces, TRUE);
    g_clear_pointer(&v->tree, g_bytes_unref);
    g_free(v);
}

static const struct machine_board_ops ops = {.reset = board_reset,
                                             .save = board_save,
                                             .load = board_load,
                                             .cpu_has_work = riscv_has_work,
                                             .powerdown = board_powerdown,
                                             .free = board_free};

static gboolean build(struct machine *m, const struct machine_config *config, GError **error)
{
    struct virt *v = g_new0(struct virt, 1);

    v->m = m;
    v->config = config;
    v->pieces = g_array_new(FALSE, FALSE, sizeof(struct virt_piece));
    m->board = v;
    m->board_ops = &ops;
    if (!make_memory(v, error) || !make_cpus(v, error)) {
        return FALSE;
    }
    make_controllers(v);
    return add_serial(v, error) && add_slots(v, error) && add_pci(v, error) && add_rtc(v, error) &&
           add_fw_cfg(v, error);
}

static gboolean finish(struct machine *m, GError **error)
{
    return virt_plan(m->board, error);
}

static GBytes *tree(const struct machine *m)
{
    return ((const struct virt *)m->board)->tree;
}

static const struct row props[] = {{0}};

const struct board_class virt_board = {
    .name = "virt",
    .description = "RISC-V VirtIO board",
    .arch = &riscv64_arch,
    .default_cpu = "rv64",
    .cpu_type = "rv64-riscv-cpu",
    .max_cpus = MAX_CPUS,
    .default_memory = UINT64_C(128) << 20,
    .has_io = true,
    .ram_id = "riscv_virt_board.ram",
    .has_serial = true,
    .address_bits = 52,
    .interface = "virtio",
    .props = props,
    .build = build,
    .finish = finish,
    .tree = tree,
};
