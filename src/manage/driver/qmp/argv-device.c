/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Controllers, disks, networks and the rest: one function a kind, one row a function. */
#include "manage/driver/qmp/argv-device.h"

#include "manage/conf/device.h"
#include "manage/conf/fault.h"

#include <string.h>

static bool unbuilt(const struct xml *device, const char *what, const char *value, GError **error)
{
    return fault_set(error, FAULT_CONFIG_UNSUPPORTED, "<%s> with %s '%s' is not built yet",
                     device->name, what, value != NULL ? value : "");
}

static char *controller_id(const struct xml *controller)
{
    unsigned index = words_attribute(controller, "index", 0);
    const char *type = xml_get(controller, "type");

    if (strcmp(type, "pci") == 0) {
        return g_strdup_printf("pci.%u", index);
    }
    if (strcmp(type, "usb") == 0 && index == 0) {
        return g_strdup("usb");
    }
    return g_strdup_printf("%s%u", type, index);
}

static bool add_pci_controller(struct words *words, const struct xml *device, GError **error)
{
    const struct xml *target = xml_find(device, "target");
    const char *model = xml_get(xml_find(device, "model"), "name");
    g_autofree char *id = controller_id(device);
    json_object *object;

    if (g_str_has_suffix(xml_get(device, "model"), "-root")) {
        return true;
    }
    if (model == NULL) {
        return unbuilt(device, "model", xml_get(device, "model"), error);
    }
    object = words_device(model);
    if (strcmp(model, "pcie-root-port") == 0) {
        words_set_int(object, "port", words_attribute(target, "port", 0));
        words_set_int(object, "chassis", words_attribute(target, "chassis", 0));
    } else if (strcmp(model, "pci-bridge") == 0) {
        words_set_int(object, "chassis_nr", words_attribute(target, "chassisNr", 0));
    }
    words_set(object, "id", id);
    words_set_pci(object, words, device);
    words_add_json(words, "-device", object);
    return true;
}

static bool add_usb_controller(struct words *words, const struct xml *device, GError **error)
{
    static const struct {
        const char *model, *driver;
    } models[] = {
        {"qemu-xhci", "qemu-xhci"},       {"nec-xhci", "nec-usb-xhci"},
        {"piix3-uhci", "piix3-usb-uhci"}, {"ich9-ehci1", "ich9-usb-ehci1"},
        {"ich9-uhci1", "ich9-usb-uhci1"}, {"ich9-uhci2", "ich9-usb-uhci2"},
        {"ich9-uhci3", "ich9-usb-uhci3"},
    };
    const struct xml *master = xml_find(device, "master");
    g_autofree char *id = controller_id(device);
    json_object *object = NULL;

    if (xml_is(device, "model", "none")) {
        return true;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(models) && object == NULL; i++) {
        object = xml_is(device, "model", models[i].model) ? words_device(models[i].driver) : NULL;
    }
    if (object == NULL) {
        return unbuilt(device, "model", xml_get(device, "model"), error);
    }
    if (xml_get(device, "ports") != NULL) {
        words_set_int(object, "p2", words_attribute(device, "ports", 4));
        words_set_int(object, "p3", words_attribute(device, "ports", 4));
    }
    if (master != NULL) {
        g_autofree char *bus = g_strdup_printf("%s.0", id);

        words_set(object, "masterbus", bus);
        words_set_int(object, "firstport", words_attribute(master, "startport", 0));
    } else {
        words_set(object, "id", id);
    }
    words_set_pci(object, words, device);
    words_add_json(words, "-device", object);
    return true;
}

/* The board has the first of these itself. */
static bool is_built_in(const struct words *words, const struct xml *device)
{
    enum board board = device_board(words->domain);

    return words_attribute(device, "index", 0) == 0 &&
           ((board == BOARD_Q35 && xml_is(device, "type", "sata")) ||
            (board == BOARD_I440FX && xml_is(device, "type", "ide")) ||
            xml_is(device, "type", "fdc"));
}

