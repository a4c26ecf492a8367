/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pc-testdev and pci-testdev: targets for test suites that run in a guest (kvm-unit-tests).
 * QEMU documentation, "pci-testdev", and the ports that kvm-unit-tests' x86 tests use.
 */
#include "base/bits.h"
#include "machine/dev/classes.h"
#include "machine/dev/pc/isa.h"
#include "machine/pci/pci.h"

#include <string.h>

/* ---- pc-testdev: echo port, interrupt lines, a page of memory, flush port ---- */

#define PORT_ECHO   0xe0
#define PORT_LINES  0x2000
#define LINES       24
#define MEMORY      UINT64_C(0xff000000)
#define MEMORY_SIZE 0x10000
#define PORT_FLUSH  0xe4
#define ECHO_SIZE   4

struct pc_testdev {
    struct dev dev;
    struct irq line[ISA_IRQS];
    struct bus_region echo, lines, memory, flush;
    struct bus_mapping *echo_mapping, *lines_mapping, *memory_mapping, *flush_mapping;
    uint32_t value;             /* lock */
    uint8_t bytes[MEMORY_SIZE]; /* lock */
};

static const struct state_row pc_testdev_state[] = {
    STATE_U(struct pc_testdev, value, 0),
    STATE_U_ARRAY(struct pc_testdev, bytes, 0),
    STATE_DONE,
};

static uint64_t echo_read(void *opaque, gpa off, unsigned size)
{
    return ((struct pc_testdev *)opaque)->value >> off * 8;
}

static void echo_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct pc_testdev *t = opaque;

    t->value = (uint32_t)bits_set(t->value, (unsigned)off * 8, size * 8, value);
}

static void lines_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct pc_testdev *t = opaque;

    if (off < ISA_IRQS) {
        irq_set(&t->line[off], value != 0);
    }
}

static uint64_t memory_read(void *opaque, gpa off, unsigned size)
{
    struct pc_testdev *t = opaque;
    uint64_t value = 0;

    memcpy(&value, t->bytes + off, size);
    return GUINT64_FROM_LE(value);
}

static void memory_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct pc_testdev *t = opaque;

    value = GUINT64_TO_LE(value);
    memcpy(t->bytes + off, &value, size);
}

static const struct bus_ops echo_ops = {
    .read = echo_read, .write = echo_write, .min_size = 1, .max_size = 4};
static const struct bus_ops lines_ops = {
    .write = lines_write, .min_size = 1, .max_size = 1, .wide = BUS_SPLIT};
static const struct bus_ops memory_ops = {
    .read = memory_read, .write = memory_write, .min_size = 1, .max_size = 8};
static const struct bus_ops flush_ops = {.min_size = 1, .max_size = 4};

static gboolean pc_testdev_realize(struct dev *dev, GError **error)
{
    struct pc_testdev *t = (struct pc_testdev *)dev;

    for (unsigned i = 0; i < ISA_IRQS; i++) {
        t->line[i] = isa_irq(dev, i);
    }
    bus_region_init_io(&t->echo, "pc-testdev-ioport", ECHO_SIZE, &echo_ops, t, &dev->lock);
    bus_region_init_io(&t->flush, "pc-testdev-flush-page", 4, &flush_ops, t, &dev->lock);
    bus_region_init_io(&t->lines, "pc-testdev-irq-line", LINES, &lines_ops, t, &dev->lock);
    bus_region_init_io(&t->memory, "pc-testdev-iomem", MEMORY_SIZE, &memory_ops, t, &dev->lock);
    t->echo_mapping = isa_map(dev, &t->echo, PORT_ECHO);
    t->flush_mapping = isa_map(dev, &t->flush, PORT_FLUSH);
    t->lines_mapping = isa_map(dev, &t->lines, PORT_LINES);
    t->memory_mapping = bus_map(dev->env->memory, MEMORY, &t->memory, 0, MEMORY_SIZE, 0, false);
    return TRUE;
}

static void pc_testdev_unrealize(struct dev *dev)
{
    struct pc_testdev *t = (struct pc_testdev *)dev;

    isa_unmap(dev, t->echo_mapping);
    isa_unmap(dev, t->flush_mapping);
    isa_unmap(dev, t->lines_mapping);
    bus_unmap(dev->env->memory, t->memory_mapping);
}

const struct dev_class pc_testdev_class = {
    .name = "pc-testdev",
    .description = "ports and memory for tests that run in the guest",
    .bus_type = "ISA",
    .category = "Misc",
    .instance_size = sizeof(struct pc_testdev),
    .state = pc_testdev_state,
    .state_version = 1,
    .realize = pc_testdev_realize,
    .unrealize = pc_testdev_unrealize,
};

