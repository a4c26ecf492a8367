/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <viv/guest.h>

#include "manage/lib/internal.h"
#include "manage/lib/params.h"

VIV_PUBLIC int viv_domain_send_keys(struct viv_object *domain, unsigned codeset, unsigned ms,
                                    const unsigned *keys, unsigned n, struct viv_error **ret_error)
{
    GVariant *list =
        g_variant_new_fixed_array(G_VARIANT_TYPE_UINT32, keys, MIN(n, VIV_KEYS_MAX), sizeof(*keys));

    return lib_domain_do(domain, PROC_DOMAIN_SEND_KEY,
                         g_variant_new("(@*uu@auu)", domain->wire, codeset, ms, list, 0),
                         ret_error);
}

VIV_PUBLIC int viv_domain_send_signal(struct viv_object *domain, int64_t pid, unsigned signal,
                                      struct viv_error **ret_error)
{
    return lib_domain_do(domain, PROC_DOMAIN_SEND_PROCESS_SIGNAL,
                         g_variant_new("(@*xuu)", domain->wire, (gint64)pid, signal, 0), ret_error);
}

VIV_PUBLIC int viv_domain_inject_nmi(struct viv_object *domain, unsigned flags,
                                     struct viv_error **ret_error)
{
    return lib_object_do(domain, VIV_DOMAIN, PROC_DOMAIN_INJECT_NMI, flags, ret_error);
}

VIV_PUBLIC int viv_domain_sleep(struct viv_object *domain, unsigned target, uint64_t seconds,
                                struct viv_error **ret_error)
{
    return lib_domain_do(domain, PROC_DOMAIN_PM_SUSPEND_FOR_DURATION,
                         g_variant_new("(@*utu)", domain->wire, target, (guint64)seconds, 0),
                         ret_error);
}

VIV_PUBLIC int viv_domain_wake(struct viv_object *domain, unsigned flags,
                               struct viv_error **ret_error)
{
    return lib_object_do(domain, VIV_DOMAIN, PROC_DOMAIN_PM_WAKEUP, flags, ret_error);
}

VIV_PUBLIC int viv_domain_set_lifecycle(struct viv_object *domain, unsigned event, unsigned action,
                                        unsigned affect, struct viv_error **ret_error)
{
    return lib_domain_do(domain, PROC_DOMAIN_SET_LIFECYCLE_ACTION,
                         g_variant_new("(@*uuu)", domain->wire, event, action, affect), ret_error);
}

VIV_PUBLIC int viv_domain_time(struct viv_object *domain, int64_t *ret_seconds,
                               unsigned *ret_nanoseconds, struct viv_error **ret_error)
{
    enum proc_id id = PROC_DOMAIN_GET_TIME;
    g_autoptr(GVariant) reply =
        lib_domain_ask(domain, id, lib_object_args(domain, id, 0), ret_error);

    if (reply == NULL) {
        return -1;
    }
    g_variant_get(reply, "(xu)", ret_seconds, ret_nanoseconds);
    return 0;
}

VIV_PUBLIC int viv_domain_set_time(struct viv_object *domain, int64_t seconds, unsigned nanoseconds,
                                   unsigned flags, struct viv_error **ret_error)
{
    return lib_domain_do(
        domain, PROC_DOMAIN_SET_TIME,
        g_variant_new("(@*xuu)", domain->wire, (gint64)seconds, nanoseconds, flags), ret_error);
}

VIV_PUBLIC char *viv_domain_hostname(struct viv_object *domain, unsigned flags,
                                     struct viv_error **ret_error)
{
    return lib_object_text(domain, VIV_DOMAIN, PROC_DOMAIN_GET_HOSTNAME, flags, ret_error);
}

VIV_PUBLIC struct viv_file_system *viv_domain_file_systems(struct viv_object *domain,
                                                           struct viv_error **ret_error)
{
    enum proc_id id = PROC_DOMAIN_GET_FSINFO;
    g_autoptr(GVariant) reply =
        lib_domain_ask(domain, id, lib_object_args(domain, id, 0), ret_error);

    if (reply == NULL) {
        return NULL;
    }
    g_autoptr(GVariant) list = g_variant_get_child_value(reply, 0);
    struct viv_file_system *systems =
        g_new0(struct viv_file_system, g_variant_n_children(list) + 1);

    for (gsize i = 0; i < g_variant_n_children(list); i++) {
        g_variant_get_child(list, i, "(sss^as)", &systems[i].mount_point, &systems[i].name,
                            &systems[i].type, &systems[i].disks);
    }
    return systems;
}

VIV_PUBLIC void viv_file_systems_free(struct viv_file_system *systems)
{
    for (struct viv_file_system *s = systems; s != NULL && s->mount_point != NULL; s++) {
        g_free(s->mount_point);
        g_free(s->name);
        g_free(s->type);
        g_strfreev(s->disks);
    }
    g_free(systems);
}

