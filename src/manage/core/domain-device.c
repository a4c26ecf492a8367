/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices that come, go and change: of a running domain by its driver, of a definition as when one
 * is defined. Either is made ready before anything is done, so that a refusal changes nothing.
 */
#include "manage/conf/fault.h"
#include "manage/core/affect.h"
#include "manage/core/driver.h"
#include "manage/core/handlers.h"

#include <string.h>

enum change { ATTACH, DETACH, UPDATE };

/* What tells a device from others of its kind: an attribute of a child. */
static const struct {
    const char *kind, *child, *attribute;
} keys[] = {{"disk", "target", "dev"}, {"interface", "mac", "address"}};

static const char *key_of(const struct xml *device)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (strcmp(keys[i].kind, device->name) == 0) {
            return xml_get(xml_find(device, keys[i].child), keys[i].attribute);
        }
    }
    return NULL;
}

/* Is everything that is said of one true of the other? */
static bool fits(const struct xml *said, const struct xml *device)
{
    const struct xml *child;

    if (said->text != NULL && g_strcmp0(said->text, device->text) != 0) {
        return false;
    }
    for (char **a = said->attributes; a != NULL && *a != NULL; a += 2) {
        if (!xml_is(device, a[0], a[1])) {
            return false;
        }
    }
    for (unsigned i = 0; (child = xml_child(said, i)) != NULL; i++) {
        const struct xml *other = xml_find(device, child->name);

        while (other != NULL && !fits(child, other)) {
            other = xml_next(device, child->name, other);
        }
        if (other == NULL) {
            return false;
        }
    }
    return true;
}

static bool has_key(const struct xml *device)
{
    return strcmp(device->name, "disk") == 0 || strcmp(device->name, "interface") == 0;
}

/* By its key, or where its kind has none by all that is said of it. */
static struct xml *find_same(struct xml *devices, const struct xml *device)
{
    const char *key = key_of(device);

    for (struct xml *d = xml_find(devices, device->name); d != NULL;
         d = xml_next(devices, device->name, d)) {
        if (has_key(device) ? key != NULL && g_strcmp0(key_of(d), key) == 0 : fits(device, d)) {
            return d;
        }
    }
    return NULL;
}

static unsigned index_of(const struct xml *devices, const struct xml *device)
{
    unsigned i = 0;

    while (xml_child(devices, i) != device) {
        i++;
    }
    return i;
}

/* Takes the device. Behind the last of its bus, as libvirt sorts disks; else of its kind. */
static struct xml *insert(struct xml *devices, struct xml *device)
{
    const char *bus = xml_get(xml_find(device, "target"), "bus");
    const struct xml *last = NULL, *same = NULL;

    for (struct xml *d = xml_find(devices, device->name); d != NULL;
         d = xml_next(devices, device->name, d)) {
        last = d;
        if (bus != NULL && xml_is(xml_find(d, "target"), "bus", bus)) {
            same = d;
        }
    }
    last = same != NULL ? same : last;
    return xml_insert(devices, last != NULL ? index_of(devices, last) + 1 : G_MAXUINT, device);
}

static bool missing(const struct xml *device, GError **error)
{
    const char *key = key_of(device);

    if (key == NULL) {
        return fault_set(error, FAULT_DEVICE_MISSING, "matching %s device was not found",
                         device->name);
    }
    return strcmp(device->name, "disk") == 0
               ? fault_set(error, FAULT_DEVICE_MISSING, "no target device %s", key)
               : fault_set(error, FAULT_DEVICE_MISSING, "no device matching MAC address %s found",
                           key);
}

static bool twice(const struct xml *device, const struct xml *other, GError **error)
{
    const char *mine = xml_get(xml_find(device, "source"), "file");
    const char *its = xml_get(xml_find(other, "source"), "file");

    if (strcmp(device->name, "interface") == 0) {
        return true; /* as libvirt: two of one address are its user's trouble */
    }
    return fault_set(error, FAULT_XML_ERROR,
                     "target '%s' duplicated for disk sources '%s' and '%s'", key_of(device),
                     its != NULL ? its : "(null)", mine != NULL ? mine : "(null)");
}

/* What an update may leave out is as it was: where the device sits. */
static void keep_place(struct xml *device, const struct xml *old)
{
    const struct xml *address = xml_find(old, "address");

    if (address != NULL && xml_find(device, "address") == NULL) {
        xml_append(device, xml_copy(address));
    }
}

/* Changes a tree; *ret_device: the one in it that is new, NULL after a detach. */
static bool change_tree(struct domain_def *def, const struct xml *device, enum change change,
                        struct xml **ret_device, GError **error)
{
    struct xml *devices = domain_def_devices(def);
    struct xml *old = find_same(devices, device), *copy;

    *ret_device = NULL;
    if (change == ATTACH) {
        if (old != NULL && has_key(device) && !twice(device, old, error)) {
            return false;
        }
        *ret_device = insert(devices, xml_copy(device));
        return true;
    }
    if (old == NULL) {
        return missing(device, error);
    }
    if (change == UPDATE) {
        copy = xml_copy(device);
        keep_place(copy, old);
        *ret_device = xml_insert(devices, index_of(devices, old), copy);
    }
    xml_drop(old);
    return true;
}