static bool add_controller(struct words *words, const struct xml *device, GError **error)
{
    static const struct {
        const char *type, *model, *driver;
    } models[] = {
        {"virtio-serial", NULL, "virtio-serial-pci"},
        {"scsi", "virtio-scsi", "virtio-scsi-pci"},
        {"scsi", "lsilogic", "lsi"},
        {"sata", NULL, "ahci"},
    };
    g_autofree char *id = controller_id(device);
    json_object *object = NULL;

    if (xml_is(device, "type", "pci")) {
        return add_pci_controller(words, device, error);
    }
    if (xml_is(device, "type", "usb")) {
        return add_usb_controller(words, device, error);
    }
    if (is_built_in(words, device)) {
        return true;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(models) && object == NULL; i++) {
        if (xml_is(device, "type", models[i].type) &&
            g_strcmp0(xml_get(device, "model"), models[i].model) == 0) {
            object = words_device(models[i].driver);
        }
    }
    if (object == NULL) {
        return unbuilt(device, "type", xml_get(device, "type"), error);
    }
    words_set(object, "id", id);
    words_set_pci(object, words, device);
    words_add_json(words, "-device", object);
    return true;
}

/* --- disks --- */

static const char *disk_path(const struct xml *disk)
{
    const struct xml *source = xml_find(disk, "source");

    return xml_is(disk, "type", "block") ? xml_get(source, "dev") : xml_get(source, "file");
}

/* Node names count down, so that the last disk has number 1. */
static char *node_name(const struct words *words, const struct xml *disk, const char *what)
{
    unsigned n = 0, with_source = 0;

    if (words->node > 0) {
        return g_strdup_printf("libvirt-%u-%s", words->node, what);
    }
    for (const struct xml *d = xml_find(words->devices, "disk"); d != NULL;
         d = xml_next(words->devices, "disk", d)) {
        with_source += disk_path(d) != NULL;
        n = d == disk ? with_source : n;
    }
    return g_strdup_printf("libvirt-%u-%s", with_source - n + 1, what);
}

static void set_cache(json_object *object, const char *cache)
{
    json_object *options;

    if (cache == NULL || strcmp(cache, "default") == 0) {
        return;
    }
    options = json_object_new_object();
    words_set_bool(options, "direct",
                   strcmp(cache, "none") == 0 || strcmp(cache, "directsync") == 0);
    words_set_bool(options, "no-flush", strcmp(cache, "unsafe") == 0);
    json_object_object_add(object, "cache", options);
}

static void add_nodes(struct words *words, const struct xml *disk)
{
    const struct xml *driver = xml_find(disk, "driver");
    g_autofree char *storage = node_name(words, disk, "storage");
    g_autofree char *format = node_name(words, disk, "format");
    json_object *object = words_device(xml_is(disk, "type", "block") ? "host_device" : "file");

    words_set(object, "filename", disk_path(disk));
    words_set(object, "aio", xml_get(driver, "io"));
    words_set(object, "node-name", storage);
    set_cache(object, xml_get(driver, "cache"));
    words_set_bool(object, "auto-read-only", true);
    words_set(object, "discard", "unmap");
    words_add_json(words, "-blockdev", object);

    object = json_object_new_object();
    words_set(object, "node-name", format);
    words_set_bool(object, "read-only", xml_find(disk, "readonly") != NULL);
    words_set(object, "discard", xml_get(driver, "discard"));
    words_set(object, "detect-zeroes", xml_get(driver, "detect_zeroes"));
    set_cache(object, xml_get(driver, "cache"));
    words_set(object, "driver", xml_get(driver, "type"));
    words_set(object, "file", storage);
    words_add_json(words, "-blockdev", object);
}

static void set_drive(json_object *object, const struct words *words, const struct xml *disk)
{
    if (disk_path(disk) != NULL) {
        g_autofree char *format = node_name(words, disk, "format");

        words_set(object, "drive", format);
    }
}

static void set_errors(json_object *object, const struct xml *disk)
{
    const struct xml *driver = xml_find(disk, "driver");
    const char *cache = xml_get(driver, "cache");
    const char *werror = xml_get(driver, "error_policy");
    const char *rerror = xml_get(driver, "rerror_policy");

    if (cache != NULL && strcmp(cache, "default") != 0) {
        words_set(object, "write-cache",
                  strcmp(cache, "directsync") == 0 || strcmp(cache, "writethrough") == 0 ? "off"
                                                                                         : "on");
    }
    words_set(object, "werror", g_strcmp0(werror, "enospace") == 0 ? "enospc" : werror);
    words_set(object, "rerror", rerror != NULL ? rerror : werror);
}

static char *virtio_id(const struct xml *disk)
{
    return g_strdup_printf("virtio-disk%d",
                           device_disk_index(xml_get(xml_find(disk, "target"), "dev")));
}

