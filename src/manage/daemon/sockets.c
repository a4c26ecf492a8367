/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "manage/daemon/sockets.h"

#include "manage/conf/fault.h"
#include "manage/rpc/listener.h"

#include <errno.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_SOCKETS 4

struct sockets {
    struct daemon_clients *clients;
    struct rpc_listener *all[MAX_SOCKETS];
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

/* A group that is not there leaves the socket to root. */
static bool give_to_group(const char *path, const char *name, GError **error)
{
    const struct group *group = getgrnam(name);

    return group == NULL || chown(path, (uid_t)-1, group->gr_gid) == 0 ||
           fault_set_errno(error, errno, "cannot give '%s' to the group '%s'", path, name);
}

static bool listen_pair(struct sockets *sockets, const struct sockets_where *where, const char *dir,
                        const char *name, GMainContext *context, GError **error)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);
    g_autofree char *reader = g_strconcat(path, "-ro", NULL);

    if (g_mkdir_with_parents(dir, where->session ? 0700 : 0755) != 0) {
        return fault_set_errno(error, errno, "cannot make the directory '%s'", dir);
    }
    sockets->all[sockets->n] = rpc_listener_new(path, where->session ? 0700 : 0660, context,
                                                accept_client, sockets, error);
    if (sockets->all[sockets->n] == NULL) {
        return false;
    }
    sockets->n++;
    if (!where->session && !give_to_group(path, where->group, error)) {
        return false;
    }
    sockets->all[sockets->n] = rpc_listener_new(reader, where->session ? 0700 : 0666, context,
                                                accept_reader, sockets, error);
    sockets->n += sockets->all[sockets->n] != NULL;
    return sockets->n % 2 == 0;
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

    sockets->clients = clients;
    /* Whoever made it first, for folders below, may have kept it to itself. */
    if (where->runtime_dir == NULL && !where->session) {
        (void)chmod(own, 0755);
    }
    if (!listen_pair(sockets, where, own, "vivd-sock", context, error) ||
        (where->libvirt && !listen_pair(sockets, where, libvirt, "libvirt-sock", context, error))) {
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
        rpc_listener_free(sockets->all[i]);
    }
    g_free(sockets);
}
