/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses on USB and virtio-serial; PCI is next door. */
#include "manage/conf/address.h"

#include "manage/conf/fault.h"

#include <string.h>

#define MAX_PORTS 1024 /* of a controller */

static void set_number(struct xml *node, const char *attribute, uint64_t value)
{
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, value);

    xml_set(node, attribute, text);
}

static struct xml *new_address(struct xml *device, const char *type)
{
    struct xml *address = xml_append(device, xml_new("address"));

    xml_set(address, "type", type);
    return address;
}

static bool on_usb(const struct xml *device)
{
    if (strcmp(device->name, "disk") == 0) {
        return xml_is(xml_find(device, "target"), "bus", "usb");
    }
    return (strcmp(device->name, "input") == 0 || strcmp(device->name, "redirdev") == 0)
               ? xml_is(device, "bus", "usb")
               : strcmp(device->name, "hub") == 0 ||
                     (strcmp(device->name, "hostdev") == 0 && xml_is(device, "type", "usb"));
}

static bool port_taken(struct xml *devices, const char *port)
{
    struct xml *device;

    for (unsigned i = 0; (device = xml_child(devices, i)) != NULL; i++) {
        struct xml *address = xml_find(device, "address");

        if (xml_is(address, "type", "usb") && xml_is(address, "bus", "0") &&
            xml_is(address, "port", port)) {
            return true;
        }
    }
    return false;
}

/* Ports of the first controller; a hub's own ports are for those who write an address. */
static bool assign_usb(struct xml *devices, GError **error)
{
    struct xml *device;

    for (unsigned i = 0; (device = xml_child(devices, i)) != NULL; i++) {
        char port[16] = "";

        if (!on_usb(device) || xml_find(device, "address") != NULL) {
            continue;
        }
        for (unsigned n = 1; n < MAX_PORTS; n++) {
            g_snprintf(port, sizeof(port), "%u", n);
            if (!port_taken(devices, port)) {
                break;
            }
        }
        if (port_taken(devices, port)) {
            return fault_set(error, FAULT_INTERNAL_ERROR, "No free USB ports");
        }
        struct xml *address = new_address(device, "usb");

        xml_set(address, "bus", "0");
        xml_set(address, "port", port);
    }
    return true;
}

/* Port 0 of a controller is for a console. */
static bool assign_virtio_serial(struct xml *devices, GError **error)
{
    uint64_t next = 1, port;

    for (struct xml *c = xml_find(devices, "channel"); c != NULL;
         c = xml_next(devices, "channel", c)) {
        if (xml_number(xml_get(xml_find(c, "address"), "port"), &port) && port >= next) {
            next = port + 1;
        }
    }
    for (struct xml *c = xml_find(devices, "channel"); c != NULL;
         c = xml_next(devices, "channel", c)) {
        if (!xml_is(xml_find(c, "target"), "type", "virtio") || xml_find(c, "address") != NULL) {
            continue;
        }
        if (next >= MAX_PORTS) {
            return fault_set(error, FAULT_XML_ERROR, "Unable to find a free virtio-serial port");
        }
        struct xml *address = new_address(c, "virtio-serial");

        xml_set(address, "controller", "0");
        xml_set(address, "bus", "0");
        set_number(address, "port", next++);
    }
    return true;
}

bool address_assign(struct xml *domain, GError **error)
{
    struct xml *devices = xml_find(domain, "devices");

    return assign_usb(devices, error) && assign_virtio_serial(devices, error) &&
           address_assign_pci(domain, error);
}
