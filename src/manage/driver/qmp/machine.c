/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The life of a machine: a process, its monitor, and the commands between. */
#include "manage/conf/fault.h"
#include "manage/conf/schema.h"
#include "manage/core/durable.h"
#include "manage/driver/qmp/agent/agent.h"
#include "manage/driver/qmp/argv.h"
#include "manage/driver/qmp/cpu/resolve.h"
#include "manage/driver/qmp/device/alias.h"
#include "manage/driver/qmp/device/plug.h"
#include "manage/driver/qmp/device/tap.h"
#include "manage/driver/qmp/internal.h"
#include "manage/driver/qmp/loader.h"
#include "manage/driver/qmp/process/account.h"
#include "manage/driver/qmp/process/handover.h"
#include "manage/driver/qmp/process/process.h"
#include "manage/driver/qmp/save/job.h"
#include "manage/driver/qmp/save/save.h"
#include "manage/driver/qmp/source.h"
#include "manage/driver/qmp/tune/tune.h"
#include "manage/host/firmware.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define START_SECONDS 30
#define DYING_MS      1000
#define LOG_TAIL      1024 /* bytes of an emulator's own words in an error */

/* Flags of domain_create_with_flags. */
enum { START_PAUSED = 1 << 0, START_BYPASS_CACHE = 1 << 2, START_FORCE_BOOT = 1 << 3 };

static struct qmp_host *state_of(struct domain *domain)
{
    return domain->object.host->state;
}

static char *log_path(struct domain *domain)
{
    char name[UUID_TEXT];

    uuid_format(domain->object.uuid, name);
    return g_strdup_printf("%s/%s.log", state_of(domain)->logs, name);
}

/* What is asked of a monitor. */
struct question {
    const char *name;       /* NULL: `arguments` is a whole message */
    json_object *arguments; /* taken */
    int fd;                 /* given under the name; -1: none */
};

static json_object *put_question(struct monitor *monitor, const struct question *question,
                                 GError **error)
{
    if (question->fd >= 0) {
        return monitor_give_fd(monitor, question->name, question->fd, error)
                   ? json_object_new_object()
                   : NULL;
    }
    return question->name != NULL
               ? monitor_call(monitor, question->name, question->arguments, error)
               : monitor_message(monitor, question->arguments, error);
}

static bool ask(struct domain *domain, const struct question *question, json_object **ret_value,
                GError **error)
{
    struct qmp_run *run = qmp_run_of(domain);
    json_object *value;

    if (run == NULL || run->monitor == NULL) {
        json_object_put(question->arguments);
        return fault_set(error, FAULT_OPERATION_INVALID, "domain is not running");
    }
    qmp_run_ref(run);
    struct monitor *monitor = monitor_ref(run->monitor);

    object_unlock(&domain->object);
    value = put_question(monitor, question, error);
    monitor_unref(monitor);
    object_lock(&domain->object);
    bool same = domain->private == run;

    qmp_run_unref(run);
    if (value != NULL && !same) {
        json_object_put(value);
        return fault_set(error, FAULT_OPERATION_FAILED, "domain is no longer running");
    }
    if (ret_value != NULL) {
        *ret_value = value;
    } else {
        json_object_put(value);
    }
    return value != NULL;
}

bool qmp_command(struct domain *domain, const char *name, json_object *arguments,
                 json_object **ret_value, GError **error)
{
    const struct question question = {.name = name, .arguments = arguments, .fd = -1};

    return ask(domain, &question, ret_value, error);
}

bool qmp_message(struct domain *domain, json_object *message, json_object **ret_reply,
                 GError **error)
{
    const struct question question = {.arguments = message, .fd = -1};

    return ask(domain, &question, ret_reply, error);
}

bool qmp_give_fd(struct domain *domain, const char *name, int fd, GError **error)
{
    const struct question question = {.name = name, .fd = fd};

    return ask(domain, &question, NULL, error);
}

