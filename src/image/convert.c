/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/command.h"
#include "image/copy.h"
#include "image/create.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAX_THREADS 16
#define MAX_SPARSE  (16u << 20)

static const struct image_option options[] = {
    {'f', "source-format", "fmt", "format of the sources; without it: found out"},
    {'O', "target-format", "output_fmt", "format of the target (raw)"},
    {'o', "options", "options", "options of the target's format, key=value,..."},
    {'B', NULL, "backing_file", "the target becomes an overlay of that image"},
    {'F', NULL, "backing_fmt", "format of the backing file"},
    {'c', NULL, NULL, "compress the target"},
    {'n', NULL, NULL, "write to an existing target"},
    {'C', NULL, NULL, "let the host copy where it can"},
    {'S', NULL, "sparse_size", "shortest run of zeroes that is left out (4k); 0: write everything"},
    {'m', NULL, "num", "threads (8)"},
    {'W', NULL, NULL, "write pieces as they come, not in order"},
    {'t', NULL, "cache", "cache mode for writing (unsafe)"},
    {'T', "source-cache", "src_cache", "cache mode for reading (writeback)"},
    {'l', NULL, "snapshot_param",
     "convert a snapshot: its ID or name, or snapshot.id=,snapshot.name="},
    {'r', NULL, "rate_limit", "bytes written per second at most"},
    {'p', "progress", NULL, "show progress"},
    {'q', "quiet", NULL, "print errors only"},
    {IMAGE_KEY_BITMAPS, "bitmaps", NULL, "copy dirty bitmaps (refused where there are any)"},
    {IMAGE_KEY_SKIP_BROKEN_BITMAPS, "skip-broken-bitmaps", NULL, "with --bitmaps: not broken ones"},
    {IMAGE_KEY_SALVAGE, "salvage", NULL, "what cannot be read becomes zeroes"},
    {IMAGE_KEY_TARGET_IS_ZERO, "target-is-zero", NULL, "with -n: the target reads as zeroes"},
    {IMAGE_KEY_IMAGE_OPTS, "image-opts", NULL, "the sources' names are lists of options"},
    {IMAGE_KEY_TARGET_IMAGE_OPTS, "target-image-opts", NULL,
     "the target's name is a list of options"},
    {'U', "force-share", NULL, "read the sources even while another process writes"},
    {IMAGE_KEY_OBJECT, "object", "objectdef", "an object such as a secret (not built yet)"},
    {0},
};

struct conversion {
    const struct image_args *args;
    const char *target_name;
    const struct block_driver *driver; /* of the target */
    json_object *opts;
    GPtrArray *nodes; /* sources, owned */
    struct copy_source sources[64];
    uint64_t length;
    struct copy copy;
    struct output_progress progress;
};

static bool parse_numbers(struct conversion *c)
{
    const char *sparse = image_value(c->args, 'S'), *threads = image_value(c->args, 'm');
    uint64_t n = 4096;
    guint64 m = 8;

    if (sparse != NULL && (!block_parse_size(sparse, &n) || n > MAX_SPARSE || n % 512 != 0)) {
        image_fail("Invalid buffer size for sparse output specified. Valid sizes are multiples of "
                   "512 up to %u. Select 0 to disable sparse detection (fully allocates output).",
                   MAX_SPARSE);
        return false;
    }
    if (threads != NULL && !g_ascii_string_to_unsigned(threads, 10, 1, MAX_THREADS, &m, NULL)) {
        image_fail("Invalid number of coroutines. Allowed number of coroutines is between 1 and %d",
                   MAX_THREADS);
        return false;
    }
    c->copy.sparse = (uint32_t)n;
    c->copy.threads = (unsigned)m;
    return true;
}

/* Combinations that make no sense. */
static bool check_flags(const struct image_args *args)
{
    bool has_o = image_has(args, 'o'), has_n = image_has(args, 'n');

    if (image_has(args, 'C') && image_has(args, 'c')) {
        image_fail("Cannot enable copy offloading when -c is used");
    } else if (image_has(args, 'C') && image_has(args, 'S')) {
        image_fail("Cannot enable copy offloading when -S is used");
    } else if (image_has(args, IMAGE_KEY_TARGET_IMAGE_OPTS) && !has_n) {
        image_fail("--target-image-opts requires use of -n flag");
    } else if (image_has(args, IMAGE_KEY_TARGET_IS_ZERO) && !has_n) {
        image_fail("--target-is-zero requires use of -n flag");
    } else if (image_has(args, IMAGE_KEY_SKIP_BROKEN_BITMAPS) &&
               !image_has(args, IMAGE_KEY_BITMAPS)) {
        image_fail("Use of --skip-broken-bitmaps requires --bitmaps");
    } else if (image_has(args, IMAGE_KEY_BITMAPS) && args->operands->len > 2) {
        image_fail("Copying bitmaps only possible with single source");
    } else if (has_n && (has_o || image_has(args, 'B'))) {
        image_fail("-o has no effect when skipping image creation");
    } else {
        return true;
    }
    return false;
}

