/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* key=value text and JSON text to JSON objects. Text is hostile: it may come from a client. */
#include "row/internal.h"
#include "row/row.h"

#include <string.h>

#define TEXT_MAX  (64 * 1024)
#define KEYS_MAX  1024
#define DEPTH_MAX 32

static char repeated_mark;

json_object *row_repeated_new(void)
{
    json_object *array = json_object_new_array();

    json_object_set_userdata(array, &repeated_mark, NULL);
    return array;
}

bool row_is_repeated(json_object *value)
{
    return json_object_is_type(value, json_type_array) &&
           json_object_get_userdata(value) == &repeated_mark;
}

static gboolean fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static gboolean fail(GError **error, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    if (error) {
        *error = g_error_new_valist(ROW_ERROR, ROW_ERROR_SYNTAX, format, ap);
    }
    va_end(ap);
    return FALSE;
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static unsigned count_keys(json_object *value)
{
    unsigned n = 0;

    if (json_object_is_type(value, json_type_object)) {
        json_object_object_foreach(value, key, member)
        {
            (void)key;
            n += 1 + count_keys(member);
        }
    } else if (json_object_is_type(value, json_type_array)) {
        size_t len = json_object_array_length(value);

        for (size_t i = 0; i < len; i++) {
            n += 1 + count_keys(json_object_array_get_idx(value, i));
        }
    }
    return n;
}

static json_object *parse_json(const char *text, size_t len, GError **error)
{
    struct json_tokener *tok = json_tokener_new_ex(DEPTH_MAX);
    json_object *value;

    json_tokener_set_flags(tok, JSON_TOKENER_VALIDATE_UTF8);
    value = json_tokener_parse_ex(tok, text, (int)len + 1);
    if (!value) {
        fail(error, "JSON parse error: %s", json_tokener_error_desc(json_tokener_get_error(tok)));
    } else if (json_tokener_get_parse_end(tok) < len) {
        const char *rest = text + json_tokener_get_parse_end(tok);

        if (rest[strspn(rest, " \t\r\n")]) {
            fail(error, "JSON parse error: text after the object's end");
            g_clear_pointer(&value, json_object_put);
        }
    }
    json_tokener_free(tok);
    if (value && !json_object_is_type(value, json_type_object)) {
        fail(error, "JSON parse error: an object is expected");
        g_clear_pointer(&value, json_object_put);
    } else if (value && count_keys(value) > KEYS_MAX) {
        fail(error, "more than %d values", KEYS_MAX);
        g_clear_pointer(&value, json_object_put);
    }
    return value;
}

/* ---- key=value ------------------------------------------------------------------------------- */

/* Reads up to a lone comma, ",," being a literal one; *p is moved past the comma. */
static char *take_value(const char **p)
{
    GString *s = g_string_new(NULL);

    while (**p) {
        if (**p == ',' && *++*p != ',') {
            break;
        }
        g_string_append_c(s, *(*p)++);
    }
    return g_string_free(s, FALSE);
}

/* Adds a value to an object's member; a second value of a key makes a repeated array. */
static gboolean add_member(json_object *obj, const char *name, json_object *value,
                           const char *full_key, GError **error)
{
    json_object *old, *array;

    if (!json_object_object_get_ex(obj, name, &old)) {
        json_object_object_add(obj, name, value);
        return TRUE;
    }
    if (json_object_is_type(old, json_type_object)) {
        json_object_put(value);
        return fail(error, "Parameters '%s.*' used inconsistently", full_key);
    }
    if (!row_is_repeated(old)) {
        array = row_repeated_new();
        json_object_array_add(array, json_object_get(old));
        json_object_object_add(obj, name, array);
        old = array;
    }
    json_object_array_add(old, value);
    return TRUE;
}

/* "a.b.c" = value: makes the objects on the way. Takes `value`. */
static gboolean add_dotted(json_object *obj, const char *key, json_object *value, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(key, ".", DEPTH_MAX + 1);
    guint n = g_strv_length(parts);
    json_object *child;

    if (n > DEPTH_MAX) {
        json_object_put(value);
        return fail(error, "Parameter '%s' nests too deeply", key);
    }
    for (guint i = 0; i < n; i++) {
        if (!*parts[i]) {
            json_object_put(value);
            return fail(error, "Invalid parameter '%s'", key);
        }
    }
    for (guint i = 0; i + 1 < n; i++) {
        if (!json_object_object_get_ex(obj, parts[i], &child)) {
            child = json_object_new_object();
            json_object_object_add(obj, parts[i], child);
        } else if (!json_object_is_type(child, json_type_object)) {
            json_object_put(value);
            return fail(error, "Parameters '%s.*' used inconsistently", parts[i]);
        }
        obj = child;
    }
    return add_member(obj, parts[n - 1], value, key, error);
}

static gboolean is_index(const char *key)
{
    return *key && strspn(key, "0123456789") == strlen(key) && strlen(key) <= 4;
}

/* {"0": x, "1": y} becomes [x, y], everywhere below `value`. Takes and returns a reference. */
static json_object *listify(json_object *value, GError **error)
{
    unsigned n = 0, n_index = 0;
    json_object *list, *member;
    char key[16];

    if (!json_object_is_type(value, json_type_object)) {
        return value;
    }
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    json_object_object_foreach(value, name, unused)
    {
        (void)unused;
        g_ptr_array_add(names, g_strdup(name));
        n++;
        n_index += is_index(name);
    }
    for (unsigned i = 0; i < n; i++) {
        member = json_object_object_get(value, names->pdata[i]);
        member = listify(json_object_get(member), error);
        if (!member) {
            json_object_put(value);
            return NULL;
        }
        json_object_object_add(value, names->pdata[i], member);
    }
    if (!n_index) {
        return value;
    }
    list = json_object_new_array();
    for (unsigned i = 0; i < n_index; i++) {
        g_snprintf(key, sizeof(key), "%u", i);
        if (n_index < n || !json_object_object_get_ex(value, key, &member)) {
            fail(error,
                 n_index < n ? "Parameters '%s.*' used inconsistently"
                             : "Parameter '%s' missing in list",
                 key);
            json_object_put(list);
            json_object_put(value);
            return NULL;
        }
        json_object_array_add(list, json_object_get(member));
    }
    json_object_put(value);
    return list;
}

/* One "key=value" or bare word at *p. */
static gboolean take_pair(json_object *obj, const char **p, const char *implied, gboolean flags_ok,
                          GError **error)
{
    size_t len = strcspn(*p, "=,");
    g_autofree char *key = NULL, *value = NULL;

    if ((*p)[len] == '=') {
        key = g_strndup(*p, len);
        *p += len + 1;
        value = take_value(p);
    } else if (implied) {
        key = g_strdup(implied);
        value = take_value(p);
    } else {
        g_autofree char *word = take_value(p);

        if (!flags_ok) {
            return fail(error, "Expected '=' after parameter '%s'", word);
        }
        if (g_str_has_prefix(word, "no") && word[2]) {
            key = g_strdup(word + 2);
            value = g_strdup("off");
        } else {
            key = g_steal_pointer(&word);
            value = g_strdup("on");
        }
    }
    if (!*key || !g_utf8_validate(key, -1, NULL) || !g_utf8_validate(value, -1, NULL)) {
        return fail(error, "Invalid parameter '%s'", g_utf8_validate(key, -1, NULL) ? key : "?");
    }
    return add_dotted(obj, key, json_object_new_string(value), error);
}

json_object *row_parse(const char *text, const char *implied, gboolean flags_ok, GError **error)
{
    size_t len = strlen(text);
    json_object *obj;
    const char *p = text;

    if (len > TEXT_MAX) {
        fail(error, "text of %zu bytes is longer than %d", len, TEXT_MAX);
        return NULL;
    }
    if (*text == '{') {
        return parse_json(text, len, error);
    }
    obj = json_object_new_object();
    for (unsigned n = 0; *p; n++) {
        if (n == KEYS_MAX) {
            fail(error, "more than %d parameters", KEYS_MAX);
            json_object_put(obj);
            return NULL;
        }
        if (!take_pair(obj, &p, n == 0 ? implied : NULL, flags_ok, error)) {
            json_object_put(obj);
            return NULL;
        }
    }
    obj = listify(obj, error);
    if (obj && !json_object_is_type(obj, json_type_object)) {
        fail(error, "Parameters have only list indices");
        g_clear_pointer(&obj, json_object_put);
    }
    return obj;
}
