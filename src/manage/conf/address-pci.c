/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PCI addresses, in libvirt's order: first what the document says, then what a board solders down,
 * then one kind of device after the other. A bus that runs out gets a port or a bridge.
 */
#include "manage/conf/address.h"

#include "manage/conf/device.h"
#include "manage/conf/fault.h"

#include <stdlib.h>
#include <string.h>

#define MAX_BUSES 256
#define SLOTS     32
#define FUNCTIONS 8

/* What a device needs, and what a bus offers. */
enum connect {
    CONNECT_PCI = 1 << 0,       /* a conventional slot */
    CONNECT_PCIE = 1 << 1,      /* a PCI Express port */
    CONNECT_ROOT_PORT = 1 << 2, /* the root bus of PCI Express itself; shares slots */
    CONNECT_BRIDGE = 1 << 3,    /* the root bus itself, a slot of its own */
};

struct bus {
    struct xml *controller; /* NULL: no such bus */
    unsigned offers;        /* enum connect */
    unsigned first, last;   /* slots */
    uint8_t used[SLOTS];    /* a bit a function */
    uint8_t ports[SLOTS];   /* of them, root ports */
};

struct plan {
    struct xml *devices;
    enum board board;
    bool express;
    struct bus bus[MAX_BUSES];
};

struct pci {
    unsigned bus, slot, function;
};

static const struct {
    const char *model;
    unsigned offers, first, last;
} models[] = {
    {"pci-root", CONNECT_PCI | CONNECT_BRIDGE, 1, 31},
    {"pcie-root", CONNECT_ROOT_PORT | CONNECT_BRIDGE, 1, 31},
    {"pci-bridge", CONNECT_PCI, 1, 31},
    {"dmi-to-pci-bridge", CONNECT_PCI, 1, 31},
    {"pcie-to-pci-bridge", CONNECT_PCI, 1, 31},
    {"pcie-root-port", CONNECT_PCIE, 0, 0},
    {"pcie-switch-downstream-port", CONNECT_PCIE, 0, 0},
    {"pcie-switch-upstream-port", 0, 0, 31},
    {"pci-expander-bus", CONNECT_BRIDGE, 0, 0},
    {"pcie-expander-bus", CONNECT_ROOT_PORT, 0, 31},
};

static bool add_bus(struct plan *plan, struct xml *controller, GError **error)
{
    const char *model = xml_get(controller, "model");
    uint64_t index;

    if (!xml_number(xml_get(controller, "index"), &index) || index >= MAX_BUSES) {
        return fault_set(error, FAULT_XML_ERROR, "PCI controller index %s too high, maximum is %d",
                         xml_get(controller, "index"), MAX_BUSES - 1);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(models); i++) {
        if (g_strcmp0(models[i].model, model) == 0) {
            plan->bus[index] = (struct bus){.controller = controller,
                                            .offers = models[i].offers,
                                            .first = models[i].first,
                                            .last = models[i].last};
            return true;
        }
    }
    return fault_set(error, FAULT_XML_ERROR,
                     "Invalid value for attribute 'model' in element 'controller': '%s'",
                     model != NULL ? model : "");
}

static bool read_field(const struct xml *address, const char *field, unsigned max, unsigned *ret,
                       GError **error)
{
    const char *text = xml_get(address, field);
    char *end = NULL;
    unsigned long value = text != NULL ? strtoul(text, &end, 0) : 0;

    if (text != NULL && (end == text || *end != '\0' || value > max)) {
        return fault_set(error, FAULT_XML_ERROR,
                         "Invalid value for attribute '%s' in element 'address': '%s'", field,
                         text);
    }
    *ret = (unsigned)value;
    return true;
}

static void write_address(struct xml *device, const struct pci *at)
{
    struct xml *address = xml_need(device, "address");
    char bus[8], slot[8], function[8];

    g_snprintf(bus, sizeof(bus), "0x%02x", at->bus);
    g_snprintf(slot, sizeof(slot), "0x%02x", at->slot);
    g_snprintf(function, sizeof(function), "0x%x", at->function);
    xml_set(address, "type", "pci");
    xml_set(address, "domain", "0x0000");
    xml_set(address, "bus", bus);
    xml_set(address, "slot", slot);
    xml_set(address, "function", function);
}

static bool is_root_port(const struct xml *device)
{
    return strcmp(device->name, "controller") == 0 && xml_is(device, "model", "pcie-root-port");
}

