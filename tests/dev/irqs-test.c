/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The interrupt controllers joined as a PC joins them, with two CPUs that only have a state. */
#include "machine/dev/pc/irqs.h"
#include "rig.h"

#include <string.h>

#define LAPIC 0xf0

/* What local APICs of an accelerator were told. */
struct chip {
    unsigned sent, watched; /* messages; how many are watched now */
    struct irq_message last, first_watched;
};

struct pc {
    struct chip chip;
    struct rig *rig;
    struct cpu cpu[2], *cpus[2];
    struct irqs *irqs;
};

static const struct cpu_upcalls no_upcalls = {NULL};

static void setup(struct pc *pc)
{
    memset(pc, 0, sizeof(*pc));
    pc->rig = rig_new();
    for (unsigned i = 0; i < 2; i++) {
        cpu_init(&pc->cpu[i], i, pc->rig->m->memory, pc->rig->m->clock, &no_upcalls, NULL);
        pc->cpus[i] = &pc->cpu[i];
    }
    struct irqs_config config = {
        .clock = pc->rig->m->clock, .cpus = pc->cpus, .n_cpus = 2, .x2apic = true};

    pc->irqs = irqs_new(&config);
    irqs_map(pc->irqs, pc->rig->m->memory, pc->rig->m->io);
}

static void teardown(struct pc *pc)
{
    irqs_free(pc->irqs);
    for (unsigned i = 0; i < 2; i++) {
        cpu_fini(&pc->cpu[i]);
    }
    rig_free(pc->rig);
}

static void lapic_wr(struct pc *pc, unsigned cpu, unsigned off, uint32_t value)
{
    irqs_lapic_write(pc->irqs, &pc->cpu[cpu], off, value, 4);
}

static void ioapic_wr(struct pc *pc, uint8_t reg, uint32_t value)
{
    rig_st(pc->rig, IRQS_IOAPIC_BASE, 4, reg);
    rig_st(pc->rig, IRQS_IOAPIC_BASE + 0x10, 4, value);
}

static bool waits(struct pc *pc, unsigned cpu, uint32_t bit)
{
    return (cpu_pending(&pc->cpu[cpu]) & bit) != 0;
}

static void test_pic(void)
{
    static const uint8_t init[][2] = {{0x20, 0x11}, {0x21, 8}, {0x21, 4}, {0x21, 1}, {0x21, 0}};
    struct pc pc;
    struct irq line;

    setup(&pc);
    for (unsigned i = 0; i < G_N_ELEMENTS(init); i++) {
        rig_out(pc.rig, init[i][0], 1, init[i][1]);
    }
    line = irqs_gsi(pc.irqs, 4);
    irq_pulse(&line);
    g_assert_true(waits(&pc, 0, CPU_PENDING_IRQ)); /* before any set-up: virtual wire */
    g_assert_false(waits(&pc, 1, CPU_PENDING_IRQ));
    g_assert_cmpint(irqs_acknowledge(pc.irqs, &pc.cpu[0]), ==, 12);
    g_assert_cmpint(irqs_acknowledge(pc.irqs, &pc.cpu[0]), ==, -1);
    g_assert_false(waits(&pc, 0, CPU_PENDING_IRQ));
    rig_out(pc.rig, 0x20, 1, 0x20);
    rig_out(pc.rig, 0x43, 1, 0x34); /* the PIT interrupts */
    rig_out(pc.rig, 0x40, 1, 0xa9);
    rig_out(pc.rig, 0x40, 1, 0x04);
    rig_sleep(pc.rig, 2000000);
    g_assert_cmpint(irqs_acknowledge(pc.irqs, &pc.cpu[0]), ==, 8);
    rig_out(pc.rig, 0x61, 1, 3);
    g_assert_cmphex(rig_in(pc.rig, 0x61, 1) & 3, ==, 3);
    rig_out(pc.rig, 0x4d0, 2, 0xffff);
    g_assert_cmphex(rig_in(pc.rig, 0x4d0, 2), ==, 0xdef8);
    teardown(&pc);
}

