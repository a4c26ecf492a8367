/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/host/node.h"
#include "base/least.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYSTEM "/sys/devices/system"

/* Its text without white space around, or NULL. */
G_GNUC_PRINTF(2, 3) static char *read_text(const char *root, const char *format, ...)
{
    g_autofree char *path = NULL, *whole = NULL;
    char *text;
    va_list args;

    va_start(args, format);
    path = g_strdup_vprintf(format, args);
    va_end(args);
    whole = g_strconcat(root, path, NULL);
    return g_file_get_contents(whole, &text, NULL, NULL) ? g_strstrip(text) : NULL;
}

bool node_number(const char *root, const char *path, uint64_t *ret_value)
{
    g_autofree char *text = read_text(root, "%s", path);

    return text != NULL && g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, ret_value, NULL);
}

static unsigned number_or(const char *root, const char *path, unsigned otherwise)
{
    uint64_t value;

    return node_number(root, path, &value) && value <= G_MAXINT ? (unsigned)value : otherwise;
}

/* "0-3,8": calls back for each number below `limit`. */
static void each_of(const char *list, unsigned limit, void (*found)(unsigned n, void *opaque),
                    void *opaque)
{
    while (list != NULL && *list != '\0') {
        char *end;
        unsigned long first = strtoul(list, &end, 10), last = first;

        if (end == list) {
            return;
        }
        if (*end == '-') {
            list = end + 1;
            last = strtoul(list, &end, 10);
        }
        for (; first <= last && first < limit; first++) {
            found((unsigned)first, opaque);
        }
        list = *end == ',' ? end + 1 : NULL;
    }
}

/* The value of "row : value" (or "row: value"), to be freed. */
static char *row_of(const char *text, const char *row)
{
    size_t length = strlen(row);

    for (const char *line = text; line != NULL && *line != '\0';) {
        const char *end = strchrnul(line, '\n');

        if (strncmp(line, row, length) == 0 && strspn(line + length, " \t:") > 0) {
            const char *value = line + length + strspn(line + length, " \t:");

            return g_strndup(value, value < end ? (gsize)(end - value) : 0);
        }
        line = *end == '\n' ? end + 1 : NULL;
    }
    return NULL;
}

char *node_cpuinfo(const char *root, const char *row)
{
    g_autofree char *text = read_text(root, "/proc/cpuinfo");

    return row_of(text, row);
}

bool node_meminfo(const char *root, int cell, const char *row, uint64_t *ret_kib)
{
    g_autofree char *text = cell < 0 ? read_text(root, "/proc/meminfo")
                                     : read_text(root, SYSTEM "/node/node%d/meminfo", cell);
    g_autofree char *name = cell < 0 ? g_strdup(row) : g_strdup_printf("Node %d %s", cell, row);
    g_autofree char *value = row_of(text, name);

    return value != NULL && sscanf(value, "%" G_GUINT64_FORMAT, ret_kib) == 1;
}

/* --- CPUs --- */

static void cpu_clear(void *cpu)
{
    g_free(((struct node_cpu *)cpu)->siblings);
}

static void cell_free(void *opaque)
{
    struct node_cell *cell = opaque;

    g_array_free(cell->pages, TRUE);
    g_array_free(cell->distances, TRUE);
    g_array_free(cell->cpus, TRUE);
    g_free(cell);
}

static void cache_free(void *opaque)
{
    struct node_cache *cache = opaque;

    g_free(cache->type);
    g_free(cache->cpus);
    g_free(cache);
}

static struct node_cell *cell_new(unsigned id)
{
    struct node_cell *cell = g_new0(struct node_cell, 1);

    cell->id = id;
    cell->pages = g_array_new(FALSE, TRUE, sizeof(struct node_pages));
    cell->distances = g_array_new(FALSE, TRUE, sizeof(unsigned));
    cell->cpus = g_array_new(FALSE, TRUE, sizeof(struct node_cpu));
    g_array_set_clear_func(cell->cpus, cpu_clear);
    return cell;
}

