/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which procedures the QMP driver has, and the flags each takes: those of libvirt 9.0's QEMU. */
#include "manage/core/common-rows.h"
#include "manage/driver/qmp/internal.h"

const struct driver_proc qmp_procs[PROC_COUNT] = {
    COMMON_CONNECT_ROWS,
    COMMON_DOMAIN_ROWS,

    [PROC_CONNECT_GET_VERSION] = {qmp_get_version},

    [PROC_CONNECT_GET_CAPABILITIES] = {qmp_get_capabilities},
    [PROC_CONNECT_GET_DOMAIN_CAPABILITIES] = {qmp_get_domain_capabilities},
    [PROC_CONNECT_GET_SYSINFO] = {qmp_get_sysinfo},
    [PROC_CONNECT_GET_MAX_VCPUS] = {qmp_get_max_vcpus},
    [PROC_CONNECT_GET_CPU_MODEL_NAMES] = {qmp_get_cpu_model_names},
    [PROC_NODE_GET_INFO] = {qmp_node_get_info},
    [PROC_NODE_GET_CPU_MAP] = {qmp_node_get_cpu_map},
    [PROC_NODE_GET_CPU_STATS] = {qmp_node_get_cpu_stats},
    [PROC_NODE_GET_MEMORY_STATS] = {qmp_node_get_memory_stats},
    [PROC_NODE_GET_FREE_MEMORY] = {qmp_node_get_free_memory},
    [PROC_NODE_GET_CELLS_FREE_MEMORY] = {qmp_node_get_cells_free_memory},
    [PROC_NODE_GET_FREE_PAGES] = {qmp_node_get_free_pages},
    [PROC_NODE_GET_MEMORY_PARAMETERS] = {qmp_node_get_memory_parameters, .flags = 4},
    [PROC_NODE_GET_SECURITY_MODEL] = {qmp_node_get_security_model},
    [PROC_DOMAIN_GET_SECURITY_LABEL] = {qmp_domain_get_security_label},

    [PROC_CONNECT_LIST_ALL_NODE_DEVICES] = {object_list_all, .flags = 0xc01fffff},
    [PROC_NODE_NUM_OF_DEVICES] = {nodedev_count},
    [PROC_NODE_LIST_DEVICES] = {nodedev_list},
    [PROC_NODE_DEVICE_LOOKUP_BY_NAME] = {nodedev_lookup_by_name},

    [PROC_DOMAIN_CREATE_WITH_FLAGS] = {domain_create, .flags = 1, .job = JOB_MODIFY},
    [PROC_DOMAIN_CREATE_XML] = {domain_create_xml, .flags = 1},
    [PROC_DOMAIN_UNDEFINE_FLAGS] = {domain_undefine, .flags = 0x1f, .job = JOB_DESTROY},
    [PROC_DOMAIN_SHUTDOWN_FLAGS] = {domain_shutdown, .flags = 1, .job = JOB_MODIFY},
    [PROC_DOMAIN_REBOOT] = {domain_reboot, .flags = 1, .job = JOB_MODIFY, .active = true},
    [PROC_DOMAIN_RESET] = {domain_reset, .job = JOB_MODIFY, .active = true},

    [PROC_DOMAIN_OPEN_CONSOLE] = {domain_open_console, .flags = 3, .active = true},

    [PROC_CONNECT_GET_ALL_DOMAIN_STATS] = {domain_get_all_stats, .flags = 0xe00000ff},
    [PROC_DOMAIN_BLOCK_STATS] = {qmp_domain_block_stats, .job = JOB_QUERY, .active = true},
    [PROC_DOMAIN_BLOCK_STATS_FLAGS] = {qmp_domain_block_stats_flags, .flags = 4, .job = JOB_QUERY,
                                       .active = true},
    [PROC_DOMAIN_GET_BLOCK_INFO] = {qmp_domain_get_block_info, .job = JOB_QUERY},
    [PROC_DOMAIN_INTERFACE_STATS] = {qmp_domain_interface_stats, .active = true},
    [PROC_DOMAIN_MEMORY_STATS] = {qmp_domain_memory_stats, .job = JOB_QUERY, .active = true},
    [PROC_DOMAIN_GET_VCPUS] = {qmp_domain_get_vcpus, .job = JOB_QUERY},
    [PROC_DOMAIN_GET_VCPU_PIN_INFO] = {qmp_domain_get_pin_info, .flags = 3},
    [PROC_DOMAIN_GET_EMULATOR_PIN_INFO] = {qmp_domain_get_pin_info, .flags = 3},
    [PROC_DOMAIN_GET_CPU_STATS] = {qmp_domain_get_cpu_stats, .flags = 4, .active = true},
    [PROC_DOMAIN_GET_TIME] = {qmp_domain_time, .active = true},
    [PROC_DOMAIN_SET_TIME] = {qmp_domain_time, .flags = 1, .active = true},
    [PROC_DOMAIN_GET_CONTROL_INFO] = {qmp_domain_get_control_info, .active = true},
    [PROC_DOMAIN_GET_DISK_ERRORS] = {qmp_domain_get_disk_errors, .job = JOB_QUERY, .active = true},
    [PROC_DOMAIN_GET_MESSAGES] = {qmp_domain_get_messages, .flags = 3},
    [PROC_DOMAIN_GET_MAX_VCPUS] = {domain_get_max_vcpus},
    [PROC_DOMAIN_GET_VCPUS_FLAGS] = {domain_get_vcpus_flags, .flags = 7, .refused_flags = 8},
    [PROC_DOMAIN_HAS_MANAGED_SAVE_IMAGE] = {domain_has_managed_save_image},

    [PROC_DOMAIN_GET_INFO] = {domain_get_info},
    [PROC_DOMAIN_GET_OS_TYPE] = {domain_get_os_type},
};
