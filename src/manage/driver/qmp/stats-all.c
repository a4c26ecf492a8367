/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What domstats shows, group by group, under libvirt's names. */
#include "manage/conf/fault.h"
#include "manage/driver/qmp/device/tap.h"
#include "manage/driver/qmp/internal.h"
#include "manage/driver/qmp/source.h"
#include "manage/driver/qmp/stats.h"

#include <sys/stat.h>

/* Groups: libvirt's mask. */
enum {
    GROUP_STATE = 1 << 0,
    GROUP_CPU = 1 << 1,
    GROUP_BALLOON = 1 << 2,
    GROUP_VCPU = 1 << 3,
    GROUP_INTERFACE = 1 << 4,
    GROUP_BLOCK = 1 << 5,
};

struct sink {
    GVariantBuilder *params;
    const char *prefix; /* "block.0." */
};

static void put(struct sink *sink, const char *name, GVariant *value)
{
    g_autofree char *full = g_strconcat(sink->prefix, name, NULL);

    g_variant_builder_add_value(sink->params, call_pack_param(full, value));
}

static void put_u64(struct sink *sink, const char *name, uint64_t value)
{
    put(sink, name, g_variant_new_uint64(value));
}

static bool add_state(struct domain *domain, struct sink *sink, GError **error)
{
    put(sink, "state", g_variant_new_int32((int)domain->state));
    put(sink, "reason", g_variant_new_int32(domain->reason));
    return true;
}

static bool add_cpu(struct domain *domain, struct sink *sink, GError **error)
{
    struct qmp_run *run = qmp_run_of(domain);
    struct thread_stats stats;

    if (run != NULL && stats_thread(run->pid, run->pid, &stats)) {
        put_u64(sink, "time", stats.user_ns + stats.system_ns);
        put_u64(sink, "user", stats.user_ns);
        put_u64(sink, "system", stats.system_ns);
        put(sink, "cache.monitor.count", g_variant_new_uint32(0));
    }
    return true;
}

static bool add_balloon(struct domain *domain, struct sink *sink, GError **error)
{
    static const char *const names[13] = {
        [0] = "swap_in",         [1] = "swap_out",     [2] = "major_fault",
        [3] = "minor_fault",     [4] = "unused",       [5] = "available",
        [8] = "usable",          [10] = "disk_caches", [11] = "hugetlb_pgalloc",
        [12] = "hugetlb_pgfail",
    };
    struct balloon_stats stats;

    if (!domain_is_active(domain)) {
        put_u64(sink, "current", domain_def_current_memory(domain->def));
        put_u64(sink, "maximum", domain_def_memory(domain->def));
        return true;
    }
    if (!stats_balloon(domain, &stats, error)) {
        return false;
    }
    put_u64(sink, "current", stats.actual);
    put_u64(sink, "maximum", domain_def_memory(domain->def));
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (names[i] != NULL && stats.guest[i] >= 0) {
            put_u64(sink, names[i], (uint64_t)stats.guest[i]);
        }
    }
    put_u64(sink, "last-update", stats.last_update);
    put_u64(sink, "rss", stats_rss(qmp_run_of(domain)->pid));
    return true;
}

static bool add_vcpus(struct domain *domain, struct sink *sink, GError **error)
{
    unsigned n = domain_def_vcpus(domain->def);
    g_autoptr(GArray) threads = NULL;

    put(sink, "current", g_variant_new_uint32(n));
    put(sink, "maximum", g_variant_new_uint32(domain_def_max_vcpus(domain->def)));
    if (!domain_is_active(domain)) {
        return true;
    }
    threads = stats_vcpus(domain, error);
    for (unsigned i = 0; threads != NULL && i < threads->len; i++) {
        g_autofree char *prefix = g_strdup_printf("%s%u.", sink->prefix, i);
        struct sink own = {sink->params, prefix};
        struct thread_stats stats;
        struct qmp_run *run = qmp_run_of(domain);

        if (stats_thread(run->pid, g_array_index(threads, int, i), &stats)) {
            put(&own, "state", g_variant_new_int32(1));
            put_u64(&own, "time", stats.user_ns + stats.system_ns);
            put_u64(&own, "wait", 0);
            put_u64(&own, "delay", stats.delay_ns);
        }
    }
    return threads != NULL;
}

static void add_tap(struct sink *sink, const char *device)
{
    static const char *const names[TAP_COUNTERS] = {"rx.bytes", "rx.pkts", "rx.errs", "rx.drop",
                                                    "tx.bytes", "tx.pkts", "tx.errs", "tx.drop"};
    uint64_t values[TAP_COUNTERS];

    put(sink, "name", g_variant_new_string(device));
    for (unsigned i = 0; tap_counters(device, values) && i < TAP_COUNTERS; i++) {
        put_u64(sink, names[i], values[i]);
    }
}

/* Networks in user space have no device whose counters could be read. */
static bool add_interfaces(struct domain *domain, struct sink *sink, GError **error)
{
    struct xml *devices = domain_def_devices(domain->def);
    unsigned n = 0;

    if (!domain_is_active(domain)) {
        return true;
    }
    for (struct xml *d = xml_find(devices, "interface"); d != NULL;
         d = xml_next(devices, "interface", d)) {
        n++;
    }
    put(sink, "count", g_variant_new_uint32(n));
    n = 0;
    for (struct xml *d = xml_find(devices, "interface"); d != NULL;
         d = xml_next(devices, "interface", d), n++) {
        const char *device = xml_get(xml_find(d, "target"), "dev");
        g_autofree char *prefix = g_strdup_printf("%s%u.", sink->prefix, n);
        struct sink own = {sink->params, prefix};

        if (device != NULL) {
            add_tap(&own, device);
        }
    }
    return true;
}

