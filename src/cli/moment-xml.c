/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/moment-xml.h"

#include "cli/command.h"

#include <string.h>

/* "a,,b" is the text "a,b": a comma that is doubled does not part. */
static char **split(const char *text)
{
    GPtrArray *parts = g_ptr_array_new();
    GString *part = g_string_new(NULL);

    for (const char *p = text; *p != '\0'; p++) {
        if (*p == ',' && p[1] == ',') {
            g_string_append_c(part, *p++);
        } else if (*p == ',') {
            g_ptr_array_add(parts, g_string_free(part, FALSE));
            part = g_string_new(NULL);
        } else {
            g_string_append_c(part, *p);
        }
    }
    g_ptr_array_add(parts, g_string_free(part, FALSE));
    g_ptr_array_add(parts, NULL);
    return (char **)g_ptr_array_free(parts, FALSE);
}

/* The value of "key=value" if the part is one, else NULL. */
static const char *value_of(const char *part, const char *key)
{
    size_t length = strlen(key);

    return strncmp(part, key, length) == 0 && part[length] == '=' ? part + length + 1 : NULL;
}

/* Every part from `at` on has a value for one of the keys; values[i] is that of keys[i]. */
static bool take_values(char **parts, unsigned at, const char *const *keys, const char **values)
{
    for (char **part = parts + at; *part != NULL; part++) {
        unsigned i = 0;
        const char *value = NULL;

        while (keys[i] != NULL && (value = value_of(*part, keys[i])) == NULL) {
            i++;
        }
        if (value == NULL) {
            return false;
        }
        values[i] = value;
    }
    return true;
}

static void add_attribute(GString *xml, const char *name, const char *value)
{
    if (value != NULL) {
        g_autofree char *text = g_markup_escape_text(value, -1);

        g_string_append_printf(xml, " %s='%s'", name, text);
    }
}

static void add_element(GString *xml, const struct arguments *args, const char *name)
{
    if (arg_given(args, name)) {
        g_autofree char *text = g_markup_escape_text(arg_text(args, name), -1);

        g_string_append_printf(xml, "  <%s>%s</%s>\n", name, text, name);
    }
}

/* "[file=]name[,snapshot=type]" */
static bool add_memory(struct cli *cli, const struct arguments *args, GString *xml)
{
    static const char *const keys[] = {"file", "snapshot", NULL};
    const char *text = arg_text(args, "memspec"), *values[2] = {NULL};

    if (text == NULL) {
        return true;
    }
    g_auto(GStrv) parts = split(text);
    bool bare = strchr(parts[0], '=') == NULL;

    if (bare) {
        values[0] = parts[0];
    }
    if (!take_values(parts, bare ? 1 : 0, keys, values) ||
        (values[1] == NULL && (values[0] == NULL || *values[0] != '/'))) {
        return cli_fail(cli, "unable to parse memspec: %s", text);
    }
    g_string_append(xml, "  <memory");
    add_attribute(xml, "snapshot", values[1]);
    add_attribute(xml, "file", values[0]);
    g_string_append(xml, "/>\n");
    return true;
}

/* "disk[,snapshot=type][,driver=type][,stype=type][,file=name]" */
static bool add_snapshot_disk(struct cli *cli, const char *text, GString *xml)
{
    enum { SNAPSHOT, DRIVER, TYPE, FILE_NAME, KEYS };
    static const char *const keys[] = {"snapshot", "driver", "stype", "file", NULL};
    static const char *const types[] = {"file", "block", NULL};
    g_auto(GStrv) parts = split(text);
    const char *values[KEYS] = {NULL};

    if (*parts[0] == '\0' || !take_values(parts, 1, keys, values)) {
        return cli_fail(cli, "unable to parse diskspec: %s", text);
    }
    if (values[TYPE] != NULL && word_index(types, values[TYPE]) < 0) {
        cli_fail(cli, "Unknown storage type: '%s'", values[TYPE]);
        return cli_fail(cli, "unable to parse diskspec: %s", text);
    }
    bool block = values[TYPE] != NULL && strcmp(values[TYPE], "block") == 0;

    g_string_append(xml, "    <disk");
    add_attribute(xml, "name", parts[0]);
    add_attribute(xml, "snapshot", values[SNAPSHOT]);
    add_attribute(xml, "type", values[TYPE]);
    if (values[DRIVER] == NULL && values[FILE_NAME] == NULL) {
        g_string_append(xml, "/>\n");
        return true;
    }
    g_string_append(xml, ">\n");
    if (values[DRIVER] != NULL) {
        g_string_append(xml, "      <driver");
        add_attribute(xml, "type", values[DRIVER]);
        g_string_append(xml, "/>\n");
    }
    if (values[FILE_NAME] != NULL) {
        g_string_append(xml, "      <source");
        add_attribute(xml, block ? "dev" : "file", values[FILE_NAME]);
        g_string_append(xml, "/>\n");
    }
    g_string_append(xml, "    </disk>\n");
    return true;
}

/* "disk[,checkpoint=type][,bitmap=name]" */
static bool add_checkpoint_disk(struct cli *cli, const char *text, GString *xml)
{
    static const char *const keys[] = {"checkpoint", "bitmap", NULL};
    g_auto(GStrv) parts = split(text);
    const char *values[2] = {NULL};

    if (*parts[0] == '\0' || !take_values(parts, 1, keys, values)) {
        return cli_fail(cli, "unable to parse diskspec: %s", text);
    }
    g_string_append(xml, "    <disk");
    add_attribute(xml, "name", parts[0]);
    add_attribute(xml, "checkpoint", values[0]);
    add_attribute(xml, "bitmap", values[1]);
    g_string_append(xml, "/>\n");
    return true;
}

static bool add_disks(struct cli *cli, const struct arguments *args, GString *xml,
                      bool (*add)(struct cli *, const char *, GString *))
{
    char **disks = arg_words(args, "diskspec");

    if (disks == NULL) {
        return true;
    }
    g_string_append(xml, "  <disks>\n");
    for (; *disks != NULL; disks++) {
        if (!add(cli, *disks, xml)) {
            return false;
        }
    }
    g_string_append(xml, "  </disks>\n");
    return true;
}

char *moment_xml_snapshot(struct cli *cli, const struct arguments *args)
{
    g_autoptr(GString) xml = g_string_new("<domainsnapshot>\n");

    add_element(xml, args, "name");
    add_element(xml, args, "description");
    if (!add_memory(cli, args, xml) || !add_disks(cli, args, xml, add_snapshot_disk)) {
        return NULL;
    }
    g_string_append(xml, "</domainsnapshot>\n");
    return g_strdup(xml->str);
}

char *moment_xml_checkpoint(struct cli *cli, const struct arguments *args)
{
    g_autoptr(GString) xml = g_string_new("<domaincheckpoint>\n");

    add_element(xml, args, "name");
    add_element(xml, args, "description");
    if (!add_disks(cli, args, xml, add_checkpoint_disk)) {
        return NULL;
    }
    g_string_append(xml, "</domaincheckpoint>\n");
    return g_strdup(xml->str);
}