/* "internal error: process exited while connecting to monitor: its last words" */
static void explain(struct domain *domain, gsize from, bool incoming, GError **error)
{
    g_autofree char *path = log_path(domain);
    g_autofree char *text = NULL;
    gsize length = 0;

    if (!g_file_get_contents(path, &text, &length, NULL) || length <= from) {
        return;
    }
    from = length - from > LOG_TAIL ? length - LOG_TAIL : from;
    g_clear_error(error);
    fault_set(error, FAULT_INTERNAL_ERROR, "%s: %s",
              incoming ? "qemu unexpectedly closed the monitor"
                       : "process exited while connecting to monitor",
              g_strchomp(text + from));
}

static gsize log_size(struct domain *domain)
{
    g_autofree char *path = log_path(domain);
    GStatBuf st;

    return g_stat(path, &st) == 0 ? (gsize)st.st_size : 0;
}

/* The definition of the run: what the emulator chose is written into it, not into the next. */
static void fill_terminals(struct domain *domain, json_object *chardevs)
{
    struct xml *devices = domain_def_devices(domain->def);

    for (size_t i = 0;
         json_object_is_type(chardevs, json_type_array) && i < json_object_array_length(chardevs);
         i++) {
        json_object *row = json_object_array_get_idx(chardevs, i), *label, *file;
        const char *path;
        struct xml *device;
        unsigned n = 0;

        if (!json_object_object_get_ex(row, "label", &label) ||
            !json_object_object_get_ex(row, "filename", &file) ||
            !g_str_has_prefix(json_object_get_string(file), "pty:")) {
            continue;
        }
        path = json_object_get_string(file) + strlen("pty:");
        for (unsigned k = 0; (device = xml_child(devices, k)) != NULL; k++) {
            const char *name = json_object_get_string(label);
            g_autofree char *serial = g_strdup_printf("charserial%u", n);
            g_autofree char *console = g_strdup_printf("charconsole%u", n);
            bool first_console = strcmp(device->name, "console") == 0 &&
                                 xml_is(xml_find(device, "target"), "type", "serial") &&
                                 strcmp(name, "charserial0") == 0;

            if ((strcmp(device->name, "serial") == 0 && strcmp(name, serial) == 0) ||
                (strcmp(device->name, "console") == 0 && strcmp(name, console) == 0) ||
                first_console) {
                xml_set(xml_need(device, "source"), "path", path);
                if (strcmp(device->name, "console") == 0) {
                    xml_set(device, "tty", path);
                }
            }
            n = strcmp(device->name, "serial") == 0 ? n + 1 : 0;
        }
    }
    schema_tidy(domain->def->root);
}

/* The machine's part of a run's folder: all of it unless the machine has another account. */
static char *own_folder(const struct qmp_host *state, const char *folder)
{
    return state->session ? g_strdup(folder) : g_build_filename(folder, "own", NULL);
}

struct qmp_run *qmp_run_new(struct domain *domain, const struct process *process, char *folder)
{
    struct qmp_run *run = g_new0(struct qmp_run, 1);

    g_atomic_ref_count_init(&run->refs);
    run->domain = domain_of(object_ref(&domain->object));
    run->pid = process->pid;
    run->pidfd = process->pidfd;
    run->folder = folder;
    run->own = own_folder(state_of(domain), folder);
    run->ends_as = -1;
    return run;
}

static bool run_alive(void *opaque)
{
    const struct qmp_run *run = opaque;
    struct qmp_host *state = state_of(run->domain);

    return !g_atomic_int_get(&state->closing) && (run->pidfd < 0 || process_alive(run->pidfd));
}

/* What listens in a folder that a machine may write is taken for the machine only when it is of the
 * machines' account. */
static bool check_peer(struct domain *domain, const struct monitor *monitor, GError **error)
{
    struct account account;

    if (state_of(domain)->session) {
        return true;
    }
    return account_find(&account, error) &&
           (monitor_peer_user(monitor) == (long)account.uid ||
            fault_set(error, FAULT_OPERATION_FAILED,
                      "the monitor's socket is not the machine's own"));
}

