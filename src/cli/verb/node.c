/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands on the host's CPUs and memory, and on words of other hypervisors. */
#include "cli/command.h"
#include "cli/report.h"

#include <inttypes.h>
#include <string.h>
#include <viv/host.h>
#include <viv/monitor.h>

static bool run_cpu_models(struct cli *cli, const struct arguments *args)
{
    char **names = cli_connection(cli) != NULL
                       ? viv_cpu_models(cli->connection, arg_text(args, "arch"), cli_error(cli))
                       : NULL;

    if (names == NULL) {
        return cli->connection != NULL && cli_fail(cli, "failed to get CPU model names");
    }
    if (*names == NULL && !cli->json) {
        show_line(cli, "models", "all CPU models are accepted");
    } else {
        show_words(cli, names);
    }
    viv_texts_free(names);
    return true;
}

static bool run_freecell(struct cli *cli, const struct arguments *args)
{
    static const char *const missing[] = {"all", NULL};
    uint64_t bytes;
    int cell = -1;

    if (!arg_exclusive(cli, args, "all", "cellno") || !arg_unbuilt(cli, args, missing) ||
        cli_connection(cli) == NULL || !arg_i32(cli, args, "cellno", &cell)) {
        return false;
    }
    if (!arg_given(args, "cellno")) {
        return viv_free_memory(cli->connection, &bytes, cli_error(cli)) == 0 &&
               show_line(cli, "free", "Total: %" PRIu64 " KiB", bytes / 1024);
    }
    if (cell < -1) {
        return cli_fail(cli, "cell number must be non-negative integer or -1");
    }
    return viv_cell_free_memory(cli->connection, (unsigned)cell, &bytes, cli_error(cli)) == 0 &&
           show_line(cli, "free", "%d: %" PRIu64 " KiB", cell, bytes / 1024);
}

static const struct viv_host_stat *find_stat(const struct viv_host_stat *stats, const char *name)
{
    while (stats->name != NULL && strcmp(stats->name, name) != 0) {
        stats++;
    }
    return stats->name != NULL ? stats : NULL;
}

static bool run_nodecpustats(struct cli *cli, const struct arguments *args)
{
    /* libvirt's name, virsh's */
    static const char *const rows[][2] = {{"user", "user:"},
                                          {"kernel", "system:"},
                                          {"idle", "idle:"},
                                          {"iowait", "iowait:"},
                                          {"intr", "intr:"}};
    static const char *const missing[] = {"percent", NULL};
    int cpu = -1;

    if (!arg_unbuilt(cli, args, missing) || cli_connection(cli) == NULL ||
        !arg_i32(cli, args, "cpu", &cpu)) {
        return false;
    }
    struct viv_host_stat *stats = viv_host_cpu_stats(cli->connection, cpu, cli_error(cli));

    if (stats == NULL) {
        return cli_fail(cli, "Unable to get node cpu stats");
    }
    struct report *report = report_new("", 15, " ");

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        const struct viv_host_stat *stat = find_stat(stats, rows[i][0]);

        if (stat != NULL) {
            report_add(report, rows[i][1], "%20" PRIu64, stat->value);
        }
    }
    viv_host_stats_free(stats);
    return report_show(report, cli);
}

static bool run_nodememstats(struct cli *cli, const struct arguments *args)
{
    int cell = -1;

    if (cli_connection(cli) == NULL || !arg_i32(cli, args, "cell", &cell)) {
        return false;
    }
    struct viv_host_stat *stats = viv_host_memory_stats(cli->connection, cell, cli_error(cli));

    if (stats == NULL) {
        return cli_fail(cli, "Unable to get number of memory stats");
    }
    struct report *report = report_new("", 7, ": ");

    for (const struct viv_host_stat *s = stats; s->name != NULL; s++) {
        report_add(report, s->name, "%20" PRIu64 " KiB", s->value);
    }
    viv_host_stats_free(stats);
    return report_show(report, cli);
}

static bool run_nodesuspend(struct cli *cli, const struct arguments *args)
{
    static const char *const targets[] = {"mem", "disk", "hybrid", NULL};
    int target = word_index(targets, arg_text(args, "target"));
    int64_t seconds = 0;

    if (cli_connection(cli) == NULL || !arg_i64(cli, args, "duration", &seconds)) {
        return false;
    }
    if (target < 0) {
        return cli_fail(cli, "Invalid target");
    }
    if (seconds < 0) {
        return cli_fail(cli, "Invalid duration");
    }
    return viv_host_sleep(cli->connection, (unsigned)target, (uint64_t)seconds, cli_error(cli)) ==
               0 ||
           cli_fail(cli, "The host was not suspended");
}

static bool run_from_native(struct cli *cli, const struct arguments *args)
{
    g_autofree char *text = cli_connection(cli) != NULL ? cli_file(cli, args, "config") : NULL;

    return text != NULL && show_text(cli, "xml",
                                     viv_xml_from_native(cli->connection, arg_text(args, "format"),
                                                         text, cli_error(cli)));
}

static bool run_to_native(struct cli *cli, const struct arguments *args)
{
    const unsigned migratable = 8;
    char *xml = NULL;

    if (!arg_exclusive(cli, args, "domain", "xml") || cli_connection(cli) == NULL) {
        return false;
    }
    if (arg_given(args, "domain")) {
        auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

        xml = domain != NULL ? viv_xml(domain, migratable, cli_error(cli)) : NULL;
    } else if (arg_given(args, "xml")) {
        xml = cli_file(cli, args, "xml");
    } else {
        return cli_fail(cli, "need either domain or domain XML");
    }
    if (xml == NULL) {
        return false;
    }
    bool good = show_text(
        cli, "native",
        viv_xml_to_native(cli->connection, arg_text(args, "format"), xml, cli_error(cli)));

    viv_free(xml);
    return good;
}

const struct verb node_verbs[] = {
    {"cpu-models", run_cpu_models},      {"domxml-from-native", run_from_native},
    {"domxml-to-native", run_to_native}, {"freecell", run_freecell},
    {"nodecpustats", run_nodecpustats},  {"nodememstats", run_nodememstats},
    {"nodesuspend", run_nodesuspend},    {NULL},
};
