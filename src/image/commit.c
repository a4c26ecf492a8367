/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/command.h"
#include "image/output.h"
#include "image/rate.h"

#include <stdio.h>
#include <string.h>

#define CHUNK (2u << 20)

static const struct image_option options[] = {
    {'f', NULL, "fmt", "format of the image; without it: found out"},
    {'t', NULL, "cache", "cache mode for writing (writeback)"},
    {'b', NULL, "base", "image of the chain to commit into (the next one); implies -d"},
    {'d', NULL, NULL, "do not empty the image afterwards"},
    {'r', NULL, "rate_limit", "bytes written per second at most"},
    {'p', NULL, NULL, "show progress"},
    {'q', "quiet", NULL, "print errors only"},
    {IMAGE_KEY_IMAGE_OPTS, "image-opts", NULL, "the file name is a list of options"},
    {IMAGE_KEY_OBJECT, "object", "objectdef", "an object such as a secret (not built yet)"},
    {0},
};

/* The images above the base, from the top on. */
struct chain {
    GPtrArray *layers; /* of block_node, borrowed */
    struct rate rate;
    struct output_progress progress;
};

/* What lies at `offset` for the base: block_status_bits; without ALLOCATED nothing does. */
static int status_above(const struct chain *chain, uint64_t offset, uint64_t len, uint64_t *ret_len)
{
    int r = 0;

    *ret_len = len;
    for (unsigned i = 0; r >= 0 && i < chain->layers->len; i++) {
        struct block_node *layer = g_ptr_array_index(chain->layers, i);
        int64_t length = block_length(layer);

        if (length < 0) {
            return (int)length;
        }
        if (offset >= (uint64_t)length) { /* a short image reads as zeroes past its end */
            return BLOCK_STATUS_ALLOCATED | BLOCK_STATUS_ZERO;
        }
        r = block_status(layer, offset, *ret_len, ret_len, NULL, NULL);
        if (r < 0 || (r & BLOCK_STATUS_ALLOCATED)) {
            return r;
        }
    }
    return r < 0 ? r : 0;
}

/* One extent goes down; what no image above the base holds stays. */
static int copy_extent(struct chain *chain, struct block_node *base, uint64_t offset, uint64_t len,
                       uint8_t *buf, uint64_t *ret_len)
{
    int r = status_above(chain, offset, len, ret_len);

    if (r < 0 || !(r & BLOCK_STATUS_ALLOCATED)) {
        return r < 0 ? r : 0;
    }
    if (r & BLOCK_STATUS_ZERO) {
        return block_pwrite_zeroes(base, offset, *ret_len, BLOCK_REQ_UNMAP);
    }
    *ret_len = MIN(*ret_len, CHUNK);
    rate_sleep(rate_due(&chain->rate, *ret_len));
    r = block_pread(g_ptr_array_index(chain->layers, 0), offset, buf, *ret_len);
    return r < 0 ? r : block_pwrite(base, offset, buf, *ret_len, 0);
}

static int copy_down(struct chain *chain, struct block_node *base, uint64_t length)
{
    g_autofree uint8_t *buf = g_malloc(CHUNK);
    uint64_t n;
    int r = 0;

    for (uint64_t at = 0; r == 0 && at < length; at += n) {
        if (image_interrupted()) {
            return 0;
        }
        r = copy_extent(chain, base, at, length - at, buf, &n);
        output_progress_add(&chain->progress, n);
    }
    return r == 0 ? block_flush(base) : r;
}

/* The overlay gives its clusters back: it shows its backing file then. */
static int make_empty(const struct image_args *args, struct block_node *top, uint64_t length)
{
    GError *error = NULL;

    if (image_has(args, 'd') || image_has(args, 'b')) {
        return 0;
    }
    if (top->driver->make_empty == NULL || top->driver->make_empty(top, &error) < 0) {
        image_fail("Could not empty %s: %s", image_operand(args, 0),
                   error != NULL ? error->message : "Operation not supported");
        g_clear_error(&error);
        return 1;
    }
    return 0;
}