bool qmp_connect(struct domain *domain, struct qmp_run *run, unsigned seconds, GError **error)
{
    g_autofree char *path = g_build_filename(run->own, "monitor.sock", NULL);
    struct monitor_user user = qmp_monitor_user;
    struct monitor *monitor;

    user.alive = run_alive;
    user.opaque = qmp_run_ref(run);
    object_unlock(&domain->object);
    monitor = monitor_connect(state_of(domain)->context, path, seconds, &user, error);
    object_lock(&domain->object);
    run->monitor = monitor;
    return monitor != NULL && check_peer(domain, monitor, error);
}

/* What runs has its firmware chosen; what is kept has not. Gives the lock up while it asks. */
static bool choose_loader(struct domain *domain, GError **error)
{
    struct qmp_host *state = state_of(domain);
    g_autofree char *path = NULL, *emulator_path = NULL;
    g_autoptr(emulator_own) emulator = NULL;
    g_autoptr(domain_def_own) filled = NULL;
    g_auto(GStrv) folders = NULL;
    g_autoptr(GPtrArray) list = NULL;

    if (!loader_wanted(domain->def->root)) {
        return true;
    }
    emulator_path = g_strdup(xml_text_at(domain->def->root, "devices/emulator"));
    object_unlock(&domain->object);
    emulator = emulator_path != NULL ? qmp_emulator(state, emulator_path, NULL) : NULL;
    folders = firmware_folders(state->session);
    list = firmware_list((const char *const *)folders);
    object_lock(&domain->object);
    const struct loader_choice choice = {
        .list = list,
        .smm = emulator != NULL && g_hash_table_contains(emulator->machine_properties, "smm"),
        .nvram = qmp_nvram_path(state, domain->object.uuid, &path)};

    filled = domain_def_copy(domain->def);
    if (!loader_fill(filled->root, &choice, error) || !loader_make_nvram(filled->root, error)) {
        return false;
    }
    if (domain->next_def == NULL && domain->object.persistent) {
        domain->next_def = g_steal_pointer(&domain->def);
    } else {
        domain_def_free(domain->def);
    }
    domain->def = g_steal_pointer(&filled);
    return true;
}

/* It did not come to a run: what is kept is the definition again. */
static void forget_loader(struct domain *domain)
{
    if (domain->next_def != NULL) {
        domain_def_free(domain->def);
        domain->def = g_steal_pointer(&domain->next_def);
    }
}

/* What follows changes the definition of the run alone. */
static void keep_next(struct domain *domain)
{
    if (domain->next_def == NULL && domain->object.persistent) {
        domain->next_def = domain_def_copy(domain->def);
    }
}

/* The lock is given up meanwhile: an emulator may have to be asked. */
static bool choose_cpu(struct domain *domain, GError **error)
{
    g_autofree char *path = g_strdup(xml_text_at(domain->def->root, "devices/emulator"));
    g_autoptr(emulator_own) emulator = NULL;

    if (path == NULL || !resolve_wanted(domain->def->root)) {
        return true;
    }
    object_unlock(&domain->object);
    emulator = qmp_emulator(state_of(domain), path, NULL);
    object_lock(&domain->object);
    if (emulator == NULL) {
        return true; /* the start says why */
    }
    keep_next(domain);
    return resolve_cpu(domain->def->root, emulator, error);
}

/* False: the emulator does not tell. */
static bool ask_features(struct domain *domain, const char *path, const char *property,
                         struct feature_set *ret_set)
{
    json_object *arguments = json_object_new_object(), *words = NULL;
    bool good;

    json_object_object_add(arguments, "path", json_object_new_string(path));
    json_object_object_add(arguments, "property", json_object_new_string(property));
    good = qmp_command(domain, "qom-get", arguments, &words, NULL) &&
           resolve_read_words(words, ret_set);
    json_object_put(words);
    return good;
}

/* What the first CPU has. */
static bool note_cpu(struct domain *domain, GError **error)
{
    json_object *cpus = NULL, *path;
    struct feature_set has, filtered;
    bool good = true;

    if (!resolve_wanted(domain->def->root) ||
        !qmp_command(domain, "query-cpus-fast", NULL, &cpus, NULL)) {
        return true;
    }
    if (json_object_is_type(cpus, json_type_array) &&
        json_object_object_get_ex(json_object_array_get_idx(cpus, 0), "qom-path", &path) &&
        ask_features(domain, json_object_get_string(path), "feature-words", &has) &&
        ask_features(domain, json_object_get_string(path), "filtered-features", &filtered)) {
        good = resolve_note(domain->def->root, &has, &filtered, error);
    }
    json_object_put(cpus);
    return good;
}

