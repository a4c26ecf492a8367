/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "manage/daemon/service.h"

#include "base/cleanup.h"
#include "manage/conf/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The first descriptor that is passed: SD_LISTEN_FDS_START. */
#define FIRST_FD 3

/* The variable's value, which nobody else finds from now on; NULL: it is not set. */
static char *take_variable(const char *name)
{
    char *value = g_strdup(g_getenv(name));

    g_unsetenv(name);
    return value;
}

static int option_of(int fd, int option)
{
    int value = -1;
    socklen_t length = sizeof(value);

    return getsockopt(fd, SOL_SOCKET, option, &value, &length) == 0 ? value : -1;
}

/* A local one, since who a client is (SO_PEERCRED) decides what it may. */
static bool is_listening(int fd)
{
    return option_of(fd, SO_DOMAIN) == AF_UNIX && option_of(fd, SO_TYPE) == SOCK_STREAM &&
           option_of(fd, SO_ACCEPTCONN) == 1;
}

static bool take_socket(struct service *service, int fd, const char *name, GError **error)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || !is_listening(fd)) {
        return fault_set_raw(error, FAULT_SYSTEM_ERROR,
                             "descriptor %d ('%s'), passed by the service manager, is no listening "
                             "local socket",
                             fd, name);
    }
    if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
        return fault_set_errno(error, errno, "cannot use the socket '%s' that was passed", name);
    }
    service->sockets[service->n].name = g_strdup(name);
    service->sockets[service->n].fd = fd;
    service->n++;
    return true;
}

/* False, without an error, when it was meant for another process, or for none. */
static bool meant_for_us(const char *pid)
{
    guint64 number;

    return pid != NULL && g_ascii_string_to_unsigned(pid, 10, 1, G_MAXINT, &number, NULL) &&
           (pid_t)number == getpid();
}

bool service_take(struct service *service, GError **error)
{
    g_autofree char *pid = take_variable("LISTEN_PID"), *fds = take_variable("LISTEN_FDS");
    g_autofree char *list = take_variable("LISTEN_FDNAMES");
    g_auto(GStrv) names = g_strsplit(list != NULL ? list : "", ":", SERVICE_MAX_SOCKETS + 1);
    guint64 n = 0;

    service->notify = take_variable("NOTIFY_SOCKET");
    if (!meant_for_us(pid) || fds == NULL) {
        return true;
    }
    if (!g_ascii_string_to_unsigned(fds, 10, 0, SERVICE_MAX_SOCKETS, &n, NULL)) {
        return fault_set_raw(error, FAULT_SYSTEM_ERROR,
                             "LISTEN_FDS is '%s'; at most %d sockets can be passed", fds,
                             SERVICE_MAX_SOCKETS);
    }
    if (g_strv_length(names) != n) {
        return fault_set_raw(error, FAULT_SYSTEM_ERROR,
                             "LISTEN_FDNAMES has %u names for %u sockets", g_strv_length(names),
                             (unsigned)n);
    }
    for (unsigned i = 0; i < n; i++) {
        if (!take_socket(service, FIRST_FD + (int)i, names[i], error)) {
            return false;
        }
    }
    return true;
}

void service_clear(struct service *service)
{
    for (unsigned i = 0; i < service->n; i++) {
        g_free(service->sockets[i].name);
        fd_close(&service->sockets[i].fd);
    }
    service->n = 0;
    g_clear_pointer(&service->notify, g_free);
}

bool service_tell(const struct service *service, const char *lines, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = service->notify;
    size_t length = path != NULL ? strlen(path) : 0;

    if (path == NULL) {
        return true;
    }
    if ((*path != '/' && *path != '@') || length >= sizeof(address.sun_path)) {
        return fault_set_raw(error, FAULT_SYSTEM_ERROR,
                             "NOTIFY_SOCKET is '%s', which is no local socket", path);
    }
    memcpy(address.sun_path, path, length);
    if (*path == '@') {
        address.sun_path[0] = '\0'; /* of the abstract name space */
    }
    auto_fd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || sendto(fd, lines, strlen(lines), MSG_NOSIGNAL, (struct sockaddr *)&address,
                         (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0) {
        return fault_set_errno(error, errno, "cannot tell the service manager at '%s'", path);
    }
    return true;
}