static void add_counters(struct sink *sink, const struct block_stats *stats)
{
    static const char *const names[BLOCK_COUNTERS] = {"rd.reqs", "rd.bytes", "rd.times",
                                                      "wr.reqs", "wr.bytes", "wr.times",
                                                      "fl.reqs", "fl.times"};

    for (unsigned i = 0; i < BLOCK_COUNTERS; i++) {
        put_u64(sink, names[i], (uint64_t)stats->counter[i]);
    }
}

/* Without figures of an emulator, those of the image's file. */
static void add_sizes(struct sink *sink, const struct xml *disk, const struct block_stats *stats)
{
    struct stat st;
    uint64_t capacity, blocks;

    if (stat(stats_disk_path(disk), &st) != 0) {
        return;
    }
    blocks = (uint64_t)st.st_blocks * 512;
    if (stats != NULL) {
        put_u64(sink, "allocation", stats->highest);
        put_u64(sink, "capacity", stats->capacity);
        put_u64(sink, "physical", blocks);
    } else if (stats_capacity(disk, &capacity, NULL)) {
        put_u64(sink, "allocation", blocks);
        put_u64(sink, "capacity", capacity);
        put_u64(sink, "physical", (uint64_t)st.st_size);
    }
}

static void add_block(struct sink *sink, const struct xml *disk, const struct block_stats *stats)
{
    const char *path = stats_disk_path(disk);

    put(sink, "name", g_variant_new_string(xml_get(xml_find(disk, "target"), "dev")));
    if (path != NULL) {
        put(sink, "path", g_variant_new_string(path));
    }
    if (stats != NULL && stats->index > 0) {
        put(sink, "backingIndex", g_variant_new_uint32(stats->index));
    }
    if (stats != NULL) {
        add_counters(sink, stats);
    }
    if (path != NULL) {
        add_sizes(sink, disk, stats);
    }
}

static bool add_blocks(struct domain *domain, struct sink *sink, GError **error)
{
    g_autoptr(xml_own) own_root = NULL;
    const struct xml *devices;
    json_object *stats = NULL, *blocks = NULL;
    unsigned n = 0;

    if (domain_is_active(domain) && source_any_volume(domain->def->root)) {
        own_root = source_translated(domain, domain->def->root, NULL);
    }
    if (domain_is_active(domain) && !stats_ask_blocks(domain, &stats, &blocks, error)) {
        return false;
    }
    devices = own_root != NULL ? xml_find(own_root, "devices") : domain_def_devices(domain->def);
    for (struct xml *d = xml_find(devices, "disk"); d != NULL; d = xml_next(devices, "disk", d)) {
        n++;
    }
    put(sink, "count", g_variant_new_uint32(n));
    n = 0;
    for (struct xml *d = xml_find(devices, "disk"); d != NULL; d = xml_next(devices, "disk", d)) {
        g_autofree char *prefix = g_strdup_printf("%s%u.", sink->prefix, n++);
        struct sink own = {sink->params, prefix};
        struct block_stats figures;

        add_block(&own, d, stats_block(stats, blocks, d, &figures) ? &figures : NULL);
    }
    json_object_put(stats);
    json_object_put(blocks);
    return true;
}

/* In libvirt's order. What cannot be had of a domain is left out, as libvirt does. */
static const struct {
    unsigned group;
    bool asks; /* the emulator */
    const char *prefix;
    bool (*add)(struct domain *domain, struct sink *sink, GError **error);
} groups[] = {
    {GROUP_STATE, false, "state.", add_state},        {GROUP_CPU, false, "cpu.", add_cpu},
    {GROUP_BALLOON, true, "balloon.", add_balloon},   {GROUP_VCPU, true, "vcpu.", add_vcpus},
    {GROUP_INTERFACE, false, "net.", add_interfaces}, {GROUP_BLOCK, true, "block.", add_blocks},
};

static bool all(struct domain *domain, unsigned stats, bool job, GVariantBuilder *params,
                GError **error)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(groups); i++) {
        struct sink sink = {params, groups[i].prefix};

        if ((stats & groups[i].group) == 0 ||
            (groups[i].asks && domain_is_active(domain) && !job)) {
            continue;
        }
        /* A machine that ends meanwhile has no such figures: no reason to refuse the others'. */
        (void)groups[i].add(domain, &sink, NULL);
    }
    return true;
}

static bool cpu_time(struct domain *domain, uint64_t *ret_ns, GError **error)
{
    struct qmp_run *run = qmp_run_of(domain);
    struct thread_stats stats;

    if (run == NULL || !stats_thread(run->pid, run->pid, &stats)) {
        return fault_set(error, FAULT_OPERATION_FAILED, "cannot read cputime for domain");
    }
    *ret_ns = stats.user_ns + stats.system_ns;
    return true;
}

const struct driver_stats qmp_stats = {.cpu_time = cpu_time, .all = all};
