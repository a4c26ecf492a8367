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
    for (unsigned i = 0; i < G_N_ELEMENTS(accels); i++) {
        g_autoptr(GString) facts = g_string_new(NULL);
        g_autoptr(GError) why = NULL;

        if (accels[i].class && accels[i].class->diagnose) {
            bool ok = accels[i].class->diagnose(facts, &why);

            g_string_append_printf(
                out, "\n%s is %s%s\n", accels[i].name,
                ok ? "the default" : "not the default: ", ok ? "" : why->message);
        }
    }
}

/* "name,probe" */
static const struct accel_class *probed(json_object *options)
{
    const char *name = json_object_get_string(json_object_object_get(options, "accel"));
    const char *probe = json_object_get_string(json_object_object_get(options, "probe"));

    for (unsigned i = 0; name && i < G_N_ELEMENTS(accels); i++) {
        if (g_str_equal(accels[i].name, name) && accels[i].class && accels[i].class->diagnose &&
            probe && g_str_equal(probe, "on")) {
            return accels[i].class;
        }
    }
    return NULL;
}

bool accels_diagnose(const struct setup *s, GString *out, GError **error)
{
    const struct accel_class *class = s->accels->len ? probed(s->accels->pdata[0]) : NULL;

    if (class && class->diagnose(out, error)) {
        g_string_append_printf(out, "%s is the default here\n", class->name);
    }
    return class != NULL;
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

static gboolean check_guest(const struct setup *s, const struct accel_class *class, GError **error)
{
    if (class->guest && !g_str_equal(s->arch->name, class->guest)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "accelerator '%s' cannot run %s guests on this host", class->name,
                    s->arch->name);
        return FALSE;
    }
    return TRUE;
}

/* One candidate: {"accel": name, properties}. */
static gboolean try_one(struct host *h, json_object *options, bool forced, GError **error)
{
    const char *name = json_object_get_string(json_object_object_get(options, "accel"));
    const struct accel_class *class = find(h->board->arch, name ? name : "", error);
    g_autofree char *what = g_strdup_printf("accelerator '%s'", name ? name : "");
    json_object *props;
    gboolean ok;

    if (!class || !check_guest(h->setup, class, error)) {
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

/* Nobody chose. KVM if it is hardware's, unless the command line asks for what it cannot do. */
static const char *default_names(const struct host *h)
{
    const struct setup *s = h->setup;
    const struct cpu_arch *arch = h->board->arch;

    if (s->qtests->len) {
        return "qtest";
    }
    return arch && g_str_equal(arch->name, accel_kvm.guest) && !s->icount_given && !s->log.items &&
                   !s->incoming
               ? "kvm:tcg"
               : "tcg";
}

/* The candidates in order: -accel, or -machine accel=a:b, or the default. */
static GPtrArray *candidates(const struct host *h)
{
    const struct setup *s = h->setup;
    GPtrArray *list = g_ptr_array_new_with_free_func(put_json);
    g_auto(GStrv) names =
        g_strsplit(s->machine.accel ? s->machine.accel : default_names(h), ":", -1);

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

/* One of several cannot be: one line says why. */
static void tell_refusal(const struct setup *s, bool more, const GError *why)
{
    if (s->machine.accel || s->accels->len) {
        g_printerr("viv-machine: %s%s\n", why->message,
                   more ? "; trying the next accelerator" : "");
    } else {
        g_printerr("viv-machine: KVM is not used: %s\n", why->message);
    }
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
    list = candidates(h);
    for (guint i = 0; i < list->len; i++) {
        g_autoptr(GError) why = NULL;

        if (try_one(h, list->pdata[i], list->len == 1, &why)) {
            return TRUE;
        }
        if (list->len > 1) {
            tell_refusal(h->setup, i + 1 < list->len, why);
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
