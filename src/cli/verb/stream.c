/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that carry bytes to and from the host: consoles, pictures, volumes. */
#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <viv/stream.h>

#define CHUNK (256 * 1024)

static void stream_cleanup(struct viv_stream **stream)
{
    viv_stream_free(*stream);
}

#define auto_stream __attribute__((cleanup(stream_cleanup)))

static bool run_console(struct cli *cli, const struct arguments *args)
{
    static const struct flag_row flags[] = {
        {"force", VIV_CONSOLE_FORCE}, {"safe", VIV_CONSOLE_SAFE}, {NULL}};
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    return domain != NULL &&
           console_show(cli, domain, arg_text(args, "devname"), arg_flags(args, flags));
}

/* A file to be filled, new or emptied; `ret_new` says whether it was not there. */
static int open_target(const char *path, bool *ret_new)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

    *ret_new = fd >= 0;
    return fd < 0 && errno == EEXIST ? open(path, O_WRONLY | O_TRUNC | O_CLOEXEC) : fd;
}

static bool write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);

        if (n < 0 && errno != EINTR) {
            return false;
        }
        data += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* All of a stream into a file, holes as holes; `fd` is closed. False with a message. */
static bool fill(struct cli *cli, struct viv_stream *stream, int fd, const char *path)
{
    g_autofree char *data = g_malloc(CHUNK);
    int64_t hole = 0;
    off_t end = 0;
    ssize_t n;
    bool good = true, sparse = false;

    do {
        n = viv_stream_receive(stream, data, CHUNK, &hole, cli_error(cli));
        if (n > 0) {
            good = write_all(fd, data, (size_t)n);
            end += n;
        } else if (n == 0 && hole > 0) {
            end += hole;
            sparse = true;
            good = lseek(fd, hole, SEEK_CUR) >= 0;
        }
    } while (good && (n > 0 || (n == 0 && hole > 0)));
    good = good && (!sparse || ftruncate(fd, end) == 0);
    if (!good) {
        (void)cli_fail(cli, "cannot write %s: %s", path, g_strerror(errno));
    }
    if (close(fd) != 0 && good) {
        good = cli_fail(cli, "cannot close file %s: %s", path, g_strerror(errno));
    }
    return good && n == 0;
}

static char *picture_name(struct viv_object *domain, const char *type)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    g_autofree char *time = g_date_time_format(now, "%Y-%m-%d-%H:%M:%S");
    const char *end = strcmp(type, "image/png") == 0                 ? ".png"
                      : strcmp(type, "image/x-portable-pixmap") == 0 ? ".ppm"
                                                                     : "";
    g_autofree char *name = g_strdelimit(g_strdup(viv_object_name(domain)), "/", '_');

    return g_strdup_printf("%s-%s%s", name, time, end);
}

/* False with a message; a new file that is not whole is taken away. */
static bool keep_picture(struct cli *cli, struct viv_object *domain, struct viv_stream *stream,
                         const char *type, const char *path)
{
    bool is_new;
    int fd = open_target(path, &is_new);

    if (fd < 0) {
        return cli_fail(cli, "cannot create file %s", path);
    }
    if (fill(cli, stream, fd, path) && viv_stream_finish(stream, cli_error(cli)) == 0) {
        return cli_say(cli, "Screenshot saved to %s, with type of %s\n", path, type);
    }
    if (is_new) {
        (void)unlink(path);
    }
    return cli_fail(cli, "could not receive data from domain '%s'", viv_object_name(domain));
}

static bool run_screenshot(struct cli *cli, const struct arguments *args)
{
    unsigned screen = 0;
    char *type = NULL;

    if (!arg_u32(cli, args, "screen", &screen)) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    if (domain == NULL) {
        return false;
    }
    auto_stream struct viv_stream *stream =
        viv_domain_screenshot(domain, screen, &type, cli_error(cli));

    if (stream == NULL) {
        return cli_fail(cli, "could not take a screenshot of %s", viv_object_name(domain));
    }
    g_autofree char *path =
        arg_given(args, "file") ? g_strdup(arg_text(args, "file")) : picture_name(domain, type);
    bool good = keep_picture(cli, domain, stream, type, path);

    viv_free(type);
    return good;
}

struct range {
    uint64_t offset, length;
    unsigned flags;
};

