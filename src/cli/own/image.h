/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an image of a disk is, by its first bytes. One thread. */
#ifndef VIV_CLI_OWN_IMAGE_H
#define VIV_CLI_OWN_IMAGE_H

#include "cli/cli.h"

struct image {
    const char *format; /* "raw" or "qcow2" */
    uint64_t capacity;  /* bytes, of the disk */
    bool others;        /* it names other files, which are read with it */
};

/* False with a message. */
bool image_look(struct cli *cli, const char *path, struct image *ret_image);

#endif
