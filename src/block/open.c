/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From options to nodes: names, defaults, inheritance, nested children, probing. */
#include "block/open.h"
#include "block/driver.h"
#include "block/graph.h"
#include "block/range.h"

#include <errno.h>
#include <string.h>

#define MAX_DEPTH    32
#define PROBE_BYTES  2048
#define MAX_NAME_LEN 31

/* ---- options ---- */

/* A deep copy in which {"file.driver": x} has become {"file": {"driver": x}}. */
static json_object *unflatten(json_object *from, unsigned depth)
{
    json_object *to = json_object_new_object();

    json_object_object_foreach(from, key, value)
    {
        json_object *copy, *at = to;
        g_auto(GStrv) parts = g_strsplit(key, ".", MAX_DEPTH);
        unsigned n = g_strv_length(parts);

        if (json_object_is_type(value, json_type_object) && depth < MAX_DEPTH) {
            copy = unflatten(value, depth + 1);
        } else {
            copy = json_object_get(value);
        }
        for (unsigned i = 0; i + 1 < n; i++) {
            json_object *next = NULL;

            if (!json_object_object_get_ex(at, parts[i], &next) ||
                !json_object_is_type(next, json_type_object)) {
                next = json_object_new_object();
                json_object_object_add(at, parts[i], next);
            }
            at = next;
        }
        json_object_object_add(at, n > 0 ? parts[n - 1] : key, copy);
    }
    return to;
}

static bool take_flag(json_object *options, const char *name, unsigned bit, bool inverted,
                      unsigned *flags, GError **error)
{
    bool value;

    if (!block_opt_bool(options, name, ((*flags & bit) != 0) != inverted, &value, error)) {
        return false;
    }
    json_object_object_del(options, name);
    *flags = value != inverted ? *flags | bit : *flags & ~bit;
    return true;
}

static bool take_cache(json_object *options, unsigned *flags, GError **error)
{
    json_object *cache = NULL;

    if (!json_object_object_get_ex(options, "cache", &cache)) {
        return true;
    }
    if (!json_object_is_type(cache, json_type_object)) {
        g_set_error(error, BLOCK_ERROR, EINVAL, "Parameter 'cache' expects an object");
        return false;
    }
    if (!take_flag(cache, "direct", BLOCK_O_DIRECT, false, flags, error) ||
        !take_flag(cache, "no-flush", BLOCK_O_NO_FLUSH, false, flags, error)) {
        return false;
    }
    json_object_object_del(cache, "writeback"); /* the backend's */
    json_object_object_foreach(cache, key, value)
    {
        (void)value;
        g_set_error(error, BLOCK_ERROR, EINVAL, "Parameter 'cache.%s' is unexpected", key);
        return false;
    }
    json_object_object_del(options, "cache");
    return true;
}

static bool take_discard(json_object *options, unsigned *flags, GError **error)
{
    const char *text = block_opt_string(options, "discard", NULL);

    if (text == NULL) {
        return true;
    }
    if (strcmp(text, "unmap") == 0 || strcmp(text, "on") == 0) {
        *flags |= BLOCK_O_UNMAP;
    } else if (strcmp(text, "ignore") == 0 || strcmp(text, "off") == 0) {
        *flags &= ~(unsigned)BLOCK_O_UNMAP;
    } else {
        g_set_error(error, BLOCK_ERROR, EINVAL, "Invalid discard option");
        return false;
    }
    json_object_object_del(options, "discard");
    return true;
}

static bool take_detect_zeroes(json_object *options, unsigned flags, enum block_detect_zeroes *ret,
                               GError **error)
{
    const char *text = block_opt_string(options, "detect-zeroes", "off");

    if (strcmp(text, "off") == 0) {
        *ret = BLOCK_DETECT_OFF;
    } else if (strcmp(text, "on") == 0) {
        *ret = BLOCK_DETECT_ON;
    } else if (strcmp(text, "unmap") == 0) {
        *ret = BLOCK_DETECT_UNMAP;
    } else {
        g_set_error(error, BLOCK_ERROR, EINVAL, "Invalid parameter '%s' for detect-zeroes", text);
        return false;
    }
    if (*ret == BLOCK_DETECT_UNMAP && !(flags & BLOCK_O_UNMAP)) {
        g_set_error(error, BLOCK_ERROR, EINVAL,
                    "setting detect-zeroes to unmap is not allowed without setting discard "
                    "operation to unmap");
        return false;
    }
    json_object_object_del(options, "detect-zeroes");
    return true;
}

