/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a connection's host tells of itself. */
#include "manage/lib/internal.h"

#include <string.h>
#include <viv/connection.h>
#include <viv/host.h>

VIV_PUBLIC char *viv_hostname(struct viv_connection *connection, struct viv_error **ret_error)
{
    return lib_connection_ask_text(connection, PROC_CONNECT_GET_HOSTNAME, NULL, ret_error);
}

VIV_PUBLIC char *viv_type(struct viv_connection *connection, struct viv_error **ret_error)
{
    return lib_connection_ask_text(connection, PROC_CONNECT_GET_TYPE, NULL, ret_error);
}

VIV_PUBLIC char *viv_capabilities(struct viv_connection *connection, struct viv_error **ret_error)
{
    return lib_connection_ask_text(connection, PROC_CONNECT_GET_CAPABILITIES, NULL, ret_error);
}

VIV_PUBLIC char *viv_domain_capabilities(struct viv_connection *connection, const char *emulator,
                                         const char *arch, const char *machine, const char *type,
                                         unsigned flags, struct viv_error **ret_error)
{
    return lib_connection_ask_text(
        connection, PROC_CONNECT_GET_DOMAIN_CAPABILITIES,
        g_variant_new("(msmsmsmsu)", emulator, arch, machine, type, flags), ret_error);
}

VIV_PUBLIC char *viv_sysinfo(struct viv_connection *connection, unsigned flags,
                             struct viv_error **ret_error)
{
    return lib_connection_ask_text(connection, PROC_CONNECT_GET_SYSINFO,
                                   g_variant_new("(u)", flags), ret_error);
}

static int ask_u64(struct viv_connection *connection, enum proc_id id, uint64_t *ret_value,
                   struct viv_error **ret_error)
{
    g_autoptr(GVariant) reply = lib_connection_ask(connection, id, NULL, ret_error);
    guint64 value;

    if (reply == NULL) {
        return -1;
    }
    g_variant_get(reply, "(t)", &value);
    *ret_value = value;
    return 0;
}

VIV_PUBLIC int viv_version(struct viv_connection *connection, uint64_t *ret_version,
                           struct viv_error **ret_error)
{
    return ask_u64(connection, PROC_CONNECT_GET_VERSION, ret_version, ret_error);
}

VIV_PUBLIC int viv_library_version(struct viv_connection *connection, uint64_t *ret_version,
                                   struct viv_error **ret_error)
{
    return ask_u64(connection, PROC_CONNECT_GET_LIB_VERSION, ret_version, ret_error);
}

VIV_PUBLIC int viv_free_memory(struct viv_connection *connection, uint64_t *ret_bytes,
                               struct viv_error **ret_error)
{
    return ask_u64(connection, PROC_NODE_GET_FREE_MEMORY, ret_bytes, ret_error);
}

VIV_PUBLIC int viv_max_vcpus(struct viv_connection *connection, const char *type,
                             struct viv_error **ret_error)
{
    return lib_connection_ask_number(connection, PROC_CONNECT_GET_MAX_VCPUS,
                                     g_variant_new("(ms)", type), ret_error);
}

VIV_PUBLIC int viv_node_info(struct viv_connection *connection, struct viv_node_info *ret_info,
                             struct viv_error **ret_error)
{
    g_autoptr(GVariant) reply = lib_connection_ask(connection, PROC_NODE_GET_INFO, NULL, ret_error);
    g_autoptr(GVariant) model = NULL;
    gsize length;

    if (reply == NULL) {
        return -1;
    }
    struct viv_node_info info = {.model = ""};

    g_variant_get(reply, "(@aytiiiiii)", &model, &info.memory_kib, &info.cpus, &info.mhz,
                  &info.cells, &info.sockets, &info.cores, &info.threads);
    const char *text = g_variant_get_fixed_array(model, &length, 1);

    memcpy(info.model, text, MIN(length, sizeof(info.model) - 1));
    *ret_info = info;
    return 0;
}

VIV_PUBLIC int viv_host_cpus(struct viv_connection *connection, struct viv_cpu_map *ret_online,
                             unsigned *ret_n_online, struct viv_error **ret_error)
{
    g_autoptr(GVariant) reply = lib_connection_ask(
        connection, PROC_NODE_GET_CPU_MAP, g_variant_new("(iiu)", TRUE, TRUE, 0), ret_error);
    g_autoptr(GVariant) bytes = NULL;
    guint32 online;
    gint32 n;
    gsize length;

    if (reply == NULL) {
        return -1;
    }
    g_variant_get(reply, "(@ayui)", &bytes, &online, &n);
    const uint8_t *data = g_variant_get_fixed_array(bytes, &length, 1);

    memset(ret_online, 0, sizeof(*ret_online));
    memcpy(ret_online->bits, data, MIN(length, sizeof(ret_online->bits)));
    *ret_n_online = online;
    return n;
}

