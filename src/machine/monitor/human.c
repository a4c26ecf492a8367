/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The human monitor: a small line editor (completion, history) over a character device, and
 * commands in one table, most of which print what QMP's queries answer.
 */
#include "machine/monitor/human.h"

#include "machine/monitor/command.h"
#include "machine/monitor/monitor.h"

#include <string.h>

#define LINE_MAX_BYTES 4096
#define HISTORY_MAX    64
#define PROMPT         "(qemu) "

struct human {
    const struct monitor_env *env;
    struct chardev *c;
    struct chardev_frontend fe;
    GString *line;
    GByteArray *out;
    bool greeted;
    bool focused;
    unsigned escape;    /* bytes of an escape sequence seen */
    GPtrArray *history; /* char * */
    unsigned at;        /* of the line shown in history; its length: a new one */
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

/* ---- completion and history ---- */

static void insert(struct human *h, const char *text)
{
    if (h->line->len + strlen(text) < LINE_MAX_BYTES) {
        g_string_append(h->line, text);
        print(h, text);
    }
}

static void erase_line(struct human *h)
{
    while (h->line->len) {
        g_string_truncate(h->line, h->line->len - 1);
        print(h, "\b \b");
    }
}

/* What the last word of the line may be: names that begin with it, in order. */
static void add_names(const struct human_command *table, const char *prefix, GPtrArray *found)
{
    for (const struct human_command *c = table; c->name; c++) {
        if (g_str_has_prefix(c->name, prefix)) {
            g_ptr_array_add(found, g_strdup(c->name));
        }
    }
}

static void add_ids(json_object *list, const char *member, const char *prefix, GPtrArray *found)
{
    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        const char *id = human_text(json_object_array_get_idx(list, i), member);

        if (*id && g_str_has_prefix(id, prefix)) {
            g_ptr_array_add(found, g_strdup(id));
        }
    }
}

/* Commands whose first argument is the id of something that a query lists. */
static const struct {
    const char *command, *query, *member;
} id_arguments[] = {
    {"chardev-remove", "query-chardev", "label"}, {"chardev-change", "query-chardev", "label"},
    {"eject", "query-block", "device"},           {"change", "query-block", "device"},
    {"block_resize", "query-block", "device"},
};

static void add_arguments(struct human *h, const char *command, const char *prefix,
                          GPtrArray *found)
{
    g_autoptr(GString) ignored = g_string_new(NULL);
    const struct human_call call = {.env = h->env, .out = ignored};

    if (g_str_equal(command, "info")) {
        add_names(human_infos, prefix, found);
    } else if (g_str_equal(command, "help") || g_str_equal(command, "?")) {
        add_names(human_commands, prefix, found);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(id_arguments); i++) {
        if (g_str_equal(id_arguments[i].command, command)) {
            json_object *list = human_ask(&call, id_arguments[i].query, NULL);

            add_ids(list, id_arguments[i].member, prefix, found);
            json_object_put(list);
        }
    }
}

static size_t common_length(const GPtrArray *found)
{
    const char *first = found->pdata[0];
    size_t len = strlen(first);

    for (guint i = 1; i < found->len; i++) {
        const char *other = found->pdata[i];
        size_t same = 0;

        while (same < len && first[same] == other[same]) {
            same++;
        }
        len = same;
    }
    return len;
}

static void show_names(struct human *h, const GPtrArray *found)
{
    print(h, "\n");
    for (guint i = 0; i < found->len; i++) {
        print(h, found->pdata[i]);
        print(h, i + 1 < found->len ? " " : "\n");
    }
    print(h, PROMPT);
    print(h, h->line->str);
}

/* Tab: the rest of the word, as far as it is certain; or the choices. */
static void complete(struct human *h)
{
    g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);
    g_auto(GStrv) words = g_strsplit(h->line->str, " ", 3);
    unsigned n = g_strv_length(words);
    g_autofree char *rest = NULL;
    const char *word = n ? words[n - 1] : "";

    if (n < 2) {
        add_names(human_commands, word, found);
    } else if (n == 2) {
        add_arguments(h, words[0], word, found);
    }
    if (!found->len) {
        return;
    }
    rest = g_strndup((char *)found->pdata[0] + strlen(word), common_length(found) - strlen(word));
    if (found->len == 1) {
        insert(h, rest);
        insert(h, " ");
    } else if (*rest) {
        insert(h, rest);
    } else {
        show_names(h, found);
    }
}

static void remember(struct human *h, const char *line)
{
    const char *last = h->history->len ? h->history->pdata[h->history->len - 1] : "";

    if (*line && !g_str_equal(line, last)) {
        g_ptr_array_add(h->history, g_strdup(line));
    }
    if (h->history->len > HISTORY_MAX) {
        g_ptr_array_remove_index(h->history, 0);
    }
    h->at = h->history->len;
}

/* Up and down: the line before or after the one that is shown. */
static void recall(struct human *h, int step)
{
    unsigned at = step < 0 ? h->at - 1 : h->at + 1;

    if ((step < 0 && !h->at) || at > h->history->len) {
        return;
    }
    erase_line(h);
    h->at = at;
    if (at < h->history->len) {
        insert(h, h->history->pdata[at]);
    }
}

static void finish_line(struct human *h)
{
    g_autofree char *line = g_strdup(h->line->str);
    g_autofree char *text = NULL;

    g_string_truncate(h->line, 0);
    remember(h, line);
    print(h, "\n");
    text = human_run(h->env, line);
    print(h, text);
    print(h, PROMPT);
}

/* The keys that terminals send as ESC [ letter. TRUE: the byte belongs to one. */
static bool take_escape(struct human *h, uint8_t key)
{
    switch (h->escape) {
    case 0: h->escape = key == 27; return key == 27;
    case 1: h->escape = key == '[' || key == 'O' ? 2 : 0; return true;
    default:
        h->escape = 0;
        if (key == 'A' || key == 'B') {
            recall(h, key == 'A' ? -1 : 1);
        }
        return true;
    }
}

static void take_key(struct human *h, uint8_t key)
{
    const char echo[2] = {(char)key, '\0'};

    if (take_escape(h, key)) {
        return;
    }
    switch (key) {
    case '\r':
    case '\n': finish_line(h); break;
    case '\t': complete(h); break;
    case 14: recall(h, 1); break;  /* Ctrl-n */
    case 16: recall(h, -1); break; /* Ctrl-p */
    case 8:
    case 127:
        if (h->line->len) {
            g_string_truncate(h->line, h->line->len - 1);
            print(h, "\b \b");
        }
        break;
    case 21: erase_line(h); break; /* Ctrl-u */
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
    h->history = g_ptr_array_new_with_free_func(g_free);
    h->fe = (struct chardev_frontend){can_receive, receive, event, writable, h};
    if (!chardev_attach(c, &h->fe, error)) {
        g_string_free(h->line, TRUE);
        g_ptr_array_unref(h->history);
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
    g_ptr_array_unref(h->history);
    g_byte_array_unref(h->out);
    g_free(h);
}
