/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/core/dev.h"

#include "base/endian.h"

#include <gio/gio.h>

#define MAX_DEPTH 8

/* The class and its bases, most basic first. */
struct chain {
    const struct dev_class *class[MAX_DEPTH];
    unsigned n;
};

static struct chain chain_of(const struct dev_class *class)
{
    struct chain c = {.n = 0}, reversed = {.n = 0};

    for (; class; class = class->base) {
        g_assert(reversed.n < MAX_DEPTH);
        reversed.class[reversed.n++] = class;
    }
    while (reversed.n > 0) {
        c.class[c.n++] = reversed.class[--reversed.n];
    }
    return c;
}

struct dev_bus *dev_bus_new(struct dev *owner, const char *type, const char *bus_name)
{
    struct dev_bus *bus = g_new0(struct dev_bus, 1);

    bus->name = bus_name ? g_strdup(bus_name)
                         : g_strdup_printf("%s.0", owner->id ? owner->id : owner->class->name);
    bus->type = type;
    bus->owner = owner;
    bus->devices = g_ptr_array_new();
    if (!owner->buses) {
        owner->buses = g_ptr_array_new();
    }
    g_ptr_array_add(owner->buses, bus);
    return bus;
}

static void bus_drop(struct dev_bus *bus)
{
    for (unsigned i = 0; i < bus->devices->len; i++) {
        ((struct dev *)g_ptr_array_index(bus->devices, i))->parent = NULL;
    }
    g_ptr_array_unref(bus->devices);
    g_free(bus->name);
    g_free(bus);
}

static void drop_buses(struct dev *dev)
{
    if (dev->buses) {
        g_ptr_array_foreach(dev->buses, (GFunc)(void (*)(void))bus_drop, NULL);
        g_clear_pointer(&dev->buses, g_ptr_array_unref);
    }
}

struct dev *dev_new(const struct dev_class *class, const char *id, const struct dev_env *env)
{
    struct chain c = chain_of(class);
    struct dev *dev;

    g_assert(class->instance_size >= sizeof(struct dev));
    dev = g_malloc0(class->instance_size);
    dev->class = class;
    dev->id = g_strdup(id);
    dev->env = env;
    g_mutex_init(&dev->lock);
    for (unsigned i = 0; i < c.n; i++) {
        if (c.class[i] -> props) {
            row_defaults(c.class[i] -> props, dev);
        }
    }
    if (env->defaults) {
        env->defaults(env->machine, dev);
    }
    return dev;
}

/* The table that has a row of that name; the nearest class wins. */
static const struct row *rows_with(const struct dev_class *class, const char *name)
{
    for (; class; class = class->base) {
        if (class->props && row_find(class->props, name)) {
            return class->props;
        }
    }
    return NULL;
}

gboolean dev_set(struct dev *dev, const char *name, json_object *value, GError **error)
{
    const struct row *rows = rows_with(dev->class, name);
    g_autofree char *what = g_strdup_printf("device '%s'", dev->class->name);

    if (!rows) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_UNKNOWN, "Property '%s.%s' not found",
                    dev->class->name, name);
        return FALSE;
    }
    return row_set(rows, dev, what, name, value, error);
}

gboolean dev_set_str(struct dev *dev, const char *name, const char *value, GError **error)
{
    json_object *v = json_object_new_string(value);
    gboolean ok = dev_set(dev, name, v, error);

    json_object_put(v);
    return ok;
}

json_object *dev_get(struct dev *dev, const char *name)
{
    const struct row *rows = rows_with(dev->class, name);

    if (rows) {
        return row_get(rows, dev, name);
    }
    for (const struct dev_class *class = dev->class; class; class = class->base) {
        json_object *v = class->get_extra ? class->get_extra(dev, name) : NULL;

        if (v) {
            return v;
        }
    }
    return NULL;
}

void dev_class_each_prop(const struct dev_class *class,
                         void (*fn)(const struct row *row, void *opaque), void *opaque)
{
    struct chain c = chain_of(class);

    for (unsigned i = 0; i < c.n; i++) {
        for (const struct row *row = c.class[i] -> props; row && row->name; row++) {
            fn(row, opaque);
        }
    }
}

bool dev_is(const struct dev *dev, const struct dev_class *class)
{
    for (const struct dev_class *c = dev->class; c; c = c->base) {
        if (c == class) {
            return true;
        }
    }
    return false;
}

/* A required text that nobody gave. */
static gboolean check_required(struct dev *dev, GError **error)
{
    for (const struct dev_class *class = dev->class; class; class = class->base) {
        for (const struct row *row = class->props; row && row->name; row++) {
            if ((row->flags & ROW_REQUIRED) && (row->type == ROW_STR || row->type == ROW_LINK) &&
                !*(char **)((uint8_t *)dev + row->offset)) {
                g_set_error(error, ROW_ERROR, ROW_ERROR_MISSING,
                            "device '%s' needs the property '%s'", dev->class->name, row->name);
                return FALSE;
            }
        }
    }
    return TRUE;
}

