/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/monitor/fdset.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>

#define FDS_MAX 1024

struct named {
    char *name;
    int fd;
};

struct member {
    int64_t set;
    int fd;
    char *opaque;
};

struct fdset {
    GPtrArray *named;   /* struct named *, owned */
    GPtrArray *members; /* struct member *, owned, in the order they came */
};

static void named_free(gpointer opaque)
{
    struct named *n = opaque;

    fd_close(&n->fd);
    g_free(n->name);
    g_free(n);
}

static void member_free(gpointer opaque)
{
    struct member *m = opaque;

    fd_close(&m->fd);
    g_free(m->opaque);
    g_free(m);
}

struct fdset *fdset_new(void)
{
    struct fdset *f = g_new0(struct fdset, 1);

    f->named = g_ptr_array_new_with_free_func(named_free);
    f->members = g_ptr_array_new_with_free_func(member_free);
    return f;
}

void fdset_free(struct fdset *f)
{
    if (f) {
        g_ptr_array_unref(f->named);
        g_ptr_array_unref(f->members);
        g_free(f);
    }
}

/* ---- by name -----------------------------------------------------------------------------------
 */

static struct named *find_named(struct fdset *f, const char *name)
{
    for (guint i = 0; i < f->named->len; i++) {
        struct named *n = f->named->pdata[i];

        if (g_str_equal(n->name, name)) {
            return n;
        }
    }
    return NULL;
}

void fdset_put_named(struct fdset *f, const char *name, int fd)
{
    struct named *n = find_named(f, name);

    if (n) {
        g_ptr_array_remove(f->named, n);
    }
    n = g_new0(struct named, 1);
    n->name = g_strdup(name);
    n->fd = fd;
    g_ptr_array_add(f->named, n);
}

int fdset_take_named(struct fdset *f, const char *name, GError **error)
{
    struct named *n = find_named(f, name);
    int fd;

    if (!n) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                    "File descriptor named '%s' has not been found", name);
        return -1;
    }
    fd = fd_steal(&n->fd);
    g_ptr_array_remove(f->named, n);
    return fd;
}

gboolean fdset_close_named(struct fdset *f, const char *name, GError **error)
{
    int fd = fdset_take_named(f, name, error);

    if (fd < 0) {
        return FALSE;
    }
    fd_close(&fd);
    return TRUE;
}

/* ---- sets --------------------------------------------------------------------------------------
 */

static bool set_exists(const struct fdset *f, int64_t id)
{
    for (guint i = 0; i < f->members->len; i++) {
        if (((struct member *)f->members->pdata[i])->set == id) {
            return true;
        }
    }
    return false;
}

int64_t fdset_add(struct fdset *f, int64_t id, int fd, const char *opaque, GError **error)
{
    struct member *m;

    if (f->members->len >= FDS_MAX) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE, "too many file descriptors");
        fd_close(&fd);
        return -1;
    }
    if (id < 0) {
        for (id = 0; set_exists(f, id); id++) {
        }
    }
    m = g_new0(struct member, 1);
    m->set = id;
    m->fd = fd;
    m->opaque = g_strdup(opaque);
    g_ptr_array_add(f->members, m);
    return id;
}

gboolean fdset_add_inherited(struct fdset *f, int fd, int64_t id, const char *opaque,
                             GError **error)
{
    int copy;

    if (fd <= 2) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "fd cannot be a standard I/O stream");
        return FALSE;
    }
    copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) {
        g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno), "fd %d is not valid: %s",
                    fd, g_strerror(errno));
        return FALSE;
    }
    close(fd);
    return fdset_add(f, id, copy, opaque, error) >= 0;
}

gboolean fdset_remove(struct fdset *f, int64_t id, int fd, GError **error)
{
    bool any = false;

    for (guint i = f->members->len; i > 0; i--) {
        struct member *m = f->members->pdata[i - 1];

        if (m->set == id && (fd < 0 || m->fd == fd)) {
            g_ptr_array_remove_index(f->members, i - 1);
            any = true;
        }
    }
    if (!any) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                    "File descriptor named 'fdset-id:%" G_GINT64_FORMAT "%s' not found", id,
                    fd < 0 ? "" : ", fd");
    }
    return any;
}

int fdset_open(struct fdset *f, int64_t id, int flags)
{
    int access = flags & O_ACCMODE;

    if (!set_exists(f, id)) {
        return -ENOENT;
    }
    for (guint i = 0; i < f->members->len; i++) {
        struct member *m = f->members->pdata[i];
        int have = m->set == id ? fcntl(m->fd, F_GETFL) : -1;

        if (have >= 0 && (have & O_ACCMODE) == access) {
            int fd = fcntl(m->fd, F_DUPFD_CLOEXEC, 3);

            return fd >= 0 ? fd : -errno;
        }
    }
    return -EACCES;
}

static json_object *describe_set(const struct fdset *f, int64_t id)
{
    json_object *set = json_object_new_object();
    json_object *fds = json_object_new_array();

    json_object_object_add(set, "fdset-id", json_object_new_int64(id));
    json_object_object_add(set, "fds", fds);
    for (guint i = 0; i < f->members->len; i++) {
        struct member *m = f->members->pdata[i];
        json_object *info;

        if (m->set != id) {
            continue;
        }
        info = json_object_new_object();
        json_object_object_add(info, "fd", json_object_new_int(m->fd));
        if (m->opaque) {
            json_object_object_add(info, "opaque", json_object_new_string(m->opaque));
        }
        json_object_array_add(fds, info);
    }
    return set;
}

json_object *fdset_query(struct fdset *f)
{
    json_object *list = json_object_new_array();

    for (guint i = 0; i < f->members->len; i++) {
        int64_t id = ((struct member *)f->members->pdata[i])->set;
        bool seen = false;

        for (guint n = 0; n < i; n++) {
            seen = seen || ((struct member *)f->members->pdata[n])->set == id;
        }
        if (!seen) {
            json_object_array_add(list, describe_set(f, id));
        }
    }
    return list;
}
