/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices of the board, and controllers for what sits on a bus. */
#include "manage/conf/device-implicit.h"

#include "manage/conf/device.h"
#include "manage/conf/fault.h"

#include <string.h>

#define MAX_CONTROLLERS 256 /* of a type */

static int index_of(const struct xml *controller)
{
    uint64_t n;

    return xml_number(xml_get(controller, "index"), &n) && n < 1 << 16 ? (int)n : -1;
}

static int next_index(struct xml *devices, const char *type)
{
    int next = 0;

    for (struct xml *c = xml_find(devices, "controller"); c != NULL;
         c = xml_next(devices, "controller", c)) {
        if (xml_is(c, "type", type) && index_of(c) >= next) {
            next = index_of(c) + 1;
        }
    }
    return next;
}

/* uhci functions belong to the ehci function before them. */
static bool is_companion(const struct xml *controller)
{
    const char *model = xml_get(controller, "model");

    return model != NULL && g_str_has_prefix(model, "ich9-uhci");
}

void device_number_controllers(struct xml *devices)
{
    int usb = 0;

    for (struct xml *c = xml_find(devices, "controller"); c != NULL;
         c = xml_next(devices, "controller", c)) {
        const char *type = xml_get(c, "type");

        if (type == NULL || index_of(c) >= 0) {
            continue;
        }
        int index = is_companion(c) ? usb : next_index(devices, type);
        g_autofree char *text = g_strdup_printf("%d", index);

        xml_set(c, "index", text);
        usb = strcmp(type, "usb") == 0 ? index : usb;
    }
}

static struct xml *find_controller(struct xml *devices, const char *type, int index)
{
    for (struct xml *c = xml_find(devices, "controller"); c != NULL;
         c = xml_next(devices, "controller", c)) {
        if (xml_is(c, "type", type) && (index < 0 || index_of(c) == index)) {
            return c;
        }
    }
    return NULL;
}

static unsigned position(struct xml *devices, const struct xml *child)
{
    unsigned i = 0;

    while (xml_child(devices, i) != child) {
        i++;
    }
    return i;
}

struct xml *device_add_controller(struct xml *devices, const char *type, int index,
                                  const char *model)
{
    struct xml *controller = xml_new("controller");
    int number = index >= 0 ? index : next_index(devices, type);
    g_autofree char *text = g_strdup_printf("%d", number);
    struct xml *last = NULL;

    xml_set(controller, "type", type);
    xml_set(controller, "index", text);
    if (model != NULL) {
        xml_set(controller, "model", model);
    }
    for (struct xml *c = xml_find(devices, "controller"); c != NULL;
         c = xml_next(devices, "controller", c)) {
        if (xml_is(c, "type", type) && index_of(c) > number) {
            return xml_insert(devices, position(devices, c), controller);
        }
        last = c;
    }
    return last != NULL ? xml_insert(devices, position(devices, last) + 1, controller)
                        : xml_append(devices, controller);
}

static struct xml *add(struct xml *devices, const char *name, const char *attribute,
                       const char *value)
{
    struct xml *node = xml_append(devices, xml_new(name));

    xml_set(node, attribute, value);
    return node;
}

const char *device_default_video(const struct xml *domain)
{
    for (struct xml *g = xml_find(xml_find(domain, "devices"), "graphics"); g != NULL;
         g = xml_next(xml_find(domain, "devices"), "graphics", g)) {
        if (xml_is(g, "type", "spice")) {
            return "qxl";
        }
    }
    return device_board(domain) == BOARD_VIRT ? "virtio" : "cirrus";
}

static void add_audio(struct xml *devices)
{
    const char *type = "none";

    if (xml_find(devices, "audio") != NULL) {
        return;
    }
    for (struct xml *g = xml_find(devices, "graphics"); g != NULL;
         g = xml_next(devices, "graphics", g)) {
        if (xml_is(g, "type", "spice")) {
            type = "spice";
        }
    }
    xml_set(add(devices, "audio", "id", "1"), "type", type);
}

static bool has_input(struct xml *devices, const char *type, const char *bus)
{
    for (struct xml *i = xml_find(devices, "input"); i != NULL; i = xml_next(devices, "input", i)) {
        const char *its = xml_get(i, "bus");

        if (xml_is(i, "type", type) && (its == NULL || strcmp(its, bus) == 0)) {
            return true;
        }
    }
    return false;
}

static void add_ps2(struct xml *devices)
{
    static const char *const inputs[] = {"mouse", "keyboard"};

    for (unsigned i = 0; i < G_N_ELEMENTS(inputs); i++) {
        if (!has_input(devices, inputs[i], "ps2")) {
            xml_set(add(devices, "input", "type", inputs[i]), "bus", "ps2");
        }
    }
}

