/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -device and -global: the registry of classes and the making of devices. */
#include "machine/virtio/devices.h"
#include "machine/board/lpc.h"
#include "machine/board/mch.h"
#include "machine/dev/classes.h"
#include "machine/dev/pc/smbus.h"
#include "machine/main/host.h"
#include "machine/pci/bridge.h"

#include <gio/gio.h>
#include <string.h>

/* The boards' own, for -global and introspection. */
static const struct dev_class *const board_dev_classes[] = {&lpc_class, &mch_class, &q35_host_class,
                                                            &smbus_class, NULL};

/* What folders contribute; each list ends with NULL. */
static const struct dev_class *const *const lists[] = {pci_classes, virtio_classes, dev_classes,
                                                       board_dev_classes};

/* Drivers of accelerators that are not built yet: -global may name them. */
static const char *const absent_drivers[] = {"kvm-pit", "kvm-apic", "kvmclock", "kvm-ioapic",
                                             "kvm-i8259"};

const struct dev_class *devices_nth(unsigned n)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(lists); i++) {
        for (const struct dev_class *const *p = lists[i]; *p; p++) {
            if (n-- == 0) {
                return *p;
            }
        }
    }
    return NULL;
}

const struct dev_class *devices_class(const char *name)
{
    const struct dev_class *class;

    for (unsigned n = 0; (class = devices_nth(n)); n++) {
        if (g_str_equal(class->name, name) || (class->alias && g_str_equal(class->alias, name))) {
            return class;
        }
    }
    return NULL;
}

/* ---- -global -----------------------------------------------------------------------------------
 */

static const char *member(json_object *o, const char *name)
{
    return json_object_get_string(json_object_object_get(o, name));
}

/* A -global for a class counts for those built on it too. */
static bool is_for(json_object *global, const struct dev_class *class)
{
    for (; class; class = class->base) {
        if (g_str_equal(member(global, "driver"), class->name)) {
            return true;
        }
    }
    return false;
}

void devices_defaults(struct machine *m, struct dev *dev)
{
    struct host *h = m->owner;

    for (guint i = 0; i < h->setup->globals->len; i++) {
        json_object *g = h->setup->globals->pdata[i];
        g_autoptr(GError) error = NULL;

        if (is_for(g, dev->class) &&
            !dev_set(dev, member(g, "property"), json_object_object_get(g, "value"), &error) &&
            !h->global_error) {
            g_prefix_error(&error, "can't apply global %s.%s=%s: ", member(g, "driver"),
                           member(g, "property"), member(g, "value"));
            h->global_error = g_steal_pointer(&error);
        }
    }
}

gboolean devices_check_globals(struct host *h, GError **error)
{
    if (h->global_error) {
        g_propagate_error(error, g_steal_pointer(&h->global_error));
        return FALSE;
    }
    for (guint i = 0; i < h->setup->globals->len; i++) {
        const char *driver = member(h->setup->globals->pdata[i], "driver");
        bool known = devices_class(driver) != NULL;

        for (unsigned n = 0; n < G_N_ELEMENTS(absent_drivers); n++) {
            known = known || g_str_equal(driver, absent_drivers[n]);
        }
        for (guint n = 0; n < h->machine->devices->len; n++) {
            known = known || is_for(h->setup->globals->pdata[i],
                                    ((struct dev *)h->machine->devices->pdata[n])->class);
        }
        if (!known) {
            g_printerr("viv-machine: warning: global %s.%s has invalid class name\n", driver,
                       member(h->setup->globals->pdata[i], "property"));
        }
    }
    return TRUE;
}

/* ---- links -------------------------------------------------------------------------------------
 */

static void *missing(const char *what, const char *id, GError **error)
{
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "Property '%s' can't find value '%s'",
                what, id);
    return NULL;
}

void *devices_find(struct machine *m, enum row_link kind, const char *id, GError **error)
{
    struct host *h = m->owner;
    void *found;

    switch (kind) {
    case ROW_LINK_BLOCK: return drives_find(h, id, error);
    case ROW_LINK_CHARDEV:
        found = chardev_find(h->chardevs, id);
        return found ? found : missing("chardev", id, error);
    case ROW_LINK_NETDEV:
        found = netdev_find(h->netdevs, id);
        return found ? found : missing("netdev", id, error);
    case ROW_LINK_OBJECT:
    case ROW_LINK_IOTHREAD:
        found = objects_find(h->objects, id);
        if (found) {
            objects_pin(h->objects, id);
        }
        return found ? found : missing("object", id, error);
    case ROW_LINK_NONE: break;
    }
    return missing("link", id, error);
}

void devices_release(struct machine *m, enum row_link kind, void *found)
{
    struct host *h = m->owner;

    if (kind == ROW_LINK_BLOCK) {
        drives_release(h, found);
    } else {
        objects_unpin(h->objects, found);
    }
}

/* ---- making ------------------------------------------------------------------------------------
 */

static gboolean fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static gboolean fail(GError **error, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    if (error) {
        *error = g_error_new_valist(G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, format, ap);
    }
    va_end(ap);
    return FALSE;
}

