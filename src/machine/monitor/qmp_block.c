/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands about block nodes and drives. */
#include "machine/monitor/command.h"

#include "block/block.h"

#define BACKING_DEPTH 64

static json_object *image_info(struct block_node *node, unsigned depth)
{
    json_object *o = json_object_new_object();
    struct block_node *backing = block_child(node, "backing");
    struct block_info info = {.allocated = -1};
    int64_t length = block_length(node);

    if (block_get_info(node, &info) < 0) {
        info = (struct block_info){.allocated = -1};
    }
    put_str(o, "filename", block_filename(node));
    put_str(o, "format", block_driver_name(node));
    put_int(o, "virtual-size", MAX(length, 0));
    put_bool(o, "dirty-flag", info.dirty);
    if (info.allocated >= 0) {
        put_int(o, "actual-size", info.allocated);
    }
    if (info.cluster_size) {
        put_int(o, "cluster-size", info.cluster_size);
    }
    if (info.backing_filename) {
        put_str(o, "backing-filename", info.backing_filename);
    }
    if (info.backing_format) {
        put_str(o, "backing-filename-format", info.backing_format);
    }
    if (backing && depth < BACKING_DEPTH) {
        json_object_object_add(o, "backing-image", image_info(backing, depth + 1));
    }
    return o;
}

static unsigned backing_depth(struct block_node *node)
{
    unsigned depth = 0;

    while (depth < BACKING_DEPTH && (node = block_child(node, "backing"))) {
        depth++;
    }
    return depth;
}

static json_object *device_info(struct block_node *node, bool write_cache, bool flat)
{
    static const char *const zero_words[] = {"off", "on", "unmap"};
    static const char *const limits[] = {"bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr"};
    json_object *o = json_object_new_object(), *cache = json_object_new_object();
    struct block_node *backing = block_child(node, "backing");

    put_str(o, "file", block_filename(node));
    put_str(o, "node-name", block_name(node));
    put_bool(o, "ro", block_read_only(node));
    put_str(o, "drv", block_driver_name(node));
    if (backing) {
        put_str(o, "backing_file", block_filename(backing));
    }
    put_int(o, "backing_file_depth", backing_depth(node));
    put_bool(o, "encrypted", false);
    put_str(o, "detect_zeroes", zero_words[block_get_detect_zeroes(node)]);
    for (unsigned i = 0; i < G_N_ELEMENTS(limits); i++) {
        put_int(o, limits[i], 0);
    }
    put_int(o, "write_threshold", 0);
    put_bool(cache, "writeback", write_cache);
    put_bool(cache, "direct", block_flags(node) & BLOCK_O_DIRECT);
    put_bool(cache, "no-flush", block_flags(node) & BLOCK_O_NO_FLUSH);
    json_object_object_add(o, "cache", cache);
    json_object_object_add(o, "image", image_info(node, flat ? BACKING_DEPTH : 0));
    return o;
}

struct dev *qmp_block_device(const struct monitor_env *env, struct block_backend *b)
{
    const char *id = block_backend_id(b);
    struct block_node *node = block_backend_node(b);

    for (guint i = 0; i < env->machine->devices->len; i++) {
        struct dev *dev = env->machine->devices->pdata[i];
        json_object *drive = dev_get(dev, "drive");
        const char *name =
            json_object_is_type(drive, json_type_string) ? json_object_get_string(drive) : NULL;
        bool uses = *id ? name && g_str_equal(name, id)
                        : dev->id && g_str_equal(block_backend_device(b), dev->id);

        uses = uses || (name && !*id && !dev->id && node && g_str_equal(name, block_name(node)));
        json_object_put(drive);
        if (uses) {
            return dev;
        }
    }
    return NULL;
}

static void put_device(json_object *o, const struct monitor_env *env, struct block_backend *b)
{
    const char *name = block_backend_device(b);
    struct dev *dev = qmp_block_device(env, b);

    if (dev) {
        put_str(o, "qdev", dev->path);
    } else if (*name) {
        put_str(o, "qdev", name);
    }
}

