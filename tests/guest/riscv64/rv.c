/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rv.h"

#include "machine/accel/accel.h"
#include "machine/core/arch.h"

#include <stdlib.h>

static struct rv *rig_of(struct cpu *cpu)
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

static int reg_read(struct cpu *cpu, uint32_t reg, uint64_t *ret)
{
    *ret = rig_of(cpu)->time;
    return reg == RISCV_REG_TIME ? 0 : -1;
}

static int reg_write(struct cpu *cpu, uint32_t reg, uint64_t value)
{
    rig_of(cpu)->stimecmp = value;
    return reg == RISCV_REG_STIMECMP ? 0 : -1;
}

static const struct cpu_upcalls upcalls = {
    .mem_read = mem_read, .mem_write = mem_write, .reg_read = reg_read, .reg_write = reg_write};

static uint64_t device_read(void *opaque, gpa off, unsigned size)
{
    return ((struct rv *)opaque)->device;
}

static void device_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    ((struct rv *)opaque)->device = value;
}

static const struct bus_ops device_ops = {
    .read = device_read, .write = device_write, .min_size = 8, .max_size = 8};

/* A page got decoded code: stores to it take the slow path. */
static void on_code(void *opaque, struct ram_block *block, gpa page_off)
{
    struct rv *r = opaque;

    tlb_protect(&r->c->cpu.tlb, block->host + page_off);
}

static void attach(struct rv *r, const struct accel_class *accel, const char *props)
{
    g_autofree void *values = g_malloc0(accel->props_size + 1);
    json_object *given = props ? json_tokener_parse(props) : json_object_new_object();
    GError *error = NULL;

    row_defaults(accel->props, values);
    g_assert_true(row_set_all(accel->props, values, accel->name, given, &error));
    json_object_put(given);
    r->accel = accel;
    r->accel_vm = accel->vm_new(values, r->bus, NULL, &error);
    g_assert_no_error(error);
    g_assert_true(accel->vcpu_new(r->accel_vm, &r->c->cpu, &error));
}

static struct rv *new_with(const char *cpu, const struct accel_class *accel, const char *props)
{
    struct rv *r = g_new0(struct rv, 1);
    GError *error = NULL;

    r->quiesce = quiesce_new();
    r->bus = bus_new("memory", 52, r->quiesce);
    r->clock = clock_new(0, NULL);
    r->ram = ram_block_new("ram", RV_RAM_SIZE, &error);
    g_assert_no_error(error);
    bus_region_init_ram(&r->ram_region, "ram", r->ram, 0, RV_RAM_SIZE);
    bus_map(r->bus, 0, &r->ram_region, 0, RV_RAM_SIZE, 0, false);
    bus_region_init_io(&r->device_region, "device", 8, &device_ops, r, NULL);
    bus_map(r->bus, RV_DEVICE, &r->device_region, 0, 8, 0, false);
    r->model = riscv_model_new(cpu, &error);
    g_assert_no_error(error);
    r->c = aligned_alloc(64, (sizeof(*r->c) + 63) & ~(size_t)63);
    g_assert_nonnull(r->c);
    memset(r->c, 0, sizeof(*r->c));
    cpu_init(&r->c->cpu, 0, r->bus, r->clock, &upcalls, r);
    riscv_init(r->c, r->model);
    attach(r, accel, props);
    r->ram->code_hook = (struct ram_code_hook){on_code, r};
    quiesce_enter(r->quiesce, &r->c->cpu.reader);
    return r;
}

struct rv *rv_new(const char *cpu)
{
    return new_with(cpu, &accel_interp, NULL);
}

struct rv *rv_new_jit(const char *cpu, bool one_insn, unsigned memory)
{
    g_autofree char *props = g_strdup_printf("{\"one-insn-per-tb\": %s, \"tb-size\": %u}",
                                             one_insn ? "true" : "false", memory);

    return new_with(cpu, &accel_jit, props);
}

struct rv *rv_new_checked(const char *cpu)
{
    return new_with(cpu, &accel_jit, "{\"check\": true, \"tb-size\": 1}");
}

void rv_free(struct rv *r)
{
    quiesce_leave(&r->c->cpu.reader);
    r->accel->vcpu_free(r->accel_vm, &r->c->cpu);
    r->accel->vm_free(r->accel_vm);
    cpu_fini(&r->c->cpu);
    free(r->c);
    riscv_model_free(r->model);
    bus_free(r->bus);
    ram_block_free(r->ram);
    clock_free(r->clock);
    quiesce_free(r->quiesce);
    g_free(r);
}

void rv_write64(struct rv *r, gpa addr, uint64_t value)
{
    memcpy(r->ram->host + addr, &value, 8);
}

uint64_t rv_read64(const struct rv *r, gpa addr)
{
    uint64_t value;

    memcpy(&value, r->ram->host + addr, 8);
    return value;
}

void rv_put(struct rv *r, gpa addr, const uint32_t *codes, unsigned n)
{
    memcpy(r->ram->host + addr, codes, n * 4);
}

enum accel_exit rv_run(struct rv *r, uint64_t most)
{
    __atomic_store_n(&r->c->cpu.exit_request, 0, __ATOMIC_RELAXED);
    r->c->cpu.budget = most;
    return r->accel->run(r->accel_vm, &r->c->cpu, NULL);
}

static uint32_t match(const char *name)
{
    unsigned n;
    const struct riscv_row *rows = riscv_rows(&n);

    for (unsigned i = 0; i < n; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return rows[i].match;
        }
    }
    g_error("no instruction '%s'", name);
}

uint32_t rv_i(const char *name, unsigned rd, unsigned rs1, int imm)
{
    return match(name) | rd << 7 | rs1 << 15 | (uint32_t)imm << 20;
}

uint32_t rv_r(const char *name, unsigned rd, unsigned rs1, unsigned rs2)
{
    return match(name) | rd << 7 | rs1 << 15 | rs2 << 20;
}

uint32_t rv_s(const char *name, unsigned rs1, unsigned rs2, int imm)
{
    return match(name) | (imm & 31u) << 7 | rs1 << 15 | rs2 << 20 | (uint32_t)(imm >> 5) << 25;
}

uint32_t rv_u(const char *name, unsigned rd, uint32_t upper)
{
    return match(name) | rd << 7 | upper << 12;
}

uint32_t rv_csr(const char *name, unsigned rd, unsigned number, unsigned rs1)
{
    return match(name) | rd << 7 | rs1 << 15 | number << 20;
}

uint32_t rv_plain(const char *name)
{
    return match(name);
}
