/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/command.h"
#include "image/output.h"

#include <stdio.h>
#include <string.h>

static const struct image_option options[] = {
    {'l', NULL, NULL, "list the snapshots (default)"},
    {'a', NULL, "snapshot", "go back to a snapshot"},
    {'c', NULL, "snapshot", "make a snapshot"},
    {'d', NULL, "snapshot", "delete a snapshot"},
    {'q', "quiet", NULL, "print errors only"},
    {IMAGE_KEY_IMAGE_OPTS, "image-opts", NULL, "the file name is a list of options"},
    {'U', "force-share", NULL, "list even while another process writes"},
    {IMAGE_KEY_OBJECT, "object", "objectdef", "an object such as a secret (not built yet)"},
    {0},
};

static int list(struct block_node *node)
{
    g_autoptr(GPtrArray) snapshots = g_ptr_array_new();

    if (node->driver->snapshot_list == NULL) {
        return 0;
    }
    (void)node->driver->snapshot_list(node, snapshots);
    if (snapshots->len > 0) {
        printf("Snapshot list:\n");
        output_snapshot_head();
    }
    for (unsigned i = 0; i < snapshots->len; i++) {
        output_snapshot(g_ptr_array_index(snapshots, i));
    }
    return 0;
}

static int create(struct block_node *node, const char *name, GError **error)
{
    gint64 now = g_get_real_time();
    struct block_snapshot snapshot = {.name = (char *)name,
                                      .date_sec = (uint32_t)(now / G_USEC_PER_SEC),
                                      .date_nsec = (uint32_t)(now % G_USEC_PER_SEC) * 1000};

    return node->driver->snapshot_create(node, &snapshot, error);
}

static int change(struct block_node *node, char what, const char *name)
{
    static const struct {
        char key;
        const char *verb;
    } verbs[] = {{'a', "apply"}, {'c', "create"}, {'d', "delete"}};
    const char *verb = "";
    GError *error = NULL;
    int r;

    for (unsigned i = 0; i < G_N_ELEMENTS(verbs); i++) {
        verb = verbs[i].key == what ? verbs[i].verb : verb;
    }
    if (node->driver->snapshot_create == NULL) {
        return image_fail("Could not %s snapshot '%s': Operation not supported", verb, name);
    }
    switch (what) {
    case 'a': r = node->driver->snapshot_apply(node, name, &error); break;
    case 'c': r = create(node, name, &error); break;
    default: r = node->driver->snapshot_delete(node, name, &error); break;
    }
    if (r < 0) {
        g_prefix_error(&error, "Could not %s snapshot '%s': ", verb, name);
        return image_fail_error(error);
    }
    return 0;
}

static int run(const struct image_args *args)
{
    static const char actions[] = "acdl";
    g_autoptr(block_node_ref) node = NULL;
    char action = 0;

    for (const char *p = actions; *p != '\0'; p++) {
        if (image_has(args, *p)) {
            if (action != 0) {
                return image_usage("Cannot mix '-l', '-a', '-c', '-d'");
            }
            action = *p;
        }
    }
    action = action != 0 ? action : 'l';
    if (args->operands->len != 1) {
        return image_usage("Expecting one image file name");
    }
    node = image_open(args, image_operand(args, 0), NULL, NULL,
                      action == 'l' ? BLOCK_O_NO_BACKING : BLOCK_O_RDWR | BLOCK_O_UNMAP);
    if (node == NULL) {
        return 1;
    }
    return action == 'l' ? list(node) : change(node, action, image_value(args, action));
}

const struct image_command image_snapshot = {
    .name = "snapshot",
    .operands = "filename",
    .help = "list, make, apply or delete snapshots inside an image",
    .options = options,
    .run = run,
};
