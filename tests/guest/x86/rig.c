/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rig.h"

#include "machine/accel/accel.h"
#include "machine/core/clock.h"
#include "machine/guest/x86/arch.h"
#include "machine/guest/x86/exception.h"
#include "machine/guest/x86/segment.h"
#include "machine/guest/x86/system/cpuid.h"

#define TABLES 0x1000

static enum bus_status mem_read(struct cpu *cpu, gpa addr, unsigned size, uint64_t *ret)
{
    return bus_read(cpu->memory, addr, size, ret);
}

static enum bus_status mem_write(struct cpu *cpu, gpa addr, uint64_t value, unsigned size)
{
    return bus_write(cpu->memory, addr, value, size);
}

static enum bus_status port_read(struct cpu *cpu, uint16_t port, unsigned size, uint32_t *ret)
{
    *ret = port == 0xe9 ? 0xe9 : UINT32_MAX;
    return port == 0xe9 ? BUS_OK : BUS_UNASSIGNED;
}

static enum bus_status port_write(struct cpu *cpu, uint16_t port, uint32_t value, unsigned size)
{
    struct rig *rig = cpu->board;

    if (port != 0xe9) {
        return BUS_UNASSIGNED;
    }
    g_string_append_c(rig->console, (char)value);
    return BUS_OK;
}

static int64_t now(struct cpu *cpu)
{
    const struct rig *rig = cpu->board;

    return rig->timeless ? 0 : cpu->insns;
}

static uint64_t random_bits(struct cpu *cpu)
{
    return 0x123456789abcdef0;
}

static int irq_acknowledge(struct cpu *cpu)
{
    return -1;
}

static int reg_read(struct cpu *cpu, uint32_t reg, uint64_t *ret)
{
    return -1;
}

static int reg_write(struct cpu *cpu, uint32_t reg, uint64_t value)
{
    return -1;
}

static const struct cpu_upcalls upcalls = {.mem_read = mem_read,
                                           .mem_write = mem_write,
                                           .port_read = port_read,
                                           .port_write = port_write,
                                           .now = now,
                                           .random = random_bits,
                                           .irq_acknowledge = irq_acknowledge,
                                           .reg_read = reg_read,
                                           .reg_write = reg_write};

/* A page got decoded code: stores to it take the slow path. */
static void on_code(void *opaque, struct ram_block *block, gpa page_off)
{
    struct rig *rig = opaque;

    tlb_protect(&rig->c->cpu.tlb, block->host + page_off);
}

static void attach(struct rig *rig, const struct accel_class *accel, const char *props)
{
    g_autofree void *values = g_malloc0(accel->props_size + 1);
    json_object *given = props ? json_tokener_parse(props) : json_object_new_object();
    g_autoptr(GError) error = NULL;

    row_defaults(accel->props, values);
    g_assert_true(row_set_all(accel->props, values, accel->name, given, &error));
    json_object_put(given);
    rig->accel = accel;
    rig->accel_vm = accel->vm_new(values, rig->memory, NULL, &error);
    g_assert_no_error(error);
    g_assert_true(accel->vcpu_new(rig->accel_vm, &rig->c->cpu, &error));
}

static struct rig *new_with(const struct accel_class *accel, const char *props)
{
    struct rig *rig = g_new0(struct rig, 1);
    struct x86_topology topology = {1, 1, 1, 1};
    uint32_t supported[FW_COUNT];
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);

    x86_interp_features(supported);
    rig->features = x86_features_new("max", &topology, supported, warnings, &error);
    g_assert_no_error(error);
    rig->quiesce = quiesce_new();
    rig->memory = bus_new("memory", 40, rig->quiesce);
    rig->ram = ram_block_new("test.ram", RIG_RAM, &error);
    g_assert_no_error(error);
    bus_region_init_ram(&rig->region, "ram", rig->ram, 0, RIG_RAM);
    rig->mapping = bus_map(rig->memory, 0, &rig->region, 0, RIG_RAM, 0, false);
    rig->console = g_string_new(NULL);
    rig->decoder = x86_decoder_new();
    rig->c = g_aligned_alloc0(1, sizeof(struct x86_cpu), 64);
    rig->c->features = rig->features;
    rig->c->decoder = rig->decoder;
    rig->c->tsc_khz = 1000000;
    rig->clock = clock_new(0, NULL);
    cpu_init(&rig->c->cpu, 0, rig->memory, rig->clock, &upcalls, rig);
    rig->c->cpu.arch = &x86_arch;
    attach(rig, accel, props);
    rig->ram->code_hook = (struct ram_code_hook){on_code, rig};
    x86_reset(rig->c, true);
    rig->c->cpu.run_state = CPU_RUNNING;
    quiesce_enter(rig->quiesce, &rig->c->cpu.reader);
    return rig;
}

