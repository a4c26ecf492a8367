/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Machines saved to files and started from them; the managed files are named by UUID. */
#include "manage/driver/qmp/save/save.h"

#include "manage/conf/fault.h"
#include "manage/core/durable.h"
#include "manage/driver/qmp/blockjob/blockjob.h"
#include "manage/driver/qmp/internal.h"
#include "manage/driver/qmp/save/image.h"
#include "manage/driver/qmp/save/job.h"
#include "manage/driver/qmp/save/stable.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK           "pausing" /* in a run's folder: we made it pause, not its user */
#define CANCEL_SECONDS 10

/* Flags of saving, and of changing an image. */
enum { SAVE_BYPASS_CACHE = 1 << 0, SAVE_RUNNING = 1 << 1, SAVE_PAUSED = 1 << 2 };

static struct qmp_host *state_of(struct domain *domain)
{
    return domain->object.host->state;
}

static bool check_flags(unsigned flags, GError **error)
{
    return (flags & (SAVE_RUNNING | SAVE_PAUSED)) != (SAVE_RUNNING | SAVE_PAUSED) ||
           fault_set_raw(error, FAULT_INVALID_ARG,
                         "Flags 'VIR_DOMAIN_SAVE_RUNNING' and 'VIR_DOMAIN_SAVE_PAUSED' are "
                         "mutually exclusive");
}

static bool check_path(const char *path, GError **error)
{
    return *path == '/' ||
           fault_set(error, FAULT_INVALID_ARG, "could not build absolute path of '%s'", path);
}

bool save_pause(struct domain *domain, int reason, bool *ret_ran, GError **error)
{
    *ret_ran = domain->state == DOMAIN_RUNNING;
    if (!*ret_ran) {
        return true;
    }
    if (!durable_write(qmp_run_of(domain)->folder, MARK, "", error) ||
        !qmp_command(domain, "stop", NULL, NULL, error)) {
        return false;
    }
    machine_became(domain, DOMAIN_PAUSED, reason);
    return true;
}

void save_go_on(struct domain *domain, int reason)
{
    struct qmp_run *run = qmp_run_of(domain);

    if (run == NULL || !qmp_command(domain, "cont", NULL, NULL, NULL)) {
        return;
    }
    machine_became(domain, DOMAIN_RUNNING, reason);
    (void)durable_remove(qmp_run_of(domain)->folder, MARK, NULL);
}

/* A transfer that failed, or was given up, is over before its file is touched. */
void save_cancel_transfer(struct domain *domain)
{
    gint64 until = g_get_monotonic_time() + CANCEL_SECONDS * G_TIME_SPAN_SECOND;
    bool over = false;

    (void)qmp_command(domain, "migrate_cancel", NULL, NULL, NULL);
    while (!over && qmp_run_of(domain) != NULL && g_get_monotonic_time() < until) {
        json_object *value = NULL, *status = NULL;
        const char *word;

        if (!qmp_command(domain, "query-migrate", NULL, &value, NULL)) {
            return;
        }
        json_object_object_get_ex(value, "status", &status);
        word = json_object_get_string(status);
        over = word == NULL || strcmp(word, "completed") == 0 || strcmp(word, "failed") == 0 ||
               strcmp(word, "cancelled") == 0 || strcmp(word, "none") == 0;
        json_object_put(value);
        if (!over) {
            (void)g_cond_wait_until(&domain->job_done, &domain->object.lock,
                                    g_get_monotonic_time() + 50 * G_TIME_SPAN_MILLISECOND);
        }
    }
}

void save_recover(struct domain *domain)
{
    g_autofree char *path = g_build_filename(qmp_run_of(domain)->folder, MARK, NULL);

    if (access(path, F_OK) == 0) {
        save_cancel_transfer(domain);
        save_go_on(domain, RUNNING_SAVE_CANCELED);
    }
}

static struct domain_def *parse(struct host *host, const char *xml, GError **error)
{
    return domain_def_parse(xml, host->driver->rules, error);
}

/* The definition to be kept: the one in force, or one that its guest can go on under. */
static char *kept_xml(struct domain *domain, const char *xml, GError **error)
{
    g_autoptr(domain_def_own) given = NULL;

    if (xml != NULL && ((given = parse(domain->object.host, xml, error)) == NULL ||
                        !stable_check(domain->def, given, error))) {
        return NULL;
    }
    return domain_def_format(given != NULL ? given : domain->def, -1,
                             DOMAIN_DEF_INACTIVE | DOMAIN_DEF_SECURE);
}

static bool runs_then(unsigned flags, bool ran)
{
    return (flags & SAVE_RUNNING) != 0 || (ran && (flags & SAVE_PAUSED) == 0);
}

