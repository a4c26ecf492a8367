/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A polling driver of modern virtio PCI devices (virtio 1.2, 4.1 and 2.7) for the benchmark guests.
 * No interrupts: one request is some hundred instructions, the rest is the machine's work.
 */
#ifndef VIV_BENCH_GUEST_VIRTIO_H
#define VIV_BENCH_GUEST_VIRTIO_H

#include <stddef.h>
#include <stdint.h>

#define QUEUE_SIZE 16
#define DESC_NEXT  1
#define DESC_WRITE 2 /* the device writes */

struct desc {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
};

struct queue {
    struct desc desc[QUEUE_SIZE] __attribute__((aligned(16)));
    struct {
        uint16_t flags, idx, ring[QUEUE_SIZE];
    } avail;
    volatile struct {
        uint16_t flags, idx;
        struct {
            uint32_t id, length;
        } ring[QUEUE_SIZE];
    } used __attribute__((aligned(4)));
    volatile uint16_t *bell;
    uint16_t number, seen;
};

/* Tells the host where the measured part begins and ends. */
void say(char byte);
/* Ends the machine: its exit status is code * 2 + 1. */
void finish(int code) __attribute__((noreturn));

/* Finds the device on bus 0, gives its BARs addresses and starts it with `queues` queues. */
void virtio_start(uint16_t pci_device, struct queue *queues, int count);
/* Shows the chain that starts at descriptor `head` to the device. */
void queue_give(struct queue *q, uint16_t head);
/* Spins until the device has used one more chain; gives its head. */
uint16_t queue_wait(struct queue *q);

#endif
