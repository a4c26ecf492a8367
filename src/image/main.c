/* SPDX-License-Identifier: GPL-2.0-or-later */
/* viv-img: creates, converts, checks and changes disk images, with qemu-img's command line. */
#include "image/command.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct image_command *const commands[] = {
    &image_amend,   &image_bench,  &image_check,    &image_commit, &image_compare,
    &image_convert, &image_create, &image_info,     &image_map,    &image_measure,
    &image_rebase,  &image_resize, &image_snapshot, NULL,
};

/* A signal handler has no other way in. */
static volatile sig_atomic_t interrupted;

const struct image_command *const *image_commands(void)
{
    return commands;
}

bool image_interrupted(void)
{
    return interrupted != 0;
}

static void on_signal(int number)
{
    interrupted = 1;
    signal(number, SIG_DFL); /* a second one ends it at once */
}

void image_end_at_once(void)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
}

static void print_help(void)
{
    printf("viv-img version " VIV_VERSION "\n"
           "usage: viv-img [standard options] command [command options]\n"
           "Creates, converts, checks and changes disk images.\n\n"
           "  -h, --help     show this help, or a command's with: viv-img COMMAND --help\n"
           "  -V, --version  show the version\n\nCommands:\n");
    for (unsigned i = 0; commands[i] != NULL; i++) {
        printf("  %-10s %s\n", commands[i]->name, commands[i]->help);
    }
    printf("\nSupported formats:");
    for (const struct block_driver *const *d = block_drivers(); *d != NULL; d++) {
        printf(" %s", (*d)->name);
    }
    printf("\n");
}

/* Shell completion reads this: command, option, value, help; separated by tabs. */
static void print_rows(void)
{
    for (unsigned i = 0; commands[i] != NULL; i++) {
        printf("%s\t\t\t%s\n", commands[i]->name, commands[i]->help);
        for (const struct image_option *row = commands[i]->options; row->key != 0; row++) {
            if (row->key < 256) {
                printf("%s\t-%c\t%s\t%s\n", commands[i]->name, row->key,
                       row->value != NULL ? row->value : "", row->help);
            }
            if (row->name != NULL) {
                printf("%s\t--%s\t%s\t%s\n", commands[i]->name, row->name,
                       row->value != NULL ? row->value : "", row->help);
            }
        }
    }
}

static const struct image_command *find(const char *name)
{
    for (unsigned i = 0; commands[i] != NULL; i++) {
        if (strcmp(commands[i]->name, name) == 0) {
            return commands[i];
        }
    }
    return NULL;
}

static int run_command(const struct image_command *command, int argc, char **argv)
{
    struct image_args args = {.graph = block_graph_new()};
    int status;

    if (image_args_parse(&args, command, argc, argv, &status)) {
        status = command->run(&args);
    }
    image_args_fini(&args);
    block_graph_free(args.graph);
    if (interrupted) {
        image_fail("interrupted");
        status = 130;
    }
    return status;
}

/* The options in front of the command. TRUE: that was all. */
static bool standard_option(const char *word, int *ret_status)
{
    *ret_status = 0;
    if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0) {
        print_help();
    } else if (strcmp(word, "-V") == 0 || strcmp(word, "--version") == 0) {
        printf("viv-img version " VIV_VERSION "\n");
    } else if (strcmp(word, "--list-rows") == 0) {
        print_rows();
    } else if (word[0] == '-') {
        *ret_status = image_usage("unrecognized option '%s'", word);
    } else {
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    const struct image_command *command;
    int status;

    if (argc < 2) {
        return image_usage("Not enough arguments");
    }
    if (standard_option(argv[1], &status)) {
        return status;
    }
    command = find(argv[1]);
    if (command == NULL && (strcmp(argv[1], "dd") == 0 || strcmp(argv[1], "bitmap") == 0)) {
        return image_fail("The command '%s' is not built yet", argv[1]);
    }
    if (command == NULL) {
        return image_usage("Command not found: %s", argv[1]);
    }
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    signal(SIGPIPE, SIG_IGN);
    return run_command(command, argc - 1, argv + 1);
}
