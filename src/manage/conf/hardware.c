/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Everything of a domain but its devices: machine, boot order, features, CPU. */
#include "manage/conf/hardware.h"

#include "manage/conf/address.h"
#include "manage/conf/device.h"
#include "manage/conf/fault.h"
#include "manage/conf/schema.h"

#include <string.h>

#define MAX_DEVICES 1024

static bool complete_machine(struct xml *domain, const struct hardware_host *host, GError **error)
{
    struct xml *type = xml_at(domain, "os/type");
    const char *arch = xml_get(type, "arch");
    const char *machine = xml_get(type, "machine");
    g_autofree char *canonical = host->machine(host->opaque, arch, machine);

    if (canonical == NULL) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "Emulator does not support machine type '%s'",
                         machine != NULL ? machine : "");
    }
    xml_set(type, "machine", canonical);
    return true;
}

/* A machine that nobody told what to boot from boots from its disk. */
static void complete_boot(struct xml *domain)
{
    struct xml *os = xml_find(domain, "os");
    struct xml *devices = xml_find(domain, "devices");
    struct xml *device;

    for (unsigned i = 0; (device = xml_child(devices, i)) != NULL; i++) {
        if (xml_find(device, "boot") != NULL) {
            return;
        }
    }
    if (xml_find(os, "boot") == NULL) {
        xml_set(xml_append(os, xml_new("boot")), "dev", "hd");
    }
}

static void complete_features(struct xml *domain, const char *arch)
{
    struct xml *features = xml_find(domain, "features");
    struct xml *hyperv = xml_find(features, "hyperv");

    if (hyperv != NULL) {
        xml_default(hyperv, "mode", "custom");
    }
    if (strcmp(arch, "aarch64") == 0 && device_board(domain) == BOARD_VIRT) {
        struct xml *gic = xml_need(xml_need(domain, "features"), "gic");

        /* The version that QEMU emulates unless it is told; a host with KVM may have another. */
        xml_default(gic, "version", "2");
    }
}

static bool is_x86(const char *arch)
{
    return strcmp(arch, "x86_64") == 0 || strcmp(arch, "i686") == 0;
}

static void complete_given_cpu(struct xml *cpu, bool compared)
{
    const char *mode = xml_get(cpu, "mode");
    struct xml *model = xml_find(cpu, "model");

    if (mode == NULL && model != NULL) {
        xml_set(cpu, "mode", mode = "custom");
    }
    if (g_strcmp0(mode, "host-passthrough") == 0) {
        xml_default(cpu, "check", "none");
        xml_default(cpu, "migratable", "on");
    } else if (g_strcmp0(mode, "maximum") == 0) {
        xml_default(cpu, "check", "none");
    } else if (g_strcmp0(mode, "host-model") == 0) {
        xml_default(cpu, "check", "partial");
    } else if (g_strcmp0(mode, "custom") == 0) {
        xml_default(cpu, "match", "exact");
        xml_default(cpu, "check", compared ? "partial" : "none");
        if (model != NULL) {
            xml_default(model, "fallback", "allow");
        }
    }
    if (xml_find(cpu, "topology") != NULL) {
        xml_default(xml_find(cpu, "topology"), "dies", "1");
    }
}

static void complete_cpu(struct xml *domain, const struct hardware_host *host, const char *arch)
{
    struct xml *cpu = xml_find(domain, "cpu");
    bool compared = is_x86(arch) && !xml_is(domain, "type", "qemu");
    g_autofree char *model = NULL;

    if (cpu != NULL && (xml_find(cpu, "model") != NULL ||
                        (xml_get(cpu, "mode") != NULL && !xml_is(cpu, "mode", "custom")))) {
        complete_given_cpu(cpu, compared);
        return;
    }
    model = host->default_cpu(host->opaque, arch, xml_get(xml_at(domain, "os/type"), "machine"));
    if (model != NULL) {
        cpu = xml_need(domain, "cpu");
        xml_set(cpu, "mode", "custom");
        xml_set(cpu, "match", "exact");
        xml_set(cpu, "check", "none");
        xml_set(xml_add(cpu, "model", "%s", model), "fallback", "forbid");
        complete_given_cpu(cpu, compared);
    }
}

/* Cells of a guest are numbered, and have their memory in KiB as all memory has. */
static bool complete_numa(struct xml *domain, GError **error)
{
    struct xml *numa = xml_at(domain, "cpu/numa");
    struct xml *placement = xml_at(domain, "numatune/memory");
    unsigned id = 0;

    if (placement != NULL) {
        xml_default(placement, "mode", "strict");
    }
    for (struct xml *cell = xml_find(numa, "cell"); cell != NULL;
         cell = xml_next(numa, "cell", cell)) {
        g_autofree char *number = g_strdup_printf("%u", id++);
        uint64_t bytes;

        xml_default(cell, "id", number);
        if (xml_get(cell, "memory") == NULL) {
            continue;
        }
        if (!xml_size(xml_get(cell, "memory"), xml_get(cell, "unit"), 1024, &bytes, error)) {
            return false;
        }
        g_autofree char *kib = g_strdup_printf("%" G_GUINT64_FORMAT, bytes / 1024);

        xml_set(cell, "memory", kib);
        xml_set(cell, "unit", "KiB");
    }
    return true;
}

/* No board has buses for more; and what follows looks at each device for each other. */
static bool check_size(struct xml *devices, GError **error)
{
    if (xml_child(devices, MAX_DEVICES) != NULL) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED, "more than %d devices", MAX_DEVICES);
    }
    return true;
}

bool hardware_complete(struct xml *domain, const struct hardware_host *host, GError **error)
{
    const char *arch = xml_get(xml_at(domain, "os/type"), "arch");

    if (arch == NULL || xml_at(domain, "os/type") == NULL) {
        return fault_set(error, FAULT_XML_ERROR, "an os <type> must be specified");
    }
    xml_need(domain, "devices");
    if (!check_size(xml_find(domain, "devices"), error) || !complete_machine(domain, host, error) ||
        !complete_numa(domain, error)) {
        return false;
    }
    complete_boot(domain);
    complete_features(domain, arch);
    complete_cpu(domain, host, arch);
    if (!device_complete(domain, host, error)) {
        return false;
    }
    schema_tidy(domain);
    if (!address_assign(domain, error)) {
        return false;
    }
    schema_tidy(domain);
    return true;
}