static bool take_common(json_object *options, unsigned *flags, enum block_detect_zeroes *detect,
                        GError **error)
{
    return take_flag(options, "read-only", BLOCK_O_RDWR, true, flags, error) &&
           take_flag(options, "auto-read-only", BLOCK_O_AUTO_RDONLY, false, flags, error) &&
           take_flag(options, "force-share", BLOCK_O_FORCE_SHARE, false, flags, error) &&
           take_cache(options, flags, error) && take_discard(options, flags, error) &&
           take_detect_zeroes(options, *flags, detect, error);
}

/* ---- one node ---- */

static bool name_ok(struct block_graph *graph, const char *name, GError **error)
{
    bool good = name[0] != '\0' && strlen(name) <= MAX_NAME_LEN && g_ascii_isalpha(name[0]);

    for (const char *p = name; good && *p != '\0'; p++) {
        good = g_ascii_isalnum(*p) || strchr("-._", *p) != NULL;
    }
    if (!good) {
        g_set_error(error, BLOCK_ERROR, EINVAL, "Invalid node-name: '%s'", name);
        return false;
    }
    if (block_graph_find(graph, name) != NULL) {
        g_set_error(error, BLOCK_ERROR, EEXIST, "Duplicate nodes with node-name='%s'", name);
        return false;
    }
    return true;
}

static struct block_node *node_new(const struct block_driver *driver, struct block_graph *graph,
                                   const char *name, unsigned flags)
{
    struct block_node *node = g_new0(struct block_node, 1);

    node->driver = driver;
    node->graph = graph;
    node->name = name != NULL ? g_strdup(name) : block_graph_make_name(graph);
    node->flags = flags;
    node->align = 1;
    node->mem_align = 1;
    node->refs = 1;
    node->shared = BLOCK_PERM_ALL;
    node->children = g_ptr_array_new();
    node->parents = g_ptr_array_new();
    node->state = driver->state_size > 0 ? g_malloc0(driver->state_size) : NULL;
    return node;
}

static void node_free(struct block_node *node)
{
    g_assert(node->parents->len == 0);
    while (node->children->len > 0) {
        block_detach(g_ptr_array_index(node->children, node->children->len - 1));
    }
    g_ptr_array_free(node->children, TRUE);
    g_ptr_array_free(node->parents, TRUE);
    block_ranges_free(node->ranges);
    g_free(node->state);
    g_free(node->filename);
    g_free(node->name);
    g_free(node);
}

static void set_filename(struct block_node *node)
{
    if (node->filename == NULL) {
        node->filename = g_strdup(node->file != NULL ? node->file->filename : "");
    }
}

static struct block_node *open_driver(const struct block_driver *driver, json_object *options,
                                      unsigned flags, const char *name, struct block_graph *graph,
                                      GError **error)
{
    struct block_node *node = node_new(driver, graph, name, flags);

    if (!block_opt_known(driver, options, error) || driver->open(node, options, error) < 0) {
        node_free(node);
        return NULL;
    }
    set_filename(node);
    if (node->align > 1) {
        node->ranges = block_ranges_new();
    }
    g_ptr_array_add(graph->nodes, node);
    if (block_refresh_perm(node, error) < 0) {
        block_unref(node);
        return NULL;
    }
    return node;
}

static const struct block_driver *find_driver(json_object *options, GError **error)
{
    const char *name = block_opt_string(options, "driver", NULL);
    const struct block_driver *driver = name != NULL ? block_driver_find(name) : NULL;

    if (name == NULL) {
        g_set_error(error, BLOCK_ERROR, EINVAL, "Parameter 'driver' is missing");
    } else if (driver == NULL) {
        g_set_error(error, BLOCK_ERROR, ENOENT, "Unknown driver '%s'", name);
    }
    return driver;
}

/* `options` is the caller's private copy, already unflattened, and is used up. */
static struct block_node *open_node(json_object *options, unsigned flags, struct block_graph *graph,
                                    GError **error)
{
    enum block_detect_zeroes detect = BLOCK_DETECT_OFF;
    const struct block_driver *driver = find_driver(options, error);
    g_autofree char *name = g_strdup(block_opt_string(options, "node-name", NULL));
    struct block_node *node;

    if (driver == NULL || (name != NULL && !name_ok(graph, name, error)) ||
        !take_common(options, &flags, &detect, error)) {
        return NULL;
    }
    if ((flags & BLOCK_O_FORCE_SHARE) && (flags & BLOCK_O_RDWR)) {
        g_set_error(error, BLOCK_ERROR, EINVAL,
                    "force-share=on can only be used with read-only images");
        return NULL;
    }
    json_object_object_del(options, "driver");
    json_object_object_del(options, "node-name");
    node = open_driver(driver, options, flags, name, graph, error);
    if (node != NULL) {
        node->detect_zeroes = detect;
    }
    return node;
}

