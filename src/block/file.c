/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* file and host_device: the bytes of a file or of a host's disk. */
#include "base/bits.h"
#include "base/cleanup.h"
#include "block/driver.h"
#include "block/file-lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define MAX_ALIGN 4096
#define FILL_SIZE (1u << 20)

struct file_disk {
    int fd;
    bool direct;
    bool is_device;
    struct file_lock lock; /* loop */
    int flush_failed;      /* atomic: written data may be lost, never report success again */
    int no_zero_range;     /* atomic: the file system has no such thing */
    int no_punch;          /* atomic */
};

static const struct block_option options[] = {
    {"filename", BLOCK_OPT_STRING, "path of the file; /dev/fdset/N: a member of an add-fd set",
     NULL},
    {"aio", BLOCK_OPT_STRING, "threads, native or io_uring", "io_uring where possible"},
    {"locking", BLOCK_OPT_STRING, "on, off or auto: lock bytes against a second writer", "auto"},
    {NULL},
};

static const struct block_option create_options[] = {
    {"size", BLOCK_OPT_SIZE, "Virtual disk size", NULL},
    {"preallocation", BLOCK_OPT_STRING, "Preallocation mode (allowed values: off, falloc, full)",
     "off"},
    {NULL},
};

/* ---- opening ---- */

static int open_fd(struct block_node *node, const char *path, GError **error)
{
    int flags = node->flags & BLOCK_O_RDWR ? O_RDWR : O_RDONLY;
    int direct = node->flags & BLOCK_O_DIRECT ? O_DIRECT : 0;
    int fd = block_open_path(node->graph, path, flags | direct);

    if ((fd == -EACCES || fd == -EROFS || fd == -EPERM) && (node->flags & BLOCK_O_AUTO_RDONLY)) {
        int ro = block_open_path(node->graph, path, O_RDONLY | direct);

        if (ro >= 0) {
            node->flags &= ~(unsigned)BLOCK_O_RDWR;
            fd = ro;
        }
    }
    if (fd == -EINVAL && direct != 0) {
        g_set_error(error, BLOCK_ERROR, EINVAL,
                    "Could not open '%s': file system may not support O_DIRECT", path);
    } else if (fd < 0) {
        g_set_error(error, BLOCK_ERROR, -fd, "Could not open '%s': %s", path, g_strerror(-fd));
    }
    return fd;
}

static int check_type(struct block_node *node, int fd, const char *path, bool device,
                      GError **error)
{
    struct stat st;

    if (fstat(fd, &st) < 0) {
        g_set_error(error, BLOCK_ERROR, errno, "Could not stat '%s': %s", path, g_strerror(errno));
        return -EIO;
    }
    if (!device && !S_ISREG(st.st_mode)) {
        g_set_error(error, BLOCK_ERROR, EINVAL, "'%s' driver requires '%s' to be a regular file",
                    node->driver->name, path);
        return -EINVAL;
    }
    if (device && !S_ISBLK(st.st_mode) && !S_ISCHR(st.st_mode)) {
        g_set_error(error, BLOCK_ERROR, EINVAL,
                    "'%s' driver requires '%s' to be either a character or block device",
                    node->driver->name, path);
        return -EINVAL;
    }
    return 0;
}

static bool read_works(int fd, uint8_t *buf, size_t len)
{
    ssize_t r;

    do {
        r = pread(fd, buf, len, 0);
    } while (r < 0 && errno == EINTR);
    return r >= 0 || errno != EINVAL;
}

/* The smallest lengths and addresses that direct I/O takes here, found by trying. */
static void probe_align(struct block_node *node)
{
    struct file_disk *disk = node->state;
    uint8_t *buf = aligned_alloc(MAX_ALIGN, 2 * MAX_ALIGN);

    node->align = MAX_ALIGN;
    node->mem_align = MAX_ALIGN;
    for (unsigned align = BLOCK_SECTOR; buf != NULL && align < MAX_ALIGN; align *= 2) {
        if (read_works(disk->fd, buf, align)) {
            node->align = align;
            break;
        }
    }
    for (unsigned align = BLOCK_SECTOR; buf != NULL && align < MAX_ALIGN; align *= 2) {
        if (read_works(disk->fd, buf + align, MAX_ALIGN)) {
            node->mem_align = align;
            break;
        }
    }
    free(buf);
}

