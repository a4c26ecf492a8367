/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The QEMU Machine Protocol on a character device. The client is not trusted: its text is bounded,
 * and while it does not read replies its commands are not read either.
 */
#include "machine/monitor/command.h"
#include "machine/monitor/monitor.h"
#include "machine/monitor/qmp_session.h"

#include <string.h>

#define INPUT_MAX    (4 << 20)  /* one command */
#define OUTPUT_HIGH  (1 << 20)  /* unread: no more commands are taken */
#define OUTPUT_MAX   (32 << 20) /* unread: events are dropped */
#define NESTING_MAX  64
#define RECEIVE_SIZE 4096

struct qmp_session {
    const struct monitor_env *env;
    struct chardev *c;
    struct chardev_frontend fe;
    bool pretty;
    bool ready; /* capabilities were negotiated */
    json_tokener *tokener;
    size_t taken;    /* bytes of the unfinished command */
    bool skipping;   /* to the next line, after an error */
    GByteArray *out; /* not yet written */
    unsigned listener;
};

/* ---- output ------------------------------------------------------------------------------------
 */

static void flush(struct qmp_session *s)
{
    while (s->out->len) {
        size_t n = chardev_write(s->c, s->out->data, s->out->len);

        if (!n) {
            return;
        }
        g_byte_array_remove_range(s->out, 0, (guint)n);
    }
}

static void send_json(struct qmp_session *s, json_object *o)
{
    int flags =
        JSON_C_TO_STRING_NOSLASHESCAPE |
        (s->pretty ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED : JSON_C_TO_STRING_SPACED);
    size_t len;
    const char *text = json_object_to_json_string_length(o, flags, &len);

    g_byte_array_append(s->out, (const guint8 *)text, (guint)len);
    g_byte_array_append(s->out, (const guint8 *)"\r\n", 2);
    flush(s);
}

static void send_error(struct qmp_session *s, const GError *error, json_object *id)
{
    static const char *const classes[] = {
        [QMP_ERROR_GENERIC] = "GenericError",
        [QMP_ERROR_COMMAND_NOT_FOUND] = "CommandNotFound",
        [QMP_ERROR_DEVICE_NOT_ACTIVE] = "DeviceNotActive",
        [QMP_ERROR_DEVICE_NOT_FOUND] = "DeviceNotFound",
        [QMP_ERROR_KVM_MISSING] = "KVMMissingCap",
    };
    json_object *reply = json_object_new_object(), *e = json_object_new_object();

    put_str(e, "class", error->domain == QMP_ERROR ? classes[error->code] : "GenericError");
    put_str(e, "desc", error->message);
    json_object_object_add(reply, "error", e);
    if (id) {
        json_object_object_add(reply, "id", json_object_get(id));
    }
    send_json(s, reply);
    json_object_put(reply);
}

static void send_greeting(struct qmp_session *s)
{
    json_object *greeting = json_object_new_object(), *q = json_object_new_object();

    json_object_object_add(q, "version", qmp_version());
    json_object_object_add(q, "capabilities", json_object_new_array());
    json_object_object_add(greeting, "QMP", q);
    send_json(s, greeting);
    json_object_put(greeting);
}

static void on_event(void *opaque, const char *name, json_object *data, int64_t us)
{
    struct qmp_session *s = opaque;
    json_object *event, *time;

    if (!s->ready || s->out->len > OUTPUT_MAX) {
        return;
    }
    event = json_object_new_object();
    time = json_object_new_object();
    put_int(time, "seconds", us / G_USEC_PER_SEC);
    put_int(time, "microseconds", us % G_USEC_PER_SEC);
    json_object_object_add(event, "timestamp", time);
    put_str(event, "event", name);
    if (data) {
        json_object_object_add(event, "data", json_object_get(data));
    }
    send_json(s, event);
    json_object_put(event);
}

/* ---- commands ----------------------------------------------------------------------------------
 */

static const struct qmp_command *choose(struct qmp_session *s, const char *name, GError **error)
{
    const struct qmp_command *c = qmp_command_find(name);

    if (!s->ready && g_strcmp0(name, "qmp_capabilities") != 0) {
        g_set_error(error, QMP_ERROR, QMP_ERROR_COMMAND_NOT_FOUND,
                    "Expecting capabilities negotiation with 'qmp_capabilities'");
        return NULL;
    }
    if (!c) {
        g_set_error(error, QMP_ERROR, QMP_ERROR_COMMAND_NOT_FOUND,
                    qmp_is_known(name) ? "The command %s has not been found: it is not built yet"
                                       : "The command %s has not been found",
                    name);
    }
    return c;
}

static json_object *call(struct qmp_session *s, const char *name, json_object *args, GError **error)
{
    const struct qmp_command *c = choose(s, name, error);
    struct qmp_call parameters = {s->env, s, args};
    json_object *result;
    GError *local = NULL;

    if (!c || !qmp_check(c->args, args, c->any_args, error)) {
        return NULL;
    }
    result = c->call(&parameters, &local);
    if (local) {
        g_propagate_error(error, local);
        if (result) {
            json_object_put(result);
        }
        return NULL;
    }
    return result ? result : json_object_new_object();
}

