/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/jit/cache.h"

#include "base/cleanup.h"

#include <errno.h>
#include <gio/gio.h>
#include <sys/mman.h>
#include <unistd.h>

static gboolean fail(GError **error, size_t size, const char *what)
{
    int code = errno;

    g_set_error(error, G_IO_ERROR, g_io_error_from_errno(code),
                "cannot make %zu MiB of memory for translated code: %s: %s", size >> 20, what,
                g_strerror(code));
    return FALSE;
}

gboolean code_memory_new(struct code_memory *m, size_t size, GError **error)
{
    auto_fd int fd = memfd_create("viv-code", MFD_CLOEXEC);
    void *write, *run;

    if (fd < 0 || ftruncate(fd, size) < 0) {
        return fail(error, size, "memfd");
    }
    write = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (write == MAP_FAILED) {
        return fail(error, size, "mmap");
    }
    run = mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (run == MAP_FAILED) {
        fail(error, size, "mmap of executable memory");
        munmap(write, size);
        return FALSE;
    }
    *m = (struct code_memory){write, run, size};
    return TRUE;
}

void code_memory_free(struct code_memory *m)
{
    if (m->write) {
        munmap(m->write, m->size);
        munmap((void *)m->run, m->size);
        m->write = NULL;
    }
}
