/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vivd: the management daemon. */
#include "manage/conf/fault.h"
#include "manage/daemon/session.h"
#include "manage/driver/qmp/qmp.h"
#include "manage/driver/test/test.h"
#include "manage/rpc/listener.h"

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct driver *const drivers[] = {&qmp_driver, &test_driver, NULL};

struct options {
    gboolean session, version;
    int timeout; /* seconds without a client; 0: none */
    char *runtime_dir;
};

struct vivd {
    struct options options;
    GMainLoop *loop;
    struct registry *registry;
    struct daemon_clients *clients;
    struct rpc_listener *sockets[2]; /* read-write, read-only or NULL */
    guint timeout;
};

static void accept_client(int fd, void *user)
{
    daemon_clients_add(((struct vivd *)user)->clients, fd, false);
}

static void accept_reader(int fd, void *user)
{
    daemon_clients_add(((struct vivd *)user)->clients, fd, true);
}

static gboolean quit(gpointer user)
{
    g_main_loop_quit(((struct vivd *)user)->loop);
    return G_SOURCE_CONTINUE;
}

static void on_idle(bool idle, void *user)
{
    struct vivd *vivd = user;

    if (vivd->timeout != 0) {
        g_source_remove(vivd->timeout);
        vivd->timeout = 0;
    }
    if (idle && vivd->options.timeout > 0) {
        vivd->timeout = g_timeout_add_seconds(vivd->options.timeout, quit, vivd);
    }
}

static char *runtime_dir(const struct options *options)
{
    if (options->runtime_dir != NULL) {
        return g_strdup(options->runtime_dir);
    }
    return options->session ? g_build_filename(g_get_user_runtime_dir(), "vivarium", NULL)
                            : g_strdup("/run/vivarium");
}

static bool listen_at(struct vivd *vivd, GError **error)
{
    g_autofree char *dir = runtime_dir(&vivd->options);
    g_autofree char *path = g_build_filename(dir, "vivd-sock", NULL);
    g_autofree char *reader = g_build_filename(dir, "vivd-sock-ro", NULL);
    bool session = vivd->options.session;
    GMainContext *context = g_main_loop_get_context(vivd->loop);

    if (g_mkdir_with_parents(dir, session ? 0700 : 0755) != 0) {
        return fault_set_errno(error, errno, "cannot make the directory '%s'", dir);
    }
    vivd->sockets[0] =
        rpc_listener_new(path, session ? 0700 : 0660, context, accept_client, vivd, error);
    if (vivd->sockets[0] == NULL) {
        return false;
    }
    vivd->sockets[1] =
        rpc_listener_new(reader, session ? 0700 : 0666, context, accept_reader, vivd, error);
    return vivd->sockets[1] != NULL;
}

static bool run(struct vivd *vivd, GError **error)
{
    bool good;

    vivd->loop = g_main_loop_new(NULL, FALSE);
    vivd->registry = registry_new(drivers);
    vivd->clients =
        daemon_clients_new(g_main_loop_get_context(vivd->loop), vivd->registry, on_idle, vivd);
    good = registry_keep(vivd->registry,
                         vivd->options.session ? "qemu:///session" : "qemu:///system", error) &&
           listen_at(vivd, error);
    if (good) {
        g_unix_signal_add(SIGINT, quit, vivd);
        g_unix_signal_add(SIGTERM, quit, vivd);
        on_idle(true, vivd);
        g_main_loop_run(vivd->loop);
    }
    rpc_listener_free(vivd->sockets[0]);
    rpc_listener_free(vivd->sockets[1]);
    daemon_clients_free(vivd->clients);
    registry_free(vivd->registry);
    g_main_loop_unref(vivd->loop);
    return good;
}

static bool parse(struct options *options, int *argc, char ***argv, GError **error)
{
    const GOptionEntry entries[] = {
        {"session", 0, 0, G_OPTION_ARG_NONE, &options->session,
         "serve this user alone, in the user's runtime directory", NULL},
        {"timeout", 0, 0, G_OPTION_ARG_INT, &options->timeout,
         "end after so many seconds without a client", "SECONDS"},
        {"runtime-dir", 0, 0, G_OPTION_ARG_FILENAME, &options->runtime_dir, "where the sockets are",
         "DIR"},
        {"version", 'V', 0, G_OPTION_ARG_NONE, &options->version, "show the version", NULL},
        {NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);

    g_option_context_set_summary(context, "Manages virtual machines; speaks libvirt's protocol.");
    g_option_context_add_main_entries(context, entries, NULL);
    return g_option_context_parse(context, argc, argv, error);
}

int main(int argc, char **argv)
{
    struct vivd vivd = {.sockets = {NULL}};
    g_autoptr(GError) error = NULL;
    int status = EXIT_SUCCESS;

    if (!parse(&vivd.options, &argc, &argv, &error)) {
        status = 2;
    } else if (argc > 1) {
        g_set_error(&error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "unknown argument '%s'",
                    argv[1]);
        status = 2;
    } else if (vivd.options.version) {
        printf("vivd version " VIV_VERSION "\n");
    } else if (!run(&vivd, &error)) {
        status = EXIT_FAILURE;
    }
    if (error != NULL) {
        fprintf(stderr, "vivd: %s\n", error->message);
    }
    g_free(vivd.options.runtime_dir);
    return status;
}