static void close_fds(GArray *fds)
{
    for (unsigned i = 0; i < fds->len; i++) {
        close(g_array_index(fds, int, i));
    }
    g_array_unref(fds);
}

/* A folder that is the account's, empty but for what an earlier run left. */
static bool make_own(const char *folder, const char *own, const struct account *account,
                     GError **error)
{
    g_autoptr(GDir) dir = NULL;
    const char *name;

    if (g_chmod(folder, 0711) != 0 || (g_mkdir(own, 0700) != 0 && errno != EEXIST) ||
        lchown(own, account->uid, account->gid) != 0) {
        return fault_set_errno(error, errno, "cannot make the directory '%s'", own);
    }
    dir = g_dir_open(own, 0, NULL);
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(own, name, NULL);

        g_unlink(path);
    }
    return true;
}

/* As the machines' account, with descriptors of what that may not open beside those in `fds`. */
static bool spawn_apart(struct process *process, GPtrArray *argv, const char *folder,
                        const char *own, const char *log, GArray *fds, GError **error)
{
    struct account account;
    bool good = account_find(&account, error) && make_own(folder, own, &account, error) &&
                handover_words(argv, own, fds, error);

    if (good) {
        const struct process_gift gift = {.account = &account,
                                          .fds = (const int *)fds->data,
                                          .n_fds = fds->len,
                                          .first_fd = HANDOVER_FIRST_FD};

        g_ptr_array_add(argv, NULL);
        good = process_start(process, (const char *const *)argv->pdata, log, &gift, error);
    }
    return good;
}

static bool spawn_own(struct process *process, GPtrArray *argv, const char *log, const GArray *fds,
                      GError **error)
{
    const struct process_gift gift = {
        .fds = (const int *)fds->data, .n_fds = fds->len, .first_fd = HANDOVER_FIRST_FD};

    g_ptr_array_add(argv, NULL);
    return process_start(process, (const char *const *)argv->pdata, log, &gift, error);
}

/* The emulator's words; `env` lacks only the taps, which are open. */
static bool spawn_words(struct domain *domain, struct process *process, const char *folder,
                        const struct argv_env *env, GArray *fds, GError **error)
{
    g_autoptr(xml_own) root = source_translated(domain, domain->def->root, error);
    g_auto(GStrv) words = root != NULL ? argv_new(root, env, error) : NULL;
    const char *emulator = xml_text_at(root, "devices/emulator");
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *log = log_path(domain);

    if (words == NULL) {
        return false;
    }
    if (g_mkdir_with_parents(folder, 0700) != 0) {
        return fault_set_errno(error, errno, "cannot make the directory '%s'", folder);
    }
    g_ptr_array_add(argv, g_strdup(emulator));
    for (char **w = words; *w != NULL; w++) {
        g_ptr_array_add(argv, g_strdup(*w));
    }
    g_unlink(env->monitor);
    return state_of(domain)->session
               ? spawn_own(process, argv, log, fds, error)
               : spawn_apart(process, argv, folder, env->runtime, log, fds, error);
}

static bool has_taps(const struct domain *domain)
{
    struct xml *devices = domain_def_devices(domain->def);
    const struct xml *d = xml_find(devices, "interface");

    while (d != NULL && !tap_wanted(d)) {
        d = xml_next(devices, "interface", d);
    }
    return d != NULL;
}

