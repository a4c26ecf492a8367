/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ssh: OpenSSH's client, to where a domain can be reached. */
#include "cli/own/address.h"
#include "cli/own/own.h"
#include "cli/report.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

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
    g_autofree char *address = address_find(cli, args, domain);

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
