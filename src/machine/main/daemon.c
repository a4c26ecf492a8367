/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/main/daemon.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static gboolean fail(GError **error, const char *what)
{
    g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno), "%s: %s", what,
                g_strerror(errno));
    return FALSE;
}

/* The parent: one byte says that the child is up. */
G_GNUC_NORETURN static void wait_for_child(int fd)
{
    char byte;
    ssize_t n;

    do {
        n = read(fd, &byte, 1);
    } while (n < 0 && errno == EINTR);
    _exit(n == 1 ? 0 : 1);
}

int daemon_fork(GError **error)
{
    int fds[2];
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
        fail(error, "could not daemonize");
        return -1;
    }
    if (pid > 0) {
        close(fds[1]);
        wait_for_child(fds[0]);
    }
    close(fds[0]);
    setsid();
    pid = fork();
    if (pid < 0) {
        fail(error, "could not daemonize");
        return -1;
    }
    if (pid > 0) {
        _exit(0); /* the grandchild holds the pipe */
    }
    umask(027);
    return fds[1];
}

void daemon_ready(int fd)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    ssize_t n;

    if (chdir("/") < 0) {
        g_warning("could not change to /: %s", g_strerror(errno));
    }
    for (int i = 0; i <= 2 && null >= 0; i++) {
        dup2(null, i);
    }
    do {
        n = write(fd, "", 1);
    } while (n < 0 && errno == EINTR);
    fd_close(&fd);
    fd_close(&null);
}

gboolean daemon_pidfile(const char *path, GError **error)
{
    g_autofree char *text = g_strdup_printf("%d\n", (int)getpid());
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0) {
        return fail(error, "cannot create PID file");
    }
    if (fcntl(fd, F_SETLK, &lock) < 0 || ftruncate(fd, 0) < 0 ||
        write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
        fail(error, "cannot lock or write PID file");
        fd_close(&fd);
        return FALSE;
    }
    return TRUE; /* the descriptor stays open: it holds the lock */
}
