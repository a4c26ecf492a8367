/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands about character devices and network back ends. */
#include "machine/monitor/command.h"

#include <string.h>

static json_object *query_chardev(const struct qmp_call *c, GError **error)
{
    return chardev_query(c->env->chardevs);
}

static json_object *query_backends(const struct qmp_call *c, GError **error)
{
    json_object *list = json_object_new_array();

    for (unsigned n = 0; chardev_kind(n).name; n++) {
        json_object *o = json_object_new_object();

        put_str(o, "name", chardev_kind(n).name);
        json_object_array_add(list, o);
    }
    return list;
}

/* ---- chardev-add
 * --------------------------------------------------------------------------------- */

/* QMP's names of members that options call differently. */
static const char *option_name(const char *kind, const char *member)
{
    static const struct {
        const char *kind, *member, *option;
    } names[] = {
        {"file", "out", "path"},
        {"file", "in", "input-path"},
        {"pipe", "device", "path"},
        {"socket", "str", "fd"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_str_equal(names[i].kind, kind) && g_str_equal(names[i].member, member)) {
            return names[i].option;
        }
    }
    return member;
}

static void copy_members(json_object *from, const char *kind, json_object *to)
{
    json_object_object_foreach(from, name, value)
    {
        if (g_str_equal(name, "addr")) {
            copy_members(json_object_object_get(value, "data"), kind, to);
        } else {
            json_object_object_add(to, option_name(kind, name), json_object_get(value));
        }
    }
}

/* QMP's nested form as -chardev's flat one. */
static json_object *flatten(const struct qmp_call *c)
{
    json_object *backend = json_object_object_get(c->args, "backend");
    const char *kind = json_object_get_string(json_object_object_get(backend, "type"));
    json_object *o = json_object_new_object(), *data;

    put_str(o, "id", qmp_str(c, "id"));
    put_str(o, "backend", kind);
    if (json_object_object_get_ex(backend, "data", &data)) {
        copy_members(data, kind, o);
    }
    if (g_str_equal(kind, "socket") && !json_object_object_get_ex(o, "server", NULL)) {
        put_bool(o, "server", true); /* QMP's default, unlike the option's */
    }
    if (g_str_equal(kind, "socket") && !json_object_object_get_ex(o, "wait", NULL)) {
        put_str(o, "wait", "off");
    }
    return o;
}

static json_object *returned(struct chardev *dev)
{
    g_autofree char *name = chardev_filename(dev);
    json_object *reply = json_object_new_object();

    if (g_str_has_prefix(name, "pty:")) {
        put_str(reply, "pty", name + strlen("pty:"));
    }
    return reply;
}

static json_object *chardev_add(const struct qmp_call *c, GError **error)
{
    json_object *options = flatten(c);
    struct chardev *dev = chardev_new(c->env->chardevs, options, error);

    json_object_put(options);
    return dev ? returned(dev) : NULL;
}

static json_object *change_chardev(const struct qmp_call *c, GError **error)
{
    json_object *options = flatten(c), *reply = NULL;

    if (chardev_change(c->env->chardevs, qmp_str(c, "id"), options, error)) {
        reply = returned(chardev_find(c->env->chardevs, qmp_str(c, "id")));
    }
    json_object_put(options);
    return reply;
}

static json_object *remove_chardev(const struct qmp_call *c, GError **error)
{
    chardev_remove(c->env->chardevs, qmp_str(c, "id"), error);
    return NULL;
}

static struct chardev *find(const struct qmp_call *c, const char *member, GError **error)
{
    struct chardev *dev = chardev_find(c->env->chardevs, qmp_str(c, member));

    if (!dev) {
        qmp_fail(error, "Chardev '%s' not found", qmp_str(c, member));
    }
    return dev;
}

static json_object *send_break(const struct qmp_call *c, GError **error)
{
    struct chardev *dev = find(c, "id", error);

    if (dev) {
        chardev_send_event(dev, CHARDEV_BREAK);
    }
    return NULL;
}

/* ---- ring buffers
 * --------------------------------------------------------------------------------- */

