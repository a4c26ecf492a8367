/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Standard input and output. A terminal is put in raw mode while the back end is open and is given
 * back as it was. Raw mode keeps ISIG unless signal=off, so Ctrl-c ends the process or reaches the
 * guest.
 */
#include "base/cleanup.h"
#include "machine/chardev/stream.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <termios.h>
#include <unistd.h>

struct stdio_opts {
    bool signal;
};

static const struct row stdio_rows[] = {
    {"signal", ROW_BOOL, ROW_FIELD(struct stdio_opts, signal), .def = "on",
     .help = "Ctrl-c and the like act on the process"},
    {NULL},
};

struct stdio {
    struct chardev c;
    struct stream s;
    bool ours;
    bool have_tty;
    struct termios tty; /* as it was */
    int in_flags, out_flags;
};

static void make_raw(struct stdio *d, bool signal)
{
    struct termios tty;

    if (tcgetattr(STDIN_FILENO, &d->tty) < 0) {
        return;
    }
    d->have_tty = true;
    tty = d->tty;
    tty.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    tty.c_oflag |= OPOST;
    tty.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN);
    if (!signal) {
        tty.c_lflag &= ~(tcflag_t)ISIG;
    }
    tty.c_cflag &= ~(tcflag_t)(CSIZE | PARENB);
    tty.c_cflag |= CS8;
    tty.c_cc[VMIN] = 1;
    tty.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSANOW, &tty);
}

/* The end of the input ends only the input: with standard input from nowhere, output goes on. */
static void at_end(struct chardev *c)
{
}

static gboolean stdio_open(struct chardev *c, void *opts, GError **error)
{
    struct stdio *d = (struct stdio *)c;
    struct stdio_opts *o = opts;

    for (guint i = 0; i < c->set->all->len; i++) {
        struct chardev *other = c->set->all->pdata[i];

        if (other->class == &chardev_stdio) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_BUSY,
                        "cannot use stdio by multiple character devices");
            return FALSE;
        }
    }
    d->ours = true;
    d->in_flags = fcntl(STDIN_FILENO, F_GETFL);
    d->out_flags = fcntl(STDOUT_FILENO, F_GETFL);
    make_raw(d, o->signal);
    stream_init(&d->s, c, STDIN_FILENO, STDOUT_FILENO);
    d->s.ended = at_end;
    chardev_set_open(c, true);
    return TRUE;
}

static void stdio_close(struct chardev *c)
{
    struct stdio *d = (struct stdio *)c;

    stream_stop(&d->s);
    if (!d->ours) {
        return;
    }
    if (d->have_tty) {
        tcsetattr(STDIN_FILENO, TCSANOW, &d->tty);
    }
    fcntl(STDIN_FILENO, F_SETFL, d->in_flags);
    fcntl(STDOUT_FILENO, F_SETFL, d->out_flags);
}

static size_t stdio_write(struct chardev *c, const uint8_t *data, size_t len)
{
    return stream_write(&((struct stdio *)c)->s, data, len);
}

static void stdio_resume(struct chardev *c)
{
    stream_resume(&((struct stdio *)c)->s);
}

const struct chardev_class chardev_stdio = {
    .name = "stdio",
    .help = "standard input and output",
    .rows = stdio_rows,
    .opts_size = sizeof(struct stdio_opts),
    .instance_size = sizeof(struct stdio),
    .open = stdio_open,
    .close = stdio_close,
    .write = stdio_write,
    .resume = stdio_resume,
};
