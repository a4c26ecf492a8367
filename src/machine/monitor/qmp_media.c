/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that move the tray and the medium of drives with removable media. */
#include "machine/monitor/command.h"

#include "block/block.h"

#include <string.h>

#define MEDIUM_PERM   BLOCK_PERM_CONSISTENT_READ
#define MEDIUM_SHARED (BLOCK_PERM_CONSISTENT_READ | BLOCK_PERM_WRITE_UNCHANGED | BLOCK_PERM_RESIZE)

/* The drive called `device`, or the one that the guest's device `id` uses. */
static struct block_backend *find(const struct qmp_call *c, GError **error)
{
    const char *device = qmp_str(c, "device"), *id = qmp_str(c, "id");
    const struct dev *dev = id ? machine_find_dev(c->env->machine, id) : NULL;

    if (!device == !id) {
        qmp_fail(error, "Need exactly one of 'device' and 'id'");
        return NULL;
    }
    for (guint i = 0; i < c->env->backends->len; i++) {
        struct block_backend *b = c->env->backends->pdata[i];

        if (device ? g_str_equal(block_backend_id(b), device) && *device
                   : dev && qmp_block_device(c->env, b) == dev) {
            return b;
        }
    }
    if (dev) {
        qmp_fail(error, "Device '%s' is not a block device", id);
    } else {
        qmp_not_found(error, "Device", device ? device : id);
    }
    return NULL;
}

static struct block_backend *find_removable(const struct qmp_call *c, struct block_tray *ret,
                                            GError **error)
{
    struct block_backend *b = find(c, error);

    if (b && !block_backend_tray(b, ret)) {
        qmp_fail(error, "Device '%s' is not removable",
                 qmp_has(c, "device") ? qmp_str(c, "device") : qmp_str(c, "id"));
        return NULL;
    }
    return b;
}

static const char *name_of(const struct qmp_call *c)
{
    return qmp_has(c, "device") ? qmp_str(c, "device") : qmp_str(c, "id");
}

/* FALSE with an error if the guest holds the tray; it was then asked to let go. */
static bool open_tray(const struct qmp_call *c, struct block_backend *b, bool force, GError **error)
{
    struct block_tray tray = {0};

    block_backend_tray(b, &tray);
    if (tray.open) {
        return true;
    }
    if (tray.locked) {
        block_backend_ask_eject(b);
    }
    if (tray.locked && !force) {
        qmp_fail(error,
                 "Device '%s' is locked and force was not specified, wait for tray to open and "
                 "try again",
                 name_of(c));
        return false;
    }
    block_backend_move_tray(b, true);
    return true;
}

/* A guest that is asked to open the tray is no error: DEVICE_TRAY_MOVED tells when it did. */
static json_object *cmd_open_tray(const struct qmp_call *c, GError **error)
{
    struct block_tray tray;
    struct block_backend *b = find_removable(c, &tray, error);
    g_autoptr(GError) waits = NULL;

    if (b) {
        open_tray(c, b, qmp_bool(c, "force"), &waits);
    }
    return NULL;
}

static json_object *cmd_close_tray(const struct qmp_call *c, GError **error)
{
    struct block_tray tray;
    struct block_backend *b = find_removable(c, &tray, error);

    if (b && tray.open) {
        block_backend_move_tray(b, false);
    }
    return NULL;
}

static bool needs_open(const struct qmp_call *c, const struct block_tray *tray, GError **error)
{
    if (!tray->open) {
        qmp_fail(error, "Tray of device '%s' is not open", name_of(c));
    }
    return tray->open;
}

static json_object *remove_medium(const struct qmp_call *c, GError **error)
{
    struct block_tray tray;
    struct block_backend *b = find_removable(c, &tray, error);

    if (b && needs_open(c, &tray, error)) {
        block_backend_remove(b);
    }
    return NULL;
}

static json_object *insert_medium(const struct qmp_call *c, GError **error)
{
    const char *name = qmp_str(c, "node-name");
    struct block_tray tray;
    struct block_backend *b = find_removable(c, &tray, error);
    struct block_node *node;

    if (!b || !needs_open(c, &tray, error)) {
        return NULL;
    }
    if (block_backend_node(b)) {
        return qmp_fail(error, "There already is a medium in device '%s'", name_of(c));
    }
    node = block_graph_find(c->env->graph, name);
    if (!node) {
        return qmp_fail(error, "Node '%s' not found", name);
    }
    for (guint i = 0; i < c->env->backends->len; i++) {
        if (block_backend_node(c->env->backends->pdata[i]) == node) {
            return qmp_fail(error, "Node '%s' is already in use", name);
        }
    }
    block_backend_insert(b, node, MEDIUM_PERM, MEDIUM_SHARED, error);
    return NULL;
}

static json_object *eject(const struct qmp_call *c, GError **error)
{
    struct block_tray tray;
    struct block_backend *b = find_removable(c, &tray, error);

    if (b && open_tray(c, b, qmp_bool(c, "force"), error)) {
        block_backend_remove(b);
    }
    return NULL;
}

/* A CD's medium is read whatever the mode asks; "read-write" cannot be had. */
static struct block_node *open_medium(const struct qmp_call *c, GError **error)
{
    const char *mode = qmp_str(c, "read-only-mode");

    if (mode && g_str_equal(mode, "read-write")) {
        qmp_fail(error, "Device '%s' is a CD-ROM: its medium cannot be read-write", name_of(c));
        return NULL;
    }
    return block_open_file(qmp_str(c, "filename"), qmp_str(c, "format"), 0, NULL, c->env->graph,
                           error);
}

static json_object *change_medium(const struct qmp_call *c, GError **error)
{
    g_autoptr(block_node_ref) node = NULL;
    struct block_tray tray;
    struct block_backend *b = find_removable(c, &tray, error);

    if (!b) {
        return NULL;
    }
    node = open_medium(c, error);
    if (!node || !open_tray(c, b, qmp_bool(c, "force"), error)) {
        return NULL;
    }
    block_backend_remove(b);
    if (block_backend_insert(b, node, MEDIUM_PERM, MEDIUM_SHARED, error)) {
        block_backend_move_tray(b, false);
    }
    return NULL;
}

const struct qmp_command qmp_media_commands[] = {
    {"eject", "device?:str id?:str force?:bool", NULL, eject,
     "Opens the tray and takes the medium out."},
    {"blockdev-open-tray", "device?:str id?:str force?:bool", NULL, cmd_open_tray,
     "Opens the tray, or asks the guest to when it is locked."},
    {"blockdev-close-tray", "device?:str id?:str", NULL, cmd_close_tray, "Closes the tray."},
    {"blockdev-remove-medium", "id:str", NULL, remove_medium,
     "Takes the medium out of an open tray."},
    {"blockdev-insert-medium", "id:str node-name:str", NULL, insert_medium,
     "Puts a block node into an open, empty tray."},
    {"blockdev-change-medium",
     "device?:str id?:str filename:str format?:str force?:bool "
     "read-only-mode?:BlockdevChangeReadOnlyMode",
     NULL, change_medium, "Opens the tray, changes the medium, closes the tray."},
    {NULL},
};