static int freeze(struct viv_object *domain, enum proc_id id, const char *const *mount_points,
                  struct viv_error **ret_error)
{
    static const char *const none[] = {NULL};
    g_autoptr(GVariant) reply = lib_domain_ask(
        domain, id,
        g_variant_new("(@*^asu)", domain->wire, mount_points != NULL ? mount_points : none, 0),
        ret_error);
    gint32 n = -1;

    if (reply != NULL) {
        g_variant_get(reply, "(i)", &n);
    }
    return n;
}

VIV_PUBLIC int viv_domain_freeze(struct viv_object *domain, const char *const *mount_points,
                                 struct viv_error **ret_error)
{
    return freeze(domain, PROC_DOMAIN_FSFREEZE, mount_points, ret_error);
}

VIV_PUBLIC int viv_domain_thaw(struct viv_object *domain, const char *const *mount_points,
                               struct viv_error **ret_error)
{
    return freeze(domain, PROC_DOMAIN_FSTHAW, mount_points, ret_error);
}

VIV_PUBLIC int viv_domain_trim(struct viv_object *domain, const char *mount_point, uint64_t minimum,
                               struct viv_error **ret_error)
{
    return lib_domain_do(domain, PROC_DOMAIN_FSTRIM,
                         g_variant_new("(@*mstu)", domain->wire, mount_point, (guint64)minimum, 0),
                         ret_error);
}

VIV_PUBLIC struct viv_param *viv_domain_guest_info(struct viv_object *domain, unsigned kinds,
                                                   struct viv_error **ret_error)
{
    g_autoptr(GVariant) reply =
        lib_domain_ask(domain, PROC_DOMAIN_GET_GUEST_INFO,
                       g_variant_new("(@*uu)", domain->wire, kinds, 0), ret_error);

    if (reply == NULL) {
        return NULL;
    }
    g_autoptr(GVariant) list = g_variant_get_child_value(reply, 0);

    return params_unpack(list);
}

VIV_PUBLIC int viv_domain_set_agent_timeout(struct viv_object *domain, int seconds,
                                            struct viv_error **ret_error)
{
    return lib_domain_do(domain, PROC_DOMAIN_AGENT_SET_RESPONSE_TIMEOUT,
                         g_variant_new("(@*iu)", domain->wire, seconds, 0), ret_error);
}

VIV_PUBLIC int viv_domain_set_password(struct viv_object *domain, const char *user,
                                       const char *password, unsigned flags,
                                       struct viv_error **ret_error)
{
    return lib_domain_do(domain, PROC_DOMAIN_SET_USER_PASSWORD,
                         g_variant_new("(@*msmsu)", domain->wire, user, password, flags),
                         ret_error);
}

VIV_PUBLIC char **viv_domain_ssh_keys(struct viv_object *domain, const char *user,
                                      struct viv_error **ret_error)
{
    g_autoptr(GVariant) reply =
        lib_domain_ask(domain, PROC_DOMAIN_AUTHORIZED_SSH_KEYS_GET,
                       g_variant_new("(@*su)", domain->wire, user, 0), ret_error);
    char **keys = NULL;

    if (reply != NULL) {
        g_variant_get_child(reply, 0, "^as", &keys);
    }
    return keys;
}

VIV_PUBLIC int viv_domain_set_ssh_keys(struct viv_object *domain, const char *user,
                                       const char *const *keys, unsigned flags,
                                       struct viv_error **ret_error)
{
    return lib_domain_do(domain, PROC_DOMAIN_AUTHORIZED_SSH_KEYS_SET,
                         g_variant_new("(@*s^asu)", domain->wire, user, keys, flags), ret_error);
}

VIV_PUBLIC char *viv_domain_monitor_command(struct viv_object *domain, const char *command,
                                            unsigned flags, struct viv_error **ret_error)
{
    return lib_domain_ask_text(domain, PROC_QEMU_DOMAIN_MONITOR_COMMAND,
                               g_variant_new("(@*su)", domain->wire, command, flags), ret_error);
}

VIV_PUBLIC char *viv_domain_agent_command(struct viv_object *domain, const char *command,
                                          int seconds, struct viv_error **ret_error)
{
    g_autoptr(GVariant) reply =
        lib_domain_ask(domain, PROC_QEMU_DOMAIN_AGENT_COMMAND,
                       g_variant_new("(@*siu)", domain->wire, command, seconds, 0), ret_error);
    char *text = NULL;

    if (reply != NULL) {
        g_variant_get_child(reply, 0, "ms", &text);
        text = text != NULL ? text : g_strdup("");
    }
    return text;
}
