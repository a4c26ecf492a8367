/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Statistics of domains that run nothing: made of the time of day, or fixed. */
#include "manage/conf/fault.h"
#include "manage/driver/test/internal.h"
#include "manage/driver/test/test-handlers.h"

#include <string.h>

#define GUEST_TIME 627319920 /* seconds; what the test driver's guests think it is */

struct xml *test_find_device(struct domain *domain, const char *kind, const char *child,
                             const char *attribute, const char *value)
{
    struct xml *devices = domain_def_devices(domain->def);

    for (struct xml *d = xml_find(devices, kind); d != NULL; d = xml_next(devices, kind, d)) {
        if (g_strcmp0(xml_get(xml_find(d, child), attribute), value) == 0) {
            return d;
        }
    }
    return NULL;
}

struct xml *test_find_disk(struct domain *domain, const char *path, GError **error)
{
    struct xml *disk = test_find_device(domain, "disk", "target", "dev", path);

    if (disk == NULL) {
        disk = test_find_device(domain, "disk", "source", "file", path);
    }
    if (disk == NULL) {
        fault_set(error, FAULT_INVALID_ARG, "invalid path: %s", path);
    }
    return disk;
}

static struct xml *find_interface(struct domain *domain, const char *device, GError **error)
{
    struct xml *found = test_find_device(domain, "interface", "target", "dev", device);

    if (found == NULL) {
        found = test_find_device(domain, "interface", "mac", "address", device);
    }
    if (found == NULL) {
        fault_set(error, FAULT_INVALID_ARG, "'%s' is not a known interface", device);
    }
    return found;
}

bool test_domain_block_stats(struct call *call, GError **error)
{
    const char *path = call_string(call, 1);

    if (*path == '\0') {
        return fault_set(error, FAULT_OPERATION_UNSUPPORTED,
                         "summary statistics are not supported yet");
    }
    if (test_find_disk(call->domain, path, error) == NULL) {
        return false;
    }
    gint64 us = g_get_real_time();

    return call_reply(call, "(xxxxx)", us / 10, us / 20, us / 30, us / 40, us / G_USEC_PER_SEC / 2);
}

bool test_domain_interface_stats(struct call *call, GError **error)
{
    if (find_interface(call->domain, call_string(call, 1), error) == NULL) {
        return false;
    }
    gint64 us = g_get_real_time(), s = us / G_USEC_PER_SEC;

    return call_reply(call, "(xxxxxxxx)", us / 10, us / 100, s, s / 2, us / 20, us / 110, s / 3,
                      s / 4);
}

/* Tags are libvirt's numbers. */
bool test_domain_memory_stats(struct call *call, GError **error)
{
    guint64 current = domain_def_current_memory(call->domain->def);
    const struct {
        int tag;
        guint64 value;
    } rows[] = {{0, 0},
                {1, 0},
                {2, 0},
                {3, 0},
                {4, current / 2},
                {5, current},
                {6, current},
                {7, current / 2},
                {8, current / 2},
                {9, GUEST_TIME},
                {10, current / 8},
                {11, 0},
                {12, 0}};
    static const int order[] = {6, 0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 7};
    g_auto(GVariantBuilder) list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(it)"));
    guint32 room = call_u32(call, 1);

    for (unsigned i = 0; i < G_N_ELEMENTS(order) && i < room; i++) {
        g_variant_builder_add(&list, "(it)", rows[order[i]].tag, rows[order[i]].value);
    }
    return call_reply(call, "(a(it))", &list);
}

bool test_domain_get_hostname(struct call *call, GError **error)
{
    g_autofree char *name = g_strdup_printf("%shost", call->object->name);

    return call_reply_string(call, name);
}

/* Its CPU time goes on even when it is shut off, as in libvirt. */
bool test_domain_get_info(struct call *call, GError **error)
{
    const struct domain_def *def = call->domain->def;

    return call_reply(call, "(yttut)", call->domain->state, domain_def_memory(def),
                      domain_def_current_memory(def), domain_def_vcpus(def),
                      (guint64)g_get_real_time() * 1000);
}

bool test_domain_get_os_type(struct call *call, GError **error)
{
    return call_reply_string(call, "linux");
}

bool test_domain_get_time(struct call *call, GError **error)
{
    return call_reply(call, "(xu)", (gint64)GUEST_TIME, 0);
}

bool test_domain_nothing(struct call *call, GError **error)
{
    return true;
}

bool test_domain_get_fsinfo(struct call *call, GError **error)
{
    struct xml *disk = xml_find(domain_def_devices(call->domain->def), "disk");
    const char *name = xml_get(xml_find(disk, "target"), "dev");
    g_auto(GVariantBuilder) list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(sssas)"));
    const char *names[] = {name, NULL};

    if (name == NULL) {
        return call_reply(call, "(a(sssas)u)", &list, 0);
    }
    g_variant_builder_add(&list, "(sss^as)", "/", "vda1", "ext4", names);
    g_variant_builder_add(&list, "(sss^as)", "/boot", "vda2", "ext4", names);
    return call_reply(call, "(a(sssas)u)", &list, 2);
}

bool test_domain_get_disk_errors(struct call *call, GError **error)
{
    g_auto(GVariantBuilder) list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(si)"));
    struct xml *devices = domain_def_devices(call->domain->def);
    guint32 room = call_u32(call, 1);
    int n = 0;

    for (struct xml *d = xml_find(devices, "disk"); d != NULL; d = xml_next(devices, "disk", d)) {
        if ((guint32)n < room) {
            g_variant_builder_add(&list, "(si)", xml_get(xml_find(d, "target"), "dev"), n % 2 + 1);
        }
        n++;
    }
    return call_reply(call, "(a(si)i)", &list, room == 0 ? n : MIN(n, (int)room));
}

