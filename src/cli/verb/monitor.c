/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that tell what a domain uses and how it is. */
#include "cli/command.h"
#include "cli/document.h"
#include "cli/report.h"
#include "cli/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <viv/monitor.h>

#define XML_INACTIVE 2
#define NO_SUPPORT   3
#define SOURCE                                                                           \
    "string(./source/@file|./source/@dev|./source/@dir|./source/@name|./source/@volume|" \
    "./source/@path)"
#define RULE "-------------------------------------------------------------------------------"
#define INTERFACE_SOURCE \
    "string(./source/@bridge|./source/@dev|./source/@network|./source/@name|./source/@path)"

static unsigned inactive(const struct arguments *args)
{
    return arg_given(args, "inactive") || arg_given(args, "config") ? XML_INACTIVE : 0;
}

/* The values of paths as a row, "-" for what is not there. */
static void add_row(struct table *table, struct document *document, xmlNodePtr node,
                    const char *const *paths)
{
    char *texts[6] = {NULL};

    for (int i = 0; paths[i] != NULL; i++) {
        texts[i] = document_text(document, node, paths[i]);
        if (*texts[i] == '\0') {
            g_free(texts[i]);
            texts[i] = g_strdup("-");
        }
    }
    table_add(table, texts[0], texts[1], texts[2], texts[3], texts[4], NULL);
    for (int i = 0; texts[i] != NULL; i++) {
        g_free(texts[i]);
    }
}

static bool run_domblklist(struct cli *cli, const struct arguments *args)
{
    static const char *const details[] = {"string(./@type)", "string(./@device)",
                                          "string(./target/@dev)", SOURCE, NULL};
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    auto_document struct document *xml =
        domain != NULL ? document_of(cli, domain, inactive(args)) : NULL;
    bool all = arg_given(args, "details");

    if (xml == NULL) {
        return false;
    }
    struct table *table = all ? table_new("Type", "Device", "Target", "Source", NULL)
                              : table_new("Target", "Source", NULL);
    g_autofree xmlNodePtr *disks = document_nodes(xml, NULL, "/domain/devices/disk");

    for (xmlNodePtr *disk = disks; *disk != NULL; disk++) {
        add_row(table, xml, *disk, all ? details : details + 2);
    }
    table_show(table, cli);
    return true;
}

static bool run_domiflist(struct cli *cli, const struct arguments *args)
{
    static const char *const paths[] = {"string(./target/@dev)",  "string(./@type)",
                                        INTERFACE_SOURCE,         "string(./model/@type)",
                                        "string(./mac/@address)", NULL};
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    auto_document struct document *xml =
        domain != NULL ? document_of(cli, domain, inactive(args)) : NULL;

    if (xml == NULL) {
        return false;
    }
    struct table *table = table_new("Interface", "Type", "Source", "Model", "MAC", NULL);
    g_autofree xmlNodePtr *nics = document_nodes(xml, NULL, "/domain/devices/interface");

    for (xmlNodePtr *nic = nics; *nic != NULL; nic++) {
        add_row(table, xml, *nic, paths);
    }
    table_show(table, cli);
    return true;
}

/* Bytes, or "1.000 TiB". */
static char *bytes_text(uint64_t bytes, bool human)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    unsigned unit = 0;

    while (human && value >= 1024 && unit + 1 < G_N_ELEMENTS(units)) {
        value /= 1024;
        unit++;
    }
    return human ? g_strdup_printf("%.3f %s", value, units[unit])
                 : g_strdup_printf("%" PRIu64, bytes);
}

static bool block_info_all(struct cli *cli, struct viv_object *domain, bool human)
{
    auto_document struct document *xml = document_of(cli, domain, 0);
    g_autofree xmlNodePtr *disks =
        xml != NULL ? document_nodes(xml, NULL, "/domain/devices/disk") : NULL;

    if (xml == NULL) {
        return false;
    }
    struct table *table = table_new("Target", "Capacity", "Allocation", "Physical", NULL);

    for (xmlNodePtr *disk = disks; *disk != NULL; disk++) {
        g_autofree char *target = document_text(xml, *disk, "string(./target/@dev)");
        g_autofree char *source = document_text(xml, *disk, SOURCE);
        struct viv_block_info info;

        if (*source == '\0' || viv_domain_block_info(domain, target, &info, cli_error(cli)) != 0) {
            table_add(table, target, "-", "-", "-", NULL);
            continue;
        }
        g_autofree char *capacity = bytes_text(info.capacity, human);
        g_autofree char *allocation = bytes_text(info.allocation, human);
        g_autofree char *physical = bytes_text(info.physical, human);

        table_add(table, target, capacity, allocation, physical, NULL);
    }
    table_show(table, cli);
    return true;
}