struct reading {
    const char *root;
    struct node *node;
    struct node_cell *cell;
};

static unsigned topology(const struct reading *reading, unsigned cpu, const char *what)
{
    g_autofree char *path = g_strdup_printf(SYSTEM "/cpu/cpu%u/topology/%s", cpu, what);

    /* Not every architecture has each of them. */
    return number_or(reading->root, path, 0);
}

static bool is_online(const struct node *node, unsigned cpu)
{
    return cpu < node->online->len && g_array_index(node->online, bool, cpu);
}

static void add_cpu(unsigned id, void *opaque)
{
    const struct reading *reading = opaque;
    struct node_cpu cpu = {.id = id,
                           .socket = topology(reading, id, "physical_package_id"),
                           .die = topology(reading, id, "die_id"),
                           .core = topology(reading, id, "core_id")};

    if (!is_online(reading->node, id)) {
        return;
    }
    cpu.siblings = read_text(reading->root, SYSTEM "/cpu/cpu%u/topology/thread_siblings_list", id);
    if (cpu.siblings == NULL) {
        cpu.siblings = g_strdup_printf("%u", id);
    }
    g_array_append_val(reading->cell->cpus, cpu);
}

static void add_present(unsigned id, void *opaque)
{
    const struct reading *reading = opaque;
    g_autofree char *path = g_strdup_printf(SYSTEM "/cpu/cpu%u/online", id);
    /* One that cannot be switched off has no such file. */
    bool on = number_or(reading->root, path, 1) == 1;

    g_array_set_size(reading->node->online, MAX(reading->node->online->len, id + 1));
    g_array_index(reading->node->online, bool, id) = on;
    reading->node->cpus += on;
}

static void read_cpus(struct reading *reading)
{
    g_autofree char *present = read_text(reading->root, SYSTEM "/cpu/present");
    g_autofree char *mhz = node_cpuinfo(reading->root, "cpu MHz");

    each_of(present, NODE_MAX_CPUS, add_present, reading);
    reading->node->mhz = mhz != NULL ? (unsigned)g_ascii_strtod(mhz, NULL) : 0;
}

/* --- memory --- */

static int by_size(const void *a, const void *b)
{
    const struct node_pages *x = a, *y = b;

    return (x->kib > y->kib) - (x->kib < y->kib);
}

/* Ordinary pages are what the huge ones leave. */
static void read_pages(struct reading *reading)
{
    struct node_cell *cell = reading->cell;
    unsigned own = (unsigned)sysconf(_SC_PAGESIZE) / 1024;
    struct node_pages plain = {.kib = own, .free = cell->free / own};
    uint64_t huge = 0;
    g_autofree char *folder =
        g_strdup_printf("%s" SYSTEM "/node/node%u/hugepages", reading->root, cell->id);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        struct node_pages pages = {0};
        g_autofree char *total = g_build_filename(folder, name, "nr_hugepages", NULL);
        g_autofree char *left = g_build_filename(folder, name, "free_hugepages", NULL);

        if (sscanf(name, "hugepages-%ukB", &pages.kib) == 1 && pages.kib > 0 &&
            node_number("", total, &pages.total) && node_number("", left, &pages.free)) {
            huge += pages.total * pages.kib;
            g_array_append_val(cell->pages, pages);
        }
    }
    plain.total = cell->memory > huge ? (cell->memory - huge) / own : 0;
    g_array_append_val(cell->pages, plain);
    g_array_sort(cell->pages, by_size);
}

static void read_distances(struct reading *reading)
{
    g_autofree char *text =
        read_text(reading->root, SYSTEM "/node/node%u/distance", reading->cell->id);
    g_auto(GStrv) words = text != NULL ? g_strsplit(text, " ", NODE_MAX_CELLS) : NULL;

    for (char **w = words; w != NULL && *w != NULL; w++) {
        unsigned distance = (unsigned)strtoul(*w, NULL, 10);

        g_array_append_val(reading->cell->distances, distance);
    }
}

