/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rows of a driver's table of procedures that are the same in every driver. */
#ifndef VIV_MANAGE_CORE_COMMON_ROWS_H
#define VIV_MANAGE_CORE_COMMON_ROWS_H

#include "manage/core/handlers.h"
#include "manage/proc/proc.h"

/* A kind of object whose events a client asks for. */
#define COMMON_REGISTER(NAME)                                                     \
    [PROC_CONNECT_##NAME##_EVENT_REGISTER_ANY] = {connect_object_event_register}, \
    [PROC_CONNECT_##NAME##_EVENT_DEREGISTER_ANY] = {connect_object_event_deregister}

/* The connection itself: initialisers of a struct driver_proc [PROC_COUNT]. */
#define COMMON_CONNECT_ROWS                                                                     \
    [PROC_CONNECT_GET_TYPE] = {connect_get_type},                                               \
    [PROC_CONNECT_GET_LIB_VERSION] = {connect_get_lib_version},                                 \
    [PROC_CONNECT_GET_HOSTNAME] = {connect_get_hostname},                                       \
    [PROC_CONNECT_GET_URI] = {connect_get_uri}, [PROC_CONNECT_IS_SECURE] = {connect_is_secure}, \
    [PROC_CONNECT_REGISTER_CLOSE_CALLBACK] = {connect_nothing},                                 \
    [PROC_CONNECT_UNREGISTER_CLOSE_CALLBACK] = {connect_nothing},                               \
    [PROC_CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY] = {connect_domain_event_register},        \
    [PROC_CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY] = {connect_domain_event_deregister},    \
    COMMON_REGISTER(NETWORK), COMMON_REGISTER(STORAGE_POOL), COMMON_REGISTER(NODE_DEVICE)

/* Domains: list, find, their life and what they say of themselves. */
#define COMMON_DOMAIN_ROWS                                                          \
    [PROC_CONNECT_LIST_ALL_DOMAINS] = {domain_list_all, .flags = 0xffff},           \
    [PROC_CONNECT_LIST_DOMAINS] = {domain_list_ids},                                \
    [PROC_CONNECT_LIST_DEFINED_DOMAINS] = {domain_list_defined},                    \
    [PROC_CONNECT_NUM_OF_DOMAINS] = {domain_count},                                 \
    [PROC_CONNECT_NUM_OF_DEFINED_DOMAINS] = {domain_count_defined},                 \
    [PROC_DOMAIN_LOOKUP_BY_ID] = {domain_lookup_by_id},                             \
    [PROC_DOMAIN_LOOKUP_BY_NAME] = {domain_lookup_by_name},                         \
    [PROC_DOMAIN_LOOKUP_BY_UUID] = {domain_lookup_by_uuid},                         \
    [PROC_DOMAIN_CREATE] = {domain_create, .job = JOB_MODIFY},                      \
    [PROC_DOMAIN_DEFINE_XML] = {domain_define_xml},                                 \
    [PROC_DOMAIN_DEFINE_XML_FLAGS] = {domain_define_xml, .flags = 1 << 0},          \
    [PROC_DOMAIN_UNDEFINE] = {domain_undefine, .job = JOB_DESTROY},                 \
    [PROC_DOMAIN_DESTROY] = {domain_destroy, .job = JOB_DESTROY},                   \
    [PROC_DOMAIN_DESTROY_FLAGS] = {domain_destroy, .flags = 1, .job = JOB_DESTROY}, \
    [PROC_DOMAIN_SHUTDOWN] = {domain_shutdown, .job = JOB_MODIFY},                  \
    [PROC_DOMAIN_SUSPEND] = {domain_suspend, .job = JOB_MODIFY},                    \
    [PROC_DOMAIN_RESUME] = {domain_resume, .job = JOB_MODIFY},                      \
    [PROC_DOMAIN_GET_STATE] = {domain_get_state},                                   \
    [PROC_DOMAIN_GET_MAX_MEMORY] = {domain_get_max_memory},                         \
    [PROC_DOMAIN_GET_AUTOSTART] = {domain_get_autostart},                           \
    [PROC_DOMAIN_SET_AUTOSTART] = {domain_set_autostart},                           \
    [PROC_DOMAIN_IS_ACTIVE] = {domain_is_active_call},                              \
    [PROC_DOMAIN_IS_PERSISTENT] = {domain_is_persistent},                           \
    [PROC_DOMAIN_IS_UPDATED] = {domain_is_updated}

#endif