static void test_ioapic(void)
{
    struct pc pc;
    struct irq line;

    setup(&pc);
    lapic_wr(&pc, 1, LAPIC, 0x1ff);
    ioapic_wr(&pc, 0x10 + 2 * 17 + 1, 1u << 24);
    ioapic_wr(&pc, 0x10 + 2 * 17, 0x8061); /* level, to CPU 1 */
    line = irqs_gsi(pc.irqs, 17);
    irq_set(&line, true);
    g_assert_true(waits(&pc, 1, CPU_PENDING_IRQ));
    g_assert_cmphex((unsigned)irqs_acknowledge(pc.irqs, &pc.cpu[1]), ==, 0x61);
    g_assert_false(waits(&pc, 1, CPU_PENDING_IRQ));
    lapic_wr(&pc, 1, 0xb0, 0); /* still asked for */
    g_assert_true(waits(&pc, 1, CPU_PENDING_IRQ));
    irq_set(&line, false);
    g_assert_cmphex((unsigned)irqs_acknowledge(pc.irqs, &pc.cpu[1]), ==, 0x61);
    lapic_wr(&pc, 1, 0xb0, 0);
    g_assert_false(waits(&pc, 1, CPU_PENDING_IRQ));
    line = irqs_gsi(pc.irqs, 0); /* interrupt 0 is pin 2 */
    ioapic_wr(&pc, 0x14 + 1, 1u << 24);
    ioapic_wr(&pc, 0x14, 0x30);
    irq_set(&line, false);
    irq_set(&line, true);
    g_assert_cmphex((unsigned)irqs_acknowledge(pc.irqs, &pc.cpu[1]), ==, 0x30);
    teardown(&pc);
}

static void test_messages(void)
{
    struct msi_target msi;
    struct pc pc;
    uint64_t v;

    setup(&pc);
    msi = irqs_msi(pc.irqs);
    lapic_wr(&pc, 0, LAPIC, 0x1ff);
    lapic_wr(&pc, 1, LAPIC, 0x1ff);
    msi_send(&msi, 0, 0xfee01000, 0x45);
    g_assert_cmphex((unsigned)irqs_acknowledge(pc.irqs, &pc.cpu[1]), ==, 0x45);
    lapic_wr(&pc, 0, 0x310, 1u << 24); /* INIT, then SIPI */
    lapic_wr(&pc, 0, 0x300, 0x4500);
    g_assert_true(waits(&pc, 1, CPU_PENDING_INIT));
    lapic_wr(&pc, 0, 0x300, 0x469a);
    g_assert_true(waits(&pc, 1, CPU_PENDING_START));
    g_assert_cmphex(pc.cpu[1].start_vector, ==, 0x9a);
    lapic_wr(&pc, 1, LAPIC, 0x1ff);
    lapic_wr(&pc, 1, 0x80, 0x20);
    lapic_wr(&pc, 0, 0x300, 0x800fc - 0x40); /* all including self */
    g_assert_cmphex((unsigned)irqs_acknowledge(pc.irqs, &pc.cpu[0]), ==, 0xbc);
    g_assert_cmphex((unsigned)irqs_acknowledge(pc.irqs, &pc.cpu[1]), ==, 0xbc);
    lapic_wr(&pc, 0, 0xb0, 0);
    lapic_wr(&pc, 1, 0xb0, 0);
    msi_send(&msi, 0, 0xfeeff000, 0x0171); /* lowest priority, anybody: CPU 0 */
    g_assert_cmpint(irqs_acknowledge(pc.irqs, &pc.cpu[1]), ==, -1);
    g_assert_cmphex((unsigned)irqs_acknowledge(pc.irqs, &pc.cpu[0]), ==, 0x71);
    lapic_wr(&pc, 0, 0x300, 0xc4400); /* NMI to the others */
    g_assert_true(waits(&pc, 1, CPU_PENDING_NMI));
    g_assert_false(waits(&pc, 0, CPU_PENDING_NMI));
    g_assert_cmphex(irqs_lapic_page(pc.irqs, &pc.cpu[0]), ==, 0xfee00000);
    g_assert_cmpint(irqs_reg_write(pc.irqs, &pc.cpu[0], 0x1b, 0xfee00d00), ==, 0);
    g_assert_cmphex(irqs_lapic_page(pc.irqs, &pc.cpu[0]), ==, UINT64_MAX);
    g_assert_cmpint(irqs_reg_read(pc.irqs, &pc.cpu[0], 0x803, &v), ==, 0);
    g_assert_cmphex(v, ==, 0x50014);
    g_assert_cmpint(irqs_reg_write(pc.irqs, &pc.cpu[0], 0x830, UINT64_C(0x100000046)), ==, 0);
    g_assert_cmphex((unsigned)irqs_acknowledge(pc.irqs, &pc.cpu[1]), ==, 0x46);
    g_assert_cmpint(irqs_reg_write(pc.irqs, &pc.cpu[0], IRQS_REG_CR8, 5), ==, 0);
    g_assert_cmpint(irqs_reg_read(pc.irqs, &pc.cpu[0], 0x808, &v), ==, 0);
    g_assert_cmphex(v, ==, 0x50);
    g_assert_cmpint(irqs_reg_read(pc.irqs, &pc.cpu[0], 0x123, &v), ==, -1);
    teardown(&pc);
}

