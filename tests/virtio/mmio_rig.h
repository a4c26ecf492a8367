/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A virtio device in a slot in memory, and a small driver for it: legacy or VIRTIO 1. */
#ifndef VIV_TESTS_VIRTIO_MMIO_RIG_H
#define VIV_TESTS_VIRTIO_MMIO_RIG_H

#include "rig.h"

#define MMIO_BASE 0x10001000u

struct mmio_rig {
    struct rig rig; /* memory, back end, queues; its PCI bus is empty */
    struct dev *slot, *dev;
    bool legacy, line;
    gpa used[8], avail[8]; /* of each queue */
};

/* `backend` may be NULL. Asserts that the device realizes. */
void mmio_rig_init(struct mmio_rig *m, void *backend, const struct dev_class *class,
                   const char *options, bool legacy);
void mmio_rig_fini(struct mmio_rig *m);

uint32_t mmio_rig_read(struct mmio_rig *m, unsigned off, unsigned size);
void mmio_rig_write(struct mmio_rig *m, unsigned off, uint32_t value, unsigned size);

/* The whole start, as rig_try_start. */
bool mmio_rig_try_start(struct mmio_rig *m, uint64_t want, uint64_t *features);
/* As rig_send and rig_used. */
void mmio_rig_send(struct mmio_rig *m, unsigned n, uint16_t head, const struct rig_buffer *b,
                   unsigned count);
int64_t mmio_rig_used(struct mmio_rig *m, unsigned n);

#endif
