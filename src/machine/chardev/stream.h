/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading and writing descriptors for back ends: watches come and go with room and back-pressure.
 */
#ifndef VIV_MACHINE_CHARDEV_STREAM_H
#define VIV_MACHINE_CHARDEV_STREAM_H

#include "machine/chardev/backend.h"

#define STREAM_FDS_MAX 16

struct stream {
    struct chardev *c;
    int in, out;             /* may be the same; -1: none. Owned by the back end. */
    bool sockets;            /* recvmsg, with descriptors */
    GSource *readable;       /* loop */
    GSource *writable;       /* lock */
    int fds[STREAM_FDS_MAX]; /* loop: received, not yet taken */
    unsigned n_fds;
    /* Loop: end of file or error on the input; the stream no longer watches it. */
    void (*ended)(struct chardev *c);
    /* Loop: changes what was read, in place, to what the front end gets; NULL: nothing to change.
     */
    size_t (*filter)(struct chardev *c, uint8_t *data, size_t len);
};

/* Both descriptors are made non-blocking. Nothing is watched until stream_resume. */
void stream_init(struct stream *s, struct chardev *c, int in, int out);
/* Removes watches, closes received descriptors; the descriptors stay the owner's. Loop. */
void stream_stop(struct stream *s);
/* Watches the input if the front end has room. Loop. */
void stream_resume(struct stream *s);
/* The lock is held. */
size_t stream_write(struct stream *s, const uint8_t *data, size_t len);
int stream_take_fd(struct stream *s);

#endif