/* The envelope: {"execute": name, "arguments": {...}, "id": any}. */
static gboolean open_envelope(json_object *request, const char **ret_name, json_object **ret_args,
                              GError **error)
{
    json_object *name = NULL;

    if (!json_object_is_type(request, json_type_object)) {
        qmp_fail(error, "QMP input must be a JSON object");
        return FALSE;
    }
    json_object_object_foreach(request, key, value)
    {
        if (g_str_equal(key, "execute")) {
            name = value;
        } else if (g_str_equal(key, "arguments")) {
            *ret_args = value;
        } else if (!g_str_equal(key, "id")) {
            qmp_fail(error, "QMP input member '%s' is unexpected", key);
            return FALSE;
        }
    }
    if (!json_object_is_type(name, json_type_string)) {
        qmp_fail(error, name ? "QMP input member 'execute' must be a string"
                             : "QMP input lacks member 'execute'");
        return FALSE;
    }
    if (*ret_args && !json_object_is_type(*ret_args, json_type_object)) {
        qmp_fail(error, "QMP input member 'arguments' must be an object");
        return FALSE;
    }
    *ret_name = json_object_get_string(name);
    return TRUE;
}

static void handle(struct qmp_session *s, json_object *request)
{
    json_object *empty = json_object_new_object(), *args = NULL, *id = NULL, *result, *reply;
    g_autoptr(GError) error = NULL;
    const char *name;

    if (json_object_is_type(request, json_type_object)) {
        json_object_object_get_ex(request, "id", &id);
    }
    if (open_envelope(request, &name, &args, &error)) {
        result = call(s, name, args ? args : empty, &error);
    }
    if (error) {
        send_error(s, error, id);
    } else {
        reply = json_object_new_object();
        json_object_object_add(reply, "return", result);
        if (id) {
            json_object_object_add(reply, "id", json_object_get(id));
        }
        send_json(s, reply);
        json_object_put(reply);
    }
    json_object_put(empty);
}

void qmp_session_ready(struct qmp_session *s)
{
    s->ready = true;
}

bool qmp_session_is_ready(const struct qmp_session *s)
{
    return s->ready;
}

int qmp_session_take_fd(struct qmp_session *s)
{
    return chardev_take_fd(s->c);
}

/* ---- input -------------------------------------------------------------------------------------
 */

static void reset_input(struct qmp_session *s)
{
    json_tokener_reset(s->tokener);
    s->taken = 0;
}

static void bad_input(struct qmp_session *s, const char *why)
{
    g_autoptr(GError) error =
        g_error_new(QMP_ERROR, QMP_ERROR_GENERIC, "JSON parse error, %s", why);

    send_error(s, error, NULL);
    reset_input(s);
    s->skipping = true;
}

/* Returns the bytes used. */
static size_t feed(struct qmp_session *s, const char *data, size_t len)
{
    const char *line;
    json_object *value;

    if (s->skipping) {
        line = memchr(data, '\n', len);
        s->skipping = !line;
        return line ? (size_t)(line - data) + 1 : len;
    }
    if (!s->taken && strchr(" \t\r\n", *data)) {
        return 1;
    }
    value = json_tokener_parse_ex(s->tokener, data, (int)len);
    if (value) {
        size_t used = json_tokener_get_parse_end(s->tokener);

        reset_input(s);
        handle(s, value);
        json_object_put(value);
        return used;
    }
    if (json_tokener_get_error(s->tokener) != json_tokener_continue) {
        size_t used = json_tokener_get_parse_end(s->tokener);

        bad_input(s, json_tokener_error_desc(json_tokener_get_error(s->tokener)));
        return MIN(used, len);
    }
    s->taken += len;
    if (s->taken > INPUT_MAX) {
        bad_input(s, "the command is too long");
    }
    return len;
}

static size_t can_receive(void *opaque)
{
    struct qmp_session *s = opaque;

    return s->out->len > OUTPUT_HIGH ? 0 : RECEIVE_SIZE;
}

static void receive(void *opaque, const uint8_t *data, size_t len)
{
    struct qmp_session *s = opaque;

    for (size_t at = 0; at < len;) {
        at += feed(s, (const char *)data + at, len - at);
    }
}

static void writable(void *opaque)
{
    struct qmp_session *s = opaque;

    flush(s);
    if (can_receive(s)) {
        chardev_accept_input(s->c);
    }
}

static void event(void *opaque, enum chardev_event e)
{
    struct qmp_session *s = opaque;

    if (e == CHARDEV_OPENED) {
        s->ready = false;
        g_byte_array_set_size(s->out, 0);
        s->skipping = false;
        reset_input(s);
        send_greeting(s);
    } else if (e == CHARDEV_CLOSED) {
        s->ready = false;
        g_byte_array_set_size(s->out, 0);
    }
}

struct qmp_session *qmp_open(const struct monitor_env *env, struct chardev *c, bool pretty,
                             GError **error)
{
    struct qmp_session *s = g_new0(struct qmp_session, 1);

    s->env = env;
    s->c = c;
    s->pretty = pretty;
    s->tokener = json_tokener_new_ex(NESTING_MAX);
    s->out = g_byte_array_new();
    s->fe = (struct chardev_frontend){can_receive, receive, event, writable, s};
    if (!chardev_attach(c, &s->fe, error)) {
        json_tokener_free(s->tokener);
        g_byte_array_unref(s->out);
        g_free(s);
        return NULL;
    }
    s->listener = machine_listen(env->machine, on_event, s);
    return s;
}

void qmp_close(struct qmp_session *s)
{
    machine_unlisten(s->env->machine, s->listener);
    flush(s);
    chardev_detach(s->c, &s->fe);
    json_tokener_free(s->tokener);
    g_byte_array_unref(s->out);
    g_free(s);
}
