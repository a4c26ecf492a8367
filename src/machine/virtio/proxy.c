/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/virtio/proxy.h"

static bool in_memory(const struct virtio_proxy *p)
{
    return dev_is(&p->dev, &virtio_device_class);
}

void virtio_proxy_init(struct virtio_proxy *p, struct virtio *v, const struct virtio_class *class,
                       unsigned n_queues)
{
    if (in_memory(p)) {
        virtio_init(v, class, &p->dev, &p->mmio.dma, &virtio_mmio_transport, n_queues);
    } else {
        virtio_init(v, class, &p->dev, &p->pci.pci.dma, &virtio_pci_transport, n_queues);
    }
}

gboolean virtio_proxy_attach(struct virtio_proxy *p, struct virtio *v, unsigned vectors,
                             GError **error)
{
    return in_memory(p) ? virtio_mmio_attach(&p->mmio, v, error)
                        : virtio_pci_attach(&p->pci, v, vectors, error);
}

unsigned virtio_proxy_place(const struct virtio_proxy *p)
{
    return in_memory(p) ? p->mmio.slot->index : p->pci.pci.devfn >> 3;
}
