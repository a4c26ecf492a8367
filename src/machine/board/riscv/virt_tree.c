/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device tree: Devicetree Specification 0.4, and the kernel's bindings of each device. */
#include "machine/board/riscv/virt.h"

#include "machine/dev/pc/fw_cfg.h"

#include <libfdt.h>
#include <string.h>

#define TREE_MAX 0x10000

enum { CPU_INTC_M_SOFT = 3, CPU_INTC_M_TIMER = 7, CPU_INTC_S_EXT = 9, CPU_INTC_M_EXT = 11 };

/* What is referred to by phandle: harts' interrupt controllers follow. */
enum { PHANDLE_PLIC = 1, PHANDLE_TEST, PHANDLE_FIRST_CPU };

static void check(int status)
{
    if (status < 0) {
        g_error("device tree: %s", fdt_strerror(status)); /* TREE_MAX is too small */
    }
}

static void put_u32(void *fdt, const char *name, uint32_t value)
{
    check(fdt_property_u32(fdt, name, value));
}

static void put_string(void *fdt, const char *name, const char *value)
{
    check(fdt_property_string(fdt, name, value));
}

static void put_empty(void *fdt, const char *name)
{
    check(fdt_property(fdt, name, NULL, 0));
}

/* Strings one after the other: `len` with the last one's end. */
static void put_strings(void *fdt, const char *name, const char *value, size_t len)
{
    check(fdt_property(fdt, name, value, len));
}

static void put_cells(void *fdt, const char *name, const uint32_t *cells, unsigned n)
{
    g_autofree fdt32_t *big = g_new(fdt32_t, n);

    for (unsigned i = 0; i < n; i++) {
        big[i] = cpu_to_fdt32(cells[i]);
    }
    check(fdt_property(fdt, name, big, n * sizeof(big[0])));
}

static void put_reg(void *fdt, gpa base, uint64_t size)
{
    const uint32_t cells[] = {base >> 32, base, size >> 32, size};

    put_cells(fdt, "reg", cells, G_N_ELEMENTS(cells));
}

static void begin(void *fdt, const char *name)
{
    check(fdt_begin_node(fdt, name));
}

static void begin_at(void *fdt, const char *name, gpa base)
{
    g_autofree char *full = g_strdup_printf("%s@%" G_GINT64_MODIFIER "x", name, base);

    begin(fdt, full);
}

static void end(void *fdt)
{
    check(fdt_end_node(fdt));
}

static uint32_t cpu_handle(unsigned i)
{
    return PHANDLE_FIRST_CPU + i * 2;
}

static uint32_t intc_handle(unsigned i)
{
    return cpu_handle(i) + 1;
}

static void put_cpu(const struct virt *v, void *fdt, unsigned i)
{
    begin_at(fdt, "cpu", i);
    put_u32(fdt, "phandle", cpu_handle(i));
    put_string(fdt, "device_type", "cpu");
    put_u32(fdt, "reg", i);
    put_string(fdt, "status", "okay");
    put_string(fdt, "compatible", "riscv");
    put_string(fdt, "riscv,isa", riscv_model_isa(v->model));
    put_string(fdt, "mmu-type", riscv_model_mmu(v->model));
    if (riscv_model_cache_block(v->model)) {
        put_u32(fdt, "riscv,cbom-block-size", riscv_model_cache_block(v->model));
        put_u32(fdt, "riscv,cboz-block-size", riscv_model_cache_block(v->model));
    }
    begin(fdt, "interrupt-controller");
    put_u32(fdt, "#interrupt-cells", 1);
    put_empty(fdt, "interrupt-controller");
    put_string(fdt, "compatible", "riscv,cpu-intc");
    put_u32(fdt, "phandle", intc_handle(i));
    end(fdt);
    end(fdt);
}

static void put_cpu_map(const struct virt *v, void *fdt)
{
    begin(fdt, "cpu-map");
    begin(fdt, "cluster0");
    for (unsigned i = 0; i < v->n; i++) {
        g_autofree char *name = g_strdup_printf("core%u", i);

        begin(fdt, name);
        put_u32(fdt, "cpu", cpu_handle(i));
        end(fdt);
    }
    end(fdt);
    end(fdt);
}

static void put_cpus(const struct virt *v, void *fdt)
{
    begin(fdt, "cpus");
    put_u32(fdt, "#address-cells", 1);
    put_u32(fdt, "#size-cells", 0);
    put_u32(fdt, "timebase-frequency", ACLINT_HZ);
    for (unsigned i = 0; i < v->n; i++) {
        put_cpu(v, fdt, i);
    }
    put_cpu_map(v, fdt);
    end(fdt);
}

