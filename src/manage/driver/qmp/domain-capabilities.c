/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <domainCapabilities>: what one emulator with one machine can be asked for. Each value has a row
 * that says what the emulator must have for it; a device of which nothing is left is not supported.
 */
#include "manage/conf/fault.h"
#include "manage/cpu/arch.h"
#include "manage/cpu/model.h"
#include "manage/driver/qmp/cpu/guest.h"
#include "manage/driver/qmp/cpu/subject.h"
#include "manage/driver/qmp/internal.h"
#include "manage/host/firmware.h"

#include <fnmatch.h>
#include <string.h>
#include <unistd.h>

/* What decides: all that a row names must hold. */
struct value {
    const char *name;
    const char *type;     /* the emulator has this, or ... */
    const char *or_type;  /* ... that type; both NULL: any has */
    const char *command;  /* it has this command */
    const char *display;  /* it has this display */
    const char *tpm;      /* TPM model or back end */
    const char *machines; /* pattern of canonical machine names */
    const char *program;  /* of the host, found in the path */
    const char *file;     /* of the host, is there */
};

#define VALUES 10 /* of one enumeration, with the row that ends it */

struct enumeration {
    const char *name;
    bool counts; /* the device is supported only if something is left here */
    struct value values[VALUES];
};

struct device {
    const char *name;
    struct enumeration enums[6];
};

static const struct device devices[] = {
    {"disk",
     {{"diskDevice",
       true,
       {{.name = "disk", .type = "virtio-blk-pci", .or_type = "ide-hd"},
        {.name = "cdrom", .type = "ide-cd", .or_type = "scsi-cd"},
        {.name = "floppy", .type = "floppy"},
        {.name = "lun", .type = "scsi-block"}}},
      {"bus",
       true,
       {{.name = "ide", .type = "ide-hd", .machines = "pc-i440fx-*"},
        {.name = "fdc", .type = "isa-fdc"},
        {.name = "scsi", .type = "scsi-hd"},
        {.name = "virtio", .type = "virtio-blk-pci", .or_type = "virtio-blk-device"},
        {.name = "usb", .type = "usb-storage"},
        {.name = "sata", .type = "ich9-ahci"}}},
      {"model",
       false,
       {{.name = "virtio", .type = "virtio-blk-pci"},
        {.name = "virtio-transitional", .type = "virtio-blk-pci-transitional"},
        {.name = "virtio-non-transitional", .type = "virtio-blk-pci-non-transitional"}}}}},
    /* Never unsupported, as libvirt has it: virt-install takes that for "ask for spice". */
    {"graphics",
     {{"type",
       false,
       {{.name = "sdl", .display = "sdl"},
        {.name = "vnc", .command = "query-vnc"},
        {.name = "spice", .command = "query-spice"},
        {.name = "egl-headless", .display = "egl-headless"},
        {.name = "dbus", .display = "dbus"}}}}},
    {"video",
     {{"modelType",
       true,
       {{.name = "vga", .type = "VGA"},
        {.name = "cirrus", .type = "cirrus-vga"},
        {.name = "vmvga", .type = "vmware-svga"},
        {.name = "qxl", .type = "qxl"},
        {.name = "virtio", .type = "virtio-gpu-pci", .or_type = "virtio-gpu-device"},
        {.name = "none"},
        {.name = "bochs", .type = "bochs-display"},
        {.name = "ramfb", .type = "ramfb"}}}}},
    {"hostdev",
     {{"mode", false, {{.name = "subsystem"}}},
      {"startupPolicy",
       false,
       {{.name = "default"}, {.name = "mandatory"}, {.name = "requisite"}, {.name = "optional"}}},
      {"subsysType",
       true,
       {{.name = "usb", .type = "usb-host"},
        {.name = "pci", .type = "vfio-pci"},
        {.name = "scsi", .type = "scsi-generic"}}},
      {"capsType", false, {{0}}},
      {"pciBackend", false, {{.name = "vfio", .type = "vfio-pci", .file = "/dev/vfio/vfio"}}}}},
    {"rng",
     {{"model",
       true,
       {{.name = "virtio", .type = "virtio-rng-pci"},
        {.name = "virtio-transitional", .type = "virtio-rng-pci-transitional"},
        {.name = "virtio-non-transitional", .type = "virtio-rng-pci-non-transitional"}}},
      {"backendModel",
       true,
       {{.name = "random", .type = "rng-random"},
        {.name = "egd", .type = "rng-egd"},
        {.name = "builtin", .type = "rng-builtin"}}}}},
    {"filesystem",
     {{"driverType",
       true,
       {{.name = "path", .type = "virtio-9p-pci"},
        {.name = "handle", .type = "virtio-9p-pci"},
        {.name = "virtiofs", .type = "vhost-user-fs-device"}}}}},
    {"tpm",
     {{"model",
       true,
       {{.name = "tpm-tis", .tpm = "tpm-tis"},
        {.name = "tpm-crb", .tpm = "tpm-crb"},
        {.name = "tpm-spapr", .tpm = "tpm-spapr"}}},
      {"backendModel",
       true,
       {{.name = "passthrough", .tpm = "passthrough"},
        {.name = "emulator", .tpm = "emulator", .program = "swtpm"}}}}},
    {"redirdev", {{"bus", true, {{.name = "usb", .type = "usb-redir"}}}}},
    {"channel",
     {{"type",
       true,
       {{.name = "pty"}, {.name = "unix"}, {.name = "spicevmc", .command = "query-spice"}}}}},
};

