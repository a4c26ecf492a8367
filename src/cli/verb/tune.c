/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that show or set limits and shares of a domain. */
#include "cli/command.h"
#include "cli/rate.h"
#include "cli/report.h"

#include <stdio.h>
#include <string.h>
#include <viv/tuning.h>

#define UNLIMITED 9007199254740991

static const char *const numa_modes[] = {"strict", "preferred", "interleave", "restrictive", NULL};

/* One command: what it is about, and its words where something fails. */
struct tune {
    enum viv_tuning what;
    const char *device; /* the option that names one, or NULL */
    const char *count_failed, *get_failed, *set_failed;
};

/* Values that a command is to set. */
static GArray *new_params(void)
{
    return g_array_new(TRUE, TRUE, sizeof(struct viv_param));
}

static void add_text(GArray *params, const char *name, const char *text)
{
    const struct viv_param param = {name, VIV_PARAM_TEXT, {.text = text}};

    g_array_append_val(params, param);
}

static void add_natural(GArray *params, const char *name, enum viv_param_type type, uint64_t value)
{
    const struct viv_param param = {name, type, {.natural = value}};

    g_array_append_val(params, param);
}

static void add_number(GArray *params, const char *name, enum viv_param_type type, int64_t value)
{
    const struct viv_param param = {name, type, {.number = value}};

    g_array_append_val(params, param);
}

static void show_param(struct report *report, const struct viv_param *param)
{
    if (param->type == VIV_PARAM_UINT64 && param->value.natural == UNLIMITED) {
        report_add(report, param->name, "unlimited");
    } else if (strcmp(param->name, "numa_mode") == 0 && param->type == VIV_PARAM_INT &&
               param->value.number >= 0 &&
               param->value.number + 1 < (int64_t)G_N_ELEMENTS(numa_modes)) {
        report_add(report, param->name, "%s", numa_modes[param->value.number]);
    } else {
        report_add_param(report, param);
    }
}

static bool show(struct cli *cli, struct viv_object *domain, const struct tune *tune,
                 const char *device, unsigned flags)
{
    int n = tune->count_failed != NULL
                ? viv_domain_tunings(domain, tune->what, device, flags, cli_error(cli))
                : 0;

    if (n < 0) {
        return cli_fail(cli, "%s", tune->count_failed);
    }
    struct viv_param *params = viv_domain_tuning(domain, tune->what, device, flags, cli_error(cli));

    if (params == NULL) {
        return cli_fail(cli, "%s", tune->get_failed);
    }
    struct report *report = report_new("", 15, ": ");

    for (const struct viv_param *p = params; p->name != NULL; p++) {
        show_param(report, p);
    }
    viv_params_free(params);
    return report_show(report, cli);
}

/* Shows when there is nothing to set. Takes the array. */
static bool show_or_set(struct cli *cli, const struct arguments *args, const struct tune *tune,
                        struct viv_object *domain, GArray *params, unsigned flags)
{
    const char *device = tune->device != NULL ? arg_text(args, tune->device) : NULL;
    bool good = params->len == 0 ? show(cli, domain, tune, device, flags)
                                 : viv_domain_tune(domain, tune->what, device,
                                                   (const struct viv_param *)(void *)params->data,
                                                   flags, cli_error(cli)) == 0 ||
                                       cli_fail(cli, "%s", tune->set_failed);

    g_array_unref(params);
    return good;
}

static bool take_limit(struct cli *cli, const struct arguments *args, const char *option,
                       uint64_t *ret_kib)
{
    uint64_t bytes;

    if (strcmp(arg_text(args, option), "-1") == 0) {
        *ret_kib = UNLIMITED;
        return true;
    }
    if (!arg_scaled(cli, args, option, 1024, &bytes)) {
        return cli_fail(cli, "Unable to parse integer parameter %s", option);
    }
    *ret_kib = bytes / 1024;
    return true;
}

