/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vivd: the management daemon. */
#include "manage/conf/fault.h"
#include "manage/daemon/config.h"
#include "manage/daemon/service.h"
#include "manage/daemon/session.h"
#include "manage/daemon/setup.h"
#include "manage/daemon/sockets.h"
#include "manage/driver/qmp/qmp.h"
#include "manage/driver/test/test.h"
#include "manage/resource/network/network.h"
#include "manage/resource/secret/secret.h"
#include "manage/resource/storage/storage.h"

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct driver *const drivers[] = {&qmp_driver, &test_driver, NULL};

/* What machines use, of the hosts whose machines are real. */
static bool fill(struct host *host, GError **error)
{
    return host->driver != &qmp_driver ||
           (storage_fill(host, error) && network_fill(host, error) && secret_fill(host, error));
}

struct options {
    gboolean session, version, check, sample, sysusers, tmpfiles, setup, dry_run, libvirt_sockets;
    int timeout; /* seconds without a client; -1: as configured, 0: never */
    char *runtime_dir, *config;
};

struct vivd {
    struct options options;
    struct config config;
    struct service service;
    GMainLoop *loop;
    struct registry *registry;
    struct daemon_clients *clients;
    struct sockets *sockets;
    guint timeout;
};

static char *config_path(const struct options *options)
{
    if (options->config != NULL) {
        return g_strdup(options->config);
    }
    return options->session
               ? g_build_filename(g_get_user_config_dir(), "vivarium", "vivd.conf", NULL)
               : g_strdup(VIVD_CONF);
}

/* Only a file that somebody named has to be there. */
static bool configure(const struct options *options, struct config *config, GError **error)
{
    g_autofree char *path = config_path(options);

    config_defaults(config);
    if (!config_read(config, path, options->config == NULL, error)) {
        config_clear(config);
        config_defaults(config);
        return false;
    }
    if (options->timeout >= 0) {
        config->timeout = (uint32_t)options->timeout;
    }
    return true;
}

/* A manager that cannot be reached stops nothing. */
static void tell(const struct vivd *vivd, const char *lines)
{
    g_autoptr(GError) error = NULL;

    if (!service_tell(&vivd->service, lines, &error)) {
        fprintf(stderr, "vivd: %s\n", error->message);
    }
}

static gboolean quit(gpointer user)
{
    struct vivd *vivd = user;

    tell(vivd, "STOPPING=1");
    g_main_loop_quit(vivd->loop);
    return G_SOURCE_CONTINUE;
}

static void on_idle(bool idle, void *user)
{
    struct vivd *vivd = user;

    if (vivd->timeout != 0) {
        g_source_remove(vivd->timeout);
        vivd->timeout = 0;
    }
    if (idle && vivd->config.timeout > 0) {
        vivd->timeout = g_timeout_add_seconds(vivd->config.timeout, quit, vivd);
    }
}

/* A file that is wrong changes nothing. */
static void reconfigure(struct vivd *vivd)
{
    g_autoptr(GError) error = NULL;
    struct config config;

    if (!configure(&vivd->options, &config, &error)) {
        fprintf(stderr, "vivd: kept its configuration: %s\n", error->message);
        config_clear(&config);
        return;
    }
    if (config.libvirt_sockets != vivd->config.libvirt_sockets) {
        fprintf(stderr, "vivd: libvirt_sockets is looked at when vivd starts\n");
    }
    config_clear(&vivd->config);
    vivd->config = config;
    daemon_clients_configure(vivd->clients, &vivd->config);
    if (!sockets_give(vivd->sockets, vivd->config.socket_group, &error)) {
        fprintf(stderr, "vivd: %s\n", error->message);
    }
}