bool test_domain_get_control_info(struct call *call, GError **error)
{
    return call_reply(call, "(uut)", 0, 0, (guint64)0);
}

bool test_domain_get_block_info(struct call *call, GError **error)
{
    const guint64 tib = G_GUINT64_CONSTANT(1) << 40;
    const guint64 capacity = G_GUINT64_CONSTANT(1099506450432);

    if (test_find_disk(call->domain, call_string(call, 1), NULL) == NULL) {
        return fault_set(error, FAULT_INVALID_ARG, "invalid path %s not assigned to domain",
                         call_string(call, 1));
    }
    return call_reply(call, "(ttt)", tib, capacity, tib);
}

/* Per CPU, two parameters; for all together (start_cpu -1) three. */
bool test_domain_get_cpu_stats(struct call *call, GError **error)
{
    g_auto(GVariantBuilder) list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(sv)"));
    guint32 per_cpu = call_u32(call, 1), cpus = call_u32(call, 3);
    int start = call_i32(call, 2);
    const guint64 cpu = 24386308517, vcpu = 23151740627;

    if (start == -1) {
        if (per_cpu == 0) {
            return call_reply(call, "(a(sv)i)", &list, 3);
        }
        g_variant_builder_add_value(&list,
                                    call_pack_param("cpu_time", g_variant_new_uint64(2 * cpu + 1)));
        g_variant_builder_add_value(&list,
                                    call_pack_param("user_time", g_variant_new_uint64(5540000000)));
        g_variant_builder_add_value(
            &list, call_pack_param("system_time", g_variant_new_uint64(6460000000)));
        return call_reply(call, "(a(sv)i)", &list, 3);
    }
    int total = domain_def_vcpus(call->domain->def);

    if (per_cpu == 0) {
        return call_reply(call, "(a(sv)i)", &list, cpus == 0 ? total : 2);
    }
    for (int i = start; i < total && i - start < (int)cpus; i++) {
        g_variant_builder_add_value(&list,
                                    call_pack_param("cpu_time", g_variant_new_uint64(cpu + i)));
        g_variant_builder_add_value(&list,
                                    call_pack_param("vcpu_time", g_variant_new_uint64(vcpu + i)));
    }
    return call_reply(call, "(a(sv)i)", &list, 2);
}

bool test_domain_interface_addresses(struct call *call, GError **error)
{
    g_auto(GVariantBuilder) list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(smsa(isu))"));
    struct xml *devices = domain_def_devices(call->domain->def);
    int n = 3;

    for (struct xml *d = xml_find(devices, "interface"); d != NULL;
         d = xml_next(devices, "interface", d)) {
        const char *dev = xml_get(xml_find(d, "target"), "dev");
        const char *mac = xml_get(xml_find(d, "mac"), "address");
        g_auto(GVariantBuilder) addresses = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(isu)"));
        g_autofree char *ip = g_strdup_printf("192.168.122.%d", n++);

        g_variant_builder_add(&addresses, "(isu)", 0, ip, 24);
        g_variant_builder_add(&list, "(smsa(isu))", dev != NULL ? dev : "", mac, &addresses);
    }
    return call_reply(call, "(a(smsa(isu)))", &list);
}

#define STATS_STATE 1u /* the one group of statistics that this driver has */
/* Flags beside those that choose domains. */
#define STATS_ENFORCE (1u << 31)
#define STATS_FILTERS 0xffu

/* Is the domain among those the call names; all when it names none. */
static bool is_named(GVariant *names, const struct domain *domain)
{
    gsize n = g_variant_n_children(names);

    for (gsize i = 0; i < n; i++) {
        g_autoptr(GVariant) dom = g_variant_get_child_value(names, i);
        g_autoptr(GVariant) uuid = g_variant_get_child_value(dom, 1);
        gsize length;

        if (memcmp(g_variant_get_fixed_array(uuid, &length, 1), domain->object.uuid, UUID_BYTES) ==
            0) {
            return true;
        }
    }
    return n == 0;
}

static void add_stats(GVariantBuilder *list, struct domain *domain, uint32_t stats)
{
    g_auto(GVariantBuilder) params = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(sv)"));

    if (stats == 0 || (stats & STATS_STATE) != 0) {
        g_variant_builder_add_value(
            &params, call_pack_param("state.state", g_variant_new_int32(domain->state)));
        g_variant_builder_add_value(
            &params, call_pack_param("state.reason", g_variant_new_int32(domain->reason)));
    }
    g_variant_builder_add(list, "(@(sayi)a(sv))", call_pack_domain(domain), &params);
}

bool test_get_all_domain_stats(struct call *call, GError **error)
{
    g_autoptr(GPtrArray) all = objects_all(call->host->objects[OBJECT_DOMAIN]);
    g_auto(GVariantBuilder) list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a((sayi)a(sv))"));
    g_autoptr(GVariant) names = g_variant_get_child_value(call->args, 0);
    uint32_t stats = call_u32(call, 1);

    if ((call->flags & STATS_ENFORCE) != 0 && (stats & ~STATS_STATE) != 0) {
        return fault_set(error, FAULT_ARGUMENT_UNSUPPORTED,
                         "Stats types bits 0x%x are not supported by this daemon",
                         stats & ~STATS_STATE);
    }
    for (unsigned i = 0; i < all->len; i++) {
        struct domain *domain = all->pdata[i];

        object_lock(&domain->object);
        if (!domain->object.gone && is_named(names, domain) &&
            domain_matches(domain, call->flags & STATS_FILTERS)) {
            add_stats(&list, domain, stats);
        }
        object_unlock(&domain->object);
    }
    return call_reply(call, "(a((sayi)a(sv)))", &list);
}
