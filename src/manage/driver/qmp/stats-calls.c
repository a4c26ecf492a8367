/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Statistics of one domain: a handler for each of libvirt's calls. */
#include "manage/conf/fault.h"
#include "manage/core/driver.h"
#include "manage/driver/qmp/device/tap.h"
#include "manage/driver/qmp/internal.h"
#include "manage/driver/qmp/source.h"
#include "manage/driver/qmp/stats.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_MAPS 16384 /* vCPUs, and bytes of a map, that a client may ask for */

/* Counters of one disk, or with an empty path the sum of all. */
static bool read_blocks(struct call *call, const char *path, struct block_stats *ret,
                        GError **error)
{
    struct domain *domain = call->domain;
    json_object *stats = NULL, *blocks = NULL;
    unsigned found = 0;

    memset(ret, 0, sizeof(*ret));
    if (*path != '\0' && stats_find_disk(domain->def, path) == NULL) {
        return fault_set(error, FAULT_INVALID_ARG, "invalid path: %s", path);
    }
    if (!stats_ask_blocks(domain, &stats, &blocks, error)) {
        return false;
    }
    struct xml *devices = domain_def_devices(domain->def);
    struct xml *only = *path != '\0' ? stats_find_disk(domain->def, path) : NULL;

    for (struct xml *d = xml_find(devices, "disk"); d != NULL; d = xml_next(devices, "disk", d)) {
        struct block_stats one;

        if ((only == NULL || only == d) && stats_block(stats, blocks, d, &one)) {
            for (unsigned i = 0; i < BLOCK_COUNTERS; i++) {
                ret->counter[i] += one.counter[i];
            }
            ret->highest = one.highest;
            ret->capacity = one.capacity;
            found++;
        }
    }
    json_object_put(stats);
    json_object_put(blocks);
    return found > 0 ||
           fault_set(error, FAULT_INTERNAL_ERROR, "cannot find statistics for device '%s'", path);
}

bool qmp_domain_block_stats(struct call *call, GError **error)
{
    struct block_stats stats;

    return read_blocks(call, call_string(call, 1), &stats, error) &&
           call_reply(call, "(xxxxx)", stats.counter[BLOCK_RD_REQS], stats.counter[BLOCK_RD_BYTES],
                      stats.counter[BLOCK_WR_REQS], stats.counter[BLOCK_WR_BYTES], (gint64)-1);
}

bool qmp_domain_block_stats_flags(struct call *call, GError **error)
{
    static const struct {
        const char *name;
        unsigned counter;
    } rows[] = {
        {"wr_bytes", BLOCK_WR_BYTES},        {"wr_operations", BLOCK_WR_REQS},
        {"rd_bytes", BLOCK_RD_BYTES},        {"rd_operations", BLOCK_RD_REQS},
        {"flush_operations", BLOCK_FL_REQS}, {"wr_total_times", BLOCK_WR_TIMES},
        {"rd_total_times", BLOCK_RD_TIMES},  {"flush_total_times", BLOCK_FL_TIMES},
    };
    g_auto(GVariantBuilder) list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(sv)"));
    int room = call_i32(call, 2);
    struct block_stats stats;

    if (!read_blocks(call, call_string(call, 1), &stats, error)) {
        return false;
    }
    for (int i = 0; i < (int)G_N_ELEMENTS(rows) && i < room; i++) {
        g_variant_builder_add_value(
            &list,
            call_pack_param(rows[i].name, g_variant_new_int64(stats.counter[rows[i].counter])));
    }
    return call_reply(call, "(a(sv)i)", &list,
                      room == 0 ? (int)G_N_ELEMENTS(rows) : MIN(room, (int)G_N_ELEMENTS(rows)));
}

/* Of a copy of a disk that is a volume; a domain that changed meanwhile shows in what is asked of
 * it next. */
