/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands of viv as constant rows, and the words of a command line against them. One thread.
 */
#ifndef VIV_CLI_COMMAND_H
#define VIV_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cli;
struct arguments;

enum option_kind {
    OPTION_BOOL,
    OPTION_STRING,
    OPTION_NUMBER,
    OPTION_LIST, /* takes every word that is left */
};

struct option_row {
    const char *name; /* without dashes */
    enum option_kind kind;
    bool needed;
    bool bare; /* help shows its place without its name */
    const char *help;
};

struct command_row {
    const char *name, *group, *help, *about;
    const struct option_row *options; /* ends with a NULL name */
};

/* Carries a command out; false when it failed, which it has told. */
typedef bool (*command_run)(struct cli *cli, const struct arguments *args);

struct verb {
    const char *name;
    command_run run;
};

/* Rows ordered as help shows them; ends with a NULL name. */
extern const struct command_row commands[];
/* Groups: help's heading and the word for `help WORD`. Ends with NULL. */
extern const char *const command_groups[][2];

const struct command_row *command_find(const char *name);
/* NULL: it is not built yet. */
command_run command_verb(const struct command_row *command);

/*
 * Values of the options of `command` from words behind its name, as far as the next ";" word.
 * *words is moved behind it. NULL with a message printed.
 */
struct arguments *arguments_parse(struct cli *cli, const struct command_row *command,
                                  char ***words);
void arguments_free(struct arguments *args);

const struct command_row *arguments_command(const struct arguments *args);
/* --help was given: the command is to be explained, not to run. */
bool arguments_help(const struct arguments *args);
/* Whether it was given; its value or NULL; a list's words, NULL-terminated, or NULL. Borrowed. */
bool arg_given(const struct arguments *args, const char *name);
const char *arg_text(const struct arguments *args, const char *name);
char **arg_words(const struct arguments *args, const char *name);
/* A number, or one with a suffix (K, KiB, MB, ...) in units of `scale` bytes where it has none.
 * False with a message printed. */
bool arg_number(struct cli *cli, const struct arguments *args, const char *name,
                uint64_t *ret_value);
/* Where it is not given, the value stays. */
bool arg_i32(struct cli *cli, const struct arguments *args, const char *name, int *ret_value);
bool arg_u32(struct cli *cli, const struct arguments *args, const char *name, unsigned *ret_value);
bool arg_u64(struct cli *cli, const struct arguments *args, const char *name, uint64_t *ret_value);
bool arg_i64(struct cli *cli, const struct arguments *args, const char *name, int64_t *ret_value);
bool arg_scaled(struct cli *cli, const struct arguments *args, const char *name, uint64_t scale,
                uint64_t *ret_bytes);
/* The same of any text; false when it is none. */
bool scaled(const char *text, uint64_t scale, uint64_t *ret_bytes);
/* False with a message when both options are given. */
bool arg_exclusive(struct cli *cli, const struct arguments *args, const char *a, const char *b);

/* An option that stands for a flag, or for a number. */
struct flag_row {
    const char *option; /* NULL ends the rows */
    unsigned flag;      /* libvirt's */
};

/* The flags of those that are given. */
unsigned arg_flags(const struct arguments *args, const struct flag_row *rows);
/* Options that this program does not serve yet: false, naming the first that is given. */
bool arg_unbuilt(struct cli *cli, const struct arguments *args, const char *const *options);
/* The place of a word in an array that ends with NULL, or -1. */
int word_index(const char *const *words, const char *word);

/* False with a message when `a` is given without `b`. */
bool arg_requires(struct cli *cli, const struct arguments *args, const char *a, const char *b);

/* Commands by the file that has them; each ends with a NULL name. */
extern const struct verb cpu_verbs[], device_verbs[], domain_list_verbs[], domain_verbs[],
    event_verbs[], guest_verbs[], host_verbs[], moment_verbs[], monitor_verbs[], network_verbs[],
    node_verbs[], note_verbs[], own_verbs[], pool_verbs[], resource_verbs[], save_verbs[],
    shell_verbs[], storage_verbs[], stream_verbs[], tune_verbs[], volume_verbs[];

#endif
