/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/virtio/devices.h"
#include "machine/virtio/mmio.h"

const struct dev_class *const virtio_classes[] = {
    &virtio_balloon_pci_class, &virtio_blk_pci_class,
    &virtio_net_pci_class,     &virtio_rng_pci_class,
    &virtio_serial_pci_class,  &virtio_balloon_device_class,
    &virtio_blk_device_class,  &virtio_net_device_class,
    &virtio_rng_device_class,  &virtio_serial_device_class,
    &virtconsole_class,        &virtserialport_class,
    &virtio_slot_class,        NULL,
};
