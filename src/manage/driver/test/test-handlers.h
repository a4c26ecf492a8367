/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Handlers that are the test driver's own; all call_handler. */
#ifndef VIV_MANAGE_DRIVER_TEST_TEST_HANDLERS_H
#define VIV_MANAGE_DRIVER_TEST_TEST_HANDLERS_H

#include "manage/core/call.h"

#define TEST_HANDLERS(_)                                                         \
    /* node.c */                                                                 \
    _(test_node_get_info)                                                        \
    _(test_get_max_vcpus)                                                        \
    _(test_node_get_cpu_map)                                                     \
    _(test_node_get_security_model)                                              \
    _(test_domain_get_security_label)                                            \
    _(test_node_get_free_memory)                                                 \
    _(test_node_get_cells_free_memory)                                           \
    _(test_node_get_free_pages)                                                  \
    _(test_node_get_cpu_stats)                                                   \
    _(test_get_capabilities)                                                     \
    _(test_get_sysinfo)                                                          \
    _(test_find_pool_sources)                                                    \
    /* save.c */                                                                 \
    _(test_domain_managed_save)                                                  \
    _(test_domain_managed_save_remove)                                           \
    _(test_domain_core_dump)                                                     \
    /* guest.c */                                                                \
    _(test_domain_fsfreeze)                                                      \
    _(test_domain_fsthaw)                                                        \
    _(test_domain_get_launch_security)                                           \
    _(test_domain_screenshot)                                                    \
    /* scheduler.c */                                                            \
    _(test_domain_get_scheduler_type)                                            \
    _(test_domain_get_scheduler)                                                 \
    _(test_domain_set_scheduler)                                                 \
    /* tune-memory.c */                                                          \
    _(test_domain_set_memory_params)                                             \
    _(test_domain_set_blkio)                                                     \
    _(test_domain_set_numa)                                                      \
    /* tune-device.c */                                                          \
    _(test_domain_get_iotune)                                                    \
    _(test_domain_set_iotune)                                                    \
    _(test_domain_set_interface_params)                                          \
    _(test_domain_set_memory_stats_period)                                       \
    _(test_domain_set_perf)                                                      \
    /* tune-cpu.c */                                                             \
    _(test_domain_pin_vcpu)                                                      \
    _(test_domain_pin_emulator)                                                  \
    _(test_domain_add_iothread)                                                  \
    _(test_domain_del_iothread)                                                  \
    _(test_domain_pin_iothread)                                                  \
    _(test_domain_set_iothread_params)                                           \
    _(test_domain_get_iothread_info)                                             \
    _(test_domain_get_memory_params)                                             \
    _(test_domain_get_blkio)                                                     \
    _(test_domain_get_numa)                                                      \
    _(test_domain_get_interface_params)                                          \
    _(test_domain_get_perf)                                                      \
    _(test_domain_get_vcpus)                                                     \
    _(test_domain_get_vcpu_pin_info)                                             \
    _(test_domain_get_emulator_pin_info)                                         \
    /* stats.c */                                                                \
    _(test_domain_block_stats)                                                   \
    _(test_domain_interface_stats)                                               \
    _(test_domain_memory_stats)                                                  \
    _(test_domain_get_hostname)                                                  \
    _(test_domain_get_info)                                                      \
    _(test_domain_get_os_type)                                                   \
    _(test_domain_get_time)                                                      \
    _(test_domain_nothing) /* accepted, and without any effect, as in libvirt */ \
    _(test_domain_get_fsinfo)                                                    \
    _(test_domain_get_disk_errors)                                               \
    _(test_domain_get_control_info)                                              \
    _(test_domain_get_block_info)                                                \
    _(test_domain_get_cpu_stats)                                                 \
    _(test_domain_interface_addresses)                                           \
    _(test_get_all_domain_stats)

#define _(name) bool name(struct call *call, GError **error);
TEST_HANDLERS(_)
#undef _

/* The device of a kind whose child's attribute has the value; NULL when there is none. */
struct xml *test_find_device(struct domain *domain, const char *kind, const char *child,
                             const char *attribute, const char *value);
/* A disk by its target or its source; NULL with code 8. */
struct xml *test_find_disk(struct domain *domain, const char *path, GError **error);

#endif
