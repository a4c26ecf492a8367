/* SPDX-License-Identifier: GPL-2.0-or-later */
/* viv: manages machines, networks and storage, by vivd or libvirtd, with virsh's commands. */
#include "cli/cli.h"
#include "cli/help.h"
#include "cli/shell.h"

#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

enum { OPT_COMPLETE = 256, OPT_FORMAT, OPT_VERSION };

static const struct option options[] = {
    {"connect", required_argument, NULL, 'c'},
    {"help", no_argument, NULL, 'h'},
    {"quiet", no_argument, NULL, 'q'},
    {"readonly", no_argument, NULL, 'r'},
    {"format", required_argument, NULL, OPT_FORMAT},
    {"version", no_argument, NULL, OPT_VERSION},
    {"complete", no_argument, NULL, OPT_COMPLETE},
    {NULL},
};

static void usage(void)
{
    puts("usage: viv [OPTION...] [LINE]\n"
         "       viv [OPTION...] COMMAND [ARGUMENT...]\n"
         "Without a command: an interactive shell. LINE holds commands with ; between.\n\n"
         "Options:\n"
         "  -c, --connect=URI      the host; see viv(1) for what a URI can be\n"
         "  -r, --readonly         connect for reading only\n"
         "  -q, --quiet            print results only, without headings and confirmations\n"
         "  --format=FORMAT        text (default) or json, for tables and fields\n"
         "  -h, --help             this help\n"
         "  -v, --version          the version\n"
         "  --complete             print the words that complete the last argument\n\n"
         "Commands:");
    help_groups();
}

/* For the shell's completion: the words of the line so far, the last one to be completed. */
static int complete(int argc, char **argv)
{
    const char *word = argc > 0 ? argv[argc - 1] : "";

    shell_complete(argc > 1 ? argv[0] : NULL, word);
    return 0;
}

/* A negative value: go on; else the status to end with. */
static int take_option(struct cli *cli, int option)
{
    switch (option) {
    case 'c':
        g_free(cli->uri);
        cli->uri = g_strdup(optarg);
        return -1;
    case 'r': cli->read_only = true; return -1;
    case 'q': cli->quiet = true; return -1;
    case OPT_FORMAT:
        cli->json = strcmp(optarg, "json") == 0;
        return cli->json || strcmp(optarg, "text") == 0
                   ? -1
                   : (cli_fail(cli, "unknown format '%s': text or json", optarg), 1);
    case 'h': usage(); return 0;
    case 'v':
    case OPT_VERSION: puts(VIV_VERSION); return 0;
    default: cli_fail(cli, "unsupported option. See --help."); return 1;
    }
}

static int run(struct cli *cli, int argc, char **argv)
{
    g_auto(GStrv) words = NULL;

    if (argc == 0) {
        return shell_run(cli) ? 0 : 1;
    }
    words = argc == 1 ? cli_split(cli, argv[0]) : g_strdupv(argv);
    return words != NULL && *words != NULL && cli_run(cli, words) ? 0 : 1;
}

/* An error of opening is told here when it is in the shell; commands tell theirs. */
static void end(struct cli *cli)
{
    if (cli->error != NULL) {
        cli_fail(cli, "%s", viv_error_message(cli->error));
        viv_error_free(cli->error);
    }
    viv_close(cli->connection);
    g_free(cli->uri);
}

int main(int argc, char **argv)
{
    struct cli cli = {.uri = NULL};
    int option, status = -1;

    setlocale(LC_ALL, "");
    opterr = 0;
    while (status < 0 && (option = getopt_long(argc, argv, "+:c:hqrv", options, NULL)) != -1) {
        if (option == OPT_COMPLETE) {
            status = complete(argc - optind, argv + optind);
        } else {
            status = take_option(&cli, option);
        }
    }
    if (status < 0) {
        status = run(&cli, argc - optind, argv + optind);
    }
    end(&cli);
    return status;
}
