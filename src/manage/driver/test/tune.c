/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/driver/test/tune.h"

#include "manage/conf/fault.h"
#include "manage/conf/schema.h"

#include <inttypes.h>
#include <string.h>

static const char *type_word(char type)
{
    switch (type) {
    case 'i': return "int";
    case 'u': return "uint";
    case 'x': return "llong";
    case 't': return "ullong";
    case 'd': return "double";
    case 'b': return "boolean";
    default: return "string";
    }
}

static bool check_one(const char *name, char type, const struct tune_row *rows, unsigned n,
                      GError **error)
{
    for (unsigned i = 0; i < n; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return rows[i].type == type ||
                   fault_set(error, FAULT_INVALID_ARG,
                             "invalid type '%s' for parameter '%s', expected '%s'", type_word(type),
                             name, type_word(rows[i].type));
        }
    }
    return fault_set(error, FAULT_ARGUMENT_UNSUPPORTED, "parameter '%s' not supported", name);
}

bool tune_check(struct call *call, unsigned n, const struct tune_row *rows, unsigned n_rows,
                GError **error)
{
    g_autoptr(GVariant) params = g_variant_get_child_value(call->args, n);
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    for (gsize i = 0; i < g_variant_n_children(params); i++) {
        g_autoptr(GVariant) value = NULL;
        const char *name;

        g_variant_get_child(params, i, "(&sv)", &name, &value);
        if (!check_one(name, *g_variant_get_type_string(value), rows, n_rows, error)) {
            return false;
        }
        if (!g_hash_table_add(seen, (char *)name)) {
            return fault_set(error, FAULT_INVALID_ARG, "parameter '%s' occurs multiple times",
                             name);
        }
    }
    return true;
}

GVariant *tune_given(struct call *call, unsigned n, const char *name)
{
    g_autoptr(GVariant) params = g_variant_get_child_value(call->args, n);

    for (gsize i = 0; i < g_variant_n_children(params); i++) {
        g_autoptr(GVariant) value = NULL;
        const char *its;

        g_variant_get_child(params, i, "(&sv)", &its, &value);
        if (strcmp(its, name) == 0) {
            return g_steal_pointer(&value);
        }
    }
    return NULL;
}

bool tune_number(struct call *call, unsigned n, const char *name, uint64_t *ret_value)
{
    g_autoptr(GVariant) value = tune_given(call, n, name);

    if (value == NULL) {
        return false;
    }
    switch (*g_variant_get_type_string(value)) {
    case 't': *ret_value = g_variant_get_uint64(value); return true;
    case 'u': *ret_value = g_variant_get_uint32(value); return true;
    case 'b': *ret_value = g_variant_get_boolean(value); return true;
    default: return false;
    }
}

struct xml *tune_need(struct xml *parent, const char *path, const char *child)
{
    struct xml *found = xml_find(parent, child);

    return found != NULL ? found : schema_insert(parent, path, xml_new(child));
}

void tune_put(struct xml *parent, const char *path, const char *child, uint64_t value)
{
    if (value == 0) {
        xml_drop(xml_find(parent, child));
        return;
    }
    g_autofree char *text = g_strdup_printf("%" PRIu64, value);

    xml_set_text(tune_need(parent, path, child), text);
}

uint64_t tune_read(const struct xml *parent, const char *child, uint64_t fallback)
{
    uint64_t value;

    return xml_number(xml_text_at(parent, child), &value) ? value : fallback;
}

void tune_drop_empty(struct xml *node)
{
    if (node != NULL && node->attributes == NULL &&
        (node->children == NULL || node->children->len == 0)) {
        xml_drop(node);
    }
}

bool tune_reply(struct call *call, GVariantBuilder *list, int room)
{
    g_autoptr(GVariant) all = g_variant_ref_sink(g_variant_builder_end(list));
    int n = (int)g_variant_n_children(all);
    g_auto(GVariantBuilder) sent = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(sv)"));

    for (int i = 0; i < n && i < room; i++) {
        g_autoptr(GVariant) row = g_variant_get_child_value(all, (gsize)i);

        g_variant_builder_add_value(&sent, row);
    }
    return call_reply(call, "(a(sv)i)", &sent, n);
}
