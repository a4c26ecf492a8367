/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Defaults of given devices: one function a kind, one row a function. */
#include "manage/conf/device.h"

#include "manage/conf/device-implicit.h"
#include "manage/conf/fault.h"

#include <stdlib.h>
#include <string.h>

enum board device_board(const struct xml *domain)
{
    const char *machine = xml_get(xml_at(domain, "os/type"), "machine");

    if (machine == NULL) {
        return BOARD_OTHER;
    }
    if (g_str_has_prefix(machine, "pc-q35") || strcmp(machine, "q35") == 0) {
        return BOARD_Q35;
    }
    if (g_str_has_prefix(machine, "pc-") || strcmp(machine, "pc") == 0) {
        return BOARD_I440FX;
    }
    return g_str_has_prefix(machine, "virt") ? BOARD_VIRT : BOARD_OTHER;
}

int device_disk_index(const char *dev)
{
    static const char *const prefixes[] = {"fd", "hd", "vd", "sd", "xvd", "ubd"};
    const char *at = NULL;
    int n = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(prefixes) && at == NULL; i++) {
        at = g_str_has_prefix(dev, prefixes[i]) ? dev + strlen(prefixes[i]) : NULL;
    }
    if (at == NULL || *at == '\0') {
        return -1;
    }
    for (; *at >= 'a' && *at <= 'z' && n < 1 << 20; at++) {
        n = n * 26 + (*at - 'a' + 1);
    }
    return *at == '\0' ? n - 1 : -1;
}

static const char *disk_bus(const char *dev)
{
    static const char *const buses[][2] = {
        {"fd", "fdc"},    {"hd", "ide"},  {"sd", "scsi"},
        {"vd", "virtio"}, {"xvd", "xen"}, {"ubd", "uml"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(buses); i++) {
        if (g_str_has_prefix(dev, buses[i][0])) {
            return buses[i][1];
        }
    }
    return NULL;
}

/* A source that is a volume says which, of which pool. */
static bool check_volume(const struct xml *disk, const char *dev, GError **error)
{
    static const char *const modes[] = {"host", "direct", NULL};
    const struct xml *source = xml_find(disk, "source");
    const char *mode = xml_get(source, "mode");
    bool pool = xml_get(source, "pool") != NULL, volume = xml_get(source, "volume") != NULL;

    if (pool != volume) {
        return fault_set(error, FAULT_XML_ERROR,
                         "'pool' and 'volume' must be specified together for 'pool' type source");
    }
    if (mode != NULL && !g_strv_contains(modes, mode)) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "unknown source mode '%s' for volume type disk", mode);
    }
    return pool || xml_is(disk, "device", "cdrom") || xml_is(disk, "device", "floppy") ||
           fault_set(error, FAULT_NO_SOURCE, "%s", dev);
}

static bool complete_disk(struct xml *domain, struct xml *disk, GError **error)
{
    struct xml *target = xml_find(disk, "target");
    const char *dev = xml_get(target, "dev");
    struct xml *driver;

    xml_default(disk, "type", "file");
    xml_default(disk, "device", "disk");
    if (dev == NULL) {
        return fault_set(error, FAULT_XML_ERROR, "missing target information for disk");
    }
    if (device_disk_index(dev) < 0) {
        return fault_set(error, FAULT_XML_ERROR, "Unknown disk name '%s' and no address specified",
                         dev);
    }
    if (xml_get(target, "bus") == NULL && disk_bus(dev) != NULL) {
        xml_set(target, "bus", disk_bus(dev));
    }
    if (xml_is(disk, "type", "volume") && !check_volume(disk, dev, error)) {
        return false;
    }
    driver = xml_need(disk, "driver");
    xml_default(driver, "name", "qemu");
    if (!xml_is(disk, "type", "volume")) {
        xml_default(driver, "type", "raw");
    }
    if (xml_is(disk, "device", "cdrom")) {
        xml_need(disk, "readonly");
    }
    (void)domain;
    return true;
}

