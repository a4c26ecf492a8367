/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PLIC and ACLINT by their registers, against the specifications named in their headers. */
#include "machine/irqchip/aclint.h"
#include "machine/irqchip/plic.h"

#define HARTS 2

enum { M_IN = 1 << 8, S_IN = 1 << 9, SOFT = 1 << 10, TIMER = 1 << 11, STIMER = 1 << 12 };

#define PRIORITY(source)   (4u * (source))
#define ENABLE(context)    (0x2000u + 0x80 * (context))
#define THRESHOLD(context) (0x200000u + 0x1000 * (context))
#define CLAIM(context)     (THRESHOLD(context) + 4)

struct rig {
    struct cpu cpu[HARTS];
    struct cpu *list[HARTS];
    struct quiesce *quiesce;
    struct clock *clock;
    struct bus *bus;
    struct bus_mapping *mapping;
};

static const struct cpu_upcalls no_upcalls;

static struct rig *rig_new(void)
{
    struct rig *r = g_new0(struct rig, 1);

    r->quiesce = quiesce_new();
    r->bus = bus_new("memory", 52, r->quiesce);
    r->clock = clock_new(0, NULL);
    clock_start(r->clock);
    for (unsigned i = 0; i < HARTS; i++) {
        cpu_init(&r->cpu[i], i, r->bus, r->clock, &no_upcalls, NULL);
        r->list[i] = &r->cpu[i];
    }
    quiesce_enter(r->quiesce, &r->cpu[0].reader);
    return r;
}

static void rig_map(struct rig *r, struct bus_region *region)
{
    r->mapping = bus_map(r->bus, 0, region, 0, region->size, 0, false);
}

static void rig_free(struct rig *r)
{
    quiesce_leave(&r->cpu[0].reader);
    bus_unmap(r->bus, r->mapping);
    for (unsigned i = 0; i < HARTS; i++) {
        cpu_fini(&r->cpu[i]);
    }
    bus_free(r->bus);
    clock_free(r->clock);
    quiesce_free(r->quiesce);
    g_free(r);
}

static uint64_t get(struct rig *r, gpa at, unsigned size)
{
    uint64_t v;

    g_assert_cmpint(bus_read(r->bus, at, size, &v), ==, BUS_OK);
    return v;
}

static void put(struct rig *r, gpa at, unsigned size, uint64_t value)
{
    g_assert_cmpint(bus_write(r->bus, at, value, size), ==, BUS_OK);
}

static bool raised(const struct rig *r, unsigned hart, uint32_t input)
{
    return cpu_pending(&r->cpu[hart]) & input;
}

static void plic_claims(void)
{
    struct rig *r = rig_new();
    struct plic *p = plic_new(r->list, HARTS, M_IN, S_IN);
    struct irq low = plic_line(p, 5), high = plic_line(p, 40);

    rig_map(r, plic_region(p));
    put(r, PRIORITY(5), 4, 1);
    put(r, PRIORITY(40), 4, 3);
    put(r, ENABLE(3), 4, 1u << 5); /* hart 1, S */
    put(r, ENABLE(3) + 4, 4, 1u << 8);
    irq_set(&low, true);
    g_assert_true(raised(r, 1, S_IN));
    g_assert_false(raised(r, 1, M_IN) || raised(r, 0, S_IN));
    irq_set(&high, true);
    g_assert_cmphex(get(r, 0x1000, 4), ==, 1u << 5);
    g_assert_cmphex(get(r, 0x1004, 4), ==, 1u << 8);

    g_assert_cmpuint(get(r, CLAIM(3), 4), ==, 40); /* the higher priority */
    g_assert_cmpuint(get(r, CLAIM(3), 4), ==, 5);
    g_assert_cmpuint(get(r, CLAIM(3), 4), ==, 0);
    g_assert_false(raised(r, 1, S_IN));

    put(r, CLAIM(3), 4, 40); /* done, but its line is still high */
    g_assert_true(raised(r, 1, S_IN));
    g_assert_cmpuint(get(r, CLAIM(3), 4), ==, 40);
    irq_set(&high, false);
    put(r, CLAIM(3), 4, 40);
    g_assert_false(raised(r, 1, S_IN));
    put(r, CLAIM(0), 4, 5); /* a context that the source is not enabled for completes nothing */
    g_assert_false(raised(r, 1, S_IN));
    put(r, CLAIM(3), 4, 5);
    g_assert_true(raised(r, 1, S_IN));
    plic_free(p);
    rig_free(r);
}