static void test_timer_and_state(void)
{
    g_autoptr(GByteArray) first = g_byte_array_new();
    g_autoptr(GByteArray) second = g_byte_array_new();
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    const uint8_t *data;
    struct pc pc;
    size_t left;

    setup(&pc);
    lapic_wr(&pc, 0, LAPIC, 0x1ff);
    lapic_wr(&pc, 0, 0x350, 0x10000); /* the PIC stays outside */
    lapic_wr(&pc, 0, 0x3e0, 0xb);
    lapic_wr(&pc, 0, 0x320, 0x20040);
    lapic_wr(&pc, 0, 0x380, 1000);
    rig_sleep(pc.rig, 500);
    irqs_save(pc.irqs, first);
    irqs_reset(pc.irqs);
    data = first->data;
    left = first->len;
    g_assert_true(irqs_load(pc.irqs, &data, &left, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(left, ==, 0);
    irqs_save(pc.irqs, second);
    g_assert_cmpmem(first->data, first->len, second->data, second->len);
    rig_sleep(pc.rig, 499);
    g_assert_false(waits(&pc, 0, CPU_PENDING_IRQ));
    rig_sleep(pc.rig, 1);
    g_assert_true(waits(&pc, 0, CPU_PENDING_IRQ));
    g_assert_true(irqs_describe(pc.irqs, "lapic", text));
    g_assert_true(irqs_describe(pc.irqs, "pic", text));
    g_assert_false(irqs_describe(pc.irqs, "nothing", text));
    g_assert_nonnull(strstr(text->str, "local APIC state for CPU 1"));
    for (unsigned i = 0; i < first->len; i++) {
        first->data[i] ^= 0xff;
        data = first->data;
        left = first->len;
        if (!irqs_load(pc.irqs, &data, &left, &error)) {
            g_assert_nonnull(error);
            g_clear_error(&error);
        }
        first->data[i] ^= 0xff;
        data = first->data;
        left = i;
        g_assert_false(irqs_load(pc.irqs, &data, &left, &error));
        g_clear_error(&error);
    }
    teardown(&pc);
}

/* ---- local APICs that are the accelerator's ---- */

static void chip_send(void *opaque, uint64_t address, uint32_t data)
{
    struct chip *chip = opaque;

    chip->sent++;
    chip->last = (struct irq_message){address, data, 0};
}

static void chip_watch(void *opaque, const struct irq_message *message, unsigned n)
{
    struct chip *chip = opaque;

    chip->watched = n;
    if (n) {
        chip->first_watched = message[0];
    }
}

static const struct irq_chips chips = {.send = chip_send, .watch = chip_watch};

static void setup_chips(struct pc *pc)
{
    struct irqs_config config;

    setup(pc);
    irqs_free(pc->irqs);
    config = (struct irqs_config){.clock = pc->rig->m->clock,
                                  .cpus = pc->cpus,
                                  .n_cpus = 2,
                                  .chips = &chips,
                                  .chips_opaque = &pc->chip};
    pc->irqs = irqs_new(&config);
    irqs_map(pc->irqs, pc->rig->m->memory, pc->rig->m->io);
}

/* Edges, levels until their end is told, and messages go out as they are. */
static void test_chips_messages(void)
{
    struct pc pc;
    struct irq line;
    struct msi_target target;

    setup_chips(&pc);
    target = irqs_msi(pc.irqs);
    msi_send(&target, 0, 0xfee01004, 0x4141);
    g_assert_cmpuint(pc.chip.sent, ==, 1);
    g_assert_cmphex(pc.chip.last.address, ==, 0xfee01004);
    g_assert_cmphex(pc.chip.last.data, ==, 0x141);
    msi_send(&target, 0, 0x1000, 0x41); /* not for an APIC */
    g_assert_cmpuint(pc.chip.sent, ==, 1);

    ioapic_wr(&pc, 0x10 + 2 * 20 + 1, 1u << 24);
    ioapic_wr(&pc, 0x10 + 2 * 20, 0x8051); /* level, vector 51h, to 1 */
    g_assert_cmpuint(pc.chip.watched, ==, 1);
    g_assert_cmphex(pc.chip.first_watched.address, ==, 0xfee01000);
    g_assert_cmphex(pc.chip.first_watched.data, ==, 0xc051);
    line = irqs_gsi(pc.irqs, 20);
    irq_set(&line, true);
    g_assert_cmpuint(pc.chip.sent, ==, 2);
    g_assert_cmphex(pc.chip.last.data, ==, 0xc051);
    irqs_ended(pc.irqs, 0x51); /* it is still high */
    g_assert_cmpuint(pc.chip.sent, ==, 3);
    ioapic_wr(&pc, 0x10 + 2 * 20, 0x18051); /* masked while it is served: the end counts yet */
    g_assert_cmpuint(pc.chip.watched, ==, 1);
    irq_set(&line, false);
    irqs_ended(pc.irqs, 0x51);
    ioapic_wr(&pc, 0x10 + 2 * 20, 0x18051);
    g_assert_cmpuint(pc.chip.watched, ==, 0);
    g_assert_cmpuint(pc.chip.sent, ==, 3);

    ioapic_wr(&pc, 0x10 + 2 * 4, 0x31); /* edge */
    g_assert_cmpuint(pc.chip.watched, ==, 0);
    line = irqs_gsi(pc.irqs, 4);
    irq_pulse(&line);
    g_assert_cmphex(pc.chip.last.data, ==, 0x31);
    irqs_reset(pc.irqs);
    g_assert_cmpuint(pc.chip.watched, ==, 0);
    teardown(&pc);
}

/* The PIC's interrupt waits at the first CPU until it takes it; the NMI line is every CPU's. */
static void test_chips_pins(void)
{
    static const uint8_t init[][2] = {{0x20, 0x11}, {0x21, 8}, {0x21, 4}, {0x21, 1}, {0x21, 0}};
    struct pc pc;
    struct irq line;

    setup_chips(&pc);
    for (unsigned i = 0; i < G_N_ELEMENTS(init); i++) {
        rig_out(pc.rig, init[i][0], 1, init[i][1]);
    }
    line = irqs_gsi(pc.irqs, 4);
    irq_pulse(&line);
    g_assert_true(waits(&pc, 0, CPU_PENDING_IRQ));
    g_assert_false(waits(&pc, 1, CPU_PENDING_IRQ));
    g_assert_cmpint(irqs_acknowledge(pc.irqs, &pc.cpu[0]), ==, 12);
    g_assert_cmpint(irqs_acknowledge(pc.irqs, &pc.cpu[0]), ==, -1);
    g_assert_false(waits(&pc, 0, CPU_PENDING_IRQ));
    line = irqs_nmi(pc.irqs);
    irq_pulse(&line);
    g_assert_true(waits(&pc, 0, CPU_PENDING_NMI));
    g_assert_true(waits(&pc, 1, CPU_PENDING_NMI));
    teardown(&pc);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/irqs/pic", test_pic);
    g_test_add_func("/irqs/ioapic", test_ioapic);
    g_test_add_func("/irqs/messages", test_messages);
    g_test_add_func("/irqs/timer-and-state", test_timer_and_state);
    g_test_add_func("/irqs/chips/messages", test_chips_messages);
    g_test_add_func("/irqs/chips/pins", test_chips_pins);
    return g_test_run();
}
