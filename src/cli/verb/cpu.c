/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands on a domain's vCPUs and threads: where they run, and how long they did. */
#include "cli/command.h"
#include "cli/cpumap.h"
#include "cli/report.h"
#include "cli/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <viv/monitor.h>
#include <viv/tuning.h>

static const char *vcpu_state(int state)
{
    static const char *const names[] = {"offline", "running", "blocked"};

    return (unsigned)state < G_N_ELEMENTS(names) ? names[state] : "no state";
}

static void add_affinity(struct report *report, const struct viv_cpu_map *map, unsigned cpus,
                         bool pretty)
{
    g_autofree char *list = cpumap_list(map, cpus);
    g_autofree char *marks = cpumap_marks(map, cpus);

    if (pretty) {
        report_add(report, "CPU Affinity:", "%s (out of %u)", list, cpus);
    } else {
        report_add(report, "CPU Affinity:", "%s", marks);
    }
}

static void add_vcpu(struct report *report, const struct viv_vcpu *vcpu, unsigned cpus, bool pretty)
{
    report_section(report, NULL, NULL, NULL);
    report_add(report, "VCPU:", "%u", vcpu->number);
    if (vcpu->cpu >= 0) {
        report_add(report, "CPU:", "%d", vcpu->cpu);
    } else {
        report_add(report, "CPU:", "N/A");
    }
    report_add(report, "State:", "%s", vcpu_state(vcpu->state));
    if (vcpu->time_ns != 0) {
        report_add(report, "CPU time:", "%.1fs", (double)vcpu->time_ns / 1e9);
    }
    add_affinity(report, &vcpu->map, cpus, pretty);
}

/* What the definition of a domain that does not run tells. */
static bool add_offline(struct cli *cli, struct viv_object *domain, struct report *report,
                        unsigned cpus, bool pretty)
{
    int vcpus = viv_domain_vcpus(domain, VIV_AFFECT_CONFIG, cli_error(cli));
    size_t n = 0;
    struct viv_cpu_map *maps = vcpus >= 0 ? viv_domain_pins(domain, (unsigned)vcpus, cpus,
                                                            VIV_AFFECT_CONFIG, &n, cli_error(cli))
                                          : NULL;

    for (unsigned i = 0; i < n; i++) {
        report_section(report, NULL, NULL, NULL);
        report_add(report, "VCPU:", "%u", i);
        report_add(report, "CPU:", "N/A");
        report_add(report, "State:", "N/A");
        report_add(report, "CPU time", "N/A");
        add_affinity(report, &maps[i], cpus, pretty);
    }
    viv_free(maps);
    return maps != NULL;
}

static bool run_vcpuinfo(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    unsigned cpus = domain != NULL ? cpumap_host(cli) : 0;
    bool pretty = arg_given(args, "pretty");
    struct viv_domain_info info;
    size_t n = 0;

    if (cpus == 0 || viv_domain_info(domain, &info, cli_error(cli)) != 0) {
        return false;
    }
    struct report *report = report_new("", 15, " ");
    bool good = true;

    report_space(report);
    if (info.state == VIV_STATE_SHUTOFF) {
        good = add_offline(cli, domain, report, cpus, pretty);
    } else {
        struct viv_vcpu *list = viv_domain_vcpu_list(domain, cpus, &n, cli_error(cli));

        good = list != NULL;
        for (size_t i = 0; i < n; i++) {
            add_vcpu(report, &list[i], cpus, pretty);
        }
        viv_free(list);
    }
    report_show(report, cli);
    return good;
}

static bool show_pins(struct cli *cli, struct viv_object *domain, int vcpu, unsigned vcpus,
                      unsigned cpus, unsigned flags)
{
    size_t n;
    struct viv_cpu_map *maps = viv_domain_pins(domain, vcpus, cpus, flags, &n, cli_error(cli));

    if (maps == NULL) {
        return false;
    }
    struct table *table = table_new("VCPU", "CPU Affinity", NULL);

    for (unsigned i = 0; i < n; i++) {
        g_autofree char *number = g_strdup_printf("%u", i);
        g_autofree char *list = cpumap_list(&maps[i], cpus);

        if (vcpu < 0 || (unsigned)vcpu == i) {
            table_add(table, number, list, NULL);
        }
    }
    viv_free(maps);
    table_show(table, cli);
    return true;
}