static bool spawn(struct domain *domain, struct process *process, const char *folder, bool incoming,
                  GError **error)
{
    g_autofree char *own = own_folder(state_of(domain), folder);
    g_autofree char *socket = g_build_filename(own, "monitor.sock", NULL);
    GArray *fds = g_array_new(FALSE, FALSE, sizeof(int));
    g_autoptr(GArray) taps = g_array_new(FALSE, FALSE, sizeof(struct argv_tap));
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
    unsigned port = 0; /* from which on one is looked for */
    struct argv_env env = {.runtime = own,
                           .monitor = socket,
                           .incoming = incoming,
                           .graphics_port = qmp_graphics_port,
                           .opaque = &port};
    bool good;

    if (has_taps(domain)) {
        keep_next(domain);
    }
    good = tap_open_all(domain, HANDOVER_FIRST_FD, fds, taps, texts, error);
    env.taps = (const struct argv_tap *)taps->data;
    env.n_taps = taps->len;
    good = good && spawn_words(domain, process, folder, &env, fds, error);
    close_fds(fds);
    return good;
}

bool qmp_write_mark(struct domain *domain, GError **error)
{
    struct qmp_run *run = qmp_run_of(domain);
    g_autofree char *text = domain_def_format(domain->def, domain->id, DOMAIN_DEF_SECURE);

    return durable_write(run->folder, "live.xml", text, error);
}

/* What the emulator chose goes into the definition of the run, and that into the mark. */
static bool note_choices(struct domain *domain, GError **error)
{
    json_object *chardevs = NULL;

    if (!qmp_command(domain, "query-chardev", NULL, &chardevs, error)) {
        return false;
    }
    keep_next(domain);
    source_note(domain->def->root);
    alias_all(domain->def);
    fill_terminals(domain, chardevs);
    json_object_put(chardevs);
    return note_cpu(domain, error) && plug_set_links(domain, error) &&
           qmp_fill_graphics(domain, error) && qmp_write_mark(domain, error);
}

static bool take_state(struct domain *domain, int fd, GError **error)
{
    bool good;

    machine_became(domain, DOMAIN_PAUSED, PAUSED_MIGRATION);
    job_begin(domain, JOB_OPERATION_RESTORE);
    good = job_migrate_in(domain, fd, error);
    job_end(domain, JOB_OPERATION_RESTORE, good);
    return good;
}

static bool begin(struct domain *domain, const struct qmp_start *how, GError **error)
{
    int reason = how->running != 0 ? how->running
                 : how->has_state  ? RUNNING_RESTORED
                                   : RUNNING_BOOTED;

    if (!note_choices(domain, error) ||
        (how->has_state && !take_state(domain, how->state_fd, error)) ||
        (how->prepare != NULL && !how->prepare(domain, how->opaque, error)) ||
        !tune_pin_machine(domain, error)) {
        return false;
    }
    if (how->paused) {
        /* A restored one keeps the reason that it had meanwhile, as libvirt's does. */
        if (!how->has_state || how->paused_reason != 0) {
            machine_became(domain, DOMAIN_PAUSED,
                           how->paused_reason != 0 ? how->paused_reason : PAUSED_USER);
        }
        return true;
    }
    if (!how->has_state) {
        machine_became(domain, DOMAIN_PAUSED,
                       how->paused_reason != 0 ? how->paused_reason : PAUSED_STARTING_UP);
    }
    if (!qmp_command(domain, "cont", NULL, NULL, error)) {
        return false;
    }
    machine_became(domain, DOMAIN_RUNNING, reason);
    return true;
}

bool qmp_start(struct domain *domain, const struct qmp_start *how, GError **error)
{
    char name[UUID_TEXT];
    struct process process;
    char *folder;
    gsize logged = log_size(domain);
    struct qmp_run *run;

    uuid_format(domain->object.uuid, name);
    folder = g_build_filename(state_of(domain)->runtime, name, NULL);
    if (!choose_loader(domain, error) || !choose_cpu(domain, error) ||
        !spawn(domain, &process, folder, how->has_state, error)) {
        forget_loader(domain);
        g_free(folder);
        return false;
    }
    run = qmp_run_new(domain, &process, folder);
    qmp_attach(run);
    if (qmp_connect(domain, run, START_SECONDS, error) && begin(domain, how, error)) {
        qmp_run_unref(run);
        return true;
    }
    /* Its socket may be closed a moment before it is gone. */
    if (process_ends(run->pidfd, DYING_MS)) {
        explain(domain, logged, how->has_state, error);
    }
    run->ends_as = SHUTOFF_FAILED;
    qmp_kill(run);
    qmp_ended(run, SHUTOFF_FAILED);
    forget_loader(domain);
    qmp_run_unref(run);
    return false;
}

