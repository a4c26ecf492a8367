/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Processes that outlive us: a session of their own, no parent of ours, known by a descriptor. */
#ifndef VIV_MANAGE_DRIVER_QMP_PROCESS_PROCESS_H
#define VIV_MANAGE_DRIVER_QMP_PROCESS_PROCESS_H

#include <glib.h>
#include <stdbool.h>

struct account;

struct process {
    int pid;
    int pidfd; /* owned; readable once the process has ended */
};

/* What a process is given beside its words. */
struct process_gift {
    const struct account *account; /* whose it is; NULL: ours */
    const int *fds;                /* borrowed */
    unsigned n_fds;
    int first_fd; /* the number of fds[0] there, the others follow */
};

/*
 * Starts argv (a path first) with nothing of our descriptors but those of `gift` (NULL: none) and
 * its words, which are appended to the file `log`. False with code 38. Not a child: nobody here has
 * to wait for it.
 */
bool process_start(struct process *process, const char *const *argv, const char *log,
                   const struct process_gift *gift, GError **error);
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