static bool run_vcpupin(struct cli *cli, const struct arguments *args)
{
    unsigned affect, number = 0;
    bool one = arg_given(args, "vcpu");
    const char *list = arg_text(args, "cpulist");
    struct viv_cpu_map map;

    if (!cli_affect(cli, args, &affect)) {
        return false;
    }
    if (list == NULL && !arg_exclusive(cli, args, "live", "config")) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    if (domain == NULL || !arg_u32(cli, args, "vcpu", &number)) {
        return false;
    }
    if (list != NULL && !one) {
        return cli_fail(cli, "vcpupin: Missing vCPU number in pin mode.");
    }
    unsigned cpus = cpumap_host(cli);

    if (cpus == 0) {
        return false;
    }
    if (list != NULL) {
        return cpumap_parse(cli, list, cpus, &map) &&
               viv_domain_pin(domain, number, &map, cpus, affect, cli_error(cli)) == 0;
    }
    int n = viv_domain_vcpus(domain, affect | VIV_MAXIMUM, cli_error(cli));

    if (n < 0) {
        return false;
    }
    if (one && number >= (unsigned)n) {
        return (affect & VIV_AFFECT_LIVE) != 0 || viv_object_id(domain) >= 0
                   ? cli_fail(cli, "vcpu %u is out of range of live cpu count %d", number, n)
                   : cli_fail(cli, "vcpu %u is out of range of persistent cpu count %d", number, n);
    }
    return show_pins(cli, domain, one ? (int)number : -1, (unsigned)n, cpus, affect);
}

static bool run_emulatorpin(struct cli *cli, const struct arguments *args)
{
    unsigned affect;
    const char *list = arg_text(args, "cpulist");
    struct viv_cpu_map map;

    if (!cli_affect(cli, args, &affect) ||
        (list == NULL && !arg_exclusive(cli, args, "live", "config"))) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    unsigned cpus = domain != NULL ? cpumap_host(cli) : 0;

    if (cpus == 0) {
        return false;
    }
    if (list != NULL) {
        return cpumap_parse(cli, list, cpus, &map) &&
               viv_domain_pin_emulator(domain, &map, cpus, affect, cli_error(cli)) == 0;
    }
    if (viv_domain_emulator_pin(domain, cpus, affect, &map, cli_error(cli)) < 0) {
        return false;
    }
    g_autofree char *held = cpumap_list(&map, cpus);

    if (cli->json) {
        return show_line(cli, "CPU Affinity", "%s", held);
    }
    if (!cli->quiet) {
        puts("emulator: CPU Affinity\n----------------------------------");
    }
    printf("       *: %s\n", held);
    return true;
}

static bool run_iothreadinfo(struct cli *cli, const struct arguments *args)
{
    unsigned affect;
    size_t n = 0;

    if (!cli_affect(cli, args, &affect)) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    struct viv_iothread *threads =
        domain != NULL ? viv_domain_iothreads(domain, affect, &n, cli_error(cli)) : NULL;

    if (threads == NULL) {
        return domain != NULL && cli_fail(cli, "Unable to get domain IOThreads information");
    }
    if (n == 0) {
        viv_free(threads);
        return cli_say(cli, "No IOThreads found for the domain");
    }
    unsigned cpus = cpumap_host(cli);
    struct table *table = table_new("IOThread ID", "CPU Affinity", NULL);

    for (size_t i = 0; i < n; i++) {
        g_autofree char *number = g_strdup_printf("%u", threads[i].number);
        g_autofree char *list = cpumap_list(&threads[i].map, cpus);

        table_add(table, number, list, NULL);
    }
    viv_free(threads);
    table_show(table, cli);
    return true;
}

