/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opening and creating images as the common options say. */
#include "image/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- key=value lists ---- */

/* One element up to a single comma; ",," stands for ",". */
static char *element(const char **at)
{
    GString *text = g_string_new(NULL);

    while (**at != '\0') {
        if (**at == ',') {
            (*at)++;
            if (**at != ',') {
                break;
            }
        }
        g_string_append_c(text, *(*at)++);
    }
    return g_string_free(text, FALSE);
}

json_object *image_keyval(const char *text, const char *implied, GError **error)
{
    json_object *options = json_object_new_object();
    bool first = true;

    while (*text != '\0') {
        g_autofree char *pair = element(&text);
        char *equals = strchr(pair, '=');

        if (equals != NULL) {
            *equals = '\0';
            json_object_object_add(options, pair, json_object_new_string(equals + 1));
        } else if (first && implied != NULL) {
            json_object_object_add(options, implied, json_object_new_string(pair));
        } else {
            json_object_object_add(options, pair, json_object_new_string("on"));
        }
        if (pair[0] == '\0') {
            g_set_error(error, BLOCK_ERROR, EINVAL, "Invalid parameter '%s'", pair);
            json_object_put(options);
            return NULL;
        }
        first = false;
    }
    return options;
}

/* ---- opening ---- */

static struct block_node *open_options(const struct image_args *args, const char *text,
                                       unsigned flags, GError **error)
{
    json_object *options = image_keyval(text, "driver", error);
    g_autofree char *json = NULL;
    struct block_node *node;

    if (options == NULL) {
        return NULL;
    }
    if (!json_object_object_get_ex(options, "file.driver", NULL) &&
        json_object_object_get_ex(options, "file.filename", NULL)) {
        json_object_object_add(options, "file.driver", json_object_new_string("file"));
    }
    json = g_strdup_printf("json:%s", json_object_to_json_string(options));
    json_object_put(options);
    node = block_open_file(json, NULL, flags, NULL, args->graph, error);
    return node;
}

struct block_node *image_open(const struct image_args *args, const char *name, const char *format,
                              const char *cache, unsigned flags)
{
    GError *error = NULL;
    struct block_node *node;
    bool writethrough;

    if (image_has(args, 'U')) {
        flags |= BLOCK_O_FORCE_SHARE;
    }
    if (cache != NULL && !block_cache_mode(cache, &flags, &writethrough)) {
        image_fail("Invalid cache option: %s", cache);
        return NULL;
    }
    if (image_has(args, IMAGE_KEY_IMAGE_OPTS)) {
        if (format != NULL) {
            image_fail("--image-opts and --format are mutually exclusive");
            return NULL;
        }
        node = open_options(args, name, flags, &error);
    } else {
        node = block_open_file(name, format, flags, NULL, args->graph, &error);
    }
    if (node == NULL) {
        g_prefix_error(&error, "Could not open '%s': ", name);
        image_fail_error(error);
    }
    return node;
}

/* ---- snapshots ---- */

static bool parse_snapshot(const char *text, json_object **ret)
{
    json_object *options = image_keyval(text, NULL, NULL);

    if (options == NULL) {
        image_fail("Failed in parsing snapshot param '%s'", text);
        return false;
    }
    json_object_object_foreach(options, key, value)
    {
        (void)value;
        if (strcmp(key, "snapshot.id") != 0 && strcmp(key, "snapshot.name") != 0) {
            image_fail("Invalid parameter '%s'", key);
            image_fail("Failed in parsing snapshot param '%s'", text);
            json_object_put(options);
            return false;
        }
    }
    *ret = options;
    return true;
}

static int load(struct block_node *node, const char *id, const char *name, GError **error)
{
    if (node->driver->snapshot_load == NULL) {
        g_set_error(error, BLOCK_ERROR, ENOTSUP,
                    "Block format '%s' used by device '' does not support temporarily loading "
                    "internal snapshots",
                    node->driver->name);
        return -ENOTSUP;
    }
    return node->driver->snapshot_load(node, id, name, error);
}

/* What is not a list of options is an ID or else a name. */
static int load_either(struct block_node *node, const char *text, GError **error)
{
    int r = load(node, text, NULL, error);

    if (r == -ENOENT) {
        g_clear_error(error);
        r = load(node, NULL, text, error);
    }
    return r;
}

bool image_load_snapshot(const struct image_args *args, struct block_node *node)
{
    const char *text = image_value(args, 'l');
    json_object *options = NULL;
    GError *error = NULL;
    int r;

    if (!g_str_has_prefix(text, "snapshot.")) {
        r = load_either(node, text, &error);
    } else if (parse_snapshot(text, &options)) {
        r = load(node, block_opt_string(options, "snapshot.id", NULL),
                 block_opt_string(options, "snapshot.name", NULL), &error);
        json_object_put(options);
    } else {
        return false;
    }
    if (r < 0) {
        g_prefix_error(&error, "Failed to load snapshot: ");
        image_fail_error(error);
    }
    return r == 0;
}

/* ---- creating ---- */

const struct block_driver *image_create_driver(const char *filename, const char *format)
{
    const struct block_driver *driver = block_driver_find(format);

    if (driver == NULL) {
        image_fail("%s%sUnknown file format '%s'", filename != NULL ? filename : "",
                   filename != NULL ? ": " : "", format);
    } else if (driver->create_options == NULL) {
        image_fail("%s: Format driver '%s' does not support image creation", filename, format);
        driver = NULL;
    }
    return driver;
}

static bool known_option(const struct block_driver *driver, const char *name)
{
    for (const struct block_option *row = driver->create_options; row->name != NULL; row++) {
        if (strcmp(row->name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* qemu-img's creation options that this library does not have. */
static bool not_built(const char *name)
{
    return g_str_has_prefix(name, "encrypt") || g_str_has_prefix(name, "data_file") ||
           strcmp(name, "nocow") == 0 || strcmp(name, "extent_size_hint") == 0;
}

json_object *image_create_options(const struct image_args *args, const struct block_driver *driver,
                                  const char *filename)
{
    json_object *all = json_object_new_object();

    for (unsigned i = 0; i < args->create_options->len; i++) {
        GError *error = NULL;
        json_object *one = image_keyval(g_ptr_array_index(args->create_options, i), NULL, &error);

        if (one == NULL) {
            image_fail_error(error);
            json_object_put(all);
            return NULL;
        }
        json_object_object_foreach(one, key, value)
        {
            if (!known_option(driver, key)) {
                image_fail(not_built(key) ? "%s: The option '%s' is not built yet"
                                          : "%s: Invalid parameter '%s'",
                           filename, key);
                json_object_put(one);
                json_object_put(all);
                return NULL;
            }
            json_object_object_add(all, key, json_object_get(value));
        }
        json_object_put(one);
    }
    return all;
}

void image_print_create_options(const struct block_driver *driver)
{
    static const char *const types[] = {"<str>", "<bool (on/off)>", "<size>", "<num>"};

    printf("Supported %s options:\n", driver->name);
    for (const struct block_option *row = driver->create_options; row->name != NULL; row++) {
        g_autofree char *left = g_strdup_printf("  %s=%s", row->name, types[row->type]);

        printf("%-24s - %s\n", left, row->help);
    }
}
