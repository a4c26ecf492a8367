/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tree of a definition: making, finding and changing. */
#include "manage/conf/xml.h"

#include "manage/conf/fault.h"

#include <string.h>

/* Words that many trees have are kept once; longer ones are mostly of one tree: names, UUIDs. */
#define SHARED_LENGTH 16

static char *string_new(const char *text)
{
    return text == NULL                    ? NULL
           : strlen(text) <= SHARED_LENGTH ? g_ref_string_new_intern(text)
                                           : g_ref_string_new(text);
}

static void string_free(const char *text)
{
    if (text != NULL) {
        g_ref_string_release((char *)text);
    }
}

struct xml *xml_new(const char *name)
{
    struct xml *node = g_new0(struct xml, 1);

    node->name = string_new(name);
    return node;
}

void xml_rename(struct xml *node, const char *name)
{
    const char *before = node->name;

    node->name = string_new(name);
    string_free(before);
}

void xml_free(struct xml *node)
{
    if (node == NULL) {
        return;
    }
    for (unsigned i = 0; node->children != NULL && i < node->children->len; i++) {
        xml_free(g_ptr_array_index(node->children, i));
    }
    if (node->children != NULL) {
        g_ptr_array_free(node->children, TRUE);
    }
    for (char **a = node->attributes; a != NULL && *a != NULL; a++) {
        string_free(*a);
    }
    string_free(node->name);
    string_free(node->text);
    g_free(node->attributes);
    g_free(node);
}

struct xml *xml_copy(const struct xml *node)
{
    struct xml *copy = g_new0(struct xml, 1);
    unsigned n = node->attributes != NULL ? g_strv_length(node->attributes) : 0;

    copy->name = g_ref_string_acquire((char *)node->name);
    copy->text = node->text != NULL ? g_ref_string_acquire((char *)node->text) : NULL;
    copy->attributes = n > 0 ? g_new0(char *, n + 1) : NULL;
    for (unsigned i = 0; i < n; i++) {
        copy->attributes[i] = g_ref_string_acquire(node->attributes[i]);
    }
    copy->open = node->open;
    for (unsigned i = 0; node->children != NULL && i < node->children->len; i++) {
        xml_append(copy, xml_copy(g_ptr_array_index(node->children, i)));
    }
    return copy;
}

struct xml *xml_child(const struct xml *node, unsigned n)
{
    return node != NULL && node->children != NULL && n < node->children->len
               ? g_ptr_array_index(node->children, n)
               : NULL;
}

struct xml *xml_next(const struct xml *node, const char *name, const struct xml *after)
{
    bool passed = after == NULL;
    struct xml *child;

    for (unsigned i = 0; (child = xml_child(node, i)) != NULL; i++) {
        if (passed && strcmp(child->name, name) == 0) {
            return child;
        }
        passed = passed || child == after;
    }
    return NULL;
}

struct xml *xml_find(const struct xml *node, const char *name)
{
    return xml_next(node, name, NULL);
}

struct xml *xml_at(const struct xml *node, const char *path)
{
    g_auto(GStrv) steps = g_strsplit(path, "/", -1);
    struct xml *at = (struct xml *)node;

    for (unsigned i = 0; steps[i] != NULL && at != NULL; i++) {
        at = xml_find(at, steps[i]);
    }
    return at;
}

const char *xml_get(const struct xml *node, const char *attribute)
{
    for (char **a = node != NULL ? node->attributes : NULL; a != NULL && *a != NULL; a += 2) {
        if (strcmp(a[0], attribute) == 0) {
            return a[1];
        }
    }
    return NULL;
}

const char *xml_text_at(const struct xml *node, const char *path)
{
    struct xml *at = xml_at(node, path);

    return at != NULL ? at->text : NULL;
}

static void remove_attribute(char **a)
{
    string_free(a[0]);
    string_free(a[1]);
    do {
        a[0] = a[2];
        a[1] = a[0] != NULL ? a[3] : NULL;
        a += 2;
    } while (a[-2] != NULL);
}

void xml_set(struct xml *node, const char *attribute, const char *value)
{
    unsigned n = 0;

    for (char **a = node->attributes; a != NULL && *a != NULL; a += 2, n += 2) {
        if (strcmp(a[0], attribute) == 0) {
            if (value == NULL) {
                remove_attribute(a);
            } else {
                char *before = a[1];

                a[1] = string_new(value);
                string_free(before);
            }
            return;
        }
    }
    if (value != NULL) {
        node->attributes = g_renew(char *, node->attributes, n + 3);
        node->attributes[n] = string_new(attribute);
        node->attributes[n + 1] = string_new(value);
        node->attributes[n + 2] = NULL;
    }
}