/* The number of a thread; 0 is none. */
static bool take_thread(struct cli *cli, const struct arguments *args, const char *option,
                        unsigned *ret_number)
{
    int number = 0;

    if (!arg_i32(cli, args, option, &number)) {
        return false;
    }
    if (number <= 0) {
        return cli_fail(cli, "Invalid IOThread id value: '%d'", number);
    }
    *ret_number = (unsigned)number;
    return true;
}

static bool change_iothread(struct cli *cli, const struct arguments *args,
                            int (*change)(struct viv_object *, unsigned, unsigned,
                                          struct viv_error **))
{
    unsigned affect, number;

    if (!cli_affect(cli, args, &affect)) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    return domain != NULL && take_thread(cli, args, "id", &number) &&
           change(domain, number, affect, cli_error(cli)) == 0;
}

static bool run_iothreadadd(struct cli *cli, const struct arguments *args)
{
    return change_iothread(cli, args, viv_domain_add_iothread);
}

static bool run_iothreaddel(struct cli *cli, const struct arguments *args)
{
    return change_iothread(cli, args, viv_domain_del_iothread);
}

static bool run_iothreadpin(struct cli *cli, const struct arguments *args)
{
    unsigned affect, number = 0;
    struct viv_cpu_map map;

    if (!cli_affect(cli, args, &affect)) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    unsigned cpus = 0;

    if (domain == NULL || !arg_u32(cli, args, "iothread", &number) ||
        (cpus = cpumap_host(cli)) == 0) {
        return false;
    }
    return cpumap_parse(cli, arg_text(args, "cpulist"), cpus, &map) &&
           viv_domain_pin_iothread(domain, number, &map, cpus, affect, cli_error(cli)) == 0;
}

static bool run_iothreadset(struct cli *cli, const struct arguments *args)
{
    static const struct {
        const char *option, *name;
        enum viv_param_type type;
    } rows[] = {{"poll-max-ns", "poll_max_ns", VIV_PARAM_UINT64},
                {"poll-grow", "poll_grow", VIV_PARAM_UINT},
                {"poll-shrink", "poll_shrink", VIV_PARAM_UINT},
                {"thread-pool-min", "thread_pool_min", VIV_PARAM_INT},
                {"thread-pool-max", "thread_pool_max", VIV_PARAM_INT}};
    struct viv_param params[G_N_ELEMENTS(rows) + 1] = {{0}};
    unsigned affect, number, n = 0;

    if (!cli_affect(cli, args, &affect)) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    if (domain == NULL || !take_thread(cli, args, "id", &number)) {
        return false;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        int value = 0;

        if (!arg_given(args, rows[i].option)) {
            continue;
        }
        params[n].name = rows[i].name;
        params[n].type = rows[i].type;
        if (rows[i].type == VIV_PARAM_INT) {
            if (!arg_i32(cli, args, rows[i].option, &value)) {
                return false;
            }
            params[n].value.number = value;
        } else if (!arg_u64(cli, args, rows[i].option, &params[n].value.natural)) {
            return false;
        }
        n++;
    }
    if (n == 0) {
        return cli_fail(cli, "Not enough arguments passed, nothing to set");
    }
    return viv_domain_tune_iothread(domain, number, params, affect, cli_error(cli)) == 0;
}