static bool take(struct plan *plan, struct xml *device, const struct pci *at, GError **error)
{
    struct bus *bus = &plan->bus[at->bus];

    if (bus->used[at->slot] & 1 << at->function) {
        return fault_set(error, FAULT_XML_ERROR,
                         "Attempted double use of PCI Address 0000:%02x:%02x.%x", at->bus, at->slot,
                         at->function);
    }
    bus->used[at->slot] |= 1 << at->function;
    if (is_root_port(device)) {
        bus->ports[at->slot] |= 1 << at->function;
    }
    write_address(device, at);
    return true;
}

/* A device that says where it is. A "pci" address without numbers asks for any. */
static bool take_given(struct plan *plan, struct xml *device, GError **error)
{
    struct xml *address = xml_find(device, "address");
    struct pci at;
    unsigned domain;

    if (!xml_is(address, "type", "pci")) {
        return true;
    }
    if (xml_get(address, "bus") == NULL && xml_get(address, "slot") == NULL &&
        xml_get(address, "function") == NULL) {
        xml_drop(address);
        return true;
    }
    if (!read_field(address, "domain", 0xffff, &domain, error) ||
        !read_field(address, "bus", MAX_BUSES - 1, &at.bus, error) ||
        !read_field(address, "slot", SLOTS - 1, &at.slot, error) ||
        !read_field(address, "function", FUNCTIONS - 1, &at.function, error)) {
        return false;
    }
    for (unsigned i = plan->bus[at.bus].controller != NULL ? at.bus : 1; i <= at.bus && at.bus;
         i++) {
        if (plan->bus[i].controller == NULL) {
            struct xml *c = device_add_controller(plan->devices, "pci", (int)i,
                                                  plan->express ? "pcie-root-port" : "pci-bridge");

            if (!add_bus(plan, c, error)) {
                return false;
            }
        }
    }
    return take(plan, device, &at, error);
}

/* --- what a board solders down --- */

static bool is_controller(const struct xml *d, const char *type, const char *model)
{
    return strcmp(d->name, "controller") == 0 && xml_is(d, "type", type) &&
           (model == NULL || xml_is(d, "model", model));
}

static bool free_slot(const struct plan *plan, unsigned slot)
{
    return plan->bus[0].used[slot] == 0;
}

static bool solder(struct plan *plan, struct xml *device, unsigned slot, unsigned function,
                   GError **error)
{
    const struct pci at = {0, slot, function};

    if (xml_find(device, "address") != NULL || plan->bus[0].used[slot] & 1 << function) {
        return true;
    }
    return take(plan, device, &at, error);
}

static bool solder_one(struct plan *plan, struct xml *d, GError **error)
{
    bool q35 = plan->board == BOARD_Q35;

    if (q35 && is_controller(d, "sata", NULL) && xml_is(d, "index", "0")) {
        return solder(plan, d, 0x1f, 2, error);
    }
    if (q35 && strcmp(d->name, "sound") == 0 && xml_is(d, "model", "ich9")) {
        return solder(plan, d, 0x1b, 0, error);
    }
    if (!q35 && is_controller(d, "ide", NULL) && xml_is(d, "index", "0")) {
        return solder(plan, d, 1, 1, error);
    }
    if (!q35 && is_controller(d, "usb", "piix3-uhci") && xml_is(d, "index", "0")) {
        return solder(plan, d, 1, 2, error);
    }
    if (strcmp(d->name, "video") == 0 && xml_find(plan->devices, "video") == d &&
        !xml_is(xml_find(d, "model"), "type", "none") && free_slot(plan, q35 ? 1 : 2)) {
        return solder(plan, d, q35 ? 1 : 2, 0, error);
    }
    return true;
}

static bool solder_all(struct plan *plan, GError **error)
{
    struct xml *device;

    if (plan->board == BOARD_Q35) {
        plan->bus[0].used[0x1f] |= 1 << 0 | 1 << 3; /* LPC, SMBus */
    } else if (plan->board == BOARD_I440FX) {
        plan->bus[0].used[1] |= 1 << 0 | 1 << 3; /* ISA bridge, power management */
    } else {
        return true;
    }
    for (unsigned i = 0; (device = xml_child(plan->devices, i)) != NULL; i++) {
        if (!solder_one(plan, device, error)) {
            return false;
        }
    }
    return true;
}

/* --- everybody else --- */

