/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Listing and reading snapshots and checkpoints. Which of both a call is about follows from its
 * procedure's layout: what it takes first, or what it gives.
 */
#include "manage/conf/fault.h"
#include "manage/core/handlers.h"
#include "manage/core/moment-call.h"

#include <string.h>

/* Filters of listing calls; ROOTS of a domain's, DESCENDANTS of one's children. */
enum { LIST_ROOTS = 1 << 0, LIST_DESCENDANTS = 1 << 0 };

/* With neither flag, or with both, all; with both of leaves none, as in libvirt. */
enum { LIST_LEAVES = 1 << 2, LIST_NO_LEAVES = 1 << 3 };
enum {
    LIST_METADATA = 1 << 1,
    LIST_NO_METADATA = 1 << 4,
    LIST_INTERNAL = 1 << 8,
    LIST_EXTERNAL = 1 << 9,
};

/* Of snapshots, by what they are of. */
enum { LIST_INACTIVE = 1 << 5, LIST_ACTIVE = 1 << 6, LIST_DISK_ONLY = 1 << 7 };

static bool matches_state(const struct moment *moment, unsigned flags)
{
    const char *state = moment_state(moment->def);
    unsigned is = g_strcmp0(state, "shutoff") == 0         ? LIST_INACTIVE
                  : g_strcmp0(state, "disk-snapshot") == 0 ? LIST_DISK_ONLY
                                                           : LIST_ACTIVE;
    unsigned asked = flags & (LIST_INACTIVE | LIST_ACTIVE | LIST_DISK_ONLY);

    return asked == 0 || (asked & is) != 0;
}

/* All snapshots have metadata here. */
static bool matches_place(const struct moment *moment, unsigned flags)
{
    unsigned is = moment_is_external(moment->def) ? LIST_EXTERNAL : LIST_INTERNAL;

    return ((flags & (LIST_INTERNAL | LIST_EXTERNAL)) == 0 || (flags & is) != 0) &&
           ((flags & LIST_NO_METADATA) == 0 || (flags & LIST_METADATA) != 0);
}

static bool matches(const struct moment *moment, unsigned flags)
{
    bool leaf = moment->children->len == 0;

    if ((flags & (leaf ? LIST_NO_LEAVES : LIST_LEAVES)) != 0) {
        return false;
    }
    return moment->def->kind != MOMENT_SNAPSHOT ||
           (matches_state(moment, flags) && matches_place(moment, flags));
}

/* Those that a listing call is about: of a domain, or below the one it names. NULL: no such. */
static GPtrArray *wanted(struct call *call, GError **error)
{
    struct moments *moments = moments_of(call);
    bool below = !g_str_has_prefix(call->proc->args, "dom");
    g_autoptr(GPtrArray) list = g_ptr_array_new();
    struct moment *from = NULL;

    if (below && (from = moment_target(call, error)) == NULL) {
        return NULL;
    }
    moments_below(moments, from,
                  below ? (call->flags & LIST_DESCENDANTS) != 0 : (call->flags & LIST_ROOTS) == 0,
                  list);
    for (unsigned i = list->len; i > 0; i--) {
        if (!matches(list->pdata[i - 1], call->flags)) {
            g_ptr_array_remove_index(list, i - 1);
        }
    }
    return g_steal_pointer(&list);
}

bool moment_count(struct call *call, GError **error)
{
    g_autoptr(GPtrArray) list = wanted(call, error);

    return list != NULL && call_reply_i32(call, (int)list->len);
}

bool moment_list_names(struct call *call, GError **error)
{
    g_autoptr(GPtrArray) list = wanted(call, error);
    g_auto(GVariantBuilder) names = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("as"));
    int room = call_i32(call, 1);

    if (list == NULL) {
        return false;
    }
    for (unsigned i = 0; i < list->len && (int)i < room; i++) {
        const struct moment *moment = list->pdata[i];

        g_variant_builder_add(&names, "s", moment->def->name);
    }
    return call_reply(call, "(as)", &names);
}

bool moment_list_all(struct call *call, GError **error)
{
    g_autoptr(GPtrArray) list = wanted(call, error);
    g_auto(GVariantBuilder) found = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(s(sayi))"));

    if (list == NULL) {
        return false;
    }
    for (unsigned i = 0; i < list->len && call_i32(call, 1) != 0; i++) {
        g_variant_builder_add_value(&found, moment_pack(call->domain, list->pdata[i]));
    }
    return call_reply(call, "(a(s(sayi))i)", &found, (int)list->len);
}

bool moment_lookup(struct call *call, GError **error)
{
    struct moment *moment = moment_named(call, call_string(call, 1), error);

    return moment != NULL && moment_reply(call, moment);
}

bool moment_get_parent(struct call *call, GError **error)
{
    struct moment *moment = moment_target(call, error);

    if (moment == NULL) {
        return false;
    }
    if (moment->parent == NULL) {
        return fault_set(error, moment_missing(call), "%s '%s' does not have a parent",
                         moment_word(moment->def->kind), moment->def->name);
    }
    return moment_reply(call, moment->parent);
}

enum { XML_SECURE = 1 << 0, XML_NO_DOMAIN = 1 << 1 };

bool moment_get_xml_desc(struct call *call, GError **error)
{
    struct moment *moment = moment_target(call, error);
    bool bare = moment != NULL && moment->def->kind == MOMENT_CHECKPOINT &&
                (call->flags & XML_NO_DOMAIN) != 0;

    if (moment == NULL) {
        return false;
    }
    g_autofree char *text = moment_format(moment->def, bare ? MOMENT_NO_DOMAIN : 0);

    return call_reply_string(call, text);
}

bool snapshot_has_current(struct call *call, GError **error)
{
    return call_reply_i32(call, moments_of(call)->current != NULL);
}

bool snapshot_current(struct call *call, GError **error)
{
    struct moment *current = moments_of(call)->current;

    return current != NULL ? moment_reply(call, current)
                           : fault_set(error, FAULT_NO_DOMAIN_SNAPSHOT,
                                       "the domain does not have a current snapshot");
}

bool snapshot_is_current(struct call *call, GError **error)
{
    struct moment *moment = moment_target(call, error);

    return moment != NULL && call_reply_i32(call, moment == moments_of(call)->current);
}

bool snapshot_has_metadata(struct call *call, GError **error)
{
    return moment_target(call, error) != NULL && call_reply_i32(call, 1);
}