/* Two of each hart's inputs, for a controller that drives them. */
static void put_inputs(const struct virt *v, void *fdt, uint32_t first, uint32_t second)
{
    g_autofree uint32_t *cells = g_new(uint32_t, v->n * 4);

    for (unsigned i = 0; i < v->n; i++) {
        cells[i * 4] = cells[i * 4 + 2] = intc_handle(i);
        cells[i * 4 + 1] = first;
        cells[i * 4 + 3] = second;
    }
    put_cells(fdt, "interrupts-extended", cells, v->n * 4);
}

static void put_controllers(const struct virt *v, void *fdt)
{
    static const char plic[] = "sifive,plic-1.0.0\0riscv,plic0";
    static const char clint[] = "sifive,clint0\0riscv,clint0";

    begin_at(fdt, "plic", VIRT_PLIC);
    put_u32(fdt, "phandle", PHANDLE_PLIC);
    put_u32(fdt, "riscv,ndev", PLIC_SOURCES - 1);
    put_reg(fdt, VIRT_PLIC, PLIC_SIZE);
    put_inputs(v, fdt, CPU_INTC_M_EXT, CPU_INTC_S_EXT);
    put_empty(fdt, "interrupt-controller");
    put_strings(fdt, "compatible", plic, sizeof(plic));
    put_u32(fdt, "#address-cells", 0);
    put_u32(fdt, "#interrupt-cells", 1);
    end(fdt);
    begin_at(fdt, "clint", VIRT_ACLINT);
    put_inputs(v, fdt, CPU_INTC_M_SOFT, CPU_INTC_M_TIMER);
    put_reg(fdt, VIRT_ACLINT, ACLINT_SIZE);
    put_strings(fdt, "compatible", clint, sizeof(clint));
    end(fdt);
}

static void put_devices(void *fdt)
{
    static const char test[] = "sifive,test1\0sifive,test0\0syscon";

    begin_at(fdt, "rtc", VIRT_RTC);
    put_u32(fdt, "interrupts", VIRT_RTC_IRQ);
    put_u32(fdt, "interrupt-parent", PHANDLE_PLIC);
    put_reg(fdt, VIRT_RTC, VIRT_RTC_SIZE);
    put_string(fdt, "compatible", "google,goldfish-rtc");
    end(fdt);
    begin_at(fdt, "serial", VIRT_UART);
    put_u32(fdt, "interrupts", VIRT_UART_IRQ);
    put_u32(fdt, "interrupt-parent", PHANDLE_PLIC);
    put_u32(fdt, "clock-frequency", VIRT_UART_HZ);
    put_reg(fdt, VIRT_UART, VIRT_UART_SIZE);
    put_string(fdt, "compatible", "ns16550a");
    end(fdt);
    begin_at(fdt, "test", VIRT_TEST);
    put_u32(fdt, "phandle", PHANDLE_TEST);
    put_reg(fdt, VIRT_TEST, VIRT_TEST_SIZE);
    put_strings(fdt, "compatible", test, sizeof(test));
    end(fdt);
}

/* Which source each pin of the first four slots is; the mask repeats them for all. */
static void put_interrupt_map(void *fdt)
{
    uint32_t cells[GPEX_INTX * GPEX_INTX * 6], *c = cells;

    for (unsigned slot = 0; slot < GPEX_INTX; slot++) {
        for (unsigned pin = 0; pin < GPEX_INTX; pin++, c += 6) {
            const uint32_t entry[6] = {
                slot << 11, 0, 0, pin + 1, PHANDLE_PLIC, VIRT_PCI_IRQ + (slot + pin) % GPEX_INTX};

            memcpy(c, entry, sizeof(entry));
        }
    }
    put_cells(fdt, "interrupt-map", cells, G_N_ELEMENTS(cells));
}

/* A window of the host's "ranges": kind, PCI address, address, size. */
static void add_range(uint32_t *cells, uint32_t kind, gpa pci, gpa base, uint64_t size)
{
    const uint32_t range[7] = {kind, pci >> 32, pci, base >> 32, base, size >> 32, size};

    memcpy(cells, range, sizeof(range));
}

static void put_pci(const struct virt *v, void *fdt)
{
    static const uint32_t mask[] = {3 << 11, 0, 0, 7}, buses[] = {0, 0xff};
    const struct gpex_map *m = &v->pci->map;
    uint32_t ranges[21];

    add_range(ranges, 0x1000000, 0, m->ports, m->ports_size);
    add_range(ranges + 7, 0x2000000, m->low, m->low, m->low_size);
    add_range(ranges + 14, 0x3000000, m->high, m->high, m->high_size);
    begin_at(fdt, "pci", m->ecam);
    put_cells(fdt, "interrupt-map-mask", mask, G_N_ELEMENTS(mask));
    put_interrupt_map(fdt);
    put_cells(fdt, "ranges", ranges, G_N_ELEMENTS(ranges));
    put_reg(fdt, m->ecam, m->ecam_size);
    put_empty(fdt, "dma-coherent");
    put_cells(fdt, "bus-range", buses, G_N_ELEMENTS(buses));
    put_u32(fdt, "linux,pci-domain", 0);
    put_string(fdt, "device_type", "pci");
    put_string(fdt, "compatible", "pci-host-ecam-generic");
    put_u32(fdt, "#size-cells", 2);
    put_u32(fdt, "#interrupt-cells", 1);
    put_u32(fdt, "#address-cells", 3);
    end(fdt);
}