static void add_cell(unsigned id, void *opaque)
{
    struct reading *reading = opaque;
    struct node_cell *cell = cell_new(id);
    g_autofree char *cpus = read_text(reading->root, SYSTEM "/node/node%u/cpulist", id);

    g_ptr_array_add(reading->node->cells, cell);
    reading->cell = cell;
    (void)node_meminfo(reading->root, (int)id, "MemTotal", &cell->memory);
    (void)node_meminfo(reading->root, (int)id, "MemFree", &cell->free);
    read_pages(reading);
    read_distances(reading);
    each_of(cpus, NODE_MAX_CPUS, add_cpu, reading);
}

/* Linux without NUMA: one cell with all there is. */
static void add_only_cell(struct reading *reading)
{
    struct node_cell *cell = cell_new(0);
    unsigned all = reading->node->online->len;

    g_ptr_array_add(reading->node->cells, cell);
    reading->cell = cell;
    (void)node_meminfo(reading->root, -1, "MemTotal", &cell->memory);
    (void)node_meminfo(reading->root, -1, "MemFree", &cell->free);
    read_pages(reading);
    for (unsigned i = 0; i < all; i++) {
        add_cpu(i, reading);
    }
}

/* --- counts --- */

struct counts {
    GHashTable *sockets, *dies, *cores;
    unsigned threads;
};

static unsigned most_of(GHashTable *table)
{
    return g_hash_table_size(table);
}

static void count_cpu(struct counts *counts, const struct node_cpu *cpu)
{
    uint64_t socket = cpu->socket, die = socket << 20 | cpu->die, core = die << 24 | cpu->core;

    g_hash_table_add(counts->sockets, g_memdup2(&socket, sizeof(socket)));
    g_hash_table_add(counts->dies, g_memdup2(&die, sizeof(die)));
    g_hash_table_add(counts->cores, g_memdup2(&core, sizeof(core)));
    counts->threads++;
}

static GHashTable *numbers(void)
{
    return g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
}

/* Alike in all cells, or the product would lie: then all CPUs count as cores of one socket. */
static void read_counts(struct node *node)
{
    unsigned cells = node->cells->len;

    for (unsigned i = 0; i < cells; i++) {
        const struct node_cell *cell = node->cells->pdata[i];
        struct counts counts = {numbers(), numbers(), numbers(), 0};

        for (unsigned k = 0; k < cell->cpus->len; k++) {
            count_cpu(&counts, &g_array_index(cell->cpus, struct node_cpu, k));
        }
        if (counts.threads > 0) {
            unsigned sockets = most_of(counts.sockets), cores = most_of(counts.cores);

            node->sockets = MAX(node->sockets, sockets);
            node->dies = max_u64(node->dies, most_of(counts.dies) / sockets);
            node->cores = MAX(node->cores, cores / sockets);
            node->threads = MAX(node->threads, counts.threads / cores);
        }
        g_hash_table_unref(counts.sockets);
        g_hash_table_unref(counts.dies);
        g_hash_table_unref(counts.cores);
    }
    if (node->cpus == 0 || node->sockets * node->cores * node->threads * cells != node->cpus) {
        node->sockets = node->dies = node->threads = 1;
        node->cores = MAX(node->cpus / cells, 1);
    }
}

/* --- caches --- */

static struct node_cache *find_cache(const struct node *node, unsigned id, unsigned level)
{
    for (unsigned i = 0; i < node->caches->len; i++) {
        struct node_cache *cache = node->caches->pdata[i];

        if (cache->id == id && cache->level == level) {
            return cache;
        }
    }
    return NULL;
}

