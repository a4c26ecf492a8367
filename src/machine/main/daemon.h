/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -daemonize and -pidfile. */
#ifndef VIV_MACHINE_MAIN_DAEMON_H
#define VIV_MACHINE_MAIN_DAEMON_H

#include <glib.h>

/*
 * Forks: the child goes on in a session of its own and gets the descriptor that daemon_ready wants;
 * the parent waits for it here and exits with 0, or with 1 when the child dies before. Before any
 * thread is made. -1 with an error.
 */
int daemon_fork(GError **error);
/* The child is up: the parent may go, and standard streams go to /dev/null. */
void daemon_ready(int fd);

/* Writes and locks the file; the lock is held until the process ends. */
gboolean daemon_pidfile(const char *path, GError **error);

#endif
