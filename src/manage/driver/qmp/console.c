/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A stream to a machine's pseudo-terminal: one client at a time, as libvirt has it. */
#include "manage/conf/fault.h"
#include "manage/core/stream.h"
#include "manage/driver/qmp/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define FORCE       1 /* flag of domain_open_console: takes it from the client that has it */
#define MAX_BACKLOG (1 << 20) /* bytes that a guest did not take yet */

struct console {
    struct stream stream; /* first */
    struct qmp_run *run;  /* a reference */
    GByteArray *backlog;  /* from the client to the guest */
    bool revoked;         /* the domain's lock: another client forced its way */
};

static bool is_revoked(struct console *console)
{
    object_lock(&console->run->domain->object);
    bool revoked = console->revoked;
    object_unlock(&console->run->domain->object);
    return revoked;
}

/* As much as the terminal takes now; a guest that reads slowly holds up nobody. */
static int flush(struct console *console)
{
    while (console->backlog->len > 0) {
        ssize_t n = write(console->stream.fd, console->backlog->data, console->backlog->len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return errno == EAGAIN ? 0 : -errno;
        }
        g_byte_array_remove_range(console->backlog, 0, (guint)n);
    }
    return 0;
}

static ssize_t console_read(struct stream *stream, void *data, size_t size, int64_t *ret_hole)
{
    struct console *console = (struct console *)stream;
    ssize_t n;

    if (is_revoked(console) || flush(console) < 0) {
        return 0;
    }
    n = read(stream->fd, data, size);
    if (n < 0) {
        /* EIO: the machine closed its side of the terminal. */
        return errno == EIO ? 0 : errno == EINTR ? -EAGAIN : -errno;
    }
    return n;
}

static int console_write(struct stream *stream, const void *data, size_t size)
{
    struct console *console = (struct console *)stream;

    if (data == NULL) {
        return -EINVAL;
    }
    if (is_revoked(console)) {
        return -EPIPE;
    }
    if (console->backlog->len + size > MAX_BACKLOG) {
        return -ENOBUFS;
    }
    g_byte_array_append(console->backlog, data, (guint)size);
    return flush(console);
}

static void console_close(struct stream *stream)
{
    struct console *console = (struct console *)stream;
    struct object *object = &console->run->domain->object;

    object_lock(object);
    if (console->run->console == stream) {
        console->run->console = NULL;
    }
    object_unlock(object);
    close(stream->fd);
    g_byte_array_free(console->backlog, TRUE);
    qmp_run_unref(console->run);
    g_free(console);
}

static const struct stream_ops ops = {
    .read = console_read, .write = console_write, .close = console_close};

/* The terminal of a device by its alias (NULL: the first console, or else serial port). */
static const char *find_terminal(struct domain *domain, const char *alias, GError **error)
{
    static const char *const kinds[] = {"console", "serial"};
    struct xml *devices = domain_def_devices(domain->def);

    for (unsigned k = 0; k < G_N_ELEMENTS(kinds); k++) {
        unsigned n = 0;

        for (struct xml *d = xml_find(devices, kinds[k]); d != NULL;
             d = xml_next(devices, kinds[k], d), n++) {
            g_autofree char *name = g_strdup_printf("%s%u", kinds[k], n);

            if (alias != NULL && strcmp(alias, name) != 0) {
                continue;
            }
            if (xml_get(xml_find(d, "source"), "path") == NULL || !xml_is(d, "type", "pty")) {
                fault_set(error, FAULT_INTERNAL_ERROR, "character device %s is not using a PTY",
                          name);
                return NULL;
            }
            return xml_get(xml_find(d, "source"), "path");
        }
    }
    fault_set(error, FAULT_INTERNAL_ERROR, "cannot find character device %s",
              alias != NULL ? alias : "<null>");
    return NULL;
}

static bool open_console(struct domain *domain, const char *device, unsigned flags,
                         struct call *call, GError **error)
{
    struct qmp_run *run = qmp_run_of(domain);
    const char *path = find_terminal(domain, device, error);
    struct console *console;
    int fd;

    if (path == NULL) {
        return false;
    }
    if (run->console != NULL && (flags & FORCE) == 0) {
        return fault_set(error, FAULT_OPERATION_FAILED,
                         "Active console session exists for this domain");
    }
    fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return fault_set_errno(error, errno, "unable to open file: '%s'", path);
    }
    if (run->console != NULL) {
        ((struct console *)run->console)->revoked = true;
    }
    console = g_new0(struct console, 1);
    console->stream = (struct stream){.ops = &ops, .fd = fd};
    console->run = qmp_run_ref(run);
    console->backlog = g_byte_array_new();
    run->console = &console->stream;
    call->stream = &console->stream;
    return true;
}

const struct driver_console qmp_console = {.open = open_console};
