/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/driver/qmp/process/process.h"

#include "manage/conf/fault.h"
#include "manage/driver/qmp/process/account.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define POLITE_MS 10000

/* Between fork and exec. */
static void prepare(gpointer user)
{
    const struct process_gift *gift = user;

    setsid();
    if (gift->account != NULL && account_become(gift->account) < 0) {
        _exit(EXIT_FAILURE); /* never with our rights */
    }
}

static int open_pidfd(int pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

bool process_adopt(struct process *process, int pid, GError **error)
{
    process->pid = pid;
    process->pidfd = open_pidfd(pid);
    return process->pidfd >= 0 || fault_set_errno(error, errno, "cannot watch the process %d", pid);
}

bool process_start(struct process *process, const char *const *argv, const char *log,
                   const struct process_gift *gift, GError **error)
{
    static const struct process_gift nothing = {.n_fds = 0};
    g_autofree int *targets = NULL;
    g_autoptr(GError) why = NULL;
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    GPid pid;
    bool good;

    if (fd < 0) {
        return fault_set_errno(error, errno, "cannot write file '%s'", log);
    }
    gift = gift != NULL ? gift : &nothing;
    targets = g_new(int, gift->n_fds + 1);
    for (unsigned i = 0; i < gift->n_fds; i++) {
        targets[i] = gift->first_fd + (int)i;
    }
    /* Without DO_NOT_REAP_CHILD glib forks twice: the process is init's, not ours. */
    good = g_spawn_async_with_pipes_and_fds(NULL, argv, NULL, G_SPAWN_DEFAULT, prepare,
                                            (gpointer)gift, -1, fd, fd, gift->fds, targets,
                                            gift->n_fds, &pid, NULL, NULL, NULL, &why);
    close(fd);
    if (!good) {
        return fault_set(error, FAULT_INTERNAL_ERROR, "cannot execute binary %s: %s", argv[0],
                         why->message);
    }
    return process_adopt(process, pid, error);
}

bool process_ends(int pidfd, unsigned ms)
{
    struct pollfd p = {.fd = pidfd, .events = POLLIN};

    return poll(&p, 1, (int)ms) > 0;
}

bool process_alive(int pidfd)
{
    return !process_ends(pidfd, 0);
}

void process_kill(int pidfd)
{
    static const int signals[] = {SIGTERM, SIGKILL};

    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++) {
        syscall(SYS_pidfd_send_signal, pidfd, signals[i], NULL, 0);
        if (process_ends(pidfd, POLITE_MS)) {
            return;
        }
    }
}

void process_end(struct process *process)
{
    process_kill(process->pidfd);
    close(process->pidfd);
}