static bool find_in(const struct bus *bus, unsigned wants, struct pci *at)
{
    for (at->slot = bus->first; at->slot <= bus->last; at->slot++) {
        unsigned used = bus->used[at->slot];

        if (wants == CONNECT_ROOT_PORT && used != 0 && used == bus->ports[at->slot]) {
            for (at->function = 0; at->function < FUNCTIONS; at->function++) {
                if (!(used & 1 << at->function)) {
                    return true;
                }
            }
        } else if (used == 0) {
            at->function = 0;
            return true;
        }
    }
    return false;
}

static bool find_free(const struct plan *plan, unsigned wants, struct pci *at)
{
    for (at->bus = 0; at->bus < MAX_BUSES; at->bus++) {
        if (plan->bus[at->bus].controller != NULL && plan->bus[at->bus].offers & wants &&
            find_in(&plan->bus[at->bus], wants, at)) {
            return true;
        }
    }
    return false;
}

static bool place(struct plan *plan, struct xml *device, unsigned wants, GError **error);

static bool add_bridge(struct plan *plan, const char *model, unsigned wants, GError **error)
{
    struct xml *controller = device_add_controller(plan->devices, "pci", -1, model);

    return add_bus(plan, controller, error) && place(plan, controller, wants, error);
}

/* One more bus that offers what is wanted. A bridge behind a port brings its own port. */
static bool grow(struct plan *plan, unsigned wants, GError **error)
{
    if (wants == CONNECT_PCIE) {
        return add_bridge(plan, "pcie-root-port", CONNECT_ROOT_PORT, error);
    }
    if (wants != CONNECT_PCI) {
        return fault_set(error, FAULT_INTERNAL_ERROR, "No more available PCI slots");
    }
    if (!plan->express) {
        return add_bridge(plan, "pci-bridge", CONNECT_PCI, error);
    }
    return add_bridge(plan, "pcie-root-port", CONNECT_ROOT_PORT, error) &&
           add_bridge(plan, "pcie-to-pci-bridge", CONNECT_PCIE, error);
}

static bool place(struct plan *plan, struct xml *device, unsigned wants, GError **error)
{
    struct pci at;

    if (xml_find(device, "address") != NULL) {
        return true;
    }
    if (!find_free(plan, wants, &at)) {
        if (!grow(plan, wants, error)) {
            return false;
        }
        if (!find_free(plan, wants, &at)) {
            return fault_set(error, FAULT_INTERNAL_ERROR, "No more available PCI slots");
        }
    }
    return take(plan, device, &at, error);
}

static unsigned express(const struct plan *plan)
{
    return plan->express ? CONNECT_PCIE : CONNECT_PCI;
}

static unsigned wants_interface(const struct plan *plan, const struct xml *d)
{
    struct xml *model = xml_find(d, "model");
    bool pcie = xml_is(model, "type", "virtio") || xml_is(model, "type", "e1000e") ||
                xml_is(model, "type", "virtio-non-transitional");

    return pcie ? express(plan) : CONNECT_PCI;
}

static unsigned wants_sound(const struct plan *plan, const struct xml *d)
{
    (void)plan;
    return xml_is(d, "model", "usb") || xml_is(d, "model", "sb16") || xml_is(d, "model", "pcspk")
               ? 0
               : CONNECT_PCI;
}

static unsigned wants_bridge(const struct plan *plan, const struct xml *d)
{
    const char *model = xml_get(d, "model");

    (void)plan;
    if (!xml_is(d, "type", "pci") || g_str_has_suffix(model, "-root")) {
        return 0;
    }
    return strcmp(model, "pcie-root-port") == 0       ? CONNECT_ROOT_PORT
           : strcmp(model, "pci-bridge") == 0         ? CONNECT_PCI
           : strcmp(model, "pcie-to-pci-bridge") == 0 ? CONNECT_PCIE
                                                      : CONNECT_BRIDGE;
}

static unsigned wants_controller(const struct plan *plan, const struct xml *d)
{
    const char *model = xml_get(d, "model");

    if (xml_is(d, "type", "usb")) {
        return g_strcmp0(model, "qemu-xhci") == 0 || g_strcmp0(model, "nec-xhci") == 0
                   ? express(plan)
                   : CONNECT_PCI;
    }
    if (xml_is(d, "type", "virtio-serial") ||
        (xml_is(d, "type", "scsi") && (model == NULL || g_str_has_prefix(model, "virtio")))) {
        return express(plan);
    }
    return xml_is(d, "type", "scsi") || xml_is(d, "type", "sata") ? CONNECT_PCI : 0;
}

