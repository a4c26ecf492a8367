/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/core/durable.h"

#include "manage/conf/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool durable_sync(const char *folder, GError **error)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;

    if (!good) {
        fault_set_errno(error, errno, "cannot sync the directory '%s'", folder);
    }
    if (fd >= 0) {
        close(fd);
    }
    return good;
}

bool durable_write(const char *folder, const char *name, const char *text, GError **error)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autofree char *beside = g_strdup_printf("%s.new", path);
    size_t length = strlen(text), done = 0;
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good = fd >= 0;

    while (good && done < length) {
        ssize_t n = write(fd, text + done, length - done);

        good = n > 0 || (n < 0 && errno == EINTR);
        done += n > 0 ? (size_t)n : 0;
    }
    good = good && fsync(fd) == 0 && rename(beside, path) == 0;
    if (!good) {
        fault_set_errno(error, errno, "cannot write file '%s'", path);
        unlink(beside);
    }
    if (fd >= 0) {
        close(fd);
    }
    return good && durable_sync(folder, error);
}

bool durable_remove(const char *folder, const char *name, GError **error)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);

    if (unlink(path) != 0 && errno != ENOENT) {
        return fault_set_errno(error, errno, "cannot remove file '%s'", path);
    }
    return durable_sync(folder, error);
}
