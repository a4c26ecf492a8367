/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The short forms of -serial, -monitor and -qmp, turned into -chardev options. */
#include "machine/chardev/backend.h"

#include <gio/gio.h>
#include <string.h>

static json_object *refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static json_object *refuse(GError **error, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    if (error) {
        *error = g_error_new_valist(G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, format, ap);
    }
    va_end(ap);
    return NULL;
}

static json_object *of_kind(const char *kind)
{
    json_object *o = json_object_new_object();

    json_object_object_add(o, "backend", json_object_new_string(kind));
    return o;
}

static void add(json_object *o, const char *name, const char *value)
{
    json_object_object_add(o, name, json_object_new_string(value));
}

/* "file:PATH" and "pipe:PATH": all that follows is the path. */
static json_object *with_path(const char *kind, const char *rest, GError **error)
{
    json_object *o = of_kind(kind);

    add(o, "path", rest);
    return o;
}

/* "unix:PATH,options". */
static json_object *unix_form(const char *kind, const char *rest, GError **error)
{
    json_object *o = row_parse(rest, "path", TRUE, error);

    if (o) {
        add(o, "backend", "socket");
    }
    return o;
}

/* "tcp:HOST:PORT,options"; HOST may be empty or in brackets. */
static json_object *tcp_form(const char *kind, const char *rest, GError **error)
{
    g_autofree char *where = g_strndup(rest, strcspn(rest, ","));
    const char *options = rest + strlen(where);
    char *colon = strrchr(where, ':');
    json_object *o;

    if (!colon || !colon[1]) {
        return refuse(error, "'%s' is not HOST:PORT", where);
    }
    o = row_parse(*options ? options + 1 : "", NULL, TRUE, error);
    if (!o) {
        return NULL;
    }
    *colon = '\0';
    if (*where == '[' && colon > where && colon[-1] == ']') {
        colon[-1] = '\0';
        memmove(where, where + 1, strlen(where));
    }
    add(o, "backend", "socket");
    add(o, "host", where);
    add(o, "port", colon + 1);
    return o;
}

static json_object *telnet_form(const char *kind, const char *rest, GError **error)
{
    json_object *o = tcp_form(kind, rest, error);

    if (o) {
        add(o, "telnet", "on");
    }
    return o;
}

static json_object *plain(const char *kind, const char *rest, GError **error)
{
    return of_kind(kind);
}

/* "ringbuf,size=4k": options after the name. */
static json_object *with_options(const char *kind, const char *rest, GError **error)
{
    json_object *o = row_parse(rest, NULL, TRUE, error);

    if (o) {
        add(o, "backend", kind);
    }
    return o;
}

static const struct {
    const char *prefix;
    bool exact;
    const char *kind;
    json_object *(*make)(const char *kind, const char *rest, GError **error);
} forms[] = {
    {"null", true, "null", plain},
    {"pty", true, "pty", plain},
    {"stdio", true, "stdio", plain},
    {"testdev", true, "testdev", plain},
    {"ringbuf", true, "ringbuf", plain},
    {"ringbuf,", false, "ringbuf", with_options},
    {"stdio,", false, "stdio", with_options},
    {"file:", false, "file", with_path},
    {"pipe:", false, "pipe", with_path},
    {"unix:", false, "socket", unix_form},
    {"tcp:", false, "socket", tcp_form},
    {"telnet:", false, "socket", telnet_form},
};

static json_object *expand(const char *text, GError **error)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(forms); i++) {
        size_t len = strlen(forms[i].prefix);

        if (forms[i].exact ? g_str_equal(text, forms[i].prefix)
                           : g_str_has_prefix(text, forms[i].prefix)) {
            return forms[i].make(forms[i].kind, text + len, error);
        }
    }
    for (const char *const *p =
             (const char *const[]){"vc", "con:", "udp:", "tn3270:", "websocket:", "msmouse",
                                   "braille", "wctablet", "/dev/", NULL};
         *p; p++) {
        if (g_str_has_prefix(text, *p)) {
            return refuse(error, "character device '%s' is not built yet", text);
        }
    }
    return refuse(error, "'%s' is not a valid character device", text);
}

struct chardev *chardev_new_short(struct chardev_set *set, const char *id, const char *text,
                                  GError **error)
{
    bool mux = g_str_has_prefix(text, "mon:");
    struct chardev *c;
    json_object *o;

    if (g_str_equal(text, "none")) {
        return NULL;
    }
    if (g_str_has_prefix(text, "chardev:")) {
        c = chardev_find(set, text + strlen("chardev:"));
        if (!c) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "Chardev '%s' not found",
                        text + strlen("chardev:"));
        }
        return c;
    }
    o = expand(mux ? text + strlen("mon:") : text, error);
    if (!o) {
        return NULL;
    }
    add(o, "id", id);
    if (mux) {
        add(o, "mux", "on");
        if (g_str_has_prefix(text, "mon:stdio") && !json_object_object_get_ex(o, "signal", NULL)) {
            add(o, "signal", "off");
        }
    }
    c = chardev_new(set, o, error);
    json_object_put(o);
    return c;
}
