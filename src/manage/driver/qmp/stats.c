/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/driver/qmp/stats.h"

#include "manage/conf/fault.h"
#include "manage/driver/qmp/argv-device.h"
#include "manage/driver/qmp/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *stats_disk_path(const struct xml *disk)
{
    const struct xml *source = xml_find(disk, "source");

    return xml_is(disk, "type", "block") ? xml_get(source, "dev") : xml_get(source, "file");
}

struct xml *stats_find_disk(const struct domain_def *def, const char *path)
{
    struct xml *devices = domain_def_devices(def);

    for (struct xml *d = xml_find(devices, "disk"); d != NULL; d = xml_next(devices, "disk", d)) {
        if (xml_is(xml_find(d, "target"), "dev", path) ||
            g_strcmp0(stats_disk_path(d), path) == 0) {
            return d;
        }
    }
    return NULL;
}

bool stats_ask_blocks(struct domain *domain, json_object **ret_stats, json_object **ret_blocks,
                      GError **error)
{
    json_object *stats = NULL;

    if (!qmp_command(domain, "query-blockstats", NULL, &stats, error)) {
        return false;
    }
    if (!qmp_command(domain, "query-block", NULL, ret_blocks, error)) {
        json_object_put(stats);
        return false;
    }
    *ret_stats = stats;
    return true;
}

static json_object *member(json_object *object, const char *name)
{
    json_object *value = NULL;

    return json_object_is_type(object, json_type_object) &&
                   json_object_object_get_ex(object, name, &value)
               ? value
               : NULL;
}

static json_object *at(json_object *object, const char *first, const char *second)
{
    return member(member(object, first), second);
}

/* The row of a device: its path has the id as one of its parts. */
static json_object *row_of(json_object *rows, const char *id)
{
    g_autofree char *part = g_strdup_printf("/%s/", id);

    for (size_t i = 0;
         json_object_is_type(rows, json_type_array) && i < json_object_array_length(rows); i++) {
        json_object *row = json_object_array_get_idx(rows, i);
        const char *qdev = json_object_get_string(member(row, "qdev"));
        g_autofree char *path = qdev != NULL ? g_strdup_printf("/%s/", qdev) : NULL;

        if (path != NULL && strstr(path, part) != NULL) {
            return row;
        }
    }
    return NULL;
}

static unsigned node_index(json_object *block)
{
    const char *name = json_object_get_string(at(block, "inserted", "node-name"));
    unsigned n = 0;

    return name != NULL && sscanf(name, "libvirt-%u-format", &n) == 1 ? n : 0;
}

bool stats_block(json_object *stats, json_object *blocks, const struct xml *disk,
                 struct block_stats *ret)
{
    static const char *const names[] = {
        "rd_operations", "rd_bytes",         "rd_total_time_ns", "wr_operations",
        "wr_bytes",      "wr_total_time_ns", "flush_operations", "flush_total_time_ns"};
    g_autofree char *id = argv_disk_id(disk);
    json_object *row = id != NULL ? row_of(stats, id) : NULL;
    json_object *block = id != NULL ? row_of(blocks, id) : NULL;
    json_object *image = member(member(block, "inserted"), "image");

    if (row == NULL) {
        return false;
    }
    for (unsigned i = 0; i < BLOCK_COUNTERS; i++) {
        ret->counter[i] = json_object_get_int64(at(row, "stats", names[i]));
    }
    ret->highest =
        (uint64_t)json_object_get_int64(at(member(row, "parent"), "stats", "wr_highest_offset"));
    ret->capacity = (uint64_t)json_object_get_int64(member(image, "virtual-size"));
    ret->index = node_index(block);
    return true;
}

const char *stats_node(json_object *blocks, const struct xml *disk)
{
    g_autofree char *id = argv_disk_id(disk);
    json_object *block = id != NULL ? row_of(blocks, id) : NULL;

    return json_object_get_string(at(block, "inserted", "node-name"));
}

/* Big-endian fields of qcow2's header (QEMU's docs/interop/qcow2.txt): magic at 0, size at 24. */
static bool qcow2_size(int fd, uint64_t *ret)
{
    uint8_t header[32];

    if (pread(fd, header, sizeof(header), 0) != (ssize_t)sizeof(header) ||
        memcmp(header, "QFI\xfb", 4) != 0) {
        return false;
    }
    memcpy(ret, header + 24, sizeof(*ret));
    *ret = GUINT64_FROM_BE(*ret);
    return true;
}

bool stats_capacity(const struct xml *disk, uint64_t *ret, GError **error)
{
    const char *path = stats_disk_path(disk);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool raw = xml_is(xml_find(disk, "driver"), "type", "raw");
    off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : -1;
    bool good = end >= 0;

    if (!good) {
        fault_set_errno(error, errno, "cannot read file '%s'", path);
    } else if (raw) {
        *ret = (uint64_t)end;
    } else if (!qcow2_size(fd, ret)) {
        good = fault_set(error, FAULT_INTERNAL_ERROR, "'%s' is no qcow2 image", path);
    }
    if (fd >= 0) {
        close(fd);
    }
    return good;
}

