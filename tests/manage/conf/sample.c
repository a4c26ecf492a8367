/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sample.h"

#include "manage/conf/hardware.h"

#include <string.h>

static char *machine(void *opaque, const char *arch, const char *name)
{
    static const char *const names[][2] = {
        {"q35", "pc-q35-7.2"}, {"pc", "pc-i440fx-7.2"}, {"virt", "virt-7.2"}};

    (void)opaque;
    if (strcmp(arch, "riscv64") == 0) {
        return g_strdup(name != NULL ? name : "virt");
    }
    for (unsigned i = 0; name != NULL && i < G_N_ELEMENTS(names); i++) {
        if (strcmp(names[i][0], name) == 0) {
            return g_strdup(names[i][1]);
        }
    }
    return g_strcmp0(name, "nonesuch") == 0 ? NULL
                                            : g_strdup(name != NULL ? name : "pc-i440fx-7.2");
}

static char *emulator(void *opaque, const char *arch)
{
    (void)opaque;
    return g_strdup_printf("/usr/bin/qemu-system-%s", strcmp(arch, "i686") == 0 ? "i386" : arch);
}

static char *default_cpu(void *opaque, const char *arch, const char *name)
{
    (void)opaque;
    (void)name;
    return strcmp(arch, "i686") == 0     ? g_strdup("qemu32")
           : strcmp(arch, "x86_64") == 0 ? g_strdup("qemu64")
                                         : NULL;
}

static const struct hardware_host host = {
    .machine = machine, .emulator = emulator, .default_cpu = default_cpu};

static bool check(struct domain_def *def, GError **error)
{
    return hardware_complete(def->root, &host, error);
}

static const char *const types[] = {"kvm", "qemu", NULL};
const struct domain_rules sample_rules = {.types = types, .default_arch = "x86_64", .check = check};

static char *folder_path(const char *folder)
{
    return g_build_filename(g_getenv("MANAGE_DATA"), "domain-xml", folder, NULL);
}

char *sample_read(const char *folder, const char *name)
{
    g_autofree char *dir = folder_path(folder);
    g_autofree char *path = g_build_filename(dir, name, NULL);
    g_autoptr(GError) error = NULL;
    char *text;

    g_file_get_contents(path, &text, NULL, &error);
    g_assert_no_error(error);
    return text;
}

char **sample_names(const char *suffix)
{
    g_autofree char *path = folder_path("normalised");
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) dir = g_dir_open(path, 0, &error);
    GPtrArray *names = g_ptr_array_new();
    const char *name;

    g_assert_no_error(error);
    while ((name = g_dir_read_name(dir)) != NULL) {
        if (g_str_has_suffix(name, suffix)) {
            g_ptr_array_add(names, g_strdup(name));
        }
    }
    g_assert_cmpuint(names->len, ==, 20);
    g_ptr_array_add(names, NULL);
    return (char **)g_ptr_array_free(names, FALSE);
}
