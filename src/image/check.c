/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/command.h"
#include "image/output.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Exit statuses, as qemu-img documents them. */
enum {
    CHECK_CLEAN = 0,
    CHECK_FAILED = 1,
    CHECK_CORRUPT = 2,
    CHECK_LEAKS = 3,
    CHECK_UNSUPPORTED = 63,
};

static const struct image_option options[] = {
    {'f', "format", "fmt", "format of the image; without it: found out"},
    {'r', "repair", "leaks|all", "repair leaked clusters, or all that was found"},
    {IMAGE_KEY_OUTPUT, "output", "human|json", "how to print it"},
    {'T', NULL, "src_cache", "cache mode for reading (writeback)"},
    {'q', "quiet", NULL, "print errors only"},
    {IMAGE_KEY_IMAGE_OPTS, "image-opts", NULL, "the file name is a list of options"},
    {'U', "force-share", NULL, "read it even while another process writes"},
    {IMAGE_KEY_OBJECT, "object", "objectdef", "an object such as a secret (not built yet)"},
    {0},
};

static void print_note(void *opaque, const char *text)
{
    fflush(stdout);
    fprintf(stderr, "%s\n", text);
}

static void add(json_object *o, const char *name, uint64_t value, bool always)
{
    if (value != 0 || always) {
        json_object_object_add(o, name, json_object_new_uint64(value));
    }
}

static void print_json(const struct block_check *check, const char *filename, const char *format)
{
    json_object *o = json_object_new_object();

    json_object_object_add(o, "filename", json_object_new_string(filename));
    json_object_object_add(o, "format", json_object_new_string(format));
    add(o, "check-errors", check->check_errors, true);
    add(o, "image-end-offset", check->image_end_offset, false);
    add(o, "corruptions", check->corruptions, false);
    add(o, "leaks", check->leaks, false);
    add(o, "corruptions-fixed", check->corruptions_fixed, false);
    add(o, "leaks-fixed", check->leaks_fixed, false);
    add(o, "total-clusters", check->total_clusters, false);
    add(o, "allocated-clusters", check->allocated_clusters, false);
    add(o, "fragmented-clusters", check->fragmented_clusters, false);
    add(o, "compressed-clusters", check->compressed_clusters, false);
    output_json(o);
    json_object_put(o);
}

static void print_human(const struct block_check *c)
{
    if (c->corruptions == 0 && c->leaks == 0 && c->check_errors == 0) {
        printf("No errors were found on the image.\n");
    }
    if (c->corruptions > 0) {
        printf("\n%" PRIu64 " errors were found on the image.\nData may be corrupted, or further "
               "writes to the image may corrupt it.\n",
               c->corruptions);
    }
    if (c->leaks > 0) {
        printf("\n%" PRIu64 " leaked clusters were found on the image.\nThis means waste of disk "
               "space, but no harm to data.\n",
               c->leaks);
    }
    if (c->check_errors > 0) {
        printf("\n%" PRIu64 " internal errors have occurred during the check.\n", c->check_errors);
    }
    if (c->total_clusters != 0 && c->allocated_clusters != 0) {
        double allocated = (double)c->allocated_clusters;

        printf(
            "%" PRIu64 "/%" PRIu64 " = %0.2f%% allocated, %0.2f%% fragmented, %0.2f%% compressed "
            "clusters\n",
            c->allocated_clusters, c->total_clusters, allocated * 100.0 / (double)c->total_clusters,
            (double)c->fragmented_clusters * 100.0 / allocated,
            (double)c->compressed_clusters * 100.0 / allocated);
    }
    if (c->image_end_offset > 0) {
        printf("Image end offset: %" PRIu64 "\n", c->image_end_offset);
    }
}

static int verdict(const struct block_check *check)
{
    if (check->corruptions > 0) {
        return CHECK_CORRUPT;
    }
    if (check->leaks > 0) {
        return CHECK_LEAKS;
    }
    return check->check_errors > 0 ? CHECK_FAILED : CHECK_CLEAN;
}

static int check_once(struct block_node *node, struct block_check *check, unsigned fix, bool quiet)
{
    GError *error = NULL;

    *check = (struct block_check){.note = quiet ? NULL : print_note};
    if (node->driver->check(node, check, fix, &error) < 0) {
        image_fail_error(error);
        return CHECK_FAILED;
    }
    return CHECK_CLEAN;
}

/* Says what was repaired and looks at the result once more. */
static int check_again(struct block_node *node, struct block_check *check, bool json, bool quiet)
{
    uint64_t leaks = check->leaks_fixed, corruptions = check->corruptions_fixed;
    int status;

    if (leaks == 0 && corruptions == 0) {
        return CHECK_CLEAN;
    }
    if (!json && !quiet) {
        printf("The following inconsistencies were found and repaired:\n\n    %" PRIu64
               " leaked clusters\n    %" PRIu64 " corruptions\n\nDouble checking the fixed image "
               "now...\n",
               leaks, corruptions);
    }
    status = check_once(node, check, 0, quiet);
    check->leaks_fixed = leaks;
    check->corruptions_fixed = corruptions;
    return status;
}

static bool parse_repair(const struct image_args *args, unsigned *ret_fix)
{
    const char *text = image_value(args, 'r');

    *ret_fix = 0;
    if (text == NULL) {
        return true;
    }
    if (strcmp(text, "leaks") == 0) {
        *ret_fix = BLOCK_FIX_LEAKS;
    } else if (strcmp(text, "all") == 0) {
        *ret_fix = BLOCK_FIX_LEAKS | BLOCK_FIX_ERRORS;
    } else {
        image_usage("Unknown option value for -r (expecting 'leaks' or 'all'): %s", text);
        return false;
    }
    return true;
}

static int run(const struct image_args *args)
{
    const char *filename = image_operand(args, 0);
    g_autoptr(block_node_ref) node = NULL;
    struct block_check check;
    bool json, quiet = image_has(args, 'q');
    unsigned fix;
    int status;

    if (!image_has(args, 'r')) {
        image_end_at_once();
    }
    if (!image_output_json(args, &json) || !parse_repair(args, &fix)) {
        return CHECK_FAILED;
    }
    if (args->operands->len != 1) {
        return image_usage("Expecting one image file name");
    }
    node = image_open(args, filename, image_value(args, 'f'), image_value(args, 'T'),
                      BLOCK_O_CHECK | BLOCK_O_NO_BACKING | BLOCK_O_UNMAP |
                          (fix != 0 ? BLOCK_O_RDWR : 0));
    if (node == NULL) {
        return CHECK_FAILED;
    }
    if (node->driver->check == NULL) {
        if (!quiet || json) {
            image_fail("This image format does not support checks");
        }
        return CHECK_UNSUPPORTED;
    }
    status = check_once(node, &check, fix, quiet);
    if (status == CHECK_CLEAN) {
        status = check_again(node, &check, json, quiet);
    }
    if (status != CHECK_CLEAN) {
        return status;
    }
    if (json) {
        print_json(&check, filename, node->driver->name);
    } else if (!quiet) {
        print_human(&check);
    }
    return verdict(&check);
}

const struct image_command image_check = {
    .name = "check",
    .operands = "filename",
    .help = "look for damage in an image, and repair it",
    .options = options,
    .run = run,
};