static bool run_memtune(struct cli *cli, const struct arguments *args)
{
    static const struct tune tune = {
        VIV_TUNE_MEMORY, NULL, "Unable to get number of memory parameters",
        "Unable to get memory parameters", "Unable to change memory parameters"};
    static const char *const limits[][2] = {{"hard-limit", "hard_limit"},
                                            {"soft-limit", "soft_limit"},
                                            {"swap-hard-limit", "swap_hard_limit"},
                                            {"min-guarantee", "min_guarantee"}};
    unsigned flags;

    if (!cli_affect(cli, args, &flags)) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    g_autoptr(GArray) params = new_params();
    uint64_t kib;

    for (unsigned i = 0; domain != NULL && i < G_N_ELEMENTS(limits); i++) {
        if (!arg_given(args, limits[i][0])) {
            continue;
        }
        if (!take_limit(cli, args, limits[i][0], &kib)) {
            return false;
        }
        add_natural(params, limits[i][1], VIV_PARAM_UINT64, kib);
    }
    return domain != NULL && show_or_set(cli, args, &tune, domain, g_array_ref(params), flags);
}

static bool run_blkiotune(struct cli *cli, const struct arguments *args)
{
    static const struct tune tune = {
        VIV_TUNE_BLKIO, NULL, "Unable to get number of blkio parameters",
        "Unable to get blkio parameters", "Unable to change blkio parameters"};
    static const char *const texts[][2] = {{"device-weights", "device_weight"},
                                           {"device-read-iops-sec", "device_read_iops_sec"},
                                           {"device-write-iops-sec", "device_write_iops_sec"},
                                           {"device-read-bytes-sec", "device_read_bytes_sec"},
                                           {"device-write-bytes-sec", "device_write_bytes_sec"}};
    unsigned flags;
    int weight = 1;

    if (!cli_affect(cli, args, &flags)) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    if (domain == NULL || !arg_i32(cli, args, "weight", &weight)) {
        return false;
    }
    if (weight <= 0) {
        return cli_fail(cli, "Invalid value of %d for I/O weight", weight);
    }
    GArray *params = new_params();

    if (arg_given(args, "weight")) {
        add_natural(params, "weight", VIV_PARAM_UINT, (unsigned)weight);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
        if (arg_given(args, texts[i][0])) {
            add_text(params, texts[i][1], arg_text(args, texts[i][0]));
        }
    }
    return show_or_set(cli, args, &tune, domain, params, flags);
}

/* A mode by its name or libvirt's number. */
static bool take_mode(struct cli *cli, const char *text, int64_t *ret_mode)
{
    gint64 mode = word_index(numa_modes, text);

    if (mode < 0 &&
        !g_ascii_string_to_signed(text, 10, 0, G_N_ELEMENTS(numa_modes) - 2, &mode, NULL)) {
        return cli_fail(cli, "Invalid mode: %s", text);
    }
    *ret_mode = mode;
    return true;
}

static bool run_numatune(struct cli *cli, const struct arguments *args)
{
    static const struct tune tune = {
        VIV_TUNE_NUMA, NULL, "Unable to get number of memory parameters",
        "Unable to get numa parameters", "Unable to change numa parameters"};
    unsigned flags;
    int64_t mode;

    if (!cli_affect(cli, args, &flags)) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    if (domain == NULL ||
        (arg_given(args, "mode") && !take_mode(cli, arg_text(args, "mode"), &mode))) {
        return false;
    }
    GArray *params = new_params();

    if (arg_given(args, "nodeset")) {
        add_text(params, "numa_nodeset", arg_text(args, "nodeset"));
    }
    if (arg_given(args, "mode")) {
        add_number(params, "numa_mode", VIV_PARAM_INT, mode);
    }
    return show_or_set(cli, args, &tune, domain, params, flags);
}