static char *drive_id(const struct xml *disk)
{
    const struct xml *address = xml_find(disk, "address");

    return g_strdup_printf("%s%u-%u-%u", xml_get(xml_find(disk, "target"), "bus"),
                           words_attribute(address, "controller", 0),
                           words_attribute(address, "bus", 0), words_attribute(address, "unit", 0));
}

static char *scsi_id(const struct xml *disk)
{
    const struct xml *address = xml_find(disk, "address");

    return g_strdup_printf("scsi%u-%u-%u-%u", words_attribute(address, "controller", 0),
                           words_attribute(address, "bus", 0),
                           words_attribute(address, "target", 0),
                           words_attribute(address, "unit", 0));
}

static char *usb_id(const struct xml *disk)
{
    return g_strdup_printf("usb-disk%d",
                           device_disk_index(xml_get(xml_find(disk, "target"), "dev")));
}

static json_object *virtio_disk(struct words *words, const struct xml *disk)
{
    const struct xml *driver = xml_find(disk, "driver");
    json_object *object = words_device("virtio-blk-pci");

    if (xml_get(driver, "queues") != NULL) {
        words_set_int(object, "num-queues", words_attribute(driver, "queues", 1));
    }
    words_set_pci(object, words, disk);
    set_drive(object, words, disk);
    return object;
}

static json_object *drive_disk(struct words *words, const struct xml *disk)
{
    const struct xml *address = xml_find(disk, "address");
    const char *bus = xml_get(xml_find(disk, "target"), "bus");
    json_object *object = words_device(xml_is(disk, "device", "cdrom") ? "ide-cd" : "ide-hd");
    unsigned controller = words_attribute(address, "controller", 0);
    unsigned unit = words_attribute(address, "unit", 0), n = words_attribute(address, "bus", 0);
    g_autofree char *name = NULL;

    if (strcmp(bus, "sata") == 0) {
        name = controller == 0 ? g_strdup_printf("ide.%u", unit)
                               : g_strdup_printf("sata%u.%u", controller, unit);
        words_set(object, "bus", name);
    } else {
        name = g_strdup_printf("ide.%u", n);
        words_set(object, "bus", name);
        words_set_int(object, "unit", unit);
    }
    set_drive(object, words, disk);
    return object;
}

static json_object *scsi_disk(struct words *words, const struct xml *disk)
{
    const struct xml *address = xml_find(disk, "address");
    unsigned controller = words_attribute(address, "controller", 0);
    unsigned unit = words_attribute(address, "unit", 0), n = words_attribute(address, "bus", 0);
    unsigned target = words_attribute(address, "target", 0);
    json_object *object = words_device(xml_is(disk, "device", "cdrom") ? "scsi-cd" : "scsi-hd");
    g_autofree char *bus = g_strdup_printf("scsi%u.0", controller);

    words_set(object, "bus", bus);
    words_set_int(object, "channel", n);
    words_set_int(object, "scsi-id", target);
    words_set_int(object, "lun", unit);
    set_drive(object, words, disk);
    return object;
}

static json_object *usb_disk(struct words *words, const struct xml *disk)
{
    json_object *object = words_device("usb-storage");

    words_set_usb(object, disk);
    set_drive(object, words, disk);
    words_set_bool(object, "removable", xml_is(xml_find(disk, "target"), "removable", "on"));
    return object;
}

/* Keys first: without them the image would be read as what it is not. */
static bool check_source(const struct xml *source, GError **error)
{
    const struct xml *part = xml_find(source, "auth");

    part = part != NULL ? part : xml_find(source, "encryption");
    part = part != NULL ? part : xml_child(source, 0);
    return part == NULL || strcmp(part->name, "host") == 0 ||
           fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                     "<disk> with <%s> in its <source> is not built yet", part->name);
}

/* What a disk may ask for that nothing here carries out. */
static bool check_disk(const struct xml *disk, GError **error)
{
    static const char *const parts[] = {"auth",       "mirror",    "iotune",  "transient",
                                        "encryption", "shareable", "geometry"};
    const char *format = xml_get(xml_find(disk, "driver"), "type");

    for (unsigned i = 0; i < G_N_ELEMENTS(parts); i++) {
        if (xml_find(disk, parts[i]) != NULL) {
            return fault_set(error, FAULT_CONFIG_UNSUPPORTED, "<disk> with <%s> is not built yet",
                             parts[i]);
        }
    }
    if (!check_source(xml_find(disk, "source"), error)) {
        return false;
    }
    if (!xml_is(disk, "type", "file") && !xml_is(disk, "type", "block")) {
        return unbuilt(disk, "type", xml_get(disk, "type"), error);
    }
    if (format != NULL && strcmp(format, "raw") != 0 && strcmp(format, "qcow2") != 0) {
        return unbuilt(disk, "driver type", format, error);
    }
    return true;
}

