/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/main/readconfig.h"

#include "machine/main/options.h"

#include <gio/gio.h>
#include <string.h>

#define FILE_MAX (1 << 20)

/* Groups whose option has another name. */
static const struct {
    const char *group, *option;
} names[] = {
    {"memory", "m"},
    {"smp-opts", "smp"},
    {"boot-opts", "boot"},
    {"action-opts", "action"},
};

struct section {
    const struct option *option; /* NULL: none yet */
    json_object *values;
    unsigned line;
};

static const struct option *find_option(const char *group)
{
    const struct option *o;

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_str_equal(names[i].group, group)) {
            group = names[i].option;
        }
    }
    o = options_find(group);
    return o && o->arg &&
                   (o->kind == OPTION_GROUP || o->kind == OPTION_ITEMS || o->rows ||
                    g_str_equal(group, "global"))
               ? o
               : NULL;
}

static gboolean finish(struct setup *s, struct section *section, GError **error)
{
    gboolean ok = TRUE;

    if (section->option) {
        ok = options_take(s, section->option, json_object_to_json_string(section->values), error);
        if (!ok) {
            g_prefix_error(error, "%u: ", section->line);
        }
        json_object_put(section->values);
    }
    *section = (struct section){0};
    return ok;
}

/* [group] or [group "id"] */
static gboolean begin(struct section *section, char *text, unsigned line, GError **error)
{
    size_t len = strlen(text);
    char *id = strchr(text, '"'), *end = id ? strrchr(id + 1, '"') : NULL;
    const struct option *o = NULL;

    if (text[len - 1] == ']' && !id == !end) {
        text[len - 1] = '\0';
        if (id) {
            *id = *end = '\0';
        }
        o = find_option(g_strstrip(text + 1));
    }
    if (!o) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "%u: there is no option group '%.60s', or it is not built yet", line, text + 1);
        return FALSE;
    }
    *section = (struct section){o, json_object_new_object(), line};
    if (id) {
        json_object_object_add(section->values, "id", json_object_new_string(id + 1));
    }
    return TRUE;
}

/* key = "value" */
static gboolean add_value(struct section *section, char *text, unsigned line, GError **error)
{
    char *equals = strchr(text, '='), *from = equals ? strchr(equals, '"') : NULL;
    char *end = from ? strrchr(from + 1, '"') : NULL;

    if (!section->option || !end || end[1]) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "%u: a line key = \"value\" in a section is expected", line);
        return FALSE;
    }
    *equals = *end = '\0';
    json_object_object_add(section->values, g_strstrip(text), json_object_new_string(from + 1));
    return TRUE;
}

static gboolean read_lines(struct setup *s, char **lines, GError **error)
{
    struct section section = {0};
    gboolean ok = TRUE;

    for (unsigned i = 0; ok && lines[i]; i++) {
        char *text = g_strstrip(lines[i]);

        if (*text == '[') {
            ok = finish(s, &section, error) && begin(&section, text, i + 1, error);
        } else if (*text && *text != '#') {
            ok = add_value(&section, text, i + 1, error);
        }
    }
    if (ok) {
        return finish(s, &section, error);
    }
    json_object_put(section.values);
    return FALSE;
}

gboolean readconfig(struct setup *s, const char *path, GError **error)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    gsize len;

    if (!g_file_get_contents(path, &text, &len, error)) {
        return FALSE;
    }
    if (len > FILE_MAX || !g_utf8_validate(text, (gssize)len, NULL)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                    "it is no text, or longer than 1 MiB");
        return FALSE;
    }
    lines = g_strsplit(text, "\n", -1);
    return read_lines(s, lines, error);
}
