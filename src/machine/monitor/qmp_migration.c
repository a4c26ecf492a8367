/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that move a machine's state, and their settings. */
#include "machine/monitor/command.h"
#include "machine/monitor/migration.h"

static json_object *migrate(const struct qmp_call *c, GError **error)
{
    if (!migration_out(c->env->migration, qmp_str(c, "uri"), error)) {
        return NULL;
    }
    return NULL;
}

static json_object *migrate_incoming(const struct qmp_call *c, GError **error)
{
    if (!migration_in(c->env->migration, qmp_str(c, "uri"), error)) {
        return NULL;
    }
    return NULL;
}

static json_object *migrate_cancel(const struct qmp_call *c, GError **error)
{
    migration_cancel(c->env->migration);
    return NULL;
}

static json_object *query_migrate(const struct qmp_call *c, GError **error)
{
    return migration_query(c->env->migration);
}

static json_object *query_capabilities(const struct qmp_call *c, GError **error)
{
    json_object *list = json_object_new_array(), *o = json_object_new_object();

    put_str(o, "capability", "events");
    put_bool(o, "state", migration_tells(c->env->migration));
    json_object_array_add(list, o);
    return list;
}

static json_object *set_capabilities(const struct qmp_call *c, GError **error)
{
    json_object *list = json_object_object_get(c->args, "capabilities");

    /* The schema lets nothing but "events" through. */
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *o = json_object_array_get_idx(list, i);

        migration_set_tells(c->env->migration,
                            json_object_get_boolean(json_object_object_get(o, "state")));
    }
    return NULL;
}

static json_object *query_parameters(const struct qmp_call *c, GError **error)
{
    json_object *o = json_object_new_object();

    put_int(o, "max-bandwidth", (int64_t)migration_bandwidth(c->env->migration));
    return o;
}

static json_object *set_parameters(const struct qmp_call *c, GError **error)
{
    if (qmp_has(c, "max-bandwidth")) {
        int64_t most = qmp_int(c, "max-bandwidth");

        if (most < 0) {
            return qmp_fail(error, "Parameter 'max_bandwidth' expects an integer in the range of "
                                   "0 to 9223372036854775807 bytes/second");
        }
        migration_set_bandwidth(c->env->migration, (uint64_t)most);
    }
    return NULL;
}

const struct qmp_command qmp_migration_commands[] = {
    {"migrate", "uri:str detach?:bool", NULL, migrate,
     "Stops the machine and writes its state: to fd:NAME, exec:COMMAND, file:PATH or unix:PATH."},
    {"migrate-incoming", "uri:str", NULL, migrate_incoming,
     "Reads the state that -incoming defer waits for."},
    {"migrate_cancel", NULL, NULL, migrate_cancel,
     "Gives up writing the state; the machine goes on as it was."},
    {"query-migrate", NULL, "MigrationInfo", query_migrate, "How far a migration is."},
    {"query-migrate-capabilities", NULL, "[MigrationCapabilityStatus]", query_capabilities,
     "Migration capabilities."},
    {"migrate-set-capabilities", "capabilities:[MigrationCapabilityStatus]", NULL, set_capabilities,
     "Sets migration capabilities."},
    {"query-migrate-parameters", NULL, "MigrationParameters", query_parameters,
     "Migration parameters."},
    {"migrate-set-parameters", "max-bandwidth?:int", NULL, set_parameters,
     "Sets migration parameters: bytes per second, 0 for no limit."},
    {NULL},
};