static const struct bus {
    const char *name;
    json_object *(*make)(struct words *words, const struct xml *disk);
    char *(*id)(const struct xml *disk);
} buses[] = {
    {"virtio", virtio_disk, virtio_id}, {"sata", drive_disk, drive_id},
    {"ide", drive_disk, drive_id},      {"scsi", scsi_disk, scsi_id},
    {"usb", usb_disk, usb_id},
};

static const struct bus *bus_of(const struct xml *disk)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(buses); i++) {
        if (xml_is(xml_find(disk, "target"), "bus", buses[i].name)) {
            return &buses[i];
        }
    }
    return NULL;
}

char *argv_disk_id(const struct xml *disk)
{
    const struct bus *bus = bus_of(disk);

    return bus != NULL ? bus->id(disk) : NULL;
}

static bool add_disk(struct words *words, const struct xml *disk, GError **error)
{
    const struct bus *bus = bus_of(disk);
    const struct xml *target = xml_find(disk, "target");
    unsigned boot = words_boot_index(words, disk);
    g_autofree char *id = NULL;
    json_object *object;

    if (!check_disk(disk, error)) {
        return false;
    }
    if (bus == NULL) {
        return unbuilt(disk, "target bus", xml_get(target, "bus"), error);
    }
    if (disk_path(disk) != NULL) {
        add_nodes(words, disk);
    }
    object = bus->make(words, disk);
    id = bus->id(disk);
    words_set(object, "id", id);
    if (boot > 0) {
        words_set_int(object, "bootindex", boot);
    }
    set_errors(object, disk);
    words_set(object, "serial", xml_text_at(disk, "serial"));
    words_add_json(words, "-device", object);
    return true;
}

/* Every second word is a value: the options' names are left out. */
static bool values_of(const struct xml *domain, const struct xml *disk, unsigned number, bool whole,
                      GPtrArray *ret, GError **error)
{
    struct words words = {.list = g_ptr_array_new_with_free_func(g_free),
                          .domain = domain,
                          .devices = xml_find(domain, "devices"),
                          .node = number};
    bool good = whole ? add_disk(&words, disk, error) : check_disk(disk, error);

    if (good && !whole) {
        add_nodes(&words, disk);
    }
    for (unsigned i = 1; good && i < words.list->len; i += 2) {
        g_ptr_array_add(ret, g_strdup(words.list->pdata[i]));
    }
    g_ptr_array_free(words.list, TRUE);
    return good;
}

bool argv_disk(const struct xml *domain, const struct xml *disk, unsigned number, GPtrArray *ret,
               GError **error)
{
    return values_of(domain, disk, number, true, ret, error);
}

bool argv_disk_nodes(const struct xml *domain, const struct xml *disk, unsigned number,
                     GPtrArray *ret, GError **error)
{
    return values_of(domain, disk, number, false, ret, error);
}

/* --- the rest --- */

/* What an interface on a tap may say: the rest would be promised and not kept. */
static bool check_tap(const struct xml *device, GError **error)
{
    static const char *const parts[] = {"mac",  "source", "target", "model",   "driver", "alias",
                                        "boot", "link",   "mtu",    "address", NULL};
    const struct xml *driver = xml_find(device, "driver"), *part;

    for (unsigned i = 0; (part = xml_child(device, i)) != NULL; i++) {
        if (!g_strv_contains(parts, part->name)) {
            return fault_set(error, FAULT_CONFIG_UNSUPPORTED, "<%s> of <%s> is not built yet",
                             part->name, device->name);
        }
    }
    for (char **a = driver != NULL ? driver->attributes : NULL; a != NULL && *a != NULL; a += 2) {
        if (strcmp(a[0], "queues") != 0 &&
            (strcmp(a[0], "name") != 0 || strcmp(a[1], "qemu") != 0)) {
            return unbuilt(device, a[0], a[1], error);
        }
    }
    return true;
}