/* A file being written. */
struct target {
    const char *path;
    int fd;
    struct image image;
};

static bool write_state(struct domain *domain, const struct target *target, unsigned flags,
                        GError **error)
{
    g_autofree char *folder = g_path_get_dirname(target->path);
    const struct image *image = &target->image;
    int fd = target->fd;

    if (!image_write(fd, image, error)) {
        return false;
    }
    if (!job_migrate_out(domain, fd, error)) {
        save_cancel_transfer(domain);
        return false;
    }
    if (!image_finish(fd, error) || !durable_sync(folder, error)) {
        return false;
    }
    if ((flags & SAVE_BYPASS_CACHE) != 0) {
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    }
    return true;
}

static void end_saved(struct domain *domain)
{
    struct qmp_run *run = qmp_run_of(domain);

    if (run != NULL) {
        qmp_run_ref(run);
        run->ends_as = SHUTOFF_SAVED;
        qmp_kill(run);
        qmp_ended(run, SHUTOFF_SAVED);
        qmp_run_unref(run);
    }
}

/* Its header is written twice: only files and disks can be. */
static int open_new(const char *path, GError **error)
{
    int fd = open(path, O_CREAT | O_TRUNC | O_RDWR | O_NONBLOCK | O_CLOEXEC, 0600);
    struct stat st;

    if (fd < 0) {
        fault_set_errno(error, errno, "Failed to open file '%s'", path);
        return -1;
    }
    if (fstat(fd, &st) != 0 || (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))) {
        fault_set(error, FAULT_INVALID_ARG, "'%s' is no regular file and no disk", path);
        close(fd);
        return -1;
    }
    return fd;
}

/* The machine goes once all of it is in the file, durably; else it goes on. */
static bool save_to(struct domain *domain, struct target *target, unsigned flags, GError **error)
{
    bool ran, good;

    job_begin(domain, JOB_OPERATION_SAVE);
    good = save_pause(domain, PAUSED_SAVE, &ran, error);
    target->image.ran = runs_then(flags, ran);
    good = good && write_state(domain, target, flags, error);
    if (good) {
        end_saved(domain);
    } else if (ran) {
        save_go_on(domain, RUNNING_SAVE_CANCELED);
    }
    job_end(domain, JOB_OPERATION_SAVE, good);
    return good;
}

static bool save(struct domain *domain, const char *path, const char *xml, unsigned flags,
                 GError **error)
{
    struct target target = {.path = path, .fd = -1};
    bool good;

    if (!check_flags(flags, error) || !check_path(path, error) ||
        !blockjob_check_none(domain, error) ||
        (target.image.xml = kept_xml(domain, xml, error)) == NULL) {
        return false;
    }
    target.fd = open_new(path, error);
    good = target.fd >= 0 && save_to(domain, &target, flags, error);
    if (target.fd >= 0) {
        close(target.fd);
        if (!good) {
            g_unlink(path);
        }
    }
    image_clear(&target.image);
    return good;
}

bool save_write_image(struct domain *domain, const char *path, bool ran, GError **error)
{
    struct target target = {.path = path, .fd = -1, .image.ran = ran};
    bool good;

    target.image.xml = kept_xml(domain, NULL, error);
    if (target.image.xml == NULL || (target.fd = open_new(path, error)) < 0) {
        image_clear(&target.image);
        return false;
    }
    good = write_state(domain, &target, 0, error);
    close(target.fd);
    if (!good) {
        g_unlink(path);
    }
    image_clear(&target.image);
    return good;
}

static struct domain_def *read_image(struct host *host, const char *path, GError **error)
{
    struct image image;
    struct domain_def *def;
    int fd = check_path(path, error) ? image_open(path, false, &image, error) : -1;

    if (fd < 0) {
        return NULL;
    }
    close(fd);
    def = parse(host, image.xml, error);
    image_clear(&image);
    return def;
}

static bool write_image(struct host *host, const char *path, const struct domain_def *def,
                        unsigned flags, GError **error)
{
    g_autoptr(domain_def_own) old = NULL;
    struct image image;
    bool good;
    int fd;

    if (!check_flags(flags, error) || !check_path(path, error) ||
        (fd = image_open(path, true, &image, error)) < 0) {
        return false;
    }
    old = parse(host, image.xml, error);
    good = old != NULL && stable_check(old, def, error);
    if (good) {
        g_free(image.xml);
        image.xml = domain_def_format(def, -1, DOMAIN_DEF_INACTIVE | DOMAIN_DEF_SECURE);
        image.ran = runs_then(flags, image.ran);
        good = image_replace(fd, &image, error);
    }
    image_clear(&image);
    close(fd);
    return good;
}

