/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -monitor, -qmp, -mon and -qtest, and what monitors reach of the host. */
#include "machine/monitor/keys.h"
#include "machine/monitor/migration.h"
#include "machine/monitor/monitor.h"

#include "machine/dev/pc/i8042.h"
#include "machine/main/groups.h"
#include "machine/main/host.h"
#include "machine/main/options.h"
#include "machine/virtio/devices.h"

#include <gio/gio.h>
#include <string.h>

enum monitor_kind { MONITOR_HUMAN, MONITOR_QMP, MONITOR_QTEST };

struct monitor {
    enum monitor_kind kind;
    union {
        struct human *human;
        struct qmp_session *qmp;
        struct qtest *qtest;
    };
};

/* ---- what the environment asks
 * -------------------------------------------------------------------- */

static bool machine_nth(void *opaque, unsigned n, struct monitor_machine *ret)
{
    const struct host *h = opaque;
    const struct board_class *b;

    for (unsigned i = 0; (b = board_nth(h->setup->arch, i)); i++) {
        unsigned names = b->aliases ? g_strv_length((char **)b->aliases) : 0;
        unsigned mine = MAX(names, 1);

        if (n >= mine) {
            n -= mine;
            continue;
        }
        *ret = (struct monitor_machine){
            .name = names ? b->aliases[n] : b->name,
            .alias = names && n == 0 ? b->name : NULL,
            .cpu_type = b->cpu_type,
            .ram_id = b->ram_id,
            .cpu_max = MAX(b->max_cpus, 1),
            .is_default = i == 0 && n == 0,
        };
        return true;
    }
    return false;
}

static bool object_nth(void *opaque, unsigned n, struct monitor_object *ret)
{
    struct object *o = objects_nth(((struct host *)opaque)->objects, n);

    if (o) {
        *ret = (struct monitor_object){o->id, o->type, objects_class(o->type)->rows, o};
    }
    return o != NULL;
}

static bool object_kind(unsigned n, struct monitor_object *ret)
{
    const struct object_class *class = objects_kind(n);

    if (class) {
        *ret = (struct monitor_object){NULL, class->type, class->rows, NULL};
    }
    return class != NULL;
}

/* QEMU's option groups go by their group's name, which differs from the option's here. */
static const char *group_name(const char *option)
{
    static const struct {
        const char *option, *group;
    } names[] = {{"m", "memory"}, {"smp", "smp-opts"}, {"boot", "boot-opts"}};

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_str_equal(names[i].option, option)) {
            return names[i].group;
        }
    }
    return option;
}

static bool option_nth(unsigned n, const char **ret_name, const struct row **ret_rows)
{
    for (const struct option *o = option_table; o->name; o++) {
        if (!o->arg || o->section == SECTION_MISSING || g_str_equal(o->name, "M")) {
            continue;
        }
        if (n-- == 0) {
            *ret_name = group_name(o->name);
            *ret_rows = o->rows;
            return true;
        }
    }
    return false;
}

static gboolean object_add(void *opaque, json_object *options, GError **error)
{
    return objects_add(((struct host *)opaque)->objects, options, error) != NULL;
}

static gboolean object_remove(void *opaque, const char *id, GError **error)
{
    return objects_remove(((struct host *)opaque)->objects, id, error);
}

static json_object *iothreads(void *opaque)
{
    return objects_query_iothreads(((struct host *)opaque)->objects);
}

static gboolean device_add(void *opaque, json_object *options, GError **error)
{
    return devices_hotplug(opaque, options, error);
}

static struct dev *find_balloon(struct host *h, GError **error)
{
    for (guint i = 0; i < h->machine->devices->len; i++) {
        if (virtio_is_balloon(h->machine->devices->pdata[i])) {
            return h->machine->devices->pdata[i];
        }
    }
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "No balloon device has been activated");
    return NULL;
}

static gboolean balloon_get(void *opaque, uint64_t *ret_bytes, GError **error)
{
    struct dev *dev = find_balloon(opaque, error);

    if (dev) {
        *ret_bytes = virtio_balloon_actual(dev);
    }
    return dev != NULL;
}

static gboolean balloon_set(void *opaque, uint64_t bytes, GError **error)
{
    struct dev *dev = find_balloon(opaque, error);

    if (dev) {
        virtio_balloon_set_target(dev, bytes);
    }
    return dev != NULL;
}

static bool key(void *opaque, uint16_t code, bool down)
{
    struct host *h = opaque;

    for (guint i = 0; i < h->machine->devices->len; i++) {
        struct dev *dev = h->machine->devices->pdata[i];

        if (dev_is(dev, &i8042_class)) {
            i8042_key(dev, code, down);
            return true;
        }
    }
    return false;
}

