/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands on the system inside a domain. */
#include "cli/command.h"
#include "cli/report.h"
#include "cli/table.h"

#include <inttypes.h>
#include <linux/input-event-codes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <viv/guest.h>
#include <viv/monitor.h>

#define HOLD_MS 50

static bool linux_key(const char *name, unsigned *ret_key)
{
    static const struct {
        const char *name;
        unsigned code;
    } keys[] = {
#define _(key) {#key, key},
#include "cli/keys.inc"
#undef _
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (strcmp(keys[i].name, name) == 0) {
            *ret_key = keys[i].code;
            return true;
        }
    }
    return false;
}

/* A number, or the name of one of Linux's keys. */
static bool parse_key(const char *word, unsigned codeset, unsigned *ret_key)
{
    bool hex = g_str_has_prefix(word, "0x");
    guint64 code;

    if (g_ascii_string_to_unsigned(hex ? word + 2 : word, hex ? 16 : 10, 1, 0xffff, &code, NULL)) {
        *ret_key = (unsigned)code;
        return true;
    }
    return codeset == 0 && linux_key(word, ret_key);
}

static bool run_send_key(struct cli *cli, const struct arguments *args)
{
    static const char *const codesets[] = {"linux",  "xt",  "atset1", "atset2", "atset3", "os_x",
                                           "xt_kbd", "usb", "win32",  "qnum",   NULL};
    const char *word = arg_given(args, "codeset") ? arg_text(args, "codeset") : "linux";
    int codeset = strcmp(word, "rfb") == 0 ? 9 : word_index(codesets, word);
    unsigned ms = HOLD_MS, keys[VIV_KEYS_MAX], n = 0;
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    if (domain == NULL || !arg_u32(cli, args, "holdtime", &ms)) {
        return false;
    }
    if (codeset < 0) {
        return cli_fail(cli, "unknown codeset: '%s'", word);
    }
    for (char **key = arg_words(args, "keycode"); *key != NULL; key++) {
        if (n == VIV_KEYS_MAX) {
            return cli_fail(cli, "too many keycodes");
        }
        if (!parse_key(*key, (unsigned)codeset, &keys[n++])) {
            return cli_fail(cli, "invalid keycode: '%s'", *key);
        }
    }
    return viv_domain_send_keys(domain, (unsigned)codeset, ms, keys, n, cli_error(cli)) == 0;
}

/* By name, with or without "sig" or "sig_", or by number; negative: none. */
static int parse_signal(const char *text)
{
    static const char *const names[] = {"nop",   "hup",  "int",    "quit", "ill",  "trap",   "abrt",
                                        "bus",   "fpe",  "kill",   "usr1", "segv", "usr2",   "pipe",
                                        "alrm",  "term", "stkflt", "chld", "cont", "stop",   "tstp",
                                        "ttin",  "ttou", "urg",    "xcpu", "xfsz", "vtalrm", "prof",
                                        "winch", "poll", "pwr",    "sys",  "rt0",  NULL};
    g_autofree char *lower = g_ascii_strdown(text, -1);
    const char *name = g_str_has_prefix(lower, "sig_")  ? lower + 4
                       : g_str_has_prefix(lower, "sig") ? lower + 3
                                                        : lower;
    guint64 number;

    if (g_ascii_string_to_unsigned(name, 10, 0, 64, &number, NULL)) {
        return (int)number;
    }
    if (g_str_has_prefix(name, "rt") &&
        g_ascii_string_to_unsigned(name + 2, 10, 0, 32, &number, NULL)) {
        return 32 + (int)number;
    }
    return word_index(names, name);
}

static bool run_send_signal(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    const char *name = arg_text(args, "signame");
    int64_t pid = 0;

    if (domain == NULL || !arg_i64(cli, args, "pid", &pid)) {
        return false;
    }
    int number = parse_signal(name);

    if (number < 0) {
        return cli_fail(cli, "malformed signal name: %s", name);
    }
    return viv_domain_send_signal(domain, pid, (unsigned)number, cli_error(cli)) == 0;
}

