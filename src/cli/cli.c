/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"

#include "cli/command.h"
#include "cli/help.h"
#include "cli/json.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MAX_FILE (16 * 1024 * 1024)

bool cli_fail(struct cli *cli, const char *format, ...)
{
    va_list list;

    fflush(stdout);
    fputs("error: ", stderr);
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
    return false;
}

bool cli_say(struct cli *cli, const char *format, ...)
{
    va_list list;

    if (cli->quiet) {
        return true;
    }
    va_start(list, format);
    g_autofree char *text = g_strdup_vprintf(format, list);

    va_end(list);
    if (cli->json) {
        struct json_object *object = json_object_new_object();

        json_object_object_add(object, "message", json_object_new_string(g_strchomp(text)));
        json_print(object);
        json_object_put(object);
    } else {
        fputs(text, stdout);
    }
    return true;
}

struct viv_error **cli_error(struct cli *cli)
{
    g_clear_pointer(&cli->error, viv_error_free);
    return &cli->error;
}

static void tell_error(struct cli *cli)
{
    if (cli->error != NULL) {
        cli_fail(cli, "%s", viv_error_message(cli->error));
        g_clear_pointer(&cli->error, viv_error_free);
    }
}

struct viv_connection *cli_connection(struct cli *cli)
{
    if (cli->connection == NULL) {
        cli->connection =
            viv_open(cli->uri, cli->read_only ? VIV_OPEN_READ_ONLY : 0, cli_error(cli));
        if (cli->connection == NULL) {
            cli_fail(cli, "failed to connect to the hypervisor");
        }
    }
    return cli->connection;
}

/* A ";" ends a command also at the end of a word. */
static void add_word(GPtrArray *words, const char *word)
{
    size_t length = strlen(word);

    if (length > 1 && word[length - 1] == ';') {
        g_ptr_array_add(words, g_strndup(word, length - 1));
        g_ptr_array_add(words, g_strdup(";"));
    } else {
        g_ptr_array_add(words, g_strdup(word));
    }
}

/* Appends a word's text from `p`, quotes and backslashes taken away; NULL when a quote stays open.
 */
static const char *read_word(const char *p, GString *word)
{
    char quote = '\0';

    for (; *p != '\0' && (quote != '\0' || (!g_ascii_isspace(*p) && *p != ';')); p++) {
        if (quote == '\0' && (*p == '\'' || *p == '"')) {
            quote = *p;
        } else if (*p == quote && quote != '\0') {
            quote = '\0';
        } else {
            if (*p == '\\' && quote != '\'' && p[1] != '\0') {
                p++;
            }
            g_string_append_c(word, *p);
        }
    }
    return quote == '\0' ? p : NULL;
}

char **cli_split(struct cli *cli, const char *line)
{
    GPtrArray *words = g_ptr_array_new_with_free_func(g_free);
    const char *p = line;

    while (p != NULL && *p != '\0') {
        if (g_ascii_isspace(*p)) {
            p++;
        } else if (*p == '#') {
            break;
        } else if (*p == ';') {
            g_ptr_array_add(words, g_strdup(";"));
            p++;
        } else {
            GString *word = g_string_new(NULL);

            p = read_word(p, word);
            g_ptr_array_add(words, g_string_free(word, FALSE));
        }
    }
    if (p == NULL) {
        cli_fail(cli, "missing quote");
        g_ptr_array_unref(words);
        return NULL;
    }
    g_ptr_array_add(words, NULL);
    g_ptr_array_set_free_func(words, NULL);
    return (char **)g_ptr_array_free(words, FALSE);
}

static struct arguments *parse_one(struct cli *cli, char ***words)
{
    const struct command_row *command = command_find(**words);

    if (command == NULL) {
        cli_fail(cli, "unknown command: '%s'", **words);
        return NULL;
    }
    (*words)++;
    return arguments_parse(cli, command, words);
}

static bool run_one(struct cli *cli, const struct arguments *args)
{
    const struct command_row *command = arguments_command(args);
    command_run run = command_verb(command);
    bool good = true;

    if (arguments_help(args)) {
        help_command(command);
    } else {
        good = run != NULL ? run(cli, args)
                           : cli_fail(cli, "command '%s' is not built yet", command->name);
    }
    if (!good) {
        tell_error(cli);
    }
    g_clear_pointer(&cli->error, viv_error_free);
    if (!cli->json && !cli->quit) {
        cli_say(cli, "\n");
    }
    fflush(stdout);
    return good;
}

