/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtio over PCI: the modern interface (VIRTIO 1.2, 4.1) and the transitional one beside it
 * (4.1.4.10 and the 0.9.5 draft). A device's instance is { struct virtio_pci; its own struct with a
 * struct virtio }; its class names virtio_pci_class as base and a struct virtio_pci_info.
 */
#ifndef VIV_MACHINE_VIRTIO_PCI_H
#define VIV_MACHINE_VIRTIO_PCI_H

#include "machine/pci/pci.h"
#include "machine/virtio/virtio.h"

struct virtio_pci_info {
    struct pci_class pci;     /* first: it is the dev_class's bus_class; use VIRTIO_PCI_CLASS */
    uint16_t transitional_id; /* PCI device id of the transitional interface; 0: modern only */
};

void virtio_pci_config_reading(struct pci_dev *p, unsigned off, unsigned size);
void virtio_pci_config_written(struct pci_dev *p, unsigned off, unsigned size);

/* Which ids are shown is decided at realize, by whether the transitional interface is there. */
#define VIRTIO_PCI_CLASS(code, ...)                                                         \
    {                                                                                       \
        .class_code = (code), .express = true, .config_reading = virtio_pci_config_reading, \
        .config_written = virtio_pci_config_written, __VA_ARGS__                            \
    }

struct virtio_pci {
    struct pci_dev pci; /* first */
    struct virtio *v;   /* the device's; set by its realize through virtio_pci_attach */
    /* properties */
    int disable_legacy; /* enum row_auto */
    bool disable_modern, event_idx, indirect_desc, page_per_vq;
    uint32_t vectors; /* UINT32_MAX: the device's own choice */

    struct bus_region legacy, modern;
    uint8_t isr;
    uint16_t queue_select, config_vector;
    uint32_t device_feature_select, driver_feature_select;
    uint64_t driver_features;
    uint8_t window_cap; /* the capability that reaches BARs through configuration space */
    bool has_legacy, has_modern;
};

extern const struct dev_class virtio_pci_class;
extern const struct virtio_transport virtio_pci_transport;

/* The last step of a device's realize, after virtio_init and the queue sizes: BARs, capabilities,
 * MSI-X with `vectors` unless the user chose. */
gboolean virtio_pci_attach(struct virtio_pci *proxy, struct virtio *v, unsigned vectors,
                           GError **error);

#endif