static bool run_inject_nmi(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    return domain != NULL && viv_domain_inject_nmi(domain, 0, cli_error(cli)) == 0;
}

static bool run_dompmsuspend(struct cli *cli, const struct arguments *args)
{
    static const char *const targets[] = {"mem", "disk", "hybrid", NULL};
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    int target = word_index(targets, arg_text(args, "target"));
    uint64_t seconds = 0;

    if (domain == NULL || !arg_u64(cli, args, "duration", &seconds)) {
        return false;
    }
    if (target < 0) {
        return cli_fail(cli, "Invalid target");
    }
    return viv_domain_sleep(domain, (unsigned)target, seconds, cli_error(cli)) == 0
               ? cli_say(cli, "Domain '%s' successfully suspended", viv_object_name(domain))
               : cli_fail(cli, "Domain '%s' could not be suspended", viv_object_name(domain));
}

static bool run_dompmwakeup(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    if (domain == NULL) {
        return false;
    }
    return viv_domain_wake(domain, 0, cli_error(cli)) == 0
               ? cli_say(cli, "Domain '%s' successfully woken up", viv_object_name(domain))
               : cli_fail(cli, "Domain '%s' could not be woken up", viv_object_name(domain));
}

static bool run_set_lifecycle(struct cli *cli, const struct arguments *args)
{
    static const char *const events[] = {"poweroff", "reboot", "crash", NULL};
    static const char *const actions[] = {"destroy",  "restart",          "rename-restart",
                                          "preserve", "coredump-destroy", "coredump-restart",
                                          NULL};
    int event = word_index(events, arg_text(args, "type"));
    int action = word_index(actions, arg_text(args, "action"));
    unsigned affect;

    if (!cli_affect(cli, args, &affect)) {
        return false;
    }
    if (event < 0) {
        return cli_fail(cli, "Invalid lifecycle type '%s'.", arg_text(args, "type"));
    }
    if (action < 0) {
        return cli_fail(cli, "Invalid lifecycle action '%s'.", arg_text(args, "action"));
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    if (domain == NULL) {
        return false;
    }
    return viv_domain_set_lifecycle(domain, (unsigned)event, (unsigned)action, affect,
                                    cli_error(cli)) == 0 ||
           cli_fail(cli, "Unable to change lifecycle action.");
}

static bool show_time(struct cli *cli, const struct arguments *args, struct viv_object *domain)
{
    unsigned nanoseconds;
    int64_t seconds;

    if (viv_domain_time(domain, &seconds, &nanoseconds, cli_error(cli)) != 0) {
        return false;
    }
    if (!arg_given(args, "pretty")) {
        return show_word(cli, "time", "Time: %" PRId64, seconds);
    }
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(seconds);
    g_autofree char *text = time != NULL ? g_date_time_format(time, "%Y-%m-%d %H:%M:%S") : NULL;

    return show_word(cli, "time", "Time: %s", text != NULL ? text : "");
}

static bool run_domtime(struct cli *cli, const struct arguments *args)
{
    const unsigned sync = 1;
    int64_t seconds = 0;

    if (!arg_exclusive(cli, args, "time", "now") || !arg_exclusive(cli, args, "time", "sync") ||
        !arg_exclusive(cli, args, "now", "sync")) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    if (domain == NULL || !arg_i64(cli, args, "time", &seconds)) {
        return false;
    }
    if (arg_given(args, "now")) {
        seconds = g_get_real_time() / G_USEC_PER_SEC;
    } else if (!arg_given(args, "time") && !arg_given(args, "sync")) {
        return show_time(cli, args, domain);
    }
    return viv_domain_set_time(domain, seconds, 0, arg_given(args, "sync") ? sync : 0,
                               cli_error(cli)) == 0;
}

static bool run_domhostname(struct cli *cli, const struct arguments *args)
{
    static const char *const sources[] = {"lease", "agent", NULL};
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    const char *word = arg_text(args, "source");
    int source = word != NULL ? word_index(sources, word) : -1;

    if (domain == NULL) {
        return false;
    }
    if (word != NULL && source < 0) {
        return cli_fail(cli, "Unknown data source '%s'", word);
    }
    char *name = viv_domain_hostname(domain, word != NULL ? 1U << source : 0, cli_error(cli));

    if (name == NULL) {
        return cli_fail(cli, "failed to get hostname");
    }
    show_line(cli, "hostname", "%s", name);
    viv_free(name);
    return true;
}

static bool run_domfsinfo(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    struct viv_file_system *systems =
        domain != NULL ? viv_domain_file_systems(domain, cli_error(cli)) : NULL;

    if (systems == NULL) {
        return domain != NULL && cli_fail(cli, "Unable to get filesystem information");
    }
    if (systems->mount_point == NULL) {
        viv_file_systems_free(systems);
        return cli_say(cli, "No filesystems are mounted in the domain");
    }
    struct table *table = table_new("Mountpoint", "Name", "Type", "Target", NULL);

    for (struct viv_file_system *s = systems; s->mount_point != NULL; s++) {
        g_autofree char *disks = g_strjoinv(",", s->disks);

        table_add(table, s->mount_point, s->name, s->type, disks, NULL);
    }
    viv_file_systems_free(systems);
    table_show(table, cli);
    return true;
}

static bool run_domfsfreeze(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    int n = domain != NULL
                ? viv_domain_freeze(domain, (const char *const *)arg_words(args, "mountpoint"),
                                    cli_error(cli))
                : -1;

    return n >= 0 ? cli_say(cli, "Froze %d filesystem(s)\n", n)
                  : domain != NULL && cli_fail(cli, "Unable to freeze filesystems");
}

static bool run_domfsthaw(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    int n = domain != NULL
                ? viv_domain_thaw(domain, (const char *const *)arg_words(args, "mountpoint"),
                                  cli_error(cli))
                : -1;

    return n >= 0 ? cli_say(cli, "Thawed %d filesystem(s)\n", n)
                  : domain != NULL && cli_fail(cli, "Unable to thaw filesystems");
}

static bool run_domfstrim(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    uint64_t minimum = 0;

    if (domain == NULL || !arg_u64(cli, args, "minimum", &minimum)) {
        return false;
    }
    return viv_domain_trim(domain, arg_text(args, "mountpoint"), minimum, cli_error(cli)) == 0 ||
           cli_fail(cli, "Unable to invoke fstrim");
}

static bool run_guestinfo(struct cli *cli, const struct arguments *args)
{
    static const struct flag_row kinds[] = {
        {"user", 1},        {"os", 2},    {"timezone", 4},   {"hostname", 8},
        {"filesystem", 16}, {"disk", 32}, {"interface", 64}, {NULL}};
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    struct viv_param *params =
        domain != NULL ? viv_domain_guest_info(domain, arg_flags(args, kinds), cli_error(cli))
                       : NULL;

    if (params == NULL) {
        return false;
    }
    struct report *report = report_new("", 20, ": ");

    for (const struct viv_param *p = params; p->name != NULL; p++) {
        report_add_param(report, p);
    }
    viv_params_free(params);
    return report_show(report, cli);
}

static bool run_agent_timeout(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    int seconds = -2; /* libvirt's: for ever */

    return domain != NULL && arg_i32(cli, args, "timeout", &seconds) &&
           viv_domain_set_agent_timeout(domain, seconds, cli_error(cli)) == 0;
}

static bool run_set_password(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    const char *user = arg_text(args, "user");

    return domain != NULL &&
           viv_domain_set_password(domain, user, arg_text(args, "password"),
                                   arg_given(args, "encrypted"), cli_error(cli)) == 0 &&
           cli_say(cli, "Password set successfully for %s in %s", user, viv_object_name(domain));
}

static bool run_get_sshkeys(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    char **keys =
        domain != NULL ? viv_domain_ssh_keys(domain, arg_text(args, "user"), cli_error(cli)) : NULL;

    if (keys == NULL) {
        return false;
    }
    show_words(cli, keys);
    viv_texts_free(keys);
    return true;
}

static bool run_set_sshkeys(struct cli *cli, const struct arguments *args)
{
    static const struct flag_row flags[] = {{"remove", 2}, {NULL}};
    const unsigned append = 1;
    bool reset = arg_given(args, "reset"), off = arg_given(args, "remove");

    if (!arg_exclusive(cli, args, "reset", "remove") ||
        !arg_requires(cli, args, "remove", "file")) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    if (domain == NULL) {
        return false;
    }
    if (!arg_given(args, "file") && !reset) {
        return cli_fail(cli, "Option --file is required");
    }
    g_autofree char *text = arg_given(args, "file") ? cli_file(cli, args, "file") : g_strdup("");

    if (text == NULL) {
        return false;
    }
    g_auto(GStrv) keys = g_strsplit(g_strchomp(text), "\n", -1);

    if (arg_given(args, "file") && (*keys == NULL || **keys == '\0')) {
        return cli_fail(cli, "File %s contains no keys", arg_text(args, "file"));
    }
    return viv_domain_set_ssh_keys(domain, arg_text(args, "user"), (const char *const *)keys,
                                   arg_flags(args, flags) | (reset || off ? 0 : append),
                                   cli_error(cli)) == 0;
}

static char *joined(const struct arguments *args)
{
    return g_strjoinv(" ", arg_words(args, "cmd"));
}

static bool run_monitor_command(struct cli *cli, const struct arguments *args)
{
    static const char *const missing[] = {"pass-fds", "return-value", "pretty", NULL};
    const unsigned human = 1;

    if (!arg_unbuilt(cli, args, missing)) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    if (domain == NULL) {
        return false;
    }
    g_autofree char *command = joined(args);
    char *answer = viv_domain_monitor_command(domain, command, arg_given(args, "hmp") ? human : 0,
                                              cli_error(cli));

    if (answer == NULL) {
        return false;
    }
    show_line(cli, "answer", "%s", answer);
    viv_free(answer);
    return true;
}

static bool run_agent_command(struct cli *cli, const struct arguments *args)
{
    static const char *const missing[] = {"pretty", NULL};
    const int for_ever = -2, standard = -1;
    bool async = arg_given(args, "async"), block = arg_given(args, "block");
    int seconds = block ? for_ever : async ? 0 : standard;

    if (!arg_unbuilt(cli, args, missing)) {
        return false;
    }
    if (async + block + arg_given(args, "timeout") > 1) {
        return cli_fail(cli, "timeout, async and block options are exclusive");
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    if (domain == NULL || !arg_i32(cli, args, "timeout", &seconds)) {
        return false;
    }
    if (arg_given(args, "timeout") && seconds < 1) {
        return cli_fail(cli, "timeout must be positive");
    }
    g_autofree char *command = joined(args);
    char *answer = viv_domain_agent_command(domain, command, seconds, cli_error(cli));

    if (answer == NULL) {
        return false;
    }
    show_line(cli, "answer", "%s", answer);
    viv_free(answer);
    return true;
}

const struct verb guest_verbs[] = {
    {"domfsfreeze", run_domfsfreeze},
    {"domfsinfo", run_domfsinfo},
    {"domfsthaw", run_domfsthaw},
    {"domfstrim", run_domfstrim},
    {"domhostname", run_domhostname},
    {"dompmsuspend", run_dompmsuspend},
    {"dompmwakeup", run_dompmwakeup},
    {"domtime", run_domtime},
    {"get-user-sshkeys", run_get_sshkeys},
    {"guest-agent-timeout", run_agent_timeout},
    {"guestinfo", run_guestinfo},
    {"inject-nmi", run_inject_nmi},
    {"qemu-agent-command", run_agent_command},
    {"qemu-monitor-command", run_monitor_command},
    {"send-key", run_send_key},
    {"send-process-signal", run_send_signal},
    {"set-lifecycle-action", run_set_lifecycle},
    {"set-user-password", run_set_password},
    {"set-user-sshkeys", run_set_sshkeys},
    {NULL},
};
