/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "manage/daemon/config.h"

#include "manage/conf/fault.h"
#include "row/row.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FIELD(field) .name = #field, ROW_FIELD(struct config, field)

static const struct row rows[] = {
    {FIELD(socket_group), .type = ROW_STR, .def = "vivarium",
     .help = "Group whose members may change the system's machines, beside root"},
    {FIELD(libvirt_sockets), .type = ROW_BOOL, .def = "off",
     .help = "Listen where libvirt's clients look without being told, too"},
    {FIELD(max_clients), .type = ROW_UINT, .def = "5000", .min = 1, .max = 100000,
     .help = "Clients connected at a time"},
    {FIELD(max_client_requests), .type = ROW_UINT, .def = "5", .min = 1, .max = 1000,
     .help = "Calls of one client in progress before its next are read"},
    {FIELD(max_workers), .type = ROW_UINT, .def = "20", .min = 1, .max = 1000,
     .help = "Calls served at a time"},
    {FIELD(prio_workers), .type = ROW_UINT, .def = "5", .min = 1, .max = 1000,
     .help = "Calls served beside them that never wait for a machine"},
    {FIELD(call_poll), .type = ROW_UINT, .def = "100", .max = 10000,
     .help = "Microseconds to stay awake for the next of calls in close succession; 0: none"},
    {FIELD(keepalive_interval), .type = ROW_UINT, .def = "5", .max = 86400,
     .help = "Seconds of silence before a client is asked whether it lives; 0: never"},
    {FIELD(keepalive_count), .type = ROW_UINT, .def = "5", .max = 1000,
     .help = "Questions without an answer before a client is disconnected"},
    {FIELD(timeout), .type = ROW_UINT, .def = "0", .max = 31536000,
     .help = "Seconds without a client before the daemon ends; 0: never"},
    {NULL},
};

void config_defaults(struct config *config)
{
    memset(config, 0, sizeof(*config));
    row_defaults(rows, config);
}

void config_clear(struct config *config)
{
    row_clear(rows, config);
}

/* The value of a line: in double quotes as it is, else without the comment behind it. */
static char *value_of(const char *text, const char *where, GError **error)
{
    g_autofree char *value = NULL;

    if (*text != '"') {
        value = g_strndup(text, strcspn(text, "#"));
        return g_strstrip(g_steal_pointer(&value));
    }
    const char *end = strchr(text + 1, '"');
    const char *rest = end == NULL ? NULL : end + 1 + strspn(end + 1, " \t\r");

    if (rest == NULL || (*rest != '\0' && *rest != '#')) {
        fault_set_raw(error, FAULT_CONF_SYNTAX,
                      "%s: a value in quotes ends with \" and has nothing behind it", where);
        return NULL;
    }
    return g_strndup(text + 1, (gsize)(end - text - 1));
}

static bool parse_line(struct config *config, const char *line, const char *where, GError **error)
{
    size_t length = strcspn(line, " \t=");
    g_autofree char *key = g_strndup(line, length), *value = NULL;
    const char *text = line + length + strspn(line + length, " \t");

    if (length == 0 || *text != '=') {
        return fault_set_raw(error, FAULT_CONF_SYNTAX, "%s: expected \"key = value\"", where);
    }
    text++;
    value = value_of(text + strspn(text, " \t"), where, error);
    if (value == NULL) {
        return false;
    }
    if (row_find(rows, key) == NULL) {
        return fault_set_raw(error, FAULT_CONF_SYNTAX, "%s: there is no key '%s'", where, key);
    }
    json_object *json = json_object_new_string(value);
    bool good = row_set(rows, config, where, key, json, error);

    json_object_put(json);
    return good;
}

bool config_parse(struct config *config, const char *name, const char *text, size_t length,
                  GError **error)
{
    g_auto(GStrv) lines = NULL;

    if (length > CONFIG_MAX_BYTES || !g_utf8_validate(text, (gssize)length, NULL)) {
        return fault_set_raw(error, FAULT_CONF_SYNTAX, "%s: not text of at most %d KiB", name,
                             CONFIG_MAX_BYTES / 1024);
    }
    g_autofree char *copy = g_strndup(text, length);

    lines = g_strsplit(copy, "\n", -1);
    for (unsigned i = 0; lines[i] != NULL; i++) {
        g_autofree char *where = g_strdup_printf("%s:%u", name, i + 1);
        const char *line = g_strstrip(lines[i]);

        if (*line != '\0' && *line != '#' && !parse_line(config, line, where, error)) {
            return false;
        }
    }
    return true;
}

/* At most one byte more than may be parsed, so that a long file is refused and not read. */
static bool read_start(const char *path, GString *text, int *ret_errno)
{
    FILE *file = fopen(path, "re");
    bool good;

    if (file == NULL) {
        *ret_errno = errno;
        return false;
    }
    g_string_set_size(text, CONFIG_MAX_BYTES + 1);
    g_string_truncate(text, fread(text->str, 1, CONFIG_MAX_BYTES + 1, file));
    good = ferror(file) == 0;
    *ret_errno = EIO;
    fclose(file);
    return good;
}

bool config_read(struct config *config, const char *path, bool may_lack, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    int number = 0;

    if (!read_start(path, text, &number)) {
        return (number == ENOENT && may_lack) ||
               fault_set_errno(error, number, "cannot read the configuration '%s'", path);
    }
    return config_parse(config, path, text->str, text->len, error);
}

/* What a key takes, in words of the file. */
static const char *kind(const struct row *row)
{
    return row->type == ROW_BOOL ? "on or off" : row->type == ROW_UINT ? "a number" : "text";
}

char *config_sample(void)
{
    GString *out = g_string_new("# The configuration of vivd; see vivd(8). A key behind '#' has "
                                "the value shown.\n");

    for (const struct row *row = rows; row->name != NULL; row++) {
        g_string_append_printf(out, "\n# %s (%s", row->help, kind(row));
        if (row->max != 0) {
            g_string_append_printf(out, ", %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, row->min,
                                   row->max);
        }
        g_string_append_printf(out, ").\n#%s = %s\n", row->name, row->def);
    }
    return g_string_free(out, FALSE);
}