static void add_cache(struct reading *reading, const char *index)
{
    static const char *const types[][2] = {
        {"Unified", "both"}, {"Data", "data"}, {"Instruction", "code"}};
    g_autofree char *level_path = g_strconcat(index, "/level", NULL);
    g_autofree char *id_path = g_strconcat(index, "/id", NULL);
    g_autofree char *type = read_text(reading->root, "%s/type", index);
    g_autofree char *size = read_text(reading->root, "%s/size", index);
    unsigned level = number_or(reading->root, level_path, 0);
    unsigned id = number_or(reading->root, id_path, 0);
    struct node_cache *cache;

    /* Those above are a core's own: what is shared is what can be partitioned. */
    if (level < 3 || type == NULL || size == NULL || find_cache(reading->node, id, level) != NULL) {
        return;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++) {
        if (strcmp(type, types[i][0]) == 0) {
            cache = g_new0(struct node_cache, 1);
            cache->id = id;
            cache->level = level;
            cache->kib = (unsigned)strtoul(size, NULL, 10);
            cache->type = g_strdup(types[i][1]);
            cache->cpus = read_text(reading->root, "%s/shared_cpu_list", index);
            g_ptr_array_add(reading->node->caches, cache);
        }
    }
}

static void read_caches(struct reading *reading)
{
    for (unsigned cpu = 0; cpu < reading->node->online->len; cpu++) {
        for (unsigned i = 0; i < 8 && is_online(reading->node, cpu); i++) {
            g_autofree char *index = g_strdup_printf(SYSTEM "/cpu/cpu%u/cache/index%u", cpu, i);

            add_cache(reading, index);
        }
    }
}

struct node *node_read(const char *root)
{
    struct node *node = g_new0(struct node, 1);
    struct reading reading = {.root = root, .node = node};
    g_autofree char *cells = read_text(root, SYSTEM "/node/online");

    node->online = g_array_new(FALSE, TRUE, sizeof(bool));
    node->cells = g_ptr_array_new_with_free_func(cell_free);
    node->caches = g_ptr_array_new_with_free_func(cache_free);
    read_cpus(&reading);
    each_of(cells, NODE_MAX_CELLS, add_cell, &reading);
    if (node->cells->len == 0) {
        add_only_cell(&reading);
    }
    read_counts(node);
    read_caches(&reading);
    return node;
}

void node_free(struct node *node)
{
    if (node == NULL) {
        return;
    }
    g_array_free(node->online, TRUE);
    g_ptr_array_free(node->cells, TRUE);
    g_ptr_array_free(node->caches, TRUE);
    g_free(node);
}

const struct node_cell *node_cell(const struct node *node, unsigned n)
{
    return n < node->cells->len ? node->cells->pdata[n] : NULL;
}

uint64_t node_memory(const struct node *node)
{
    uint64_t kib = 0;

    for (unsigned i = 0; i < node->cells->len; i++) {
        kib += node_cell(node, i)->memory;
    }
    return kib;
}

uint64_t node_free_memory(const struct node *node)
{
    uint64_t kib = 0;

    for (unsigned i = 0; i < node->cells->len; i++) {
        kib += node_cell(node, i)->free;
    }
    return kib;
}

bool node_cpu_times(const char *root, int cpu, uint64_t ret_times[NODE_TIMES])
{
    g_autofree char *text = read_text(root, "/proc/stat");
    g_autofree char *row = cpu < 0 ? g_strdup("cpu") : g_strdup_printf("cpu%d", cpu);
    g_autofree char *value = row_of(text, row);
    uint64_t t[NODE_TIMES];

    if (value == NULL || sscanf(value,
                                "%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT
                                " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT,
                                &t[NODE_USER], &t[NODE_NICE], &t[NODE_SYSTEM], &t[NODE_IDLE],
                                &t[NODE_IOWAIT]) != NODE_TIMES) {
        return false;
    }
    memcpy(ret_times, t, sizeof(t));
    return true;
}
