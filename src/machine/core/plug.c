/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices that come to a machine after its launch, and leave it. Main loop; whatever takes a device
 * away does it with every vCPU at a safe point, so that nobody holds a region of it.
 *
 *   device_del -> machine_unplug -> the bus asks the guest -> ... -> the bus sets dev->fate and
 * asks for MACHINE_UNPLUG -> machine_settle
 */
#include "machine/core/machine_private.h"

#include <gio/gio.h>

/* How long a device that the guest was asked for is not asked for again. */
#define PATIENCE_NS (INT64_C(5) * 1000 * 1000 * 1000)

static gboolean refuse(GError **error, const char *format, const char *what)
{
    g_autofree char *text = g_strdup_printf(format, what);

    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, text);
    return FALSE;
}

gboolean machine_may_plug(const struct machine *m, const char *command, GError **error)
{
    if (m->state == MACHINE_INMIGRATE || m->state == MACHINE_FINISH_MIGRATE) {
        return refuse(error, "%s not allowed while migrating", command);
    }
    return TRUE;
}

void machine_hotplugged(struct machine *m, struct dev *dev)
{
    const struct dev_bus_hotplug *hotplug = dev->parent ? dev->parent->hotplug : NULL;

    dev_reset(dev);
    if (dev->class->pause && !machine_is_running(m)) {
        dev->class->pause(dev);
    }
    if (hotplug && hotplug->added) {
        hotplug->added(dev->parent, dev);
    }
}

json_object *dev_event_data(const struct dev *dev)
{
    json_object *data = json_object_new_object();

    if (dev->id) {
        json_object_object_add(data, "device", json_object_new_string(dev->id));
    }
    json_object_object_add(data, "path", json_object_new_string(dev->path));
    return data;
}

/* What sits on a device's own buses goes first. Their depth is bounded as the buses' is. */
static void remove_tree(struct machine *m, struct dev *dev)
{
    json_object *data;

    for (unsigned i = 0; dev->buses && i < dev->buses->len; i++) {
        const struct dev_bus *bus = g_ptr_array_index(dev->buses, i);

        while (bus->devices->len > 0) {
            remove_tree(m, g_ptr_array_index(bus->devices, bus->devices->len - 1));
        }
    }
    if (dev->class->pause && machine_is_running(m)) {
        dev->class->pause(dev);
    }
    data = dev_event_data(dev);
    machine_remove_dev(m, dev);
    machine_event(m, "DEVICE_DELETED", data);
}

static struct dev *next_fated(const struct machine *m)
{
    for (unsigned i = 0; i < m->devices->len; i++) {
        struct dev *dev = g_ptr_array_index(m->devices, i);

        if (__atomic_load_n(&dev->fate, __ATOMIC_ACQUIRE) != DEV_STAYS) {
            return dev;
        }
    }
    return NULL;
}

static void reset_one(struct machine *m, struct dev *dev)
{
    bool running = machine_is_running(m);

    if (dev->class->pause && running) {
        dev->class->pause(dev);
    }
    dev_reset(dev);
    if (dev->class->resume && running) {
        dev->class->resume(dev);
    }
}

static void settle(void *opaque)
{
    struct machine *m = opaque;
    struct dev *dev;

    while ((dev = next_fated(m))) {
        struct dev_bus *bus = dev->parent;
        enum dev_fate fate = __atomic_exchange_n(&dev->fate, DEV_STAYS, __ATOMIC_ACQ_REL);

        if (fate == DEV_RESETS) {
            reset_one(m, dev);
            continue;
        }
        remove_tree(m, dev);
        if (bus && bus->hotplug && bus->hotplug->removed) {
            bus->hotplug->removed(bus);
        }
    }
}

void machine_settle(struct machine *m)
{
    if (next_fated(m)) {
        machine_synchronised(m, settle, m);
    }
}

gboolean machine_unplug(struct machine *m, struct dev *dev, GError **error)
{
    struct dev_bus *bus = dev->parent;
    int64_t asked = __atomic_load_n(&dev->asked_until, __ATOMIC_RELAXED);
    int64_t now = clock_now(m->clock, CLOCK_GUEST);

    if (!machine_may_plug(m, "device_del", error)) {
        return FALSE;
    }
    if (asked && now < asked) {
        return refuse(error, "Device %s is already in the process of unplug",
                      dev->id ? dev->id : dev->path);
    }
    if (!bus) {
        return refuse(error, "Device '%s' does not support hotplugging", dev->class->name);
    }
    if (!bus->hotplug) {
        return refuse(error, "Bus '%s' does not support hotplugging", bus->name);
    }
    __atomic_store_n(&dev->asked_until, now + PATIENCE_NS, __ATOMIC_RELAXED);
    if (!bus->hotplug->ask(bus, dev, error)) {
        __atomic_store_n(&dev->asked_until, asked, __ATOMIC_RELAXED);
        return FALSE;
    }
    machine_settle(m);
    return TRUE;
}
