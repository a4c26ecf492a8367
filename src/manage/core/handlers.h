/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Handlers for drivers' rows: what a procedure does alike for every hypervisor. Each is a
 * call_handler; "of" says which procedures' rows it fits, by their layouts.
 */
#ifndef VIV_MANAGE_CORE_HANDLERS_H
#define VIV_MANAGE_CORE_HANDLERS_H

#include "manage/core/call.h"
#include "manage/core/domain.h"

#define HANDLERS(_)                                                               \
    /* connect-handlers.c */                                                      \
    _(connect_get_type)                                                           \
    _(connect_get_version)                                                        \
    _(connect_get_lib_version)                                                    \
    _(connect_get_hostname)                                                       \
    _(connect_get_uri)                                                            \
    _(connect_is_secure)                                                          \
    _(connect_nothing) /* accepts and does nothing: close callbacks */            \
    _(connect_domain_event_register)                                              \
    _(connect_domain_event_deregister)                                            \
    _(connect_object_event_register) /* networks, pools, node devices, secrets */ \
    _(connect_object_event_deregister)                                            \
    /* domain-list.c */                                                           \
    _(domain_list_all)                                                            \
    _(domain_list_ids)                                                            \
    _(domain_list_defined)                                                        \
    _(domain_count)                                                               \
    _(domain_count_defined)                                                       \
    _(domain_lookup_by_id)                                                        \
    _(domain_lookup_by_name)                                                      \
    _(domain_lookup_by_uuid)                                                      \
    /* domain-life.c */                                                           \
    _(domain_create) /* domain_create and domain_create_with_flags */             \
    _(domain_create_xml)                                                          \
    _(domain_define_xml) /* with and without flags */                             \
    _(domain_undefine)   /* with and without flags */                             \
    _(domain_destroy)    /* with and without flags */                             \
    _(domain_shutdown)   /* with and without flags */                             \
    _(domain_reboot)                                                              \
    _(domain_reset)                                                               \
    _(domain_suspend)                                                             \
    _(domain_resume)                                                              \
    _(domain_restore) /* with and without flags */                                \
    _(domain_save)    /* with and without flags */                                \
    _(save_image_get_xml_desc)                                                    \
    _(save_image_define_xml)                                                      \
    /* domain-console.c */                                                        \
    _(domain_open_console)                                                        \
    /* domain-info.c */                                                           \
    _(domain_get_xml_desc)                                                        \
    _(domain_get_info)                                                            \
    _(domain_get_state)                                                           \
    _(domain_get_os_type)                                                         \
    _(domain_get_max_memory)                                                      \
    _(domain_get_autostart)                                                       \
    _(domain_set_autostart)                                                       \
    _(domain_is_active_call)                                                      \
    _(domain_is_persistent)                                                       \
    _(domain_is_updated)                                                          \
    /* domain-device.c: with and without flags */                                 \
    _(domain_attach_device)                                                       \
    _(domain_detach_device)                                                       \
    _(domain_update_device)                                                       \
    /* domain-info.c */                                                           \
    _(domain_get_all_stats)                                                       \
    /* domain-config.c */                                                         \
    _(domain_get_max_vcpus)                                                       \
    _(domain_get_vcpus_flags)                                                     \
    _(domain_set_vcpus_flags)                                                     \
    _(domain_set_vcpus)                                                           \
    _(domain_set_memory_flags)                                                    \
    _(domain_set_memory)                                                          \
    _(domain_set_max_memory)                                                      \
    _(domain_get_metadata)                                                        \
    _(domain_set_metadata)                                                        \
    _(domain_rename)                                                              \
    _(domain_set_lifecycle_action)                                                \
    _(domain_has_managed_save_image)                                              \
    /* moment-handlers.c: of snapshots and checkpoints */                         \
    _(moment_count)                                                               \
    _(moment_list_names)                                                          \
    _(moment_list_all)                                                            \
    _(moment_lookup)                                                              \
    _(moment_get_parent)                                                          \
    _(moment_get_xml_desc)                                                        \
    _(snapshot_has_current)                                                       \
    _(snapshot_current)                                                           \
    _(snapshot_is_current)                                                        \
    _(snapshot_has_metadata)                                                      \
    /* moment-life.c */                                                           \
    _(snapshot_create_xml)                                                        \
    _(checkpoint_create_xml)                                                      \
    _(snapshot_revert)                                                            \
    _(moment_delete)                                                              \
    /* object-list.c: of networks, pools, interfaces, node devices */             \
    _(object_list_all)                                                            \
    _(object_count)                                                               \
    _(object_count_defined)                                                       \
    _(object_list_names)                                                          \
    _(object_list_defined)                                                        \
    _(object_lookup_by_name)                                                      \
    _(object_lookup_by_uuid)                                                      \
    _(object_get_xml_desc)                                                        \
    _(object_get_autostart)                                                       \
    _(object_is_active)                                                           \
    _(object_is_persistent)                                                       \
    /* object-life.c */                                                           \
    _(object_define_xml)                                                          \
    _(object_create_xml)                                                          \
    _(object_create)                                                              \
    _(object_destroy)                                                             \
    _(object_undefine)                                                            \
    _(object_set_autostart)                                                       \
    _(network_get_bridge_name)                                                    \
    _(interface_lookup_by_mac)                                                    \
    _(pool_build) /* and delete, refresh */                                       \
    _(pool_get_info)                                                              \
    /* network/filter-handlers.c: of a driver without filters */                  \
    _(filter_count)                                                               \
    _(filter_list_names)                                                          \
    _(filter_list_all) /* and of bindings */                                      \
    /* network/leases.c */                                                        \
    _(network_get_dhcp_leases)                                                    \
    /* network/update.c */                                                        \
    _(network_update)                                                             \
    /* storage/pool-kinds.c: of a driver whose pools are folders */               \
    _(pool_get_capabilities)                                                      \
    _(pool_find_sources)                                                          \
    /* storage/volume-handlers.c */                                               \
    _(volume_count)                                                               \
    _(volume_list_names)                                                          \
    _(volume_list_all)                                                            \
    _(volume_lookup_by_name)                                                      \
    _(volume_lookup_by_key) /* and by path */                                     \
    _(volume_get_pool)                                                            \
    _(volume_get_info)                                                            \
    _(volume_get_xml_desc)                                                        \
    _(volume_get_path)                                                            \
    _(volume_create_xml) /* and from another */                                   \
    _(volume_delete)                                                              \
    /* storage/volume-work.c */                                                   \
    _(volume_resize)                                                              \
    _(volume_wipe)   /* with and without an algorithm */                          \
    _(volume_stream) /* upload and download */                                    \
    _(volume_get_info_flags)                                                      \
    /* node-device-handlers.c */                                                  \
    _(nodedev_lookup_by_name)                                                     \
    _(nodedev_get_xml_desc)                                                       \
    _(nodedev_get_parent)                                                         \
    _(nodedev_count)                                                              \
    _(nodedev_list)                                                               \
    _(nodedev_count_caps)                                                         \
    _(nodedev_list_caps)                                                          \
    /* secret/secret-handlers.c */                                                \
    _(secret_define_xml)                                                          \
    _(secret_undefine)                                                            \
    _(secret_set_value)                                                           \
    _(secret_get_value)                                                           \
    _(secret_lookup_by_usage)

/* What was changed is kept before the reply: the definition in force, the next; NULL: as it was. */
bool domain_keep(struct call *call, struct domain_def *const defs[2], GError **error);

#define _(name) bool name(struct call *call, GError **error);
HANDLERS(_)
#undef _

#endif
