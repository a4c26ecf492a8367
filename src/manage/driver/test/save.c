/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Saving domains that run nothing: an image is libvirt's test driver's, so that each can restore
 * what the other saved: a magic, the length of the definition in the host's order, the definition.
 */
#include "manage/conf/fault.h"
#include "manage/driver/test/internal.h"
#include "manage/driver/test/test-handlers.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const char magic[] = "TestGuestMagic"; /* with its end */
#define MAGIC_BYTES sizeof(magic)

static bool write_all(int fd, const void *data, size_t size)
{
    const char *at = data;

    while (size > 0) {
        ssize_t n = write(fd, at, size);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        at += n;
        size -= (size_t)n;
    }
    return true;
}

/* All of `size` unless the file ends before; errno says why, 0 at its end. */
static bool read_all(int fd, void *data, size_t size)
{
    char *at = data;

    while (size > 0) {
        ssize_t n = read(fd, at, size);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            errno = n == 0 ? 0 : errno;
            return false;
        }
        at += n;
        size -= (size_t)n;
    }
    return true;
}

static bool check_path(const char *path, GError **error)
{
    return *path == '/' ||
           fault_set(error, FAULT_INVALID_ARG, "could not build absolute path of '%s'", path);
}

/* Never waits for the far end of a pipe. */
static int open_new(const char *path)
{
    return open(path, O_CREAT | O_TRUNC | O_WRONLY | O_NONBLOCK | O_CLOEXEC, 0600);
}

static bool write_image(const char *path, const struct domain_def *def, int id, GError **error)
{
    const char *name = domain_def_name(def);
    g_autofree char *text = domain_def_format(def, id, DOMAIN_DEF_SECURE);
    int length = (int)strlen(text);
    int fd;

    if (!check_path(path, error)) {
        return false;
    }
    fd = open_new(path);
    if (fd < 0) {
        return fault_set_errno(error, errno, "saving domain '%s' to '%s': open failed", name, path);
    }
    bool good = write_all(fd, magic, MAGIC_BYTES) && write_all(fd, &length, sizeof(length)) &&
                write_all(fd, text, (size_t)length);
    int why = errno;

    if (close(fd) < 0 && good) {
        good = false;
        why = errno;
    }
    if (!good) {
        fault_set_errno(error, why, "saving domain '%s' to '%s': write failed", name, path);
        unlink(path);
    }
    return good;
}

static char *read_text(int fd, const char *path, GError **error)
{
    char head[MAGIC_BYTES];
    int length;

    if (!read_all(fd, head, sizeof(head))) {
        fault_set_errno(error, errno, "incomplete save header in '%s'", path);
        return NULL;
    }
    if (memcmp(head, magic, MAGIC_BYTES) != 0) {
        fault_set(error, FAULT_INTERNAL_ERROR, "mismatched header magic");
        return NULL;
    }
    if (!read_all(fd, &length, sizeof(length))) {
        fault_set_errno(error, errno, "failed to read metadata length in '%s'", path);
        return NULL;
    }
    if (length < 1 || length > XML_MAX_TEXT) {
        fault_set(error, FAULT_INTERNAL_ERROR, "length of metadata out of range");
        return NULL;
    }
    g_autofree char *text = g_malloc0((gsize)length + 1);

    if (!read_all(fd, text, (size_t)length)) {
        fault_set_errno(error, errno, "incomplete metadata in '%s'", path);
        return NULL;
    }
    return g_steal_pointer(&text);
}

static struct domain_def *read_image(struct host *host, const char *path, GError **error)
{
    int fd;

    if (!check_path(path, error)) {
        return NULL;
    }
    fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        fault_set_errno(error, errno, "cannot read domain image '%s'", path);
        return NULL;
    }
    g_autofree char *text = read_text(fd, path, error);

    close(fd);
    return text != NULL ? domain_def_parse(text, &test_rules, error) : NULL;
}

static bool save(struct domain *domain, const char *path, const char *xml, unsigned flags,
                 GError **error)
{
    if (xml != NULL) {
        return fault_set(error, FAULT_ARGUMENT_UNSUPPORTED, "xml modification unsupported");
    }
    if (!write_image(path, domain->def, domain->id, error)) {
        return false;
    }
    machine_became(domain, DOMAIN_SHUTOFF, SHUTOFF_SAVED);
    return true;
}

static bool rewrite(struct host *host, const char *path, const struct domain_def *def,
                    unsigned flags, GError **error)
{
    return write_image(path, def, -1, error);
}

static bool restore(struct domain *domain, const char *path, unsigned flags, GError **error)
{
    machine_became(domain, DOMAIN_RUNNING, RUNNING_RESTORED);
    return true;
}

const struct driver_save test_save = {
    .save = save,
    .read = read_image,
    .write = rewrite,
    .restore = restore,
};

bool test_domain_managed_save(struct call *call, GError **error)
{
    if (!call->object->persistent) {
        return fault_set(error, FAULT_OPERATION_INVALID,
                         "cannot do managed save for transient domain");
    }
    machine_became(call->domain, DOMAIN_SHUTOFF, SHUTOFF_SAVED);
    call->domain->saved = true;
    return true;
}

bool test_domain_managed_save_remove(struct call *call, GError **error)
{
    call->domain->saved = false;
    return true;
}

enum { DUMP_CRASH = 1 << 0 };

/* A dump is the magic alone, as there is no memory. */
static bool dump(struct domain *domain, const char *path, GError **error)
{
    const char *name = domain->object.name;
    int fd;

    if (!check_path(path, error)) {
        return false;
    }
    fd = open_new(path);
    if (fd < 0) {
        return fault_set_errno(error, errno, "domain '%s' coredump: failed to open %s", name, path);
    }
    bool good = write_all(fd, magic, MAGIC_BYTES);
    int why = errno;

    if (close(fd) < 0 && good) {
        good = false;
        why = errno;
    }
    return good || fault_set_errno(error, why, "domain '%s' coredump: failed to write header to %s",
                                   name, path);
}

bool test_domain_core_dump(struct call *call, GError **error)
{
    bool has_format = g_variant_n_children(call->args) > 3;

    if (!dump(call->domain, call_string(call, 1), error)) {
        return false;
    }
    if (has_format && call_u32(call, 2) != 0) {
        return fault_set(error, FAULT_OPERATION_UNSUPPORTED,
                         "kdump-compressed format is not supported here");
    }
    if ((call->flags & DUMP_CRASH) != 0) {
        machine_became(call->domain, DOMAIN_SHUTOFF, SHUTOFF_CRASHED);
        if (!call->object->persistent) {
            objects_remove(call->host->objects[OBJECT_DOMAIN], call->object);
        }
    }
    return true;
}
