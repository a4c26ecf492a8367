/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/command.h"

#include "cli/cli.h"

#include <glib.h>
#include <string.h>

const char *const command_groups[][2] = {
#define GROUP(title, word) {title, word},
#define COMMAND(name, group, help, about)
#define OPTION(...)
#define END
#include "cli/commands.inc"
#include "cli/own/rows.inc"
#undef GROUP
#undef COMMAND
#undef OPTION
#undef END
    {NULL, NULL},
};

/* Each command's options are a literal of their own inside its row. */
/* clang-format off */
const struct command_row commands[] = {
#define GROUP(title, word)
#define COMMAND(name, group, help, about) {name, group, help, about, (const struct option_row[]){
#define OPTION(name, kind, needed, bare, help) {name, OPTION_##kind, needed, bare, help},
#define END {NULL}}},
#include "cli/commands.inc"
#include "cli/own/rows.inc"
#undef GROUP
#undef COMMAND
#undef OPTION
#undef END
    {NULL},
};
/* clang-format on */

static const struct verb *const verbs[] = {
    cpu_verbs,    device_verbs, domain_list_verbs, domain_verbs,  event_verbs, guest_verbs,
    host_verbs,   moment_verbs, monitor_verbs,     network_verbs, node_verbs,  note_verbs,
    own_verbs,    pool_verbs,   resource_verbs,    save_verbs,    shell_verbs, storage_verbs,
    stream_verbs, tune_verbs,   volume_verbs};

struct arguments {
    const struct command_row *command;
    bool help;       /* --help, which every command has */
    char **values;   /* by option; NULL: not given; "" for a bool */
    GPtrArray *list; /* words of the option of kind LIST, NULL-terminated */
};

const struct command_row *command_find(const char *name)
{
    for (const struct command_row *c = commands; c->name != NULL; c++) {
        if (strcmp(c->name, name) == 0) {
            return c;
        }
    }
    return NULL;
}

command_run command_verb(const struct command_row *command)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(verbs); i++) {
        for (const struct verb *v = verbs[i]; v->name != NULL; v++) {
            if (strcmp(v->name, command->name) == 0) {
                return v->run;
            }
        }
    }
    return NULL;
}

static int option_index(const struct command_row *command, const char *name, size_t length)
{
    for (int i = 0; command->options[i].name != NULL; i++) {
        if (strlen(command->options[i].name) == length &&
            memcmp(command->options[i].name, name, length) == 0) {
            return i;
        }
    }
    return -1;
}

static size_t count_options(const struct command_row *command)
{
    size_t n = 0;

    while (command->options[n].name != NULL) {
        n++;
    }
    return n;
}

void arguments_free(struct arguments *args)
{
    if (args == NULL) {
        return;
    }
    for (size_t i = 0; i < count_options(args->command); i++) {
        g_free(args->values[i]);
    }
    g_free(args->values);
    g_ptr_array_unref(args->list);
    g_free(args);
}

static void set_value(struct arguments *args, int index, const char *value)
{
    if (args->command->options[index].kind == OPTION_LIST) {
        g_ptr_array_insert(args->list, (int)args->list->len - 1, g_strdup(value));
    }
    g_free(args->values[index]);
    args->values[index] = g_strdup(value);
}

/* "--name", "--name value" or "--name=value"; *words stands on it and is moved behind. */
static bool take_option(struct cli *cli, struct arguments *args, char ***words)
{
    const char *name = **words + 2;
    const char *equals = strchr(name, '=');
    size_t length = equals != NULL ? (size_t)(equals - name) : strlen(name);
    int index = option_index(args->command, name, length);
    const char *value = equals != NULL ? equals + 1 : "";

    (*words)++;
    if (index < 0 && strcmp(name, "help") == 0) {
        return args->help = true;
    }
    if (index < 0) {
        return cli_fail(cli, "command '%s' doesn't support option --%.*s", args->command->name,
                        (int)length, name);
    }
    const struct option_row *option = &args->command->options[index];

    if (args->values[index] != NULL && option->kind != OPTION_LIST) {
        return cli_fail(cli, "option --%s already seen", option->name);
    }
    if (option->kind == OPTION_BOOL && equals != NULL) {
        return cli_fail(cli, "invalid '=' after option --%s", option->name);
    }
    if (option->kind != OPTION_BOOL && equals == NULL) {
        if (**words == NULL || strcmp(**words, ";") == 0) {
            return cli_fail(cli, "expected syntax: --%s <%s>", option->name,
                            option->kind == OPTION_NUMBER ? "number" : "string");
        }
        value = *(*words)++;
    }
    set_value(args, index, value);
    return true;
}

