/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/driver/qmp/device/alias.h"

#include <stdio.h>
#include <string.h>

/* Kinds whose devices are numbered in the order of the definition. */
static const char *const kinds[][2] = {
    {"interface", "net"},   {"serial", "serial"},
    {"channel", "channel"}, {"input", "input"},
    {"sound", "sound"},     {"video", "video"},
    {"rng", "rng"},         {"redirdev", "redir"},
    {"console", "console"}, {"memballoon", "balloon"},
};

const char *alias_prefix(const char *kind)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (strcmp(kinds[i][0], kind) == 0) {
            return kinds[i][1];
        }
    }
    return NULL;
}

static const char *name_of(const struct xml *device)
{
    return xml_get(xml_find(device, "alias"), "name");
}

bool alias_number(const struct xml *device, unsigned *ret)
{
    const char *prefix = alias_prefix(device->name), *name = name_of(device);
    guint64 n;

    if (prefix == NULL || name == NULL || !g_str_has_prefix(name, prefix) ||
        !g_ascii_string_to_unsigned(name + strlen(prefix), 10, 0, G_MAXINT, &n, NULL)) {
        return false;
    }
    *ret = (unsigned)n;
    return true;
}

static void set(struct xml *device, unsigned n)
{
    g_autofree char *name = g_strdup_printf("%s%u", alias_prefix(device->name), n);

    xml_set(xml_need(device, "alias"), "name", name);
}

/* A console that is a serial port's other name has that one's. */
static bool is_other_name(const struct xml *device)
{
    return strcmp(device->name, "console") == 0 &&
           xml_is(xml_find(device, "target"), "type", "serial");
}

void alias_all(struct domain_def *def)
{
    struct xml *devices = domain_def_devices(def);

    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        unsigned n = 0;

        for (struct xml *d = xml_find(devices, kinds[i][0]); d != NULL;
             d = xml_next(devices, kinds[i][0], d), n++) {
            if (is_other_name(d)) {
                xml_set(xml_need(d, "alias"), "name", "serial0");
            } else if (name_of(d) == NULL) {
                set(d, n);
            }
        }
    }
}

void alias_drop_all(struct domain_def *def)
{
    struct xml *devices = domain_def_devices(def), *device;

    for (unsigned i = 0; (device = xml_child(devices, i)) != NULL; i++) {
        const char *name = name_of(device);

        if (name != NULL && !g_str_has_prefix(name, "ua-")) {
            xml_drop(xml_find(device, "alias"));
        }
    }
}

void alias_new(const struct domain_def *def, struct xml *device)
{
    const struct xml *devices = domain_def_devices(def);
    unsigned n = 0, other;
    bool taken;

    if (alias_prefix(device->name) == NULL) {
        return;
    }
    do {
        taken = false;
        for (struct xml *d = xml_find(devices, device->name); d != NULL && !taken;
             d = xml_next(devices, device->name, d)) {
            taken = d != device && alias_number(d, &other) && other == n;
        }
        n += taken;
    } while (taken);
    set(device, n);
}

struct xml *alias_find(const struct domain_def *def, const char *id)
{
    struct xml *devices = domain_def_devices(def), *device;

    for (unsigned i = 0; (device = xml_child(devices, i)) != NULL; i++) {
        if (g_strcmp0(name_of(device), id) == 0 && !is_other_name(device)) {
            return device;
        }
    }
    return NULL;
}
