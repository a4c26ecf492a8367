/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands on one domain. */
#include "cli/command.h"
#include "cli/document.h"
#include "cli/report.h"
#include "cli/state.h"
#include "cli/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void add_security(struct cli *cli, struct fields *fields, struct viv_object *domain)
{
    struct viv_security *security = g_new0(struct viv_security, 1);

    if (viv_domain_security(domain, security, NULL) == 0 && *security->model != '\0') {
        fields_add(fields, "Security model", "%s", security->model);
        fields_add(fields, "Security DOI", "%s", security->doi);
        if (*security->label != '\0') {
            fields_add(fields, "Security label", "%s (%s)", security->label,
                       security->enforcing ? "enforcing" : "permissive");
        }
    }
    g_free(security);
}

/* Each is left out, or "no", where the driver cannot tell. */
static void add_traits(struct fields *fields, struct viv_object *domain)
{
    int persistent = viv_is_persistent(domain, NULL), autostart = viv_autostart(domain, NULL);
    int saved = viv_domain_has_saved(domain, NULL);

    fields_add(fields, "Persistent", "%s", persistent < 0 ? "unknown" : persistent ? "yes" : "no");
    if (autostart >= 0) {
        fields_add(fields, "Autostart", "%s", autostart ? "enable" : "disable");
    }
    fields_add(fields, "Managed save", "%s", saved < 0 ? "unknown" : saved ? "yes" : "no");
}

static bool run_dominfo(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    struct viv_domain_info info;

    if (domain == NULL) {
        return false;
    }
    g_autofree char *uuid = cli_uuid(viv_object_uuid(domain));
    struct fields *fields = fields_new(16);
    char *os = viv_domain_os(domain, NULL);

    if (viv_object_id(domain) >= 0) {
        fields_add(fields, "Id", "%d", viv_object_id(domain));
    } else {
        fields_add(fields, "Id", "-");
    }
    fields_add(fields, "Name", "%s", viv_object_name(domain));
    fields_add(fields, "UUID", "%s", uuid);
    if (os != NULL) {
        fields_add(fields, "OS Type", "%s", os);
    }
    viv_free(os);
    bool good = viv_domain_info(domain, &info, cli_error(cli)) == 0;

    if (good) {
        fields_add(fields, "State", "%s", state_name(info.state));
        fields_add(fields, "CPU(s)", "%u", info.vcpus);
        if (info.cpu_time_ns != 0) {
            fields_add(fields, "CPU time", "%.1fs", (double)info.cpu_time_ns / 1e9);
        }
        if (info.max_memory_kib != UINT32_MAX) {
            fields_add(fields, "Max memory", "%" PRIu64 " KiB", info.max_memory_kib);
        } else {
            fields_add(fields, "Max memory", "no limit");
        }
        fields_add(fields, "Used memory", "%" PRIu64 " KiB", info.memory_kib);
        add_traits(fields, domain);
        add_security(cli, fields, domain);
    }
    fields_show(fields, cli);
    return good;
}

static bool run_domstate(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    enum viv_state state;
    int reason;

    if (domain == NULL || viv_domain_state(domain, &state, &reason, cli_error(cli)) != 0) {
        return false;
    }
    return arg_given(args, "reason")
               ? show_line(cli, "state", "%s (%s)", state_name(state), state_reason(state, reason))
               : show_line(cli, "state", "%s", state_name(state));
}

static bool run_domid(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    if (domain == NULL) {
        return false;
    }
    return viv_object_id(domain) >= 0 ? show_line(cli, "id", "%d", viv_object_id(domain))
                                      : show_line(cli, "id", "-");
}

static bool run_domuuid(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    g_autofree char *uuid = domain != NULL ? cli_uuid(viv_object_uuid(domain)) : NULL;

    return uuid != NULL && show_line(cli, "uuid", "%s", uuid);
}

