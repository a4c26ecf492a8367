/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtio over MMIO: VIRTIO 1.2, 4.2, and the legacy interface of 4.2.4. A board makes slots; each
 * is a bus for one device ("virtio-blk-device"), and says what it finds where no device is. The
 * device's own registers lie over the slot's.
 */
#ifndef VIV_MACHINE_VIRTIO_MMIO_H
#define VIV_MACHINE_VIRTIO_MMIO_H

#include "machine/virtio/virtio.h"

#define VIRTIO_MMIO_SIZE 0x200

/* A place for a device: the class "virtio-mmio". */
struct virtio_slot {
    struct dev dev;    /* first */
    bool force_legacy; /* property */
    unsigned index;
    gpa base;
    struct irq irq;
    struct bus_region region; /* what is there without a device */
    struct bus_mapping *mapping;
    struct dev_bus *bus;
};

/* What a device on such a bus begins with. Registers: the device's lock. */
struct virtio_mmio {
    struct dev dev;                /* first */
    struct virtio *v;              /* the device's; set by its realize through virtio_mmio_attach */
    struct dma dma;                /* all of memory */
    bool event_idx, indirect_desc; /* properties */
    struct virtio_slot *slot;
    struct bus_region region;
    struct bus_mapping *mapping;
    uint8_t isr;
    uint32_t queue_select, device_feature_select, driver_feature_select;
    uint64_t driver_features;
    uint32_t page_size, queue_align; /* legacy: bytes */
};

extern const struct dev_class virtio_slot_class;   /* "virtio-mmio" */
extern const struct dev_class virtio_device_class; /* base of the devices */
extern const struct virtio_transport virtio_mmio_transport;

/* An unrealized slot at `base` with its line; `index` names its bus. Main loop. */
struct dev *virtio_slot_new(const struct dev_env *env, unsigned index, gpa base, struct irq irq);

/* As virtio_pci_attach: the last step of a device's realize. */
gboolean virtio_mmio_attach(struct virtio_mmio *m, struct virtio *v,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

#endif
