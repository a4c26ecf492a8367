/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/command.h"
#include "image/output.h"

#include <stdio.h>
#include <string.h>

static const struct image_option options[] = {
    {'f', "format", "fmt", "format of the image; without it: found out"},
    {IMAGE_KEY_OUTPUT, "output", "human|json", "how to print it"},
    {IMAGE_KEY_BACKING_CHAIN, "backing-chain", NULL, "also the backing files"},
    {IMAGE_KEY_IMAGE_OPTS, "image-opts", NULL, "the file name is a list of options"},
    {'U', "force-share", NULL, "read it even while another process writes"},
    {IMAGE_KEY_OBJECT, "object", "objectdef", "an object such as a secret (not built yet)"},
    {0},
};

static json_object *snapshot_json(const struct block_snapshot *s)
{
    json_object *o = json_object_new_object();

    json_object_object_add(o, "id", json_object_new_string(s->id));
    json_object_object_add(o, "name", json_object_new_string(s->name));
    json_object_object_add(o, "vm-state-size", json_object_new_uint64(s->vm_state_size));
    json_object_object_add(o, "date-sec", json_object_new_int64(s->date_sec));
    json_object_object_add(o, "date-nsec", json_object_new_int64(s->date_nsec));
    json_object_object_add(o, "vm-clock-sec",
                           json_object_new_uint64(s->vm_clock_nsec / 1000000000));
    json_object_object_add(o, "vm-clock-nsec",
                           json_object_new_uint64(s->vm_clock_nsec % 1000000000));
    if (s->icount != UINT64_MAX) {
        json_object_object_add(o, "icount", json_object_new_uint64(s->icount));
    }
    return o;
}

/* The backing file's name as seen from the working directory. */
static char *full_backing(struct block_node *node, const char *name)
{
    g_autofree char *folder = g_path_get_dirname(block_filename(node));

    return name[0] == '/' || strchr(name, ':') != NULL || strchr(block_filename(node), '/') == NULL
               ? g_strdup(name)
               : g_build_filename(folder, name, NULL);
}

static void list_snapshots(struct block_node *node, GPtrArray *list)
{
    if (node->driver->snapshot_list != NULL) {
        (void)node->driver->snapshot_list(node, list);
    }
}

static json_object *info_json(struct block_node *node, const struct block_info *info,
                              const char *filename)
{
    json_object *o = json_object_new_object(), *specific = block_get_specific(node);
    g_autoptr(GPtrArray) snapshots = g_ptr_array_new();

    json_object_object_add(o, "filename", json_object_new_string(filename));
    json_object_object_add(o, "format", json_object_new_string(info->format_name));
    json_object_object_add(o, "dirty-flag", json_object_new_boolean(info->dirty));
    if (info->allocated >= 0) {
        json_object_object_add(o, "actual-size", json_object_new_int64(info->allocated));
    }
    json_object_object_add(o, "virtual-size", json_object_new_uint64(info->length));
    if (info->cluster_size != 0) {
        json_object_object_add(o, "cluster-size", json_object_new_int64(info->cluster_size));
    }
    if (info->backing_filename != NULL) {
        g_autofree char *full = full_backing(node, info->backing_filename);

        json_object_object_add(o, "backing-filename",
                               json_object_new_string(info->backing_filename));
        json_object_object_add(o, "full-backing-filename", json_object_new_string(full));
        if (info->backing_format != NULL) {
            json_object_object_add(o, "backing-filename-format",
                                   json_object_new_string(info->backing_format));
        }
    }
    list_snapshots(node, snapshots);
    if (snapshots->len > 0) {
        json_object *array = json_object_new_array();

        for (unsigned i = 0; i < snapshots->len; i++) {
            json_object_array_add(array, snapshot_json(g_ptr_array_index(snapshots, i)));
        }
        json_object_object_add(o, "snapshots", array);
    }
    if (specific != NULL) {
        json_object_object_add(o, "format-specific", specific);
    }
    return o;
}

/* "lazy-refcounts" is printed as "lazy refcounts". */
static void print_specific(json_object *specific)
{
    json_object *data = NULL;

    if (specific == NULL || !json_object_object_get_ex(specific, "data", &data)) {
        return;
    }
    printf("Format specific information:\n");
    json_object_object_foreach(data, key, value)
    {
        g_autofree char *name = g_strdelimit(g_strdup(key), "-", ' ');

        printf("    %s: %s\n", name, json_object_get_string(value));
    }
}