/* The device of the whole definition that this one became. */
static struct xml *became(const struct domain_def *whole, const struct xml *device)
{
    struct xml *devices = domain_def_devices(whole);
    struct xml *found = find_same(devices, device);

    for (struct xml *d = xml_find(devices, device->name); d != NULL && key_of(device) == NULL;
         d = xml_next(devices, device->name, d)) {
        found = d;
    }
    return found;
}

/* A definition with the change, whole and checked. Waits without the domain's lock. */
static struct domain_def *changed(struct call *call, const struct domain_def *def,
                                  const struct xml *device, enum change change, GError **error)
{
    const struct driver *driver = call->host->driver;
    g_autoptr(domain_def_own) copy = domain_def_copy(def);
    struct domain_def *whole;
    struct xml *fresh;
    bool good;

    if (!change_tree(copy, device, change, &fresh, error)) {
        return NULL;
    }
    whole = domain_def_from_xml(g_steal_pointer(&copy->root), driver->rules, error);
    if (whole == NULL || change == DETACH) {
        return whole;
    }
    object_unlock(call->object);
    good = driver->complete == NULL || driver->complete(call->host, whole, error);
    object_lock(call->object);
    if (good && became(whole, device) == NULL) {
        good = fault_set(error, FAULT_XML_ERROR, "unknown device type '%s'", device->name);
    }
    if (!good) {
        domain_def_free(whole);
        return NULL;
    }
    return whole;
}

static unsigned controllers(const struct domain_def *def)
{
    struct xml *devices = domain_def_devices(def);
    unsigned n = 0;

    for (struct xml *d = xml_find(devices, "controller"); d != NULL;
         d = xml_next(devices, "controller", d)) {
        n++;
    }
    return n;
}

static bool change_live(struct call *call, struct domain_def *whole, struct xml *given,
                        enum change change, GError **error)
{
    const struct driver_device *driver = call->host->driver->device;
    struct domain *domain = call->domain;
    struct xml *device, *old;

    if (change == DETACH) {
        old = find_same(domain_def_devices(domain->def), given);
        return old != NULL ? driver->detach(domain, old, error) : missing(given, error);
    }
    if (controllers(whole) != controllers(domain->def)) {
        return fault_set(error, FAULT_INTERNAL_ERROR, "No more available PCI slots");
    }
    device = became(whole, given);
    if (!(change == ATTACH ? driver->attach : driver->update)(domain, device, error)) {
        return false;
    }
    device = xml_take(device);
    old = find_same(domain_def_devices(domain->def), given);
    if (change == UPDATE && old != NULL) {
        xml_insert(domain_def_devices(domain->def), index_of(domain_def_devices(domain->def), old),
                   device);
        xml_drop(old);
    } else {
        insert(domain_def_devices(domain->def), device);
    }
    return true;
}

static bool put_config(struct call *call, struct domain_def *config)
{
    struct domain *domain = call->domain;
    struct domain_def **at = domain_is_active(domain) ? &domain->next_def : &domain->def;

    domain_def_free(*at);
    *at = config;
    return true;
}

static bool carry_out(struct call *call, struct xml *device, unsigned which, enum change change,
                      GError **error)
{
    g_autoptr(domain_def_own) config = NULL;
    g_autoptr(domain_def_own) live = NULL;
    struct domain_def *kept[2] = {NULL, NULL};

    if ((which & AFFECT_LIVE) != 0 && call->host->driver->device == NULL) {
        return fault_set(error, FAULT_NO_SUPPORT, "%s", call->proc->symbol);
    }
    if ((which & AFFECT_CONFIG) != 0 &&
        (config = changed(call, domain_config_def(call->domain), device, change, error)) == NULL) {
        return false;
    }
    if ((which & AFFECT_LIVE) != 0) {
        live = changed(call, call->domain->def, device, change, error);
        if (live == NULL || !domain_check_active(call->domain, error) ||
            !change_live(call, live, device, change, error)) {
            return false;
        }
        kept[0] = domain_is_active(call->domain) ? call->domain->def : NULL;
    }
    if (config != NULL) {
        put_config(call, g_steal_pointer(&config));
        kept[1] = domain_inactive_def(call->domain);
    }
    return domain_keep(call, kept, error);
}

static bool run(struct call *call, enum change change, bool flags, GError **error)
{
    g_autoptr(xml_own) device = xml_parse(call_string(call, 1), "device_definition", error);
    unsigned which;

    if (device == NULL) {
        return false;
    }
    if (!flags && !domain_check_active(call->domain, error)) {
        return false; /* the older calls mean the running domain */
    }
    if (strcmp(device->name, "disk") == 0 && key_of(device) == NULL) {
        return fault_set(error, FAULT_XML_ERROR,
                         "missing target information for device of type 'disk'");
    }
    return affect_which(call, &which, error) && carry_out(call, device, which, change, error);
}

bool domain_attach_device(struct call *call, GError **error)
{
    return run(call, ATTACH, proc_id(call->proc) != PROC_DOMAIN_ATTACH_DEVICE, error);
}

bool domain_detach_device(struct call *call, GError **error)
{
    return run(call, DETACH, proc_id(call->proc) != PROC_DOMAIN_DETACH_DEVICE, error);
}

bool domain_update_device(struct call *call, GError **error)
{
    return run(call, UPDATE, true, error);
}
