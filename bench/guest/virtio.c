/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "virtio.h"

#define BAR_WINDOW         0xe8000000u /* below the I/O APIC, above q35's MMCONFIG */
#define BAR_STRIDE         0x100000u
#define CAP_VENDOR         9
#define CFG_COMMON         1
#define CFG_NOTIFY         2
#define STATUS_ACKNOWLEDGE 1
#define STATUS_DRIVER      2
#define STATUS_DRIVER_OK   4
#define STATUS_FEATURES_OK 8
#define AVAIL_NO_INTERRUPT 1

/* virtio 1.2, 4.1.4.3 */
struct common {
    uint32_t device_feature_select, device_feature, driver_feature_select, driver_feature;
    uint16_t msix, num_queues;
    uint8_t status, generation;
    uint16_t queue_select, queue_size, queue_msix, queue_enable, queue_notify_off;
    uint32_t desc[2], driver[2], device[2];
};

static inline void out32(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint32_t in32(uint16_t port)
{
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

void say(char byte)
{
    __asm__ volatile("outb %0, %1" : : "a"(byte), "Nd"((uint16_t)0xe9));
}

void finish(int code)
{
    __asm__ volatile("outb %0, %1" : : "a"((uint8_t)code), "Nd"((uint16_t)0x501));
    for (;;) {
        __asm__ volatile("hlt");
    }
}

static uint32_t config_read(int slot, int at)
{
    out32(0xcf8, 0x80000000u | (uint32_t)slot << 11 | (uint32_t)(at & 0xfc));
    return in32(0xcfc) >> (at & 3) * 8;
}

static void config_write(int slot, int at, uint32_t value)
{
    out32(0xcf8, 0x80000000u | (uint32_t)slot << 11 | (uint32_t)at);
    out32(0xcfc, value);
}

static int find_slot(uint16_t device)
{
    for (int slot = 0; slot < 32; slot++) {
        if (config_read(slot, 0) == (0x1af4u | (uint32_t)device << 16)) {
            return slot;
        }
    }
    finish(2);
}

/* Memory BARs get addresses of their own, whatever the firmware did; I/O BARs stay off. */
static void place_bars(int slot)
{
    for (int bar = 0; bar < 6; bar++) {
        int at = 0x10 + bar * 4;
        uint32_t kind = config_read(slot, at);
        if (kind & 1) {
            continue;
        }
        config_write(slot, at, BAR_WINDOW + (uint32_t)bar * BAR_STRIDE);
        if ((kind & 6) == 4) {
            config_write(slot, at + 4, 0);
            bar++;
        }
    }
    config_write(slot, 4, 6); /* memory, bus master */
}

/* The address of a configuration structure; *ret_cap is its capability's offset. */
static uintptr_t find_structure(int slot, int type, int *ret_cap)
{
    int cap = config_read(slot, 0x34) & 0xfc;
    for (int n = 0; cap != 0 && n < 48; n++) {
        uint32_t head = config_read(slot, cap);
        if ((head & 0xff) == CAP_VENDOR && head >> 24 == (uint32_t)type) {
            uint32_t bar = config_read(slot, cap + 4) & 0xff;
            *ret_cap = cap;
            return BAR_WINDOW + bar * BAR_STRIDE + config_read(slot, cap + 8);
        }
        cap = head >> 8 & 0xfc;
    }
    finish(3);
}

static void set_address(volatile uint32_t *at, const volatile void *memory)
{
    at[0] = (uint32_t)(uintptr_t)memory;
    at[1] = 0;
}

void virtio_start(uint16_t pci_device, struct queue *queues, int count)
{
    int cap, slot = find_slot(pci_device);
    place_bars(slot);
    volatile struct common *c = (void *)find_structure(slot, CFG_COMMON, &cap);
    uintptr_t bells = find_structure(slot, CFG_NOTIFY, &cap);
    uint32_t multiplier = config_read(slot, cap + 16);

    c->status = 0;
    while (c->status != 0) {
    }
    c->status = STATUS_ACKNOWLEDGE | STATUS_DRIVER;
    c->driver_feature_select = 0;
    c->driver_feature = 0;
    c->driver_feature_select = 1;
    c->driver_feature = 1; /* VERSION_1 and nothing else */
    c->status = STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK;
    if (!(c->status & STATUS_FEATURES_OK)) {
        finish(4);
    }
    for (int n = 0; n < count; n++) {
        struct queue *q = &queues[n];
        c->queue_select = (uint16_t)n;
        c->queue_size = QUEUE_SIZE;
        set_address(c->desc, q->desc);
        set_address(c->driver, &q->avail);
        set_address(c->device, &q->used);
        q->bell = (void *)(bells + c->queue_notify_off * multiplier);
        q->number = (uint16_t)n;
        q->avail.flags = AVAIL_NO_INTERRUPT;
        c->queue_enable = 1;
    }
    c->status |= STATUS_DRIVER_OK;
}

void queue_give(struct queue *q, uint16_t head)
{
    q->avail.ring[q->avail.idx % QUEUE_SIZE] = head;
    __sync_synchronize();
    ((volatile struct queue *)q)->avail.idx++;
    __sync_synchronize();
    if (!(q->used.flags & 1)) {
        *q->bell = q->number;
    }
}

uint16_t queue_wait(struct queue *q)
{
    while (q->used.idx == q->seen) {
        __asm__ volatile("pause");
    }
    return (uint16_t)q->used.ring[q->seen++ % QUEUE_SIZE].id;
}
