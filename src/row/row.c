/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "row/row.h"

#include "row/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

G_DEFINE_QUARK(viv - row - error - quark, row_error)

/* What a setter needs to know: the row, where the field is, and how to name things in errors. */
struct target {
    const struct row *row;
    void *field;
    const char *what;
    GError **error;
};

static void *field_of(const struct row *row, void *obj)
{
    return (char *)obj + row->offset;
}

static gboolean refuse(const struct target *t, enum row_error code, json_object *value,
                       const char *expected)
{
    const char *text = json_object_is_type(value, json_type_string)
                           ? json_object_get_string(value)
                           : json_object_to_json_string(value);
    g_autofree char *valid = g_utf8_make_valid(text, (gssize)strnlen(text, 200));

    g_set_error(t->error, ROW_ERROR, code, "%s: Parameter '%s' expects %s, not '%s'", t->what,
                t->row->name, expected, valid);
    return FALSE;
}

/* ---- integers ---------------------------------------------------------------------------------
 */

static void store(const struct target *t, uint64_t v)
{
    switch (t->row->size) {
    case 1: *(uint8_t *)t->field = (uint8_t)v; break;
    case 2: *(uint16_t *)t->field = (uint16_t)v; break;
    case 4: *(uint32_t *)t->field = (uint32_t)v; break;
    case 8: *(uint64_t *)t->field = v; break;
    default: g_assert_not_reached();
    }
}

static uint64_t fetch(const struct row *row, const void *field)
{
    switch (row->size) {
    case 1: return *(const uint8_t *)field;
    case 2: return *(const uint16_t *)field;
    case 4: return *(const uint32_t *)field;
    case 8: return *(const uint64_t *)field;
    default: g_assert_not_reached();
    }
}

static int64_t fetch_signed(const struct row *row, const void *field)
{
    unsigned shift = 64 - row->size * 8;

    return (int64_t)(fetch(row, field) << shift) >> shift;
}

static bool has_limits(const struct row *row)
{
    return row->min || row->max;
}

static gboolean set_signed(const struct target *t, json_object *value)
{
    int64_t lowest = t->row->size == 8 ? INT64_MIN : -(INT64_C(1) << (t->row->size * 8 - 1));
    int64_t min = has_limits(t->row) ? t->row->min : lowest;
    int64_t max = has_limits(t->row) ? t->row->max : -(lowest + 1);
    g_autofree char *range = g_strdup_printf("a number from %" PRId64 " to %" PRId64, min, max);
    int64_t v;

    if (json_object_is_type(value, json_type_int)) {
        v = json_object_get_int64(value);
        if (v == INT64_MAX && json_object_get_uint64(value) > INT64_MAX) {
            return refuse(t, ROW_ERROR_RANGE, value, range);
        }
    } else if (json_object_is_type(value, json_type_string)) {
        const char *text = json_object_get_string(value);
        char *end;

        errno = 0;
        v = strtoll(text, &end, 0);
        if (end == text || *end || g_ascii_isspace(*text)) {
            return refuse(t, ROW_ERROR_TYPE, value, range);
        }
        if (errno) {
            return refuse(t, ROW_ERROR_RANGE, value, range);
        }
    } else {
        return refuse(t, ROW_ERROR_TYPE, value, range);
    }
    if (v < min || v > max) {
        return refuse(t, ROW_ERROR_RANGE, value, range);
    }
    store(t, (uint64_t)v);
    return TRUE;
}

static gboolean set_unsigned(const struct target *t, json_object *value)
{
    uint64_t min = has_limits(t->row) ? (uint64_t)t->row->min : 0;
    uint64_t max = has_limits(t->row)  ? (uint64_t)t->row->max
                   : t->row->size == 8 ? UINT64_MAX
                                       : (UINT64_C(1) << (t->row->size * 8)) - 1;
    g_autofree char *range = g_strdup_printf("a number from %" PRIu64 " to %" PRIu64, min, max);
    uint64_t v;

    if (json_object_is_type(value, json_type_int)) {
        if (json_object_get_int64(value) < 0) {
            return refuse(t, ROW_ERROR_RANGE, value, range);
        }
        v = json_object_get_uint64(value);
    } else if (json_object_is_type(value, json_type_string)) {
        const char *text = json_object_get_string(value);
        char *end;

        errno = 0;
        v = strtoull(text, &end, 0);
        if (!g_ascii_isdigit(*text) || *end) {
            return refuse(t, ROW_ERROR_TYPE, value, range);
        }
        if (errno) {
            return refuse(t, ROW_ERROR_RANGE, value, range);
        }
    } else {
        return refuse(t, ROW_ERROR_TYPE, value, range);
    }
    if (v < min || v > max) {
        return refuse(t, ROW_ERROR_RANGE, value, range);
    }
    store(t, v);
    return TRUE;
}

