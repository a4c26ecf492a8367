/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/board/pc_cpus.h"

#include "machine/core/accel.h"
#include "machine/guest/x86/arch.h"
#include "machine/guest/x86/exception.h"
#include "machine/guest/x86/memory.h"
#include "machine/guest/x86/saved.h"

#include <cpuid.h>
#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static struct pc_cpus *board_of(struct cpu *cpu)
{
    return cpu->board;
}

/* Offset in this vCPU's APIC page, or FALSE. An access across its end is not one to it. */
static bool in_lapic(struct cpu *cpu, gpa addr, unsigned size, unsigned *ret)
{
    gpa page = irqs_lapic_page(board_of(cpu)->irqs, cpu);

    if (addr < page || addr - page > RAM_PAGE_SIZE - size) {
        return false;
    }
    *ret = addr - page;
    return true;
}

static enum bus_status mem_read(struct cpu *cpu, gpa addr, unsigned size, uint64_t *ret)
{
    unsigned off;

    if (in_lapic(cpu, addr, size, &off)) {
        *ret = irqs_lapic_read(board_of(cpu)->irqs, cpu, off, size);
        return BUS_OK;
    }
    return bus_read(cpu->memory, addr, size, ret);
}

static enum bus_status mem_write(struct cpu *cpu, gpa addr, uint64_t value, unsigned size)
{
    unsigned off;

    if (in_lapic(cpu, addr, size, &off)) {
        irqs_lapic_write(board_of(cpu)->irqs, cpu, off, value, size);
        return BUS_OK;
    }
    return bus_write(cpu->memory, addr, value, size);
}

static enum bus_status port_read(struct cpu *cpu, uint16_t port, unsigned size, uint32_t *ret)
{
    uint64_t v;
    enum bus_status status = bus_read(board_of(cpu)->m->io, port, size, &v);

    *ret = v;
    return status;
}

static enum bus_status port_write(struct cpu *cpu, uint16_t port, uint32_t value, unsigned size)
{
    return bus_write(board_of(cpu)->m->io, port, value, size);
}

static int64_t now(struct cpu *cpu)
{
    return clock_now(cpu->clock, CLOCK_GUEST);
}

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t next_random(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint64_t random_value(struct cpu *cpu)
{
    struct pc_cpus *p = board_of(cpu);
    uint64_t v;

    if (clock_is_counting(cpu->clock)) {
        return next_random(&p->seed); /* one thread runs all vCPUs, and a run can be repeated */
    }
    if (getrandom(&v, sizeof(v), 0) != sizeof(v)) {
        v = ((uint64_t)g_random_int() << 32) | g_random_int();
    }
    return v;
}

static int irq_acknowledge(struct cpu *cpu)
{
    return irqs_acknowledge(board_of(cpu)->irqs, cpu);
}

static void irq_ended(struct cpu *cpu, uint8_t vector)
{
    irqs_ended(board_of(cpu)->irqs, vector);
}

/* The controllers' own number of a register. */
static uint32_t irqs_reg(uint32_t reg)
{
    return reg == X86_REG_CR8 ? IRQS_REG_CR8 : reg;
}

static int reg_read(struct cpu *cpu, uint32_t reg, uint64_t *ret)
{
    return irqs_reg_read(board_of(cpu)->irqs, cpu, irqs_reg(reg), ret);
}

static int reg_write(struct cpu *cpu, uint32_t reg, uint64_t value)
{
    int r = irqs_reg_write(board_of(cpu)->irqs, cpu, irqs_reg(reg), value);

    if (r == 0 && reg == 0x1b) {
        cpu_raise(cpu, CPU_PENDING_FLUSH); /* the page may have moved onto or off RAM */
    }
    return r;
}

static const struct cpu_upcalls upcalls = {.mem_read = mem_read,
                                           .mem_write = mem_write,
                                           .port_read = port_read,
                                           .port_write = port_write,
                                           .now = now,
                                           .random = random_value,
                                           .irq_acknowledge = irq_acknowledge,
                                           .irq_ended = irq_ended,
                                           .reg_read = reg_read,
                                           .reg_write = reg_write};

/* When the vCPU's TSC, which runs at tsc_khz from the guest's time 0, reaches `tsc`. */
static int64_t tsc_time(void *opaque, struct cpu *cpu, uint64_t tsc)
{
    struct x86_cpu *c = x86_of(cpu);
    __int128 ticks = (__int128)tsc - c->msr.tsc_offset;
    __int128 ns = ticks <= 0 ? 0 : ticks * 1000000 / (int64_t)c->tsc_khz;

    return ns > INT64_MAX - 1 ? INT64_MAX - 1 : (int64_t)ns;
}

/* -cpu host: all that this accelerator runs, under the name of the host's CPU. */
static void name_as_host(struct x86_features *f)
{
    unsigned a, b, c, d;

    f->model = "host";
    __get_cpuid(0, &a, &f->vendor[0], &f->vendor[2], &f->vendor[1]);
    __get_cpuid(1, &f->signature, &b, &c, &d);
    for (unsigned i = 0; i < 3; i++) {
        uint32_t r[4] = {0};

        __get_cpuid(0x80000002 + i, &r[0], &r[1], &r[2], &r[3]);
        memcpy(f->brand + 16 * i, r, sizeof(r));
    }
}

/* The text with "max" for "host", where the host's CPU is what runs; NULL: it is not. */
static char *host_text(const struct machine *m, const char *text, GError **error)
{
    if (!g_str_equal(m->accel->name, "kvm")) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "CPU model 'host' requires -accel kvm");
        return NULL;
    }
    return g_strconcat("max", text + strlen("host"), NULL);
}

