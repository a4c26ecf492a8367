/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pseudo terminal. The master reports a hang-up while nobody has the other side open and there is
 * no event for its opening, so a timer looks once a second; output meanwhile is dropped.
 */
#include "base/cleanup.h"
#include "machine/chardev/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <poll.h>
#include <stdlib.h>
#include <termios.h>

struct pty {
    struct chardev c;
    struct stream s;
    int master;
    char *name;
    GSource *timer;
};

static bool connected(const struct pty *p)
{
    struct pollfd pfd = {.fd = p->master, .events = POLLIN};

    return poll(&pfd, 1, 0) >= 0 && !(pfd.revents & POLLHUP);
}

static gboolean on_timer(gpointer opaque)
{
    struct pty *p = opaque;

    if (connected(p)) {
        chardev_set_open(&p->c, true);
        stream_resume(&p->s);
    }
    return G_SOURCE_CONTINUE;
}

static void at_end(struct chardev *c)
{
    chardev_set_open(c, false);
}

static gboolean fail(struct chardev *c, const char *what, GError **error)
{
    g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno), "chardev '%s': %s: %s", c->id,
                what, g_strerror(errno));
    return FALSE;
}

/* Nothing may echo or translate what the guest writes before a terminal is attached. */
static int make_raw(const char *name)
{
    auto_fd int slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct termios tty;

    if (slave < 0 || tcgetattr(slave, &tty) < 0) {
        return -1;
    }
    cfmakeraw(&tty);
    return tcsetattr(slave, TCSAFLUSH, &tty);
}

static gboolean pty_open(struct chardev *c, void *opts, GError **error)
{
    struct pty *p = (struct pty *)c;
    char name[64];

    p->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (p->master < 0) {
        return fail(c, "could not open a pseudo terminal", error);
    }
    if (grantpt(p->master) < 0 || unlockpt(p->master) < 0 ||
        ptsname_r(p->master, name, sizeof(name)) != 0 || make_raw(name) < 0) {
        return fail(c, "could not set up a pseudo terminal", error);
    }
    p->name = g_strdup(name);
    stream_init(&p->s, c, p->master, p->master);
    p->s.ended = at_end;
    p->timer = g_timeout_source_new(1000);
    g_source_set_callback(p->timer, on_timer, p, NULL);
    g_source_attach(p->timer, c->set->context);
    return TRUE;
}

static void pty_close(struct chardev *c)
{
    struct pty *p = (struct pty *)c;

    stream_stop(&p->s);
    if (p->timer) {
        g_source_destroy(p->timer);
        g_source_unref(p->timer);
    }
    if (p->master > 0) {
        fd_close(&p->master);
    }
    g_free(p->name);
}

static size_t pty_write(struct chardev *c, const uint8_t *data, size_t len)
{
    struct pty *p = (struct pty *)c;

    return connected(p) ? stream_write(&p->s, data, len) : len;
}

static void pty_resume(struct chardev *c)
{
    struct pty *p = (struct pty *)c;

    if (connected(p)) {
        chardev_set_open(c, true);
        stream_resume(&p->s);
    }
}

static char *pty_filename(struct chardev *c)
{
    return g_strdup_printf("pty:%s", ((struct pty *)c)->name);
}

const struct chardev_class chardev_pty = {
    .name = "pty",
    .help = "a new pseudo terminal",
    .instance_size = sizeof(struct pty),
    .open = pty_open,
    .close = pty_close,
    .write = pty_write,
    .resume = pty_resume,
    .filename = pty_filename,
};