static bool run_setvcpu(struct cli *cli, const struct arguments *args)
{
    unsigned affect;

    if (!cli_affect(cli, args, &affect) || !arg_exclusive(cli, args, "enable", "disable")) {
        return false;
    }
    if (!arg_given(args, "enable") && !arg_given(args, "disable")) {
        return cli_fail(cli, "one of --enable, --disable is required");
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    return domain != NULL &&
           viv_domain_set_vcpu(domain, arg_text(args, "vcpulist"), arg_given(args, "enable"),
                               affect, cli_error(cli)) == 0;
}

/* Times are in nanoseconds, as seconds with nine places. */
static void add_time(struct report *report, const struct viv_param *param)
{
    const char *name =
        strcmp(param->name, "cpu_time") == 0 || strcmp(param->name, "vcpu_time") == 0 ||
                strcmp(param->name, "user_time") == 0 || strcmp(param->name, "system_time") == 0
            ? param->name
            : NULL;

    if (name != NULL && param->type == VIV_PARAM_UINT64) {
        report_add(report, name, "%9" PRIu64 ".%09" PRIu64 " seconds",
                   param->value.natural / 1000000000, param->value.natural % 1000000000);
    } else {
        report_add_param(report, param);
    }
}

static void add_list(struct report *report, const char *what, const struct viv_param *list)
{
    g_autofree char *heading = g_strconcat(what, ":", NULL);

    report_section(report, heading, "of", what);
    for (; list->name != NULL; list++) {
        add_time(report, list);
    }
}

static bool add_cpus(struct cli *cli, struct viv_object *domain, struct report *report, int start,
                     int count)
{
    int most = viv_domain_cpu_stats_cpus(domain, cli_error(cli));

    if (most < 0) {
        return false;
    }
    if (start >= most) {
        return cli_fail(cli, "Start CPU %d is out of range (min: 0, max: %d)", start, most - 1);
    }
    if (count < 0 || count > most - start) {
        if (count >= 0) {
            cli_say(cli, "Only %d CPUs available to show\n", most - start);
        }
        count = most - start;
    }
    struct viv_param **lists = viv_domain_cpu_stats(domain, start, (unsigned)count, cli_error(cli));

    if (lists == NULL) {
        return false;
    }
    if (count > 0 && lists[0] == NULL) {
        cli_say(cli, "No per-CPU stats available\n");
    }
    for (int i = 0; lists[i] != NULL; i++) {
        g_autofree char *what = g_strdup_printf("CPU%d", start + i);

        add_list(report, what, lists[i]);
    }
    viv_param_lists_free(lists);
    return true;
}

static bool add_total(struct cli *cli, struct viv_object *domain, struct report *report)
{
    struct viv_param **lists = viv_domain_cpu_stats(domain, -1, 1, cli_error(cli));

    if (lists == NULL) {
        return false;
    }
    if (lists[0] == NULL) {
        cli_say(cli, "No total stats available\n");
    } else {
        add_list(report, "Total", lists[0]);
    }
    viv_param_lists_free(lists);
    return true;
}

static bool run_cpu_stats(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    bool start_given = arg_given(args, "start"), count_given = arg_given(args, "count");
    bool every = start_given || count_given || !arg_given(args, "total");
    bool total = arg_given(args, "total") || (!start_given && !count_given);
    int start = 0, count = -1;

    if (domain == NULL || !arg_i32(cli, args, "start", &start)) {
        return false;
    }
    if (start < 0) {
        return cli_fail(cli, "Invalid value for start CPU");
    }
    if (!arg_i32(cli, args, "count", &count)) {
        return false;
    }
    if (count_given && count < 0) {
        return cli_fail(cli, "Invalid value for number of CPUs to show");
    }
    struct report *report = report_new("\t", 12, " ");
    bool good = (!every || add_cpus(cli, domain, report, start, count)) &&
                (!total || add_total(cli, domain, report));

    report_show(report, cli);
    return good || cli_fail(cli, "Failed to retrieve CPU statistics for domain '%s'",
                            viv_object_name(domain));
}

const struct verb cpu_verbs[] = {
    {"cpu-stats", run_cpu_stats},
    {"emulatorpin", run_emulatorpin},
    {"iothreadadd", run_iothreadadd},
    {"iothreaddel", run_iothreaddel},
    {"iothreadinfo", run_iothreadinfo},
    {"iothreadpin", run_iothreadpin},
    {"iothreadset", run_iothreadset},
    {"setvcpu", run_setvcpu},
    {"vcpuinfo", run_vcpuinfo},
    {"vcpupin", run_vcpupin},
    {NULL},
};