/* SIGHUP. The time tells the manager that this answers its latest request. */
static gboolean reload(gpointer user)
{
    struct vivd *vivd = user;
    g_autofree char *begun =
        g_strdup_printf("RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT, g_get_monotonic_time());

    tell(vivd, begun);
    reconfigure(vivd);
    tell(vivd, "READY=1");
    return G_SOURCE_CONTINUE;
}

static bool listen_at(struct vivd *vivd, GError **error)
{
    const struct sockets_where where = {
        .session = vivd->options.session,
        .runtime_dir = vivd->options.runtime_dir,
        .libvirt = vivd->options.libvirt_sockets || vivd->config.libvirt_sockets,
        .group = vivd->config.socket_group,
        .service = &vivd->service,
    };

    vivd->sockets = sockets_open(&where, g_main_loop_get_context(vivd->loop), vivd->clients, error);
    return vivd->sockets != NULL;
}

static bool serve(struct vivd *vivd, GError **error)
{
    bool good;

    vivd->loop = g_main_loop_new(NULL, FALSE);
    vivd->registry = registry_new(drivers, fill);
    vivd->clients = daemon_clients_new(g_main_loop_get_context(vivd->loop), vivd->registry,
                                       vivd->options.session, on_idle, vivd);
    daemon_clients_configure(vivd->clients, &vivd->config);
    good = registry_keep(vivd->registry,
                         vivd->options.session ? "qemu:///session" : "qemu:///system", error) &&
           listen_at(vivd, error);
    if (good) {
        g_unix_signal_add(SIGINT, quit, vivd);
        g_unix_signal_add(SIGTERM, quit, vivd);
        g_unix_signal_add(SIGHUP, reload, vivd);
        on_idle(true, vivd);
        tell(vivd, "READY=1");
        g_main_loop_run(vivd->loop);
    }
    sockets_close(vivd->sockets);
    daemon_clients_free(vivd->clients);
    registry_free(vivd->registry);
    g_main_loop_unref(vivd->loop);
    return good;
}

static bool run(struct vivd *vivd, GError **error)
{
    bool good = service_take(&vivd->service, error) && serve(vivd, error);

    service_clear(&vivd->service);
    return good;
}

static bool parse(struct options *options, int *argc, char ***argv, GError **error)
{
    g_autofree char *name = g_path_get_basename((*argv)[0]);
    const GOptionEntry entries[] = {
        {"session", 0, 0, G_OPTION_ARG_NONE, &options->session,
         "serve this user alone, in the user's runtime directory", NULL},
        {"timeout", 0, 0, G_OPTION_ARG_INT, &options->timeout,
         "end after so many seconds without a client", "SECONDS"},
        {"config", 0, 0, G_OPTION_ARG_FILENAME, &options->config,
         "the configuration, in place of " VIVD_CONF " (of a session: in the user's folder)",
         "FILE"},
        {"check", 0, 0, G_OPTION_ARG_NONE, &options->check,
         "read the configuration, say whether it is right, and end", NULL},
        {"sample-config", 0, 0, G_OPTION_ARG_NONE, &options->sample,
         "show a configuration with every key and its default, and end", NULL},
        {"setup", 0, 0, G_OPTION_ARG_NONE, &options->setup,
         "make the account and the folders of the system's daemon, say what was done, and end",
         NULL},
        {"dry-run", 0, 0, G_OPTION_ARG_NONE, &options->dry_run,
         "with --setup: only say what would be done", NULL},
        {"sysusers", 0, 0, G_OPTION_ARG_NONE, &options->sysusers,
         "show systemd's rules for the account of machines, and end", NULL},
        {"tmpfiles", 0, 0, G_OPTION_ARG_NONE, &options->tmpfiles,
         "show systemd's rules for the folders, and end", NULL},
        {"libvirt-sockets", 0, 0, G_OPTION_ARG_NONE, &options->libvirt_sockets,
         "listen where libvirt's clients look, too", NULL},
        {"runtime-dir", 0, 0, G_OPTION_ARG_FILENAME, &options->runtime_dir, "where the sockets are",
         "DIR"},
        {"version", 'V', 0, G_OPTION_ARG_NONE, &options->version, "show the version", NULL},
        {NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);

    /* libvirt's clients start "libvirtd" from $LIBVIRTD_PATH and wait for its socket. */
    options->libvirt_sockets = strcmp(name, "libvirtd") == 0;
    g_option_context_set_summary(context, "Manages virtual machines; speaks libvirt's protocol.");
    g_option_context_add_main_entries(context, entries, NULL);
    return g_option_context_parse(context, argc, argv, error);
}

/* What ends at once; false: there is a daemon to run. */
static bool show(const struct options *options)
{
    g_autofree char *text = options->version    ? g_strdup("vivd version " VIV_VERSION "\n")
                            : options->sample   ? config_sample()
                            : options->sysusers ? setup_sysusers()
                            : options->tmpfiles ? setup_tmpfiles()
                                                : NULL;

    if (text != NULL) {
        fputs(text, stdout);
    }
    return text != NULL;
}

static int set_up(const struct options *options, GError **error)
{
    g_autoptr(GString) said = g_string_new(NULL);
    bool good = setup_host(options->dry_run, said, error);

    fputs(said->str, stdout);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int start(struct vivd *vivd, GError **error)
{
    int status = EXIT_SUCCESS;

    /* As libvirtd does: a user who is not root has a daemon of his own. */
    vivd->options.session |= geteuid() != 0;
    if (!configure(&vivd->options, &vivd->config, error)) {
        status = 2;
    } else if (vivd->options.check) {
        g_autofree char *path = config_path(&vivd->options);

        printf("%s: %s\n", path,
               g_file_test(path, G_FILE_TEST_EXISTS) ? "right" : "not there: the defaults hold");
    } else if (!run(vivd, error)) {
        status = EXIT_FAILURE;
    }
    config_clear(&vivd->config);
    return status;
}

int main(int argc, char **argv)
{
    struct vivd vivd = {.options.timeout = -1};
    g_autoptr(GError) error = NULL;
    int status = EXIT_SUCCESS;

    if (!parse(&vivd.options, &argc, &argv, &error)) {
        status = 2;
    } else if (argc > 1) {
        g_set_error(&error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "unknown argument '%s'",
                    argv[1]);
        status = 2;
    } else if (vivd.options.dry_run && !vivd.options.setup) {
        g_set_error(&error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "--dry-run is for --setup");
        status = 2;
    } else if (vivd.options.setup) {
        status = set_up(&vivd.options, &error);
    } else if (!show(&vivd.options)) {
        status = start(&vivd, &error);
    }
    if (error != NULL) {
        fprintf(stderr, "vivd: %s\n", error->message);
    }
    g_free(vivd.options.runtime_dir);
    g_free(vivd.options.config);
    return status;
}
