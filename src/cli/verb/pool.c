/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands on storage pools. */
#include "cli/command.h"
#include "cli/object.h"
#include "cli/table.h"

#include <inttypes.h>
#include <stdio.h>

#define POOL_RUNNING 2

static const char *state_name(int state)
{
    static const char *const names[] = {"inactive", "building", "running", "degraded",
                                        "inaccessible"};

    return (unsigned)state < G_N_ELEMENTS(names) ? names[state] : "unknown";
}

static void add_size(struct fields *fields, const char *name, uint64_t bytes, bool exact)
{
    g_autofree char *size = exact ? g_strdup_printf("%" PRIu64, bytes) : cli_size(bytes);

    fields_add(fields, name, "%s", size);
}

static const char *autostart_word(struct viv_object *pool)
{
    int autostart = viv_autostart(pool, NULL);

    return autostart < 0 ? "no autostart" : autostart ? "yes" : "no";
}

static bool run_info(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *pool = cli_object(cli, args, VIV_POOL);
    struct viv_pool_info info;

    if (pool == NULL) {
        return false;
    }
    struct fields *fields = fields_new(16);
    g_autofree char *uuid = cli_uuid(viv_object_uuid(pool));
    bool bytes = arg_given(args, "bytes");

    fields_add(fields, "Name", "%s", viv_object_name(pool));
    fields_add(fields, "UUID", "%s", uuid);
    bool good = viv_pool_info(pool, &info, cli_error(cli)) == 0;

    if (good) {
        int persistent = viv_is_persistent(pool, NULL);

        fields_add(fields, "State", "%s", state_name(info.state));
        fields_add(fields, "Persistent", "%s",
                   persistent < 0 ? "unknown"
                   : persistent   ? "yes"
                                  : "no");
        fields_add(fields, "Autostart", "%s", autostart_word(pool));
        if (info.state >= POOL_RUNNING) {
            add_size(fields, "Capacity", info.capacity, bytes);
            add_size(fields, "Allocation", info.allocation, bytes);
            add_size(fields, "Available", info.available, bytes);
        }
    }
    fields_show(fields, cli);
    return good;
}

static void add_details(struct table *table, struct viv_object *pool)
{
    struct viv_pool_info info;
    bool known = viv_pool_info(pool, &info, NULL) == 0;
    bool sized = known && info.state >= POOL_RUNNING;
    g_autofree char *capacity = sized ? cli_size(info.capacity) : g_strdup("-");
    g_autofree char *allocation = sized ? cli_size(info.allocation) : g_strdup("-");
    g_autofree char *available = sized ? cli_size(info.available) : g_strdup("-");

    table_add(table, viv_object_name(pool), known ? state_name(info.state) : "unknown",
              autostart_word(pool), viv_is_persistent(pool, NULL) > 0 ? "yes" : "no", capacity,
              allocation, available, NULL);
}

static void show_table(struct cli *cli, struct viv_object **pools, bool details)
{
    struct table *table = details ? table_new("Name", "State", "Autostart", "Persistent",
                                              "Capacity", "Allocation", "Available", NULL)
                                  : table_new("Name", "State", "Autostart", NULL);

    for (struct viv_object **p = pools; *p != NULL; p++) {
        if (details) {
            add_details(table, *p);
        } else {
            table_add(table, viv_object_name(*p),
                      viv_is_active(*p, NULL) > 0 ? "active" : "inactive", autostart_word(*p),
                      NULL);
        }
    }
    table_show(table, cli);
}

static bool run_list(struct cli *cli, const struct arguments *args)
{
    struct viv_object **pools = object_list(cli, args, VIV_POOL);
    if (pools == NULL) {
        return cli->error != NULL && cli_fail(cli, "Failed to list pools");
    }
    if (!object_show_words(cli, pools, args, true)) {
        show_table(cli, pools, arg_given(args, "details"));
    }
    viv_objects_free(pools);
    return true;
}

static bool run_refresh(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *pool = cli_object(cli, args, VIV_POOL);

    if (pool == NULL) {
        return false;
    }
    return viv_pool_refresh(pool, 0, cli_error(cli)) == 0
               ? cli_say(cli, "Pool %s refreshed\n", viv_object_name(pool))
               : cli_fail(cli, "Failed to refresh pool %s", viv_object_name(pool));
}

static bool run_delete(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *pool = cli_object(cli, args, VIV_POOL);

    if (pool == NULL) {
        return false;
    }
    return viv_pool_delete(pool, 0, cli_error(cli)) == 0
               ? cli_say(cli, "Pool %s deleted\n", viv_object_name(pool))
               : cli_fail(cli, "Failed to delete pool %s", viv_object_name(pool));
}

static bool run_start(struct cli *cli, const struct arguments *args)
{
    if (!arg_exclusive(cli, args, "overwrite", "no-overwrite")) {
        return false;
    }
    return object_act(cli, args, VIV_POOL, OBJECT_START);
}

static bool run_destroy(struct cli *cli, const struct arguments *args)
{
    return object_act(cli, args, VIV_POOL, OBJECT_DESTROY);
}

static bool run_undefine(struct cli *cli, const struct arguments *args)
{
    return object_act(cli, args, VIV_POOL, OBJECT_UNDEFINE);
}

static bool run_define(struct cli *cli, const struct arguments *args)
{
    return object_from_file(cli, args, VIV_POOL, true);
}

static bool run_create(struct cli *cli, const struct arguments *args)
{
    if (!arg_exclusive(cli, args, "overwrite", "no-overwrite")) {
        return false;
    }
    return object_from_file(cli, args, VIV_POOL, false);
}

static bool run_autostart(struct cli *cli, const struct arguments *args)
{
    return object_autostart(cli, args, VIV_POOL);
}

static bool run_dumpxml(struct cli *cli, const struct arguments *args)
{
    return object_xml(cli, args, VIV_POOL);
}

static bool run_name(struct cli *cli, const struct arguments *args)
{
    return object_name(cli, args, VIV_POOL);
}

static bool run_uuid(struct cli *cli, const struct arguments *args)
{
    return object_uuid(cli, args, VIV_POOL);
}

const struct verb pool_verbs[] = {
    {"pool-autostart", run_autostart}, {"pool-create", run_create},
    {"pool-define", run_define},       {"pool-delete", run_delete},
    {"pool-destroy", run_destroy},     {"pool-dumpxml", run_dumpxml},
    {"pool-info", run_info},           {"pool-list", run_list},
    {"pool-name", run_name},           {"pool-refresh", run_refresh},
    {"pool-start", run_start},         {"pool-undefine", run_undefine},
    {"pool-uuid", run_uuid},           {NULL},
};
