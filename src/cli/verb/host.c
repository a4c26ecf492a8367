/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands about the host. */
#include "cli/command.h"
#include "cli/cpumap.h"
#include "cli/document.h"
#include "cli/report.h"
#include "cli/table.h"

#include <inttypes.h>
#include <stdio.h>

/* The version of libvirt whose commands these are. */
#define LIBRARY "libvirt 9.0.0"

static bool show(struct cli *cli, const char *name, char *text)
{
    if (text != NULL) {
        show_line(cli, name, "%s", text);
    }
    viv_free(text);
    return text != NULL;
}

static bool run_hostname(struct cli *cli, const struct arguments *args)
{
    if (cli_connection(cli) == NULL) {
        return false;
    }
    return show(cli, "hostname", viv_hostname(cli->connection, cli_error(cli))) ||
           cli_fail(cli, "failed to get hypervisor hostname");
}

static bool run_uri(struct cli *cli, const struct arguments *args)
{
    if (cli_connection(cli) == NULL) {
        return false;
    }
    return show(cli, "uri", viv_uri(cli->connection));
}

static bool run_capabilities(struct cli *cli, const struct arguments *args)
{
    if (cli_connection(cli) == NULL) {
        return false;
    }
    return show(cli, "xml", viv_capabilities(cli->connection, cli_error(cli))) ||
           cli_fail(cli, "failed to get capabilities");
}

static bool run_domcapabilities(struct cli *cli, const struct arguments *args)
{
    if (cli_connection(cli) == NULL) {
        return false;
    }
    char *xml = viv_domain_capabilities(cli->connection, arg_text(args, "emulatorbin"),
                                        arg_text(args, "arch"), arg_text(args, "machine"),
                                        arg_text(args, "virttype"), 0, cli_error(cli));

    return xml != NULL ? document_show(cli, args, xml)
                       : cli_fail(cli, "failed to get emulator capabilities");
}

static bool run_maxvcpus(struct cli *cli, const struct arguments *args)
{
    int n = cli_connection(cli) != NULL
                ? viv_max_vcpus(cli->connection, arg_text(args, "type"), cli_error(cli))
                : -1;

    if (n >= 0) {
        printf("%d\n", n);
    }
    return n >= 0;
}

static bool run_nodeinfo(struct cli *cli, const struct arguments *args)
{
    struct viv_node_info info;

    if (cli_connection(cli) == NULL) {
        return false;
    }
    if (viv_node_info(cli->connection, &info, cli_error(cli)) != 0) {
        return cli_fail(cli, "failed to get node information");
    }
    struct fields *fields = fields_new(21);

    fields_add(fields, "CPU model", "%s", info.model);
    fields_add(fields, "CPU(s)", "%u", info.cpus);
    if (info.mhz != 0) {
        fields_add(fields, "CPU frequency", "%u MHz", info.mhz);
    }
    fields_add(fields, "CPU socket(s)", "%u", info.sockets);
    fields_add(fields, "Core(s) per socket", "%u", info.cores);
    fields_add(fields, "Thread(s) per core", "%u", info.threads);
    fields_add(fields, "NUMA cell(s)", "%u", info.cells);
    fields_add(fields, "Memory size", "%" PRIu64 " KiB", info.memory_kib);
    fields_show(fields, cli);
    return true;
}

static char *version_text(uint64_t version)
{
    return g_strdup_printf("%" PRIu64 ".%" PRIu64 ".%" PRIu64, version / 1000000,
                           version / 1000 % 1000, version % 1000);
}

static void add_version(struct fields *fields, const char *name, const char *prefix,
                        uint64_t version)
{
    g_autofree char *text = version_text(version);

    fields_add(fields, name, "%s%s", prefix, text);
}

static bool run_version(struct cli *cli, const struct arguments *args)
{
    uint64_t version;

    if (cli_connection(cli) == NULL) {
        return false;
    }
    char *type = viv_type(cli->connection, cli_error(cli));

    if (type == NULL) {
        return cli_fail(cli, "failed to get hypervisor type");
    }
    struct fields *fields = fields_new(1);
    g_autofree char *prefix = g_strconcat(type, " ", NULL);
    bool good = viv_version(cli->connection, &version, cli_error(cli)) == 0;

    viv_free(type);
    fields_add(fields, "Compiled against library", LIBRARY);
    fields_add(fields, "Using library", LIBRARY);
    fields_add(fields, "Using API", "%s9.0.0", prefix);
    if (!good) {
        cli_fail(cli, "failed to get the hypervisor version");
    } else {
        add_version(fields, "Running hypervisor", prefix, version);
        if (arg_given(args, "daemon") &&
            viv_library_version(cli->connection, &version, cli_error(cli)) == 0) {
            add_version(fields, "Running against daemon", "", version);
        }
    }
    fields_show(fields, cli);
    return good;
}

static bool run_sysinfo(struct cli *cli, const struct arguments *args)
{
    if (cli_connection(cli) == NULL) {
        return false;
    }
    char *text = viv_sysinfo(cli->connection, 0, cli_error(cli));

    if (text != NULL) {
        fputs(text, stdout);
    }
    viv_free(text);
    return text != NULL || cli_fail(cli, "failed to get sysinfo");
}

static bool run_nodecpumap(struct cli *cli, const struct arguments *args)
{
    struct viv_cpu_map online;
    unsigned n_online;
    int n = cli_connection(cli) != NULL
                ? viv_host_cpus(cli->connection, &online, &n_online, cli_error(cli))
                : -1;

    if (n < 0) {
        return cli->connection != NULL && cli_fail(cli, "Unable to get cpu map");
    }
    g_autofree char *marks = cpumap_marks(&online, (unsigned)n);
    g_autofree char *list = cpumap_list(&online, (unsigned)n);
    struct report *report = report_new("", 15, " ");

    report_add(report, "CPUs present:", "%d", n);
    report_add(report, "CPUs online:", "%u", n_online);
    report_add(report, "CPU map:", "%s", arg_given(args, "pretty") ? list : marks);
    return report_show(report, cli);
}

const struct verb host_verbs[] = {
    {"capabilities", run_capabilities}, {"domcapabilities", run_domcapabilities},
    {"hostname", run_hostname},         {"maxvcpus", run_maxvcpus},
    {"nodecpumap", run_nodecpumap},     {"nodeinfo", run_nodeinfo},
    {"sysinfo", run_sysinfo},           {"uri", run_uri},
    {"version", run_version},           {NULL},
};
