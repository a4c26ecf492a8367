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

static void networks_free(struct networks *networks)
{
    g_free(networks->config);
    g_free(networks->runtime);
    g_free(networks->leases);
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
    .start = run_start,
    .stop = run_stop,
    .close = close_state,
};

static const struct network_ops networks_ops = {
    .leases = run_leases, .update = run_update, .plug = tap_plug};

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

    networks->last_tap = -1;
    networks->session = session;
    networks->config = session
                           ? g_build_filename(g_get_user_config_dir(), "vivarium", "networks", NULL)
                           : g_strdup("/var/lib/vivarium/networks");
    networks->runtime =
        session ? g_build_filename(g_get_user_runtime_dir(), "vivarium", "network", NULL)
                : g_strdup("/run/vivarium/network");
    networks->leases = session ? g_build_filename(g_get_user_data_dir(), "vivarium", "leases", NULL)
                               : g_strdup("/var/lib/vivarium/leases");
    return networks;
}

/* What each folder is to others: dnsmasq runs as another account than the system's vivd. */
static bool make_folders(const struct networks *networks, GError **error)
{
    const struct {
        const char *path;
        int mode;
    } folders[] = {{networks->config, 0700}, {networks->runtime, 0755}, {networks->leases, 0755}};

    for (unsigned i = 0; i < G_N_ELEMENTS(folders); i++) {
        if (g_mkdir_with_parents(folders[i].path, folders[i].mode) != 0) {
            return fault_set_errno(error, errno, "cannot make the directory '%s'", folders[i].path);
        }
    }
    return true;
}

/* 192.168.122.0/24, or the next where the host has nothing. To be freed; NULL: there is none. */
static char *default_definition(void)
{
    for (unsigned i = 122; i < 255; i++) {
        g_autofree char *text = g_strdup_printf(
            "<network><name>default</name><forward mode='nat'/>"
            "<ip address='192.168.%u.1' netmask='255.255.255.0'><dhcp>"
            "<range start='192.168.%u.2' end='192.168.%u.254'/></dhcp></ip></network>",
            i, i, i);
        uint8_t uuid[UUID_BYTES];
        g_autoptr(xml_own) def = named_parse(NAMED_NETWORK, text, uuid, NULL);
        struct network net;

        if (network_read(def, &net, NULL) && run_has_room(&net, NULL)) {
            return g_steal_pointer(&text);
        }
    }
    return NULL;
}

/* Not started, as Debian's is not: it changes what the host forwards. */
static void make_default(struct host *host)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *xml = default_definition();
    struct object *object = xml != NULL ? add(host, xml, false, &error) : NULL;

    if (object == NULL || !store(object, object->def, &error)) {
        fprintf(stderr, "vivd: no network 'default': %s\n",
                error != NULL ? error->message : "the host uses all its addresses");
    }
    object_unref(object);
}

/* Once a boot: who stopped one meant it. */
static void autostart(struct host *host)
{
    g_autofree char *mark = g_build_filename(networks_of(host)->runtime, "autostarted", NULL);
    g_autoptr(GPtrArray) all = objects_all(host->objects[OBJECT_NETWORK]);

    if (g_file_test(mark, G_FILE_TEST_EXISTS)) {
        return;
    }
    for (unsigned i = 0; i < all->len; i++) {
        struct object *object = all->pdata[i];
        g_autoptr(GError) error = NULL;

        if (object->autostart && !object->active) {
            object->active = run_start(object, &error);
        }
        if (error != NULL) {
            fprintf(stderr, "vivd: network '%s' not started: %s\n", object->name, error->message);
        }
    }
    (void)g_file_set_contents(mark, "", 0, NULL);
}

bool network_fill(struct host *host, GError **error)
{
    bool session =
        g_str_has_suffix(host->uri, "/session") || strstr(host->uri, "/session?") != NULL;
    struct networks *networks = networks_new(session);
    bool fresh = !session && !g_file_test(networks->config, G_FILE_TEST_IS_DIR);

    if (!make_folders(networks, error)) {
        networks_free(networks);
        return false;
    }
    host->resource_state[OBJECT_NETWORK] = networks;
    host->resource[OBJECT_NETWORK] = &network_resource;
    host->networks = &networks_ops;
    load(host);
    if (fresh) {
        make_default(host);
    }
    run_find(host);
    autostart(host);
    return true;
}
