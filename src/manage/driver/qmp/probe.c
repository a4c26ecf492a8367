/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asks emulators what they have, once for each file that one is: the answers are kept in memory and
 * in a file of the cache, beside the identity of the emulator's file.
 */
#include "manage/conf/fault.h"
#include "manage/conf/hardware.h"
#include "manage/core/durable.h"
#include "manage/cpu/description.h"
#include "manage/driver/qmp/device/tap.h"
#include "manage/driver/qmp/emulator.h"
#include "manage/driver/qmp/internal.h"
#include "manage/driver/qmp/loader.h"
#include "manage/driver/qmp/process/process.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#define CACHE_FORMAT 1
#define MAX_CACHE    (16 * 1024 * 1024) /* bytes of one file */
#define WAIT_SECONDS 30                 /* for an emulator's socket */

/* Which file it was that answered. */
struct identity {
    int64_t inode, size, seconds, nanoseconds;
};

struct known {
    struct identity identity;
    struct emulator *emulator;
};

static void known_free(void *opaque)
{
    struct known *known = opaque;

    emulator_unref(known->emulator);
    g_free(known);
}

static bool identify(const char *path, struct identity *ret_identity, GError **error)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        return fault_set_errno(error, errno, "Cannot check QEMU binary %s", path);
    }
    *ret_identity = (struct identity){(int64_t)st.st_ino, (int64_t)st.st_size, st.st_mtim.tv_sec,
                                      st.st_mtim.tv_nsec};
    return true;
}

static bool same(const struct identity *a, const struct identity *b)
{
    return a->inode == b->inode && a->size == b->size && a->seconds == b->seconds &&
           a->nanoseconds == b->nanoseconds;
}

/* --- the file of answers --- */

static char *cache_name(const char *path)
{
    g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, path, -1);

    return g_strdup_printf("%s.json", sum);
}

static json_object *identity_json(const char *path, const struct identity *identity)
{
    json_object *object = json_object_new_object();

    json_object_object_add(object, "format", json_object_new_int(CACHE_FORMAT));
    json_object_object_add(object, "path", json_object_new_string(path));
    json_object_object_add(object, "inode", json_object_new_int64(identity->inode));
    json_object_object_add(object, "size", json_object_new_int64(identity->size));
    json_object_object_add(object, "seconds", json_object_new_int64(identity->seconds));
    json_object_object_add(object, "nanoseconds", json_object_new_int64(identity->nanoseconds));
    return object;
}

/* The kept answers of that very file, or NULL. */
static json_object *cache_read(struct qmp_host *state, const char *path,
                               const struct identity *identity)
{
    g_autofree char *name = cache_name(path);
    g_autofree char *file = g_build_filename(state->cache, name, NULL);
    g_autofree char *content = NULL;
    json_object *kept, *wanted, *answers = NULL, *value = NULL;
    struct stat st;

    if (stat(file, &st) != 0 || st.st_size > MAX_CACHE ||
        !g_file_get_contents(file, &content, NULL, NULL)) {
        return NULL;
    }
    kept = json_tokener_parse(content);
    wanted = identity_json(path, identity);
    if (json_object_is_type(kept, json_type_object) &&
        json_object_object_get_ex(kept, "identity", &value) && json_object_equal(value, wanted) &&
        json_object_object_get_ex(kept, "answers", &value)) {
        answers = json_object_get(value);
    }
    json_object_put(wanted);
    json_object_put(kept);
    return answers;
}

/* What cannot be kept is asked again next time. */
static void cache_write(struct qmp_host *state, const char *path, const struct identity *identity,
                        json_object *answers)
{
    g_autofree char *name = cache_name(path);
    json_object *kept = json_object_new_object();

    json_object_object_add(kept, "identity", identity_json(path, identity));
    json_object_object_add(kept, "answers", json_object_get(answers));
    if (g_mkdir_with_parents(state->cache, 0700) == 0) {
        (void)durable_write(state->cache, name, json_object_to_json_string(kept), NULL);
    }
    json_object_put(kept);
}