static bool parse_aio(struct block_node *node, json_object *opts, GError **error)
{
    const char *aio = block_opt_string(opts, "aio", NULL);

    if (aio == NULL || strcmp(aio, "io_uring") == 0) {
        return true;
    }
    if (strcmp(aio, "native") == 0) {
        if (!(node->flags & BLOCK_O_DIRECT)) {
            g_set_error(error, BLOCK_ERROR, EINVAL,
                        "aio=native was specified, but it requires "
                        "cache.direct=on, which was not specified.");
            return false;
        }
        return true;
    }
    if (strcmp(aio, "threads") != 0) {
        g_set_error(error, BLOCK_ERROR, EINVAL, "invalid AIO option");
        return false;
    }
    node->flags |= BLOCK_O_NO_URING;
    return true;
}

static bool parse_locking(struct block_node *node, json_object *opts, GError **error)
{
    struct file_disk *disk = node->state;
    const char *locking = block_opt_string(opts, "locking", "auto");

    disk->lock.on = strcmp(locking, "off") != 0;
    disk->lock.required = strcmp(locking, "on") == 0;
    if (disk->lock.on && !disk->lock.required && strcmp(locking, "auto") != 0) {
        g_set_error(error, BLOCK_ERROR, EINVAL, "Invalid parameter '%s' for locking", locking);
        return false;
    }
    return true;
}

static int open_path(struct block_node *node, json_object *opts, bool device, GError **error)
{
    struct file_disk *disk = node->state;
    const char *path = block_opt_string(opts, "filename", NULL);
    auto_fd int fd = -1;
    int r;

    if (path == NULL) {
        g_set_error(error, BLOCK_ERROR, EINVAL, "The '%s' block driver requires a file name",
                    node->driver->name);
        return -EINVAL;
    }
    if (!parse_aio(node, opts, error) || !parse_locking(node, opts, error)) {
        return -EINVAL;
    }
    fd = open_fd(node, path, error);
    if (fd < 0) {
        return fd;
    }
    r = check_type(node, fd, path, device, error);
    if (r < 0) {
        return r;
    }
    disk->fd = fd_steal(&fd);
    disk->lock.fd = disk->fd;
    disk->is_device = device;
    disk->direct = (node->flags & BLOCK_O_DIRECT) != 0;
    node->filename = g_strdup(path);
    if (disk->direct) {
        probe_align(node);
    }
    return 0;
}

static int file_open(struct block_node *node, json_object *opts, GError **error)
{
    return open_path(node, opts, false, error);
}

static int device_open(struct block_node *node, json_object *opts, GError **error)
{
    return open_path(node, opts, true, error);
}

static void file_close(struct block_node *node)
{
    struct file_disk *disk = node->state;

    fd_close(&disk->fd);
}

static int file_set_perm(struct block_node *node, unsigned perm, unsigned shared, GError **error)
{
    struct file_disk *disk = node->state;

    return file_lock_set(&disk->lock, perm, shared, node->filename, error);
}

/* ---- reading and writing ---- */

/* The iovec of a slice, cut to `len` bytes; at most IOV_MAX entries. Returns the bytes it holds. */
static uint64_t cut(struct block_vec vec, uint64_t len, struct iovec *to, int *ret_n)
{
    uint64_t total = 0;
    int n = 0;

    for (int i = 0; i < vec.niov && total < len && n < IOV_MAX; i++) {
        size_t have = vec.iov[i].iov_len;

        if (vec.skip >= have) {
            vec.skip -= have;
            continue;
        }
        to[n].iov_base = (uint8_t *)vec.iov[i].iov_base + vec.skip;
        to[n].iov_len = MIN(have - vec.skip, len - total);
        vec.skip = 0;
        total += to[n++].iov_len;
    }
    *ret_n = n;
    return total;
}

typedef ssize_t (*transfer_fn)(int fd, const struct iovec *iov, int n, off_t offset, int flags);

static int transfer_pieces(int fd, transfer_fn fn, uint64_t offset, uint64_t len,
                           struct block_vec vec, struct iovec *iov, int flags, uint64_t *ret_done)
{
    uint64_t done = 0;

    while (done < len) {
        int n;
        uint64_t have = cut(block_vec_at(vec, done), len - done, iov, &n);
        ssize_t r = fn(fd, iov, n, (off_t)(offset + done), flags);

        g_assert(have > 0);
        if (r < 0 && errno == EINTR) {
            continue;
        }
        if (r < 0) {
            return -errno;
        }
        if (r == 0) {
            break;
        }
        done += (uint64_t)r;
    }
    *ret_done = done;
    return 0;
}

