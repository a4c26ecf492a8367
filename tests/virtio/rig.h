/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtio function on a PCI bus, and a small driver for it that knows only what a guest knows:
 * configuration cycles, BARs and RAM.
 */
#ifndef VIV_TESTS_VIRTIO_RIG_H
#define VIV_TESTS_VIRTIO_RIG_H

#include "machine/core/machine.h"
#include "machine/pci/pci.h"

#define RIG_RAM (UINT64_C(4) << 20)
#define RIG_BAR 0xe0000000u
#define RIG_IO  0xc000u
#define RIG_RING(n) \
    (0x100000 + (n)*0x10000) /* descriptors; available at +0x4000, used at +0x8000 */
#define RIG_DATA 0x200000

struct rig_queue {
    uint16_t size, avail, used;
};

struct rig {
    struct machine machine; /* only env, ram_size and buses are filled */
    struct quiesce_reader reader;
    struct ram_block *ram;
    struct bus_region region;
    struct bus_mapping *mapping;
    struct dev *host;
    struct pci_bus *root;
    struct pci_dev *dev;
    bool line;
    unsigned requests; /* env.request calls */
    enum machine_request last_request;
    GPtrArray *events; /* names */
    void *backend;     /* what env.find returns */
    struct rig_queue queue[8];
};

/* `deterministic`: back ends complete inside the notification. `backend` may be NULL. */
void rig_init(struct rig *r, bool deterministic, void *backend);
void rig_fini(struct rig *r);

/* New device in slot 3 with "key=value,..." options; asserts that it realizes. */
void rig_add(struct rig *r, const struct dev_class *class, const char *options);
/* As rig_add, and returns the error instead. */
char *rig_add_fails(struct rig *r, const struct dev_class *class, const char *options);

uint32_t rig_config(struct rig *r, unsigned off, unsigned size);
/* Registers of the modern interface's common area and the device's own configuration. */
uint32_t rig_common(struct rig *r, unsigned off, unsigned size);
void rig_set_common(struct rig *r, unsigned off, uint32_t value, unsigned size);
uint32_t rig_device(struct rig *r, unsigned off, unsigned size);
void rig_set_device(struct rig *r, unsigned off, uint32_t value, unsigned size);

/* The whole start: reset, features (those offered and in `want`), queues, DRIVER_OK. False: the
 * device did not reset, or refused these features (some need others). */
bool rig_try_start(struct rig *r, uint64_t want, uint64_t *features);
/* The same by a driver that must succeed. Returns the features. */
uint64_t rig_start(struct rig *r, uint64_t want);
uint64_t rig_offered(struct rig *r);

/* A buffer of a chain: guest address, length, whether the device writes it. */
struct rig_buffer {
    gpa addr;
    uint32_t len;
    bool write;
};
/* Puts a chain into queue n at descriptor `head`.. and notifies. */
void rig_send(struct rig *r, unsigned n, uint16_t head, const struct rig_buffer *b, unsigned count);
void rig_notify(struct rig *r, unsigned n);
/* The next used element: its length, or -1 if there is none; iterates the main context up to a
 * second if `wait`. */
int64_t rig_used(struct rig *r, unsigned n, bool wait);

#endif