static void add_board_controllers(struct xml *devices, enum board board)
{
    if (find_controller(devices, "usb", -1) == NULL && board != BOARD_VIRT) {
        device_add_controller(devices, "usb", 0, board == BOARD_Q35 ? "qemu-xhci" : "piix3-uhci");
    }
    if (board == BOARD_Q35 && find_controller(devices, "sata", -1) == NULL) {
        device_add_controller(devices, "sata", 0, NULL);
    }
    if (find_controller(devices, "pci", 0) == NULL) {
        device_add_controller(devices, "pci", 0, board == BOARD_I440FX ? "pci-root" : "pcie-root");
    }
}

void device_add_implicit(struct xml *domain)
{
    struct xml *devices = xml_find(domain, "devices");
    enum board board = device_board(domain);

    if (board == BOARD_OTHER) {
        return;
    }
    add_board_controllers(devices, board);
    if (board != BOARD_VIRT) {
        add_ps2(devices);
    }
    if (xml_find(devices, "graphics") != NULL && xml_find(devices, "video") == NULL) {
        xml_append(devices, xml_new("video"));
    }
    add_audio(devices);
    if (xml_find(devices, "memballoon") == NULL) {
        add(devices, "memballoon", "model", "virtio");
    }
}

/* How many disks a controller takes, as buses of so many units; in the order in which libvirt
 * adds missing controllers. */
static const struct drive_bus {
    const char *bus;
    unsigned buses, units;
    const char *model; /* of an added controller; of PCs */
} drive_buses[] = {
    {"scsi", 1, 7, "lsilogic"},
    {"fdc", 1, 2, NULL},
    {"ide", 2, 2, NULL},
    {"sata", 1, 6, NULL},
};

static const struct drive_bus *drive_bus(const char *bus)
{
    for (unsigned i = 0; bus != NULL && i < G_N_ELEMENTS(drive_buses); i++) {
        if (strcmp(drive_buses[i].bus, bus) == 0) {
            return &drive_buses[i];
        }
    }
    return NULL;
}

static void set_unsigned(struct xml *node, const char *attribute, unsigned value)
{
    g_autofree char *text = g_strdup_printf("%u", value);

    xml_set(node, attribute, text);
}

static void place_disk(struct xml *disk, const struct drive_bus *bus)
{
    int index = device_disk_index(xml_get(xml_find(disk, "target"), "dev"));
    struct xml *address;

    if (xml_find(disk, "address") == NULL) {
        address = xml_append(disk, xml_new("address"));
        xml_set(address, "type", "drive");
        set_unsigned(address, "controller", (unsigned)index / (bus->buses * bus->units));
        set_unsigned(address, "bus", (unsigned)index / bus->units % bus->buses);
        set_unsigned(address, "target", 0);
        set_unsigned(address, "unit", (unsigned)index % bus->units);
    }
}

static bool add_drive_controllers(struct xml *devices, const struct drive_bus *bus,
                                  const char *model, GError **error)
{
    for (struct xml *d = xml_find(devices, "disk"); d != NULL; d = xml_next(devices, "disk", d)) {
        const char *text;
        uint64_t controller;

        if (drive_bus(xml_get(xml_find(d, "target"), "bus")) != bus) {
            continue;
        }
        place_disk(d, bus);
        text = xml_get(xml_find(d, "address"), "controller");
        if (!xml_number(text, &controller) || controller >= MAX_CONTROLLERS) {
            return fault_set(error, FAULT_XML_ERROR,
                             "Invalid value for attribute 'controller' in element 'address': '%s'",
                             text != NULL ? text : "");
        }
        for (int i = 0; i <= (int)controller; i++) {
            if (find_controller(devices, bus->bus, i) == NULL) {
                device_add_controller(devices, bus->bus, i, model);
            }
        }
    }
    return true;
}

static bool is_virtio_port(const struct xml *device)
{
    return (strcmp(device->name, "channel") == 0 || strcmp(device->name, "console") == 0) &&
           xml_is(xml_find(device, "target"), "type", "virtio");
}

bool device_add_buses(struct xml *domain, GError **error)
{
    struct xml *devices = xml_find(domain, "devices");
    struct xml *device;

    for (unsigned i = 0; i < G_N_ELEMENTS(drive_buses); i++) {
        bool pc = device_board(domain) == BOARD_I440FX || device_board(domain) == BOARD_Q35;
        const char *model = pc ? drive_buses[i].model : NULL;

        if (!add_drive_controllers(devices, &drive_buses[i], model, error)) {
            return false;
        }
    }
    for (unsigned i = 0; (device = xml_child(devices, i)) != NULL; i++) {
        if (is_virtio_port(device) && find_controller(devices, "virtio-serial", -1) == NULL) {
            device_add_controller(devices, "virtio-serial", 0, NULL);
        }
    }
    return true;
}
