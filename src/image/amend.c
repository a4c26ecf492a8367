/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/command.h"

#include <string.h>

static const struct image_option options[] = {
    {'o', NULL, "options", "what to change, key=value,..."},
    {'f', NULL, "fmt", "format of the image; without it: found out"},
    {'t', NULL, "cache", "cache mode for writing (writeback)"},
    {'p', NULL, NULL, "show progress"},
    {'q', "quiet", NULL, "print errors only"},
    {IMAGE_KEY_FORCE, "force", NULL, "accepted; nothing here needs it"},
    {IMAGE_KEY_IMAGE_OPTS, "image-opts", NULL, "the file name is a list of options"},
    {IMAGE_KEY_OBJECT, "object", "objectdef", "an object such as a secret (not built yet)"},
    {0},
};

static int amend(const struct image_args *args, struct block_node *node)
{
    json_object *opts;
    GError *error = NULL;
    int r;

    if (node->driver->amend == NULL) {
        return image_fail("Format driver '%s' does not support option amendment",
                          node->driver->name);
    }
    opts = image_create_options(args, node->driver, image_operand(args, 0));
    if (opts == NULL) {
        return 1;
    }
    r = node->driver->amend(node, opts, &error);
    json_object_put(opts);
    return r < 0 ? image_fail_error(error) : 0;
}

static int run(const struct image_args *args)
{
    g_autoptr(block_node_ref) node = NULL;

    if (!image_has(args, 'o')) {
        return image_usage("Must specify options (-o)");
    }
    if (args->operands->len != 1) {
        return image_usage("Expecting one image file name");
    }
    node = image_open(args, image_operand(args, 0), image_value(args, 'f'), image_value(args, 't'),
                      BLOCK_O_RDWR | BLOCK_O_NO_BACKING);
    return node == NULL ? 1 : amend(args, node);
}

const struct image_command image_amend = {
    .name = "amend",
    .operands = "filename",
    .help = "change options of an image",
    .options = options,
    .run = run,
};
