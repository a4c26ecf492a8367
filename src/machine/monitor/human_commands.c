/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the human monitor's commands do. */
#include "machine/monitor/command.h"
#include "machine/monitor/human.h"
#include "machine/monitor/keys.h"

#include <inttypes.h>
#include <string.h>

static void do_qmp(const struct human_call *c, const char *name, json_object *args)
{
    json_object *reply = human_ask(c, name, args);

    if (reply) {
        json_object_put(reply);
    }
}

/* ---- life
 * ---------------------------------------------------------------------------------------- */

static void stop(const struct human_call *c)
{
    do_qmp(c, "stop", NULL);
}

static void cont(const struct human_call *c)
{
    do_qmp(c, "cont", NULL);
}

static void quit(const struct human_call *c)
{
    do_qmp(c, "quit", NULL);
}

static void system_reset(const struct human_call *c)
{
    do_qmp(c, "system_reset", NULL);
}

static void system_powerdown(const struct human_call *c)
{
    do_qmp(c, "system_powerdown", NULL);
}

static void nmi(const struct human_call *c)
{
    do_qmp(c, "inject-nmi", NULL);
}

/* ---- back ends
 * ------------------------------------------------------------------------------------ */

static void one_id(const struct human_call *c, const char *command, const char *member)
{
    json_object *args = json_object_new_object();

    if (c->argc > 0) {
        put_str(args, member, c->argv[0]);
    }
    do_qmp(c, command, args);
}

static void eject(const struct human_call *c)
{
    json_object *args = json_object_new_object();
    bool force = c->argc > 0 && g_str_equal(c->argv[0], "-f");

    if (c->argc > force) {
        put_str(args, "device", c->argv[force]);
    }
    put_bool(args, "force", force);
    do_qmp(c, "eject", args);
}

/* "change [-f] device filename [format [read-only-mode]]" */
static void change(const struct human_call *c)
{
    static const char *const members[] = {"device", "filename", "format", "read-only-mode"};
    json_object *args = json_object_new_object();
    bool force = c->argc > 0 && g_str_equal(c->argv[0], "-f");

    for (unsigned i = force; i < c->argc && i - force < G_N_ELEMENTS(members); i++) {
        put_str(args, members[i - force], c->argv[i]);
    }
    put_bool(args, "force", force);
    do_qmp(c, "blockdev-change-medium", args);
}

static void set_link(const struct human_call *c)
{
    json_object *args = json_object_new_object();

    if (c->argc > 1) {
        put_str(args, "name", c->argv[0]);
        put_bool(args, "up", g_str_equal(c->argv[1], "on"));
    }
    do_qmp(c, "set_link", args);
}

static void remove_chardev(const struct human_call *c)
{
    one_id(c, "chardev-remove", "id");
}

static void netdev_del(const struct human_call *c)
{
    one_id(c, "netdev_del", "id");
}

static void object_del(const struct human_call *c)
{
    one_id(c, "object-del", "id");
}

static void closefd(const struct human_call *c)
{
    one_id(c, "closefd", "fdname");
}

/* "type,key=value,...": a QMP command that takes the same members. */
static void parsed(const struct human_call *c, const char *command, const char *implied)
{
    g_autoptr(GError) error = NULL;
    json_object *args = row_parse(c->argc ? c->argv[0] : "", implied, TRUE, &error);

    if (!args) {
        g_string_append_printf(c->out, "Error: %s\n", error->message);
        return;
    }
    do_qmp(c, command, args);
}

static void device_add(const struct human_call *c)
{
    parsed(c, "device_add", "driver");
}

static void device_del(const struct human_call *c)
{
    one_id(c, "device_del", "id");
}

static void netdev_add(const struct human_call *c)
{
    parsed(c, "netdev_add", "type");
}

static void object_add(const struct human_call *c)
{
    parsed(c, "object-add", "qom-type");
}

static void add_chardev(const struct human_call *c)
{
    g_autoptr(GError) error = NULL;
    json_object *o = row_parse(c->argc ? c->argv[0] : "", "backend", TRUE, &error);

    if (!o || !chardev_new(c->env->chardevs, o, &error)) {
        g_string_append_printf(c->out, "Error: %s\n", error->message);
    }
    json_object_put(o);
}

