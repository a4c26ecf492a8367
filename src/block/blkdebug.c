/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * blkdebug: passes everything on, but makes requests fail as its rules say. A rule waits for an
 * event in a state; when that comes, it is active until another event activates others.
 */
#include "block/driver.h"
#include "block/event.h"

#include <errno.h>
#include <string.h>

#define MAX_RULES  1024
#define MAX_CONFIG (1u << 20)

enum io_type {
    IO_READ = 1 << 0,
    IO_WRITE = 1 << 1,
    IO_WRITE_ZEROES = 1 << 2,
    IO_DISCARD = 1 << 3,
    IO_FLUSH = 1 << 4,
    IO_BLOCK_STATUS = 1 << 5,
    IO_DEFAULT = IO_READ | IO_WRITE | IO_WRITE_ZEROES | IO_DISCARD | IO_FLUSH,
};

struct rule {
    bool inject; /* else: changes the state */
    enum block_event event;
    uint64_t state; /* 0: any */
    uint64_t new_state;
    unsigned io; /* io_type bits */
    int error;   /* positive */
    bool once, spent, active;
    bool has_sector;
    uint64_t sector;
};

struct debug {
    GMutex lock;
    GArray *rules;  /* lock */
    uint64_t state; /* lock */
};

static const struct block_option options[] = {
    {"image", BLOCK_OPT_NODE, "the node below", NULL},
    {"config", BLOCK_OPT_STRING, "file with [inject-error] and [set-state] sections", NULL},
    {"inject-error", BLOCK_OPT_ANY, "list of rules: event, state, iotype, errno, sector, once",
     NULL},
    {"set-state", BLOCK_OPT_ANY, "list of rules: event, state, new_state", NULL},
    {"align", BLOCK_OPT_SIZE, "alignment to ask for, a power of two", NULL},
    {NULL},
};

static const char *const event_names[] = {
#define NAME(name, text) text,
    BLOCK_EVENTS(NAME)
#undef NAME
};

/* ---- rules ---- */

static int bad_rule(GError **error, const char *what, const char *value)
{
    g_set_error(error, BLOCK_ERROR, EINVAL, "blkdebug: invalid %s '%s'", what, value);
    return -EINVAL;
}

static int parse_event(json_object *o, struct rule *rule, GError **error)
{
    const char *text = block_opt_string(o, "event", NULL);

    for (unsigned i = 0; text != NULL && i < G_N_ELEMENTS(event_names); i++) {
        if (strcmp(event_names[i], text) == 0) {
            rule->event = i;
            return 0;
        }
    }
    return bad_rule(error, "event name", text != NULL ? text : "(none)");
}

static int parse_io(json_object *o, struct rule *rule, GError **error)
{
    static const char *const names[] = {"read",    "write", "write-zeroes",
                                        "discard", "flush", "block-status"};
    const char *text = block_opt_string(o, "iotype", NULL);

    rule->io = IO_DEFAULT;
    if (text == NULL) {
        return 0;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(names[i], text) == 0) {
            rule->io = 1u << i;
            return 0;
        }
    }
    return bad_rule(error, "iotype", text);
}

static int parse_inject(json_object *o, struct rule *rule, GError **error)
{
    uint64_t code;
    bool immediately;

    if (parse_io(o, rule, error) < 0 || !block_opt_size(o, "errno", EIO, &code, error) ||
        !block_opt_bool(o, "once", false, &rule->once, error) ||
        !block_opt_bool(o, "immediately", false, &immediately, error)) {
        return -EINVAL;
    }
    if (code == 0 || code > 4095) {
        return bad_rule(error, "errno", block_opt_string(o, "errno", ""));
    }
    rule->error = (int)code;
    rule->has_sector = json_object_object_get_ex(o, "sector", NULL) &&
                       strcmp(block_opt_string(o, "sector", ""), "-1") != 0;
    if (rule->has_sector && !block_opt_size(o, "sector", 0, &rule->sector, error)) {
        return -EINVAL;
    }
    return 0;
}

static int add_rule(struct debug *debug, bool inject, json_object *o, GError **error)
{
    struct rule rule = {.inject = inject};

    if (!json_object_is_type(o, json_type_object) || debug->rules->len >= MAX_RULES) {
        return bad_rule(error, "rule", json_object_to_json_string(o));
    }
    if (parse_event(o, &rule, error) < 0 || !block_opt_size(o, "state", 0, &rule.state, error)) {
        return -EINVAL;
    }
    if (inject && parse_inject(o, &rule, error) < 0) {
        return -EINVAL;
    }
    if (!inject && !block_opt_size(o, "new_state", 0, &rule.new_state, error)) {
        return -EINVAL;
    }
    rule.active = inject && rule.event == BLOCK_EVENT_NONE;
    g_array_append_val(debug->rules, rule);
    return 0;
}

