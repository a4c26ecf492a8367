/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Definitions on disk: one file a domain, named by its UUID, a line with the format's number first.
 */
#include "manage/conf/fault.h"
#include "manage/core/durable.h"
#include "manage/driver/qmp/internal.h"
#include "manage/driver/qmp/loader.h"
#include "manage/driver/qmp/moment/snapshot.h"
#include "manage/driver/qmp/save/save.h"

#include <stdio.h>
#include <string.h>

#define HEADER    "<!-- vivarium domain 1 -->\n"
#define AUTOSTART "<!-- autostart -->\n"

static struct qmp_host *state_of(struct domain *domain)
{
    return domain->object.host->state;
}

static void file_name(const struct domain *domain, char name[UUID_TEXT + 4])
{
    uuid_format(domain->object.uuid, name);
    strcat(name, ".xml");
}

static bool store(struct domain *domain, GError **error)
{
    g_autofree char *xml =
        domain_def_format(domain_inactive_def(domain), -1, DOMAIN_DEF_INACTIVE | DOMAIN_DEF_SECURE);
    g_autofree char *text =
        g_strconcat(HEADER, domain->object.autostart ? AUTOSTART : "", xml, NULL);
    char name[UUID_TEXT + 4];

    file_name(domain, name);
    return durable_write(state_of(domain)->config, name, text, error);
}

static bool drop(struct domain *domain, GError **error)
{
    char name[UUID_TEXT + 4];

    file_name(domain, name);
    return durable_remove(state_of(domain)->config, name, error);
}

enum { UNDEFINE_SAVE = 1 << 0, UNDEFINE_NVRAM = 1 << 2, UNDEFINE_KEEP_NVRAM = 1 << 3 };

/* The file with the variables of its firmware if there is one; to be freed. */
static char *nvram_of(struct domain *domain)
{
    const struct xml *root = (domain->next_def != NULL ? domain->next_def : domain->def)->root;
    const char *named = xml_text_at(root, "os/nvram");
    char *path = g_strdup(named);

    if (path == NULL && loader_wanted(root)) {
        qmp_nvram_path(state_of(domain), domain->object.uuid, &path);
    }
    if (path != NULL && access(path, F_OK) != 0) {
        g_clear_pointer(&path, g_free);
    }
    return path;
}

static bool may_undefine(struct domain *domain, unsigned flags, GError **error)
{
    g_autofree char *nvram = nvram_of(domain);

    return nvram == NULL || (flags & (UNDEFINE_NVRAM | UNDEFINE_KEEP_NVRAM)) != 0 ||
           fault_set(error, FAULT_OPERATION_INVALID, "cannot undefine domain with nvram");
}

static void undefined(struct domain *domain, unsigned flags)
{
    g_autofree char *nvram = flags & UNDEFINE_NVRAM ? nvram_of(domain) : NULL;

    catalog_drop(domain);
    if ((flags & UNDEFINE_SAVE) != 0) {
        (void)save_remove_managed(domain, NULL);
    }
    if (nvram != NULL && unlink(nvram) != 0) {
        fprintf(stderr, "vivd: cannot remove '%s': %s\n", nvram, g_strerror(errno));
    }
}

const struct driver_store qmp_store = {
    .store = store,
    .drop = drop,
    .note = qmp_write_mark,
    .may_undefine = may_undefine,
    .undefined = undefined,
};

static bool load_one(struct host *host, const char *folder, const char *name, GError **error)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autofree char *text = NULL;
    const char *xml;
    struct domain_def *def;
    struct domain *domain;

    if (!g_file_get_contents(path, &text, NULL, error)) {
        return false;
    }
    if (!g_str_has_prefix(text, HEADER)) {
        return fault_set(error, FAULT_INTERNAL_ERROR,
                         "the format of '%s' is not that of this version", path);
    }
    xml = text + strlen(HEADER);
    xml += g_str_has_prefix(xml, AUTOSTART) ? strlen(AUTOSTART) : 0;
    if ((def = domain_def_parse(xml, host->driver->rules, error)) == NULL) {
        return false;
    }
    domain = domain_new(host, def);
    domain->object.persistent = true;
    domain->object.autostart = strstr(text, AUTOSTART) != NULL;
    if (!objects_add(host->objects[OBJECT_DOMAIN], &domain->object)) {
        fault_set(error, FAULT_DOM_EXIST, "%s", domain->object.name);
    }
    save_look_for_managed(domain);
    catalog_load(domain);
    object_unref(&domain->object);
    return *error == NULL;
}

void qmp_store_load(struct host *host)
{
    struct qmp_host *state = host->state;
    g_autoptr(GDir) dir = g_dir_open(state->config, 0, NULL);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autoptr(GError) error = NULL;

        if (g_str_has_suffix(name, ".xml") && !load_one(host, state->config, name, &error)) {
            fprintf(stderr, "vivd: definition %s left alone: %s\n", name, error->message);
        }
    }
}
