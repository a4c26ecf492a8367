/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a virtio device's instance begins with, whatever carries it: PCI or MMIO, by the class that
 * its class names as base. A device has one instance struct, one table of properties and one of
 * state for all transports, and a class for each.
 */
#ifndef VIV_MACHINE_VIRTIO_PROXY_H
#define VIV_MACHINE_VIRTIO_PROXY_H

#include "machine/virtio/mmio.h"
#include "machine/virtio/pci.h"

struct virtio_proxy {
    union {
        struct dev dev;
        struct virtio_pci pci;
        struct virtio_mmio mmio;
    };
};

/* Realize: virtio_init with the transport's interrupts and way to memory. */
void virtio_proxy_init(struct virtio_proxy *p, struct virtio *v, const struct virtio_class *class,
                       unsigned n_queues);
/* The last step of realize, after the queue sizes. `vectors`: MSI-X vectors where there are any. */
gboolean virtio_proxy_attach(struct virtio_proxy *p, struct virtio *v, unsigned vectors,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Its place on its bus, below 32. */
unsigned virtio_proxy_place(const struct virtio_proxy *p);

#endif
