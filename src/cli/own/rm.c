/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rm: a domain with all that is its own, which is shown first. */
#include "cli/document.h"
#include "cli/own/own.h"
#include "cli/table.h"
#include "cli/volume.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <viv/moment.h>

enum { SAVED = 1, SNAPSHOTS = 2, NVRAM = 4, CHECKPOINTS = 16 }; /* flags of domain_undefine_flags */

/* What goes, and what stays. */
struct removal {
    struct viv_object *domain;
    bool active, persistent, keep_storage;
    unsigned flags;     /* of the undefine */
    GPtrArray *volumes; /* struct viv_volume, owned */
    struct table *table;
};

static void tell(struct removal *removal, bool goes, const char *what, const char *which,
                 const char *why)
{
    table_add(removal->table, goes ? "goes" : "stays", what, which, why, NULL);
}

/* The volume of a disk's source, or NULL. */
static struct viv_volume *volume_of(struct cli *cli, struct document *document, xmlNodePtr disk,
                                    const char *path)
{
    g_autofree char *pool_name = document_text(document, disk, "source/@pool");
    g_autofree char *name = document_text(document, disk, "source/@volume");

    if (*pool_name == '\0') {
        return viv_find_volume_path(cli->connection, path, NULL);
    }
    struct viv_object *pool = viv_find(cli->connection, VIV_POOL, pool_name, NULL);
    struct viv_volume *volume = pool != NULL ? viv_find_volume(pool, name, NULL) : NULL;

    viv_object_free(pool);
    return volume;
}

/* Whether a definition has a disk of that path, or of that volume. */
static bool has_disk(struct document *document, const char *path, struct viv_volume *volume)
{
    g_autofree xmlNodePtr *sources = document_nodes(document, NULL, "/domain/devices/disk//source");
    bool has = false;

    for (xmlNodePtr *n = sources; n != NULL && *n != NULL && !has; n++) {
        g_autofree char *file = document_text(document, *n, "string(@file | @dev)");
        g_autofree char *pool = document_text(document, *n, "string(@pool)");
        g_autofree char *name = document_text(document, *n, "string(@volume)");

        has = (*file != '\0' && strcmp(file, path) == 0) ||
              (strcmp(pool, viv_volume_pool(volume)) == 0 &&
               strcmp(name, viv_volume_name(volume)) == 0);
    }
    return has;
}

/* Another domain that has the disk, or one whose definition cannot be read; to be freed. */
static char *other_user(struct cli *cli, struct viv_object *domain, struct viv_volume *volume)
{
    struct viv_object **all = viv_objects(cli->connection, VIV_DOMAIN, 0, NULL, cli_error(cli));
    char *path = viv_volume_path(volume, NULL);
    char *user = all == NULL || path == NULL ? g_strdup("nobody knows whom") : NULL;

    for (struct viv_object **o = all; user == NULL && *o != NULL; o++) {
        bool itself = memcmp(viv_object_uuid(*o), viv_object_uuid(domain), VIV_UUID_BYTES) == 0;
        auto_document struct document *document = itself ? NULL : document_of(cli, *o, 0);

        if (!itself && (document == NULL || has_disk(document, path, volume))) {
            user = g_strdup(viv_object_name(*o));
        }
    }
    viv_free(path);
    viv_objects_free(all);
    return user;
}

/* What of the pool needs the volume at `path`: one that has only what differs from it, or, where
 * nobody can tell, anything; to be freed. NULL if nothing does. */
static char *based_on(struct viv_object *pool, const char *path)
{
    struct viv_volume **volumes = viv_volumes(pool, NULL, NULL);
    char *why = volumes == NULL ? g_strdup_printf("nobody knows what pool %s has based on it",
                                                  viv_object_name(pool))
                                : NULL;

    for (struct viv_volume **v = volumes; v != NULL && *v != NULL && why == NULL; v++) {
        auto_document struct document *document = document_take(viv_volume_xml(*v, NULL));
        g_autofree char *base =
            document != NULL ? document_text(document, NULL, "/volume/backingStore/path") : NULL;

        if (document == NULL) {
            why = g_strdup_printf("nobody knows what volume %s is based on", viv_volume_name(*v));
        } else if (strcmp(base, path) == 0) {
            why = g_strdup_printf("volume %s is based on it", viv_volume_name(*v));
        }
    }
    viv_volumes_free(volumes);
    return why;
}

/* Why a volume has to stay, or NULL; to be freed. What cannot be known keeps it: a disk that is
 * gone does not come back. */
static char *needed_by(struct cli *cli, struct viv_object *domain, struct viv_volume *volume)
{
    g_autofree char *user = other_user(cli, domain, volume);

    if (user != NULL) {
        return g_strdup_printf("domain %s has it too", user);
    }
    struct viv_object **pools = viv_objects(cli->connection, VIV_POOL, 0, NULL, NULL);
    char *path = viv_volume_path(volume, NULL);
    char *why = pools == NULL || path == NULL ? g_strdup("nobody knows what is based on it") : NULL;

    for (struct viv_object **p = pools; why == NULL && *p != NULL; p++) {
        why = based_on(*p, path);
    }
    viv_free(path);
    viv_objects_free(pools);
    return why;
}