void xml_filter(struct xml *node, bool (*keeps)(const char *attribute, const void *user),
                const void *user)
{
    char **a = node->attributes;
    unsigned kept = 0;

    for (unsigned i = 0; a != NULL && a[i] != NULL; i += 2) {
        if (keeps(a[i], user)) {
            a[kept++] = a[i];
            a[kept++] = a[i + 1];
        } else {
            string_free(a[i]);
            string_free(a[i + 1]);
        }
    }
    if (a != NULL) {
        a[kept] = NULL;
    }
}

bool xml_is(const struct xml *node, const char *attribute, const char *value)
{
    return g_strcmp0(xml_get(node, attribute), value) == 0;
}

void xml_default(struct xml *node, const char *attribute, const char *value)
{
    if (xml_get(node, attribute) == NULL) {
        xml_set(node, attribute, value);
    }
}

struct xml *xml_need(struct xml *node, const char *name)
{
    struct xml *found = xml_find(node, name);

    return found != NULL ? found : xml_append(node, xml_new(name));
}

void xml_set_text(struct xml *node, const char *text)
{
    const char *before = node->text;

    node->text = string_new(text);
    string_free(before);
}

struct xml *xml_insert(struct xml *node, unsigned at, struct xml *child)
{
    g_assert(child->parent == NULL);
    if (node->children == NULL) {
        node->children = g_ptr_array_new();
    }
    g_ptr_array_insert(node->children, at < node->children->len ? (int)at : -1, child);
    child->parent = node;
    return child;
}

struct xml *xml_append(struct xml *node, struct xml *child)
{
    return xml_insert(node, G_MAXUINT, child);
}

struct xml *xml_add(struct xml *node, const char *name, const char *format, ...)
{
    struct xml *child = xml_append(node, xml_new(name));
    va_list list;

    va_start(list, format);
    g_autofree char *text = g_strdup_vprintf(format, list);
    va_end(list);
    child->text = string_new(text);
    return child;
}

struct xml *xml_take(struct xml *child)
{
    if (child->parent != NULL) {
        g_ptr_array_remove(child->parent->children, child);
        child->parent = NULL;
    }
    return child;
}

void xml_drop(struct xml *child)
{
    if (child != NULL) {
        xml_free(xml_take(child));
    }
}

bool xml_number(const char *text, uint64_t *ret_value)
{
    guint64 value;

    if (text == NULL || !g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, &value, NULL)) {
        return false;
    }
    *ret_value = value;
    return true;
}

/* Bytes in a unit, 0 when there is no such unit: "k" and "KiB" are binary, "KB" decimal. */
static uint64_t unit_bytes(const char *unit)
{
    static const char letters[] = "kmgtpe";
    const char *at;
    bool decimal;

    if (g_ascii_strcasecmp(unit, "b") == 0 || g_ascii_strcasecmp(unit, "byte") == 0 ||
        g_ascii_strcasecmp(unit, "bytes") == 0) {
        return 1;
    }
    at = *unit != '\0' ? strchr(letters, g_ascii_tolower(*unit)) : NULL;
    decimal = at != NULL && g_ascii_strcasecmp(unit + 1, "b") == 0;
    if (at == NULL || !(unit[1] == '\0' || decimal || g_ascii_strcasecmp(unit + 1, "ib") == 0)) {
        return 0;
    }
    uint64_t bytes = 1;

    for (const char *l = letters; l <= at; l++) {
        bytes *= decimal ? 1000 : 1024;
    }
    return bytes;
}

bool xml_size(const char *text, const char *unit, uint64_t fallback, uint64_t *ret_bytes,
              GError **error)
{
    uint64_t scale = unit != NULL ? unit_bytes(unit) : fallback;
    uint64_t value;

    if (!xml_number(text, &value)) {
        return fault_set(error, FAULT_XML_ERROR, "Invalid size value '%s'",
                         text != NULL ? text : "");
    }
    if (scale == 0) {
        return fault_set(error, FAULT_INVALID_ARG, "unknown suffix '%s'", unit);
    }
    if (value > INT64_MAX / scale) {
        return fault_set(error, FAULT_OVERFLOW, "value too large: %" G_GUINT64_FORMAT "%s", value,
                         unit != NULL ? unit : "");
    }
    *ret_bytes = value * scale;
    return true;
}