/* Only a number or a UUID is asked for its name, as virsh does it. */
static bool run_domname(struct cli *cli, const struct arguments *args)
{
    const char *text = arg_text(args, "domain");
    uint8_t uuid[VIV_UUID_BYTES];

    if (cli_connection(cli) == NULL) {
        return false;
    }
    if (!g_ascii_string_to_unsigned(text, 10, 0, INT32_MAX, NULL, NULL) &&
        !cli_parse_uuid(text, uuid)) {
        return cli_fail(cli, "failed to get domain '%s'", text);
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    return domain != NULL && show_line(cli, "name", "%s", viv_object_name(domain));
}

static bool run_dumpxml(struct cli *cli, const struct arguments *args)
{
    static const struct flag_row flags[] = {
        {"security-info", 1}, {"inactive", 2}, {"update-cpu", 4}, {"migratable", 8}, {NULL}};

    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    return domain != NULL &&
           document_show(cli, args, viv_xml(domain, arg_flags(args, flags), cli_error(cli)));
}

static bool from_file(struct cli *cli, const struct arguments *args, bool define, unsigned flags)
{
    const char *path = arg_text(args, "file"), *verb = define ? "define" : "create";
    g_autofree char *xml = cli_connection(cli) != NULL ? cli_file(cli, args, "file") : NULL;

    if (xml == NULL) {
        return false;
    }
    auto_object struct viv_object *domain =
        (define ? viv_define : viv_create)(cli->connection, VIV_DOMAIN, xml, flags, cli_error(cli));

    return domain != NULL
               ? cli_say(cli, "Domain '%s' %sd from %s\n", viv_object_name(domain), verb, path)
               : cli_fail(cli, "Failed to %s domain from %s", verb, path);
}

static bool run_define(struct cli *cli, const struct arguments *args)
{
    static const struct flag_row flags[] = {{"validate", 1}, {NULL}};

    return from_file(cli, args, true, arg_flags(args, flags));
}

static bool run_create(struct cli *cli, const struct arguments *args)
{
    static const struct flag_row flags[] = {
        {"paused", 1}, {"autodestroy", 2}, {"validate", 16}, {"reset-nvram", 32}, {NULL}};
    static const char *const missing[] = {"console", "pass-fds", NULL};

    return arg_unbuilt(cli, args, missing) && from_file(cli, args, false, arg_flags(args, flags));
}

static bool run_start(struct cli *cli, const struct arguments *args)
{
    static const struct flag_row flags[] = {{"paused", 1},       {"autodestroy", 2},
                                            {"bypass-cache", 4}, {"force-boot", 8},
                                            {"reset-nvram", 32}, {NULL}};
    static const char *const missing[] = {"console", "pass-fds", NULL};

    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    if (domain == NULL) {
        return false;
    }
    if (viv_object_id(domain) >= 0) {
        return cli_fail(cli, "Domain is already active");
    }
    if (!arg_unbuilt(cli, args, missing)) {
        return false;
    }
    return viv_start(domain, arg_flags(args, flags), cli_error(cli)) == 0
               ? cli_say(cli, "Domain '%s' started\n", viv_object_name(domain))
               : cli_fail(cli, "Failed to start domain '%s'", viv_object_name(domain));
}

static bool run_undefine(struct cli *cli, const struct arguments *args)
{
    static const struct flag_row flags[] = {{"managed-save", 1},
                                            {"snapshots-metadata", 2},
                                            {"nvram", 4},
                                            {"keep-nvram", 8},
                                            {"checkpoints-metadata", 16},
                                            {"tpm", 32},
                                            {"keep-tpm", 64},
                                            {NULL}};
    static const char *const missing[] = {"storage", "remove-all-storage",
                                          "delete-storage-volume-snapshots", "wipe-storage", NULL};

    if (!arg_unbuilt(cli, args, missing)) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    if (domain == NULL) {
        return false;
    }
    return viv_undefine(domain, arg_flags(args, flags), cli_error(cli)) == 0
               ? cli_say(cli, "Domain '%s' has been undefined\n", viv_object_name(domain))
               : cli_fail(cli, "Failed to undefine domain '%s'", viv_object_name(domain));
}

/* Flags of --mode: names with commas between. */
static bool mode_flags(struct cli *cli, const struct arguments *args, unsigned *ret_flags)
{
    static const char *const modes[] = {"acpi", "agent", "initctl", "signal", "paravirt"};
    g_auto(GStrv) words =
        g_strsplit(arg_given(args, "mode") ? arg_text(args, "mode") : "", ",", -1);

    *ret_flags = 0;
    for (char **word = words; *word != NULL; word++) {
        unsigned i = 0;

        while (i < G_N_ELEMENTS(modes) && strcmp(modes[i], *word) != 0) {
            i++;
        }
        if (i == G_N_ELEMENTS(modes)) {
            return cli_fail(cli,
                            "Unknown mode %s value, expecting 'acpi', 'agent', 'initctl', "
                            "'signal' or 'paravirt'",
                            *word);
        }
        *ret_flags |= 1U << i;
    }
    return true;
}

/* Commands that only do something, and what is said after. */
static bool tell_done(struct cli *cli, struct viv_object *domain, int status, const char *verb,
                      const char *done)
{
    return status == 0 ? cli_say(cli, "Domain '%s' %s\n", viv_object_name(domain), done)
                       : cli_fail(cli, "Failed to %s domain '%s'", verb, viv_object_name(domain));
}

static bool run_shutdown(struct cli *cli, const struct arguments *args)
{
    unsigned flags;

    if (!mode_flags(cli, args, &flags)) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    return domain != NULL &&
           tell_done(cli, domain, viv_domain_shutdown(domain, flags, cli_error(cli)), "shutdown",
                     "is being shutdown");
}

static bool run_reboot(struct cli *cli, const struct arguments *args)
{
    unsigned flags;

    if (!mode_flags(cli, args, &flags)) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    return domain != NULL &&
           tell_done(cli, domain, viv_domain_reboot(domain, flags, cli_error(cli)), "reboot",
                     "is being rebooted");
}

static bool run_reset(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    return domain != NULL && tell_done(cli, domain, viv_domain_reset(domain, 0, cli_error(cli)),
                                       "reset", "was reset");
}

static bool run_destroy(struct cli *cli, const struct arguments *args)
{
    static const struct flag_row flags[] = {{"graceful", 1}, {"remove-logs", 2}, {NULL}};

    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    return domain != NULL &&
           tell_done(cli, domain, viv_destroy(domain, arg_flags(args, flags), cli_error(cli)),
                     "destroy", "destroyed");
}

static bool run_suspend(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    return domain != NULL && tell_done(cli, domain, viv_domain_suspend(domain, cli_error(cli)),
                                       "suspend", "suspended");
}

static bool run_resume(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    return domain != NULL &&
           tell_done(cli, domain, viv_domain_resume(domain, cli_error(cli)), "resume", "resumed");
}

static bool run_autostart(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    bool off = arg_given(args, "disable");

    if (domain == NULL) {
        return false;
    }
    if (viv_set_autostart(domain, !off, cli_error(cli)) != 0) {
        return cli_fail(cli, "Failed to %smark domain '%s' as autostarted", off ? "un" : "",
                        viv_object_name(domain));
    }
    return cli_say(cli, "Domain '%s' %smarked as autostarted\n", viv_object_name(domain),
                   off ? "un" : "");
}

static bool run_domrename(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    return domain != NULL &&
           viv_domain_rename(domain, arg_text(args, "new-name"), cli_error(cli)) == 0 &&
           cli_say(cli, "Domain successfully renamed\n");
}

static bool set_memory(struct cli *cli, const struct arguments *args, unsigned more)
{
    unsigned affect;
    uint64_t bytes;

    if (!cli_affect(cli, args, &affect)) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    return domain != NULL && arg_scaled(cli, args, "size", 1024, &bytes) &&
           viv_domain_set_memory(domain, bytes / 1024 + (bytes % 1024 != 0), affect | more,
                                 cli_error(cli)) == 0;
}

static bool run_setmem(struct cli *cli, const struct arguments *args)
{
    return set_memory(cli, args, 0);
}

static bool run_setmaxmem(struct cli *cli, const struct arguments *args)
{
    return set_memory(cli, args, VIV_MAXIMUM) ||
           (cli->error != NULL && cli_fail(cli, "Unable to change MaxMemorySize"));
}

static bool run_setvcpus(struct cli *cli, const struct arguments *args)
{
    static const struct flag_row flags[] = {
        {"maximum", VIV_MAXIMUM}, {"guest", VIV_GUEST}, {"hotpluggable", 16}, {NULL}};
    unsigned affect;
    uint64_t n;

    if (!cli_affect(cli, args, &affect) || !arg_exclusive(cli, args, "guest", "config") ||
        !arg_requires(cli, args, "maximum", "config")) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    if (domain == NULL || !arg_number(cli, args, "count", &n)) {
        return false;
    }
    if (n == 0) {
        return cli_fail(cli, "Can't set 0 processors for a VM");
    }
    return viv_domain_set_vcpus(domain, (unsigned)n, affect | arg_flags(args, flags),
                                cli_error(cli)) == 0;
}

static bool count_all(struct cli *cli, struct viv_object *domain)
{
    static const struct {
        const char *what, *where;
        unsigned affect;
    } rows[] = {{"maximum", "config", VIV_MAXIMUM | VIV_AFFECT_CONFIG},
                {"maximum", "live", VIV_MAXIMUM | VIV_AFFECT_LIVE},
                {"current", "config", VIV_AFFECT_CONFIG},
                {"current", "live", VIV_AFFECT_LIVE}};

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        int n = viv_domain_vcpus(domain, rows[i].affect, NULL);

        if (n >= 0) {
            printf("%-12s %-12s %3d\n", rows[i].what, rows[i].where, n);
        }
    }
    return true;
}