static int add_list(struct debug *debug, json_object *opts, const char *name, bool inject,
                    GError **error)
{
    json_object *list = NULL;
    int r = 0;

    if (!json_object_object_get_ex(opts, name, &list)) {
        return 0;
    }
    if (json_object_is_type(list, json_type_array)) {
        for (size_t i = 0; r == 0 && i < json_object_array_length(list); i++) {
            r = add_rule(debug, inject, json_object_array_get_idx(list, i), error);
        }
        return r;
    }
    if (!json_object_is_type(list, json_type_object)) {
        return bad_rule(error, name, json_object_to_json_string(list));
    }
    /* "inject-error.0.event=..." of key=value syntax: an object with numbers as keys */
    json_object_object_foreach(list, key, value)
    {
        r = r == 0 ? g_ascii_isdigit(key[0]) ? add_rule(debug, inject, value, error)
                                             : bad_rule(error, name, key)
                   : r;
    }
    return r;
}

/* One line of a configuration file; `*section` is what the lines before have filled. */
static int config_line(struct debug *debug, char *line, json_object **section, bool *inject,
                       GError **error)
{
    char *equals = strchr(g_strstrip(line), '=');
    int r = 0;

    if (line[0] == '\0' || line[0] == '#') {
        return 0;
    }
    if (line[0] == '[') {
        if (*section != NULL) {
            r = add_rule(debug, *inject, *section, error);
        }
        json_object_put(*section);
        *section = json_object_new_object();
        *inject = g_str_has_prefix(line, "[inject-error");
        return r == 0 && !*inject && !g_str_has_prefix(line, "[set-state")
                   ? bad_rule(error, "section", line)
                   : r;
    }
    if (equals == NULL || *section == NULL) {
        return bad_rule(error, "line", line);
    }
    *equals = '\0';
    g_strstrip(equals + 1);
    if (equals[1] == '"' && g_str_has_suffix(equals + 1, "\"") && strlen(equals + 1) > 1) {
        equals++;
        equals[strlen(equals + 1)] = '\0';
    }
    json_object_object_add(*section, g_strchomp(line), json_object_new_string(equals + 1));
    return 0;
}

static int read_config(struct debug *debug, const char *path, GError **error)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    json_object *section = NULL;
    bool inject = false;
    gsize len;
    int r = 0;

    if (!g_file_get_contents(path, &text, &len, error)) {
        g_prefix_error(error, "Could not read blkdebug config file: ");
        return -EIO;
    }
    if (len > MAX_CONFIG) {
        return bad_rule(error, "config file", path);
    }
    lines = g_strsplit(text, "\n", -1);
    for (unsigned i = 0; r == 0 && lines[i] != NULL; i++) {
        r = config_line(debug, lines[i], &section, &inject, error);
    }
    if (r == 0 && section != NULL) {
        r = add_rule(debug, inject, section, error);
    }
    json_object_put(section);
    return r;
}

/* ---- what happens ---- */

static void on_event(struct debug *debug, enum block_event event)
{
    uint64_t state = debug->state;
    bool injected = false;

    for (unsigned i = 0; i < debug->rules->len; i++) {
        struct rule *rule = &g_array_index(debug->rules, struct rule, i);

        if (rule->event != event || rule->spent || (rule->state != 0 && rule->state != state)) {
            continue;
        }
        if (!rule->inject) {
            debug->state = rule->new_state;
            continue;
        }
        for (unsigned k = 0; !injected && k < debug->rules->len; k++) {
            g_array_index(debug->rules, struct rule, k).active = false;
        }
        injected = true;
        rule->active = true;
    }
}

static void debug_event(struct block_node *node, enum block_event event)
{
    struct debug *debug = node->state;

    g_mutex_lock(&debug->lock);
    on_event(debug, event);
    g_mutex_unlock(&debug->lock);
}

/* The error that a request gets, as a negative errno; 0: it goes on. */
static int verdict(struct block_node *node, enum io_type io, uint64_t offset, uint64_t len)
{
    struct debug *debug = node->state;
    int r = 0;

    g_mutex_lock(&debug->lock);
    for (unsigned i = 0; r == 0 && i < debug->rules->len; i++) {
        struct rule *rule = &g_array_index(debug->rules, struct rule, i);
        uint64_t at = rule->sector * BLOCK_SECTOR;

        if (rule->active && (rule->io & io) &&
            (!rule->has_sector || (at >= offset && at < offset + len))) {
            r = -rule->error;
            if (rule->once) {
                rule->active = false;
                rule->spent = true;
            }
        }
    }
    g_mutex_unlock(&debug->lock);
    return r;
}

