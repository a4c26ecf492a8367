/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/virtio/devices.h"

const struct dev_class *const virtio_classes[] = {
    &virtio_balloon_pci_class, &virtio_blk_pci_class, &virtio_net_pci_class, &virtio_rng_pci_class,
    &virtio_serial_pci_class,  &virtconsole_class,    &virtserialport_class, NULL,
};