const char *stats_io_status(json_object *blocks, const struct xml *disk)
{
    g_autofree char *id = argv_disk_id(disk);

    return id != NULL ? json_object_get_string(member(row_of(blocks, id), "io-status")) : NULL;
}

/* Fields 14, 15 and 39 of proc(5)'s stat; the second number of schedstat. */
bool stats_thread(int pid, int tid, struct thread_stats *ret)
{
    g_autofree char *path = tid == pid ? g_strdup_printf("/proc/%d/stat", pid)
                                       : g_strdup_printf("/proc/%d/task/%d/stat", pid, tid);
    g_autofree char *delays = g_strdup_printf("/proc/%d/task/%d/schedstat", pid, tid);
    g_autofree char *text = NULL, *delay = NULL;
    const uint64_t tick = 1000000000ULL / (uint64_t)sysconf(_SC_CLK_TCK);
    unsigned long long user, system, waited = 0;
    const char *end;

    if (!g_file_get_contents(path, &text, NULL, NULL) || (end = strrchr(text, ')')) == NULL ||
        sscanf(end + 1,
               " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d %*d %*u"
               " %*u %*d %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*d %d",
               &user, &system, &ret->cpu) != 3) {
        return false;
    }
    if (g_file_get_contents(delays, &delay, NULL, NULL)) {
        (void)sscanf(delay, "%*u %llu", &waited);
    }
    ret->user_ns = user * tick;
    ret->system_ns = system * tick;
    ret->delay_ns = waited;
    return true;
}

uint64_t stats_rss(int pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/statm", pid);
    g_autofree char *text = NULL;
    unsigned long long pages = 0;

    if (g_file_get_contents(path, &text, NULL, NULL)) {
        (void)sscanf(text, "%*u %llu", &pages);
    }
    return pages * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
}

GArray *stats_vcpus(struct domain *domain, GError **error)
{
    json_object *rows = NULL;
    GArray *threads;

    if (!qmp_command(domain, "query-cpus-fast", NULL, &rows, error)) {
        return NULL;
    }
    threads = g_array_new(FALSE, FALSE, sizeof(int));
    for (size_t i = 0;
         json_object_is_type(rows, json_type_array) && i < json_object_array_length(rows); i++) {
        int tid = json_object_get_int(member(json_object_array_get_idx(rows, i), "thread-id"));

        g_array_append_val(threads, tid);
    }
    json_object_put(rows);
    return threads;
}

/* The guest's own, by libvirt's tags; bytes where KiB are shown. */
static const struct {
    const char *name;
    bool bytes;
} guest_names[13] = {
    [0] = {"stat-swap-in", true},          [1] = {"stat-swap-out", true},
    [2] = {"stat-major-faults", false},    [3] = {"stat-minor-faults", false},
    [4] = {"stat-free-memory", true},      [5] = {"stat-total-memory", true},
    [8] = {"stat-available-memory", true}, [10] = {"stat-disk-caches", true},
    [11] = {"stat-htlb-pgalloc", false},   [12] = {"stat-htlb-pgfail", false},
};

static void read_guest(json_object *value, struct balloon_stats *ret)
{
    json_object *stats = member(value, "stats");

    ret->last_update = (uint64_t)json_object_get_int64(member(value, "last-update"));
    for (unsigned i = 0; i < G_N_ELEMENTS(guest_names); i++) {
        json_object *figure =
            guest_names[i].name != NULL ? member(stats, guest_names[i].name) : NULL;
        /* An unsigned that is all ones means that the guest did not tell. */
        int64_t n = figure != NULL ? json_object_get_int64(figure) : -1;

        if (figure != NULL && n != -1 && json_object_get_uint64(figure) != UINT64_MAX) {
            ret->guest[i] = guest_names[i].bytes ? n / 1024 : n;
        }
    }
}

bool stats_balloon(struct domain *domain, struct balloon_stats *ret, GError **error)
{
    const struct xml *balloon = xml_find(domain_def_devices(domain->def), "memballoon");
    json_object *value = NULL, *arguments;

    memset(ret, 0, sizeof(*ret));
    for (unsigned i = 0; i < G_N_ELEMENTS(ret->guest); i++) {
        ret->guest[i] = -1;
    }
    if (balloon == NULL || xml_is(balloon, "model", "none")) {
        ret->actual = domain_def_current_memory(domain->def);
        return true;
    }
    if (!qmp_command(domain, "query-balloon", NULL, &value, error)) {
        return false;
    }
    ret->actual = (uint64_t)json_object_get_int64(member(value, "actual")) / 1024;
    json_object_put(value);
    arguments = json_object_new_object();
    json_object_object_add(arguments, "path",
                           json_object_new_string("/machine/peripheral/balloon0"));
    json_object_object_add(arguments, "property", json_object_new_string("guest-stats"));
    /* Not every emulator collects them; the figures above stand alone then. */
    if (qmp_command(domain, "qom-get", arguments, &value, NULL)) {
        read_guest(value, ret);
        json_object_put(value);
    }
    return domain_check_active(domain, error);
}