static unsigned wants_disk(const struct plan *plan, const struct xml *d)
{
    return xml_is(xml_find(d, "target"), "bus", "virtio") ? express(plan) : 0;
}

/* Without a look at the host's device nobody knows that it is more than conventional. */
static unsigned wants_hostdev(const struct plan *plan, const struct xml *d)
{
    (void)plan;
    return xml_is(d, "type", "pci") || xml_is(d, "type", "mdev") ? CONNECT_PCI : 0;
}

static unsigned wants_express(const struct plan *plan, const struct xml *d)
{
    return xml_is(d, "model", "none") ? 0 : express(plan);
}

static unsigned wants_watchdog(const struct plan *plan, const struct xml *d)
{
    (void)plan;
    return xml_is(d, "model", "i6300esb") ? CONNECT_PCI : 0;
}

static unsigned wants_video(const struct plan *plan, const struct xml *d)
{
    struct xml *model = xml_find(d, "model");

    return xml_is(model, "type", "none")     ? 0
           : xml_is(model, "type", "virtio") ? express(plan)
                                             : CONNECT_PCI;
}

static unsigned wants_input(const struct plan *plan, const struct xml *d)
{
    return xml_is(d, "bus", "virtio") ? express(plan) : 0;
}

static unsigned wants_pci(const struct plan *plan, const struct xml *d)
{
    (void)plan;
    (void)d;
    return CONNECT_PCI;
}

/* In libvirt's order. */
static const struct {
    const char *name;
    unsigned (*wants)(const struct plan *plan, const struct xml *device);
} phases[] = {
    {"controller", wants_bridge}, {"filesystem", wants_express},    {"interface", wants_interface},
    {"sound", wants_sound},       {"controller", wants_controller}, {"disk", wants_disk},
    {"hostdev", wants_hostdev},   {"memballoon", wants_express},    {"rng", wants_express},
    {"watchdog", wants_watchdog}, {"video", wants_video},           {"shmem", wants_pci},
    {"input", wants_input},       {"vsock", wants_express},
};

/* The functions of a USB 2 controller share the slot of the first of their index. */
static bool place_ich9_usb(struct plan *plan, struct xml *d, GError **error)
{
    static const char *const functions[FUNCTIONS] = {
        [0] = "ich9-uhci1",
        [1] = "ich9-uhci2",
        [2] = "ich9-uhci3",
        [7] = "ich9-ehci1",
    };
    struct pci at = {0};
    bool found = false;
    unsigned function = 0;

    while (function < FUNCTIONS && g_strcmp0(functions[function], xml_get(d, "model")) != 0) {
        function++;
    }
    if (function == FUNCTIONS) {
        return fault_set(error, FAULT_XML_ERROR,
                         "Invalid value for attribute 'model' in element 'controller': '%s'",
                         xml_get(d, "model"));
    }
    for (struct xml *c = xml_find(plan->devices, "controller"); c != NULL && !found;
         c = xml_next(plan->devices, "controller", c)) {
        struct xml *address = xml_find(c, "address");

        found = c != d && address != NULL && is_controller(c, "usb", NULL) &&
                xml_is(c, "index", xml_get(d, "index")) &&
                read_field(address, "bus", MAX_BUSES - 1, &at.bus, NULL) &&
                read_field(address, "slot", SLOTS - 1, &at.slot, NULL);
    }
    if (!found) {
        for (unsigned slot = 0x1d; plan->board == BOARD_Q35 && slot >= 0x1a && !found; slot -= 3) {
            found = free_slot(plan, slot);
            at.slot = slot;
        }
    }
    if (!found && !find_free(plan, CONNECT_PCI, &at)) {
        return fault_set(error, FAULT_INTERNAL_ERROR, "No more available PCI slots");
    }
    at.function = function;
    return take(plan, d, &at, error);
}

static bool place_phase(struct plan *plan, unsigned phase, GError **error)
{
    const char *name = phases[phase].name;

    for (struct xml *d = xml_find(plan->devices, name); d != NULL;
         d = xml_next(plan->devices, name, d)) {
        unsigned wants = phases[phase].wants(plan, d);
        const char *model = xml_get(d, "model");

        if (wants == 0 || xml_find(d, "address") != NULL) {
            continue;
        }
        if (strcmp(name, "controller") == 0 && model != NULL && g_str_has_prefix(model, "ich9-") &&
            xml_is(d, "type", "usb")) {
            if (!place_ich9_usb(plan, d, error)) {
                return false;
            }
        } else if (!place(plan, d, wants, error)) {
            return false;
        }
    }
    return true;
}

