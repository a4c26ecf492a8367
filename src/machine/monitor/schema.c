/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Member lists: reading them, checking arguments by them, describing them. */
#include "machine/monitor/command.h"

#include <string.h>

#define CHECK_DEPTH 16

G_DEFINE_QUARK(viv - qmp - error - quark, qmp_error)

static const struct qmp_command *const tables[] = {
    qmp_session_commands, qmp_life_commands, qmp_info_commands,   qmp_cpu_commands,
    qmp_device_commands,  qmp_qom_commands,  qmp_block_commands,  qmp_media_commands,
    qmp_char_commands,    qmp_pci_commands,  qmp_memory_commands, qmp_migration_commands,
    qmp_stats_commands,
};

const struct qmp_command *qmp_command_nth(unsigned n)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(tables); i++) {
        for (const struct qmp_command *c = tables[i]; c->name; c++) {
            if (n-- == 0) {
                return c;
            }
        }
    }
    return NULL;
}

const struct qmp_command *qmp_command_find(const char *name)
{
    const struct qmp_command *c;

    for (unsigned n = 0; (c = qmp_command_nth(n)); n++) {
        if (g_str_equal(c->name, name)) {
            return c;
        }
    }
    return NULL;
}

const struct qmp_type *qmp_type_find(const char *name)
{
    for (const struct qmp_type *t = qmp_types; t->name; t++) {
        if (g_str_equal(t->name, name)) {
            return t;
        }
    }
    return NULL;
}

json_object *qmp_fail(GError **error, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    *error = g_error_new_valist(QMP_ERROR, QMP_ERROR_GENERIC, format, ap);
    va_end(ap);
    return NULL;
}

json_object *qmp_not_found(GError **error, const char *what, const char *name)
{
    g_set_error(error, QMP_ERROR, QMP_ERROR_DEVICE_NOT_FOUND, "%s '%s' not found", what, name);
    return NULL;
}

bool qmp_member_next(const char **p, struct qmp_member *ret)
{
    const char *s = *p, *colon;
    size_t len, name_len;

    if (!s) {
        return false;
    }
    s += strspn(s, " ");
    len = strcspn(s, " ");
    if (!len) {
        return false;
    }
    colon = memchr(s, ':', len);
    name_len = colon ? (size_t)(colon - s) : len;
    ret->optional = name_len && s[name_len - 1] == '?';
    g_snprintf(ret->name, sizeof(ret->name), "%.*s", (int)(name_len - ret->optional), s);
    g_snprintf(ret->type, sizeof(ret->type), "%.*s", colon ? (int)(len - name_len - 1) : 0,
               colon ? colon + 1 : "");
    *p = s + len;
    return true;
}

/* ---- checking ----------------------------------------------------------------------------------
 */

static const struct {
    const char *name; /* ours */
    const char *json; /* in the schema */
    enum json_type type;
    const char *expected; /* in errors */
} builtins[] = {
    {"str", "string", json_type_string, "string"},
    {"int", "int", json_type_int, "integer"},
    {"number", "number", json_type_double, "number"},
    {"bool", "boolean", json_type_boolean, "boolean"},
    {"any", "value", json_type_null, ""},
};

static gboolean check_members(const char *members, json_object *value, bool any_more,
                              const struct qmp_type *type, unsigned depth, GError **error);

static gboolean check_value(const char *name, const char *type, json_object *value, unsigned depth,
                            GError **error);

static gboolean wrong_type(const char *name, const char *expected, GError **error)
{
    qmp_fail(error, "Invalid parameter type for '%s', expected: %s", name, expected);
    return FALSE;
}

