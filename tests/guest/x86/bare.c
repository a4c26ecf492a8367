/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bare.h"

#include "machine/guest/x86/exception.h"
#include "machine/guest/x86/interp.h"
#include "machine/guest/x86/segment.h"

static struct bare *bare_of(struct cpu *cpu)
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

static enum bus_status port_read(struct cpu *cpu, uint16_t port, unsigned size, uint32_t *ret)
{
    *ret = UINT32_MAX >> (32 - size * 8);
    return BUS_UNASSIGNED;
}

static enum bus_status port_write(struct cpu *cpu, uint16_t port, uint32_t value, unsigned size)
{
    struct bare *r = bare_of(cpu);

    if (port == 0xe9) {
        g_string_append_c(r->console, value);
    } else if (port == 0xf4) {
        r->exit_code = value;
        __atomic_store_n(&cpu->exit_request, 1, __ATOMIC_SEQ_CST);
    }
    return BUS_OK;
}

static int64_t now(struct cpu *cpu)
{
    return cpu->insns;
}

static uint64_t random_value(struct cpu *cpu)
{
    return g_random_int();
}

static int irq_acknowledge(struct cpu *cpu)
{
    struct bare *r = bare_of(cpu);
    int vector = r->vector;

    r->vector = -1;
    cpu_lower(cpu, CPU_PENDING_IRQ);
    return vector;
}

static int reg_read(struct cpu *cpu, uint32_t reg, uint64_t *ret)
{
    if (reg == X86_REG_CR8) {
        *ret = bare_of(cpu)->cr8;
        return 0;
    }
    if (reg == 0x1b) {
        *ret = 0xfee00900;
        return 0;
    }
    return -1;
}

static int reg_write(struct cpu *cpu, uint32_t reg, uint64_t value)
{
    if (reg == X86_REG_CR8) {
        bare_of(cpu)->cr8 = value;
        return 0;
    }
    return -1;
}

static const struct cpu_upcalls upcalls = {
    .mem_read = mem_read,
    .mem_write = mem_write,
    .port_read = port_read,
    .port_write = port_write,
    .now = now,
    .random = random_value,
    .irq_acknowledge = irq_acknowledge,
    .reg_read = reg_read,
    .reg_write = reg_write,
};

/* A page got decoded code: writes there must be seen. */
static void code_entered(void *opaque, struct ram_block *block, gpa page_off)
{
    struct bare *r = opaque;

    tlb_protect(&r->c->cpu.tlb, block->host + page_off);
}

struct bare *bare_new(const char *cpu)
{
    static const struct x86_topology one = {1, 1, 1, 1};
    struct bare *r = g_new0(struct bare, 1);
    g_autoptr(GError) error = NULL;
    uint32_t supported[FW_COUNT];

    x86_interp_features(supported);
    r->features = x86_features_new(cpu, &one, supported, NULL, &error);
    g_assert_no_error(error);
    r->quiesce = quiesce_new();
    r->bus = bus_new("memory", 52, r->quiesce);
    r->ram = ram_block_new("ram", BARE_RAM_SIZE, &error);
    g_assert_no_error(error);
    r->ram->code_hook = (struct ram_code_hook){code_entered, r};
    bus_region_init_ram(&r->ram_region, "ram", r->ram, 0, BARE_RAM_SIZE);
    bus_map(r->bus, 0, &r->ram_region, 0, BARE_RAM_SIZE, 0, false);
    r->console = g_string_new(NULL);
    r->exit_code = r->vector = -1;

    r->c = g_aligned_alloc0(1, sizeof(*r->c), 64);
    cpu_init(&r->c->cpu, 0, r->bus, NULL, &upcalls, r);
    quiesce_enter(r->quiesce, &r->c->cpu.reader);
    r->c->features = r->features;
    r->c->tsc_khz = r->features->tsc_khz;
    x86_reset(r->c, true);
    r->decoder = x86_decoder_new();
    r->c->decoder = r->decoder;
    x86_interp_new(r->c);
    return r;
}

