/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands on networks. */
#include "cli/command.h"
#include "cli/object.h"
#include "cli/table.h"

#include <stdio.h>
#include <stdlib.h>

static bool run_info(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *network = cli_object(cli, args, VIV_NETWORK);

    if (network == NULL) {
        return false;
    }
    struct fields *fields = fields_new(16);
    g_autofree char *uuid = cli_uuid(viv_object_uuid(network));
    int active = viv_is_active(network, NULL), persistent = viv_is_persistent(network, NULL);
    int autostart = viv_autostart(network, NULL);
    char *bridge = viv_bridge(network, NULL);

    fields_add(fields, "Name", "%s", viv_object_name(network));
    fields_add(fields, "UUID", "%s", uuid);
    if (active >= 0) {
        fields_add(fields, "Active", "%s", active ? "yes" : "no");
    }
    fields_add(fields, "Persistent", "%s", persistent < 0 ? "unknown" : persistent ? "yes" : "no");
    fields_add(fields, "Autostart", "%s",
               autostart < 0 ? "no autostart"
               : autostart   ? "yes"
                             : "no");
    if (bridge != NULL) {
        fields_add(fields, "Bridge", "%s", bridge);
    }
    viv_free(bridge);
    fields_show(fields, cli);
    return true;
}

static void show_table(struct cli *cli, struct viv_object **networks)
{
    struct table *table = table_new("Name", "State", "Autostart", "Persistent", NULL);

    for (struct viv_object **n = networks; *n != NULL; n++) {
        int autostart = viv_autostart(*n, NULL);

        table_add(table, viv_object_name(*n), viv_is_active(*n, NULL) > 0 ? "active" : "inactive",
                  autostart < 0 ? "no autostart"
                  : autostart   ? "yes"
                                : "no",
                  viv_is_persistent(*n, NULL) > 0 ? "yes" : "no", NULL);
    }
    table_show(table, cli);
}

static bool run_list(struct cli *cli, const struct arguments *args)
{
    struct viv_object **networks;

    if (arg_given(args, "table") + arg_given(args, "name") + arg_given(args, "uuid") > 1) {
        return cli_fail(cli, "Only one argument from --table, --name and --uuid may be specified.");
    }
    networks = object_list(cli, args, VIV_NETWORK);
    if (networks == NULL) {
        return cli_fail(cli, "Failed to list networks");
    }
    if (!object_show_words(cli, networks, args, false)) {
        show_table(cli, networks);
    }
    viv_objects_free(networks);
    return true;
}

static bool run_start(struct cli *cli, const struct arguments *args)
{
    return object_act(cli, args, VIV_NETWORK, OBJECT_START);
}

static bool run_destroy(struct cli *cli, const struct arguments *args)
{
    return object_act(cli, args, VIV_NETWORK, OBJECT_DESTROY);
}

static bool run_undefine(struct cli *cli, const struct arguments *args)
{
    return object_act(cli, args, VIV_NETWORK, OBJECT_UNDEFINE);
}

static bool run_define(struct cli *cli, const struct arguments *args)
{
    return object_from_file(cli, args, VIV_NETWORK, true);
}

static bool run_create(struct cli *cli, const struct arguments *args)
{
    return object_from_file(cli, args, VIV_NETWORK, false);
}

static bool run_autostart(struct cli *cli, const struct arguments *args)
{
    return object_autostart(cli, args, VIV_NETWORK);
}

static bool run_dumpxml(struct cli *cli, const struct arguments *args)
{
    return object_xml(cli, args, VIV_NETWORK);
}

static bool run_name(struct cli *cli, const struct arguments *args)
{
    return object_name(cli, args, VIV_NETWORK);
}

static bool run_uuid(struct cli *cli, const struct arguments *args)
{
    return object_uuid(cli, args, VIV_NETWORK);
}

const struct verb network_verbs[] = {
    {"net-autostart", run_autostart}, {"net-create", run_create},   {"net-define", run_define},
    {"net-destroy", run_destroy},     {"net-dumpxml", run_dumpxml}, {"net-info", run_info},
    {"net-list", run_list},           {"net-name", run_name},       {"net-start", run_start},
    {"net-undefine", run_undefine},   {"net-uuid", run_uuid},       {NULL},
};
