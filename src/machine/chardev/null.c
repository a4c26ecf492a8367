/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/chardev/backend.h"

static gboolean null_open(struct chardev *c, void *opts, GError **error)
{
    chardev_set_open(c, true);
    return TRUE;
}

const struct chardev_class chardev_null = {
    .name = "null",
    .help = "drops output, gives no input",
    .instance_size = sizeof(struct chardev),
    .open = null_open,
};
