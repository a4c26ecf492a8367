/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <viv/moment.h>

#include "manage/conf/fault.h"
#include "manage/lib/internal.h"

struct viv_moment {
    struct viv_connection *connection; /* referenced */
    enum viv_moment_kind kind;
    GVariant *wire; /* as it travels: its name and its domain */
    const char *name;
};

/* Procedures of a kind; 0 (CONNECT_OPEN) for one that it does not have. */
static const struct kind {
    const char *name;
    enum proc_id create, find, list, children, xml, parent, remove, revert, is_current, metadata;
} kinds[] = {
    [VIV_SNAPSHOT] = {"snapshot", PROC_DOMAIN_SNAPSHOT_CREATE_XML,
                      PROC_DOMAIN_SNAPSHOT_LOOKUP_BY_NAME, PROC_DOMAIN_LIST_ALL_SNAPSHOTS,
                      PROC_DOMAIN_SNAPSHOT_LIST_ALL_CHILDREN, PROC_DOMAIN_SNAPSHOT_GET_XML_DESC,
                      PROC_DOMAIN_SNAPSHOT_GET_PARENT, PROC_DOMAIN_SNAPSHOT_DELETE,
                      PROC_DOMAIN_REVERT_TO_SNAPSHOT, PROC_DOMAIN_SNAPSHOT_IS_CURRENT,
                      PROC_DOMAIN_SNAPSHOT_HAS_METADATA},
    [VIV_CHECKPOINT] = {"checkpoint", PROC_DOMAIN_CHECKPOINT_CREATE_XML,
                        PROC_DOMAIN_CHECKPOINT_LOOKUP_BY_NAME, PROC_DOMAIN_LIST_ALL_CHECKPOINTS,
                        PROC_DOMAIN_CHECKPOINT_LIST_ALL_CHILDREN,
                        PROC_DOMAIN_CHECKPOINT_GET_XML_DESC, PROC_DOMAIN_CHECKPOINT_GET_PARENT,
                        PROC_DOMAIN_CHECKPOINT_DELETE, 0, 0, 0},
};

static struct viv_moment *moment_new(struct viv_connection *connection, enum viv_moment_kind kind,
                                     GVariant *wire)
{
    struct viv_moment *moment = g_new0(struct viv_moment, 1);

    moment->connection = lib_connection_ref(connection);
    moment->kind = kind;
    moment->wire = g_variant_ref(wire);
    (void)g_variant_get_data(wire); /* in one piece: its children's memory is its own */
    g_variant_get_child(wire, 0, "&s", &moment->name);
    return moment;
}

/* The moment of a reply, which is freed; NULL for NULL. */
static struct viv_moment *take(struct viv_connection *connection, enum viv_moment_kind kind,
                               GVariant *reply)
{
    if (reply == NULL) {
        return NULL;
    }
    g_autoptr(GVariant) wire = g_variant_get_child_value(reply, 0);
    struct viv_moment *moment = moment_new(connection, kind, wire);

    g_variant_unref(reply);
    return moment;
}

static struct viv_moment **take_list(struct viv_connection *connection, enum viv_moment_kind kind,
                                     GVariant *reply, size_t *ret_n)
{
    if (reply == NULL) {
        return NULL;
    }
    g_autoptr(GVariant) list = g_variant_get_child_value(reply, 0);
    gsize n = g_variant_n_children(list);
    struct viv_moment **moments = g_new0(struct viv_moment *, n + 1);

    for (gsize i = 0; i < n; i++) {
        g_autoptr(GVariant) wire = g_variant_get_child_value(list, i);

        moments[i] = moment_new(connection, kind, wire);
    }
    if (ret_n != NULL) {
        *ret_n = n;
    }
    g_variant_unref(reply);
    return moments;
}

/* Asks a procedure that takes the moment, and flags. */
static GVariant *ask(struct viv_moment *moment, enum proc_id id, unsigned flags,
                     struct viv_error **ret_error)
{
    GError *error = NULL;

    if (id != 0) {
        return lib_connection_ask(moment->connection, id,
                                  g_variant_new("(@*u)", moment->wire, flags), ret_error);
    }
    fault_set(&error, FAULT_NO_SUPPORT, "of a %s", kinds[moment->kind].name);
    lib_error_give(ret_error, error);
    return NULL;
}

static int act(struct viv_moment *moment, enum proc_id id, unsigned flags,
               struct viv_error **ret_error)
{
    g_autoptr(GVariant) reply = ask(moment, id, flags, ret_error);

    return reply != NULL ? 0 : -1;
}

static int ask_number(struct viv_moment *moment, enum proc_id id, struct viv_error **ret_error)
{
    g_autoptr(GVariant) reply = ask(moment, id, 0, ret_error);
    gint32 value = -1;

    if (reply != NULL) {
        g_variant_get_child(reply, 0, "i", &value);
    }
    return value;
}

VIV_PUBLIC struct viv_moment *viv_moment_create(struct viv_object *domain,
                                                enum viv_moment_kind kind, const char *xml,
                                                unsigned flags, struct viv_error **ret_error)
{
    return take(domain->connection, kind,
                lib_domain_ask(domain, kinds[kind].create,
                               g_variant_new("(@*su)", domain->wire, xml, flags), ret_error));
}