/* ---- sources ---- */

static bool open_sources(struct conversion *c)
{
    unsigned n = c->args->operands->len - 1;

    if (n > G_N_ELEMENTS(c->sources)) {
        image_fail("More than %zu sources", G_N_ELEMENTS(c->sources));
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        struct block_node *node =
            image_open(c->args, image_operand(c->args, i), image_value(c->args, 'f'),
                       image_value(c->args, 'T'), 0);
        int64_t length = node != NULL ? block_length(node) : 0;

        if (node == NULL) {
            return false;
        }
        g_ptr_array_add(c->nodes, node);
        if (image_has(c->args, 'l')) {
            if (n > 1) {
                image_fail("No support for concatenating multiple snapshot");
                return false;
            }
            if (!image_load_snapshot(c->args, node)) {
                return false;
            }
            length = block_length(node);
        }
        if (length < 0) {
            image_fail("Could not get size of %s: %s", image_operand(c->args, i),
                       g_strerror((int)-length));
            return false;
        }
        c->sources[i] = (struct copy_source){node, (uint64_t)length};
        c->length += (uint64_t)length;
    }
    c->copy.sources = c->sources;
    c->copy.n_sources = n;
    return true;
}

/* A source without bitmaps has nothing to copy; those of others cannot be read yet. */
static bool check_bitmaps(const struct conversion *c)
{
    const char *format = block_driver_name(c->sources[0].node);
    struct block_info info;

    if (!image_has(c->args, IMAGE_KEY_BITMAPS)) {
        return true;
    }
    if (strcmp(format, "qcow2") != 0) {
        image_fail("Source lacks bitmap support");
    } else if (strcmp(c->driver->name, "qcow2") != 0) {
        image_fail("Format driver '%s' does not support bitmaps", c->driver->name);
    } else if (block_get_info(c->sources[0].node, &info) < 0 || info.has_bitmaps) {
        image_fail("Copying the bitmaps of '%s' is not built yet", image_operand(c->args, 0));
    } else {
        return true;
    }
    return false;
}

/* ---- the target ---- */

static bool target_options(struct conversion *c)
{
    const char *backing = image_value(c->args, 'B'), *format = image_value(c->args, 'F');

    c->driver =
        image_create_driver(NULL, image_has(c->args, 'O') ? image_value(c->args, 'O') : "raw");
    if (c->driver == NULL) {
        return false;
    }
    if (image_has(c->args, 'c') && strcmp(c->driver->name, "qcow2") != 0) {
        image_fail("Compression not supported for this file format");
        return false;
    }
    c->opts = image_create_options(c->args, c->driver, c->target_name);
    if (c->opts == NULL) {
        return false;
    }
    if (backing != NULL) {
        if (strcmp(c->driver->name, "qcow2") != 0) {
            image_fail("Backing file not supported for file format '%s'", c->driver->name);
            return false;
        }
        json_object_object_add(c->opts, "backing_file", json_object_new_string(backing));
        if (format != NULL) {
            json_object_object_add(c->opts, "backing_fmt", json_object_new_string(format));
        }
    }
    if (block_opt_string(c->opts, "backing_file", NULL) != NULL &&
        block_opt_string(c->opts, "backing_fmt", NULL) == NULL) {
        image_fail_hint("name it with -F", "backing file requires a backing format");
        return false;
    }
    return true;
}

static struct block_node *open_target(struct conversion *c)
{
    unsigned flags = BLOCK_O_RDWR | BLOCK_O_UNMAP;
    const char *cache = image_has(c->args, 't') ? image_value(c->args, 't') : "unsafe";
    GError *error = NULL;
    struct block_node *node = NULL;
    bool writethrough;