/* Throttles are named as their options are. */
static bool add_throttles(struct cli *cli, const struct arguments *args, GArray *params)
{
    static const char *const names[][2] = {
        {"total-bytes-sec", "total_bytes_sec"},
        {"read-bytes-sec", "read_bytes_sec"},
        {"write-bytes-sec", "write_bytes_sec"},
        {"total-bytes-sec-max", "total_bytes_sec_max"},
        {"read-bytes-sec-max", "read_bytes_sec_max"},
        {"write-bytes-sec-max", "write_bytes_sec_max"},
        {"total-iops-sec", "total_iops_sec"},
        {"read-iops-sec", "read_iops_sec"},
        {"write-iops-sec", "write_iops_sec"},
        {"write-iops-sec-max", "write_iops_sec_max"},
        {"read-iops-sec-max", "read_iops_sec_max"},
        {"total-iops-sec-max", "total_iops_sec_max"},
        {"size-iops-sec", "size_iops_sec"},
        {"total-bytes-sec-max-length", "total_bytes_sec_max_length"},
        {"read-bytes-sec-max-length", "read_bytes_sec_max_length"},
        {"write-bytes-sec-max-length", "write_bytes_sec_max_length"},
        {"total-iops-sec-max-length", "total_iops_sec_max_length"},
        {"read-iops-sec-max-length", "read_iops_sec_max_length"},
        {"write-iops-sec-max-length", "write_iops_sec_max_length"},
    };
    uint64_t value;

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (!arg_given(args, names[i][0])) {
            continue;
        }
        if (!(strstr(names[i][0], "bytes") != NULL && strstr(names[i][0], "length") == NULL
                  ? arg_scaled(cli, args, names[i][0], 1, &value)
                  : arg_u64(cli, args, names[i][0], &value))) {
            return cli_fail(cli, "Unable to parse integer parameter");
        }
        add_natural(params, names[i][1], VIV_PARAM_UINT64, value);
    }
    return true;
}

static bool run_blkdeviotune(struct cli *cli, const struct arguments *args)
{
    static const struct tune tune = {
        VIV_TUNE_DISK, "device", "Unable to get number of block I/O throttle parameters",
        "Unable to get block I/O throttle parameters", "Unable to change block I/O throttle"};
    unsigned flags;

    if (!cli_affect(cli, args, &flags)) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    g_autoptr(GArray) params = new_params();

    if (domain == NULL || !add_throttles(cli, args, params)) {
        return false;
    }
    if (arg_given(args, "group-name")) {
        add_text(params, "group_name", arg_text(args, "group-name"));
    }
    return show_or_set(cli, args, &tune, domain, g_array_ref(params), flags);
}

/* All fields of a direction that is given, but a floor only where there is one. */
static bool add_rate(struct cli *cli, const struct arguments *args, const char *direction,
                     GArray *params)
{
    static const char *const names[][RATE_FIELDS] = {
        {"inbound.average", "inbound.peak", "inbound.burst", "inbound.floor"},
        {"outbound.average", "outbound.peak", "outbound.burst", "outbound.floor"}};
    uint64_t values[RATE_FIELDS];

    if (!rate_parse(cli, args, direction, values)) {
        return false;
    }
    for (unsigned i = 0; arg_given(args, direction) && i < RATE_FIELDS; i++) {
        if (i != RATE_FLOOR || values[i] != 0) {
            add_natural(params, names[*direction == 'o'][i], VIV_PARAM_UINT, values[i]);
        }
    }
    return true;
}

static bool run_domiftune(struct cli *cli, const struct arguments *args)
{
    static const struct tune tune = {
        VIV_TUNE_INTERFACE, "interface", "Unable to get number of interface parameters",
        "Unable to get interface parameters", "Unable to set interface parameters"};
    unsigned flags;

    if (!cli_affect(cli, args, &flags)) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    g_autoptr(GArray) params = new_params();

    return domain != NULL && add_rate(cli, args, "inbound", params) &&
           add_rate(cli, args, "outbound", params) &&
           show_or_set(cli, args, &tune, domain, g_array_ref(params), flags);
}

/* The text as a value of the type that a parameter has. */
static bool convert(struct viv_param *param, const char *text)
{
    char *end = NULL;
    gint64 number;
    guint64 natural;

    switch (param->type) {
    case VIV_PARAM_INT:
    case VIV_PARAM_INT64:
        if (!g_ascii_string_to_signed(text, 10, INT64_MIN, INT64_MAX, &number, NULL)) {
            return false;
        }
        param->value.number = number;
        return true;
    case VIV_PARAM_UINT:
    case VIV_PARAM_UINT64:
        if (!g_ascii_string_to_unsigned(text, 10, 0, UINT64_MAX, &natural, NULL)) {
            return false;
        }
        param->value.natural = natural;
        return true;
    case VIV_PARAM_DOUBLE:
        param->value.real = g_ascii_strtod(text, &end);
        return end != text && *end == '\0';
    case VIV_PARAM_BOOL: param->value.number = strcmp(text, "1") == 0; return true;
    default: param->value.text = text; return true;
    }
}