/* --- asking --- */

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

static void ask_machine(struct monitor *monitor, json_object *answers)
{
    g_autofree char *type = emulator_machine_type(answers);
    json_object *arguments = json_object_new_object(), *answer;

    json_object_object_add(arguments, "typename", json_object_new_string(type != NULL ? type : ""));
    answer = monitor_call(monitor, EMULATOR_MACHINE_QUESTION, arguments, NULL);
    if (answer != NULL) {
        json_object_object_add(answers, EMULATOR_MACHINE_QUESTION, answer);
    }
}

static json_object *ask_all(struct monitor *monitor, GError **error)
{
    json_object *answers = json_object_new_object();

    for (const struct emulator_question *q = emulator_questions; q->command != NULL; q++) {
        json_object *arguments = q->arguments != NULL ? json_tokener_parse(q->arguments) : NULL;
        json_object *answer =
            monitor_call(monitor, q->command, arguments, q->needed ? error : NULL);

        if (answer != NULL) {
            json_object_object_add(answers, q->command, answer);
        } else if (q->needed) {
            json_object_put(answers);
            return NULL;
        }
    }
    ask_machine(monitor, answers);
    emulator_reduce(answers);
    return answers;
}

static json_object *ask_in(struct qmp_host *state, const char *path, const char *folder,
                           GError **error)
{
    g_autofree char *socket = g_build_filename(folder, "probe.sock", NULL);
    g_autofree char *listen = g_strdup_printf("unix:%s,server=on,wait=off", socket);
    g_autofree char *log = g_build_filename(folder, "probe.log", NULL);
    const char *argv[] = {
        path,   "-S", "-no-user-config", "-nodefaults", "-nographic", "-machine", "none", "-qmp",
        listen, NULL};
    struct process process;
    json_object *answers = NULL;

    if (!process_start(&process, argv, log, NULL, error)) {
        return NULL;
    }
    const struct monitor_user user = {.event = ignore_event,
                                      .gone = ignore,
                                      .release = ignore,
                                      .alive = still_runs,
                                      .opaque = GINT_TO_POINTER(process.pidfd)};
    struct monitor *monitor = monitor_connect(state->context, socket, WAIT_SECONDS, &user, error);

    if (monitor != NULL) {
        answers = ask_all(monitor, error);
        monitor_do(monitor, "quit", NULL, NULL);
        monitor_close(monitor);
    }
    process_end(&process);
    g_unlink(socket);
    g_unlink(log);
    return answers;
}

static json_object *ask(struct qmp_host *state, const char *path, GError **error)
{
    g_autofree char *folder = g_strdup_printf("%s/probe-XXXXXX", state->runtime);
    json_object *answers;

    if (g_mkdtemp_full(folder, 0700) == NULL) {
        fault_set_errno(error, errno, "cannot make the directory '%s'", folder);
        return NULL;
    }
    answers = ask_in(state, path, folder, error);
    g_rmdir(folder);
    return answers;
}

static struct emulator *learn(struct qmp_host *state, const char *path,
                              const struct identity *identity, GError **error)
{
    json_object *answers = cache_read(state, path, identity);
    struct emulator *emulator = answers != NULL ? emulator_new(path, answers) : NULL;

    if (emulator == NULL) {
        json_object_put(answers);
        answers = ask(state, path, error);
        if (answers == NULL) {
            return NULL;
        }
        emulator = emulator_new(path, answers);
        if (emulator != NULL) {
            cache_write(state, path, identity, answers);
        } else {
            fault_set(error, FAULT_INTERNAL_ERROR, "%s does not answer as an emulator", path);
        }
    }
    json_object_put(answers);
    return emulator;
}

/* With state->lock held. */
static struct emulator *find_locked(struct qmp_host *state, const char *path, GError **error)
{
    struct known *known = g_hash_table_lookup(state->probes, path);
    struct identity identity;
    struct emulator *emulator;