struct block_node *block_open(json_object *options, struct block_graph *graph, GError **error)
{
    json_object *copy;
    struct block_node *node;

    if (!json_object_is_type(options, json_type_object)) {
        g_set_error(error, BLOCK_ERROR, EINVAL, "Block device options must be an object");
        return NULL;
    }
    copy = unflatten(options, 0);
    node = open_node(copy, BLOCK_O_RDWR, graph, error);
    json_object_put(copy);
    return node;
}

/* ---- file names ---- */

/* "blkdebug:[RULES]:IMAGE" */
static json_object *blkdebug_options(const char *text, GError **error)
{
    const char *colon = strchr(text, ':');
    json_object *options, *image;
    g_autofree char *config = NULL;

    if (colon == NULL) {
        g_set_error(error, BLOCK_ERROR, EINVAL,
                    "blkdebug requires both config file and image path");
        return NULL;
    }
    image = block_filename_options(colon + 1, error);
    if (image == NULL) {
        return NULL;
    }
    options = json_object_new_object();
    json_object_object_add(options, "driver", json_object_new_string("blkdebug"));
    json_object_object_add(options, "image", image);
    config = g_strndup(text, (gsize)(colon - text));
    if (config[0] != '\0') {
        json_object_object_add(options, "config", json_object_new_string(config));
    }
    return options;
}

static json_object *json_options(const char *text, GError **error)
{
    json_object *parsed = json_tokener_parse(text);
    json_object *options;

    if (parsed == NULL || !json_object_is_type(parsed, json_type_object)) {
        g_set_error(error, BLOCK_ERROR, EINVAL, "Could not parse the JSON options");
        json_object_put(parsed);
        return NULL;
    }
    options = unflatten(parsed, 0);
    json_object_put(parsed);
    return options;
}

/* The length of a "scheme:" in front of a file name; 0: a plain path. */
static size_t scheme_length(const char *filename)
{
    size_t n = strcspn(filename, ":/");

    return n > 0 && filename[n] == ':' ? n : 0;
}

json_object *block_filename_options(const char *filename, GError **error)
{
    size_t scheme = scheme_length(filename);
    json_object *options;
    const char *driver = "file";

    if (filename[0] == '\0') {
        g_set_error(error, BLOCK_ERROR, EINVAL, "The image's file name is empty");
        return NULL;
    }
    if (g_str_has_prefix(filename, "json:")) {
        return json_options(filename + 5, error);
    }
    if (g_str_has_prefix(filename, "blkdebug:")) {
        return blkdebug_options(filename + 9, error);
    }
    if (g_str_has_prefix(filename, "file:")) {
        filename += 5;
    } else if (g_str_has_prefix(filename, "host_device:")) {
        filename += 12;
        driver = "host_device";
    } else if (g_str_has_prefix(filename, "null-co://")) {
        filename = NULL;
        driver = "null-co";
    } else if (scheme > 0) {
        g_set_error(error, BLOCK_ERROR, EINVAL, "Unknown protocol '%.*s'", (int)scheme, filename);
        return NULL;
    }
    options = json_object_new_object();
    json_object_object_add(options, "driver", json_object_new_string(driver));
    if (filename != NULL) {
        json_object_object_add(options, "filename", json_object_new_string(filename));
    }
    return options;
}

/* Opens the protocol layer below an image that was given by name. */
static unsigned child_flags(unsigned flags)
{
    return (flags & ~(unsigned)(BLOCK_O_NO_BACKING | BLOCK_O_SNAPSHOT)) | BLOCK_O_UNMAP;
}

/* Fills in options["driver"] by looking at the image's first bytes. */
static bool probe_driver(json_object *options, unsigned flags, struct block_graph *graph,
                         struct block_node **ret_file, GError **error)
{
    json_object *file = NULL;
    const char *format;

    if (!json_object_object_get_ex(options, "file", &file) ||
        !json_object_is_type(file, json_type_object)) {
        g_set_error(error, BLOCK_ERROR, EINVAL, "Parameter 'driver' is missing");
        return false;
    }
    *ret_file = open_node(file, child_flags(flags), graph, error);
    if (*ret_file == NULL) {
        return false;
    }
    format = block_probe(*ret_file, error);
    if (format == NULL) {
        return false;
    }
    json_object_object_add(options, "driver", json_object_new_string(format));
    json_object_object_add(options, "file", json_object_new_string((*ret_file)->name));
    return true;
}