static gboolean set_size(const struct target *t, json_object *value)
{
    uint64_t v;

    if (json_object_is_type(value, json_type_int) && json_object_get_int64(value) >= 0) {
        v = json_object_get_uint64(value);
    } else if (!json_object_is_type(value, json_type_string) ||
               !row_parse_size(json_object_get_string(value), 'b', &v, NULL)) {
        return refuse(t, ROW_ERROR_TYPE, value,
                      "a size (a non-negative number, optional suffix k, M, G, T, P or E)");
    }
    if (has_limits(t->row) && (v < (uint64_t)t->row->min || v > (uint64_t)t->row->max)) {
        g_autofree char *range = g_strdup_printf("a size from %" PRId64 " to %" PRId64 " bytes",
                                                 t->row->min, t->row->max);

        return refuse(t, ROW_ERROR_RANGE, value, range);
    }
    store(t, v);
    return TRUE;
}

/* ---- words ------------------------------------------------------------------------------------
 */

/* 1, 0, or -1: not a boolean word. */
static int parse_bool(const char *text)
{
    static const char *const words[] = {"off", "on", "no", "yes", "false", "true", "n", "y"};

    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++) {
        if (g_str_equal(text, words[i])) {
            return i & 1;
        }
    }
    return -1;
}

static gboolean set_bool(const struct target *t, json_object *value)
{
    int v = -1;

    if (json_object_is_type(value, json_type_boolean)) {
        v = json_object_get_boolean(value);
    } else if (json_object_is_type(value, json_type_string)) {
        v = parse_bool(json_object_get_string(value));
    }
    if (v < 0) {
        return refuse(t, ROW_ERROR_TYPE, value, "'on' or 'off'");
    }
    *(bool *)t->field = v;
    return TRUE;
}

static gboolean set_auto(const struct target *t, json_object *value)
{
    int v = -1;

    if (json_object_is_type(value, json_type_boolean)) {
        v = json_object_get_boolean(value);
    } else if (json_object_is_type(value, json_type_string)) {
        const char *text = json_object_get_string(value);

        if (g_str_equal(text, "auto")) {
            *(int *)t->field = ROW_AUTO;
            return TRUE;
        }
        v = parse_bool(text);
    }
    if (v < 0) {
        return refuse(t, ROW_ERROR_TYPE, value, "'on', 'off' or 'auto'");
    }
    *(int *)t->field = v ? ROW_ON : ROW_OFF;
    return TRUE;
}

static gboolean set_enum(const struct target *t, json_object *value)
{
    g_autofree char *list = g_strjoinv(", ", (char **)t->row->values);
    g_autofree char *expected = g_strdup_printf("one of %s", list);

    if (json_object_is_type(value, json_type_string)) {
        for (int i = 0; t->row->values[i]; i++) {
            if (g_str_equal(t->row->values[i], json_object_get_string(value))) {
                *(int *)t->field = i;
                return TRUE;
            }
        }
    }
    return refuse(t, ROW_ERROR_RANGE, value, expected);
}

static gboolean set_str(const struct target *t, json_object *value)
{
    char **field = t->field;

    if (!json_object_is_type(value, json_type_string) ||
        strlen(json_object_get_string(value)) != (size_t)json_object_get_string_len(value)) {
        return refuse(t, ROW_ERROR_TYPE, value, "a string");
    }
    g_free(*field);
    *field = g_strdup(json_object_get_string(value));
    return TRUE;
}

static gboolean set_mac(const struct target *t, json_object *value)
{
    uint8_t mac[6];
    const char *p =
        json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
    size_t len = strlen(p);

    for (unsigned i = 0; i < 6 && len == 17; i++, p += 3) {
        if (!g_ascii_isxdigit(p[0]) || !g_ascii_isxdigit(p[1]) ||
            (i < 5 && p[2] != ':' && p[2] != '-')) {
            len = 0;
            break;
        }
        mac[i] = (uint8_t)(g_ascii_xdigit_value(p[0]) << 4 | g_ascii_xdigit_value(p[1]));
    }
    if (len != 17) {
        return refuse(t, ROW_ERROR_TYPE, value,
                      "an Ethernet 6-byte MAC address (52:54:00:12:34:56)");
    }
    memcpy(t->field, mac, sizeof(mac));
    return TRUE;
}

/* Up to two hexadecimal digits, "0x" before them allowed; -1: none. */
static int take_hex(const char **p)
{
    char *end;
    unsigned long v;

    if (!g_ascii_isxdigit(**p)) {
        return -1;
    }
    v = strtoul(*p, &end, 16);
    *p = end;
    return v > 0xff ? -1 : (int)v;
}

