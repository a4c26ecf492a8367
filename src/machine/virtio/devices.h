/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtio device classes, and what the monitor asks of them beyond properties. */
#ifndef VIV_MACHINE_VIRTIO_DEVICES_H
#define VIV_MACHINE_VIRTIO_DEVICES_H

#include "machine/core/dev.h"

/* On a virtio-mmio slot. */
extern const struct dev_class virtio_balloon_device_class, virtio_blk_device_class,
    virtio_net_device_class, virtio_rng_device_class, virtio_serial_device_class;
/* On PCI, and what plugs into virtio-serial. */
extern const struct dev_class virtio_blk_pci_class, virtio_net_pci_class, virtio_serial_pci_class,
    virtconsole_class, virtserialport_class, virtio_rng_pci_class, virtio_balloon_pci_class;

/* Every user-creatable class of this folder; NULL ends. */
extern const struct dev_class *const virtio_classes[];

/*
 * Balloon, main loop. set: asks the guest to shrink or grow to `bytes`, bounded by the machine's
 * RAM; get: what it has now. `dev` is a balloon.
 */
bool virtio_is_balloon(const struct dev *dev);
void virtio_balloon_set_target(struct dev *dev, uint64_t bytes);
uint64_t virtio_balloon_actual(struct dev *dev);

#endif
