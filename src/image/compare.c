/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/command.h"
#include "image/extent.h"
#include "image/output.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CHUNK (2u << 20)

/* Exit statuses, as qemu-img documents them. */
enum {
    COMPARE_SAME = 0,
    COMPARE_DIFFERENT = 1,
    COMPARE_FAILED = 2,
};

static const struct image_option options[] = {
    {'f', "a-format", "fmt", "format of the first image; without it: found out"},
    {'F', "b-format", "fmt", "format of the second image"},
    {'T', NULL, "src_cache", "cache mode for reading (writeback)"},
    {'s', "strict", NULL, "differences in length and allocation count too"},
    {'p', "progress", NULL, "show progress"},
    {'q', "quiet", NULL, "print errors only"},
    {IMAGE_KEY_IMAGE_OPTS, "image-opts", NULL, "the file names are lists of options"},
    {'U', "force-share", NULL, "read them even while another process writes"},
    {IMAGE_KEY_OBJECT, "object", "objectdef", "an object such as a secret (not built yet)"},
    {0},
};

struct comparison {
    struct block_node *a, *b;
    const char *name_a, *name_b;
    uint8_t *buf_a, *buf_b;
    bool strict, quiet;
    struct output_progress progress;
};

static void say(const struct comparison *c, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void say(const struct comparison *c, const char *format, ...)
{
    va_list ap;

    if (!c->quiet) {
        va_start(ap, format);
        vprintf(format, ap);
        va_end(ap);
    }
}

static int read_failed(uint64_t offset, const char *name, int r)
{
    image_fail("Error while reading offset %" PRIu64 " of %s: %s", offset, name, g_strerror(-r));
    return COMPARE_FAILED;
}

static uint64_t first_difference(const uint8_t *a, const uint8_t *b, uint64_t len)
{
    uint64_t i = 0;

    while (i < len && a[i] == b[i]) {
        i++;
    }
    return i;
}

/* Sector granularity, as the offset is reported by qemu-img. */
static int differ(const struct comparison *c, uint64_t offset)
{
    say(c, "Content mismatch at offset %" PRIu64 "!\n", offset / BLOCK_SECTOR * BLOCK_SECTOR);
    return COMPARE_DIFFERENT;
}

static int both_data(struct comparison *c, uint64_t offset, uint64_t len)
{
    int r = block_pread(c->a, offset, c->buf_a, len);

    if (r < 0) {
        return read_failed(offset, c->name_a, r);
    }
    r = block_pread(c->b, offset, c->buf_b, len);
    if (r < 0) {
        return read_failed(offset, c->name_b, r);
    }
    if (memcmp(c->buf_a, c->buf_b, len) != 0) {
        return differ(c, offset + first_difference(c->buf_a, c->buf_b, len));
    }
    return COMPARE_SAME;
}

static int expect_zero(struct comparison *c, struct block_node *node, const char *name,
                       uint64_t offset, uint64_t len)
{
    int r = block_pread(node, offset, c->buf_a, len);

    if (r < 0) {
        return read_failed(offset, name, r);
    }
    if (!block_is_zero(c->buf_a, len)) {
        uint64_t i = 0;

        while (c->buf_a[i] == 0) {
            i++;
        }
        return differ(c, offset + i);
    }
    return COMPARE_SAME;
}

/* The common part of both disks, one piece. *ret_len: how far it went. */
static int piece(struct comparison *c, uint64_t offset, uint64_t len, uint64_t *ret_len)
{
    struct extent a, b;
    int r = extent_get(c->a, offset, len, &a);

    if (r < 0) {
        return read_failed(offset, c->name_a, r);
    }
    r = extent_get(c->b, offset, a.len, &b);
    if (r < 0) {
        return read_failed(offset, c->name_b, r);
    }
    if (c->strict && (a.zero != b.zero || a.data != b.data || a.present != b.present ||
                      a.has_offset != b.has_offset || a.compressed != b.compressed)) {
        say(c, "Strict mode: Offset %" PRIu64 " block status mismatch!\n", offset);
        return COMPARE_DIFFERENT;
    }
    *ret_len = b.len;
    if (a.zero && b.zero) {
        return COMPARE_SAME;
    }
    *ret_len = MIN(b.len, CHUNK);
    if (a.zero || b.zero) {
        return expect_zero(c, a.zero ? c->b : c->a, a.zero ? c->name_b : c->name_a, offset,
                           *ret_len);
    }
    return both_data(c, offset, *ret_len);
}

/* What one disk has past the other's end must be zero. */
static int rest(struct comparison *c, struct block_node *node, const char *name, uint64_t from,
                uint64_t to)
{
    int status = COMPARE_SAME;

    while (status == COMPARE_SAME && from < to && !image_interrupted()) {
        struct extent e;
        int r = extent_get(node, from, to - from, &e);

        if (r < 0) {
            return read_failed(from, name, r);
        }
        if (!e.zero) {
            e.len = MIN(e.len, CHUNK);
            status = expect_zero(c, node, name, from, e.len);
        }
        from += e.len;
        output_progress_add(&c->progress, e.len);
    }
    return status;
}

static int compare_all(struct comparison *c, uint64_t len_a, uint64_t len_b)
{
    uint64_t common = MIN(len_a, len_b), n;
    int status = COMPARE_SAME;

    if (c->strict && len_a != len_b) {
        say(c, "Strict mode: Image size mismatch!\n");
        return COMPARE_DIFFERENT;
    }
    for (uint64_t at = 0; status == COMPARE_SAME && at < common && !image_interrupted(); at += n) {
        n = 0;
        status = piece(c, at, common - at, &n);
        output_progress_add(&c->progress, n);
    }
    if (status == COMPARE_SAME && len_a != len_b) {
        bool longer_a = len_a > len_b;

        say(c, "Warning: Image size mismatch!\n");
        status = rest(c, longer_a ? c->a : c->b, longer_a ? c->name_a : c->name_b, common,
                      MAX(len_a, len_b));
    }
    return status;
}

static int compare_nodes(struct comparison *c, bool progress)
{
    int64_t len_a = block_length(c->a), len_b = block_length(c->b);
    int status;

    if (len_a < 0 || len_b < 0) {
        image_fail("Can't get size of %s", len_a < 0 ? c->name_a : c->name_b);
        return COMPARE_FAILED;
    }
    c->buf_a = g_malloc(CHUNK);
    c->buf_b = g_malloc(CHUNK);
    output_progress_start(&c->progress, progress && !c->quiet, (uint64_t)MAX(len_a, len_b));
    status = compare_all(c, (uint64_t)len_a, (uint64_t)len_b);
    if (status == COMPARE_SAME) {
        say(c, "Images are identical.\n");
    }
    output_progress_end(&c->progress);
    g_free(c->buf_a);
    g_free(c->buf_b);
    return status;
}

static int run(const struct image_args *args)
{
    struct comparison c = {.name_a = image_operand(args, 0),
                           .name_b = image_operand(args, 1),
                           .strict = image_has(args, 's'),
                           .quiet = image_has(args, 'q')};
    g_autoptr(block_node_ref) a = NULL, b = NULL;

    if (args->operands->len != 2) {
        return image_usage("Expecting two image file names");
    }
    a = image_open(args, c.name_a, image_value(args, 'f'), image_value(args, 'T'), 0);
    b = a == NULL ? NULL
                  : image_open(args, c.name_b, image_value(args, 'F'), image_value(args, 'T'), 0);
    if (b == NULL) {
        return COMPARE_FAILED;
    }
    c.a = a;
    c.b = b;
    return compare_nodes(&c, image_has(args, 'p'));
}

const struct image_command image_compare = {
    .name = "compare",
    .operands = "filename1 filename2",
    .help = "do two images hold the same disk?",
    .options = options,
    .run = run,
};