static bool translate(struct domain *domain, struct xml *disk, GError **error)
{
    if (!domain_is_active(domain)) {
        return fault_set(error, FAULT_INTERNAL_ERROR,
                         "missing storage backend for 'volume' storage");
    }
    object_unlock(&domain->object);
    bool good = source_translate(domain->object.host, disk, error);

    object_lock(&domain->object);
    return good;
}

bool qmp_domain_get_block_info(struct call *call, GError **error)
{
    const char *name = call_string(call, 1);
    const struct xml *found = stats_find_disk(call->domain->def, name);
    g_autoptr(xml_own) disk = found != NULL ? xml_copy(found) : NULL;
    struct block_stats stats = {0};
    const char *path;
    struct stat st;
    uint64_t blocks;

    if (disk == NULL) {
        return fault_set(error, FAULT_INVALID_ARG, "invalid path %s not assigned to domain", name);
    }
    if (xml_is(disk, "type", "volume") && !translate(call->domain, disk, error)) {
        return false;
    }
    path = stats_disk_path(disk);
    if (path == NULL) {
        return fault_set(error, FAULT_INVALID_ARG,
                         "disk '%s' does not currently have a source assigned", name);
    }
    if (stat(path, &st) != 0) {
        return fault_set_errno(error, errno, "cannot stat file '%s'", path);
    }
    if (domain_is_active(call->domain) ? !read_blocks(call, name, &stats, error)
                                       : !stats_capacity(disk, &stats.capacity, error)) {
        return false;
    }
    blocks = (uint64_t)st.st_blocks * 512;
    return call_reply(call, "(ttt)", S_ISBLK(st.st_mode) ? stats.highest : blocks, stats.capacity,
                      (guint64)st.st_size);
}

/* An interface in user space has no device on the host whose counters could be read. */
bool qmp_domain_interface_stats(struct call *call, GError **error)
{
    const char *name = call_string(call, 1);
    const struct xml *interface = tap_find(call->domain, name);
    const char *device = xml_get(xml_find(interface, "target"), "dev");
    uint64_t n[TAP_COUNTERS];

    if (device == NULL) {
        return fault_set(error, FAULT_INVALID_ARG, "'%s' is not a known interface", name);
    }
    if (!tap_counters(device, n)) {
        return fault_set(error, FAULT_INTERNAL_ERROR, "/proc/net/dev: Interface not found");
    }
    return call_reply(call, "(xxxxxxxx)", n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7]);
}

/* Tags are libvirt's numbers, in its order. */
bool qmp_domain_memory_stats(struct call *call, GError **error)
{
    enum { ACTUAL = 6, RSS = 7, LAST_UPDATE = 9 };
    static const int order[] = {ACTUAL, 0, 1, 2, 3, 4, 5, 8, LAST_UPDATE, 10, 11, 12, RSS};
    g_auto(GVariantBuilder) list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(it)"));
    guint32 room = call_u32(call, 1), n = 0;
    struct balloon_stats stats;

    if (!stats_balloon(call->domain, &stats, error)) {
        return false;
    }
    stats.guest[ACTUAL] = (int64_t)stats.actual;
    stats.guest[LAST_UPDATE] = (int64_t)stats.last_update;
    stats.guest[RSS] = (int64_t)stats_rss(qmp_run_of(call->domain)->pid);
    for (unsigned i = 0; i < G_N_ELEMENTS(order) && n < room; i++) {
        if (stats.guest[order[i]] >= 0) {
            g_variant_builder_add(&list, "(it)", order[i], (guint64)stats.guest[order[i]]);
            n++;
        }
    }
    return call_reply(call, "(a(it))", &list);
}

static bool check_maps(int n, int length, GError **error)
{
    return (n >= 0 && length >= 0 && n <= MAX_MAPS && length <= MAX_MAPS) ||
           fault_set(error, FAULT_INVALID_ARG, "maplen");
}