/* Moves `len` bytes; *ret_done is less than that only at the file's end. */
static int transfer(int fd, transfer_fn fn, uint64_t offset, uint64_t len, struct block_vec vec,
                    int flags, uint64_t *ret_done)
{
    struct iovec local[16];
    struct iovec *iov = vec.niov <= 16 ? local : g_new(struct iovec, MIN(vec.niov, IOV_MAX));
    int r = transfer_pieces(fd, fn, offset, len, vec, iov, flags, ret_done);

    if (iov != local) {
        g_free(iov);
    }
    return r;
}

static bool vec_aligned(struct block_vec vec, unsigned align)
{
    uintptr_t bits = vec.skip;

    for (int i = 0; i < vec.niov; i++) {
        bits |= (uintptr_t)vec.iov[i].iov_base | vec.iov[i].iov_len;
    }
    return (bits & (align - 1)) == 0;
}

static int read_at(struct file_disk *disk, uint64_t offset, uint64_t len, struct block_vec vec)
{
    uint64_t done = 0;
    int r = transfer(disk->fd, preadv2, offset, len, vec, 0, &done);

    if (r < 0) {
        return r;
    }
    block_vec_zero(block_vec_at(vec, done), len - done);
    return 0;
}

static int write_at(struct file_disk *disk, uint64_t offset, uint64_t len, struct block_vec vec,
                    unsigned flags)
{
    uint64_t done = 0;
    int r = transfer(disk->fd, pwritev2, offset, len, vec, flags & BLOCK_REQ_FUA ? RWF_DSYNC : 0,
                     &done);

    return r == 0 && done < len ? -ENOSPC : r;
}

static int bounced(struct block_node *node, bool write, uint64_t offset, uint64_t len,
                   struct block_vec vec, unsigned flags)
{
    struct file_disk *disk = node->state;
    uint8_t *buf = aligned_alloc(MAX_ALIGN, align_up(len, MAX_ALIGN));
    struct iovec iov = {buf, len};
    struct block_vec flat = {&iov, 1, 0};
    int r;

    if (buf == NULL) {
        return -ENOMEM;
    }
    if (write) {
        block_vec_to_buf(vec, buf, len);
        r = write_at(disk, offset, len, flat, flags);
    } else {
        r = read_at(disk, offset, len, flat);
        if (r == 0) {
            block_vec_from_buf(vec, buf, len);
        }
    }
    free(buf);
    return r;
}

static int file_preadv(struct block_node *node, uint64_t offset, uint64_t len, struct block_vec vec)
{
    struct file_disk *disk = node->state;

    if (disk->direct && !vec_aligned(vec, node->mem_align)) {
        return bounced(node, false, offset, len, vec, 0);
    }
    return read_at(disk, offset, len, vec);
}

static int file_pwritev(struct block_node *node, uint64_t offset, uint64_t len,
                        struct block_vec vec, unsigned flags)
{
    struct file_disk *disk = node->state;

    if (node->flags & BLOCK_O_NO_FLUSH) {
        flags &= ~(unsigned)BLOCK_REQ_FUA;
    }
    if (disk->direct && !vec_aligned(vec, node->mem_align)) {
        return bounced(node, true, offset, len, vec, flags);
    }
    return write_at(disk, offset, len, vec, flags);
}

static int file_flush(struct block_node *node)
{
    struct file_disk *disk = node->state;

    if (node->flags & BLOCK_O_NO_FLUSH) {
        return 0;
    }
    if (g_atomic_int_get(&disk->flush_failed)) {
        return -EIO;
    }
    if (fdatasync(disk->fd) < 0) {
        int r = -errno;

        /* The kernel may have dropped the pages: a later success would be a lie. */
        if (!disk->direct) {
            g_atomic_int_set(&disk->flush_failed, 1);
        }
        return r;
    }
    return 0;
}

/* ---- zeroes, holes and length ---- */

static int try_fallocate(struct file_disk *disk, int mode, uint64_t offset, uint64_t len,
                         int *without)
{
    int r;

    if (g_atomic_int_get(without)) {
        return -ENOTSUP;
    }
    do {
        r = fallocate(disk->fd, mode, (off_t)offset, (off_t)len) < 0 ? -errno : 0;
    } while (r == -EINTR);
    if (r == -EOPNOTSUPP || r == -ENOSYS || r == -ENODEV || r == -ENOTTY) {
        g_atomic_int_set(without, 1);
        r = -ENOTSUP;
    }
    return r;
}

static int punch(struct file_disk *disk, uint64_t offset, uint64_t len)
{
    return try_fallocate(disk, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, len,
                         &disk->no_punch);
}

static int file_discard(struct block_node *node, uint64_t offset, uint64_t len)
{
    return punch(node->state, offset, len);
}

