/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "manage/daemon/sockets.h"

#include "base/cleanup.h"
#include "manage/conf/fault.h"
#include "manage/rpc/listener.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_SOCKETS (4 + SERVICE_MAX_SOCKETS)

/* The kinds of sockets: what a service manager calls them, and what is behind our own paths. */
enum kind { WRITERS, READERS, N_KINDS };

struct listening {
    struct rpc_listener *listener;
    enum kind kind;
};

struct sockets {
    struct daemon_clients *clients;
    GMainContext *context;
    bool session;
    struct listening all[MAX_SOCKETS];
    unsigned n;
};

static void accept_client(int fd, void *user)
{
    daemon_clients_add(((struct sockets *)user)->clients, fd, false);
}

static void accept_reader(int fd, void *user)
{
    daemon_clients_add(((struct sockets *)user)->clients, fd, true);
}

static const struct {
    const char *name, *suffix;
    mode_t mode; /* of the system's */
    rpc_accept accept;
} kinds[N_KINDS] = {
    [WRITERS] = {"vivd", "", 0660, accept_client},
    [READERS] = {"vivd-ro", "-ro", 0666, accept_reader},
};

/* A group that is not there leaves the socket to root. */
static bool give_to_group(const char *path, const char *name, GError **error)
{
    const struct group *group = getgrnam(name);

    return lchown(path, (uid_t)-1, group != NULL ? group->gr_gid : 0) == 0 ||
           fault_set_errno(error, errno, "cannot give '%s' to the group '%s'", path, name);
}

bool sockets_give(struct sockets *sockets, const char *group, GError **error)
{
    for (unsigned i = 0; i < sockets->n && !sockets->session; i++) {
        const char *path = rpc_listener_path(sockets->all[i].listener);

        if (sockets->all[i].kind == WRITERS && path != NULL && !give_to_group(path, group, error)) {
            return false;
        }
    }
    return true;
}

/* NULL, where listening failed, is let through. */
static bool add(struct sockets *sockets, enum kind kind, struct rpc_listener *listener)
{
    if (listener != NULL) {
        sockets->all[sockets->n++] = (struct listening){listener, kind};
    }
    return listener != NULL;
}

static bool listen_one(struct sockets *sockets, const char *path, enum kind kind, GError **error)
{
    g_autofree char *full = g_strconcat(path, kinds[kind].suffix, NULL);

    return add(sockets, kind,
               rpc_listener_new(full, sockets->session ? 0700 : kinds[kind].mode, sockets->context,
                                kinds[kind].accept, sockets, error));
}

static bool listen_pair(struct sockets *sockets, const struct sockets_where *where, const char *dir,
                        const char *name, const bool have[N_KINDS], GError **error)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);

    if (g_mkdir_with_parents(dir, where->session ? 0700 : 0755) != 0) {
        return fault_set_errno(error, errno, "cannot make the directory '%s'", dir);
    }
    for (enum kind kind = 0; kind < N_KINDS; kind++) {
        if (!have[kind] && !listen_one(sockets, path, kind, error)) {
            return false;
        }
    }
    return true;
}

static bool adopt_one(struct sockets *sockets, struct service_socket *passed, bool have[N_KINDS],
                      GError **error)
{
    for (enum kind kind = 0; kind < N_KINDS; kind++) {
        if (strcmp(passed->name, kinds[kind].name) == 0) {
            have[kind] = true;
            return add(sockets, kind,
                       rpc_listener_adopt(fd_steal(&passed->fd), sockets->context,
                                          kinds[kind].accept, sockets));
        }
    }
    return fault_set_raw(error, FAULT_SYSTEM_ERROR,
                         "the service manager passed a socket named '%s'; vivd knows 'vivd' and "
                         "'vivd-ro'",
                         passed->name);
}

static bool adopt(struct sockets *sockets, const struct sockets_where *where, bool have[N_KINDS],
                  GError **error)
{
    for (unsigned i = 0; i < where->service->n; i++) {
        if (!adopt_one(sockets, &where->service->sockets[i], have, error)) {
            return false;
        }
    }
    return true;
}

static char *usual_dir(const struct sockets_where *where, const char *name)
{
    return g_build_filename(where->session ? g_get_user_runtime_dir() : "/run", name, NULL);
}

struct sockets *sockets_open(const struct sockets_where *where, GMainContext *context,
                             struct daemon_clients *clients, GError **error)
{
    struct sockets *sockets = g_new0(struct sockets, 1);
    g_autofree char *own =
        where->runtime_dir != NULL ? g_strdup(where->runtime_dir) : usual_dir(where, "vivarium");
    g_autofree char *libvirt = usual_dir(where, "libvirt");
    const bool none[N_KINDS] = {false};
    bool have[N_KINDS] = {false};

    sockets->clients = clients;
    sockets->context = context;
    sockets->session = where->session;
    /* Whoever made it first, for folders below, may have kept it to itself. */
    if (where->runtime_dir == NULL && !where->session) {
        (void)chmod(own, 0755);
    }
    if (!adopt(sockets, where, have, error) ||
        !listen_pair(sockets, where, own, "vivd-sock", have, error) ||
        (where->libvirt && !listen_pair(sockets, where, libvirt, "libvirt-sock", none, error)) ||
        !sockets_give(sockets, where->group, error)) {
        sockets_close(sockets);
        return NULL;
    }
    return sockets;
}

void sockets_close(struct sockets *sockets)
{
    if (sockets == NULL) {
        return;
    }
    for (unsigned i = 0; i < sockets->n; i++) {
        rpc_listener_free(sockets->all[i].listener);
    }
    g_free(sockets);
}
