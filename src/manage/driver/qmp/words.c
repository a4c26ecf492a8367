/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/driver/qmp/words.h"

#include "manage/driver/qmp/device/alias.h"

#include "manage/conf/device.h"

#include <stdlib.h>
#include <string.h>

void words_add(struct words *words, const char *option, const char *format, ...)
{
    va_list list;

    g_ptr_array_add(words->list, g_strdup(option));
    if (format != NULL) {
        va_start(list, format);
        g_ptr_array_add(words->list, g_strdup_vprintf(format, list));
        va_end(list);
    }
}

void words_add_json(struct words *words, const char *option, json_object *value)
{
    words_add(words, option, "%s",
              json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN |
                                                        JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(value);
}

char *words_quote(const char *text)
{
    GString *out = g_string_new(NULL);

    for (; *text != '\0'; text++) {
        g_string_append_c(out, *text);
        if (*text == ',') {
            g_string_append_c(out, ',');
        }
    }
    return g_string_free(out, FALSE);
}

void words_set(json_object *object, const char *key, const char *value)
{
    if (value != NULL) {
        json_object_object_add(object, key, json_object_new_string(value));
    }
}

void words_set_int(json_object *object, const char *key, int64_t value)
{
    json_object_object_add(object, key, json_object_new_int64(value));
}

void words_set_bool(json_object *object, const char *key, bool value)
{
    json_object_object_add(object, key, json_object_new_boolean(value));
}

json_object *words_device(const char *driver)
{
    json_object *object = json_object_new_object();

    words_set(object, "driver", driver);
    return object;
}

json_object *words_object(const char *type, const char *id)
{
    json_object *object = json_object_new_object();

    words_set(object, "qom-type", type);
    words_set(object, "id", id);
    return object;
}

unsigned words_attribute(const struct xml *node, const char *name, unsigned fallback)
{
    const char *text = xml_get(node, name);
    char *end;
    unsigned long value = text != NULL ? strtoul(text, &end, 0) : 0;

    return text != NULL && end != text && *end == '\0' && value <= G_MAXUINT ? (unsigned)value
                                                                             : fallback;
}

void words_set_pci(json_object *object, const struct words *words, const struct xml *device)
{
    const struct xml *address = xml_find(device, "address");
    unsigned bus = words_attribute(address, "bus", 0);
    unsigned slot = words_attribute(address, "slot", 0);
    unsigned function = words_attribute(address, "function", 0);
    char name[16], addr[16];

    if (!xml_is(address, "type", "pci")) {
        return;
    }
    g_snprintf(name, sizeof(name), "pci.%u", bus);
    if (bus == 0 && device_board(words->domain) != BOARD_I440FX) {
        g_strlcpy(name, "pcie.0", sizeof(name));
    }
    g_snprintf(addr, sizeof(addr), function != 0 ? "0x%x.0x%x" : "0x%x", slot, function);
    words_set(object, "bus", name);
    if (xml_is(address, "multifunction", "on")) {
        words_set_bool(object, "multifunction", true);
    }
    words_set(object, "addr", addr);
}

void words_set_usb(json_object *object, const struct xml *device)
{
    const struct xml *address = xml_find(device, "address");

    if (xml_is(address, "type", "usb")) {
        unsigned bus = words_attribute(address, "bus", 0);
        char name[16] = "usb.0";

        if (bus > 0) {
            g_snprintf(name, sizeof(name), "usb%u.0", bus);
        }
        words_set(object, "bus", name);
        words_set(object, "port", xml_get(address, "port"));
    }
}

unsigned words_number(const struct words *words, const struct xml *device)
{
    unsigned n = 0;

    if (alias_number(device, &n)) {
        return n;
    }
    for (const struct xml *d = xml_find(words->devices, device->name); d != NULL && d != device;
         d = xml_next(words->devices, device->name, d)) {
        n++;
    }
    return n;
}

/* What <boot dev=> calls a device. */
static const char *boot_class(const struct xml *device)
{
    if (strcmp(device->name, "interface") == 0) {
        return "network";
    }
    if (strcmp(device->name, "disk") == 0) {
        return xml_is(device, "device", "cdrom")    ? "cdrom"
               : xml_is(device, "device", "floppy") ? "fd"
                                                    : "hd";
    }
    return "";
}

unsigned words_boot_index(const struct words *words, const struct xml *device)
{
    const char *class = boot_class(device);
    const struct xml *os = xml_find(words->domain, "os");
    const struct xml *other;
    unsigned n = 1;

    if (xml_find(device, "boot") != NULL) {
        return words_attribute(xml_find(device, "boot"), "order", 0);
    }
    /* Only the first of its class takes part. */
    for (unsigned i = 0; (other = xml_child(words->devices, i)) != device; i++) {
        if (strcmp(boot_class(other), class) == 0) {
            return 0;
        }
    }
    for (const struct xml *b = xml_find(os, "boot"); b != NULL; b = xml_next(os, "boot", b), n++) {
        if (xml_is(b, "dev", class)) {
            return n;
        }
    }
    return 0;
}
