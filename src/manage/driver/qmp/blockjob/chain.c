/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/driver/qmp/blockjob/chain.h"

#include "manage/conf/fault.h"
#include "manage/driver/qmp/internal.h"
#include "manage/driver/qmp/moment/image-disk.h"
#include "manage/driver/qmp/stats.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_CHAIN 200 /* images one on another */

void chain_image_free(void *opaque)
{
    struct chain_image *image = opaque;

    if (image != NULL) {
        g_free(image->path);
        g_free(image->format);
        g_free(image->node);
        g_free(image);
    }
}

static json_object *member(json_object *object, const char *name)
{
    json_object *value = NULL;

    return json_object_is_type(object, json_type_object) &&
                   json_object_object_get_ex(object, name, &value)
               ? value
               : NULL;
}

static size_t length_of(json_object *list)
{
    return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

/* --- what the machine says --- */

static int64_t id_of(json_object *graph, const char *name)
{
    json_object *nodes = member(graph, "nodes");

    for (size_t i = 0; i < length_of(nodes); i++) {
        json_object *node = json_object_array_get_idx(nodes, i);

        if (g_strcmp0(json_object_get_string(member(node, "name")), name) == 0 &&
            g_strcmp0(json_object_get_string(member(node, "type")), "block-driver") == 0) {
            return json_object_get_int64(member(node, "id"));
        }
    }
    return -1;
}

static const char *name_of(json_object *graph, int64_t id)
{
    json_object *nodes = member(graph, "nodes");

    for (size_t i = 0; i < length_of(nodes); i++) {
        json_object *node = json_object_array_get_idx(nodes, i);

        if (json_object_get_int64(member(node, "id")) == id) {
            return json_object_get_string(member(node, "name"));
        }
    }
    return NULL;
}

/* The node that one is based on, borrowed of the graph; NULL: on none. */
static const char *below(json_object *graph, const char *name)
{
    json_object *edges = member(graph, "edges");
    int64_t id = id_of(graph, name);

    for (size_t i = 0; id >= 0 && i < length_of(edges); i++) {
        json_object *edge = json_object_array_get_idx(edges, i);

        if (json_object_get_int64(member(edge, "parent")) == id &&
            g_strcmp0(json_object_get_string(member(edge, "name")), "backing") == 0) {
            return name_of(graph, json_object_get_int64(member(edge, "child")));
        }
    }
    return NULL;
}

static bool ask_top(struct domain *domain, const char *target, char **ret_node, GError **error)
{
    json_object *stats = NULL, *blocks = NULL;
    const struct xml *disk;

    if (!stats_ask_blocks(domain, &stats, &blocks, error)) {
        return false;
    }
    disk = stats_find_disk(domain->def, target);
    *ret_node = disk != NULL ? g_strdup(stats_node(blocks, disk)) : NULL;
    json_object_put(stats);
    json_object_put(blocks);
    return true;
}

/* --- numbers --- */

static void highest(const struct xml *node, unsigned *max)
{
    uint64_t n;

    if (xml_number(xml_get(node, "index"), &n) && n < G_MAXINT && n > *max) {
        *max = (unsigned)n;
    }
    for (unsigned i = 0; xml_child(node, i) != NULL; i++) {
        highest(xml_child(node, i), max);
    }
}

unsigned chain_free_index(const struct domain *domain)
{
    const struct xml *devices = domain_def_devices(domain->def);
    unsigned max = 0, disks = 0;

    for (struct xml *d = xml_find(devices, "disk"); d != NULL; d = xml_next(devices, "disk", d)) {
        disks++;
        highest(d, &max);
    }
    return MAX(max, disks) + 1;
}

static const char *source_path(const struct xml *node)
{
    const struct xml *source = xml_find(node, "source");
    const char *file = xml_get(source, "file");

    return file != NULL ? file : xml_get(source, "dev");
}

/* The number that an image has in the definition already; 0: none. */
static unsigned shown_index(const struct xml *disk, const char *path)
{
    const struct xml *mirror = xml_find(disk, "mirror");
    uint64_t n;

    if (g_strcmp0(source_path(mirror), path) == 0 &&
        xml_number(xml_get(xml_find(mirror, "source"), "index"), &n)) {
        return (unsigned)n;
    }
    for (const struct xml *x = disk; x != NULL; x = xml_find(x, "backingStore")) {
        const char *index =
            x == disk ? xml_get(xml_find(x, "source"), "index") : xml_get(x, "index");

        if (g_strcmp0(source_path(x), path) == 0 && xml_number(index, &n)) {
            return (unsigned)n;
        }
    }
    return 0;
}

static void number(const struct domain *domain, const struct xml *disk, GPtrArray *chain)
{
    unsigned next = chain_free_index(domain);

    for (unsigned i = 0; i < chain->len; i++) {
        struct chain_image *image = chain->pdata[i];

        image->index = shown_index(disk, image->path);
        if (image->index == 0 && i == 0) {
            (void)sscanf(image->node, "libvirt-%u-", &image->index);
        }
        if (image->index == 0) {
            image->index = next;
        }
        next = MAX(next, image->index + 1);
    }
}

/* --- the chain --- */

/* As long as both the machine and the files say that there is another one. */
static GPtrArray *walk(json_object *graph, const char *node, const char *top, const char *driver)
{
    GPtrArray *chain = g_ptr_array_new_with_free_func(chain_image_free);
    g_autofree char *path = g_strdup(top), *format = g_strdup(driver != NULL ? driver : "raw");

    while (node != NULL && path != NULL && chain->len < MAX_CHAIN) {
        struct chain_image *image = g_new0(struct chain_image, 1);
        char *next_format = NULL;

        image->node = g_strdup(node);
        image->path = g_steal_pointer(&path);
        image->format = g_steal_pointer(&format);
        g_ptr_array_add(chain, image);
        path = image_disk_backing(image->path, image->format, &next_format);
        format = next_format;
        node = below(graph, node);
    }
    return chain;
}

GPtrArray *chain_read(struct domain *domain, const char *target, GError **error)
{
    g_autofree char *top = NULL;
    json_object *graph = NULL;
    const struct xml *disk;
    GPtrArray *chain;

    if (!ask_top(domain, target, &top, error) ||
        !qmp_command(domain, "x-debug-query-block-graph", NULL, &graph, error)) {
        return NULL;
    }
    disk = stats_find_disk(domain->def, target);
    chain = walk(graph, top, disk != NULL ? stats_disk_path(disk) : NULL,
                 xml_get(xml_find(disk, "driver"), "type"));
    number(domain, disk, chain);
    json_object_put(graph);
    return chain;
}

int chain_find(const GPtrArray *chain, const char *target, const char *word, unsigned from,
               const char *beneath, GError **error)
{
    gsize length = strlen(target);
    bool by_index =
        strncmp(word, target, length) == 0 && word[length] == '[' && g_str_has_suffix(word, "]");
    g_autofree char *index =
        by_index ? g_strndup(word + length + 1, strlen(word) - length - 2) : NULL;
    uint64_t n = 0;

    by_index = by_index && xml_number(index, &n);
    for (unsigned i = from; i < chain->len; i++) {
        const struct chain_image *image = chain->pdata[i];

        if (by_index ? image->index == n : strcmp(image->path, word) == 0) {
            return (int)i;
        }
    }
    if (by_index) {
        fault_set(error, FAULT_INVALID_ARG,
                  "could not find backing store index '%s' in chain for '%s'", index, target);
    } else if (beneath != NULL) {
        fault_set(error, FAULT_INVALID_ARG,
                  "could not find image '%s' beneath '%s' in chain for '%s'", word, beneath,
                  target);
    } else {
        fault_set(error, FAULT_INVALID_ARG, "could not find image '%s' in chain for '%s'", word,
                  target);
    }
    return -1;
}

/* --- the definition --- */

bool chain_is_device(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISBLK(st.st_mode);
}

void chain_describe(struct xml *parent, const struct chain_image *image, bool indexed)
{
    struct xml *source;

    xml_set(xml_need(parent, "format"), "type", image->format);
    source = xml_need(parent, "source");
    xml_set(source, chain_is_device(image->path) ? "dev" : "file", image->path);
    if (indexed) {
        g_autofree char *index = g_strdup_printf("%u", image->index);

        xml_set(source, "index", index);
    }
}

void chain_hide(struct xml *disk)
{
    struct xml *source = xml_find(disk, "source");

    if (source != NULL) {
        xml_set(source, "index", NULL);
    }
    xml_drop(xml_find(disk, "backingStore"));
}

void chain_hide_all(struct domain_def *def)
{
    const struct xml *devices = domain_def_devices(def);

    for (struct xml *d = xml_find(devices, "disk"); d != NULL; d = xml_next(devices, "disk", d)) {
        chain_hide(d);
    }
}

void chain_show(struct xml *disk, const GPtrArray *chain)
{
    struct xml *source = xml_find(disk, "source"), *at = disk;
    const struct chain_image *top = chain->len > 0 ? chain->pdata[0] : NULL;
    g_autofree char *index = NULL;
    guint place = 0;

    chain_hide(disk);
    if (top == NULL || source == NULL) {
        return;
    }
    index = g_strdup_printf("%u", top->index);
    xml_set(source, "index", index);
    for (unsigned i = 1; i <= chain->len; i++) {
        struct xml *store = xml_new("backingStore");

        if (at == disk && g_ptr_array_find(disk->children, source, &place)) {
            at = xml_insert(disk, place + 1, store);
        } else {
            at = xml_append(at, store);
        }
        if (i < chain->len) {
            const struct chain_image *image = chain->pdata[i];
            g_autofree char *below_index = g_strdup_printf("%u", image->index);

            xml_set(at, "type", chain_is_device(image->path) ? "block" : "file");
            xml_set(at, "index", below_index);
            chain_describe(at, image, false);
        }
    }
}