static void print_human(struct block_node *node, const struct block_info *info,
                        const char *filename)
{
    g_autofree char *size = output_size(info->length);
    g_autofree char *disk =
        info->allocated < 0 ? g_strdup("unavailable") : output_size((uint64_t)info->allocated);
    g_autoptr(GPtrArray) snapshots = g_ptr_array_new();
    json_object *specific = block_get_specific(node);

    printf("image: %s\nfile format: %s\nvirtual size: %s (%" G_GUINT64_FORMAT " bytes)\n"
           "disk size: %s\n",
           filename, info->format_name, size, (guint64)info->length, disk);
    if (info->cluster_size != 0) {
        printf("cluster_size: %u\n", info->cluster_size);
    }
    if (info->dirty) {
        printf("cleanly shut down: no\n");
    }
    if (info->backing_filename != NULL) {
        g_autofree char *full = full_backing(node, info->backing_filename);
        bool same = strcmp(full, info->backing_filename) == 0;

        printf("backing file: %s", info->backing_filename);
        printf(same ? "\n" : " (actual path: %s)\n", full);
        if (info->backing_format != NULL) {
            printf("backing file format: %s\n", info->backing_format);
        }
    }
    list_snapshots(node, snapshots);
    if (snapshots->len > 0) {
        printf("Snapshot list:\n");
        output_snapshot_head();
    }
    for (unsigned i = 0; i < snapshots->len; i++) {
        output_snapshot(g_ptr_array_index(snapshots, i));
    }
    print_specific(specific);
    json_object_put(specific);
}

/* One image of the chain. *ret_next: the backing file's name, NULL at the end. */
static int one(const struct image_args *args, const char *filename, const char *format, bool json,
               json_object *array, char **ret_next, char **ret_format)
{
    g_autoptr(block_node_ref) node =
        image_open(args, filename, format, NULL, BLOCK_O_NO_BACKING | BLOCK_O_NO_IO);
    struct block_info info;
    int r;

    if (node == NULL) {
        return 1;
    }
    if (image_has(args, IMAGE_KEY_IMAGE_OPTS)) {
        filename = block_filename(node);
    }
    r = block_get_info(node, &info);
    if (r < 0) {
        return image_fail("Could not get information about '%s': %s", filename, g_strerror(-r));
    }
    if (json) {
        json_object_array_add(array, info_json(node, &info, filename));
    } else {
        print_human(node, &info, filename);
    }
    if (info.backing_filename != NULL) {
        *ret_next = full_backing(node, info.backing_filename);
        *ret_format = g_strdup(info.backing_format);
    }
    return 0;
}

static int chain(const struct image_args *args, bool json, json_object *array)
{
    g_autofree char *name = g_strdup(image_operand(args, 0));
    g_autofree char *format = g_strdup(image_value(args, 'f'));
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    int status = 0;

    while (status == 0 && name != NULL) {
        g_autofree char *next = NULL, *next_format = NULL;

        if (!g_hash_table_add(seen, g_strdup(name))) {
            return image_fail("Backing file '%s' creates an infinite loop.", name);
        }
        if (g_hash_table_size(seen) > 1 && !json) {
            printf("\n");
        }
        status = one(args, name, format, json, array, &next, &next_format);
        g_free(name);
        g_free(format);
        name = image_has(args, IMAGE_KEY_BACKING_CHAIN) ? g_steal_pointer(&next) : NULL;
        format = g_steal_pointer(&next_format);
    }
    return status;
}

static int run(const struct image_args *args)
{
    json_object *array;
    bool json;
    int status;

    image_end_at_once();
    if (!image_output_json(args, &json)) {
        return 1;
    }
    if (args->operands->len != 1) {
        return image_usage("Expecting one image file name");
    }
    array = json_object_new_array();
    status = chain(args, json, array);
    if (status == 0 && json) {
        output_json(image_has(args, IMAGE_KEY_BACKING_CHAIN) ? array
                                                             : json_object_array_get_idx(array, 0));
    }
    json_object_put(array);
    return status;
}

const struct image_command image_info = {
    .name = "info",
    .operands = "filename",
    .help = "show what an image is",
    .options = options,
    .run = run,
};
