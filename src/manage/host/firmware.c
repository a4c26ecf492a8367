/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/host/firmware.h"
#include "base/least.h"

#include <fnmatch.h>
#include <json-c/json.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_BYTES (1024 * 1024)
#define MAX_ITEMS 256

static json_object *member(json_object *object, const char *name, json_type type)
{
    json_object *value;

    return json_object_is_type(object, json_type_object) &&
                   json_object_object_get_ex(object, name, &value) &&
                   json_object_is_type(value, type)
               ? value
               : NULL;
}

static const char *text(json_object *object, const char *name)
{
    json_object *value = member(object, name, json_type_string);

    return value != NULL ? json_object_get_string(value) : NULL;
}

static size_t length(json_object *array)
{
    return array != NULL ? min_u64(json_object_array_length(array), MAX_ITEMS) : 0;
}

static void add_strings(GPtrArray *words, json_object *array)
{
    for (size_t i = 0; i < length(array); i++) {
        json_object *word = json_object_array_get_idx(array, i);

        if (json_object_is_type(word, json_type_string)) {
            g_ptr_array_add(words, g_strdup(json_object_get_string(word)));
        }
    }
}

static char **strings(json_object *array)
{
    GPtrArray *words = g_ptr_array_new();

    add_strings(words, array);
    g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_free(words, FALSE);
}

static char **targets(json_object *array)
{
    GPtrArray *words = g_ptr_array_new();

    for (size_t i = 0; i < length(array); i++) {
        json_object *target = json_object_array_get_idx(array, i);
        json_object *machines = member(target, "machines", json_type_array);
        const char *arch = text(target, "architecture");

        for (size_t k = 0; arch != NULL && k < length(machines); k++) {
            json_object *machine = json_object_array_get_idx(machines, k);

            g_ptr_array_add(words, g_strdup(arch));
            g_ptr_array_add(words, g_strdup(json_object_get_string(machine)));
        }
    }
    g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_free(words, FALSE);
}

static void firmware_free(void *opaque)
{
    struct firmware *firmware = opaque;

    g_free(firmware->name);
    g_strfreev(firmware->interfaces);
    g_strfreev(firmware->features);
    g_strfreev(firmware->targets);
    g_free(firmware->code);
    g_free(firmware->code_format);
    g_free(firmware->nvram);
    g_free(firmware->nvram_format);
    g_free(firmware);
}

/* Flash of one file for both, or without a store, is like a ROM in having no NVRAM of its own. */
static struct firmware *parse(const char *name, json_object *root)
{
    json_object *mapping = member(root, "mapping", json_type_object);
    json_object *executable = member(mapping, "executable", json_type_object);
    json_object *nvram = member(mapping, "nvram-template", json_type_object);
    const char *device = text(mapping, "device");
    bool flash = g_strcmp0(device, "flash") == 0;
    const char *code = flash ? text(executable, "filename") : text(mapping, "filename");
    struct firmware *firmware;

    if (code == NULL || !g_path_is_absolute(code) || (!flash && g_strcmp0(device, "memory") != 0)) {
        return NULL;
    }
    firmware = g_new0(struct firmware, 1);
    firmware->name = g_strdup(name);
    firmware->interfaces = strings(member(root, "interface-types", json_type_array));
    firmware->features = strings(member(root, "features", json_type_array));
    firmware->targets = targets(member(root, "targets", json_type_array));
    firmware->flash = flash;
    firmware->code = g_strdup(code);
    firmware->code_format = g_strdup(flash ? text(executable, "format") : "raw");
    if (flash && nvram != NULL && text(nvram, "filename") != NULL) {
        firmware->nvram = g_strdup(text(nvram, "filename"));
        firmware->nvram_format = g_strdup(text(nvram, "format"));
    }
    return firmware;
}

static struct firmware *read_one(const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autofree char *content = NULL;
    struct firmware *firmware = NULL;
    json_object *root = NULL;
    struct stat st;

    if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && st.st_size <= MAX_BYTES &&
        g_file_get_contents(path, &content, NULL, NULL)) {
        root = json_tokener_parse(content);
        firmware = parse(name, root);
    }
    json_object_put(root);
    return firmware;
}

static int by_name(const void *a, const void *b)
{
    const struct firmware *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

GPtrArray *firmware_list(const char *const *folders)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(firmware_free);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (const char *const *folder = folders; *folder != NULL; folder++) {
        g_autoptr(GDir) dir = g_dir_open(*folder, 0, NULL);
        const char *name;

        while (dir != NULL && (name = g_dir_read_name(dir)) != NULL && list->len < MAX_ITEMS) {
            struct firmware *firmware;

            if (g_str_has_suffix(name, ".json") && g_hash_table_add(seen, g_strdup(name)) &&
                (firmware = read_one(*folder, name)) != NULL) {
                g_ptr_array_add(list, firmware);
            }
        }
    }
    g_ptr_array_sort(list, by_name);
    return list;
}

char **firmware_folders(bool session)
{
    GStrvBuilder *folders = g_strv_builder_new();
    g_autofree char *own = g_build_filename(g_get_user_config_dir(), "qemu", "firmware", NULL);
    char **list;

    if (session) {
        g_strv_builder_add(folders, own);
    }
    g_strv_builder_add(folders, "/etc/qemu/firmware");
    g_strv_builder_add(folders, "/usr/share/qemu/firmware");
    list = g_strv_builder_end(folders);
    g_strv_builder_unref(folders);
    return list;
}

bool firmware_fits(const struct firmware *firmware, const char *arch, const char *machine)
{
    for (char **t = firmware->targets; t[0] != NULL; t += 2) {
        if (strcmp(t[0], arch) == 0 && fnmatch(t[1], machine, 0) == 0) {
            return true;
        }
    }
    return false;
}

bool firmware_has(char *const *list, const char *word)
{
    return g_strv_contains((const char *const *)list, word);
}
