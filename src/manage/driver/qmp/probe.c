/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an emulator has: asked of itself by QMP, once for each file that it is. */
#include "manage/conf/fault.h"
#include "manage/conf/hardware.h"
#include "manage/driver/qmp/internal.h"
#include "manage/driver/qmp/process.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

struct qmp_probe {
    GHashTable *canonical; /* alias or name -> name */
    GHashTable *cpu;       /* name -> default CPU model */
    char *machine;         /* default */
    gint64 changed;        /* of the file, when it was asked */
};

static void probe_free(gpointer opaque)
{
    struct qmp_probe *probe = opaque;

    g_hash_table_unref(probe->canonical);
    g_hash_table_unref(probe->cpu);
    g_free(probe->machine);
    g_free(probe);
}

static const char *member(json_object *object, const char *name)
{
    json_object *value;

    return json_object_object_get_ex(object, name, &value) &&
                   json_object_is_type(value, json_type_string)
               ? json_object_get_string(value)
               : NULL;
}

/* "qemu64-x86_64-cpu" is model qemu64. */
static void add_cpu(struct qmp_probe *probe, const char *machine, const char *type)
{
    const char *end = type != NULL ? g_strrstr(type, "-cpu") : NULL;
    g_autofree char *model = end != NULL ? g_strndup(type, (gsize)(end - type)) : NULL;
    char *dash = model != NULL ? strrchr(model, '-') : NULL;

    if (dash != NULL) {
        *dash = '\0';
        g_hash_table_insert(probe->cpu, g_strdup(machine), g_strdup(model));
    }
}

static void add_machine(struct qmp_probe *probe, json_object *row)
{
    const char *name = member(row, "name"), *alias = member(row, "alias");
    json_object *is_default;

    if (name == NULL) {
        return;
    }
    g_hash_table_insert(probe->canonical, g_strdup(name), g_strdup(name));
    if (alias != NULL) {
        g_hash_table_insert(probe->canonical, g_strdup(alias), g_strdup(name));
    }
    if (json_object_object_get_ex(row, "is-default", &is_default) &&
        json_object_get_boolean(is_default)) {
        g_free(probe->machine);
        probe->machine = g_strdup(name);
    }
    add_cpu(probe, name, member(row, "default-cpu-type"));
}

static void ignore_event(const char *name, json_object *data, void *opaque)
{
}

static void ignore(void *opaque)
{
}

static bool still_runs(void *opaque)
{
    return process_alive(GPOINTER_TO_INT(opaque));
}

static json_object *ask(struct qmp_host *state, const char *path, const char *folder,
                        GError **error)
{
    g_autofree char *socket = g_build_filename(folder, "probe.sock", NULL);
    g_autofree char *listen = g_strdup_printf("unix:%s,server=on,wait=off", socket);
    g_autofree char *log = g_build_filename(folder, "probe.log", NULL);
    const char *argv[] = {
        path,   "-S", "-no-user-config", "-nodefaults", "-nographic", "-machine", "none", "-qmp",
        listen, NULL};
    struct process process;
    json_object *reply = NULL;

    if (!process_start(&process, argv, log, error)) {
        return NULL;
    }
    const struct monitor_user user = {.event = ignore_event,
                                      .gone = ignore,
                                      .release = ignore,
                                      .alive = still_runs,
                                      .opaque = GINT_TO_POINTER(process.pidfd)};
    struct monitor *monitor = monitor_connect(state->context, socket, 30, &user, error);

    if (monitor != NULL) {
        reply = monitor_call(monitor, "query-machines", NULL, error);
        monitor_do(monitor, "quit", NULL, NULL);
        monitor_close(monitor);
    }
    process_end(&process);
    g_unlink(socket);
    g_unlink(log);
    return reply;
}

static struct qmp_probe *probe_new(struct qmp_host *state, const char *path, GError **error)
{
    g_autofree char *folder = g_strdup_printf("%s/probe-XXXXXX", state->runtime);
    struct qmp_probe *probe;
    json_object *reply;

