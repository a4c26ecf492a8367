/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <viv/domain.h>

#include "manage/lib/internal.h"

#include <string.h>

#define METADATA_ELEMENT 2
#define DEVICE_AFFECT    (VIV_AFFECT_LIVE | VIV_AFFECT_CONFIG | VIV_FORCE)

static int ask_number(struct viv_object *domain, enum proc_id id, GVariant *args,
                      struct viv_error **ret_error)
{
    g_autoptr(GVariant) reply = lib_domain_ask(domain, id, args, ret_error);
    gint32 value = -1;

    if (reply != NULL) {
        g_variant_get_child(reply, 0, "i", &value);
    }
    return value;
}

VIV_PUBLIC struct viv_object *viv_find_id(struct viv_connection *connection, int id,
                                          struct viv_error **ret_error)
{
    g_autoptr(GVariant) reply = lib_connection_ask(connection, PROC_DOMAIN_LOOKUP_BY_ID,
                                                   g_variant_new("(i)", (gint32)id), ret_error);

    if (reply == NULL) {
        return NULL;
    }
    g_autoptr(GVariant) wire = g_variant_get_child_value(reply, 0);

    return lib_object_new(connection, VIV_DOMAIN, wire);
}

VIV_PUBLIC int viv_domain_info(struct viv_object *domain, struct viv_domain_info *ret_info,
                               struct viv_error **ret_error)
{
    g_autoptr(GVariant) reply = lib_domain_ask(
        domain, PROC_DOMAIN_GET_INFO, lib_object_args(domain, PROC_DOMAIN_GET_INFO, 0), ret_error);
    guchar state;
    guint64 max_memory, memory, cpu_time;
    guint32 vcpus;

    if (reply == NULL) {
        return -1;
    }
    g_variant_get(reply, "(yttut)", &state, &max_memory, &memory, &vcpus, &cpu_time);
    *ret_info =
        (struct viv_domain_info){(enum viv_state)state, max_memory, memory, vcpus, cpu_time};
    return 0;
}

VIV_PUBLIC int viv_domain_state(struct viv_object *domain, enum viv_state *ret_state,
                                int *ret_reason, struct viv_error **ret_error)
{
    g_autoptr(GVariant) reply =
        lib_domain_ask(domain, PROC_DOMAIN_GET_STATE,
                       lib_object_args(domain, PROC_DOMAIN_GET_STATE, 0), ret_error);
    gint32 state, reason;

    if (reply == NULL) {
        return -1;
    }
    g_variant_get(reply, "(ii)", &state, &reason);
    *ret_state = (enum viv_state)state;
    *ret_reason = reason;
    return 0;
}

VIV_PUBLIC char *viv_domain_os(struct viv_object *domain, struct viv_error **ret_error)
{
    return lib_domain_ask_text(domain, PROC_DOMAIN_GET_OS_TYPE,
                               lib_object_args(domain, PROC_DOMAIN_GET_OS_TYPE, 0), ret_error);
}

static void copy_text(GVariant *tuple, gsize index, char *out, size_t size)
{
    g_autoptr(GVariant) bytes = g_variant_get_child_value(tuple, index);
    gsize length;
    const char *text = g_variant_get_fixed_array(bytes, &length, 1);

    length = MIN(length, size - 1);
    memcpy(out, text, length);
    out[length] = '\0';
}

VIV_PUBLIC int viv_domain_security(struct viv_object *domain, struct viv_security *ret_security,
                                   struct viv_error **ret_error)
{
    g_autoptr(GVariant) model =
        lib_connection_ask(domain->connection, PROC_NODE_GET_SECURITY_MODEL, NULL, ret_error);
    gint32 enforcing;

    if (model == NULL) {
        return -1;
    }
    g_autoptr(GVariant) label =
        lib_domain_ask(domain, PROC_DOMAIN_GET_SECURITY_LABEL,
                       lib_object_args(domain, PROC_DOMAIN_GET_SECURITY_LABEL, 0), ret_error);

    if (label == NULL) {
        return -1;
    }
    copy_text(model, 0, ret_security->model, sizeof(ret_security->model));
    copy_text(model, 1, ret_security->doi, sizeof(ret_security->doi));
    copy_text(label, 0, ret_security->label, sizeof(ret_security->label));
    g_variant_get_child(label, 1, "i", &enforcing);
    ret_security->enforcing = enforcing;
    return 0;
}