static const struct enumeration memory_sources = {
    "sourceType",
    true,
    {{.name = "file", .type = "memory-backend-file"},
     {.name = "anonymous", .type = "memory-backend-ram"},
     {.name = "memfd", .type = "memory-backend-memfd"}}};

/* One request. */

static bool any_of(char *const *list, char *const *other, const char *word)
{
    return g_strv_contains((const char *const *)list, word) ||
           g_strv_contains((const char *const *)other, word);
}

static bool is_there(const char *program)
{
    g_autofree char *path = g_find_program_in_path(program);

    return path != NULL;
}

static bool holds(const struct subject *subject, const struct value *v)
{
    const struct emulator *e = subject->emulator;

    return (v->type == NULL || emulator_has(e, v->type) ||
            (v->or_type != NULL && emulator_has(e, v->or_type))) &&
           (v->command == NULL || g_hash_table_contains(e->commands, v->command)) &&
           (v->display == NULL || g_strv_contains((const char *const *)e->displays, v->display)) &&
           (v->tpm == NULL || any_of(e->tpm_models, e->tpm_backends, v->tpm)) &&
           (v->machines == NULL || fnmatch(v->machines, subject->machine->name, 0) == 0) &&
           (v->program == NULL || is_there(v->program)) &&
           (v->file == NULL || access(v->file, F_OK) == 0);
}

static struct xml *add_enum(struct xml *parent, const char *name)
{
    struct xml *list = xml_append(parent, xml_new("enum"));

    xml_set(list, "name", name);
    return list;
}

/* Adds what holds; true if anything does. */
static bool add_values(struct xml *parent, const struct subject *subject,
                       const struct enumeration *e)
{
    struct xml *list = add_enum(parent, e->name);

    for (unsigned i = 0; e->values[i].name != NULL; i++) {
        if (holds(subject, &e->values[i])) {
            xml_add(list, "value", "%s", e->values[i].name);
        }
    }
    return xml_child(list, 0) != NULL;
}

/* What is not supported has nothing in it. */
static void add_device(struct xml *parent, const struct subject *subject,
                       const struct device *device)
{
    struct xml *node = xml_new(device->name);
    bool supported = true;

    for (unsigned i = 0; device->enums[i].name != NULL; i++) {
        bool any = add_values(node, subject, &device->enums[i]);

        supported = supported && (any || !device->enums[i].counts);
    }
    if (!supported) {
        xml_free(node);
        node = xml_new(device->name);
    }
    xml_set(node, "supported", supported ? "yes" : "no");
    xml_append(parent, node);
}

static struct xml *add_supported(struct xml *parent, const char *name, bool supported)
{
    struct xml *node = xml_append(parent, xml_new(name));

    xml_set(node, "supported", supported ? "yes" : "no");
    return node;
}

/* --- firmware --- */