/* What --set, --weight and --cap say of one of the host's parameters; NULL: nothing. */
static const char *wanted(const struct arguments *args, const char *name, char **pair)
{
    if (pair[0] != NULL && strcmp(pair[0], name) == 0) {
        return pair[1];
    }
    if (strcmp(name, "weight") == 0 || strcmp(name, "cap") == 0) {
        return arg_text(args, name);
    }
    return NULL;
}

/* Those of the host's parameters that the options set. */
static bool take_schedule(struct cli *cli, const struct arguments *args,
                          const struct viv_param *current, GArray *params)
{
    const char *set = arg_text(args, "set");
    g_auto(GStrv) pair = g_strsplit(set != NULL ? set : "", "=", 2);
    bool known = set == NULL, weight = false, cap = false;

    if (set != NULL && strchr(set, '=') == NULL) {
        return cli_fail(cli, "Invalid syntax for --set, expecting name=value");
    }
    for (; current->name != NULL; current++) {
        const char *text = wanted(args, current->name, pair);
        struct viv_param param = *current;

        known = known || strcmp(param.name, pair[0]) == 0;
        weight = weight || strcmp(param.name, "weight") == 0;
        cap = cap || strcmp(param.name, "cap") == 0;
        if (text == NULL) {
            continue;
        }
        if (!convert(&param, text)) {
            return cli_fail(cli, "Unable to parse integer parameter %s", param.name);
        }
        if (param.type == VIV_PARAM_TEXT) {
            param.value.text = text == pair[1] ? strchr(set, '=') + 1 : text;
        }
        g_array_append_val(params, param);
    }
    if (arg_given(args, "weight") && !weight) {
        return cli_fail(cli, "invalid scheduler option: weight");
    }
    if (arg_given(args, "cap") && !cap) {
        return cli_fail(cli, "invalid scheduler option: cap");
    }
    return known || cli_fail(cli, "invalid scheduler option: %s", set);
}

static bool run_schedinfo(struct cli *cli, const struct arguments *args)
{
    unsigned flags;

    if (!cli_affect(cli, args, &flags)) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    char *name = domain != NULL ? viv_domain_scheduler(domain, cli_error(cli)) : NULL;
    struct report *report = report_new("", 15, ": ");
    g_autoptr(GArray) params = new_params();

    if (domain != NULL) {
        report_add(report, "Scheduler", "%s", name != NULL ? name : "Unknown");
    }
    struct viv_param *current =
        name != NULL ? viv_domain_tuning(domain, VIV_TUNE_SCHEDULER, NULL, flags, cli_error(cli))
                     : NULL;
    bool good = current != NULL && take_schedule(cli, args, current, params);

    if (good && params->len > 0) {
        good = viv_domain_tune(domain, VIV_TUNE_SCHEDULER, NULL,
                               (const struct viv_param *)(void *)params->data, flags,
                               cli_error(cli)) == 0;
        g_array_set_size(params, 0);
        viv_params_free(current);
        current = good ? viv_domain_tuning(domain, VIV_TUNE_SCHEDULER, NULL, flags, cli_error(cli))
                       : NULL;
    }
    for (const struct viv_param *p = current; good && p != NULL && p->name != NULL; p++) {
        report_add_param(report, p);
    }
    viv_params_free(current);
    viv_free(name);
    report_show(report, cli);
    return good;
}

static void add_events(GArray *params, char **names, bool on)
{
    for (; *names != NULL; names++) {
        add_number(params, *names, VIV_PARAM_BOOL, on);
    }
}

static bool run_perf(struct cli *cli, const struct arguments *args)
{
    const char *on = arg_text(args, "enable"), *off = arg_text(args, "disable");
    g_auto(GStrv) enable = g_strsplit(on != NULL ? on : "", ",", -1);
    g_auto(GStrv) disable = g_strsplit(off != NULL ? off : "", ",", -1);
    unsigned flags;

    if (!cli_affect(cli, args, &flags)) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    g_autoptr(GArray) params = new_params();
    struct viv_param *current = NULL;

    if (domain == NULL) {
        return false;
    }
    add_events(params, enable, true);
    add_events(params, disable, false);
    const struct viv_param *shown = (const struct viv_param *)(void *)params->data;

    if (params->len > 0) {
        if (viv_domain_tune(domain, VIV_TUNE_PERF, NULL, shown, flags, cli_error(cli)) != 0) {
            return cli_fail(cli, "Unable to enable/disable perf events");
        }
    } else {
        shown = current = viv_domain_tuning(domain, VIV_TUNE_PERF, NULL, flags, cli_error(cli));
        if (current == NULL) {
            return cli_fail(cli, "Unable to get perf events");
        }
    }
    struct report *report = report_new("", 15, ": ");

    for (; shown->name != NULL; shown++) {
        report_add(report, shown->name, "%s", shown->value.number != 0 ? "enabled" : "disabled");
    }
    viv_params_free(current);
    return report_show(report, cli);
}

