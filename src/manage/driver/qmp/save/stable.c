/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/driver/qmp/save/stable.h"

#include "manage/conf/fault.h"

#include <string.h>

static bool differs(const char *what, const char *given, const char *saved, GError **error)
{
    return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                     "Target domain %s '%s' does not match source '%s'", what,
                     given != NULL ? given : "", saved != NULL ? saved : "");
}

static bool check_text(const struct xml *saved, const struct xml *given, const char *path,
                       GError **error)
{
    const char *a = xml_text_at(saved, path), *b = xml_text_at(given, path);

    return g_strcmp0(a, b) == 0 || differs(path, b, a, error);
}

static bool check_attribute(const struct xml *saved, const struct xml *given, const char *path,
                            const char *attribute, GError **error)
{
    const char *a = xml_get(xml_at(saved, path), attribute);
    const char *b = xml_get(xml_at(given, path), attribute);

    return g_strcmp0(a, b) == 0 || differs(attribute, b, a, error);
}

static bool is_hosts(const struct xml *device)
{
    static const char *const names[] = {"graphics", "emulator", "audio", NULL};

    return g_strv_contains(names, device->name);
}

/* The next device from *at on that the guest sees. */
static const struct xml *next_seen(const struct xml *devices, unsigned *at)
{
    const struct xml *device;

    while ((device = xml_child(devices, *at)) != NULL && is_hosts(device)) {
        (*at)++;
    }
    (*at)++;
    return device;
}

static bool check_device(const struct xml *saved, const struct xml *given, GError **error)
{
    static const struct {
        const char *child, *attributes[6];
    } seen[] = {
        {"target", {"dev", "bus", "name", "port", "type"}},
        {"model", {"type", "name"}},
        {"mac", {"address"}},
        {"address", {"type", "domain", "bus", "slot", "function", "controller"}},
    };
    static const char *const own[] = {"model", "device", "bus", "index"};

    for (unsigned i = 0; i < G_N_ELEMENTS(own); i++) {
        if (g_strcmp0(xml_get(saved, own[i]), xml_get(given, own[i])) != 0) {
            return differs(own[i], xml_get(given, own[i]), xml_get(saved, own[i]), error);
        }
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(seen); i++) {
        for (unsigned k = 0; k < G_N_ELEMENTS(seen[i].attributes); k++) {
            if (seen[i].attributes[k] != NULL && xml_find(given, seen[i].child) != NULL &&
                !check_attribute(saved, given, seen[i].child, seen[i].attributes[k], error)) {
                return false;
            }
        }
    }
    return true;
}

static bool check_devices(const struct xml *saved, const struct xml *given, GError **error)
{
    unsigned i = 0, k = 0;

    for (;;) {
        const struct xml *a = next_seen(saved, &i), *b = next_seen(given, &k);

        if (a == NULL && b == NULL) {
            return true;
        }
        if (a == NULL || b == NULL || strcmp(a->name, b->name) != 0) {
            return differs("device", b != NULL ? b->name : NULL, a != NULL ? a->name : NULL, error);
        }
        if (!check_device(a, b, error)) {
            return false;
        }
    }
}

bool stable_check(const struct domain_def *saved, const struct domain_def *given, GError **error)
{
    static const char *const texts[] = {"name", "uuid", "memory", "vcpu", "cpu/model"};

    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
        if (!check_text(saved->root, given->root, texts[i], error)) {
            return false;
        }
    }
    return check_attribute(saved->root, given->root, "os/type", "arch", error) &&
           check_attribute(saved->root, given->root, "os/type", "machine", error) &&
           check_devices(domain_def_devices(saved), domain_def_devices(given), error);
}