static json_object *query_block(const struct qmp_call *c, GError **error)
{
    static const char *const statuses[] = {"ok", "failed", "nospace"};
    json_object *list = json_object_new_array();

    for (guint i = 0; i < c->env->backends->len; i++) {
        struct block_backend *b = c->env->backends->pdata[i];
        struct block_node *node = block_backend_node(b);
        json_object *o = json_object_new_object();
        struct block_tray tray = {0};
        bool removable = block_backend_tray(b, &tray);

        put_str(o, "device", block_backend_id(b));
        put_device(o, c->env, b);
        put_str(o, "type", "unknown");
        put_bool(o, "removable", removable || !node);
        put_bool(o, "locked", tray.locked);
        if (removable) {
            put_bool(o, "tray_open", tray.open);
        }
        if (node) {
            json_object_object_add(o, "inserted",
                                   device_info(node, block_backend_write_cache(b), false));
        }
        put_str(o, "io-status", statuses[block_backend_iostatus(b)]);
        json_object_array_add(list, o);
    }
    return list;
}

struct node_list {
    json_object *list;
    bool flat;
};

static void add_node(struct block_node *node, void *opaque)
{
    struct node_list *l = opaque;

    json_object_array_add(l->list, device_info(node, true, l->flat));
}

static json_object *query_nodes(const struct qmp_call *c, GError **error)
{
    struct node_list l = {json_object_new_array(), qmp_bool(c, "flat")};

    block_graph_each(c->env->graph, add_node, &l);
    return l.list;
}

/* ---- statistics
 * ---------------------------------------------------------------------------------- */

static json_object *stats_values(const struct block_stats *s)
{
    static const struct {
        enum block_op op;
        const char *word;
        bool bytes, merged;
    } ops[] = {
        {BLOCK_READ, "rd", true, true},
        {BLOCK_WRITE, "wr", true, true},
        {BLOCK_FLUSH, "flush", false, false},
        {BLOCK_DISCARD, "unmap", true, true},
    };
    json_object *o = json_object_new_object();
    char name[48];

    for (unsigned i = 0; i < G_N_ELEMENTS(ops); i++) {
        const char *w = ops[i].word;
        const __typeof__(s->op[0]) *op = &s->op[ops[i].op];

#define PUT(format, value) (g_snprintf(name, sizeof(name), format, w), put_int(o, name, value))
        PUT("%s_operations", (int64_t)op->ops);
        PUT("%s_total_time_ns", (int64_t)op->time_ns);
        PUT("failed_%s_operations", (int64_t)op->failed);
        PUT("invalid_%s_operations", (int64_t)op->invalid);
        if (ops[i].bytes) {
            PUT("%s_bytes", (int64_t)op->bytes);
        }
        if (ops[i].merged) {
            PUT("%s_merged", (int64_t)op->merged);
        }
#undef PUT
    }
    put_int(o, "wr_highest_offset", (int64_t)s->highest_offset);
    if (s->last_access) {
        put_int(o, "idle_time_ns", (g_get_monotonic_time() - s->last_access) * 1000);
    }
    put_bool(o, "account_invalid", true);
    put_bool(o, "account_failed", true);
    json_object_object_add(o, "timed_stats", json_object_new_array());
    return o;
}

static json_object *node_stats(struct block_node *node, const struct block_stats *s, unsigned depth)
{
    static const struct block_stats none;
    struct block_node *file = block_child(node, "file"), *backing = block_child(node, "backing");
    json_object *o = json_object_new_object();

    put_str(o, "node-name", block_name(node));
    json_object_object_add(o, "stats", stats_values(s));
    if (file && depth < BACKING_DEPTH) {
        json_object_object_add(o, "parent", node_stats(file, &none, depth + 1));
    }
    if (backing && depth < BACKING_DEPTH) {
        json_object_object_add(o, "backing", node_stats(backing, &none, depth + 1));
    }
    return o;
}

static void add_node_stats(struct block_node *node, void *opaque)
{
    static const struct block_stats none;

    json_object_array_add(opaque, node_stats(node, &none, BACKING_DEPTH));
}