static const char *tap_fds(const struct words *words, const struct xml *device)
{
    const char *name = xml_get(xml_find(device, "target"), "dev");

    for (unsigned i = 0; words->env != NULL && name != NULL && i < words->env->n_taps; i++) {
        if (strcmp(words->env->taps[i].device, name) == 0) {
            return words->env->taps[i].fds;
        }
    }
    return NULL;
}

static bool add_netdev(struct words *words, const struct xml *device, const char *id,
                       GError **error)
{
    const char *fds = tap_fds(words, device);
    json_object *object;

    if (!xml_is(device, "type", "user") && (fds == NULL || !check_tap(device, error))) {
        return fds != NULL ? false : unbuilt(device, "type", xml_get(device, "type"), error);
    }
    object = json_object_new_object();
    words_set(object, "type", fds != NULL ? "tap" : "user");
    if (fds != NULL) {
        words_set(object, strchr(fds, ':') != NULL ? "fds" : "fd", fds);
    }
    words_set(object, "id", id);
    words_add_json(words, "-netdev", object);
    return true;
}

/* Only of virtio: several queues, with two interrupts each beside two more, and longer packets. */
static void set_queues(json_object *object, const struct xml *device)
{
    unsigned queues = words_attribute(xml_find(device, "driver"), "queues", 1);
    unsigned mtu = words_attribute(xml_find(device, "mtu"), "size", 0);

    if (queues > 1) {
        words_set_bool(object, "mq", true);
        words_set_int(object, "vectors", 2 * (int64_t)queues + 2);
    }
    if (mtu > 0) {
        words_set_int(object, "host_mtu", mtu);
    }
}

static bool add_interface(struct words *words, const struct xml *device, GError **error)
{
    static const char *const models[][2] = {
        {"virtio", "virtio-net-pci"},
        {"e1000", "e1000"},
        {"e1000e", "e1000e"},
        {"rtl8139", "rtl8139"},
    };
    unsigned n = words_number(words, device);
    unsigned boot = words_boot_index(words, device);
    g_autofree char *host = g_strdup_printf("hostnet%u", n);
    g_autofree char *id = g_strdup_printf("net%u", n);
    const char *driver = NULL;
    json_object *object;

    if (!add_netdev(words, device, host, error)) {
        return false;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(models); i++) {
        driver = xml_is(xml_find(device, "model"), "type", models[i][0]) ? models[i][1] : driver;
    }
    if (driver == NULL) {
        return unbuilt(device, "model", xml_get(xml_find(device, "model"), "type"), error);
    }
    object = words_device(driver);
    if (driver == models[0][1] && !xml_is(device, "type", "user")) {
        set_queues(object, device);
    }
    words_set(object, "netdev", host);
    words_set(object, "id", id);
    words_set(object, "mac", xml_get(xml_find(device, "mac"), "address"));
    if (boot > 0) {
        words_set_int(object, "bootindex", boot);
    }
    words_set_pci(object, words, device);
    words_add_json(words, "-device", object);
    return true;
}

static bool add_input(struct words *words, const struct xml *device, GError **error)
{
    static const char *const models[][3] = {
        {"usb", "tablet", "usb-tablet"},         {"usb", "mouse", "usb-mouse"},
        {"usb", "keyboard", "usb-kbd"},          {"virtio", "tablet", "virtio-tablet-pci"},
        {"virtio", "mouse", "virtio-mouse-pci"}, {"virtio", "keyboard", "virtio-keyboard-pci"},
    };
    g_autofree char *id = g_strdup_printf("input%u", words_number(words, device));

    if (xml_is(device, "bus", "ps2")) {
        return true; /* the board's own */
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(models); i++) {
        if (xml_is(device, "bus", models[i][0]) && xml_is(device, "type", models[i][1])) {
            json_object *object = words_device(models[i][2]);

            words_set(object, "id", id);
            words_set_usb(object, device);
            words_set_pci(object, words, device);
            words_add_json(words, "-device", object);
            return true;
        }
    }
    return unbuilt(device, "type", xml_get(device, "type"), error);
}

static bool add_audio(struct words *words, const struct xml *device, GError **error)
{
    json_object *object = json_object_new_object();
    g_autofree char *id = g_strdup_printf("audio%s", xml_get(device, "id"));

    (void)error;
    words_set(object, "id", id);
    words_set(object, "driver", xml_get(device, "type"));
    words_add_json(words, "-audiodev", object);
    return true;
}

