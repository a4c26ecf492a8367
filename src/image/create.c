/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/create.h"
#include "image/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct image_option options[] = {
    {'f', NULL, "fmt", "format of the new image (raw)"},
    {'b', NULL, "backing_file", "image that the new one starts from"},
    {'F', NULL, "backing_fmt", "format of the backing file"},
    {'u', NULL, NULL, "do not open the backing file"},
    {'o', NULL, "options", "options of the format, key=value,...; help lists them"},
    {'q', "quiet", NULL, "print errors only"},
    {IMAGE_KEY_OBJECT, "object", "objectdef", "an object such as a secret (not built yet)"},
    {0},
};

/* "name=value" as it is printed: commas doubled, quoted when empty or with spaces. */
static void print_pair(const char *name, const char *value)
{
    printf(" %s=", name);
    for (const char *p = value; *p != '\0'; p++) {
        printf(*p == ',' ? ",," : "%c", *p);
    }
}

static void print_size(const char *name, json_object *opts, const char *def)
{
    const char *text = block_opt_string(opts, name, def);
    uint64_t bytes;

    if (text != NULL && block_parse_size(text, &bytes)) {
        printf(" %s=%" G_GUINT64_FORMAT, name, (guint64)bytes);
    }
}

static void print_text(const char *name, json_object *opts, const char *def)
{
    const char *text = block_opt_string(opts, name, def);

    if (text != NULL) {
        print_pair(name, text);
    }
}

static void print_bool(const char *name, json_object *opts)
{
    bool value = false;

    (void)block_opt_bool(opts, name, false, &value, NULL);
    print_pair(name, value ? "on" : "off");
}

void create_announce(const struct block_driver *driver, const char *filename, json_object *opts,
                     uint64_t size)
{
    g_autofree char *size_text = g_strdup_printf("%" G_GUINT64_FORMAT, (guint64)size);

    printf("Formatting '%s', fmt=%s", filename, driver->name);
    if (strcmp(driver->name, "qcow2") != 0) {
        print_pair("size", size_text);
        print_text("preallocation", opts, NULL);
        printf("\n");
        return;
    }
    print_size("cluster_size", opts, "65536");
    print_bool("extended_l2", opts);
    print_text("preallocation", opts, NULL);
    print_text("compression_type", opts, "zlib");
    print_pair("size", size_text);
    print_text("compat", opts, NULL);
    print_text("backing_file", opts, NULL);
    print_text("backing_fmt", opts, NULL);
    print_bool("lazy_refcounts", opts);
    print_size("refcount_bits", opts, "16");
    printf("\n");
}

/* Opens the backing file to see that it is there; its length when none was given. */
static int look_at_backing(const struct image_args *args, const char *filename, json_object *opts,
                           uint64_t *size, bool have_size)
{
    const char *name = block_opt_string(opts, "backing_file", NULL);
    const char *format = block_opt_string(opts, "backing_fmt", NULL);
    g_autofree char *folder = g_path_get_dirname(filename), *path = NULL;
    g_autoptr(block_node_ref) node = NULL;
    GError *error = NULL;
    int64_t length;

    if (strcmp(name, filename) == 0) {
        return image_fail("%s: Error: Trying to create an image with the same filename as the "
                          "backing file",
                          filename);
    }
    path = g_path_is_absolute(name) || strchr(name, ':') != NULL || strchr(filename, '/') == NULL
               ? g_strdup(name)
               : g_build_filename(folder, name, NULL);
    node = block_open_file(path, format, have_size ? BLOCK_O_FORCE_SHARE : 0, NULL, args->graph,
                           &error);
    if (node == NULL) {
        image_fail("%s: %s\nCould not open backing image.", filename, error->message);
        g_error_free(error);
        return 1;
    }
    if (format == NULL) {
        return image_fail_hint("name it with -F",
                               "%s: Backing file specified without backing "
                               "format\nDetected format of %s.",
                               filename, block_driver_name(node));
    }
    length = block_length(node);
    if (!have_size && length < 0) {
        return image_fail("%s: Could not get size of '%s'", filename, path);
    }
    *size = have_size ? *size : (uint64_t)length;
    return 0;
}