VIV_PUBLIC int viv_domain_has_saved(struct viv_object *domain, struct viv_error **ret_error)
{
    return ask_number(domain, PROC_DOMAIN_HAS_MANAGED_SAVE_IMAGE,
                      lib_object_args(domain, PROC_DOMAIN_HAS_MANAGED_SAVE_IMAGE, 0), ret_error);
}

VIV_PUBLIC int viv_domain_snapshots(struct viv_object *domain, unsigned flags,
                                    struct viv_error **ret_error)
{
    return ask_number(domain, PROC_DOMAIN_SNAPSHOT_NUM,
                      lib_object_args(domain, PROC_DOMAIN_SNAPSHOT_NUM, flags), ret_error);
}

VIV_PUBLIC char *viv_domain_note(struct viv_object *domain, int is_title, unsigned affect,
                                 struct viv_error **ret_error)
{
    return lib_domain_ask_text(domain, PROC_DOMAIN_GET_METADATA,
                               g_variant_new("(@*imsu)", domain->wire, is_title != 0, NULL, affect),
                               ret_error);
}

VIV_PUBLIC int viv_domain_set_note(struct viv_object *domain, int is_title, const char *text,
                                   unsigned affect, struct viv_error **ret_error)
{
    const char *set = text != NULL && *text != '\0' ? text : NULL;

    return lib_domain_do(
        domain, PROC_DOMAIN_SET_METADATA,
        g_variant_new("(@*imsmsmsu)", domain->wire, is_title != 0, set, NULL, NULL, affect),
        ret_error);
}

VIV_PUBLIC char *viv_domain_metadata(struct viv_object *domain, const char *uri, unsigned affect,
                                     struct viv_error **ret_error)
{
    return lib_domain_ask_text(
        domain, PROC_DOMAIN_GET_METADATA,
        g_variant_new("(@*imsu)", domain->wire, METADATA_ELEMENT, uri, affect), ret_error);
}

VIV_PUBLIC int viv_domain_set_metadata(struct viv_object *domain, const char *xml, const char *key,
                                       const char *uri, unsigned affect,
                                       struct viv_error **ret_error)
{
    return lib_domain_do(
        domain, PROC_DOMAIN_SET_METADATA,
        g_variant_new("(@*imsmsmsu)", domain->wire, METADATA_ELEMENT, xml, key, uri, affect),
        ret_error);
}

VIV_PUBLIC int viv_domain_shutdown(struct viv_object *domain, unsigned flags,
                                   struct viv_error **ret_error)
{
    enum proc_id id = flags != 0 ? PROC_DOMAIN_SHUTDOWN_FLAGS : PROC_DOMAIN_SHUTDOWN;

    return lib_domain_do(domain, id, lib_object_args(domain, id, flags), ret_error);
}

VIV_PUBLIC int viv_domain_reboot(struct viv_object *domain, unsigned flags,
                                 struct viv_error **ret_error)
{
    return lib_domain_do(domain, PROC_DOMAIN_REBOOT,
                         lib_object_args(domain, PROC_DOMAIN_REBOOT, flags), ret_error);
}

VIV_PUBLIC int viv_domain_reset(struct viv_object *domain, unsigned flags,
                                struct viv_error **ret_error)
{
    return lib_domain_do(domain, PROC_DOMAIN_RESET,
                         lib_object_args(domain, PROC_DOMAIN_RESET, flags), ret_error);
}

VIV_PUBLIC int viv_domain_suspend(struct viv_object *domain, struct viv_error **ret_error)
{
    return lib_domain_do(domain, PROC_DOMAIN_SUSPEND,
                         lib_object_args(domain, PROC_DOMAIN_SUSPEND, 0), ret_error);
}

VIV_PUBLIC int viv_domain_resume(struct viv_object *domain, struct viv_error **ret_error)
{
    return lib_domain_do(domain, PROC_DOMAIN_RESUME, lib_object_args(domain, PROC_DOMAIN_RESUME, 0),
                         ret_error);
}

