/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands on storage volumes. */
#include "cli/volume.h"
#include "cli/command.h"
#include "cli/document.h"
#include "cli/report.h"
#include "cli/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *type_name(int type)
{
    static const char *const names[] = {"file", "block", "dir", "network", "netdir", "ploop"};

    return (unsigned)type < G_N_ELEMENTS(names) ? names[type] : "unknown";
}

/* By name in the pool that --pool names; else by key, then by path. NULL with messages. */
struct viv_volume *volume_find(struct cli *cli, const struct arguments *args,
                               const char *pool_option)
{
    const char *name = arg_text(args, "vol");
    struct viv_volume *volume = NULL;

    if (cli_connection(cli) == NULL) {
        return NULL;
    }
    const char *pool_name = pool_option != NULL ? arg_text(args, pool_option) : NULL;

    if (pool_name != NULL) {
        auto_object struct viv_object *pool = cli_find(cli, VIV_POOL, pool_name);

        if (pool == NULL) {
            return NULL;
        }
        volume = viv_find_volume(pool, name, cli_error(cli));
    }
    if (volume == NULL) {
        volume = viv_find_volume_key(cli->connection, name, cli_error(cli));
    }
    if (volume == NULL) {
        volume = viv_find_volume_path(cli->connection, name, cli_error(cli));
    }
    if (volume == NULL) {
        if (pool_name != NULL || pool_option == NULL) {
            cli_fail(cli, "failed to get vol '%s'", name);
        } else {
            cli_fail(cli, "failed to get vol '%s', specifying --%s might help", name, pool_option);
        }
    }
    return volume;
}

static int compare(const void *a, const void *b)
{
    return strcasecmp(viv_volume_name(*(struct viv_volume *const *)a),
                      viv_volume_name(*(struct viv_volume *const *)b));
}

static void add_row(struct table *table, struct viv_volume *volume, bool details)
{
    char *path = viv_volume_path(volume, NULL);
    const char *shown = path != NULL ? path : "";
    struct viv_volume_info info;

    if (!details) {
        table_add(table, viv_volume_name(volume), shown, NULL);
    } else if (viv_volume_info(volume, &info, NULL) != 0) {
        table_add(table, viv_volume_name(volume), shown, "unknown", "unknown", "unknown", NULL);
    } else {
        g_autofree char *capacity = cli_size(info.capacity);
        g_autofree char *allocation = cli_size(info.allocation);

        table_add(table, viv_volume_name(volume), shown, type_name(info.type), capacity, allocation,
                  NULL);
    }
    viv_free(path);
}

static bool run_list(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *pool = cli_object(cli, args, VIV_POOL);
    bool details = arg_given(args, "details");
    size_t n;

    if (pool == NULL) {
        return false;
    }
    struct viv_volume **volumes = viv_volumes(pool, &n, cli_error(cli));

    if (volumes == NULL) {
        return cli_fail(cli, "Failed to list volumes");
    }
    struct table *table = details
                              ? table_new("Name", "Path", "Type", "Capacity", "Allocation", NULL)
                              : table_new("Name", "Path", NULL);

    qsort(volumes, n, sizeof(*volumes), compare);
    for (struct viv_volume **v = volumes; *v != NULL; v++) {
        add_row(table, *v, details);
    }
    viv_volumes_free(volumes);
    table_show(table, cli);
    return true;
}

static void add_size(struct fields *fields, const char *name, uint64_t bytes, bool exact)
{
    g_autofree char *size = exact ? g_strdup_printf("%" PRIu64 " bytes", bytes) : cli_size(bytes);

    fields_add(fields, name, "%s", size);
}

static bool run_info(struct cli *cli, const struct arguments *args)
{
    struct viv_volume_info info;

    if (arg_given(args, "physical")) {
        return cli_fail(cli, "option --physical of command 'vol-info' is not built yet");
    }
    auto_volume struct viv_volume *volume = volume_find(cli, args, "pool");

    if (volume == NULL) {
        return false;
    }
    struct fields *fields = fields_new(16);
    bool good = viv_volume_info(volume, &info, cli_error(cli)) == 0;

    fields_add(fields, "Name", "%s", viv_volume_name(volume));
    if (good) {
        fields_add(fields, "Type", "%s", type_name(info.type));
        add_size(fields, "Capacity", info.capacity, arg_given(args, "bytes"));
        add_size(fields, "Allocation", info.allocation, arg_given(args, "bytes"));
    }
    fields_show(fields, cli);
    return good;
}

static bool run_dumpxml(struct cli *cli, const struct arguments *args)
{
    auto_volume struct viv_volume *volume = volume_find(cli, args, "pool");

    return volume != NULL && document_show(cli, args, viv_volume_xml(volume, cli_error(cli)));
}

static bool run_key(struct cli *cli, const struct arguments *args)
{
    auto_volume struct viv_volume *volume = volume_find(cli, args, "pool");

    return volume != NULL && show_line(cli, "key", "%s", viv_volume_key(volume));
}

static bool run_name(struct cli *cli, const struct arguments *args)
{
    auto_volume struct viv_volume *volume = volume_find(cli, args, NULL);

    return volume != NULL && show_line(cli, "name", "%s", viv_volume_name(volume));
}

static bool run_path(struct cli *cli, const struct arguments *args)
{
    auto_volume struct viv_volume *volume = volume_find(cli, args, "pool");
    char *path = volume != NULL ? viv_volume_path(volume, cli_error(cli)) : NULL;

    if (path != NULL) {
        puts(path);
    }
    viv_free(path);
    return path != NULL;
}

static bool run_delete(struct cli *cli, const struct arguments *args)
{
    auto_volume struct viv_volume *volume = volume_find(cli, args, "pool");

    if (volume == NULL) {
        return false;
    }
    return viv_volume_delete(volume, arg_given(args, "delete-snapshots") ? 2 : 0, cli_error(cli)) ==
                   0
               ? cli_say(cli, "Vol %s deleted\n", arg_text(args, "vol"))
               : cli_fail(cli, "Failed to delete vol %s", arg_text(args, "vol"));
}

static bool run_create(struct cli *cli, const struct arguments *args)
{
    static const struct flag_row flags[] = {{"prealloc-metadata", 1}, {"validate", 4}, {NULL}};
    auto_object struct viv_object *pool = cli_object(cli, args, VIV_POOL);
    g_autofree char *xml = pool != NULL ? cli_file(cli, args, "file") : NULL;

    if (xml == NULL) {
        return false;
    }
    auto_volume struct viv_volume *volume =
        viv_volume_create(pool, xml, arg_flags(args, flags), cli_error(cli));

    return volume != NULL ? cli_say(cli, "Vol %s created from %s\n", viv_volume_name(volume),
                                    arg_text(args, "file"))
                          : cli_fail(cli, "Failed to create vol from %s", arg_text(args, "file"));
}

const struct verb volume_verbs[] = {
    {"vol-create", run_create}, {"vol-delete", run_delete}, {"vol-dumpxml", run_dumpxml},
    {"vol-info", run_info},     {"vol-key", run_key},       {"vol-list", run_list},
    {"vol-name", run_name},     {"vol-path", run_path},     {NULL},
};
