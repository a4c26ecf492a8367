/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Procedures about the computer itself. */
#include "manage/host/node.h"

#include "manage/conf/fault.h"
#include "manage/driver/qmp/internal.h"
#include "manage/host/cpu.h"

#include <string.h>
#include <unistd.h>

#define MODEL_BYTES 32
#define KSM         "/sys/kernel/mm/ksm/"

bool qmp_node_get_info(struct call *call, GError **error)
{
    g_autoptr(node_own) node = node_read("");
    struct host_cpu cpu;
    char model[MODEL_BYTES] = {0};

    host_cpu_read("", &cpu);
    g_strlcpy(model, cpu.arch, sizeof(model));
    return call_reply(call, "(@aytiiiiii)",
                      g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, model, sizeof(model), 1),
                      (guint64)node_memory(node), (int)node->cpus, (int)node->mhz,
                      (int)node->cells->len, (int)node->sockets, (int)node->cores,
                      (int)node->threads);
}

bool qmp_node_get_cpu_map(struct call *call, GError **error)
{
    g_autoptr(node_own) node = node_read("");
    g_autoptr(GByteArray) map = g_byte_array_new();

    if (call_i32(call, 0) != 0) {
        g_byte_array_set_size(map, (node->online->len + 7) / 8);
        memset(map->data, 0, map->len);
        for (unsigned i = 0; i < node->online->len; i++) {
            map->data[i / 8] |= (uint8_t)(g_array_index(node->online, bool, i) << i % 8);
        }
    }
    return call_reply(call, "(@ayui)",
                      g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, map->data, map->len, 1),
                      call_i32(call, 1) != 0 ? node->cpus : 0, (int)node->online->len);
}

bool qmp_node_get_cpu_stats(struct call *call, GError **error)
{
    g_auto(GVariantBuilder) list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(st)"));
    int cpu = call_i32(call, 0), room = call_i32(call, 1);
    uint64_t t[NODE_TIMES], tick = 1000000000 / (uint64_t)sysconf(_SC_CLK_TCK);

    if (cpu < -1 || !node_cpu_times("", cpu, t)) {
        return fault_set(error, FAULT_INVALID_ARG, "Invalid cpuNum in %s",
                         "virHostCPUGetStatsLinux");
    }
    const struct {
        const char *name;
        uint64_t jiffies;
    } rows[] = {{"kernel", t[NODE_SYSTEM]},
                {"user", t[NODE_USER] + t[NODE_NICE]},
                {"idle", t[NODE_IDLE]},
                {"iowait", t[NODE_IOWAIT]}};

    for (int i = 0; i < (int)G_N_ELEMENTS(rows) && i < room; i++) {
        g_variant_builder_add(&list, "(st)", rows[i].name, rows[i].jiffies * tick);
    }
    return call_reply(call, "(a(st)i)", &list, (int)G_N_ELEMENTS(rows));
}

bool qmp_node_get_memory_stats(struct call *call, GError **error)
{
    static const struct {
        const char *name, *row;
        bool of_cell; /* a cell's file has it too */
    } rows[] = {{"total", "MemTotal", true},
                {"free", "MemFree", true},
                {"buffers", "Buffers", false},
                {"cached", "Cached", false}};
    g_auto(GVariantBuilder) list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(st)"));
    int room = call_i32(call, 0), cell = call_i32(call, 1), n = 0;
    uint64_t kib;

    if (cell < -1 || !node_meminfo("", cell, "MemTotal", &kib)) {
        return fault_set(error, FAULT_INVALID_ARG, "cellNum in %s must be less than or equal to %d",
                         "virHostMemGetStatsLinux", 0);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        if ((cell >= 0 && !rows[i].of_cell) || !node_meminfo("", cell, rows[i].row, &kib)) {
            continue;
        }
        if (n++ < room) {
            g_variant_builder_add(&list, "(st)", rows[i].name, kib);
        }
    }
    return call_reply(call, "(a(st)i)", &list, n);
}

bool qmp_node_get_free_memory(struct call *call, GError **error)
{
    g_autoptr(node_own) node = node_read("");

    return call_reply_u64(call, node_free_memory(node) * 1024);
}

