/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Register sequences of SDM volume 3, chapter 11. */
#include "machine/irqchip/lapic.h"

#include <glib.h>
#include <string.h>

struct seen {
    bool output;
    unsigned events, eois;
    enum lapic_event event;
    uint8_t vector, eoi;
    int64_t expiry;
};

static void output(void *opaque, bool level)
{
    ((struct seen *)opaque)->output = level;
}

static void event(void *opaque, enum lapic_event what, uint8_t vector)
{
    struct seen *s = opaque;

    s->events++;
    s->event = what;
    s->vector = vector;
}

static void timer(void *opaque, int64_t expiry)
{
    ((struct seen *)opaque)->expiry = expiry;
}

static int64_t tsc_time(void *opaque, uint64_t tsc)
{
    return (int64_t)tsc / 2;
}

static void eoi(void *opaque, uint8_t vector)
{
    struct seen *s = opaque;

    s->eois++;
    s->eoi = vector;
}

static const struct lapic_ops ops = {output, event, timer, tsc_time, eoi};

static void wr(struct lapic *l, unsigned off, uint32_t value, int64_t now)
{
    struct apic_message m;

    g_assert_false(lapic_write(l, off, value, now, &m));
}

static void setup(struct lapic *l, struct seen *s)
{
    memset(s, 0, sizeof(*s));
    lapic_init(l, 1, false, true, &ops, s);
    wr(l, 0xf0, 0x1ff, 0);
}

static void fixed(struct lapic *l, uint8_t vector, bool level)
{
    struct apic_message m = {.dest = 1, .vector = vector, .level = level, .assert_ = true};

    g_assert_true(lapic_match(l, &m));
    lapic_deliver(l, &m);
}

static void test_reset(void)
{
    struct lapic l;
    struct seen s;

    memset(&s, 0, sizeof(s));
    lapic_init(&l, 1, false, true, &ops, &s);
    g_assert_cmphex(lapic_read(&l, 0x20, 0), ==, 0x01000000);
    g_assert_cmphex(lapic_read(&l, 0x30, 0), ==, 0x00050014);
    g_assert_cmphex(lapic_read(&l, 0xe0, 0), ==, 0xffffffff);
    g_assert_cmphex(lapic_read(&l, 0xf0, 0), ==, 0xff);
    for (unsigned off = 0x320; off <= 0x370; off += 0x10) {
        g_assert_cmphex(lapic_read(&l, off, 0), ==, 0x10000);
    }
    fixed(&l, 0x40, false); /* software-disabled: not taken */
    g_assert_cmpint(lapic_pending(&l), ==, -1);
    wr(&l, 0x350, 0x700, 0); /* nor can an LVT be unmasked */
    g_assert_cmphex(lapic_read(&l, 0x350, 0), ==, 0x10700);
    lapic_init(&l, 0, true, true, &ops, &s);
    g_assert_true(lapic_passes_pic(&l));
}

static void test_priority(void)
{
    struct lapic l;
    struct seen s;

    setup(&l, &s);
    fixed(&l, 0x41, false);
    g_assert_true(s.output);
    fixed(&l, 0x75, true);
    g_assert_cmphex(lapic_read(&l, 0x220, 0), ==, 1u << 1);  /* IRR 40h..5fh */
    g_assert_cmphex(lapic_read(&l, 0x1b0, 0), ==, 1u << 21); /* TMR 60h..7fh */
    g_assert_cmphex((unsigned)lapic_acknowledge(&l), ==, 0x75);
    g_assert_cmphex(lapic_read(&l, 0xa0, 0), ==, 0x70);
    g_assert_false(s.output); /* 41h waits for the class of 75h */
    fixed(&l, 0x81, false);
    g_assert_cmphex((unsigned)lapic_acknowledge(&l), ==, 0x81);
    wr(&l, 0xb0, 0, 0); /* ends 81h, an edge */
    g_assert_cmpuint(s.eois, ==, 0);
    wr(&l, 0xb0, 0, 0);
    g_assert_cmpuint(s.eois, ==, 1);
    g_assert_cmphex(s.eoi, ==, 0x75);
    g_assert_true(s.output);
    wr(&l, 0x80, 0x45, 0); /* TPR of the same class */
    g_assert_false(s.output);
    g_assert_cmphex(lapic_read(&l, 0xa0, 0), ==, 0x45);
    g_assert_cmphex(lapic_cr8(&l), ==, 4);
    lapic_set_cr8(&l, 3);
    g_assert_true(s.output);
    g_assert_cmphex((unsigned)lapic_acknowledge(&l), ==, 0x41);
    g_assert_cmpint(lapic_acknowledge(&l), ==, -1);
}

static bool matches(const struct lapic *l, uint32_t dest, bool logical, bool wide)
{
    struct apic_message m = {.dest = dest, .logical = logical, .wide = wide};

    return lapic_match(l, &m);
}