    if (g_mkdtemp_full(folder, 0700) == NULL) {
        fault_set_errno(error, errno, "cannot make the directory '%s'", folder);
        return NULL;
    }
    reply = ask(state, path, folder, error);
    g_rmdir(folder);
    if (reply == NULL) {
        return NULL;
    }
    probe = g_new0(struct qmp_probe, 1);
    probe->canonical = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    probe->cpu = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (size_t i = 0;
         json_object_is_type(reply, json_type_array) && i < json_object_array_length(reply); i++) {
        add_machine(probe, json_object_array_get_idx(reply, i));
    }
    json_object_put(reply);
    return probe;
}

/* With state->lock held; NULL when the emulator is not there or does not answer. */
static struct qmp_probe *find_probe(struct qmp_host *state, const char *path)
{
    struct qmp_probe *probe = g_hash_table_lookup(state->probes, path);
    struct stat st;

    if (stat(path, &st) != 0) {
        return NULL;
    }
    if (probe == NULL || probe->changed != st.st_mtim.tv_sec) {
        probe = probe_new(state, path, NULL);
        if (probe != NULL) {
            probe->changed = st.st_mtim.tv_sec;
            g_hash_table_insert(state->probes, g_strdup(path), probe);
        }
    }
    return probe;
}

/* One definition being completed: its own emulator counts. */
struct request {
    struct qmp_host *state;
    const char *emulator; /* of the definition, or NULL */
};

static char *emulator(void *opaque, const char *arch)
{
    const char *name = strcmp(arch, "i686") == 0 ? "i386" : arch;
    g_autofree char *qemu = g_strdup_printf("qemu-system-%s", name);
    char *found = g_find_program_in_path(qemu);

    return found != NULL || strcmp(arch, "x86_64") != 0 ? found
                                                        : g_find_program_in_path("viv-machine");
}

/* With the lock held; NULL when there is none, or it does not answer. */
static struct qmp_probe *probe_of(struct request *request, const char *arch)
{
    g_autofree char *usual = request->emulator == NULL ? emulator(request, arch) : NULL;
    const char *path = request->emulator != NULL ? request->emulator : usual;

    return path != NULL ? find_probe(request->state, path) : NULL;
}

static char *machine(void *opaque, const char *arch, const char *name)
{
    struct request *request = opaque;
    char *found = NULL;

    g_mutex_lock(&request->state->lock);
    struct qmp_probe *probe = probe_of(request, arch);

    if (probe != NULL) {
        found =
            g_strdup(name != NULL ? g_hash_table_lookup(probe->canonical, name) : probe->machine);
    }
    g_mutex_unlock(&request->state->lock);
    return found;
}

static char *default_cpu(void *opaque, const char *arch, const char *name)
{
    struct request *request = opaque;
    char *found = NULL;

    g_mutex_lock(&request->state->lock);
    struct qmp_probe *probe = probe_of(request, arch);

    if (probe != NULL && name != NULL) {
        found = g_strdup(g_hash_table_lookup(probe->cpu, name));
    }
    g_mutex_unlock(&request->state->lock);
    return found;
}

bool qmp_complete(struct host *host, struct domain_def *def, GError **error)
{
    struct request request = {host->state, xml_text_at(def->root, "devices/emulator")};
    const struct hardware_host hardware = {
        .opaque = &request, .machine = machine, .emulator = emulator, .default_cpu = default_cpu};

    if (request.emulator != NULL && !g_path_is_absolute(request.emulator)) {
        return fault_set(error, FAULT_XML_ERROR, "emulator '%s' is not an absolute path",
                         request.emulator);
    }
    return hardware_complete(def->root, &hardware, error);
}

void qmp_probe_init(struct qmp_host *state)
{
    g_mutex_init(&state->lock);
    state->probes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, probe_free);
}

void qmp_probe_fini(struct qmp_host *state)
{
    g_hash_table_unref(state->probes);
    g_mutex_clear(&state->lock);
}