static bool run_domblkinfo(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    bool all = arg_given(args, "all"), human = arg_given(args, "human");
    struct viv_block_info info;

    if (domain == NULL) {
        return false;
    }
    if (!all && !arg_given(args, "device")) {
        return cli_fail(cli, "command 'domblkinfo' requires <device> option");
    }
    if (all) {
        return block_info_all(cli, domain, human);
    }
    if (viv_domain_block_info(domain, arg_text(args, "device"), &info, cli_error(cli)) != 0) {
        return false;
    }
    g_autofree char *capacity = bytes_text(info.capacity, human);
    g_autofree char *allocation = bytes_text(info.allocation, human);
    g_autofree char *physical = bytes_text(info.physical, human);
    struct report *report = report_new("", 15, " ");

    report_add(report, "Capacity:", "%s", capacity);
    report_add(report, "Allocation:", "%s", allocation);
    report_add(report, "Physical:", "%s", physical);
    return report_show(report, cli);
}

/* libvirt's name, virsh's name, virsh's words. */
static const char *const block_words[][3] = {
    {"rd_operations", "rd_req", "number of read operations:"},
    {"rd_bytes", "rd_bytes", "number of bytes read:"},
    {"wr_operations", "wr_req", "number of write operations:"},
    {"wr_bytes", "wr_bytes", "number of bytes written:"},
    {"errs", "errs", "error count:"},
    {"flush_operations", "flush_operations", "number of flush operations:"},
    {"rd_total_times", "rd_total_times", "total duration of reads (ns):"},
    {"wr_total_times", "wr_total_times", "total duration of writes (ns):"},
    {"flush_total_times", "flush_total_times", "total duration of flushes (ns):"},
};

