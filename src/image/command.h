/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * viv-img's commands. Each is one const row: its name, options, operands and function. Parsing, the
 * usage texts, the manual's check and shell completion read the rows. One thread (the main one)
 * unless a command says otherwise.
 */
#ifndef VIV_IMAGE_COMMAND_H
#define VIV_IMAGE_COMMAND_H

#include "block/block.h"
#include "block/driver.h"

#include <stdbool.h>

/* Keys of options without a letter. */
enum image_key {
    IMAGE_KEY_OUTPUT = 256,
    IMAGE_KEY_IMAGE_OPTS,
    IMAGE_KEY_TARGET_IMAGE_OPTS,
    IMAGE_KEY_TARGET_IS_ZERO,
    IMAGE_KEY_BACKING_CHAIN,
    IMAGE_KEY_PREALLOCATION,
    IMAGE_KEY_SHRINK,
    IMAGE_KEY_SIZE,
    IMAGE_KEY_SALVAGE,
    IMAGE_KEY_FORCE,
    IMAGE_KEY_OBJECT,
    IMAGE_KEY_FLUSH_INTERVAL,
    IMAGE_KEY_NO_DRAIN,
    IMAGE_KEY_PATTERN,
    IMAGE_KEY_BITMAPS,
    IMAGE_KEY_SKIP_BROKEN_BITMAPS,
    IMAGE_KEY_LAST,
};

/* One option; a list ends with key 0. */
struct image_option {
    int key;           /* its letter, or an image_key */
    const char *name;  /* long name or NULL */
    const char *value; /* what it takes, NULL: nothing */
    const char *help;
};

struct image_args;

struct image_command {
    const char *name;
    const char *operands; /* for the usage line */
    const char *help;
    const struct image_option *options;
    bool number_last; /* the last word is an operand even if it begins with "-" */
    /* Returns the exit status. */
    int (*run)(const struct image_args *args);
};

/* A parsed command line; lives as long as the program. */
struct image_args {
    const struct image_command *command;
    struct block_graph *graph;
    char *values[IMAGE_KEY_LAST]; /* the last one given; "" for options without a value */
    GPtrArray *create_options;    /* every -o */
    GPtrArray *operands;
};

extern const struct image_command image_amend, image_bench, image_check, image_commit,
    image_compare, image_convert, image_create, image_info, image_map, image_measure, image_rebase,
    image_resize, image_snapshot;

/* All commands by name, ended by NULL. */
const struct image_command *const *image_commands(void);

static inline bool image_has(const struct image_args *args, int key)
{
    return args->values[key] != NULL;
}

static inline const char *image_value(const struct image_args *args, int key)
{
    return args->values[key];
}

static inline const char *image_operand(const struct image_args *args, unsigned i)
{
    return i < args->operands->len ? g_ptr_array_index(args->operands, i) : NULL;
}

/* Parses argv[1..] for `command`. FALSE: said why, or printed the help (*ret_status 0). */
bool image_args_parse(struct image_args *args, const struct image_command *command, int argc,
                      char **argv, int *ret_status);
void image_args_fini(struct image_args *args);
/* usage line and option list of a command */
void image_command_help(const struct image_command *command);

/* "viv-img: MESSAGE" and, with a hint, "hint: HINT" on stderr. Returns 1, the usual status. */
int image_fail(const char *format, ...) G_GNUC_PRINTF(1, 2);
int image_fail_hint(const char *hint, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* The same for a wrong command line: tells of --help. */
int image_usage(const char *format, ...) G_GNUC_PRINTF(1, 2);
/* A GError's message with hints for the well-known ones; takes the error. */
int image_fail_error(GError *error);

/* "human" or "json" of --output; FALSE after a message. */
bool image_output_json(const struct image_args *args, bool *ret_json);

/*
 * Opens the operand `name` as -f, --image-opts, -U and the cache mode `cache` say; NULL after a
 * message. `format` NULL probes.
 */
struct block_node *image_open(const struct image_args *args, const char *name, const char *format,
                              const char *cache, unsigned flags);
/* Makes an image that was opened for reading show the snapshot of -l. FALSE after a message. */
bool image_load_snapshot(const struct image_args *args, struct block_node *node);
/* "-o a=b,c=d" lists and the create rows of `driver`; NULL after a message. A new object. */
json_object *image_create_options(const struct image_args *args, const struct block_driver *driver,
                                  const char *filename);
/* A driver that can create images; NULL after a message (with `filename` unless that is NULL). */
const struct block_driver *image_create_driver(const char *filename, const char *format);
/* "key=value,key=value" with doubled commas, as a JSON object of strings. */
json_object *image_keyval(const char *text, const char *implied, GError **error);
void image_print_create_options(const struct block_driver *driver);

/* Set by SIGINT and SIGTERM: loops stop at the next safe point. Any thread. */
bool image_interrupted(void);
/* For commands with nothing to put in order: SIGINT and SIGTERM end the program at once. */
void image_end_at_once(void);

#endif