static const char *take_text(json_object *options, const char *name)
{
    json_object *v;

    if (!json_object_object_get_ex(options, name, &v) ||
        !json_object_is_type(v, json_type_string)) {
        return NULL;
    }
    return json_object_get_string(v);
}

static gboolean choose_bus(struct host *h, const struct dev_class *class, const char *name,
                           struct dev_bus **ret, GError **error)
{
    *ret = NULL;
    if (!class->bus_type) {
        return name ? fail(error, "Device '%s' can't go on a bus", class->name) : TRUE;
    }
    *ret = machine_find_bus(h->machine, name, class->bus_type);
    if (!*ret && name) {
        return fail(error, "Bus '%s' not found", name);
    }
    if (!*ret) {
        return fail(error, "No '%s' bus found for device '%s'", class->bus_type, class->name);
    }
    if (name && !g_str_equal((*ret)->type, class->bus_type)) {
        return fail(error, "Device '%s' can't go on %s bus", class->name, (*ret)->type);
    }
    return TRUE;
}

/* QEMU's properties of classes we have, refused by name. */
static const char *const absent_props[] = {"iothread",    "failover",       "acpi-index",
                                           "ats",         "iommu_platform", "packed",
                                           "page-per-vq", "x-pcie-flr-init"};

struct wanted {
    const char *name;
    bool found;
};

static void match_prop(const struct row *row, void *opaque)
{
    struct wanted *w = opaque;

    w->found = w->found || g_str_equal(row->name, w->name);
}

static bool has_prop(const struct dev_class *class, const char *name)
{
    struct wanted w = {name, false};

    dev_class_each_prop(class, match_prop, &w);
    return w.found;
}

static gboolean check_built(const struct dev *dev, const char *name, GError **error)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(absent_props); i++) {
        if (g_str_equal(name, absent_props[i]) && !has_prop(dev->class, name)) {
            return fail(error, "Property '%s.%s' is not built yet", dev->class->name, name);
        }
    }
    return TRUE;
}

static gboolean set_options(struct dev *dev, json_object *options, GError **error)
{
    static const char *const own[] = {"driver", "id", "bus", "failover_pair_id", NULL};

    json_object_object_foreach(options, name, value)
    {
        if (!g_strv_contains(own, name) &&
            (!check_built(dev, name, error) || !dev_set(dev, name, value, error))) {
            return FALSE;
        }
    }
    dev->options = json_object_get(options);
    return TRUE;
}

/* A letter, then letters, digits, '-', '.' and '_'. */
static bool is_identifier(const char *id)
{
    size_t len = strlen(id);

    return g_ascii_isalpha(id[0]) &&
           strspn(id, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-._") == len;
}

/* `hot`: the machine runs already. */
static gboolean check_place(const struct dev_class *class, const struct dev_bus *bus, bool hot,
                            GError **error)
{
    if (hot && !bus) {
        return fail(error, "Device '%s' does not support hotplugging", class->name);
    }
    if (hot && !bus->hotplug) {
        return fail(error, "Bus '%s' does not support hotplugging", bus->name);
    }
    return TRUE;
}

static struct dev *add(struct host *h, json_object *options, bool hot, GError **error)
{
    const char *driver = take_text(options, "driver");
    const char *id = take_text(options, "id");
    const struct dev_class *class = driver ? devices_class(driver) : NULL;
    struct dev_bus *bus;
    struct dev *dev;

    if (!driver) {
        fail(error, "Parameter 'driver' is missing");
        return NULL;
    }
    if (!class || class->internal) {
        fail(error, "'%s' is not a valid device model name, or is not built yet", driver);
        return NULL;
    }
    if (id && machine_find_dev(h->machine, id)) {
        fail(error, "Duplicate device ID '%s'", id);
        return NULL;
    }
    if (id && !is_identifier(id)) {
        fail(error, "Parameter 'id' expects an identifier");
        return NULL;
    }
    if (!choose_bus(h, class, take_text(options, "bus"), &bus, error) ||
        !check_place(class, bus, hot, error)) {
        return NULL;
    }
    dev = dev_new(class, id, &h->machine->env);
    dev->hotplugged = hot;
    if (!set_options(dev, options, error) || !dev_realize(dev, bus, error)) {
        dev_free(dev);
        return NULL;
    }
    machine_add_dev(h->machine, dev);
    return dev;
}

struct dev *devices_add(struct host *h, json_object *options, GError **error)
{
    return add(h, options, false, error);
}

struct hotplug {
    struct host *h;
    json_object *options;
    struct dev *dev;
    GError *error;
};

static void hotplug(void *opaque)
{
    struct hotplug *p = opaque;

    p->dev = add(p->h, p->options, true, &p->error);
    if (p->dev) {
        machine_hotplugged(p->h->machine, p->dev);
    }
}

gboolean devices_hotplug(struct host *h, json_object *options, GError **error)
{
    struct hotplug p = {h, options, NULL, NULL};

    if (!machine_may_plug(h->machine, "device_add", error)) {
        return FALSE;
    }
    machine_synchronised(h->machine, hotplug, &p);
    if (p.error) {
        g_propagate_error(error, p.error);
    }
    return p.dev != NULL;
}