static gboolean check_array(const char *name, const char *type, json_object *value, unsigned depth,
                            GError **error)
{
    g_autofree char *element = g_strndup(type + 1, strlen(type) - 2);

    if (!json_object_is_type(value, json_type_array)) {
        return wrong_type(name, "array", error);
    }
    for (size_t i = 0; i < json_object_array_length(value); i++) {
        if (!check_value(name, element, json_object_array_get_idx(value, i), depth + 1, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean check_enum(const char *name, const struct qmp_type *t, json_object *value,
                           GError **error)
{
    g_auto(GStrv) words = g_strsplit(t->values, " ", -1);

    if (!json_object_is_type(value, json_type_string)) {
        return wrong_type(name, "string", error);
    }
    if (!g_strv_contains((const char *const *)words, json_object_get_string(value))) {
        qmp_fail(error, "Parameter '%s' does not accept value '%s'", name,
                 json_object_get_string(value));
        return FALSE;
    }
    return TRUE;
}

static gboolean check_value(const char *name, const char *type, json_object *value, unsigned depth,
                            GError **error)
{
    const struct qmp_type *t;

    if (depth > CHECK_DEPTH) {
        return wrong_type(name, "less nesting", error);
    }
    if (*type == '[') {
        return check_array(name, type, value, depth, error);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(builtins); i++) {
        if (g_str_equal(builtins[i].name, type)) {
            return builtins[i].type == json_type_null ||
                           json_object_is_type(value, builtins[i].type) ||
                           (builtins[i].type == json_type_double &&
                            json_object_is_type(value, json_type_int))
                       ? TRUE
                       : wrong_type(name, builtins[i].expected, error);
        }
    }
    t = qmp_type_find(type);
    g_assert(t);
    if (t->values) {
        return check_enum(name, t, value, error);
    }
    if (!json_object_is_type(value, json_type_object)) {
        return wrong_type(name, "object", error);
    }
    return check_members(t->members, value, false, t, depth + 1, error);
}

static bool has_member(const char *members, const char *name)
{
    struct qmp_member m;

    while (qmp_member_next(&members, &m)) {
        if (g_str_equal(m.name, name)) {
            return true;
        }
    }
    return false;
}

/* The variant's members for the tag's value, or NULL. */
static const char *variant_members(const struct qmp_type *t, json_object *value)
{
    const char *p = t && t->tag ? t->variants : NULL;
    json_object *tag;
    struct qmp_member m;

    if (!p || !json_object_object_get_ex(value, t->tag, &tag)) {
        return NULL;
    }
    while (qmp_member_next(&p, &m)) {
        if (g_strcmp0(m.name, json_object_get_string(tag)) == 0) {
            return qmp_type_find(m.type)->members;
        }
    }
    return NULL;
}

static gboolean check_given(const char *members, json_object *value, unsigned depth, GError **error)
{
    struct qmp_member m;

    while (qmp_member_next(&members, &m)) {
        json_object *v;

        if (!json_object_object_get_ex(value, m.name, &v)) {
            if (!m.optional) {
                qmp_fail(error, "Parameter '%s' is missing", m.name);
                return FALSE;
            }
        } else if (!check_value(m.name, m.type, v, depth, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean check_members(const char *members, json_object *value, bool any_more,
                              const struct qmp_type *type, unsigned depth, GError **error)
{
    const char *more;

    if (!check_given(members, value, depth, error)) {
        return FALSE;
    }
    more = variant_members(type, value);
    if (!check_given(more, value, depth, error)) {
        return FALSE;
    }
    json_object_object_foreach(value, name, unused)
    {
        (void)unused;
        if (!any_more && !has_member(members, name) && !has_member(more, name)) {
            qmp_fail(error, "Parameter '%s' is unexpected", name);
            return FALSE;
        }
    }
    return TRUE;
}

gboolean qmp_check(const char *members, json_object *args, bool any_more, GError **error)
{
    return check_members(members, args, any_more, NULL, 0, error);
}

/* ---- describing --------------------------------------------------------------------------------
 */

static json_object *entry(json_object *list, const char *name, const char *meta)
{
    json_object *o = json_object_new_object();

    put_str(o, "name", name);
    put_str(o, "meta-type", meta);
    json_object_array_add(list, o);
    return o;
}

/* "[x]" is a type of its own. */
static void add_array(json_object *list, GHashTable *done, const char *type)
{
    g_autofree char *element = NULL;

    if (*type != '[' || !g_hash_table_add(done, g_strdup(type))) {
        return;
    }
    element = g_strndup(type + 1, strlen(type) - 2);
    put_str(entry(list, type, "array"), "element-type", element);
    add_array(list, done, element);
}

static json_object *member_list(const char *members)
{
    json_object *array = json_object_new_array();
    struct qmp_member m;

    while (qmp_member_next(&members, &m)) {
        json_object *o = json_object_new_object();

        put_str(o, "name", m.name);
        put_str(o, "type", m.type);
        if (m.optional) {
            json_object_object_add(o, "default", NULL);
        }
        json_object_array_add(array, o);
    }
    return array;
}

static void collect_arrays(json_object *list, GHashTable *done, const char *members)
{
    struct qmp_member m;

    while (qmp_member_next(&members, &m)) {
        add_array(list, done, m.type);
    }
}

static void add_enum(json_object *list, const struct qmp_type *t)
{
    g_auto(GStrv) words = g_strsplit(t->values, " ", -1);
    json_object *members = json_object_new_array(), *values = json_object_new_array();
    json_object *o = entry(list, t->name, "enum");

    for (char **word = words; *word; word++) {
        json_object *member = json_object_new_object();

        put_str(member, "name", *word);
        json_object_array_add(members, member);
        json_object_array_add(values, json_object_new_string(*word));
    }
    json_object_object_add(o, "members", members);
    json_object_object_add(o, "values", values);
}

static void add_object(json_object *list, GHashTable *done, const struct qmp_type *t)
{
    json_object *o = entry(list, t->name, "object"), *variants;
    const char *p = t->variants;
    struct qmp_member m;

    json_object_object_add(o, "members", member_list(t->members));
    collect_arrays(list, done, t->members);
    if (!t->tag) {
        return;
    }
    variants = json_object_new_array();
    while (qmp_member_next(&p, &m)) {
        json_object *variant = json_object_new_object();

        put_str(variant, "case", m.name);
        put_str(variant, "type", m.type);
        json_object_array_add(variants, variant);
    }
    put_str(o, "tag", t->tag);
    json_object_object_add(o, "variants", variants);
}

/* An object type for a command's arguments or an event's data; its name. */
static char *add_implicit(json_object *list, GHashTable *done, const char *name,
                          const char *members)
{
    char *type;

    if (!members) {
        return g_strdup("q_empty");
    }
    type = g_strdup_printf("q_obj_%s-arg", name);
    json_object_object_add(entry(list, type, "object"), "members", member_list(members));
    collect_arrays(list, done, members);
    return type;
}

static void add_commands(json_object *list, GHashTable *done)
{
    const struct qmp_command *c;

    for (unsigned n = 0; (c = qmp_command_nth(n)); n++) {
        g_autofree char *arg = add_implicit(list, done, c->name, c->args);
        json_object *o = entry(list, c->name, "command");

        put_str(o, "arg-type", arg);
        put_str(o, "ret-type", c->returns ? c->returns : "q_empty");
        if (c->returns) {
            add_array(list, done, c->returns);
        }
    }
    for (const struct qmp_event *e = qmp_events; e->name; e++) {
        g_autofree char *arg = add_implicit(list, done, e->name, e->data);

        put_str(entry(list, e->name, "event"), "arg-type", arg);
    }
}

json_object *qmp_schema(void)
{
    g_autoptr(GHashTable) done = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    json_object *list = json_object_new_array();

    for (unsigned i = 0; i < G_N_ELEMENTS(builtins); i++) {
        put_str(entry(list, builtins[i].name, "builtin"), "json-type", builtins[i].json);
    }
    json_object_object_add(entry(list, "q_empty", "object"), "members", json_object_new_array());
    for (const struct qmp_type *t = qmp_types; t->name; t++) {
        if (t->values) {
            add_enum(list, t);
        } else {
            add_object(list, done, t);
        }
    }
    add_commands(list, done);
    return list;
}

/* ---- arguments ---------------------------------------------------------------------------------
 */

static json_object *arg(const struct qmp_call *c, const char *name)
{
    json_object *v = NULL;

    json_object_object_get_ex(c->args, name, &v);
    return v;
}

const char *qmp_str(const struct qmp_call *c, const char *name)
{
    json_object *v = arg(c, name);

    return v ? json_object_get_string(v) : NULL;
}

int64_t qmp_int(const struct qmp_call *c, const char *name)
{
    return json_object_get_int64(arg(c, name));
}

bool qmp_bool(const struct qmp_call *c, const char *name)
{
    return json_object_get_boolean(arg(c, name));
}

bool qmp_has(const struct qmp_call *c, const char *name)
{
    return json_object_object_get_ex(c->args, name, NULL);
}