    if (!block_cache_mode(cache, &flags, &writethrough)) {
        image_fail("Invalid cache option: %s", cache);
        return NULL;
    }
    if (image_has(c->args, IMAGE_KEY_TARGET_IMAGE_OPTS)) {
        json_object *opts = image_keyval(c->target_name, "driver", &error);

        if (opts != NULL) {
            node = block_open(opts, c->args->graph, &error);
            json_object_put(opts);
        }
    } else {
        node =
            block_open_file(c->target_name, c->driver->name, flags, NULL, c->args->graph, &error);
    }
    if (node == NULL) {
        image_fail_error(error);
    }
    return node;
}

static bool fits(struct conversion *c, struct block_node *target)
{
    int64_t length = block_length(target);

    if (length < 0) {
        image_fail("unable to get output image length: %s", g_strerror((int)-length));
        return false;
    }
    if ((uint64_t)length < c->length) {
        image_fail("output file is smaller than input file");
        return false;
    }
    return true;
}

static bool prepare_target(struct conversion *c, struct block_node *target)
{
    bool new = !image_has(c->args, 'n'), backing = block_child(target, "backing") != NULL;
    struct block_info info;

    if (!new && !fits(c, target)) {
        return false;
    }
    if (block_get_info(target, &info) < 0) {
        image_fail("Could not get information about the target");
        return false;
    }
    c->copy.target = target;
    c->copy.cluster = info.cluster_size != 0 ? info.cluster_size : 65536;
    c->copy.compress = image_has(c->args, 'c');
    c->copy.target_backing = backing && image_has(c->args, 'B');
    c->copy.target_is_zero =
        !backing && (new ? true : image_has(c->args, IMAGE_KEY_TARGET_IS_ZERO));
    c->copy.out_of_order = image_has(c->args, 'W') || c->copy.compress;
    c->copy.salvage = image_has(c->args, IMAGE_KEY_SALVAGE);
    c->copy.offload = image_has(c->args, 'C');
    return true;
}

/* ---- all of it ---- */

static int copy_data(struct conversion *c)
{
    int r;

    output_progress_start(&c->progress, image_has(c->args, 'p') && !image_has(c->args, 'q'),
                          c->length);
    c->copy.progress = &c->progress;
    r = copy_run(&c->copy);
    if (r == 0 && !image_interrupted()) {
        output_progress_end(&c->progress);
    }
    if (r < 0) {
        return image_fail("error while %s at byte %" PRIu64 ": %s",
                          c->copy.failed_write ? "writing" : "reading", c->copy.failed_at,
                          g_strerror(-r));
    }
    r = block_flush(c->copy.target);
    return r < 0 ? image_fail("error while flushing the target: %s", g_strerror(-r))
                 : image_interrupted();
}

static int convert(struct conversion *c)
{
    g_autoptr(block_node_ref) target = NULL;

    if (!open_sources(c) || !target_options(c) || !check_bitmaps(c)) {
        return 1;
    }
    if (!image_has(c->args, 'n') &&
        create_image(c->driver, c->target_name, c->length, c->opts, c->args->graph) != 0) {
        return 1;
    }
    target = open_target(c);
    if (target == NULL || !prepare_target(c, target)) {
        return 1;
    }
    return copy_data(c);
}

static void unref(void *node)
{
    block_unref(node);
}

static int run(const struct image_args *args)
{
    struct conversion c = {.args = args};
    int status;

    if (image_has(args, 'o') && strcmp(image_value(args, 'o'), "help") == 0) {
        c.driver =
            image_create_driver("convert", image_has(args, 'O') ? image_value(args, 'O') : "raw");
        if (c.driver != NULL) {
            image_print_create_options(c.driver);
        }
        return c.driver == NULL;
    }
    if (args->operands->len < 2) {
        return image_fail("Must specify image file name");
    }
    if (!parse_numbers(&c) || !check_flags(args) || !rate_start(&c.copy.rate, args)) {
        return 1;
    }
    c.target_name = image_operand(args, args->operands->len - 1);
    c.nodes = g_ptr_array_new_with_free_func(unref);
    status = convert(&c);
    g_ptr_array_unref(c.nodes);
    json_object_put(c.opts);
    return status;
}

const struct image_command image_convert = {
    .name = "convert",
    .operands = "filename [filename2 [...]] output_filename",
    .help = "copy images into a new one, of another format or with other options",
    .options = options,
    .run = run,
};