void bare_free(struct bare *r)
{
    x86_interp_free(r->c);
    x86_decoder_free(r->decoder);
    quiesce_leave(&r->c->cpu.reader);
    cpu_fini(&r->c->cpu);
    g_aligned_free(r->c);
    bus_free(r->bus);
    quiesce_free(r->quiesce);
    ram_block_free(r->ram);
    ram_block_free(r->rom);
    x86_features_free(r->features);
    g_string_free(r->console, TRUE);
    g_free(r);
}

void bare_write64(struct bare *r, gpa addr, uint64_t value)
{
    ram_st64(r->ram->host + addr, value);
}

uint64_t bare_read64(struct bare *r, gpa addr)
{
    return ram_ld64(r->ram->host + addr);
}

void bare_write32(struct bare *r, gpa addr, uint32_t value)
{
    ram_st32(r->ram->host + addr, value);
}

uint32_t bare_read32(struct bare *r, gpa addr)
{
    return ram_ld32(r->ram->host + addr);
}

static void flat(struct bare *r, unsigned cpl, uint16_t code_size)
{
    uint16_t attr = SEG_P | SEG_S | SEG_G | cpl << SEG_DPL_SHIFT;

    for (unsigned i = 0; i < SEG_COUNT; i++) {
        r->c->seg[i] = (struct x86_seg){
            .selector = 0x10 | cpl, .limit = UINT32_MAX, .attr = attr | 3 | SEG_DB};
    }
    r->c->seg[SEG_CS] =
        (struct x86_seg){.selector = 8 | cpl, .limit = UINT32_MAX, .attr = attr | 0xb | code_size};
    x86_update_mode(r->c);
}

void bare_protected(struct bare *r, unsigned cpl)
{
    r->c->cr0 |= CR0_PE;
    flat(r, cpl, SEG_DB);
}

void bare_long(struct bare *r, unsigned cpl, gpa cr3)
{
    r->c->cr0 |= CR0_PE | CR0_PG;
    r->c->cr4 |= CR4_PAE;
    r->c->cr3 = cr3;
    r->c->msr.efer |= EFER_LME | EFER_LMA;
    flat(r, cpl, SEG_L);
}

#define IMAGE_SIZE 0x10000

static void map_image(struct bare *r, const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *bytes = NULL;
    gsize len;

    g_assert_true(g_file_get_contents(path, &bytes, &len, &error));
    g_assert_cmpuint(len, ==, IMAGE_SIZE);
    r->rom = ram_block_new("rom", IMAGE_SIZE, &error);
    g_assert_no_error(error);
    ram_write(r->rom->host, bytes, len);
    bus_region_init_rom(&r->rom_region, "rom", r->rom, 0, IMAGE_SIZE, NULL, NULL, NULL);
    bus_map(r->bus, 0xffff0000, &r->rom_region, 0, IMAGE_SIZE, 1, false);
    bus_map(r->bus, 0xf0000, &r->rom_region, 0, IMAGE_SIZE, 1, false);
}

#define MAX_INSNS 20000000

bool bare_run_image(struct bare *r, const char *path)
{
    map_image(r, path);
    while (r->exit_code < 0) {
        r->c->cpu.budget = MAX_INSNS;
        __atomic_store_n(&r->c->cpu.exit_request, 0, __ATOMIC_SEQ_CST);
        switch (x86_interp_run(r->c, true)) {
        case X86_EXIT_KICK: break;
        case X86_EXIT_HALT:
            if (r->exit_code < 0 && !cpu_pending(&r->c->cpu)) {
                return false; /* nothing can wake it */
            }
            break;
        case X86_EXIT_SHUTDOWN:
        case X86_EXIT_BUDGET:
        case X86_EXIT_STEP: return false;
        }
    }
    return true;
}