/* Where a thread may run (0: all of the host), in `length` bytes. */
static void put_map(int tid, uint8_t *map, int length)
{
    cpu_set_t set;
    long cpus = sysconf(_SC_NPROCESSORS_CONF);
    bool known = tid > 0 && sched_getaffinity(tid, sizeof(set), &set) == 0;

    for (long cpu = 0; cpu < MIN(cpus, (long)length * 8); cpu++) {
        if (!known || (cpu < CPU_SETSIZE && CPU_ISSET(cpu, &set))) {
            map[cpu / 8] |= (uint8_t)(1u << cpu % 8);
        }
    }
}

bool qmp_domain_get_vcpus(struct call *call, GError **error)
{
    int room = call_i32(call, 1), length = call_i32(call, 2);
    g_autoptr(GArray) threads = NULL;
    GVariantBuilder rows;

    if (!domain_is_active(call->domain)) {
        return fault_set(error, FAULT_OPERATION_INVALID,
                         "cannot retrieve vcpu information for inactive domain");
    }
    if (!check_maps(room, length, error) || (threads = stats_vcpus(call->domain, error)) == NULL) {
        return false;
    }
    int n = MIN(room, (int)MIN(threads->len, MAX_MAPS)), pid = qmp_run_of(call->domain)->pid;
    g_autofree uint8_t *maps = g_malloc0((gsize)n * (gsize)length + 1);

    g_variant_builder_init(&rows, G_VARIANT_TYPE("a(uiti)"));
    for (int i = 0; i < n; i++) {
        int tid = g_array_index(threads, int, i);
        struct thread_stats stats = {0};

        (void)stats_thread(pid, tid, &stats);
        g_variant_builder_add(&rows, "(uiti)", i, 1, stats.user_ns + stats.system_ns, stats.cpu);
        put_map(tid, maps + (gsize)i * (gsize)length, length);
    }
    return call_reply(
        call, "(@a(uiti)@ay)", g_variant_builder_end(&rows),
        g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, maps, (gsize)n * (gsize)length, 1));
}

/* Machines are in no control group of their own. */
bool qmp_domain_get_cpu_stats(struct call *call, GError **error)
{
    return fault_set(error, FAULT_OPERATION_INVALID, "cgroup CPUACCT controller is not mounted");
}

bool qmp_domain_get_control_info(struct call *call, GError **error)
{
    enum { CONTROL_OK = 0, CONTROL_JOB = 1 };

    return call_reply(call, "(uut)", call->domain->job == JOB_NONE ? CONTROL_OK : CONTROL_JOB, 0,
                      (guint64)0);
}

bool qmp_domain_get_disk_errors(struct call *call, GError **error)
{
    static const char *const words[] = {"ok", "failed", "nospace"};
    g_auto(GVariantBuilder) list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(si)"));
    guint32 room = call_u32(call, 1);
    json_object *stats = NULL, *blocks = NULL;
    int n = 0, disks = 0;

    if (!stats_ask_blocks(call->domain, &stats, &blocks, error)) {
        return false;
    }
    struct xml *devices = domain_def_devices(call->domain->def);

    for (struct xml *d = xml_find(devices, "disk"); d != NULL; d = xml_next(devices, "disk", d)) {
        const char *status = stats_io_status(blocks, d);

        disks++;
        for (int i = 1; i < (int)G_N_ELEMENTS(words) && (guint32)n < room; i++) {
            if (g_strcmp0(status, words[i]) == 0) {
                g_variant_builder_add(&list, "(si)", xml_get(xml_find(d, "target"), "dev"), i);
                n++;
            }
        }
    }
    json_object_put(stats);
    json_object_put(blocks);
    return call_reply(call, "(a(si)i)", &list, room == 0 ? disks : n);
}

/* A domain that anybody could start as it is has nothing to be told of. */
bool qmp_domain_get_messages(struct call *call, GError **error)
{
    g_auto(GVariantBuilder) list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("as"));

    return call_reply(call, "(as)", &list);
}
