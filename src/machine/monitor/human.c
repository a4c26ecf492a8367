/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The human monitor: a line editor of the simplest kind over a character device, and commands in
 * one table, most of which print what QMP's queries answer.
 */
#include "machine/monitor/human.h"

#include "machine/monitor/command.h"
#include "machine/monitor/monitor.h"

#include <string.h>

#define LINE_MAX_BYTES 4096
#define PROMPT         "(qemu) "

struct human {
    const struct monitor_env *env;
    struct chardev *c;
    struct chardev_frontend fe;
    GString *line;
    GByteArray *out;
    bool greeted;
    bool focused;
};

/* ---- commands -----------------------------------------------------------------------------------
 */

static const struct human_command *find(const struct human_command *table, const char *name)
{
    for (const struct human_command *c = table; c->name; c++) {
        if (g_str_equal(c->name, name) || (c->alias && g_str_equal(c->alias, name))) {
            return c;
        }
    }
    return NULL;
}

static void print_table(const struct human_command *table, const char *prefix, GString *out)
{
    for (const struct human_command *c = table; c->name; c++) {
        g_string_append_printf(out, "%s%s%s%s%s%s -- %s\n", prefix, c->name, c->alias ? "|" : "",
                               c->alias ? c->alias : "", c->args ? " " : "", c->args ? c->args : "",
                               c->help);
    }
}

void human_help(const struct human_call *c)
{
    const struct human_command *one = c->argc > 0 ? find(human_commands, c->argv[0]) : NULL;

    if (one && g_str_equal(one->name, "info")) {
        print_table(human_infos, "info ", c->out);
    } else if (one) {
        const struct human_command table[2] = {*one, {NULL}};

        print_table(table, "", c->out);
    } else {
        print_table(human_commands, "", c->out);
    }
}

void human_info(const struct human_call *c)
{
    const struct human_command *info = c->argc > 0 ? find(human_infos, c->argv[0]) : NULL;
    struct human_call call = *c;

    if (!info) {
        print_table(human_infos, "info ", c->out);
        return;
    }
    call.argc--;
    call.argv++;
    info->run(&call);
}

static void run_words(const struct monitor_env *env, char **words, GString *out)
{
    g_autofree char *name = g_strdup(words[0]);
    char *slash = strchr(name, '/');
    const struct human_command *command;
    struct human_call call = {.env = env, .out = out, .argv = words + 1};

    if (slash) {
        *slash = '\0';
        call.format = slash + 1;
    }
    call.argc = g_strv_length(words) - 1;
    command = find(human_commands, name);
    if (!command) {
        g_string_append_printf(out, "unknown command: '%s'\n", words[0]);
    } else {
        command->run(&call);
    }
}

char *human_run(const struct monitor_env *env, const char *line)
{
    GString *out = g_string_new(NULL);
    g_auto(GStrv) words = NULL;
    g_autoptr(GError) error = NULL;

    if (strlen(line) > LINE_MAX_BYTES || !g_utf8_validate(line, -1, NULL)) {
        g_string_append(out, "the line is too long, or not UTF-8\n");
    } else if (g_shell_parse_argv(line, NULL, &words, &error)) {
        run_words(env, words, out);
    } else if (!g_error_matches(error, G_SHELL_ERROR, G_SHELL_ERROR_EMPTY_STRING)) {
        g_string_append_printf(out, "%s\n", error->message);
    }
    return g_string_free(out, FALSE);
}

/* ---- terminal
 * ------------------------------------------------------------------------------------ */

static void flush(struct human *h)
{
    while (h->out->len) {
        size_t n = chardev_write(h->c, h->out->data, h->out->len);

        if (!n) {
            return;
        }
        g_byte_array_remove_range(h->out, 0, (guint)n);
    }
}

static void print(struct human *h, const char *text)
{
    for (; *text; text++) {
        if (*text == '\n') {
            g_byte_array_append(h->out, (const guint8 *)"\r", 1);
        }
        g_byte_array_append(h->out, (const guint8 *)text, 1);
    }
    flush(h);
}

static void greet(struct human *h)
{
    if (!h->greeted) {
        print(h, "QEMU 7.2.0 monitor (vivarium) - type 'help' for more information\n");
        h->greeted = true;
    }
    print(h, PROMPT);
}

static void finish_line(struct human *h)
{
    g_autofree char *line = g_strdup(h->line->str);
    g_autofree char *text = NULL;

    g_string_truncate(h->line, 0);
    print(h, "\n");
    text = human_run(h->env, line);
    print(h, text);
    print(h, PROMPT);
}

static void take_key(struct human *h, uint8_t key)
{
    const char echo[2] = {(char)key, '\0'};

    switch (key) {
    case '\r':
    case '\n': finish_line(h); break;
    case 8:
    case 127:
        if (h->line->len) {
            g_string_truncate(h->line, h->line->len - 1);
            print(h, "\b \b");
        }
        break;
    case 21: /* Ctrl-u */
        while (h->line->len) {
            g_string_truncate(h->line, h->line->len - 1);
            print(h, "\b \b");
        }
        break;
    default:
        if (key >= ' ' && h->line->len < LINE_MAX_BYTES) {
            g_string_append_c(h->line, (char)key);
            print(h, echo);
        }
    }
}

static size_t can_receive(void *opaque)
{
    return ((struct human *)opaque)->out->len > (1 << 20) ? 0 : 256;
}

static void receive(void *opaque, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        take_key(opaque, data[i]);
    }
}

static void writable(void *opaque)
{
    struct human *h = opaque;

    flush(h);
    chardev_accept_input(h->c);
}

static void event(void *opaque, enum chardev_event e)
{
    struct human *h = opaque;

    switch (e) {
    case CHARDEV_OPENED:
        g_string_truncate(h->line, 0);
        h->greeted = false;
        if (!chardev_is_mux(h->c)) {
            greet(h);
        }
        break;
    case CHARDEV_FOCUS_IN:
        if (h->focused) { /* not the focus that comes with being attached */
            greet(h);
        }
        h->focused = true;
        break;
    default: break;
    }
}

struct human *human_open(const struct monitor_env *env, struct chardev *c, GError **error)
{
    struct human *h = g_new0(struct human, 1);

    h->env = env;
    h->c = c;
    h->line = g_string_new(NULL);
    h->out = g_byte_array_new();
    h->fe = (struct chardev_frontend){can_receive, receive, event, writable, h};
    if (!chardev_attach(c, &h->fe, error)) {
        g_string_free(h->line, TRUE);
        g_byte_array_unref(h->out);
        g_free(h);
        return NULL;
    }
    return h;
}

void human_close(struct human *h)
{
    chardev_detach(h->c, &h->fe);
    g_string_free(h->line, TRUE);
    g_byte_array_unref(h->out);
    g_free(h);
}