static json_object *query_stats(const struct qmp_call *c, GError **error)
{
    json_object *list = json_object_new_array();

    if (qmp_bool(c, "query-nodes")) {
        block_graph_each(c->env->graph, add_node_stats, list);
        return list;
    }
    for (guint i = 0; i < c->env->backends->len; i++) {
        struct block_backend *b = c->env->backends->pdata[i];
        struct block_node *node = block_backend_node(b);
        struct block_stats stats;
        json_object *o;

        block_backend_stats(b, &stats);
        if (node) {
            o = node_stats(node, &stats, 0);
        } else {
            o = json_object_new_object();
            json_object_object_add(o, "stats", stats_values(&stats));
        }
        put_str(o, "device", block_backend_id(b));
        put_device(o, c->env, b);
        json_object_array_add(list, o);
    }
    return list;
}

/* ---- changing
 * ------------------------------------------------------------------------------------ */

static json_object *blockdev_add(const struct qmp_call *c, GError **error)
{
    struct block_node *node;

    if (!qmp_has(c, "node-name")) {
        return qmp_fail(error, "'node-name' must be specified for the root node");
    }
    node = block_open(c->args, c->env->graph, error);
    if (node) {
        g_ptr_array_add(c->env->nodes, node);
    }
    return NULL;
}

static json_object *blockdev_del(const struct qmp_call *c, GError **error)
{
    const char *name = qmp_str(c, "node-name");

    for (guint i = 0; i < c->env->nodes->len; i++) {
        struct block_node *node = c->env->nodes->pdata[i];

        if (!g_str_equal(block_name(node), name)) {
            continue;
        }
        for (guint n = 0; n < c->env->backends->len; n++) {
            if (block_backend_node(c->env->backends->pdata[n]) == node) {
                return qmp_fail(error, "Node %s is in use", name);
            }
        }
        g_ptr_array_remove_index(c->env->nodes, i);
        return NULL;
    }
    return qmp_fail(error, "Failed to find node with node-name='%s'", name);
}

static struct block_node *find_node(const struct qmp_call *c, GError **error)
{
    const char *name = qmp_str(c, "node-name"), *device = qmp_str(c, "device");
    struct block_node *node = name ? block_graph_find(c->env->graph, name) : NULL;

    for (guint i = 0; !node && device && i < c->env->backends->len; i++) {
        struct block_backend *b = c->env->backends->pdata[i];

        node = g_str_equal(block_backend_id(b), device) ? block_backend_node(b) : NULL;
    }
    if (!node) {
        g_set_error(error, QMP_ERROR, QMP_ERROR_GENERIC,
                    "Cannot find device='%s' nor node-name='%s'", device ? device : "",
                    name ? name : "");
    }
    return node;
}

static json_object *block_resize(const struct qmp_call *c, GError **error)
{
    struct block_node *node = find_node(c, error);

    if (!node) {
        return NULL;
    }
    if (qmp_int(c, "size") < 0) {
        return qmp_fail(error, "Parameter 'size' expects a >0 size");
    }
    block_truncate(node, (uint64_t)qmp_int(c, "size"), BLOCK_PREALLOC_OFF, error);
    return NULL;
}

static json_object *empty_list(const struct qmp_call *c, GError **error)
{
    return json_object_new_array();
}

const struct qmp_command qmp_block_commands[] = {
    {"query-block", NULL, "[BlockInfo]", query_block, "Drives."},
    {"query-blockstats", "query-nodes?:bool", "[BlockStats]", query_stats, "Drives' counters."},
    {"query-named-block-nodes", "flat?:bool", "[BlockDeviceInfo]", query_nodes, "Block nodes."},
    {"query-jobs", NULL, "[JobInfo]", empty_list, "Jobs: none."},
    {"query-block-exports", NULL, "[BlockExportInfo]", empty_list, "Exported nodes: none."},
    {"query-pr-managers", NULL, "[PRManagerInfo]", empty_list,
     "Persistent reservation managers: none."},
    {"query-block-jobs", NULL, "[BlockJobInfo]", empty_list, "Block jobs: none."},
    {"blockdev-add", "driver:str node-name?:str", NULL, blockdev_add, "Opens a block node.",
     .any_args = true},
    {"blockdev-del", "node-name:str", NULL, blockdev_del, "Closes an unused block node."},
    {"block_resize", "device?:str node-name?:str size:int", NULL, block_resize,
     "Changes a node's length."},
    {NULL},
};