/* What is read off the place: chassis and port of root ports, and who shares a slot. */
static void finish(struct plan *plan)
{
    struct xml *device;

    for (unsigned i = 0; (device = xml_child(plan->devices, i)) != NULL; i++) {
        struct xml *address = xml_find(device, "address");
        unsigned bus, slot, function;

        if (!xml_is(address, "type", "pci") || !read_field(address, "bus", 255, &bus, NULL) ||
            !read_field(address, "slot", 31, &slot, NULL) ||
            !read_field(address, "function", 7, &function, NULL)) {
            continue;
        }
        if (function == 0 && plan->bus[bus].used[slot] & 0xfe) {
            xml_default(address, "multifunction", "on");
        }
        if (is_root_port(device)) {
            char port[16];

            g_snprintf(port, sizeof(port), "0x%x", slot << 3 | function);
            xml_default(xml_need(device, "model"), "name", "pcie-root-port");
            xml_default(xml_need(device, "target"), "chassis", xml_get(device, "index"));
            xml_default(xml_need(device, "target"), "port", port);
        } else if (is_controller(device, "pci", "pci-bridge")) {
            xml_default(xml_need(device, "model"), "name", "pci-bridge");
            xml_default(xml_need(device, "target"), "chassisNr", xml_get(device, "index"));
        } else if (is_controller(device, "pci", "pcie-to-pci-bridge")) {
            xml_default(xml_need(device, "model"), "name", "pcie-pci-bridge");
        }
    }
}

static bool plan_all(struct plan *plan, GError **error)
{
    struct xml *device;

    for (struct xml *c = xml_find(plan->devices, "controller"); c != NULL;
         c = xml_next(plan->devices, "controller", c)) {
        if (xml_is(c, "type", "pci") && !add_bus(plan, c, error)) {
            return false;
        }
    }
    for (unsigned i = 0; (device = xml_child(plan->devices, i)) != NULL; i++) {
        if (!take_given(plan, device, error)) {
            return false;
        }
    }
    if (!solder_all(plan, error)) {
        return false;
    }
    for (unsigned phase = 0; phase < G_N_ELEMENTS(phases); phase++) {
        if (!place_phase(plan, phase, error)) {
            return false;
        }
    }
    finish(plan);
    return true;
}

static struct plan *plan_new(struct xml *domain)
{
    struct plan *plan = g_new0(struct plan, 1);

    plan->devices = xml_find(domain, "devices");
    plan->board = device_board(domain);
    plan->express = plan->board == BOARD_Q35 || plan->board == BOARD_VIRT;
    return plan;
}

/* The bridges and ports that a copy was found to need, without addresses yet. */
static void copy_new_buses(const struct plan *from, struct plan *to)
{
    for (unsigned i = 0; i < MAX_BUSES; i++) {
        const struct xml *needed = from->bus[i].controller;
        struct xml *have = xml_find(to->devices, "controller");

        while (have != NULL && !(xml_is(have, "type", "pci") && needed != NULL &&
                                 xml_is(have, "index", xml_get(needed, "index")))) {
            have = xml_next(to->devices, "controller", have);
        }
        if (needed != NULL && have == NULL) {
            device_add_controller(to->devices, "pci", (int)i, xml_get(needed, "model"));
        }
    }
}

/* Where nobody wrote a port, one is left free for a device that is plugged in later. */
static bool leave_a_port(struct plan *trial, const struct plan *plan, GError **error)
{
    struct pci at;

    for (struct xml *c = xml_find(plan->devices, "controller"); c != NULL;
         c = xml_next(plan->devices, "controller", c)) {
        if (is_root_port(c)) {
            return true;
        }
    }
    return !plan->express || find_free(trial, CONNECT_PCIE, &at) ||
           grow(trial, CONNECT_PCIE, error);
}

/*
 * Twice, as libvirt does: once on a copy to learn which buses are needed, and then, with these
 * first in line, for good.
 */
bool address_assign_pci(struct xml *domain, GError **error)
{
    g_autoptr(xml_own) copy = xml_copy(domain);
    g_autofree struct plan *trial = plan_new(copy);
    g_autofree struct plan *plan = plan_new(domain);

    if (plan->board == BOARD_OTHER) {
        return true;
    }
    if (!plan_all(trial, error) || !leave_a_port(trial, plan, error)) {
        return false;
    }
    copy_new_buses(trial, plan);
    return plan_all(plan, error);
}