static int debug_open(struct block_node *node, json_object *opts, GError **error)
{
    struct debug *debug = node->state;
    const char *config = block_opt_string(opts, "config", NULL);
    uint64_t align;
    int r = block_open_child(node, opts, "image", error);

    if (r < 0) {
        return r;
    }
    debug->state = 1;
    debug->rules = g_array_new(FALSE, FALSE, sizeof(struct rule));
    g_mutex_init(&debug->lock);
    r = config != NULL ? read_config(debug, config, error) : 0;
    if (r == 0) {
        r = add_list(debug, opts, "inject-error", true, error);
    }
    if (r == 0) {
        r = add_list(debug, opts, "set-state", false, error);
    }
    if (r == 0 && !block_opt_size(opts, "align", node->file->align, &align, error)) {
        r = -EINVAL;
    }
    if (r == 0 && (align == 0 || align > (1u << 20) || (align & (align - 1)) != 0)) {
        r = bad_rule(error, "align", block_opt_string(opts, "align", ""));
    }
    if (r < 0) {
        g_array_free(debug->rules, TRUE);
        g_mutex_clear(&debug->lock);
        return r;
    }
    node->align = MAX((unsigned)align, node->file->align);
    return 0;
}

static void debug_close(struct block_node *node)
{
    struct debug *debug = node->state;

    g_array_free(debug->rules, TRUE);
    g_mutex_clear(&debug->lock);
}

static int debug_preadv(struct block_node *node, uint64_t offset, uint64_t len,
                        struct block_vec vec)
{
    int r = verdict(node, IO_READ, offset, len);

    return r < 0 ? r : block_preadv(node->file, offset, len, vec);
}

static int debug_pwritev(struct block_node *node, uint64_t offset, uint64_t len,
                         struct block_vec vec, unsigned flags)
{
    int r = verdict(node, IO_WRITE, offset, len);

    return r < 0 ? r : block_pwritev(node->file, offset, len, vec, flags);
}

static int debug_pwrite_zeroes(struct block_node *node, uint64_t offset, uint64_t len,
                               unsigned flags)
{
    int r = verdict(node, IO_WRITE_ZEROES, offset, len);

    return r < 0 ? r : block_pwrite_zeroes(node->file, offset, len, flags);
}

static int debug_discard(struct block_node *node, uint64_t offset, uint64_t len)
{
    int r = verdict(node, IO_DISCARD, offset, len);

    return r < 0 ? r : block_discard(node->file, offset, len);
}

static int debug_flush(struct block_node *node)
{
    int r = verdict(node, IO_FLUSH, 0, 0);

    return r < 0 ? r : block_flush(node->file);
}

static int64_t debug_length(struct block_node *node)
{
    return block_length(node->file);
}

static int debug_truncate(struct block_node *node, uint64_t length, enum block_prealloc prealloc,
                          GError **error)
{
    return block_truncate(node->file, length, prealloc, error);
}

static int debug_status(struct block_node *node, uint64_t offset, uint64_t len, uint64_t *ret_len,
                        uint64_t *ret_map, struct block_node **ret_file)
{
    int r = verdict(node, IO_BLOCK_STATUS, offset, len);

    if (r < 0) {
        return r;
    }
    r = block_status(node->file, offset, len, ret_len, ret_map, ret_file);
    return r < 0 ? r : r & ~BLOCK_STATUS_EOF;
}

static int debug_info(struct block_node *node, struct block_info *ret_info)
{
    struct block_info below;
    int r = block_get_info(node->file, &below);

    if (r == 0) {
        ret_info->allocated = below.allocated;
    }
    return r;
}

const struct block_driver block_blkdebug_driver = {
    .name = "blkdebug",
    .help = "makes requests fail, for tests",
    .kind = BLOCK_FILTER,
    .open_ended = true,
    .state_size = sizeof(struct debug),
    .options = options,
    .open = debug_open,
    .close = debug_close,
    .preadv = debug_preadv,
    .pwritev = debug_pwritev,
    .pwrite_zeroes = debug_pwrite_zeroes,
    .discard = debug_discard,
    .flush = debug_flush,
    .length = debug_length,
    .truncate = debug_truncate,
    .status = debug_status,
    .info = debug_info,
    .event = debug_event,
};