static void test_destinations(void)
{
    struct apic_message m;
    struct lapic l;
    struct seen s;

    setup(&l, &s);
    g_assert_true(matches(&l, 1, false, false));
    g_assert_false(matches(&l, 2, false, false));
    g_assert_true(matches(&l, 0xff, false, false));
    wr(&l, 0xd0, 0x02ffffff, 0);
    g_assert_cmphex(lapic_read(&l, 0xd0, 0), ==, 0x02000000);
    g_assert_true(matches(&l, 0x0a, true, false)); /* flat */
    g_assert_false(matches(&l, 0x05, true, false));
    wr(&l, 0xe0, 0, 0);
    g_assert_cmphex(lapic_read(&l, 0xe0, 0), ==, 0x0fffffff);
    wr(&l, 0xd0, 0x32000000, 0); /* cluster 3, second member */
    g_assert_true(matches(&l, 0x33, true, false));
    g_assert_false(matches(&l, 0x31, true, false));
    g_assert_false(matches(&l, 0x23, true, false));

    g_assert_true(lapic_write(&l, 0x300, 0x000c4500, 0, &m)); /* INIT to all others */
    g_assert_cmpint(m.delivery, ==, APIC_INIT);
    g_assert_cmpint(m.shorthand, ==, APIC_TO_OTHERS);
    wr(&l, 0x300, 0x00008500, 0); /* its de-assert goes nowhere */
    wr(&l, 0x310, 0x02000000, 0);
    g_assert_true(lapic_write(&l, 0x300, 0x00000608, 0, &m));
    g_assert_cmpint(m.delivery, ==, APIC_START);
    g_assert_cmphex(m.vector, ==, 8);
    g_assert_cmphex(m.dest, ==, 2);
    m.dest = 1;
    lapic_deliver(&l, &m);
    g_assert_cmpint(s.event, ==, LAPIC_START);
    g_assert_cmphex(s.vector, ==, 8);
}

static void test_errors(void)
{
    struct lapic l;
    struct seen s;

    setup(&l, &s);
    wr(&l, 0x370, 0xfe, 0);
    wr(&l, 0x300, 0x00000005, 0); /* vectors below 16 are not sent */
    g_assert_cmphex(lapic_read(&l, 0x280, 0), ==, 0);
    wr(&l, 0x280, 0, 0);
    g_assert_cmphex(lapic_read(&l, 0x280, 0), ==, 0x20);
    g_assert_cmphex((unsigned)lapic_acknowledge(&l), ==, 0xfe);
    fixed(&l, 3, false);
    wr(&l, 0x280, 0, 0);
    g_assert_cmphex(lapic_read(&l, 0x280, 0), ==, 0x40);
    wr(&l, 0x40, 0, 0);
    wr(&l, 0x280, 0, 0);
    g_assert_cmphex(lapic_read(&l, 0x280, 0), ==, 0x80);
    wr(&l, 0x280, 0, 0);
    g_assert_cmphex(lapic_read(&l, 0x280, 0), ==, 0);
}

static void test_timer(void)
{
    struct lapic l;
    struct seen s;

    setup(&l, &s);
    wr(&l, 0x3e0, 3, 0);      /* by 16 */
    wr(&l, 0x320, 0x60, 100); /* one-shot */
    wr(&l, 0x380, 1000, 100);
    g_assert_cmpint(s.expiry, ==, 100 + 16000);
    g_assert_cmpuint(lapic_read(&l, 0x390, 100 + 160), ==, 990);
    lapic_timer(&l, 16100);
    g_assert_cmpint(s.expiry, ==, LAPIC_NEVER);
    g_assert_cmpuint(lapic_read(&l, 0x390, 17000), ==, 0);
    g_assert_cmphex((unsigned)lapic_acknowledge(&l), ==, 0x60);
    wr(&l, 0xb0, 0, 0);

    wr(&l, 0x3e0, 0xb, 0); /* by 1 */
    wr(&l, 0x320, 0x20061, 20000);
    wr(&l, 0x380, 500, 20000);
    lapic_timer(&l, 20500);
    g_assert_cmpint(s.expiry, ==, 21000);
    g_assert_cmpuint(lapic_read(&l, 0x390, 20600), ==, 400);
    lapic_timer(&l, 22600); /* late: one interrupt, the next on the grid */
    g_assert_cmpint(s.expiry, ==, 23000);
    wr(&l, 0x320, 0x30061, 22700); /* masked: no timer */
    g_assert_cmpint(s.expiry, ==, LAPIC_NEVER);

    wr(&l, 0x320, 0x40062, 22700);
    g_assert_cmpuint(lapic_read(&l, 0x380, 22700), ==, 0);
    lapic_set_deadline(&l, 50000, 22800);
    g_assert_cmpint(s.expiry, ==, 25000);
    g_assert_cmpuint(lapic_deadline(&l), ==, 50000);
    lapic_timer(&l, 25000);
    g_assert_cmpuint(lapic_deadline(&l), ==, 0);
    g_assert_cmphex((unsigned)lapic_acknowledge(&l), ==, 0x62);
}