static bool complete_interface(struct xml *domain, struct xml *interface, GError **error)
{
    struct xml *mac = xml_find(interface, "mac");

    if (xml_get(interface, "type") == NULL) {
        return fault_set(error, FAULT_XML_ERROR, "missing interface type");
    }
    if (mac == NULL) {
        g_autofree char *address = g_strdup_printf(
            "52:54:00:%02x:%02x:%02x", (unsigned)g_random_int_range(0, 256),
            (unsigned)g_random_int_range(0, 256), (unsigned)g_random_int_range(0, 256));

        mac = xml_insert(interface, 0, xml_new("mac"));
        xml_set(mac, "address", address);
    }
    if (xml_find(interface, "model") == NULL) {
        xml_set(xml_need(interface, "model"), "type",
                device_board(domain) == BOARD_VIRT ? "virtio" : "rtl8139");
    }
    return true;
}

/* The serial port that a board has. */
static void complete_serial(struct xml *domain, struct xml *serial, unsigned port)
{
    static const struct {
        const char *arch, *type, *model;
    } ports[] = {
        {"x86_64", "isa-serial", "isa-serial"}, {"i686", "isa-serial", "isa-serial"},
        {"aarch64", "system-serial", "pl011"},  {"armv7l", "system-serial", "pl011"},
        {"riscv64", "system-serial", "16550a"}, {"riscv32", "system-serial", "16550a"},
    };
    const char *arch = xml_get(xml_at(domain, "os/type"), "arch");
    struct xml *target = xml_need(serial, "target");
    g_autofree char *number = g_strdup_printf("%u", port);

    for (unsigned i = 0; i < G_N_ELEMENTS(ports); i++) {
        if (strcmp(ports[i].arch, arch) == 0 && xml_get(target, "type") == NULL) {
            xml_set(target, "type", ports[i].type);
        }
        if (strcmp(ports[i].arch, arch) == 0 && xml_is(target, "type", ports[i].type) &&
            xml_find(target, "model") == NULL) {
            xml_set(xml_append(target, xml_new("model")), "name", ports[i].model);
        }
    }
    xml_default(target, "port", number);
}

/* The first console of a machine is its first serial port under another name: either is made of
 * the other. */
static void pair_console(struct xml *domain, struct xml *devices)
{
    struct xml *console = xml_find(devices, "console");
    struct xml *serial = xml_find(devices, "serial");
    const char *type = xml_get(xml_find(console, "target"), "type");

    if (console != NULL && serial == NULL && (type == NULL || strcmp(type, "serial") == 0)) {
        serial = xml_append(devices, xml_copy(console));
        xml_rename(serial, "serial");
        xml_drop(xml_find(serial, "target"));
    } else if (console == NULL && serial != NULL) {
        console = xml_append(devices, xml_copy(serial));
        xml_rename(console, "console");
        xml_drop(xml_find(console, "target"));
        xml_drop(xml_find(console, "address"));
    }
    (void)domain;
}

static void complete_characters(struct xml *domain, struct xml *devices)
{
    unsigned port = 0;

    pair_console(domain, devices);
    for (struct xml *s = xml_find(devices, "serial"); s != NULL;
         s = xml_next(devices, "serial", s)) {
        complete_serial(domain, s, port++);
    }
    port = 0;
    for (struct xml *p = xml_find(devices, "parallel"); p != NULL;
         p = xml_next(devices, "parallel", p)) {
        g_autofree char *number = g_strdup_printf("%u", port++);

        xml_default(xml_need(p, "target"), "port", number);
    }
    port = 0;
    for (struct xml *c = xml_find(devices, "console"); c != NULL;
         c = xml_next(devices, "console", c)) {
        g_autofree char *number = g_strdup_printf("%u", port++);
        struct xml *target = xml_need(c, "target");

        xml_default(target, "type", "serial");
        xml_default(target, "port", number);
    }
}