static void merge(json_object *to, json_object *from)
{
    json_object *plain = unflatten(from, 0);

    json_object_object_foreach(plain, key, value)
    {
        json_object *have = NULL;

        if (json_object_is_type(value, json_type_object) &&
            json_object_object_get_ex(to, key, &have) &&
            json_object_is_type(have, json_type_object)) {
            merge(have, value);
        } else {
            json_object_object_add(to, key, json_object_get(value));
        }
    }
    json_object_put(plain);
}

/* {"driver": FORMAT, "file": {...}} of a file name; a json: name may be complete by itself. */
static json_object *image_options(const char *filename, const char *format, json_object *more,
                                  GError **error)
{
    json_object *options = block_filename_options(filename, error);
    bool complete = options != NULL && g_str_has_prefix(filename, "json:") &&
                    (json_object_object_get_ex(options, "driver", NULL) ||
                     json_object_object_get_ex(options, "file", NULL));

    if (options == NULL) {
        return NULL;
    }
    if (!complete || (format != NULL && json_object_object_get_ex(options, "driver", NULL))) {
        json_object *outer = json_object_new_object();

        json_object_object_add(outer, "file", options);
        options = outer;
    }
    if (format != NULL) {
        json_object_object_add(options, "driver", json_object_new_string(format));
    }
    if (more != NULL) {
        merge(options, more);
    }
    return options;
}

/* A protocol given as the format ("-f file") stands alone. */
static json_object *drop_format_layer(json_object *options)
{
    const struct block_driver *driver =
        block_driver_find(block_opt_string(options, "driver", "raw"));
    json_object *file = NULL;

    if (driver == NULL || driver->kind != BLOCK_PROTOCOL ||
        !json_object_object_get_ex(options, "file", &file)) {
        return options;
    }
    file = json_object_get(file);
    json_object_put(options);
    return file;
}

static struct block_node *open_image(const char *filename, const char *format, unsigned flags,
                                     json_object *more, struct block_graph *graph, GError **error)
{
    g_autoptr(block_node_ref) probed = NULL;
    json_object *options = image_options(filename, format, more, error);
    struct block_node *node = NULL;

    if (options == NULL) {
        return NULL;
    }
    options = drop_format_layer(options);
    if (json_object_object_get_ex(options, "driver", NULL) ||
        probe_driver(options, flags, graph, &probed, error)) {
        node = open_node(options, flags, graph, error);
    }
    json_object_put(options);
    return node;
}

struct block_node *block_open_file(const char *filename, const char *format, unsigned flags,
                                   json_object *more, struct block_graph *graph, GError **error)
{
    struct block_node *node, *overlay;

    if (!(flags & BLOCK_O_SNAPSHOT)) {
        return open_image(filename, format, flags, more, graph, error);
    }
    flags &= ~(unsigned)BLOCK_O_SNAPSHOT;
    node = open_image(filename, format, flags & ~(unsigned)BLOCK_O_RDWR, more, graph, error);
    if (node == NULL) {
        return NULL;
    }
    overlay = block_open_overlay(node, graph, error);
    block_unref(node);
    return overlay;
}

const char *block_probe(struct block_node *node, GError **error)
{
    uint8_t bytes[PROBE_BYTES] = {0};
    const char *best = "raw";
    int best_score = 0;
    int64_t length = block_length(node);
    int r = length < 0 ? (int)length : block_pread(node, 0, bytes, sizeof(bytes));

    if (r < 0) {
        g_set_error(error, BLOCK_ERROR, -r, "Could not read image for determining its format: %s",
                    g_strerror(-r));
        return NULL;
    }
    for (const struct block_driver *const *d = block_drivers(); *d != NULL; d++) {
        int score = (*d)->probe != NULL ? (*d)->probe(bytes, (size_t)MIN(length, PROBE_BYTES)) : 0;

        if (score > best_score) {
            best_score = score;
            best = (*d)->name;
        }
    }
    return best;
}

/* ---- children ---- */

static bool reaches(const struct block_node *from, const struct block_node *to, unsigned depth)
{
    bool found = from == to;

    for (unsigned i = 0; !found && depth < MAX_DEPTH && i < from->children->len; i++) {
        const struct block_edge *edge = g_ptr_array_index(from->children, i);

        found = reaches(edge->node, to, depth + 1);
    }
    return found;
}

