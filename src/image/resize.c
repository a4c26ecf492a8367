/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/command.h"

#include <stdio.h>
#include <string.h>

static const struct image_option options[] = {
    {'f', NULL, "fmt", "format of the image; without it: found out"},
    {IMAGE_KEY_PREALLOCATION, "preallocation", "off|metadata|falloc|full", "how new space is made"},
    {IMAGE_KEY_SHRINK, "shrink", NULL, "allow the image to get smaller"},
    {'q', "quiet", NULL, "print errors only"},
    {IMAGE_KEY_IMAGE_OPTS, "image-opts", NULL, "the file name is a list of options"},
    {IMAGE_KEY_OBJECT, "object", "objectdef", "an object such as a secret (not built yet)"},
    {0},
};

static bool parse_prealloc(const char *text, enum block_prealloc *ret)
{
    static const char *const names[] = {"off", "metadata", "falloc", "full"};

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (text == NULL || strcmp(names[i], text) == 0) {
            *ret = i;
            return true;
        }
    }
    image_fail("Invalid preallocation mode '%s'", text);
    return false;
}

/* "+1G", "-512M" or "20G" as the new length; 0 or less is refused. */
static bool parse_length(const char *text, uint64_t now, uint64_t *ret)
{
    char sign = text[0] == '+' || text[0] == '-' ? text[0] : '=';
    uint64_t n;

    if (!block_parse_size(text + (sign != '='), &n)) {
        image_fail("Invalid image size specified. You may use k, M, G, T, P or E suffixes for\n"
                   "viv-img: kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.");
        return false;
    }
    if ((sign == '-' && n >= now) || (sign == '=' && n == 0)) {
        image_fail("New image size must be positive");
        return false;
    }
    if (n > BLOCK_MAX_LENGTH || (sign == '+' && n > BLOCK_MAX_LENGTH - now)) {
        image_fail("The new image size is too large");
        return false;
    }
    *ret = sign == '+' ? now + n : sign == '-' ? now - n : n;
    return true;
}

static int resize(const struct image_args *args, struct block_node *node, const char *size,
                  enum block_prealloc prealloc)
{
    int64_t now = block_length(node);
    GError *error = NULL;
    uint64_t length;

    if (now < 0) {
        return image_fail("Could not get the image's size: %s", g_strerror((int)-now));
    }
    if (!parse_length(size, (uint64_t)now, &length)) {
        return 1;
    }
    if (length < (uint64_t)now && !image_has(args, IMAGE_KEY_SHRINK)) {
        image_fail("Use the --shrink option to perform a shrink operation.");
        return image_fail("warning: Shrinking an image will delete all data beyond the shrunken "
                          "image's end. Before performing such an operation, make sure there is no "
                          "important data there.");
    }
    if (block_truncate(node, length, prealloc, &error) < 0) {
        return image_fail_error(error);
    }
    if (!image_has(args, 'q')) {
        printf("Image resized.\n");
    }
    return 0;
}

static int run(const struct image_args *args)
{
    const char *filename = image_operand(args, 0), *size = image_operand(args, 1);
    g_autoptr(block_node_ref) node = NULL;
    enum block_prealloc prealloc;

    if (args->operands->len != 2) {
        return image_usage("Expecting image file name and size");
    }
    if (!parse_prealloc(image_value(args, IMAGE_KEY_PREALLOCATION), &prealloc)) {
        return 1;
    }
    node = image_open(args, filename, image_value(args, 'f'), NULL, BLOCK_O_RDWR | BLOCK_O_UNMAP);
    return node == NULL ? 1 : resize(args, node, size, prealloc);
}

const struct image_command image_resize = {
    .name = "resize",
    .operands = "filename [+|-]size",
    .help = "change the length of an image's disk",
    .options = options,
    .number_last = true,
    .run = run,
};