static bool restore(struct domain *domain, const char *path, unsigned flags, GError **error)
{
    struct image image;
    int fd = check_flags(flags, error) ? image_open(path, false, &image, error) : -1;
    bool good;

    if (fd < 0) {
        return false;
    }
    const struct qmp_start how = {
        .paused = !runs_then(flags, image.ran), .has_state = true, .state_fd = fd};

    good = qmp_start(domain, &how, error);
    if (good && (flags & SAVE_BYPASS_CACHE) != 0) {
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    }
    close(fd);
    image_clear(&image);
    return good;
}

const struct driver_save qmp_save = {
    .save = save,
    .read = read_image,
    .write = write_image,
    .restore = restore,
    .check = stable_check,
};

static void managed_name(struct domain *domain, char name[UUID_TEXT + 5])
{
    uuid_format(domain->object.uuid, name);
    strcat(name, ".save");
}

char *save_managed_path(struct domain *domain)
{
    char name[UUID_TEXT + 5];

    managed_name(domain, name);
    return g_build_filename(state_of(domain)->save, name, NULL);
}

void save_look_for_managed(struct domain *domain)
{
    g_autofree char *path = save_managed_path(domain);

    if (image_is_part(path)) {
        g_unlink(path); /* its daemon ended before it was whole, and its machine goes on */
    }
    domain->saved = access(path, F_OK) == 0;
}

bool save_remove_managed(struct domain *domain, GError **error)
{
    char name[UUID_TEXT + 5];

    managed_name(domain, name);
    if (!domain->saved) {
        return true;
    }
    if (!durable_remove(state_of(domain)->save, name, error)) {
        return false;
    }
    domain->saved = false;
    return true;
}

/* Puts the image's definition in force, the persistent one aside. */
static bool take_definition(struct domain *domain, const char *path, GError **error)
{
    struct domain_def *def = read_image(domain->object.host, path, error);

    if (def == NULL) {
        return false;
    }
    domain->next_def = domain->def;
    domain->def = def;
    domain_def_set_name(def, domain->object.name); /* it may have another since */
    return true;
}

bool save_start_managed(struct domain *domain, unsigned flags, GError **error)
{
    g_autofree char *path = save_managed_path(domain);

    if (!take_definition(domain, path, error)) {
        return false;
    }
    if (!restore(domain, path, flags != 0 ? SAVE_PAUSED : 0, error)) {
        if (domain->next_def != NULL) {
            domain_def_free(domain->def);
            domain->def = g_steal_pointer(&domain->next_def);
        }
        return false;
    }
    return save_remove_managed(domain, error);
}

bool save_managed(struct call *call, GError **error)
{
    struct domain *domain = call->domain;
    g_autofree char *path = save_managed_path(domain);

    if (!call->object->persistent) {
        return fault_set(error, FAULT_OPERATION_INVALID,
                         "cannot do managed save for transient domain");
    }
    if (g_mkdir_with_parents(state_of(domain)->save, 0700) != 0) {
        return fault_set_errno(error, errno, "cannot make the directory '%s'",
                               state_of(domain)->save);
    }
    domain->saved = save(domain, path, NULL, call->flags, error);
    return domain->saved;
}

bool save_managed_remove(struct call *call, GError **error)
{
    return save_remove_managed(call->domain, error);
}

static bool check_managed(struct call *call, GError **error)
{
    return call->domain->saved ||
           fault_set(error, FAULT_OPERATION_INVALID, "domain does not have managed save image");
}

bool save_managed_get_xml_desc(struct call *call, GError **error)
{
    g_autofree char *path = save_managed_path(call->domain);
    g_autoptr(domain_def_own) def = NULL;
    g_autofree char *text = NULL;

    if (!check_managed(call, error) || (def = read_image(call->host, path, error)) == NULL) {
        return false;
    }
    text = domain_def_format(
        def, -1, DOMAIN_DEF_INACTIVE | ((call->flags & 1) != 0 ? DOMAIN_DEF_SECURE : 0));
    return call_reply_string(call, text);
}

bool save_managed_define_xml(struct call *call, GError **error)
{
    g_autofree char *path = save_managed_path(call->domain);
    const char *xml = call_maybe_string(call, 1);
    g_autoptr(domain_def_own) def = NULL;

    if (!check_managed(call, error)) {
        return false;
    }
    if (xml == NULL) {
        return fault_set(error, FAULT_INVALID_ARG, "no definition was given");
    }
    def = parse(call->host, xml, error);
    return def != NULL && write_image(call->host, path, def, call->flags, error);
}