/* A socket whose path nobody gave gets one when the machine starts. */
static bool complete_channel(struct xml *domain, struct xml *channel, GError **error)
{
    struct xml *next;

    for (struct xml *source = xml_find(channel, "source"); source != NULL; source = next) {
        next = xml_next(channel, "source", source);
        if (xml_is(channel, "type", "unix") && xml_get(source, "path") == NULL) {
            xml_drop(source);
        }
    }
    if (xml_find(channel, "target") == NULL) {
        return fault_set(error, FAULT_XML_ERROR, "missing target type for channel");
    }
    (void)domain;
    return true;
}

static bool complete_input(struct xml *domain, struct xml *input, GError **error)
{
    if (xml_get(input, "type") == NULL) {
        return fault_set(error, FAULT_INTERNAL_ERROR, "missing input device type");
    }
    if (xml_get(input, "bus") == NULL) {
        bool ps2 = device_board(domain) != BOARD_VIRT && !xml_is(input, "type", "tablet");

        xml_set(input, "bus", ps2 ? "ps2" : "usb");
    }
    return true;
}

static bool complete_graphics(struct xml *domain, struct xml *graphics, GError **error)
{
    const char *listen = xml_get(graphics, "listen");
    bool spice = xml_is(graphics, "type", "spice");

    if (!spice && !xml_is(graphics, "type", "vnc")) {
        return true;
    }
    if (xml_is(graphics, "port", "-1") || xml_get(graphics, "port") == NULL) {
        xml_default(graphics, "autoport", "yes");
    }
    if (spice && xml_is(graphics, "autoport", "yes")) {
        xml_set(graphics, "port", NULL);
        xml_set(graphics, "tlsPort", NULL);
    } else if (xml_is(graphics, "autoport", "yes")) {
        xml_set(graphics, "port", "-1");
    } else {
        xml_default(graphics, "autoport", "no");
    }
    if (xml_find(graphics, "listen") == NULL) {
        struct xml *child = xml_insert(graphics, 0, xml_new("listen"));

        xml_set(child, "type", "address");
        if (listen != NULL) {
            xml_set(child, "address", listen);
        }
    } else if (listen == NULL && xml_get(xml_find(graphics, "listen"), "address") != NULL) {
        xml_set(graphics, "listen", xml_get(xml_find(graphics, "listen"), "address"));
    }
    (void)domain;
    (void)error;
    return true;
}

static bool complete_video(struct xml *domain, struct xml *video, GError **error)
{
    struct xml *devices = xml_find(domain, "devices");
    struct xml *model = xml_need(video, "model");

    xml_default(model, "type", device_default_video(domain));
    if (xml_is(model, "type", "qxl")) {
        xml_default(model, "ram", "65536");
        xml_default(model, "vram", "65536");
        xml_default(model, "vgamem", "16384");
    } else if (xml_is(model, "type", "vga") || xml_is(model, "type", "cirrus") ||
               xml_is(model, "type", "bochs")) {
        xml_default(model, "vram", "16384");
    }
    if (!xml_is(model, "type", "none")) {
        xml_default(model, "heads", "1");
    }
    if (xml_find(devices, "video") == video && !xml_is(model, "type", "none")) {
        xml_default(model, "primary", "yes");
    }
    (void)error;
    return true;
}

static bool complete_filesystem(struct xml *domain, struct xml *filesystem, GError **error)
{
    xml_default(filesystem, "type", "mount");
    xml_default(filesystem, "accessmode", "passthrough");
    (void)domain;
    (void)error;
    return true;
}

static bool complete_model(struct xml *domain, struct xml *device, GError **error)
{
    xml_default(device, "model", "virtio");
    (void)domain;
    (void)error;
    return true;
}