/* Where no descriptor speaks of the machine: what distributions had before there were any. */
static void add_usual_loaders(GPtrArray *loaders, const char *arch)
{
    static const char *const usual[][2] = {
        {"x86_64", "/usr/share/OVMF/OVMF_CODE.fd"},
        {"x86_64", "/usr/share/OVMF/OVMF_CODE.secboot.fd"},
        {"i686", "/usr/share/OVMF/OVMF_CODE.fd"},
        {"i686", "/usr/share/OVMF/OVMF_CODE.secboot.fd"},
        {"aarch64", "/usr/share/AAVMF/AAVMF_CODE.fd"},
        {"armv7l", "/usr/share/AAVMF/AAVMF32_CODE.fd"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(usual); i++) {
        if (strcmp(usual[i][0], arch) == 0 && access(usual[i][1], R_OK) == 0) {
            g_ptr_array_add(loaders, g_strdup(usual[i][1]));
        }
    }
}

struct found {
    GPtrArray *loaders; /* paths */
    bool bios, efi, secure;
};

static bool can_run(const struct subject *subject, const struct firmware *firmware)
{
    return firmware_fits(firmware, subject->arch, subject->machine->name) &&
           (!firmware_has(firmware->features, "requires-smm") ||
            g_hash_table_contains(subject->emulator->machine_properties, "smm"));
}

static void find_firmware(const struct subject *subject, struct found *found)
{
    g_auto(GStrv) folders = firmware_folders(subject->session);
    g_autoptr(GPtrArray) list = firmware_list((const char *const *)folders);

    for (unsigned i = 0; i < list->len; i++) {
        const struct firmware *firmware = list->pdata[i];

        if (!can_run(subject, firmware)) {
            continue;
        }
        found->bios |= firmware_has(firmware->interfaces, "bios");
        found->efi |= firmware_has(firmware->interfaces, "uefi");
        found->secure |= firmware_has(firmware->features, "requires-smm") &&
                         firmware_has(firmware->features, "secure-boot");
        if (access(firmware->code, R_OK) == 0) {
            g_ptr_array_add(found->loaders, g_strdup(firmware->code));
        }
    }
    if (found->loaders->len == 0) {
        add_usual_loaders(found->loaders, subject->arch);
    }
}

static void add_os(struct xml *root, const struct subject *subject)
{
    struct xml *os = add_supported(root, "os", true), *loader, *list;
    struct found found = {.loaders = g_ptr_array_new_with_free_func(g_free)};
    bool flash = emulator_has(subject->emulator, "cfi.pflash01");

    find_firmware(subject, &found);
    list = add_enum(os, "firmware");
    if (found.bios) {
        xml_add(list, "value", "bios");
    }
    if (found.efi && flash) {
        xml_add(list, "value", "efi");
    }
    loader = add_supported(os, "loader", true);
    for (unsigned i = 0; flash && i < found.loaders->len; i++) {
        xml_add(loader, "value", "%s", (const char *)found.loaders->pdata[i]);
    }
    list = add_enum(loader, "type");
    xml_add(list, "value", "rom");
    if (flash) {
        xml_add(list, "value", "pflash");
    }
    list = add_enum(loader, "readonly");
    xml_add(list, "value", "yes");
    xml_add(list, "value", "no");
    list = add_enum(loader, "secure");
    if (found.secure && flash) {
        xml_add(list, "value", "yes");
    }
    xml_add(list, "value", "no");
    g_ptr_array_free(found.loaders, TRUE);
}

/* --- CPU --- */

/* A model's vendor; NULL: not a model to managers (the emulator's versions and helpers). */
static const char *vendor_of(const struct subject *subject, const char *name)
{
    struct model model;

    if (!arch_is_x86(subject->arch)) {
        return strcmp(name, "max") == 0 || strcmp(name, "host") == 0 ? NULL : "unknown";
    }
    return !model_find(name, &model) ? NULL : model.vendor != NULL ? model.vendor : "unknown";
}

static bool has_cpu(const struct emulator *emulator, const char *name)
{
    for (unsigned i = 0; i < emulator->cpus->len; i++) {
        const struct emulator_cpu *cpu = emulator->cpus->pdata[i];

        if (strcmp(cpu->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static struct xml *add_mode(struct xml *parent, const char *name, bool supported)
{
    struct xml *mode = xml_append(parent, xml_new("mode"));

    xml_set(mode, "name", name);
    xml_set(mode, "supported", supported ? "yes" : "no");
    return mode;
}

static void add_cpu(struct xml *root, const struct subject *subject)
{
    struct xml *parent = xml_append(root, xml_new("cpu")), *mode, *list;
    const struct emulator *emulator = subject->emulator;

    /* Only a hypervisor can pass its host's CPU through. */
    add_mode(parent, "host-passthrough", false);
    mode = add_mode(parent, "maximum", has_cpu(emulator, "max"));
    if (has_cpu(emulator, "max")) {
        list = add_enum(mode, "maximumMigratable");
        if (g_hash_table_contains(emulator->cpu_properties, "migratable")) {
            xml_add(list, "value", "on");
        }
        xml_add(list, "value", "off");
    }
    mode = add_mode(parent, "host-model", guest_cpu_has_model(emulator, subject->arch));
    if (guest_cpu_has_model(emulator, subject->arch)) {
        guest_cpu_add_model(mode, emulator, "forbid");
    }
    mode = add_mode(parent, "custom", emulator->cpus->len > 0);
    for (unsigned i = 0; i < emulator->cpus->len; i++) {
        const struct emulator_cpu *cpu = emulator->cpus->pdata[i];
        const char *vendor = vendor_of(subject, cpu->name);

        if (vendor != NULL) {
            struct xml *model = xml_add(mode, "model", "%s", cpu->name);

            xml_set(model, "usable", cpu->blockers[0] == NULL ? "yes" : "no");
            xml_set(model, "vendor", vendor);
        }
    }
}

/* --- the rest --- */

static void add_memory(struct xml *root, const struct subject *subject)
{
    struct xml *memory = add_supported(root, "memoryBacking", true);

    (void)add_values(memory, subject, &memory_sources);
}

static void add_features(struct xml *root, const struct subject *subject)
{
    static const struct {
        const char *name, *property;
    } enlightenments[] = {{"spinlocks", "hv-spinlocks"}, {"vendor_id", "hv-vendor-id"}};
    struct xml *features = xml_append(root, xml_new("features")), *node, *list;
    const struct emulator *emulator = subject->emulator;
    GHashTable *properties = emulator->cpu_properties;

    add_supported(features, "gic", false);
    add_supported(features, "vmcoreinfo", emulator_has(emulator, "vmcoreinfo"));
    add_supported(features, "genid", emulator_has(emulator, "vmgenid"));
    /* Neither is built into this driver. */
    add_supported(features, "backingStoreInput", false);
    add_supported(features, "backup", false);
    add_supported(features, "sev", false);
    add_supported(features, "sgx", false);
    node = add_supported(features, "hyperv", g_hash_table_contains(properties, "hv-spinlocks"));
    list = g_hash_table_contains(properties, "hv-spinlocks") ? add_enum(node, "features") : NULL;
    for (unsigned i = 0; list != NULL && i < G_N_ELEMENTS(enlightenments); i++) {
        if (g_hash_table_contains(properties, enlightenments[i].property)) {
            xml_add(list, "value", "%s", enlightenments[i].name);
        }
    }
}

static char *describe(const struct subject *subject)
{
    g_autoptr(xml_own) root = xml_new("domainCapabilities");
    g_autofree char *most = g_strdup_printf("%u", subject->machine->max_cpus);
    struct xml *list;

    xml_add(root, "path", "%s", subject->emulator->path);
    xml_add(root, "domain", "qemu");
    xml_add(root, "machine", "%s", subject->machine->name);
    xml_add(root, "arch", "%s", subject->arch);
    if (subject->machine->max_cpus > 0) {
        xml_set(xml_append(root, xml_new("vcpu")), "max", most);
    }
    add_supported(root, "iothreads", emulator_has(subject->emulator, "iothread"));
    add_os(root, subject);
    add_cpu(root, subject);
    add_memory(root, subject);
    list = xml_append(root, xml_new("devices"));
    for (unsigned i = 0; i < G_N_ELEMENTS(devices); i++) {
        add_device(list, subject, &devices[i]);
    }
    add_features(root, subject);
    return xml_format(root);
}

bool qmp_get_domain_capabilities(struct call *call, GError **error)
{
    g_auto(subject_own) subject = {0};
    g_autofree char *text = NULL;

    if (!subject_find(call, &subject, error)) {
        return false;
    }
    text = describe(&subject);
    return call_reply_string(call, text);
}
