/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/command.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define MAX_OPTIONS 64

static const struct image_option help_option = {'h', "help", NULL, "show this help"};

/* The rows in getopt's form. */
struct parser {
    struct option longs[MAX_OPTIONS];
    char shorts[2 * MAX_OPTIONS];
};

static void add_row(struct parser *p, unsigned *n, char **at, const struct image_option *row)
{
    int needs = row->value != NULL ? required_argument : no_argument;

    if (row->key < 256) {
        *(*at)++ = (char)row->key;
        if (row->value != NULL) {
            *(*at)++ = ':';
        }
    }
    if (row->name != NULL) {
        p->longs[(*n)++] = (struct option){row->name, needs, NULL, row->key};
    }
}

static void build(struct parser *p, const struct image_command *command)
{
    unsigned n = 0;
    char *at = p->shorts;

    *at++ = ':';
    add_row(p, &n, &at, &help_option);
    for (const struct image_option *row = command->options; row->key != 0; row++) {
        g_assert(n + 1 < MAX_OPTIONS);
        add_row(p, &n, &at, row);
    }
    *at = '\0';
    p->longs[n] = (struct option){0};
}

static void store(struct image_args *args, int key, const char *value)
{
    if (key == 'f' && strcmp(value, "json") == 0) {
        key =
            IMAGE_KEY_OUTPUT; /* "--format json", as other tools spell it: no format is named so */
    }
    if (key == 'o') {
        g_ptr_array_add(args->create_options, g_strdup(value));
    }
    g_free(args->values[key]);
    args->values[key] = g_strdup(value != NULL ? value : "");
}

bool image_args_parse(struct image_args *args, const struct image_command *command, int argc,
                      char **argv, int *ret_status)
{
    struct parser p = {0};
    char *last = command->number_last && argc > 2 && argv[argc - 1][0] == '-' &&
                         g_ascii_isdigit(argv[argc - 1][1])
                     ? argv[--argc]
                     : NULL;
    int key;

    *ret_status = 1;
    if (command->number_last && last == NULL && argc < 3 && argv[1] != NULL && argv[1][0] != '-') {
        image_usage("Not enough arguments");
        return false;
    }
    build(&p, command);
    args->command = command;
    args->create_options = g_ptr_array_new_with_free_func(g_free);
    args->operands = g_ptr_array_new();
    opterr = 0;
    optind = 1;
    while ((key = getopt_long(argc, argv, p.shorts, p.longs, NULL)) != -1) {
        if (key == ':') {
            image_usage("missing argument for option '%s'", argv[optind - 1]);
            return false;
        }
        if (key == '?') {
            image_usage("unrecognized option '%s'", argv[optind - 1]);
            return false;
        }
        if (key == 'h') {
            image_command_help(command);
            *ret_status = 0;
            return false;
        }
        if (key == IMAGE_KEY_OBJECT) {
            image_fail("--object is not built yet: encrypted images need it");
            return false;
        }
        store(args, key, optarg);
    }
    for (int i = optind; i < argc; i++) {
        g_ptr_array_add(args->operands, argv[i]);
    }
    if (last != NULL) {
        g_ptr_array_add(args->operands, last);
    }
    return true;
}

void image_args_fini(struct image_args *args)
{
    for (unsigned i = 0; i < IMAGE_KEY_LAST; i++) {
        g_free(args->values[i]);
    }
    g_clear_pointer(&args->create_options, g_ptr_array_unref);
    g_clear_pointer(&args->operands, g_ptr_array_unref);
}

static void print_option(const struct image_option *row)
{
    g_autoptr(GString) left = g_string_new("  ");

    if (row->key < 256) {
        g_string_append_printf(left, "-%c", row->key);
    }
    if (row->name != NULL) {
        g_string_append_printf(left, "%s--%s", row->key < 256 ? ", " : "", row->name);
    }
    if (row->value != NULL) {
        g_string_append_printf(left, "%s%s", row->name != NULL ? "=" : " ", row->value);
    }
    printf("%-34s %s\n", left->str, row->help);
}

void image_command_help(const struct image_command *command)
{
    printf("usage: viv-img %s [options] %s\n%s\n\n", command->name, command->operands,
           command->help);
    for (const struct image_option *row = command->options; row->key != 0; row++) {
        print_option(row);
    }
    print_option(&help_option);
}

/* ---- messages ---- */

static void say(const char *format, va_list ap)
{
    g_autofree char *text = g_strdup_vprintf(format, ap);

    fflush(stdout);
    fprintf(stderr, "viv-img: %s\n", text);
}

int image_fail(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    say(format, ap);
    va_end(ap);
    return 1;
}

int image_fail_hint(const char *hint, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    say(format, ap);
    va_end(ap);
    fprintf(stderr, "hint: %s\n", hint);
    return 1;
}

int image_usage(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    say(format, ap);
    va_end(ap);
    fprintf(stderr, "Try 'viv-img --help' for more information\n");
    return 1;
}

int image_fail_error(GError *error)
{
    static const struct {
        const char *part, *hint;
    } hints[] = {
        {"Is another process using",
         "stop the machine that uses it, or read it all the same with -U"},
        {"Image is corrupt; cannot", "repair it with: viv-img check -r all IMAGE"},
        {"Could not open backing file",
         "look at the chain without opening it: viv-img info IMAGE; "
         "repoint it with: viv-img rebase -u -b NEW -F FORMAT IMAGE"},
        {"does not support O_DIRECT", "use another cache mode than none and directsync"},
        {"Permission denied", "check who owns the file and its folders"},
    };
    const char *hint = NULL;

    for (unsigned i = 0; i < G_N_ELEMENTS(hints) && hint == NULL; i++) {
        hint = strstr(error->message, hints[i].part) != NULL ? hints[i].hint : NULL;
    }
    image_fail("%s", error->message);
    if (hint != NULL) {
        fprintf(stderr, "hint: %s\n", hint);
    }
    g_error_free(error);
    return 1;
}

bool image_output_json(const struct image_args *args, bool *ret_json)
{
    const char *text = image_value(args, IMAGE_KEY_OUTPUT);

    *ret_json = text != NULL && strcmp(text, "json") == 0;
    if (text != NULL && !*ret_json && strcmp(text, "human") != 0) {
        image_fail("--output must be used with human or json as argument.");
        return false;
    }
    return true;
}