static void fill_env(struct host *h)
{
    const char *name = h->board->aliases ? h->board->aliases[0] : h->board->name;

    for (const char *const *a = h->board->aliases; a && *a && h->setup->machine.type; a++) {
        name = g_str_equal(*a, h->setup->machine.type) ? *a : name;
    }
    h->board_type = g_strdup_printf("%s-machine", name);
    h->env = (struct monitor_env){
        .migration = migration_new(&h->env),
        .held_keys = keys_held_new(),
        .machine = h->machine,
        .config = &h->config,
        .chardevs = h->chardevs,
        .netdevs = h->netdevs,
        .graph = h->graph,
        .nodes = h->nodes,
        .backends = h->backends,
        .fds = h->fds,
        .accel = accels_public_name(h->config.accel),
        .arch = h->setup->arch,
        .board = h->board->name,
        .board_type = h->board_type,
        .class_nth = devices_nth,
        .accel_nth = accels_nth,
        .machine_nth = machine_nth,
        .object_nth = object_nth,
        .object_kind = object_kind,
        .option_nth = option_nth,
        .object_add = object_add,
        .object_remove = object_remove,
        .device_add = device_add,
        .iothreads = iothreads,
        .balloon_get = balloon_get,
        .balloon_set = balloon_set,
        .key = key,
        .opaque = h,
    };
}

/* ---- making
 * ---------------------------------------------------------------------------------------- */

static gboolean open_on(struct host *h, struct chardev *c, enum monitor_kind kind, bool pretty,
                        GError **error)
{
    struct monitor *m = g_new0(struct monitor, 1);
    void *opened;

    m->kind = kind;
    switch (kind) {
    case MONITOR_HUMAN: opened = m->human = human_open(&h->env, c, error); break;
    case MONITOR_QMP: opened = m->qmp = qmp_open(&h->env, c, pretty, error); break;
    default: opened = m->qtest = qtest_open(&h->env, c, h->setup->qtest_log, error); break;
    }
    if (!opened) {
        g_free(m);
        return FALSE;
    }
    g_ptr_array_add(h->monitors, m);
    return TRUE;
}

static gboolean open_short(struct host *h, const char *text, enum monitor_kind kind, bool pretty,
                           GError **error)
{
    static const char *const prefixes[] = {"compat_monitor", "compat_monitor", "qtest"};
    g_autofree char *id = g_strdup_printf("%s%u", prefixes[kind], h->monitors->len);
    g_autoptr(GError) why = NULL;
    struct chardev *c = chardev_new_short(h->chardevs, id, text, &why);

    if (why) {
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    return !c || open_on(h, c, kind, pretty, error);
}

static gboolean open_list(struct host *h, GPtrArray *list, enum monitor_kind kind, bool pretty,
                          const char *option, GError **error)
{
    for (guint i = 0; i < list->len; i++) {
        if (!open_short(h, list->pdata[i], kind, pretty, error)) {
            g_prefix_error(error, "-%s %s: ", option, (char *)list->pdata[i]);
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean open_mon(struct host *h, json_object *options, GError **error)
{
    struct mon_opts o = {0};
    struct chardev *c;
    gboolean ok;

    row_defaults(mon_rows, &o);
    ok = row_set_all(mon_rows, &o, "-mon", options, error);
    if (ok) {
        c = chardev_find(h->chardevs, o.chardev);
        if (!c) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "-mon: chardev \"%s\" not found",
                        o.chardev);
        }
        ok = c &&
             open_on(h, c, o.mode == MON_CONTROL ? MONITOR_QMP : MONITOR_HUMAN, o.pretty, error);
    }
    row_clear(mon_rows, &o);
    return ok;
}

/* "mon:" serial ports and -nographic share their device with a human monitor. */
static gboolean open_shared(struct host *h, GError **error)
{
    for (unsigned i = 0; i < CONFIG_SERIALS; i++) {
        struct chardev *c =
            h->config.serial[i] ? chardev_find(h->chardevs, h->config.serial[i]) : NULL;
        const char *text = i < h->setup->serials->len ? h->setup->serials->pdata[i] : "mon:";

        if (c && chardev_is_mux(c) && g_str_has_prefix(text, "mon:") &&
            !open_on(h, c, MONITOR_HUMAN, false, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

gboolean monitors_build(struct host *h, GError **error)
{
    const struct setup *s = h->setup;

    h->monitors = g_ptr_array_new();
    fill_env(h);
    if (!open_shared(h, error) ||
        !open_list(h, s->monitors, MONITOR_HUMAN, false, "monitor", error) ||
        !open_list(h, s->qmps, MONITOR_QMP, false, "qmp", error) ||
        !open_list(h, s->qmps_pretty, MONITOR_QMP, true, "qmp-pretty", error) ||
        !open_list(h, s->qtests, MONITOR_QTEST, false, "qtest", error)) {
        return FALSE;
    }
    for (guint i = 0; i < s->mons->len; i++) {
        if (!open_mon(h, s->mons->pdata[i], error)) {
            return FALSE;
        }
    }
    return TRUE;
}

void monitors_free(struct host *h)
{
    for (guint i = 0; h->monitors && i < h->monitors->len; i++) {
        struct monitor *m = h->monitors->pdata[i];

        switch (m->kind) {
        case MONITOR_HUMAN: human_close(m->human); break;
        case MONITOR_QMP: qmp_close(m->qmp); break;
        case MONITOR_QTEST: qtest_close(m->qtest); break;
        }
        g_free(m);
    }
    g_clear_pointer(&h->monitors, g_ptr_array_unref);
    g_clear_pointer(&h->env.migration, migration_free);
    g_clear_pointer(&h->env.held_keys, g_ptr_array_unref);
    g_free(h->board_type);
}
