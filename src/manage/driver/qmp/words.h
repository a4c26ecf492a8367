/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A command line in the making: words, JSON values, and a definition's names for them. */
#ifndef VIV_MANAGE_DRIVER_QMP_WORDS_H
#define VIV_MANAGE_DRIVER_QMP_WORDS_H

#include "manage/conf/xml.h"
#include "manage/driver/qmp/argv.h"

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>

struct words {
    GPtrArray *list; /* char *, owned */
    const struct xml *domain, *devices;
    const struct argv_env *env;
    unsigned node; /* number of a disk's nodes; 0: by its place among the disks */
};

/* "-option" and its value as printf makes it; a NULL format: no value. */
void words_add(struct words *words, const char *option, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
/* "-option" and a JSON object, which it takes. */
void words_add_json(struct words *words, const char *option, json_object *value);
/* A value for a comma-separated option: commas doubled. To be freed. */
char *words_quote(const char *text);

/* New objects: {"driver": name}, {"qom-type": name, "id": id}. */
json_object *words_device(const char *driver);
json_object *words_object(const char *type, const char *id);
void words_set(json_object *object, const char *key, const char *value);
void words_set_int(json_object *object, const char *key, int64_t value);
void words_set_bool(json_object *object, const char *key, bool value);

/* Adds "bus" and "addr" (and "multifunction") of a device's PCI address, if it has one. */
void words_set_pci(json_object *object, const struct words *words, const struct xml *device);
/* The same for a USB address. */
void words_set_usb(json_object *object, const struct xml *device);
/* A device's number among those of its name: the 0 of "net0". */
unsigned words_number(const struct words *words, const struct xml *device);
/* An attribute as a number, with any C prefix; `fallback` where there is none. */
unsigned words_attribute(const struct xml *node, const char *name, unsigned fallback);
/* The place of a device in the order of booting, 0: none. */
unsigned words_boot_index(const struct words *words, const struct xml *device);

#endif
