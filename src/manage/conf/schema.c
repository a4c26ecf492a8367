/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looking paths up, dropping what libvirt does not know, and sorting. */
#include "manage/conf/schema.h"

#include <stdlib.h>
#include <string.h>

struct row {
    const char *path;
    const char *attributes; /* with spaces between; "*": any */
    const char *children;
    size_t length; /* of the path */
};

/* Sorted by path (bytes). */
static const struct row names[] = {
#define _(path, attributes, children) {path, attributes, children, sizeof(path) - 1},
#include "manage/conf/schema-names.inc"
#undef _
};

static const struct row orders[] = {
#define _(path, attributes, children) {path, attributes, children, sizeof(path) - 1},
#include "manage/conf/schema-order.inc"
#undef _
};

static int compare(const void *path, const void *row)
{
    return strcmp(path, ((const struct row *)row)->path);
}

static const struct row *find(const char *path)
{
    return bsearch(path, names, G_N_ELEMENTS(names), sizeof(names[0]), compare);
}

static const struct row *order_of(const char *path)
{
    const char *last = strrchr(path, '/');
    size_t length = strlen(path), last_length = last != NULL ? strlen(last + 1) : 0;
    const struct row *anywhere = NULL;

    for (unsigned i = 0; i < G_N_ELEMENTS(orders); i++) {
        const struct row *row = &orders[i];

        if (row->length == length && memcmp(row->path, path, length) == 0) {
            return row;
        }
        if (last != NULL && row->length == last_length &&
            memcmp(row->path, last + 1, last_length) == 0) {
            anywhere = row;
        }
    }
    return anywhere;
}

bool schema_knows(const char *path)
{
    return find(path) != NULL;
}

void schema_each(void (*found)(const char *path, const char *attributes, const char *children,
                               void *opaque),
                 void *opaque)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        found(names[i].path, names[i].attributes, names[i].children, opaque);
    }
}

/* Place of a word in a list, -1 when it is not there. */
static int place(const char *list, const char *word)
{
    int n = 0;

    for (const char *at = list; *at != '\0'; n++) {
        const char *w = word;

        for (; *at != '\0' && *at == *w; at++) {
            w++;
        }
        if (*w == '\0' && (*at == ' ' || *at == '\0')) {
            return n;
        }
        for (; *at != '\0' && *at != ' '; at++) {
        }
        at += *at == ' ';
    }
    return -1;
}

static const char *local(const char *name)
{
    const char *colon = strchr(name, ':');

    return colon != NULL ? colon + 1 : name;
}

static bool knows(const char *list, const char *name)
{
    return place(list, "*") >= 0 || place(list, local(name)) >= 0;
}

static bool knows_attribute(const char *attribute, const void *row)
{
    return g_str_has_prefix(attribute, "xmlns") ||
           knows(((const struct row *)row)->attributes, attribute);
}

/* In one pass each, however many there are. */
static void drop_unknown(struct xml *node, const struct row *row)
{
    unsigned n, kept;

    xml_filter(node, knows_attribute, row);
    n = node->children != NULL ? node->children->len : 0;
    kept = 0;
    for (unsigned i = 0; i < n; i++) {
        struct xml *child = node->children->pdata[i];

        if (knows(row->children, child->name)) {
            node->children->pdata[kept++] = child;
        } else {
            xml_free(child);
        }
    }
    if (n > 0) {
        g_ptr_array_set_size(node->children, (int)kept);
    }
}

struct placed {
    struct xml *child;
    int place;
    unsigned before; /* its number among its siblings */
};

static int compare_places(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;

    return x->place != y->place ? (x->place > y->place) - (x->place < y->place)
                                : (x->before > y->before) - (x->before < y->before);
}

/* What has no place takes that of its elder sibling. */
static void sort_children(struct xml *node, const char *list)
{
    unsigned n = node->children != NULL ? node->children->len : 0;
    g_autofree struct placed *all = g_new(struct placed, n + 1);
    int elder = 0;

    for (unsigned i = 0; i < n; i++) {
        struct xml *child = node->children->pdata[i];
        int mine = place(list, local(child->name));

        elder = mine >= 0 ? mine : elder;
        all[i] = (struct placed){child, elder, i};
    }
    qsort(all, n, sizeof(all[0]), compare_places);
    for (unsigned i = 0; i < n; i++) {
        node->children->pdata[i] = all[i].child;
    }
}

struct xml *schema_insert(struct xml *node, const char *path, struct xml *child)
{
    const struct row *order = order_of(path);
    unsigned mine =
        order != NULL ? (unsigned)place(order->children, local(child->name)) : G_MAXUINT;
    struct xml *other;
    unsigned at = 0;

    while (order != NULL && (other = xml_child(node, at)) != NULL &&
           (unsigned)place(order->children, local(other->name)) <= mine) {
        at++;
    }
    return xml_insert(node, order != NULL ? at : G_MAXUINT, child);
}

static void sort_attributes(struct xml *node, const char *list)
{
    char **a = node->attributes;
    unsigned n = a != NULL ? g_strv_length(a) : 0;

    for (unsigned i = 2; i < n; i += 2) {
        char *name = a[i], *value = a[i + 1];
        unsigned mine = (unsigned)place(list, local(name)); /* -1 goes last */
        unsigned j = i;

        for (; j > 0 && (unsigned)place(list, local(a[j - 2])) > mine; j -= 2) {
            a[j] = a[j - 2];
            a[j + 1] = a[j - 1];
        }
        a[j] = name;
        a[j + 1] = value;
    }
}

void schema_tidy_at(struct xml *node, const char *path)
{
    const struct row *row = find(path);
    const struct row *order = order_of(path);
    struct xml *child;

    if (row == NULL || place(row->children, "*") >= 0) {
        return;
    }
    drop_unknown(node, row);
    if (order != NULL) {
        sort_attributes(node, order->attributes);
        sort_children(node, order->children);
    }
    for (unsigned i = 0; (child = xml_child(node, i)) != NULL; i++) {
        g_autofree char *below = g_strdup_printf("%s/%s", path, local(child->name));

        schema_tidy_at(child, below);
    }
}

void schema_tidy(struct xml *root)
{
    schema_tidy_at(root, root->name);
}
