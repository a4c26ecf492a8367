/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which procedures the QMP driver has, and the flags each takes: those of libvirt 9.0's QEMU. */
#include "manage/core/handlers.h"
#include "manage/driver/qmp/internal.h"

#define REGISTER(NAME)                                                            \
    [PROC_CONNECT_##NAME##_EVENT_REGISTER_ANY] = {connect_object_event_register}, \
    [PROC_CONNECT_##NAME##_EVENT_DEREGISTER_ANY] = {connect_object_event_deregister}

const struct driver_proc qmp_procs[PROC_COUNT] = {
    [PROC_CONNECT_GET_TYPE] = {connect_get_type},
    [PROC_CONNECT_GET_VERSION] = {qmp_get_version},
    [PROC_CONNECT_GET_LIB_VERSION] = {connect_get_lib_version},
    [PROC_CONNECT_GET_HOSTNAME] = {connect_get_hostname},
    [PROC_CONNECT_GET_URI] = {connect_get_uri},
    [PROC_CONNECT_IS_SECURE] = {connect_is_secure},
    [PROC_CONNECT_REGISTER_CLOSE_CALLBACK] = {connect_nothing},
    [PROC_CONNECT_UNREGISTER_CLOSE_CALLBACK] = {connect_nothing},
    [PROC_CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY] = {connect_domain_event_register},
    [PROC_CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY] = {connect_domain_event_deregister},
    REGISTER(NETWORK),
    REGISTER(STORAGE_POOL),
    REGISTER(NODE_DEVICE),

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

    [PROC_CONNECT_LIST_ALL_DOMAINS] = {domain_list_all, .flags = 0xffff},
    [PROC_CONNECT_LIST_DOMAINS] = {domain_list_ids},
    [PROC_CONNECT_LIST_DEFINED_DOMAINS] = {domain_list_defined},
    [PROC_CONNECT_NUM_OF_DOMAINS] = {domain_count},
    [PROC_CONNECT_NUM_OF_DEFINED_DOMAINS] = {domain_count_defined},
    [PROC_DOMAIN_LOOKUP_BY_ID] = {domain_lookup_by_id},
    [PROC_DOMAIN_LOOKUP_BY_NAME] = {domain_lookup_by_name},
    [PROC_DOMAIN_LOOKUP_BY_UUID] = {domain_lookup_by_uuid},

    [PROC_DOMAIN_CREATE] = {domain_create, .job = JOB_MODIFY},
    [PROC_DOMAIN_CREATE_WITH_FLAGS] = {domain_create, .flags = 1, .job = JOB_MODIFY},
    [PROC_DOMAIN_CREATE_XML] = {domain_create_xml, .flags = 1},
    [PROC_DOMAIN_DEFINE_XML] = {domain_define_xml},
    [PROC_DOMAIN_DEFINE_XML_FLAGS] = {domain_define_xml, .flags = 1 << 0},
    [PROC_DOMAIN_UNDEFINE] = {domain_undefine, .job = JOB_DESTROY},
    [PROC_DOMAIN_UNDEFINE_FLAGS] = {domain_undefine, .flags = 0x1f, .job = JOB_DESTROY},
    [PROC_DOMAIN_DESTROY] = {domain_destroy, .job = JOB_DESTROY},
    [PROC_DOMAIN_DESTROY_FLAGS] = {domain_destroy, .flags = 1, .job = JOB_DESTROY},
    [PROC_DOMAIN_SHUTDOWN] = {domain_shutdown, .job = JOB_MODIFY},
    [PROC_DOMAIN_SHUTDOWN_FLAGS] = {domain_shutdown, .flags = 1, .job = JOB_MODIFY},
    [PROC_DOMAIN_REBOOT] = {domain_reboot, .flags = 1, .job = JOB_MODIFY, .active = true},
    [PROC_DOMAIN_RESET] = {domain_reset, .job = JOB_MODIFY, .active = true},
    [PROC_DOMAIN_SUSPEND] = {domain_suspend, .job = JOB_MODIFY},
    [PROC_DOMAIN_RESUME] = {domain_resume, .job = JOB_MODIFY},

    [PROC_DOMAIN_OPEN_CONSOLE] = {domain_open_console, .flags = 3, .active = true},

    [PROC_DOMAIN_GET_XML_DESC] = {domain_get_xml_desc, .flags = 0xf, .refused_flags = 1},
    [PROC_DOMAIN_GET_INFO] = {domain_get_info},
    [PROC_DOMAIN_GET_STATE] = {domain_get_state},
    [PROC_DOMAIN_GET_OS_TYPE] = {domain_get_os_type},
    [PROC_DOMAIN_GET_MAX_MEMORY] = {domain_get_max_memory},
    [PROC_DOMAIN_GET_AUTOSTART] = {domain_get_autostart},
    [PROC_DOMAIN_SET_AUTOSTART] = {domain_set_autostart},
    [PROC_DOMAIN_IS_ACTIVE] = {domain_is_active_call},
    [PROC_DOMAIN_IS_PERSISTENT] = {domain_is_persistent},
    [PROC_DOMAIN_IS_UPDATED] = {domain_is_updated},
};