VIV_PUBLIC struct viv_moment *viv_moment_find(struct viv_object *domain, enum viv_moment_kind kind,
                                              const char *name, struct viv_error **ret_error)
{
    return take(domain->connection, kind,
                lib_domain_ask(domain, kinds[kind].find,
                               g_variant_new("(@*su)", domain->wire, name, 0), ret_error));
}

VIV_PUBLIC struct viv_moment *viv_snapshot_current(struct viv_object *domain,
                                                   struct viv_error **ret_error)
{
    enum proc_id id = PROC_DOMAIN_SNAPSHOT_CURRENT;

    return take(domain->connection, VIV_SNAPSHOT,
                lib_domain_ask(domain, id, lib_object_args(domain, id, 0), ret_error));
}

VIV_PUBLIC int viv_snapshot_has_current(struct viv_object *domain, struct viv_error **ret_error)
{
    enum proc_id id = PROC_DOMAIN_HAS_CURRENT_SNAPSHOT;

    return lib_object_is(domain, VIV_DOMAIN, ret_error)
               ? lib_connection_ask_number(domain->connection, id, lib_object_args(domain, id, 0),
                                           ret_error)
               : -1;
}

VIV_PUBLIC void viv_moment_free(struct viv_moment *moment)
{
    if (moment != NULL) {
        g_variant_unref(moment->wire);
        lib_connection_unref(moment->connection);
        g_free(moment);
    }
}

VIV_PUBLIC struct viv_moment **viv_moments(struct viv_object *domain, enum viv_moment_kind kind,
                                           unsigned flags, size_t *ret_n,
                                           struct viv_error **ret_error)
{
    return take_list(domain->connection, kind,
                     lib_domain_ask(domain, kinds[kind].list,
                                    g_variant_new("(@*iu)", domain->wire, TRUE, flags), ret_error),
                     ret_n);
}

VIV_PUBLIC struct viv_moment **viv_moment_children(struct viv_moment *moment, unsigned flags,
                                                   size_t *ret_n, struct viv_error **ret_error)
{
    return take_list(moment->connection, moment->kind,
                     lib_connection_ask(moment->connection, kinds[moment->kind].children,
                                        g_variant_new("(@*iu)", moment->wire, TRUE, flags),
                                        ret_error),
                     ret_n);
}

VIV_PUBLIC void viv_moments_free(struct viv_moment **moments)
{
    for (struct viv_moment **m = moments; m != NULL && *m != NULL; m++) {
        viv_moment_free(*m);
    }
    g_free(moments);
}

VIV_PUBLIC const char *viv_moment_name(const struct viv_moment *moment)
{
    return moment->name;
}

VIV_PUBLIC char *viv_moment_xml(struct viv_moment *moment, unsigned flags,
                                struct viv_error **ret_error)
{
    g_autoptr(GVariant) reply = ask(moment, kinds[moment->kind].xml, flags, ret_error);
    char *text = NULL;

    if (reply != NULL) {
        g_variant_get_child(reply, 0, "s", &text);
    }
    return text;
}

VIV_PUBLIC struct viv_moment *viv_moment_parent(struct viv_moment *moment,
                                                struct viv_error **ret_error)
{
    return take(moment->connection, moment->kind,
                ask(moment, kinds[moment->kind].parent, 0, ret_error));
}

VIV_PUBLIC int viv_snapshot_is_current(struct viv_moment *snapshot, struct viv_error **ret_error)
{
    return ask_number(snapshot, kinds[snapshot->kind].is_current, ret_error);
}

VIV_PUBLIC int viv_snapshot_has_metadata(struct viv_moment *snapshot, struct viv_error **ret_error)
{
    return ask_number(snapshot, kinds[snapshot->kind].metadata, ret_error);
}

VIV_PUBLIC int viv_moment_delete(struct viv_moment *moment, unsigned flags,
                                 struct viv_error **ret_error)
{
    return act(moment, kinds[moment->kind].remove, flags, ret_error);
}

VIV_PUBLIC int viv_snapshot_revert(struct viv_moment *snapshot, unsigned flags,
                                   struct viv_error **ret_error)
{
    return act(snapshot, kinds[snapshot->kind].revert, flags, ret_error);
}

VIV_PUBLIC int viv_backup_begin(struct viv_object *domain, const char *xml,
                                const char *checkpoint_xml, unsigned flags,
                                struct viv_error **ret_error)
{
    return lib_domain_do(domain, PROC_DOMAIN_BACKUP_BEGIN,
                         g_variant_new("(@*smsu)", domain->wire, xml, checkpoint_xml, flags),
                         ret_error);
}

VIV_PUBLIC char *viv_backup_xml(struct viv_object *domain, unsigned flags,
                                struct viv_error **ret_error)
{
    return lib_object_text(domain, VIV_DOMAIN, PROC_DOMAIN_BACKUP_GET_XML_DESC, flags, ret_error);
}
