/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands about the protocol itself and about descriptors passed over it. */
#include "machine/monitor/qmp_session.h"

#include "machine/monitor/command.h"

#include <unistd.h>

json_object *qmp_version(void)
{
    json_object *v = json_object_new_object(), *triple = json_object_new_object();

    put_int(triple, "micro", 0);
    put_int(triple, "minor", 2);
    put_int(triple, "major", 7);
    json_object_object_add(v, "qemu", triple);
    put_str(v, "package", "vivarium " VIV_VERSION);
    return v;
}

static json_object *capabilities(const struct qmp_call *c, GError **error)
{
    json_object *enable;

    if (json_object_object_get_ex(c->args, "enable", &enable) &&
        json_object_array_length(enable) > 0) {
        return qmp_fail(error, "Capability 'oob' is not available");
    }
    if (qmp_session_is_ready(c->session)) {
        g_set_error(error, QMP_ERROR, QMP_ERROR_COMMAND_NOT_FOUND,
                    "Capabilities negotiation is already complete, command ignored");
        return NULL;
    }
    qmp_session_ready(c->session);
    return NULL;
}

static json_object *query_version(const struct qmp_call *c, GError **error)
{
    return qmp_version();
}

static json_object *query_commands(const struct qmp_call *c, GError **error)
{
    json_object *list = json_object_new_array();
    const struct qmp_command *command;

    for (unsigned n = 0; (command = qmp_command_nth(n)); n++) {
        json_object *o = json_object_new_object();

        put_str(o, "name", command->name);
        json_object_array_add(list, o);
    }
    return list;
}

static json_object *query_schema(const struct qmp_call *c, GError **error)
{
    return qmp_schema();
}

static json_object *getfd(const struct qmp_call *c, GError **error)
{
    const char *name = qmp_str(c, "fdname");
    int fd = c->session ? qmp_session_take_fd(c->session) : -1;

    if (fd < 0) {
        return qmp_fail(error, "No file descriptor supplied via SCM_RIGHTS");
    }
    if (g_ascii_isdigit(*name)) {
        close(fd);
        return qmp_fail(error, "Parameter 'fdname' expects a name not starting with a digit");
    }
    fdset_put_named(c->env->fds, name, fd);
    return NULL;
}

static json_object *closefd(const struct qmp_call *c, GError **error)
{
    fdset_close_named(c->env->fds, qmp_str(c, "fdname"), error);
    return NULL;
}

static json_object *add_fd(const struct qmp_call *c, GError **error)
{
    int fd = c->session ? qmp_session_take_fd(c->session) : -1;
    int64_t set;
    json_object *o;

    if (fd < 0) {
        return qmp_fail(error, "No file descriptor supplied via SCM_RIGHTS");
    }
    if (qmp_has(c, "fdset-id") && qmp_int(c, "fdset-id") < 0) {
        close(fd);
        return qmp_fail(error, "Parameter 'fdset-id' expects a non-negative value");
    }
    set = fdset_add(c->env->fds, qmp_has(c, "fdset-id") ? qmp_int(c, "fdset-id") : -1, fd,
                    qmp_str(c, "opaque"), error);
    if (set < 0) {
        return NULL;
    }
    o = json_object_new_object();
    put_int(o, "fdset-id", set);
    put_int(o, "fd", fd);
    return o;
}

static json_object *remove_fd(const struct qmp_call *c, GError **error)
{
    fdset_remove(c->env->fds, qmp_int(c, "fdset-id"), qmp_has(c, "fd") ? (int)qmp_int(c, "fd") : -1,
                 error);
    return NULL;
}

static json_object *query_fdsets(const struct qmp_call *c, GError **error)
{
    return fdset_query(c->env->fds);
}

static json_object *human_command(const struct qmp_call *c, GError **error)
{
    g_autofree char *text = human_run(c->env, qmp_str(c, "command-line"));

    return json_object_new_string(text);
}

const struct qmp_command qmp_session_commands[] = {
    {"qmp_capabilities", "enable?:[QMPCapability]", NULL, capabilities, "Leaves negotiation mode."},
    {"query-version", NULL, "VersionInfo", query_version,
     "The QEMU version whose interface is followed, and our package."},
    {"query-commands", NULL, "[CommandInfo]", query_commands, "Names of all commands."},
    {"query-qmp-schema", NULL, "[SchemaInfo]", query_schema, "Commands, events and their types."},
    {"getfd", "fdname:str", NULL, getfd, "Keeps a descriptor sent with the command, by name."},
    {"closefd", "fdname:str", NULL, closefd, "Closes a descriptor kept by getfd."},
    {"add-fd", "fdset-id?:int opaque?:str", "AddfdInfo", add_fd,
     "Adds a descriptor sent with the command to a set."},
    {"remove-fd", "fdset-id:int fd?:int", NULL, remove_fd, "Removes one or all of a set."},
    {"query-fdsets", NULL, "[FdsetInfo]", query_fdsets, "Descriptor sets."},
    {"human-monitor-command", "command-line:str cpu-index?:int", "str", human_command,
     "Runs a human monitor command."},
    {NULL},
};
