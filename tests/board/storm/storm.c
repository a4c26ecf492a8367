/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two processors that change the memory map under each other. Each has a virtio disk of its own,
 * whose BAR it moves before every read and whose blocks say their number; both write the same
 * shadow RAM registers and the same flash chip, and both look at what the other one moves.
 *
 * What it tells the debug console (port E9h): a digit, the processor's, for every ROUNDS rounds;
 * 'E' and two digits, the processor and the trouble, when something it alone decides is wrong.
 */
#include <stdint.h>

#define ECAM       0xb0000000u
#define APIC       0xfee00000u
#define SHADOW     0xc8000u /* PAM2: C8000h to CFFFFh */
#define PAM2       0x92
#define TRAMPOLINE 0x8000u
#define BLOCK      4096
#define BLOCKS     16
#define ROUNDS     32

/* Where each processor's disk goes: PLACES places of 1 MiB, and 4 KiB granularity of its own. */
#define WINDOW(cpu) (0xd0000000u + (uint32_t)(cpu)*0x8000000u)
#define PLACES      16

#define QUEUE_SIZE 16
#define DESC_NEXT  1
#define DESC_WRITE 2

struct desc {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
};

struct disk {
    struct desc desc[QUEUE_SIZE] __attribute__((aligned(4096)));
    struct {
        uint16_t flags, idx, ring[QUEUE_SIZE];
    } avail __attribute__((aligned(4096)));
    volatile struct {
        uint16_t flags, idx;
        struct {
            uint32_t id, length;
        } ring[QUEUE_SIZE];
    } used __attribute__((aligned(4096)));
    struct {
        uint32_t type, reserved;
        uint64_t sector;
    } request;
    uint8_t data[BLOCK] __attribute__((aligned(4096)));
    volatile uint8_t status;
    uint16_t seen;
    uint32_t slot, bar, base, random;
    uint32_t common, notify; /* offsets in the BAR */
};

/* virtio 1.2, 4.1.4.3 */
struct common {
    uint32_t device_feature_select, device_feature, driver_feature_select, driver_feature;
    uint16_t msix, num_queues;
    uint8_t status, generation;
    uint16_t queue_select, queue_size, queue_msix, queue_enable, queue_notify_off;
    uint32_t desc[2], driver[2], device[2];
};

extern const char second[], second_end[];
void storm_main(int cpu);

static struct disk disks[2];
static volatile int other_is_up;