    if (!identify(path, &identity, error)) {
        return NULL;
    }
    if (known != NULL && same(&known->identity, &identity)) {
        return emulator_ref(known->emulator);
    }
    emulator = learn(state, path, &identity, error);
    if (emulator != NULL) {
        known = g_new0(struct known, 1);
        known->identity = identity;
        known->emulator = emulator_ref(emulator);
        g_hash_table_insert(state->probes, g_strdup(path), known);
    }
    return emulator;
}

struct emulator *qmp_emulator(struct qmp_host *state, const char *path, GError **error)
{
    struct emulator *emulator;

    g_mutex_lock(&state->lock);
    emulator = find_locked(state, path, error);
    g_mutex_unlock(&state->lock);
    return emulator;
}

char *qmp_emulator_path(const char *arch)
{
    const char *name = strcmp(arch, "i686") == 0       ? "i386"
                       : strncmp(arch, "armv", 4) == 0 ? "arm"
                       : strcmp(arch, "ppc64le") == 0  ? "ppc64"
                                                       : arch;
    g_autofree char *qemu = g_strdup_printf("qemu-system-%s", name);
    char *found = g_find_program_in_path(qemu);

    if (found == NULL && strcmp(arch, "i686") == 0) {
        found = g_find_program_in_path("qemu-system-x86_64");
    }
    return found != NULL || strcmp(arch, "x86_64") != 0 ? found
                                                        : g_find_program_in_path("viv-machine");
}

/* --- completing a definition --- */

/* Its own emulator counts. */
struct request {
    struct qmp_host *state;
    const char *path; /* of the definition, or NULL */
};

static struct emulator *emulator_of(struct request *request, const char *arch)
{
    g_autofree char *usual = request->path == NULL ? qmp_emulator_path(arch) : NULL;
    const char *path = request->path != NULL ? request->path : usual;

    return path != NULL ? qmp_emulator(request->state, path, NULL) : NULL;
}

static char *emulator_path(void *opaque, const char *arch)
{
    return qmp_emulator_path(arch);
}

static char *machine(void *opaque, const char *arch, const char *name)
{
    g_autoptr(emulator_own) emulator = emulator_of(opaque, arch);
    const struct emulator_machine *found =
        emulator != NULL ? emulator_find_machine(emulator, name) : NULL;

    return found != NULL ? g_strdup(found->name) : NULL;
}

static char *default_cpu(void *opaque, const char *arch, const char *name)
{
    g_autoptr(emulator_own) emulator = emulator_of(opaque, arch);
    const struct emulator_machine *found =
        emulator != NULL && name != NULL ? emulator_find_machine(emulator, name) : NULL;

    return found != NULL ? g_strdup(found->cpu) : NULL;
}

const char *qmp_nvram_path(struct qmp_host *state, const uint8_t uuid[UUID_BYTES], char **path)
{
    char name[UUID_TEXT];

    uuid_format(uuid, name);
    *path = g_strdup_printf("%s/%s_VARS.fd", state->nvram, name);
    return *path;
}

bool qmp_complete(struct host *host, struct domain_def *def, GError **error)
{
    struct request request = {host->state, xml_text_at(def->root, "devices/emulator")};
    const struct hardware_host hardware = {.opaque = &request,
                                           .machine = machine,
                                           .emulator = emulator_path,
                                           .default_cpu = default_cpu};
    g_autofree char *path = NULL;

    if (request.path != NULL && !g_path_is_absolute(request.path)) {
        return fault_set(error, FAULT_XML_ERROR, "emulator '%s' is not an absolute path",
                         request.path);
    }
    tap_forget(def->root);
    return description_check(xml_find(def->root, "cpu"), error) &&
           hardware_complete(def->root, &hardware, error) &&
           loader_complete(def->root, qmp_nvram_path(host->state, def->uuid, &path), error);
}

void qmp_probe_init(struct qmp_host *state)
{
    g_mutex_init(&state->lock);
    state->probes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, known_free);
}

void qmp_probe_fini(struct qmp_host *state)
{
    g_hash_table_unref(state->probes);
    g_mutex_clear(&state->lock);
}