static bool is_base64(const struct qmp_call *c)
{
    return qmp_has(c, "format") && g_str_equal(qmp_str(c, "format"), "base64");
}

static json_object *ring_read(const struct qmp_call *c, GError **error)
{
    struct chardev *dev = find(c, "device", error);
    g_autoptr(GBytes) bytes = NULL;
    g_autofree char *text = NULL;
    gconstpointer data;
    gsize len;

    if (!dev) {
        return NULL;
    }
    if (qmp_int(c, "size") <= 0) {
        return qmp_fail(error, "size must be greater than zero");
    }
    bytes = chardev_ring_read(dev, (size_t)qmp_int(c, "size"), error);
    if (!bytes) {
        return NULL;
    }
    data = g_bytes_get_data(bytes, &len);
    if (!len) { /* no bytes are no pointer either, which GLib does not take as text */
        return json_object_new_string("");
    }
    text = is_base64(c) ? g_base64_encode(data, len) : g_utf8_make_valid(data, (gssize)len);
    return json_object_new_string(text);
}

static json_object *ring_write(const struct qmp_call *c, GError **error)
{
    struct chardev *dev = find(c, "device", error);
    g_autofree guchar *plain = NULL;
    const char *data = qmp_str(c, "data");
    gsize len = strlen(data);

    if (!dev) {
        return NULL;
    }
    if (is_base64(c)) {
        plain = g_base64_decode(data, &len);
    }
    chardev_ring_write(dev, plain ? (const char *)plain : data, len, error);
    return NULL;
}

/* ---- networks
 * ------------------------------------------------------------------------------------ */

static json_object *netdev_add(const struct qmp_call *c, GError **error)
{
    netdev_new(c->env->netdevs, c->args, error);
    return NULL;
}

static json_object *netdev_del(const struct qmp_call *c, GError **error)
{
    const char *id = qmp_str(c, "id");

    if (!netdev_find(c->env->netdevs, id)) {
        return qmp_not_found(error, "Device", id);
    }
    netdev_remove(c->env->netdevs, id, error);
    return NULL;
}

/* A back end's id, or that of the card that uses it. */
static json_object *set_link(const struct qmp_call *c, GError **error)
{
    const char *name = qmp_str(c, "name");
    struct netdev *n = netdev_find(c->env->netdevs, name);
    struct dev *dev = n ? NULL : machine_find_dev(c->env->machine, name);
    json_object *peer = dev ? dev_get(dev, "netdev") : NULL;

    if (json_object_is_type(peer, json_type_string)) {
        n = netdev_find(c->env->netdevs, json_object_get_string(peer));
    }
    json_object_put(peer);
    if (!n) {
        return qmp_not_found(error, "Device", name);
    }
    netdev_set_link(n, qmp_bool(c, "up"));
    return NULL;
}

const struct qmp_command qmp_char_commands[] = {
    {"query-chardev", NULL, "[ChardevInfo]", query_chardev, "Character devices."},
    {"query-chardev-backends", NULL, "[ChardevBackendInfo]", query_backends,
     "Kinds of character devices."},
    {"chardev-add", "id:str backend:ChardevBackend", "ChardevReturn", chardev_add,
     "Makes a character device."},
    {"chardev-change", "id:str backend:ChardevBackend", "ChardevReturn", change_chardev,
     "Puts another back end behind a character device's front end."},
    {"chardev-remove", "id:str", NULL, remove_chardev, "Removes an unused character device."},
    {"chardev-send-break", "id:str", NULL, send_break, "Sends a break to the front end."},
    {"ringbuf-read", "device:str size:int format?:DataFormat", "str", ring_read,
     "Takes bytes out of a ring buffer."},
    {"ringbuf-write", "device:str data:str format?:DataFormat", NULL, ring_write,
     "Puts bytes into a ring buffer."},
    {"netdev_add", "type:NetClientDriver id:str", NULL, netdev_add, "Makes a network back end.",
     .any_args = true},
    {"set_link", "name:str up:bool", NULL, set_link, "Takes a network link down, or up again."},
    {"netdev_del", "id:str", NULL, netdev_del, "Removes an unused network back end."},
    {NULL},
};