static void out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static uint8_t in8(uint16_t port)
{
    uint8_t value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static volatile uint32_t *at32(uint32_t address)
{
    return (volatile uint32_t *)address;
}

static volatile uint8_t *at8(uint32_t address)
{
    return (volatile uint8_t *)address;
}

static volatile uint32_t *config(uint32_t slot, uint32_t off)
{
    return at32(ECAM + (slot << 15) + off);
}

static void trouble(int cpu, char what)
{
    out8(0xe9, 'E');
    out8(0xe9, (uint8_t)('0' + cpu));
    out8(0xe9, (uint8_t)what);
    for (;;) {
        __asm__ volatile("hlt");
    }
}

static uint32_t next_random(struct disk *d)
{
    d->random = d->random * 1664525u + 1013904223u;
    return d->random >> 8;
}

/* The disk's memory BAR at another address: decoding off meanwhile, or not. */
static void move(struct disk *d, int cpu)
{
    d->base = WINDOW(cpu) + next_random(d) % PLACES * 0x100000u;
    if (next_random(d) & 1) {
        *config(d->slot, 4) = 0;
    }
    *config(d->slot, 0x10 + d->bar * 4) = d->base;
    *config(d->slot, 4) = 6;
    if ((*config(d->slot, 0x10 + d->bar * 4) & ~15u) != d->base) {
        trouble(cpu, '1');
    }
}

/* The offset of one of virtio's structures (virtio 1.2, 4.1.4). */
static uint32_t structure(struct disk *d, int cpu, uint32_t type)
{
    uint32_t cap = *config(d->slot, 0x34) & 0xfc;

    for (int n = 0; cap && n < 48; n++) {
        uint32_t head = *config(d->slot, cap);

        if ((head & 0xff) == 9 && head >> 24 == type) {
            d->bar = *config(d->slot, cap + 4) & 0xff;
            return *config(d->slot, cap + 8);
        }
        cap = head >> 8 & 0xfc;
    }
    trouble(cpu, '2');
    return 0;
}

static void find_disk(struct disk *d, int cpu)
{
    int skip = cpu;

    for (d->slot = 0; d->slot < 32; d->slot++) {
        if (*config(d->slot, 0) == 0x10421af4 && skip-- == 0) {
            return;
        }
    }
    trouble(cpu, '3');
}

static void start_disk(struct disk *d, int cpu)
{
    volatile struct common *c;

    find_disk(d, cpu);
    d->common = structure(d, cpu, 1);
    d->notify = structure(d, cpu, 2);
    *config(d->slot, 0x10 + d->bar * 4 + 4) = 0;
    move(d, cpu);
    c = (volatile struct common *)(d->base + d->common);
    c->status = 0;
    while (c->status) {
    }
    d->seen = 0;
    d->avail.idx = 0;
    d->used.idx = 0;
    c->status = 3;
    c->driver_feature_select = 0;
    c->driver_feature = 0;
    c->driver_feature_select = 1;
    c->driver_feature = 1; /* VERSION_1 and nothing else */
    c->status = 11;
    c->queue_select = 0;
    c->queue_size = QUEUE_SIZE;
    c->desc[0] = (uint32_t)d->desc;
    c->driver[0] = (uint32_t)&d->avail;
    c->device[0] = (uint32_t)&d->used;
    c->queue_enable = 1;
    c->status = 15;
    if (c->status != 15) {
        trouble(cpu, '4');
    }
}

/* Shows a read of a block to the disk where it is now, moves it, and waits there. */
static void read_block(struct disk *d, int cpu)
{
    uint32_t n = next_random(d) % BLOCKS;

    d->request.type = 0;
    d->request.sector = n * (BLOCK / 512);
    d->status = 0xff;
    d->desc[0] = (struct desc){(uint32_t)&d->request, 16, DESC_NEXT, 1};
    d->desc[1] = (struct desc){(uint32_t)d->data, BLOCK, DESC_NEXT | DESC_WRITE, 2};
    d->desc[2] = (struct desc){(uint32_t)&d->status, 1, DESC_WRITE, 0};
    d->avail.ring[d->avail.idx % QUEUE_SIZE] = 0;
    __sync_synchronize();
    ((volatile struct disk *)d)->avail.idx++;
    __sync_synchronize();
    *(volatile uint16_t *)(d->base + d->notify) = 0;
    move(d, cpu);
    while (d->used.idx == d->seen) {
        if (((volatile struct common *)(d->base + d->common))->status != 15) {
            trouble(cpu, '5');
        }
    }
    d->seen++;
    if (d->status != 0 || *(volatile uint32_t *)d->data != n) {
        trouble(cpu, '6');
    }
}

/* Both processors: what a read gives is ROM's or RAM's, and a write lands or is lost. */
static void toggle_shadow(struct disk *d)
{
    static const uint8_t modes[] = {0x00, 0x11, 0x22, 0x33, 0x30, 0x13};

    *at8(ECAM + PAM2) = modes[next_random(d) % sizeof(modes)];
    for (uint32_t i = 0; i < 8; i++) {
        *at32(SHADOW + i * 4096) += 1;
    }
}

/* Both processors: the chip goes from its array to a command's answer and back. */
static void toggle_flash(struct disk *d, uint32_t flash)
{
    static const uint8_t commands[] = {0x90, 0x98, 0x70, 0x50, 0xff};
    uint32_t off = next_random(d) & 0xfff0;

    *at8(flash + off) = commands[next_random(d) % sizeof(commands)];
    (void)*at32(flash + off);
    *at8(flash) = 0xff;
    (void)*at32(flash + off);
    (void)*at32(flash);
}

/* The other's disk, wherever it is: any answer will do. */
static void disturb(struct disk *d, int cpu)
{
    const struct disk *other = &disks[!cpu];

    (void)*at32(*(volatile const uint32_t *)&other->base + 0x14);
    (void)*at32(WINDOW(!cpu) + next_random(d) % PLACES * 0x100000u);
    (void)*config(*(volatile const uint32_t *)&other->slot, 0x10);
    (void)in8(0x3fd); /* serial line status */
    (void)in8(0x61);
    out8(0x80, 0);
    out8(0x70, 0x0a);
    (void)in8(0x71);
}

static void wake_other(void)
{
    volatile char *to = (volatile char *)TRAMPOLINE;

    for (const char *p = second; p < second_end; p++) {
        *to++ = *p;
    }
    *at32(APIC + 0xf0) = 0x1ff;
    *at32(APIC + 0x300) = 0xc4500; /* INIT, then start at 8000h, to all but itself */
    for (int i = 0; i < 1000; i++) {
        (void)in8(0x61);
    }
    *at32(APIC + 0x300) = 0xc4600 | TRAMPOLINE >> 12;
    while (!other_is_up) {
    }
}

void storm_main(int cpu)
{
    struct disk *d = &disks[cpu];

    d->random = 12345u + (uint32_t)cpu;
    start_disk(d, cpu);
    if (cpu == 0) {
        wake_other();
    } else {
        other_is_up = 1;
    }
    for (uint32_t n = 1;; n++) {
        read_block(d, cpu);
        toggle_shadow(d);
        toggle_flash(d, 0xffff0000u);
        disturb(d, cpu);
        if (n % 256 == 0) {
            start_disk(d, cpu);
        }
        if (n % ROUNDS == 0) {
            out8(0xe9, (uint8_t)('0' + cpu));
        }
    }
}