static int commit(const struct image_args *args, struct chain *chain, struct block_node *base)
{
    struct block_node *top = g_ptr_array_index(chain->layers, 0);
    int64_t length = block_length(top), base_length = block_length(base);
    GError *error = NULL;
    int r;

    if (length < 0 || base_length < 0) {
        return image_fail("Could not get the images' sizes");
    }
    if (length > base_length &&
        block_truncate(base, (uint64_t)length, BLOCK_PREALLOC_OFF, &error) < 0) {
        return image_fail_error(error);
    }
    output_progress_start(&chain->progress, image_has(args, 'p') && !image_has(args, 'q'),
                          (uint64_t)length);
    r = copy_down(chain, base, (uint64_t)length);
    if (r == 0 && !image_interrupted()) {
        output_progress_end(&chain->progress);
    }
    if (r < 0) {
        return image_fail("Could not commit the image: %s", g_strerror(-r));
    }
    if (image_interrupted()) {
        return 1;
    }
    if (make_empty(args, top, (uint64_t)length) != 0) {
        return 1;
    }
    if (!image_has(args, 'q')) {
        printf("Image committed.\n");
    }
    return 0;
}

/* The backing file once more, for writing: its name and format as the overlay has them. */
static struct block_node *open_base(const struct image_args *args, const char *name,
                                    const char *format, GError **error)
{
    unsigned flags = BLOCK_O_RDWR | BLOCK_O_UNMAP;
    bool writethrough;

    if (image_has(args, 't') && !block_cache_mode(image_value(args, 't'), &flags, &writethrough)) {
        g_set_error(error, BLOCK_ERROR, 22, "Invalid cache option: %s", image_value(args, 't'));
        return NULL;
    }
    return block_open_file(name, format, flags, NULL, args->graph, error);
}

static bool is_called(const struct block_node *node, const char *name)
{
    g_autofree char *have = g_canonicalize_filename(block_filename(node), NULL);
    g_autofree char *want = g_canonicalize_filename(name, NULL);

    return strcmp(have, want) == 0;
}

/* Collects the images above the base; the base, borrowed, or NULL after a message. */
static struct block_node *find_base(const struct image_args *args, struct block_node *top,
                                    GPtrArray *layers)
{
    const char *name = image_value(args, 'b');
    struct block_node *base = block_child(top, "backing");

    if (base == NULL) {
        image_fail("Image does not have a backing file");
        return NULL;
    }
    g_ptr_array_add(layers, top);
    while (name != NULL && base != NULL && !is_called(base, name)) {
        g_ptr_array_add(layers, base);
        base = block_child(base, "backing");
    }
    if (base == NULL) {
        image_fail("Did not find '%s' in the backing chain of '%s'", name, image_operand(args, 0));
    }
    return base;
}

static int run(const struct image_args *args)
{
    g_autoptr(GPtrArray) layers = g_ptr_array_new();
    g_autoptr(block_node_ref) top = NULL, base = NULL;
    g_autofree char *name = NULL, *format = NULL;
    struct chain chain = {.layers = layers};
    GError *error = NULL;
    struct block_node *found;

    if (args->operands->len != 1) {
        return image_usage("Expecting one image file name");
    }
    if (!rate_start(&chain.rate, args)) {
        return 1;
    }
    top = image_open(args, image_operand(args, 0), image_value(args, 'f'), image_value(args, 't'),
                     BLOCK_O_RDWR | BLOCK_O_UNMAP);
    found = top != NULL ? find_base(args, top, layers) : NULL;
    if (found == NULL) {
        return 1;
    }
    name = g_strdup(block_filename(found));
    format = g_strdup(block_driver_name(found));
    block_drop_backing(g_ptr_array_index(layers, layers->len - 1));
    base = open_base(args, name, format, &error);
    return base == NULL ? image_fail_error(error) : commit(args, &chain, base);
}

const struct image_command image_commit = {
    .name = "commit",
    .operands = "filename",
    .help = "write what an overlay holds into its backing file",
    .options = options,
    .run = run,
};