VIV_PUBLIC char **viv_cpu_models(struct viv_connection *connection, const char *arch,
                                 struct viv_error **ret_error)
{
    g_autoptr(GVariant) reply =
        lib_connection_ask(connection, PROC_CONNECT_GET_CPU_MODEL_NAMES,
                           g_variant_new("(siu)", arch, TRUE, 0), ret_error);
    char **names = NULL;

    if (reply != NULL) {
        g_variant_get_child(reply, 0, "^as", &names);
    }
    return names;
}

VIV_PUBLIC int viv_cell_free_memory(struct viv_connection *connection, unsigned cell,
                                    uint64_t *ret_bytes, struct viv_error **ret_error)
{
    g_autoptr(GVariant) reply =
        lib_connection_ask(connection, PROC_NODE_GET_CELLS_FREE_MEMORY,
                           g_variant_new("(ii)", (gint32)cell, 1), ret_error);

    if (reply == NULL) {
        return -1;
    }
    g_autoptr(GVariant) list = g_variant_get_child_value(reply, 0);

    *ret_bytes = 0;
    if (g_variant_n_children(list) > 0) {
        g_variant_get_child(list, 0, "t", ret_bytes);
    }
    return 0;
}

/* Asked for none first, it tells how many there are. */
static struct viv_host_stat *ask_stats(struct viv_connection *connection, enum proc_id id, int of,
                                       struct viv_error **ret_error)
{
    g_autoptr(GVariant) count =
        lib_connection_ask(connection, id, g_variant_new("(iiu)", of, 0, 0), ret_error);
    gint32 n;

    if (count == NULL) {
        return NULL;
    }
    g_variant_get_child(count, 1, "i", &n);
    g_autoptr(GVariant) reply =
        lib_connection_ask(connection, id, g_variant_new("(iiu)", of, n, 0), ret_error);

    if (reply == NULL) {
        return NULL;
    }
    g_autoptr(GVariant) list = g_variant_get_child_value(reply, 0);
    struct viv_host_stat *stats = g_new0(struct viv_host_stat, g_variant_n_children(list) + 1);

    for (gsize i = 0; i < g_variant_n_children(list); i++) {
        g_variant_get_child(list, i, "(st)", &stats[i].name, &stats[i].value);
    }
    return stats;
}

VIV_PUBLIC struct viv_host_stat *viv_host_cpu_stats(struct viv_connection *connection, int cpu,
                                                    struct viv_error **ret_error)
{
    return ask_stats(connection, PROC_NODE_GET_CPU_STATS, cpu, ret_error);
}

VIV_PUBLIC struct viv_host_stat *viv_host_memory_stats(struct viv_connection *connection, int cell,
                                                       struct viv_error **ret_error)
{
    return ask_stats(connection, PROC_NODE_GET_MEMORY_STATS, cell, ret_error);
}

VIV_PUBLIC void viv_host_stats_free(struct viv_host_stat *stats)
{
    for (struct viv_host_stat *s = stats; s != NULL && s->name != NULL; s++) {
        g_free(s->name);
    }
    g_free(stats);
}

VIV_PUBLIC int viv_host_sleep(struct viv_connection *connection, unsigned target, uint64_t seconds,
                              struct viv_error **ret_error)
{
    return lib_connection_do(connection, PROC_NODE_SUSPEND_FOR_DURATION,
                             g_variant_new("(utu)", target, (guint64)seconds, 0), ret_error);
}

VIV_PUBLIC char *viv_xml_from_native(struct viv_connection *connection, const char *format,
                                     const char *text, struct viv_error **ret_error)
{
    return lib_connection_ask_text(connection, PROC_CONNECT_DOMAIN_XML_FROM_NATIVE,
                                   g_variant_new("(ssu)", format, text, 0), ret_error);
}

VIV_PUBLIC char *viv_xml_to_native(struct viv_connection *connection, const char *format,
                                   const char *xml, struct viv_error **ret_error)
{
    return lib_connection_ask_text(connection, PROC_CONNECT_DOMAIN_XML_TO_NATIVE,
                                   g_variant_new("(ssu)", format, xml, 0), ret_error);
}