/* ---- pci-testdev: a test is chosen, described, and counts its accesses ---- */

/* Layout of each BAR: test (1), width (1), pad (2), offset (4), data (4), count (4), name. */
#define OFF_TEST  0
#define OFF_WIDTH 1
#define OFF_WHERE 4
#define OFF_DATA  8
#define OFF_COUNT 12
#define OFF_NAME  16
#define HEADER    64
#define PIO_SIZE  256
#define MMIO_SIZE 4096
#define PAGE_AT   2048 /* where the access of a test goes, in the memory BAR */

/* Without event notifiers in the kernel only one kind of test can be had. */
static const char *const test_names[] = {"mmio-no-eventfd", "portio-no-eventfd"};

struct pci_testdev;

struct test_bar {
    struct pci_testdev *owner; /* frozen */
    bool io;                   /* frozen */
    struct bus_region region;
    uint8_t header[HEADER]; /* lock */
    bool chosen;            /* lock */
};

struct pci_testdev {
    struct pci_dev pci; /* first */
    struct test_bar bar[2];
};

static const struct state_row bar_rows[] = {
    STATE_U_ARRAY(struct test_bar, header, 0),
    STATE_U(struct test_bar, chosen, 0),
    STATE_DONE,
};

static const struct state_row pci_testdev_state[] = {
    {.kind = STATE_STRUCT,
     .name = "bar",
     .offset = offsetof(struct pci_testdev, bar),
     .size = sizeof(struct test_bar),
     .count = 2,
     .rows = bar_rows},
    STATE_DONE,
};

static uint32_t where(const struct test_bar *b)
{
    return b->io ? HEADER + 64 : PAGE_AT;
}

/* Test 0 of a BAR is its only one; choosing another one ends the series. */
static void choose(struct test_bar *b, uint8_t test)
{
    uint32_t at = GUINT32_TO_LE(where(b)), data = GUINT32_TO_LE(0xfa);
    const char *name = test_names[b->io];

    memset(b->header, 0, sizeof(b->header));
    b->header[OFF_TEST] = test;
    b->chosen = test == 0;
    if (b->chosen) {
        b->header[OFF_WIDTH] = 1;
        memcpy(b->header + OFF_WHERE, &at, 4);
        memcpy(b->header + OFF_DATA, &data, 4);
        memcpy(b->header + OFF_NAME, name, strlen(name) + 1);
    }
}

static uint64_t bar_read(void *opaque, gpa off, unsigned size)
{
    struct test_bar *b = opaque;
    uint64_t value = 0;

    if (off + size <= HEADER) {
        memcpy(&value, b->header + off, size);
    }
    return GUINT64_FROM_LE(value);
}

static void bar_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct test_bar *b = opaque;
    uint32_t count;

    if (off == OFF_TEST) {
        choose(b, (uint8_t)value);
    } else if (b->chosen && off == where(b) && size == 1 && (uint8_t)value == 0xfa) {
        memcpy(&count, b->header + OFF_COUNT, 4);
        count = GUINT32_TO_LE(GUINT32_FROM_LE(count) + 1);
        memcpy(b->header + OFF_COUNT, &count, 4);
    }
}

static const struct bus_ops bar_ops = {
    .read = bar_read, .write = bar_write, .min_size = 1, .max_size = 4, .wide = BUS_SPLIT};

static gboolean pci_testdev_realize(struct dev *dev, GError **error)
{
    struct pci_testdev *t = (struct pci_testdev *)dev;

    for (unsigned i = 0; i < 2; i++) {
        struct test_bar *b = &t->bar[i];

        b->owner = t;
        b->io = i == 1;
        bus_region_init_io(&b->region, b->io ? "pci-testdev-portio" : "pci-testdev-mmio",
                           b->io ? PIO_SIZE : MMIO_SIZE, &bar_ops, b, &dev->lock);
        pci_add_bar(&t->pci, i, &b->region, b->io, false, false);
    }
    return TRUE;
}

static void pci_testdev_reset(struct dev *dev)
{
    struct pci_testdev *t = (struct pci_testdev *)dev;

    choose(&t->bar[0], 0xff);
    choose(&t->bar[1], 0xff);
}

static const struct pci_class testdev_pci = {
    .vendor = 0x1b36,
    .device = 0x0005,
    .class_code = 0x00ff00,
};

const struct dev_class pci_testdev_class = {
    .name = "pci-testdev",
    .description = "PCI Test Device",
    .bus_type = "PCI",
    .category = "Misc",
    .base = &pci_dev_class,
    .bus_class = &testdev_pci,
    .instance_size = sizeof(struct pci_testdev),
    .state = pci_testdev_state,
    .state_version = 1,
    .realize = pci_testdev_realize,
    .reset = pci_testdev_reset,
};