static bool take_range(struct cli *cli, const struct arguments *args, struct range *ret_range)
{
    static const struct flag_row flags[] = {{"sparse", VIV_TRANSFER_SPARSE}, {NULL}};

    *ret_range = (struct range){0, 0, arg_flags(args, flags)};
    return arg_u64(cli, args, "offset", &ret_range->offset) &&
           arg_u64(cli, args, "length", &ret_range->length);
}

static bool run_download(struct cli *cli, const struct arguments *args)
{
    const char *path = arg_text(args, "file");
    struct range range;
    bool is_new;

    if (!take_range(cli, args, &range)) {
        return false;
    }
    auto_volume struct viv_volume *volume = volume_find(cli, args, "pool");

    if (volume == NULL) {
        return false;
    }
    int fd = open_target(path, &is_new);

    if (fd < 0) {
        return cli_fail(cli, "cannot create %s", path);
    }
    auto_stream struct viv_stream *stream =
        viv_volume_download(volume, range.offset, range.length, range.flags, cli_error(cli));

    if (stream == NULL) {
        fd_close(&fd);
        (void)cli_fail(cli, "cannot download from volume %s", viv_volume_name(volume));
    } else if (!fill(cli, stream, fd, path)) {
        (void)cli_fail(cli, "cannot receive data from volume %s", viv_volume_name(volume));
    } else if (viv_stream_finish(stream, cli_error(cli)) != 0) {
        (void)cli_fail(cli, "cannot close volume %s", viv_volume_name(volume));
    } else {
        return true;
    }
    if (is_new) {
        (void)unlink(path);
    }
    return false;
}

/* Bytes up to `end`; false with a message, or with libviv's error. */
static bool send_bytes(struct cli *cli, struct viv_stream *stream, int fd, off_t end)
{
    g_autofree char *data = g_malloc(CHUNK);
    off_t at = lseek(fd, 0, SEEK_CUR);

    while (end < 0 || at < end) {
        ssize_t n = read(fd, data, end < 0 ? CHUNK : (size_t)MIN(end - at, CHUNK));

        if (n < 0 && errno != EINTR) {
            return cli_fail(cli, "cannot read: %s", g_strerror(errno));
        }
        if (n == 0) {
            return true;
        }
        if (n > 0 && viv_stream_send(stream, data, (size_t)n, cli_error(cli)) != 0) {
            return false;
        }
        at += n > 0 ? n : 0;
    }
    return true;
}

/* A hole, then the bytes behind it, over and over. */
static bool send_sparse(struct cli *cli, struct viv_stream *stream, int fd)
{
    off_t size = lseek(fd, 0, SEEK_END), at = 0;

    while (at < size) {
        off_t data = lseek(fd, at, SEEK_DATA);

        data = data >= 0 ? data : size;
        off_t hole = data < size ? lseek(fd, data, SEEK_HOLE) : size;

        if (viv_stream_send_hole(stream, data - at, cli_error(cli)) != 0 ||
            (data < size &&
             (lseek(fd, data, SEEK_SET) < 0 || !send_bytes(cli, stream, fd, hole)))) {
            return false;
        }
        at = hole > data ? hole : size;
    }
    return true;
}

static bool run_upload(struct cli *cli, const struct arguments *args)
{
    const char *path = arg_text(args, "file");
    struct range range;

    if (!take_range(cli, args, &range)) {
        return false;
    }
    auto_volume struct viv_volume *volume = volume_find(cli, args, "pool");
    auto_fd int fd = volume != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;

    if (fd < 0) {
        return volume != NULL && cli_fail(cli, "cannot read %s", path);
    }
    auto_stream struct viv_stream *stream =
        viv_volume_upload(volume, range.offset, range.length, range.flags, cli_error(cli));

    if (stream == NULL) {
        return cli_fail(cli, "cannot upload to volume %s", viv_volume_name(volume));
    }
    bool sparse = (range.flags & VIV_TRANSFER_SPARSE) != 0 && lseek(fd, 0, SEEK_END) >= 0;

    if (!(sparse ? send_sparse(cli, stream, fd) : send_bytes(cli, stream, fd, -1))) {
        return cli_fail(cli, "cannot send data to volume %s", viv_volume_name(volume));
    }
    return viv_stream_finish(stream, cli_error(cli)) == 0 ||
           cli_fail(cli, "cannot close volume %s", viv_volume_name(volume));
}

const struct verb stream_verbs[] = {
    {"console", run_console},
    {"screenshot", run_screenshot},
    {"vol-download", run_download},
    {"vol-upload", run_upload},
    {NULL},
};
