/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/driver/remote/remote.h"

#include "base/cleanup.h"
#include "manage/conf/fault.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define READ_ONLY         1 /* flag of CONNECT_OPEN */
#define AUTH_NONE         0
#define FEATURE_KEEPALIVE 10
#define KEEPALIVE_SECONDS 5
#define KEEPALIVE_COUNT   6

/* Where the daemons of a kind listen, below the system's or the user's runtime folder. */
static const struct place {
    const char *scheme; /* NULL: any other */
    const char *run;    /* the system's runtime folder, as messages spell it */
    const char *folder, *socket;
    const char *opens; /* the scheme to open there; NULL: the same */
} places[] = {
    {"viv", "/run", "vivarium", "vivd-sock", "qemu"},
    {NULL, "/var/run", "libvirt", "libvirt-sock", NULL},
};

static const struct place *place_of(const char *scheme)
{
    const struct place *place = places;

    while (place->scheme != NULL && strcmp(place->scheme, scheme) != 0) {
        place++;
    }
    return place;
}

static char *usual_path(const struct place *place, const char *path, bool read_only)
{
    bool session =
        strcmp(path, "/session") == 0 || (geteuid() != 0 && strcmp(path, "/system") != 0);
    g_autofree char *name = g_strconcat(place->socket, read_only && !session ? "-ro" : "", NULL);

    return g_build_filename(session ? g_get_user_runtime_dir() : place->run, place->folder, name,
                            NULL);
}

/* The value of `socket` in a query, or NULL; everything else is for the driver at the far end. */
static bool split_query(const char *query, char **ret_socket, char **ret_rest, GError **error)
{
    g_autoptr(GString) rest = g_string_new(NULL);
    g_auto(GStrv) words = g_strsplit(query != NULL ? query : "", "&", -1);

    for (char **word = words; *word != NULL; word++) {
        if (g_str_has_prefix(*word, "socket=")) {
            g_free(*ret_socket);
            *ret_socket = g_uri_unescape_string(*word + strlen("socket="), NULL);
            if (*ret_socket == NULL) {
                return fault_set(error, FAULT_INVALID_ARG, "'%s' in the URI", *word);
            }
        } else if (**word != '\0') {
            g_string_append_printf(rest, "%s%s", rest->len > 0 ? "&" : "?", *word);
        }
    }
    *ret_rest = g_strdup(rest->str);
    return true;
}

bool remote_resolve(const char *uri, bool read_only, char **ret_path, char **ret_name,
                    GError **error)
{
    g_autoptr(GUri) parsed =
        g_uri_parse(uri, G_URI_FLAGS_ENCODED_QUERY | G_URI_FLAGS_ENCODED_PATH, error);
    g_autofree char *socket = NULL, *rest = NULL;

    if (parsed == NULL) {
        return false;
    }
    g_auto(GStrv) parts = g_strsplit(g_uri_get_scheme(parsed), "+", 2);
    const char *host = g_uri_get_host(parsed), *path = g_uri_get_path(parsed);
    const struct place *place = place_of(parts[0]);

    if ((parts[1] != NULL && strcmp(parts[1], "unix") != 0) || (host != NULL && *host != '\0')) {
        return fault_set(error, FAULT_NO_SUPPORT,
                         "a connection to another host is not built yet: '%s'", uri);
    }
    if (!split_query(g_uri_get_query(parsed), &socket, &rest, error)) {
        return false;
    }
    *ret_path = socket != NULL ? g_steal_pointer(&socket) : usual_path(place, path, read_only);
    *ret_name =
        g_strdup_printf("%s://%s%s", place->opens != NULL ? place->opens : parts[0], path, rest);
    return true;
}

static int connect_to(const char *path, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;

    if (strlen(path) >= sizeof(address.sun_path)) {
        fault_set(error, FAULT_INVALID_ARG, "the path of the socket is too long: '%s'", path);
        return -1;
    }
    strcpy(address.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        fault_set_errno(error, errno, "Failed to connect socket to '%s'", path);
        if (fd >= 0) {
            fd_close(&fd);
        }
        return -1;
    }
    return fd;
}

/* Only daemons that ask for no proof of who calls: on a Unix socket they look themselves. */
static bool check_auth(struct rpc_client *client, GError **error)
{
    g_autoptr(GVariant) reply = rpc_client_call(client, PROC_AUTH_LIST, NULL, error);
    gint32 kind;

    if (reply == NULL) {
        return false;
    }
    g_autoptr(GVariantIter) kinds = NULL;

    g_variant_get(reply, "(ai)", &kinds);
    while (g_variant_iter_next(kinds, "i", &kind)) {
        if (kind == AUTH_NONE) {
            return true;
        }
    }
    return fault_set(error, FAULT_NO_SUPPORT,
                     "the daemon asks for a kind of authentication that is not built yet");
}

/* A daemon that is silent about it sends no ping and gets none. */
static void start_keepalive(struct rpc_client *client)
{
    g_autoptr(GVariant) reply = rpc_client_call(client, PROC_CONNECT_SUPPORTS_FEATURE,
                                                g_variant_new("(i)", FEATURE_KEEPALIVE), NULL);
    gint32 supported = 0;

    if (reply != NULL) {
        g_variant_get(reply, "(i)", &supported);
    }
    if (supported != 0) {
        rpc_client_start_keepalive(client, KEEPALIVE_SECONDS, KEEPALIVE_COUNT);
    }
}

static bool greet(struct rpc_client *client, const char *name, bool read_only, GError **error)
{
    g_autoptr(GVariant) reply = NULL;

    if (!check_auth(client, error)) {
        return false;
    }
    start_keepalive(client);
    reply = rpc_client_call(client, PROC_CONNECT_OPEN,
                            g_variant_new("(msu)", name, read_only ? READ_ONLY : 0), error);
    return reply != NULL;
}

struct rpc_client *remote_open(const char *uri, bool read_only,
                               const struct rpc_client_events *events, void *user, GError **error)
{
    g_autofree char *path = NULL, *name = NULL;
    int fd;

    if (!remote_resolve(uri, read_only, &path, &name, error)) {
        return NULL;
    }
    fd = connect_to(path, error);
    if (fd < 0) {
        return NULL;
    }
    struct rpc_client *client = rpc_client_new(fd, events, user);

    if (!greet(client, name, read_only, error)) {
        g_clear_pointer(&client, rpc_client_free);
    }
    return client;
}