bool qmp_node_get_cells_free_memory(struct call *call, GError **error)
{
    g_autoptr(node_own) node = node_read("");
    g_auto(GVariantBuilder) cells = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("at"));
    int64_t start = call_i32(call, 0), room = call_i32(call, 1);

    if (start < 0 || start >= node->cells->len) {
        return fault_set(error, FAULT_INTERNAL_ERROR, "start cell %d out of range (0-%d)",
                         (int)start, (int)node->cells->len - 1);
    }
    for (int64_t i = start; i < node->cells->len && i - start < room; i++) {
        g_variant_builder_add(&cells, "t", node_cell(node, (unsigned)i)->free * 1024);
    }
    return call_reply(call, "(at)", &cells);
}

static const struct node_pages *find_pages(const struct node_cell *cell, unsigned kib)
{
    for (unsigned i = 0; i < cell->pages->len; i++) {
        const struct node_pages *pages = &g_array_index(cell->pages, struct node_pages, i);

        if (pages->kib == kib) {
            return pages;
        }
    }
    return NULL;
}

bool qmp_node_get_free_pages(struct call *call, GError **error)
{
    g_autoptr(node_own) node = node_read("");
    g_autoptr(GVariant) sizes = g_variant_get_child_value(call->args, 0);
    g_auto(GVariantBuilder) counts = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("at"));
    gint64 start = call_i32(call, 1), cells = call_u32(call, 2), all = node->cells->len;

    if (start < 0 || start >= all) {
        return fault_set(error, FAULT_INTERNAL_ERROR, "start cell %d out of range (0-%d)",
                         (int)start, (int)all - 1);
    }
    for (gint64 cell = start; cell < MIN(start + cells, all); cell++) {
        for (gsize i = 0; i < g_variant_n_children(sizes); i++) {
            const struct node_pages *pages;
            guint32 size;

            g_variant_get_child(sizes, i, "u", &size);
            pages = find_pages(node_cell(node, (unsigned)cell), size);
            if (pages == NULL) {
                return fault_set(error, FAULT_OPERATION_FAILED,
                                 "page size %u is not available on node %d", size, (int)cell);
            }
            g_variant_builder_add(&counts, "t", pages->free);
        }
    }
    return call_reply(call, "(at)", &counts);
}

bool qmp_node_get_memory_parameters(struct call *call, GError **error)
{
    static const struct {
        const char *file, *name;
        bool small; /* a number of 32 bits to clients */
    } rows[] = {{"pages_to_scan", "shm_pages_to_scan", true},
                {"sleep_millisecs", "shm_sleep_millisecs", true},
                {"pages_shared", "shm_pages_shared", false},
                {"pages_sharing", "shm_pages_sharing", false},
                {"pages_unshared", "shm_pages_unshared", false},
                {"pages_volatile", "shm_pages_volatile", false},
                {"full_scans", "shm_full_scans", false},
                {"merge_across_nodes", "shm_merge_across_nodes", true}};
    g_auto(GVariantBuilder) list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(sv)"));
    int room = call_i32(call, 0), n = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strconcat(KSM, rows[i].file, NULL);
        uint64_t value;

        if (!node_number("", path, &value)) {
            continue;
        }
        if (n++ < room) {
            g_variant_builder_add_value(
                &list,
                call_pack_param(rows[i].name, rows[i].small ? g_variant_new_uint32((guint32)value)
                                                            : g_variant_new_uint64(value)));
        }
    }
    return call_reply(call, "(a(sv)i)", &list, n);
}

/* Who keeps machines apart: nobody but their accounts, which libvirt calls "none". */
bool qmp_node_get_security_model(struct call *call, GError **error)
{
    return call_reply(call, "(@ay@ay)",
                      g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, "none", sizeof("none"), 1),
                      g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, "0", sizeof("0"), 1));
}

bool qmp_domain_get_security_label(struct call *call, GError **error)
{
    return call_reply(call, "(@ayi)", g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, "", 1, 1), 0);
}