static int64_t file_length(struct block_node *node)
{
    const struct file_disk *disk = node->state;
    struct stat st;

    if (disk->is_device) {
        off_t end = lseek(disk->fd, 0, SEEK_END);

        return end < 0 ? -errno : end;
    }
    return fstat(disk->fd, &st) < 0 ? -errno : st.st_size;
}

static int file_pwrite_zeroes(struct block_node *node, uint64_t offset, uint64_t len,
                              unsigned flags)
{
    struct file_disk *disk = node->state;
    int64_t length = file_length(node);
    int r = -ENOTSUP;

    if (length < 0) {
        return (int)length;
    }
    if ((flags & BLOCK_REQ_UNMAP) && offset + len <= (uint64_t)length) {
        r = punch(disk, offset, len);
    }
    if (r == -ENOTSUP) {
        r = try_fallocate(disk, FALLOC_FL_ZERO_RANGE, offset, len, &disk->no_zero_range);
    }
    if (r == -ENOTSUP && !disk->is_device && offset + len <= (uint64_t)length) {
        r = punch(disk, offset, len);
    }
    if (r == -ENOTSUP && !disk->is_device && offset >= (uint64_t)length) {
        r = fallocate(disk->fd, 0, (off_t)offset, (off_t)len) < 0 ? -ENOTSUP : 0;
    }
    return r == 0 && (flags & BLOCK_REQ_FUA) ? file_flush(node) : r;
}

static int fill(int fd, uint64_t from, uint64_t to)
{
    g_autofree uint8_t *zeroes = g_malloc0(FILL_SIZE);

    while (from < to) {
        ssize_t r = pwrite(fd, zeroes, MIN(to - from, FILL_SIZE), (off_t)from);

        if (r < 0 && errno != EINTR) {
            return -errno;
        }
        from += r > 0 ? (uint64_t)r : 0;
    }
    return fdatasync(fd) < 0 ? -errno : 0;
}

/* Sets a regular file's length; what is new is filled as `prealloc` says. */
static int resize_fd(int fd, uint64_t from, uint64_t to, enum block_prealloc prealloc,
                     GError **error)
{
    int r = 0;

    if (to < from && prealloc != BLOCK_PREALLOC_OFF) {
        g_set_error(error, BLOCK_ERROR, ENOTSUP, "Preallocation can't be used for shrinking files");
        return -ENOTSUP;
    }
    switch (prealloc) {
    case BLOCK_PREALLOC_OFF: r = ftruncate(fd, (off_t)to) < 0 ? -errno : 0; break;
    case BLOCK_PREALLOC_FALLOC:
        r = to > from ? -posix_fallocate(fd, (off_t)from, (off_t)(to - from)) : 0;
        break;
    case BLOCK_PREALLOC_FULL: r = fill(fd, from, to); break;
    default:
        g_set_error(error, BLOCK_ERROR, ENOTSUP, "Unsupported preallocation mode 'metadata'");
        return -ENOTSUP;
    }
    if (r < 0) {
        g_set_error(error, BLOCK_ERROR, -r, "Could not resize file: %s", g_strerror(-r));
        if (to > from && ftruncate(fd, (off_t)from) < 0) {
            g_debug("could not undo the growth: %s", g_strerror(errno));
        }
    }
    return r;
}

static int file_truncate(struct block_node *node, uint64_t length, enum block_prealloc prealloc,
                         GError **error)
{
    struct file_disk *disk = node->state;
    int64_t now = file_length(node);

    if (now < 0) {
        g_set_error(error, BLOCK_ERROR, (int)-now, "Could not get the file's size: %s",
                    g_strerror((int)-now));
        return (int)now;
    }
    if (disk->is_device) {
        if (length > (uint64_t)now || prealloc != BLOCK_PREALLOC_OFF) {
            g_set_error(error, BLOCK_ERROR, ENOTSUP, "Cannot grow device files");
            return -ENOTSUP;
        }
        return 0;
    }
    return resize_fd(disk->fd, (uint64_t)now, length, prealloc, error);
}

static int file_status(struct block_node *node, uint64_t offset, uint64_t len, uint64_t *ret_len,
                       uint64_t *ret_map, struct block_node **ret_file)
{
    struct file_disk *disk = node->state;
    off_t data = lseek(disk->fd, (off_t)offset, SEEK_DATA), hole;

    *ret_map = offset;
    *ret_file = node;
    *ret_len = len;
    if (data > (off_t)offset) {
        *ret_len = MIN(len, (uint64_t)data - offset);
        return BLOCK_STATUS_ZERO | BLOCK_STATUS_OFFSET | BLOCK_STATUS_ALLOCATED;
    }
    if (data < 0) {
        unsigned what = errno == ENXIO && !disk->is_device ? BLOCK_STATUS_ZERO : BLOCK_STATUS_DATA;

        return (int)(what | BLOCK_STATUS_OFFSET | BLOCK_STATUS_ALLOCATED);
    }
    hole = lseek(disk->fd, (off_t)offset, SEEK_HOLE);
    if (hole > (off_t)offset) {
        *ret_len = MIN(len, (uint64_t)hole - offset);
    }
    return BLOCK_STATUS_DATA | BLOCK_STATUS_OFFSET | BLOCK_STATUS_ALLOCATED;
}

