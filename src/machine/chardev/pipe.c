/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A FIFO both ways, or two: PATH.in and PATH.out. */
#include "base/cleanup.h"
#include "machine/chardev/stream.h"

#include <fcntl.h>

struct pipe_opts {
    char *path;
};

static const struct row pipe_rows[] = {
    {"path", ROW_STR, ROW_FIELD(struct pipe_opts, path), .flags = ROW_REQUIRED,
     .help = "FIFO, or PATH.in and PATH.out"},
    {NULL},
};

struct pipe_dev {
    struct chardev c;
    struct stream s;
    int in, out;
};

static void at_end(struct chardev *c)
{
    chardev_set_open(c, false);
}

/* O_RDWR: opening does not wait for the other side, which may come and go. */
static gboolean pipe_open(struct chardev *c, void *opts, GError **error)
{
    struct pipe_dev *p = (struct pipe_dev *)c;
    struct pipe_opts *o = opts;
    g_autofree char *in = g_strdup_printf("%s.in", o->path);
    g_autofree char *out = g_strdup_printf("%s.out", o->path);
    bool two = g_file_test(in, G_FILE_TEST_EXISTS) && g_file_test(out, G_FILE_TEST_EXISTS);

    p->in = p->out = -1;
    p->in = chardev_open_path(c, two ? in : o->path, O_RDWR, error);
    if (p->in < 0) {
        return FALSE;
    }
    if (two) {
        p->out = chardev_open_path(c, out, O_RDWR, error);
        if (p->out < 0) {
            return FALSE;
        }
    }
    stream_init(&p->s, c, p->in, two ? p->out : p->in);
    p->s.ended = at_end;
    chardev_set_open(c, true);
    return TRUE;
}

static void pipe_close(struct chardev *c)
{
    struct pipe_dev *p = (struct pipe_dev *)c;

    stream_stop(&p->s);
    fd_close(&p->in);
    fd_close(&p->out);
}

static size_t pipe_write(struct chardev *c, const uint8_t *data, size_t len)
{
    return stream_write(&((struct pipe_dev *)c)->s, data, len);
}

static void pipe_resume(struct chardev *c)
{
    stream_resume(&((struct pipe_dev *)c)->s);
}

const struct chardev_class chardev_pipe = {
    .name = "pipe",
    .help = "one or two named pipes",
    .rows = pipe_rows,
    .opts_size = sizeof(struct pipe_opts),
    .instance_size = sizeof(struct pipe_dev),
    .open = pipe_open,
    .close = pipe_close,
    .write = pipe_write,
    .resume = pipe_resume,
};
