/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lists that `help` and `?` ask for. */
#include "machine/guest/x86/system/cpuid.h"
#include "machine/main/groups.h"
#include "machine/main/host.h"
#include "machine/main/options.h"

#include <gio/gio.h>
#include <string.h>

static bool is_help(const char *text)
{
    return text && (g_str_equal(text, "help") || g_str_equal(text, "?"));
}

static const char *member(json_object *o, const char *name)
{
    json_object *v;

    return json_object_object_get_ex(o, name, &v) && json_object_is_type(v, json_type_string)
               ? json_object_get_string(v)
               : NULL;
}

/* "driver,help": the word among the switches. */
static bool wants_help(json_object *o)
{
    return json_object_object_get_ex(o, "help", NULL) || json_object_object_get_ex(o, "?", NULL);
}

/* ---- machines and CPUs --------------------------------------------------------------------------
 */

static void list_machines(const struct cpu_arch *arch, GString *out)
{
    const struct board_class *b;

    g_string_append(out, "Supported machines are:\n");
    for (unsigned n = 0; (b = board_nth(arch, n)); n++) {
        const char *newest = b->aliases && b->aliases[0] ? b->aliases[0] : b->name;

        g_string_append_printf(out, "%-20s %s%s%s%s%s\n", b->name, b->description,
                               b->aliases ? " (alias of " : "", b->aliases ? newest : "",
                               b->aliases ? ")" : "", n == 0 ? " (default)" : "");
        for (const char *const *a = b->aliases; a && *a; a++) {
            g_string_append_printf(out, "%-20s %s\n", *a, b->description);
        }
    }
}

static void list_archs(const struct cpu_arch *own, GString *out)
{
    g_string_append(out, "Guest architectures:\n");
    for (const struct cpu_arch *const *a = board_archs(); *a; a++) {
        g_string_append_printf(out, "%s%s\n", (*a)->name, *a == own ? " (the host's own)" : "");
    }
}

static void machine_properties(const struct board_class *board, GString *out)
{
    g_string_append_printf(out, "%s machine options:\n", board->name);
    row_help(machine_rows, out);
    row_help(board->props, out);
}

static void list_cpus(const struct cpu_arch *arch, GString *out)
{
    g_string_append(out, "Available CPUs:\n");
    if (arch->model_nth) {
        for (unsigned n = 0; arch->model_nth(n); n++) {
            g_string_append_printf(out, "%s %s\n", arch->name, arch->model_nth(n));
        }
        return;
    }
    for (const struct x86_model_info *m = x86_models(); m->name; m++) {
        g_string_append_printf(out, "x86 %-20s  %s\n", m->name, m->description);
    }
}

/* ---- devices ------------------------------------------------------------------------------------
 */

static void add_row(const struct row *row, void *opaque)
{
    const struct row one[2] = {*row, {NULL}};

    row_help(one, opaque);
}

static void list_devices(GString *out)
{
    g_autoptr(GHashTable) done = g_hash_table_new(g_str_hash, g_str_equal);
    const struct dev_class *first, *class;

    for (unsigned i = 0; (first = devices_nth(i)); i++) {
        const char *category = first->category ? first->category : "Misc";

        if (first->internal || !g_hash_table_add(done, (gpointer)category)) {
            continue;
        }
        g_string_append_printf(out, "%s%s devices:\n", g_hash_table_size(done) > 1 ? "\n" : "",
                               category);
        for (unsigned n = i; (class = devices_nth(n)); n++) {
            const char *mine = class->category ? class->category : "Misc";

            if (class->internal || !g_str_equal(mine, category)) {
                continue;
            }
            g_string_append_printf(out, "name \"%s\"", class->name);
            if (class->bus_type) {
                g_string_append_printf(out, ", bus %s", class->bus_type);
            }
            if (class->alias) {
                g_string_append_printf(out, ", alias \"%s\"", class->alias);
            }
            if (class->description) {
                g_string_append_printf(out, ", desc \"%s\"", class->description);
            }
            g_string_append_c(out, '\n');
        }
    }
}

static gboolean device_properties(const char *driver, GString *out, GError **error)
{
    const struct dev_class *class = devices_class(driver);

    if (!class) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "'%s' is not a valid device model name, or is not built yet", driver);
        return FALSE;
    }
    g_string_append_printf(out, "%s options:\n", class->name);
    dev_class_each_prop(class, add_row, out);
    return TRUE;
}

/* ---- back ends ----------------------------------------------------------------------------------
 */