static void test_x2apic(void)
{
    struct apic_message m;
    struct lapic l;
    struct seen s;
    uint64_t v;

    memset(&s, 0, sizeof(s));
    lapic_init(&l, 0x123, false, true, &ops, &s);
    g_assert_cmpint(lapic_msr_read(&l, 0x802, 0, &v), ==, -1); /* not in x2APIC mode */
    g_assert_cmpint(lapic_set_base(&l, 0xfee00000 | 1 << 10), ==, -1);
    g_assert_cmpint(lapic_set_base(&l, 0xfee00000 | 3 << 10), ==, 0);
    g_assert_cmpint(lapic_msr_read(&l, 0x802, 0, &v), ==, 0);
    g_assert_cmphex(v, ==, 0x123);
    g_assert_cmpint(lapic_msr_read(&l, 0x80d, 0, &v), ==, 0);
    g_assert_cmphex(v, ==, 0x00120008);
    g_assert_cmpint(lapic_msr_read(&l, 0x80e, 0, &v), ==, -1);
    g_assert_cmpint(lapic_msr_write(&l, 0x80d, 1, 0, &m), ==, -1);
    g_assert_cmpint(lapic_msr_write(&l, 0x80b, 1, 0, &m), ==, -1); /* EOI takes only 0 */
    g_assert_cmpint(lapic_msr_write(&l, 0x80b, 0, 0, &m), ==, 0);
    g_assert_cmpint(lapic_msr_write(&l, 0x80f, 0x1ff, 0, &m), ==, 0);
    g_assert_cmpint(lapic_msr_write(&l, 0x808, 0x100, 0, &m), ==, -1);
    g_assert_true(matches(&l, 0x123, false, true));
    g_assert_true(matches(&l, 0x00120108, true, true));
    g_assert_false(matches(&l, 0x00120107, true, true));
    g_assert_true(matches(&l, 0xffffffff, false, true));
    g_assert_cmpint(lapic_msr_write(&l, 0x83f, 0x55, 0, &m), ==, 1);
    g_assert_cmpint(m.shorthand, ==, APIC_TO_SELF);
    g_assert_cmpint(lapic_msr_write(&l, 0x830, 0x0000012300000044, 0, &m), ==, 1);
    g_assert_cmphex(m.dest, ==, 0x123);
    g_assert_true(m.wide);
    g_assert_cmpint(lapic_set_base(&l, 0xfee00000 | 1 << 11), ==, -1); /* not back */
    g_assert_cmpint(lapic_set_base(&l, 0xfee00000), ==, 0);
    g_assert_false(lapic_enabled(&l));
}

static void test_lint(void)
{
    struct lapic l;
    struct seen s;

    setup(&l, &s);
    lapic_set_lint(&l, 0, true);
    g_assert_false(s.output);
    wr(&l, 0x350, 0x700, 0);
    g_assert_true(s.output);
    lapic_set_lint(&l, 0, false);
    g_assert_false(s.output);
    wr(&l, 0x360, 0x400, 0);
    lapic_set_lint(&l, 1, true);
    g_assert_cmpuint(s.events, ==, 1);
    g_assert_cmpint(s.event, ==, LAPIC_NMI);
    wr(&l, 0x350, 0x33, 0); /* fixed */
    lapic_set_lint(&l, 0, true);
    g_assert_cmphex((unsigned)lapic_acknowledge(&l), ==, 0x33);
}

static void test_msi(void)
{
    struct apic_message m;

    g_assert_false(apic_message_from_msi(0xfed00000, 0x31, &m));
    g_assert_true(apic_message_from_msi(0xfee0300c, 0x4131, &m));
    g_assert_cmphex(m.dest, ==, 3);
    g_assert_true(m.logical);
    g_assert_false(m.wide);
    g_assert_cmpint(m.delivery, ==, APIC_LOWEST);
    g_assert_true(apic_message_from_msi(UINT64_C(0x00000100fee23000), 0x31, &m));
    g_assert_cmphex(m.dest, ==, 0x123);
    g_assert_true(m.wide);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lapic/reset", test_reset);
    g_test_add_func("/lapic/priority", test_priority);
    g_test_add_func("/lapic/destinations", test_destinations);
    g_test_add_func("/lapic/errors", test_errors);
    g_test_add_func("/lapic/timer", test_timer);
    g_test_add_func("/lapic/x2apic", test_x2apic);
    g_test_add_func("/lapic/lint", test_lint);
    g_test_add_func("/lapic/msi", test_msi);
    return g_test_run();
}
