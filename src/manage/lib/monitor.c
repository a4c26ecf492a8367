/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <viv/monitor.h>

#include "manage/lib/internal.h"
#include "manage/lib/params.h"

#define ALL 1024 /* memory statistics at most */

VIV_PUBLIC int viv_domain_block_info(struct viv_object *domain, const char *disk,
                                     struct viv_block_info *ret_info, struct viv_error **ret_error)
{
    enum proc_id id = PROC_DOMAIN_GET_BLOCK_INFO;
    g_autoptr(GVariant) reply =
        lib_domain_ask(domain, id, lib_pack(domain, id, &disk, 0, 0), ret_error);
    guint64 allocation, capacity, physical;

    if (reply == NULL) {
        return -1;
    }
    g_variant_get(reply, "(ttt)", &allocation, &capacity, &physical);
    *ret_info = (struct viv_block_info){capacity, allocation, physical};
    return 0;
}

VIV_PUBLIC struct viv_param *viv_domain_block_stats(struct viv_object *domain, const char *disk,
                                                    struct viv_error **ret_error)
{
    enum proc_id id = PROC_DOMAIN_BLOCK_STATS_FLAGS;
    g_autoptr(GVariant) count =
        lib_domain_ask(domain, id, lib_pack(domain, id, &disk, 0, 0), ret_error);
    gint32 n;

    if (count == NULL) {
        return NULL;
    }
    g_variant_get_child(count, 1, "i", &n);
    g_autoptr(GVariant) reply =
        lib_domain_ask(domain, id, lib_pack(domain, id, &disk, (unsigned)MAX(n, 1), 0), ret_error);

    if (reply == NULL) {
        return NULL;
    }
    g_autoptr(GVariant) list = g_variant_get_child_value(reply, 0);

    return params_unpack(list);
}

VIV_PUBLIC int viv_domain_block_counters(struct viv_object *domain, const char *disk,
                                         struct viv_block_counters *ret_counters,
                                         struct viv_error **ret_error)
{
    enum proc_id id = PROC_DOMAIN_BLOCK_STATS;
    g_autoptr(GVariant) reply =
        lib_domain_ask(domain, id, lib_pack(domain, id, &disk, 0, 0), ret_error);
    struct viv_block_counters c;

    if (reply == NULL) {
        return -1;
    }
    g_variant_get(reply, "(xxxxx)", &c.reads, &c.read_bytes, &c.writes, &c.written_bytes,
                  &c.errors);
    *ret_counters = c;
    return 0;
}

VIV_PUBLIC int viv_domain_interface_stats(struct viv_object *domain, const char *interface,
                                          struct viv_interface_stats *ret_stats,
                                          struct viv_error **ret_error)
{
    enum proc_id id = PROC_DOMAIN_INTERFACE_STATS;
    g_autoptr(GVariant) reply =
        lib_domain_ask(domain, id, lib_pack(domain, id, &interface, 0, 0), ret_error);
    struct viv_interface_stats stats;

    if (reply == NULL) {
        return -1;
    }
    g_variant_get(reply, "(xxxxxxxx)", &stats.rx_bytes, &stats.rx_packets, &stats.rx_errors,
                  &stats.rx_drops, &stats.tx_bytes, &stats.tx_packets, &stats.tx_errors,
                  &stats.tx_drops);
    *ret_stats = stats;
    return 0;
}

VIV_PUBLIC struct viv_memory_stat *viv_domain_memory_stats(struct viv_object *domain, size_t *ret_n,
                                                           struct viv_error **ret_error)
{
    enum proc_id id = PROC_DOMAIN_MEMORY_STATS;
    g_autoptr(GVariant) reply =
        lib_domain_ask(domain, id, lib_pack(domain, id, NULL, ALL, 0), ret_error);

    if (reply == NULL) {
        return NULL;
    }
    g_autoptr(GVariant) list = g_variant_get_child_value(reply, 0);
    struct viv_memory_stat *stats = g_new0(struct viv_memory_stat, g_variant_n_children(list) + 1);

    for (gsize i = 0; i < g_variant_n_children(list); i++) {
        g_variant_get_child(list, i, "(it)", &stats[i].tag, &stats[i].value);
    }
    *ret_n = g_variant_n_children(list);
    return stats;
}

VIV_PUBLIC int viv_domain_set_memory_period(struct viv_object *domain, int seconds, unsigned flags,
                                            struct viv_error **ret_error)
{
    return lib_domain_do(domain, PROC_DOMAIN_SET_MEMORY_STATS_PERIOD,
                         g_variant_new("(@*iu)", domain->wire, seconds, flags), ret_error);
}

VIV_PUBLIC struct viv_disk_error *viv_domain_disk_errors(struct viv_object *domain,
                                                         struct viv_error **ret_error)
{
    enum proc_id id = PROC_DOMAIN_GET_DISK_ERRORS;
    g_autoptr(GVariant) count =
        lib_domain_ask(domain, id, lib_pack(domain, id, NULL, 0, 0), ret_error);
    gint32 n;