/* A word without a name goes to the first option that still wants a value. */
static bool take_bare(struct cli *cli, struct arguments *args, const char *word)
{
    const struct option_row *options = args->command->options;

    for (int i = 0; options[i].name != NULL; i++) {
        bool wants = options[i].kind == OPTION_LIST ||
                     (options[i].kind != OPTION_BOOL && args->values[i] == NULL);

        if (wants && (options[i].bare || !options[i].needed)) {
            set_value(args, i, word);
            return true;
        }
    }
    return cli_fail(cli, "unexpected data '%s'", word);
}

static bool check_needed(struct cli *cli, const struct arguments *args)
{
    const struct option_row *options = args->command->options;

    for (int i = 0; options[i].name != NULL; i++) {
        if (options[i].needed && args->values[i] == NULL) {
            bool data = options[i].kind == OPTION_LIST ||
                        (options[i].kind == OPTION_STRING && options[i].bare);

            return cli_fail(cli,
                            data ? "command '%s' requires <%s> option"
                                 : "command '%s' requires --%s option",
                            args->command->name, options[i].name);
        }
    }
    return true;
}

struct arguments *arguments_parse(struct cli *cli, const struct command_row *command, char ***words)
{
    struct arguments *args = g_new0(struct arguments, 1);
    bool good = true, only_data = false;

    args->command = command;
    args->values = g_new0(char *, count_options(command) + 1);
    args->list = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(args->list, NULL);
    while (good && **words != NULL && strcmp(**words, ";") != 0) {
        if (!only_data && strcmp(**words, "--") == 0) {
            only_data = true;
            (*words)++;
        } else if (!only_data && g_str_has_prefix(**words, "--")) {
            good = take_option(cli, args, words);
        } else {
            good = take_bare(cli, args, *(*words)++);
        }
    }
    if (**words != NULL) {
        (*words)++;
    }
    if (!good || (!args->help && !check_needed(cli, args))) {
        g_clear_pointer(&args, arguments_free);
    }
    return args;
}

const struct command_row *arguments_command(const struct arguments *args)
{
    return args->command;
}

bool arguments_help(const struct arguments *args)
{
    return args->help;
}

const char *arg_text(const struct arguments *args, const char *name)
{
    int index = option_index(args->command, name, strlen(name));

    return index >= 0 ? args->values[index] : NULL;
}

bool arg_given(const struct arguments *args, const char *name)
{
    return arg_text(args, name) != NULL;
}

char **arg_words(const struct arguments *args, const char *name)
{
    return arg_given(args, name) ? (char **)args->list->pdata : NULL;
}

bool arg_number(struct cli *cli, const struct arguments *args, const char *name,
                uint64_t *ret_value)
{
    guint64 value;

    if (!g_ascii_string_to_unsigned(arg_text(args, name), 10, 0, UINT32_MAX, &value, NULL)) {
        return cli_fail(cli, "Numeric value '%s' for <%s> option is malformed or out of range",
                        arg_text(args, name), name);
    }
    *ret_value = value;
    return true;
}

static bool malformed(struct cli *cli, const struct arguments *args, const char *name)
{
    return cli_fail(cli, "Numeric value '%s' for <%s> option is malformed or out of range",
                    arg_text(args, name), name);
}

bool arg_i64(struct cli *cli, const struct arguments *args, const char *name, int64_t *ret_value)
{
    gint64 value;

    if (!arg_given(args, name)) {
        return true;
    }
    if (!g_ascii_string_to_signed(arg_text(args, name), 10, INT64_MIN, INT64_MAX, &value, NULL)) {
        return malformed(cli, args, name);
    }
    *ret_value = value;
    return true;
}