static gboolean set_pci_addr(const struct target *t, json_object *value)
{
    int slot = -1, fn = 0;

    if (json_object_is_type(value, json_type_int)) {
        int64_t v = json_object_get_int64(value);

        slot = v < 0 || v > 0xff ? -1 : (int)v >> 3;
        fn = (int)v & 7;
    } else if (json_object_is_type(value, json_type_string)) {
        const char *p = json_object_get_string(value);

        slot = take_hex(&p);
        if (slot >= 0 && *p == '.') {
            p++;
            fn = take_hex(&p);
        }
        slot = *p ? -1 : slot;
    }
    if (slot < 0 || slot > 0x1f || fn < 0 || fn > 7) {
        return refuse(t, ROW_ERROR_RANGE, value,
                      "a slot and optional function number, as 06.0 or 06");
    }
    *(int32_t *)t->field = slot << 3 | fn;
    return TRUE;
}

/* ---- lists ------------------------------------------------------------------------------------
 */

/* A list's element: a string, or QEMU's {"str": "..."}. */
static const char *element_text(json_object *value)
{
    if (json_object_is_type(value, json_type_object)) {
        value = json_object_object_get(value, "str");
    }
    return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

static gboolean set_list(const struct target *t, json_object *value)
{
    char ***field = t->field;
    bool array = json_object_is_type(value, json_type_array);
    size_t n = array ? json_object_array_length(value) : 1;
    size_t old = *field ? g_strv_length(*field) : 0;

    for (size_t i = 0; i < n; i++) {
        if (!element_text(array ? json_object_array_get_idx(value, i) : value)) {
            return refuse(t, ROW_ERROR_TYPE, value, "a string or a list of strings");
        }
    }
    *field = g_renew(char *, *field, old + n + 1);
    for (size_t i = 0; i < n; i++) {
        (*field)[old + i] =
            g_strdup(element_text(array ? json_object_array_get_idx(value, i) : value));
    }
    (*field)[old + n] = NULL;
    return TRUE;
}

static gboolean set_json(const struct target *t, json_object *value)
{
    json_object **field = t->field;

    if (*field) {
        json_object_put(*field);
    }
    *field = json_object_get(value);
    return TRUE;
}

/* ---- reading ----------------------------------------------------------------------------------
 */

static json_object *get_str(const struct row *row, const void *field)
{
    const char *text = *(char *const *)field;

    return json_object_new_string(text ? text : "");
}

static json_object *get_auto(const struct row *row, const void *field)
{
    static const char *const words[] = {"auto", "on", "off"};
    int v = *(const int *)field;

    return json_object_new_string(words[v >= 0 && v < 3 ? v : 0]);
}

static json_object *get_mac(const struct row *row, const void *field)
{
    const uint8_t *m = field;
    char text[18];

    g_snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4],
               m[5]);
    return json_object_new_string(text);
}

static json_object *get_pci_addr(const struct row *row, const void *field)
{
    int32_t v = *(const int32_t *)field;
    char text[16];

    g_snprintf(text, sizeof(text), v < 0 ? "<unset>" : "%02x.%x", v >> 3 & 0x1f, v & 7);
    return json_object_new_string(text);
}

static json_object *get_list(const struct row *row, const void *field)
{
    char *const *list = *(char **const *)field;
    json_object *array = json_object_new_array();

    for (; list && *list; list++) {
        json_object_array_add(array, json_object_new_string(*list));
    }
    return array;
}

static json_object *get_bool(const struct row *row, const void *field)
{
    return json_object_new_boolean(*(const bool *)field);
}

static json_object *get_signed(const struct row *row, const void *field)
{
    return json_object_new_int64(fetch_signed(row, field));
}

static json_object *get_unsigned(const struct row *row, const void *field)
{
    uint64_t v = fetch(row, field);

    return v > INT64_MAX ? json_object_new_uint64(v) : json_object_new_int64((int64_t)v);
}

static json_object *get_enum(const struct row *row, const void *field)
{
    return json_object_new_string(row->values[*(const int *)field]);
}

static json_object *get_json(const struct row *row, const void *field)
{
    return json_object_get(*(json_object *const *)field);
}

/* ---- one line a type --------------------------------------------------------------------------
 */

