/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/shell.h"

#include "cli/command.h"
#include "cli/help.h"

#include <editline/readline.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HISTORY_LINES 500

static bool run_help(struct cli *cli, const struct arguments *args)
{
    const char *word = arg_text(args, "command");

    if (word == NULL) {
        help_groups();
        return true;
    }
    const struct command_row *command = command_find(word);

    if (command != NULL) {
        help_command(command);
        return true;
    }
    return help_group(word) || cli_fail(cli, "command or command group '%s' doesn't exist", word);
}

static bool run_quit(struct cli *cli, const struct arguments *args)
{
    cli->quit = true;
    return true;
}

static bool run_cd(struct cli *cli, const struct arguments *args)
{
    const char *dir = arg_text(args, "dir");

    if (!cli->interactive) {
        return cli_fail(cli, "cd: command valid only in interactive mode");
    }
    dir = dir != NULL ? dir : g_get_home_dir();
    return chdir(dir) == 0 || cli_fail(cli, "cd: %s: %s", g_strerror(errno), dir);
}

static bool run_pwd(struct cli *cli, const struct arguments *args)
{
    g_autofree char *dir = g_get_current_dir();

    puts(dir);
    return true;
}

static bool run_connect(struct cli *cli, const struct arguments *args)
{
    g_clear_pointer(&cli->connection, viv_close);
    if (arg_given(args, "name")) {
        g_free(cli->uri);
        cli->uri = g_strdup(arg_text(args, "name"));
    }
    cli->read_only = arg_given(args, "readonly");
    return cli_connection(cli) != NULL;
}

/* One string quoted for a shell, and for XML. */
static bool run_echo(struct cli *cli, const struct arguments *args)
{
    g_autoptr(GString) line = g_string_new(NULL);

    for (char **word = arg_words(args, ""); word != NULL && *word != NULL; word++) {
        g_autofree char *xml =
            arg_given(args, "xml") ? g_markup_escape_text(*word, -1) : g_strdup(*word);
        g_autofree char *quoted =
            arg_given(args, "shell") && strpbrk(xml, " \t'\"\\$&;<>|*?()[]{}#`~")
                ? g_shell_quote(xml)
                : g_strdup(xml);

        g_string_append_printf(line, "%s%s", line->len > 0 ? " " : "", quoted);
    }
    fprintf(arg_given(args, "err") ? stderr : stdout, "%s", line->str);
    return true;
}

const struct verb shell_verbs[] = {
    {"help", run_help}, {"quit", run_quit}, {"exit", run_quit},       {"cd", run_cd},
    {"pwd", run_pwd},   {"echo", run_echo}, {"connect", run_connect}, {NULL},
};

static void for_each(const char *command, const char *word,
                     void (*found)(const char *text, void *user), void *user)
{
    const struct command_row *row = command != NULL ? command_find(command) : NULL;

    if (command == NULL) {
        for (const struct command_row *c = commands; c->name != NULL; c++) {
            if (g_str_has_prefix(c->name, word)) {
                found(c->name, user);
            }
        }
        return;
    }
    for (const struct option_row *o = row != NULL ? row->options : NULL;
         o != NULL && o->name != NULL; o++) {
        g_autofree char *text = g_strconcat("--", o->name, NULL);

        if (g_str_has_prefix(text, word)) {
            found(text, user);
        }
    }
}

static void print_word(const char *text, void *user)
{
    puts(text);
}

void shell_complete(const char *command, const char *word)
{
    for_each(command, word, print_word, NULL);
}

static void collect(const char *text, void *user)
{
    g_ptr_array_add(user, strdup(text));
}

/* libedit's shape of a list: what they have in common first. It frees all of it with free(). */
static char **complete(const char *text, int start, int end)
{
    g_autoptr(GPtrArray) found = g_ptr_array_new();
    g_autofree char *before = g_strndup(rl_line_buffer, (gsize)start);
    g_auto(GStrv) words = g_strsplit(g_strstrip(before), " ", 2);

    rl_attempted_completion_over = 1;
    for_each(words[0], text, collect, found);
    if (found->len == 0) {
        return NULL;
    }
    char **list = calloc(found->len + 2, sizeof(*list));
    const char *first = g_ptr_array_index(found, 0);
    size_t common = strlen(first);

    g_assert(list != NULL);
    for (guint i = 0; i < found->len; i++) {
        const char *other = list[i + 1] = g_ptr_array_index(found, i);
        size_t same = 0;

        while (same < common && first[same] == other[same]) {
            same++;
        }
        common = same;
    }
    list[0] = strndup(first, common);
    return list;
}

static char *history_path(void)
{
    g_autofree char *dir = g_build_filename(g_get_user_cache_dir(), "vivarium", NULL);

    (void)g_mkdir_with_parents(dir, 0700);
    return g_build_filename(dir, "viv-history", NULL);
}

static void run_line(struct cli *cli, const char *line)
{
    char **words = cli_split(cli, line);

    if (words != NULL && *words != NULL) {
        add_history(line);
        cli_run(cli, words);
    }
    g_strfreev(words);
}

bool shell_run(struct cli *cli)
{
    g_autofree char *path = history_path();
    char *line;

    cli->interactive = true;
    if (cli_connection(cli) == NULL) {
        return false;
    }
    cli_say(cli, "Welcome to viv, the virtualization interactive terminal.\n\n"
                 "Type:  'help' for help with commands\n"
                 "       'quit' to quit\n\n");
    using_history();
    stifle_history(HISTORY_LINES);
    (void)read_history(path);
    rl_attempted_completion_function = complete;
    while (!cli->quit && (line = readline(cli->read_only ? "viv > " : "viv # ")) != NULL) {
        run_line(cli, line);
        free(line);
    }
    (void)write_history(path);
    (void)g_chmod(path, 0600);
    return true;
}