bool arg_i32(struct cli *cli, const struct arguments *args, const char *name, int *ret_value)
{
    int64_t value = *ret_value;

    if (!arg_i64(cli, args, name, &value)) {
        return false;
    }
    if (value < INT32_MIN || value > INT32_MAX) {
        return malformed(cli, args, name);
    }
    *ret_value = (int)value;
    return true;
}

bool arg_u64(struct cli *cli, const struct arguments *args, const char *name, uint64_t *ret_value)
{
    guint64 value;

    if (!arg_given(args, name)) {
        return true;
    }
    if (!g_ascii_string_to_unsigned(arg_text(args, name), 10, 0, UINT64_MAX, &value, NULL)) {
        return malformed(cli, args, name);
    }
    *ret_value = value;
    return true;
}

bool arg_u32(struct cli *cli, const struct arguments *args, const char *name, unsigned *ret_value)
{
    uint64_t value = *ret_value;

    if (!arg_u64(cli, args, name, &value)) {
        return false;
    }
    if (value > UINT32_MAX) {
        return malformed(cli, args, name);
    }
    *ret_value = (unsigned)value;
    return true;
}

unsigned arg_flags(const struct arguments *args, const struct flag_row *rows)
{
    unsigned flags = 0;

    for (; rows->option != NULL; rows++) {
        flags |= arg_given(args, rows->option) ? rows->flag : 0;
    }
    return flags;
}

bool arg_unbuilt(struct cli *cli, const struct arguments *args, const char *const *options)
{
    for (; *options != NULL; options++) {
        if (arg_given(args, *options)) {
            return cli_fail(cli, "option --%s of command '%s' is not built yet", *options,
                            args->command->name);
        }
    }
    return true;
}

int word_index(const char *const *words, const char *word)
{
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], word) == 0) {
            return i;
        }
    }
    return -1;
}

/* Powers of 1024 by a letter, with or without iB; of 1000 by a letter and B. */
static bool suffix_factor(const char *suffix, uint64_t *ret_factor)
{
    static const char letters[] = "kmgtpe";
    const char *letter;
    uint64_t factor = 1;

    if (g_ascii_strcasecmp(suffix, "b") == 0 || g_ascii_strcasecmp(suffix, "bytes") == 0) {
        *ret_factor = 1;
        return true;
    }
    letter = *suffix != '\0' ? strchr(letters, g_ascii_tolower(*suffix)) : NULL;
    if (letter == NULL || (suffix[1] != '\0' && g_ascii_strcasecmp(suffix + 1, "b") != 0 &&
                           g_ascii_strcasecmp(suffix + 1, "ib") != 0)) {
        return false;
    }
    for (const char *p = letters; p <= letter; p++) {
        factor *= g_ascii_strcasecmp(suffix + 1, "b") == 0 ? 1000 : 1024;
    }
    *ret_factor = factor;
    return true;
}

bool scaled(const char *text, uint64_t scale, uint64_t *ret_bytes)
{
    char *end;
    guint64 value = g_ascii_strtoull(text, &end, 10), factor = scale, bytes;

    if (end == text || *text == '-' || (*end != '\0' && !suffix_factor(end, &factor)) ||
        !g_uint64_checked_mul(&bytes, value, factor)) {
        return false;
    }
    *ret_bytes = bytes;
    return true;
}

bool arg_scaled(struct cli *cli, const struct arguments *args, const char *name, uint64_t scale,
                uint64_t *ret_bytes)
{
    return scaled(arg_text(args, name), scale, ret_bytes) ||
           cli_fail(cli, "Scaled numeric value '%s' for <%s> option is malformed or out of range",
                    arg_text(args, name), name);
}

bool arg_exclusive(struct cli *cli, const struct arguments *args, const char *a, const char *b)
{
    return !arg_given(args, a) || !arg_given(args, b) ||
           cli_fail(cli, "Options --%s and --%s are mutually exclusive", a, b);
}

bool arg_requires(struct cli *cli, const struct arguments *args, const char *a, const char *b)
{
    return !arg_given(args, a) || arg_given(args, b) ||
           cli_fail(cli, "Option --%s is required by option --%s", b, a);
}