/* The last slot first: Linux numbers disks in the order in which devices were given. */
static void put_slots(void *fdt)
{
    for (unsigned i = VIRT_SLOTS; i-- > 0;) {
        gpa base = VIRT_VIRTIO + i * VIRT_SLOT_SIZE;

        begin_at(fdt, "virtio_mmio", base);
        put_u32(fdt, "interrupts", 1 + i);
        put_u32(fdt, "interrupt-parent", PHANDLE_PLIC);
        put_reg(fdt, base, VIRT_SLOT_SIZE);
        put_string(fdt, "compatible", "virtio,mmio");
        end(fdt);
    }
}

static void put_soc(const struct virt *v, void *fdt)
{
    begin(fdt, "soc");
    put_u32(fdt, "#address-cells", 2);
    put_u32(fdt, "#size-cells", 2);
    put_string(fdt, "compatible", "simple-bus");
    put_empty(fdt, "ranges");
    put_devices(fdt);
    put_pci(v, fdt);
    put_slots(fdt);
    put_controllers(v, fdt);
    end(fdt);
}

static void put_syscon(void *fdt, const char *name, uint32_t value)
{
    g_autofree char *compatible = g_strdup_printf("syscon-%s", name);

    begin(fdt, name);
    put_u32(fdt, "value", value);
    put_u32(fdt, "offset", 0);
    put_u32(fdt, "regmap", PHANDLE_TEST);
    put_string(fdt, "compatible", compatible);
    end(fdt);
}

/* Zeroes, filled at each start; without them a run that counts its instructions can be repeated. */
static void put_seed(const struct virt *v, void *fdt)
{
    static const uint8_t zeroes[VIRT_SEED_SIZE];

    if (!v->m->env.deterministic) {
        check(fdt_property(fdt, "rng-seed", zeroes, sizeof(zeroes)));
    }
}

size_t virt_tree_seed(GBytes *tree)
{
    const uint8_t *fdt = g_bytes_get_data(tree, NULL);
    int node = fdt_path_offset(fdt, "/chosen");
    const uint8_t *seed = fdt_getprop(fdt, node, "rng-seed", NULL);

    return seed ? seed - fdt : 0;
}

static void put_chosen(const struct virt *v, void *fdt, gpa initrd, uint64_t initrd_size)
{
    g_autofree char *path = g_strdup_printf("/soc/serial@%x", VIRT_UART);

    begin(fdt, "chosen");
    if (v->config->append) {
        put_string(fdt, "bootargs", v->config->append);
    }
    if (initrd_size) {
        check(fdt_property_u64(fdt, "linux,initrd-start", initrd));
        check(fdt_property_u64(fdt, "linux,initrd-end", initrd + initrd_size));
    }
    put_seed(v, fdt);
    put_string(fdt, "stdout-path", path);
    end(fdt);
}

GBytes *virt_tree(const struct virt *v, gpa initrd, uint64_t initrd_size)
{
    size_t room = TREE_MAX + v->n * 1024u + (v->config->append ? strlen(v->config->append) : 0);
    void *fdt = g_malloc0(room);

    check(fdt_create(fdt, room));
    check(fdt_finish_reservemap(fdt));
    begin(fdt, "");
    put_u32(fdt, "#address-cells", 2);
    put_u32(fdt, "#size-cells", 2);
    put_string(fdt, "compatible", "riscv-virtio");
    put_string(fdt, "model", "riscv-virtio,qemu");
    begin_at(fdt, "fw-cfg", VIRT_FW_CFG);
    put_empty(fdt, "dma-coherent");
    put_reg(fdt, VIRT_FW_CFG, FW_CFG_MEM_SIZE);
    put_string(fdt, "compatible", "qemu,fw-cfg-mmio");
    end(fdt);
    put_chosen(v, fdt, initrd, initrd_size);
    put_syscon(fdt, "poweroff", 0x5555);
    put_syscon(fdt, "reboot", 0x7777);
    begin_at(fdt, "memory", VIRT_RAM);
    put_string(fdt, "device_type", "memory");
    put_reg(fdt, VIRT_RAM, v->ram->size);
    end(fdt);
    put_cpus(v, fdt);
    put_soc(v, fdt);
    end(fdt);
    check(fdt_finish(fdt));
    return g_bytes_new_take(fdt, fdt_totalsize(fdt));
}
