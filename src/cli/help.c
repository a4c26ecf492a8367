/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/help.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

static const char *type_word(const struct option_row *option)
{
    return option->kind == OPTION_NUMBER ? "number" : "string";
}

static void print_commands(const char *group)
{
    for (const struct command_row *c = commands; c->name != NULL; c++) {
        if (strcmp(c->group, group) == 0) {
            printf("    %-30s %s%s\n", c->name, c->help,
                   command_verb(c) != NULL ? "" : " (not built yet)");
        }
    }
}

void help_groups(void)
{
    puts("Grouped commands:\n");
    for (unsigned i = 0; command_groups[i][0] != NULL; i++) {
        printf(" %s (help keyword '%s'):\n", command_groups[i][0], command_groups[i][1]);
        print_commands(command_groups[i][1]);
        putchar('\n');
    }
}

bool help_group(const char *word)
{
    for (unsigned i = 0; command_groups[i][0] != NULL; i++) {
        if (strcmp(command_groups[i][1], word) == 0) {
            printf(" %s (help keyword '%s'):\n", command_groups[i][0], command_groups[i][1]);
            print_commands(word);
            return true;
        }
    }
    return false;
}

static void print_synopsis(const struct option_row *o)
{
    if (o->kind == OPTION_BOOL) {
        printf(" [--%s]", o->name);
    } else if (*o->name == '\0') {
        fputs(" [<string>]...", stdout);
    } else if (o->kind == OPTION_LIST) {
        printf(o->needed ? " {[--%s] <string>}..." : " [[--%s] <string>]...", o->name);
    } else if (o->bare) {
        printf(o->needed ? " <%s>" : " [<%s>]", o->name);
    } else {
        printf(o->needed ? " --%s <%s>" : " [--%s <%s>]", o->name, type_word(o));
    }
}

static void print_option(const struct option_row *o)
{
    g_autofree char *words = *o->name == '\0'         ? g_strdup("<string>")
                             : o->kind == OPTION_BOOL ? g_strdup_printf("--%s", o->name)
                             : o->bare ? g_strdup_printf("[--%s] <%s>", o->name, type_word(o))
                                       : g_strdup_printf("--%s <%s>", o->name, type_word(o));

    printf("    %-15s  %s\n", words, o->help);
}

void help_command(const struct command_row *command)
{
    printf("  NAME\n    %s - %s\n\n  SYNOPSIS\n    %s", command->name, command->help,
           command->name);
    for (const struct option_row *o = command->options; o->name != NULL; o++) {
        print_synopsis(o);
    }
    putchar('\n');
    if (*command->about != '\0') {
        printf("\n  DESCRIPTION\n    %s\n", command->about);
    }
    if (command->options[0].name != NULL) {
        puts("\n  OPTIONS");
        for (const struct option_row *o = command->options; o->name != NULL; o++) {
            print_option(o);
        }
    }
    putchar('\n');
}
