/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/main/host.h"

#include "machine/core/arch.h"

#include <gio/gio.h>
#include <string.h>

/* Accelerators by the names the command line knows; no class: not built yet. */
static const struct {
    const char *name;
    const struct accel_class *class;
    bool listed;
} accels[] = {
    {"tcg", &accel_interp, true}, {"interp", &accel_interp, true}, {"qtest", &accel_qtest, true},
    {"kvm", &accel_kvm, true},    {"jit", &accel_jit, true},       {"xen", NULL, false},
    {"hax", NULL, false},
};

void accels_list(GString *out)
{
    g_string_append(out, "Accelerators supported by this binary:\n");
    for (unsigned i = 0; i < G_N_ELEMENTS(accels); i++) {
        if (accels[i].listed) {
            g_string_append_printf(out, "%s\n", accels[i].name);
        }
    }
}

const char *accels_nth(unsigned n)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(accels); i++) {
        if (accels[i].listed && n-- == 0) {
            return accels[i].name;
        }
    }
    return NULL;
}

const char *accels_public_name(const struct accel_class *accel)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(accels); i++) {
        if (accels[i].class == accel) {
            return accels[i].name;
        }
    }
    return accel->name;
}

/* `tcg` is QEMU's name of its translator: ours where it knows the guest's code. */
static const struct accel_class *translator(const struct cpu_arch *arch)
{
    return arch && arch->translation ? &accel_jit : &accel_interp;
}

static const struct accel_class *find(const struct cpu_arch *arch, const char *name, GError **error)
{
    if (g_str_equal(name, "tcg")) {
        return translator(arch);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(accels); i++) {
        if (!g_str_equal(accels[i].name, name)) {
            continue;
        }
        if (!accels[i].class) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                        "accelerator '%s' is not built yet", name);
        }
        return accels[i].class;
    }
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "invalid accelerator %s", name);
    return NULL;
}

/* One candidate: {"accel": name, properties}. */
static gboolean try_one(struct host *h, json_object *options, bool forced, GError **error)
{
    const char *name = json_object_get_string(json_object_object_get(options, "accel"));
    const struct accel_class *class = find(h->board->arch, name ? name : "", error);
    g_autofree char *what = g_strdup_printf("accelerator '%s'", name ? name : "");
    json_object *props;
    gboolean ok;

    if (!class) {
        return FALSE;
    }
    if (class == &accel_kvm && h->setup->arch != board_arch(NULL)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "accelerator 'kvm' cannot run %s guests on this host", h->setup->arch->name);
        return FALSE;
    }
    h->accel_props = g_malloc0(class->props_size + 1);
    row_defaults(class->props, h->accel_props);
    props = json_object_new_object();
    json_object_object_foreach(options, key, value)
    {
        if (!g_str_equal(key, "accel")) {
            json_object_object_add(props, key, json_object_get(value));
        }
    }
    ok = row_set_all(class->props, h->accel_props, what, props, error) &&
         (!class->probe || class->probe(forced, error));
    json_object_put(props);
    if (!ok) {
        row_clear(class->props, h->accel_props);
        g_clear_pointer(&h->accel_props, g_free);
        return FALSE;
    }
    h->config.accel = class;
    h->config.accel_props = h->accel_props;
    return TRUE;
}

static void put_json(gpointer value)
{
    json_object_put(value);
}

/* The candidates in order: -accel, or -machine accel=a:b, or the default. */
static GPtrArray *candidates(const struct setup *s)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(put_json);
    const char *text = s->machine.accel ? s->machine.accel : s->qtests->len ? "qtest" : "tcg";
    g_auto(GStrv) names = g_strsplit(text, ":", -1);

    for (guint i = 0; i < s->accels->len; i++) {
        g_ptr_array_add(list, json_object_get(s->accels->pdata[i]));
    }
    for (char **name = names; *name && !s->accels->len; name++) {
        json_object *o = json_object_new_object();

        json_object_object_add(o, "accel", json_object_new_string(*name));
        g_ptr_array_add(list, o);
    }
    return list;
}

gboolean accels_choose(struct host *h, GError **error)
{
    g_autoptr(GPtrArray) list = NULL;
    g_autoptr(GError) first = NULL;

    if (h->setup->machine.accel && h->setup->accels->len) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "The -accel and \"-machine accel=\" options are incompatible");
        return FALSE;
    }
    list = candidates(h->setup);
    for (guint i = 0; i < list->len; i++) {
        g_autoptr(GError) why = NULL;

        if (try_one(h, list->pdata[i], list->len == 1, &why)) {
            return TRUE;
        }
        if (list->len > 1) {
            g_printerr("viv-machine: %s%s\n", why->message,
                       i + 1 < list->len ? "; trying the next accelerator" : "");
        }
        if (!first) {
            first = g_steal_pointer(&why);
        }
    }
    if (first) {
        g_propagate_error(error, g_steal_pointer(&first));
    }
    return FALSE;
}