static bool run_guestvcpus(struct cli *cli, const struct arguments *args)
{
    static const struct tune tune = {VIV_TUNE_GUEST_VCPUS, NULL, NULL, NULL, NULL};
    const char *cpus = arg_text(args, "cpulist");
    bool on = arg_given(args, "enable"), off = arg_given(args, "disable");

    if (!arg_exclusive(cli, args, "enable", "disable")) {
        return false;
    }
    if (cpus != NULL && !on && !off) {
        return cli_fail(cli,
                        "One of options --enable or --disable is required by option --cpulist");
    }
    if (cpus == NULL && (on || off)) {
        return cli_fail(cli, "Option --cpulist is required by option --%s",
                        on ? "enable" : "disable");
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    if (domain == NULL) {
        return false;
    }
    if (cpus != NULL) {
        return viv_domain_set_guest_vcpus(domain, cpus, on, 0, cli_error(cli)) == 0;
    }
    struct viv_param *params = viv_domain_tuning(domain, tune.what, NULL, 0, cli_error(cli));

    if (params == NULL) {
        return false;
    }
    struct report *report = report_new("", 15, ": ");

    for (const struct viv_param *p = params; p->name != NULL; p++) {
        report_add_param(report, p);
    }
    viv_params_free(params);
    return report_show(report, cli);
}

static bool run_domlaunchsecinfo(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    struct viv_param *params = domain != NULL ? viv_domain_tuning(domain, VIV_TUNE_LAUNCH_SECURITY,
                                                                  NULL, 0, cli_error(cli))
                                              : NULL;

    if (params == NULL) {
        return domain != NULL && cli_fail(cli, "Unable to get launch security parameters");
    }
    struct report *report = report_new("", 15, ": ");

    for (const struct viv_param *p = params; p->name != NULL; p++) {
        report_add_param(report, p);
    }
    viv_params_free(params);
    return report_show(report, cli);
}

static bool run_domsetlaunchsecstate(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    uint64_t address = 0;

    if (domain == NULL) {
        return false;
    }
    if (!arg_given(args, "secret") || !arg_given(args, "secrethdr")) {
        return cli_fail(cli, "Both secret and the secret header are required");
    }
    g_autofree char *secret = cli_file(cli, args, "secret");
    g_autofree char *header = secret != NULL ? cli_file(cli, args, "secrethdr") : NULL;

    if (header == NULL || !arg_u64(cli, args, "set-address", &address)) {
        return false;
    }
    g_autoptr(GArray) params = new_params();

    add_text(params, "sev-secret-header", header);
    add_text(params, "sev-secret", secret);
    if (arg_given(args, "set-address")) {
        add_natural(params, "sev-secret-set-address", VIV_PARAM_UINT64, address);
    }
    return viv_domain_tune(domain, VIV_TUNE_LAUNCH_SECURITY, NULL,
                           (const struct viv_param *)(void *)params->data, 0,
                           cli_error(cli)) == 0 ||
           cli_fail(cli, "Unable to set launch security state");
}

const struct verb tune_verbs[] = {
    {"blkdeviotune", run_blkdeviotune},
    {"blkiotune", run_blkiotune},
    {"domiftune", run_domiftune},
    {"domlaunchsecinfo", run_domlaunchsecinfo},
    {"domsetlaunchsecstate", run_domsetlaunchsecstate},
    {"guestvcpus", run_guestvcpus},
    {"memtune", run_memtune},
    {"numatune", run_numatune},
    {"perf", run_perf},
    {"schedinfo", run_schedinfo},
    {NULL},
};