struct rig *rig_new(void)
{
    return new_with(&accel_interp, NULL);
}

struct rig *rig_new_jit(bool one_insn, unsigned memory)
{
    g_autofree char *props = g_strdup_printf("{\"one-insn-per-tb\": %s, \"tb-size\": %u}",
                                             one_insn ? "true" : "false", memory);

    return new_with(&accel_jit, props);
}

struct rig *rig_new_checked(void)
{
    return new_with(&accel_jit, "{\"check\": true, \"tb-size\": 1}");
}

enum accel_exit rig_run(struct rig *rig, uint64_t most)
{
    g_autoptr(GError) error = NULL;
    enum accel_exit why;

    __atomic_store_n(&rig->c->cpu.exit_request, 0, __ATOMIC_RELAXED);
    rig->c->cpu.budget = most;
    why = rig->accel->run(rig->accel_vm, &rig->c->cpu, &error);
    g_assert((why == ACCEL_EXIT_ERROR) == (error != NULL));
    return why;
}

void rig_free(struct rig *rig)
{
    quiesce_leave(&rig->c->cpu.reader);
    rig->accel->vcpu_free(rig->accel_vm, &rig->c->cpu);
    rig->accel->vm_free(rig->accel_vm);
    cpu_fini(&rig->c->cpu);
    g_aligned_free(rig->c);
    x86_decoder_free(rig->decoder);
    x86_features_free(rig->features);
    bus_unmap(rig->memory, rig->mapping);
    bus_free(rig->memory);
    ram_block_free(rig->ram);
    clock_free(rig->clock);
    quiesce_free(rig->quiesce);
    g_string_free(rig->console, TRUE);
    g_free(rig);
}

void rig_load(struct rig *rig, gpa at, const void *bytes, size_t len)
{
    g_assert_cmpint(bus_load(rig->memory, at, bytes, len), ==, BUS_OK);
}

static void make_tables(struct rig *rig)
{
    uint64_t entry = TABLES + 0x1000 + 7;

    rig_load(rig, TABLES, &entry, 8);
    entry += 0x1000;
    rig_load(rig, TABLES + 0x1000, &entry, 8);
    for (unsigned i = 0; i < RIG_RAM >> 21; i++) {
        entry = (uint64_t)i << 21 | 0x87;
        rig_load(rig, TABLES + 0x2000 + i * 8, &entry, 8);
    }
}

void rig_enter(struct rig *rig, unsigned bits, uint64_t rip, uint64_t rsp)
{
    struct x86_cpu *c = rig->c;
    bool flat = bits != 16;

    for (unsigned i = 0; i < SEG_COUNT; i++) {
        c->seg[i] = (struct x86_seg){.selector = flat ? 16 : 0,
                                     .limit = flat ? UINT32_MAX : 0xffff,
                                     .attr = SEG_P | SEG_S | 3 | (flat ? SEG_G | SEG_DB : 0)};
    }
    c->seg[SEG_CS].selector = flat ? 8 : 0;
    c->seg[SEG_CS].attr = SEG_P | SEG_S | 11 | (flat ? SEG_G : 0) |
                          (bits == 64   ? SEG_L
                           : bits == 32 ? SEG_DB
                                        : 0);
    c->cr0 = CR0_ET | CR0_NE | (flat ? CR0_PE : 0);
    c->cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT;
    c->msr.efer = 0;
    if (bits == 64) {
        make_tables(rig);
        c->cr3 = TABLES;
        c->cr4 |= CR4_PAE;
        c->cr0 |= CR0_PG | CR0_WP;
        c->msr.efer = EFER_LME | EFER_LMA | EFER_NXE | EFER_SCE;
    }
    c->rip = rip;
    c->gpr[RSP] = rsp;
    tlb_flush(&c->cpu.tlb);
    x86_update_mode(c);
}
