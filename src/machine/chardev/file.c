/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Output to a file; input, if any, from another. */
#include "base/cleanup.h"
#include "machine/chardev/stream.h"

#include <fcntl.h>

struct file_opts {
    char *path;
    char *input_path;
    bool append;
};

static const struct row file_rows[] = {
    {"path", ROW_STR, ROW_FIELD(struct file_opts, path), .flags = ROW_REQUIRED,
     .help = "file for output"},
    {"input-path", ROW_STR, ROW_FIELD(struct file_opts, input_path), .help = "file for input"},
    {"append", ROW_BOOL, ROW_FIELD(struct file_opts, append), .def = "off",
     .help = "keep what the file holds"},
    {NULL},
};

struct file {
    struct chardev c;
    struct stream s;
    int in, out;
};

static void at_end(struct chardev *c)
{
}

static gboolean file_open(struct chardev *c, void *opts, GError **error)
{
    struct file *f = (struct file *)c;
    struct file_opts *o = opts;
    int flags = O_WRONLY | O_CREAT | (o->append ? O_APPEND : O_TRUNC);

    f->in = f->out = -1;
    f->out = chardev_open_path(c, o->path, flags, error);
    if (f->out < 0) {
        return FALSE;
    }
    if (o->input_path) {
        f->in = chardev_open_path(c, o->input_path, O_RDONLY, error);
        if (f->in < 0) {
            return FALSE;
        }
    }
    stream_init(&f->s, c, f->in, f->out);
    f->s.ended = at_end;
    chardev_set_open(c, true);
    return TRUE;
}

static void file_close(struct chardev *c)
{
    struct file *f = (struct file *)c;

    stream_stop(&f->s);
    fd_close(&f->in);
    fd_close(&f->out);
}

static size_t file_write(struct chardev *c, const uint8_t *data, size_t len)
{
    return stream_write(&((struct file *)c)->s, data, len);
}

static void file_resume(struct chardev *c)
{
    stream_resume(&((struct file *)c)->s);
}

const struct chardev_class chardev_file = {
    .name = "file",
    .help = "output to a file",
    .rows = file_rows,
    .opts_size = sizeof(struct file_opts),
    .instance_size = sizeof(struct file),
    .open = file_open,
    .close = file_close,
    .write = file_write,
    .resume = file_resume,
};