static bool known_block_word(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(block_words); i++) {
        if (strcmp(block_words[i][0], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool show_block_stats(struct cli *cli, const char *disk, const struct viv_param *params,
                             bool human)
{
    g_autofree char *prefix = g_strdup_printf("%s ", human ? "" : disk);
    g_autofree char *heading = human ? g_strdup_printf("Device: %s", disk) : NULL;
    struct report *report = report_new(prefix, human ? 31 : 0, " ");

    if (human) {
        report_section(report, heading, "device", disk);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(block_words); i++) {
        const struct viv_param *param = viv_params_find(params, block_words[i][0]);
        g_autofree char *text = param != NULL ? param_text(param) : NULL;

        if (text != NULL && *text != '-') {
            report_add(report, block_words[i][human ? 2 : 1], "%s", text);
        }
    }
    for (; params->name != NULL; params++) {
        if (!known_block_word(params->name)) {
            report_add_param(report, params);
        }
    }
    return report_show(report, cli);
}

static bool run_domblkstat(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    const char *disk = arg_given(args, "device") ? arg_text(args, "device") : "";
    bool human = arg_given(args, "human");
    struct viv_block_counters c;

    if (domain == NULL) {
        return false;
    }
    struct viv_param *params = viv_domain_block_stats(domain, disk, cli_error(cli));

    if (params != NULL) {
        bool good = show_block_stats(cli, disk, params, human);

        viv_params_free(params);
        return good;
    }
    if (viv_error_code(cli->error) != NO_SUPPORT) {
        return cli_fail(cli, "Failed to get block stats for domain '%s' device '%s'",
                        viv_object_name(domain), disk);
    }
    if (viv_domain_block_counters(domain, disk, &c, cli_error(cli)) != 0) {
        return cli_fail(cli, "Failed to get block stats %s %s", viv_object_name(domain), disk);
    }
    const struct viv_param plain[] = {
        {"rd_operations", VIV_PARAM_INT64, {.number = c.reads}},
        {"rd_bytes", VIV_PARAM_INT64, {.number = c.read_bytes}},
        {"wr_operations", VIV_PARAM_INT64, {.number = c.writes}},
        {"wr_bytes", VIV_PARAM_INT64, {.number = c.written_bytes}},
        {"errs", VIV_PARAM_INT64, {.number = c.errors}},
        {NULL},
    };

    return show_block_stats(cli, disk, plain, human);
}

static bool run_domblkerror(struct cli *cli, const struct arguments *args)
{
    static const char *const words[] = {"no error", "unspecified error", "no space"};
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    struct viv_disk_error *errors =
        domain != NULL ? viv_domain_disk_errors(domain, cli_error(cli)) : NULL;

    if (errors == NULL) {
        return false;
    }
    struct report *report = report_new("", 0, ": ");

    for (struct viv_disk_error *e = errors; e->disk != NULL; e++) {
        report_add(report, e->disk, "%s",
                   (unsigned)e->error < G_N_ELEMENTS(words) ? words[e->error] : "unknown error");
    }
    if (errors->disk == NULL && !cli->json) {
        puts("No errors found");
    }
    viv_disk_errors_free(errors);
    return report_show(report, cli);
}

static bool run_domblkthreshold(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    uint64_t bytes;

    return domain != NULL && arg_scaled(cli, args, "threshold", 1, &bytes) &&
           viv_domain_block_threshold(domain, arg_text(args, "dev"), bytes, cli_error(cli)) == 0;
}

/* The one with that target or address, in the definition; NULL where there is none. */
static xmlNodePtr find_interface(struct document *xml, const char *name)
{
    g_autofree xmlNodePtr *nics = document_nodes(xml, NULL, "/domain/devices/interface");

    for (xmlNodePtr *nic = nics; *nic != NULL; nic++) {
        g_autofree char *target = document_text(xml, *nic, "string(./target/@dev)");
        g_autofree char *mac = document_text(xml, *nic, "string(./mac/@address)");

        if (strcmp(target, name) == 0 || g_ascii_strcasecmp(mac, name) == 0) {
            return *nic;
        }
    }
    return NULL;
}

static bool is_mac(const char *text)
{
    unsigned parts[6];
    char rest;

    return sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%c", &parts[0], &parts[1], &parts[2], &parts[3],
                  &parts[4], &parts[5], &rest) == 6;
}

static bool run_domif_getlink(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    const char *name = arg_text(args, "interface");
    auto_document struct document *xml =
        domain != NULL ? document_of(cli, domain, inactive(args)) : NULL;

    if (xml == NULL) {
        return false;
    }
    xmlNodePtr nic = find_interface(xml, name);

    if (nic == NULL) {
        return cli_fail(
            cli, is_mac(name) ? "Interface (mac: %s) not found." : "Interface (dev: %s) not found.",
            name);
    }
    g_autofree char *state = document_text(xml, nic, "string(./link/@state)");

    return show_word(cli, "state", "%s %s", name, *state != '\0' ? state : "up");
}

static bool run_domif_setlink(struct cli *cli, const struct arguments *args)
{
    static const char *const states[] = {"up", "down", NULL};
    const char *name = arg_text(args, "interface"), *state = arg_text(args, "state");
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    unsigned affect = arg_given(args, "config") ? VIV_AFFECT_CONFIG : 0;

    if (domain == NULL) {
        return false;
    }
    if (word_index(states, state) < 0) {
        return cli_fail(cli, "invalid link state '%s'", state);
    }
    if (affect == 0 && viv_object_id(domain) >= 0) {
        affect = VIV_AFFECT_LIVE;
    } else {
        affect = VIV_AFFECT_CONFIG;
    }
    auto_document struct document *xml =
        document_of(cli, domain, affect == VIV_AFFECT_CONFIG ? XML_INACTIVE : 0);
    xmlNodePtr nic = xml != NULL ? find_interface(xml, name) : NULL;

    if (nic == NULL) {
        return xml != NULL && cli_fail(cli, "interface '%s' not found", name);
    }
    xmlNodePtr link = document_node(xml, nic, "./link");

    link = link != NULL ? link : xmlNewChild(nic, NULL, BAD_CAST "link", NULL);
    xmlSetProp(link, BAD_CAST "state", BAD_CAST state);
    g_autofree char *text = document_xml(xml, nic);

    if (arg_given(args, "print-xml")) {
        return show_word(cli, "xml", "%s", text);
    }
    return viv_domain_update(domain, text, affect, cli_error(cli)) == 0
               ? cli_say(cli, "Device updated successfully\n")
               : cli_fail(cli, "Failed to update interface link state");
}

static bool run_domifstat(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    const char *name = arg_text(args, "interface");
    struct viv_interface_stats stats;

    if (domain == NULL) {
        return false;
    }
    if (viv_domain_interface_stats(domain, name, &stats, cli_error(cli)) != 0) {
        return cli_fail(cli, "Failed to get interface stats %s %s", viv_object_name(domain), name);
    }
    const struct {
        const char *name;
        int64_t value;
    } rows[] = {{"rx_bytes", stats.rx_bytes}, {"rx_packets", stats.rx_packets},
                {"rx_errs", stats.rx_errors}, {"rx_drop", stats.rx_drops},
                {"tx_bytes", stats.tx_bytes}, {"tx_packets", stats.tx_packets},
                {"tx_errs", stats.tx_errors}, {"tx_drop", stats.tx_drops}};
    g_autofree char *prefix = g_strconcat(name, " ", NULL);
    struct report *report = report_new(prefix, 0, " ");

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (rows[i].value >= 0) {
            report_add(report, rows[i].name, "%" PRId64, rows[i].value);
        }
    }
    return report_show(report, cli);
}

/* An interface's further addresses have "-" where its name and address were. */
static void print_addresses(const struct viv_address *list, const char *only, bool full)
{
    const char *before = NULL;

    for (; list->interface != NULL; list++) {
        bool again = before != NULL && strcmp(before, list->interface) == 0 && !full;
        const char *mac = list->mac != NULL ? list->mac : "";

        before = list->interface;
        if (only != NULL && strcmp(only, list->interface) != 0) {
            continue;
        }
        if (list->type < 0) {
            printf(" %-10s %-17s    %-12s %s\n", list->interface, mac, "N/A", "N/A");
        } else {
            printf(" %-10s %-17s    %-12s %s/%u\n", again ? "-" : list->interface,
                   again ? "-" : mac, list->type == 0 ? "ipv4" : "ipv6", list->address,
                   list->prefix);
        }
    }
}

static bool address_table(struct cli *cli, const struct viv_address *list, const char *only)
{
    struct table *table = table_new("Name", "MAC address", "Protocol", "Address", NULL);

    for (; list->interface != NULL; list++) {
        g_autofree char *address = g_strdup_printf("%s/%u", list->address, list->prefix);

        if (only == NULL || strcmp(only, list->interface) == 0) {
            table_add(table, list->interface, list->mac != NULL ? list->mac : "",
                      list->type < 0    ? "N/A"
                      : list->type == 0 ? "ipv4"
                                        : "ipv6",
                      list->type < 0 ? "N/A" : address, NULL);
        }
    }
    table_show(table, cli);
    return true;
}

static bool run_domifaddr(struct cli *cli, const struct arguments *args)
{
    static const char *const sources[] = {"lease", "agent", "arp", NULL};
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    const char *word = arg_text(args, "source"), *only = arg_text(args, "interface");
    int source = word != NULL ? word_index(sources, word) : 0;

    if (domain == NULL) {
        return false;
    }
    if (source < 0) {
        return cli_fail(cli, "Unknown data source '%s'", word);
    }
    struct viv_address *list = viv_domain_addresses(domain, (unsigned)source, cli_error(cli));

    if (list == NULL) {
        return cli_fail(cli, "Failed to query for interfaces addresses");
    }
    if (cli->json) {
        address_table(cli, list, only);
    } else {
        if (!cli->quiet) {
            printf(" %-10s %-20s %-8s     %s\n%s\n", "Name", "MAC address", "Protocol", "Address",
                   RULE);
        }
        print_addresses(list, only, arg_given(args, "full"));
    }
    viv_addresses_free(list);
    return true;
}

static bool run_dommemstat(struct cli *cli, const struct arguments *args)
{
    static const char *const names[] = {
        "swap_in",     "swap_out",        "major_fault",   "minor_fault", "unused",
        "available",   "actual",          "rss",           "usable",      "last_update",
        "disk_caches", "hugetlb_pgalloc", "hugetlb_pgfail"};
    unsigned affect;
    int period = 0;
    size_t n;

    if (!cli_affect(cli, args, &affect)) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    if (domain == NULL || !arg_i32(cli, args, "period", &period)) {
        return false;
    }
    if (arg_given(args, "period")) {
        if (period < 0) {
            return cli_fail(cli, "Invalid collection period value '%d'", period);
        }
        return viv_domain_set_memory_period(domain, period, affect, cli_error(cli)) == 0 ||
               cli_fail(cli, "Unable to change balloon collection period.");
    }
    struct viv_memory_stat *stats = viv_domain_memory_stats(domain, &n, cli_error(cli));

    if (stats == NULL) {
        return cli_fail(cli, "Failed to get memory statistics for domain %s",
                        viv_object_name(domain));
    }
    struct report *report = report_new("", 0, " ");

    for (size_t i = 0; i < n; i++) {
        if ((unsigned)stats[i].tag < G_N_ELEMENTS(names)) {
            report_add(report, names[stats[i].tag], "%" PRIu64, stats[i].value);
        }
    }
    viv_free(stats);
    return report_show(report, cli);
}

static struct viv_object **find_all(struct cli *cli, char **names)
{
    GPtrArray *domains = g_ptr_array_new();
    bool good = cli_connection(cli) != NULL;

    for (; good && names != NULL && *names != NULL; names++) {
        struct viv_object *domain = cli_find(cli, VIV_DOMAIN, *names);

        good = domain != NULL;
        if (good) {
            g_ptr_array_add(domains, domain);
        }
    }
    g_ptr_array_add(domains, NULL);
    struct viv_object **list = (struct viv_object **)g_ptr_array_free(domains, FALSE);

    if (!good) {
        viv_objects_free(list);
        return NULL;
    }
    return list;
}

static bool run_domstats(struct cli *cli, const struct arguments *args)
{
    static const struct flag_row groups[] = {{"state", 1},       {"cpu-total", 2},  {"balloon", 4},
                                             {"vcpu", 8},        {"interface", 16}, {"block", 32},
                                             {"perf", 64},       {"iothread", 128}, {"memory", 256},
                                             {"dirtyrate", 512}, {"vm", 1024},      {NULL}};
    static const struct flag_row flags[] = {
        {"list-active", 1},   {"list-inactive", 2},  {"list-persistent", 4}, {"list-transient", 8},
        {"list-running", 16}, {"list-paused", 32},   {"list-shutoff", 64},   {"list-other", 128},
        {"nowait", 1U << 29}, {"backing", 1U << 30}, {"enforce", 1U << 31},  {NULL}};
    struct viv_object **domains = find_all(cli, arg_words(args, "domain"));

    if (domains == NULL) {
        return false;
    }
    struct viv_stats *stats = viv_domain_stats(cli->connection, domains, arg_flags(args, groups),
                                               arg_flags(args, flags), cli_error(cli));
    struct report *report = report_new("  ", 0, "=");

    report_space(report);
    for (struct viv_stats *s = stats; s != NULL && s->domain != NULL; s++) {
        const char *name = viv_object_name(s->domain);
        g_autofree char *heading = g_strdup_printf("Domain: '%s'", name);

        report_section(report, heading, "domain", name);
        for (const struct viv_param *p = s->params; p->name != NULL; p++) {
            report_add_param(report, p);
        }
    }
    bool good = stats != NULL;

    viv_stats_free(stats);
    viv_objects_free(domains);
    report_show(report, cli);
    return good;
}

static bool run_domcontrol(struct cli *cli, const struct arguments *args)
{
    static const char *const states[] = {"ok", "background job", "occupied", "error", NULL};
    static const char *const reasons[] = {"", "unknown reason", "monitor failure",
                                          "internal (locking) error", NULL};
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    int state, details;
    unsigned ms;

    if (domain == NULL || viv_domain_control(domain, &state, &details, &ms, cli_error(cli)) != 0) {
        return false;
    }
    const char *word = (unsigned)state < 4 ? states[state] : "unknown";

    if (state != 0 && state != 3) {
        return show_line(cli, "state", "%s (%0.3fs)", word, ms / 1000.0);
    }
    return state == 3 && details > 0 && details < 4
               ? show_line(cli, "state", "%s: %s", word, reasons[details])
               : show_line(cli, "state", "%s", word);
}

static bool run_domdirtyrate(struct cli *cli, const struct arguments *args)
{
    static const char *const modes[] = {"page-sampling", "dirty-bitmap", "dirty-ring", NULL};
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    const char *word = arg_text(args, "mode");
    int seconds = 1, mode = word != NULL ? word_index(modes, word) : 0;

    if (domain == NULL || !arg_i32(cli, args, "seconds", &seconds)) {
        return false;
    }
    if (mode < 0) {
        return cli_fail(cli, "Unknown calculation mode '%s'", word);
    }
    return viv_domain_start_dirty_rate(domain, seconds, word != NULL ? 1U << mode : 0,
                                       cli_error(cli)) == 0 &&
           cli_say(cli, "Start to calculate domain's memory dirty rate successfully.\n");
}

static bool run_domjobabort(struct cli *cli, const struct arguments *args)
{
    static const struct flag_row flags[] = {{"postcopy", 1}, {NULL}};
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    return domain != NULL &&
           viv_domain_abort_job(domain, arg_flags(args, flags), cli_error(cli)) == 0;
}

static bool run_ttyconsole(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    auto_document struct document *xml = domain != NULL ? document_of(cli, domain, 0) : NULL;
    g_autofree char *path =
        xml != NULL ? document_text(xml, NULL, "string(/domain/devices/console/@tty)") : NULL;

    return path != NULL && *path != '\0' && show_line(cli, "tty", "%s", path);
}

/* "host:display", without the host where it listens everywhere. */
static bool run_vncdisplay(struct cli *cli, const struct arguments *args)
{
    const int first_port = 5900;
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    auto_document struct document *xml = domain != NULL ? document_of(cli, domain, 0) : NULL;

    if (xml == NULL) {
        return false;
    }
    xmlNodePtr node = document_node(xml, NULL, "/domain/devices/graphics[@type='vnc']");
    g_autofree char *port = node != NULL ? document_text(xml, node, "string(./@port)") : NULL;

    if (port == NULL || *port == '\0' || *port == '-') {
        return cli_fail(cli, "Failed to get VNC port. Is this domain using VNC?");
    }
    g_autofree char *listens = document_text(xml, node, "string(./@listen)");
    g_autofree char *address = document_text(xml, node, "string(./listen/@address)");
    const char *host = *listens != '\0' ? listens : address;
    int display = (int)g_ascii_strtoll(port, NULL, 10) - first_port;

    return show_line(cli, "display", "%s:%d", strcmp(host, "0.0.0.0") == 0 ? "" : host, display);
}

const struct verb monitor_verbs[] = {
    {"domblkerror", run_domblkerror},
    {"domblkinfo", run_domblkinfo},
    {"domblklist", run_domblklist},
    {"domblkstat", run_domblkstat},
    {"domblkthreshold", run_domblkthreshold},
    {"domcontrol", run_domcontrol},
    {"domdirtyrate-calc", run_domdirtyrate},
    {"domif-getlink", run_domif_getlink},
    {"domif-setlink", run_domif_setlink},
    {"domifaddr", run_domifaddr},
    {"domiflist", run_domiflist},
    {"domifstat", run_domifstat},
    {"domjobabort", run_domjobabort},
    {"dommemstat", run_dommemstat},
    {"domstats", run_domstats},
    {"ttyconsole", run_ttyconsole},
    {"vncdisplay", run_vncdisplay},
    {NULL},
};
