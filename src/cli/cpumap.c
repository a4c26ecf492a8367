/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cpumap.h"

#include <string.h>

static bool has(const struct viv_cpu_map *map, unsigned cpu)
{
    return (map->bits[cpu / 8] >> (cpu % 8) & 1) != 0;
}

char *cpumap_list(const struct viv_cpu_map *map, unsigned cpus)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < cpus; i++) {
        unsigned end = i;

        if (!has(map, i)) {
            continue;
        }
        while (end + 1 < cpus && has(map, end + 1)) {
            end++;
        }
        g_string_append_printf(text, end > i ? "%s%u-%u" : "%s%u", text->len > 0 ? "," : "", i,
                               end);
        i = end;
    }
    return g_string_free(text, FALSE);
}

char *cpumap_marks(const struct viv_cpu_map *map, unsigned cpus)
{
    char *text = g_new0(char, cpus + 1);

    for (unsigned i = 0; i < cpus; i++) {
        text[i] = has(map, i) ? 'y' : '-';
    }
    return text;
}

static void set(struct viv_cpu_map *map, unsigned from, unsigned to, bool on)
{
    for (unsigned i = from; i <= to; i++) {
        if (on) {
            map->bits[i / 8] |= (uint8_t)(1 << i % 8);
        } else {
            map->bits[i / 8] &= (uint8_t) ~(1 << i % 8);
        }
    }
}

/* "3", "1-3" or "^2". */
static bool parse_part(const char *part, struct viv_cpu_map *map, unsigned *ret_last)
{
    const guint64 most = VIV_MAP_BYTES * 8 - 1;
    bool on = *part != '^';
    g_auto(GStrv) ends = g_strsplit(on ? part : part + 1, "-", 2);
    guint64 from, to;

    if (ends[0] == NULL || !g_ascii_string_to_unsigned(ends[0], 10, 0, most, &from, NULL)) {
        return false;
    }
    to = from;
    if (ends[1] != NULL &&
        (!on || !g_ascii_string_to_unsigned(ends[1], 10, from, most, &to, NULL))) {
        return false;
    }
    set(map, (unsigned)from, (unsigned)to, on);
    *ret_last = MAX(*ret_last, (unsigned)to);
    return true;
}

bool cpumap_parse(struct cli *cli, const char *text, unsigned cpus, struct viv_cpu_map *ret_map)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);
    struct viv_cpu_map map;
    unsigned last = 0;

    memset(&map, 0, sizeof(map));
    if (*text == 'r') {
        set(&map, 0, cpus - 1, true);
        *ret_map = map;
        return true;
    }
    for (char **part = parts; *part != NULL; part++) {
        if (!parse_part(g_strstrip(*part), &map, &last)) {
            cli_fail(cli, "Invalid cpulist '%s'", text);
            return cli_fail(cli, "invalid argument: Failed to parse bitmap '%s'", text);
        }
    }
    if (last >= cpus) {
        return cli_fail(cli, "CPU %u in cpulist '%s' exceed the maxcpu %u", last, text, cpus);
    }
    *ret_map = map;
    return *parts != NULL || cli_fail(cli, "Invalid cpulist '%s'", text);
}

unsigned cpumap_host(struct cli *cli)
{
    struct viv_cpu_map online;
    struct viv_node_info info;
    unsigned n_online;
    int n = viv_host_cpus(cli->connection, &online, &n_online, NULL);

    if (n <= 0 && viv_node_info(cli->connection, &info, cli_error(cli)) == 0) {
        n = (int)(info.cells * info.sockets * info.cores * info.threads);
    }
    return (unsigned)CLAMP(n, 0, VIV_MAP_BYTES * 8);
}
