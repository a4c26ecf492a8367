/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Making an image, for the commands that need a new one. */
#ifndef VIV_IMAGE_CREATE_H
#define VIV_IMAGE_CREATE_H

#include "block/driver.h"

/* "Formatting ..." */
void create_announce(const struct block_driver *driver, const char *filename, json_object *opts,
                     uint64_t size);
/* 0, or 1 after a message. */
int create_image(const struct block_driver *driver, const char *filename, uint64_t size,
                 json_object *opts, struct block_graph *graph);

#endif
