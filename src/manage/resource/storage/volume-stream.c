/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bytes of a volume's file, to and from a client, with holes where both want them. */
#include "manage/conf/fault.h"
#include "manage/resource/storage/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct volume_bytes {
    struct stream stream; /* first */
    int file;
    uint64_t at, end; /* end: where it stops at the latest */
    bool sparse;
    void (*done)(void *user);
    void *user;
};

/* The next hole's length, or 0 and in *ret_data how long the data is; negative errno. */
static int64_t find_hole(struct volume_bytes *v, uint64_t *ret_data)
{
    off_t data = lseek(v->file, (off_t)v->at, SEEK_DATA);
    off_t hole;

    if (data < 0 && errno != ENXIO) {
        return -errno;
    }
    if (data < 0 || (uint64_t)data > v->end) {
        return (int64_t)(v->end - v->at);
    }
    if ((uint64_t)data > v->at) {
        return (int64_t)((uint64_t)data - v->at);
    }
    hole = lseek(v->file, (off_t)v->at, SEEK_HOLE);
    *ret_data = hole > data ? (uint64_t)(hole - data) : v->end - v->at;
    return 0;
}

static ssize_t read_bytes(struct stream *stream, void *data, size_t size, int64_t *ret_hole)
{
    struct volume_bytes *v = (struct volume_bytes *)stream;
    uint64_t room = v->end - v->at;
    ssize_t n;

    if (room == 0) {
        return 0;
    }
    if (v->sparse) {
        uint64_t length = room;
        int64_t hole = find_hole(v, &length);

        if (hole < 0) {
            return (ssize_t)hole;
        }
        if (hole > 0) {
            v->at += (uint64_t)hole;
            *ret_hole = hole;
            return 0;
        }
        room = MIN(room, length);
    }
    n = pread(v->file, data, MIN(size, room), (off_t)v->at);
    if (n < 0) {
        return -errno;
    }
    v->at = n == 0 ? v->end : v->at + (uint64_t)n;
    return n;
}

/* A hole is made, so that old bytes go; past the end the file grows. */
static int skip(struct volume_bytes *v, uint64_t size)
{
    struct stat st;

    if (fstat(v->file, &st) != 0) {
        return -errno;
    }
    if (S_ISREG(st.st_mode) && (uint64_t)st.st_size < v->at + size &&
        ftruncate(v->file, (off_t)(v->at + size)) != 0) {
        return -errno;
    }
    if (size > 0 && fallocate(v->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)v->at,
                              (off_t)size) != 0) {
        return -errno;
    }
    v->at += size;
    return 0;
}

static int write_bytes(struct stream *stream, const void *data, size_t size)
{
    struct volume_bytes *v = (struct volume_bytes *)stream;
    size_t done = 0;

    if (size > v->end - v->at) {
        return -ENOSPC;
    }
    if (data == NULL) {
        return v->sparse ? skip(v, size) : -EINVAL;
    }
    while (done < size) {
        ssize_t n = pwrite(v->file, (const char *)data + done, size - done, (off_t)v->at);

        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        done += n > 0 ? (size_t)n : 0;
        v->at += n > 0 ? (uint64_t)n : 0;
    }
    return 0;
}

static void close_bytes(struct stream *stream)
{
    struct volume_bytes *v = (struct volume_bytes *)stream;

    close(v->file);
    v->done(v->user);
    g_free(v);
}

static const struct stream_ops gives = {.read = read_bytes, .close = close_bytes};
static const struct stream_ops takes = {.write = write_bytes, .close = close_bytes};

/* Where the range ends in a file of that size; false: it begins past the end. */
static bool find_end(const struct volume_range *range, uint64_t size, uint64_t *ret_end)
{
    uint64_t limit = range->upload ? INT64_MAX : size;

    if (range->offset > limit) {
        return false;
    }
    *ret_end = range->length == 0 || range->length > limit - range->offset
                   ? limit
                   : range->offset + range->length;
    return true;
}

struct stream *volume_stream_open(const char *path, const struct volume_range *range,
                                  void (*done)(void *user), void *user, GError **error)
{
    int fd = open(path, (range->upload ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_CLOEXEC);
    off_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : -1;
    struct volume_bytes *v;
    uint64_t end;

    if (size < 0) {
        fault_set_errno(error, errno, "Unable to open stream for '%s'", path);
    } else if (!find_end(range, (uint64_t)size, &end)) {
        fault_set_errno(error, EINVAL, "Unable to seek %s to %" G_GUINT64_FORMAT, path,
                        range->offset);
    } else {
        v = g_new0(struct volume_bytes, 1);
        v->stream = (struct stream){.ops = range->upload ? &takes : &gives, .fd = -1};
        v->file = fd;
        v->at = range->offset;
        v->end = end;
        v->sparse = range->sparse;
        v->done = done;
        v->user = user;
        return &v->stream;
    }
    if (fd >= 0) {
        close(fd);
    }
    return NULL;
}
