/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/command.h"
#include "image/extent.h"
#include "image/output.h"

#include <stdio.h>
#include <string.h>

static const struct image_option options[] = {
    {IMAGE_KEY_OUTPUT, "output", "human|json", "how to print it"},
    {'O', NULL, "output_fmt", "format of the new image (raw)"},
    {'o', NULL, "options", "options of the format, key=value,..."},
    {IMAGE_KEY_SIZE, "size", "N", "length of the disk, instead of an image"},
    {'f', NULL, "fmt", "format of the image; without it: found out"},
    {'l', NULL, "snapshot_param", "measure a snapshot (not built yet)"},
    {IMAGE_KEY_IMAGE_OPTS, "image-opts", NULL, "the file name is a list of options"},
    {'U', "force-share", NULL, "read it even while another process writes"},
    {IMAGE_KEY_OBJECT, "object", "objectdef", "an object such as a secret (not built yet)"},
    {0},
};

static uint64_t cluster_of(json_object *opts)
{
    uint64_t cluster = 65536;

    (void)block_opt_size(opts, "cluster_size", 65536, &cluster, NULL);
    return MAX(cluster, 512);
}

/* Bytes of whole clusters that are neither zero nor absent. */
static int count_data(struct block_node *node, uint64_t length, uint64_t cluster, uint64_t *ret)
{
    uint64_t counted_to = 0;

    *ret = 0;
    for (uint64_t at = 0; at < length;) {
        struct extent e;
        int r = extent_get(node, at, length - at, &e);

        if (r < 0) {
            return r;
        }
        if (e.data && !e.zero) {
            uint64_t from = MAX(at / cluster * cluster, counted_to);
            uint64_t to = (at + e.len + cluster - 1) / cluster * cluster;

            *ret += to > from ? to - from : 0;
            counted_to = MAX(counted_to, to);
        }
        at += e.len;
    }
    return 0;
}

static int print(const struct block_driver *driver, json_object *opts, uint64_t length,
                 uint64_t data, bool json, bool bitmaps)
{
    uint64_t required, fully;
    GError *error = NULL;

    if (driver->measure == NULL) {
        return image_fail("Block driver '%s' does not support size measurement", driver->name);
    }
    if (driver->measure(opts, length, data, &required, &fully, &error) < 0) {
        return image_fail_error(error);
    }
    if (json) {
        json_object *o = json_object_new_object();

        json_object_object_add(o, "required", json_object_new_uint64(required));
        json_object_object_add(o, "fully-allocated", json_object_new_uint64(fully));
        if (bitmaps) {
            json_object_object_add(o, "bitmaps", json_object_new_int(0));
        }
        output_json(o);
        json_object_put(o);
    } else {
        printf("required size: %" G_GUINT64_FORMAT "\nfully allocated size: %" G_GUINT64_FORMAT
               "\n",
               (guint64)required, (guint64)fully);
        if (bitmaps) {
            printf("bitmaps size: 0\n");
        }
    }
    return 0;
}

static int measure_image(const struct image_args *args, const struct block_driver *driver,
                         json_object *opts, bool json)
{
    g_autoptr(block_node_ref) node =
        image_open(args, image_operand(args, 0), image_value(args, 'f'), NULL, 0);
    int64_t length;
    uint64_t data;
    int r;

    if (node == NULL || (image_has(args, 'l') && !image_load_snapshot(args, node))) {
        return 1;
    }
    length = block_length(node);
    r = length < 0 ? (int)length : count_data(node, (uint64_t)length, cluster_of(opts), &data);
    if (r < 0) {
        return image_fail("Unable to read the image's map: %s", g_strerror(-r));
    }
    return print(driver, opts, (uint64_t)length, data, json,
                 strcmp(driver->name, "qcow2") == 0 &&
                     strcmp(block_driver_name(node), "qcow2") == 0);
}

static int measure(const struct image_args *args, const struct block_driver *driver,
                   json_object *opts)
{
    const char *size = image_value(args, IMAGE_KEY_SIZE);
    uint64_t length;
    bool json;

    if (!image_output_json(args, &json)) {
        return 1;
    }
    if (size != NULL && args->operands->len > 0) {
        return image_fail("--size N cannot be used together with a filename.");
    }
    if (size == NULL && args->operands->len != 1) {
        return image_fail("Either --size N or one filename must be specified.");
    }
    if (size == NULL) {
        return measure_image(args, driver, opts, json);
    }
    if (!block_parse_size(size, &length)) {
        return image_fail("Invalid image size specified. You may use k, M, G, T, P or E suffixes "
                          "for\nviv-img: kilobytes, megabytes, gigabytes, terabytes, petabytes and "
                          "exabytes.");
    }
    return print(driver, opts, length, 0, json, false);
}

static int run(const struct image_args *args)
{
    const char *format = image_has(args, 'O') ? image_value(args, 'O') : "raw";
    const struct block_driver *driver = image_create_driver("measure", format);
    json_object *opts = driver != NULL ? image_create_options(args, driver, "measure") : NULL;
    int status;

    image_end_at_once();
    if (opts == NULL) {
        return 1;
    }
    status = measure(args, driver, opts);
    json_object_put(opts);
    return status;
}

const struct image_command image_measure = {
    .name = "measure",
    .operands = "[filename]",
    .help = "how large would a new image be?",
    .options = options,
    .run = run,
};