/* All are parsed before the first runs. */
bool cli_run(struct cli *cli, char **words)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func((GDestroyNotify)arguments_free);
    g_autoptr(GPtrArray) cut = g_ptr_array_new_with_free_func(g_free);
    bool good = true;

    for (char **w = words; *w != NULL; w++) {
        add_word(cut, *w);
    }
    g_ptr_array_add(cut, NULL);
    for (char **w = (char **)cut->pdata; *w != NULL;) {
        if (strcmp(*w, ";") == 0) {
            w++;
            continue;
        }
        struct arguments *args = parse_one(cli, &w);

        if (args == NULL) {
            return false;
        }
        g_ptr_array_add(list, args);
    }
    for (unsigned i = 0; i < list->len && !cli->quit; i++) {
        good = run_one(cli, g_ptr_array_index(list, i));
    }
    return good;
}

char *cli_uuid(const uint8_t *uuid)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < VIV_UUID_BYTES; i++) {
        g_string_append_printf(text, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                               uuid[i]);
    }
    return g_string_free(text, FALSE);
}

bool cli_parse_uuid(const char *text, uint8_t ret_uuid[VIV_UUID_BYTES])
{
    if (!g_uuid_string_is_valid(text)) {
        return false;
    }
    for (unsigned i = 0; i < VIV_UUID_BYTES; i++, text += 2) {
        text += *text == '-';
        ret_uuid[i] = (uint8_t)(g_ascii_xdigit_value(text[0]) << 4 | g_ascii_xdigit_value(text[1]));
    }
    return true;
}

char *cli_size(uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    unsigned unit = 0;

    while (value >= 1024 && unit + 1 < G_N_ELEMENTS(units)) {
        value /= 1024;
        unit++;
    }
    return g_strdup_printf("%.2f %s", value, units[unit]);
}

/* What each kind is called by options and messages. */
static const struct kind_word {
    const char *option, *word;
} kind_words[VIV_KINDS] = {
    [VIV_DOMAIN] = {"domain", "domain"},
    [VIV_NETWORK] = {"network", "network"},
    [VIV_POOL] = {"pool", "pool"},
    [VIV_INTERFACE] = {"interface", "interface"},
    [VIV_NODE_DEVICE] = {"device", "device"},
    [VIV_NWFILTER] = {"nwfilter", "nwfilter"},
    [VIV_SECRET] = {"secret", "secret"},
};

static struct viv_object *look_up(struct cli *cli, enum viv_kind kind, const char *name)
{
    uint8_t uuid[VIV_UUID_BYTES];
    guint64 id;
    struct viv_object *object = NULL;

    if (kind == VIV_DOMAIN && g_ascii_string_to_unsigned(name, 10, 0, INT32_MAX, &id, NULL)) {
        object = viv_find_id(cli->connection, (int)id, NULL);
    }
    bool has_uuid = kind <= VIV_POOL || kind == VIV_NWFILTER || kind == VIV_SECRET;

    if (kind == VIV_SECRET && !cli_parse_uuid(name, uuid)) {
        return NULL;
    }
    if (object == NULL && has_uuid && cli_parse_uuid(name, uuid)) {
        object = viv_find_uuid(cli->connection, kind, uuid, cli_error(cli));
        return object;
    }
    return object != NULL ? object : viv_find(cli->connection, kind, name, cli_error(cli));
}

struct viv_object *cli_find(struct cli *cli, enum viv_kind kind, const char *name)
{
    if (cli_connection(cli) == NULL) {
        return NULL;
    }
    struct viv_object *object = look_up(cli, kind, name);

    if (object == NULL) {
        cli_fail(cli,
                 kind == VIV_NODE_DEVICE ? "Could not find matching %s '%s'"
                                         : "failed to get %s '%s'",
                 kind_words[kind].word, name);
        if (kind == VIV_SECRET && cli->error == NULL) {
            cli_fail(cli, "uuidstr in virSecretLookupByUUIDString must be a valid UUID");
        }
        /* virsh says no more of a domain. */
        if (kind == VIV_DOMAIN) {
            (void)cli_error(cli);
        }
    }
    return object;
}

struct viv_object *cli_object(struct cli *cli, const struct arguments *args, enum viv_kind kind)
{
    return cli_find(cli, kind, arg_text(args, kind_words[kind].option));
}

char *cli_file(struct cli *cli, const struct arguments *args, const char *option)
{
    const char *path = arg_text(args, option);
    char *text = NULL;
    gsize length;

    if (!g_file_get_contents(path, &text, &length, NULL)) {
        cli_fail(cli, "Failed to open file '%s': %s", path, g_strerror(errno));
        return NULL;
    }
    if (length > MAX_FILE) {
        cli_fail(cli, "the file '%s' is too large", path);
        g_clear_pointer(&text, g_free);
    }
    return text;
}

bool cli_affect(struct cli *cli, const struct arguments *args, unsigned *ret_affect)
{
    if (!arg_exclusive(cli, args, "current", "live") ||
        !arg_exclusive(cli, args, "current", "config")) {
        return false;
    }
    *ret_affect = (arg_given(args, "live") ? VIV_AFFECT_LIVE : 0) |
                  (arg_given(args, "config") ? VIV_AFFECT_CONFIG : 0);
    return true;
}