VIV_PUBLIC int viv_domain_rename(struct viv_object *domain, const char *name,
                                 struct viv_error **ret_error)
{
    return lib_domain_do(domain, PROC_DOMAIN_RENAME,
                         g_variant_new("(@*msu)", domain->wire, name, 0), ret_error);
}

VIV_PUBLIC int viv_domain_set_memory(struct viv_object *domain, uint64_t kib, unsigned affect,
                                     struct viv_error **ret_error)
{
    if ((affect & ~(unsigned)VIV_MAXIMUM) == 0) {
        return lib_domain_do(domain,
                             affect == 0 ? PROC_DOMAIN_SET_MEMORY : PROC_DOMAIN_SET_MAX_MEMORY,
                             g_variant_new("(@*t)", domain->wire, (guint64)kib), ret_error);
    }
    return lib_domain_do(domain, PROC_DOMAIN_SET_MEMORY_FLAGS,
                         g_variant_new("(@*tu)", domain->wire, (guint64)kib, affect), ret_error);
}

VIV_PUBLIC int viv_domain_set_vcpus(struct viv_object *domain, unsigned n, unsigned affect,
                                    struct viv_error **ret_error)
{
    if (affect == 0) {
        return lib_domain_do(domain, PROC_DOMAIN_SET_VCPUS, g_variant_new("(@*u)", domain->wire, n),
                             ret_error);
    }
    return lib_domain_do(domain, PROC_DOMAIN_SET_VCPUS_FLAGS,
                         g_variant_new("(@*uu)", domain->wire, n, affect), ret_error);
}

VIV_PUBLIC int viv_domain_vcpus(struct viv_object *domain, unsigned affect,
                                struct viv_error **ret_error)
{
    return ask_number(domain, PROC_DOMAIN_GET_VCPUS_FLAGS,
                      lib_object_args(domain, PROC_DOMAIN_GET_VCPUS_FLAGS, affect), ret_error);
}

static int change_device(struct viv_object *domain, enum proc_id id, const char *xml,
                         unsigned affect, struct viv_error **ret_error)
{
    return lib_domain_do(
        domain, id, g_variant_new("(@*su)", domain->wire, xml, affect & DEVICE_AFFECT), ret_error);
}

static int change_plain(struct viv_object *domain, enum proc_id id, const char *xml,
                        struct viv_error **ret_error)
{
    return lib_domain_do(domain, id, g_variant_new("(@*s)", domain->wire, xml), ret_error);
}

VIV_PUBLIC int viv_domain_detach_alias(struct viv_object *domain, const char *alias,
                                       unsigned affect, struct viv_error **ret_error)
{
    return change_device(domain, PROC_DOMAIN_DETACH_DEVICE_ALIAS, alias, affect, ret_error);
}

VIV_PUBLIC int viv_domain_resize_disk(struct viv_object *domain, const char *disk, uint64_t bytes,
                                      struct viv_error **ret_error)
{
    const unsigned in_bytes = 1;

    return lib_domain_do(domain, PROC_DOMAIN_BLOCK_RESIZE,
                         g_variant_new("(@*stu)", domain->wire, disk, (guint64)bytes, in_bytes),
                         ret_error);
}

VIV_PUBLIC int viv_domain_attach(struct viv_object *domain, const char *xml, unsigned affect,
                                 struct viv_error **ret_error)
{
    return (affect & VIV_PLAIN) != 0
               ? change_plain(domain, PROC_DOMAIN_ATTACH_DEVICE, xml, ret_error)
               : change_device(domain, PROC_DOMAIN_ATTACH_DEVICE_FLAGS, xml, affect, ret_error);
}

VIV_PUBLIC int viv_domain_detach(struct viv_object *domain, const char *xml, unsigned affect,
                                 struct viv_error **ret_error)
{
    return (affect & VIV_PLAIN) != 0
               ? change_plain(domain, PROC_DOMAIN_DETACH_DEVICE, xml, ret_error)
               : change_device(domain, PROC_DOMAIN_DETACH_DEVICE_FLAGS, xml, affect, ret_error);
}

VIV_PUBLIC int viv_domain_update(struct viv_object *domain, const char *xml, unsigned affect,
                                 struct viv_error **ret_error)
{
    return change_device(domain, PROC_DOMAIN_UPDATE_DEVICE_FLAGS, xml, affect, ret_error);
}
