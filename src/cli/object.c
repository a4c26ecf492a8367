/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/object.h"

#include "cli/command.h"
#include "cli/document.h"
#include "cli/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XML_INACTIVE 1

static const struct {
    const char *lower, *upper;
    unsigned inactive, active, persistent, transient, autostart, no_autostart; /* list flags */
} words[VIV_KINDS] = {
    [VIV_NETWORK] = {"network", "Network", 1, 2, 4, 8, 16, 32},
    [VIV_POOL] = {"pool", "Pool", 1, 2, 4, 8, 16, 32},
};

static int compare(const void *a, const void *b)
{
    return strcasecmp(viv_object_name(*(struct viv_object *const *)a),
                      viv_object_name(*(struct viv_object *const *)b));
}

/* --type of pools: words with commas between. */
static bool take_types(struct cli *cli, const struct arguments *args, unsigned *flags)
{
    static const char *const types[] = {"dir",     "fs",   "netfs",    "logical",      "disk",
                                        "iscsi",   "scsi", "mpath",    "rbd",          "sheepdog",
                                        "gluster", "zfs",  "vstorage", "iscsi-direct", NULL};
    const unsigned first = 6; /* the first type's bit of libvirt's list flags */
    const char *text = arg_text(args, "type");
    g_auto(GStrv) list = g_strsplit(text != NULL ? text : "", ",", -1);

    for (char **word = list; *word != NULL; word++) {
        int type = word_index(types, *word);

        if (type < 0) {
            return cli_fail(cli, "Invalid pool type '%s'", *word);
        }
        *flags |= 1U << (first + (unsigned)type);
    }
    return true;
}

struct viv_object **object_list(struct cli *cli, const struct arguments *args, enum viv_kind kind)
{
    unsigned flags = arg_given(args, "all")        ? words[kind].inactive | words[kind].active
                     : arg_given(args, "inactive") ? words[kind].inactive
                                                   : words[kind].active;
    size_t n;

    flags |= arg_given(args, "persistent") ? words[kind].persistent : 0;
    flags |= arg_given(args, "transient") ? words[kind].transient : 0;
    flags |= arg_given(args, "autostart") ? words[kind].autostart : 0;
    flags |= arg_given(args, "no-autostart") ? words[kind].no_autostart : 0;
    if (kind == VIV_POOL && !take_types(cli, args, &flags)) {
        return NULL;
    }
    if (cli_connection(cli) == NULL) {
        return NULL;
    }
    struct viv_object **objects = viv_objects(cli->connection, kind, flags, &n, cli_error(cli));

    if (objects != NULL) {
        qsort(objects, n, sizeof(*objects), compare);
    }
    return objects;
}

bool object_show_words(struct cli *cli, struct viv_object **objects, const struct arguments *args,
                       bool padded)
{
    bool uuids = arg_given(args, "uuid");

    if (cli->json || (!uuids && !arg_given(args, "name"))) {
        return false;
    }
    for (struct viv_object **o = objects; *o != NULL; o++) {
        g_autofree char *uuid = cli_uuid(viv_object_uuid(*o));

        printf("%-*s\n", padded && !uuids ? 20 : 0, uuids ? uuid : viv_object_name(*o));
    }
    return true;
}

bool object_act(struct cli *cli, const struct arguments *args, enum viv_kind kind,
                enum object_verb verb)
{
    static const struct {
        const char *verb, *done;
        int (*act)(struct viv_object *, unsigned, struct viv_error **);
    } verbs[] = {
        [OBJECT_START] = {"start", "started", viv_start},
        [OBJECT_DESTROY] = {"destroy", "destroyed", viv_destroy},
        [OBJECT_UNDEFINE] = {"undefine", "has been undefined", viv_undefine},
    };
    static const struct flag_row building[] = {
        {"build", 1}, {"overwrite", 2}, {"no-overwrite", 4}, {NULL}};
    unsigned flags = kind == VIV_POOL && verb == OBJECT_START ? arg_flags(args, building) : 0;
    auto_object struct viv_object *object = cli_object(cli, args, kind);

    if (object == NULL) {
        return false;
    }
    return verbs[verb].act(object, flags, cli_error(cli)) == 0
               ? cli_say(cli, "%s %s %s\n", words[kind].upper, viv_object_name(object),
                         verbs[verb].done)
               : cli_fail(cli, "Failed to %s %s %s", verbs[verb].verb, words[kind].lower,
                          viv_object_name(object));
}

bool object_from_file(struct cli *cli, const struct arguments *args, enum viv_kind kind,
                      bool define)
{
    const char *path = arg_text(args, "file"), *verb = define ? "define" : "create";

    static const struct flag_row building[] = {
        {"build", 1}, {"overwrite", 2}, {"no-overwrite", 4}, {NULL}};
    unsigned flags = kind == VIV_POOL && !define ? arg_flags(args, building) : 0;

    flags |= arg_given(args, "validate") ? (kind == VIV_POOL && !define ? 8 : 1) : 0;
    g_autofree char *xml = cli_connection(cli) != NULL ? cli_file(cli, args, "file") : NULL;

    if (xml == NULL) {
        return false;
    }
    auto_object struct viv_object *object =
        (define ? viv_define : viv_create)(cli->connection, kind, xml, flags, cli_error(cli));

    return object != NULL ? cli_say(cli, "%s %s %sd from %s\n", words[kind].upper,
                                    viv_object_name(object), verb, path)
                          : cli_fail(cli, "Failed to %s %s from %s", verb, words[kind].lower, path);
}

bool object_autostart(struct cli *cli, const struct arguments *args, enum viv_kind kind)
{
    auto_object struct viv_object *object = cli_object(cli, args, kind);
    const char *un = arg_given(args, "disable") ? "un" : "";

    if (object == NULL) {
        return false;
    }
    return viv_set_autostart(object, *un == '\0', cli_error(cli)) == 0
               ? cli_say(cli, "%s %s %smarked as autostarted\n", words[kind].upper,
                         viv_object_name(object), un)
               : cli_fail(cli, "failed to %smark %s %s as autostarted", un, words[kind].lower,
                          viv_object_name(object));
}

bool object_xml(struct cli *cli, const struct arguments *args, enum viv_kind kind)
{
    auto_object struct viv_object *object = cli_object(cli, args, kind);

    return object != NULL &&
           document_show(
               cli, args,
               viv_xml(object, arg_given(args, "inactive") ? XML_INACTIVE : 0, cli_error(cli)));
}

/* Only a UUID is asked for its name, as virsh does it. */
bool object_name(struct cli *cli, const struct arguments *args, enum viv_kind kind)
{
    const char *text = arg_text(args, words[kind].lower);
    uint8_t uuid[VIV_UUID_BYTES];

    if (!cli_parse_uuid(text, uuid)) {
        return cli_fail(cli, "failed to get %s '%s'", words[kind].lower, text);
    }
    auto_object struct viv_object *object = cli_object(cli, args, kind);

    return object != NULL && show_line(cli, "name", "%s", viv_object_name(object));
}

bool object_uuid(struct cli *cli, const struct arguments *args, enum viv_kind kind)
{
    auto_object struct viv_object *object = cli_object(cli, args, kind);
    g_autofree char *uuid = object != NULL ? cli_uuid(viv_object_uuid(object)) : NULL;

    return uuid != NULL && show_line(cli, "uuid", "%s", uuid);
}
