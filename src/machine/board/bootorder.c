/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/board/bootorder.h"

#include "machine/pci/pci.h"
#include "machine/pci/regs.h"

#include <string.h>

struct entry {
    int64_t index;
    struct dev *dev;
};

static int by_index(gconstpointer a, gconstpointer b)
{
    const struct entry *x = a, *y = b;

    return x->index < y->index ? -1 : x->index > y->index;
}

/* -1: none, or no such property. */
static int64_t boot_index(struct dev *dev)
{
    json_object *v = dev_get(dev, "bootindex");
    int64_t index = v && json_object_is_type(v, json_type_int) ? json_object_get_int64(v) : -1;

    json_object_put(v);
    return index;
}

/* The PCI function that a device is or hangs off, or NULL. */
static struct pci_dev *function_of(struct dev *dev)
{
    while (dev && !dev_is(dev, &pci_dev_class)) {
        dev = dev->parent ? dev->parent->owner : NULL;
    }
    return (struct pci_dev *)dev;
}

/* Open Firmware's name of a function, by its class. */
static const char *node_name(const struct pci_dev *p)
{
    uint32_t class = p->config[R_PCI_CLASS + 2] << 8 | p->config[R_PCI_CLASS + 1];

    switch (class) {
    case 0x0100: return "scsi";
    case 0x0200: return "ethernet";
    case 0x0604: return "pci-bridge";
    default: return NULL;
    }
}

static void put_function(const struct pci_dev *p, GString *out)
{
    const char *name = node_name(p);

    if (p->bus->bridge) {
        put_function(p->bus->bridge, out);
    } else {
        g_string_append(out, "/pci@i0cf8");
    }
    if (name) {
        g_string_append_printf(out, "/%s@%x", name, p->devfn >> 3);
    } else {
        g_string_append_printf(out, "/pci%04x,%04x@%x", pci_get16(p, R_PCI_VENDOR),
                               pci_get16(p, R_PCI_DEVICE), p->devfn >> 3);
    }
    if (p->devfn & 7) {
        g_string_append_printf(out, ",%x", p->devfn & 7);
    }
}

/* Ports of a SATA controller are its buses, "<name>.N". */
static unsigned port_of(const struct dev *dev)
{
    const GPtrArray *buses = dev->parent->owner->buses;

    for (unsigned i = 0; buses && i < buses->len; i++) {
        if (g_ptr_array_index(buses, i) == dev->parent) {
            return i;
        }
    }
    return 0;
}

static void put_path(struct dev *dev, GString *out)
{
    struct pci_dev *p = function_of(dev);

    if (!p) {
        return;
    }
    put_function(p, out);
    if (&p->dev != dev) {
        g_string_append_printf(out, "/drive@%x/disk@0", port_of(dev));
    } else if (g_strcmp0(node_name(p), "scsi") == 0) {
        g_string_append(out, "/disk@0,0");
    } else if (g_strcmp0(node_name(p), "ethernet") == 0) {
        g_string_append(out, "/ethernet-phy@0");
    }
    g_string_append_c(out, '\n');
}

GString *bootorder_new(struct machine *m, bool strict, GError **error)
{
    g_autoptr(GArray) entries = g_array_new(FALSE, FALSE, sizeof(struct entry));
    GString *out = g_string_new(NULL);

    for (unsigned i = 0; i < m->devices->len; i++) {
        struct entry e = {.dev = g_ptr_array_index(m->devices, i)};

        e.index = boot_index(e.dev);
        if (e.index >= 0) {
            g_array_append_val(entries, e);
        }
    }
    g_array_sort(entries, by_index);
    for (unsigned i = 0; i < entries->len; i++) {
        const struct entry *e = &g_array_index(entries, struct entry, i);

        if (i > 0 && e[-1].index == e->index) {
            g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                        "The bootindex %" G_GINT64_FORMAT " has already been used", e->index);
            g_string_free(out, TRUE);
            return NULL;
        }
        put_path(e->dev, out);
    }
    if (strict) {
        g_string_append(out, "HALT\n");
    }
    if (out->len > 0) {
        g_string_truncate(out, out->len - 1); /* lines are separated, not ended */
    }
    return out;
}
