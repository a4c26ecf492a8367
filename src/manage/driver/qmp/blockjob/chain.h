/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The images that a running machine's disk is made of, and how its definition shows them. */
#ifndef VIV_MANAGE_DRIVER_QMP_BLOCKJOB_CHAIN_H
#define VIV_MANAGE_DRIVER_QMP_BLOCKJOB_CHAIN_H

#include "manage/core/domain.h"

#include <glib.h>
#include <stdbool.h>

struct chain_image {
    char *path, *format;
    char *node;     /* of the machine */
    unsigned index; /* in the definition, of "vda[3]"; not 0 */
};

void chain_image_free(void *image);
/* A number that no image of the domain's disks has in the definition. With the lock. */
unsigned chain_free_index(const struct domain *domain);
/*
 * The images of a disk that is there, the top one first: struct chain_image *; empty when it has no
 * medium. Paths are what files say of each other, nodes what the machine says. With the lock, given
 * up meanwhile.
 */
GPtrArray *chain_read(struct domain *domain, const char *target, GError **error);
/* Puts them into a disk of the definition in force. */
void chain_show(struct xml *disk, const GPtrArray *chain);
/* <source> and <format> of one, as in <backingStore> and <mirror>. */
void chain_describe(struct xml *parent, const struct chain_image *image, bool indexed);
/* Is that the path of a block device, and no file? */
bool chain_is_device(const char *path);
/* Takes what chain_show put into a disk out again. */
void chain_hide(struct xml *disk);
/* And out of all disks. */
void chain_hide_all(struct domain_def *def);
/* "/path" or "vda[3]" among those from `from` on, -1: none, with code 8. `beneath`: which one they
 * are to be found beneath, or NULL. */
int chain_find(const GPtrArray *chain, const char *target, const char *word, unsigned from,
               const char *beneath, GError **error);

#endif