static const struct {
    gboolean (*set)(const struct target *t, json_object *value);
    json_object *(*get)(const struct row *row, const void *field);
    const char *name; /* of the type; NULL: an integer's, by its size */
    bool pointer;     /* the field is a pointer the struct owns */
} types[] = {
    [ROW_BOOL] = {set_bool, get_bool, "bool"},
    [ROW_ON_OFF_AUTO] = {set_auto, get_auto, "OnOffAuto"},
    [ROW_INT] = {set_signed, get_signed, NULL},
    [ROW_UINT] = {set_unsigned, get_unsigned, NULL},
    [ROW_SIZE] = {set_size, get_unsigned, "size"},
    [ROW_STR] = {set_str, get_str, "str", true},
    [ROW_ENUM] = {set_enum, get_enum, "str"},
    [ROW_MAC] = {set_mac, get_mac, "str"},
    [ROW_PCI_ADDR] = {set_pci_addr, get_pci_addr, "int32"},
    [ROW_LINK] = {set_str, get_str, "str", true},
    [ROW_STR_LIST] = {set_list, get_list, "strList", true},
    [ROW_JSON] = {set_json, get_json, "any", true},
};

static gboolean set_field(const struct row *row, void *obj, const char *what, json_object *value,
                          GError **error)
{
    struct target t = {row, field_of(row, obj), what, error};

    if (row_is_repeated(value) && row->type != ROW_STR_LIST) {
        value = json_object_array_get_idx(value, json_object_array_length(value) - 1);
    }
    return types[row->type].set(&t, value);
}

void row_defaults(const struct row *rows, void *obj)
{
    for (const struct row *row = rows; row && row->name; row++) {
        g_autoptr(GError) error = NULL;
        json_object *value;

        if (row->type == ROW_PCI_ADDR && !row->def) {
            *(int32_t *)field_of(row, obj) = -1;
        }
        if (!row->def) {
            continue;
        }
        value = json_object_new_string(row->def);
        if (!set_field(row, obj, "default", value, &error)) {
            g_error("%s", error->message);
        }
        json_object_put(value);
    }
}

void row_clear(const struct row *rows, void *obj)
{
    for (const struct row *row = rows; row && row->name; row++) {
        void **field = field_of(row, obj);

        if (!types[row->type].pointer || !*field) {
            continue;
        }
        if (row->type == ROW_STR_LIST) {
            g_strfreev((char **)*field);
        } else if (row->type == ROW_JSON) {
            json_object_put(*field);
        } else {
            g_free(*field);
        }
        *field = NULL;
    }
}

const struct row *row_find(const struct row *rows, const char *name)
{
    for (const struct row *row = rows; row && row->name; row++) {
        if (g_str_equal(row->name, name)) {
            return row;
        }
    }
    return NULL;
}

gboolean row_set(const struct row *rows, void *obj, const char *what, const char *name,
                 json_object *value, GError **error)
{
    const struct row *row = row_find(rows, name);

    if (!row) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_UNKNOWN, "%s: Property '%s' not found", what, name);
        return FALSE;
    }
    if (row->flags & ROW_READ_ONLY) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_TYPE, "%s: Property '%s' is read-only", what, name);
        return FALSE;
    }
    return set_field(row, obj, what, value, error);
}

gboolean row_set_all(const struct row *rows, void *obj, const char *what, json_object *options,
                     GError **error)
{
    if (!json_object_is_type(options, json_type_object)) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_TYPE, "%s: an object is expected", what);
        return FALSE;
    }
    json_object_object_foreach(options, name, value)
    {
        if (!row_set(rows, obj, what, name, value, error)) {
            return FALSE;
        }
    }
    for (const struct row *row = rows; row && row->name; row++) {
        if ((row->flags & ROW_REQUIRED) && !json_object_object_get_ex(options, row->name, NULL)) {
            g_set_error(error, ROW_ERROR, ROW_ERROR_MISSING, "%s: Parameter '%s' is missing", what,
                        row->name);
            return FALSE;
        }
    }
    return TRUE;
}

json_object *row_get(const struct row *rows, const void *obj, const char *name)
{
    const struct row *row = row_find(rows, name);

    return row ? types[row->type].get(row, (const char *)obj + row->offset) : NULL;
}

const char *row_type_name(const struct row *row)
{
    static const char *const signed_names[9] = {
        [1] = "int8", [2] = "int16", [4] = "int32", [8] = "int64"};
    static const char *const unsigned_names[9] = {
        [1] = "uint8", [2] = "uint16", [4] = "uint32", [8] = "uint64"};

    if (types[row->type].name) {
        return types[row->type].name;
    }
    return (row->type == ROW_INT ? signed_names : unsigned_names)[row->size];
}

void row_help(const struct row *rows, GString *out)
{
    for (const struct row *row = rows; row && row->name; row++) {
        g_autofree char *left = NULL;

        if (row->flags & ROW_HIDDEN) {
            continue;
        }
        left = g_strdup_printf("%s=<%s>", row->name, row_type_name(row));
        g_string_append_printf(out, "  %-22s", left);
        if (row->help) {
            g_string_append_printf(out, " - %s", row->help);
        }
        if (row->def) {
            g_string_append_printf(out, "%s(default: %s)", row->help ? " " : " - ", row->def);
        }
        g_string_append_c(out, '\n');
    }
}