/* Undoes the first `n` realize hooks of the chain, last first. */
static void unrealize(struct dev *dev, const struct chain *c, unsigned n)
{
    while (n-- > 0) {
        if (c->class[n] -> unrealize) {
            c->class[n]->unrealize(dev);
        }
    }
}

static void leave_bus(struct dev *dev)
{
    struct dev_bus *bus = dev->parent;

    if (bus) {
        if (bus->unplug) {
            bus->unplug(bus, dev);
        }
        g_ptr_array_remove(bus->devices, dev);
        dev->parent = NULL;
    }
}

gboolean dev_realize(struct dev *dev, struct dev_bus *bus, GError **error)
{
    struct chain c = chain_of(dev->class);

    g_assert(!dev->realized);
    if (!check_required(dev, error)) {
        return FALSE;
    }
    if (bus) {
        if (bus->plug && !bus->plug(bus, dev, error)) {
            return FALSE;
        }
        dev->parent = bus;
        g_ptr_array_add(bus->devices, dev);
    }
    for (unsigned i = 0; i < c.n; i++) {
        if (c.class[i] -> realize && !c.class[i] -> realize(dev, error)) {
            unrealize(dev, &c, i + 1);
            drop_buses(dev);
            leave_bus(dev);
            return FALSE;
        }
    }
    dev->realized = true;
    return TRUE;
}

void dev_free(struct dev *dev)
{
    if (!dev) {
        return;
    }
    struct chain c = chain_of(dev->class);

    if (dev->realized) {
        unrealize(dev, &c, c.n);
        leave_bus(dev);
    }
    drop_buses(dev);
    for (unsigned i = 0; i < c.n; i++) {
        if (c.class[i] -> props) {
            row_clear(c.class[i] -> props, dev);
        }
    }
    json_object_put(dev->options);
    g_free(dev->path);
    g_free(dev->id);
    g_mutex_clear(&dev->lock);
    g_free(dev);
}

void dev_reset(struct dev *dev)
{
    struct chain c = chain_of(dev->class);

    for (unsigned i = 0; i < c.n; i++) {
        state_reset(c.class[i] -> state, dev);
    }
    for (unsigned i = 0; i < c.n; i++) {
        if (c.class[i] -> reset) {
            c.class[i]->reset(dev);
        }
    }
}

static const char *path_of(const struct dev *dev)
{
    return dev->path ? dev->path : dev->class->name;
}

void dev_save(struct dev *dev, GByteArray *out)
{
    struct chain c = chain_of(dev->class);
    const char *path = path_of(dev);
    uint8_t head[6];

    st_le16(head, strlen(path));
    st_le32(head + 2, dev->class->state_version);
    g_byte_array_append(out, head, sizeof(head));
    g_byte_array_append(out, (const uint8_t *)path, strlen(path));
    for (unsigned i = 0; i < c.n; i++) {
        state_save(c.class[i] -> state, dev, out);
    }
}

bool dev_owns_state(const struct dev *dev, const uint8_t *data, size_t left)
{
    const char *path = path_of(dev);
    size_t len = strlen(path);

    return left >= 6 && ld_le16(data) == len && left - 6 >= len && memcmp(data + 6, path, len) == 0;
}

static gboolean load_head(struct dev *dev, const uint8_t **data, size_t *left, GError **error)
{
    const char *path = path_of(dev);
    size_t len = strlen(path);

    if (!dev_owns_state(dev, *data, *left)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                    "saved state is not of this machine: device '%s' expected", path);
        return FALSE;
    }
    if (ld_le32(*data + 2) != dev->class->state_version) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                    "saved state of device '%s' has version %u, this program reads %u", path,
                    ld_le32(*data + 2), dev->class->state_version);
        return FALSE;
    }
    *data += 6 + len;
    *left -= 6 + len;
    return TRUE;
}

gboolean dev_load(struct dev *dev, const uint8_t **data, size_t *left, GError **error)
{
    struct chain c = chain_of(dev->class);

    if (!load_head(dev, data, left, error)) {
        return FALSE;
    }
    for (unsigned i = 0; i < c.n; i++) {
        if (!state_load(c.class[i] -> state, dev, data, left, error)) {
            g_prefix_error(error, "%s: ", path_of(dev));
            return FALSE;
        }
    }
    for (unsigned i = 0; i < c.n; i++) {
        if (c.class[i] -> post_load && !c.class[i] -> post_load(dev, error)) {
            g_prefix_error(error, "%s: ", path_of(dev));
            return FALSE;
        }
    }
    return TRUE;
}
