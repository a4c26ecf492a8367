/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <viv/save.h>

#include "manage/lib/internal.h"

VIV_PUBLIC int viv_domain_save(struct viv_object *domain, const char *path, const char *xml,
                               unsigned flags, struct viv_error **ret_error)
{
    return xml == NULL && flags == 0
               ? lib_domain_do(domain, PROC_DOMAIN_SAVE, g_variant_new("(@*s)", domain->wire, path),
                               ret_error)
               : lib_domain_do(domain, PROC_DOMAIN_SAVE_FLAGS,
                               g_variant_new("(@*smsu)", domain->wire, path, xml, flags),
                               ret_error);
}

VIV_PUBLIC int viv_restore(struct viv_connection *connection, const char *path, const char *xml,
                           unsigned flags, struct viv_error **ret_error)
{
    return xml == NULL && flags == 0
               ? lib_connection_do(connection, PROC_DOMAIN_RESTORE, g_variant_new("(s)", path),
                                   ret_error)
               : lib_connection_do(connection, PROC_DOMAIN_RESTORE_FLAGS,
                                   g_variant_new("(smsu)", path, xml, flags), ret_error);
}

VIV_PUBLIC char *viv_saved_xml(struct viv_connection *connection, const char *path, unsigned flags,
                               struct viv_error **ret_error)
{
    return lib_connection_ask_text(connection, PROC_DOMAIN_SAVE_IMAGE_GET_XML_DESC,
                                   g_variant_new("(su)", path, flags), ret_error);
}

VIV_PUBLIC int viv_set_saved_xml(struct viv_connection *connection, const char *path,
                                 const char *xml, unsigned flags, struct viv_error **ret_error)
{
    return lib_connection_do(connection, PROC_DOMAIN_SAVE_IMAGE_DEFINE_XML,
                             g_variant_new("(ssu)", path, xml, flags), ret_error);
}

VIV_PUBLIC int viv_domain_keep(struct viv_object *domain, unsigned flags,
                               struct viv_error **ret_error)
{
    return lib_object_do(domain, VIV_DOMAIN, PROC_DOMAIN_MANAGED_SAVE, flags, ret_error);
}

VIV_PUBLIC int viv_domain_drop_kept(struct viv_object *domain, unsigned flags,
                                    struct viv_error **ret_error)
{
    return lib_object_do(domain, VIV_DOMAIN, PROC_DOMAIN_MANAGED_SAVE_REMOVE, flags, ret_error);
}

VIV_PUBLIC char *viv_domain_kept_xml(struct viv_object *domain, unsigned flags,
                                     struct viv_error **ret_error)
{
    return lib_object_text(domain, VIV_DOMAIN, PROC_DOMAIN_MANAGED_SAVE_GET_XML_DESC, flags,
                           ret_error);
}

VIV_PUBLIC int viv_domain_set_kept_xml(struct viv_object *domain, const char *xml, unsigned flags,
                                       struct viv_error **ret_error)
{
    return lib_domain_do(domain, PROC_DOMAIN_MANAGED_SAVE_DEFINE_XML,
                         g_variant_new("(@*msu)", domain->wire, xml, flags), ret_error);
}

VIV_PUBLIC int viv_domain_dump(struct viv_object *domain, const char *path, unsigned format,
                               unsigned flags, struct viv_error **ret_error)
{
    return format == 0
               ? lib_domain_do(domain, PROC_DOMAIN_CORE_DUMP,
                               g_variant_new("(@*su)", domain->wire, path, flags), ret_error)
               : lib_domain_do(domain, PROC_DOMAIN_CORE_DUMP_WITH_FORMAT,
                               g_variant_new("(@*suu)", domain->wire, path, format, flags),
                               ret_error);
}
