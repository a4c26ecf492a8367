/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/command.h"
#include "image/output.h"

#include <stdio.h>
#include <string.h>

#define CHUNK (2u << 20)

static const struct image_option options[] = {
    {'f', NULL, "fmt", "format of the image; without it: found out"},
    {'t', NULL, "cache", "cache mode for writing (writeback)"},
    {'b', NULL, "base", "image of the chain to commit into (not built yet: only the next one)"},
    {'d', NULL, NULL, "do not empty the image afterwards"},
    {'r', NULL, "rate_limit", "bytes per second (not built yet)"},
    {'p', NULL, NULL, "show progress"},
    {'q', "quiet", NULL, "print errors only"},
    {IMAGE_KEY_IMAGE_OPTS, "image-opts", NULL, "the file name is a list of options"},
    {IMAGE_KEY_OBJECT, "object", "objectdef", "an object such as a secret (not built yet)"},
    {0},
};

/* One extent of the overlay goes down; what it does not hold stays. */
static int copy_extent(struct block_node *top, struct block_node *base, uint64_t offset,
                       uint64_t len, uint8_t *buf, uint64_t *ret_len)
{
    int r = block_status(top, offset, len, ret_len, NULL, NULL);

    if (r < 0 || !(r & BLOCK_STATUS_ALLOCATED)) {
        return r < 0 ? r : 0;
    }
    if (r & BLOCK_STATUS_ZERO) {
        return block_pwrite_zeroes(base, offset, *ret_len, BLOCK_REQ_UNMAP);
    }
    *ret_len = MIN(*ret_len, CHUNK);
    r = block_pread(top, offset, buf, *ret_len);
    return r < 0 ? r : block_pwrite(base, offset, buf, *ret_len, 0);
}

static int copy_down(struct block_node *top, struct block_node *base, uint64_t length,
                     struct output_progress *progress)
{
    g_autofree uint8_t *buf = g_malloc(CHUNK);
    uint64_t n;
    int r = 0;

    for (uint64_t at = 0; r == 0 && at < length; at += n) {
        if (image_interrupted()) {
            return 0;
        }
        r = copy_extent(top, base, at, length - at, buf, &n);
        output_progress_add(progress, n);
    }
    return r == 0 ? block_flush(base) : r;
}

/* The overlay gives its clusters back: it shows its backing file then. */
static int make_empty(const struct image_args *args, struct block_node *top, uint64_t length)
{
    GError *error = NULL;

    if (image_has(args, 'd')) {
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

static int commit(const struct image_args *args, struct block_node *top, struct block_node *base)
{
    int64_t length = block_length(top), base_length = block_length(base);
    struct output_progress progress;
    GError *error = NULL;
    int r;

    if (length < 0 || base_length < 0) {
        return image_fail("Could not get the images' sizes");
    }
    if (length > base_length &&
        block_truncate(base, (uint64_t)length, BLOCK_PREALLOC_OFF, &error) < 0) {
        return image_fail_error(error);
    }
    output_progress_start(&progress, image_has(args, 'p'), (uint64_t)length);
    r = copy_down(top, base, (uint64_t)length, &progress);
    output_progress_end(&progress);
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

static int run(const struct image_args *args)
{
    g_autoptr(block_node_ref) top = NULL, base = NULL;
    g_autofree char *name = NULL, *format = NULL;
    GError *error = NULL;
    struct block_node *backing;

    if (args->operands->len != 1) {
        return image_usage("Expecting one image file name");
    }
    if (image_has(args, 'b') || image_has(args, 'r')) {
        return image_fail("commit %s is not built yet", image_has(args, 'b') ? "-b" : "-r");
    }
    top = image_open(args, image_operand(args, 0), image_value(args, 'f'), image_value(args, 't'),
                     BLOCK_O_RDWR | BLOCK_O_UNMAP);
    if (top == NULL) {
        return 1;
    }
    backing = block_child(top, "backing");
    if (backing == NULL) {
        return image_fail("Image does not have a backing file");
    }
    name = g_strdup(block_filename(backing));
    format = g_strdup(block_driver_name(backing));
    block_drop_backing(top);
    base = open_base(args, name, format, &error);
    return base == NULL ? image_fail_error(error) : commit(args, top, base);
}

const struct image_command image_commit = {
    .name = "commit",
    .operands = "filename",
    .help = "write what an overlay holds into its backing file",
    .options = options,
    .run = run,
};
