/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Processes that outlive us: a session of their own, no parent of ours, known by a descriptor. */
#ifndef VIV_MANAGE_DRIVER_QMP_PROCESS_H
#define VIV_MANAGE_DRIVER_QMP_PROCESS_H

#include <glib.h>
#include <stdbool.h>

struct process {
    int pid;
    int pidfd; /* owned; readable once the process has ended */
};

/*
 * Starts argv (a path first) with nothing of our descriptors but its words, which are appended to
 * the file `log`. False with code 38. Not a child: nobody here has to wait for it.
 */
bool process_start(struct process *process, const char *const *argv, const char *log,
                   GError **error);
/* One that runs already, by its id. */
bool process_adopt(struct process *process, int pid, GError **error);
bool process_alive(int pidfd);
/* Has it ended, or does it within so many milliseconds? */
bool process_ends(int pidfd, unsigned ms);
/* SIGTERM, SIGKILL after ten seconds; returns when it has ended. Closes the descriptor. */
void process_end(struct process *process);
/* The same but for closing. */
void process_kill(int pidfd);

#endif
