/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Permission bytes of an image file, as QEMU's tools take them, so that its processes and ours see
 * each other: a user that needs permission bit N holds a shared lock on byte 100 + N, one that
 * does not share it holds byte 200 + N. Locks are of the open file description (F_OFD_SETLK).
 */
#ifndef VIV_BLOCK_FILE_LOCK_H
#define VIV_BLOCK_FILE_LOCK_H

#include "block/block.h"

struct file_lock {
    int fd; /* borrowed */
    bool on;
    bool required; /* locking=on: no support is an error */
    unsigned perm, unshared;
};

/* Takes what is new, checks for conflicts with others, drops what is no longer needed. */
int file_lock_set(struct file_lock *lock, unsigned perm, unsigned shared, const char *filename,
                  GError **error);

#endif
