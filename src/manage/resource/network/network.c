/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Definitions of networks on disk: one file a network, named by its UUID, a line with the format's
 * number first. And the table through which the core reaches networks that are real.
 */
#include "manage/resource/network/network.h"

#include "manage/conf/fault.h"
#include "manage/conf/named.h"
#include "manage/core/durable.h"
#include "manage/resource/network/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HEADER    "<!-- vivarium network 1 -->\n"
#define AUTOSTART "<!-- autostart -->\n"

static void file_name(const struct object *object, char name[UUID_TEXT + 4])
{
    uuid_format(object->uuid, name);
    strcat(name, ".xml");
}

static bool store(struct object *object, const struct xml *def, GError **error)
{
    g_autofree char *xml = xml_format(def);
    g_autofree char *text = g_strconcat(HEADER, object->autostart ? AUTOSTART : "", xml, NULL);
    char name[UUID_TEXT + 4];

    file_name(object, name);
    return durable_write(networks_of(object->host)->config, name, text, error);
}

static bool drop(struct object *object, GError **error)
{
    char name[UUID_TEXT + 4];

    file_name(object, name);
    return !object->persistent || durable_remove(networks_of(object->host)->config, name, error);
}

static bool start(struct object *object, GError **error)
{
    return fault_set(error, FAULT_NO_SUPPORT, "starting networks is not built yet");
}

static void networks_free(struct networks *networks)
{
    g_free(networks->config);
    g_free(networks->runtime);
    g_free(networks);
}

static void close_state(struct host *host)
{
    networks_free(networks_of(host));
}

static const struct resource_ops network_resource = {
    .complete = name_complete,
    .store = store,
    .drop = drop,
    .start = start,
    .close = close_state,
};

/* A network of this definition, persistent, in the table; NULL with *error set. */
static struct object *add(struct host *host, const char *xml, bool autostart, GError **error)
{
    uint8_t uuid[UUID_BYTES];
    g_autoptr(xml_own) def = named_parse(NAMED_NETWORK, xml, uuid, error);
    struct object *object;

    if (def == NULL || !name_complete(host, def, uuid, error)) {
        return NULL;
    }
    object = object_new(OBJECT_NETWORK, host, named_name(def), uuid, def);
    def = NULL;
    object->persistent = true;
    object->autostart = autostart;
    if (!objects_add(host->objects[OBJECT_NETWORK], object)) {
        fault_set(error, FAULT_NETWORK_EXIST, "%s", object->name);
        object_unref(object);
        return NULL;
    }
    return object;
}

static bool load_one(struct host *host, const char *name, GError **error)
{
    g_autofree char *path = g_build_filename(networks_of(host)->config, name, NULL);
    g_autofree char *text = NULL;
    const char *xml;
    struct object *object;

    if (!g_file_get_contents(path, &text, NULL, error)) {
        return false;
    }
    if (!g_str_has_prefix(text, HEADER)) {
        return fault_set(error, FAULT_INTERNAL_ERROR,
                         "the format of '%s' is not that of this version", path);
    }
    xml = text + strlen(HEADER);
    bool autostart = g_str_has_prefix(xml, AUTOSTART);

    object = add(host, xml + (autostart ? strlen(AUTOSTART) : 0), autostart, error);
    object_unref(object);
    return object != NULL;
}

static void load(struct host *host)
{
    g_autoptr(GDir) dir = g_dir_open(networks_of(host)->config, 0, NULL);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autoptr(GError) error = NULL;

        if (g_str_has_suffix(name, ".xml") && !load_one(host, name, &error)) {
            fprintf(stderr, "vivd: definition %s left alone: %s\n", name, error->message);
        }
    }
}

static struct networks *networks_new(bool session)
{
    struct networks *networks = g_new0(struct networks, 1);

    networks->session = session;
    networks->config = session
                           ? g_build_filename(g_get_user_config_dir(), "vivarium", "networks", NULL)
                           : g_strdup("/var/lib/vivarium/networks");
    networks->runtime =
        session ? g_build_filename(g_get_user_runtime_dir(), "vivarium", "network", NULL)
                : g_strdup("/run/vivarium/network");
    return networks;
}

bool network_fill(struct host *host, GError **error)
{
    bool session =
        g_str_has_suffix(host->uri, "/session") || strstr(host->uri, "/session?") != NULL;
    struct networks *networks = networks_new(session);
    const char *const folders[] = {networks->config, networks->runtime};

    for (unsigned i = 0; i < G_N_ELEMENTS(folders); i++) {
        if (g_mkdir_with_parents(folders[i], 0700) != 0) {
            fault_set_errno(error, errno, "cannot make the directory '%s'", folders[i]);
            networks_free(networks);
            return false;
        }
    }
    host->resource_state[OBJECT_NETWORK] = networks;
    host->resource[OBJECT_NETWORK] = &network_resource;
    load(host);
    return true;
}
