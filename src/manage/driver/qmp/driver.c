/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host behind qemu:///system and qemu:///session: its folders, its loop, its rows. */
#include "manage/driver/qmp/qmp.h"

#include "manage/conf/fault.h"
#include "manage/driver/qmp/internal.h"
#include "manage/driver/qmp/moment/snapshot.h"
#include "manage/driver/qmp/save/save.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define WORKERS 4

static const char *const types[] = {"qemu", "kvm", NULL};

static const struct domain_rules rules = {.types = types, .default_arch = "x86_64"};

static bool is_session(const char *uri)
{
    const char *path = strstr(uri, "://");

    path = path != NULL ? strchr(path + 3, '/') : NULL;
    return path != NULL && strcmp(path, "/session") == 0;
}

static bool known_path(const char *uri, GError **error)
{
    const char *path = strstr(uri, "://");

    path = path != NULL ? strchr(path + 3, '/') : NULL;
    if (*uri == '\0' || is_session(uri) || (path != NULL && strcmp(path, "/system") == 0)) {
        return true;
    }
    return fault_set(error, FAULT_INTERNAL_ERROR,
                     "unexpected QEMU URI path '%s', try qemu:///system", path != NULL ? path : "");
}

static gpointer run_loop(gpointer opaque)
{
    struct qmp_host *state = opaque;

    g_main_context_push_thread_default(state->context);
    g_main_loop_run(state->loop);
    g_main_context_pop_thread_default(state->context);
    return NULL;
}

static gboolean quit(gpointer opaque)
{
    struct qmp_host *state = opaque;

    g_main_loop_quit(state->loop);
    return G_SOURCE_REMOVE;
}

/* By the loop itself: a call to end it would be lost when its thread has not begun it yet. */
static void end_loop(struct qmp_host *state)
{
    GSource *source = g_idle_source_new();

    g_source_set_callback(source, quit, state, NULL);
    g_source_attach(source, state->context);
    g_source_unref(source);
    g_thread_join(state->thread);
}

static void leave_host(struct host *host)
{
    if (host->state != NULL) {
        qmp_reconnect_end(host->state);
    }
}

static void close_host(struct host *host)
{
    struct qmp_host *state = host->state;

    if (state == NULL) {
        return;
    }
    while (state->runs->len > 0) {
        qmp_detach(state->runs->pdata[0]);
    }
    end_loop(state);
    g_thread_pool_free(state->work, FALSE, TRUE);
    qmp_probe_fini(state);
    g_ptr_array_free(state->runs, TRUE);
    g_ptr_array_free(state->finders, TRUE);
    g_mutex_clear(&state->runs_lock);
    g_main_loop_unref(state->loop);
    g_main_context_unref(state->context);
    g_free(state->config);
    g_free(state->runtime);
    g_free(state->logs);
    g_free(state->cache);
    g_free(state->nvram);
    g_free(state->save);
    g_free(state->snapshots);
    g_free(state);
}

static bool make_folders(struct qmp_host *state, GError **error)
{
    const char *const folders[] = {state->config, state->runtime, state->logs};

    for (unsigned i = 0; i < G_N_ELEMENTS(folders); i++) {
        if (g_mkdir_with_parents(folders[i], 0700) != 0) {
            return fault_set_errno(error, errno, "cannot make the directory '%s'", folders[i]);
        }
    }
    /* Machines of another account pass through, and read nothing. */
    if (!state->session && g_chmod(state->runtime, 0711) != 0) {
        return fault_set_errno(error, errno, "cannot open the directory '%s'", state->runtime);
    }
    return true;
}

static struct qmp_host *state_new(bool session)
{
    struct qmp_host *state = g_new0(struct qmp_host, 1);

    state->session = session;
    state->config = session ? g_build_filename(g_get_user_config_dir(), "vivarium", "domains", NULL)
                            : g_strdup("/var/lib/vivarium/domains");
    state->runtime = session ? g_build_filename(g_get_user_runtime_dir(), "vivarium", "run", NULL)
                             : g_strdup("/run/vivarium/run");
    state->logs = session ? g_build_filename(g_get_user_cache_dir(), "vivarium", "log", NULL)
                          : g_strdup("/var/log/vivarium");
    state->cache = session ? g_build_filename(g_get_user_cache_dir(), "vivarium", "emulators", NULL)
                           : g_strdup("/var/cache/vivarium/emulators");
    state->nvram = session ? g_build_filename(g_get_user_config_dir(), "vivarium", "nvram", NULL)
                           : g_strdup("/var/lib/vivarium/nvram");
    state->save = session ? g_build_filename(g_get_user_config_dir(), "vivarium", "save", NULL)
                          : g_strdup("/var/lib/vivarium/save");
    state->snapshots =
        session ? g_build_filename(g_get_user_config_dir(), "vivarium", "snapshots", NULL)
                : g_strdup("/var/lib/vivarium/snapshots");
    state->context = g_main_context_new();
    state->loop = g_main_loop_new(state->context, FALSE);
    state->work = g_thread_pool_new(qmp_task_run, state, WORKERS, FALSE, NULL);
    state->thread = g_thread_new("qmp-events", run_loop, state);
    g_mutex_init(&state->runs_lock);
    state->runs = g_ptr_array_new();
    state->finders = g_ptr_array_new();
    qmp_probe_init(state);
    return state;
}

static struct host *open_host(const char *uri, GError **error)
{
    struct host *host;
    struct qmp_host *state;

    if (!known_path(uri, error)) {
        return NULL;
    }
    host = host_new(&qmp_driver, *uri != '\0' ? uri : "qemu:///system");
    host->state = state = state_new(is_session(uri));
    if (!make_folders(state, error)) {
        host_unref(host);
        return NULL;
    }
    qmp_store_load(host);
    qmp_reconnect(host);
    return host;
}

static bool shared(const char *uri)
{
    return true;
}

const struct driver qmp_driver = {
    .name = "qemu",
    .type = "QEMU",
    .prefix = "qemu",
    .from = FAULT_FROM_QEMU,
    .version = 7002000,
    .rules = &rules,
    .procs = qmp_procs,
    .open = open_host,
    .shared = shared,
    .leave = leave_host,
    .close = close_host,
    .complete = qmp_complete,
    .life = &qmp_life,
    .stats = &qmp_stats,
    .store = &qmp_store,
    .device = &qmp_device,
    .save = &qmp_save,
    .moment = &qmp_moment,
    .console = &qmp_console,
};
