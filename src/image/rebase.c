/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/command.h"
#include "image/extent.h"
#include "image/output.h"

#include <stdio.h>
#include <string.h>

#define CHUNK (1u << 20)

static const struct image_option options[] = {
    {'b', "backing-file", "backing_file", "the new backing file; empty: none"},
    {'F', "backing-format", "backing_fmt", "its format"},
    {'u', "force", NULL, "change the name only: both files hold the same"},
    {'f', "format", "fmt", "format of the image; without it: found out"},
    {'t', NULL, "cache", "cache mode for writing (writeback)"},
    {'T', NULL, "src_cache", "cache mode for reading (writeback)"},
    {'p', "progress", NULL, "show progress"},
    {'q', "quiet", NULL, "print errors only"},
    {IMAGE_KEY_IMAGE_OPTS, "image-opts", NULL, "the file name is a list of options"},
    {'U', "force-share", NULL, "read the backing files even while another process writes"},
    {IMAGE_KEY_OBJECT, "object", "objectdef", "an object such as a secret (not built yet)"},
    {0},
};

struct rebase {
    struct block_node *node;
    struct block_node *old, *new; /* NULL: none, reads as zeroes */
    uint8_t *buf_old, *buf_new;
};

/* Reads a backing file as the image sees it: zeroes past its end and without one. */
static int read_backing(struct block_node *node, uint64_t offset, uint8_t *buf, uint64_t len)
{
    int64_t length = node != NULL ? block_length(node) : 0;
    uint64_t have;

    if (length < 0) {
        return (int)length;
    }
    have = offset < (uint64_t)length ? MIN(len, (uint64_t)length - offset) : 0;
    memset(buf + have, 0, len - have);
    return have > 0 ? block_pread(node, offset, buf, have) : 0;
}

/* Keeps what the image shows at a place where only the old backing file holds it. */
static int keep(struct rebase *b, uint64_t offset, uint64_t len)
{
    int r = read_backing(b->old, offset, b->buf_old, len);

    if (r == 0) {
        r = read_backing(b->new, offset, b->buf_new, len);
    }
    if (r < 0 || memcmp(b->buf_old, b->buf_new, len) == 0) {
        return r;
    }
    if (block_is_zero(b->buf_old, len)) {
        return block_pwrite_zeroes(b->node, offset, len, 0);
    }
    return block_pwrite(b->node, offset, b->buf_old, len, 0);
}

static int keep_all(struct rebase *b, uint64_t length, struct output_progress *progress)
{
    uint64_t n;
    int r = 0;

    for (uint64_t at = 0; r >= 0 && at < length && !image_interrupted(); at += n) {
        r = block_status(b->node, at, length - at, &n, NULL, NULL);
        if (r >= 0 && !(r & BLOCK_STATUS_ALLOCATED)) {
            n = MIN(n, CHUNK);
            r = keep(b, at, n);
        }
        output_progress_add(progress, n);
    }
    return r < 0 ? r : 0;
}

static int keep_content(const struct image_args *args, struct rebase *b)
{
    int64_t length = block_length(b->node);
    struct output_progress progress;
    int r;

    if (length < 0) {
        return image_fail("Could not get the image's size: %s", g_strerror((int)-length));
    }
    b->buf_old = g_malloc(CHUNK);
    b->buf_new = g_malloc(CHUNK);
    output_progress_start(&progress, image_has(args, 'p'), (uint64_t)length);
    r = keep_all(b, (uint64_t)length, &progress);
    if (r == 0) {
        r = block_flush(b->node);
    }
    output_progress_end(&progress);
    g_free(b->buf_old);
    g_free(b->buf_new);
    return r < 0 ? image_fail("Could not rebase the image: %s", g_strerror(-r))
                 : image_interrupted();
}

static char *backing_path(const char *image, const char *name)
{
    g_autofree char *folder = g_path_get_dirname(image);

    return name[0] == '/' || strchr(name, ':') != NULL || strchr(image, '/') == NULL
               ? g_strdup(name)
               : g_build_filename(folder, name, NULL);
}

static int rebase(const struct image_args *args, struct block_node *node, const char *name,
                  const char *format)
{
    g_autofree char *path = name[0] != '\0' ? backing_path(image_operand(args, 0), name) : NULL;
    struct rebase b = {.node = node, .old = block_child(node, "backing")};
    g_autoptr(block_node_ref) new = NULL;
    GError *error = NULL;

    if (!image_has(args, 'u')) {
        if (path != NULL) {
            new = block_open_file(path, format, image_has(args, 'U') ? BLOCK_O_FORCE_SHARE : 0,
                                  NULL, args->graph, &error);
            if (new == NULL) {
                g_prefix_error(&error, "Could not open new backing file '%s': ", name);
                return image_fail_error(error);
            }
        }
        b.new = new;
        if (keep_content(args, &b) != 0) {
            return 1;
        }
    }
    if (node->driver->change_backing(node, path != NULL ? name : NULL, format, &error) < 0) {
        g_prefix_error(&error, "Could not change the backing file to '%s': ", name);
        return image_fail_error(error);
    }
    return 0;
}

static int run(const struct image_args *args)
{
    const char *name = image_value(args, 'b'), *format = image_value(args, 'F');
    bool unsafe = image_has(args, 'u');
    g_autoptr(block_node_ref) node = NULL;

    if (args->operands->len != 1) {
        return image_usage("Expecting one image file name");
    }
    if (name == NULL && !unsafe) {
        return image_usage("Use backing file (-b) option or unsafe rebase (-u)");
    }
    name = name != NULL ? name : "";
    if (format != NULL && block_driver_find(format) == NULL) {
        return image_fail("Invalid format name: '%s'", format);
    }
    if (name[0] != '\0' && format == NULL) {
        return image_fail_hint("name it with -F",
                               "Could not change the backing file to '%s': "
                               "backing format must be specified",
                               name);
    }
    node = image_open(args, image_operand(args, 0), image_value(args, 'f'), image_value(args, 't'),
                      BLOCK_O_RDWR | BLOCK_O_UNMAP | (unsafe ? BLOCK_O_NO_BACKING : 0));
    if (node == NULL) {
        return 1;
    }
    if (node->driver->change_backing == NULL) {
        return image_fail("Could not change the backing file to '%s': Operation not supported",
                          name);
    }
    return rebase(args, node, name, format);
}

const struct image_command image_rebase = {
    .name = "rebase",
    .operands = "filename",
    .help = "give an image another backing file",
    .options = options,
    .run = run,
};