int block_adopt_child(struct block_node *node, const char *role, struct block_node *child,
                      GError **error)
{
    struct block_edge *edge;

    if (reaches(child, node, 0)) {
        g_set_error(error, BLOCK_ERROR, ELOOP,
                    "Making '%s' a %s child of '%s' would create a cycle", child->name, role,
                    node->name);
        return -ELOOP;
    }
    edge = block_attach(child, node, role, NULL, 0, BLOCK_PERM_ALL, error);
    if (edge == NULL) {
        return -EPERM;
    }
    g_ptr_array_add(node->children, edge);
    if (strcmp(role, "backing") == 0) {
        node->backing = child;
    } else {
        node->file = child;
    }
    return 0;
}

/* The node named by, or opened from, options[role]. The result is a new reference. */
static struct block_node *child_from(struct block_node *node, json_object *value, const char *role,
                                     GError **error)
{
    unsigned flags = strcmp(role, "backing") == 0
                         ? (node->flags & ~(unsigned)(BLOCK_O_RDWR | BLOCK_O_CHECK))
                         : child_flags(node->flags);
    json_object *copy;
    struct block_node *child;

    if (json_object_is_type(value, json_type_string)) {
        child = block_graph_find(node->graph, json_object_get_string(value));
        if (child == NULL) {
            g_set_error(error, BLOCK_ERROR, ENOENT, "Cannot find device='' nor node-name='%s'",
                        json_object_get_string(value));
        }
        return child != NULL ? block_ref(child) : NULL;
    }
    if (!json_object_is_type(value, json_type_object)) {
        g_set_error(error, BLOCK_ERROR, EINVAL, "Invalid parameter type for '%s'", role);
        return NULL;
    }
    copy = unflatten(value, 0);
    if (!json_object_object_get_ex(copy, "driver", NULL) &&
        json_object_object_get_ex(copy, "filename", NULL)) {
        json_object_object_add(copy, "driver", json_object_new_string("file"));
    }
    child = open_node(copy, flags, node->graph, error);
    json_object_put(copy);
    return child;
}

int block_open_child(struct block_node *node, json_object *options, const char *role,
                     GError **error)
{
    g_autoptr(block_node_ref) child = NULL;
    json_object *value = NULL;

    if (!json_object_object_get_ex(options, role, &value) || value == NULL) {
        g_set_error(error, BLOCK_ERROR, EINVAL, "A block device must be specified for \"%s\"",
                    role);
        return -EINVAL;
    }
    child = child_from(node, value, role, error);
    if (child == NULL) {
        return -EINVAL;
    }
    return block_adopt_child(node, role, child, error);
}

/* ---- references ---- */

struct block_node *block_ref(struct block_node *node)
{
    g_atomic_int_inc(&node->refs);
    return node;
}

void block_unref(struct block_node *node)
{
    if (node == NULL || !g_atomic_int_dec_and_test(&node->refs)) {
        return;
    }
    if (!block_read_only(node)) {
        (void)block_flush(node);
    }
    if (node->driver->close != NULL) {
        node->driver->close(node);
    }
    g_ptr_array_remove(node->graph->nodes, node);
    node_free(node);
}

/* ---- properties ---- */

bool block_cache_mode(const char *mode, unsigned *flags, bool *ret_writethrough)
{
    static const struct {
        const char *name;
        unsigned flags;
        bool writethrough;
    } modes[] = {
        {"none", BLOCK_O_DIRECT, false},
        {"off", BLOCK_O_DIRECT, false},
        {"writeback", 0, false},
        {"writethrough", 0, true},
        {"directsync", BLOCK_O_DIRECT, true},
        {"unsafe", BLOCK_O_NO_FLUSH, false},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(modes); i++) {
        if (strcmp(modes[i].name, mode) == 0) {
            *flags = (*flags & ~(unsigned)(BLOCK_O_DIRECT | BLOCK_O_NO_FLUSH)) | modes[i].flags;
            *ret_writethrough = modes[i].writethrough;
            return true;
        }
    }
    return false;
}

const char *block_name(const struct block_node *node)
{
    return node->name;
}

const char *block_driver_name(const struct block_node *node)
{
    return node->driver->name;
}

const char *block_filename(const struct block_node *node)
{
    return node->filename;
}

unsigned block_flags(const struct block_node *node)
{
    return node->flags;
}

bool block_read_only(const struct block_node *node)
{
    return !(node->flags & BLOCK_O_RDWR);
}

enum block_detect_zeroes block_get_detect_zeroes(const struct block_node *node)
{
    return node->detect_zeroes;
}

struct block_node *block_child(const struct block_node *node, const char *role)
{
    for (unsigned i = 0; i < node->children->len; i++) {
        struct block_edge *edge = g_ptr_array_index(node->children, i);

        if (strcmp(edge->role, role) == 0) {
            return edge->node;
        }
    }
    return NULL;
}

unsigned block_align(const struct block_node *node)
{
    return node->align;
}