/* "id args": another back end behind the same front end. */
static void change_chardev(const struct human_call *c)
{
    g_autoptr(GError) error = NULL;
    json_object *o = row_parse(c->argc > 1 ? c->argv[1] : "", "backend", TRUE, &error);

    if (o && c->argc) {
        json_object_object_add(o, "id", json_object_new_string(c->argv[0]));
        chardev_change(c->env->chardevs, c->argv[0], o, &error);
    }
    if (error) {
        g_string_append_printf(c->out, "Error: %s\n", error->message);
    }
    json_object_put(o);
}

static void balloon(const struct human_call *c)
{
    json_object *args = json_object_new_object();
    uint64_t bytes;

    if (c->argc && row_parse_size(c->argv[0], 'M', &bytes, NULL)) {
        put_int(args, "value", (int64_t)bytes);
    }
    do_qmp(c, "balloon", args);
}

static void resize(const struct human_call *c)
{
    json_object *args = json_object_new_object();
    uint64_t bytes;

    if (c->argc > 1 && row_parse_size(c->argv[1], 'M', &bytes, NULL)) {
        put_str(args, "device", c->argv[0]);
        put_int(args, "size", (int64_t)bytes);
    }
    do_qmp(c, "block_resize", args);
}

/* "ctrl-alt-f1 [hold-time]" */
static void sendkey(const struct human_call *c)
{
    g_auto(GStrv) names = g_strsplit(c->argc ? c->argv[0] : "", "-", KEYS_MAX);
    json_object *args = json_object_new_object(), *keys = json_object_new_array();

    for (char **name = names; *name; name++) {
        json_object *key = json_object_new_object();

        put_str(key, "type", "qcode");
        put_str(key, "data", *name);
        json_object_array_add(keys, key);
    }
    json_object_object_add(args, "keys", keys);
    if (c->argc > 1) {
        put_int(args, "hold-time", (int64_t)g_ascii_strtoull(c->argv[1], NULL, 10));
    }
    do_qmp(c, "send-key", args);
}

const struct human_command human_commands[] = {
    {"help", "?", "[cmd]", "show the help", human_help},
    {"info", NULL, "[subcommand]", "show various information about the system state", human_info},
    {"quit", "q", NULL, "quit the emulator", quit},
    {"stop", "s", NULL, "stop emulation", stop},
    {"cont", "c", NULL, "resume emulation", cont},
    {"system_reset", NULL, NULL, "reset the system", system_reset},
    {"system_powerdown", NULL, NULL, "send system power down event", system_powerdown},
    {"sendkey", NULL, "keys [hold_ms]", "send keys to the VM (e.g. 'sendkey ctrl-alt-f1')",
     sendkey},
    {"nmi", NULL, NULL, "inject an NMI", nmi},
    {"x", NULL, "/fmt addr", "virtual memory dump starting at 'addr'", human_x},
    {"xp", NULL, "/fmt addr", "physical memory dump starting at 'addr'", human_xp},
    {"print", "p", "/fmt expr", "print expression value (use $reg for CPU register access)",
     human_print},
    {"i", NULL, "/fmt addr", "I/O port read", human_port_in},
    {"o", NULL, "/fmt addr value", "I/O port write", human_port_out},
    {"memsave", NULL, "addr size file", "save to disk virtual memory dump", human_memsave},
    {"pmemsave", NULL, "addr size file", "save to disk physical memory dump", human_pmemsave},
    {"eject", NULL, "[-f] device", "eject a removable medium (use -f to force it)", eject},
    {"change", NULL, "[-f] device filename [format [read-only-mode]]",
     "change a removable medium, optional format", change},
    {"set_link", NULL, "name on|off", "change the link status of a network adapter", set_link},
    {"device_add", NULL, "driver[,prop=value][,...]",
     "add device, like -device on the command line", device_add},
    {"device_del", NULL, "device", "remove device", device_del},
    {"chardev-add", NULL, "args", "add chardev", add_chardev},
    {"chardev-change", NULL, "id args", "change chardev", change_chardev},
    {"chardev-remove", NULL, "id", "remove chardev", remove_chardev},
    {"netdev_add", NULL, "[user|tap],id=str[,prop=value][,...]", "add host network device",
     netdev_add},
    {"netdev_del", NULL, "id", "remove host network device", netdev_del},
    {"object_add", NULL, "[qom-type=]type,id=str[,prop=value][,...]", "create QOM object",
     object_add},
    {"object_del", NULL, "id", "destroy QOM object", object_del},
    {"closefd", NULL, "closefd name", "close a file descriptor previously passed", closefd},
    {"balloon", NULL, "target", "request VM to change its memory allocation (in MB)", balloon},
    {"block_resize", NULL, "device size", "resize a block image", resize},
    {NULL},
};
