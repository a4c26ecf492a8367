/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PLIC and ACLINT under a hostile guest: accesses to their registers, lines, timers of Sstc,
 * instructions that pass, saved states with a changed byte, resets. Whatever they are, both stand.
 */
#include "../base/input.h"
#include "machine/irqchip/aclint.h"
#include "machine/irqchip/plic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HARTS       2
#define OPERATIONS  2000
#define ACLINT_BASE 0x1000000

struct bench {
    struct cpu cpu[HARTS], *list[HARTS];
    struct quiesce *quiesce;
    struct clock *clock;
    struct bus *bus;
    struct plic *plic;
    struct aclint *aclint;
};

static const struct cpu_upcalls no_upcalls;

static struct bench *bench_new(void)
{
    static const struct aclint_inputs inputs = {1 << 8, 1 << 9, 1 << 10};
    struct bench *b = g_new0(struct bench, 1);

    b->quiesce = quiesce_new();
    b->bus = bus_new("memory", 52, b->quiesce);
    b->clock = clock_new(0, NULL);
    clock_start(b->clock);
    for (unsigned i = 0; i < HARTS; i++) {
        cpu_init(&b->cpu[i], i, b->bus, b->clock, &no_upcalls, NULL);
        b->list[i] = &b->cpu[i];
    }
    quiesce_enter(b->quiesce, &b->cpu[0].reader);
    b->plic = plic_new(b->list, HARTS, 1 << 11, 1 << 12);
    b->aclint = aclint_new(b->list, HARTS, b->clock, &inputs);
    bus_map(b->bus, 0, plic_region(b->plic), 0, PLIC_SIZE, 0, false);
    bus_map(b->bus, ACLINT_BASE, aclint_region(b->aclint), 0, ACLINT_SIZE, 0, false);
    return b;
}

static void bench_free(struct bench *b)
{
    quiesce_leave(&b->cpu[0].reader);
    plic_free(b->plic);
    aclint_free(b->aclint);
    bus_free(b->bus);
    for (unsigned i = 0; i < HARTS; i++) {
        cpu_fini(&b->cpu[i]);
    }
    clock_free(b->clock);
    quiesce_free(b->quiesce);
    g_free(b);
}

/* Where something is: priorities, enables, contexts; MSIP, MTIMECMP, MTIME. */
static gpa place(struct input *in)
{
    static const gpa bases[] = {0,
                                0x1000,
                                0x2000,
                                0x200000,
                                0x201000,
                                ACLINT_BASE,
                                ACLINT_BASE + 0x4000,
                                ACLINT_BASE + 0xbff0};

    return bases[input_byte(in) % G_N_ELEMENTS(bases)] + input_number(in, 2) % 0x1000;
}

static void touch(struct bench *b, struct input *in, uint8_t op)
{
    unsigned size = 1u << (op >> 3 & 3);
    gpa at = place(in) & ~(gpa)(size - 1);
    uint64_t value;

    if (op & 0x80) {
        (void)bus_write(b->bus, at, input_number(in, size), size);
    } else {
        (void)bus_read(b->bus, at, size, &value);
    }
}

/* A state from elsewhere: refused, or taken over. */
static void load_changed(struct bench *b, struct input *in, bool plic)
{
    g_autoptr(GByteArray) state = g_byte_array_new();
    uint32_t at = input_number(in, 2);
    const uint8_t *data;
    size_t left;
    gboolean ok;

    if (plic) {
        plic_save(b->plic, state);
    } else {
        aclint_save(b->aclint, state);
    }
    state->data[at % state->len] ^= input_byte(in);
    data = state->data;
    left = state->len;
    ok = plic ? plic_load(b->plic, &data, &left, NULL) : aclint_load(b->aclint, &data, &left, NULL);
    if (!ok && plic) {
        plic_reset(b->plic);
    } else if (!ok) {
        aclint_reset(b->aclint);
    }
}

static void operate(struct bench *b, struct input *in)
{
    uint8_t op = input_byte(in);

    switch (op & 7) {
    case 0 ... 3: touch(b, in, op); break;
    case 4: {
        struct irq line = plic_line(b->plic, 1 + input_byte(in) % (PLIC_SOURCES - 1));

        irq_set(&line, op & 0x80);
        break;
    }
    case 5: aclint_set_stimecmp(b->aclint, op >> 7, input_number(in, 8)); break;
    case 6:
        clock_advance(b->clock, input_number(in, 3));
        clock_run(b->clock);
        break;
    default: load_changed(b, in, op & 0x80); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct bench *b = bench_new();

    for (unsigned n = 0; in.left && n < OPERATIONS; n++) {
        operate(b, &in);
    }
    bench_free(b);
    return 0;
}
