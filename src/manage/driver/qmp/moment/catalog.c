/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Snapshots on disk: a folder a domain, named by its UUID; in it a file a snapshot, named by a hash
 * of its name, with the format's number on a line of its own, and "current" with the name of the
 * current one's file.
 */
#include "manage/conf/fault.h"
#include "manage/core/durable.h"
#include "manage/driver/qmp/internal.h"
#include "manage/driver/qmp/moment/snapshot.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

#define HEADER  "<!-- vivarium snapshot 1 -->\n"
#define CURRENT "current"

static char *folder_of(struct domain *domain)
{
    struct qmp_host *state = domain->object.host->state;
    char uuid[UUID_TEXT];

    uuid_format(domain->object.uuid, uuid);
    return g_build_filename(state->snapshots, uuid, NULL);
}

static char *file_of(const struct moment *moment)
{
    g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, moment->def->name, -1);

    return g_strconcat(hash, ".xml", NULL);
}

/* Leaves alone what says the same already. */
static bool write_file(const char *folder, const char *name, const char *text, GError **error)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autofree char *old = NULL;

    if (g_file_get_contents(path, &old, NULL, NULL) && strcmp(old, text) == 0) {
        return true;
    }
    return durable_write(folder, name, text, error);
}

static bool write_moments(const struct moments *moments, const char *folder, GHashTable *names,
                          GError **error)
{
    for (unsigned i = 0; i < moments->all->len; i++) {
        const struct moment *moment = moments->all->pdata[i];
        g_autofree char *xml = moment_format(moment->def, 0);
        g_autofree char *text = g_strconcat(HEADER, xml, NULL);
        char *name = file_of(moment);

        g_hash_table_add(names, name);
        if (!write_file(folder, name, text, error)) {
            return false;
        }
    }
    return true;
}

static bool remove_others(const char *folder, GHashTable *names, GError **error)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        if (!g_hash_table_contains(names, name) && strcmp(name, CURRENT) != 0 &&
            !durable_remove(folder, name, error)) {
            return false;
        }
    }
    return true;
}

bool catalog_store(struct domain *domain, GError **error)
{
    const struct moments *moments = domain->moments[MOMENT_SNAPSHOT];
    g_autofree char *folder = folder_of(domain);
    g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autofree char *current = moments->current != NULL ? file_of(moments->current) : g_strdup("");

    if (moments_count(moments) == 0) {
        catalog_drop(domain);
        return true;
    }
    if (g_mkdir_with_parents(folder, 0700) != 0) {
        return fault_set_errno(error, errno, "cannot create snapshot directory '%s'", folder);
    }
    return write_moments(moments, folder, names, error) &&
           write_file(folder, CURRENT, current, error) && remove_others(folder, names, error);
}

void catalog_drop(struct domain *domain)
{
    g_autofree char *folder = folder_of(domain);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(folder, name, NULL);

        g_unlink(path);
    }
    g_rmdir(folder);
}

static struct moment_def *read_one(struct domain *domain, const char *folder, const char *name,
                                   GError **error)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autofree char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, error)) {
        return NULL;
    }
    if (!g_str_has_prefix(text, HEADER)) {
        fault_set(error, FAULT_INTERNAL_ERROR, "the format of '%s' is not that of this version",
                  path);
        return NULL;
    }
    return moment_parse(MOMENT_SNAPSHOT, text + strlen(HEADER), true,
                        domain->object.host->driver->rules, error);
}

static GPtrArray *read_all(struct domain *domain, const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    GPtrArray *list = g_ptr_array_new();
    const char *name;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autoptr(GError) error = NULL;
        struct moment_def *def =
            g_str_has_suffix(name, ".xml") ? read_one(domain, folder, name, &error) : NULL;

        if (def != NULL) {
            g_ptr_array_add(list, def);
        } else if (error != NULL) {
            fprintf(stderr, "vivd: snapshot %s/%s left alone: %s\n", folder, name, error->message);
        }
    }
    return list;
}

static gint older_first(gconstpointer a, gconstpointer b)
{
    const struct moment_def *const *left = a, *const *right = b;
    uint64_t time[2] = {0, 0};

    (void)xml_number(xml_text_at((*left)->root, "creationTime"), &time[0]);
    (void)xml_number(xml_text_at((*right)->root, "creationTime"), &time[1]);
    return time[0] != time[1] ? (time[0] < time[1] ? -1 : 1)
                              : strcmp((*left)->name, (*right)->name);
}

/* Parents before children; one whose parent is not there becomes a root. */
static void add_all(struct moments *moments, GPtrArray *list)
{
    bool orphans = false;

    g_ptr_array_sort(list, older_first);
    while (list->len > 0) {
        bool moved = false;

        for (unsigned i = 0; i < list->len;) {
            struct moment_def *def = list->pdata[i];

            if (def->parent == NULL || orphans || moments_find(moments, def->parent) != NULL) {
                g_ptr_array_remove_index(list, i);
                moments_add(moments, def);
                moved = true;
                orphans = false;
            } else {
                i++;
            }
        }
        orphans = !moved;
    }
}

void catalog_load(struct domain *domain)
{
    struct moments *moments = domain->moments[MOMENT_SNAPSHOT];
    g_autofree char *folder = folder_of(domain);
    g_autofree char *path = g_build_filename(folder, CURRENT, NULL);
    g_autofree char *current = NULL;
    g_autoptr(GPtrArray) list = read_all(domain, folder);

    add_all(moments, list);
    if (!g_file_get_contents(path, &current, NULL, NULL)) {
        return;
    }
    for (unsigned i = 0; i < moments->all->len; i++) {
        struct moment *moment = moments->all->pdata[i];
        g_autofree char *name = file_of(moment);

        if (strcmp(name, current) == 0) {
            moments->current = moment;
        }
    }
}