static bool add_graphics(struct words *words, const struct xml *device, GError **error)
{
    const struct xml *listen = xml_find(device, "listen");
    const char *address = xml_get(listen, "address");
    g_autofree char *host = words_quote(address != NULL ? address : QMP_GRAPHICS_ADDRESS);
    unsigned port = words_attribute(device, "port", 0);

    if (!xml_is(listen, "type", "address") || xml_get(device, "passwd") != NULL) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "<graphics> with a password or a socket is not built yet");
    }
    if (xml_is(device, "autoport", "yes")) {
        port = words->env->graphics_port(words->env->opaque);
    }
    if (xml_is(device, "type", "vnc") && port >= 5900) {
        words_add(words, "-vnc", "%s:%u,audiodev=audio1", host, port - 5900);
        return true;
    }
    if (xml_is(device, "type", "spice") && port > 0) {
        const char *compression = xml_get(xml_find(device, "image"), "compression");

        words_add(words, "-spice", "port=%u,addr=%s,disable-ticketing=on%s%s,seamless-migration=on",
                  port, host, compression != NULL ? ",image-compression=" : "",
                  compression != NULL ? compression : "");
        return true;
    }
    return unbuilt(device, "type", xml_get(device, "type"), error);
}

static bool add_video(struct words *words, const struct xml *device, GError **error)
{
    static const char *const models[][3] = {
        {"virtio", "virtio-vga", "virtio-gpu-pci"},
        {"qxl", "qxl-vga", "qxl"},
        {"vga", "VGA", "VGA"},
        {"cirrus", "cirrus-vga", "cirrus-vga"},
        {"bochs", "bochs-display", "bochs-display"},
    };
    const struct xml *model = xml_find(device, "model");
    unsigned n = words_number(words, device);
    g_autofree char *id = g_strdup_printf("video%u", n);

    for (unsigned i = 0; i < G_N_ELEMENTS(models); i++) {
        if (xml_is(model, "type", models[i][0])) {
            bool primary = n == 0 && device_board(words->domain) != BOARD_VIRT;
            json_object *object = words_device(models[i][primary ? 1 : 2]);

            words_set(object, "id", id);
            if (i <= 1) {
                words_set_int(object, "max_outputs", words_attribute(model, "heads", 1));
            }
            if (i == 1) {
                words_set_int(object, "ram_size", 1024LL * words_attribute(model, "ram", 65536));
                words_set_int(object, "vram_size", 1024LL * words_attribute(model, "vram", 65536));
                words_set_int(object, "vram64_size_mb", words_attribute(model, "vram64", 0) / 1024);
                words_set_int(object, "vgamem_mb", words_attribute(model, "vgamem", 16384) / 1024);
            } else if (i == 2 || i == 3) {
                words_set_int(object, "vgamem_mb", words_attribute(model, "vram", 16384) / 1024);
            }
            words_set_pci(object, words, device);
            words_add_json(words, "-device", object);
            return true;
        }
    }
    return xml_is(model, "type", "none") || unbuilt(device, "model", xml_get(model, "type"), error);
}

static bool add_sound(struct words *words, const struct xml *device, GError **error)
{
    g_autofree char *id = g_strdup_printf("sound%u", words_number(words, device));
    g_autofree char *codec = g_strdup_printf("%s-codec0", id);
    g_autofree char *bus = g_strdup_printf("%s.0", id);
    bool ich9 = xml_is(device, "model", "ich9");
    json_object *object;

    if (!ich9 && !xml_is(device, "model", "ich6")) {
        return unbuilt(device, "model", xml_get(device, "model"), error);
    }
    object = words_device(ich9 ? "ich9-intel-hda" : "intel-hda");
    words_set(object, "id", id);
    words_set_pci(object, words, device);
    words_add_json(words, "-device", object);
    object = words_device("hda-duplex");
    words_set(object, "id", codec);
    words_set(object, "bus", bus);
    words_set_int(object, "cad", 0);
    words_set(object, "audiodev", "audio1");
    words_add_json(words, "-device", object);
    return true;
}