    if (count == NULL) {
        return NULL;
    }
    g_variant_get_child(count, 1, "i", &n);
    g_autoptr(GVariant) reply =
        n > 0 ? lib_domain_ask(domain, id, lib_pack(domain, id, NULL, (unsigned)n, 0), ret_error)
              : g_variant_ref(count);

    if (reply == NULL) {
        return NULL;
    }
    g_autoptr(GVariant) list = g_variant_get_child_value(reply, 0);
    struct viv_disk_error *errors = g_new0(struct viv_disk_error, g_variant_n_children(list) + 1);

    for (gsize i = 0; i < g_variant_n_children(list); i++) {
        g_variant_get_child(list, i, "(si)", &errors[i].disk, &errors[i].error);
    }
    return errors;
}

VIV_PUBLIC void viv_disk_errors_free(struct viv_disk_error *errors)
{
    for (struct viv_disk_error *e = errors; e != NULL && e->disk != NULL; e++) {
        g_free(e->disk);
    }
    g_free(errors);
}

VIV_PUBLIC int viv_domain_control(struct viv_object *domain, int *ret_state, int *ret_details,
                                  unsigned *ret_ms, struct viv_error **ret_error)
{
    enum proc_id id = PROC_DOMAIN_GET_CONTROL_INFO;
    g_autoptr(GVariant) reply =
        lib_domain_ask(domain, id, lib_object_args(domain, id, 0), ret_error);
    guint32 state, details;
    guint64 ms;

    if (reply == NULL) {
        return -1;
    }
    g_variant_get(reply, "(uut)", &state, &details, &ms);
    *ret_state = (int)state;
    *ret_details = (int)details;
    *ret_ms = (unsigned)ms;
    return 0;
}

/* An interface of the reply: its addresses, or one row without. */
static void add_addresses(GArray *rows, GVariant *interface)
{
    g_autoptr(GVariant) list = NULL;
    const char *name, *mac;

    g_variant_get(interface, "(&sm&s@*)", &name, &mac, &list);
    gsize n = g_variant_n_children(list);

    for (gsize i = 0; i < MAX(n, 1); i++) {
        struct viv_address row = {g_strdup(name), g_strdup(mac), -1, NULL, 0};

        if (n > 0) {
            g_variant_get_child(list, i, "(isu)", &row.type, &row.address, &row.prefix);
        }
        g_array_append_val(rows, row);
    }
}

VIV_PUBLIC struct viv_address *viv_domain_addresses(struct viv_object *domain, unsigned source,
                                                    struct viv_error **ret_error)
{
    enum proc_id id = PROC_DOMAIN_INTERFACE_ADDRESSES;
    g_autoptr(GVariant) reply =
        lib_domain_ask(domain, id, lib_pack(domain, id, NULL, source, 0), ret_error);

    if (reply == NULL) {
        return NULL;
    }
    g_autoptr(GVariant) list = g_variant_get_child_value(reply, 0);
    GArray *rows = g_array_new(TRUE, TRUE, sizeof(struct viv_address));

    for (gsize i = 0; i < g_variant_n_children(list); i++) {
        g_autoptr(GVariant) interface = g_variant_get_child_value(list, i);

        add_addresses(rows, interface);
    }
    return (struct viv_address *)(void *)g_array_free(rows, FALSE);
}

VIV_PUBLIC void viv_addresses_free(struct viv_address *addresses)
{
    for (struct viv_address *a = addresses; a != NULL && a->interface != NULL; a++) {
        g_free(a->interface);
        g_free(a->mac);
        g_free(a->address);
    }
    g_free(addresses);
}

static GVariant *ask_cpu_stats(struct viv_object *domain, unsigned params, int start, unsigned cpus,
                               gint32 *ret_n, struct viv_error **ret_error)
{
    GVariant *reply =
        lib_domain_ask(domain, PROC_DOMAIN_GET_CPU_STATS,
                       g_variant_new("(@*uiuu)", domain->wire, params, start, cpus, 0), ret_error);

    if (reply != NULL) {
        g_variant_get_child(reply, 1, "i", ret_n);
    }
    return reply;
}

VIV_PUBLIC int viv_domain_cpu_stats_cpus(struct viv_object *domain, struct viv_error **ret_error)
{
    gint32 n = -1;
    g_autoptr(GVariant) reply = ask_cpu_stats(domain, 0, 0, 0, &n, ret_error);

    return reply ? n : -1;
}

