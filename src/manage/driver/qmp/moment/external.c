/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Snapshots in files of their own: what a disk was stays in its file, what comes goes to a new
 * image over it; memory goes to a file as a saved machine's does.
 */
#include "manage/conf/fault.h"
#include "manage/driver/qmp/argv-device.h"
#include "manage/driver/qmp/blockjob/blockjob.h"
#include "manage/driver/qmp/internal.h"
#include "manage/driver/qmp/moment/image-disk.h"
#include "manage/driver/qmp/moment/snapshot.h"
#include "manage/driver/qmp/save/save.h"
#include "manage/driver/qmp/stats.h"
#include "manage/driver/qmp/words.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* One disk of those that get a new image. */
struct layer {
    char *target; /* "vda" */
    char *base;   /* the file that it had, and its format */
    char *format;
    char *path;      /* of the new image */
    bool made;       /* by us: goes when all fails */
    char *node;      /* of a machine: its node, */
    unsigned number; /* and the new one's; 0: none yet */
};

static void layer_free(gpointer data)
{
    struct layer *layer = data;

    g_free(layer->target);
    g_free(layer->base);
    g_free(layer->format);
    g_free(layer->path);
    g_free(layer->node);
    g_free(layer);
}

static bool check_entry(const struct xml *entry, const struct xml *disk, GError **error)
{
    const char *format = xml_get(xml_find(entry, "driver"), "type");
    const char *path = xml_get(xml_find(entry, "source"), "file");
    const char *name = xml_get(entry, "name");

    if (!xml_is(entry, "type", "file") || path == NULL || *path != '/') {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "external snapshot for disk %s: only to a file by its whole path is built",
                         name);
    }
    if (format != NULL && strcmp(format, "qcow2") != 0) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "external snapshot format for disk %s is unsupported: %s", name, format);
    }
    return (disk != NULL && stats_disk_path(disk) != NULL) ||
           fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                     "external snapshot for disk %s, which is no file, is not built yet", name);
}

/* The disks that a snapshot's definition has external, as the domain's definition has them. */
static GPtrArray *layers_of(const struct moment_def *def, const struct domain_def *domain,
                            GError **error)
{
    const struct xml *entries = xml_find(def->root, "disks");
    g_autoptr(GPtrArray) layers = g_ptr_array_new_with_free_func(layer_free);

    for (struct xml *e = xml_find(entries, "disk"); e != NULL; e = xml_next(entries, "disk", e)) {
        const struct xml *disk;
        struct layer *layer;

        if (!xml_is(e, "snapshot", "external")) {
            continue;
        }
        disk = stats_find_disk(domain, xml_get(e, "name"));
        if (!check_entry(e, disk, error)) {
            return NULL;
        }
        layer = g_new0(struct layer, 1);
        layer->target = g_strdup(xml_get(e, "name"));
        layer->base = g_strdup(stats_disk_path(disk));
        layer->format = g_strdup(xml_get(xml_find(disk, "driver"), "type"));
        layer->path = g_strdup(xml_get(xml_find(e, "source"), "file"));
        g_ptr_array_add(layers, layer);
    }
    return g_steal_pointer(&layers);
}

static void undo_images(GPtrArray *layers)
{
    for (unsigned i = 0; i < layers->len; i++) {
        const struct layer *layer = layers->pdata[i];

        if (layer->made) {
            g_unlink(layer->path);
        }
    }
}

static bool make_images(GPtrArray *layers, bool reuse, GError **error)
{
    for (unsigned i = 0; i < layers->len; i++) {
        struct layer *layer = layers->pdata[i];

        if (reuse) {
            if (access(layer->path, R_OK | W_OK) != 0) {
                return fault_set(error, FAULT_OPERATION_INVALID,
                                 "missing existing file for disk %s: %s", layer->target,
                                 layer->path);
            }
        } else if (!image_disk_overlay(layer->path, layer->base, layer->format, error)) {
            return false;
        } else {
            layer->made = true;
        }
    }
    return true;
}

static void put_layer(struct domain_def *def, const struct layer *layer)
{
    struct xml *disk = def != NULL ? stats_find_disk(def, layer->target) : NULL;
    struct xml *source;

    if (disk == NULL || g_strcmp0(stats_disk_path(disk), layer->base) != 0) {
        return; /* another disk by now */
    }
    xml_set(disk, "type", "file");
    source = xml_need(disk, "source");
    xml_set(source, "dev", NULL);
    xml_set(source, "index", NULL);
    xml_set(source, "file", layer->path);
    xml_set(xml_need(disk, "driver"), "type", "qcow2");
    xml_drop(xml_find(disk, "backingStore"));
}

static bool keep(struct domain *domain, GPtrArray *layers, GError **error)
{
    for (unsigned i = 0; i < layers->len; i++) {
        put_layer(domain->def, layers->pdata[i]);
        put_layer(domain->next_def, layers->pdata[i]);
    }
    return (!domain_is_active(domain) || qmp_write_mark(domain, error)) &&
           (!domain->object.persistent || qmp_store.store(domain, error));
}

/* Opens the new image in the machine, over nothing yet. */
static bool add_node(struct domain *domain, struct layer *layer, GError **error)
{
    g_autoptr(domain_def_own) copy = domain_def_copy(domain->def);
    g_autoptr(GPtrArray) values = g_ptr_array_new_with_free_func(g_free);

    if (!qmp_free_node(domain, &layer->number, error)) {
        return false;
    }
    put_layer(copy, layer);
    if (!argv_disk_nodes(copy->root, stats_find_disk(copy, layer->target), layer->number, values,
                         error)) {
        return false;
    }
    for (unsigned i = 0; i < values->len; i++) {
        json_object *node = json_tokener_parse(values->pdata[i]);

        if (i + 1 == values->len) {
            json_object_object_add(node, "backing", NULL);
        }
        if (!qmp_command(domain, "blockdev-add", node, NULL, error)) {
            return false;
        }
    }
    return true;
}