static gboolean make_features(struct pc_cpus *p, const struct machine_config *config,
                              const char *cpu_text, GError **error)
{
    const struct x86_topology topology = {.sockets = config->smp.sockets,
                                          .dies = config->smp.dies,
                                          .cores = config->smp.cores,
                                          .threads = config->smp.threads};
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    uint32_t supported[FW_COUNT];
    bool is_host = g_str_equal(cpu_text, "host") || g_str_has_prefix(cpu_text, "host,");
    g_autofree char *text = is_host ? host_text(p->m, cpu_text, error) : g_strdup(cpu_text);

    if (!text) {
        return FALSE;
    }
    x86_interp_features(supported);
    p->features = x86_features_new(text, &topology, supported, warnings, error);
    for (unsigned i = 0; i < warnings->len; i++) {
        g_printerr("viv-machine: warning: %s\n", (const char *)g_ptr_array_index(warnings, i));
    }
    if (p->features && is_host) {
        name_as_host(p->features);
    }
    return p->features != NULL;
}

static struct x86_cpu *make_cpu(struct pc_cpus *p, unsigned index)
{
    struct x86_cpu *c = aligned_alloc(64, (sizeof(*c) + 63) & ~(size_t)63);

    g_assert(c);
    memset(c, 0, sizeof(*c));
    cpu_init(&c->cpu, index, p->m->memory, p->m->clock, &upcalls, p);
    c->cpu.arch = &x86_arch;
    c->features = p->features;
    c->decoder = p->decoder;
    x86_exclusive_add(p->exclusive, c);
    c->tsc_khz = p->features->tsc_khz;
    return c;
}

static void make_irqs(struct pc_cpus *p)
{
    g_autofree uint32_t *ids = g_new(uint32_t, p->n);
    struct irqs_config config = {.clock = p->m->clock,
                                 .cpus = p->list,
                                 .n_cpus = p->n,
                                 .apic_ids = ids,
                                 .x2apic = x86_has(p->features, X86_FEAT_X2APIC),
                                 .tsc_time = tsc_time,
                                 .opaque = p,
                                 .chips =
                                     p->m->accel->chips ? p->m->accel->chips(p->m->accel_vm) : NULL,
                                 .chips_opaque = p->m->accel_vm};

    for (unsigned i = 0; i < p->n; i++) {
        ids[i] = x86_apic_id(&p->features->topology, i);
    }
    p->irqs = irqs_new(&config);
    irqs_map(p->irqs, p->m->memory, p->m->io);
}