static int set_backing(const struct image_args *args, const char *filename, json_object *opts,
                       const struct block_driver *driver)
{
    const char *name = image_value(args, 'b'), *format = image_value(args, 'F');

    if ((name != NULL || format != NULL) && strcmp(driver->name, "qcow2") != 0) {
        return image_fail("%s: Backing file not supported for file format '%s'", filename,
                          driver->name);
    }
    if (name != NULL) {
        json_object_object_add(opts, "backing_file", json_object_new_string(name));
    }
    if (format != NULL) {
        json_object_object_add(opts, "backing_fmt", json_object_new_string(format));
        if (block_driver_find(format) == NULL) {
            return image_fail("%s: Unknown backing file format '%s'", filename, format);
        }
    }
    return 0;
}

static bool parse_length(const char *filename, const char *operand, json_object *opts,
                         uint64_t *ret, bool *ret_have)
{
    const char *text = operand != NULL ? operand : block_opt_string(opts, "size", NULL);

    *ret_have = text != NULL;
    if (text != NULL && !block_parse_size(text, ret)) {
        image_fail("Invalid image size specified. You may use k, M, G, T, P or E suffixes for\n"
                   "viv-img: kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.");
        return false;
    }
    json_object_object_del(opts, "size");
    return true;
}

int create_image(const struct block_driver *driver, const char *filename, uint64_t size,
                 json_object *opts, struct block_graph *graph)
{
    struct block_create create = {filename, size, opts, graph};
    GError *error = NULL;

    if (driver->create(&create, &error) < 0) {
        g_prefix_error(&error, "%s: ", filename);
        return image_fail_error(error);
    }
    return 0;
}

static int create_with(const struct image_args *args, const struct block_driver *driver,
                       const char *filename, json_object *opts)
{
    uint64_t size = 0;
    bool have_size;

    if (!parse_length(filename, image_operand(args, 1), opts, &size, &have_size) ||
        set_backing(args, filename, opts, driver) != 0) {
        return 1;
    }
    if (block_opt_string(opts, "backing_file", NULL) != NULL && !image_has(args, 'u') &&
        look_at_backing(args, filename, opts, &size, have_size) != 0) {
        return 1;
    }
    if (!have_size &&
        (image_has(args, 'u') || block_opt_string(opts, "backing_file", NULL) == NULL)) {
        return image_fail("%s: Image creation needs a size parameter", filename);
    }
    if (!image_has(args, 'q')) {
        create_announce(driver, filename, opts, size);
    }
    return create_image(driver, filename, size, opts, args->graph);
}

static int run(const struct image_args *args)
{
    const char *format = image_has(args, 'f') ? image_value(args, 'f') : "raw";
    const char *filename = image_operand(args, 0);
    const struct block_driver *driver;
    json_object *opts;
    int status;

    image_end_at_once();
    if (image_has(args, 'o') &&
        (strcmp(image_value(args, 'o'), "help") == 0 || strcmp(image_value(args, 'o'), "?") == 0)) {
        driver = image_create_driver("viv-img", format);
        if (driver == NULL) {
            return 1;
        }
        image_print_create_options(driver);
        return 0;
    }
    if (filename == NULL) {
        return image_usage("Expecting image file name");
    }
    if (args->operands->len > 2) {
        return image_usage("Unexpected argument: %s", image_operand(args, 2));
    }
    driver = image_create_driver(filename, format);
    opts = driver != NULL ? image_create_options(args, driver, filename) : NULL;
    if (opts == NULL) {
        return 1;
    }
    status = create_with(args, driver, filename, opts);
    json_object_put(opts);
    return status;
}

const struct image_command image_create = {
    .name = "create",
    .operands = "filename [size]",
    .help = "make a new image",
    .options = options,
    .run = run,
};
