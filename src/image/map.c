/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/command.h"
#include "image/extent.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct image_option options[] = {
    {'f', "format", "fmt", "format of the image; without it: found out"},
    {IMAGE_KEY_OUTPUT, "output", "human|json", "how to print it"},
    {'s', "start-offset", "offset", "first byte of the disk to look at (0)"},
    {'l', "max-length", "len", "bytes to look at (all)"},
    {IMAGE_KEY_IMAGE_OPTS, "image-opts", NULL, "the file name is a list of options"},
    {'U', "force-share", NULL, "read it even while another process writes"},
    {IMAGE_KEY_OBJECT, "object", "objectdef", "an object such as a secret (not built yet)"},
    {0},
};

static const char *truth(bool value)
{
    return value ? "true" : "false";
}

static int print_json(const struct extent *e, bool first)
{
    printf("%s{ \"start\": %" PRIu64 ", \"length\": %" PRIu64 ", \"depth\": %u, \"present\": %s, "
           "\"zero\": %s, \"data\": %s",
           first ? "[" : ",\n", e->start, e->len, e->depth, truth(e->present), truth(e->zero),
           truth(e->data));
    if (e->has_offset) {
        printf(", \"offset\": %" PRIu64, e->offset);
    }
    printf("}");
    return 0;
}

static int print_human(const struct extent *e)
{
    if (e->data && !e->has_offset) {
        return image_fail("File contains external, encrypted or compressed clusters.");
    }
    if (e->data && !e->zero) {
        printf("%#-16" PRIx64 "%#-16" PRIx64 "%#-16" PRIx64 "%s\n", e->start, e->len, e->offset,
               block_filename(e->file));
    }
    return 0;
}

static bool joins(const struct extent *a, const struct extent *b)
{
    return a->data == b->data && a->zero == b->zero && a->present == b->present &&
           a->depth == b->depth && a->has_offset == b->has_offset &&
           (!a->has_offset || (a->file == b->file && a->offset + a->len == b->offset));
}

/* Calls print for each run of extents that are alike. */
static int walk(struct block_node *node, uint64_t start, uint64_t end, bool json)
{
    struct extent run = {0}, e;
    bool first = true;
    int status = 0;

    for (uint64_t at = start; status == 0 && at < end; at += e.len) {
        int r = extent_get(node, at, end - at, &e);

        if (r < 0) {
            return image_fail("Failed to read image metadata: %s", g_strerror(-r));
        }
        if (run.len > 0 && joins(&run, &e)) {
            run.len += e.len;
            continue;
        }
        if (run.len > 0) {
            status = json ? print_json(&run, first) : print_human(&run);
            first = false;
        }
        run = e;
    }
    if (status == 0 && run.len > 0) {
        status = json ? print_json(&run, first) : print_human(&run);
        first = false;
    }
    if (json) {
        printf(first ? "[]\n" : "]\n");
    }
    return status;
}

static bool parse(const struct image_args *args, int key, const char *what, uint64_t *ret)
{
    if (image_has(args, key) && !block_parse_size(image_value(args, key), ret)) {
        image_fail("Invalid %s specified. You may use k, M, G, T, P or E suffixes for\n"
                   "viv-img: kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.",
                   what);
        return false;
    }
    return true;
}

static int run(const struct image_args *args)
{
    g_autoptr(block_node_ref) node = NULL;
    uint64_t start = 0, len = UINT64_MAX, end;
    int64_t length;
    bool json;

    image_end_at_once();
    if (!image_output_json(args, &json) || !parse(args, 's', "start offset", &start) ||
        !parse(args, 'l', "max length", &len)) {
        return 1;
    }
    if (args->operands->len != 1) {
        return image_usage("Expecting one image file name");
    }
    node = image_open(args, image_operand(args, 0), image_value(args, 'f'), NULL, 0);
    if (node == NULL) {
        return 1;
    }
    if (!json) {
        printf("%-16s%-16s%-16s%s\n", "Offset", "Length", "Mapped to", "File");
    }
    length = block_length(node);
    if (length < 0) {
        return image_fail("Failed to get size for '%s'", image_operand(args, 0));
    }
    end =
        start > (uint64_t)length || len > (uint64_t)length - start ? (uint64_t)length : start + len;
    return walk(node, start, end, json);
}

const struct image_command image_map = {
    .name = "map",
    .operands = "filename",
    .help = "show where the bytes of a disk are stored",
    .options = options,
    .run = run,
};