static bool run_vcpucount(struct cli *cli, const struct arguments *args)
{
    static const struct flag_row flags[] = {{"live", VIV_AFFECT_LIVE},
                                            {"config", VIV_AFFECT_CONFIG},
                                            {"maximum", VIV_MAXIMUM},
                                            {"guest", VIV_GUEST},
                                            {NULL}};
    unsigned affect = arg_flags(args, flags);

    if (!arg_exclusive(cli, args, "live", "config") ||
        !arg_exclusive(cli, args, "guest", "config")) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    if (domain == NULL) {
        return false;
    }
    if (affect == 0 && !arg_given(args, "active") && !arg_given(args, "current")) {
        return count_all(cli, domain);
    }
    int n = viv_domain_vcpus(domain, affect, cli_error(cli));

    if (n < 0 && (affect & VIV_GUEST) != 0) {
        cli_fail(cli, "Failed to retrieve vCPU count from the guest");
    }
    return n >= 0 && show_line(cli, "count", "%d", n);
}

const struct verb domain_verbs[] = {
    {"autostart", run_autostart},
    {"create", run_create},
    {"define", run_define},
    {"destroy", run_destroy},
    {"domid", run_domid},
    {"dominfo", run_dominfo},
    {"domname", run_domname},
    {"domrename", run_domrename},
    {"domstate", run_domstate},
    {"domuuid", run_domuuid},
    {"dumpxml", run_dumpxml},
    {"reboot", run_reboot},
    {"reset", run_reset},
    {"resume", run_resume},
    {"setmaxmem", run_setmaxmem},
    {"setmem", run_setmem},
    {"setvcpus", run_setvcpus},
    {"shutdown", run_shutdown},
    {"start", run_start},
    {"suspend", run_suspend},
    {"undefine", run_undefine},
    {"vcpucount", run_vcpucount},
    {NULL},
};