VIV_PUBLIC struct viv_param **viv_domain_cpu_stats(struct viv_object *domain, int start,
                                                   unsigned cpus, struct viv_error **ret_error)
{
    const unsigned together = 128; /* libvirt's most of one call */
    GPtrArray *lists = g_ptr_array_new();
    gint32 n;
    g_autoptr(GVariant) count = ask_cpu_stats(domain, 0, start, 1, &n, ret_error);

    for (unsigned done = 0; count != NULL && n > 0 && done < cpus; done += together) {
        g_autoptr(GVariant) reply =
            ask_cpu_stats(domain, (unsigned)n, start < 0 ? start : start + (int)done,
                          MIN(cpus - done, together), &n, ret_error);

        if (reply == NULL || n <= 0) {
            g_ptr_array_add(lists, NULL);
            viv_param_lists_free((struct viv_param **)g_ptr_array_free(lists, FALSE));
            return NULL;
        }
        g_autoptr(GVariant) list = g_variant_get_child_value(reply, 0);
        struct viv_param *all = params_unpack(list);
        gsize total = g_variant_n_children(list);

        for (gsize at = 0; at < total; at += (gsize)n) {
            gsize here = MIN((gsize)n, total - at);
            struct viv_param *one = g_new0(struct viv_param, here + 1);

            for (gsize i = 0; i < here; i++) {
                one[i] = all[at + i];
            }
            g_ptr_array_add(lists, one);
        }
        g_free(all); /* what it held is in the lists */
    }
    g_ptr_array_add(lists, NULL);
    if (count == NULL) {
        g_ptr_array_free(lists, TRUE);
        return NULL;
    }
    return (struct viv_param **)g_ptr_array_free(lists, FALSE);
}

VIV_PUBLIC void viv_param_lists_free(struct viv_param **lists)
{
    for (struct viv_param **list = lists; list != NULL && *list != NULL; list++) {
        viv_params_free(*list);
    }
    g_free(lists);
}

VIV_PUBLIC struct viv_stats *viv_domain_stats(struct viv_connection *connection,
                                              struct viv_object **domains, unsigned stats,
                                              unsigned flags, struct viv_error **ret_error)
{
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE("a(sayi)"));
    for (struct viv_object **d = domains; d != NULL && *d != NULL; d++) {
        g_variant_builder_add_value(&builder, (*d)->wire);
    }
    g_autoptr(GVariant) reply =
        lib_connection_ask(connection, PROC_CONNECT_GET_ALL_DOMAIN_STATS,
                           g_variant_new("(a(sayi)uu)", &builder, stats, flags), ret_error);

    if (reply == NULL) {
        return NULL;
    }
    g_autoptr(GVariant) list = g_variant_get_child_value(reply, 0);
    gsize n = g_variant_n_children(list);
    struct viv_stats *rows = g_new0(struct viv_stats, n + 1);

    for (gsize i = 0; i < n; i++) {
        g_autoptr(GVariant) wire = NULL, params = NULL;

        g_variant_get_child(list, i, "(@*@*)", &wire, &params);
        rows[i].domain = lib_object_new(connection, VIV_DOMAIN, wire);
        rows[i].params = params_unpack(params);
    }
    return rows;
}

VIV_PUBLIC void viv_stats_free(struct viv_stats *stats)
{
    for (struct viv_stats *s = stats; s != NULL && s->domain != NULL; s++) {
        viv_object_free(s->domain);
        viv_params_free(s->params);
    }
    g_free(stats);
}

VIV_PUBLIC int viv_domain_job(struct viv_object *domain, unsigned flags, int *ret_type,
                              struct viv_param **ret_params, struct viv_error **ret_error)
{
    enum proc_id id = PROC_DOMAIN_GET_JOB_STATS;
    g_autoptr(GVariant) reply =
        lib_domain_ask(domain, id, lib_object_args(domain, id, flags), ret_error);
    g_autoptr(GVariant) list = NULL;

    if (reply == NULL) {
        return -1;
    }
    g_variant_get(reply, "(i@*)", ret_type, &list);
    *ret_params = params_unpack(list);
    return 0;
}

VIV_PUBLIC int viv_domain_abort_job(struct viv_object *domain, unsigned flags,
                                    struct viv_error **ret_error)
{
    enum proc_id id = flags != 0 ? PROC_DOMAIN_ABORT_JOB_FLAGS : PROC_DOMAIN_ABORT_JOB;

    return lib_object_do(domain, VIV_DOMAIN, id, flags, ret_error);
}

VIV_PUBLIC char **viv_domain_messages(struct viv_object *domain, unsigned flags,
                                      struct viv_error **ret_error)
{
    enum proc_id id = PROC_DOMAIN_GET_MESSAGES;
    g_autoptr(GVariant) reply =
        lib_domain_ask(domain, id, lib_object_args(domain, id, flags), ret_error);
    char **texts = NULL;

    if (reply != NULL) {
        g_variant_get_child(reply, 0, "^as", &texts);
    }
    return texts;
}

VIV_PUBLIC void viv_texts_free(char **texts)
{
    g_strfreev(texts);
}

VIV_PUBLIC int viv_domain_block_threshold(struct viv_object *domain, const char *disk,
                                          uint64_t bytes, struct viv_error **ret_error)
{
    return lib_domain_do(domain, PROC_DOMAIN_SET_BLOCK_THRESHOLD,
                         g_variant_new("(@*stu)", domain->wire, disk, (guint64)bytes, 0),
                         ret_error);
}

VIV_PUBLIC int viv_domain_start_dirty_rate(struct viv_object *domain, int seconds, unsigned flags,
                                           struct viv_error **ret_error)
{
    return lib_domain_do(domain, PROC_DOMAIN_START_DIRTY_RATE_CALC,
                         g_variant_new("(@*iu)", domain->wire, seconds, flags), ret_error);
}
