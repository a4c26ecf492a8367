/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ssh: OpenSSH's client, to the address that a domain's leases, agent or neighbours tell. */
#include "cli/own/own.h"
#include "cli/report.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <viv/monitor.h>

static const char *const sources[] = {"lease", "agent", "arp", NULL}; /* by libvirt's numbers */

/* How good an address is to be connected to: 0 not at all. An agent may say anything. */
static unsigned rank(const struct viv_address *address)
{
    struct in_addr v4;
    struct in6_addr v6;

    if (address->type == 0 && inet_pton(AF_INET, address->address, &v4) == 1) {
        uint32_t n = ntohl(v4.s_addr);

        return n >> 24 == 127 || n == 0 || n >> 28 >= 14 ? 0 : n >> 16 == 0xa9fe ? 1 : 3;
    }
    if (address->type == 1 && inet_pton(AF_INET6, address->address, &v6) == 1) {
        bool global = !IN6_IS_ADDR_LOOPBACK(&v6) && !IN6_IS_ADDR_UNSPECIFIED(&v6) &&
                      !IN6_IS_ADDR_LINKLOCAL(&v6) && !IN6_IS_ADDR_MULTICAST(&v6);

        return global ? 2 : 0;
    }
    return 0;
}

/* The best that a source tells, or NULL; to be freed. */
static char *address_by(struct cli *cli, struct viv_object *domain, unsigned source)
{
    struct viv_address *list = viv_domain_addresses(domain, source, cli_error(cli));
    const struct viv_address *best = NULL;

    for (const struct viv_address *a = list; a != NULL && a->interface != NULL; a++) {
        if (rank(a) > (best != NULL ? rank(best) : 0)) {
            best = a;
        }
    }
    char *address = best != NULL ? g_strdup(best->address) : NULL;

    if (list != NULL) {
        viv_addresses_free(list);
        g_clear_pointer(&cli->error, viv_error_free);
    }
    return address;
}

/* NULL with a message; to be freed. */
static char *find_address(struct cli *cli, const struct arguments *args, struct viv_object *domain)
{
    const char *only = arg_text(args, "source"), *name = viv_object_name(domain);
    char *address = NULL;

    if (only != NULL && !g_strv_contains(sources, only)) {
        cli_fail(cli, "Unknown data source '%s'", only);
        return NULL;
    }
    int active = viv_is_active(domain, cli_error(cli));

    if (active <= 0) {
        cli_fail(cli, active == 0 ? "domain '%s' does not run" : "cannot ask domain '%s'", name);
        return NULL;
    }
    for (unsigned i = 0; sources[i] != NULL && address == NULL; i++) {
        if (only == NULL || strcmp(only, sources[i]) == 0) {
            address = address_by(cli, domain, i);
        }
    }
    if (address == NULL) {
        cli_fail(cli, "domain '%s' has no address by %s", name,
                 only != NULL ? only : "its network's leases, its agent or the host's neighbours");
    }
    return address;
}

static void add(GPtrArray *words, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void add(GPtrArray *words, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    g_ptr_array_add(words, g_strdup_vprintf(format, list));
    va_end(list);
}

/* A guest's host key is kept by its UUID: another guest may have its address tomorrow. */
static void add_host_key(GPtrArray *words, struct viv_object *domain)
{
    g_autofree char *folder = g_build_filename(g_get_user_data_dir(), "vivarium", NULL);
    g_autofree char *uuid = cli_uuid(viv_object_uuid(domain));
    g_auto(GStrv) parts = g_strsplit(folder, "%", -1);
    g_autofree char *plain = g_strjoinv("%%", parts); /* % is ssh's */

    add(words, "-oHostKeyAlias=%s", uuid);
    add(words, "-oUserKnownHostsFile=\"%s/known_hosts\"", plain);
    add(words, "-oStrictHostKeyChecking=accept-new");
    add(words, "-oCheckHostIP=no");
}

/* NULL with a message; to be freed by g_strfreev. */
static char **command_line(struct cli *cli, const struct arguments *args, struct viv_object *domain)
{
    const char *user = arg_text(args, "user"), *identity = arg_text(args, "identity");
    unsigned port = 22;

    if (!arg_u32(cli, args, "port", &port)) {
        return NULL;
    }
    if (port == 0 || port > 65535) {
        cli_fail(cli, "the port must be 1 to 65535");
        return NULL;
    }
    g_autofree char *address = find_address(cli, args, domain);

    if (address == NULL) {
        return NULL;
    }
    GPtrArray *words = g_ptr_array_new();

    add(words, "ssh");
    add_host_key(words, domain);
    if (user != NULL) {
        add(words, "-l");
        add(words, "%s", user);
    }
    if (identity != NULL) {
        add(words, "-i");
        add(words, "%s", identity);
    }
    add(words, "-p%u", port);
    add(words, "--");
    add(words, "%s", address);
    for (char **word = arg_words(args, "command"); word != NULL && *word != NULL; word++) {
        add(words, "%s", *word);
    }
    g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_free(words, FALSE);
}

/* For a shell that is to run it. */
static bool show_command(struct cli *cli, char **words)
{
    GString *line = g_string_new(NULL);

    for (char **word = words; *word != NULL; word++) {
        bool plain =
            **word != '\0' &&
            (*word)[strspn(*word, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_=./:@,+")] == '\0';
        g_autofree char *quoted = plain ? g_strdup(*word) : g_shell_quote(*word);

        g_string_append_printf(line, "%s%s", word != words ? " " : "", quoted);
    }
    bool good = show_line(cli, "Command", "%s", line->str);

    g_string_free(line, TRUE);
    return good;
}

/* On this terminal, until it ends; ^C is its own. */
static bool run(struct cli *cli, char **words)
{
    g_autoptr(GError) error = NULL;
    GPid pid;
    int status = 0;
    g_autofree char *folder = g_build_filename(g_get_user_data_dir(), "vivarium", NULL);

    fflush(stdout);
    (void)g_mkdir_with_parents(folder, 0700);
    if (!g_spawn_async(NULL, words, NULL,
                       G_SPAWN_SEARCH_PATH | G_SPAWN_CHILD_INHERITS_STDIN |
                           G_SPAWN_DO_NOT_REAP_CHILD,
                       NULL, NULL, &pid, &error)) {
        return cli_fail(cli, "cannot run ssh (apt install openssh-client): %s", error->message);
    }
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;

    sigaction(SIGINT, &ignore, &before);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    sigaction(SIGINT, &before, NULL);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool own_ssh(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    g_auto(GStrv) words = domain != NULL ? command_line(cli, args, domain) : NULL;

    return words != NULL && (arg_given(args, "print") ? show_command(cli, words) : run(cli, words));
}