static void list_chardevs(GString *out)
{
    g_string_append(out, "Available chardev backend types:\n");
    for (unsigned n = 0; chardev_kind(n).name; n++) {
        g_string_append_printf(out, "  %s\n", chardev_kind(n).name);
    }
}

static void list_netdevs(GString *out)
{
    g_string_append(out, "Available netdev backend types:\n");
    for (unsigned n = 0; netdev_kind(n).name; n++) {
        g_string_append_printf(out, "%s\n", netdev_kind(n).name);
    }
}

static void list_nics(GString *out)
{
    const struct dev_class *class;

    g_string_append(out, "Available NIC models (the default is virtio-net-pci):\n");
    for (unsigned n = 0; (class = devices_nth(n)); n++) {
        if (!class->internal && g_strcmp0(class->category, "Network") == 0) {
            g_string_append_printf(out, "%s\n", class->name);
        }
    }
}

static void list_objects(GString *out)
{
    g_string_append(out, "List of user creatable objects:\n");
    for (unsigned n = 0; objects_kind(n); n++) {
        g_string_append_printf(out, "  %s\n", objects_kind(n)->type);
    }
}

static void list_folders(const struct setup *s, GString *out)
{
    for (guint i = 0; i < s->data_dirs->len; i++) {
        if (!is_help(s->data_dirs->pdata[i])) {
            g_string_append_printf(out, "%s\n", (char *)s->data_dirs->pdata[i]);
        }
    }
    g_string_append(out, "/usr/share/seabios\n/usr/share/OVMF\n/usr/share/qemu\n");
}

/* ---- dispatch
 * ------------------------------------------------------------------------------------ */

/* Help on one kind's options: "user,help". */
static bool rows_help(const char *title, const struct row *rows, GString *out)
{
    g_string_append_printf(out, "%s options:\n", title);
    row_help(rows, out);
    return true;
}

static bool item_help(const struct setup *s, GString *out, GError **error)
{
    for (guint i = 0; i < s->devices->len; i++) {
        const char *driver = member(s->devices->pdata[i], "driver");

        if (is_help(driver)) {
            list_devices(out);
            return true;
        }
        if (driver && wants_help(s->devices->pdata[i])) {
            return device_properties(driver, out, error);
        }
    }
    for (guint i = 0; i < s->objects->len; i++) {
        const char *type = member(s->objects->pdata[i], "qom-type");

        if (is_help(type)) {
            list_objects(out);
            return true;
        }
        if (type && wants_help(s->objects->pdata[i]) && objects_class(type)) {
            return rows_help(type, objects_class(type)->rows, out);
        }
    }
    for (guint i = 0; i < s->chardevs->len; i++) {
        const char *backend = member(s->chardevs->pdata[i], "backend");

        if (is_help(backend)) {
            list_chardevs(out);
            return true;
        }
        for (unsigned n = 0; backend && chardev_kind(n).name; n++) {
            if (wants_help(s->chardevs->pdata[i]) && chardev_kind(n).rows &&
                g_str_equal(backend, chardev_kind(n).name)) {
                return rows_help(backend, chardev_kind(n).rows, out);
            }
        }
    }
    for (guint i = 0; i < s->netdevs->len; i++) {
        const char *type = member(s->netdevs->pdata[i], "type");

        if (is_help(type)) {
            list_netdevs(out);
            return true;
        }
        for (unsigned n = 0; type && netdev_kind(n).name; n++) {
            if (wants_help(s->netdevs->pdata[i]) && netdev_kind(n).rows &&
                g_str_equal(type, netdev_kind(n).name)) {
                return rows_help(type, netdev_kind(n).rows, out);
            }
        }
    }
    return false;
}

bool lists_print(const struct setup *s, GString *out, GError **error)
{
    const struct board_class *board = s->machine.type ? board_find(s->arch, s->machine.type) : NULL;

    if (is_help(s->arch_name)) {
        list_archs(board_arch(NULL), out);
    } else if (is_help(s->machine.type)) {
        list_machines(s->arch, out);
    } else if (board && wants_help(s->board_options)) {
        machine_properties(board, out);
    } else if (is_help(s->cpu)) {
        list_cpus(s->arch, out);
    } else if (s->accels->len && is_help(member(s->accels->pdata[0], "accel"))) {
        accels_list(out);
    } else if (s->nics->len && (is_help(member(s->nics->pdata[0], "type")) ||
                                is_help(member(s->nics->pdata[0], "model")))) {
        list_nics(out);
    } else if (s->data_dirs->len && is_help(s->data_dirs->pdata[s->data_dirs->len - 1])) {
        list_folders(s, out);
    } else {
        return accels_diagnose(s, out, error) || item_help(s, out, error);
    }
    return true;
}