/* Numbers of a host's PCI device, as libvirt writes them. */
static bool complete_hostdev(struct xml *domain, struct xml *hostdev, GError **error)
{
    static const struct {
        const char *name;
        int digits;
    } fields[] = {{"domain", 4}, {"bus", 2}, {"slot", 2}, {"function", 1}};
    struct xml *address = xml_at(hostdev, "source/address");

    (void)domain;
    xml_default(hostdev, "mode", "subsystem");
    if (!xml_is(hostdev, "type", "pci") || address == NULL) {
        return true;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++) {
        const char *text = xml_get(address, fields[i].name);
        char *end = NULL;
        unsigned value = text != NULL ? (unsigned)strtoul(text, &end, 0) : 0;
        char out[16];

        if (text != NULL && (end == text || *end != '\0')) {
            return fault_set(error, FAULT_XML_ERROR,
                             "Invalid value for attribute '%s' in element 'address': '%s'",
                             fields[i].name, text);
        }
        g_snprintf(out, sizeof(out), "0x%0*x", fields[i].digits, value);
        xml_set(address, fields[i].name, out);
    }
    return true;
}

static const struct {
    const char *name;
    bool (*complete)(struct xml *domain, struct xml *device, GError **error);
} kinds[] = {
    {"disk", complete_disk},
    {"interface", complete_interface},
    {"channel", complete_channel},
    {"input", complete_input},
    {"graphics", complete_graphics},
    {"video", complete_video},
    {"filesystem", complete_filesystem},
    {"memballoon", complete_model},
    {"rng", complete_model},
    {"vsock", complete_model},
    {"hostdev", complete_hostdev},
};

/* On the same bus a disk stands before those with a higher name, else behind what there is. */
static void sort_disks(struct xml *devices)
{
    g_autoptr(GPtrArray) disks = g_ptr_array_new();
    struct xml *disk;

    while ((disk = xml_find(devices, "disk")) != NULL) {
        const char *bus = xml_get(xml_find(disk, "target"), "bus");
        const char *dev = xml_get(xml_find(disk, "target"), "dev");
        int at = -1;

        for (int i = (int)disks->len - 1; i >= 0; i--) {
            struct xml *target = xml_find(disks->pdata[i], "target");

            if (xml_is(target, "bus", bus) && g_strcmp0(xml_get(target, "dev"), dev) > 0) {
                at = i;
            } else if (xml_is(target, "bus", bus) && at < 0) {
                at = i + 1;
            }
        }
        g_ptr_array_insert(disks, at, xml_take(disk));
    }
    for (unsigned i = 0; i < disks->len; i++) {
        xml_append(devices, disks->pdata[i]);
    }
}

static bool complete_each(struct xml *domain, struct xml *devices, GError **error)
{
    struct xml *device;

    for (unsigned i = 0; (device = xml_child(devices, i)) != NULL; i++) {
        for (unsigned k = 0; k < G_N_ELEMENTS(kinds); k++) {
            if (strcmp(kinds[k].name, device->name) == 0 &&
                !kinds[k].complete(domain, device, error)) {
                return false;
            }
        }
    }
    return true;
}

bool device_complete(struct xml *domain, const struct hardware_host *host, GError **error)
{
    struct xml *devices = xml_find(domain, "devices");

    if (xml_find(devices, "emulator") == NULL) {
        g_autofree char *path =
            host->emulator(host->opaque, xml_get(xml_at(domain, "os/type"), "arch"));

        if (path == NULL) {
            return fault_set(error, FAULT_CONFIG_UNSUPPORTED, "No emulator found for arch '%s'",
                             xml_get(xml_at(domain, "os/type"), "arch"));
        }
        xml_add(devices, "emulator", "%s", path);
    }
    complete_characters(domain, devices);
    device_number_controllers(devices);
    device_add_implicit(domain);
    if (!complete_each(domain, devices, error)) {
        return false;
    }
    sort_disks(devices);
    return device_add_buses(domain, error);
}
