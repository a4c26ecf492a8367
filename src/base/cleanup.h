/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Release by scope for what GLib has no g_autoptr for. */
#ifndef VIV_BASE_CLEANUP_H
#define VIV_BASE_CLEANUP_H

#include <errno.h>
#include <unistd.h>

/* Closes *fd if it is open (>= 0) and marks it closed; errno is kept. */
static inline void fd_close(int *fd)
{
    if (*fd >= 0) {
        int saved = errno;

        close(*fd);
        *fd = -1;
        errno = saved;
    }
}

/* Hands the descriptor to the caller; *fd no longer owns it. */
static inline int fd_steal(int *fd)
{
    int taken = *fd;

    *fd = -1;
    return taken;
}

/* `auto_fd int fd = open(...)`: closed when the scope ends. */
#define auto_fd __attribute__((cleanup(fd_close)))

#endif