gboolean pc_cpus_init(struct pc_cpus *p, struct machine *m, const struct machine_config *config,
                      const char *cpu_text, GError **error)
{
    p->m = m;
    p->n = config->smp.cpus;
    if (!make_features(p, config, cpu_text, error)) {
        return FALSE;
    }
    p->decoder = x86_decoder_new();
    p->exclusive = x86_exclusive_new();
    p->cpu = g_new0(struct x86_cpu *, p->n);
    p->list = g_new0(struct cpu *, p->n);
    for (unsigned i = 0; i < p->n; i++) {
        p->cpu[i] = make_cpu(p, i);
        p->list[i] = &p->cpu[i]->cpu;
    }
    make_irqs(p);
    m->cpus = p->list;
    m->n_cpus = p->n;
    return TRUE;
}

void pc_cpus_fini(struct pc_cpus *p)
{
    irqs_free(p->irqs);
    for (unsigned i = 0; p->cpu && i < p->n; i++) {
        cpu_fini(p->list[i]);
        free(p->cpu[i]);
    }
    g_free(p->list);
    g_free(p->cpu);
    x86_exclusive_free(p->exclusive);
    x86_decoder_free(p->decoder);
    x86_features_free(p->features);
}

/* Physical addresses are kept in TLBs. */
static void set_a20(void *opaque, int line, bool open)
{
    struct pc_cpus *p = opaque;

    __atomic_store_n(&p->a20_shut, !open, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < p->n; i++) {
        uint64_t gate = open ? 0 : UINT64_C(1) << 20;

        if (__atomic_exchange_n(&p->cpu[i]->address_gate, gate, __ATOMIC_SEQ_CST) != gate) {
            cpu_raise(p->list[i], CPU_PENDING_FLUSH);
        }
    }
}

struct irq pc_cpus_a20(struct pc_cpus *p)
{
    return (struct irq){.set = set_a20, .opaque = p};
}

void pc_cpus_reset(struct pc_cpus *p)
{
    p->seed = 0;
    for (unsigned i = 0; i < p->n; i++) {
        struct cpu *cpu = p->list[i];

        __atomic_store_n(&cpu->pending, CPU_PENDING_FLUSH, __ATOMIC_SEQ_CST);
        cpu->insns = 0;
        x86_reset(p->cpu[i], true);
    }
    set_a20(p, 0, true);
    irqs_reset(p->irqs);
}

void pc_cpus_save(struct pc_cpus *p, GByteArray *out)
{
    for (unsigned i = 0; i < p->n; i++) {
        x86_save(p->cpu[i], out);
    }
    g_byte_array_append(out, (const uint8_t *)&p->seed, sizeof(p->seed));
    g_byte_array_append(out, &p->a20_shut, 1);
    irqs_save(p->irqs, out);
}

gboolean pc_cpus_load(struct pc_cpus *p, const uint8_t **data, size_t *left, GError **error)
{
    for (unsigned i = 0; i < p->n; i++) {
        if (!x86_load(p->cpu[i], data, left, error)) {
            return FALSE;
        }
    }
    if (*left < sizeof(p->seed) + 1) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "saved state of the board is short");
        return FALSE;
    }
    memcpy(&p->seed, *data, sizeof(p->seed));
    set_a20(p, 0, !((*data)[sizeof(p->seed)] & 1));
    *data += sizeof(p->seed) + 1;
    *left -= sizeof(p->seed) + 1;
    return irqs_load(p->irqs, data, left, error);
}