static int file_info(struct block_node *node, struct block_info *ret_info)
{
    const struct file_disk *disk = node->state;
    struct stat st;

    if (fstat(disk->fd, &st) < 0) {
        return -errno;
    }
    ret_info->allocated = (int64_t)st.st_blocks * 512;
    return 0;
}

static int file_map_fast(struct block_node *node, bool write, uint64_t offset, uint64_t len,
                         struct block_fast *ret_fast)
{
    const struct file_disk *disk = node->state;

    if ((node->flags & BLOCK_O_NO_URING) || ((offset | len) & (node->align - 1)) != 0) {
        return -EAGAIN;
    }
    *ret_fast = (struct block_fast){.fd = disk->fd, .offset = offset, .mem_align = node->mem_align};
    return 0;
}

/* ---- creating ---- */

static bool parse_prealloc(json_object *opts, enum block_prealloc *ret, GError **error)
{
    const char *text = block_opt_string(opts, "preallocation", "off");

    if (strcmp(text, "off") == 0) {
        *ret = BLOCK_PREALLOC_OFF;
    } else if (strcmp(text, "falloc") == 0) {
        *ret = BLOCK_PREALLOC_FALLOC;
    } else if (strcmp(text, "full") == 0) {
        *ret = BLOCK_PREALLOC_FULL;
    } else {
        g_set_error(error, BLOCK_ERROR, EINVAL, "Invalid parameter '%s'", text);
        return false;
    }
    return true;
}

static int file_create(const struct block_create *create, GError **error)
{
    enum block_prealloc prealloc;
    const char *path = create->filename;
    auto_fd int fd = -1;
    struct file_lock lock = {.on = true};
    int r;

    if (!parse_prealloc(create->options, &prealloc, error)) {
        return -EINVAL;
    }
    if (g_str_has_prefix(path, "file:")) {
        path += 5;
    }
    fd = block_open_path(create->graph, path, O_RDWR | O_CREAT);
    if (fd < 0) {
        g_set_error(error, BLOCK_ERROR, -fd, "Could not create '%s': %s", path, g_strerror(-fd));
        return fd;
    }
    lock.fd = fd;
    r = file_lock_set(&lock, BLOCK_PERM_WRITE | BLOCK_PERM_RESIZE,
                      BLOCK_PERM_ALL & ~(unsigned)BLOCK_PERM_RESIZE, path, error);
    if (r < 0) {
        return r;
    }
    if (ftruncate(fd, 0) < 0) {
        r = -errno;
        g_set_error(error, BLOCK_ERROR, -r, "Could not resize file: %s", g_strerror(-r));
        return r;
    }
    return resize_fd(fd, 0, create->length, prealloc, error);
}

const struct block_driver block_file_driver = {
    .name = "file",
    .help = "a file of the host",
    .kind = BLOCK_PROTOCOL,
    .state_size = sizeof(struct file_disk),
    .options = options,
    .create_options = create_options,
    .open = file_open,
    .close = file_close,
    .preadv = file_preadv,
    .pwritev = file_pwritev,
    .pwrite_zeroes = file_pwrite_zeroes,
    .discard = file_discard,
    .flush = file_flush,
    .length = file_length,
    .truncate = file_truncate,
    .status = file_status,
    .info = file_info,
    .set_perm = file_set_perm,
    .map_fast = file_map_fast,
    .create = file_create,
};

const struct block_driver block_host_device_driver = {
    .name = "host_device",
    .help = "a disk or partition of the host",
    .kind = BLOCK_PROTOCOL,
    .state_size = sizeof(struct file_disk),
    .options = options,
    .open = device_open,
    .close = file_close,
    .preadv = file_preadv,
    .pwritev = file_pwritev,
    .pwrite_zeroes = file_pwrite_zeroes,
    .discard = file_discard,
    .flush = file_flush,
    .length = file_length,
    .truncate = file_truncate,
    .status = file_status,
    .info = file_info,
    .set_perm = file_set_perm,
    .map_fast = file_map_fast,
};
