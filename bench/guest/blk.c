/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads 4 KiB blocks of a virtio disk one after another, and looks at what came. */
#include "virtio.h"

#define BLOCK 4096

static struct queue queue;
static struct {
    uint32_t type, reserved;
    uint64_t sector;
} request;
static uint8_t data[BLOCK] __attribute__((aligned(4096)));
static volatile uint8_t status;

/* The disk's block n starts with n. */
static void read_block(uint32_t n)
{
    request.sector = (uint64_t)n * (BLOCK / 512);
    status = 0xff;
    queue_give(&queue, 0);
    queue_wait(&queue);
    if (status != 0 || *(volatile uint32_t *)data != n) {
        finish(5);
    }
}

void guest_main(void);
void guest_main(void)
{
    virtio_start(0x1042, &queue, 1);
    queue.desc[0] = (struct desc){(uintptr_t)&request, sizeof(request), DESC_NEXT, 1};
    queue.desc[1] = (struct desc){(uintptr_t)data, BLOCK, DESC_NEXT | DESC_WRITE, 2};
    queue.desc[2] = (struct desc){(uintptr_t)&status, 1, DESC_WRITE, 0};
    read_block(0);
    say('A');
    for (uint32_t n = 0; n < REQUESTS; n++) {
        read_block(n);
    }
    say('Z');
    finish(0);
}