static bool start(struct domain *domain, unsigned flags, GError **error)
{
    const struct qmp_start how = {.paused = (flags & START_PAUSED) != 0};
    /* One that is made from another definition, next_def waiting, is no continuation. */
    bool managed = domain->saved && domain->next_def == NULL;

    if (managed && (flags & START_FORCE_BOOT) == 0) {
        return save_start_managed(domain, flags & START_PAUSED, error);
    }
    return (!managed || save_remove_managed(domain, error)) && qmp_start(domain, &how, error);
}

static bool destroy(struct domain *domain, unsigned flags, GError **error)
{
    struct qmp_run *run = qmp_run_of(domain);

    if (run == NULL) {
        return fault_set(error, FAULT_OPERATION_INVALID, "domain is not running");
    }
    qmp_run_ref(run);
    run->ends_as = SHUTOFF_DESTROYED;
    qmp_kill(run);
    qmp_ended(run, SHUTOFF_DESTROYED);
    qmp_run_unref(run);
    return true;
}

/* Modes of shutdown and reboot: what is asked, in this order; none named: as for both. */
enum { MODE_ACPI = 1 << 0, MODE_AGENT = 1 << 1 };

static bool check_mode(unsigned flags, GError **error)
{
    return (flags & ~(unsigned)(MODE_ACPI | MODE_AGENT)) == 0 ||
           fault_set(error, FAULT_INVALID_ARG, "unsupported flags (0x%x)", flags);
}

/* The agent is asked if it is the only way, or one that is there; the button else. */
static bool ask_down(struct domain *domain, unsigned flags, const char *mode, GError **error)
{
    if (flags == MODE_AGENT || (flags != MODE_ACPI && agent_is_open(domain))) {
        if (agent_shutdown(domain, mode, flags == MODE_AGENT ? error : NULL)) {
            return true;
        }
        if (flags == MODE_AGENT) {
            return false;
        }
    }
    return qmp_command(domain, "system_powerdown", NULL, NULL, error);
}

static bool shutdown(struct domain *domain, unsigned flags, GError **error)
{
    return domain_check_active(domain, error) && check_mode(flags, error) &&
           ask_down(domain, flags, "powerdown", error);
}

static bool reboot(struct domain *domain, unsigned flags, GError **error)
{
    if (!domain_check_active(domain, error) || !check_mode(flags, error)) {
        return false;
    }
    if (flags != MODE_AGENT) {
        qmp_run_of(domain)->rebooting = true; /* a button pressed is half of it */
    }
    return ask_down(domain, flags, "reboot", error);
}

static bool reset(struct domain *domain, GError **error)
{
    return domain_check_active(domain, error) &&
           qmp_command(domain, "system_reset", NULL, NULL, error);
}

static bool suspend(struct domain *domain, GError **error)
{
    if (!domain_check_active(domain, error)) {
        return false;
    }
    if (domain->state != DOMAIN_PAUSED) {
        if (!qmp_command(domain, "stop", NULL, NULL, error)) {
            return false;
        }
        machine_became(domain, DOMAIN_PAUSED, PAUSED_USER);
    }
    return true;
}

static bool resume(struct domain *domain, GError **error)
{
    if (!domain_check_active(domain, error)) {
        return false;
    }
    if (domain->state == DOMAIN_RUNNING) {
        return fault_set(error, FAULT_OPERATION_INVALID, "domain is already running");
    }
    if (!qmp_command(domain, "cont", NULL, NULL, error)) {
        return false;
    }
    machine_became(domain, DOMAIN_RUNNING, RUNNING_UNPAUSED);
    return true;
}

const struct driver_life qmp_life = {
    .start = start,
    .destroy = destroy,
    .shutdown = shutdown,
    .reboot = reboot,
    .reset = reset,
    .suspend = suspend,
    .resume = resume,
    .set_memory = qmp_set_memory,
    .memory_later = true,
    .set_vcpus = plug_set_vcpus,
};