static void plic_thresholds(void)
{
    struct rig *r = rig_new();
    struct plic *p = plic_new(r->list, HARTS, M_IN, S_IN);
    struct irq line = plic_line(p, 1);

    rig_map(r, plic_region(p));
    put(r, ENABLE(0), 4, 3); /* source 0 is none */
    g_assert_cmphex(get(r, ENABLE(0), 4), ==, 2);
    irq_set(&line, true);
    g_assert_false(raised(r, 0, M_IN)); /* priority 0: never */
    put(r, PRIORITY(1), 4, 0xff);
    g_assert_cmpuint(get(r, PRIORITY(1), 4), ==, 7);
    g_assert_true(raised(r, 0, M_IN));
    put(r, THRESHOLD(0), 4, 7);
    g_assert_false(raised(r, 0, M_IN));
    g_assert_cmpuint(get(r, CLAIM(0), 4), ==, 0);
    put(r, THRESHOLD(0), 4, 6);
    g_assert_true(raised(r, 0, M_IN));
    plic_reset(p);
    g_assert_false(raised(r, 0, M_IN));
    g_assert_cmpuint(get(r, PRIORITY(1), 4), ==, 0);
    plic_free(p);
    rig_free(r);
}

static void aclint_software(void)
{
    struct rig *r = rig_new();
    struct aclint *a =
        aclint_new(r->list, HARTS, r->clock, &(struct aclint_inputs){SOFT, TIMER, STIMER});

    rig_map(r, aclint_region(a));
    put(r, 4, 4, UINT32_MAX);
    g_assert_true(raised(r, 1, SOFT));
    g_assert_false(raised(r, 0, SOFT));
    g_assert_cmphex(get(r, 4, 4), ==, 1);
    put(r, 4, 4, 0);
    g_assert_false(raised(r, 1, SOFT));
    put(r, 4 * HARTS, 4, 1); /* no such hart */
    g_assert_cmphex(get(r, 4 * HARTS, 4), ==, 0);
    aclint_free(a);
    rig_free(r);
}

/* Moves the guest's time on by ticks of mtime, and runs what is due. */
static void pass(struct rig *r, uint64_t ticks)
{
    clock_skip(r->clock, ticks * (NS_PER_SEC / ACLINT_HZ));
    clock_run(r->clock);
}

static void aclint_timers(void)
{
    struct rig *r = rig_new();
    struct aclint *a =
        aclint_new(r->list, HARTS, r->clock, &(struct aclint_inputs){SOFT, TIMER, STIMER});

    rig_map(r, aclint_region(a));
    aclint_reset(a);
    g_assert_cmpuint(get(r, 0xbff8, 8), ==, 0);
    put(r, 0x4008, 8, 100);
    aclint_set_stimecmp(a, 0, 150);
    pass(r, 99);
    g_assert_false(raised(r, 1, TIMER));
    pass(r, 1);
    g_assert_true(raised(r, 1, TIMER));
    g_assert_false(raised(r, 0, STIMER));
    g_assert_cmpuint(aclint_time(a), ==, 100);
    pass(r, 50);
    g_assert_true(raised(r, 0, STIMER));
    put(r, 0x4008 + 4, 4, 1); /* the high half alone: far away */
    g_assert_false(raised(r, 1, TIMER));
    g_assert_cmphex(get(r, 0x4008, 8), ==, UINT64_C(0x100000064));

    put(r, 0xbff8, 8, UINT64_C(0x100000063));
    g_assert_false(raised(r, 1, TIMER));
    pass(r, 1);
    g_assert_true(raised(r, 1, TIMER));
    aclint_set_stimecmp(a, 0, UINT64_MAX);
    g_assert_false(raised(r, 0, STIMER));
    aclint_free(a);
    rig_free(r);
}

static void saved(void)
{
    struct rig *r = rig_new();
    const struct aclint_inputs inputs = {SOFT, TIMER, STIMER};
    struct aclint *a = aclint_new(r->list, HARTS, r->clock, &inputs);
    struct plic *p = plic_new(r->list, HARTS, M_IN, S_IN);
    struct irq line = plic_line(p, 3);
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    const uint8_t *data;
    GError *error = NULL;
    size_t left;

    rig_map(r, plic_region(p));
    put(r, PRIORITY(3), 4, 2);
    put(r, ENABLE(1), 4, 8);
    irq_set(&line, true);
    aclint_set_stimecmp(a, 1, 7);
    aclint_save(a, bytes);
    plic_save(p, bytes);
    aclint_reset(a);
    plic_reset(p);
    g_assert_false(raised(r, 0, S_IN));
    data = bytes->data;
    left = bytes->len;
    g_assert_true(aclint_load(a, &data, &left, &error));
    g_assert_true(plic_load(p, &data, &left, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(left, ==, 0);
    g_assert_true(raised(r, 0, S_IN));
    pass(r, 7);
    g_assert_true(raised(r, 1, STIMER));
    for (size_t n = 0; n < bytes->len; n++) { /* cut short: refused, by name */
        data = bytes->data;
        left = n;
        g_assert_false(aclint_load(a, &data, &left, &error) && plic_load(p, &data, &left, &error));
        g_assert_nonnull(error);
        g_clear_error(&error);
    }
    aclint_free(a);
    plic_free(p);
    rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/riscv/plic/claims", plic_claims);
    g_test_add_func("/riscv/plic/thresholds", plic_thresholds);
    g_test_add_func("/riscv/aclint/software", aclint_software);
    g_test_add_func("/riscv/aclint/timers", aclint_timers);
    g_test_add_func("/riscv/saved", saved);
    return g_test_run();
}