static void look_at_disk(struct cli *cli, struct removal *removal, struct document *document,
                         xmlNodePtr disk)
{
    g_autofree char *path = document_text(document, disk, "string(source/@file | source/@dev)");
    g_autofree char *volume_name = document_text(document, disk, "source/@volume");
    g_autofree char *kind = document_text(document, disk, "@device");
    const char *which = *path != '\0' ? path : volume_name;
    bool shared = document_node(document, disk, "readonly|shareable") != NULL;

    if (*which == '\0') {
        return;
    }
    if (removal->keep_storage) {
        tell(removal, false, "disk", which, "--keep-storage");
        return;
    }
    if (shared || (*kind != '\0' && strcmp(kind, "disk") != 0)) {
        tell(removal, false, "disk", which, "it is only read, or shared");
        return;
    }
    auto_volume struct viv_volume *volume = volume_of(cli, document, disk, path);
    g_autofree char *why = volume != NULL ? needed_by(cli, removal->domain, volume) : NULL;

    if (volume == NULL) {
        tell(removal, false, "disk", which, "it is in no pool");
    } else if (why != NULL) {
        tell(removal, false, "disk", which, why);
    } else {
        tell(removal, true, "disk", which, "");
        g_ptr_array_add(removal->volumes, g_steal_pointer(&volume));
    }
}

static void look_at_moments(struct removal *removal, enum viv_moment_kind kind, const char *what,
                            unsigned flag)
{
    struct viv_moment **moments = viv_moments(removal->domain, kind, 0, NULL, NULL);

    for (struct viv_moment **m = moments; m != NULL && *m != NULL; m++) {
        tell(removal, true, what, viv_moment_name(*m), "");
        removal->flags |= flag;
    }
    viv_moments_free(moments);
}

/* What there is of the domain, told by the table. False with an error. */
static bool look(struct cli *cli, struct removal *removal)
{
    struct viv_object *domain = removal->domain;
    int active = viv_is_active(domain, cli_error(cli));
    int persistent = active >= 0 ? viv_is_persistent(domain, cli_error(cli)) : -1;
    auto_document struct document *document =
        persistent >= 0 ? document_of(cli, domain, persistent > 0 ? 2 : 0) : NULL;

    if (document == NULL) {
        return cli_fail(cli, "cannot read domain '%s'", viv_object_name(domain));
    }
    removal->active = active > 0;
    removal->persistent = persistent > 0;
    tell(removal, true, "domain", viv_object_name(domain), active > 0 ? "it runs" : "");
    if (viv_domain_has_saved(domain, NULL) > 0) {
        tell(removal, true, "managed save", viv_object_name(domain), "");
        removal->flags |= SAVED;
    }
    look_at_moments(removal, VIV_SNAPSHOT, "snapshot", SNAPSHOTS);
    look_at_moments(removal, VIV_CHECKPOINT, "checkpoint", CHECKPOINTS);
    g_autofree char *nvram = document_text(
        document, NULL, "string(/domain/os/nvram[not(source)] | /domain/os/nvram/source/@file)");

    if (*nvram != '\0') {
        tell(removal, true, "firmware's variables", nvram, "");
        removal->flags |= NVRAM;
    }
    g_autofree xmlNodePtr *disks = document_nodes(document, NULL, "/domain/devices/disk");

    for (xmlNodePtr *d = disks; d != NULL && *d != NULL; d++) {
        look_at_disk(cli, removal, document, *d);
    }
    return true;
}

/* Whether the user says so, on the terminal. */
static bool agrees(struct cli *cli, const char *name)
{
    char line[16];

    if (isatty(STDIN_FILENO) == 0) {
        return cli_fail(cli, "nothing was removed: give --yes");
    }
    printf("Remove domain '%s' and all that goes with it? [y/N] ", name);
    fflush(stdout);
    return (fgets(line, sizeof(line), stdin) != NULL && g_ascii_tolower(*line) == 'y') ||
           cli_fail(cli, "nothing was removed");
}

static bool carry_out(struct cli *cli, struct removal *removal)
{
    const char *name = viv_object_name(removal->domain);
    bool good = true;

    if (removal->active && viv_destroy(removal->domain, 0, cli_error(cli)) != 0) {
        return cli_fail(cli, "Failed to destroy domain '%s'", name);
    }
    if (removal->persistent && viv_undefine(removal->domain, removal->flags, cli_error(cli)) != 0) {
        return cli_fail(cli, "Failed to undefine domain '%s'", name);
    }
    for (unsigned i = 0; i < removal->volumes->len; i++) {
        struct viv_volume *volume = g_ptr_array_index(removal->volumes, i);

        if (viv_volume_delete(volume, 0, cli_error(cli)) != 0) {
            good = cli_fail(cli, "Failed to delete vol %s: %s", viv_volume_name(volume),
                            viv_error_message(cli->error));
        }
    }
    g_clear_pointer(&cli->error, viv_error_free);
    return good && (cli->json || cli_say(cli, "Domain '%s' has been removed\n", name));
}

static bool decide(struct cli *cli, const struct arguments *args, struct removal *removal)
{
    const char *name = viv_object_name(removal->domain);
    bool good = look(cli, removal);

    table_show(removal->table, cli);
    if (!good || arg_given(args, "dry-run")) {
        return good;
    }
    fflush(stdout);
    if (removal->active && !arg_given(args, "force")) {
        return cli_fail(cli, "domain '%s' runs: stop it, or give --force", name);
    }
    return (arg_given(args, "yes") || agrees(cli, name)) && carry_out(cli, removal);
}

bool own_rm(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    if (domain == NULL) {
        return false;
    }
    struct removal removal = {
        .domain = domain,
        .keep_storage = arg_given(args, "keep-storage"),
        .volumes = g_ptr_array_new_with_free_func((GDestroyNotify)viv_volume_free),
        .table = table_new("Action", "What", "Which", "Why", NULL),
    };
    bool good = decide(cli, args, &removal);

    g_ptr_array_unref(removal.volumes);
    return good;
}