static bool add_balloon(struct words *words, const struct xml *device, GError **error)
{
    g_autofree char *id = g_strdup_printf("balloon%u", words_number(words, device));
    json_object *object;

    if (xml_is(device, "model", "none")) {
        return true;
    }
    if (!xml_is(device, "model", "virtio")) {
        return unbuilt(device, "model", xml_get(device, "model"), error);
    }
    object = words_device("virtio-balloon-pci");
    words_set(object, "id", id);
    if (xml_get(device, "autodeflate") != NULL) {
        words_set_bool(object, "deflate-on-oom", xml_is(device, "autodeflate", "on"));
    }
    if (xml_get(device, "freePageReporting") != NULL) {
        words_set_bool(object, "free-page-reporting", xml_is(device, "freePageReporting", "on"));
    }
    words_set_pci(object, words, device);
    words_add_json(words, "-device", object);
    return true;
}

static bool add_rng(struct words *words, const struct xml *device, GError **error)
{
    unsigned n = words_number(words, device);
    const struct xml *backend = xml_find(device, "backend");
    g_autofree char *source = g_strdup_printf("objrng%u", n);
    g_autofree char *id = g_strdup_printf("rng%u", n);
    json_object *object;

    if (!xml_is(backend, "model", "random") || xml_find(device, "rate") != NULL) {
        return unbuilt(device, "backend or <rate>", xml_get(backend, "model"), error);
    }
    object = words_object("rng-random", source);
    words_set(object, "filename", backend->text != NULL ? backend->text : "/dev/urandom");
    words_add_json(words, "-object", object);
    object = words_device("virtio-rng-pci");
    words_set(object, "rng", source);
    words_set(object, "id", id);
    words_set_pci(object, words, device);
    words_add_json(words, "-device", object);
    return true;
}

static bool add_nothing(struct words *words, const struct xml *device, GError **error)
{
    (void)words;
    (void)device;
    (void)error;
    return true;
}

/* In libvirtd's order. A kind without a row is refused. */
static const struct {
    const char *name;
    bool (*add)(struct words *words, const struct xml *device, GError **error);
} kinds[] = {
    {"emulator", add_nothing},       {"controller", add_controller}, {"disk", add_disk},
    {"interface", add_interface},    {"serial", argv_add_serial},    {"channel", argv_add_channel},
    {"console", argv_add_console},   {"input", add_input},           {"audio", add_audio},
    {"graphics", add_graphics},      {"video", add_video},           {"sound", add_sound},
    {"redirdev", argv_add_redirdev}, {"memballoon", add_balloon},    {"rng", add_rng},
};

static bool check_kinds(const struct words *words, GError **error)
{
    const struct xml *device;

    for (unsigned i = 0; (device = xml_child(words->devices, i)) != NULL; i++) {
        unsigned k = 0;

        while (k < G_N_ELEMENTS(kinds) && strcmp(kinds[k].name, device->name) != 0) {
            k++;
        }
        if (k == G_N_ELEMENTS(kinds)) {
            return fault_set(error, FAULT_CONFIG_UNSUPPORTED, "<%s> is not built yet",
                             device->name);
        }
    }
    return true;
}

/* Ports and bridges come before what sits on them. */
static bool add_controllers(struct words *words, bool pci, GError **error)
{
    for (const struct xml *c = xml_find(words->devices, "controller"); c != NULL;
         c = xml_next(words->devices, "controller", c)) {
        if (xml_is(c, "type", "pci") == pci && !add_controller(words, c, error)) {
            return false;
        }
    }
    return true;
}

bool argv_add_devices(struct words *words, GError **error)
{
    if (!check_kinds(words, error) || !add_controllers(words, true, error) ||
        !add_controllers(words, false, error)) {
        return false;
    }
    for (unsigned k = 0; k < G_N_ELEMENTS(kinds); k++) {
        for (const struct xml *d = xml_find(words->devices, kinds[k].name); d != NULL;
             d = xml_next(words->devices, kinds[k].name, d)) {
            if (kinds[k].add != add_controller && !kinds[k].add(words, d, error)) {
                return false;
            }
        }
    }
    return true;
}

bool argv_device(const struct xml *domain, const struct xml *device, const struct argv_env *env,
                 GPtrArray *ret, GError **error)
{
    struct words words = {
        .list = ret, .domain = domain, .devices = xml_find(domain, "devices"), .env = env};

    for (unsigned k = 0; k < G_N_ELEMENTS(kinds); k++) {
        if (strcmp(kinds[k].name, device->name) == 0) {
            return kinds[k].add(&words, device, error);
        }
    }
    return fault_set(error, FAULT_CONFIG_UNSUPPORTED, "<%s> is not built yet", device->name);
}