static bool find_nodes(struct domain *domain, GPtrArray *layers, GError **error)
{
    json_object *stats = NULL, *blocks = NULL;
    bool good = stats_ask_blocks(domain, &stats, &blocks, error);

    for (unsigned i = 0; good && i < layers->len; i++) {
        struct layer *layer = layers->pdata[i];
        const struct xml *disk = stats_find_disk(domain->def, layer->target);

        layer->node = disk != NULL ? g_strdup(stats_node(blocks, disk)) : NULL;
        if (layer->node == NULL) {
            good = fault_set(error, FAULT_OPERATION_INVALID, "the machine has no disk %s",
                             layer->target);
        }
    }
    json_object_put(stats);
    json_object_put(blocks);
    return good;
}

static char *format_node(const struct layer *layer)
{
    return g_strdup_printf("libvirt-%u-format", layer->number);
}

/* All disks at one moment. */
static bool switch_disks(struct domain *domain, GPtrArray *layers, GError **error)
{
    json_object *arguments = json_object_new_object(), *actions = json_object_new_array();

    for (unsigned i = 0; i < layers->len; i++) {
        const struct layer *layer = layers->pdata[i];
        json_object *action = json_object_new_object(), *data = json_object_new_object();
        g_autofree char *overlay = format_node(layer);

        words_set(data, "node", layer->node);
        words_set(data, "overlay", overlay);
        words_set(action, "type", "blockdev-snapshot");
        json_object_object_add(action, "data", data);
        json_object_array_add(actions, action);
    }
    json_object_object_add(arguments, "actions", actions);
    return qmp_command(domain, "transaction", arguments, NULL, error);
}

static bool change_machine(struct domain *domain, GPtrArray *layers, GError **error)
{
    bool good = find_nodes(domain, layers, error);

    for (unsigned i = 0; good && i < layers->len; i++) {
        good = add_node(domain, layers->pdata[i], error);
    }
    good = good && (layers->len == 0 || switch_disks(domain, layers, error));
    for (unsigned i = 0; !good && i < layers->len; i++) {
        const struct layer *layer = layers->pdata[i];
        g_autofree char *node = format_node(layer);

        if (layer->number > 0) {
            qmp_drop_nodes(domain, node);
        }
    }
    return good;
}

static const char *memory_file(const struct moment_def *def)
{
    return xml_get(xml_find(def->root, "memory"), "file");
}

/* The machine stands still meanwhile, unless only its disks count; a live one until its last bit.
 */
static bool snap_machine(struct domain *domain, const struct moment_def *def, GPtrArray *layers,
                         unsigned flags, GError **error)
{
    const char *memory = memory_file(def);
    bool ran = domain->state == DOMAIN_RUNNING, paused = false, good = true;

    if (memory != NULL && (flags & SNAPSHOT_LIVE) == 0) {
        good = save_pause(domain, PAUSED_SNAPSHOT, &paused, error);
    }
    if (good && memory != NULL) {
        good = save_write_image(domain, memory, ran, error);
    }
    good = good && change_machine(domain, layers, error) && keep(domain, layers, error);
    if (memory != NULL && ran && (!good || (flags & SNAPSHOT_HALT) == 0)) {
        save_go_on(domain, RUNNING_UNPAUSED);
    }
    return good;
}

/* What a job is about is not to be covered. */
static bool are_idle(struct domain *domain, const GPtrArray *layers, GError **error)
{
    for (unsigned i = 0; i < layers->len; i++) {
        const struct layer *layer = layers->pdata[i];

        if (!blockjob_check_idle(domain, layer->target, error)) {
            return false;
        }
    }
    return true;
}

bool external_create(struct domain *domain, const struct moment_def *def, unsigned flags,
                     GError **error)
{
    g_autoptr(GPtrArray) layers = layers_of(def, domain->def, error);
    bool good;

    if (layers == NULL || !are_idle(domain, layers, error)) {
        return false;
    }
    good = make_images(layers, (flags & SNAPSHOT_REUSE) != 0, error) &&
           (domain_is_active(domain) ? snap_machine(domain, def, layers, flags, error)
                                     : keep(domain, layers, error));
    if (!good) {
        undo_images(layers);
    }
    return good;
}

/* "/guest/disk.qcow2" and snapshot "s": "/guest/disk.s-1", or a higher number that is free. */
static char *branch_name(const char *base, const char *snapshot)
{
    const char *dot = strrchr(base, '.'), *slash = strrchr(base, '/');
    int length = dot != NULL && dot > slash ? (int)(dot - base) : (int)strlen(base);
    g_autofree char *plain = g_strdelimit(g_strdup(snapshot), "/", '_');

    for (unsigned n = 1;; n++) {
        char *path = g_strdup_printf("%.*s.%s-%u", length, base, plain, n);

        if (access(path, F_OK) != 0) {
            return path;
        }
        g_free(path);
    }
}

bool external_branch(const struct moment_def *def, struct domain_def *fresh, GError **error)
{
    g_autoptr(GPtrArray) layers = layers_of(def, fresh, error);

    if (layers == NULL) {
        return false;
    }
    for (unsigned i = 0; i < layers->len; i++) {
        struct layer *layer = layers->pdata[i];

        g_free(layer->path);
        layer->path = branch_name(layer->base, def->name);
    }
    if (!make_images(layers, false, error)) {
        undo_images(layers);
        return false;
    }
    for (unsigned i = 0; i < layers->len; i++) {
        put_layer(fresh, layers->pdata[i]);
    }
    return true;
}
